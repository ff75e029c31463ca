"""``drift``: the watch between two trainings."""

from __future__ import annotations

from typing import Annotated, Final

import typer

import decrochage_risk as dr
from decrochage_risk.cli.files import check_target_file, read_extracts, writing
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    AsOf,
    CalendarFile,
    CurrentModel,
    OnFault,
    OnFaultOption,
    RecordsFolder,
    ReportFile,
    Zone,
    chosen_calendar,
)
from decrochage_risk.cli.output import say, steps

__all__ = ["EXIT_CODES", "drift"]

EXIT_CODES: Final = {"ok": 0, "watch": 3, "stop": 4}

LabelsAsOf = Annotated[
    list[str] | None,
    typer.Option(
        "--labels-as-of",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Date d'observation dont les issues sont closes ; à répéter.",
    ),
]
LabelsKnownOn = Annotated[
    str | None,
    typer.Option(
        "--labels-known-on",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Jour de l'extraction des issues ; avec --labels-as-of.",
    ),
]


def drift(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    model: CurrentModel,
    as_of: AsOf,
    labels_as_of: LabelsAsOf = None,
    labels_known_on: LabelsKnownOn = None,
    json: ReportFile = None,
    on_fault: OnFaultOption = OnFault.RAISE,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
) -> None:
    """Veiller entre deux entraînements : élèves, tables et issues sont-ils encore ceux que le modèle connaît.

    Lit : le dossier des extraits et le modèle ; la table outcomes avec --labels-as-of. Avec l'année précédente dans les
    extraits, chaque établissement est comparé à lui-même un an avant. Affiche le verdict de l'ensemble et de chaque
    établissement. Écrit : le fichier de --json, s'il est demandé.

    Codes de sortie : 0 rien à signaler ; 3 à surveiller ; 4 à examiner avant d'utiliser les scores ; 2 demande ou fichier
    inutilisable.
    """
    check_target_file(json)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle)
    with steps() as step:
        step("Lecture du modèle")
        trained = dr.load_model(model)
        step("Lecture et vérification des extraits")
        read = read_extracts(folder, on_fault=on_fault, calendar=days)
        step("Veille")
        found = dr.watch_drift(
            trained, read.records, as_of, labels_as_of=labels_as_of or (), labels_known_on=labels_known_on
        )
    for line in read.told():
        say(line)
    say(f"\n{found}")
    if json is not None:
        with writing(json):
            json.write_text(found.to_json(), encoding="utf-8")
    raise typer.Exit(EXIT_CODES[found.verdict])
