"""The rules that hold between the cells of one row, one entry per rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.records.coded import NO_DAY
from decrochage_risk.records.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from decrochage_risk.records.coded import CodedTable

__all__ = ["ROW_RULES", "RowRule"]


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
    known = rows.table.column(column).choices
    chosen = np.array([choice in choices for choice in (*known, None)], dtype=np.bool_)
    return np.asarray(chosen[rows[column]])


def _lateness_with_half_days(absences: CodedTable) -> npt.NDArray[np.bool_]:
    counted = absences.given("half_days") & (absences["half_days"] != 0)
    return np.asarray(_is(absences, "kind", "lateness") & counted)


def _no_half_days(absences: CodedTable) -> npt.NDArray[np.bool_]:
    missed = _is(absences, "kind", "absence", "exclusion", "placement")
    return np.asarray((absences["half_days"] == 0) & missed)


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
