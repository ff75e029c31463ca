"""The school levels from 6e to the last year of lycée: names, pathways, normal ages, MEFSTAT4 codes.

A package that is installed beside this one may declare further levels as data (a lycée agricole): an entry point of the group
``decrochage_risk.levels`` names a TOML file inside it (``agricole = "my_package:levels.toml"``), which holds::

    [pathways]
    agricole = "enseignement agricole"

    [[levels]]
    name = "2de_agri"
    label = "2de professionnelle agricole"
    pathway = "agricole"
    normal_age = 15
    mefstat4 = ["2391"]
    like = "2de_pro"

``like`` names the usual level whose vigilance, thresholds, measures and place in the path it shares where a policy does not name
it. Own levels come last, so that nothing of the usual ones moves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.school_year.school_calendar import declared_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    "STAND_INS",
    "USUAL_LEVELS",
    "USUAL_LEVEL_NAMES",
    "Level",
    "Pathway",
    "level_of_mefstat4",
    "usual_name",
    "with_own_levels",
]

Pathway: TypeAlias = str
"""``college``, ``segpa``, ``gt``, ``pro``, or one that an installed package declares."""

_USUAL_PATHWAYS = {
    "college": "collège",
    "segpa": "SEGPA",
    "gt": "voie générale et technologique",
    "pro": "voie professionnelle",
}


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
    like : str, optional
        Of a level that an installed package declares: the usual level whose policy it shares.
    """

    name: str
    label: str
    pathway: Pathway
    normal_age: int
    mefstat4: tuple[str, ...]
    like: str | None = None

    @property
    def usual_pathway(self) -> Pathway:
        """The pathway of the usual level that this one is like; its own for a usual one."""
        return self.pathway if self.like is None else _USUAL_BY_NAME[self.like].pathway


USUAL_LEVELS: tuple[Level, ...] = (
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
"""The levels of the national education; a CAP in one year counts as ``cap2``, its last year."""

USUAL_LEVEL_NAMES: tuple[str, ...] = tuple(level.name for level in USUAL_LEVELS)
"""Their names, in order."""

_USUAL_BY_NAME: Mapping[str, Level] = MappingProxyType({level.name: level for level in USUAL_LEVELS})

STAND_INS = re.compile(
    r"(?:^|[_\W])(sexe?s?|gender|genre|fille|garcon|garçon|nationalit\w*|citizenship|origin\w*|birth_?place|langu\w*|allophone\w*|upe2a|"
    r"address\w*|adresse\w*|post_?code|code_postal|commune|quartier|qpv|zip|sant[eé]|health\w*|illness|medical\w*|handicap\w*|"
    r"disab\w*|ulis|pps|pap|mdph|scholarship\w*|bours\w*|school_?id|uai|rne|income|revenu\w*|pcs|religion\w*)(?=$|[_\W])",
    re.IGNORECASE,
)
"""Words of what no level, pathway or feature may stand for: sex, origin, address, health, disability, scholarship, the school."""


def _own_tables() -> tuple[tuple[Level, ...], dict[str, str]]:
    """Read the levels and pathways of installed packages, in the order of their entry points' names."""
    pathways: dict[str, str] = {}
    levels: list[Level] = []
    for entry, table in declared_tables("decrochage_risk.levels"):
        faults = _faults_of_own(table, {*_USUAL_BY_NAME, *(level.name for level in levels)}, pathways)
        if faults:
            raise _refused(entry, faults)
        pathways |= table.get("pathways", {})
        levels += [Level(**row | {"mefstat4": tuple(row["mefstat4"])}) for row in table["levels"]]
    return tuple(levels), pathways


def _faults_of_own(table: dict[str, Any], names: set[str], pathways: dict[str, str]) -> list[str]:
    """List everything that is wrong with the declared levels of one package."""
    known_pathways = {*_USUAL_PATHWAYS, *pathways, *table.get("pathways", {})}
    codes = {code for level in USUAL_LEVELS for code in level.mefstat4}
    kinds = {"name": str, "label": str, "pathway": str, "normal_age": int, "mefstat4": list, "like": str}
    texts = [*table.get("pathways", {}), *table.get("pathways", {}).values()]
    faults = [] if table.get("levels") else ["it declares no level ([[levels]])"]
    for number, row in enumerate(table.get("levels", ())):
        where = f"level {row.get('name', number)!r}"
        odd = [key for key, kind in kinds.items() if type(row.get(key)) is not kind] + sorted(
            set(row) - set(kinds)
        )
        if odd:
            faults.append(f"{where}: {', '.join(odd)} missing, unknown or of another type")
            continue
        texts += [row["name"], row["label"]]
        checks = {
            f"{where}: a name is small letters, digits and _": not re.fullmatch("[a-z0-9_]+", row["name"]),
            f"{where} is there already": row["name"] in names,
            f"{where}: like {row['like']!r} is no usual level": row["like"] not in _USUAL_BY_NAME,
            f"{where}: pathway {row['pathway']!r} is not declared": row["pathway"] not in known_pathways,
        }
        faults += [fault for fault, is_there in checks.items() if is_there]
        faults += [
            f"{where}: code {code!r} is that of another level" for code in row["mefstat4"] if code in codes
        ]
        names.add(row["name"])
        codes |= set(row["mefstat4"])
    faults += [
        f"{text!r} stands for {word[1]!r}, which nothing here may tell apart"
        for text in texts
        if (word := STAND_INS.search(text))
    ]
    return faults


def _refused(entry: str, faults: list[str]) -> RecordsError:
    return RecordsError(
        explain_error(
            f"The levels of the entry point {entry!r} cannot be used: {'; '.join(faults)}",
            expected="[pathways], and [[levels]] with name, label, pathway, normal_age, mefstat4 and like",
            hint="Correct the file of that package, or uninstall it; docs/guides/indicateur.md shows one.",
        )
    )


_OWN_LEVELS, _OWN_PATHWAYS = _own_tables()

LEVELS: tuple[Level, ...] = (*USUAL_LEVELS, *_OWN_LEVELS)
"""Every level, in the order of the school years; those that installed packages declare come last."""

PATHWAY_LABELS: Mapping[Pathway, str] = MappingProxyType(_USUAL_PATHWAYS | _OWN_PATHWAYS)
"""What a school reads for each pathway."""


def with_own_levels(usual: Iterable[str]) -> frozenset[str]:
    """Add to usual levels those that installed packages declare to be like one of them.

    Examples
    --------
    >>> sorted(with_own_levels({"4e", "3e"}))
    ['3e', '4e']
    """
    names = frozenset(usual)
    return names | {level.name for level in _OWN_LEVELS if level.like in names}


def usual_name(level: str) -> str:
    """Name the usual level that a level is, or is like; an unknown name comes back as it is."""
    own = LEVEL_BY_NAME.get(level)
    return level if own is None or own.like is None else own.like


LEVEL_NAMES: tuple[str, ...] = tuple(level.name for level in LEVELS)
"""Names of all levels, in the order of ``LEVELS``."""

LEVEL_BY_NAME: Mapping[str, Level] = MappingProxyType({level.name: level for level in LEVELS})
"""The level of each name."""

FROM_4E: frozenset[str] = frozenset(LEVEL_NAMES) - with_own_levels({"6e", "5e", "6e_segpa", "5e_segpa"})
"""Levels of reinforced vigilance: the 4e and everything after it."""

AT_4E: frozenset[str] = with_own_levels({"4e", "4e_segpa"})
"""The levels of the 4e year."""

AT_3E: frozenset[str] = with_own_levels({"3e", "3e_pm", "3e_segpa"})
"""The levels of the last year of collège."""

PATH_LEVELS: frozenset[str] = AT_4E | AT_3E
"""Levels whose vigilance rests on the risk over three school years: a year ahead, leaving is rare there."""

LYCEE: frozenset[str] = frozenset(level.name for level in LEVELS if level.usual_pathway in {"gt", "pro"})
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
