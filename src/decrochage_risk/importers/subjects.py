"""Which of our subjects a subject of a school is: by its national code, by its short code, then by its label.

The national codes (CODE_MATIERE, six digits) and the short ones (CODE_GESTION, unique) of the ministry's nomenclature are in
``subjects.csv`` with the subject each of them is for us; a code that came later is told by its first digits, which name the
field (02 letters, 03 living languages, 04 history and geography, 06 sciences, 11 to 44 vocational...). In 03xxxy, y is the
rank of the language: 1, 2 or 3; a tens digit says only where it is taught. A label is told by its words. What a school
declared itself (``[subjects]`` of a file of ``--columns``) goes before all of it.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.importers.cells import fold
from decrochage_risk.importers.column_maps import read_column_map
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from decrochage_risk.importers.extract import SchoolFacts

__all__ = ["OTHER", "SUBJECTS", "SubjectNames", "subject_of_code"]

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
_LABELS = tuple(
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
def _bundled() -> tuple[dict[str, str], dict[str, str]]:
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
    exact = _bundled()[0].get(code)
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
        self._declared = _declared(maps)
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
            self._answers[query] = self._found(*query)
        return self._answers[query]

    def _found(self, code: str, short_code: str, label: str) -> str:
        for name in (label, short_code, code):
            if name and (own_subject := self._declared.get(fold(name))):
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
        self.unknown.add(label or short_code or code)
        return OTHER

    def _by_short(self, short_code: str | None) -> str | None:
        return _bundled()[1].get(fold(short_code)) if short_code else None


def _by_label(label: str) -> str | None:
    plain = fold(label)
    return next((subject for pattern, subject in _LABELS if pattern.search(plain)), None)


def _declared(maps: Iterable[Path]) -> Mapping[str, str]:
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
