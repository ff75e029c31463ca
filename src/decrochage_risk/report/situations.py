"""Who is on a list, by which way, with which first fact: class by class, never in the order of the risk.

Every page of a school is made of these situations, so that two pages cannot disagree on who is listed. The list of
the risk is withheld where the card of the model says not to issue it; the two other ways need no model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.explain.sentences import NO_REASON, fact_of
from decrochage_risk.features import MONTH_FACT
from decrochage_risk.score.ways import WAY_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from decrochage_risk.score import PupilRisk
    from decrochage_risk.score.scored_pupils import ScoredPupils

__all__ = [
    "NO_CLASS",
    "NO_SCHOOL",
    "School",
    "SchoolClass",
    "Situation",
    "Way",
    "first_fact",
    "schools_of",
    "way_onto_list",
]

NO_CLASS = "sans classe connue"
NO_SCHOOL = "sans établissement connu"
NO_POINTS = f"{NO_REASON} : nombreux petits écarts, à regarder avec l'élève"
_BRACKETS = re.compile(r" \([^()]*\)")
_LAST_DAY = re.compile(r",? jusqu'au \d{1,2}(?:er)? \w+(?: \d{4})?$")


class Way(StrEnum):
    """One of the three ways onto a list; they are never mixed into one score."""

    RISK = "risk"
    LEGAL = "legal"
    DEPARTURE = "departure"

    @property
    def label(self) -> str:
        """What a school reads."""
        return {"risk": "Risque estimé", "legal": "Signal légal", "departure": "Départ"}[self.value]


def way_onto_list(pupil: PupilRisk) -> tuple[Way, ...]:
    """Say by which ways a pupil comes onto a list, as the result says; empty: none.

    Parameters
    ----------
    pupil : PupilRisk
        The result.
    """
    return tuple(Way(way) for way in pupil.ways)


def first_fact(pupil: PupilRisk, ways: tuple[Way, ...], left_on: date | None) -> str:
    """Tell in about ten words what brought a pupil onto a list: a dated fact, whole in its sense.

    Brackets, the day on which a past year ended and what the reference pupil had are left to the pupil's own page.
    """
    if Way.DEPARTURE in ways and left_on is not None:
        return f"plus d'inscription connue depuis le {french.day(left_on, with_year=True)}"
    if Way.RISK in ways and pupil.reasons:
        return _LAST_DAY.sub("", _BRACKETS.sub("", fact_of(pupil.reasons[0].text)))
    opening = [fact.text for one in pupil.measures for fact in one.facts if fact.feature == MONTH_FACT]
    if Way.LEGAL in ways and opening and opening[0]:
        return opening[0]
    if Way.LEGAL in ways and pupil.legal is not None:
        return pupil.legal.text.partition(" ; ")[0]
    return NO_POINTS if Way.RISK in ways else ""


@dataclass(frozen=True, slots=True)
class Situation:
    """A pupil on a list.

    Attributes
    ----------
    pupil : PupilRisk
        The result; every number of a page is one of it.
    row : int
        Position of the pupil in the run.
    school_id, class_id, network_id : str or None
        Of the last known enrolment.
    name : str
        The id, or the name of the school's own link table.
    ways : tuple of Way
    fact : str
        The first fact, in about ten words.
    age : int or None
        Completed years.
    left_on : date or None
        First day without an enrolment, of a departure.
    """

    pupil: PupilRisk
    row: int
    school_id: str | None
    class_id: str | None
    network_id: str | None
    name: str
    ways: tuple[Way, ...]
    fact: str
    age: int | None
    left_on: date | None

    @property
    def order(self) -> tuple[list[str], str, str]:
        """Sort key: the ways in their order, then the name; never the risk."""
        ways = list(Way)
        return [str(ways.index(way)) for way in self.ways], self.name.casefold(), self.pupil.pupil_id


@dataclass(slots=True)
class SchoolClass:
    """A class: its situations, and everybody else.

    Attributes
    ----------
    name : str
    pupils : int
        Enrolled that day.
    situations : list of Situation
    others : list of str
        Names of the enrolled pupils with an estimate, without a situation, and whose data are not to be completed.
    without_estimate : list of str
        Names of the enrolled pupils without a situation of whom nothing was estimated.
    to_correct : list of str
        Names of those whose enrolment of this year was set aside as faulty: they count as neither here nor gone.
    to_complete : list of (str, str)
        Names of the pupils whose data are to be completed before anything else, and what is not known of each.
    unscored : int
        Enrolled pupils without an estimate.
    """

    name: str
    pupils: int = 0
    situations: list[Situation] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    without_estimate: list[str] = field(default_factory=list)
    to_correct: list[str] = field(default_factory=list)
    to_complete: list[tuple[str, str]] = field(default_factory=list)
    unscored: int = 0

    def by_way(self, way: Way) -> int:
        """Count the situations that came by a way; a pupil may count by two."""
        return sum(way in one.ways for one in self.situations)


@dataclass(frozen=True, slots=True)
class School:
    """A school: its classes in their order.

    Attributes
    ----------
    school_id : str
    network_id : str or None
    classes : tuple of SchoolClass
    """

    school_id: str
    network_id: str | None
    classes: tuple[SchoolClass, ...]

    @property
    def situations(self) -> list[Situation]:
        """Everybody on a list."""
        return [one for each in self.classes for one in each.situations]

    @property
    def pupils(self) -> int:
        """Enrolled pupils."""
        return sum(each.pupils for each in self.classes)


@dataclass(frozen=True)
class _Places:
    """Where each pupil of a run is enrolled, or was last."""

    scores: ScoredPupils
    withheld: bool

    @cached_property
    def left_on(self) -> list[date | None]:
        """First day without enrolment of those whose departure is to be verified."""
        frame = self.scores.frame
        days = frame["last_enrolled_on"].dt.date.where(frame["departure_listed"], None)
        return [day + timedelta(days=1) if isinstance(day, date) else None for day in days.tolist()]

    @cached_property
    def cells(self) -> dict[str, list[object]]:
        """Columns of the frame that say where a pupil is, None for what is missing."""
        frame = self.scores.frame
        names = (
            "pupil_id",
            "school_id",
            "class_id",
            "network_id",
            "age_years",
            "enrolled",
            "cause",
            "to_complete",
            *WAY_COLUMNS.values(),
        )
        return {name: frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in names}

    @cached_property
    def to_correct(self) -> list[bool]:
        """Who is enrolled nowhere by the rows that were kept, while one of this year's enrolments was set aside."""
        frame, lost = self.scores.frame, self.scores.known.set_aside.get("enrolments")
        if lost is None:
            return [False] * len(frame)
        flags: list[bool] = (~frame["enrolled"] & ~frame["departure_listed"] & (lost > 0)).tolist()
        return flags

    def text(self, name: str, row: int) -> str | None:
        """Give a text cell."""
        value = self.cells[name][row]
        return value if isinstance(value, str) else None

    def age(self, row: int) -> int | None:
        """Completed years."""
        value = self.cells["age_years"][row]
        return int(value) if isinstance(value, float) else None


def schools_of(
    scores: ScoredPupils, names: Mapping[str, str] | None = None, *, despite_verdict: bool = False
) -> Iterator[School]:
    """Give every school of a run, in the order of its number, with the situations of each class.

    Parameters
    ----------
    scores : ScoredPupils
        The run.
    names : mapping of str to str, optional
        The school's own names by id: shown in its pages, kept nowhere.
    despite_verdict : bool
        Whether the estimated risk puts a pupil on a list though the card of the model says not to issue one.
    """
    name_of, places = names or {}, _Places(scores, withheld=scores.run.is_blocked and not despite_verdict)
    schools = scores.frame["school_id"].astype(object).where(scores.frame["school_id"].notna(), NO_SCHOOL)
    for school_id, positions in schools.groupby(schools, sort=True).indices.items():
        rows = [int(row) for row in positions]
        classes: dict[str, SchoolClass] = {}
        networks = [places.text("network_id", row) for row in rows]
        for row in rows:
            _put(scores, places, row, name_of, classes)
        for each in classes.values():
            each.situations.sort(key=lambda one: one.order)
            for names_of_class in (each.others, each.without_estimate, each.to_correct):
                names_of_class.sort(key=str.casefold)
            each.to_complete.sort(key=lambda one: (one[0].casefold(), one[0]))
        class_list = sorted(classes.values(), key=lambda each: (each.name == NO_CLASS, _natural(each.name)))
        yield School(str(school_id), next((one for one in networks if one), None), tuple(class_list))


def _put(
    scores: ScoredPupils,
    places: _Places,
    row: int,
    name_of: Mapping[str, str],
    classes: dict[str, SchoolClass],
) -> None:
    left_on, is_enrolled = places.left_on[row], bool(places.cells["enrolled"][row])
    pupil_id = str(places.cells["pupil_id"][row])
    is_to_correct = places.to_correct[row]
    if not is_enrolled and not is_to_correct and not places.cells["departure_listed"][row]:
        return  # the end of a cycle, or of an earlier year: a graduate, or one who moved away
    class_name = places.text("class_id", row) or NO_CLASS
    of_class = classes.setdefault(class_name, SchoolClass(class_name))
    if is_to_correct:
        of_class.to_correct.append(name_of.get(pupil_id, pupil_id))
        return
    of_class.pupils += is_enrolled
    of_class.unscored += is_enrolled and places.cells["cause"][row] is not None
    ways = tuple(
        way
        for way in Way
        if places.cells[WAY_COLUMNS[way.value]][row] and not (way is Way.RISK and places.withheld)
    )
    name = name_of.get(pupil_id, pupil_id)
    # What the model alone says is withheld with its list.
    is_to_complete = bool(places.cells["to_complete"][row]) and not places.withheld
    if is_to_complete:
        of_class.to_complete.append((name, french.join(list(scores[pupil_id].to_complete))))
    if not ways:
        if not is_to_complete:
            has_estimate = places.cells["cause"][row] is None
            (of_class.others if has_estimate else of_class.without_estimate).append(name)
        return
    pupil = scores[pupil_id]
    of_class.situations.append(
        Situation(
            pupil=pupil,
            row=row,
            school_id=places.text("school_id", row),
            class_id=places.text("class_id", row),
            network_id=places.text("network_id", row),
            name=name,
            ways=ways,
            fact=first_fact(pupil, ways, left_on),
            age=places.age(row),
            left_on=left_on,
        )
    )


def _natural(text: str) -> list[tuple[int, str | int]]:
    """Order "3e-2" before "3e-10"."""
    return [(0, int(part)) if part.isdigit() else (1, part.casefold()) for part in re.split(r"(\d+)", text)]
