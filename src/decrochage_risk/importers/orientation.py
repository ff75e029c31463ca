"""Orientation: wishes of Affelnet, and any list of wishes, council decisions and assignments whose columns a school declares.

No export of Affelnet holds a day: the campaign's is asked for (``--campaign-date``). No list of results was ever seen: a school
that has one declares it (``reads = "orientation"``, ``event = "assignment"``), and its words for what was decided
(``[maps.NAME.granted]``, ``[maps.NAME.ranks]``).
"""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.cells import days_of, flag_of, number_of
from decrochage_risk.importers.declared_maps import (
    HIGHEST_RANK,
    ColumnMap,
    bundled_maps,
    miss_broken_rows,
    persons_of,
    read_table,
    word_of,
)
from decrochage_risk.importers.extract import Extract, Reader
from decrochage_risk.importers.list_spans import told_by_titles
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import school_year_of, year_start

if TYPE_CHECKING:
    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import ImportOptions, SourceFile

__all__ = ["READERS", "orientation_reader", "read_orientation"]

EVENTS = next(column.choices for column in TABLES["orientation"].columns if column.name == "event")
_NOTHING = frozenset({"", "-", "—", "–"})
_COLUMNS = ("person", "line", "date", "event", "rank", "target", "granted", "recorded_on")
_UNREADABLE = frozenset({"bad_date", "bad_rank"})


def read_orientation(source: SourceFile, options: ImportOptions, *, column_map: ColumnMap) -> Extract:
    """Read a list of steps of orientation.

    Raises
    ------
    UnreadableExportError
        No column of days and no ``campaign_date``; neither a column of steps nor ``event`` in the map.
    """
    table = read_table(source, options, column_map)
    if not column_map.has(table, "date") and options.campaign_date is None:
        raise UnreadableExportError(
            explain_error(
                f"{source.path} holds no day",
                expected="campaign_date, the day on which the wishes were made",
                hint="Give --campaign-date 2025-05-20.",
            ),
            french="Aucune date dans ce fichier : donnez le jour de la campagne (--campaign-date 2025-05-20).",
        )
    if not column_map.has(table, "event") and "event" not in column_map.settings:
        raise UnreadableExportError(
            explain_error(
                f"{source.path}: nobody says which step its rows are",
                expected=f"event = one of {', '.join(EVENTS)} in the map, or a column",
                hint="Declare it in the map.",
            ),
            french="Rien ne dit de quelle étape sont ces lignes (vœu, décision, affectation) : déclarez-le (--columns, event).",
        )
    extract = Extract(source.kind, uai=options.uai)
    table.count_into(extract)
    extract.school_year, extract.exported_on = told_by_titles(table.titles, options)
    extract.persons, person = persons_of(table, column_map)
    rows = _rows(table, column_map, options, extract)
    rows["person"] = person
    left_out = _left_out(rows, extract)
    for reason, which in left_out.items():
        for line, at in rows.loc[which, ["line", "person"]].itertuples(index=False):
            extract.leave_out(reason, line)
            if reason in _UNREADABLE:
                extract.miss(line, extract.persons[int(at)])
    miss_broken_rows(table, column_map, extract)
    faulty = pd.Series(False, index=rows.index)  # noqa: FBT003 - a mask
    for which in left_out.values():
        faulty |= which
    steps = rows[~faulty].reset_index(drop=True)
    extract.tables["orientation"] = steps[list(_COLUMNS)].assign(rank=steps["rank"].astype("Int64"))
    _cover(extract, steps["date"].dropna())
    return extract


def _rows(
    table: DelimitedTable, column_map: ColumnMap, options: ImportOptions, extract: Extract
) -> pd.DataFrame:
    def texts(name: str) -> list[str]:
        return [
            text if isinstance(text, str) and text not in _NOTHING else ""
            for text in column_map.text(table, name)
        ]

    events = column_map.words.get("events", {})
    file_step = str(column_map.settings.get("event", ""))
    row_steps = [word_of(events, text) or (text if text in EVENTS else "") for text in texts("event")]
    steps = row_steps if column_map.has(table, "event") else [file_step] * len(table.frame)
    ranks = [_rank_of(text, column_map) for text in texts("rank")]
    grants = [_granted(text, step, column_map) for text, step in zip(texts("granted"), steps, strict=True)]
    record_days = days_of(column_map.text(table, "recorded_on"))
    if column_map.has(table, "date"):
        days = days_of(column_map.text(table, "date"))
    else:
        day = options.campaign_date or date.min
        days = pd.Series(pd.Timestamp(day), index=table.frame.index)
        if extract.school_year is None:
            extract.school_year = school_year_of(day)
    return pd.DataFrame(
        {
            "line": table.lines,
            "date": pd.to_datetime(days).astype("datetime64[s]"),
            "event": pd.array(steps, dtype="str"),
            "rank": pd.array([rank if isinstance(rank, int) else None for rank in ranks], dtype="Int64"),
            "bad_rank": [rank is False for rank in ranks],
            "target": pd.array(_targets(table, column_map), dtype="str"),
            "granted": pd.array(grants, dtype="boolean"),
            "recorded_on": record_days.astype("datetime64[s]"),
        }
    )


def _rank_of(text: str, column_map: ColumnMap) -> int | bool | None:
    """Give a rank, None where there is none, False where it cannot be read."""
    word = word_of(column_map.words.get("ranks", {}), text) if text else None
    number = number_of(word if word is not None else text) if text else None
    if word == "" or not text:
        return None
    if number is None or number != int(number) or not 1 <= number <= HIGHEST_RANK:
        return False
    return int(number)


def _granted(text: str, step: str, column_map: ColumnMap) -> bool | None:
    if step != "council_decision" or not text:
        return None
    word = word_of(column_map.words.get("granted", {}), text)
    return flag_of(word if word is not None else text)


def _targets(table: DelimitedTable, column_map: ColumnMap) -> list[str | None]:
    """Give what each row aims at: a level where the first of the columns that says one is known, else what they write."""
    columns = [
        [text if isinstance(text, str) and text not in _NOTHING else "" for text in column]
        for name in column_map.names("target")
        if (column := table.column(name)) is not None
    ]
    words = column_map.words.get("targets", {})
    targets: list[str | None] = []
    for texts in zip(*columns, strict=True) if columns else [()] * len(table.frame):
        levels = [word_of(words, text) or (text if text in LEVEL_NAMES else None) for text in texts]
        level = next((level for level in levels if level), None)
        targets.append(level or next((text for text in texts if text), None))
    return targets


def _left_out(rows: pd.DataFrame, extract: Extract) -> dict[str, Any]:
    unknown = ~rows["event"].isin(EVENTS)
    # One reason per row, the first that holds.
    no_date = ~unknown & rows["date"].isna()
    bad = ~unknown & ~no_date & rows["bad_rank"]
    other = pd.Series(False, index=rows.index)  # noqa: FBT003 - a mask
    if extract.school_year is not None:
        years = rows["date"].map(school_year_of, na_action="ignore")
        other = ~unknown & ~no_date & ~bad & years.notna() & (years != extract.school_year)
    return {"unknown_event": unknown, "bad_date": no_date, "bad_rank": bad, "outside_school_year": other}


def _cover(extract: Extract, days: pd.Series) -> None:
    """Say which days a list vouches for: from the first day of its school year to its export, or to its last row."""
    last = None if days.empty else days.max().date()
    if extract.exported_on is None and last is None:
        return
    end = max(day for day in (extract.exported_on, last) if day is not None)
    year = extract.school_year if extract.school_year is not None else school_year_of(end)
    extract.school_year = year
    extract.covers["orientation"] = (year_start(year), max(end, year_start(year)))


def orientation_reader(column_map: ColumnMap) -> Reader:
    """Make the reader of one map of orientation."""
    return Reader(
        column_map.kind,
        column_map.label,
        lambda head: head.form == "rows" and head.has(*column_map.recognised_by),
        partial(read_orientation, column_map=column_map),
        gives=column_map.gives or "orientation",
        basis=column_map.basis,
    )


READERS: tuple[Reader, ...] = tuple(
    orientation_reader(column_map) for column_map in bundled_maps() if column_map.reads == "orientation"
)
"""Every bundled map of orientation."""
