"""What the risk would be with edited facts of the last four weeks: information, never a cause nor a promise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.features.companion import days_of_window
from decrochage_risk.features.windows import LAST_4W
from decrochage_risk.model import matrix_with_context
from decrochage_risk.score.counterfactuals import Counterfactuals
from decrochage_risk.score.edited_records import only, recent_missed_work, recent_unjustified, without_rows
from decrochage_risk.score.risk_scores import RiskScores

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from decrochage_risk.records.known import KnownRecords

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


def what_could_help(scores: RiskScores, *, pupils: Collection[str] | None = None) -> Counterfactuals:
    """Score situations to be looked at again, without the unjustified absences or missed work of the last 4 weeks.

    The rows themselves are left out and every feature is computed again, so that all of them move together; the
    records stay as they are. What comes out is what the model estimates for a pupil with these other facts: not the
    effect of an action.

    Parameters
    ----------
    scores : RiskScores
        From ``score_pupils``.
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
        Pupils who are not scored, all of them named; something that is no scores, or no ids.

    Examples
    --------
    >>> import warnings
    >>> from decrochage_risk.score import score_pupils
    >>> from decrochage_risk.synthetic import make_cohort
    >>> cohort = make_cohort(60, [2023, 2024], seed=1)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the demonstration model says that it is one
    ...     scores = score_pupils(cohort.records, as_of="2025-03-05")
    >>> len(what_could_help(scores)) == len(scores.flagged)
    True
    """
    _refuse_other_kinds(scores, pupils)
    ids, positions = _asked(scores, pupils)
    own = only(scores._results.known, positions)  # noqa: SLF001 - same layer
    variants, counts = _variants(own)
    risks = _risks(scores, positions, variants)
    half_days = scores.features["unjustified_half_days_4w"].to_numpy(dtype=np.float64)[positions]
    # A row counts for at most the half-days of its day: the feature says how many, the rows only whether it is known.
    counts[:, 0] = np.where(np.isnan(counts[:, 0]), np.nan, half_days)
    return Counterfactuals(_frame(ids, risks, counts, own), scores.run)


def _refuse_other_kinds(scores: object, pupils: object) -> None:
    wrong = [] if isinstance(scores, RiskScores) else [f"scores is a {type(scores).__name__}"]
    if pupils is not None and not isinstance(pupils, Iterable):
        wrong.append(f"pupils={pupils!r}")
    if wrong:
        raise RecordsError(
            explain_error(
                "; ".join(wrong),
                expected="what score_pupils gave, and ids of scored pupils",
                hint="what_could_help(scores) for the situations to be looked at, or pupils=[...] for some pupils.",
            )
        )


def _asked(
    scores: RiskScores, pupils: Collection[str] | None
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.intp]]:
    """Ids and positions of the pupils asked for."""
    frame = scores.frame
    if pupils is None:
        positions = np.flatnonzero(frame["flagged"].to_numpy(dtype=np.bool_))
        return frame["pupil_id"].to_numpy(dtype=object)[positions], positions
    asked = [pupils] if isinstance(pupils, str) else list(dict.fromkeys(pupils))
    places = pd.Index(frame["pupil_id"], dtype="object").get_indexer(pd.Index(asked, dtype="object"))
    scored = (places >= 0) & frame["risk"].notna().to_numpy()[places]
    if not scored.all():
        unknown = [repr(pupil) for pupil, has_score in zip(asked, scored, strict=True) if not has_score]
        raise RecordsError(
            explain_error(
                f"{len(unknown)} of the pupils have no score: {french.join(unknown[:5])}",
                expected="ids of scored pupils",
                hint="Leave pupils out for the situations to be looked at; scores.frame['cause'] says why not.",
            )
        )
    return np.array(asked, dtype=object), places.astype(np.intp)


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


def _risks(scores: RiskScores, positions: npt.NDArray[np.intp], variants: list[KnownRecords]) -> Floats:
    """Risks of the pupils as scored and under each edit, shape (n, 1 + edits)."""
    model, frame = scores._model, scores.frame  # noqa: SLF001 - same layer
    columns = list(model.risk_model.columns)
    tables = [matrix_with_context(known)[columns].to_numpy(dtype=np.float64) for known in variants]
    levels = frame["level"].to_numpy(dtype=object)[positions]
    groups = np.tile(model.reference_groups(levels, scores.run.as_of), len(variants))
    edited = model.risk_model.risk(model.risk_model.filled(np.vstack(tables), groups))
    own = frame["risk"].to_numpy(dtype=np.float64)[positions]
    return np.column_stack([own, edited.reshape(len(variants), len(positions)).T])


def _frame(ids: npt.NDArray[np.object_], risks: Floats, counts: Floats, own: KnownRecords) -> pd.DataFrame:
    half_days, missed = counts.T
    none = np.zeros(len(ids))
    both = np.where(np.isnan(counts).any(axis=1), np.nan, counts.min(axis=1))
    points = 100.0 * (risks[:, 1:] - risks[:, :1])
    cause = _causes(np.column_stack([counts, both]), points)
    frame = pd.DataFrame(
        {
            "pupil_id": np.repeat(ids, len(EDITS)),
            "edit": np.tile(np.array(EDITS, dtype=object), len(ids)),
            "half_days": np.column_stack([half_days, none, half_days]).ravel(),
            "missed_work": np.column_stack([none, missed, missed]).ravel(),
            "risk": np.repeat(risks[:, 0], len(EDITS)),
            "edited_risk": risks[:, 1:].ravel(),
            "points": points.ravel(),
        }
    )
    since = french.since(days_of_window(LAST_4W, own)[0])
    counted = zip(frame["half_days"].tolist(), frame["missed_work"].tolist(), strict=True)
    pairs = zip(frame["risk"].tolist(), frame["edited_risk"].tolist(), strict=True)
    rows = zip(counted, pairs, cause, strict=True)
    texts = [None if why else _text(count, pair, since) for count, pair, why in rows]
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
