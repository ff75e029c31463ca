"""The configuration of a yearly retraining: a TOML file, checked as a whole before anything is read."""

from __future__ import annotations

import tomllib
from datetime import date  # pydantic reads the annotation at run time
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.model import FitOptions, closing_day
from decrochage_risk.model.refused import refuse_in_training
from decrochage_risk.train.supported import Helped

__all__ = ["RetrainConfig", "read_config"]

_PATHS = ("records", "outcomes", "supported", "champion", "policy", "calendar", "run")
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")]


class RetrainConfig(BaseModel):
    """What a retraining reads, how it trains, and where it writes.

    Attributes
    ----------
    records : Path
        Folder of the extracts, all school years.
    run : Path
        Run folder: new, or that of a run to continue.
    labels_known_on : date
        Day on which the outcomes were extracted; years that had not closed by then are left out.
    outcomes : Path, optional
        Table of the outcomes (Parquet or CSV), when it is not in the folder of the extracts.
    supported : Path, optional
        Table of the pupils for whom a measure started (``pupil_id``, ``started_on``; Parquet or CSV), as
        ``Feedback.measures_started()`` gives it.
    helped : {"keep", "exclude", "censor"}
        What to do with their rows, see `decrochage_risk.train.supported`; anything but "keep" needs ``supported``.
    champion : Path, optional
        Folder of the model in use; none in the first year.
    policy : Path, optional
        Thresholds, as ``load_policy`` reads them.
    calendar : Path, optional
        Calendar of the school, as CSV; the folder's own, or zone B, when left out.
    name : str
        Of the model.
    school_years : tuple of int, optional
        Years to train on; all mature ones of the outcomes when left out.
    as_of : tuple of date, optional
        As-of dates; early November to early May of each year when left out.
    outcome_closes : tuple of int
        Month and day.
    seed : int
    capacity : int
        Situations that a school can look at on one date.
    margin : float
        Log loss (nats per row) by which the candidate may be worse than the champion. What is shipped knows one year more
        than what can be measured, so that not worse is enough; 0.001 is about half a percent of the log loss where 5 %
        leave.
    synthetic : bool
        The pupils are.
    on_fault : {"raise", "quarantine"}
    options : FitOptions
        Of the boosters.

    Examples
    --------
    >>> config = RetrainConfig(records="extraits", run="run", labels_known_on="2025-11-15")
    >>> config.margin, config.champion
    (0.001, None)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    records: Path
    run: Path
    labels_known_on: date
    outcomes: Path | None = None
    supported: Path | None = None
    helped: Helped = "keep"
    champion: Path | None = None
    policy: Path | None = None
    calendar: Path | None = None
    name: Name = "modele"
    school_years: tuple[int, ...] | None = None
    as_of: tuple[date, ...] | None = None
    outcome_closes: tuple[int, int] = (11, 1)
    seed: int = Field(default=0, ge=0, lt=2**31 - 2)
    capacity: int = Field(default=20, ge=1)
    margin: float = Field(default=0.001, ge=0, lt=1)
    synthetic: StrictBool = False
    on_fault: Literal["raise", "quarantine"] = "raise"
    options: FitOptions = FitOptions()

    @field_validator("options", mode="before")
    @classmethod
    def _fit_options(cls, value: Any) -> Any:  # noqa: ANN401 - what TOML holds
        if not isinstance(value, dict):
            return value
        unknown = [str(name) for name in value if name not in FitOptions.__dataclass_fields__]
        try:
            refuse_in_training(unknown, "FitOptions")
            return FitOptions(**value)
        except (ModelError, TypeError) as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _closes_on_a_day(self) -> Self:
        closing_day(2024, self.outcome_closes)
        return self

    @model_validator(mode="after")
    def _supported_are_named(self) -> Self:
        if self.helped != "keep" and self.supported is None:
            message = f"helped={self.helped!r} without supported, the table of the pupils for whom a measure started"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _run_apart(self) -> Self:
        run = self.run.resolve()
        given = {name: getattr(self, name) for name in _PATHS if name != "run"}
        places = {name: path.resolve() for name, path in given.items() if path is not None}
        within = [
            name for name, place in places.items() if run in (place, *place.parents) or place in run.parents
        ]
        if within:
            message = f"run and {', '.join(within)} lie within each other: a run would change what it reads"
            raise ValueError(message)
        return self

    def settings(self) -> dict[str, Any]:
        """Give everything but the places, as JSON values: the same on every machine."""
        kept = self.model_dump(mode="json", exclude={*_PATHS, "options"})
        return {**kept, "options": self.options.to_dict()}


def read_config(path: str | Path) -> RetrainConfig:
    """Read a configuration; relative paths start at its own folder.

    Raises
    ------
    ModelError
        No such file, no TOML, or keys and values that cannot be: every fault at once.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(
            explain_error(
                f"The configuration {path} cannot be read ({error})",
                expected="a TOML file in UTF-8",
                hint='Its shortest form: records = "extraits", run = "run-2025", labels_known_on = 2025-11-15.',
            )
        ) from error
    placed = {
        key: path.parent / value if key in _PATHS and isinstance(value, str) else value
        for key, value in values.items()
    }
    try:
        return RetrainConfig(**placed)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors()]
        raise ModelError(
            explain_error(
                f"The configuration {path} cannot be used: {'; '.join(faults)}",
                expected=f"keys among {', '.join(RetrainConfig.model_fields)}",
                hint="Correct these keys; the documentation of RetrainConfig explains each.",
            )
        ) from error
