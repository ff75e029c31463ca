"""``report``: the pages that people look at, of scores that were written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.files import check_target_folder, policy_files, writing
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    CalendarFile,
    Contact,
    Group,
    OnFault,
    OnFaultOption,
    Processing,
    Zone,
    chosen_calendar,
    named_texts,
)
from decrochage_risk.cli.output import bar, say
from decrochage_risk.cli.score_command import (  # Typer reads them at run time
    DespiteVerdict,  # noqa: TC001
    ModelFolder,  # noqa: TC001
    PolicyPath,  # noqa: TC001
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from decrochage_risk.report import ReportFolder, Territory
    from decrochage_risk.report.streaming import WrittenRun
    from decrochage_risk.score import RiskScores

__all__ = ["report"]

Scores = Annotated[
    Path,
    typer.Argument(metavar="SCORES", show_default=False, help="Dossier écrit par « score »."),
]
Records = Annotated[
    Path,
    typer.Option(
        "--records",
        metavar="DOSSIER",
        show_default=False,
        help="Dossier des extraits qui ont donné les scores.",
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DOSSIER", help="Où écrire les pages.")]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--network", metavar="RÉSEAU", show_default=False,
        help="Réseau FoQualE dont on veut le diagnostic, à répéter ; « tous » pour chaque réseau.",
    ),
]  # fmt: skip
Links = Annotated[
    Path | None,
    typer.Option(
        "--links", metavar="CSV", show_default=False,
        help="Table de correspondance de l'établissement : pupil_id et name, ou celle que « import --links » a écrite. Les noms vont dans ces pages, nulle part ailleurs.",
    ),
]  # fmt: skip
Notices = Annotated[
    bool, typer.Option("--notices/--no-notices", help="Écrire aussi la notice de chaque situation.")
]
Least = Annotated[
    int,
    typer.Option(
        "--least",
        metavar="N",
        min=5,
        help="Plus petit nombre d'élèves écrit dans un diagnostic ; 11 si on le publie.",
    ),
]
ALL_NETWORKS = "tous"


def report(  # noqa: PLR0913 - one argument per option of the command
    scores: Scores,
    *,
    records: Records,
    out: Out = Path("out/pages"),
    model: ModelFolder = None,
    network: Networks = None,
    links: Links = None,
    despite_verdict: DespiteVerdict = False,
    notices: Notices = True,
    contact: Contact = "le chef d'établissement",
    processing: Processing = None,
    least: Least = 5,
    on_fault: OnFaultOption = OnFault.RAISE,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
    policy: PolicyPath = None,
    group: Group = False,
) -> None:
    """Écrire les pages d'un passage : établissements, listes de classe à imprimer, élèves, notices, réseaux, fiche.

    Lit : le dossier des scores, et les extraits, le modèle et les seuils qui les ont donnés ; des extraits qui donneraient
    d'autres nombres sont refusés.

    Écrit : un dossier de pages HTML qui se lisent sans réseau et s'impriment, avec index.html ; les nombres de chaque dessin
    d'un diagnostic en CSV. Un dossier écrit par « report » est remplacé d'un coup, un autre jamais. Les établissements sont
    traités quelques-uns à la fois : une région tient en mémoire.
    """
    from decrochage_risk.report import ReportFolder, names_of_file  # noqa: PLC0415 - loads on first use
    from decrochage_risk.report.streaming import WrittenRun  # noqa: PLC0415 - same

    reads = [scores, records, model, links, calendar, *policy_files(policy)]
    check_target_folder(out, reads=reads, kind="pages")
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=records)
    facts = named_texts("--processing", processing or (), example="dpo=dpo@exemple.fr")
    # Names stay in memory and go into these pages alone: no other file of the package holds any.
    names = {} if links is None else names_of_file(links)
    with bar() as tell:
        tell("Lecture des scores et du modèle", 0, 0)
        trained_model = dr.load_model(model) if model is not None else None
        run = WrittenRun.read(scores, trained_model, dr.load_policy(policy))
        with (
            writing(out),
            ReportFolder(
                out, names, despite_verdict, notices=notices, contact=contact, processing=facts, group=group
            ) as pages,
        ):
            parts = run.scores(records, on_fault=on_fault.value, calendar=days)
            _write(pages, run, parts, network or [], least, tell)
    say(f"{french.plural(pages.pages, 'page')} : {out / 'index.html'}")


def _write(
    pages: ReportFolder,
    run: WrittenRun,
    parts: Iterator[RiskScores],
    networks: list[str],
    least: int,
    tell: Callable[[str, int, int], None],
) -> None:
    from decrochage_risk.report import TerritoryReport, count_territory, merge_territories  # noqa: PLC0415 - on first use

    territories: list[Territory] = []
    facts, schools_done = None, 0

    def along(line: str, number: int, _: int) -> None:
        tell(line, schools_done + number, run.schools)

    for scores in parts:
        facts = scores.run
        pages.add(scores, progress=along)
        schools_done += int(scores.frame["school_id"].nunique(dropna=False))
        if networks:
            tell("Comptes par réseau", schools_done, run.schools)
            territories.append(count_territory(scores, least=least, despite_verdict=pages.despite_verdict))
        del scores  # else these schools stay in memory while the next are read
        tell("Lecture des établissements suivants", schools_done, run.schools)
    if networks and facts is not None:
        whole = merge_territories(territories)
        network_names = list(whole.networks) if ALL_NETWORKS in networks else networks
        tell("Petits effectifs à masquer", 0, 0)
        for number, one in enumerate(network_names):
            whole.place(one)
            pages.network(TerritoryReport(whole, one, facts))
            tell("Diagnostic des réseaux", number + 1, len(network_names))
    pages.card(run.model)
