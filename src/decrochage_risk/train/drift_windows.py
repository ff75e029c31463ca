"""Which features of two days may be compared: windows with as much school, and records that go back as far.

A window of four weeks that holds holidays is not one that holds none, and a sum over the years known grows with the
archive, whatever pupils do. What cannot be compared is told, never judged.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.errors import CalendarError
from decrochage_risk.evaluate.drift import DriftSign, psi, psi_verdict
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.features.windows import YEAR_AND_PREVIOUS
from decrochage_risk.french import plural
from decrochage_risk.model import SCORE
from decrochage_risk.school_year import school_year_of, year_start

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.model import FeatureDistributions
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["alike_extent", "comparable_columns", "current_columns", "uncompared_sign", "within_extent"]

_SHORT: Final = {"4w": 28, "12w": 84}
_CURRENT: Final = (*_SHORT, "year", "before_4w", "before_12w")
_TOLERANCE: Final = 0.05
_BLOCK: Final = 42
_EXTENT: Final = "years_known"
_UNDATED: Final = "pupils"


def comparable_columns(
    columns: Iterable[str], calendar: SchoolCalendar, day: date, others: Iterable[date]
) -> list[str]:
    """Keep the columns of pupils whose windows hold about as many half-days on one day as on the others.

    Windows since September always do. Windows of some weeks, features that rest on the last weeks of a longer one, and
    the score, which rests on them, do where their possible half-days differ by 5 % at most from those of each other day and
    every six weeks of them hold as many weeks with school: a share of nine weeks is none of eight, and one half is held
    against the other. Days outside the calendar cannot be told. What describes the records is no column of pupils.

    Examples
    --------
    >>> from decrochage_risk.school_year import SchoolCalendar
    >>> zone_b = SchoolCalendar.for_zone("B")
    >>> names = ["absence_rate_4w", "absence_rate_change", "absence_rate_year", "school_weeks_year", "score"]
    >>> comparable_columns(names, zone_b, date(2025, 3, 5), [date(2024, 12, 5)])
    ['absence_rate_year']
    """
    days = list(others)
    fits = {name: all(_alike(calendar, span, day, other) for other in days) for name, span in _SHORT.items()}
    return [name for name in columns if _comparable(name, fits)]


def _comparable(name: str, fits: dict[str, bool]) -> bool:
    if name not in FEATURE_BY_NAME:
        return all(fits.values())
    feature = FEATURE_BY_NAME[name]
    windows = (feature.window, feature.latest)
    return not feature.of_records and all(
        fits.get(window.name, True) for window in windows if window is not None
    )


def current_columns(columns: Iterable[str]) -> list[str]:
    """Keep the columns whose window lies in the school year: what they miss is no shorter history.

    Examples
    --------
    >>> current_columns(["absence_rate_year", "absence_rate_since_4e", "score"])
    ['absence_rate_year', 'score']
    """
    return [name for name in columns if name == SCORE or FEATURE_BY_NAME[name].window.name in _CURRENT]


def alike_extent(kept: FeatureDistributions, features: pd.DataFrame, groups: npt.ArrayLike) -> bool:
    """Tell whether the records of these pupils go back as many years as those of the training did.

    The years known of each pupil are held against those of the training at the same level and month; a training in which
    everybody had as many cannot tell more of them from as many, so that they are then not alike.
    """
    if _EXTENT not in kept.columns or not len(kept.edges[_EXTENT]):
        return False
    expected, rows = kept.expected(_EXTENT, groups)
    codes = kept.bins(_EXTENT, features[_EXTENT].to_numpy(dtype=np.float64))
    counts = np.bincount(codes, minlength=len(expected))
    there = (counts > 0) | (expected > 0)
    found = psi(expected[there], counts[there])
    return psi_verdict(found, int(there.sum()), float(len(features)), rows, tests=1)[1] == "ok"


def within_extent(columns: Iterable[str]) -> list[str]:
    """Keep the columns whose values do not depend on how many years are known.

    They look at the school year alone, or at it and the one before (and are unknown without that one), or are undated. The
    score stays too: it rests on all of them, and who holds it against another day says what else moves it.

    Examples
    --------
    >>> within_extent(["mean_grade_year", "absence_rate_since_4e", "grade_change_last_year", "years_behind", "score"])
    ['mean_grade_year', 'grade_change_last_year', 'years_behind', 'score']
    """
    names = list(columns)
    current = set(current_columns(names))
    return [
        name
        for name in names
        if name in current
        or FEATURE_BY_NAME[name].window.name == YEAR_AND_PREVIOUS.name
        or FEATURE_BY_NAME[name].table == _UNDATED
    ]


def uncompared_sign(columns: Iterable[str], in_time: Collection[str], judged: Collection[str]) -> DriftSign:
    """Say how many features are not compared, and why: holidays elsewhere, or records of another extent.

    Parameters
    ----------
    columns : iterable of str
        Those of the training.
    in_time : collection of str
        Those that the calendar lets be compared.
    judged : collection of str
        Those of them that are.

    Examples
    --------
    >>> names = ["mean_grade_12w", "mean_grade_year", "years_known"]
    >>> uncompared_sign(names, names[1:2], names[1:2]).sentence
    '2 caractéristiques non comparées : 1 pour le calendrier de l’année, 1 pour l’étendue de l’historique connu'
    """
    left = [name for name in columns if name in FEATURE_BY_NAME and name not in judged]
    calendar = sum(name not in in_time and not FEATURE_BY_NAME[name].of_records for name in left)
    counts = {
        "le calendrier de l’année": calendar,
        "l’étendue de l’historique connu": len(left) - calendar,
    }
    causes = [f"{count} pour {cause}" for cause, count in counts.items() if count]
    many = "s" if len(left) > 1 else ""
    sentence = (
        f"{plural(len(left), 'caractéristique')} non comparée{many} : {', '.join(causes)}"
        if causes
        else "toutes les caractéristiques sont comparées"
    )
    return DriftSign(
        check="extent",
        subject="étendue des données",
        figure=None,
        verdict="not_measured" if causes else "ok",
        sentence=sentence,
    )


def _alike(calendar: SchoolCalendar, span: int, day: date, other: date) -> bool:
    try:
        here, there = (_school(calendar, span, one) for one in (day, other))
    except CalendarError:
        return False
    return here[1] == there[1] and abs(here[0] - there[0]) <= _TOLERANCE * max(here[0], there[0])


def _school(calendar: SchoolCalendar, span: int, day: date) -> tuple[int, list[int]]:
    """Half-days of a window, and weeks with school in each six weeks of it, the latest first."""
    first = max(day - timedelta(days=span), year_start(school_year_of(day)))
    starts = [max(first, day - timedelta(days=back + _BLOCK)) for back in range(0, span, _BLOCK)]
    weeks = [
        _weeks(calendar, start, day - timedelta(days=back))
        for start, back in zip(starts, range(0, span, _BLOCK), strict=True)
    ]
    return calendar.half_days_between(first, day), weeks


def _weeks(calendar: SchoolCalendar, first: date, after: date) -> int:
    days = [first + timedelta(days=one) for one in range((after - first).days)]
    return len({day.isocalendar()[:2] for day in days if calendar.half_days(day)})
