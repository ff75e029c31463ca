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

from decrochage_risk.records.cells import CELL_RULES, EMPTY_TABLE
from decrochage_risk.records.fault_hints import words_for
from decrochage_risk.records.faults import FaultGroup, FaultReport
from decrochage_risk.records.rules import CROSS_RULES, ROW_RULES
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from decrochage_risk.records.faults import Severity


__all__ = ["CountedFaults", "PartFaults", "merge_counts", "merge_faults"]

_Key = tuple[str, str | None, str, str, str]
_CELL_RULE = {rule.name: rule for rule in CELL_RULES}
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
        found = [group.rows for group in self.groups if (group.table, group.rule) == (table, rule)]
        return np.concatenate([np.empty(0, dtype=np.int64), *found])

    @property
    def any_error(self) -> bool:
        """Whether there is an error among them."""
        return any(group.severity == "error" for group in self.groups)

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        words = ("table", "column", "rule", "severity", "expected", "hint")
        kept = [
            {word: getattr(group, word) for word in words}
            | {"rows": group.rows.tolist(), "values": [_kept(value) for value in group.values]}  # noqa: PD011 - a field
            for group in self.groups
        ]
        path.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> PartFaults:
        """Read what :meth:`save` wrote."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            tuple(
                FaultGroup(
                    **group
                    | {
                        "rows": np.array(group["rows"], dtype=np.int64),
                        "values": _objects(_given(*value) for value in group["values"]),
                    }
                )
                for group in kept
            )
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
        found = {tuple(name.split(" ")): count for name, count in counted.items()}
        return cls({(name[1], name[2]): count for name, count in found.items() if name[0] == severity})

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
    found: defaultdict[_Key, list[tuple[int, FaultGroup]]] = defaultdict(list)
    for part, faults in enumerate(parts):
        for group in faults.groups:
            found[_key(group)].append((part, group))
    merged = (_merged(groups, len(parts), (shared or {}).get(key[0])) for key, groups in found.items())
    kept = [group for group in merged if group is not None]
    return FaultReport(tuple(sorted(kept, key=_rank)))


def merge_counts(parts: Iterable[PartFaults], shared: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, int]:
    """Count the faults of every part, "severity table rule", without holding their rows at once.

    Parameters
    ----------
    parts : iterable of PartFaults
        Of every part; looked at one by one.
    shared : mapping of str to int64 array
        Per table, rows of the extract that every part holds.
    """
    counted: Counter[str] = Counter()
    few: list[PartFaults] = []
    for part in parts:
        apart = tuple(group for group in part.groups if not group.rows.size or group.table in shared)
        few.append(PartFaults(apart))
        for group in part.groups:
            if group.rows.size and group.table not in shared:
                counted[_name(group)] += len(group)
    for group in merge_faults(few, shared).groups:
        counted[_name(group)] += len(group)
    return dict(sorted(counted.items()))


def _name(group: FaultGroup) -> str:
    return f"{group.severity} {group.table} {group.rule}"


def _key(group: FaultGroup) -> _Key:
    """Give what makes two groups one: the advice on cells is made anew for all of them, other advice tells groups apart."""
    if group.rule in _CELL_RULE and group.rows.size:
        return (group.table, group.column, group.rule, "", "")
    return (group.table, group.column, group.rule, group.expected, group.hint)


def _merged(
    groups: list[tuple[int, FaultGroup]], parts: int, shared: npt.NDArray[np.int64] | None
) -> FaultGroup | None:
    first = groups[0][1]
    in_parts = len({part for part, _ in groups})
    if not first.rows.size:
        return first if first.rule != EMPTY_TABLE.name or in_parts == parts else None
    rows = np.concatenate([group.rows for _, group in groups])
    values = np.concatenate([group.values for _, group in groups])  # noqa: PD011 - a field of FaultGroup
    if shared is not None and shared.size:
        of_part = np.repeat([part for part, _ in groups], [len(group) for _, group in groups])
        told = pd.DataFrame({"row": rows, "part": of_part}).groupby("row")["part"].nunique()
        missing = told.index[(told < parts).to_numpy() & told.index.isin(shared)]
        kept = ~np.isin(rows, missing.to_numpy())
        rows, values = rows[kept], values[kept]
    rows, place = np.unique(rows, return_index=True)
    return _worded(first, rows, values[place]) if rows.size else None


def _worded(group: FaultGroup, rows: npt.NDArray[np.int64], values: npt.NDArray[np.object_]) -> FaultGroup:
    merged = replace(group, rows=rows, values=values)
    if group.rule not in _CELL_RULE or group.column is None:
        return merged
    expected, hint = words_for(_CELL_RULE[group.rule], TABLES[group.table].column(group.column), values)
    return replace(merged, expected=expected, hint=hint)


def _rank(group: FaultGroup) -> tuple[int, int, int, int, str, str]:
    names = list(TABLES)
    columns = TABLES[group.table].column_names if group.table in TABLES else ()
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
    listed = list(values)
    made = np.empty(len(listed), dtype=object)
    made[:] = listed
    return made
