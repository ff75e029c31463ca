"""Laws of the leak alarm: a feature that tells the outcome by itself stops the training, one that is right does not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import LeakError, ModelError, TrainingWarning
from decrochage_risk.model import Snapshots, take_snapshots
from decrochage_risk.model.unknown_flags import UNKNOWN_FLAGS, with_unknown_flags
from decrochage_risk.records import PupilRecords
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import train_model
from decrochage_risk.train.leaks import (
    LEAK_AUC,
    LEAST_OF_A_CLASS,
    missing_signals,
    missing_warnings,
    refuse_leaks,
    signals_of,
)

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.risk import FitOptions
    from decrochage_risk.synthetic import Cohort

DAYS = ["2023-11-06", "2024-01-08", "2024-03-04"]


def snapshots_of(outcome: list[float], **columns: object) -> Snapshots:
    """Make training rows of some columns."""
    table = pd.DataFrame(columns, dtype=np.float64)
    return Snapshots(table, np.array(outcome), table, {})


@pytest.fixture(scope="module")
def leaking(cohort: Cohort) -> PupilRecords:
    """Give records in which a change of track is entered, in the past, for nearly everyone who leaves in 2023-24."""
    tables = dict(cohort.tables)
    outcomes = tables["outcomes"]
    left = outcomes[(outcomes["school_year"] == 2023) & (outcomes["outcome"] == "left_without_diploma")]
    rows = pd.DataFrame(
        {"pupil_id": left["pupil_id"], "date": pd.Timestamp("2023-10-02"), "event": "track_change"}
    )
    tables["orientation"] = pd.concat([tables["orientation"].astype({"event": "str"}), rows])
    return PupilRecords(**tables, calendar=cohort.calendar)


@pytest.mark.whole
def test_a_leak_stops_the_training(leaking: PupilRecords, quick: FitOptions) -> None:
    """Rows written once the outcome was known are named, with the AUC, what to look for and how to go on."""
    with pytest.raises(LeakError) as stopped:
        train_model(leaking, as_of_dates=DAYS, options=quick)
    told = str(stopped.value)
    assert re.search(r"track_changes_year \(AUC (0\.9[5-9]|1\.0)\d+ of its value\)", told)
    assert 'allow_leaks=("track_changes_year",)' in told
    assert "recorded_on" in told
    assert issubclass(LeakError, ModelError)


@pytest.mark.slow
def test_a_feature_that_was_found_right_is_let_through(leaking: PupilRecords, quick: FitOptions) -> None:
    """The training goes on with the feature that was named, and with a name alone as well."""
    with pytest.warns(TrainingWarning):
        model = train_model(leaking, as_of_dates=DAYS, options=quick, allow_leaks="track_changes_year")
    assert "track_changes_year" in model.risk_model.columns


@pytest.mark.whole
def test_a_name_that_is_no_feature_is_refused(leaking: PupilRecords, quick: FitOptions) -> None:
    """A misspelt exception is an error, not a leak let through."""
    with pytest.raises(ModelError, match="allow_leaks names 'track_change'"):
        train_model(leaking, as_of_dates=DAYS, options=quick, allow_leaks=["track_change"])


def test_honest_records_train(cohort: Cohort, small_model: TrainedModel) -> None:
    """No feature of the synthetic cohort comes near the alarm."""
    signals = signals_of(take_snapshots(cohort.records, cohort.outcomes, DAYS))
    assert max(max(signal.value, signal.unknown) for signal in signals) < LEAK_AUC - 0.05
    unknown = small_model.report["missing_signals"]
    assert unknown == [signal for signal in unknown if signal["auc_unknown"] > signal["auc_value"]]


@pytest.mark.parametrize("sign", [1, -1])
def test_either_direction_is_a_leak(sign: int) -> None:
    """A feature that is low for all who leave is as much a leak as one that is high."""
    outcome = [0.0] * 40 + [1.0] * 40
    signals = signals_of(snapshots_of(outcome, good=np.arange(80) % 7, bad=sign * np.array(outcome)))
    with pytest.raises(LeakError, match=r"bad \(AUC 1\.000 of its value\)") as stopped:
        refuse_leaks(signals)
    assert "good" not in str(stopped.value)


def test_what_is_unknown_can_leak_too() -> None:
    """A value that only those who stay have is a leak, though no value of it tells anything."""
    outcome = [0.0] * 40 + [1.0] * 40
    column = np.where(np.array(outcome) == 1, np.nan, np.arange(80) % 3)
    signals = signals_of(snapshots_of(outcome, marks=column))
    with pytest.raises(LeakError, match=r"AUC 1\.000 of its being unknown"):
        refuse_leaks(signals)


def test_few_events_raise_no_alarm() -> None:
    """Under 20 rows with the event, chance alone could order them: nothing is said."""
    few = LEAST_OF_A_CLASS - 1
    outcome = [0.0] * 40 + [1.0] * few
    assert [signal.value for signal in signals_of(snapshots_of(outcome, bad=outcome))] == [0.5]
    enough = [*outcome, 1.0]
    assert [signal.value for signal in signals_of(snapshots_of(enough, bad=enough))] == [1.0]


def test_repeated_rows_of_few_pupils_raise_no_alarm() -> None:
    """Nineteen leavers seen on ten days are nineteen pupils: chance may order them; twenty are enough."""
    for leavers in (LEAST_OF_A_CLASS - 1, LEAST_OF_A_CLASS):
        pupils = np.repeat(np.arange(100 + leavers), 10)
        outcome = (pupils >= 100).astype(np.float64)
        table = pd.DataFrame({"bad": outcome})
        rows = pd.DataFrame({"pupil_id": pupils.astype(str)})
        (signal,) = signals_of(Snapshots(table, outcome, rows, {}))
        assert signal.value == (1.0 if leavers == LEAST_OF_A_CLASS else 0.5)
        assert signal.chance == pytest.approx(3 / 12**0.5 / leavers**0.5)


@pytest.mark.slow
def test_honest_small_cohorts_are_never_refused() -> None:
    """Of 24 small cohorts without any leak, none is refused."""
    for seed in range(24):
        cohort = make_cohort(250 + 10 * seed, [2022, 2023], seed=500 + seed)
        refuse_leaks(signals_of(take_snapshots(cohort.records, cohort.outcomes, DAYS)))


def test_missingness_that_tells_more_than_the_value_is_reported() -> None:
    """A column known for most who stay and few who leave, of random values, is listed; one whose value tells more is not."""
    rng = np.random.default_rng(4)
    outcome = np.repeat([0.0, 1.0], 200)
    gone = rng.random(400) < np.where(outcome == 1, 0.7, 0.2)
    table = {
        "silent": np.where(gone, np.nan, rng.normal(size=400)),
        "telling": np.where(gone, np.nan, outcome + 0.2 * rng.normal(size=400)),
        "whole": rng.normal(size=400),
    }
    (found,) = missing_signals(signals_of(snapshots_of(outcome.tolist(), **table)))
    assert found["feature"] == "silent"
    ranked = (gone[:200, None] < gone[None, 200:]) + 0.5 * (gone[:200, None] == gone[None, 200:])
    assert found["auc_unknown"] == pytest.approx(ranked.mean(), abs=1e-4)
    assert found["known_share"] == pytest.approx(1 - gone.mean(), abs=1e-4)
    (line,) = missing_warnings([found])
    assert "`silent`" in line
    assert f"{found['auc_unknown']:.2f}".replace(".", ",") in line


def _flagged(cohort: Cohort, tables: dict[str, pd.DataFrame], silent: list[str] | None = None) -> Snapshots:
    """Take the rows of one day with the flags of what is not known, as a training does."""
    # Of marks alone: a pupil of whom nothing at all is known has no rows to learn from.
    not_sent = {"grades": silent} if silent else None
    records = PupilRecords(**tables, not_sent=not_sent, calendar=cohort.calendar)
    snapshots = take_snapshots(records, cohort.outcomes, DAYS[-1:])
    return replace(snapshots, features=with_unknown_flags(snapshots.features))


@pytest.mark.slow
def test_flags_hold_what_was_missing_on_the_day(cohort: Cohort) -> None:
    """Records of leavers erased from the as-of date on change no bit; erased wholly, the flags tell the outcome, and stop the training."""
    tables = {
        name: rows for name, rows in cohort.tables.items() if name not in {"outcomes", "coverage", "context"}
    }
    whole = _flagged(cohort, tables)
    leavers = whole.rows.loc[whole.outcome == 1, "pupil_id"].tolist()
    assert len(leavers) >= LEAST_OF_A_CLASS
    later = {
        name: rows[
            ~(rows["pupil_id"].isin(leavers) & (pd.to_datetime(rows["date"]) >= pd.Timestamp(DAYS[-1])))
        ]
        for name, rows in tables.items()
        if name in {"absences", "grades", "orientation"}
    }
    assert sum(len(tables[name]) - len(rows) for name, rows in later.items()) > len(leavers)
    erased = _flagged(cohort, tables | later)
    pd.testing.assert_frame_equal(erased.features, whole.features, check_exact=True)
    refuse_leaks(signals_of(whole))
    with pytest.raises(LeakError, match=r"not_known_marks \(AUC 1\.000 of its value\)"):
        refuse_leaks(signals_of(_flagged(cohort, tables, leavers)))


def test_what_is_warned_of_names_the_flag() -> None:
    """Marks that are missing more often of those who leave are warned of, with the flag by which the model learns it."""
    rng = np.random.default_rng(4)
    outcome = np.repeat([0.0, 1.0], 200)
    gone = rng.random(400) < np.where(outcome == 1, 0.7, 0.2)
    column = UNKNOWN_FLAGS["not_known_marks"][0]
    signals = signals_of(
        snapshots_of(outcome.tolist(), **{column: np.where(gone, np.nan, rng.normal(size=400))})
    )
    refuse_leaks(signals)
    (line,) = missing_warnings(missing_signals(signals))
    assert f"`{column}`" in line
    assert "`not_known_marks` (notes de l'année)" in line


@pytest.mark.slow
def test_missingness_is_in_the_report_and_on_the_card(cohort: Cohort, quick: FitOptions) -> None:
    """When marks are only there for pupils who stay, the report lists the features and the card says it."""
    tables = dict(cohort.tables)
    outcomes, grades = tables["outcomes"], tables["grades"]
    left = outcomes[(outcomes["school_year"] == 2023) & (outcomes["outcome"] == "left_without_diploma")]
    chosen = set(left["pupil_id"].iloc[::2])
    late = grades["pupil_id"].isin(chosen) & (grades["date"] >= pd.Timestamp("2023-09-01"))
    tables["grades"] = grades[~late]
    with pytest.warns(TrainingWarning):
        model = train_model(PupilRecords(**tables, calendar=cohort.calendar), as_of_dates=DAYS, options=quick)
    told = {found["feature"] for found in model.report["missing_signals"]}
    assert "subject_spread_year" in told
    assert "`subject_spread_year` : être inconnu annonce l'issue" in model.card
