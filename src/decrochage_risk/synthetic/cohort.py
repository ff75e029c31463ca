"""The cohort: blocks drawn one after the other, put into tables, with the truth kept; and written without keeping it all.

The same seed gives the same cohort, to the byte. The truth is computed when it is asked for, from the chain that the
rows were drawn from: it is the probability itself, not a frequency.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.errors import AsOfError, explain_error
from decrochage_risk.school_year import DateLike, SchoolCalendar, day_number, school_year_of, to_date
from decrochage_risk.synthetic.blocks import checked_plan, draw_blocks
from decrochage_risk.synthetic.settings import TRUTH_DAYS
from decrochage_risk.synthetic.truth import truth_on
from decrochage_risk.synthetic.writing import FileFormat, checked_format, write_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.synthetic.blocks import Block

__all__ = ["Cohort", "make_cohort", "write_cohort"]

_AUTUMN = 9  # an as-of date of September or later lies in the first calendar year of its school year


class Cohort:
    """Synthetic pupils over some school years, with the true probability of leaving.

    Made by :func:`make_cohort`.

    Attributes
    ----------
    tables : dict of str to DataFrame
        ``pupils``, ``enrolments``, ``absences``, ``grades``, ``orientation``, ``outcomes``, and ``coverage`` where
        some school does not send a table.
    school_years : list of int
    calendar : SchoolCalendar
    difficulty : str
    """

    def __init__(
        self, blocks: Iterable[Block], school_years: list[int], calendar: SchoolCalendar, difficulty: str
    ) -> None:
        all_blocks = list(blocks)
        names = list(dict.fromkeys(name for block in all_blocks for name in block.tables))
        self.tables = {name: _joined([block.tables.pop(name) for block in all_blocks]) for name in names}
        self.school_years = school_years
        self.calendar = calendar
        self.difficulty = difficulty
        self._blocks = all_blocks

    @property
    def outcomes(self) -> pd.DataFrame:
        """One row per pupil and school year: ``pupil_id``, ``school_year``, ``outcome``, ``date``.

        ``date`` is the last day of school for who leaves within the year, and missing for who is not back in
        September.
        """
        return self.tables["outcomes"]

    @cached_property
    def records(self) -> PupilRecords:
        """The tables as checked records, without the outcomes; built on first use."""
        from decrochage_risk.records.pupil_records import PupilRecords  # noqa: PLC0415 - only who asks loads the checks

        tables = self.tables
        return PupilRecords(
            tables["pupils"],
            tables["enrolments"],
            absences=tables["absences"],
            grades=tables["grades"],
            orientation=tables["orientation"],
            coverage=tables.get("coverage"),
            calendar=self.calendar,
        )

    @cached_property
    def truth(self) -> pd.DataFrame:
        """:meth:`truth_at` on five days a year, early November to early May, for pupils enrolled that day."""
        return self.truth_at(*_truth_days(self.school_years))

    def truth_at(self, *as_of: DateLike) -> pd.DataFrame:
        """Compute the true probability on the morning of one day or several.

        Parameters
        ----------
        as_of : date or ISO text
            Days after the first school week of a school year of the cohort.

        Returns
        -------
        DataFrame
            ``pupil_id``, ``as_of``, ``probability`` (of leaving without a diploma between that day and 1 November
            after the year, given what the records show that morning), ``latent_probability`` (given also what
            they do not show; the same at difficulty "observable"). One row per enrolled pupil and day.

        Raises
        ------
        AsOfError
            A day outside the school years of the cohort, or before the end of their first week.

        Examples
        --------
        >>> cohort = make_cohort(50, [2024], seed=1)
        >>> cohort.truth_at("2025-02-03")["probability"].between(0, 1).all()
        np.True_
        """
        days = sorted({to_date(day) for day in as_of})
        outside = [day for day in days if school_year_of(day) not in self.school_years]
        if outside or not days:
            raise AsOfError(
                explain_error(
                    f"The true probability was asked for on {', '.join(map(str, outside)) or 'no day'}",
                    expected=f"days of the school years {self.school_years} (2024 = September 2024 to August 2025)",
                    hint="Ask for days of these years, or make a cohort of other years.",
                )
            )
        by_day = [_truth_of(block, day) for day in days for block in self._blocks]
        return pd.concat(by_day, ignore_index=True)

    def write(self, folder: str | Path, file_format: FileFormat = "parquet") -> list[Path]:
        """Write every table and the truth into a folder, one file each; an earlier cohort there is replaced.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        file_format : {"parquet", "csv"}

        Returns
        -------
        list of Path
            The files, of which ``decrochage-risk check`` and ``PupilRecords.read`` read those of the records.
        """
        return list(write_blocks(folder, [{**self.tables, "truth": self.truth}], file_format))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(table):,}" for name, table in self.tables.items())
        return f"<Cohort {self.school_years[0]}-{self.school_years[-1] + 1}, {self.difficulty}: {sizes}>"


def make_cohort(
    pupils: int,
    school_years: Sequence[int],
    seed: int,
    difficulty: str = "observable",
    *,
    youngest: str = "6e",
    regimes: Sequence[str] = (),
    calendar: SchoolCalendar | None = None,
    progress: Callable[[str], object] | None = None,
) -> Cohort:
    """Draw a synthetic cohort.

    Parameters
    ----------
    pupils : int
        Distinct pupils, all years together.
    school_years : list of int
        Consecutive school years (2024 = 2024-2025).
    seed : int
        The same seed gives the same cohort, to the byte.
    difficulty : {"observable", "realistic", "hard"}
        ``"observable"``: the risk is a function of what the records show. ``"realistic"``: hidden classes of pupils
        move it too, among them quiet ones who leave with hardly a sign, and some schools do not send every table.
        ``"hard"``: more of all that, with interactions, a corner that is not monotone, and wrong outcomes.
    youngest : {"6e", "3e"}
        Level that the cohort begins with.
    regimes : sequence of str
        What changes in the last school year: names of ``REGIMES`` (``"prior_shift"``, ``"concept_drift"``,
        ``"stops_recording"``, ``"new_marking"``, ``"merged_school"``).
    calendar : SchoolCalendar, optional
        Zone B by default.
    progress : callable, optional
        Called with a short text before each year (of each block, where there are several).

    Returns
    -------
    Cohort

    Raises
    ------
    RecordsError
        Less than one pupil, school years that are not consecutive or not in the calendar, another difficulty,
        youngest level or regime.

    Examples
    --------
    >>> cohort = make_cohort(200, [2023, 2024], seed=7)
    >>> cohort.tables["pupils"].shape
    (200, 3)
    >>> list(cohort.truth.columns)
    ['pupil_id', 'as_of', 'probability', 'latent_probability']
    """
    plan = checked_plan(pupils, school_years, seed, difficulty, youngest, regimes, calendar)
    blocks = draw_blocks(plan, progress)
    return Cohort(blocks, plan.school_years, plan.calendar, plan.difficulty.name)


def write_cohort(  # noqa: PLR0913 - where and how, besides all that make_cohort takes
    folder: str | Path,
    pupils: int,
    school_years: Sequence[int],
    seed: int,
    difficulty: str = "observable",
    *,
    file_format: FileFormat = "parquet",
    youngest: str = "6e",
    regimes: Sequence[str] = (),
    calendar: SchoolCalendar | None = None,
    progress: Callable[[str], object] | None = None,
) -> dict[Path, int]:
    """Draw a cohort and write it block by block: any number of pupils in the memory of one block.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    file_format : {"parquet", "csv"}
    pupils, school_years, seed, difficulty, youngest, regimes, calendar, progress
        As in :func:`make_cohort`, whose tables and truth the files hold.

    Returns
    -------
    dict of Path to int
        The files, and how many rows each holds.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_cohort(folder, 20, [2024], seed=1)][:3]
    ['pupils.parquet', 'enrolments.parquet', 'absences.parquet']
    """
    checked_format(file_format)
    plan = checked_plan(pupils, school_years, seed, difficulty, youngest, regimes, calendar)
    return write_blocks(folder, _with_truth(draw_blocks(plan, progress), plan.school_years), file_format)


def _with_truth(blocks: Iterable[Block], school_years: list[int]) -> Iterator[dict[str, pd.DataFrame]]:
    for block in blocks:
        days = [to_date(day) for day in _truth_days(school_years)]
        truth = pd.concat([_truth_of(block, day) for day in days], ignore_index=True)
        yield {**block.tables, "truth": truth}


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _truth_days(school_years: Iterable[int]) -> list[str]:
    return [
        f"{year if month >= _AUTUMN else year + 1}-{month:02d}-{day:02d}"
        for year in school_years
        for month, day in TRUTH_DAYS
    ]


def _truth_of(block: Block, day: date) -> pd.DataFrame:
    """Truth of one block on one day."""
    trace = block.traces[school_year_of(day)]
    ((number, who, probability, latent),) = truth_on(trace, [day_number(day)])
    return pd.DataFrame(
        {
            "pupil_id": block.pupil_ids.array.take(trace.who[who]),
            "as_of": np.full(who.size, np.datetime64(number, "D").astype("datetime64[s]")),
            "probability": probability,
            "latent_probability": latent,
        }
    )
