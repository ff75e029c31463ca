"""The leak alarm: a single feature that tells the outcome by itself, or whose being unknown does, knows too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import LeakError, ModelError, explain_error
from decrochage_risk.evaluate.ranking import auc, within_group_auc
from decrochage_risk.french import number
from decrochage_risk.model.unknown_flags import UNKNOWN_FLAGS, UNKNOWN_LABELS
from decrochage_risk.risk.numeric_table import columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from decrochage_risk.model import Snapshots

    Floats = npt.NDArray[np.float64]

__all__ = [
    "LEAK_AUC",
    "Signal",
    "missing_signals",
    "missing_warnings",
    "refuse_leaks",
    "signals_of",
    "stand_in_warnings",
]

LEAK_AUC = 0.95
"""AUC of one feature, in either direction, above which training stops: a choice of this project. What is known of a pupil on
a day says much of the risk, but no single value of it settles what came of the pupil months later."""

LEAST_OF_A_CLASS = 20
"""Pupils with and without the event under which the AUC of one feature says nothing: chance alone makes 0.95 of 3 pupils,
and a pupil's rows of several as-of dates are one pupil."""

STAND_IN_SEX = 0.75
"""AUC with which a feature of one's own may tell girls from boys, in either direction, before the card says that it stands for
the sex: a choice of this project, beyond what absences and marks do in the cohorts it was tried on."""

STAND_IN_SCHOOL = 0.75
"""Share of the variance of a feature of one's own that may lie between schools before the card says that it stands for the school:
a choice of this project; what a pupil does differs mostly within a school."""

TELLING = 0.02
"""Distance from 0.5 that the AUC of being unknown must have to be reported, among pupils of one level and time of year."""

CHANCE = 3 / 12**0.5
"""Divided by the root of the number of pupils with the event, three standard errors of the AUC of a score that says nothing."""


@dataclass(frozen=True)
class Signal:
    """What one feature tells by itself.

    Attributes
    ----------
    name : str
        The column.
    value : float
        AUC of its value over the rows that have one, from 0.5 (nothing) to 1, whatever the direction.
    unknown : float
        AUC of its being unknown, from 0.5 to 1.
    known_share : float
        Share of the rows that have a value.
    value_alike, unknown_alike : float
        The same AUC over pairs of rows of one level and time of year: what no feature is known of at some levels says
        only which level it is.
    chance : float
        Distance from 0.5 that chance alone may give.
    """

    name: str
    value: float
    unknown: float
    known_share: float
    value_alike: float
    unknown_alike: float
    chance: float


def signals_of(snapshots: Snapshots) -> tuple[Signal, ...]:
    """Measure every column by itself.

    Examples
    --------
    >>> import pandas as pd
    >>> from decrochage_risk.model import Snapshots
    >>> outcome = np.repeat([0.0, 1.0], 30)
    >>> table = pd.DataFrame({"leak": outcome, "half": np.where(np.arange(60) % 2, np.nan, outcome)})
    >>> [(signal.name, signal.value, signal.unknown) for signal in signals_of(Snapshots(table, outcome, table, {}))]
    [('leak', 1.0, 0.5), ('half', 0.5, 0.5)]
    """
    outcome, alike = snapshots.outcome, snapshots.rows.get("reference_group")
    groups = np.zeros(outcome.size) if alike is None else alike.to_numpy()
    ids = snapshots.rows.get("pupil_id")
    pupils = np.arange(outcome.size) if ids is None else pd.factorize(ids)[0]
    # by chance an AUC lies the further from 0.5 the fewer the leavers; a pupil has many rows and counts once
    chance = CHANCE / max(_pupils(pupils[outcome == 1]), 1) ** 0.5
    signals = []
    for name, values in columns_of(snapshots.features):
        present = ~np.isnan(values)
        unknown = (~present).astype(np.float64)
        signals.append(
            Signal(
                name,
                _strength(outcome[present], values[present], pupils[present]),
                _strength(outcome, unknown, pupils),
                float(present.mean()),
                _strength(outcome[present], values[present], pupils[present], groups[present]),
                _strength(outcome, unknown, pupils, groups),
                chance,
            )
        )
    return tuple(signals)


def _pupils(pupils: npt.NDArray[np.intp]) -> int:
    return int(np.unique(pupils).size)


def _strength(
    outcome: Floats, score: Floats, pupils: npt.NDArray[np.intp], groups: npt.NDArray[Any] | None = None
) -> float:
    """AUC in the better direction, 0.5 where too few pupils had the event, or too few had not."""
    # A column that is the same for everybody ranks nobody: most flags of what is not known are, and an area
    # is dear.
    if score.size == 0 or (score == score[0]).all():
        return 0.5
    if min(_pupils(pupils[outcome == 1]), _pupils(pupils[outcome == 0])) < LEAST_OF_A_CLASS:
        return 0.5
    area = auc(outcome, score) if groups is None else within_group_auc(outcome, score, groups)
    return 0.5 if area is None else max(area, 1.0 - area)


def refuse_leaks(signals: Sequence[Signal], allowed: Iterable[str] = ()) -> None:
    """Stop when a feature tells the outcome by itself.

    Parameters
    ----------
    signals : sequence of Signal
        Of the training rows.
    allowed : iterable of str
        Features that were looked at and found right: they are let through.

    Raises
    ------
    LeakError
        With every such feature and its AUC.
    ModelError
        ``allowed`` names columns that are not there.
    """
    # A text alone is one name, not its letters.
    names = (allowed,) if isinstance(allowed, str) else tuple(allowed)
    unknown = sorted(set(names) - {signal.name for signal in signals})
    if unknown:
        raise ModelError(
            explain_error(
                f"allow_leaks names {', '.join(map(repr, unknown))}, which the training table does not have",
                expected="names of features, as in docs/features.md",
                hint="Correct the names, or leave them out.",
            )
        )
    leaks = [signal for signal in signals if _worst(signal) > LEAK_AUC and signal.name not in names]
    if leaks:
        raise LeakError(_message(leaks))


def _worst(signal: Signal) -> float:
    # Being unknown leaks too: marks that were deleted when a pupil left.
    return max(signal.value, signal.unknown)


def _message(leaks: Sequence[Signal]) -> str:
    lines = [
        f"{signal.name} (AUC {_worst(signal):.3f} of its {'value' if signal.value >= signal.unknown else 'being unknown'})"
        for signal in leaks
    ]
    names = ", ".join(f'"{signal.name}"' for signal in leaks)
    return explain_error(
        f"A single feature tells the outcome by itself: {', '.join(lines)}",
        expected=f"no feature with an AUC above {LEAK_AUC} in either direction on the training rows",
        hint="Look for rows that were written once the outcome was known: marks or absences entered or deleted after a pupil "
        "left, a leaving date in another column, dates of the extract in place of those of the event; export recorded_on and "
        f"justified_on. If the feature is right, go on with allow_leaks=({names},).",
    )


def missing_signals(signals: Sequence[Signal]) -> list[dict[str, Any]]:
    """List the features whose being unknown tells more of the outcome than their value, the strongest first.

    Among pupils of one level and time of year, and beyond chance.

    Returns
    -------
    list of dict
        ``feature``, ``auc_unknown``, ``auc_value`` and ``known_share``, rounded to 4 decimals; ``flag``: by which flag of
        what is not known the model learns it, empty if by none.
    """
    telling = [
        signal
        for signal in signals
        # Among pupils alike: between levels a table is missing for reasons that have nothing to do with
        # leaving.
        if signal.unknown_alike - 0.5 >= max(TELLING, signal.chance)
        and signal.unknown_alike > signal.value_alike
        and signal.known_share > 0
    ]
    return [
        {
            "feature": signal.name,
            "auc_unknown": round(signal.unknown_alike, 4),
            "auc_value": round(signal.value_alike, 4),
            "known_share": round(signal.known_share, 4),
            "flag": _FLAG_OF.get(signal.name, ""),
        }
        for signal in sorted(telling, key=lambda signal: (-signal.unknown_alike, signal.name))
    ]


def missing_warnings(found: Sequence[dict[str, Any]]) -> list[str]:
    """Word :func:`missing_signals` for the model card, in French."""
    return [
        f"`{signal['feature']}` : être inconnu annonce l'issue (AUC {number(signal['auc_unknown'], 2)}) mieux que la valeur "
        f"(AUC {number(signal['auc_value'], 2)}){_by_flag(signal['flag'])} ; vérifier ce qui n'est pas saisi pour les élèves "
        "partis"
        for signal in found
    ]


def stand_in_warnings(snapshots: Snapshots, names: Iterable[str]) -> list[str]:
    """Say which features stand for the sex or the school, in French; of what no feature may be, only these two are held.

    Parameters
    ----------
    snapshots : Snapshots
        The training rows, with ``sex`` and ``school_id`` where they are known.
    names : iterable of str
        Features that a package of one's own declares.

    Examples
    --------
    >>> from decrochage_risk.model import Snapshots
    >>> sex, school = np.tile(["F", "M"], 40), np.repeat(["a", "b"], 40)
    >>> table = pd.DataFrame({"like_sex": sex == "F", "like_school": school == "a", "fine": np.arange(80) % 7}).astype(float)
    >>> rows = pd.DataFrame({"pupil_id": np.arange(80), "sex": sex, "school_id": school})
    >>> [words.partition(" : ")[0] for words in stand_in_warnings(Snapshots(table, np.zeros(80), rows, {}), table)]
    ['`like_sex`', '`like_school`']
    """
    pupils = pd.factorize(snapshots.rows["pupil_id"])[0]
    sex = snapshots.rows["sex"].map({"F": 1.0, "M": 0.0}).to_numpy(dtype=np.float64)
    schools = pd.factorize(snapshots.rows["school_id"])[0]
    warnings = []
    for name in names:
        values = snapshots.features[name].to_numpy(dtype=np.float64)
        both = ~np.isnan(values) & ~np.isnan(sex)
        area = _strength(sex[both], values[both], pupils[both])
        if area > STAND_IN_SEX:
            warnings.append(
                f"`{name}` : distingue les filles des garçons (AUC {number(area, 2)}) ; à retirer ou à justifier"
            )
        has_both = ~np.isnan(values) & (schools >= 0)
        share = _between_share(values[has_both], schools[has_both])
        if share > STAND_IN_SCHOOL:
            warnings.append(
                f"`{name}` : désigne l'établissement ({number(100 * share)} % de sa variance est entre établissements) ; à retirer ou à justifier"
            )
    return warnings


def _between_share(values: Floats, groups: npt.NDArray[np.intp]) -> float:
    """Share of the variance that lies between groups; 0 where there is none."""
    if values.size == 0 or (values == values[0]).all():
        return 0.0
    count = np.maximum(np.bincount(groups), 1)
    mean = np.bincount(groups, weights=values) / count
    return float(((mean[groups] - values.mean()) ** 2).sum() / ((values - values.mean()) ** 2).sum())


_FLAG_OF = {column: flag for flag, columns in UNKNOWN_FLAGS.items() for column in columns}


def _by_flag(flag: str) -> str:
    """Say by which flag the model learns that a feature is not known."""
    return f", ce que le modèle apprend par `{flag}` ({UNKNOWN_LABELS[flag]})" if flag else ""
