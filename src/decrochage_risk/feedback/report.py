"""How right the flags were in the eyes of those who know the pupils, by level and by family of reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.features import FAMILIES
from decrochage_risk.feedback.reading import Feedback
from decrochage_risk.feedback.rows import JUDGEMENTS
from decrochage_risk.model import jeffreys_interval
from decrochage_risk.policy import SMALLEST_CELL
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.score import RiskScores

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["judged_flags"]

_COLUMNS = ("by", "group", "flagged", "judged", *JUDGEMENTS, "precision", "low", "high")
_RIGHT = ["pertinent", "already_supported"]


def judged_flags(scores: RiskScores, feedback: Feedback) -> pd.DataFrame:
    """Count the judgements of the flagged pupils of a run.

    A flag of a pupil who is already supported was right: it counts with the pertinent ones, and apart. Judgements of
    another as-of date, or of pupils who were not flagged, are not counted. Those judged are not a sample of those
    flagged: teams judge whom they meet.

    Parameters
    ----------
    scores : RiskScores
        The run.
    feedback : Feedback
        What people said.

    Returns
    -------
    DataFrame
        ``by`` ("all", "level", "family"), ``group``; ``flagged``, ``judged`` and the three judgements; ``precision``,
        the share of flags judged right, with its 90 % Jeffreys interval ``low``, ``high``. A row with a cell of 1 to
        4 pupils keeps its numbers to itself, but for ``flagged`` from 5 on. A pupil counts in each family of its
        aggravating reasons.

    Raises
    ------
    RecordsError
        Other things than scores and feedback.
    """
    _refuse_other_kinds(scores, feedback)
    said = feedback.frame[feedback.frame["as_of"] == pd.Timestamp(scores.run.as_of)]
    judgement = said.dropna(subset=["judgement"]).set_index("pupil_id")["judgement"].astype(object)
    flagged = scores.frame.loc[scores.frame["flagged"], ["pupil_id", "level"]]
    flagged = flagged.assign(judgement=flagged["pupil_id"].map(judgement))
    rows = [_row("all", "all", flagged)]
    rows += _parts("level", flagged.assign(group=flagged["level"]), LEVEL_NAMES)
    reasons = scores.reasons[scores.reasons["direction"] == "aggravating"]
    families = reasons[["pupil_id", "family"]].drop_duplicates().rename(columns={"family": "group"})
    codes = tuple(family.code for family in FAMILIES)
    rows += _parts("family", flagged.merge(families, on="pupil_id"), codes)
    numbers = dict.fromkeys(("flagged", "judged", *JUDGEMENTS), "Int64")
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(numbers)


def _refuse_other_kinds(scores: object, feedback: object) -> None:
    wrong = [] if isinstance(scores, RiskScores) else [f"scores is a {type(scores).__name__}"]
    wrong += [] if isinstance(feedback, Feedback) else [f"feedback is a {type(feedback).__name__}"]
    if wrong:
        raise RecordsError(
            explain_error(
                "; ".join(wrong),
                expected="what score_pupils gave, and what read_feedback gave",
                hint="judged_flags(scores, read_feedback(table, records)).",
            )
        )


def _parts(by: str, rows: pd.DataFrame, order: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for group in order:
        own = rows[rows["group"] == group]
        if len(own):
            yield _row(by, group, own)


def _row(by: str, group: str, flagged: pd.DataFrame) -> dict[str, Any]:
    counts = {name: int((flagged["judgement"] == name).sum()) for name in JUDGEMENTS}
    judged, total = sum(counts.values()), len(flagged)
    row: dict[str, Any] = {"by": by, "group": group, "flagged": pd.NA if 0 < total < SMALLEST_CELL else total}
    cells = (judged, total - judged, *counts.values())
    if not judged or any(0 < cell < SMALLEST_CELL for cell in cells):
        return row
    right = sum(counts[name] for name in _RIGHT)
    low, high = jeffreys_interval(right, judged)
    return {
        **row,
        "judged": judged,
        **counts,
        "precision": right / judged,
        "low": np.float64(low),
        "high": np.float64(high),
    }
