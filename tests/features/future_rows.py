"""Adds to records everything that is not known on a day yet, as extreme as the checks allow."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from random_records import SUBJECTS, uai

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]
Tables = dict[str, list[Row] | None]

LAST_YEAR = 2025
KINDS = ("absence", "exclusion", "placement", "absence", "lateness")
STATUSES = ("graded", "graded", "absent", "not_handed_in")


def with_future_rows(tables: Tables, as_of: date) -> Tables:
    """Add rows dated or recorded on or after ``as_of``, leaving dates, new schools and later justifications.

    A row that was known keeps what was known of it; rows that were not known may change altogether.
    """
    ids = [row["pupil_id"] for row in tables["pupils"] or []]
    added = dict(tables)
    added["enrolments"] = [
        row for pupil in ids for row in _enrolments(_own(tables, "enrolments", pupil), pupil, as_of)
    ]
    for name, make in (("absences", _absences), ("grades", _grades), ("orientation", _orientation)):
        if tables[name] is not None:
            more = [row for pupil in ids for row in make(_own(tables, name, pupil), pupil, as_of)]
            added[name] = [*_justified_later(tables[name] or [], as_of), *more]
    return added


def _own(tables: Tables, name: str, pupil: str) -> list[Row]:
    return [row for row in tables[name] or [] if row["pupil_id"] == pupil]


def _justified_later(rows: list[Row], as_of: date) -> list[Row]:
    return [
        row | {"justified": True, "justified_on": max(as_of, row["date"])}
        if row.get("justified") is False
        else row
        for row in rows
    ]


def _enrolments(own: list[Row], pupil: str, as_of: date) -> Iterator[Row]:
    year = as_of.year if as_of.month >= 9 else as_of.year - 1
    last_day = date(year + 1, 8, 31)
    elsewhere = {"pupil_id": pupil, "school_id": uai(77), "level": "cap1", "class_id": "Z", "boarder": True}
    busy = False
    for row in own:
        end = row["end_date"] or date(row["school_year"] + 1, 8, 31)
        busy = busy or end >= as_of
        if row["start_date"] >= as_of:
            yield row | {"school_id": uai(78), "level": "6e"}
        elif end >= as_of:
            yield row | {"end_date": as_of}
            if as_of < end:
                yield row | elsewhere | {"start_date": as_of + timedelta(1)}
        else:
            yield row
    if not busy:
        yield elsewhere | {"school_year": year, "start_date": as_of, "end_date": last_day}
    yield elsewhere | {"school_year": LAST_YEAR, "start_date": date(LAST_YEAR, 9, 1), "end_date": None}


def _hidden_days(own: list[Row], as_of: date) -> Iterator[tuple[date, date | None]]:
    """Yield days free of rows with the day of their record: future ones, and past ones recorded too late."""
    used = {row["date"] for row in own}
    for n in range(12):
        for day, recorded in (
            (as_of + timedelta(n), None),
            (as_of - timedelta(1 + n), as_of + timedelta(n % 3)),
            (as_of - timedelta(20 + 11 * n), as_of),
        ):
            if day not in used:
                used.add(day)
                yield day, recorded


def _absences(own: list[Row], pupil: str, as_of: date) -> Iterator[Row]:
    for number, (day, recorded) in enumerate(_hidden_days(own, as_of)):
        kind = KINDS[number % len(KINDS)]
        yield {
            "pupil_id": pupil, "date": day, "half_days": 0 if kind == "lateness" else 2, "kind": kind,
            "justified": False if kind == "absence" else None, "recorded_on": recorded, "justified_on": None,
        }  # fmt: skip


def _grades(own: list[Row], pupil: str, as_of: date) -> Iterator[Row]:
    for number, (day, recorded) in enumerate(_hidden_days(own, as_of)):
        status = STATUSES[number % len(STATUSES)]
        yield {
            "pupil_id": pupil, "date": day, "subject": SUBJECTS[number % len(SUBJECTS)], "out_of": 20.0,
            "value": 0.0 if status == "graded" else None, "coefficient": 100.0, "status": status,
            "kind": "term_average" if number % 7 == 0 else "assessment", "recorded_on": recorded,
        }  # fmt: skip


def _orientation(own: list[Row], pupil: str, as_of: date) -> Iterator[Row]:
    events = (
        {"event": "assignment", "rank": 100}, {"event": "council_decision", "granted": False},
        {"event": "track_change"}, {"event": "wish", "rank": 1, "target": "cap1"}, {"event": "assignment"},
        {"event": "council_decision", "granted": True},
    )  # fmt: skip
    for number, (day, recorded) in enumerate(_hidden_days(own, as_of)):
        blank = {"rank": None, "target": None, "granted": None}
        yield {"pupil_id": pupil, "date": day, "recorded_on": recorded} | blank | events[number % len(events)]
