"""Scoring and training where the data are: on Spark, over the part contract, with the same bits as one machine.

Tables come as Spark DataFrames, from whatever the engine reads. Each is cut into Arrow blobs by part of pupils, a part goes
through the same functions as on one machine (:mod:`decrochage_risk.partitions.parts`), and what they give comes back as Arrow
blobs: DataFrames for the lake, or the same files as ``RiskScores.write``. Only the DataFrame API is used, so that it works over
Spark Connect. Every worker needs this package; the model is sent as the text files of its artefact, read once by each worker
process and checked by its SHA-256.
"""

from __future__ import annotations

import gc
import io
import json
import shutil
import tempfile
import weakref
import zipfile
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from decrochage_risk import errors
from decrochage_risk.errors import (
    CalendarError,
    DecrochageError,
    FaultyRecordsError,
    RecordsError,
    explain_error,
)
from decrochage_risk.model import load_trained_model
from decrochage_risk.partitions.merged_faults import merge_faults
from decrochage_risk.partitions.parts import (
    NO_FACTS,
    PEOPLE,
    ROW_ID,
    SCHEMAS,
    ExtractFacts,
    check_part,
    extract_facts,
)
from decrochage_risk.partitions.runs import Finished, table_bytes
from decrochage_risk.partitions.scoring import ScoreRequest, score_request, score_runs, write_parts
from decrochage_risk.partitions.splitting import EVERY_PART, SMALL_INTEGERS, checked_parts, part_of_rows
from decrochage_risk.partitions.training import PartedRecords
from decrochage_risk.records.fault_hints import faults_known_before
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import SchoolCalendar, day_number
from decrochage_risk.score.scoring import refuse_other_inputs
from decrochage_risk.score.writing import result_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.partitions.runs import Work
    from decrochage_risk.policy import Policy
    from decrochage_risk.records.faults import FaultReport
    from decrochage_risk.score.digest import ScoreDigest
    from decrochage_risk.score.scoring import Explain

    Table = Any  # a DataFrame of the engine, which is not installed everywhere

__all__ = ["PUPILS_PER_PART", "SparkRuns", "SparkScores", "score_spark", "snapshots_spark"]

PUPILS_PER_PART: Final = 12_500
"""Pupils of a part when their number is not given: half of what fits the caches of one machine, for a worker has less memory."""

_BLOBS: Final = "part int, name string, blob binary"
_BLOBS_SCHEMA: Final = pa.schema({"part": pa.int32(), "name": pa.string(), "blob": pa.binary()})
_SPLIT_ROWS: Final = 250_000
"""Rows that a worker holds while it cuts a table: blobs of fewer rows cost more in headers than in cells."""
_ERROR: Final = "error"
_LARGE: Final = ("scores", "reasons", "contributions", "lists", "rows", "features")
"""Tables of a step that grow with the pupils: they stay with the engine until somebody asks for one."""


class SparkRuns:
    """The parts of an extract on Spark: what scoring and training ask of any engine (``PartEngine``).

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By the name of the table; a column ``row_id`` of whole numbers says which row of the extract each row is (told with
        the faults, and the order of the results); numbered by Spark when left out.
    parts : int, optional
        How many; by the number of pupils when left out.
    calendar : SchoolCalendar, optional
        Zone B when left out.
    started_before : date, optional
        The day on which somebody must be enrolled.
    work : str, optional
        Folder of the lake, empty, for what is kept between the steps: a lost machine then costs its own work only, and platforms
        that keep nothing by themselves (serverless) need it. On the disks of the workers when left out.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        parts: int | None = None,
        calendar: SchoolCalendar | None = None,
        started_before: date | None = None,
        work: str | None = None,
    ) -> None:
        _refuse_other_tables(tables)
        self.calendar = calendar or SchoolCalendar.for_zone("B")
        self._tables = {name: _numbered(table) for name, table in tables.items()}
        self._session = next(iter(tables.values())).sparkSession
        self._started_before, self._work = started_before, work
        self.parts = -(-max(1, tables["pupils"].count()) // PUPILS_PER_PART) if parts is None else parts

    @property
    def names(self) -> Sequence[str]:
        """Tables of the extract."""
        return tuple(self._tables)

    @cached_property
    def _blobs(self) -> Table:
        """Every table as Arrow blobs, some for each part; one row without a blob per part, so that each is there."""
        part_numbers = self._session.range(self.parts).selectExpr(
            "cast(id as int) as part", "'' as name", "cast(null as binary) as blob"
        )
        tables = (table.mapInArrow(_cutter(name, self.parts), _BLOBS) for name, table in self._tables.items())
        blobs = reduce(lambda one, other: one.unionAll(other), tables, part_numbers)
        # Shuffled once for all steps, but for files of the lake, which come back in tasks of any size. One part per task,
        # whatever the sizes: the planner leaves a repartition alone that names its number.
        if self._work is None:
            return self._keep("tables", blobs.repartitionById(self.parts, "part"))
        return self._keep("tables", blobs).repartitionById(self.parts, "part")

    def _keep(self, step: str, table: Table) -> Table:
        """Have a table made once, whoever reads it how often."""
        if self._work is not None:
            table.write.parquet(f"{self._work}/{step}")
            return self._session.read.parquet(f"{self._work}/{step}")
        from pyspark import StorageLevel  # noqa: PLC0415 - an extra

        # Over Connect a persisted table is not always known again, and made anew for each reader: a checkpoint is.
        return table.localCheckpoint(eager=False, storageLevel=StorageLevel.DISK_ONLY)

    @cached_property
    def _schemas(self) -> dict[str, pa.Schema]:
        return {name: _schema_of(table) for name, table in self._tables.items()}

    @cached_property
    def _shared_blobs(self) -> list[tuple[str, bytes]]:
        rows = self._blobs.filter(f"part = {EVERY_PART}").select("name", "blob").collect()
        return [(row["name"], bytes(row["blob"])) for row in rows]

    @cached_property
    def shared(self) -> Mapping[str, npt.NDArray[np.int64]]:
        """Rows of the extract that every part holds, per table that has some."""
        rows: dict[str, list[npt.NDArray[np.int64]]] = {}
        for name, blob in self._shared_blobs:
            rows.setdefault(name, []).append(_table_of(blob).column(ROW_ID).to_numpy())
        return {name: np.sort(np.concatenate(each)) for name, each in rows.items()}

    @cached_property
    def facts(self) -> ExtractFacts:
        """What parts must know of one another.

        Raises
        ------
        FaultyRecordsError
            A table that no record can do without cannot be used; with every fault of every part.
        """
        try:
            results = self._results("facts", _facts_part, {}, NO_FACTS, PEOPLE)
        except FaultyRecordsError as error:
            raise FaultyRecordsError(self._judged(self._faults_of_all(NO_FACTS))) from error
        texts = [text for each in results for text in each.table("facts").column("facts").to_pylist()]
        return ExtractFacts.merged(map(ExtractFacts.from_json, texts))

    @property
    def anybody(self) -> bool:
        """Whether somebody is enrolled, before the day that was given."""
        day = self._started_before
        return self.facts.first_start is not None if day is None else self.facts.started_before(day)

    def run(
        self,
        part_function: Work,
        choices: Mapping[str, Any],
        line: str,
        *,
        raise_faults: bool,
        step: str = "done",
    ) -> list[Finished]:
        """Call a function of the part contract on every part, on the workers.

        Parameters
        ----------
        part_function, choices, raise_faults
            As for :meth:`~decrochage_risk.partitions.runs.PartRuns.run`.
        line : str
            Not told: Spark shows its own progress.
        step : str
            Folder of what this step gives, below ``work``.

        Returns
        -------
        list of SparkPart
            One for each part, in order; none when nobody is enrolled before the day.

        Raises
        ------
        DecrochageError
            The error of the first part that has one; FaultyRecordsError with every fault of the extract.
        """
        del line
        if not self.anybody:
            if raise_faults:
                self.raise_faults()
            return []
        try:
            results = self._results(step, part_function, choices, self.facts, self.names)
        except CalendarError:
            if raise_faults:
                self.raise_faults()
            raise
        if raise_faults:
            _raise_errors(self._judged(merge_faults([each.faults for each in results], self.shared)))
        return results

    def raise_faults(self) -> None:
        """Raise every fault of what was known, over all parts, when there is an error among them."""
        _raise_errors(self._judged(self._faults_of_all(self.facts)))

    def _judged(self, report: FaultReport) -> FaultReport:
        day = self._started_before
        return report if day is None else faults_known_before(report, day_number(day))

    def _faults_of_all(self, facts: ExtractFacts) -> FaultReport:
        return merge_faults(
            [each.faults for each in self._results("faults", check_part, {}, facts, self.names)], self.shared
        )

    def people(self) -> PupilRecords:
        """Give the pupils and enrolments of the whole extract, brought to this machine."""
        tables = {name: self._tables[name].toArrow() for name in PEOPLE if name in self._tables}
        in_order: dict[str, Any] = {
            name: table.sort_by(ROW_ID).drop_columns([ROW_ID]) for name, table in tables.items()
        }
        return PupilRecords.of_part(in_order, calendar=self.calendar)

    def _results(
        self,
        step: str,
        part_function: Work,
        choices: Mapping[str, Any],
        facts: ExtractFacts,
        names: Sequence[str],
    ) -> list[Finished]:
        schemas = {name: schema for name, schema in self._schemas.items() if name in names}
        shared = [(name, blob) for name, blob in self._shared_blobs if name in names]
        work = _worker(part_function, choices, facts, self.calendar, schemas, shared)
        blobs = self._blobs.filter("part >= 0")
        if set(names) != set(self.names):
            blobs = blobs.filter(blobs["name"].isin(["", *names]))
        results = self._keep(step, blobs.mapInArrow(work, _BLOBS))
        small = results.filter(~results["name"].isin(*_LARGE)).collect()
        failures = [(row["part"], row["blob"]) for row in small if row["name"] == _ERROR]
        if failures:
            category, text = json.loads(bytes(min(failures)[1]))
            if category == FaultyRecordsError.__name__:
                raise FaultyRecordsError(self._faults_of_all(facts))
            raise getattr(errors, category)(text)
        place = _Place(results, small)
        return [SparkPart(place.folder_of(part), place) for part in range(self.parts)]


class _Place:
    """Where this machine keeps what the parts gave: small tables from the beginning, large ones once one is asked for."""

    def __init__(self, results: Table, small: Iterable[Any]) -> None:
        self.results, self._complete = results, False
        self._folder = Path(tempfile.mkdtemp())
        # As long as a part is held: nobody closes it, and a TemporaryDirectory would warn of that.
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._write(small)

    def folder_of(self, part: int) -> Path:
        return self._folder / f"{part:05}"

    def bring_large(self) -> None:
        if not self._complete:
            # A part at a time, so that the driver never holds them all.
            self._write(self.results.filter(self.results["name"].isin(*_LARGE)).toLocalIterator())
            self._complete = True

    def _write(self, rows: Iterable[Any]) -> None:
        for row in rows:
            folder = self.folder_of(row["part"])
            folder.mkdir(exist_ok=True)
            (folder / f"{row['name']}.arrow").write_bytes(row["blob"])


@dataclass(frozen=True)
class SparkPart(Finished):
    """What the work on one part has left, on Spark until a large table of it is asked for."""

    place: _Place

    def path(self, name: str) -> Path:
        """Tell where one of the tables is, brought from Spark with those of every part when it is large."""
        if name in _LARGE:
            self.place.bring_large()
        return super().path(name)


def _refuse_other_tables(tables: Mapping[str, Table]) -> None:
    wrong = sorted(set(tables) - set(TABLES))
    missing = [name for name in ("pupils", "enrolments") if name not in tables]
    if wrong or missing:
        raise RecordsError(
            explain_error(
                f"tables={list(tables)}",
                expected=f"pupils and enrolments at least, names among {', '.join(TABLES)}",
                hint='tables={"pupils": spark.table("..."), "enrolments": ...}.',
            )
        )


def _numbered(table: Table) -> Table:
    from pyspark.sql import functions  # noqa: PLC0415 - an extra

    if ROW_ID in table.columns:
        return table.withColumn(ROW_ID, table[ROW_ID].cast("bigint"))
    return table.withColumn(ROW_ID, functions.monotonically_increasing_id())


def _schema_of(table: Table) -> pa.Schema:
    """Columns of a table; small whole numbers that are missing anywhere are floats in every part, as in the whole."""
    schema = pa.schema([field.with_nullable(nullable=True) for field in table.limit(0).toArrow().schema])
    small = [field.name for field in schema if field.type in SMALL_INTEGERS]
    counts = table.selectExpr(*[f"max(`{name}` is null)" for name in small]).first() if small else ()
    for name, missing in zip(small, counts, strict=True):
        if missing:
            place = schema.get_field_index(name)
            schema = schema.set(place, schema.field(place).with_type(pa.float64()))
    return schema.remove_metadata()


def _table_of(blob: bytes) -> pa.Table:
    return pa.ipc.open_file(pa.py_buffer(blob)).read_all()


def _batch_of(rows: Sequence[tuple[int, str, bytes]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.record_batch(
        [pa.array(cells, field.type) for cells, field in zip(columns, _BLOBS_SCHEMA, strict=True)],
        schema=_BLOBS_SCHEMA,
    )


@cache
def _freeze_libraries(step: str) -> None:
    """Leave what the libraries hold out of the search for garbage, once per step and process.

    PySpark searches after every task, and walks through every object of pandas, LightGBM and the model: .2 s or more, which
    a small part takes to be scored.
    """
    del step  # another step may have loaded other libraries
    gc.collect()
    gc.freeze()


def _cutter(name: str, parts: int) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Make what a worker calls on the rows of a table that it holds: blobs of the rows of each part."""

    def cut(batches: Iterator[Any]) -> Iterator[Any]:
        buffer, rows = [], 0
        for batch in batches:
            buffer.append(batch)
            rows += len(batch)
            if rows >= _SPLIT_ROWS:
                yield _cut(name, pa.Table.from_batches(buffer), parts)
                buffer, rows = [], 0
        if rows:
            yield _cut(name, pa.Table.from_batches(buffer), parts)
        _freeze_libraries("cut")

    return cut


def _cut(name: str, table: pa.Table, parts: int) -> pa.RecordBatch:
    of_row = part_of_rows(name, table, parts)
    order = np.argsort(of_row, kind="stable")
    numbers, starts = np.unique(of_row[order], return_index=True)
    in_order = table.take(pa.array(order))
    ends = [*starts[1:].tolist(), len(table)]
    return _batch_of(
        [
            (number, name, table_bytes(in_order.slice(start, end - start)))
            for number, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=True)
        ]
    )


def _worker(
    part_function: Work,
    choices: Mapping[str, Any],
    facts: ExtractFacts,
    calendar: SchoolCalendar,
    schemas: Mapping[str, pa.Schema],
    shared: Sequence[tuple[str, bytes]],
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Make what a worker calls on the blobs of a part: what the part function gives, as blobs."""
    plain_choices = {name: value for name, value in choices.items() if name != "model"}
    models = {"model": _PackedModel.of(choices["model"])} if "model" in choices else {}

    def work(batches: Iterator[Any]) -> Iterator[Any]:
        blobs: dict[int, list[tuple[str, bytes]]] = {}
        for batch in batches:
            for row in batch.to_pylist():
                of_part = blobs.setdefault(row["part"], list(shared))
                if row["blob"] is not None:
                    of_part.append((row["name"], row["blob"]))
        for part, of_part in blobs.items():
            tables = {name: _assembled(name, of_part, schema) for name, schema in schemas.items()}
            try:
                opened = {name: model.unpacked() for name, model in models.items()}
                results = part_function(
                    tables, facts, calendar=calendar, row_id=ROW_ID, **plain_choices, **opened
                )
                rows = [(part, name, table_bytes(table)) for name, table in results.items()]
            except DecrochageError as error:
                # As data: what Spark makes of an error of a worker is neither this class nor these words alone.
                rows = [(part, _ERROR, json.dumps([type(error).__name__, str(error)]).encode())]
            yield _batch_of(rows)
        _freeze_libraries(part_function.__name__)

    return work


def _assembled(name: str, blobs: Sequence[tuple[str, bytes]], schema: pa.Schema) -> pa.Table:
    """Put together the rows of one table of a part, in the order of the extract."""
    tables = [
        _table_of(blob).replace_schema_metadata().cast(schema) for of_table, blob in blobs if of_table == name
    ]
    return pa.concat_tables([schema.empty_table(), *tables]).sort_by(ROW_ID)


def _facts_part(
    tables: Mapping[str, pa.Table], facts: ExtractFacts, *, calendar: SchoolCalendar, row_id: str
) -> dict[str, pa.Table]:
    del facts  # not known yet
    return {
        "facts": pa.table({"facts": [extract_facts(**tables, calendar=calendar, row_id=row_id).to_json()]})
    }


@dataclass(frozen=True)
class _PackedModel:
    """A model on its way to the workers: the files of its artefact, and the checksum that they must have."""

    sha256: str
    archive: bytes

    @classmethod
    def of(cls, model: TrainedModel) -> _PackedModel:
        archive = io.BytesIO()
        with (
            tempfile.TemporaryDirectory() as place,
            zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file,
        ):
            sha256 = model.save(Path(place, "model"))
            for path in sorted(Path(place, "model").iterdir()):
                file.write(path, path.name)
        return cls(sha256, archive.getvalue())

    def unpacked(self) -> TrainedModel:
        """Read the model, once per process."""
        if self.sha256 not in _MODELS:
            with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(io.BytesIO(self.archive)) as file:
                file.extractall(place)
                _MODELS[self.sha256] = load_trained_model(place, sha256=self.sha256)
        return _MODELS[self.sha256]


_MODELS: Final[dict[str, TrainedModel]] = {}


def _raise_errors(report: FaultReport) -> None:
    if report.errors:
        raise FaultyRecordsError(report)


_ENGINE_TYPES: Final = {
    pa.large_string(): "string",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.int8(): "tinyint",
    pa.bool_(): "boolean",
    pa.timestamp("s"): "timestamp_ntz",
}


@dataclass(frozen=True)
class SparkScores:
    """What became of the pupils of an extract that was scored on Spark.

    Attributes
    ----------
    digest : ScoreDigest
        Counts, faults, and the first situations to be looked at.
    faults : FaultReport
        Every fault, in rows of the extract.
    request : ScoreRequest
        The choices of the run.
    runs : SparkRuns
        The parts.
    part_results : list of SparkPart
        What each part gave.
    """

    digest: ScoreDigest
    faults: FaultReport
    request: ScoreRequest
    runs: SparkRuns
    part_results: Sequence[Finished]

    def table(self, name: str) -> Table:
        """Give ``scores``, ``reasons``, ``contributions``, ``lists`` or ``faults`` as a DataFrame, for the lake.

        Parameters
        ----------
        name : str
            One of the tables of ``score_part``; columns as of ``SCHEMAS``, ``row_id`` among them. Rows in no order.
        """
        schema = SCHEMAS[name]
        columns = ", ".join(f"`{field.name}` {_ENGINE_TYPES[field.type]}" for field in schema)

        def read(batches: Iterator[Any]) -> Iterator[Any]:
            for batch in batches:
                for blob in batch.column("blob").to_pylist():
                    yield from _for_the_engine(_table_of(blob).select(schema.names)).to_batches()

        place = self.part_results[0].place  # type: ignore[attr-defined]  # every part is a SparkPart
        return place.results.filter(f"name = '{name}'").select("blob").mapInArrow(read, columns)

    def write(self, folder: str | Path) -> None:
        """Write the same files as ``RiskScores.write``, byte for byte, on the machine of the driver.

        Parameters
        ----------
        folder : str or Path
            A new or empty folder, or one that an earlier run wrote. A few thousand rows are held at a time.

        Raises
        ------
        RecordsError
            When it cannot be written.
        """
        with result_folder(folder, group=self.request.group) as result:
            write_parts(
                self.part_results, self.digest, result.draft, despite_verdict=self.request.despite_verdict
            )


def _for_the_engine(table: pa.Table) -> pa.Table:
    """Give a table the types of Arrow that every version of Spark takes."""
    narrow = {pa.large_string(): pa.string(), pa.timestamp("s"): pa.timestamp("us")}
    fields = [pa.field(field.name, narrow.get(field.type, field.type)) for field in table.schema]
    return table.cast(pa.schema(fields))


def score_spark(  # noqa: PLR0913 - the choices of a run, each with its default
    tables: Mapping[str, Table],
    *,
    as_of: object,
    model: TrainedModel | None = None,
    policy: Policy | None = None,
    explain: Explain | Collection[str] = "flagged",
    exclude: Iterable[str] = (),
    on_fault: str = "raise",
    calendar: SchoolCalendar | None = None,
    gaps: Collection[str] = (),
    parts: int | None = None,
    despite_verdict: bool = False,
    group: bool = False,
    work: str | None = None,
) -> SparkScores:
    """Score every pupil of the tables of a lake, on its engine.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By the name of the table, as for :class:`SparkRuns`; of Parquet, Delta, SQL ... whatever the engine reads.
    as_of, model, policy, explain, exclude, on_fault, calendar, gaps, despite_verdict, group
        As for ``score_folder``.
    parts : int, optional
        Into how many parts to split the pupils: one task each, so at least as many as there are cores. By
        :data:`PUPILS_PER_PART` when left out.
    work : str, optional
        As for :class:`SparkRuns`.

    Returns
    -------
    SparkScores

    Raises
    ------
    DecrochageError
        As for ``score_folder``.

    Warns
    -----
    DemoModelWarning, RecordsWarning
        As for ``score_pupils``.
    """
    refuse_other_inputs(model, policy)
    checked_parts(1, on_fault)
    request = score_request(
        as_of,
        model,
        policy,
        explain=explain,
        exclude=exclude,
        on_fault=on_fault,
        gaps=gaps,
        despite_verdict=despite_verdict,
        group=group,
    )
    runs = SparkRuns(tables, parts, calendar, request.as_of, work)
    part_results, digest = score_runs(runs, request, lambda _line, _done, _all: None)
    faults = merge_faults([each.faults for each in part_results], runs.shared)
    return SparkScores(digest, faults, request, runs, part_results)


def snapshots_spark(
    tables: Mapping[str, Table],
    *,
    on_fault: str = "raise",
    calendar: SchoolCalendar | None = None,
    parts: int | None = None,
    work: str | None = None,
) -> PartedRecords:
    """Give the tables of a lake to ``train_model``: its rows are made on the engine, and come to the machine that trains.

    Parameters
    ----------
    tables, on_fault, calendar, parts, work
        As for :func:`score_spark`; ``outcomes`` among the tables.

    Returns
    -------
    PartedRecords
        To be passed to ``train_model`` in place of records; the model has the same bytes.

    Raises
    ------
    FaultyRecordsError
        A table that no record can do without cannot be used.
    """
    checked_parts(1, on_fault)
    return PartedRecords(SparkRuns(tables, parts, calendar, work=work), raise_faults=on_fault == "raise")
