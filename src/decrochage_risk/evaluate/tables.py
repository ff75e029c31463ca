"""The tables of a report: which figure is printed under which French words, as aligned text or Markdown.

A table is a header and rows of text; what stands in no score is left out, and Markdown and plain text show the same cells.
"""

from __future__ import annotations

from textwrap import fill, shorten
from typing import TYPE_CHECKING, TypeAlias

from decrochage_risk.french import number, percent
from decrochage_risk.small_cells import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decrochage_risk.evaluate.figures import Figures
    from decrochage_risk.evaluate.groups import GroupFigures

Table: TypeAlias = tuple[list[str], list[list[str]]]

COMPARED = (
    ("auc", "AUC", 1),
    ("within_school_auc", "AUC dans l'établissement", 1),
    ("average_precision", "précision moyenne", 1),
    ("log_loss", "log-loss", -1),
)
"""Figures on which a model is compared with its baselines: name, words, and 1 where more is better."""

NOT_MEASURED = "-"
TOO_SMALL = "trop petit"
_FIGURES = (
    ("rows", "lignes", "count"),
    ("pupils", "élèves", "count"),
    ("events", "sorties sans diplôme", "count"),
    ("base_rate", "taux observé", "percent"),
    ("mean_risk", "risque moyen annoncé", "percent"),
    ("auc", "AUC", "figure"),
    ("within_school_auc", "AUC dans l'établissement", "figure"),
    ("school_only_auc", "AUC au mieux de l'établissement seul", "figure"),
    ("average_precision", "précision moyenne (AP)", "figure"),
    ("precision_at_5", "précision dans les 5 % les plus élevés", "percent"),
    ("recall_at_5", "rappel dans les 5 % les plus élevés", "percent"),
    ("lift_at_5", "lift dans les 5 % les plus élevés", "lift"),
    ("precision_at_10", "précision dans les 10 % les plus élevés", "percent"),
    ("recall_at_10", "rappel dans les 10 % les plus élevés", "percent"),
    ("lift_at_10", "lift dans les 10 % les plus élevés", "lift"),
    ("log_loss", "log-loss", "figure"),
    ("brier", "score de Brier", "figure"),
    ("reliability", "Brier : écart de fiabilité (0 = parfait)", "figure"),
    ("resolution", "Brier : résolution, en déduction", "figure"),
    ("uncertainty", "Brier : incertitude de l'issue", "figure"),
    ("within_bins", "Brier : reste, dans les classes", "figure"),
    ("brier_skill", "gain sur le taux de base (Brier)", "percent"),
    ("slope", "pente de calibration [IC 95 %]", "interval"),
    ("intercept", "calibration moyenne (logit) [IC 95 %]", "interval"),
    ("ece", "ECE (10 classes)", "figure"),
    ("ece_debiased", "ECE débiaisée (quadratique)", "figure"),
    ("ici", "ICI", "figure"),
    ("spiegelhalter_z", "test de Spiegelhalter (z)", "figure"),
    ("spiegelhalter_p", "test de Spiegelhalter (p)", "figure"),
)
_GROUPS = (
    ("rows", "lignes", "count"),
    ("pupils", "élèves", "count"),
    ("events", "sorties", "count"),
    ("base_rate", "taux observé", "percent"),
    ("mean_risk", "risque moyen", "percent"),
    ("auc", "AUC", "figure"),
    ("average_precision", "AP", "figure"),
    ("log_loss", "log-loss", "figure"),
    ("brier", "Brier", "figure"),
    ("slope", "pente [IC 95 %]", "interval"),
    ("intercept", "calibration moyenne [IC 95 %]", "interval"),
    ("ici", "ICI", "figure"),
)
DIMENSIONS = {
    "level": "niveau",
    "pathway": "voie",
    "sex": "sexe",
    "school": "établissement",
    "network": "réseau",
    "years_behind": "retard scolaire",
    "sex_pathway": "sexe et voie",
    "sex_years_behind": "sexe et retard",
    "knowledge": "données connues",
    "month": "mois d'observation",
    "exit_kind": "moment de la sortie",
}
GROUPS = {"in_year": "en cours d'année", "non_return": "non-retour à la rentrée"}


def group_name(group: str) -> str:
    """Give the French name of a group.

    Examples
    --------
    >>> group_name("in_year"), group_name("3e")
    ("en cours d'année", '3e')
    """
    return GROUPS.get(group, group)


def pupils_cell(group: GroupFigures) -> str:
    """Write the pupils of a group, unless they are hidden.

    Examples
    --------
    >>> from decrochage_risk.evaluate.groups import GroupFigures
    >>> pupils_cell(GroupFigures(dimension="level", group="3e", rows=None, hidden=True, too_small=True))
    'masqué'
    """
    if group.hidden:
        return HIDDEN
    return NOT_MEASURED if group.pupils is None else number(group.pupils, 0)


def _cell(source: Figures | GroupFigures, key: str, kind: str) -> str:
    value = getattr(source, key)
    if value is None:
        return NOT_MEASURED
    if kind == "count":
        return number(value, 0)
    if kind == "percent":
        return percent(value, 1)
    if kind == "lift":
        return number(value, 2)
    if kind == "interval":
        low, high = getattr(source, f"{key}_low"), getattr(source, f"{key}_high")
        return f"{number(value, 2)} [{number(low, 2)} ; {number(high, 2)}]"
    return number(value, 4)


def figures_rows(scores: Mapping[str, Figures]) -> Table:
    """Header and rows of the main table: one row per figure, one column per score.

    A figure that no score has is left out.

    Examples
    --------
    >>> from decrochage_risk.evaluate.figures import measure
    >>> header, rows = figures_rows({"modèle": measure([0, 0, 1, 1], [0.1, 0.2, 0.2, 0.7])})
    >>> header, rows[0], rows[4]
    (['', 'modèle'], ['lignes', '4'], ['AUC', '0,8750'])
    """
    specs = [
        spec for spec in _FIGURES if any(getattr(figures, spec[0]) is not None for figures in scores.values())
    ]
    rows = [
        [label, *(_cell(figures, key, kind) for figures in scores.values())] for key, label, kind in specs
    ]
    return ["", *scores], rows


def group_rows(groups: Sequence[GroupFigures]) -> Table:
    """Header and rows of the table of groups; a group that is too small says so in place of its figures.

    Examples
    --------
    >>> from decrochage_risk.evaluate.groups import GroupFigures
    >>> group_rows([GroupFigures(dimension="level", group="3e", rows=4, too_small=True)])[1]
    [['niveau', '3e', '4', '-', 'trop petit', '-', '-', '-', '-', '-', '-', '-', '-', '-']]
    """
    header = ["", "groupe", *(label for _, label, _ in _GROUPS)]
    rows = []
    for group in groups:
        cells = [_cell(group, key, kind) for key, _, kind in _GROUPS]
        if group.hidden:
            cells[0] = HIDDEN
        if group.too_small or group.hidden or group.figures_hidden:
            cells[1], cells[2] = pupils_cell(group), TOO_SMALL if group.too_small else HIDDEN
        rows.append([DIMENSIONS.get(group.dimension, group.dimension), group_name(group.group), *cells])
    return header, rows


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table; numbers are aligned to the right.

    Examples
    --------
    >>> print(markdown_table(["", "modèle"], [["AUC", "0,8750"]]))
    |  | modèle |
    |---|---:|
    | AUC | 0,8750 |
    """
    lines = [header, *rows]
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([body[0], "|---" + "|---:" * (len(header) - 1) + "|", *body[1:]])


def text_table(header: list[str], rows: list[list[str]]) -> str:
    """Write an aligned text table: the first column to the left, the others to the right.

    Examples
    --------
    >>> print(text_table(["", "modèle"], [["AUC", "0,8750"], ["lignes", "4"]]))
            modèle
    AUC     0,8750
    lignes       4
    """
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    cells = [
        [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        for line in lines
    ]
    return "\n".join("  ".join(line).rstrip() for line in cells)


_ESSENTIAL = (
    ("auc", "AUC"),
    ("within_school_auc", "dans l'étab."),
    ("average_precision", "AP"),
    ("log_loss", "log-loss"),
    ("slope", "pente"),
)
"""Figures of the page of essentials."""


def essentials_text(title: str, lines: Sequence[str], scores: Mapping[str, Figures], width: int) -> str:
    """Write a page for a terminal: sentences broken within its width (60 at least), and the main figures of each score."""
    width = max(60, width)
    header = ["", *(label for _, label in _ESSENTIAL)]
    name_width = width - sum(max(len(label), 6) + 2 for _, label in _ESSENTIAL)
    rows = []
    for name, figures in scores.items():
        values = [getattr(figures, key) for key, _ in _ESSENTIAL]
        cells = [NOT_MEASURED if value is None else number(value, 4) for value in values]
        rows.append([shorten(name, name_width, placeholder="…"), *cells])
    parts = [fill(line, width, subsequent_indent="  ", break_long_words=False) for line in (title, *lines)]
    return "\n".join([*parts, "", text_table(header, rows)])
