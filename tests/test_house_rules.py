"""Laws on the files of the project themselves: what no file of it may hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = (".ci", "benchmarks", "data", "docs", "models", "notebooks", "src", "tests")
SUFFIXES = {
    ".cfg",
    ".csv",
    ".ini",
    ".ipynb",
    ".j2",
    ".json",
    ".md",
    ".py",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
    "",
}
GENERATED = {".git", "__pycache__", ".ipynb_checkpoints", "build", "dist"}  # ".git" is a file in a worktree

# Words are cut by "_", taken out below, so that this file does not hold what it looks for.
FOLDERS = "wo_rk|ho_me|ro_ot|Us_ers|mn_t|tm_p|op_t".replace("_", "")
MACHINE_PATHS = re.compile(rf"(?<![\w.~-])/(?:{FOLDERS})/[\w.-]|[A-Za-z]:\\+(?:{FOLDERS})\b")
ADDRESSES = r"index_-url|py_pi\.org|pythonhosted_\.org|artifact_ory|/sim_ple[/\s\"']|npm_js\.|ana_conda\.org"
REGISTRIES = re.compile(ADDRESSES.replace("_", ""))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def project_files() -> list[Path]:
    """List the text files of the project: those at its top and in its folders, nothing that was generated."""
    inside = [path for part in PARTS for path in (ROOT / part).rglob("*")]
    return [
        path
        for path in (*ROOT.glob("*"), *inside)
        if path.is_file() and path.suffix in SUFFIXES and not GENERATED & set(path.parts)
    ]


def names_imported(path: Path) -> set[str]:
    """List the modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def functions_of(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {found.group()}"
        for path in project_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := pattern.search(line))
    ]


def test_no_file_holds_a_path_of_one_machine() -> None:
    """A path that exists on one machine only is in no file: everything is relative, or an argument."""
    assert hits(MACHINE_PATHS) == []


def test_no_file_holds_an_address_of_a_package_registry() -> None:
    """Where packages come from is the installer's own setting."""
    assert hits(REGISTRIES) == []


def test_the_patterns_find_what_they_look_for() -> None:
    """Both patterns catch what they are for, and leave ordinary text alone."""
    for path in ("/ho" + "me/someone/records", "see /tm" + "p/x.csv", "C:\\Us" + "ers\\someone"):
        assert MACHINE_PATHS.search(path)
    for address in ("https://py" + "pi.org/project", "pip --index" + "-url", "https://host/sim" + "ple/ "):
        assert REGISTRIES.search(address)
    for text in ("models/demo/card.md", "work/home", "a simple/plain text", "1/2"):
        assert not MACHINE_PATHS.search(text)
        assert not REGISTRIES.search(text)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_reads_or_writes_pickles(path: Path) -> None:
    """Nothing is saved or loaded in a form that can run code."""
    assert not names_imported(path) & {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
    assert not re.search(r"\b(?:read|to)_pickle\b|allow_pickle=True", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_source_says_what_it_holds(path: Path) -> None:
    """Each module starts with a docstring, and has at most 800 lines: one subject, one room."""
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 800


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_test_states_its_law(path: Path) -> None:
    """Each test function has a docstring: one law, in words."""
    tests = [function for function in functions_of(path) if function.name.startswith("test_")]
    assert tests
    assert [function.name for function in tests if not ast.get_docstring(function)] == []


def test_a_missing_time_names_its_unit() -> None:
    """From numpy 2.5 on a NaT without a unit takes none from the array that it is put into: each one says its own."""
    nameless = [
        f"{path.name}:{node.lineno}"
        for path in (*SOURCES, *TESTS, *sorted((ROOT / "benchmarks").rglob("*.py")))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"datetime64", "timedelta64"}
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Constant)
        and str(node.args[0].value).lower() == "nat"
    ]
    assert nameless == []


def test_one_file_writes_every_csv() -> None:
    """No source but csv_files.py writes rows with csv or lets pandas do it: what it guards is guarded everywhere."""
    writers = {
        path.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (
            node.func.attr in {"writer", "DictWriter"}
            or (
                node.func.attr == "to_csv"
                and {"sep", "index", "header"} & {keyword.arg for keyword in node.keywords}
            )
        )
    }
    assert writers == {"csv_files.py"}


def test_no_source_names_a_banned_word() -> None:
    """No sentence of the library names pupils by a label; only the list of forbidden words itself holds them."""
    from decrochage_risk.french import forbidden_in  # noqa: PLC0415 - the one test that needs the package

    found = {
        str(path.relative_to(ROOT)): words
        for path in SOURCES
        if path.name != "words.py" and (words := forbidden_in(path.read_text(encoding="utf-8")))
    }
    assert found == {}
