"""Fairness gates: what a model must hold in every group before it is used, and what is printed but never gated.

A gate asks for the same meaning of a risk in every group (calibration), and between girls and boys for the same share
of missed leavers on the list actually issued. It never asks for equal lists (demographic parity) and never cuts by
percentiles: groups with different rates of leavers must have different lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate.baselines import log_odds
from decrochage_risk.evaluate.groups import (
    MIN_EVENTS,
    MIN_PUPILS,
    difference,
    group_labels,
    is_large_enough,
    share_of,
)
from decrochage_risk.evaluate.reliability import calibration_slope_intercept
from decrochage_risk.evaluate.rows import checked_rows, sorted_codes
from decrochage_risk.french import number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from decrochage_risk.evaluate.groups import Share
    from decrochage_risk.evaluate.rows import Codes, Floats

    Bools: TypeAlias = npt.NDArray[np.bool_]

Verdict: TypeAlias = Literal["pass", "review", "block", "not_applicable"]

SEX: Final = "sex"
"""The dimension whose gap of missed leavers is gated."""
FAMILY_LEVEL: Final = 0.95
"""Coverage of all calibration intervals of one call together."""
SLOPE_ADMITTED: Final = (0.9, 1.1)
SLOPE_BLOCKED: Final = (0.75, 1.33)
INTERCEPT_ADMITTED: Final = (-0.10, 0.10)
INTERCEPT_BLOCKED: Final = (-0.25, 0.25)
GAP_PASSED: Final = 0.05
GAP_REVIEWED: Final = 0.10

_ORDER: Final[tuple[Verdict, ...]] = ("not_applicable", "pass", "review", "block")
_UNTOLD: Final = ("?", "non renseigné")
_TOO_SMALL: Final = (
    f"trop petit : moins de {MIN_PUPILS} élèves, de {MIN_EVENTS} élèves sortis ou de {MIN_EVENTS} restés"
)
_NEVER_GATED: Final = (
    "affichée, jamais un critère : là où le taux de sortie diffère, un seuil commun manque une part différente des "
    "sorties même si les risques sont parfaitement calibrés"
)


class GateResult(BaseModel):
    """What one gate says of one group.

    Attributes
    ----------
    name : str
        ``calibration_slope``, ``calibration_intercept``, ``fnr`` or ``fnr_gap``; ``calibration`` of a group too small.
    dimension, group : str
        What is divided (``"level"``) and the part; of a gap, the two parts ("F / M").
    verdict : {"pass", "review", "block", "not_applicable"}
        ``not_applicable`` for what is too small to judge and for what is printed but never gated.
    figure, low, high : float or None
        The figure and its interval (simultaneous over all groups for calibration, 95 % for shares).
    reason : str
        Why, in French.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    dimension: str
    group: str
    verdict: Verdict
    figure: float | None
    low: float | None
    high: float | None
    reason: str


def worst_verdict(results: Iterable[GateResult]) -> Verdict:
    """Give the gravest verdict: block, review, pass; ``not_applicable`` when nothing was judged.

    Examples
    --------
    >>> worst_verdict([])
    'not_applicable'
    """
    return max((result.verdict for result in results), key=_ORDER.index, default="not_applicable")


def fairness_gates(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    flagged: npt.ArrayLike,
    groups: Mapping[str, Any],
    *,
    pupils: Any = None,  # noqa: ANN401  # any column
) -> tuple[GateResult, ...]:
    """Judge every group of every dimension.

    Calibration: slope and calibration-in-the-large (as `calibration_slope_intercept`), each with an interval whose level is
    divided among all the figures of the call (Bonferroni), so that all of them together cover with 95 %. A figure
    passes when its interval meets the range that the whole model must meet (slope 0.9 to 1.1, intercept
    -0.10 to 0.10), blocks when the interval lies wholly outside a wider range (slope 0.75 to 1.33, intercept
    -0.25 to 0.25: a quarter more or fewer leavers than announced), and is for review in between. Without the
    division, one figure in twenty of a perfect model would fall outside by chance, and a model with forty groups would
    hardly ever pass. Simulated, a
    perfectly calibrated model of 12,000 pupils, four rows each, in 46 groups passed in 494 of 500 draws and was never
    blocked (``benchmarks/gate_alarms.py``). The price is power: in a group of 20
    events only gross miscalibration is seen, which is why the intervals are printed.

    Sex: the gap of the share of leavers missing from the list passes up to 0.05, is for review up to 0.10, and
    blocks above, unless its 95 % interval includes 0.05 (then review). Elsewhere that share (`fnr`) is printed with
    the reason why it is no gate: where the rate of leavers differs, it differs under perfect calibration.

    Parameters
    ----------
    outcome : array_like of shape (rows,)
        0 or 1.
    risk : array_like of shape (rows,)
        Announced probability.
    flagged : array_like of shape (rows,)
        Whether the row stands on the list actually issued.
    groups : mapping of str to array_like of shape (rows,)
        The group of each row, per dimension (``"sex"`` is the gated one). Missing values are a group.
    pupils : array_like of shape (rows,), optional
        Pupil of each row: sizes then count pupils, and intervals allow for several rows of one pupil.

    Returns
    -------
    tuple of GateResult
        Dimensions in their order, groups in the order of their names. Groups of fewer than 100 pupils, 20 pupils with
        the event or 20 without are "trop petit", ``not_applicable``.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        As `decrochage_risk.evaluate.figures.measure`.

    Examples
    --------
    >>> outcome, risk = np.tile([1] + [0] * 9, 100), np.tile([0.2, 0.15, 0.05, 0.05, 0.05], 200)
    >>> results = fairness_gates(outcome, risk, risk > 0.1, {"sex": ["F"] * 500 + ["M"] * 500})
    >>> [(result.name, result.group, result.verdict) for result in results][4:]
    [('fnr', 'F', 'not_applicable'), ('fnr', 'M', 'not_applicable'), ('fnr_gap', 'F / M', 'pass')]
    """
    columns = {"flagged": flagged} if pupils is None else {"flagged": flagged, "pupils": pupils}
    outcomes, risks = checked_rows(outcome, risk, probability=True, columns=columns)
    people = np.arange(len(outcomes)) if pupils is None else sorted_codes(pupils)
    labels = {name: group_labels(name, values, len(outcomes)) for name, values in groups.items()}
    large = {
        (name, group): is_large_enough(outcomes[values == group], people[values == group])
        for name, values in labels.items()
        for group in np.unique(values).tolist()
    }
    # Slope and intercept of each large group: two intervals each share the error of the family (Bonferroni).
    level = 1 - (1 - FAMILY_LEVEL) / max(2 * sum(large.values()), 1)
    gates: list[GateResult] = []
    for (name, group), enough in large.items():
        inside = labels[name] == group
        gates += _calibration_gates(
            name, group, outcomes[inside], risks[inside], people[inside], level if enough else None
        )
    marks = np.asarray(flagged, dtype=np.bool_)
    return (*gates, *_missed_gates(outcomes == 1, ~marks, people, labels, large))


def _calibration_gates(
    dimension: str, group: str, outcome: Floats, risk: Floats, pupils: Codes, level: float | None
) -> list[GateResult]:
    if level is None:
        return [_ungated("calibration", dimension, group, _TOO_SMALL)]
    fit = calibration_slope_intercept(outcome, log_odds(risk), pupils=pupils, level=level)
    parts = (
        ("slope", "pente", fit.slope, fit.slope_low, fit.slope_high, SLOPE_ADMITTED, SLOPE_BLOCKED),
        (
            "intercept",
            "calibration moyenne",
            fit.intercept,
            fit.intercept_low,
            fit.intercept_high,
            INTERCEPT_ADMITTED,
            INTERCEPT_BLOCKED,
        ),
    )
    gates = []
    for name, words, figure, low, high, pass_bounds, block_bounds in parts:
        if figure is None or low is None or high is None:
            gates.append(_ungated(f"calibration_{name}", dimension, group, " ; ".join(fit.causes)))
            continue
        # By the interval, not the figure: a gate asks whether a fault is shown, and small groups show
        # nothing.
        verdict: Verdict = "pass" if _meets(low, high, pass_bounds) else "review"
        if not _meets(low, high, block_bounds):
            verdict = "block"
        gates.append(
            GateResult(
                name=f"calibration_{name}",
                dimension=dimension,
                group=group,
                verdict=verdict,
                figure=figure,
                low=low,
                high=high,
                reason=_calibration_reason(words, (figure, low, high), pass_bounds, block_bounds, verdict),
            )
        )
    return gates


def _meets(low: float, high: float, bounds: tuple[float, float]) -> bool:
    return low <= bounds[1] and high >= bounds[0]


def _calibration_reason(
    words: str,
    interval: tuple[float, float, float],
    pass_bounds: tuple[float, float],
    block_bounds: tuple[float, float],
    verdict: Verdict,
) -> str:
    figure, low, high = (number(value, 2) for value in interval)
    bounds = block_bounds if verdict == "block" else pass_bounds
    place = "rejoint" if verdict == "pass" else "est tout entier hors de"
    limits = f"{number(bounds[0], 2)} à {number(bounds[1], 2)}"
    return f"{words} {figure}, intervalle simultané [{low} ; {high}] : il {place} {limits}"


def _ungated(name: str, dimension: str, group: str, reason: str, share: Share | None = None) -> GateResult:
    return GateResult(
        name=name,
        dimension=dimension,
        group=group,
        verdict="not_applicable",
        figure=None if share is None else share.share,
        low=None if share is None else share.low,
        high=None if share is None else share.high,
        reason=reason,
    )


def _missed_gates(
    events: Bools,
    unlisted: Bools,
    pupils: Codes,
    labels: Mapping[str, npt.NDArray[np.str_]],
    large: Mapping[tuple[str, str], bool],
) -> list[GateResult]:
    """Share of leavers missing from the list, per group; and its gap between the sexes, the only one gated."""
    gates, sexes = [], {}
    for (name, group), enough in large.items():
        share = share_of(unlisted, events & (labels[name] == group), pupils) if enough else None
        if share is None:
            continue
        if name == SEX and group not in _UNTOLD:
            sexes[group] = share
        reason = "l'écart entre filles et garçons est jugé à part" if name == SEX else _NEVER_GATED
        sentence = f"part des sorties absentes de la liste : {percent(share.share, 1)} ; {reason}"
        gates.append(_ungated("fnr", name, group, sentence, share))
    return [*gates, *([_gap_gate(sexes)] if SEX in labels else [])]


def _points(share: float, decimals: int = 0) -> str:
    return f"{number(100 * share, decimals)} points"


def _gap_gate(sexes: Mapping[str, Share]) -> GateResult:
    if len(sexes) != 2:  # noqa: PLR2004  # girls and boys
        return _ungated("fnr_gap", SEX, " / ".join(sexes), f"écart non mesuré : un groupe est {_TOO_SMALL}")
    (first, second) = sexes
    gap, low, high = difference(sexes[first], sexes[second])
    # The end nearest to no gap: only a gap that is surely too large blocks.
    least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    sentence = f"écart de {_points(abs(gap), 1)} entre les parts de sorties absentes de la liste"
    if abs(gap) <= GAP_PASSED:
        verdict, reason = "pass", f"{sentence}, au plus {_points(GAP_PASSED)}"
    elif abs(gap) <= GAP_REVIEWED:
        verdict, reason = "review", f"{sentence}, de {_points(GAP_PASSED)} à {_points(GAP_REVIEWED)}"
    elif least <= GAP_PASSED:
        verdict, reason = (
            "review",
            (
                f"{sentence}, au-delà de {_points(GAP_REVIEWED)}, mais son intervalle comprend {_points(GAP_PASSED)}"
            ),
        )
    else:
        verdict, reason = (
            "block",
            f"{sentence}, au-delà de {_points(GAP_REVIEWED)}, et son intervalle ne comprend pas {_points(GAP_PASSED)}",
        )
    return GateResult(
        name="fnr_gap",
        dimension=SEX,
        group=f"{first} / {second}",
        verdict=verdict,
        figure=gap,
        low=low,
        high=high,
        reason=reason,
    )
