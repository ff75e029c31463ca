"""Tables of the records out of blocks of numbered rows: pupil positions, day numbers, codes.

The drawing works on arrays of numbers; here they become the declared columns with ids, dates and choices, table by
table, so that each block of numbers is freed once its table is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.synthetic.events import EVENTS, KINDS, NOT_KNOWN
from decrochage_risk.synthetic.marks import GRADE_KINDS, STATUSES
from decrochage_risk.synthetic.places import GAP_TABLES, OPEN_END
from decrochage_risk.synthetic.settings import SUBJECTS
from decrochage_risk.synthetic.year import NO_DATE, OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from decrochage_risk.synthetic.population import Population
    from decrochage_risk.synthetic.schools import Schools
    from decrochage_risk.synthetic.weeks import Columns

__all__ = ["event_tables", "pupils_table"]


def pupils_table(population: Population) -> pd.DataFrame:
    """One row per pupil, in the order of the ids."""
    table = pd.DataFrame(
        {
            "pupil_id": population.pupil_id,
            "birth_date": _dates(population.birth_day),
            "sex": _choice("pupils", "sex", population.girl.astype(np.int8), ("M", "F")),
        }
    )
    return table.sort_values("pupil_id", ignore_index=True)


def event_tables(rows: dict[str, Columns], ids: pd.Series, schools: Schools) -> dict[str, pd.DataFrame]:
    """Every table but ``pupils``, out of the rows of all years; ``coverage`` only where a table has a gap.

    Parameters
    ----------
    rows : dict of str to Columns
        As ``year.run_year`` returns them; emptied on the way, so that each block is freed once its table is there.
    ids : Series
        Pupil id of each position.
    schools : Schools
    """
    coverage = rows.pop("coverage")
    tables = {
        "enrolments": _enrolments_table(rows.pop("enrolments"), ids, schools),
        "absences": _absences_table(rows.pop("absences"), ids),
        "grades": _grades_table(rows.pop("grades"), ids),
        "orientation": _orientation_table(rows.pop("orientation"), ids),
        "outcomes": _outcomes_table(rows.pop("outcomes"), ids),
    }
    return (
        tables if not coverage["school"].size else tables | {"coverage": _coverage_table(coverage, schools)}
    )


def _enrolments_table(rows: Columns, ids: pd.Series, schools: Schools) -> pd.DataFrame:
    """One row per stay."""
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "school_year": rows["school_year"].astype(np.int64),
            "school_id": pd.Series(schools.uai, dtype="str").take(rows["school"]).array,
            "level": _choice("enrolments", "level", rows["level"], LEVEL_NAMES),
            "start_date": _dates(rows["start"]),
            "end_date": _dates(rows["end"], missing=OPEN_END),
            "class_id": _class_ids(rows["level"], rows["class_number"]),
            "network_id": pd.Series(schools.network, dtype="str").take(rows["school"]).array,
        }
    )


def _absences_table(rows: Columns, ids: pd.Series) -> pd.DataFrame:
    """One row per pupil, day and kind."""
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "date": _dates(rows["date"]),
            "half_days": rows["half_days"].astype(np.int64),
            "kind": _choice("absences", "kind", rows["kind"], KINDS),
            "justified": _flags(rows["justified"]),
            "recorded_on": _dates(rows["recorded_on"]),
            "justified_on": _dates(rows["justified_on"], missing=NOT_KNOWN),
        }
    )


def _grades_table(rows: Columns, ids: pd.Series) -> pd.DataFrame:
    """One row per pupil and assessment."""
    subjects = tuple(subject.name for subject in SUBJECTS)
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "date": _dates(rows["date"]),
            "subject": _choice("grades", "subject", rows["subject"], subjects),
            "value": rows["value"],
            "out_of": rows["out_of"],
            "coefficient": rows["coefficient"],
            "status": _choice("grades", "status", rows["status"], STATUSES),
            "kind": _choice("grades", "kind", rows["kind"], GRADE_KINDS),
            "recorded_on": _dates(rows["recorded_on"]),
        }
    )


def _orientation_table(rows: Columns, ids: pd.Series) -> pd.DataFrame:
    """One row per step of orientation."""
    rank = pd.array(np.maximum(rows["rank"], 1), dtype="Int64")
    rank[rows["rank"] == 0] = pd.NA
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "date": _dates(rows["date"]),
            "event": _choice("orientation", "event", rows["event"], EVENTS),
            "rank": rank,
            "target": pd.Series(LEVEL_NAMES, dtype="str").array.take(rows["target"]),
            "granted": _flags(rows["granted"]),
            "recorded_on": _dates(rows["date"]),
        }
    )


def _coverage_table(rows: Columns, schools: Schools) -> pd.DataFrame:
    """One row per school, table and year."""
    return pd.DataFrame(
        {
            "school_id": pd.Series(schools.uai, dtype="str").take(rows["school"]).array,
            "pupil_id": pd.array([None] * rows["school"].size, dtype="str"),
            "table": _choice("coverage", "table", rows["table"], GAP_TABLES),
            "start": _dates(rows["start"]),
            "end": _dates(rows["end"]),
        }
    )


def _outcomes_table(rows: Columns, ids: pd.Series) -> pd.DataFrame:
    """One row per pupil and school year."""
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "school_year": rows["school_year"].astype(np.int64),
            "outcome": _choice("outcomes", "outcome", rows["outcome"], OUTCOMES),
            "date": _dates(rows["date"], missing=NO_DATE),
        }
    )


def _ids(ids: pd.Series, rows: Columns) -> pd.api.extensions.ExtensionArray:
    cells: pd.api.extensions.ExtensionArray = ids.array.take(rows["pupil"])
    return cells


def _dates(days: npt.NDArray[np.integer], missing: int | None = None) -> npt.NDArray[np.datetime64]:
    dates = days.astype("datetime64[D]").astype("datetime64[s]")
    if missing is not None:
        dates[days == missing] = np.datetime64("NaT", "s")
    return dates


def _flags(codes: npt.NDArray[np.int8]) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(codes == 1, codes == NOT_KNOWN)


def _choice(
    table: str, column: str, codes: npt.NDArray[np.integer], names: Sequence[str]
) -> pd.Categorical[str]:
    """Codes of our own order as a categorical of the declared choices."""
    choices = TABLES[table].column(column).choices
    positions = np.array([choices.index(name) for name in names])
    return pd.Categorical.from_codes(positions[codes].astype(np.int64), categories=pd.Index(choices))


def _class_ids(
    level: npt.NDArray[np.integer], number: npt.NDArray[np.integer]
) -> pd.api.extensions.ExtensionArray:
    """Name the classes: level and number (``2de_pro-3``), unique within a school and year."""
    span = int(number.max()) + 1
    codes, keys = pd.factorize(level.astype(np.int64) * span + number, sort=True)
    names = pd.Series([f"{LEVEL_NAMES[key // span]}-{key % span + 1}" for key in keys], dtype="str")
    cells: pd.api.extensions.ExtensionArray = names.array.take(codes)
    return cells
