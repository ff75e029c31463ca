"""Who is who: the rows of every file to pupils, by number first, by exact name where there is none, never by likeness.

In order: the national number (INE; RNIE before BEA), the number within the school (UAI-ELENOET), the id within one SIECLE
export, and for files that hold names only the family or usage name with the first name and the class (and the birth date
where both have one), compared without accents, case, blanks and hyphens. Two candidates, or none, is reported with its
line. Pseudonyms are made at once; names stay in memory until the last file is read, and go nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from decrochage_risk.importers.cells import fold, fold_name
from decrochage_risk.importers.delimited import is_total
from decrochage_risk.importers.roster import is_uai, normal_ine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from decrochage_risk.importers.extract import Extract, Person
    from decrochage_risk.records.pseudonyms import Pseudonymiser

__all__ = ["Register", "class_key", "local_key"]

_YEAR_OF_CLASS = re.compile(
    r"^([3-6])(?:EME|E)(?=[0-9A-Z])|^(2)(?:NDE|ND|DE)(?=[0-9A-Z])|^(1)(?:ERE|RE|ER)(?=[0-9A-Z])|^(T)(?:ERMINALE|ERM|LE)(?=[0-9A-Z])"
)

_NO_YEAR = 0
"""Year of a list of pupils of several years: its names count in every year."""

LINK_COLUMNS = (
    "pupil_id",
    "ine",
    "uai",
    "elenoet",
    "eleve_id",
    "family_name",
    "usage_name",
    "first_name",
    "class_name",
    "birth_date",
)
"""Columns of the table that leads from a pseudonym back to a pupil."""


def local_key(uai: str | None, elenoet: str | None) -> str | None:
    """Give the key of a pupil within a school, or None; zeros in front are lost in some exports and count for nothing.

    Examples
    --------
    >>> local_key("0990001N", "00101"), local_key("0990001N", "101"), local_key("0990001N", None)
    ('0990001N-101', '0990001N-101', None)
    """
    if not elenoet:
        return None
    digits = re.sub(r"\.0$", "", elenoet.strip()).lstrip("0")
    return f"{uai}-{digits}" if digits.isdigit() and is_uai(uai) else None


def class_key(name: str) -> str:
    """Fold the name of a class past the ways of writing its year: "3E A", "3EME A" and "3 A" are one.

    Only used where the plain folded name is no class of the school, and where it leads to one class alone.

    Examples
    --------
    >>> [class_key(text) for text in ("3E A", "3ème A", "3 A", "2NDE 5", "TLE PRO1")]
    ['3A', '3A', '3A', '25', 'TPRO1']
    """
    plain = fold_name(name)
    match = _YEAR_OF_CLASS.match(plain)
    return plain if match is None else next(filter(None, match.groups())) + plain[match.end() :]


@dataclass
class _Pupil:
    """What is known of one pupil: only here, only in memory."""

    birth_date: date | None = None
    local: bool = False


_Answer = tuple[str | None, str | None, frozenset[str]]
"""Identity, or the reason why there is none; the identities that a name may be of."""


@dataclass
class Resolved:
    """Pupils of the rows of one extract.

    Attributes
    ----------
    pupil_ids : list of str or None
        One per person of the extract; None where nobody was found.
    reasons : dict of int to str
        Person -> reason code why there is none.
    local : list of int
        Persons who go by the number of their school alone.
    shared_numbers : list of int
        Those of them whose INE the file gives to two birth dates, or whom other files know under another one.
    doubtful : frozenset of str
        Pseudonyms of the pupils one of whom a row with an ambiguous name is about: nobody knows which.
    """

    pupil_ids: list[str | None] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    local: list[int] = field(default_factory=list)
    shared_numbers: list[int] = field(default_factory=list)
    doubtful: frozenset[str] = frozenset()


class Register:
    """All pupils met so far, by every way of naming them.

    Parameters
    ----------
    key : Pseudonymiser
    class_aliases : mapping of str to str
        Names of classes as other software writes them -> as SIECLE does, both folded here.
    keep_links : bool
        Keep what the link table needs.
    """

    def __init__(
        self, key: Pseudonymiser, *, class_aliases: Mapping[str, str] | None = None, keep_links: bool = False
    ) -> None:
        self._key = key
        self._aliases = {fold_name(name): fold_name(to) for name, to in (class_aliases or {}).items()}
        self._pseudonym_of: dict[str, str] = {}
        self._pupils: dict[str, _Pupil] = {}  # by identity: an INE, or a local key
        self._same: dict[str, str] = {}  # other number or local key -> identity
        self._eleve_ids: dict[tuple[str, str], str | None] = {}
        self._names: dict[
            tuple[str, str], dict[str, date | None]
        ] = {}  # (uai|year|class, name) -> identity -> birth
        self._first_names: dict[
            tuple[str, str], dict[str, date | None]
        ] = {}  # the same by the first first name alone
        self._classes: dict[str, set[str]] = {}  # uai|year -> folded classes
        self._spans: dict[str, set[int]] = {}
        # A pupil stands in a file of each subject: who that is, is looked up once.
        self._answers: dict[tuple[Person, str | None, int | None], _Answer] = {}
        self._links: dict[str, dict[str, Any]] | None = {} if keep_links else None
        self._like_totals: set[tuple[str, str]] = set()

    @property
    def pupils_like_totals(self) -> frozenset[tuple[str, str]]:
        """Folded family name and first name of the pupils of the lists whose name reads like a row of totals."""
        return frozenset(self._like_totals)

    def meet(self, extract: Extract) -> None:
        """Learn which numbers are one pupil's; for every list of pupils, before any of them is resolved."""
        twice = _ines_of_two(extract.persons)
        for row in extract.persons:
            ine, other = normal_ine(row.ine), normal_ine(row.other_ine)
            if ine is None or ine in twice:
                continue
            for number in (other, local_key(row.uai or extract.uai, row.elenoet)):
                if number is not None and self._root(number) != self._root(ine):
                    # From root to root: a pupil met under three numbers stays one pupil.
                    self._same[self._root(number)] = self._root(ine)

    def _root(self, number: str) -> str:
        while number in self._same:
            number = self._same[number]
        return number

    def resolve(self, extract: Extract) -> Resolved:
        """Find the pupil of each person of an extract; a list of pupils adds those who are new.

        Parameters
        ----------
        extract : Extract
            Its ``counts`` are not touched: the caller counts by what was found in which line.
        """
        ids: list[str | None] = [None] * len(extract.persons)
        answer = Resolved()
        twice = _ines_of_two(extract.persons)
        doubtful: set[str] = set()
        for person, row in enumerate(extract.persons):
            identity, reason = self._identity(row, extract, twice)
            if identity is None and reason is None:
                identity, reason = self._by_name(row, extract, doubtful)
            if identity is None:
                answer.reasons[person] = reason or "no_identity"
                continue
            ids[person] = identity
            if self._pupils[identity].local:
                answer.local.append(person)
                if normal_ine(row.ine) is not None:
                    answer.shared_numbers.append(person)
            if extract.is_roster:
                self._add_names(row, extract, identity)
        pseudonyms = self._pseudonyms(
            [*(identity for identity in ids if identity is not None), *sorted(doubtful)]
        )
        answer.doubtful = frozenset(pseudonyms[identity] for identity in doubtful)
        answer.pupil_ids = [None if identity is None else pseudonyms[identity] for identity in ids]
        return answer

    def _pseudonyms(self, identities: Iterable[str]) -> Mapping[str, str]:
        """Give the pseudonym of each pupil; those that are new are made together."""
        fresh = [identity for identity in dict.fromkeys(identities) if identity not in self._pseudonym_of]
        if fresh:
            codes = self._key.pseudonym(pd.Series(fresh, dtype="str"))
            self._pseudonym_of.update(zip(fresh, codes, strict=True))
        return self._pseudonym_of

    def links(self) -> pd.DataFrame:
        """Give the way back from pseudonyms to pupils."""
        link_rows = self._links or {}
        pseudonyms = self._pseudonyms(link_rows)
        rows = [{"pupil_id": pseudonyms[identity], **row} for identity, row in link_rows.items()]
        rows.sort(key=lambda row: str(row["pupil_id"]))
        return pd.DataFrame(rows, columns=list(LINK_COLUMNS))

    # By number

    def _identity(
        self, row: Person, extract: Extract, twice: frozenset[str]
    ) -> tuple[str | None, str | None]:
        birth = row.birth_date
        ine = normal_ine(row.ine)
        uai = row.uai or extract.uai
        if uai is None and not extract.is_roster and len(self._spans) == 1:
            uai = next(iter(self._spans))  # no other school is there for a number to be of
        local = local_key(uai, row.elenoet)
        refusal: str | None = None
        if ine is not None:
            identity = self._root(ine)
            refusal = (
                "duplicate_ine"
                if ine in twice
                else "ine_two_birth_dates"
                if self._clash(identity, birth)
                else None
            )
            if refusal is None:
                self._learn(identity, birth, local=False)
                self._learn_eleve_id(row, uai, identity, extract)
                return identity, None
        if local is not None and (extract.is_roster or self._root(local) in self._pupils):
            # A number that stands for two persons is no number: the school's own one tells them apart.
            identity = local if refusal is not None else self._root(local)
            if self._clash(identity, birth):
                return None, refusal or "ine_two_birth_dates"
            self._learn(identity, birth, local=identity == local)
            self._learn_eleve_id(row, uai, identity, extract)
            return identity, None
        if refusal is not None:
            return None, refusal
        eleve_id = row.eleve_id
        if eleve_id is not None and not extract.is_roster and uai is not None:
            by_id = self._eleve_ids.get((uai, eleve_id))
            if by_id is not None:
                return by_id, None
        return None, None

    def _clash(self, identity: str, birth: date | None) -> bool:
        pupil = self._pupils.get(identity)
        return pupil is not None and None not in (pupil.birth_date, birth) and pupil.birth_date != birth

    def _learn(self, identity: str, birth: date | None, *, local: bool) -> None:
        pupil = self._pupils.get(identity)
        if pupil is None:
            pupil = self._pupils[identity] = _Pupil(local=local)
        pupil.birth_date = pupil.birth_date or birth

    def _learn_eleve_id(self, row: Person, uai: str | None, identity: str, extract: Extract) -> None:
        eleve_id = row.eleve_id
        if extract.is_roster and eleve_id is not None and uai is not None:
            owner = self._eleve_ids.setdefault((uai, eleve_id), identity)
            if owner != identity:
                self._eleve_ids[uai, eleve_id] = None  # of two pupils, in two files: it names nobody

    # By name

    def _add_names(self, row: Person, extract: Extract, identity: str) -> None:
        uai, year = row.uai or extract.uai, extract.school_year or _NO_YEAR
        birth = self._pupils[identity].birth_date
        class_name = row.class_name
        self._answers.clear()
        if uai is not None:
            span = f"{uai}|{year}"
            self._spans.setdefault(uai, set()).add(year)
            if class_name is not None:
                self._classes.setdefault(span, set()).add(fold_name(class_name))
            self._like_totals |= _names_like_totals(row)
            whole, short = _names_of(row)
            # "*" is the whole school, for files that give a birth date in place of a class.
            for place in {f"{span}|{fold_name(class_name or '')}", f"{span}|*"}:
                for table, names in ((self._names, whole), (self._first_names, short)):
                    for name in names:
                        table.setdefault((place, name), {})[identity] = birth
        if self._links is not None:
            self._links[identity] = {
                "uai": uai,
                **{
                    name: getattr(row, name)
                    for name in LINK_COLUMNS
                    if name not in {"pupil_id", "uai", "birth_date"}
                },
                "birth_date": birth,
            }

    def _by_name(self, row: Person, extract: Extract, doubtful: set[str]) -> tuple[str | None, str | None]:
        key = (row, extract.uai, extract.school_year)
        if extract.is_roster:
            return None, "no_identity"
        if key not in self._answers:
            self._answers[key] = self._look_up(row, extract)
        identity, reason, candidates = self._answers[key]
        doubtful.update(candidates)
        return identity, reason

    def _look_up(self, row: Person, extract: Extract) -> _Answer:
        """Give the pupil of a name, or the reason why there is none and those whom the name may be of."""
        whole, short = _names_of(row)
        class_name, birth = row.class_name, row.birth_date
        if not whole or (class_name is None and birth is None):
            return None, "no_identity", frozenset()
        spans = self._spans_of(row.uai or extract.uai, extract.school_year)
        if not spans:
            return None, "no_roster", frozenset()
        places = [place for span in spans if (place := self._place(span, class_name, birth)) is not None]
        if not places:
            return None, "class_unknown", frozenset()
        # All first names on both sides; else the file, or the list, holds the first of them alone.
        candidates = self._at(places, self._names, whole) or (
            self._at(places, self._first_names, whole) | self._at(places, self._names, short)
        )
        if birth is not None:
            candidates = {
                identity: born for identity, born in candidates.items() if born is None or born == birth
            }
        if len(candidates) == 1:
            return next(iter(candidates)), None, frozenset()
        return None, "name_ambiguous" if candidates else "name_unmatched", frozenset(candidates)

    def _at(
        self, places: list[str], table: dict[tuple[str, str], dict[str, date | None]], names: set[str]
    ) -> dict[str, date | None]:
        at: dict[str, date | None] = {}
        for place in places:
            for name in names:
                at.update(table.get((place, name), {}))
        return at

    def _place(self, span: str, class_name: str | None, birth: date | None) -> str | None:
        """Give where to look in a school and year: the class, everywhere with a birth date, or nowhere."""
        span_class = None if class_name is None else self._class_of(span, class_name)
        if span_class is not None:
            return f"{span}|{span_class}"
        return f"{span}|*" if birth is not None else None

    def _spans_of(self, uai: str | None, year: int | None) -> list[str]:
        schools = [uai] if uai is not None else sorted(self._spans)
        return [
            f"{school}|{of}"
            for school in schools
            for of in sorted(self._spans.get(school, ()))
            if year is None or of in {_NO_YEAR, year}
        ]

    def divisions(self, name: str, uai: str | None, year: int | None) -> frozenset[str]:
        """Give the folded divisions of a school and year that the name of a class means; none where it means none."""
        near = (self._class_of(span, name) for span in self._spans_of(uai, year))
        return frozenset(division for division in near if division is not None)

    def _class_of(self, span: str, name: str) -> str | None:
        """Find the class of a school that a name means: the same one folded, a declared alias, or the one it can only be."""
        classes = self._classes.get(span, set())
        plain = fold_name(name)
        for spelling in (plain, self._aliases.get(plain, "")):
            if spelling in classes:
                return spelling
        near = [division for division in classes if class_key(division) == class_key(name)]
        return near[0] if len(near) == 1 else None


def _ines_of_two(persons: Iterable[Person]) -> frozenset[str]:
    """Find the numbers that one file gives to two birth dates."""
    births: dict[str, set[date]] = {}
    for person in persons:
        number = normal_ine(person.ine) if person.ine and person.birth_date else None
        if number is not None and person.birth_date is not None:
            births.setdefault(number, set()).add(person.birth_date)
    return frozenset(number for number, days in births.items() if len(days) > 1)


def _names_of(row: Person) -> tuple[set[str], set[str]]:
    """Give the folded names a pupil may be written under, with all first names and with the first of them alone.

    Family or usage name. A cell that holds both names keeps its blanks: nobody can tell where the family name ends.
    """
    first = fold(row.first_name or "")
    head = (row.first_name or "").split()[:1]
    families = [family for family in (row.family_name, row.usage_name) if family]
    whole, short = set(), set()
    for family in families if first else ():
        whole |= {f"{fold_name(family)}|{fold_name(first)}", f"{fold(family)} {first}"}
        short |= {f"{fold_name(family)}|{fold_name(head[0])}", f"{fold(family)} {fold(head[0])}"}
    together = row.full_name
    return (whole | {fold(together)}, short) if together else (whole, short - whole)


def _names_like_totals(row: Person) -> set[tuple[str, str]]:
    first = fold(next(iter((row.first_name or "").split()), ""))
    families = {fold(family) for family in (row.family_name, row.usage_name) if family}
    return {
        (family, first)
        for family in families
        if first and (is_total(family) or is_total(f"{family} {first}"))
    }
