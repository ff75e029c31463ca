"""Which days of which tables an import vouches for, school by school and, where rows may be lost, pupil by pupil.

What an export does not hold, or what could not be read of it, is not known; it is never a count of 0.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.school_year import school_year_of, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decrochage_risk.importers.extract import Extract
    from decrochage_risk.records.pupil_records import PupilRecords

__all__ = ["coverage_table", "first_days", "joined_spans", "not_known_words", "span_of"]


def span_of(name: str, extract: Extract, school: str | None) -> dict[str, Any]:
    """Say which days of which source the file of an extract vouches for."""
    start, end = extract.covers.get(name, (None, None))
    return {
        "source": f"{extract.kind}|{school}|{extract.school_year}",
        "covered_from": np.datetime64(start, "s") if start else np.datetime64("NaT", "s"),
        "covered_to": np.datetime64(end, "s") if end else np.datetime64("NaT", "s"),
    }


def first_days(table: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Give coverage that vouches for the day of a pupil's first row alone: without any, the table would cover everyone."""
    first = rows.groupby("pupil_id")["date"].min()
    return pd.DataFrame(
        {
            "school_id": None,
            "pupil_id": first.index,
            "table": table,
            "start": first.to_numpy(),
            "end": first.to_numpy(),
        }
    )


def coverage_table(
    coverage: list[dict[str, Any]], unread: list[dict[str, Any]], enrolments: pd.DataFrame
) -> pd.DataFrame:
    """Give the spans of whole schools, and pupil by pupil, during their stays, those of files that may have lost rows."""
    whole, parts = [], []
    for row in coverage:
        lost = [
            other
            for other in unread
            if (other["school_id"], other["table"]) == (row["school_id"], row["table"])
            and other["start"] <= row["end"]
            and other["end"] >= row["start"]
        ]
        if not row["without"] and not lost:
            whole.append(row)
            continue
        stays = enrolments[
            (enrolments["school_id"] == row["school_id"]) & ~enrolments["pupil_id"].isin(row["without"])
        ]
        first, last = (np.datetime64(row[name], "s") for name in ("start", "end"))
        ends = pd.to_datetime(stays["end_date"]).fillna(pd.Timestamp(last))
        part = pd.DataFrame(
            {
                "pupil_id": stays["pupil_id"],
                "table": row["table"],
                "start": pd.to_datetime(stays["start_date"]).clip(lower=first).astype("datetime64[s]"),
                "end": ends.clip(upper=last).astype("datetime64[s]"),
            }
        )
        for other in lost:
            part = _without_days(part, other)
        parts.append(part[part["start"] <= part["end"]])
    spans = [joined_spans(whole)] if whole else []
    return pd.concat([*spans, *parts], ignore_index=True).reindex(
        columns=["school_id", "pupil_id", "table", "start", "end"]
    )


def _without_days(spans: pd.DataFrame, lost: Mapping[str, Any]) -> pd.DataFrame:
    """Take the days of a file out of the spans of the pupils whose rows it could not give; what lies before and after stays."""
    of_them = spans["pupil_id"].isin(lost["pupils"])
    theirs = spans[of_them]
    day_before = pd.Timestamp(lost["start"]) - pd.Timedelta(days=1)
    day_after = pd.Timestamp(lost["end"]) + pd.Timedelta(days=1)
    before = theirs.assign(end=theirs["end"].where(theirs["end"] <= day_before, day_before))
    after = theirs.assign(start=theirs["start"].where(theirs["start"] >= day_after, day_after))
    both = pd.concat([before, after])
    return pd.concat([spans[~of_them], both[both["start"] <= both["end"]]])


def joined_spans(coverage: list[dict[str, Any]]) -> pd.DataFrame:
    """Join overlapping and touching spans of one school and table."""
    frame = pd.DataFrame(coverage).drop(columns="without")
    frame["start"] = pd.to_datetime(frame["start"]).astype("datetime64[s]")
    frame["end"] = pd.to_datetime(frame["end"]).astype("datetime64[s]")
    spans: list[dict[str, Any]] = []
    for row in frame.sort_values(["school_id", "table", "start", "end"]).to_dict("records"):
        last = spans[-1] if spans else None
        same = last is not None and (last["school_id"], last["table"]) == (row["school_id"], row["table"])
        # One day apart is touching: the end of a span is included.
        if last is not None and same and row["start"] <= last["end"] + pd.Timedelta(days=1):
            last["end"] = max(last["end"], row["end"])
        else:
            spans.append({str(name): value for name, value in row.items()})
    return pd.DataFrame(spans)


_TABLE_LABELS = {"absences": "les absences", "grades": "les notes", "orientation": "l’orientation"}


def not_known_words(records: PupilRecords, coverage: list[dict[str, Any]]) -> list[str]:
    """Say what the model will not know, per school and table."""
    sentences = []
    own = records.enrolments
    years = sorted({int(year) for year in own["school_year"]})
    latest = years[-1] if years else school_year_of(date.min)
    schools = sorted(set(own.loc[own["school_year"] == latest, "school_id"].astype("str")))
    for table, words in _TABLE_LABELS.items():
        start, end = year_start(latest), year_end(latest)
        schools_covered = {
            row["school_id"]
            for row in coverage
            if row["table"] == table and row["start"] <= end and row["end"] >= start
        }
        without = [school for school in schools if school not in schools_covered]
        if without:
            sentences.append(f"{words} de {latest}-{latest + 1} : non connues pour {_listed(without)}")
    if (
        records.absences is not None
        and records.absences.get("justified_on", pd.Series(dtype="object")).isna().all()
    ):
        sentences.append(
            "le jour où une absence a été justifiée : aucun export ne le dit ; pour entraîner, gardez un export par mois "
            "(--previous)"
        )
    if records.orientation is None or not (records.orientation["event"] == "council_decision").any():
        sentences.append(
            "les décisions du conseil de classe et l’affectation : déclarez leurs colonnes si vous les avez"
        )
    return sentences


_LISTED = 6


def _listed(schools: list[str]) -> str:
    more = f" et {len(schools) - _LISTED} autres" if len(schools) > _LISTED else ""
    return ", ".join(schools[:_LISTED]) + more
