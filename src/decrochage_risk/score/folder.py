"""Scoring a folder of extracts into a folder of results, at once or, when it is larger than memory, part by part."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from decrochage_risk.errors import DemoModelWarning
from decrochage_risk.policy import load_policy
from decrochage_risk.records.partitions import checked_parts
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.reading import read_folder
from decrochage_risk.records.sizing import choose_parts
from decrochage_risk.school_year import SchoolCalendar, to_date
from decrochage_risk.score.asked import refuse_other_kinds
from decrochage_risk.score.demo_model import DEMO_NOTICE, load_demo_model
from decrochage_risk.score.digest import ScoreDigest
from decrochage_risk.score.partitioned import score_parts
from decrochage_risk.score.score_request import FolderScores, ScoreRequest, ids_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.policy import Policy
    from decrochage_risk.score.asked import Explain

__all__ = ["score_folder"]

_STEPS = 3


def score_folder(  # noqa: PLR0913 - the choices of a run, each with its default
    folder: str | Path,
    out: str | Path,
    *,
    as_of: object,
    model: TrainedModel | None = None,
    policy: Policy | None = None,
    explain: Explain | Collection[str] = "flagged",
    exclude: Iterable[str] = (),
    on_fault: str = "raise",
    calendar: SchoolCalendar | None = None,
    partitions: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> FolderScores:
    """Score every pupil of a folder of extracts, and write the results.

    A folder that does not fit in memory is split by pupil, in one pass, into parts that do; each goes through the same code,
    and the results are the same bytes. The work in progress stands beside ``out``, in ``.NAME.partitions``: a run that was
    stopped goes on there when it is started again with the same files and choices, and the folder is removed at the end.

    Parameters
    ----------
    folder, out : str or Path
        Extracts, as for ``PupilRecords.read``, and where to write, as ``RiskScores.write`` does.
    as_of, model, policy, explain, exclude
        As for ``score_pupils``.
    on_fault : {"raise", "quarantine"}
        As for ``PupilRecords``.
    calendar : SchoolCalendar, optional
        As for ``PupilRecords.read``.
    partitions : int, optional
        Into how many parts to split; 1 scores everybody at once. By the size of the files and the memory that is free when
        left out.
    progress : callable, optional
        Called at the beginning of each step with a French line, how much is done and how much there is (0: not known).

    Returns
    -------
    FolderScores

    Raises
    ------
    DecrochageError
        As for ``PupilRecords.read`` and ``score_pupils``; RecordsError also when the results cannot be written.

    Warns
    -----
    DemoModelWarning, RecordsWarning
        As for ``score_pupils``.

    Examples
    --------
    >>> import tempfile, warnings
    >>> from decrochage_risk.synthetic import make_cohort
    >>> with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the demonstration model says that it is one
    ...     _ = make_cohort(30, [2023, 2024], seed=1).write(f"{place}/extracts")
    ...     done = score_folder(f"{place}/extracts", f"{place}/scores", as_of="2025-03-05", partitions=2)
    >>> done.parts, done.digest.pupils
    (2, 30)
    """
    source, target = Path(folder), Path(out)
    refuse_other_kinds(model, policy)
    count = checked_parts(choose_parts(source) if partitions is None else partitions, on_fault)
    asked = ScoreRequest(
        to_date(as_of),
        model or load_demo_model(),
        policy or load_policy(),
        explain,
        ids_of(exclude),
        raise_faults=on_fault == "raise",
    )
    if asked.model.demo:
        hint = "Hint: train_model(records, outcomes) trains a model on your own data."
        warnings.warn(f"{DEMO_NOTICE} {hint}", DemoModelWarning, stacklevel=2)
    tell = progress or (lambda _line, _done, _all: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DemoModelWarning)  # said once, above
        if count == 1:
            return _score_at_once(source, target, asked, calendar, tell)
        return score_parts(source, target, asked, count, calendar, tell)


def _score_at_once(
    source: Path,
    target: Path,
    asked: ScoreRequest,
    calendar: SchoolCalendar | None,
    progress: Callable[[str, int, int], None],
) -> FolderScores:
    progress("Lecture et vérification des extraits", 0, _STEPS)
    found = read_folder(source)
    records = PupilRecords.of_folder(
        found, on_fault="raise" if asked.raise_faults else "quarantine", calendar=calendar
    )
    progress("Scores et motifs", 1, _STEPS)
    scores = asked.score(records)
    progress("Écriture", 2, _STEPS)
    scores.write(target)
    return FolderScores(target, ScoreDigest.of(scores), 1, found.notes, found.ignored)
