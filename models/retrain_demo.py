"""Train the bundled demonstration model again: ``make model``, or ``python models/retrain_demo.py``.

Synthetic pupils only. The same versions give the same bytes, so ``git status`` tells whether anything changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import decrochage_risk as dr
from decrochage_risk.policy import thresholds_at_workload
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import combine_horizons

PUPILS = 17_000
RECORDS = [2018, 2019, 2020, 2021, 2022, 2023, 2024]
"""The extract reaches back a year further than the trainings: what the year before says is known in every year of them."""
SCHOOL_YEARS = [2021, 2022, 2023, 2024]
PATH_YEARS = [2019, 2020, 2021, 2022]
"""Years whose third school year is over: the last of them ends with the extract."""
SEED = 20_260_901
FOLDER = Path(__file__).resolve().parent / "demo"


def main(pupils: int = PUPILS, folder: Path = FOLDER) -> None:
    """Make the cohort, train both horizons, save them as one, print the figures of the untouched year of each.

    Parameters
    ----------
    pupils : int
        Distinct pupils; fewer for a trial.
    folder : Path
        Where to.
    """
    cohort = make_cohort(pupils, RECORDS, seed=SEED)
    models = [
        dr.train_model(
            cohort.records,
            cohort.outcomes,
            school_years=years,
            horizon_years=horizon,
            name="demo",
            synthetic=True,
            seed=SEED,
            progress=print,
        )
        for horizon, years in ((1, SCHOOL_YEARS), (3, PATH_YEARS))
    ]
    for model in models:
        report = {
            name: value for name, value in model.report.items() if name in dr.EvaluationReport.model_fields
        }
        print(f"Horizon de {model.horizon_years} an(s)")
        print(dr.EvaluationReport.model_validate(report))
    both = combine_horizons(*models)
    both.save(folder)
    print(thresholds_at_workload(both).round(3).to_string())
    print(f"{both.model_id} -> {folder.parent.name}/{folder.name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=PUPILS)
    parser.add_argument("--out", type=Path, default=FOLDER)
    choices = parser.parse_args()
    main(choices.pupils, choices.out)
