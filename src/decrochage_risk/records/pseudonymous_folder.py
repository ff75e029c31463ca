"""A whole folder of extracts under pseudonyms: same tables, same kind of files, no id that a school would know."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.records.pseudonyms import Kind, Pseudonymiser, normalise_ids
from decrochage_risk.records.reading import read_folder
from decrochage_risk.records.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from decrochage_risk.records.reading import Folder

__all__ = ["PseudonymisedFolder", "pseudonymise_folder"]

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


def pseudonymise_folder(
    source: str | Path,
    target: str | Path,
    key: bytes | Pseudonymiser,
    progress: Callable[[str, int, int], None] | None = None,
) -> PseudonymisedFolder:
    r"""Write every table of a folder again, its pupil and class ids replaced.

    School ids stay. Only declared columns are written. A Parquet table is written as ``NAME.parquet``, a CSV as
    ``NAME.csv`` (UTF-8, ``;``); ``calendar.csv`` is copied; no other file is. The target appears whole or not at all.

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
    found = read_folder(source)
    fresh = target.with_name(f".{target.name}.new-{secrets.token_hex(4)}")
    fresh.mkdir(parents=True)
    try:
        files = _write_all(found, fresh, by_key, progress)
        if found.calendar is not None:
            shutil.copyfile(found.calendar, fresh / "calendar.csv")
        if target.exists():
            target.rmdir()
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return PseudonymisedFolder(
        files={name: target / file for name, file in files.items()},
        rows={name: len(table) for name, table in found.tables.items()},
        **_count_ids(found.tables),
        dropped={name: extra for name, table in found.tables.items() if (extra := _undeclared(name, table))},
        ignored=found.ignored,
        notes=found.notes,
        key_fingerprint=by_key.fingerprint,
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
    found: Folder, fresh: Path, by_key: Pseudonymiser, progress: Callable[[str, int, int], None] | None
) -> dict[str, str]:
    """Write each table under pseudonyms; give the file names."""
    files = {}
    for done, (name, table) in enumerate(found.tables.items(), start=1):
        replaced = {
            column: by_key.pseudonym(table[column], kind)
            for column, kind in REPLACED.items()
            if column in table
        }
        declared = [column for column in TABLES[name].column_names if column in table]
        written = table[declared].assign(**replaced)
        is_csv = found.files[name].name.lower().endswith((".csv", ".csv.gz"))
        files[name] = f"{name}.csv" if is_csv else f"{name}.parquet"
        if is_csv:
            written.to_csv(fresh / files[name], sep=";", index=False, encoding="utf-8", lineterminator="\n")
        else:
            written.to_parquet(fresh / files[name], index=False)
        if progress is not None:
            progress(name, done, len(found.tables))
    return files


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
            known = pairs.dropna()
            counts["distinct"][column] = known["id"].nunique()
            counts["merged"][column] = known["spelling"].nunique() - known["id"].nunique()
            counts["missing"][column] = int(pairs.loc[pairs["id"].isna(), "rows"].sum())
    return counts


def _spellings(cells: pd.Series) -> pd.DataFrame:
    """Give each spelling of a column with its id and its number of rows; a number has one spelling."""
    rows = cells.value_counts(dropna=False, sort=False)
    raw = pd.Series(rows.index)
    ids = normalise_ids(raw)
    text = ids if pd.api.types.is_numeric_dtype(raw.dtype) else raw.astype("string").astype("str")
    return pd.DataFrame({"id": ids, "spelling": text, "rows": rows.to_numpy()})
