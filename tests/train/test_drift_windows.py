"""Laws of what the drift watch compares: as much school in the windows, records that go back as far, rows enough."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.features import CATALOGUE
from decrochage_risk.model import FeatureDistributions
from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.train.drift_signs import (
    alike_extent,
    comparable_columns,
    shift_signs,
    uncompared_sign,
    within_extent,
)

NAMES = [feature.name for feature in CATALOGUE]
ZONE_B = SchoolCalendar.for_zone("B")
GROUP = "3e@03"


def known_for(years: list[int], rows: int = 400) -> pd.DataFrame:
    """Give as many pupils to each number of years known."""
    return pd.DataFrame({"years_known": np.resize(np.array(years, dtype=np.float64), rows)})


@pytest.mark.parametrize(("suffix", "other"), [("_4w", date(2024, 12, 5)), ("_12w", date(2024, 12, 5))])
def test_what_rests_on_the_last_weeks_is_not_compared_across_holidays(suffix: str, other: date) -> None:
    """A feature named for its last weeks says so in its entry, whatever its window: holidays elsewhere leave it out."""
    named = {name for name in NAMES if name.endswith(suffix)}
    assert named
    assert not named & set(comparable_columns(NAMES, ZONE_B, date(2025, 3, 5), [other]))


def test_as_many_half_days_in_other_weeks_are_not_compared() -> None:
    """Nine weeks with school are not eight, though they hold as many half-days; the same weeks of another year are."""
    zone_b = SchoolCalendar.for_zone("B")
    names = ["quiet_weeks_share_12w", "absence_rate_year"]
    day = date(2025, 3, 5)
    assert comparable_columns(names, zone_b, day, [date(2023, 3, 6)]) == ["absence_rate_year"]
    assert comparable_columns(names, zone_b, day, [date(2026, 3, 5)]) == names


def test_a_day_is_comparable_with_itself_but_for_what_describes_the_records() -> None:
    """The same day leaves out the years known and the weeks of the year alone: they are no deed of a pupil."""
    day = date(2025, 3, 5)
    described = {feature.name for feature in CATALOGUE if feature.of_records}
    assert described == set(NAMES) - set(comparable_columns(NAMES, ZONE_B, day, [day]))
    assert all(
        not feature.family.told and feature.unit in {"weeks", "years"}
        for feature in CATALOGUE
        if feature.of_records
    )


def test_what_goes_back_as_far_as_the_records_needs_the_same_extent() -> None:
    """No dated feature with an open start is left when records go back further; marks of the year remain."""
    kept = set(within_extent(NAMES))
    opened = {
        feature.name for feature in CATALOGUE if feature.window.open_start and feature.table != "pupils"
    }
    assert opened
    assert not opened & kept
    assert {"mean_grade_year", "years_behind", "grade_change_last_year"} <= kept


@pytest.mark.parametrize(
    ("trained", "now", "alike"), [([1, 2], [1, 2], True), ([1, 2], [2, 3], False), ([1], [1], False)]
)
def test_the_extent_is_read_in_the_years_known(trained: list[int], now: list[int], *, alike: bool) -> None:
    """As many years known are alike, more are not; a training of one year cannot tell."""
    kept = FeatureDistributions.fit(known_for(trained), [GROUP] * 400)
    assert alike_extent(kept, known_for(now), [GROUP] * 400) is alike


def test_a_handful_of_known_rows_is_not_compared() -> None:
    """Counts rounded to fives say nothing of a column that ten pupils of the training had."""
    name = "network_changes_3y"
    rare = np.where(np.arange(1_000) < 10, 1.0 * (np.arange(1_000) % 2), np.nan)
    kept = FeatureDistributions.fit(pd.DataFrame({name: rare}), [GROUP] * 1_000)
    now = pd.DataFrame({name: np.zeros(1_000)})
    shares, rows = kept.expected(name, [GROUP] * 1_000)
    assert shift_signs(kept, now, {name: (shares, rows)}, current=[]) == []


def test_what_is_not_compared_is_told_once_each() -> None:
    """Each feature left out is counted for one cause; the score is no feature; with none left out all is well."""
    names = ["mean_grade_12w", "mean_grade_year", "absence_rate_since_4e", "years_known", "score"]
    sign = uncompared_sign(names, [names[1], names[2]], [names[1]])
    assert sign.verdict == "not_measured"
    assert sign.sentence.startswith("3 caractéristiques non comparées : 1 pour le calendrier")
    assert ", 2 pour l’étendue" in sign.sentence
    assert uncompared_sign(names[1:2], names[1:2], names[1:2]).verdict == "ok"
