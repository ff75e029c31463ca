"""From a MEF to a level: the school's own Nomenclature first, then the bundled rule, then the label; never a guess.

A MEF (module élémentaire de formation) is the code of a formation; the first four characters of its MEFSTAT tell the
level. What is outside the tables, such as what follows a diploma, has a reason of its own, which the report counts.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import RecordsError
from decrochage_risk.importers.cells import fold
from decrochage_risk.records.levels import level_of_mefstat4

if TYPE_CHECKING:
    from decrochage_risk.importers.extract import SchoolFacts

__all__ = ["MefLevel", "find_level", "is_agricultural_cap", "level_of_label", "normalise_mef"]

_PREPA_METIERS = re.compile(r"PREPA ?(?:METIERS?|PRO)\b|\b3 ?PREP|\b3 ?PM\b|PREPA ?MET")
_COMPLEMENTARY = "43"
_AFTER_DIPLOMA = ("23B", "23C", "2391", "23J", "23K", "251", _COMPLEMENTARY)
_CAPA = "23I"

# Labels of a level (folded), for exports that give the label and no code. The first one that matches, wholly or with
# more words after it, wins: SEGPA and prépa-métiers before the plain year.
_LABELS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), level)
    for pattern, level in (
        (r"(?:6E|6EME|SIXIEME) .*SEGPA\b", "6e_segpa"),
        (r"(?:5E|5EME|CINQUIEME) .*SEGPA\b", "5e_segpa"),
        (r"(?:4E|4EME|QUATRIEME) .*SEGPA\b", "4e_segpa"),
        (r"(?:3E|3EME|TROISIEME) .*SEGPA\b", "3e_segpa"),
        (r"(?:3E|3EME|TROISIEME) .*PREPA ?(?:METIERS?|PRO)\b|3 ?PREP\w*|3 ?PM\b", "3e_pm"),
        (r"(?:6E|6EME|SIXIEME)\b", "6e"),
        (r"(?:5E|5EME|CINQUIEME)\b", "5e"),
        (r"(?:4E|4EME|QUATRIEME)\b", "4e"),
        (r"(?:3E|3EME|TROISIEME)\b", "3e"),
        (r"(?:2NDPRO|2NDPRE|2DPRO\w?|2DE PRO\w*|2NDE PRO\w*|SECONDE PRO\w*|2E PRO\w*)\b", "2de_pro"),
        (r"(?:1ERPRO|1ERPRE|1EPRO\w?|1RE PRO\w*|1ERE PRO\w*|PREMIERE PRO\w*)\b", "1re_pro"),
        (r"(?:TLEPRO|TLEPRE|TLPRO\w?|TERPRO|TLE PRO\w*|TERM PRO\w*|TERMINALE PRO\w*)\b", "tle_pro"),
        (
            r"(?:1CAP[123]A?|CAP 1|1RE CAP|1ERE CAP|1RE ANNEE (?:DE )?CAP|1ERE ANNEE (?:DE )?CAP|PREMIERE ANNEE (?:DE )?CAP)\b",
            "cap1",
        ),
        (
            r"(?:2CAP[23]A?|CAP 2|2E CAP|2EME CAP|2E ANNEE (?:DE )?CAP|2EME ANNEE (?:DE )?CAP|TLE CAP|TERMINALE CAP)\b",
            "cap2",
        ),
        (r"(?:3CAP3A?|CAP 3|3E CAP|3EME CAP|3E ANNEE (?:DE )?CAP|3EME ANNEE (?:DE )?CAP)\b", "cap3"),
        (
            r"(?:2DEGT\w*|2GT\w*|2DE GT|2NDE GT|2DE GENERALE\w*|2NDE GENERALE\w*|SECONDE GENERALE\w*|SECONDE GT)\b",
            "2de_gt",
        ),
        (
            r"(?:1RE|1ERE|PREMIERE) (?:GENERALE|G|GT|TECHNO\w*|S|ES|L|STMG|STI2D|ST2S|STL|STD2A|STHR|STAV)\b",
            "1re_gt",
        ),
        (
            r"(?:TLE|TERM|TERMINALE) (?:GENERALE|G|GT|TECHNO\w*|S|ES|L|STMG|STI2D|ST2S|STL|STD2A|STHR|STAV)\b",
            "tle_gt",
        ),
    )
)


@dataclass(frozen=True)
class MefLevel:
    """What a MEF says.

    Attributes
    ----------
    level : str or None
        A value of ``enrolments.level``.
    reason : str or None
        Why there is none: a code of :data:`decrochage_risk.importers.extract.REASONS`.
    how : {"nomenclature", "bundled", "label", "class", ""}
        Where it comes from.
    """

    level: str | None
    reason: str | None = None
    how: str = ""


def normalise_mef(code: str | None) -> str | None:
    """Give the one spelling of a MEF: upper case, no blank; a number that a spreadsheet read keeps its digits.

    Examples
    --------
    >>> normalise_mef(" 10310019110 "), normalise_mef("10310019110.0"), normalise_mef("")
    ('10310019110', '10310019110', None)
    """
    if code is None:
        return None
    plain = re.sub(r"\s", "", code).upper().removesuffix(".0")
    return plain or None


def find_level(
    mef: str | None,
    facts: SchoolFacts,
    *,
    mefstat: str | None = None,
    label: str | None = None,
    class_name: str | None = None,
    last_mef: str | None = None,
    repeats: bool | None = None,
) -> MefLevel:
    """Find the level of a pupil.

    Parameters
    ----------
    mef : str or None
        CODE_MEF, 10 or 11 characters.
    facts : SchoolFacts
        The school's Nomenclature and Structures; it is asked first.
    mefstat : str, optional
        MEFSTAT of the row itself, where the file has it.
    label : str, optional
        Label of the MEF in the file itself.
    class_name : str, optional
        Division: its MEF codes stand in for a missing one, where they agree.
    last_mef : str, optional
        MEF of the year before: tells the two years of a CAP agricole apart.
    repeats : bool, optional
        DOUBLEMENT.

    Examples
    --------
    >>> from decrochage_risk.importers.extract import NO_FACTS
    >>> find_level("24731209310", NO_FACTS), find_level("1031000K11A", NO_FACTS).level
    (MefLevel(level='2de_pro', reason=None, how='bundled'), '3e')
    >>> find_level("25031209110", NO_FACTS).reason, find_level("123456789", NO_FACTS).reason
    ('post_diploma', 'unknown_level')
    """
    code = normalise_mef(mef)
    label = facts.mef_labels.get(code or "") or label
    if code is not None:
        mefstat, how = (mefstat[:4].upper(), "nomenclature") if mefstat else _mefstat_of(code, facts)
        if mefstat is not None:
            return _level_of_mefstat(
                mefstat, how, label=label, code=code, last=normalise_mef(last_mef), repeats=repeats
            )
    if label is not None and (level := level_of_label(label)) is not None:
        return MefLevel(level, how="label")
    of_class = (
        {find_level(other, facts).level for other in facts.class_mefs.get(class_name or "", ())}
        if code is None
        else set()
    )
    if len(of_class) == 1 and None not in of_class:
        return MefLevel(of_class.pop(), how="class")
    return MefLevel(None, "unknown_level")


def level_of_label(label: str) -> str | None:
    """Find the level that a label begins with, or None.

    Examples
    --------
    >>> [level_of_label(text) for text in ("4EME", "2NDPRO POISSONNIER", "3EME PREPA PRO", "TERMINALE PRO MELEC", "BTS 1")]
    ['4e', '2de_pro', '3e_pm', 'tle_pro', None]
    """
    plain = fold(label)
    return next((level for pattern, level in _LABELS if pattern.match(plain)), None)


def is_agricultural_cap(code: str | None) -> bool:
    """Tell the MEF of a CAP agricole (any year of it)."""
    plain = normalise_mef(code) or ""
    return plain[:3] in {"270", "271", "280"}


def _mefstat_of(code: str, facts: SchoolFacts) -> tuple[str | None, str]:
    for mef_code in (code, facts.mef_parents.get(code, "")):
        if mef_code in facts.mefstat:
            return facts.mefstat[mef_code][:4].upper(), "nomenclature"
    table = _bundled()
    if code in table["exceptions"]:
        return table["exceptions"][code], "bundled"
    if code[10:] == table["complementary"]["eleventh"]:
        return _COMPLEMENTARY, "bundled"
    key = code[:3] + code[8:10]
    if key in table["rule"]:
        return table["rule"][key]["mefstat4"], "bundled"
    return table["after_diploma"].get(key) or table["capa"].get(key), "bundled"


def _level_of_mefstat(
    mefstat: str, how: str, *, label: str | None, code: str, last: str | None, repeats: bool | None
) -> MefLevel:
    if mefstat.startswith(_CAPA):
        return _capa_year(code, last, repeats=repeats, how=how)
    if mefstat.startswith(_AFTER_DIPLOMA):
        return MefLevel(None, "post_diploma", how)
    try:
        level = level_of_mefstat4(mefstat).name
    except RecordsError:
        return MefLevel(None, "unknown_level", how)
    if level == "3e" and label is not None and _PREPA_METIERS.search(fold(label)):
        level = "3e_pm"  # it has the MEFSTAT of a 3e: only its label tells it
    return MefLevel(level, how=how)


def _capa_year(code: str, last: str | None, *, repeats: bool | None, how: str) -> MefLevel:
    """Tell the year of a CAP agricole by the formation of the year before; a repeat leaves it open."""
    if last is None or repeats:
        return MefLevel(None, "agricultural_capa", how)
    return MefLevel("cap2" if is_agricultural_cap(last) or last == code else "cap1", how=how)


@cache
def _bundled() -> dict[str, Any]:
    text = files("decrochage_risk.importers").joinpath("mef_levels.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
