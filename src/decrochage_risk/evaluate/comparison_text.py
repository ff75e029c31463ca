"""The words of a comparison: aligned text, Markdown, and what a model card says has changed since last year."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from decrochage_risk.evaluate.card import CHANGES
from decrochage_risk.evaluate.comparison import ENTERS
from decrochage_risk.evaluate.groups import MIN_EVENTS, MIN_PUPILS
from decrochage_risk.evaluate.tables import markdown_table, text_table
from decrochage_risk.evaluate.verdict import GROUPED
from decrochage_risk.french import day, join, number, percent, plural, school_year, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from decrochage_risk.evaluate.comparison import ModelComparison
    from decrochage_risk.evaluate.gates import GateResult
    from decrochage_risk.evaluate.tables import Table

__all__ = [
    "changes_section",
    "comparison_heading",
    "comparison_markdown",
    "comparison_tables",
    "comparison_text",
    "not_judged",
    "verdict_line",
]

VERDICTS: Final = {
    "promote": "mettre en service le nouveau modèle",
    "keep": "garder le modèle en place",
    "review": "à examiner avant toute décision",
}
FIGURES: Final = {
    "log_loss": "log-loss (plus petit = mieux)",
    "auc": "AUC",
    "average_precision": "précision moyenne (AP)",
    "precision_at_capacity": "précision, mêmes places par établissement",
}
LISTS: Final = {"flagged": "liste entière", "tier_2": "niveau d'action 2", "tier_3": "niveau d'action 3"}
GATES: Final = {
    "calibration": "calibration",
    "calibration_slope": "pente de calibration",
    "calibration_intercept": "calibration moyenne",
    "fnr_gap": "écart de sorties manquées",
}
GATE_VERDICTS: Final = {
    "pass": "passe",
    "review": "à examiner",
    "block": "bloque",
    "not_applicable": "non jugé",
}
CAUSES: Final = {
    "left before the as-of date": "déjà parti à cette date",
    "outcome unknown": "issue inconnue",
    "no outcome for this school year": "pas d'issue pour cette année scolaire",
    "under 3 weeks of covered data": "moins de 3 semaines de données",
    "level not seen in training": "niveau qu'un des deux modèles n'a jamais vu",
    "outside the range of the training": "hors du domaine d'apprentissage d'un des deux modèles",
}
_FEW = "moins de 5"
_PASSES_NOT_SHOWN = ("school",)
_FNR_TOLD = ("level", "pathway", "years_behind")


def verdict_line(comparison: ModelComparison) -> str:
    """Say the verdict in one French line."""
    return f"Verdict : {VERDICTS[comparison.verdict]} ({comparison.verdict})"


def comparison_tables(comparison: ModelComparison) -> dict[str, Table]:
    """Give the tables of a comparison by their French titles, those without a row left out."""
    tables = {
        "Chiffres": _figures(comparison),
        "Critères du nouveau modèle": _gates(comparison),
        "La liste": _churn(comparison),
        "Qui change de côté": _sides(comparison),
    }
    return {title: table for title, table in tables.items() if table[1]}


def comparison_text(comparison: ModelComparison) -> str:
    """Write a comparison as aligned text."""
    return _written(comparison, text_table, "", "- ")


def comparison_markdown(comparison: ModelComparison) -> str:
    """Write a comparison in Markdown."""
    title = "# Comparaison de deux modèles\n\n"
    return f"{title}{_written(comparison, markdown_table, '## ', '- ')}\n"


def changes_section(comparison: ModelComparison, changes: Sequence[str] = ()) -> str:
    """Write the section of a model card that says what has changed since the model before, in Markdown.

    Parameters
    ----------
    comparison : ModelComparison
        Of the model in use with the new one, or with its candidate.
    changes : sequence of str
        What else has changed (years, columns), in French, told first.

    Returns
    -------
    str
        From :data:`~decrochage_risk.evaluate.card.CHANGES` on, ending with one line feed;
        :func:`~decrochage_risk.evaluate.card.with_changes` puts it into a card.
    """
    told = "".join(f"- {change}\n" for change in changes)
    return f"{CHANGES}\n\n{told}{_written(comparison, markdown_table, '### ', '- ')}\n"


def _written(
    comparison: ModelComparison, table: Callable[[list[str], list[list[str]]], str], heading: str, bullet: str
) -> str:
    parts = ["\n".join(f"{bullet}{line}" for line in comparison_heading(comparison))]
    parts += [verdict_line(comparison)]
    parts += ["\n".join(f"{bullet}{cause.sentence}" for cause in comparison.causes)]
    for title, found in comparison_tables(comparison).items():
        parts += [f"{heading}{title}", table(*found)]
    parts += ["\n".join(f"{bullet}{line}" for line in not_judged(comparison))]
    return "\n\n".join(part for part in parts if part)


def comparison_heading(comparison: ModelComparison) -> list[str]:
    """Say what was compared, one French sentence per line."""
    dates = join([day(one, with_year=True) for one in comparison.as_of])
    years = join([school_year(year) for year in comparison.test_years])
    lines = [
        f"Modèle en place : {comparison.champion} ; nouveau modèle : {comparison.challenger}",
        f"{years}, au {dates} ; issues connues au {day(comparison.labels_known_on, with_year=True)}",
        (
            f"{plural(comparison.rows, 'ligne')} de {plural(comparison.pupils, 'élève')}, dont "
            f"{plural(comparison.leavers, 'parti sans diplôme', 'partis sans diplôme')}"
        ),
    ]
    if comparison.left_out:
        causes = ", ".join(
            f"{CAUSES.get(cause, cause)} ({number(count)})" for cause, count in comparison.left_out.items()
        )
        lines.append(f"Lignes non comparées : {causes}")
    if comparison.known_share is not None:
        lines.append(
            f"{percent(comparison.known_share)} de ces élèves étaient déjà inscrits une année que les deux modèles "
            "connaissent : les chiffres de l'un et de l'autre en sont un peu flattés, leur écart ne l'est pas"
        )
    if comparison.synthetic:
        lines.insert(0, "Élèves synthétiques : ces chiffres ne disent rien d'élèves réels")
    return lines


def _figures(comparison: ModelComparison) -> Table:
    rows = [
        [
            FIGURES[found.name],
            number(found.champion, 4),
            number(found.challenger, 4),
            f"{signed(found.difference, 4)} [{signed(found.low, 4)} ; {signed(found.high, 4)}]",
        ]
        for found in comparison.differences
    ]
    return ["", "en place", "nouveau", "écart [IC 95 %]"], rows


def _gates(comparison: ModelComparison) -> Table:
    champion = {(gate.name, gate.dimension, gate.group): gate for gate in comparison.champion_gates}
    rows = []
    for gate in comparison.gates:
        if gate.name not in GATES or gate.verdict == "not_applicable":
            continue
        if gate.dimension in _PASSES_NOT_SHOWN and gate.verdict == "pass":
            continue
        before = champion.get((gate.name, gate.dimension, gate.group))
        rows.append(
            [
                _group(gate),
                GATES[gate.name],
                _measured(gate),
                "-" if before is None else _measured(before),
                GATE_VERDICTS[gate.verdict],
            ]
        )
    return ["groupe", "critère", "nouveau", "en place", "verdict"], rows


def _group(gate: GateResult) -> str:
    name = GROUPED.get(gate.dimension, gate.dimension)
    return name if name == gate.group else f"{name} : {gate.group}"


def not_judged(comparison: ModelComparison) -> list[str]:
    """Say which groups were too small to be judged, and that missed leavers of the others are no gate."""
    small = Counter(gate.dimension for gate in comparison.gates if gate.name == "calibration")
    counts = [
        f"{GROUPED.get(name, name)} : {plural(count, 'groupe')}" for name, count in sorted(small.items())
    ]
    told = (
        f"Trop petits pour être jugés (moins de {MIN_PUPILS} élèves, de {MIN_EVENTS} sortis ou de {MIN_EVENTS} restés) : "
        f"{' ; '.join(counts)}"
    )
    missed = [
        f"{gate.group} {percent(gate.figure, 0)}"
        for gate in comparison.gates
        if gate.name == "fnr" and gate.dimension in _FNR_TOLD and gate.figure is not None
    ]
    never = (
        f"Part des sorties absentes de la liste, affichée, jamais un critère (là où le taux de sortie diffère, elle diffère "
        f"même sous calibration parfaite) : {' ; '.join(missed)}"
    )
    return [told] * bool(counts) + [never] * bool(missed)


def _measured(gate: GateResult) -> str:
    if gate.figure is None or gate.low is None or gate.high is None:
        return "-"
    return f"{number(gate.figure, 2)} [{number(gate.low, 2)} ; {number(gate.high, 2)}]"


def _churn(comparison: ModelComparison) -> Table:
    rows = [
        [
            LISTS[churn.list_name],
            *(_count(count) for count in (churn.kept, churn.enters, churn.leaves)),
            "-" if churn.changed_share is None else percent(churn.changed_share, 1),
        ]
        for churn in comparison.churn
    ]
    return ["", "restent", "entrent", "sortent", "part qui change"], rows


def _sides(comparison: ModelComparison) -> Table:
    rows = [
        [
            "entrent" if side.side == ENTERS else "sortent",
            GROUPED.get(side.dimension, side.dimension),
            side.group,
            _count(side.pupils),
        ]
        for side in comparison.sides
    ]
    return ["", "par", "groupe", "élèves"], rows


def _count(count: int | None) -> str:
    return _FEW if count is None else number(count, 0)
