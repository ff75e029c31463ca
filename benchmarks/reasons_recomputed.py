"""Numbers told to schools beside an independent recomputation from the records.

Run ``python benchmarks/reasons_recomputed.py [--pupils N] [--reasons N]``. Everybody in a synthetic cohort is explained; of
the reasons, random ones are read back from their French text and held against the value that ``tests/features/oracle.py``
gives, which shares no line with the package: the amount at the decimals that were written, the answer of a yes or no, and the
reference pupil's amount against the reference of the reason. The value of the reason itself must agree to 1e-9.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import decrochage_risk as dr
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.synthetic import Cohort, make_cohort
from measured import Measured

for _folder in ("features", "explain"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / _folder))

sys.modules.pop("oracle", None)  # a benchmark beside this one has the same name

from french_facts import parted, read_fact, read_reference, rounded  # noqa: E402 - found in the folders above

from oracle import contract_features  # noqa: E402 - same

if TYPE_CHECKING:
    from collections.abc import Collection

AS_OF = "2025-03-05"
MOST_PUPILS = 12_000
"""Of the cohort: enough for 10,000 reasons."""
TABLES = ("pupils", "enrolments", "absences", "grades", "orientation")


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as dicts of Python values, None where there is none."""
    days = [name for name, kind in table.dtypes.items() if str(kind).startswith("datetime64")]
    plain = table.assign(**{name: table[name].dt.date for name in days}).astype(object)
    return plain.where(table.notna(), None).to_dict("records")


def recomputed(cohort: Cohort, ids: Collection[str]) -> dict[str, dict[str, float]]:
    """Values of every feature that the tests know to recompute, of some pupils."""
    tables = {
        name: plain_rows(table[table["pupil_id"].isin(ids)])
        for name, table in cohort.tables.items()
        if name in TABLES
    }
    day, calendar = pd.Timestamp(AS_OF).date(), cohort.records.calendar
    parts = [contract_features(tables, day, calendar.half_days, calendar.known_years)]
    if importlib.util.find_spec("oracle_beyond") is not None:
        beyond = importlib.import_module("oracle_beyond").beyond_features
        parts.append(beyond(tables, day, calendar.half_days, calendar.known_years))
    return {pupil: {name: part[pupil][name] for part in parts for name in part[pupil]} for pupil in parts[0]}


def fault_of(reason: Any, values: dict[str, float]) -> str | None:  # noqa: ANN401 - a row of scores.reasons
    """Tell what is wrong with one reason; None when every number is the recomputed one, "" when it cannot be recomputed."""
    if reason.code not in values:
        return ""
    value, feature = values[reason.code], FEATURE_BY_NAME[reason.code]
    if not math.isclose(value, reason.value, rel_tol=1e-9, abs_tol=1e-9):
        return f"value {reason.value}, recomputed {value}"
    told, written = parted(reason.text)
    fact = read_fact(feature, told)
    if fact.value is None:
        found = fact.answer == value
    else:
        # 0.1125 comes out as 0.11249999999999999 one way and not the other: a tie is told as what it is.
        found = fact.value == rounded(round(value, 12), fact.decimals, feature.unit)
    reference, decimals = read_reference(feature, written)
    if not found or reference != rounded(reason.reference, decimals, feature.unit):
        return f"text {reason.text!r}, recomputed {value}, reference {reason.reference}"
    return None


def rows(pupils: int = MOST_PUPILS, reasons: int = 10_000) -> list[Measured]:
    """Hold random reasons of a cohort of at most ``pupils`` against their recomputation."""
    cohort = make_cohort(min(pupils, MOST_PUPILS), [2022, 2023, 2024], seed=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        told = dr.score_pupils(cohort.records, as_of=AS_OF, explain="all").reasons
    told = told.sample(min(reasons, len(told)), random_state=0)
    values = recomputed(cohort, set(told["pupil_id"]))
    faults = [fault_of(reason, values[reason.pupil_id]) for reason in told.itertuples()]
    wrong = [fault for fault in faults if fault]
    unknown = sum(fault == "" for fault in faults)
    detail = (
        f"{len(told):,} reasons of {told['pupil_id'].nunique():,} pupils, {unknown} without a recomputation"
    )
    return [Measured("reasons whose numbers are not those of an independent recomputation", len(wrong), 0,
                     "; ".join([detail, *wrong[:5]]))]  # fmt: skip


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pupils", type=int, default=MOST_PUPILS, help="size of the synthetic cohort")
    parser.add_argument("--reasons", type=int, default=10_000, help="random reasons to check")
    chosen = parser.parse_args()
    for line in rows(chosen.pupils, chosen.reasons):
        print(f"{line.name}: {line.ratio:g} (target {line.wanted})\n    {line.detail}")


if __name__ == "__main__":
    main()
