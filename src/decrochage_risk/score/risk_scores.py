"""The scores of a set of pupils: as tables, as objects, as files."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain import Reason
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.policy import tier_precision
from decrochage_risk.score.comparable_words import comparable_of
from decrochage_risk.score.opening_facts import OpeningFacts
from decrochage_risk.score.pupil_risk import DataFacts, Interval, PupilRisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.policy import Measure, Policy, TierPrecision
    from decrochage_risk.score.changes import Changes
    from decrochage_risk.score.results import Results
    from decrochage_risk.score.run_facts import RunFacts

__all__ = ["RiskScores"]

_TOLD_COLUMNS = (
    *(
        "pupil_id",
        "level",
        "cause",
        "days_of_data",
        "set_aside",
        "age_years",
        "risk",
        "risk_low",
        "risk_high",
    ),
    *("comparable_pupils", "comparable_left", "comparable_share", "comparable_low", "comparable_high"),
    *("tier", "flagged", "flag_rule", "explained", "explanation_cause", "reference_risk", "other_points"),
)
"""Columns of the frame that the result of a pupil is made of."""


class RiskScores:
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

    def __init__(self, results: Results, run: RunFacts, policy: Policy, model: TrainedModel) -> None:
        self.run = run
        self._results = results
        self._policy = policy
        self._model = model
        self._opening_facts = OpeningFacts(results.known)

    @cached_property
    def frame(self) -> pd.DataFrame:  # noqa: D102 - described with the class
        return self._results.frame()

    @cached_property
    def reasons(self) -> pd.DataFrame:  # noqa: D102 - described with the class
        return self._results.reasons_frame()

    @cached_property
    def contributions(self) -> pd.DataFrame:  # noqa: D102 - described with the class
        return self._results.contributions_frame()

    @cached_property
    def features(self) -> pd.DataFrame:  # noqa: D102 - described with the class
        return self._results.features_frame()

    def __len__(self) -> int:
        return len(self._results.pupil_ids)

    def __repr__(self) -> str:
        return f"<RiskScores au {self.run.as_of.isoformat()}: {self.summary}>"

    @property
    def method(self) -> tuple[str, int]:
        """What gave the scores, ``"trees"`` or ``"logistic"``, and how many of them are averaged."""
        options = self._model.risk_model.options
        return options.kind, options.members

    @property
    def summary(self) -> str:
        """Counts, in French; says when the model is the demonstration one, or the thresholds were not in force."""
        columns = self._results.columns
        scored = int((~np.isnan(columns["risk"])).sum())
        return self.run.summary(len(self), scored, int(columns["flagged"].sum()))

    @property
    def flagged(self) -> pd.DataFrame:
        """Rows of ``frame`` whose situation is to be looked at, by school, class and id: never ranked by risk."""
        found = self.frame[self.frame["flagged"]]
        return found.sort_values(["school_id", "class_id", "pupil_id"], kind="stable", na_position="last")

    def __iter__(self) -> Iterator[PupilRisk]:
        return (self._pupil(row) for row in range(len(self)))

    def __contains__(self, pupil_id: object) -> bool:
        return pupil_id in self._position

    def __getitem__(self, pupil_id: str) -> PupilRisk:
        return self._pupil(self._position_of(pupil_id))

    def _position_of(self, pupil_id: str) -> int:
        if not isinstance(pupil_id, str) or pupil_id not in self._position:
            raise RecordsError(
                explain_error(
                    f"No pupil {pupil_id!r} among the {len(self)} scored",
                    expected="an id of the pupils table",
                    hint="Ids are compared letter by letter; see scores.frame['pupil_id'].",
                )
            )
        return self._position[pupil_id]

    @cached_property
    def _position(self) -> dict[str, int]:
        return {pupil: row for row, pupil in enumerate(self._results.pupil_ids.tolist())}

    @cached_property
    def _cells(self) -> dict[str, list[Any]]:
        """Columns as lists of Python values, None for NaN."""
        return {name: _python_values(self._results.columns[name]) for name in _TOLD_COLUMNS}

    def _pupil(self, position: int) -> PupilRisk:
        row = {name: cells[position] for name, cells in self._cells.items()}
        reasons = (
            [Reason(**told) for told in self._results.reasons_of(position)] if row["explained"] else None
        )
        risk = row["risk"]
        return PupilRisk(
            pupil_id=row["pupil_id"],
            as_of=self.run.as_of,
            level=row["level"],
            risk=risk,
            cause=row["cause"],
            interval=None if risk is None else Interval(low=row["risk_low"], high=row["risk_high"]),
            comparable=None if risk is None else comparable_of(row),
            reference_risk=row["reference_risk"],
            tier=row["tier"],
            tier_label=self._policy.tier_label(row["tier"]),
            flagged=row["flagged"],
            flag_rule=row["flag_rule"],
            tier_precision=self._tier_precision(row),
            reasons=None if reasons is None else _of_direction(reasons, "aggravating"),
            protective=None if reasons is None else _of_direction(reasons, "protective"),
            other_points=row["other_points"],
            explanation_cause=row["explanation_cause"],
            data=self._data(position, row),
            measures=self._measures(position),
            model=self.run.model,
            policy_version=self.run.policy_version,
        )

    def _tier_precision(self, row: dict[str, Any]) -> TierPrecision | None:
        if not row["tier"]:
            return None
        group = self._policy.table.group_of(row["level"])
        if (group.code, row["tier"]) not in self._precisions:
            found = tier_precision(self.run.held_out, group, row["tier"], synthetic=self.run.model.demo)
            self._precisions[group.code, row["tier"]] = found
        return self._precisions[group.code, row["tier"]]

    @cached_property
    def _precisions(self) -> dict[tuple[str, int], TierPrecision]:
        return {}

    def _data(self, position: int, row: dict[str, Any]) -> DataFacts:
        return DataFacts(
            sufficient=row["cause"] is None,
            days_of_data=row["days_of_data"],
            missing=self._results.missing(position),
            set_aside=row["set_aside"],
        )

    def measures(self, pupil_id: str) -> tuple[Measure, ...]:
        """Measures that the policy suggests for one pupil; never decided.

        Parameters
        ----------
        pupil_id : str
            A scored pupil.
        """
        return self._measures(self._position_of(pupil_id))

    def facts(self, pupil_id: str) -> dict[str, str]:
        """Every known feature of a pupil as a dated fact in French, by its name; empty when nothing may be read."""
        return self._opening_facts.worded(self._results.facts(self._position_of(pupil_id)))

    def _measures(self, position: int) -> tuple[Measure, ...]:
        cells = self._cells
        facts, told = self._opening_facts.of(position, self._results.facts(position))
        return self._policy.measures_for(
            level=cells["level"][position],
            age_years=cells["age_years"][position],
            as_of=self.run.as_of,
            tier=cells["tier"][position],
            facts=facts,
            told=told,
        )

    def explanation(self, pupil_id: str) -> Any:  # noqa: ANN401 - shap ships no types
        """Contributions of one pupil as a ``shap.Explanation``, in calibrated log-odds, for the plots of ``shap``.

        ``base_values`` is the log-odds of the reference pupil; with ``values`` it sums to those of the risk. Each feature
        is named by its fact, in French. The level, the pathway and the time of year, which have no part, are left out.

        Parameters
        ----------
        pupil_id : str
            A pupil with a risk, explained in the run or not.

        Raises
        ------
        RecordsError
            No such pupil, one without a risk, or contributions that do not add up to it.

        Examples
        --------
        ``shap.plots.waterfall(scores.explanation("a1"))``
        """
        from decrochage_risk.score.explanation import shap_explanation  # noqa: PLC0415 - shap loads on first use

        return shap_explanation(self._results, self._scored_position(pupil_id), self._model)

    def feature_weights(self, pupil_id: str) -> dict[str, float]:
        """Contribution of every feature that the model reads to one pupil's risk, in calibrated log-odds.

        Parameters
        ----------
        pupil_id : str
            A pupil with a risk, explained in the run or not.

        Raises
        ------
        RecordsError
            No such pupil, one without a risk, or contributions that do not add up to it.
        """
        from decrochage_risk.score.explanation import attribution_of  # noqa: PLC0415 - it needs what is above

        found, _ = attribution_of(self._results, self._scored_position(pupil_id), self._model)
        values = dict(zip(found.columns, found.contributions[0].tolist(), strict=True))
        return {name: value for name, value in values.items() if name in FEATURE_BY_NAME}

    def _scored_position(self, pupil_id: str) -> int:
        position = self._position_of(pupil_id)
        cause = self._results.columns["cause"][position]
        if cause is not None:
            raise RecordsError(
                explain_error(
                    f"Pupil {pupil_id!r} has no risk ({cause})",
                    expected="a pupil with a risk",
                    hint="scores.frame tells who has one, and why the others do not.",
                )
            )
        return position

    def since(self, previous: RiskScores) -> Changes:
        """Compare with scores of an earlier day (or of the same day, before a correction of the records).

        Gives one change per pupil of either day, with reasons for those to be looked at, or explained, on one of them.
        Raises :class:`RecordsError` when ``previous`` are not scores, or those of a later day.
        """
        from decrochage_risk.score.since import changes_between  # noqa: PLC0415 - it needs this module

        return changes_between(self, previous)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values: the run, then one object per pupil."""
        return {"run": self.run.to_dict(), "pupils": [pupil.model_dump(mode="json") for pupil in self]}

    def to_json(self, *, indent: int | None = None) -> str:
        """Everything as JSON text; the same scores give the same text."""
        import json  # noqa: PLC0415 - only needed here

        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def write(self, folder: str | Path) -> list[Path]:
        """Write Parquet tables, and one CSV list per school that Excel opens in France.

        Returns
        -------
        list of Path
            Files written.
        """
        from decrochage_risk.score.writing import write_scores  # noqa: PLC0415 - pyarrow loads on first use

        return write_scores(self, folder)

    def _repr_html_(self) -> str:
        from decrochage_risk.score.writing import html_table  # noqa: PLC0415 - only in notebooks

        return html_table(self)


def _python_values(column: npt.NDArray[Any]) -> list[Any]:
    if column.dtype.kind == "f":
        column = np.where(np.isnan(column), np.array(None, dtype=object), column)
    values: list[Any] = column.tolist()
    return values


def _of_direction(reasons: list[Reason], direction: str) -> tuple[Reason, ...]:
    return tuple(reason for reason in reasons if reason.direction == direction)
