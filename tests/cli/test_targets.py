"""What a command may write over: never what it reads, never results of another kind, and nothing when it is refused."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

AS_OF = ("--as-of", "2025-03-05")


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def own(extracts: Path, tmp_path: Path) -> Path:
    """Copy the extracts beside all that a command may be given."""
    (tmp_path / "modele").mkdir()
    (tmp_path / "modele" / "manifest.json").write_text("{}", encoding="utf-8")
    for name in ("scores", "sub", "exports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one").write_text("mine", encoding="utf-8")
    for name in ("j.jsonl", "calendar.csv", "noms.csv", "cle"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    return shutil.copytree(extracts, tmp_path / "tables")


@pytest.mark.parametrize(
    "words",
    [
        "score tables --as-of 2025-03-05 --out tables",
        "score tables --as-of 2025-03-05 --out tables/scores",
        "score tables --as-of 2025-03-05 --out .",
        "score tables --as-of 2025-03-05 --out modele --model modele",
        "score tables --as-of 2025-03-05 --out new --journal tables/pupils.parquet",
        "score tables --as-of 2025-03-05 --out new --journal new/j.jsonl",
        "score tables --as-of 2025-03-05 --out new --journal noms.csv",
        "report scores --records tables --out scores",
        "report scores --records tables --out tables",
        "report scores --records tables --out scores/pages",
        "report scores --records tables --out sub --links sub/one",
        "import exports --out exports --key cle",
        "import exports --out exports/tables --key cle",
        "notice tables --as-of 2025-03-05 --pupil a --out tables",
        "check tables --report tables/pupils.parquet",
        "train tables --out tables",
        "train tables --out tables/modele",
        "recalibrate tables --model modele --out modele --as-of 2025-03-05 --labels-known-on 2025-11-15 --reason x",
        "evaluate tables --model modele --as-of 2025-03-05 --json modele/rapport.json",
        "drift tables --model modele --as-of 2025-03-05 --json tables/pupils.parquet",
    ],
)
def test_nothing_that_is_read_is_written_over(
    own: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """A target that is, holds or lies within what the command reads is refused, and not one byte has changed."""
    monkeypatch.chdir(own.parent)
    before = contents(own.parent)
    refused(*words.split())
    assert contents(own.parent) == before


def signals(run: Callable[..., Result], folder: Path, day: str, out: Path, *options: object) -> Result:
    """Make the two lists that rest on no model, the quickest run there is."""
    result = run("score", folder, "--as-of", day, "--signals-only", "--out", out, *options)
    assert result.exit_code == 0, result.output
    return result


def test_the_folder_of_every_month_tells_who_is_new(
    extracts: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """A run that replaces the one it is compared with finds the same new pupils as a run into another folder."""
    same, other = tmp_path / "same", tmp_path / "other"
    signals(run, extracts, "2024-12-05", same)
    apart = signals(run, extracts, "2025-03-05", other, "--since", same).stdout
    again = signals(run, extracts, "2025-03-05", same, "--since", same).stdout
    new = pd.read_csv(other / "nouveaux.csv", sep=";")
    assert len(new)
    assert (same / "nouveaux.csv").read_bytes() == (other / "nouveaux.csv").read_bytes()
    assert again.replace(str(same), "") == apart.replace(str(other), "").replace(str(same), "")


def test_a_refused_run_has_written_nothing(
    extracts: Path, tmp_path: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    """Whatever is wrong with the earlier run or the places is told before results, journal or lists are touched."""
    out, journal = tmp_path / "out", tmp_path / "j.jsonl"
    signals(run, extracts, "2025-03-05", out)
    before = contents(tmp_path)
    options = ("--out", out, "--journal", journal)
    refused("score", extracts, *AS_OF, *options, "--since", tmp_path / "nowhere")
    refused("score", extracts, "--as-of", "2025-01-08", *options, "--since", out)
    refused("score", extracts, *AS_OF, *options, "--capacity", "UNKNOWN=3")
    assert contents(tmp_path) == before


def test_results_of_another_kind_are_refused_before_the_work(
    extracts: Path, tmp_path: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    """Pages never take the place of scores, nor synthetic pupils, nor an import: each command says what stands there."""
    out = tmp_path / "out"
    signals(run, extracts, "2025-03-05", out)
    before = contents(tmp_path)
    for words in (
        ("report", extracts, "--records", extracts, "--out", out),
        ("cohort", out, "--pupils", 10),
        ("import", extracts, "--key", tmp_path / "k", "--out", out),
    ):
        assert "il contient des scores" in refused(*words)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("text", ["{}", '"{}"', "pupil_id;name\n{};x\n", 'name,"pupil_id"\nx,"{}"\n'])
def test_an_objection_is_read_however_a_spreadsheet_wrote_it(
    extracts: Path, tmp_path: Path, run: Callable[..., Result], text: str
) -> None:
    """A bare id, one between quotes, and the column of a CSV leave the same pupil out; nobody is said to be unknown."""
    pupil = pd.read_parquet(extracts / "pupils.parquet")["pupil_id"].iloc[0]
    (tmp_path / "opposition.csv").write_text(text.format(pupil), encoding="utf-8")
    told = signals(run, extracts, "2025-03-05", tmp_path / "s", "--exclude", tmp_path / "opposition.csv")
    frame = pd.read_parquet(tmp_path / "s" / "signals.parquet").set_index("pupil_id")
    assert frame.loc[pupil, "cause"] == "traitement refusé"
    assert "opposition" not in told.stdout + told.stderr


def test_labels_without_their_day_name_the_option(extracts: Path, refused: Callable[..., str]) -> None:
    """``--labels-as-of`` alone says which option is missing."""
    message = refused("drift", extracts, "--model", "m", *AS_OF, "--labels-as-of", "2024-03-05")
    assert "sans --labels-known-on" in message


def test_no_diagnosis_tells_fewer_than_five(extracts: Path, run: Callable[..., Result]) -> None:
    """The least number of pupils that a diagnosis writes is 5 or more: the ninth law allows no cell of 1 to 4."""
    for least in (1, 3, 4):
        result = run("report", extracts, "--records", extracts, "--least", least)
        assert result.exit_code == 2
        assert "au moins 5 est attendu" in result.stderr
