from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk.report.drawings import marks_chart, presence_chart
from decrochage_risk.report.facts import PupilFacts
from decrochage_risk.school_year import year_start

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores


@pytest.fixture(scope="module")
def facts(small_scores: RiskScores) -> PupilFacts:
    """Gather the facts over time of everybody."""
    return PupilFacts(small_scores.known, small_scores.records, small_scores.silence)


def test_a_drawing_counts_what_the_features_count(small_scores: RiskScores, facts: PupilFacts) -> None:
    """Unjustified half-days of the squares, by month and in all, are those of the features, for every pupil."""
    features = small_scores.features
    months = features["months_over_threshold_year"].to_numpy()
    unjustified = features["unjustified_half_days_year"].to_numpy()
    exclusion = features["exclusion_half_days_year"].to_numpy()
    checked = 0
    for row in range(len(small_scores)):
        presence = facts.presence(row)
        if presence is None or np.isnan(unjustified[row]):
            continue
        checked += 1
        assert presence.unjustified == unjustified[row]
        assert sum(month.exclusion or 0 for month in presence.months) == exclusion[row]
        if not np.isnan(months[row]):
            assert sum((month.unjustified or 0) >= 4 for month in presence.months) == months[row]
    assert checked > 900


def test_the_mean_of_the_drawing_is_that_of_the_feature(small_scores: RiskScores, facts: PupilFacts) -> None:
    """The mean of all marks is the feature's; each subject's lies within its marks; a missed one is no mark."""
    means = small_scores.features["mean_grade_year"].to_numpy()
    missed = 0
    for row in range(0, len(small_scores), 7):
        marks = facts.marks(row, None, None)
        if marks is None:
            continue
        assert (marks.mean is None) == bool(np.isnan(means[row]))
        if marks.mean is not None:
            assert marks.mean == means[row]
        for subject in marks.subjects:
            missed += len(subject.missed)
            if subject.mean is not None:
                assert min(subject.marks) - 1e-9 <= subject.mean <= max(subject.marks) + 1e-9
            assert len(subject.days) == len(subject.marks)
    assert missed > 0


def test_every_half_day_is_drawn_once(small_scores: RiskScores, facts: PupilFacts) -> None:
    """A day has as many squares as it holds half-days of school, and the drawing as many as the days."""
    row = int(np.flatnonzero(small_scores.frame["flagged"].to_numpy())[0])
    presence = facts.presence(row)
    assert presence is not None
    calendar = small_scores.known.calendar
    for one in presence.days:
        assert len(one.half_days) == calendar.half_days(one.day)
    drawn = sum(
        panel.svg.count("h9v11") + panel.svg.count("h7.8v9.8") + panel.svg.count("h8.2v10.2")
        for panel in presence_chart(presence).panels
    )
    assert drawn == sum(len(one.half_days.replace("-", "").replace("?", "")) for one in presence.days)


def test_drawings_have_a_title_a_description_and_their_numbers(
    small_scores: RiskScores, facts: PupilFacts
) -> None:
    """Whoever does not see a drawing hears its title and what it shows, and finds its numbers in a table."""
    row = int(np.flatnonzero(small_scores.frame["flagged"].to_numpy())[0])
    presence, marks = facts.presence(row), facts.marks(row, None, None)
    assert presence is not None
    assert marks is not None
    as_of = small_scores.run.as_of
    for chart in (presence_chart(presence), marks_chart(marks, year_start(2024), as_of)):
        assert chart.tables
        for panel in chart.panels:
            assert panel.svg.count("<title>") == panel.svg.count("<desc>") == 1


def test_nothing_later_is_drawn(small_scores: RiskScores, facts: PupilFacts) -> None:
    """No day of a drawing, of a mark or of a path lies on or after the day of the run."""
    as_of = small_scores.run.as_of
    for row in range(0, len(small_scores), 31):
        presence, marks = facts.presence(row), facts.marks(row, None, None)
        assert presence is None or all(one.day < as_of for one in presence.days)
        if marks is not None:
            assert all(day < as_of for subject in marks.subjects for day in (*subject.days, *subject.missed))
        assert all(year.school_year <= small_scores.known.school_year for year in facts.path(row))
