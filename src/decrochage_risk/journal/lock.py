"""One writer at a time, across threads and processes: a lock on a file beside the journal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from decrochage_risk.errors import JournalError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["locked"]

_PAUSE = 0.01


@contextmanager
def locked(path: Path, *, patience: float = 60.0) -> Iterator[None]:
    """Hold the lock of a journal; it is the system's, and goes with the process that held it.

    The lock is on ``<journal>.lock`` and not on the journal, which a purge replaces.

    Parameters
    ----------
    path : Path
        The journal.
    patience : float
        Seconds to wait for another writer.

    Raises
    ------
    JournalError
        Another writer held it all that time, or the lock cannot be made.
    """
    beside = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = beside.open("ab")
    except OSError as error:
        raise JournalError(
            explain_error(
                f"The journal {path} cannot be written ({error.strerror or error})",
                expected="a file in a folder that can be written",
                hint="Choose another file, or ask for the right to write there.",
            )
        ) from error
    with file:
        _wait_for(file, path, patience)
        try:
            yield
        finally:
            _release(file)


def _wait_for(file: IO[bytes], path: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while not _take(file):
        if time.monotonic() > end:
            raise JournalError(
                explain_error(
                    f"The journal {path} was locked by another writer for {patience:g} seconds",
                    expected="writers that take their turn",
                    hint="See whether a process hangs; the lock ends with it.",
                )
            )
        time.sleep(_PAUSE)


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _release(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
