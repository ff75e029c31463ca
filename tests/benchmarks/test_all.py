"""The table of the benchmarks: who has a part in it, and what it says of met, missed and failed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def _benchmarks_on_the_path() -> None:
    """Let the scripts import one another, as they do when they are run."""
    sys.path.insert(0, str(FOLDER))


def script(name: str) -> ModuleType:
    """Import a script by its name."""
    return importlib.import_module(name)


def test_scripts_with_rows_are_found_without_being_loaded() -> None:
    """Whoever defines ``rows`` is in the table; studies and shared files are not."""
    found = script("all").scripts()
    assert {"import_time", "partitions"} <= set(found)
    assert not {"all", "measured", "oracle", "real_data"} & set(found)


@pytest.mark.parametrize(
    ("ratio", "at_least", "met"),
    [(1.2, False, True), (1.21, False, False), (8.0, True, True), (7.9, True, False)],
)
def test_a_target_is_a_ceiling_or_a_floor(*, ratio: float, at_least: bool, met: bool) -> None:
    """A ratio at its target is met; beyond it, on the wrong side, it is missed and the table says so."""
    found = script("measured").Measured("a / b", ratio, 8.0 if at_least else 1.2, "1 s", at_least)
    assert found.met is met
    line = script("all").line_of(found)
    assert line[2] == (">= 8" if at_least else "<= 1.2")
    assert line[3] == ("met" if met else "MISSED")


def test_a_script_that_fails_is_told_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One broken script is one line of the table and the exit code; the rest of the table is there."""
    collector = script("all")
    shared = "from measured import Measured\n"
    (tmp_path / "good.py").write_text(
        f"{shared}def rows(pupils):\n    return [Measured('x / y', pupils / 10, 3)]\n"
    )
    (tmp_path / "bad.py").write_text("def rows(pupils):\n    raise ValueError('out of order')\n")
    (tmp_path / "measured.py").write_text(
        (FOLDER / "measured.py").read_text(encoding="utf-8"), encoding="utf-8"
    )
    monkeypatch.setattr(collector, "FOLDER", tmp_path)
    monkeypatch.setattr(collector, "RUN", collector.RUN.replace(repr(str(FOLDER)), repr(str(tmp_path))))
    monkeypatch.setattr(sys, "argv", ["all.py", "--pupils", "20", "--markdown", str(tmp_path / "table.md")])
    with pytest.raises(SystemExit, match="failed: bad"):
        collector.main()
    out = capsys.readouterr().out
    assert "ValueError: out of order" in out
    good = next(line for line in out.splitlines() if line.startswith("| x / y"))
    assert [cell.strip() for cell in good.split("|")[1:5]] == ["x / y", "2.00", "<= 3", "met"]
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == out


def test_the_peak_of_a_process_is_its_own() -> None:
    """What the process that measures holds is not counted, what the other held for a moment is."""
    peak_memory = script("measured").peak_memory
    held = bytearray(200_000_000)
    small, out = peak_memory("import sys; print(sys.argv[1])", "said")
    large, _ = peak_memory("bytearray(80_000_000)")
    assert out.strip() == "said"
    assert small < len(held) / 2
    assert 75_000_000 < large - small < 95_000_000
