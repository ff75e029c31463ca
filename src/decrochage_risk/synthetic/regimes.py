"""Changes of regime in the last school year of a cohort, to test what time does to a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from decrochage_risk.synthetic.level_rates import LEVEL_RATES
from decrochage_risk.synthetic.settings import RISK

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np

    from decrochage_risk.synthetic.level_rates import LevelRates
    from decrochage_risk.synthetic.schools import Schools
    from decrochage_risk.synthetic.settings import RiskSettings

__all__ = ["REGIMES", "STOPS_RECORDING", "YearRegime", "regime_of"]

REGIMES: Mapping[str, str] = MappingProxyType(
    {
        "prior_shift": "1.3 times as many pupils leave, everywhere; what tells them apart stays the same.",
        "concept_drift": "Absence tells half as much about leaving, marks and years behind tell more.",
        "stops_recording": "A lycée professionnel records no absence from 15 January on; its coverage says so.",
        "new_marking": "A third of the schools mark two points lower; who leaves does not change.",
        "merged_school": "One collège is merged into another and has its number from then on.",
    }
)
"""Name of each regime, and what it changes in the last school year."""

_PRIOR_SHIFT = 0.37
_DRIFT_SHIFT = 0.87
_STRICTER = -2.0


@dataclass(frozen=True, slots=True)
class YearRegime:
    """What is different in one school year.

    Attributes
    ----------
    risk : RiskSettings
    schools : Schools
    rates : tuple of LevelRates
    """

    risk: RiskSettings
    schools: Schools
    rates: tuple[LevelRates, ...] = LEVEL_RATES


STOPS_RECORDING = "stops_recording"
"""The one regime that leaves rows out instead of changing what happens."""


def regime_of(regimes: Collection[str], schools: Schools, rng: np.random.Generator) -> YearRegime:
    """Put together what regimes change in their year; none of them = an ordinary year."""
    risk = RISK
    if "prior_shift" in regimes:
        risk = replace(risk, shift=risk.shift + _PRIOR_SHIFT)
    if "concept_drift" in regimes:
        risk = _drifted(risk)
    if "merged_school" in regimes:
        schools = schools.merged()
    if "new_marking" in regimes:
        schools = schools.marking(_STRICTER, rng)
    return YearRegime(risk, schools)


def _drifted(risk: RiskSettings) -> RiskSettings:
    """Halve what absence tells, and let marks and years behind tell half as much again."""
    return replace(
        risk,
        shift=risk.shift + _DRIFT_SHIFT,
        by_marked_weeks=tuple(0.5 * effect for effect in risk.by_marked_weeks),
        by_past=tuple(0.5 * effect for effect in risk.by_past),
        by_band=tuple(1.5 * effect for effect in risk.by_band),
        by_behind=tuple(1.5 * effect for effect in risk.by_behind),
        by_lows=tuple(1.5 * effect for effect in risk.by_lows),
    )
