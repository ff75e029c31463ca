"""A school made up row by row, for laws about what people read: its tables are built by hand, never drawn from the cohort."""

from __future__ import annotations

import warnings
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk import DemoModelWarning, PupilRecords, RecordsWarning, score_pupils
from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores

CALENDAR = SchoolCalendar.for_zone("B")
FIRST = "0990001N"
SECOND = "0990002P"
SUBJECTS = ("french", "maths", "modern_language_1", "professional")


class MadeUpSchool:
    """Tables of pupils, filled row by row.

    Attributes
    ----------
    tables : dict of str to list of dict
    """

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("pupils", "enrolments", "absences", "grades")
        }

    def add(
        self,
        pupil: str,
        *,
        level: str = "2de_pro",
        year: int = 2024,
        school: str = FIRST,
        start: str | None = None,
        end: str | None = None,
        network: str | None = None,
    ) -> None:
        """Enrol a pupil; the first time, the pupil comes into being."""
        if pupil not in {row["pupil_id"] for row in self.tables["pupils"]}:
            self.tables["pupils"].append({"pupil_id": pupil, "birth_date": "2009-03-11"})
        self.tables["enrolments"].append(
            {
                "pupil_id": pupil,
                "school_year": year,
                "school_id": school,
                "level": level,
                "start_date": start or f"{year}-09-02",
                "end_date": end,
                "class_id": f"{level}-1",
                "network_id": network,
            }
        )

    def absent(
        self, pupil: str, *days: str, half_days: int = 2, kind: str = "absence", justified: bool = False
    ) -> None:
        """Write rows of absence."""
        self.tables["absences"] += [
            {
                "pupil_id": pupil,
                "date": day,
                "half_days": half_days,
                "kind": kind,
                "justified": justified,
            }
            for day in days
        ]

    def away(self, pupil: str, first: str, last: str, **row: Any) -> None:
        """Write a row for each day with school."""
        for day, half_days in school_days(first, last):
            self.absent(pupil, day, half_days=half_days, **row)

    def marked(self, pupil: str, first: str, last: str, mean: float = 12.0) -> None:
        """Give a mark every fifth day of school, by turns in each subject."""
        for number, (day, _) in enumerate(school_days(first, last)):
            if number % 5 == 0:
                self.tables["grades"].append(
                    {
                        "pupil_id": pupil,
                        "date": day,
                        "subject": SUBJECTS[number // 5 % 4],
                        "value": mean,
                        "status": "graded",
                        "kind": "assessment",
                    }
                )

    def crowd(
        self,
        count: int,
        *,
        school: str = FIRST,
        until: str = "2025-06-20",
        network: str | None = None,
        level: str = "2de_pro",
    ) -> None:
        """Add pupils who are there all year, marked, and absent now and then until a day."""
        randoms = np.random.default_rng(int(school[5:7]))
        for number in range(count):
            pupil = f"{school[-2:]}-{level}-{number:02d}"
            self.add(pupil, school=school, network=network, level=level)
            self.marked(pupil, "2024-09-05", "2025-06-20")
            for day, half_days in school_days("2024-09-05", until):
                if randoms.random() < 0.04:
                    self.absent(pupil, day, half_days=half_days, justified=bool(randoms.random() < 0.7))

    def records(self, **arguments: Any) -> PupilRecords:
        """Check the tables."""
        frames = {name: pd.DataFrame(rows) for name, rows in self.tables.items() if rows}
        return PupilRecords(**frames, **arguments)

    def scores(self, as_of: str, *, on_fault: str = "raise", **arguments: Any) -> RiskScores:
        """Score with the bundled model; its warnings are no subject here."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DemoModelWarning)
            warnings.simplefilter("ignore", RecordsWarning)
            return score_pupils(
                self.records(on_fault=on_fault), as_of=as_of, **{"explain": "all"} | arguments
            )


def school_days(first: str, last: str) -> list[tuple[str, int]]:
    """Days with school of a span, both ends included, with their half-days."""
    start = date.fromisoformat(first)
    days = [start + timedelta(days=step) for step in range((date.fromisoformat(last) - start).days + 1)]
    return [(day.isoformat(), CALENDAR.half_days(day)) for day in days if CALENDAR.half_days(day)]
