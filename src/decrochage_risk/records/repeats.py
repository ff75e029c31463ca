"""Rows that repeat a key which must be there once: which one is kept, and whether the others say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.records.coded import Texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import numpy.typing as npt

    from decrochage_risk.records.coded import CodedTable
    from decrochage_risk.records.faults import FaultGroup, Rule

__all__ = ["repeated_keys"]


def repeated_keys(
    rule: Rule, rows: CodedTable, *key: str, optional: Collection[str] = ()
) -> Iterator[FaultGroup]:
    """Report rows that repeat a key, the first in the order of all columns left out.

    Parameters
    ----------
    rule : Rule
        Its hint says ``{how}``: whether the rows are identical or contradict each other.
    rows : CodedTable
        The table.
    *key : str
        The columns that must not be the same twice: text, choices, days or whole numbers.
    optional : collection of str
        Those of them in which two missing cells are the same; a row with another cell missing repeats nothing.

    Yields
    ------
    FaultGroup
        Identical and conflicting rows apart.
    """
    repeated = _repeated(rows, key, optional)
    if not repeated.any():
        return
    frame = rows.take(repeated).frame()
    frame = frame.assign(**{name: frame[name].astype(object).fillna("") for name in optional})
    named = list(key)
    ordered = frame.sort_values(list(frame.columns), kind="stable", na_position="last")
    later = ordered[ordered.duplicated(named, keep="first")].sort_index()
    kept = ordered.drop_duplicates(named).set_index(named)
    same_as_kept = _same(later.set_index(named), kept)
    for same, how in (
        (same_as_kept, "The rows are identical: keep one of them"),
        (~same_as_kept, "The rows contradict each other: find out which one is true"),
    ):
        if same.any():
            values = later[key[0]][same].astype(object).to_numpy()
            labels = later.index.to_numpy()[same]
            yield rule.fault(
                rows.table.name, key[0], rows=labels, values=values, hint=rule.hint.format(how=how)
            )


def _repeated(rows: CodedTable, key: tuple[str, ...], optional: Collection[str]) -> npt.NDArray[np.bool_]:
    """Rows whose key is complete and there more than once."""
    parts: list[npt.NDArray[Any]] = []
    complete = np.ones(len(rows), dtype=np.bool_)
    for name in key:
        values = rows[name]
        if name not in optional:
            complete &= rows.given(name)
        parts.append(values.codes if isinstance(values, Texts) else values)
    if len(parts) == 1:
        counts = np.bincount(parts[0][complete])
        return np.asarray(complete & (np.append(counts, 0)[parts[0]] > 1))
    return np.asarray(complete & pd.DataFrame(dict(enumerate(parts))).duplicated(keep=False).to_numpy())


def _same(rows: pd.DataFrame, kept: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows equal, in every column, the row kept under the same key (two missing cells are equal)."""
    other = kept.reindex(rows.index)
    same = np.ones(len(rows), dtype=np.bool_)
    for name in rows.columns:
        first, second = rows[name].astype(object).to_numpy(), other[name].astype(object).to_numpy()
        both_missing = pd.isna(first) & pd.isna(second)
        either_missing = pd.isna(first) | pd.isna(second)
        equal = np.zeros(len(rows), dtype=np.bool_)
        equal[~either_missing] = first[~either_missing] == second[~either_missing]
        same &= equal | both_missing
    return same
