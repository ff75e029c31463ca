"""Reads a told fact back: which sentence of its feature it is, which amount it holds, which day it names.

Written from the words of the catalogue without calling what writes them, so that a number that is told can be held
against the value it stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from decrochage_risk.features import Feature

SEPARATOR = " ; élève type, médian du même niveau : "
OF_ALL_LEVELS = " ; élève type, médian de tous les niveaux : "


def parted(text: str) -> tuple[str, str]:
    """Part a reason into its fact and the amount of the reference pupil, whosever median that is."""
    fact, _, reference = text.replace(OF_ALL_LEVELS, SEPARATOR).partition(SEPARATOR)
    return fact, reference


MONTHS = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]
NUMBER = r"[+\u2212]?\d{1,3}(?:\u202f?\d{3})*(?:,\d+)?"
DAY = rf"(?:1er|[2-9]|[12]\d|3[01]) (?:{'|'.join(MONTHS)})(?: \d{{4}})?"
_MONTH = f"(?:{'|'.join(MONTHS)})"
_PREFIX = {"rank": "rang "}
PERCENT_UNITS = {"share", "share_points"}
MEASURED_UNITS = {*PERCENT_UNITS, "/20", "points", "per_week"}


Day = tuple[int | None, int, int]
ZONE_B = SchoolCalendar.for_zone("B")


def school_day_from(day: date, last: date) -> date:
    """First day with school from ``day`` on; ``day`` itself where there is none up to ``last`` or nobody knows."""
    if day - timedelta(days=5) < ZONE_B.first_day:
        return day
    days = (day + timedelta(days=step) for step in range((last - day).days + 1))
    return next((one for one in days if ZONE_B.half_days(one)), day)


@dataclass(frozen=True)
class Fact:
    """What a text says.

    Attributes
    ----------
    value : Decimal or None
        The amount, in the feature's unit, signed; None for an answer (yes or no).
    decimals : int
        Decimals it was written with.
    noun : str or None
        The noun that was chosen.
    since, as_of, until, lately : (year or None, month, day) or None
        Days that were named; the year only when it was written.
    earlier : tuple of days
        First and last day of the days before ``lately``; one of them when they are one day, or none.
    count, whole : Decimal or None
        What a share was told as: "5 notes sur 8".
    subject : str or None
        School subjects that were named.
    answer : int or None
        0 or 1, for a sentence without an amount.
    second : str or None
        What stands in brackets behind the fact.
    """

    value: Decimal | None
    decimals: int
    noun: str | None
    since: Day | None
    as_of: Day | None
    until: Day | None
    lately: Day | None
    earlier: tuple[Day, ...]
    count: Decimal | None
    whole: Decimal | None
    subject: str | None
    answer: int | None
    second: str | None


def parsed(written: str) -> Decimal:
    """Read a French number.

    >>> parsed("\u22121\u202f234,50")
    Decimal('-1234.50')
    """
    plain = written.replace("\u202f", "").replace("\u2212", "-").replace(",", ".")
    return Decimal(plain)


def places_of(unit: str, *decimals: int) -> int:
    """Decimals that amounts stand for: a whole number is written without them (50 %), whatever its unit's are."""
    return max(*decimals, 1 if unit in MEASURED_UNITS else 0)


def decimals_in(written: str) -> int:
    """Count the decimals of a written number."""
    return len(written.partition(",")[2])


def rounded(value: float, decimals: int, unit: str) -> Decimal:
    """Round half away from zero, in percent for shares."""
    exact = Decimal(str(100.0 * value if unit in PERCENT_UNITS else value))
    return exact.quantize(Decimal((0, (1,), -decimals)), ROUND_HALF_UP)


def read_fact(feature: Feature, fact: str) -> Fact:
    """Read the first half of a text; exactly one sentence of the feature must fit it."""
    words = feature.wording
    fact, second = _without_brackets(fact) if words.companion is not None else (fact, None)
    templates = {1: words.sentence, 0: words.zero, -1: words.negative, 2: words.counted}
    fits = [
        (sign, match)
        for sign, template in templates.items()
        if template is not None and (match := re.fullmatch(_pattern(template, feature), fact))
    ]
    assert len(fits) == 1, f"{len(fits)} sentences of {feature.name} fit {fact!r}"
    sign, match = min(fits[0][0], 1), fits[0][1]
    found = match.groupdict()
    value, decimals = None, 0
    if "value" in found:
        value, decimals = sign * parsed(found["value"]), decimals_in(found["value"])
    elif feature.unit != "0/1":
        assert sign == 0, f"{fact!r} tells an amount without a number"
        value = Decimal(0)
    return Fact(
        value=value,
        decimals=decimals,
        noun=found.get("noun"),
        since=_day(found.get("since")),
        as_of=_day(found.get("as_of")),
        until=_day(found.get("until")),
        lately=_day(found.get("lately")),
        earlier=_days_of_period(found.get("earlier") or ""),
        count=parsed(found["count"]) if found.get("count") else None,
        whole=parsed(found["whole"]) if found.get("whole") else None,
        subject=found.get("subject"),
        answer=sign if feature.unit == "0/1" else None,
        second=second,
    )


def _without_brackets(fact: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"(.*) \((.*)\)", fact)
    return (match[1], match[2]) if match else (fact, None)


def read_second(written: str, unit: str) -> tuple[Decimal | None, int, tuple[Day, ...]]:
    """Read what stands in brackets: the amount (None for all of it), its decimals, and the days that it names."""
    days = tuple(_day(found) for found in re.findall(DAY, written))
    amount = re.match(rf"(?:dont )?({NUMBER}){re.escape(_suffix(unit))} ", written)
    if amount:
        return parsed(amount[1]), decimals_in(amount[1]), days
    word = written.split(maxsplit=1)[0]
    assert word in {"aucun", "aucune", "tous", "toutes"}, written
    return (None if word.startswith("t") else Decimal(0)), 0, days


def read_reference(feature: Feature, written: str) -> tuple[Decimal, int]:
    """Read the second half of a text: the amount of the reference pupil and its decimals."""
    if feature.unit == "0/1":
        return Decimal(feature.wording.answers.index(written)), 0
    match = re.fullmatch(
        f"{_PREFIX.get(feature.unit, '')}({NUMBER}){re.escape(_suffix(feature.unit))}", written
    )
    assert match, f"{written!r} is no amount in {feature.unit}"
    return parsed(match[1]), decimals_in(match[1])


def _pattern(template: str, feature: Feature) -> str:
    nouns = "|".join(re.escape(noun) for noun in feature.wording.noun)
    fields = {
        "value": f"{_PREFIX.get(feature.unit, '')}(?P<value>{NUMBER}){re.escape(_suffix(feature.unit))}",
        "noun": f"(?P<noun>{nouns})",
        "since": f"depuis (?:le|la rentrée du) (?P<since>{DAY})",
        "as_of": f"(?P<as_of>{DAY})",
        "until": f"jusqu'au (?P<until>{DAY})",
        "lately": f"depuis le (?P<lately>{DAY})",
        "earlier": f"(?P<earlier>(?:avant le|du(?: (?:1er|[2-9]|[12]\\d|3[01]) au|(?: {DAY}) au)?) {DAY})",
        "count": rf"(?P<count>{NUMBER})",
        "whole": rf"(?P<whole>{NUMBER})",
        "subject": f"(?:{re.escape(feature.wording.subject_form).replace(re.escape('{}'), '(?P<subject>[^)]+)')})?",
    }
    parts = re.split(r"\{(\w+)\}", template)
    return "".join(fields[part] if at % 2 else re.escape(part) for at, part in enumerate(parts))


def _suffix(unit: str) -> str:
    return {"share": "\u00a0%", "/20": "/20"}.get(unit, "")


def _days_of_period(written: str) -> tuple[Day, ...]:
    """Read "du 3 au 28 février" and "du 1er septembre au 4 février"; nothing where nothing came before."""
    if not written.startswith("du"):
        return ()
    *first, last = re.findall(rf"(?:1er|\b\d{{1,2}}\b)(?: {_MONTH})?(?: \d{{4}})?", written)
    end = _day(last)
    assert end is not None, written
    return (*((_day(one) if " " in one else (*end[:2], int(one.replace("1er", "1")))) for one in first), end)


def _day(written: str | None) -> Day | None:
    if written is None:
        return None
    number, month, *year = written.replace("1er", "1").split()
    return int(year[0]) if year else None, MONTHS.index(month) + 1, int(number)
