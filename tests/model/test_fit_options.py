from __future__ import annotations

from dataclasses import fields

import pytest

from decrochage_risk.errors import ModelError
from decrochage_risk.risk.fit_input import FitOptions


def test_every_option_out_of_its_bounds_is_named() -> None:
    """All of them in one message, with the bounds."""
    with pytest.raises(ModelError) as error:
        FitOptions(members=6, leaves=31, rows_per_leaf=0)
    text = str(error.value)
    assert all(
        said in text for said in ("members=6 (from 2 to 5)", "leaves=31 (from 2 to 15)", "rows_per_leaf=0")
    )
    assert "Hint" in text


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("members", "5", "members='5' (a whole number from 2 to 5)"),
        ("members", None, "members=None (a whole number from 2 to 5)"),
        ("leaves", 7.5, "leaves=7.5 (a whole number from 2 to 15)"),
        ("min_rounds", True, "min_rounds=True (a whole number from 1 to 10000)"),
        ("max_rounds", 9, "max_rounds=9 (from 10 to 10000)"),
        ("min_rounds", 10**400, "min_rounds=1000"),
        ("penalty", 10**400, "penalty=1000"),
        ("linear_share", True, "linear_share=True (a number from 0 to 1)"),
        ("linear_share", "0.3", "linear_share='0.3' (a number from 0 to 1)"),
        ("linear_share", float("nan"), "linear_share=nan (from 0 to 1)"),
        ("drawn_thresholds", "yes", "drawn_thresholds='yes' (True, False or None)"),
    ],
)
def test_what_is_no_such_number_is_refused(option: str, value: object, told: str) -> None:
    """Text, halves of a whole number, True for 1: each is named with what was expected, not left to LightGBM."""
    with pytest.raises(ModelError) as error:
        FitOptions(**{option: value})  # type: ignore[arg-type]
    assert told in str(error.value)


def test_options_survive_a_round_trip() -> None:
    """What is written is what is read."""
    options = FitOptions(members=3, rows_per_leaf=7)
    assert FitOptions(**options.to_dict()) == options


def test_no_option_reweights_the_classes() -> None:
    """Class weights and oversampling would wreck the calibration: there is no way to ask for them."""
    names = " ".join(option.name for option in fields(FitOptions))
    assert not any(word in names for word in ("weight", "balance", "sample", "class"))
