from __future__ import annotations

import csv
import html
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from cohort_parts import ODD_IDS, records_of, tables_of

from decrochage_risk import french
from decrochage_risk.csv_files import guarded
from decrochage_risk.errors import RecordsError
from decrochage_risk.pages import french_spaces
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.score import DEMO_NOTICE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

FORMULA_STARTS = "=+-@\t\r"


@pytest.fixture(scope="module")
def written(small_scores: RiskScores, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the small scores once; no test may change the folder."""
    folder = tmp_path_factory.mktemp("scores") / "not" / "there yet"
    assert {path for path in folder.rglob("*") if path.is_file()} == set()
    paths = small_scores.write(folder)
    assert set(paths) == {path for path in folder.rglob("*") if path.is_file()}
    return folder


def lines_of(path: Path) -> list[dict[str, str]]:
    """Read a list as Excel in France does: semicolons, quotes, a mark of UTF-8."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


class _Tags(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the signature of HTMLParser
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", ["frame", "reasons", "contributions"])
def test_parquet_reads_back_equal(small_scores: RiskScores, written: Path, name: str) -> None:
    """Each table read from its file holds the same cells, to the last bit."""
    read = pd.read_parquet(written / f"{'scores' if name == 'frame' else name}.parquet")
    table = getattr(small_scores, name)
    pd.testing.assert_frame_equal(
        read.astype(object).where(read.notna(), None),
        table.astype(object).where(table.notna(), None),
        check_index_type=False,
        check_column_type=False,
    )


def test_the_run_is_written_beside_the_tables(small_scores: RiskScores, written: Path) -> None:
    """``run.json`` holds the day, the model with its notice, the policy and the calendar."""
    run = json.loads((written / "run.json").read_text(encoding="utf-8"))
    assert run == small_scores.run.to_dict()
    assert run["model"]["demo"] is True
    assert run["model"]["notice"] == DEMO_NOTICE


@pytest.mark.parametrize(
    ("column", "words"),
    [("flagged", "risque"), ("legal_listed", "seuil-legal"), ("departure_listed", "sorties")],
)
def test_one_list_per_school_and_way_holds_its_pupils(
    small_scores: RiskScores, written: Path, column: str, words: str
) -> None:
    """Who is on a list for one way is on that list of their school, by class and id, and nobody else is."""
    frame = small_scores.frame[small_scores.frame[column]]
    paths = (written / "listes").glob(f"*_{words}.csv")
    lists = {path.stem.split("_")[0]: [line["Élève"] for line in lines_of(path)] for path in paths}
    assert set(lists) == set(small_scores.frame["school_id"].dropna())
    lists = {school: ids for school, ids in lists.items() if ids != [""]}
    assert set(lists) == set(frame["school_id"])
    assert len(lists) > 1
    for school, ids in lists.items():
        own = frame[frame["school_id"] == school].sort_values(["class_id", "pupil_id"])
        assert ids == own["pupil_id"].tolist()


def test_lists_open_in_a_french_excel(written: Path) -> None:
    """A list starts with the UTF-8 mark, parts cells by semicolons, ends lines by CR LF and has decimal commas."""
    for path in (written / "listes").iterdir():
        raw = path.read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf")
        assert raw.endswith(b"\r\n")
        assert raw.count(b"\n") == raw.count(b"\r\n") == len(lines_of(path)) + 1
        nobody = not any(line["Élève"] for line in lines_of(path))
        assert raw.splitlines()[0].count(b";") > 6 or nobody
        if path.stem.endswith("risque"):
            assert nobody or all(
                re.fullmatch(r"\d{1,2},\d", line["Risque estimé (%)"]) for line in lines_of(path)
            )


def test_lists_say_what_the_results_say(small_scores: RiskScores, written: Path) -> None:
    """Each line holds the pupil's level, risk, tier, rule, reasons in order, measures, and that nothing is decided."""
    for path in (written / "listes").glob("*_risque.csv"):
        for line in lines_of(path):
            if not line["Élève"]:
                assert line["Fait"].startswith("Aucun élève de cet établissement n'est sur cette liste")
                continue
            pupil = small_scores[line["Élève"]]
            assert float(line["Risque estimé (%)"].replace(",", ".")) == pytest.approx(
                100 * pupil.risk, abs=0.0501
            )
            assert (line["Niveau"], line["Action proposée"], line["Règle"]) == (
                LEVEL_BY_NAME[pupil.level].label,
                pupil.tier_label,
                pupil.flag_rule,
            )
            up = [line[f"Point d'attention {number}"] for number in range(1, 5)]
            down = [line[f"Point d'appui {number}"] for number in range(1, 3)]
            assert [text for text in up if text] == [reason.text for reason in pupil.reasons]
            assert [text for text in down if text] == [reason.text for reason in pupil.protective]
            for column, later in (("Mesures possibles", False), ("En cas de sortie ou d'échec", True)):
                has_left = "departure" in pupil.ways
                measures = [
                    measure for measure in pupil.measures if (measure.after_leaving and not has_left) is later
                ]
                told = line[column].split(" ; ") if measures else []
                assert all(
                    text.startswith(measure.label) for text, measure in zip(told, measures, strict=True)
                )
            assert line["Élèves comparables"] == pupil.comparable.text
            assert line["Décision automatique"] == "aucune"
            assert line["Modèle"] == DEMO_NOTICE


def test_odd_ids_survive_and_no_cell_is_a_formula(odd_scores: RiskScores, tmp_path: Path) -> None:
    """Ids with semicolons, quotes, emoji or tags are read back whole; what looks like a formula gets an apostrophe."""
    odd_scores.write(tmp_path)
    lines = [line for path in (tmp_path / "listes").glob("*_risque.csv") for line in lines_of(path)]
    flagged = odd_scores.flagged["pupil_id"].tolist()
    assert sorted(flagged) == sorted(ODD_IDS)
    assert sorted(line["Élève"].removeprefix("'") for line in lines) == sorted(flagged)
    for line in lines:
        assert line["Élève"] in {pupil for pupil in ODD_IDS if pupil[0] not in FORMULA_STARTS} or (
            line["Élève"].startswith("'")
        )
        assert line["Classe"].startswith("'=")
        assert not [cell for cell in line.values() if cell and cell[0] in FORMULA_STARTS]
    assert (
        pd.read_parquet(tmp_path / "scores.parquet")["pupil_id"].tolist()
        == odd_scores.frame["pupil_id"].tolist()
    )
    assert [pupil["pupil_id"] for pupil in json.loads(odd_scores.to_json())["pupils"]] == list(
        odd_scores.frame["pupil_id"]
    )


def _inside(shown: str) -> str:
    """Give the page that a notebook shows in a frame."""
    return html.unescape(re.search(r'srcdoc="([^"]*)"', shown)[1])


def test_the_notebook_shows_ids_as_text(odd_scores: RiskScores) -> None:
    """An id that is a script tag is shown, never run: the page has no tag but those of a table."""
    shown = odd_scores._repr_html_()
    frame = _Tags()
    frame.feed(shown)
    assert frame.tags == {"iframe"}
    assert "sandbox" in shown
    page = _Tags()
    page.feed(_inside(shown))
    assert not page.tags & {"script", "img", "iframe", "a", "link"}
    assert set(ODD_IDS) <= set(page.texts)


def test_the_notebook_shows_whole_sentences_and_the_notice(small_scores: RiskScores) -> None:
    """The table of a notebook holds the first situations, their sentences uncut, the counts and the notice."""
    page = _Tags()
    page.feed(_inside(small_scores._repr_html_()))
    first = small_scores.flagged["pupil_id"].head(20)
    assert {french_spaces(DEMO_NOTICE), small_scores.summary} <= set(page.texts)
    for pupil_id in first:
        pupil = small_scores[pupil_id]
        assert pupil_id in page.texts
        facts = [reason.text.partition(" ; élève type")[0] for reason in pupil.reasons[:2]]
        assert any(all(french_spaces(fact) in text for fact in facts) for text in page.texts)
    assert small_scores.flagged["pupil_id"].iloc[20] not in page.texts


def test_one_pupil_shows_itself(small_scores: RiskScores) -> None:
    """A pupil in a notebook: facts, measures and the estimate of the result, in a frame where nothing runs."""
    pupil = small_scores[small_scores.flagged["pupil_id"].iloc[0]]
    shown = pupil._repr_html_()
    assert "sandbox" in shown
    page = _Tags()
    page.feed(_inside(shown))
    words = " ".join(page.texts)
    assert "script" not in page.tags
    assert french.percent(pupil.risk, 1) in words
    for reason in (*pupil.reasons, *pupil.protective):
        assert french_spaces(reason.text.partition(" ; élève type")[0])[1:] in words
        assert french.signed(reason.points, 1) in words
    assert all(french_spaces(measure.label) in words for measure in pupil.measures)


def test_nothing_to_look_at_is_shown_and_written_too(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores], tmp_path: Path
) -> None:
    """When nobody is on a list its file says so, and the notebook shows the counts alone."""
    frame = small_scores.frame
    listed = frame[["flagged", "legal_listed", "departure_listed"]].any(axis=1)
    quiet = frame.loc[~listed, "pupil_id"].tolist()[:20]
    scores = score(records_of(tables_of(small_cohort, quiet)))
    scores.write(tmp_path)
    lists = list((tmp_path / "listes").iterdir())
    assert len(lists) == 3 * frame.loc[frame["pupil_id"].isin(quiet), "school_id"].nunique()
    for path in lists:
        (line,) = lines_of(path)
        nobody = "Aucun élève de cet établissement n'est sur cette liste au 5 mars 2025."
        unscored = " Un élève sans estimation n'y figure jamais : scores.parquet en dit la cause."
        unknown = " Un élève dont les absences ne sont pas connues n'y figure jamais."
        more = {"risque": unscored, "seuil-legal": unknown}.get(path.stem.partition("_")[2], "")
        assert (line["Élève"], line["Fait"]) == ("", nobody + more)
    assert len(pd.read_parquet(tmp_path / "scores.parquet")) == 20
    assert "<table" not in _inside(scores._repr_html_())
    assert scores.summary in html.unescape(_inside(scores._repr_html_()))


def test_a_rerun_leaves_no_list_of_the_run_before(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores], tmp_path: Path
) -> None:
    """Writing into the same folder again removes the lists of schools that have no situation any more."""
    small_scores.write(tmp_path)
    school = small_scores.flagged["school_id"].iloc[0]
    frame = small_scores.frame
    ids = frame.loc[frame["school_id"] == school, "pupil_id"]
    score(records_of(tables_of(small_cohort, ids))).write(tmp_path)
    names = {path.name for path in (tmp_path / "listes").iterdir()}
    assert f"{school}_risque.csv" in names
    assert {name.split("_")[0] for name in names} == {school}


def test_the_same_scores_give_the_same_bytes(small_scores: RiskScores, written: Path, tmp_path: Path) -> None:
    """Two runs of one set of scores write the same files, byte for byte."""
    for path in small_scores.write(tmp_path):
        assert path.read_bytes() == (written / path.relative_to(tmp_path)).read_bytes(), path.name


@pytest.mark.parametrize("taken", ["out", "out/listes", "out/scores.parquet/a folder"])
def test_what_cannot_be_written_is_refused(small_scores: RiskScores, tmp_path: Path, taken: str) -> None:
    """A file in the place of the folder or of its lists, or a folder in the place of a file, is refused with what to do."""
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("a file")
    with pytest.raises(
        RecordsError,
        match=r"(?s)cannot be written into .*out[ :].*Expected: a folder.*Hint: Choose another folder",
    ):
        small_scores.write(tmp_path / "out")


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "-2",
        "007",
        "3e-1",
        "1,5E3",
        "3-1",
        "12/03/2025",
        "1" * 16,
        "\t=1",
        "\r+1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20a",
        "SEPT2",
        "2 mai",
        "déc-24",
        "8:30",
    ],
)
def test_what_a_spreadsheet_would_change_is_guarded(text: str) -> None:
    """A class "3e-1" stays a class: formulas, numbers that would lose digits, and dates get an apostrophe."""
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["3e", "3e-A", "P000123", "301", "21-35 %", "élève", "", 0.5, None])
def test_what_a_spreadsheet_keeps_is_left_alone(text: object) -> None:
    """Ids, levels, percentages and plain numbers are written as they are."""
    assert guarded(text) == text
