"""The steps of a fit: the bag of either kind, the range of the training, calibration and comparable pupils."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.model.boosting import train_bag
from decrochage_risk.model.calibration import Calibration, probability
from decrochage_risk.model.calibration_ladder import choose_rung
from decrochage_risk.model.comparable import Comparable
from decrochage_risk.model.linear_members import train_linear_bag
from decrochage_risk.model.training_range import TrainingRange

if TYPE_CHECKING:
    from decrochage_risk.model.fit_input import FitInput
    from decrochage_risk.model.fit_options import FitOptions
    from decrochage_risk.model.held_out import HeldOut
    from decrochage_risk.model.members import Bag, Progress
    from decrochage_risk.model.numeric_table import IntArray

__all__ = ["calibrate", "range_of", "refuse_seed", "train_members_of"]


def train_members_of(
    table: FitInput, fold: IntArray, options: FitOptions, seed: int, progress: Progress | None
) -> Bag:
    """Train the bag of the kind that the options ask for."""
    rows = (table.matrix, table.outcome, fold, table.directions)
    if options.kind == "logistic":
        return train_linear_bag(*rows, members=options.members)
    return train_bag(*rows, options=options, seed=seed, progress=progress)


def range_of(table: FitInput) -> TrainingRange | None:
    """Range of the columns that have a meaning of their own; None when there is none."""
    columns, context = table.references.columns, table.references.context
    own = [at for at, name in enumerate(columns) if name not in context]
    if not own:
        return None
    # Unknown values were filled by known ones, which move neither bound.
    low, high = table.matrix.min(axis=0), table.matrix.max(axis=0)
    return TrainingRange(tuple(columns[at] for at in own), low[own], high[own])


def calibrate(by_time: HeldOut | None, by_fold: HeldOut, seed: int) -> tuple[Calibration, Comparable]:
    """Choose the calibration, and count comparable pupils, on rows that no member learnt from."""
    held = by_fold if by_time is None else by_time
    block = np.zeros(len(held.outcome)) if by_time is None or by_time.time is None else by_time.time
    rung = choose_rung(
        held.log_odds, held.outcome, block, groups=held.groups, growth=held.growth, seed=seed + 2
    )
    risk = probability(rung.apply(held.log_odds, held.growth))
    return rung.calibration, Comparable.fit(risk, held.outcome, groups=held.groups, time=held.time)


def refuse_seed(seed: int) -> None:
    """Refuse what is no seed.

    Raises
    ------
    ModelError
        Not a whole number from 0 to 2147483645.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31 - 2:
        raise ModelError(
            explain_error(
                f"seed={seed!r}", expected="a whole number from 0 to 2147483645", hint="Pass seed=0."
            )
        )
