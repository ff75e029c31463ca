"""Solve the intercepts of ``synthetic/settings.py`` anew, after a change of any other setting of the cohort.

Run ``python benchmarks/cohort_intercepts.py``; it prints the lines of ``LEVEL_RATES``. ``--write`` puts them into the
file. Absence: damped steps on the measured shares of pupils over four half-days a month. Leaving: exact, by the backward
recursion that the truth is computed with, so that a year begun with these pupils loses the share that is asked for.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decrochage_risk.records.levels import LEVEL_NAMES, LEVELS
from decrochage_risk.synthetic import settings as level_rates
from decrochage_risk.synthetic.blocks import Block, checked_plan, draw_blocks
from decrochage_risk.synthetic.cohort import Cohort, chance_from_start
from decrochage_risk.synthetic.figures import PUBLISHED, measure_figures
from decrochage_risk.synthetic.settings import LEVEL_RATES, LevelRates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.synthetic.chain import Chain

YEARS = [2022, 2023]
IN_YEAR = 0.40
ELASTICITY = 2.5
AIM = 0.985
"""Of the published shares of absence: a little under, so that the time lost without an excuse is near its figure too."""
Rates = tuple[LevelRates, ...]


def draw(pupils: int, seed: int, rates: Rates) -> list[Block]:
    """Draw the blocks of a cohort with these rates."""
    plan = replace(checked_plan(pupils, YEARS, seed, "observable", "6e", (), None), rates=rates)
    return list(draw_blocks(plan))


def solve_absence(pupils: int, rates: Rates, rounds: int) -> Rates:
    """Move the absence intercepts of each pathway until its share over four half-days a month is as published."""
    wanted = {figure.name: figure.value for figure in PUBLISHED}
    calendar = checked_plan(1, YEARS, 0, "observable", "6e", (), None).calendar
    for number in range(rounds):
        cohort = Cohort(draw(pupils, 500 + number, rates), YEARS, calendar, "observable")
        found = measure_figures(cohort.tables, calendar)
        steps = {}
        for pathway in ("college", "gt", "pro"):
            name = f"absence_{pathway}"
            steps[pathway] = float(np.log(AIM * wanted[name] / found[name]) / ELASTICITY)
        steps["segpa"] = steps["college"]
        print(
            "absence",
            {name: round(float(found[f"absence_{name}"]), 2) for name in ("college", "gt", "pro")},
            flush=True,
        )
        rates = tuple(
            replace(rate, absence_logit=round(rate.absence_logit + steps[level.pathway], 3))
            for rate, level in zip(rates, LEVELS, strict=True)
        )
    return rates


def rows_of_level(
    blocks: Iterable[Block], level: int
) -> list[tuple[Chain, npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Rows of the chains with pupils of a level, and how many each has."""
    found = []
    for block in blocks:
        for trace in block.traces.values():
            rows, count = np.unique(trace.walk.row[trace.level == level], return_counts=True)
            if rows.size:
                found.append((trace.chain.take(rows), trace.weeks.count, count))
    return found


def solve_leaving(blocks: list[Block], rates: Rates) -> Rates:
    """Move both intercepts of each level until the share leaving, and that within the year, are as asked for."""
    solved = []
    for code, rate in enumerate(rates):
        parts = rows_of_level(blocks, code)
        in_year = summer = 0.0
        for _ in range(30):
            now, total = shares(parts, in_year, summer)
            if abs(total - rate.leaving) < 1e-4 * rate.leaving and abs(now - IN_YEAR * rate.leaving) < 1e-4:
                break
            in_year += float(np.clip(np.log(IN_YEAR * rate.leaving / now), -1, 1))
            summer += float(np.clip(np.log((1 - IN_YEAR) * rate.leaving / max(total - now, 1e-6)), -1, 1))
        solved.append(
            replace(
                rate,
                in_year_logit=round(rate.in_year_logit + in_year, 3),
                summer_logit=round(rate.summer_logit + summer, 3),
            )
        )
        print(LEVEL_NAMES[code], f"leaving {shares(parts, in_year, summer)[1]:.4f}", flush=True)
    return tuple(solved)


def shares(
    parts: list[tuple[Chain, npt.NDArray[np.intp], npt.NDArray[np.intp]]], in_year: float, summer: float
) -> tuple[float, float]:
    """Share that leaves within the year, and in all, with the intercepts moved by so much."""
    within = total = pupils = 0.0
    for chain, days, count in parts:
        moved = replace(chain, leaving=chain.leaving + in_year, summer=chain.summer + summer)
        nobody_after = replace(moved, summer=np.full_like(moved.summer, -50.0))
        total += float((chance_from_start(moved, days) * count).sum())
        within += float((chance_from_start(nobody_after, days) * count).sum())
        pupils += float(count.sum())
    return within / pupils, total / pupils


def main() -> None:
    """Solve absence, then leaving, then leaving once more among the pupils who are then left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=4, help="rounds of the absence intercepts")
    parser.add_argument("--write", action="store_true", help="put the intercepts into level_rates.py")
    asked = parser.parse_args()
    rates = LEVEL_RATES
    for seed in (900, 901):
        rates = solve_absence(asked.pupils, rates, asked.rounds if seed == 900 else 1)
        rates = solve_leaving(draw(asked.pupils, seed, rates), rates)
    for rate in rates:
        print(f"{rate.name:10s} {rate.in_year_logit:8.3f} {rate.summer_logit:8.3f} {rate.absence_logit:8.3f}")
    if asked.write:
        write(rates)


def write(rates: Rates) -> None:
    """Replace the three intercepts of each line of ``LEVEL_RATES``."""
    path = Path(level_rates.__file__)
    text = path.read_text(encoding="utf-8")
    for rate in rates:
        text = re.sub(
            rf'(LevelRates\("{rate.name}", [\d.]+, [\d.]+, [\d.]+, )[-\d.]+, [-\d.]+, [-\d.]+',
            rf"\g<1>{rate.in_year_logit}, {rate.summer_logit}, {rate.absence_logit}",
            text,
        )
    path.write_text(text, encoding="utf-8")
    print(f"written {path.name}")


if __name__ == "__main__":
    main()
