"""What is said of one pupil: a frozen object that turns into JSON."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from decrochage_risk.explain import Reason
from decrochage_risk.policy import Measure, TierPrecision

__all__ = ["Comparable", "DataFacts", "Interval", "ModelFacts", "PupilRisk"]


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
    cause : str or None
        Why there is no risk, in French.
    interval : Interval or None
    comparable : Comparable or None
    reference_risk : float or None
        Risk of the reference pupil (same level, same time of year); None when not explained.
    tier : int
        1 perseverance, 2 targeted prevention, 3 securing a likely exit; 0 without a score.
    tier_label, flag_rule : str or None
        The tier, and the rule that was applied, in French.
    flagged : bool
        Whether the situation is to be looked at (tier 2 or 3).
    tier_precision : TierPrecision or None
        How many pupils of this tier left, and how many did not, among pupils that no choice touched; None without a
        score.
    reasons : tuple of Reason or None
        Aggravating reasons; None when not explained, empty when nothing stands out.
    protective : tuple of Reason or None
        Protective facts, apart.
    other_points : float or None
        Points of probability of everything not told ("autres éléments"): with the points of the reasons they sum to
        100 (risk - reference_risk).
    explanation_cause : str or None
        Why there are no reasons, in French.
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
    cause: str | None
    interval: Interval | None
    comparable: Comparable | None
    reference_risk: float | None
    tier: int
    tier_label: str | None
    flagged: bool
    flag_rule: str | None
    tier_precision: TierPrecision | None = None
    reasons: tuple[Reason, ...] | None
    protective: tuple[Reason, ...] | None
    other_points: float | None
    explanation_cause: str | None
    data: DataFacts
    measures: tuple[Measure, ...]
    model: ModelFacts
    policy_version: str
    automated_decision: Literal[False] = False
