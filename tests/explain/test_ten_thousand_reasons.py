"""The numbers of ten thousand reasons, each held against a recomputation from the rows that shares no line with them."""

from __future__ import annotations

import math
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from french_facts import MONTHS, parted, places_of, read_fact, read_reference, read_second, rounded

from decrochage_risk.errors import DemoModelWarning
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.model.snapshots import places_of as places_of_columns
from decrochage_risk.model.snapshots import values_with_context
from decrochage_risk.score import load_demo_model, score_pupils
from decrochage_risk.synthetic import make_cohort

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "features"))

from oracle_beyond import beyond_features, unjustified_by_month
from oracle_rows import weighted_mean

from oracle import PupilView, contract_features, views

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.records import PupilRecords

REASONS = 10_000
PUPILS = 3_600
DAYS = (date(2025, 1, 20), date(2025, 3, 5))
MISSED = ("absent", "not_handed_in")


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a table into dicts of plain values, None where missing."""
    days = {name for name, dtype in table.dtypes.items() if str(dtype).startswith("datetime64")}
    rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
    for row in rows:
        row.update({name: row[name].date() for name in days if row[name] is not None})
    return rows


def second_of(code: str, pupil: PupilView) -> float:
    """Compute the second fact of a reason from the rows of its pupil."""
    four, start, end = pupil.back(28), pupil.start, pupil.as_of
    before_4w, before_12w = end - timedelta(28), end - timedelta(84)
    recent = sum(n for _, n in pupil.unjustified(four, end))
    mean = weighted_mean(pupil.marks_in(start, before_12w))
    rate = pupil.rate([(start, before_4w)])
    since_12w = sum(n for _, n in pupil.unjustified(before_12w, end))
    return {
        "months_over_threshold_year": since_12w,
        "unjustified_half_days_4w": sum(n for _, n in pupil.unjustified(end - timedelta(56), before_4w)),
        "unjustified_half_days_12w": recent,
        "unjustified_half_days_year": recent,
        "absence_rate_year": sum(n for _, n in pupil.unjustified(start, end)),
        "absent_weeks_share_12w": since_12w,
        "absence_rate_4w": math.nan if rate is None else float(rate),
        "lateness_12w": sum(row["kind"] == "lateness" for row, _ in pupil.counted(four, end)),
        "exclusion_half_days_year": pupil.total(("exclusion",), four, end),
        "mean_grade_12w": math.nan if mean is None else float(mean),
        "missed_assessments_12w": sum(
            four <= row["date"] < end and row["status"] in MISSED for row in pupil.grades
        ),
    }[code]


@pytest.mark.slow
def test_each_number_of_ten_thousand_reasons_is_recomputed_from_the_rows() -> None:
    """Value, reference and second fact of 10,000 random reasons, as written, equal a slow recomputation from the rows."""
    cohort = make_cohort(PUPILS, [2022, 2023, 2024], seed=77)
    model, calendar = load_demo_model(), cohort.records.calendar
    checked = 0
    for as_of in DAYS:
        with pytest.warns(DemoModelWarning):
            scores = score_pupils(cohort.records, as_of=as_of, model=model, explain="all")
        reasons = scores.reasons.sample(REASONS // len(DAYS), random_state=1)
        ids = set(reasons["pupil_id"])
        tables = {
            name: plain_rows(table[table["pupil_id"].isin(ids)])
            for name, table in cohort.tables.items()
            if name in {"pupils", "enrolments", "absences", "grades", "orientation"}
        }
        expected = contract_features(tables, as_of, calendar.half_days, calendar.known_years)
        for pupil_id, values in beyond_features(
            tables, as_of, calendar.half_days, calendar.known_years
        ).items():
            expected[pupil_id] |= values
        pupils = dict(views(tables, as_of, calendar.half_days, calendar.known_years))
        horizons = scores.frame.set_index("pupil_id")["explained_horizon_years"]
        references = {
            years: references_of(one, cohort.records, as_of) for years, one in model.horizons.items()
        }
        for reason in reasons.itertuples():
            reference = references[int(horizons[reason.pupil_id])].loc[reason.pupil_id, reason.code]
            check_reason(reason, expected[reason.pupil_id][reason.code], reference, pupils[reason.pupil_id])
            checked += 1
    assert checked == REASONS


def references_of(model: TrainedModel, records: PupilRecords, as_of: date) -> pd.DataFrame:
    """Give the reference pupil of each pupil: of the level, the month and what is known of them."""
    known, risk_model = records.known_on(as_of), model.risk_model
    groups = model.groups_of_levels(known.level, known.as_of)
    values = values_with_context(known)[:, places_of_columns(risk_model.columns)]
    rows = risk_model.reference_rows(risk_model.filled(values, groups), groups)
    return pd.DataFrame(rows, index=known.pupil_ids, columns=risk_model.references.columns)


def check_reason(reason: Any, value: float, reference: float, pupil: PupilView) -> None:
    """Hold what a reason says against what was recomputed."""
    feature = FEATURE_BY_NAME[reason.code]
    assert math.isclose(reason.value, value, rel_tol=1e-9, abs_tol=1e-9), reason
    assert reason.reference == reference
    written, written_reference = parted(reason.text)
    fact = read_fact(feature, written)
    told, decimals = read_reference(feature, written_reference)
    places = places_of(feature.unit, fact.decimals, decimals)
    assert told == rounded(reference, places, feature.unit), reason.text
    if fact.value is not None:
        assert abs(float(fact.value) - scaled(value, feature.unit)) <= 0.5001 * 10.0**-places
    else:
        assert fact.answer == value
    if fact.count is not None:  # a share told as a count: the same share, to the whole
        assert fact.count == round(value * reason.whole)
        assert float(fact.count) == pytest.approx(value * reason.whole, abs=1e-6)
        assert fact.whole == reason.whole
    if reason.code == "months_over_threshold_year" and value:
        over = [m for m, n in unjustified_by_month(pupil, pupil.start, pupil.as_of).items() if n >= 4]
        assert fact.subject == MONTHS[(min(over) - 1) % 12]
    assert (fact.second is None) == np.isnan(reason.companion)
    if fact.second is not None:
        second = second_of(reason.code, pupil)
        assert math.isclose(reason.companion, second, rel_tol=1e-9, abs_tol=1e-9), reason
        amount, written, _ = read_second(fact.second, reason.companion_unit)
        if amount is None:
            assert second == value
        else:
            places = places_of(reason.companion_unit, written)
            assert abs(float(amount) - scaled(second, reason.companion_unit)) <= 0.5001 * 10.0**-places


def scaled(value: float, unit: str) -> float:
    return 100.0 * value if unit in {"share", "share_points"} else value
