"""``train`` and ``evaluate``: a model of one's own, measured on years that it has not seen."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import decrochage_risk as dr
from decrochage_risk.cli.files import (
    check_target_file,
    check_target_model,
    fault_lines,
    read_extracts,
    reading_lines,
    writing,
)
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    AsOfDates,
    AsOfDays,
    CalendarFile,
    Capacity,
    Closes,
    LabelsKnownOnIf,
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
from decrochage_risk.cli.output import say, steps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["evaluate", "train"]

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


def train(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    out: ModelTarget,
    as_of: AsOfDates = None,
    school_year: SchoolYears = None,
    outcome_closes: Closes = "11-01",
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
    """
    from decrochage_risk.records.part_runs import work_beside  # noqa: PLC0415 - pandas loads on first use
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - numpy and pandas load on first use
    from decrochage_risk.train import train_on_folder  # noqa: PLC0415 - same

    closes = closing_pair(outcome_closes or "11-01")
    dates = [to_date(day) for day in as_of] if as_of else None
    known = None if labels_known_on is None else to_date(labels_known_on)
    check_target_model(out)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle)
    with steps() as step:
        step("Lecture et vérification des extraits")
        done = train_on_folder(
            folder,
            on_fault=on_fault.value,
            calendar=days,
            partitions=partitions,
            work=work_beside(out),
            progress=step,
            as_of_dates=dates,
            school_years=school_year or None,
            outcome_closes=closes,
            labels_known_on=known,
            name=name,
            synthetic=synthetic,
            seed=seed,
            supported=_supported(feedback, folder),
            helped=helped.value,
        )
        model = done.model
        with writing(out):
            model.save(out)
    for line in [*reading_lines(done), *fault_lines(done.errors, done.warnings)]:
        say(line)
    say(f"\n{_report_of(model.report)}\n")
    say(f"Modèle : {model.model_id}{', de démonstration' if model.demo else ''}")
    say(f"Écrit dans {out} ; sa fiche : {out / 'card.md'} et {out / 'card.html'}")


def _supported(feedback: Path | None, folder: Path) -> pd.DataFrame | None:
    """Read when measures began, if there is a feedback file; only the pupils' ids of the extracts are read for it."""
    if feedback is None:
        return None
    from decrochage_risk.records.reading import read_folder  # noqa: PLC0415 - pandas loads on first use

    ids = read_folder(folder).raw["pupils"].frame()["pupil_id"]
    return dr.read_feedback(feedback, ids).measures_started()


def _report_of(kept: dict[str, Any]) -> dr.EvaluationReport:
    """Build the report that a model keeps as JSON again."""
    return dr.EvaluationReport.model_validate(
        {key: value for key, value in kept.items() if key in dr.EvaluationReport.model_fields}
    )


def evaluate(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    model: TrainedModelFolder,
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
    known = None if labels_known_on is None else to_date(labels_known_on)
    check_target_file(json)
    check_target_file(markdown)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle)
    with steps() as step:
        step("Lecture du modèle")
        trained = dr.load_model(model)
        step("Lecture et vérification des extraits")
        read = read_extracts(folder, on_fault=on_fault, calendar=days)
        report = dr.evaluate_model(
            trained,
            read.records,
            as_of_dates=dates,
            outcome_closes=closes,
            labels_known_on=known,
            capacity=capacity,
            progress=step,
        )
    for line in read.told():
        say(line)
    say(f"\n{report}")
    for path, text in ((json, report.to_json), (markdown, report.to_markdown)):
        if path is not None:
            with writing(path):
                path.write_text(text(), encoding="utf-8")
            say(f"\nRapport écrit : {path}")
