"""Which days of which pupils are in the extract of each table.

A table that is present covers everyone, unless ``coverage`` names it (then only the spans given there are
covered) or a pupil came in a JSON payload without its key (then nothing of it is known for that pupil).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.records.coded_columns import NEVER, NO_DAY, days_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from decrochage_risk.records.encoded_tables import Encoded, Enrolments

__all__ = ["COVERED_TABLES", "Coverage", "find_coverage", "first_named"]

COVERED_TABLES = ("absences", "grades", "orientation")


@dataclass(frozen=True, slots=True)
class Coverage:
    """The days on which one table's rows are in the extract.

    Attributes
    ----------
    spans : DataFrame
        ``school``, ``pupil`` (positions, -1 = not given), ``start``, ``end`` (day numbers, both included). No row
        at all: every day is covered.
    not_sent : array of int
        Positions of the pupils for whom the table was not sent at all.
    """

    spans: pd.DataFrame
    not_sent: npt.NDArray[np.int32]

    def before(self, day: int) -> Coverage:
        """Keep the spans that start before ``day``: later ones are not known yet."""
        return Coverage(self.spans[self.spans["start"] < day], self.not_sent)

    def missing(self, enrolments: Enrolments, pupils: int, first: int, after: int) -> npt.NDArray[np.bool_]:
        """Pupils with at least one enrolled day in [first, after) on which the table is not known.

        Parameters
        ----------
        enrolments : Enrolments
            Known enrolments.
        pupils : int
            Number of pupils.
        first, after : int
            Days since 1970-01-01; ``after`` is left out.

        Returns
        -------
        array of bool, shape (pupils,)
        """
        lacks = np.zeros(pupils, dtype=np.bool_)
        # A pupil whose payload lacked the key lacks the table on every day.
        lacks[self.not_sent] = True
        if after <= first or self.spans.empty:
            return lacks
        stays = _clipped(enrolments, first, after - 1)
        # A span names a school or a pupil: -1 stands for the other, which matches no stay.
        pairs = [stays.merge(self.spans, on=key, suffixes=("", "_span")) for key in ("school", "pupil")]
        days_present = _days_covered(pd.concat(pairs), len(stays))
        # Every enrolled day must be covered: a gap of one week is a week of silence that would pass for
        # presence.
        days_needed = (stays["end"] - stays["start"] + 1).to_numpy()
        lacks[stays["pupil"].to_numpy()[days_present < days_needed]] = True
        return lacks


def _clipped(rows: Enrolments, first: int, last: int) -> pd.DataFrame:
    start, end = np.maximum(rows.start, first), np.minimum(rows.end, last)
    spans = pd.DataFrame({"pupil": rows.pupil, "school": rows.school, "start": start, "end": end})
    spans = spans[start <= end].astype("int64").reset_index(drop=True)
    return spans.assign(enrolment=np.arange(len(spans)))


def _days_covered(pairs: pd.DataFrame, enrolments: int) -> npt.NDArray[np.int64]:
    """Days of each enrolment that lie in at least one of its spans (spans may overlap)."""
    start = pairs[["start", "start_span"]].to_numpy(dtype=np.int64).max(axis=1)
    end = pairs[["end", "end_span"]].to_numpy(dtype=np.int64).min(axis=1)
    of = pairs["enrolment"].to_numpy(dtype=np.int64)
    order = np.lexsort((end, start, of))[(start <= end)[np.lexsort((end, start, of))]]
    # Enrolments are spread apart on one axis, so that one running maximum serves them all.
    # A day number fits 32 bits with its sign: one bit more keeps two enrolments from touching.
    shift = of[order] << 33
    start, end = start[order] + shift, end[order] + shift
    before = np.concatenate(([np.iinfo(np.int64).min], np.maximum.accumulate(end)))[: end.size]
    # Only the days after all earlier spans count: overlapping spans must not cover a day twice.
    fresh = np.maximum(end - np.maximum(start, before + 1) + 1, 0)
    # Sums of whole numbers in floats are exact far beyond any number of days.
    return np.bincount(of[order], weights=fresh, minlength=enrolments).astype(np.int64)


def find_coverage(
    encoded: Encoded,
    coverage: pd.DataFrame | None,
    not_sent: Mapping[str, Iterable[str]],
    *,
    uncertain: Mapping[str, int] | None = None,
    elsewhere: Mapping[str, int] | None = None,
) -> dict[str, Coverage]:
    """Coverage of every table that is not simply known for everyone.

    Parameters
    ----------
    encoded : Encoded
        The records as arrays.
    coverage : DataFrame or None
        The canonical ``coverage`` table.
    not_sent : mapping of str to iterable of str
        Per table, the pupils of a JSON payload that came without it; those who are not in the records are passed over.
    uncertain : mapping of str to int, optional
        Tables of which a coverage row was set aside, with the first day on which such a row is known: from then on they
        cover the other spans alone, nobody when there is none.
    elsewhere : mapping of str to int, optional
        Tables that the coverage of other pupils names, with the first day on which it does (:func:`first_named`): from then
        on they do not cover everyone.
    """
    coverage_of = {}
    anything = coverage is not None or not_sent or uncertain or elsewhere
    for table in COVERED_TABLES if anything else ():
        nobody = [days[table] for days in (uncertain, elsewhere) if days and table in days]
        spans = _spans_of(encoded, coverage, table, nobody)
        positions = encoded.pupil_ids.get_indexer(pd.Index(tuple(not_sent.get(table, ())), dtype="str"))
        absent = positions[positions >= 0].astype(np.int32)
        if absent.size or len(spans):
            coverage_of[table] = Coverage(spans, absent)
    return coverage_of


def first_named(coverage: pd.DataFrame | None, uncertain: Mapping[str, int]) -> dict[str, int]:
    """First day, as a day number, from which each table does not cover everyone.

    Parameters
    ----------
    coverage : DataFrame or None
        The canonical ``coverage`` table.
    uncertain : mapping of str to int
        Tables of which a coverage row was set aside, with the first day on which such a row is known.
    """
    if coverage is None:
        return dict(uncertain)
    day = pd.Series(days_of(coverage["start"], NO_DAY))
    first = day.groupby(coverage["table"].to_numpy(dtype=object)).min()
    named = {str(table): int(first[table]) for table in first.index}
    return {
        table: min(days[table] for days in (named, uncertain) if table in days)
        for table in dict.fromkeys((*named, *uncertain))
    }


def _spans_of(
    encoded: Encoded, coverage: pd.DataFrame | None, table: str, nobody_from: list[int]
) -> pd.DataFrame:
    columns = ("school", "pupil", "start", "end")
    # A span that covers nobody keeps the table from covering everyone, from the day on which it is known.
    nobody = pd.DataFrame([(-1, -1, day, day) for day in nobody_from], columns=columns, dtype="int64")
    if coverage is None:
        return nobody
    rows = coverage[coverage["table"] == table]
    spans = pd.DataFrame(
        {
            "school": encoded.school_ids.get_indexer(pd.Index(rows["school_id"])),
            "pupil": encoded.pupil_ids.get_indexer(pd.Index(rows["pupil_id"])),
            "start": days_of(rows["start"], NO_DAY),
            "end": days_of(rows["end"], NEVER),
        },
        dtype="int64",
    )
    return pd.concat([spans, nobody], ignore_index=True)
