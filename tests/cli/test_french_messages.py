"""What the package says in English to programs is said in French by the commands: nothing is forgotten, nothing mixed."""

from __future__ import annotations

import ast
import itertools
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import decrochage_risk
from decrochage_risk.cli.messages import _catalogue, text_in_french
from decrochage_risk.cli.program import app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = Path(decrochage_risk.__file__).parent
COVERED = [
    "artefact.py", "cli", "csv_files.py", "evaluate", "explain", "features", "feedback.py", "importers", "journal.py", "model", "notices", "partitions", "policy",
    "records", "report", "result_folders.py", "risk", "school_year", "score", "small_cells.py", "synthetic", "train",
]  # fmt: skip
"""Modules and rooms whose every message of an error has its French."""

ENGLISH = re.compile(
    r"\b(?:the|row|rows|column|columns|expected|hint|is fine|error|errors|warning|came|missing|of|and|or|with|without|"
    r"write|check|read|was|were|not|are|has|have|each|every|only|which|that|leave|keep|day|days|school|pupil|pupils?)\b"
    r"(?![\w.=])",
    re.IGNORECASE,
)
NAMES = re.compile(
    r"\b(?:pupils|enrolments|absences|grades|events|orientation|outcomes|coverage|context|calendar)\b(?:\.\w+)*|"
    r"--?[a-z][a-z-]*|'[^']*'|«[^»]*»|\b\w+_\w+\b|\w+\.(?:csv|parquet|toml|xlsx)|decrochage-risk \w+|"
    r"(?:ERREUR|AVERTISSEMENT) \w+"
)
"""What stays English in French sentences: names of tables, columns, values, rules, options and files."""


def templates(node: ast.expr, constants: Mapping[str, ast.expr]) -> list[list[str | None]]:
    """Give the texts that an expression may be, None for what is only known when it runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [[node.value]]
    if isinstance(node, ast.JoinedStr):
        return [[piece.value if isinstance(piece, ast.Constant) else None for piece in node.values]]  # type: ignore[misc]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        pairs = itertools.product(templates(node.left, constants), templates(node.right, constants))
        return [first + second for first, second in pairs]
    if isinstance(node, ast.IfExp):
        return templates(node.body, constants) + templates(node.orelse, constants)
    if isinstance(node, ast.Name) and node.id in constants:
        return templates(constants[node.id], {})
    return [[None]]


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """Give each text of a call of ``explain_error``, with its line; ``¤`` stands for what differs.

    An error of an export brings its French itself: its English is not looked for.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bilingual = {
        id(word)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and any(word.arg == "french" for word in call.keywords)
        for word in call.args
    }
    constants = {
        statement.targets[0].id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    for call in ast.walk(tree):
        if id(call) in bilingual:
            continue
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "explain_error":
            for words in (*call.args, *(word.value for word in call.keywords)):
                for pieces in templates(words, constants):
                    yield call.lineno, "".join("¤" if piece is None else piece for piece in pieces)


@cache
def paths_of(covered: str) -> list[Path]:
    """List the modules of a room."""
    place = SOURCE / covered
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


@pytest.mark.parametrize("covered", COVERED)
def test_each_message_has_its_french(covered: str) -> None:
    """Every sentence that ``explain_error`` is given in these rooms is a template of the catalogue."""
    english = [
        f"{path.relative_to(SOURCE)}:{line} {text}"
        for path in paths_of(covered)
        for line, text in messages(path)
        if re.search("[a-z]{2}", text) and _catalogue().phrase(text) is None
    ]
    assert english == []


def test_each_french_uses_what_its_english_holds() -> None:
    """No French sentence names a field that its English does not have."""
    field = re.compile(r"\{([0-9])\}")
    wrong = [
        english
        for english, french in _catalogue().french_of.items()
        if not set(field.findall(french)) <= set(field.findall(english)) or not french.strip()
    ]
    assert wrong == []


def test_what_no_template_knows_stays() -> None:
    """A sentence without its French is told as it came, with its labels in French."""
    text = "Something new came.\nExpected: nothing of it.\nHint: Look."
    assert text_in_french(text) == "Something new came.\nAttendu : nothing of it.\nConseil : Look."


def test_a_quote_that_is_not_closed_is_told_in_whole_sentences() -> None:
    """What is said of quotes and what is said of cells are each a sentence that says what it counts."""
    for phrase in ("line 4 has 3 cells", "the quotes from line 2 on cannot be read (unexpected end of data)"):
        told = text_in_french(f"a.csv: {phrase}; the header has 5.")
        assert told.endswith("; cellules de l'en-tête : 5.")


def test_no_phrase_mixes_two_languages() -> None:
    """A field that holds a phrase without its French stays whole."""
    text = "x.json holds what no training gives: it has 'a', expected a level and a month"
    assert text_in_french(text).endswith(" : it has 'a', expected a level and a month")


def test_several_messages_are_told_one_by_one() -> None:
    """Errors of several files in one message are all in French."""
    one = "a.csv holds no line.\nExpected: plain text.\nHint: Export the table again."
    french = text_in_french(f"2 of 3 tables of 'x' cannot be read.\n\n{one}\n\n{one}")
    assert french.startswith(
        "2 des 3 tables de 'x' ne peuvent pas être lues.\n\na.csv ne contient aucune ligne.\n"
    )
    assert french.count("Conseil : Exporter de nouveau la table.") == 2


def english_in(text: str) -> list[str]:
    """List the English words of what was printed, names left out."""
    return [word for line in text.splitlines() for word in ENGLISH.findall(NAMES.sub("", line))]


TEN_FAULTS = {
    "pupils.csv": "pupil_id;birth_date;sexe\na1;2009-02-03;F\na1;2009-02-03;F\nb2;31/02/2009;F\nc3;1890-01-01;M\nd4;2009-03-03;M\n",
    "enrolments.csv": (
        "pupil_id;school_year;school_id;level;class_id;start_date;end_date\n"
        "a1;2024;0382032C;2GT;x;2024-09-02;\na1;2024;0382032C;2GT;x;2024-09-20;\n"
        "b2;2024;0382032A;2gt;x;2024-09-02;2024-09-01\nd4;2024,5;382032;zzz;x;2024-09-02;\n"
    ),
    "absences.csv": (
        "pupil_id;date;half_days;kind;justified\na1;2024-11-05;9;absence;oui\nzz;2024-11-05;2;absence;oui\n"
        "a1;2024-11-06;1;lateness;peut-être\na1;2024-11-10;1;absence;\na1;2024-11-12 14:00;1;absence;\n"
    ),
    "grades.csv": (
        "pupil_id;date;subject;value;out_of;status\na1;2024-11-05;maths;Abs;20;graded\na1;2024-11-05;maths;25;20;graded\n"
        "a1;45614;maths;12;20;graded\na1;2024-11-06;maths;;20;graded\na1;2024-11-06;maths;12;20;absent\n"
    ),
}


def test_a_folder_of_faults_is_told_in_french(tmp_path: Path) -> None:
    """``check`` on ten kinds of faults says no English word but names of tables, columns, rules and values."""
    for name, text in TEN_FAULTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "élèves.txt").write_text("x", encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(tmp_path)], prog_name="decrochage-risk")
    assert result.exit_code == 1
    output = result.output.replace(str(tmp_path), "")
    kinds = set(re.findall(r"^(?:ERREUR|AVERTISSEMENT) (\w+)", output, re.MULTILINE))
    assert len(kinds) >= 10, kinds
    assert english_in(output) == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pupils.csv": ""},
        {"pupils.csv": ";;;\n"},
        {"pupils.csv": "pupil_id;pupil_id\na;b\n", "enrolments.csv": "pupil_id;x\na;b;c\nd\n"},
        {"pupils.csv": "Liste des élèves\npupil_id;birth_date\na1;2009-02-03\n"},
        {"élèves.csv": "pupil_id\na1\n"},
        {"eleves.csv": "pupil_id\na1\n", "grades.csv": "pupil_id;date\na1;2024-11-05\n"},
        {"pupils.csv": "pupil_id\na1\n", "pupils.parquet": "x"},
        {"pupils.parquet": "no parquet", "enrolments.csv": "pupil_id\n\0\n"},
        {
            "pupils.csv": "pupil_id\na1\n",
            "calendar.csv": "date;half_days\n2024-09-01;7\n2024-09-01;1\n2024-09-09;x\n",
        },
    ],
    ids=str,
)
def test_folders_that_cannot_be_read_are_told_in_french(tmp_path: Path, files: dict[str, str]) -> None:
    """Whatever is wrong with the files of a folder, the command says it without an English word."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(tmp_path)], prog_name="decrochage-risk")
    assert result.exit_code in {1, 2}
    assert english_in(result.output.replace(str(tmp_path), "")) == []
