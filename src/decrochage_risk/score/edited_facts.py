"""What the risk would be with edited facts of the last four weeks: information, never a cause nor a promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import ModelError, RecordsError, explain_error
from decrochage_risk.features.companion import days_of_window
from decrochage_risk.features.windows import LAST_4W
from decrochage_risk.model import matrix_with_context
from decrochage_risk.score.counterfactuals import Counterfactuals
from decrochage_risk.score.demo_model import load_demo_model
from decrochage_risk.score.edited_records import only, recent_missed_work, recent_unjustified, without_rows

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.records.known import KnownRecords
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.score.risk_scores import RiskScores

    Floats = npt.NDArray[np.float64]

__all__ = ["CAVEAT", "EDITS", "LEAST_POINTS", "what_could_help"]

EDITS: Final = ("no_unjustified_absence_4w", "no_missed_work_4w", "neither_4w")
"""The edits, in the order told: rows of the last 4 weeks are left out, of one kind, of the other, of both."""

LEAST_POINTS: Final = 0.5
"""Points of probability under which nothing is said: the estimate is not that fine."""

CAVEAT: Final = "Ce n'est ni une cause ni une promesse."

NOTHING_TO_EDIT: Final = "aucun fait de ce genre sur les 4 dernières semaines"
NOT_KNOWN: Final = "donnée manquante"
NO_FALL: Final = "le risque estimé ne baisserait pas"
TOO_CLOSE: Final = "moins d'un demi-point d'écart"


def what_could_help(
    records: PupilRecords,
    scores: RiskScores,
    *,
    model: TrainedModel | None = None,
    pupils: Collection[str] | None = None,
) -> Counterfactuals:
    """Score situations to be looked at again, without the unjustified absences or missed work of the last 4 weeks.

    The rows themselves are left out and every feature is computed again, so that all of them move together. What
    comes out is what the model estimates for a pupil with these other facts: not the effect of an action.

    Parameters
    ----------
    records : PupilRecords
        The records behind ``scores``; not changed.
    scores : RiskScores
        Their scores.
    model : TrainedModel, optional
        The model of the scores; needed only when they no longer hold it.
    pupils : collection of str, optional
        Scored pupils; the situations to be looked at when left out.

    Returns
    -------
    Counterfactuals
        Three per pupil (absences, work, both), each with a French sentence, or the cause why nothing is said: no such
        fact, not known, an estimate that would not fall by at least half a point (for both: half a point more than
        for one of them).

    Raises
    ------
    RecordsError
        Pupils who are not scored; records other than those of the scores.
    ModelError
        Another model than that of the scores.

    Examples
    --------
    >>> import warnings
    >>> from decrochage_risk.score import score_pupils
    >>> from decrochage_risk.synthetic import make_cohort
    >>> cohort = make_cohort(60, [2023, 2024], seed=1)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the demonstration model says that it is one
    ...     scores = score_pupils(cohort.records, as_of="2025-03-05")
    >>> len(what_could_help(cohort.records, scores).frame) == 3 * len(scores.flagged)
    True
    """
    used = _model_of(scores, model)
    ids = _asked(scores, pupils)
    known = records.known_on(scores.run.as_of)
    positions = pd.Index(known.pupil_ids, dtype="object").get_indexer(pd.Index(ids, dtype="object"))
    if (positions < 0).any():
        raise _other_records(int((positions < 0).sum()))
    own = only(known, positions.astype(np.intp))
    variants, counts = _variants(own)
    risks = _risks(used, scores, ids, [own, *variants])
    return Counterfactuals(_frame(ids, risks, counts, own), scores.run)


def _model_of(scores: RiskScores, model: TrainedModel | None) -> TrainedModel:
    held = scores._model or (load_demo_model() if scores.run.model.demo else None)  # noqa: SLF001 - same layer
    used = model or held
    if used is None or used.sha256 != scores.run.model.sha256:
        came = "no model" if used is None else f"the model {used.model_id!r}"
        raise ModelError(
            explain_error(
                f"what_could_help has {came}, the scores are of {scores.run.model.id!r}",
                expected="the model that gave the scores",
                hint="what_could_help(records, scores, model=load_model(folder)) with the same folder.",
            )
        )
    return used


def _asked(scores: RiskScores, pupils: Collection[str] | None) -> list[str]:
    if pupils is None:
        return [str(pupil) for pupil in scores.frame.loc[scores.frame["flagged"], "pupil_id"]]
    asked = [pupils] if isinstance(pupils, str) else list(dict.fromkeys(pupils))
    scored = set(scores.frame.loc[scores.frame["risk"].notna(), "pupil_id"])
    unknown = [pupil for pupil in asked if pupil not in scored]
    if unknown:
        raise RecordsError(
            explain_error(
                f"{len(unknown)} of the pupils have no score: {french.join([repr(pupil) for pupil in unknown[:5]])}",
                expected="ids of scored pupils",
                hint="Leave pupils out for the situations to be looked at; scores.frame['cause'] says why not.",
            )
        )
    return asked


def _other_records(count: int) -> RecordsError:
    return RecordsError(
        explain_error(
            f"The records do not give the scores again, for {count} of the pupils",
            expected="the records that were scored",
            hint="Pass the same records, or score these first.",
        )
    )


def _variants(own: KnownRecords) -> tuple[list[KnownRecords], Floats]:
    """Give the records under each edit, and how many half-days and works each pupil has in them (NaN: not known)."""
    counts = np.full((own.pupil_count, 2), np.nan)
    edited = [own, own, own]
    span = LAST_4W.span(own)
    for kind, (table, find) in enumerate((("absences", recent_unjustified), ("grades", recent_missed_work))):
        if getattr(own.arrays, table) is None:
            continue
        rows = find(own)
        known = ~own.not_covered(table, *span)
        found = np.bincount(getattr(own.arrays, table).pupil[rows], minlength=own.pupil_count)
        counts[known, kind] = found[known]
        edited[kind] = without_rows(own, table, rows)
        edited[2] = without_rows(edited[2], table, rows)
    return edited, counts


def _risks(
    model: TrainedModel, scores: RiskScores, ids: list[str], variants: list[KnownRecords]
) -> tuple[Floats, Floats]:
    """Risks of the pupils under each variant, shape (n, variants), and their unjustified half-days of 4 weeks."""
    columns = list(model.risk_model.columns)
    tables = [matrix_with_context(known) for known in variants]
    scored = scores.features.loc[ids, columns].to_numpy(dtype=np.float64)
    values = [np.ascontiguousarray(table[columns].to_numpy(dtype=np.float64)) for table in tables]
    same = (values[0] == scored) | (np.isnan(values[0]) & np.isnan(scored))
    if not same.all():
        raise _other_records(int((~same.all(axis=1)).sum()))
    levels = scores.frame.set_index("pupil_id").loc[ids, "level"]
    groups = np.tile(model.reference_groups(levels, scores.run.as_of), len(variants))
    risk = model.risk_model.risk(model.risk_model.filled(np.vstack(values), groups))
    half_days = tables[0]["unjustified_half_days_4w"].to_numpy(dtype=np.float64)
    return risk.reshape(len(variants), len(ids)).T, half_days


def _frame(ids: list[str], found: tuple[Floats, Floats], counts: Floats, own: KnownRecords) -> pd.DataFrame:
    risks, half_days = found
    # A row counts for at most the half-days of its day: the feature says how many, the rows only whether there are any.
    amounts = np.column_stack([np.where(np.isnan(counts[:, 0]), np.nan, half_days), counts[:, 1]])
    both = np.where(np.isnan(amounts).any(axis=1), np.nan, amounts.min(axis=1))
    enough = np.column_stack([amounts, both])
    points = 100.0 * (risks[:, 1:] - risks[:, :1])
    first, _ = days_of_window(LAST_4W, own)
    frame = pd.DataFrame(
        {
            "pupil_id": np.repeat(np.array(ids, dtype=object), len(EDITS)),
            "edit": np.tile(np.array(EDITS, dtype=object), len(ids)),
            "half_days": np.column_stack([amounts[:, 0], np.zeros(len(ids)), amounts[:, 0]]).ravel(),
            "missed_work": np.column_stack([np.zeros(len(ids)), amounts[:, 1], amounts[:, 1]]).ravel(),
            "risk": np.repeat(risks[:, 0], len(EDITS)),
            "edited_risk": risks[:, 1:].ravel(),
            "points": points.ravel(),
        }
    )
    cause = _causes(enough, points)
    counted = zip(frame["half_days"].tolist(), frame["missed_work"].tolist(), strict=True)
    pairs = zip(frame["risk"].tolist(), frame["edited_risk"].tolist(), strict=True)
    rows = zip(counted, pairs, cause, strict=True)
    texts = [None if why else _text(count, pair, french.since(first)) for count, pair, why in rows]
    return frame.assign(cause=pd.Series(cause, dtype=object), text=pd.Series(texts, dtype=object))


def _causes(counts: Floats, points: Floats) -> list[str | None]:
    """Why nothing is said of each pupil and edit, pupil by pupil; None where something is."""
    gained = points.copy()
    # Both edits together are told only when they say more than the better of the two.
    gained[:, 2] -= np.minimum(points[:, :2].min(axis=1), 0.0)
    causes = np.select(
        [np.isnan(counts), counts == 0, points > 0, gained > -LEAST_POINTS],
        [NOT_KNOWN, NOTHING_TO_EDIT, NO_FALL, TOO_CLOSE],
        "",
    )
    return [why or None for why in causes.ravel().tolist()]


def _text(counts: tuple[float, float], risks: tuple[float, float], since: str) -> str:
    """Word one estimate as information."""
    (half_days, missed), (risk, edited) = counts, risks
    facts = [_facts(half_days, "la demi-journée non justifiée", "demi-journées non justifiées")]
    facts += [
        _facts(
            missed,
            "l'évaluation non faite ou le travail non rendu",
            "évaluations non faites ou travaux non rendus",
        )
    ]
    whole = french.percent(edited) != french.percent(risk)
    decimals = 0 if whole else 1
    without = " ni ".join(fact for fact in facts if fact)
    return (
        f"À titre d'information : sans {without} {since}, le risque estimé serait "
        f"de {french.percent(edited, decimals)} au lieu de {french.percent(risk, decimals)}. {CAVEAT}"
    )


def _facts(count: float, one: str, many: str) -> str:
    if not count:
        return ""
    return one if count < 2 else f"les {french.number(count)} {many}"  # noqa: PLR2004 - French plural starts at 2
