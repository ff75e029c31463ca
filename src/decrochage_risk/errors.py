"""The one error tree of the package.

Every message says what came, what was expected and what to do (``Hint: ...``). Catch
:class:`DecrochageError` to catch everything that this package raises on purpose.

::

    DecrochageError
    ├── RecordsError (ValueError)            the records cannot be used
    │   ├── FaultyRecordsError               faults found by the checks; ``.report`` lists every one of them
    │   └── UnreadableRecordsError           a file or payload that cannot be read at all
    │       └── UnreadableExportError        an export of a school; ``.french`` says it to the school
    ├── CalendarError (ValueError)           a day outside the known years, an unknown zone, a bad calendar file
    ├── AsOfError (ValueError)               an as-of date that cannot be used with these records
    ├── ModelError (ValueError)              a model cannot be fitted or used on these columns
    │   ├── NotEnoughDataError               too few rows, pupils or outcomes to learn or to measure
    │   ├── LeakError                        a single feature tells the outcome by itself
    │   └── ColumnsError                     columns missing, unknown, or not numeric
    ├── ArtefactError (ValueError)           a saved model cannot be read
    │   ├── TamperedArtefactError            a file is missing, truncated or edited
    │   ├── UnknownFormatError               a FORMAT that this version has no reader for
    │   └── ContractMismatchError            trained on another feature contract; the message holds the diff
    ├── PolicyError (ValueError)             a policy table that contradicts itself or leaves a level out
    └── JournalError (ValueError)            a journal that cannot be read, written or purged as asked

    DecrochageWarning (UserWarning)
    ├── RecordsWarning                       records kept although something in them is odd
    ├── DemoModelWarning                     scores come from the bundled demonstration model
    └── TrainingWarning                      a training that works, but less well than it could
"""

from __future__ import annotations

import inspect
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import UnionType

    import pandas as pd

__all__ = [
    "ArtefactError",
    "AsOfError",
    "CalendarError",
    "ColumnsError",
    "ContractMismatchError",
    "DecrochageError",
    "DecrochageWarning",
    "DemoModelWarning",
    "FaultyRecordsError",
    "JournalError",
    "LeakError",
    "ModelError",
    "NotEnoughDataError",
    "PolicyError",
    "RecordsError",
    "RecordsWarning",
    "TamperedArtefactError",
    "TrainingWarning",
    "UnknownFormatError",
    "UnreadableExportError",
    "UnreadableRecordsError",
    "explain_error",
    "refuse_other_kinds",
    "warn_caller",
]

_PACKAGE = f"{Path(__file__).parent}{os.sep}"


def explain_error(came: str, *, expected: str, hint: str) -> str:
    """Compose the one shape of every message: what came, what was expected, what to do.

    Examples
    --------
    >>> print(explain_error("Zone 'D' is not known", expected="one of A, B, C", hint="Grand Est is in zone B."))
    Zone 'D' is not known.
    Expected: one of A, B, C.
    Hint: Grand Est is in zone B.
    """
    return f"{came.rstrip('.')}.\nExpected: {expected.rstrip('.')}.\nHint: {hint}"


def refuse_other_kinds(
    given: Mapping[str, tuple[object, type | UnionType]],
    *,
    hint: str,
    error: type[DecrochageError] | None = None,
) -> None:
    """Refuse arguments of another kind at the door, all of them at once, not where an attribute of one is missed.

    Parameters
    ----------
    given : mapping from str to (object, type)
        By the name of the argument: what was given, and what is asked for (``PupilRecords | None`` where it may be left out).
    hint : str
        How to pass them.
    error : type of DecrochageError, optional
        What is raised; ``RecordsError`` when None.

    Raises
    ------
    DecrochageError
        An object is of another kind.

    Examples
    --------
    >>> refuse_other_kinds({"calendar": ("B", int | None), "days": ([], list)}, hint="calendar=3")
    Traceback (most recent call last):
    ...
    decrochage_risk.errors.RecordsError: calendar is a str, not int.
    Expected: int.
    Hint: calendar=3
    """
    wrong = {name: (came, kind) for name, (came, kind) in given.items() if not isinstance(came, kind)}
    if wrong:
        raise (error or RecordsError)(
            explain_error(
                "; ".join(
                    f"{name} is a {type(came).__name__}, not {_name_of(kind)}"
                    for name, (came, kind) in wrong.items()
                ),
                expected=", ".join(_name_of(kind) for _, kind in wrong.values()),
                hint=hint,
            )
        )


def _name_of(kind: type | UnionType) -> str:
    kinds = [one for one in getattr(kind, "__args__", ()) if one is not type(None)] or [kind]
    return " or ".join(one.__name__ for one in kinds)


def warn_caller(warning: Warning | str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the package, however many of its functions stand between.

    A count of frames (``stacklevel=4``) is wrong as soon as one of these functions is split.

    Parameters
    ----------
    warning : Warning or str
        A warning, or its text.
    category : type of Warning
        Of a text.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_caller("No year is untouched.", TrainingWarning)
    >>> caught[0].category.__name__, "doctest" in caught[0].filename
    ('TrainingWarning', True)
    """
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(warning, category, stacklevel=level)


class DecrochageError(Exception):
    """Everything that this package raises on purpose."""


class RecordsError(DecrochageError, ValueError):
    """The records cannot be used."""


class Report(Protocol):
    """What this module needs of ``records.faults.FaultReport``, which lies in a higher layer."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per fault."""

    def text(self, language: Literal["en", "fr"] = "en") -> str:
        """Write the report for people."""

    @property
    def errors(self) -> Self:
        """The errors alone."""

    @property
    def warnings(self) -> Self:
        """The warnings alone."""


class FaultyRecordsError(RecordsError):
    """The checks found errors in the records; ``report`` holds every fault of every table.

    Parameters
    ----------
    report : FaultReport
        All faults, errors and warnings, of all tables.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(str(report))


class UnreadableRecordsError(RecordsError):
    """A file or payload cannot be read at all (truncated, not a table, unknown encoding).

    Parameters
    ----------
    message : str
        All of it, for people.
    faults : sequence of str
        Of a payload: each fault of its shape, with its place; no value of a cell, but keys as they came.
    report : FaultReport, optional
        Of a payload: the faults of the rows that could be read all the same.
    """

    def __init__(
        self, message: str = "", *, faults: Sequence[str] = (), report: Report | None = None
    ) -> None:
        self.faults = tuple(faults)
        self.report = report
        super().__init__(message)


class UnreadableExportError(UnreadableRecordsError):
    """An export of a school's software cannot be read, or must not be.

    Parameters
    ----------
    message : str
        In English, for programs (:func:`explain_error`).
    french : str
        One sentence for the school, without any pupil's value: what is wrong and what to ask for.
    """

    def __init__(self, message: str, *, french: str) -> None:
        self.french = french
        super().__init__(message)


class CalendarError(DecrochageError, ValueError):
    """A day outside the known school years, an unknown zone, or a calendar file that cannot be used."""


class AsOfError(DecrochageError, ValueError):
    """An as-of date that cannot be used with these records."""


class ModelError(DecrochageError, ValueError):
    """A model cannot be fitted or used."""


class NotEnoughDataError(ModelError):
    """Too few rows, pupils or outcomes to learn or to measure something."""


class LeakError(ModelError):
    """A single feature tells the outcome by itself: it was made out of what came after, or the outcome was."""


class ColumnsError(ModelError):
    """Columns are missing, unknown, not numeric or not finite."""


class ArtefactError(DecrochageError, ValueError):
    """A saved model cannot be read."""


class TamperedArtefactError(ArtefactError):
    """A file of the artefact is missing, truncated or edited: its checksum does not hold."""


class UnknownFormatError(ArtefactError):
    """The artefact has a FORMAT that this version of the package has no reader for."""


class ContractMismatchError(ArtefactError):
    """The artefact was trained on another feature contract than the catalogue of this package."""


class PolicyError(DecrochageError, ValueError):
    """A policy table contradicts itself, leaves a level out, or holds a value that cannot be."""


class JournalError(DecrochageError, ValueError):
    """A journal cannot be read, written or purged as asked."""


class DecrochageWarning(UserWarning):
    """Root of the warnings of this package."""


class RecordsWarning(DecrochageWarning):
    """Records are kept although something in them is odd; the fault report says what.

    Parameters
    ----------
    message : str
        In English.
    report : FaultReport, optional
        The faults, where the warning is of faults.
    """

    def __init__(self, message: str = "", report: Report | None = None) -> None:
        self.report = report
        super().__init__(message)


class DemoModelWarning(DecrochageWarning):
    """Scores come from the bundled demonstration model, trained on synthetic pupils."""


class TrainingWarning(DecrochageWarning):
    """A training that works, but with less than what a full one needs."""
