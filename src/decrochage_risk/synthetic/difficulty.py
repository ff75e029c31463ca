"""Levels of difficulty: what moves the risk without being in any record, and what the extract does not tell.

At "observable" nothing is hidden and the truth is exact given the records (and the absence climate of the school, which
the absences of the whole school show). The others let a model be seen where its assumptions fail.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIFFICULTIES", "Difficulty", "HiddenClass"]


@dataclass(frozen=True, slots=True)
class HiddenClass:
    """Pupils whom no record tells apart, drawn each year: share, and shifts of absence and of leaving (log-odds)."""

    share: float
    absence: float = 0.0
    risk: float = 0.0


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
                HiddenClass(0.80, absence=-0.1, risk=-0.4),
                HiddenClass(0.15, absence=0.5, risk=0.7),
                HiddenClass(0.05, absence=-0.3, risk=1.9),
            ),
            gaps=(("absences", 0.03), ("grades", 0.04), ("orientation", 0.05), ("assessments", 0.08)),
        ),
        Difficulty(
            "hard",
            (
                HiddenClass(0.80, absence=-0.15, risk=-1.1),
                HiddenClass(0.12, absence=0.6, risk=0.9),
                HiddenClass(0.08, absence=-0.5, risk=2.4),
            ),
            interaction=0.5,
            corner=0.6,
            wrongly_left=0.008,
            wrongly_stayed=0.1,
            gaps=(("absences", 0.08), ("grades", 0.08), ("orientation", 0.15), ("assessments", 0.2)),
        ),
    )
}
"""``realistic`` and ``hard``: engaged, disengaging, and quiet pupils who leave without a sign (Janosz, "discrets": about
40 % of the leavers in his typology), the latter with interactions, a corner that is not monotone and wrong outcomes."""
