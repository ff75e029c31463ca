"""What is said of one pupil: a frozen object that turns into JSON, its comparable pupils and the facts of its measures.

An estimate comes with its interval, with what became of comparable pupils and with the facts that it rests
on; a pupil without an estimate has the cause instead. ``automated_decision`` is False, and no field can make it
anything else.
"""

from __future__ import annotations

import math
from datetime import date
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.explain import Reason
from decrochage_risk.explain.reasons import facts_only
from decrochage_risk.explain.sentences import OTHERS, fact_of, reference_of, starts_of_fact, tell_fact
from decrochage_risk.features import CATALOGUE, FEATURE_BY_NAME, MONTH_FACT, MonthlyAbsence
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.pages import Cell, PageTable, hundred_squares, render
from decrochage_risk.pages.rendering import embedded
from decrochage_risk.policy import Measure, TierPrecision
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.score.ways import WAYS, Departure, LegalSignal, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.time_cut import KnownRecords


__all__ = [
    "FLAG_WORDS",
    "Comparable",
    "DataFacts",
    "FlagHorizon",
    "Interval",
    "ModelFacts",
    "OpeningFacts",
    "PathRisk",
    "PupilRisk",
    "comparable_of",
    "horizon_words",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Interval(_Frozen):
    """Interval of the risk from the spread of the bag, at 90 %.

    Attributes
    ----------
    low, high : float
        Probabilities.
    """

    low: float
    high: float


class Comparable(_Frozen):
    """What became of comparable pupils, those of the training years with a similar risk.

    Attributes
    ----------
    pupils, left : int
        How many, and how many of them left without a diploma.
    share, low, high : float
        Share, and its 90 % interval (Jeffreys).
    text : str
        "Parmi 140 élèves comparables des années passées, 38 ont quitté l'école sans diplôme, soit 27 % [21-35 %]".
    """

    pupils: int
    left: int
    share: float
    low: float
    high: float
    text: str


class DataFacts(_Frozen):
    """What the score rests on.

    Attributes
    ----------
    sufficient : bool
        Whether there was enough to score.
    days_of_data : int
        Enrolled and covered days of the school year before the as-of date.
    missing : tuple of str
        Features that are not known for this pupil ("donnée manquante"); never a reason.
    set_aside : int
        Rows and cells of this pupil set aside by the checks.
    """

    sufficient: bool
    days_of_data: int
    missing: tuple[str, ...]
    set_aside: int


class ModelFacts(_Frozen):
    """Which model gave the score.

    Attributes
    ----------
    id, sha256 : str
        Identity of the artefact.
    trained_on : tuple of int
        School years of the training.
    demo : bool
        Trained on synthetic pupils, for demonstration only.
    notice : str or None
        What to say of a demonstration model.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    id: str
    sha256: str
    trained_on: tuple[int, ...]
    demo: bool
    notice: str | None


FlagHorizon = Literal["year", "path"]

FLAG_WORDS: dict[FlagHorizon, str] = {"year": "risque (année)", "path": "risque (parcours)"}
"""What a school reads of the horizon by which a pupil is on the list of the risk."""


class PathRisk(_Frozen):
    """The risk over three school years ("parcours") of a pupil of 4e or 3e, beside that of the year.

    Attributes
    ----------
    risk : float or None
        Calibrated probability of having left without a diploma by the closing day of the third school year, and not being
        back; None when not scored.
    horizon_years : int
        Always 3.
    cause : str or None
        Why there is no such risk, in French.
    interval : Interval or None
    comparable : Comparable or None
    tier : int
        By the thresholds of the path; 0 without a risk, or without a threshold at this level.
    flagged : bool
        Whether this risk puts the pupil on the list (tier 2 or 3).
    """

    risk: float | None
    horizon_years: Literal[3] = 3
    cause: str | None
    interval: Interval | None
    comparable: Comparable | None
    tier: int
    flagged: bool


class PupilRisk(_Frozen):
    """The risk of one pupil, its reasons, and what they rest on. Never a decision.

    Attributes
    ----------
    pupil_id : str
        Opaque id.
    as_of : date
        Nothing dated or recorded on or after this day was used.
    level : str or None
        Current level; None without a known enrolment.
    risk : float or None
        Calibrated probability of leaving without a diploma by the closing day; None when not scored.
    horizon_years : int
        School years after which that day comes: 1, the end of this one, or 3.
    cause : str or None
        Why there is no risk, in French.
    interval : Interval or None
    comparable : Comparable or None
    path : PathRisk or None
        The risk over three school years, in 4e and 3e and with a model of both horizons.
    reference_risk : float or None
        Risk of the reference pupil (same level, same time of year), over the horizon of the reasons; None when not
        explained.
    tier : int
        1 perseverance, 2 targeted prevention, 3 securing a likely exit; 0 without a score. The higher of both horizons.
    tier_label, flag_rule : str or None
        The tier, and the rule that was applied, in French.
    flagged : bool
        Whether the situation is to be looked at (tier 2 or 3).
    to_complete : tuple of str
        In French, what is not known of a pupil whom only that would put on the list of the risk, by the thresholds: no known
        fact raises the estimate. Such a pupil is on no list of the risk; the data are to be completed.
    flag_horizons : tuple of {"year", "path"}
        The horizons whose threshold the pupil passes; empty for none.
    tier_precision : TierPrecision or None
        How many pupils of this tier left, and how many did not, among pupils that no choice touched; None without a
        score.
    ways : tuple of {"risk", "legal", "departure"}
        The lists that the pupil is on, each for its own reason; empty for none.
    legal : LegalSignal or None
        Months at the legal threshold of absence, whatever the risk; None without any (or where nothing may be said).
    departure : Departure or None
        For a pupil who is enrolled nowhere on the as-of date: since when, and what holds at that age.
    explained : bool
        Whether reasons were worked out; when not, ``explanation_cause`` says why.
    explained_horizon_years : int or None
        School years of the risk that the reasons are of: 3 for a pupil who is on the list for the path. Their points sum
        to 100 (`explained_risk` - ``reference_risk``).
    reasons : tuple of Reason
        Aggravating reasons; empty when not explained, or when nothing stands out.
    protective : tuple of Reason
        Protective facts, apart.
    other_points : float or None
        Points of probability of everything not told ("autres éléments"): with the points of the reasons they sum to
        100 (explained_risk - reference_risk).
    explanation_cause : str or None
        Why the pupil was not explained, in French; None for one who was.
    data : DataFacts
    measures : tuple of Measure
        Suggested, never decided.
    model : ModelFacts
    policy_version : str
    automated_decision : bool
        Always False: a person looks, and decides.
    """

    pupil_id: str
    as_of: date
    level: str | None
    risk: float | None
    horizon_years: int = 1
    cause: str | None
    interval: Interval | None
    comparable: Comparable | None
    path: PathRisk | None = None
    reference_risk: float | None
    tier: int
    tier_label: str | None
    flagged: bool
    flag_rule: str | None
    to_complete: tuple[str, ...] = ()
    flag_horizons: tuple[FlagHorizon, ...] = ()
    tier_precision: TierPrecision | None = None
    ways: tuple[Way, ...] = ()
    legal: LegalSignal | None = None
    departure: Departure | None = None
    explained: bool
    explained_horizon_years: int | None = None
    reasons: tuple[Reason, ...] = ()
    protective: tuple[Reason, ...] = ()
    other_points: float | None
    explanation_cause: str | None
    data: DataFacts
    measures: tuple[Measure, ...]
    model: ModelFacts
    policy_version: str
    automated_decision: Literal[False] = False

    def __repr__(self) -> str:
        summary = f"risque {french.percent(self.risk)}" if self.risk is not None else self.cause
        if self.path is not None and self.path.risk is not None:
            summary = f"{summary} (année), {french.percent(self.path.risk)} (parcours)"
        lists = french.join([self.way_words(way) for way in self.ways]) or "aucune"
        return f"<PupilRisk {self.pupil_id!r} au {self.as_of.isoformat()}: {summary}, liste : {lists}>"

    __str__ = __repr__

    @property
    def explained_risk(self) -> float | None:
        """The risk that the reasons are of: over three years for a pupil who is on the list for the path."""
        by_path = self.path is not None and self.explained_horizon_years == self.path.horizon_years
        return self.path.risk if by_path and self.path is not None else self.risk

    @property
    def explained_interval(self) -> Interval | None:
        """The interval of `explained_risk`."""
        by_path = self.path is not None and self.explained_horizon_years == self.path.horizon_years
        return self.path.interval if by_path and self.path is not None else self.interval

    def way_words(self, way: Way) -> str:
        """Say a way onto a list in French; with both horizons, which of them put the pupil on the list of the risk."""
        if way != "risk" or self.path is None:
            return WAYS[way]
        return french.join([FLAG_WORDS[horizon] for horizon in self.flag_horizons]) or WAYS[way]

    def _repr_html_(self) -> str:
        return _shown(self)


_ONE_PERCENT = 0.01


def horizon_words(years: int | None) -> str:
    """Say a horizon in French.

    Examples
    --------
    >>> horizon_words(3)
    'sur le parcours (trois années scolaires)'
    """
    return "sur le parcours (trois années scolaires)" if years == 3 else "sur l'année"  # noqa: PLR2004 - years of the path


def comparable_of(row: dict[str, Any]) -> Comparable:
    """Word the comparable pupils of one row of ``scores.frame``."""
    share, low, high = (row[f"comparable_{name}"] for name in ("share", "low", "high"))
    return _comparable(int(row["comparable_pupils"]), int(row["comparable_left"]), share, low, high)


@lru_cache(maxsize=1_000)
def _comparable(pupils: int, left: int, share: float, low: float, high: float) -> Comparable:
    """Word one bin of comparable pupils; a model has a few dozen."""
    decimals = 1 if share < _ONE_PERCENT else 0  # "8 ..., soit 0 %" would contradict itself
    verb = "aucun n'a" if left == 0 else "1 a" if left == 1 else f"{french.number(left)} ont"
    text = (
        f"Parmi {french.plural(pupils, 'élève comparable', 'élèves comparables')} des années passées, "
        f"{verb} quitté l'école sans diplôme, soit {french.percent(share, decimals if left else 0)} "
        f"[{french.interval_percent(low, high, decimals)}]"
    )
    return Comparable(pupils=pupils, left=left, share=share, low=low, high=high, text=text)


class OpeningFacts:
    """Facts of the pupils of a run; the months are counted when a first measure asks for them.

    Parameters
    ----------
    cut : KnownRecords
        What was known.
    absence : MonthlyAbsence
        Unjustified half-days by month.
    refused : bool array
        Pupils whose family objected: their months are counted from the rows, which an objection does not take out.
    """

    def __init__(self, cut: KnownRecords, absence: MonthlyAbsence, refused: npt.NDArray[np.bool_]) -> None:
        self._cut = cut
        self._absence = absence
        self._refused = refused

    def of(self, row: int, features: Mapping[str, float]) -> tuple[dict[str, float], Callable[[str], str]]:
        """Give the values of a pupil's facts by name, and what words each of them in French, dated.

        Parameters
        ----------
        row : int
            Position of the pupil.
        features : mapping of str to float
            Value of every feature; NaN = not known, or refused.
        """
        values = {**features, MONTH_FACT: math.nan if self._refused[row] else self._absence.most(row)}

        def text_of(name: str) -> str:
            return self._absence.told(row) if name == MONTH_FACT else self._worded(row, name, values[name])

        return values, text_of

    def worded(self, row: int, features: Mapping[str, float]) -> dict[str, str]:
        """Give every known feature of a pupil as a dated fact in French, in the order of the catalogue.

        A 0 that is no fact (no day to attend, rows set aside) is told as what it was counted as, and why it says nothing.

        Parameters
        ----------
        row : int
            Position of the pupil.
        features : mapping of str to float
            Value of every feature; NaN = not known, or refused.
        """
        values = {name: features[name] for name in FEATURE_BY_NAME if not math.isnan(features[name])}
        facts = facts_only(
            tuple(values), np.array([[*values.values()]]), np.array([row], dtype=np.intp), self._cut
        )
        no_facts = dict(zip(values, np.isnan(facts[0]).tolist(), strict=True))
        return {
            name: f"{self._worded(row, name, value)}{self._why_nothing(row, name) if no_facts[name] else ''}"
            for name, value in values.items()
        }

    def _why_nothing(self, row: int, name: str) -> str:
        """Say of a 0 that it denies nothing."""
        lost = self._cut.set_aside.get(FEATURE_BY_NAME[name].table)
        if lost is not None and lost[row] > 0:
            return " (compté 0 : des lignes sont mises de côté)"
        return " (compté 0 : il n'y avait rien à compter)"

    def _worded(self, row: int, name: str, value: float) -> str:
        feature = FEATURE_BY_NAME[name]
        wholes, subjects = self._bases.get(name, (None, None))
        # As in a reason: nothing was counted of what is 0, and nothing named.
        return tell_fact(
            feature,
            value,
            self._cut,
            whole=math.nan if wholes is None or value == 0 else float(wholes[row]),
            subject="" if subjects is None or value == 0 else str(subjects[row]),
            since=starts_of_fact(feature, self._facts, np.array([row]))[0],
        )

    @cached_property
    def _facts(self) -> Facts:
        """The engine over these records, held as long as somebody may ask for a fact."""
        return Facts.of(self._cut)

    @cached_property
    def _bases(self) -> dict[str, tuple[Any, Any]]:
        """Base of each share and school subjects of each fact, of all pupils at once, for the features that tell some."""
        facts = self._facts
        return {
            feature.name: (
                None if feature.wording.whole is None else feature.wording.whole(facts),
                None if feature.wording.subjects is None else feature.wording.subjects(facts),
            )
            for feature in CATALOGUE
            if facts.has(feature.table) and (feature.wording.whole or feature.wording.subjects)
        }


def _shown(pupil: PupilRisk) -> str:
    """Show one pupil: support first, facts, measures; the estimate last, as a hundred squares and two sentences."""
    squares = None
    if pupil.comparable is not None:
        # Of comparable pupils who were counted, not of the estimate: squares stand for people.
        left = round(100 * pupil.comparable.share)
        squares = hundred_squares(
            left,
            title="Sur 100 élèves comparables",
            description=f"{left} carrés pleins : sortis sans diplôme",
        )
    page = render(
        f"{__package__}/pupil_risk.html.j2",
        pupil=pupil,
        level=LEVEL_BY_NAME[pupil.level].label if pupil.level else "",
        supports=[_apart(reason) for reason in pupil.protective or ()],
        facts=[_apart(reason) for reason in pupil.reasons or ()],
        squares=squares,
        weights=_weights(pupil),
    )
    return embedded(page, f"Élève {pupil.pupil_id}", height=620)


def _apart(reason: Reason) -> tuple[str, str]:
    fact, beside = fact_of(reason.text), reference_of(reason.text)
    return f"{fact[0].upper()}{fact[1:]}.", f"{beside[0].upper()}{beside[1:]}." if beside else ""


def _weights(pupil: PupilRisk) -> PageTable | None:
    if pupil.explained_risk is None or pupil.reference_risk is None:
        return None
    reasons = [*(pupil.reasons or ()), *(pupil.protective or ())]
    rows: list[list[object]] = [
        ["Élève type", Cell(french.percent(pupil.reference_risk, 1), pupil.reference_risk)]
    ]
    rows += [[one.family_label, Cell(french.signed(one.points, 1), one.points)] for one in reasons]
    if pupil.other_points is not None:
        rows.append(
            [OTHERS[0].upper() + OTHERS[1:], Cell(french.signed(pupil.other_points, 1), pupil.other_points)]
        )
    name = (
        "Estimation" if pupil.path is None else f"Estimation, {horizon_words(pupil.explained_horizon_years)}"
    )
    rows.append([name, Cell(french.percent(pupil.explained_risk, 1), pupil.explained_risk)])
    return PageTable.of("Points de probabilité", ["Groupe de faits", "Points"], rows, numeric=[1], total=True)
