from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from french_facts import (
    DAY,
    OF_ALL_LEVELS,
    PERCENT_UNITS,
    SEPARATOR,
    parted,
    places_of,
    read_fact,
    read_reference,
    read_second,
    rounded,
    school_day_from,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk import french
from decrochage_risk.explain.sentences import (
    NO_REASON,
    OTHERS,
    reference_of,
    reference_pupil,
    tell,
    tell_fact,
    tell_missing,
)
from decrochage_risk.features import CATALOGUE, FAMILIES, FEATURE_BY_NAME
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.records import PupilRecords
from one_pupil import known_on

if TYPE_CHECKING:
    from explained import Explained

    from decrochage_risk.features import Feature
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

LEXICON = french.FORBIDDEN_WORDS + french.CAUSAL_WORDS + french.PRIVATE_WORDS
WHOLE_UNITS = {
    "half-days", "events", "months", "weeks", "days", "years", "changes", "rank", "subjects", "wishes",
}  # fmt: skip
GRID = {
    "share": [0.0, 0.0004, 0.01, 0.0195, 0.3333, 1.0],
    "share_points": [-0.4, -0.0195, -0.0001, 0.0, 0.0002, 0.01, 0.0195, 0.02, 0.5],
    "points": [-7.25, -2.0, -1.95, -1.0, -0.04, -0.0001, 0.0, 0.0001, 0.04, 1.0, 1.95, 2.0, 6.66],
    "per_week": [-2.5, -1.0, -0.04, 0.0, 0.04, 0.5, 1.0, 3.75],
    "/20": [0.0, 0.05, 7.99, 8.0, 12.345, 20.0],
    "0/1": [0.0, 1.0],
    "rank": [1.0, 2.0, 10.0],
    "years": [-1.0, 0.0, 1.0, 2.0, 3.0],
}
COUNTS = [-12.0, -1.0, 0.0, 1.0, 2.0, 12.0, 1234.0]
NOT_FRENCH = re.compile(
    r"\b(?:nan|none|inf|null|the|of|since|and|absences? rate|half-days?|events?|months?|weeks?|years?|"
    r"shares?|points? of|mean|grades?|unjustified|lateness|wish|rank|true|false)\b|[{}_]",
    re.IGNORECASE,
)


def grid_of(feature: Feature) -> list[float]:
    """Values worth telling: nothing, one, many, and both sides of 0 where the feature has them."""
    grid = GRID.get(feature.unit, COUNTS)
    if feature.wording.negative is None:
        return [value for value in grid if value >= 0]
    return grid if min(grid) < 0 else [*(-value for value in grid if value), *grid]


def check_form(text: str) -> None:
    """Check what holds for any sentence that a school reads."""
    assert not french.forbidden_in(text, LEXICON), text
    assert not NOT_FRENCH.search(text), text
    assert re.search(DAY, text), f"no day in {text!r}"
    assert "  " not in text, text
    assert text == text.strip(), text
    assert text.count(SEPARATOR) + text.count(OF_ALL_LEVELS) == 1, text
    assert not re.search(r"[+\u2212]0(?:,0+)?(?![,\d])", text), f"a sign on zero in {text!r}"


def check_numbers(feature: Feature, text: str, value: float, reference: float) -> None:
    """Hold every number of a text against the value and the reference, rounded here."""
    written_fact, written_reference = parted(text)
    fact = read_fact(feature, written_fact)
    amount, decimals = read_reference(feature, written_reference)
    places = places_of(feature.unit, fact.decimals, decimals)
    assert amount == rounded(reference, places, feature.unit), text
    if fact.answer is not None:
        assert (fact.answer, amount) == (value, reference), text
        return
    assert fact.value == rounded(value, places, feature.unit), text
    for written, number in ((fact.decimals, fact.value), (decimals, amount)):
        assert written == places or (written == 0 and number == number.to_integral_value()), text
    if feature.unit in WHOLE_UNITS:
        assert places == 0, text
    if fact.noun is not None:
        singular, plural = feature.wording.noun
        # "1 semaine sur 8, soit 12,5 %": the noun goes with the count, not with the share.
        counted = re.search(rf"(\d+) {fact.noun} sur ", written_fact)
        number = abs(fact.value) if counted is None else int(counted[1])
        assert fact.noun == (plural if number >= 2 else singular), text


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
def test_every_sentence_of_the_catalogue_is_sound(feature: Feature, known: KnownRecords) -> None:
    """Each feature, with any value and reference, is told in dated, clean French with the right numbers and nouns."""
    for value in grid_of(feature):
        for reference in grid_of(feature):
            text = tell(feature, value, reference, known)
            check_form(text)
            check_numbers(feature, text, value, reference)


@given(data=st.data())
@settings(max_examples=200)
def test_any_value_is_told_with_its_own_number(data: st.DataObject) -> None:
    """Whatever the value and the reference of a rate, a mark or a change, the text holds them, rounded as in school."""
    measured = [feature for feature in CATALOGUE if feature.unit not in WHOLE_UNITS | {"0/1"}]
    feature = data.draw(st.sampled_from(measured))
    low, high = {"share": (0, 1), "share_points": (-1, 1), "/20": (0, 20)}.get(feature.unit, (-20, 20))
    if feature.wording.negative is None:
        low = 0
    values = st.floats(low, high, allow_nan=False, allow_subnormal=False)
    value, reference = data.draw(values), data.draw(values)
    text = tell(feature, value, reference, known_on(date(2025, 3, 5)))
    check_form(text)
    check_numbers(feature, text, value, reference)


def test_a_whole_number_is_written_without_decimals_but_for_a_mark() -> None:
    """50 %, 1 point, 7,0/20: as a school writes them, with the same numbers."""
    known = known_on(date(2025, 3, 5))
    share, points, mark = "low_marks_share_12w", "grade_change_last_year", "mean_grade_year"
    assert tell(FEATURE_BY_NAME[share], 0.5, 0.07, known).startswith("50\u00a0% de notes sous 8/20 depuis")
    assert tell(FEATURE_BY_NAME[share], 1.0, 0.071, known).endswith(": 7,1\u00a0%")
    assert "en hausse de 1 point par" in tell(FEATURE_BY_NAME[points], 1.0, -2.0, known)
    assert "de 7,0/20" in tell(FEATURE_BY_NAME[mark], 7.0, 12.0, known)
    assert tell(FEATURE_BY_NAME[share], 0.5004, 0.5, known).partition(SEPARATOR)[0].startswith("50,04")


def test_a_sentence_says_whose_median_it_compares_with(
    small_scores: RiskScores, small_model: TrainedModel, explained: Explained, as_of: date
) -> None:
    """Only a median of the pupil's own level is said to be "du même niveau"; where that knows too little, all levels are."""
    references = small_model.risk_model.references
    levels = dict(zip(explained.frame["pupil_id"], explained.frame["level"], strict=True))
    saved = references.to_dict()
    of_all = {False: 0, True: 0}
    for reason in small_scores.reasons.itertuples():
        values, level = small_scores.features.loc[reason.pupil_id], levels[reason.pupil_id]
        pattern = "+".join(
            flag
            for flag, columns in references.knowledge.groups.items()
            if values[[name for name in columns if name in values]].isna().all()
        )
        (label,) = small_model.reference_groups([level], as_of).tolist()
        ends = [f"|{pattern}", ""] if pattern else [""]
        keys = [f"{path}{end}" for end in ends for path in dict.fromkeys((label, level, ""))]
        key = next((key for key in keys if key in saved["by_label"]), "")
        general = key.startswith("|") or not key or reason.code in saved["general"].get(key, ())
        words = reference_of(reason.text)
        assert words.startswith(reference_pupil(general=general)), (key, reason.text)
        of_all[general] += 1
    assert all(of_all.values()), of_all


def test_close_values_are_told_apart() -> None:
    """Decimals are added until the value and its reference read differently, up to three."""
    known, mark = known_on(date(2025, 3, 5)), FEATURE_BY_NAME["mean_grade_year"]
    assert "moyenne des notes de 10,1/20" in tell(mark, 10.1, 12.0, known)
    assert "moyenne des notes de 10,12/20" in tell(mark, 10.12, 10.13, known)
    assert tell(mark, 10.12, 10.13, known).endswith(": 10,13/20")
    assert tell(mark, 10.1234, 10.12341, known).endswith(": 10,123/20")


def test_every_number_of_every_reason_is_the_value_of_its_feature(
    small_scores: RiskScores, small_model: TrainedModel, explained: Explained, as_of: date
) -> None:
    """In all reasons of over 1,000 pupils, each number is the feature's value or a median of the pupil's own level."""
    reasons = small_scores.reasons
    assert len(explained.frame) >= 1_000
    assert len(reasons) > 1_000
    levels = dict(zip(explained.frame["pupil_id"], explained.frame["level"], strict=True))
    references = small_model.risk_model.references
    for reason in reasons.itertuples():
        feature = FEATURE_BY_NAME[reason.code]
        value = small_scores.features.loc[reason.pupil_id, reason.code]
        # "level@month|pattern of what is known", wider where rows are few: without the month, without the level, all.
        level, place = levels[reason.pupil_id], references.columns.index(reason.code)
        own = {f"{level}@{as_of.month:02d}", level, ""}
        medians = {
            row[place]
            for label, row in zip(references.labels, references.by_label, strict=True)
            if label.partition("|")[0] in own
        } | {references.overall[place]}
        assert reason.reference in medians
        assert reason.value == value
        check_form(reason.text)
        check_numbers(feature, reason.text, value, reason.reference)


def test_second_facts_are_those_of_the_records(
    small_scores: RiskScores, small_cohort: Cohort, as_of: date
) -> None:
    """Each amount and each day in brackets is what the rows of the records give, counted here."""
    reasons, expected = small_scores.reasons, second_facts(small_scores, small_cohort, as_of)
    # A pupil of the cohort stays where the school year began, or comes once in it.
    of_year = small_cohort.records.enrolments.query("school_year == 2024")
    first_stay = of_year.groupby("pupil_id")["start_date"].min().dt.date.to_dict()
    told = 0
    for reason in reasons.itertuples():
        companion = FEATURE_BY_NAME[reason.code].wording.companion
        second = read_fact(FEATURE_BY_NAME[reason.code], parted(reason.text)[0]).second
        assert (second is None) == np.isnan(reason.companion)
        if second is None or companion is None:
            continue
        told += 1
        value = expected[reason.code].get(reason.pupil_id, 0.0)
        assert reason.companion == pytest.approx(value, abs=1e-9)
        amount, decimals, days = read_second(second, reason.companion_unit)
        places = places_of(reason.companion_unit, decimals)
        assert amount == (None if amount is None else rounded(value, places, reason.companion_unit))
        assert amount is not None or value == reason.value
        named = [date.fromisoformat(day) for day in reason.companion_period.split("/")]
        named[0] = max(named[0], first_stay[reason.pupil_id])
        named = {
            "before": named, "part": [school_day_from(*named)], "lately": [school_day_from(*named)], "beside": [],
        }[companion.kind]  # fmt: skip
        assert [day[1:] for day in days] == [(day.month, day.day) for day in named]
    assert told > 50
    assert reasons.loc[reasons["companion"].notna(), "code"].nunique() >= 2


def second_facts(scores: RiskScores, cohort: Cohort, as_of: date) -> dict[str, pd.Series]:
    """Count the second facts again, from the tables of a clean cohort and from differences of other features."""
    recent, before = pd.Timestamp(as_of) - pd.Timedelta(days=28), pd.Timestamp(as_of) - pd.Timedelta(days=56)
    absences, grades = (known_rows(cohort.tables[name], as_of) for name in ("absences", "grades"))
    settled = absences["justified"].fillna(value=False).astype(bool) & ~(
        absences["justified_on"] >= pd.Timestamp(as_of)
    )
    absences["open"] = (absences["kind"] == "absence") & ~settled
    last = absences[absences["date"] >= recent]
    prior = absences[(absences["date"] < recent) & (absences["date"] >= before)]
    missed = grades[(grades["date"] >= recent) & grades["status"].isin(["absent", "not_handed_in"])]
    unjustified = last[last["open"]].groupby("pupil_id")["half_days"].sum()
    features = scores.features
    return {
        "unjustified_half_days_4w": prior[prior["open"]].groupby("pupil_id")["half_days"].sum(),
        "unjustified_half_days_12w": unjustified,
        "unjustified_half_days_year": unjustified,
        "lateness_12w": last[last["kind"] == "lateness"].groupby("pupil_id").size(),
        "exclusion_half_days_year": last[last["kind"] == "exclusion"].groupby("pupil_id")["half_days"].sum(),
        "missed_assessments_12w": missed.groupby("pupil_id").size(),
        "months_over_threshold_year": features["unjustified_half_days_12w"],
        "absence_rate_year": features["unjustified_half_days_year"],
        "absent_weeks_share_12w": features["unjustified_half_days_12w"],
        "absence_rate_4w": features["absence_rate_4w"] - features["absence_rate_change"],
        "mean_grade_12w": features["mean_grade_12w"] - features["grade_change_term"],
    }


def known_rows(table: pd.DataFrame, as_of: date) -> pd.DataFrame:
    known = table["date"] < pd.Timestamp(as_of)
    if "recorded_on" in table:
        known &= ~(table["recorded_on"] >= pd.Timestamp(as_of))
    return table[known].copy()


@pytest.mark.parametrize("feature", [f for f in CATALOGUE if f.wording.companion], ids=lambda f: f.name)
def test_a_second_fact_is_told_only_when_it_adds_something(feature: Feature) -> None:
    """Nothing is added when the second fact is not known, or when it is a part of one event or of a window as short."""
    known = known_on(date(2025, 3, 5))
    assert ")" not in tell(feature, 6.0, 0.0, known).replace("(au 5 mars)", "")
    added = tell(feature, 6.0, 0.0, known, companion=2.0)
    assert added == tell(feature, 6.0, 0.0, known, companion=np.float64(2.0))
    assert added.partition(SEPARATOR)[0].endswith(")")
    check_form(added)
    if feature.wording.companion.kind in {"beside", "lately"}:
        assert ")" not in tell(feature, 0.0, 0.5, known, companion=0.0)
    if feature.wording.companion.kind == "part":
        assert tell(feature, 1.0, 0.0, known, companion=1.0) == tell(feature, 1.0, 0.0, known)
        september = known_on(date(2024, 9, 20))
        assert tell(feature, 6.0, 0.0, september, companion=6.0) == tell(feature, 6.0, 0.0, september)
        assert "(tou" in tell(feature, 6.0, 0.0, known, companion=6.0)


def test_months_at_the_legal_threshold_are_told_with_the_first_one_and_with_the_last_weeks() -> None:
    """A month at the threshold long ago reads so: of how many months, when first, and what came since."""
    known = known_on(date(2025, 3, 5))
    over, since = (FEATURE_BY_NAME[f"months_{name}_threshold_year"] for name in ("over", "since"))
    assert tell(over, 1.0, 0.0, known, whole=7.0, subject="octobre", companion=0.0) == (
        "seuil légal de 4 demi-journées non justifiées atteint 1 mois sur 7 depuis la rentrée du 2 septembre, la première "
        f"fois en octobre (aucune demi-journée non justifiée depuis le 11 décembre){SEPARATOR}0"
    )
    assert tell(over, 2.0, 0.0, known, whole=7.0, companion=3.0).startswith(
        "seuil légal de 4 demi-journées non justifiées atteint 2 mois sur 7 depuis la rentrée du 2 septembre "
        "(3 demi-journées non justifiées depuis le 11 décembre)"
    )
    assert tell_fact(since, 6.0, known, subject="octobre") == (
        "seuil légal d'absence atteint pour la première fois en octobre, soit 6 mois de classe, celui-ci compris (au 5 mars)"
    )
    # In October the last twelve weeks are the year: there is nothing to hold apart.
    assert "(" not in tell_fact(over, 1.0, known_on(date(2024, 10, 20)), whole=2.0, companion=4.0)


@pytest.mark.parametrize(
    ("days", "month"),
    [([], ""), (["2024-10-07", "2024-10-08"], "octobre"), (["2024-12-19", "2025-01-06", "2025-01-07"], "janvier"),
     (["2024-11-14", "2024-12-02", "2025-02-03", "2025-02-04"], "février")],
)  # fmt: skip
def test_the_first_month_is_that_of_the_rows(days: list[str], month: str) -> None:
    """The month that is named is the first of the school year with 4 half-days, wherever it lies."""
    rows = [
        {"pupil_id": "a", "date": day, "half_days": 2, "kind": "absence", "justified": False} for day in days
    ]
    enrolment = {"pupil_id": "a", "school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}  # fmt: skip
    absences = pd.DataFrame(rows or None, columns=["pupil_id", "date", "half_days", "kind", "justified"])
    records = PupilRecords([{"pupil_id": "a"}], [enrolment], absences=absences)
    words = FEATURE_BY_NAME["months_over_threshold_year"].wording
    assert words.subjects is not None
    assert words.subjects(Facts(records.known_on("2025-03-05"))).tolist() == [month]


def test_labels_and_fixed_words_are_sound() -> None:
    """What a school reads beside the sentences holds no label and no English either."""
    pupils = [reference_pupil(general=general) for general in (False, True)]
    for text in (*pupils, NO_REASON, OTHERS, *(family.label for family in FAMILIES)):
        assert not french.forbidden_in(text, LEXICON)
        assert not NOT_FRENCH.search(text)


def test_the_grid_reaches_every_sentence() -> None:
    """The values tried above hold 0 for each feature told apart at 0, and a fall for each that can fall."""
    for feature in CATALOGUE:
        if feature.wording.zero is not None:
            assert 0.0 in grid_of(feature)
        if feature.wording.negative is not None:
            assert min(grid_of(feature)) < 0


def test_units_of_the_grid_are_those_of_the_catalogue() -> None:
    """No unit of the catalogue is told without having been tried with values of its own."""
    assert {feature.unit for feature in CATALOGUE} <= WHOLE_UNITS | set(GRID)
    assert set(GRID) >= PERCENT_UNITS
    assert np.isfinite([value for values in GRID.values() for value in values]).all()


def test_missing_data_are_told_apart_by_family() -> None:
    """What is not known is counted per family, in their order; nothing missing says nothing; it is no reason."""
    assert tell_missing([]) == ""
    every = tell_missing([feature.name for feature in CATALOGUE])
    told = [family for family in FAMILIES if family.told and any(f.family is family for f in CATALOGUE)]
    assert every.count(" sur ") == len(told)
    assert [every.lower().index(f"{family.label.lower()} (") for family in told] == sorted(
        every.lower().index(f"{family.label.lower()} (") for family in told
    )
    silent = [feature.name for feature in CATALOGUE if not feature.family.told]
    assert tell_missing(silent) == ""
    one = next(feature for feature in CATALOGUE if feature.family.code == "missed_work")
    assert tell_missing([one.name]).startswith("donnée manquante : évaluations non faites (1 indicateur sur ")
