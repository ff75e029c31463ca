"""The compiled passes over windows, each against the same counted by hand, and the facts that a run shares."""

from __future__ import annotations

import gc
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.features import kernels
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.records import PupilRecords

if TYPE_CHECKING:
    from decrochage_risk.records.time_cut import KnownRecords

DAYS = st.integers(100, 140)
ROWS_OF_PUPILS = st.lists(st.lists(st.tuples(DAYS, st.integers(0, 3)), max_size=8), min_size=1, max_size=4)
EDGES = st.lists(st.integers(95, 145), min_size=1, max_size=6).map(sorted)
CELLS = st.one_of(st.floats(-20, 20), st.just(float("nan")), st.just(0.0))


def _known() -> KnownRecords:
    records = PupilRecords(
        pupils=[{"pupil_id": "a1", "birth_date": "2011-03-01"}],
        enrolments=[
            {
                "pupil_id": "a1",
                "school_year": 2024,
                "school_id": "0990001N",
                "level": "4e",
                "start_date": "2024-09-02",
            }
        ],
        absences=[{"pupil_id": "a1", "date": "2025-03-03", "half_days": 2, "kind": "absence"}],
    )
    return records.known_on("2025-03-10")


@given(pupils=ROWS_OF_PUPILS, edges=EDGES)
def test_rows_and_sums_between_edges_are_those_of_a_count(
    pupils: list[list[tuple[int, int]]], edges: list[int]
) -> None:
    """Each span counts and sums the rows of its own days, whatever lies before the first edge and after the last."""
    pupils = [sorted(rows) for rows in pupils]
    days = np.array([day for rows in pupils for day, _ in rows], dtype=np.int32)
    values = np.array([value for rows in pupils for _, value in rows], dtype=np.float64)
    starts = np.cumsum([0, *(len(rows) for rows in pupils)]).astype(np.int64)
    counts = kernels.rows_between(days, starts, np.array(edges, dtype=np.int64))
    sums = kernels.sums_between(values, days, starts, np.array(edges, dtype=np.int64))
    spans = list(pairwise(edges))
    assert counts.tolist() == [
        [sum(low <= day < high for day, _ in rows) for low, high in spans] for rows in pupils
    ]
    assert sums.tolist() == [
        [float(sum(value for day, value in rows if low <= day < high)) for low, high in spans]
        for rows in pupils
    ]


@given(days=st.lists(st.integers(-5, 20), max_size=12))
def test_a_day_outside_a_calendar_has_the_value_0(days: list[int]) -> None:
    """Each day reads its own value, a day before the first or after the last one 0."""
    values = np.array([2, 1, 0, 2, 1], dtype=np.int8)
    found = kernels.values_on(values, 7, np.array(days, dtype=np.int32))
    assert found.tolist() == [int(values[day - 7]) if 7 <= day < 12 else 0 for day in days]


@given(part=st.lists(CELLS, min_size=6, max_size=6), whole=st.lists(CELLS, min_size=6, max_size=6))
def test_a_ratio_of_too_little_is_not_known(part: list[float], whole: list[float]) -> None:
    """A ratio is the plain division where the whole is positive and large enough, NaN elsewhere, in one and two dimensions."""
    above, below = np.array(part), np.array(whole)
    for least in (0.0, 8.0):
        expected = [
            one / other if other > 0 and other >= least else float("nan")
            for one, other in zip(part, whole, strict=True)
        ]
        found = kernels.ratios(above, below, least)
        np.testing.assert_array_equal(found, expected)
        square = kernels.ratios(above.reshape(2, 3), below.reshape(2, 3), least)
        np.testing.assert_array_equal(square.ravel(), expected)


@given(rows=st.lists(st.lists(CELLS, min_size=4, max_size=4), min_size=1, max_size=5))
def test_a_mean_of_columns_passes_over_what_is_not_known(rows: list[list[float]]) -> None:
    """The mean is that of the known cells of the columns asked for, added in their order; NaN for a row without one."""
    columns = [2, 0, 3]
    means = kernels.mean_of_columns(np.array(rows), np.array(columns))
    for mean, row in zip(means.tolist(), rows, strict=True):
        total, count = 0.0, 0
        for column in columns:
            if not np.isnan(row[column]):
                total, count = total + row[column], count + 1
        np.testing.assert_equal(mean, total / count if count else float("nan"))


def test_facts_are_shared_while_somebody_holds_them() -> None:
    """Whoever asks for the facts of the same records gets those that are held, other records get others, nobody keeps them."""
    known, other = _known(), _known()
    facts = Facts.of(known)
    assert Facts.of(known) is facts
    assert Facts.of(other) is not facts
    facts.once("mark", lambda: 1)
    del facts
    gc.collect()
    # New ones: what was found of the records went with the facts.
    assert Facts.of(known).once("mark", lambda: 2) == 2
