"""Rows of many files, already under pseudonyms, into one set of tables.

The newest extract wins, nothing counts twice: a file vouches for some days of some pupils; a later one of the same source
replaces it there and nowhere else. Stays are closed where only a newer list can tell that somebody left, and every line that
gives way is counted in the report of its file.
"""

from __future__ import annotations

from datetime import date
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.importers.extract import ColumnLists, Notice
from decrochage_risk.importers.half_days import absence_table, merge_half_days
from decrochage_risk.records.levels import LEVELS
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import year_end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.importers.report import FileReport

__all__ = [
    "TableRows",
    "age_of",
    "merge_enrolments",
    "merge_events",
    "merge_pupils",
]

_DAY = pd.Timedelta(days=1)
_PILE = 50_000
"""Rows kept as lists before they become a frame: their objects take some five times the room."""


class TableRows:
    """Rows of one table out of many files: large files come as frames, small ones as lists that become a frame together."""

    def __init__(self) -> None:
        self._frames: list[pd.DataFrame] = []
        self._lists: dict[str, list[Any]] = {}
        self._dtypes: dict[str, str] = {}
        self._runs: list[tuple[int, Mapping[str, Any]]] = []

    def add(
        self,
        rows: pd.DataFrame | ColumnLists,
        pupil_ids: Sequence[str | None],
        mask: Sequence[bool],
        facts: Mapping[str, Any],
    ) -> None:
        """Add the rows of one file.

        Parameters
        ----------
        rows : DataFrame or ColumnLists
            With ``person``, which ``pupil_ids`` takes the place of.
        pupil_ids : sequence of str or None
            One per row.
        mask : sequence of bool
            Which rows are taken.
        facts : mapping
            Columns that have one value in the whole file: ``file`` and the like.
        """
        row_count = sum(mask)
        if not row_count:
            return
        if isinstance(rows, ColumnLists):
            columns = {**rows.columns, "pupil_id": pupil_ids}
            del columns["person"]
            for name, values in columns.items():
                self._lists.setdefault(name, []).extend(compress(values, mask))
            self._dtypes.update(rows.dtypes, pupil_id="str")
            self._runs.append((row_count, facts))
            if len(self._lists["pupil_id"]) >= _PILE:
                self._flush()
            return
        frame = rows.drop(columns="person").assign(pupil_id=pd.array(list(pupil_ids), dtype="str"), **facts)
        if "date" in frame.columns:
            frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[s]")
        self._frames.append(frame[np.array(mask, dtype=np.bool_)])

    def frame(self) -> pd.DataFrame:
        """Give all rows, in the order of the files; without any, a frame with ``pupil_id`` alone."""
        self._flush()
        if not self._frames:
            return pd.DataFrame({"pupil_id": pd.Series(dtype="str")})
        if len(self._frames) > 1:
            rows = pd.concat(self._frames, ignore_index=True)
            # Lists join the frames later than they came.
            self._frames = [rows.sort_values("order", kind="stable", ignore_index=True)]
        return self._frames[0].drop(columns="order")

    def _flush(self) -> None:
        if not self._runs:
            return
        frame = ColumnLists(self._lists, self._dtypes).frame()
        counts = [count for count, _ in self._runs]
        for name in self._runs[0][1]:
            values: Any = np.repeat(np.array([facts[name] for _, facts in self._runs]), counts)
            frame[name] = pd.array(values, dtype="str") if values.dtype.kind == "U" else values
        self._frames.append(frame)
        self._lists, self._runs = {}, []


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
    if rows.empty:
        return rows.reindex(columns=[*TABLES["enrolments"].column_names, "basis"]), []
    columns = [*(name for name in TABLES["enrolments"].column_names if name in rows.columns), "basis"]
    rows = rows.assign(
        start_date=pd.to_datetime(rows["start_date"]).astype("datetime64[s]"),
        end_date=pd.to_datetime(rows["end_date"]).astype("datetime64[s]"),
        age=ages_of(files)[rows["file"].to_numpy(dtype=np.int64)],
        exported=days_of_export(files)[rows["file"].to_numpy(dtype=np.int64)],
        kind=[files[int(at)].kind for at in rows["file"]],
    )
    rows = _of_the_year_itself(rows)
    notices: list[Notice] = []
    rows, vanish_count = _newest_per_school(rows, files, notices)
    rows, cut = _one_at_a_time(rows, files, notices)
    if vanish_count:
        notices.append(
            Notice(
                "vanished",
                "Absentes du plus récent export du même établissement, et closes à sa date : "
                f"{french.plural(vanish_count, 'scolarité')} d’un export plus ancien.",
            )
        )
    if cut:
        notices.append(
            Notice(
                "overlap_closed",
                "Closes la veille de la suivante du même élève, l’établissement d’origine n’ayant pas écrit la sortie : "
                f"{french.plural(cut, 'scolarité')}.",
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
        .sort_values(["age", "level", "school_id", "class_id"], kind="stable")
        .drop_duplicates(["pupil_id", "school_year"], keep="last")
    )
    return pd.concat([rows[~memory], latest])


def _newest_per_school(
    rows: pd.DataFrame, files: Sequence[FileReport], notices: list[Notice]
) -> tuple[pd.DataFrame, int]:
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
    _tell_lists_that_differ(rows[older & ~later], stays, keys, notices)
    # Only a later list of the same kind can tell that somebody is in it no more: another service may hold fewer pupils.
    lists = rows[rows["basis"] == "file"].groupby(["school_id", "school_year", "kind"])["exported"]
    last_export = lists.transform("max").reindex(stays.index)
    close = stays["end_date"].isna() & (stays["exported"] < last_export)
    stays.loc[close, "end_date"] = (
        stays.loc[close, ["start_date"]].assign(last=last_export[close]).max(axis=1)
    )
    return stays, int(close.sum())


def _tell_lists_that_differ(
    rows: pd.DataFrame, stays: pd.DataFrame, keys: list[str], notices: list[Notice]
) -> None:
    """Say of how many pupils two lists of one school and day tell another level or division: nothing says which is the newer."""
    pairs = rows.merge(stays, on=keys, suffixes=("", "_kept"))
    own, kept = pairs["class_id"], pairs["class_id_kept"]
    pairs["same"] = (pairs["level"] == pairs["level_kept"]) & (own.isna() | kept.isna() | (own == kept))
    of_pupils = pairs.groupby("pupil_id")["same"].any()
    if not of_pupils.all():
        notices.append(
            Notice(
                "lists_differ",
                "Listes d’un établissement du même jour, ou sans date, qui ne disent pas le même niveau ou la même division : la plus "
                f"longue est crue pour {french.plural(int((~of_pupils).sum()), 'élève')}. Donnez leur jour (--extracted-on, ou [files] "
                "dans --columns).",
            )
        )


_NORMAL_AGES = {level.name: level.normal_age for level in LEVELS}


def _one_at_a_time(
    rows: pd.DataFrame, files: Sequence[FileReport], notices: list[Notice]
) -> tuple[pd.DataFrame, int]:
    """End a stay on the day before the next one begins; of two that begin together, the newest extract's stays.

    Where nothing tells the newest, the one that is still open, then the higher level, then the first school and division in the
    order of their names: neither the order of the rows nor the name of a file says anything.
    """
    keys = ["pupil_id", "school_year", "start_date"]
    rows = rows.assign(
        still_open=rows["end_date"].isna(),
        normal_age=rows["level"].map(_NORMAL_AGES).fillna(0),
        in_class=rows["class_id"].notna(),
        boards=rows["boarder"].astype("boolean").fillna(value=False),
    )
    upwards = [*keys, "exported", "still_open", "end_date", "normal_age", "level", "in_class", "boards"]
    downwards = ["school_id", "class_id"]
    rows = rows.sort_values(
        [*upwards, *downwards],
        ascending=[True] * len(upwards) + [False] * len(downwards),
        na_position="first",
        kind="stable",
    )
    together = rows.duplicated(keys, keep="last")
    _count(rows[together], files, "double_enrolment")
    _tell_stays_that_differ(rows, keys, together, notices)
    rows = rows[~together].copy()
    following = rows.groupby("pupil_id")["start_date"].shift(-1)
    closing = pd.to_datetime(rows["school_year"].map(year_end)).astype("datetime64[s]")
    end = rows["end_date"].fillna(closing)
    overlap = following.notna() & (end >= following)
    rows.loc[overlap, "end_date"] = following[overlap] - _DAY
    return rows, int(overlap.sum())


def _tell_stays_that_differ(
    rows: pd.DataFrame, keys: list[str], together: pd.Series, notices: list[Notice]
) -> None:
    """Say of how many pupils lists of one day tell two stays that begin together, and in what they differ."""
    kept = rows[~together]
    pairs = rows[together].merge(kept, on=keys, suffixes=("", "_kept"))
    day, day_kept = pairs["exported"], pairs["exported_kept"]
    pairs = pairs[(day == day_kept) | (day.isna() & day_kept.isna())]
    own, other = pairs["class_id"], pairs["class_id_kept"]
    kinds = {
        "autre établissement": pairs["school_id"] != pairs["school_id_kept"],
        "autre niveau": pairs["level"] != pairs["level_kept"],
        "autre division": (own != other) & own.notna() & other.notna(),
    }
    conflicts = [
        f"{kind} : {count}"
        for kind, differ in kinds.items()
        if (count := pairs[differ]["pupil_id"].nunique())
    ]
    if conflicts:
        notices.append(
            Notice(
                "stays_differ",
                f"Deux scolarités commencées ensemble, dans des listes du même jour, que rien ne départage ({', '.join(conflicts)}). Est "
                "gardée celle qui court encore, puis le niveau le plus avancé, puis le premier établissement et la première division "
                "dans l’ordre de leurs noms ; l’autre ligne est comptée dans son fichier. Corrigez la liste.",
            )
        )


def age_of(file: FileReport) -> tuple[date, int, str]:
    """Give what tells the newer of two extracts: its day; of two of one day the fuller one is believed, never by its name."""
    return (file.exported_on or date.min, file.rows_read, file.sha256)


def ages_of(files: Sequence[FileReport]) -> npt.NDArray[np.int64]:
    """Rank files by :func:`age_of`: the newest last, a file without a day first."""
    keys = [age_of(file) for file in files]
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
    rows = rows.reset_index(drop=True).assign(exported=days_of_export(files)[at])
    rows["book"] = _books(rows) if table == "grades" else 0
    obsolete = _covered_by_newer(table, rows)
    _count(rows[obsolete], files, "older_event")
    rows = rows[~obsolete]
    if table == "absences":
        return _merged_absences(rows, files)
    # Across files only: two equal rows of one file may be two marks of one day.
    twice = _again([*present, "book"], "file", rows) | _again(present, "source", rows)
    _count(rows[twice], files, "repeated_row")
    return rows[~twice].reindex(columns=[*present, "exported"]).reset_index(drop=True)


def _again(columns: list[str], across: str, rows: pd.DataFrame) -> pd.Series:
    """Tell the rows that are equal to an earlier one of another file, or of another source."""
    first: pd.Series = rows.groupby(columns, dropna=False)[across].transform("first")
    return rows.duplicated(columns, keep="first") & (rows[across] != first)


def _books(rows: pd.DataFrame) -> pd.Series:
    """Give the marks of one book of assessments, in as many files as it was exported to, a number of their own; averages -1.

    Neither the subject (of which a school may have several under one name of ours, or none that is said) nor the name of a file
    tells two books apart: of two exports of one book most of the marks agree that both hold of the same pupils and days.
    """
    book = pd.Series(-1, index=rows.index, dtype="int64")
    marks = rows[rows["kind"] == "assessment"]
    content = ["source", "pupil_id", "date", "subject", "value", "out_of", "coefficient", "status"]
    content = [name for name in content if name in marks.columns]
    marks = marks.assign(
        what=marks.groupby(content, dropna=False).ngroup(),
        whose=marks.groupby(["source", "pupil_id", "subject"], dropna=False).ngroup(),
    )
    marks["nth"] = marks.groupby(["file", "what"]).cumcount()
    equal = marks[["file", "what", "nth"]].merge(marks[["file", "what", "nth"]], on=["what", "nth"])
    counts = equal[equal["file_x"] < equal["file_y"]].groupby(["file_x", "file_y"]).size()
    of_file = dict(iter(marks.groupby("file")[["date", "whose"]]))
    book_of = {file: file for file in of_file}
    for one, other, count in counts.reset_index().itertuples(index=False):
        shared = _shared(of_file[one], of_file[other])
        # A later export of a book may hold as many marks again; another book agrees in a few of them by chance.
        if 2 * count > min(shared) and 2 * count >= max(shared):
            old, new = book_of[one], book_of[other]
            book_of |= {file: old for file, of in book_of.items() if of == new}
    book[marks.index] = marks["file"].map(book_of)
    return book


def _shared(one: pd.DataFrame, other: pd.DataFrame) -> list[int]:
    """Count the marks of each of two files that are of pupils, subjects and days which both hold."""
    first, last = max(one["date"].min(), other["date"].min()), min(one["date"].max(), other["date"].max())
    return [
        int((of["date"].between(first, last) & of["whose"].isin(beside["whose"])).sum())
        for of, beside in ((one, other), (other, one))
    ]


def _merged_absences(rows: pd.DataFrame, files: Sequence[FileReport]) -> pd.DataFrame:
    """Give one row per pupil, day and kind out of half-days that several files, or several lines, tell."""
    rows = _latenesses_said_once(rows, files)
    _say_contradictions(rows, files)
    export_days = rows.groupby(["pupil_id", "date"])["exported"].max()
    absences = absence_table(merge_half_days(rows))
    return absences.assign(
        exported=export_days.reindex(pd.MultiIndex.from_frame(absences[["pupil_id", "date"]])).to_numpy()
    )


def _latenesses_said_once(rows: pd.DataFrame, files: Sequence[FileReport]) -> pd.DataFrame:
    """Leave out the latenesses without a minute that another file tells too: as many stay as the file that tells most of them.

    Within a file two of them are two; the second of one file is the second of the other.
    """
    late = rows[(rows["kind"] == "lateness") & (rows["at"] < 0)]
    # The unjustified first, so that the order of the files does not decide which of two flags stays.
    late = late.iloc[
        np.argsort(late["justified"].astype("Int64").mul(2).fillna(1).to_numpy(np.int64), kind="stable")
    ]
    day = ["pupil_id", "date"]
    nth = late.groupby([*day, "file"]).cumcount()
    twice = late.assign(nth=nth).duplicated([*day, "nth"], keep="first")
    _count(late[twice], files, "repeated_row")
    return rows.drop(index=late.index[twice])


def _say_contradictions(rows: pd.DataFrame, files: Sequence[FileReport]) -> None:
    """Say which half-days two lists of one source tell as justified and not, where nothing says which list is the newer."""
    keys = ["source", "pupil_id", "date", "half", "kind"]
    halves = rows[rows["kind"] != "lateness"]
    if halves.groupby("source")["file"].nunique().le(1).all():
        return
    is_justified = halves["justified"].fillna(value=False).astype(bool)
    # Of the entries of one file a half-day is justified when all are: only two files contradict each other.
    halves = (
        halves.assign(is_justified=is_justified)
        .groupby([*keys, "file"], as_index=False)
        .agg(is_justified=("is_justified", "all"), line=("line", "min"))
    )
    differs = halves.groupby(keys)["is_justified"].transform("nunique") > 1
    contradictions = halves[differs & halves["is_justified"]]
    for at in sorted(set(contradictions["file"])):
        lines = contradictions.loc[contradictions["file"] == at, "line"]
        files[int(at)].notices.append(
            Notice(
                "justified_in_one_file",
                f"{french.plural(len(lines), 'demi-journée justifiée', 'demi-journées justifiées')} ici et non dans un autre fichier du même "
                "logiciel, et rien ne dit lequel est le plus récent : comptées non justifiées. Dites le jour de chaque export (--columns, "
                '[files."nom du fichier"] extracted_on).',
                tuple(int(line) for line in sorted(set(lines))),
            )
        )


_SCOPE = {"absences": (), "grades": ("pupil_id", "subject", "book"), "orientation": ("pupil_id",)}
"""Of which rows a file of a source speaks on the days that it covers: a list of absences of the whole school, a mark book or a
table of averages only of the pupils and subjects that are in it, a book of no other book. Two files made on one day are parts of
one extract."""


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
