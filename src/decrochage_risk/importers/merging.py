"""Rows of many files, already under pseudonyms, into one set of tables: the newest extract wins, nothing counts twice.

A file vouches for some days of some pupils; a later one of the same source replaces it there and nowhere else. Stays
are closed where only a newer list can tell that somebody left, and every line that gives way is counted in the report
of its file.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.importers.extract import Notice
from decrochage_risk.importers.half_days import absence_table, merge_half_days
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import year_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from decrochage_risk.importers.report import FileReport

__all__ = ["merge_enrolments", "merge_events", "merge_pupils"]

_DAY = pd.Timedelta(days=1)


def merge_pupils(rows: pd.DataFrame) -> pd.DataFrame:
    """Give one row per pupil: the first birth date and sex that any file knows (two birth dates never meet here)."""
    if rows.empty:
        return rows.reindex(columns=["pupil_id", "birth_date", "sex"])
    first: pd.DataFrame = rows.groupby("pupil_id", sort=True)[["birth_date", "sex"]].first().reset_index()
    return first


def merge_enrolments(rows: pd.DataFrame, files: Sequence[FileReport]) -> tuple[pd.DataFrame, list[Notice]]:
    """Give the stays of every pupil, no two of them on one day.

    Parameters
    ----------
    rows : DataFrame
        Enrolments with ``basis``, ``line`` and ``file`` (position in ``files``).
    files : sequence of FileReport
        Lines that give way are counted in theirs; their export dates tell the newest.

    Returns
    -------
    enrolments : DataFrame
        Declared columns, and ``basis``.
    notices : list of Notice
    """
    columns = [*(name for name in TABLES["enrolments"].column_names if name in rows.columns), "basis"]
    if rows.empty:
        return rows.reindex(columns=columns), []
    rows = rows.assign(
        start_date=pd.to_datetime(rows["start_date"]).astype("datetime64[s]"),
        end_date=pd.to_datetime(rows["end_date"]).astype("datetime64[s]"),
        age=ages_of(files)[rows["file"].to_numpy(dtype=np.int64)],
        exported=days_of_export(files)[rows["file"].to_numpy(dtype=np.int64)],
        kind=[files[int(at)].kind for at in rows["file"]],
    )
    rows = _of_the_year_itself(rows)
    rows, vanish_count = _newest_per_school(rows, files)
    rows, cut = _one_at_a_time(rows, files)
    notices = []
    if vanish_count:
        notices.append(
            Notice(
                "vanished",
                f"{vanish_count} scolarité(s) d’un export ancien ne sont plus dans le plus récent du même établissement : elles sont "
                "closes à la date de ce dernier.",
            )
        )
    if cut:
        notices.append(
            Notice(
                "overlap_closed",
                f"{cut} scolarité(s) ouvertes sont closes la veille de la suivante du même élève : l’établissement d’origine "
                "n’avait pas écrit la sortie.",
            )
        )
    return rows.reindex(columns=columns).reset_index(drop=True), notices


def _of_the_year_itself(rows: pd.DataFrame) -> pd.DataFrame:
    """Drop what a later file remembers of a year where a file of that year says it itself; keep one memory per year."""
    own = set(map(tuple, rows.loc[rows["basis"] == "file", ["pupil_id", "school_year"]].to_numpy()))
    pairs_of_lists = [pair in own for pair in map(tuple, rows[["pupil_id", "school_year"]].to_numpy())]
    memory = rows["basis"] == "year_before"
    rows = rows[~(memory & pd.Series(pairs_of_lists, index=rows.index))]
    memory = rows["basis"] == "year_before"
    latest = (
        rows[memory]
        .sort_values("age", kind="stable")
        .drop_duplicates(["pupil_id", "school_year"], keep="last")
    )
    return pd.concat([rows[~memory], latest])


def _newest_per_school(rows: pd.DataFrame, files: Sequence[FileReport]) -> tuple[pd.DataFrame, int]:
    """Keep, of several extracts of one school and year, what the newest says of each pupil; close who vanished."""
    keys = ["school_id", "school_year", "pupil_id"]
    newest = rows.groupby(keys)["age"].transform("max")
    older = (rows["age"] < newest) & (rows["basis"] == "file")
    later = rows["exported"] < rows.groupby(keys)["exported"].transform("max")
    _count(rows[older & later], files, "older_extract")
    _count(rows[older & ~later], files, "repeated_row")
    stays = (
        rows[rows["age"] == newest]
        .drop_duplicates([*keys, "level", "start_date", "end_date", "class_id"])
        .copy()
    )
    # Only a later list of the same kind can tell that somebody is in it no more: another service may hold fewer pupils.
    lists = rows[rows["basis"] == "file"].groupby(["school_id", "school_year", "kind"])["exported"]
    last_export = lists.transform("max").reindex(stays.index)
    close = stays["end_date"].isna() & (stays["exported"] < last_export)
    stays.loc[close, "end_date"] = (
        stays.loc[close, ["start_date"]].assign(last=last_export[close]).max(axis=1)
    )
    return stays, int(close.sum())


def _one_at_a_time(rows: pd.DataFrame, files: Sequence[FileReport]) -> tuple[pd.DataFrame, int]:
    """End a stay on the day before the next one begins; of two that begin together, the newest extract's stays."""
    rows = rows.sort_values(["pupil_id", "school_year", "start_date", "age"], kind="stable")
    together = rows.duplicated(["pupil_id", "school_year", "start_date"], keep="last")
    _count(rows[together], files, "double_enrolment")
    rows = rows[~together].copy()
    following = rows.groupby("pupil_id")["start_date"].shift(-1)
    closing = pd.to_datetime(rows["school_year"].map(year_end)).astype("datetime64[s]")
    end = rows["end_date"].fillna(closing)
    overlap = following.notna() & (end >= following)
    rows.loc[overlap, "end_date"] = following[overlap] - _DAY
    return rows, int(overlap.sum())


def ages_of(files: Sequence[FileReport]) -> npt.NDArray[np.int64]:
    """Rank files by their day of export, then by name: the newest last, a file without a day first."""
    keys = [(file.exported_on or date.min, file.path) for file in files]
    rank = {key: at for at, key in enumerate(sorted(set(keys)))}
    return np.array([rank[key] for key in keys], dtype=np.int64)


def days_of_export(files: Sequence[FileReport]) -> npt.NDArray[np.datetime64]:
    """Give the day of export of each file; missing where it does not say one."""
    days = [
        np.datetime64("NaT", "D") if file.exported_on is None else np.datetime64(file.exported_on)
        for file in files
    ]
    return np.array(days, dtype="datetime64[s]")


def merge_events(table: str, rows: pd.DataFrame, files: Sequence[FileReport]) -> pd.DataFrame:
    """Give the events of all files: where two extracts of one source overlap, the newest; a row said twice, once.

    Parameters
    ----------
    table : str
    rows : DataFrame
        With ``line``, ``file``, ``source`` (kind and school) and, per row, ``covered_from`` and ``covered_to`` of its file.
    files : sequence of FileReport

    Returns
    -------
    DataFrame
        Declared columns that came, and ``exported``: the day of the export that a row comes from.
    """
    present = [name for name in TABLES[table].column_names if name in rows.columns]
    if rows.empty:
        return rows.reindex(columns=[*present, "exported"])
    at = rows["file"].to_numpy(dtype=np.int64)
    rows = rows.reset_index(drop=True).assign(age=ages_of(files)[at], exported=days_of_export(files)[at])
    obsolete = _covered_by_newer(table, rows)
    _count(rows[obsolete], files, "older_event")
    rows = rows[~obsolete]
    if table == "absences":
        return _merged_absences(rows)
    # Across files only: two equal rows of one file may be two marks of one day.
    twice = rows.duplicated(present, keep="first") & (
        rows["file"] != rows.groupby(present, dropna=False)["file"].transform("first")
    )
    _count(rows[twice], files, "repeated_row")
    return rows[~twice].reindex(columns=[*present, "exported"]).reset_index(drop=True)


def _merged_absences(rows: pd.DataFrame) -> pd.DataFrame:
    """Give one row per pupil, day and kind out of half-days that several files, or several lines, tell."""
    export_days = rows.groupby(["pupil_id", "date"])["exported"].max()
    absences = absence_table(merge_half_days(rows))
    return absences.assign(
        exported=export_days.reindex(pd.MultiIndex.from_frame(absences[["pupil_id", "date"]])).to_numpy()
    )


_SCOPE = {"absences": (), "grades": ("pupil_id", "subject"), "orientation": ("pupil_id",)}
"""Of which rows a file of a source speaks on the days that it covers: a list of absences of the whole school, a mark book or a
table of averages only of the pupils and subjects that are in it. Two files made on one day are parts of one extract."""


def _covered_by_newer(table: str, rows: pd.DataFrame) -> pd.Series:
    """Tell the rows of an older extract on days that one of the same source made on a later day vouches for."""
    obsolete = pd.Series(data=False, index=rows.index)
    scope = list(_SCOPE[table])
    for _, of in rows.groupby("source", sort=False):
        if of["exported"].nunique() < len(("older", "newer")):
            continue
        for _, newer in of.groupby("file", sort=False):
            span = newer.iloc[0]
            older = of[
                (of["exported"] < span["exported"])
                & (of["date"] >= span["covered_from"])
                & (of["date"] <= span["covered_to"])
            ]
            if scope:
                keys = pd.MultiIndex.from_frame(newer[scope])
                older = older[pd.MultiIndex.from_frame(older[scope]).isin(keys)]
            obsolete[older.index] = True
    return obsolete


def _count(rows: pd.DataFrame, files: Sequence[FileReport], reason: str) -> None:
    for file, line in zip(rows["file"], rows["line"], strict=True):
        files[int(file)].leave_out(reason, int(line))
