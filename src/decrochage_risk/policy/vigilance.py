"""Vigilance by level group: absolute thresholds on the calibrated risk, and the tier of each pupil.

Every level is in exactly one group; a pupil without a score has tier 0, and tier 2 is where targeted prevention begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from decrochage_risk.errors import PolicyError, explain_error
from decrochage_risk.french import percent
from decrochage_risk.records.levels import LEVEL_NAMES, LEVELS, PATH_LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "NO_SCORE",
    "Assessment",
    "LevelGroup",
    "VigilanceTable",
    "coverage_faults",
    "path_faults",
    "with_own",
]

NO_SCORE = "pas de score"
"""The rule of a pupil without a risk: tier 0, never flagged, never forgotten."""

Probability = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


class LevelGroup(BaseModel):
    """Levels that share the same vigilance and thresholds.

    Attributes
    ----------
    code, label : str
        Stable name, and the French words shown in the rule.
    vigilance : str
        French label of the vigilance.
    reinforced : bool
        Whether the group is under reinforced vigilance (from the 4e on).
    levels : tuple of str
        Names of `decrochage_risk.records.levels.LEVEL_NAMES`.
    base_rate : float
        Published yearly rate that the thresholds are multiples of.
    targeted, secured : float
        Calibrated risk from which tiers 2 and 3 begin; ``base_rate < targeted < secured``, in steps of 0.1 %.
    reason : str
        Why these thresholds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Text
    label: Text
    vigilance: Text
    reinforced: StrictBool
    levels: Annotated[tuple[str, ...], Field(min_length=1)]
    base_rate: Probability
    targeted: Probability
    secured: Probability
    reason: Text

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        faults = []
        # A threshold under the base rate would flag pupils who are better off than the average of their
        # level.
        if not self.base_rate < self.targeted < self.secured:
            came = f"{self.base_rate} / {self.targeted} / {self.secured}"
            faults.append(f"expected base_rate < targeted < secured, came {came}")
        faults += [
            f"expected a threshold in steps of 0.001, so that its rule can be written exactly, came {value}"
            for value in (self.targeted, self.secured)
            if round(value, 3) != value
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def rule(self, tier: int) -> str:
        """Say in French which threshold put a pupil of this group in this tier (1 to 3)."""
        words, threshold = {
            1: ("inférieur à", self.targeted),
            2: ("d'au moins", self.targeted),
            3: ("d'au moins", self.secured),
        }[tier]
        return f"risque estimé {words} {percent(threshold, None)} ({self.label}, {self.vigilance})"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the policy says of each pupil, one value per row of the input, in its order.

    Attributes
    ----------
    tier : int8 array
        1 to 3; 0 where there is no score.
    flagged : bool array
        Tier 2 or 3.
    threshold : float64 array
        Risk from which a pupil of this level is flagged; NaN where the level is not known.
    rule : object array of str
        The rule that was applied, in French.
    reinforced : bool array
        Whether the level is under reinforced vigilance.
    """

    tier: npt.NDArray[np.int8]
    flagged: npt.NDArray[np.bool_]
    threshold: npt.NDArray[np.float64]
    rule: npt.NDArray[np.object_]
    reinforced: npt.NDArray[np.bool_]


class VigilanceTable(BaseModel):
    """The dated table of thresholds: every level in exactly one group.

    Attributes
    ----------
    title, source : str
        What the table is, and the text it rests on.
    valid_from, valid_to : date
        First and last day in force; no ``valid_to`` = until further notice.
    tiers : tuple of three str
        French names of tiers 1 to 3.
    groups : tuple of LevelGroup
        The level groups, with thresholds of the risk within the school year.
    path : tuple of LevelGroup
        Thresholds of the risk over three school years ("parcours"), for some levels of collège; empty: none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    valid_from: date
    valid_to: date | None = None
    source: Text
    tiers: tuple[Text, Text, Text]
    groups: Annotated[tuple[LevelGroup, ...], Field(min_length=1)]
    path: tuple[LevelGroup, ...] = ()

    def of_path(self) -> VigilanceTable:
        """Make the table that holds for the risk over three years: its own groups, then the others without their levels.

        Examples
        --------
        >>> from decrochage_risk.policy import load_policy
        >>> load_policy().table.of_path().group_of("4e").code
        'parcours_4e'
        """
        own = {level for group in self.path for level in group.levels}
        rest = [(group, tuple(level for level in group.levels if level not in own)) for group in self.groups]
        others = tuple(group.model_copy(update={"levels": levels}) for group, levels in rest if levels)
        # Not a copy: what this table has worked out of its groups would go with it.
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**fields | {"groups": (*self.path, *others), "path": ()})

    @cached_property
    def path_levels(self) -> frozenset[str]:
        """Levels with a threshold of the risk over three years."""
        return frozenset(level for group in self.path for level in group.levels)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            msg = f"expected valid_from <= valid_to, came {self.valid_from} / {self.valid_to}"
            raise ValueError(msg)
        return self

    def group_of(self, level: str) -> LevelGroup:
        """Group of a level.

        Raises
        ------
        PolicyError
            The level is not one of LEVEL_NAMES.
        """
        group = self._group_by_level.get(level)
        if group is None:
            raise _unknown_levels(pd.Index([level], dtype=object))
        return group

    def assess(self, levels: npt.ArrayLike, risk: npt.ArrayLike) -> Assessment:
        """Put each pupil in its tier; see `Policy.assess`."""
        risks = np.asarray(risk, dtype=np.float64)
        names = np.asarray(levels, dtype=object)
        _check_risk(names, risks)
        return self._assessed(self._group_codes(names, optional=np.isnan(risks)), risks)

    def assess_codes(self, levels: npt.NDArray[np.integer], risk: npt.NDArray[np.float64]) -> Assessment:
        """Put each pupil in its tier, the levels given as positions in ``LEVELS``.

        Parameters
        ----------
        levels : int array, shape (n,)
            -1 for a pupil without a level, whose risk is NaN.
        risk : float array, shape (n,)
            Calibrated risk; NaN = no score.
        """
        return self._assessed(self._group_of_code[levels], risk)

    def _assessed(self, group: npt.NDArray[np.int64], risks: npt.NDArray[np.float64]) -> Assessment:
        second_edge, third_edge, is_reinforced, rules = self._lookup
        has_risk = ~np.isnan(risks)
        # A missing level has group -1, the last row of the lookup, whose edges are NaN: nothing lies above
        # them.
        above = (risks >= second_edge[group]).astype(np.int8) + (risks >= third_edge[group]).astype(np.int8)
        tier = np.where(has_risk, above + np.int8(1), np.int8(0)).astype(np.int8)
        return Assessment(
            tier=tier,
            flagged=tier >= 2,  # noqa: PLR2004 - tier 2 is where targeted prevention begins
            threshold=second_edge[group],
            rule=rules[group, tier],
            reinforced=is_reinforced[group],
        )

    def _group_codes(
        self, levels: npt.ArrayLike, optional: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.int64]:
        """Position of each level's group, -1 for a missing level where that is allowed."""
        names = pd.Index(np.asarray(levels, dtype=object), dtype=object)
        position = self._levels.get_indexer(names)
        missing = np.asarray(names.isna()) | np.asarray(names == "")
        may_lack = missing & optional if optional is not None else np.zeros(len(names), dtype=bool)
        unknown = (position < 0) & ~may_lack
        if unknown.any():
            raise _unknown_levels(names[unknown])
        # Position -1, a missing level, reads the last one.
        return np.append(self._group_of_level, -1)[position]

    @cached_property
    def _levels(self) -> pd.Index[str]:
        return pd.Index([level for group in self.groups for level in group.levels], dtype=object)

    @cached_property
    def _group_by_level(self) -> dict[str, LevelGroup]:
        return {level: group for group in self.groups for level in group.levels}

    @cached_property
    def _group_of_code(self) -> npt.NDArray[np.int64]:
        return np.append(self._group_codes(LEVEL_NAMES), -1)

    @cached_property
    def _group_of_level(self) -> npt.NDArray[np.int64]:
        sizes = [len(group.levels) for group in self.groups]
        return np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)

    @cached_property
    def _lookup(
        self,
    ) -> tuple[
        npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.object_]
    ]:
        """Thresholds, reinforcement and rules by group; the last row is the pupil without a level."""
        rules = [[NO_SCORE, *(group.rule(tier) for tier in (1, 2, 3))] for group in self.groups]
        return (
            np.array([*(group.targeted for group in self.groups), np.nan]),
            np.array([*(group.secured for group in self.groups), np.nan]),
            np.array([*(group.reinforced for group in self.groups), False]),
            np.array([*rules, [NO_SCORE] * 4], dtype=object),
        )


def with_own(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the levels that installed packages declare, and that no group names, beside the usual level they are like."""
    group_levels = {
        level
        for group in groups
        if isinstance(group.get("levels"), list | tuple)
        for level in group["levels"]
    }
    own = [level for level in LEVELS if level.like is not None and level.name not in group_levels]
    return [
        group
        | {"levels": [*group["levels"], *(level.name for level in own if level.like in group["levels"])]}
        if isinstance(group.get("levels"), list | tuple)
        else group
        for group in groups
    ]


def coverage_faults(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the levels that are unknown, in no group, or in more than one: all of them, on the raw table.

    Examples
    --------
    >>> coverage_faults([{"levels": [*LEVEL_NAMES, "7e"]}])
    ["level '7e' is not known"]
    """
    codes_of_level: dict[str, list[str]] = {}
    for group in groups:
        if isinstance(levels := group.get("levels"), list | tuple):
            for level in levels:
                codes_of_level.setdefault(str(level), []).append(str(group.get("code", "?")))
    return [
        *(f"level {level!r} is not known" for level in codes_of_level if level not in LEVEL_NAMES),
        *(
            f"level {level!r} is listed {len(codes)} times ({', '.join(codes)})"
            for level, codes in codes_of_level.items()
            if len(codes) > 1
        ),
        *(f"level {level!r} is in no group" for level in LEVEL_NAMES if level not in codes_of_level),
    ]


def path_faults(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the levels of the path table that have no such risk, or are in more than one group of it.

    Examples
    --------
    >>> path_faults([{"levels": ["4e", "2de_pro"]}, {"levels": ["4e"]}])
    ["path: level '2de_pro' has no risk over three years", "path: level '4e' is listed 2 times"]
    """
    names: list[str] = []
    for group in groups:
        if isinstance(levels := group.get("levels"), list | tuple):
            names += [str(level) for level in levels]
    return [
        *(
            f"path: level {level!r} has no risk over three years"
            for level in dict.fromkeys(names)
            if level not in PATH_LEVELS
        ),
        *(
            f"path: level {level!r} is listed {names.count(level)} times"
            for level in dict.fromkeys(names)
            if names.count(level) > 1
        ),
    ]


def _check_risk(levels: npt.NDArray[np.object_], risk: npt.NDArray[np.float64]) -> None:
    """Refuse shapes that do not match and risks that are not probabilities."""
    if levels.ndim != 1 or levels.shape != risk.shape:
        raise PolicyError(
            explain_error(
                f"levels of shape {levels.shape} and risks of shape {risk.shape}",
                expected="two one-dimensional arrays of the same length, one value per pupil",
                hint="Pass the columns of the same frame.",
            )
        )
    odd = np.flatnonzero((risk < 0) | (risk > 1))
    if odd.size:
        raise PolicyError(
            explain_error(
                f"{odd.size} risks are no probability, for example {risk[odd[0]]:g} at row {odd[0]}",
                expected="calibrated risks from 0 to 1, NaN where there is no score",
                hint="Pass probabilities, not percentages or log-odds.",
            )
        )


def _unknown_levels(levels: pd.Index[str]) -> PolicyError:
    names = ", ".join(sorted({repr(level) for level in levels}))
    return PolicyError(
        explain_error(
            f"{len(levels)} pupils with a level that the policy does not know: {names}",
            expected=f"one of {', '.join(LEVEL_NAMES)} (none only where there is no risk either)",
            hint="Correct the level, or give the pupil a risk of NaN when it is not enrolled.",
        )
    )
