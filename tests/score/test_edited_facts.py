"""The risk under edited facts: the same as scoring edited records, never a rise that is told, never a promise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from cohort_parts import records_of, tables_of

from decrochage_risk import french
from decrochage_risk.errors import DemoModelWarning, RecordsError, RecordsWarning
from decrochage_risk.features import matrix_of
from decrochage_risk.score import Counterfactual, Counterfactuals, score_pupils, what_could_help
from decrochage_risk.score.counterfactuals import (
    CAVEAT,
    EDITS,
    LEAST_POINTS,
    NO_FALL,
    NOT_KNOWN,
    NOTHING_TO_EDIT,
    only,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

LEXICON = french.FORBIDDEN_WORDS + french.CAUSAL_WORDS + french.PRIVATE_WORDS


@pytest.fixture(scope="module")
def helped(small_scores: RiskScores) -> Counterfactuals:
    """Estimate for every scored pupil of the small cohort."""
    scored = small_scores.frame.loc[small_scores.frame["risk"].notna(), "pupil_id"]
    return what_could_help(small_scores, pupils=scored)


def edited_tables(cohort: Cohort, ids: list[str], edit: str, as_of: date) -> dict[str, pd.DataFrame]:
    """Leave the rows out of the tables themselves, by hand."""
    tables = tables_of(cohort, ids)
    start, end = pd.Timestamp(as_of) - pd.Timedelta(days=28), pd.Timestamp(as_of)
    absences, grades = tables["absences"], tables["grades"]
    if edit != "no_missed_work_4w":
        settled = absences["justified"].fillna(value=False).astype(bool) & ~(absences["justified_on"] >= end)
        recent = (absences["date"] >= start) & (absences["date"] < end)
        tables["absences"] = absences[~(recent & (absences["kind"] == "absence") & ~settled)]
    if edit != "no_unjustified_absence_4w":
        recent = (grades["date"] >= start) & (grades["date"] < end)
        tables["grades"] = grades[~(recent & grades["status"].isin(["absent", "not_handed_in"]))]
    return tables


@pytest.mark.parametrize("edit", EDITS)
def test_an_estimate_is_the_score_of_the_edited_tables(
    helped: Counterfactuals,
    small_cohort: Cohort,
    score: Callable[..., RiskScores],
    flagged_ids: list[str],
    as_of: date,
    edit: str,
) -> None:
    """Leaving the rows out of the tables and scoring from the start gives the same risk, to the last bit."""
    scores = score(records_of(edited_tables(small_cohort, flagged_ids, edit, as_of)), explain="none")
    expected = scores.frame.set_index("pupil_id")["risk"]
    found = helped.frame[helped.frame["edit"] == edit].set_index("pupil_id")["edited_risk"]
    assert found.loc[flagged_ids].tolist() == expected.loc[flagged_ids].tolist()
    assert len(flagged_ids) > 20


def test_counts_are_those_of_the_records(
    helped: Counterfactuals, small_cohort: Cohort, small_scores: RiskScores, as_of: date
) -> None:
    """Half-days are those of the feature; works are counted here, row by row."""
    grades = small_cohort.tables["grades"]
    days = grades["date"]
    recent = (days >= pd.Timestamp(as_of) - pd.Timedelta(days=28)) & (days < pd.Timestamp(as_of))
    recent &= ~(grades["recorded_on"] >= pd.Timestamp(as_of))
    missed = grades[recent & grades["status"].isin(["absent", "not_handed_in"])].groupby("pupil_id").size()
    both = helped.frame[helped.frame["edit"] == "neither_4w"].set_index("pupil_id")
    half_days = small_scores.features.loc[both.index, "unjustified_half_days_4w"]
    assert both["half_days"].tolist() == half_days.tolist()
    assert both["missed_work"].tolist() == missed.reindex(both.index, fill_value=0).tolist()
    assert both["missed_work"].max() > 1


def test_what_is_told_is_a_fall_of_half_a_point_at_least(helped: Counterfactuals) -> None:
    """A sentence is there exactly when no cause is; it holds both risks, its facts, and that it promises nothing."""
    frame = helped.frame
    assert (frame["text"].isna() == frame["cause"].notna()).all()
    told = frame[frame["text"].notna()]
    assert len(told) > 30
    assert (told["points"] <= -LEAST_POINTS).all()
    for row in told.itertuples():
        text = row.text.replace("\u00a0", " ")
        shown = [
            french.percent(risk, d).replace("\u00a0", " ")
            for d in (0, 1)
            for risk in (row.edited_risk, row.risk)
        ]
        assert (
            f"serait de {shown[0]} au lieu de {shown[1]}." in text
            or f"de {shown[2]} au lieu de {shown[3]}." in text
        )
        assert text.endswith(CAVEAT)
        assert text.startswith("À titre d'information : sans l")
        assert "depuis le 5 février" in text
        assert not french.forbidden_in(text.removesuffix(CAVEAT), LEXICON)
        for count, noun in ((row.half_days, "demi-journée"), (row.missed_work, "travail non rendu")):
            assert (noun in text or noun.replace("ail", "aux") in text) == (count > 0) or count > 1
            assert (f"les {int(count)} " in text) == (count >= 2)


def test_causes_say_why_nothing_is_told(helped: Counterfactuals) -> None:
    """Nothing to edit: same risk, no count; both: never told for the facts of one kind only."""
    frame = helped.frame
    nothing = frame[frame["cause"] == NOTHING_TO_EDIT]
    assert len(nothing) > 300
    assert (nothing[["half_days", "missed_work"]].min(axis=1) == 0).all()
    alone = nothing[nothing["edit"] != "neither_4w"]
    assert (alone["points"] == 0).all()
    assert (frame.loc[frame["cause"] == NO_FALL, "points"] > 0).all()


def test_only_a_fall_is_told(small_cohort: Cohort) -> None:
    """Over all scored pupils of the bundled model, whatever is told is a fall of half a point or more, and some are large."""
    with pytest.warns(DemoModelWarning):
        scores = score_pupils(small_cohort.records, as_of="2025-03-05", explain="none")
    found = what_could_help(scores, pupils=scores.frame.loc[scores.frame["risk"].notna(), "pupil_id"]).frame
    told = found[found["text"].notna()]
    assert told["points"].max() <= -0.5
    assert told["points"].min() < -1
    alone = found["edit"] != "neither_4w"
    assert (found.loc[alone & (found["points"] > 0), "cause"] == NO_FALL).all()
    # Of two facts together one may not be there: that is then said, whatever the other would do.
    assert found.loc[found["points"] > 0, "cause"].isin([NO_FALL, NOTHING_TO_EDIT]).all()


def test_alone_or_together_is_the_same(
    helped: Counterfactuals, small_scores: RiskScores, flagged_ids: list[str]
) -> None:
    """A pupil's estimates do not depend on who else is asked for, nor on the order."""
    backwards = what_could_help(small_scores, pupils=flagged_ids[::-1])
    for pupil_id in flagged_ids[:8]:
        alone = what_could_help(small_scores, pupils=pupil_id)
        assert alone[pupil_id] == backwards[pupil_id] == helped[pupil_id]
    assert backwards.frame["pupil_id"].drop_duplicates().tolist() == flagged_ids[::-1]


@pytest.mark.whole
def test_flagged_pupils_are_the_default_and_records_stay(
    small_cohort: Cohort, small_scores: RiskScores, as_of: date
) -> None:
    """Without ids: the situations to be looked at, in the order of the scores; nothing in the records changes."""
    before = {name: table.copy() for name, table in small_cohort.tables.items()}
    features = matrix_of(small_cohort.records.known_on(as_of))
    found = what_could_help(small_scores)
    expected = small_scores.frame.loc[small_scores.frame["flagged"], "pupil_id"].tolist()
    assert found.frame["pupil_id"].drop_duplicates().tolist() == expected
    assert len(found) == len(expected)
    for name, table in before.items():
        pd.testing.assert_frame_equal(small_cohort.tables[name], table)
    pd.testing.assert_frame_equal(matrix_of(small_cohort.records.known_on(as_of)), features, check_exact=True)


def test_some_pupils_alone_keep_their_features(small_cohort: Cohort, as_of: date) -> None:
    """Keeping some pupils, in any order, changes no bit of their features."""
    known = small_cohort.records.known_on(as_of)
    chosen = np.random.default_rng(5).permutation(known.pupil_count)[:150]
    kept = matrix_of(only(known, chosen))
    pd.testing.assert_frame_equal(kept, matrix_of(known).iloc[chosen], check_exact=True)


def test_coverage_is_kept_with_the_pupils(
    small_cohort: Cohort, score: Callable[..., RiskScores], flagged_ids: list[str], gap_model: TrainedModel
) -> None:
    """Where the last weeks are not in the extract the count is not known, for that pupil alone, and nothing is told."""
    tables = tables_of(small_cohort, flagged_ids)
    spans = [
        {"pupil_id": pupil, "table": "absences", "start": "2022-09-01", "end": "2025-08-31"}
        for pupil in flagged_ids[1:]
    ]
    spans.append(
        {"pupil_id": flagged_ids[0], "table": "absences", "start": "2022-09-01", "end": "2025-02-01"}
    )
    tables["coverage"] = pd.DataFrame(spans)
    records = records_of(tables)
    found = what_could_help(score(records, model=gap_model), pupils=flagged_ids)
    first = found[flagged_ids[0]]
    assert first[0].cause == first[2].cause == NOT_KNOWN
    assert first[0].half_days is None
    assert all(one[0].half_days is not None for one in map(found.__getitem__, flagged_ids[1:]))


def test_a_table_that_is_not_known_is_said(
    small_cohort: Cohort, score: Callable[..., RiskScores], flagged_ids: list[str], gap_model: TrainedModel
) -> None:
    """Without grades nothing is said of missed work; absences are still edited."""
    tables = tables_of(small_cohort, flagged_ids)
    del tables["grades"]
    records = records_of(tables)
    with pytest.warns(RecordsWarning, match="Less is known of these pupils"):
        scores = score(records, gaps=["grades"], model=gap_model)
    found = what_could_help(scores, pupils=flagged_ids).frame
    assert (found.loc[found["edit"] != "no_unjustified_absence_4w", "cause"] == NOT_KNOWN).all()
    assert found.loc[found["edit"] == "no_unjustified_absence_4w", "half_days"].max() > 1


def test_estimates_turn_into_json_and_back(helped: Counterfactuals) -> None:
    """The JSON holds every pupil and reads back into the same objects."""
    read = json.loads(helped.to_json())
    assert [tuple(Counterfactual(**one) for one in pupil) for pupil in read["pupils"]] == list(helped)
    assert read["run"]["model"]["demo"] is True


def test_what_is_no_scores_or_ids_is_refused(small_scores: RiskScores) -> None:
    """A frame in place of scores and a number in place of ids are told together, with what to do."""
    with pytest.raises(
        RecordsError, match="scores is a DataFrame, not RiskScores; pupils is a int, not Iterable"
    ) as refused:
        what_could_help(small_scores.frame, pupils=5)  # type: ignore[arg-type]
    assert "Hint:" in str(refused.value)


def test_pupils_without_a_score_are_refused(small_scores: RiskScores) -> None:
    """An unknown pupil, a pupil without a score, and one who was not asked for are refused with what to do."""
    unscored = small_scores.frame.loc[small_scores.frame["risk"].isna(), "pupil_id"].iloc[0]
    with pytest.raises(RecordsError, match=f"2 of the pupils have no score: 'nobody' et '{unscored}'"):
        what_could_help(small_scores, pupils=["nobody", unscored])
    with pytest.raises(RecordsError, match="No pupil 'nobody'"):
        what_could_help(small_scores)["nobody"]
    assert "nobody" not in what_could_help(small_scores)
    assert len(what_could_help(small_scores, pupils=[])) == 0
