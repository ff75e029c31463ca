"""Levels of difficulty: what moves the risk without being in any record, and what the extract does not tell.

At "observable" nothing is hidden and the truth is exact given the records (and the absence climate of the school, which
the absences of the whole school show). The others let a model be seen where its assumptions fail.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIFFICULTIES", "Difficulty", "HiddenClass"]


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
