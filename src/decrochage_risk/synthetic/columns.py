"""Blocks of numbered rows on their way to a table: one array per column, all of one length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["Columns", "stack"]

Columns = dict[str, "npt.NDArray[Any]"]
"""Column name to array. ``pupil`` is a position, days count from 1970-01-01, choices are codes."""


def stack(blocks: Iterable[Columns], pupils: npt.NDArray[np.intp] | None = None) -> Columns:
    """Put blocks of the same columns one after the other.

    Parameters
    ----------
    blocks : iterable of Columns
        At least one.
    pupils : int array, optional
        Position, among all pupils, of each pupil that ``pupil`` counts.
    """
    kept = list(blocks)
    stacked = {name: np.concatenate([block[name] for block in kept]) for name in kept[0]}
    if pupils is not None:
        stacked["pupil"] = pupils[stacked["pupil"]]
    return stacked
