"""Laws on what ``make_cohort`` refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from decrochage_risk.errors import RecordsError
from decrochage_risk.synthetic import make_cohort, write_cohort

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {"pupils": 5, "school_years": [2024], "seed": 0}


@pytest.mark.parametrize(
    ("bad", "expected", "hint"),
    [
        ({"pupils": 0}, "a whole number from 1", "Grand Est"),
        ({"pupils": -3}, "a whole number from 1", "Grand Est"),
        ({"pupils": 2.5}, "a whole number from 1", "Grand Est"),
        ({"pupils": True}, "a whole number from 1", "Grand Est"),
        ({"pupils": 10**9}, "a whole number from 1", "Grand Est"),
        ({"seed": -1}, "0 or more", "same seed"),
        ({"seed": None}, "0 or more", "same seed"),
        ({"school_years": 2024}, "a list of whole numbers", r"\[2024\]"),
        ({"school_years": []}, "one or more whole numbers", "2024-2025"),
        ({"school_years": ["2024"]}, "one or more whole numbers", "2024-2025"),
        ({"school_years": [2022, 2024]}, "consecutive", r"\[2022, 2023, 2024\]"),
        ({"school_years": [2024, 2023]}, "consecutive", r"\[2023, 2024\]"),
        ({"school_years": [2024, 2024]}, "consecutive", r"\[2024\]"),
        ({"school_years": [1999]}, "2017 to", "from_csv"),
        ({"school_years": [2050]}, "2017 to", "from_csv"),
        ({"difficulty": "easy"}, "observable, realistic, hard", "records show"),
        ({"youngest": "4e"}, "6e, 3e", "208,000"),
    ],
)
def test_bad_argument_is_refused(bad: dict[str, Any], expected: str, hint: str) -> None:
    """The message says which value came, what was expected, and what to do."""
    (name,) = bad
    with pytest.raises(
        RecordsError, match=rf"(?s)^{name}=.*Expected: .*{expected}.*Hint: .*{hint}"
    ) as caught:
        make_cohort(**{**GOOD, **bad})
    assert repr(bad[name]) in str(caught.value)


@pytest.mark.parametrize("regimes", ["drift", ["prior_shift", "drift"]])
def test_unknown_regime_is_refused(regimes: str | list[str]) -> None:
    """The message names the regime that is not known, and those that are."""
    with pytest.raises(RecordsError, match=r"(?s)unknown 'drift'.*Expected: .*concept_drift.*Hint: .*last"):
        make_cohort(**GOOD, regimes=regimes)


def test_unknown_file_format_is_refused(tmp_path: Path) -> None:
    """Writing asks for Parquet or CSV, and makes no file otherwise."""
    with pytest.raises(RecordsError, match=r"(?s)file_format='xlsx'.*Expected: one of parquet, csv.*Hint: "):
        make_cohort(**GOOD).write(tmp_path / "out", "xlsx")  # type: ignore[arg-type]  # that is the point
    with pytest.raises(RecordsError, match=r"file_format='xlsx'"):
        write_cohort(tmp_path / "out", **GOOD, file_format="xlsx")  # type: ignore[arg-type]  # same
    assert not (tmp_path / "out").exists()


def test_all_bad_arguments_are_told_at_once() -> None:
    """Nobody corrects one argument to learn of the next."""
    with pytest.raises(RecordsError, match=r"(?s)pupils=0.*seed=-1.*difficulty='easy'.*youngest='4e'"):
        make_cohort(0, [2024], -1, "easy", youngest="4e")


def test_a_cohort_replaces_an_earlier_one_as_a_whole(tmp_path: Path) -> None:
    """No table of an earlier cohort outlives it, in either format; a file that is no table stays."""
    (tmp_path / "notes.txt").write_text("kept")
    make_cohort(5, [2024], 0).write(tmp_path, "csv")
    (tmp_path / "coverage.parquet").touch()
    written = make_cohort(5, [2024], 1).write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["notes.txt", *(path.name for path in written)]
    )


def test_tables_that_are_no_cohort_are_never_written_over(tmp_path: Path) -> None:
    """A folder of real extracts is refused untouched."""
    (tmp_path / "absences.csv").write_text("real")
    with pytest.raises(RecordsError, match=r"(?s)absences\.csv.*no synthetic cohort.*Hint: .*real extracts"):
        make_cohort(5, [2024], 0).write(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["real"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A path that is a file, or inside one, is refused in plain words."""
    (tmp_path / "c").touch()
    for target in (tmp_path / "c", tmp_path / "c" / "inside"):
        with pytest.raises(RecordsError, match=r"(?s)is a file.*Expected: a folder.*Hint: "):
            make_cohort(5, [2024], 0).write(target)
