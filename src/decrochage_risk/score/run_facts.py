"""What a run rests on: model (the bundled demonstration one when none is given), policy, calendar, day, faults.

Every file and page of a run repeats these facts, so that a list can be traced to what made it. Here too: what the
card of a model says against its use, which withholds the list of the risk.
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
    from collections.abc import Mapping

    from decrochage_risk.policy import Policy
    from decrochage_risk.records.pupil_records import KnownRecords, PupilRecords
    from decrochage_risk.score.ways import Way


__all__ = [
    "BLOCKING",
    "DEMO_NOTICE",
    "NOT_IN_FORCE",
    "RunFacts",
    "demo_model_folder",
    "fault_counts",
    "load_demo_model",
    "signal_counts",
]

DEMO_NOTICE = "Modèle de démonstration, entraîné sur des élèves synthétiques : ses scores ne décrivent aucun élève réel."


def demo_model_folder() -> Path:
    """Folder of the bundled model: inside an installed package, or ``models/demo`` of a checkout.

    Raises
    ------
    ArtefactError
        When neither is there.
    """
    # The model is no module: package data of a wheel, a folder of its own in a checkout.
    bundle = Path(str(files("decrochage_risk"))) / "models" / "demo"
    checkout = Path(__file__).resolve().parents[3] / "models" / "demo"
    # An installed package has no checkout around it; a checkout keeps the model out of the package.
    for folder in (bundle, checkout):
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


def signal_counts(on_lists: Mapping[Way, int]) -> str:
    """Tell how many pupils are on the two lists that need no model.

    Examples
    --------
    >>> signal_counts({"legal": 3, "departure": 1})
    "3 au seuil légal d'absence, 1 sortie à vérifier"
    """
    departures = french.plural(on_lists["departure"], "sortie à vérifier", "sorties à vérifier")
    return f"{french.number(on_lists['legal'])} au seuil légal d'absence, {departures}"


NOT_IN_FORCE = "seuils qui n'étaient pas en vigueur à cette date"


def fault_counts(records: PupilRecords) -> dict[str, int]:
    """Count each fault of the records, by "severity table rule"."""
    counts = {
        f"{severity} {table} {rule}": count
        for severity, report in (("error", records.faults.errors), ("warning", records.faults.warnings))
        for (table, rule), count in report.counts.items()
    }
    return dict(sorted(counts.items()))


BLOCKING = ("no_better_than_chance", "fairness_block")
"""Advice of a model card that says not to use the model, or not before its unfairness is mended."""


_PATH_CODE = "path_"


def _advice(model: TrainedModel) -> dict[str, str]:
    """Gather what the card says against the use of a model, over either horizon."""
    advice = {one["code"]: one["sentence"] for one in model.report.get("advice", ())}
    of_path = () if model.path is None else model.path.report.get("advice", ())
    return advice | {f"{_PATH_CODE}{one['code']}": f"Sur le parcours : {one['sentence']}" for one in of_path}


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
    horizon_years : int
        School years after which the outcome of ``risk`` closes.
    path_years : tuple of int
        School years of the training of the risk over three years (``path_risk``); empty without one.
    outcome_closes : tuple of int
        Month and day on which the outcome closes.
    held_out : dict
        Counts of held-out pupils that the model keeps (``TrainedModel.held_out``).
    path_held_out : dict
        The same for the risk over three years.
    advice : dict of str to str
        What the card of the model says against its use, by code, in French; the list of the risk is withheld where it
        holds one of `BLOCKING`.
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
    horizon_years: int = 1
    held_out: dict[str, Any] = field(default_factory=dict)
    path_years: tuple[int, ...] = ()
    path_held_out: dict[str, Any] = field(default_factory=dict)
    not_sent: dict[str, int] = field(default_factory=dict)
    advice: dict[str, str] = field(default_factory=dict)

    @property
    def is_blocked(self) -> bool:
        """Whether the card of the model says not to issue a list."""
        # Either horizon blocks: one list is made of both.
        return any(code.removeprefix(_PATH_CODE) in BLOCKING for code in self.advice)

    @property
    def verdict(self) -> str:
        """What the card of the model says against its use, in French; empty when nothing does."""
        return " ".join(self.advice.values())

    @classmethod
    def of(cls, model: TrainedModel, policy: Policy, known: KnownRecords, records: PupilRecords) -> RunFacts:
        """Gather the facts of one run."""
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
            faults=fault_counts(records),
            outcome_closes=tuple(model.trained_on.get("outcome_closes", DEFAULT_CLOSES)),
            horizon_years=model.horizon_years,
            held_out=model.held_out,
            path_years=() if model.path is None else tuple(model.path.trained_on["school_years"]),
            path_held_out={} if model.path is None else model.path.held_out,
            advice=_advice(model),
        )

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> RunFacts:
        """Read what :meth:`to_dict` or :meth:`whole` gave."""
        plain = {"as_of": date.fromisoformat(facts["as_of"]), "model": ModelFacts(**facts["model"])}
        # Runs of earlier versions do not hold these facts; JSON knows no tuples.
        closes = {"outcome_closes": tuple(facts["outcome_closes"])} if "outcome_closes" in facts else {}
        years = {"path_years": tuple(facts.get("path_years", ()))}
        return cls(**facts | plain | closes | years)

    def summary(self, pupils: int, scored: int, on_lists: Mapping[Way, int]) -> str:
        """Tell counts in French, and when the model is the demonstration one, or the thresholds were not in force."""
        counts = (
            f"{french.plural(pupils, 'élève')}, {french.plural(scored, 'score')}, "
            f"{french.plural(on_lists['risk'], 'situation à examiner', 'situations à examiner')} par le risque, "
            f"{signal_counts(on_lists)}, "
            f"{french.plural(pupils - scored, 'élève sans score', 'élèves sans score')}"
        )
        caveats = [] if self.policy_in_force else [NOT_IN_FORCE]
        caveats += ["modèle de démonstration"] if self.model.demo else []
        return f"{counts} ({', '.join(caveats)})" if caveats else counts

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
            "advice": self.advice,
            "horizon_years": self.horizon_years,
            "path_years": list(self.path_years),
        }

    def whole(self) -> dict[str, Any]:
        """Facts as JSON values, with what the model keeps of held-out pupils."""
        return self.to_dict() | {
            "outcome_closes": list(self.outcome_closes),
            "held_out": self.held_out,
            "path_held_out": self.path_held_out,
        }
