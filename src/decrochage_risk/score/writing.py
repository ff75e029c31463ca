"""Files of a run: Parquet for machines, CSV lists per school and way that Excel opens in France, HTML in a notebook.

A list holds the pupils of one school who are on it for one way, by class and id, never by risk; one of an earlier run
is removed first, so that none is taken for today's. Texts that a spreadsheet would change are guarded.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

import pandas as pd

from decrochage_risk import french
from decrochage_risk.csv_files import write_csv
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain.sentences import NO_REASON, tell_missing
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.result_folders import ResultFolder, adding_to_result
from decrochage_risk.score.pupil_risk import PupilRisk
from decrochage_risk.score.ways import WAY_COLUMNS, WAYS, measures_by_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from decrochage_risk.policy import Measure
    from decrochage_risk.score.run_facts import RunFacts
    from decrochage_risk.score.scored_pupils import ScoredPupils
    from decrochage_risk.score.ways import Departure, LegalSignal, Way

__all__ = [
    "COLUMNS_TOLD",
    "ROW_GROUP",
    "TO_COMPLETE",
    "Signalled",
    "completion_list",
    "frame_of_earlier_run",
    "level_words",
    "list_name",
    "lists_of_schools",
    "lists_to_write",
    "result_folder",
    "school_list",
    "schools_of_run",
    "signal_line",
    "write_completion_lists",
    "write_list",
    "write_new_on_lists",
    "write_scores",
    "write_verdict",
]

TO_COMPLETE = "données à compléter"
"""The list of pupils whom only missing data would put on that of the risk."""
ROW_GROUP = 65_536
"""Rows of a row group of every Parquet file, so that scores written part by part are the same bytes."""

COLUMNS_TOLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Élève": "Identifiant de l'élève, comme dans les extraits.",
        "Niveau": "Niveau de l'inscription du jour.",
        "Classe": "Division.",
        "Avis de la fiche du modèle": "Ce que la fiche du modèle conclut de ses mesures, à lire avant la liste.",
        "Liste": "La voie d'entrée : risque estimé, seuil légal d'absence, ou sortie à vérifier ; jamais mêlées.",
        "À compléter": "Ce qui n'est pas connu de l'élève, et qui seul mettrait son estimation au-dessus du seuil.",
        "Ensuite": "Ce qu'il y a à faire une fois les données complétées.",
        "Fait": "Le fait daté qui met l'élève sur cette liste.",
        "Autres listes": "Les autres voies par lesquelles la situation vient aussi.",
        "Risque estimé (%)": "Probabilité estimée de sortie sans diplôme dans l'année, en pour cent. Une estimation, jamais une décision.",
        "Fourchette": "Intervalle de l'estimation, à 90 %.",
        "Élèves comparables": "Ce que sont devenus, les années passées, des élèves d'estimation voisine.",
        "Risque sur le parcours (%)": "En 4e et en 3e : probabilité estimée d'une sortie sans diplôme d'ici trois années scolaires.",
        "Fourchette du parcours": "Intervalle de l'estimation sur le parcours, à 90 %.",
        "Élèves comparables, parcours": "Ce que sont devenus, trois ans plus tard, des élèves d'estimation voisine.",
        "Action proposée": "Palier de la politique de vigilance.",
        "Règle": "Le seuil appliqué, le même pour tous les élèves du niveau.",
        "Devenir des élèves de ce palier": "Combien d'élèves de ce palier sont sortis sans diplôme, et combien non.",
        "Point d'attention": "Un fait daté qui élève l'estimation, à vérifier avec l'élève. Ni une cause, ni un jugement.",
        "Point d'appui": "Un fait daté qui abaisse l'estimation.",
        "Donnée manquante": "Ce qui n'est pas connu ; une donnée manquante n'est jamais un motif.",
        "Mesures possibles": "Ce que l'équipe peut proposer, avec le fait qui l'ouvre. Rien n'est décidé.",
        "En cas de sortie ou d'échec": "Ce qui existe si l'élève quittait l'établissement ou échouait à l'examen.",
        "Décision automatique": "Toujours aucune : une personne regarde, et décide.",
        "Modèle": "Le modèle qui a donné l'estimation.",
    }
)
"""What each column of a list holds, in French; numbered ones without their number."""

_IDS = ("Élève", "Établissement")
"""Columns that join back to what the school has, letter by letter."""


@contextmanager
def result_folder(folder: str | Path, *, group: bool = False) -> Iterator[ResultFolder]:
    """Hold a folder of results, to be written as a whole or not at all.

    Parameters
    ----------
    folder : str or Path
        A new or empty folder, or one that an earlier run wrote.
    group : bool
        Whether the group of the folder may read it (0640 in 0750); its owner alone otherwise (0600 in 0700).

    Raises
    ------
    RecordsError
        When the folder holds anything of somebody else, another run holds it, or a file in it cannot be written.
    """
    try:
        with ResultFolder(Path(folder), group=group) as result:
            yield result
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"The scores cannot be written into {folder} ({error.strerror or error})",
                expected="a folder that can be made and written",
                hint="Choose another folder, ask for the right to write there, or make room on the disk.",
            )
        ) from error


def write_scores(scores: ScoredPupils, folder: Path, *, despite_verdict: bool = False) -> list[Path]:
    """Write ``scores.parquet``, ``reasons.parquet``, ``contributions.parquet``, ``run.json`` and ``listes/*.csv``.

    A list holds the pupils of one school who are on it for one way, by class and id; where nobody is, it says so.

    Parameters
    ----------
    scores : ScoredPupils
        The run.
    folder : Path
        An empty folder: the draft of a :func:`result_folder`.
    despite_verdict : bool
        As for ``RiskScores.write``.
    """
    lists = folder / "listes"
    lists.mkdir()
    paths = [folder / f"{name}.parquet" for name in ("scores", "reasons", "contributions")]
    for path, table in zip(paths, (scores.frame, scores.reasons, scores.contributions), strict=True):
        table.to_parquet(path, row_group_size=ROW_GROUP)
    run = folder / "run.json"
    run.write_text(json.dumps(scores.run.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    paths.append(run)
    paths += write_verdict(scores.run, lists, despite_verdict=despite_verdict)
    for way in lists_to_write(scores.run, despite_verdict=despite_verdict):
        rows = scores.on_list(way)
        tables = {
            school: school_list(scores, of_school, way)
            for school, of_school in rows.groupby("school_id", sort=True)
        }
        schools, day = schools_of_run(scores.frame), scores.run.as_of
        paths += lists_of_schools(tables, schools, way, day, lists, verdict=scores.run.verdict)
    # What the model alone says is withheld with its list.
    if "risk" in lists_to_write(scores.run, despite_verdict=despite_verdict):
        tables = {
            school: completion_list(scores, of_school)
            for school, of_school in scores.to_complete.groupby("school_id", sort=True)
        }
        paths += write_completion_lists(tables, lists)
    return paths


def completion_list(scores: ScoredPupils, rows: pd.DataFrame) -> pd.DataFrame:
    """List the pupils whose data are to be completed, in French, in the order given, without any estimate.

    Parameters
    ----------
    scores : ScoredPupils
        The run.
    rows : DataFrame
        Rows of ``scores.to_complete`` (``pupil_id`` and ``class_id`` are read).
    """
    lines = []
    for pupil_id, class_id in zip(rows["pupil_id"], rows["class_id"], strict=True):
        pupil = scores[pupil_id]
        lines.append(
            {
                "Élève": pupil.pupil_id,
                "Niveau": level_words(pupil.level),
                "Classe": class_id if isinstance(class_id, str) else "",
                "Liste": TO_COMPLETE,
                "À compléter": french.join(list(pupil.to_complete)),
                "Ensuite": "recalculer ; une donnée manquante n'est jamais un motif",
                "Décision automatique": "aucune",
            }
        )
    return pd.DataFrame(lines)


def write_completion_lists(tables: Mapping[Any, pd.DataFrame], lists: Path) -> list[Path]:
    """Write the list of data to complete of each school that has some; of the others there is nothing to do, and no file."""
    return [
        write_list(table, lists / f"{school}_donnees-a-completer.csv") for school, table in tables.items()
    ]


def lists_to_write(run: RunFacts, *, despite_verdict: bool) -> tuple[Way, ...]:
    """Give the lists that a run may write: not that of the risk where the card of the model says not to issue it.

    Parameters
    ----------
    run : RunFacts
        What the run rests on.
    despite_verdict : bool
        Whether to write it all the same.
    """
    return tuple(way for way in WAYS if way != "risk" or despite_verdict or not run.is_blocked)


def write_verdict(run: RunFacts, lists: Path, *, despite_verdict: bool) -> list[Path]:
    """Write ``avis.txt`` beside the lists: what the card of the model says against its use, and what became of the list."""
    if not run.verdict:
        return []
    outcome = ""
    if run.is_blocked:
        outcome = ISSUED_DESPITE if despite_verdict else WITHHELD
    path = lists / "avis.txt"
    # With the mark, as Windows editors otherwise take UTF-8 for Latin.
    path.write_text(f"Avis de la fiche du modèle : {run.verdict}\n{outcome}\n", encoding="utf-8-sig")
    return [path]


WITHHELD = (
    "La liste du risque estimé n'est pas émise. Les listes du seuil légal d'absence et des sorties, qui ne tiennent à "
    "aucun modèle, le sont."
)
ISSUED_DESPITE = (
    "La liste du risque estimé est émise malgré cet avis, sur demande expresse (--despite-verdict)."
)


def schools_of_run(frame: pd.DataFrame) -> list[str]:
    """Name the schools of a run, in order: each gets its lists, and reads there when nobody is on one."""
    return sorted(frame["school_id"].dropna().unique().tolist())


def lists_of_schools(
    tables: Mapping[Any, pd.DataFrame],
    schools: Iterable[str],
    way: Way,
    as_of: date,
    lists: Path,
    *,
    verdict: str = "",
) -> list[Path]:
    """Write the list of each school for one way, and a file that says so for those with nobody on it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The list of each school that has one.
    schools : iterable of str
        Every school of the run.
    way : Way
        Which list.
    as_of : date
        Day of the run.
    lists : Path
        Folder of the lists.
    verdict : str
        What the card of the model says against its use, for lists of the risk.
    """
    nobody = f"Aucun élève de cet établissement n'est sur cette liste au {french.day(as_of, with_year=True)}."
    if way == "risk":
        # An empty list must not pass for "nobody is at risk" where nobody could be scored.
        nobody += " Un élève sans estimation n'y figure jamais : scores.parquet en dit la cause."
    if way == "legal":
        nobody += " Un élève dont les absences ne sont pas connues n'y figure jamais."
    notice = {"Avis de la fiche du modèle": verdict} if verdict and way == "risk" else {}
    # A file that says nobody, not a missing one: yesterday's list must not pass for today's.
    empty = pd.DataFrame([notice | {"Élève": "", "Liste": WAYS[way], "Fait": nobody}])
    return [write_list(tables.get(school, empty), lists / list_name(school, way)) for school in schools]


_FILE_WORDS: dict[Way, str] = {"risk": "risque", "legal": "seuil-legal", "departure": "sorties"}


def list_name(school: object, way: Way) -> str:
    """Name the file of a list of one school.

    Examples
    --------
    >>> list_name("0990001N", "legal")
    '0990001N_seuil-legal.csv'
    """
    return f"{school}_{_FILE_WORDS[way]}.csv"


def write_list(table: pd.DataFrame, path: Path) -> Path:
    """Write one list as a CSV that Excel opens in France; the ids stay those of the school."""
    return write_csv(table, path, ids=_IDS)


def school_list(scores: ScoredPupils, rows: pd.DataFrame, way: Way = "risk") -> pd.DataFrame:
    """List of situations to be looked at, in French, in the order given.

    Parameters
    ----------
    scores : ScoredPupils
        The run.
    rows : DataFrame
        Rows of ``scores.on_list(way)`` (``pupil_id`` and ``class_id`` are read).
    way : {"risk", "legal", "departure"}
        Which list; those of the two last ways hold no risk.
    """
    pairs = zip(rows["pupil_id"], rows["class_id"], strict=True)
    if way != "risk":
        return pd.DataFrame([signal_line(scores[pupil_id], class_id, way) for pupil_id, class_id in pairs])
    verdict = {"Avis de la fiche du modèle": scores.run.verdict} if scores.run.verdict else {}
    with_path = bool(scores.run.path_years)
    return pd.DataFrame(
        [
            verdict | _risk_line(scores[pupil_id], class_id, with_path=with_path)
            for pupil_id, class_id in pairs
        ]
    )


class Signalled(Protocol):
    """Who is on a list that needs no model: a pupil of a run with or without one."""

    @property
    def pupil_id(self) -> str:
        """Opaque id."""

    @property
    def level(self) -> str | None:
        """Last known level."""

    @property
    def ways(self) -> tuple[Way, ...]:
        """The lists that the pupil is on."""

    @property
    def legal(self) -> LegalSignal | None:
        """The legal signal."""

    @property
    def departure(self) -> Departure | None:
        """The departure."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Measures that may be suggested."""


def _start(pupil: Signalled, class_id: object, way: Way) -> dict[str, Any]:
    """Begin a line of any list: who, why on this list, and on which others."""
    fact = {"risk": None, "legal": pupil.legal, "departure": pupil.departure}[way]
    return {
        "Élève": pupil.pupil_id,
        "Niveau": level_words(pupil.level),
        "Classe": class_id if isinstance(class_id, str) else "",
        "Liste": _way_words(pupil, way),
        **({"Fait": fact.text} if fact is not None else {}),
        "Autres listes": french.join([_way_words(pupil, other) for other in pupil.ways if other != way]),
    }


def _way_words(pupil: Signalled, way: Way) -> str:
    """Say a way in French; of a pupil with risks over both horizons, which of them."""
    return pupil.way_words(way) if isinstance(pupil, PupilRisk) else WAYS[way]


def _end(pupil: Signalled) -> dict[str, Any]:
    of_now, of_a_case_to_come = measures_by_time(pupil.measures, has_left="departure" in pupil.ways)
    return {
        "Mesures possibles": _measures(of_now),
        "En cas de sortie ou d'échec": _measures(of_a_case_to_come),
        "Décision automatique": "aucune",
    }


def signal_line(pupil: Signalled, class_id: object, way: Way) -> dict[str, Any]:
    """Give the cells of a line of a list that needs no model.

    Parameters
    ----------
    pupil : Signalled
        Who is on the list.
    class_id : object
        The class, or what stands for none.
    way : {"legal", "departure"}
        Which list.
    """
    line = _start(pupil, class_id, way)
    if way == "departure" and pupil.departure is not None:
        line["À cet âge"] = pupil.departure.obligation
        line["Absences de l'année"] = pupil.legal.text if pupil.legal is not None else ""
    if way == "legal" and pupil.legal is not None:
        line["Depuis peu"] = "oui" if pupil.legal.recent else "non"
    return line | _end(pupil)


def _path_cells(pupil: PupilRisk) -> dict[str, Any]:
    """Give the cells of the risk over three years, empty where there is none."""
    path = pupil.path
    risk = None if path is None or path.risk is None else round(100 * path.risk, 1)
    interval = (
        ""
        if path is None or path.interval is None
        else french.interval_percent(path.interval.low, path.interval.high)
    )
    comparable = "" if path is None or path.comparable is None else path.comparable.text
    return {
        "Risque sur le parcours (%)": risk,
        "Fourchette du parcours": interval,
        "Élèves comparables, parcours": comparable,
    }


def _risk_line(pupil: PupilRisk, class_id: object, *, with_path: bool) -> dict[str, Any]:
    attention = [reason.text for reason in pupil.reasons] or ([NO_REASON] if pupil.explained else [])
    line = _start(pupil, class_id, "risk")
    line["Risque estimé (%)"] = None if pupil.risk is None else round(100 * pupil.risk, 1)
    if pupil.interval is not None:
        line["Fourchette"] = french.interval_percent(pupil.interval.low, pupil.interval.high)
    line["Élèves comparables"] = pupil.comparable.text if pupil.comparable is not None else ""
    if with_path:
        line |= _path_cells(pupil)
    line["Action proposée"] = pupil.tier_label
    line["Règle"] = pupil.flag_rule
    line["Devenir des élèves de ce palier"] = (
        pupil.tier_precision.text if pupil.tier_precision is not None else ""
    )
    # Always as many columns as a pupil may have reasons: the lists of all schools have one heading.
    for number in range(4):
        line[f"Point d'attention {number + 1}"] = attention[number] if number < len(attention) else ""
    for number in range(2):
        support = pupil.protective[number].text if number < len(pupil.protective) else ""
        line[f"Point d'appui {number + 1}"] = support
    line["Donnée manquante"] = tell_missing(pupil.data.missing).removeprefix("donnée manquante : ")
    line |= _end(pupil)
    line["Modèle"] = pupil.model.notice or pupil.model.id
    return line


def write_new_on_lists(folder: Path, previous: Path) -> dict[Way, int]:
    """Write ``nouveaux.csv``: who is on a list of one folder of results and was not on that list of an earlier one.

    Parameters
    ----------
    folder, previous : Path
        What ``RiskScores.write`` or ``Signals.write`` wrote; ``nouveaux.csv`` goes into the first.

    Returns
    -------
    dict of str to int
        New pupils on each list that the first folder holds.

    Raises
    ------
    RecordsError
        When a folder holds no results, or the earlier one holds those of a later day.
    """
    now = _frame_written(folder)
    before = frame_of_earlier_run(previous, now["as_of"].iloc[0].date() if len(now) else None)
    tables, counts = [], {}
    for way, column in WAY_COLUMNS.items():
        if column not in now:
            continue
        # An earlier run without a model has no list of the risk: all of today's are new on it.
        earlier = before.loc[before[column], "pupil_id"] if column in before else before["pupil_id"].head(0)
        rows = now[now[column] & ~now["pupil_id"].isin(earlier)]
        tables.append(rows[["school_id", "class_id", "pupil_id", "level"]].assign(way=WAYS[way]))
        counts[way] = len(rows)
    table = pd.concat(tables).sort_values(["school_id", "class_id", "pupil_id"], kind="stable")
    table["level"] = table["level"].map(level_words, na_action="ignore")
    names = ["Établissement", "Classe", "Élève", "Niveau", "Nouveau sur la liste"]
    with adding_to_result(folder, "nouveaux.csv") as draft:
        write_list(table.set_axis(names, axis=1), draft)
    return counts


def frame_of_earlier_run(folder: Path, as_of: date | None) -> pd.DataFrame:
    """Read the frame of an earlier run, with or without a model, that a run of a day is to be held against.

    Parameters
    ----------
    folder : Path
        What ``RiskScores.write`` or ``Signals.write`` wrote.
    as_of : date or None
        Day of the run; None where it is of nobody, and of no day.

    Raises
    ------
    RecordsError
        The folder holds no results, those of a later day, or those of a version without the three lists.
    """
    frame = _frame_written(folder)
    if as_of is not None and len(frame) and (day := frame["as_of"].iloc[0].date()) > as_of:
        raise RecordsError(
            explain_error(
                f"The results in {folder} are of a later day ({day.isoformat()})",
                expected="the folder of an earlier run",
                hint="Swap the folders.",
            )
        )
    return frame


def _frame_written(folder: Path) -> pd.DataFrame:
    """Read back the frame of a run, with or without a model."""
    paths = [path for name in ("scores", "signals") if (path := folder / f"{name}.parquet").is_file()]
    if not paths:
        raise RecordsError(
            explain_error(
                f"No scores.parquet nor signals.parquet in {folder}",
                expected="the folder of results of an earlier run",
                hint="Pass the folder given to --out of that run.",
            )
        )
    frame = pd.read_parquet(paths[0])
    if WAY_COLUMNS["legal"] not in frame:
        raise RecordsError(
            explain_error(
                f"{paths[0]} does not say who was at the legal threshold or had left",
                expected="results of a version that writes the three lists",
                hint="Score that day again with this version.",
            )
        )
    return frame


def level_words(level: str | None) -> str:
    """Write a level as a school does ("terminale professionnelle"); empty without one."""
    return LEVEL_BY_NAME[level].label if level else ""


def _measures(measures: Iterable[Measure]) -> str:
    return " ; ".join(_measure(measure) for measure in measures)


def _measure(measure: Measure) -> str:
    """Name a measure with what opened it, and what remains to be checked."""
    conditions = [*(fact.text for fact in measure.facts if fact.text), *measure.to_check]
    return f"{measure.label} ({', '.join(conditions)})" if conditions else measure.label
