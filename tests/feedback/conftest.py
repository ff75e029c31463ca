"""A small run and what people said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pandas as pd

    from decrochage_risk.score import RiskScores


@pytest.fixture(scope="session")
def said(small_scores: RiskScores) -> pd.DataFrame:
    """Judge all flagged pupils of the run in turn: pertinent, not pertinent, already followed, not judged."""
    flagged = small_scores.flagged[["pupil_id"]].reset_index(drop=True)
    turn = ["pertinent", "not_pertinent", "already_supported", None]
    return flagged.assign(
        as_of=small_scores.run.as_of.isoformat(),
        judgement=[turn[row % 4] for row in range(len(flagged))],
        measure_started_on=["2025-03-17" if row % 4 in (0, 3) else None for row in range(len(flagged))],
    )
