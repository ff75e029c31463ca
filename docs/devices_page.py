"""The page of the devices that the rector's letter names: where each lives here, when it opens, on which text it rests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from decrochage_risk import french
from decrochage_risk.policy import MeasureRule, load_policy
from decrochage_risk.records.levels import LEVEL_BY_NAME, LEVEL_NAMES

MOST_NAMED = 4
"""Levels that a row names; of more it says how many."""
LEAP_YEAR = 2024
READINGS = {
    "text": "texte lu dans une copie",
    "secondary": "lu par une page qui le rapporte",
    "title": "référence seule lue",
    "letter": "lettre lue",
    "memory": "de mémoire",
}


@dataclass(frozen=True)
class Device:
    """A device of the letter.

    Attributes
    ----------
    name : str
        As the letter names it.
    place : str
        Where it lives in the library.
    measures : tuple of str
        Codes of the measures; none for what is no measure of a pupil.
    opens, source : str
        When it opens, and its source, where no measure says so.
    """

    name: str
    place: str
    measures: tuple[str, ...] = ()
    opens: str = ""
    source: str = ""


LETTER = "Lettre du recteur Grand Est du 23 avril 2024"

DEVICES = (
    Device("Persévérance scolaire (étape 1)", "mesure du palier 1", ("perseverance",)),
    Device("Vigilance accrue dès l'entrée en 4e (étape 2)", "`policy/vigilance.toml`, liste « risque estimé »",
           opens="4e et au-delà, à tout moment", source=f"{LETTER}, partie 2"),
    Device("Assiduité, signal légal", "liste « seuil légal d'absence »",
           ("commission_educative", "commission_educative_16", "personnel_referent")),
    Device("GPDS, référent décrochage", "mesure du palier 2", ("gpds",)),
    Device("Actions spécifiques en établissement", "mesure du palier 2", ("actions_etablissement",)),
    Device("Dispositifs relais", "mesure du palier 2", ("dispositif_relais",)),
    Device("PAFI", "mesure du palier 2", ("pafi",)),
    Device("Droit à l'erreur en orientation", "mesure du palier 2", ("periode_consolidation",)),
    Device("Droit au maintien dans la formation", "mesure du palier 3 et des sorties", ("droit_maintien",)),
    Device("MLDS", "mesure du palier 2 et des sorties", ("mlds",)),
    Device("Réseaux FoQualE, diagnostic de territoire", "`enrolments.network_id` ; pages d'un réseau (`report`)",
           opens="à chaque passage, par réseau", source="Circulaire 2013-035 du 29 mars 2013 (MENE1306159C)"),
    Device("Temps de bilan (étape 3)", "mesure du palier 3 et des sorties", ("temps_de_bilan",)),
    Device("Tous droits ouverts", "mesure du palier 3 et des sorties", ("tdo",)),
    Device("Sortie avérée", "liste « sortie à vérifier », sans aucun modèle (`signals`)",
           opens="dès que l'inscription est close ou n'est pas reprise", source=f"{LETTER}, partie 3"),
    Device("Obligation d'instruction", "mesure des sorties", ("obligation_instruction",)),
    Device("Obligation de formation", "mesure des sorties", ("obligation_formation",)),
    Device("PSAD, SIEI", "mesure des sorties", ("psad",)),
    Device("Partenaires de la PSAD (mission locale, CFA, École de la 2e chance, Afpa)", "textes de « Tous droits ouverts » et de la PSAD",
           opens="avec ces deux mesures ; l'établissement et la plateforme les choisissent", source=f"{LETTER}, partie 3"),
    Device("Droit au retour en formation initiale", "mesure des sorties", ("droit_au_retour",)),
    Device("Suivi commun des premiers temps", "mesure du palier 3 et des sorties", ("suivi_commun",)),
    Device("Fin de CAP et de bac professionnel", "mesures de la dernière année",
           ("avenir_pro", "avenir_pro_plus", "avenir_pro_2024", "ambition_emploi", "nouvelle_preparation")),
)  # fmt: skip


def devices_page() -> str:
    """Write the page."""
    rules = {rule.code: rule for rule in load_policy().measures}
    lines = [
        "# Les dispositifs de la lettre, et où ils sont",
        "",
        "Page écrite par `docs/generate.py`. Une mesure est suggérée, jamais décidée. Les textes n'ont pas été lus en direct",
        "sur Légifrance : la dernière colonne dit ce qui a été lu. Ce n'est pas un avis juridique.",
        "",
        "| Dispositif | Où il est | Quand il s'ouvre | Source | Lecture |",
        "|---|---|---|---|---|",
    ]
    named = {code for device in DEVICES for code in device.measures}
    others = Device("Hors de la lettre", "mesure", tuple(code for code in rules if code not in named))
    # A measure that the letter does not name has its row all the same.
    for device in (*DEVICES, *([others] if others.measures else [])):
        if not device.measures:
            lines.append(
                f"| {device.name} | {device.place} | {device.opens} | {device.source} | {READINGS['letter']} |"
            )
        for code in device.measures:
            rule = rules[code]
            nor = f" ({rule.nor})" if rule.nor else ""
            lines.append(
                f"| {device.name} : {rule.label} | {device.place} (`{code}`) | {opening_of(rule)} | {rule.source}{nor} | "
                f"{READINGS[rule.reading]} |"
            )
    return "\n".join(lines) + "\n"


def opening_of(rule: MeasureRule) -> str:
    """Say when a measure opens: fact or tier, age, levels, days, dates in force."""
    parts = [
        f"à partir de {fact.at_least:g} demi-journées non justifiées dans un mois" for fact in rule.facts
    ]
    if not rule.facts:
        parts.append(
            f"palier {rule.min_tier}{' et plus' if rule.min_tier < len(load_policy().table.tiers) else ''}"
        )
    if rule.departure:
        parts.append("sortie à vérifier")
    if rule.min_age is not None or rule.max_age is not None:
        low = "" if rule.min_age is None else f"dès {rule.min_age} ans"
        high = "" if rule.max_age is None else f"jusqu'à {rule.max_age} ans révolus"
        parts.append(" ".join(text for text in (low, high) if text))
    if rule.levels != "all":
        labels = [LEVEL_BY_NAME[level].label for level in rule.levels]
        parts.append(
            french.join(labels)
            if len(labels) <= MOST_NAMED
            else f"{len(labels)} niveaux sur {len(LEVEL_NAMES)}"
        )
    if rule.window is not None:
        first, last = (
            date.fromisoformat(f"{LEAP_YEAR}-{day}") for day in (rule.window.start, rule.window.end)
        )
        parts.append(french.period(first, last))
    end = "" if rule.valid_to is None else f" jusqu'au {french.day(rule.valid_to, with_year=True)}"
    return f"{', '.join(parts)} ; en vigueur depuis le {french.day(rule.valid_from, with_year=True)}{end}"
