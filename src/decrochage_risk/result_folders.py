"""Folders and files of results: written aside and swapped in as a whole, by one run at a time, for their owner alone.

A folder of results holds :data:`MANIFEST`, which lists every file that a run wrote, with its checksum. A later run of the
same kind replaces these and nothing else: a file of somebody's own, one that was edited since, or a link is an error that
names it, and so are results of another kind (tables, scores, pages), which that run would not bring back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final

from decrochage_risk.errors import RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

__all__ = [
    "MANIFEST",
    "WORK_KEY",
    "ResultFolder",
    "adding_to_result",
    "hold",
    "leftovers",
    "make_private",
    "private_file",
    "refuse_foreign",
    "refuse_other_kind",
    "remove_leftovers",
    "restrict",
    "work_beside",
]

MANIFEST: Final = "files.json"
"""Name of the list of files of a folder of results."""

_KIND: Final = "decrochage-risk results"
_OF_THE_SYSTEM: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_NAMES_LISTED = 5
# By the file that every result of a kind holds: also those that an earlier version wrote, whose list names no kind.
_KIND_OF_FILE: Final = {
    "pupils.parquet": "tables",
    "pupils.csv": "tables",
    "pupils.csv.gz": "tables",
    "scores.parquet": "scores",
    "signals.parquet": "scores",
    "index.html": "pages",
}
_WORDS_OF_KIND: Final = {
    "tables": "the tables of an import",
    "scores": "scores",
    "pages": "the pages of a report",
    "": "results of another kind",
}
_DRAFT, _FORMER, _LOCK, _HOLDER = "partial", "former", "lock", "holder"
_WORKING_COPY = "partitions"
WORK_KEY: Final = "key.txt"
"""Name of the file that marks a working copy of extracts."""


def make_private(place: Path, *, group: bool = False) -> None:
    """Close a file or a folder with all that it holds: 0600 in 0700, or 0640 in 0750 for its group too.

    Parameters
    ----------
    place : Path
        A file or a folder.
    group : bool
        Whether the group of the file may read.
    """
    if place.is_dir():
        place.chmod(0o750 if group else 0o700)
        for one in place.iterdir():
            # chmod follows links: a file of somebody else's would be closed or opened.
            if not one.is_symlink():
                make_private(one, group=group)
    else:
        place.chmod(0o640 if group else 0o600)


def restrict(folder: Path, *, group: bool = False) -> None:
    """Make a folder that its owner, or its group too, can enter, whatever the umask; its parents are made as usual.

    A folder that is there already keeps its rights.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        # The mode with the folder: closed afterwards, it would be open for a moment.
        folder.mkdir(mode=0o700)
        if group:
            folder.chmod(0o750)


@contextmanager
def private_file(path: Path, *, group: bool = False) -> Iterator[Path]:
    """Give a place beside a file to write it; it takes the place of the file when all is written, closed to others.

    Parameters
    ----------
    path : Path
        The file. What stood there stays until the new one is whole.
    group : bool
        Whether the group of the folder may read.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{_DRAFT}")
    draft.unlink(missing_ok=True)
    # O_EXCL refuses a link that somebody laid there to have another file written.
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield draft
        make_private(draft, group=group)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def hold(target: Path) -> Iterator[None]:
    """Hold a place of results for one run; the lock goes with the process that held it.

    Parameters
    ----------
    target : Path
        The folder of results, there or to be made.

    Raises
    ------
    RecordsError
        Another run holds it: the message says which, and since when.
    OSError
        Nothing can be written beside it.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only where something is written

    target = target.resolve()
    lock_file, holder = _beside(target, _LOCK), _beside(target, _HOLDER)
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        if not lock_file.exists():
            # Nobody holds a lock that cannot be made: the system says why it cannot. Never the lock's own name, which another
            # run may take by now.
            with TemporaryFile(dir=lock_file.parent):
                pass
        raise RecordsError(
            explain_error(
                f"{target} is being written by another run ({_holder_words(holder)})",
                expected="one run at a time in a folder of results",
                hint="Wait until it ends, or choose another folder.",
            )
        ) from error
    try:
        holder.unlink(missing_ok=True)
        # Beside the lock, which cannot be read by others on every system while it is held.
        with holder.open("x", encoding="utf-8") as file:
            json.dump(_this_process(), file)
        yield
    finally:
        # Under the lock: whoever waits for a removed file takes a new one.
        holder.unlink(missing_ok=True)
        lock_file.unlink(missing_ok=True)
        lock.release()


def _this_process() -> dict[str, Any]:
    import platform  # noqa: PLC0415 - only here

    return {"process": os.getpid(), "machine": platform.node()}


def _holder_words(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {int(facts['process'])} on {facts['machine']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that did not say its number"


def _beside(target: Path, ending: str) -> Path:
    place = target.absolute()
    return place.with_name(f".{place.name}.{ending}")


class ResultFolder:
    """A folder of results that is written aside, and takes the place of the former one as a whole or not at all.

    Parameters
    ----------
    target : Path
        A new or empty folder, or one whose files an earlier run listed.
    group : bool
        Whether the group of the folder may read the files; a folder that is there keeps its group.
    held : bool
        The caller holds the place already (:func:`hold`).

    Attributes
    ----------
    draft : Path
        Where to write, inside the ``with``.

    Raises
    ------
    RecordsError
        Something in the folder was written by nobody of ours, was edited, or is a link; it holds results of another kind;
        another run holds the folder.
    OSError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with ResultFolder(Path(home, "out")) as folder:
    ...         _ = folder.draft.joinpath("run.json").write_text("{}")
    ...     sorted(path.name for path in Path(home, "out").iterdir())
    ['files.json', 'run.json']
    """

    def __init__(self, target: Path, *, group: bool = False, held: bool = False) -> None:
        # A folder that is itself reached by a link is the one the caller chose; links inside it lead
        # elsewhere.
        self.target = target.resolve()
        self.given = target
        self.draft = _beside(self.target, _DRAFT)
        self._former = _beside(self.target, _FORMER)
        self._group = group
        # A run over partitions holds the place already, for hours before it writes.
        self._hold = nullcontext() if held else hold(self.target)

    def __enter__(self) -> Self:
        self._hold.__enter__()
        try:
            if self._former.is_dir() and not self.target.exists():
                self._former.rename(self.target)  # a run was killed between the two steps of a swap
            refuse_foreign(self.target, self.given)
            shutil.rmtree(self.draft, ignore_errors=True)
            self.draft.mkdir(mode=0o700)
        except BaseException:
            self._hold.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._swap()
        finally:
            shutil.rmtree(self.draft, ignore_errors=True)
            self._hold.__exit__(None, None, None)

    def final(self, paths: Sequence[Path]) -> list[Path]:
        """Give where files of the draft stand in the end, the list of them last."""
        return [*(self.given / path.relative_to(self.draft) for path in paths), self.given / MANIFEST]

    def _swap(self) -> None:
        refuse_foreign(self.target, self.given)  # again: runs last for hours
        sums = _sums(self.draft)
        refuse_other_kind(self.target, _kind_of(sums), self.given)
        _write_manifest(self.draft, sums)
        if self.target.is_dir():
            _keep_group(self.target, self.draft)
        make_private(self.draft, group=self._group)
        shutil.rmtree(self._former, ignore_errors=True)
        if self.target.exists():
            self.target.rename(self._former)
        try:
            self.draft.rename(self.target)
        except OSError:
            if self._former.exists():
                self._former.rename(self.target)
            raise
        shutil.rmtree(self._former, ignore_errors=True)


def _keep_group(former: Path, fresh: Path) -> None:
    """Give new files the group of the folder that they replace; POSIX alone has one."""
    if hasattr(os, "chown"):
        group = former.stat().st_gid
        for place in (fresh, *fresh.rglob("*")):
            if place.stat().st_gid != group:
                os.chown(place, -1, group)


def _sums(folder: Path, names: Sequence[str] | None = None) -> dict[str, str]:
    if names is None:
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
    return {name: _sha256(folder / name) for name in sorted(names) if name != MANIFEST}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_manifest(folder: Path, sums: dict[str, str]) -> None:
    text = json.dumps({"kind": _KIND, "files": dict(sorted(sums.items()))}, ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")


def _manifest(folder: Path) -> dict[str, str]:
    """Read what an earlier run wrote; nothing where none says so."""
    place = folder / MANIFEST
    if place.is_symlink() or not place.is_file():
        return {}
    try:
        facts = json.loads(place.read_text(encoding="utf-8"))
        if facts["kind"] != _KIND:
            return {}
        return {str(name): str(value) for name, value in facts["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def refuse_foreign(target: Path, shown_as: Path | None = None) -> None:
    """Refuse a folder that holds anything but what an earlier run of ours listed, unchanged.

    Parameters
    ----------
    target : Path
        The folder of results.
    shown_as : Path, optional
        How the caller named it.

    Raises
    ------
    RecordsError
        With the names of what stands there.
    """
    shown_as = target if shown_as is None else shown_as
    if target.is_file() or not (target.is_dir() or not os.path.lexists(target)):
        raise _foreign(shown_as, "it is a file")
    if not target.is_dir():
        return
    sums = _manifest(target)
    folders = {parent.as_posix() for name in sums for parent in Path(name).parents}
    names = []
    for place in sorted(target.rglob("*")):
        name = place.relative_to(target).as_posix()
        if place.is_symlink():
            names.append(f"{name} (a link)")
        elif place.is_dir():
            # A folder with files is told by its files; "listes" is made by every run, empty or not.
            if name not in folders and not any(place.iterdir()) and name != "listes":
                names.append(f"{name}/")
        elif name not in sums and place.name not in _OF_THE_SYSTEM and not (sums and name == MANIFEST):
            names.append(name)
        elif name in sums and _sha256(place) != sums[name]:
            names.append(f"{name} (changed since)")
    if names:
        more = [f"and {len(names) - _NAMES_LISTED} more"] if len(names) > _NAMES_LISTED else []
        raise _foreign(shown_as, f"it holds {', '.join([*names[:_NAMES_LISTED], *more])}")


def refuse_other_kind(target: Path, kind: str, shown_as: Path | None = None) -> None:
    """Refuse a folder that holds what a run of another kind wrote: no run of this kind could give it back.

    Parameters
    ----------
    target : Path
        The folder of results.
    kind : str
        What is to be written: ``tables``, ``scores`` or ``pages``.
    shown_as : Path, optional
        How the caller named it.

    Raises
    ------
    RecordsError
        With what stands there.
    """
    sums = _manifest(target)
    former = _kind_of(sums)
    if sums and former != kind:
        raise RecordsError(
            explain_error(
                f"Results cannot be written into {target if shown_as is None else shown_as}: it holds {_WORDS_OF_KIND[former]}",
                expected="a folder that is new, empty, or holds only what an earlier run of the same kind wrote there",
                hint="Choose another folder; nothing was touched.",
            )
        )


def _kind_of(names: Iterable[str]) -> str:
    """Name the kind of a result by its files; empty for one that is neither tables, scores nor pages."""
    return next((_KIND_OF_FILE[name] for name in names if name in _KIND_OF_FILE), "")


def _foreign(target: Path, came: str) -> RecordsError:
    return RecordsError(
        explain_error(
            f"Results cannot be written into {target}: {came}",
            expected="a folder that is new, empty, or holds only what an earlier run wrote there",
            hint="Choose another folder, or move these files away; nothing was touched.",
        )
    )


@contextmanager
def adding_to_result(folder: Path, name: str) -> Iterator[Path]:
    """Give a place to write one more file of a folder of results; it is listed with the others.

    Parameters
    ----------
    folder : Path
        A folder that :class:`ResultFolder` wrote.
    name : str
        Path of the file inside it.

    Raises
    ------
    RecordsError
        A file of that name is there that no run of ours wrote, or another run holds the folder.
    OSError
        The disk refused.
    """
    target = folder.resolve()
    with hold(target):
        sums, place = _manifest(target), target / name
        if place.is_symlink() or (place.exists() and (name not in sums or _sha256(place) != sums[name])):
            raise _foreign(folder, f"it holds {name}")
        # The file gets the rights that the folder was given.
        group = target.is_dir() and bool(target.stat().st_mode & 0o050)
        restrict(place.parent)
        with private_file(place, group=group) as draft:
            yield draft
        if sums:
            with private_file(target / MANIFEST, group=group) as draft:
                text = json.dumps(
                    {"kind": _KIND, "files": dict(sorted((sums | _sums(target, [name])).items()))},
                    ensure_ascii=False,
                    indent=1,
                )
                draft.write_text(f"{text}\n", encoding="utf-8")


def work_beside(target: Path) -> Path:
    """Give the folder of the working copy of extracts of a result: hidden, beside it, on the same disk."""
    return _beside(target, _WORKING_COPY)


def leftovers(place: Path) -> list[Path]:
    """List the working copies of extracts and the drafts that runs which were killed left in a folder.

    Parameters
    ----------
    place : Path
        The folder in which folders of results stand.
    """
    if not place.is_dir():
        return []
    return sorted(one for one in place.iterdir() if _is_leftover(one))


def _is_leftover(place: Path) -> bool:
    if place.is_symlink() or not place.is_dir() or not place.name.startswith("."):
        return False
    if place.name.endswith(f".{_WORKING_COPY}"):
        return (place / WORK_KEY).is_file()
    return place.name.endswith(f".{_DRAFT}")


def remove_leftovers(place: Path) -> list[Path]:
    """Remove what killed runs left in a folder; what a run that still goes on works in stays.

    Parameters
    ----------
    place : Path
        The folder in which folders of results stand.

    Returns
    -------
    list of Path
        What was removed.

    Raises
    ------
    OSError
        Something cannot be removed.
    """
    places = []
    for one in leftovers(place):
        target = one.with_name(one.name.removeprefix(".").rpartition(".")[0])
        try:
            with hold(target):
                shutil.rmtree(one)
        except RecordsError:
            continue
        places.append(one)
    return places
