"""What ``score`` finds out before it writes anything: a request that must be refused has replaced nothing by then."""

from __future__ import annotations

import shutil
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import decrochage_risk as dr
from decrochage_risk.errors import DecrochageWarning, FaultyRecordsError, UnreadableRecordsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    import pandas as pd

    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["Places", "former_run", "refuse_impossible_places"]

_NEEDED = ("pupils", "enrolments")
_RUNS = ("scores.parquet", "signals.parquet")


@dataclass(frozen=True)
class Places:
    """How many pupils can be met: in every school that is not named, and in those that are.

    Attributes
    ----------
    everywhere : int or None
        None: a school that is not named has no list.
    named : dict of str to int
    """

    everywhere: int | None
    named: dict[str, int]

    def of(self, schools: Iterable[str]) -> dict[str, int]:
        """Give the places of each school that has a list."""
        everywhere = {} if self.everywhere is None else dict.fromkeys(schools, self.everywhere)
        return everywhere | self.named


@contextmanager
def former_run(since: Path | None, target: Path, day: date) -> Iterator[Path | None]:
    """Give the folder of an earlier run as it stands now, also when the run that follows replaces it.

    Parameters
    ----------
    since : Path or None
        The folder of ``--since``.
    target : Path
        Where the run will write.
    day : date
        Its as-of date.

    Raises
    ------
    RecordsError
        The folder holds no results, those of a later day, or those of a version without the three lists.
    """
    if since is None:
        yield None
        return
    from decrochage_risk.score.writing import frame_of_earlier_run  # noqa: PLC0415 - loads pandas

    frame_of_earlier_run(since, day)
    if since.resolve() != target.resolve():
        yield since
        return
    with TemporaryDirectory() as home:
        # The habit of every month, one folder for all runs: read after the run, it would be compared with itself.
        kept = Path(home, "former")
        kept.mkdir()
        for name in _RUNS:
            if (since / name).is_file():
                shutil.copyfile(since / name, kept / name)
        yield kept


@dataclass(frozen=True)
class _Enrolled:
    """Those who are enrolled on a day, as far as a capacity asks of scores."""

    frame: pd.DataFrame


def refuse_impossible_places(
    folder: Path,
    places: Mapping[int, Places | None],
    *,
    as_of: date,
    calendar: SchoolCalendar | None,
    policy: dr.Policy,
) -> None:
    """Refuse a capacity that no scores could meet: of an unknown school, or above the size of one.

    Parameters
    ----------
    folder : Path
        The extracts; their pupils and enrolments alone are read.
    places : mapping of int to Places or None
        By horizon.
    as_of : date
        Day of the run.
    calendar : SchoolCalendar, optional
        As for the run.
    policy : Policy
        Whose path table names the levels of the second horizon.

    Raises
    ------
    PolicyError
        With every fault of a horizon.
    """
    capacities = {years: each for years, each in places.items() if each is not None}
    enrolled = _enrolled(folder, as_of, calendar, policy) if capacities else None
    if enrolled is None:
        return
    path_levels = {level for group in policy.table.path for level in group.levels}
    for years, each in capacities.items():
        rows = enrolled if years == 1 else enrolled[enrolled["level"].isin(path_levels)]
        schools = rows["school_id"].unique().tolist()
        if schools:
            dr.capacity_list(_Enrolled(enrolled), each.of(schools), horizon_years=years)


def _enrolled(
    folder: Path, as_of: date, calendar: SchoolCalendar | None, policy: dr.Policy
) -> pd.DataFrame | None:
    """List who is enrolled on a day, without any risk; None where the extracts cannot be read: the run says why, whole."""
    import pandas as pd  # noqa: PLC0415 - loads on first use

    from decrochage_risk.records.raw_tables import RawTable  # noqa: PLC0415 - same
    from decrochage_risk.records.reading import read_folder, read_table_file  # noqa: PLC0415 - same

    def read(path: Path) -> tuple[RawTable, tuple[str, ...]]:
        needed = path.name.partition(".")[0].lower() in _NEEDED
        return read_table_file(path) if needed else (RawTable.of_frame(pd.DataFrame()), ())

    try:
        extract = read_folder(folder, read)
        tables = {name: extract.raw[name] for name in _NEEDED if name in extract.raw}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DecrochageWarning)  # the run tells them
            records = dr.PupilRecords.of_folder(
                replace(extract, raw=tables), on_fault="quarantine", calendar=calendar, as_of=as_of
            )
            frame = dr.signals(records, as_of=as_of, policy=policy).frame
    except (FaultyRecordsError, UnreadableRecordsError):
        return None
    without = {name: float("nan") for name in ("risk", "risk_low", "risk_high")}
    columns = {f"{horizon}{name}": value for horizon in ("", "path_") for name, value in without.items()}
    flags = {
        f"{horizon}{name}": value
        for horizon in ("", "path_")
        for name, value in (("tier", 0), ("flagged", False))
    }
    return frame[frame["enrolled"]].assign(**columns, **flags)
