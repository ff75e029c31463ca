"""The JSON schemas and the French page of the records, written out of the declared tables and rules."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from decrochage_risk.records.rules import CELL_RULES, CROSS_RULES, ROW_RULES
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.records.faults import Rule
    from decrochage_risk.records.table_schemas import Column, Table

__all__ = ["records_page", "schema_of", "schemas"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

_KINDS = {
    "text": "texte",
    "day": "date",
    "integer": "nombre entier",
    "number": "nombre",
    "flag": "oui / non",
    "choice": "choix",
}
_SEVERITIES = {"error": "erreur", "warning": "avertissement"}

_INTRODUCTION = """# Les données

<!-- Page écrite par docs/generate.py à partir des tables et des règles déclarées dans le code. Ne pas la modifier. -->

Les données sont des tables : des `DataFrame`, un dossier de fichiers Parquet ou CSV qui portent le nom des tables,
ou des listes de dictionnaires (JSON). L’ordre des colonnes et des lignes ne compte pas. Seules `pupils` et
`enrolments` sont obligatoires : une table absente est une information *inconnue*, jamais « zéro absence » ; une table
présente mais vide dit qu’il n’y a rien eu.

Dans un CSV, les dates s’écrivent `2024-09-30` ou `30/09/2024`, les nombres avec un point ou une virgule, les oui / non
`true` / `false`, `1` / `0`, `oui` / `non` ou `O` / `N`. Une cellule vide est une valeur manquante ; dans une colonne qui a une
valeur par défaut, elle prend cette valeur.

Les identifiants sont opaques : accents, espaces intérieures et émojis sont permis ; un blanc au début ou à la fin, un
caractère de contrôle ou plus de 256 caractères sont des erreurs. Une colonne d’identifiants entiers est lue comme du
texte ; des identifiants lus comme des nombres à virgule sont une erreur, car leurs zéros de tête sont perdus.
"""

_RULES_INTRODUCTION = """## Les règles

Toutes les fautes de toutes les tables sont rassemblées dans un seul rapport : table, ligne, colonne, valeur, règle, remède.
Une *erreur* arrête la lecture, ou met la ligne de côté si on le demande (`on_fault="quarantine"`) ; dans `pupils`, la cellule
fautive est vidée et l’élève est gardé. Un *avertissement* garde la ligne, la signale et la compte.

Ce qui est jugé est ce qui était connu : avec une date d’observation (`as_of=`, `score`, `check --as-of`), la faute d’une ligne datée ou
saisie ce jour-là ou après n’arrête rien, ne met rien de côté et n’est pas comptée.
"""


def schemas() -> dict[str, dict[str, Any]]:
    """Make the JSON Schema (draft 2020-12) of every table: a list of rows.

    Returns
    -------
    dict of str to dict
        By table name, always in the same order.

    Examples
    --------
    >>> schemas()["pupils"]["items"]["required"]
    ['pupil_id']
    """
    return {name: schema_of(table) for name, table in TABLES.items()}


def schema_of(table: Table) -> dict[str, Any]:
    """Make the JSON Schema of one table: a list of rows."""
    row = table.model.model_json_schema()
    return {
        "$schema": _DRAFT,
        "title": table.name,
        "description": row["description"],
        "type": "array",
        **({"minItems": 1} if table.mandatory else {}),
        "items": row,
    }


def records_page() -> str:
    """Write ``docs/records.md``: every table, column and rule, in French, for a data team.

    Returns
    -------
    str
        Markdown, ending with a line break.

    Examples
    --------
    >>> records_page().splitlines()[0]
    '# Les données'
    """
    sections = [_INTRODUCTION, *(_table_section(table) for table in TABLES.values()), _RULES_INTRODUCTION]
    sections += [
        _rules_section("Colonnes et cellules", ((rule, "toutes") for rule in CELL_RULES)),
        _rules_section("Dans une ligne", ((row_rule.rule, f"`{row_rule.table}`") for row_rule in ROW_RULES)),
        _rules_section("Entre lignes et entre tables", ((rule, None) for rule in CROSS_RULES)),
    ]
    return "\n".join(sections)


def _table_section(table: Table) -> str:
    wanted = "obligatoire" if table.mandatory else "facultative"
    lines = [
        f"## {table.label} : `{table.name}`",
        "",
        f"Table {wanted}.",
        "",
        "| colonne | type | obligatoire | bornes ou valeurs | signification |",
        "|---|---|---|---|---|",
        *(_column_line(column) for column in table.columns),
    ]
    lines += [line for column in table.columns if column.choices for line in _choices(column)]
    return "\n".join(lines) + "\n"


def _column_line(column: Column) -> str:
    meaning = f"**{column.label}.** {column.meaning}"
    return (
        f"| `{column.name}` | {_KINDS[column.kind]} | {_presence(column)} | {_bounds(column)} | {meaning} |"
    )


def _presence(column: Column) -> str:
    if column.required:
        return "colonne oui, valeur non" if column.nullable else "oui"
    return "non" if column.default is None else f"non ({column.default} par défaut)"


def _bounds(column: Column) -> str:
    if column.choices:
        return "voir ci-dessous"
    if column.check == "uai":
        return "7 chiffres et la lettre qui les contrôle"
    if column.max_length is not None:
        return f"{column.max_length} caractères au plus"
    if column.maximum is None:
        return ""
    low, high = _bound(column.minimum), _bound(column.maximum)
    return f"plus de {low}, jusqu’à {high}" if column.above_minimum else f"de {low} à {high}"


def _bound(bound: float | date | None) -> str:
    return f"{bound:%d/%m/%Y}" if isinstance(bound, date) else str(bound)


def _choices(column: Column) -> list[str]:
    listed = " ; ".join(f"`{choice}` ({column.labels[choice]})" for choice in column.choices)
    return ["", f"Valeurs de `{column.name}` : {listed}."]


def _rules_section(title: str, rules: Iterable[tuple[Rule, str | None]]) -> str:
    listed = list(rules)
    with_table = any(table is not None and table != "toutes" for _, table in listed)
    head = ["règle", *(["table"] if with_table else []), "gravité", "ce qui est signalé", "remède"]
    lines = [f"### {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for rule, table in listed:
        cells = [f"`{rule.name}`", *([str(table)] if with_table else [])]
        cells += [_SEVERITIES[rule.severity], rule.meaning, rule.remedy]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
