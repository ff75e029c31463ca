"""What is not known for a reason: a cohort in which a third of the pupils lack marks or absences, the more so who leave.

    python benchmarks/unknown_values.py              # calibration in each pattern of knowledge, last year held out
    python benchmarks/unknown_values.py --groupings  # out-of-time loss of several groupings of the flags

Pupils of the synthetic cohort lose the values of a table on every date of a school year, as if their school's software did not
send them: about a third in all, leavers 1.6 times as often. Calibration: slope with its 95 % interval and mean error, by
pattern, over the rows of the last year, predicted by a model of the earlier ones.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.evaluate import measure
from decrochage_risk.evaluate.tables import text_table
from decrochage_risk.features import CATALOGUE, FEATURE_BY_NAME
from decrochage_risk.model import default_as_of_dates, take_snapshots
from decrochage_risk.model.snapshots import Snapshots
from decrochage_risk.model.unknown_flags import UNKNOWN_FLAGS, label_of_pattern
from decrochage_risk.risk import RiskModel
from decrochage_risk.risk.calibration import log_loss
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from collections.abc import Mapping

YEARS = [2020, 2021, 2022, 2023, 2024]
SHARES = {"absences": (0.13, 0.21), "grades": (0.15, 0.24)}
"""Chance that a pupil lacks a table in a school year, of those who stay and of those who leave."""
LEAST_ROWS = 300


def without_values(snapshots: Snapshots, seed: int) -> Snapshots:
    """Take the values of a table away from some pupils, all dates of a school year together."""
    rng, features = np.random.default_rng(seed), snapshots.features.copy()
    keys = snapshots.rows[["pupil_id", "school_year"]].assign(left=snapshots.outcome)
    leaves = keys.groupby(["pupil_id", "school_year"], sort=True)["left"].max()
    of_row = snapshots.rows[["pupil_id", "school_year"]].merge(
        leaves.reset_index().assign(number=np.arange(len(leaves))), on=["pupil_id", "school_year"]
    )["number"].to_numpy()  # fmt: skip
    for table, (staying, leaving) in SHARES.items():
        lacks = rng.random(len(leaves)) < np.where(leaves.to_numpy() > 0, leaving, staying)
        columns = [feature.name for feature in CATALOGUE if feature.table == table]
        features.loc[lacks[of_row], columns] = np.nan
    return Snapshots(features, snapshots.outcome, snapshots.rows, snapshots.left_out)


def fit(train: Snapshots, knowledge: Mapping[str, tuple[str, ...]] | None) -> RiskModel:
    """Fit as the training of a school's model does, with these flags."""
    rows, names = train.rows, [str(name) for name in train.features]
    return RiskModel.fit(
        train.features, train.outcome,
        directions={name: FEATURE_BY_NAME[name].direction for name in names if name in FEATURE_BY_NAME},
        context=[name for name in names if name not in FEATURE_BY_NAME], time=rows["school_year"].to_numpy(),
        groups=rows["pupil_id"].to_numpy(), clusters=rows["school_id"].to_numpy(),
        reference_groups=rows["reference_group"].to_numpy(), observed=rows["observed"].to_numpy(),
        matured=rows["matured"].to_numpy(), knowledge=knowledge,
    )  # fmt: skip


def groupings() -> dict[str, Mapping[str, tuple[str, ...]] | None]:
    """Give the groupings of the flags to compare."""
    tables = {
        f"not_known_{table}": tuple(feature.name for feature in CATALOGUE if feature.table == table)
        for table in ("absences", "grades", "orientation")
    }
    families: dict[str, tuple[str, ...]] = {}
    for feature in CATALOGUE:
        families[f"not_known_{feature.family.code}_{feature.table}"] = tuple(
            other.name
            for other in CATALOGUE
            if (other.family, other.table) == (feature.family, feature.table)
        )
    return {
        "none": {},
        "per table": tables,
        "as shipped": UNKNOWN_FLAGS,
        "per family": families,
        "per feature": None,
    }


def main() -> int:
    """Draw, take away, fit on the earlier years, measure on the last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pupils", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--groupings", action="store_true")
    chosen = parser.parse_args()
    cohort = make_cohort(chosen.pupils, YEARS, seed=chosen.seed)
    snapshots = without_values(
        take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates(YEARS[1:])), chosen.seed
    )
    years = snapshots.rows["school_year"].to_numpy()
    # Learn from every second pupil, predict the others: nobody is on both sides.
    half = snapshots.rows["pupil_id"].map(lambda name: int(str(name)[-1]) % 2).to_numpy() == 0
    learnt = (years < years.max()) & half
    test = (years == years.max()) & ~half
    train, last = snapshots.take(learnt), snapshots.take(test)
    groups = last.rows["reference_group"].to_numpy()
    losses, rows = [], []
    for name, knowledge in groupings().items() if chosen.groupings else {"as shipped": UNKNOWN_FLAGS}.items():
        model = fit(train, knowledge)
        odds = model.log_odds(last.features, groups)
        losses.append([name, str(len(model.knowledge.names)), f"{log_loss(odds, last.outcome):.4f}"])
        if chosen.groupings:
            continue
        flags = model.knowledge.flags(last.features[list(model.columns)].to_numpy())
        patterns = model.knowledge.patterns(flags)
        for code in np.unique(patterns).tolist():
            of_pattern = patterns == code
            if of_pattern.sum() < LEAST_ROWS:
                continue
            risk = 1 / (1 + np.exp(-odds[of_pattern]))
            found = measure(
                last.outcome[of_pattern], risk, pupils=last.rows["pupil_id"].to_numpy()[of_pattern]
            )
            rows.append([
                label_of_pattern(model.knowledge.name_of(code)), str(of_pattern.sum()), str(found.events),
                f"{100 * found.base_rate:.2f}", f"{100 * found.mean_risk:.2f}", f"{found.slope:.2f} [{found.slope_low:.2f}, {found.slope_high:.2f}]" if found.slope is not None else "-",
            ])  # fmt: skip
    print(f"{len(train.outcome)} rows learnt, {len(last.outcome)} predicted")
    print(text_table(["flags", "number", "log loss of the last year"], losses))
    if rows:
        print(text_table(["known", "rows", "events", "left (%)", "mean risk (%)", "slope"], rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
