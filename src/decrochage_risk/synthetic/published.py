"""Published figures that the cohort is calibrated to, each with its source and the tolerance set beforehand."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PUBLISHED", "Published", "tolerance_at"]

_FULL = 50_000


@dataclass(frozen=True, slots=True)
class Published:
    """One figure.

    Attributes
    ----------
    name : str
        Key of ``figures.measure_figures``.
    words : str
        What it is.
    value, tolerance : float
        As published, and how far a cohort of 50,000 pupils over two years may lie from it: half the last digit of the
        source, what differs between sources and years, and twice the spread between seeds.
    unit : str
    source : str
    """

    name: str
    words: str
    value: float
    tolerance: float
    unit: str
    source: str


def tolerance_at(figure: Published, pupils: int) -> float:
    """Tolerance for a smaller cohort: that of 50,000 pupils, wider by the square root of how much smaller it is.

    Examples
    --------
    >>> tolerance_at(PUBLISHED[0], 12_500) / PUBLISHED[0].tolerance
    2.0
    """
    widened: float = figure.tolerance * max(1.0, (_FULL / pupils) ** 0.5)
    return widened


_LETTER = "letter of the recteur de région académique, 23 April 2024 (2022-23)"
_DEPP = "DEPP, note d'information 24.12 (2022-23)"
_HEAVY = "DEPP (2021-22), when 4.2 / 5.9 / 12.9 % missed 4 half-days or more"
_SHAPE = "DEPP (2022-23): September 3.6, March 12, May 10.9 %; relative shape only"
_SCHOOLS = "DEPP (2015-16): mean 4.5, median under 2.1, top decile over 13.2 %"
_REPEATS = "DEPP (2022)"
_ORIENTATION = "DEPP (2020)"
_AFFELNET = (
    "Affelnet points of Paris, 3e (2021): maths 3.95, French 3.34, history 3.21, languages 3.10, PE 2.10"
)

PUBLISHED: tuple[Published, ...] = (
    Published("left_from_3e", "leave without a diploma, 3e to terminale", 6.6, 0.5, "%", _LETTER),
    Published("left_pro", "of these in lycée professionnel", 18.0, 1.2, "%", _LETTER),
    Published("left_elsewhere", "elsewhere", 3.3, 0.4, "%", _LETTER),
    Published("leavers_pro", "share of lycée professionnel among them", 61.0, 4.0, "%", _LETTER),
    Published("left_in_year", "of them within the year, the others not back in September", 40.0, 5.0, "%",
              "Boudesseul, Céreq (2011): some 80,000 of 130,000 not back"),
    Published("leavers_boys", "boys among the leavers", 60.0, 5.0, "%", "panel 1995: 60 % (48 % of them girls in all)"),
    Published("left_boys_to_girls", "boys' rate over girls'", 1.57, 0.3, "ratio",
              "early leavers at 18-24: men 9.6, women 6.1 % (2021)"),
    Published("absence_college", "4 half-days not excused in a month, collège", 4.9, 0.8, "%", _DEPP),
    Published("absence_gt", "same, lycée général et technologique", 8.7, 1.5, "%", _DEPP),
    Published("absence_pro", "same, lycée professionnel", 16.7, 2.5, "%", _DEPP),
    Published("absence_all", "same, all", 7.0, 0.8, "%", _DEPP),
    Published("heavy_absence_college", "10 half-days in a month, collège", 0.9, 0.6, "%", _HEAVY),
    Published("heavy_absence_gt", "same, lycée général et technologique", 1.6, 1.0, "%", _HEAVY),
    Published("heavy_absence_pro", "same, lycée professionnel", 3.9, 2.0, "%", _HEAVY),
    Published("absence_peak_month", "month of the peak", 3.0, 0.5, "month", _SHAPE),
    Published("absence_march_to_september", "March over September", 3.3, 1.0, "ratio", _SHAPE),
    Published("absence_may_to_march", "May over March", 0.91, 0.25, "ratio", _SHAPE),
    Published("absence_tenth_of_schools", "share of it in a tenth of the schools", 50.0, 10.0, "%", _SCHOOLS),
    Published("absence_median_school", "median school over the mean", 0.47, 0.15, "ratio", _SCHOOLS),
    Published("absence_top_decile_school", "top decile of the schools over the mean", 2.9, 0.8, "ratio", _SCHOOLS),
    Published("lost_college", "school time lost, collège", 7.0, 0.8, "%", _DEPP),
    Published("lost_gt", "same, lycée général et technologique", 8.8, 0.8, "%", _DEPP),
    Published("lost_pro", "same, lycée professionnel", 10.4, 1.0, "%", _DEPP),
    Published("lost_all", "same, all", 7.7, 0.6, "%", _DEPP),
    Published("lost_not_excused", "of which not excused", 1.9, 0.4, "%", _DEPP),
    Published("behind_6e", "behind by a year or more, 6e", 9.9, 2.5, "%", "DEPP (2014): 9.7 to 10.1"),
    Published("behind_3e", "same, 3e", 10.0, 3.0, "%", "about 10 % today (24 % in 2013); from memory"),
    Published("repeat_6e", "repeat the 6e", 0.8, 0.4, "%", _REPEATS),
    Published("repeat_5e", "repeat the 5e", 0.5, 0.4, "%", _REPEATS),
    Published("repeat_4e", "repeat the 4e", 0.5, 0.4, "%", _REPEATS),
    Published("repeat_3e", "repeat the 3e", 2.2, 0.6, "%", _REPEATS),
    Published("repeat_2de_gt", "repeat the 2de générale et technologique", 4.0, 0.9, "%", _REPEATS),
    Published("repeat_1re_gt", "repeat the 1re", 2.6, 0.8, "%", _REPEATS),
    Published("repeat_tle_gt", "repeat the terminale", 2.8, 0.8, "%", _REPEATS),
    Published("after_3e_gt", "2de générale et technologique after the 3e", 64.8, 3.0, "%", _ORIENTATION),
    Published("after_3e_pro", "voie professionnelle after the 3e", 32.1, 3.0, "%", _ORIENTATION),
    Published("asks_gt_girls", "girls who ask for the 2de générale et technologique", 78.0, 4.0, "%", _ORIENTATION),
    Published("asks_gt_boys", "boys who do", 64.0, 4.0, "%", _ORIENTATION),
    Published("first_wish_gt", "first wish met, 2de générale et technologique", 93.0, 3.0, "%",
              "over 90 % (reply to a senator for Moselle, 2014)"),
    Published("first_wish_pro", "same, voie professionnelle", 75.0, 5.0, "%", "70 to 80 %; from memory"),
    Published("mark_mean_college", "mean of the pupils' yearly means, collège", 12.5, 0.6, "of 20", "from memory"),
    Published("mark_spread_college", "their standard deviation", 3.0, 0.6, "of 20", "from memory"),
    Published("mark_mean_pro", "same mean, lycée professionnel", 11.75, 0.7, "of 20", "11.5 to 12; from memory"),
    Published("mark_spread_pro", "their standard deviation", 3.0, 0.8, "of 20", "from memory"),
    Published("spread_french_to_maths", "spread of French over that of maths, 3e", 0.85, 0.12, "ratio", _AFFELNET),
    Published("spread_history_geography_to_maths", "same, history and geography", 0.81, 0.12, "ratio", _AFFELNET),
    Published("spread_modern_language_1_to_maths", "same, first language", 0.78, 0.12, "ratio", _AFFELNET),
    Published("spread_pe_to_maths", "same, physical education", 0.53, 0.12, "ratio", _AFFELNET),
)  # fmt: skip
"""Every figure. Sources are those that the project could read, mostly secondary ones; "from memory" says which are not."""
