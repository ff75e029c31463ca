"""The rules that records are held against, each with what to do when it is broken.

First those of columns and single cells, then those between the cells of one row, then those between rows and tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.coded_columns import NO_DAY
from decrochage_risk.records.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.records.coded_columns import CodedTable


__all__ = [
    "BAD_BYTES",
    "BAD_CHECK_LETTER",
    "BAD_DATE",
    "BAD_PATTERN",
    "BEYOND_THE_DAY",
    "BYTES_AS_TEXT",
    "CELL_RULES",
    "CROSS_RULES",
    "DUPLICATE_COLUMN",
    "DUPLICATE_CONTEXT",
    "DUPLICATE_OUTCOME",
    "DUPLICATE_PUPIL",
    "EMPTY_TABLE",
    "IDENTICAL_ROWS",
    "LEFT_BUT_ENROLLED",
    "MARK_WORD",
    "MISSING_COLUMN",
    "MISSING_TABLE",
    "MISSING_VALUE",
    "NOT_FINITE",
    "NOT_WHOLE",
    "NO_JUSTIFIED_ON",
    "NO_SCHOOL_DAY",
    "OTHER_ZONE",
    "OUTSIDE_CALENDAR",
    "OUTSIDE_ENROLMENT",
    "OUTSIDE_SCHOOL_YEAR",
    "OUT_OF_RANGE",
    "OVERLAPPING_ENROLMENTS",
    "ROW_RULES",
    "SAME_DAY_TRANSFER",
    "SERIAL_DATE",
    "SERIAL_DATES",
    "SPLIT_IDS",
    "TIME_OF_DAY",
    "TOO_LONG",
    "TOO_MANY_HALF_DAYS",
    "UNKNOWN_CHOICE",
    "UNKNOWN_COLUMN",
    "UNKNOWN_PUPIL",
    "UNKNOWN_SCHOOL",
    "UNKNOWN_TABLE",
    "UNLIKELY_AGE",
    "UTC_MIDNIGHT",
    "UTC_MIDNIGHTS",
    "WRONG_TYPE",
    "RowRule",
]


EMPTY_TABLE = Rule(
    "empty_table",
    "error",
    "at least one row",
    "Check the extraction: without a row in this table there is nobody to score.",
    "La table est obligatoire et n’a aucune ligne.",
    "Vérifier l’extraction : sans ligne, il n’y a personne à suivre.",
)
MISSING_COLUMN = Rule(
    "missing_column",
    "error",
    "a column named {column!r}",
    "Add the column, or rename the one that means this: {description}{close}.",
    "Une colonne obligatoire manque.",
    "Ajouter la colonne, ou renommer celle qui en tient lieu.",
)
DUPLICATE_COLUMN = Rule(
    "duplicate_column",
    "error",
    "each column once",
    "Keep one of the columns of this name; none of them was read.",
    "Deux colonnes portent le même nom : aucune n’est lue.",
    "N’en garder qu’une.",
)
UNKNOWN_COLUMN = Rule(
    "unknown_column",
    "warning",
    "only {columns}",
    "The column was not read{close}. Leave it out of the extract if it is not needed.",
    "Une colonne inconnue n’est pas lue.",
    "La renommer si c’est une faute de frappe ; sinon, ne pas l’extraire.",
)
MISSING_VALUE = Rule(
    "missing_value",
    "error",
    "a value in every row",
    "Fill the cell, or leave the row out.",
    "Une cellule obligatoire est vide.",
    "Remplir la cellule, ou retirer la ligne.",
)
WRONG_TYPE = Rule(
    "wrong_type",
    "error",
    "{kind}",
    "{advice}",
    "La cellule n’est pas du type attendu (texte, date, nombre, oui/non).",
    "Corriger la cellule. Un identifiant lu comme un nombre à virgule a perdu ses zéros : lire la colonne comme "
    "du texte.",
)
BAD_DATE = Rule(
    "bad_date",
    "error",
    "a day of the calendar written 2024-09-30 or 30/09/2024",
    "Write four digits for the year, and the day before the month when you use slashes.",
    "Le texte n’est pas une date lisible.",
    "Écrire 2024-09-30 ou 30/09/2024, avec quatre chiffres pour l’année.",
)
TIME_OF_DAY = Rule(
    "time_of_day",
    "warning",
    "a day without a time",
    "The day was kept and the time was dropped; extract the day alone.",
    "La date porte une heure : le jour est gardé, l’heure est ignorée.",
    "Extraire le jour seul.",
)
SERIAL_DATE = Rule(
    "serial_date",
    "error",
    "a day written 2024-09-30 or 30/09/2024",
    "A number like this is the day count of a spreadsheet (Excel: 45614 is 18 November 2024). It is read only where the "
    "whole column of a file holds such numbers: format the column as dates and export it again.",
    "Le nombre est un numéro de jour de tableur (45614 pour le 18 novembre 2024), parmi des dates écrites autrement.",
    "Mettre la colonne au format date dans le tableur, puis l’exporter de nouveau.",
)
SERIAL_DATES = Rule(
    "serial_dates",
    "warning",
    "days written 2024-09-30 or 30/09/2024",
    "The whole column holds day counts of a spreadsheet, read as days (Excel: 45614 is 18 November 2024); check two of "
    "them, and export the column as dates.",
    "Toute la colonne est faite de numéros de jour de tableur ; ils sont lus comme des dates (45614 : 18 novembre 2024).",
    "Vérifier deux dates, et exporter la colonne au format date.",
)
UTC_MIDNIGHT = Rule(
    "utc_midnight",
    "warning",
    "a day without a time",
    "This time is a midnight of Paris stored as UTC: the day that begins there was kept, not the one before. Send the day "
    "alone.",
    "L’heure est un minuit de Paris enregistré en UTC : le jour qui commence là est gardé, non la veille.",
    "Transmettre le jour seul.",
)
UTC_MIDNIGHTS = Rule(
    "utc_midnights",
    "warning",
    "days without a time",
    "Every time of the column is a midnight of France stored as UTC, on the evening before: all days were moved to the one "
    "that begins there. Check two of them, and extract days alone, in local time.",
    "Toutes les heures de la colonne sont des minuits français enregistrés en UTC, la veille au soir : chaque date est "
    "avancée au jour qui commence là.",
    "Vérifier deux dates, et extraire le jour seul, à l’heure locale.",
)
BYTES_AS_TEXT = Rule(
    "bytes_as_text",
    "warning",
    "a column of text",
    "The column came as bytes without the mark of text (old Spark, Impala) and was read as UTF-8; write it as text.",
    "La colonne est faite d’octets sans la marque du texte (anciens Spark, Impala) ; elle est lue en UTF-8.",
    "L’écrire comme du texte.",
)
BAD_BYTES = Rule(
    "bad_bytes",
    "error",
    "bytes that are UTF-8 text",
    "These bytes are in another encoding or damaged: write the column again as text in UTF-8.",
    "Les octets de la cellule ne sont pas du texte UTF-8.",
    "Écrire de nouveau la colonne comme du texte en UTF-8.",
)
UNKNOWN_CHOICE = Rule(
    "unknown_choice",
    "error",
    "one of {choices}",
    "Translate the values of your extract into these{close}.",
    "La valeur n’est pas dans la liste de la colonne.",
    "Traduire les valeurs de l’extraction dans celles de la liste.",
)
OUT_OF_RANGE = Rule(
    "out_of_range",
    "error",
    "{bounds}",
    "{advice}",
    "La valeur est hors des bornes de la colonne (une année 0025, une demi-journée de trop, un barème nul).",
    "Corriger la valeur.",
)
NOT_FINITE = Rule(
    "not_finite",
    "error",
    "a finite number",
    "Infinity mostly comes from a division by zero: correct the computation, or leave the cell empty.",
    "Le nombre est infini.",
    "Corriger le calcul d’où il vient (division par zéro), ou laisser la cellule vide.",
)
NOT_WHOLE = Rule(
    "not_whole",
    "error",
    "a whole number",
    "Write it without decimals; half a half-day does not exist.",
    "Le nombre devrait être entier.",
    "L’écrire sans décimales.",
)
MARK_WORD = Rule(
    "mark_word",
    "error",
    "a number, or an empty cell with the status that says why",
    "Leave the cell empty and set status: Abs -> 'absent'; Disp, Inapte, NN, NE, — -> 'exempt'; NR, N.Rdu -> "
    "'not_handed_in'.",
    "Un mot (Abs, Disp, NN, NE, —…) tient lieu de note.",
    "Vider la cellule et mettre le statut : Abs → absent ; Disp, Inapte, NN, NE, — → exempt ; NR → not_handed_in.",
)
BAD_PATTERN = Rule(
    "bad_pattern",
    "error",
    "{shape}",
    "{advice}",
    "Le texte n’a pas la forme attendue (numéro UAI ; identifiant sans blanc au bord ni caractère de contrôle).",
    "Corriger le texte. Accents, espaces intérieures et émojis sont permis dans un identifiant.",
)
TOO_LONG = Rule(
    "too_long",
    "error",
    "at most {longest} characters",
    "Ids of the exports have 11 characters, a keyed hash 64: check which column was read.",
    "Le texte est trop long pour un identifiant.",
    "Vérifier la colonne lue : un identifiant d’export a 11 caractères, un pseudonyme 64.",
)
BAD_CHECK_LETTER = Rule(
    "bad_check_letter",
    "error",
    "the letter that checks the seven digits ({letters})",
    "One of the digits or the letter is mistyped: look the school up in the national directory of schools.",
    "La lettre du numéro UAI ne contrôle pas ses sept chiffres.",
    "Un chiffre ou la lettre est mal saisi : chercher l’établissement dans l’annuaire de l’éducation.",
)

CELL_RULES: tuple[Rule, ...] = (
    EMPTY_TABLE,
    MISSING_COLUMN,
    DUPLICATE_COLUMN,
    UNKNOWN_COLUMN,
    MISSING_VALUE,
    WRONG_TYPE,
    BAD_DATE,
    SERIAL_DATE,
    SERIAL_DATES,
    TIME_OF_DAY,
    UTC_MIDNIGHT,
    UTC_MIDNIGHTS,
    BYTES_AS_TEXT,
    BAD_BYTES,
    UNKNOWN_CHOICE,
    OUT_OF_RANGE,
    NOT_FINITE,
    NOT_WHOLE,
    MARK_WORD,
    BAD_PATTERN,
    TOO_LONG,
    BAD_CHECK_LETTER,
)
"""Every rule of columns and cells, in the order of the documentation."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule between cells of one row.

    Attributes
    ----------
    table : str
        The table it holds for.
    columns : tuple of str
        The columns it looks at, the one to blame first. Rows where one of them could not be read are left out.
    rule : Rule
        Its name, severity and words.
    broken : callable
        From the coded table to a bool array: the rows that break it.
    """

    table: str
    columns: tuple[str, ...]
    rule: Rule
    broken: Callable[[CodedTable], npt.NDArray[np.bool_]]


def _before(first: str, second: str) -> Callable[[CodedTable], npt.NDArray[np.bool_]]:
    """Rows in which day ``first`` lies before day ``second``; never where one of them is missing."""
    return lambda rows: (rows[first] < rows[second]) & (rows[first] != NO_DAY)


def _is(rows: CodedTable, column: str, *choices: str) -> npt.NDArray[np.bool_]:
    """Rows whose choice is one of some, by code: no text is compared."""
    names, codes = rows.table.column(column).choices, rows[column]
    # One comparison per choice, each of single bytes: cheaper than reading a table at every code.
    is_chosen: npt.NDArray[np.bool_] = codes == names.index(choices[0])
    for choice in choices[1:]:
        is_chosen |= codes == names.index(choice)
    return is_chosen


def _lateness_with_half_days(absences: CodedTable) -> npt.NDArray[np.bool_]:
    has_half_days = absences.given("half_days") & (absences["half_days"] != 0)
    return np.asarray(_is(absences, "kind", "lateness") & has_half_days)


def _no_half_days(absences: CodedTable) -> npt.NDArray[np.bool_]:
    is_absence = _is(absences, "kind", "absence", "exclusion", "placement")
    return np.asarray((absences["half_days"] == 0) & is_absence)


def _value_above_out_of(grades: CodedTable) -> npt.NDArray[np.bool_]:
    return np.asarray(grades["value"] > grades["out_of"])


def _graded_without_value(grades: CodedTable) -> npt.NDArray[np.bool_]:
    return _is(grades, "status", "graded") & ~grades.given("value")


def _value_without_grade(grades: CodedTable) -> npt.NDArray[np.bool_]:
    return _is(grades, "status", "absent", "not_handed_in", "exempt") & grades.given("value")


def _granted_without_decision(orientation: CodedTable) -> npt.NDArray[np.bool_]:
    decision = _is(orientation, "event", "council_decision")
    return orientation.given("granted") & orientation.given("event") & ~decision


def _covers_nobody(coverage: CodedTable) -> npt.NDArray[np.bool_]:
    return ~coverage.given("school_id") & ~coverage.given("pupil_id")


ROW_RULES: tuple[RowRule, ...] = (
    RowRule(
        "enrolments",
        ("end_date", "start_date"),
        Rule(
            "end_before_start",
            "error",
            "an end_date on or after start_date",
            "Swap the two days if they were exchanged; leave end_date empty while the pupil is still there.",
            "La scolarité finit avant de commencer.",
            "Échanger les deux dates, ou laisser la fin vide tant que l’élève est là.",
        ),
        _before("end_date", "start_date"),
    ),
    RowRule(
        "absences",
        ("half_days", "kind"),
        Rule(
            "lateness_with_half_days",
            "error",
            "half_days 0 for a lateness",
            "Write 0, or kind 'absence' if the half-day was missed.",
            "Un retard compte des demi-journées.",
            "Écrire 0, ou la nature « absence » si la demi-journée a été manquée.",
        ),
        _lateness_with_half_days,
    ),
    RowRule(
        "absences",
        ("half_days", "kind"),
        Rule(
            "no_half_days",
            "error",
            "half_days 1 or 2 for an absence, exclusion or placement",
            "Write the half-days missed; an hour missed is, by the usual count, one half-day; a lateness has kind "
            "'lateness'.",
            "Une absence, une exclusion ou une période en entreprise compte zéro demi-journée.",
            "Écrire 1 ou 2 ; pour un retard, la nature « lateness ».",
        ),
        _no_half_days,
    ),
    RowRule(
        "absences",
        ("justified_on", "date"),
        Rule(
            "justified_before",
            "warning",
            "a justified_on on or after the day of the absence",
            "An absence announced beforehand may look like this, it is kept; check that the two columns were not "
            "exchanged.",
            "L’absence est justifiée avant d’avoir lieu ; elle est gardée.",
            "Normal si elle était annoncée ; sinon, vérifier que les deux colonnes n’ont pas été échangées.",
        ),
        _before("justified_on", "date"),
    ),
    RowRule(
        "grades",
        ("value", "out_of"),
        Rule(
            "value_above_out_of",
            "error",
            "a value between 0 and out_of (20 where no out_of is given)",
            "Give the highest possible mark in out_of: 63 out of 100 is value 63, out_of 100.",
            "La note dépasse le barème.",
            "Donner le barème dans « out_of » : 63 sur 100 s’écrit 63 et 100.",
        ),
        _value_above_out_of,
    ),
    RowRule(
        "grades",
        ("value", "status"),
        Rule(
            "graded_without_value",
            "error",
            "a value where status is 'graded'",
            "Fill in the mark, or say why there is none: status 'absent', 'not_handed_in' or 'exempt'.",
            "Le statut dit « noté » mais la note manque.",
            "Remplir la note, ou choisir le statut absent, not_handed_in ou exempt.",
        ),
        _graded_without_value,
    ),
    RowRule(
        "grades",
        ("value", "status"),
        Rule(
            "value_without_grade",
            "error",
            "an empty value where status is not 'graded'",
            "Empty the value, or write status 'graded': a zero given for missing work is status 'graded', value 0.",
            "Une note est donnée alors que le statut n’est pas « noté ».",
            "Vider la note, ou mettre le statut graded (un zéro donné pour un travail non rendu est une note).",
        ),
        _value_without_grade,
    ),
    RowRule(
        "orientation",
        ("granted", "event"),
        Rule(
            "granted_without_decision",
            "error",
            "granted on rows with event 'council_decision' only",
            "Leave granted empty; what came of a wish is an 'assignment' row of its own date.",
            "« granted » est rempli sur un événement qui n’est pas une décision du conseil de classe.",
            "Le laisser vide : la suite d’un vœu est une ligne « assignment » à sa propre date.",
        ),
        _granted_without_decision,
    ),
    RowRule(
        "coverage",
        ("end", "start"),
        Rule(
            "end_before_start",
            "error",
            "an end on or after start",
            "Swap the two days if they were exchanged.",
            "La période finit avant de commencer.",
            "Échanger les deux dates.",
        ),
        _before("end", "start"),
    ),
    RowRule(
        "coverage",
        ("school_id", "pupil_id"),
        Rule(
            "covers_nobody",
            "error",
            "a school_id or a pupil_id",
            "Say whose rows are in the extract.",
            "La ligne ne nomme ni établissement ni élève.",
            "Dire de qui les lignes sont dans l’extraction.",
        ),
        _covers_nobody,
    ),
)
"""Every row rule, in the order of the tables."""


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
SPLIT_IDS = Rule(
    "split_ids",
    "warning",
    "one id per pupil, the same in every table and every year",
    "These ids differ only by leading zeros, blanks or case, and the pupils were born the same day: one pupil under two ids "
    "has half a record each time. Read the column as text, and join them if they are the same; twins with such ids are kept "
    "as they are.",
    "Des identifiants ne diffèrent que par des zéros de tête, des blancs ou la casse, pour la même date de naissance : sans "
    "doute un même élève, dont chaque ligne n’a qu’une part.",
    "Lire la colonne comme du texte et réunir les lignes si c’est le même élève.",
)
OTHER_ZONE = Rule(
    "other_zone",
    "warning",
    "schools of the zone whose calendar is used",
    "The school lies in another zone, in Corsica or overseas, where holidays are other ones: give its calendar "
    "(SchoolCalendar.for_zone of its zone or académie, or calendar.csv); rates of absence are wrong around the "
    "holidays until then. One row is reported per school.",
    "L’établissement est dans une autre zone, en Corse ou outre-mer : les vacances y sont autres que celles du calendrier "
    "utilisé.",
    "Donner sa zone ou son académie (--zone A, B, C, Corse, Guadeloupe, Guyane, Martinique, Mayotte ou Réunion), ou un "
    "calendar.csv de son académie ; jusque-là les taux d’absence sont faux autour des vacances.",
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
    "no day on which a pupil has two enrolments open, but for the day of a transfer",
    "End the earlier enrolment on or before the day on which the later one starts; one without end_date is open until 31 "
    "August of its school year. The later row is reported; when faults are set aside, the newest enrolment counts from its "
    "first day on and the earlier one ends the day before.",
    "Deux scolarités de l’élève sont ouvertes le même jour (la plus récente est signalée).",
    "Finir la première au plus tard le jour où la seconde commence ; sans date de fin, elle court jusqu’au 31 août. En "
    "quarantaine, la plus récente compte dès son premier jour et la précédente finit la veille.",
)
SAME_DAY_TRANSFER = Rule(
    "same_day_transfer",
    "warning",
    "an end_date before the day on which the next enrolment starts",
    "The leaving day of one school is the entry day of the next, as SIECLE writes it: the later enrolment counts from that "
    "day on.",
    "Le jour de sortie d’un établissement est le jour d’entrée dans le suivant ; le second compte dès ce jour.",
    "Rien à faire si c’est un changement d’établissement ; sinon, corriger la date de fin.",
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
    "Check the date, the zone (B unless another is given) or the calendar of the school (a weekend, a holiday or a public holiday has no "
    "half-day); the row is kept and counts for nothing.",
    "Le jour est sans école (week-end, vacances, jour férié) ; la ligne est gardée et ne compte pas.",
    "Vérifier la date, ou donner la zone (B par défaut) ou le calendrier de l’établissement : --zone, --calendar.",
)
BEYOND_THE_DAY = Rule(
    "beyond_the_day",
    "warning",
    "no more half-days than that day holds (1 on a Wednesday)",
    "Check half_days, or give the calendar of the school; the rows are kept and count for what the day holds.",
    "Plus de demi-journées que le jour n’en compte (1 le mercredi) ; elles sont gardées et plafonnées.",
    "Vérifier les demi-journées, ou donner le calendrier de l’établissement : --calendar.",
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
    "{how}; when faults are set aside one row is kept, as unknown where they tell different outcomes.",
    "Un élève a plusieurs situations pour une même année scolaire.",
    "N’en garder qu’une. En quarantaine, une ligne est gardée, et la situation est inconnue si elles se contredisent.",
)
LEFT_BUT_ENROLLED = Rule(
    "left_but_enrolled",
    "warning",
    "no enrolment open on 1 November after the school year in which the pupil left without a diploma",
    "Find out which is true: correct the outcome, or end the enrolment. Until then a training counts the pupil neither as "
    "gone nor as stayed.",
    "Un élève dit sorti sans diplôme est inscrit au 1er novembre qui suit.",
    "Vérifier ce qui est vrai : corriger la situation, ou clore la scolarité. D’ici là, l’apprentissage ne compte l’élève ni "
    "comme sorti ni comme resté.",
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
    SPLIT_IDS,
    UNKNOWN_PUPIL,
    OVERLAPPING_ENROLMENTS,
    SAME_DAY_TRANSFER,
    OUTSIDE_SCHOOL_YEAR,
    UNLIKELY_AGE,
    TOO_MANY_HALF_DAYS,
    NO_SCHOOL_DAY,
    BEYOND_THE_DAY,
    OUTSIDE_CALENDAR,
    IDENTICAL_ROWS,
    OUTSIDE_ENROLMENT,
    DUPLICATE_OUTCOME,
    LEFT_BUT_ENROLLED,
    DUPLICATE_CONTEXT,
    UNKNOWN_SCHOOL,
    OTHER_ZONE,
)
"""Every rule between rows and tables, in the order of the documentation."""
