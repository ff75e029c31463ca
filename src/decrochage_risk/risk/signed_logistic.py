"""A ridge logistic regression whose slopes have the declared signs: of the linear bag, and of the linear start of the trees.

The start is a share of the regression, written as trees of one column each. With some hundred events among a hundred columns, trees alone spend most of their rounds on finding out that the
risk rises with each column. A share of a logistic regression says so at once, and the boosted trees add what it misses
(its curves and interactions). What it brings: ``benchmarks/targets.py --linear-share``.

The regression is not kept beside the trees but turned into trees: each slope becomes one tree of at most fifteen
leaves, flat between its cuts. So a member stays an ordinary LightGBM booster, to its last bit: monotone where a
direction is declared, explained exactly, saved as its text. And where a value lies outside those of the
training, the risk stays at its last step, which a straight line would not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from decrochage_risk.risk.numeric_table import give_back, row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decrochage_risk.risk.folds import BoolArray
    from decrochage_risk.risk.numeric_table import FloatArray, IntArray, TableArray


__all__ = [
    "MOST_STEPS",
    "StepTree",
    "fit_signed_logistic",
    "fit_start",
    "start_log_odds",
    "step_tree",
    "with_start",
]

PENALTY: Final = 100.0
"""Ridge penalty on standardised slopes (half of it times their squares, added to the summed log loss), unless it is chosen
inside the training: under a few thousand rows, 1 lets a regression learn its noise (``benchmarks/public_tables.py``)."""
_ITERATIONS: Final = 100
_ROWS_AT_A_TIME: Final = 32_768
"""Rows whose weighted copy stays in the caches while their part of the curvature is summed."""
_BLOCK: Final = 2 * _ROWS_AT_A_TIME
"""Rows that are standardised at once; those of a training of one block are kept so, of a longer one again in each pass."""
_SUFFICIENT: Final = 1e-4
"""Share of the promised gain that a step must bring (Armijo's rule)."""
_SHORTEST: Final = 1e-10
_LOW: Final = {1: 0.0, -1: -np.inf, 0: -np.inf}
_HIGH: Final = {1: np.inf, -1: 0.0, 0: np.inf}
"""Bounds of a slope, by its direction."""


def fit_signed_logistic(
    matrix: TableArray,
    outcome: FloatArray,
    directions: IntArray,
    *,
    penalty: float = PENALTY,
    tolerance: float = 1e-13,
    rows: IntArray | None = None,
) -> tuple[float, FloatArray]:
    """Fit a ridge logistic regression whose slopes have the declared signs.

    Columns are standardised for the fit; a constant one has slope 0. The loss is convex and the signs are bounds: Newton's
    method, whose every step is the least of the quadratic model within the bounds, finds its one minimum in some ten passes
    over the rows. A long table is read and standardised some rows at a time, in each pass again, so that no copy of it is held. For
    the same bits on any machine, hold BLAS to one thread around the call (`decrochage_risk.threads.one_blas_thread`).

    Parameters
    ----------
    matrix : (n, p) array
        Rows without NaN.
    outcome : (n,) array of 0/1
        What happened.
    directions : (p,) int array
        1: the slope is 0 or above; -1: 0 or below; 0: either.
    penalty : float
        Half of it times the squares of the standardised slopes is added to the summed log loss.
    tolerance : float
        Relative gain of the loss, promised by the next step, at which the search stops.
    rows : (m,) int array, optional
        The rows to learn from; all of them when left out.

    Returns
    -------
    intercept, slopes
        Per unit of the columns as they came.

    Examples
    --------
    >>> absences = np.repeat([0.0, 1.0, 2.0], 20)[:, None]
    >>> left = np.r_[np.arange(20) < 2, np.arange(20) < 6, np.arange(20) < 12].astype(float)
    >>> _, slopes = fit_signed_logistic(absences, left, np.array([1]), penalty=1.0)
    >>> _, against = fit_signed_logistic(absences, left, np.array([-1]))
    >>> bool(slopes[0] > 1), float(against[0])
    (True, 0.0)
    """
    at = np.arange(len(matrix)) if rows is None else rows
    return _fitted(_Design.of(matrix, at), outcome[at], directions, penalty, tolerance)


def _fitted(
    design: _Design, outcome: FloatArray, directions: IntArray, penalty: float, tolerance: float
) -> tuple[float, FloatArray]:
    """Fit on the rows of a design: the intercept and the slopes, per unit of the columns of the table."""
    varying = design.varying
    low, high = (
        np.array([bounds[int(way)] for way in (0, *directions[varying])]) for bounds in (_LOW, _HIGH)
    )
    start = np.zeros(1 + int(varying.sum()))
    # From the mean risk: Newton then needs a handful of steps, with all slopes at 0, which no sign forbids.
    start[0] = np.log(outcome.mean() / (1 - outcome.mean()))
    coefficients = _newton(design, outcome, start, (low, high), penalty, tolerance)
    slopes = np.zeros(len(varying))
    slopes[varying] = coefficients[1:] / design.scales[varying]
    # Back from standardised columns to those of the table.
    return float(coefficients[0] - (slopes * design.means).sum()), slopes


@dataclass(frozen=True, eq=False)
class _Design:
    """Standardised columns behind one of ones, of some rows of a table, a block of rows at a time."""

    matrix: TableArray
    rows: IntArray
    means: FloatArray
    scales: FloatArray
    varying: BoolArray

    @classmethod
    def of(cls, matrix: TableArray, rows: IntArray) -> _Design:
        """Find the means and spreads of the columns, as numpy does over all rows at once, to the last bit."""
        sums, squares = np.zeros((2, matrix.shape[1]))
        low, high = np.full(matrix.shape[1], np.inf), np.full(matrix.shape[1], -np.inf)
        for at in row_blocks(len(rows), matrix):
            part = matrix[rows[at]].astype(np.float64, copy=False)
            sums = _added(sums, part, first=at.start == 0)
            low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
        means = sums / len(rows)
        for at in row_blocks(len(rows), matrix):
            part = matrix[rows[at]].astype(np.float64, copy=False) - means
            squares = _added(squares, np.multiply(part, part, out=part), first=at.start == 0)
        scales = np.sqrt(squares / len(rows))
        # A column of one value has no slope, and would be divided by nothing.
        varying = (scales > 0) & (high > low)  # 901 times 0.1 has a spread of 1e-15
        return cls(matrix, rows, means, scales, varying)

    @cached_property
    def _whole(self) -> FloatArray | None:
        return self._standard(slice(0, len(self.rows))) if len(self.rows) <= _BLOCK else None

    def blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Give the blocks one after the other, with their place."""
        for at in _slices(len(self.rows)):
            yield at, self._standard(at) if self._whole is None else self._whole

    def _standard(self, place: slice) -> FloatArray:
        rows, varying = self.rows[place], self.varying
        block = np.ones((len(rows), 1 + int(varying.sum())))
        for at in row_blocks(len(rows), self.matrix):
            part = self.matrix[rows[at]][:, varying].astype(np.float64, copy=False)
            np.divide(part - self.means[varying], self.scales[varying], out=block[at, 1:])
        return block


def _slices(rows: int) -> list[slice]:
    return [slice(first, min(first + _BLOCK, rows)) for first in range(0, rows, _BLOCK)]


def _added(sums: FloatArray, part: FloatArray, *, first: bool) -> FloatArray:
    """Go on with the sums of columns: row after row, as over all rows at once."""
    total: FloatArray = np.add.reduce(part if first else np.vstack([sums, part]), axis=0)
    return total


def _newton(
    design: _Design,
    outcome: FloatArray,
    at: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    penalty: float,
    tolerance: float,
) -> FloatArray:
    # the intercept is not shrunk: the mean risk must stay the observed share
    ridge = np.r_[0.0, np.full(len(at) - 1, penalty)]

    def loss(place: FloatArray) -> float:
        scores = np.empty(len(outcome))
        for rows, block in design.blocks():
            scores[rows] = block @ place
        return float(np.logaddexp(0.0, scores).sum() - outcome @ scores + ridge @ place**2 / 2)

    here = loss(at)
    for _ in range(_ITERATIONS):
        gradient, curvature = _slope_and_curvature(design, outcome, at)
        gradient += ridge * at
        step = _least_within(gradient, curvature + np.diag(ridge), at, bounds) - at
        gain, length = -float(gradient @ step), 1.0
        if gain <= tolerance * max(here, 1.0):
            break
        while (there := loss(at + length * step)) > here - _SUFFICIENT * length * gain and length > _SHORTEST:
            length /= 2
        # no shorter step gains: rounding is all that is left
        if there >= here:
            break
        at, here = np.clip(at + length * step, *bounds), there
    return at


def _slope_and_curvature(
    design: _Design, outcome: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gradient and second derivatives of the summed log loss, some rows at a time."""
    gradient, curvature = np.zeros(len(at)), np.zeros((len(at), len(at)))
    for place, block in design.blocks():
        target = outcome[place]
        for first in range(0, len(block), _ROWS_AT_A_TIME):
            rows = block[first : first + _ROWS_AT_A_TIME]
            chance = np.exp(-np.logaddexp(0.0, -(rows @ at)))
            gradient += (chance - target[first : first + _ROWS_AT_A_TIME]) @ rows
            # The square root on each side makes the product symmetric to the last bit.
            weights = rows * np.sqrt(chance * (1 - chance))[:, None]
            curvature += weights.T @ weights
    return gradient, curvature


def _least_within(
    gradient: FloatArray, curvature: FloatArray, at: FloatArray, bounds: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Minimum of the quadratic model within the bounds: free columns are eliminated, the others are non-negative least squares.

    A bounded solver of general least squares factorises the matrix anew at every change of its active set: 13 times slower.
    """
    from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular  # noqa: PLC0415  # scipy loads on first use
    from scipy.optimize import nnls  # noqa: PLC0415  # scipy loads on first use

    low, high = bounds
    signs = np.where(np.isfinite(low), 1.0, -1.0)  # mirrored, every bounded column is 0 or above
    with_bound = np.isfinite(low) | np.isfinite(high)
    free = ~with_bound  # never empty: the intercept is
    pull = gradient - curvature @ at
    factor = cho_factor(curvature[np.ix_(free, free)])
    crossed_block = curvature[np.ix_(free, with_bound)] * signs[with_bound]
    per_bounded, alone = cho_solve(factor, crossed_block), cho_solve(factor, pull[free])
    least = np.zeros(len(at))
    least[free] = -alone
    if with_bound.any():
        mirror = signs[with_bound]
        left = cholesky(
            curvature[np.ix_(with_bound, with_bound)] * np.outer(mirror, mirror)
            - crossed_block.T @ per_bounded
        )
        target = -solve_triangular(left, pull[with_bound] * mirror - crossed_block.T @ alone, trans="T")
        sizes, _ = nnls(left, target)
        least[with_bound] = mirror * sizes
        least[free] -= per_bounded @ sizes
    return least


MOST_STEPS: Final = 15
"""Leaves of a tree of the start."""
MOST_ROWS: Final = 40_000
"""Rows that the regression learns from, every second, third ... of all: a pupil has several, much alike."""
_TOLERANCE: Final = 1e-6
"""Of the regression: steps of a tree are coarser by far."""
_RIGHT: Final = "2"
"""``decision_type`` of LightGBM for a numerical column without missing values."""


@dataclass(frozen=True, eq=False)
class StepTree:
    """A tree of one column: flat steps between cuts.

    Attributes
    ----------
    column : int
        Column that it reads.
    cuts : (steps - 1,) array
        Ascending; a row lies under a cut when its value is at most the cut.
    values : (steps,) array
        Log-odds of each step.
    counts : (steps,) array
        Training rows of each step.

    Examples
    --------
    >>> tree = StepTree(0, np.array([1.5]), np.array([-0.2, 0.4]), np.array([6, 2]))
    >>> tree.of(np.array([1.0, 2.0]))
    array([-0.2,  0.4])
    """

    column: int
    cuts: FloatArray
    values: FloatArray
    counts: FloatArray

    def of(self, column: FloatArray) -> FloatArray:
        """Log-odds of some values of the column."""
        steps: FloatArray = self.values[np.searchsorted(self.cuts, column, side="left")]
        return steps

    def text(self, number: int) -> str:
        """Write the tree as LightGBM does, balanced; the mean of the steps below stands in each node."""
        nodes: list[tuple[int, int, int, int, int]] = []  # first and last step, cut, left and right child

        def grow(first: int, last: int) -> int:
            if first == last:
                return -1 - first
            place, cut = len(nodes), (first + last) // 2
            nodes.append((first, last, cut, 0, 0))
            nodes[place] = (first, last, cut, grow(first, cut), grow(cut + 1, last))
            return place

        grow(0, len(self.cuts))
        spans = [slice(first, last + 1) for first, last, *_ in nodes]
        sums = [float(self.counts[span].sum()) for span in spans]
        inside = [float(self.values[span] @ self.counts[span]) for span in spans]
        rows: dict[str, list[Any]] = {
            "split_feature": [self.column] * len(nodes),
            "split_gain": [0] * len(nodes),
            "threshold": [repr(float(self.cuts[cut])) for _, _, cut, _, _ in nodes],
            "decision_type": [_RIGHT] * len(nodes),
            "left_child": [left for *_, left, _ in nodes],
            "right_child": [right for *_, right in nodes],
            "leaf_value": [repr(float(value)) for value in self.values],
            "leaf_weight": [int(count) for count in self.counts],
            "leaf_count": [int(count) for count in self.counts],
            "internal_value": [repr(total / count) for total, count in zip(inside, sums, strict=True)],
            "internal_weight": [int(count) for count in sums],
            "internal_count": [int(count) for count in sums],
        }
        lines = [f"{name}={' '.join(map(str, values))}" for name, values in rows.items()]
        head = [f"Tree={number}", f"num_leaves={len(self.values)}", "num_cat=0"]
        return "\n".join([*head, *lines, "is_linear=0", "shrinkage=1", "", "", ""])


def fit_start(
    matrix: TableArray,
    outcome: FloatArray,
    directions: IntArray,
    share: float,
    *,
    penalty: float = PENALTY,
    rows: IntArray | None = None,
) -> tuple[StepTree, ...]:
    """Fit the regression on some rows, and turn a share of it into step trees.

    The trees sum to ``share`` times the regression plus ``1 - share`` times the log-odds of the mean outcome, up to the
    width of the steps. Columns without a slope have no tree.

    Parameters
    ----------
    matrix : (n, p) array
        Rows without NaN, in an order that does not depend on how they came.
    outcome : (n,) array of 0/1
    directions : (p,) int array
        -1, 0 or 1.
    share : float
        0 to 1; with 0 there is no start, and no tree.
    penalty : float
        Of the regression.
    rows : (m,) int array, optional
        The rows to learn from; all of them when left out.

    Returns
    -------
    tuple of StepTree

    Examples
    --------
    >>> absences = np.repeat([0.0, 1.0, 2.0], 20)[:, None]
    >>> left = np.r_[np.arange(20) < 2, np.arange(20) < 6, np.arange(20) < 12].astype(float)
    >>> (tree,) = fit_start(absences, left, np.array([1]), share=1.0)
    >>> tree.cuts, bool((np.diff(tree.values) > 0).all())
    (array([0.5, 1.5]), True)
    """
    if share == 0:
        return ()
    rows = np.arange(len(matrix)) if rows is None else rows
    # rounded up, so that never more than MOST_ROWS are taken
    sample = rows[:: -(-len(rows) // MOST_ROWS)]
    target = outcome[sample]
    # a sample of one outcome has no log-odds to start from
    if not 0 < target.mean() < 1:
        return ()
    design = _Design.of(matrix, sample)
    intercept, slopes = _fitted(design, target, directions, penalty, _TOLERANCE)
    base = float(np.log(target.mean() / (1 - target.mean())))
    candidates = [
        step_tree(int(at), matrix[sample, at].astype(np.float64), share * slopes[at])
        for at in np.flatnonzero(slopes)
    ]
    give_back(matrix)
    trees = [tree for tree in candidates if tree is not None]
    if not trees:
        return ()
    level = (1 - share) * base + share * (intercept + float(slopes @ design.means))
    first = trees[0]
    # The level goes into the leaves of the first tree: a booster's text has no other place for a constant.
    return (StepTree(first.column, first.cuts, first.values + level, first.counts), *trees[1:])


def step_tree(at: int, column: FloatArray, slope: float) -> StepTree | None:
    """Turn a slope into steps around the mean of the column; None for a column of one value.

    Where there are more values than steps, the cuts lie where equal parts of the cube root of the density end: the
    steps that lose least of the square error (Panter and Dite, Proceedings of the IRE 39, 1951, 44-48).

    Parameters
    ----------
    at : int
        Number of the column.
    column : (n,) array
        Its values.
    slope : float
        Log-odds per unit.

    Returns
    -------
    StepTree or None

    Examples
    --------
    >>> step_tree(3, np.array([0.0, 0.0, 4.0]), slope=0.3)
    StepTree(column=3, cuts=array([2.]), values=array([-0.4,  0.8]), counts=array([2, 1]))
    """
    values, counts = np.unique(column, return_counts=True)
    if len(values) == 1:
        return None
    last = np.arange(len(values) - 1)
    if len(values) > MOST_STEPS:
        # Cube root of rows times squared gap: cuts are close where there are many rows, without leaving long
        # gaps whole.
        gaps = np.diff(values)
        spread = np.cumsum(np.cbrt((counts[:-1] + counts[1:]) / 2 * gaps**2))
        part_number = np.floor(spread / spread[-1] * MOST_STEPS * (1 - 1e-12))
        last = np.flatnonzero(np.diff(part_number, prepend=0.0))
    starts = np.r_[0, last + 1]
    rows = np.add.reduceat(counts, starts)
    means = np.add.reduceat(counts * values, starts) / rows
    cuts = (values[last] + values[last + 1]) / 2
    return StepTree(at, cuts, slope * (means - float(counts @ values) / len(column)), rows)


def start_log_odds(start: tuple[StepTree, ...], matrix: TableArray) -> FloatArray | None:
    """Sum the trees of a start for every row, shape (n,); None without a tree."""
    if not start:
        return None
    total = np.zeros(len(matrix))
    for rows in row_blocks(len(matrix), matrix):
        part = np.asarray(matrix[rows], dtype=np.float64)
        for tree in start:
            total[rows] += tree.of(part[:, tree.column])
    return total


def with_start(text: str, start: tuple[StepTree, ...]) -> str:
    """Put the trees of a start before those of a booster's text.

    Parameters
    ----------
    text : str
        As ``Booster.model_to_string`` gives it.
    start : tuple of StepTree

    Returns
    -------
    str
        To be read and written again by LightGBM: the sizes of the trees are left out.
    """
    if not start:
        return text
    head, first, trees = text.partition("Tree=0\n")
    # LightGBM reads by these sizes where they are there, and by the titles of the trees otherwise.
    head = re.sub(r"^tree_sizes=.*\n", "", head, flags=re.MULTILINE)
    own_trees = re.sub(
        r"^Tree=(\d+)$", lambda title: f"Tree={int(title[1]) + len(start)}", first + trees, flags=re.MULTILINE
    )
    return head + "".join(tree.text(number) for number, tree in enumerate(start)) + own_trees
