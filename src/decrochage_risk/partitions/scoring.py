"""Scoring a folder of extracts into a folder of results, at once or, when it is larger than memory, part by part.

Each part goes through :func:`~decrochage_risk.partitions.parts.score_part`; what the parts give is put into one file in the
order of the pupils, a few rows at a time.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from decrochage_risk import errors
from decrochage_risk.errors import DecrochageError, DemoModelWarning, RecordsError, explain_error, warn_caller
from decrochage_risk.partitions.merged_faults import merge_counts
from decrochage_risk.partitions.parts import (
    COMPLETION,
    ROW_ID,
    merge_transmissions,
    score_part,
    transmission_part,
)
from decrochage_risk.partitions.runs import PartRuns, choose_parts, fingerprint
from decrochage_risk.partitions.splitting import checked_parts
from decrochage_risk.policy import load_policy
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.reading import read_folder
from decrochage_risk.records.transmission import check_gaps
from decrochage_risk.result_folders import ResultFolder, hold, refuse_foreign, work_beside
from decrochage_risk.school_year import SchoolCalendar, day_number, to_date
from decrochage_risk.score.digest import ScoreDigest
from decrochage_risk.score.run_facts import load_demo_model
from decrochage_risk.score.scoring import (
    refuse_other_inputs,
    score_pupils,
    unknown_exclude,
    unknown_explain,
    warn_of_demo,
)
from decrochage_risk.score.writing import (
    ROW_GROUP,
    lists_of_schools,
    lists_to_write,
    result_folder,
    schools_of_run,
    write_completion_lists,
    write_scores,
    write_verdict,
)
from decrochage_risk.threads import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.partitions.runs import Finished, PartEngine
    from decrochage_risk.policy import Policy
    from decrochage_risk.score.risk_scores import RiskScores
    from decrochage_risk.score.scoring import Explain


__all__ = [
    "FolderScores",
    "ScoreRequest",
    "in_order",
    "merge_tables",
    "score_folder",
    "score_parts",
    "score_runs",
    "write_parts",
]


@dataclass(frozen=True)
class FolderScores:
    """What became of a folder of extracts.

    Attributes
    ----------
    folder : Path
        Where the scores are: ``scores.parquet``, ``reasons.parquet``, ``contributions.parquet``, ``run.json``, ``listes/``.
    digest : ScoreDigest
        Counts, faults, and the first situations to be looked at.
    parts : int
        Into how many parts the pupils were split; 1 when all were scored at once.
    notes, ignored : tuple of str
        What was decided, and which files were not read, while reading the extracts.
    """

    folder: Path
    digest: ScoreDigest
    parts: int
    notes: tuple[str, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class ScoreRequest:
    """The choices of a run, as of ``score_pupils``.

    Attributes
    ----------
    as_of : date
    model : TrainedModel
    policy : Policy
    explain : {"flagged", "all", "none"} or collection of pupil ids
    exclude : tuple of str
    raise_faults : bool
        Whether an error in the records is raised.
    gaps : tuple of str
        Tables whose gaps are meant.
    despite_verdict : bool
        Whether the list of the risk is written though the card of the model says not to issue one.
    group : bool
        Whether the group of the folder of results may read it.
    """

    as_of: date
    model: TrainedModel
    policy: Policy
    explain: Explain | Collection[str]
    exclude: tuple[str, ...]
    raise_faults: bool
    gaps: tuple[str, ...] = ()
    despite_verdict: bool = False
    group: bool = False

    @property
    def explained(self) -> tuple[str, ...]:
        """Pupils to explain that were named by their id."""
        has_ids = isinstance(self.explain, Collection) and not isinstance(self.explain, str)
        return tuple(self.explain) if has_ids else ()

    def score(self, records: PupilRecords) -> RiskScores:
        """Score the records of everybody."""
        return self._score(records, self.explain, self.exclude)

    def score_part(self, records: PupilRecords, here: Collection[str]) -> RiskScores:
        """Score the records of some pupils, of whom only these were named by their id."""
        # A part holds some of the pupils only: an id of another part would be refused as unknown.
        explain = [pupil for pupil in self.explained if pupil in here] if self.explained else self.explain
        return self._score(records, explain, [pupil for pupil in self.exclude if pupil in here])

    def _score(
        self, records: PupilRecords, explain: Explain | Collection[str], exclude: Iterable[str]
    ) -> RiskScores:
        return score_pupils(
            records,
            as_of=self.as_of,
            model=self.model,
            policy=self.policy,
            explain=explain,
            exclude=exclude,
            gaps=self.gaps,
        )

    def choices(self) -> dict[str, object]:
        """Everything that the results depend on besides the records, as JSON values."""
        return {
            "as_of": self.as_of.isoformat(),
            "model": [self.model.model_id, self.model.sha256, self.model.demo],
            "policy": self.policy.version,
            "explain": list(self.explained) or str(self.explain),
            # An objection changes results: a run in parts must not go on from one without it.
            "exclude": list(self.exclude),
            "raise_faults": self.raise_faults,
            "gaps": list(self.gaps),
        }


def ids_of(exclude: Iterable[str]) -> tuple[str, ...]:
    """Give the ids of pupils to leave out.

    Raises
    ------
    RecordsError
        When they are no collection of ids.
    """
    if not isinstance(exclude, Iterable):
        raise RecordsError(
            explain_error(
                f"exclude={exclude!r}",
                expected="ids of pupils, of those whose family objected",
                hint='For one pupil: exclude=["a1"]; for nobody, leave exclude out.',
            )
        )
    # One id is a text, and a text is an iterable of its letters.
    return (exclude,) if isinstance(exclude, str) else tuple(exclude)


def merge_tables(parts: Sequence[Path], target: Path) -> None:
    """Put tables of parts into one Parquet file, the same as pandas writes the whole table.

    Parameters
    ----------
    parts : sequence of Path
        Tables of :func:`~decrochage_risk.partitions.parts.score_part`, each sorted by place; a place is in one part only.
    target : Path
        The file.
    """
    schema = _schema_of(parts)
    with pq.ParquetWriter(target, schema) as writer:
        # Row groups as pandas cuts them: the file of the parts is then the file of the whole, byte for byte.
        waiting = schema.empty_table()
        for rows in in_order(parts):
            piece = (
                rows.drop_columns([ROW_ID])
                .cast(schema.remove_metadata())
                .replace_schema_metadata(schema.metadata)
            )
            waiting = pa.concat_tables([waiting, piece])
            while len(waiting) >= ROW_GROUP:
                writer.write_table(waiting.slice(0, ROW_GROUP).combine_chunks())
                waiting = waiting.slice(ROW_GROUP)
        # Without any row there is still one, empty, row group with the schema.
        if len(waiting) or not any(_schema_and_rows(path)[1] for path in parts):
            writer.write_table(waiting.combine_chunks())


def in_order(parts: Sequence[Path]) -> Iterator[Any]:
    """Stream the rows of several files, each sorted by place, in the order of their place."""
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")) for path in parts]
        yield from _merged([_batches_of(pa.ipc.open_file(file)) for file in files])


def _batches_of(file: Any) -> Iterator[Any]:  # noqa: ANN401 - pyarrow ships no types
    return (file.get_batch(number) for number in range(file.num_record_batches))


def _merged(streams: list[Iterator[Any]]) -> Iterator[Any]:
    first_batches: list[Any] = [next(stream, None) for stream in streams]
    while any(rows is not None for rows in first_batches):
        # Beyond the nearest last row that is held, rows of the files that end there may still come.
        last = min(rows.column(ROW_ID)[-1].as_py() for rows in first_batches if rows is not None)
        ready = []
        for number, rows in enumerate(first_batches):
            if rows is None:
                continue
            cut = int(np.searchsorted(rows.column(ROW_ID).to_numpy(), last, side="right"))
            ready.append(pa.Table.from_batches([rows.slice(0, cut)]))
            first_batches[number] = rows.slice(cut) if cut < len(rows) else next(streams[number], None)
        together = pa.concat_tables(ready, promote_options="permissive")
        order = np.argsort(together.column(ROW_ID).to_numpy(), kind="stable")
        yield together.take(pa.array(order))


def _schema_of(parts: Sequence[Path]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Columns and pandas metadata of the whole: a column that is empty in one part may hold text in another."""
    files = [_schema_and_rows(path) for path in parts]
    # A part without a pupil has the declared columns alone: what pandas says of them comes from a part that had some.
    with_pupils = [(schema, rows) for schema, rows in files if schema.metadata] or files
    schemas = [schema for schema, rows in with_pupils if rows] or [with_pupils[0][0]]
    schemas = [schema.remove(schema.get_field_index(ROW_ID)) for schema in schemas]
    whole = pa.unify_schemas(schemas, promote_options="permissive")
    if any(schema.metadata is None for schema in schemas):
        return whole
    pandas_metadata = [json.loads(schema.metadata[b"pandas"]) for schema in schemas]
    pandas = pandas_metadata[0]
    for place, column in enumerate(pandas["columns"]):
        # A column that is all missing in the first part is "empty" in its metadata: the first that knows
        # better counts.
        same = [each["columns"][place] for each in pandas_metadata]
        pandas["columns"][place] = next((each for each in same if each["pandas_type"] != "empty"), column)
    for index in pandas["index_columns"]:
        if isinstance(index, dict):
            index["stop"] = sum(rows for _, rows in files)
    return whole.with_metadata({b"pandas": json.dumps(pandas)})


def _schema_and_rows(path: Path) -> tuple[Any, int]:
    with path.open("rb") as file:
        reader = pa.ipc.open_file(file)
        return reader.schema, sum(batch.num_rows for batch in _batches_of(reader))


def score_request(  # noqa: PLR0913 - one argument per choice of a run
    as_of: object,
    model: TrainedModel | None,
    policy: Policy | None,
    *,
    explain: Explain | Collection[str],
    exclude: Iterable[str],
    on_fault: str,
    gaps: Collection[str],
    despite_verdict: bool,
    group: bool,
) -> ScoreRequest:
    """Check the choices of a run by parts and fill in what was left out, on any engine."""
    request = ScoreRequest(
        to_date(as_of),
        model or load_demo_model(),
        policy or load_policy(),
        explain,
        ids_of(exclude),
        raise_faults=on_fault == "raise",
        gaps=check_gaps(gaps),
        despite_verdict=despite_verdict,
        group=group,
    )
    warn_of_demo(request.model)
    return request


_TABLES = ("scores", "reasons", "contributions")


def score_parts(
    source: Path,
    target: Path,
    request: ScoreRequest,
    parts: int,
    calendar: SchoolCalendar | None,
    progress: Callable[[str, int, int], None],
) -> FolderScores:
    """Score a folder part by part.

    Parameters
    ----------
    source, target : Path
        Extracts, and where the results are written.
    request : ScoreRequest
        The choices.
    parts : int
        How many.
    calendar : SchoolCalendar, optional
        As for ``PupilRecords.read``.
    progress : callable
        As for ``score_folder``.
    """
    try:
        # Held until the working copy is gone, and refused before hours of work.
        with hold(target):
            refuse_foreign(target)
            choices = request.choices() | {"calendar": None if calendar is None else calendar.version}
            progress("Empreinte des fichiers", 0, 0)
            runs = PartRuns(
                source,
                work_beside(target),
                parts,
                key=fingerprint(source, choices),
                calendar=calendar,
                started_before=request.as_of,
                progress=progress,
            )
            try:
                parts_done, digest = score_runs(runs, request, progress)
            except DecrochageError:
                runs.clear()  # the files or the choices will change
                raise
            with ResultFolder(target, group=request.group, held=True) as result:
                write_parts(parts_done, digest, result.draft, despite_verdict=request.despite_verdict)
            runs.clear()
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"The scores cannot be written into {target} ({error.strerror or error})",
                expected="a folder that can be made and written, with room for a copy of the extracts beside it",
                hint="Make room or choose another folder; started again, the run goes on where it stopped.",
            )
        ) from error
    return FolderScores(target, digest, parts, runs.split.notes, runs.split.ignored)


def score_runs(
    runs: PartEngine, request: ScoreRequest, progress: Callable[[str, int, int], None]
) -> tuple[list[Finished], ScoreDigest]:
    """Score the parts of an extract, whatever engine works on them.

    Parameters
    ----------
    runs : PartEngine
        The parts.
    request : ScoreRequest
        The choices.
    progress : callable
        As for ``score_folder``.

    Returns
    -------
    list of Finished
        What :func:`~decrochage_risk.partitions.parts.score_part` gave of every part.
    ScoreDigest
        Of all of them.

    Raises
    ------
    DecrochageError
        As for ``score_folder``.
    """
    # What a school has sent is known only once every part is read, so the parts are gone through twice.
    transmissions = runs.run(
        transmission_part,
        {"as_of": request.as_of},
        "Tables transmises",
        raise_faults=request.raise_faults,
        step="sent",
    )
    transmission = merge_transmissions(
        [{"transmissions": each.table("transmissions")} for each in transmissions]
    )
    choices = {
        "as_of": request.as_of,
        "model": request.model,
        "policy": request.policy,
        "explain": request.explain,
        "exclude": request.exclude,
        "on_fault": "raise" if request.raise_faults else "quarantine",
        "gaps": request.gaps,
        "transmission": transmission,
    }
    parts = runs.run(score_part, choices, "Scores et motifs", raise_faults=request.raise_faults)
    if not parts:
        runs.people().known_on(request.as_of)  # says why nobody is known on that day
    digests = pa.concat_tables([each.table("digest") for each in parts]).to_pydict()
    _refuse_unknown(request, {pupil for text in digests["named"] for pupil in json.loads(text)})
    _say_warnings(parts)
    progress("Écriture", 0, 0)
    digest = ScoreDigest.merged(
        [ScoreDigest.from_dict(json.loads(text)) for text in digests["digest"]],
        merge_counts((each.faults.known_before(day_number(request.as_of)) for each in parts), runs.shared),
    )
    for warning in (*digest.run.warnings(), *digest.returns.warnings()):
        warn_caller(warning)
    return parts, digest


def _say_warnings(parts: Sequence[Finished]) -> None:
    """Give each warning of a part once, as if everybody had been scored at once."""
    rows = [row for each in parts for row in each.table("warnings").to_pylist()]
    for category, text in dict.fromkeys((row["category"], row["text"]) for row in rows):
        warn_caller(text, getattr(errors, category))


def _refuse_unknown(request: ScoreRequest, known_ids: set[str]) -> None:
    """Say which pupils named by their id are in no part."""
    if strangers := [pupil for pupil in request.explained if pupil not in known_ids]:
        raise unknown_explain(strangers)
    if strangers := [pupil for pupil in request.exclude if pupil not in known_ids]:
        warn_caller(unknown_exclude(strangers))


def write_parts(
    parts: Sequence[Finished], digest: ScoreDigest, target: Path, *, despite_verdict: bool
) -> None:
    """Write what :func:`score_runs` gave: the same files as ``RiskScores.write``, into an empty folder."""
    lists = target / "listes"
    lists.mkdir()
    for name in _TABLES:
        merge_tables([each.path(name) for each in parts], target / f"{name}.parquet")
    run = json.dumps(digest.run.to_dict(), ensure_ascii=False, indent=1)
    (target / "run.json").write_text(f"{run}\n", encoding="utf-8")
    write_verdict(digest.run, lists, despite_verdict=despite_verdict)
    rows = pa.concat_tables([each.table("lists") for each in parts])
    schools = schools_of_run(pd.read_parquet(target / "scores.parquet", columns=["school_id"]))
    ways = lists_to_write(digest.run, despite_verdict=despite_verdict)
    for way in ways:
        tables = _tables_of_schools(rows, way)
        lists_of_schools(tables, schools, way, digest.run.as_of, lists, verdict=digest.run.verdict)
    if "risk" in ways:
        write_completion_lists(_tables_of_schools(rows, COMPLETION), lists)


def _tables_of_schools(rows: pa.Table, way: str) -> dict[Any, pd.DataFrame]:
    """Gather the lines of one list by school, each in the order of its list."""
    of_way = rows.filter(pc.and_(pc.equal(rows.column("way"), way), pc.is_valid(rows.column("school_id"))))
    tables = {}
    for school, of_school in of_way.to_pandas().groupby("school_id", sort=True):
        lines = of_school.sort_values(["class_id", "pupil_id"], kind="stable", na_position="last")
        tables[school] = pd.DataFrame([json.loads(line) for line in lines["line"]])
    return tables


_STEPS = 3


def score_folder(  # noqa: PLR0913 - the choices of a run, each with its default
    folder: str | Path,
    out: str | Path,
    *,
    as_of: object,
    model: TrainedModel | None = None,
    policy: Policy | None = None,
    explain: Explain | Collection[str] = "flagged",
    exclude: Iterable[str] = (),
    on_fault: str = "raise",
    calendar: SchoolCalendar | None = None,
    gaps: Collection[str] = (),
    partitions: int | None = None,
    despite_verdict: bool = False,
    group: bool = False,
    progress: bool | Callable[[str, int, int], None] = False,
) -> FolderScores:
    """Score every pupil of a folder of extracts, and write the results.

    A folder that does not fit in memory is split by pupil, in one pass, into parts that do; each goes through the same code,
    and the results are the same bytes. The work in progress stands beside ``out``, in ``.NAME.partitions``: a run that was
    stopped goes on there when it is started again with the same files and choices, and the folder is removed at the end.

    Parameters
    ----------
    folder, out : str or Path
        Extracts, as for ``PupilRecords.read``, and where to write, as ``RiskScores.write`` does.
    as_of, model, policy, explain, exclude
        As for ``score_pupils``.
    on_fault : {"raise", "quarantine"}
        As for ``PupilRecords``.
    calendar : SchoolCalendar, optional
        As for ``PupilRecords.read``.
    gaps : collection of {"absences", "grades"}
        As for ``score_pupils``.
    partitions : int, optional
        Into how many parts to split; 1 scores everybody at once. By the size of the files and the memory that is free when
        left out.
    despite_verdict : bool
        Write the list of the risk though the card of the model says not to issue one.
    group : bool
        Whether the group of ``out`` may read the results; their owner alone otherwise.
    progress : bool or callable
        True shows the steps on a bar; a callable is told each with a French line, how much is done and how much there is (0: not known).

    Returns
    -------
    FolderScores

    Raises
    ------
    DecrochageError
        As for ``PupilRecords.read`` and ``score_pupils``; RecordsError also when the results cannot be written.

    Warns
    -----
    DemoModelWarning, RecordsWarning
        As for ``score_pupils``.

    Examples
    --------
    >>> import tempfile, warnings
    >>> from decrochage_risk.synthetic import make_cohort
    >>> with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the demonstration model says that it is one
    ...     _ = make_cohort(30, [2023, 2024], seed=1).write(f"{place}/extracts")
    ...     done = score_folder(f"{place}/extracts", f"{place}/scores", as_of="2025-03-05", partitions=2)
    >>> done.parts, done.digest.pupils
    (2, 30)
    """
    source, target = Path(folder), Path(out)
    refuse_other_inputs(model, policy)
    count = checked_parts(choose_parts(source) if partitions is None else partitions, on_fault)
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
    with progress_bar(progress) as tell, warnings.catch_warnings():
        warnings.simplefilter("ignore", DemoModelWarning)  # said once, above
        if count == 1:
            return _score_at_once(source, target, request, calendar, tell)
        return score_parts(source, target, request, count, calendar, tell)


def _score_at_once(
    source: Path,
    target: Path,
    request: ScoreRequest,
    calendar: SchoolCalendar | None,
    progress: Callable[[str, int, int], None],
) -> FolderScores:
    with result_folder(target, group=request.group) as result:  # refused before the work, not after
        progress("Lecture et vérification des extraits", 0, _STEPS)
        extracts = read_folder(source)
        records = PupilRecords.of_folder(
            extracts,
            on_fault="raise" if request.raise_faults else "quarantine",
            calendar=calendar,
            as_of=request.as_of,
        )
        progress("Scores et motifs", 1, _STEPS)
        scores = request.score(records)
        progress("Écriture", 2, _STEPS)
        write_scores(scores, result.draft, despite_verdict=request.despite_verdict)
    return FolderScores(target, ScoreDigest.of(scores), 1, extracts.notes, extracts.ignored)
