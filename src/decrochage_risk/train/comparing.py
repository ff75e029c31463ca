"""Who enters and who leaves the list when one model replaces another, and the reason family that moves each most.

Comparison of a model in use and a new one on the same pupils and as-of dates, of a year that neither has seen.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error, refuse_other_kinds
from decrochage_risk.evaluate import CAPACITY, capacity_list
from decrochage_risk.evaluate.comparison import (
    ENTERS,
    LEAVES,
    ComparedRows,
    ModelComparison,
    compare_rows,
)
from decrochage_risk.evaluate.verdict import MARGIN, Same
from decrochage_risk.explain import attribute
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.model import Snapshots, TrainedModel, score_rows, take_snapshots
from decrochage_risk.model.scored_rows import mature_dates, why_not_scored
from decrochage_risk.model.updating import updated_years
from decrochage_risk.policy import Policy, load_policy
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.risk.booster_audit import without_parameters
from decrochage_risk.risk.calibration import probability
from decrochage_risk.risk.members import LinearMembers
from decrochage_risk.small_cells import is_small
from decrochage_risk.threads import progress_bar
from decrochage_risk.train.backtest import dimensions_of
from decrochage_risk.train.evaluating import learnt_later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.risk import RiskModel

    Floats = npt.NDArray[np.float64]


__all__ = ["FAMILY_COLUMN", "LEVEL_AND_CALIBRATION", "changed_sides", "compare_models", "same_model"]

FAMILY_COLUMN: Final = "family"
LEVEL_AND_CALIBRATION: Final = "Niveau moyen et calibration"
"""What moves a pupil besides the facts: the risk of the reference pupil itself."""
_FLAGGED = 2


def changed_sides(
    models: tuple[TrainedModel, TrainedModel],
    rows: Snapshots,
    risks: tuple[Floats, Floats],
    tiers: tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]],
) -> pd.DataFrame:
    """List the rows that change side, each with the family whose contribution moves most in that direction.

    Parameters
    ----------
    models : pair of TrainedModel
        In use, and new.
    rows : Snapshots
        Rows that both models score.
    risks : pair of arrays, each of shape (rows,)
        Their risks.
    tiers : pair of arrays of int, each of shape (rows,)
        Their tiers; 2 and 3 are on the list.

    Returns
    -------
    DataFrame
        One row per row that changes side, indexed by its position: ``pupil_id``, ``as_of``, ``school_id``, ``level``,
        ``side`` ("enters", "leaves"), both risks and tiers, ``family`` (French label), and one ``moved_...`` column
        per family, in log-odds (new minus in use; ``moved_base``: the reference pupil's risk).
    """
    old, new = (tier >= _FLAGGED for tier in tiers)
    at = np.flatnonzero(old != new)
    part = _taken(rows, at)
    frame = part.rows[["pupil_id", "as_of", "school_id", "level"]].set_axis(at, axis=0)
    frame["side"] = np.where(new[at], ENTERS, LEAVES)
    for name, risk, tier in zip(("champion", "challenger"), risks, tiers, strict=True):
        frame[f"risk_{name}"], frame[f"tier_{name}"] = risk[at], tier[at]
    changes_side = (
        _families(models[1], part) - _families(models[0], part)
        if len(at)
        else np.zeros((0, len(FAMILIES) + 1))
    )
    labels = np.array([*(family.label for family in FAMILIES), LEVEL_AND_CALIBRATION], dtype=object)
    # Signed by the side, so that the largest is what pushed the pupil where the pupil went.
    toward = np.where(new[at], 1.0, -1.0)[:, None] * changes_side
    frame[FAMILY_COLUMN] = labels[toward.argmax(axis=1)] if len(at) else labels[:0]
    codes = [*(family.code for family in FAMILIES), "base"]
    return pd.concat(
        [frame, pd.DataFrame(changes_side, index=at, columns=[f"moved_{code}" for code in codes])], axis=1
    )


def _taken(rows: Snapshots, at: npt.NDArray[np.intp]) -> Snapshots:
    mask = np.zeros(len(rows.outcome), dtype=np.bool_)
    mask[at] = True
    return rows.take(mask)


def _families(model: TrainedModel, rows: Snapshots) -> Floats:
    """Calibrated log-odds per family, the reference pupil's in the last column."""
    groups = score_rows(model, rows).groups
    risk_model = model.risk_model
    attribution = attribute(
        risk_model,
        risk_model.filled(rows.features, groups),
        risk_model.reference_rows(rows.features, groups),
    )
    codes = [family.code for family in FAMILIES]
    sums = np.zeros((len(rows.outcome), len(codes) + 1))
    for column, values in zip(attribution.columns, attribution.contributions.T, strict=True):
        if column in FEATURE_BY_NAME:
            sums[:, codes.index(FEATURE_BY_NAME[column].family.code)] += values
    # The reference pupil differs between two models too, and may be all that moved.
    sums[:, -1] = attribution.base
    return sums


_NOT_GATED = ("month",)


def compare_models(  # noqa: PLR0913 - the choices of a comparison, each with its default
    champion: TrainedModel,
    challenger: TrainedModel,
    records: PupilRecords,
    outcomes: Any = None,  # noqa: ANN401 - any table
    *,
    as_of_dates: Iterable[object],
    labels_known_on: object,
    policy: Policy | None = None,
    capacity: int = CAPACITY,
    margin: float = MARGIN,
    seed: int = 0,
    left_out: pd.DataFrame | None = None,
    progress: bool | Callable[[str], None] = False,
) -> ModelComparison:
    """Compare the model in use with a new one, and say whether to promote it, keep the old one, or look closer.

    Only rows that both can score are compared, the others are counted. Promotion asks for a smaller log loss (the
    95 % interval over pupils below ``margin``) and for every gate of calibration and fairness on the list that the new
    model would issue; see :func:`~decrochage_risk.evaluate.comparison.decide`. A year that one of the models has learnt from
    gives ``review``, whatever the figures; so do outcomes of another year that closed after the first of the dates, and one
    model on both sides, where nothing was compared.

    Parameters
    ----------
    champion, challenger : TrainedModel
        In use, and new. A model trained on another feature contract cannot be loaded here: compare with the version
        of the package that both can be loaded in, or train the old configuration again on this one.
    records : PupilRecords
        Records that hold the as-of dates.
    outcomes : table, optional
        The records' own when left out.
    as_of_dates : iterable of date or ISO text
        Dates of a school year that neither model was trained on, or had its level updated to.
    labels_known_on : date or ISO text
        Day on which the outcomes were extracted: labels that had not closed by then are refused.
    policy : Policy, optional
        Thresholds of the lists; the bundled ones when left out.
    capacity : int
        Situations that a school can look at on one date, for the precision at capacity.
    margin : float
        Log loss (nats per row) by which the challenger may be worse: 0 asks for better; a small positive number, as the
        default, for not worse, where it brings something else (a year more of data, say). The same default as in ``retrain``.
    seed : int
        Of the bootstrap.
    left_out : DataFrame, optional
        ``pupil_id``, ``as_of`` and ``risk``: risks of the challenger for pupils whom it has learnt, each by the members that have
        not (:func:`train_model` hands them to its own ``left_out``). With them a model can be judged on a year of its training,
        and only these rows are compared.
    progress : bool or callable
        True shows the steps on a bar; a callable is told a French line per step.

    Returns
    -------
    ModelComparison

    Raises
    ------
    ModelError
        Labels that are not mature, models of different outcomes, a capacity or margin that cannot be.
    NotEnoughDataError
        No row that both models can score, or one outcome only.

    Examples
    --------
    >>> from decrochage_risk.score.run_facts import load_demo_model
    >>> from decrochage_risk.synthetic import make_cohort
    >>> model, cohort = load_demo_model(), make_cohort(700, [2025], seed=3)
    >>> found = compare_models(model, model, cohort.records, cohort.outcomes,
    ...                        as_of_dates=["2026-03-04"], labels_known_on="2026-11-15")
    >>> found.difference("log_loss").difference, found.churn[0].enters, found.verdict
    (0.0, 0, 'review')
    """
    _refuse(champion, challenger, capacity, margin)
    refuse_other_kinds(
        {"policy": (policy, Policy | None)}, hint="policy=load_policy(path).", error=ModelError
    )
    month, last = champion.trained_on["outcome_closes"]
    horizon = champion.horizon_years
    dates, day = mature_dates(as_of_dates, labels_known_on, (month, last), horizon)
    table = outcomes_for(records, outcomes)
    with progress_bar(progress) as tell:
        snapshots = take_snapshots(
            records, table, dates, closes=(month, last), horizon_years=horizon, progress=tell
        )
        models = (champion, challenger)
        rows, risks = _two_risks(models, snapshots, left_out)
        tell("Comparaison")
        compared_rows, changes = _compared_rows(
            models, rows, risks, (policy or load_policy()).of_horizon(horizon), capacity
        )
        years = {int(year) for year in rows.rows["school_year"]}
        training_years = [set(model.trained_on["school_years"]) for model in models]
        # Left-out risks know no outcome of their own pupils: the challenger's years of training are no fault there.
        learnt_years = training_years[0] if left_out is not None else training_years[0] | training_years[1]
        judged = (champion,) if left_out is not None else models
        comparison = compare_rows(
            compared_rows,
            margin=margin,
            seen_years=sorted(years & (learnt_years | updated_years(champion) | updated_years(challenger))),
            learnt_later=sorted({day for model in judged for day in learnt_later(model, rows)}),
            same=same_model(champion, challenger),
            seed=seed,
            champion=champion.model_id,
            challenger=challenger.model_id,
            synthetic=champion.demo or challenger.demo,
            test_years=tuple(sorted(years)),
            as_of=tuple(sorted(set(rows.rows["as_of"]))),
            labels_known_on=day,
            left_out=rows.left_out,
            people_left_out=rows.people_left_out(),
            known_share=_known_share(records, rows, training_years[0] & training_years[1]),
            champion_years=tuple(sorted(training_years[0])),
            challenger_years=tuple(sorted(training_years[1])),
            left_out_members=left_out is not None,
        )
        return comparison.with_changes(changes)


def _compared_rows(
    models: tuple[TrainedModel, TrainedModel],
    rows: Snapshots,
    risks: tuple[Floats, Floats],
    policy: Policy,
    capacity: int,
) -> tuple[ComparedRows, pd.DataFrame]:
    """Put both models' risks, tiers and lists beside the outcomes; and who changes side of the list."""
    old, new = (policy.assess(rows.rows["level"].to_numpy(dtype=object), risk).tier for risk in risks)
    changes = changed_sides(models, rows, risks, (old, new))
    compared_rows = ComparedRows(
        outcome=rows.outcome,
        champion=risks[0],
        challenger=risks[1],
        pupils=rows.rows["pupil_id"].to_numpy(),
        tiers=(old, new),
        capacity=_lists(rows, risks, capacity),
        as_of=[day.isoformat() for day in rows.rows["as_of"]],
        groups=_gated(rows),
        told=_told(rows, changes),
    )
    return compared_rows, changes


def _two_risks(
    models: tuple[TrainedModel, TrainedModel], snapshots: Snapshots, left_out: pd.DataFrame | None
) -> tuple[Snapshots, tuple[Floats, Floats]]:
    """Give the rows that both models can score, and the two risks of each."""
    rows = _of_both(*models, snapshots)
    own = None if left_out is None else _own_risks(rows, left_out)
    if own is not None:
        rows, own = _taken(rows, np.flatnonzero(~np.isnan(own))), own[~np.isnan(own)]
    old, new = (probability(score_rows(model, rows).log_odds) for model in models)
    # Each pupil by the member that did not learn from it: the whole bag has seen its outcome.
    return rows, (old, new if own is None else own)


def same_model(champion: TrainedModel, challenger: TrainedModel) -> Same | None:
    """Tell whether two models are one: in all that makes a risk, or but for their calibration."""
    old, new = champion.risk_model, challenger.risk_model
    if _predictors(old) != _predictors(new):
        return None
    if old.references.to_dict() != new.references.to_dict():
        return None
    maps = [(one.calibration, one.group_calibrations) for one in (old, new)]
    return "model" if maps[0] == maps[1] else "boosters"


def _predictors(model: RiskModel) -> list[Any]:
    """Give what the members predict by, as values that can be compared."""
    members = model.members
    if isinstance(members, LinearMembers):
        return [members.to_dict()]
    return [without_parameters(text) for text in members.texts]


def _own_risks(rows: Snapshots, left_out: pd.DataFrame) -> Floats:
    """Find the left-out risk of each row; NaN where there is none."""
    _refuse_other_risks(left_out)
    risks = left_out.set_index(["pupil_id", "as_of"])["risk"]
    keys = pd.MultiIndex.from_arrays([rows.rows["pupil_id"], rows.rows["as_of"]])
    values = risks.reindex(keys).to_numpy(dtype=np.float64)
    if np.isnan(values).all():
        raise NotEnoughDataError(
            explain_error(
                f"left_out has a risk of none of the {len(values)} rows",
                expected="pupils and as-of dates of the comparison, of the year that the challenger has learnt last",
                hint="Pass what train_model(..., left_out=...) was told of these dates.",
            )
        )
    return values


def _refuse_other_risks(left_out: object) -> None:
    """Refuse a table that says no risk, no row, or two risks of one row."""
    names = ("pupil_id", "as_of", "risk")
    if not isinstance(left_out, pd.DataFrame) or not {*names} <= {*left_out.columns}:
        came = (
            ", ".join(map(str, left_out.columns))
            if isinstance(left_out, pd.DataFrame)
            else type(left_out).__name__
        )
        fault = f"left_out has no columns {', '.join(names)}: {came or 'none'} came"
    elif left_out.duplicated(["pupil_id", "as_of"]).any():
        fault = f"left_out has {int(left_out.duplicated(['pupil_id', 'as_of']).sum())} rows of a pupil and date that it has already"
    elif (
        not pd.api.types.is_numeric_dtype(left_out["risk"])
        or not left_out["risk"].dropna().between(0, 1).all()
    ):
        fault = "left_out has risks that are no probabilities"
    else:
        return
    raise ModelError(
        explain_error(
            fault,
            expected="a frame with pupil_id, as_of and risk, one row per pupil and date, risks from 0 to 1",
            hint="Pass what train_model(..., left_out=...) was told of these dates.",
        )
    )


def _refuse(champion: object, challenger: object, capacity: object, margin: object) -> None:
    faults = [
        f"{name} is a {type(model).__name__}, not a TrainedModel"
        for name, model in (("champion", champion), ("challenger", challenger))
        if not isinstance(model, TrainedModel)
    ]
    if isinstance(capacity, bool) or not isinstance(capacity, Integral) or capacity < 1:
        faults.append(f"capacity={capacity!r}")
    if isinstance(margin, bool) or not isinstance(margin, int | float | np.number) or not 0 <= margin < 1:
        faults.append(f"margin={margin!r}")
    if not faults and isinstance(champion, TrainedModel) and isinstance(challenger, TrainedModel):
        closes = [tuple(model.trained_on["outcome_closes"]) for model in (champion, challenger)]
        if closes[0] != closes[1]:
            faults.append(
                f"the outcome of the champion closes on {closes[0]}, of the challenger on {closes[1]}"
            )
        horizons = [model.horizon_years for model in (champion, challenger)]
        if horizons[0] != horizons[1]:
            faults.append(
                f"the horizon of the champion is {horizons[0]} years, of the challenger {horizons[1]}"
            )
    if faults:
        raise ModelError(
            explain_error(
                f"These models cannot be compared: {'; '.join(faults)}",
                expected="two trained models of the same outcome, capacity from 1, 0 <= margin < 1",
                hint="Load both with load_model(folder), and train both with the same outcome_closes.",
            )
        )


def _of_both(champion: TrainedModel, challenger: TrainedModel, rows: Snapshots) -> Snapshots:
    """Keep the rows that both models give a risk, as in scoring, and count the others."""
    first, second = (why_not_scored(model, rows) for model in (champion, challenger))
    cause = np.where(first == "", second, first)
    if (cause != "").all():
        raise NotEnoughDataError(
            explain_error(
                f"None of the {len(cause)} rows is of a level that both models know, within the range of both trainings",
                expected=f"pupils of {', '.join(sorted(set(champion.levels) & set(challenger.levels))) or 'a common level'}",
                hint="Compare on records of these levels, in the same units.",
            )
        )
    return rows.set_apart(cause)


def _gated(rows: Snapshots) -> dict[str, npt.NDArray[np.object_]]:
    """Give the groups in which a risk must mean the same, everybody together first."""
    groups = {name: values for name, values in dimensions_of(rows).items() if name not in _NOT_GATED}
    usable_groups = {name: values for name, values in groups.items() if not pd.isna(values).all()}
    return {"overall": np.full(len(rows.outcome), "ensemble", dtype=object), **usable_groups}


def _lists(
    rows: Snapshots, risks: tuple[Floats, Floats], capacity: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Cut lists of the same length: the highest risks of each school on each date."""
    school, day, pupil = (rows.rows[name].to_numpy() for name in ("school_id", "as_of", "pupil_id"))
    old, new = (capacity_list(risk, school, day, capacity=capacity, tie_break=pupil) for risk in risks)
    return old, new


def _told(rows: Snapshots, changes: pd.DataFrame) -> dict[str, npt.NDArray[np.object_]]:
    """By what those who change side are counted."""
    gated_groups = _gated(rows)
    family = np.full(len(rows.outcome), None, dtype=object)
    family[changes.index.to_numpy(dtype=np.intp)] = changes[FAMILY_COLUMN].to_numpy(dtype=object)
    return {
        **{name: gated_groups[name] for name in ("level", "sex") if name in gated_groups},
        "reason_family": family,
    }


def _known_share(records: PupilRecords, rows: Snapshots, years: set[int]) -> float | None:
    """Share of the compared pupils who were enrolled in a year that both models have learnt from; None when few were."""
    if not years:
        return None
    before = records.enrolments.loc[records.enrolments["school_year"].isin(sorted(years)), "pupil_id"]
    pupils = rows.rows["pupil_id"].drop_duplicates()
    count = int(pupils.isin(before).sum())
    return None if is_small(count, len(pupils) - count) else count / len(pupils)
