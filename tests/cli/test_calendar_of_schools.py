"""From the command line: the holidays are those of the place where the schools lie, and the choice is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk import SchoolCalendar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

AS_OF = "2025-03-05"
ZONE_A, ZONE_B, REUNION = "0690001B", "0671234C", "9740001H"


def extracts(folder: Path, schools: list[str], *, year: int = 2024, form: str = "parquet") -> Path:
    """Write a pupil per school, with a day of absence each."""
    folder.mkdir()
    stay = {"school_year": year, "level": "4e", "start_date": f"{year}-09-02"}
    ids = [f"a{number}" for number in range(len(schools))]
    absence = {"half_days": 1, "kind": "absence", "justified": False, "date": f"{year}-11-12"}
    tables: dict[str, list[dict[str, object]]] = {
        "pupils": [{"pupil_id": pupil} for pupil in ids],
        "enrolments": [
            stay | {"pupil_id": pupil, "school_id": school}
            for pupil, school in zip(ids, schools, strict=True)
        ],
        "absences": [absence | {"pupil_id": pupil} for pupil in ids],
    }
    for name, rows in tables.items():
        frame = pd.DataFrame(rows)
        if form == "csv":
            frame.to_csv(folder / f"{name}.csv", sep=";", index=False)
        else:
            frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("school", "place", "words"), [(REUNION, "Réunion", "Réunion"), (ZONE_A, "A", "zone A")]
)
def test_schools_of_one_place_have_its_holidays(
    tmp_path: Path, run: Callable[..., Result], school: str, place: str, words: str, form: str
) -> None:
    """Without an option: no school is of another zone, the first line says the calendar, and run.json names it."""
    folder = extracts(tmp_path / "extraits", [school, school, "0990001N"], form=form)
    checked = run("check", folder)
    assert f"Calendrier : {words}, d'après les numéros des établissements" in checked.stdout
    assert "other_zone" not in checked.stdout
    done = run("score", folder, "--as-of", AS_OF, "--out", tmp_path / "s", "--signals-only")
    assert done.exit_code == 0, done.output
    facts = json.loads((tmp_path / "s" / "run.json").read_text(encoding="utf-8"))
    assert facts["calendar_version"] == SchoolCalendar.for_zone(place).version


def test_what_was_asked_for_and_what_is_not_certain_choose_nothing(
    tmp_path: Path, run: Callable[..., Result]
) -> None:
    """An option, a calendar of the folder, several places and years that the place's calendar lacks: zone B or what was given."""
    folder = extracts(tmp_path / "un", [REUNION])
    assert "Calendrier : " not in run("check", folder, "--zone", "B").stdout
    SchoolCalendar.for_zone("C").to_csv(folder / "calendar.csv")
    assert "Calendrier : " not in run("check", folder).stdout
    several = run("check", extracts(tmp_path / "deux", [REUNION, ZONE_B])).stdout
    assert "Calendrier : " not in several
    assert "other_zone" in several
    assert "Calendrier : " not in run("check", extracts(tmp_path / "avant", [REUNION], year=2019)).stdout
    assert "Calendrier : " not in run("check", extracts(tmp_path / "b", [ZONE_B])).stdout


def test_a_folder_that_cannot_be_read_is_told_by_the_reading(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    """Looking for the place never hides what is wrong with the folder, and has no error of its own."""
    folder = tmp_path / "extraits"
    folder.mkdir()
    assert "est vide" in refused("check", folder)
    (folder / "enrolments.parquet").write_bytes(b"PAR1 and nothing else")
    assert "enrolments.parquet" in refused("check", folder)
