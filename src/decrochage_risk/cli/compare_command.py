"""``compare`` and ``recalibrate``: a new model beside the one in use, and the level of a model between two trainings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

import decrochage_risk as dr
from decrochage_risk.cli.files import check_target_file, check_target_model, read_extracts, writing
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    AsOfDays,
    CalendarFile,
    Capacity,
    CurrentModel,
    LabelsKnownOn,
    OnFault,
    OnFaultOption,
    RecordsFolder,
    ReportFile,
    Zone,
    chosen_calendar,
)
from decrochage_risk.cli.output import console, say, steps
from decrochage_risk.errors import ContractMismatchError

if TYPE_CHECKING:
    from decrochage_risk.evaluate import ModelComparison

__all__ = ["EXIT_CODES", "compare", "load_any", "recalibrate", "say_comparison"]

EXIT_CODES: Final = {"promote": 0, "keep": 3, "review": 4}
"""Exit code of each verdict; 1 and 2 are those of every command."""

Champion = Annotated[
    Path, typer.Option("--champion", metavar="DOSSIER", show_default=False, help="Modèle en place.")
]
Challenger = Annotated[
    Path, typer.Option("--challenger", metavar="DOSSIER", show_default=False, help="Nouveau modèle.")
]
Margin = Annotated[
    float,
    typer.Option(
        "--margin", metavar="NATS", help="Log-loss que le nouveau modèle peut perdre ; 0 : il doit gagner."
    ),
]
ChangesFile = Annotated[
    Path | None,
    typer.Option(
        "--changes", metavar="CSV", show_default=False, help="Écrire qui change de côté, élève par élève."
    ),
]
UpdatedModel = Annotated[
    Path, typer.Option("--out", metavar="DOSSIER", show_default=False, help="Dossier du modèle mis à jour.")
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXTE", show_default=False, help="Motif, gardé dans le modèle.")
]


def compare(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    champion: Champion,
    challenger: Challenger,
    as_of: AsOfDays,
    labels_known_on: LabelsKnownOn,
    capacity: Capacity = 20,
    margin: Margin = 0.0,
    json: ReportFile = None,
    changes: ChangesFile = None,
    on_fault: OnFaultOption = OnFault.RAISE,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
) -> None:
    """Mettre en regard le modèle en place et un nouveau, sur les mêmes élèves d'une année qu'aucun des deux n'a apprise.

    Lit : le dossier des extraits avec sa table outcomes, et les deux modèles. Affiche les chiffres et leurs écarts, les
    critères de calibration et d'équité, ce qui change dans la liste, le verdict et ses causes. Écrit : les fichiers de
    --json et --changes, s'ils sont demandés.

    Codes de sortie : 0 mettre en service ; 3 garder le modèle en place ; 4 à examiner ; 2 demande ou fichier
    inutilisable.
    """
    check_target_file(json)
    check_target_file(changes)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle)
    with steps() as step:
        step("Lecture des modèles")
        models = load_any(champion), load_any(challenger)
        step("Lecture et vérification des extraits")
        read = read_extracts(folder, on_fault=on_fault, calendar=days)
        found = dr.compare_models(
            *models,
            read.records,
            as_of_dates=as_of,
            labels_known_on=labels_known_on,
            capacity=capacity,
            margin=margin,
            progress=step,
        )
    for line in read.told():
        say(line)
    say_comparison(found)
    if json is not None:
        with writing(json):
            json.write_text(found.to_json(), encoding="utf-8")
    if changes is not None and found.changes is not None:
        with writing(changes):
            found.changes.to_csv(changes, index=False, sep=";", decimal=",", encoding="utf-8-sig")
    raise typer.Exit(EXIT_CODES[found.verdict])


def load_any(folder: Path) -> dr.TrainedModel:
    """Load a model; of one that was trained on other features, say what can still be done.

    Raises
    ------
    ContractMismatchError
        With the way out in its hint.
    ArtefactError
        As ``load_model``.
    """
    try:
        return dr.load_model(folder)
    except ContractMismatchError as error:
        raise ContractMismatchError(
            f"{error} To compare all the same, train the old configuration again on this version: a model is never read "
            "through features that mean something else."
        ) from error


def say_comparison(found: ModelComparison) -> None:
    """Print a comparison: the verdict and its causes, then the tables."""
    from rich import box  # noqa: PLC0415 - --help needs no Rich
    from rich.table import Table  # noqa: PLC0415 - --help needs no Rich

    from decrochage_risk.evaluate import comparison_text as words  # noqa: PLC0415 - pandas loads on first use

    for line in words.comparison_heading(found):
        say(line)
    for title, (header, rows) in words.comparison_tables(found).items():
        table = Table(title=title, title_justify="left", box=box.HORIZONTALS, pad_edge=False)
        for at, name in enumerate(header):
            table.add_column(name, justify="left" if at == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        say()
        console().print(table)
    for line in words.not_judged(found):
        say(line)
    say(f"\n{words.verdict_line(found)}")
    for cause in found.causes:
        say(f"- {cause.sentence}")


def recalibrate(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    model: CurrentModel,
    out: UpdatedModel,
    as_of: AsOfDays,
    labels_known_on: LabelsKnownOn,
    reason: Reason,
    on_fault: OnFaultOption = OnFault.RAISE,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
) -> None:
    """Remettre le niveau moyen d'un modèle à celui d'issues closes depuis son apprentissage, et rien d'autre.

    Lit : le dossier des extraits avec sa table outcomes, et le modèle. Il faut au moins 300 élèves dont l'issue est close,
    d'années que le modèle n'a pas apprises. L'ordre des élèves et les motifs ne changent pas.

    Écrit : le modèle mis à jour, avec un nouvel identifiant, le motif, l'ancien et le nouveau niveau, et l'empreinte du
    modèle d'avant.
    """
    check_target_model(out)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle)
    with steps() as step:
        step("Lecture du modèle")
        trained = dr.load_model(model)
        step("Lecture et vérification des extraits")
        read = read_extracts(folder, on_fault=on_fault, calendar=days)
        step("Mise à jour du niveau moyen")
        moved = dr.recalibrate(
            trained, read.records, as_of_dates=as_of, labels_known_on=labels_known_on, reason=reason
        )
        with writing(out):
            moved.save(out)
    for line in read.told():
        say(line)
    say(moved.card.removeprefix(trained.card).strip())
    say(f"\nModèle : {moved.model_id}, écrit dans {out}")
