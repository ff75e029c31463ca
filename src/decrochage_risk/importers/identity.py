"""Who is who: the rows of every file to pupils, by number first, by exact name where there is none, never by likeness.

In order: the national number (INE; RNIE before BEA), the number within the school (UAI-ELENOET), the id within one SIECLE
export, and for files that hold names only the family or usage name with the first name and the class (and the birth date
where both have one), compared without accents, case, blanks and hyphens. A pupil who changed class stands in another one than
in the list: there a name counts that the whole school has once, and the report says so. Two candidates, or none, is reported
with its line. A school gives its numbers again: two national numbers are one pupil's only where one file carries both, or one
year of a school writes them under one number, name and birth date. Pseudonyms are made at once; names stay in memory until the
last file is read, and go nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from decrochage_risk import french
from decrochage_risk.importers.cells import fold, fold_name
from decrochage_risk.importers.delimited import is_total
from decrochage_risk.importers.extract import ColumnLists, Notice
from decrochage_risk.importers.roster import is_uai, normal_ine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from decrochage_risk.importers.extract import Extract, Person
    from decrochage_risk.records.pseudonyms import Pseudonymiser

__all__ = ["Register", "class_key", "local_key", "notices_of"]

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


class _Answer(NamedTuple):
    """Identity of a name, or the reason why there is none; the identities that it may be of; whether in another class."""

    identity: str | None
    reason: str | None = None
    candidates: frozenset[str] = frozenset()
    elsewhere: bool = False


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
    elsewhere : list of int
        Persons who stand in another class than in the list, found by a name that the school has once.
    doubtful : frozenset of str
        Pseudonyms of the pupils one of whom a row with an ambiguous name is about: nobody knows which.
    """

    pupil_ids: list[str | None] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    local: list[int] = field(default_factory=list)
    shared_numbers: list[int] = field(default_factory=list)
    elsewhere: list[int] = field(default_factory=list)
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
        self._same: dict[str, str] = {}  # other number -> identity
        # Local key -> who has it with a national number, and in which year; then the pupils of the lists by year.
        self._holders: dict[str, list[tuple[int, str, Person]]] = {}
        self._owners: dict[str, dict[int, set[str]]] = {}
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
            if other is not None:
                self._join(other, ine)
            local = local_key(row.uai or extract.uai, row.elenoet)
            if local is not None:
                year = extract.school_year or _NO_YEAR
                holders = self._holders.setdefault(local, [])
                for of, number, holder in holders:
                    # A provisional number that was replaced within the year; the year after, it may be somebody else's.
                    if of == year and _may_be_one(holder, row):
                        self._join(number, ine)
                holders.append((year, ine, row))

    def _join(self, number: str, ine: str) -> None:
        if self._root(number) != self._root(ine):
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
            identity, reason = self._identity(row, extract, twice, doubtful)
            if identity is None and reason is None:
                identity, reason, candidates, elsewhere = self._by_name(row, extract)
                doubtful |= candidates
                answer.elsewhere += [person] if elsewhere else []
            if identity is None:
                answer.reasons[person] = reason or "no_identity"
                continue
            ids[person] = identity
            if self._pupils[identity].local:
                answer.local.append(person)
                if normal_ine(row.ine) is not None:
                    answer.shared_numbers.append(person)
            if extract.is_roster:
                self._add_names(row, extract, identity, extract.other_classes.get(person, ()))
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
        self, row: Person, extract: Extract, twice: frozenset[str], doubtful: set[str]
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
                self._learn_in_school(row, uai, identity, extract)
                return identity, None
        if local is not None and extract.is_roster:
            # A number that stands for two persons is no number: the school's own one tells them apart.
            identity = local if refusal is not None else self._holder_of(local, row, extract) or local
            if self._clash(identity, birth):
                return None, refusal or "ine_two_birth_dates"
            self._learn(identity, birth, local=identity == local)
            self._learn_in_school(row, uai, identity, extract)
            return identity, None
        owners = set() if local is None else self._owners_of(local, uai, extract.school_year)
        if owners or refusal is not None:
            return self._owner(owners, row, extract, doubtful, refusal)
        if extract.is_roster or uai is None or row.eleve_id is None:
            return None, None
        return self._eleve_ids.get((uai, row.eleve_id)), None

    def _holder_of(self, local: str, row: Person, extract: Extract) -> str | None:
        """Give the pupil with a national number whom a row of a list without one is of; None when that may be several, or none."""
        near = [
            (year, self._root(ine))
            for year, ine, holder in self._holders.get(local, ())
            if _may_be_one(holder, row)
        ]
        now = {identity for year, identity in near if year == (extract.school_year or _NO_YEAR)}
        holders = now or {identity for _, identity in near}
        return holders.pop() if len(holders) == 1 else None

    def _owners_of(self, local: str, uai: str | None, year: int | None) -> set[str]:
        """Give the pupils of the lists who have a number of a school in a year; in any year without a list of its own."""
        by_year = self._owners.get(local, {})
        if year is not None and year in self._spans.get(uai or "", ()):
            return by_year.get(year, set()) | by_year.get(_NO_YEAR, set())
        return set().union(*by_year.values())

    def _owner(
        self, owners: set[str], row: Person, extract: Extract, doubtful: set[str], refusal: str | None
    ) -> tuple[str | None, str | None]:
        """Give the one of the owners of a number of a school whom a row is of; its name tells two of them apart."""
        near = {identity for identity in owners if not self._clash(identity, row.birth_date)}
        if len(near) > 1:
            namesake = self._by_name(row, extract).identity
            if namesake not in near:
                doubtful |= near
                return None, refusal or "number_of_two"
            near = {namesake}
        if not near:
            return None, refusal or "ine_two_birth_dates"
        (identity,) = near
        pupil = self._pupils[identity]
        pupil.birth_date = pupil.birth_date or row.birth_date
        return identity, None

    def _clash(self, identity: str, birth: date | None) -> bool:
        pupil = self._pupils.get(identity)
        return pupil is not None and None not in (pupil.birth_date, birth) and pupil.birth_date != birth

    def _learn(self, identity: str, birth: date | None, *, local: bool) -> None:
        pupil = self._pupils.get(identity)
        if pupil is None:
            pupil = self._pupils[identity] = _Pupil(local=local)
        pupil.birth_date = pupil.birth_date or birth

    def _learn_in_school(self, row: Person, uai: str | None, identity: str, extract: Extract) -> None:
        if not extract.is_roster:
            return
        local = local_key(uai, row.elenoet)
        if local is not None:
            by_year = self._owners.setdefault(local, {})
            by_year.setdefault(extract.school_year or _NO_YEAR, set()).add(identity)
        eleve_id = row.eleve_id
        if eleve_id is not None and uai is not None:
            owner = self._eleve_ids.setdefault((uai, eleve_id), identity)
            if owner != identity:
                self._eleve_ids[uai, eleve_id] = None  # of two pupils, in two files: it names nobody

    # By name

    def _add_names(
        self, row: Person, extract: Extract, identity: str, other_classes: tuple[str, ...]
    ) -> None:
        uai, year = row.uai or extract.uai, extract.school_year or _NO_YEAR
        birth = self._pupils[identity].birth_date
        self._answers.clear()
        if uai is not None:
            span = f"{uai}|{year}"
            self._spans.setdefault(uai, set()).add(year)
            classes = {fold_name(name) for name in (row.class_name, *other_classes) if name is not None}
            self._classes.setdefault(span, set()).update(classes)
            self._like_totals |= _names_like_totals(row)
            whole, short = _names_of(row)
            # "*" is the whole school, for files that give a birth date in place of a class, or another class.
            for place in {*(f"{span}|{name}" for name in classes), f"{span}|*"}:
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

    def _by_name(self, row: Person, extract: Extract) -> _Answer:
        key = (row, extract.uai, extract.school_year)
        if extract.is_roster:
            return _Answer(None, "no_identity")
        if key not in self._answers:
            self._answers[key] = self._look_up(row, extract)
        return self._answers[key]

    def _look_up(self, row: Person, extract: Extract) -> _Answer:
        """Give the pupil of a name, or the reason why there is none and those whom the name may be of."""
        whole, short = _names_of(row)
        class_name, birth = row.class_name, row.birth_date
        if not whole or (class_name is None and birth is None):
            return _Answer(None, "no_identity")
        spans = self._spans_of(row.uai or extract.uai, extract.school_year)
        if not spans:
            return _Answer(None, "no_roster")
        places = [place for span in spans if (place := self._place(span, class_name, birth)) is not None]
        if not places:
            # Whom the row may be of, if the class is one that is no more: he has a class of the list now.
            return _Answer(None, "class_unknown", self._in_school(spans, whole, short, birth))
        answer = self._in_class(places, whole, short, birth)
        if answer is not None:
            return answer
        of_class = [span for span in spans if class_name and self._class_of(span, class_name) is not None]
        candidates = self._in_school(of_class, whole, short, birth)
        if len(candidates) == 1:
            return _Answer(next(iter(candidates)), elsewhere=True)
        return _Answer(None, "other_class" if candidates else "name_unmatched", candidates)

    def _in_class(
        self, places: list[str], whole: set[str], short: set[str], birth: date | None
    ) -> _Answer | None:
        """Give the pupil of a name in its class, or that several have it; None when nobody has."""
        # All first names on both sides; else the file, or the list, holds the first of them alone.
        candidates = _born(self._at(places, self._names, whole), birth) or _born(
            self._at(places, self._first_names, whole) | self._at(places, self._names, short), birth
        )
        if len(candidates) == 1:
            return _Answer(next(iter(candidates)))
        return _Answer(None, "name_ambiguous", candidates) if candidates else None

    def _in_school(
        self, spans: list[str], whole: set[str], short: set[str], birth: date | None
    ) -> frozenset[str]:
        """Give all of a school whose name a row may hold, in whatever class, with all first names or the first of them."""
        places = [f"{span}|*" for span in spans]
        return _born(
            self._at(places, self._names, whole | short) | self._at(places, self._first_names, whole), birth
        )

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


def notices_of(extract: Extract, answer: Resolved) -> list[Notice]:
    """Say which pupils of a list have no national number of their own, and which rows were joined by a name alone."""
    notices = []
    if extract.is_roster and answer.shared_numbers:
        notices.append(
            Notice(
                "ine_of_two_pupils",
                "Un même INE y est donné à deux dates de naissance : ces lignes ne sont pas fondues en un élève, le numéro de "
                "l’établissement en tient lieu. Corrigez l’INE dans SIECLE.",
                _lines_of(extract, answer.shared_numbers, ("pupils",)),
            )
        )
    if extract.is_roster and answer.local:
        notices.append(
            Notice(
                "local_number",
                f"{french.plural(len(answer.local), 'élève')} sans INE utilisable : le numéro de l’établissement en tient lieu, sans "
                "historique d’un établissement à l’autre.",
            )
        )
    if answer.elsewhere:
        pupils = {answer.pupil_ids[person] for person in answer.elsewhere}
        notices.append(
            Notice(
                "other_class",
                "Autre classe que dans la liste des élèves, et nom que l’établissement n’a qu’une fois : les lignes sont prises pour "
                f"celles de cet élève ({french.plural(len(pupils), 'élève')}, changement de classe ?). Vérifiez-les, ou mettez la "
                "liste des élèves à jour.",
                _lines_of(extract, answer.elsewhere, extract.tables),
            )
        )
    return notices


def _lines_of(extract: Extract, persons: Iterable[int], tables: Iterable[str]) -> tuple[int, ...]:
    """Give the lines of the rows of some persons, each once."""
    wanted = set(persons)
    lines: set[int] = set()
    for name in tables:
        table = extract.tables[name]
        rows: Any = table.columns if isinstance(table, ColumnLists) else table
        lines |= {
            int(line)
            for person, line in zip(rows["person"], rows["line"], strict=True)
            if int(person) in wanted
        }
    return tuple(sorted(lines))


def _born(candidates: dict[str, date | None], birth: date | None) -> frozenset[str]:
    """Give the candidates who may be born on a day, where it is known."""
    return frozenset(
        identity for identity, born in candidates.items() if birth is None or born is None or born == birth
    )


def _may_be_one(person: Person, other: Person) -> bool:
    """Tell whether two rows under one number of a school may be one pupil's: no two birth dates, and a name in common."""
    if None not in (person.birth_date, other.birth_date) and person.birth_date != other.birth_date:
        return False
    (whole, short), (other_whole, other_short) = _names_of(person), _names_of(other)
    if not whole or not other_whole:
        return True
    return not whole.isdisjoint(other_whole | other_short) or not short.isdisjoint(other_whole | other_short)


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
