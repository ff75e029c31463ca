"""The cohort: blocks drawn one after the other, put into tables, with the truth kept; and written without keeping it all.

The same seed gives the same cohort, to the byte. The truth is computed when it is asked for, from the chain that the
rows were drawn from: it is the probability itself, not a frequency. Exact, by backward recursion over the weeks on the 64
visible states of each cell: after the last week, the odds of not being back in September; before it, leaving at the end of the
week or going on from the state after it. Inside a week, the days and the assessment that are already on record are held fixed.
Where classes of pupils are hidden, the visible truth is the mean over the classes, weighted by what the records of the year
say about them (forward filter), and the latent truth is that of the pupil's own class.

It is written block by block into one file per table, so that memory holds one block at a time. A cohort replaces an earlier
one in its folder as a whole; a folder of tables without a ``truth`` is not a cohort, and is left alone: those could be real
extracts.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from decrochage_risk.csv_files import write_csv
from decrochage_risk.errors import AsOfError, RecordsError, explain_error
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import DateLike, SchoolCalendar, day_number, school_year_of, to_date
from decrochage_risk.synthetic.blocks import checked_plan, draw_blocks
from decrochage_risk.synthetic.chain import EVERY_STATE, assessment_day, next_states, sigmoid
from decrochage_risk.synthetic.path_truth import chance_over_three_years
from decrochage_risk.synthetic.settings import TRUTH_DAYS
from decrochage_risk.synthetic.weeks import school_weeks
from decrochage_risk.threads import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.synthetic.blocks import Block
    from decrochage_risk.synthetic.chain import Chain
    from decrochage_risk.synthetic.weeks import SchoolWeeks
    from decrochage_risk.synthetic.year import YearTrace


__all__ = [
    "Cohort",
    "FileFormat",
    "at_risk",
    "chance_from_start",
    "checked_format",
    "make_cohort",
    "truth_on",
    "write_blocks",
    "write_cohort",
]

FileFormat = Literal["parquet", "csv"]
_FILE_FORMATS = ("parquet", "csv")

TRUTH = "truth"
"""The table that only a synthetic cohort has: its true probabilities."""


def checked_format(file_format: str) -> str:
    """Return the file format; ``parquet`` or ``csv``."""
    if file_format not in _FILE_FORMATS:
        raise RecordsError(
            explain_error(
                f"file_format={file_format!r}",
                expected=f"one of {', '.join(_FILE_FORMATS)}",
                hint="Parquet is smaller and keeps the types of the columns.",
            )
        )
    return file_format


def write_blocks(
    folder: str | Path, blocks: Iterable[Mapping[str, pd.DataFrame]], file_format: FileFormat = "parquet"
) -> dict[Path, int]:
    """Write the tables of some blocks, one file per table; an earlier cohort in the folder is replaced as a whole.

    Parameters
    ----------
    folder : path
        Made if it is not there. Files that are no table stay.
    blocks : iterable of mappings of str to DataFrame
        A table has the same columns in every block.
    file_format : {"parquet", "csv"}

    Returns
    -------
    dict of Path to int
        The files, in the order of the tables, and how many rows each holds.

    Raises
    ------
    RecordsError
        The folder cannot be made, or holds tables that are no synthetic cohort.
    """
    target = Path(folder)
    checked_format(file_format)
    _make_room(target)
    writer = _ParquetFiles(target) if file_format == "parquet" else _CsvFiles(target)
    rows: Counter[str] = Counter()
    try:
        for block in blocks:
            for name, table in block.items():
                writer.add(name, table)
                rows[name] += len(table)
    finally:
        writer.close()
    return {path: rows[name] for name, path in writer.paths.items()}


def _make_room(folder: Path) -> None:
    """Make the folder; take an earlier cohort away, of which a table could outlive this one; spare other tables."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise RecordsError(
            explain_error(
                f"{folder} is a file, or would be inside one",
                expected="a folder, there or to be made",
                hint="Choose another folder.",
            )
        ) from error
    suffixes = (".parquet", ".csv")
    tables = [
        path
        for name in (*TABLES, TRUTH)
        for suffix in suffixes
        if (path := folder / (name + suffix)).exists()
    ]
    if tables and not any(path.stem == TRUTH for path in tables):
        raise RecordsError(
            explain_error(
                f"{folder} holds {', '.join(path.name for path in tables)} and no {TRUTH}: no synthetic cohort",
                expected="a new or empty folder, or a synthetic cohort to replace",
                hint="Choose another folder: real extracts are never written over.",
            )
        )
    for path in tables:
        path.unlink()


class _ParquetFiles:
    """One Parquet file per table; a block is a row group of each (two of more than a million rows)."""

    def __init__(self, folder: Path) -> None:
        self.paths: dict[str, Path] = {}
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def add(self, name: str, table: pd.DataFrame) -> None:
        """Append a table to its file."""
        import pyarrow as pa  # noqa: PLC0415 - only who writes loads it
        from pyarrow import parquet  # noqa: PLC0415 - same

        rows = pa.Table.from_pandas(table, preserve_index=False)
        if name not in self._writers:
            self.paths[name] = self._folder / f"{name}.parquet"
            self._writers[name] = parquet.ParquetWriter(self.paths[name], rows.schema)
        self._writers[name].write_table(rows)

    def close(self) -> None:
        """Finish every file."""
        for writer in self._writers.values():
            writer.close()


class _CsvFiles:
    """One CSV file per table, in UTF-8 with ``;``; the first block writes the header."""

    def __init__(self, folder: Path) -> None:
        self.paths: dict[str, Path] = {}
        self._folder = folder

    def add(self, name: str, table: pd.DataFrame) -> None:
        """Append a table to its file."""
        first = name not in self.paths
        self.paths.setdefault(name, self._folder / f"{name}.csv")
        write_csv(table, self.paths[name], for_machines=True, append=not first)

    def close(self) -> None:
        """Nothing stays open between two blocks."""


_MATHS = 0


def truth_on(
    trace: YearTrace, days: Iterable[int]
) -> Iterator[tuple[int, npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Yield, for each as-of day of the year: the day, who is enrolled, visible and latent probability.

    Parameters
    ----------
    trace : YearTrace
    days : iterable of int
        Days since 1970-01-01 within the school year.

    Yields
    ------
    day : int
    who : int array
        Positions in the year (not in the population).
    probability, latent : float arrays
        Of leaving without a diploma between the day and 1 November after the year.

    Raises
    ------
    AsOfError
        A day before the end of the first school week, whose tests the risk depends on.
    """
    sorted_days = sorted(set(days))
    weeks = {day: trace.weeks.week_at(day) for day in sorted_days}
    _refuse_first_week(trace, [day for day in sorted_days if weeks[day] == 0])
    ahead = _ahead(trace.chain, trace.weeks.count, set(weeks.values()))
    for day in sorted_days:
        who = np.flatnonzero(at_risk(trace, day))
        by_class = _by_class(trace, who, day, weeks[day], ahead[weeks[day]])
        own_class = trace.walk.row[who] % trace.chain.hidden_classes
        latent = by_class[own_class, np.arange(who.size)]
        weights = _class_weights(trace, who, day, weeks[day])
        yield day, who, (weights * by_class).sum(axis=0), latent


def at_risk(trace: YearTrace, day: int) -> npt.NDArray[np.bool_]:
    """Whether each pupil of the year has, on the morning of ``day``, a known enrolment that is open.

    An enrolment is known the day after its first day; one that has begun that very morning is not.
    """
    weeks, walk, move = trace.weeks, trace.walk, trace.move
    # The value for "never" is one past the last week, and would be out of the array.
    last_week = np.minimum(walk.leaving_week, len(weeks) - 1)
    stays = (walk.leaving_week == len(weeks)) | (weeks.last_days[last_week] >= day)
    arrival = np.minimum(move.week, len(weeks) - 1)
    # The first stay is closed, the second one not known yet.
    between = (weeks.monday(arrival) <= day) & (day <= weeks.days[arrival, 0])
    moving = (move.week < len(weeks)) & (walk.leaving_week >= move.week) & between
    mask: npt.NDArray[np.bool_] = stays & ~moving & (weeks.first_day < day)
    return mask


def chance_from_start(chain: Chain, days: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Probability, at the end of the first week, of leaving: one per row of the chain; ``days`` of each week."""
    return _ahead(chain, days, {0})[0][:, 0]


def _refuse_first_week(trace: YearTrace, too_early: list[int]) -> None:
    if not too_early:
        return
    dates = ", ".join(str(np.datetime64(day, "D")) for day in too_early)
    first = np.datetime64(int(trace.weeks.last_days[0]) + 1, "D")
    raise AsOfError(
        explain_error(
            f"The true probability was asked for on {dates}",
            expected=f"days from {first} to 31 August {trace.weeks.school_year + 1}",
            hint="The risk depends on the tests of the first school week; ask for a day after it.",
        )
    )


def _ahead(
    chain: Chain, days: npt.NDArray[np.intp], target_weeks: set[int]
) -> dict[int, npt.NDArray[np.float64]]:
    """For each wanted week: probability of leaving from its end on, by the state after it (rows, 64).

    For the number of weeks itself (the year is over): that of not being back, by the last state.
    """
    weeks = len(days)
    value_of_week: dict[int, npt.NDArray[np.float64]] = {}
    value = sigmoid(chain.summer)
    if weeks in target_weeks:
        value_of_week[weeks] = value
    # Backwards (dynamic programming): the value of a week needs that of the next, and one pass serves all
    # dates.
    for week in range(weeks - 1, min(target_weeks) - 1, -1):
        leaving = chain.leaving_in(week)
        after = leaving + (1.0 - leaving) * value
        if week in target_weeks:
            value_of_week[week] = after
        value = _before(chain, week, int(days[week]), after)
    return value_of_week


def _before(chain: Chain, week: int, days: int, after: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Value by the state at the start of a week of which no day has passed yet."""
    mark_chance = 1.0 - (1.0 - chain.absence_in(week)) ** days
    low = sigmoid(chain.low)
    value = np.zeros_like(after)
    for is_marked in (False, True):
        of_marked = mark_chance if is_marked else 1.0 - mark_chance
        if not chain.has_round(week):
            value += of_marked * after[:, next_states(EVERY_STATE, marked=is_marked, low=None)]
            continue
        value += of_marked * (1.0 - low) * after[:, next_states(EVERY_STATE, marked=is_marked, low=False)]
        value += of_marked * low * after[:, next_states(EVERY_STATE, marked=is_marked, low=True)]
    # A week in a company leaves the state as it is.
    return np.where(chain.placement[:, week, None], after, value)


def _by_class(
    trace: YearTrace, who: npt.NDArray[np.intp], day: int, week: int, after: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Probability of each pupil if it were of each hidden class, shape (classes, pupils)."""
    chain, walk = trace.chain, trace.walk
    classes = chain.hidden_classes
    # The rows of a cell lie side by side, one per hidden class.
    rows = walk.row[who] // classes * classes + np.arange(classes)[:, None]
    state = walk.states[week, who].astype(np.intp)
    value_now: npt.NDArray[np.float64] = after[rows, state]
    if week == len(trace.weeks):
        return value_now
    mark_chance, low = (
        _chance_of_mark(trace, who, rows, day, week),
        _chance_of_low(trace, who, rows, day, week),
    )
    value = np.zeros(rows.shape)
    for is_marked in (False, True):
        of_marked = mark_chance if is_marked else 1.0 - mark_chance
        for is_low in (False, True):
            of_low = low if is_low else 1.0 - low
            following = next_states(state, marked=is_marked, low=is_low if chain.has_round(week) else None)
            value += of_marked * of_low * after[rows, following]
    return np.where(chain.placement[rows, week], value_now, value)


def _chance_of_mark(
    trace: YearTrace, who: npt.NDArray[np.intp], rows: npt.NDArray[np.intp], day: int, week: int
) -> npt.NDArray[np.float64]:
    """Chance that the week ends with an absence not excused: 1 if one is on record, else that of the days to come."""
    days_before = trace.weeks.days_before(week, day)
    has_mark = (trace.walk.absent_days[week, who] & ((1 << days_before) - 1)) > 0
    daily = trace.chain.absence_in(week)[rows, trace.walk.states[week, who]]
    return np.where(has_mark, 1.0, 1.0 - (1.0 - daily) ** (trace.weeks.count[week] - days_before))


def _chance_of_low(
    trace: YearTrace, who: npt.NDArray[np.intp], rows: npt.NDArray[np.intp], day: int, week: int
) -> npt.NDArray[np.float64]:
    """Chance that the maths assessment of the week is low or missing: 0 or 1 once it has taken place."""
    # The day is fixed by group and week, so that whether it is past can be told without a draw.
    place = assessment_day(trace.group[who], _MATHS, week, int(trace.weeks.count[week]))
    has_result = place < trace.weeks.days_before(week, day)
    chance = sigmoid(trace.chain.low)[rows, trace.walk.states[week, who]]
    known_or_not: npt.NDArray[np.float64] = np.where(has_result, trace.walk.low[week, who], chance)
    return known_or_not


def _class_weights(
    trace: YearTrace, who: npt.NDArray[np.intp], day: int, week: int
) -> npt.NDArray[np.float64]:
    """Weight of each hidden class given the records of the year, shape (classes, pupils); each column sums to 1."""
    chain, walk = trace.chain, trace.walk
    classes = chain.hidden_classes
    if classes == 1:
        return np.ones((1, who.size))
    rows = walk.row[who] // classes * classes + np.arange(classes)[:, None]
    weight = np.repeat(np.log(chain.shares)[:, None], who.size, axis=1)
    # Without the first week: nothing is drawn in it that tells the classes apart.
    for past in range(1, min(week + 1, len(trace.weeks))):
        days_before = trace.weeks.days_before(past, day)
        daily = chain.absence_in(past)[rows, walk.states[past, who]]
        absent = np.bitwise_count(walk.absent_days[past, who] & ((1 << days_before) - 1))
        # In a company no absence can be on record: 0 times the log of 1.
        odds = np.log(np.where(daily > 0, daily, 1.0))
        weight += absent * odds + (days_before - absent) * np.log1p(-daily)
        if past < week:
            # Who is still there did not leave at the end of that week, from the state after it.
            weight += np.log1p(-chain.leaving_in(past)[rows, walk.states[past + 1, who]])
    # Less the largest: the likelihood of a whole year is smaller than a float can hold.
    likelihood = np.exp(weight - weight.max(axis=0))
    weights: npt.NDArray[np.float64] = likelihood / likelihood.sum(axis=0)
    return weights


_AUTUMN = 9  # an as-of date of September or later lies in the first calendar year of its school year


class Cohort:
    """Synthetic pupils over some school years, with the true probability of leaving.

    Made by :func:`make_cohort`.

    Attributes
    ----------
    tables : dict of str to DataFrame
        ``pupils``, ``enrolments``, ``absences``, ``grades``, ``orientation``, ``outcomes``, and ``coverage`` where
        some school does not send a table.
    school_years : list of int
    calendar : SchoolCalendar
    difficulty : str
    """

    def __init__(
        self, blocks: Iterable[Block], school_years: list[int], calendar: SchoolCalendar, difficulty: str
    ) -> None:
        all_blocks = list(blocks)
        names = list(dict.fromkeys(name for block in all_blocks for name in block.tables))
        # Popped: a block's tables are freed as they are joined, or memory would hold both.
        self.tables = {name: _joined([block.tables.pop(name) for block in all_blocks]) for name in names}
        self.school_years = school_years
        self.calendar = calendar
        self.difficulty = difficulty
        self._blocks = all_blocks

    @property
    def outcomes(self) -> pd.DataFrame:
        """One row per pupil and school year: ``pupil_id``, ``school_year``, ``outcome``, ``date``.

        ``date`` is the last day of school for who leaves within the year, and missing for who is not back in
        September.
        """
        return self.tables["outcomes"]

    @cached_property
    def records(self) -> PupilRecords:
        """The tables as checked records, without the outcomes; built on first use."""
        from decrochage_risk.records.pupil_records import PupilRecords  # noqa: PLC0415 - only who asks loads the checks

        tables = self.tables
        return PupilRecords(
            tables["pupils"],
            tables["enrolments"],
            absences=tables["absences"],
            grades=tables["grades"],
            orientation=tables["orientation"],
            coverage=tables.get("coverage"),
            calendar=self.calendar,
        )

    @cached_property
    def truth(self) -> pd.DataFrame:
        """:meth:`truth_at` on five days a year, early November to early May, for pupils enrolled that day."""
        return self.truth_at(*_truth_days(self.school_years))

    def truth_at(self, *as_of: DateLike) -> pd.DataFrame:
        """Compute the true probability on the morning of one day or several.

        Parameters
        ----------
        as_of : date or ISO text
            Days after the first school week of a school year of the cohort.

        Returns
        -------
        DataFrame
            ``pupil_id``, ``as_of``, ``probability`` (of leaving without a diploma between that day and 1 November
            after the year, given what the records show that morning), ``latent_probability`` (given also what
            they do not show; the same at difficulty "observable"). One row per enrolled pupil and day.

        Raises
        ------
        AsOfError
            A day outside the school years of the cohort, or before the end of their first week.

        Examples
        --------
        >>> cohort = make_cohort(50, [2024], seed=1)
        >>> cohort.truth_at("2025-02-03")["probability"].between(0, 1).all()
        np.True_
        """
        days = sorted({to_date(day) for day in as_of})
        self._refuse_outside(days)
        by_day = [_truth_of(block, day) for day in days for block in self._blocks]
        return pd.concat(by_day, ignore_index=True)

    def probability_3y(self, as_of: DateLike, *, draws: int = 64) -> pd.DataFrame:
        """Compute the true probability over three school years on the morning of one day.

        Of being out of school without a diploma on 1 November after the third school year, for pupils whose outcomes are
        all known: who left and came back is no leaver. A mean over paths that are drawn, with its standard error, see
        `decrochage_risk.synthetic.path_truth`; the same call gives the same numbers.

        Parameters
        ----------
        as_of : date or ISO text
            A day after the first school week of a school year of the cohort.
        draws : int
            Paths of each pupil, 2 or more; the standard error falls with their square root.

        Returns
        -------
        DataFrame
            ``pupil_id``, ``as_of``, ``probability_3y``, ``standard_error``. One row per enrolled pupil.

        Raises
        ------
        AsOfError
            As in :meth:`truth_at`.
        RecordsError
            Fewer than 2 draws; a calendar that does not hold the two school years after that of the day.

        Examples
        --------
        >>> cohort = make_cohort(60, [2022], seed=1)
        >>> cohort.probability_3y("2022-11-07", draws=4)["probability_3y"].between(0, 1).all()
        np.True_
        """
        day = to_date(as_of)
        self._refuse_outside([day])
        year = school_year_of(day)
        after = [year + 1, year + 2]
        if draws < 2 or not set(after) <= set(self.calendar.known_years):  # noqa: PLR2004 - a scatter needs two
            raise RecordsError(
                explain_error(
                    f"draws={draws} and the calendar {self.calendar.name!r} for the school years {after}",
                    expected="2 draws or more, and a calendar that holds the two school years after the day's",
                    hint="Ask for an earlier day, or make the cohort with a calendar that reaches further.",
                )
            )
        weeks = {later: school_weeks(self.calendar, later) for later in after}
        return pd.concat(
            [_path_truth_of(block, day, weeks, draws) for block in self._blocks], ignore_index=True
        )

    def _refuse_outside(self, days: Sequence[date]) -> None:
        """Raise when a day is not of the school years of the cohort, or there is none."""
        outside = [day for day in days if school_year_of(day) not in self.school_years]
        if outside or not days:
            raise AsOfError(
                explain_error(
                    f"The true probability was asked for on {', '.join(map(str, outside)) or 'no day'}",
                    expected=f"days of the school years {self.school_years} (2024 = September 2024 to August 2025)",
                    hint="Ask for days of these years, or make a cohort of other years.",
                )
            )

    def write(self, folder: str | Path, file_format: FileFormat = "parquet") -> list[Path]:
        """Write every table and the truth into a folder, one file each; an earlier cohort there is replaced.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        file_format : {"parquet", "csv"}

        Returns
        -------
        list of Path
            The files, of which ``decrochage-risk check`` and ``PupilRecords.read`` read those of the records.
        """
        return list(write_blocks(folder, [{**self.tables, "truth": self.truth}], file_format))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(table):,}" for name, table in self.tables.items())
        return f"<Cohort {self.school_years[0]}-{self.school_years[-1] + 1}, {self.difficulty}: {sizes}>"


def make_cohort(
    pupils: int,
    school_years: Sequence[int],
    seed: int,
    difficulty: str = "observable",
    *,
    youngest: str = "6e",
    regimes: Sequence[str] = (),
    calendar: SchoolCalendar | None = None,
    progress: bool | Callable[[str], None] = False,
) -> Cohort:
    """Draw a synthetic cohort.

    Parameters
    ----------
    pupils : int
        Distinct pupils, all years together.
    school_years : list of int
        Consecutive school years (2024 = 2024-2025).
    seed : int
        The same seed gives the same cohort, to the byte.
    difficulty : {"observable", "realistic", "hard"}
        ``"observable"``: the risk is a function of what the records show. ``"realistic"``: hidden classes of pupils
        move it too, among them quiet ones who leave with hardly a sign, and some schools do not send every table.
        ``"hard"``: more of all that, with interactions, a corner that is not monotone, and wrong outcomes.
    youngest : {"6e", "3e"}
        Level that the cohort begins with.
    regimes : sequence of str
        What changes in the last school year: names of ``REGIMES`` (``"prior_shift"``, ``"concept_drift"``,
        ``"stops_recording"``, ``"new_marking"``, ``"merged_school"``).
    calendar : SchoolCalendar, optional
        Zone B by default.
    progress : bool or callable
        True shows each year on a bar; a callable is told a short text before each (of each block, where there are several).

    Returns
    -------
    Cohort

    Raises
    ------
    RecordsError
        Less than one pupil, school years that are not consecutive or not in the calendar, another difficulty,
        youngest level or regime.

    Examples
    --------
    >>> cohort = make_cohort(200, [2023, 2024], seed=7)
    >>> cohort.tables["pupils"].shape
    (200, 3)
    >>> list(cohort.truth.columns)
    ['pupil_id', 'as_of', 'probability', 'latent_probability']
    """
    plan = checked_plan(pupils, school_years, seed, difficulty, youngest, regimes, calendar)
    with progress_bar(progress) as tell:
        return Cohort(draw_blocks(plan, tell), plan.school_years, plan.calendar, plan.difficulty.name)


def write_cohort(  # noqa: PLR0913 - where and how, besides all that make_cohort takes
    folder: str | Path,
    pupils: int,
    school_years: Sequence[int],
    seed: int,
    difficulty: str = "observable",
    *,
    file_format: FileFormat = "parquet",
    youngest: str = "6e",
    regimes: Sequence[str] = (),
    calendar: SchoolCalendar | None = None,
    progress: bool | Callable[[str], None] = False,
) -> dict[Path, int]:
    """Draw a cohort and write it block by block: any number of pupils in the memory of one block.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    file_format : {"parquet", "csv"}
    pupils, school_years, seed, difficulty, youngest, regimes, calendar, progress
        As in :func:`make_cohort`, whose tables and truth the files hold.

    Returns
    -------
    dict of Path to int
        The files, and how many rows each holds.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_cohort(folder, 20, [2024], seed=1)][:3]
    ['pupils.parquet', 'enrolments.parquet', 'absences.parquet']
    """
    checked_format(file_format)
    plan = checked_plan(pupils, school_years, seed, difficulty, youngest, regimes, calendar)
    with progress_bar(progress) as tell:
        return write_blocks(folder, _with_truth(draw_blocks(plan, tell), plan.school_years), file_format)


def _with_truth(blocks: Iterable[Block], school_years: list[int]) -> Iterator[dict[str, pd.DataFrame]]:
    for block in blocks:
        days = [to_date(day) for day in _truth_days(school_years)]
        truth = pd.concat([_truth_of(block, day) for day in days], ignore_index=True)
        yield {**block.tables, "truth": truth}


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _truth_days(school_years: Iterable[int]) -> list[str]:
    return [
        f"{year if month >= _AUTUMN else year + 1}-{month:02d}-{day:02d}"
        for year in school_years
        for month, day in TRUTH_DAYS
    ]


def _truth_of(block: Block, day: date) -> pd.DataFrame:
    """Truth of one block on one day."""
    trace = block.traces[school_year_of(day)]
    ((number, who, probability, latent),) = truth_on(trace, [day_number(day)])
    return pd.DataFrame(
        {
            "pupil_id": block.pupil_ids.array.take(trace.who[who]),
            "as_of": np.full(who.size, np.datetime64(number, "D").astype("datetime64[s]")),
            "probability": probability,
            "latent_probability": latent,
        }
    )


def _path_truth_of(block: Block, day: date, weeks: dict[int, SchoolWeeks], draws: int) -> pd.DataFrame:
    """Truth over three years of one block on one day."""
    trace, number = block.traces[school_year_of(day)], day_number(day)
    week = trace.weeks.week_at(number)
    _refuse_first_week(trace, [number] if week == 0 else [])
    who = np.flatnonzero(at_risk(trace, number))
    row = trace.walk.row[who][None]
    of_week = None
    if week < len(trace.weeks):
        chances = (_chance_of_mark, _chance_of_low)
        mark, low = (chance(trace, who, row, number, week)[0] for chance in chances)
        of_week = mark, low
    # The regime of the last year that was drawn goes on.
    last = block.traces[max(block.traces)]
    later = {year: (of_year, block.traces.get(year, last)) for year, of_year in weeks.items()}
    probability, error = chance_over_three_years(
        trace, who, week, of_week, later, draws, np.random.default_rng(number)
    )
    return pd.DataFrame(
        {
            "pupil_id": block.pupil_ids.array.take(trace.who[who]),
            "as_of": np.full(who.size, np.datetime64(number, "D").astype("datetime64[s]")),
            "probability_3y": probability,
            "standard_error": error,
        }
    )
