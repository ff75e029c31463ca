"""The bundled demonstration model: trained on synthetic pupils, and it says so everywhere.

What a run rests on: model, policy, calendar, day, and the faults of the records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decrochage_risk import french
from decrochage_risk.errors import ArtefactError, explain_error
from decrochage_risk.model import DEFAULT_CLOSES, TrainedModel, load_trained_model
from decrochage_risk.score.pupil_risk import ModelFacts

if TYPE_CHECKING:
    from decrochage_risk.policy import Policy
    from decrochage_risk.records.pupil_records import KnownRecords, PupilRecords


__all__ = ["DEMO_NOTICE", "NOT_IN_FORCE", "RunFacts", "demo_model_folder", "load_demo_model"]

DEMO_NOTICE = "Modèle de démonstration, entraîné sur des élèves synthétiques : ses scores ne décrivent aucun élève réel."


def demo_model_folder() -> Path:
    """Folder of the bundled model: inside an installed package, or ``models/demo`` of a checkout.

    Raises
    ------
    ArtefactError
        When neither is there.
    """
    packaged = Path(str(files("decrochage_risk"))) / "models" / "demo"
    checkout = Path(__file__).resolve().parents[3] / "models" / "demo"
    for folder in (packaged, checkout):
        if (folder / "manifest.json").is_file():
            return folder
    raise ArtefactError(
        explain_error(
            "The bundled demonstration model is not there",
            expected="models/demo in the package or in the checkout",
            hint="Reinstall the package, or pass your own model=load_model(folder).",
        )
    )


@cache
def load_demo_model() -> TrainedModel:
    """Load the bundled demonstration model, once per process."""
    return load_trained_model(demo_model_folder())


NOT_IN_FORCE = "seuils qui n'étaient pas en vigueur à cette date"


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
    not_sent : dict of str to int
        Pupils of whom a table that the model leans on was not sent, by cause.
    """

    as_of: date
    model: ModelFacts
    policy_version: str
    policy_in_force: bool
    calendar_version: str
    faults: dict[str, int]
    outcome_closes: tuple[int, int] = DEFAULT_CLOSES
    held_out: dict[str, Any] = field(default_factory=dict)
    not_sent: dict[str, int] = field(default_factory=dict)

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
            faults=dict(sorted(counted.items())),
            outcome_closes=tuple(model.trained_on.get("outcome_closes", DEFAULT_CLOSES)),
            held_out=model.held_out,
        )

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> RunFacts:
        """Read what :meth:`to_dict` or :meth:`whole` gave."""
        plain = {"as_of": date.fromisoformat(facts["as_of"]), "model": ModelFacts(**facts["model"])}
        closes = {"outcome_closes": tuple(facts["outcome_closes"])} if "outcome_closes" in facts else {}
        return cls(**facts | plain | closes)

    def summary(self, pupils: int, scored: int, flagged: int) -> str:
        """Tell counts in French, and when the model is the demonstration one, or the thresholds were not in force."""
        told = (
            f"{french.plural(pupils, 'élève')}, {french.plural(scored, 'score')}, "
            f"{french.plural(flagged, 'situation à examiner', 'situations à examiner')}, "
            f"{french.plural(pupils - scored, 'élève sans score', 'élèves sans score')}"
        )
        caveats = [] if self.policy_in_force else [NOT_IN_FORCE]
        caveats += ["modèle de démonstration"] if self.model.demo else []
        return f"{told} ({', '.join(caveats)})" if caveats else told

    def to_dict(self) -> dict[str, Any]:
        """Facts as JSON values."""
        return {
            "as_of": self.as_of.isoformat(),
            "model": self.model.model_dump(mode="json"),
            "policy_version": self.policy_version,
            "policy_in_force": self.policy_in_force,
            "calendar_version": self.calendar_version,
            "faults": self.faults,
            "not_sent": self.not_sent,
        }

    def whole(self) -> dict[str, Any]:
        """Facts as JSON values, with what the model keeps of held-out pupils."""
        return self.to_dict() | {"outcome_closes": list(self.outcome_closes), "held_out": self.held_out}
