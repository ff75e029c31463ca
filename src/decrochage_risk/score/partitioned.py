"""Scoring the parts of an extract one after the other, and putting what they give together as if it were one."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet as pq

from decrochage_risk.errors import DecrochageError, RecordsError, explain_error
from decrochage_risk.records.merged_faults import merge_counts
from decrochage_risk.records.part_runs import PartRuns, fingerprint, work_beside
from decrochage_risk.score.asked import unknown_exclude, unknown_explain
from decrochage_risk.score.digest import ScoreDigest
from decrochage_risk.score.merging import merge_tables, write_part
from decrochage_risk.score.score_request import FolderScores, ScoreRequest
from decrochage_risk.score.writing import fresh_lists, school_list, write_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from decrochage_risk.records.part_runs import Finished
    from decrochage_risk.records.partitions import Part
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["score_parts"]

_TABLES = ("scores", "reasons", "contributions")
_SCHOOLS_AT_ONCE = 200


def score_parts(
    source: Path,
    target: Path,
    asked: ScoreRequest,
    parts: int,
    calendar: SchoolCalendar | None,
    progress: Callable[[str, int, int], None],
) -> FolderScores:
    """Score a folder part by part.

    Parameters
    ----------
    source, target : Path
        Extracts, and where the results are written.
    asked : ScoreRequest
        The choices.
    parts : int
        How many.
    calendar : SchoolCalendar, optional
        As for ``PupilRecords.read``.
    progress : callable
        As for ``score_folder``.
    """
    try:
        choices = asked.choices() | {"calendar": None if calendar is None else calendar.version}
        progress("Empreinte des fichiers", 0, 0)
        runs = PartRuns(
            source,
            work_beside(target),
            parts,
            key=fingerprint(source, choices),
            calendar=calendar,
            started_before=asked.as_of,
            progress=progress,
        )
        try:
            digest = _scored(runs, target, asked, progress)
        except DecrochageError:
            runs.clear()  # the files or the choices will change
            raise
        runs.clear()
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"The scores cannot be written into {target} ({error.strerror or error})",
                expected="a folder that can be made and written, with room for a copy of the extracts beside it",
                hint="Make room or choose another folder; started again, the run goes on where it stopped.",
            )
        ) from error
    return FolderScores(target, digest, parts, runs.split.notes, runs.split.ignored)


def _scored(
    runs: PartRuns, target: Path, asked: ScoreRequest, progress: Callable[[str, int, int], None]
) -> ScoreDigest:
    finished = runs.run(
        lambda part, folder: _score_part(part, folder, asked),
        "Scores et motifs",
        raise_faults=asked.raise_faults,
    )
    if not finished:
        runs.people().known_on(asked.as_of)  # says why nobody is known on that day
    kept = [json.loads((each.folder / "digest.json").read_text(encoding="utf-8")) for each in finished]
    _refuse_unknown(asked, {pupil for each in kept for pupil in each["named"]})
    progress("Écriture", 0, 0)
    digest = ScoreDigest.merged(
        [ScoreDigest.from_dict(each["digest"]) for each in kept],
        merge_counts((each.faults for each in finished), runs.split.shared),
    )
    _write(finished, digest, target)
    return digest


def _score_part(part: Part, folder: Path, asked: ScoreRequest) -> None:
    """Score one group of parts, and write what the results of all will be made of."""
    ids = pd.Index(part.records.pupils["pupil_id"].to_numpy(dtype=object))
    named = [pupil for pupil in {*asked.exclude, *asked.explained} if pupil in ids]
    scores = asked.score_part(part.records, frozenset(named))
    write_part(scores.frame, part.place, folder / "scores.arrow")
    write_part(scores.contributions, part.place, folder / "contributions.arrow")
    of_pupil = ids.get_indexer(pd.Index(scores.reasons["pupil_id"].to_numpy(dtype=object)))
    write_part(scores.reasons, part.place[of_pupil], folder / "reasons.arrow")
    flagged = scores.flagged
    if len(flagged):
        lines = school_list(scores, flagged)
        where = flagged[["school_id", "class_id", "pupil_id"]].reset_index(drop=True)
        lines.join(where).to_parquet(folder / "lists.parquet", row_group_size=1_000)
    kept = {"digest": ScoreDigest.of(scores).to_dict(), "named": named}
    (folder / "digest.json").write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")


def _refuse_unknown(asked: ScoreRequest, known: set[str]) -> None:
    """Say which pupils named by their id are in no part."""
    if strangers := [pupil for pupil in asked.explained if pupil not in known]:
        raise unknown_explain(strangers)
    if strangers := [pupil for pupil in asked.exclude if pupil not in known]:
        warnings.warn(unknown_exclude(strangers), stacklevel=5)


def _write(finished: Sequence[Finished], digest: ScoreDigest, target: Path) -> None:
    """Write the same files as ``RiskScores.write``."""
    lists = fresh_lists(target)
    for name in _TABLES:
        merge_tables([each.folder / f"{name}.arrow" for each in finished], target / f"{name}.parquet")
    run = json.dumps(digest.run.to_dict(), ensure_ascii=False, indent=1)
    (target / "run.json").write_text(f"{run}\n", encoding="utf-8")
    paths = [path for each in finished if (path := each.folder / "lists.parquet").is_file()]
    schools = sorted({school for path in paths for school in _schools_of(path)})
    for first in range(0, len(schools), _SCHOOLS_AT_ONCE):
        chosen = schools[first : first + _SCHOOLS_AT_ONCE]
        rows = pd.concat([pd.read_parquet(path, filters=[("school_id", "in", chosen)]) for path in paths])
        for school, of_school in rows.groupby("school_id", sort=True):
            ordered = of_school.sort_values(["class_id", "pupil_id"], kind="stable", na_position="last")
            write_list(ordered.drop(columns=["school_id", "class_id", "pupil_id"]), lists / f"{school}.csv")


def _schools_of(path: Path) -> list[str]:
    found: list[str] = pq.read_table(path, columns=["school_id"]).column(0).unique().drop_null().to_pylist()
    return found
