"""A reader of a whole model folder (card, report, thresholds) finds no few pupils, by linear programming or in its files."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from decrochage_risk.model import take_snapshots
from decrochage_risk.model.trained_model import load_trained_model
from decrochage_risk.policy import load_policy
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.risk import FitOptions
from decrochage_risk.small_cells import is_small
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train import train_model
from decrochage_risk.train.backtest import dimensions_of

if TYPE_CHECKING:
    from pathlib import Path

    from decrochage_risk.model import Snapshots, TrainedModel

pytestmark = pytest.mark.slow  # each trains whole models: run by make test-all

DATES = ("2023-03-06", "2024-03-06")
"""One date a year: a row is a pupil, so that the report and the held-out tables count the very same ones."""


@dataclass
class Reader:
    """What somebody writes down who reads all files: unknowns from 0 on, sums that hold, numbers that are printed."""

    places: dict[Any, int] = field(default_factory=dict)
    rows: list[dict[int, float]] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    truth: dict[Any, int] = field(default_factory=dict)

    def unknown(self, name: Any, truth: int) -> int:
        """Add an unknown; its true value is for the judge alone."""
        self.truth[name] = truth
        return self.places.setdefault(name, len(self.places))

    def add_up(self, whole: Any, parts: list[Any]) -> None:
        """Write that a count is the sum of others."""
        row = {self.places[whole]: 1.0}
        for part in parts:
            row[self.places[part]] = row.get(self.places[part], 0.0) - 1.0
        self.rows.append(row)
        self.sums.append(0.0)

    def read(self, name: Any, value: float | None) -> None:
        """Write a number that is printed; None is hidden."""
        if value is not None:
            assert value == pytest.approx(self.truth[name]), name
            self.rows.append({self.places[name]: 1.0})
            self.sums.append(float(self.truth[name]))

    def interval(self, name: Any) -> tuple[float, float]:
        """Find the least and the largest value that a count can have."""
        data = [(row, place, factor) for row, one in enumerate(self.rows) for place, factor in one.items()]
        at, column, factor = (np.array(part) for part in zip(*data, strict=True))
        matrix = csr_array((factor, (at, column)), shape=(len(self.rows), len(self.places)))
        goal, ends = np.zeros(len(self.places)), []
        goal[self.places[name]] = 1.0
        for sign in (1.0, -1.0):
            found = linprog(sign * goal, A_eq=matrix, b_eq=np.array(self.sums), bounds=(0, None))
            ends.append(sign * found.fun if found.status == 0 else -sign * np.inf)
        return ends[0], ends[1]


@pytest.fixture(scope="module")
def trained() -> tuple[TrainedModel, Snapshots]:
    """Train a model of some 2000 pupils a year; give the rows of its last year with it."""
    cohort = make_cohort(2000, [2022, 2023], seed=5)
    model = train_model(
        cohort.records,
        cohort.outcomes,
        as_of_dates=DATES,
        synthetic=True,
        hold_out_schools=False,
        options=FitOptions(max_rounds=30, members=2, linear_share=0.5, penalty=100.0),
    )
    return model, take_snapshots(cohort.records, cohort.outcomes, DATES[1:], closes=(11, 1))


def written_down(  # noqa: C901 - a reader writes down what stands in many tables
    model: TrainedModel, rows: Snapshots
) -> Reader:
    """Write down what the report, the thresholds and the tiers of a folder print of the last year.

    The unknowns are pupils by level, sex, years behind, network and outcome, added up; nothing is read of how the counts were
    hidden.
    """
    reader, left = Reader(), rows.outcome == 1
    dimensions = {name: np.asarray(values).astype(str) for name, values in dimensions_of(rows).items()}
    report = model.report
    groups = {(one["dimension"], one["group"]): one for one in report["groups"]}
    outcomes = {"all": np.ones(len(left), dtype=bool), "left": left, "stayed": ~left}

    def add(name: Any, inside: np.ndarray) -> None:
        for outcome, mask in outcomes.items():
            reader.unknown((*name, outcome), int((inside & mask).sum()))
        reader.add_up((*name, "all"), [(*name, "left"), (*name, "stayed")])

    add(("everybody",), np.ones(len(left), dtype=bool))
    reader.read(("everybody", "all"), report["figures"]["rows"])
    reader.read(("everybody", "left"), report["figures"]["events"])
    for dimension in (
        "level",
        "pathway",
        "sex",
        "years_behind",
        "network",
        "knowledge",
        "sex_pathway",
        "sex_years_behind",
    ):
        values = np.unique(dimensions[dimension]).tolist()
        for value in values:
            add((dimension, value), dimensions[dimension] == value)
        for outcome in outcomes:
            reader.add_up(("everybody", outcome), [(dimension, value, outcome) for value in values])
    pathway_of = {
        level: dimensions["pathway"][dimensions["level"] == level][0]
        for level in np.unique(dimensions["level"])
    }
    for outcome in outcomes:
        for pathway in set(pathway_of.values()):
            own = [("level", level, outcome) for level, home in pathway_of.items() if home == pathway]
            reader.add_up(("pathway", pathway, outcome), own)
        for second in ("pathway", "years_behind"):
            for whole in ("sex", second):
                for value in np.unique(dimensions[whole]).tolist():
                    parts = np.unique(dimensions[f"sex_{second}"][dimensions[whole] == value]).tolist()
                    reader.add_up(
                        (whole, value, outcome), [(f"sex_{second}", part, outcome) for part in parts]
                    )
    read_groups(reader, groups, dimensions, left)
    read_held_out(reader, model, rows, dimensions)
    return reader


def read_groups(
    reader: Reader, groups: dict[Any, dict[str, Any]], dimensions: dict[str, Any], left: np.ndarray
) -> None:
    """Read the groups of the report; one that joins several is a sum that no other table prints."""
    for (dimension, group), one in groups.items():
        if (
            dimension not in dimensions
            or (dimension, "all") in reader.places
            or dimension in ("school", "month")
        ):
            continue
        name = (dimension, group)
        if (*name, "all") not in reader.places:
            # one group of a dimension joins all values that do not stand alone
            alone = {other for where, other in groups if where == dimension}
            parts = [value for value in np.unique(dimensions[dimension]).tolist() if value not in alone]
            inside = np.isin(dimensions[dimension], parts)
            for outcome, mask in (("all", inside), ("left", inside & left)):
                reader.unknown((*name, outcome), int(mask.sum()))
                reader.add_up((*name, outcome), [(dimension, part, outcome) for part in parts])
        reader.read((*name, "all"), one["rows"])
        reader.read((*name, "left"), one["events"])


def read_held_out(reader: Reader, model: TrainedModel, rows: Snapshots, dimensions: dict[str, Any]) -> None:
    """Read the thresholds and tiers, whose pupils of a level are those of the report."""
    known: dict[Any, int] = {}
    counts = model.held_out["thresholds"]
    policy = load_policy()
    labels = {name: level.label for name, level in LEVEL_BY_NAME.items()}
    for row in counts:
        levels = [row["name"]] if row["by"] == "level" else next(
            group.levels for group in policy.table.groups if group.code == row["name"]
        )  # fmt: skip
        whole = (row["by"], row["name"])
        inside = np.isin(dimensions["level"], [labels[level] for level in levels])
        for outcome, mask in (("all", inside), ("left", inside & (rows.outcome == 1))):
            name = ("held_out", *whole, outcome)
            if name not in reader.places:
                reader.unknown(name, int(mask.sum()))
                parts = [
                    ("level", labels[level], outcome)
                    for level in levels
                    if ("level", labels[level], outcome) in reader.places
                ]
                reader.add_up(name, parts)
                reader.read(name, row["pupils" if outcome == "all" else "left"])
    for row in counts:
        if row["listed"] is None:
            continue
        name = (row["by"], row["name"])
        at = ("listed", *name, row["threshold"])
        for what, value, whole in (("all", row["listed"], "all"), ("left", row["hits"], "left")):
            reader.unknown((*at, what), value)
            reader.unknown((*at, what, "below"), reader.truth["held_out", *name, whole] - value)
            reader.add_up(("held_out", *name, whole), [(*at, what), (*at, what, "below")])
            reader.read((*at, what), value)
        before = known.get(name)
        if before is not None:
            last = ("listed", *name, before)
            for what in ("all", "left"):
                band = reader.truth[*last, what] - reader.truth[*at, what]
                reader.unknown(("band", *at, what), band)
                reader.add_up((*last, what), [("band", *at, what), (*at, what)])
        known[name] = row["threshold"]


def test_who_reads_the_whole_folder_finds_nobody(trained: tuple[TrainedModel, Snapshots]) -> None:
    """Each count of 1 to 10 pupils of a group, level, threshold or band has an interval of 5 at least for its reader."""
    model, rows = trained
    reader = written_down(model, rows)
    small = [name for name, value in reader.truth.items() if is_small(value)]
    assert len(small) > 40
    narrow = {}
    for name in small:
        low, high = reader.interval(name)
        if high - low < 5 - 1e-6:
            narrow[name] = (low, reader.truth[name], high)
    assert not narrow


def test_a_reader_finds_them_where_nothing_is_hidden(trained: tuple[TrainedModel, Snapshots]) -> None:
    """The same reader, given every count of the groups, finds few pupils: the attack is one that can succeed."""
    model, rows = trained
    reader = written_down(model, rows)
    for name, value in list(reader.truth.items()):
        if name[0] in ("level", "sex") and not is_small(value):
            reader.read(name, value)
    reader.read(("everybody", "left"), reader.truth["everybody", "left"])
    found = [name for name, value in reader.truth.items() if is_small(value) and name[0] == "level"]
    assert any(low == pytest.approx(high) for low, high in map(reader.interval, found))


def test_no_form_of_a_folder_holds_a_hidden_count(
    trained: tuple[TrainedModel, Snapshots], tmp_path: Path
) -> None:
    """No count of the report in the manifest is of 1 to 10, and the card prints no group that the manifest hides."""
    model, _ = trained
    model.save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text(encoding="utf-8"))
    for one in [*manifest["report"]["groups"], *manifest["report"]["lists"]]:
        for key in ("rows", "pupils", "events", "listed", "hits"):
            assert not is_small(one.get(key) or 0), one
        if one.get("hidden") and one["dimension"] not in ("school", "exit_kind"):
            assert all(
                value is None
                for key, value in one.items()
                if key not in ("dimension", "group", "hidden", "too_small", "figures_hidden")
            )
            line = next(line for line in model.card.splitlines() if f"| {one['group']} |" in line)
            assert "masqué" in line
    for row in [*manifest["held_out"]["tiers"], *manifest["held_out"]["thresholds"]]:
        assert not is_small(*(row.get(key) or 0 for key in ("pupils", "left", "listed", "hits")))
    comparable = json.loads((tmp_path / "model" / "calibration.json").read_text(encoding="utf-8"))[
        "comparable"
    ]
    if len(comparable["rows"]) > 1:
        assert not any(map(is_small, comparable["positives"]))


def test_the_trees_say_of_how_many_rows_they_are_in_fifties(
    trained: tuple[TrainedModel, Snapshots], tmp_path: Path
) -> None:
    """No booster holds the exact rows of a leaf, a gain, or an extreme; what it predicts is the same after a file."""
    model, rows = trained
    model.save(tmp_path / "model")
    loaded = load_trained_model(tmp_path / "model")
    groups = rows.rows["reference_group"].to_numpy()
    assert (
        loaded.risk_model.risk(rows.features, groups) == model.risk_model.risk(rows.features, groups)
    ).all()
    for path in sorted((tmp_path / "model").glob("booster-*.txt")):
        text = path.read_text(encoding="utf-8")
        counts = re.findall(r"(?m)^(?:leaf|internal)_(?:count|weight)=(.*)$", text)
        assert counts
        assert all(float(count) % 50 == 0 for line in counts for count in line.split())
        assert set(" ".join(re.findall(r"(?m)^split_gain=(.*)$", text)).split()) <= {"0"}
        extremes = re.search(r"(?m)^feature_infos=(.*)$", text)
        assert extremes is not None
        bounds = [
            abs(float(bound)) for pair in re.findall(r"\[(.*?)\]", extremes[1]) for bound in pair.split(":")
        ]
        assert all(bound == 0 or np.log10(bound) == round(np.log10(bound)) for bound in bounds)


def test_the_card_says_what_a_reader_can_learn_of_one_pupil(trained: tuple[TrainedModel, Snapshots]) -> None:
    """Card and page tell what is hidden, what is rounded and by how much, and what remains: whether a pupil was learnt from."""
    model, _ = trained
    assert "## Ce qu'un lecteur peut apprendre d'un élève\n" in model.card
    for text in (model.card, html.unescape(model.card_html)):
        plain = " ".join(text.split())
        for words in ("de 1 à 10 élèves", "arrondies par excès à 50", "attaque par appartenance"):
            assert words in plain


def test_the_range_of_a_training_is_of_nobody(trained: tuple[TrainedModel, Snapshots]) -> None:
    """The bounds of the training are round numbers, and hardly any row lies at one of them by itself."""
    seen = trained[0].risk_model.training_range
    assert seen is not None
    span = np.where(seen.highest > seen.lowest, seen.highest - seen.lowest, 1.0)
    assert np.isfinite(span).all()
    lengths = pd.Series([len(f"{abs(bound):.12g}".replace(".", "").strip("0")) for bound in seen.highest])
    assert (lengths <= 3).all()
