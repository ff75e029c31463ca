"""``check``, ``pseudonymise``, ``new-key`` and ``clean``: folders of extracts, before any score, and copies left of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from decrochage_risk import french
from decrochage_risk.cli.files import check_target_file, check_target_folder, checked, reading_lines, writing
from decrochage_risk.cli.messages import text_in_french
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    CalendarFile,
    Group,
    MappingFile,
    OnFault,
    RecordsFolder,
    Zone,
    chosen_calendar,
)
from decrochage_risk.cli.output import say, steps
from decrochage_risk.errors import FaultyRecordsError, RecordsError, explain_error

if TYPE_CHECKING:
    from datetime import date

    from decrochage_risk.records.faults import FaultReport
    from decrochage_risk.records.pseudonyms import PseudonymisedFolder
    from decrochage_risk.records.reading import Folder
    from decrochage_risk.records.table_mapping import TableMapping
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["check", "clean", "new_key", "pseudonymise"]

FAULTS_FOUND = 1


def check(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FICHIER",
            show_default=False,
            help="Écrire toutes les fautes en CSV, une par ligne.",
        ),
    ] = None,
    values: Annotated[
        bool,
        typer.Option(
            "--values",
            help="Écrire aussi dans --report ce que contenaient les cellules : des données d'élèves.",
        ),
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="AAAA-MM-JJ",
            show_default=False,
            help="Ne dire que les fautes de ce qui était connu au matin de ce jour, comme « score » les juge.",
        ),
    ] = None,
    mapping: MappingFile = None,
    draft_mapping: Annotated[
        Path | None,
        typer.Option(
            "--draft-mapping",
            metavar="TOML",
            show_default=False,
            help="Écrire une correspondance proposée pour des tables faites à la main, à relire ; les fautes dites sont celles "
            "qui resteraient avec elle.",
        ),
    ] = None,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
    group: Group = False,
) -> None:
    """Vérifier un dossier d'extraits et dire toutes les fautes à la fois.

    Lit : le dossier des extraits. Il n'est jamais modifié.

    Affiche ce qui a été lu, ce qui ne l'a pas été, et chaque faute : table, colonne, lignes, remède ; jamais ce que contiennent les cellules.
    Écrit : le fichier de --report, et celui de --draft-mapping, s'ils sont demandés.

    Codes de sortie : 0 rien, ou seulement des avertissements ; 1 des erreurs ; 2 dossier illisible.
    """
    from decrochage_risk.records.reading import read_folder  # noqa: PLC0415 - pandas loads on first use
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - same

    check_target_file(report, reads=[folder, mapping, calendar])
    day = None if as_of is None else to_date(as_of)
    table_mapping = _chosen_mapping(folder, mapping, draft_mapping)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=folder)
    with steps(2) as step:
        step("Lecture des extraits")
        extracts = read_folder(folder, mapping=table_mapping)
        # Before the check, which takes the raw tables away as it goes.
        rows = {name: table.size for name, table in extracts.raw.items()}
        step("Vérification")
        faults = _faults_of(extracts, days, day)
    _say_tables(extracts, rows)
    say(f"\n{faults.text('fr')}")
    if report is not None:
        with writing(report):
            faults.to_csv(report, values=values, group=group)
        say(f"\nToutes les fautes : {report}")
    if draft_mapping is not None:
        say(
            f"\nRelisez {draft_mapping}, écrivez-y confirmed = true, puis :\n"
            f"  decrochage-risk check {folder} --mapping {draft_mapping}"
        )
    elif mapping is not None and not faults.errors:
        # "score" reads our names alone: the pseudonymised tables have them.
        say(
            "\nPour écrire ces tables sous nos noms, que lit « score », sans identifiant en clair :\n"
            f"  decrochage-risk pseudonymise {folder} tables --key ma_cle --mapping {mapping}"
        )
    if faults.errors:
        raise typer.Exit(FAULTS_FOUND)


def _chosen_mapping(folder: Path, mapping: Path | None, draft: Path | None) -> TableMapping | None:
    """Read the mapping asked for, or write a first one and take it as it stands.

    Raises
    ------
    RecordsError
        Both, a file that is there already, a mapping at fault or not confirmed.
    """
    from decrochage_risk.records.table_mapping import read_mapping  # noqa: PLC0415 - pandas loads on first use

    if draft is None:
        return None if mapping is None else read_mapping(mapping)
    if mapping is not None or draft.exists():
        raise RecordsError(
            explain_error(
                f"--draft-mapping {draft}"
                + (" came with --mapping" if mapping is not None else " is there already"),
                expected="a new file, or --mapping alone",
                hint="What a person corrected is never written over: choose another name.",
            )
        )
    from decrochage_risk.importers.hand_made import draft_mapping  # noqa: PLC0415 - on use

    check_target_file(draft)
    text = draft_mapping(folder, translate=text_in_french)
    with writing(draft):
        draft.write_text(text, encoding="utf-8", newline="\n")
    # Before anything is checked: whoever has a file that cannot be read must know that the draft is there.
    say(f"Correspondance proposée : {draft}")
    # Read at once, unconfirmed: the faults told are those that would remain with it.
    return read_mapping(draft, confirmed=False)


def _faults_of(folder: Folder, calendar: SchoolCalendar | None, as_of: date | None) -> FaultReport:
    """Give every fault of what was known, also of a table that cannot be used at all."""
    try:
        records = checked(folder, on_fault=OnFault.QUARANTINE, calendar=calendar, as_of=as_of).records
        return records.faults if as_of is None else records.faults_on(as_of)
    except FaultyRecordsError as error:
        return cast("FaultReport", error.report)  # raised by the checks, whose report it is


def _say_tables(folder: Folder, rows: dict[str, int]) -> None:
    from decrochage_risk.records.table_schemas import TABLES  # noqa: PLC0415 - pandas loads on first use

    for name, count in rows.items():
        say(f"{name} : {french.plural(count, 'ligne')} ({folder.files[name].name})")
    absent = [name for name in TABLES if name not in rows]
    if absent:
        say(f"Tables non fournies, donc inconnues : {', '.join(absent)}")
    for line in reading_lines(folder):
        say(line)


def pseudonymise(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", show_default=False, help="Dossier des extraits, jamais modifié."),
    ],
    target: Annotated[
        Path,
        typer.Argument(metavar="CIBLE", show_default=False, help="Dossier neuf ou vide, hors de la source."),
    ],
    *,
    key: Annotated[
        Path,
        typer.Option(
            "--key",
            metavar="FICHIER",
            show_default=False,
            help="Fichier de la clé, à garder à part des données.",
        ),
    ],
    mapping: MappingFile = None,
    group: Group = False,
) -> None:
    """Remplacer les identifiants d'élèves et de classes par un code à clé (HMAC-SHA-256).

    Lit : le dossier source et la clé (« new-key » en fait une). La même clé donne les mêmes codes d'une année à
    l'autre ; sans elle, personne ne remonte aux identifiants.

    Écrit : les mêmes tables dans le dossier cible, avec les seules colonnes déclarées (une colonne inconnue peut
    contenir un nom). Les données restent personnelles : dates de naissance et établissements y sont.
    """
    from decrochage_risk.records.pseudonyms import Pseudonymiser, pseudonymise_folder  # noqa: PLC0415 - on use

    # That the target is the source, or lies inside it, is told by the library.
    check_target_folder(target, reads=[key, mapping])
    by_key = Pseudonymiser.from_file(key)
    table_mapping = _chosen_mapping(source, mapping, None)
    with steps() as step:
        step("Pseudonymisation")
        with writing(target):
            result = pseudonymise_folder(
                source,
                target,
                by_key,
                lambda name, _done, _all: step(name),
                mapping=table_mapping,
                group=group,
            )
    _say_pseudonymised(result, target)


def _say_pseudonymised(result: PseudonymisedFolder, target: Path) -> None:
    for name, rows in result.rows.items():
        say(f"{name} : {french.plural(rows, 'ligne')} ({result.files[name].name})")
    for name, columns in result.dropped.items():
        say(f"Colonnes de {name} non écrites : {', '.join(columns)}")
    for column, count in result.blanked.items():
        cells = french.plural(count, "cellule vidée", "cellules vidées")
        say(f"{column} : {cells}, un texte libre peut contenir un nom.")
    if result.ignored:
        say(f"Fichiers non lus, non écrits : {', '.join(result.ignored)}")
    for note in result.notes:
        say(f"Lecture : {text_in_french(note)}")
    for column, count in result.distinct.items():
        merged_ids, missing = result.merged[column], result.missing[column]
        say(
            f"{column} : {french.plural(count, 'identifiant remplacé', 'identifiants remplacés')}, "
            f"{french.plural(merged_ids, 'orthographe réunie', 'orthographes réunies')}, "
            f"{french.plural(missing, 'cellule vide', 'cellules vides')}"
        )
    say(f"Empreinte de la clé, à comparer d'une année à l'autre : {result.key_fingerprint}")
    say(f"Écrit dans {target}")


def new_key(
    file: Annotated[Path, typer.Argument(metavar="FICHIER", show_default=False, help="Fichier neuf.")],
) -> None:
    """Faire une clé de pseudonymes au hasard (256 bits).

    Lit : rien. Une clé déjà là n'est jamais remplacée : les codes d'avant seraient perdus.

    Écrit : le fichier, lisible par vous seul. Gardez-le à part des données, et gardez-le toujours.
    """
    from decrochage_risk.records.pseudonyms import Pseudonymiser, generate_key_file  # noqa: PLC0415 - pandas

    check_target_file(file)
    generate_key_file(file)
    say(f"Clé écrite : {file} (empreinte {Pseudonymiser.from_file(file).fingerprint})")


def clean(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DOSSIER",
            help="Dossier dans lequel sont les dossiers de résultats ; celui où vous êtes par défaut.",
        ),
    ] = Path(),
) -> None:
    """Supprimer les copies de travail d'extraits et les ébauches que des passages interrompus ont laissées.

    Lit : les noms des dossiers cachés (.NOM.partitions, .NOM.partial) de ce dossier, jamais plus bas.

    Écrit : rien. Supprime ces dossiers, sauf ceux d'un passage qui travaille encore ; aucun résultat n'est touché.
    """
    from decrochage_risk.result_folders import leftovers, remove_leftovers  # noqa: PLC0415 - --help needs none

    with writing(folder):
        places = remove_leftovers(folder)
    for place in places:
        say(f"Supprimé : {place}")
    for place in leftovers(folder):
        say(f"Gardé, un passage y travaille : {place}")
    if not places:
        say(f"Aucune copie de travail à supprimer dans {folder.absolute()}.")
