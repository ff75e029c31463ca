"""What the parser of the command line says, help pages and complaints, is French."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from decrochage_risk.cli.program import app

if TYPE_CHECKING:
    from pathlib import Path

ENGLISH = re.compile(
    r"\b(?:usage:|options:|arguments:|commands:|command|error|try|help for|default|required|show|message|exit|"
    r"no such|did you|mean|possible|missing|unexpected|extra|invalid|value|input|should|not one of|"
    r"does|exist|directory|readable|integer|float|path)\b",
    re.IGNORECASE,
)
OPTION_OR_QUOTED = re.compile(r"--?[a-z][a-z-]*|«[^»]*»|<[a-z|]+>|\bCOMMAND\b|\[OPTIONS\]")
COMMANDS = sorted(command.name or "" for command in app.registered_commands)


def said(*arguments: str) -> tuple[int, str]:
    """Run the program; give its exit code and all that it printed, but for options and what it quotes."""
    result = CliRunner().invoke(app, list(arguments), prog_name="decrochage-risk")
    return result.exit_code, OPTION_OR_QUOTED.sub("", result.output)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_each_help_page_is_french(command: str) -> None:
    """No word of the parser's own is left in English on any help page."""
    code, text = said(*([command] if command else []), "--help")
    assert code == 0
    assert "Montrer cette aide." in text
    assert ENGLISH.findall(text.replace("usage :", "").replace("message", "")) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chek"], "La commande « chek » n'existe pas. Vouliez-vous dire 'check' ?"),
        (["check"], "Il manque l'argument DOSSIER."),
        (["check", "a", "b"], "Arguments en trop : b."),
        (["check", "--nope"], "L'option --nope n'existe pas."),
        (["score", "a"], "Il manque l'option --as-of."),
        (["score", "a", "--as-of"], "L'option --as-of attend une valeur."),
        (
            ["score", "a", "--as-of", "2025-03-05", "--explain", "tout"],
            "« tout » n'est pas l'une des valeurs",
        ),
        (["cohort", "a", "--pupils", "beaucoup"], "nombre entier"),
    ],
)
def test_what_was_typed_in_a_wrong_way_is_told_in_french(arguments: list[str], expected: str) -> None:
    """Each kind of wrong command says in French what is wrong, how the command is used, and ends with 2."""
    code, text = said(*arguments)
    result = CliRunner().invoke(app, arguments, prog_name="decrochage-risk")
    assert code == result.exit_code == 2
    assert expected in result.output
    assert ENGLISH.findall(text.replace("Usage :", "")) == []


def test_a_command_that_is_interrupted_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves no traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("decrochage_risk.cli.records_commands.check_target_folder", interrupt)
    result = CliRunner().invoke(app, ["pseudonymise", str(tmp_path), str(tmp_path / "x"), "--key", "k"])
    assert result.exit_code in {1, 130}
    assert "Traceback" not in result.output
