"""Signs that pupils, records or outcomes are no longer those a model was trained on: figures, thresholds, verdicts.

A shift counts only where it is also larger than what chance gives on so few rows: for all pupils together, and school by
school.
"""

from __future__ import annotations

from datetime import date  # pydantic reads the annotation at run time
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate.tables import markdown_table, text_table
from decrochage_risk.french import day, number, plural
from decrochage_risk.small_cells import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["DriftReport", "DriftSign", "UnitDrift", "psi", "psi_verdict", "worst"]

DriftVerdict: TypeAlias = Literal["ok", "watch", "stop", "too_small", "not_measured"]

WATCH_PSI: Final = 0.1
STOP_PSI: Final = 0.25
"""Conventions of credit scoring (Siddiqi, Credit Risk Scorecards, 2006): they assume thousands of rows, so that here a
shift must besides be larger than chance."""
ALPHA: Final = 0.05
"""Chance that one report alarms without cause, divided among all that it tests (Bonferroni)."""
DESIGN: Final = 2.0
"""Pupils of one class and school are alike: a shift counts as so many times less certain than of independent pupils."""
_ORDER: Final[tuple[DriftVerdict, ...]] = ("not_measured", "too_small", "ok", "watch", "stop")
WORDS: Final = {
    "ok": "rien à signaler",
    "watch": "à surveiller",
    "stop": "à examiner avant usage",
    "too_small": "trop petit",
    "not_measured": "non mesuré",
}


class DriftSign(BaseModel):
    """What one check found.

    Attributes
    ----------
    check : str
        ``feature``, ``missing_table``, ``knowledge``, ``score``, ``extent``, ``calibration``, ``slope``, ``relation`` or ``two_sample``.
    subject : str
        Feature, table or what is measured.
    figure : float or None
        PSI above chance, rise of the missing share, shift in log-odds, slope, or AUC.
    verdict : {"ok", "watch", "stop", "too_small", "not_measured"}
    sentence : str
        In French.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    check: str
    subject: str
    figure: float | None
    verdict: DriftVerdict
    sentence: str


class UnitDrift(BaseModel):
    """A school, the small schools together, or everybody.

    Attributes
    ----------
    unit : str
        Id of the school; "petits établissements" or "ensemble".
    pupils : int or None
        None where hidden (`decrochage_risk.small_cells`).
    compared_with : str
        In French: the training, or the same school a year before.
    verdict : {"ok", "watch", "stop", "too_small"}
    signs : tuple of DriftSign
        Those that are not ok; of everybody, the figures of the other checks too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str
    pupils: int | None
    compared_with: str
    verdict: DriftVerdict
    signs: tuple[DriftSign, ...]


class DriftReport(BaseModel):
    """The report of a drift watch.

    Attributes
    ----------
    model : str
        Its id.
    as_of : date
    rows : int
        Pupils looked at.
    left_out : dict of str to int or None
        Enrolled pupils who were not, by cause; None where hidden.
    overall : UnitDrift
    schools : tuple of UnitDrift
        In the order of their ids, small ones together last.
    verdict : {"ok", "watch", "stop"}
        The overall one; at least ``watch`` when schools to look at before use hold a tenth of the pupils.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    as_of: date
    rows: int
    left_out: dict[str, int | None]
    overall: UnitDrift
    schools: tuple[UnitDrift, ...]
    verdict: DriftVerdict

    def to_json(self) -> str:
        """Write the report as JSON, the same bytes for the same figures."""
        return self.model_dump_json(indent=2) + "\n"

    def to_frame(self) -> pd.DataFrame:
        """One row per unit and sign."""
        units = (self.overall, *self.schools)
        rows = [
            {"unit": unit.unit, "unit_verdict": unit.verdict, **sign.model_dump()}
            for unit in units
            for sign in unit.signs
        ]
        return pd.DataFrame(rows, columns=["unit", "unit_verdict", *DriftSign.model_fields])

    def to_markdown(self) -> str:
        """Write the report in Markdown, in French."""
        return f"# Veille au {day(self.as_of, with_year=True)}\n\n{self._body(markdown=True)}\n"

    def __str__(self) -> str:
        return self._body(markdown=False)

    def _body(self, *, markdown: bool) -> str:
        table = markdown_table if markdown else text_table
        lines = [
            f"Modèle : {self.model} ; {plural(self.rows, 'élève')} au {day(self.as_of, with_year=True)}",
            *(
                f"Non regardés : {cause}, {HIDDEN if count is None else plural(count, 'élève')}"
                for cause, count in self.left_out.items()
            ),
            f"Verdict : {WORDS[self.verdict]} ({self.verdict})",
        ]
        signs = [sign for sign in self.overall.signs if sign.check != "feature" or sign.verdict != "ok"]
        rows = [[sign.subject, WORDS[sign.verdict], sign.sentence] for sign in signs]
        parts = ["\n".join(lines), table(["Ensemble", "verdict", ""], rows)] if rows else ["\n".join(lines)]
        schools = [
            [
                unit.unit,
                HIDDEN if unit.pupils is None else number(unit.pupils, 0),
                WORDS[unit.verdict],
                " ; ".join(sign.sentence for sign in unit.signs[:3]),
            ]
            for unit in self.schools
            if unit.verdict != "ok"
        ]
        calm = sum(unit.verdict == "ok" for unit in self.schools)
        parts += [table(["Établissement", "élèves", "verdict", ""], schools)] if schools else []
        parts += [f"Établissements sans rien à signaler : {number(calm, 0)}"]
        return "\n\n".join(parts)


def worst(verdicts: Iterable[DriftVerdict]) -> DriftVerdict:
    """Give the gravest verdict.

    Examples
    --------
    >>> worst(["ok", "watch", "too_small"])
    'watch'
    """
    return max(verdicts, key=_ORDER.index, default="not_measured")


def psi(expected: Floats, counts: npt.NDArray[Any]) -> float:
    """Compute the population stability index: the symmetric Kullback-Leibler divergence of two histograms.

    Parameters
    ----------
    expected : array of shares, shape (bins,)
    counts : array of rows, shape (bins,)
        An empty bin counts as half a row.

    Examples
    --------
    >>> round(psi(np.array([0.5, 0.5]), np.array([80, 20])), 4)
    0.4159
    """
    rows = float(np.sum(counts))
    one = np.maximum(np.asarray(counts, dtype=np.float64), 0.5) / rows
    other = np.maximum(expected, 0.5 / rows)
    one, other = one / one.sum(), other / other.sum()
    return float(((one - other) * np.log(one / other)).sum())


def psi_verdict(
    found: float, bins: int, rows: float, reference_rows: float, tests: int
) -> tuple[float, DriftVerdict]:
    """Judge a PSI: above the convention *after* what chance alone gives is taken off, and beyond chance.

    Without any change the PSI of n rows against m is about ``(1/n + 1/m)`` times a chi-squared with ``bins - 1`` degrees
    of freedom (Yurdakul, Statistical Properties of Population Stability Index, 2018): its mean is taken off, and its upper
    tail at :data:`ALPHA` over the number of tests, :data:`DESIGN` times wider for pupils who are alike, must be passed.

    Returns
    -------
    above : float
        PSI less what chance gives on average, at least 0.
    verdict : {"ok", "watch", "stop"}

    Examples
    --------
    >>> psi_verdict(0.3, 10, 5000, 50000, tests=40)[1], psi_verdict(0.3, 10, 60, 50000, tests=40)[1]
    ('stop', 'ok')
    """
    noise = 1.0 / rows + 1.0 / reference_rows
    above = max(0.0, found - noise * (bins - 1))
    beyond = found > DESIGN * noise * _upper_tail(max(tests, 1), max(bins - 1, 1))
    verdict: DriftVerdict = "ok"
    if beyond and above >= WATCH_PSI:
        verdict = "stop" if above >= STOP_PSI else "watch"
    return above, verdict


@cache
def _upper_tail(tests: int, freedom: int) -> float:
    from scipy.stats import chi2  # noqa: PLC0415  # heavy: loaded on first use

    return float(chi2.isf(ALPHA / tests, freedom))
