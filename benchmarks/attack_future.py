"""Rows dated on or after the as-of date, honest or faulty, in both modes: no bit of what was known changes."""

from __future__ import annotations

import random
import warnings
from datetime import timedelta

from attack import SURVIVED, Outcome, Section, apart, sorted_out
from rows_attacked import AS_OF, Rows, extract, facts_of

__all__ = ["SECTION", "attempt"]

ROWS = 8
"""Rows of the future in each try: two in each of four tables."""


def attempt(seed: int) -> str:
    """Add rows of the future to an extract; hold features, counts of rows set aside and faults against those without."""
    import decrochage_risk as dr  # noqa: PLC0415 - in the process apart

    warnings.simplefilter("ignore")
    chance = random.Random(seed)  # noqa: S311 - tries that can be repeated
    tables, faulty = extract(chance, pupils=4), seed % 2 == 1
    mode = chance.choice(["raise", "quarantine"])
    added = {name: [*rows, *_later(name, chance, faulty=faulty)] for name, rows in tables.items()}
    before, after = (
        dr.PupilRecords(**each, on_fault=mode, as_of=AS_OF)  # a refusal is a bare exception here: a fault
        for each in (tables, added)
    )
    told = [(facts_of(each), each.faults_on(AS_OF).text(values=True)) for each in (before, after)]
    return SURVIVED if told[0] == told[1] else f"the future changed the past ({mode}, faulty: {faulty})"


def _later(name: str, chance: random.Random, *, faulty: bool) -> Rows:
    rows: Rows = []
    for number in chance.sample(range(4), 2):
        day = AS_OF + timedelta(days=chance.choice([0, 1, 5, 29, 100]))
        row = {"pupil_id": f"{number:04}", "date": day}
        if name == "absences":
            rows.append(row | {"half_days": 9 if faulty else 2, "kind": "absence", "justified": False})
        elif name == "grades":
            rows.append(
                row
                | {
                    "subject": "maths",
                    "kind": "assessment",
                    "status": "graded",
                    "value": -50.0 if faulty else 0.0,
                }
            )
        elif name == "orientation":
            rows.append(row | {"event": "wish", "rank": 999 if faulty else 2, "target": "cap1"})
        elif name == "enrolments" and faulty:
            # A stay that overlaps the one that is open, at a level that is none.
            rows.append(
                {"pupil_id": row["pupil_id"], "school_year": 2024, "school_id": "0671235D", "class_id": "B",
                 "level": chance.choice(["BTS", "cap1"]), "start_date": day, "end_date": None}
            )  # fmt: skip
    return rows


def run(tries: int, seed: int) -> Outcome:
    """Try some futures; each try adds :data:`ROWS` rows at most."""
    return sorted_out((f"seed {case}", answer) for case, answer in apart(attempt, range(seed, seed + tries)))


SECTION = Section("futures", 400, run)
