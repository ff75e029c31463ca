"""The table of situations to be looked at."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import decrochage_risk as dr
from decrochage_risk.cli.score_command import say_scores, situations_table

AS_OF = "2025-03-05"


@pytest.fixture(scope="module")
def scores(extracts: Path, model_folder: Path) -> dr.RiskScores:
    """Score the extracts, everybody explained."""
    model = dr.load_model(model_folder)
    return dr.score_pupils(dr.PupilRecords.read(extracts), as_of=AS_OF, model=model, explain="all")


def _render(scores: dr.RiskScores, pupil_ids: list[str], width: int = 80) -> str:
    """Draw the table as a pipe of some width gets it."""
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(situations_table(scores, pupil_ids))
    return captured.get()


def test_protective_facts_stand_apart(scores: dr.RiskScores) -> None:
    """Protective reasons come after a heading of their own, with another mark, and only where there are some."""
    both = next(pupil for pupil in scores if pupil.reasons and pupil.protective)
    drawn = _render(scores, [both.pupil_id], width=300).split("\n")
    heading = next(
        number for number, line in enumerate(drawn[3:], 3) if line.strip().endswith("Points d'appui")
    )
    marks = ["-" if "- " in line else "+" if "+ " in line else "" for line in drawn]
    assert "-" in marks[:heading]
    assert "+" not in marks[:heading]
    assert marks[heading + 1 :].count("+") == len(both.protective)
    without = next(pupil for pupil in scores if pupil.reasons and not pupil.protective)
    assert all(
        not line.strip().endswith("Points d'appui")
        for line in _render(scores, [without.pupil_id], 300).split("\n")[3:]
    )


def test_a_pupil_without_reason_is_told_so(scores: dr.RiskScores) -> None:
    """A pupil for whom nothing stands out gets a line that says so, never an empty cell."""
    plain = next(pupil for pupil in scores if pupil.explained and not pupil.reasons)
    assert "Aucun motif dominant" in _render(scores, [plain.pupil_id])


def test_hostile_ids_keep_the_table_whole(extracts: Path, model_folder: Path) -> None:
    """The longest id that is allowed, or one with markup or emoji, neither breaks nor widens the table."""
    records = dr.PupilRecords.read(extracts)
    hostile = ["x" * 256, "[/red]:smile:", "é 🎓"]
    ids = dict(zip(records.enrolments["pupil_id"].drop_duplicates().head(3), hostile, strict=True))
    tables = {
        name: getattr(records, name) for name in ("pupils", "enrolments", "absences", "grades", "orientation")
    }
    renamed = {name: table.assign(pupil_id=table["pupil_id"].replace(ids)) for name, table in tables.items()}
    scored = dr.score_pupils(
        dr.PupilRecords(**renamed), as_of=AS_OF, model=dr.load_model(model_folder), explain="all"
    )
    drawn = _render(scored, hostile)
    assert max(map(cell_len, drawn.split("\n"))) <= 80
    assert "[/red]:smile:" in drawn
    assert "🎓" in drawn


def test_situations_are_spread_over_the_whole_list(
    scores: dr.RiskScores, capsys: pytest.CaptureFixture[str]
) -> None:
    """Spread, the situations come from the whole list in its order; else they are its first ones."""
    flagged = scores.flagged["pupil_id"].tolist()
    assert len(flagged) > 4

    def told(*, spread: bool) -> list[str]:
        say_scores(scores, 3, Path("listes"), spread=spread)
        words = [line.split()[0] for line in capsys.readouterr().out.split("\n") if line.strip()]
        return [word for word in words if word in set(flagged)]

    assert told(spread=False) == flagged[:3]
    spread = told(spread=True)
    assert spread[0] == flagged[0]
    assert [flagged.index(pupil) for pupil in spread] == sorted(flagged.index(pupil) for pupil in spread)
    assert flagged.index(spread[-1]) > len(flagged) // 2
