"""The school levels from 6e to the last year of lycée: names, pathways, normal ages, MEFSTAT4 codes."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from decrochage_risk.errors import RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AT_3E",
    "AT_4E",
    "FROM_4E",
    "LEVELS",
    "LEVEL_BY_NAME",
    "LEVEL_NAMES",
    "LYCEE",
    "PATHWAY_LABELS",
    "PATH_LEVELS",
    "Level",
    "Pathway",
    "level_of_mefstat4",
]

Pathway = Literal["college", "segpa", "gt", "pro"]

PATHWAY_LABELS: Mapping[Pathway, str] = MappingProxyType(
    {
        "college": "collège",
        "segpa": "SEGPA",
        "gt": "voie générale et technologique",
        "pro": "voie professionnelle",
    }
)
"""What a school reads for each pathway."""


@dataclass(frozen=True, slots=True)
class Level:
    """One school level.

    Attributes
    ----------
    name : str
        The value of ``enrolments.level``.
    label : str
        What a school reads.
    pathway : {"college", "segpa", "gt", "pro"}
        Collège, SEGPA, lycée général et technologique, lycée professionnel.
    normal_age : int
        Years between the birth year and the year in which the school year begins, for a pupil who never
        repeated nor skipped a year.
    mefstat4 : tuple of str
        First four characters of ``MEF_STAT_11`` in the ministry's exports. Empty for ``3e_pm``: a 3e
        prépa-métiers has the code of a 3e and is told apart by its MEF only.
    """

    name: str
    label: str
    pathway: Pathway
    normal_age: int
    mefstat4: tuple[str, ...]


LEVELS: tuple[Level, ...] = (
    Level("6e", "6e", "college", 11, ("2111",)),
    Level("5e", "5e", "college", 12, ("2112",)),
    Level("4e", "4e", "college", 13, ("2115",)),
    Level("3e", "3e", "college", 14, ("2116",)),
    # No MEFSTAT4 of its own: it shares 2116 with the 3e, and only its MEF or label tells it apart (DOMAIN.md
    # 2.1).
    Level("3e_pm", "3e prépa-métiers", "college", 14, ()),
    Level("6e_segpa", "6e SEGPA", "segpa", 11, ("2431",)),
    Level("5e_segpa", "5e SEGPA", "segpa", 12, ("2432",)),
    Level("4e_segpa", "4e SEGPA", "segpa", 13, ("2433",)),
    Level("3e_segpa", "3e SEGPA", "segpa", 14, ("2434",)),
    Level("2de_gt", "2de générale et technologique", "gt", 15, ("2211",)),
    Level("1re_gt", "1re générale ou technologique", "gt", 16, ("2212",)),
    Level("tle_gt", "terminale générale ou technologique", "gt", 17, ("2213",)),
    Level("2de_pro", "2de professionnelle", "pro", 15, ("2381",)),
    Level("1re_pro", "1re professionnelle", "pro", 16, ("2382",)),
    Level("tle_pro", "terminale professionnelle", "pro", 17, ("2383",)),
    # 2331 was inferred from 2332 and 2333, no list holds it (DOMAIN.md 2.1).
    Level("cap1", "1re année de CAP", "pro", 15, ("2321", "2331")),
    Level("cap2", "2e année de CAP", "pro", 16, ("2322", "2332", "2311")),
    Level("cap3", "3e année de CAP", "pro", 17, ("2333",)),
)
"""Every level, in the order of the school years; a CAP in one year counts as ``cap2``, its last year."""

LEVEL_NAMES: tuple[str, ...] = tuple(level.name for level in LEVELS)
"""Names of all levels, in the order of ``LEVELS``."""

LEVEL_BY_NAME: Mapping[str, Level] = MappingProxyType({level.name: level for level in LEVELS})
"""The level of each name."""

FROM_4E: frozenset[str] = frozenset(LEVEL_NAMES) - {"6e", "5e", "6e_segpa", "5e_segpa"}
"""Levels of reinforced vigilance: the 4e and everything after it."""

AT_4E: frozenset[str] = frozenset({"4e", "4e_segpa"})
"""The levels of the 4e year."""

AT_3E: frozenset[str] = frozenset({"3e", "3e_pm", "3e_segpa"})
"""The levels of the last year of collège."""

PATH_LEVELS: frozenset[str] = AT_4E | AT_3E
"""Levels whose vigilance rests on the risk over three school years: a year ahead, leaving is rare there."""

LYCEE: frozenset[str] = frozenset(level.name for level in LEVELS if level.pathway in {"gt", "pro"})
"""The levels of lycée: general, technological and vocational, CAP included."""

_LEVEL_OF_MEFSTAT4: Mapping[str, Level] = MappingProxyType(
    {code: level for level in LEVELS for code in level.mefstat4}
)


def level_of_mefstat4(code: str) -> Level:
    """Find the level of a MEFSTAT4 code.

    Parameters
    ----------
    code : str
        Four digits, or a longer code that begins with them (``MEF_STAT_11``).

    Returns
    -------
    Level

    Raises
    ------
    RecordsError
        The code belongs to no level of this package (a post-diploma year, a primary school, a typing error).

    Examples
    --------
    >>> level_of_mefstat4("2381").label
    '2de professionnelle'
    """
    # The eleven-digit MEF_STAT_11 begins with its MEFSTAT4.
    level = _LEVEL_OF_MEFSTAT4.get(str(code).strip()[:4])
    if level is None:
        raise RecordsError(
            explain_error(
                f"The MEFSTAT4 code {code!r} is not a level that this package knows",
                expected=f"one of {', '.join(sorted(_LEVEL_OF_MEFSTAT4))}",
                hint="Leave out the enrolments outside 6e to terminale and CAP; a 3e prépa-métiers (level "
                "'3e_pm') is recognised by its MEF, not by its MEFSTAT4.",
            )
        )
    return level
