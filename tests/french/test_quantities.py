"""Numbers, percentages, plurals and units in French."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decrochage_risk import french
from decrochage_risk.french import MINUS, NARROW_NO_BREAK_SPACE, NO_BREAK_SPACE, UNITS

LAWS = settings(max_examples=80)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
READABLE = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6).map(float)


def value_of(text: str) -> Decimal:
    """Read a French number back."""
    return Decimal(text.replace(NARROW_NO_BREAK_SPACE, "").replace(MINUS, "-").replace(",", "."))


def half_up(x: float, decimals: int) -> Decimal:
    with localcontext(prec=700):
        return Decimal(repr(x)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


@LAWS
@given(FINITE)
@example(1e300)
@example(-0.0)
@example(0.125)
def test_a_number_reads_back(x: float) -> None:
    """A number read back is the value rounded half up to two decimals, without useless zeros nor "-0"."""
    text = french.number(x)
    assert value_of(text) == half_up(x, 2)
    assert "." not in text
    assert not (("," in text) and text.endswith("0"))
    assert text not in {f"{MINUS}0", "-0"}


@LAWS
@given(READABLE, st.integers(0, 4))
def test_fixed_decimals_are_kept(x: float, decimals: int) -> None:
    """A number with fixed decimals has exactly these, and reads back as the rounded value."""
    text = french.number(x, decimals)
    assert value_of(text) == half_up(x, decimals)
    assert len(text.partition(",")[2]) == decimals
    assert not (value_of(text) == 0 and text.startswith(MINUS))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1234567.891, f"1{NARROW_NO_BREAK_SPACE}234{NARROW_NO_BREAK_SPACE}567,89"),
        (-2, f"{MINUS}2"),
        (100, "100"),
        (0.005, "0,01"),
        (np.float64(8.5), "8,5"),
        (np.float32(0.1), "0,1"),
        (np.int8(6), "6"),
    ],
)
def test_numbers_as_written_in_france(x: float, text: str) -> None:
    """Thousands, comma and minus sign are those of French typography, for numpy scalars too."""
    assert french.number(x) == text


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, np.float64("nan")])
@pytest.mark.parametrize(
    "write",
    [
        french.number,
        french.signed,
        french.percent,
        lambda x: french.plural(x, "jour"),
        lambda x: french.quantity(x, "share"),
        lambda x: french.quantity(x, "0/1"),
        lambda x: french.quantity(x, "points"),
    ],
)
def test_what_is_not_finite_is_refused(write, x: float) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 (several signatures)
    """No sentence holds a value that is not finite: the message says to call it missing."""
    with pytest.raises(ValueError, match="cannot be written in French") as refused:
        write(x)
    assert "Expected: a finite number" in str(refused.value)
    assert "Hint: Say that the value is missing" in str(refused.value)


@LAWS
@given(READABLE)
def test_a_sign_for_all_but_zero(x: float) -> None:
    """A signed number starts with its sign unless it is written 0, and reads back the same."""
    text = french.signed(x)
    written = half_up(x, 2)
    assert text == french.number(x) if written <= 0 else f"+{french.number(x)}"
    assert text.startswith("+") == (written > 0)


@LAWS
@given(st.integers(0, 1000))
def test_percent_of_thousandths(thousandths: int) -> None:
    """A share in thousandths is written exactly with one decimal, and rounded half up to whole percents."""
    share = thousandths / 1000
    assert french.percent(share, 1) == f"{thousandths // 10},{thousandths % 10}{NO_BREAK_SPACE}%"
    assert french.percent(share) == f"{(thousandths + 5) // 10}{NO_BREAK_SPACE}%"
    assert french.quantity(share, "share") == french.percent(share, 1).replace(",0", "")


def test_interval_of_percents() -> None:
    """An interval shows its two rounded bounds, one only when they are the same, and refuses swapped bounds."""
    assert french.interval_percent(0.21, 0.35) == f"21-35{NO_BREAK_SPACE}%"
    assert french.interval_percent(0.211, 0.214) == f"21{NO_BREAK_SPACE}%"
    assert french.interval_percent(0.0005, 0.0017, 1) == f"0,1-0,2{NO_BREAK_SPACE}%"
    with pytest.raises(ValueError, match=r"The interval \[0.35, 0.21\].*") as refused:
        french.interval_percent(0.35, 0.21)
    assert "Hint: Swap the bounds" in str(refused.value)


@LAWS
@given(st.floats(-20, 20) | st.integers(-20, 20))
@example(1.999)
@example(1.99)
@example(-1)
def test_singular_under_two(n: float) -> None:
    """The noun is singular exactly when the number, as written, is under 2 in absolute value."""
    text = french.plural(n, "demi-journée non justifiée", "demi-journées non justifiées")
    written, _, noun = text.partition(" ")
    assert written == french.number(n)
    assert (noun == "demi-journée non justifiée") == (abs(value_of(written)) < 2)


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("jour", "jours"),
        ("mois", "mois"),
        ("choix", "choix"),
        ("total", "totaux"),
        ("niveau", "niveaux"),
        ("vœu", "vœux"),
    ],
)
def test_plural_of_one_word(singular: str, plural: str) -> None:
    """The plural of one word follows the rules of French."""
    assert french.plural(2, singular) == f"2 {plural}"


def test_plural_of_a_phrase_is_given() -> None:
    """A phrase of several words without its plural is refused; the given plural wins over the rule."""
    with pytest.raises(ValueError, match="The phrase 'élève comparable'") as refused:
        french.plural(2, "élève comparable")
    assert "Hint: Call plural(n, 'élève comparable', '...')" in str(refused.value)
    assert french.plural(2, "bal", "bals") == "2 bals"


def test_ordinals() -> None:
    """First has a gender, the others do not; what is not a rank is refused."""
    assert [french.ordinal(n) for n in (1, 2, 3, 21)] == ["1er", "2e", "3e", "21e"]
    assert [french.ordinal(n, feminine=True) for n in (1, 2)] == ["1re", "2e"]
    for n in (0, -1, 1.5):
        with pytest.raises(ValueError, match="Expected: a whole number from 1"):
            french.ordinal(n)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (6, "half-days", "6 demi-journées"),
        (0.5, "half-days", "0,5 demi-journée"),
        (2, "events", "2 événements"),
        (1, "months", "1 mois"),
        (3, "months", "3 mois"),
        (3, "weeks", "3 semaines"),
        (1, "days", "1 jour"),
        (2, "years", "2 ans"),
        (2, "changes", "2 changements"),
        (0.124, "share", f"12,4{NO_BREAK_SPACE}%"),
        (8.5, "/20", "8,5/20"),
        (1.5, "points", "+1,5 point"),
        (-2, "points", f"{MINUS}2 points"),
        (0.001, "points", "0 point"),
        (2, "rank", "rang 2"),
        (1.5, "rank", "rang 1,5"),
        (0, "0/1", "non"),
        (1, "0/1", "oui"),
        (0.5, "0/1", f"50{NO_BREAK_SPACE}%"),
    ],
)
def test_quantities(value: float, unit: str, text: str) -> None:
    """A value with its unit is written as a French reader expects it."""
    assert french.quantity(value, unit) == text


@LAWS
@given(READABLE, st.sampled_from(sorted(UNITS)))
def test_every_unit_writes_the_value(value: float, unit: str) -> None:
    """Whatever the unit, the number in the text is the value (of a 0/1 value, its word)."""
    text = french.quantity(value, unit)
    if text in {"oui", "non"}:
        assert (unit, value) in {("0/1", 1), ("0/1", 0)}
        return
    digits = "".join(mark for mark in text.removesuffix("/20") if mark.isdigit() or mark in f",{MINUS}")
    as_percent = text.endswith("%")
    assert value_of(digits) == (
        (Decimal(repr(value)) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
        if as_percent
        else half_up(value, 2)
    )


def test_units_are_those_of_the_features() -> None:
    """Every unit code of the features has its words, and an unknown code is refused with the known ones."""
    codes = (
        "half-days events months weeks days years changes subjects wishes per_week points share /20 rank 0/1"
    )
    assert set(UNITS) == set(codes.split())
    with pytest.raises(ValueError, match="The unit 'hours'") as refused:
        french.quantity(3, "hours")
    assert "Expected: one of half-days, events" in str(refused.value)
    assert "Hint: Add the unit" in str(refused.value)


@pytest.mark.parametrize(
    ("x", "decimals", "text"),
    [(6.1499999999999995, 1, "6,2"), (9.549999999999999, 1, "9,6"), (6.1499, 1, "6,1")],
)
def test_a_half_is_a_half_however_it_was_added_up(x: float, decimals: int, text: str) -> None:
    """The last bit of a sum, which depends on its order, never changes what is written."""
    assert french.number(x, decimals) == text
