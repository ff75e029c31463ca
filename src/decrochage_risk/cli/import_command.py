"""``import``: from the exports of a school's own software to a folder of tables."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated

import typer

from decrochage_risk.cli.files import check_target_file, check_target_folder, holding
from decrochage_risk.cli.options import AlsaceMoselle, CalendarFile, Group, Zone, chosen_calendar
from decrochage_risk.cli.output import bar, say
from decrochage_risk.errors import RecordsError, UnreadableExportError, explain_error

__all__ = ["import_command"]

UNUSABLE = 2
FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Years that records may be of (``records.table_schemas``, which would load pandas for ``--help``; a test holds the two)."""


def import_command(  # noqa: PLR0913 - what the files may not say, each an option
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            show_default=False,
            help="Fichiers, dossiers et zips, tels que les logiciels les exportent.",
        ),
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DOSSIER",
            show_default=False,
            help="Dossier neuf, ou écrit par un import d'avant et resté tel quel.",
        ),
    ],
    key: Annotated[
        Path,
        typer.Option(
            "--key",
            metavar="FICHIER",
            show_default=False,
            help="Clé faite par « new-key », toujours la même.",
        ),
    ],
    uai: Annotated[
        str | None,
        typer.Option(
            "--uai",
            metavar="UAI",
            show_default=False,
            help="Établissement des fichiers qui ne le disent pas ; ceux d'un autre établissement sont refusés.",
        ),
    ] = None,
    year: Annotated[
        int | None,
        typer.Option(
            "--year",
            metavar="AAAA",
            min=FIRST_YEAR,
            max=LAST_YEAR,
            show_default=False,
            help="Année de la rentrée des fichiers qui ne la disent pas.",
        ),
    ] = None,
    extracted_on: Annotated[
        str | None,
        typer.Option(
            "--extracted-on",
            metavar="AAAA-MM-JJ",
            show_default=False,
            help="Jour de l'export des fichiers qui ne le disent pas.",
        ),
    ] = None,
    half_day_cut: Annotated[
        str | None,
        typer.Option(
            "--half-day-cut",
            metavar="HH:MM",
            show_default=False,
            help="Limite entre matin et après-midi (GEPI 11:50, sinon 12:00).",
        ),
    ] = None,
    columns: Annotated[
        list[Path] | None,
        typer.Option(
            "--columns",
            metavar="TOML",
            show_default=False,
            help="Colonnes, motifs et noms de classes déclarés ; à répéter.",
        ),
    ] = None,
    campaign_date: Annotated[
        str | None,
        typer.Option(
            "--campaign-date",
            metavar="AAAA-MM-JJ",
            show_default=False,
            help="Jour des vœux d'orientation sans date.",
        ),
    ] = None,
    monthly_totals: Annotated[
        bool,
        typer.Option(
            "--monthly-totals",
            help="Compter à part des totaux cumulés, un fichier par mois (totaux-mensuels.csv) : pour le modèle, les jours restent inconnus.",
        ),
    ] = False,
    previous: Annotated[
        Path | None,
        typer.Option(
            "--previous",
            metavar="DOSSIER",
            show_default=False,
            help="Import d'avant : ce qui est nouveau y gagne son jour de saisie.",
        ),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(
            "--links",
            metavar="FICHIER",
            show_default=False,
            help="Écrire à part la table qui ramène des codes aux noms (lisible par vous seul). Elle reste dans l'établissement.",
        ),
    ] = None,
    outcomes: Annotated[
        int | None,
        typer.Option(
            "--outcomes",
            metavar="AAAA",
            min=FIRST_YEAR,
            max=LAST_YEAR,
            show_default=False,
            help="Année close (celle de la rentrée) dont bâtir les situations, pour l'entraînement.",
        ),
    ] = None,
    search_complete: Annotated[
        bool,
        typer.Option(
            "--search-complete",
            help="Les sources couvrent tous les établissements de l'année suivante, l'apprentissage et les diplômes ; sans "
            "cela, un élève non retrouvé est de situation inconnue.",
        ),
    ] = False,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
    group: Group = False,
) -> None:
    """Lire les exports d'un établissement (SIECLE, GEPI, PRONOTE, LSU, Affelnet, SYGNE...) et en faire un dossier de tables.

    Lit : les sources, jamais modifiées. Chaque fichier est reconnu par son contenu ; plusieurs établissements et années à la
    fois. Les noms servent à rattacher les lignes, en mémoire, et ne sont écrits nulle part.

    Écrit : les tables (Parquet), calendar.csv si un fichier le dit, et rapport-import en texte, JSON et HTML. Puis « check » et
    « score » lisent ce dossier.

    Codes de sortie : 0 fait, le rapport dit ce qui n'a pas été lu ; 2 rien n'a pu être lu.
    """
    from decrochage_risk.importers import import_exports  # noqa: PLC0415 - pandas loads on first use

    # An import replaces the one before it, which it has read whole by then.
    former = None if previous is None or previous.resolve() == out.resolve() else previous
    # Before the import, which takes minutes.
    check_target_folder(out, reads=[*sources, key, *(columns or ()), former, calendar], kind="tables")
    check_target_file(links, reads=[*sources, key, *(columns or ()), previous, calendar])
    _refuse_links_inside(links, out)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle)
    # Held, and refused, before the exports are read, not after.
    with holding(out):
        try:
            with bar() as tell:
                result = import_exports(
                    sources,
                    key=key,
                    previous=previous,
                    links=links is not None,
                    progress=tell,
                    uai=uai,
                    school_year=year,
                    extracted_on=_day("--extracted-on", extracted_on),
                    half_day_cut=_time("--half-day-cut", half_day_cut),
                    monthly_totals=monthly_totals,
                    campaign_date=_day("--campaign-date", campaign_date),
                    column_maps=tuple(columns or ()),
                    outcomes_of=outcomes,
                    search_complete=search_complete,
                    calendar=days,
                )
        except UnreadableExportError as error:
            say(f"Erreur : {error.french}", stderr=True)
            raise typer.Exit(UNUSABLE) from error
        result.write(out, group=group, held=True)
    say(result.report.essentials())
    if links is not None:
        say(f"\nTable des noms, à garder dans l’établissement : {result.write_links(links)}")
    say(f"\nEmpreinte de la clé, à comparer d'une année à l'autre : {result.report.key_fingerprint}")
    say(f"Écrit dans {out}. Ensuite : decrochage-risk check {out}")


def _refuse_links_inside(links: Path | None, out: Path) -> None:
    """Refuse names beside the pseudonyms that they belong to."""
    if links is not None and (out.resolve() in links.resolve().parents or links.exists()):
        raise RecordsError(
            explain_error(
                f"--links {links} is inside the folder of the tables, or there already",
                expected="a new file elsewhere",
                hint="The way back to names is kept apart from the pseudonyms.",
            )
        )


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise RecordsError(
            explain_error(f"{option} {text!r}", expected="a day, 2024-11-05", hint="Write year-month-day.")
        )
    return day


def _time(option: str, text: str | None) -> time | None:
    try:
        return None if text is None else time.fromisoformat(text)
    except ValueError as error:
        raise RecordsError(
            explain_error(f"{option} {text!r}", expected="a time, 12:00", hint="Write HH:MM.")
        ) from error
