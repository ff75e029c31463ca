"""``score``: one result per pupil of a folder of extracts, on a date, and the lists of each school.

The situations to be looked at are shown as a table that stays readable at 80 columns, never in the order of the risk.
"""

from __future__ import annotations

import re
import warnings as python_warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.before_score import Places, former_run, refuse_impossible_places
from decrochage_risk.cli.files import (
    check_target_file,
    check_target_folder,
    fault_lines,
    load_chosen,
    policy_files,
    read_extracts,
    reading_lines,
    say_leftovers,
    writing,
)
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    AsOf,
    CalendarFile,
    Explain,
    Group,
    ModelSha256,
    OnFault,
    OnFaultOption,
    Partitions,
    RecordsFolder,
    Zone,
    chosen_calendar,
    ids_of_file,
)
from decrochage_risk.cli.output import bar, console, say, shown_id
from decrochage_risk.errors import PolicyError, RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import pandas as pd
    from rich.table import Table
    from rich.text import Text

    from decrochage_risk.cli.files import Extracts
    from decrochage_risk.explain import Reason
    from decrochage_risk.partitions import FolderScores
    from decrochage_risk.score import PupilRisk, RiskScores, ScoreDigest
    from decrochage_risk.score.ways import SchoolReturns


__all__ = [
    "Places",
    "asked_places",
    "say_digest",
    "say_scores",
    "score",
    "situations_table",
    "write_capacity_list",
]

_FRENCH = {
    "school_id": "Établissement",
    "class_id": "Classe",
    "pupil_id": "Élève",
    "level": "Niveau",
    "risk": "Risque estimé (%)",
    "flagged": "Situation à examiner",
    "tied": "À égalité avec un élève hors liste",
}


@dataclass(frozen=True)
class _Written:
    """Scores as they were written."""

    frame: pd.DataFrame


def asked_places(texts: Iterable[str], option: str = "--capacity") -> Places | None:
    """Read "12" and "0990001N=3" of an option; None when nothing was asked.

    Raises
    ------
    PolicyError
        With every fault: no whole number from 1 on, the same school or every school twice.

    Examples
    --------
    >>> asked_places(["12", "0990001N=3"]).of(["0990001N", "0990002P"])
    {'0990001N': 3, '0990002P': 12}
    """
    places_of_schools: dict[str, int] = {}
    faults = []
    for text in texts:
        # From the right: without a sign the whole text is the number.
        school, _, places = (part.strip() for part in text.rpartition("="))
        if not re.fullmatch(r"[0-9]{1,9}", places) or ("=" in text and not school):
            faults.append(f"{text!r} is neither a whole number nor UAI=number")
        elif int(places) < 1:
            faults.append(f"{text!r}: at least 1 was expected")
        elif school in places_of_schools:
            faults.append(f"{text!r} comes after {places_of_schools[school]} for the same schools")
        else:
            places_of_schools[school] = int(places)
    if faults:
        raise PolicyError(
            explain_error(
                f"{option}: {'; '.join(faults)}",
                expected="one whole number for every school, from 1 to its size, and UAI=number for others",
                hint=f"For example {option} 12 {option} 0990001N=3.",
            )
        )
    return Places(places_of_schools.pop("", None), places_of_schools) if places_of_schools else None


def write_capacity_list(done: FolderScores, places: Places, *, horizon_years: int = 1) -> str:
    """Write ``capacite.csv``, one row per listed pupil, by school, class and id; say in French what it leaves out.

    ``capacite-parcours.csv`` for the risk over three school years of the pupils of 4e and 3e.

    Raises
    ------
    PolicyError
        A capacity above the size of a school, a school that is not in the scores: every school is named.
    RecordsError
        The file cannot be written.
    """
    import pandas as pd  # noqa: PLC0415 - loads on first use

    from decrochage_risk.result_folders import adding_to_result  # noqa: PLC0415 - same
    from decrochage_risk.score.writing import level_words, write_list  # noqa: PLC0415 - same

    scores = _Written(pd.read_parquet(done.folder / "scores.parquet"))
    is_there = scores.frame["enrolled"]
    if horizon_years > 1:
        is_there &= scores.frame["path_risk"].notna()
    open_schools = scores.frame.loc[is_there, "school_id"].unique().tolist()
    if not open_schools:
        return (
            "\nListe de capacité : aucun élève n'est inscrit ce jour-là."
            if horizon_years == 1
            else "\nListe de capacité sur le parcours : aucun élève de 4e ou de 3e n'a de risque sur trois années."
        )
    chosen_list = dr.capacity_list(scores, places.of(open_schools), horizon_years=horizon_years)
    table = chosen_list.pupils[list(_FRENCH)].rename(columns=_FRENCH)
    table["Risque estimé (%)"] = (100.0 * table["Risque estimé (%)"]).round(1)
    table["Niveau"] = table["Niveau"].map(level_words)
    for name in ("Situation à examiner", "À égalité avec un élève hors liste"):
        table[name] = table[name].map({True: "oui", False: "non"})
    path = done.folder / ("capacite.csv" if horizon_years == 1 else "capacite-parcours.csv")
    with writing(path), adding_to_result(done.folder, path.name) as draft:
        write_list(table, draft)
    title = "Liste de capacité" if horizon_years == 1 else "Liste de capacité sur le parcours (4e et 3e)"
    return f"\n{title} : {path}\n{chosen_list.text}"


_LABEL_WIDTH = 17


def say_scores(
    scores: RiskScores, shown: int, lists: Path, *, spread: bool = False, despite_verdict: bool = False
) -> None:
    """Print the counts, some situations to be looked at, and where the others are.

    Parameters
    ----------
    scores : RiskScores
        A run.
    shown : int
        How many situations at most.
    lists : Path
        Folder of the lists, one per school.
    spread : bool
        Take the situations at even distances, from all schools, instead of the first ones.
    despite_verdict : bool
        Whether the list of the risk was written though the card of the model says not to issue one.
    """
    from decrochage_risk.score import ScoreDigest  # noqa: PLC0415 - --help needs no scores

    say_digest(ScoreDigest.of(scores, shown, spread=spread), lists, despite_verdict=despite_verdict)


_THREE_LISTS = (
    "Trois listes par établissement, jamais mêlées : risque estimé, seuil légal d'absence (quel que soit le risque), "
    "sorties à vérifier."
)


def say_digest(digest: ScoreDigest, lists: Path, *, despite_verdict: bool = False) -> None:
    """Print the same of a run whose scores are not held; what the card says against the model comes first."""
    from decrochage_risk.score.writing import ISSUED_DESPITE, WITHHELD  # noqa: PLC0415 - --help needs no scores

    if digest.run.verdict:
        say(f"\nAvis de la fiche du modèle : {digest.run.verdict}")
    if digest.run.is_blocked:
        say(ISSUED_DESPITE if despite_verdict else WITHHELD)
    say(f"\nAu {french.day(digest.run.as_of, with_year=True)} : {digest.summary}.")
    for cause, count in digest.causes.items():
        say(f"  sans score : {french.plural(count, 'élève')}, {cause}")
    say(_THREE_LISTS)
    if not digest.flagged:
        say("Aucune situation n'atteint un seuil de la politique de vigilance par le risque estimé.")
        return
    if digest.run.is_blocked and not despite_verdict:
        return
    say("Par établissement, classe et identifiant ; aucun classement entre élèves.\n")
    console().print(_table([(each.pupil, each.class_id) for each in digest.situations]))
    if digest.flagged > len(digest.situations):
        others = french.plural(
            digest.flagged - len(digest.situations), "autre situation", "autres situations"
        )
        say(f"Et {others} à examiner : {lists}")
    say("Un score est une estimation, une situation se vérifie avec l'élève : aucune décision automatique.")


def situations_table(scores: RiskScores, pupil_ids: list[str]) -> Table:
    """Table of some pupils, in the order given: who, how much, why, protective facts apart."""
    classes = scores.frame.set_index("pupil_id")["class_id"]
    class_ids = [classes[pupil_id] for pupil_id in pupil_ids]
    names = [name if isinstance(name, str) else None for name in class_ids]
    return _table([(scores[pupil_id], name) for pupil_id, name in zip(pupil_ids, names, strict=True)])


def _table(pupils: list[tuple[PupilRisk, str | None]]) -> Table:
    from rich import box  # noqa: PLC0415 - --help needs no Rich
    from rich.table import Table  # noqa: PLC0415 - --help needs no Rich

    table = Table(box=box.HORIZONTALS, show_lines=True, pad_edge=False, expand=False)
    table.add_column("Élève", width=_LABEL_WIDTH, overflow="fold")
    table.add_column("Risque estimé", width=_LABEL_WIDTH, overflow="fold")
    table.add_column("Points d'attention, points d'appui", overflow="fold", ratio=1)
    for pupil, class_id in pupils:
        table.add_row(_who(pupil, class_id), _risk(pupil), _why(pupil))
    return table


def _who(pupil: PupilRisk, class_id: str | None) -> str:
    from decrochage_risk.score.writing import level_words  # noqa: PLC0415 - --help needs no records

    lines = [shown_id(pupil.pupil_id), level_words(pupil.level)]
    return "\n".join([*lines, f"classe {shown_id(class_id)}"] if class_id else lines)


def _risk(pupil: PupilRisk) -> str:
    lines = [] if pupil.risk is None else [french.percent(pupil.risk)]
    if pupil.interval is not None:
        lines.append(f"[{french.interval_percent(pupil.interval.low, pupil.interval.high)}]")
    return "\n".join([*lines, pupil.tier_label or ""])


def _why(pupil: PupilRisk) -> Text:
    from rich.text import Text  # noqa: PLC0415 - --help needs no Rich

    from decrochage_risk.explain.sentences import NO_REASON  # noqa: PLC0415 - --help needs no features

    if not pupil.explained:
        return Text(pupil.explanation_cause or "")
    lines = [_told(reason, "-") for reason in pupil.reasons]
    lines = lines or [Text(f"{NO_REASON} : le risque tient à de nombreux petits écarts")]
    if pupil.protective:
        lines += [Text("Points d'appui", style="bold"), *(_told(reason, "+") for reason in pupil.protective)]
    return Text("\n").join(lines)


def _told(reason: Reason, mark: str) -> Text:
    from rich.text import Text  # noqa: PLC0415 - --help needs no Rich

    text = reason.text
    for sign in ":;%":
        text = text.replace(f" {sign}", f"{french.NO_BREAK_SPACE}{sign}")
    return Text(f"{mark} {text}")


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
        help="Élèves dont la famille s'oppose au traitement, un identifiant par ligne, ou un CSV avec une colonne pupil_id : «\N{NO-BREAK SPACE}traitement refusé\N{NO-BREAK SPACE}».",
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


class GapTable(StrEnum):
    """Tables whose gap may be meant."""

    ABSENCES = "absences"
    GRADES = "grades"


Gap = Annotated[
    list[GapTable] | None,
    typer.Option(
        "--gap",
        metavar="TABLE",
        show_default=False,
        help="Table dont le manque est voulu, absences ou grades (à répéter) : sans cela, un élève dont l'établissement ne l'a "
        "pas transmise, ou a cessé de le faire, n'a pas de score.",
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
CapacityPath = Annotated[
    list[str] | None,
    typer.Option(
        "--capacity-path",
        metavar="N|UAI=N",
        show_default=False,
        help="De même pour les élèves de 4e et de 3e au risque sur le parcours (trois années) le plus élevé : "
        "capacite-parcours.csv.",
    ),
]


SignalsOnly = Annotated[
    bool,
    typer.Option(
        "--signals-only",
        help="Sans aucun modèle : seulement les listes du seuil légal d'absence et des sorties à vérifier (première "
        "année d'un établissement, ou issues pas encore connues).",
    ),
]
DespiteVerdict = Annotated[
    bool,
    typer.Option(
        "--despite-verdict",
        help="Émettre la liste du risque estimé bien que la fiche du modèle demande de ne pas le faire ; chaque ligne "
        "porte alors cet avis. Les deux autres listes sont toujours émises.",
    ),
]
Since = Annotated[
    Path | None,
    typer.Option(
        "--since",
        metavar="DOSSIER",
        show_default=False,
        help="Résultats d'un passage précédent : dire qui est nouveau sur chaque liste (nouveaux.csv).",
    ),
]


def score(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    as_of: AsOf,
    model: ModelFolder = None,
    model_sha256: ModelSha256 = None,
    out: Out = None,
    explain: ExplainOption = Explain.FLAGGED,
    on_fault: OnFaultOption = OnFault.RAISE,
    exclude: Exclude = None,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
    policy: PolicyPath = None,
    gap: Gap = None,
    partitions: Partitions = None,
    journal: JournalFile = None,
    capacity: Capacity = None,
    capacity_path: CapacityPath = None,
    signals_only: SignalsOnly = False,
    since: Since = None,
    despite_verdict: DespiteVerdict = False,
    group: Group = False,
) -> None:
    """Scorer chaque élève d'un dossier, tel qu'on le connaissait au matin d'une date.

    Lit : le dossier des extraits, le modèle, la liste d'opposition, les seuils et le calendrier s'ils sont donnés.

    Écrit dans le dossier de sortie : scores.parquet (une ligne par élève, personne n'est omis), reasons.parquet,
    contributions.parquet, run.json (modèle, seuils, calendrier, fautes) et listes/, par établissement un CSV
    qu'Excel ouvre en France pour chaque voie : UAI_risque, UAI_seuil-legal, UAI_sorties. Avec --signals-only :
    signals.parquet, run.json et les deux dernières listes. Avec --since : nouveaux.csv. Avec --journal : une ligne de plus
    dans le journal, à l'heure du passage.

    Le dossier est remplacé en entier, ou pas du tout : files.json y liste ce qu'un passage a écrit ; un fichier d'une autre
    main, ou modifié depuis, est une erreur qui le nomme. Lisible par son propriétaire seul, sauf --group.

    Des extraits plus grands que la mémoire (en Parquet) sont traités en parties ; le travail en cours est gardé à côté
    du dossier de sortie, dans .NOM.partitions : relancée avec les mêmes fichiers et options, la commande reprend où elle
    s'était arrêtée.
    """
    from decrochage_risk.journal import refuse_other_file  # noqa: PLC0415 - numpy and pandas load on first use
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - same
    from decrochage_risk.score.run_facts import GAP_CAUSES  # noqa: PLC0415 - same
    from decrochage_risk.score.ways import NOT_ENROLLING, SchoolReturns  # noqa: PLC0415 - same

    day = to_date(as_of)
    target = out if out is not None else Path("out", day.isoformat())
    reads = [folder, model, exclude, calendar, *policy_files(policy)]
    # A run may be compared with the one that it replaces: that one is read first.
    former = None if since is None or since.resolve() == target.resolve() else since
    check_target_folder(target, reads=[*reads, former, journal], kind="scores")
    check_target_file(journal, reads=[*reads, former])
    if journal is not None:
        refuse_other_file(journal)
    say_leftovers(target)
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=folder)
    objectors, rules = ids_of_file(exclude), dr.load_policy(policy)
    places = {1: asked_places(capacity or ()), 3: asked_places(capacity_path or (), "--capacity-path")}
    if signals_only:
        _refuse_model_options(
            model=model, capacity=capacity or capacity_path, journal=journal, partitions=partitions
        )
        with former_run(since, target, day) as before:
            extracts = read_extracts(folder, on_fault=on_fault, calendar=days, as_of=day)
            with python_warnings.catch_warnings():
                _leave_to_last_line(NOT_ENROLLING)
                _leave_to_last_line("exclude names ")
                lists = dr.signals(extracts.records, as_of=day, policy=rules, exclude=objectors)
            _write_signals(extracts, lists, target, group=group)
            _say_new(target, since, before)
        _say_not_enrolling(SchoolReturns.of_frame(lists.frame), day)
        _say_unknown_objectors(objectors, target / "signals.parquet")
        return
    with former_run(since, target, day) as before:
        refuse_impossible_places(folder, places, as_of=day, calendar=days, policy=rules)
        with bar() as tell, python_warnings.catch_warnings():
            _leave_to_last_line(NOT_ENROLLING)
            _leave_to_last_line("exclude names ")
            for cause in GAP_CAUSES.values():
                _leave_to_last_line(f" {cause.reason} ")
            tell("Lecture du modèle", 0, 0)
            result = dr.score_folder(
                folder,
                target,
                as_of=day,
                model=load_chosen(model, model_sha256),
                policy=rules,
                explain=explain.value,
                exclude=objectors,
                on_fault=on_fault.value,
                calendar=days,
                gaps=[each.value for each in gap or ()],
                partitions=partitions,
                despite_verdict=despite_verdict,
                group=group,
                progress=tell,
            )
            if journal is not None:
                dr.Journal(journal).record_folder(result, folder, at=datetime.now(tz=UTC))
        _say_result(result, despite_verdict=despite_verdict)
        _say_new(target, since, before)
    _write_capacity_lists(result, places, despite_verdict=despite_verdict)
    _say_without_score(result.digest)
    _say_unknown_objectors(objectors, target / "scores.parquet")


def _write_capacity_lists(
    result: dr.FolderScores, places: Mapping[int, Places | None], *, despite_verdict: bool
) -> None:
    """Write the list of each horizon for which places were declared, unless the card says to issue none."""
    lists_of_places = {years: each for years, each in places.items() if each is not None}
    if lists_of_places and result.digest.run.is_blocked and not despite_verdict:
        say("\nListe de capacité non émise : elle repose sur le même risque (--despite-verdict).")
        return
    for years, each in lists_of_places.items():
        say(write_capacity_list(result, each, horizon_years=years))


def _write_signals(extracts: Extracts, signals: dr.Signals, target: Path, *, group: bool) -> None:
    """Write the two lists that rest on no model, and say what they hold."""
    signals.write(target, group=group)
    for line in extracts.told():
        say(line)
    say(f"\nAu {french.day(signals.as_of, with_year=True)}, sans aucun modèle : {signals.summary}.")
    say(f"Deux listes par établissement : {target / 'listes'}")


def _say_without_score(digest: ScoreDigest) -> None:
    """Say last what nobody may overlook: pupils without a score because of what came, or did not come, of their school."""
    from decrochage_risk.score.run_facts import GAP_CAUSES  # noqa: PLC0415 - --help needs no scores

    _say_not_enrolling(digest.returns, digest.run.as_of)
    for name, causes in digest.run.gap_causes.items():
        if causes:
            say(f"Attention : {GAP_CAUSES[name].line(causes)}")


def _say_unknown_objectors(objectors: list[str], written: Path) -> None:
    """Say last of all which ids of the list of objections nobody has: whoever is meant by them may have been scored."""
    import pandas as pd  # noqa: PLC0415 - --help needs no pandas

    known = set(pd.read_parquet(written, columns=["pupil_id"])["pupil_id"]) if objectors else set()
    strangers = [repr(one) for one in dict.fromkeys(objectors) if one not in known]
    if strangers:
        count = french.plural(len(strangers), "identifiant")
        say(
            f"Attention : {count} de la liste d'opposition dans aucune table : {', '.join(strangers)}. L'opposition n'a pas été appliquée "
            "à qui serait là sous un autre identifiant : corriger la liste, puis recommencer."
        )


def _leave_to_last_line(words: str) -> None:
    """Keep a warning of the Python API quiet whose facts the command says in French, last of all."""
    python_warnings.filterwarnings("ignore", message=f".*{re.escape(words)}", category=dr.RecordsWarning)


def _say_not_enrolling(returns: SchoolReturns, day: date) -> None:
    """Say that the enrolments of this year seem to be missing, of everybody or of some schools: departures are none then."""
    if returns.nobody_enrolled:
        say(
            f"Attention : aucun élève n'est inscrit au {french.day(day, with_year=True)} : les inscriptions de cette année scolaire "
            "manquent, ou la date n'est pas la bonne. Les « sorties à vérifier » n'en sont pas : transmettre la table enrolments de "
            "cette année, puis recommencer."
        )
    elif schools := returns.not_sent:
        each = french.join([f"{school} ({french.plural(gone, 'élève')})" for school, gone in schools.items()])
        say(
            f"Attention : aucun élève n'est inscrit cette année dans {french.plural(len(schools), 'établissement')} dont tous les élèves de "
            f"l'an dernier seraient partis : {each}. Leurs « sorties à vérifier » n'en sont sans doute pas : compléter la table enrolments, "
            "puis recommencer."
        )


def _refuse_model_options(**options: object) -> None:
    """Refuse what has no meaning without a model."""
    names = [f"--{name}" for name, value in options.items() if value is not None]
    if names:
        raise RecordsError(
            explain_error(
                f"--signals-only came with {', '.join(names)}",
                expected="lists that rest on no model, made at once",
                hint="Leave --signals-only out, or the others.",
            )
        )


def _say_new(folder: Path, since: Path | None, before: Path | None) -> None:
    """Say who is new on each list since an earlier run: as it was called, and where it is to be read."""
    if before is None:
        return
    from decrochage_risk.score.ways import WAYS  # noqa: PLC0415 - --help needs no scores
    from decrochage_risk.score.writing import write_new_on_lists  # noqa: PLC0415 - same

    counts = write_new_on_lists(folder, before)
    sentence = french.join([f"{WAYS[way]} {french.number(count)}" for way, count in counts.items()])
    say(f"Nouveaux depuis {since} : {sentence} ({folder / 'nouveaux.csv'}).")


def _say_result(result: FolderScores, *, despite_verdict: bool) -> None:
    run = result.digest.run
    errors, warnings = (
        sum(count for name, count in run.faults.items() if name.startswith(severity))
        for severity in ("error ", "warning ")
    )
    for line in [*reading_lines(result), *fault_lines(errors, warnings)]:
        say(line)
    say_digest(result.digest, result.folder / "listes", despite_verdict=despite_verdict)
    say(f"Modèle : {run.model.id}{', de démonstration' if run.model.demo else ''}")
    if result.parts > 1:
        say(f"Élèves traités en {french.number(result.parts)} parties.")
    say(f"Scores, motifs et listes par établissement : {result.folder}")
