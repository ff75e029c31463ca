"""What ``score_pupils`` is asked: arguments of the right kind, whom to leave out, whom to explain."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, RecordsWarning, explain_error
from decrochage_risk.model import TrainedModel
from decrochage_risk.policy import Policy
from decrochage_risk.records.pupil_records import PupilRecords

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.records.known import KnownRecords

__all__ = [
    "Explain",
    "chosen_pupils",
    "excluded_pupils",
    "refuse_other_kinds",
    "unknown_exclude",
    "unknown_explain",
]

Explain = Literal["flagged", "all", "none"]

_HOW_TO_PASS = {
    "records": "PupilRecords(pupils=..., enrolments=...), PupilRecords.read(folder) or .from_json(payload).",
    "model": "model=load_model(folder), or leave it out for the demonstration model.",
    "policy": "policy=load_policy(...), or leave it out for the bundled one.",
}


def refuse_other_kinds(model: object, policy: object, *records: object) -> None:
    """Refuse other kinds of objects, all of them at once."""
    wrong = {
        name: f"{name} is a {type(came).__name__}, not {kind.__name__}"
        for name, came, kind in (
            *(("records", each, PupilRecords) for each in records),
            ("model", model, TrainedModel if model is not None else object),
            ("policy", policy, Policy if policy is not None else object),
        )
        if not isinstance(came, kind)
    }
    if wrong:
        raise RecordsError(
            explain_error(
                "; ".join(wrong.values()),
                expected="score_pupils(PupilRecords, as_of=..., model=TrainedModel, policy=Policy)",
                hint=" ".join(_HOW_TO_PASS[name] for name in wrong),
            )
        )


def excluded_pupils(known: KnownRecords, exclude: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Which pupils are left out, because their family objected."""
    if isinstance(exclude, str):
        exclude = (exclude,)
    if not isinstance(exclude, Iterable):
        raise RecordsError(
            explain_error(
                f"exclude={exclude!r}",
                expected="ids of pupils, of those whose family objected",
                hint='For one pupil: exclude=["a1"]; for nobody, leave exclude out.',
            )
        )
    refused = np.zeros(known.pupil_count, dtype=np.bool_)
    named = list(exclude)
    if not named:
        return refused
    ids = pd.Index(named, dtype="object")
    position = pd.Index(known.pupil_ids, dtype="object").get_indexer(ids)
    if (position < 0).any():
        warnings.warn(unknown_exclude(ids[position < 0].tolist()), stacklevel=3)
    refused[position[position >= 0]] = True
    return refused


def chosen_pupils(
    explain: Explain | Collection[str], known: KnownRecords, columns: dict[str, Any]
) -> npt.NDArray[np.bool_]:
    """Which pupils to explain."""
    is_word = isinstance(explain, str)
    if (is_word and explain not in {"flagged", "all", "none"}) or not isinstance(explain, Collection):
        raise RecordsError(
            explain_error(
                f"explain={explain!r}",
                expected='"flagged", "all", "none" or a collection of pupil ids',
                hint=f"For one pupil: explain=[{explain if is_word else 'a1'!r}].",
            )
        )
    if isinstance(explain, str):
        flagged: npt.NDArray[np.bool_] = columns["flagged"]
        return flagged if explain == "flagged" else np.full(known.pupil_count, explain == "all")
    asked = list(explain)
    unknown = [pupil for pupil in asked if pupil not in known.pupil_ids]
    if unknown:
        raise unknown_explain(unknown)
    return np.isin(columns["pupil_id"], np.array(asked, dtype=object))


def unknown_exclude(ids: Sequence[str]) -> RecordsWarning:
    """Word the warning for pupils to leave out whom the records do not hold."""
    return RecordsWarning(
        f"exclude names {len(ids)} pupil{'s' * (len(ids) > 1)} that the records do not hold, "
        f"for example {ids[0]!r}; check that these ids are written as in pupils."
    )


def unknown_explain(ids: Sequence[str]) -> RecordsError:
    """Word the error for pupils to explain whom the records do not hold."""
    return RecordsError(
        explain_error(
            f"explain names {len(ids)} unknown pupil{'s' * (len(ids) > 1)}: {french.join([repr(pupil) for pupil in ids[:5]])}",
            expected="ids of the pupils table",
            hint='Use explain="all" for everybody.',
        )
    )
