"""The result of scoring: what is said of every pupil, and what is made of it (files, pages, changes since an earlier day).

In a notebook it shows itself in the same design as the pages, in a frame of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain.sentences import NO_REASON, fact_of
from decrochage_risk.pages import Cell, PageTable, render
from decrochage_risk.pages.rendering import embedded
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.score.scored_pupils import ScoredPupils

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.score.changes import Changes
    from decrochage_risk.score.pupil_risk import PupilRisk

__all__ = ["RiskScores", "show_scores"]

_ROWS_SHOWN = 20
_FACTS_SHOWN = 2


def _level(level: str | None) -> str:
    return LEVEL_BY_NAME[level].label if level else ""


def _estimates(pupil: PupilRisk) -> str:
    """Write the estimate; each with its horizon where there are two."""
    year = "" if pupil.risk is None else french.percent(pupil.risk, 1)
    if pupil.path is None or pupil.path.risk is None:
        return year
    return f"{year} (année), {french.percent(pupil.path.risk, 1)} (parcours)"


def show_scores(scores: ScoredPupils) -> str:
    """Show the first situations to be looked at, by school, class and id."""
    rows = []
    first = scores.flagged.head(_ROWS_SHOWN)
    for pupil_id, class_id in zip(first["pupil_id"], first["class_id"], strict=True):
        pupil = scores[pupil_id]
        facts = [fact_of(reason.text) for reason in (pupil.reasons or ())[:_FACTS_SHOWN]]
        # An empty tuple says explained, and no family stands out; None, not explained.
        if pupil.reasons == ():
            facts = [NO_REASON]
        rows.append(
            [
                pupil_id, _level(pupil.level), class_id if isinstance(class_id, str) else "",
                "" if pupil.risk is None else Cell(_estimates(pupil), pupil.risk),
                pupil.tier_label or "", " ; ".join(facts),
            ]
        )  # fmt: skip
    more = len(scores.flagged) - len(rows)
    table = PageTable.of(
        "Situations à examiner",
        ["Élève", "Niveau", "Classe", "Risque estimé", "Palier", "Premiers faits"],
        rows,
        note="par établissement, classe et identifiant, jamais par risque"
        + (f" ; et {french.plural(more, 'autre', 'autres')}" if more > 0 else ""),
        numeric=[3],
    )
    page = render(
        f"{__package__}/scores.html.j2",
        day=french.day(scores.run.as_of, with_year=True),
        summary=scores.summary,
        notice=scores.run.model.notice,
        table=table if rows else None,
    )
    return embedded(
        page, f"Scores au {scores.run.as_of.isoformat()} : {scores.summary}", height=520 if rows else 200
    )


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

    def write(
        self,
        folder: str | Path,
        *,
        despite_verdict: bool = False,
        excel: bool = False,
        group: bool = False,
    ) -> list[Path]:
        """Write Parquet tables, and CSV lists per school and way that Excel opens in France.

        Parameters
        ----------
        folder : str or Path
            A new or empty folder, or one that an earlier run wrote, which is replaced as a whole or not at all.
        despite_verdict : bool
            Write the list of the risk though the card of the model says not to issue one; the other lists always are.
        excel : bool
            Whether to write one workbook per school too, with a sheet that explains its columns.
        group : bool
            Whether the group of the folder may read it (0640 in 0750); its owner alone otherwise (0600 in 0700).

        Returns
        -------
        list of Path
            Files written.

        Raises
        ------
        RecordsError
            The folder holds anything that no run of ours wrote, another run holds it, or it cannot be written.
        """
        from decrochage_risk.score.writing import (  # noqa: PLC0415 - pyarrow loads on first use
            result_folder,
            write_scores,
        )

        # Tables made anew: frames that were handed out may have been edited since.
        own = type(self)(self._results, self.run, self._policy, self._model)
        with result_folder(folder, group=group) as result:
            paths = write_scores(own, result.draft, despite_verdict=despite_verdict)
            if excel:
                from decrochage_risk.score.workbooks import write_workbooks  # noqa: PLC0415 - XlsxWriter loads on first use

                paths += write_workbooks(own, result.draft, despite_verdict=despite_verdict)
        return result.final(paths)

    _report_writer: ClassVar[Callable[..., Path] | None] = None

    @classmethod
    def report_with(cls, writer: Callable[..., Path]) -> None:
        """Say what writes the pages of scores; ``decrochage_risk.report``, which stands above this package, does."""
        cls._report_writer = staticmethod(writer)

    def report(self, folder: str | Path, **choices: Any) -> Path:  # noqa: ANN401 - those of the writer
        """Write the pages that people look at: schools, class lists to print, pupils, notices, networks.

        Parameters
        ----------
        folder : str or Path
            A new or empty folder, or an earlier report, which is replaced as a whole.
        **choices
            As for :func:`decrochage_risk.write_report`: ``names``, ``since``, ``notices``, ``contact``, ``sources``,
            ``networks``, ``model``, ``progress``.

        Returns
        -------
        Path
            The index page.

        Raises
        ------
        RecordsError
            A folder that holds something else, or that cannot be written; pages that were never loaded.
        """
        if self._report_writer is None:
            raise RecordsError(
                explain_error(
                    "Nothing that writes pages is loaded",
                    expected="decrochage_risk, the public door, which loads it with score_pupils",
                    hint="import decrochage_risk.report",
                )
            )
        return self._report_writer(self, folder, **choices)

    def _repr_html_(self) -> str:

        return show_scores(self)
