"""Tables written part by part, put into one file in the order of the pupils, a few rows at a time."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from decrochage_risk.score.writing import ROW_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

__all__ = ["in_order", "merge_tables", "write_part"]

PLACE = "place in the extract"
_BATCH = 4_096


def write_part(table: pd.DataFrame, place: npt.NDArray[np.int64], path: Path) -> None:
    """Write the rows of a part, in the order of their place.

    Parameters
    ----------
    table : DataFrame
        Rows of a part.
    place : (n,) int64 array
        Where each row stands in the whole; rows of one place stay in their order.
    path : Path
        An Arrow file, which keeps every type as it is.
    """
    order = np.argsort(place, kind="stable")
    rows = pa.Table.from_pandas(table).take(pa.array(order)).append_column(PLACE, pa.array(place[order]))
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with path.open("wb") as file, pa.ipc.new_file(file, rows.schema, options=options) as writer:
        writer.write_table(rows.combine_chunks(), max_chunksize=_BATCH)


def merge_tables(parts: Sequence[Path], target: Path) -> None:
    """Put tables of parts into one Parquet file, the same as pandas writes the whole table.

    Parameters
    ----------
    parts : sequence of Path
        What :func:`write_part` wrote; a place is in one part only.
    target : Path
        The file.
    """
    schema = _schema_of(parts)
    with pq.ParquetWriter(target, schema) as writer:
        waiting = schema.empty_table()
        for rows in in_order(parts):
            piece = (
                rows.drop_columns([PLACE])
                .cast(schema.remove_metadata())
                .replace_schema_metadata(schema.metadata)
            )
            waiting = pa.concat_tables([waiting, piece])
            while len(waiting) >= ROW_GROUP:
                writer.write_table(waiting.slice(0, ROW_GROUP).combine_chunks())
                waiting = waiting.slice(ROW_GROUP)
        if len(waiting) or not any(_schema_and_rows(path)[1] for path in parts):
            writer.write_table(waiting.combine_chunks())


def in_order(parts: Sequence[Path]) -> Iterator[Any]:
    """Stream the rows of several files, each sorted by place, in the order of their place."""
    with ExitStack() as opened:
        files = [opened.enter_context(path.open("rb")) for path in parts]
        yield from _merged([_batches_of(pa.ipc.open_file(file)) for file in files])


def _batches_of(file: Any) -> Iterator[Any]:  # noqa: ANN401 - pyarrow ships no types
    return (file.get_batch(number) for number in range(file.num_record_batches))


def _merged(streams: list[Iterator[Any]]) -> Iterator[Any]:
    held: list[Any] = [next(stream, None) for stream in streams]
    while any(rows is not None for rows in held):
        # Beyond the nearest last row that is held, rows of the files that end there may still come.
        last = min(rows.column(PLACE)[-1].as_py() for rows in held if rows is not None)
        ready = []
        for number, rows in enumerate(held):
            if rows is None:
                continue
            cut = int(np.searchsorted(rows.column(PLACE).to_numpy(), last, side="right"))
            ready.append(pa.Table.from_batches([rows.slice(0, cut)]))
            held[number] = rows.slice(cut) if cut < len(rows) else next(streams[number], None)
        together = pa.concat_tables(ready, promote_options="permissive")
        order = np.argsort(together.column(PLACE).to_numpy(), kind="stable")
        yield together.take(pa.array(order))


def _schema_of(parts: Sequence[Path]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Columns and pandas metadata of the whole: a column that is empty in one part may hold text in another."""
    files = [_schema_and_rows(path) for path in parts]
    schemas = [schema for schema, rows in files if rows] or [files[0][0]]
    schemas = [schema.remove(schema.get_field_index(PLACE)) for schema in schemas]
    whole = pa.unify_schemas(schemas, promote_options="permissive")
    kept = [json.loads(schema.metadata[b"pandas"]) for schema in schemas]
    pandas = kept[0]
    for place, column in enumerate(pandas["columns"]):
        same = [each["columns"][place] for each in kept]
        pandas["columns"][place] = next((each for each in same if each["pandas_type"] != "empty"), column)
    for index in pandas["index_columns"]:
        if isinstance(index, dict):
            index["stop"] = sum(rows for _, rows in files)
    return whole.with_metadata({b"pandas": json.dumps(pandas)})


def _schema_and_rows(path: Path) -> tuple[Any, int]:
    with path.open("rb") as file:
        opened = pa.ipc.open_file(file)
        return opened.schema, sum(batch.num_rows for batch in _batches_of(opened))
