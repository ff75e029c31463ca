"""How much memory the records of a folder will take, and into how many parts they must be split to fit."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from decrochage_risk.records.partitions import MOST_PARTS
from decrochage_risk.records.tables import TABLES

__all__ = ["choose_parts", "files_of_extract", "free_memory", "memory_needed"]

BYTES_PER_ROW = 400
"""Memory for each row of all tables while they are read, checked and scored: 253 bytes were measured from 1 to 4 million rows
(``benchmarks/partitions.py --at-once``), and extracts with many faults take more."""

_CSV_BYTES_PER_ROW = 25
_GZIP = 6
_AT_ONCE, _PER_PART = 0.5, 0.2
_UNITS = 1024


def memory_needed(folder: Path) -> int:
    """Bytes of memory that the records of a folder may take when they are read and scored at once.

    Rows of Parquet are counted, those of CSV are guessed from the size of the file; what is no table counts too, a little
    more is no harm. A file that cannot be read counts nothing here: reading says so.
    """
    return sum(_rows_of(path) for path in files_of_extract(folder)) * BYTES_PER_ROW


def free_memory() -> int | None:
    """Bytes of memory that this process may still take; None where the system does not say."""
    found = [each for each in (_system_memory(), _group_memory()) if each is not None]
    return min(found, default=None)


def choose_parts(folder: str | Path, memory: int | None = None) -> int:
    """Into how many parts to split a folder: 1 when it fits in half of the memory, else parts of a fifth of it.

    Parameters
    ----------
    folder : str or Path
        The extracts; a folder that is not there counts as small.
    memory : int, optional
        Bytes; what is free when left out. Where the system does not say, everything is read at once.
    """
    free = free_memory() if memory is None else memory
    needed = memory_needed(Path(folder))
    if free is None or needed <= _AT_ONCE * free:
        return 1
    return min(MOST_PARTS, max(2, -int(-needed // max(1.0, _PER_PART * free))))


def files_of_extract(folder: Path) -> list[Path]:
    """Files that may be read of an extract: those directly in it, and those of the folders named after tables."""
    if not folder.is_dir():
        return []
    inside = sorted(folder.iterdir())
    parts = [path for path in inside if path.is_dir() and path.name.lower() in TABLES]
    return [
        path
        for path in (*inside, *(file for part in parts for file in sorted(part.iterdir())))
        if path.is_file()
    ]


def _rows_of(path: Path) -> int:
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return int(pq.read_metadata(path).num_rows)
        size = path.stat().st_size
    except (pa.ArrowException, OSError):
        return 0
    return (
        size if name.endswith(".csv") else size * _GZIP if name.endswith(".csv.gz") else 0
    ) // _CSV_BYTES_PER_ROW


def _system_memory() -> int | None:
    facts = Path("/proc/meminfo")
    if facts.is_file():
        lines = dict(line.split(":", 1) for line in facts.read_text(encoding="ascii").splitlines())
        if "MemAvailable" in lines:
            return int(lines["MemAvailable"].split()[0]) * _UNITS
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return None


def _group_memory() -> int | None:
    """Give what a container may still take (control groups, version 2)."""
    group = Path("/sys/fs/cgroup")
    try:
        most, now = (
            (group / f"memory.{name}").read_text(encoding="ascii").strip() for name in ("max", "current")
        )
        return max(0, int(most) - int(now))
    except (OSError, ValueError):
        return None
