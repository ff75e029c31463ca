"""Random records that pass the checks yet hit the corners of the feature definitions; frames, rows, bytes.

Plain :mod:`random`, one seed, no package. A table is a list of dicts (``random_rows``) or a frame
(``random_tables``); ``None`` is an absent table.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]
Tables = dict[str, list[Row] | None]
Frames = dict[str, pd.DataFrame | None]

AS_OFS = (
    date(2022, 9, 5), date(2022, 11, 14), date(2023, 1, 31), date(2023, 3, 22), date(2023, 6, 20),
    date(2023, 7, 20), date(2023, 9, 1), date(2023, 9, 29), date(2024, 2, 29), date(2024, 8, 31),
    date(2024, 11, 25), date(2025, 1, 20), date(2025, 5, 6),
)  # fmt: skip
YEARS = (2021, 2022, 2023, 2024)
UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
SUBJECTS = ("french", "maths", "modern_language_1", "professional", "history_geography", "other")
EVENTS = ("wish", "council_decision", "assignment", "track_change")
ID_STEMS = ("élève", "pupil", "Zoë n°", "№ 7 ", "🎒", "a b", "ŒUVRE-", "0")
NEXT_LEVELS = {
    "6e": ("5e",), "5e": ("4e",), "4e": ("3e", "3e", "3e_pm"), "3e": ("2de_gt", "2de_pro", "cap1"),
    "3e_pm": ("2de_pro", "cap1"), "6e_segpa": ("5e_segpa",), "5e_segpa": ("4e_segpa",), "4e_segpa": ("3e_segpa",),
    "3e_segpa": ("cap1", "2de_pro"), "2de_gt": ("1re_gt", "1re_pro"), "1re_gt": ("tle_gt",), "tle_gt": ("tle_gt",),
    "2de_pro": ("1re_pro",), "1re_pro": ("tle_pro",), "tle_pro": ("tle_pro",), "cap1": ("cap2",), "cap2": ("1re_pro", "cap3"), "cap3": ("cap3",),
}  # fmt: skip
FIRST_LEVELS = (*NEXT_LEVELS, "5e", "5e", "4e", "4e", "4e", "4e_segpa", "3e")
SIDEWAYS = {
    "2de_gt": "2de_pro",
    "1re_gt": "1re_pro",
    "2de_pro": "cap1",
    "3e": "3e_pm",
    "4e_segpa": "4e",
    "5e": "4e",
}

DATES = ("birth_date", "start_date", "end_date", "date", "recorded_on", "justified_on")
DTYPES = {
    "school_year": "int64", "half_days": "int64", "rank": "Int64", "value": "float64", "out_of": "float64",
    "coefficient": "float64", "justified": "boolean", "granted": "boolean", "boarder": "boolean",
}  # fmt: skip
COLUMNS = {
    "pupils": ("pupil_id", "birth_date", "sex"),
    "enrolments": ("pupil_id", "school_year", "school_id", "level", "start_date", "end_date", "class_id", "boarder",
                   "network_id"),
    "absences": ("pupil_id", "date", "half_days", "kind", "justified", "recorded_on", "justified_on"),
    "grades": (
        "pupil_id", "date", "subject", "value", "out_of", "coefficient", "status", "kind", "recorded_on",
    ),
    "orientation": ("pupil_id", "date", "event", "rank", "target", "granted", "recorded_on"),
}  # fmt: skip
DROPPABLE = (("absences", "recorded_on"), ("absences", "justified_on"), ("grades", "recorded_on"),
             ("orientation", "recorded_on"), ("orientation", "target"), ("enrolments", "class_id"))  # fmt: skip


def uai(number: int) -> str:
    """Return a school id with its check letter, in a département that does not exist."""
    digits = 990000 + number
    return f"{digits:07d}{UAI_LETTERS[digits % 23]}"


def as_frame(table: str, rows: list[Row]) -> pd.DataFrame:
    """Make the frame of a table, each column with its type even when it is empty; keys that no row has are left out."""
    names = [name for name in COLUMNS[table] if not rows or any(name in row for row in rows)]
    columns: dict[str, Any] = {}
    for name in names:
        cells = [row.get(name) for row in rows]
        if name in DATES:
            columns[name] = pd.to_datetime(pd.Series(cells, dtype="object"))
        else:
            columns[name] = pd.Series(cells, dtype=DTYPES.get(name, "str"))
    return pd.DataFrame(columns)


def as_frames(tables: Tables) -> Frames:
    """Make the frames of all tables; an absent table stays None."""
    return {name: None if rows is None else as_frame(name, rows) for name, rows in tables.items()}


def random_tables(
    seed: int, pupils: int = 40, *, as_ofs: Sequence[date] = AS_OFS, absent_tables: bool = True
) -> Frames:
    """Return the frames of ``random_rows``."""
    return as_frames(random_rows(seed, pupils, as_ofs=as_ofs, absent_tables=absent_tables))


def random_rows(
    seed: int, pupils: int = 40, *, as_ofs: Sequence[date] = AS_OFS, absent_tables: bool = True
) -> Tables:
    """Return random records as rows.

    Parameters
    ----------
    seed : int
        The same seed gives the same records.
    pupils : int
        Number of pupils, at least 1; the first is enrolled from 1 September 2021.
    as_ofs : sequence of date
        Days whose window bounds attract events.
    absent_tables : bool
        Whether a table of events may be absent, and optional columns missing.
    """
    rng = random.Random(seed)  # noqa: S311 - test data, not a secret
    bounds = [day - timedelta(back) for day in as_ofs for back in (84, 28, 0)] + [
        date(y, 9, 1) for y in YEARS
    ]
    tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    for number in range(pupils):
        writer = _PupilWriter(rng, f"{rng.choice(ID_STEMS)}{number}", bounds)
        for name, rows in writer.rows(always_enrolled=number == 0).items():
            tables[name] += rows
    for rows in tables.values():
        rng.shuffle(rows)
    result: Tables = dict(tables)
    if absent_tables:
        _take_away(rng, result)
    return result


def _take_away(rng: random.Random, tables: Tables) -> None:
    for name in ("absences", "grades", "orientation"):
        if rng.random() < 0.12:
            tables[name] = None
    for name, column in DROPPABLE:
        if rng.random() < 0.1:
            tables[name] = [
                {k: v for k, v in row.items() if k != column} for row in tables[name] or []
            ] or tables[name]


class _PupilWriter:
    """Writes the random rows of one pupil."""

    def __init__(self, rng: random.Random, pupil_id: str, bounds: Sequence[date]) -> None:
        self.rng = rng
        self.pupil_id = pupil_id
        self.bounds = bounds
        self.spans: list[tuple[date, date]] = []

    def rows(self, *, always_enrolled: bool) -> dict[str, list[Row]]:
        rng = self.rng
        enrolments = self._enrolments(always_enrolled=always_enrolled)
        birth = date(rng.randint(2003, 2012), rng.randint(1, 12), rng.randint(1, 28))
        pupil = {"birth_date": None if rng.random() < 0.1 else birth, "sex": rng.choice(("F", "M", None))}
        silent = rng.random() < 0.1
        written = {
            "pupils": [pupil],
            "enrolments": enrolments,
            "absences": [] if silent else self._absences(),
            "grades": [] if silent else self._grades(),
            "orientation": [] if silent or rng.random() < 0.2 else self._orientation(),
        }
        return {name: [{"pupil_id": self.pupil_id} | row for row in rows] for name, rows in written.items()}

    def _enrolments(self, *, always_enrolled: bool) -> list[Row]:
        rng = self.rng
        if not always_enrolled and rng.random() < 0.05:
            return []
        rows: list[Row] = []
        level, school = rng.choice(FIRST_LEVELS), rng.randint(1, 5)
        for year in YEARS[0 if always_enrolled else rng.choice((0, 0, 1, 2)) :]:
            if rows and rng.random() < 0.1:
                continue  # a year elsewhere: the pupil comes back
            if rows and rng.random() < 0.08:
                break
            if rows and rng.random() < 0.85:
                level = rng.choice(NEXT_LEVELS[level] if rng.random() < 0.95 else FIRST_LEVELS)
            school = rng.randint(1, 5) if rng.random() < 0.3 else school
            year_rows = self._enrolments_of_year(year, level, school, from_start=always_enrolled)
            rows += year_rows
            level, school = rows[-1]["level"], int(rows[-1]["school_id"][:7]) - 990000
        return rows

    def _enrolments_of_year(self, year: int, level: str, school: int, *, from_start: bool) -> list[Row]:
        rng = self.rng
        last = date(year + 1, 8, 31)
        start = date(year, 9, 1) if from_start or rng.random() < 0.8 else self._day_in(year)
        rows: list[Row] = []
        while True:
            end = self._day_in(year) if rng.random() < 0.25 else None
            if rng.random() < 0.1:
                end = last
            end = None if end is None else max(start, end)
            rows.append({
                "school_year": year, "school_id": uai(school), "level": level, "start_date": start, "end_date": end,
                "class_id": rng.choice((None, "A", "B")), "boarder": rng.choice((None, True, False)),
                "network_id": (None, "R1", "R1", "R2", "R3", "R3")[school],
            })  # fmt: skip
            self.spans.append((start, end or last))
            start = (end or last) + timedelta(rng.choice((1, 1, 2, 12, 40)))
            if start > last or rng.random() < 0.25:
                return rows
            school = rng.randint(1, 5)
            level = SIDEWAYS.get(level, level) if rng.random() < 0.3 else level

    def _day_in(self, year: int) -> date:
        """Return a day of a school year, often right at a window bound."""
        first, last = date(year, 9, 1), date(year + 1, 8, 31)
        near = [day for day in self.bounds if first < day < last]
        if near and self.rng.random() < 0.5:
            return self.rng.choice(near) + timedelta(self.rng.choice((-1, 0, 1)))
        return first + timedelta(self.rng.randrange((last - first).days + 1))

    def _event_day(self) -> date:
        """Return a day: while enrolled, at a bound of a window or of an enrolment, or anywhere (a Sunday, a holiday)."""
        draw = self.rng.random()
        if draw < 0.35:
            return self.rng.choice(self.bounds) + timedelta(self.rng.choice((-2, -1, 0, 1)))
        if draw < 0.45 and self.spans:
            return self.rng.choice(self.rng.choice(self.spans)) + timedelta(self.rng.randint(-6, 2))
        if draw < 0.92 and self.spans:
            start, end = self.rng.choice(self.spans)
            return start + timedelta(self.rng.randrange((end - start).days + 1))
        return self._day_in(self.rng.choice(YEARS))

    def _later(self, day: date, missing: float) -> date | None:
        """Return a day on or after another, often at a window bound; None with some probability."""
        if self.rng.random() < missing:
            return None
        ahead = [bound for bound in self.bounds if day <= bound <= day + timedelta(120)]
        if ahead and self.rng.random() < 0.5:
            return max(day, self.rng.choice(ahead) + timedelta(self.rng.choice((-1, 0, 1))))
        return day + timedelta(self.rng.choice((0, 1, 3, 30, 100)))

    def _absences(self) -> list[Row]:
        rng = self.rng
        used: dict[date, int] = {}
        rows = self._weeks_away(used)
        for _ in range(rng.choice((0, 4, 15, 40, 80))):
            kind = rng.choices(("absence", "lateness", "exclusion", "placement"), (12, 4, 2, 2))[0]
            length = rng.choice((5, 12, 26)) if kind == "placement" else rng.choice((1, 1, 1, 1, 2, 6))
            first = self._event_day()
            for step in range(1 if kind == "lateness" else length):
                day = first + timedelta(step)
                half_days = 0 if kind == "lateness" else rng.choice((1, 2))
                if used.get(day, 0) + half_days > 2:
                    continue
                used[day] = used.get(day, 0) + half_days
                row = self._absence(day, half_days, kind)
                rows.append(row)
                if rng.random() < 0.04 and used[day] + half_days <= 2:
                    used[day] += half_days
                    rows.append(dict(row))
        return rows

    def _weeks_away(self, used: dict[date, int]) -> list[Row]:
        """Write whole weeks of placement or exclusion, right up to a window bound or anywhere, for some pupils all year."""
        rng, rows = self.rng, list[Row]()
        for _ in range(rng.choice((0, 0, 1, 2))):
            kind, weeks = rng.choice(
                (("placement", 2), ("placement", 13), ("placement", 52), ("exclusion", 1))
            )
            first = self._event_day() - timedelta(7 * weeks if rng.random() < 0.5 else 0)
            for day in (first + timedelta(n) for n in range(7 * weeks)):
                if used.get(day, 0) == 0 and rng.random() < 0.98:
                    used[day] = 2
                    rows.append(self._absence(day, 2, kind))
        return rows

    def _absence(self, day: date, half_days: int, kind: str) -> Row:
        justified = self.rng.choice((True, True, False, None)) if kind == "absence" else None
        return {
            "date": day, "half_days": half_days, "kind": kind, "justified": justified,
            "recorded_on": self._later(day, 0.7),
            "justified_on": self._later(day, 0.4) if justified else None,
        }  # fmt: skip

    def _grades(self) -> list[Row]:
        rows: list[Row] = []
        for year in YEARS:
            subjects = self.rng.sample(SUBJECTS, self.rng.randint(1, 4))
            mode = self.rng.choice(("none", "terms", "assessments", "assessments", "both", "both"))
            if mode in ("terms", "both"):
                for day in (date(year, 11, 28), date(year + 1, 3, 14), date(year + 1, 6, 6)):
                    shift = timedelta(self.rng.choice((0, 0, 0, -7, 20)))
                    rows += [self._grade(day + shift, subject, "term_average") for subject in subjects]
            if mode in ("assessments", "both"):
                for _ in range(self.rng.choice((1, 3, 12, 25))):
                    rows.append(self._grade(self._day_in(year), self.rng.choice(subjects), "assessment"))
            if mode == "terms" and self.rng.random() < 0.3:
                missed = self._grade(self._day_in(year), subjects[0], "assessment")
                rows.append(missed | {"status": "absent", "value": None})
        return rows + [dict(row) for row in rows if self.rng.random() < 0.02]

    def _grade(self, day: date, subject: str, kind: str) -> Row:
        rng = self.rng
        status = rng.choices(("graded", "absent", "not_handed_in", "exempt"), (14, 1, 1, 1))[0]
        out_of = rng.choice((5.0, 10.0, 20.0, 20.0, 20.0, 40.0))
        value = round(rng.choice((0.4, 1.0, 0.0, rng.random(), rng.random(), rng.random())) * out_of, 2)
        return {
            "date": day, "subject": subject, "value": value if status == "graded" else None, "out_of": out_of,
            "coefficient": rng.choice((0.0, 0.5, 1.0, 1.0, 1.0, 2.0)), "status": status, "kind": kind,
            "recorded_on": self._later(day, 0.6),
        }  # fmt: skip

    def _orientation(self) -> list[Row]:
        rng = self.rng
        shared = [self._event_day() for _ in range(rng.choice((1, 2, 4)))]
        rows = []
        for _ in range(rng.randint(1, 10)):
            day, event = rng.choice(shared), rng.choice(EVENTS)
            ranks: tuple[int | None, ...] = {"wish": (1, 2, 3), "assignment": (None, 1, 1, 2, 3)}.get(
                event, (None,)
            )
            rows.append({
                "date": day, "event": event, "rank": rng.choice(ranks),
                "target": None if event == "council_decision" else rng.choice(("2de_gt", "2de_pro", "cap1")),
                "granted": rng.choice((True, False, None)) if event == "council_decision" else None,
                "recorded_on": rng.choice((None, None, day, day + timedelta(1), self._later(day, 0.0))),
            })  # fmt: skip
        return rows
