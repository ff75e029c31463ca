"""The scores of a set of pupils: as tables, as objects, as files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain import Reason
from decrochage_risk.features import CONTEXT_COLUMNS
from decrochage_risk.model import DEFAULT_CLOSES
from decrochage_risk.policy import tier_precision
from decrochage_risk.score.demo_model import DEMO_NOTICE
from decrochage_risk.score.opening_facts import OpeningFacts
from decrochage_risk.score.pupil_risk import Comparable, DataFacts, Interval, ModelFacts, PupilRisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    import pandas as pd

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.policy import Measure, Policy, TierPrecision
    from decrochage_risk.records.known import KnownRecords
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["RiskScores", "RunFacts"]

_ONE_PERCENT = 0.01


@dataclass(frozen=True)
class RunFacts:
    """What a run rests on: model, policy, calendar, day, and the faults of the records.

    Attributes
    ----------
    as_of : date
    model : ModelFacts
    policy_version, calendar_version : str
    policy_in_force : bool
        Whether the thresholds were in force on the as-of date; the summary says so when they were not.
    faults : dict of str to int
        Count of each fault of the records, "severity table rule".
    outcome_closes : tuple of int
        Month and day on which the outcome closes.
    held_out : dict
        Counts of held-out pupils that the model keeps (``TrainedModel.held_out``).
    """

    as_of: date
    model: ModelFacts
    policy_version: str
    policy_in_force: bool
    calendar_version: str
    faults: dict[str, int]
    outcome_closes: tuple[int, int] = DEFAULT_CLOSES
    held_out: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: TrainedModel, policy: Policy, known: KnownRecords, records: PupilRecords) -> RunFacts:
        """Gather the facts of one run."""
        counted = {
            f"{severity} {table} {rule}": count
            for severity, report in (("error", records.faults.errors), ("warning", records.faults.warnings))
            for (table, rule), count in report.counts.items()
        }
        facts = ModelFacts(
            id=model.model_id,
            sha256=model.sha256,
            trained_on=tuple(model.trained_on["school_years"]),
            demo=model.demo,
            notice=DEMO_NOTICE if model.demo else None,
        )
        return cls(
            as_of=known.as_of,
            model=facts,
            policy_version=policy.version,
            policy_in_force=policy.in_force(known.as_of),
            calendar_version=known.calendar.version,
            faults=counted,
            outcome_closes=tuple(model.trained_on.get("outcome_closes", DEFAULT_CLOSES)),
            held_out=model.held_out,
        )

    def to_dict(self) -> dict[str, Any]:
        """Facts as JSON values."""
        return {
            "as_of": self.as_of.isoformat(),
            "model": self.model.model_dump(mode="json"),
            "policy_version": self.policy_version,
            "policy_in_force": self.policy_in_force,
            "calendar_version": self.calendar_version,
            "faults": self.faults,
        }


class RiskScores:
    """One result per pupil of the records, in their order.

    Attributes
    ----------
    frame : DataFrame
        One row per pupil: ``pupil_id``, ``level``, ``risk`` (NaN = not scored, see ``cause``), ``risk_low``,
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

    def __init__(
        self,
        frame: pd.DataFrame,
        reasons: pd.DataFrame,
        contributions: pd.DataFrame,
        features: pd.DataFrame,
        run: RunFacts,
        policy: Policy,
        known: KnownRecords | None = None,
    ) -> None:
        self.frame = frame
        self.reasons = reasons
        self.contributions = contributions
        self.features = features
        self.run = run
        self._policy = policy
        self._opening_facts = OpeningFacts(known)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"<RiskScores au {self.run.as_of.isoformat()}: {self.summary}>"

    @property
    def summary(self) -> str:
        """Counts, in French; says when the model is the demonstration one, or the thresholds were not in force."""
        scored = int(self.frame["risk"].notna().sum())
        flagged = int(self.frame["flagged"].sum())
        told = (
            f"{french.plural(len(self), 'élève')}, {french.plural(scored, 'score')}, "
            f"{french.plural(flagged, 'situation à examiner', 'situations à examiner')}, "
            f"{french.plural(len(self) - scored, 'élève sans score', 'élèves sans score')}"
        )
        caveats = [] if self.run.policy_in_force else ["seuils qui n'étaient pas en vigueur à cette date"]
        caveats += ["modèle de démonstration"] if self.run.model.demo else []
        return f"{told} ({', '.join(caveats)})" if caveats else told

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
        if pupil_id not in self._position:
            raise RecordsError(
                explain_error(
                    f"No pupil {pupil_id!r} among the {len(self)} scored",
                    expected="an id of the pupils table",
                    hint="Ids are compared letter by letter; see scores.frame['pupil_id'].",
                )
            )
        return self._pupil(self._position[pupil_id])

    @cached_property
    def _position(self) -> dict[str, int]:
        return {pupil: row for row, pupil in enumerate(self.frame["pupil_id"])}

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return _records_of(self.frame.astype(object).where(self.frame.notna(), None))

    @cached_property
    def _reasons_of(self) -> dict[str, list[Reason]]:
        found: dict[str, list[Reason]] = {}
        for row in _records_of(self.reasons.drop(columns="position")):
            pupil = row.pop("pupil_id")
            found.setdefault(pupil, []).append(Reason(**row))
        return found

    def _pupil(self, position: int) -> PupilRisk:
        row = self._rows[position]
        reasons = self._reasons_of.get(row["pupil_id"], []) if row["explained"] else None
        risk = row["risk"]
        return PupilRisk(
            pupil_id=row["pupil_id"],
            as_of=self.run.as_of,
            level=row["level"],
            risk=risk,
            cause=row["cause"],
            interval=None if risk is None else Interval(low=row["risk_low"], high=row["risk_high"]),
            comparable=None if risk is None else _comparable(row),
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
            measures=self.measures(row["pupil_id"]),
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
        values = self.features.iloc[position]
        missing = values.index[values.isna().to_numpy()]
        return DataFacts(
            sufficient=row["cause"] is None,
            days_of_data=row["days_of_data"],
            missing=tuple(name for name in missing if name not in CONTEXT_COLUMNS),
            set_aside=row["set_aside"],
        )

    def measures(self, pupil_id: str) -> tuple[Measure, ...]:
        """Measures that the policy suggests for one pupil; never decided.

        Parameters
        ----------
        pupil_id : str
            A scored pupil.
        """
        position = self._position[pupil_id]
        row = self._rows[position]
        facts, told = self._opening_facts.of(position, self._values(position))
        return self._policy.measures_for(
            level=row["level"],
            age_years=row["age_years"],
            as_of=self.run.as_of,
            tier=row["tier"],
            facts=facts,
            told=told,
        )

    def _values(self, position: int) -> dict[str, float]:
        return {str(name): float(value) for name, value in self.features.iloc[position].items()}

    def facts(self, pupil_id: str) -> dict[str, str]:
        """Every known feature of a pupil as a dated fact in French, by its name; empty when nothing may be read."""
        return self._opening_facts.worded(self._values(self._position[pupil_id]))

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


def _records_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]


def _of_direction(reasons: list[Reason], direction: str) -> tuple[Reason, ...]:
    return tuple(reason for reason in reasons if reason.direction == direction)


def _comparable(row: dict[str, Any]) -> Comparable:
    pupils, left = int(row["comparable_pupils"]), int(row["comparable_left"])
    share, low, high = (float(row[f"comparable_{name}"]) for name in ("share", "low", "high"))
    decimals = 1 if share < _ONE_PERCENT else 0  # "8 ..., soit 0 %" would contradict itself
    verb = "a quitté" if left < 2 else "ont quitté"  # noqa: PLR2004 - French plural starts at 2
    text = (
        f"Parmi {french.plural(pupils, 'élève comparable', 'élèves comparables')} des années passées, "
        f"{french.number(left)} {verb} l'école sans diplôme, soit {french.percent(share, decimals)} "
        f"[{french.interval_percent(low, high, decimals)}]"
    )
    return Comparable(pupils=pupils, left=left, share=share, low=low, high=high, text=text)
