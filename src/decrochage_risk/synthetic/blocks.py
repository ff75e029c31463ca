"""A cohort in blocks: each block is a part of the map with its own pupils and schools, drawn on its own, then put into tables.

So a region of any size is drawn and written block by block, in bounded memory; a small cohort is one block. What
``make_cohort`` is asked for is checked here, all of it at once, before anything is drawn. The drawing works on arrays of
numbers (pupil positions, days, codes); here they become the declared columns with ids, dates and choices, table by table, so
that each block of numbers is freed once its table is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.records.levels import USUAL_LEVEL_NAMES
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.synthetic.events import EVENTS, KINDS, NOT_KNOWN
from decrochage_risk.synthetic.marks import GRADE_KINDS, STATUSES
from decrochage_risk.synthetic.places import GAP_TABLES, OPEN_END, draw_gaps, stop_one_school
from decrochage_risk.synthetic.population import YOUNGEST, draw_population, yearly_pupils
from decrochage_risk.synthetic.schools import (
    MOST_PUPILS,
    REGIMES,
    STOPS_RECORDING,
    make_schools,
    regime_of,
    school_counts,
    school_numbers,
)
from decrochage_risk.synthetic.settings import DIFFICULTIES, LEVEL_RATES, SUBJECTS
from decrochage_risk.synthetic.weeks import school_weeks, stack
from decrochage_risk.synthetic.year import NO_DATE, OUTCOMES, run_year

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from decrochage_risk.synthetic.population import Population
    from decrochage_risk.synthetic.schools import Schools
    from decrochage_risk.synthetic.settings import Difficulty, LevelRates
    from decrochage_risk.synthetic.weeks import Columns
    from decrochage_risk.synthetic.year import YearTrace

__all__ = ["Block", "Plan", "checked_plan", "draw_blocks", "event_tables", "pupils_table"]


def pupils_table(population: Population) -> pd.DataFrame:
    """One row per pupil, in the order of the ids."""
    table = pd.DataFrame(
        {
            "pupil_id": population.pupil_id,
            "birth_date": _dates(population.birth_day),
            "sex": _choice("pupils", "sex", population.girl.astype(np.int8), ("M", "F")),
        }
    )
    return table.sort_values("pupil_id", ignore_index=True)


def event_tables(rows: dict[str, Columns], ids: pd.Series, schools: Schools) -> dict[str, pd.DataFrame]:
    """Every table but ``pupils``, out of the rows of all years; ``coverage`` only where a table has a gap.

    Parameters
    ----------
    rows : dict of str to Columns
        As ``year.run_year`` returns them; emptied on the way, so that each block is freed once its table is there.
    ids : Series
        Pupil id of each position.
    schools : Schools
    """
    coverage = rows.pop("coverage")
    tables = {
        "enrolments": _enrolments_table(rows.pop("enrolments"), ids, schools),
        "absences": _absences_table(rows.pop("absences"), ids),
        "grades": _grades_table(rows.pop("grades"), ids),
        "orientation": _orientation_table(rows.pop("orientation"), ids),
        "outcomes": _outcomes_table(rows.pop("outcomes"), ids),
    }
    return (
        tables if not coverage["school"].size else tables | {"coverage": _coverage_table(coverage, schools)}
    )


def _enrolments_table(rows: Columns, ids: pd.Series, schools: Schools) -> pd.DataFrame:
    """One row per stay."""
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "school_year": rows["school_year"].astype(np.int64),
            "school_id": pd.Series(schools.uai, dtype="str").take(rows["school"]).array,
            "level": _choice("enrolments", "level", rows["level"], USUAL_LEVEL_NAMES),
            "start_date": _dates(rows["start"]),
            "end_date": _dates(rows["end"], missing=OPEN_END),
            "class_id": _class_ids(rows["level"], rows["class_number"]),
            "network_id": pd.Series(schools.network, dtype="str").take(rows["school"]).array,
        }
    )


def _absences_table(rows: Columns, ids: pd.Series) -> pd.DataFrame:
    """One row per pupil, day and kind."""
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "date": _dates(rows["date"]),
            "half_days": rows["half_days"].astype(np.int64),
            "kind": _choice("absences", "kind", rows["kind"], KINDS),
            "justified": _flags(rows["justified"]),
            "recorded_on": _dates(rows["recorded_on"]),
            "justified_on": _dates(rows["justified_on"], missing=NOT_KNOWN),
        }
    )


def _grades_table(rows: Columns, ids: pd.Series) -> pd.DataFrame:
    """One row per pupil and assessment."""
    subjects = tuple(subject.name for subject in SUBJECTS)
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "date": _dates(rows["date"]),
            "subject": _choice("grades", "subject", rows["subject"], subjects),
            "value": rows["value"],
            "out_of": rows["out_of"],
            "coefficient": rows["coefficient"],
            "status": _choice("grades", "status", rows["status"], STATUSES),
            "kind": _choice("grades", "kind", rows["kind"], GRADE_KINDS),
            "recorded_on": _dates(rows["recorded_on"]),
        }
    )


def _orientation_table(rows: Columns, ids: pd.Series) -> pd.DataFrame:
    """One row per step of orientation."""
    rank = pd.array(np.maximum(rows["rank"], 1), dtype="Int64")
    rank[rows["rank"] == 0] = pd.NA
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "date": _dates(rows["date"]),
            "event": _choice("orientation", "event", rows["event"], EVENTS),
            "rank": rank,
            "target": pd.Series(USUAL_LEVEL_NAMES, dtype="str").array.take(rows["target"]),
            "granted": _flags(rows["granted"]),
            "recorded_on": _dates(rows["date"]),
        }
    )


def _coverage_table(rows: Columns, schools: Schools) -> pd.DataFrame:
    """One row per school, table and year."""
    return pd.DataFrame(
        {
            "school_id": pd.Series(schools.uai, dtype="str").take(rows["school"]).array,
            "pupil_id": pd.array([None] * rows["school"].size, dtype="str"),
            "table": _choice("coverage", "table", rows["table"], GAP_TABLES),
            "start": _dates(rows["start"]),
            "end": _dates(rows["end"]),
        }
    )


def _outcomes_table(rows: Columns, ids: pd.Series) -> pd.DataFrame:
    """One row per pupil and school year."""
    return pd.DataFrame(
        {
            "pupil_id": _ids(ids, rows),
            "school_year": rows["school_year"].astype(np.int64),
            "outcome": _choice("outcomes", "outcome", rows["outcome"], OUTCOMES),
            "date": _dates(rows["date"], missing=NO_DATE),
        }
    )


def _ids(ids: pd.Series, rows: Columns) -> pd.api.extensions.ExtensionArray:
    cells: pd.api.extensions.ExtensionArray = ids.array.take(rows["pupil"])
    return cells


def _dates(days: npt.NDArray[np.integer], missing: int | None = None) -> npt.NDArray[np.datetime64]:
    dates = days.astype("datetime64[D]").astype("datetime64[s]")
    if missing is not None:
        dates[days == missing] = np.datetime64("NaT", "s")
    return dates


def _flags(codes: npt.NDArray[np.int8]) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(codes == 1, codes == NOT_KNOWN)


def _choice(
    table: str, column: str, codes: npt.NDArray[np.integer], names: Sequence[str]
) -> pd.Categorical[str]:
    """Codes of our own order as a categorical of the declared choices."""
    choices = TABLES[table].column(column).choices
    positions = np.array([choices.index(name) for name in names])
    return pd.Categorical.from_codes(positions[codes].astype(np.int64), categories=pd.Index(choices))


def _class_ids(
    level: npt.NDArray[np.integer], number: npt.NDArray[np.integer]
) -> pd.api.extensions.ExtensionArray:
    """Name the classes: level and number (``2de_pro-3``), unique within a school and year."""
    span = int(number.max()) + 1
    codes, keys = pd.factorize(level.astype(np.int64) * span + number, sort=True)
    names = pd.Series([f"{USUAL_LEVEL_NAMES[key // span]}-{key % span + 1}" for key in keys], dtype="str")
    cells: pd.api.extensions.ExtensionArray = names.array.take(codes)
    return cells


_MOST_PUPIL_YEARS = 120_000  # of a block: some 12 million rows, under 2 GB


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for, checked: as the arguments of ``make_cohort``."""

    pupils: int
    school_years: list[int]
    seed: int
    difficulty: Difficulty
    youngest: str
    regimes: frozenset[str]
    calendar: SchoolCalendar
    rates: tuple[LevelRates, ...] = LEVEL_RATES

    @property
    def sizes(self) -> list[int]:
        """Pupils of each block: as few blocks as can be, of about the same size."""
        blocks = -(-self.pupils * len(self.school_years) // _MOST_PUPIL_YEARS)
        return [
            self.pupils * (number + 1) // blocks - self.pupils * number // blocks for number in range(blocks)
        ]


@dataclass(frozen=True, slots=True)
class Block:
    """The tables of one part of the map, and what its truth is computed from, by school year."""

    tables: dict[str, pd.DataFrame]
    traces: dict[int, YearTrace]
    pupil_ids: pd.Series
    schools: Schools


def draw_blocks(plan: Plan, progress: Callable[[str], object] | None = None) -> Iterator[Block]:
    """Draw one block after the other.

    Parameters
    ----------
    plan : Plan
    progress : callable, optional
        Called with a short text before each school year of each block.
    """
    # Ids and school numbers are common to the blocks, so that none is drawn twice; all else is a block's own.
    common, *seeds = np.random.SeedSequence(plan.seed).spawn(1 + len(plan.sizes))
    rng = np.random.default_rng(common)
    ids, digits = _opaque_ids(plan.pupils, rng), school_numbers(rng)
    pupil = school = 0
    for number, (size, seed) in enumerate(zip(plan.sizes, seeds, strict=True), start=1):
        count = school_counts(yearly_pupils(size, len(plan.school_years), plan.youngest), plan.youngest)
        total = int(count.sum())
        of_schools, *further = seed.spawn(3 + len(plan.school_years))
        schools = make_schools(
            count, digits[school : school + total], school, np.random.default_rng(of_schools)
        )
        suffix = f" ({number}/{len(plan.sizes)})" if len(plan.sizes) > 1 else ""
        block_ids = ids.iloc[pupil : pupil + size].reset_index(drop=True)
        yield _draw_block(plan, block_ids, schools, further, partial(_tell, progress, suffix))
        pupil, school = pupil + size, school + total


def _draw_block(
    plan: Plan,
    pupil_ids: pd.Series,
    schools: Schools,
    seeds: list[np.random.SeedSequence],
    tell: Callable[[int], None],
) -> Block:
    people, changes, *year_seeds = seeds
    years, last = plan.school_years, plan.school_years[-1]
    population = draw_population(pupil_ids, years, plan.youngest, np.random.default_rng(people))
    change_rng = np.random.default_rng(changes)
    gaps = draw_gaps(schools, plan.difficulty, change_rng)
    if STOPS_RECORDING in plan.regimes:
        gaps = stop_one_school(gaps, schools, last)
    traces, rows = {}, []
    for year, year_seed in zip(years, year_seeds, strict=True):
        tell(year)
        regime = regime_of(plan.regimes if year == last else (), schools, change_rng)
        regime = replace(regime, rates=plan.rates)
        weeks = school_weeks(plan.calendar, year)
        traces[year], of_year = run_year(population, weeks, regime, plan.difficulty, gaps, year_seed)
        rows.append(of_year)
    event_rows = {name: stack(one.pop(name) for one in rows) for name in tuple(rows[0])}
    tables = {"pupils": pupils_table(population)} | event_tables(event_rows, pupil_ids, schools)
    return Block(tables, traces, pupil_ids, schools)


def _tell(progress: Callable[[str], object] | None, suffix: str, year: int) -> None:
    if progress is not None:
        progress(f"{year}-{year + 1}{suffix}")


def _opaque_ids(pupils: int, rng: np.random.Generator) -> pd.Series:
    """``P`` and digits drawn without order: nothing can be read from an id."""
    numbers: npt.NDArray[np.int64] = rng.permutation(pupils) + 1
    width = max(6, len(str(pupils)))
    return "P" + pd.Series(numbers).astype("str").str.zfill(width)


def checked_plan(
    pupils: int,
    school_years: Sequence[int],
    seed: int,
    difficulty: str,
    youngest: str,
    regimes: Sequence[str],
    calendar: SchoolCalendar | None,
) -> Plan:
    """Check every argument of ``make_cohort``.

    Raises
    ------
    RecordsError
        With every argument that cannot be used.
    """
    days = SchoolCalendar.for_zone("B") if calendar is None else calendar
    checks: dict[str, Callable[[], Any]] = {
        "pupils": lambda: _checked_pupils(pupils),
        "school_years": lambda: _checked_years(school_years, days),
        "seed": lambda: _checked_seed(seed),
        "difficulty": lambda: _checked_difficulty(difficulty),
        "youngest": lambda: _checked_youngest(youngest),
        "regimes": lambda: _checked_regimes(regimes),
    }
    settings, faults = {}, []
    for name, check in checks.items():
        try:
            settings[name] = check()
        except RecordsError as fault:
            faults.append(str(fault))
    if faults:
        raise RecordsError("\n\n".join(faults))
    return Plan(**settings, calendar=days)


def _checked_pupils(pupils: int) -> int:
    """Return how many pupils to draw; 1 or more."""
    if isinstance(pupils, bool) or not isinstance(pupils, int) or not 1 <= pupils <= MOST_PUPILS:
        raise RecordsError(
            explain_error(
                f"pupils={pupils!r}",
                expected=f"a whole number from 1 to {MOST_PUPILS:,}, the distinct pupils of all years together",
                hint="A region the size of Grand Est has about 390,000 pupils from 6e to terminale in one year.",
            )
        )
    return pupils


def _checked_seed(seed: int) -> int:
    """Return the seed; 0 or more."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise RecordsError(
            explain_error(
                f"seed={seed!r}",
                expected="a whole number, 0 or more",
                hint="The same seed gives the same cohort; write it down with the results.",
            )
        )
    return seed


def _checked_years(school_years: Sequence[int], calendar: SchoolCalendar) -> list[int]:
    """Return the school years: consecutive, in order, and all of them in the calendar."""
    if not isinstance(school_years, Iterable):
        raise _bad_years(school_years, "a list of whole numbers", f"For one year, write [{school_years!r}].")
    years = list(school_years)
    if not years or any(isinstance(year, bool) or not isinstance(year, int) for year in years):
        raise _bad_years(years, "one or more whole numbers, like [2022, 2023, 2024]", "2024 is 2024-2025.")
    if years != list(range(years[0], years[0] + len(years))):
        raise _bad_years(
            years,
            "consecutive school years in order, each one once",
            f"For these, write {list(range(min(years), max(years) + 1))}.",
        )
    calendar_years = calendar.known_years
    if not set(years) <= set(calendar_years):
        raise _bad_years(
            years,
            f"years of the calendar {calendar.name!r}: {calendar_years[0]} to {calendar_years[-1]}"
            if calendar_years
            else "a calendar with a whole year",
            "Choose other years, or pass a calendar that holds them (SchoolCalendar.from_csv).",
        )
    return years


def _checked_difficulty(difficulty: str) -> Difficulty:
    """Return the settings of a difficulty, by its name."""
    settings = DIFFICULTIES.get(difficulty)
    if settings is None:
        raise RecordsError(
            explain_error(
                f"difficulty={difficulty!r}",
                expected=f"one of {', '.join(DIFFICULTIES)}",
                hint='"observable": the records show all that moves the risk; "realistic" and "hard": they do not.',
            )
        )
    return settings


def _checked_youngest(youngest: str) -> str:
    """Return the level that the cohort begins with."""
    if youngest not in YOUNGEST:
        raise RecordsError(
            explain_error(
                f"youngest={youngest!r}",
                expected=f"one of {', '.join(YOUNGEST)}",
                hint='"3e" leaves out the 6e, 5e and 4e: 208,000 of the 390,000 pupils of a region like Grand Est.',
            )
        )
    return youngest


def _checked_regimes(regimes: Sequence[str]) -> frozenset[str]:
    """Return the regimes, each known."""
    names = [regimes] if isinstance(regimes, str) else list(regimes)
    unknown = [name for name in names if name not in REGIMES]
    if unknown:
        raise RecordsError(
            explain_error(
                f"regimes={regimes!r}: unknown {', '.join(map(repr, unknown))}",
                expected=f"some of {', '.join(REGIMES)}",
                hint="Each changes something in the last school year; leave them out for ordinary years.",
            )
        )
    return frozenset(names)


def _bad_years(years: object, expectation: str, hint: str) -> RecordsError:
    return RecordsError(explain_error(f"school_years={years!r}", expected=expectation, hint=hint))
