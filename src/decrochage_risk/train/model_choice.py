"""The counts that a trained model keeps of pupils that no choice touched: by tier, and by threshold.

Fit on every year, measure on the last one, and ship the simpler model when it predicts that year better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from decrochage_risk.errors import NotEnoughDataError, TrainingWarning, explain_error, warn_caller
from decrochage_risk.evaluate import shipped_instead
from decrochage_risk.model import Snapshots
from decrochage_risk.policy import GRID, WORKLOADS, HeldOutPupils, HeldOutTables, load_policy
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.numeric_table import trim_memory
from decrochage_risk.train.backtest import backtest, fit_risk_model, last_year_rows, report_on

if TYPE_CHECKING:
    from decrochage_risk.evaluate import EvaluationReport
    from decrochage_risk.policy import Policy
    from decrochage_risk.risk import RiskModel


__all__ = ["HeldOutCounts", "PredictionHook", "fit_and_measure"]

PredictionHook: TypeAlias = Callable[[Snapshots, npt.NDArray[np.float64]], None]
"""Told rows that were predicted without having been learnt from, and their risks."""


class HeldOutCounts:
    """Takes held-out rows as a training predicts them, to be counted by tier and threshold.

    Parameters
    ----------
    policy : Policy or None
        Whose tiers are counted; the bundled ones when None.
    """

    def __init__(self, policy: Policy | None) -> None:
        self._policy = policy or load_policy()
        self._years: list[int] = []
        self._pupils = HeldOutPupils.of([], [], [])

    def take(self, test: Snapshots, risk: npt.NDArray[np.float64]) -> None:
        """Take some rows, in place of those taken before."""
        rows = test.rows
        self._years = sorted({int(year) for year in rows["school_year"]})
        self._pupils = HeldOutPupils.of(
            rows["level"].to_numpy(dtype=object),
            risk,
            test.outcome,
            pupils=rows["pupil_id"].to_numpy(dtype=object),
            years=rows["school_year"].to_numpy(),
        )

    def tables(self) -> HeldOutTables:
        """Count them, as one part of what the training publishes."""
        return HeldOutTables(self._pupils, self._policy, GRID, WORKLOADS)

    def told(
        self, tiers: list[dict[str, Any]], thresholds: list[dict[str, Any]], *, untouched: bool
    ) -> dict[str, Any]:
        """Give what a model keeps of them, with whether every choice left the school year of these rows untouched."""
        return {
            "policy_version": self._policy.version,
            "school_years": self._years,
            "tiers": tiers,
            "thresholds": thresholds,
            "untouched": untouched,
        }


def fit_and_measure(
    snapshots: Snapshots,
    *,
    seed: int,
    synthetic: bool,
    options: FitOptions | None,
    policy: Policy | None,
    hold_out_schools: bool,
    progress: Callable[[str], None] | None,
    predicted: PredictionHook,
) -> tuple[RiskModel, EvaluationReport, bool]:
    """Fit the model that is shipped, and measure it; the report is not protected yet.

    Trees first. When the logistic regression beats them on the untouched last year (paired interval of the log loss),
    the model is a logistic regression with the declared signs, fitted and measured in the same way. The last year
    has then served one choice, and is no longer called untouched.

    Parameters
    ----------
    snapshots : Snapshots
        Rows of every year.
    seed, synthetic, options, policy, hold_out_schools, progress
        As in ``train_model``.
    predicted : callable
        Told the rows that the figures come from, and their risks.

    Returns
    -------
    risk_model, report, untouched
        ``untouched`` is False when there was no earlier year to learn from, or the last one chose the model.
    """
    if progress is not None:
        progress("Apprentissage sur toutes les années")
    choices: dict[str, Any] = {
        "seed": seed,
        "synthetic": synthetic,
        "policy": policy,
        "hold_out_schools": hold_out_schools,
        "progress": progress,
        "predicted": predicted,
    }
    years = tuple(sorted({int(year) for year in snapshots.rows["school_year"]}))
    # What reading the rows and looking at them one column after the other has freed: the fit asks for other sizes.
    trim_memory()
    risk_model = fit_risk_model(snapshots, seed=seed, options=options)
    # The model of all years cannot be measured on the last one: the figures are those of a stand-in.
    report = _measured(snapshots, options=options, **choices)
    if report is None:
        report = _report_on_folds(snapshots, risk_model, predicted, synthetic=synthetic, policy=policy)
        return risk_model, report.model_copy(update={"learnt_years": years, "shipped_years": years}), False
    stand_in = {"learnt_years": years[:-1], "shipped_years": years}
    report = report.model_copy(update=stand_in)
    if risk_model.options.kind == "trees" and shipped_instead(report.advice, ()) is not None:
        simpler = replace(options or FitOptions(), kind="logistic")
        if progress is not None:
            progress(
                "La régression logistique fait mieux : elle est apprise et mesurée à la place des arbres"
            )
        report_of_year = _measured(snapshots, options=simpler, **choices)
        if report_of_year is not None:
            advice = shipped_instead(report.advice, report_of_year.advice)
            risk_model = fit_risk_model(snapshots, seed=seed, options=simpler)
            # No longer untouched: the last year has decided which kind is shipped.
            return risk_model, report_of_year.model_copy(update={"advice": advice, **stand_in}), False
    return risk_model, report, True


def _measured(
    snapshots: Snapshots,
    *,
    seed: int,
    synthetic: bool,
    options: FitOptions | None,
    policy: Policy | None,
    hold_out_schools: bool,
    progress: Callable[[str], None] | None,
    predicted: PredictionHook,
) -> EvaluationReport | None:
    """Report of the untouched last year; None when the earlier years are not enough to learn from."""
    _, earlier = last_year_rows(snapshots)
    cause = "there is no earlier school year whose outcomes had closed"
    if earlier.any():
        try:
            report = backtest(
                snapshots,
                seed=seed,
                synthetic=synthetic,
                options=options,
                policy=policy,
                hold_out_schools=hold_out_schools,
                progress=progress,
                predicted=predicted,
                publish=False,
            )
        except NotEnoughDataError as error:
            cause = f"the earlier school years are not enough to learn from ({str(error).splitlines()[0]})"
        else:
            return report
    warn_caller(
        f"No year is untouched: {cause}. The figures come from pupils left out of the training, of the same years. "
        "Hint: add records and outcomes of one more school year.",
        TrainingWarning,
    )
    return None


def _report_on_folds(
    snapshots: Snapshots,
    risk_model: RiskModel,
    predicted: PredictionHook,
    *,
    synthetic: bool,
    policy: Policy | None,
) -> EvaluationReport:
    out_of_fold = risk_model.out_of_fold
    if out_of_fold is None:  # only after loading, never after fitting
        raise NotEnoughDataError(
            explain_error(
                "No held-out prediction", expected="a model that was just fitted", hint="Fit it again."
            )
        )
    risk = np.empty(len(out_of_fold.rows))
    risk[out_of_fold.rows] = 1.0 / (1.0 + np.exp(-risk_model.held_out_log_odds(out_of_fold)))
    predicted(snapshots, risk)
    return report_on(
        snapshots,
        risk,
        (),
        title="Élèves laissés de côté, même année",
        synthetic=synthetic,
        policy=policy,
        publish=False,
    )
