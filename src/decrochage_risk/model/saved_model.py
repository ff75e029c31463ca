"""A risk model as text files, exact to the last bit: LightGBM text for the boosters, JSON for the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.model.calibration import Calibration
from decrochage_risk.model.comparable import Comparable
from decrochage_risk.model.fit_options import FitOptions
from decrochage_risk.model.linear_members import LinearMembers
from decrochage_risk.model.members import Members
from decrochage_risk.model.references import References
from decrochage_risk.model.training_range import TrainingRange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decrochage_risk.model.risk_model import RiskModel

__all__ = ["FILES", "read_files", "write_files"]

FILES = ("calibration.json", "references.json")
"""Files of a saved model besides ``booster-0.txt``, ``booster-1.txt``, ..."""


LINEAR = "linear.json"
"""The members of a logistic regression, in place of the boosters."""


def write_files(model: RiskModel) -> dict[str, str]:
    """Write a model; see :meth:`RiskModel.to_files`."""
    calibration = {
        "calibration": model.calibration.to_dict(),
        "calibrated_on": model.calibrated_on,
        "comparable": model.comparable.to_dict(),
        "spread_factor": model.spread_factor,
    }
    references = {
        "references": model.references.to_dict(),
        "directions": dict(model.directions),
        "rounds": model.rounds,
        "options": model.options.to_dict(),
        "seed": model.seed,
        "rows": model.rows,
        "base_rate": model.base_rate,
        "members": model.options.members,
        "training_range": None if model.training_range is None else model.training_range.to_dict(),
    }
    boosters = {_booster_name(number): text for number, text in enumerate(_texts(model))}
    if isinstance(model.members, LinearMembers):
        boosters[LINEAR] = _json(model.members.to_dict())
    return {**boosters, "calibration.json": _json(calibration), "references.json": _json(references)}


def read_files(files: Mapping[str, str]) -> dict[str, Any]:
    """Read the fields of a model back; see :meth:`RiskModel.from_files`.

    Examples
    --------
    >>> read_files({"booster-0.txt": "tree"})
    Traceback (most recent call last):
    ...
    decrochage_risk.errors.ModelError: Files are missing: calibration.json, references.json; these came: booster-0.txt.
    ...
    """
    _refuse_missing(files, FILES)
    try:
        fitted, table = (json.loads(files[name]) for name in FILES)
        linear = table["options"].get("kind") == "logistic"
        names = [LINEAR] if linear else [_booster_name(number) for number in range(int(table["members"]))]
        _refuse_missing(files, names)
        return {
            "references": References.from_dict(table["references"]),
            "directions": {name: table["directions"][name] for name in table["references"]["columns"]},
            "members": _members(files, names),
            "calibration": Calibration.from_dict(fitted["calibration"]),
            "calibrated_on": fitted["calibrated_on"],
            "comparable": Comparable.from_dict(fitted["comparable"]),
            "options": FitOptions(**table["options"]),
            "spread_factor": fitted["spread_factor"],
            "training_range": _range(table.get("training_range")),
            **{name: table[name] for name in ("rounds", "seed", "rows", "base_rate")},
        }
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(f"The files do not hold a model: {type(error).__name__}: {error}") from error


def _texts(model: RiskModel) -> tuple[str, ...]:
    return () if isinstance(model.members, LinearMembers) else model.members.texts


def _members(files: Mapping[str, str], names: list[str]) -> Members | LinearMembers:
    if names == [LINEAR]:
        return LinearMembers.from_dict(json.loads(files[LINEAR]))
    return Members(tuple(files[name] for name in names))


def _range(values: Mapping[str, Any] | None) -> TrainingRange | None:
    """Read the range; artefacts of older versions have none."""
    return None if values is None else TrainingRange.from_dict(values)


def _booster_name(number: int) -> str:
    return f"booster-{number}.txt"


def _refuse_missing(files: Mapping[str, str], names: tuple[str, ...] | list[str]) -> None:
    missing = [name for name in names if name not in files]
    if missing:
        raise _unreadable(f"Files are missing: {', '.join(missing)}; these came: {', '.join(sorted(files))}")


def _unreadable(came: str) -> ModelError:
    return ModelError(
        explain_error(
            came,
            expected=f"booster-0.txt and its sisters, {' and '.join(FILES)}, as to_files wrote them",
            hint="Load the model from an unedited copy of its folder.",
        )
    )


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, allow_nan=False, indent=1, ensure_ascii=False) + "\n"
