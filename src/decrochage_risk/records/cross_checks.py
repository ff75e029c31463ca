"""Rows held against each other and against other tables: keys that are there twice, unknown pupils, events outside every stay.

Found here too: ids that an export has split, stays that overlap, transfers written on one day, half-days that their day cannot
hold. A row that was recorded later never sets aside what was known before it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.records import kernels, rules
from decrochage_risk.records.coded_columns import NO_DAY, Texts
from decrochage_risk.records.encoded_tables import EVENT_TABLES, EventOrder, PupilCodes
from decrochage_risk.school_year import zone_of_school

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.coded_columns import CodedTable
    from decrochage_risk.records.faults import FaultGroup, Rule
    from decrochage_risk.school_year import SchoolCalendar


__all__ = [
    "Links",
    "Spans",
    "alike_id",
    "check_absence_days",
    "check_links",
    "fault_at",
    "first_days_of_years",
    "leavers_enrolled",
    "link_tables",
    "of_other_zones",
    "repeated_keys",
    "with_contradictions_unknown",
]

_SPAN = 2**20
"""More days than any two dates of the records lie apart, so that (pupil, day) fits one whole number."""

_TWO = 2
"""Stays that it takes for an order, an overlap or a transfer: most pupils who come alone have one."""


def fault_at(
    rule: Rule,
    column: str | None,
    rows: CodedTable,
    broken: npt.NDArray[np.bool_],
    *,
    expected: str | None = None,
    hint: str | None = None,
) -> Iterator[FaultGroup]:
    """Report the rows that break a rule, if any; a fault of whole rows shows their pupil and day."""
    # The method: flatnonzero goes through three more calls, for some twenty rules of each pupil.
    (positions,) = broken.nonzero()
    if not positions.size:
        return
    if column is None:
        # Only the faulty rows become a frame: the table may hold millions.
        some = rows.take(positions).frame()
        values = (some["pupil_id"] + " on " + some["date"].dt.strftime("%Y-%m-%d")).astype(object).to_numpy()
    else:
        values = rows.objects(column, positions)
    labels = rows.where(positions)
    # By the place in the file, whatever order the check worked in.
    order = np.argsort(labels, kind="stable")
    yield rule.fault(
        rows.table.name, column, rows=labels[order], values=values[order], expected=expected, hint=hint
    )


def first_days_of_years(school_years: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Day number of 1 September of each school year; 0 where it is missing."""
    days: npt.NDArray[np.int64] = kernels.first_septembers(school_years)
    return days


@dataclass(frozen=True, slots=True)
class Spans:
    """The days on which enrolments are open, sorted by pupil, start, end, school and level.

    Attributes
    ----------
    rows : (n,) int array
        Positions in the enrolments; rows without a known pupil or start, or open on no day, are left out.
    pupil, start, end : (n,) int array
        Code of the pupil, first and last day.
    pupils : int
        How many pupils there are.
    """

    rows: npt.NDArray[np.intp]
    pupil: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    pupils: int

    @classmethod
    def of(cls, enrolments: CodedTable, pupils: PupilCodes) -> Spans:
        """Sort the spans; without ``end_date`` an enrolment is open until 31 August of its school year."""
        start, end, years = enrolments["start_date"], enrolments["end_date"], enrolments["school_year"]
        open_ended = (end == NO_DAY) & ~np.isnan(years)
        if open_ended.any():
            end = np.where(open_ended, first_days_of_years(years + 1) - 1, end).astype(np.int32)
        # Stays that end before they start are reported by another rule, and are open on no day.
        rows = np.flatnonzero(pupils.known & (start != NO_DAY) & (end >= start))
        if rows.size < _TWO:
            return cls(rows, pupils.codes[rows], start[rows], end[rows], pupils.pupils)
        # lexsort sorts by its last key first: pupil, start, end, school, level.
        keys = (
            enrolments["level"][rows], enrolments["school_id"].ranks()[rows], end[rows], start[rows], pupils.codes[rows],
        )  # fmt: skip
        rows = rows[np.lexsort(keys)]
        return cls(rows, pupils.codes[rows], start[rows], end[rows], pupils.pupils)

    def overlapping(self) -> npt.NDArray[np.intp]:
        """Find the enrolments to leave out so that no two of a pupil share a day, the earliest kept.

        Each round leaves out the first overlapping span of every pupil, so that a span is not blamed for sharing
        a day with one that is left out itself.
        """
        if self.rows.size < _TWO:
            return self.rows[:0]
        starts, ends = (self.pupil.astype(np.int64) * _SPAN + day for day in (self.start, self.end))
        left = np.arange(len(self.rows))
        out: list[npt.NDArray[np.intp]] = []
        while True:
            late = np.flatnonzero(_overlaps(starts[left], ends[left]))
            if not late.size:
                return np.asarray(self.rows[np.concatenate([*out, late])])
            # One stay per pupil and round: leaving one out may free those after it.
            _, first = np.unique(starts[left[late]] // _SPAN, return_index=True)
            out.append(left[late[first]])
            left = np.delete(left, late[first])

    def transfers(self, overlapping: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Find the enrolments that start on the last day of the one before, as SIECLE writes a transfer.

        Parameters
        ----------
        overlapping : array of bool
            Enrolments left out, by their positions.
        """
        if self.rows.size < _TWO:
            return self.rows[:0]
        left = np.flatnonzero(~overlapping[self.rows])
        pupil, start, end = self.pupil[left], self.start[left], self.end[left]
        same_day = np.zeros(left.size, dtype=np.bool_)
        # Neighbours only: without overlaps, the stay before a transfer is the one that sorts just before it.
        same_day[1:] = (pupil[1:] == pupil[:-1]) & (start[1:] == end[:-1])
        return np.asarray(self.rows[left[same_day]])

    def leave_out(self, pupils: PupilCodes, days: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Rows of known pupils whose day lies in no span of theirs."""
        first = np.searchsorted(self.pupil, np.arange(self.pupils + 1))
        return kernels.outside_spans(pupils.codes, days, NO_DAY, first, self.start, self.end)


def _overlaps(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which spans, in order, share days with an earlier one; the last day of a stay that began before may be shared."""
    # The latest end so far, not the neighbour's: a long stay may cover several later ones.
    before = np.append([-1], np.maximum.accumulate(ends)[:-1])[: len(ends)]
    begun_before = np.append([True], starts[1:] > starts[:-1])[: len(starts)]
    return np.asarray((starts < before) | ((starts == before) & ~begun_before))


# Half-days of a full day (DESIGN.md, section 3): more than that is counted twice.
_A_DAY = 2
# More than any day can hold, so that one array says both.
_UNKNOWN = 3
_EPOCH = date(1970, 1, 1)
_AUGUST = 31


def check_absence_days(
    absences: CodedTable, pupils: PupilCodes, order: EventOrder, calendar: SchoolCalendar
) -> Iterator[FaultGroup]:
    """Find absences that their day cannot hold.

    Parameters
    ----------
    absences : CodedTable
        The table.
    pupils : PupilCodes
        Whose each row is.
    order : EventOrder
        Its rows in order.
    calendar : SchoolCalendar
        Half-days of school per day.

    Yields
    ------
    FaultGroup
        More than 2 half-days of absence, exclusion and placement of one pupil on one day; days without school, days
        shorter than what was missed, days that the calendar does not know. Of a day that holds too much, the rows with
        which it came to do so, never the ones recorded before them: a row recorded later tells nothing of what was known.
    """
    days = absences["date"]
    lateness = absences.table.column("kind").choices.index("lateness")
    day, kind, half_days = (order.columns[name] for name in ("date", "kind", "half_days"))
    total = kernels.half_days_of_the_day(
        order.rows, order.starts, pupils.pupils, day, NO_DAY, kind, lateness, half_days
    )
    possible = _half_days_held(days, calendar)
    full = np.flatnonzero((total > _A_DAY) | ((possible > 0) & (total > possible)))
    if full.size and absences.given("recorded_on").any():
        total = total.astype(np.int64)
        total[full] = _half_days_by_then(absences.take(full), pupils.codes[full])
    yield from fault_at(rules.TOO_MANY_HALF_DAYS, "half_days", absences, total > _A_DAY)
    # A warning only, as real extracts are full of them; such a row counts for nothing in the features.
    yield from fault_at(rules.NO_SCHOOL_DAY, "date", absences, possible == 0)
    beyond = (possible > 0) & (possible < _UNKNOWN) & (total > possible) & (total <= _A_DAY)
    yield from fault_at(rules.BEYOND_THE_DAY, "half_days", absences, beyond)
    outside = (possible == _UNKNOWN) & (days != NO_DAY)
    if outside.any():
        first, last = (
            _EPOCH + timedelta(days=int(calendar.first_day_number) + more)
            for more in (0, len(calendar.values) - 1)
        )
        expectation = rules.OUTSIDE_CALENDAR.expected.format(first=first, last=last)
        yield from fault_at(rules.OUTSIDE_CALENDAR, "date", absences, outside, expected=expectation)


def _half_days_held(days: npt.NDArray[np.int32], calendar: SchoolCalendar) -> npt.NDArray[np.int8]:
    """Half-days of school of each day, ``_UNKNOWN`` for a day that the calendar does not hold."""
    # One place more, which every day outside the calendar reads.
    values = np.append(calendar.values, np.int8(_UNKNOWN))
    outside = len(values) - 1
    since_first = days - np.int64(calendar.first_day_number)
    return values[np.where((since_first >= 0) & (since_first < outside), since_first, outside)]


def _half_days_by_then(absences: CodedTable, pupil: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Half-days of the pupil and day of each row, over the rows known no later than it."""
    days = absences["date"]
    # A row without recorded_on (the smallest number) is known from its day on.
    known_on = np.maximum(days, absences["recorded_on"])
    by = pd.MultiIndex.from_arrays([pupil, days, known_on], names=["pupil", "day", "known"])
    half_days = pd.Series(absences["half_days"].astype(np.int64), index=by)
    each = half_days.groupby(level=[0, 1, 2]).sum()
    return each.groupby(level=[0, 1]).cumsum().loc[by].to_numpy(dtype=np.int64)


def of_other_zones(enrolments: CodedTable, calendar: SchoolCalendar) -> npt.NDArray[np.bool_]:
    """One enrolment, the first to start, of each school whose place has other holidays than the calendar of a zone."""
    # A calendar of the school's own says nothing about zones: whoever gave it knows where the school is.
    zone = calendar.official_zone
    ids = enrolments["school_id"]
    if zone is None:
        return np.zeros(len(enrolments), dtype=np.bool_)
    elsewhere = np.array([zone_of_school(word) not in {None, zone} for word in ids.words], dtype=np.bool_)
    rows = np.flatnonzero(ids.translate(elsewhere, missing=False))
    one_each = np.zeros(len(enrolments), dtype=np.bool_)
    if not rows.size:
        return one_each
    # One row says it for the whole school; the earliest, so that no later one takes its place.
    rows = rows[np.argsort(enrolments["start_date"][rows], kind="stable")]
    _, first = np.unique(ids.codes[rows], return_index=True)
    one_each[rows[first]] = True
    return one_each


def repeated_keys(
    rule: Rule, rows: CodedTable, *key: str, optional: Collection[str] = ()
) -> Iterator[FaultGroup]:
    """Report rows that repeat a key, the first in the order of all columns left out.

    Parameters
    ----------
    rule : Rule
        Its hint says ``{how}``: whether the rows are identical or contradict each other.
    rows : CodedTable
        The table.
    *key : str
        The columns that must not be the same twice: text, choices, days or whole numbers.
    optional : collection of str
        Those of them in which two missing cells are the same; a row with another cell missing repeats nothing.

    Yields
    ------
    FaultGroup
        Identical and conflicting rows apart.
    """
    doubles = _repeated(rows, key, optional)
    if not doubles.any():
        return
    frame = rows.take(doubles).frame()
    # A missing class means the whole school and is a key like another: as text, so that it equals itself.
    frame = frame.assign(**{name: frame[name].astype(object).fillna("") for name in optional})
    key_names = list(key)
    # By all columns, so that the row that stays does not hang on the order in which the rows came.
    in_order = frame.sort_values(list(frame.columns), kind="stable", na_position="last")
    later = in_order[in_order.duplicated(key_names, keep="first")].sort_index()
    first_rows = in_order.drop_duplicates(key_names).set_index(key_names)
    same_as_kept = _same(later.set_index(key_names), first_rows)
    # Told apart because repeats need no thought, and contradictions a person who knows which row is true.
    for same, how in (
        (same_as_kept, "The rows are identical: keep one of them"),
        (~same_as_kept, "The rows contradict each other: find out which one is true"),
    ):
        if same.any():
            values = later[key[0]][same].astype(object).to_numpy()
            labels = later.index.to_numpy()[same]
            yield rule.fault(
                rows.table.name, key[0], rows=labels, values=values, hint=rule.hint.format(how=how)
            )


def _repeated(rows: CodedTable, key: tuple[str, ...], optional: Collection[str]) -> npt.NDArray[np.bool_]:
    """Rows whose key is complete and there more than once."""
    parts: list[npt.NDArray[Any]] = []
    complete = np.ones(len(rows), dtype=np.bool_)
    for name in key:
        values = rows[name]
        if name not in optional:
            complete &= rows.given(name)
        parts.append(values.codes if isinstance(values, Texts) else values)
    if len(parts) == 1:
        # The code of a missing key is -1, which reads the zero at the end.
        # One key is counted in one pass; pandas' duplicated() would hash a million ids again.
        counts = np.bincount(parts[0][complete])
        return np.asarray(complete & (np.append(counts, 0)[parts[0]] > 1))
    return np.asarray(complete & pd.DataFrame(dict(enumerate(parts))).duplicated(keep=False).to_numpy())


def with_contradictions_unknown(outcomes: CodedTable) -> CodedTable:
    """Say of each pupil and school year with different outcomes that the outcome is unknown, and its day too.

    Whichever row a quarantine keeps of them then tells none of the two.
    """
    doubles = np.flatnonzero(_repeated(outcomes, ("pupil_id", "school_year"), ()))
    if not doubles.size:
        return outcomes
    codes = outcomes["outcome"]
    keys = [outcomes["pupil_id"].codes[doubles], outcomes["school_year"][doubles]]
    contradicted = doubles[pd.Series(codes[doubles]).groupby(keys).transform("nunique").to_numpy() > 1]
    outcome, day = codes.copy(), outcomes["date"].copy()
    outcome[contradicted] = outcomes.table.column("outcome").choices.index("unknown")
    day[contradicted] = NO_DAY
    return replace(outcomes, columns={**outcomes.columns, "outcome": outcome, "date": day})


def leavers_enrolled(
    left: pd.DataFrame, enrolments: pd.DataFrame, closes: tuple[int, int] = (11, 1)
) -> pd.DataFrame:
    """Find who left by the outcomes, and is enrolled on the closing day after it by the enrolments.

    Only stays of a later school year count: one of the year itself may have been left without its end being written. Nor do
    stays that had begun when the pupil left.

    Parameters
    ----------
    left : DataFrame
        Rows of ``outcomes`` of those who left without a diploma.
    enrolments : DataFrame
        Canonical ``enrolments`` table.
    closes : tuple of int
        Month and day on which the outcome of a school year closes, in the calendar year in which it ends.

    Returns
    -------
    DataFrame
        ``outcome_row`` and ``stay_row``, labels of the two tables, for each such stay.
    """
    pairs = left[["pupil_id", "school_year", "date"]].reset_index(names="outcome_row")
    stays = enrolments[["pupil_id", "school_year", "start_date", "end_date"]].reset_index(names="stay_row")
    pairs = pairs.merge(stays, on="pupil_id", suffixes=("", "_of_stay"))
    days = {year: np.datetime64(date(int(year) + 1, *closes)) for year in pairs["school_year"].unique()}
    closing = pairs["school_year"].map(days).astype("datetime64[s]")
    start, end, day = (pairs[name].astype("datetime64[s]") for name in ("start_date", "end_date", "date"))
    later = (pairs["school_year_of_stay"] > pairs["school_year"]).fillna(value=False).astype(np.bool_)
    on_the_day = (start <= closing) & (end.isna() | (end >= closing))
    return pairs.loc[later & on_the_day & (day.isna() | (start > day)), ["outcome_row", "stay_row"]]


def _left_but_enrolled(links: Links) -> Iterator[FaultGroup]:
    """Report the stay, not the outcome: it is what tells, and nobody knows of it before it starts."""
    outcomes, enrolments = links.tables["outcomes"], links.tables["enrolments"]
    left = outcomes["outcome"] == outcomes.table.column("outcome").choices.index("left_without_diploma")
    left &= outcomes.given("school_year") & links.pupils["outcomes"].known
    theirs = np.isin(links.pupils["enrolments"].codes, links.pupils["outcomes"].codes[left])
    if not theirs.any():
        return
    stays = leavers_enrolled(outcomes.take(left).frame(), enrolments.take(theirs).frame())["stay_row"]
    broken = enrolments.among(stays.to_numpy(dtype=np.int64))
    yield from fault_at(rules.LEFT_BUT_ENROLLED, "start_date", enrolments, broken)


def _same(rows: pd.DataFrame, reference: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows equal, in every column, the row kept under the same key (two missing cells are equal)."""
    # As objects below: a masked column compares to NA where a cell is missing, and NA is neither true nor
    # false.
    other = reference.reindex(rows.index)
    same = np.ones(len(rows), dtype=np.bool_)
    for name in rows.columns:
        first, second = rows[name].astype(object).to_numpy(), other[name].astype(object).to_numpy()
        both_missing = pd.isna(first) & pd.isna(second)
        either_missing = pd.isna(first) | pd.isna(second)
        equal = np.zeros(len(rows), dtype=np.bool_)
        equal[~either_missing] = first[~either_missing] == second[~either_missing]
        same &= equal | both_missing
    return same


_YOUNGEST, _OLDEST = 8, 25


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Tables tied to each other by their pupils.

    Attributes
    ----------
    tables : dict of str to CodedTable
        The declared tables; ``pupils`` without repeated pupils and rows without id.
    repeated : tuple of FaultGroup
        The pupils that are there more than once.
    pupils : dict of str to PupilCodes
        Whose each row is; of ``pupils`` itself there is none.
    orders : dict of str to EventOrder
        The rows of each event table in order.
    """

    tables: dict[str, CodedTable]
    repeated: tuple[FaultGroup, ...]
    pupils: dict[str, PupilCodes]
    orders: dict[str, EventOrder]


def link_tables(tables: Mapping[str, CodedTable]) -> Links:
    """Find whose each row is, and sort the events; ``pupils`` must be among the tables."""
    pupils = tables["pupils"]
    # Before the ids get positions: a pupil there twice would own two of them, and rows of events would go to
    # the last.
    double_pupils = tuple(repeated_keys(rules.DUPLICATE_PUPIL, pupils, "pupil_id"))
    for group in double_pupils:
        pupils = pupils.without(group.rows)
    ids = pupils["pupil_id"]
    if (ids.codes < 0).any():
        pupils = pupils.take(pupils.given("pupil_id"))
        ids = pupils["pupil_id"]
    place_of = {ids.words[code]: place for place, code in enumerate(ids.codes.tolist())}
    codes = {
        name: PupilCodes.of(place_of, len(pupils), table["pupil_id"])
        for name, table in tables.items()
        if name != "pupils" and "pupil_id" in table.columns
    }
    orders = {name: EventOrder.of(tables[name], codes[name]) for name in EVENT_TABLES if name in tables}
    return Links({**tables, "pupils": pupils}, double_pupils, codes, orders)


def check_links(links: Links, calendar: SchoolCalendar) -> Iterator[FaultGroup]:
    """Find the faults between rows and between tables that are tied to each other."""
    yield from links.repeated
    yield from fault_at(
        rules.SPLIT_IDS, "pupil_id", links.tables["pupils"], _split_ids(links.tables["pupils"])
    )
    for name, pupils in links.pupils.items():
        yield from fault_at(rules.UNKNOWN_PUPIL, "pupil_id", links.tables[name], pupils.unknown)
    if "enrolments" in links.tables:
        yield from _enrolment_faults(links, calendar)
    for name, order in links.orders.items():
        yield from fault_at(rules.IDENTICAL_ROWS, None, links.tables[name], order.repeated)
    if "absences" in links.tables:
        yield from check_absence_days(
            links.tables["absences"], links.pupils["absences"], links.orders["absences"], calendar
        )
    if "outcomes" in links.tables:
        yield from repeated_keys(rules.DUPLICATE_OUTCOME, links.tables["outcomes"], "pupil_id", "school_year")
        if "enrolments" in links.tables:
            yield from _left_but_enrolled(links)
    if "context" in links.tables:
        key = ("as_of", "school_id", "class_id", "subject", "measure")
        yield from repeated_keys(
            rules.DUPLICATE_CONTEXT, links.tables["context"], *key, optional=("class_id", "subject")
        )


def _split_ids(pupils: CodedTable) -> npt.NDArray[np.bool_]:
    """Pupils whose ids differ by leading zeros, blanks, case or the form of an accent, and who were born the same day."""
    ids, born = pupils["pupil_id"], pupils["birth_date"]
    plain_ids = _alike_ids(ids.words)
    # Almost always: no two ids are alike, and the birth dates need not be looked at.
    if len(set(plain_ids)) == len(plain_ids):
        return np.zeros(len(pupils), dtype=np.bool_)
    key_of: dict[str, int] = {}
    keys = [key_of.setdefault(plain, len(key_of)) for plain in plain_ids]
    groups = pd.DataFrame({"key": ids.translate(np.array(keys, dtype=np.int32)), "born": born})
    split = groups.duplicated(keep=False).to_numpy(dtype=np.bool_)
    # Two missing birth dates are not the same day.
    return np.asarray(split & (born != NO_DAY), dtype=np.bool_)


def _alike_ids(words: list[str]) -> list[str]:
    """Give :func:`alike_id` of many ids."""
    text = "\n".join(words)
    # Plain ids in a few steps over all their letters at once: no accent, and no blank but the ends of the lines.
    if not text or not text.isascii() or "\n".join(text.split()) != text:
        return [alike_id(word) for word in words]
    plain = text.casefold().split("\n")
    # A zero in front: of some ids, or of none.
    return [word.lstrip("0") or "0" for word in plain] if "\n0" in f"\n{text}" else plain


def alike_id(word: str) -> str:
    """Leave out of an id what an export may lose: leading zeros, blanks, case."""
    # ASCII text has one form only: nothing to normalise.
    if not word.isascii():
        word = unicodedata.normalize("NFKC", word)
    plain = "".join(word.split()).casefold()
    return plain.lstrip("0") or "0"


def _enrolment_faults(links: Links, calendar: SchoolCalendar) -> Iterator[FaultGroup]:
    enrolments = links.tables["enrolments"]
    # Overlaps first: a stay that is left out must not count as the one before a transfer.
    spans = Spans.of(enrolments, links.pupils["enrolments"])
    overlapping = np.zeros(len(enrolments), dtype=np.bool_)
    overlapping[spans.overlapping()] = True
    yield from fault_at(rules.OVERLAPPING_ENROLMENTS, "start_date", enrolments, overlapping)
    transfers = np.zeros(len(enrolments), dtype=np.bool_)
    transfers[spans.transfers(overlapping)] = True
    yield from fault_at(rules.SAME_DAY_TRANSFER, "start_date", enrolments, transfers)
    yield from _school_years_and_ages(links, calendar)
    for name in links.orders:
        events = links.tables[name]
        outside = spans.leave_out(links.pupils[name], events["date"])
        yield from fault_at(rules.OUTSIDE_ENROLMENT, "date", events, outside)
    yield from fault_at(rules.OTHER_ZONE, "school_id", enrolments, of_other_zones(enrolments, calendar))
    if "coverage" in links.tables:
        yield from _unknown_schools(links.tables["coverage"], enrolments)


def _school_years_and_ages(links: Links, calendar: SchoolCalendar) -> Iterator[FaultGroup]:
    enrolments, pupils = links.tables["enrolments"], links.pupils["enrolments"]
    start, years = enrolments["start_date"], enrolments["school_year"]
    september, has_year = first_days_of_years(years), ~np.isnan(years)
    outside = has_year & (start != NO_DAY) & ((start < september) | (start >= first_days_of_years(years + 1)))
    if outside.any():
        # At La Réunion and Mayotte pupils are back in August: a school day of that month begins the year.
        in_august = (start >= september - _AUGUST) & (start < september)
        outside &= ~(in_august & (calendar.half_days_zero_outside(start) > 0))
    yield from fault_at(rules.OUTSIDE_SCHOOL_YEAR, "start_date", enrolments, outside)
    # Codes of unknown pupils lie past the end: all of them read the missing day there.
    birth = np.append(links.tables["pupils"]["birth_date"], np.int32(NO_DAY))[
        np.minimum(pupils.codes, pupils.pupils)
    ]
    has_birth = has_year & (birth != NO_DAY)
    # In months, not days: an age needs no more, and leap years drop out.
    months = 12 * (years - 1970) + 8 - _month_of(np.where(has_birth, birth, 0))
    unlikely = has_birth & ((months < 12 * _YOUNGEST) | (months > 12 * (_OLDEST + 1)))
    yield from fault_at(rules.UNLIKELY_AGE, "pupil_id", enrolments, unlikely)


def _month_of(days: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _unknown_schools(coverage: CodedTable, enrolments: CodedTable) -> Iterator[FaultGroup]:
    schools_of_coverage, schools = coverage["school_id"], enrolments["school_id"]
    used = {schools.words[code] for code in np.unique(schools.codes) if code >= 0}
    stranger = np.array([word not in used for word in schools_of_coverage.words], dtype=np.bool_)
    yield from fault_at(
        rules.UNKNOWN_SCHOOL, "school_id", coverage, schools_of_coverage.translate(stranger, missing=False)
    )
