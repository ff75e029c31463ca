"""Where the features come from: publications and texts, named once, in the words that the page of features shows."""

from __future__ import annotations

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
]

ABC = "Balfanz, Herzog et Mac Iver 2007"
"""Preventing student disengagement and keeping students on the graduation path in urban middle-grades schools,
Educational Psychologist 42(4): attendance, behaviour and course failure, early."""

ALLENSWORTH_EASTON = "Allensworth et Easton 2007"
"""What matters for staying on-track and graduating in Chicago public high schools, CCSR: days missed, marks, terms."""

BOWERS = "Bowers, Sprott et Taff 2013"
"""Do we know who will drop out? A review of the predictors of dropping out of high school, The High School Journal
96(2): 110 flags compared; trajectories beat levels."""

BOWERS_GRADES = "Bowers 2010"
"""Grades and graduation: a longitudinal risk perspective to identify student dropouts, The Journal of Educational
Research 103(3)."""

CEREQ = "Céreq Bref 380, 2019"
"""What lycées professionnels watch: absences, discipline, changes of track during the year."""

GPDS = "signes suivis par les GPDS"
"""Signs that the groups for the prevention of dropout look at: absence, even scattered, falling results, refused
wishes, lateness, exclusions, changes of school, any loss of link."""

JANOSZ = "Janosz et al. 2000"
"""Predicting different types of school dropouts, Journal of Educational Psychology 92(1): the quiet ones."""

JIMERSON = "Jimerson, Anderson et Whipple 2002"
"""Winning the battle and losing the war: the relation between grade retention and dropping out, Psychology in the
Schools 39(4)."""

LEGAL_THRESHOLD = "code de l'éducation, L131-8 et R131-7"
"""Four half-days in a month without a legitimate motive or a valid excuse."""

LETTER = "lettre de la région académique Grand Est, 2024"
"""Vigilance from the 4e on."""

NOLTEMEYER = "Noltemeyer, Ward et Mcloughlin 2015"
"""Relationship between school suspension and student outcomes: a meta-analysis, School Psychology Review 44(2)."""

RECORDS = "étendue des données"
"""How much is known of a pupil: no sign of anything, needed to read the other values."""

RUMBERGER_LARSON = "Rumberger et Larson 1998"
"""Student mobility and the increased risk of high school dropout, American Journal of Education 107(1)."""
