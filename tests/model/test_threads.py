from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk import threads

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("rows", [0, 1, 7, 100])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_every_row_is_worked_on_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch, rows: int, count: int
) -> None:
    """Shared between any number of threads, the parts put together are the rows in their order."""
    monkeypatch.setattr(threads, "SMALL_BATCH", 5)
    monkeypatch.setattr("os.cpu_count", lambda: count)
    parts = threads.over_rows(lambda part: np.arange(rows)[part], rows)
    assert np.concatenate([np.empty(0, int), *parts]).tolist() == list(range(rows))


def test_few_rows_stay_in_the_thread_of_the_caller() -> None:
    """A small batch starts no thread."""
    assert threads.over_rows(lambda _: threading.get_ident(), threads.SMALL_BATCH) == [threading.get_ident()]


def test_an_error_in_a_part_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails in a thread fails for the caller."""
    monkeypatch.setattr(threads, "SMALL_BATCH", 5)
    with pytest.raises(ZeroDivisionError):
        threads.over_rows(lambda _: 1 // 0, 100)


def test_two_who_hold_blas_to_one_thread_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is never lifted under somebody who still needs it: two holders come one after the other."""
    told: list[str] = []

    @contextmanager
    def limits(count: int) -> Iterator[None]:
        told.append(f"set {count}")
        yield
        told.append("lifted")

    monkeypatch.setattr("threadpoolctl.threadpool_limits", limits)
    together = threading.Barrier(2)

    def hold(_: int) -> None:
        together.wait(5)
        with threads.one_blas_thread():
            threading.Event().wait(0.05)

    threads.over_items(hold, [0, 1], 2)
    assert told == ["set 1", "lifted", "set 1", "lifted"]


def test_what_fails_under_the_limit_frees_it() -> None:
    """An error leaves no lock behind: another thread can ask for the limit."""

    def fail() -> None:
        with threads.one_blas_thread():
            raise ZeroDivisionError

    def free() -> bool:
        taken = threads._LIMITED.acquire(timeout=5)
        if taken:
            threads._LIMITED.release()
        return taken

    with pytest.raises(ZeroDivisionError):
        fail()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(free).result()


def test_an_error_in_an_item_reaches_the_caller() -> None:
    """What fails for one item, or as a thread begins, fails for the caller; nobody waits for ever."""
    with pytest.raises(ZeroDivisionError):
        threads.over_items(lambda item: 1 // item, [1, 0, 1], 2)
    with pytest.raises(RuntimeError):
        threads.over_items(lambda item: item, [1, 2], 2, ready=lambda: 1 // 0)  # type: ignore[arg-type, return-value]


def test_the_limit_is_free_after_a_fork() -> None:
    """The lock of the limit, held by another thread at the fork, is a free one in the new process."""
    kept = threads._LIMITED
    holder = threading.Thread(target=kept.acquire, kwargs={"timeout": 5})
    holder.start()
    holder.join()
    assert not kept.acquire(blocking=False)
    threads._renew_locks()
    assert threads._LIMITED.acquire(blocking=False)
    threads._LIMITED.release()


def test_locks_of_cached_properties_are_free_after_a_fork() -> None:
    """Where Python keeps a lock per cached property, one that another thread held is a free one in the new process."""
    from decrochage_risk.risk.comparable import Comparable  # noqa: PLC0415 - any class of the package with one

    kept = vars(Comparable)["table"]
    assert isinstance(kept, cached_property)
    if not hasattr(kept, "lock"):
        pytest.skip("this Python has no such lock")
    holder = threading.Thread(target=kept.lock.acquire)
    holder.start()
    holder.join()
    assert not kept.lock.acquire(blocking=False)
    threads._renew_locks()
    assert kept.lock.acquire(blocking=False)
    kept.lock.release()
