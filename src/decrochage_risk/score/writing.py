"""Files of a run: Parquet for machines, one CSV list per school that Excel opens in France, HTML in a notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain.sentences import NO_REASON, tell_missing
from decrochage_risk.records.levels import LEVEL_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decrochage_risk.policy import Measure
    from decrochage_risk.score.pupil_risk import PupilRisk
    from decrochage_risk.score.scored_pupils import ScoredPupils

__all__ = [
    "COLUMNS_TOLD",
    "ROW_GROUP",
    "fresh_lists",
    "guarded_table",
    "level_words",
    "school_list",
    "write_list",
    "write_scores",
]

ROW_GROUP = 65_536
"""Rows of a row group of every Parquet file, so that scores written part by part are the same bytes."""

COLUMNS_TOLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Élève": "Identifiant de l'élève, comme dans les extraits.",
        "Niveau": "Niveau de l'inscription du jour.",
        "Classe": "Division.",
        "Risque estimé (%)": "Probabilité estimée de sortie sans diplôme, en pour cent. Une estimation, jamais une décision.",
        "Fourchette": "Intervalle de l'estimation, à 90 %.",
        "Élèves comparables": "Ce que sont devenus, les années passées, des élèves d'estimation voisine.",
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

_CHANGED_BY_SPREADSHEETS = re.compile(
    r"[=+\-@\t\r].*"  # a formula
    r"|0[0-9]+|[0-9]{16,}"  # a number that loses its zeros, or its last digits
    r"|[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+"  # 3e-1 is a class, and 0.3
    r"|[0-9]{1,4}[/-][0-9]{1,2}(?:[/-][0-9]{1,4})?",  # 3-1 is a class, and 3 January
    re.DOTALL,
)


def write_scores(scores: ScoredPupils, folder: str | Path, *, excel: bool = False) -> list[Path]:
    """Write ``scores.parquet``, ``reasons.parquet``, ``contributions.parquet``, ``run.json`` and ``listes/*.csv``.

    A list holds the situations to be looked at in one school, by class and id; a school without any has no list.

    Raises
    ------
    RecordsError
        When the folder cannot be made, or a file in it not be written.
    """
    target = Path(folder)
    try:
        written = _written(scores, target)
        if excel:
            from decrochage_risk.score.workbooks import write_workbooks  # noqa: PLC0415 - XlsxWriter loads on first use

            written += write_workbooks(scores, target / "listes")
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"The scores cannot be written into {target} ({error.strerror or error})",
                expected="a folder that can be made and written",
                hint="Choose another folder, ask for the right to write there, or make room on the disk.",
            )
        ) from error
    return written


def fresh_lists(target: Path) -> Path:
    """Make the folder of the lists, without any list of an earlier run: none must be taken for one of this run."""
    lists = target / "listes"
    lists.mkdir(parents=True, exist_ok=True)
    for stale in (*lists.glob("*.csv"), *lists.glob("*.xlsx")):
        stale.unlink()
    return lists


def _written(scores: ScoredPupils, target: Path) -> list[Path]:
    lists = fresh_lists(target)
    written = [target / f"{name}.parquet" for name in ("scores", "reasons", "contributions")]
    for path, table in zip(written, (scores.frame, scores.reasons, scores.contributions), strict=True):
        table.to_parquet(path, row_group_size=ROW_GROUP)
    run = target / "run.json"
    run.write_text(json.dumps(scores.run.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    written.append(run)
    for school, of_school in scores.flagged.groupby("school_id", sort=True):
        written.append(write_list(school_list(scores, of_school), lists / f"{school}.csv"))
    return written


def write_list(table: pd.DataFrame, path: Path) -> Path:
    """Write one list as a CSV that Excel opens in France."""
    guarded_table(table).to_csv(
        path, sep=";", decimal=",", index=False, encoding="utf-8-sig", lineterminator="\r\n"
    )
    return path


def school_list(scores: ScoredPupils, rows: pd.DataFrame) -> pd.DataFrame:
    """List of situations to be looked at, in French, in the order given.

    Parameters
    ----------
    scores : ScoredPupils
        The run.
    rows : DataFrame
        Rows of ``scores.flagged`` (``pupil_id`` and ``class_id`` are read).
    """
    pairs = zip(rows["pupil_id"], rows["class_id"], strict=True)
    return pd.DataFrame([_line(scores[pupil_id], class_id) for pupil_id, class_id in pairs])


def _line(pupil: PupilRisk, class_id: object) -> dict[str, Any]:
    reasons, protective = pupil.reasons or (), pupil.protective or ()
    attention = [reason.text for reason in reasons] or ([NO_REASON] if pupil.reasons == () else [])
    line: dict[str, Any] = {"Élève": pupil.pupil_id, "Niveau": level_words(pupil.level)}
    line["Classe"] = class_id if isinstance(class_id, str) else ""
    line["Risque estimé (%)"] = None if pupil.risk is None else round(100 * pupil.risk, 1)
    if pupil.interval is not None:
        line["Fourchette"] = french.interval_percent(pupil.interval.low, pupil.interval.high)
    line["Élèves comparables"] = pupil.comparable.text if pupil.comparable is not None else ""
    line["Action proposée"] = pupil.tier_label
    line["Règle"] = pupil.flag_rule
    line["Devenir des élèves de ce palier"] = (
        pupil.tier_precision.text if pupil.tier_precision is not None else ""
    )
    for number in range(4):
        line[f"Point d'attention {number + 1}"] = attention[number] if number < len(attention) else ""
    for number in range(2):
        line[f"Point d'appui {number + 1}"] = protective[number].text if number < len(protective) else ""
    line["Donnée manquante"] = tell_missing(pupil.data.missing).removeprefix("donnée manquante : ")
    line["Mesures possibles"] = _measures(pupil, after_leaving=False)
    line["En cas de sortie ou d'échec"] = _measures(pupil, after_leaving=True)
    line["Décision automatique"] = "aucune"
    line["Modèle"] = pupil.model.notice or pupil.model.id
    return line


def level_words(level: str | None) -> str:
    """Write a level as a school does ("terminale professionnelle"); empty without one."""
    return LEVEL_BY_NAME[level].label if level else ""


def _measures(pupil: PupilRisk, *, after_leaving: bool) -> str:
    """Name the measures for an enrolled pupil, or those that are only of use to one who has left or failed."""
    return " ; ".join(
        _measure(measure) for measure in pupil.measures if measure.after_leaving is after_leaving
    )


def _measure(measure: Measure) -> str:
    """Name a measure with what opened it, and what remains to be checked."""
    said = [*(fact.text for fact in measure.facts if fact.text), *measure.to_check]
    return f"{measure.label} ({', '.join(said)})" if said else measure.label


def _guarded(cell: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would read as a formula, a number or a date."""
    return f"'{cell}" if isinstance(cell, str) and _CHANGED_BY_SPREADSHEETS.fullmatch(cell) else cell


def guarded_table(table: pd.DataFrame) -> pd.DataFrame:
    """Protect every text of a table from what a spreadsheet would make of it."""
    return table.map(_guarded)
