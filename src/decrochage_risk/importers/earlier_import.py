"""What an earlier import of the same sources knew: since when each row, and each justification, is known.

No export says when an absence was entered or justified; two imports of one source, a month apart, do. Without it a training
would see on 5 November a justification that came in January.

- A row on a day that the earlier import vouched for, and that was not in it, was entered late: ``recorded_on`` is the day of the
  export in which it first stands. A row on a later day keeps no such day: it is new because its day is.
- An absence that was not justified before, or was not there, and is now: ``justified_on`` is the day of the export in which the
  justification first stands.
- What the earlier import knew of either day is carried on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.importers.extract import Notice
from decrochage_risk.records.pupil_records import PupilRecords

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    _Mask = npt.NDArray[np.bool_]

__all__ = ["KEYS", "EarlierImport", "date_events", "read_earlier"]

KEYS: Mapping[str, tuple[str, ...]] = {
    "absences": ("pupil_id", "date", "kind"),
    "grades": ("pupil_id", "date", "subject", "kind"),
    "orientation": ("pupil_id", "date", "event", "rank", "target"),
}
"""What makes two rows of two imports the same one; the rest of a row may have been corrected in between."""

_CONTENT: Mapping[str, tuple[str, ...]] = {
    "absences": ("justified",),
    "grades": ("out_of", "coefficient", "value", "status"),
    "orientation": ("granted",),
}
"""What rows that share a key are told apart by: those that agree in it are paired first, and corrected ones after them."""


class EarlierImport:
    """The tables of an import that was written before.

    Parameters
    ----------
    records : PupilRecords
    fingerprint : str
        Of the key of its pseudonyms.
    exported_on : mapping of str to str
        Table -> day of the newest export that gave rows of it, as ISO text.
    """

    def __init__(
        self, records: PupilRecords, fingerprint: str, exported_on: Mapping[str, str] | None = None
    ) -> None:
        self.records = records
        self.fingerprint = fingerprint
        self.exported_on = dict(exported_on or {})

    def table(self, name: str) -> pd.DataFrame | None:
        """Give one of its tables, or None."""
        frame: pd.DataFrame | None = getattr(self.records, name)
        return frame


def read_earlier(folder: str | Path, report_name: str, fingerprint: str) -> EarlierImport:
    """Read the folder of an earlier import.

    Raises
    ------
    RecordsError
        It is no import of ours, or its pseudonyms are of another key.
    """
    place = Path(folder)
    try:
        report = json.loads((place / f"{report_name}.json").read_text(encoding="utf-8"))
        fingerprint_written = str(report["key_fingerprint"])
        newest = _newest(report.get("files", ()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordsError(
            explain_error(
                f"{place} is no folder that an import wrote",
                expected=f"a folder with {report_name}.json",
                hint="Give the --out of the import before this one.",
            )
        ) from error
    if fingerprint_written != fingerprint:
        raise RecordsError(
            explain_error(
                f"The import in {place} was made with another key ({fingerprint_written}, now {fingerprint})",
                expected="the same key for every import",
                hint="Find the key of then: no pupil of the one can be found in the other.",
            )
        )
    return EarlierImport(PupilRecords.read(place, on_fault="quarantine"), fingerprint_written, newest)


def _newest(files: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Give the day of the newest export of each table, out of the files of a report."""
    newest: dict[str, str] = {}
    for file in files:
        for table, rows in file["rows"].items():
            if rows:
                newest[table] = max(newest.get(table, ""), file["exported_on"] or "")
    return newest


def date_events(
    name: str, rows: pd.DataFrame, earlier: EarlierImport, enrolments: pd.DataFrame
) -> tuple[pd.DataFrame, list[Notice]]:
    """Date the rows of one table by what the earlier import knew.

    Parameters
    ----------
    name : {"absences", "grades", "orientation"}
    rows : DataFrame
        Merged rows with ``exported``, the day of the export that each comes from.
    earlier : EarlierImport
    enrolments : DataFrame
        Merged stays: which schools' coverage counts for a pupil.

    Returns
    -------
    rows : DataFrame
        With ``recorded_on`` (and ``justified_on`` for absences).
    notices : list of Notice
        How many rows were late, justified since, or are gone.

    Raises
    ------
    RecordsError
        The earlier import is the later one.
    """
    _refuse_later(name, rows, earlier)
    before, coverage = earlier.table(name), earlier.records.coverage
    if before is None or coverage is None or rows.empty:
        return rows, []
    rows, rows_before = _parts(name, rows), _parts(name, before)
    partner = _partners(name, rows, rows_before)
    pairs = _beside(rows, rows_before, partner)
    new = partner < 0
    # On a day that the earlier import did not vouch for, a new row is not late: its file had not come yet.
    late = new & _vouched_for(pairs, coverage[coverage["table"] == name], enrolments)
    export_days = pd.to_datetime(pairs["exported"]).astype("datetime64[s]")
    rows["recorded_on"] = _first_days(pairs, "recorded_on", late, export_days)
    notices = []
    if late.any():
        words = french.plural(int(rows.loc[late, "row"].nunique()), "ligne saisie", "lignes saisies")
        text = f"{name} : {words} après l’import d’avant, datées du jour de l’export."
        notices.append(Notice("late_rows", text, level="info"))
    if name == "absences" and "justified" in pairs.columns:
        now = _flags(pairs, "justified")
        since = now & ~_flags(pairs, "justified_before")
        # A justification that was taken back leaves no day of its own, whatever the earlier import knew.
        rows["justified_on"] = _first_days(pairs, "justified_on", since, export_days, only=now)
        if since.any():
            words = french.plural(
                int(rows.loc[since, "row"].nunique()), "absence justifiée", "absences justifiées"
            )
            text = f"{words} depuis l’import d’avant, datées du jour de l’export."
            notices.append(Notice("justified_since", text, level="info"))
    gone = np.ones(len(rows_before), dtype=np.bool_)
    gone[partner[~new]] = False
    vanish_count = int(rows_before.loc[gone, "row"].nunique())
    if vanish_count:
        words = french.plural(vanish_count, "ligne")
        notices.append(
            Notice("gone_rows", f"{name} : {words} de l’import d’avant ne sont plus dans les exports.")
        )
    return _whole_rows(rows), notices


def _refuse_later(name: str, rows: pd.DataFrame, earlier: EarlierImport) -> None:
    then, newest = earlier.exported_on.get(name, ""), rows["exported"].max() if len(rows) else pd.NaT
    if pd.notna(newest) and then > f"{newest:%Y-%m-%d}":
        raise RecordsError(
            explain_error(
                f"The import before is of {then}, later than the exports of {name} of now",
                expected="an earlier import",
                hint="Give the folders in the order of time.",
            )
        )


def _parts(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Give the rows to be paired, each with its place: of an absence of a whole day each half-day is one, for it may be settled alone."""
    rows = rows.reset_index(drop=True)
    rows = rows.assign(row=rows.index, date=pd.to_datetime(rows["date"]).astype("datetime64[s]"))
    for key in KEYS[name]:
        rows[key] = rows[key] if key in rows.columns else pd.NA
    if name != "absences":
        return rows
    count = rows["half_days"].to_numpy(dtype=np.int64)
    parts = rows.assign(half_days=np.minimum(count, 1)).loc[rows.index.repeat(np.maximum(count, 1))]
    return parts.reset_index(drop=True)


def _whole_rows(parts: pd.DataFrame) -> pd.DataFrame:
    """Put the half-days of a row together again that are known and justified since the same days."""
    if "half_days" in parts.columns:
        keys = [name for name in ("row", "recorded_on", "justified_on") if name in parts.columns]
        half_days = parts.groupby(keys, dropna=False)["half_days"].transform("sum")
        parts = parts.assign(half_days=half_days)[~parts.duplicated(keys)]
    return parts.drop(columns="row").reset_index(drop=True)


def _partners(name: str, rows: pd.DataFrame, rows_before: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Give the place of each row's partner among those of before, one each; -1 where it has none."""
    content = [one for one in _CONTENT[name] if one in rows.columns and one in rows_before.columns]
    cells = np.concatenate(
        [frame[[*KEYS[name], *content]].to_numpy(dtype=object) for frame in (rows, rows_before)]
    )
    # One kind of nothing: a missing mark is NaN in one table and None in the other.
    cells[pd.isna(cells)] = None
    both = pd.DataFrame(cells, columns=[*KEYS[name], *content])
    both["before"] = np.arange(len(both)) >= len(rows)
    both["rank"] = both.groupby(content, dropna=False).ngroup() if content else 0
    partner = np.full(len(both), -1, dtype=np.int64)
    for by in ([*KEYS[name], "rank"], list(KEYS[name])):
        left = both[partner < 0].sort_values("rank", kind="stable")
        key = left.groupby(by, dropna=False).ngroup()
        nth = left.groupby(["before", key]).cumcount()
        left = pd.DataFrame({"key": key, "nth": nth, "at": left.index, "before": left["before"]})
        pairs = left[~left["before"]].merge(left[left["before"]], on=["key", "nth"])
        partner[pairs["at_x"]] = pairs["at_y"] - len(rows)
        partner[pairs["at_y"]] = pairs["at_x"]
    return partner[: len(rows)]


def _beside(rows: pd.DataFrame, rows_before: pd.DataFrame, partner: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Put beside each row what the earlier import had of it (``..._before``)."""
    columns = [name for name in ("recorded_on", "justified_on", "justified") if name in rows_before.columns]
    partners = rows_before[columns].reindex(np.where(partner < 0, len(rows_before), partner))
    return rows.assign(**{f"{name}_before": partners[name].array for name in columns})


def _first_days(
    pairs: pd.DataFrame,
    column: str,
    new: _Mask,
    export_days: pd.Series,
    *,
    only: _Mask | None = None,
) -> pd.Series:
    """Give the day that the file says, else the one known before (where ``only``), else that of the export of what is new."""
    own, before = _days(pairs, column), _days(pairs, f"{column}_before")
    days = own.fillna(before if only is None else before.where(only))
    return days.mask(new & own.isna().to_numpy(), export_days)


def _vouched_for(rows: pd.DataFrame, coverage: pd.DataFrame, enrolments: pd.DataFrame) -> _Mask:
    """Tell the rows whose day a school of the pupil vouched for in the earlier import."""
    homes = enrolments[["pupil_id", "school_id"]].drop_duplicates()
    of_pupils = coverage["pupil_id"].notna()
    spans = pd.concat(
        [
            homes.merge(coverage.loc[~of_pupils, ["school_id", "start", "end"]], on="school_id"),
            coverage.loc[of_pupils, ["pupil_id", "start", "end"]],
        ]
    )
    pairs = rows[["pupil_id", "date"]].reset_index().merge(spans, on="pupil_id")
    inside = pairs[(pairs["date"] >= pairs["start"]) & (pairs["date"] <= pairs["end"])]
    mask = np.zeros(len(rows), dtype=np.bool_)
    mask[inside["index"].unique()] = True
    return mask


def _days(rows: pd.DataFrame, column: str) -> pd.Series:
    if column not in rows.columns:
        return pd.Series(pd.NaT, index=rows.index, dtype="datetime64[s]")
    return pd.to_datetime(rows[column]).astype("datetime64[s]")


def _flags(rows: pd.DataFrame, column: str) -> _Mask:
    if column not in rows.columns:
        return np.zeros(len(rows), dtype=np.bool_)
    return rows[column].astype("boolean").fillna(value=False).to_numpy(dtype=np.bool_)
