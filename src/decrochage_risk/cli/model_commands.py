"""``train`` and ``evaluate``: a model of one's own, measured on years that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import decrochage_risk as dr
from decrochage_risk.cli.files import check_target_file, check_target_model, read_extracts, writing
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    AsOfDates,
    CalendarFile,
    Closes,
    OnFault,
    OnFaultOption,
    RecordsFolder,
    Zone,
    chosen_calendar,
    closing_pair,
)
from decrochage_risk.cli.output import say, steps

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
ReportFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FICHIER", show_default=False, help="Écrire le rapport en JSON."),
]
LabelsKnownOn = Annotated[
    str | None,
    typer.Option(
        "--labels-known-on",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Jour d'extraction des issues : celles qui n'étaient pas closes ce jour-là sont laissées de côté.",
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
    labels_known_on: LabelsKnownOn = None,
    name: Annotated[str, typer.Option("--name", metavar="NOM", help="Nom du modèle.")] = "modele",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Graine : mêmes données, mêmes octets.")
    ] = 0,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Élèves synthétiques : modèle de démonstration, et il le dit.")
    ] = False,
    on_fault: OnFaultOption = OnFault.RAISE,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
) -> None:
    """Entraîner un modèle sur des années dont l'issue est connue, et le mesurer sur la dernière.

    Lit : le dossier des extraits, avec sa table outcomes (pupil_id, school_year, outcome, date). Sans --as-of :
    5 novembre, 6 janvier, 5 mars et 5 mai de chaque année.

    Écrit : le dossier du modèle (manifeste et sommes de contrôle, arbres en texte, calibration, références, fiche
    card.md et card.html). Affiche les chiffres de la dernière année, prédite par des modèles qui ne l'ont pas vue.
    """
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - numpy and pandas load on first use

    closes = closing_pair(outcome_closes or "11-01")
    dates = [to_date(day) for day in as_of] if as_of else None
    known = None if labels_known_on is None else to_date(labels_known_on)
    check_target_model(out)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle)
    with steps() as step:
        step("Lecture et vérification des extraits")
        read = read_extracts(folder, on_fault=on_fault, calendar=days)
        model = dr.train_model(
            read.records,
            as_of_dates=dates,
            school_years=school_year or None,
            outcome_closes=closes,
            labels_known_on=known,
            name=name,
            synthetic=synthetic,
            seed=seed,
            progress=step,
        )
        with writing(out):
            model.save(out)
    for line in read.told():
        say(line)
    say(f"\n{_report_of(model.report)}\n")
    say(f"Modèle : {model.model_id}{', de démonstration' if model.demo else ''}")
    say(f"Écrit dans {out} ; sa fiche : {out / 'card.md'} et {out / 'card.html'}")


def _report_of(kept: dict[str, Any]) -> dr.EvaluationReport:
    """Build the report that a model keeps as JSON again."""
    return dr.EvaluationReport.model_validate(
        {key: value for key, value in kept.items() if key != "untouched"}
    )


def evaluate(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    model: Annotated[
        Path,
        typer.Option("--model", metavar="DOSSIER", show_default=False, help="Modèle écrit par « train »."),
    ],
    as_of: Annotated[
        list[str],
        typer.Option(
            "--as-of", metavar="AAAA-MM-JJ", show_default=False, help="Date d'observation ; à répéter."
        ),
    ],
    outcome_closes: Closes = None,
    labels_known_on: LabelsKnownOn = None,
    capacity: Annotated[
        int,
        typer.Option(
            "--capacity", metavar="N", min=1, help="Situations qu'un établissement peut examiner à une date."
        ),
    ] = 20,
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
