"""Rows of tables, each right as it stands: a test changes the one cell that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]

SCHOOLS = ("0990001N", "0990002P", "0990003R")


@dataclass(frozen=True)
class Rows:
    """Writers of one row each; a keyword replaces a cell, a column named in ``without`` is left out."""

    schools: tuple[str, ...] = SCHOOLS

    def enrolment(self, pupil: str = "a", *, without: str = "", **cells: object) -> Row:
        """Write an enrolment in 4e from 2 September 2024 on."""
        row = {"school_year": 2024, "school_id": SCHOOLS[0], "level": "4e", "start_date": "2024-09-02"}
        return _row(pupil, row, without, cells)

    def absence(self, pupil: str = "a", *, without: str = "", **cells: object) -> Row:
        """Write one unjustified half-day, on a Monday."""
        row = {"date": "2024-10-07", "half_days": 1, "kind": "absence", "justified": False}
        return _row(pupil, row | {"recorded_on": None, "justified_on": None}, without, cells)

    def grade(self, pupil: str = "a", *, without: str = "", **cells: object) -> Row:
        """Write 12 out of 20 in mathematics."""
        row = {"date": "2024-10-07", "subject": "maths", "value": 12.0, "out_of": 20, "coefficient": 1}
        return _row(pupil, row | {"status": "graded", "kind": "assessment"}, without, cells)

    def event(self, pupil: str = "a", *, without: str = "", **cells: object) -> Row:
        """Write a first wish."""
        return _row(pupil, {"date": "2024-10-07", "event": "wish", "rank": 1}, without, cells)

    def tables(self, pupils: str = "ab", **tables: object) -> dict[str, Any]:
        """Write the two required tables, all pupils enrolled, and whatever else is given."""
        required = {
            "pupils": [{"pupil_id": pupil} for pupil in pupils],
            "enrolments": [self.enrolment(pupil) for pupil in pupils],
        }
        return required | tables


def _row(pupil: str, row: Row, without: str, cells: dict[str, object]) -> Row:
    whole = {"pupil_id": pupil, **row, **cells}
    return {name: cell for name, cell in whole.items() if name != without}


@pytest.fixture(scope="session")
def rows() -> Rows:
    return Rows()


@pytest.fixture(scope="session")
def paragraph() -> Callable[[object, str, str], dict[str, str]]:
    """Return what finds the paragraph of one rule and table in a report, as ``came``, ``expected`` and ``hint``."""

    def find(report: object, rule: str, table: str) -> dict[str, str]:
        # A report, or the error that holds it; the values are what many laws are about.
        text = str(getattr(report, "report", report).text(values=True))  # type: ignore[attr-defined]
        blocks = [block for block in text.split("\n\n") if f" {rule}: table {table}," in block]
        assert len(blocks) == 1, f"{len(blocks)} paragraphs of {rule} in {table}:\n{report}"
        lines = [line.strip().partition(":") for line in blocks[0].splitlines()[1:]]
        return {name: text.strip() for name, _, text in lines}

    return find
