"""Laws of the features, levels and calendars that a package of one's own declares, each in a process that has it or has it not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from decrochage_risk.records.levels import STAND_INS

HERE = Path(__file__).resolve().parent
INSTALLED = HERE / "installed"
SRC = HERE.parents[1] / "src"

FEATURES = """
from decrochage_risk.features.definition import NOT_TOLD, Feature
from decrochage_risk.features.windows import YEAR
from decrochage_risk.features.wording import Wording

FEATURES = [
    Feature(name=name, family=NOT_TOLD, table="absences", window=YEAR, unit="events", direction=0, definition="", compute=len,
            wording=Wording("{value}"), source="")
    for name in NAMES
]
"""


def run(*command: str, paths: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run Python with packages on its path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (SRC, *paths)))}
    return subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, *command], capture_output=True, text=True, env=environment, check=False
    )


def package(folder: Path, *, features: str = "", levels: str = "", calendars: str = "") -> Path:
    """Write an installed package."""
    (folder / "mine").mkdir()
    (folder / "mine" / "__init__.py").write_text(features, encoding="utf-8")
    (folder / "mine" / "levels.toml").write_text(levels, encoding="utf-8")
    (folder / "mine" / "calendars.toml").write_text(calendars, encoding="utf-8")
    info = folder / "mine-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n", encoding="utf-8")
    lines = ["[decrochage_risk.features]", "mine = mine:FEATURES"] if features else []
    lines += ["[decrochage_risk.levels]", "mine = mine:levels.toml"] if levels else []
    lines += ["[decrochage_risk.calendars]", "mine = mine:calendars.toml"] if calendars else []
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_features_and_a_level_of_ones_own_train_save_load_and_explain(tmp_path: Path) -> None:
    """A model of two own features and one own level is trained, saved, loaded elsewhere, scores with reasons; without the package it is refused by name."""
    trained = run(str(HERE / "own_model.py"), "train", str(tmp_path / "model"), paths=(INSTALLED,))
    assert trained.returncode == 0, trained.stderr
    pin = trained.stdout[-64:]
    scored = run(str(HERE / "own_model.py"), "score", str(tmp_path / "model"), pin, paths=(INSTALLED,))
    assert scored.returncode == 0, scored.stderr
    facts = json.loads(scored.stdout)
    assert facts["columns"] == ["agri_lateness_4w", "agri_unjustified_days_year"]
    assert "2de_agri" in facts["levels"]
    assert facts["scored"] > 0
    assert facts["flag_rule"]
    assert facts["labels"] == ["Vie à l'internat et à l'exploitation"]
    assert any("travaux pratiques" in text or "exploitation" in text for text in facts["reasons"])
    refused = run(
        "-c", "import sys, decrochage_risk as dr; dr.load_model(sys.argv[1])", str(tmp_path / "model")
    )
    assert refused.returncode == 1
    for name in ("agri_lateness_4w", "2de_agri"):
        assert name in refused.stderr
    assert "install" in refused.stderr


def test_forbidden_and_faulty_features_are_refused_by_name(tmp_path: Path) -> None:
    """Features that stand for sex, origin, address, health, scholarship or the school, or that are there already, are all named at once."""
    names = [
        "sex_of_pupil",
        "address_zone",
        "scholarship",
        "school_id",
        "ulis",
        "absence_rate_year",
        "Count",
        "fine",
    ]
    folder = package(tmp_path, features=f"NAMES = {names}\n{FEATURES}")
    refused = run("-c", "import decrochage_risk.features", paths=(folder,))
    assert refused.returncode == 1
    assert "ModelError" in refused.stderr
    for name in names[:-1]:
        assert f"{name!r}" in refused.stderr
    assert "'fine'" not in refused.stderr


def test_faulty_levels_are_refused_by_name(tmp_path: Path) -> None:
    """Levels that are there already, stand for a disability or a language, or lean on nothing known, are all named at once."""
    rows = [
        ("4e", "4e", "college", "4e"),
        ("ulis_4e", "ULIS", "college", "4e"),
        ("upe2a", "UPE2A", "college", "4e"),
        ("bts", "BTS", "superieur", "tle_pro"),
        ("mc", "MC", "pro", "cap9"),
    ]
    text = "\n".join(
        f'[[levels]]\nname = "{name}"\nlabel = "{label}"\npathway = "{pathway}"\nnormal_age = 15\nmefstat4 = []\nlike = "{like}"'
        for name, label, pathway, like in rows
    )
    refused = run("-c", "import decrochage_risk.records", paths=(package(tmp_path, levels=text),))
    assert refused.returncode == 1
    for said in (
        "level '4e' is there already",
        "'ulis_4e' stands for 'ulis'",
        "'upe2a' stands for",
        "'superieur'",
        "'cap9'",
    ):
        assert said in refused.stderr


@pytest.mark.whole
def test_a_level_of_ones_own_shares_the_policy_of_the_usual_one() -> None:
    """A level that no policy names has the thresholds and measures of the level it is like, and its own label and pathway."""
    code = """
from decrochage_risk.policy import load_policy
from decrochage_risk.records.levels import FROM_4E, LEVELS, LYCEE, PATHWAY_LABELS, level_of_mefstat4
own, policy = level_of_mefstat4("23910000001"), load_policy()
assert own is LEVELS[-1] and own.name == "2de_agri" and own.usual_pathway == "pro", own
assert PATHWAY_LABELS["agricole"] == "enseignement agricole"
assert own.name in FROM_4E & LYCEE
assert policy.table.group_of("2de_agri") == policy.table.group_of("2de_pro")
from decrochage_risk.records import PupilRecords
stay = {"pupil_id": "a", "school_year": 2024, "school_id": "0670001M", "level": "2de_agri", "start_date": "2024-09-02"}
assert len(PupilRecords(pupils=[{"pupil_id": "a"}], enrolments=[stay])) == 1
"""
    answer = run("-c", code, paths=(INSTALLED,))
    assert answer.returncode == 0, answer.stderr


def test_a_calendar_of_ones_own_is_taken_by_name_and_renews_a_bundled_one() -> None:
    """A package's calendar is a zone of its schools, with its vacations; one of a bundled name takes that one's place; others stay."""
    code = """
from decrochage_risk.school_year import SchoolCalendar, zone_of_school
agri, mayotte = SchoolCalendar.for_zone("agri"), SchoolCalendar.for_zone("Mayotte")
assert (agri.official_zone, agri.known_years) == ("Agri", (2023,))
assert [agri.half_days(day) for day in ("2024-02-09", "2024-02-12", "2024-02-26", "2024-05-10", "2024-08-30")] == [2, 0, 2, 0, 0]
assert (mayotte.known_years, mayotte.half_days("2027-04-27")) == ((2026,), 0)  # abolition of slavery there
assert SchoolCalendar.for_zone("Guyane").known_years == (2022, 2023, 2024, 2025)
assert (zone_of_school("9880001X"), zone_of_school("9760001X"), zone_of_school("9870001X")) == ("Agri", "Mayotte", "outre-mer")
from decrochage_risk.records import PupilRecords
stay = {"pupil_id": "a", "school_year": 2026, "school_id": "9760127J", "level": "2de_gt", "start_date": "2026-09-01"}
tables = {"pupils": [{"pupil_id": "a"}], "enrolments": [stay]}
said = [("enrolments", "other_zone") in PupilRecords(**tables, calendar=each).faults.counts for each in (mayotte, None)]
assert said == [False, True], said
"""
    answer = run("-c", code, paths=(INSTALLED,))
    assert answer.returncode == 0, answer.stderr


def test_faulty_calendars_are_refused_by_name(tmp_path: Path) -> None:
    """Every fault of the calendars of a package is named at once: no source, a zone's name, days that are none, spans that overlap."""
    rows = [
        ("A", '["974"]', "2025-08-31", "[[2024-10-12, 2024-10-28]]"),
        (
            "Bad",
            '["97"]',
            "2025-08-31",
            '[[2024-10-28, 2024-10-12], [2024-12-19], ["2025-03-01", 2025-03-17]]',
        ),
        ("Short", '["974"]', "2025-07-04", "[[2024-10-12, 2024-10-28], [2024-10-26, 2024-11-04]]"),
        ("Typed", "974", "2025-08-31", "[]"),
    ]
    text = "\n".join(
        f'[[calendars]]\nname = "{name}"\ndepartments = {departments}\nfirst_day = 2024-09-01\nlast_day = {last}\nholidays = {off}'
        for name, departments, last, off in rows
    )
    refused = run(
        "-c",
        "from decrochage_risk.school_year import SchoolCalendar as C; C.for_zone('Corse')",
        paths=(package(tmp_path, calendars=text),),
    )
    assert refused.returncode == 1
    assert "CalendarError" in refused.stderr
    for said in (
        "names no source",
        "calendar 'A' is there already",
        "'97' is no beginning of a school number",
        "[datetime.date(2024, 12, 19)] is not a last day of class",
        "begin before the return of 2024-10-28",
        "2024-09-01 to 2025-07-04 holds no whole school year",
        "calendar 'Typed': departments missing",
    ):
        assert said in refused.stderr
    assert refused.stderr.count("is not a last day of class") == 3


@pytest.mark.parametrize(
    "name", ["absence_rate_year", "grade_mean", "sexton_mark", "path", "late_at_school", "agri_lateness_4w"]
)
def test_ordinary_names_stand_for_nobody(name: str) -> None:
    """Words that only begin like a forbidden one are no stand-ins."""
    assert STAND_INS.search(name) is None
