"""How often the drift watch alarms without a change, and what it finds of each change of the synthetic regimes.

A model is trained on two synthetic years; the third is watched, ordinary or under one regime, with its matured labels.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter

from decrochage_risk import DriftReport, TrainedModel, TrainingWarning, train_model, watch_drift
from decrochage_risk.synthetic import Cohort, make_cohort

YEARS = [2022, 2023, 2024]
AS_OF, LABELS, KNOWN_ON = "2025-03-05", ["2024-11-05", "2025-03-05"], "2025-11-01"
REGIMES = ("prior_shift", "concept_drift", "stops_recording", "new_marking")


def watched(model: TrainedModel, cohort: Cohort) -> DriftReport:
    """Watch the last year."""
    return watch_drift(
        model, cohort.records, AS_OF, cohort.outcomes, labels_as_of=LABELS, labels_known_on=KNOWN_ON
    )


def told(name: str, report: DriftReport) -> str:
    """Write one line: verdicts, and the checks that alarm."""
    signs = [
        f"{sign.check} {sign.subject} {sign.verdict}"
        for sign in report.overall.signs
        if sign.verdict in {"watch", "stop"}
    ]
    schools = dict(sorted(Counter(unit.verdict for unit in report.schools).items()))
    return f"{name:>18}: {report.verdict:<5} schools {schools} {'; '.join(signs)}"


def main() -> None:
    """Print one line per ordinary cohort and one per regime."""
    parser = argparse.ArgumentParser(description="Alarms of the drift watch, with and without a change.")
    parser.add_argument("--pupils", type=int, default=4_000)
    parser.add_argument("--seeds", type=int, default=8, help="ordinary cohorts")
    chosen = parser.parse_args()
    alarms, schools, alarmed = 0, 0, 0
    for seed in range(1, chosen.seeds + 1):
        cohort = make_cohort(chosen.pupils, YEARS, seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            model = train_model(
                cohort.records,
                cohort.outcomes,
                school_years=YEARS[:-1],
                synthetic=True,
                hold_out_schools=False,
            )
        report = watched(model, cohort)
        print(told(f"ordinary, seed {seed}", report), flush=True)
        alarms += report.verdict != "ok"
        schools += len(report.schools)
        alarmed += sum(unit.verdict in {"watch", "stop"} for unit in report.schools)
        if seed == 1:
            for regime in REGIMES:
                changed = make_cohort(chosen.pupils, YEARS, seed=seed, regimes=[regime])
                print(told(regime, watched(model, changed)), flush=True)
    print(f"without a change: {alarms} of {chosen.seeds} reports alarm, {alarmed} of {schools} schools")


if __name__ == "__main__":
    main()
