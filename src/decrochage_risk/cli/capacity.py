"""The list of the pupils that each school can meet, as a file that a spreadsheet opens in France."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import decrochage_risk as dr
from decrochage_risk.cli.files import writing

if TYPE_CHECKING:
    import pandas as pd

    from decrochage_risk.score import FolderScores

__all__ = ["write_capacity_list"]

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


def write_capacity_list(done: FolderScores, capacity: int) -> str:
    """Write ``capacite.csv``, one row per listed pupil, by school, class and id; say in French what it leaves out.

    Raises
    ------
    PolicyError
        A capacity of 0, below, or above the size of a school: every school is named.
    RecordsError
        The file cannot be written.
    """
    import pandas as pd  # noqa: PLC0415 - loads on first use

    from decrochage_risk.score.writing import guarded_table, level_words  # noqa: PLC0415 - same

    found = dr.capacity_list(_Written(pd.read_parquet(done.folder / "scores.parquet")), capacity)
    table = found.pupils[list(_FRENCH)].rename(columns=_FRENCH)
    table["Risque estimé (%)"] = (100.0 * table["Risque estimé (%)"]).round(1)
    table["Niveau"] = table["Niveau"].map(level_words)
    for name in ("Situation à examiner", "À égalité avec un élève hors liste"):
        table[name] = table[name].map({True: "oui", False: "non"})
    path = done.folder / "capacite.csv"
    with writing(path):
        guarded_table(table).to_csv(
            path, sep=";", decimal=",", index=False, encoding="utf-8-sig", lineterminator="\r\n"
        )
    return f"\nListe de capacité : {path}\n{found.text}"
