"""The list of the pupils that each school can meet, as a file that a spreadsheet opens in France."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import decrochage_risk as dr
from decrochage_risk.cli.files import writing
from decrochage_risk.errors import PolicyError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from decrochage_risk.score import FolderScores

__all__ = ["Places", "asked_places", "write_capacity_list"]

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


@dataclass(frozen=True)
class Places:
    """How many pupils can be met: in every school that is not named, and in those that are.

    Attributes
    ----------
    everywhere : int or None
        None: a school that is not named has no list.
    named : dict of str to int
    """

    everywhere: int | None
    named: dict[str, int]

    def of(self, schools: Iterable[str]) -> dict[str, int]:
        """Give the places of each school that has a list."""
        everywhere = {} if self.everywhere is None else dict.fromkeys(schools, self.everywhere)
        return everywhere | self.named


def asked_places(texts: Iterable[str]) -> Places | None:
    """Read "12" and "0990001N=3"; None when nothing was asked.

    Raises
    ------
    PolicyError
        With every fault: no whole number from 1 on, the same school or every school twice.

    Examples
    --------
    >>> asked_places(["12", "0990001N=3"]).of(["0990001N", "0990002P"])
    {'0990001N': 3, '0990002P': 12}
    """
    found: dict[str, int] = {}
    faults = []
    for text in texts:
        school, _, places = (part.strip() for part in text.rpartition("="))
        if not re.fullmatch(r"[0-9]{1,9}", places) or ("=" in text and not school):
            faults.append(f"{text!r} is neither a whole number nor SCHOOL=number")
        elif int(places) < 1:
            faults.append(f"{text!r}: at least 1 was expected")
        elif school in found:
            faults.append(f"{text!r} comes after {found[school]} for the same schools")
        else:
            found[school] = int(places)
    if faults:
        raise PolicyError(
            explain_error(
                f"--capacity: {'; '.join(faults)}",
                expected="one whole number for every school, from 1 to its size, and SCHOOL=number for others",
                hint="For example --capacity 12 --capacity 0990001N=3.",
            )
        )
    return Places(found.pop("", None), found) if found else None


def write_capacity_list(done: FolderScores, places: Places) -> str:
    """Write ``capacite.csv``, one row per listed pupil, by school, class and id; say in French what it leaves out.

    Raises
    ------
    PolicyError
        A capacity above the size of a school, a school that is not in the scores: every school is named.
    RecordsError
        The file cannot be written.
    """
    import pandas as pd  # noqa: PLC0415 - loads on first use

    from decrochage_risk.score.writing import guarded_table, level_words  # noqa: PLC0415 - same

    scores = _Written(pd.read_parquet(done.folder / "scores.parquet"))
    open_schools = scores.frame.loc[scores.frame["enrolled"], "school_id"].unique().tolist()
    found = dr.capacity_list(scores, places.of(open_schools))
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
