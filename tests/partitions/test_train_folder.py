"""Training on a folder: the same bytes at once and in parts, also after a run that was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from decrochage_risk.errors import (
    AsOfError,
    FaultyRecordsError,
    NotEnoughDataError,
    RecordsError,
    TrainingWarning,
)
from decrochage_risk.partitions import train_folder, train_on_folder
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.risk import FitOptions
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import train_model

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.model import TrainedModel

pytestmark = pytest.mark.whole

OPTIONS = FitOptions(max_rounds=10, members=2, linear_share=0.5, penalty=100.0)
NAMES = ("pupils", "enrolments", "absences", "grades", "orientation", "outcomes")
DAYS = ["2022-11-05", "2023-03-05", "2024-03-05"]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Draw a cohort of two school years."""
    return make_cohort(500, [2022, 2023], seed=3).tables


@pytest.fixture
def extracts(tables: dict[str, pd.DataFrame], tmp_path: Path) -> Path:
    """Write it as Parquet."""
    folder = tmp_path / "extraits"
    folder.mkdir()
    for name in NAMES:
        tables[name].to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def train(folder: Path, **choices: Any) -> TrainedModel:
    """Train a tiny model."""
    return train_folder(folder, **{"options": OPTIONS, "as_of_dates": DAYS} | choices)


def files_of(model: TrainedModel, folder: Path) -> dict[str, bytes]:
    """Save a model, and give its files."""
    model.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_parts_give_the_same_bytes(extracts: Path, tmp_path: Path) -> None:
    """The saved model is the same byte for byte, card and report too, whatever the number of parts."""
    records = PupilRecords.read(extracts)
    expected = files_of(train_model(records, as_of_dates=DAYS, options=OPTIONS), tmp_path / "records")
    for parts in (1, 3):
        assert files_of(train(extracts, partitions=parts), tmp_path / str(parts)) == expected


@pytest.mark.slow
def test_default_dates_and_odd_rows_are_those_of_the_whole(
    extracts: Path, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """Without dates, with faulty and odd rows set aside or kept, and with a short year, parts give the same bytes."""
    grades = tables["grades"].copy()
    grades.loc[grades.index[:30], "value"] = 99.0
    pd.concat([grades, grades.tail(20)]).to_parquet(extracts / "grades.parquet", index=False)
    tables["absences"].drop(columns="justified_on").to_parquet(extracts / "absences.parquet", index=False)
    found = []
    for parts in (1, 4):
        with pytest.warns(TrainingWarning, match="justified_on"):
            done = train_on_folder(
                extracts,
                on_fault="quarantine",
                calendar=None,
                partitions=parts,
                work=None,
                progress=lambda _line: None,
                options=OPTIONS,
            )
        found.append((files_of(done.model, tmp_path / str(parts)), done.errors, done.warnings))
    assert found[0] == found[1]
    assert found[0][1] == 30


class _StoppedError(Exception):
    """Stands for whatever stops a run."""


@pytest.mark.slow
def test_a_stopped_run_goes_on(extracts: Path, tmp_path: Path) -> None:
    """Parts whose rows were taken are not read again, and the model is that of a run that was not stopped."""
    lines: list[str] = []

    def stop(line: str) -> None:
        if "(3/4)" in line and line.startswith("Situations"):
            raise _StoppedError

    with pytest.raises(_StoppedError):
        train(extracts, partitions=4, work=tmp_path / "w", progress=stop)
    again = train(extracts, partitions=4, work=tmp_path / "w", progress=lines.append)
    assert not any(line.startswith("Répartition") for line in lines)
    assert again.sha256 == train(extracts, partitions=1).sha256
    assert not (tmp_path / "w").exists()


@pytest.mark.slow
def test_another_day_starts_again(extracts: Path, tmp_path: Path) -> None:
    """Rows of other dates are never used."""

    def stop(line: str) -> None:
        if "(2/2)" in line and line.startswith("Situations"):
            raise _StoppedError

    with pytest.raises(_StoppedError):
        train(extracts, partitions=2, work=tmp_path / "w", progress=stop)
    days = ["2022-11-06", *DAYS[1:]]
    again = train(extracts, partitions=2, work=tmp_path / "w", as_of_dates=days)
    assert again.sha256 == train(extracts, partitions=1, as_of_dates=days).sha256


def test_errors_are_those_of_the_whole(
    extracts: Path, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """Dates that nobody is known on, too few rows, missing outcomes and faults are the same errors; faults come first."""
    for kind, choices in (
        (AsOfError, {"as_of_dates": ["2021-09-02"]}),
        (NotEnoughDataError, {"school_years": [2035], "as_of_dates": None}),
    ):
        messages = []
        for parts in (1, 3):
            with pytest.raises(kind) as refused:
                train(extracts, partitions=parts, work=tmp_path / "w", **choices)
            messages.append(str(refused.value))
        assert messages[0] == messages[1]
        assert not (tmp_path / "w").exists()
    (extracts / "outcomes.parquet").unlink()
    for parts in (1, 3):
        with pytest.raises(RecordsError, match="There is no outcomes table"):
            train(extracts, partitions=parts)
    tables["grades"].assign(value=99.0).head(5).to_parquet(extracts / "grades.parquet", index=False)
    for parts in (1, 3):
        with pytest.raises(FaultyRecordsError, match="5 errors"):
            train(extracts, partitions=parts)


def test_a_folder_of_something_else_is_never_emptied(extracts: Path, tmp_path: Path) -> None:
    """A working folder that holds anything else is refused, and stays as it is."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("mine", encoding="utf-8")
    for place in (own, own / "thesis.txt"):
        with pytest.raises(RecordsError, match="no work in progress"):
            train(extracts, partitions=2, work=place)
    assert (own / "thesis.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_shifted_school_years_are_refused_in_parts_too(
    extracts: Path, tables: dict[str, pd.DataFrame], parts: int
) -> None:
    """Undated outcomes of another school year are refused in the same words, whatever the number of parts."""
    shifted = tables["outcomes"].drop(columns="date")
    shifted.assign(school_year=shifted["school_year"] - 1).to_parquet(
        extracts / "outcomes.parquet", index=False
    )
    with pytest.raises(RecordsError) as caught:
        train(extracts, partitions=parts)
    with pytest.raises(RecordsError) as expected:
        outcomes_for(PupilRecords.read(extracts))
    assert str(caught.value) == str(expected.value)


def test_outcomes_apart_are_no_table_of_the_parts(extracts: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Parts label their pupils by the outcomes of the folder: a table given apart is refused, not passed over."""
    with pytest.raises(RecordsError, match="records in parts, which read their own"):
        train(extracts, partitions=3, outcomes=tables["outcomes"])
