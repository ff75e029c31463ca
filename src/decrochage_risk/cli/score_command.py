"""``score``: one result per pupil of a folder of extracts, on a date."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.capacity import asked_places, write_capacity_list
from decrochage_risk.cli.files import check_target_file, check_target_folder, fault_lines, reading_lines
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    AsOf,
    CalendarFile,
    Explain,
    OnFault,
    OnFaultOption,
    Partitions,
    RecordsFolder,
    Zone,
    chosen_calendar,
    ids_of_file,
)
from decrochage_risk.cli.output import bar, say
from decrochage_risk.cli.situations import say_digest

if TYPE_CHECKING:
    from decrochage_risk.score import FolderScores

__all__ = ["score"]

ModelFolder = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="DOSSIER",
        show_default=False,
        help="Modèle écrit par « train » ; sans lui, le modèle de démonstration, qui ne décrit aucun élève réel.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DOSSIER", show_default=False, help="Où écrire ; out/AAAA-MM-JJ par défaut."
    ),
]
ExplainOption = Annotated[Explain, typer.Option("--explain", help="À qui donner des motifs.")]
Exclude = Annotated[
    Path | None,
    typer.Option(
        "--exclude",
        metavar="FICHIER",
        show_default=False,
        help="Élèves dont la famille s'oppose au traitement, un identifiant par ligne : «\N{NO-BREAK SPACE}traitement refusé\N{NO-BREAK SPACE}».",
    ),
]
PolicyPath = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="CHEMIN",
        show_default=False,
        help="Vos seuils ou vos mesures : un fichier, ou un dossier avec vigilance.toml, measures.toml ou les deux.",
    ),
]


JournalFile = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        metavar="FICHIER",
        show_default=False,
        help="Journal où ajouter une ligne : heure, versions, empreintes, effectifs, identifiants signalés ; aucun risque.",
    ),
]
Capacity = Annotated[
    list[str] | None,
    typer.Option(
        "--capacity",
        metavar="N|UAI=N",
        show_default=False,
        help="Écrire aussi, par établissement, la liste des N élèves au risque le plus élevé (capacite.csv) ; "
        "UAI=N pour un établissement, à répéter.",
    ),
]


def score(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    as_of: AsOf,
    model: ModelFolder = None,
    out: Out = None,
    explain: ExplainOption = Explain.FLAGGED,
    on_fault: OnFaultOption = OnFault.RAISE,
    exclude: Exclude = None,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
    policy: PolicyPath = None,
    partitions: Partitions = None,
    journal: JournalFile = None,
    capacity: Capacity = None,
) -> None:
    """Scorer chaque élève d'un dossier, tel qu'on le connaissait au matin d'une date.

    Lit : le dossier des extraits, le modèle, la liste d'opposition, les seuils et le calendrier s'ils sont donnés.

    Écrit dans le dossier de sortie : scores.parquet (une ligne par élève, personne n'est omis), reasons.parquet,
    contributions.parquet, run.json (modèle, seuils, calendrier, fautes) et listes/, un CSV par établissement
    qu'Excel ouvre en France. Les fichiers d'un passage précédent y sont remplacés. Avec --journal : une ligne de plus
    dans le journal, à l'heure du passage.

    Des extraits plus grands que la mémoire (en Parquet) sont traités en parties ; le travail en cours est gardé à côté
    du dossier de sortie, dans .NOM.partitions : relancée avec les mêmes fichiers et options, la commande reprend où elle
    s'était arrêtée.
    """
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - numpy and pandas load on first use

    day = to_date(as_of)
    target = out if out is not None else Path("out", day.isoformat())
    check_target_folder(target)
    check_target_file(journal)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle)
    refused, chosen, places = ids_of_file(exclude), dr.load_policy(policy), asked_places(capacity or ())
    with bar() as tell:
        tell("Lecture du modèle", 0, 0)
        trained = dr.load_model(model) if model is not None else None
        done = dr.score_folder(
            folder,
            target,
            as_of=day,
            model=trained,
            policy=chosen,
            explain=explain.value,
            exclude=refused,
            on_fault=on_fault.value,
            calendar=days,
            partitions=partitions,
            progress=tell,
        )
        if journal is not None:
            dr.Journal(journal).record_folder(done, folder, at=datetime.now(tz=UTC))
    _say_result(done)
    if places is not None:
        say(write_capacity_list(done, places))


def _say_result(done: FolderScores) -> None:
    run = done.digest.run
    errors, warnings = (
        sum(count for name, count in run.faults.items() if name.startswith(severity))
        for severity in ("error ", "warning ")
    )
    for line in [*reading_lines(done), *fault_lines(errors, warnings)]:
        say(line)
    say_digest(done.digest, done.folder / "listes")
    say(f"Modèle : {run.model.id}{', de démonstration' if run.model.demo else ''}")
    if done.parts > 1:
        say(f"Élèves traités en {french.number(done.parts)} parties.")
    say(f"Scores, motifs et listes par établissement : {done.folder}")
