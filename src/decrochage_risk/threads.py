"""Work that takes time: shared between threads, and told on a bar of its steps.

Compiled code, Arrow, numpy and LightGBM release Python's lock. Threads live for one call, so that a forked process inherits none: OpenMP's own pool would hang there. What another thread
held locked at the fork stays locked in the new process for ever, so the locks of ours that could be are made anew there.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import Console

__all__ = [
    "MOST_THREADS",
    "SMALL_BATCH",
    "even_edges",
    "one_blas_thread",
    "over_columns",
    "over_items",
    "over_rows",
    "progress_bar",
    "thread_count",
    "threads_for",
]

SMALL_BATCH = 5_000
"""Rows up to which one thread does the work: starting more costs longer."""

# Memory is the limit beyond: more threads wait for it.
MOST_THREADS = 8

_LARGE_TABLE = 250_000
"""Cells of a column from which a second thread gains more than it costs: Arrow and numpy are fast below it."""

_MOST_FOR_COLUMNS = 4

_LIMITED = RLock()

_Part = TypeVar("_Part")
_Item = TypeVar("_Item")


def thread_count() -> int:
    """Threads worth starting: as many as ``OMP_NUM_THREADS`` allows where it is set, as there are cores otherwise."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    # OpenMP also takes "4,2", a team per level of nesting: no number for one pool, so the cores decide
    cores = int(limit) if limit.isdigit() and int(limit) else os.cpu_count() or 1
    return max(1, min(cores, MOST_THREADS))


def threads_for(rows: int) -> int:
    """Tell how many threads the columns of a table deserve: one for a small table.

    Examples
    --------
    >>> threads_for(90)
    1
    """
    return 1 if rows < _LARGE_TABLE else min(_MOST_FOR_COLUMNS, thread_count())


def over_rows(work: Callable[[slice], _Part], rows: int) -> list[_Part]:
    """Call ``work`` on consecutive slices of rows, in threads when there are many rows.

    Parameters
    ----------
    work : callable
        From a slice of rows to what comes of them; what a row gives must not depend on its slice.
    rows : int
        How many rows there are.

    Returns
    -------
    list
        In the order of the rows; empty without rows.

    Examples
    --------
    >>> over_rows(lambda part: (part.start, part.stop), 3)
    [(0, 3)]
    """
    if not rows:
        return []
    threads = 1 if rows <= SMALL_BATCH else thread_count()
    return over_items(
        work, [slice(first, after) for first, after in pairwise(even_edges(rows, threads))], threads
    )


def even_edges(rows: int, parts: int) -> list[int]:
    """Where each of so many parts of the rows begins, and one past the end; parts differ by one row at most.

    Examples
    --------
    >>> even_edges(7, 2)
    [0, 3, 7]
    """
    return [rows * part // parts for part in range(parts + 1)]


def over_columns(work: Callable[[_Item], _Part], columns: Iterable[_Item], rows: int) -> list[_Part]:
    """Call ``work`` on each column of a table of so many rows, in threads when it is large.

    Calls are independent: none may change what another one reads. Results come in the order of the columns.

    Examples
    --------
    >>> over_columns(abs, [-1, 2], rows=10)
    [1, 2]
    """
    return over_items(work, columns, threads_for(rows))


def over_items(
    work: Callable[[_Item], _Part],
    items: Iterable[_Item],
    threads: int,
    *,
    ready: Callable[[], None] | None = None,
) -> list[_Part]:
    """Call ``work`` on each item, in so many threads; results in the order of the items.

    ``ready`` is called once in each thread that is started.

    Examples
    --------
    >>> over_items(lambda item: item + 1, [1, 2, 3], threads=2)
    [2, 3, 4]
    """
    queue = list(items)
    if threads == 1 or len(queue) <= 1:
        return [work(item) for item in queue]
    # map, so that results come in the order of the items, whichever thread is first.
    with ThreadPoolExecutor(min(threads, len(queue)), initializer=ready) as pool:
        return list(pool.map(work, queue))


@contextmanager
def progress_bar(
    progress: bool | Callable[..., None] | None,  # noqa: FBT001 - as callers give it
    *,
    lines: bool = True,
) -> Iterator[Callable[..., None]]:
    """Tell the steps of a long work to who asked for them.

    Parameters
    ----------
    progress : bool or callable
        True: a bar on stderr, in a terminal or a notebook. False: nothing is shown, and nothing loaded to show it. A callable
        is what the steps are told to.
    lines : bool
        Whether a step is a line of its own where no bar can be drawn (a file, a pipe, a notebook without ipywidgets).

    Yields
    ------
    callable
        To call at the beginning of a step with its line and, where they are known, how much is done and how much there is.

    Examples
    --------
    >>> with progress_bar(print) as tell:
    ...     tell("Scores et motifs", 1, 3)
    Scores et motifs 1 3
    >>> with progress_bar(False) as tell:
    ...     tell("Scores et motifs", 1, 3)
    """
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody looks

    screen = Console(stderr=True)
    # Without ipywidgets Rich draws nothing in a notebook, and warns at each refresh.
    if screen.is_terminal or (screen.is_jupyter and importlib.util.find_spec("ipywidgets") is not None):
        with _drawn_bar(screen) as tell:
            yield tell
    else:
        yield _LinePerStep(silent=not lines)


@contextmanager
def _drawn_bar(screen: Console) -> Iterator[Callable[..., None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - same

    # Names of files stand in the lines: brackets in them are no markup.
    texts = [TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[count]}")]
    columns = texts[0], BarColumn(), texts[1], TimeElapsedColumn()
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=None, count="")

        def tell(line: str, done: int = 0, whole: int = 0) -> None:
            count = f"{done}/{whole}" if whole else ""
            bar.update(task, description=line, completed=done, total=whole or None, count=count)

        yield tell


class _LinePerStep:
    """Each step on stderr once, however often it says how much of it is done: a log of 500 schools has no 500 lines."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._last = ""

    def __call__(self, line: str, done: int = 0, whole: int = 0) -> None:  # noqa: ARG002 - what a bar is told
        if line != self._last and not self._silent:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress=True asks for it
        self._last = line


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: sums in another order for another number of threads change the last bits.

    The limit is the process's own; it is set once around threads of ours, never in each. Of two that ask for it at once the
    second waits: the first to leave would lift the limit of both.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # only where something is fitted

    with _LIMITED, threadpool_limits(1):
        yield


def _renew_locks() -> None:
    """Give the limit and each cached property of the package a free lock: until Python 3.12 one has one for all objects."""
    global _LIMITED  # noqa: PLW0603  # the process's own, as the limit is
    _LIMITED = RLock()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == __name__.partition(".")[0]:
            classes = [value for value in vars(module).values() if isinstance(value, type)]
            for attribute in (attribute for owner in classes for attribute in vars(owner).values()):
                if isinstance(attribute, cached_property) and hasattr(attribute, "lock"):
                    attribute.lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
