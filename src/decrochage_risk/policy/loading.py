"""The policy as a whole: its tables of thresholds and of measures, read, checked with every fault at once, versioned, cached.

A measure is suggested, never decided. Its rule holds levels, ages, days of the year and a tier; a condition on a fact that is
not known never holds, while an age that is not known is left to be checked by people. A fault of a table is worded with its
place, what came and what was expected; all of them come in one error.
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

from decrochage_risk.errors import PolicyError, explain_error, refuse_other_kinds
from decrochage_risk.features import FEATURE_BY_NAME, MONTH_FACT
from decrochage_risk.policy.vigilance import (
    Assessment,
    VigilanceTable,
    coverage_faults,
    path_faults,
    with_own,
)
from decrochage_risk.records.levels import LEVEL_NAMES, usual_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = [
    "FactCondition",
    "Measure",
    "MeasureRule",
    "OpeningFact",
    "Policy",
    "Window",
    "entries_of",
    "faulty",
    "load_policy",
    "repeated_codes",
    "worded",
]

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
        # Across the new year, two pieces; as texts, MM-DD order like days.
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
        return in_force and (self.levels == "all" or level in self.levels or usual_name(level) in self.levels)

    def _age_fits(self, age: float) -> bool:
        old_enough = self.min_age is None or age >= self.min_age
        # Until the next birthday: at most 17 means 17 and some months too.
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
            # Negated: NaN is never at least, and what is not known opens nothing.
            if not value >= condition.at_least:
                return None
            text = told(condition.feature) if told is not None else ""
            opening.append(
                OpeningFact(feature=condition.feature, value=value, at_least=condition.at_least, text=text)
            )
        return tuple(opening)


_LONGEST = 60
"""Characters of a value that are shown."""


def worded(name: str, raw: Mapping[str, Any], fault: Mapping[str, Any]) -> str:
    """Say where a fault is, what came and what was expected, with the entry's own code where it has one.

    Parameters
    ----------
    name : str
        Name of the table.
    raw : mapping
        The table as it was read.
    fault : mapping
        One of pydantic's errors.

    Examples
    --------
    >>> raw = {"groups": [{"code": "pro", "targeted": 27}]}
    >>> fault = {"loc": ("groups", 0, "targeted"), "input": 27, "msg": "Input should be less than 1"}
    >>> worded("vigilance.toml", raw, fault)
    'vigilance.toml, groups[0] (pro).targeted: 27 came; Input should be less than 1'
    """
    place = ""
    entry: Any = raw
    for step in fault["loc"]:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
        entry = entry[step] if _holds(entry, step) else None
        if isinstance(step, int) and isinstance(entry, Mapping) and "code" in entry:
            place += f" ({entry['code']})"
    came = "" if isinstance(fault["input"], Mapping) else f"{_short(fault['input'])} came; "
    return f"{name}, {place or 'table'}: {came}{fault['msg'].removeprefix('Value error, ')}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _holds(entry: object, step: int | str) -> bool:
    if isinstance(step, int):
        return isinstance(entry, list) and step < len(entry)
    return isinstance(entry, Mapping) and step in entry


def entries_of(raw: Mapping[str, Any] | None, key: str) -> list[dict[str, Any]]:
    """Give the entries of a table that are tables themselves, none when there is no such list."""
    entries = (raw or {}).get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def repeated_codes(name: str, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the codes that several entries of a table have.

    Examples
    --------
    >>> repeated_codes("measures.toml", [{"code": "tdo"}, {"code": "tdo"}, {"code": "pafi"}])
    ["measures.toml: code 'tdo' is used 2 times"]
    """
    counts = Counter(str(entry["code"]) for entry in entries if "code" in entry)
    return [f"{name}: code {code!r} is used {n} times" for code, n in counts.items() if n > 1]


def faulty(faults: Sequence[str]) -> PolicyError:
    """Put every fault of both tables into one error."""
    lines = "\n".join(f"  - {fault}" for fault in faults)
    return PolicyError(
        explain_error(
            f"The policy holds {len(faults)} fault(s):\n{lines}",
            expected="every level in exactly one group, 0 < base_rate < targeted < secured < 1, "
            "and measures with a code, label, text, valid_from and source",
            hint=f"Correct each line; the levels are {', '.join(LEVEL_NAMES)}.",
        )
    )


_VIGILANCE = "vigilance.toml"
_MEASURES = "measures.toml"
_LAST_TIER = 3
_ONLY_MEASURES = re.compile(rb"^\s*\[\[\s*measures\s*\]\]", re.MULTILINE)
_GROUPS = re.compile(rb"^\s*\[\[\s*groups\s*\]\]", re.MULTILINE)
_Table = TypeVar("_Table", bound=BaseModel)


class _MeasureTable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    measures: tuple[MeasureRule, ...]


class Policy(BaseModel):
    """Thresholds, tiers and measures that are applied to calibrated risks.

    Attributes
    ----------
    version : str
        First day in force and the start of the tables' sha256: ``2024-09-01+1a2b3c4d5e6f``.
    table : VigilanceTable
        Level groups, thresholds and tiers.
    measures : tuple of MeasureRule
        What may be suggested, in the order of the table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[str, Field(min_length=1)]
    table: VigilanceTable
    measures: tuple[MeasureRule, ...]

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        return [
            ("version", self.version),
            ("groups", len(self.table.groups)),
            ("measures", len(self.measures)),
        ]

    @model_validator(mode="after")
    def _every_level_once(self) -> Self:
        """Hold a policy that was built by hand to what `load_policy` asks of the tables."""
        faults = coverage_faults([group.model_dump() for group in self.table.groups])
        faults += path_faults([group.model_dump() for group in self.table.path])
        # Codes are unique over both tables, as counts and texts name a group by its code alone.
        every_group = [group.model_dump() for group in (*self.table.groups, *self.table.path)]
        faults += repeated_codes("groups", every_group)
        faults += repeated_codes("measures", [rule.model_dump() for rule in self.measures])
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def valid_from(self) -> date:
        """First day on which the vigilance table is in force."""
        return self.table.valid_from

    @property
    def valid_to(self) -> date | None:
        """Last day in force; None = until further notice."""
        return self.table.valid_to

    def in_force(self, day: date) -> bool:
        """Whether the vigilance table is in force on a day.

        Examples
        --------
        >>> from datetime import date
        >>> load_policy().in_force(date(2025, 3, 3))
        True
        """
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def of_horizon(self, horizon_years: int) -> Policy:
        """Give the policy whose thresholds are those of a horizon: this one for the year, its path table for three years.

        Parameters
        ----------
        horizon_years : int
            1 or 3.

        Examples
        --------
        >>> policy = load_policy()
        >>> policy.of_horizon(1) is policy, policy.of_horizon(3).table.group_of("4e").code
        (True, 'parcours_4e')
        """
        return self if horizon_years == 1 else self._of_path

    @cached_property
    def _of_path(self) -> Policy:
        return type(self)(version=self.version, table=self.table.of_path(), measures=self.measures)

    def vigilance(self, level: str) -> str:
        """French label of the vigilance for a level.

        Raises
        ------
        PolicyError
            The level is not known.

        Examples
        --------
        >>> load_policy().vigilance("4e")
        'vigilance renforcée'
        """
        return self.table.group_of(level).vigilance

    def tier_label(self, tier: int) -> str | None:
        """French name of a tier; None for tier 0 (no score).

        Examples
        --------
        >>> load_policy().tier_label(2)
        'prévention ciblée'
        """
        _check_tier(tier)
        return self.table.tiers[tier - 1] if tier else None

    def assess(self, levels: npt.ArrayLike, risk: npt.ArrayLike) -> Assessment:
        """Put each pupil in its tier by the absolute thresholds of its level group.

        Parameters
        ----------
        levels : array of str, shape (n,)
            Level names; None or "" is allowed where the risk is NaN.
        risk : float array, shape (n,)
            Calibrated risk, 0 to 1; NaN = no score.

        Returns
        -------
        Assessment
            One value per pupil, in the order of the input.

        Raises
        ------
        PolicyError
            Shapes that differ, a risk outside 0-1, an unknown level.

        Examples
        --------
        >>> found = load_policy().assess(["4e", "2de_pro", "5e"], [0.12, 0.12, float("nan")])
        >>> found.tier.tolist(), found.flagged.tolist()
        ([2, 1, 0], [True, False, False])
        """
        return self.table.assess(levels, risk)

    def assess_codes(self, levels: npt.NDArray[np.integer], risk: npt.NDArray[np.float64]) -> Assessment:
        """Do as :meth:`assess`, for levels given as positions in ``LEVELS``, -1 for none."""
        return self.table.assess_codes(levels, risk)

    def measures_for(
        self,
        *,
        level: str | None,
        age_years: float | None,
        as_of: date,
        tier: int,
        facts: Mapping[str, float],
        told: Callable[[str], str] | None = None,
        departed: bool = False,
    ) -> tuple[Measure, ...]:
        """List the measures that may be suggested to one pupil; never decided.

        Parameters
        ----------
        level : str or None
            Current level; None (not enrolled that day) has no measure.
        age_years : float or None
            Age on ``as_of``; None or NaN keeps age-bound measures, marked "à vérifier".
        as_of : date
            Day of the score.
        tier : int
            0 (no score) to 3.
        facts : mapping of str to float
            Values by name of the features, and of `MONTH_FACT`; missing or NaN = not known, and opens nothing.
        told : callable, optional
            Words a fact, by its name, in French and dated; shown with the measure that it opens.
        departed : bool
            Whether the pupil has left: only the measures of a departure, whatever the tier and the facts.

        Returns
        -------
        tuple of Measure
            In the order of the table.

        Raises
        ------
        PolicyError
            An unknown level or tier.

        Examples
        --------
        >>> from datetime import date
        >>> day = date(2025, 3, 3)
        >>> found = load_policy().measures_for(level="3e", age_years=15, as_of=day, tier=2, facts={})
        >>> [measure.code for measure in found]
        ['perseverance', 'gpds', 'actions_etablissement', 'dispositif_relais', 'pafi', 'mlds']
        """
        _check_tier(tier)
        if level is None:
            return ()
        self.table.group_of(level)
        suggestions = (
            rule.suggested(
                level=level,
                age_years=age_years,
                as_of=as_of,
                tier=tier,
                facts=facts,
                told=told,
                departed=departed,
            )
            for rule in self.measures
        )
        return tuple(measure for measure in suggestions if measure is not None)


def load_policy(path: str | Path | None = None) -> Policy:
    """Read a policy: the bundled one, or the caller's.

    Parameters
    ----------
    path : str or Path, optional
        A file with one of the two tables, or a folder with ``vigilance.toml``, ``measures.toml`` or both; a table that
        is not there is the bundled one. None = the bundled policy, cached.

    Returns
    -------
    Policy
        Checked: every level in exactly one group, thresholds in order, measures dated and sourced.

    Raises
    ------
    PolicyError
        With every fault of both tables; something that is no path, or a path without a table.

    Examples
    --------
    >>> load_policy().table.tiers
    ('persévérance scolaire', 'prévention ciblée', 'sécurisation du parcours')
    """
    if path is None:
        return _bundled()
    refuse_other_kinds(
        {"path": (path, str | Path)},
        hint="The path of a table, or of a folder with tables; leave it out for the bundled policy. score_pupils takes "
        "what load_policy gives.",
        error=PolicyError,
    )
    return _build(*_caller_tables(Path(path)))


@cache
def _bundled() -> Policy:
    return _build({name: _bundled_bytes(name) for name in (_VIGILANCE, _MEASURES)})


def _bundled_bytes(name: str) -> bytes:
    return files("decrochage_risk.policy").joinpath(name).read_bytes()


def _caller_tables(path: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Bytes of both tables, the caller's where they exist, else the bundled ones; and what the caller's file is called."""
    names, called = (_VIGILANCE, _MEASURES), {}
    try:
        tables = {name: (path / name).read_bytes() for name in names if (path / name).is_file()}
        if path.is_file():
            content = path.read_bytes()
            tables = {_table_of(content): content}
            called = dict.fromkeys(tables, path.name)
    except OSError as error:
        raise _no_table(f"The policy at {str(path)!r} cannot be read ({error.strerror or error})") from error
    if not tables:
        raise _no_table(f"No policy table at {str(path)!r}")
    return {name: tables[name] if name in tables else _bundled_bytes(name) for name in names}, called


def _table_of(content: bytes) -> str:
    """Which of the two tables a file given by itself holds, whatever its name."""
    only_measures = _ONLY_MEASURES.search(content) and not _GROUPS.search(content)
    return _MEASURES if only_measures else _VIGILANCE


def _no_table(came: str) -> PolicyError:
    return PolicyError(
        explain_error(
            came,
            expected=f"a file with one of the two tables, or a folder with {_VIGILANCE}, {_MEASURES} or both",
            hint="Copy the bundled tables of decrochage_risk/policy and edit the copies.",
        )
    )


def _build(tables: Mapping[str, bytes], called: Mapping[str, str] | None = None) -> Policy:
    """Parse, check and version both tables; one error with every fault, under the name that a file was given."""
    faults: list[str] = []
    vigilance_name, measures_name = ((called or {}).get(name, name) for name in (_VIGILANCE, _MEASURES))
    names = {_VIGILANCE: vigilance_name, _MEASURES: measures_name}
    raw = {name: _parse(names[name], content, faults) for name, content in tables.items()}
    thresholds = raw[_VIGILANCE]
    if thresholds is not None:
        thresholds |= {
            key: with_own(entries_of(thresholds, key)) for key in ("groups", "path") if key in thresholds
        }
    vigilance = _validate(VigilanceTable, vigilance_name, raw[_VIGILANCE], faults)
    measures = _validate(_MeasureTable, measures_name, raw[_MEASURES], faults)
    if raw[_VIGILANCE] is not None:
        faults += [
            f"{vigilance_name}: {fault}" for fault in coverage_faults(entries_of(raw[_VIGILANCE], "groups"))
        ]
        of_path = entries_of(raw[_VIGILANCE], "path")
        faults += [f"{vigilance_name}: {fault}" for fault in path_faults(of_path)]
        faults += repeated_codes(vigilance_name, [*entries_of(raw[_VIGILANCE], "groups"), *of_path])
    if raw[_MEASURES] is not None:
        faults += repeated_codes(measures_name, entries_of(raw[_MEASURES], "measures"))
    if faults or vigilance is None or measures is None:
        raise faulty(faults)
    return Policy(version=_version(vigilance, tables), table=vigilance, measures=measures.measures)


def _parse(name: str, content: bytes, faults: list[str]) -> dict[str, Any] | None:
    try:
        # Editors of Windows put a mark at the beginning, which tomllib refuses.
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        faults.append(f"{name}: not UTF-8 at byte {error.start}")
    except tomllib.TOMLDecodeError as error:
        faults.append(f"{name}: not TOML: {error}")
    return None


def _validate(model: type[_Table], name: str, raw: dict[str, Any] | None, faults: list[str]) -> _Table | None:
    if raw is None:
        return None
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        faults += [worded(name, raw, dict(fault)) for fault in error.errors(include_url=False)]
    return None


def _version(vigilance: VigilanceTable, tables: Mapping[str, bytes]) -> str:
    """First day in force and a short sha256 of both tables, the same whatever the line ends of the checkout."""
    # git may give the checkout other line ends: the version must not tell two machines apart by them.
    content = b"\0".join(tables[name].replace(b"\r\n", b"\n") for name in sorted(tables))
    return f"{vigilance.valid_from:%Y-%m-%d}+{hashlib.sha256(content).hexdigest()[:12]}"


def _check_tier(tier: int) -> None:
    if tier not in range(_LAST_TIER + 1):
        raise PolicyError(
            explain_error(
                f"Tier {tier!r}",
                expected="0 (no score), 1, 2 or 3",
                hint="Take it from policy.assess(...).tier.",
            )
        )
