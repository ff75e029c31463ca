"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the project: one change, one place, and the tests stay green."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("src", "tests", "docs", "data", "models", "benchmarks", "notebooks")
SRC = "src/decrochage_risk"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Edit:
    """Put a text before another one, which stands once in a file."""

    file: str
    before: str
    text: str


@dataclass(frozen=True)
class Drill:
    """A recipe: its edits, whether pages are made again, and the tests that speak of it."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    makes_pages: bool = True


DRILLS = (
    Drill(
        "feature",
        (
            Edit(
                f"{SRC}/features/absence.py",
                '    Feature(\n        name="lateness_change_4w",',
                "    Feature(\n"
                '        name="lateness_4w",\n'
                "        family=LATENESS_EXCLUSIONS,\n"
                '        table="absences",\n'
                "        window=LAST_4W,\n"
                '        unit="events",\n'
                "        direction=1,\n"
                "        source=GPDS,\n"
                '        definition="Retards notés au cours des 4 dernières semaines, les jours de classe.",\n'
                '        compute=_sum_of("lateness", LAST_4W),\n'
                "        needs_attendance=True,\n"
                "        wording=Wording(\n"
                '            "{value} {noun} {since}", noun=("retard", "retards"), zero="aucun retard {since}"\n'
                "        ),\n"
                "    ),\n",
            ),
            Edit(
                "tests/features/test_beyond_examples.py",
                "    # 2 on a Monday and 1 on a Friday, of 4.\n",
                '    Case("lateness_4w", 1.0, absences=[absence("2025-01-15", 0) | {"kind": "lateness"}]),\n',
            ),
            Edit(
                "tests/features/oracle_beyond.py",
                '        "lateness_change_4w": ',
                '        "lateness_4w": float(sum(d >= four for d in late)) if pupil.attendable_days(four, end) else NAN,\n',
            ),
        ),
        ("tests/features/test_beyond_examples.py", "tests/features/test_catalogue_laws.py", "tests/docs"),
    ),
    Drill(
        "column",
        (
            Edit(
                f"{SRC}/records/table_schemas.py",
                "    kind: GradeKind = column(\n",
                "    period: int | None = column(\n"
                '        "Term of the school year.", "Période", "Numéro de la période de l’année.", default=None, ge=1, le=6\n'
                "    )\n",
            ),
        ),
        ("tests/records/test_event_order.py", "tests/records/test_tables.py", "tests/docs"),
    ),
    Drill(
        "measure",
        (
            Edit(
                f"{SRC}/policy/measures.toml",
                "[[measures]]\n",
                "[[measures]]\n"
                'code = "essai"\n'
                'label = "Mesure d\'essai"\n'
                'text = "Une mesure écrite pour un essai."\n'
                "min_age = 14\n"
                "max_age = 19\n"
                'levels = "all"\n'
                "valid_from = 2024-09-01\n"
                'reading = "title"\n'
                'source = "aucune : un essai"\n\n',
            ),
        ),
        ("tests/policy",),
    ),
    Drill(
        "metric",
        (
            Edit(
                f"{SRC}/evaluate/figures.py",
                "    ece: float | None = None\n",
                "    mean_gap: float | None = None\n",
            ),
            Edit(
                f"{SRC}/evaluate/figures.py",
                '        "brier": parts.brier,\n',
                '        "mean_gap": float(np.mean(risk) - np.mean(outcomes)),\n',
            ),
        ),
        ("tests/evaluate/test_figures.py", "tests/evaluate/test_report.py"),
        makes_pages=False,
    ),
    Drill(
        "wording",
        (
            Edit(
                f"{SRC}/features/absence.py",
                '            zero="aucun retard {since}",\n            companion=_recent_part("lateness"',
                "",
            ),
        ),
        ("tests/explain/test_sentences.py", "tests/docs"),
    ),
)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Python in a copy of the project, against its own sources."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the project, without what was made from it."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in COPIED:
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
        )
    for path in ROOT.glob("*"):
        if path.is_file():
            shutil.copy(path, folder / path.name)
    return folder


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_a_recipe_that_is_followed_ends_green(drill: Drill, copy: Path) -> None:
    """A small change made where CONTRIBUTING says, and nowhere else, leaves the related tests green."""
    for edit in drill.edits:
        path = copy / edit.file
        text = path.read_text(encoding="utf-8")
        assert edit.before in text, f"{edit.file} no longer holds {edit.before!r}"
        changed = text.replace(edit.before, edit.text + edit.before, 1)
        if drill.name == "wording":
            changed = text.replace('zero="aucun retard {since}"', 'zero="aucun retard noté {since}"')
        assert changed != text
        path.write_text(changed, encoding="utf-8")
    if drill.makes_pages:
        made = run(copy, "docs/generate.py")
        assert made.returncode == 0, made.stderr[-3000:]
    done = run(copy, "-m", "pytest", "-q", "-x", "-m", "not slow", *drill.tests)
    assert done.returncode == 0, done.stdout[-4000:]
