"""What is not known is knowledge: flags, patterns, references by what is known; never a reason, and learnt for what it is."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ModelError
from decrochage_risk.explain import attribute
from decrochage_risk.risk import FitOptions, RiskModel
from decrochage_risk.risk.knowledge import LEAST_LEARNT, LEAST_UNKNOWN, MOST_FLAGS, ROUNDED_TO, Knowledge
from decrochage_risk.risk.references import ENOUGH_KNOWN, References

QUICK = FitOptions(max_rounds=200, patience=20, linear_share=0.5, penalty=30.0)
GROUPS = {"not_known_marks": ("mean", "slope"), "not_known_absences": ("absences",)}
CELLS = st.one_of(st.floats(0, 5).map(round), st.just(float("nan")))


def silent_leavers(rows: int = 4_000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw marks that move the risk, and are not known of a third of those who leave and a tenth of the others."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"mean": rng.normal(11, 3, rows), "absences": rng.poisson(3, rows).astype(float)})
    left = rng.random(rows) < 1 / (1 + np.exp(2 + 0.4 * (table["mean"] - 11) - 0.2 * (table["absences"] - 3)))
    table.loc[rng.random(rows) < np.where(left, 0.33, 0.1), "mean"] = np.nan
    return table, left.astype(float)


@settings(max_examples=40)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=30))
def test_a_flag_is_one_where_no_column_of_its_group_is_known(rows: list[tuple[float, float, float]]) -> None:
    """Row by row, against a plain recomputation; the name of a pattern lists exactly the flags that are 1."""
    names = ("absences", "mean", "slope")
    knowledge = Knowledge(GROUPS, names)
    flags = knowledge.flags(np.array(rows, dtype=np.float64))
    for row, flag, pattern in zip(rows, flags, knowledge.patterns(flags).tolist(), strict=True):
        values = dict(zip(names, row, strict=True))
        expected = [all(np.isnan(values[column]) for column in columns) for columns in GROUPS.values()]
        assert flag.tolist() == [float(one) for one in expected]
        named = set(knowledge.name_of(pattern).split("+")) - {""}
        assert named == {name for name, one in zip(GROUPS, expected, strict=True) if one}


def test_columns_that_are_always_unknown_together_share_a_flag() -> None:
    """Of its own accord a model flags each set of columns with the same gaps, where rows enough have it and have it not."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(100, 4))
    matrix[:30, :2] = np.nan
    matrix[: LEAST_UNKNOWN - 1, 2] = np.nan
    knowledge = Knowledge.of_matrix(matrix, ["a", "b", "rarely", "always"])
    assert knowledge.groups == {"not_known_a": ("a", "b")}
    many = Knowledge.of_matrix(np.vstack([matrix] * 8), ["a", "b", "rarely", "always"])
    assert many.groups == {"not_known_a": ("a", "b"), "not_known_rarely": ("rarely",)}
    assert many.rows_like(matrix[[0, 29, 99]]).tolist() == [100, 0, 500]  # of 152, 88 and 560


def test_counts_of_patterns_tell_of_nobody_and_hold_the_limit() -> None:
    """Only full hundreds are kept, so that no count is under 100; from exactly 200 rows on a pattern is learnt."""
    for unknown in (0, 1, 99, 100, 199, 200, 201, 999):
        matrix = np.ones((1_000, 1))
        matrix[:unknown] = np.nan
        knowledge = Knowledge.of_matrix(matrix, ["a"], {"no_a": ["a"]})
        assert all(
            count >= ROUNDED_TO and count % ROUNDED_TO == 0 for count in knowledge.rows.values() if count
        )
        assert ("no_a" in knowledge.rows) == (unknown >= ROUNDED_TO)
        again = Knowledge.from_dict(json.loads(json.dumps(knowledge.to_dict())), ["a"])
        learnt = again.is_learnt(np.array([[np.nan], [1.0]]))
        assert learnt.tolist() == [unknown >= LEAST_LEARNT, 1_000 - unknown >= LEAST_LEARNT]


def test_a_model_without_counts_is_held_to_none() -> None:
    """One of format 1 counted nothing: every pattern is taken as learnt; a small training that counted is not."""
    without = Knowledge({"no_a": ("a",)}, ("a",))
    assert without.is_learnt(np.array([[np.nan], [1.0]])).all()
    small = Knowledge.of_matrix(np.ones((30, 1)), ["a"], {"no_a": ["a"]})
    assert not small.is_learnt(np.ones((1, 1))).any()


def test_a_pattern_that_the_training_never_had_has_no_rows() -> None:
    """What is served is held against what was learnt: a new pattern counts 0."""
    matrix = np.ones((60, 2))
    matrix[:30, 0] = np.nan
    knowledge = Knowledge.of_matrix(matrix, ["a", "b"], {"first": ["a"], "second": ["b"]})
    assert knowledge.rows_like(np.array([[1.0, np.nan]])).tolist() == [0]


@pytest.mark.parametrize(
    ("groups", "came"),
    [
        ({"a": ["b"]}, "'a' is a column of the table"),
        ({"x+y": ["b"]}, r"'x\+y' holds '\+'"),
        ({"x": "b"}, "'x' is one text"),
        ({f"flag{number}": ["b"] for number in range(MOST_FLAGS + 1)}, f"{MOST_FLAGS + 1} flags"),
    ],
)
def test_flags_that_cannot_be_made_are_refused(groups: dict[str, list[str]], came: str) -> None:
    """A name that is taken or cannot be read back, columns as one text, too many: each with the remedy."""
    with pytest.raises(ModelError, match=came) as error:
        Knowledge.of_matrix(np.ones((3, 2)), ["a", "b"], groups)
    assert "Hint" in str(error.value)


def test_references_back_off_to_the_first_group_with_rows_enough() -> None:
    """Level, month and knowledge; level and knowledge; knowledge; all: recomputed with plain medians."""
    frame = pd.DataFrame({
        "mean": np.r_[np.full(30, 5.0), np.full(30, 9.0), np.full(10, 13.0), np.full(40, np.nan)],
        "late": np.r_[np.zeros(30), np.ones(30), np.full(10, 2.0), np.r_[np.full(25, 6.0), np.full(15, 7.0)]],
    })  # fmt: skip
    labels = ["pro@03"] * 30 + ["pro@05"] * 30 + ["gt@03"] * 10 + ["pro@03"] * 25 + ["gt@03"] * 15
    references = References.fit(frame, labels, knowledge={"no_mean": ["mean"]})
    assert ENOUGH_KNOWN == 20

    def reference(mean: float, label: str) -> list[float]:
        return references.reference_rows(pd.DataFrame({"mean": [mean], "late": [0.0]}), [label])[0].tolist()

    assert reference(8.0, "pro@03") == [5.0, 0.0, 0.0]  # its own group
    assert reference(8.0, "pro@11") == [5.0, 0.0, 0.0]  # the level: 30 of 5 and 30 of 9, the lower middle
    assert reference(np.nan, "pro@03") == [9.0, 6.0, 1.0]  # its own group; of the marks, nobody there: all
    assert reference(np.nan, "gt@03") == [9.0, 6.0, 1.0]  # 15 rows are too few: all 40 without, then all
    assert reference(8.0, "gt@03") == [9.0, 1.0, 0.0]  # 10 rows are too few: all 70 with marks


def test_references_with_knowledge_survive_json() -> None:
    """What is written is what is read, groups of every width and counts of patterns."""
    table, _ = silent_leavers()
    references = References.fit(table, np.where(table.index % 2, "a@01", "b@02"))
    again = References.from_dict(json.loads(json.dumps(references.to_dict())))
    assert again.to_dict() == references.to_dict()
    rows = table.head(40)
    assert again.filled(rows, ["a@01"] * 40).tobytes() == references.filled(rows, ["a@01"] * 40).tobytes()


@pytest.fixture(scope="module")
def model() -> RiskModel:
    """Fit a model on pupils whose marks are missing for a reason."""
    table, left = silent_leavers()
    return RiskModel.fit(table, left, directions={"mean": -1, "absences": 1}, options=QUICK)


def test_who_is_not_known_is_calibrated_apart(model: RiskModel) -> None:
    """On other pupils, the mean risk of those without marks and of those with them is near what happened to each."""
    table, left = silent_leavers(6_000, seed=1)
    risk, unknown = model.risk(table), table["mean"].isna().to_numpy()
    assert left[unknown].mean() > 1.5 * left[~unknown].mean()
    for rows in (unknown, ~unknown):
        assert risk[rows].mean() == pytest.approx(left[rows].mean(), abs=0.05)
    without = RiskModel.fit(
        *silent_leavers(), directions={"mean": -1, "absences": 1}, options=QUICK, knowledge={}
    )
    assert abs(without.risk(table)[unknown].mean() - left[unknown].mean()) > 0.05


def test_what_is_not_known_is_no_reason(model: RiskModel) -> None:
    """Contributions add up to the score without the flags, and a value that is not known contributes exactly 0."""
    table, _ = silent_leavers(300, seed=2)
    found = attribute(model, model.filled(table), model.reference_rows(table))
    assert found.columns == model.booster_columns == ("mean", "absences", "not_known_mean")
    assert (found.contributions[:, 2] == 0).all()
    assert found.additive.all()
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), model.log_odds(table), atol=1e-9)
    assert (found.contributions[table["mean"].isna(), 0] == 0).all()


def test_a_frame_and_arrays_of_both_widths_give_the_same_bits(model: RiskModel) -> None:
    """The flags are read from the values, or taken from a filled array."""
    table, _ = silent_leavers(80, seed=3)
    filled = model.filled(table)
    assert filled.shape[1] == len(model.booster_columns) == 3
    risks = [model.risk(rows).tobytes() for rows in (table, table.to_numpy(), filled)]
    assert len(set(risks)) == 1
