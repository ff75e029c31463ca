"""Measures that may be suggested to a pupil: who, when, on which facts. Suggested, never decided.

A rule holds its levels, ages, days of the year and tier; a condition on a fact that is not known never holds, while an age that is not
known is left to be checked by people.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from decrochage_risk.features import FEATURE_BY_NAME, MONTH_FACT
from decrochage_risk.records.levels import LEVEL_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FactCondition", "Measure", "MeasureRule", "OpeningFact", "Window"]

Text = Annotated[str, Field(min_length=1)]
_LEAP_YEAR = 2024


def _day_of_a_year(text: str) -> str:
    """Refuse a month and day that no year has, 31 February: a window would begin or end on another day than was meant."""
    month, day = map(int, text.split("-"))
    try:
        date(_LEAP_YEAR, month, day)
    except ValueError as error:
        msg = "no year has such a day"
        raise ValueError(msg) from error
    return text


MonthDay = Annotated[str, Field(pattern=r"^\d\d-\d\d$"), AfterValidator(_day_of_a_year)]
Age = Annotated[int, Field(ge=3, le=30)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(_Frozen):
    """Days of the year, both included, written month-day; it may cross the new year.

    Examples
    --------
    >>> Window(start="09-01", end="11-07").holds(date(2025, 11, 7))
    True
    >>> Window(start="11-01", end="02-28").holds(date(2025, 10, 31))
    False
    """

    start: MonthDay
    end: MonthDay

    def holds(self, day: date) -> bool:
        """Whether the day is in the window."""
        now = f"{day:%m-%d}"
        if self.start <= self.end:
            return self.start <= now <= self.end
        return now >= self.start or now <= self.end


class FactCondition(_Frozen):
    """A fact that must be known and at least this value: a feature of the catalogue, or `MONTH_FACT`."""

    feature: Text
    at_least: Annotated[float, Field(allow_inf_nan=False)]


class OpeningFact(_Frozen):
    """A fact that opened a measure: the pupil's value, the value asked for, and the fact in French, dated."""

    feature: str
    value: float
    at_least: float
    text: str = ""


class Measure(_Frozen):
    """A measure suggested to one pupil.

    Attributes
    ----------
    code, label, text, source : str
        Stable name; French name, sentence and text it rests on.
    after_leaving : bool
        Information for the case of an exit, not a measure for an enrolled pupil.
    to_check : tuple of str
        What the table asks for and the records do not say, in French (``à vérifier : …``).
    facts : tuple of OpeningFact
        The facts that opened it; empty when it rests on the tier alone.
    """

    code: str
    label: str
    text: str
    source: str
    after_leaving: bool
    to_check: tuple[str, ...]
    facts: tuple[OpeningFact, ...]


class MeasureRule(_Frozen):
    """One entry of ``measures.toml``: a measure and the conditions under which it is suggested.

    Attributes
    ----------
    code, label, text, source : str
        Stable name; French name, sentence and text it rests on.
    valid_from, valid_to : date
        First and last day in force; no ``valid_to`` = until further notice.
    min_tier : int
        Least tier; 0 = even without a score (a measure that rests on a fact).
    min_age, max_age : int, optional
        Completed years, both included.
    levels : tuple of str or ``"all"``
        Levels concerned.
    window : Window, optional
        Days of the year.
    facts : tuple of FactCondition
        Every one must be known and hold.
    after_leaving : bool
        Information for the case of an exit.
    departure : bool
        Suggested too to a pupil who has left: dates, levels and ages hold, neither tier, window nor facts.
    nor : str
        NOR number of the text, where it has one.
    reading : {"text", "secondary", "title", "letter", "memory"}
        What was read of the text: itself in a copy, a page that reports it, its reference alone, the rector's letter, or
        nothing.
    """

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: Text
    text: Text
    source: Text
    valid_from: date
    valid_to: date | None = None
    min_tier: Annotated[int, Field(ge=0, le=3)] = 2
    min_age: Age | None = None
    max_age: Age | None = None
    levels: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    window: Window | None = None
    facts: tuple[FactCondition, ...] = ()
    after_leaving: StrictBool = False
    departure: StrictBool = False
    nor: Annotated[str, Field(pattern=r"^([A-Z]{4}[0-9]{7}[A-Z])?$")] = ""
    reading: Literal["text", "secondary", "title", "letter", "memory"] = "memory"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = []
        if self.valid_to is not None and self.valid_to < self.valid_from:
            faults.append(f"expected valid_from <= valid_to, came {self.valid_from} / {self.valid_to}")
        if self.min_age is not None and self.max_age is not None and self.max_age < self.min_age:
            faults.append(f"expected min_age <= max_age, came {self.min_age} / {self.max_age}")
        if self.min_tier == 0 and not self.facts:
            faults.append("expected facts with min_tier 0: without a score only a fact can open a measure")
        unknown = [fact.feature for fact in self.facts if fact.feature not in {*FEATURE_BY_NAME, MONTH_FACT}]
        faults += [f"feature {name!r} is not in the catalogue" for name in unknown]
        if self.levels != "all":
            faults += [f"level {name!r} is not known" for name in self.levels if name not in LEVEL_NAMES]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def suggested(
        self,
        *,
        level: str,
        age_years: float | None,
        as_of: date,
        tier: int,
        facts: Mapping[str, float],
        told: Callable[[str], str] | None = None,
        departed: bool = False,
    ) -> Measure | None:
        """Return the measure if its conditions hold for this pupil, else None; ``told`` words a fact by its name.

        For a pupil who has left (``departed``), only the rules with ``departure`` are read.

        An age that is not known keeps the measure, with a line in ``to_check``; a fact that is not known does not
        open it, since the measure rests on that fact.
        """
        opening = () if departed else self._opening_facts(facts, told)
        fits = self.departure if departed else tier >= self.min_tier and self._in_window(as_of)
        if opening is None or not fits or not self._applies(level, as_of):
            return None
        age = None if age_years is None or math.isnan(age_years) else age_years
        if age is not None and not self._age_fits(age):
            return None
        to_check = (
            (f"à vérifier : âge non connu ({self._age_words()})",) if age is None and self._age_bound else ()
        )
        return Measure(
            code=self.code,
            label=self.label,
            text=self.text,
            source=self.source,
            after_leaving=self.after_leaving,
            to_check=to_check,
            facts=opening,
        )

    @property
    def _age_bound(self) -> bool:
        return self.min_age is not None or self.max_age is not None

    def _in_window(self, day: date) -> bool:
        return self.window is None or self.window.holds(day)

    def _applies(self, level: str, day: date) -> bool:
        in_force = self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
        return in_force and (self.levels == "all" or level in self.levels)

    def _age_fits(self, age: float) -> bool:
        old_enough = self.min_age is None or age >= self.min_age
        return old_enough and (self.max_age is None or age < self.max_age + 1)

    def _age_words(self) -> str:
        if self.max_age is None:
            return f"à partir de {self.min_age} ans"
        return (
            f"jusqu'à {self.max_age} ans"
            if self.min_age is None
            else f"de {self.min_age} à {self.max_age} ans"
        )

    def _opening_facts(
        self, facts: Mapping[str, float], told: Callable[[str], str] | None
    ) -> tuple[OpeningFact, ...] | None:
        """Return the facts that hold, or None as soon as one is unknown or too low (NaN is never at least)."""
        opening = []
        for condition in self.facts:
            value = float(facts.get(condition.feature, math.nan))
            if not value >= condition.at_least:
                return None
            text = told(condition.feature) if told is not None else ""
            opening.append(
                OpeningFact(feature=condition.feature, value=value, at_least=condition.at_least, text=text)
            )
        return tuple(opening)
