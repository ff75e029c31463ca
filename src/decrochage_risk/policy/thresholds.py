"""Choosing thresholds: recall, precision and workload of each possible one, on pupils that no choice touched.

The table comes from counts that the training kept, small ones merged or hidden; counts on one's own rows are made the
same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from decrochage_risk.errors import PolicyError, explain_error
from decrochage_risk.model import TrainedModel
from decrochage_risk.policy.loading import load_policy
from decrochage_risk.policy.tier_counts import GRID, HeldOutTables, share_columns
from decrochage_risk.small_cells import Publication

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from decrochage_risk.policy.loading import Policy
    from decrochage_risk.policy.tier_counts import HeldOutPupils

__all__ = ["By", "checked_thresholds", "threshold_counts", "threshold_frame", "threshold_table"]

By = Literal["group", "level"]

_COUNTS = ("by", "name", "threshold", "pupils", "left", "listed", "hits")
_SMALLEST_STEP = 0.001
_STEPS = 1000


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
    if not isinstance(model, TrainedModel):
        raise PolicyError(
            explain_error(
                f"model is a {type(model).__name__}",
                expected="a TrainedModel",
                hint="threshold_table(load_model(folder)), or what train_model gave.",
            )
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
    own = own.astype(dict.fromkeys(numbers, np.float64))
    shares = pd.concat(
        [share_columns(own, "hits", "listed", "precision"), share_columns(own, "hits", "left", "recall")],
        axis=1,
    )
    table = pd.concat([own, shares], axis=1)
    table.insert(5, "listed_per_100", 100.0 * table["listed"] / table["pupils"])
    return table.astype(dict.fromkeys(("pupils", "left", "listed", "hits", "tier"), "Int64"))
