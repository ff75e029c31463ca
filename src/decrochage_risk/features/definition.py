"""What a feature is: one entry that holds its value, its contract and its words; its sources and its family of reasons.

Sources are publications, texts and words of the field, named once and listed on the page of features. Families are told
one reason each, equal ones in the order of ``FAMILIES``. The last one is never told: what it holds says how much is known of a pupil, is not fit to be said (an absence that is
justified is nobody's fault; the absence file of an earlier year is closed with that year, code de l'éducation R131-6, and
nobody can act on it), or has no declared direction (scattered marks would be a point of attention for one pupil and of
support for the next). What it adds to a risk is part of "autres éléments".

How much a pupil is absent is one family, whether it is counted in all half-days or in those without a reason: the two
counts move together, and a model that learnt from other pupils shares the same risk otherwise between them. As families
of their own they took each other's place among the first reasons (`benchmarks/reasons.py`, Jaccard@3 across refits).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.features.windows import Window  # noqa: TC001 - a dataclass field, shown by documentation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from decrochage_risk.features.event_windows import Facts
    from decrochage_risk.features.wording import Wording


__all__ = [
    "ABC",
    "ABSENCE_LEVEL",
    "ABSENCE_PATTERN",
    "AGAINST_CLASS",
    "ALLENSWORTH_EASTON",
    "ASSESSMENT_RHYTHM",
    "BOWERS",
    "BOWERS_GRADES",
    "CEREQ",
    "FAMILIES",
    "GPDS",
    "JANOSZ",
    "JIMERSON",
    "LATENESS_EXCLUSIONS",
    "LEAST_BASE",
    "LEGAL_THRESHOLD",
    "LETTER",
    "MARKS_CHANGE",
    "MARKS_LEVEL",
    "MISSED_WORK",
    "NOLTEMEYER",
    "NOT_TOLD",
    "ORIENTATION",
    "PATH",
    "RECORDS",
    "RUMBERGER_LARSON",
    "SINCE_4E",
    "SOURCES",
    "Family",
    "Feature",
]

ABC = "Balfanz, Herzog et Mac Iver 2007"
ALLENSWORTH_EASTON = "Allensworth et Easton 2007"
BOWERS = "Bowers, Sprott et Taff 2013"
BOWERS_GRADES = "Bowers 2010"
CEREQ = "Céreq Bref 380, 2019"
GPDS = "signes suivis par les GPDS"
JANOSZ = "Janosz et al. 2000"
JIMERSON = "Jimerson, Anderson et Whipple 2002"
LEGAL_THRESHOLD = "code de l'éducation, L131-8 et R131-7"
LETTER = "lettre de la région académique Grand Est, 2024"
NOLTEMEYER = "Noltemeyer, Ward et Mcloughlin 2015"
RECORDS = "étendue des données"
RUMBERGER_LARSON = "Rumberger et Larson 1998"

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        ABC: (
            "Preventing student disengagement and keeping students on the graduation path in urban "
            "middle-grades schools, Educational Psychologist 42(4) : assiduité, comportement et résultats, "
            "dès le collège"
        ),
        ALLENSWORTH_EASTON: (
            "What matters for staying on-track and graduating in Chicago public high schools, CCSR : jours "
            "manqués et résultats de la première année de lycée"
        ),
        BOWERS: (
            "Do we know who will drop out? A review of the predictors of dropping out of high school, The "
            "High School Journal 96(2) : 110 signaux comparés, les trajectoires sont les meilleurs"
        ),
        BOWERS_GRADES: (
            "Grades and graduation: a longitudinal risk perspective to identify student dropouts, The "
            "Journal of Educational Research 103(3) : notes suivies dans le temps"
        ),
        CEREQ: (
            "ce que suivent les lycées professionnels : absences, discipline, réorientations en cours d’année"
        ),
        GPDS: (
            "absences, même dispersées, baisse des résultats, vœu refusé, retards, exclusions, changement "
            "d’établissement, toute perte de lien"
        ),
        JANOSZ: (
            "Predicting different types of school dropouts, Journal of Educational Psychology 92(1) : "
            "beaucoup de sorties sont discrètes, sans absences ni sanctions"
        ),
        JIMERSON: (
            "Winning the battle and losing the war: examining the relation between grade retention and "
            "dropping out of high school, Psychology in the Schools 39(4) : redoublement"
        ),
        LEGAL_THRESHOLD: ("quatre demi-journées dans le mois sans motif légitime ni excuse valable"),
        LETTER: ("vigilance dès la 4e, lycée professionnel d’abord"),
        NOLTEMEYER: (
            "Relationship between school suspension and student outcomes: a meta-analysis, School Psychology "
            "Review 44(2) : exclusions temporaires"
        ),
        RECORDS: ("ce que l’on sait de l’élève : le signe de rien, mais les autres valeurs se lisent avec"),
        RUMBERGER_LARSON: (
            "Student mobility and the increased risk of high school dropout, American Journal of Education "
            "107(1) : changements d’établissement"
        ),
    }
)
"""The full reference of each source, and what it is taken for."""


@dataclass(frozen=True)
class Family:
    """A family of reasons: contributions are summed per family, one reason each.

    Attributes
    ----------
    code : str
        Stable identifier, in English.
    label : str
        What a school reads.
    told : bool
        Whether it may be a reason. What it adds to a risk is otherwise part of "autres éléments".
    """

    code: str
    label: str
    told: bool = True


_BRACKETS = re.compile(r" \([^()]*\)")

LEAST_BASE = 3
"""Weeks or marks that a share of 0 rests on at least, to be told to a pupil's credit. A choice of ours: "no absence in the
weeks of presence" means something of three weeks, and nothing of the two days between a placement and today."""


@dataclass(frozen=True)
class Feature:
    """One feature: value, contract and words in a single entry.

    Attributes
    ----------
    name : str
        Column name; never changes its meaning.
    family : Family
        Reason family.
    table : str
        The table that it reads; a table that is not known gives NaN for everybody.
    window : Window
        Days that it looks at; a pupil with an enrolled day of it outside ``coverage`` gets NaN.
    unit : str
        Key of ``french.UNITS``.
    direction : int
        +1 more means more risk, -1 less, 0 not constrained.
    definition : str
        Exact definition, in French, readable by a CPE.
    compute : callable
        From :class:`~decrochage_risk.features.event_windows.Facts` to one float64 value per pupil.
    wording : Wording
        The sentence of a reason; outside the contract.
    source : str
        Where it comes from, in French: a publication, a text, the words of the field; outside the contract.
    revision : int
        Raised when the same name starts to mean something else; makes old artefacts refuse to load.
    latest : Window, optional
        The last weeks that the value rests on, inside a longer window: values of two days can be compared where these
        weeks, too, hold as much school. Outside the contract.
    needs_attendance : bool
        A count whose 0 would be told to the credit of a pupil who could attend no day of the window: it is then never a
        reason. Outside the contract.
    of_records : bool
        It says how much is known, or how far the year has gone, and nothing of what pupils do: it is never a drift of
        pupils. Outside the contract.
    """

    name: str
    family: Family
    table: str
    window: Window
    unit: str
    direction: int
    definition: str
    compute: Callable[[Facts], npt.NDArray[np.float64]]
    wording: Wording
    source: str
    revision: int = 1
    latest: Window | None = None
    needs_attendance: bool = False
    of_records: bool = False

    @property
    def title(self) -> str:
        """Name in French, for a plot or a table: the first sentence of the definition, without what stands in brackets."""
        return _BRACKETS.sub("", self.definition).partition(". ")[0].rstrip(".")

    def values(self, facts: Facts) -> npt.NDArray[np.float64]:
        """One value per pupil, NaN where not known.

        Parameters
        ----------
        facts : Facts
            The engine over known records.

        Returns
        -------
        array of float64, shape (pupils,)
        """
        if not facts.has(self.table):
            return np.full(facts.pupils, np.nan)
        values = np.asarray(self.compute(facts), dtype=np.float64)
        if self.table not in facts.known.coverage:
            return values
        # After the computing: what a table lacks for some pupils makes only their values unknown.
        unknown = facts.not_covered(self.table, *self.window.span(facts.known))
        return np.where(unknown, np.nan, values) if unknown.any() else values

    def is_silent(self, facts: Facts) -> npt.NDArray[np.bool_]:
        """Pupils of whom a 0 says nothing: no day of the window could be attended, or a share rests on next to nothing.

        Parameters
        ----------
        facts : Facts
            The engine over known records.

        Returns
        -------
        array of bool, shape (pupils,)
        """
        is_silent = np.zeros(facts.pupils, dtype=np.bool_)
        if self.needs_attendance:
            # A count of 0 over weeks on placement is no good conduct: it must not be told to anyone's credit.
            is_silent |= facts.attendable_days(*self.window.span(facts.known)) <= 0
        if self.has_base:
            # Written so that a base that is not known is silent too.
            is_silent |= ~(self._base(facts) >= LEAST_BASE)
        return is_silent

    @property
    def has_base(self) -> bool:
        """Whether the value is a share of something counted, of weeks or marks, that its wording names."""
        return self.unit == "share" and self.wording.whole is not None

    def _base(self, facts: Facts) -> npt.NDArray[np.float64]:
        return np.zeros(facts.pupils) if self.wording.whole is None else self.wording.whole(facts)

    @property
    def contract(self) -> dict[str, Any]:
        """What a trained model relies on; written into its artefact and compared at load."""
        # Not the words, nor the family or source: a better sentence must not refuse a trained model.
        return {
            "name": self.name,
            "unit": self.unit,
            "window": self.window.name,
            "direction": self.direction,
            "revision": self.revision,
        }


ABSENCE_LEVEL = Family("absence_level", "Volume des absences")
ABSENCE_PATTERN = Family("absence_pattern", "Rythme des absences")
LATENESS_EXCLUSIONS = Family("lateness_exclusions", "Retards et exclusions")
MARKS_LEVEL = Family("marks_level", "Niveau des notes")
MARKS_CHANGE = Family("marks_change", "Évolution des notes")
MISSED_WORK = Family("missed_work", "Évaluations non faites")
ASSESSMENT_RHYTHM = Family("assessment_rhythm", "Rythme des évaluations")
AGAINST_CLASS = Family("against_class", "Écart avec la classe")
ORIENTATION = Family("orientation", "Orientation")
PATH = Family("path", "Parcours scolaire")
SINCE_4E = Family("path_since_4e", "Années précédentes")
NOT_TOLD = Family("not_told", "Éléments jamais donnés comme motif", told=False)

FAMILIES = (
    ABSENCE_LEVEL,
    ABSENCE_PATTERN,
    LATENESS_EXCLUSIONS,
    MARKS_LEVEL,
    MARKS_CHANGE,
    MISSED_WORK,
    ASSESSMENT_RHYTHM,
    AGAINST_CLASS,
    ORIENTATION,
    PATH,
    SINCE_4E,
    NOT_TOLD,
)
