"""Models that were edited and sealed anew, checksums and all: refused with a message, or they score finite values.

Each try changes one thing of the bundled model (a number or an array of a booster, a line, a value of a JSON file or of the
manifest), computes the checksums again, and has a process apart load the folder, score pupils with their reasons, read the
table of thresholds and watch for drift.
"""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attack import REFUSED, SURVIVED, Outcome, Section, apart, sorted_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from decrochage_risk.records import PupilRecords

__all__ = ["SECTION", "attempt", "edit", "reseal"]

DEMO = Path(__file__).resolve().parents[1] / "models" / "demo"
AS_OF = "2026-03-05"
TOKENS = ("-1", "0", "1", "7", "95", "96", "1000000000", "2147483648", "-2147483649", "1e308", "-1e308", "nan", "inf", "-inf", "1e-320", "x", "", "0x10", "9" * 400, "1_0", "+1", "3.5")  # fmt: skip
VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "x", "3e@13", [], {}, [[]], [1], {"a": 1}, "é\u0000"),
    *(-1, 0, 1, 2, 10**9, 10**12, 10**400, -(10**9), 0.5, 1e308, -1e308, 1e-320),
    *(float("nan"), float("inf"), float("-inf")),
)


def edit(seed: int) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Change one thing of the bundled model; give what, the manifest and the files."""
    chance = random.Random(seed)  # noqa: S311 - an experiment, no secret
    manifest, files = _bundled()
    kind = chance.choice([_number, _number, _array, _line, _line, _value, _value, _value, _raw])
    name = chance.choice(sorted(name for name in files if not name.startswith("card")))
    if kind in {_number, _array, _line} and not name.endswith(".txt"):
        name = chance.choice(["booster-0.txt", "booster-3.txt"])
    if kind in {_value, _raw}:
        name = chance.choice(["calibration.json", "references.json", "distributions.json", "manifest.json"])
    if name == "manifest.json":
        held = {key: value for key, value in manifest.items() if key != "files"}
        told = _change(held, chance)
        manifest = held
    else:
        told, files[name] = kind(files[name], chance)
    return f"{name}, {told}", manifest, files


@cache
def _texts() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in DEMO.iterdir()}


def _bundled() -> tuple[dict[str, Any], dict[str, str]]:
    files = dict(_texts())
    return json.loads(files.pop("manifest.json")), files


def _spot(text: str, chance: random.Random) -> tuple[list[str], int]:
    """Choose a line: as often the header and the keys that steer as all the numbers together."""
    lines = text.split("\n")
    steering = ("left_child", "right_child", "split_feature", "num_leaves", "tree_sizes", "decision_type", "max_feature", "num_cat", "is_linear", "threshold", "leaf_value")  # fmt: skip
    some = [at for at, line in enumerate(lines) if line.startswith(steering)]
    return lines, chance.choice(some if chance.random() < 0.7 else range(len(lines)))


def _number(text: str, chance: random.Random) -> tuple[str, str]:
    lines, at = _spot(text, chance)
    key, _, row = lines[at].partition("=")
    cells = row.split(" ")
    place = chance.randrange(len(cells))
    before = cells[place]
    cells[place] = chance.choice(TOKENS) if chance.random() < 0.7 else _near(before, chance)
    lines[at] = f"{key}={' '.join(cells)}"
    return f"line {at} {key[:30]}: {before[:20]!r} -> {cells[place][:20]!r}", "\n".join(lines)


def _near(cell: str, chance: random.Random) -> str:
    try:
        return str(int(cell) + chance.choice([-1, 1, 3]))
    except ValueError:
        return f"-{cell}"


def _array(text: str, chance: random.Random) -> tuple[str, str]:
    lines, at = _spot(text, chance)
    key, _, row = lines[at].partition("=")
    cells = row.split(" ")
    what = chance.choice(["cut", "twice", "turned", "empty", "long"])
    shapes: dict[str, list[str]] = {
        "cut": cells[: len(cells) // 2],
        "twice": cells + cells,
        "turned": cells[::-1],
        "empty": [],
        "long": cells * 5_000,
    }
    lines[at] = f"{key}={' '.join(shapes[what])}"
    return f"line {at} {key[:30]}: {what}", "\n".join(lines)


def _line(text: str, chance: random.Random) -> tuple[str, str]:
    lines, at = _spot(text, chance)
    other = chance.randrange(len(lines))
    what = chance.choice(["deleted", "doubled", "moved", "cut off after", "replaced"])
    told = f"line {at} {lines[at][:30]!r} {what}"
    if what == "deleted":
        del lines[at]
    elif what == "doubled":
        lines.insert(at, lines[at])
    elif what == "moved":
        lines.insert(other, lines.pop(at))
    elif what == "cut off after":
        lines = lines[:at]
    else:
        lines[at] = lines[other]
    return told, "\n".join(lines)


def _value(text: str, chance: random.Random) -> tuple[str, str]:
    values = json.loads(text)
    told = _change(values, chance)
    return told, _dumped(values)


def _raw(text: str, chance: random.Random) -> tuple[str, str]:
    """Break the JSON itself."""
    breaks: dict[str, Callable[[str], str]] = {
        "cut off": lambda whole: whole[: len(whole) // 2],
        "deep": lambda _: "[" * 100_000,
        "a key twice": lambda whole: whole.replace("{", '{"spread_factor": 1.0, "spread_factor": 2.0,', 1),
        "empty": lambda _: "",
        "a long number": lambda _: "9" * 10_000,
    }
    what = chance.choice(sorted(breaks))
    return what, breaks[what](text)


def _dumped(values: object) -> str:
    return json.dumps(values, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _change(values: Any, chance: random.Random) -> str:  # noqa: ANN401 - any JSON
    """Change one entry, at any depth, in place."""
    path: list[str | int] = []
    here = values
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = chance.choice(keys)
        path.append(key)
        inner = here[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.15:
            break
        here = inner
    what = chance.choice(["set", "set", "set", "deleted", "added", "doubled", "turned"])
    if what == "deleted":
        del here[key]
    elif what == "added" and isinstance(here, dict):
        here["unknown"] = chance.choice(VALUES)
    elif what == "doubled" and isinstance(here, list):
        here.append(here[key])
    elif what == "turned" and isinstance(here, list):
        here.reverse()
    else:
        what = f"set to {str(value := chance.choice(VALUES))[:20]!r}"
        here[key] = value
    return f"{'.'.join(map(str, path))[:80]} {what}"


def reseal(folder: Path, manifest: dict[str, Any], files: dict[str, str]) -> None:
    """Write a folder whose checksums hold, whatever is in it."""
    folder.mkdir(parents=True)
    contents = {name: text.encode("utf-8", "surrogatepass") for name, text in files.items()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    written = {
        name: {"bytes": len(content), "sha256": _sha256(content)} for name, content in contents.items()
    }
    document = {key: value for key, value in manifest.items() if key != "seal"} | {"files": written}
    document["seal"] = _sha256(_dumped(document).encode("utf-8", "surrogatepass"))
    (folder / "manifest.json").write_bytes(_dumped(document).encode("utf-8", "surrogatepass"))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@cache
def _records() -> PupilRecords:
    from decrochage_risk.synthetic import make_cohort  # noqa: PLC0415 - in the process apart

    return make_cohort(60, [2024, 2025], seed=5).records


def attempt(seed: int) -> str:
    """Edit, seal anew, load and use one model."""
    import decrochage_risk as dr  # noqa: PLC0415 - in the process apart

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        _, manifest, files = edit(seed)
        reseal(folder, manifest, files)
        try:
            model = dr.load_model(folder)
        except dr.DecrochageError as error:
            return REFUSED if "\nExpected: " in str(error) else f"refused without what was expected: {error}"
        scores = dr.score_pupils(_records(), as_of=AS_OF, model=model, explain="all")
    frame = scores.frame
    numbers = frame[["risk", "risk_low", "risk_high"]].dropna().to_numpy(dtype=float)
    if not (np.isfinite(numbers).all() and (numbers >= 0).all() and (numbers <= 1).all()):
        return "a risk is no probability"
    for one in scores:
        json.dumps(one.model_dump(mode="json"), allow_nan=False)
    dr.watch_drift(model, _records(), AS_OF).to_json()
    try:
        dr.threshold_table(model)
    except dr.DecrochageError:
        return SURVIVED
    return SURVIVED


def run(tries: int, seed: int) -> Outcome:
    """Try some edits, one after the other, in a process apart."""
    return sorted_out(_told(apart(attempt, range(seed, seed + tries))))


def _told(answers: Iterator[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    for case, answer in answers:
        yield f"seed {case}: {edit(case)[0]}", answer


SECTION = Section("resealed models", 500, run)
