"""Extracts with every fault of the fault catalogue, made out of the clean tables of a cohort.

Some faults exclude each other (without its column ``justified_on`` no absence can be justified too early), so there are four
extracts: ``rows``, ``columns``, ``tables`` and ``twice``. Faulty rows are added to the clean ones and mixed among
them; each differs from a clean row by what its rule forbids.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.synthetic.cohort import write_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["FAULTS_OF_EXTRACT", "messy_tables", "write_messy"]

FAULTS_OF_EXTRACT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "rows": frozenset(
            {
                "missing_value", "wrong_type", "bad_date", "time_of_day", "unknown_choice", "out_of_range", "not_finite",
                "not_whole", "mark_word", "bad_pattern", "too_long", "bad_check_letter", "unknown_column",
                "end_before_start", "lateness_with_half_days", "no_half_days", "justified_before", "value_above_out_of",
                "graded_without_value", "value_without_grade", "granted_without_decision", "covers_nobody",
                "duplicate_pupil", "unknown_pupil", "overlapping_enrolments", "outside_school_year", "unlikely_age",
                "too_many_half_days", "no_school_day", "beyond_the_day", "outside_calendar", "identical_rows",
                "outside_enrolment", "duplicate_outcome", "duplicate_context", "unknown_school", "serial_date",
                "split_ids", "same_day_transfer", "other_zone", "left_but_enrolled",
            }
        ),
        "columns": frozenset({"missing_column", "no_justified_on", "serial_dates", "utc_midnights"}),
        "tables": frozenset({"empty_table", "missing_table", "unknown_table"}),
        "twice": frozenset({"duplicate_column"}),
    }
)  # fmt: skip
"""Names of the rules that each extract breaks; together, every rule that a file of text can break."""

_COLUMNS = {
    "coverage": ("school_id", "pupil_id", "table", "start", "end"),
    "context": ("as_of", "school_id", "class_id", "subject", "measure", "value", "pupils"),
}
_NOBODY = "0000000A"  # a valid number of no school
_OVERSEAS = "9710001Z"  # a valid number of a département with holidays of its own
_EXCEL_EPOCH = pd.Timestamp("1899-12-30")  # day 0 of a spreadsheet, as its 29 February 1900 shifts it
Row = dict[str, Any]


def messy_tables(
    tables: Mapping[str, pd.DataFrame], seed: int, calendar: SchoolCalendar | None = None
) -> dict[str, dict[str, pd.DataFrame]]:
    """Make four extracts that break, together, every rule of the records.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Clean tables of a cohort: pupils, enrolments, absences, grades, orientation, outcomes.
    seed : int
        Which rows are spoilt, and where the faulty ones stand.
    calendar : SchoolCalendar, optional
        That of the cohort; zone B by default.

    Returns
    -------
    dict of str to dict of str to DataFrame
        Per extract of ``FAULTS_OF_EXTRACT``, its tables. Cells are as they would stand in a CSV file.

    Examples
    --------
    >>> from decrochage_risk.synthetic import make_cohort
    >>> extracts = messy_tables(make_cohort(300, [2024], seed=1).tables, seed=2)
    >>> list(extracts), "enrolments" in extracts["tables"]
    (['rows', 'columns', 'tables', 'twice'], False)
    """
    days = SchoolCalendar.for_zone("B") if calendar is None else calendar
    rng = np.random.default_rng(seed)
    clean = {name: table for name, table in tables.items() if name != "truth"}
    marks = clean["grades"]
    return {
        "rows": _with_faulty_rows(clean, rng, days),
        "columns": clean
        | {
            "absences": clean["absences"].drop(columns="justified_on"),
            "orientation": clean["orientation"].drop(columns="event"),
            "grades": marks.assign(date=(marks["date"] - _EXCEL_EPOCH).dt.days.astype(str).astype(object)),
            "enrolments": _stored_in_utc(clean["enrolments"]),
        },
        "tables": {"pupils": clean["pupils"].iloc[:0], "abscences": clean["absences"]},
        "twice": clean | {"grades": pd.concat([marks, marks[["value"]]], axis=1)},
    }


def write_messy(
    folder: Path, tables: Mapping[str, pd.DataFrame], seed: int, calendar: SchoolCalendar | None = None
) -> dict[Path, int]:
    """Write the four extracts as CSV files, each into a folder of its name; return the files and their rows."""
    return {
        path: rows
        for name, extract in messy_tables(tables, seed, calendar).items()
        for path, rows in write_blocks(folder / name, [extract], "csv").items()
    }


def _with_faulty_rows(
    clean: Mapping[str, pd.DataFrame], rng: np.random.Generator, calendar: SchoolCalendar
) -> dict[str, pd.DataFrame]:
    spoilt = _Spoilt(clean, rng, calendar)
    faulty_rows = {
        "pupils": list(spoilt.pupils()),
        "enrolments": list(spoilt.enrolments()),
        "absences": list(spoilt.absences()),
        "grades": list(spoilt.grades()),
        "orientation": list(spoilt.orientation()),
        "outcomes": list(spoilt.outcomes()),
        "coverage": list(spoilt.coverage()),
        "context": list(spoilt.context()),
    }
    messy = {name: _mixed(clean.get(name), name, rows, rng) for name, rows in faulty_rows.items()}
    messy["grades"]["commentaire"] = ""
    return messy


def _mixed(
    clean: pd.DataFrame | None, name: str, faulty_rows: list[Row], rng: np.random.Generator
) -> pd.DataFrame:
    """Put faulty rows among the clean ones."""
    columns = _COLUMNS.get(name, ()) if clean is None else tuple(clean.columns)
    faulty = pd.DataFrame(
        [[row.get(column) for column in columns] for row in faulty_rows], columns=columns, dtype=object
    )
    if clean is None:
        return faulty
    together = pd.concat([_as_text(clean), faulty], ignore_index=True)
    return together.iloc[rng.permutation(len(together))].reset_index(drop=True)


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Days as text, so that a column can hold one that is none; other cells stay what they are."""
    as_objects = {
        column: table[column].dt.strftime("%Y-%m-%d") if table[column].dtype.kind == "M" else table[column]
        for column in table.columns
    }
    return pd.DataFrame({column: cells.astype(object) for column, cells in as_objects.items()})


def _stored_in_utc(table: pd.DataFrame) -> pd.DataFrame:
    """Days of a table as a database in UTC hands them out: the evening before, by one hour in winter and two in summer."""
    return table.assign(
        **{
            name: table[name]
            .dt.tz_localize("Europe/Paris")
            .dt.tz_convert("UTC")
            .dt.tz_localize(None)
            .dt.strftime("%Y-%m-%dT%H:%M:%S")
            .astype(object)
            for name in ("start_date", "end_date")
        }
    )


class _Spoilt:
    """Faulty rows of each table, made out of clean rows of a pupil who was there all year."""

    def __init__(
        self, clean: Mapping[str, pd.DataFrame], rng: np.random.Generator, calendar: SchoolCalendar
    ) -> None:
        stays = clean["enrolments"]
        self._year = int(stays["school_year"].min())
        alone = ~stays.duplicated("pupil_id", keep=False) | (stays["school_year"] == self._year)
        whole = stays[(stays["school_year"] == self._year) & stays["end_date"].isna() & alone]
        self._stay = self._pick(whole, rng)
        self._clean = clean
        self._rng = rng
        # A day of one half-day and a day of two on which nobody of the extract need have been absent.
        days = np.arange(np.datetime64(f"{self._year}-09-15"), np.datetime64(f"{self._year}-12-15"))
        half_days = calendar.half_days_on(days.astype(np.int64))
        self._short = str(days[half_days == 1][0]) if (half_days == 1).any() else None
        self._long = [str(day) for day in days[half_days == half_days.max()]]

    @staticmethod
    def _pick(table: pd.DataFrame, rng: np.random.Generator) -> Row:
        row = _as_text(table.iloc[[int(rng.integers(len(table)))]]).iloc[0].to_dict()
        return {str(name): (None if pd.isna(cell) else cell) for name, cell in row.items()}

    def pupils(self) -> Iterator[Row]:
        """Yield a pupil twice, and one who is too old."""
        yield {"pupil_id": self._stay["pupil_id"], "birth_date": f"{self._year - 13}-05-05", "sex": None}
        yield {"pupil_id": "age", "birth_date": "1991-01-01", "sex": "F"}
        yield {"pupil_id": "AGE", "birth_date": "1991-01-01", "sex": "F"}

    def enrolments(self) -> Iterator[Row]:
        """Yield stays that overlap, end before they start, lie outside their year, or are of the pupil who is too old."""
        year, stay = self._year, {**self._stay, "end_date": None}
        yield {**stay, "start_date": f"{year}-11-04"}
        yield {**stay, "start_date": f"{year}-11-04", "end_date": f"{year}-10-04"}
        outside = {
            "school_year": year - 3,
            "start_date": f"{year - 6}-10-01",
            "end_date": f"{year - 6}-12-01",
        }
        yield {**stay, **outside}
        yield {**stay, "pupil_id": "age"}
        yield {**stay, "pupil_id": "AGE", "end_date": f"{year}-11-04"}
        yield {**stay, "pupil_id": "AGE", "school_id": _OVERSEAS, "start_date": f"{year}-11-04"}

    def absences(self) -> Iterator[Row]:
        """Yield absences of a day, a kind, a pupil or a number of half-days that cannot be."""
        year = self._year
        row = {"pupil_id": self._stay["pupil_id"], "date": self._long[0], "half_days": 1, "kind": "absence"}
        yield {**row, "half_days": "deux"}
        yield {**row, "half_days": 1.5}
        yield {**row, "kind": "lateness"}
        yield {**row, "half_days": 0}
        yield {**row, "pupil_id": "personne"}
        yield {**row, "pupil_id": "age", "date": self._long[1], "half_days": 2}
        yield {**row, "pupil_id": "age", "date": self._long[1], "kind": "exclusion"}
        yield {
            **row,
            "pupil_id": "age",
            "date": self._long[2],
            "justified": True,
            "justified_on": f"{year}-09-02",
        }
        yield {**row, "pupil_id": "age", "date": f"{year}-12-25"}
        yield {**row, "pupil_id": "age", "date": "2009-10-01"}
        if self._short is not None:
            yield {**row, "pupil_id": "age", "date": self._short, "half_days": 2}

    def grades(self) -> Iterator[Row]:
        """Yield marks that are words, too high, without a day, a subject or a value, twice, or of another year."""
        row = {"pupil_id": self._stay["pupil_id"], "date": self._long[3], "subject": "technology", "value": 12,
               "out_of": 20, "coefficient": 1, "status": "graded", "kind": "assessment"}  # fmt: skip
        yield {**row, "subject": None}
        yield {**row, "date": "31/02/2024"}
        yield {**row, "date": f"{self._long[4]} 08:30:00"}
        yield {**row, "date": "45614"}
        yield {**row, "coefficient": 500}
        yield {**row, "coefficient": "1e999"}
        yield {**row, "value": "Abs", "status": "absent"}
        yield {**row, "value": 63}
        yield {**row, "value": None}
        yield {**row, "status": "exempt"}
        yield {**row, "subject": "arts"}
        yield {**row, "subject": "arts"}
        yield {**row, "date": f"{self._year}-08-25"}

    def orientation(self) -> Iterator[Row]:
        """Yield an event of no known kind, a target too long, a wish that is granted."""
        row = {"pupil_id": self._stay["pupil_id"], "date": self._long[5], "event": "wish", "rank": 1}
        yield {**row, "event": "voeu"}
        yield {**row, "target": "x" * 300}
        yield {**row, "granted": True}

    def outcomes(self) -> Iterator[Row]:
        """Yield a second, contrary outcome, and a leaver of the year before who is enrolled."""
        table = self._clean["outcomes"]
        same = (table["pupil_id"] == self._stay["pupil_id"]) & (table["school_year"] == self._year)
        row = self._pick(table[same], self._rng)
        yield {**row, "outcome": "unknown" if row["outcome"] != "unknown" else "continued", "date": None}
        left = {"outcome": "left_without_diploma", "date": None}
        yield {**row, **left, "pupil_id": "age", "school_year": self._year - 1}

    def coverage(self) -> Iterator[Row]:
        """Yield spans of a school without a right number or without pupils, of nobody, or that end before they start."""
        row = {"school_id": self._stay["school_id"], "table": "grades", "start": f"{self._year}-09-01",
               "end": f"{self._year + 1}-08-31"}  # fmt: skip
        yield row
        yield {**row, "school_id": "lycée 12"}
        yield {**row, "school_id": "0000000B"}
        yield {**row, "school_id": _NOBODY}
        yield {**row, "school_id": None}
        yield {**row, "end": f"{self._year - 1}-08-31"}

    def context(self) -> Iterator[Row]:
        """Yield two reference values of one school, day and measure."""
        row = {
            "as_of": f"{self._year}-12-01",
            "school_id": self._stay["school_id"],
            "measure": "absence_rate_year",
            "pupils": 300,
        }
        yield {**row, "value": 0.07}
        yield {**row, "value": 0.09}
