"""The French page of the features, written out of the catalogue, for whoever reads a reason: a CPE, a family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk.features.catalogue import CATALOGUE, CONTEXT_COLUMNS
from decrochage_risk.features.definition import FAMILIES, SOURCES
from decrochage_risk.french import UNITS, plural
from decrochage_risk.model.unknown_flags import UNKNOWN_FLAGS, UNKNOWN_LABELS
from decrochage_risk.records.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.features.definition import Family, Feature

__all__ = ["DIRECTIONS", "features_page", "unit_words"]

DIRECTIONS = {
    1: "une valeur plus élevée peut augmenter le risque",
    -1: "une valeur plus élevée peut réduire le risque",
    0: "dans un sens ou dans l’autre",
}
"""What a declared direction means, in French."""

_OWN_UNITS = {"share": "% (part)", "share_points": "points de pourcentage"}
_PATHWAYS = {
    "college": "au collège",
    "segpa": "en SEGPA",
    "gt": "au lycée général et technologique",
    "pro": "au lycée professionnel ou en CAP",
}

_INTRODUCTION = """# Les indicateurs

<!-- Page écrite par docs/generate.py à partir du catalogue déclaré dans le code. Ne pas la modifier. -->

Un indicateur est un nombre calculé, pour chaque élève, sur ce que l’on savait au matin de la *date d’observation* : rien de ce
qui est daté ou saisi ce jour-là ou après n’est utilisé. L’année scolaire va du 1er septembre au 31 août. Les fenêtres de 4 et de
12 semaines s’arrêtent la veille de la date d’observation et ne remontent jamais avant le 1er septembre.

Une valeur *inconnue* (table absente de l’extraction, période non couverte, ou cas dit dans la définition) n’est pas un zéro :
elle compte comme celle de l’élève type dont on ne la connaît pas non plus, elle est signalée comme donnée
manquante, et elle n’est jamais un motif.

Ce à quoi un élève ne pouvait pas assister (période en milieu professionnel, exclusion, établissement fermé) n’est ni une présence
ni une absence : les semaines, les suites de jours, les mois et les jours depuis une note ne comptent que les jours où sa présence
était attendue au moins une demi-journée.

Le *sens* est imposé au modèle : « peut augmenter » veut dire qu’une valeur plus élevée, toutes choses égales par ailleurs,
n’abaisse jamais le risque estimé ; « peut réduire », qu’elle ne l’élève jamais. Un indicateur n’est ni une cause, ni un jugement :
c’est un fait à vérifier avec l’élève. Le sexe, la nationalité, l’adresse, la bourse, le handicap et l’identifiant de
l’établissement ne sont pas des indicateurs.

Les indicateurs sont regroupés en familles. Un motif est dit par famille, avec la valeur de l’élève et celle de l’élève type. La
*révision* augmente quand le même nom se met à désigner autre chose ; un modèle appris sur une autre révision est refusé.
"""

_NOT_TOLD = (
    "Ces indicateurs entrent dans le calcul, mais aucun motif ne les cite : ce qu’ils changent au risque fait partie des « autres "
    "éléments »."
)

_CONTEXT_INTRODUCTION = """## Contexte

Ces colonnes disent où en est l’élève dans sa scolarité et dans l’année. Elles fixent le niveau de départ du risque. L’élève type a
les mêmes par construction : elles ne sont jamais un motif. Les valeurs de l’établissement viennent de la table
[`context`](records.md), faite une fois pour toutes par `build_context` ; sans elle, elles sont inconnues.

| colonne | signification |
|---|---|
"""


_UNKNOWN_INTRODUCTION = """## Ce qui n’est pas connu

Ces colonnes disent au modèle ce qui n’est pas connu de l’élève à la date d’observation. L’élève type a les mêmes : elles ne sont
jamais un motif, et une donnée qui manque n’est jamais reprochée à un élève.

| colonne | signification |
|---|---|
"""


_SOURCES_INTRODUCTION = """## Sources

"""


def unit_words(unit: str) -> str:
    """Words of a unit of the catalogue.

    Examples
    --------
    >>> unit_words("half-days"), unit_words("share_points")
    ('demi-journées', 'points de pourcentage')
    """
    return _OWN_UNITS[unit] if unit in _OWN_UNITS else UNITS[unit].plural


def features_page() -> str:
    """Write ``docs/features.md``: every feature by family, the context columns and the sources, in French.

    Returns
    -------
    str
        Markdown, ending with a line break.

    Examples
    --------
    >>> features_page().splitlines()[0]
    '# Les indicateurs'
    """
    by_family = [(family, [item for item in CATALOGUE if item.family is family]) for family in FAMILIES]
    sections = [_family_section(family, features) for family, features in by_family if features]
    context = _CONTEXT_INTRODUCTION + "".join(
        f"| `{column}` | {meaning} |\n" for column, meaning in _context_meanings().items()
    )
    unknown = _UNKNOWN_INTRODUCTION + "".join(
        f"| `{flag}` | 1 si rien n’est connu : {UNKNOWN_LABELS[flag]} ({plural(len(columns), 'indicateur')}) |\n"
        for flag, columns in UNKNOWN_FLAGS.items()
    )
    sources = _SOURCES_INTRODUCTION + "".join(f"- **{name}** : {what}.\n" for name, what in SOURCES.items())
    return "\n".join([_INTRODUCTION, *sections, context, unknown, sources])


def _family_section(family: Family, features: Iterable[Feature]) -> str:
    lines = [
        f"## {family.label} : `{family.code}`",
        "",
        *([] if family.told else [_NOT_TOLD, ""]),
        "| indicateur | définition | jours regardés | unité | sens | table | révision | source |",
        "|---|---|---|---|---|---|---:|---|",
        *map(_feature_line, features),
    ]
    return "\n".join(lines) + "\n"


def _feature_line(feature: Feature) -> str:
    cells = [
        f"`{feature.name}`",
        feature.definition,
        feature.window.label,
        unit_words(feature.unit),
        DIRECTIONS[feature.direction],
        f"[`{feature.table}`](records.md)",
        str(feature.revision),
        feature.source,
    ]
    return f"| {' | '.join(cells)} |"


def _context_meanings() -> dict[str, str]:
    meanings = {f"level_{level.name}": f"1 pour un élève de {level.label}, 0 sinon" for level in LEVELS}
    meanings |= {f"pathway_{code}": f"1 pour un élève {place}, 0 sinon" for code, place in _PATHWAYS.items()}
    meanings["weeks_since_september"] = "semaines écoulées depuis le 1er septembre"
    meanings["context_school_absence_rate"] = (
        "taux d’absence moyen de l’établissement dans l’année (table `context`)"
    )
    meanings["context_school_mean_grade"] = (
        "moyenne des notes de l’établissement dans l’année (table `context`)"
    )
    return {column: meanings[column] for column in CONTEXT_COLUMNS}
