"""Who is on no list, and what flagged pupils are told, on synthetic cohorts that no choice touched.

Run ``python benchmarks/lists_and_reasons.py [--pupils N]``. Three cohorts, one as-of date, the bundled model. Pupils over the
legal threshold of absence and in-year leavers are recounted from the rows of the tables, without the library's own count;
those on no list must be none. Of the flagged pupils: the share whose first reason is the commonest one, and the share with a
point of support.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

import decrochage_risk as dr
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.synthetic import Cohort, make_cohort
from measured import Measured

if TYPE_CHECKING:
    from decrochage_risk.score import RiskScores

AS_OF = pd.Timestamp("2025-03-05")
SEEDS = (9201, 9202, 9203)
LEGAL = 4


def over_threshold(cohort: Cohort) -> set[str]:
    """Pupils with 4 unjustified half-days in a month of the school year, from the rows."""
    rows = cohort.tables["absences"]
    rows = rows[(rows["kind"] == "absence") & rows["date"].between("2024-09-01", AS_OF, inclusive="left")]
    settled = rows["justified"].eq(other=True) & ~(rows["justified_on"] >= AS_OF)
    late = rows["recorded_on"] >= AS_OF if "recorded_on" in rows else False
    rows = rows[~settled & ~pd.Series(late, index=rows.index)]
    counts = rows.groupby(["pupil_id", rows["date"].dt.to_period("M")])["half_days"].sum()
    return set(counts[counts >= LEGAL].index.get_level_values(0))


def leavers(cohort: Cohort) -> set[str]:
    """Pupils whose last enrolment of the school year ended before the as-of date, from the rows."""
    rows = cohort.tables["enrolments"]
    rows = rows[rows["school_year"] == AS_OF.year - 1]
    stays_on = rows["end_date"].isna() | (rows["end_date"] >= AS_OF)
    return set(rows.loc[~stays_on, "pupil_id"]) - set(rows.loc[stays_on, "pupil_id"])


def scored(cohort: Cohort) -> RiskScores:
    """Score a cohort with the bundled model, which says that it is a demonstration."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        return dr.score_pupils(cohort.records, as_of=AS_OF.date())


def rows(pupils: int = 4_000) -> list[Measured]:
    """Count over the three cohorts."""
    without, over, left, flagged, supported, silent = 0, 0, 0, 0, 0, 0
    first: Counter[str] = Counter()
    earlier = Counter[str]()
    for seed in SEEDS:
        cohort = make_cohort(pupils, [2022, 2023, 2024], seed=seed)
        scores = scored(cohort)
        ways = {pupil.pupil_id: pupil for pupil in scores}
        of_law, gone = over_threshold(cohort), leavers(cohort)
        over, left = over + len(of_law), left + len(gone)
        without += sum(not {"legal", "departure"} & set(ways[pupil].ways) for pupil in of_law)
        without += sum("departure" not in ways[pupil].ways for pupil in gone)
        for pupil in ways.values():
            if pupil.flagged:
                flagged, supported, silent = (
                    flagged + 1,
                    supported + bool(pupil.protective),
                    silent + (not pupil.reasons),
                )
                first.update(reason.code for reason in pupil.reasons[:1])
                earlier.update(r.code for r in pupil.reasons if is_of_an_earlier_year(r.code))
    commonest = first.most_common(1)[0]
    told = f"{flagged} flagged pupils of three cohorts of {pupils}"
    return [
        Measured("pupils over the legal threshold, or gone in the year, on no list", without, 0,
                 f"{over} over the threshold, {left} gone"),
        Measured("reasons of flagged pupils that tell absence of an earlier year", sum(earlier.values()), 0, told),
        Measured("flagged pupils whose first reason is the commonest one", commonest[1] / flagged, 0.60,
                 f"{told}; {commonest[0]}, then {first.most_common(4)[1:]}; {silent} without a reason"),
        Measured("flagged pupils without a point of support", 1 - supported / flagged, 0.50, told),
    ]  # fmt: skip


def is_of_an_earlier_year(code: str) -> bool:
    """Whether a feature reads the absence file of an earlier year, in all causes."""
    feature = FEATURE_BY_NAME[code]
    return feature.table == "absences" and (
        "last_year" in code or "since_4e" in code or code == "absence_rate_in_4e"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pupils", type=int, default=4_000, help="size of each cohort")
    for line in rows(parser.parse_args().pupils):
        print(f"{line.name}: {line.ratio:.3g} (target at most {line.wanted})\n    {line.detail}")


if __name__ == "__main__":
    main()
