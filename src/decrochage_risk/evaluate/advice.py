"""What follows from the figures of a report, as codes for a program and sentences for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate.gates import worst_verdict
from decrochage_risk.french import number, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.evaluate.bootstrap import PairedDifference
    from decrochage_risk.evaluate.figures import Figures
    from decrochage_risk.evaluate.gates import GateResult

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
    found = [_chance(above_chance), _gates(gates, "block"), _logistic(logistic)]
    found += [_schools(figures.within_school_auc), _gates(gates, "review")]
    return tuple(one for one in found if one is not None)


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
