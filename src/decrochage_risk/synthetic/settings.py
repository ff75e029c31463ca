"""Rates and effects that the synthetic cohort is made of, each with its source or its reason.

Published figures (DEPP, académie, Cnesco) are named where they set a number; the other numbers are choices, made so
that the whole comes near the published figures. Logits are natural log-odds; probabilities are shares in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ABSENCE",
    "DIFFICULTIES",
    "LEVEL_RATES",
    "MARKS",
    "MOVES",
    "RISK",
    "SUBJECTS",
    "TRUTH_DAYS",
    "AbsenceSettings",
    "Difficulty",
    "HiddenClass",
    "LevelRates",
    "RiskSettings",
    "Subject",
]


@dataclass(frozen=True, slots=True)
class LevelRates:
    """One level: who is in it, and how often it is left.

    Attributes
    ----------
    stock : float
        Pupils of a year, in thousands, of a region the size of Grand Est (3e to terminale: 207,900 pupils, of whom
        46,700 in lycée professionnel, letter of 23 April 2024; shares between levels after DEPP flows).
    leaving : float
        Share that leaves without a diploma until 1 November after the year. Together 6.6 % from 3e to terminale,
        18 % in lycée professionnel, 3.3 % elsewhere (same letter).
    in_year_logit, summer_logit : float
        Intercepts of the weekly hazard and of the non-return in September, solved so that ``leaving`` comes out,
        40 % of it in the year: most leavers are not back in September (Boudesseul, Céreq, 80,000 of 130,000).
    absence_logit : float
        Daily log-odds of an absence that is not excused, for a pupil without any in the last four weeks.
    placement_weeks : tuple of int
        School weeks (0 = the first) spent in a company (PFMP, stage).
    """

    name: str
    stock: float
    leaving: float
    in_year_logit: float
    summer_logit: float
    absence_logit: float
    repeat: float
    placement_weeks: tuple[int, ...] = ()


LEVEL_RATES: tuple[LevelRates, ...] = (
    LevelRates("6e", 58.0, 0.002, -12.5, -8.5, -4.72, 0.008),
    LevelRates("5e", 58.0, 0.003, -12.11, -8.13, -4.62, 0.005),
    LevelRates("4e", 57.5, 0.007, -11.59, -7.61, -4.42, 0.005),
    LevelRates("3e", 55.0, 0.022, -10.71, -6.67, -4.32, 0.022, (13,)),
    LevelRates("3e_pm", 2.2, 0.060, -9.75, -5.58, -4.12, 0.010, (12, 13, 24, 25)),
    LevelRates("6e_segpa", 1.9, 0.004, -12.07, -8.07, -4.6, 0.0),
    LevelRates("5e_segpa", 2.1, 0.006, -11.84, -7.86, -4.5, 0.0),
    LevelRates("4e_segpa", 2.3, 0.015, -11.15, -7.15, -4.4, 0.0, (20, 21)),
    LevelRates("3e_segpa", 2.4, 0.100, -9.3, -4.98, -4.3, 0.010, (12, 13, 22, 23)),
    LevelRates("2de_gt", 36.0, 0.030, -10.08, -5.96, -4.47, 0.040, (34, 35)),
    LevelRates("1re_gt", 33.0, 0.030, -10.29, -6.21, -4.34, 0.026),
    LevelRates("tle_gt", 33.0, 0.050, -10.08, -5.94, -4.24, 0.028),
    LevelRates("2de_pro", 13.0, 0.190, -9.33, -4.84, -4.22, 0.030, (16, 17, 29, 30)),
    LevelRates("1re_pro", 12.0, 0.140, -9.54, -5.23, -4.17, 0.020, (11, 12, 13, 25, 26, 27)),
    LevelRates("tle_pro", 11.5, 0.170, -9.32, -4.9, -4.17, 0.050, (13, 14, 15, 23, 24, 25)),
    LevelRates("cap1", 5.6, 0.220, -9.05, -4.42, -4.17, 0.020, (14, 15, 16, 28, 29, 30)),
    LevelRates("cap2", 4.6, 0.220, -8.92, -4.3, -4.17, 0.050, (11, 12, 13, 24, 25, 26)),
)
"""In the order of ``records.levels``. Repeats: DEPP 2022 (6e 0.8 %, 3e 2.2 %, 2de ~4 %, 1re 2.6 %, terminale 2.8 %). Placements: 12-14 weeks over a CAP, 18-22 over a bac pro."""


@dataclass(frozen=True, slots=True)
class AbsenceSettings:
    """Half-day absences, lateness and exclusions. Lists run over 0..4 marked weeks of the last four."""

    by_marked_weeks: tuple[float, ...] = (0.0, 0.8, 1.4, 1.8, 2.1)
    """An absence makes the next one likelier: the few who are absent are absent often (median school < 2.1 % of pupils
    over 4 half-days a month, top decile > 13.2 %, DEPP 2015-16)."""
    by_band: tuple[float, ...] = (0.7, 0.4, 0.15, 0.0, -0.3)
    by_behind: tuple[float, ...] = (0.0, 0.25, 0.5)
    by_past: tuple[float, ...] = (0.0, 0.5, 1.0, 0.35)
    by_wish: tuple[float, ...] = (0.0, 0.0, 0.1, 0.3)
    upheaval: float = 0.15
    by_month: tuple[float, ...] = (0.05, 0.05, 0.15, 0.05, 0.0, -0.1, 0.0, 0.0, 0.0, -0.05, 0.0, 0.05)
    """January to December: September lowest, peak in March (DEPP 2022-23)."""
    whole_day: float = 0.6
    settled_late: tuple[float, ...] = (0.5, 0.35, 0.2, 0.1, 0.05)
    """Share settled (justified) some days after, once it was recorded as not excused."""
    illness: float = 0.05
    """Share of weeks with an episode of 1 to 3 days, excused when it is recorded."""
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
    centre: float = 11.2
    by_pathway: tuple[tuple[str, float], ...] = (("college", 0.4), ("segpa", 0.0), ("gt", 0.0), ("pro", 1.0))
    ability_sd: float = 2.6
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
    Subject("maths", _EVERYWHERE, -0.3, 1.0, 2.6),
    Subject("french", _EVERYWHERE, 0.0, 0.9, 2.1),
    Subject("modern_language_1", frozenset({"college", "gt", "pro"}), 0.4, 0.9, 2.0),
    Subject("history_geography", frozenset({"college", "segpa", "gt"}), 0.3, 0.9, 2.0),
    Subject("professional", frozenset({"segpa", "pro"}), 1.0, 0.6, 1.9),
    Subject("pe", _EVERYWHERE, 2.2, 0.3, 1.5),
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
    unknown: float = 0.004
    """Share whose outcome nobody knows (moved abroad and the like), whoever they are."""


RISK = RiskSettings()


@dataclass(frozen=True, slots=True)
class MoveSettings:
    """Entries, moves between schools, orientation after the 3e. Lists run over the five bands of marks."""

    renewal: float = 0.155
    """New pupils a year over the pupils of a year: those of the 6e over all, in the ``stock`` of the levels."""
    late_entries: float = 0.03
    behind_logit: float = -2.3
    behind_logit_pro: float = 0.9
    behind_by_ability: float = -0.7
    school_change: float = 0.025
    wants_gt: tuple[float, ...] = (0.18, 0.42, 0.68, 0.89, 0.97)
    grants_gt: tuple[float, ...] = (0.35, 0.65, 0.88, 0.97, 1.0)
    """2de GT after the 3e: 64.8 %, voie professionnelle 32.1 % (2020)."""
    cap_share: float = 0.33
    first_wish_gt: float = 0.93
    ranks_pro: tuple[float, ...] = (0.72, 0.15, 0.07, 0.06)
    """Rank 1, 2, 3 and no wish obtained; first wish over 90 % in GT, 70-80 % in voie professionnelle."""
    gt_to_pro: float = 0.035
    college_to_pm: float = 0.035
    graduates: tuple[tuple[str, float], ...] = (("tle_gt", 0.965), ("tle_pro", 0.90), ("cap2", 0.90))
    """Among those still there; the others take the year again."""


MOVES = MoveSettings()


@dataclass(frozen=True, slots=True)
class HiddenClass:
    """Pupils whom no record tells apart, drawn each year: share, and shifts of absence and of leaving (log-odds)."""

    share: float
    absence: float = 0.0
    risk: float = 0.0


@dataclass(frozen=True, slots=True)
class Difficulty:
    """What moves the risk without being in any record; one class without shifts = nothing does."""

    name: str
    hidden: tuple[HiddenClass, ...]


DIFFICULTIES: dict[str, Difficulty] = {
    difficulty.name: difficulty
    for difficulty in (
        Difficulty("observable", (HiddenClass(1.0),)),
        Difficulty(
            "realistic",
            (
                HiddenClass(0.80, absence=-0.1, risk=-0.4),
                HiddenClass(0.15, absence=0.5, risk=0.7),
                HiddenClass(0.05, absence=-0.3, risk=1.9),
            ),
        ),
    )
}
"""``realistic``: engaged, disengaging, and quiet pupils who leave without a sign (Janosz, "discrets")."""

TRUTH_DAYS: tuple[tuple[int, int], ...] = ((11, 5), (12, 15), (1, 25), (3, 10), (5, 5))
"""Default as-of dates (month, day) of ``Cohort.truth``: early November to early May."""
