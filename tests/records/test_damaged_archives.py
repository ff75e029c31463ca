"""Gzipped tables whose bytes were damaged, wherever they were."""

from __future__ import annotations

import gzip
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.csv_files import read_csv
from decrochage_risk.errors import UnreadableRecordsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("place", [0, 2, 3, 10, 40, 200, -8, -1])
def test_a_damaged_archive_is_a_fault_that_is_explained(tmp_path: Path, place: int) -> None:
    """Whichever byte is wrong, of the head, the compressed data or the checksum, the file is refused or read, never a traceback."""
    chance = random.Random(5)  # noqa: S311 - no secret
    text = "pupil_id;x\n" + "".join(f"p{number};{chance.random()}\n" for number in range(200))
    for flip in (1, 2, 4, 16, 0xFF):
        content = bytearray(gzip.compress(text.encode(), mtime=0))
        content[place] ^= flip
        (tmp_path / "pupils.csv.gz").write_bytes(content)
        # Bytes of the head that tell a time or a system may be anything: the table is whole then.
        with suppress(UnreadableRecordsError):
            assert len(read_csv(tmp_path / "pupils.csv.gz")[0]) == 200
