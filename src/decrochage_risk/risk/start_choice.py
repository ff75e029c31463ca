"""The penalty and the share of the linear start, chosen inside the training by what it has not seen.

Judged in time where there are two periods, on pupils left out otherwise; a part of the rows is enough for both choices.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from decrochage_risk.risk.boosting import LINEAR_SHARE, train_members
from decrochage_risk.risk.calibration import log_loss
from decrochage_risk.risk.fit_input import enough
from decrochage_risk.risk.fitting import folds_of
from decrochage_risk.risk.folds import BoolArray, rolling_origin, rows_to_learn
from decrochage_risk.risk.signed_logistic import PENALTY, fit_signed_logistic
from decrochage_risk.threads import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from decrochage_risk.risk.fit_input import FitInput, FitOptions

__all__ = ["PENALTIES", "SHARES", "choose_start"]

PENALTIES: Final = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
"""Tried from the strongest: of equal ones, the first is taken."""
SHARES: Final = (0.5, 0.25, 0.75, 1.0, 0.0)
"""Tried in this order: of equal ones, the first is taken."""
MOST_ROWS: Final = 5_000
"""Rows that a choice is made on, every second, third ... of all: the best penalty hardly depends on their number."""
FEW_ROWS: Final = 2_000
"""Rows under which the folds are dealt several times, since one deal says little."""
_FOLDS: Final = 5
_DEALS: Final = 3
_ROUNDS: Final = 60
"""Trees of the boosters that the shares are compared with."""
_SHARE_PARTS: Final = 3
"""Folds on which they are: the loss is flat in the share, and boosters cost most of a choice."""
_TOLERANCE: Final = 1e-4
"""Log loss per row that a share must gain over the one before it."""


def choose_start(table: FitInput, options: FitOptions, seed: int) -> FitOptions:
    """Settle the penalty of the regression and, for trees, the share of it that boosting starts from.

    Parameters
    ----------
    table : FitInput
        The whole training.
    options : FitOptions
        What is given there is kept.
    seed : int
        Of the folds.

    Returns
    -------
    FitOptions
        With ``penalty``, and ``linear_share`` for trees.
    """
    step = -(-len(table.outcome) // MOST_ROWS)
    some = table if step == 1 else table.take(np.arange(len(table.outcome)) % step == 0)
    parts = list(_parts(some, seed))
    if options.penalty is None:
        options = replace(options, penalty=_penalty(some, parts) if parts else PENALTY)
    if options.kind == "trees" and options.linear_share is None:
        options = replace(options, linear_share=_share(some, parts, options, seed) if parts else LINEAR_SHARE)
    return options


def _parts(table: FitInput, seed: int) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Give the rows to learn from and to predict: the last period from those before it, or pupils from the others."""
    before, after = np.ones((2, len(table.outcome)), dtype=np.bool_)
    if table.time is not None:
        splits = rolling_origin(table.time, observed=table.observed, matured=table.matured)
        usable = [
            (train, test) for _, train, test in splits if enough(table.outcome[train], table.groups[train])
        ]
        if usable:
            before, after = usable[-1]
    for deal in range(_DEALS if len(table.outcome) < FEW_ROWS else 1):
        fold = folds_of(table, _FOLDS, seed + 1000 + deal)
        for number in range(_FOLDS):
            learnt, test = before & rows_to_learn(fold, table.groups, number), after & (fold == number)
            if test.any() and enough(table.outcome[learnt], table.groups[learnt]):
                yield learnt, test


def _penalty(table: FitInput, parts: Sequence[tuple[BoolArray, BoolArray]]) -> float:
    losses = np.zeros(len(PENALTIES))
    with one_blas_thread():
        for learnt, test in parts:
            matrix, outcome = table.matrix[learnt], table.outcome[learnt]
            for place, penalty in enumerate(PENALTIES):
                level, slopes = fit_signed_logistic(
                    matrix, outcome, table.directions, penalty=penalty, tolerance=1e-6
                )
                odds = level + table.matrix[test] @ slopes
                losses[place] += log_loss(odds, table.outcome[test]) * test.sum()
    return PENALTIES[int(np.argmin(losses))]


def _share(
    table: FitInput, parts: Sequence[tuple[BoolArray, BoolArray]], options: FitOptions, seed: int
) -> float:
    losses, rows = np.zeros(len(SHARES)), 0
    for learnt, test in parts[:_SHARE_PARTS]:
        rows += int(test.sum())
        for place, share in enumerate(SHARES):
            members = train_members(
                table.matrix[learnt], table.outcome[learnt], table.directions,
                learnt=[np.ones(int(learnt.sum()), dtype=np.bool_)], seed=seed, rounds=_ROUNDS,
                options=replace(options, linear_share=share),
            )  # fmt: skip
            odds = members.log_odds(table.matrix[test])[:, 0]
            losses[place] += log_loss(odds, table.outcome[test]) * test.sum()
    best = 0
    for place in range(1, len(SHARES)):
        if losses[place] < losses[best] - _TOLERANCE * rows:
            best = place
    return SHARES[best]
