from __future__ import annotations

from dataclasses import fields

import pytest

from decrochage_risk.errors import ModelError
from decrochage_risk.model.fit_options import FitOptions


def test_every_option_out_of_its_bounds_is_named() -> None:
    """All of them in one message, with the bounds."""
    with pytest.raises(ModelError) as error:
        FitOptions(members=6, leaves=31, rows_per_leaf=0)
    text = str(error.value)
    assert all(
        said in text for said in ("members=6 (from 2 to 5)", "leaves=31 (from 2 to 15)", "rows_per_leaf=0")
    )
    assert "Hint" in text


def test_options_survive_a_round_trip() -> None:
    """What is written is what is read."""
    options = FitOptions(members=3, rows_per_leaf=7)
    assert FitOptions(**options.to_dict()) == options


def test_no_option_reweights_the_classes() -> None:
    """Class weights and oversampling would wreck the calibration: there is no way to ask for them."""
    names = " ".join(option.name for option in fields(FitOptions))
    assert not any(word in names for word in ("weight", "balance", "sample", "class"))
