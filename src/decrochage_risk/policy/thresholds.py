"""Choosing thresholds: recall, precision and workload of each possible one, on pupils that no choice touched.

The table comes from counts that the training kept, small ones merged or hidden; counts on one's own rows are made the
same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from decrochage_risk.errors import PolicyError, explain_error, refuse_other_kinds
from decrochage_risk.model import TrainedModel
from decrochage_risk.policy.loading import load_policy
from decrochage_risk.policy.tier_counts import GRID, HeldOutTables, share_columns
from decrochage_risk.records.levels import LEVEL_NAMES, PATH_LEVELS
from decrochage_risk.small_cells import Publication

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from decrochage_risk.policy.loading import Policy
    from decrochage_risk.policy.tier_counts import HeldOutPupils

__all__ = [
    "By",
    "checked_thresholds",
    "level_recalls",
    "threshold_counts",
    "threshold_frame",
    "threshold_table",
    "thresholds_at_workload",
]

By = Literal["group", "level"]

_COUNTS = ("by", "name", "threshold", "pupils", "left", "listed", "hits")
_SMALLEST_STEP = 0.001
_STEPS = 1000
_PERCENT = 100
_FLAG_TIER = 2


def threshold_table(model: TrainedModel, *, by: By = "group") -> pd.DataFrame:
    """Show what each threshold would have given on the year that the training left untouched.

    Parameters
    ----------
    model : TrainedModel
        Trained by this version; an older artefact kept no counts.
    by : {"group", "level"}
        One block of rows per level group of the policy, or per level.

    Returns
    -------
    DataFrame
        ``group`` or ``level``; ``threshold``; ``pupils`` measured and ``left`` (how many of them left); ``listed``
        (pupils at or above the threshold: the workload) and ``listed_per_100``; ``hits`` (listed pupils who left);
        ``precision`` and ``recall``, each with the bounds of its 90 % Jeffreys interval; ``tier``, the tier that
        begins at this threshold in the policy, if any. Hidden counts (`decrochage_risk.small_cells`), and what follows
        from them, are missing.

    Raises
    ------
    PolicyError
        Another ``by``, something that is no trained model, or a model without held-out counts.

    Examples
    --------
    >>> from decrochage_risk.policy import HeldOutPupils, threshold_counts, threshold_frame
    >>> held_out = HeldOutPupils.of(["4e"] * 100, [0.2] * 40 + [0.01] * 60, [1] * 10 + [0] * 25 + [1] * 5 + [0] * 60)
    >>> counts = threshold_counts(held_out)
    >>> shown = threshold_frame(counts).query("group == 'college_4e_3e' and threshold == 0.1")
    >>> shown[["listed", "hits", "precision", "tier"]].to_numpy().tolist()
    [[40, 15, 0.375, 2]]
    """
    refuse_other_kinds(
        {"model": (model, TrainedModel)},
        hint="threshold_table(load_model(folder)), or what train_model gave.",
        error=PolicyError,
    )
    counts = model.held_out.get("thresholds")
    if not counts:
        raise PolicyError(
            explain_error(
                f"{model.model_id} keeps no held-out counts",
                expected="a model trained by this version of the package",
                hint="Train it again, or count on your own rows: threshold_frame(threshold_counts(HeldOutPupils.of(...))).",
            )
        )
    return threshold_frame(counts, by=by)


def thresholds_at_workload(model: TrainedModel, *, per_100: float = 10.0) -> pd.DataFrame:
    """Choose a threshold per level: the most future leavers for at most so many pupils in 100 of the level.

    Parameters
    ----------
    model : TrainedModel
        Of either horizon, or of both: 4e and 3e are then told for the path too.
    per_100 : float
        Pupils of a level that can be looked at, in 100.

    Returns
    -------
    DataFrame
        Per horizon and level, the lowest threshold whose list is no longer than that: ``horizon_years``, ``level``,
        ``threshold``, ``pupils``, ``left``, ``listed``, ``listed_per_100``, ``hits``, ``recall``, ``precision`` and their
        intervals. Counted on the year that the training left untouched; only thresholds whose counts may be shown are
        chosen from, and a level without any is left out. A training keeps the thresholds of the shares in `WORKLOADS`.

    Raises
    ------
    PolicyError
        A workload outside 0 to 100, or a model without held-out counts.

    Examples
    --------
    ``thresholds_at_workload(model, per_100=10)``, then write each threshold into a copy of ``vigilance.toml``.
    """
    if isinstance(per_100, bool) or not isinstance(per_100, int | float) or not 0 < per_100 < _PERCENT:
        raise PolicyError(
            explain_error(
                f"per_100={per_100!r}",
                expected="pupils in 100 of a level, above 0 and under 100",
                hint="Write 10 for at most 10 pupils in 100.",
            )
        )
    if not isinstance(model, TrainedModel):
        return threshold_table(model)  # which refuses it
    tables = []
    for years, one in model.horizons.items():
        table = threshold_table(one, by="level").drop(columns="tier").assign(horizon_years=years)
        if years > 1:
            table = table[table["level"].isin(PATH_LEVELS)]
        # Hidden counts are missing, and a comparison with them is false: no threshold is chosen on what may
        # not be told.
        fits = table[table["listed_per_100"].le(per_100) & table["listed"].gt(0)]
        # The lowest that fits finds the most leavers: recall only falls as the threshold rises.
        tables.append(fits.sort_values("threshold").drop_duplicates("level"))
    rows = pd.concat(tables, ignore_index=True)
    order = rows["level"].map(LEVEL_NAMES.index)
    rows = rows.assign(order=order).sort_values(["horizon_years", "order"], kind="stable", ignore_index=True)
    return rows[["horizon_years", *(name for name in rows if name not in {"horizon_years", "order"})]]


def level_recalls(counts: Iterable[Mapping[str, Any]], levels: Collection[str]) -> pd.DataFrame:
    """Give what the flag threshold of the policy meant at each level: workload and recall, missing where hidden.

    Parameters
    ----------
    counts : iterable of mapping
        What `threshold_counts` gave, or ``TrainedModel.held_out["thresholds"]``.
    levels : collection of str
        Which of them.

    Examples
    --------
    >>> from decrochage_risk.policy import HeldOutPupils
    >>> held_out = HeldOutPupils.of(["4e"] * 100, [0.2] * 40 + [0.01] * 60, [1] * 20 + [0] * 20 + [1] * 20 + [0] * 40)
    >>> level_recalls(threshold_counts(held_out), ["4e"])[["level", "listed_per_100", "recall"]].to_numpy().tolist()
    [['4e', 40.0, 0.5]]
    """
    table = threshold_frame(counts, by="level")
    return table[
        table["tier"].eq(_FLAG_TIER).fillna(value=False) & table["level"].isin(list(levels))
    ].reset_index(drop=True)


def threshold_counts(
    held_out: HeldOutPupils, *, policy: Policy | None = None, thresholds: Iterable[float] = GRID
) -> list[dict[str, Any]]:
    """Count, per level group and per level, the pupils at or above each threshold, and those of them who left.

    Parameters
    ----------
    held_out : HeldOutPupils
        Pupils with a held-out risk and an outcome.
    policy : Policy, optional
        Its groups and thresholds; the bundled one when left out.
    thresholds : iterable of float
        Between 0 and 1, in steps of 0.001 as in a policy; those of the policy are added.

    Raises
    ------
    PolicyError
        A threshold that is none.
    """
    tables = HeldOutTables(held_out, policy or load_policy(), checked_thresholds(thresholds))
    publication = Publication()
    tables.add_to(publication)
    return tables.thresholds(publication.hidden())


def checked_thresholds(thresholds: Iterable[float]) -> list[float]:
    """Refuse thresholds that a policy could not hold.

    Raises
    ------
    PolicyError
        A threshold outside 0 to 1, or finer than 0.001.
    """
    values = list(thresholds)
    faults = [
        f"{value!r}"
        for value in values
        if isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 < value < 1
        # In steps of 0.001, so that the rule can be printed exactly and compared without rounding.
        or round(value * _STEPS) / _STEPS != value
    ]
    if faults:
        raise PolicyError(
            explain_error(
                f"{len(faults)} thresholds that cannot be: {', '.join(faults)}",
                expected=f"numbers between 0 and 1, in steps of {_SMALLEST_STEP}",
                hint="Write 0.27 for 27 %.",
            )
        )
    return values


def threshold_frame(counts: Iterable[Mapping[str, Any]], *, by: By = "group") -> pd.DataFrame:
    """Turn counts into the table of `threshold_table`.

    Parameters
    ----------
    counts : iterable of mapping
        What `threshold_counts` gave.
    by : {"group", "level"}
        Which of them.

    Raises
    ------
    PolicyError
        Another ``by``.
    """
    if by not in ("group", "level"):
        raise PolicyError(
            explain_error(f"by={by!r}", expected='"group" or "level"', hint="Leave it out for level groups.")
        )
    rows = pd.DataFrame([dict(row) for row in counts], columns=[*_COUNTS, "tier"])
    own = rows[rows["by"] == by].drop(columns="by").reset_index(drop=True).rename(columns={"name": by})
    numbers = [*_COUNTS[2:], "tier"]
    # Floats while computing, since NaN stands for hidden; whole numbers with gaps at the end.
    own = own.astype(dict.fromkeys(numbers, np.float64))
    shares = pd.concat(
        [share_columns(own, "hits", "listed", "precision"), share_columns(own, "hits", "left", "recall")],
        axis=1,
    )
    table = pd.concat([own, shares], axis=1)
    table.insert(5, "listed_per_100", 100.0 * table["listed"] / table["pupils"])
    return table.astype(dict.fromkeys(("pupils", "left", "listed", "hits", "tier"), "Int64"))
