"""Writes tiny tables for worked examples: one pupil ``p`` whose rows are given, and a silent pupil ``q``.

Days are ISO text. The usual day of the examples is Monday 20 January 2025 (``AS_OF``): the trailing windows are
``4w`` = [23 December, 20 January) with 18 school half-days in zone B, ``12w`` = [28 October, 20 January) with 79 in 9
weeks, ``year`` = [1 September, 20 January) with 142.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from random_records import uai

Row = dict[str, Any]
Tables = dict[str, list[Row] | None]

AS_OF = date(2025, 1, 20)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def enrolment(
    year: int, level: str, start: str | None = None, end: str | None = None, school: int = 1
) -> Row:
    """Write an enrolment; without a start, from 1 September."""
    return {
        "pupil_id": "p", "school_year": year, "school_id": uai(school), "level": level,
        "start_date": _day(start or f"{year}-09-01"), "end_date": _day(end),
    }  # fmt: skip


def absence(
    day: str,
    half_days: int,
    *,
    justified: bool | None = False,
    kind: str = "absence",
    recorded: str | None = None,
    justified_on: str | None = None,
) -> Row:
    """Write a row of absences, unjustified unless told."""
    return {
        "pupil_id": "p", "date": _day(day), "half_days": half_days, "kind": kind, "justified": justified,
        "recorded_on": _day(recorded), "justified_on": _day(justified_on),
    }  # fmt: skip


def lateness(day: str) -> Row:
    """Write a lateness."""
    return absence(day, 0, justified=None, kind="lateness")


def mark(
    day: str,
    subject: str,
    value: float,
    *,
    out_of: float = 20,
    coefficient: float = 1,
    recorded: str | None = None,
) -> Row:
    """Write a graded assessment."""
    return {
        "pupil_id": "p", "date": _day(day), "subject": subject, "value": value, "out_of": out_of,
        "coefficient": coefficient, "status": "graded", "kind": "assessment", "recorded_on": _day(recorded),
    }  # fmt: skip


def term_average(day: str, subject: str, value: float) -> Row:
    """Write the average of a term, out of 20."""
    return mark(day, subject, value) | {"kind": "term_average"}


def missed(day: str, status: str) -> Row:
    """Write an assessment without a mark."""
    return mark(day, "maths", 0) | {"value": None, "status": status}


def event(
    day: str,
    name: str,
    rank: int | None = None,
    *,
    granted: bool | None = None,
    recorded: str | None = None,
) -> Row:
    """Write a row of orientation."""
    return {
        "pupil_id": "p", "date": _day(day), "event": name, "rank": rank, "target": None, "granted": granted,
        "recorded_on": _day(recorded),
    }  # fmt: skip


def tables(
    enrolments: list[Row] | None = None,
    *,
    absences: list[Row] | None = None,
    grades: list[Row] | None = None,
    orientation: list[Row] | None = None,
    birth: str | None = None,
) -> Tables:
    """Put tables together: ``p`` in 3e since 1 September 2024 unless told; a table not given is absent.

    The silent pupil ``q`` is enrolled since the 4e (2021-22) without repeating or moving, and has no row of events.
    """
    own = [enrolment(2024, "3e")] if enrolments is None else enrolments
    silent = [
        enrolment(year, level) | {"pupil_id": "q"}
        for year, level in ((2021, "4e"), (2022, "3e"), (2023, "2de_gt"), (2024, "1re_gt"))
    ]
    return {
        "pupils": [{"pupil_id": "p", "birth_date": _day(birth)}, {"pupil_id": "q", "birth_date": None}],
        "enrolments": own + silent,
        "absences": absences,
        "grades": grades,
        "orientation": orientation,
    }
