"""The benchmark on real data, as far as it goes without the data."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "real_data.py"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the script as a module."""
    spec = importlib.util.spec_from_file_location("benchmark_real_data", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_without_folder_it_says_what_to_pass(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --data it ends with 2, and names the option, each folder, its source and its licence."""
    assert benchmark.main([]) == 2
    told = capsys.readouterr().out
    assert "--data FOLDER" in told
    assert all(f"{name}/" in told for name in benchmark.FOLDERS)
    assert told.count("CC BY 4.0") == 2


def test_folder_that_is_not_whole_is_refused(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that lacks parts ends with 2, and all missing parts are named, not those that are there."""
    (tmp_path / "oulad_records").mkdir()
    assert benchmark.main(["--data", str(tmp_path)]) == 2
    first = capsys.readouterr().out.splitlines()[0]
    assert first.endswith(": oulad_clicks_records, uci_student")


def test_markdown_replaces_what_is_between_the_markers_only(benchmark: ModuleType, tmp_path: Path) -> None:
    """Tables go between the markers, twice the same; the words around them stay; a file without markers is replaced."""
    table = benchmark.Table("Title", ["", "AUC"], [["model", "0.7000"]])
    page = tmp_path / "page.md"
    page.write_text(f"before\n{benchmark.BEGIN}\nold\n{benchmark.END}\nafter\n", encoding="utf-8")
    benchmark.write_markdown(page, [table])
    once = page.read_text(encoding="utf-8")
    benchmark.write_markdown(page, [table])
    assert page.read_text(encoding="utf-8") == once
    assert once.startswith(f"before\n{benchmark.BEGIN}\n")
    assert once.endswith(f"{benchmark.END}\nafter\n")
    assert "| model | 0.7000 |" in once
    assert "old" not in once
    bare = tmp_path / "bare.md"
    bare.write_text("old", encoding="utf-8")
    benchmark.write_markdown(bare, [table])
    assert bare.read_text(encoding="utf-8") == table.to_markdown()
