"""Laws of what each table tells: chance hardly ever alarms, a table that tells half as much is found and named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from decrochage_risk.evaluate.drift import ALPHA
from decrochage_risk.explain import attribute
from decrochage_risk.model import score_rows, take_snapshots
from decrochage_risk.risk import FitOptions
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import train_model, watch_drift
from decrochage_risk.train.watching import LEAST_SPREAD, judged_tables, table_signs, told_by_table

if TYPE_CHECKING:
    from decrochage_risk.evaluate import DriftSign
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.slow  # each trains whole models: run by make test-all


def drawn(seed: int, pupils: int, *, told: float = 1.0) -> list[DriftSign]:
    """Draw pupils seen twice whose absences tell some part of what is announced, and judge their tables."""
    rng = np.random.default_rng(seed)
    names = np.repeat([f"p{pupil}" for pupil in range(pupils)], 2)
    parts = {
        table: np.repeat(rng.normal(0, 0.6, pupils), 2) + rng.normal(0, 0.05, 2 * pupils)
        for table in ("absences", "grades")
    }
    odds = -2.8 + parts["absences"] + parts["grades"]
    true = -2.8 + told * parts["absences"] + parts["grades"]
    outcome = np.repeat((rng.random(pupils) < expit(true[::2])).astype(np.float64), 2)
    return table_signs(outcome, odds, parts, names, reach=float(norm.isf(ALPHA / 4)))


def alarms(found: list[DriftSign]) -> set[str]:
    return {sign.subject for sign in found if sign.verdict in {"watch", "stop"}}


def test_chance_alone_hardly_ever_alarms() -> None:
    """Of 300 years in which every table tells what it told, the stated 5 % alarm, within two standard errors."""
    found = [alarms(drawn(seed, 1_500)) for seed in range(300)]
    assert sum(map(bool, found)) <= 300 * ALPHA + 2 * np.sqrt(300 * ALPHA * (1 - ALPHA))


def test_a_table_that_tells_half_as_much_is_named() -> None:
    """With some 450 leavers it is found nine times of ten, and the other table is hardly ever accused."""
    found = [alarms(drawn(seed, 6_000, told=0.5)) for seed in range(60)]
    assert sum("lien de l'issue, absences" in told for told in found) >= 54
    assert sum("lien de l'issue, notes" in told for told in found) <= 4


def test_the_figure_is_the_part_that_is_left() -> None:
    """On many pupils it is the share of what the table told, whatever the other tells."""
    (absences, grades) = drawn(7, 60_000, told=0.5)
    assert absences.figure == pytest.approx(0.5, abs=0.08)
    assert grades.figure == pytest.approx(1.0, abs=0.15)


def test_a_table_that_moves_nothing_is_not_judged() -> None:
    """Labels of a year cannot tell what a table of small weight tells; nothing is said of it."""
    rng = np.random.default_rng(1)
    parts = {
        name: rng.normal(0, size * LEAST_SPREAD, 2_000) for name, size in (("grades", 2), ("pupils", 0.5))
    }
    assert list(judged_tables(parts)) == ["grades"]


def test_the_parts_sum_to_what_was_announced(cohort: Cohort, demo_model: TrainedModel) -> None:
    """Every feature is in the part of its own table: beside the reference pupil they sum to the log-odds of the row."""
    scored = score_rows(demo_model, take_snapshots(cohort.records, cohort.outcomes, ["2024-03-05"]))
    features, trained = scored.snapshots.features, demo_model.risk_model
    references = trained.reference_rows(features, scored.groups)
    reference = attribute(trained, trained.filled(features, scored.groups), references).base
    parts = told_by_table(demo_model, scored)
    assert {"absences", "grades"} <= set(parts)
    announced = trained.calibration.apply(scored.raw_log_odds)
    np.testing.assert_allclose(reference + sum(parts.values()), announced, atol=1e-6)


@pytest.mark.slow
def test_absences_that_tell_less_are_found_in_a_cohort() -> None:
    """Trained on two years of 12,000 pupils: an ordinary third accuses no table; absence that tells half is mostly named."""
    years, options = (
        [2022, 2023, 2024],
        FitOptions(max_rounds=150, members=2, linear_share=0.5, penalty=100.0),
    )
    calm, changed = [], []
    for seed in (101, 102, 103, 104):
        ordinary = make_cohort(12_000, years, seed=seed)
        drifted = make_cohort(12_000, years, seed=seed, regimes=["concept_drift"])
        model = train_model(
            ordinary.records,
            ordinary.outcomes,
            school_years=years[:-1],
            synthetic=True,
            hold_out_schools=False,
            options=options,
        )
        calm += relations(model, ordinary)
        changed += relations(model, drifted)
    assert len(calm) >= 8
    assert alarms(calm) == set()
    assert alarms(changed) == {"lien de l'issue, absences"}
    assert sum(sign.verdict in {"watch", "stop"} for sign in changed) >= 3


def relations(model: TrainedModel, cohort: Cohort) -> list[DriftSign]:
    """Watch the last year, with its labels, and take what is said of the tables."""
    report = watch_drift(
        model,
        cohort.records,
        "2025-03-05",
        cohort.outcomes,
        labels_as_of=["2024-11-05", "2025-03-05"],
        labels_known_on="2025-11-01",
    )
    return [sign for sign in report.overall.signs if sign.check == "relation"]
