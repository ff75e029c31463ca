"""The page of plots: each function of `decrochage_risk.evaluate` that draws, on synthetic pupils, with words for who does not see it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from decrochage_risk import french
from decrochage_risk.evaluate import (
    drift_plot,
    precision_recall_plot,
    pupil_timeline_plot,
    reliability_plot,
    reliability_table,
    risk_histogram,
    roc_plot,
    workload_plot,
)
from decrochage_risk.school_year import year_start
from decrochage_risk.score import load_demo_model
from decrochage_risk.train import watch_drift

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from matplotlib.axes import Axes

    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

__all__ = ["gallery_files", "words_of"]

_FOLDER = "docs/pictures"
_YEAR = 2024
_LEAD = (
    "Chaque fonction de `decrochage_risk.evaluate` qui dessine, sur des élèves synthétiques : ces chiffres montrent le dessin, ils ne disent rien "
    "d'élèves réels. Une fonction dessine sur les axes donnés (`ax=`), ou sur une figure à elle ; les nombres ont leur virgule, et les courbes "
    "diffèrent par le trait ou la marque, jamais par la couleur seule. `decrochage_risk.pages.rendering.picture(figure, texte)` met une figure "
    "dans un carnet avec les mots qui la remplacent."
)
_TEXT = re.compile(r"<text[^>]*>(.*?)</text>", re.DOTALL)
_AT = (10, 20)
"""Pupils listed of 100 at which the alternative of the workload gives the recall."""


@dataclass(frozen=True)
class _Plot:
    """One plot of the page: its file, what it answers, the call, the words in its place, and how to draw it."""

    name: str
    question: str
    call: str
    alternative: str
    draw: Callable[[], Axes]


def gallery_files(scores: RiskScores, cohort: Cohort) -> dict[str, str]:
    """Write the page and its pictures, by their path under the root of the project.

    Parameters
    ----------
    scores : RiskScores
        A run over the cohort.
    cohort : Cohort
        With its outcomes.
    """
    plots = [*_of_outcomes(scores, cohort), _timeline(scores), _drift(scores)]
    pictures = {f"{_FOLDER}/galerie-{one.name}.svg": _svg(one) for one in plots}
    return {"docs/galerie.md": _page(plots), **pictures}


def words_of(picture: str) -> list[str]:
    """Give the words of a picture: what must be the same whichever version of Matplotlib draws it.

    Examples
    --------
    >>> words_of('<svg><title>a</title><text x="1">0,5</text></svg>')
    ['0,5']
    """
    return _TEXT.findall(picture)


def _of_outcomes(scores: RiskScores, cohort: Cohort) -> list[_Plot]:
    """Draw what is announced against what came true, for the pupils of the last year whose outcome is known."""
    outcomes = cohort.outcomes[cohort.outcomes["school_year"] == _YEAR].set_index("pupil_id")["outcome"]
    frame = scores.frame.dropna(subset=["risk"])
    frame = frame.assign(outcome=frame["pupil_id"].map(outcomes))
    frame = frame[frame["outcome"].notna() & (frame["outcome"] != "unknown")]
    left = (frame["outcome"] == "left_without_diploma").to_numpy(dtype=float)
    risk = frame["risk"].to_numpy()
    rate = f"{french.percent(left.mean(), 1)} des {french.plural(len(left), 'élève')} sont sortis"
    listed = workload_plot(left, risk).get_lines()[1].get_xydata()
    shares = [max(hits for load, hits in listed if load <= at) for at in _AT]
    workload = french.join(
        [
            f"{french.number(share, 0)} % en regardant {at} élèves sur 100"
            for at, share in zip(_AT, shares, strict=True)
        ]
    )
    bins = reliability_table(left, risk)
    highest = bins.iloc[-1]
    calibration = (
        f"{french.plural(len(bins), 'classe', 'classes')} ; la plus haute annonce {french.percent(highest['mean_risk'], 1)} "
        f"et constate {french.percent(highest['observed'], 1)}, de {french.percent(highest['low'], 1)} à {french.percent(highest['high'], 1)}."
    )
    auc = roc_plot(left, risk).get_legend_handles_labels()[1][-1]
    precision = precision_recall_plot(left, risk).get_legend_handles_labels()[1]
    rows = (
        ("calibration", "Ce qui est annoncé se vérifie-t-il ?", reliability_plot, f"Fréquence observée selon le risque annoncé, en {calibration}"),
        ("charge", "Combien de sorties la liste trouve-t-elle, pour quelle charge ?", workload_plot, f"Rappel selon la charge : {workload} des sorties sont repérées, {rate}."),
        ("precision", "Parmi les élèves retenus, combien sont sortis ?", precision_recall_plot, f"Précision selon le rappel : {french.join(precision)}."),
        ("roc", "Le score sépare-t-il les élèves sortis des autres ?", roc_plot, f"Courbe ROC, au-dessus de la diagonale du hasard : {auc}."),
        ("repartition", "Comment les risques se répartissent-ils ?", risk_histogram, f"Parts des élèves par risque annoncé, sortis et restés à part ; {rate}, le risque moyen est {french.percent(risk.mean(), 1)}."),
    )  # fmt: skip
    return [
        _Plot(
            name, question, f"{draw.__name__}(outcome, risk)", alternative, partial(_drawn, draw, left, risk)
        )
        for name, question, draw, alternative in rows
    ]


def _drawn(draw: Callable[..., Axes], outcome: npt.NDArray, risk: npt.NDArray) -> Axes:
    return draw(outcome, risk)


def _timeline(scores: RiskScores) -> _Plot:
    """Draw the year of the first pupil whose situation is to be looked at."""
    pupil_id = scores.flagged["pupil_id"].iloc[0]
    day = scores.run.as_of
    known = scores.records.known_on(day)
    absences, grades = (
        rows[(rows["pupil_id"] == pupil_id) & (rows["date"] >= pd.Timestamp(year_start(known.school_year)))]
        for rows in (known.absences, known.grades)
    )
    missed, marks = absences["half_days"].sum(), grades["value"].notna().sum()
    return _Plot(
        "annee",
        "Comment s'est passée l'année d'un élève ?",
        "pupil_timeline_plot(records, pupil_id, as_of=jour)",
        f"Demi-journées manquées par semaine, {french.number(int(missed))} en tout, et {french.plural(int(marks), 'note')} sur 20 avant le {french.day(day, with_year=True)}.",
        lambda: pupil_timeline_plot(scores.records, pupil_id, as_of=day),
    )


def _drift(scores: RiskScores) -> _Plot:
    """Draw the signs of a watch of the bundled model on the same pupils."""
    report = watch_drift(load_demo_model(), scores.records, scores.run.as_of)
    figures = [one for one in report.overall.signs if one.figure is not None]
    highest = max(figures, key=lambda one: one.figure or 0.0)
    return _Plot(
        "veille",
        "Les élèves ressemblent-ils encore à ceux de l'apprentissage ?",
        "drift_plot(watch_drift(model, records, jour))",
        f"{french.plural(len(figures), 'signe mesuré', 'signes mesurés')} ; le plus fort : {highest.sentence}",
        lambda: drift_plot(report),
    )


def _svg(plot: _Plot) -> str:
    """Draw a plot as SVG whose words stay words, the same bytes at each run, with a title and a description."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy: loaded on first use

    # Without a salt the ids of paths are drawn at random; without a date the file would change every day.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": plot.name}):
        file = io.StringIO()
        figure = plot.draw().figure
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    start = text.index("<svg")
    end = text.index(">", start)
    words = f"<title>{escape(plot.question)}</title>\n <desc>{escape(plot.alternative)}</desc>"
    drawing = f'{text[start:end]} role="img">\n {words}{text[end + 1 :]}'
    return "\n".join(line.rstrip() for line in drawing.splitlines()) + "\n"


def _page(plots: list[_Plot]) -> str:
    parts = [
        "# Galerie des graphiques",
        "",
        _LEAD,
    ]
    for one in plots:
        parts += [
            "",
            f"## {one.question}",
            "",
            f"![{one.alternative}](pictures/galerie-{one.name}.svg)",
            "",
            f"`{one.call}`. {one.alternative}",
        ]
    return "\n".join(parts) + "\n"
