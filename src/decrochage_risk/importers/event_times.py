"""When each event of a list was: days, times of day, words of half-days, and numbers of half-days, out of their cells.

A time of day stands after the day, in a column beside it, or in a span; a half-day told by a word ("matin") is the hours of that
half. What is written about the time and cannot be read is said: the event counts as whole days then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.importers.cells import (
    after_day,
    days_of,
    fold,
    half_of,
    has_time,
    moments_of,
    numbers_of,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import time

    from decrochage_risk.importers.declared_maps import ColumnMap
    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import Extract

__all__ = ["LONG_EVENT", "event_times", "say_hours_not_read", "say_odd_spans"]

_SPAN = re.compile(r"\s*(?:-|–|à|>|/)\s*")
_HOURS = re.compile(r"\b(?:H|HEURES?|HORAIRES?|MATIN|APRES MIDI|DEMI JOURNEES?|1 2 JOURNEES?)\b")
"""Headers of columns that may tell at which hours a pupil was away."""

LONG_EVENT = 60
"""Days of an event from which on it is told, and read all the same: a placement lasts some weeks, an illness may last longer."""

_COLUMNS_SHOWN = 4
_NIGHTFALL = pd.Timedelta(hours=23, minutes=59)


class _Side(NamedTuple):
    """The beginning, or the end, of each event: its day, the time of day, the word of a half-day, and whether more is written."""

    day: pd.Series
    clock: pd.Series
    word: pd.Series
    unread: pd.Series


def event_times(table: DelimitedTable, column_map: ColumnMap, cut: time) -> pd.DataFrame:
    """Give when the event of each row was.

    Parameters
    ----------
    table : DelimitedTable
    column_map : ColumnMap
    cut : time
        Limit between morning and afternoon: where "matin" ends.

    Returns
    -------
    DataFrame
        ``start``, ``end``, ``timed``, ``half_days``, ``recorded_on`` and ``justified_on`` as
        :func:`~decrochage_risk.importers.half_days.half_days_of` takes them; ``by_word``: a word tells the half-day;
        ``hours_unread``: what is written where hours or half-days stand could not be read.
    """
    is_span = column_map.has(table, "start")
    begins, ends = _texts_beside(table, column_map)
    first = column_map.text(table, "start" if is_span else "date")
    last = column_map.text(table, "end") if is_span else first
    begin = _side(first, begins)
    end = _side(last, ends) if is_span else _end_of_day(begin, ends, table, column_map)
    half_days = numbers_of(column_map.text(table, "half_days"))
    same_day = end.day.isna() | (end.day == begin.day)
    bare = begin.clock.isna() & end.clock.isna()
    count_text = column_map.text(table, "half_days").fillna("")
    count_word = _each(count_text, half_of)
    # A number of half-days in words is told of one day alone; of several, nobody knows which of their halves it means.
    of_one_day = bare & same_day & (begin.word == "") & (end.word == "")
    begin = begin._replace(word=begin.word.mask(of_one_day, count_word))
    end = end._replace(word=end.word.mask(of_one_day, count_word))
    either = bare & same_day & _is_either(begin.word, end.word)
    noon = pd.Timedelta(hours=cut.hour, minutes=cut.minute)
    start_clock = _with_words(begin, {"morning": pd.Timedelta(0), "afternoon": noon})
    # A minute before: an afternoon that ends in the morning of its day ends before it starts.
    end_clock = _with_words(end, {"morning": noon - pd.Timedelta(minutes=1), "afternoon": _NIGHTFALL})
    timed = start_clock.notna() | end_clock.notna()
    start = begin.day + start_clock.fillna(pd.Timedelta(0))
    # Half a span told by its day alone is that whole day.
    end_moment = end.day + end_clock.fillna(pd.Timedelta(0)).mask(end_clock.isna() & timed, _NIGHTFALL)
    if is_span:
        # An end that is written and cannot be read is not the end of an absence still open, which would take one half-day.
        start = start.mask(end.day.isna() & last.fillna("").str.contains(r"\d"))
    else:
        # A beginning without an end is an event still open.
        end_moment = end_moment.mask(start_clock.notna() & end_clock.isna())
    odd_count = half_days.isna() & (count_text.map(fold) != "") & ~(of_one_day & (count_word != ""))
    return pd.DataFrame(
        {
            "start": start.astype("datetime64[s]"),
            "end": end_moment.astype("datetime64[s]"),
            "timed": timed,
            "half_days": half_days.mask(either & half_days.isna(), 1.0),
            "recorded_on": days_of(column_map.text(table, "recorded_on")),
            "justified_on": days_of(column_map.text(table, "justified_on")),
            "by_word": either | (bare & timed),
            "hours_unread": begin.unread
            | end.unread
            | (_is_either(begin.word, end.word) & ~either & ~timed)
            | (odd_count & ~timed),
        }
    )


def say_hours_not_read(
    extract: Extract, table: DelimitedTable, column_map: ColumnMap, events: pd.DataFrame
) -> None:
    """Say which events count as whole days although something, or a column that nothing reads, may tell their hours.

    Parameters
    ----------
    extract : Extract
    table : DelimitedTable
    column_map : ColumnMap
    events : DataFrame
        As :func:`event_times` gives them, with ``line``, of those that take half-days.
    """
    uncounted = events["timed"] | events["half_days"].isna()
    lines = events.loc[events["hours_unread"] & uncounted, "line"]
    if len(lines):
        extract.warn(
            "hours_not_read",
            f"Heures ou demi-journées écrites d’une façon inconnue dans {french.plural(len(lines), 'ligne')} : la journée entière y est "
            "comptée. Écrivez 08h00, ou « matin », « après-midi ».",
            tuple(int(line) for line in lines),
        )
    whole = events[~events["timed"] & events["half_days"].isna()]
    mapped_names = {fold(name) for names in column_map.columns.values() for name in names}
    columns = [
        table.names[at]
        for at, name in enumerate(table.header)
        if name not in mapped_names and _HOURS.search(name) and _tells_hours(table.frame.loc[whole.index, at])
    ]
    columns = extract.plain_labels(columns)[:_COLUMNS_SHOWN]
    if columns:
        extract.warn(
            "hour_columns_not_read",
            f"Colonnes qui ne sont pas lues : {french.join([f'« {name} »' for name in columns])}. Si elles disent les heures, déclarez-les "
            f"(--columns : start_time, end_time, time_span ou half_days) : sans elles, {french.plural(len(whole), 'absence')} "
            "comptent en journées entières.",
        )


def say_odd_spans(extract: Extract, events: pd.DataFrame) -> None:
    """Say which absences end after the export, or are longer than nearly all: one wrong digit of a day makes months of one."""
    events = events[events["end"].notna() & (events["kind"] != "lateness")]
    last, first = events["end"].dt.normalize(), events["start"].dt.normalize()
    if extract.exported_on is not None:
        after = events.loc[last > pd.Timestamp(extract.exported_on), "line"]
        if len(after):
            extract.warn(
                "ends_after_export",
                f"Fin écrite après le jour de l’export ({french.day(extract.exported_on)}) dans "
                f"{french.plural(after.nunique(), 'ligne')} : prévue (stage, exclusion), ou faute de frappe (09/06 pour 09/01) qui "
                "compte des mois d’absence. Vérifiez.",
                tuple(int(line) for line in sorted(set(after))),
            )
    long = events.loc[last - first >= pd.Timedelta(days=LONG_EVENT), "line"]
    if len(long):
        extract.warn(
            "long_events",
            f"Plus de {LONG_EVENT} jours d’un seul tenant dans {french.plural(long.nunique(), 'ligne')}, ce qui est pris comme écrit. Vérifiez "
            "qu’aucune date n’est une faute de frappe.",
            tuple(int(line) for line in sorted(set(long))),
        )


def _texts_beside(table: DelimitedTable, column_map: ColumnMap) -> tuple[pd.Series, pd.Series]:
    """Give what the columns beside the day write of beginning and end: the two ends of a span, or a column each."""
    if not column_map.has(table, "time_span"):
        return column_map.text(table, "start_time").fillna(""), column_map.text(table, "end_time").fillna("")
    spans = column_map.text(table, "time_span").fillna("")
    parts = _each(spans, lambda text: ([part for part in _SPAN.split(text) if part] + ["", ""])[:2])
    # A word is no span: "après-midi" is not cut at its hyphen.
    whole = _each(spans, half_of) != ""
    return parts.str[0].mask(whole, spans), parts.str[1].mask(whole, spans)


def _side(days: pd.Series, beside: pd.Series) -> _Side:
    texts = days.fillna("")
    moments = moments_of(days)
    day = moments.dt.normalize()
    clock = (moments - day).where(_each(texts, has_time).astype(bool))
    rest = _each(texts, after_day)
    return _Side(day, clock.fillna(_offsets(beside)), *_words_and_unread(clock, rest, beside))


def _words_and_unread(clock: pd.Series, rest: pd.Series, beside: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Give the word of a half-day where no time is told, and whether there is something that is neither."""
    own, other = _each(rest, half_of), _each(beside, half_of)
    offsets = _offsets(beside)
    word = own.mask(own == "", other).mask(clock.notna() | offsets.notna(), "")
    unread = (clock.isna() & (rest.map(fold) != "") & (own == "")) | (
        offsets.isna() & (beside.map(fold) != "") & (other == "")
    )
    return word, unread


def _end_of_day(begin: _Side, ends: pd.Series, table: DelimitedTable, column_map: ColumnMap) -> _Side:
    """Give the end of events told by one day: the time beside it, else the beginning and a length; the word is that of the day."""
    clock = _offsets(ends)
    minutes = pd.to_timedelta(numbers_of(column_map.text(table, "minutes")), unit="min")
    clock = clock.fillna(begin.clock + minutes)
    nothing = pd.Series("", index=ends.index)
    word, unread = _words_and_unread(clock, nothing, ends)
    return _Side(begin.day, clock, word.mask((word == "") & clock.isna(), begin.word), unread)


def _is_either(first: pd.Series, last: pd.Series) -> pd.Series:
    words = ("", "either")
    return first.isin(words) & last.isin(words) & ((first == "either") | (last == "either"))


def _with_words(side: _Side, hours: dict[str, pd.Timedelta]) -> pd.Series:
    clock = side.clock.astype("timedelta64[s]")
    for word, hour in hours.items():
        clock = clock.mask(clock.isna() & (side.word == word), hour)
    return clock


def _each(texts: pd.Series, read: Callable[[str], Any]) -> pd.Series:
    """Read each distinct text once; what says nothing is an empty text."""
    codes, spellings = pd.factorize(texts)
    values = np.empty(len(spellings), dtype=object)
    for at, text in enumerate(spellings):
        value = read(str(text))
        values[at] = "" if value is None else value
    return pd.Series(values[codes], index=texts.index, dtype=object)


def _offsets(texts: pd.Series) -> pd.Series:
    def offset(text: str) -> Any:  # noqa: ANN401 - a length of time, or a missing one
        at = time_of(text)
        return pd.NaT if at is None else pd.Timedelta(hours=at.hour, minutes=at.minute)

    return _each(texts, offset).astype("timedelta64[s]")


def _tells_hours(cells: pd.Series) -> bool:
    return any(time_of(text) is not None or half_of(text) is not None for text in cells.dropna().unique())
