"""Two halves of a large table at once: threads for work that leaves Python alone (Arrow, numpy, compiled loops)."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["spread", "workers_for"]

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")

_LARGE = 250_000
"""Rows from which a second thread gains more than it costs."""

_MOST = 4


def workers_for(rows: int) -> int:
    """Tell how many threads a table deserves: one for a small one, as many as ``OMP_NUM_THREADS`` or cores allow.

    Examples
    --------
    >>> workers_for(90)
    1
    """
    if rows < _LARGE:
        return 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(_MOST, int(asked) if asked.isdigit() and int(asked) else os.cpu_count() or 1)


def spread(function: Callable[[_Item], _Made], items: Iterable[_Item], rows: int) -> list[_Made]:
    """Call a function for each item; the results come in the order of the items, however many threads there are.

    Parameters
    ----------
    function : callable
        Independent calls: none may change what another one reads.
    items : iterable
        What to call it with.
    rows : int
        Rows behind all items together.

    Examples
    --------
    >>> spread(abs, [-1, 2], rows=10)
    [1, 2]
    """
    workers = workers_for(rows)
    if workers == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))
