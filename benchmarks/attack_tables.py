"""Tables in which cells, columns and types were changed: a report of faults, or a result for everybody who came."""

from __future__ import annotations

import random
import warnings

import pandas as pd

from attack import REFUSED, SURVIVED, Outcome, Section, apart, sorted_out
from rows_attacked import HOSTILE, extract, facts_of

__all__ = ["SECTION", "attempt"]


def attempt(seed: int) -> str:
    """Change some things of an extract, and read it in one of the two modes."""
    import decrochage_risk as dr  # noqa: PLC0415 - in the process apart

    warnings.simplefilter("ignore")
    chance = random.Random(seed)  # noqa: S311 - tries that can be repeated
    frames = {name: pd.DataFrame(rows) for name, rows in extract(chance).items()}
    for _ in range(chance.randrange(1, 4)):
        name = chance.choice(list(frames))
        if frames[name].shape[1]:
            frames[name] = _changed(frames[name], chance)
    mode = chance.choice(["raise", "quarantine"])
    try:
        records = dr.PupilRecords(**frames, on_fault=mode)
        facts = facts_of(records)
    except dr.DecrochageError as error:
        str(error)
        return REFUSED
    if isinstance(facts, str):
        return facts
    str(records.faults)
    return SURVIVED


def _changed(frame: pd.DataFrame, chance: random.Random) -> pd.DataFrame:  # noqa: PLR0911 - one return per kind of change
    if not frame.columns.is_unique:
        return frame
    column = chance.choice(list(frame.columns))
    what = chance.choice(
        ["cell", "cell", "cell", "column", "dropped", "renamed", "doubled", "rows", "type", "empty"]
    )
    if what == "cell" and len(frame):
        cells = frame[column].astype(object).tolist()
        cells[chance.randrange(len(cells))] = chance.choice(HOSTILE)
        return _with_column(frame, column, cells)
    if what == "column":
        value = chance.choice(HOSTILE)
        return _with_column(frame, column, [value] * len(frame))
    if what == "dropped":
        return frame.drop(columns=column)
    if what == "renamed":
        return frame.rename(columns={column: chance.choice(["", "x", "pupil_id", "Date", 5])})
    if what == "doubled":
        return pd.concat([frame, frame[[column]]], axis=1)
    if what == "rows":
        return pd.concat([frame, frame.sample(min(3, len(frame)), random_state=chance.randrange(999))])
    if what == "type":
        return _with_column(
            frame, column, frame[column].astype(chance.choice(["string", "category", object]))
        )
    return frame.head(0)


def _with_column(frame: pd.DataFrame, column: object, cells: list[object] | pd.Series) -> pd.DataFrame:
    changed = frame.copy()  # not by a keyword: a column may be named by a number
    changed[column] = (
        cells if isinstance(cells, pd.Series) else pd.Series(cells, dtype=object, index=frame.index)
    )
    return changed


def run(tries: int, seed: int) -> Outcome:
    """Try some mutated extracts."""
    return sorted_out((f"seed {case}", answer) for case, answer in apart(attempt, range(seed, seed + tries)))


SECTION = Section("mutated tables", 1640, run)
