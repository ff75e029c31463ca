"""Between two trainings: the intercept of the calibration alone, moved to newer matured outcomes, on the record.

A year may have more leavers than the years of the training while what tells them apart stays the same. One constant
in log-odds then brings the level back, and several hundred outcomes are enough to fit it; a slope or a tree is not
learnt from so few. Every update leaves an audit record in the model, and the model before it can be rebuilt.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from decrochage_risk.errors import (
    ArtefactError,
    ModelError,
    NotEnoughDataError,
    explain_error,
    refuse_other_kinds,
)
from decrochage_risk.french import day as french_day
from decrochage_risk.french import number, plural, signed
from decrochage_risk.model.refused_options import faults_of
from decrochage_risk.model.scored_rows import mature_dates, score_rows
from decrochage_risk.model.snapshots import take_snapshots
from decrochage_risk.model.trained_model import TrainedModel
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.risk.calibration import Calibration, GroupCalibration, fit_offset
from decrochage_risk.school_year import school_year_of, to_date
from decrochage_risk.small_cells import HIDDEN, is_small

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from decrochage_risk.model.scored_rows import ScoredRows
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.risk import RiskModel

__all__ = ["previous_model", "recalibrate", "refuse_training_years", "updated_years"]

_LONGEST_REASON = 10_000
"""Characters that the audit of a manifest lets through."""
LABELS_FOR_UPDATE = 300
"""Matured outcomes without which the intercept is not updated between trainings."""
LEAST_OF_A_CLASS = 5

_NORMAL_975 = 1.959963984540054
_PAGE_END = "</body>"
_ONLY_THE_INTERCEPT: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(
        ("slope", "kind", "isotonic", "beta"),
        "between two trainings the intercept alone moves: a few hundred outcomes do not tell a slope from noise",
    )
)


def recalibrate(
    model: TrainedModel,
    records: PupilRecords,
    outcomes: Any = None,  # noqa: ANN401 - any table
    *,
    as_of_dates: Iterable[object],
    labels_known_on: object,
    reason: str,
    **refused: object,
) -> TrainedModel:
    """Move the intercept of a model to outcomes that have matured since its training; nothing else changes.

    The shift is the maximum-likelihood constant in log-odds over the rows of these as-of dates: under it their mean
    risk is their observed share. Order of pupils, reasons and slope stay. A label is one pupil's outcome of one
    school year, however many as-of dates it is seen from.

    Parameters
    ----------
    model : TrainedModel
        The model in use.
    records : PupilRecords
        Records that hold the as-of dates.
    outcomes : table, optional
        The records' own when left out.
    as_of_dates : iterable of date or ISO text
        Dates of school years later than those that the model was trained on.
    labels_known_on : date or ISO text
        Day on which the outcomes were extracted; no clock is read.
    reason : str
        Why, for the audit record.
    **refused : object
        Class weights, oversampling, a prior without labels, a slope: each is refused with its reason.

    Returns
    -------
    TrainedModel
        With its own identity, and one more record in ``updates``: day, reason, as-of dates, labels, leavers, old and
        new intercept, the shift with its 95 % interval (pupils as clusters) and the SHA-256 of the model before.

    Raises
    ------
    ModelError
        Labels that are not mature, a year of the training or before it, no reason, or a request that is refused.
    NotEnoughDataError
        Fewer than 300 labels, or fewer than 5 leavers or 5 who stayed.
    FaultyRecordsError, RecordsError
        ``outcomes`` cannot be used, or there are none.

    Examples
    --------
    >>> from decrochage_risk.score.run_facts import load_demo_model
    >>> from decrochage_risk.synthetic import make_cohort
    >>> model, cohort = load_demo_model(), make_cohort(700, [2025], seed=3)
    >>> moved = recalibrate(model, cohort.records, cohort.outcomes, as_of_dates=["2026-03-04"],
    ...                     labels_known_on="2026-11-15", reason="niveau de 2025-2026")
    >>> moved.updates[0]["base_sha256"] == model.sha256, moved.sha256 == model.sha256
    (True, False)
    """
    refuse_other_kinds({"model": (model, TrainedModel)}, hint="model=load_model(folder).", error=ModelError)
    _refuse(reason, refused)
    month, last = model.trained_on["outcome_closes"]
    dates, day = mature_dates(as_of_dates, labels_known_on, (month, last), model.horizon_years)
    # Before the work: on rows it has learnt from, a model always looks well calibrated.
    refuse_training_years(model, dates)
    snapshots = take_snapshots(
        records,
        outcomes_for(records, outcomes),
        dates,
        closes=(month, last),
        horizon_years=model.horizon_years,
    )
    rows = score_rows(model, snapshots)
    labels, events = _labels(rows)
    old = model.risk_model
    pupils = rows.snapshots.rows["pupil_id"].to_numpy()
    shift, error = fit_offset(rows.log_odds, rows.snapshots.outcome, pupils)
    new = old.with_intercepts_moved(shift)
    record: dict[str, Any] = {
        "on": day.isoformat(),
        "reason": reason.strip(),
        "as_of": [one.isoformat() for one in dates],
        "labels": labels,
        "events": events,
        "rows": len(pupils),
        "left_out": rows.snapshots.told_left_out(),
        "before": old.calibration.to_dict(),
        **_groups_before(old),
        "intercept": new.calibration.intercept,
        "shift": shift,
        "shift_low": shift - _NORMAL_975 * error,
        "shift_high": shift + _NORMAL_975 * error,
        "base_sha256": replace(model).sha256,  # as this version writes it: undoing computes the same
    }
    return replace(
        model,
        risk_model=new,
        updates=(*model.updates, record),
        card=model.card + _section(record),
        card_html=model.card_html.replace(_PAGE_END, _page_section(record) + _PAGE_END, 1),
    )


def previous_model(model: TrainedModel) -> TrainedModel:
    """Rebuild a model as it was before its last update: to go back, and to prove the chain of its records.

    Returns
    -------
    TrainedModel
        Its ``sha256`` is the ``base_sha256`` of the record that was taken off.

    Raises
    ------
    ModelError
        The model was never updated.
    ArtefactError
        What is rebuilt is not what the record says: a record, the card or the calibration was edited.
    """
    if not model.updates:
        raise ModelError(
            explain_error(
                f"{model.model_id} was never updated",
                expected="a model that recalibrate gave",
                hint="It is as its training left it.",
            )
        )
    *earlier, record = model.updates
    before = replace(
        model,
        risk_model=replace(
            model.risk_model,
            calibration=Calibration.from_dict(record["before"]),
            group_calibrations=tuple(map(GroupCalibration.from_dict, record.get("groups_before", ()))),
        ),
        updates=tuple(earlier),
        card=model.card.removesuffix(_section(record)),
        card_html=model.card_html.replace(_page_section(record), "", 1),
    )
    # the proof of the chain: an edited record, card or calibration gives another model
    if before.sha256 != record["base_sha256"]:
        raise ArtefactError(
            explain_error(
                f"Without its last update {model.model_id} is {before.sha256[:12]}, its record says "
                f"{record['base_sha256'][:12]}",
                expected="a chain of updates in which each record names the model before it",
                hint="Take the model from where it was saved; records are added, never edited.",
            )
        )
    return before


def _groups_before(risk_model: RiskModel) -> dict[str, Any]:
    """Record the calibrations of the groups, where there are any: undoing takes them from there."""
    groups = [group.to_dict() for group in risk_model.group_calibrations]
    return {"groups_before": groups} if groups else {}


def updated_years(model: TrainedModel) -> set[int]:
    """Give the school years whose outcomes have moved the level of a model since its training: on them it fits by itself."""
    return {school_year_of(to_date(day)) for record in model.updates for day in record["as_of"]}


def _refuse(reason: str, refused: Mapping[str, object]) -> None:
    """Refuse every request that has no place between two trainings, with its reason; all at once."""
    faults = faults_of(refused, "recalibrate", _ONLY_THE_INTERCEPT)
    if not (isinstance(reason, str) and reason.strip()):
        faults.append(f"reason={reason!r}: the audit record says why a model was changed")
    elif len(reason.strip()) > _LONGEST_REASON:
        faults.append(f"a reason of {len(reason.strip())} characters, more than {_LONGEST_REASON}")
    if faults:
        raise ModelError(
            explain_error(
                f"This update is refused: {'; '.join(faults)}",
                expected="matured outcomes, and a reason in words",
                hint="Pass outcomes of a closed school year and reason='...'; for anything else train again.",
            )
        )


def refuse_training_years(model: TrainedModel, dates: list[date]) -> None:
    """Refuse as-of dates of the school years that a model has learnt from, and of earlier ones.

    Raises
    ------
    ModelError
        Naming these years.
    """
    last = max(model.trained_on["school_years"])
    both = sorted(year for year in {school_year_of(day) for day in dates} if year <= last)
    if both:
        raise ModelError(
            explain_error(
                f"{model.model_id} was trained on school years up to {last}; as-of dates of {', '.join(map(str, both))} came",
                expected="as-of dates of later school years",
                hint="On its own training rows a model looks well calibrated whatever has changed since.",
            )
        )


def _labels(scored: ScoredRows) -> tuple[int, int]:
    """Count labels and leavers: one per pupil and school year, seen from any number of as-of dates."""
    rows = scored.snapshots.rows[["pupil_id", "school_year"]].assign(left=scored.snapshots.outcome)
    left = rows.groupby(["pupil_id", "school_year"], observed=True)["left"].max().to_numpy()
    labels, events = len(left), int(left.sum())
    if labels < LABELS_FOR_UPDATE or min(events, labels - events) < LEAST_OF_A_CLASS:
        causes = ", ".join(f"{count} {cause}" for cause, count in scored.snapshots.left_out.items())
        raise NotEnoughDataError(
            explain_error(
                f"{labels} matured outcomes came, {events} of them of leavers (left out: {causes or 'nobody'})",
                expected=f"at least {LABELS_FOR_UPDATE} pupils, at least {LEAST_OF_A_CLASS} who left and "
                f"{LEAST_OF_A_CLASS} who stayed",
                hint="Keep the calibration in force until more outcome windows have closed.",
            )
        )
    return labels, events


def _page_section(record: Mapping[str, Any]) -> str:
    """Write the same for the card as a page."""
    return f"<pre>{escape(_section(record).strip())}</pre>\n"


def _section(record: Mapping[str, Any]) -> str:
    """Write what the card says of an update."""
    odds = float(np.exp(record["shift"]))
    events, labels = record["events"], record["labels"]
    left = (
        f"effectif des sorties {HIDDEN}"
        if is_small(events, labels - events)
        else f"dont {plural(events, 'sortie sans diplôme', 'sorties sans diplôme')}"
    )
    bounds = f"{signed(record['shift_low'], 3)} ; {signed(record['shift_high'], 3)}"
    return (
        f"\n## Mise à jour du niveau moyen, {french_day(to_date(record['on']), with_year=True)}\n\n"
        f"- Motif : {record['reason']}\n"
        f"- Sur {plural(labels, 'issue close', 'issues closes')}, {left}\n"
        f"- Constante ajoutée aux log-cotes : {signed(record['shift'], 3)} [{bounds}], soit des cotes multipliées par "
        f"{number(odds, 2)} ; l'ordre des élèves et les motifs ne changent pas\n"
        f"- Modèle d'avant : {record['base_sha256'][:12]}\n"
    )
