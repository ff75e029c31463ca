from __future__ import annotations

import threading
from functools import cached_property

import numpy as np
import pytest

from decrochage_risk.model import threads


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


def test_locks_of_cached_properties_are_free_after_a_fork() -> None:
    """Where Python keeps a lock per cached property, one that another thread held is a free one in the new process."""
    from decrochage_risk.model.comparable import Comparable  # noqa: PLC0415 - any class of the package with one

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
