"""Dated absences of every software: one reader of lists, told by a declared map what each column is.

Types of events are told by the map; a type that it does not know is an absence only where the file itself says that the pupil
had to be there, and is said in the report. Motives are never kept. Whether an absence is justified is what the file's own flag
says; only a list without any such column is read by its motives, and only by those that the school declared (``[motives]``),
for software and schools do not agree on them.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.importers.cells import day_of, days_of, flags_of, fold, moments_of, numbers_of, time_of
from decrochage_risk.importers.column_maps import read_column_map
from decrochage_risk.importers.declared_maps import ColumnMap, bundled_maps, persons_of, word_of
from decrochage_risk.importers.delimited import read_delimited
from decrochage_risk.importers.extract import Extract, Head, Reader
from decrochage_risk.importers.half_days import half_days_of, merge_half_days
from decrochage_risk.school_year import SchoolCalendar, day_number, school_year_of, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, time

    import numpy.typing as npt

    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import ImportOptions, SourceFile

__all__ = ["READERS", "calendar_of", "finish_absences", "map_reader", "read_absence_events", "told_by_titles"]

_KINDS = frozenset({"absence", "lateness", "exclusion", "placement"})
_ORDER = ("cancel", "exclusion", "placement", "absence", "lateness", "drop")
"""Of several types of one entry the one that counts."""

_HAS_TIME = re.compile(r"\d ?[:hH]|^\d{5}[.,]\d")
_PARTS = re.compile(r"\s+-(?:\s+|$)")
_SPAN = re.compile(r"\s*(?:-|–|à|>|/)\s*")
_YEARS = re.compile(r"\b(20\d\d)\s*[/-]\s*(20\d\d)\b")
_MADE_ON = re.compile(r"(?:FAIT|GENER|EDIT|EXTRAI|EXPORT|IMPRIM)", re.IGNORECASE)

SILENCE_IS_A_PART = 10.0
"""Events that a list would hold before its first one, at its own pace, from which on it is taken as a part of the year: at that
pace, silence has a chance of exp(-10), about 1 in 22,000."""

LEAST_SILENCE, FEW = 10, 20
"""School days without any event (the first days of a year are calm), and events in all, below which a list tells no pace."""

_LABELS_SHOWN = 8


def read_absence_events(source: SourceFile, options: ImportOptions, *, column_map: ColumnMap) -> Extract:
    """Read a list of dated absences.

    Parameters
    ----------
    source : SourceFile
    options : ImportOptions
    column_map : ColumnMap

    Raises
    ------
    UnreadableExportError
        No table in it, or a column that the map needs is not there.
    """
    names = [name for names in column_map.columns.values() for name in names]
    table = read_delimited(source.content, expected=names, name=source.path)
    column_map.check(table, source.path)
    extract = Extract(source.kind, uai=options.uai)
    table.count_into(extract)
    extract.school_year, extract.exported_on = told_by_titles(table.titles, options)
    extract.persons, person = persons_of(table, column_map)
    events = _events(table, column_map).assign(person=person, line=table.lines)
    events["kind"] = _kinds(table, column_map, extract)
    events["justified"] = _justified(table, column_map, options, extract)
    _say_rounded(events, column_map, extract)
    finish_absences(
        extract, events[events["kind"].isin(_KINDS)], options, options.half_day_cut or column_map.cut
    )
    if len(events) >= FEW and not (events["kind"] == "lateness").any():
        extract.warn(
            "no_lateness",
            "Aucun retard dans cette liste : s’ils sont dans une autre, exportez-la aussi, car ici ils comptent pour zéro.",
        )
    most = column_map.settings.get("most_rows")
    if most is not None and table.rows_read >= int(most):
        extract.warn(
            "cut_at_most",
            f"{table.rows_read} lignes : ce logiciel n’en exporte pas plus de {most}. Exportez par mois, ou par classe.",
        )
    return extract


def finish_absences(extract: Extract, events: pd.DataFrame, options: ImportOptions, cut: time) -> None:
    """Turn the events of a list into half-days, and say which days the list covers.

    Parameters
    ----------
    extract : Extract
        Gets the table ``absences``, the lines that gave nothing, ``covers`` and the school year.
    events : DataFrame
        As :func:`~decrochage_risk.importers.half_days.half_days_of` takes them.
    options : ImportOptions
    cut : time
    """
    file_year = extract.school_year
    year_of = events["start"].dropna().map(school_year_of)
    if file_year is not None:
        other = year_of.index[year_of != file_year]
        for line in events.loc[other, "line"]:
            extract.leave_out("outside_school_year", line)
        events, year_of = events.drop(index=other), year_of.drop(index=other)
    years = sorted({int(year) for year in year_of})
    if file_year is None and years:
        extract.school_year = years[-1]
    calendar = calendar_of(options, extract)
    rows, left_out = half_days_of(events, calendar, cut)
    for reason, lines in left_out.items():
        for line in lines:
            extract.leave_out(reason, line)
    extract.tables["absences"] = merge_half_days(rows, "person")
    _cover(extract, rows, [file_year] if file_year is not None else years, calendar)


def _cover(extract: Extract, rows: pd.DataFrame, years: list[int], calendar: SchoolCalendar) -> None:
    """Say which days a list vouches for: from the first day of its school year to its export."""
    dates = pd.to_datetime(rows["date"])
    if not years or (extract.exported_on is None and dates.empty):
        extract.warn(
            "no_span",
            "Ni ligne ni date d’export : on ne sait pas quels jours cette liste couvre (--extracted-on, --year).",
        )
        return
    start = year_start(years[0])
    first = None if dates.empty else dates.min().date()
    if first is not None and _is_part(extract, rows, start, calendar):
        extract.warn(
            "part_of_year",
            f"La première ligne est du {french.day(first)} : la liste est prise comme un extrait qui commence ce jour-là. "
            "Exportez depuis la rentrée.",
        )
        start = first
    end = extract.exported_on
    if end is None:
        end = dates.max().date()
        extract.warn(
            "no_export_day",
            f"La date d’export n’est pas dite : la liste est prise comme allant jusqu’à sa dernière ligne, le {french.day(end)} "
            "(--extracted-on).",
        )
    end = min(end, year_end(years[-1]))
    extract.covers["absences"] = (min(start, end), end)


def _is_part(extract: Extract, rows: pd.DataFrame, start: date, calendar: SchoolCalendar) -> bool:
    """Tell whether a list is silent for too long before its first event to hold the year from its beginning."""
    days = pd.to_datetime(rows["date"])
    first, last = days.min().date(), max(days.max().date(), extract.exported_on or days.max().date())
    silent = int((_school_days(calendar, start, first) > 0).sum())
    open_days = max(int((_school_days(calendar, first, last) > 0).sum()), 1)
    events = rows["line"].nunique()
    return events >= FEW and silent >= LEAST_SILENCE and events * silent / open_days >= SILENCE_IS_A_PART


def _school_days(calendar: SchoolCalendar, start: date, end: date) -> npt.NDArray[np.int8]:
    """Half-days of each day from the first to the day before the last."""
    return calendar.half_days_zero_outside(np.arange(day_number(start), day_number(end)))


def calendar_of(options: ImportOptions, extract: Extract) -> SchoolCalendar:
    """Give the calendar of one school: that of the caller or zone B, without the closures that its files tell."""
    base = options.calendar or SchoolCalendar.for_zone("B")
    closures = options.facts(extract.uai, extract.school_year).closures
    if closures.empty:
        return base
    values = np.array(base.values)
    for start, end in zip(closures["start"], closures["end"], strict=True):
        low = max(day_number(pd.Timestamp(start).date()) - base.first_day_number, 0)
        high = max(day_number(pd.Timestamp(end).date()) - base.first_day_number + 1, 0)
        values[low:high] = 0
    return SchoolCalendar(base.first_day, values, name=base.name)


def told_by_titles(titles: tuple[str, ...], options: ImportOptions) -> tuple[int | None, date | None]:
    """Find the school year and the day of export that the lines above a header tell; the caller's word comes second.

    Examples
    --------
    >>> from decrochage_risk.importers.extract import ImportOptions
    >>> told_by_titles(("Saisies 2024/2025", "Extraction faite le 15/03/2025 - 18:42"), ImportOptions())
    (2024, datetime.date(2025, 3, 15))
    """
    year, export_day = None, None
    for title in titles:
        match = _YEARS.search(title)
        # Only two years in a row name a school year.
        if match and int(match[2]) == int(match[1]) + 1:
            year = int(match[1])
        if _MADE_ON.search(title):
            days = (day_of(title[at:]) for at in (word.start() for word in re.finditer(r"\b\d", title)))
            export_day = next((day for day in days if day is not None), export_day)
    export_day = export_day or options.extracted_on
    year = year or options.school_year
    return year, export_day


def _events(table: DelimitedTable, column_map: ColumnMap) -> pd.DataFrame:
    """Give ``start``, ``end``, ``timed``, ``half_days`` and the days of recording of every row."""
    if column_map.has(table, "start"):
        start_text, end_text = column_map.text(table, "start"), column_map.text(table, "end")
        start, end = moments_of(start_text), moments_of(end_text)
        from_time, to_time = _timed(start_text), _timed(end_text)
    else:
        day = days_of(column_map.text(table, "date"))
        begins, ends = _times(table, column_map)
        start, end = day + begins.fillna(pd.Timedelta(0)), day + ends
        from_time, to_time = begins.notna(), ends.notna()
        end = end.where(to_time | from_time, day)
    has_time = from_time | to_time
    # Half a span told by its day alone is that whole day.
    end = end.mask(has_time & ~to_time & end.notna(), end + pd.Timedelta(hours=23, minutes=59))
    return pd.DataFrame(
        {
            "start": start.astype("datetime64[s]"),
            "end": end.astype("datetime64[s]"),
            "timed": has_time,
            "half_days": numbers_of(column_map.text(table, "half_days")),
            "recorded_on": days_of(column_map.text(table, "recorded_on")),
            "justified_on": days_of(column_map.text(table, "justified_on")),
        }
    )


def _timed(texts: pd.Series) -> pd.Series:
    return texts.fillna("").str.contains(_HAS_TIME).astype(bool)


def _times(table: DelimitedTable, column_map: ColumnMap) -> tuple[pd.Series, pd.Series]:
    """Give the time of day of beginning and end of each row, out of a span or a beginning and a length."""
    if column_map.has(table, "time_span"):
        parts = [
            ([part for part in _SPAN.split(text) if part] + ["", ""])[:2]
            if isinstance(text, str)
            else ["", ""]
            for text in column_map.text(table, "time_span")
        ]
        begins = _offsets(first for first, _ in parts)
        ends = _offsets(second for _, second in parts)
        return begins.set_axis(table.frame.index), ends.set_axis(table.frame.index)
    begins = _offsets(column_map.text(table, "start_time").fillna("")).set_axis(table.frame.index)
    minutes = numbers_of(column_map.text(table, "minutes"))
    return begins, begins + pd.to_timedelta(minutes, unit="min")


def _offsets(texts: Any) -> pd.Series:  # noqa: ANN401 - any iterable of text
    def offset(text: str) -> Any:  # noqa: ANN401 - a length of time, or a missing one
        at = time_of(text)
        return pd.NaT if at is None else pd.Timedelta(hours=at.hour, minutes=at.minute)

    return pd.Series([offset(text) for text in texts], dtype="timedelta64[s]")


def _kinds(table: DelimitedTable, column_map: ColumnMap, extract: Extract) -> pd.Series:
    """Give the kind of each row; a row that is none is counted, and its type said where it is not known."""
    obligations = [
        None if pd.isna(flag) else bool(flag) for flag in flags_of(column_map.text(table, "obligation"))
    ]
    cases = list(
        zip(_texts(table, column_map, "type"), _texts(table, column_map, "motive"), obligations, strict=True)
    )
    bare = column_map.has(table, "obligation")
    answers = {case: _kind_of(*case, column_map, bare=bare) for case in dict.fromkeys(cases)}
    codes = np.array([answers[case][0] for case in cases], dtype=object)
    unknown = np.array([bool(answers[case][1]) for case in cases], dtype=bool)
    for reason in ("dropped_type", "entry_error", "no_obligation", "unknown_type"):
        for line in table.lines[codes == reason]:
            extract.leave_out(reason, line)
    _say_unknown([label for _, label in answers.values() if label], unknown, table, extract)
    return pd.Series(codes, index=table.frame.index)


def _texts(table: DelimitedTable, column_map: ColumnMap, name: str) -> list[str]:
    return [text if isinstance(text, str) else "" for text in column_map.text(table, name)]


def _kind_of(
    text: str,
    motive: str,
    obligation: bool | None,  # noqa: FBT001 - yes, no or not told
    column_map: ColumnMap,
    *,
    bare: bool,
) -> tuple[str, str]:
    """Give a kind, or the reason why there is none; and the label of a type that the map does not know."""
    labels = [part for part in _PARTS.split(text) if fold(part)]
    means = [word_of(column_map.words.get("types", {}), label) for label in labels]
    unknown = next((label for label, meaning in zip(labels, means, strict=True) if meaning is None), "")
    answer = next((kind for kind in _ORDER if kind in means), None)
    if answer is None:
        if unknown:
            return ("absence" if obligation else "unknown_type"), unknown
        answer = str(column_map.settings.get("default_type", "absence"))
    if answer == "absence" and motive:
        answer = word_of(column_map.words.get("motives", {}), motive) or answer
    if answer == "cancel":
        return "entry_error", unknown
    if answer == "drop":
        return "dropped_type", unknown
    if answer == "absence" and bare and not obligation:
        return "no_obligation", unknown
    return answer, unknown


def _say_unknown(labels: list[str], rows: Any, table: DelimitedTable, extract: Extract) -> None:  # noqa: ANN401 - a mask
    """Say which types the map does not know; a label that holds a word of a pupil's name is not written."""
    if not labels:
        return
    persons = extract.persons
    names = {
        word
        for column in ("family_name", "usage_name", "first_name", "full_name")
        for name in persons[column].dropna()
        for word in fold(name).split()
        if len(word) > 1
    }
    plain = sorted({label for label in labels if not set(fold(label).split()) & names})
    examples = ", ".join(f"« {label[:40]} »" for label in plain[:_LABELS_SHOWN]) or "(libellés non montrés)"
    extract.warn(
        "unknown_types",
        f"Types d’absence inconnus : {examples}. Déclarez ce qu’ils veulent dire (--columns, [maps.….types]).",
        tuple(int(line) for line in table.lines[rows]),
    )


def _justified(
    table: DelimitedTable, column_map: ColumnMap, options: ImportOptions, extract: Extract
) -> pd.Series:
    """Tell whether each row is justified: by all flags that the file has, else by the motives that the school declared."""
    columns = [column for name in column_map.names("justified") if (column := table.column(name)) is not None]
    words = {word: meaning == "yes" for word, meaning in column_map.words.get("flags", {}).items()}
    if columns:
        flags = [_flags(column, words) for column in columns]
        yes = np.logical_and.reduce([flag.eq(other=True).fillna(value=False) for flag in flags])
        no = np.logical_or.reduce([flag.eq(other=False).fillna(value=False) for flag in flags])
    else:
        motives = declared_motives(options)
        texts = column_map.text(table, "motive").fillna("").map(fold)
        yes = np.array([motives.get(text) is True for text in texts], dtype=bool)
        no = np.array([motives.get(text) is False for text in texts], dtype=bool)
        if column_map.has(table, "motive") and not motives:
            extract.warn(
                "no_flag",
                "Aucune colonne ne dit si une absence est justifiée : toutes comptent comme non justifiées. Ajoutez-la à l’export, "
                "ou déclarez les motifs qui justifient (--columns, [motives]).",
            )
    values: Any = np.full(len(no), None, dtype=object)
    values[yes], values[no] = True, False
    return pd.Series(pd.array(values, dtype="boolean"), index=table.frame.index)


def _flags(column: pd.Series, words: Mapping[str, bool]) -> pd.Series:
    flags = flags_of(column)
    if words:
        meanings = column.fillna("").map(lambda text: words.get(fold(text)))
        flags = flags.mask(meanings.notna(), meanings.astype("boolean"))
    return flags


def declared_motives(options: ImportOptions) -> dict[str, bool]:
    """Give the motives that justify, and those that do not, as the school declared them; folded."""
    motives = {fold(name): bool(value) for name, value in options.motives.items()}
    for path in options.column_maps:
        motives |= {
            fold(str(name)): bool(value) for name, value in read_column_map(path).get("motives", {}).items()
        }
    return motives


def _say_rounded(events: pd.DataFrame, column_map: ColumnMap, extract: Extract) -> None:
    """Say that half-days told without times were rounded up: nobody knows which of three counts the column holds."""
    has_count = events["half_days"].notna() & ~events["timed"] & events["kind"].isin(_KINDS)
    if has_count.any() and column_map.settings.get("half_days_are_rounded"):
        extract.warn(
            "half_days_told",
            f"{french.plural(int(has_count.sum()), 'absence')} sans heures : le nombre de demi-journées du fichier est pris, arrondi "
            "au-dessus, à partir du premier jour. Dites à l’export des demi-journées « brutes », et ajoutez les heures.",
            tuple(int(line) for line in events.loc[has_count, "line"]),
        )


def map_reader(column_map: ColumnMap) -> Reader:
    """Make the reader of one map of dated absences."""

    def recognises(head: Head) -> bool:
        return head.form == "rows" and head.has(*column_map.recognised_by)

    return Reader(
        column_map.kind,
        column_map.label,
        recognises,
        partial(read_absence_events, column_map=column_map),
        gives=column_map.gives or "absences",
        basis=column_map.basis,
    )


READERS: tuple[Reader, ...] = tuple(
    map_reader(column_map) for column_map in bundled_maps() if column_map.reads == "absence_events"
)
"""Of every bundled map of dated absences."""
