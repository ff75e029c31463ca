"""What a run rests on: model (the bundled demonstration one when none is given), policy, calendar, day, faults.

Every file and page of a run repeats these facts, so that a list can be traced to what made it. Here too: what the
card of a model says against its use, which withholds the list of the risk.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field

from decrochage_risk import french
from decrochage_risk.errors import ArtefactError, RecordsWarning, explain_error
from decrochage_risk.model import DEFAULT_CLOSES, TrainedModel, load_trained_model
from decrochage_risk.model.unknown_flags import UNKNOWN_LABELS, UnknownCount
from decrochage_risk.score.pupil_risk import ModelFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from decrochage_risk.policy import Policy
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.score.ways import Way


__all__ = [
    "ABOUT_THE_KIND",
    "AI_ACT",
    "BLOCKING",
    "DEMO_NOTICE",
    "GAP_CAUSES",
    "NOT_IN_FORCE",
    "NOT_LEARNT",
    "NOT_READ",
    "NOT_SENT",
    "PROCESSING_LABELS",
    "GapCause",
    "ProcessingFacts",
    "RunFacts",
    "count_gap_causes",
    "demo_model_folder",
    "fault_counts",
    "load_demo_model",
    "mention_of",
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


NOT_SENT: Final = "non transmises"
NOT_LEARNT: Final = "cas trop rare à l'apprentissage pour une estimation"
NOT_READ: Final = "une bonne part des lignes, fautives, a été mise de côté"


@dataclass(frozen=True, slots=True)
class GapCause:
    """Why pupils have no score although they are enrolled: something of what was sent of them, with all its words.

    Attributes
    ----------
    marker : str
        French words that the cause of each such pupil holds, and no other cause.
    reason, remedy : str
        English, for the warning of the Python API.
    last_words : str
        French, for the last line of a command: after "12 élèves sans score", with ``{causes}`` for the causes counted.
    """

    marker: str
    reason: str
    remedy: str
    last_words: str

    def sentence(self, causes: Mapping[str, int]) -> str:
        """Word the warning of the pupils counted, by cause."""
        pupils = sum(causes.values())
        have = f"{pupils} pupil{'s have' if pupils > 1 else ' has'}"
        each = "; ".join(f"{count}: {cause}" for cause, count in causes.items())
        return f"{have} no score because {self.reason} ({each}). Hint: {self.remedy}"

    def line(self, causes: Mapping[str, int]) -> str:
        """Word the last line of a command, in French."""
        pupils = french.plural(sum(causes.values()), "élève")
        each = french.join([f"{cause} ({french.plural(count, 'élève')})" for cause, count in causes.items()])
        return f"{pupils} sans score, {self.last_words.format(causes=each)}"


GAP_CAUSES: Final[Mapping[str, GapCause]] = MappingProxyType(
    {
        "not_sent": GapCause(
            NOT_SENT,
            "a table that the model leans on was not sent",
            'extract it, or say that the gap is meant: gaps=["absences"], or a table coverage.',
            "une table sur laquelle le modèle s'appuie manque : {causes}. La transmettre, ou dire que ce manque est voulu : "
            "--gap absences, --gap grades, ou une table coverage.",
        ),
        "not_learnt": GapCause(
            NOT_LEARNT,
            "the training hardly held pupils with the declared gap",
            "extract the table, or train a model on years with the same gap.",
            "{causes}. Transmettre la table, ou entraîner un modèle sur des années où elle manquait aussi.",
        ),
        "not_read": GapCause(
            NOT_READ,
            "too many of their rows are faulty and were set aside",
            "correct the faults of the report, then score again.",
            "{causes}. « decrochage-risk check » dit les fautes, ligne par ligne : les corriger, puis recommencer.",
        ),
    }
)
"""Causes that a run counts apart, by the field of `RunFacts` that holds the counts: whoever sent the tables can mend them."""


def count_gap_causes(causes: Iterable[str | None]) -> dict[str, dict[str, int]]:
    """Count the pupils without a score by field of `GAP_CAUSES` and by cause.

    Examples
    --------
    >>> count_gap_causes(["notes non transmises", None, "notes non transmises"])["not_sent"]
    {'notes non transmises': 2}
    """
    counts = Counter(cause for cause in causes if cause is not None)
    return {
        name: {cause: count for cause, count in sorted(counts.items()) if each.marker in cause}
        for name, each in GAP_CAUSES.items()
    }


NOT_IN_FORCE = "seuils qui n'étaient pas en vigueur à cette date"


def fault_counts(records: PupilRecords, as_of: date) -> dict[str, int]:
    """Count each fault of what was known on the morning of a day, by "severity table rule"."""
    faults = records.faults_on(as_of)
    counts = {
        f"{severity} {table} {rule}": count
        for severity, report in (("error", faults.errors), ("warning", faults.warnings))
        for (table, rule), count in report.counts.items()
    }
    return dict(sorted(counts.items()))


BLOCKING = ("no_better_than_chance", "fairness_block")
"""Advice of a model card that says not to use the model, or not before its unfairness is mended."""


ABOUT_THE_KIND = ("ship_logistic", "logistic_shipped", "logistic_undecided")
"""Advice on which kind of model to train next: for who trains, on the card; nobody who reads a list can do anything with it."""


_PATH_CODE = "path_"


def _advice(model: TrainedModel) -> dict[str, str]:
    """Gather what the card says against the use of a model, over either horizon."""
    advice = {one["code"]: one["sentence"] for one in model.report.get("advice", ())}
    of_path = () if model.path is None else model.path.report.get("advice", ())
    return advice | {f"{_PATH_CODE}{one['code']}": f"Sur le parcours : {one['sentence']}" for one in of_path}


PROCESSING_LABELS = {
    "controller": "responsable du traitement",
    "dpo": "délégué à la protection des données",
    "legal_basis": "base légale",
    "recipients": "destinataires",
    "retention": "durée de conservation",
}
"""Fields of `ProcessingFacts` and their French names, in the order in which a notice tells them."""


class ProcessingFacts(BaseModel):
    """What articles 13 and 14 of the RGPD ask for and only the controller knows; None is said to be still to fill.

    Attributes
    ----------
    controller, dpo : str or None
        Who answers for the processing, and the data protection officer with how to write to them.
    legal_basis : str or None
        For example "mission d'intérêt public (RGPD, art. 6(1)(e))".
    recipients : str or None
        Who reads the lists, the reasons and the notices.
    retention : str or None
        How long extracts, scores and journal are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    controller: str | None = None
    dpo: str | None = None
    legal_basis: str | None = None
    recipients: str | None = None
    retention: str | None = None

    @property
    def filled(self) -> str:
        """Tell what the controller filled in one line; empty when nothing is."""
        texts = {label: getattr(self, name) for name, label in PROCESSING_LABELS.items()}
        line = " ; ".join(f"{label} : {text}" for label, text in texts.items() if text is not None)
        return f"{line[:1].upper()}{line[1:]}"

    @property
    def lines(self) -> tuple[str, ...]:
        """Tell what the controller filled in one line, and what is still to fill in another."""
        texts = {label: getattr(self, name) for name, label in PROCESSING_LABELS.items()}
        gaps = [label for label, text in texts.items() if text is None]
        return (
            *([self.filled] if self.filled else []),
            *(
                [f"À compléter par l'établissement (RGPD, art. 13 et 14) : {french.join(gaps)}"]
                if gaps
                else []
            ),
        )


AI_ACT = (
    "Règlement (UE) 2024/1689 sur l'intelligence artificielle : système déclaré à haut risque (annexe III, point 3, b et c). "
    "L'information de la personne (art. 26(11)) et l'explication sur demande (art. 86) s'imposeront le 2 décembre 2027, le 2 août "
    "2030 à un système public déjà en service ; cette notice les donne dès maintenant."
)
"""Point 3 of annex III, and the dates of regulation (EU) 2026/1744, which amends it: declared now, not presented as in force."""


def mention_of(contact: str) -> str:
    """Write the mention of articles L311-3-1 and R311-3-1-1 of the CRPA, to be copied into a decision that rests on an estimate.

    Purpose, right to the rules and main features, whom to ask, and the CADA.

    Parameters
    ----------
    contact : str
        Whom to ask, in French.
    """
    return (
        "Cette décision a été prise en s'appuyant, entre autres éléments, sur un traitement algorithmique : l'estimation du "
        "risque de quitter l'école sans diplôme, qui sert à repérer à temps les situations fragiles et ne décide de rien. Vous "
        "avez le droit d'obtenir communication des règles qui le définissent et des principales caractéristiques de sa mise en "
        f"œuvre. Interlocuteur : {contact}. Sans réponse dans le mois, vous pouvez saisir la Commission d'accès aux documents "
        "administratifs (CADA) dans les deux mois (code des relations entre le public et l'administration, art. L311-3-1 et "
        "R311-3-1-1)."
    )


class RunFacts(BaseModel):
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
    not_learnt : dict of str to int
        Pupils with a declared gap that the training hardly held, by cause.
    not_read : dict of str to int
        Pupils of whom a good part of the rows of a table was set aside as faulty, by cause.
    to_complete : int
        Pupils whom only what is not known of them would put on the list of the risk.
    unknown : dict of str to UnknownCount
        By flag, how many of the pupils to score are not known there, and how many would be if they were as those of the
        training at the same level and month; empty without the distributions of a training.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    as_of: date
    model: ModelFacts
    policy_version: str
    policy_in_force: bool
    calendar_version: str
    faults: dict[str, int]
    not_sent: dict[str, int] = Field(default_factory=dict)
    advice: dict[str, str] = Field(default_factory=dict)
    horizon_years: int = 1
    path_years: tuple[int, ...] = ()
    not_learnt: dict[str, int] = Field(default_factory=dict)
    not_read: dict[str, int] = Field(default_factory=dict)
    to_complete: int = 0
    unknown: dict[str, UnknownCount] = Field(default_factory=dict)
    # Some hundred counts of held-out pupils belong to the model, not to every answer of a service: `whole` gives them.
    outcome_closes: tuple[int, int] = Field(default=DEFAULT_CLOSES, exclude=True)
    held_out: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    path_held_out: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)

    @property
    def gap_causes(self) -> dict[str, dict[str, int]]:
        """Pupils without a score by field of `GAP_CAUSES` and by cause."""
        return {name: cast("dict[str, int]", getattr(self, name)) for name in GAP_CAUSES}

    @property
    def is_blocked(self) -> bool:
        """Whether the card of the model says not to issue a list."""
        # Either horizon blocks: one list is made of both.
        return any(code.removeprefix(_PATH_CODE) in BLOCKING for code in self.advice)

    @property
    def verdict(self) -> str:
        """What the card of the model says against its use to who reads a list, in French; empty when nothing does."""
        sentences = [
            sentence
            for code, sentence in self.advice.items()
            if code.removeprefix(_PATH_CODE) not in ABOUT_THE_KIND
        ]
        return " ".join(sentences)

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
            faults=fault_counts(records, known.as_of),
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
        return cls.model_validate(facts)

    def summary(self, pupils: int, scored: int, on_lists: Mapping[Way, int]) -> str:
        """Tell counts in French, and when the model is the demonstration one, or the thresholds were not in force."""
        counts = (
            f"{french.plural(pupils, 'élève')}, {french.plural(scored, 'score')}, "
            f"{french.plural(on_lists['risk'], 'situation à examiner', 'situations à examiner')} par le risque, "
            f"{signal_counts(on_lists)}, "
            f"{french.plural(pupils - scored, 'élève sans score', 'élèves sans score')}"
        )
        if self.to_complete:
            counts += f", {french.plural(self.to_complete, 'élève')} dont les données sont à compléter"
        caveats = [] if self.policy_in_force else [NOT_IN_FORCE]
        caveats += ["modèle de démonstration"] if self.model.demo else []
        return f"{counts} ({', '.join(caveats)})" if caveats else counts

    def warnings(self) -> list[RecordsWarning]:
        """Word what the run warns of: tables that were not sent, declared gaps, pupils of whom less is known."""
        sentences = [GAP_CAUSES[name].sentence(causes) for name, causes in self.gap_causes.items() if causes]
        unlike = {flag: count for flag, count in self.unknown.items() if count.is_unlike}
        if unlike:
            counts = "; ".join(
                f"{UNKNOWN_LABELS.get(flag, flag)}: {count.unknown} / {count.pupils}, {count.expected:.0f}"
                for flag, count in unlike.items()
            )
            sentences.append(
                f"Less is known of these pupils than of those of the training (not known / pupils, expected: {counts}). "
                "Hint: complete the extract, or train a model on pupils of whom as little is known."
            )
        return [RecordsWarning(sentence) for sentence in sentences]

    def to_dict(self) -> dict[str, Any]:
        """Facts as JSON values."""
        return self.model_dump(mode="json")

    def whole(self) -> dict[str, Any]:
        """Facts as JSON values, with what the model keeps of held-out pupils."""
        return self.to_dict() | {
            "outcome_closes": list(self.outcome_closes),
            "held_out": self.held_out,
            "path_held_out": self.path_held_out,
        }
