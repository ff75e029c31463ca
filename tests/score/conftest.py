"""Makes the helpers of this folder importable by name, and scores pupils under another model or name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cohort_parts import ODD_IDS, records_of, tables_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort


@pytest.fixture(scope="session")
def flagged_ids(small_scores: RiskScores) -> list[str]:
    """Return the pupils of the small cohort whose situation is to be looked at."""
    found: list[str] = small_scores.flagged["pupil_id"].tolist()
    assert len(found) > 2 * len(ODD_IDS)
    return found


@pytest.fixture(scope="session")
def odd_scores(small_cohort: Cohort, flagged_ids: list[str], score: Callable[..., RiskScores]) -> RiskScores:
    """Score some flagged pupils under odd ids, in classes with odd names; no test may change it."""
    names = dict(zip(flagged_ids, ODD_IDS, strict=False))
    tables = tables_of(small_cohort, list(names))
    for table in tables.values():
        table["pupil_id"] = table["pupil_id"].map(names)
    tables["enrolments"]["class_id"] = "=" + tables["enrolments"]["class_id"]
    return score(records_of(tables))
