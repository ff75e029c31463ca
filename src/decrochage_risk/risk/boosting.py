"""How the bag is trained: each member from its linear start, all of them in step, side by side.

Every booster runs on one thread of LightGBM's own, and the members are shared between threads: small trees give
many threads too little to do, and they would wait for each other at every split. So the trees do not depend on how
many threads there are; ``deterministic`` and column-wise histograms make them the same in every run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.risk.members import Bag, Members, Progress, without_counts
from decrochage_risk.risk.numeric_table import give_back, row_blocks
from decrochage_risk.risk.signed_logistic import PENALTY, fit_start, start_log_odds, with_start
from decrochage_risk.threads import one_blas_thread, over_items, thread_count

if TYPE_CHECKING:
    from decrochage_risk.risk.fit_input import FitOptions
    from decrochage_risk.risk.folds import BoolArray
    from decrochage_risk.risk.numeric_table import FloatArray, IntArray, TableArray
    from decrochage_risk.risk.signed_logistic import StepTree


__all__ = ["boosted_log_odds", "train_bag", "train_members", "with_defaults"]

MANY_ROWS = 5_000
"""Rows of a training from which the thresholds of splits are drawn by lot."""
LINEAR_SHARE = 0.5
"""Share of the logistic regression that boosting starts from, unless it is chosen inside the training: the loss is flat from
0.3 to 0.5 (``benchmarks/targets.py --linear-share``), and the reasons changed least across refits at 0.5
(``benchmarks/reasons.py --linear-share``, mean of four cohorts)."""
SMALL_TRAINING = 2_000_000
"""Cells (rows times columns) up to which the members are trained one after the other."""
ROUNDS_AT_A_TIME = 10
"""Rounds that a member goes ahead before the others are asked how well they do."""


def train_bag(
    matrix: TableArray,
    outcome: FloatArray,
    fold: IntArray,
    directions: IntArray,
    *,
    learnt: list[BoolArray],
    options: FitOptions,
    seed: int,
    progress: Progress | None = None,
) -> Bag:
    """Train the members in step, and cut all of them where the pupils they left out are predicted best.

    Parameters
    ----------
    matrix : (n, p) array
        Rows without NaN, in an order that does not depend on how they came.
    outcome : (n,) array of 0/1
        What happened.
    fold : (n,) int array
        The member, 0 to ``options.members - 1``, that predicts the row without having seen it.
    directions : (p,) int array
        -1, 0 or 1: the way in which a column may move the risk.
    learnt : list of (n,) bool arrays
        The rows that each member learns from.
    options : FitOptions
        How to train.
    seed : int
        Seed of the columns drawn for each tree; the same for all members, so that their spread comes from the pupils
        left out and from nothing else.
    progress : callable, optional
        Told ``("members", round, max_rounds)``.

    Returns
    -------
    Bag
    """
    blind = [fold == member for member in range(options.members)]
    boosters = _boosters(matrix, outcome, directions, learnt, options, seed, blind=blind)
    give_back(matrix)
    # One number of rounds for all: members cut apart would differ by luck, which the interval reads as doubt.
    weights = np.bincount(fold, minlength=options.members) / len(fold)
    rounds = _grow(boosters, weights, options, progress, threads=_threads(matrix))
    members = Members(tuple(one.text(rounds) for one in boosters))
    # The binned rows of every member are held as long as they are.
    del boosters
    left_out = np.empty(len(fold))
    for block in row_blocks(len(fold), matrix):
        for member, booster in enumerate(members.boosters):
            rows = np.flatnonzero(fold[block] == member)
            if rows.size:
                # From the texts that are saved, not from the boosters in memory: these are the scores that will be
                # served.
                left_out[block.start + rows] = booster.predict(
                    matrix[block][rows], raw_score=True, num_threads=1
                )
    return Bag(members, rounds, left_out)


def train_members(
    matrix: TableArray,
    outcome: FloatArray,
    directions: IntArray,
    *,
    learnt: list[BoolArray],
    options: FitOptions,
    seed: int,
    rounds: int,
) -> Members:
    """Train members for a given number of rounds.

    Parameters
    ----------
    matrix, outcome, directions, learnt, options, seed
        As in :func:`train_bag`; one member per mask of ``learnt``.
    rounds : int
        Trees of each member.

    Returns
    -------
    Members
    """
    boosters = _boosters(matrix, outcome, directions, learnt, options, seed)
    give_back(matrix)
    over_items(partial(_Started.grow, rounds=rounds), boosters, _threads(matrix), ready=_silent)
    return Members(tuple(one.text(rounds) for one in boosters))


def boosted_log_odds(
    matrix: TableArray,
    outcome: FloatArray,
    directions: IntArray,
    *,
    options: FitOptions,
    seed: int,
    rounds: int,
    of: TableArray,
) -> FloatArray:
    """Train one member on all rows for a given number of rounds, and predict others: for a choice, no member is written.

    Parameters
    ----------
    matrix, outcome, directions, options, seed, rounds
        As in :func:`train_members`.
    of : (m, p) array
        Rows to predict.

    Returns
    -------
    (m,) array
        Log-odds.
    """
    everyone = [np.ones(len(outcome), dtype=np.bool_)]
    (booster,) = _boosters(matrix, outcome, directions, everyone, options, seed)
    _silent()
    booster.grow(rounds)
    return booster.log_odds(of)


@dataclass(frozen=True, eq=False)
class _Started:
    """A booster in training, and the trees that it started from."""

    booster: Any
    start: tuple[StepTree, ...]

    def grow(self, rounds: int) -> None:
        """Add trees."""
        for _ in range(rounds):
            self.booster.update()

    def grow_watched(self, rounds: int) -> list[float]:
        """Add trees; give the log loss on the left-out pupils after each."""
        losses = []
        for _ in range(rounds):
            self.booster.update()
            # Of each entry the third field is the value: data set, metric, value, direction.
            losses.append(float(self.booster.eval_valid()[0][2]))
        return losses

    def log_odds(self, rows: TableArray) -> FloatArray:
        """Log-odds of other rows: what was boosted, on top of the start that LightGBM itself forgets."""
        odds: FloatArray = self.booster.predict(rows, raw_score=True, num_threads=1)
        level = start_log_odds(self.start, rows)
        return odds if level is None else odds + level

    def text(self, rounds: int) -> str:
        """Text of the start and of the first trees that were boosted."""
        text: str = with_start(self.booster.model_to_string(num_iteration=rounds), self.start)
        return without_counts(text)


def _boosters(
    matrix: TableArray,
    outcome: FloatArray,
    directions: IntArray,
    learnt: list[BoolArray],
    options: FitOptions,
    seed: int,
    *,
    blind: list[BoolArray] | None = None,
) -> list[_Started]:
    """Set up one booster per mask of rows to learn from; with ``blind``, each is judged on such rows."""
    import lightgbm  # noqa: PLC0415  # loads on first use

    params = _parameters(matrix, directions, options, seed)
    # Binned once for all members: edges of bins that each drew from its own part would differ.
    whole = lightgbm.Dataset(matrix, label=outcome, params=params).construct()
    give_back(matrix)
    choices = with_defaults(options, len(matrix))
    share, penalty = choices.linear_share or 0.0, choices.penalty or PENALTY

    def set_up(member: int) -> _Started:
        rows = np.flatnonzero(learnt[member])
        start = fit_start(matrix, outcome, directions, share, penalty=penalty, rows=rows)
        level = start_log_odds(start, matrix)
        booster = lightgbm.Booster(params, _part(whole, learnt[member], level))
        if blind is not None:
            booster.add_valid(_part(whole, blind[member], level), "left_out")
        return _Started(booster, start)

    with one_blas_thread():
        return over_items(set_up, range(len(learnt)), _threads(matrix), ready=_silent)


def _part(whole: Any, rows: BoolArray, level: FloatArray | None) -> Any:  # noqa: ANN401  # lightgbm ships no types
    """Take some rows of a dataset, with the log-odds that boosting starts from."""
    part = whole.subset([])
    # Numbers side by side: of each row of a list Python makes an object, and LightGBM keeps them all.
    part.used_indices = np.flatnonzero(rows).astype(np.int32)
    part.construct()
    # The part has its own copy of its rows; by these two the whole table would live as long as it.
    part.used_indices = part.reference = None
    return part if level is None else part.set_init_score(level[rows])


def _silent() -> None:
    """Silence LightGBM in this thread, and hold it to one: it keeps both settings per thread, as it last read them."""
    import lightgbm  # noqa: PLC0415  # loads on first use

    lightgbm.Dataset(np.zeros((1, 1)), params={"verbosity": -1, "num_threads": 1}).construct()


def _threads(matrix: TableArray) -> int:
    return 1 if matrix.size <= SMALL_TRAINING else thread_count()


def with_defaults(options: FitOptions, rows: int) -> FitOptions:
    """Settle what was left open, by the rows of the whole training: its parts must learn as it does.

    Examples
    --------
    >>> from decrochage_risk.risk.fit_input import FitOptions
    >>> few, many = (with_defaults(FitOptions(), rows) for rows in (4_999, 5_000))
    >>> (few.drawn_thresholds, few.linear_share), (many.drawn_thresholds, many.linear_share)
    ((False, 0.5), (True, 0.5))
    """
    draws_thresholds = rows >= MANY_ROWS if options.drawn_thresholds is None else options.drawn_thresholds
    share = LINEAR_SHARE if options.linear_share is None else options.linear_share
    penalty = PENALTY if options.penalty is None else options.penalty
    return replace(options, drawn_thresholds=draws_thresholds, linear_share=share, penalty=penalty)


def _parameters(matrix: TableArray, directions: IntArray, options: FitOptions, seed: int) -> dict[str, Any]:
    rows = len(matrix)
    # A share of the rows, within bounds: a leaf of a few pupils would be learnt by heart, and tells of them.
    leaf_rows = options.rows_per_leaf or int(np.clip(rows // 200, max(1, min(20, rows // 15)), 100))
    draws_thresholds = with_defaults(options, rows).drawn_thresholds
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "boost_from_average": True,
        "num_leaves": options.leaves,
        "learning_rate": options.learning_rate or (0.1 if draws_thresholds else 0.05),
        "lambda_l2": options.l2 if options.l2 is not None else float(np.clip(rows / 2000, 5, 30)),
        # Correlated columns then share a risk between them instead of one taking it all.
        "feature_fraction": options.column_share,
        "extra_trees": draws_thresholds,
        "min_data_in_leaf": leaf_rows,
        "max_bin": 255,
        # LightGBM would drop columns by the whole dataset, of which each member learns a part only
        "feature_pre_filter": False,
        # rows without NaN come in: what is missing was filled before
        "use_missing": False,
        "monotone_constraints": directions.tolist(),
        "monotone_constraints_method": "intermediate",
        "seed": seed,
        "deterministic": True,
        # left open, LightGBM times both layouts and takes the faster: last bits would depend on the day
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }


def _grow(
    boosters: list[_Started],
    weights: FloatArray,
    options: FitOptions,
    progress: Progress | None,
    *,
    threads: int,
) -> int:
    """Add trees to all boosters, some rounds at a time; return the number of rounds to keep."""
    best, least, round_number = 0, np.inf, 0
    while round_number < options.max_rounds:
        ahead = min(ROUNDS_AT_A_TIME, options.max_rounds - round_number)
        losses_by_member = over_items(
            partial(_Started.grow_watched, rounds=ahead), boosters, threads, ready=_silent
        )
        # rounds beyond the stop cost time only: the text is cut at the best one
        for losses in np.array(losses_by_member).T:
            round_number += 1
            if progress is not None:
                progress("members", round_number, options.max_rounds)
            if round_number < options.min_rounds:
                continue
            # Summed by numpy in the order of the members, whichever thread was first.
            loss = float(np.sum(weights * losses))
            if loss < least:
                best, least = round_number, loss
            elif round_number - best >= options.patience:
                return best
    return best
