"""Records of a cohort in which nobody is there a second year: made-up leavers contradict no later enrolment in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from decrochage_risk import PupilRecords

if TYPE_CHECKING:
    from decrochage_risk.synthetic import Cohort


def one_year_each(cohort: Cohort) -> tuple[PupilRecords, pd.DataFrame]:
    """Keep one school year of each pupil, drawn by lot; give the records and the outcomes of these years."""
    key = ["pupil_id", "school_year"]
    years = cohort.tables["enrolments"][key].drop_duplicates().sample(frac=1.0, random_state=0)
    own = years.drop_duplicates("pupil_id")
    tables = {
        "pupils": cohort.tables["pupils"],
        "enrolments": cohort.tables["enrolments"].merge(own, on=key),
    }
    for name in ("absences", "grades", "orientation"):
        rows = cohort.tables[name]
        # A school year begins in September.
        year = (pd.to_datetime(rows["date"]) - pd.DateOffset(months=8)).dt.year
        tables[name] = (
            rows.assign(school_year=year).merge(own, on=key)[list(rows.columns)].reset_index(drop=True)
        )
    return PupilRecords(**tables), cohort.outcomes.merge(own, on=key)
