"""What moved since an earlier day: the change of each risk, what explains it, who is new on a list or off it.

A change is explained only between two days of one model, and only where the contributions of both days add up to the
risks; else it is told with the cause why it is not explained. A pupil of one day only has no change, and says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error, refuse_other_kinds
from decrochage_risk.explain import ChangeReason, Side, attribute, find_changes
from decrochage_risk.explain.changes import then_on
from decrochage_risk.explain.sentences import NO_REASON, OTHERS, REFERENCE_PUPIL, fact_of
from decrochage_risk.features import FAMILIES
from decrochage_risk.pages import Cell, PageTable, render
from decrochage_risk.pages.rendering import embedded
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.score.ways import WAY_COLUMNS, Way

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import numpy.typing as npt

    from decrochage_risk.explain import ChangeTable
    from decrochage_risk.score.run_facts import RunFacts
    from decrochage_risk.score.scored_pupils import ScoredPupils


__all__ = ["OTHER_MODEL", "Changes", "ChangesRun", "PupilChange", "changes_between"]

OTHER_CALENDAR = "calendriers différents aux deux dates"
"""Rates are per possible half-day: a part of what moved may be the calendar's."""


class PupilChange(BaseModel):
    """What moved for one pupil between two days. Never a decision.

    Attributes
    ----------
    pupil_id : str
        Opaque id.
    status : {"present", "appeared", "disappeared"}
        In the scores of both days, of the later one only, of the earlier one only.
    level, level_before : str or None
    risk, risk_before : float or None
        Calibrated probabilities.
    points : float or None
        Change of the risk in points of probability; None when there is no risk on one of the days, see ``cause``.
    cause : str or None
        Why there is no change to give, in French.
    tier, tier_before : int
        0 without a score.
    flagged, flagged_before : bool
        Whether the situation is, was to be looked at.
    newly_listed : tuple of {"risk", "legal", "departure"}
        Lists that the pupil is on and was not.
    newly_flagged, no_longer_flagged : bool
        No longer: scored now, and under the threshold.
    to_complete, to_complete_before : bool
        Whether the risk passes, passed a threshold by what is not known of the pupil alone: on no list of the risk, and
        not under the threshold either.
    lost_from_sight : bool
        To be looked at on the earlier day, without a score on the later one: not to be forgotten.
    reasons : tuple of ChangeReason or None
        What raised, then what lowered the risk; None when not explained, empty when nothing stands out.
    reference_points, other_points : float or None
        Points of the change of the reference pupil (another time of year, another level), and of what is not told;
        with the points of the reasons they sum to ``points``.
    explanation_cause : str or None
        Why there are no reasons, in French.
    text : str
        The change in one French sentence.
    """

    model_config = ConfigDict(frozen=True)

    pupil_id: str
    status: Literal["present", "appeared", "disappeared"]
    level: str | None
    level_before: str | None
    risk: float | None
    risk_before: float | None
    path_risk: float | None
    path_risk_before: float | None
    points: float | None
    cause: str | None
    tier: int
    tier_before: int
    flagged: bool
    flagged_before: bool
    newly_listed: tuple[Way, ...]
    newly_flagged: bool
    no_longer_flagged: bool
    to_complete: bool
    to_complete_before: bool
    lost_from_sight: bool
    reasons: tuple[ChangeReason, ...] | None
    reference_points: float | None
    other_points: float | None
    explanation_cause: str | None
    text: str


@dataclass(frozen=True)
class ChangesRun:
    """What the two runs rest on.

    Attributes
    ----------
    as_of, as_of_before : date
    model_sha256, model_sha256_before : str
    policy_version, policy_version_before : str
    notices : tuple of str
        What a reader must know of the comparison, in French: another model, other thresholds, another calendar, a
        demonstration.
    """

    as_of: date
    as_of_before: date
    model_sha256: str
    model_sha256_before: str
    policy_version: str
    policy_version_before: str
    notices: tuple[str, ...]

    @property
    def same_model(self) -> bool:
        """Whether one model gave the scores of both days; reasons are told only then."""
        return self.model_sha256 == self.model_sha256_before

    @classmethod
    def of(cls, now: RunFacts, before: RunFacts, other_model: str) -> ChangesRun:
        """Gather the facts of both runs."""
        notices = [
            *([other_model] if now.model.sha256 != before.model.sha256 else []),
            *(["seuils différents aux deux dates"] if now.policy_version != before.policy_version else []),
            *([OTHER_CALENDAR] if now.calendar_version != before.calendar_version else []),
            *([now.model.notice] if now.model.notice else []),
        ]
        return cls(
            now.as_of, before.as_of, now.model.sha256, before.model.sha256, now.policy_version,
            before.policy_version, tuple(notices),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Facts as JSON values."""
        dates = {"as_of": self.as_of.isoformat(), "as_of_before": self.as_of_before.isoformat()}
        return asdict(self) | dates | {"same_model": self.same_model, "notices": list(self.notices)}


@dataclass(frozen=True, eq=False)
class Changes:
    """One change per pupil of either day.

    Attributes
    ----------
    frame : DataFrame
        One row per pupil, first those of the later day in their order, then those who disappeared; the fields of
        :class:`PupilChange` but ``reasons`` and ``text``, and ``explained``.
    reasons : DataFrame
        One row per change told, in order: ``pupil_id``, ``position`` and the fields of
        :class:`~decrochage_risk.explain.ChangeReason`.
    contributions : DataFrame
        Change of the calibrated log-odds per family, indexed by ``pupil_id``; with ``base``, the change of the
        reference pupil, they sum to the change of the log-odds. NaN for pupils who were not explained.
    run : ChangesRun
        What the two runs rest on.
    """

    frame: pd.DataFrame
    reasons: pd.DataFrame
    contributions: pd.DataFrame
    run: ChangesRun

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"<Changes du {self.run.as_of_before.isoformat()} au {self.run.as_of.isoformat()}: {self.summary}>"

    def __iter__(self) -> Iterator[PupilChange]:
        return (self._pupil(row) for row in range(len(self)))

    def __contains__(self, pupil_id: object) -> bool:
        return pupil_id in self._position

    def __getitem__(self, pupil_id: str) -> PupilChange:
        if pupil_id not in self._position:
            raise RecordsError(
                explain_error(
                    f"No pupil {pupil_id!r} among the {len(self)} of the two days",
                    expected="an id of the scores of one of the days",
                    hint="Ids are compared letter by letter; see changes.frame['pupil_id'].",
                )
            )
        return self._pupil(self._position[pupil_id])

    @property
    def summary(self) -> str:
        """Counts, in French, with the notices of the comparison."""
        counts = self._counts
        return f"{counts} ({' ; '.join(self.run.notices)})" if self.run.notices else counts

    @property
    def _counts(self) -> str:
        frame = self.frame
        counts = [
            (frame["newly_flagged"], "nouvelle situation à examiner", "nouvelles situations à examiner"),
            (frame["newly_legal"], "nouvel élève au seuil légal d'absence", "nouveaux élèves au seuil légal d'absence"),
            (frame["newly_departed"], "nouvelle sortie à vérifier", "nouvelles sorties à vérifier"),
            (frame["no_longer_flagged"], "situation qui ne l'est plus", "situations qui ne le sont plus"),
            (frame["lost_from_sight"], "situation à examiner sans score à présent",
             "situations à examiner sans score à présent"),
            (newly_to_complete(frame), "nouvel élève dont les données sont à compléter",
             "nouveaux élèves dont les données sont à compléter"),
            (frame["status"] == "appeared", "élève nouveau", "élèves nouveaux"),
            (frame["status"] == "disappeared", "élève qui n'y est plus", "élèves qui n'y sont plus"),
        ]  # fmt: skip
        return ", ".join(french.plural(int(mask.sum()), one, many) for mask, one, many in counts)

    def _repr_html_(self) -> str:
        return _show(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values: the run, then one object per pupil."""
        return {"run": self.run.to_dict(), "pupils": [pupil.model_dump(mode="json") for pupil in self]}

    def to_json(self, *, indent: int | None = None) -> str:
        """Everything as JSON text; the same changes give the same text."""
        import json  # noqa: PLC0415 - only needed here

        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {pupil: row for row, pupil in enumerate(self.frame["pupil_id"])}

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        rows = self.frame.astype(object).where(self.frame.notna(), None).to_dict("records")
        return [{str(name): cell for name, cell in row.items()} for row in rows]

    @cached_property
    def _reasons_of(self) -> dict[str, list[ChangeReason]]:
        reasons_by_pupil: dict[str, list[ChangeReason]] = {}
        for row in self.reasons.to_dict("records"):
            fields = {str(name): cell for name, cell in row.items() if name not in {"pupil_id", "position"}}
            reasons_by_pupil.setdefault(row["pupil_id"], []).append(ChangeReason(**fields))
        return reasons_by_pupil

    def _pupil(self, position: int) -> PupilChange:
        row = dict(self._rows[position])
        is_explained = row.pop("explained")
        reasons = tuple(self._reasons_of.get(row["pupil_id"], [])) if is_explained else None
        newly_listed = tuple(way for way, column in _NEW.items() if row[column])
        fields = {name: cell for name, cell in row.items() if name not in {"newly_legal", "newly_departed"}}
        text = self._text(row, reasons)
        return PupilChange(**fields, newly_listed=newly_listed, reasons=reasons, text=text)

    def _text(self, row: dict[str, Any], reasons: tuple[ChangeReason, ...] | None) -> str:
        """Word the change: both risks and the points, or why there is none."""
        if row["points"] is None:
            return f"Écart non calculé : {row['cause']}."
        reasons_text = self._points_apart(row, reasons)
        year = self.run.as_of.year != self.run.as_of_before.year
        days = [french.day(day, with_year=year) for day in (self.run.as_of, self.run.as_of_before)]
        path = ""
        if row["path_risk"] is not None and row["path_risk_before"] is not None:
            path = (
                f" Sur le parcours (trois années scolaires) : {french.percent(row['path_risk'])} au {days[0]}, "
                f"{french.percent(row['path_risk_before'])} au {days[1]}."
            )
        levels = "" if row["level"] == row["level_before"] else " Niveau différent aux deux dates."
        return (
            f"Risque estimé : {french.percent(row['risk'])} au {days[0]}, {french.percent(row['risk_before'])} au "
            f"{days[1]} ({_points(row['points'])}).{path}{levels}{reasons_text}"
        )

    @staticmethod
    def _points_apart(row: dict[str, Any], reasons: tuple[ChangeReason, ...] | None) -> str:
        """Word the points that no reason carries: the reference pupil's, and those of what is not told."""
        if reasons is None:
            return ""
        none = "" if reasons else f" {NO_REASON}."
        return (
            f"{none} {REFERENCE_PUPIL.capitalize()} : {_points(row['reference_points'])} ; {OTHERS} : "
            f"{_points(row['other_points'])}."
        )


def _points(points: float) -> str:
    value = french.rounded(points, 1)
    return f"{french.signed(value, 1)} {'point' if abs(value) < 2 else 'points'}"  # noqa: PLR2004 - French plural


_ROWS_SHOWN = 20
_FACTS_SHOWN = 2
_MOVES: dict[str, str] = {
    # First who must not be forgotten; then the lists in their order; last who is on none any more.
    "lost_from_sight": "était à examiner, sans score à présent",
    "newly_flagged": "nouvelle situation à examiner",
    "newly_legal": "nouveau au seuil légal d'absence",
    "newly_departed": "nouvelle sortie à vérifier",
    "newly_to_complete": "données à compléter avant tout",
    "no_longer_flagged": "n'est plus à examiner",
}
"""Columns of the frame that say who entered a list or left it, and what a school reads."""


def newly_to_complete(frame: pd.DataFrame) -> pd.Series:
    """Whose data are to be completed and were not: they leave the list of the risk by that, not by a lower risk."""
    return frame["to_complete"] & ~frame["to_complete_before"]


def _show(changes: Changes) -> str:
    """Show who entered a list or left it, in the same design as the scores; ordered by what moved, then by id, never by risk."""
    frame = changes.frame.assign(newly_to_complete=newly_to_complete(changes.frame))
    moves = frame[list(_MOVES)].to_numpy(dtype=bool)
    first_move = np.where(moves.any(axis=1), moves.argmax(axis=1), len(_MOVES))
    order = np.lexsort((changes.frame["pupil_id"].astype(str).to_numpy(dtype=str), first_move))
    moved = [row for row in order if first_move[row] < len(_MOVES)]
    rows = [_shown_row(changes, row, moves[row]) for row in moved[:_ROWS_SHOWN]]
    more = len(moved) - len(rows)
    table = PageTable.of(
        "Qui entre sur une liste, qui en sort",
        ["Élève", "Niveau", "Ce qui change", "Risque avant", "Risque à présent", "Écart", "Premiers faits"],
        rows,
        note="par ce qui change, puis par identifiant, jamais par risque"
        + (f" ; et {french.plural(more, 'autre', 'autres')}" if more > 0 else ""),
        numeric=[5],
    )
    run = changes.run
    page = render(
        f"{__package__}/changes.html.j2",
        day=french.day(run.as_of, with_year=True),
        before=french.day(run.as_of_before, with_year=True),
        counts=changes._counts,  # noqa: SLF001 - its own module
        notices=run.notices,
        table=table if rows else None,
    )
    title = f"Du {run.as_of_before.isoformat()} au {run.as_of.isoformat()} : {changes.summary}"
    return embedded(page, title, height=520 if rows else 220)


def _shown_row(changes: Changes, row: int, moves: npt.NDArray[np.bool_]) -> list[Cell | str]:
    pupil = changes._pupil(row)  # noqa: SLF001 - its own module
    level = pupil.level or pupil.level_before
    facts = [fact_of(reason.text) for reason in (pupil.reasons or ())]
    # The cause stands in their place. Who is on a list of facts alone was never explained: the move says all.
    if not facts and pupil.explanation_cause != NOT_LOOKED_AT:
        facts = [NO_REASON if pupil.reasons is not None else pupil.cause or pupil.explanation_cause or ""]
    return [
        pupil.pupil_id,
        LEVEL_BY_NAME[level].label if level else "",
        " ; ".join(words for words, holds in zip(_MOVES.values(), moves, strict=True) if holds),
        _estimates(pupil.risk_before, pupil.path_risk_before),
        _estimates(pupil.risk, pupil.path_risk),
        "" if pupil.points is None else Cell(_points(pupil.points), pupil.points),
        " ; ".join(facts[:_FACTS_SHOWN]),
    ]


def _estimates(year: float | None, path: float | None) -> Cell | str:
    """Write the estimate of a day; each with its horizon where there are two."""
    if year is None:
        return ""
    text = french.percent(year, 1)
    return Cell(text if path is None else f"{text} (année), {french.percent(path, 1)} (parcours)", year)


OTHER_MODEL = "modèle différent aux deux dates : l'écart vient aussi du changement de modèle"
NOT_LOOKED_AT = "situation qui n'était ni à examiner ni expliquée, à aucune des deux dates"
NOT_VERIFIED = "explication non vérifiée : les contributions ne redonnent pas le score"

_KEPT = (
    "level", "risk", "path_risk", "tier", "flagged", "to_complete", "cause", "legal_listed", "departure_listed"
)  # fmt: skip
_NEW: dict[Way, str] = {"risk": "newly_flagged", "legal": "newly_legal", "departure": "newly_departed"}
"""Column of a frame of changes that says who is new on each list."""
_OTHER_LISTS = tuple(column for way, column in WAY_COLUMNS.items() if way != "risk")


def changes_between(now: ScoredPupils, before: ScoredPupils) -> Changes:
    """Compare two sets of scores pupil by pupil; see :meth:`ScoredPupils.since`."""
    _check(now, before)
    run = ChangesRun.of(now.run, before.run, OTHER_MODEL)
    frame = _joined(now, before)
    frame["points"] = 100.0 * (frame["risk"] - frame["risk_before"])
    frame["cause"] = _causes(frame, now, before)
    for way, column in WAY_COLUMNS.items():
        frame[_NEW[way]] = frame[column] & ~frame[f"{column}_before"]
    frame = frame.drop(columns=[f"{column}{end}" for column in _OTHER_LISTS for end in ("", "_before")])
    is_under = ~frame["flagged"] & ~frame["to_complete"] & frame["risk"].notna()
    frame["no_longer_flagged"] = frame["flagged_before"] & is_under
    frame["lost_from_sight"] = frame["flagged_before"] & frame["risk"].isna()
    return _explained(frame, now, before, run)


def _check(now: ScoredPupils, before: ScoredPupils) -> None:
    refuse_other_kinds(
        {"previous": (before, type(now))}, hint="later.since(earlier), both from score_pupils."
    )
    if before.run.as_of > now.run.as_of:
        raise RecordsError(
            explain_error(
                f"previous is of {before.run.as_of.isoformat()}, after {now.run.as_of.isoformat()}",
                expected="scores of an earlier day",
                hint="Swap them: later.since(earlier).",
            )
        )


def _joined(now: ScoredPupils, before: ScoredPupils) -> pd.DataFrame:
    """Put every pupil of either day on a row: first those of today in their order, then those who disappeared."""
    tables = [scores.frame.set_index("pupil_id")[list(_KEPT)] for scores in (now, before)]
    # sort=False keeps the order of the scores: sorted ids would differ from both tables.
    index = tables[0].index.append(tables[1].index.difference(tables[0].index, sort=False))
    today, then = (table.reindex(index) for table in tables)
    frame = today.join(then.add_suffix("_before"))
    here, there = index.isin(tables[0].index), index.isin(tables[1].index)
    frame.insert(0, "status", np.select([here & there, here], ["present", "appeared"], "disappeared"))
    for name in (
        f"{column}{end}" for column in (*WAY_COLUMNS.values(), "to_complete") for end in ("", "_before")
    ):
        # A pupil who is not in one of the two runs was on none of its lists.
        frame[name] = frame[name].eq(other=True).to_numpy(dtype=bool)
    for name in ("tier", "tier_before"):
        frame[name] = frame[name].fillna(0).astype(int)
    return frame.rename_axis("pupil_id").reset_index()


def _causes(frame: pd.DataFrame, now: ScoredPupils, before: ScoredPupils) -> pd.Series:
    """Why there is no change of risk to give, None for those who have one."""
    records = now._results.known, before._results.known  # noqa: SLF001 - same layer
    then, today = then_on(*records), f"au {french.day(now.run.as_of)}"
    words_of_status = {
        "disappeared": f"sans ligne dans les données {today}",
        "appeared": f"sans ligne dans les données {then}",
    }
    parts = (
        frame["status"].map(words_of_status),
        f"sans score {today} : " + frame["cause"].astype(object),
        f"sans score {then} : " + frame["cause_before"].astype(object),
    )
    sentences = [[text for text in texts if isinstance(text, str)] for texts in zip(*parts, strict=True)]
    unknown = frame["points"].isna()
    causes = [
        " ; ".join(texts) if missing else None for texts, missing in zip(sentences, unknown, strict=True)
    ]
    return pd.Series(causes, index=frame.index, dtype=object)


def _explained(frame: pd.DataFrame, now: ScoredPupils, before: ScoredPupils, run: ChangesRun) -> Changes:
    has_risk = frame["points"].notna()
    looked_at = frame["flagged"] | frame["flagged_before"]
    for scores in (now, before):
        explained_ids = scores.frame.loc[scores.frame["explained"], "pupil_id"]
        looked_at |= frame["pupil_id"].isin(explained_ids)
    cause = np.full(len(frame), None if run.same_model else OTHER_MODEL, dtype=object)
    cause[~looked_at] = NOT_LOOKED_AT
    cause[~has_risk] = None
    rows = np.flatnonzero(has_risk & looked_at & run.same_model)
    if not rows.size:
        return _result(frame, rows, None, cause, run, np.zeros(0, dtype=np.bool_))
    ids = frame["pupil_id"].to_numpy()[rows]
    sides = [_side(scores, ids) for scores in (now, before)]
    good = np.logical_and(*(side.attribution.additive for side in sides))
    cause[rows[~good]] = NOT_VERIFIED
    return _result(frame, rows, find_changes(*sides), cause, run, good)


def _side(scores: ScoredPupils, ids: npt.NDArray[np.object_]) -> Side:
    """Attribute the risk of some pupils on one of the two days."""
    model, records = scores._model, scores._results.known  # noqa: SLF001 - same layer
    risk_model = model.risk_model
    rows = pd.Index(scores.frame["pupil_id"]).get_indexer(pd.Index(ids))
    values = np.ascontiguousarray(scores.features[list(risk_model.columns)].to_numpy(dtype=np.float64)[rows])
    groups = model.reference_groups(scores.frame["level"].to_numpy()[rows], scores.run.as_of)
    inputs, references = risk_model.filled(values, groups), risk_model.reference_rows(values, groups)
    pupils = pd.Index(records.pupil_ids).get_indexer(pd.Index(ids))
    general = risk_model.references.general_of(inputs, groups)
    return Side(attribute(risk_model, inputs, references, general=general), values, records, pupils)


def _result(
    frame: pd.DataFrame,
    rows: npt.NDArray[np.intp],
    table: ChangeTable | None,
    cause: npt.NDArray[np.object_],
    run: ChangesRun,
    good: npt.NDArray[np.bool_],
) -> Changes:
    ids = frame["pupil_id"].to_numpy()
    families = [*(family.code for family in FAMILIES), "base"]
    contributions = pd.DataFrame(np.nan, index=pd.Index(ids, name="pupil_id"), columns=families)
    frame["explained"], frame["explanation_cause"] = False, cause
    frame["reference_points"], frame["other_points"] = np.nan, np.nan
    reasons = pd.DataFrame(columns=["pupil_id", "position", *ChangeReason.model_fields])
    if table is not None:
        positions = rows[good]
        frame.loc[positions, "explained"] = True
        frame.loc[positions, "reference_points"] = table.reference_points[good]
        frame.loc[positions, "other_points"] = table.other_points[good]
        contributions.iloc[positions] = table.families[families].to_numpy()[good]
        reasons = table.reasons[good[table.reasons["row"].to_numpy(dtype=np.intp)]].reset_index(drop=True)
        reasons.insert(0, "pupil_id", ids[rows[reasons.pop("row").to_numpy(dtype=np.intp)]])
    return Changes(frame.drop(columns="cause_before"), reasons, contributions, run)
