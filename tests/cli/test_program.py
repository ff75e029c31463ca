"""The program as a whole: help, errors, warnings, streams."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import warnings
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from decrochage_risk import cli
from decrochage_risk.cli.import_command import FIRST_YEAR, LAST_YEAR
from decrochage_risk.cli.output import bar, replace_unwritable, say, shown_id, steps
from decrochage_risk.cli.program import CleanGroup
from decrochage_risk.errors import AsOfError, RecordsWarning, explain_error
from decrochage_risk.records.table_schemas import FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

COMMANDS = (
    "demo",
    "import",
    "check",
    "score",
    "report",
    "notice",
    "journal",
    "train",
    "evaluate",
    "compare",
    "retrain",
    "drift",
    "recalibrate",
    "thresholds",
    "cohort",
    "pseudonymise",
    "clean",
    "new-key",
)


def _program(command: Callable[[], None]) -> typer.Typer:
    """Make a program with the group under test and one command."""
    made = typer.Typer(cls=CleanGroup, callback=lambda: None)
    made.command("essai")(command)
    return made


def test_help_lists_every_command(run: Callable[..., Result]) -> None:
    """The help of the program names each command, and nothing that is not there yet."""
    listed = run("--help").output.split("Commandes :")[1].split("\n")
    assert tuple(line.split()[0] for line in listed if line.strip()) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_says_what_is_read_and_written(command: str, run: Callable[..., Result]) -> None:
    """The help of each command says what it reads and what it writes."""
    told = run(command, "--help").output
    assert "Lit :" in told
    assert "Écrit" in told


def test_an_import_asks_for_the_years_that_records_may_have() -> None:
    """The bounds of ``--year``, written apart so that help loads nothing, are those of the declared tables."""
    assert (FIRST_DAY.year, LAST_DAY.year) == (FIRST_YEAR, LAST_YEAR)
    assert (date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)) == (FIRST_DAY, LAST_DAY)


def test_help_loads_no_heavy_library() -> None:
    """To build the program, which is all that --help needs, loads none of the heavy libraries."""
    code = (
        "import sys; import decrochage_risk.cli.program; "
        "print(sorted({'pandas', 'numpy', 'lightgbm', 'shap', 'sklearn', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.strip() == "[]"


def test_module_runs_as_the_program() -> None:
    """``python -m decrochage_risk.cli`` is the program."""
    command = [sys.executable, "-m", "decrochage_risk.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.startswith("decrochage-risk 20")


def test_unknown_option_is_a_usage_error(run: Callable[..., Result]) -> None:
    """An option that does not exist ends with exit code 2 and names it."""
    result = run("check", "dossier", "--nope")
    assert result.exit_code == 2
    assert "--nope" in result.stderr


def test_own_errors_are_told_without_traceback() -> None:
    """An error of the package goes to stderr as it reads, with exit code 2."""

    def fail() -> None:
        raise AsOfError(explain_error("Came", expected="something else", hint="Do this."))

    result = CliRunner().invoke(_program(fail), ["essai"])
    assert result.exit_code == 2
    assert result.stderr == "Erreur : Came.\nAttendu : something else.\nConseil : Do this.\n"
    assert result.stdout == ""


def test_unexpected_exceptions_keep_their_traceback() -> None:
    """An exception that the package does not raise on purpose is not swallowed."""

    def fail() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(_program(fail), ["essai"]).exception, ZeroDivisionError)


def test_own_warnings_are_told_once() -> None:
    """The same warning of the package is told once, on stderr, whatever the warning filters say."""

    def warn() -> None:
        for text in ("un", "un", "deux"):
            warnings.warn(text, RecordsWarning, stacklevel=1)

    result = CliRunner().invoke(_program(warn), ["essai"])
    assert result.stderr == "Attention : un\nAttention : deux\n"


def test_warnings_of_others_stay_theirs() -> None:
    """A warning of another package keeps its own way, here the error that pytest makes of it."""

    def warn() -> None:
        warnings.warn("autre", UserWarning, stacklevel=1)

    assert isinstance(CliRunner().invoke(_program(warn), ["essai"]).exception, UserWarning)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_french_can_be_written_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that lacks the French signs gets the nearest ones, and never an error."""
    raw = io.BytesIO()
    streams = [io.TextIOWrapper(buffer, encoding=encoding) for buffer in (raw, io.BytesIO())]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    replace_unwritable()
    say("1\u202f500 points, \u22120,5")
    streams[0].flush()
    written = raw.getvalue().decode(encoding)
    expected = "1\u202f500 points, \u22120,5\n" if encoding == "utf-8" else "1 500 points, -0,5\n"
    assert written == expected


def test_control_characters_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """An escape sequence hidden in an id is shown as a mark, on one line."""
    say("\x1b[31mrouge")
    assert capsys.readouterr().out == "\N{REPLACEMENT CHARACTER}[31mrouge\n"
    assert shown_id("a\nb\x07") == "a b\N{REPLACEMENT CHARACTER}"


def test_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets and emoji codes of the data are printed as they are."""
    say("[bold]x[/nope] :smile:")
    assert capsys.readouterr().out == "[bold]x[/nope] :smile:\n"


def test_steps_are_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """No progress bar is drawn when nobody looks."""
    with steps(2) as step:
        step("un")
        step("deux")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("total", [2, None])
def test_steps_are_drawn_on_a_terminal(total: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the bar on stderr names the step."""

    class _Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal: Any = _Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    with steps(total) as step:
        step("Lecture des extraits")
    assert "Lecture des extraits" in terminal.getvalue()


def test_the_bar_of_unknown_and_known_size_is_drawn_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bar names the step and counts the parts, once their number is known; without a terminal it is silent."""

    class _Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with bar() as tell:
        tell("Empreinte des fichiers", 0, 0)
    assert capsys.readouterr() == ("", "")
    terminal: Any = _Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    with bar() as tell:
        tell("Empreinte des fichiers", 0, 0)
        tell("Scores et motifs", 3, 7)
    assert "Scores et motifs" in terminal.getvalue()
    assert "3/7" in terminal.getvalue()


def test_an_option_is_declared_once() -> None:
    """No two commands declare the same option in the same words: what they share stands in one place."""
    declared = Counter(
        ast.unparse(node)
        for path in sorted(Path(cli.__file__).parent.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Option"
    )
    assert [call for call, times in declared.items() if times > 1] == []
