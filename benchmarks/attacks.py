"""The campaign against the product, by kind of attack: tried, refused, faults.

Every line is a section of its own script (``attack_*.py``); what counts as a fault is told there. The end is an error when one
section found a fault.

Run ``python benchmarks/attacks.py``; ``--only "resealed models"`` for one section, ``--tries 50`` for a quick look, ``--seed 1000``
for other tries, ``--markdown FILE`` to write the table too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import attack_cells
import attack_future
import attack_kills
import attack_payloads
import attack_resealed
import attack_tables

if TYPE_CHECKING:
    from attack import Outcome, Section

__all__ = ["SECTIONS", "table_of"]

SECTIONS: tuple[Section, ...] = (
    attack_resealed.SECTION,
    attack_tables.SECTION,
    attack_payloads.SECTION,
    attack_future.SECTION,
    attack_kills.SECTION,
    attack_cells.SECTION,
)
"""In the order of the table. A section more: its script, an import above and its name here."""
HEADER = ("attack", "tried", "refused", "faults")


def table_of(found: dict[str, Outcome]) -> str:
    """Write the table in Markdown."""
    rows = [(name, str(one.tried), str(one.refused), str(len(one.faults))) for name, one in found.items()]
    widths = [max(len(row[at]) for row in (HEADER, *rows)) for at in range(len(HEADER))]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (HEADER, *rows)
    ]
    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([f"| {lines[0]} |", f"|{rule}|", *(f"| {line} |" for line in lines[1:])])


def main() -> int:
    """Run the sections that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--only", action="append", choices=[section.name for section in SECTIONS])
    parser.add_argument("--tries", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", type=Path)
    chosen = parser.parse_args()
    found: dict[str, Outcome] = {}
    for section in SECTIONS:
        if chosen.only and section.name not in chosen.only:
            continue
        start = perf_counter()
        found[section.name] = section.run(chosen.tries or section.tries, chosen.seed)
        for fault in found[section.name].faults:
            print(f"FAULT {section.name}: {fault}")
        one = found[section.name]
        counts = f"{one.tried} tried, {one.refused} refused, {len(one.faults)} faults"
        print(f"{section.name}: {counts}, {perf_counter() - start:.0f} s", flush=True)
    table = table_of(found)
    print(f"\n{table}")
    if chosen.markdown is not None:
        chosen.markdown.write_text(f"{table}\n", encoding="utf-8")
    return int(any(one.faults for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
