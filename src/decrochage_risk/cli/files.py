"""Extracts read once, with what was decided while reading; targets looked at before the work, not after.

A command that runs for hours must not end on a folder that cannot be written: its targets are checked first. What a
reader decided (encoding, files left aside, rows set aside) is always said, in French.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.messages import text_in_french
from decrochage_risk.cli.output import say
from decrochage_risk.errors import ArtefactError, RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from decrochage_risk.cli.options import OnFault
    from decrochage_risk.partitions import FolderScores, FolderTraining
    from decrochage_risk.records import PupilRecords
    from decrochage_risk.records.reading import Folder
    from decrochage_risk.school_year import SchoolCalendar

__all__ = [
    "Extracts",
    "check_target_file",
    "check_target_folder",
    "check_target_model",
    "fault_lines",
    "holding",
    "load_chosen",
    "policy_files",
    "read_extracts",
    "reading_lines",
    "say_leftovers",
    "writing",
]


_LISTS_OF_FILES = ("files.json", "manifest.json")
"""Of results, and of a model: a file that they do not name makes such a folder unusable."""


@dataclass(frozen=True)
class Extracts:
    """Records of a folder, and the folder as it was read.

    Attributes
    ----------
    records : PupilRecords
    folder : Folder
    as_of : date or None
        The day on which they are judged.
    """

    records: PupilRecords
    folder: Folder
    as_of: date | None = None

    def told(self) -> list[str]:
        """Tell what somebody must know of these extracts, in French: not read, guessed, set aside, odd."""
        faults = self.records.faults if self.as_of is None else self.records.faults_on(self.as_of)
        return [*reading_lines(self.folder), *fault_lines(len(faults.errors), len(faults.warnings))]


def fault_lines(errors: int, warnings: int) -> list[str]:
    """Tell how many rows were set aside, and how many are odd, in French."""
    lines = [f"Lignes mises de côté : {french.plural(errors, 'erreur')}."] if errors else []
    lines += [f"Lignes gardées : {french.plural(warnings, 'avertissement')}."] if warnings else []
    return [*lines, "Détail : « decrochage-risk check » sur ce dossier."] if lines else []


def reading_lines(folder: Folder | FolderScores | FolderTraining) -> list[str]:
    """Tell what was decided while reading a folder, in French."""
    lines = [f"Lecture : {text_in_french(note)}" for note in folder.notes]
    return [*lines, f"Fichiers non lus : {', '.join(folder.ignored)}"] if folder.ignored else lines


def read_extracts(
    folder: Path, *, on_fault: OnFault, calendar: SchoolCalendar | None, as_of: date | None = None
) -> Extracts:
    """Read and check a folder of extracts.

    Parameters
    ----------
    folder : Path
        Its own ``calendar.csv`` is used unless a calendar is given.
    on_fault : OnFault
        Raise one report of every error, or set the faulty rows aside.
    calendar : SchoolCalendar, optional
        Zone B when neither is there.
    as_of : date, optional
        The day on which they are judged: errors of later rows are never raised.

    Raises
    ------
    UnreadableRecordsError
        No such folder, or a file that cannot be read.
    FaultyRecordsError
        With every fault.
    """
    from decrochage_risk.records.reading import read_folder  # noqa: PLC0415 - pandas loads on first use

    return checked(read_folder(folder), on_fault=on_fault, calendar=calendar, as_of=as_of)


def checked(
    found: Folder, *, on_fault: OnFault, calendar: SchoolCalendar | None, as_of: date | None = None
) -> Extracts:
    """Check the tables of a folder that was read."""
    records = dr.PupilRecords.of_folder(found, on_fault=on_fault.value, calendar=calendar, as_of=as_of)
    return Extracts(records, found, as_of)


def load_chosen(folder: Path | None, sha256: str | None) -> dr.TrainedModel | None:
    """Load the model that is asked for; None when none is, so that the demonstration model is taken.

    Raises
    ------
    ArtefactError
        It cannot be loaded, or is not the one of the checksum; with a checksum alone, the demonstration model is not.
    """
    if folder is None and sha256 is None:
        return None
    from decrochage_risk.score.run_facts import demo_model_folder  # noqa: PLC0415 - numpy and pandas load on first use

    return dr.load_model(demo_model_folder() if folder is None else folder, sha256=sha256)


def check_target_folder(folder: Path, *, reads: Iterable[Path | None] = (), kind: str | None = None) -> None:
    """Refuse, before hours of work, a folder that cannot be written, or that would be read and replaced by one run.

    Parameters
    ----------
    folder : Path
        Where the command writes.
    reads : iterable of Path or None
        Files and folders that the command reads, those that were given.
    kind : str, optional
        What it writes (``result_folders.refuse_other_kind``); not asked of a command that replaces no folder.

    Raises
    ------
    RecordsError
        It is a file, lies under a file, or its place may not be written; it is, holds or lies within what is read; it
        holds results of another kind.
    """
    from decrochage_risk.result_folders import refuse_other_kind  # noqa: PLC0415 - only where something is written

    target = folder.resolve()
    for source in (place for place in reads if place is not None):
        place = source.resolve()
        if target == place:
            raise _read_too(f"{folder} is read by this command too")
        if target in place.parents:
            raise _read_too(f"{folder} holds {source}, which this command reads")
        if place in target.parents:
            raise _read_too(f"{folder} lies within {source}, which this command reads")
    if kind is not None:
        refuse_other_kind(target, kind, folder)
    _refuse_unwritable(folder)


def _read_too(came: str) -> RecordsError:
    return RecordsError(
        explain_error(
            came,
            expected="a place apart from all that is read",
            hint="Choose another place; nothing was touched.",
        )
    )


def _refuse_unwritable(folder: Path) -> None:
    place = folder
    # Several folders of a target may have to be made: the nearest one that is there decides.
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        came = (
            f"{folder} is a file" if place == folder else f"{folder} would be inside {place}, which is a file"
        )
    # To make a file in a folder takes both rights.
    elif not os.access(place, os.W_OK | os.X_OK):
        came = f"{place} may not be written"
    else:
        return
    raise RecordsError(
        explain_error(
            came,
            expected="a folder that can be written, there or to be made",
            hint="Choose another folder, or ask for the right to write there.",
        )
    )


def policy_files(policy: Path | None) -> list[Path]:
    """Give the files that a policy is read from: a folder of one may hold anything else beside them."""
    if policy is None or not policy.is_dir():
        return [] if policy is None else [policy]
    return [policy / name for name in ("vigilance.toml", "measures.toml")]


def check_target_model(folder: Path, *, reads: Iterable[Path | None] = ()) -> None:
    """Refuse, before the training, a folder that holds anything but a saved model, or what is read.

    Raises
    ------
    ArtefactError, RecordsError
    """
    check_target_folder(folder, reads=reads)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise ArtefactError(
            explain_error(
                f"{folder} holds something that is no saved model",
                expected="a new or empty folder, or a saved model to replace",
                hint="Choose another folder, or empty it.",
            )
        )


def check_target_file(path: Path | None, *, reads: Iterable[Path | None] = ()) -> None:
    """Refuse a file that cannot be written: it is a folder, its folder cannot be written, or it is part of what is read.

    A new file may stand among extracts, but not in a folder whose files are listed: a model, or results.

    Raises
    ------
    RecordsError
    """
    if path is None:
        return
    target = path.resolve()
    for source in (place for place in reads if place is not None):
        place = source.resolve()
        if target == place:
            raise _read_too(f"{path} is read by this command too")
        is_listed = any((place / name).is_file() for name in _LISTS_OF_FILES)
        if place in target.parents and (path.exists() or is_listed):
            raise _read_too(f"{path} lies within {source}, which this command reads")
    if path.is_dir():
        raise RecordsError(
            explain_error(
                f"{path} is a folder", expected="a file to write", hint=f"For example {path / 'rapport'}."
            )
        )
    _refuse_unwritable(path.parent)


def say_leftovers(target: Path) -> None:
    """Announce the working copies of extracts that killed runs left beside a folder of results."""
    from decrochage_risk.result_folders import leftovers, work_beside  # noqa: PLC0415 - --help needs none

    # Its own copy is not among them: this run may go on from it.
    copies = [place for place in leftovers(target.absolute().parent) if place != work_beside(target)]
    if copies:
        say(
            f"Copies de travail d'extraits, laissées par des passages interrompus : {', '.join(map(str, copies))}. "
            f"Les supprimer : decrochage-risk clean {target.parent}"
        )
    if work_beside(target).is_dir():
        say(
            f"Un passage interrompu a laissé sa copie de travail, {work_beside(target)} : elle est reprise si les fichiers et les "
            f"options sont les mêmes, et supprimée à la fin de celui-ci. La supprimer sans attendre : decrochage-risk clean {target.parent}"
        )


@contextmanager
def holding(target: Path) -> Iterator[None]:
    """Hold a folder of results for a whole run, and refuse what cannot be replaced before the work; say it when the disk refuses.

    Raises
    ------
    RecordsError
        Another run holds it, it holds anything of somebody else, or nothing can be written beside it.
    """
    from decrochage_risk.result_folders import hold, refuse_foreign  # noqa: PLC0415 - only where something is written

    with ExitStack() as held:
        # Of the place alone: an error of the run itself has words of its own.
        with writing(target):
            held.enter_context(hold(target))
        refuse_foreign(target)
        yield


@contextmanager
def writing(target: Path) -> Iterator[Path]:
    """Make the folder of a target; say it plainly when the disk refuses.

    Raises
    ------
    RecordsError
        The system refused to write (full disk, rights taken away).
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield target
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"{target} cannot be written ({error.strerror or error})",
                expected="room on the disk and the right to write there",
                hint="Choose another place; what was written so far may be incomplete.",
            )
        ) from error
