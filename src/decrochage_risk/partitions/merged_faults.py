"""The faults of the parts of an extract as one report, the same as if the extract had been checked at once.

Rows of a part become rows of the extract. What every part holds (a school's coverage, a missing column) is told once; what
is a fault only where nobody of a part is concerned (a school without pupils) is one only if it is so in every part.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from decrochage_risk.records.fault_hints import faults_known_before, worded_again
from decrochage_risk.records.faults import FaultGroup, FaultReport
from decrochage_risk.records.rules import CELL_RULES, CROSS_RULES, EMPTY_TABLE, ROW_RULES
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from decrochage_risk.records.faults import Severity


__all__ = ["FAULTS_SCHEMA", "CountedFaults", "PartFaults", "merge_counts", "merge_faults"]

_Key = tuple[str, str | None, str, str, str]
_OF_CELLS = frozenset(rule.name for rule in CELL_RULES)
_ORDER = [rule.name for rule in (*CELL_RULES, *(row.rule for row in ROW_RULES), *CROSS_RULES)]


@dataclass(frozen=True)
class PartFaults:
    """The faults of one part, in rows of the extract.

    Attributes
    ----------
    groups : tuple of FaultGroup
    """

    groups: tuple[FaultGroup, ...]

    @classmethod
    def of(cls, report: FaultReport, rows: Mapping[str, npt.NDArray[np.int64]]) -> PartFaults:
        """Take the report of a part.

        Parameters
        ----------
        report : FaultReport
            In rows of the part.
        rows : mapping of str to int64 array
            Per table, where each row of the part stood in the extract.
        """
        groups = (
            replace(group, rows=rows[group.table][group.rows]) if group.rows.size else group
            for group in report.groups
        )
        return cls(tuple(groups))

    def rows_of(self, table: str, rule: str) -> npt.NDArray[np.int64]:
        """Rows of the extract that break one rule."""
        rows = [group.rows for group in self.groups if (group.table, group.rule) == (table, rule)]
        return np.concatenate([np.empty(0, dtype=np.int64), *rows])

    def known_before(self, day: int) -> PartFaults:
        """Keep those of what was known before a day number."""
        return PartFaults(faults_known_before(FaultReport(self.groups), day).groups)

    @property
    def any_error(self) -> bool:
        """Whether there is an error among them."""
        return any(group.severity == "error" for group in self.groups)

    def to_arrow(self) -> pa.Table:
        """Write them as a table: one row per faulty row, one for a fault of a whole table, values as JSON."""
        columns: dict[str, list[object]] = {name: [] for name in FAULTS_SCHEMA.names}
        for number, group in enumerate(self.groups):
            whole = not group.rows.size
            rows = [None] if whole else group.rows.tolist()
            known_days = [None] * len(rows) if group.known is None else group.known.tolist()
            # A sentinel, as None is a value that a cell may have had.
            values = list(group.values) or [_NOTHING]
            for row, value, day in zip(rows, values, known_days, strict=True):
                columns["group"].append(number)
                columns["row_id"].append(row)
                columns["known"].append(day)
                columns["value"].append(
                    None if value is _NOTHING else json.dumps(_kept(value), ensure_ascii=False)
                )
                for word in _WORDS:
                    columns[word].append(getattr(group, word))
        return pa.table(columns, schema=FAULTS_SCHEMA)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> PartFaults:
        """Read what :meth:`to_arrow` wrote."""
        groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in table.to_pylist():
            groups[row["group"]].append(row)
        return cls(tuple(_group_of(rows) for rows in groups.values()))

    def save(self, path: Path) -> None:
        """Write them as an Arrow file."""
        with path.open("wb") as file, pa.ipc.new_file(file, FAULTS_SCHEMA) as writer:
            writer.write_table(self.to_arrow())

    @classmethod
    def load(cls, path: Path) -> PartFaults:
        """Read what :meth:`save` wrote."""
        with path.open("rb") as file:
            return cls.from_arrow(pa.ipc.open_file(file).read_all())


_WORDS = ("table", "column", "rule", "severity", "expected", "hint", "meaning", "remedy")
_NOTHING = object()

FAULTS_SCHEMA = pa.schema(
    [
        pa.field("group", pa.int64()),
        pa.field("row_id", pa.int64()),
        pa.field("known", pa.int64()),
        pa.field("value", pa.large_string()),
        *(pa.field(word, pa.large_string()) for word in _WORDS),
    ]
)
"""Columns of the faults of a part: the group that a row belongs to, its row in the extract and the day number
from which it is known, what stood there."""


def _group_of(rows: list[dict[str, Any]]) -> FaultGroup:
    words = {word: rows[0][word] for word in _WORDS}
    places = [row["row_id"] for row in rows if row["row_id"] is not None]
    values = [_given(*json.loads(row["value"])) for row in rows if row["value"] is not None]
    days = [row["known"] for row in rows if row["known"] is not None]
    known_days = np.array(days, dtype=np.int64) if days else None
    return FaultGroup(
        **words, rows=np.array(places, dtype=np.int64), values=_objects(values), known=known_days
    )


@dataclass(frozen=True)
class CountedFaults:
    """Faults of which only the number is kept.

    Attributes
    ----------
    counts : dict of tuple of str to int
        Faulty rows per table and rule, as of :class:`FaultReport`.
    """

    counts: dict[tuple[str, str], int]

    @classmethod
    def of(cls, counted: Mapping[str, int], severity: Severity) -> CountedFaults:
        """Take those of one severity out of what :func:`merge_counts` gives."""
        count_by_name = {tuple(name.split(" ")): count for name, count in counted.items()}
        return cls(
            {(name[1], name[2]): count for name, count in count_by_name.items() if name[0] == severity}
        )

    def __len__(self) -> int:
        return sum(self.counts.values())


def merge_faults(
    parts: Sequence[PartFaults], shared: Mapping[str, npt.NDArray[np.int64]] | None = None
) -> FaultReport:
    """Make one report of those of the parts.

    Parameters
    ----------
    parts : sequence of PartFaults
        Of every part.
    shared : mapping of str to int64 array, optional
        Per table, rows of the extract that every part holds.

    Returns
    -------
    FaultReport
        Groups by table, column and rule; rows ascending.
    """
    groups_by_key: defaultdict[_Key, list[tuple[int, FaultGroup]]] = defaultdict(list)
    for part, faults in enumerate(parts):
        for group in faults.groups:
            groups_by_key[_key(group)].append((part, group))
    merged_groups = (
        _merged(groups, len(parts), (shared or {}).get(key[0])) for key, groups in groups_by_key.items()
    )
    groups_left = [group for group in merged_groups if group is not None]
    return FaultReport(tuple(sorted(groups_left, key=_rank)))


def merge_counts(parts: Iterable[PartFaults], shared: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, int]:
    """Count the faults of every part, "severity table rule", without holding their rows at once.

    Parameters
    ----------
    parts : iterable of PartFaults
        Of every part; looked at one by one.
    shared : mapping of str to int64 array
        Per table, rows of the extract that every part holds.
    """
    counts: Counter[str] = Counter()
    few: list[PartFaults] = []
    for part in parts:
        # Only what several parts may report is compared; the rest, nearly all of it, is counted as it comes.
        apart = tuple(group for group in part.groups if not group.rows.size or group.table in shared)
        few.append(PartFaults(apart))
        for group in part.groups:
            if group.rows.size and group.table not in shared:
                counts[_name(group)] += len(group)
    for group in merge_faults(few, shared).groups:
        counts[_name(group)] += len(group)
    return dict(sorted(counts.items()))


def _name(group: FaultGroup) -> str:
    return f"{group.severity} {group.table} {group.rule}"


def _key(group: FaultGroup) -> _Key:
    """Give what makes two groups one: the advice on cells is made anew for all of them, other advice tells groups apart."""
    if group.rule in _OF_CELLS and group.rows.size:
        return (group.table, group.column, group.rule, "", "")
    return (group.table, group.column, group.rule, group.expected, group.hint)


def _merged(
    groups: list[tuple[int, FaultGroup]], parts: int, shared: npt.NDArray[np.int64] | None
) -> FaultGroup | None:
    first = groups[0][1]
    in_parts = len({part for part, _ in groups})
    if not first.rows.size:
        # A part without pupils of a table is no empty extract.
        return first if first.rule != EMPTY_TABLE.name or in_parts == parts else None
    rows = np.concatenate([group.rows for _, group in groups])
    values = np.concatenate([group.values for _, group in groups])  # noqa: PD011 - a field of FaultGroup
    day_lists = [group.known for _, group in groups if group.known is not None]
    known_days = np.concatenate(day_lists) if len(day_lists) == len(groups) else None
    # Shared rows stand in every part: a fault that one part does not see (its school has pupils there) is
    # none.
    if shared is not None and shared.size:
        of_part = np.repeat([part for part, _ in groups], [len(group) for _, group in groups])
        parts_per_row = pd.DataFrame({"row": rows, "part": of_part}).groupby("row")["part"].nunique()
        missing = parts_per_row.index[(parts_per_row < parts).to_numpy() & parts_per_row.index.isin(shared)]
        in_every_part = ~np.isin(rows, missing.to_numpy())
        rows, values = rows[in_every_part], values[in_every_part]
        known_days = None if known_days is None else known_days[in_every_part]
    # In the order of the extract, and each row once, however many parts reported it.
    rows, place = np.unique(rows, return_index=True)
    if not rows.size:
        return None
    known_days = None if known_days is None else known_days[place]
    return worded_again(replace(first, rows=rows, values=values[place], known=known_days))


def _rank(group: FaultGroup) -> tuple[int, int, int, int, str, str]:
    names = list(TABLES)
    columns = TABLES[group.table].column_names if group.table in TABLES else ()
    # The order in which the checks of a whole extract report: first within tables, then across.
    across = _ORDER.index(group.rule) >= _ORDER.index(CROSS_RULES[0].name)
    return (
        int(across),
        names.index(group.table) if group.table in names else len(names),
        columns.index(group.column) if group.column in columns else -1,
        _ORDER.index(group.rule),
        group.expected,
        group.hint,
    )


def _kept(value: object) -> tuple[str, Any]:
    """Write a cell so that it comes back as it was, or at least shows as it did."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return "missing", None
    if isinstance(value, pd.Timestamp):
        return "time", value.isoformat()
    if isinstance(value, float):
        return "float", repr(value)  # also infinity, which JSON lacks
    return ("as it is", value) if isinstance(value, str | int | bool) else ("text", str(value))


def _given(kind: str, value: Any) -> object:  # noqa: ANN401 - any JSON value
    if kind == "time":
        return pd.Timestamp(value)
    return float(value) if kind == "float" else value


def _objects(values: Iterable[object]) -> npt.NDArray[np.object_]:
    cells = list(values)
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array
