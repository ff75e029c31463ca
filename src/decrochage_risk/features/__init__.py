"""Features: from records known on a date to one row of numbers per pupil.

Each feature is one entry of its family's file (value, window, unit, direction, definition, words); the catalogue
lists them all. Values depend on the pupil's own rows and, for the gap with the class, on the table ``context``, which
:func:`build_context` makes once; never on whichever other pupils are there.
"""

from __future__ import annotations

from decrochage_risk.features.catalogue import (
    CATALOGUE,
    CONTEXT_COLUMNS,
    FAMILIES,
    FEATURE_BY_NAME,
    OWN_FEATURES,
    build_context,
    build_features,
    context_of,
    context_values,
    contract,
    matrix_of,
    values_of,
)
from decrochage_risk.features.definition import Family, Feature
from decrochage_risk.features.wording import (
    LEGAL_MONTHLY_THRESHOLD,
    MONTH_FACT,
    PERSISTENT_MONTHLY_THRESHOLD,
    MonthlyAbsence,
)

__all__ = [
    "CATALOGUE",
    "CONTEXT_COLUMNS",
    "FAMILIES",
    "FEATURE_BY_NAME",
    "LEGAL_MONTHLY_THRESHOLD",
    "MONTH_FACT",
    "OWN_FEATURES",
    "PERSISTENT_MONTHLY_THRESHOLD",
    "Family",
    "Feature",
    "MonthlyAbsence",
    "build_context",
    "build_features",
    "context_of",
    "context_values",
    "contract",
    "matrix_of",
    "values_of",
]
