from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.cli.output import within

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

WIDTH = 80
DAY = ("--as-of", "2025-03-05")


@pytest.fixture
def lines_at_80(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Run a command as on a terminal of 80 columns; give the lines of what it printed."""
    for name, value in {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    # The bar goes to stderr and takes stdout over while it is drawn: it is no line of the result.
    monkeypatch.setattr("rich.progress.Progress.start", lambda _bar: None)

    def _lines(*arguments: object) -> list[str]:
        result = run(*arguments)
        assert result.exit_code in {0, 1, 3, 4}, result.output
        return result.stdout.splitlines()

    return _lines


def too_long(lines: list[str], *names: object) -> list[str]:
    """Give the lines beyond the width, but for a command to be copied and for one word, such as a path, that is longer."""
    words = [str(name) for name in names]
    return [
        line
        for line in lines
        if len(line) > WIDTH
        and not line.lstrip().startswith("decrochage-risk ")
        and not any(word in line for word in words)
    ]


def test_check_and_pseudonymise_stay_within_the_terminal(
    extracts: Path, tmp_path: Path, lines_at_80: Callable[..., list[str]]
) -> None:
    """The faults of a folder, their rules and remedies are read without sideways scrolling."""
    key = tmp_path / "cle"
    assert too_long(lines_at_80("new-key", key), tmp_path) == []
    printed = lines_at_80("check", extracts)
    assert len(printed) > 5
    assert too_long(printed, extracts) == []
    target = lines_at_80("pseudonymise", extracts, tmp_path / "out", "--key", key)
    assert too_long(target, tmp_path) == []


@pytest.mark.whole
@pytest.mark.parametrize("command", ["score", "thresholds", "evaluate", "drift", "compare", "notice"])
def test_results_stay_within_the_terminal_on_a_page(
    command: str,
    extracts: Path,
    model_folder: Path,
    tmp_path: Path,
    lines_at_80: Callable[..., list[str]],
) -> None:
    """What a command prints about a run or a model fits in 80 columns; a report is its essentials, a verdict some 70 lines."""
    model = ("--model", model_folder)
    arguments = {
        "score": (extracts, *model, *DAY, "--out", tmp_path / "s"),
        "thresholds": model,
        "evaluate": (extracts, *model, *DAY),
        "drift": (extracts, *model, *DAY),
        "compare": (
            extracts,
            *("--champion", model_folder, "--challenger", model_folder),
            *("--as-of", "2025-01-10", "--labels-known-on", "2025-11-15"),
        ),
        "notice": (extracts, *model, *DAY, "--out", tmp_path / "n"),
    }[command]
    if command == "notice":
        pupil = pd.read_parquet(extracts / "enrolments.parquet")["pupil_id"].iloc[-1]
        arguments = (*arguments, "--pupil", pupil)
    printed = lines_at_80(command, *arguments)
    assert printed
    assert too_long(printed, tmp_path, extracts, model_folder) == []
    # 200 lines of 547 characters was the whole report, which files and pipes still get.
    assert len(printed) <= {"evaluate": 60}.get(command, 80)


def test_a_line_that_goes_on_keeps_its_words_indent_and_commands() -> None:
    """Breaking a line loses no word, keeps its indent, and leaves alone what is copied or has no blank."""
    text = "  un " + "mot " * 40 + "fin\n  decrochage-risk " + "x " * 60 + "\n" + "y" * 100
    lines = within(text, WIDTH).split("\n")
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert all(line.startswith("  ") for line in lines[:2])
    assert lines[-1] == "y" * 100
    assert lines[-2].startswith("  decrochage-risk x")
