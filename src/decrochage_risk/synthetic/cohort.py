"""The cohort: years drawn one after the other, put into tables, with the truth kept."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from decrochage_risk.errors import AsOfError, RecordsError, explain_error
from decrochage_risk.school_year import DateLike, SchoolCalendar, day_number, school_year_of, to_date
from decrochage_risk.synthetic.arguments import (
    checked_difficulty,
    checked_pupils,
    checked_seed,
    checked_years,
)
from decrochage_risk.synthetic.columns import stack
from decrochage_risk.synthetic.population import draw_population, yearly_pupils
from decrochage_risk.synthetic.rows import event_tables, pupils_table
from decrochage_risk.synthetic.schools import make_schools
from decrochage_risk.synthetic.settings import TRUTH_DAYS
from decrochage_risk.synthetic.truth import truth_on
from decrochage_risk.synthetic.weeks import school_weeks
from decrochage_risk.synthetic.year import run_year

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.synthetic.columns import Columns
    from decrochage_risk.synthetic.year import YearTrace

__all__ = ["Cohort", "make_cohort"]

FileFormat = Literal["parquet", "csv"]
_FILE_FORMATS = ("parquet", "csv")
_RECORD_TABLES = ("pupils", "enrolments", "absences", "grades", "orientation")
_AUTUMN = 9  # an as-of date of September or later lies in the first calendar year of its school year


class Cohort:
    """Synthetic pupils over some school years, with the true probability of leaving.

    Made by :func:`make_cohort`.

    Attributes
    ----------
    tables : dict of str to DataFrame
        ``pupils``, ``enrolments``, ``absences``, ``grades``, ``orientation``, ``outcomes``.
    school_years : list of int
    calendar : SchoolCalendar
    difficulty : str
    """

    def __init__(
        self,
        tables: dict[str, pd.DataFrame],
        traces: Mapping[int, YearTrace],
        pupil_ids: pd.Series,
        calendar: SchoolCalendar,
        difficulty: str,
    ) -> None:
        self.tables = tables
        self.calendar = calendar
        self.difficulty = difficulty
        self._traces = dict(traces)
        self._pupil_ids = pupil_ids

    @property
    def school_years(self) -> list[int]:
        """School years of the cohort, in order."""
        return list(self._traces)

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

        pupils, enrolments, absences, grades, orientation = (self.tables[name] for name in _RECORD_TABLES)
        return PupilRecords(
            pupils,
            enrolments,
            absences=absences,
            grades=grades,
            orientation=orientation,
            calendar=self.calendar,
        )

    @cached_property
    def truth(self) -> pd.DataFrame:
        """:meth:`truth_at` on five days a year, early November to early May, for pupils enrolled that day."""
        days = [
            f"{year if month >= _AUTUMN else year + 1}-{month:02d}-{day:02d}"
            for year in self.school_years
            for month, day in TRUTH_DAYS
        ]
        return self.truth_at(*days)

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
        outside = [day for day in days if school_year_of(day) not in self._traces]
        if outside or not days:
            raise AsOfError(
                explain_error(
                    f"The true probability was asked for on {', '.join(map(str, outside)) or 'no day'}",
                    expected=f"days of the school years {self.school_years} (2024 = September 2024 to August 2025)",
                    hint="Ask for days of these years, or make a cohort of other years.",
                )
            )
        frames = []
        for year, trace in self._traces.items():
            wanted = [day_number(day) for day in days if school_year_of(day) == year]
            if wanted:
                frames += [self._truth_frame(trace, *found) for found in truth_on(trace, wanted)]
        return pd.concat(frames, ignore_index=True)

    def _truth_frame(
        self, trace: YearTrace, day: int, who: np.ndarray, probability: np.ndarray, latent: np.ndarray
    ) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "pupil_id": self._pupil_ids.array.take(trace.who[who]),
                "as_of": np.full(who.size, np.datetime64(day, "D").astype("datetime64[s]")),
                "probability": probability,
                "latent_probability": latent,
            }
        )

    def write(self, folder: str | Path, file_format: FileFormat = "parquet") -> list[Path]:
        """Write every table and the truth into a folder, one file each; other files of the folder stay.

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
        if file_format not in _FILE_FORMATS:
            raise RecordsError(
                explain_error(
                    f"file_format={file_format!r}",
                    expected=f"one of {', '.join(_FILE_FORMATS)}",
                    hint="Parquet is smaller and keeps the types of the columns.",
                )
            )
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        written = []
        for name, table in {**self.tables, "truth": self.truth}.items():
            path = target / f"{name}.{file_format}"
            if file_format == "parquet":
                table.to_parquet(path, index=False)
            else:
                table.to_csv(path, index=False, lineterminator="\n")
            written.append(path)
        return written

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(table):,}" for name, table in self.tables.items())
        return f"<Cohort {self.school_years[0]}-{self.school_years[-1] + 1}, {self.difficulty}: {sizes}>"


def make_cohort(
    pupils: int,
    school_years: Sequence[int],
    seed: int,
    difficulty: str = "observable",
    *,
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
    difficulty : {"observable", "realistic"}
        ``"observable"``: the risk is a function of what the records show. ``"realistic"``: hidden classes of pupils
        move it too, among them quiet ones who leave without a sign.
    calendar : SchoolCalendar, optional
        Zone B by default.
    progress : callable, optional
        Called with a short text before each year.

    Returns
    -------
    Cohort

    Raises
    ------
    RecordsError
        Less than one pupil, school years that are not consecutive or not in the calendar, another difficulty.

    Examples
    --------
    >>> cohort = make_cohort(200, [2023, 2024], seed=7)
    >>> cohort.tables["pupils"].shape
    (200, 3)
    >>> list(cohort.truth.columns)
    ['pupil_id', 'as_of', 'probability', 'latent_probability']
    """
    days = SchoolCalendar.for_zone("B") if calendar is None else calendar
    number, years = checked_pupils(pupils), checked_years(school_years, days)
    settings = checked_difficulty(difficulty)
    people, buildings, *year_seeds = np.random.SeedSequence(checked_seed(seed)).spawn(2 + len(years))
    population = draw_population(number, years, np.random.default_rng(people))
    schools = make_schools(yearly_pupils(number, len(years)), np.random.default_rng(buildings))
    traces: dict[int, YearTrace] = {}
    rows: list[dict[str, Columns]] = []
    for year, year_seed in zip(years, year_seeds, strict=True):
        if progress is not None:
            progress(f"{year}-{year + 1}")
        traces[year], year_rows = run_year(population, schools, school_weeks(days, year), settings, year_seed)
        rows.append(year_rows)
    stacked = {name: stack(one.pop(name) for one in rows) for name in tuple(rows[0])}
    tables = {"pupils": pupils_table(population)} | event_tables(stacked, population.pupil_id, schools)
    return Cohort(tables, traces, population.pupil_id, days, settings.name)
