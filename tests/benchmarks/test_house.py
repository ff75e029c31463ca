"""What the house is measured by, and the two measures that are laws: no circle, no hidden climb."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def house() -> ModuleType:
    """Import the script that measures."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    return import_module("house")


def package_of(folder: Path, **modules: str) -> Path:
    """Write a package of a few modules."""
    package = folder / "rooms"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    for name, text in modules.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    return package


@pytest.mark.whole
def test_no_module_imports_in_a_circle(house: ModuleType) -> None:
    """No module imports itself by way of others, not for types nor inside a function either."""
    assert house.circles_of(house.imports_of(house.modules_of(house.PACKAGE))) == []


def test_a_circle_is_found_wherever_the_import_stands(house: ModuleType, tmp_path: Path) -> None:
    """An import for types, inside a function or relative closes a circle like any other."""
    package = package_of(
        tmp_path,
        one="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rooms.two import T\n",
        two="def f():\n    from rooms import three\n    return three\n",
        three="from .one import x\n",
        four="import rooms.one\n",
    )
    circles = house.circles_of(house.imports_of(house.modules_of(package)))
    assert circles == [["rooms.one", "rooms.three", "rooms.two"]]


@pytest.mark.whole
def test_nothing_is_imported_by_a_string_but_by_the_door(house: ModuleType) -> None:
    """Only the one public door imports by a name made at run time: elsewhere an arrow must be seen by whoever reads."""
    climbing = [
        name
        for name, path in house.modules_of(house.PACKAGE).items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in {"import_module", "__import__"}
    ]
    assert set(climbing) <= {"decrochage_risk"}


def test_the_page_of_the_house_tells_the_layers_that_the_lint_holds() -> None:
    """The layers of docs/architecture.md are those of the import contract, each with its line in the table."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert "```\n" + "\n".join(layers) + "\n```" in page
    described = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))))
    assert {name for layer in layers for name in layer.split(" | ")} <= described


def test_a_bare_participle_is_told_from_a_noun(house: ModuleType) -> None:
    """A name that only says that something was done counts; one that says what it is does not."""
    assert all(map(house.is_participle, ("found", "_kept", "merged", "told")))
    assert not any(map(house.is_participle, ("seed", "faults", "kept_rows", "flagged_pupils", "speed")))
