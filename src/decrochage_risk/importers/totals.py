"""Totals of absences over a period: refused, with the dated list to ask for; differenced month by month where asked for.

A total says neither on which days nor in which weeks a pupil was away, so that almost all that the model looks at stays unknown,
and laid out over the days of the period it would be false: longest spell, weeks touched, months over the threshold. Every
software but SIECLE has a dated list. With ``--monthly-totals``, extracts of one source over growing or successive periods
are turned into true counts of each period.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.cells import day_of, numbers_of
from decrochage_risk.importers.declared_maps import ColumnMap, bundled_maps, persons_of
from decrochage_risk.importers.delimited import read_delimited
from decrochage_risk.importers.extract import Extract, Notice, Reader, persons_frame
from decrochage_risk.importers.xml_files import local_name, records_of
from decrochage_risk.school_year import school_year_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from decrochage_risk.importers.extract import ImportOptions, SourceFile

__all__ = ["READERS", "TOTAL_COLUMNS", "monthly_absences", "totals_reader"]

TOTAL_COLUMNS = ("person", "line", "start", "end", "half_days", "unjustified", "lateness")
"""Columns of the table ``absence_totals`` of an extract; ``start`` and ``end`` are days, both included."""

_BETWEEN = re.compile(
    r"\bDU\s+(\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4})\s+AU\s+(\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4})", re.IGNORECASE
)
_SIECLE_LIST = "la liste datée du logiciel de vie scolaire (GEPI, PRONOTE, ENT) : SIECLE n’a que des totaux"


def read_totals(source: SourceFile, options: ImportOptions, *, column_map: ColumnMap) -> Extract:
    """Read a list of totals per pupil, where they were asked for.

    Raises
    ------
    UnreadableExportError
        ``monthly_totals`` was not asked for; nobody tells which period it is.
    """
    if not options.monthly_totals:
        raise _refusal(source.path, str(column_map.settings.get("dated_list", "la liste datée des absences")))
    header_names = [name for names in column_map.columns.values() for name in names]
    table = read_delimited(source.content, expected=header_names, name=source.path)
    column_map.check(table, source.path)
    extract = Extract(source.kind, uai=options.uai)
    table.count_into(extract)
    extract.persons, person = persons_of(table, column_map)
    counts = {
        name: numbers_of(column_map.text(table, name))
        for name in ("half_days", "unjustified", "justified", "lateness")
    }
    unjustified_counts = counts["unjustified"]
    if not column_map.has(table, "unjustified") and column_map.has(table, "justified"):
        unjustified_counts = counts["half_days"] - counts["justified"]
    rows = pd.DataFrame(
        {
            "person": person,
            "line": table.lines,
            "half_days": counts["half_days"],
            "unjustified": unjustified_counts,
            "lateness": counts["lateness"],
        }
    )
    _finish(extract, rows, _period(source, options, table.titles))
    return extract


def read_siecle_totals(source: SourceFile, options: ImportOptions) -> Extract:
    """Read exportAbsence.xml of SIECLE, where totals were asked for.

    Raises
    ------
    UnreadableExportError
        As for :func:`read_totals`.
    """
    if not options.monthly_totals:
        raise _refusal(source.path, _SIECLE_LIST)
    extract = Extract(source.kind, uai=options.uai)
    records: list[dict[str, Any]] = []
    for line, (_, element) in enumerate(
        records_of(source.content, frozenset({"ELEVE"}), source.path), start=1
    ):
        attributes = {local_name(name): str(value) for name, value in element.attrib.items()}
        records.append(
            {
                "line": line,
                "elenoet": attributes.get("ELENOET"),
                **{
                    name: attributes.get(tag)
                    for name, tag in (
                        ("half_days", "NBABS"),
                        ("unjustified", "NBNONJUSTIF"),
                        ("lateness", "NBRET"),
                    )
                },
            }
        )
    frame = pd.DataFrame(records, columns=["line", "elenoet", "half_days", "unjustified", "lateness"])
    extract.rows_read = len(frame)
    extract.persons = persons_frame({"elenoet": frame["elenoet"]}, len(frame))
    rows = frame.drop(columns="elenoet").assign(
        person=np.arange(len(frame)),
        **{name: numbers_of(frame[name].astype("str")) for name in ("half_days", "unjustified", "lateness")},
    )
    _finish(extract, rows, _period(source, options, ()))
    return extract


def monthly_absences(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Notice]]:
    """Turn totals of growing or successive periods into counts of each period between two extracts.

    Parameters
    ----------
    rows : DataFrame
        ``pupil_id``, ``source`` and the columns of :data:`TOTAL_COLUMNS` but ``person`` and ``line``.

    Returns
    -------
    counts : DataFrame
        ``pupil_id``, ``start``, ``end`` (days, included), ``half_days``, ``unjustified``, ``lateness``.
    notices : list of Notice
        How often a total was less than the one before: corrections, counted as nothing.

    Examples
    --------
    >>> day = pd.Timestamp
    >>> rows = pd.DataFrame({"pupil_id": ["a", "a"], "source": ["s", "s"], "start": [day("2024-09-01")] * 2,
    ...     "end": [day("2024-09-30"), day("2024-10-31")], "half_days": [3, 8], "unjustified": [1, 5], "lateness": [0, 0]})
    >>> monthly_absences(rows)[0][["end", "half_days", "unjustified"]].values.tolist()
    [[Timestamp('2024-09-30 00:00:00'), 3.0, 1.0], [Timestamp('2024-10-31 00:00:00'), 5.0, 4.0]]
    """
    counts = ["half_days", "unjustified", "lateness"]
    keys = ["source", "pupil_id", "start"]
    rows = rows.drop_duplicates([*keys, "end"], keep="last").sort_values([*keys, "end"], kind="stable")
    # Totals of one beginning grow from extract to extract: the period's own count is the difference.
    before = rows.groupby(keys, sort=False)[["end", *counts]].shift(1)
    growing = before["end"].notna()
    less = rows[counts] - before[counts].where(growing, 0)
    correction_count = int((less < 0).any(axis=1).sum())
    result = rows.assign(
        start=rows["start"].where(~growing, before["end"] + pd.Timedelta(days=1)),
        **{name: less[name].clip(lower=0) for name in counts},
    )
    notices = []
    if correction_count:
        notices.append(
            Notice(
                "totals_went_down",
                f"{french.plural(correction_count, 'total')} plus petits que celui d’avant (corrections) : comptés pour rien sur la période.",
            )
        )
    return result[["pupil_id", "start", "end", *counts]].reset_index(drop=True), notices


def _finish(extract: Extract, rows: pd.DataFrame, period: tuple[date, date]) -> None:
    start, end = period
    extract.school_year = school_year_of(start)
    bad = rows["half_days"].isna() | (rows["half_days"] < 0)
    above = ~bad & (rows["unjustified"] > rows["half_days"])
    for reason, which in (("bad_number", bad), ("unjustified_above_total", above)):
        for line in rows.loc[which, "line"]:
            extract.leave_out(reason, line)
    rows = rows[~bad & ~above]
    half = rows["half_days"] % 1 != 0
    if half.any():
        extract.warn(
            "half_days_told",
            "Des demi-journées « calculées » (0,5 ; 3,5) sont arrondies au-dessus : demandez les « brutes ».",
        )
    extract.tables["absence_totals"] = rows.assign(
        start=np.datetime64(start, "s"),
        end=np.datetime64(end, "s"),
        **{name: np.ceil(rows[name].astype("float64")) for name in ("half_days", "unjustified", "lateness")},
    )[list(TOTAL_COLUMNS)].reset_index(drop=True)


def _period(source: SourceFile, options: ImportOptions, titles: Iterable[str]) -> tuple[date, date]:
    """Find the period of a file of totals: in its titles, as the school declared it, or as the caller says."""
    for title in titles:
        match = _BETWEEN.search(title)
        if match:
            start, end = day_of(match[1]), day_of(match[2])
            if start is not None and end is not None and start <= end:
                return start, end
    if options.totals_period is not None:
        return options.totals_period
    raise UnreadableExportError(
        explain_error(
            f"{source.path}: nobody says which period its totals are of",
            expected='a table [files."name of the file"] in a file of --columns: totals = [2024-09-01, 2024-09-30]',
            hint="Declare the first and the last day of each file.",
        ),
        french='La période de ces totaux n’est dite nulle part : déclarez-la (--columns, [files."nom du fichier"] '
        "totals = [2024-09-01, 2024-09-30]).",
    )


def _refusal(path: str, dated_list: str) -> UnreadableExportError:
    return UnreadableExportError(
        explain_error(
            f"{path} holds totals of a period, without days",
            expected="a dated list of absences",
            hint="Ask for the dated list, or give monthly_totals=True with one extract per month.",
        ),
        french=f"Totaux d’une période, sans les jours : presque rien de ce que regarde le modèle ne s’en tire. Demandez {dated_list}. "
        "À défaut, un export par mois et --monthly-totals.",
    )


def totals_reader(column_map: ColumnMap) -> Reader:
    """Make the reader of one map of totals."""
    return Reader(
        column_map.kind,
        column_map.label,
        lambda head: head.form == "rows" and head.has(*column_map.recognised_by),
        partial(read_totals, column_map=column_map),
        gives="",
        basis=column_map.basis,
    )


READERS: tuple[Reader, ...] = (
    Reader(
        "siecle_absences",
        "SIECLE, exportAbsence (totaux)",
        lambda head: head.form == "xml" and head.root == "EXPORTABSENCE",
        read_siecle_totals,
        gives="",
        basis="code",
    ),
    *(totals_reader(column_map) for column_map in bundled_maps() if column_map.reads == "absence_totals"),
)
"""SIECLE's totals, and every bundled map of totals."""
