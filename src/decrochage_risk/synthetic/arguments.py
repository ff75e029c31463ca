"""Checks of what ``make_cohort`` is asked for, before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.school_year import SchoolCalendar
from decrochage_risk.synthetic.blocks import Plan
from decrochage_risk.synthetic.difficulty import DIFFICULTIES
from decrochage_risk.synthetic.population import YOUNGEST
from decrochage_risk.synthetic.regimes import REGIMES
from decrochage_risk.synthetic.schools import MOST_PUPILS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from decrochage_risk.synthetic.difficulty import Difficulty

__all__ = ["checked_plan"]


def checked_plan(
    pupils: int,
    school_years: Sequence[int],
    seed: int,
    difficulty: str,
    youngest: str,
    regimes: Sequence[str],
    calendar: SchoolCalendar | None,
) -> Plan:
    """Check every argument of ``make_cohort``.

    Raises
    ------
    RecordsError
        With every argument that cannot be used.
    """
    days = SchoolCalendar.for_zone("B") if calendar is None else calendar
    checks: dict[str, Callable[[], Any]] = {
        "pupils": lambda: _checked_pupils(pupils),
        "school_years": lambda: _checked_years(school_years, days),
        "seed": lambda: _checked_seed(seed),
        "difficulty": lambda: _checked_difficulty(difficulty),
        "youngest": lambda: _checked_youngest(youngest),
        "regimes": lambda: _checked_regimes(regimes),
    }
    checked, faults = {}, []
    for name, check in checks.items():
        try:
            checked[name] = check()
        except RecordsError as fault:
            faults.append(str(fault))
    if faults:
        raise RecordsError("\n\n".join(faults))
    return Plan(**checked, calendar=days)


def _checked_pupils(pupils: int) -> int:
    """Return how many pupils to draw; 1 or more."""
    if isinstance(pupils, bool) or not isinstance(pupils, int) or not 1 <= pupils <= MOST_PUPILS:
        raise RecordsError(
            explain_error(
                f"pupils={pupils!r}",
                expected=f"a whole number from 1 to {MOST_PUPILS:,}, the distinct pupils of all years together",
                hint="A region the size of Grand Est has about 390,000 pupils from 6e to terminale in one year.",
            )
        )
    return pupils


def _checked_seed(seed: int) -> int:
    """Return the seed; 0 or more."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise RecordsError(
            explain_error(
                f"seed={seed!r}",
                expected="a whole number, 0 or more",
                hint="The same seed gives the same cohort; write it down with the results.",
            )
        )
    return seed


def _checked_years(school_years: Sequence[int], calendar: SchoolCalendar) -> list[int]:
    """Return the school years: consecutive, in order, and all of them in the calendar."""
    if not isinstance(school_years, Iterable):
        raise _bad_years(school_years, "a list of whole numbers", f"For one year, write [{school_years!r}].")
    years = list(school_years)
    if not years or any(isinstance(year, bool) or not isinstance(year, int) for year in years):
        raise _bad_years(years, "one or more whole numbers, like [2022, 2023, 2024]", "2024 is 2024-2025.")
    if years != list(range(years[0], years[0] + len(years))):
        raise _bad_years(
            years,
            "consecutive school years in order, each one once",
            f"For these, write {list(range(min(years), max(years) + 1))}.",
        )
    known = calendar.known_years
    if not set(years) <= set(known):
        raise _bad_years(
            years,
            f"years of the calendar {calendar.name!r}: {known[0]} to {known[-1]}"
            if known
            else "a calendar with a whole year",
            "Choose other years, or pass a calendar that holds them (SchoolCalendar.from_csv).",
        )
    return years


def _checked_difficulty(difficulty: str) -> Difficulty:
    """Return the settings of a difficulty, by its name."""
    found = DIFFICULTIES.get(difficulty)
    if found is None:
        raise RecordsError(
            explain_error(
                f"difficulty={difficulty!r}",
                expected=f"one of {', '.join(DIFFICULTIES)}",
                hint='"observable": the records show all that moves the risk; "realistic" and "hard": they do not.',
            )
        )
    return found


def _checked_youngest(youngest: str) -> str:
    """Return the level that the cohort begins with."""
    if youngest not in YOUNGEST:
        raise RecordsError(
            explain_error(
                f"youngest={youngest!r}",
                expected=f"one of {', '.join(YOUNGEST)}",
                hint='"3e" leaves out the 6e, 5e and 4e: 208,000 of the 390,000 pupils of a region like Grand Est.',
            )
        )
    return youngest


def _checked_regimes(regimes: Sequence[str]) -> frozenset[str]:
    """Return the regimes, each known."""
    given = [regimes] if isinstance(regimes, str) else list(regimes)
    unknown = [name for name in given if name not in REGIMES]
    if unknown:
        raise RecordsError(
            explain_error(
                f"regimes={regimes!r}: unknown {', '.join(map(repr, unknown))}",
                expected=f"some of {', '.join(REGIMES)}",
                hint="Each changes something in the last school year; leave them out for ordinary years.",
            )
        )
    return frozenset(given)


def _bad_years(years: object, expected: str, hint: str) -> RecordsError:
    return RecordsError(explain_error(f"school_years={years!r}", expected=expected, hint=hint))
