"""The command ``score``."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.score.digest import SHOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

AS_OF = "2025-03-05"


@pytest.fixture
def own(extracts: Path, tmp_path: Path) -> Path:
    """Copy the extracts, to be spoilt."""
    return shutil.copytree(extracts, tmp_path / "extraits")


@pytest.fixture(scope="module")
def expected(extracts: Path, model_folder: Path) -> dr.RiskScores:
    """Score the extracts by the library."""
    return dr.score_pupils(dr.PupilRecords.read(extracts), as_of=AS_OF, model=dr.load_model(model_folder))


def test_score_writes_what_the_library_computes(
    extracts: Path, model_folder: Path, tmp_path: Path, expected: dr.RiskScores, run: Callable[..., Result]
) -> None:
    """The files hold the scores of the library to the bit, and the summary its counts."""
    result = run("score", extracts, "--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    written = pd.read_parquet(tmp_path / "s" / "scores.parquet")
    assert written["pupil_id"].tolist() == expected.frame["pupil_id"].tolist()
    assert written["risk"].equals(expected.frame["risk"])
    assert expected.summary in result.stdout
    assert f"Modèle : {dr.load_model(model_folder).model_id}\n" in result.stdout
    lists = {path.stem for path in (tmp_path / "s" / "listes").glob("*.csv")}
    assert lists == {
        f"{school}_{words}"
        for words in ("risque", "seuil-legal", "sorties")
        for school in expected.frame["school_id"].dropna()
    }


def test_table_is_readable_in_a_pipe(
    extracts: Path, model_folder: Path, tmp_path: Path, expected: dr.RiskScores, run: Callable[..., Result]
) -> None:
    """The table fits 80 columns without colour codes, in the order of classes, and tells the first reason of each."""
    told = run("score", extracts, "--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s").stdout
    assert "\x1b" not in told
    table = [line for line in told.split("\n") if line.startswith(" ")]
    assert max(map(len, table)) <= 80
    shown = expected.flagged["pupil_id"].head(SHOWN).tolist()
    assert len(shown) > 1
    assert [word for line in table for word in line.split()[:1] if word in set(shown)] == shown
    words = " ".join(line[41:].strip() for line in table).replace(french.NO_BREAK_SPACE, " ")
    for pupil in shown:
        for reason in (*expected[pupil].reasons, *expected[pupil].protective):
            assert " ".join(reason.text.replace(french.NO_BREAK_SPACE, " ").split()) in " ".join(
                words.split()
            )


@pytest.mark.whole
def test_every_cause_without_score_is_counted(
    extracts: Path, model_folder: Path, tmp_path: Path, expected: dr.RiskScores, run: Callable[..., Result]
) -> None:
    """Pupils without a score are counted by cause in the summary."""
    told = run("score", extracts, "--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s").stdout
    counts = expected.frame["cause"].value_counts()
    assert len(counts)
    for cause, count in counts.items():
        assert f"sans score : {french.plural(int(count), 'élève')}, {cause}\n" in told


@pytest.mark.whole
def test_parts_print_and_write_the_same(
    own: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """With --partitions the files are the same and the summary too, faults and notes included; their number is told."""
    grades = pd.read_parquet(own / "grades.parquet")
    grades.loc[:3, "value"] = 99.0
    grades.to_parquet(own / "grades.parquet", index=False)
    (own / "notes.txt").write_text("rien", encoding="utf-8")
    told = {}
    for parts in (1, 3):
        options = ["--model", model_folder, "--on-fault", "quarantine", "--partitions", parts]
        result = run("score", own, "--as-of", AS_OF, "--out", tmp_path / "s", *options)
        assert result.exit_code == 0, result.output
        files = {path.name: path.read_bytes() for path in (tmp_path / "s").rglob("*") if path.is_file()}
        told[parts] = (result.stdout.replace("Élèves traités en 3 parties.\n", ""), files)
    assert "Élèves traités en 3 parties." in result.stdout
    assert "Fichiers non lus : notes.txt" in result.stdout
    assert told[1] == told[3]


@pytest.mark.parametrize("parts", ["0", "1000", "deux"])
def test_a_number_of_parts_out_of_range_is_refused(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result], parts: str
) -> None:
    """No part, more parts than files may be open, and words are refused."""
    options = ["--model", model_folder, "--out", tmp_path / "s", "--partitions", parts]
    assert run("score", extracts, "--as-of", AS_OF, *options).exit_code == 2
    assert not (tmp_path / "s").exists()


def test_without_model_the_demonstration_one_says_so(
    extracts: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """Scores of the bundled model are called a demonstration on both streams."""
    result = run("score", extracts, "--as-of", AS_OF, "--out", tmp_path / "s", "--explain", "none")
    assert result.exit_code == 0, result.output
    assert "Attention : Modèle de démonstration" in result.stderr
    assert ", de démonstration\n" in result.stdout
    assert "motifs non demandés" in result.stdout


@pytest.mark.parametrize("options", [[], ["--signals-only"]])
def test_an_extract_of_last_year_is_said_before_its_departures_are_believed(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result], options: list[str]
) -> None:
    """Where nobody is enrolled on the day, the last line says that enrolments are missing, not that everybody left."""
    model = [] if options else ["--model", model_folder]
    result = run("score", extracts, "--as-of", "2025-11-05", "--out", tmp_path / "s", *model, *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].startswith(
        "Attention : aucun élève n'est inscrit au 5 novembre 2025"
    )


@pytest.mark.parametrize("options", [[], ["--partitions", "3"], ["--signals-only"]])
def test_a_school_without_enrolments_of_this_year_is_said_last(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result], options: list[str]
) -> None:
    """Where one school alone did not send this year's enrolments, the last line names it and how many would have left."""
    folder = tmp_path / "extraits"
    shutil.copytree(extracts, folder)
    rows = pd.read_parquet(folder / "enrolments.parquet")
    this_year = rows["school_year"] == 2024
    school = rows.loc[this_year, "school_id"].value_counts().index[0]
    rows[~(this_year & (rows["school_id"] == school))].to_parquet(folder / "enrolments.parquet")
    model = [] if "--signals-only" in options else ["--model", model_folder, "--explain", "none"]
    result = run("score", folder, "--as-of", AS_OF, "--out", tmp_path / "s", *model, *options)
    assert result.exit_code == 0, result.output
    (line,) = (line for line in result.stdout.splitlines() if "dont tous les élèves de l'an dernier" in line)
    away = pd.read_parquet(
        tmp_path / "s" / ("signals.parquet" if "--signals-only" in options else "scores.parquet")
    )
    gone = ((away["school_id"] == school) & (away["departure"] == "not_returned")).sum()
    assert gone >= 10
    assert f"{school} ({gone} élèves)" in line
    assert "Nobody is enrolled" not in result.output


def test_out_is_named_after_the_day_by_default(
    extracts: Path,
    model_folder: Path,
    tmp_path: Path,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without --out the files go to out/ and the day."""
    monkeypatch.chdir(tmp_path)
    run("score", extracts, "--as-of", AS_OF, "--model", model_folder)
    assert (tmp_path / "out" / AS_OF / "scores.parquet").is_file()


def test_excluded_pupils_come_back_without_score(
    extracts: Path, model_folder: Path, tmp_path: Path, expected: dr.RiskScores, run: Callable[..., Result]
) -> None:
    """Pupils of the list come back as refused, and an id that nobody has is told last of all."""
    refusing = expected.flagged["pupil_id"].tolist()[:2]
    ids = tmp_path / "opposition.txt"
    ids.write_text("\ufeff" + "\r\n".join([*refusing, "", "inconnu"]), encoding="utf-8")
    options = ["--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s", "--exclude", ids]
    result = run("score", extracts, *options)
    written = pd.read_parquet(tmp_path / "s" / "scores.parquet").set_index("pupil_id")
    assert set(written.index[written["cause"] == "traitement refusé"]) == set(refusing)
    assert "sans score : 2 élèves, traitement refusé" in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith(
        "Attention : 1 identifiant de la liste d'opposition dans aucune table : 'inconnu'."
    )


def test_faulty_records_are_refused_or_set_aside(
    own: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    """By default every fault is told and nothing written; with quarantine what was set aside is counted."""
    grades = pd.read_parquet(own / "grades.parquet")
    grades.loc[:3, "value"] = 99.0
    grades.to_parquet(own / "grades.parquet", index=False)
    options = [own, "--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s"]
    message = refused("score", *options)
    assert "4 erreurs dans les données" in message
    assert "--on-fault quarantine" in message
    assert not (tmp_path / "s").exists()
    result = run("score", *options, "--on-fault", "quarantine")
    assert result.exit_code == 0
    assert "Lignes mises de côté : 4 erreurs." in result.stdout


def test_own_policy_is_used(
    extracts: Path, model_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """With thresholds that nobody reaches, no situation is to be looked at, and that is said."""
    from importlib.resources import files  # noqa: PLC0415 - only here

    bundled = (files("decrochage_risk.policy") / "vigilance.toml").read_text(encoding="utf-8")
    lines = [
        "targeted = 0.998"
        if line.startswith("targeted")
        else "secured = 0.999"
        if line.startswith("secured")
        else line
        for line in bundled.split("\n")
    ]
    own = tmp_path / "seuils.toml"
    own.write_text("\n".join(lines), encoding="utf-8")
    options = ["--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s", "--policy", own]
    result = run("score", extracts, *options)
    assert result.exit_code == 0, result.output
    assert "Aucune situation n'atteint un seuil" in result.stdout


@pytest.mark.parametrize(
    ("options", "came"),
    [
        (["--as-of", "05/03/2025"], "'05/03/2025' (str) n'est pas un jour"),
        (["--as-of", "2025-02-30"], "'2025-02-30' (str) n'est pas un jour"),
        (["--as-of", "1990-01-01"], "1990-01-01"),
        (["--as-of", "2060-01-01"], "2060"),
        (["--as-of", AS_OF, "--model", "nulle-part"], "Le dossier nulle-part n'existe pas"),
        (["--as-of", AS_OF, "--exclude", "nulle-part.txt"], "nulle-part.txt ne peut pas être lue"),
        (["--as-of", AS_OF, "--policy", "nulle-part.toml"], "nulle-part.toml"),
        (["--as-of", AS_OF, "--zone", "D"], "La zone 'D' n'existe pas"),
    ],
)
def test_what_cannot_be_used_is_refused(
    options: list[str],
    came: str,
    extracts: Path,
    model_folder: Path,
    tmp_path: Path,
    refused: Callable[..., str],
) -> None:
    """A bad date, model, list, policy or zone is refused with what came, and nothing is written."""
    model = [] if "--model" in options else ["--model", model_folder]
    assert came in refused("score", extracts, *model, "--out", tmp_path / "s", *options)
    assert not (tmp_path / "s").exists()


def test_tampered_model_is_refused(
    extracts: Path, model_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """A model of which one byte was edited is refused, and the file is named."""
    own = shutil.copytree(model_folder, tmp_path / "modele")
    (own / "card.md").write_text("autre", encoding="utf-8")
    assert "card.md" in refused("score", extracts, "--as-of", AS_OF, "--model", own, "--out", tmp_path / "s")


def test_missing_folder_and_target_that_is_a_file(
    extracts: Path, model_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """Extracts that are not there, and a target that is a file, are refused."""
    file = tmp_path / "s"
    file.touch()
    options = ["--as-of", AS_OF, "--model", model_folder]
    assert "n'existe pas" in refused("score", tmp_path / "rien", *options, "--out", tmp_path / "t")
    assert f"{file} est un fichier" in refused("score", extracts, *options, "--out", file)


@pytest.mark.parametrize("option", ["--explain", "--on-fault"])
def test_unknown_choices_name_the_known_ones(option: str, extracts: Path, run: Callable[..., Result]) -> None:
    """A value outside a list of choices is a usage error that names the choices."""
    result = run("score", extracts, "--as-of", AS_OF, option, "peut-être")
    assert result.exit_code == 2
    assert "peut-être" in result.stderr
    assert ("flagged" if option == "--explain" else "quarantine") in result.stderr


def test_a_list_of_ids_that_is_no_text_is_refused(
    extracts: Path, model_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """A list in another encoding is refused rather than read wrongly."""
    ids = tmp_path / "ids.txt"
    ids.write_bytes(b"\xe9l\xe8ve")
    options = ["--as-of", AS_OF, "--model", model_folder, "--out", tmp_path / "s", "--exclude", ids]
    assert "(il n'est pas en UTF-8)" in refused("score", extracts, *options)
