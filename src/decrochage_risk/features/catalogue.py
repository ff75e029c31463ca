"""The catalogue: every feature, in order, the context columns beside them, and the matrix of their values.

Context columns (the level, the pathway, the time of year, the school's own values) set the base of a risk. They enter the
model without direction and equal the reference pupil by construction: never a reason. Without them, the gap between 18 % in
lycée professionnel and 3 % elsewhere could only enter by proxy. The reference values of classes and schools are the table
``context``, made once out of everyone's records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error, refuse_other_kinds
from decrochage_risk.features.absence import ABSENCE_FEATURES, ABSENCE_TREND_FEATURES
from decrochage_risk.features.against_class import (
    AGAINST_CLASS_FEATURES,
    ENVIRONMENT_COLUMNS,
    MEASURES,
    SUBJECTS,
    environment_of,
)
from decrochage_risk.features.definition import FAMILIES as USUAL_FAMILIES
from decrochage_risk.features.definition import Family, Feature
from decrochage_risk.features.event_windows import Facts, subject_means
from decrochage_risk.features.grades import ASSESSMENT_RHYTHM_FEATURES, GRADE_FEATURES, GRADE_TREND_FEATURES
from decrochage_risk.features.journey import JOURNEY_FEATURES, KNOWN_HISTORY_FEATURES, PATH_FEATURES
from decrochage_risk.features.vigilance import LAST_YEAR_FEATURES, VIGILANCE_FEATURES
from decrochage_risk.features.windows import YEAR
from decrochage_risk.french import UNITS
from decrochage_risk.records.levels import LEVELS, STAND_INS
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import to_date, weeks_since_september
from decrochage_risk.threads import even_edges, over_items, thread_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from decrochage_risk.records.time_cut import KnownRecords

    Floats = npt.NDArray[np.float64]

__all__ = [
    "CATALOGUE",
    "CONTEXT_COLUMNS",
    "FAMILIES",
    "FEATURE_BY_NAME",
    "LEAST_PUPILS",
    "OWN_FEATURES",
    "build_context",
    "build_features",
    "context_of",
    "context_values",
    "contract",
    "matrix_of",
    "values_of",
]

_USUAL_FEATURES: tuple[Feature, ...] = (
    *ABSENCE_FEATURES,
    *GRADE_FEATURES,
    *PATH_FEATURES,
    *ABSENCE_TREND_FEATURES,
    *GRADE_TREND_FEATURES,
    *ASSESSMENT_RHYTHM_FEATURES,
    *AGAINST_CLASS_FEATURES,
    *JOURNEY_FEATURES,
    *KNOWN_HISTORY_FEATURES,
    *VIGILANCE_FEATURES,
    *LAST_YEAR_FEATURES,
)


def _own_features() -> tuple[Feature, ...]:
    """Load the features that installed packages declare, in the order of their entry points' names."""
    features: list[Feature] = []
    for entry in sorted(entry_points(group="decrochage_risk.features"), key=lambda one: one.name):
        own_features = tuple(entry.load())
        names = {feature.name for feature in (*_USUAL_FEATURES, *features)}
        faults = [fault for feature in own_features for fault in _faults_of_own(feature, names)]
        if faults:
            raise ModelError(
                explain_error(
                    f"The features of the entry point {entry.name!r} cannot be used: {'; '.join(faults)}",
                    expected="features (features.definition.Feature) with names of their own, of what a pupil does",
                    hint="Correct that package, or uninstall it; docs/guides/indicateur.md shows one.",
                )
            )
        features += own_features
    return tuple(features)


def _faults_of_own(feature: Feature, taken: set[str]) -> Iterator[str]:
    """Say what is wrong with a declared feature: its name, what it stands for, its terms."""
    if not isinstance(feature, Feature):
        yield f"{type(feature).__name__} is no Feature"
        return
    if not re.fullmatch("[a-z][a-z0-9_]*", feature.name) or feature.name.startswith(
        ("level_", "pathway_", "unknown_")
    ):
        yield f"{feature.name!r}: a name is small letters, digits and _, and begins with no level_, pathway_ or unknown_"
    if feature.name in taken:
        yield f"{feature.name!r} is there already"
    taken.add(feature.name)
    for text in (feature.name, feature.family.code):
        if word := STAND_INS.search(text):
            yield f"{text!r} stands for {word[1]!r}, which is never a feature"
    if feature.table not in TABLES:
        yield f"{feature.name!r} reads {feature.table!r}, which is no table"
    if feature.unit not in {"share_points", *UNITS}:
        yield f"{feature.name!r} has the unit {feature.unit!r}, not one of {', '.join(UNITS)}"
    if feature.direction not in {-1, 0, 1}:
        yield f"{feature.name!r} has the direction {feature.direction!r}, not -1, 0 or 1"


OWN_FEATURES = _own_features()
"""The features that installed packages declare (entry points of the group ``decrochage_risk.features``)."""

CATALOGUE: tuple[Feature, ...] = (*_USUAL_FEATURES, *OWN_FEATURES)
"""Every feature; the order is that of the columns of the matrix, those of installed packages last."""

FAMILIES: tuple[Family, ...] = (
    tuple(
        # The last one is never told; own families stand before it.
        dict.fromkeys(
            family
            for family in (*USUAL_FAMILIES[:-1], *(feature.family for feature in OWN_FEATURES))
            if family != USUAL_FAMILIES[-1]
        )
    )
    + USUAL_FAMILIES[-1:]
)
"""Every family of reasons, in the order in which equal ones are told."""

FEATURE_BY_NAME: dict[str, Feature] = {feature.name: feature for feature in CATALOGUE}


def build_features(records: PupilRecords, as_of: object) -> pd.DataFrame:
    """Build the feature matrix of every pupil, from what was known on the morning of ``as_of``.

    Parameters
    ----------
    records : PupilRecords
        Checked records.
    as_of : date or ISO text
        Any day of the known calendar.

    Returns
    -------
    DataFrame of float64
        One row per pupil of ``records.pupils``, in its order, indexed by ``pupil_id``; one column per feature of
        ``CATALOGUE``; NaN = not known.

    Raises
    ------
    AsOfError
        When ``as_of`` is not a date, or lies before every enrolment.
    CalendarError
        When the calendar does not hold the school year up to ``as_of``.

    Examples
    --------
    >>> from decrochage_risk.records import PupilRecords
    >>> records = PupilRecords(
    ...     pupils=[{"pupil_id": "a1", "birth_date": "2011-03-01"}],
    ...     enrolments=[{"pupil_id": "a1", "school_year": 2024, "school_id": "0990001N", "level": "4e",
    ...                  "start_date": "2024-09-02"}],
    ...     absences=[{"pupil_id": "a1", "date": "2025-03-03", "half_days": 2, "kind": "absence"}],
    ... )
    >>> build_features(records, "2025-03-10").loc["a1", "unjustified_half_days_4w"]
    np.float64(2.0)
    """
    refuse_other_kinds({"records": (records, PupilRecords)}, hint="PupilRecords.read(folder), for example.")
    return matrix_of(records.known_on(as_of))


def matrix_of(known: KnownRecords) -> pd.DataFrame:
    """Build the feature matrix of records that are already cut in time."""
    return pd.DataFrame(
        values_of(known), index=known.pupil_ids.rename("pupil_id"), columns=_names(), copy=False
    )


def values_of(known: KnownRecords, features: Sequence[Feature] = CATALOGUE) -> npt.NDArray[np.float64]:
    """Value of every feature (column, in the order given) for every pupil (row), NaN = not known."""
    parts = max(1, known.pupil_count // PART_PUPILS)
    # Written row by row and turned at the end: columns of a C-ordered matrix would be slow to fill.
    matrix = np.empty((len(features), known.pupil_count))

    def fill(ends: tuple[int, int]) -> None:
        facts = Facts.of(known) if parts == 1 else Facts(known.of_pupils(slice(*ends)))
        rows = matrix[:, slice(*ends)]
        for place, feature in enumerate(features):
            rows[place] = feature.values(facts)

    threads = 1 if parts == 1 else thread_count()
    over_items(fill, pairwise(even_edges(known.pupil_count, parts)), threads)
    return matrix.T


PART_PUPILS = 20_000
"""Pupils whose features are computed together, at least, where there are more: their rows fit the caches, and what is made on the
way is small. No value depends on who else is there."""


def records_of_few(
    known: KnownRecords, pupils: npt.NDArray[np.intp]
) -> tuple[KnownRecords, npt.NDArray[np.intp]]:
    """Give the records in which to look up the facts of some pupils, and their positions there.

    Those of these pupils alone where they are few among many: the facts of a region are not found again for its list.

    Parameters
    ----------
    known : KnownRecords
    pupils : array of int, shape (n,)
        Rising positions in ``known``.
    """
    if known.pupil_count < PART_PUPILS or pupils.size > known.pupil_count // 2:
        return known, pupils
    return known.of_pupils(pupils), np.arange(pupils.size)


@cache
def _names() -> pd.Index[str]:
    return pd.Index([feature.name for feature in CATALOGUE], dtype="str")


def contract() -> list[dict[str, Any]]:
    """Contract of every feature, in order: what a saved model is compared with at load."""
    return [feature.contract for feature in CATALOGUE]


_PATHWAYS = tuple(dict.fromkeys(level.pathway for level in LEVELS))
# One more at the end, which the level -1 (none) reads.
_PATHWAY_OF_LEVEL = np.array([*(_PATHWAYS.index(level.pathway) for level in LEVELS), -1])

CONTEXT_COLUMNS: tuple[str, ...] = (
    *(f"level_{level.name}" for level in LEVELS),
    *(f"pathway_{pathway}" for pathway in _PATHWAYS),
    "weeks_since_september",
    *ENVIRONMENT_COLUMNS,
)
"""Columns of the context, in order; those of the environment come out of the table ``context``, NaN without it."""


def context_of(known: KnownRecords) -> pd.DataFrame:
    """Context columns of every pupil: one-hot level and pathway (all 0 without a level), weeks since September, school.

    Returns
    -------
    DataFrame of float64
        One row per pupil, indexed by ``pupil_id``, columns ``CONTEXT_COLUMNS``.
    """
    return pd.DataFrame(
        context_values(known), index=pd.Index(known.pupil_ids, name="pupil_id"), columns=list(CONTEXT_COLUMNS)
    )


def context_values(known: KnownRecords) -> npt.NDArray[np.float64]:
    """Context columns as an array, in the order of ``CONTEXT_COLUMNS``."""
    level = known.level
    pathway = _PATHWAY_OF_LEVEL[level]
    columns = np.zeros((known.pupil_count, len(CONTEXT_COLUMNS)))
    rows = np.flatnonzero(level >= 0)
    # Rows without a level stay 0 in all of these columns.
    columns[rows, level[rows]] = 1.0
    columns[rows, len(LEVELS) + pathway[rows]] = 1.0
    columns[:, len(LEVELS) + len(_PATHWAYS)] = weeks_since_september(known.as_of)
    columns[:, -len(ENVIRONMENT_COLUMNS) :] = environment_of(known)
    return columns


LEAST_PUPILS = 5
"""Pupils under which no value of a class or a school is given."""


def build_context(records: PupilRecords, as_of: object) -> pd.DataFrame:
    """Make the reference values of every class and school, on one day or on several.

    Run it on the records of whole classes and schools, then give its rows as ``context=`` wherever these pupils are
    trained on or scored, alone or together: a value is then the same whoever else is in the batch.

    Parameters
    ----------
    records : PupilRecords
        Records of everyone who is enrolled in these classes.
    as_of : date, ISO text, or an iterable of them
        Days; what was known on the morning of each day is counted. A pupil is then set against the latest values of
        the school year made on or before the day of the score.

    Returns
    -------
    DataFrame
        Columns of the table ``context`` (``docs/records.md``): the mean over the enrolled pupils, the pupil included, of
        marks (``/20``; per subject too, over the year) and absence rates (shares), per class and per school, sorted.
        A value of fewer than 5 pupils is left out.

    Raises
    ------
    AsOfError, CalendarError
        As for ``PupilRecords.known_on``.
    NotEnoughDataError
        No day was given.

    Examples
    --------
    >>> from decrochage_risk.synthetic import make_cohort
    >>> context = build_context(make_cohort(400, [2024], seed=2).records, "2025-03-05")
    >>> context.columns.tolist()
    ['as_of', 'school_id', 'class_id', 'subject', 'measure', 'value', 'pupils']
    >>> int(context["pupils"].min()) >= LEAST_PUPILS
    True
    """
    refuse_other_kinds({"records": (records, PupilRecords)}, hint="PupilRecords.read(folder), for example.")
    several = isinstance(as_of, list | tuple | set | frozenset | pd.Index | np.ndarray)
    days: Iterable[Any] = as_of if several else [as_of]  # type: ignore[assignment]
    # Sorted and each once: the table does not hang on how the days were given.
    tables = [_of_day(records, records.known_on(day)) for day in sorted({to_date(day) for day in days})]
    if not tables:
        raise NotEnoughDataError(
            explain_error(
                "No day came",
                expected="a day, or several",
                hint='For example build_context(records, "2025-03-05").',
            )
        )
    return pd.concat(tables, ignore_index=True)


def _of_day(records: PupilRecords, known: KnownRecords) -> pd.DataFrame:
    scopes = [_Scope.of(records, known, names) for names in (["school_id", "class_id"], ["school_id"])]
    parts = [
        scope.means(values).assign(measure=measure, subject=subject)
        for measure, subject, values in _measured(known)
        for scope in scopes
    ]
    frame = pd.concat(parts, ignore_index=True).assign(as_of=pd.Timestamp(known.as_of))
    columns = list(TABLES["context"].column_names)
    keys = ["as_of", "school_id", "class_id", "subject", "measure"]
    return frame[columns].sort_values(keys, kind="stable", na_position="first", ignore_index=True)


@dataclass(frozen=True)
class _Scope:
    """The schools, or the classes: which one each pupil is in (-1: none), and what they are called."""

    group: npt.NDArray[np.intp]
    names: pd.DataFrame

    @classmethod
    def of(cls, records: PupilRecords, known: KnownRecords, names: list[str]) -> _Scope:
        # -1 is no label of the frame, so reindex gives such pupils an empty place.
        rows = np.where(known.enrolled, known.current_enrolment_row, -1)
        places = records.enrolments[names].reindex(rows).reset_index(drop=True).astype(object)
        whole = places.notna().all(axis=1).to_numpy(dtype=np.bool_)
        by_place = places[whole].groupby(names, sort=True)
        group = np.full(len(places), -1, dtype=np.intp)
        group[whole] = by_place.ngroup().to_numpy()
        places_of_group = by_place.size().reset_index()[names]
        return cls(group, places_of_group if "class_id" in names else places_of_group.assign(class_id=None))

    def means(self, values: Floats) -> pd.DataFrame:
        """Mean and number of pupils per group of 5 or more; values are sorted first, so that no order changes a bit."""
        rows = np.flatnonzero((self.group >= 0) & ~np.isnan(values))
        order = rows[np.lexsort((values[rows], self.group[rows]))]
        count = np.bincount(self.group[order], minlength=len(self.names))
        total = np.bincount(self.group[order], weights=values[order], minlength=len(self.names))
        # By those whose value is known: a mean of 30 pupils of whom 2 have marks would tell of 2.
        large_enough = count >= LEAST_PUPILS
        return self.names[large_enough].assign(
            value=total[large_enough] / count[large_enough], pupils=count[large_enough].astype(np.int64)
        )


def _measured(known: KnownRecords) -> Iterator[tuple[str, str | None, Floats]]:
    """Each measure with its subject, if it is of one, and the values of the pupils."""
    facts = Facts(known)
    for measure in MEASURES:
        yield measure, None, FEATURE_BY_NAME[measure].values(facts)
    if facts.has("grades"):
        # As Feature.values does for the features; the means per subject are no feature and need it here.
        unknown = facts.not_covered("grades", *YEAR.span(known))
        means = np.where(unknown[:, None], np.nan, subject_means(facts, YEAR))
        for subject in np.flatnonzero(~np.isnan(means).all(axis=0)):
            yield "mean_grade_year", SUBJECTS[subject], means[:, subject]
