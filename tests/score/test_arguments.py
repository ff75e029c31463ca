from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.errors import AsOfError, RecordsError, RecordsWarning
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.score import score_pupils, signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort


def refused_message(error: pytest.ExceptionInfo[Exception], *parts: str) -> None:
    """Check that a message says what came, what was expected and what to do."""
    for part in (*parts, "\nExpected: ", "\nHint: "):
        assert part in str(error.value)


def test_one_id_may_be_excluded_as_text(small_cohort: Cohort, score: Callable[..., RiskScores]) -> None:
    """A single id is an id, not a series of letters."""
    first = small_cohort.tables["pupils"]["pupil_id"].iloc[0]
    frame = score(small_cohort.records, explain="none", exclude=first).frame
    assert frame.loc[frame["cause"] == "traitement refusé", "pupil_id"].tolist() == [first]


def test_nothing_is_computed_or_shown_from_the_rows_of_an_objector(
    small_cohort: Cohort, score: Callable[..., RiskScores]
) -> None:
    """Age, days of data, features, signals: of a pupil whose family objected everything is empty, with the cause."""
    scores = score(small_cohort.records, explain="none")
    objector = scores.flagged["pupil_id"].iloc[0]
    row = (
        score(small_cohort.records, explain="none", exclude=[objector])
        .frame.set_index("pupil_id")
        .loc[objector]
    )
    assert row["cause"] == "traitement refusé"
    assert (row["days_of_data"], row["set_aside"]) == (0, 0)
    assert row[["age_years", "risk", "legal_months", "last_enrolled_on"]].isna().all()
    assert not row[["flagged", "legal_listed", "departure_listed"]].any()
    lists = signals(small_cohort.records, as_of="2025-03-05", exclude=[objector]).frame.set_index("pupil_id")
    assert np.isnan(lists.loc[objector, "age_years"])
    assert lists["age_years"].notna().sum() == len(lists) - 1


def test_what_is_no_list_of_ids_cannot_be_excluded(
    small_cohort: Cohort, score: Callable[..., RiskScores]
) -> None:
    """A missing value or a number in place of the ids of who objected is refused, never read as nobody."""
    for exclude in (None, 5):
        with pytest.raises(RecordsError) as error:
            score(small_cohort.records, explain="none", exclude=exclude)
        refused_message(error, f"exclude={exclude!r}", "leave exclude out")


def test_an_unknown_id_to_exclude_is_a_warning(
    small_cohort: Cohort, score: Callable[..., RiskScores]
) -> None:
    """A refusal that no pupil of the records matches is said, with how many and an example; scoring goes on."""
    with pytest.warns(RecordsWarning, match=r"exclude names 2 pupils .* for example 'nobody'; check"):
        scores = score(small_cohort.records, explain="none", exclude=["nobody", "no one"])
    assert not (scores.frame["cause"] == "traitement refusé").any()


def test_the_as_of_date_may_be_text(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores]
) -> None:
    """The ISO text of the day gives the scores of the day."""
    scores = score(small_cohort.records, as_of="2025-03-05", explain="all")
    assert scores.run == small_scores.run
    pd.testing.assert_frame_equal(scores.frame, small_scores.frame)
    pd.testing.assert_frame_equal(scores.reasons, small_scores.reasons)


def test_other_kinds_of_inputs_are_refused_all_at_once(small_cohort: Cohort, as_of: date) -> None:
    """Frames instead of records, a path instead of a model, a dict instead of a policy: one message for all three."""
    with pytest.raises(RecordsError) as error:
        score_pupils(small_cohort.tables, as_of=as_of, model="models/2025", policy={})  # type: ignore[arg-type]  # on purpose
    came = (
        "records is a dict, not PupilRecords",
        "model is a str, not TrainedModel",
        "policy is a dict, not Policy",
    )
    refused_message(error, *came, "load_model(folder)", "PupilRecords.read(folder)", "load_policy(")


@pytest.mark.parametrize(
    ("explain", "hint"), [("P000001", "explain=['P000001']"), ("ALL", "['ALL']"), (True, "['a1']")]
)
def test_explain_is_one_of_three_words_or_ids(
    small_cohort: Cohort, score: Callable[..., RiskScores], explain: object, hint: str
) -> None:
    """Another word, or what is no collection, is refused with how to ask for one pupil."""
    with pytest.raises(RecordsError) as error:
        score(small_cohort.records, explain=explain)
    refused_message(error, f"explain={explain!r}", '"flagged", "all", "none"', hint)


def test_unknown_ids_to_explain_are_an_error(small_cohort: Cohort, score: Callable[..., RiskScores]) -> None:
    """Whoever asks for the reasons of somebody who is not there is told who."""
    with pytest.raises(RecordsError) as error:
        score(small_cohort.records, explain=["nobody", "P000001", "no one"])
    refused_message(error, "explain names 2 unknown pupils", "'nobody'", "'no one'")


@pytest.mark.parametrize("day", ["soon", "2019-01-07", None])
def test_a_day_that_cannot_be_used_is_refused(
    small_cohort: Cohort, score: Callable[..., RiskScores], day: object
) -> None:
    """What is no date, or lies before every enrolment, is an as-of error."""
    with pytest.raises(AsOfError) as error:
        score(small_cohort.records, as_of=day)
    refused_message(error)


def test_thresholds_that_were_not_in_force_are_told(
    small_cohort: Cohort, score: Callable[..., RiskScores]
) -> None:
    """A date before the policy's first day is scored, and the run and its summary say that the thresholds came later."""
    early = load_policy().valid_from - timedelta(days=100)
    before = score(small_cohort.records, as_of=early, explain="none")
    after = score(small_cohort.records, explain="none")
    assert before.run.to_dict()["policy_in_force"] is False
    assert "seuils qui n'étaient pas en vigueur" in before.summary
    assert after.run.to_dict()["policy_in_force"] is True
    assert "seuils" not in after.summary


def test_a_stay_that_was_set_aside_is_told(small_cohort: Cohort, score: Callable[..., RiskScores]) -> None:
    """Not enrolled because the faulty row was set aside is not the same as not enrolled, and nobody is lost."""
    tables = dict(small_cohort.tables)
    enrolments = tables["enrolments"].copy()
    last = enrolments[enrolments["school_year"] == small_cohort.school_years[-1]].iloc[0]
    of_pupil = enrolments["pupil_id"] == last["pupil_id"]
    enrolments.loc[of_pupil, "school_id"] = "0990001Z"
    tables["enrolments"] = enrolments
    tables.pop("outcomes")
    scores = score(PupilRecords(**tables, on_fault="quarantine"), explain="none")
    assert len(scores) == len(small_cohort.tables["pupils"])
    assert scores[last["pupil_id"]].cause == (
        "non inscrit à cette date d'après les lignes gardées : d'autres, fautives, ont été mises de côté"
    )
    assert scores[last["pupil_id"]].data.set_aside == int(of_pupil.sum())
