"""Train the bundled demonstration model again: ``make model``, or ``python models/retrain_demo.py``.

Synthetic pupils only. The same versions give the same bytes, so ``git status`` tells whether anything changed.
"""

from __future__ import annotations

from pathlib import Path

import decrochage_risk as dr
from decrochage_risk.synthetic import make_cohort

PUPILS = 13_000
RECORDS = [2020, 2021, 2022, 2023, 2024]
"""The extract reaches back a year further than the training: what the year before says is known in every year of it."""
SCHOOL_YEARS = RECORDS[1:]
SEED = 20_260_901
FOLDER = Path(__file__).resolve().parent / "demo"


def main() -> None:
    """Make the cohort, train, save, and print the figures of the untouched year."""
    cohort = make_cohort(PUPILS, RECORDS, seed=SEED)
    model = dr.train_model(
        cohort.records,
        cohort.outcomes,
        school_years=SCHOOL_YEARS,
        name="demo",
        synthetic=True,
        seed=SEED,
        progress=print,
    )
    model.save(FOLDER)
    known = dr.EvaluationReport.model_fields
    report = {name: value for name, value in model.report.items() if name in known}
    print(dr.EvaluationReport.model_validate(report))
    print(f"{model.model_id} -> {FOLDER.parent.name}/{FOLDER.name}")


if __name__ == "__main__":
    main()
