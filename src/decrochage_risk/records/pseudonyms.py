"""Pseudonyms of pupils and classes: keyed, the same from year to year, useless without the key.

A pseudonym is an HMAC-SHA-256 of the id under a secret key that only the producer of the extracts holds. Never a
bare hash: the national pupil number has 11 known characters, so anybody can hash every possible number and read the
pupils back from the table (NIST FIPS 198-1 for HMAC; CNIL and article 4(5) of the GDPR for what a pseudonym is).

Pseudonymised is not anonymous: birth dates, schools and events stay, and the data remain personal data.

A folder of extracts becomes a folder of the same tables and kinds of files without any id that a school would know.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd

from decrochage_risk.csv_files import write_csv
from decrochage_risk.errors import RecordsError, RecordsWarning, explain_error, warn_caller
from decrochage_risk.records.checks import conform
from decrochage_risk.records.faults import text_of
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.records.reading import read_folder
from decrochage_risk.records.rules import (
    BAD_BYTES,
    BAD_DATE,
    BAD_PATTERN,
    TOO_LONG,
    UNKNOWN_CHOICE,
    WRONG_TYPE,
)
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.result_folders import ResultFolder
from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from decrochage_risk.records.reading import Folder
    from decrochage_risk.records.table_mapping import TableMapping


__all__ = [
    "MIN_KEY_BYTES",
    "Kind",
    "PseudonymisedFolder",
    "Pseudonymiser",
    "generate_key_file",
    "normalise_ids",
    "pseudonymise_folder",
]

Kind = Literal["pupil", "class"]

MIN_KEY_BYTES = 32
"""Shortest key, in bytes: the output size of SHA-256, below which RFC 2104 (section 3) discourages a key."""

PSEUDONYM_BYTES = 18
"""Bytes kept of the HMAC: 144 bits, written as 24 url-safe characters without padding."""

PREFIXES: Mapping[Kind, str] = {"pupil": "p_", "class": "c_"}


class Pseudonymiser:
    """Replaces ids by pseudonyms under one key.

    Parameters
    ----------
    key : bytes
        At least 32 bytes, random (:func:`generate_key_file`). It is shown by no representation of this object.

    Raises
    ------
    RecordsError
        A key that is too short, or whose bytes are all the same.

    Examples
    --------
    >>> by_key = Pseudonymiser(bytes(range(32)))
    >>> by_key.pseudonym(pd.Series(["0123456789A", " 0123456789A ", None])).tolist()
    ['p_6H5jcIgqVu5-XcqdGLLGxAp5', 'p_6H5jcIgqVu5-XcqdGLLGxAp5', nan]
    """

    # No __dict__, and the name is mangled: the key shows neither in vars() nor in a printed object.
    __slots__ = ("__key",)

    def __init__(self, key: bytes) -> None:
        # A file of zeros is long enough and no secret.
        if len(key) < MIN_KEY_BYTES or len(set(key)) == 1:
            came = f"A key of {len(key)} bytes" + (", all the same" if len(set(key)) == 1 else "")
            raise RecordsError(
                explain_error(
                    came,
                    expected=f"at least {MIN_KEY_BYTES} random bytes",
                    hint="Make one with generate_key_file(path), keep it apart from the data, and never change it.",
                )
            )
        self.__key = bytes(key)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Take the bytes of a file as the key, one line end at its end left out.

        A file that others may read is used, with a warning: secrets mounted into a container often are, and the
        key is no less right.

        Raises
        ------
        RecordsError
            No such file, or a key that cannot be used.

        Warns
        -----
        RecordsWarning
            When the group or others may read the file.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RecordsError(
                explain_error(
                    f"The key file {path} cannot be read: {error.strerror}",
                    expected="a file that holds the key",
                    hint="Make one with generate_key_file(path), once, and keep it.",
                )
            ) from error
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            warn_caller(
                explain_error(
                    f"The key file {path} can be read by others (mode {stat.S_IMODE(path.stat().st_mode):o})",
                    expected="mode 600",
                    hint=f"chmod 600 {path}",
                ),
                RecordsWarning,
            )
        # One line end only, as editors add it; stripping more would change a key of random bytes.
        return cls(content.removesuffix(b"\n").removesuffix(b"\r"))

    def __repr__(self) -> str:
        return f"<Pseudonymiser: key {self.fingerprint}>"

    @property
    def fingerprint(self) -> str:
        """Eight characters that tell two keys apart and give nothing away: compare them from year to year."""
        # No kind is called "fingerprint", and a kind is followed by NUL: this digest is no pupil's pseudonym.
        return hmac.digest(self.__key, b"fingerprint", "sha256").hex()[:8]

    def pseudonym(self, ids: pd.Series, kind: Kind = "pupil") -> pd.Series:
        r"""Replace ids by pseudonyms; a missing id stays missing.

        Parameters
        ----------
        ids : pandas.Series
            Text or integers. They are normalised first (:func:`normalise_ids`).
        kind : {"pupil", "class"}, default "pupil"
            Enters the HMAC: a class and a pupil of the same id get unrelated pseudonyms.

        Returns
        -------
        pandas.Series
            Of ``str``, same index and name: a prefix and 24 characters (144 bits).

        Raises
        ------
        RecordsError
            Ids that are neither text nor whole numbers; two ids with one pseudonym (never seen: about
            10\ :sup:`-31` for a million ids).
        """
        try:
            # Twice: normalising is done per spelling, hashing per id.
            row_codes, spellings = pd.factorize(ids)
        except TypeError as error:
            raise RecordsError(_no_ids("lists or other objects")) from error
        codes, distinct = pd.factorize(normalise_ids(pd.Series(spellings)))
        # A keyed hash has no vectorised form: one call per distinct id, not per row.
        pseudonyms = [self._one(text, kind) for text in distinct]
        if len(set(pseudonyms)) < len(pseudonyms):
            raise RecordsError(
                explain_error(
                    f"Two of {len(pseudonyms)} ids have the same pseudonym",
                    expected="one pseudonym per id",
                    hint="Use another key for this extract and the earlier ones.",
                )
            )
        pool = pd.array([*pseudonyms, None], dtype="str")
        return pd.Series(pool.take(np.append(codes, -1)[row_codes]), index=ids.index, name=ids.name)

    def _one(self, text: str, kind: Kind) -> str:
        """Hash one normalised id."""
        # No kind holds a NUL: two pairs of kind and id never give the same text.
        digest = hmac.digest(self.__key, f"{kind}\0{text}".encode(), "sha256")
        return PREFIXES[kind] + base64.urlsafe_b64encode(digest[:PSEUDONYM_BYTES]).decode()


def normalise_ids(ids: pd.Series) -> pd.Series:
    r"""Give ids the one spelling that is hashed: Unicode NFC, blanks at both ends removed, case kept.

    Whole numbers become their digits; an empty text is missing.

    Parameters
    ----------
    ids : pandas.Series
        Text, categories, or whole numbers (as floats too, when some are missing).

    Returns
    -------
    pandas.Series
        Of ``str``, same index.

    Raises
    ------
    RecordsError
        Values that are neither text nor whole numbers, with examples of their types only: ids are not shown.

    Examples
    --------
    >>> normalise_ids(pd.Series([7.0, None])).tolist(), normalise_ids(pd.Series([" e\u0301 "])).tolist()
    (['7', nan], ['é'])
    """
    if isinstance(ids.dtype, pd.CategoricalDtype):
        ids = ids.astype(ids.dtype.categories.dtype)
    if pd.api.types.is_float_dtype(ids.dtype):
        whole = ids.dropna()
        # From 2 ** 53 on a float stands for several whole numbers: two pupils would become one.
        if not (whole == whole.round()).all() or whole.abs().max() >= 2**53:
            raise RecordsError(_no_ids("numbers with decimals, or too large to be exact"))
        ids = ids.astype("Int64")
    if ids.dtype == object:
        strange = {kind.__name__ for kind in set(map(type, ids.dropna())) if not issubclass(kind, str)}
        if strange:
            raise RecordsError(_no_ids(f"values of type {', '.join(sorted(strange))}"))
    elif not (pd.api.types.is_string_dtype(ids.dtype) or pd.api.types.is_integer_dtype(ids.dtype)):
        raise RecordsError(_no_ids(f"values of type {ids.dtype}"))
    # NFC: macOS writes an accent as a character of its own, and the two forms would hash apart.
    text = ids.astype("string").astype("str").str.normalize("NFC").str.strip()
    return text.mask(text == "")


def _no_ids(what: str) -> str:
    """Compose the message for a column that holds no ids."""
    return explain_error(
        f"A column of ids holds {what}",
        expected="text, or whole numbers",
        hint="Export the ids as text: a spreadsheet turns them into numbers and eats leading zeros.",
    )


def generate_key_file(path: str | Path) -> Path:
    """Write a new random key (256 bits, as 64 hexadecimal characters), readable by its owner only.

    Raises
    ------
    RecordsError
        When there is a file already: a key that is lost cannot be made again, so none is ever overwritten.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = generate_key_file(Path(folder, "pupils.key"))
    ...     len(path.read_text().strip())
    64
    """
    path = Path(path)
    try:
        # The mode is given with the file: set afterwards, it would leave the key open to others for a moment.
        # O_EXCL: never over an old key, without which no earlier pseudonym is found again.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise RecordsError(
            explain_error(
                f"{path} is there already",
                expected="a new file",
                hint="Use the key that is there; with another one the pupils of earlier extracts cannot be found again.",
            )
        ) from error
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"{path} cannot be written: {error.strerror}", expected="a new file", hint="Check the folder."
            )
        ) from error
    with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
        file.write(secrets.token_hex(MIN_KEY_BYTES) + "\n")
    return path


REPLACED: Mapping[str, Kind] = {"pupil_id": "pupil", "class_id": "class"}


@dataclass(frozen=True, slots=True)
class PseudonymisedFolder:
    """What was written.

    Parameters
    ----------
    files : dict of str to Path
        Per table, the file written.
    rows : dict of str to int
        Per table, its rows: as many as came.
    distinct : dict of str to int
        Distinct ids replaced in all tables together, for ``pupil_id`` and ``class_id``.
    merged : dict of str to int
        Spellings that became the same id once normalised (blanks at an end, accents written in two ways).
    missing : dict of str to int
        Cells without id, left as they were.
    dropped : dict of str to tuple of str
        Per table, the columns not written: what is not declared may hold names.
    ignored : tuple of str
        Files of the source that were not read, and so not written.
    notes : tuple of str
        What was decided while reading the source.
    key_fingerprint : str
        Of the key used; must be the same for all extracts that are to be joined.
    blanked : dict of str to int
        Per column (``"orientation.target"``), the cells that were emptied: words that nothing declares may hold a name.
    """

    files: dict[str, Path]
    rows: dict[str, int]
    distinct: dict[str, int]
    merged: dict[str, int]
    missing: dict[str, int]
    dropped: dict[str, tuple[str, ...]]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    key_fingerprint: str
    blanked: dict[str, int]


def pseudonymise_folder(
    source: str | Path,
    target: str | Path,
    key: bytes | Pseudonymiser,
    progress: Callable[[str, int, int], None] | None = None,
    *,
    mapping: TableMapping | None = None,
    group: bool = False,
) -> PseudonymisedFolder:
    r"""Write every table of a folder again, its pupil and class ids replaced.

    School ids stay. Only declared columns are written. A Parquet table is written as ``NAME.parquet``, a CSV as
    ``NAME.csv`` (UTF-8, ``;``); the days of ``calendar.csv`` and the list of files too; no other file is. Free text
    (``target``) is kept where it is a level, a pathway or a code, and emptied otherwise; so are words in a column of
    choices, days, numbers or codes that are none of these. The target appears whole or not at all.

    Parameters
    ----------
    source : str or Path
        A folder that :func:`read_folder` reads.
    target : str or Path
        A new or empty folder, neither the source nor inside it.
    key : bytes or Pseudonymiser
        The key.
    progress : callable, optional
        Called after each table with its name, how many are done and how many there are.
    mapping : TableMapping, optional
        Names of files, columns and values of tables made by hand: what is written has ours.
    group : bool
        Whether the group of the folder may read it (0640 in 0750); its owner alone otherwise (0600 in 0700).

    Raises
    ------
    RecordsError
        A target that cannot be used, a key that is too weak, ids of different pupils with one pseudonym.
    UnreadableRecordsError
        The source cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     source = Path(home, "extract")
    ...     source.mkdir()
    ...     _ = Path(source, "pupils.csv").write_text("pupil_id;sex;name\n0123456789A;F;x\n")
    ...     done = pseudonymise_folder(source, Path(home, "out"), bytes(range(32)))
    ...     print(done.files["pupils"].read_text(encoding="utf-8"), end="")
    pupil_id;sex
    p_6H5jcIgqVu5-XcqdGLLGxAp5;F
    >>> done.dropped
    {'pupils': ('name',)}
    """
    source, target = Path(source).resolve(), Path(target).resolve()
    by_key = key if isinstance(key, Pseudonymiser) else Pseudonymiser(key)
    _refuse_target(source, target)
    folder = read_folder(source, mapping=mapping)
    with ResultFolder(target, group=group) as result:
        files, blank_counts = _write_all(folder, result.draft, by_key, progress)
        if folder.calendar is not None:
            # Read and written anew: a column more could hold anything.
            SchoolCalendar.from_csv(folder.calendar).to_csv(result.draft / "calendar.csv")
    return PseudonymisedFolder(
        files={name: target / file for name, file in files.items()},
        rows={name: len(table) for name, table in folder.tables.items()},
        **_count_ids(folder.tables),
        dropped={name: extra for name, table in folder.tables.items() if (extra := _undeclared(name, table))},
        ignored=folder.ignored,
        notes=folder.notes,
        key_fingerprint=by_key.fingerprint,
        blanked=blank_counts,
    )


def _refuse_target(source: Path, target: Path) -> None:
    """Refuse to write over the extracts, among them, or over anything else."""
    if target == source or source in target.parents:
        came = f"The target {target} is the source or inside it"
    elif target.is_file() or (target.is_dir() and any(target.iterdir())):
        came = f"The target {target} holds something already"
    else:
        return
    raise RecordsError(
        explain_error(
            came,
            expected="a new or empty folder outside the source",
            hint="Choose another folder: the extracts with real ids and those with pseudonyms must not be mixed.",
        )
    )


def _write_all(
    folder: Folder, fresh: Path, by_key: Pseudonymiser, progress: Callable[[str, int, int], None] | None
) -> tuple[dict[str, str], dict[str, int]]:
    """Write each table under pseudonyms; give the file names, and how many cells of free text were emptied."""
    files = {}
    blank_counts: dict[str, int] = {}
    for place, (name, table) in enumerate(folder.tables.items(), start=1):
        codes = {
            column: by_key.pseudonym(table[column], kind)
            for column, kind in REPLACED.items()
            if column in table
        }
        # Declared columns only: an extract may hold names or addresses in the others.
        columns = [column for column in TABLES[name].column_names if column in table]
        declared_table, empty_cells = _declared_words(name, table[columns])
        blank_counts |= empty_cells
        table_out = declared_table.assign(**codes)
        is_csv = folder.files[name].name.lower().endswith((".csv", ".csv.gz"))
        files[name] = f"{name}.csv" if is_csv else f"{name}.parquet"
        if is_csv:
            write_csv(table_out, fresh / files[name], for_machines=True)
        else:
            table_out.to_parquet(fresh / files[name], index=False)
        if progress is not None:
            progress(name, place, len(folder.tables))
    return files, blank_counts


FREE_TEXT = ("target",)
"""Declared columns in which an extract may hold any words, a name among them."""
_CODE = re.compile(
    r"[0-9]{10,11}[A-Z]?|[0-9][0-9A-Z]{7}"
)  # a MEF, an UAI-like or a formation code, never words


_UNREADABLE = frozenset(
    rule.name for rule in (BAD_BYTES, BAD_DATE, BAD_PATTERN, TOO_LONG, UNKNOWN_CHOICE, WRONG_TYPE)
)
"""Rules of cells in which something else stands than their column declares; a mark that is a known word is none."""


def _declared_words(name: str, table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Empty the cells that hold words which their column does not declare; count them per column."""
    # Categories that no row uses, and what a frame carries beside its rows, would be written with it.
    plain = {
        str(column): table[column].astype(kind.categories.dtype)
        for column, kind in table.dtypes.items()
        if isinstance(kind, pd.CategoricalDtype)
    }
    declared_table = table.assign(**plain)
    declared_table.attrs = {}
    blank_counts: dict[str, int] = {}
    for group in conform(TABLES[name], declared_table).faults:
        if group.rule not in _UNREADABLE or group.column in {None, *REPLACED} or not group.rows.size:
            continue
        column = str(group.column)
        # Without a letter it is a number or a day at fault, which whoever corrects the extract must see.
        rows = [row for row in group.rows.tolist() if _holds_letters(declared_table[column].iloc[row])]
        if rows:
            cells = declared_table[column].astype("object")
            cells.iloc[rows] = None
            declared_table = declared_table.assign(**{column: cells})
            blank_counts[f"{name}.{column}"] = blank_counts.get(f"{name}.{column}", 0) + len(rows)
    for column in FREE_TEXT:
        if column in declared_table:
            cells, count = _codes_only(declared_table[column])
            declared_table = declared_table.assign(**{column: cells})
            if count:
                blank_counts[f"{name}.{column}"] = blank_counts.get(f"{name}.{column}", 0) + count
    return declared_table, blank_counts


def _holds_letters(cell: object) -> bool:
    return not isinstance(cell, int | float | np.generic) and any(map(str.isalpha, text_of(cell)))


def _codes_only(cells: pd.Series) -> tuple[pd.Series, int]:
    """Keep what is a level, a pathway or a code; empty anything else, and count it."""
    words = {*LEVEL_BY_NAME, *(level.pathway for level in LEVEL_BY_NAME.values())}
    texts = cells.astype("object")
    is_code = texts.map(
        lambda cell: (
            isinstance(cell, str) and (cell.strip() in words or _CODE.fullmatch(cell.strip()) is not None)
        )
    )
    empty_cells = texts.notna() & ~is_code.astype(bool)
    return texts.mask(empty_cells, None), int(empty_cells.sum())


def _undeclared(name: str, table: pd.DataFrame) -> tuple[str, ...]:
    """Give the columns of a table that its declaration does not have."""
    return tuple(str(column) for column in table.columns if column not in TABLES[name].column_names)


def _count_ids(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, int]]:
    """Count, over all tables: distinct ids, spellings merged by normalisation, cells without id."""
    counts: dict[str, dict[str, int]] = {"distinct": {}, "merged": {}, "missing": {}}
    for column in REPLACED:
        columns = [table[column] for table in tables.values() if column in table]
        if columns:
            pairs = pd.concat([_spellings(cells) for cells in columns])
            both = pairs.dropna()
            counts["distinct"][column] = both["id"].nunique()
            # More spellings than ids: blanks or accents were written in several ways.
            counts["merged"][column] = both["spelling"].nunique() - both["id"].nunique()
            counts["missing"][column] = int(pairs.loc[pairs["id"].isna(), "rows"].sum())
    return counts


def _spellings(cells: pd.Series) -> pd.DataFrame:
    """Give each spelling of a column with its id and its number of rows; a number has one spelling."""
    rows = cells.value_counts(dropna=False, sort=False)
    raw = pd.Series(rows.index)
    ids = normalise_ids(raw)
    text = ids if pd.api.types.is_numeric_dtype(raw.dtype) else raw.astype("string").astype("str")
    return pd.DataFrame({"id": ids, "spelling": text, "rows": rows.to_numpy()})
