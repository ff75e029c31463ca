"""The ministry's codes into our words: a MEF to a level, a subject to one of our subjects; a code that nobody knows is never guessed.

A MEF (module élémentaire de formation) is the code of a formation; the first four characters of its MEFSTAT tell the level: that
of the school's own Nomenclature first, then the bundled rule, then the label. What is outside the tables, such as what follows
a diploma, has a reason of its own, which the report counts.

The national codes of subjects (CODE_MATIERE, six digits) and the short ones (CODE_GESTION, unique) of the ministry's nomenclature
are in ``subjects.csv`` with the subject each of them is for us; a code that came later is told by its first digits, which name
the field (02 letters, 03 living languages, 04 history and geography, 06 sciences, 11 to 44 vocational...). In 03xxxy, y is the
rank of the language: 1, 2 or 3; a tens digit says only where it is taught. A label is told by its words. What a school
declared itself (``[subjects]`` of a file of ``--columns``) goes before all of it.
"""

from __future__ import annotations

import csv
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.importers.cells import fold
from decrochage_risk.importers.declarations import read_column_map
from decrochage_risk.records.levels import level_of_mefstat4
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from decrochage_risk.importers.extract import SchoolFacts

__all__ = [
    "OTHER",
    "SUBJECTS",
    "MefLevel",
    "SubjectNames",
    "find_level",
    "is_agricultural_cap",
    "level_of_label",
    "normalise_mef",
    "subject_of_code",
]

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
    text = (
        resources.files("decrochage_risk.importers").joinpath("mef_levels.toml").read_text(encoding="utf-8")
    )
    return tomllib.loads(text)


OTHER = "other"

SUBJECTS = next(column.choices for column in TABLES["grades"].columns if column.name == "subject")
"""Our subjects."""

_CODE = re.compile(r"[0-9]{6}")
_LANGUAGE = {"1": "modern_language_1", "2": "modern_language_2", "3": "modern_language_3"}
_FIELD = {
    "01": "philosophy",
    "02": "french",
    "04": "history_geography",
    "05": "economics",
    "06": "sciences",
    "07": "technology",
    "08": "music",
    "09": "arts",
    "10": "pe",
    "36": "economics",
    "38": "economics",
    "39": "economics",
    "43": "economics",
}
_FAMILY = {
    "0201": "ancient_languages",
    "0202": "ancient_languages",
    "0203": "ancient_languages",
    "0207": "french",
    "0414": "civics",
    "0429": "civics",
    "0438": "civics",
    "0613": "maths",
    "0623": "physics_chemistry",
    "0629": "life_sciences",
    "0746": "computing",
    "0747": "computing",
    "3128": "health_environment",
}
_VOCATIONAL = range(11, 45)

_TONGUE = r"(?:ANGLAIS|ALLEMAND|ESPAGNOL|ITALIEN|PORTUGAIS|CHINOIS|ARABE|RUSSE|JAPONAIS|NEERLANDAIS|POLONAIS|TURC|HEBREU|COREEN|LANGUE VIVANTE)"
_SUBJECT_LABELS = tuple(
    (re.compile(pattern), subject)
    for pattern, subject in (
        (r"\b(?:LV|LANGUE VIVANTE) ?(?:1|A)\b|\b[A-Z]{3,5} ?LV ?1\b|^(?:AGL|ALL|ESP|ITA|POR|CHI|ARA|RUS) ?1$", "modern_language_1"),
        (r"\b(?:LV|LANGUE VIVANTE) ?(?:2|B)\b|^(?:AGL|ALL|ESP|ITA|POR|CHI|ARA|RUS) ?2$", "modern_language_2"),
        (r"\b(?:LV|LANGUE VIVANTE) ?(?:3|C)\b|^(?:AGL|ALL|ESP|ITA|POR|CHI|ARA|RUS) ?3$", "modern_language_3"),
        (_TONGUE + r" ?1\b", "modern_language_1"),
        (_TONGUE + r" ?2\b", "modern_language_2"),
        (_TONGUE + r" ?3\b", "modern_language_3"),
        (r"\b(?:LATIN|GREC)\b|\bLCA\b|ANTIQUITE", "ancient_languages"),
        (r"FRANCAIS LANGUE (?:ETRANGERE|SECONDE)|\bFLES?\b", "other"),
        (r"^FRANC\b|FRANCAIS|^LETTRES\b", "french"),
        (r"\bMATHS?\b|MATHEMATI", "maths"),
        (r"PHYSIQUE ?(?:ET )?CHIMIE|^PH ?CH\b|^PHYSIQUE\b|^CHIMIE\b|^SC(?:IENCES)? PHYSIQUES", "physics_chemistry"),
        (r"\bSVT\b|SCIENCES? (?:DE LA )?VIE|^SC VIE", "life_sciences"),
        (r"\bEMC\b|MORAL ET CIVIQUE|EDUCATION CIVIQUE|^ECJS", "civics"),
        (r"HISTOIRE|GEOGRAPHIE|^HI ?GE\b|^HG\b|\bHGGSP\b", "history_geography"),
        (r"PHILO", "philosophy"),
        (r"\bSES\b|ECONOMI|^ECO\b", "economics"),
        (r"\bSNT\b|\bNSI\b|INFORMATIQUE|NUMERIQUE ET SC", "computing"),
        (r"\bPSE\b|PREVENTION SANTE", "health_environment"),
        (r"\bEPS\b|PHYSIQUE ET SPORTIVE|^ED PHYSIQUE", "pe"),
        (r"MUSI", "music"),
        (r"ARTS? (?:PLAS|APPL)|^ARTS?$|^A PLA|^ARTS ", "arts"),
        (r"^TECHN(?:O|OLOGIE)?$|^TECHNOLOGIE COLLEGE", "technology"),
        (r"ENSEIGNEMENT SCIENTIFIQUE|^SCIENCES\b|^EIST\b", "sciences"),
        (r"ENSEIGNEMENTS? PROFESSIONNEL|\bENS PRO\b|^ATELIER|^PRATIQUE PRO|^TECHNOLOGIE PRO|CHEF D OEUVRE|^CO INTERVENTION", "professional"),
    )
)  # fmt: skip
"""Tried in this order on the folded label. A language without a rank is none of ours: it may be the first or the second."""


@cache
def _bundled_subjects() -> tuple[dict[str, str], dict[str, str]]:
    """Subject by national code, and by short code."""
    text = resources.files("decrochage_risk.importers").joinpath("subjects.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    return {row["code"]: row["subject"] for row in rows}, {
        fold(row["short_code"]): row["subject"] for row in rows
    }


def subject_of_code(code: str) -> str | None:
    """Give the subject of a national code (CODE_MATIERE); None when it is no such code.

    Examples
    --------
    >>> [subject_of_code(code) for code in ("061300", "030202", "043800", "245600", "100A00")]
    ['maths', 'modern_language_2', 'civics', 'professional', None]
    """
    if not _CODE.fullmatch(code):
        return None
    exact = _bundled_subjects()[0].get(code)
    if exact is not None:
        return exact
    if code[:2] == "03":
        return _LANGUAGE.get(code[5], OTHER)
    by_family = _FAMILY.get(code[:4]) or _FIELD.get(code[:2])
    return by_family or ("professional" if int(code[:2]) in _VOCATIONAL else OTHER)


class SubjectNames:
    """The subjects of one school: what it declared, its nomenclature, the national one, then words of labels.

    Parameters
    ----------
    facts : SchoolFacts
        Of the school, from its Nomenclature.
    maps : iterable of Path
        Files of ``--columns``.

    Attributes
    ----------
    unknown : set of str
        Labels asked for so far that are told by nothing; they are ``other``.

    Raises
    ------
    RecordsError
        A declared subject that is none of ours.

    Examples
    --------
    >>> from decrochage_risk.importers.extract import NO_FACTS
    >>> names = SubjectNames(NO_FACTS)
    >>> names.subject(label="Mathématiques"), names.subject(short_code="AGL1"), names.subject(label="Club échecs")
    ('maths', 'modern_language_1', 'other')
    >>> names.unknown
    {'Club échecs'}
    """

    def __init__(self, facts: SchoolFacts, maps: Iterable[Path] = ()) -> None:
        self.unknown: set[str] = set()
        self._declared_subjects = _declared_subjects(maps)
        self._local: dict[str, str] = {}
        for subject in facts.subjects:
            meaning = next(
                (
                    national_subject
                    for code in (subject.national_code, subject.code)
                    if code and (national_subject := subject_of_code(code))
                ),
                None,
            ) or self._by_short(subject.short_code)
            for name in (subject.code, subject.short_code, subject.label):
                if meaning is not None and name:
                    self._local.setdefault(fold(name), meaning)
        self._answers: dict[tuple[str, str, str], str] = {}

    def subject(
        self, *, code: str | None = None, short_code: str | None = None, label: str | None = None
    ) -> str:
        """Give the subject of a code, a short code or a label, tried in this order."""
        query = (code or "", short_code or "", label or "")
        if query not in self._answers:
            found = self._found(*query)
            if found is None:
                self.unknown.add(label or short_code or code or "")
            self._answers[query] = found or OTHER
        return self._answers[query]

    def knows(self, text: str) -> bool:
        """Tell whether a text is the short code or the label of a subject; it is not asked for by that."""
        return self._found("", text, text) is not None

    def _found(self, code: str, short_code: str, label: str) -> str | None:
        for name in (label, short_code, code):
            if name and (own_subject := self._declared_subjects.get(fold(name))):
                return own_subject
        for answer in (
            subject_of_code(code) if code else None,
            self._local.get(fold(code)) if code else None,
            self._local.get(fold(short_code)) if short_code else None,
            self._local.get(fold(label)) if label else None,
            _by_label(label) if label else None,
            self._by_short(short_code),
            self._by_short(label),
            _by_label(short_code) if short_code else None,
        ):
            if answer:
                return answer
        return None

    def _by_short(self, short_code: str | None) -> str | None:
        return _bundled_subjects()[1].get(fold(short_code)) if short_code else None


def _by_label(label: str) -> str | None:
    plain = fold(label)
    return next((subject for pattern, subject in _SUBJECT_LABELS if pattern.search(plain)), None)


def _declared_subjects(maps: Iterable[Path]) -> Mapping[str, str]:
    subjects: dict[str, str] = {}
    for path in maps:
        for name, subject in read_column_map(path).get("subjects", {}).items():
            if subject not in SUBJECTS:
                raise RecordsError(
                    explain_error(
                        f"{path.name} says that {name!r} is {subject!r}",
                        expected=f"one of {', '.join(SUBJECTS)}",
                        hint="Write the name as docs/records.md has it.",
                    )
                )
            subjects[fold(str(name))] = str(subject)
    return subjects
