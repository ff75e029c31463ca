"""The file of the journal: appended line by line, purged by date or by pupil as a whole new file."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import JournalError, RecordsWarning, explain_error
from decrochage_risk.journal.entry import FORMAT, checked_time, folder_entry, line_of, scoring_entry
from decrochage_risk.journal.lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.records import PupilRecords
    from decrochage_risk.score import FolderScores, RiskScores

__all__ = ["Journal", "no_journal"]

_ERASED = "erased_ids"


class Journal:
    """A log of scorings: one JSON object per line, only ever appended to, except by a purge that says so itself.

    Nothing reads it when scoring. Each line holds versions, hashes, counts, faults and the ids of the pupils whose
    situation is to be looked at, never a risk or a value. The time comes from the caller: this package reads no
    clock, so that the same call writes the same bytes; the command line passes the present.

    Parameters
    ----------
    path : str or Path
        A file, by convention ``*.jsonl``; made on the first record.

    Notes
    -----
    Regulation (EU) 2024/1689, articles 12 and 26: automatic logs of a high-risk system, kept for six months at least.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"<Journal {str(self.path)!r}>"

    def record(self, scores: RiskScores, *, at: object, records: PupilRecords | None = None) -> str:
        """Append one scoring.

        Parameters
        ----------
        scores : RiskScores
            The run.
        at : datetime or ISO text
            When it was made, with its time zone.
        records : PupilRecords, optional
            What was scored, to keep the hash of each table.

        Returns
        -------
        str
            ``run_id``: the same for the same records, model, policy and date.

        Raises
        ------
        JournalError
            Other things than scores and records; a time that is none; a file that cannot be written.
        """
        return self._record(scoring_entry(scores, at=at, records=records))

    def record_folder(self, done: FolderScores, extracts: str | Path, *, at: object) -> str:
        """Append the scoring of a folder of extracts, whose files are kept by their hashes.

        Parameters
        ----------
        done : FolderScores
            The run, as ``score_folder`` gives it.
        extracts : str or Path
            The folder that was scored.
        at : datetime or ISO text
            When it was made, with its time zone.

        Returns
        -------
        str
            ``run_id``: the same for the same files, model, policy and date.

        Raises
        ------
        JournalError
            A time that is none, a folder without extracts; a file that cannot be written.
        """
        return self._record(folder_entry(done, Path(extracts), at=at))

    def _record(self, entry: dict[str, Any]) -> str:
        with locked(self.path):
            self._append(line_of(entry))
        run_id: str = entry["run_id"]
        return run_id

    def entries(self) -> list[dict[str, Any]]:
        """Read every entry, oldest first as they stand; none when there is no journal yet.

        Raises
        ------
        JournalError
            A file that cannot be read, or lines of a later format.

        Warns
        -----
        RecordsWarning
            When lines cannot be read (cut off by a crash, edited); the others are given.
        """
        found, unread = self._read()
        if unread:
            warnings.warn(
                f"{len(unread)} lines of {self.path} cannot be read, the first is line {unread[0][0]}: they were cut off "
                "or edited. Hint: the other lines are given; keep a copy, and purge when the cause is known.",
                RecordsWarning,
                stacklevel=2,
            )
        return found

    def purge(self, *, before: object, at: object) -> int:
        """Remove the entries made before a moment, and append how many; lines that cannot be read go too.

        Parameters
        ----------
        before : datetime or ISO text
            First moment to keep, with its time zone.
        at : datetime or ISO text
            When the purge is made.

        Returns
        -------
        int
            Entries removed.

        Raises
        ------
        JournalError
            Times that are none, a purge of the future; no such journal, or one that cannot be read or written.
        """
        first_kept, now = checked_time(before), checked_time(at)
        if first_kept > now:
            raise JournalError(
                explain_error(
                    f"before={first_kept} lies after at={now}",
                    expected="a moment in the past",
                    hint="Everything up to now is removed with before equal to at.",
                )
            )

        def keep(entry: dict[str, Any]) -> dict[str, Any] | None:
            return None if entry["at"] < first_kept else entry

        return self._rewrite(
            keep, lambda count: {"kind": "purge", "at": now, "before": first_kept, "entries": count}
        )

    def erase(self, pupil_id: str, *, at: object) -> int:
        """Remove a pupil's id from every entry, and append in how many it was; the id itself is nowhere kept.

        Each entry keeps its counts, hashes and ``run_id``, and says how many ids were taken out (``erased_ids``).

        Parameters
        ----------
        pupil_id : str
            The id as it was scored.
        at : datetime or ISO text
            When the erasure is made.

        Returns
        -------
        int
            Entries that held the id.

        Raises
        ------
        JournalError
            A time that is none; no such journal, or one that cannot be read or written.
        """
        now = checked_time(at)

        def without(entry: dict[str, Any]) -> dict[str, Any]:
            flagged = entry.get("flagged", [])
            if pupil_id not in flagged:
                return entry
            others = [one for one in flagged if one != pupil_id]
            return {**entry, "flagged": others, _ERASED: entry.get(_ERASED, 0) + 1}

        return self._rewrite(without, lambda count: {"kind": "erasure", "at": now, "entries": count})

    def _append(self, line: bytes) -> None:
        """Append a line in one write; a line that a crash cut off is closed first, so that it stays alone."""
        try:
            with self.path.open("ab+") as file:
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    line = line if file.read(1) == b"\n" else b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unusable(self.path, "written", error) from error

    def _read(self) -> tuple[list[dict[str, Any]], list[tuple[int, bytes]]]:
        """Entries, and the lines (number from 1, bytes) that are none."""
        try:
            lines = self.path.read_bytes().split(b"\n") if self.path.exists() else []
        except OSError as error:
            raise _unusable(self.path, "read", error) from error
        found: list[dict[str, Any]] = []
        unread: list[tuple[int, bytes]] = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            entry = _entry_of(line)
            if entry is None:
                unread.append((number, line))
            else:
                found.append(entry)
        later = {entry["format"] for entry in found if entry.get("format", FORMAT) != FORMAT}
        if later:
            raise JournalError(
                explain_error(
                    f"{self.path} holds entries of format {', '.join(map(str, sorted(later, key=str)))}",
                    expected=f"format {FORMAT}",
                    hint="It was written by a later version of the package: use that one.",
                )
            )
        return found, unread

    def _rewrite(
        self,
        changed: Callable[[dict[str, Any]], dict[str, Any] | None],
        said: Callable[[int], dict[str, Any]],
    ) -> int:
        """Write a whole new file and put it in the place of the old one; count the entries that differ.

        A line that cannot be read has no date and may hold any id: it goes too, and is counted apart. A journal that is
        not there is refused: on a mistyped path nothing would be removed, and nobody told.
        """
        if not self.path.exists():
            raise no_journal(self.path)
        with locked(self.path):
            found, unread = self._read()
            kept = [(entry, changed(entry)) for entry in found]
            count = sum(new != entry for entry, new in kept)
            lines = [line_of(new) for _, new in kept if new is not None]
            lines.append(line_of({"format": FORMAT, **said(count), "unread_lines": len(unread)}))
            self._replace(b"".join(lines))
        return count

    def _replace(self, content: bytes) -> None:
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise _unusable(self.path, "written", error) from error


def _entry_of(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and {"kind", "at"} <= set(entry) and isinstance(entry["at"], str)
    return entry if whole else None


def no_journal(path: Path) -> JournalError:
    """Say that there is no journal at a path."""
    return JournalError(
        explain_error(
            f"There is no journal {path}",
            expected="a file written by Journal.record or score --journal",
            hint="Check the path; a journal is made by the first scoring that names it.",
        )
    )


def _unusable(path: Path, verb: str, error: OSError) -> JournalError:
    return JournalError(
        explain_error(
            f"The journal {path} cannot be {verb} ({error.strerror or error})",
            expected="a file that can be read and written",
            hint="Choose another file, ask for the right to write there, or make room on the disk.",
        )
    )
