"""Run in a process that has the package of the data team: ``train FOLDER`` prints the pin, ``score FOLDER PIN`` what is said of the level and the features."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import decrochage_risk as dr
from decrochage_risk.features import OWN_FEATURES
from decrochage_risk.risk import FitOptions
from decrochage_risk.synthetic import make_cohort


def own_records(seed: int, years: list[int]) -> tuple[dr.PupilRecords, object]:
    """Draw a cohort in which half of the pupils of 2de professionnelle are in the level of the package."""
    cohort = make_cohort(1_400, years, seed=seed)
    tables = {name: table.copy() for name, table in cohort.tables.items() if name != "outcomes"}
    enrolments = tables["enrolments"]
    level = enrolments["level"].astype(object)
    agri = (level == "2de_pro") & (np.arange(len(level)) % 2 == 0)
    tables["enrolments"] = enrolments.assign(level=level.mask(agri, "2de_agri"))
    tables["absences"] = with_lateness(tables["absences"], cohort.outcomes)
    return dr.PupilRecords(**tables), cohort.outcomes


def with_lateness(absences: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Add a lateness a week to most who leave and to few who stay: the cohort alone hardly ties leaving to what the package counts."""
    leaves = (outcomes["outcome"] == "left_without_diploma").to_numpy()
    is_late = np.random.default_rng(7).random(len(outcomes)) < np.where(leaves, 0.6, 0.1)
    rows = pd.DataFrame(
        {"pupil_id": pupil, "date": day, "half_days": 0, "kind": "lateness"}
        for pupil, year in outcomes.loc[is_late, ["pupil_id", "school_year"]].itertuples(index=False)
        for day in pd.date_range(f"{year}-10-01", f"{year + 1}-05-31", freq="W-TUE")
    )
    return pd.concat([absences, rows.astype({"date": absences["date"].dtype})], ignore_index=True)


def train(folder: str) -> str:
    """Train and save; give the pin."""
    records, outcomes = own_records(5, [2022, 2023, 2024])
    options = FitOptions(max_rounds=60, members=3, linear_share=0.5, penalty=100.0)
    model = dr.train_model(records, outcomes, synthetic=True, options=options)
    return model.save(Path(folder))


def score(folder: str, pin: str) -> str:
    """Load and score; give what is said as JSON."""
    warnings.simplefilter("ignore", dr.DecrochageWarning)
    model = dr.load_model(folder, sha256=pin)
    scores = dr.score_pupils(own_records(6, [2023, 2024])[0], as_of="2025-03-05", model=model, explain="all")
    own = scores.frame[scores.frame["level"] == "2de_agri"]
    reasons = scores.reasons[scores.reasons["family"] == "life_at_school"]
    facts = {
        "columns": [feature.name for feature in OWN_FEATURES if feature.name in model.risk_model.columns],
        "levels": model.levels,
        "scored": int(own["risk"].notna().sum()),
        "flag_rule": own["flag_rule"].iloc[0],
        "reasons": reasons["text"].tolist(),
        "labels": reasons["family_label"].unique().tolist(),
    }
    return json.dumps(facts)


if __name__ == "__main__":
    sys.stdout.write({"train": train, "score": score}[sys.argv[1]](*sys.argv[2:]))
