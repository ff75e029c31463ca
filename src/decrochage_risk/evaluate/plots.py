"""Plots of an evaluation (reliability, ROC, precision and recall, recall by workload, histogram), of a drift, and of one pupil's year.

Matplotlib is imported on first use. A plot without `ax` gets a figure of its own that no window and no global
state knows of (``ax.figure.savefig(...)`` writes it). Curves differ by line and marker, never by colour alone.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk.errors import NotEnoughDataError, RecordsError, explain_error
from decrochage_risk.evaluate.reliability import reliability_table
from decrochage_risk.evaluate.rows import checked_rows, is_one_class
from decrochage_risk.french import SHORT_MONTHS, number, percent, plural, school_year
from decrochage_risk.school_year import school_year_of, to_date, year_start

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from decrochage_risk.evaluate.drift import DriftReport, DriftSign
    from decrochage_risk.evaluate.rows import Floats
    from decrochage_risk.records.pupil_records import PupilRecords

_INK = "#1f3b5c"
_GREY = "#6b6b6b"
_SIZE = (6.0, 4.5)
_WIDE, _LINE_HEIGHT = 11.0, 0.18
"""Inches: the width of a plot whose names are long, and the height of one line of them."""
_NAME_WIDTH, _NAME_LINES = 62, 3
"""Letters of a line of such a name, and its lines at most: the longest definitions have more than 200 letters."""
_CHECKS = {
    "feature": "valeurs", "missing_table": "manques", "knowledge": "connu", "score": "score", "extent": "étendue",
    "calibration": "calibration", "slope": "calibration", "relation": "lien", "two_sample": "deux années", "size": "effectif",
}  # fmt: skip
"""Checks of a watch, as a reader calls them."""


def _axes(ax: Axes | None, size: tuple[float, float] = _SIZE) -> Axes:
    """Give the axes asked for, or new ones; their marks are written with a decimal comma."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # heavy: loaded on first use

    # Not pyplot, which keeps every figure, opens windows and is not safe in threads.
    axes = Figure(figsize=size, layout="constrained").subplots() if ax is None else ax
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: number(value))
    return axes


def _two_classes(outcome: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Floats, Floats]:
    outcomes, scores = checked_rows(outcome, score)
    if is_one_class(outcomes):
        message = explain_error(
            f"{len(outcomes)} row(s), all with outcome {outcomes[0]:g}, came",
            expected="rows with the event and rows without it",
            hint="Plot more as-of dates or school years together.",
        )
        raise NotEnoughDataError(message)
    return outcomes, scores


def reliability_plot(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    ax: Axes | None = None,
    *,
    bins: int = 10,
    label: str = "modèle",
) -> Axes:
    """Plot the observed frequency against the announced risk, in bins of equal mass, with 95 % Jeffreys intervals.

    Parameters
    ----------
    outcome, risk : array_like of shape (rows,)
        0 or 1; probability.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.
    bins : int
        Bins of equal mass.
    label : str
        Name in the legend.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> reliability_plot([0, 1, 0, 1], [0.2, 0.2, 0.6, 0.6]).get_xlabel()
    'Risque annoncé'
    """
    table = reliability_table(outcome, risk, bins=bins)
    axes = _axes(ax)
    gaps = np.abs(table[["low", "high"]].sub(table["observed"], axis=0).to_numpy().T)
    # Risks are mostly small: on a scale to 1 all points would lie in a corner.
    top = min(1.0, 1.05 * float(table[["mean_risk", "high"]].to_numpy().max()))
    axes.plot([0, top], [0, top], linestyle="--", color=_GREY, label="calibration parfaite")
    axes.errorbar(
        table["mean_risk"],
        table["observed"],
        yerr=gaps,
        marker="o",
        color=_INK,
        capsize=3,
        label=f"{label} (IC 95 %)",
    )
    axes.set(
        xlabel="Risque annoncé",
        ylabel="Fréquence observée",
        title="Calibration",
        xlim=(0, top),
        ylim=(0, top),
    )
    axes.legend()
    return axes


def roc_plot(
    outcome: npt.ArrayLike, score: npt.ArrayLike, ax: Axes | None = None, *, label: str = "modèle"
) -> Axes:
    """Plot the ROC curve, its AUC in the legend.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ColumnsError
        See `decrochage_risk.evaluate.rows.checked_rows`.
    NotEnoughDataError
        No row, or one outcome only.

    Examples
    --------
    >>> roc_plot([0, 1], [0.2, 0.6]).get_legend_handles_labels()[1]
    ['hasard', 'modèle (AUC 1,000)']
    """
    from sklearn.metrics import roc_auc_score, roc_curve  # noqa: PLC0415  # heavy: loaded on first use

    outcomes, scores = _two_classes(outcome, score)
    false_alarms, recall, _ = roc_curve(outcomes, scores)
    title = f"{label} (AUC {number(roc_auc_score(outcomes, scores), 3)})"
    axes = _plot_against_chance(ax, false_alarms, recall, label=title, whole=1)
    axes.set(
        xlabel="Part des élèves sans sortie signalés à tort",
        ylabel="Part des sorties repérées (rappel)",
        title="Courbe ROC",
    )
    return axes


def _plot_against_chance(ax: Axes | None, x: Floats, y: Floats, *, label: str, whole: float) -> Axes:
    """Plot a curve beside the diagonal, on which a score that says nothing lies; both axes go from 0 to ``whole``."""
    axes = _axes(ax)
    axes.plot([0, whole], [0, whole], linestyle="--", color=_GREY, label="hasard")
    axes.plot(x, y, linestyle="-", color=_INK, label=label)
    axes.legend()
    return axes


def precision_recall_plot(
    outcome: npt.ArrayLike, score: npt.ArrayLike, ax: Axes | None = None, *, label: str = "modèle"
) -> Axes:
    """Plot precision against recall, the base rate as the line of a score that says nothing.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ColumnsError
        See `decrochage_risk.evaluate.rows.checked_rows`.
    NotEnoughDataError
        No row, or one outcome only.

    Examples
    --------
    >>> precision_recall_plot([0, 1], [0.2, 0.6]).get_ylabel()
    'Précision'
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve  # noqa: PLC0415  # first use

    outcomes, scores = _two_classes(outcome, score)
    precision, recall, _ = precision_recall_curve(outcomes, scores)
    axes = _axes(ax)
    rate = float(outcomes.mean())
    axes.axhline(rate, linestyle="--", color=_GREY, label=f"taux observé ({percent(rate, 1)})")
    title = f"{label} (AP {number(average_precision_score(outcomes, scores), 3)})"
    axes.step(recall, precision, where="post", linestyle="-", color=_INK, label=title)
    axes.set(xlabel="Part des sorties repérées (rappel)", ylabel="Précision", title="Précision et rappel")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()
    return axes


def risk_histogram(
    outcome: npt.ArrayLike, risk: npt.ArrayLike, ax: Axes | None = None, *, bins: int = 20
) -> Axes:
    """Plot how the risks are spread, in shares of each outcome; the two outcomes differ by fill and hatching.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ColumnsError, NotEnoughDataError
        See `decrochage_risk.evaluate.rows.checked_rows`.

    Examples
    --------
    >>> risk_histogram([0, 0, 1], [0.2, 0.3, 0.6]).get_ylabel()
    'Part des lignes de même issue'
    """
    outcomes, risks = checked_rows(outcome, risk, probability=True)
    axes = _axes(ax)
    edges = np.linspace(0.0, float(risks.max()) or 1.0, bins + 1)
    looks = {0: ("sans sortie", True, "#c9d3de", None), 1: ("avec sortie", False, _INK, "///")}
    for value, (label, fill, colour, hatch) in looks.items():
        part = risks[outcomes == value]
        if len(part):
            shares = np.histogram(part, edges)[0] / len(part)
            name = f"{label} ({plural(len(part), 'ligne')})"
            axes.stairs(shares, edges, fill=fill, color=colour, hatch=hatch, label=name)
    axes.set(xlabel="Risque annoncé", ylabel="Part des lignes de même issue", title="Répartition des risques")
    axes.legend()
    return axes


def workload_plot(
    outcome: npt.ArrayLike, score: npt.ArrayLike, ax: Axes | None = None, *, label: str = "modèle"
) -> Axes:
    """Plot the recall against the workload: of the pupils who left, how many are among the first listed of 100.

    Pupils with the same score are listed together.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ColumnsError
        See `decrochage_risk.evaluate.rows.checked_rows`.
    NotEnoughDataError
        No row, or one outcome only.

    Examples
    --------
    >>> axes = workload_plot([0, 1, 0, 1], [0.1, 0.9, 0.2, 0.8])
    >>> axes.get_lines()[1].get_xydata().tolist()
    [[0.0, 0.0], [25.0, 50.0], [50.0, 100.0], [75.0, 100.0], [100.0, 100.0]]
    """
    outcomes, scores = _two_classes(outcome, score)
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    workload = np.concatenate([[0.0], 100.0 * (last_of_tie + 1) / len(scores)])
    hits = np.concatenate([[0.0], 100.0 * np.cumsum(outcomes[order])[last_of_tie] / outcomes.sum()])
    axes = _plot_against_chance(ax, workload, hits, label=label, whole=100)
    axes.set(
        xlabel="Charge (élèves retenus, pour 100)",
        ylabel="Part des sorties repérées (rappel, en %)",
        title="Rappel selon la charge",
        xlim=(0, 100),
        ylim=(0, 102),
    )
    return axes


def drift_plot(report: DriftReport, ax: Axes | None = None) -> Axes:
    """Plot the signs of a drift that are a figure, one bar each, named in French.

    Parameters
    ----------
    report : DriftReport
        Of ``watch_drift``.

    Returns
    -------
    matplotlib.axes.Axes
    """
    signs = [(sign, sign.figure) for sign in report.overall.signs if sign.figure is not None]
    names = [_sign_name(sign) for sign, _ in signs]
    lines = [name.count("\n") + 1 for name in names]
    # At the usual height the names of sixty lie over one another: each has the room of its lines, and half a one between.
    axes = _axes(ax, (_WIDE, max(_SIZE[1], _LINE_HEIGHT * (sum(lines) + len(lines) / 2))))
    ends = np.cumsum([each + 0.5 for each in lines])
    places = ends[-1:].sum() - ends + np.array(lines) / 2
    axes.barh(
        places, [figure for _, figure in signs], height=1.0, color="#c9d3de", edgecolor=_INK, label="mesuré"
    )
    axes.set_yticks(places, names, fontsize="small")
    axes.margins(y=0.01)
    axes.set(xlabel="Valeur du signe", ylabel="Signe", title="Veille entre deux entraînements")
    axes.legend()
    return axes


def _sign_name(sign: DriftSign) -> str:
    """Name a sign by its check and, where it is one of a feature, by the French name of it, in lines that fit beside the bars."""
    from decrochage_risk.features import FEATURE_BY_NAME  # noqa: PLC0415 - features load on first use

    feature = FEATURE_BY_NAME.get(sign.subject)
    name = sign.subject if feature is None else feature.title
    return "\n".join(
        textwrap.wrap(
            f"{_CHECKS[sign.check]} : {name}",
            _NAME_WIDTH,
            max_lines=_NAME_LINES,
            placeholder=" …",
            break_on_hyphens=False,
        )
    )


def _of_pupil(table: pd.DataFrame | None, pupil_id: str) -> pd.DataFrame | None:
    return None if table is None else table[table["pupil_id"] == pupil_id]


def pupil_timeline_plot(
    records: PupilRecords, pupil_id: str, ax: Axes | None = None, *, as_of: object = None
) -> Axes:
    """Plot one pupil's school year: half-days of absence by week, and marks out of 20.

    Parameters
    ----------
    records : PupilRecords
    pupil_id : str
    as_of : date or ISO text, optional
        Only what was known on that morning is drawn, of its school year; the last school year of the rows when left out.

    Returns
    -------
    matplotlib.axes.Axes
        Of the absences; the marks are on the axes beside (``ax.figure.axes``).

    Raises
    ------
    RecordsError
        No such pupil.
    """
    if pupil_id not in set(records.pupils["pupil_id"]):
        raise RecordsError(
            explain_error(
                f"No pupil {pupil_id!r}", expected="an id of the pupils table", hint="See records.pupils."
            )
        )
    source = records if as_of is None else records.known_on(as_of)
    axes = _axes(ax)
    absences, grades = (_of_pupil(table, pupil_id) for table in (source.absences, source.grades))
    days = [table["date"].max() for table in (absences, grades) if table is not None and len(table)]
    year = school_year_of(
        to_date(as_of) if as_of is not None else max(days, default=pd.Timestamp.now()).date()
    )
    start = pd.Timestamp(year_start(year))
    if absences is not None:
        own = absences[absences["date"] >= start]
        weeks = own.groupby(own["date"].dt.to_period("W").dt.start_time)["half_days"].sum()
        axes.bar(
            weeks.index,
            weeks.to_numpy(dtype=float),
            width=6,
            color="#c9d3de",
            edgecolor=_INK,
            label="demi-journées manquées",
        )
    axes.set(
        xlabel="Semaine",
        ylabel="Demi-journées manquées",
        title=f"Année {school_year(year)}, semaine par semaine",
    )
    if grades is not None:
        own = grades[(grades["date"] >= start) & grades["value"].notna()]
        marks = axes.twinx()
        marks.plot(
            own["date"],
            20 * own["value"] / own["out_of"],
            linestyle="",
            marker="x",
            color=_INK,
            label="notes sur 20",
        )
        marks.set(ylabel="Note sur 20", ylim=(0, 20), yticks=range(0, 21, 5))
        marks.legend(loc="upper right")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper left")
    # Dates on the axis, not the numbers behind them; the months of Matplotlib are English.
    from matplotlib.dates import MonthLocator, num2date  # noqa: PLC0415  # heavy: loaded on first use

    axes.xaxis.set_major_locator(MonthLocator())  # type: ignore[no-untyped-call]  # matplotlib declares no types for dates
    axes.xaxis.set_major_formatter(lambda value, _: SHORT_MONTHS[num2date(value).month - 1])  # type: ignore[no-untyped-call]  # same
    return axes
