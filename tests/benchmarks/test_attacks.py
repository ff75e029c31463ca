"""The campaign against the product, in small: no fault, and the sections tell one from the other."""

from __future__ import annotations

import importlib
import os
import sys
import time
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


def misbehave(case: str) -> str:
    """Do what an attacked product must not do."""
    if case == "dies":
        os.abort()
    if case == "hangs":
        time.sleep(600)
    if case == "fails":
        raise ValueError(case)
    return case


@pytest.mark.whole
def test_a_process_that_dies_hangs_or_fails_is_told_and_replaced() -> None:
    """Each case has its answer: what it gave, the exception, the end of the process or the time that was up."""
    cases = ["refused", "dies", "survived", "hangs", "fails", "refused"]
    found = dict(
        enumerate(answer for _, answer in script("attack").apart(misbehave, cases, seconds=2, first=60))
    )
    assert [found[at] for at in (0, 2, 5)] == ["refused", "survived", "refused"]
    assert found[1].startswith("the process died")
    assert found[3].startswith("no answer after")
    assert found[4] == "ValueError: fails"


def test_outcomes_count_what_was_tried_refused_and_at_fault() -> None:
    """A fault is whatever is neither refused nor survived, and it is told with what was tried."""
    found = script("attack").sorted_out([("a", "refused"), ("b", "survived"), ("c", "KeyError: 1")])
    assert (found.tried, found.refused, found.faults) == (3, 1, ["c: KeyError: 1"])
    assert "| 3     | 1       | 1      |" in script("attacks").table_of({"x": found})


def test_every_section_of_the_folder_is_in_the_campaign() -> None:
    """A script ``attack_*.py`` that nobody runs would be a test that cannot fail."""
    scripts = {path.stem for path in FOLDER.glob("attack_*.py")}
    assert {script(name).SECTION.name for name in scripts} == {one.name for one in script("attacks").SECTIONS}


@pytest.mark.whole
def test_edits_change_something_and_are_repeatable() -> None:
    """The same seed is the same edit; of 40 edits at least 35 change the folder."""
    edit = script("attack_resealed").edit
    before = script("attack_resealed")._bundled()
    assert [edit(seed)[0] for seed in range(40)] == [edit(seed)[0] for seed in range(40)]
    assert sum(edit(seed)[1:] != before for seed in range(40)) >= 35


@pytest.mark.slow
def test_resealed_models_are_refused_or_score_finite_values() -> None:
    """Twenty edited models whose checksums hold: each is refused with a message, or scores; none crashes or hangs."""
    found = script("attacks").SECTIONS[0].run(20, 7_000)
    assert found.tried == 20
    assert found.faults == []
