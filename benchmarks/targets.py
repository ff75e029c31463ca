"""The targets of a training that can be defended, measured: one row each, with its target, figure and verdict.

Run ``python benchmarks/targets.py`` for the synthetic rows, with ``--data FOLDER`` for those on real public data too (the
folder of ``benchmarks/real_data.py``). The synthetic rows are cohorts at difficulty "observable", where the true
probability is known: models trained on the school years before, judged on other pupils a year later.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

import decrochage_risk as dr
from decrochage_risk.evaluate import measure
from decrochage_risk.evaluate.tables import markdown_table
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.model import Snapshots, default_as_of_dates, take_snapshots
from decrochage_risk.risk import FitOptions, RiskModel
from decrochage_risk.risk.calibration import fit_rung, probability
from decrochage_risk.risk.comparable import Comparable
from decrochage_risk.risk.uncertainty import member_mean
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train.backtest import fit_risk_model, learnt_baselines
from fit_time import REGION, fit_of_a_region
from oracle import Floats, excess_log_loss, truth_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

JUDGED = 2024
TRAINING_YEARS = 2
"""School years before it that are learnt from. From three on, calibration and comparable pupils come from years predicted out of time."""
RECORDS_FROM = 2021
"""The extract reaches back a year further than the training, as it must: what the year before says is known in each year of
training as it is in the year that is judged. ``--records-from 2022`` shows what it costs when it does not."""
PUPILS = 15_000
"""Of whom some 12,000 are there in two training years."""
SEEDS = (1070, 1270, 1370)
"""No choice was made on these cohorts; constants of the fit were chosen on 70, 270, 370, 470 and 570."""
REDRAWS = 120
SWEEPS = 25_000


@dataclass(frozen=True)
class Trained:
    """One cohort: what was learnt from, what is judged, both truths, the model, and the logistic regression."""

    train: Snapshots
    train_truth: Floats
    test: Snapshots
    truth: Floats
    model: RiskModel
    logistic: Floats

    @property
    def groups(self) -> Any:  # noqa: ANN401 - labels
        """Reference group of each judged row."""
        return self.test.rows["reference_group"].to_numpy()

    @cached_property
    def risk(self) -> Floats:
        """Announced risk of each judged row."""
        return self.model.risk(self.test.features, self.groups)


def trained(
    seed: int,
    pupils: int,
    records_from: int = RECORDS_FROM,
    training_years: int = TRAINING_YEARS,
    linear_share: float | None = None,
) -> Trained:
    """Make the cohorts and fit; boosting starts from the default share of a regression when none is given."""
    options = FitOptions(linear_share=linear_share)
    years = list(range(records_from, JUDGED + 1))
    cohort, other = (make_cohort(pupils, years, one, "observable") for one in (seed, seed + 1))
    learnt = range(JUDGED - training_years, JUDGED)
    train = take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates(learnt))
    test = take_snapshots(other.records, other.outcomes, default_as_of_dates([JUDGED]))
    return Trained(
        train,
        truth_of(cohort, train.rows)["probability"].to_numpy(),
        test,
        truth_of(other, test.rows)["probability"].to_numpy(),
        fit_risk_model(train, seed=seed, options=options),
        learnt_baselines(train, test)[0].score,
    )


def calibration_rows(cases: Sequence[Trained]) -> list[list[str]]:
    """Slope, intercept and ICI, of all cohorts together: pupils of different cohorts are different pupils."""
    outcome = np.concatenate([case.test.outcome for case in cases])
    risk = np.concatenate([case.risk for case in cases])
    pupils = np.concatenate(
        [f"{at}-" + case.test.rows["pupil_id"].to_numpy(dtype=str) for at, case in enumerate(cases)]
    )
    found = measure(outcome, risk, pupils=pupils)
    slope = f"{found.slope:.3f} [{found.slope_low:.3f}, {found.slope_high:.3f}]"
    intercepts = [measure(case.test.outcome, case.risk).intercept or 0.0 for case in cases]
    level = f"{found.intercept:+.3f} (by cohort {', '.join(f'{one:+.3f}' for one in intercepts)})"
    meets = (found.slope_low or 2) <= 1.1 and (found.slope_high or 0) >= 0.9
    return [
        row("calibration slope, CI meets [.9, 1.1]", slope, meets=meets),
        row("calibration intercept, at most .10", level, meets=abs(found.intercept or 1) <= 0.10),
        row("ICI, at most .010", f"{found.ici:.4f}", meets=(found.ici or 1) <= 0.010),
    ]


def row(what: str, figure: str, *, meets: bool) -> list[str]:
    """One row of the table."""
    return [what, figure, "yes" if meets else "**no**"]


def oracle_rows(cases: Sequence[Trained]) -> list[list[str]]:
    """Log loss lost against the truth, by the model and by the logistic regression."""
    model = [excess_log_loss(case.truth, case.risk) for case in cases]
    logistic = [excess_log_loss(case.truth, case.logistic) for case in cases]
    ours, theirs = float(np.mean(model)), float(np.mean(logistic))
    told = f"{ours:.5f} (by cohort {', '.join(f'{one:.5f}' for one in model)})"
    against = f"{ours:.5f} against {theirs:.5f}"
    return [
        row("excess log loss over the oracle, at most .0045", told, meets=ours <= 0.0045),
        row("the same, below the logistic regression", against, meets=ours < theirs),
    ]


def interval_rows(cases: Sequence[Trained]) -> list[list[str]]:
    """Share of the true probabilities within the 90 % interval, and in the top decile of the risks."""
    inside, top = [], []
    for case in cases:
        low, high = case.model.interval(case.test.features, reference_groups=case.groups)
        held = (low <= case.truth) & (case.truth <= high)
        inside.append(held)
        top.append(held[case.risk >= np.quantile(case.risk, 0.9)])
    overall, upper = float(np.concatenate(inside).mean()), float(np.concatenate(top).mean())
    return [
        row(
            "90 % interval covers the truth, 85-95 %", f"{100 * overall:.1f} %", meets=0.85 <= overall <= 0.95
        ),
        row("the same in the top decile, at least 85 %", f"{100 * upper:.1f} %", meets=upper >= 0.85),
    ]


def frequency_row(cases: Sequence[Trained]) -> list[str]:
    """Coverage of the frequency among comparable pupils: of the true mean risk of next year's pupils in the same bin.

    The outcomes of the pupils who are counted are drawn anew from their true probabilities, many times.
    """
    covered = np.zeros((len(cases), REDRAWS, 10))
    for at, case in enumerate(cases):
        random = np.random.default_rng(at)
        held = case.model.out_of_time or case.model.out_of_fold
        rung = fit_rung(case.model.calibration.kind, held.log_odds, held.outcome, held.growth)
        announced = probability(rung.apply(held.log_odds, held.growth))
        chance = case.train_truth[held.rows]
        rank = np.argsort(np.argsort(case.risk, kind="stable"), kind="stable")
        decile = rank * 10 // len(rank)
        for draw in range(REDRAWS):
            outcome = (random.random(len(chance)) < chance).astype(float)
            counted = Comparable.fit(announced, outcome, groups=held.groups, time=held.time)
            found = counted.lookup(case.risk)
            bins = np.searchsorted(counted.lower[1:], case.risk, side="right")
            mean = np.bincount(bins, weights=case.truth) / np.maximum(np.bincount(bins), 1)
            inside = ((found["low"] <= mean[bins]) & (mean[bins] <= found["high"])).to_numpy()
            covered[at, draw] = np.bincount(decile, weights=inside) / np.bincount(decile)
    shares = covered.mean(axis=(0, 1))
    told = ", ".join(f"{100 * share:.0f}" for share in shares)
    meets = bool(((shares >= 0.85) & (shares <= 0.95)).all())
    return row("90 % frequency interval covers, 85-95 % in every decile", f"{told} %", meets=meets)


def monotone_rows(case: Trained) -> list[list[str]]:
    """Measure what the constraints cost, and whether any step of a sweep moves the risk the wrong way."""
    rows, names = case.train.rows, [str(name) for name in case.train.features]
    free = RiskModel.fit(
        case.train.features,
        case.train.outcome,
        directions={},
        context=[name for name in names if name not in FEATURE_BY_NAME],
        time=rows["school_year"].to_numpy(),
        groups=rows["pupil_id"].to_numpy(),
        reference_groups=rows["reference_group"].to_numpy(),
        options=case.model.options,
        seed=case.model.seed,
    )
    without = measure(case.test.outcome, free.risk(case.test.features, case.groups)).auc or 0.0
    cost = without - (measure(case.test.outcome, case.risk).auc or 0.0)
    wrong, steps = sweep(case)
    return [
        row("monotone constraints cost at most .002 AUC", f"{cost:+.4f}", meets=cost <= 0.002),
        row(f"no wrong step in {SWEEPS:,} sweep steps", f"{wrong} of {steps:,}", meets=wrong == 0),
    ]


def sweep(case: Trained) -> tuple[int, int]:
    """Move one directed column of a row through its quantiles, and count the steps that go the wrong way."""
    model, random = case.model, np.random.default_rng(0)
    filled = model.filled(case.test.features, case.groups)
    directed = [at for at, name in enumerate(model.columns) if model.directions[name]]
    grid = 26
    wrong = steps = 0
    while steps < SWEEPS:
        at = int(random.choice(directed))
        levels = np.unique(np.quantile(filled[:, at], np.linspace(0, 1, grid)))
        moved = np.repeat(filled[[int(random.integers(len(filled)))]], len(levels), axis=0)
        moved[:, at] = levels
        risk = probability(model.calibration_of(moved).apply(member_mean(model.member_log_odds(moved))))
        way = model.directions[model.columns[at]]
        wrong += int((way * np.diff(risk) < 0).sum())
        steps += len(levels) - 1
    return wrong, steps


def oulad_rows(data: str) -> list[list[str]]:
    """2014J at days 28 and 56 against the logistic regression on the same features, with and without the module's means."""
    from real_data import CLOSES, RUNS_ON_RECORDS, TEST_DAYS, TRAIN_YEARS, WITH_CONTEXT, with_context  # noqa: PLC0415

    found = []
    for name in ("oulad", WITH_CONTEXT):
        folder, dates = RUNS_ON_RECORDS[name]
        records = dr.PupilRecords.read(f"{data}/{folder}")
        if name == WITH_CONTEXT:
            records = with_context(records, [*dates, *TEST_DAYS.values()])
        model = dr.train_model(
            records, as_of_dates=dates, school_years=TRAIN_YEARS, outcome_closes=CLOSES, name="oulad"
        )
        for day, as_of in TEST_DAYS.items():
            report = dr.evaluate_model(model, records, as_of_dates=[as_of], outcome_closes=CLOSES)
            found += oulad_rows_of_a_day(name, day, report)
    return found


def oulad_rows_of_a_day(name: str, day: int, report: dr.EvaluationReport) -> list[list[str]]:
    """Two rows: against the logistic regression, and the calibration error."""
    ours, theirs = report.figures, report.baselines["régression logistique"]
    limit = {28: 0.04, 56: 0.03}[day]
    told = ", ".join(
        f"{label} {getattr(ours, key):.4f} against {getattr(theirs, key):.4f}"
        for key, label in (("log_loss", "log loss"), ("average_precision", "AP"), ("auc", "AUC"))
    )
    better = (
        ours.log_loss < theirs.log_loss
        and ours.average_precision > theirs.average_precision
        and ours.auc >= theirs.auc - 0.002
    )
    return [
        row(f"{name}: 2014J day {day}, better than logistic regression", told, meets=better),
        row(f"{name}: day {day}, ECE at most {limit}", f"{ours.ece:.4f}", meets=ours.ece <= limit),
    ]


def student_rows(data: str) -> list[list[str]]:
    """Accuracy on the table of pupils, mathematics, against the published best, with the interval over pupils."""
    import pandas as pd  # noqa: PLC0415

    from real_data import PASS_MARK, STUDENT_SETS, held_out_risks  # noqa: PLC0415

    table: pd.DataFrame = pd.read_csv(f"{data}/uci_student/student-mat.csv", sep=";")
    failed = np.asarray(table["G3"] < PASS_MARK, dtype=np.float64)
    columns = pd.get_dummies(table.drop(columns="G3"), dtype=float)
    best = {"G1 and G2": 0.919, "G1": 0.838, "neither": 0.706}
    found = []
    for known, without in STUDENT_SETS.items():
        runs = [risk for risk, _ in held_out_risks(columns.drop(columns=list(without)), failed)]
        right = np.mean([(risk > 0.5) == failed for risk in runs], axis=0)
        half = 1.96 * float(right.std(ddof=1)) / np.sqrt(len(right))
        share = float(right.mean())
        told = f"{100 * share:.1f} % [{100 * (share - half):.1f}, {100 * (share + half):.1f}]"
        what = f"UCI mathematics, {known}: at least {100 * best[known]:.1f} % or within the interval"
        found.append(row(what, told, meets=share + half >= best[known]))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=PUPILS)
    parser.add_argument(
        "--records-from", type=int, default=RECORDS_FROM, help="first school year of the records"
    )
    parser.add_argument("--training-years", type=int, default=TRAINING_YEARS, help="school years learnt from")
    parser.add_argument("--linear-share", type=float, help="share of a regression that boosting starts from")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--data", help="folder of the real data")
    parser.add_argument("--no-synthetic", action="store_true")
    parser.add_argument(
        "--region", type=int, default=REGION, help="pupils whose training is timed; 0 for none"
    )
    asked = parser.parse_args()
    rows: list[list[str]] = []
    if not asked.no_synthetic:
        cases = [
            trained(seed, asked.pupils, asked.records_from, asked.training_years, asked.linear_share)
            for seed in asked.seeds
        ]
        rows += [*calibration_rows(cases), *oracle_rows(cases), *interval_rows(cases)]
        rows += [frequency_row(cases), *monotone_rows(cases[0])]
    if asked.region:
        what, figure, meets = fit_of_a_region(asked.region)
        rows.append(row(what, figure, meets=meets))
    if asked.data:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dr.DecrochageWarning)
            rows += [*student_rows(asked.data), *oulad_rows(asked.data)]
    print(markdown_table(["what", "measured", "met"], rows))


if __name__ == "__main__":
    main()
