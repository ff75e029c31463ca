"""A small logistic fit with an offset, its information matrix, and variances that allow for repeated pupils.

Scikit-learn has neither an offset nor a covariance; a calibration needs both. Sums go column by column over
contiguous arrays, never through a BLAS, so that the same rows give the same bits.

Standing baselines: what the model must beat, on the same rows and the same features.

Each baseline is a `Baseline`: a score per row, whether it is a probability, and a note in French that says what
it is and what it could not judge. Flags are 0/1 marks, not probabilities: they rank, they have no calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.errors import ColumnsError, NotEnoughDataError, explain_error
from decrochage_risk.evaluate.rows import checked_rows, is_one_class
from decrochage_risk.french import number, plural
from decrochage_risk.risk.numeric_table import columns_of, give_back, new_table, row_blocks

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.evaluate.rows import Codes, Floats


_STEPS = 100
_HALVINGS = 30
_TOLERANCE = 1e-9
_CONDITION = 1e12


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A fitted logistic regression.

    Attributes
    ----------
    coefficients : ndarray of shape (columns,)
        On the log-odds scale.
    covariance : ndarray of shape (columns, columns)
        Inverse information; the sandwich over clusters when they were given.
    """

    coefficients: Floats
    covariance: Floats


def log_odds(risk: Floats, *, smallest: float = 1e-15) -> Floats:
    """Log-odds of probabilities, those nearer than `smallest` to 0 or 1 moved to that distance.

    Examples
    --------
    >>> log_odds(np.array([0.5, 0.0])).round(2).tolist()
    [0.0, -34.54]
    """
    chance = np.clip(risk, smallest, 1 - smallest)
    return np.asarray(np.log(chance) - np.log1p(-chance), dtype=np.float64)


def probability(scores: Floats) -> Floats:
    """Probability of log-odds, without overflow.

    Examples
    --------
    >>> probability(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    # 1 / (1 + exp(-x)) overflows below -745, and loses the digits of small risks.
    return np.asarray(np.exp(-np.logaddexp(0.0, -scores)), dtype=np.float64)


def fit_logistic(
    columns: list[Floats], outcome: Floats, *, offset: Floats | None = None, clusters: Codes | None = None
) -> LogisticFit | None:
    """Maximum likelihood by Newton's method with step halving.

    Parameters
    ----------
    columns : list of ndarray of shape (rows,)
        The design, one array per coefficient (a column of ones for an intercept).
    outcome : ndarray of shape (rows,)
        0 or 1.
    offset : ndarray of shape (rows,), optional
        Added to the log-odds with the fixed coefficient 1.
    clusters : ndarray of int of shape (rows,), optional
        Pupil of each row. The covariance is then the cluster-robust sandwich (Liang and Zeger, Biometrika
        73, 1986, 13-22): several as-of dates of one pupil share one outcome and are not independent.

    Returns
    -------
    LogisticFit or None
        None when there is no finite maximum (separated classes) or the columns are collinear.

    Examples
    --------
    >>> fit = fit_logistic([np.ones(4)], np.array([0.0, 0.0, 0.0, 1.0]))
    >>> round(float(fit.coefficients[0]), 6), round(float(np.log(1 / 3)), 6)
    (-1.098612, -1.098612)
    """
    shift = np.zeros_like(outcome) if offset is None else offset
    beta = np.zeros(len(columns))
    for _ in range(_STEPS):
        slopes = probability(_linear(columns, beta, shift))
        information = _information(columns, slopes)
        # Two columns that say the same, or outcomes that are wholly separated: no estimate is the best one.
        if not np.isfinite(information).all() or np.linalg.cond(information) > _CONDITION:
            return None
        gradient = np.array([(column * (outcome - slopes)).sum() for column in columns])
        step = np.linalg.solve(information, gradient)
        if np.abs(step).max() <= _TOLERANCE * (1 + np.abs(beta).max()):
            return LogisticFit(beta, _covariance(columns, outcome - slopes, information, clusters))
        beta = _improved(columns, outcome, shift, beta, step)
    return None


def _linear(columns: list[Floats], beta: Floats, shift: Floats) -> Floats:
    total = shift.copy()
    for column, coefficient in zip(columns, beta, strict=True):
        total += coefficient * column
    return total


def _information(columns: list[Floats], slopes: Floats) -> Floats:
    weight = slopes * (1 - slopes)
    sums: Floats = np.asarray(
        [[(left * weight * right).sum() for right in columns] for left in columns], dtype=np.float64
    )
    return sums


def _loss(columns: list[Floats], outcome: Floats, shift: Floats, beta: Floats) -> float:
    scores = _linear(columns, beta, shift)
    return float((np.logaddexp(0.0, scores) - outcome * scores).sum())


def _improved(columns: list[Floats], outcome: Floats, shift: Floats, beta: Floats, step: Floats) -> Floats:
    """Take the Newton step, halved until it does not worsen the likelihood beyond rounding."""
    before = _loss(columns, outcome, shift, beta)
    # Far from the answer a whole Newton step can overshoot, and the next ones would run away.
    for halving in range(_HALVINGS):
        candidate: Floats = beta + step * 0.5**halving
        if _loss(columns, outcome, shift, candidate) <= before + 1e-12 * (1 + abs(before)):
            return candidate
    return beta


def _covariance(
    columns: list[Floats], residual: Floats, information: Floats, clusters: Codes | None
) -> Floats:
    inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
    if clusters is None:
        return inverse
    # Sandwich over pupils: rows of one pupil err together, and would pass for independent evidence.
    totals = [np.bincount(clusters, weights=column * residual) for column in columns]
    meat = np.array([[(left * right).sum() for right in totals] for left in totals])
    groups = int(clusters.max()) + 1
    # The usual correction for few clusters.
    return np.asarray(inverse @ meat @ inverse * (groups / max(groups - 1, 1)), dtype=np.float64)


PASS_MARK = 10.0
FAILING_MARK = 8.0
LEGAL_MONTHS = 1.0
ABSENT_SHARE = 0.10
REGULARISATION = 1.0
# A school of five rows with one leaver is not at 20 %: it is drawn towards all schools by this many rows.
PRIOR_ROWS = 20.0
ABC_COLUMNS = (
    "absence_rate_year",
    "exclusion_half_days_year",
    "mean_grade_year",
    "lowest_core_grade_year",
)
_MAX_ITERATIONS = 5000


@dataclass(frozen=True, slots=True)
class Baseline:
    """A standing baseline applied to some rows.

    Attributes
    ----------
    name : str
        What the tables call it, in French.
    score : ndarray of shape (rows,)
        Grows with the risk.
    is_probability : bool
        Whether calibration figures mean anything for it.
    not_judged : int
        Rows that were not flagged, or had a value filled in, because a feature was missing.
    note : str
        What it is and what was missing, in French.
    """

    name: str
    score: Floats
    is_probability: bool
    not_judged: int
    note: str


@dataclass(frozen=True, slots=True)
class LogisticBaseline:
    """A logistic regression on median-filled, standardised features; fitted by `logistic_baseline`.

    Attributes
    ----------
    columns : tuple of str
        Features used, in the order of the arrays.
    dropped : tuple of str
        Features left out: never known in training, or constant.
    medians, means, scales, slopes : ndarray of shape (columns,)
        Training medians; mean and population standard deviation after filling; coefficients.
    intercept : float
        On the log-odds scale.
    regularisation : float
        scikit-learn's `C` of the fit.
    """

    columns: tuple[str, ...]
    dropped: tuple[str, ...]
    medians: Floats
    means: Floats
    scales: Floats
    slopes: Floats
    intercept: float
    regularisation: float

    def __call__(self, features: pd.DataFrame) -> Baseline:
        """Score rows.

        Raises
        ------
        ColumnsError
            A column of the training is missing, or a value is infinite.
        """
        _refuse(features, self.columns)
        log_odds, lacks_some = np.zeros(len(features)), np.zeros(len(features), dtype=np.bool_)
        # Column after column, not a matrix product: a row scored alone then has the same bits as in a batch.
        places = {name: place for place, name in enumerate(self.columns)}
        for name, values in columns_of(features, names=self.columns):
            at, missing = places[name], np.isnan(values)
            standard = (np.where(missing, self.medians[at], values) - self.means[at]) / self.scales[at]
            log_odds += standard * self.slopes[at]
            lacks_some |= missing
        incomplete = int(lacks_some.sum())
        note = (
            f"sur {plural(len(self.columns), 'variable')}, C = {number(self.regularisation)}, valeurs manquantes "
            f"remplacées par la médiane d'apprentissage (lignes concernées : {number(incomplete)})"
        )
        score = probability(self.intercept + log_odds)
        return Baseline("régression logistique", score, is_probability=True, not_judged=incomplete, note=note)


def _values(features: pd.DataFrame, columns: tuple[str, ...]) -> Floats:
    """Columns as a float64 matrix, or one error that names every column that cannot be used."""
    _refuse(features, columns)
    return features[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)


def _refuse(features: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Name every column that cannot be used, in one error."""
    absent = [name for name in columns if name not in features.columns]
    faults = [f"missing: {', '.join(absent)}"] if absent else []
    present = [name for name in columns if name in features.columns]
    text = [name for name in present if not pd.api.types.is_numeric_dtype(features[name])]
    faults += [f"not numeric: {', '.join(text)}"] if text else []
    numbers = [name for name in present if name not in text]
    infinite = [name for name, values in columns_of(features, names=numbers) if np.isinf(values).any()]
    faults += [f"infinite values: {', '.join(infinite)}"] if infinite else []
    if faults:
        message = explain_error(
            "These features cannot serve a baseline, " + "; ".join(faults),
            expected=f"the numeric column(s) {', '.join(columns)}, finite or missing",
            hint="Pass the frame of build_features, with the columns that the baseline was fitted on.",
        )
        raise ColumnsError(message)


def logistic_baseline(
    features: pd.DataFrame, outcome: npt.ArrayLike, *, regularisation: float = REGULARISATION
) -> LogisticBaseline:
    """Fit the plain logistic regression: median filling, standardisation, L2 penalty, no interaction.

    Parameters
    ----------
    features : pandas.DataFrame
        Numeric columns of the training rows; NaN where not known.
    outcome : array_like of shape (rows,)
        0 or 1.
    regularisation : float
        scikit-learn's `C`, the inverse of the penalty's strength; 1.0 is its default and is not tuned.

    Raises
    ------
    ColumnsError
        Columns that are not numeric or hold infinite values; outcomes other than 0 and 1.
    NotEnoughDataError
        One outcome only, or no column that varies.

    Examples
    --------
    >>> train = pd.DataFrame({"absences": [0.0, 1.0, np.nan, 8.0, 9.0, 7.0]})
    >>> scorer = logistic_baseline(train, [0, 0, 0, 1, 1, 1])
    >>> scores = scorer(pd.DataFrame({"absences": [0.0, np.nan, 9.0]}))
    >>> bool(scores.score[0] < scores.score[1] < scores.score[2]), scores.not_judged
    (True, 1)
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # heavy: loaded on first use
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # only here

    names = tuple(map(str, features.columns))
    _refuse(features, names)
    outcomes, _ = checked_rows(outcome, np.zeros(len(features)))
    medians, means, scales = _standards(features)
    # A column without any value has a NaN scale; one without spread would be divided by 0.
    varying = np.isfinite(scales) & (scales > 0)
    if is_one_class(outcomes) or not varying.any():
        raise NotEnoughDataError(_cannot_learn(outcomes, int(varying.sum())))
    # The one copy that is held, in the order in which scikit-learn takes it as it is.
    standard = new_table(len(features), int(varying.sum()))
    for rows in row_blocks(len(features), features):
        part = features.iloc[rows].to_numpy(dtype=np.float64, na_value=np.nan)[:, varying]
        filled = np.where(np.isnan(part), medians[varying], part)
        standard[rows] = (filled - means[varying]) / scales[varying]
    with threadpool_limits(
        1
    ):  # sums in another order for another number of threads would change the last bits
        fit = LogisticRegression(C=regularisation, max_iter=_MAX_ITERATIONS, tol=1e-8).fit(standard, outcomes)
    give_back(standard)
    return LogisticBaseline(
        columns=tuple(name for name, varies in zip(names, varying, strict=True) if varies),
        dropped=tuple(name for name, varies in zip(names, varying, strict=True) if not varies),
        medians=medians[varying],
        means=means[varying],
        scales=scales[varying],
        slopes=np.asarray(fit.coef_[0], dtype=np.float64),
        intercept=float(fit.intercept_[0]),
        regularisation=regularisation,
    )


def _standards(features: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Median of the known values of each column, and mean and spread of the column filled with it; NaN without any value."""
    medians, means, scales = np.full((3, features.shape[1]), np.nan)
    for at, (_, values) in enumerate(columns_of(features)):
        present = ~np.isnan(values)
        # np.median would warn of a column without any value; it is left out.
        if present.any():
            medians[at] = np.median(values[present])
            filled = np.where(present, values, medians[at])
            means[at], scales[at] = filled.mean(), filled.std()
    return medians, means, scales


def _cannot_learn(outcomes: Floats, varying: int) -> str:
    return explain_error(
        f"{len(outcomes)} training row(s) with {int(outcomes.sum())} event(s) and {varying} varying column(s) came",
        expected="both outcomes and at least one column that varies",
        hint="Train on more school years, and check that the outcomes are not all censored.",
    )


def on_track_flag(features: pd.DataFrame) -> Baseline:
    """Flag rows off track on marks alone, after the Chicago on-track indicator.

    Off track: ``mean_grade_year`` under 10/20, or ``lowest_core_grade_year`` under 8/20. Adapted from Allensworth
    and Easton, The On-Track Indicator as a Predictor of High School Graduation, CCSR 2005: off track there means
    fewer than five credits earned in the first year of high school, or two semester F or more in core courses.
    The pass mark of 10/20 stands for the credits; France gives no F, so a core subject under 8/20, the mark below
    which the baccalauréat grants no second chance, stands for the failed core courses.

    Raises
    ------
    ColumnsError
        One of the two columns is missing, not numeric or infinite.

    Examples
    --------
    >>> marks = pd.DataFrame({"mean_grade_year": [9.0, 12.0, 12.0], "lowest_core_grade_year": [8.0, 7.5, np.nan]})
    >>> flag = on_track_flag(marks)
    >>> flag.score.tolist(), flag.not_judged
    ([1.0, 1.0, 0.0], 1)
    """
    values = _values(features, ("mean_grade_year", "lowest_core_grade_year"))
    meaning = "moyenne de l'année sous 10/20 ou matière fondamentale sous 8/20"
    return _flag(
        "repère de Chicago (on-track)", meaning, values < [PASS_MARK, FAILING_MARK], np.isnan(values)
    )


def legal_absence_flag(features: pd.DataFrame) -> Baseline:
    """Flag rows with at least one month of 4 unjustified half-days in the year: the legal absence rule.

    ``months_over_threshold_year`` >= 1; Code de l'éducation, L131-8 and R131-7.

    Raises
    ------
    ColumnsError
        The column is missing, not numeric or infinite.

    Examples
    --------
    >>> legal_absence_flag(pd.DataFrame({"months_over_threshold_year": [0.0, 2.0, np.nan]})).score.tolist()
    [0.0, 1.0, 0.0]
    """
    values = _values(features, ("months_over_threshold_year",))
    meaning = "au moins 4 demi-journées non justifiées dans un même mois de l'année (R131-7)"
    return _flag("règle légale d'absence", meaning, values >= LEGAL_MONTHS, np.isnan(values))


def abc_flag(features: pd.DataFrame) -> Baseline:
    """Flag rows with at least one of the ABC signs: attendance, behaviour, course performance.

    Attendance: ``absence_rate_year`` of a tenth or more. Behaviour: at least one half-day of exclusion in the year.
    Course performance: off track as in `on_track_flag`. After Balfanz, Herzog and Mac Iver, Educational Psychologist 42,
    2007, 223-235, whose signs were an attendance of 80 % or less, a suspension, and a failed course in mathematics or
    English; with the threshold of chronic absence (a tenth) that warning systems have used since (Balfanz et al.,
    On Track for Success, Civic Enterprises, 2011).

    Raises
    ------
    ColumnsError
        One of the four columns is missing, not numeric or infinite.

    Examples
    --------
    >>> signs = pd.DataFrame({
    ...     "absence_rate_year": [0.1, 0.05, 0.05], "exclusion_half_days_year": [0.0, 1.0, 0.0],
    ...     "mean_grade_year": [12.0, 12.0, 12.0], "lowest_core_grade_year": [9.0, 9.0, np.nan],
    ... })
    >>> flag = abc_flag(signs)
    >>> flag.score.tolist(), flag.not_judged
    ([1.0, 1.0, 0.0], 1)
    """
    values = _values(features, ABC_COLUMNS)
    signs = np.column_stack(
        [values[:, 0] >= ABSENT_SHARE, values[:, 1] > 0, values[:, 2:] < [PASS_MARK, FAILING_MARK]]
    )
    meaning = "absences d'un dixième ou plus, ou exclusion, ou résultats du repère de Chicago, dans l'année"
    return _flag("indicateurs ABC (au moins un)", meaning, signs, np.isnan(values))


def _flag(name: str, meaning: str, signs: npt.NDArray[np.bool_], missing: npt.NDArray[np.bool_]) -> Baseline:
    alerts = np.asarray(signs.any(axis=1), dtype=np.float64)
    # A flag that is up stays up whatever is missing; one that is down may be so for want of data.
    not_judged = int(((alerts == 0) & missing.any(axis=1)).sum())
    note = (
        f"{meaning} ; lignes non signalées faute de données : {number(not_judged)} sur {number(len(alerts))}"
    )
    return Baseline(name, alerts, is_probability=False, not_judged=not_judged, note=note)


def school_rate(
    train_schools: Any,  # noqa: ANN401  # any column
    train_outcome: npt.ArrayLike,
    schools: Any,  # noqa: ANN401  # any column
    *,
    prior_rows: float = PRIOR_ROWS,
) -> Baseline:
    """Give each row its school's rate in training, drawn towards the rate of all schools.

    ``(events + prior_rows * overall rate) / (rows + prior_rows)``: the mean of a beta prior worth `prior_rows`
    rows. A school that training never saw gets the overall rate, and is counted.

    Parameters
    ----------
    train_schools, train_outcome : array_like of shape (training rows,)
        School and outcome of the training rows.
    schools : array_like of shape (rows,)
        School of the rows to score.
    prior_rows : float
        Weight of the overall rate, in rows; 20 by default, about one class.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> rate = school_rate(["a"] * 20 + ["b"] * 20, [1] * 20 + [0] * 20, ["a", "b", "c"])
    >>> rate.score.tolist(), rate.not_judged
    ([0.75, 0.25, 0.5], 1)
    """
    columns = {"train_schools": train_schools}
    outcomes, _ = checked_rows(train_outcome, np.zeros(np.shape(train_outcome)[0]), columns=columns)
    overall = float(outcomes.mean())
    table = pd.Series(outcomes).groupby(np.asarray(train_schools).astype(str)).agg(["sum", "count"])
    rates = (table["sum"] + prior_rows * overall) / (table["count"] + prior_rows)
    risks = pd.Series(np.asarray(schools).astype(str)).map(rates)
    unseen = int(risks.isna().sum())
    note = (
        f"taux de l'établissement à l'apprentissage, ramené vers le taux global par {plural(prior_rows, 'ligne')} ; "
        f"lignes d'un établissement jamais vu : {number(unseen)} sur {number(len(risks))}"
    )
    score = risks.fillna(overall).to_numpy(dtype=np.float64)
    return Baseline("taux de l'établissement seul", score, is_probability=True, not_judged=unseen, note=note)
