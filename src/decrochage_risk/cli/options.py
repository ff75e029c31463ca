"""The options that several commands share, declared once, and what they are turned into.

An option of one name means one thing in every command: same help, same parsing, same refusal. Libraries load when an
option is turned into an object, so that ``--help`` needs none of them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

import decrochage_risk as dr
from decrochage_risk.cli.output import say
from decrochage_risk.errors import CalendarError, ModelError, RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.school_year import SchoolCalendar

__all__ = [
    "AlsaceMoselle",
    "AsOf",
    "AsOfDates",
    "AsOfDays",
    "CalendarFile",
    "Capacity",
    "Closes",
    "Contact",
    "CurrentModel",
    "Explain",
    "Group",
    "LabelsKnownOn",
    "LabelsKnownOnIf",
    "MappingFile",
    "ModelSha256",
    "OnFault",
    "OnFaultOption",
    "Partitions",
    "Processing",
    "RecordsFolder",
    "ReportFile",
    "TrainedModelFolder",
    "Zone",
    "chosen_calendar",
    "closing_pair",
    "ids_of_file",
]


class OnFault(StrEnum):
    """What to do with rows at fault."""

    RAISE = "raise"
    QUARANTINE = "quarantine"


class Explain(StrEnum):
    """Whom to give reasons."""

    FLAGGED = "flagged"
    ALL = "all"
    NONE = "none"


Contact = Annotated[
    str, typer.Option("--contact", metavar="TEXTE", help="À qui demander, corriger, contester.")
]
Processing = Annotated[
    list[str] | None,
    typer.Option(
        "--processing",
        metavar="CHAMP=TEXTE",
        show_default=False,
        help="Ce que seul le responsable du traitement sait (RGPD, art. 13 et 14) : controller, dpo, legal_basis, recipients, "
        "retention ; à répéter. Ce qui manque est dit à compléter.",
    ),
]
RecordsFolder = Annotated[
    Path,
    typer.Argument(
        metavar="DOSSIER",
        show_default=False,
        help="Dossier des extraits : pupils, enrolments, absences, grades, orientation, coverage, outcomes "
        "(.parquet, .csv ou .csv.gz), et calendar.csv s'il y en a un.",
    ),
]
AsOf = Annotated[
    str,
    typer.Option(
        "--as-of",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Date d'observation : rien de daté ou saisi ce jour-là ou après n'est utilisé.",
    ),
]
_REPEATED_AS_OF: Final = typer.Option(
    "--as-of", metavar="AAAA-MM-JJ", show_default=False, help="Date d'observation ; à répéter."
)
AsOfDates = Annotated[list[str] | None, _REPEATED_AS_OF]
AsOfDays = Annotated[list[str], _REPEATED_AS_OF]
CurrentModel = Annotated[
    Path, typer.Option("--model", metavar="DOSSIER", show_default=False, help="Modèle en place.")
]
TrainedModelFolder = Annotated[
    Path, typer.Option("--model", metavar="DOSSIER", show_default=False, help="Modèle écrit par « train ».")
]
ModelSha256 = Annotated[
    str | None,
    typer.Option(
        "--model-sha256",
        metavar="SHA256",
        show_default=False,
        help="Empreinte du modèle, affichée à son entraînement et gardée ailleurs : tout autre modèle est refusé.",
    ),
]
Group = Annotated[
    bool,
    typer.Option(
        "--group",
        help="Rendre ce qui est écrit lisible aussi par le groupe du dossier (0640 dans 0750) ; sans elle, par son propriétaire "
        "seul (0600 dans 0700).",
    ),
]
LabelsKnownOn = Annotated[
    str,
    typer.Option(
        "--labels-known-on",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Jour de l'extraction des issues : une issue qui n'était pas close ce jour-là est refusée.",
    ),
]
LabelsKnownOnIf = Annotated[
    str | None,
    typer.Option(
        "--labels-known-on",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Jour de l'extraction des issues : celles qui n'étaient pas closes ce jour-là sont laissées de côté.",
    ),
]
Capacity = Annotated[
    int,
    typer.Option(
        "--capacity", metavar="N", min=1, help="Situations qu'un établissement peut examiner à une date."
    ),
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FICHIER", show_default=False, help="Écrire le rapport en JSON, sans élève."
    ),
]
Closes = Annotated[
    str | None,
    typer.Option(
        "--outcome-closes",
        metavar="MM-JJ",
        show_default=False,
        help="Jour où l'issue d'une année scolaire est arrêtée, dans l'année civile où elle finit.",
    ),
]
OnFaultOption = Annotated[
    OnFault,
    typer.Option(
        "--on-fault", help="Lignes fautives : tout refuser (raise) ou les mettre de côté (quarantine)."
    ),
]
CalendarFile = Annotated[
    Path | None,
    typer.Option(
        "--calendar",
        metavar="CSV",
        show_default=False,
        help="Calendrier de l'établissement : colonnes date et half_days, un jour par ligne.",
    ),
]
MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        metavar="TOML",
        show_default=False,
        help="Correspondance relue, pour des tables faites à la main (« check --draft-mapping » en propose une).",
    ),
]
Partitions = Annotated[
    int | None,
    typer.Option(
        "--partitions",
        metavar="N",
        min=1,
        show_default=False,
        help="Traiter les élèves en N parties, pour des extraits plus grands que la mémoire ; 1 : tous à la fois. "
        "Sans cette option, la taille des fichiers et la mémoire libre décident. Les résultats sont les mêmes.",
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone",
        metavar="ZONE",
        show_default=False,
        help="Zone de vacances A, B ou C (sinon le lieu des établissements, B par défaut), ou académie : Corse, Guadeloupe, Guyane, "
        "Martinique, Mayotte, Réunion.",
    ),
]
AlsaceMoselle = Annotated[
    bool, typer.Option("--alsace-moselle", help="Vendredi saint et 26 décembre fériés (zone B).")
]

# A place of which the library of school numbers knows no calendar.
_SOMEWHERE_OVERSEAS = "outre-mer"
_MONTH_AND_DAY = re.compile(r"(\d{1,2})-(\d{1,2})")


def chosen_calendar(
    file: Path | None, zone: str | None, *, alsace_moselle: bool, folder: Path | None = None
) -> SchoolCalendar | None:
    """Give the calendar asked for, or else that of the place where all schools of a folder lie, and say so.

    None when neither is there, so that the folder's own or zone B is used.

    Raises
    ------
    CalendarError
        A file together with a zone, a zone that is not known, a file that cannot be used.
    """
    if file is not None and (zone is not None or alsace_moselle):
        raise CalendarError(
            explain_error(
                "--calendar came with --zone or --alsace-moselle",
                expected="a calendar file, or a zone",
                hint="Leave one of them out: the file already says which days are off.",
            )
        )
    if file is not None:
        return dr.SchoolCalendar.from_csv(file)
    if zone is None and not alsace_moselle:
        return None if folder is None else _calendar_of_schools(folder)
    return dr.SchoolCalendar.for_zone(zone or "B", alsace_moselle=alsace_moselle)


def _calendar_of_schools(folder: Path) -> SchoolCalendar | None:
    """Give the calendar of the place where the schools lie; None for zone B, several places, or years that are not known of it."""
    from decrochage_risk.records.reading import schools_and_years  # noqa: PLC0415 - pandas loads on first use
    from decrochage_risk.school_year.school_calendar import zone_of_school  # noqa: PLC0415 - same

    schools, years = schools_and_years(folder)
    places = {place for school in schools if (place := zone_of_school(school)) is not None}
    # Of several places none is chosen: a warning names the schools whose holidays are other ones.
    if len(places) != 1 or places & {"B", _SOMEWHERE_OVERSEAS}:
        return None
    (place,) = places
    calendar = dr.SchoolCalendar.for_zone(place)
    if not all(map(calendar.covers_year, years)):
        return None
    name = f"zone {place}" if len(place) == 1 else place
    say(
        f"Calendrier : {name}, d'après les numéros des établissements ; --zone, ou un calendar.csv, en donne un autre."
    )
    return calendar


def closing_pair(text: str) -> tuple[int, int]:
    """Read the month and day on which outcomes close.

    Raises
    ------
    ModelError
        Anything else than MM-DD.

    Examples
    --------
    >>> closing_pair("11-01")
    (11, 1)
    """
    match = _MONTH_AND_DAY.fullmatch(text)
    if match is None:
        raise ModelError(
            explain_error(
                f"--outcome-closes {text!r}",
                expected='a month and a day, "MM-DD"',
                hint='For 1 November after the school year, the default, write "11-01".',
            )
        )
    return int(match[1]), int(match[2])


def named_texts(option: str, texts: Iterable[str], *, example: str) -> dict[str, str]:
    """Read "NAME=TEXT" of an option that is repeated; whoever takes the texts checks the names.

    Parameters
    ----------
    option : str
        Name of the option, for the message.
    texts : iterable of str
        What came.
    example : str
        A good one, for the hint.

    Raises
    ------
    RecordsError
        With every text that has no name or says nothing.

    Examples
    --------
    >>> named_texts("--source", ["grades = export du 4 mars"], example="grades=export")
    {'grades': 'export du 4 mars'}
    """
    parts = [text.partition("=") for text in texts]
    faulty = [f"{''.join(part)!r}" for part in parts if not part[0].strip() or not part[2].strip()]
    if faulty:
        raise RecordsError(
            explain_error(
                f"{option} {', '.join(faulty)}",
                expected="a name and a text, NAME=TEXT",
                hint=f"For example {option} '{example}'.",
            )
        )
    return {name.strip(): text.strip() for name, _, text in parts}


def ids_of_file(path: Path | None) -> list[str]:
    r"""Read pupil ids: one per line, bare or between quotes, or the column pupil_id of a CSV; blank ones left out.

    Raises
    ------
    RecordsError
        No such file, or not UTF-8 text; a CSV that cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.txt").write_text('a1\n"b2"\n', encoding="utf-8")
    ...     _ = Path(folder, "b.csv").write_text("pupil_id;name\na1;Camille\n", encoding="utf-8")
    ...     ids_of_file(Path(folder, "a.txt")), ids_of_file(Path(folder, "b.csv"))
    (['a1', 'b2'], ['a1'])
    """
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RecordsError(
            explain_error(
                f"The list of ids {path} cannot be read ({cause})",
                expected="a UTF-8 text file with one pupil id per line, or a CSV with a column pupil_id",
                hint="Check the path, and write the ids as they are in the pupils table.",
            )
        ) from error
    ids = [line.strip() for line in lines if line.strip()]
    if ids and _ID_COLUMN in [_unquoted(cell).lower() for cell in re.split("[;,\t]", ids[0])]:
        from decrochage_risk.csv_files import read_csv  # noqa: PLC0415 - pandas loads on first use

        frame, _ = read_csv(path)
        column = next(name for name in map(str, frame.columns) if name.strip().lower() == _ID_COLUMN)
        ids = [text.strip() for text in frame[column].dropna()]
    else:
        # An id may hold a separator: without a header the whole line is one.
        ids = [_unquoted(text) for text in ids]
    return [text for text in ids if text]


_ID_COLUMN = "pupil_id"
_LEAST_QUOTED = 2


def _unquoted(text: str) -> str:
    """Take off the quotes that a spreadsheet writes around a text."""
    text = text.strip()
    quoted = len(text) >= _LEAST_QUOTED and text.startswith('"') and text.endswith('"')
    return text[1:-1].replace('""', '"').strip() if quoted else text
