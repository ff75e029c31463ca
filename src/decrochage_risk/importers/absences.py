"""Absences of every software: dated lists, read by a declared map of their columns; totals of a period, refused unless asked for.

Types of events are told by the map; a type that it does not know is an absence only where the file itself says that the pupil
had to be there, and is said in the report. Motives are never kept. Whether an absence is justified is what the file's own flag
says; only a list without any such column is read by its motives, and only by those that the school declared (``[motives]``),
for software and schools do not agree on them.

A total says neither on which days nor in which weeks a pupil was away, so that almost all that the model looks at stays unknown,
and laid out over the days of the period it would be false: longest spell, weeks touched, months over the threshold. Every
software but SIECLE has a dated list, whose name the refusal gives. With ``--monthly-totals``, extracts of one source over growing
or successive periods are turned into true counts of each period.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.cells import flags_of, fold, numbers_of
from decrochage_risk.importers.declarations import declared_motives
from decrochage_risk.importers.declared_maps import (
    KINDS,
    ColumnMap,
    bundled_maps,
    miss_broken_rows,
    persons_of,
    read_table,
    word_of,
)
from decrochage_risk.importers.event_times import event_times, say_hours_not_read, say_odd_spans
from decrochage_risk.importers.extract import Extract, Head, Notice, Reader, make_persons
from decrochage_risk.importers.half_days import half_days_of, is_possible, merge_half_days
from decrochage_risk.importers.list_spans import (
    ListYears,
    forget_persons,
    part_of_year,
    period_of_title,
    say_years,
    told_by_titles,
)
from decrochage_risk.importers.sources import local_name, records_of
from decrochage_risk.school_year import SchoolCalendar, day_number, school_year_of, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, time

    import numpy.typing as npt

    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import ImportOptions, SourceFile

__all__ = [
    "READERS",
    "TOTAL_COLUMNS",
    "calendar_of",
    "finish_absences",
    "map_reader",
    "monthly_absences",
    "read_absence_events",
    "totals_reader",
]

_KINDS = frozenset(KINDS)
_ORDER = ("cancel", "exclusion", "placement", "absence", "lateness", "drop")
"""Of several types of one entry the one that counts."""

_UNREADABLE = frozenset({"outside_calendar", "bad_number"})
"""Reasons of an event of a known day that happened on others that nobody can read; the other reasons say that it was none."""

_PARTS = re.compile(r"\s+-(?:\s+|$)")

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
    table = read_table(source, options, column_map)
    extract = Extract(source.kind, uai=options.uai)
    table.count_into(extract)
    extract.school_year, extract.exported_on = told_by_titles(table.titles, options)
    extract.persons, person = persons_of(table, column_map)
    cut = options.half_day_cut or column_map.cut
    events = event_times(table, column_map, cut).assign(person=person, line=table.lines)
    events["kind"], events["is_missed"] = _kinds(table, column_map, extract)
    # The word of a half-day is no minute at which somebody came.
    events["timed"] &= ~(events["by_word"] & (events["kind"] == "lateness"))
    events["justified"] = _justified(table, column_map, options, extract)
    _say_rounded(events, column_map, extract)
    say_hours_not_read(extract, table, column_map, events[events["kind"].isin(_KINDS - {"lateness"})])
    most = column_map.settings.get("most_rows")
    is_cut = most is not None and table.rows_read >= int(most)
    finish_absences(extract, events, options, cut, period=period_of_title(table.titles), is_cut=is_cut)
    for part in (extract, *extract.other_years):
        miss_broken_rows(table, column_map, part)
    if len(events) >= FEW and not (events["kind"] == "lateness").any():
        extract.warn(
            "no_lateness",
            "Aucun retard dans cette liste : s’ils sont dans une autre, exportez-la aussi, car ici ils comptent pour zéro.",
        )
    if is_cut:
        extract.warn(
            "cut_at_most",
            f"{table.rows_read} lignes : ce logiciel n’en exporte pas plus de {most}. Seuls les jours de la première à la dernière ligne "
            "sont couverts. Exportez par mois, ou par classe.",
        )
    return extract


def finish_absences(
    extract: Extract,
    events: pd.DataFrame,
    options: ImportOptions,
    cut: time,
    *,
    period: tuple[date, date] | None = None,
    is_cut: bool = False,
) -> None:
    """Turn the events of a list into half-days, each in its own school year, and say which days the list covers.

    Parameters
    ----------
    extract : Extract
        Gets the table ``absences``, the lines that gave nothing, ``covers`` and the school year, and a part for each other year
        of the list.
    events : DataFrame
        As :func:`~decrochage_risk.importers.half_days.half_days_of` takes them, and ``is_missed``: no absence, and it may have
        been one.
    options : ImportOptions
    cut : time
    period : tuple of (date, date), optional
        First and last day that the list says it is of.
    is_cut : bool
        The list is as long as its software allows.
    """
    # What ends before it starts, or lasts for ever, does not tell its year.
    days = events["start"].dt.normalize().mask(~is_possible(events))
    counts = days.value_counts()
    rows_of_day = dict(zip(counts.index.date, counts.tolist(), strict=True))
    years = ListYears.of(rows_of_day, extract.school_year)
    year_of_day = {pd.Timestamp(day): school_year_of(day) for day in rows_of_day}
    # 0 is no year of any day.
    year_of = days.map(year_of_day).fillna(0).astype("int64")
    has_kind = events["kind"].isin(_KINDS)
    outside = (year_of != 0) & ~year_of.isin(years.own)
    for line in events.loc[outside & has_kind, "line"]:
        extract.leave_out("outside_school_year", line)
    stray = outside & ~year_of.isin(list(years.elsewhere)) & (has_kind | events["is_missed"])
    undated = (year_of == 0) & (has_kind | events["is_missed"])
    # Of which year they are is not known: they may be of any of the list.
    of_any_year = [
        (int(line), extract.persons[int(at)])
        for line, at in events.loc[stray | undated, ["line", "person"]].itertuples(index=False)
        if extract.persons
    ]
    events_by_year = [
        _finish_year(part, own, options, cut, years, period=period, is_cut=is_cut)
        for part, own in _parts(extract, events[~outside], year_of[~outside], years)
    ]
    for part in (extract, *extract.other_years):
        for line, person in of_any_year:
            part.miss(line, person)
    say_odd_spans(extract, pd.concat(events_by_year))
    say_years(extract, years)


def _parts(
    extract: Extract, events: pd.DataFrame, year_of: pd.Series, years: ListYears
) -> list[tuple[Extract, pd.DataFrame]]:
    """Give each school year of a list with its events: the main one, which has those without a day too, is the list itself."""
    main, *others = years.own or (None,)
    parts = []
    for year in others:
        own = events[year_of == year]
        part, place = part_of_year(extract, year, own["person"])
        extract.other_years.append(part)
        parts.append((part, own.assign(person=own["person"].map(place))))
    own = events[year_of.isin((0, main))]
    extract.school_year = main
    gone = set(range(len(extract.persons))) - set(own["person"])
    if gone:
        own = own.assign(person=own["person"].map(forget_persons(extract, gone)).astype("int64"))
    return [(extract, own), *parts]


def _finish_year(
    extract: Extract,
    events: pd.DataFrame,
    options: ImportOptions,
    cut: time,
    years: ListYears,
    *,
    period: tuple[date, date] | None,
    is_cut: bool,
) -> pd.DataFrame:
    """Finish the part of a list that is of one school year; give its events that took half-days, or are a lateness."""
    calendar = calendar_of(options, extract)
    rows, left_out = half_days_of(events[events["kind"].isin(_KINDS)], calendar, cut)
    person_of = dict(zip(events["line"], events["person"], strict=True))
    # Something happened on days that nobody can read: that is no day without absence.
    missed = [int(line) for line in events.loc[events["is_missed"] & is_possible(events), "line"]]
    for reason, lines in left_out.items():
        for line in lines:
            extract.leave_out(reason, line)
        missed += lines if reason in _UNREADABLE else []
    for line in missed:
        extract.miss(line, extract.persons[int(person_of[line])])
    extract.tables["absences"] = merge_half_days(rows, "person")
    if years.holds_rows:
        _cover(
            extract,
            rows,
            calendar,
            goes_on=extract.school_year != max(years.own, default=None),
            period=period,
            is_cut=is_cut,
        )
    return events[events["line"].isin(rows["line"])]


def _cover(
    extract: Extract,
    rows: pd.DataFrame,
    calendar: SchoolCalendar,
    *,
    goes_on: bool,
    period: tuple[date, date] | None,
    is_cut: bool,
) -> None:
    """Say which days of its school year a list vouches for: from the first one to its export.

    Not beyond its rows where its software may have cut it, nor beyond the period that it says, which its own rows belong to; a list
    that goes on in a later year is of all days until then.
    """
    dates = pd.to_datetime(rows["date"])
    first, last = (None, None) if dates.empty else (dates.min().date(), dates.max().date())
    year = extract.school_year
    if year is None or (extract.exported_on is None and last is None):
        extract.warn(
            "no_span",
            "Ni ligne ni date d’export : on ne sait pas quels jours cette liste couvre (--extracted-on, --year).",
        )
        return
    start = year_start(year)
    if first is not None and not is_cut and _is_part(extract, rows, start, calendar):
        extract.warn(
            "part_of_year",
            f"La première ligne est du {french.day(first)} : la liste est prise comme un extrait qui commence ce jour-là. "
            "Exportez depuis la rentrée.",
        )
        start = first
    end = year_end(year) if goes_on else extract.exported_on
    if end is None and last is not None:
        end = last
        extract.warn(
            "no_export_day",
            f"La date d’export n’est pas dite : la liste est prise comme allant jusqu’à sa dernière ligne, le {french.day(end)} "
            "(--extracted-on).",
        )
    if end is None:
        return
    end = min(end, year_end(year))
    if period is not None and period[0] <= year_end(year) and period[1] >= year_start(year):
        begins, ends = min(period[0], first or period[0]), max(period[1], last or period[1])
        # Days without school before the period hold nothing that it could lack.
        start = begins if _school_days(calendar, start, begins).any() else start
        end = min(end, ends)
    if is_cut:
        if first is None or last is None:
            return
        start, end = first, min(end, last)
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
        # Closures come with the school's own files (Communs.xml): a closed day is no absence.
        values[low:high] = 0
    return SchoolCalendar(base.first_day, values, name=base.name)


def _kinds(
    table: DelimitedTable, column_map: ColumnMap, extract: Extract
) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """Give the kind of each row, and which rows may be absences of a type that is not known.

    A row that is no kind is counted, and its type said where it is not known.
    """
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
    # Where presence was not due, nothing of any type was missed.
    may_be = np.array([obligation is not False for _, _, obligation in cases], dtype=bool)
    return pd.Series(codes, index=table.frame.index), (codes == "unknown_type") & may_be


def _texts(table: DelimitedTable, column_map: ColumnMap, name: str) -> list[str]:
    cells = column_map.text(table, name).to_numpy(dtype=object)
    return [text if isinstance(text, str) else "" for text in cells]


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
    plain = extract.plain_labels(labels)
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
        # Justified only if every flag says so, not as soon as one does: in doubt the absence counts.
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


def _say_rounded(events: pd.DataFrame, column_map: ColumnMap, extract: Extract) -> None:
    """Say that half-days told without times were rounded up: nobody knows which of three counts the column holds."""
    has_count = (
        events["half_days"].notna() & ~events["timed"] & ~events["by_word"] & events["kind"].isin(_KINDS)
    )
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


TOTAL_COLUMNS = ("person", "line", "start", "end", "half_days", "unjustified", "lateness")
"""Columns of the table ``absence_totals`` of an extract; ``start`` and ``end`` are days, both included."""

_SIECLE_LIST = "la liste datée du logiciel de vie scolaire (GEPI, PRONOTE, ENT) : SIECLE n’a que des totaux"


def read_totals(source: SourceFile, options: ImportOptions, *, column_map: ColumnMap) -> Extract:
    """Read a list of totals per pupil, where they were asked for.

    Raises
    ------
    UnreadableExportError
        ``monthly_totals`` was not asked for; nobody tells which period it is.
    """
    if not options.monthly_totals:
        raise _refusal(source.path, str(column_map.settings.get("dated_list", "la liste datée des absences")))
    table = read_table(source, options, column_map)
    extract = Extract(source.kind, uai=options.uai)
    table.count_into(extract)
    extract.persons, person = persons_of(table, column_map)
    counts = {
        name: numbers_of(column_map.text(table, name))
        for name in ("half_days", "unjustified", "justified", "lateness")
    }
    unjustified_counts = counts["unjustified"]
    if not column_map.has(table, "unjustified") and column_map.has(table, "justified"):
        unjustified_counts = counts["half_days"] - counts["justified"]
    rows = pd.DataFrame(
        {
            "person": person,
            "line": table.lines,
            "half_days": counts["half_days"],
            "unjustified": unjustified_counts,
            "lateness": counts["lateness"],
        }
    )
    _finish(extract, rows, _period(source, options, table.titles))
    return extract


def read_siecle_totals(source: SourceFile, options: ImportOptions) -> Extract:
    """Read exportAbsence.xml of SIECLE, where totals were asked for.

    Raises
    ------
    UnreadableExportError
        As for :func:`read_totals`.
    """
    if not options.monthly_totals:
        raise _refusal(source.path, _SIECLE_LIST)
    extract = Extract(source.kind, uai=options.uai)
    records: list[dict[str, Any]] = []
    for line, (_, element) in enumerate(
        records_of(source.content, frozenset({"ELEVE"}), source.path), start=1
    ):
        attributes = {local_name(name): str(value) for name, value in element.attrib.items()}
        records.append(
            {
                "line": line,
                "elenoet": attributes.get("ELENOET"),
                **{
                    name: attributes.get(tag)
                    for name, tag in (
                        ("half_days", "NBABS"),
                        ("unjustified", "NBNONJUSTIF"),
                        ("lateness", "NBRET"),
                    )
                },
            }
        )
    frame = pd.DataFrame(records, columns=["line", "elenoet", "half_days", "unjustified", "lateness"])
    extract.rows_read = len(frame)
    extract.persons = make_persons({"elenoet": frame["elenoet"]}, len(frame))
    rows = frame.drop(columns="elenoet").assign(
        person=np.arange(len(frame)),
        **{name: numbers_of(frame[name].astype("str")) for name in ("half_days", "unjustified", "lateness")},
    )
    _finish(extract, rows, _period(source, options, ()))
    return extract


def monthly_absences(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Notice]]:
    """Turn totals of growing or successive periods into counts of each period between two extracts.

    Parameters
    ----------
    rows : DataFrame
        ``pupil_id``, ``source`` and the columns of :data:`TOTAL_COLUMNS` but ``person`` and ``line``.

    Returns
    -------
    counts : DataFrame
        ``pupil_id``, ``start``, ``end`` (days, included), ``half_days``, ``unjustified``, ``lateness``.
    notices : list of Notice
        How often a total was less than the one before: corrections, counted as nothing.

    Examples
    --------
    >>> day = pd.Timestamp
    >>> rows = pd.DataFrame({"pupil_id": ["a", "a"], "source": ["s", "s"], "start": [day("2024-09-01")] * 2,
    ...     "end": [day("2024-09-30"), day("2024-10-31")], "half_days": [3, 8], "unjustified": [1, 5], "lateness": [0, 0]})
    >>> monthly_absences(rows)[0][["end", "half_days", "unjustified"]].values.tolist()
    [[Timestamp('2024-09-30 00:00:00'), 3.0, 1.0], [Timestamp('2024-10-31 00:00:00'), 5.0, 4.0]]
    """
    counts = ["half_days", "unjustified", "lateness"]
    keys = ["source", "pupil_id", "start"]
    # Of two extracts of one period the later file holds the corrections.
    rows = rows.drop_duplicates([*keys, "end"], keep="last").sort_values([*keys, "end"], kind="stable")
    # Totals of one beginning grow from extract to extract: the period's own count is the difference.
    before = rows.groupby(keys, sort=False)[["end", *counts]].shift(1)
    growing = before["end"].notna()
    less = rows[counts] - before[counts].where(growing, 0)
    correction_count = int((less < 0).any(axis=1).sum())
    result = rows.assign(
        start=rows["start"].where(~growing, before["end"] + pd.Timedelta(days=1)),
        **{name: less[name].clip(lower=0) for name in counts},
    )
    notices = []
    if correction_count:
        notices.append(
            Notice(
                "totals_went_down",
                f"{french.plural(correction_count, 'total')} plus petits que celui d’avant (corrections) : comptés pour rien sur la période.",
            )
        )
    return result[["pupil_id", "start", "end", *counts]].reset_index(drop=True), notices


def _finish(extract: Extract, rows: pd.DataFrame, period: tuple[date, date]) -> None:
    start, end = period
    extract.school_year = school_year_of(start)
    bad = rows["half_days"].isna() | (rows["half_days"] < 0)
    above = ~bad & (rows["unjustified"] > rows["half_days"])
    for reason, which in (("bad_number", bad), ("unjustified_above_total", above)):
        for line in rows.loc[which, "line"]:
            extract.leave_out(reason, line)
    rows = rows[~bad & ~above]
    half = rows["half_days"] % 1 != 0
    if half.any():
        extract.warn(
            "half_days_told",
            "Des demi-journées « calculées » (0,5 ; 3,5) sont arrondies au-dessus : demandez les « brutes ».",
        )
    extract.tables["absence_totals"] = rows.assign(
        start=np.datetime64(start, "s"),
        end=np.datetime64(end, "s"),
        **{name: np.ceil(rows[name].astype("float64")) for name in ("half_days", "unjustified", "lateness")},
    )[list(TOTAL_COLUMNS)].reset_index(drop=True)


def _period(source: SourceFile, options: ImportOptions, titles: Iterable[str]) -> tuple[date, date]:
    """Find the period of a file of totals: in its titles, as the school declared it, or as the caller says."""
    period = period_of_title(titles)
    if period is not None:
        return period
    if options.totals_period is not None:
        return options.totals_period
    raise UnreadableExportError(
        explain_error(
            f"{source.path}: nobody says which period its totals are of",
            expected='a table [files."name of the file"] in a file of --columns: totals = [2024-09-01, 2024-09-30]',
            hint="Declare the first and the last day of each file.",
        ),
        french='La période de ces totaux n’est dite nulle part : déclarez-la (--columns, [files."nom du fichier"] '
        "totals = [2024-09-01, 2024-09-30]).",
    )


def _refusal(path: str, dated_list: str) -> UnreadableExportError:
    return UnreadableExportError(
        explain_error(
            f"{path} holds totals of a period, without days",
            expected="a dated list of absences",
            hint="Ask for the dated list, or give monthly_totals=True with one extract per month.",
        ),
        french=f"Totaux d’une période, sans les jours : presque rien de ce que regarde le modèle ne s’en tire. Demandez {dated_list}. "
        "À défaut, un export par mois et --monthly-totals.",
    )


def totals_reader(column_map: ColumnMap) -> Reader:
    """Make the reader of one map of totals."""
    return Reader(
        column_map.kind,
        column_map.label,
        lambda head: head.form == "rows" and head.has(*column_map.recognised_by),
        partial(read_totals, column_map=column_map),
        gives="",
        basis=column_map.basis,
    )


READERS: tuple[Reader, ...] = (
    *tuple(map_reader(column_map) for column_map in bundled_maps() if column_map.reads == "absence_events"),
    *(
        Reader(
            "siecle_absences",
            "SIECLE, exportAbsence (totaux)",
            lambda head: head.form == "xml" and head.root == "EXPORTABSENCE",
            read_siecle_totals,
            gives="",
            basis="code",
        ),
        *(totals_reader(column_map) for column_map in bundled_maps() if column_map.reads == "absence_totals"),
    ),
)
"""Every bundled list of dated absences, SIECLE’s totals, and every bundled list of totals."""
