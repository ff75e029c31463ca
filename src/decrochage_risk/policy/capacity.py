"""The pupils that a school can meet: a separate, explicit cut by number, beside the flags and never instead of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import PolicyError, explain_error

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["CapacityList", "HasFrame", "capacity_list"]

_COVERAGE = 0.90
LEAST_USEFUL_RISK = 0.05
"""Risk of the last place under which a list is too long: of twenty such pupils met, one would leave."""
_PATH_YEARS = 3
_OF_PATH = {name: f"path_{name}" for name in ("risk", "risk_low", "risk_high", "tier", "flagged")}
_COLUMNS = ("pupil_id", "school_id", "class_id", "level", "risk", "risk_low", "risk_high", "tier", "flagged")


class HasFrame(Protocol):
    """What is needed of ``RiskScores``, which lies in a higher layer."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per pupil."""


@dataclass(frozen=True, eq=False)
class CapacityList:
    """The pupils of each school with the highest risks, as many as the school can meet.

    Attributes
    ----------
    pupils : DataFrame
        One row per listed pupil, by school, class and id, never in the order of the risk: ``school_id``,
        ``class_id``, ``pupil_id``, ``level``, ``risk``, ``tier``, ``flagged`` (False: under the threshold of the policy,
        listed only because places were left) and ``tied`` (another pupil with the very same risk was left out: the order of
        the ids decided, which means nothing).
    schools : DataFrame
        One row per school: ``capacity``, ``pupils`` (enrolled that day), ``scored``, ``listed``, ``flagged``, ``flagged_not_listed``
        (situations to look at that the capacity leaves out), ``under_threshold`` (listed pupils that no threshold flags),
        ``to_complete`` (pupils whom only what is not known of them would put above a threshold: never listed), ``unfilled``
        (places left empty: no other pupil has a risk worth one),
        ``least_risk`` (smallest listed risk), ``tied_out``
        (pupils left out with that same risk), ``expected`` (sum of the listed risks: how many of the listed would
        leave) and its 90 % interval ``low``, ``high``.
    """

    pupils: pd.DataFrame
    schools: pd.DataFrame

    @property
    def text(self) -> str:
        """One French line per school, and what the capacity leaves out."""
        rows = self.schools.to_dict("records")
        return "\n".join(_line({str(name): cell for name, cell in row.items()}) for row in rows)

    def __repr__(self) -> str:
        return f"<CapacityList: {len(self.pupils)} pupils of {len(self.schools)} schools>"


def capacity_list(
    scores: HasFrame,
    capacity: int | Mapping[str, int],
    *,
    least_risk: float = LEAST_USEFUL_RISK,
    horizon_years: int = 1,
) -> CapacityList:
    """List, school by school, the n pupils with the highest risk.

    A flag never depends on who else is there; this list does, which is why it is a separate one and says what it
    leaves out. Of pupils with the very same risk at the edge, those whose id comes first are listed: an arbitrary
    order, so the list marks them (``tied``) and counts the others (``tied_out``). Pupils without a score cannot be
    ranked and are never listed; nor are those whose data are to be completed first, whose risk rests on no fact.

    The expected number is the sum of the listed risks. Its interval holds both the chance of each pupil's outcome
    (exact Poisson-binomial quantiles) and the uncertainty of the risks, taken as shared by all: its bounds are those
    of the pupils' low and of their high risks.

    Parameters
    ----------
    scores : RiskScores
        Scores of the pupils; ``frame`` is read.
    capacity : int or mapping of str to int
        Pupils that each school can meet, or per school; a school that the mapping leaves out has no list, nor has one
        whose pupils have all gone.
    least_risk : float
        Risk that a listed pupil must have: the places beyond are left empty, and said to be (``unfilled``); 0 asks nothing.
    horizon_years : int
        1: by the risk of the year, of every pupil. 3: by the risk over three years, of the pupils of 4e and 3e who have one;
        ``risk``, ``tier`` and ``flagged`` are then those of the path. The two are never ranked together.

    Returns
    -------
    CapacityList

    Raises
    ------
    PolicyError
        With every fault: a capacity that is no whole number from 1 on or above the school's size (its pupils in the
        scores who are enrolled that day), or a school without any; something that is no scores, or another horizon.

    Examples
    --------
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> frame = pd.DataFrame({"pupil_id": ["a", "b", "c"], "school_id": "0990001N", "class_id": "3A", "level": "3e",
    ...                       "risk": [0.4, 0.1, 0.4], "risk_low": [0.3, 0.1, 0.3], "risk_high": [0.5, 0.1, 0.5],
    ...                       "tier": [3, 2, 3], "flagged": True})
    >>> found = capacity_list(SimpleNamespace(frame=frame), 1)
    >>> found.pupils["pupil_id"].tolist(), found.schools[["tied_out", "flagged_not_listed"]].iloc[0].tolist()
    (['a'], [1, 2])
    """
    frame = _frame_of(scores, horizon_years)
    sizes = frame.loc[frame["enrolled"], "school_id"].value_counts().sort_index()
    places_of = dict(capacity) if isinstance(capacity, Mapping) else dict.fromkeys(sizes.index, capacity)
    _refuse_faulty(places_of, sizes)
    ranking = frame[frame["school_id"].isin(list(places_of))].sort_values(
        # The id last, so that equal risks have one order; it says nothing of a pupil, hence `tied` below.
        ["school_id", "risk", "pupil_id"],
        ascending=[True, False, True],
        kind="stable",
    )
    candidates = ranking[ranking["risk"].notna() & ~ranking["to_complete"]]
    place = candidates.groupby("school_id", sort=True).cumcount()
    places = candidates["school_id"].map(places_of).astype(np.float64)
    has_place = (place < places) & (candidates["risk"] >= least_risk)
    selection, left_out = candidates[has_place], candidates[~has_place]
    # Of equal risks at the edge only the id decides: those left out are told with the list.
    edge = selection.groupby("school_id")["risk"].min()
    tied_out = left_out[left_out["risk"] == left_out["school_id"].map(edge).astype(np.float64)]
    at_edge = selection["risk"] == selection["school_id"].map(edge).astype(np.float64)
    pupils = selection.assign(tied=at_edge & selection["school_id"].isin(tied_out["school_id"]))
    # Told by class and id, not by risk: a list of priorities is no ranking of pupils.
    pupils = pupils.sort_values(["school_id", "class_id", "pupil_id"], kind="stable", na_position="last")
    columns = ["school_id", "class_id", "pupil_id", "level", "risk", "tier", "flagged", "tied"]
    return CapacityList(
        pupils[columns].reset_index(drop=True), _schools(places_of, sizes, ranking, selection, edge, tied_out)
    )


def _frame_of(scores: object, horizon_years: int) -> pd.DataFrame:
    """Take the columns that are read, those of the horizon under their plain names."""
    frame = getattr(scores, "frame", None)
    own = {name: name for name in _COLUMNS} | (_OF_PATH if horizon_years == _PATH_YEARS else {})
    is_horizon = horizon_years in (1, _PATH_YEARS)
    if not is_horizon or not isinstance(frame, pd.DataFrame) or not set(own.values()) <= set(frame.columns):
        raise PolicyError(
            explain_error(
                f"scores is a {type(scores).__name__}, horizon_years {horizon_years!r}",
                expected="RiskScores, whose frame is read, with a risk of that horizon (1 or 3 school years)",
                hint="capacity_list(scores, 12), with what score_pupils gave and not its frame.",
            )
        )
    # Scores that an earlier version wrote do not say who was enrolled, nor whose data are to be completed.
    columns = frame[list(own.values())].set_axis(list(own), axis=1)
    return columns.assign(
        enrolled=frame.get("enrolled", default=True), to_complete=frame.get("to_complete", default=False)
    )


def _schools(
    places_of: dict[str, int],
    sizes: pd.Series[int],
    ranking: pd.DataFrame,
    selection: pd.DataFrame,
    edge: pd.Series[float],
    tied_out: pd.DataFrame,
) -> pd.DataFrame:
    schools = pd.Index(sorted(places_of), name="school_id", dtype=object)

    def count(rows: pd.DataFrame) -> pd.Series[int]:
        return rows["school_id"].value_counts().reindex(schools, fill_value=0).astype(np.int64)

    expectations = [_expected(selection[selection["school_id"] == school]) for school in schools]
    flags, listed_flagged = count(ranking[ranking["flagged"]]), count(selection[selection["flagged"]])
    candidates = ranking[ranking["risk"].notna() & ~ranking["to_complete"]]
    return pd.DataFrame(
        {
            "capacity": pd.Series(places_of, dtype=np.int64).reindex(schools),
            "pupils": sizes.reindex(schools),
            "scored": count(ranking[ranking["risk"].notna()]),
            "listed": count(selection),
            "flagged": flags,
            "flagged_not_listed": flags - listed_flagged,
            "under_threshold": count(selection) - listed_flagged,
            "to_complete": count(ranking[ranking["to_complete"]]),
            "unfilled": _unfilled(places_of, schools, count(selection), count(candidates)),
            "least_risk": edge.reindex(schools),
            "tied_out": count(tied_out),
            **{
                name: [row[place] for row in expectations]
                for place, name in enumerate(("expected", "low", "high"))
            },
        },
        index=schools,
    ).reset_index()


def _unfilled(
    capacity: dict[str, int],
    schools: pd.Index[str],
    selection_counts: pd.Series[int],
    candidates: pd.Series[int],
) -> pd.Series[int]:
    """Places that a scored pupil could have had, and that none is worth."""
    places = pd.Series(capacity, dtype=np.int64).reindex(schools)
    return places.clip(upper=candidates) - selection_counts


def _expected(selection: pd.DataFrame) -> tuple[float, int, int]:
    """Sum the listed risks: how many would leave, with the interval of that number."""
    values = selection.sort_values("pupil_id")
    tail = (1.0 - _COVERAGE) / 2.0
    low = _quantile(values["risk_low"].to_numpy(dtype=np.float64), tail)
    high = _quantile(values["risk_high"].to_numpy(dtype=np.float64), 1.0 - tail)
    return float(values["risk"].sum()), low, high


def _quantile(risks: Floats, level: float) -> int:
    """Quantile of the number of events among independent pupils (Poisson-binomial), by exact convolution."""
    chances = np.ones(1)
    for risk in risks:  # one school's list: tens of pupils
        chances = np.convolve(chances, (1.0 - risk, risk))
    # A sum of many parts may stay a rounding below the level that it should reach.
    return int(np.searchsorted(np.cumsum(chances), level * (1.0 - 1e-12)))


def _refuse_faulty(places_of: Mapping[Any, Any], sizes: pd.Series[int]) -> None:
    faults = []
    for school, places in places_of.items():
        size = int(sizes.get(school, 0))
        if not size:
            faults.append(f"school {school!r} has no pupil enrolled that day in these scores")
        if isinstance(places, bool) or not isinstance(places, int | np.integer):
            faults.append(f"{places!r} for {school!r} is no whole number")
        elif places < 1:
            faults.append(f"{places} for {school!r}: at least 1 was expected")
        elif size and places > size:
            faults.append(f"{places} for {school!r} is above its size, {size}")
    if faults or not places_of:
        lines = "".join(f"\n  - {fault}" for fault in faults) or " no school at all"
        raise PolicyError(
            explain_error(
                f"Some capacities cannot be:{lines}",
                expected="one whole number for every school, or {school_id: number}, from 1 to the school's size",
                hint="Give a small school its own number, {school_id: number}; a school that meets nobody is left out of "
                "the mapping. For everybody, use scores.flagged.",
            )
        )


def _line(row: Mapping[str, Any]) -> str:
    selection = french.plural(row["listed"], "élève retenu", "élèves retenus")
    text = f"{row['school_id']} : {selection} pour {french.plural(row['capacity'], 'place')}"
    if row["listed"]:
        expected = round(float(row["expected"]), 1)  # the number that is told decides its plural
        text += (
            f" ; d'après les risques estimés, {french.number(expected, 1)} "
            f"{'sorties' if expected >= 2 else 'sortie'} sans diplôme parmi eux "  # noqa: PLR2004 - French plural starts at 2
            f"(entre {row['low']} et {row['high']})"
        )
    under = row["under_threshold"]
    if under:
        text += f" ; dont {french.plural(under, 'élève')} sous le seuil de signalement"
    if row["unfilled"]:
        text += f" ; {french.plural(row['unfilled'], 'place non pourvue', 'places non pourvues')}, faute de risque notable"
    if row["tied_out"]:
        text += (
            f" ; {french.plural(row['tied_out'], 'élève')} au même risque que le dernier retenu, hors liste"
        )
    if row["to_complete"]:
        text += (
            f" ; {french.plural(row['to_complete'], 'élève')} dont les données sont à compléter, hors liste"
        )
    others = row["flagged_not_listed"]
    if others:
        text += f" ; {french.plural(others, 'autre situation', 'autres situations')} à examiner, hors liste"
    return f"{text}."
