"""``cohort`` writes synthetic pupils with their true probability, ``demo`` shows the whole path on some of them."""

from __future__ import annotations

import warnings
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.files import check_target_folder, read_extracts, writing
from decrochage_risk.cli.options import OnFault
from decrochage_risk.cli.output import say, steps
from decrochage_risk.cli.score_command import say_scores
from decrochage_risk.errors import DecrochageWarning, RecordsError, explain_error

if TYPE_CHECKING:
    from decrochage_risk.synthetic import Cohort

__all__ = ["cohort", "demo"]


class FileFormat(StrEnum):
    """How a cohort is written."""

    PARQUET = "parquet"
    CSV = "csv"


SchoolYears = Annotated[
    list[int] | None,
    typer.Option(
        "--school-year",
        metavar="AAAA",
        show_default=False,
        help="Année scolaire (2024 = 2024-2025) ; à répéter, années qui se suivent. 2022 à 2024 par défaut.",
    ),
]
Difficulty = Annotated[
    str,
    typer.Option(
        "--difficulty",
        metavar="observable|realistic|hard",
        help="Le risque tient à ce que les tables montrent (observable), ou aussi à ce qu'elles taisent (realistic : "
        "élèves discrets, tables non transmises ; hard : davantage, et des issues fausses).",
    ),
]
Youngest = Annotated[
    str, typer.Option("--youngest", metavar="6e|3e", help="Niveau par lequel la cohorte commence.")
]
Regimes = Annotated[
    list[str] | None,
    typer.Option(
        "--regime",
        metavar="NOM",
        show_default=False,
        help="Ce qui change la dernière année ; à répéter. prior_shift : 1,3 fois plus de sorties ; concept_drift : les "
        "absences disent moins ; stops_recording : un lycée ne saisit plus les absences ; new_marking : des "
        "établissements notent plus bas ; merged_school : deux collèges n'en font plus qu'un.",
    ),
]
Messy = Annotated[
    bool,
    typer.Option(
        "--messy",
        help="Écrire, en CSV, quatre extraits fautifs (rows, columns, tables, twice) qui violent ensemble chaque règle "
        "de « check ».",
    ),
]


AsExports = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="FORMAT,...",
        show_default=False,
        help="Écrire les exports des logiciels, que « import » lit, au lieu des tables : siecle,gepi,pronote,lsu,affelnet (un dossier par "
        "établissement et année ; siecle dit qui sont les élèves).",
    ),
]
ExportedOn = Annotated[
    str | None,
    typer.Option(
        "--exported-on",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Jour des exports de --as : ce qui est saisi ou justifié après n'y est pas. Le 4 mars de la dernière année par défaut.",
    ),
]


def cohort(  # noqa: PLR0913 - one argument per option of the command
    out: Annotated[Path, typer.Argument(metavar="SORTIE", show_default=False, help="Dossier à écrire.")],
    *,
    pupils: Annotated[
        int, typer.Option("--pupils", metavar="N", help="Élèves distincts, toutes années ensemble.")
    ] = 2000,
    school_year: SchoolYears = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Graine : la même donne la même cohorte.")
    ] = 0,
    difficulty: Difficulty = "observable",
    youngest: Youngest = "6e",
    regime: Regimes = None,
    messy: Messy = False,
    as_exports: AsExports = None,
    exported_on: ExportedOn = None,
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="Format des fichiers.")
    ] = FileFormat.PARQUET,
) -> None:
    """Tirer une cohorte d'élèves synthétiques, avec la probabilité vraie de chacun.

    Lit : rien.

    Écrit dans le dossier : pupils, enrolments, absences, grades, orientation, outcomes, coverage (si des tables ne sont pas
    transmises), et truth (la probabilité vraie, que les autres commandes ne lisent pas). Une cohorte synthétique déjà là
    est remplacée ; d'autres tables ne le sont jamais. Une grande cohorte est tirée et écrite par blocs : une région (208 000 élèves de la 3e à la terminale :
    --pupils 208000 --youngest 3e --school-year 2024) tient en mémoire. Avec --messy, les extraits fautifs seulement. Avec --as, les exports seulement, dans un dossier neuf ou vide.
    """
    from decrochage_risk.synthetic import make_cohort, write_cohort, write_messy  # noqa: PLC0415 - pandas loads on first use
    from decrochage_risk.synthetic.blocks import checked_plan  # noqa: PLC0415 - same

    # Tables of an import, scores or pages: synthetic pupils would stand where real ones were.
    check_target_folder(out, kind="cohort")
    years, regimes = school_year or [2022, 2023, 2024], tuple(regime or ())
    # Before any folder is made: a wrong option leaves nothing behind.
    checked_plan(pupils, years, seed, difficulty, youngest, regimes, None)
    if as_exports is not None:
        _write_exports(
            out, as_exports, exported_on, (pupils, years, seed, difficulty, youngest, regimes), messy=messy
        )
        return
    with steps() as step:
        if messy:
            drawn_cohort = make_cohort(
                pupils, years, seed, difficulty, youngest=youngest, regimes=regimes, progress=step
            )
            with writing(out / "rows"):
                files = write_messy(out, drawn_cohort.tables, seed)
        else:
            with writing(out / "pupils"):
                files = write_cohort(
                    out,
                    pupils,
                    years,
                    seed,
                    difficulty,
                    file_format=file_format.value,
                    youngest=youngest,
                    regimes=regimes,
                    progress=step,
                )
    for path, rows in files.items():
        say(f"{path.relative_to(out).with_suffix('').as_posix()} : {french.plural(rows, 'ligne')}")
    say(f"{french.plural(len(files), 'fichier')} dans {out}. Élèves synthétiques : aucun n'est réel.")


def _write_exports(
    out: Path,
    formats: str,
    exported_on: str | None,
    choices: tuple[int, list[int], int, str, str, tuple[str, ...]],
    *,
    messy: bool,
) -> None:
    """Draw a cohort and write it as the exports of its schools' software."""
    from decrochage_risk.synthetic import make_cohort  # noqa: PLC0415 - pandas loads on first use
    from decrochage_risk.synthetic.exports import DECLARATIONS, write_exports  # noqa: PLC0415 - same

    pupils, years, seed, difficulty, youngest, regimes = choices
    if messy:
        raise RecordsError(
            explain_error(
                "--messy came with --as",
                expected="one of the two",
                hint="Write the faulty extracts on their own.",
            )
        )
    day = exported_on or f"{max(years) + 1}-03-04"
    with steps() as step:
        drawn_cohort = make_cohort(
            pupils, years, seed, difficulty, youngest=youngest, regimes=regimes, progress=step
        )
        step("Écriture des exports")
        with writing(out / DECLARATIONS):
            files = write_exports(
                out,
                drawn_cohort.tables,
                [name.strip() for name in formats.split(",")],
                exported_on=day,
                calendar=drawn_cohort.calendar,
            )
    folders = sorted({path.parent.name for path in files if path.parent != out})
    say(
        f"{french.plural(len(files), 'fichier')} de {french.plural(len(folders), 'établissement et année', 'établissements et années')} "
        f"dans {out}. Élèves synthétiques : aucun n'est réel."
    )
    say(
        f"Pour continuer : decrochage-risk import {out} --out tables --key ma_cle --columns {out / DECLARATIONS}"
    )


SCHOOL_YEARS = (2023, 2024)
AS_OF = "2025-03-05"
EXPORTED_ON = "2025-03-04"
_SHOWN = 6
_STEPS = 7


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DOSSIER", help="Où écrire.")] = Path("out/demo"),
    pupils: Annotated[int, typer.Option("--pupils", metavar="N", help="Élèves synthétiques.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Graine du tirage.")] = 2025,
) -> None:
    """Montrer tout le chemin sur des élèves synthétiques, avec le modèle de démonstration.

    Lit : rien.

    Écrit dans le dossier : exports/ (ce que les logiciels d'un établissement exportent), importes/ (ce que « import » en
    fait), extraits/ (les tables de tous en Parquet, que les autres commandes lisent), scores/ (scores, motifs, contributions
    en Parquet, run.json, une liste CSV par établissement) et pages/ (établissements, listes de classe, élèves, notices,
    un réseau, la fiche du modèle). Les fichiers de mêmes noms sont remplacés.
    """
    extracts, results, pages = out / "extraits", out / "scores", out / "pages"
    check_target_folder(extracts)
    check_target_folder(pages, kind="pages")
    check_target_folder(results, kind="scores")
    check_target_folder(out / "importes", kind="tables")
    with steps(_STEPS) as step:
        step("Tirage des élèves synthétiques")
        from decrochage_risk.score import load_demo_model  # noqa: PLC0415 - pandas loads on first use
        from decrochage_risk.synthetic import make_cohort  # noqa: PLC0415 - same

        drawn_cohort = make_cohort(pupils, list(SCHOOL_YEARS), seed)
        step("Exports d'un établissement, lus par « import »")
        beginning = _begin_at_a_school(drawn_cohort, out, seed)
        step("Écriture des extraits")
        with writing(extracts / "pupils.parquet"):
            drawn_cohort.write(extracts)
        step("Lecture et vérification des extraits")
        drawn_extracts = read_extracts(extracts, on_fault=OnFault.RAISE, calendar=None)
        step("Scores et motifs")
        scores = dr.score_pupils(drawn_extracts.records, as_of=AS_OF)
        step("Écriture des scores")
        with writing(results / "scores.parquet"):
            scores.write(results, despite_verdict=True)  # no pupil is real; the verdict is said with the list
        step("Pages à regarder")
        networks = sorted(scores.frame.loc[scores.frame["enrolled"], "network_id"].dropna().unique())
        index = dr.write_report(
            scores, pages, despite_verdict=True, networks=networks[:1], model=load_demo_model()
        )
    years = french.join([french.school_year(year) for year in SCHOOL_YEARS])
    say(f"{french.plural(len(drawn_extracts.records), 'élève synthétique', 'élèves synthétiques')}, {years}.")
    say(beginning)
    for line in drawn_extracts.told():
        say(line)
    say_scores(scores, _SHOWN, results / "listes", spread=True, despite_verdict=True)
    say(f"\nModèle de démonstration ({scores.run.model.id}), entraîné sur des élèves synthétiques :")
    say("ses scores montrent le fonctionnement, ils ne décrivent aucun élève réel.")
    say(f"Extraits : {extracts}")
    say(f"Scores, motifs et listes par établissement : {results}")
    say(f"Pages à regarder et à imprimer : {index}")
    say(f"Pour continuer : decrochage-risk check {extracts}")


def _begin_at_a_school(drawn_cohort: Cohort, out: Path, seed: int) -> str:
    """Begin where a school begins: write the exports of the largest one, import them, check and score what comes out."""
    from decrochage_risk.importers import import_exports  # noqa: PLC0415 - pandas loads on first use
    from decrochage_risk.result_folders import ResultFolder  # noqa: PLC0415 - same
    from decrochage_risk.synthetic.exports import DECLARATIONS, write_exports  # noqa: PLC0415 - same

    enrolments = drawn_cohort.tables["enrolments"]
    sizes = enrolments[enrolments["school_year"] == SCHOOL_YEARS[-1]].groupby("school_id").size()
    school = str(sizes.idxmax())
    tables = {**drawn_cohort.tables, "enrolments": enrolments[enrolments["school_id"] == school]}
    exports = out / "exports" / "fichiers"
    with writing(exports), ResultFolder(out / "exports") as folder:
        files = write_exports(
            folder.draft / exports.name, tables, ["siecle", "gepi", "affelnet"], exported_on=EXPORTED_ON
        )
    # Anybody can make this key again: nobody is behind these pseudonyms.
    key = sha256(f"demonstration {seed}".encode()).digest()
    result = import_exports(exports, key=key, column_maps=(exports / DECLARATIONS,))
    result.write(out / "importes")
    with warnings.catch_warnings():
        # What is odd, and that the model is the demonstration's, is said once, of everybody.
        warnings.simplefilter("ignore", DecrochageWarning)
        scores = dr.score_pupils(result.records, as_of=AS_OF, explain="none")
    reports = result.report.files
    rows_taken = sum(sum(report.rows.values()) for report in reports)
    left = sum(len(set(lines)) for report in reports for lines in report.left_out.values())
    flag_count = int(scores.frame["flagged"].sum())
    return (
        f"Là où commence un établissement : {french.plural(len(files), 'fichier exporté', 'fichiers exportés')} ({exports}), que "
        f"« import » lit dans {out / 'importes'} : {french.plural(len(result.records), 'élève')}, "
        f"{french.plural(rows_taken, 'ligne prise', 'lignes prises')}, {french.plural(left, 'laissée')}, "
        f"{french.plural(flag_count, 'élève signalé', 'élèves signalés')} à partir d'elles seules."
    )
