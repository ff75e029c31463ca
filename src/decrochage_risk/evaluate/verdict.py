"""What follows from figures, as codes for a program and French sentences for a reader.

Of a comparison of two models: promote, keep or review, with each cause. Of a report on one model: what to do, or not, with it.

Figures that flatter a model (a year that it has learnt, too few pupils) can only call for a review, and no better ranking
pays for an unfair list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate.gates import GateResult, worst_verdict
from decrochage_risk.evaluate.tables import DIMENSIONS
from decrochage_risk.french import day, join, number, plural, school_year, signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from decrochage_risk.evaluate.bootstrap import Difference, PairedDifference
    from decrochage_risk.evaluate.figures import Figures


__all__ = [
    "GROUPED",
    "LEAST_EVENTS",
    "LOGISTIC",
    "MARGIN",
    "SAME_BOOSTERS",
    "SAME_MODEL",
    "Advice",
    "Cause",
    "ComparisonVerdict",
    "Same",
    "advise",
    "decide",
    "shipped_instead",
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
        ``gate_review``, ``fairness_not_measured``, ``year_in_training``, ``learnt_later``, ``too_few_pupils``,
        ``same_model``, ``same_boosters``.
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


def decide(  # noqa: PLR0913 - what speaks for and against, each with its default
    log_loss: Difference,
    gates: Sequence[GateResult],
    champion_gates: Sequence[GateResult],
    *,
    margin: float = MARGIN,
    seen_years: Sequence[int] = (),
    learnt_later: Sequence[date] = (),
    leavers: int = LEAST_EVENTS,
    stayers: int = LEAST_EVENTS,
    same: Same | None = None,
) -> tuple[ComparisonVerdict, tuple[Cause, ...]]:
    """Decide: nothing that flatters a model can promote it, and no better ranking pays for an unfair list.

    ``review`` wins when nothing was compared (the same model on both sides), or the comparison itself cannot be trusted (a
    year of the training, outcomes that nobody knew on the compared dates, too few pupils); then ``keep`` when the challenger is worse, not better, or blocked by a gate that the champion passes; then ``review`` when a
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
    learnt_later : sequence of date
        Closing days, after the first compared date, of outcomes of other years that one of the models has learnt from.
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
    doubts = _untrusted(seen_years, learnt_later, leavers, stayers)
    causes = [*doubts, _better(log_loss, margin), *_gate_causes(gates, champion_gates)]
    causes += [SAME_BOOSTERS] if same == "boosters" else []
    calls = {cause.calls_for for cause in causes}
    # Figures that are not to be trusted can neither promote a model nor condemn it.
    if doubts:
        return "review", tuple(causes)
    verdict: ComparisonVerdict = "keep" if "keep" in calls else "review" if "review" in calls else "promote"
    return verdict, tuple(causes)


def _untrusted(
    seen_years: Sequence[int], learnt_later: Sequence[date], leavers: int, stayers: int
) -> list[Cause]:
    causes = []
    if seen_years:
        years = join([school_year(year) for year in seen_years])
        sentence = f"un des deux modèles a appris sur {years} : ses chiffres y sont trop favorables"
        causes.append(Cause(code="year_in_training", calls_for="review", sentence=sentence))
    if learnt_later:
        days = join([day(closing, with_year=True) for closing in learnt_later])
        sentence = (
            f"un des deux modèles a appris d'issues connues seulement le {days}, après la première date comparée : ses chiffres y sont "
            "trop favorables"
        )
        causes.append(Cause(code="learnt_later", calls_for="review", sentence=sentence))
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


LOGISTIC: Final = "régression logistique"
"""Name of the logistic regression among the baselines of a report."""

LEAST_WITHIN_SCHOOL: Final = 0.65
"""AUC within schools under which a score tells schools apart more than pupils."""

CHANCE: Final = 0.5

AdviceCode: TypeAlias = Literal[
    "no_better_than_chance",
    "logistic_shipped",
    "ship_logistic",
    "logistic_undecided",
    "act_on_schools",
    "fairness_block",
    "fairness_review",
    "blind_level",
]


class Advice(BaseModel):
    """One thing that follows from the figures.

    Attributes
    ----------
    code : str
        ``no_better_than_chance``: the 95 % interval of the AUC holds 0.5 or lies below. ``ship_logistic``: the logistic
        regression has the better log loss, by the paired interval. ``logistic_shipped``: so it is what was shipped, and the
        figures are its own. ``logistic_undecided``: that interval holds zero.
        ``act_on_schools``: the AUC within schools is under 0.65. ``fairness_block``, ``fairness_review``: the worst gate.
        ``blind_level``: from the 4e on, a level none of whose leavers is on the list at its threshold.
    sentence : str
        In French.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: AdviceCode
    sentence: str


def advise(
    figures: Figures,
    *,
    above_chance: PairedDifference | None = None,
    differences: Mapping[str, Sequence[PairedDifference]] | None = None,
    gates: Sequence[GateResult] = (),
) -> tuple[Advice, ...]:
    """Say what follows from figures that were measured out of time.

    Parameters
    ----------
    figures : Figures
        Of the model.
    above_chance : PairedDifference, optional
        AUC of the model against that of a score that says nothing.
    differences : mapping of str to sequence of PairedDifference, optional
        Paired differences of the model (first) with each baseline (second), by the baseline's name.
    gates : sequence of GateResult
        Fairness gates.

    Returns
    -------
    tuple of Advice
        The gravest first; empty when nothing stands against the model.

    Examples
    --------
    >>> from decrochage_risk.evaluate.figures import Figures
    >>> found = advise(Figures(rows=900, events=90, base_rate=0.1, auc=0.8, within_school_auc=0.6))
    >>> [one.code for one in found]
    ['act_on_schools']
    """
    logistic = next(
        (one for one in (differences or {}).get(LOGISTIC, ()) if one.statistic == "log_loss"), None
    )
    # In the order of gravity, as the first one is what a hurried reader reads.
    advice = [_chance(above_chance), _gates(gates, "block"), _logistic(logistic)]
    advice += [_schools(figures.within_school_auc), _gates(gates, "review")]
    return tuple(one for one in advice if one is not None)


def shipped_instead(trees: Sequence[Advice], logistic: Sequence[Advice]) -> tuple[Advice, ...] | None:
    """Say that the logistic regression was shipped because the trees were told to give way.

    Parameters
    ----------
    trees, logistic : sequence of Advice
        Of the report on the trees, and of the report on the logistic regression with the declared signs.

    Returns
    -------
    tuple of Advice or None
        Advice of the report on what is shipped; None when the trees were not told to give way.

    Examples
    --------
    >>> told = [Advice(code="ship_logistic", sentence="La régression fait mieux.")]
    >>> [one.code for one in shipped_instead(told, [])], shipped_instead([], []) is None
    (['logistic_shipped'], True)
    """
    cause = next((one for one in trees if one.code == "ship_logistic"), None)
    if cause is None:
        return None
    sentence = (
        f"{cause.sentence} Le modèle livré est donc une régression logistique, avec les sens déclarés des variables ; "
        "les chiffres de cette page sont les siens."
    )
    own = [one for one in logistic if one.code not in ("ship_logistic", "logistic_undecided")]
    return (Advice(code="logistic_shipped", sentence=sentence), *own)


def _chance(above: PairedDifference | None) -> Advice | None:
    if above is None or above.low > 0:
        return None
    low, high = number(CHANCE + above.low, 3), number(CHANCE + above.high, 3)
    return Advice(
        code="no_better_than_chance",
        sentence=f"Le classement ne se distingue pas du hasard (AUC {number(above.first, 3)}, intervalle "
        f"[{low} ; {high}], hasard {number(CHANCE, 1)}) : ne pas utiliser ce modèle, et vérifier que les issues sont celles de ces "
        "élèves et de ces années.",
    )


def _logistic(gap: PairedDifference | None) -> Advice | None:
    if gap is None or gap.better == "first":
        return None
    interval = f"écart de log-loss {number(gap.difference, 5)} [{number(gap.low, 5)} ; {number(gap.high, 5)}]"
    if gap.better == "second":
        return Advice(
            code="ship_logistic",
            sentence="Sur des années qu'aucun des deux n'a vues, la régression logistique fait mieux que les arbres "
            f"({interval}) : c'est elle qu'il faut livrer.",
        )
    return Advice(
        code="logistic_undecided",
        sentence="La régression logistique et les arbres ne sont pas départagés sur des années qu'aucun n'a vues "
        f"({interval}).",
    )


def _schools(within: float | None) -> Advice | None:
    if within is None or within >= LEAST_WITHIN_SCHOOL:
        return None
    return Advice(
        code="act_on_schools",
        sentence=f"À l'intérieur d'un même établissement, l'AUC n'est que de {number(within, 3)} (moins de "
        f"{number(LEAST_WITHIN_SCHOOL, 2)}) : le modèle distingue surtout les établissements. Mieux vaut agir sur l'établissement (moyens, "
        "organisation, climat scolaire) que sur des élèves un par un.",
    )


def _gates(gates: Sequence[GateResult], verdict: Literal["block", "review"]) -> Advice | None:
    if worst_verdict(gates) != verdict:
        return None
    count = sum(gate.verdict == verdict for gate in gates)
    if verdict == "block":
        sentence = (
            f"L'équité fait obstacle ({plural(count, 'contrôle')}) : ne pas émettre de liste avec ce modèle."
        )
        return Advice(code="fairness_block", sentence=sentence)
    sentence = f"L'équité est à examiner avant l'usage ({plural(count, 'contrôle')})."
    return Advice(code="fairness_review", sentence=sentence)
