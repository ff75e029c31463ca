"""A cohort in blocks: each block is a part of the map with its own pupils and schools, drawn on its own.

So a region of any size is drawn and written block by block, in bounded memory; a small cohort is one block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.synthetic.columns import stack
from decrochage_risk.synthetic.gaps import draw_gaps, stop_one_school
from decrochage_risk.synthetic.level_rates import LEVEL_RATES
from decrochage_risk.synthetic.population import draw_population, yearly_pupils
from decrochage_risk.synthetic.regimes import STOPS_RECORDING, regime_of
from decrochage_risk.synthetic.rows import event_tables, pupils_table
from decrochage_risk.synthetic.schools import make_schools, school_counts, school_numbers
from decrochage_risk.synthetic.weeks import school_weeks
from decrochage_risk.synthetic.year import run_year

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from decrochage_risk.school_year import SchoolCalendar
    from decrochage_risk.synthetic.difficulty import Difficulty
    from decrochage_risk.synthetic.level_rates import LevelRates
    from decrochage_risk.synthetic.schools import Schools
    from decrochage_risk.synthetic.year import YearTrace

__all__ = ["Block", "Plan", "draw_blocks"]

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
    stacked = {name: stack(one.pop(name) for one in rows) for name in tuple(rows[0])}
    tables = {"pupils": pupils_table(population)} | event_tables(stacked, pupil_ids, schools)
    return Block(tables, traces, pupil_ids, schools)


def _tell(progress: Callable[[str], object] | None, suffix: str, year: int) -> None:
    if progress is not None:
        progress(f"{year}-{year + 1}{suffix}")


def _opaque_ids(pupils: int, rng: np.random.Generator) -> pd.Series:
    """``P`` and digits drawn without order: nothing can be read from an id."""
    numbers: npt.NDArray[np.int64] = rng.permutation(pupils) + 1
    width = max(6, len(str(pupils)))
    return "P" + pd.Series(numbers).astype("str").str.zfill(width)
