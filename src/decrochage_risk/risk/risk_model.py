"""The risk model: any numeric table in, calibrated and monotone risks out, with what they are worth.

It knows nothing of schools: a numeric frame, a 0/1 outcome, a direction per column, a period, a group (pupil) and a cluster
(school) per row. So it can be measured on any public table. It is kept as text files, exact to the last bit: LightGBM text
for the boosters, JSON for the rest.

The penalty and the share of the linear start are settled inside the training by what it has not seen: in time where there are
two periods, on pupils left out otherwise; a part of the rows is enough for both. Each is an average of what was tried, weighted
by likelihood, never the best alone: the loss is flat in both, and a jump between two trainings would move every reason.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from decrochage_risk.errors import ModelError, explain_error, refuse_other_kinds
from decrochage_risk.risk.boosting import LINEAR_SHARE, boosted_log_odds
from decrochage_risk.risk.calibration import (
    Calibration,
    GroupCalibration,
    RowCalibration,
    group_codes,
    log_loss,
    probability,
    row_calibration,
)
from decrochage_risk.risk.comparable import Comparable
from decrochage_risk.risk.file_audit import CALIBRATION, LINEAR, REFERENCES, audited_files, booster_name
from decrochage_risk.risk.fit_input import FitInput, FitOptions, enough
from decrochage_risk.risk.fitting import (
    HeldOut,
    calibrate,
    folds_of,
    out_of_fold,
    out_of_time,
    range_of,
    refuse_seed,
    train_members_of,
)
from decrochage_risk.risk.folds import BoolArray, rolling_origin, rows_to_learn
from decrochage_risk.risk.members import LinearMembers, Members
from decrochage_risk.risk.numeric_table import TrainingRange
from decrochage_risk.risk.references import References
from decrochage_risk.risk.signed_logistic import PENALTY, fit_signed_logistic
from decrochage_risk.risk.uncertainty import jackknife_interval, member_mean
from decrochage_risk.threads import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from decrochage_risk.risk.knowledge import Knowledge, KnowledgeGroups
    from decrochage_risk.risk.members import Progress
    from decrochage_risk.risk.numeric_table import FloatArray

__all__ = ["PENALTIES", "SHARES", "RiskModel", "choose_start", "read_files", "write_files"]

PENALTIES: Final = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
"""Averaged by their logarithms: where nothing tells them apart, 55."""
SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where nothing tells them apart, one half."""
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
    # Rounded up. Every step-th row of the canonical order, not a draw: the same in every run.
    step = -(-len(table.outcome) // MOST_ROWS)
    some = table if step == 1 else table.take(np.arange(len(table.outcome)) % step == 0)
    # Few rows, many fits: in the precision of their sums from the start.
    some = replace(some, matrix=some.matrix.astype(np.float64))
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
        # Far from the seeds of the fit itself, so that the choice and its check do not deal alike.
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
                    # Coarser than the final fit: a choice needs the loss to a few digits only.
                    matrix,
                    outcome,
                    table.directions,
                    penalty=penalty,
                    tolerance=1e-6,
                )
                odds = level + table.matrix[test] @ slopes
                losses[place] += log_loss(odds, table.outcome[test]) * test.sum()
    deals = _DEALS if len(table.outcome) < FEW_ROWS else 1
    # Each row counts once, however many times it was dealt and predicted. Two digits: more are not known, nor read on a card.
    return float(f"{np.exp(likelihood_weights(losses / deals) @ np.log(PENALTIES)):.2g}")


def _share(
    table: FitInput, parts: Sequence[tuple[BoolArray, BoolArray]], options: FitOptions, seed: int
) -> float:
    losses = np.zeros(len(SHARES))
    for learnt, test in parts[:_SHARE_PARTS]:
        for place, share in enumerate(SHARES):
            odds = boosted_log_odds(
                table.matrix[learnt], table.outcome[learnt], table.directions, seed=seed, rounds=_ROUNDS,
                options=replace(options, linear_share=share), of=table.matrix[test],
            )  # fmt: skip
            losses[place] += log_loss(odds, table.outcome[test]) * test.sum()
    return round(float(likelihood_weights(losses) @ np.array(SHARES)), 2)


def likelihood_weights(losses: FloatArray) -> FloatArray:
    """Weigh candidates by the likelihood of rows that they had not seen: their pseudo-BMA weights.

    Yao, Vehtari, Simpson and Gelman, *Using stacking to average Bayesian predictive distributions*, Bayesian Analysis
    13(3), 2018, without their correction by bootstrap.

    Parameters
    ----------
    losses : (k,) array
        Log loss of each candidate, summed over the same rows (in nats).

    Returns
    -------
    (k,) array
        Weights that sum to 1.

    Examples
    --------
    >>> likelihood_weights(np.array([50.0, 50.0, 57.0])).round(3).tolist()
    [0.5, 0.5, 0.0]
    """
    likelihoods = np.exp(np.min(losses) - losses)
    weights: FloatArray = likelihoods / likelihoods.sum()
    return weights


def write_files(model: RiskModel) -> dict[str, str]:
    """Write a model; see :meth:`RiskModel.to_files`."""
    calibration = {
        "calibration": model.calibration.to_dict(),
        "calibrated_on": model.calibrated_on,
        "comparable": model.comparable.to_dict(),
        "spread_factor": model.spread_factor,
        "held_out_by": model.held_out_by,
        "cluster_spread": model.cluster_spread,
        "clusters": sorted(model.clusters),
        # A model without groups says nothing of them: the bytes of those that were trained before stay.
        **(
            {"calibration_groups": [group.to_dict() for group in model.group_calibrations]}
            if model.group_calibrations
            else {}
        ),
    }
    references = {
        "references": model.references.to_dict(),
        "directions": dict(model.directions),
        "rounds": model.rounds,
        "options": model.options.to_dict(),
        "seed": model.seed,
        "rows": model.rows,
        "base_rate": model.base_rate,
        "members": model.options.members,
        "training_range": None if model.training_range is None else model.training_range.to_dict(),
    }
    boosters = {booster_name(number): text for number, text in enumerate(_texts(model))}
    if isinstance(model.members, LinearMembers):
        boosters[LINEAR] = _json(model.members.to_dict())
    return {**boosters, CALIBRATION: _json(calibration), REFERENCES: _json(references)}


def read_files(files: Mapping[str, str]) -> dict[str, Any]:
    """Read the fields of a model back: parse, audit, build; see :meth:`RiskModel.from_files`."""
    calibration_entries, table, linear = audited_files(files)
    return {
        "references": References.from_dict(table["references"]),
        "directions": {name: table["directions"][name] for name in table["references"]["columns"]},
        "members": _members(files, table["members"], linear),
        "calibration": Calibration.from_dict(calibration_entries["calibration"]),
        "calibrated_on": calibration_entries["calibrated_on"],
        "comparable": Comparable.from_dict(calibration_entries["comparable"]),
        "options": FitOptions(**table["options"]),
        "spread_factor": calibration_entries["spread_factor"],
        "held_out_by": calibration_entries["held_out_by"],
        "cluster_spread": calibration_entries["cluster_spread"],
        "clusters": frozenset(calibration_entries["clusters"]),
        "training_range": _range(table["training_range"]),
        "group_calibrations": tuple(
            GroupCalibration.from_dict(group) for group in calibration_entries["calibration_groups"]
        ),
        **{name: table[name] for name in ("rounds", "seed", "rows", "base_rate")},
    }


def _texts(model: RiskModel) -> tuple[str, ...]:
    return () if isinstance(model.members, LinearMembers) else model.members.texts


def _members(
    files: Mapping[str, str], count: int, linear: Mapping[str, Any] | None
) -> Members | LinearMembers:
    if linear is not None:
        return LinearMembers.from_dict(linear)
    return Members(tuple(files[booster_name(number)] for number in range(count)))


def _range(values: Mapping[str, Any] | None) -> TrainingRange | None:
    """Read the range; artefacts of older versions have none."""
    return None if values is None else TrainingRange.from_dict(values)


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, allow_nan=False, indent=1, ensure_ascii=False) + "\n"


CalibratedOn: TypeAlias = Literal["out-of-time", "out-of-fold pupils"]
HeldOutBy: TypeAlias = Literal["pupils", "clusters"]
Features: TypeAlias = pd.DataFrame | npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RiskModel:
    """A bag of monotone boosters, its references, its calibration and its uncertainty.

    Made by :meth:`fit` or :meth:`from_files`. Frozen, and safe to use from several threads.

    Attributes
    ----------
    references : References
        Medians per group; kept, dropped and context columns.
    directions : mapping of str to int
        -1, 0 or 1 for each kept column.
    members : Members or LinearMembers
        The boosters, as text; or logistic regressions, as numbers.
    calibration : Calibration
        Raw log-odds to calibrated ones.
    calibrated_on : {"out-of-time", "out-of-fold pupils"}
        Where the calibration and the comparable pupils were measured.
    comparable : Comparable
        Observed frequencies by risk.
    rounds : int
        Trees of each booster.
    options : FitOptions
    seed : int
    rows : int
        Rows of the training.
    base_rate : float
        Their share of outcome 1.
    spread_factor : float
        Factor on the jackknife standard error; 1 until it is fitted where the truth is known.
    held_out_by : {"pupils", "clusters"}
        What early stopping and calibration held out: pupils, or whole schools.
    cluster_spread : float
        Standard deviation of the level of schools that were held out, in log-odds; 0 where none were.
    clusters : frozenset of str
        Digests of the schools of the training, so that a new one is told apart; empty where none were given.
    training_range : TrainingRange or None
        Range of each column in training; None in artefacts written before there was one.
    group_calibrations : tuple of GroupCalibration
        Of the rows that have a calibration of their own, in place of ``calibration``; often none.
    out_of_fold, out_of_time : HeldOut or None
        Held-out predictions of the training, for evaluation; not saved.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"absences": rng.poisson(3, 600), "mean_grade": rng.normal(11, 3, 600)})
    >>> truth = probability((0.5 * table["absences"] - 0.3 * table["mean_grade"]).to_numpy())
    >>> model = RiskModel.fit(
    ...     table, rng.random(600) < truth, directions={"absences": 1, "mean_grade": -1},
    ...     options=FitOptions(max_rounds=60),
    ... )
    >>> low, high = model.risk(pd.DataFrame({"mean_grade": [14.0, 6.0], "absences": [0, 8]}))
    >>> bool(low < 0.2 < 0.6 < high)
    True
    """

    references: References
    directions: Mapping[str, int]
    members: Members | LinearMembers
    calibration: Calibration
    calibrated_on: CalibratedOn
    comparable: Comparable
    rounds: int
    options: FitOptions
    seed: int
    rows: int
    base_rate: float
    spread_factor: float = 1.0
    held_out_by: HeldOutBy = "pupils"
    cluster_spread: float = 0.0
    clusters: frozenset[str] = frozenset()
    training_range: TrainingRange | None = None
    group_calibrations: tuple[GroupCalibration, ...] = ()
    out_of_fold: HeldOut | None = field(default=None, repr=False)
    out_of_time: HeldOut | None = field(default=None, repr=False)

    @classmethod
    def fit(  # noqa: PLR0913  # the arguments are the contract of the design; all but two are named and optional
        cls,
        features: pd.DataFrame,
        outcome: npt.ArrayLike,
        *,
        directions: Mapping[str, int],
        time: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
        seed: int = 0,
        reference_groups: npt.ArrayLike | None = None,
        context: Sequence[str] = (),
        knowledge: KnowledgeGroups | None = None,
        clusters: npt.ArrayLike | None = None,
        observed: npt.ArrayLike | None = None,
        matured: npt.ArrayLike | None = None,
        calibration_groups: Mapping[str, Sequence[str]] | None = None,
        options: FitOptions | None = None,
        progress: Progress | None = None,
    ) -> RiskModel:
        """Train a model. The same rows in any order give the same bytes.

        Parameters
        ----------
        features : DataFrame, n rows
            Bool, integer or float columns; NaN = not known, which counts as the value of the reference row that is not
            known there either (see ``knowledge``).
        outcome : (n,) array_like of 0/1
            What happened, known for every row.
        directions : mapping of str to int
            1: a greater value can only raise the risk; -1: only lower it; 0 or left out: either.
        time : (n,) array_like, optional
            Period of each row (a school year). With three or more, calibration is measured out of time.
        groups : (n,) array_like, optional
            Pupil of each row; a pupil is never on both sides of a fold. Each row by itself when left out.
        seed : int
            Seed of folds and boosters, 0 or more.
        reference_groups : (n,) array_like, optional
            Group whose medians are the reference of the row (level and time of year, say). A label may be a path
            ("cap1@03"): with too few rows, that without its last step stands, then all rows with the same pattern of
            knowledge, then all rows.
        context : sequence of str
            Columns in which the reference of a row is the row's own value, so that they are never reasons.
        knowledge : mapping of str to sequence of str, optional
            Flags to make: 0/1 columns of the context, without direction, that say that none of these columns is known of
            a row. By default one per set of columns that are always unknown together; ``{}`` makes none.
        clusters : (n,) array_like, optional
            School of each row. Where there is a context, which may learn schools by heart, early stopping and calibration
            hold out whole schools instead of pupils, from 10 of them on.
        observed, matured : (n,) array_like of days, optional
            As-of day of each row, and the day its outcome window closed; both or neither. A label counts for
            an out-of-time test only if it had matured by then.
        calibration_groups : mapping of str to sequence of str, optional
            Groups of rows that may have a calibration of their own: by name, the context columns of which one is above one half
            in the rows of the group. A group keeps the common calibration unless its own predicts better what it has not seen,
            see `decrochage_risk.risk.calibration`.
        options : FitOptions, optional
            How the bag is trained.
        progress : callable, optional
            Called as ``progress(stage, done, total)``.

        Returns
        -------
        RiskModel

        Raises
        ------
        ColumnsError
            Columns that are not numeric, named twice, infinite or huge; or no column with a known value.
        NotEnoughDataError
            Under 20 rows, or an outcome that fewer than 5 rows or groups have.
        ModelError
            An outcome, direction, label or seed that cannot be used.
        """
        refuse_other_kinds(
            {"options": (options, FitOptions | None)}, hint="options=FitOptions(members=3).", error=ModelError
        )
        options = FitOptions() if options is None else options
        refuse_seed(seed)
        labels = {
            "time": time,
            "groups": groups,
            "clusters": clusters,
            "observed": observed,
            "matured": matured,
            "reference_groups": reference_groups,
        }
        table = FitInput.prepare(
            features,
            outcome,
            directions=directions,
            labels=labels,
            context=context,
            knowledge=knowledge,
            calibration_groups=calibration_groups,
        )
        schools = () if clusters is None else map(_digest, pd.unique(np.asarray(clusters, dtype=object)))
        return cls._fit_prepared(
            table, frozenset(schools), seed, choose_start(table, options, seed), calibration_groups, progress
        )

    @classmethod
    def _fit_prepared(
        cls,
        table: FitInput,
        clusters: frozenset[str],
        seed: int,
        options: FitOptions,
        calibration_groups: Mapping[str, Sequence[str]] | None,
        progress: Progress | None,
    ) -> RiskModel:
        """Train the members on checked rows, predict each row without itself, and calibrate on that."""
        fold = folds_of(table, options.members, seed)
        bag = train_members_of(table, fold, options, seed, progress)
        by_fold = out_of_fold(table, bag)
        by_time = out_of_time(table, rounds=bag.rounds, options=options, seed=seed, progress=progress)
        fitted_calibration = calibrate(by_time, by_fold, seed, calibration_groups)
        return cls(
            references=table.references,
            directions=dict(zip(table.references.columns, table.directions.tolist(), strict=True)),
            members=bag.members,
            calibration=fitted_calibration.calibration,
            calibrated_on="out-of-fold pupils" if by_time is None else "out-of-time",
            comparable=fitted_calibration.comparable,
            rounds=bag.rounds,
            options=options,
            seed=seed,
            rows=len(table.outcome),
            base_rate=float(table.outcome.mean()),
            held_out_by="pupils" if table.clusters is None else "clusters",
            cluster_spread=fitted_calibration.cluster_spread,
            clusters=clusters,
            training_range=range_of(table),
            group_calibrations=fitted_calibration.groups,
            out_of_fold=by_fold.with_groups(fitted_calibration.numbers),
            out_of_time=None if by_time is None else by_time.with_groups(fitted_calibration.numbers),
        )

    def outside_training(self, features: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Tell which rows lie outside the range of the training in many columns, see :class:`TrainingRange`.

        Parameters
        ----------
        features : DataFrame, n rows
            Columns in any order, further ones ignored; NaN = not known.

        Returns
        -------
        (n,) bool array
            All False where the range is not known.
        """
        if self.training_range is None:
            return np.zeros(len(features), dtype=np.bool_)
        return self.training_range.outside(features)

    @property
    def knowledge(self) -> Knowledge:
        """The flags of what is not known, and the rows that the training had of each pattern."""
        return self.references.knowledge

    def __repr__(self) -> str:
        size = f"{len(self.columns)} columns, {self.options.members} members, {self.rounds} rounds"
        return (
            f"<RiskModel ({self.options.kind}): {size}; {self.rows:,} rows, base rate {self.base_rate:.3f}>"
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read of a table, in the order of the boosters."""
        return self.references.value_columns

    @property
    def booster_columns(self) -> tuple[str, ...]:
        """Columns that the boosters read: :attr:`columns`, then the flags of what is not known."""
        return self.references.columns

    @property
    def dropped(self) -> tuple[str, ...]:
        """Columns of the training table without one known value."""
        return self.references.dropped

    @property
    def context(self) -> tuple[str, ...]:
        """Columns that equal the reference by construction, the flags of what is not known among them."""
        return self.references.context

    @property
    def boosters(self) -> tuple[Any, ...]:
        """The parsed ``lightgbm.Booster`` objects; none of a logistic regression."""
        return self.members.boosters

    def filled(self, features: Features, reference_groups: npt.ArrayLike | None = None) -> FloatArray:
        """Give the rows as the boosters see them, see :meth:`References.filled`."""
        return self.references.filled(features, reference_groups)

    def reference_rows(self, features: Features, reference_groups: npt.ArrayLike | None = None) -> FloatArray:
        """Give the reference of each row, see :meth:`References.reference_rows`."""
        return self.references.reference_rows(features, reference_groups)

    def member_log_odds(self, filled: FloatArray) -> FloatArray:
        """Compute the raw log-odds of each member, shape (n, K), for rows from :meth:`filled` or :meth:`reference_rows`."""
        return self.members.log_odds(filled)

    def raw_log_odds(self, features: Features, reference_groups: npt.ArrayLike | None = None) -> FloatArray:
        """Compute the mean raw log-odds of the bag, before calibration, shape (n,)."""
        return member_mean(self.member_log_odds(self.filled(features, reference_groups)))

    def log_odds(self, features: Features, reference_groups: npt.ArrayLike | None = None) -> FloatArray:
        """Calibrated log-odds.

        Parameters
        ----------
        features : DataFrame or (n, p) array
            Columns in any order, further ones ignored; an array must have the order of ``columns``.
        reference_groups : (n,) array_like, optional
            Group of each row; unknown, missing or none = the global reference.

        Returns
        -------
        (n,) float64 array
            In row order; a row alone and in a batch has the same bits.

        Raises
        ------
        ColumnsError
            Columns missing, not numeric, infinite or huge.
        """
        matrix = self.filled(features, reference_groups)
        return self.calibration_of(matrix).apply(member_mean(self.member_log_odds(matrix)))

    def calibration_of(self, filled: FloatArray) -> Calibration | RowCalibration:
        """Give the calibration of some rows: the common one, or where groups have their own, one map per row.

        Parameters
        ----------
        filled : (n, booster columns) array
            Rows from :meth:`filled` or :meth:`reference_rows`; both of a pupil are of one group.
        """
        if not self.group_calibrations:
            return self.calibration
        groups = [group.columns for group in self.group_calibrations]
        return self._by_group(group_codes(filled, self.booster_columns, groups))

    def held_out_log_odds(self, held_out: HeldOut) -> FloatArray:
        """Calibrate held-out predictions of the training, each row by the map of its group, shape (m,)."""
        if not self.group_calibrations or held_out.calibration_group is None:
            return self.calibration.apply(held_out.log_odds)
        return self._by_group(held_out.calibration_group).apply(held_out.log_odds)

    def _by_group(self, codes: npt.NDArray[np.int64]) -> RowCalibration:
        return row_calibration(
            self.calibration, [group.calibration for group in self.group_calibrations], codes
        )

    def with_intercepts_moved(self, shift: float) -> RiskModel:
        """Return the model with a constant added to its calibrated log-odds, those of every group."""
        own = tuple(
            replace(group, calibration=group.calibration.moved(shift)) for group in self.group_calibrations
        )
        return replace(self, calibration=self.calibration.moved(shift), group_calibrations=own)

    def risk(self, features: Features, reference_groups: npt.ArrayLike | None = None) -> FloatArray:
        """Calibrated probability of the outcome, shape (n,); see :meth:`log_odds`."""
        return probability(self.log_odds(features, reference_groups))

    def spread_of(self, clusters: npt.ArrayLike) -> FloatArray:
        """Give the spread that an interval must have for the school of each row: 0 for one of the training.

        Parameters
        ----------
        clusters : (n,) array_like
            School of each row, as in :meth:`fit`; one that is missing counts as new.

        Returns
        -------
        (n,) array
            In log-odds; all 0 where the training knew no schools.
        """
        values = np.asarray(clusters, dtype=object)
        if not self.clusters:
            return np.zeros(len(values))
        # Schools are few: each name is digested once, whoever many pupils it has.
        names = values.tolist()
        spread = {
            name: self.cluster_spread if pd.isna(name) or _digest(name) not in self.clusters else 0.0
            for name in set(names)
        }
        return np.array([spread[name] for name in names], dtype=np.float64)

    def interval(
        self,
        features: Features,
        level: float = 0.9,
        reference_groups: npt.ArrayLike | None = None,
        *,
        clusters: npt.ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Interval of the risk from the spread of the members.

        Parameters
        ----------
        features, reference_groups
            As in :meth:`log_odds`.
        level : float
            Nominal coverage.
        clusters : (n,) array_like, optional
            School of each row: the interval is wider for one that the training did not have.

        Returns
        -------
        low, high : (n,) arrays of probabilities
        """
        matrix = self.filled(features, reference_groups)
        return jackknife_interval(
            self.calibration_of(matrix).apply(self.member_log_odds(matrix)),
            level=level,
            spread_factor=self.spread_factor,
            cluster_spread=0.0 if clusters is None else self.spread_of(clusters),
        )

    def risk_and_interval(
        self, filled: FloatArray, members: FloatArray, clusters: npt.ArrayLike | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give :meth:`risk` and the bounds of :meth:`interval` from one call of :meth:`member_log_odds` on ``filled``."""
        calibration = self.calibration_of(filled)
        log_odds, spread = (
            calibration.apply(members),
            0.0 if clusters is None else self.spread_of(clusters),
        )
        risk = probability(calibration.apply(member_mean(members)))
        return risk, *jackknife_interval(log_odds, spread_factor=self.spread_factor, cluster_spread=spread)

    def comparable_to(self, risk: FloatArray, clusters: npt.ArrayLike | None = None) -> FloatArray:
        """Rows of :attr:`Comparable.table` of each risk, their interval wider where the school is new, shape (n, 5)."""
        at = self.comparable.bins_of(risk)
        rows = self.comparable.table[at]
        if clusters is not None:
            is_new = self.spread_of(clusters) > 0
            if is_new.any():
                rows[is_new] = self.comparable.table_with(self.cluster_spread)[at[is_new]]
        return rows

    def with_spread_factor(self, factor: float) -> RiskModel:
        """Return the model with another factor on its intervals, see :func:`fit_spread_factor`."""
        if not (np.isfinite(factor) and factor > 0):
            raise ModelError(
                explain_error(
                    f"A spread factor of {factor!r} came",
                    expected="a finite number above 0",
                    hint="Fit it with fit_spread_factor on a cohort whose truth is known.",
                )
            )
        return replace(self, spread_factor=float(factor))

    def to_files(self) -> dict[str, str]:
        """Write the model as text files, the same bytes for the same model.

        Returns
        -------
        dict of str to str
            ``booster-0.txt`` ... , ``calibration.json`` and ``references.json``; numbers are exact to the last bit.
        """
        return write_files(self)

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> RiskModel:
        """Rebuild the model that :meth:`to_files` wrote; risks differ by 0.0.

        Parameters
        ----------
        files : mapping of str to str
            Name to text. Further files are ignored.

        Returns
        -------
        RiskModel

        Raises
        ------
        ModelError
            A file is missing, or holds what no training gives.
        """
        return cls(**read_files(files))


def _digest(cluster: object) -> str:
    """Digest of the name of a school: enough to know it again."""
    return hashlib.sha256(str(cluster).encode()).hexdigest()[:12]
