"""The risk model alone on public tables: small trainings, values removed not at random, the settings of the boosting.

Neither table says anything about French pupils. Rivals see the same rows and columns. A command per target:

    python benchmarks/public_tables.py --data FOLDER small       # 300, 1,000 and 3,000 rows, against a tuned regression
    python benchmarks/public_tables.py --data FOLDER removed     # 30 % of the values removed, against one with NA flags
    python benchmarks/public_tables.py --data FOLDER settings    # leaves, rows, share and penalty of the boosting

FOLDER holds ``oulad_raw/`` (studentInfo, studentRegistration, studentAssessment, assessments ``.csv.gz``: Open University
Learning Analytics Dataset, Kuzilek, Hlosta and Zdrahal, Scientific Data 4:170171, 2017; CC BY 4.0) and ``uci_student/``
(student-mat.csv, student-por.csv: UCI 320, Cortez and Silva 2008; CC BY 4.0).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.evaluate.tables import text_table
from decrochage_risk.risk import FitOptions, RiskModel
from decrochage_risk.risk.calibration import log_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

DAY = 28
"""Day of the presentation on which OULAD is looked at: who is still registered then, and withdraws later."""
PASS_MARK = 10
SIZES = (300, 1_000, 3_000)
REMOVED = 0.30
TEST_ROWS = 6_000
EARLIER = FitOptions(penalty=1.0, linear_share=0.0)
"""The settings of the version before: no start under 5,000 rows."""
UCI_DIRECTIONS = {"G1": -1, "failures": 1, "absences": 1}
OULAD_DIRECTIONS = {
    "attempts": 1, "education": -1, "imd": -1, "mean_score": -1, "lowest_score": -1, "submitted": -1, "missed": 1,
    "days_late": 1,
}  # fmt: skip
SETTINGS: dict[str, FitOptions] = {
    "as shipped": FitOptions(),
    "10 rows a leaf": FitOptions(rows_per_leaf=10),
    "share .5, penalty 100": FitOptions(linear_share=0.5, penalty=100.0),
    "both": FitOptions(rows_per_leaf=10, linear_share=0.5, penalty=100.0),
    "both, 15 leaves": FitOptions(rows_per_leaf=10, linear_share=0.5, penalty=100.0, leaves=15),
    "share 1, penalty 100": FitOptions(linear_share=1.0, penalty=100.0),
    "thresholds searched": FitOptions(drawn_thresholds=False),
    "thresholds drawn": FitOptions(drawn_thresholds=True),
    "rate .03": FitOptions(learning_rate=0.03),
}


@dataclass(frozen=True)
class PublicTable:
    """One table: features, a 0/1 outcome, directions, the columns of the context."""

    name: str
    features: pd.DataFrame
    outcome: Floats
    directions: dict[str, int]
    context: tuple[str, ...] = ()


def oulad_table(folder: Path) -> PublicTable:
    """Registrations that are open on day 28, what was handed in by then, and whether they are withdrawn later."""
    keys = ["code_module", "code_presentation"]
    info, registrations, marks, works = (
        pd.read_csv(folder / f"{name}.csv.gz")
        for name in ("studentInfo", "studentRegistration", "studentAssessment", "assessments")
    )
    rows = info.merge(registrations, on=[*keys, "id_student"])
    rows = rows[~(rows["date_unregistration"] <= DAY) & ~(rows["date_registration"] > DAY)]
    due = works[(works["date"] <= DAY) & (works["weight"] > 0)]
    marks = marks[(marks["date_submitted"] <= DAY) & (marks["is_banked"] == 0)].merge(
        works[["id_assessment", *keys, "date"]], on="id_assessment"
    )
    marks["late"] = (marks["date_submitted"] - marks["date"]).clip(lower=0)
    by_pupil = marks.groupby([*keys, "id_student"]).agg(
        mean_score=("score", "mean"), lowest_score=("score", "min"), submitted=("score", "size"), days_late=("late", "mean")
    )  # fmt: skip
    rows = rows.merge(by_pupil.reset_index(), on=[*keys, "id_student"], how="left")
    rows = rows.merge(due.groupby(keys).size().rename("due").reset_index(), on=keys, how="left").fillna(
        {"due": 0}
    )
    education = ["No Formal quals", "Lower Than A Level", "A Level or Equivalent", "HE Qualification"]
    submitted = rows["submitted"].fillna(0)
    features = pd.DataFrame(
        {
            "attempts": rows["num_of_prev_attempts"],
            "credits": rows["studied_credits"],
            "education": rows["highest_education"]
            .map({name: at for at, name in enumerate(education)})
            .fillna(4),
            "imd": rows["imd_band"].str.extract(r"^(\d+)")[0].astype(float),
            "older": (rows["age_band"] != "0-35").astype(float),
            "days_registered": DAY - rows["date_registration"],
            "mean_score": rows["mean_score"],
            "lowest_score": rows["lowest_score"],
            "days_late": rows["days_late"],
            "submitted": submitted,
            "missed": (rows["due"] - submitted).clip(lower=0),
        }
    ).astype(float)
    modules = pd.get_dummies(rows["code_module"], prefix="module", dtype=float)
    outcome = (rows["final_result"] == "Withdrawn").to_numpy(dtype=float)
    table = pd.concat([features, modules], axis=1).reset_index(drop=True)
    return PublicTable("oulad, day 28", table, outcome, OULAD_DIRECTIONS, tuple(modules))


def uci_table(folder: Path, subject: str) -> PublicTable:
    """Pupils of one subject with their first mark, and whether the final mark is under 10."""
    table = pd.read_csv(folder / f"student-{subject}.csv", sep=";")
    features = pd.get_dummies(table.drop(columns=["G2", "G3"]), dtype=float).astype(float)
    return PublicTable(
        f"uci {subject}", features, (table["G3"] < PASS_MARK).to_numpy(dtype=float), UCI_DIRECTIONS
    )


def tables_of(data: Path) -> tuple[PublicTable, ...]:
    """All tables."""
    return (
        oulad_table(data / "oulad_raw"),
        *(uci_table(data / "uci_student", name) for name in ("mat", "por")),
    )


def tuned_regression(train: pd.DataFrame, outcome: Floats, test: pd.DataFrame, seed: int) -> Floats:
    """Log-odds of a ridge regression, its penalty chosen by cross-validation; medians and flags for what is not known."""
    from sklearn.linear_model import LogisticRegressionCV  # noqa: PLC0415 - heavy: loaded on first use
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    middle = train.median().fillna(0.0)
    flags = [name for name in train if 0 < train[name].isna().mean() < 1]

    def design(frame: pd.DataFrame) -> Floats:
        return np.hstack([frame.fillna(middle).to_numpy(), frame[flags].isna().to_numpy(dtype=float)])

    scaler = StandardScaler().fit(design(train))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = LogisticRegressionCV(
        Cs=np.logspace(-4, 1, 11), cv=folds, scoring="neg_log_loss", max_iter=2000, use_legacy_attributes=False,
        l1_ratios=(0.0,),
    )  # fmt: skip
    model.fit(scaler.transform(design(train)), outcome)
    log_odds: Floats = model.decision_function(scaler.transform(design(test)))
    return log_odds


def of_model(options: FitOptions | None = None, knowledge: dict[str, list[str]] | None = None) -> Rival:
    """Log-odds of the risk model."""

    def fit(table: PublicTable, train: Floats, test: Floats, seed: int, features: pd.DataFrame) -> Floats:
        model = RiskModel.fit(
            features.iloc[train].reset_index(drop=True), table.outcome[train], directions=table.directions,
            context=table.context, seed=seed, options=options, knowledge=knowledge,
        )  # fmt: skip
        return model.log_odds(features.iloc[test])

    return fit


def of_regression(
    table: PublicTable, train: Floats, test: Floats, seed: int, features: pd.DataFrame
) -> Floats:
    """Log-odds of the tuned regression."""
    return tuned_regression(features.iloc[train], table.outcome[train], features.iloc[test], seed)


if TYPE_CHECKING:
    Rival = Callable[[PublicTable, Floats, Floats, int, pd.DataFrame], Floats]


def splits_of(table: PublicTable, size: int, draws: int) -> Iterator[tuple[int, Floats, Floats]]:
    """Draw rows to learn from, with some of each outcome, and others to predict."""
    for draw in range(draws):
        order = np.random.default_rng(draw).permutation(len(table.outcome))
        if len(order) > size + 200:
            yield draw, order[:size], order[size : size + TEST_ROWS]
        else:
            yield from ((draw, np.setdiff1d(order, part), part) for part in np.array_split(order, 5))


def removed(table: PublicTable, draw: int) -> pd.DataFrame:
    """Take values away for a reason: those that speak of a higher risk more often, and some columns together."""
    rng, features = np.random.default_rng(1_000 + draw), table.features.copy()
    names = [
        name for name in features if name not in table.context and features[name].min() < features[name].max()
    ]
    leaning = (
        rng.random(len(features)) + 0.5 * table.outcome
    )  # what the records do not hold: who is hard to reach
    for name in names:
        way = table.directions.get(name, 0)
        rank = features[name].rank(pct=True).fillna(0.5)
        pull = (rank if way > 0 else 1.0 - rank if way < 0 else 0.5) + leaning + rng.random(len(features))
        features.loc[pull > np.quantile(pull, 1.0 - REMOVED), name] = np.nan
    return features


def compare(
    tables: Sequence[PublicTable],
    rivals: dict[str, Rival],
    sizes: Sequence[int],
    draws: int,
    change: Callable[[PublicTable, int], pd.DataFrame] | None = None,
) -> str:
    """Log loss of every rival, per table and size, and the mean over these cells."""
    rows, means = [], []
    for table in tables:
        for size in sizes if len(table.outcome) > min(sizes) + 400 else sizes[:1]:
            losses: dict[str, list[float]] = {name: [] for name in rivals}
            for draw, train, test in splits_of(table, size, draws):
                features = table.features if change is None else change(table, draw)
                for name, rival in rivals.items():
                    losses[name].append(
                        log_loss(rival(table, train, test, draw, features), table.outcome[test])
                    )
            of_cell = [float(np.mean(values)) for values in losses.values()]
            means.append(of_cell)
            rows.append([table.name, str(size), *(f"{value:.4f}" for value in of_cell)])
            # A run that is stopped keeps the cells that it has measured.
            print(", ".join(rows[-1]), file=sys.stderr, flush=True)
    rows.append(["mean", "", *(f"{value:.4f}" for value in np.mean(means, axis=0))])
    return text_table(["table", "rows", *rivals], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("small", "removed", "settings"))
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--draws", type=int, default=10)
    chosen = parser.parse_args(arguments)
    tables, rivals = tables_of(chosen.data), {"tuned regression": of_regression}
    if chosen.what == "small":
        rivals |= {"version before": of_model(EARLIER, {}), "model": of_model()}
        print(compare(tables, rivals, SIZES, chosen.draws))
    elif chosen.what == "removed":
        rivals |= {"unknown = reference": of_model(knowledge={}), "model": of_model()}
        print(compare(tables, rivals, (TEST_ROWS,), chosen.draws, removed))
    else:
        print(
            compare(
                tables,
                {name: of_model(options) for name, options in SETTINGS.items()},
                (3_000,),
                chosen.draws,
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
