"""The verdict of a comparison: promote, keep or review, each cause with a code and a French sentence.

Figures that flatter a model (a year that it has learnt, too few pupils) can only call for a review, and no better ranking
pays for an unfair list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate.gates import GateResult, worst_verdict
from decrochage_risk.evaluate.tables import DIMENSIONS
from decrochage_risk.french import join, number, plural, school_year, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decrochage_risk.evaluate.bootstrap import Difference


__all__ = [
    "GROUPED",
    "LEAST_EVENTS",
    "MARGIN",
    "SAME_BOOSTERS",
    "SAME_MODEL",
    "Cause",
    "ComparisonVerdict",
    "Same",
    "decide",
]

ComparisonVerdict: TypeAlias = Literal["promote", "keep", "review"]
Same: TypeAlias = Literal["model", "boosters"]

GROUPED: Final = {
    **DIMENSIONS,
    "overall": "ensemble",
    "reason_family": "motif principal du changement",
}
"""French names of what the rows of a comparison are divided by."""
MARGIN: Final = 0.001
"""Log loss (nats per row) by which a new model may be worse, wherever two are compared and nothing else is asked for. It knows
a year more, or brings something else, so that not worse is enough; about half a percent of the log loss where 5 % leave."""
LEAST_EVENTS: Final = 100
"""Pupils who left, and who stayed, under which no comparison decides (Vergouwe et al., Journal of Clinical Epidemiology 58,
2005: at least 100 events and 100 non-events for an external validation)."""


class Cause(BaseModel):
    """One cause of a verdict.

    Attributes
    ----------
    code : str
        Stable, in English: ``better``, ``not_worse``, ``worse``, ``not_better``, ``gate_blocked``, ``both_blocked``,
        ``gate_review``, ``fairness_not_measured``, ``year_in_training``, ``too_few_pupils``, ``same_model``,
        ``same_boosters``.
    calls_for : {"promote", "keep", "review"}
        The verdict that it calls for.
    sentence : str
        In French, with its figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    calls_for: ComparisonVerdict
    sentence: str


SAME_MODEL: Final = Cause(
    code="same_model",
    calls_for="review",
    sentence="le même modèle des deux côtés (mêmes membres, même calibration) : rien n'a été comparé",
)
SAME_BOOSTERS: Final = Cause(
    code="same_boosters",
    calls_for="review",
    sentence="les mêmes membres des deux côtés : seule la calibration a été comparée, pas deux modèles",
)


def decide(
    log_loss: Difference,
    gates: Sequence[GateResult],
    champion_gates: Sequence[GateResult],
    *,
    margin: float = MARGIN,
    seen_years: Sequence[int] = (),
    leavers: int = LEAST_EVENTS,
    stayers: int = LEAST_EVENTS,
    same: Same | None = None,
) -> tuple[ComparisonVerdict, tuple[Cause, ...]]:
    """Decide: nothing that flatters a model can promote it, and no better ranking pays for an unfair list.

    ``review`` wins when nothing was compared (the same model on both sides), or the comparison itself cannot be trusted (a
    year of the training, too few pupils); then ``keep``
    when the challenger is worse, not better, or blocked by a gate that the champion passes; then ``review`` when a
    gate asks for it, blocks both models, or fairness could not be measured; ``promote`` remains.

    Parameters
    ----------
    log_loss : Difference
        Paired difference of the log loss.
    gates, champion_gates : sequence of GateResult
        Of the challenger and of the champion, on the lists that each would issue.
    margin : float
        Nats per row by which the challenger may be worse: 0 asks for better, more for not worse than that.
    seen_years : sequence of int
        School years of the comparison that one of the models has learnt from.
    leavers, stayers : int
        Pupils of each outcome.
    same : {"model", "boosters"}, optional
        Both sides are one model, or differ in their calibration alone: neither is ever promoted.

    Examples
    --------
    >>> from decrochage_risk.evaluate.bootstrap import Difference
    >>> from decrochage_risk.evaluate.gates import GateResult
    >>> worse = Difference(name="log_loss", champion=0.2, challenger=0.3, difference=0.1, low=0.08, high=0.12)
    >>> decide(worse, [], [])[0]
    'keep'
    """
    if same == "model":
        return "review", (SAME_MODEL,)
    doubts = _untrusted(seen_years, leavers, stayers)
    causes = [*doubts, _better(log_loss, margin), *_gate_causes(gates, champion_gates)]
    causes += [SAME_BOOSTERS] if same == "boosters" else []
    calls = {cause.calls_for for cause in causes}
    # Figures that are not to be trusted can neither promote a model nor condemn it.
    if doubts:
        return "review", tuple(causes)
    verdict: ComparisonVerdict = "keep" if "keep" in calls else "review" if "review" in calls else "promote"
    return verdict, tuple(causes)


def _untrusted(seen_years: Sequence[int], leavers: int, stayers: int) -> list[Cause]:
    causes = []
    if seen_years:
        years = join([school_year(year) for year in seen_years])
        sentence = f"un des deux modèles a appris sur {years} : ses chiffres y sont trop favorables"
        causes.append(Cause(code="year_in_training", calls_for="review", sentence=sentence))
    if min(leavers, stayers) < LEAST_EVENTS:
        sentence = (
            f"trop peu d'élèves pour décider : moins de {LEAST_EVENTS} "
            f"{'sortis' if leavers < LEAST_EVENTS else 'restés'}"
        )
        causes.append(Cause(code="too_few_pupils", calls_for="review", sentence=sentence))
    return causes


def _better(log_loss: Difference, margin: float) -> Cause:
    evidence = (
        f"log-loss {number(log_loss.champion, 4)} puis {number(log_loss.challenger, 4)}, écart "
        f"{signed(log_loss.difference, 4)} [{signed(log_loss.low, 4)} ; {signed(log_loss.high, 4)}]"
    )
    code: str
    calls_for: ComparisonVerdict
    if log_loss.high < 0:
        code, calls_for, words = "better", "promote", "le nouveau modèle prédit mieux"
    elif log_loss.high < margin:
        code, calls_for = "not_worse", "promote"
        words = f"le nouveau modèle n'est pas moins bon, à {number(margin, 4)} près"
    elif log_loss.low > 0:
        code, calls_for, words = "worse", "keep", "le nouveau modèle prédit moins bien"
    else:
        code, calls_for, words = "not_better", "keep", "rien ne montre que le nouveau modèle prédit mieux"
    return Cause(code=code, calls_for=calls_for, sentence=f"{words} : {evidence}")


def _gate_causes(gates: Sequence[GateResult], champion_gates: Sequence[GateResult]) -> list[Cause]:
    causes = []
    blocks = {(gate.name, gate.dimension, gate.group) for gate in champion_gates if gate.verdict == "block"}
    for gate in gates:
        if gate.verdict in {"block", "review"}:
            both = gate.verdict == "block" and (gate.name, gate.dimension, gate.group) in blocks
            code = "both_blocked" if both else "gate_blocked" if gate.verdict == "block" else "gate_review"
            # A fault that the old model has too is no reason to keep it; somebody has to look.
            calls_for: ComparisonVerdict = "keep" if code == "gate_blocked" else "review"
            also = " ; le modèle en place ne passe pas non plus" if both else ""
            sentence = f"{GROUPED.get(gate.dimension, gate.dimension)}, {gate.group} : {gate.reason}{also}"
            causes.append(Cause(code=code, calls_for=calls_for, sentence=sentence))
    if worst_verdict(gate for gate in gates if gate.dimension == "sex") == "not_applicable":
        count = sum(gate.verdict != "not_applicable" for gate in gates)
        sentence = (
            "l'équité entre filles et garçons n'a pas pu être mesurée "
            f"({plural(count, 'critère jugé', 'critères jugés')} en tout)"
        )
        causes.append(Cause(code="fairness_not_measured", calls_for="review", sentence=sentence))
    return causes
