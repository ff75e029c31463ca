"""Plots: French labels, drawn on the axes given or on a figure of their own, no global state touched."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from decrochage_risk.errors import NotEnoughDataError
from decrochage_risk.evaluate.plots import precision_recall_plot, reliability_plot, risk_histogram, roc_plot
from decrochage_risk.evaluate.reliability import reliability_table
from decrochage_risk.french import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows

PLOTS = [reliability_plot, roc_plot, precision_recall_plot, risk_histogram]


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_uses_the_axes_given_and_changes_no_setting(
    plot: Callable[..., object], simulate: Callable[..., Rows]
) -> None:
    """The axes given come back, labelled in French with a legend; matplotlib's settings are what they were."""
    case, before = simulate(300), dict(mpl.rcParams)
    axes = Figure().subplots()
    assert plot(case.outcome, case.risk, axes) is axes
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    assert axes.get_legend() is not None
    assert dict(mpl.rcParams) == before
    assert plot(case.outcome, case.risk) is not axes


@pytest.mark.parametrize("plot", PLOTS)
def test_series_do_not_differ_by_colour_alone(
    plot: Callable[..., object], simulate: Callable[..., Rows]
) -> None:
    """Any two series of a plot (the caps of error bars aside) differ by line style, marker, fill or hatching."""
    case = simulate(300)
    axes = plot(case.outcome, case.risk)
    looks = [
        (line.get_linestyle(), line.get_marker()) for line in axes.lines if line.get_linestyle() != "None"
    ]
    looks += [(patch.get_fill(), patch.get_hatch()) for patch in axes.patches]
    assert len(set(looks)) == len(looks) > 1


def test_the_reliability_plot_draws_the_table(simulate: Callable[..., Rows]) -> None:
    """Its points are the bins of `reliability_table`."""
    case = simulate(300)
    table = reliability_table(case.outcome, case.risk)
    points = reliability_plot(case.outcome, case.risk).lines[1].get_xydata()
    assert np.asarray(points) == pytest.approx(table[["mean_risk", "observed"]].to_numpy())


def test_legends_state_figures_in_french(simulate: Callable[..., Rows]) -> None:
    """AUC, average precision and counts stand in the legends, with a decimal comma."""
    case = simulate(300)
    texts = [text for plot in PLOTS for text in plot(case.outcome, case.risk).get_legend_handles_labels()[1]]
    assert any(text.startswith("modèle (AUC 0,") for text in texts)
    assert any(text.startswith("modèle (AP 0,") for text in texts)
    assert f"avec sortie ({number(case.outcome.sum())} lignes)" in texts


@pytest.mark.parametrize("plot", [roc_plot, precision_recall_plot])
def test_curves_of_one_outcome_are_refused(plot: Callable[..., object]) -> None:
    """A curve needs both outcomes; the message says what came and what to do."""
    with pytest.raises(
        NotEnoughDataError, match=r"2 row\(s\), all with outcome 0(.|\n)*Expected(.|\n)*Hint: Plot more"
    ):
        plot([0, 0], [0.1, 0.2])


@pytest.mark.whole
def test_importing_the_layer_loads_nothing_heavy_and_no_window() -> None:
    """Matplotlib, scikit-learn, scipy and jinja2 load on first use; a plot never loads pyplot."""
    code = (
        "import sys, decrochage_risk.evaluate as e\n"
        "heavy = {'matplotlib', 'sklearn', 'scipy.stats', 'scipy.optimize', 'jinja2', 'lightgbm', 'shap'} & set(sys.modules)\n"
        "e.reliability_plot([0, 1, 0, 1], [0.2, 0.2, 0.6, 0.6])\n"
        "print(sorted(heavy), 'matplotlib.pyplot' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own interpreter and code
    assert done.stdout.strip() == "[] False"
