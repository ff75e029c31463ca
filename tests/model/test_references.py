from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ColumnsError, ModelError
from decrochage_risk.risk.references import ENOUGH_KNOWN, References


def lower_median(values: list[float]) -> float:
    known = sorted(value for value in values if not np.isnan(value))
    return known[(len(known) - 1) // 2]


cells = st.one_of(st.integers(0, 5).map(float), st.just(float("nan")))


@settings(max_examples=40)
@given(
    st.lists(st.tuples(cells, st.sampled_from(["gt", "pro", None])), min_size=1, max_size=120), st.randoms()
)
def test_medians_are_those_of_a_slow_recomputation(
    rows: list[tuple[float, str | None]], shuffle: object
) -> None:
    """A group with enough known values has its own lower median, another the global one; row order changes nothing."""
    rows = [(7.0, "gt"), *rows]
    values = [value for value, _ in rows]
    fitted = References.fit(pd.DataFrame({"x": values}), [label for _, label in rows])
    everyone = lower_median(values)
    for label in fitted.labels:
        own = [value for value, of in rows if of == label]
        known = sum(not np.isnan(value) for value in own)
        expected = lower_median(own) if known >= ENOUGH_KNOWN else everyone
        assert fitted.by_label[fitted.labels.index(label), 0] == expected
    shuffle.shuffle(rows)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    again = References.fit(pd.DataFrame({"x": [value for value, _ in rows]}), [label for _, label in rows])
    assert again.to_dict() == fitted.to_dict()


def grouped() -> References:
    frame = pd.DataFrame(
        {"x": np.r_[np.zeros(30), np.full(50, 4.0)], "never": np.nan, "level": np.repeat([1, 2], [30, 50])}
    )
    return References.fit(frame, np.repeat(["low", "high"], [30, 50]), context=["level", "never"])


def test_a_pattern_that_was_not_learnt_is_compared_by_its_label() -> None:
    """A row of which something is unknown that was always known in training has the reference of its label, not that of all."""
    frame = pd.DataFrame(
        {"x": np.r_[np.zeros(30), np.full(50, 4.0)], "y": np.r_[np.ones(30), np.full(50, 9.0)]}
    )
    labels = np.repeat(["low", "high"], [30, 50])
    references = References.fit(frame, labels, knowledge={"not_known_y": ["y"]})
    rows = pd.DataFrame({"x": [5.0, 5.0], "y": [np.nan, np.nan]})
    assert references.filled(rows, ["low", "high"])[:, 1].tolist() == [1.0, 9.0]
    assert references.reference_rows(rows, ["low", "high"])[:, :2].tolist() == [[0.0, 1.0], [4.0, 9.0]]


def known_rows(rows: list[tuple[str, bool, bool]], label: str, *, is_flagged: bool) -> int:
    """Count the rows of a label, and of a pattern of knowledge, in which the first column is known."""
    return sum(is_known for of, is_known, flagged in rows if of.startswith(label) and flagged == is_flagged)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["low@01", "low@02", "high@01"]), st.booleans(), st.booleans(), st.integers(1, 24)
        ),
        min_size=1,
        max_size=12,
    )
)
def test_a_reference_is_general_where_its_own_label_knows_too_little(
    blocks: list[tuple[str, bool, bool, int]],
) -> None:
    """A reference is said to be of all labels when under 20 rows of the label, known in the same way, have the value."""
    # One row of which all is known, so that every column is kept.
    rows = [("high@01", True, False), *(row for *row, count in blocks for _ in range(count))]
    table = pd.DataFrame(
        {
            "x": [float(place % 7) if is_known else np.nan for place, (_, is_known, _) in enumerate(rows)],
            "y": [np.nan if flagged else 1.0 for *_, flagged in rows],
        }
    )
    labels = [label for label, *_ in rows]
    references = References.fit(table, labels, knowledge={"not_known_y": ["y"]})
    general = references.general_of(references.filled(table, labels), labels)[:, 0]
    # A pattern that no group holds, not even that of all labels, is compared as if everything were known.
    learnt = sum(flagged for *_, flagged in rows) >= ENOUGH_KNOWN
    for place, (label, _, flagged) in enumerate(rows):
        enough = [
            known_rows(rows, group, is_flagged=flagged and learnt) >= ENOUGH_KNOWN
            for group in (label, label[:-3])
        ]
        is_own = any(enough) or (
            flagged and not learnt and known_rows(rows, label[:-3], is_flagged=False) >= ENOUGH_KNOWN
        )
        assert general[place] == (not is_own), (label, flagged)


def test_general_references_survive_json() -> None:
    """Which medians are of all labels is written and read; a label that none knows has no group, and is compared with all."""
    frame = pd.DataFrame({"x": np.r_[np.zeros(30), np.full(5, 4.0), [np.nan] * 45], "y": 1.0})
    references = References.fit(frame, np.repeat(["low", "high"], [30, 50]), knowledge={})
    again = References.from_dict(json.loads(json.dumps(references.to_dict(), allow_nan=False)))
    assert again.to_dict() == references.to_dict()
    assert references.to_dict()["general"] == {"high": ["x"]}
    assert again.general_of(np.ones((3, 2)), ["low", "high", "other"]).tolist() == [
        [False, False],
        [True, False],
        [True, True],
    ]


def test_a_column_never_known_is_dropped_and_listed() -> None:
    """It is not asked for when predicting either."""
    references = grouped()
    assert references.columns == ("x", "level")
    assert references.dropped == ("never",)
    assert references.context == ("level",)


@pytest.mark.parametrize(
    ("labels", "expected"), [(["low"], 0.0), (["high"], 4.0), (["other"], 4.0), ([None], 4.0), (None, 4.0)]
)
def test_what_is_not_known_takes_the_value_of_its_group(
    labels: list[str | None] | None, expected: float
) -> None:
    """An unknown or missing label stands for the global median."""
    frame = pd.DataFrame({"level": [1], "x": [np.nan]})
    assert grouped().filled(frame, labels).tolist() == [[expected, 1.0]]


def test_a_label_alone_and_in_a_batch_finds_the_same_group() -> None:
    """The path for one row and the path for many agree, for labels of every kind."""
    labels = ["low", "high", None, "other", float("nan"), 3]
    frame = pd.DataFrame({"level": 1, "x": [np.nan] * len(labels)})
    batch = grouped().filled(frame, labels)
    alone = np.vstack([grouped().filled(frame.iloc[[row]], [labels[row]]) for row in range(len(labels))])
    np.testing.assert_array_equal(batch, alone)
    assert batch[:, 0].tolist() == [0.0, 4.0, 4.0, 4.0, 4.0, 4.0]


def test_context_equals_the_reference_and_the_rest_is_the_median() -> None:
    """The reference row has the pupil's own context; a context value that is not known is the median."""
    frame = pd.DataFrame({"level": [1.0, np.nan], "x": [9.0, 9.0]})
    assert grouped().reference_rows(frame, ["low", "low"]).tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert grouped().reference_rows(frame).tolist() == [[4.0, 1.0], [4.0, 2.0]]


def test_an_even_count_has_a_median_that_somebody_had() -> None:
    """The lower of the two middle values, never their mean."""
    assert References.fit(pd.DataFrame({"x": [0, 1]})).overall.tolist() == [0.0]


def test_medians_survive_json_to_the_last_bit() -> None:
    """What is written is what is read."""
    references = References.fit(pd.DataFrame({"x": np.arange(60) / 7}), np.repeat(["a", "é"], 30))
    again = References.from_dict(json.loads(json.dumps(references.to_dict(), allow_nan=False)))
    assert again.overall.tobytes() == references.overall.tobytes()
    assert again.by_label.tobytes() == references.by_label.tobytes()
    assert (again.columns, again.labels) == (references.columns, references.labels)


def test_a_table_without_one_known_value_is_refused() -> None:
    """There is nothing to learn from."""
    with pytest.raises(ColumnsError, match=r"None of the 1 columns has a known value in 2 rows") as error:
        References.fit(pd.DataFrame({"x": [np.nan, np.nan]}))
    assert "Hint" in str(error.value)


def test_an_unknown_context_column_is_refused() -> None:
    """A misspelt context would silently become a reason."""
    with pytest.raises(ModelError, match="'levle'") as error:
        References.fit(pd.DataFrame({"level": [1]}), context=["levle"])
    assert "Hint" in str(error.value)


def test_labels_of_another_length_are_refused() -> None:
    """Also where no value is missing and no label would be needed."""
    with pytest.raises(ModelError, match=r"shape \(3,\)") as error:
        grouped().filled(pd.DataFrame({"level": [1, 2], "x": [0.0, 0.0]}), ["low", "low", "high"])
    assert "one label per row" in str(error.value)
