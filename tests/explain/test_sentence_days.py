"""The days that a sentence names are those of its window; the first is a school day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from french_facts import SEPARATOR, parted, read_fact, school_day_from

from decrochage_risk.explain.sentences import tell
from decrochage_risk.features import CATALOGUE, FEATURE_BY_NAME
from one_pupil import known_on

if TYPE_CHECKING:
    from decrochage_risk.features import Feature
    from decrochage_risk.score import RiskScores

pytestmark = pytest.mark.whole

EPOCH = date(1970, 1, 1).toordinal()


@pytest.mark.parametrize(
    "as_of", [date(2024, 9, 10), date(2024, 10, 1), date(2025, 1, 15), date(2025, 6, 30)]
)
@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
def test_the_days_named_are_those_of_the_window_or_the_as_of_date(feature: Feature, as_of: date) -> None:
    """A named day is the first or the last of the window, or the as-of date; with its year when of another school year."""
    known = known_on(as_of)
    first, after = feature.window.span(known)
    fact = read_fact(feature, tell(feature, 1.0, 0.0, known).partition(SEPARATOR)[0])
    start = school_day_from(date.fromordinal(EPOCH + first), date.fromordinal(EPOCH + after - 1))
    named = {
        "since": (fact.since, start),
        "until": (fact.until, date.fromordinal(EPOCH + after - 1)),
        "as_of": (fact.as_of, as_of),
    }
    if (recent := feature.wording.recent) is not None:
        days = [date.fromordinal(EPOCH + number) for number in recent.span(known)]
        named["lately"] = (fact.lately, school_day_from(days[0], days[1] - timedelta(days=1)))
        eve = named["lately"][1] - timedelta(days=1)
        before = dict.fromkeys(
            (day.month, day.day) for day in (named["since"][1], eve) if named["since"][1] <= eve
        )
        assert [day[1:] for day in fact.earlier] == (
            list(before) if "{earlier}" in feature.wording.sentence else []
        )
    told = {name: pair for name, pair in named.items() if pair[0] is not None}
    assert told
    for written, day in told.values():
        of_this_year = date(2024, 9, 1) <= day < date(2025, 9, 1)
        assert written == (None if of_this_year else day.year, day.month, day.day)


def test_trailing_windows_start_where_they_should() -> None:
    """4 and 12 weeks start with the first school day of the 28 and 84 days before the as-of date, a return as such."""
    for as_of, weeks, expected in (
        (date(2025, 3, 5), "unjustified_half_days_4w", "depuis le 5 février"),
        (date(2025, 3, 5), "unjustified_half_days_12w", "depuis le 11 décembre"),
        (date(2024, 9, 10), "unjustified_half_days_12w", "depuis la rentrée du 2 septembre"),
        (date(2024, 11, 29), "unjustified_half_days_4w", "depuis la rentrée du 4 novembre"),
        (date(2025, 3, 5), "school_changes_3y", "depuis la rentrée du 1er septembre 2022"),
    ):
        assert expected in tell(FEATURE_BY_NAME[weeks], 3.0, 0.0, known_on(as_of))


def test_every_reason_names_the_first_day_of_its_period(small_scores: RiskScores, as_of: date) -> None:
    """The day after "depuis" is the first school day of the reason's period, which ends the day before the as-of date.

    Where the last weeks are held against those before, it is the first day of the former, inside the period.
    """
    dated = 0
    for reason in small_scores.reasons.itertuples():
        start, _, end = reason.period.partition("/")
        fact = read_fact(FEATURE_BY_NAME[reason.code], parted(reason.text)[0])
        if fact.since is not None:
            dated += 1
            first = school_day_from(date.fromisoformat(start), date.fromisoformat(end))
            assert fact.since[1:] == (first.month, first.day)
            assert date.fromisoformat(end).toordinal() == as_of.toordinal() - 1
        elif fact.lately is not None:
            assert (
                start
                < f"{as_of.year - (fact.lately[1] > as_of.month)}-{fact.lately[1]:02}-{fact.lately[2]:02}"
                <= end
            )
        elif fact.until is not None:
            last = date.fromisoformat(end)
            assert fact.until == (last.year, last.month, last.day)
        else:
            assert fact.as_of == (None, as_of.month, as_of.day)
    assert dated > 100
