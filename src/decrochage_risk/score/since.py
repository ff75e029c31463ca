"""What moved since an earlier day: the change of each risk, what explains it, flags that are new or over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain import ChangeReason, Side, attribute, find_changes
from decrochage_risk.explain.changes import then_on
from decrochage_risk.features import FAMILIES
from decrochage_risk.score.changes import Changes, ChangesRun

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.explain import ChangeTable
    from decrochage_risk.score.risk_scores import RiskScores

__all__ = ["OTHER_MODEL", "changes_between"]

OTHER_MODEL = "modèle différent aux deux dates : l'écart vient aussi du changement de modèle"
NOT_LOOKED_AT = "situation qui n'était ni à examiner ni expliquée, à aucune des deux dates"
NOT_VERIFIED = "explication non vérifiée : les contributions ne redonnent pas le score"

_KEPT = ("level", "risk", "tier", "flagged", "cause")


def changes_between(now: RiskScores, before: RiskScores) -> Changes:
    """Compare two sets of scores pupil by pupil; see :meth:`RiskScores.since`."""
    _check(now, before)
    run = ChangesRun.of(now.run, before.run, OTHER_MODEL)
    frame = _joined(now, before)
    frame["points"] = 100.0 * (frame["risk"] - frame["risk_before"])
    frame["cause"] = _causes(frame, now, before)
    frame["newly_flagged"] = frame["flagged"] & ~frame["flagged_before"]
    frame["no_longer_flagged"] = frame["flagged_before"] & ~frame["flagged"] & frame["risk"].notna()
    frame["lost_from_sight"] = frame["flagged_before"] & frame["risk"].isna()
    return _explained(frame, now, before, run)


def _check(now: RiskScores, before: object) -> None:
    if not isinstance(before, type(now)):
        raise RecordsError(
            explain_error(
                f"previous is a {type(before).__name__}",
                expected="the RiskScores of an earlier day",
                hint="later.since(earlier), both from score_pupils.",
            )
        )
    if before.run.as_of > now.run.as_of:
        raise RecordsError(
            explain_error(
                f"previous is of {before.run.as_of.isoformat()}, after {now.run.as_of.isoformat()}",
                expected="scores of an earlier day",
                hint="Swap them: later.since(earlier).",
            )
        )


def _joined(now: RiskScores, before: RiskScores) -> pd.DataFrame:
    """Put every pupil of either day on a row: first those of today in their order, then those who disappeared."""
    tables = [scores.frame.set_index("pupil_id")[list(_KEPT)] for scores in (now, before)]
    index = tables[0].index.append(tables[1].index.difference(tables[0].index, sort=False))
    today, then = (table.reindex(index) for table in tables)
    frame = today.join(then.add_suffix("_before"))
    here, there = index.isin(tables[0].index), index.isin(tables[1].index)
    frame.insert(0, "status", np.select([here & there, here], ["present", "appeared"], "disappeared"))
    for name in ("flagged", "flagged_before"):
        frame[name] = frame[name].eq(other=True).to_numpy(dtype=bool)
    for name in ("tier", "tier_before"):
        frame[name] = frame[name].fillna(0).astype(int)
    return frame.rename_axis("pupil_id").reset_index()


def _causes(frame: pd.DataFrame, now: RiskScores, before: RiskScores) -> pd.Series:
    """Why there is no change of risk to give, None for those who have one."""
    known = now._results.known, before._results.known  # noqa: SLF001 - same layer
    then, today = then_on(*known), f"au {french.day(now.run.as_of)}"
    gone = {
        "disappeared": f"sans ligne dans les données {today}",
        "appeared": f"sans ligne dans les données {then}",
    }
    parts = (
        frame["status"].map(gone),
        f"sans score {today} : " + frame["cause"].astype(object),
        f"sans score {then} : " + frame["cause_before"].astype(object),
    )
    told = [[text for text in texts if isinstance(text, str)] for texts in zip(*parts, strict=True)]
    unknown = frame["points"].isna()
    causes = [" ; ".join(texts) if missing else None for texts, missing in zip(told, unknown, strict=True)]
    return pd.Series(causes, index=frame.index, dtype=object)


def _explained(frame: pd.DataFrame, now: RiskScores, before: RiskScores, run: ChangesRun) -> Changes:
    scored = frame["points"].notna()
    seen = frame["flagged"] | frame["flagged_before"]
    for scores in (now, before):
        explained = scores.frame.loc[scores.frame["explained"], "pupil_id"]
        seen |= frame["pupil_id"].isin(explained)
    cause = np.full(len(frame), None if run.same_model else OTHER_MODEL, dtype=object)
    cause[~seen] = NOT_LOOKED_AT
    cause[~scored] = None
    rows = np.flatnonzero(scored & seen & run.same_model)
    if not rows.size:
        return _result(frame, rows, None, cause, run, np.zeros(0, dtype=np.bool_))
    ids = frame["pupil_id"].to_numpy()[rows]
    sides = [_side(scores, ids) for scores in (now, before)]
    good = np.logical_and(*(side.attribution.additive for side in sides))
    cause[rows[~good]] = NOT_VERIFIED
    return _result(frame, rows, find_changes(*sides), cause, run, good)


def _side(scores: RiskScores, ids: npt.NDArray[np.object_]) -> Side:
    """Attribute the risk of some pupils on one of the two days."""
    model, known = scores._model, scores._results.known  # noqa: SLF001 - same layer
    risk_model = model.risk_model
    rows = pd.Index(scores.frame["pupil_id"]).get_indexer(pd.Index(ids))
    values = np.ascontiguousarray(scores.features[list(risk_model.columns)].to_numpy(dtype=np.float64)[rows])
    groups = model.reference_groups(scores.frame["level"].to_numpy()[rows], scores.run.as_of)
    filled, references = risk_model.filled(values, groups), risk_model.reference_rows(values, groups)
    return Side(attribute(risk_model, filled, references), values, known)


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
        kept = rows[good]
        frame.loc[kept, "explained"] = True
        frame.loc[kept, "reference_points"] = table.reference_points[good]
        frame.loc[kept, "other_points"] = table.other_points[good]
        contributions.iloc[kept] = table.families[families].to_numpy()[good]
        reasons = table.reasons[good[table.reasons["row"].to_numpy(dtype=np.intp)]].reset_index(drop=True)
        reasons.insert(0, "pupil_id", ids[rows[reasons.pop("row").to_numpy(dtype=np.intp)]])
    return Changes(frame.drop(columns="cause_before"), reasons, contributions, run)
