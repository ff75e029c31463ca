"""Shares with intervals that allow for several rows of one pupil: precision, misses, false alarms.

A share over rows whose pupils come back at several as-of dates is worth fewer rows than it has. The design effect says
how many (Kish, Survey Sampling, 1965); the interval is then Jeffreys' on that many rows, in the manner of Korn and
Graubard, Survey Methodology 24, 1998, 193-201.

Figures by group: level, pathway, sex, school, month of the as-of date, kind of exit.

A group too small to be measured is listed with its size and nothing else; it is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk.errors import ColumnsError, explain_error
from decrochage_risk.evaluate.figures import measure
from decrochage_risk.evaluate.rows import checked_rows, sorted_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from decrochage_risk.evaluate.rows import Codes


LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """A share and its interval.

    Attributes
    ----------
    share, low, high : float
        In [0, 1].
    hits, rows : int
        What the share divides.
    effective_rows : float
        Rows that an independent sample of the same precision would have, at most `rows`.
    """

    share: float
    low: float
    high: float
    hits: int
    rows: int
    effective_rows: float


def share_of(
    hits: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_], pupils: Codes, *, level: float = LEVEL
) -> Share | None:
    """Measure the share of `hits` among the rows of `among`, with an interval over whole pupils.

    Parameters
    ----------
    hits, among : ndarray of bool of shape (rows,)
        Numerator and denominator; a hit outside `among` does not count.
    pupils : ndarray of int of shape (rows,)
        Number of the pupil of each row.
    level : float
        Nominal coverage.

    Returns
    -------
    Share or None
        None when no row is in `among`.

    Examples
    --------
    >>> everyone = np.ones(40, dtype=bool)
    >>> alone = share_of(np.arange(40) < 10, everyone, np.arange(40))
    >>> alone.share, round(alone.low, 2), round(alone.high, 2)
    (0.25, 0.14, 0.4)

    Ten pupils, four rows each with one answer, are worth ten rows:

    >>> again = share_of(np.arange(40) < 12, everyone, np.arange(40) // 4)
    >>> again.rows, round(again.effective_rows)
    (40, 9)
    """
    from decrochage_risk.risk import jeffreys_interval  # noqa: PLC0415  # scipy loads on first use

    rows = int(among.sum())
    if not rows:
        return None
    hit = (hits & among)[among].astype(np.float64)
    _, owner = np.unique(pupils[among], return_inverse=True)
    worth = _effective_rows(hit, owner)
    share = float(hit.mean())
    low, high = jeffreys_interval([share * worth], [worth], level=level)
    return Share(share, float(low[0]), float(high[0]), int(hit.sum()), rows, worth)


def _effective_rows(hit: npt.NDArray[np.float64], owner: npt.NDArray[np.intp]) -> float:
    """Rows over the design effect; the number of pupils where the share is 0 or 1 and no effect can be seen."""
    people, rows, share = int(owner.max()) + 1, len(hit), hit.mean()
    # Without any spread between pupils no effect can be seen: each pupil then counts once.
    if share in (0.0, 1.0) or people == 1:
        return float(people)
    total = np.bincount(owner, weights=hit - share)
    variance = float((np.sort(total**2)).sum()) / rows**2 * people / (people - 1)
    plain = share * (1 - share)
    # Never more than the rows: pupils who differ less than chance are luck, not further evidence.
    return min(float(rows), plain / variance) if variance > 0 else float(rows)


def difference(first: Share, second: Share) -> tuple[float, float, float]:
    """First share minus the second, with its interval, for shares of different pupils.

    The interval joins the two shares' own (Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10): it keeps
    their asymmetry and never leaves [-1, 1].

    Examples
    --------
    >>> difference(Share(0.5, 0.4, 0.6, 50, 100, 100.0), Share(0.5, 0.4, 0.6, 50, 100, 100.0))[0]
    0.0
    """
    gap = first.share - second.share
    # Each side by the ends that face it (Newcombe 1998): intervals of shares are not symmetric.
    down = sqrt((first.share - first.low) ** 2 + (second.high - second.share) ** 2)
    up = sqrt((first.high - first.share) ** 2 + (second.share - second.low) ** 2)
    return gap, gap - down, gap + up


MIN_PUPILS = 100
MIN_EVENTS = 20
NOT_KNOWN = "non renseigné"
EXIT_KIND = "exit_kind"


class GroupFigures(BaseModel):
    """Figures of one group.

    Attributes
    ----------
    dimension, group : str
        What is divided (``"level"``) and the part (``"2de_pro"``); a missing value is "non renseigné".
    rows : int or None
        Rows of the group; None when it is `hidden`.
    pupils : int or None
        Distinct pupils; None when the pupils were not told, or it is `hidden`.
    hidden : bool
        Of few pupils, or hidden with such a group: not even the size is given, in a report.
    figures_hidden : bool
        Few of its pupils left, or stayed, or a difference would tell such a count: no figure is given, in a report.
    too_small : bool
        Fewer than 100 pupils, 20 with the event or 20 without: no figure is given.
    events, base_rate, mean_risk, auc, average_precision, log_loss, brier, ici
    slope, slope_low, slope_high, intercept, intercept_low, intercept_high
        As in `decrochage_risk.evaluate.figures.Figures`; None when `too_small`.
    listed : int or None
        Rows on the list actually issued; None without a list.
    missed, false_alarm, precision : float or None, each with ``_low`` and ``_high``
        Share of the rows with the event that the list misses (FNR), of those without that it holds (FPR), and of the
        listed that have the event (PPV), with 95 % intervals over whole pupils.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dimension: str
    group: str
    rows: int | None
    pupils: int | None = None
    hidden: bool = False
    figures_hidden: bool = False
    too_small: bool = False
    events: int | None = None
    base_rate: float | None = None
    mean_risk: float | None = None
    auc: float | None = None
    average_precision: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    ici: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    intercept: float | None = None
    intercept_low: float | None = None
    intercept_high: float | None = None
    listed: int | None = None
    missed: float | None = None
    missed_low: float | None = None
    missed_high: float | None = None
    false_alarm: float | None = None
    false_alarm_low: float | None = None
    false_alarm_high: float | None = None
    precision: float | None = None
    precision_low: float | None = None
    precision_high: float | None = None


_OF_AN_EXIT = ("events", "auc")
_MEASURED = (
    *_OF_AN_EXIT,
    *("base_rate", "mean_risk", "average_precision", "log_loss", "brier", "ici"),
    *("slope", "slope_low", "slope_high", "intercept", "intercept_low", "intercept_high"),
)


def figures_by_group(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    dimensions: Mapping[str, Any],
    *,
    pupils: Any = None,  # noqa: ANN401  # any column
    listed: npt.ArrayLike | None = None,
    min_pupils: int = MIN_PUPILS,
    min_events: int = MIN_EVENTS,
) -> tuple[GroupFigures, ...]:
    """Measure every group of every dimension, dimensions in their order, groups in the order of their names.

    Parameters
    ----------
    outcome, risk : array_like of shape (rows,)
        As in `decrochage_risk.evaluate.figures.measure`.
    dimensions : mapping of str to array_like of shape (rows,)
        The group of each row, per dimension; a data frame of the rows will do. Missing values are a group.
    pupils : array_like of shape (rows,), optional
        Pupil of each row. Sizes count distinct pupils, or rows when this is not given.
    listed : array_like of bool of shape (rows,), optional
        Whether the row is on the list actually issued.
    min_pupils, min_events : int
        Sizes under which a group is too small: 100 pupils, 20 of them with the event and 20 without.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        As `decrochage_risk.evaluate.figures.measure`.

    Examples
    --------
    >>> level = ["2de_pro"] * 100 + ["3e"]
    >>> outcome, risk = [0, 0, 0, 1] * 25 + [0], [0.2, 0.2, 0.3, 0.3] * 25 + [0.1]
    >>> for part in figures_by_group(outcome, risk, {"level": level}):
    ...     print(part.group, part.rows, part.events, part.too_small)
    2de_pro 100 25 False
    3e 1 None True
    """
    optional = {"pupils": pupils, "listed": listed}
    columns = {key: values for key, values in optional.items() if values is not None}
    outcomes, risks = checked_rows(outcome, risk, probability=True, columns=columns)
    people = np.arange(len(outcomes)) if pupils is None else np.asarray(pupils)
    marks = None if listed is None else np.asarray(listed, dtype=np.bool_)
    groups = []
    for dimension, values in dimensions.items():
        labels = group_labels(dimension, values, len(outcomes))
        for group in np.unique(labels):
            inside = labels == group
            rows, distinct = int(inside.sum()), len(pd.unique(people[inside]))
            small = not is_large_enough(
                outcomes[inside], people[inside], min_pupils=min_pupils, min_events=min_events
            )
            figures = None if small else measure(outcomes[inside], risks[inside], pupils=people[inside])
            groups.append(
                GroupFigures(
                    dimension=dimension,
                    group=str(group),
                    rows=rows,
                    pupils=None if pupils is None else distinct,
                    too_small=small,
                    **{name: getattr(figures, name, None) for name in _MEASURED},
                    **_list_shares(outcomes[inside], None if small else marks, inside, people),
                )
            )
    return tuple(groups)


def _list_shares(
    outcome: npt.NDArray[np.float64],
    marks: npt.NDArray[np.bool_] | None,
    inside: npt.NDArray[np.bool_],
    pupils: npt.NDArray[Any],
) -> dict[str, float]:
    """Misses, false alarms and precision of the list in one group; nothing without a list."""
    if marks is None:
        return {}
    mark, event, people = marks[inside], outcome == 1, sorted_codes(pupils[inside])
    shares = {
        "missed": share_of(~mark, event, people),
        "false_alarm": share_of(mark, ~event, people),
        "precision": share_of(event, mark, people),
    }
    figures: dict[str, float] = {"listed": int(mark.sum())}
    for name, share in shares.items():
        if share is not None:
            figures |= {name: share.share, f"{name}_low": share.low, f"{name}_high": share.high}
    return figures


def is_large_enough(
    outcome: npt.NDArray[np.float64],
    pupils: npt.NDArray[Any],
    *,
    min_pupils: int = MIN_PUPILS,
    min_events: int = MIN_EVENTS,
) -> bool:
    """Whether a group has enough pupils, enough of them with the event and enough without.

    Pupils are counted, not their rows: twenty rows of five leavers are five events.

    Examples
    --------
    >>> is_large_enough(np.repeat([0.0, 1.0], 60), np.arange(120)), is_large_enough(np.ones(120), np.arange(120))
    (True, False)
    """
    with_event, without = len(pd.unique(pupils[outcome == 1])), len(pd.unique(pupils[outcome == 0]))
    return len(pd.unique(pupils)) >= min_pupils and min(with_event, without) >= min_events


def group_labels(dimension: str, values: Any, rows: int) -> npt.NDArray[np.str_]:  # noqa: ANN401  # any column
    """Give the group of each row as text; a missing value is "non renseigné".

    Raises
    ------
    ColumnsError
        Another length than `rows`.

    Examples
    --------
    >>> group_labels("sex", ["F", None], 2).tolist()
    ['F', 'non renseigné']
    """
    column = pd.Series(np.asarray(values, dtype=object))
    if len(column) != rows:
        message = explain_error(
            f"Dimension {dimension!r} has {len(column)} row(s), the outcome {rows}",
            expected="one group per measured row",
            hint="Take the groups from the same rows, after the censored ones were left out.",
        )
        raise ColumnsError(message)
    return column.where(column.notna(), NOT_KNOWN).astype(str).to_numpy(dtype=np.str_)


def figures_by_exit(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    kinds: Any,  # noqa: ANN401  # any column
    *,
    pupils: Any = None,  # noqa: ANN401  # any column
    min_pupils: int = MIN_PUPILS,
    min_events: int = MIN_EVENTS,
) -> tuple[GroupFigures, ...]:
    """Measure each kind of exit (during the year, no return in September) against all rows without the event.

    Only counts and AUC are given: the announced risk is of both kinds together, so a calibration on one kind
    would mean nothing. `rows` and `pupils` are those of this comparison.

    Parameters
    ----------
    outcome, risk : array_like of shape (rows,)
        As in `decrochage_risk.evaluate.figures.measure`.
    kinds : array_like of shape (rows,)
        Kind of exit of the rows with the event (missing = "non renseigné"); not read elsewhere.
    pupils, min_pupils, min_events
        As in `figures_by_group`.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        As `decrochage_risk.evaluate.figures.measure`.

    Examples
    --------
    >>> outcome, risk = [0] * 80 + [1] * 20, [0.1] * 80 + [0.3] * 20
    >>> figures_by_exit(outcome, risk, [None] * 80 + ["in_year"] * 20)[0].auc
    1.0
    """
    columns = {} if pupils is None else {"pupils": pupils}
    outcomes, risks = checked_rows(outcome, risk, probability=True, columns=columns)
    labels = group_labels(EXIT_KIND, kinds, len(outcomes))
    people = None if pupils is None else np.asarray(pupils)
    exits = []
    for kind in np.unique(labels[outcomes == 1]):
        # Leavers of the other kind are left out: beside them this kind would be measured against other
        # leavers.
        inside = (outcomes == 0) | (labels == kind)
        (part,) = figures_by_group(
            outcomes[inside],
            risks[inside],
            {EXIT_KIND: np.full(int(inside.sum()), kind)},
            pupils=None if people is None else people[inside],
            min_pupils=min_pupils,
            min_events=min_events,
        )
        # A rate or a calibration among chosen leavers means nothing; only the ranking does.
        exits.append(part.model_copy(update=dict.fromkeys(_MEASURED[len(_OF_AN_EXIT) :])))
    return tuple(exits)
