"""The generated page of the features."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.features import CATALOGUE, CONTEXT_COLUMNS, FAMILIES
from decrochage_risk.features.definition import SOURCES
from decrochage_risk.french import forbidden_in
from features_page import DIRECTIONS, features_page, unit_words

if TYPE_CHECKING:
    from types import ModuleType

    from decrochage_risk.features import Family, Feature

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/features.md"


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate_features", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _section(family: Family) -> str:
    title = f"\n## {family.label} : `{family.code}`\n"
    assert features_page().count(title) == 1
    return features_page().split(title)[1].split("\n## ")[0]


def test_page_on_disk_is_fresh() -> None:
    """The page on disk is what the catalogue gives now; if not, run python docs/generate.py."""
    assert (ROOT / PAGE).read_bytes() == features_page().encode("utf-8")


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
def test_every_feature_is_told_once_in_its_family(feature: Feature) -> None:
    """A feature has one line, in its family, with definition, window, unit, direction, table and revision."""
    lines = [line for line in features_page().splitlines() if line.startswith(f"| `{feature.name}` |")]
    assert len(lines) == 1
    assert lines[0] in _section(feature.family)
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert cells[1:5] == [
        feature.definition,
        feature.window.label,
        unit_words(feature.unit),
        DIRECTIONS[feature.direction],
    ]
    assert cells[5] == f"[`{feature.table}`](records.md)"
    assert cells[6] == str(feature.revision)
    assert cells[7] == feature.source


def test_sections_are_the_families_in_order_and_the_context() -> None:
    """The page has one section per family, in the order in which reasons are told, then the context columns."""
    titles = [line for line in features_page().splitlines() if line.startswith("## ")]
    told = [family for family in FAMILIES if any(feature.family is family for feature in CATALOGUE)]
    assert titles == [
        *(f"## {family.label} : `{family.code}`" for family in told),
        "## Contexte",
        "## Ce qui n’est pas connu",
        "## Sources",
    ]
    context = features_page().split("\n## Contexte\n")[1].split("\n## ")[0]
    assert [line.split("`")[1] for line in context.splitlines() if line.startswith("| `")] == list(
        CONTEXT_COLUMNS
    )


def test_every_source_is_listed_and_used() -> None:
    """Each source that a feature names is listed with its reference, and no other one is."""
    named = {name for feature in CATALOGUE for name in feature.source.split(" ; ")}
    assert named == set(SOURCES)
    assert all(f"- **{name}** : {SOURCES[name]}." in features_page() for name in named)


def test_directions_do_not_read_alike() -> None:
    """The three directions are told in three ways, and the opposite ones say opposite things."""
    assert sorted(DIRECTIONS) == [-1, 0, 1]
    assert len(set(DIRECTIONS.values())) == len(DIRECTIONS)
    assert "augmenter" in DIRECTIONS[1]
    assert "réduire" in DIRECTIONS[-1]


def test_page_holds_no_label_and_no_cause() -> None:
    """No forbidden word is in the page."""
    assert forbidden_in(features_page()) == []


def test_check_names_stale_files_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --check a stale page is named, exit 1, and left as it is; without, it is written, and then fresh."""
    generator = _generator()
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    page = tmp_path / PAGE
    page.write_text("autre", encoding="utf-8")
    capsys.readouterr()
    assert generator.main(["--check"]) == 1
    assert PAGE in capsys.readouterr().out
    assert page.read_text(encoding="utf-8") == "autre"
    assert generator.main([]) == 0
    assert page.read_bytes() == features_page().encode("utf-8")


def test_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """An argument that generate.py does not know is named with its usage, and nothing runs."""
    assert _generator().main(["--chek"]) == 2
    told = capsys.readouterr().out
    assert "--chek" in told
    assert "[--check]" in told
