"""Where the features come from: publications, texts and words of the field, named once and listed on the page of features."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ABC",
    "ALLENSWORTH_EASTON",
    "BOWERS",
    "BOWERS_GRADES",
    "CEREQ",
    "GPDS",
    "JANOSZ",
    "JIMERSON",
    "LEGAL_THRESHOLD",
    "LETTER",
    "NOLTEMEYER",
    "RECORDS",
    "RUMBERGER_LARSON",
    "SOURCES",
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
