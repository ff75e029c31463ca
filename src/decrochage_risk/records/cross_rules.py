"""The rules that hold between rows and between tables, each with what to do when it is broken."""

from __future__ import annotations

from decrochage_risk.records.faults import Rule

__all__ = [
    "BEYOND_THE_DAY",
    "CROSS_RULES",
    "DUPLICATE_CONTEXT",
    "DUPLICATE_OUTCOME",
    "DUPLICATE_PUPIL",
    "IDENTICAL_ROWS",
    "MISSING_TABLE",
    "NO_JUSTIFIED_ON",
    "NO_SCHOOL_DAY",
    "OUTSIDE_CALENDAR",
    "OUTSIDE_ENROLMENT",
    "OUTSIDE_SCHOOL_YEAR",
    "OVERLAPPING_ENROLMENTS",
    "TOO_MANY_HALF_DAYS",
    "UNKNOWN_PUPIL",
    "UNKNOWN_SCHOOL",
    "UNKNOWN_TABLE",
    "UNLIKELY_AGE",
]

MISSING_TABLE = Rule(
    "missing_table",
    "error",
    "the tables pupils and enrolments, always",
    "Extract this table too: without it nobody can be placed in a school and a level.",
    "Une table obligatoire (pupils, enrolments) manque.",
    "L’extraire aussi : sans elle, aucun élève n’a d’établissement ni de niveau.",
)
UNKNOWN_TABLE = Rule(
    "unknown_table",
    "error",
    "only tables named {tables}",
    "Rename the table{close}, or leave it out.",
    "La table porte un nom inconnu.",
    "La renommer, ou ne pas la transmettre.",
)
NO_JUSTIFIED_ON = Rule(
    "no_justified_on",
    "warning",
    "a column 'justified_on', the day on which the motive was given",
    "Extract the day of the justification: without it an absence justified weeks later looks justified from its "
    "first day, so training looks more justified than what is known when pupils are scored.",
    "La colonne « justified_on » manque : une absence justifiée après coup paraît justifiée dès le premier jour, "
    "donc l’entraînement voit plus de justifications que le calcul du risque en cours d’année.",
    "Extraire la date de justification.",
)
DUPLICATE_PUPIL = Rule(
    "duplicate_pupil",
    "error",
    "one row per pupil",
    "{how}; of each pupil the first row in the order of all columns is kept when faults are set aside.",
    "Un élève a plusieurs lignes dans « pupils ».",
    "N’en garder qu’une. En quarantaine, la première dans l’ordre de toutes les colonnes est gardée.",
)
UNKNOWN_PUPIL = Rule(
    "unknown_pupil",
    "error",
    "a pupil_id of the table pupils",
    "Add the pupils to the table pupils, or check that both tables were made with the same ids (leading zeros, "
    "case, the same pseudonymisation key).",
    "La ligne parle d’un élève absent de « pupils ».",
    "Ajouter l’élève, ou vérifier que les deux tables ont les mêmes identifiants (zéros de tête, casse, même clé "
    "de pseudonymisation).",
)
OVERLAPPING_ENROLMENTS = Rule(
    "overlapping_enrolments",
    "error",
    "no day on which a pupil has two enrolments open",
    "End the earlier enrolment the day before the later one starts; one without end_date is open until 31 August "
    "of its school year. The later row is reported.",
    "Deux scolarités de l’élève sont ouvertes le même jour (la plus récente est signalée).",
    "Finir la première la veille du début de la seconde ; sans date de fin, elle court jusqu’au 31 août.",
)
OUTSIDE_SCHOOL_YEAR = Rule(
    "outside_school_year",
    "warning",
    "a start_date between 1 September of school_year and the 31 August after it",
    "Check school_year (2024 means 2024-25) and start_date; the row is kept.",
    "La scolarité ne commence pas dans son année scolaire ; elle est gardée.",
    "Vérifier l’année scolaire (2024 pour 2024-2025) et la date de début.",
)
UNLIKELY_AGE = Rule(
    "unlikely_age",
    "warning",
    "a pupil between 8 and 25 years old on 1 September of each school year",
    "Check birth_date: an age like this is mostly a typing error; the row is kept.",
    "L’âge de l’élève à la rentrée est inférieur à 8 ans ou supérieur à 25 ans ; la ligne est gardée.",
    "Vérifier la date de naissance.",
)
TOO_MANY_HALF_DAYS = Rule(
    "too_many_half_days",
    "error",
    "at most 2 half-days of absence, exclusion and placement of one pupil on one day",
    "Keep the rows that are true: the day was counted twice, or an exclusion was entered as an absence too.",
    "Les absences, exclusions et périodes en entreprise d’un même jour dépassent 2 demi-journées.",
    "Garder les lignes vraies : le jour a été compté deux fois, ou saisi sous deux natures.",
)
NO_SCHOOL_DAY = Rule(
    "no_school_day",
    "warning",
    "a day with school",
    "Check the date, or give the calendar of the school (a weekend, a holiday or a public holiday has no "
    "half-day); the row is kept and counts for nothing.",
    "Le jour est sans école (week-end, vacances, jour férié) ; la ligne est gardée et ne compte pas.",
    "Vérifier la date, ou fournir le calendrier de l’établissement.",
)
BEYOND_THE_DAY = Rule(
    "beyond_the_day",
    "warning",
    "no more half-days than that day holds (1 on a Wednesday)",
    "Check half_days, or give the calendar of the school; the rows are kept and count for what the day holds.",
    "Plus de demi-journées que le jour n’en compte (1 le mercredi) ; elles sont gardées et plafonnées.",
    "Vérifier les demi-journées, ou fournir le calendrier de l’établissement.",
)
OUTSIDE_CALENDAR = Rule(
    "outside_calendar",
    "warning",
    "a day between {first} and {last}, which the calendar knows",
    "Give a calendar that holds these days; the rows are kept, but rates over that school year are not known.",
    "Le jour est hors du calendrier connu ; les taux de cette année scolaire ne sont pas calculés.",
    "Fournir un calendrier qui contient ces jours.",
)
IDENTICAL_ROWS = Rule(
    "identical_rows",
    "warning",
    "rows that differ in some column",
    "Check that the extract was not appended twice; the repeats are kept and count.",
    "La ligne répète une autre à l’identique ; elle est gardée et compte.",
    "Vérifier que l’extraction n’a pas été ajoutée deux fois.",
)
OUTSIDE_ENROLMENT = Rule(
    "outside_enrolment",
    "warning",
    "a day on which an enrolment of the pupil is open",
    "Check the day, or add the enrolment that it belongs to; the row is kept.",
    "Le jour tombe hors de toute scolarité de l’élève ; la ligne est gardée.",
    "Vérifier le jour, ou ajouter la scolarité correspondante.",
)
DUPLICATE_OUTCOME = Rule(
    "duplicate_outcome",
    "error",
    "one outcome per pupil and school year",
    "{how}; the first row in the order of all columns is kept when faults are set aside.",
    "Un élève a plusieurs situations pour une même année scolaire.",
    "N’en garder qu’une. En quarantaine, la première dans l’ordre de toutes les colonnes est gardée.",
)
DUPLICATE_CONTEXT = Rule(
    "duplicate_context",
    "error",
    "one value per day, school, class, subject and measure",
    "{how}; the first row in the order of all columns is kept when faults are set aside.",
    "Une même valeur de référence (jour, établissement, classe, matière, mesure) est donnée plusieurs fois.",
    "N’en garder qu’une. En quarantaine, la première dans l’ordre de toutes les colonnes est gardée.",
)
UNKNOWN_SCHOOL = Rule(
    "unknown_school",
    "warning",
    "a school_id of some enrolment",
    "Check the school number: this coverage covers no pupil of the records.",
    "Le périmètre nomme un établissement sans élève dans les données.",
    "Vérifier le numéro UAI.",
)

CROSS_RULES: tuple[Rule, ...] = (
    MISSING_TABLE,
    UNKNOWN_TABLE,
    NO_JUSTIFIED_ON,
    DUPLICATE_PUPIL,
    UNKNOWN_PUPIL,
    OVERLAPPING_ENROLMENTS,
    OUTSIDE_SCHOOL_YEAR,
    UNLIKELY_AGE,
    TOO_MANY_HALF_DAYS,
    NO_SCHOOL_DAY,
    BEYOND_THE_DAY,
    OUTSIDE_CALENDAR,
    IDENTICAL_ROWS,
    OUTSIDE_ENROLMENT,
    DUPLICATE_OUTCOME,
    DUPLICATE_CONTEXT,
    UNKNOWN_SCHOOL,
)
"""Every rule between rows and tables, in the order of the documentation."""
