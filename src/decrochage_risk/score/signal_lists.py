"""The legal and the departure list of a school without any model: its first year, or before outcomes are known.

Both are facts of the records (4 or 10 unjustified half-days in a month; an enrolment that ended), so they need no
training, and no risk stands beside them. The lists have the same columns as those of a scored run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error, warn_caller
from decrochage_risk.features import FEATURE_BY_NAME, MONTH_FACT
from decrochage_risk.policy import Measure, load_policy
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.records.transmission import find_silence
from decrochage_risk.score.run_facts import fault_counts, signal_counts
from decrochage_risk.score.scored_pupils import or_none, with_text_types
from decrochage_risk.score.scoring import (
    NOT_ENROLLED,
    REFUSED,
    SET_ASIDE,
    age_years,
    excluded_pupils,
    refuse_other_inputs,
)
from decrochage_risk.score.ways import (
    WAY_COLUMNS,
    Departure,
    LegalSignal,
    SchoolReturns,
    Way,
    counts_of_ways,
    ways_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from decrochage_risk.policy import Policy
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.score.ways import WayFacts

__all__ = ["PupilSignals", "Signals", "signals"]

_FILES = ("signals.parquet", "run.json")


class PupilSignals(BaseModel):
    """What is said of one pupil without a model. Never a decision.

    Attributes
    ----------
    pupil_id : str
        Opaque id.
    as_of : date
        Nothing dated or recorded on or after this day was used.
    level : str or None
        Last known level.
    enrolled : bool
        Whether an enrolment is open that day.
    cause : str or None
        Why nothing is said, in French: a family that objected, or no enrolment at all.
    ways : tuple of {"legal", "departure"}
        The lists that the pupil is on.
    legal : LegalSignal or None
    departure : Departure or None
    measures : tuple of Measure
        Suggested, never decided.
    policy_version : str
    automated_decision : bool
        Always False.
    """

    model_config = ConfigDict(frozen=True)

    pupil_id: str
    as_of: date
    level: str | None
    enrolled: bool
    cause: str | None
    ways: tuple[Way, ...]
    legal: LegalSignal | None
    departure: Departure | None
    measures: tuple[Measure, ...]
    policy_version: str
    automated_decision: Literal[False] = False


@dataclass(frozen=True, eq=False)
class Signals:
    """One result per pupil of the records, in their order, and the lists of each school.

    Attributes
    ----------
    as_of : date
    policy : Policy
        Whose measures are suggested.
    calendar_version : str
    faults : dict of str to int
        Count of each fault of the records, "severity table rule".
    frame : DataFrame
        One row per pupil: place, ``legal_threshold`` (0, 4 or 10; NaN = absences not known), ``legal_months``,
        ``legal_recent``, ``departure``, ``last_enrolled_on``, ``legal_listed`` and ``departure_listed``.
    """

    as_of: date
    policy: Policy
    calendar_version: str
    faults: dict[str, int]
    _columns: dict[str, Any]
    _ways: WayFacts

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per pupil."""
        frame = pd.DataFrame(self._columns).astype({"last_enrolled_on": "datetime64[s]"})
        return with_text_types(frame)

    def __len__(self) -> int:
        return len(self._columns["pupil_id"])

    def __repr__(self) -> str:
        return f"<Signals au {self.as_of.isoformat()}: {self.summary}>"

    def __iter__(self) -> Iterator[PupilSignals]:
        return (self._pupil(row) for row in range(len(self)))

    def __getitem__(self, pupil_id: str) -> PupilSignals:
        if pupil_id not in self._position:
            raise RecordsError(
                explain_error(
                    f"No pupil {pupil_id!r} among the {len(self)} of the records",
                    expected="an id of the pupils table",
                    hint="Ids are compared letter by letter; see signals.frame['pupil_id'].",
                )
            )
        return self._pupil(self._position[pupil_id])

    @property
    def summary(self) -> str:
        """Counts, in French, with those of whom no list of absences can say anything."""
        counts = f"{french.plural(len(self), 'élève')}, {signal_counts(counts_of_ways(self._columns))}"
        unknown = int((self._columns["enrolled"] & np.isnan(self._columns["legal_threshold"])).sum())
        if not unknown:
            return counts
        return f"{counts}, {french.plural(unknown, 'élève')} dont les absences ne sont pas connues"

    def on_list(self, way: Way) -> pd.DataFrame:
        """Rows of ``frame`` on the list ``"legal"`` or ``"departure"``, by school, class and id."""
        rows = self.frame[self.frame[WAY_COLUMNS[way]]]
        return rows.sort_values(["school_id", "class_id", "pupil_id"], kind="stable", na_position="last")

    def write(self, folder: str | Path, *, group: bool = False) -> list[Path]:
        """Write ``signals.parquet``, ``run.json`` and one CSV list per school and way in ``listes/``.

        Parameters
        ----------
        folder : str or Path
            A new or empty folder, or one that an earlier run wrote, which is replaced as a whole or not at all.
        group : bool
            Whether the group of the folder may read it (0640 in 0750); its owner alone otherwise (0600 in 0700).

        Raises
        ------
        RecordsError
            The folder holds anything that no run of ours wrote, another run holds it, or it cannot be written.
        """
        from decrochage_risk.score.writing import (  # noqa: PLC0415 - pyarrow loads on first use
            ROW_GROUP,
            lists_of_schools,
            result_folder,
            schools_of_run,
            signal_line,
        )

        with result_folder(folder, group=group) as result:
            lists = result.draft / "listes"
            lists.mkdir()
            paths = [result.draft / name for name in _FILES]
            self.frame.to_parquet(paths[0], row_group_size=ROW_GROUP)
            text = json.dumps(self.run_facts(), ensure_ascii=False, indent=1)
            paths[1].write_text(f"{text}\n", encoding="utf-8")
            for way in ("legal", "departure"):
                tables = {}
                for school, rows in self.on_list(way).groupby("school_id", sort=True):
                    pairs = zip(rows["pupil_id"], rows["class_id"], strict=True)
                    tables[school] = pd.DataFrame(
                        [signal_line(self[pupil_id], class_id, way) for pupil_id, class_id in pairs]
                    )
                paths += lists_of_schools(tables, schools_of_run(self.frame), way, self.as_of, lists)
        return result.final(paths)

    def run_facts(self) -> dict[str, Any]:
        """Give what the lists rest on, as JSON values; there is no model."""
        return {
            "as_of": self.as_of.isoformat(),
            "model": None,
            "policy_version": self.policy.version,
            "calendar_version": self.calendar_version,
            "faults": self.faults,
        }

    @cached_property
    def _position(self) -> dict[str, int]:
        return {pupil: row for row, pupil in enumerate(self._columns["pupil_id"].tolist())}

    def _pupil(self, row: int) -> PupilSignals:
        names = ("pupil_id", "level", "enrolled", "cause", "age_years", "legal_listed", "departure_listed")
        cells = {name: self._columns[name][row] for name in names}
        return PupilSignals(
            pupil_id=cells["pupil_id"],
            as_of=self.as_of,
            level=cells["level"],
            enrolled=bool(cells["enrolled"]),
            cause=cells["cause"],
            ways=tuple(way for way, column in WAY_COLUMNS.items() if way != "risk" and cells[column]),
            legal=self._ways.legal(row),
            departure=self._ways.left(row, cells["age_years"]),
            measures=self._measures(row, cells),
            policy_version=self.policy.version,
        )

    def _measures(self, row: int, cells: dict[str, Any]) -> tuple[Measure, ...]:
        if not (cells["legal_listed"] or cells["departure_listed"]):
            return ()
        absence = self._ways.absence
        return self.policy.measures_for(
            level=cells["level"],
            age_years=cells["age_years"],
            as_of=self.as_of,
            # No model, no tier: only measures that facts or a departure open.
            tier=0,
            # Features are not computed here: not known is what the policy must read, never zero.
            facts=dict.fromkeys(FEATURE_BY_NAME, np.nan) | {MONTH_FACT: absence.most(row)},
            told=lambda _name: absence.told(row),
            departed=bool(cells["departure_listed"]),
        )


def signals(
    records: PupilRecords, *, as_of: object, policy: Policy | None = None, exclude: Iterable[str] = ()
) -> Signals:
    """List who is at the legal threshold of absence and who has left, without any model.

    Parameters
    ----------
    records : PupilRecords
        Checked records.
    as_of : date or ISO text
        Only what was dated and recorded before this day is used.
    policy : Policy, optional
        Whose measures are suggested; the bundled ones when left out.
    exclude : iterable of str
        Pupils whose family objected: nothing is said of them.

    Returns
    -------
    Signals
        As many results as pupils, in the order of ``records.pupils``.

    Raises
    ------
    AsOfError, CalendarError, RecordsError
        As for ``score_pupils``.

    Warns
    -----
    RecordsWarning
        When ``exclude`` names pupils that the records do not hold, or nobody is enrolled this year in a school where all pupils of
        last year would have left.

    Examples
    --------
    >>> from decrochage_risk.synthetic import make_cohort
    >>> lists = signals(make_cohort(60, [2023, 2024], seed=1).records, as_of="2025-03-05")
    >>> len(lists), len(lists.on_list("legal")) == int(lists.frame["legal_listed"].sum())
    (60, True)
    """
    refuse_other_inputs(None, policy, records)
    policy = policy or load_policy()
    cut = records.known_on(as_of)
    objectors = excluded_pupils(cut, exclude)
    ways = ways_of(cut, objectors, find_silence(cut, tables={"absences"}))
    columns = _columns_of(records, cut, ways, objectors)
    for warning in SchoolReturns.of(columns["school_id"], cut.enrolled, ways.departure).warnings():
        warn_caller(warning)
    return Signals(cut.as_of, policy, cut.calendar.version, fault_counts(records, cut.as_of), columns, ways)


def _columns_of(
    records: PupilRecords, cut: KnownRecords, ways: WayFacts, objectors: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    row = cut.current_enrolment_row
    places = {
        name: or_none(row >= 0, records.enrolments[name].astype(object).to_numpy()[np.maximum(row, 0)])
        for name in ("school_id", "class_id", "network_id")
    }
    cause = np.full(cut.pupil_count, None, dtype=object)
    cause[(cut.level < 0) & ~cut.enrolled] = NOT_ENROLLED
    cause[~cut.enrolled & (cut.set_aside.get("enrolments", np.zeros(cut.pupil_count)) > 0)] = SET_ASIDE
    # Last: an objection is the cause to be told, whatever else is true.
    cause[objectors] = REFUSED
    return {
        "pupil_id": np.array(cut.arrays.pupils.words, dtype=object),
        "school_year": cut.school_year,
        **places,
        "as_of": pd.Timestamp(cut.as_of),
        "level": np.array([*LEVEL_NAMES, None], dtype=object)[cut.level],
        "enrolled": cut.enrolled,
        "cause": cause,
        "age_years": np.where(objectors, np.nan, age_years(cut.arrays.birth_day, cut.as_of)),
        **ways.columns(),
    }
