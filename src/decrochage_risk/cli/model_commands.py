"""The commands about models: a model of one's own, measured on years that it has not seen, and what follows it.

``train`` and ``evaluate``; ``thresholds``, what each threshold would have given on the year that a training left untouched;
``compare`` and ``recalibrate``, a new model beside the one in use and the level of a model between two trainings; ``retrain``,
the yearly retraining from one configuration; ``drift``, the watch between two trainings. Verdicts are exit codes, so that a
scheduled run can act on them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.files import (
    check_target_file,
    check_target_model,
    fault_lines,
    load_chosen,
    read_extracts,
    reading_lines,
    writing,
)
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    AsOf,
    AsOfDates,
    AsOfDays,
    CalendarFile,
    Capacity,
    Closes,
    CurrentModel,
    LabelsKnownOn,
    LabelsKnownOnIf,
    ModelSha256,
    OnFault,
    OnFaultOption,
    Partitions,
    RecordsFolder,
    ReportFile,
    TrainedModelFolder,
    Zone,
    chosen_calendar,
    closing_pair,
)
from decrochage_risk.cli.output import console, say, steps
from decrochage_risk.cli.score_command import ModelFolder  # noqa: TC001 - Typer reads it at run time
from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.french import HIDDEN

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from decrochage_risk.evaluate import ModelComparison

__all__ = [
    "COMPARISON_EXIT_CODES",
    "DRIFT_EXIT_CODES",
    "compare",
    "drift",
    "evaluate",
    "recalibrate",
    "retrain",
    "say_comparison",
    "thresholds",
    "train",
]


class By(StrEnum):
    """What the table is divided by."""

    GROUP = "group"
    LEVEL = "level"


CsvFile = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FICHIER", show_default=False, help="Écrire la table en CSV."),
]


def thresholds(
    *,
    model: ModelFolder = None,
    model_sha256: ModelSha256 = None,
    by: Annotated[By, typer.Option("--by", help="Par groupe de niveaux ou par niveau.")] = By.GROUP,
    csv: CsvFile = None,
) -> None:
    """Aider à choisir les seuils : rappel, précision et charge de chacun, sur des élèves jamais appris.

    Lit : le modèle, qui garde ces effectifs depuis son entraînement.

    Affiche la table ; une case de 1 à 10 élèves n'est pas montrée, ni ce qui la ferait retrouver par soustraction. Écrit : le fichier de --csv, s'il est demandé.
    """
    from decrochage_risk.score import load_demo_model  # noqa: PLC0415 - numpy and pandas load on first use

    check_target_file(csv, reads=[model])
    current = load_chosen(model, model_sha256) or load_demo_model()
    table = dr.threshold_table(current, by=by.value)
    years = french.join([french.school_year(year) for year in current.held_out["school_years"]])
    say(f"Un élève compte une fois par année ; année scolaire {years}. Intervalles à 90 %.")
    for name, rows in table.groupby(by.value, sort=False):
        measured_rows = rows[rows["listed"].notna()]
        if measured_rows.empty:
            say(f"\n{_label(str(name), by)} : effectifs trop petits pour être montrés")
            continue
        pupils, left = (measured_rows[column].iloc[0] for column in ("pupils", "left"))
        totals = f"effectif {HIDDEN}"
        if not _unknown(pupils):
            totals = (
                f"{french.plural(int(pupils), 'élève')}, {french.plural(int(left), 'sortie')} sans diplôme"
            )
        say(f"\n{_label(str(name), by)} : {totals}")
        console().print(_shown(measured_rows))
        if len(measured_rows) < len(rows):
            others = french.join(
                [french.percent(one, None) for one in rows.loc[rows["listed"].isna(), "threshold"]]
            )
            say(f"Seuils {HIDDEN}s, trop peu d'élèves les séparent : {others}")
    if current.demo:
        say("Modèle de démonstration : ces effectifs sont ceux d'élèves synthétiques.")
    if csv is not None:
        from decrochage_risk.csv_files import write_csv  # noqa: PLC0415 - pandas loads on first use

        with writing(csv):
            write_csv(table, csv)
        say(f"Table écrite : {csv}")


def _label(name: str, by: By) -> str:
    from decrochage_risk.records.levels import LEVEL_BY_NAME  # noqa: PLC0415 - --help needs no records

    if by is By.LEVEL:
        return LEVEL_BY_NAME[name].label
    labels = {group.code: group.label for group in dr.load_policy().table.groups}
    return labels.get(name, name)


def _shown(rows: pd.DataFrame) -> Table:
    from rich import box  # noqa: PLC0415 - --help needs no Rich
    from rich.table import Table  # noqa: PLC0415 - --help needs no Rich

    table = Table(box=box.HORIZONTALS, pad_edge=False)
    for name in ("seuil", "palier", "retenus", "pour 100", "partis", "précision", "rappel"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        table.add_row(
            french.percent(row["threshold"], None),
            "" if _unknown(row["tier"]) else str(row["tier"]),
            french.number(row["listed"], 0),
            "-" if _unknown(row["listed_per_100"]) else french.number(row["listed_per_100"], 1),
            french.number(row["hits"], 0),
            _share(row, "precision"),
            _share(row, "recall"),
        )
    return table


def _unknown(value: Any) -> bool:  # noqa: ANN401 - any cell
    import pandas as pd  # noqa: PLC0415 - --help needs no pandas

    return bool(pd.isna(value))


def _share(row: dict[Any, Any], name: str) -> str:
    if _unknown(row[name]):
        return "-"
    bounds = french.interval_percent(row[f"{name}_low"], row[f"{name}_high"])
    return f"{french.percent(row[name])} [{bounds}]"


ModelTarget = Annotated[
    Path,
    typer.Option(
        "--out", metavar="DOSSIER", show_default=False, help="Dossier du modèle, neuf ou à remplacer."
    ),
]
SchoolYears = Annotated[
    list[int] | None,
    typer.Option(
        "--school-year",
        metavar="AAAA",
        show_default=False,
        help="Année d'apprentissage (2024 = 2024-2025) ; à répéter. Toutes celles d'outcomes par défaut.",
    ),
]
FeedbackFile = Annotated[
    Path | None,
    typer.Option(
        "--feedback",
        metavar="FICHIER",
        show_default=False,
        help="Retours des équipes (CSV ou Parquet) : seuls les débuts de mesure sont lus, jamais comme variable.",
    ),
]


class Helped(StrEnum):
    """What to do with pupils whom a measure has helped."""

    KEEP = "keep"
    EXCLUDE = "exclude"
    CENSOR = "censor"


HelpedOption = Annotated[
    Helped,
    typer.Option(
        "--helped",
        help="Élèves pour qui une mesure a commencé : gardés (keep), issue censurée (censor) ou écartés (exclude).",
    ),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option("--markdown", metavar="FICHIER", show_default=False, help="Écrire le rapport en Markdown."),
]


class Horizon(StrEnum):
    """School years after which the outcome closes."""

    YEAR = "1"
    PATH = "3"
    BOTH = "both"

    @property
    def years(self) -> tuple[int, ...]:
        """School years of each model to be trained."""
        return (1, 3) if self is Horizon.BOTH else (int(self.value),)


HorizonOption = Annotated[
    Horizon,
    typer.Option(
        "--horizon",
        help="1 : sortie avant la clôture de l'année scolaire. 3 : avant celle de la deuxième année qui suit (le parcours, "
        "pour la vigilance dès la 4e) ; outcomes doit tenir ces années. both : les deux, dans un même dossier.",
    ),
]


def train(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    out: ModelTarget,
    as_of: AsOfDates = None,
    school_year: SchoolYears = None,
    outcome_closes: Closes = "11-01",
    horizon: HorizonOption = Horizon.YEAR,
    labels_known_on: LabelsKnownOnIf = None,
    name: Annotated[str, typer.Option("--name", metavar="NOM", help="Nom du modèle.")] = "modele",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Graine : mêmes données, mêmes octets.")
    ] = 0,
    feedback: FeedbackFile = None,
    helped: HelpedOption = Helped.KEEP,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Élèves synthétiques : modèle de démonstration, et il le dit.")
    ] = False,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="Apprendre aussi de l'assiduité des années passées, conservée pour la seule année scolaire (R131-6) : "
            "avec --legal-basis. Sans cette option, seule celle de l'année est lue.",
        ),
    ] = False,
    legal_basis: Annotated[
        str | None,
        typer.Option(
            "--legal-basis", metavar="TEXTE", help="Base légale de --history, écrite dans la fiche."
        ),
    ] = None,
    on_fault: OnFaultOption = OnFault.RAISE,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
    partitions: Partitions = None,
) -> None:
    """Entraîner un modèle sur des années dont l'issue est connue, et le mesurer sur la dernière.

    Lit : le dossier des extraits, avec sa table outcomes (pupil_id, school_year, outcome, date). Sans --as-of :
    5 novembre, 6 janvier, 5 mars et 5 mai de chaque année.

    Écrit : le dossier du modèle (manifeste et sommes de contrôle, arbres en texte, calibration, références, fiche
    card.md et card.html). Affiche les chiffres de la dernière année, prédite par des modèles qui ne l'ont pas vue.

    Des extraits plus grands que la mémoire (en Parquet) sont lus en parties ; seules les lignes d'apprentissage, une par
    élève et date, y tiennent ensemble. Le travail en cours est gardé à côté du modèle, dans .NOM.partitions : relancée avec
    les mêmes fichiers et options, la commande reprend où elle s'était arrêtée.

    Codes de sortie : 0 rien ne s'oppose à la mise en service ; 3 ne pas mettre en service ; 4 à examiner ; 2 demande ou fichier
    inutilisable. Le modèle est écrit dans tous les cas.
    """
    from decrochage_risk.partitions import train_on_folder  # noqa: PLC0415 - same
    from decrochage_risk.result_folders import work_beside  # noqa: PLC0415 - only where work is done
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - numpy and pandas load on first use

    closes = closing_pair(outcome_closes or "11-01")
    dates = [to_date(day) for day in as_of] if as_of else None
    known_on = None if labels_known_on is None else to_date(labels_known_on)
    check_target_model(out, reads=[folder, feedback, calendar])
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=folder)
    with steps() as step:
        step("Lecture et vérification des extraits")
        trainings = [
            train_on_folder(
                folder,
                on_fault=on_fault.value,
                calendar=days,
                partitions=partitions,
                # Each horizon its own working copy, so that a stopped run goes on with the right one.
                work=work_beside(out if years == 1 else out.with_name(f"{out.name}-parcours")),
                progress=step,
                as_of_dates=dates,
                school_years=school_year or None,
                outcome_closes=closes,
                horizon_years=years,
                labels_known_on=known_on,
                name=name,
                synthetic=synthetic,
                seed=seed,
                history=history or None,
                legal_basis=legal_basis,
                supported=_supported(feedback, folder),
                helped=helped.value,
            )
            for years in horizon.years
        ]
        training = trainings[0]
        model = training.model
        if len(trainings) > 1:
            from decrochage_risk.train import combine_horizons  # noqa: PLC0415 - same

            model = combine_horizons(model, trainings[1].model)
        with writing(out):
            model.save(out)
    for line in [*reading_lines(training), *fault_lines(training.errors, training.warnings)]:
        say(line)
    raise typer.Exit(_say_training(model, horizon, [_report_of(one.model.report) for one in trainings], out))


def _say_training(
    model: dr.TrainedModel, horizon: Horizon, reports: list[dr.EvaluationReport], out: Path
) -> int:
    """Print the report of each horizon, the model and the verdict, whose exit code is returned."""
    for years, report in zip(horizon.years, reports, strict=True):
        if len(reports) > 1:
            say(f"\nRisque {'de l’année' if years == 1 else 'sur le parcours (trois années scolaires)'}")
        say_report(report)
        say()
    say(f"Modèle : {model.model_id}{', de démonstration' if model.demo else ''}")
    say_checksum(model)
    say(f"Écrit dans {out} ; sa fiche : {out / 'card.md'} et {out / 'card.html'}")
    # One exit code for both horizons: the worse of the two.
    gravest = max(reports, key=lambda report: _GRAVITY.index(report.verdict))
    say(gravest.verdict_line())
    return REPORT_EXIT_CODES[gravest.verdict]


def say_report(report: dr.EvaluationReport) -> None:
    """Print a report: whole into a file or a pipe, one page within its width on a terminal."""
    terminal = console()
    if terminal.is_terminal:
        say(f"\n{report.essentials(terminal.width)}\n")
        say(
            "Le rapport entier : rediriger la sortie (| less -S), ou l'écrire (evaluate : --json, --markdown ; train : la fiche)."
        )
    else:
        say(f"\n{report}")


def say_checksum(model: dr.TrainedModel) -> None:
    """Print the checksum that tells a model from any other, to be kept outside of its folder."""
    say(f"SHA-256 : {model.sha256} (à garder ailleurs que dans son dossier, pour --model-sha256)")


def _supported(feedback: Path | None, folder: Path) -> pd.DataFrame | None:
    """Read when measures began, if there is a feedback file; only the pupils' ids of the extracts are read for it."""
    if feedback is None:
        return None
    from decrochage_risk.records.reading import read_folder  # noqa: PLC0415 - pandas loads on first use

    ids = read_folder(folder).raw["pupils"].frame()["pupil_id"]
    return dr.read_feedback(feedback, ids).measures_started()


def _report_of(fields: dict[str, Any]) -> dr.EvaluationReport:
    """Build the report that a model keeps as JSON again."""
    return dr.EvaluationReport.model_validate(
        {key: value for key, value in fields.items() if key in dr.EvaluationReport.model_fields}
    )


def evaluate(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    model: TrainedModelFolder,
    model_sha256: ModelSha256 = None,
    as_of: AsOfDays,
    outcome_closes: Closes = None,
    labels_known_on: LabelsKnownOnIf = None,
    capacity: Capacity = 20,
    json: ReportFile = None,
    markdown: MarkdownFile = None,
    on_fault: OnFaultOption = OnFault.RAISE,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
) -> None:
    """Mesurer un modèle : classement, calibration, listes, équité par groupe, à côté des repères simples.

    Lit : le dossier des extraits avec sa table outcomes, et le modèle. Donnez des dates d'années que le modèle n'a
    pas apprises ; avec les années d'apprentissage dans le dossier, les repères qui s'apprennent sont mesurés aussi.
    Sans --outcome-closes : le jour du modèle.

    Affiche le rapport. Écrit : les fichiers de --json et --markdown, s'ils sont demandés.
    """
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - numpy and pandas load on first use

    dates = [to_date(day) for day in as_of]
    closes = None if outcome_closes is None else closing_pair(outcome_closes)
    known_on = None if labels_known_on is None else to_date(labels_known_on)
    for file in (json, markdown):
        check_target_file(file, reads=[folder, model, calendar])
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=folder)
    with steps() as step:
        step("Lecture du modèle")
        current = dr.load_model(model, sha256=model_sha256)
        step("Lecture et vérification des extraits")
        extracts = read_extracts(folder, on_fault=on_fault, calendar=days)
        report = dr.evaluate_model(
            current,
            extracts.records,
            as_of_dates=dates,
            outcome_closes=closes,
            labels_known_on=known_on,
            capacity=capacity,
            progress=step,
        )
    for line in extracts.told():
        say(line)
    say_report(report)
    for path, text in ((json, report.to_json), (markdown, report.to_markdown)):
        if path is not None:
            with writing(path):
                path.write_text(text(), encoding="utf-8")
            say(f"\nRapport écrit : {path}")


COMPARISON_EXIT_CODES: Final = {"promote": 0, "keep": 3, "review": 4}
"""Exit code of each verdict; 1 and 2 are those of every command."""
_GRAVITY: Final = ("pass", "review", "block")
REPORT_EXIT_CODES: Final = {"pass": 0, "block": 3, "review": 4}
"""Exit code of each verdict on a model that was compared with none."""

Champion = Annotated[
    Path, typer.Option("--champion", metavar="DOSSIER", show_default=False, help="Modèle en place.")
]
_OTHER_IS_REFUSED: Final = "Empreinte gardée ailleurs que dans son dossier : tout autre modèle est refusé."
ChampionSha256 = Annotated[
    str | None,
    typer.Option("--champion-sha256", metavar="SHA256", show_default=False, help=_OTHER_IS_REFUSED),
]
ChallengerSha256 = Annotated[
    str | None,
    typer.Option("--challenger-sha256", metavar="SHA256", show_default=False, help=_OTHER_IS_REFUSED),
]
Challenger = Annotated[
    Path, typer.Option("--challenger", metavar="DOSSIER", show_default=False, help="Nouveau modèle.")
]
Margin = Annotated[
    float | None,
    typer.Option(
        "--margin",
        metavar="NATS",
        show_default=False,
        help="Log-loss que le nouveau modèle peut perdre (0,001 par défaut, comme « retrain ») ; 0 : il doit gagner.",
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
    champion_sha256: ChampionSha256 = None,
    challenger_sha256: ChallengerSha256 = None,
    as_of: AsOfDays,
    labels_known_on: LabelsKnownOn,
    capacity: Capacity = 20,
    margin: Margin = None,
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
    from decrochage_risk.evaluate.verdict import MARGIN  # noqa: PLC0415 - pandas loads on first use

    for file in (json, changes):
        check_target_file(file, reads=[folder, champion, challenger, calendar])
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=folder)
    with steps() as step:
        step("Lecture des modèles")
        models = (
            dr.load_model(champion, sha256=champion_sha256),
            dr.load_model(challenger, sha256=challenger_sha256),
        )
        step("Lecture et vérification des extraits")
        extracts = read_extracts(folder, on_fault=on_fault, calendar=days)
        comparison = dr.compare_models(
            *models,
            extracts.records,
            as_of_dates=as_of,
            labels_known_on=labels_known_on,
            capacity=capacity,
            margin=MARGIN if margin is None else margin,
            progress=step,
        )
    for line in extracts.told():
        say(line)
    say_comparison(comparison)
    if json is not None:
        with writing(json):
            json.write_text(comparison.to_json(), encoding="utf-8")
    if changes is not None and comparison.changes is not None:
        from decrochage_risk.csv_files import write_csv  # noqa: PLC0415 - pandas loads on first use
        from decrochage_risk.result_folders import private_file  # noqa: PLC0415 - same

        with writing(changes), private_file(changes) as place:
            write_csv(comparison.changes, place, ids=("pupil_id", "school_id"))
    raise typer.Exit(COMPARISON_EXIT_CODES[comparison.verdict])


def say_comparison(found: ModelComparison) -> None:
    """Print a comparison: the verdict and its causes, then the tables."""
    from rich import box  # noqa: PLC0415 - --help needs no Rich
    from rich.table import Table  # noqa: PLC0415 - --help needs no Rich

    from decrochage_risk.evaluate import comparison as words  # noqa: PLC0415 - pandas loads on first use

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
    model_sha256: ModelSha256 = None,
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
    check_target_model(out, reads=[folder, model, calendar])
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=folder)
    with steps() as step:
        step("Lecture du modèle")
        current = dr.load_model(model, sha256=model_sha256)
        step("Lecture et vérification des extraits")
        extracts = read_extracts(folder, on_fault=on_fault, calendar=days)
        step("Mise à jour du niveau moyen")
        updated_model = dr.recalibrate(
            current, extracts.records, as_of_dates=as_of, labels_known_on=labels_known_on, reason=reason
        )
        with writing(out):
            updated_model.save(out)
    for line in extracts.told():
        say(line)
    say(updated_model.card.removeprefix(current.card).strip())
    say(f"\nModèle : {updated_model.model_id}, écrit dans {out}")
    say_checksum(updated_model)


Config = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG.toml", show_default=False, help="Configuration ; ses chemins partent de son dossier."
    ),
]
_STEPS = 6


def retrain(config: Config) -> None:
    """Réentraîner pour une nouvelle année : vérifier, apprendre, évaluer, comparer au modèle en place, écrire la fiche.

    Lit : la configuration (records, run, labels_known_on, et au choix outcomes, supported, helped, champion, champion_sha256, policy, calendar, name,
    school_years, as_of, outcome_closes, seed, capacity, margin, on_fault, synthetic, [options]), puis les extraits, les issues
    et le modèle en place qu'elle nomme.

    Écrit dans le dossier run : inputs.json (empreinte de chaque fichier lu), check.json, candidate (le modèle
    comparé, sans la dernière année), evaluation, comparison (du candidat), shipped (du modèle livré), model (le nouveau modèle, toutes les années, avec sa
    fiche), verdict.json. Un passage arrêté reprend où il en était ; une entrée changée ne refait que ce qui en
    dépend ; les mêmes entrées donnent les mêmes octets.

    Codes de sortie : 0 mettre en service ; 3 garder le modèle en place, ou ne pas mettre en service ; 4 à examiner ; 2 demande
    ou fichier inutilisable. Sans modèle en place, ou sans année à comparer, ce sont ceux de « train ».
    """
    with steps(_STEPS) as step:
        result = dr.retrain(config, progress=step)
    if result.kept:
        say(f"Étapes déjà faites : {', '.join(result.kept)}")
    if result.comparison is None or result.shipped is None:
        report = _report_of(result.model.report)
        say("Aucun modèle en place, ou aucune année que rien n'a apprise : rien n'a été comparé.")
        for line in (*report.whose(), report.verdict_line()):
            say(line)
        code = REPORT_EXIT_CODES[report.verdict]
    else:
        say("\nLE MODÈLE LIVRÉ")
        say_comparison(result.shipped)
        say("\nLE CANDIDAT, appris de la même façon sans la dernière année")
        say_comparison(result.comparison)
        say(f"\n{_overall_line(result.verdict)}")
        code = COMPARISON_EXIT_CODES[result.verdict]
    say(f"\nModèle : {result.model.model_id}{', de démonstration' if result.model.demo else ''}")
    say_checksum(result.model)
    say(f"Écrit dans {result.folder} ; sa fiche : {result.folder / 'model' / 'card.md'}")
    raise typer.Exit(code)


def _overall_line(verdict: str) -> str:
    """Say the verdict of both comparisons, in the words of the card."""
    from decrochage_risk.evaluate import comparison as words  # noqa: PLC0415 - pandas loads on first use

    return words.overall_line(verdict)


DRIFT_EXIT_CODES: Final = {"ok": 0, "watch": 3, "stop": 4}

LabelsAsOf = Annotated[
    list[str] | None,
    typer.Option(
        "--labels-as-of",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Date d'observation dont les issues sont closes ; à répéter.",
    ),
]
DriftLabelsKnownOn = Annotated[
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
    model_sha256: ModelSha256 = None,
    as_of: AsOf,
    labels_as_of: LabelsAsOf = None,
    labels_known_on: DriftLabelsKnownOn = None,
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
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - numpy and pandas load on first use

    check_target_file(json, reads=[folder, model, calendar])
    if labels_as_of and labels_known_on is None:
        raise ModelError(
            explain_error(
                "--labels-as-of came without --labels-known-on",
                expected="the two together: dates whose outcomes have closed, and the day of their extraction",
                hint="Write --labels-known-on too, or leave --labels-as-of out.",
            )
        )
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=folder)
    with steps() as step:
        step("Lecture du modèle")
        current = dr.load_model(model, sha256=model_sha256)
        step("Lecture et vérification des extraits")
        # Labels rest on what came later: with them, every row is judged.
        last = None if labels_as_of else to_date(as_of)
        extracts = read_extracts(folder, on_fault=on_fault, calendar=days, as_of=last)
        step("Veille")
        report = dr.watch_drift(
            current, extracts.records, as_of, labels_as_of=labels_as_of or (), labels_known_on=labels_known_on
        )
    for line in extracts.told():
        say(line)
    say(f"\n{report}")
    if json is not None:
        with writing(json):
            json.write_text(report.to_json(), encoding="utf-8")
    raise typer.Exit(DRIFT_EXIT_CODES[report.verdict])
