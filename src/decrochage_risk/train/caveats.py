"""What the card must tell of a training's data: how far back they reach, their warnings, the rows that they could not give."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from decrochage_risk.errors import TrainingWarning
from decrochage_risk.features.last_year import LAST_YEAR_FEATURES
from decrochage_risk.french import number, plural, school_year
from decrochage_risk.model.snapshots import TOO_SHORT
from decrochage_risk.records.cell_rules import CELL_RULES
from decrochage_risk.records.cross_rules import CROSS_RULES
from decrochage_risk.records.row_rules import ROW_RULES
from decrochage_risk.train.labels import NOT_CLOSED

if TYPE_CHECKING:
    from decrochage_risk.model import Snapshots
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["no_year_before", "of_records", "rows_set_aside"]

_RARELY, _OFTEN = 0.05, 0.5
"""Shares of rows for which a value of the year before is known: almost none, then most."""


def no_year_before(snapshots: Snapshots) -> list[str]:
    """Say when the first year of training knows nothing of the year before (its cost: ``benchmarks/targets.py --records-from``)."""
    years = snapshots.rows["school_year"].to_numpy()
    first = int(years.min())
    known = snapshots.features[[feature.name for feature in LAST_YEAR_FEATURES]].notna().to_numpy()
    later = known[years > first]
    if (
        not len(later)
        or not ((known[years == first].mean(axis=0) < _RARELY) & (later.mean(axis=0) > _OFTEN)).any()
    ):
        return []
    return [
        (
            f"ce que dit l'année précédente n'est connu de presque personne en {school_year(first)}, première année apprise, et l'est "
            "ensuite : les risques annoncés peuvent être trop hauts ; extraire une année de plus"
        )
    ]


def of_records(records: PupilRecords) -> list[str]:
    """Say what the card must tell of the records: their warnings, counted; without ``justified_on``, warn aloud too."""
    meaning = {
        rule.name: rule.meaning for rule in (*CELL_RULES, *(row.rule for row in ROW_RULES), *CROSS_RULES)
    }
    found = [
        f"`{table}`, `{rule}` ({number(count)}) : {meaning[rule]}"
        for (table, rule), count in sorted(records.faults.warnings.counts.items())
    ]
    if ("absences", "no_justified_on") in records.faults.warnings.counts:
        warnings.warn(
            "absences has no justified_on: the training sees motives settled after the as-of date, serving will not; "
            "absences look more justified in training than when scoring. Hint: export justified_on.",
            TrainingWarning,
            stacklevel=3,
        )
    return found


def rows_set_aside(snapshots: Snapshots) -> list[str]:
    """Count the rows that had too little data, or an outcome still open, apart."""
    count = snapshots.left_out.get(TOO_SHORT, 0)
    early = snapshots.left_out.get(NOT_CLOSED, 0)
    told = {"moins de 3 semaines de données": count, "issue pas encore close à l'extraction": early}
    return [
        f"{plural(rows, 'ligne laissée', 'lignes laissées')} de côté : {cause}"
        for cause, rows in told.items()
        if rows
    ]
