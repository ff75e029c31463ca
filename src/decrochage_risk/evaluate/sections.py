"""The sections of a report beyond its main table: each a title, lines of text and a table, in French.

Schools are summed up, never printed side by side; a section without figures is left out by the report.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from decrochage_risk.evaluate.groups import MIN_EVENTS, MIN_PUPILS
from decrochage_risk.evaluate.tables import (
    DIMENSIONS,
    NOT_MEASURED,
    TOO_SMALL,
    Table,
    group_name,
    pupils_cell,
)
from decrochage_risk.french import day, number, percent, plural, school_year
from decrochage_risk.small_cells import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.evaluate.bootstrap import PairedDifference
    from decrochage_risk.evaluate.figures import Figures
    from decrochage_risk.evaluate.gates import GateResult
    from decrochage_risk.evaluate.groups import GroupFigures
    from decrochage_risk.evaluate.issued import ListFigures
    from decrochage_risk.evaluate.maturity import MaturityRow

STATISTICS = {
    "log_loss": "log-loss",
    "brier": "Brier",
    "auc": "AUC",
    "average_precision": "précision moyenne",
}
VERDICTS = {"pass": "admis", "review": "à examiner", "block": "obstacle", "not_applicable": "sans objet"}
GATES = {
    "calibration": "calibration",
    "calibration_slope": "pente",
    "calibration_intercept": "calibration moyenne",
    "fnr": "sorties absentes de la liste",
    "fnr_gap": "écart filles / garçons des sorties absentes de la liste",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a report.

    Attributes
    ----------
    title : str
    lines : tuple of str
        Sentences above the table.
    table : tuple of header and rows, or None
    """

    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None


def _share(source: object, name: str) -> str:
    value = getattr(source, name)
    if value is None:
        return NOT_MEASURED
    low, high = getattr(source, f"{name}_low"), getattr(source, f"{name}_high")
    return f"{percent(value, 1)} [{percent(low, 1)} ; {percent(high, 1)}]"


def differences_section(differences: Mapping[str, Sequence[PairedDifference]]) -> Section:
    """Write the paired differences of the model with each baseline."""
    header = ["repère", "chiffre", "modèle", "repère", "écart apparié [IC 95 %]", "mieux"]
    better = {"first": "modèle", "second": "repère", "undecided": "non départagés"}
    rows = [
        [
            name,
            STATISTICS[one.statistic],
            number(one.first, 4),
            number(one.second, 4),
            f"{number(one.difference, 4)} [{number(one.low, 4)} ; {number(one.high, 4)}]",
            better[one.better],
        ]
        for name, gaps in differences.items()
        for one in gaps
    ]
    line = (
        "Écarts sur les mêmes lignes, les élèves tirés au sort avec toutes leurs lignes (bootstrap apparié)."
    )
    return Section("Écarts avec les repères", (line,), (header, rows))


def lists_section(lists: Sequence[ListFigures]) -> Section:
    """Write what each list holds, in all and by date."""
    header = [
        "liste",
        "date",
        "situations",
        "par établissement et date (médiane, 1er et 9e déciles)",
        "sorties attendues [IC 95 %]",
        "sorties trouvées",
        "précision [IC 95 %]",
        "rappel [IC 95 %]",
        "lift",
        "fausses alertes [IC 95 %]",
    ]
    return Section("Listes", (), (header, [_list_row(one) for one in lists]))


def _count(count: float | None) -> str:
    return HIDDEN if count is None else number(count, 0)


def _list_row(one: ListFigures) -> list[str]:
    expectation = NOT_MEASURED
    if one.expected is not None:
        expectation = f"{_count(one.expected)} [{_count(one.expected_low)} ; {_count(one.expected_high)}]"
    return [
        one.name,
        "toutes" if one.as_of is None else day(one.as_of, with_year=True),
        _count(one.listed),
        _workload(one),
        expectation,
        *_found(one),
        _share(one, "false_alarm"),
    ]


def _found(one: ListFigures) -> list[str]:
    """Leavers found, precision, recall and lift."""
    lift = NOT_MEASURED if one.lift is None else number(one.lift, 2)
    return [_count(one.hits), _share(one, "precision"), _share(one, "recall"), lift]


def _workload(one: ListFigures) -> str:
    if one.per_school is None or one.per_school_low is None or one.per_school_high is None:
        return NOT_MEASURED
    return f"{number(one.per_school, 0)} ({number(one.per_school_low, 0)} ; {number(one.per_school_high, 0)})"


def fairness_section(groups: Sequence[GroupFigures]) -> Section:
    """Write what the list actually issued misses and holds in each group."""
    header = [
        "",
        "groupe",
        "élèves",
        "sur la liste",
        "sorties absentes de la liste [IC 95 %]",
        "fausses alertes [IC 95 %]",
        "précision [IC 95 %]",
    ]
    rows = [
        [
            DIMENSIONS.get(one.dimension, one.dimension),
            group_name(one.group),
            pupils_cell(one),
            TOO_SMALL if one.too_small else _count(one.listed),
            _share(one, "missed"),
            _share(one, "false_alarm"),
            _share(one, "precision"),
        ]
        for one in groups
    ]
    lines = (
        f"Trop petit : moins de {MIN_PUPILS} élèves, de {MIN_EVENTS} élèves sortis ou de {MIN_EVENTS} restés.",
        "Là où le taux de sortie diffère, la part de sorties absentes de la liste diffère aussi, même sous calibration parfaite.",
        "Elle est affichée, jamais égalisée ; aucune part de chaque groupe n'est imposée sur la liste.",
    )
    return Section("La liste émise, par groupe", lines, (header, rows))


def gates_section(gates: Sequence[GateResult]) -> Section:
    """Write the count of verdicts, and every gate that did not pass with its reason."""
    counts = Counter(gate.verdict for gate in gates)
    parts = [
        f"{VERDICTS[verdict]} : {number(counts[verdict], 0)}"
        for verdict in ("pass", "review", "block", "not_applicable")
        if counts[verdict]
    ]
    # The gap between girls and boys is always printed, passed or not.
    concerns = [gate for gate in gates if gate.verdict in ("review", "block") or gate.name == "fnr_gap"]
    header = ["contrôle", "", "groupe", "verdict", "raison"]
    rows = [
        [
            GATES.get(gate.name, gate.name),
            DIMENSIONS.get(gate.dimension, gate.dimension),
            gate.group,
            VERDICTS[gate.verdict],
            gate.reason,
        ]
        for gate in concerns
    ]
    lines = (f"{plural(len(gates), 'contrôle')} ({', '.join(parts)}).",)
    return Section("Contrôles d'équité", lines, (header, rows) if rows else None)


def maturity_section(rows: Sequence[MaturityRow]) -> Section:
    """Write when the labels of each as-of date are known."""
    header = [
        "année scolaire",
        "date d'observation",
        "issue close le",
        "lignes",
        "sorties",
        "issue connue à temps",
    ]
    words = {True: "oui", False: "non", None: NOT_MEASURED}
    lines = [
        [
            school_year(one.school_year),
            day(one.as_of, with_year=True),
            day(one.closes_on, with_year=True),
            _count(one.rows),
            _events(one),
            words[one.mature],
        ]
        for one in rows
    ]
    line = (
        "Une issue ne sert à apprendre, pour l'année témoin, que si elle était connue à temps : avant la première date "
        "d'observation de cette année. Celles de l'année témoin elle-même ne servent qu'à mesurer."
    )
    return Section("Maturité des issues", (line,), (header, lines))


def _events(one: MaturityRow) -> str:
    if one.events is not None:
        return number(one.events, 0)
    return "pas encore connues alors" if one.mature is False else HIDDEN


def _counted(count: int | None, word: str) -> str:
    return f"{word}s : {HIDDEN}" if count is None else plural(count, word)


def hold_out_section(figures: Figures) -> Section:
    """Write the second view: schools that the model never saw."""
    values = {
        "AUC": figures.auc,
        "AUC dans l'établissement": figures.within_school_auc,
        "log-loss": figures.log_loss,
        "pente": figures.slope,
        "calibration moyenne": figures.intercept,
    }
    text = ", ".join(f"{name} {number(value, 3)}" for name, value in values.items() if value is not None)
    line = (
        f"Établissements jamais vus à l'apprentissage, même année témoin : {_counted(figures.rows, 'ligne')}, "
        f"{_counted(figures.events, 'sortie')} ; {text or HIDDEN}. Seconde vue, jamais le chiffre principal."
    )
    return Section("Établissements tenus à l'écart", (line,))


def schools_line(groups: Sequence[GroupFigures]) -> str | None:
    """Sum up the schools, which are measured but not printed one by one: no list of schools side by side.

    Examples
    --------
    >>> schools_line([]) is None
    True
    """
    schools = [one for one in groups if one.dimension == "school"]
    if not schools:
        return None
    levels = [one.intercept for one in schools if one.intercept is not None]
    small = sum(one.rows or 0 for one in schools if one.too_small)
    small_rows = HIDDEN if any(one.rows is None for one in schools if one.too_small) else number(small, 0)
    line = f"Établissements assez grands pour être mesurés : {number(len(levels), 0)}"
    if levels:
        line += f", calibration moyenne de {number(min(levels), 2)} à {number(max(levels), 2)}"
    return f"{line} ; lignes d'établissements trop petits : {small_rows}."
