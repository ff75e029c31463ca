"""Which days a list is of: what the lines above its header tell, and which school years its rows make it a list of.

A row is joined to its pupil, and vouched for, in its own school year. A year is one of a list where enough of its rows lie in it
(:func:`years_of_list`); a row of any other year has a wrong digit in its day, or is the last one of a year that ended: it is left
out, and nobody knows on which day its pupil was away.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import MAXYEAR
from typing import TYPE_CHECKING, NamedTuple

from decrochage_risk import french
from decrochage_risk.importers.cells import day_of
from decrochage_risk.importers.extract import Notice
from decrochage_risk.school_year import school_year_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date

    from decrochage_risk.importers.extract import Extract, ImportOptions

__all__ = [
    "LEAST_DAYS",
    "LEAST_ROWS",
    "LEAST_SHARE",
    "ListYears",
    "forget_persons",
    "part_of_year",
    "period_of_title",
    "say_years",
    "told_by_titles",
    "years_of_list",
]

LEAST_ROWS, LEAST_DAYS, LEAST_SHARE = 20, 5, 0.1
"""Rows, days and share of all dated rows from which on a school year beside the main one is a year of a list: the year of before,
written by habit in January, makes a few rows on a few days; a wrong day above an assessment makes a row for each pupil of a class."""

_YEARS = re.compile(r"\b(20\d\d)\s*[/-]\s*(20\d\d)\b")
_MADE_ON = re.compile(r"(?:FAIT|G[EÉ]N[EÉ]R|[EÉ]DIT|EXTRAI|EXTRACT|EXPORT|IMPRIM)", re.IGNORECASE)
_DAY = r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{4}-\d{2}-\d{2}"
_PERIOD = re.compile(
    rf"({_DAY})(?:[\s-]+\d{{1,2}}[:hH]\d{{0,2}})?\s*(?:\bAU\b|\bET LE\b|\bET\b|\bA\b|À|-|–|→|>)\s*({_DAY})",
    re.IGNORECASE,
)
_BOUND = re.compile(
    rf"\b(?:DEPUIS|PARTIR DU|JUSQU\S{{0,4}}|AVANT|APRES|APRÈS)(?:\s+LE)?\s+(?:{_DAY})", re.IGNORECASE
)


def told_by_titles(titles: tuple[str, ...], options: ImportOptions) -> tuple[int | None, date | None]:
    """Find the school year and the day of export that the lines above a header tell; the caller's word comes second.

    The days of a period ("du ... au ...", "depuis le ...") are those of its rows, never the day of the export.

    Examples
    --------
    >>> from decrochage_risk.importers.extract import ImportOptions
    >>> told_by_titles(("Saisies 2024/2025", "Extraction faite le 15/03/2025 - 18:42"), ImportOptions())
    (2024, datetime.date(2025, 3, 15))
    >>> told_by_titles(("Absences extraites du 02/09/2024 au 05/03/2025",), ImportOptions())
    (None, None)
    """
    year, export_day = None, None
    for title in titles:
        match = _YEARS.search(title)
        # Only two years in a row name a school year.
        if match and int(match[2]) == int(match[1]) + 1:
            year = int(match[1])
        plain = _BOUND.sub(" ", _PERIOD.sub(" ", title))
        made = _MADE_ON.search(plain)
        if made:
            # What follows the word is its day: "Absences de la classe, 04/11/2024, éditées le 15/03/2025".
            near = (_first_day(plain[made.end() :]), _first_day(plain[: made.start()]))
            export_day = next((day for day in near if day is not None), export_day)
    export_day = export_day or options.extracted_on
    year = year or options.school_year
    return year, export_day


def _first_day(text: str) -> date | None:
    days = (day_of(text[word.start() :]) for word in re.finditer(r"\b\d", text))
    return next((day for day in days if day is not None), None)


def period_of_title(titles: Iterable[str]) -> tuple[date, date] | None:
    """Give the first and the last day of the period that a line above a header tells.

    Examples
    --------
    >>> period_of_title(("Collège", "Période du 02/12/2024 au 07/03/2025"))
    (datetime.date(2024, 12, 2), datetime.date(2025, 3, 7))
    """
    for title in titles:
        for match in _PERIOD.finditer(title):
            start, end = day_of(match[1]), day_of(match[2])
            if start is not None and end is not None and start <= end:
                return start, end
    return None


def years_of_list(rows_of_day: Mapping[date, int], least_days: int = LEAST_DAYS) -> tuple[int, ...]:
    """Give the school years of a list: the main one, of most rows (the later of two), then those that hold enough of its rows.

    Parameters
    ----------
    rows_of_day : mapping of date to int
    least_days : int
        Days on which the rows of another year lie at least; 1 where nobody wrote the day of each row.

    Examples
    --------
    >>> from datetime import date
    >>> years_of_list({date(2024, 11, 5): 9, date(2023, 11, 5): 1})
    (2024,)
    """
    rows, days = Counter[int](), Counter[int]()
    for day, count in rows_of_day.items():
        year = school_year_of(day)
        if year == MAXYEAR:  # how software writes that there is no day
            continue
        rows[year] += count
        days[year] += 1
    if not rows:
        return ()
    main = max(rows, key=lambda year: (rows[year], year))
    least = max(LEAST_ROWS, LEAST_SHARE * rows.total())
    return (
        main,
        *sorted(year for year in rows if year != main and rows[year] >= least and days[year] >= least_days),
    )


class ListYears(NamedTuple):
    """The school years of one list.

    Attributes
    ----------
    own : tuple of int
        Those that its rows are joined and vouched for in, the main one first; none for a list without any day.
    elsewhere : frozenset of int
        Those that hold enough of its rows too, while the list says that it is of another: what they say is of those years alone.
    holds_rows : bool
        Whether any of its rows lies in a year of its own, where it has a row with a day at all.
    """

    own: tuple[int, ...]
    elsewhere: frozenset[int]
    holds_rows: bool

    @classmethod
    def of(cls, rows_of_day: Mapping[date, int], told: int | None, least_days: int = LEAST_DAYS) -> ListYears:
        """Give those of a list, by its rows and by the year that it, or the caller, says."""
        own_years = years_of_list(rows_of_day, least_days)
        if told is None:
            return cls(own_years, frozenset(), holds_rows=True)
        years = {school_year_of(day) for day in rows_of_day}
        return cls((told,), frozenset(own_years) - {told}, holds_rows=not years or told in years)

    def is_stray(self, year: int) -> bool:
        """Tell whether a row of this year is of no year of the list."""
        return year not in self.own and year not in self.elsewhere


def part_of_year(extract: Extract, year: int, persons: Iterable[int]) -> tuple[Extract, dict[int, int]]:
    """Give the part of a list that is of one school year, without its rows, and the places of its persons in it.

    Only who has a row of that year is a person of the part: a name of another year's class is not one that nobody can place.
    Lines that are left out and notices are those of the whole list.
    """
    place = {at: new for new, at in enumerate(dict.fromkeys(persons))}
    part = replace(
        extract,
        school_year=year,
        persons=[extract.persons[at] for at in place],
        tables={},
        unread=[],
        covers={},
        other_years=[],
    )
    return part, place


def forget_persons(extract: Extract, gone: Collection[int]) -> dict[int, int]:
    """Take out of a list the persons who have rows of no year of its own; give the places of the others."""
    kept = [at for at in range(len(extract.persons)) if at not in gone]
    extract.persons = [extract.persons[at] for at in kept]
    return {at: new for new, at in enumerate(kept)}


def say_years(extract: Extract, years: ListYears) -> None:
    """Say that a list is of several school years, or that none of its rows is of its own."""
    if len(years.own) > 1:
        of_years = french.join([f"{year}-{year + 1}" for year in sorted(years.own)])
        extract.warnings.append(
            Notice(
                "several_years",
                f"Cette liste porte sur {of_years} : chaque ligne est rattachée à la liste d’élèves de son année.",
                level="info",
            )
        )
    if not years.holds_rows:
        extract.warn(
            "no_row_of_its_year",
            f"Aucune ligne datée n’est de {years.own[0]}-{years.own[0] + 1}, année de cette liste : elle ne couvre aucun jour, et ce "
            "qu’elle porte reste non connu. Vérifiez l’année donnée (--year, ou [files] dans --columns).",
        )
