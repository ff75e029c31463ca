"""A table as it came: a pandas frame, an Arrow table or lists, whose cells nobody has looked at yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from decrochage_risk.records.parquet_files import frame_of_arrow

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RawTable"]


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """Columns as they came.

    Attributes
    ----------
    names : tuple of str
        Names of the columns; a name may be there twice.
    cells : tuple
        Per column a pandas Series, an Arrow ``ChunkedArray`` or a list of Python values.
    size : int
        Number of rows.
    texts : frozenset of str
        Columns of text that were read as Arrow dictionaries.
    """

    names: tuple[str, ...]
    cells: tuple[Any, ...]
    size: int
    texts: frozenset[str] = frozenset()

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> RawTable:
        """Take the columns of a pandas frame; its index is not used."""
        cells = tuple(frame.iloc[:, place] for place in range(frame.shape[1]))
        return cls(tuple(map(str, frame.columns)), cells, len(frame))

    @classmethod
    def of_arrow(cls, table: Any, texts: frozenset[str] = frozenset()) -> RawTable:  # noqa: ANN401 - pyarrow ships no types
        """Take the columns of an Arrow table."""
        return cls(tuple(table.column_names), tuple(table.columns), table.num_rows, texts)

    @classmethod
    def of_lists(cls, columns: Mapping[str, list[Any]], size: int) -> RawTable:
        """Take columns that are lists of one length."""
        return cls(tuple(columns), tuple(columns.values()), size)

    def series(self, place: int) -> pd.Series:
        """Give one column as a pandas Series, rows counted from 0."""
        cells = self.cells[place]
        if isinstance(cells, pd.Series):
            return cells.reset_index(drop=True)
        if isinstance(cells, list):
            return pd.Series(cells) if cells else pd.Series(dtype="str")
        made: pd.Series = frame_of_arrow(pa.table({"cells": self._plain(place)}))["cells"]
        return made

    def _plain(self, place: int) -> Any:  # noqa: ANN401 - an Arrow ChunkedArray
        cells = self.cells[place]
        return cells.cast(pa.large_string()) if self.names[place] in self.texts else cells

    def frame(self) -> pd.DataFrame:
        """Give the table as a pandas frame."""
        if not self.cells:
            return pd.DataFrame(index=pd.RangeIndex(self.size))
        if isinstance(self.cells[0], pa.ChunkedArray):
            plain = [self._plain(place) for place in range(len(self.names))]
            return frame_of_arrow(pa.table(plain, names=list(self.names)))
        made: pd.DataFrame = pd.concat([self.series(place) for place in range(len(self.names))], axis=1)
        return made.set_axis(list(self.names), axis=1)
