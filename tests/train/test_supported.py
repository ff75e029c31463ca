"""Laws of what a training does with pupils whom a measure has helped."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import RecordsError, TrainingWarning
from decrochage_risk.model import Snapshots, TrainedModel, take_snapshots
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.train import train_model
from decrochage_risk.train.supported import SUPPORTED, set_apart_supported

if TYPE_CHECKING:
    from decrochage_risk.risk import FitOptions
    from decrochage_risk.synthetic import Cohort

AS_OF = [date(year + later, month, 5) for year in (2021, 2022, 2023) for later, month in ((0, 11), (1, 3))]


@pytest.fixture(scope="module")
def outcomes(cohort: Cohort) -> pd.DataFrame:
    """Return the canonical outcomes of the cohort."""
    return outcomes_for(cohort.records, cohort.outcomes)


@pytest.fixture(scope="module")
def snapshots(cohort: Cohort, outcomes: pd.DataFrame) -> Snapshots:
    """Take two dates of each of the three years."""
    return take_snapshots(cohort.records, outcomes, AS_OF)


def _starts(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["pupil_id", "started_on"])


def _stayer(snapshots: Snapshots) -> str:
    """Find a pupil who is there in all three years and never left."""
    rows = snapshots.rows.assign(left=snapshots.outcome)
    counts = rows.groupby("pupil_id").agg(years=("school_year", "nunique"), left=("left", "max"))
    return str(counts[(counts["years"] == 3) & (counts["left"] == 0)].index[0])


def _years(snapshots: Snapshots, pupil: str) -> list[int]:
    rows = snapshots.rows
    return sorted(set(rows.loc[rows["pupil_id"] == pupil, "school_year"]))


@pytest.mark.parametrize(
    ("started", "censored", "excluded"),
    [
        ("2022-09-01", [2023], []),  # until 1 November the outcome of 2021-22 was still open
        ("2022-11-15", [2021, 2023], [2021]),
        ("2021-09-15", [2022, 2023], []),
        ("2023-08-31", [2021, 2023], [2021]),
        ("2025-01-10", [2021, 2022, 2023], [2021, 2022, 2023]),
    ],
)
def test_rows_that_a_support_may_have_changed_are_those_of_its_year(
    snapshots: Snapshots, outcomes: pd.DataFrame, started: str, censored: list[int], excluded: list[int]
) -> None:
    """Censoring leaves out the school years whose outcome the start falls into; excluding, the later ones too."""
    pupil = _stayer(snapshots)
    for helped, years in (("censor", censored), ("exclude", excluded)):
        kept, _ = set_apart_supported(snapshots, outcomes, _starts((pupil, started)), helped)
        assert _years(kept, pupil) == years, helped
        gone = len(snapshots.outcome) - len(kept.outcome)
        assert kept.left_out.get(SUPPORTED, 0) == gone
        others = snapshots.rows["pupil_id"] != pupil
        assert (kept.rows["pupil_id"] != pupil).sum() == others.sum()


def test_who_left_before_the_start_is_no_supported_leaver(
    snapshots: Snapshots, outcomes: pd.DataFrame
) -> None:
    """An exit dated before the measure is learnt from when censoring; one after it is not."""
    dated = outcomes[(outcomes["outcome"] == "left_without_diploma") & outcomes["date"].notna()]
    rows = snapshots.rows.assign(left=snapshots.outcome)
    leavers = rows[rows["left"] == 1].merge(dated, on=["pupil_id", "school_year"])
    leaver = leavers.iloc[0]
    day = leaver["date"]
    later, earlier = ((day + pd.Timedelta(days=step)).date().isoformat() for step in (3, -3))

    for start, stays in ((later, True), (earlier, False)):
        kept, _ = set_apart_supported(snapshots, outcomes, _starts((leaver["pupil_id"], start)), "censor")
        found = kept.rows.assign(left=kept.outcome)
        mine = found[
            (found["pupil_id"] == leaver["pupil_id"]) & (found["school_year"] == leaver["school_year"])
        ]
        assert bool((mine["left"] == 1).any()) is stays


def test_keeping_changes_no_row_and_says_how_many(snapshots: Snapshots, outcomes: pd.DataFrame) -> None:
    """By default every row is learnt from, and the card says that there are supported pupils, but not how few."""
    pupil = _stayer(snapshots)
    kept, told = set_apart_supported(
        snapshots, outcomes, _starts((pupil, "2022-11-15"), (pupil, "2023-01-10")), "keep"
    )
    assert kept is snapshots
    assert told == [
        "lignes d'élèves pour qui une mesure avait commencé, effectif masqué : gardées (débuts de mesure connus : masqués)"
    ]
    assert set_apart_supported(snapshots, outcomes, None, "keep") == (snapshots, [])


@pytest.mark.slow
def test_the_card_of_a_training_counts_supported_rows(cohort: Cohort, quick: FitOptions) -> None:
    """What was done is in the card and in the counts of the training, and the risks follow from it."""
    pupils = cohort.records.pupils["pupil_id"].tolist()[::4]
    starts = _starts(*((pupil, "2022-11-15") for pupil in pupils))
    models: dict[str, TrainedModel] = {
        helped: train_model(
            cohort.records, cohort.outcomes, synthetic=True, options=quick, supported=starts, helped=helped
        )
        for helped in ("keep", "censor")
    }
    assert "pour qui une mesure avait commencé : gardées" in models["keep"].card
    assert "laissées de côté (issue censurée)" in models["censor"].card
    gone = models["censor"].trained_on["left_out"][SUPPORTED]
    assert gone > 50
    assert models["keep"].trained_on["rows"] - models["censor"].trained_on["rows"] == gone
    assert not np.array_equal(models["keep"].risk_model.to_files(), models["censor"].risk_model.to_files())


@pytest.mark.parametrize(
    ("supported", "helped", "came"),
    [
        (None, "drop", "helped='drop'"),
        (None, "censor", "helped='censor' without supported"),
        ([{"pupil_id": "a"}], "keep", "supported lacks started_on"),
        (
            [{"pupil_id": "a", "started_on": "soon"}],
            "censor",
            "1 starts that are no day, the first is 'soon'",
        ),
        ([{"pupil_id": "a", "started_on": "03/04/2025"}], "censor", "the first is '03/04/2025'"),
        ([{"pupil_id": "a", "started_on": 20250403}], "censor", "the first is 20250403"),
        ([{"pupil_id": "a", "started_on": "2025"}], "censor", "the first is '2025'"),
    ],
)
def test_supports_that_cannot_be_used_are_refused(
    snapshots: Snapshots,
    outcomes: pd.DataFrame,
    supported: Any,
    helped: Any,
    came: str,
) -> None:
    """Another choice, no table, or a table without days says what came, what was expected and what to do.

    A day is never guessed: 03/04/2025 is no 4 March, 20250403 no nanosecond of 1970.
    """
    with pytest.raises(RecordsError) as refused:
        set_apart_supported(snapshots, outcomes, supported, helped)
    for part in (came, "Expected:", "Hint:"):
        assert part in str(refused.value)


@pytest.mark.parametrize(
    "day", ["2022-11-15", date(2022, 11, 15), pd.Timestamp("2022-11-15 00:30", tz="Europe/Paris")]
)
def test_a_start_is_read_in_every_form_of_a_day(
    snapshots: Snapshots,
    outcomes: pd.DataFrame,
    day: Any,
) -> None:
    """Text, date or time stamp, in its own time zone: the same rows are left out."""
    pupil = _stayer(snapshots)
    kept, _ = set_apart_supported(snapshots, outcomes, [{"pupil_id": pupil, "started_on": day}], "censor")
    assert _years(kept, pupil) == [2021, 2023]


def test_supports_of_strangers_are_told(snapshots: Snapshots, outcomes: pd.DataFrame) -> None:
    """Supported pupils of whom none has a row, as after another pseudonymisation, are no silent zero."""
    with pytest.warns(TrainingWarning, match="None of the 2 pupils of supported has a row"):
        set_apart_supported(snapshots, outcomes, _starts(("x", "2022-01-10"), ("y", "2022-01-10")), "exclude")


@pytest.mark.parametrize("helped", ["keep", "censor", "exclude"])
@pytest.mark.parametrize("count", [1, 3, 10, 11, 25])
def test_few_supported_pupils_are_not_counted_in_the_card(
    snapshots: Snapshots, outcomes: pd.DataFrame, helped: Any, count: int
) -> None:
    """Under 11 supported pupils no number is told; from 11 on their rows are, and pupils who give nobody away beside them."""
    rows = snapshots.rows[snapshots.rows["school_year"] == 2023].groupby("pupil_id").size()
    pupils = rows.index[rows == 2][: count - 1].tolist() + rows.index[rows == 1][:1].tolist()
    _, (line,) = set_apart_supported(
        snapshots, outcomes, _starts(*((pupil, "2023-11-15") for pupil in pupils)), helped
    )
    assert len(pupils) == count
    if count < 11:
        assert not any(sign.isdigit() for sign in line)
    else:
        # one of them is there on one date alone: twice the pupils less the rows would be that one
        assert line.startswith(f"{2 * count - 1} lignes d'élèves (effectif masqué) pour qui")


def test_starts_tell_of_few_neither_a_second_one_nor_that_they_have_no_row(
    snapshots: Snapshots, outcomes: pd.DataFrame
) -> None:
    """How many starts are known is told unless it differs by 1 to 10 from the pupils who are counted."""
    rows = snapshots.rows[snapshots.rows["school_year"] == 2023].groupby("pupil_id").size()
    starts = [(pupil, "2023-11-15") for pupil in rows.index[rows == 2][:20]]
    for more, told in (
        ([], True),
        (starts[:4], False),
        ([("gone", "2023-11-15")], False),
        (starts[:12], True),
    ):
        _, (line,) = set_apart_supported(snapshots, outcomes, _starts(*starts, *more), "keep")
        assert line.startswith("40 lignes de 20 élèves pour qui")
        assert (f"({len(starts) + len(more)} débuts de mesure connus)" in line) == told
