"""What a tier meant for those who were in it: how many left, how many did not, said so that nobody is labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.model import jeffreys_interval
from decrochage_risk.policy.held_out import tier_edges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decrochage_risk.policy.vigilance import LevelGroup

__all__ = ["TierPrecision", "tier_precision"]

NOT_MEASURED = (
    "Le nombre d'élèves de ce palier qui quittent l'école sans diplôme n'a pas été mesuré pour ces seuils."
)
TOO_FEW = "Trop peu d'élèves étaient à ce palier lors des mesures pour dire combien sont partis."
_ONE = 1
_WELL_KNOWN = 30


class TierPrecision(BaseModel):
    """How many of the pupils of a tier left without a diploma, among pupils that no choice touched.

    Attributes
    ----------
    pupils, left : int or None
        Pupils of this level group who were in the tier, and how many of them left; None when not measured, or when
        a cell holds 1 to 4 pupils.
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
    >>> measured = HeldOutPupils.of(["4e"] * 40, [0.15] * 40, [1] * 10 + [0] * 30)
    >>> kept = {"tiers": tier_counts(measured, policy), "school_years": [2024], "untouched": True}
    >>> found = tier_precision(kept, policy.table.group_of("4e"), 2, synthetic=False)
    >>> found.pupils, found.left, found.share
    (40, 10, 0.25)
    >>> print(found.text.rpartition(". ")[2])
    Environ 3 sur 4 ne l'ont pas quittée.
    """
    edges = {number: (least, min(below, 1.0)) for number, least, below in tier_edges(group)}
    asked = (group.code, tier, sorted(group.levels), *edges[tier])

    def counted(row: Mapping[str, Any]) -> tuple[object, ...]:
        return row["group"], row["tier"], sorted(row["levels"]), row["least"], row["below"]

    row = next((row for row in held_out.get("tiers", ()) if counted(row) == asked), None)
    facts: dict[str, Any] = {
        **dict.fromkeys(("pupils", "left", "share", "low", "high")),
        "school_years": tuple(int(year) for year in held_out.get("school_years", ())),
        "untouched": bool(held_out.get("untouched", False)),
        "synthetic": synthetic,
    }
    if row is None or not row["pupils"]:
        return TierPrecision(text=NOT_MEASURED if row is None else TOO_FEW, **facts)
    count, left = int(row["pupils"]), int(row["left"])
    low, high = jeffreys_interval(left, count)
    facts |= {"pupils": count, "left": left, "share": left / count, "low": float(low), "high": float(high)}
    return TierPrecision(text=_told(facts, group.label), **facts)


def _told(facts: Mapping[str, Any], group: str) -> str:
    """Tell both sides: those who left, and those who did not."""
    count, left, share = facts["pupils"], facts["left"], facts["share"]
    years = french.join([french.school_year(year) for year in facts["school_years"]])
    where = f"{group}, {years}" if years else group
    where += "" if facts["untouched"] else ", élèves laissés hors de l'apprentissage"
    who = "élève synthétique" if facts["synthetic"] else "élève"
    pupils = french.plural(count, who, " ".join(f"{word}s" for word in who.split()))
    were = "qui était" if count == _ONE else "qui étaient"
    bracket = f"[{french.interval_percent(facts['low'], facts['high'], _decimals(share))}]"
    if left == 0:
        most = french.percent(facts["high"], 1)
        return f"Parmi {pupils} {were} à ce palier ({where}), aucun n'a quitté l'école sans diplôme [au plus {most}]."
    verb = "a quitté" if left == _ONE else "ont quitté"
    if left == count:
        least = french.percent(facts["low"], 0)
        return f"Parmi {pupils} {were} à ce palier ({where}), tous ont quitté l'école sans diplôme [au moins {least}]."
    first = (
        f"Parmi {pupils} {were} à ce palier ({where}), {french.number(left)} {verb} l'école sans diplôme : "
        f"{french.about(share)} {bracket}."
    )
    others = french.about(1.0 - share)
    return f"{first} {others[0].upper()}{others[1:]} ne l'ont pas quittée."


def _decimals(share: float) -> int:
    return 1 if share < 1 / _WELL_KNOWN else 0
