"""What the risk would be with edited facts of the last four weeks: information, never a cause nor a promise.

Rows are left out of the known records of some pupils and every feature is computed again, so that all of them move
together; the records themselves stay as they are. The result comes as a table, as objects and as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error, refuse_other_kinds
from decrochage_risk.features.windows import LAST_4W
from decrochage_risk.features.wording import days_of_window
from decrochage_risk.model import matrix_with_context
from decrochage_risk.records.coverage import Coverage
from decrochage_risk.records.encoded_tables import Ids
from decrochage_risk.records.table_schemas import code_of
from decrochage_risk.score.risk_scores import RiskScores

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.records.encoded_tables import Absences, Grades
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.score.run_facts import RunFacts

    Positions = npt.NDArray[np.intp]
    Floats = npt.NDArray[np.float64]


__all__ = [
    "CAVEAT",
    "EDITS",
    "LEAST_POINTS",
    "MISSED",
    "Counterfactual",
    "Counterfactuals",
    "only",
    "recent_missed_work",
    "recent_unjustified",
    "what_could_help",
    "without_rows",
]


class Counterfactual(BaseModel):
    """The risk that the model estimates for one pupil with some facts of the last 4 weeks left out. Never a promise.

    Attributes
    ----------
    pupil_id : str
        Opaque id.
    edit : {"no_unjustified_absence_4w", "no_missed_work_4w", "neither_4w"}
        What is left out.
    half_days, missed_work : float or None
        Unjustified half-days, and works not done or not handed in, that are left out; None when not known.
    risk, edited_risk : float
        Calibrated probabilities, with the facts and without them.
    points : float
        ``100 (edited_risk - risk)``.
    text : str or None
        In French, as information; None when there is nothing to say, see ``cause``.
    cause : str or None
        Why nothing is said, in French.
    """

    model_config = ConfigDict(frozen=True)

    pupil_id: str
    edit: Literal["no_unjustified_absence_4w", "no_missed_work_4w", "neither_4w"]
    half_days: float | None
    missed_work: float | None
    risk: float
    edited_risk: float
    points: float
    text: str | None
    cause: str | None


@dataclass(frozen=True, eq=False)
class Counterfactuals:
    """Three estimates per pupil, in the order of the scores.

    Attributes
    ----------
    frame : DataFrame
        One row per pupil and edit; the fields of :class:`Counterfactual`.
    run : RunFacts
        What the scores rest on.
    """

    frame: pd.DataFrame
    run: RunFacts

    def __repr__(self) -> str:
        pupils = french.plural(len(self), "élève", "élèves")
        return f"<Counterfactuals au {self.run.as_of.isoformat()}: {pupils}>"

    def __len__(self) -> int:
        return len(self._of_pupil)

    def __iter__(self) -> Iterator[tuple[Counterfactual, ...]]:
        return (self[pupil_id] for pupil_id in self._of_pupil)

    def __contains__(self, pupil_id: object) -> bool:
        return pupil_id in self._of_pupil

    def __getitem__(self, pupil_id: str) -> tuple[Counterfactual, ...]:
        if pupil_id not in self._of_pupil:
            raise RecordsError(
                explain_error(
                    f"No pupil {pupil_id!r} among the {len(self)} of these estimates",
                    expected="a situation to be looked at, or one of the pupils that were asked for",
                    hint="what_could_help(scores, pupils=[...]) takes any scored pupil.",
                )
            )
        return tuple(Counterfactual(**row) for row in self._of_pupil[pupil_id])

    @cached_property
    def _of_pupil(self) -> dict[str, list[dict[str, Any]]]:
        edits_by_pupil: dict[str, list[dict[str, Any]]] = {}
        for row in self.frame.astype(object).where(self.frame.notna(), None).to_dict("records"):
            edits_by_pupil.setdefault(row["pupil_id"], []).append(
                {str(name): cell for name, cell in row.items()}
            )
        return edits_by_pupil

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values: the run, then the estimates pupil by pupil."""
        return {
            "run": self.run.to_dict(),
            "pupils": [[one.model_dump(mode="json") for one in pupil] for pupil in self],
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Everything as JSON text; the same estimates give the same text."""
        import json  # noqa: PLC0415 - only needed here

        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)


_Rows = TypeVar("_Rows", bound=Any)

MISSED = ("absent", "not_handed_in")
"""Statuses of a grade that stand for missed work."""


def only(known: KnownRecords, pupils: Positions) -> KnownRecords:
    """Keep some pupils and their rows; what is computed of them does not change by a bit.

    Parameters
    ----------
    known : KnownRecords
        Known records.
    pupils : array of int
        Positions of the pupils to keep, each once; they come in this order.
    """
    position = np.full(known.pupil_count, -1, dtype=np.int32)
    position[pupils] = np.arange(len(pupils), dtype=np.int32)
    arrays = known.arrays
    subset = replace(
        arrays,
        pupils=Ids([arrays.pupils.words[pupil] for pupil in pupils.tolist()]),
        birth_day=arrays.birth_day[pupils],
        birth_year=arrays.birth_year[pupils],
        enrolments=_of(arrays.enrolments, position),
        absences=_of(arrays.absences, position),
        grades=_of(arrays.grades, position),
        orientation=_of(arrays.orientation, position),
    )
    coverage = {table: _covering(spans, position) for table, spans in known.coverage.items()}
    set_aside = {table: counts[pupils] for table, counts in known.set_aside.items()}
    return replace(known, arrays=subset, coverage=coverage, set_aside=set_aside)


def _of(rows: _Rows, position: npt.NDArray[np.int32]) -> _Rows:
    """Keep the rows of the kept pupils, sorted by their new positions, the order within each pupil as it was."""
    if rows is None:
        return rows
    places = np.flatnonzero(position[rows.pupil] >= 0)
    # The arrays of events must stay sorted by pupil, and callers may name pupils in any order.
    places = places[np.argsort(position[rows.pupil[places]], kind="stable")]
    subset: _Rows = rows.take(places).with_columns(pupil=position[rows.pupil[places]])
    return subset


def _covering(coverage: Coverage, position: npt.NDArray[np.int32]) -> Coverage:
    pupil = coverage.spans["pupil"].to_numpy()
    now = np.where(pupil >= 0, position[np.maximum(pupil, 0)], -1)
    spans = coverage.spans.assign(pupil=now)[(pupil < 0) | (now >= 0)]
    not_sent = position[coverage.not_sent]
    return Coverage(spans, not_sent[not_sent >= 0])


def recent_unjustified(known: KnownRecords) -> npt.NDArray[np.bool_]:
    """Which rows of ``arrays.absences`` are unjustified absences of the last 4 weeks.

    Parameters
    ----------
    known : KnownRecords
        With absences.
    """
    rows: Absences = _table(known, "absences")
    absence: npt.NDArray[np.bool_] = (rows.kind == code_of("absences", "kind", "absence")) & ~rows.justified
    return absence & _recent(rows.day, known)


def recent_missed_work(known: KnownRecords) -> npt.NDArray[np.bool_]:
    """Which rows of ``arrays.grades`` are missed work of the last 4 weeks.

    Parameters
    ----------
    known : KnownRecords
        With grades.
    """
    rows: Grades = _table(known, "grades")
    is_missing = np.isin(rows.status, [code_of("grades", "status", status) for status in MISSED])
    return is_missing & _recent(rows.day, known)


def without_rows(known: KnownRecords, table: str, rows: npt.NDArray[np.bool_]) -> KnownRecords:
    """Leave some rows of a table out.

    Parameters
    ----------
    known : KnownRecords
        Known records; not changed.
    table : {"absences", "grades"}
        Which table.
    rows : array of bool
        Rows of ``known.arrays`` to leave out.
    """
    return replace(known, arrays=replace(known.arrays, **{table: _table(known, table).take(~rows)}))


def _table(records: KnownRecords, table: str) -> Any:  # noqa: ANN401 - the rows of either table
    rows = getattr(records.arrays, table)
    if rows is None:
        raise LookupError(table)
    return rows


def _recent(day: npt.NDArray[np.int32], records: KnownRecords) -> npt.NDArray[np.bool_]:
    first, after = LAST_4W.span(records)
    mask: npt.NDArray[np.bool_] = (day >= first) & (day < after)
    return mask


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
    refuse_other_kinds(
        {"scores": (scores, RiskScores), "pupils": (pupils, Iterable | None)},
        hint="what_could_help(scores) for the situations to be looked at, or pupils=[...] for some pupils.",
    )
    ids, positions = _asked(scores, pupils)
    own = only(scores._results.known, positions)  # noqa: SLF001 - same layer
    variants, counts = _variants(own)
    risks = _risks(scores, positions, variants)
    half_days = scores.features["unjustified_half_days_4w"].to_numpy(dtype=np.float64)[positions]
    # A row counts for at most the half-days of its day: the feature says how many, the rows only whether it
    # is known.
    counts[:, 0] = np.where(np.isnan(counts[:, 0]), np.nan, half_days)
    return Counterfactuals(_frame(ids, risks, counts, own, on_path(scores, positions)), scores.run)


def _asked(
    scores: RiskScores, pupils: Collection[str] | None
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.intp]]:
    """Ids and positions of the pupils asked for."""
    frame = scores.frame
    if pupils is None:
        positions = np.flatnonzero(frame["flagged"].to_numpy(dtype=np.bool_))
        return frame["pupil_id"].to_numpy(dtype=object)[positions], positions
    ids = [pupils] if isinstance(pupils, str) else list(dict.fromkeys(pupils))
    places = pd.Index(frame["pupil_id"], dtype="object").get_indexer(pd.Index(ids, dtype="object"))
    has_risk = (places >= 0) & frame["risk"].notna().to_numpy()[places]
    if not has_risk.all():
        unknown = [repr(pupil) for pupil, has_score in zip(ids, has_risk, strict=True) if not has_score]
        raise RecordsError(
            explain_error(
                f"{len(unknown)} of the pupils have no score: {french.join(unknown[:5])}",
                expected="ids of scored pupils",
                hint="Leave pupils out for the situations to be looked at; scores.frame['cause'] says why not.",
            )
        )
    return np.array(ids, dtype=object), places.astype(np.intp)


def _variants(own: KnownRecords) -> tuple[list[KnownRecords], Floats]:
    """Give the records under each edit, and how many half-days and works each pupil has in them (NaN: not known)."""
    counts = np.full((own.pupil_count, 2), np.nan)
    # A table that is not known leaves an edit without effect, and its counts NaN say why.
    variants = [own, own, own]
    span = LAST_4W.span(own)
    for kind, (table, find) in enumerate((("absences", recent_unjustified), ("grades", recent_missed_work))):
        if getattr(own.arrays, table) is None:
            continue
        rows = find(own)
        is_covered = ~own.not_covered(table, *span)
        per_pupil = np.bincount(getattr(own.arrays, table).pupil[rows], minlength=own.pupil_count)
        counts[is_covered, kind] = per_pupil[is_covered]
        variants[kind] = without_rows(own, table, rows)
        # The third edit leaves out the rows of both kinds, whichever of the tables there are.
        variants[2] = without_rows(variants[2], table, rows)
    return variants, counts


def _risks(scores: RiskScores, positions: npt.NDArray[np.intp], variants: list[KnownRecords]) -> Floats:
    """Risks of the pupils as scored and under each edit, shape (n, 1 + edits)."""
    model, frame = scores._model, scores.frame  # noqa: SLF001 - same layer
    levels = frame["level"].to_numpy(dtype=object)[positions]
    by_path = on_path(scores, positions)
    matrices = [matrix_with_context(known) for known in variants]
    own = frame["risk"].to_numpy(dtype=np.float64)[positions]
    risks = np.column_stack([own, _edited(model, matrices, levels, scores.run.as_of)])
    # Told on the horizon that put the pupil on the list: another risk would not be recognised.
    if model.path is not None and by_path.any():
        own = frame["path_risk"].to_numpy(dtype=np.float64)[positions]
        of_path = np.column_stack([own, _edited(model.path, matrices, levels, scores.run.as_of)])
        risks = np.where(by_path[:, None], of_path, risks)
    return risks


def on_path(scores: RiskScores, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether each pupil is on the list for the risk over three years: that risk is then the one that is told."""
    is_flagged: npt.NDArray[np.bool_] = scores.frame["path_flagged"].to_numpy(dtype=np.bool_)[positions]
    return is_flagged


def _edited(
    model: TrainedModel, matrices: list[pd.DataFrame], levels: npt.NDArray[np.object_], as_of: date
) -> Floats:
    """Risks of one model under each variant, shape (n, variants)."""
    columns = list(model.risk_model.columns)
    tables = [matrix[columns].to_numpy(dtype=np.float64) for matrix in matrices]
    groups = np.tile(model.reference_groups(levels, as_of), len(matrices))
    risks: Floats = model.risk_model.risk(np.vstack(tables), groups)
    return risks.reshape(len(matrices), len(levels)).T


def _frame(
    ids: npt.NDArray[np.object_],
    risks: Floats,
    counts: Floats,
    own: KnownRecords,
    by_path: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    half_days, missed_work = counts.T
    none = np.zeros(len(ids))
    both = np.where(np.isnan(counts).any(axis=1), np.nan, counts.min(axis=1))
    points = 100.0 * (risks[:, 1:] - risks[:, :1])
    cause = _causes(np.column_stack([counts, both]), points)
    frame = pd.DataFrame(
        {
            "pupil_id": np.repeat(ids, len(EDITS)),
            "edit": np.tile(np.array(EDITS, dtype=object), len(ids)),
            "half_days": np.column_stack([half_days, none, half_days]).ravel(),
            "missed_work": np.column_stack([none, missed_work, missed_work]).ravel(),
            "horizon_years": np.repeat(np.where(by_path, 3, 1), len(EDITS)),
            "risk": np.repeat(risks[:, 0], len(EDITS)),
            "edited_risk": risks[:, 1:].ravel(),
            "points": points.ravel(),
        }
    )
    since = french.since(days_of_window(LAST_4W, own)[0])
    count_pairs = zip(frame["half_days"].tolist(), frame["missed_work"].tolist(), strict=True)
    pairs = zip(frame["risk"].tolist(), frame["edited_risk"].tolist(), strict=True)
    rows = zip(count_pairs, pairs, cause, frame["horizon_years"].tolist(), strict=True)
    texts = [
        None if why else _text(count, pair, since, f"{_ESTIMATE}{_OVER_THE_PATH if years > 1 else ''}")
        for count, pair, why, years in rows
    ]
    return frame.assign(cause=pd.Series(cause, dtype=object), text=pd.Series(texts, dtype=object))


def _causes(counts: Floats, points: Floats) -> list[str | None]:
    """Why nothing is said of each pupil and edit, pupil by pupil; None where something is."""
    gains = points.copy()
    # Both edits together are told only when they say more than the better of the two.
    gains[:, 2] -= np.minimum(points[:, :2].min(axis=1), 0.0)
    causes = np.select(
        # In this order: what is not known comes before what is not there.
        [np.isnan(counts), counts == 0, points > 0, gains > -LEAST_POINTS],
        [NOT_KNOWN, NOTHING_TO_EDIT, NO_FALL, TOO_CLOSE],
        "",
    )
    return [why or None for why in causes.ravel().tolist()]


_ESTIMATE = "le risque estimé"
_OVER_THE_PATH = " sur le parcours (trois années scolaires)"


def _text(counts: tuple[float, float], risks: tuple[float, float], since: str, estimate: str) -> str:
    """Word one estimate as information."""
    (half_days, missed_work), (risk, edited_risk) = counts, risks
    facts = [_facts(half_days, "la demi-journée non justifiée", "demi-journées non justifiées")]
    facts += [
        _facts(
            missed_work,
            "l'évaluation non faite ou le travail non rendu",
            "évaluations non faites ou travaux non rendus",
        )
    ]
    whole = french.percent(edited_risk) != french.percent(risk)
    decimals = 0 if whole else 1
    without = " ni ".join(fact for fact in facts if fact)
    return (
        f"À titre d'information : sans {without} {since}, {estimate} serait "
        f"de {french.percent(edited_risk, decimals)} au lieu de {french.percent(risk, decimals)}. {CAVEAT}"
    )


def _facts(count: float, one: str, many: str) -> str:
    if not count:
        return ""
    return one if count < 2 else f"les {french.number(count)} {many}"  # noqa: PLR2004 - French plural starts at 2
