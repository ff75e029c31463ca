"""Rates and effects that the synthetic cohort is made of, each with its source or its reason.

Published figures (DEPP, académie, Cnesco) are named where they set a number; the other numbers are choices, made so
that the whole comes near the published figures. Logits are natural log-odds; probabilities are shares in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ABSENCE",
    "MARKS",
    "MOVES",
    "RISK",
    "SUBJECTS",
    "TRUTH_DAYS",
    "AbsenceSettings",
    "MarkSettings",
    "MoveSettings",
    "RiskSettings",
    "Subject",
]


@dataclass(frozen=True, slots=True)
class AbsenceSettings:
    """Half-day absences, lateness and exclusions. Lists run over 0..4 marked weeks of the last four."""

    by_marked_weeks: tuple[float, ...] = (0.0, 0.8, 1.35, 1.65, 1.85)
    """An absence makes the next one likelier: the few who are absent are absent often (median school < 2.1 % of pupils
    over 4 half-days a month, top decile > 13.2 %, DEPP 2015-16)."""
    by_band: tuple[float, ...] = (0.7, 0.4, 0.15, 0.0, -0.3)
    by_behind: tuple[float, ...] = (0.0, 0.25, 0.5)
    by_past: tuple[float, ...] = (0.0, 0.5, 1.0, 0.35)
    by_wish: tuple[float, ...] = (0.0, 0.0, 0.1, 0.3)
    upheaval: float = 0.15
    climates: tuple[float, ...] = (-0.9, -0.55, -0.15, 0.15, 0.4, 0.65, 1.1)
    climate_shares: tuple[float, ...] = (0.1, 0.2, 0.25, 0.2, 0.15, 0.05, 0.05)
    """What a school adds, and the shares of schools: 10 % of the schools hold half of the absence (DEPP 2015-16)."""
    by_month: tuple[float, ...] = (0.0, 0.05, 0.2, 0.08, 0.2, -0.1, 0.0, 0.0, 0.85, -0.05, -0.15, 0.0)
    """January to December, beside what the weeks before bring: September is lowest all the same, as no absence is
    recorded before it; peak in March (DEPP 2022-23)."""
    whole_day: float = 0.5
    settled_late: tuple[float, ...] = (0.95, 0.83, 0.48, 0.2, 0.12)
    """Share settled (justified) some days after, once it was recorded as not excused."""
    illness: tuple[tuple[str, float], ...] = (
        ("college", 0.123),
        ("segpa", 0.16),
        ("gt", 0.143),
        ("pro", 0.117),
    )
    """Share of weeks with an episode of 1 to 3 days, excused when it is recorded: what is lost in all, less what is not
    excused (DEPP 2022-23: 7.7 % of school time, of which 1.9 % not excused)."""
    whole_day_ill: float = 0.85
    recorded_late: float = 0.15
    lateness: tuple[float, ...] = (0.03, 0.08, 0.14, 0.2, 0.25)
    exclusion: tuple[float, ...] = (0.0006, 0.002, 0.004, 0.006, 0.008)
    past_shares: tuple[float, ...] = (0.10, 0.30)
    """Shares of marked weeks of the last year from which ``past`` is 1, then 2; 3 = no record of that year."""


ABSENCE = AbsenceSettings()


@dataclass(frozen=True, slots=True)
class MarkSettings:
    """Marks on 20. A band is that of the mean of the two tests of the first week (maths and French)."""

    band_edges: tuple[float, ...] = (7.0, 9.0, 11.0, 13.5)
    centre: float = 11.9
    by_pathway: tuple[tuple[str, float], ...] = (("college", 0.3), ("segpa", 0.0), ("gt", 0.0), ("pro", 1.7))
    ability_sd: float = 3.2
    school_sd: float = 0.7
    test_sd: float = 1.8
    low_threshold: float = 8.0
    low_logit_by_band: tuple[float, ...] = (0.6, -0.3, -1.1, -2.0, -3.2)
    low_by_marked_weeks: tuple[float, ...] = (0.0, 0.3, 0.6, 0.8, 1.0)
    low_by_lows: tuple[float, ...] = (0.0, 0.4, 0.8)
    missed_when_low: tuple[float, ...] = (0.12, 0.2, 0.3, 0.4, 0.5)
    missed_logit: tuple[float, ...] = (-4.2, -3.4, -2.7, -2.1, -1.6)
    fall_by_marked_weeks: float = 0.35
    recorded_late: float = 0.3


MARKS = MarkSettings()


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject: how its marks stand to the pupil's level. Maths spread most, PE least (Affelnet 2021)."""

    name: str
    pathways: frozenset[str]
    offset: float
    slope: float
    noise_sd: float


_EVERYWHERE = frozenset({"college", "segpa", "gt", "pro"})

SUBJECTS: tuple[Subject, ...] = (
    Subject("maths", _EVERYWHERE, -0.3, 1.4, 2.6),
    Subject("french", _EVERYWHERE, 0.0, 1.0, 2.1),
    Subject("modern_language_1", frozenset({"college", "gt", "pro"}), 0.4, 0.93, 2.0),
    Subject("history_geography", frozenset({"college", "segpa", "gt"}), 0.3, 0.94, 2.0),
    Subject("professional", frozenset({"segpa", "pro"}), 1.0, 0.8, 1.9),
    Subject("pe", _EVERYWHERE, 2.2, 0.52, 1.5),
)
"""The first one, maths, is the one that the visible state reads."""


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """How what the records show moves the weekly hazard of leaving and the non-return in September (log-odds).

    Delay, marks, absence, refused wishes and moves are the signs that Cnesco, Céreq Bref 380 and the GPDS texts name.
    """

    by_marked_weeks: tuple[float, ...] = (0.0, 0.8, 1.5, 2.1, 2.6)
    by_lows: tuple[float, ...] = (0.0, 0.3, 0.6)
    by_band: tuple[float, ...] = (0.8, 0.5, 0.2, 0.0, -0.3)
    by_behind: tuple[float, ...] = (0.0, 0.35, 0.7)
    by_past: tuple[float, ...] = (0.0, 0.5, 1.0, 0.75)
    by_wish: tuple[float, ...] = (0.0, 0.0, 0.3, 0.6)
    upheaval: float = 0.25
    by_month: tuple[float, ...] = (0.3, 0.2, 0.2, 0.0, -0.4, -1.2, -1.5, 0.0, -0.2, 0.0, 0.3, 0.2)
    """January to December, the weekly hazard only: November to March highest."""
    shift: float = 0.0
    """Added to both, everywhere; other than 0 in a regime only."""
    unknown: float = 0.004
    """Share whose outcome nobody knows (moved abroad and the like), whoever they are."""


RISK = RiskSettings()


@dataclass(frozen=True, slots=True)
class MoveSettings:
    """Entries, moves between schools, orientation after the 3e. Lists run over the five bands of marks."""

    late_entries: float = 0.03
    behind_logit: float = -2.75
    behind_logit_pro: float = 0.9
    behind_by_ability: float = -0.7
    ability_girls: float = 0.15
    """Added for girls, taken off for boys, in standard deviations: what they are marked, not what they risk."""
    behind_boys: float = 0.4
    """Late at the entry of the 6e: boys 13.6 %, girls 11 % (2011)."""
    school_change: float = 0.025
    wants_gt: tuple[float, ...] = (0.12, 0.335, 0.585, 0.815, 0.93)
    grants_gt: tuple[float, ...] = (0.55, 0.82, 0.96, 0.99, 1.0)
    """2de GT after the 3e: 64.8 %, voie professionnelle 32.1 % (2020)."""
    wants_gt_girls: float = 0.04
    """Added for girls, taken off for boys: 78 % of the girls and 64 % of the boys ask for the 2de GT (2020)."""
    cap_share: float = 0.33
    first_wish_gt: float = 0.93
    ranks_pro: tuple[float, ...] = (0.80, 0.11, 0.05, 0.04)
    """Rank 1, 2, 3 and no wish obtained; first wish over 90 % in GT, 70-80 % in voie professionnelle."""
    gt_to_pro: float = 0.035
    college_to_pm: float = 0.035
    graduates: tuple[tuple[str, float], ...] = (("tle_gt", 0.972), ("tle_pro", 0.90), ("cap2", 0.90))
    """Among those still there; the others take the year again."""


MOVES = MoveSettings()


TRUTH_DAYS: tuple[tuple[int, int], ...] = ((11, 5), (12, 15), (1, 25), (3, 10), (5, 5))
"""Default as-of dates (month, day) of ``Cohort.truth``: early November to early May."""
