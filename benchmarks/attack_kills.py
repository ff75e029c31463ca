"""Runs that are killed while they write a folder of results: the old result or the new one, whole; the next run writes."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

from attack import SURVIVED, Outcome, Section, sorted_out

__all__ = ["SECTION", "attempt"]

_CODE = """
import os, pathlib, random, sys
from decrochage_risk import result_folders
target, text, at = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
calls = 0
def die(frame, event, arg):
    global calls
    calls += event == "c_call"
    if 0 < at == calls:
        os.kill(os.getpid(), 9)
with result_folders.ResultFolder(target) as result:
    sys.setprofile(die)
    for number in range(5):
        (result.draft / f"file-{number}").write_text(text)
"""
_NAMES = {"files.json", *(f"file-{number}" for number in range(5))}


def attempt(seed: int) -> str:
    """Write a result, kill a second run at some call of the system, look, and write a third one."""
    at = random.Random(seed).randrange(1, 900)  # noqa: S311 - tries that can be repeated
    with tempfile.TemporaryDirectory() as home:
        target = Path(home, "out")
        if _write(target, "old", 0):
            return "the first run failed"
        code = _write(target, "new", at)
        if code not in {0, -9}:
            return f"the run ended with {code}"
        texts = _texts(target)
        # Between the two steps of a swap the old result stands aside; the next run puts it back.
        texts = texts or _texts(target.with_name(".out.former"))
        if set(texts) != _NAMES or len({texts[name] for name in _NAMES - {"files.json"}}) != 1:
            return f"killed at call {at}: {sorted(texts)}"
        if _write(target, "third", 0) or set(_texts(target).values()) - {"third"} != {
            _texts(target)["files.json"]
        }:
            return f"after a kill at call {at} the next run did not write"
    return SURVIVED


def _write(target: Path, text: str, at: int) -> int:
    command = [sys.executable, "-c", _CODE, str(target), text, str(at)]
    return subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603 - our own code


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.is_dir() else {}


def run(tries: int, seed: int) -> Outcome:
    """Kill some runs."""
    return sorted_out((f"seed {case}", attempt(case)) for case in range(seed, seed + tries))


SECTION = Section("kills", 100, run)
