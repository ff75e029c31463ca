"""What would wreck a calibration and is refused wherever it is asked for, with the reason."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from decrochage_risk.errors import ModelError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


__all__ = ["faults_of", "refuse_in_training"]

_LABEL_FREE: Final = (
    "a level guessed without outcomes (EM, mean risk, a target rate) moved the wrong way as soon as the "
    "pupils themselves had changed"
)
_WEIGHTS: Final = (
    "weights and resampling change the share of leavers that the model sees, and with it every risk it states"
)
_BY_WORD: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("prior", "base_rate", "target_rate", "label_free", "em"), _LABEL_FREE),
        **dict.fromkeys(
            (
                "class_weight",
                "scale_pos_weight",
                "is_unbalance",
                "sample_weight",
                "oversample",
                "undersample",
                "smote",
            ),
            _WEIGHTS,
        ),
    }
)


def faults_of(asked: Iterable[str], caller: str, further: Mapping[str, str] | None = None) -> list[str]:
    """Give each refused word with its reason.

    Parameters
    ----------
    asked : iterable of str
        Keyword arguments that the caller does not have.
    caller : str
        Its name.
    further : mapping of str to str, optional
        Words that this caller refuses besides, with the reason.

    Raises
    ------
    TypeError
        A word that nobody knows, as in any call.

    Examples
    --------
    >>> faults_of(["smote"], "train_model")[0].split(":")[0]
    'smote'
    """
    reasons = {**_BY_WORD, **(further or {})}
    unknown = [name for name in asked if name not in reasons]
    if unknown:
        message = f"{caller}() got unexpected keyword arguments: {', '.join(unknown)}"
        raise TypeError(message)
    return [f"{name}: {reasons[name]}" for name in asked]


def refuse_in_training(asked: Iterable[str], caller: str) -> None:
    """Refuse a training with weights, resampling or a prior.

    Raises
    ------
    ModelError
        Every refused word with its reason.
    TypeError
        As :func:`faults_of`.
    """
    faults = faults_of(asked, caller)
    if faults:
        raise ModelError(
            explain_error(
                f"This training is refused: {'; '.join(faults)}",
                expected="rows as they are, each once and of the same weight",
                hint="Few leavers are no fault of a table: the thresholds of the policy, not the training, decide "
                "how many pupils are listed.",
            )
        )
