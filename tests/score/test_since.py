"""What moved between two days: sums, signs, flags, and nobody lost."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from cohort_parts import records_of, tables_of

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, RecordsWarning
from decrochage_risk.explain import Side, attribute, find_changes
from decrochage_risk.explain.changes import MOST_CHANGES
from decrochage_risk.explain.reasons import FLOOR
from decrochage_risk.features import FAMILIES
from decrochage_risk.records import PupilRecords
from decrochage_risk.score.changes import NOT_LOOKED_AT, OTHER_CALENDAR, OTHER_MODEL, Changes, PupilChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

BEFORE = date(2025, 1, 6)
LEXICON = french.FORBIDDEN_WORDS + french.CAUSAL_WORDS + french.PRIVATE_WORDS


@pytest.fixture(scope="module")
def before(small_cohort: Cohort, score: Callable[..., RiskScores]) -> RiskScores:
    """Score the small cohort two months earlier."""
    return score(small_cohort.records, as_of=BEFORE)


@pytest.fixture(scope="module")
def changes(small_scores: RiskScores, before: RiskScores) -> Changes:
    """Compare both days; everybody is explained on the later one."""
    return small_scores.since(before)


def logit(risk: pd.Series) -> pd.Series:
    return np.log(risk) - np.log1p(-risk)


def side_of(scores: RiskScores, ids: pd.Series) -> Side:
    model = scores._model
    frame = scores.frame.set_index("pupil_id").loc[ids]
    values = scores.features.loc[ids, list(model.risk_model.columns)].to_numpy()
    groups = model.reference_groups(frame["level"], scores.run.as_of)
    reference = model.risk_model.reference_rows(values, groups)
    attribution = attribute(model.risk_model, model.risk_model.filled(values, groups), reference)
    return Side(attribution, values, scores._results.known)


def test_every_pupil_of_either_day_is_there_once(changes: Changes, small_scores: RiskScores) -> None:
    """As many changes as pupils, in the order of the later day, each with a risk change or a cause."""
    assert changes.frame["pupil_id"].tolist() == small_scores.frame["pupil_id"].tolist()
    assert (changes.frame["points"].isna() == changes.frame["cause"].notna()).all()
    assert len(list(changes)) == len(changes) == len(small_scores)


def test_changes_of_contributions_sum_to_the_change_of_the_log_odds(
    changes: Changes, small_scores: RiskScores
) -> None:
    """Families plus reference sum to the change of the log-odds, and equal the difference of the contributions told."""
    told = changes.frame.set_index("pupil_id").query("explained")
    parts = changes.contributions.loc[told.index]
    assert len(told) > 500
    gap = logit(told["risk"]) - logit(told["risk_before"])
    np.testing.assert_allclose(parts.sum(axis=1), gap, atol=1e-6)
    assert list(parts.columns) == [*(family.code for family in FAMILIES), "base"]
    assert changes.contributions.drop(index=told.index).isna().all(axis=None)
    assert told.index.isin(small_scores.frame["pupil_id"]).all()


def test_contributions_of_the_change_are_those_of_both_runs(
    changes: Changes, small_scores: RiskScores, before: RiskScores
) -> None:
    """For pupils explained on both days, the change of each family is the difference of what both runs told."""
    both = before.frame.loc[before.frame["explained"], "pupil_id"]
    both = both[both.isin(changes.frame.loc[changes.frame["explained"], "pupil_id"])]
    assert len(both) > 20
    expected = small_scores.contributions.loc[both] - before.contributions.loc[both]
    np.testing.assert_allclose(changes.contributions.loc[both], expected, atol=1e-9)


def test_points_of_reasons_reference_and_others_sum_to_the_change(changes: Changes) -> None:
    """All points of a pupil sum to 100 times the change of the risk."""
    checked = 0
    for change in changes:
        if change.reasons is None:
            continue
        checked += 1
        parts = [reason.points for reason in change.reasons] + [change.reference_points, change.other_points]
        assert sum(parts) == pytest.approx(100 * (change.risk - change.risk_before), abs=1e-6)
        assert change.points == pytest.approx(100 * (change.risk - change.risk_before), abs=1e-9)
    assert checked > 500


def test_swapping_the_days_turns_every_sign(small_scores: RiskScores, before: RiskScores) -> None:
    """Families, reference points and the sum of what is told and not told change sign, nothing else."""
    both = small_scores.frame["risk"].notna() & before.frame["risk"].notna()
    ids = small_scores.frame.loc[both, "pupil_id"].head(200)
    later, earlier = (side_of(scores, ids) for scores in (small_scores, before))
    there, back = find_changes(later, earlier), find_changes(earlier, later)
    np.testing.assert_array_equal(there.families, -back.families)
    np.testing.assert_allclose(there.reference_points, -back.reference_points, atol=1e-9)
    totals = [
        table.other_points + np.bincount(table.reasons["row"], table.reasons["points"], minlength=200)
        for table in (there, back)
    ]
    np.testing.assert_allclose(totals[0], -totals[1], atol=1e-9)


def test_nothing_moves_against_oneself(small_scores: RiskScores) -> None:
    """Against the same scores: no point, no reason, no new flag."""
    still = small_scores.since(small_scores)
    assert (still.frame["points"].dropna() == 0).all()
    assert still.reasons.empty
    assert not still.frame[["newly_flagged", "no_longer_flagged", "lost_from_sight"]].any(axis=None)
    text = next(change for change in still if change.reasons == ()).text
    assert "(0,0 point)" in text
    assert "Aucun motif dominant" in text


def test_reasons_are_few_above_the_floor_and_on_their_side(changes: Changes) -> None:
    """At most three changes each way, of different families, each at least the floor, strongest first."""
    reasons = changes.reasons
    assert len(reasons) > 300
    assert not reasons.duplicated(["pupil_id", "family"]).any()
    assert reasons.groupby(["pupil_id", "direction"]).size().max() <= MOST_CHANGES
    for reason in reasons.itertuples():
        moved = changes.contributions.loc[reason.pupil_id, reason.family]
        assert abs(moved) >= FLOOR
        assert (moved > 0) == (reason.direction == "up") == (reason.points > 0)


def test_reasons_tell_the_values_of_both_days(
    changes: Changes, small_scores: RiskScores, before: RiskScores
) -> None:
    """Each value is that of its day and has moved; texts are dated and free of labels and causes."""
    for reason in changes.reasons.itertuples():
        assert reason.value == small_scores.features.loc[reason.pupil_id, reason.code]
        then = before.features.loc[reason.pupil_id, reason.code]
        assert reason.value_before == then or (np.isnan(then) and "donnée manquante" in reason.text)
        assert reason.value != reason.value_before
        assert " ; au 6 janvier : " in reason.text
        assert " ; élève type, médian d" in reason.text
        assert not french.forbidden_in(reason.text, LEXICON)


def test_what_is_no_longer_known_is_no_change(
    small_cohort: Cohort, small_scores: RiskScores, score: Callable[..., RiskScores]
) -> None:
    """Without the marks of half of the pupils, on the same day, no fact that stayed is told: the reference moved, not the pupil."""
    tables = {name: small_cohort.tables[name] for name in ("pupils", "enrolments", "absences", "orientation")}
    marks, ids = small_cohort.tables["grades"], small_cohort.tables["pupils"]["pupil_id"][::2]
    rest = marks[~(marks["pupil_id"].isin(ids) & (marks["date"] >= "2024-09-01"))].reset_index(drop=True)
    fewer = PupilRecords(**tables, grades=rest, calendar=small_cohort.calendar)
    with pytest.warns(RecordsWarning, match="Less is known of these pupils"):
        found = score(fewer, explain="all").since(small_scores)
    moved = found.frame.set_index("pupil_id")["points"].abs() > 1.0
    assert moved[moved.index.isin(ids)].any()
    assert not (found.reasons["value"] == found.reasons["value_before"]).any()


def test_a_placement_is_no_improvement(small_cohort: Cohort, score: Callable[..., RiskScores]) -> None:
    """Of pupils on work placement all the weeks between two days no count of 0 is told as what lowered the risk."""
    tables = {name: small_cohort.tables[name] for name in ("pupils", "enrolments", "grades", "orientation")}
    before = score(small_cohort.records, as_of=date(2025, 1, 13), explain="all")
    ids = before.flagged["pupil_id"].tolist()
    calendar = small_cohort.calendar
    days = [day for day in pd.date_range("2025-01-13", "2025-03-04") if calendar.half_days(day.date())]
    rows = pd.DataFrame([(one, day) for one in ids for day in days], columns=["pupil_id", "date"])
    placed = rows.assign(half_days=[calendar.half_days(day.date()) for day in rows["date"]], kind="placement")
    placed = placed.assign(recorded_on=placed["date"])
    kept = small_cohort.tables["absences"]
    kept = kept[~(kept["pupil_id"].isin(ids) & (kept["date"] >= "2025-01-13"))]
    absences = pd.concat([kept, placed], ignore_index=True)
    records = PupilRecords(**tables, absences=absences, calendar=calendar, on_fault="quarantine")
    told = score(records, explain="all").since(before).reasons
    told = told[told["pupil_id"].isin(ids) & told["code"].str.endswith("_4w")]
    assert not (told["value"] == 0).any()


def test_flags_are_new_over_or_lost(changes: Changes, small_scores: RiskScores, before: RiskScores) -> None:
    """New: flagged now only; over: scored now and no more flagged; lost from sight: flagged then, without score now."""
    now, then = (set(scores.flagged["pupil_id"]) for scores in (small_scores, before))
    scored = set(small_scores.frame.loc[small_scores.frame["risk"].notna(), "pupil_id"])
    found = {
        name: set(changes.frame.loc[changes.frame[name], "pupil_id"])
        for name in ("newly_flagged", "no_longer_flagged", "lost_from_sight")
    }
    assert found["newly_flagged"] == now - then
    assert found["no_longer_flagged"] == (then - now) & scored
    assert found["lost_from_sight"] == then - scored
    assert found["newly_flagged"]
    assert found["no_longer_flagged"]
    assert (
        french.plural(
            len(found["newly_flagged"]), "nouvelle situation à examiner", "nouvelles situations à examiner"
        )
        in changes.summary
    )


def test_pupils_who_appear_or_disappear_are_told(
    small_cohort: Cohort, score: Callable[..., RiskScores], flagged_ids: list[str]
) -> None:
    """A pupil of one day only keeps a row, its flag and the cause, whatever the day."""
    here, there = flagged_ids[:6], flagged_ids[2:8]
    now = score(records_of(tables_of(small_cohort, here)))
    then = score(records_of(tables_of(small_cohort, there)), as_of=BEFORE)
    changes = now.since(then)
    assert len(changes) == 8
    assert set(changes.frame["pupil_id"]) == set(here) | set(there)
    appeared, disappeared = set(here) - set(there), set(there) - set(here)
    for status, expected, cause in (
        ("appeared", appeared, "sans ligne dans les données au 6 janvier"),
        ("disappeared", disappeared, "sans ligne dans les données au 5 mars"),
    ):
        rows = changes.frame[changes.frame["status"] == status]
        assert set(rows["pupil_id"]) == expected
        assert (rows["cause"] == cause).all()
        assert rows["points"].isna().all()
        assert cause in changes[rows["pupil_id"].iloc[0]].text
    gone = changes.frame[changes.frame["status"] == "disappeared"]
    assert (gone["lost_from_sight"] == gone["flagged_before"]).all()
    assert "2 élèves nouveaux, 2 élèves qui n'y sont plus" in changes.summary


def test_a_pupil_without_a_score_has_the_cause_of_each_day(
    small_cohort: Cohort, score: Callable[..., RiskScores], flagged_ids: list[str], before: RiskScores
) -> None:
    """No risk on one day: no points, and the cause of that day."""
    refused = flagged_ids[:2]
    now = score(small_cohort.records, exclude=refused, explain="none")
    change = now.since(before)[refused[0]]
    assert (change.points, change.reasons, change.risk) == (None, None, None)
    assert change.cause == "sans score au 5 mars : traitement refusé"
    assert change.text == "Écart non calculé : sans score au 5 mars : traitement refusé."


def test_another_model_is_said_and_gives_no_reason(small_scores: RiskScores, before: RiskScores) -> None:
    """When the models differ, every pupil and the summary say so, and no reason is told."""
    unpinned = before.run.model.model_copy(update={"sha256": "0" * 64})
    other = before.run.model_copy(update={"model": unpinned})
    mixed = type(before)(before._results, other, before._policy, before._model)
    changes = small_scores.since(mixed)
    assert OTHER_MODEL in changes.summary
    assert not changes.run.same_model
    assert changes.reasons.empty
    scored = changes.frame["points"].notna()
    assert (changes.frame.loc[scored, "explanation_cause"] == OTHER_MODEL).all()


def test_another_calendar_is_said(small_scores: RiskScores, before: RiskScores) -> None:
    """Rates of both days rest on the days of school: when they were not counted alike, the summary says so."""
    other = before.run.model_copy(update={"calendar_version": "0" * 12})
    mixed = type(before)(before._results, other, before._policy, before._model)
    assert OTHER_CALENDAR in small_scores.since(mixed).summary
    assert OTHER_CALENDAR not in small_scores.since(before).summary


def test_who_was_never_to_be_looked_at_is_not_explained(
    small_cohort: Cohort, score: Callable[..., RiskScores], before: RiskScores
) -> None:
    """With only flagged pupils explained on both days, the others have points and the cause of their silence."""
    changes = score(small_cohort.records).since(before)
    seen = changes.frame["flagged"] | changes.frame["flagged_before"]
    scored = changes.frame["points"].notna()
    assert (changes.frame["explained"] == (seen & scored)).all()
    assert set(changes.frame.loc[scored & ~seen, "explanation_cause"]) == {NOT_LOOKED_AT}


def test_changes_turn_into_json_and_back(changes: Changes) -> None:
    """The JSON holds every pupil, reads back into the same objects, and is the same text twice."""
    text = changes.to_json()
    assert text == changes.to_json()
    read = json.loads(text)
    assert read["run"]["as_of_before"] == BEFORE.isoformat()
    assert [PupilChange(**pupil) for pupil in read["pupils"]] == list(changes)
    assert not re.search(r"\bNaN\b", text)


def test_a_later_day_and_other_things_are_refused(small_scores: RiskScores, before: RiskScores) -> None:
    """Scores of a later day, anything that is no scores, and unknown pupils are refused with what to do."""
    with pytest.raises(RecordsError, match=r"Swap them: later.since\(earlier\)"):
        before.since(small_scores)
    with pytest.raises(RecordsError, match="previous is a dict"):
        small_scores.since({})
    with pytest.raises(RecordsError, match="No pupil 'nobody'"):
        small_scores.since(before)["nobody"]
    assert "nobody" not in small_scores.since(before)


def test_a_comparison_shows_itself_in_a_notebook(changes: Changes) -> None:
    """The page of a comparison: who entered a list or left it, ordered by what moved then by id, numbers and words of the object."""
    shown = changes._repr_html_()
    assert shown.startswith("<iframe")
    assert "sandbox" in shown
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', shown)[1])
    assert "<caption>" in page
    assert page.count('scope="col"') == 7
    ids = re.findall(r'<th scope="row">([^<]*)</th>', page)
    frame = changes.frame.set_index("pupil_id")
    moved = frame[["lost_from_sight", "newly_flagged", "newly_legal", "newly_departed", "no_longer_flagged"]]
    ranks = moved[moved.any(axis=1)].to_numpy().argmax(axis=1)
    expected = sorted(zip(ranks, moved.index[moved.any(axis=1)], strict=True))
    assert ids == [pupil for _, pupil in expected[:20]]
    words = re.sub(r"\s", " ", html.unescape(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))
    for pupil in ids:
        change = changes[pupil]
        if change.risk is not None:
            assert re.sub(r"\s", " ", french.percent(change.risk, 1)) in words
        for reason in (change.reasons or ())[:2]:
            assert re.sub(r"\s", " ", reason.text.partition(" ; élève type")[0]) in words
    assert all(re.sub(r"\s", " ", notice) in words for notice in changes.run.notices)
    assert not french.forbidden_in(words)


def test_odd_ids_of_a_comparison_stay_text(changes: Changes, small_scores: RiskScores) -> None:
    """An id that is a tag is shown and never run; nobody who moved is said in words."""
    odd, frame = "<script>alert(1)</script>", changes.frame.copy()
    frame.loc[frame["newly_flagged"].idxmax(), "pupil_id"] = odd
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', replace(changes, frame=frame)._repr_html_())[1])
    assert "<script" not in page
    assert html.escape(odd) in page
    quiet = small_scores.since(small_scores)._repr_html_()
    assert "&lt;table" not in quiet
    assert "Aucun élève n’entre sur une liste" in quiet
