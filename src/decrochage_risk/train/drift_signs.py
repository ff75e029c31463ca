"""Which features of two days may be compared: windows with as much school, and records that go back as far.

A window of four weeks that holds holidays is not one that holds none, and a sum over the years known grows with the
archive, whatever pupils do. What cannot be compared is told, never judged.

The checks of the drift watch that read no label, one function each: shifts, missing tables, two samples.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from decrochage_risk.errors import CalendarError
from decrochage_risk.evaluate.drift import ALPHA, DESIGN, DriftSign, psi, psi_verdict
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.features.windows import YEAR_AND_PREVIOUS
from decrochage_risk.french import number, percent, plural, signed
from decrochage_risk.model import SCORE
from decrochage_risk.school_year import school_year_of, year_start
from decrochage_risk.small_cells import is_small

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.evaluate.drift import DriftVerdict
    from decrochage_risk.model import FeatureDistributions
    from decrochage_risk.school_year import SchoolCalendar

    Floats = npt.NDArray[np.float64]


__all__ = [
    "alike_extent",
    "bounded_sign",
    "comparable_columns",
    "current_columns",
    "knowledge_sign",
    "missing_table_signs",
    "not_measured",
    "shift_signs",
    "two_sample_sign",
    "uncompared_sign",
    "within_extent",
]

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
    expectation, rows = kept.expected(_EXTENT, groups)
    codes = kept.bins(_EXTENT, features[_EXTENT].to_numpy(dtype=np.float64))
    counts = np.bincount(codes, minlength=len(expectation))
    there = (counts > 0) | (expectation > 0)
    shift = psi(expectation[there], counts[there])
    return psi_verdict(shift, int(there.sum()), float(len(features)), rows, tests=1)[1] == "ok"


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
    counts = {"le calendrier de l’année": calendar, "l’étendue de l’historique connu": len(left) - calendar}
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
    # As many half-days, and holidays at the same distance: recent weeks weigh more in what features count.
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


MISSING_WATCH: Final = 0.05
MISSING_STOP: Final = 0.30
"""Rise of the share of pupils for whom a table is not known: a twentieth is a class, a third is a table."""
TWO_SAMPLE_WATCH: Final = 0.65
TWO_SAMPLE_STOP: Final = 0.80
"""AUC of telling two years apart: 0.5 when they are alike; these bounds are conventions."""
LEAST_ROWS: Final = 25
"""Known rows, there or expected, under which a column is not compared: the training's counts are rounded to fives."""
_SAMPLE: Final = 3_000
_COARSE_UNDER: Final = 400
TABLES: Final = {
    "absences": "absences",
    "grades": "notes",
    "orientation": "orientation",
    "enrolments": "inscriptions",
    "pupils": "âge et retard",
}


def shift_signs(
    kept: FeatureDistributions,
    features: pd.DataFrame,
    references: Mapping[str, tuple[Floats, float]],
    *,
    current: Sequence[str],
    tests: int | None = None,
    coarse: bool = False,
) -> list[DriftSign]:
    """Compare each column with its expected shares; history of earlier years where it is known only.

    Parameters
    ----------
    kept : FeatureDistributions
        Bins of the training.
    features : DataFrame
        Rows, before anything is filled.
    references : mapping of str to (shares, rows)
        What is expected of each column, and from how many rows.
    current : sequence of str
        Columns whose window lies in the school year: a missing value of the others may be but a shorter history.
    tests : int, optional
        Number of tests that the chance of an alarm is divided by.
    coarse : bool
        Join bins two by two where there are few rows.
    """
    signs = []
    for name, (shares, sample_size) in references.items():
        rows = sample_size
        codes = kept.bins(name, features[name].to_numpy(dtype=np.float64))
        counts = np.bincount(codes, minlength=len(shares)).astype(np.float64)
        expectation = np.asarray(shares, dtype=np.float64)
        # The history of earlier years: how much of it is known depends on the archive, so that bin is left
        # out.
        if name not in current:
            counts, expectation = counts[1:], expectation[1:]
            rows = sample_size * float(expectation.sum())
        sign = _shift(
            name, counts, expectation, rows, len(references) if tests is None else tests, coarse=coarse
        )
        signs += [] if sign is None else [sign]
    return signs


def _shift(
    name: str, counts: Floats, expectation: Floats, rows: float, tests: int, *, coarse: bool
) -> DriftSign | None:
    if min(counts.sum(), rows) < LEAST_ROWS:
        return None
    expectation = expectation / expectation.sum()
    if coarse and min(counts.sum(), rows) < _COARSE_UNDER:
        counts, expectation = (
            np.add.reduceat(one, np.r_[0, np.arange(1, len(one), 2)]) for one in (counts, expectation)
        )
    # Bins that are empty on both sides would only add degrees of freedom.
    there = (counts > 0) | (expectation > 0)
    above, verdict = psi_verdict(
        psi(expectation[there], counts[there]), int(there.sum()), float(counts.sum()), rows, tests
    )
    label = "score avant calibration" if name == SCORE else name
    check = "score" if name == SCORE else "feature"
    return DriftSign(
        check=check,
        subject=label,
        figure=above,
        verdict=verdict,
        sentence=f"{label} : PSI {number(above, 2)} au-delà du hasard",
    )


def missing_table_signs(
    features: pd.DataFrame, expected: Mapping[str, float], current: Sequence[str], tests: int = 1
) -> list[DriftSign]:
    """Compare the share of pupils for whom a table is not known; a table is known where one feature of it is."""
    from scipy.stats import norm  # noqa: PLC0415  # heavy: loaded on first use

    names: dict[str, list[str]] = {}
    for name in current:
        if name != SCORE:
            names.setdefault(FEATURE_BY_NAME[name].table, []).append(name)
    signs = []
    for table, columns in names.items():
        # The best known feature of the table: the others may be unknown for reasons of their own.
        now = float(features[columns].isna().mean().min())
        then = min(float(expected[name]) for name in columns)
        rise = now - then
        error = np.sqrt(DESIGN * max(then * (1 - then), 0.25 / len(features)) / len(features))
        verdict: DriftVerdict = "ok"
        if rise > max(MISSING_WATCH, float(norm.isf(ALPHA / (tests * len(names)))) * error):
            verdict = "stop" if rise >= MISSING_STOP else "watch"
        label = TABLES.get(table, table)
        count = round(now * len(features))
        few = is_small(count, len(features) - count)
        sentence = f"{label} : données non connues pour {percent(now)} des élèves, {percent(then)} attendus"
        if few:
            sentence = f"{label} : part des données non connues masquée, {percent(then)} attendus"
        signs.append(
            DriftSign(
                check="missing_table",
                subject=label,
                figure=None if few else rise,
                verdict=verdict,
                sentence=sentence,
            )
        )
    return signs


def knowledge_sign(is_learnt: npt.NDArray[np.bool_]) -> DriftSign:
    """Judge the share of pupils of whom so little, or so much, is known together that the training hardly held the pattern.

    Parameters
    ----------
    is_learnt : (n,) bool array
        Which pupils have a pattern of knowledge with rows enough in the training (``Knowledge.is_learnt``).

    Examples
    --------
    >>> [knowledge_sign(np.arange(1000) >= rare).verdict for rare in (0, 100, 400)]
    ['ok', 'watch', 'stop']
    """
    rare, pupils = int((~is_learnt).sum()), len(is_learnt)
    share = rare / max(pupils, 1)
    # A share that chance alone may give around none at all is that of a few pupils: a class, never a table.
    verdict: DriftVerdict = "ok"
    if share > MISSING_WATCH:
        verdict = "stop" if share >= MISSING_STOP else "watch"
    few = is_small(rare, pupils - rare)
    share_text = "part masquée" if few else percent(share)
    return DriftSign(
        check="knowledge",
        subject="ce qui est connu",
        figure=None if few else share,
        verdict=verdict,
        sentence=f"élèves dont l'ensemble des données connues était trop rare à l'apprentissage : {share_text}",
    )


def two_sample_sign(
    now: tuple[npt.NDArray[np.intp], npt.NDArray[np.object_]],
    before: tuple[npt.NDArray[np.intp], npt.NDArray[np.object_]] | None,
    seed: int,
) -> DriftSign:
    """Try to tell this year's rows from last year's; a pupil of both years is never on both sides of a fold."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415  # heavy: loaded on first use
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415  # same
    from sklearn.model_selection import GroupKFold, cross_val_predict  # noqa: PLC0415  # same
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # same

    subject = "année en cours et année précédente"
    if before is None or not before[0].size:
        return not_measured("two_sample", subject, "l'année précédente n'est pas dans les extraits")
    rng = np.random.default_rng(seed)
    parts, owners = [], []
    for codes, people in (before, now):
        # Sorted again, as the folds of the classifier follow the order of the rows.
        at = np.sort(rng.permutation(len(people))[:_SAMPLE])
        parts.append(codes[at])
        owners.append(people[at])
    which = np.repeat([0, 1], [len(part) for part in parts])
    # By pupil: somebody of both years in training and test would be recognised as a person.
    groups = pd.factorize(np.concatenate(owners))[0]
    classifier = HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=8, early_stopping=False, random_state=seed
    )
    with threadpool_limits(limits=1):  # the same sums whatever the machine
        predictions = cross_val_predict(
            classifier, np.vstack(parts), which, groups=groups, cv=GroupKFold(4), method="predict_proba"
        )[:, 1]
    auc = float(roc_auc_score(which, predictions))
    verdict: DriftVerdict = "ok" if auc < TWO_SAMPLE_WATCH else "watch" if auc < TWO_SAMPLE_STOP else "stop"
    sentence = f"un classifieur distingue les deux années avec une AUC de {number(auc, 2)} (0,5 : semblables)"
    return DriftSign(check="two_sample", subject=subject, figure=auc, verdict=verdict, sentence=sentence)


def not_measured(check: str, subject: str, why: str) -> DriftSign:
    """Say why a check was not made."""
    return DriftSign(check=check, subject=subject, figure=None, verdict="not_measured", sentence=why)


def bounded_sign(
    check: str,
    subject: str,
    words: str,
    measured: tuple[float, float],
    expected: float,
    watch: tuple[float, float],
    stop: tuple[float, float],
) -> DriftSign:
    """Judge a figure with the half of its interval: to watch beyond the first bounds and chance, to stop beyond the others.

    Examples
    --------
    >>> [bounded_sign("slope", "pente", "pente", (0.5, half), 1.0, (0.9, 1.1), (0.75, 1.33)).verdict for half in (0.6, 0.3, 0.1)]
    ['ok', 'watch', 'stop']
    """
    figure, half = measured
    low, high = figure - half, figure + half
    verdict: DriftVerdict = "ok"
    # Both: surely off, and off by enough to matter.
    if (low > expected or high < expected) and not watch[0] < figure < watch[1]:
        verdict = "stop" if high < stop[0] or low > stop[1] else "watch"
    sentence = f"{words} {signed(figure, 2)} [{signed(low, 2)} ; {signed(high, 2)}]"
    return DriftSign(check=check, subject=subject, figure=figure, verdict=verdict, sentence=sentence)
