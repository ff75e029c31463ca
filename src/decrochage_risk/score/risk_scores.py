"""The result of scoring: what is said of every pupil, and what is made of it (files, changes since an earlier day)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk.score.scored_pupils import ScoredPupils

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.score.changes import Changes

__all__ = ["RiskScores"]


class RiskScores(ScoredPupils):
    """One result per pupil of the records, in their order.

    Attributes
    ----------
    frame : DataFrame
        One row per pupil: ``pupil_id``, ``level`` and school (those of the last known enrolment when ``enrolled``, which
        says whether one is open that day, is False), ``risk`` (NaN = not scored, see ``cause``), ``risk_low``,
        ``risk_high``, ``tier``, ``flagged``, ``flag_rule``, comparable pupils, data, explanation; ``model_id`` and
        ``demo`` (trained on synthetic pupils).
    reasons : DataFrame
        One row per reason, in the order told.
    contributions : DataFrame
        Calibrated log-odds per family, indexed by ``pupil_id``; with ``base`` they sum to the log-odds of the risk.
        NaN for pupils who were not explained.
    features : DataFrame
        Values of every feature, indexed by ``pupil_id``; NaN = not known, or refused.
    run : RunFacts
        What the run rests on.
    """

    def since(self, previous: RiskScores) -> Changes:
        """Compare with scores of an earlier day (or of the same day, before a correction of the records).

        Gives one change per pupil of either day, with reasons for those to be looked at, or explained, on one of them.
        Raises :class:`RecordsError` when ``previous`` are not scores, or those of a later day.
        """
        from decrochage_risk.score.changes import changes_between  # noqa: PLC0415 - explain's changes load on first use

        return changes_between(self, previous)

    def write(self, folder: str | Path) -> list[Path]:
        """Write Parquet tables, and one CSV list per school that Excel opens in France.

        Returns
        -------
        list of Path
            Files written.
        """
        from decrochage_risk.score.writing import write_scores  # noqa: PLC0415 - pyarrow loads on first use

        # Tables made anew: frames that were handed out may have been edited since.
        return write_scores(type(self)(self._results, self.run, self._policy, self._model), folder)

    def _repr_html_(self) -> str:
        from decrochage_risk.score.writing import html_table  # noqa: PLC0415 - only in notebooks

        return html_table(self)
