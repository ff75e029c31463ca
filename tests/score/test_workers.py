from __future__ import annotations

import os
import subprocess
import sys

import pytest

FORKED = """
import os, signal, sys, threading, warnings
warnings.simplefilter("ignore")  # the demonstration model says that it is one; Python warns of forks among threads
import decrochage_risk as dr
from decrochage_risk import threads
from decrochage_risk.synthetic import make_cohort

threads.SMALL_BATCH = 20  # so that this small cohort is shared between threads, as a region is
records = make_cohort(150, [2024], seed=2).records
model = dr.load_model(sys.argv[1])
score = lambda: dr.score_pupils(records, as_of="2025-03-05", model=model, explain="all").to_json()

once = score()
stop = threading.Event()
def busy():
    while not stop.is_set():
        score()
for _ in range(3):
    threading.Thread(target=busy, daemon=True).start()
for _ in range(4):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a worker that hangs is killed
        same = score() == once
        os.write(writer, b"same" if same else b"differs")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        print(told.read().decode() or "hung")
    os.waitpid(child, 0)
stop.set()
"""

FIRST = """
import sys
import decrochage_risk as dr
model = dr.load_model(sys.argv[1])
dr.warm_up(model)
before = set(sys.modules)
import json
records = dr.PupilRecords.from_json(json.loads(sys.argv[2]))
import warnings
warnings.simplefilter("ignore", dr.DemoModelWarning)
scores = dr.score_pupils(records, as_of="2025-03-05", model=model, explain="all")
assert scores["a"].explained
scores.to_json()
heavy = ("decrochage_risk", "lightgbm", "numba", "pandas", "pyarrow", "scipy", "sklearn", "shap", "matplotlib")
print("loaded:", *sorted(name for name in set(sys.modules) - before if name.split(".")[0] in heavy))
print("drawn:", *[name for name in ("shap", "matplotlib") if name in sys.modules])
"""

PUPIL = """[{"pupil_id": "a", "birth_date": "2009-03-01", "enrolments": [{"school_year": 2024, "school_id": "0990001N",
"level": "2de_pro", "start_date": "2024-09-02"}], "absences": [{"date": "2025-03-03", "half_days": 2, "kind": "absence"}],
"grades": [{"date": "2025-02-03", "subject": "maths", "value": 7.5, "status": "graded", "kind": "assessment"}], "orientation": []}]"""


def ran(code: str, *arguments: str) -> list[str]:
    """Run some code in a Python of its own; give the lines that it printed."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603 - our own code
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_model: object) -> str:
    """Save the small model."""
    target = tmp_path_factory.mktemp("model") / "model"
    small_model.save(target)
    return str(target)


@pytest.mark.whole
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_worker_gives_the_same_bytes(folder: str) -> None:
    """Workers forked while other threads score neither hang nor differ by a byte."""
    assert ran(FORKED, folder) == ["same"] * 4


@pytest.mark.whole
def test_after_a_warm_up_the_first_score_loads_nothing(folder: str) -> None:
    """``warm_up`` has loaded every library and every module of ours that a first explained score needs, and no plots."""
    assert ran(FIRST, folder, PUPIL) == ["loaded:", "drawn:"]
