"""The levels: how many pupils are in each, how many leave, and the intercepts solved so that they do.

The intercepts and nothing else in this file are computed: ``benchmarks/cohort_figures.py --solve`` prints them anew.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LEVEL_RATES", "LevelRates"]


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
    LevelRates("cap2", 4.6, 0.220, 0.38, -9.14, -4.62, -3.909, 0.050, (11, 12, 13, 24, 25, 26)),
)
"""In the order of ``records.levels``. Repeats: DEPP 2022 (6e 0.8 %, 3e 2.2 %, 2de ~4 %, 1re 2.6 %, terminale 2.8 %). Placements: 12-14 weeks over a CAP, 18-22 over a bac pro."""
