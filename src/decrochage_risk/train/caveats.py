"""What the card must tell of a training's data: how far back they reach, their warnings, the rows that they could not give."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import TYPE_CHECKING

from decrochage_risk.errors import TrainingWarning
from decrochage_risk.french import number, plural, school_year
from decrochage_risk.model.snapshots import TOO_SHORT
from decrochage_risk.records.cell_rules import CELL_RULES
from decrochage_risk.records.cross_rules import CROSS_RULES
from decrochage_risk.records.row_rules import ROW_RULES
from decrochage_risk.school_year import to_date, year_start
from decrochage_risk.train.labels import NOT_CLOSED

if TYPE_CHECKING:
    from decrochage_risk.model import Snapshots
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["no_year_before", "of_records", "rows_set_aside"]


def no_year_before(records: PupilRecords, snapshots: Snapshots) -> list[str]:
    """Say when the records begin with the training (what it costs: ``benchmarks/targets.py --records-from``)."""
    first = int(snapshots.rows["school_year"].min())
    # A year's enrolments may be dated from the end of August before it.
    if to_date(records.enrolments["start_date"].min()) < year_start(first) - timedelta(days=31):
        return []
    return [
        (
            f"l'extrait commence avec l'année {school_year(first)}, la première apprise : ce que dit l'année précédente n'y est "
            "connu de personne, et les risques annoncés ensuite peuvent être trop hauts ; extraire une année de plus"
        )
    ]


def of_records(records: PupilRecords) -> list[str]:
    """Say what the card must tell of the records: their warnings, counted."""
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
