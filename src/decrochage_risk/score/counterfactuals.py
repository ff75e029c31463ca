"""The risks under edited facts: as a table, as objects, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from decrochage_risk.errors import RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from decrochage_risk.score.run_facts import RunFacts

__all__ = ["Counterfactual", "Counterfactuals"]


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
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.frame.astype(object).where(self.frame.notna(), None).to_dict("records"):
            found.setdefault(row["pupil_id"], []).append({str(name): cell for name, cell in row.items()})
        return found

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
