"""A model in use and a new one on the same rows: figures, gates, who changes side and why, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date  # pydantic reads the annotation at run time
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, PrivateAttr

from decrochage_risk.evaluate.bootstrap import DRAWS
from decrochage_risk.evaluate.differences import Difference, paired_differences
from decrochage_risk.evaluate.gates import GateResult, fairness_gates
from decrochage_risk.evaluate.verdict import Cause, ComparisonVerdict, decide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ComparedRows", "ListChurn", "ModelComparison", "SideCount", "compare_rows", "suppressed"]

SMALL_CELL: Final = 5
"""Counts of 1 to 4 pupils are not printed."""
NOT_KNOWN: Final = "non renseigné"
ENTERS, LEAVES = "enters", "leaves"
_FLAGGED = 2


class ListChurn(BaseModel):
    """How much of a list changes, rows of all as-of dates together.

    Attributes
    ----------
    list_name : str
        ``flagged`` (tiers 2 and 3), ``tier_2`` or ``tier_3``.
    champion, challenger : int
        Rows on each list.
    kept, enters, leaves : int or None
        Rows on both, on the new one only, on the old one only; None where they are of 1 to 4 pupils.
    changed_share : float or None
        Rows that change over rows on either list; None when both lists are empty or a count is suppressed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    list_name: str
    champion: int | None
    challenger: int | None
    kept: int | None
    enters: int | None
    leaves: int | None
    changed_share: float | None


class SideCount(BaseModel):
    """How many pupils enter or leave the list on one as-of date at least, by group or by reason family.

    Attributes
    ----------
    side : {"enters", "leaves"}
    dimension, group : str
        ``sex``, ``level``, ``pathway`` or ``reason_family``, and the part.
    pupils : int or None
        None for 1 to 4, and for one more group where a single small one could be found by subtraction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: str
    dimension: str
    group: str
    pupils: int | None


class ModelComparison(BaseModel):
    """Everything that a comparison found, in aggregates; who changes side is in :attr:`changes`.

    Attributes
    ----------
    champion, challenger : str
        Ids of the models: in use, and new.
    synthetic : bool
        Whether one of them is a demonstration model.
    test_years, as_of, labels_known_on
        School years and as-of dates of the rows, and the day on which their outcomes were known.
    rows, pupils, leavers : int
        Rows compared, distinct pupils, and those of them who left.
    left_out : dict of str to int
        Rows that are not compared, by cause.
    known_share : float or None
        Share of the pupils who were already enrolled in a year that both models may have learnt from; None when it
        was not looked at.
    margin : float
        Log loss by which the challenger was allowed to be worse.
    differences : tuple of Difference
        Challenger minus champion.
    gates, champion_gates : tuple of GateResult
        Calibration and fairness of each on the list that it would issue.
    churn : tuple of ListChurn
    sides : tuple of SideCount
    verdict : {"promote", "keep", "review"}
    causes : tuple of Cause
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    champion: str
    challenger: str
    synthetic: bool
    test_years: tuple[int, ...]
    as_of: tuple[date, ...]
    labels_known_on: date
    rows: int
    pupils: int
    leavers: int
    left_out: dict[str, int]
    known_share: float | None
    margin: float
    differences: tuple[Difference, ...]
    gates: tuple[GateResult, ...]
    champion_gates: tuple[GateResult, ...]
    churn: tuple[ListChurn, ...]
    sides: tuple[SideCount, ...]
    verdict: ComparisonVerdict
    causes: tuple[Cause, ...]
    _changes: pd.DataFrame | None = PrivateAttr(default=None)

    @property
    def changes(self) -> pd.DataFrame | None:
        """One row per pupil and as-of date that changes side, with both risks and the family that moves most.

        For the data team, never printed nor written by :meth:`to_json`; None after :meth:`from_json`.
        """
        return None if self._changes is None else self._changes.copy()

    def with_changes(self, changes: pd.DataFrame) -> Self:
        """Attach the pupil-level table."""
        other = self.model_copy()
        other._changes = changes.copy()  # noqa: SLF001  # its own kind
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelComparison) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def difference(self, name: str) -> Difference:
        """Give one difference by its name."""
        return next(found for found in self.differences if found.name == name)

    def to_json(self) -> str:
        """Write the comparison as JSON, the same bytes for the same figures; :meth:`from_json` reads it back."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        pydantic.ValidationError
            A field is missing, unknown or of another type.
        """
        return cls.model_validate_json(text)

    def to_markdown(self) -> str:
        """Write the comparison in Markdown, in French."""
        from decrochage_risk.evaluate.comparison_text import comparison_markdown  # noqa: PLC0415  # it reads this class

        return comparison_markdown(self)

    def __str__(self) -> str:
        from decrochage_risk.evaluate.comparison_text import comparison_text  # noqa: PLC0415  # it reads this class

        return comparison_text(self)


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """Rows that both models score, outcome known.

    Attributes
    ----------
    outcome : array_like of shape (rows,)
        0 or 1.
    champion, challenger : array_like of shape (rows,)
        Announced probabilities.
    pupils : array_like of shape (rows,)
    tiers : pair of array_like of shape (rows,)
        Tier (1 to 3) by each model; 2 and 3 are on the list that would be issued.
    capacity : pair of array_like of bool, optional
        Lists of the same length, for the precision at capacity.
    groups : mapping of str to array_like
        What the gates are applied to.
    told : mapping of str to array_like
        By what those who change side are counted.
    """

    outcome: npt.ArrayLike
    champion: npt.ArrayLike
    challenger: npt.ArrayLike
    pupils: Any
    tiers: tuple[npt.ArrayLike, npt.ArrayLike]
    capacity: tuple[npt.ArrayLike, npt.ArrayLike] | None = None
    groups: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)


def compare_rows(
    rows: ComparedRows,
    *,
    margin: float = 0.0,
    seen_years: Sequence[int] = (),
    seed: int = 0,
    draws: int = DRAWS,
    **facts: Any,  # noqa: ANN401  # the remaining fields of ModelComparison
) -> ModelComparison:
    """Compare two models on rows that both score.

    Parameters
    ----------
    rows : ComparedRows
        What is compared.
    margin, seen_years
        As in :func:`~decrochage_risk.evaluate.verdict.decide`.
    seed, draws : int
        Of the bootstrap.
    **facts
        ``champion``, ``challenger``, ``synthetic``, ``test_years``, ``as_of``, ``labels_known_on``, ``left_out`` and
        ``known_share`` of :class:`ModelComparison`.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        As :func:`~decrochage_risk.evaluate.differences.paired_differences`.
    """
    found = paired_differences(
        rows.outcome,
        rows.champion,
        rows.challenger,
        pupils=rows.pupils,
        lists=rows.capacity,
        seed=seed,
        draws=draws,
    )
    tiers = [np.asarray(tier) for tier in rows.tiers]
    gates = [
        fairness_gates(rows.outcome, risk, tier >= _FLAGGED, rows.groups, pupils=rows.pupils)
        for risk, tier in zip((rows.champion, rows.challenger), tiers, strict=True)
    ]
    pupils = pd.Series(np.asarray(rows.pupils, dtype=object))
    people = pd.Series(np.asarray(rows.outcome)).groupby(pupils).max()
    leavers = int(people.sum())
    verdict, causes = decide(
        next(one for one in found if one.name == "log_loss"),
        gates[1],
        gates[0],
        margin=margin,
        seen_years=seen_years,
        leavers=leavers,
        stayers=len(people) - leavers,
    )
    return ModelComparison(
        rows=len(tiers[0]),
        pupils=len(people),
        leavers=leavers,
        margin=margin,
        differences=found,
        gates=gates[1],
        champion_gates=gates[0],
        churn=_churn(tiers[0], tiers[1], pupils),
        sides=_sides(tiers[0], tiers[1], pupils, rows.told),
        verdict=verdict,
        causes=causes,
        **facts,
    )


def suppressed(count: int, pupils: int | None = None) -> int | None:
    """Leave out a count of 1 to 4 pupils; ``pupils`` when the count is of their rows.

    Examples
    --------
    >>> suppressed(0), suppressed(4), suppressed(5), suppressed(8, pupils=4)
    (0, None, 5, None)
    """
    return None if 0 < (count if pupils is None else pupils) < SMALL_CELL else count


def _churn(
    champion: npt.NDArray[Any], challenger: npt.NDArray[Any], pupils: pd.Series
) -> tuple[ListChurn, ...]:
    lists = {"flagged": (champion >= _FLAGGED, challenger >= _FLAGGED)}
    lists |= {f"tier_{tier}": (champion == tier, challenger == tier) for tier in (2, 3)}
    found = []
    for name, (old, new) in lists.items():
        parts = (old & new, new & ~old, old & ~new)
        kept, enters, leaves = (suppressed(int(part.sum()), pupils[part].nunique()) for part in parts)
        told = None not in {kept, enters, leaves}
        either = int((old | new).sum())
        found.append(
            ListChurn(
                list_name=name,
                champion=int(old.sum()) if told else None,
                challenger=int(new.sum()) if told else None,
                kept=kept,
                enters=enters,
                leaves=leaves,
                changed_share=int((old ^ new).sum()) / either if told and either else None,
            )
        )
    return tuple(found)


def _sides(
    champion: npt.NDArray[Any], challenger: npt.NDArray[Any], pupils: pd.Series, told: Mapping[str, Any]
) -> tuple[SideCount, ...]:
    old, new = champion >= _FLAGGED, challenger >= _FLAGGED
    found = []
    for side, inside in ((ENTERS, new & ~old), (LEAVES, old & ~new)):
        for dimension, values in told.items():
            labels = pd.Series(np.asarray(values, dtype=object)[inside], dtype=object).fillna(NOT_KNOWN)
            counts = pupils[inside].groupby(labels.astype(str).to_numpy()).nunique().sort_index()
            hidden = _hidden(counts)
            found += [
                SideCount(
                    side=side,
                    dimension=dimension,
                    group=str(group),
                    pupils=None if group in hidden else int(n),
                )
                for group, n in counts.items()
            ]
    return tuple(found)


def _hidden(counts: pd.Series) -> set[Any]:
    """Choose the groups not to count: of 1 to 4 pupils, and when there is but one, the next smallest with it."""
    small = counts[counts < SMALL_CELL].index.tolist()
    if len(small) == 1:
        small += counts.drop(small).sort_values(kind="stable").index[:1].tolist()
    return set(small)
