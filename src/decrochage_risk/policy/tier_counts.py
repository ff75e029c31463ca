"""What the thresholds meant on pupils that no choice touched: how many were listed, how many of them left.

Counts are of pupils, one row each (of the rows of a pupil and school year one is drawn, the same in every run), so
that their intervals are those of a share. A count of 1 to 10 pupils, and what would give one back by subtraction, is
hidden (`decrochage_risk.small_cells`): thresholds whose bands are small are merged first.

What a tier meant for those who were in it: how many left, how many did not, said so that nobody is labelled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.errors import PolicyError, explain_error
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.risk import jeffreys_interval, one_per_pupil
from decrochage_risk.small_cells import PUBLISHED, Publication, is_small

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence

    from decrochage_risk.policy.loading import Policy
    from decrochage_risk.policy.vigilance import LevelGroup

    Bools = npt.NDArray[np.bool_]
    Floats = npt.NDArray[np.float64]


__all__ = [
    "GRID",
    "WORKLOADS",
    "HeldOutPupils",
    "HeldOutTables",
    "TierPrecision",
    "thresholds_listing",
    "tier_counts",
    "tier_edges",
    "tier_precision",
]

GRID = (0.02, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.60, 0.70, 0.80)
"""Thresholds that a table shows besides those of the policy."""
WORKLOADS: Final = (0.03, 0.05, 0.1, 0.2)
"""Shares of the pupils of a level for which a training keeps the threshold that lists no more of them."""
_STEPS: Final = 1000


def thresholds_listing(risk: Floats, workloads: Iterable[float] = WORKLOADS) -> list[float]:
    """Find, for each share of pupils, the lowest threshold in steps of 0.001 that lists no more of them.

    Parameters
    ----------
    risk : float64 array, shape (n,)
        Of the pupils of one level.
    workloads : iterable of float
        Shares, above 0 and under 1.

    Examples
    --------
    >>> thresholds_listing(np.arange(100) / 200, [0.1, 0.25])
    [0.446, 0.371]
    """
    if not len(risk):
        return []
    falling = np.sort(risk)[::-1]
    # The 1e-9 undoes the rounding of products such as 0.1 * 30.
    first_out = [falling[min(int(share * len(risk) + 1e-9), len(risk) - 1)] for share in workloads]
    steps = [min(int(np.floor(value * _STEPS + 1e-9)) + 1, _STEPS - 1) for value in first_out]
    return [step / _STEPS for step in steps]


@dataclass(frozen=True, eq=False)
class HeldOutPupils:
    """Pupils with a held-out risk and a known outcome: one row each.

    Attributes
    ----------
    levels : object array of str, shape (n,)
        Level names.
    risk : float64 array, shape (n,)
        Calibrated, from models that did not learn from these pupils.
    left : bool array, shape (n,)
        Whether the pupil left without a diploma.
    """

    levels: npt.NDArray[np.object_]
    risk: Floats
    left: Bools

    @classmethod
    def of(
        cls,
        levels: npt.ArrayLike,
        risk: npt.ArrayLike,
        outcome: npt.ArrayLike,
        *,
        pupils: npt.ArrayLike | None = None,
        years: npt.ArrayLike | None = None,
    ) -> HeldOutPupils:
        """Check the rows and draw one per pupil and school year.

        Parameters
        ----------
        levels : array of str, shape (rows,)
            Level names.
        risk : array of float, shape (rows,)
            Held-out risks, 0 to 1; a row without a risk (NaN) is left out, with its outcome.
        outcome : array of 0/1, shape (rows,)
            1 = left without a diploma; a row whose outcome is not known (NaN) is left out.
        pupils, years : arrays, shape (rows,), optional
            Pupil and school year of each row; without pupils every row is one.

        Raises
        ------
        PolicyError
            With every fault: lengths that differ, risks or outcomes that cannot be, unknown levels.

        Examples
        --------
        >>> found = HeldOutPupils.of(["4e"] * 3, [0.1, 0.2, 0.3], [0, 0, 1], pupils=["a", "a", "b"])
        >>> len(found.risk)
        2
        """
        names = np.asarray(levels, dtype=object)
        scores, outcomes = np.asarray(risk, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
        others = {"pupils": pupils, "years": years}
        columns = {name: np.asarray(values) for name, values in others.items() if values is not None}
        _refuse_faulty(names, scores, outcomes, columns)
        # Censored outcomes are left out, never counted as having stayed.
        rows = np.flatnonzero(~(np.isnan(scores) | np.isnan(outcomes)))
        # Rows that differ by their level alone must not be drawn by the order they came in.
        rows = rows[np.argsort(names[rows].astype(str), kind="stable")]
        names, scores, outcomes = names[rows], scores[rows], outcomes[rows]
        owner = columns["pupils"][rows] if "pupils" in columns else None
        drawing = one_per_pupil(
            scores, outcomes, owner, columns["years"][rows] if "years" in columns else None
        )
        return cls(names[drawing], scores[drawing], outcomes[drawing] == 1.0)

    def at_levels(self, levels: Sequence[str]) -> HeldOutPupils:
        """Keep the pupils of some levels."""
        inside = np.isin(self.levels, list(levels))
        return HeldOutPupils(self.levels[inside], self.risk[inside], self.left[inside])


def _refuse_faulty(
    names: npt.NDArray[np.object_], risk: Floats, outcome: Floats, others: dict[str, npt.NDArray[Any]]
) -> None:
    sizes = {"levels": names.shape, "risk": risk.shape, "outcome": outcome.shape}
    sizes |= {name: values.shape for name, values in others.items()}
    faults = []
    if len(set(sizes.values())) > 1 or risk.ndim != 1:
        faults.append("shapes differ: " + ", ".join(f"{name} {size}" for name, size in sizes.items()))
    outside = (risk < 0) | (risk > 1)
    if outside.any():
        faults.append(f"{int(outside.sum())} risks outside 0..1, for example {risk[outside][0]:g}")
    odd = ~(np.isnan(outcome) | np.isin(outcome, (0.0, 1.0)))
    if odd.any():
        faults.append(f"{int(odd.sum())} outcomes neither 0 nor 1, for example {outcome[odd][0]:g}")
    unknown = sorted({repr(name) for name in names[~np.isin(names, LEVEL_NAMES)]})
    if unknown:
        faults.append(f"unknown levels {', '.join(unknown)}")
    if faults:
        raise PolicyError(
            explain_error(
                f"These rows cannot be counted: {'; '.join(faults)}",
                expected="one level, risk from 0 to 1 and outcome 0 or 1 per row, of the same rows",
                hint=f"Leave out pupils without a level; the levels are {', '.join(LEVEL_NAMES)}.",
            )
        )


def tier_edges(group: LevelGroup) -> tuple[tuple[int, float, float], ...]:
    """Tier, least risk (included) and risk from which the next one begins, for each tier of a group."""
    return (
        (1, 0.0, group.targeted),
        (2, group.targeted, group.secured),
        # Just above 1, so that a risk of exactly 1 is inside the last tier.
        (3, group.secured, np.nextafter(1.0, 2.0)),
    )


def tier_counts(held_out: HeldOutPupils, policy: Policy) -> list[dict[str, Any]]:
    """Count the pupils of each tier of each level group, and those of them who left.

    Returns
    -------
    list of dict
        JSON values: ``group``, ``levels``, ``tier``, ``least`` and ``below`` (its risks), ``pupils`` and ``left``
        (None when they are hidden).

    Examples
    --------
    >>> from decrochage_risk.policy import load_policy
    >>> held_out = HeldOutPupils.of(["4e"] * 40, [0.15] * 40, [1] * 12 + [0] * 28)
    >>> [(row["tier"], row["pupils"], row["left"]) for row in tier_counts(held_out, load_policy())
    ...  if row["group"] == "college_4e_3e"]
    [(1, 0, 0), (2, 40, 12), (3, 0, 0)]
    """
    tables = HeldOutTables(held_out, policy)
    publication = Publication()
    tables.add_to(publication, thresholds=False)
    return tables.tiers(publication.hidden())


@dataclass(frozen=True, eq=False)
class _Unit:
    """A level group or a level, counted by bands of risk.

    Attributes
    ----------
    by, name : str
    edges : tuple of float
        Thresholds between the bands of its group.
    left, stayed : int arrays, shape (bands,)
        Pupils of each band.
    shown : frozenset of int
        Edges that its table prints: between two of them no band is small.
    """

    by: str
    name: str
    edges: tuple[float, ...]
    left: npt.NDArray[np.int64]
    stayed: npt.NDArray[np.int64]
    shown: frozenset[int]

    def key(self, what: str, place: int = 0) -> tuple[str, ...]:
        return ("held_out", self.by, self.name, what, str(place))

    def add_to(self, told: Publication) -> None:
        """Add what lies at or above each edge, and each band between two edges."""
        bands = len(self.left)
        above = {
            "hits": np.cumsum(self.left[::-1])[::-1],
            "stayed": np.cumsum(self.stayed[::-1])[::-1],
        }
        above["listed"] = above["hits"] + above["stayed"]
        for place in range(bands):
            is_printed, weight = place == 0 or place in self.shown, 1.0 if place else _WEIGHT_OF_ALL
            for what, values in above.items():
                told.count(
                    self.key(what, place),
                    int(values[place]),
                    printed=is_printed and what != "stayed",
                    weight=weight,
                )
            told.total(self.key("listed", place), [self.key("hits", place), self.key("stayed", place)])
            # A precision needs both: one without the other would be printed for nothing, or give it back.
            told.tie([self.key("listed", place), self.key("hits", place)])
        for place in range(bands - 1):
            for what, band, values in (
                ("hits", "left_in_band", self.left),
                ("stayed", "stayed_in_band", self.stayed),
            ):
                told.count(self.key(band, place), int(values[place]), printed=False)
                told.total(self.key(what, place), [self.key(band, place), self.key(what, place + 1)])


_WEIGHT_OF_ALL: Final = 4.0
"""What it costs to hide the pupils of a whole level, beside those of one threshold."""


class HeldOutTables:
    """The tables of tiers and of thresholds, as one part of a publication.

    Parameters
    ----------
    held_out : HeldOutPupils
        Pupils with a held-out risk and an outcome.
    policy : Policy
        Its groups and tiers.
    thresholds : iterable of float
        Thresholds to show besides those of the policy.
    workloads : iterable of float
        Shares of the pupils of a level whose threshold (`thresholds_listing`) is shown too.

    Examples
    --------
    >>> from decrochage_risk.policy import load_policy
    >>> tables = HeldOutTables(HeldOutPupils.of(["4e"] * 60, [0.15] * 60, [1] * 20 + [0] * 40), load_policy(), [0.05])
    >>> told = Publication()
    >>> tables.add_to(told)
    >>> rows = tables.thresholds(told.hidden())
    >>> [(row["threshold"], row["listed"], row["hits"]) for row in rows if row["by"] == "level"]
    [(0.05, 60, 20), (0.1, 60, 20), (0.3, 0, 0)]
    """

    def __init__(
        self,
        held_out: HeldOutPupils,
        policy: Policy,
        thresholds: Iterable[float] = (),
        workloads: Iterable[float] = (),
    ) -> None:
        self._policy = policy
        shares, grid = tuple(workloads), set(thresholds)
        self._grids = {
            group.code: grid.union(
                *(thresholds_listing(held_out.at_levels([level]).risk, shares) for level in group.levels)
            )
            for group in policy.table.groups
        }
        self._units: dict[tuple[str, str], _Unit] = {}
        for group in policy.table.groups:
            self._count(held_out, group)

    def _count(self, held_out: HeldOutPupils, group: LevelGroup) -> None:
        grid = sorted({*self._grids[group.code], group.targeted, group.secured})
        tiers = [grid.index(edge) + 1 for edge in (group.targeted, group.secured)]
        whole = _bands(held_out.at_levels(group.levels), grid)
        if not whole.sum():
            return
        # Merged before anything is hidden: fewer thresholds that can be told are worth more than many that
        # cannot.
        group_edges = merge_bands(whole, keep=tiers)
        used = sorted({*group_edges, *tiers})
        edges = tuple(grid[edge - 1] for edge in used)
        group_places = frozenset(used.index(edge) + 1 for edge in group_edges)
        for by, name, levels in (
            ("group", group.code, group.levels),
            *(("level", level, (level,)) for level in LEVEL_NAMES if level in group.levels),
        ):
            own = _bands(held_out.at_levels(levels), edges)
            if not own.sum():
                continue
            places = group_places
            if by == "level":
                # a level shows no edge that its group has merged: their difference would show it for the
                # other levels
                ascending = sorted(group_places)
                level_places = merge_bands(_joined(own, ascending), keep=[
                    place for place, edge in enumerate(ascending, 1) if edges[edge - 1] in (group.targeted, group.secured)
                ])  # fmt: skip
                places = frozenset(ascending[place - 1] for place in level_places)
            self._units[by, name] = _Unit(by, name, edges, own[:, 0], own[:, 1], places)

    def add_to(self, told: Publication, *, thresholds: bool = True) -> None:
        """Add every count, printed or not, with the relations between tiers, thresholds, levels and groups."""
        for unit in self._units.values():
            if thresholds or unit.by == "group":
                (unit if thresholds else replace(unit, shown=frozenset())).add_to(told)
        for group in self._policy.table.groups:
            whole = self._units.get(("group", group.code))
            if whole is None:
                continue
            levels = [
                self._units["level", level] for level in group.levels if ("level", level) in self._units
            ]
            for what in ("hits", "stayed"):
                for place in range(len(whole.left) if thresholds else 0):
                    told.total(whole.key(what, place), [level.key(what, place) for level in levels])
            for tier, below, above in _tier_places(whole, group):
                for what, above_edge in (("pupils", "listed"), ("left", "hits")):
                    name = whole.key(f"tier_{what}", tier)
                    inside = whole.left[below:above] + (whole.stayed[below:above] if what == "pupils" else 0)
                    told.count(name, int(inside.sum()))
                    rest = [] if above == len(whole.left) else [whole.key(above_edge, above)]
                    told.total(whole.key(above_edge, below), [name, *rest])
                told.count(
                    whole.key("tier_stayed", tier), int(whole.stayed[below:above].sum()), printed=False
                )
                names = [whole.key(f"tier_{what}", tier) for what in ("pupils", "left", "stayed")]
                told.total(names[0], names[1:])
                told.tie(names[:2])

    def of_level(self, level: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Names of the pupils of a level and of those who left, None without pupils: other tables may count them too."""
        unit = self._units.get(("level", level))
        return None if unit is None else (unit.key("listed"), unit.key("hits"))

    def tiers(self, hidden: Collection[Hashable]) -> list[dict[str, Any]]:
        """Give the tiers as JSON values, see `tier_counts`."""
        entries = []
        for group in self._policy.table.groups:
            unit = self._units.get(("group", group.code))
            places = (
                {}
                if unit is None
                else {tier: slice(low, high) for tier, low, high in _tier_places(unit, group)}
            )
            for tier, least, below in tier_edges(group):
                counts: tuple[int | None, int | None] = (0, 0)
                if unit is not None:
                    left, stayers = (int(part[places[tier]].sum()) for part in (unit.left, unit.stayed))
                    counts = (left + stayers, left)
                    if unit.key("tier_pupils", tier) in hidden:
                        counts = (None, None)
                entries.append(
                    {
                        "group": group.code,
                        "levels": list(group.levels),
                        "tier": tier,
                        "least": least,
                        "below": min(below, 1.0),
                        "pupils": counts[0],
                        "left": counts[1],
                    }
                )
        return entries

    def thresholds(self, hidden: Collection[Hashable]) -> list[dict[str, Any]]:
        """Give the thresholds as JSON values, see `decrochage_risk.policy.threshold_counts`."""
        entries: list[dict[str, Any]] = []
        for by, names in (
            ("group", [group.code for group in self._policy.table.groups]),
            ("level", list(LEVEL_NAMES)),
        ):
            for name in names:
                unit = self._units.get((by, name))
                if unit is not None:
                    entries += self._rows(unit, hidden)
        return entries

    def _rows(self, unit: _Unit, hidden: Collection[Hashable]) -> Iterator[dict[str, Any]]:
        groups = self._policy.table.groups
        group = next(one for one in groups if unit.name == one.code or unit.name in one.levels)
        tiers = {group.targeted: 2, group.secured: 3}
        everyone = _told_pair(unit, 0, hidden)
        for threshold in sorted({*self._grids[group.code], *tiers}):
            place = unit.edges.index(threshold) + 1 if threshold in unit.edges else 0
            size, hits = _told_pair(unit, place, hidden) if place in unit.shown else (None, None)
            yield {
                "by": unit.by,
                "name": unit.name,
                "threshold": threshold,
                "pupils": everyone[0],
                "left": everyone[1],
                "listed": size,
                "hits": hits,
                "tier": tiers.get(threshold),
            }


def _told_pair(unit: _Unit, place: int, hidden: Collection[Hashable]) -> tuple[int | None, int | None]:
    """Pupils at or above an edge and those of them who left, None when they are hidden."""
    if unit.key("listed", place) in hidden:
        return None, None
    left, stayers = (int(part[place:].sum()) for part in (unit.left, unit.stayed))
    return left + stayers, left


def _bands(own: HeldOutPupils, edges: Sequence[float]) -> npt.NDArray[np.int64]:
    """Pupils of each band, those who left and those who did not, shape (bands, 2)."""
    band = np.searchsorted(np.asarray(edges), own.risk, side="right")
    counts = [np.bincount(band[own.left == left], minlength=len(edges) + 1) for left in (True, False)]
    return np.column_stack(counts).astype(np.int64)


def _joined(bands: npt.NDArray[np.int64], edges: Sequence[int]) -> npt.NDArray[np.int64]:
    """Bands between some edges only."""
    return np.add.reduceat(bands, [0, *edges], axis=0)


def _tier_places(unit: _Unit, group: LevelGroup) -> list[tuple[int, int, int]]:
    """Each tier with the first of its bands and the one after its last."""
    places = [unit.edges.index(edge) + 1 for edge in (group.targeted, group.secured)]
    return [(1, 0, places[0]), (2, places[0], places[1]), (3, places[1], len(unit.left))]


def share_columns(counts: pd.DataFrame, hits: str, of: str, name: str) -> pd.DataFrame:
    """Share of one count in another with its 90 % Jeffreys interval, missing where there is nothing to divide by."""
    top, bottom = counts[hits].to_numpy(dtype=np.float64), counts[of].to_numpy(dtype=np.float64)
    usable = np.isfinite(top) & (bottom > 0)
    low, high = jeffreys_interval(np.where(usable, top, 0.0), np.where(usable, bottom, 1.0))
    share = np.where(usable, top, 0.0) / np.where(usable, bottom, 1.0)
    columns = {name: share, f"{name}_low": low, f"{name}_high": high}
    return pd.DataFrame({key: np.where(usable, value, np.nan) for key, value in columns.items()})


NOT_MEASURED = (
    "Le nombre d'élèves de ce palier qui quittent l'école sans diplôme n'a pas été mesuré pour ces seuils."
)
TOO_FEW = "Trop peu d'élèves étaient à ce palier lors des mesures pour dire combien sont partis."
_ONE = 1
_WELL_KNOWN = 30


class TierPrecision(BaseModel):
    """How many of the pupils of a tier left without a diploma, among pupils that no choice touched.

    Where a tier alone is hidden because it, or the one beside it, held few pupils, the two tiers that are flagged are
    counted together: few figures say less to a family than one that is a little wider.

    Attributes
    ----------
    tiers : tuple of int
        The tiers that were counted: this one, or those that are flagged together.
    pupils, left : int or None
        Pupils of this level group who were in these tiers, and how many of them left; None when not measured, or hidden
        (`decrochage_risk.small_cells`).
    share, low, high : float or None
        Share who left, and its 90 % Jeffreys interval; None with them.
    school_years : tuple of int
        Years of these pupils.
    untouched : bool
        Whether the training left those years untouched; otherwise the pupils were, not the years.
    synthetic : bool
        Whether they are synthetic pupils.
    text : str
        The same in French; also says that nothing was measured.
    """

    model_config = ConfigDict(frozen=True)

    tiers: tuple[int, ...]
    pupils: int | None
    left: int | None
    share: float | None
    low: float | None
    high: float | None
    school_years: tuple[int, ...]
    untouched: bool
    synthetic: bool
    text: str


def tier_precision(
    held_out: Mapping[str, Any], group: LevelGroup, tier: int, *, synthetic: bool
) -> TierPrecision:
    """Read what a model counted at its training, for one tier of a level group.

    Parameters
    ----------
    held_out : mapping
        ``TrainedModel.held_out``: ``tiers``, ``school_years`` and ``untouched``; may be empty.
    group : LevelGroup
        Of the policy that is applied now. When its levels or thresholds are not those counted, there is no figure.
    tier : int
        1 to 3.
    synthetic : bool
        Whether the model was trained on synthetic pupils.

    Examples
    --------
    >>> from decrochage_risk.policy import HeldOutPupils, load_policy, tier_counts
    >>> policy = load_policy()
    >>> measured = HeldOutPupils.of(["4e"] * 60, [0.15] * 60, [1] * 15 + [0] * 45)
    >>> kept = {"tiers": tier_counts(measured, policy), "school_years": [2024], "untouched": True}
    >>> found = tier_precision(kept, policy.table.group_of("4e"), 2, synthetic=False)
    >>> found.pupils, found.left, found.share
    (60, 15, 0.25)
    >>> print(found.text.rpartition(". ")[2])
    Environ 3 sur 4 ne l'ont pas quittée.
    """
    edges = {number: (least, min(below, 1.0)) for number, least, below in tier_edges(group)}
    wish = (group.code, tier, sorted(group.levels), *edges[tier])

    def counted(row: Mapping[str, Any]) -> tuple[object, ...]:
        return row["group"], row["tier"], sorted(row["levels"]), row["least"], row["below"]

    # By levels and edges too: counts made under other thresholds say nothing of this tier.
    row = next((row for row in held_out.get("tiers", ()) if counted(row) == wish), None)
    facts: dict[str, Any] = {
        **dict.fromkeys(("pupils", "left", "share", "low", "high")),
        "school_years": tuple(int(year) for year in held_out.get("school_years", ())),
        "untouched": bool(held_out.get("untouched", False)),
        "synthetic": synthetic,
        "tiers": (tier,),
    }
    if row is None:
        return TierPrecision(text=NOT_MEASURED, **facts)
    count, left = row["pupils"], row["left"]
    if count is None and tier in _FLAGGED:
        count, left = _flagged_together(held_out, group)
        facts["tiers"] = _FLAGGED if count else facts["tiers"]
    if not count:
        return TierPrecision(text=TOO_FEW, **facts)
    low, high = jeffreys_interval(left, count)
    facts |= {"pupils": count, "left": left, "share": left / count, "low": float(low), "high": float(high)}
    return TierPrecision(text=_told(facts, group.label), **facts)


_FLAGGED: Final = (2, 3)


def _flagged_together(held_out: Mapping[str, Any], group: LevelGroup) -> tuple[int | None, int | None]:
    """Pupils of a group from the first threshold on, and those of them who left; None where these are hidden too."""
    row = next(
        (
            row
            for row in held_out.get("thresholds", ())
            if (row["by"], row["name"], row["threshold"]) == ("group", group.code, group.targeted)
        ),
        None,
    )
    return (None, None) if row is None else (row["listed"], row["hits"])


def _told(facts: Mapping[str, Any], group: str) -> str:
    """Tell both sides: those who left, and those who did not."""
    count, left, share = facts["pupils"], facts["left"], facts["share"]
    years = french.join([french.school_year(year) for year in facts["school_years"]])
    where = f"{group}, {years}" if years else group
    where += "" if facts["untouched"] else ", élèves laissés hors de l'apprentissage"
    who = "élève synthétique" if facts["synthetic"] else "élève"
    pupils = french.plural(count, who, " ".join(f"{word}s" for word in who.split()))
    were = "qui était" if count == _ONE else "qui étaient"
    tier = "à ce palier" if len(facts["tiers"]) == _ONE else "à l'un des deux paliers signalés"
    bracket = f"[{french.interval_percent(facts['low'], facts['high'], _decimals(share))}]"
    if left == 0:
        most = french.percent(facts["high"], 1)
        return (
            f"Parmi {pupils} {were} {tier} ({where}), aucun n'a quitté l'école sans diplôme [au plus {most}]."
        )
    verb = "a quitté" if left == _ONE else "ont quitté"
    if left == count:
        least = french.percent(facts["low"], 0)
        return f"Parmi {pupils} {were} {tier} ({where}), tous ont quitté l'école sans diplôme [au moins {least}]."
    first = (
        f"Parmi {pupils} {were} {tier} ({where}), {french.number(left)} {verb} l'école sans diplôme : "
        f"{french.about(share)} {bracket}."
    )
    others = french.about(1.0 - share)
    return f"{first} {others[0].upper()}{others[1:]} ne l'ont pas quittée."


def _decimals(share: float) -> int:
    return 1 if share < 1 / _WELL_KNOWN else 0


def merge_bands(counts: npt.ArrayLike, *, least: int = PUBLISHED, keep: Iterable[int] = ()) -> list[int]:
    """Choose which edges of ordered bands stay, so that no band between two of them is small.

    Parameters
    ----------
    counts : (bands, kinds) array_like of int
        Pupils of each band, one column per kind (those who left, those who did not); band i lies below edge i + 1.
    least : int
        A band is small when a column of it is of 1 to ``least - 1``.
    keep : iterable of int
        Edges to prefer (the thresholds of a policy): as many of them as can be, then as many of the others.

    Returns
    -------
    list of int
        Edges that stay, ascending, among 1 to bands - 1; none when all the bands together are small.

    Examples
    --------
    >>> merge_bands([[40, 0], [3, 0], [20, 12], [15, 11]])
    [1, 3]
    >>> merge_bands([[40, 0], [3, 0], [20, 12], [15, 11]], keep=[2])
    [2, 3]
    """
    table = np.asarray(counts, dtype=np.int64)
    table = table.reshape(len(table), -1)
    below = np.vstack([np.zeros((1, table.shape[1]), dtype=np.int64), np.cumsum(table, axis=0)])
    wishes = set(keep)
    best: dict[int, tuple[int, int, list[int]]] = {0: (0, 0, [])}
    for edge in range(1, len(table) + 1):
        ways = [
            (score + (edge in wishes), count + 1, [*edges, edge])
            for before, (score, count, edges) in best.items()
            if not is_small(*(below[edge] - below[before]).tolist(), least=least)
        ]
        if ways:
            # of ways as good, the one whose edges come first
            best[edge] = max(ways, key=lambda way: (way[0], way[1], [-one for one in way[2]]))
    return best[len(table)][2][:-1] if len(table) in best else []
