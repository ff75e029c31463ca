"""The journal: one line per scoring, what it rested on and whom it pointed out, never a value of a pupil's records.

Lines are appended by one writer at a time, across threads and processes: a lock on a file beside the journal. A purge
by date and the erasure of a pupil write a whole new file, and say so in a line of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import (
    JournalError,
    RecordsWarning,
    explain_error,
    refuse_other_kinds,
    warn_caller,
)
from decrochage_risk.partitions.runs import files_of_extract
from decrochage_risk.records import PupilRecords
from decrochage_risk.score import RiskScores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from decrochage_risk.partitions import FolderScores
    from decrochage_risk.score import RunFacts


__all__ = [
    "FORMAT",
    "Journal",
    "checked_time",
    "folder_entry",
    "line_of",
    "locked",
    "no_journal",
    "refuse_other_file",
    "scoring_entry",
    "table_hash",
]

FORMAT = 1
_TABLES = ("pupils", "enrolments", "absences", "grades", "orientation", "coverage", "context")
# 64 bits: enough that two runs of one journal never share an id.
_ID_LENGTH = 16
_RESULT = ("pupil_id", "risk", "tier", "flagged")
_READ = (*_RESULT, "cause", "explained", "to_complete")


def scoring_entry(scores: RiskScores, *, at: object, records: PupilRecords | None = None) -> dict[str, Any]:
    """Describe a scoring.

    Parameters
    ----------
    scores : RiskScores
        The run.
    at : datetime or ISO text
        When it was made, with its time zone.
    records : PupilRecords, optional
        What was scored: the SHA-256 of each table is kept, which later proves whether the same extract is at hand.

    Returns
    -------
    dict
        JSON values. ``run_id`` is a hash of everything but the time: the same records, model, policy and date give
        the same id, so that a repeated run is seen to be one.

    Raises
    ------
    JournalError
        Other things than scores and records; a time that is none.
    """
    refuse_other_kinds(
        {"scores": (scores, RiskScores), "records": (records, PupilRecords | None)},
        hint="journal.record(scores, at=..., records=records) with what score_pupils gave and took, not a frame of theirs.",
        error=JournalError,
    )
    inputs = {"features": table_hash(scores.features.reset_index())}
    return _entry(scores.frame, scores.run, inputs | ({} if records is None else _hashes(records)), at)


def folder_entry(done: FolderScores, extracts: Path, *, at: object) -> dict[str, Any]:
    """Describe the scoring of a folder of extracts from the files that it left.

    Parameters
    ----------
    done : FolderScores
        The run.
    extracts : Path
        The folder that was scored: the SHA-256 of each of its files is kept, those of tables in several files too.
    at : datetime or ISO text
        When it was made, with its time zone.

    Raises
    ------
    JournalError
        A folder without a file; a time that is none.
    """
    files = {path.relative_to(extracts).as_posix(): path for path in files_of_extract(extracts)}
    if not files:
        raise JournalError(
            explain_error(
                f"There is no extract in {extracts}",
                expected="the folder that was scored",
                hint="Give the same folder as to score_folder: the hashes of its files are kept.",
            )
        )
    inputs = {name: _file_hash(path) for name, path in sorted(files.items())}
    frame = pd.read_parquet(done.folder / "scores.parquet", columns=list(_READ))
    return _entry(frame, done.digest.run, inputs, at)


def _entry(frame: pd.DataFrame, run: RunFacts, inputs: dict[str, str], at: object) -> dict[str, Any]:
    causes = frame.loc[frame["risk"].isna(), "cause"].value_counts().sort_index()
    content = {
        "as_of": run.as_of.isoformat(),
        "model": run.model.model_dump(mode="json", include={"id", "sha256", "demo"}),
        "policy_version": run.policy_version,
        "calendar_version": run.calendar_version,
        "package_version": version("decrochage-risk"),
        "inputs": inputs,
        "results": table_hash(frame[list(_RESULT)]),
        "counts": {
            "pupils": len(frame),
            "scored": int(frame["risk"].notna().sum()),
            "flagged": int(frame["flagged"].sum()),
            "to_complete": int(frame["to_complete"].sum()),
            "explained": int(frame["explained"].sum()),
            "not_scored": {str(cause): int(count) for cause, count in causes.items()},
        },
        "faults": dict(sorted(run.faults.items())),
        # By id: never a ranking, and one run_id whatever the order of the rows.
        "flagged": sorted(frame.loc[frame["flagged"], "pupil_id"]),
    }
    run_id = hashlib.sha256(line_of(content)).hexdigest()[:_ID_LENGTH]
    return {"format": FORMAT, "kind": "scoring", "at": checked_time(at), "run_id": run_id, **content}


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def line_of(entry: dict[str, Any]) -> bytes:
    """Write an entry as one line of JSON, keys sorted, ending with a line break."""
    # Sorted keys, no blanks: the bytes of an entry are what run_id is a hash of.
    text = json.dumps(entry, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8") + b"\n"


def table_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of a table whatever the order of its rows."""
    plain = frame.astype(
        # A categorical hashes by its categories, which may be more than its cells.
        {name: object for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    )
    # Sorted: the same pupils in another order are the same input.
    rows = np.sort(pd.util.hash_pandas_object(plain, index=False).to_numpy())
    names = json.dumps([str(name) for name in frame.columns]).encode()
    # Little-endian on every machine, for hashes are compared between them.
    return hashlib.sha256(names + rows.astype("<u8").tobytes()).hexdigest()


def _hashes(records: PupilRecords) -> dict[str, str]:
    tables = {name: getattr(records, name) for name in _TABLES}
    return {name: table_hash(table) for name, table in tables.items() if table is not None}


def checked_time(at: object) -> str:
    """Bring a moment to UTC, to the second.

    Raises
    ------
    JournalError
        No moment, or one without a time zone, which a log cannot put in order.

    Examples
    --------
    >>> checked_time("2025-03-05T08:30:00+01:00")
    '2025-03-05T07:30:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise JournalError(
            explain_error(
                f"at={at!r}",
                expected="a moment with its time zone",
                hint="datetime.now(tz=UTC), or an ISO text such as 2025-03-05T08:30:00+01:00.",
            )
        )
    return moment.astimezone(UTC).isoformat(timespec="seconds")


# Seconds: an entry is one line, so a lock is held for milliseconds.
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
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only where something is written

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(
            path.with_name(f"{path.name}.lock"), timeout=patience, mode=0o600, poll_interval=_PAUSE
        )
        lock.acquire()
    except Timeout as error:
        raise JournalError(
            explain_error(
                f"The journal {path} was locked by another writer for {patience:g} seconds",
                expected="writers that take their turn",
                hint="See whether a process hangs; the lock ends with it.",
            )
        ) from error
    except OSError as error:
        raise JournalError(
            explain_error(
                f"The journal {path} cannot be written ({error.strerror or error})",
                expected="a file in a folder that can be written",
                hint="Choose another file, or ask for the right to write there.",
            )
        ) from error
    try:
        yield
    finally:
        lock.release()


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
    Regulation (EU) 2024/1689, articles 12 and 26(6): automatic logs of a high-risk system, kept for six months at least, due from 2 December 2027 on.
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
            Other things than scores and records; a time that is none; a file that is no journal or cannot be written.
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
            A time that is none, a folder without extracts; a file that is no journal or cannot be written.
        """
        return self._record(folder_entry(done, Path(extracts), at=at))

    def _record(self, entry: dict[str, Any]) -> str:
        refuse_other_file(self.path)
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
        lines, unread = self._read()
        if unread:
            warn_caller(
                explain_error(
                    f"Line {unread[0][0]} of {self.path} cannot be read"
                    if len(unread) == 1
                    else f"{len(unread)} lines of {self.path} cannot be read, the first is line {unread[0][0]}",
                    expected="whole lines, as they were written: cut off by a crash, or edited since",
                    hint="The other lines are given; keep a copy, and purge when the cause is known.",
                ),
                RecordsWarning,
            )
        return lines

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
            # As texts: both are UTC to the second, whose alphabetical order is that of time.
            return None if entry["at"] < first_kept else entry

        return self._rewrite(
            keep, lambda count: {"kind": "purge", "at": now, "before": first_kept, "entries": count}
        )

    def erase(self, pupil_id: str, *, at: object) -> int:
        """Remove a pupil's id from every entry, and append in how many it was; the id itself is nowhere kept.

        Ids are compared in one Unicode form (NFC), without blanks around them.

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
            No entry holds the id; a time that is none; no such journal, or one that cannot be read or written. Nothing is
            changed then.
        """
        now, erased = checked_time(at), _plain_id(pupil_id)

        def without(entry: dict[str, Any]) -> dict[str, Any]:
            situations = entry.get("flagged", [])
            others = [one for one in situations if _plain_id(one) != erased]
            # Unchanged, not rewritten: only entries that differ are counted.
            if len(others) == len(situations):
                return entry
            return {**entry, "flagged": others, _ERASED: entry.get(_ERASED, 0) + 1}

        return self._rewrite(
            without, lambda count: {"kind": "erasure", "at": now, "entries": count}, refuse_none=True
        )

    def _append(self, line: bytes) -> None:
        """Append a line in one write; a line that a crash cut off is closed first, so that it stays alone."""
        try:
            # Ids of pupils: a new journal is its owner's alone, one that is there keeps the rights it was
            # given.
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "ab+") as file:
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
        read_entries: list[dict[str, Any]] = []
        unread: list[tuple[int, bytes]] = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            entry = _entry_of(line)
            if entry is None:
                unread.append((number, line))
            else:
                read_entries.append(entry)
        # Refused as a whole: rewriting entries of a later format would lose what this version cannot read.
        later = {entry["format"] for entry in read_entries if entry.get("format", FORMAT) != FORMAT}
        if later:
            raise JournalError(
                explain_error(
                    f"{self.path} holds entries of format {', '.join(map(str, sorted(later, key=str)))}",
                    expected=f"format {FORMAT}",
                    hint="It was written by a later version of the package: use that one.",
                )
            )
        return read_entries, unread

    def _rewrite(
        self,
        change: Callable[[dict[str, Any]], dict[str, Any] | None],
        note: Callable[[int], dict[str, Any]],
        *,
        refuse_none: bool = False,
    ) -> int:
        """Write a whole new file and put it in the place of the old one; count the entries that differ.

        A line that cannot be read has no date and may hold any id: it goes too, and is counted apart. A journal that is
        not there is refused: on a mistyped path nothing would be removed, and nobody told.
        """
        if not self.path.exists():
            raise no_journal(self.path)
        refuse_other_file(self.path)
        with locked(self.path):
            read_entries, unread = self._read()
            rewritten_lines = [(entry, change(entry)) for entry in read_entries]
            count = sum(new != entry for entry, new in rewritten_lines)
            if refuse_none and not count:
                raise JournalError(
                    explain_error(
                        f"Nothing was erased from {self.path}: no entry holds this id"
                        + (f", and {len(unread)} lines cannot be read" if unread[1:] else "")
                        + (", and one line cannot be read" if len(unread) == 1 else ""),
                        expected="the id under which the pupil was scored, with its leading zeros",
                        hint="Look at the ids of the lists; a pupil whose situation was never to be looked at is in no entry.",
                    )
                )
            lines = [line_of(new) for _, new in rewritten_lines if new is not None]
            lines.append(line_of({"format": FORMAT, **note(count), "unread_lines": len(unread)}))
            self._replace(b"".join(lines))
        return count

    def _replace(self, content: bytes) -> None:
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                # A journal that was opened to a group stays open to it.
                beside.chmod(self.path.stat().st_mode & 0o777)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # On the disk before it takes the place of the old one: a crash leaves one of the two, whole.
            beside.replace(self.path)
        except OSError as error:
            raise _unusable(self.path, "written", error) from error


def _plain_id(pupil_id: object) -> str:
    """Write an id in the one form in which ids are compared: a keyboard and an export may compose letters differently."""
    return unicodedata.normalize("NFC", str(pupil_id)).strip()


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


# Keys are sorted: every line begins so, one that a crash cut off too.
_BEGINNINGS = (b'{"as_of":"', b'{"at":"')


def refuse_other_file(path: Path) -> None:
    """Refuse a file that is there and is no journal: a line more would spoil it, and a purge would empty it.

    Parameters
    ----------
    path : Path
        A journal, an empty file, or none yet.

    Raises
    ------
    JournalError
        Its first line is no entry of a journal; it is a folder, or cannot be read.
    """
    try:
        if not path.exists():
            return
        with path.open("rb") as file:
            first = file.readline()
            while first and not first.strip():
                first = file.readline()
    except OSError as error:
        raise _unusable(path, "read", error) from error
    # Whole JSON without what an entry has is somebody's own; a line cut off is no JSON.
    if first and _entry_of(first) is None and (_is_json(first) or not first.startswith(_BEGINNINGS)):
        raise JournalError(
            explain_error(
                f"{path} is there and is no journal: its first line is no entry of one",
                expected="a journal, or a new file",
                hint="Choose another file; nothing was written into this one.",
            )
        )


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _unusable(path: Path, verb: str, error: OSError) -> JournalError:
    return JournalError(
        explain_error(
            f"The journal {path} cannot be {verb} ({error.strerror or error})",
            expected="a file that can be read and written",
            hint="Choose another file, ask for the right to write there, or make room on the disk.",
        )
    )
