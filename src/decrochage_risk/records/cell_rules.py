"""The rules that columns and single cells are held against, each with what to do when it is broken."""

from __future__ import annotations

from decrochage_risk.records.faults import Rule

__all__ = [
    "BAD_CHECK_LETTER",
    "BAD_DATE",
    "BAD_PATTERN",
    "CELL_RULES",
    "DUPLICATE_COLUMN",
    "EMPTY_TABLE",
    "MARK_WORD",
    "MISSING_COLUMN",
    "MISSING_VALUE",
    "NOT_FINITE",
    "NOT_WHOLE",
    "OUT_OF_RANGE",
    "TIME_OF_DAY",
    "TOO_LONG",
    "UNKNOWN_CHOICE",
    "UNKNOWN_COLUMN",
    "WRONG_TYPE",
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
    TIME_OF_DAY,
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
