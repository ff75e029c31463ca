from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from decrochage_risk.errors import RecordsError
from decrochage_risk.feedback import judged_flags, read_feedback
from decrochage_risk.risk import jeffreys_interval

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores


def _ids(scores: RiskScores) -> list[str]:
    ids: list[str] = scores.frame["pupil_id"].tolist()
    return ids


def test_precision_as_judged_is_a_count_of_the_judged(small_scores: RiskScores, said: pd.DataFrame) -> None:
    """Pertinent and already followed over all judged, with the Jeffreys interval, whatever the others' judgement."""
    unflagged = next(pupil.pupil_id for pupil in small_scores if not pupil.flagged)
    more = pd.DataFrame(
        [
            {"pupil_id": unflagged, "as_of": "2025-03-05", "judgement": "pertinent"},
            {"pupil_id": said["pupil_id"][0], "as_of": "2025-01-06", "judgement": "not_pertinent"},
        ]
    )
    feedback = read_feedback(pd.concat([said, more], ignore_index=True), _ids(small_scores))

    everyone = judged_flags(small_scores, feedback).iloc[0]

    counts = said["judgement"].value_counts()
    right, judged = counts["pertinent"] + counts["already_supported"], counts.sum()
    low, high = jeffreys_interval(right, judged)
    assert everyone["flagged"] == len(said)
    assert (everyone["judged"], everyone["pertinent"]) == (judged, counts["pertinent"])
    assert everyone["precision"] == pytest.approx(right / judged)
    assert (everyone["low"], everyone["high"]) == (pytest.approx(low), pytest.approx(high))


def test_levels_and_families_are_those_of_the_flagged(small_scores: RiskScores, said: pd.DataFrame) -> None:
    """Every level of a flagged pupil and every family of an aggravating reason has a row, recounted by hand."""
    table = judged_flags(small_scores, read_feedback(said, _ids(small_scores)))
    flagged = [pupil for pupil in small_scores if pupil.flagged]
    families = {reason.family for pupil in flagged for reason in pupil.reasons}

    assert set(table.loc[table["by"] == "level", "group"]) == {pupil.level for pupil in flagged}
    assert set(table.loc[table["by"] == "family", "group"]) == families
    for row in table[table["by"] == "family"].to_dict("records"):
        having = [p for p in flagged if row["group"] in {reason.family for reason in p.reasons}]
        assert pd.isna(row["flagged"]) == (len(having) < 5)
        if not pd.isna(row["flagged"]):
            assert row["flagged"] == len(having)


def test_small_cells_are_not_told(small_scores: RiskScores, said: pd.DataFrame) -> None:
    """No row shows a count of 1 to 4, nor what it can be worked out from."""
    table = judged_flags(small_scores, read_feedback(said.head(6), _ids(small_scores)))
    shown = table[["flagged", "judged", "pertinent", "not_pertinent", "already_supported"]].melt()["value"]
    assert not shown.dropna().between(1, 4).any()
    assert table["precision"].isna().all()


def test_other_things_than_scores_and_feedback_are_refused(
    small_scores: RiskScores, said: pd.DataFrame
) -> None:
    """A frame in place of scores and a table that was not read are told together."""
    with pytest.raises(
        RecordsError, match="scores is a DataFrame, not RiskScores; feedback is a DataFrame, not Feedback"
    ):
        judged_flags(small_scores.frame, said)  # type: ignore[arg-type]


def test_a_run_without_flags_has_an_empty_count(small_scores: RiskScores, said: pd.DataFrame) -> None:
    """Feedback of another date leaves every judgement uncounted."""
    other = said.assign(as_of="2025-01-06")
    table = judged_flags(small_scores, read_feedback(other, _ids(small_scores)))
    assert table["judged"].isna().all()
    assert table.loc[0, "flagged"] == len(said)
