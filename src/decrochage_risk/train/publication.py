"""What a training publishes together: its report, its base rates, its held-out counts, and what was left out.

The model folder and its card print them side by side, and they are of the same pupils: they are protected as one
publication (`decrochage_risk.small_cells`). Two models of two horizons are published as one: one folder, and one card with
a section for each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from decrochage_risk.evaluate import BaseRate, card_page
from decrochage_risk.evaluate.disclosure import ALL, EVENT, STAYED, CountedRows, pupils_tell_few
from decrochage_risk.french import join, school_year
from decrochage_risk.records.levels import LEVEL_BY_NAME, PATHWAY_LABELS
from decrochage_risk.small_cells import Publication, is_small

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from decrochage_risk.evaluate import EvaluationReport
    from decrochage_risk.evaluate.disclosure import ReportTables
    from decrochage_risk.model import Snapshots, TrainedModel
    from decrochage_risk.policy import HeldOutTables


__all__ = ["PublishedTraining", "combine_horizons", "publish_training"]

_MEASURES: Final = (ALL, EVENT, STAYED)
_EVERYBODY: Final = ("", "")
OVERALL: Final = "ensemble"


@dataclass(frozen=True, slots=True)
class PublishedTraining:
    """What of a training may be printed.

    Attributes
    ----------
    report : EvaluationReport
        Protected.
    tiers, thresholds : list of dict
        Held-out counts as JSON values, None where hidden.
    base_rates : list of BaseRate
    rows, pupils, events : int or None
        Training rows, distinct pupils, rows with the event; None where hidden.
    """

    report: EvaluationReport
    tiers: list[dict[str, Any]]
    thresholds: list[dict[str, Any]]
    base_rates: list[BaseRate]
    rows: int | None
    pupils: int | None
    events: int | None


def publish_training(
    snapshots: Snapshots, report: EvaluationReport, held_out: HeldOutTables
) -> PublishedTraining:
    """Protect the tables of a training together.

    Parameters
    ----------
    snapshots : Snapshots
        The training rows.
    report : EvaluationReport
        Not protected yet, on the last school year or on all of the rows.
    held_out : HeldOutTables
        Of the pupils of the report.
    """
    publication = Publication()
    report.add_to(publication)
    pupils_told = _pupils_told(snapshots, report)
    training = _training_rows(publication, snapshots, report, pupils_told=pupils_told)
    # In one publication: the thresholds and the report count the same pupils, and differences would show a
    # few.
    held_out.add_to(publication)
    if report.tables is not None:
        _relate_years(publication, snapshots, training, report.tables)
        _relate_levels(publication, held_out, report.tables)
    secrets = publication.hidden()
    counts = {name: None if name in secrets else count for name, count in publication.counts.items()}
    return PublishedTraining(
        report=report.published(secrets, dates=training),
        tiers=held_out.tiers(secrets),
        thresholds=held_out.thresholds(secrets),
        base_rates=_base_rates(publication.counts, training, secrets),
        rows=counts[training.key(*_EVERYBODY)],
        pupils=counts[training.key(*_EVERYBODY, unit="pupils")] if pupils_told else None,
        events=counts[training.key(*_EVERYBODY, EVENT)],
    )


def _pathways(levels: pd.Series[Any]) -> npt.NDArray[np.str_]:
    return np.array([PATHWAY_LABELS[LEVEL_BY_NAME[level].pathway] for level in levels], dtype=np.str_)


def _measured(outcome: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.bool_]]:
    left = outcome == 1
    return {ALL: np.ones(len(left), dtype=np.bool_), EVENT: left, STAYED: ~left}


def _pupils_told(snapshots: Snapshots, report: EvaluationReport) -> bool:
    """Tell whether the pupils of a training may stand beside its rows, and beside the pupils of its report."""
    pupils, tables = snapshots.rows["pupil_id"], report.tables
    others = 0 if tables is None else pupils.nunique() - len(pd.unique(tables.pupils))
    return not (is_small(others) or pupils_tell_few(pupils, snapshots.rows["as_of"].astype(str)))


def _training_rows(
    told: Publication, snapshots: Snapshots, report: EvaluationReport, *, pupils_told: bool
) -> CountedRows:
    """Count the training rows by pathway and by as-of date; the leavers of a date are printed once they are known."""
    rows = snapshots.rows
    row_counts = CountedRows(told, "training", rows["pupil_id"].to_numpy())
    mature_days = {one.as_of.isoformat() for one in report.maturity if one.events is not None}
    days = {one.as_of.isoformat() for one in report.maturity}
    dimensions = {
        "pathway": _pathways(rows["level"]),
        "as_of": np.array([day.isoformat() for day in rows["as_of"]]),
    }

    def printed(dimension: str, group: str, measure: str) -> bool:
        if dimension == "as_of":
            return group in (mature_days if measure == EVENT else days) and measure != STAYED
        return measure != STAYED

    row_counts.add(
        dimensions,
        _measured(snapshots.outcome),
        [(ALL, (EVENT, STAYED))],
        printed,
        print_pupils=pupils_told,
    )
    return row_counts


def _relate_years(
    told: Publication, snapshots: Snapshots, training: CountedRows, tables: ReportTables
) -> None:
    """Say that the rows of the report are rows of the training: what is left are those of the earlier years."""
    report, rows = tables.rows, snapshots.rows
    if report is None:
        return
    years = rows["school_year"].to_numpy()
    everything = len(tables.outcome) == len(rows)
    earlier = np.zeros(len(rows), dtype=np.bool_) if everything else years < years.max()
    # Rows that were left out of the report make the sums differ: nothing can be related then.
    if int((~earlier).sum()) != len(tables.outcome):
        return
    pupils, masks = rows["pupil_id"].to_numpy(), _measured(snapshots.outcome)
    pathway = _pathways(rows["level"])
    each = training.rows_each
    for place in (_EVERYBODY, *(("pathway", name) for name in np.unique(pathway).tolist())):
        inside = earlier if place == _EVERYBODY else earlier & (pathway == place[1])
        for measure in _MEASURES:
            whole, part = training.key(*place, measure), report.key(*place, measure)
            mask = inside & masks[measure]
            if part not in told or told.counts[whole] - told.counts[part] != int(mask.sum()):
                continue
            rest = ("earlier years", *place, measure)
            told.count(
                rest, int(mask.sum()), printed=False, people=len(pd.unique(pupils[mask])), rows_each=each
            )
            told.total(whole, [part, rest])
    for day in np.unique([day.isoformat() for day in rows["as_of"][~earlier]]).tolist():
        for measure in _MEASURES:
            if report.key("as_of", day, measure) in told:
                told.differ(training.key("as_of", day, measure), report.key("as_of", day, measure))


def _relate_levels(told: Publication, held_out: HeldOutTables, tables: ReportTables) -> None:
    """Say that the held-out pupils of a level are the pupils of the report at that level."""
    report = tables.rows
    if report is None:
        return
    for name, level in LEVEL_BY_NAME.items():
        pair = held_out.of_level(name)
        pupils = report.key("level", level.label, unit="pupils")
        if pair is None or pupils not in told:
            continue
        told.differ(pair[0], pupils)
        left, rows = told.counts[pair[1]], told.counts[report.key("level", level.label, EVENT)]
        # Counted on other draws of rows they may not bound each other; a false relation would be a
        # contradiction.
        if left <= rows <= left * report.rows_each:
            told.at_most(pair[1], report.key("level", level.label, EVENT))
            told.at_most(report.key("level", level.label, EVENT), pair[1], times=report.rows_each)


def _base_rates(values: Mapping[Any, int], training: CountedRows, hidden: frozenset[Any]) -> list[BaseRate]:
    rates = []
    for label, place in (
        (OVERALL, _EVERYBODY),
        *((name, ("pathway", name)) for name in PATHWAY_LABELS.values()),
    ):
        rows, left = training.key(*place), training.key(*place, EVENT)
        if rows not in values:
            continue
        count = None if rows in hidden else values[rows]
        rate = None if count is None or left in hidden else values[left] / values[rows]
        rates.append(BaseRate(label, count, rate))
    return rates


PATH_HEADING: Final = "## Second horizon : le parcours (trois années scolaires)"


def combine_horizons(year: TrainedModel, path: TrainedModel) -> TrainedModel:
    """Make one model of two: the risk within the school year, and that over three years for the pupils of 4e and 3e.

    Parameters
    ----------
    year : TrainedModel
        Trained with ``horizon_years=1``.
    path : TrainedModel
        Trained with ``horizon_years=3``, on earlier years: a label of three years is known three years later.

    Returns
    -------
    TrainedModel
        Named as ``year``. ``score_pupils`` then gives both numbers, each with its calibration, its references and its
        thresholds; its card has the card of the path as a section.

    Raises
    ------
    ModelError
        Other horizons, or synthetic pupils beside real ones.

    Examples
    --------
    ``combine_horizons(train_model(records), train_model(records, horizon_years=3)).save("modele")``
    """
    both = year.with_path(path)
    card = f"{year.card.rstrip()}\n\n{_section(path)}"
    # The front of the page shows the figures of the year; those of the path stand in its section.
    return replace(both, card=card, card_html=card_page(card, year.report))


def _section(path: TrainedModel) -> str:
    """Write the card of the path as a section: its headings two levels down."""
    years = join([school_year(each) for each in path.trained_on["school_years"]])
    report = path.report.get("test_years", ())
    test_years = join([school_year(int(each)) for each in report]) or "aucune année gardée à part"
    explanation = (
        "Ce dossier tient deux modèles. Tout ce qui précède est dit du risque **de l'année** (sortie sans diplôme avant la "
        "clôture de cette année scolaire). Ce qui suit est dit du risque **sur le parcours** (sortie sans diplôme, et pas de "
        "retour, avant la clôture de la troisième année scolaire), donné en 4e et en 3e seulement, où partir dans l'année est "
        f"rare. Appris sur {years}, les années dont la suite est connue jusqu'au bout ; mesuré sur {test_years}. Il faut donc "
        "des extraits et des issues d'au moins trois années de plus que celle que l'on apprend."
    )
    return f"{PATH_HEADING}\n\n{explanation}\n\n{re.sub(r'(?m)^#', '###', path.card)}"
