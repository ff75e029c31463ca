"""The part contract: pure functions that an engine of any kind calls on some pupils of an extract.

An extract is split by pupil: every row of a pupil, of any table, stands in one part; rows of a school, a class or everyone stand
in each. What parts must know of one another is small and made once (:func:`extract_facts`); a part is then scored
(:func:`score_part`) or gives its training rows (:func:`snapshot_part`) by itself, and what the parts give is put together
(:func:`merge_parts`) into the same rows, in the same order, as if the extract had been worked on at once.

Tables come and go as Arrow, with declared schemas (:data:`SCHEMAS`): no part has another type because a column of it is all
missing. A part in which nobody is enrolled gives unscored pupils, one without pupils empty tables; faults and warnings come
back as rows. Nothing is read from a disk, kept between calls or printed.
"""

from __future__ import annotations

import json
import warnings as python_warnings
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from decrochage_risk.errors import DecrochageWarning, DemoModelWarning, FaultyRecordsError, RecordsWarning
from decrochage_risk.features import FAMILIES
from decrochage_risk.model import DEFAULT_CLOSES, MATRIX_COLUMNS, Snapshots, take_snapshots
from decrochage_risk.model.snapshots import no_rows_error
from decrochage_risk.partitions.merged_faults import FAULTS_SCHEMA, PartFaults, merge_faults
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.transmission import Transmission, find_transmission
from decrochage_risk.risk.numeric_table import give_back, new_table
from decrochage_risk.school_year import SchoolCalendar, day_number, to_date
from decrochage_risk.score.digest import ScoreDigest
from decrochage_risk.score.scoring import score_pupils
from decrochage_risk.score.ways import NOT_ENROLLING, WAYS
from decrochage_risk.score.writing import completion_list, school_list
from decrochage_risk.train.backtest import can_be_known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.policy import Policy
    from decrochage_risk.records.faults import FaultReport
    from decrochage_risk.score import RiskScores
    from decrochage_risk.score.scoring import Explain

__all__ = [
    "COMPLETION",
    "NO_FACTS",
    "PEOPLE",
    "ROW_ID",
    "SCHEMAS",
    "ExtractFacts",
    "PartRecords",
    "check_part",
    "extract_facts",
    "merge_parts",
    "merge_transmissions",
    "read_or_report",
    "read_part",
    "score_part",
    "snapshot_part",
    "snapshots_of",
    "texts_of_ids",
    "transmission_part",
]

ROW_ID: Final = "row_id"
"""Column of a part's tables that says which row of the extract each row was; of its results, which row the pupil was."""

PEOPLE: Final = ("pupils", "enrolments", "coverage", "outcomes")
"""Tables that :func:`extract_facts` reads."""

_TEXT, _NUMBER, _WHOLE, _FLAG = pa.large_string(), pa.float64(), pa.int64(), pa.bool_()

_SCORES = {
    **dict.fromkeys(("pupil_id",), _TEXT), "as_of": pa.timestamp("s"), "school_year": _WHOLE,
    **dict.fromkeys(("school_id", "class_id", "network_id", "level"), _TEXT), "enrolled": _FLAG, "cause": _TEXT,
    "days_of_data": _WHOLE, "set_aside": _WHOLE, "age_years": _NUMBER,
    **dict.fromkeys(("risk", "risk_low", "risk_high"), _NUMBER),
    **dict.fromkeys(("comparable_pupils", "comparable_left", "comparable_share"), _NUMBER),
    **dict.fromkeys(("comparable_low", "comparable_high"), _NUMBER),
    **dict.fromkeys(("path_risk", "path_risk_low", "path_risk_high"), _NUMBER),
    **dict.fromkeys(("path_comparable_pupils", "path_comparable_left", "path_comparable_share"), _NUMBER),
    **dict.fromkeys(("path_comparable_low", "path_comparable_high"), _NUMBER), "path_cause": _TEXT,
    "tier": pa.int8(), "flagged": _FLAG, "to_complete": _FLAG, "flag_rule": _TEXT, "reinforced": _FLAG,
    **dict.fromkeys(("year_tier", "path_tier"), pa.int8()), "path_flagged": _FLAG,
    **dict.fromkeys(("legal_threshold", "legal_months"), _NUMBER), **dict.fromkeys(("legal_recent", "legal_listed"), _FLAG),
    "departure": _TEXT, "last_enrolled_on": pa.timestamp("s"), "departure_listed": _FLAG, "missing_features": _WHOLE,
    "model_id": _TEXT, "demo": _FLAG, "explained": _FLAG,
    "explained_horizon_years": _NUMBER, "explanation_cause": _TEXT,
    "reference_risk": _NUMBER, "other_points": _NUMBER,
}  # fmt: skip
_REASONS = {
    "pupil_id": _TEXT, "position": _WHOLE,
    **dict.fromkeys(("code", "family", "family_label", "direction"), _TEXT),
    **dict.fromkeys(("value", "reference", "points"), _NUMBER),
    **dict.fromkeys(("unit", "period", "text"), _TEXT), "companion": _NUMBER,
    **dict.fromkeys(("companion_unit", "companion_period"), _TEXT), "whole": _NUMBER, "subject": _TEXT,
}  # fmt: skip
_SNAPSHOT_ROWS = {
    "pupil_id": _TEXT, "as_of": pa.date32(), "school_year": _WHOLE,
    **dict.fromkeys(("level", "school_id", "network_id", "sex", "exit_kind"), _TEXT),
    "observed": _WHOLE, "matured": _WHOLE, "reference_group": _TEXT,
}  # fmt: skip

COMPLETION: Final = "completion"
"""Stands for a way in the lines of the lists of data to complete, which is none."""
_OUTCOME = "outcome"

SCHEMAS: Final[dict[str, pa.Schema]] = {
    name: pa.schema(list(fields.items()))
    for name, fields in {
        "scores": {**_SCORES, ROW_ID: _WHOLE},
        "reasons": {**_REASONS, ROW_ID: _WHOLE},
        "contributions": {
            **dict.fromkeys((*(family.code for family in FAMILIES), "base"), _NUMBER),
            "pupil_id": _TEXT,
            ROW_ID: _WHOLE,
        },
        "lists": {**dict.fromkeys(("way", "school_id", "class_id", "pupil_id", "line"), _TEXT)},
        "warnings": {"category": _TEXT, "text": _TEXT},
        "digest": {"digest": _TEXT, "named": _TEXT},
        "rows": _SNAPSHOT_ROWS,
        "features": {**dict.fromkeys(MATRIX_COLUMNS, _NUMBER), _OUTCOME: _NUMBER},
        "left_out": {"cause": _TEXT, "rows": _WHOLE, "pupils": _WHOLE},
        "transmissions": {
            "as_of": pa.date32(),
            "school_id": _TEXT,
            "table": _TEXT,
            **dict.fromkeys(("pupils", "rows", "first_day", "last_day"), _WHOLE),
        },
    }.items()
} | {"faults": FAULTS_SCHEMA}
"""Columns and types of what a part gives; the same for every part, whatever it holds."""

SCORE_TABLES: Final = ("scores", "reasons", "contributions", "lists", "faults", "warnings", "digest")
SNAPSHOT_TABLES: Final = ("rows", "features", "left_out", "transmissions", "faults", "warnings")


@dataclass(frozen=True)
class ExtractFacts:
    """What the parts of an extract must know of one another.

    Attributes
    ----------
    first_start : str or None
        First day of the earliest enrolment, ISO; None when nobody is enrolled anywhere.
    first_named : mapping of str to int
        Per table that the coverage of single pupils names, the day number from which it does not cover everyone.
    school_years : tuple of int
        Those of ``outcomes``.

    Examples
    --------
    >>> early = ExtractFacts("2023-09-01", {"grades": 19800}, (2023,))
    >>> late = ExtractFacts("2024-09-02", {"grades": 19700}, (2024,))
    >>> ExtractFacts.merged([late, early])
    ExtractFacts(first_start='2023-09-01', first_named={'grades': 19700}, school_years=(2023, 2024))
    """

    first_start: str | None
    first_named: Mapping[str, int]
    school_years: tuple[int, ...]

    @classmethod
    def merged(cls, facts: Iterable[ExtractFacts]) -> ExtractFacts:
        """Put together the facts of groups of pupils."""
        starts, years, first_named = [], set[int](), dict[str, int]()
        for each in facts:
            starts += [] if each.first_start is None else [each.first_start]
            years |= set(each.school_years)
            first_named |= {
                table: min(day, first_named.get(table, day)) for table, day in each.first_named.items()
            }
        return cls(min(starts, default=None), dict(sorted(first_named.items())), tuple(sorted(years)))

    def started_before(self, day: date) -> bool:
        """Tell whether somebody of the extract is enrolled before a day."""
        return self.first_start is not None and self.first_start < day.isoformat()

    def to_json(self) -> str:
        """Write the facts as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ExtractFacts:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(text)
        return cls(values["first_start"], values["first_named"], tuple(values["school_years"]))


NO_FACTS: Final = ExtractFacts(None, {}, ())


def extract_facts(
    pupils: Any,  # noqa: ANN401 - any table
    enrolments: Any,  # noqa: ANN401 - any table
    coverage: Any = None,  # noqa: ANN401 - any table
    outcomes: Any = None,  # noqa: ANN401 - any table
    *,
    calendar: SchoolCalendar | None = None,
    row_id: str | None = None,
) -> ExtractFacts:
    """Say what parts must know of one another: of the people of the whole extract, or of some, to be merged.

    Faulty rows count for nothing, as in the parts themselves.

    Parameters
    ----------
    pupils, enrolments, coverage, outcomes : table
        As for ``PupilRecords``; the last two when the extract has them.
    calendar : SchoolCalendar, optional
        Zone B when left out.
    row_id : str, optional
        Column of Arrow tables that holds no record, see :func:`read_part`.

    Raises
    ------
    FaultyRecordsError
        A table that no record can do without cannot be used at all.

    Examples
    --------
    >>> extract_facts(
    ...     [{"pupil_id": "a1"}],
    ...     [{"pupil_id": "a1", "school_year": 2024, "school_id": "0990001N", "level": "4e", "start_date": "2024-09-02"}],
    ... ).first_start
    '2024-09-02'
    """
    came = {"pupils": pupils, "enrolments": enrolments, "coverage": coverage, "outcomes": outcomes}
    tables = {name: table for name, table in came.items() if table is not None}
    if row_id is not None:
        tables = _without_row_ids(tables, row_id)[0]
    # Through the checks, so that a faulty start counts here as little as it does in a part.
    people = PupilRecords.of_part(tables, calendar=calendar or SchoolCalendar.for_zone("B"))
    start = people.enrolments["start_date"].min()
    years = () if people.outcomes is None else sorted({int(year) for year in people.outcomes["school_year"]})
    spans = people.coverage
    # Spans of a school or of everyone stand in every part, which reads them by itself.
    of_pupils = spans is not None and bool(spans["pupil_id"].notna().any())
    return ExtractFacts(
        None if pd.isna(start) else start.date().isoformat(),
        people.first_named if of_pupils else {},
        tuple(years),
    )


@dataclass(frozen=True)
class PartRecords:
    """The checked records of one part, and where their rows stood in the extract.

    Attributes
    ----------
    records : PupilRecords
        Faulty rows set aside: whether they may be is decided over all parts.
    faults : PartFaults
        In rows of the extract.
    place : (pupils,) int64 array
        Row of the extract's ``pupils`` of each pupil of the records.
    """

    records: PupilRecords
    faults: PartFaults
    place: npt.NDArray[np.int64]


def read_part(
    tables: Mapping[str, pa.Table],
    facts: ExtractFacts = NO_FACTS,
    *,
    calendar: SchoolCalendar | None = None,
    row_id: str | None = None,
) -> PartRecords:
    """Check the tables of one part.

    Parameters
    ----------
    tables : mapping of str to Arrow table
        By the name of the table; rows of the part's pupils, and those of schools, classes or everyone.
    facts : ExtractFacts
        Of the whole extract.
    calendar : SchoolCalendar, optional
        Of the whole extract; zone B when left out.
    row_id : str, optional
        Column of each table that says which row of the extract a row was; positions in the part when left out.

    Raises
    ------
    FaultyRecordsError
        A table that no record can do without cannot be used at all, in rows of the part.
    """
    own, rows = _without_row_ids(tables, row_id)
    records = PupilRecords.of_part(
        own,
        calendar=calendar or SchoolCalendar.for_zone("B"),
        first_days=facts.first_named,
        first_start=facts.first_start,
    )
    faults = PartFaults.of(records.faults, rows)
    return PartRecords(records, faults, _places(own["pupils"], rows["pupils"], records, faults))


def _without_row_ids(
    tables: Mapping[str, pa.Table], row_id: str | None
) -> tuple[dict[str, pa.Table], dict[str, npt.NDArray[np.int64]]]:
    own: dict[str, pa.Table] = {}
    rows: dict[str, npt.NDArray[np.int64]] = {}
    for name, table in tables.items():
        there = row_id is not None and row_id in table.column_names
        own[name] = table.drop_columns([row_id]) if there else table
        rows[name] = (
            table.column(row_id).to_numpy().astype(np.int64)
            if there
            else np.arange(len(table), dtype=np.int64)
        )
    return own, rows


def texts_of_ids(ids: Any) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Write ids as the checks read them: text and whole numbers as text, anything else is no id and becomes null."""
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    kind = ids.type
    if pa.types.is_integer(kind) or any(
        is_text(kind) for is_text in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    ):
        return ids.cast(pa.string())
    return pa.nulls(len(ids), pa.string())


def _places(
    pupils: pa.Table, rows: npt.NDArray[np.int64], records: PupilRecords, faults: PartFaults
) -> npt.NDArray[np.int64]:
    """Rows of the extract of the pupils of the records: of rows with one id, the one that no fault sets aside."""
    ids = texts_of_ids(pupils.column("pupil_id"))
    whole = ~np.isin(rows, faults.rows_of("pupils", "duplicate_pupil"))
    index = pd.Index(np.asarray(ids.to_pylist(), dtype=object)[whole])
    places: npt.NDArray[np.int64] = rows[whole][
        index.get_indexer_for(pd.Index(records.pupils["pupil_id"].to_numpy(dtype=object)))
    ]
    return places


def score_part(  # noqa: PLR0913 - the choices of a run, each with its default
    tables: Mapping[str, pa.Table],
    facts: ExtractFacts,
    *,
    as_of: object,
    model: TrainedModel,
    policy: Policy | None = None,
    explain: Explain | Collection[str] = "flagged",
    exclude: Collection[str] = (),
    calendar: SchoolCalendar | None = None,
    row_id: str | None = None,
    on_fault: str = "quarantine",
    gaps: Collection[str] = (),
    transmission: Transmission | None = None,
) -> dict[str, pa.Table]:
    """Score the pupils of one part.

    Parameters
    ----------
    tables, facts, calendar, row_id
        As for :func:`read_part`.
    as_of, model, policy, explain, exclude
        As for ``score_pupils``; of the pupils who are named by their id, those of other parts are passed over here.
    on_fault : {"quarantine", "raise"}
        With "raise", a part with errors gives its faults and nothing else: the run as a whole will be refused.
    gaps, transmission
        As for ``score_pupils``; what the schools of the whole extract sent is made by :func:`transmission_part` of every
        part, and :func:`merge_transmissions`.

    Returns
    -------
    dict of str to Arrow table
        :data:`SCORE_TABLES`, with the columns of :data:`SCHEMAS`: ``scores``, ``reasons`` and ``contributions`` with the
        :data:`ROW_ID` of each pupil, the ``lists`` of schools, ``faults``, ``warnings``, and a ``digest`` (counts) as JSON.

    Examples
    --------
    >>> from decrochage_risk.score import load_demo_model
    >>> from decrochage_risk.synthetic import make_cohort
    >>> records = make_cohort(20, [2024], seed=1).records
    >>> names = ("pupils", "enrolments", "absences", "grades", "orientation")
    >>> tables = {name: pa.Table.from_pandas(getattr(records, name)) for name in names}
    >>> facts = extract_facts(tables["pupils"], tables["enrolments"])
    >>> part = score_part(tables, facts, as_of="2025-03-05", model=load_demo_model())
    >>> part["scores"].num_rows, part["warnings"].num_rows
    (20, 0)
    """
    part, report = read_or_report(tables, facts, calendar, row_id)
    is_refused = on_fault == "raise" and report.known_before(day_number(to_date(as_of))).any_error
    if part is None or is_refused or not len(part.records):
        return {**_empty(SCORE_TABLES), "faults": report.to_arrow()}
    ids = pd.Index(part.records.pupils["pupil_id"].to_numpy(dtype=object))
    by_name = tuple(explain) if isinstance(explain, Collection) and not isinstance(explain, str) else ()
    # Names of pupils of other parts are not unknown: only all parts together can say that.
    here = [pupil for pupil in dict.fromkeys((*exclude, *by_name)) if pupil in ids]
    with python_warnings.catch_warnings(record=True) as caught_warnings:
        python_warnings.simplefilter("always")
        python_warnings.simplefilter(
            "ignore", DemoModelWarning
        )  # of the model, not of the part: said once for all
        # Counted in the digest, whose sum is said once.
        python_warnings.filterwarnings(
            "ignore",
            message=f".*( was not sent | hardly held pupils |Less is known of these pupils|{NOT_ENROLLING})",
            category=RecordsWarning,
        )
        scores = score_pupils(
            part.records,
            as_of=to_date(as_of),
            model=model,
            policy=policy,
            explain=[pupil for pupil in by_name if pupil in here] if by_name else explain,
            exclude=[pupil for pupil in exclude if pupil in here],
            gaps=gaps,
            transmission=transmission,
        )
    of_reasons = ids.get_indexer(pd.Index(scores.reasons["pupil_id"].to_numpy(dtype=object)))
    digest = json.dumps(ScoreDigest.of(scores).to_dict(), ensure_ascii=False)
    return {
        "scores": _conformed(scores.frame, "scores", part.place),
        "reasons": _conformed(scores.reasons, "reasons", part.place[of_reasons]),
        "contributions": _conformed(scores.contributions, "contributions", part.place),
        "lists": _lists(scores),
        "faults": report.to_arrow(),
        "warnings": _warnings(caught_warnings),
        "digest": pa.table(
            {"digest": [digest], "named": [json.dumps(sorted(here))]}, schema=SCHEMAS["digest"]
        ),
    }


def read_or_report(
    tables: Mapping[str, pa.Table], facts: ExtractFacts, calendar: SchoolCalendar | None, row_id: str | None
) -> tuple[PartRecords | None, PartFaults]:
    """Read a part; when a required table cannot be used at all, give its faults alone."""
    try:
        part = read_part(tables, facts, calendar=calendar, row_id=row_id)
    except FaultyRecordsError as error:
        report: FaultReport = error.report  # type: ignore[assignment]  # raised by the checks, whose report it is
        return None, PartFaults.of(report, _without_row_ids(tables, row_id)[1])
    return part, part.faults


def _empty(names: Sequence[str]) -> dict[str, pa.Table]:
    return {name: SCHEMAS[name].empty_table() for name in names}


def _conformed(frame: pd.DataFrame, name: str, place: npt.NDArray[np.int64]) -> pa.Table:
    """Give a frame the declared types, ordered by the place of its rows; pandas' own metadata is kept for its files."""
    # By place in the extract, so that merging the parts is a merge of sorted files.
    order = np.argsort(place, kind="stable")
    table = pa.Table.from_pandas(frame)
    schema = SCHEMAS[name].remove(SCHEMAS[name].get_field_index(ROW_ID)).with_metadata(table.schema.metadata)
    return (
        table.select(schema.names)
        .cast(schema)
        .take(pa.array(order))
        .append_column(SCHEMAS[name].field(ROW_ID), pa.array(place[order]))
    )


def _lists(scores: RiskScores) -> pa.Table:
    """Lines of the schools' lists of each way, each as JSON: what a line says is the business of the lists."""
    tables = [SCHEMAS["lists"].empty_table()]
    lists: list[tuple[str, pd.DataFrame, Callable[[RiskScores, pd.DataFrame], pd.DataFrame]]] = [
        (COMPLETION, scores.to_complete, completion_list)
    ]
    lists[:0] = [(way, scores.on_list(way), partial(school_list, way=way)) for way in WAYS]
    for way, rows, list_of in lists:
        if len(rows):
            lines = list_of(scores, rows).to_dict("records")
            columns = {
                name: rows[name].to_numpy(dtype=object) for name in ("school_id", "class_id", "pupil_id")
            }
            frame = pd.DataFrame(
                {**columns, "way": way, "line": [json.dumps(line, ensure_ascii=False) for line in lines]}
            )
            tables.append(pa.Table.from_pandas(frame, schema=SCHEMAS["lists"], preserve_index=False))
    return pa.concat_tables([table.replace_schema_metadata() for table in tables])


def _warnings(records: Iterable[python_warnings.WarningMessage]) -> pa.Table:
    texts = list(dict.fromkeys((each.category.__name__, str(each.message)) for each in records
                               if issubclass(each.category, DecrochageWarning)))  # fmt: skip
    categories, sentences = zip(*texts, strict=True) if texts else ((), ())
    return pa.table({"category": list(categories), "text": list(sentences)}, schema=SCHEMAS["warnings"])


def snapshot_part(
    tables: Mapping[str, pa.Table],
    facts: ExtractFacts,
    *,
    dates: Iterable[object],
    closes: tuple[int, int] = DEFAULT_CLOSES,
    horizon_years: int = 1,
    calendar: SchoolCalendar | None = None,
    row_id: str | None = None,
    on_fault: str = "quarantine",
) -> dict[str, pa.Table]:
    """Take the training rows of one part: its pupils at risk on each date, with their features and what came of them.

    Parameters
    ----------
    tables, facts, calendar, row_id, on_fault
        As for :func:`score_part`; ``outcomes`` among the tables, without which there are no rows.
    dates : iterable of date
        As-of dates.
    closes : tuple of int
        Month and day on which the outcome of a school year closes.
    horizon_years : int
        1 or 3: over how many school years the outcome is.

    Returns
    -------
    dict of str to Arrow table
        :data:`SNAPSHOT_TABLES`: ``rows`` and ``features`` side by side, how many were ``left_out`` by cause, the
        ``transmissions`` of the schools, ``faults``, ``warnings``.
    """
    part, report = read_or_report(tables, facts, calendar, row_id)
    nothing = {**_empty(SNAPSHOT_TABLES), "faults": report.to_arrow()}
    if part is None or (on_fault == "raise" and report.any_error) or part.records.outcomes is None:
        return nothing
    days = [day for day in sorted({to_date(day) for day in dates}) if can_be_known(part.records, day)]
    if not days:
        return nothing
    with python_warnings.catch_warnings(record=True) as caught_warnings:
        python_warnings.simplefilter("always")
        snapshots = take_snapshots(
            part.records,
            part.records.outcomes,
            days,
            closes=closes,
            horizon_years=horizon_years,
            may_be_empty=True,
        )
    features = snapshots.features[list(MATRIX_COLUMNS)].assign(**{_OUTCOME: snapshots.outcome})
    return {
        "rows": _plain(snapshots.rows, "rows"),
        "features": _plain(features, "features"),
        "left_out": pa.table(
            {
                "cause": list(snapshots.left_out),
                "rows": list(snapshots.left_out.values()),
                "pupils": list(snapshots.people_left_out().values()),
            },
            schema=SCHEMAS["left_out"],
        ),
        "transmissions": _transmissions_table(snapshots.transmissions),
        "faults": report.to_arrow(),
        "warnings": _warnings(caught_warnings),
    }


def check_part(
    tables: Mapping[str, pa.Table],
    facts: ExtractFacts,
    *,
    calendar: SchoolCalendar | None = None,
    row_id: str | None = None,
) -> dict[str, pa.Table]:
    """Give the ``faults`` of one part, and nothing else; arguments as for :func:`read_part`."""
    return {"faults": read_or_report(tables, facts, calendar, row_id)[1].to_arrow()}


def transmission_part(
    tables: Mapping[str, pa.Table],
    facts: ExtractFacts,
    *,
    as_of: object,
    calendar: SchoolCalendar | None = None,
    row_id: str | None = None,
) -> dict[str, pa.Table]:
    """Say what the schools of one part sent: ``transmissions``, and ``faults``.

    Parameters
    ----------
    tables, facts, as_of, calendar, row_id
        As for :func:`score_part`.
    """
    part, report = read_or_report(tables, facts, calendar, row_id)
    transmissions = (
        () if part is None or not len(part.records) else (find_transmission(part.records.known_on(as_of)),)
    )
    return {"transmissions": _transmissions_table(transmissions), "faults": report.to_arrow()}


def merge_transmissions(parts: Iterable[Mapping[str, pa.Table]]) -> Transmission | None:
    """Put together what :func:`transmission_part` gave of every part; None when no school sent anything."""
    whole = _merged_transmissions([part["transmissions"] for part in parts])
    return whole[0] if whole else None


def _transmissions_table(transmissions: Sequence[Transmission]) -> pa.Table:
    frames = [each.schools.assign(as_of=each.as_of) for each in transmissions]
    if not frames:
        return SCHEMAS["transmissions"].empty_table()
    return _plain(pd.concat(frames, ignore_index=True), "transmissions")


def _merged_transmissions(tables: Sequence[pa.Table]) -> tuple[Transmission, ...]:
    """Put together what the schools sent, by day: a school's pupils may stand in several parts."""
    if not tables:
        return ()
    whole = pa.concat_tables(tables).to_pandas(date_as_object=True)
    return tuple(
        Transmission.merged([Transmission(day, rows.drop(columns="as_of"))])
        for day, rows in whole.groupby("as_of", sort=True)
    )


def _plain(frame: pd.DataFrame, name: str) -> pa.Table:
    schema = SCHEMAS[name]
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    return table.select(schema.names).cast(schema)


def snapshots_of(parts: Iterable[Mapping[str, pa.Table]]) -> Snapshots:
    """Put the training rows of all parts in the order of dates and ids, as ``take_snapshots`` gives them.

    Parameters
    ----------
    parts : iterable of mappings
        What :func:`snapshot_part` gave. The features of a part are asked for when they are moved: a mapping that reads its
        tables then is never held whole.

    Raises
    ------
    NotEnoughDataError
        There is no row in any part; with what was left out.
    """
    left_out, pupils_left_out = Counter[str](), Counter[str]()
    tables, rows, transmissions = [], [], []
    for part in parts:
        transmissions.append(part["transmissions"])
        for one in part["left_out"].to_pylist():
            left_out[one["cause"]] += one["rows"]
            # A pupil lies in one part: distinct ones add up.
            pupils_left_out[one["cause"]] += one["pupils"]
        rows.append(part["rows"])
        tables.append(part)
    of_all = pa.concat_tables(rows) if rows else SCHEMAS["rows"].empty_table()
    if not len(of_all):
        raise no_rows_error(left_out)
    frame = _frame_of_rows(of_all)
    order = np.argsort(frame["pupil_id"].to_numpy(dtype=object), kind="stable")
    # Date first, then id: a stable sort by the first key comes last.
    order = order[np.argsort(frame["observed"].to_numpy()[order], kind="stable")]
    features, outcome = _in_order(tables, order)
    return Snapshots(
        features,
        outcome,
        frame.iloc[order].reset_index(drop=True),
        dict(sorted(left_out.items())),
        _merged_transmissions(transmissions),
        dict(pupils_left_out),
    )


def _in_order(
    parts: list[Mapping[str, pa.Table]], order: npt.NDArray[np.intp]
) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """Move the features and outcomes of one part after the other to their places; ``parts`` is empty at the end.

    The matrix is the largest thing there is: neither it nor the features of the parts are held twice.
    """
    places = np.empty(len(order), dtype=np.intp)
    places[order] = np.arange(len(order))
    matrix, outcome = new_table(len(order), len(MATRIX_COLUMNS), order="F"), np.empty(len(order))
    first = 0
    while parts:
        values = parts.pop(0)["features"]
        at = places[first : first + len(values)]
        first += len(values)
        for column, name in enumerate(MATRIX_COLUMNS):
            matrix[at, column] = values.column(name).to_numpy()
            give_back(matrix)
        outcome[at] = values.column(_OUTCOME).to_numpy()
    return pd.DataFrame(matrix, columns=list(MATRIX_COLUMNS), copy=False), outcome


def _frame_of_rows(rows: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = rows.to_pandas(date_as_object=True)
    texts = [
        field.name for field in SCHEMAS["rows"] if field.type == _TEXT and field.name != "reference_group"
    ]
    frame = frame.astype(dict.fromkeys(texts, "str"))
    frame["reference_group"] = frame["reference_group"].astype(object)
    return frame


def merge_parts(
    parts: Sequence[Mapping[str, pa.Table]], shared: Mapping[str, npt.NDArray[np.int64]] | None = None
) -> dict[str, pa.Table]:
    """Put together what :func:`score_part` gave of every part, as if the extract had been scored at once.

    Parameters
    ----------
    parts : sequence of mappings
        In any order.
    shared : mapping of str to int64 array, optional
        Per table, rows of the extract that every part holds: what is a fault only where nobody of a part is concerned
        is one only if it is so in every part.

    Returns
    -------
    dict of str to Arrow table
        :data:`SCORE_TABLES`; rows by their :data:`ROW_ID`, lists by school, class and id, each warning once, one digest.
    """
    whole = {
        name: pa.concat_tables([SCHEMAS[name].empty_table(), *(_typed(part[name], name) for part in parts)])
        for name in SCORE_TABLES
        if name not in {"faults", "digest"}
    }
    for name in ("scores", "reasons", "contributions"):
        order = np.argsort(whole[name].column(ROW_ID).to_numpy(), kind="stable")
        whole[name] = whole[name].take(pa.array(order))
    by_place = [(name, "ascending") for name in ("way", "school_id", "class_id", "pupil_id")]
    whole["lists"] = whole["lists"].sort_by(by_place)
    whole["warnings"] = (
        whole["warnings"]
        .group_by(["category", "text"])
        .aggregate([])
        .sort_by([("category", "ascending"), ("text", "ascending")])
    )
    report = merge_faults([PartFaults.from_arrow(part["faults"]) for part in parts], shared)
    whole["faults"] = PartFaults(report.groups).to_arrow()
    digests = [text for part in parts for text in part["digest"].column("digest").to_pylist()]
    named_ids = {
        pupil
        for part in parts
        for text in part["digest"].column("named").to_pylist()
        for pupil in json.loads(text)
    }
    whole["digest"] = SCHEMAS["digest"].empty_table()
    if digests:
        counts = {f"{severity} {table} {rule}": count for severity in ("error", "warning")
                  for (table, rule), count in getattr(report, f"{severity}s").counts.items()}  # fmt: skip
        digest = ScoreDigest.merged(
            [ScoreDigest.from_dict(json.loads(text)) for text in digests], dict(sorted(counts.items()))
        )
        text = json.dumps(digest.to_dict(), ensure_ascii=False)
        whole["digest"] = pa.table(
            {"digest": [text], "named": [json.dumps(sorted(named_ids))]}, schema=SCHEMAS["digest"]
        )
    return whole


def _typed(table: pa.Table, name: str) -> pa.Table:
    return table.replace_schema_metadata().select(SCHEMAS[name].names).cast(SCHEMAS[name])
