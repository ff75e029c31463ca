"""Hold a synthetic cohort against the published figures, and write the table of ``docs/cohort.md``.

Run ``python benchmarks/cohort_figures.py``. It draws 50,000 pupils over two school years, prints each figure beside what
was published, and puts the table between the two marks of the page; it ends with an error when a figure is out of tolerance.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.figures import PUBLISHED, measure_figures, tolerance_at

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cohort.md"
BEGIN, END = "<!-- figures: written by benchmarks/cohort_figures.py -->", "<!-- end of figures -->"
YEARS = [2022, 2023]


def table_of(found: dict[str, float], pupils: int, seed: int) -> str:
    """Write the Markdown table."""
    lines = [
        f"{pupils:,} pupils, school years {', '.join(map(str, YEARS))}, seed {seed}, difficulty observable.",
        "",
        "| figure | published | cohort | tolerance | unit | source |",
        "|---|--:|--:|--:|---|---|",
    ]
    lines += [
        f"| {figure.words} | {figure.value:g} | {found[figure.name]:.2f} | ± {tolerance_at(figure, pupils):.2g} "
        f"| {figure.unit} | {figure.source} |"
        for figure in PUBLISHED
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write, and fail when a figure is out of tolerance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--only-print", action="store_true", help="leave docs/cohort.md as it is")
    asked = parser.parse_args()
    cohort = make_cohort(asked.pupils, YEARS, asked.seed)
    found = measure_figures(cohort.tables, cohort.calendar)
    table = table_of(found, asked.pupils, asked.seed)
    print(table)
    if not asked.only_print:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8", newline="\n")
        print(f"\nwritten {PAGE.name}")
    out = [
        figure.name
        for figure in PUBLISHED
        if abs(found[figure.name] - figure.value) > tolerance_at(figure, asked.pupils)
    ]
    if out:
        sys.exit(f"out of tolerance: {', '.join(out)}")


if __name__ == "__main__":
    main()
