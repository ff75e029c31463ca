"""``demo``: the whole path on synthetic pupils, with the bundled demonstration model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.files import check_target_folder, read_extracts, writing
from decrochage_risk.cli.options import OnFault
from decrochage_risk.cli.output import say, steps
from decrochage_risk.cli.situations import say_scores

__all__ = ["demo"]

SCHOOL_YEARS = (2023, 2024)
AS_OF = "2025-03-05"
_SHOWN = 6
_STEPS = 5


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DOSSIER", help="Où écrire.")] = Path("out/demo"),
    pupils: Annotated[int, typer.Option("--pupils", metavar="N", help="Élèves synthétiques.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Graine du tirage.")] = 2025,
) -> None:
    """Montrer tout le chemin sur des élèves synthétiques, avec le modèle de démonstration.

    Lit : rien.

    Écrit dans le dossier : extraits/ (les tables en Parquet, que les autres commandes lisent) et scores/ (scores,
    motifs, contributions en Parquet, run.json, une liste CSV par établissement). Les fichiers de mêmes noms sont
    remplacés.
    """
    extracts, results = out / "extraits", out / "scores"
    check_target_folder(extracts)
    check_target_folder(results)
    with steps(_STEPS) as step:
        step("Tirage des élèves synthétiques")
        from decrochage_risk.synthetic import make_cohort  # noqa: PLC0415 - pandas loads on first use

        made = make_cohort(pupils, list(SCHOOL_YEARS), seed)
        step("Écriture des extraits")
        with writing(extracts / "pupils.parquet"):
            made.write(extracts)
        step("Lecture et vérification des extraits")
        read = read_extracts(extracts, on_fault=OnFault.RAISE, calendar=None)
        step("Scores et motifs")
        scores = dr.score_pupils(read.records, as_of=AS_OF)
        step("Écriture des scores")
        with writing(results / "scores.parquet"):
            scores.write(results)
    years = french.join([french.school_year(year) for year in SCHOOL_YEARS])
    say(f"{french.plural(len(read.records), 'élève synthétique', 'élèves synthétiques')}, {years}.")
    for line in read.told():
        say(line)
    say_scores(scores, _SHOWN, results / "listes", spread=True)
    say(f"\nModèle de démonstration ({scores.run.model.id}), entraîné sur des élèves synthétiques :")
    say("ses scores montrent le fonctionnement, ils ne décrivent aucun élève réel.")
    say(f"Extraits : {extracts}")
    say(f"Scores, motifs et listes par établissement : {results}")
    say(f"Pour continuer : decrochage-risk check {extracts}")
