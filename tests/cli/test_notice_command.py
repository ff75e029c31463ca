"""The commands ``notice`` and ``thresholds``, and the journal, capacity and feedback options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk.pages import page_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

AS_OF = "2025-03-05"


@pytest.fixture(scope="module")
def scores(extracts: Path, model_folder: Path) -> dr.RiskScores:
    """Score the extracts by the library, everybody explained."""
    return dr.score_pupils(
        dr.PupilRecords.read(extracts), as_of=AS_OF, model=dr.load_model(model_folder), explain="all"
    )


@pytest.mark.parametrize(
    ("form", "method"), [("html", "to_html"), ("md", "to_markdown"), ("json", "to_json")]
)
def test_notices_are_those_of_the_library(
    extracts: Path,
    model_folder: Path,
    tmp_path: Path,
    scores: dr.RiskScores,
    run: Callable[..., Result],
    form: str,
    method: str,
) -> None:
    """Each form holds the bytes that the library writes, for a flagged pupil and for one without a score."""
    flagged = scores.flagged["pupil_id"].iloc[0]
    absent = scores.frame.loc[scores.frame["risk"].isna(), "pupil_id"].iloc[0]
    pupils = ("--pupil", flagged, "--pupil", absent)
    options = ("--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "n", "--format", form)
    result = run("notice", extracts, *options, *pupils)
    assert result.exit_code == 0, result.output
    for pupil in (flagged, absent):
        path = tmp_path / "n" / page_name("notice", pupil, form)
        assert path.read_text(encoding="utf-8") == getattr(dr.notice(scores, pupil), method)()
        assert f"Notice : {path}" in result.stdout.replace("\n", "")


def test_a_notice_of_an_unknown_pupil_is_refused(
    extracts: Path, model_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """Every id that the records do not hold is named, with the option it came by, and nothing is written."""
    pupils = ("--pupil", "nobody", "--pupil", "somebody")
    options = ("--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "n")
    message = refused("notice", extracts, *options, *pupils)
    assert "--pupil nomme 2 élèves inconnus : 'nobody', 'somebody'" in message
    assert "explain" not in message
    assert not (tmp_path / "n").exists()


@pytest.fixture
def one_notice(
    extracts: Path, model_folder: Path, tmp_path: Path, scores: dr.RiskScores
) -> tuple[object, ...]:
    """Give the arguments of the command for the notice of one flagged pupil."""
    pupil = scores.flagged["pupil_id"].iloc[0]
    out = ("--out", tmp_path / "n", "--pupil", pupil)
    return ("notice", extracts, "--as-of", AS_OF, "--model", model_folder, *out)


@pytest.fixture
def written_notice(
    one_notice: tuple[object, ...], tmp_path: Path, run: Callable[..., Result]
) -> Callable[..., str]:
    """Write that notice as JSON with further options, and read it again."""

    def write(*options: str) -> str:
        assert run(*one_notice, *options, "--format", "json").exit_code == 0
        return (tmp_path / "n" / page_name("notice", str(one_notice[-1]), "json")).read_text(encoding="utf-8")

    return write


def test_a_notice_names_the_sources_that_were_given(
    one_notice: tuple[object, ...],
    written_notice: Callable[..., str],
    scores: dr.RiskScores,
    refused: Callable[..., str],
) -> None:
    """``--source`` says where a table comes from, as the library does; a text without a table is refused."""
    written = written_notice("--source", "absences=export A=B", "--source", "grades = bulletins")
    expected = {"absences": "export A=B", "grades": "bulletins"}
    assert written == dr.notice(scores, str(one_notice[-1]), sources=expected).to_json()
    faulty = refused(*one_notice, "--source", "export", "--source", "=x")
    assert "'export', '=x'" in faulty
    assert "sources names the tables 'nope'" in refused(*one_notice, "--source", "nope=x")
    assert "contact=''" in refused(*one_notice, "--contact", "")


def test_a_notice_names_who_processes_and_the_list_by_places(
    one_notice: tuple[object, ...],
    written_notice: Callable[..., str],
    scores: dr.RiskScores,
    refused: Callable[..., str],
) -> None:
    """``--processing`` fills the items of articles 13 and 14, ``--capacity`` says that pupils are compared, as the library does."""
    facts = ("--processing", "dpo=dpo@exemple.fr", "--processing", "retention = un an")
    written = written_notice(*facts, "--capacity", "2")
    expected = {"dpo": "dpo@exemple.fr", "retention": "un an"}
    places = dr.capacity_list(scores, 2)
    again = dr.notice(scores, str(one_notice[-1]), processing=expected, capacity=places)
    assert written == again.to_json()
    assert "NOM=TEXTE" in refused(*one_notice, "--processing", "dpo")
    assert "processing names 'cnil'" in refused(*one_notice, "--processing", "cnil=x")


def test_names_of_notices_are_safe_and_apart() -> None:
    """Whatever the id, the file stays in its folder, and two ids never share a file."""
    names = {page_name("notice", one, "md") for one in ("../a", "a", "a/", "A", "é", "è", "x" * 256)}
    assert len(names) == 7
    assert all("/" not in name and len(name) < 70 for name in names)


@pytest.mark.whole
def test_a_scoring_is_journalled_with_the_hashes_of_its_tables(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result], scores: dr.RiskScores
) -> None:
    """Each run adds one line with the flagged ids and the hash of each table; two runs have the same id."""
    options = (
        "--as-of",
        AS_OF,
        "--model",
        model_folder,
        "--out",
        tmp_path / "s",
        "--journal",
        tmp_path / "j.jsonl",
    )
    for _ in range(2):
        assert run("score", extracts, *options, "--capacity", "1").exit_code == 0
    first, second = dr.Journal(tmp_path / "j.jsonl").entries()
    assert first["run_id"] == second["run_id"]
    assert first["flagged"] == sorted(scores.flagged["pupil_id"])
    assert {"pupils.parquet", "enrolments.parquet", "absences.parquet"} <= set(first["inputs"])


@pytest.mark.whole
def test_the_capacity_list_is_a_file_of_its_own(
    extracts: Path,
    model_folder: Path,
    tmp_path: Path,
    run: Callable[..., Result],
    refused: Callable[..., str],
    scores: dr.RiskScores,
) -> None:
    """``--capacity`` writes what the library lists and says what it leaves out; 0 is refused."""
    options = ("--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s")
    told = run("score", extracts, *options, "--capacity", "2").stdout
    listed = dr.capacity_list(scores, 2)
    written = pd.read_csv(
        tmp_path / "s" / "capacite.csv", sep=";", decimal=",", encoding="utf-8-sig", dtype=str
    )
    assert written["Élève"].str.lstrip("'").tolist() == listed.pupils["pupil_id"].tolist()
    assert listed.text.splitlines()[0] in told
    assert "au moins 1 est attendu" in refused("score", extracts, *options, "--capacity", "0")


@pytest.mark.whole
def test_schools_may_have_places_of_their_own(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result], scores: dr.RiskScores
) -> None:
    """``--capacity N --capacity UAI=N``: the named school has its own number, a number alone goes to all others."""
    options = ("--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s")
    schools = sorted(scores.frame["school_id"].unique())
    for asked, expected in (
        (("3", f"{schools[0]}=1"), dict.fromkeys(schools, 3) | {schools[0]: 1}),
        ((f"{schools[1]}=2",), {schools[1]: 2}),
    ):
        told = run("score", extracts, *options, *(part for one in asked for part in ("--capacity", one)))
        listed = dr.capacity_list(scores, expected)
        assert listed.text in told.stdout
        written = pd.read_csv(tmp_path / "s" / "capacite.csv", sep=";", encoding="utf-8-sig", dtype=str)
        assert len(written) == len(listed.pupils)


@pytest.mark.whole
def test_a_capacity_that_cannot_be_costs_no_scores(
    extracts: Path,
    model_folder: Path,
    tmp_path: Path,
    refused: Callable[..., str],
) -> None:
    """What is no capacity is refused, all at once, before the work, and so is one above a school's size, or of no school."""
    options = ("--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s")
    faulty = [part for text in ("0", "many", "=3", "A=1", "A=2") for part in ("--capacity", text)]
    message = refused("score", extracts, *options, *faulty)
    for came in ("'0' : au moins 1", "'many' n'est ni", "'=3' n'est ni", "'A=2' vient après 1"):
        assert came in message
    journal = ("--journal", tmp_path / "j.jsonl")
    message = refused("score", extracts, *options, *journal, "--capacity", "99999", "--capacity", "X=1")
    assert "dépasse son effectif" in message
    assert "l'établissement 'X' n'a aucun élève inscrit ce jour-là" in message
    assert "dépasse son effectif" in refused("score", extracts, *options, "--capacity-path", "99999")
    assert not list(tmp_path.iterdir())


def test_thresholds_are_shown_and_written(
    model_folder: Path, tmp_path: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    """The command prints a table of 80 columns at most per level group and writes what the library gives."""
    result = run("thresholds", "--model", model_folder, "--csv", tmp_path / "t.csv")
    assert result.exit_code == 0, result.output
    assert "lycée professionnel" in result.stdout
    assert max(len(line) for line in result.stdout.split("\n") if line.startswith(" ")) <= 80
    written = pd.read_csv(tmp_path / "t.csv", sep=";", decimal=",", encoding="utf-8-sig")
    assert len(written) == len(dr.threshold_table(dr.load_model(model_folder)))
    assert run("thresholds", "--model", model_folder, "--by", "level").exit_code == 0
    assert "conseil" in refused("thresholds", "--model", tmp_path).lower()


def test_thresholds_of_the_demonstration_model_are_shown_as_such(run: Callable[..., Result]) -> None:
    """Without a model, as for a score, the bundled one answers, and says that its pupils are synthetic."""
    result = run("thresholds")
    assert result.exit_code == 0, result.output
    assert "élèves synthétiques" in result.stdout


@pytest.mark.slow
def test_training_reads_when_measures_began(
    extracts: Path, tmp_path: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    """``--feedback --helped censor`` leaves out the rows of supported pupils; a row of an unknown pupil is refused."""
    pupils = pd.read_parquet(extracts / "pupils.parquet")["pupil_id"]
    rows = [
        {"pupil_id": pupil, "as_of": "2023-11-05", "measure_started_on": "2023-11-20"}
        for pupil in pupils[::5]
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "feedback.csv", sep=";", index=False)
    options = ("--out", tmp_path / "m", "--feedback", tmp_path / "feedback.csv", "--helped", "censor")
    dates = ("--as-of", "2023-11-05", "--as-of", "2024-11-05")
    result = run("train", extracts, *options, *dates)
    assert result.exit_code == 4, result.output  # small groups: fairness was not measured
    assert json.loads((tmp_path / "m" / "manifest.json").read_text(encoding="utf-8"))["trained_on"][
        "left_out"
    ]
    assert "laissées de côté (issue censurée)" in (tmp_path / "m" / "card.md").read_text(encoding="utf-8")

    pd.DataFrame([{**rows[0], "pupil_id": "nobody"}]).to_csv(tmp_path / "feedback.csv", sep=";", index=False)
    assert "unknown_pupil" in refused("train", extracts, *options, *dates)
