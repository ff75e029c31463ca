"""Tables with small cells: by linear programming, what a reader of all printed numbers finds of each hidden count."""

from __future__ import annotations

import random
from itertools import product

from attack import SURVIVED, Outcome, Section, apart, sorted_out

__all__ = ["SECTION", "attempt"]


def attempt(seed: int) -> str:
    """Hide what is small in a crossed table with margins; who does not know the rule, and who does, look for it."""
    from decrochage_risk.small_cells import Publication, attack, is_small  # noqa: PLC0415 - in the process apart

    chance = random.Random(seed)  # noqa: S311 - tries that can be repeated
    rows, columns = range(chance.randrange(1, 5)), range(chance.randrange(1, 5))
    cells = {
        place: chance.choice([0, chance.randrange(4), chance.randrange(60)])
        for place in product(rows, columns)
    }
    told = Publication()
    for place, value in cells.items():
        told.count(place, value)
    sums = {(row, "all"): [(row, column) for column in columns] for row in rows}
    sums |= {("all", column): [(row, column) for row in rows] for column in columns}
    for place, parts in sums.items():
        told.count(place, sum(cells[part] for part in parts), weight=2.0)
        told.total(place, parts)
    told.count("all", sum(cells.values()), weight=4.0)
    told.total("all", [(row, "all") for row in rows])
    told.total("all", [("all", column) for column in columns])
    hidden = told.hidden()
    if not {name for name, value in told.counts.items() if is_small(value)} <= hidden:
        return "a small count is printed"
    if any(high - low < 5 - 1e-6 for low, high in attack(told, hidden).values()):
        return "an interval is too narrow"
    if any(high <= low for low, high in attack(told, hidden, rule=True).values()):
        return "a hidden count is found exactly"
    return SURVIVED


def run(tries: int, seed: int) -> Outcome:
    """Try some tables."""
    return sorted_out((f"seed {case}", answer) for case, answer in apart(attempt, range(seed, seed + tries)))


SECTION = Section("small cells", 200, run)
