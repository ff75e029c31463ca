"""Laws of the audit of boosters and their sister files: what a training writes passes, what LightGBM must not read does not."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ColumnsError, ModelError
from decrochage_risk.risk import FitOptions, RiskModel
from decrochage_risk.risk.booster_audit import Frame, booster_faults, without_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COLUMNS = ("absences", "mean_grade", "level")


def fitted(options: FitOptions, *, directions: Mapping[str, int], rows: int = 400) -> RiskModel:
    """Fit a small model."""
    chance = np.random.default_rng(4)
    table = pd.DataFrame({name: chance.normal(size=rows).round(2) for name in COLUMNS})
    happened = chance.random(rows) < 1 / (1 + np.exp(2 - table["absences"] + table["mean_grade"]))
    groups = np.where(chance.random(rows) < 0.5, "3e@03", "4e@11")
    return RiskModel.fit(
        table, happened, directions=directions, context=["level"], reference_groups=groups, options=options
    )


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    options = FitOptions(max_rounds=12, min_rounds=12, members=2, linear_share=0.5)
    return fitted(options, directions={"absences": 1, "mean_grade": -1}).to_files()


@pytest.fixture(scope="module")
def text(files: dict[str, str]) -> str:
    return files["booster-0.txt"]


FRAME = Frame((1, -1, 0), leaves=15, trees=20)


def with_row(text: str, key: str, change: Callable[[list[str]], list[str]], *, tree: int = 3) -> str:
    """Change the cells of one key of one tree, and the size that the header gives the tree."""
    blocks = re.split(r"(?m)^(?=Tree=\d+$)", text)
    before = re.search(rf"(?m)^{key}=(.*)$", blocks[1 + tree])
    assert before is not None
    row = " ".join(change(before[1].split(" ")))
    block = blocks[1 + tree]
    blocks[1 + tree] = block[: before.start()] + f"{key}={row}" + block[before.end() :]
    sizes = re.search(r"(?m)^tree_sizes=(.*)$", blocks[0])
    assert sizes is not None
    cells = sizes[1].split()
    cells[tree] = str(int(cells[tree]) + len(blocks[1 + tree]) - len(block))
    blocks[0] = blocks[0].replace(sizes[0], f"tree_sizes={' '.join(cells)}")
    return "".join(blocks)


def first(value: str) -> Callable[[list[str]], list[str]]:
    """Put a value into the first cell."""
    return lambda cells: [value, *cells[1:]]


@pytest.mark.whole
def test_what_a_training_writes_passes(files: dict[str, str]) -> None:
    """Boosters with a linear start, plain ones, ones without directions and without a split pass; risks keep their bits."""
    rows = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 3)), columns=list(COLUMNS))
    for options, directions in (
        (FitOptions(max_rounds=12, members=2), {"absences": 1}),
        (FitOptions(max_rounds=12, members=2), {}),
        (FitOptions(max_rounds=2, min_rounds=1, members=2, rows_per_leaf=300), {"mean_grade": -1}),
        (FitOptions(kind="logistic", members=3), {"absences": 1}),
    ):
        model = fitted(options, directions=directions)
        again = RiskModel.from_files(model.to_files())
        assert np.array_equal(again.risk(rows), model.risk(rows))
        assert again.to_files() == model.to_files()
    assert RiskModel.from_files(files).to_files() == files


def test_what_lightgbm_is_given_predicts_the_same_bits(text: str) -> None:
    """Importances and parameters change no prediction: LightGBM never sees them."""
    import lightgbm  # noqa: PLC0415 - heavy

    rows = np.random.default_rng(2).normal(size=(200, 3))
    whole, shorter = (lightgbm.Booster(model_str=one) for one in (text, without_parameters(text)))
    assert "parameters:" not in without_parameters(text)
    assert np.array_equal(whole.predict(rows, raw_score=True), shorter.predict(rows, raw_score=True))


@pytest.mark.parametrize(
    ("key", "change", "told"),
    [
        ("split_feature", first("3"), "split_feature has 3, expected 0 to 2"),
        ("split_feature", first("-1"), "split_feature has -1"),
        ("left_child", first("40"), "a child is 40"),
        ("left_child", first("-40"), "a child is -40"),
        ("left_child", first("0"), "node 0 leads back to node 0"),
        ("right_child", lambda cells: [cells[0], *cells[:-1]], "is reached twice"),
        ("threshold", first("nan"), "threshold holds other things than numbers"),
        ("threshold", first("1e999"), "threshold has inf"),
        ("leaf_value", first("1e30"), "leaf_value has 1e+30"),
        ("leaf_value", first("inf"), "leaf_value holds other things"),
        ("leaf_value", lambda cells: cells[1:], "leaf_value holds"),
        ("leaf_value", lambda cells: cells * 2, "leaf_value holds"),
        ("leaf_count", first("-1"), "leaf_count has -1"),
        ("internal_count", first("99999999999"), "internal_count has 1e+11"),
        ("decision_type", first("1"), "decision_type has 1, only 0 and 2"),
        ("decision_type", first("10"), "decision_type has 10"),
        ("num_leaves", first("16"), "num_leaves is '16', the model has 1 to 15"),
        ("num_leaves", first("1000000000"), "num_leaves is '1000000000'"),
        ("num_leaves", first("0"), "num_leaves is '0'"),
        ("num_cat", first("1"), "num_cat is '1', only numerical splits"),
        ("is_linear", first("1"), "is_linear is '1', only numerical splits and constant leaves"),
        ("shrinkage", first("x"), "shrinkage holds other things than numbers"),
    ],
)
def test_a_tree_that_is_none_is_refused(
    text: str, key: str, change: Callable[[list[str]], list[str]], told: str
) -> None:
    """Each number of a tree that points nowhere, back, beyond all odds or to another kind of tree is named."""
    found = booster_faults(with_row(text, key, change), FRAME)
    assert any(told in fault for fault in found), found
    assert booster_faults(with_row(text, key, lambda cells: cells), FRAME) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("version=v4\n", "version=v9\n", "version is 'v9'"),
        ("version=v4\n", "", "version is missing"),
        ("version=v4\n", "version=v4\nversion=v4\n", "version comes 2 times"),
        ("num_class=1\n", "num_class=1000000000\n", "num_class is"),
        ("max_feature_idx=2\n", "max_feature_idx=1\n", "max_feature_idx is '1'"),
        ("objective=binary sigmoid:1\n", "objective=regression\n", "objective is"),
        ("Column_0 Column_1", "Column_1 Column_0", "feature_names is"),
        ("monotone_constraints=1 -1 0\n", "monotone_constraints=-1 1 0\n", "monotone_constraints is"),
        ("monotone_constraints=1 -1 0\n", "", "monotone_constraints is nothing"),
        ("tree_sizes=", "tree_sizes=-5 ", "tree 0 does not fill"),
        ("tree_sizes=", "tree_sizes=x ", "tree_sizes holds no whole numbers"),
        ("feature_infos=[", "feature_infos=[9e99:", "feature_infos holds no 3 ranges"),
        ("Tree=4\n", "Tree=5\n", "tree 4 does not fill"),
        ("num_cat=0\n", "num_cat=0\nnum_cat=0\n", "does not fill"),
        ("end of trees\n", "", "what follows the trees"),
        ("feature_importances:\n", "feature_importances:\nColumn_7=1\n", "feature_importances names"),
        ("[seed: ", "[seed: [", "what follows the trees"),
        ("tree\n", "trees\n", "it begins with 'trees'"),
    ],
)
def test_a_header_or_an_end_that_is_none_is_refused(text: str, before: str, after: str, told: str) -> None:
    """A key that is missing, unknown, there twice or says otherwise than the model is named."""
    assert before in text
    found = booster_faults(text.replace(before, after, 1), FRAME)
    assert any(told in fault for fault in found), found


@pytest.mark.whole
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_edit_of_a_text_escapes(data: st.DataObject, text: str) -> None:
    """Whatever lines are cut, doubled or filled with anything, the audit answers with faults or with none: it never fails."""
    lines = text.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    what = data.draw(st.sampled_from(["cut", "double", "fill"]))
    if what == "cut":
        del lines[at]
    elif what == "double":
        lines.insert(at, lines[at])
    else:
        lines[at] = data.draw(st.text(max_size=30)) + data.draw(st.sampled_from(["", "=", "=1 2 3"]))
    assert isinstance(booster_faults("\n".join(lines), FRAME), list)


def numbers(tree: Mapping[str, str], key: str) -> list[float]:
    """Give the values of one key of a tree."""
    return [float(cell) for cell in tree[key].split()]


def goes_the_wrong_way(tree: Mapping[str, str], directions: tuple[int, ...]) -> bool:
    """Ask a tree at a point of every cell that its thresholds cut, and look at each step along each directed column."""
    columns = [int(cell) for cell in numbers(tree, "split_feature")]
    cuts = numbers(tree, "threshold")
    left, right = ([int(cell) for cell in numbers(tree, f"{side}_child")] for side in ("left", "right"))
    leaves = numbers(tree, "leaf_value")

    def value(point: tuple[float, ...]) -> float:
        node = 0
        while node >= 0:
            node = (left if point[columns[node]] <= cuts[node] else right)[node]
        return leaves[-1 - node]

    points = [
        [*sorted({cut for cut, of in zip(cuts, columns, strict=True) if of == column}), np.inf]
        for column in range(len(directions))
    ]
    for column, way in enumerate(directions):
        for others in itertools.product(*(points[:column] + points[column + 1 :])):
            row = [value((*others[:column], at, *others[column:])) for at in points[column]]
            if any(way * (later - earlier) < 0 for earlier, later in itertools.pairwise(row)):
                return True
    return False


@given(data=st.data(), number=st.integers(0, 12))
@settings(max_examples=120, deadline=None)
def test_a_tree_against_a_declared_direction_is_refused_and_no_other(
    data: st.DataObject, number: int, text: str
) -> None:
    """Whatever leaves are exchanged or negated, a tree is refused exactly when a step along a directed column goes the wrong way."""
    blocks = re.split(r"(?m)^(?=Tree=\d+$)", text)
    number = min(number, len(blocks) - 2)
    tree = dict(line.partition("=")[::2] for line in blocks[1 + number].split("\n"))
    leaves = tree["leaf_value"].split()
    how = data.draw(st.sampled_from(["as it is", "negated", "dealt anew", "two exchanged"]))
    if how == "negated":
        leaves = [repr(-float(leaf)) for leaf in leaves]
    elif how == "dealt anew":
        leaves = data.draw(st.permutations(leaves))
    elif how == "two exchanged":
        first_of, second = (data.draw(st.integers(0, len(leaves) - 1)) for _ in range(2))
        leaves[first_of], leaves[second] = leaves[second], leaves[first_of]
    faults = booster_faults(with_row(text, "leaf_value", lambda _: list(leaves), tree=number), FRAME)
    wrong = goes_the_wrong_way({**tree, "leaf_value": " ".join(leaves)}, FRAME.directions)
    assert any("against the declared direction" in fault for fault in faults) == wrong, faults
    assert bool(faults) == wrong


def test_flags_of_what_is_not_known_keep_their_place_and_columns() -> None:
    """Flags in another order, of no column or of one that is not there, or with other counts, are refused before they are read."""
    chance = np.random.default_rng(5)
    table = pd.DataFrame({name: chance.normal(size=400) for name in COLUMNS})
    table.loc[chance.random(400) < 0.3, "absences"] = np.nan
    table.loc[chance.random(400) < 0.3, "mean_grade"] = np.nan
    files = RiskModel.fit(
        table, chance.random(400) < 0.3, directions={"absences": 1}, context=["level"],
        knowledge={"no_absences": ["absences"], "no_marks": ["mean_grade"]}, options=FitOptions(kind="logistic", members=2),
    ).to_files()  # fmt: skip
    assert RiskModel.from_files(files).to_files() == files
    for change, told in (
        (lambda known: known["groups"].reverse(), "are not the last of columns"),
        (lambda known: known["groups"].pop(), "are not the last of columns"),
        (lambda known: known["groups"].append(["no_marks", ["mean_grade"]]), "are not the last of columns"),
        (lambda known: known["groups"][0].__setitem__(1, ["nothing"]), "'nothing', which is no column of values"),
        (lambda known: known["groups"][0].__setitem__(1, ["no_marks"]), "'no_marks', which is no column of values"),
        (lambda known: known["groups"][0].__setitem__(1, []), "no columns, or one twice"),
        (lambda known: known["rows"].update({"no_marks+no_absences": 100}), "expected flags in their order"),
        (lambda known: known["rows"].update({"other": 100}), "expected flags in their order"),
    ):  # fmt: skip
        forged = table_of(files, "references.json")
        change(forged["references"]["knowledge"])
        with pytest.raises(ModelError, match=re.escape(told)):
            RiskModel.from_files(files | {"references.json": json.dumps(forged)})


ODD_NAMES = st.one_of(
    st.sampled_from(["", "c++", "not_known_x", "x" * 200, "x" * 201, "é à\n", "a|b", "+" * 190]),
    st.text(st.characters(codec="utf-8"), max_size=12),
)


@given(
    names=st.lists(ODD_NAMES, min_size=2, max_size=4, unique=True),
    sizes=st.lists(st.sampled_from([1.0, 1e6, 1e15]), min_size=4, max_size=4),
)
@settings(max_examples=25, deadline=None)
def test_what_is_fitted_can_be_loaded(names: list[str], sizes: list[float]) -> None:
    """Whatever columns are called and however large their values, gaps or none, a fit is refused before it begins or reads back the same."""
    chance = np.random.default_rng(8)
    table = pd.DataFrame(
        {name: size * np.sign(chance.normal(size=200)) for name, size in zip(names, sizes, strict=False)}
    )
    for name in names[1:]:
        table.loc[chance.random(200) < 0.3, name] = np.nan
    happened, options = chance.random(200) < 0.4, FitOptions(kind="logistic", members=2, penalty=10.0)
    if any(not 1 <= len(name) <= 200 for name in names):
        with pytest.raises(ColumnsError, match="cannot be saved"):
            RiskModel.fit(table, happened, directions={}, options=options)
        return
    model = RiskModel.fit(table, happened, directions={}, options=options)
    again = RiskModel.from_files(model.to_files())
    assert again.to_files() == model.to_files()
    assert np.array_equal(again.risk(table), model.risk(table))


def test_trees_on_the_largest_values_can_be_loaded() -> None:
    """Values at the documented bound, rounded to their bits and outward, pass the audit of boosters and ranges."""
    chance = np.random.default_rng(9)
    table = pd.DataFrame({"a": 1e15 * np.sign(chance.normal(size=300)), "b": 1e15 * chance.random(300)})
    happened = chance.random(300) < np.where(table["a"] > 0, 0.6, 0.2)
    model = RiskModel.fit(
        table, happened, directions={"a": 1}, options=FitOptions(max_rounds=10, members=2, linear_share=0.5, penalty=10.0)
    )  # fmt: skip
    assert np.array_equal(RiskModel.from_files(model.to_files()).risk(table), model.risk(table))


def table_of(files: Mapping[str, str], name: str) -> dict[str, Any]:
    """Parse one of the JSON files."""
    found: dict[str, Any] = json.loads(files[name])
    return found


@pytest.mark.parametrize(
    ("name", "path", "value", "told"),
    [
        ("calibration.json", ("calibration", "intercept"), 1e30, "calibration.intercept"),
        ("calibration.json", ("calibration", "intercept"), "0", "calibration.intercept"),
        ("calibration.json", ("calibration", "kind"), "beta", "calibration.kind"),
        ("calibration.json", ("spread_factor",), 0, "spread_factor"),
        ("calibration.json", ("comparable", "lower"), [0.5, 0.4], "comparable"),
        ("calibration.json", ("comparable", "rows"), [], "rows"),
        ("calibration.json", ("comparable", "positives", 0), 10**9, "more positives than rows"),
        ("calibration.json", ("unknown",), 1, "unknown"),
        ("references.json", ("members",), 10**9, "members"),
        ("references.json", ("members",), 3, "members is 3, options.members 2"),
        ("references.json", ("rounds",), -1, "rounds"),
        ("references.json", ("rounds",), 1, "tree_sizes names"),
        ("references.json", ("base_rate",), 1.5, "base_rate"),
        ("references.json", ("directions", "absences"), 2, "directions.absences"),
        ("references.json", ("directions", "absences"), -1, "monotone_constraints"),
        ("references.json", ("directions", "other"), 1, "directions and references.columns differ: other"),
        ("references.json", ("references", "columns"), ["absences"], "differ: level, mean_grade"),
        ("references.json", ("references", "columns", 0), "mean_grade", "names a column twice"),
        ("references.json", ("references", "context"), ["nothing"], "references.context"),
        ("references.json", ("references", "dropped"), ["level"], "references.dropped"),
        ("references.json", ("references", "overall"), [1.0], "references.overall: 1 values of 3"),
        ("references.json", ("references", "by_label", "3e@03"), [1.0], "by_label.3e@03: 1 values of 3"),
        ("references.json", ("references", "by_label", "3e@03", 0), 1e300, "by_label.3e@03.0"),
        ("references.json", ("references", "general"), {"cap1": ["absences"]}, "general has 'cap1'"),
        ("references.json", ("references", "general"), {"3e@03": ["other"]}, "general.3e@03 is no part"),
        ("references.json", ("training_range", "lowest", 0), 1e9, "training_range: 'absences' from"),
        (
            "references.json",
            ("training_range", "columns"),
            ["mean_grade", "absences"],
            "training_range.columns",
        ),
        ("references.json", ("options", "leaves"), 10**9, "leaves"),
        ("references.json", ("options", "is_unbalance"), True, "options.is_unbalance is not known"),
    ],
)
def test_json_that_no_training_gives_is_refused(
    files: dict[str, str], name: str, path: tuple[str | int, ...], value: object, told: str
) -> None:
    """A count without bound, a number beyond all bounds, columns that differ between files: named, with what to do."""
    table = table_of(files, name)
    here: Any = table
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    with pytest.raises(ModelError) as caught:
        RiskModel.from_files(files | {name: json.dumps(table)})
    assert told in str(caught.value).splitlines()[0]
    assert "Hint: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"spread_factor": NaN}', "NaN is no number of JSON"),
        ('{"spread_factor": 1, "spread_factor": 2}', "the key 'spread_factor' comes twice"),
        ("[" * 200_000, "nested too deeply"),
        ("9" * 10_000, "no JSON"),
        ("{", "no JSON"),
    ],
)
def test_json_that_says_two_things_or_none_is_refused(files: dict[str, str], text: str, told: str) -> None:
    """NaN, a key twice, nesting without end, a number without end: refused as no JSON."""
    with pytest.raises(
        ModelError, match=r"calibration\.json holds what no training gives: no JSON"
    ) as caught:
        RiskModel.from_files(files | {"calibration.json": text})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("key", "change", "told"),
    [
        ("intercepts", lambda rows: rows[:1], "1 intercepts and 3 rows of slopes of 3 members"),
        ("slopes", lambda rows: [row[:2] for row in rows], "2 values of 3 columns"),
        (
            "slopes",
            lambda rows: [[-1.0, *row[1:]] for row in rows],
            "against the declared direction in absences",
        ),
    ],
)
def test_linear_members_that_no_training_gives_are_refused(
    key: str, change: Callable[[list[Any]], list[Any]], told: str
) -> None:
    """Slopes of another number, or against the declared direction, are named."""
    files = fitted(FitOptions(kind="logistic", members=3), directions={"absences": 1}).to_files()
    values = table_of(files, "linear.json")
    values[key] = change(values[key])
    with pytest.raises(ModelError, match=r"linear\.json holds") as caught:
        RiskModel.from_files(files | {"linear.json": json.dumps(values)})
    assert told in str(caught.value)
