"""Parts of the small cohort: some pupils' tables, their records, and the same as a JSON payload."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from decrochage_risk.records import PupilRecords

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

    Tables = dict[str, pd.DataFrame]

RECORD_TABLES = ("pupils", "enrolments", "absences", "grades", "orientation")

ODD_IDS = (
    "=1+1",
    "+33",
    "-2",
    "@cell",
    "a;b",
    'say "yes"',
    "élève 🙂",
    "<script>alert(1)</script>",
    "1e5",
    "007",
)
"""Ids that a spreadsheet or a browser would read as something else."""


def tables_of(cohort: Cohort, ids: Collection[str]) -> Tables:
    """Copy the rows of some pupils, every table kept even without rows, the pupils in the order of the cohort."""
    return {
        name: table[table["pupil_id"].isin(list(ids))].reset_index(drop=True)
        for name in RECORD_TABLES
        for table in (cohort.tables[name],)
    }


def records_of(tables: Tables) -> PupilRecords:
    """Check the tables."""
    return PupilRecords(**tables)


def payload_of(tables: Tables) -> list[dict[str, Any]]:
    """Nest the rows of each pupil, as a service would send them; an empty list where a pupil has no row."""
    rows = {name: _json_rows(table) for name, table in tables.items()}
    pupils = rows.pop("pupils")
    for pupil in pupils:
        for name, found in rows.items():
            own = [row for row in found if row["pupil_id"] == pupil["pupil_id"]]
            pupil[name] = [{key: cell for key, cell in row.items() if key != "pupil_id"} for row in own]
    return pupils


def told_of(scores: RiskScores) -> dict[str, str]:
    """Give the JSON of every pupil, by id."""
    return {pupil.pupil_id: pupil.model_dump_json() for pupil in scores}


def _json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    text = table.to_json(orient="records", date_format="iso", force_ascii=False)
    rows: list[dict[str, Any]] = json.loads(text)
    days = [name for name, dtype in table.dtypes.items() if str(dtype).startswith("datetime64")]
    for row in rows:
        row.update({name: row[name][:10] for name in days if row[name] is not None})
    return rows
