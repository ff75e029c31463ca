"""The catalogue: every feature, in order, and the matrix of their values."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.features.absence import ABSENCE_FEATURES, ABSENCE_TREND_FEATURES
from decrochage_risk.features.against_class import AGAINST_CLASS_FEATURES
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.features.grades import ASSESSMENT_RHYTHM_FEATURES, GRADE_FEATURES, GRADE_TREND_FEATURES
from decrochage_risk.features.journey import JOURNEY_FEATURES, KNOWN_HISTORY_FEATURES, PATH_FEATURES
from decrochage_risk.features.vigilance import LAST_YEAR_FEATURES, VIGILANCE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from decrochage_risk.features.definition import Feature
    from decrochage_risk.records.pupil_records import KnownRecords, PupilRecords

__all__ = ["CATALOGUE", "FEATURE_BY_NAME", "build_features", "contract", "matrix_of", "values_of"]

CATALOGUE: tuple[Feature, ...] = (
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
"""Every feature; the order is that of the columns of the matrix."""

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
    return matrix_of(records.known_on(as_of))


def matrix_of(known: KnownRecords) -> pd.DataFrame:
    """Build the feature matrix of records that are already cut in time."""
    return pd.DataFrame(
        values_of(known), index=known.pupil_ids.rename("pupil_id"), columns=_names(), copy=False
    )


def values_of(known: KnownRecords, features: Sequence[Feature] = CATALOGUE) -> npt.NDArray[np.float64]:
    """Value of every feature (column, in the order given) for every pupil (row), NaN = not known."""
    facts = Facts(known)
    matrix = np.empty((len(features), known.pupil_count))
    for place, feature in enumerate(features):
        matrix[place] = feature.values(facts)
    return matrix.T


@cache
def _names() -> pd.Index[str]:
    return pd.Index([feature.name for feature in CATALOGUE], dtype="str")


def contract() -> list[dict[str, Any]]:
    """Contract of every feature, in order: what a saved model is compared with at load."""
    return [feature.contract for feature in CATALOGUE]
