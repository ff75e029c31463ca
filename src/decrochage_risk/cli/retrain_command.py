"""``retrain``: the yearly retraining, from one configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import decrochage_risk as dr
from decrochage_risk.cli.compare_command import EXIT_CODES, say_comparison
from decrochage_risk.cli.output import say, steps

__all__ = ["retrain"]

Config = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG.toml", show_default=False, help="Configuration ; ses chemins partent de son dossier."
    ),
]
_STEPS = 6


def retrain(config: Config) -> None:
    """Réentraîner pour une nouvelle année : vérifier, apprendre, évaluer, comparer au modèle en place, écrire la fiche.

    Lit : la configuration (records, run, labels_known_on, et au choix outcomes, supported, helped, champion, policy, calendar, name,
    school_years, as_of, outcome_closes, seed, capacity, margin, on_fault, synthetic, [options]), puis les extraits, les issues
    et le modèle en place qu'elle nomme.

    Écrit dans le dossier run : inputs.json (empreinte de chaque fichier lu), check.json, candidate (le modèle
    comparé, sans la dernière année), evaluation, comparison, model (le nouveau modèle, toutes les années, avec sa
    fiche), verdict.json. Un passage arrêté reprend où il en était ; une entrée changée ne refait que ce qui en
    dépend ; les mêmes entrées donnent les mêmes octets.

    Codes de sortie : 0 mettre en service, ou rien à comparer ; 3 garder le modèle en place ; 4 à examiner ; 2 demande ou
    fichier inutilisable.
    """
    with steps(_STEPS) as step:
        done = dr.retrain(config, progress=step)
    if done.kept:
        say(f"Étapes déjà faites : {', '.join(done.kept)}")
    if done.comparison is None:
        say("Aucun modèle en place, ou aucune année que rien n'a apprise : rien n'a été comparé.")
    else:
        say_comparison(done.comparison)
    say(f"\nModèle : {done.model.model_id}{', de démonstration' if done.model.demo else ''}")
    say(f"Écrit dans {done.folder} ; sa fiche : {done.folder / 'model' / 'card.md'}")
    raise typer.Exit(EXIT_CODES.get(done.verdict, 0))
