"""Rates and effects that the synthetic cohort is made of, each with its source or its reason.

Published figures (DEPP, académie, Cnesco) are named where they set a number; the other numbers are choices, made so
that the whole comes near the published figures. Logits are natural log-odds; probabilities are shares in 0..1.

The levels: how many pupils are in each, how many leave, and the intercepts solved so that they do.

The intercepts and nothing else in this file are computed: ``benchmarks/cohort_figures.py --solve`` prints them anew.

Levels of difficulty: what moves the risk without being in any record, and what the extract does not tell.

At "observable" nothing is hidden and the truth is exact given the records (and the absence climate of the school, which
the absences of the whole school show). The others let a model be seen where its assumptions fail.
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
    returns: float = 0.1
    """Share of leavers who are enrolled again after a whole school year out, at the level that they left: an assumption."""


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
    graduates: tuple[tuple[str, float], ...] = (
        ("tle_gt", 0.972),
        ("tle_pro", 0.90),
        ("cap2", 0.90),
        ("cap3", 0.90),
    )
    """Among those still there; the others take the year again."""
    cap_in_three_years: float = 0.06
    """Pupils at the end of a second year of CAP who go on to a third: adapted paths and double certificates, about as many
    as ``stock`` of that level says."""


MOVES = MoveSettings()


TRUTH_DAYS: tuple[tuple[int, int], ...] = ((11, 5), (12, 15), (1, 25), (3, 10), (5, 5))
"""Default as-of dates (month, day) of ``Cohort.truth``: early November to early May."""


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
    girls : float
        Share of girls: half of the collège, about 42 % of the voie professionnelle and 54 % of the GT, as more of
        them ask for it (after the 3e 78 % of the girls and 64 % of the boys, 2020). The risk itself ignores sex.
    absence_logit : float
        Daily log-odds of an absence that is not excused, for a pupil without any in the last four weeks.
    placement_weeks : tuple of int
        School weeks (0 = the first) spent in a company (PFMP, stage).
    """

    name: str
    stock: float
    leaving: float
    girls: float
    in_year_logit: float
    summer_logit: float
    absence_logit: float
    repeat: float
    placement_weeks: tuple[int, ...] = ()


LEVEL_RATES: tuple[LevelRates, ...] = (
    LevelRates("6e", 58.0, 0.002, 0.49, -12.569, -8.581, -4.778, 0.008),
    LevelRates("5e", 58.0, 0.003, 0.49, -12.288, -8.312, -4.678, 0.005),
    LevelRates("4e", 57.5, 0.007, 0.49, -11.68, -7.696, -4.478, 0.005),
    LevelRates("3e", 55.0, 0.022, 0.49, -10.67, -6.632, -4.378, 0.022, (13,)),
    LevelRates("3e_pm", 2.2, 0.060, 0.4, -9.737, -5.57, -4.178, 0.010, (12, 13, 24, 25)),
    LevelRates("6e_segpa", 1.9, 0.004, 0.4, -12.051, -8.061, -4.658, 0.0),
    LevelRates("5e_segpa", 2.1, 0.006, 0.4, -11.763, -7.779, -4.558, 0.0),
    LevelRates("4e_segpa", 2.3, 0.015, 0.4, -11.036, -7.029, -4.458, 0.0, (20, 21)),
    LevelRates("3e_segpa", 2.4, 0.100, 0.4, -9.235, -4.906, -4.358, 0.010, (12, 13, 22, 23)),
    LevelRates("2de_gt", 36.0, 0.030, 0.54, -10.121, -6.052, -4.425, 0.040, (34, 35)),
    LevelRates("1re_gt", 33.0, 0.030, 0.55, -10.489, -6.425, -4.295, 0.026),
    LevelRates("tle_gt", 33.0, 0.050, 0.55, -10.073, -5.954, -4.195, 0.028),
    LevelRates("2de_pro", 13.0, 0.190, 0.42, -9.179, -4.675, -3.959, 0.030, (16, 17, 29, 30)),
    LevelRates("1re_pro", 12.0, 0.140, 0.43, -9.568, -5.251, -3.909, 0.020, (11, 12, 13, 25, 26, 27)),
    LevelRates("tle_pro", 11.5, 0.170, 0.44, -9.373, -4.973, -3.909, 0.050, (13, 14, 15, 23, 24, 25)),
    LevelRates("cap1", 5.6, 0.220, 0.37, -8.945, -4.334, -3.909, 0.020, (14, 15, 16, 28, 29, 30)),
    LevelRates("cap2", 4.3, 0.220, 0.38, -9.14, -4.62, -3.909, 0.050, (11, 12, 13, 24, 25, 26)),
    LevelRates("cap3", 0.3, 0.200, 0.38, -9.1, -4.5, -3.909, 0.050, (11, 12, 13, 24, 25, 26)),
)
"""In the order of ``records.levels``. Repeats: DEPP 2022 (6e 0.8 %, 3e 2.2 %, 2de ~4 %, 1re 2.6 %, terminale 2.8 %). Placements: 12-14 weeks over a CAP, 18-22 over a bac pro."""


@dataclass(frozen=True, slots=True)
class HiddenClass:
    """Pupils whom no record tells apart, drawn each year.

    Attributes
    ----------
    share : float
        Of the pupils.
    absence, risk : float
        Log-odds added to those of an absence, and of leaving.
    signal : float
        How much of the effects of facts and of the visible state on leaving is left: 1 all of it, 0 none, so that
        those who leave look like anybody.
    """

    share: float
    absence: float = 0.0
    risk: float = 0.0
    signal: float = 1.0


@dataclass(frozen=True, slots=True)
class Difficulty:
    """What is hidden, bent or missing.

    Attributes
    ----------
    hidden : tuple of HiddenClass
        One class without shifts = nothing is hidden.
    interaction : float
        Log-odds of leaving added where two facts meet: behind by a year or more, and not the first wish.
    corner : float
        Log-odds of leaving added in the highest band of marks, where more is otherwise always better.
    wrongly_left : float
        Share of those who go on or graduate whose outcome says that they left (lists over-count: in Versailles in 2013,
        4,000 of 15,000 listed had a solution, 3,000 were already followed).
    wrongly_stayed : float
        Share of those who are not back in September whose outcome says that they go on.
    gaps : tuple of (table, share)
        Share of the schools that do not send a table; ``assessments``: of those that send term averages only.
    """

    name: str
    hidden: tuple[HiddenClass, ...]
    interaction: float = 0.0
    corner: float = 0.0
    wrongly_left: float = 0.0
    wrongly_stayed: float = 0.0
    gaps: tuple[tuple[str, float], ...] = ()


DIFFICULTIES: dict[str, Difficulty] = {
    difficulty.name: difficulty
    for difficulty in (
        Difficulty("observable", (HiddenClass(1.0),)),
        Difficulty(
            "realistic",
            (
                HiddenClass(0.82, absence=-0.1, risk=-0.62),
                HiddenClass(0.12, absence=0.5, risk=0.5),
                HiddenClass(0.06, absence=-0.6, risk=4.4, signal=0.1),
            ),
            gaps=(("absences", 0.03), ("grades", 0.04), ("orientation", 0.05), ("assessments", 0.08)),
        ),
        Difficulty(
            "hard",
            (
                HiddenClass(0.80, absence=-0.15, risk=-1.0),
                HiddenClass(0.12, absence=0.6, risk=0.6),
                HiddenClass(0.08, absence=-0.7, risk=4.2, signal=0.05),
            ),
            interaction=0.5,
            corner=0.6,
            wrongly_left=0.008,
            wrongly_stayed=0.1,
            gaps=(("absences", 0.08), ("grades", 0.08), ("orientation", 0.15), ("assessments", 0.2)),
        ),
    )
}
"""``realistic`` and ``hard``: engaged, disengaging, and quiet pupils who leave with hardly a sign (Janosz, "discrets": about
40 % of the leavers in his typology), the latter with interactions, a corner that is not monotone and wrong outcomes."""
