from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.errors import ModelError
from decrochage_risk.risk.calibration import Calibration, probability


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("isotonic", 0.0, 1.0), "kind 'isotonic'"),
        (("platt", float("nan"), 1.0), "intercept nan"),
        (("platt", 0.0, 0.0), "slope 0.0"),
        (("platt", 0.0, -1.0), "slope -1.0"),
        (("platt", 0.0, float("inf")), "slope inf"),
    ],
)
def test_a_calibration_that_would_lose_the_order_is_refused(
    values: tuple[str, float, float], said: str
) -> None:
    """Only a positive finite slope keeps the order of risks."""
    with pytest.raises(ModelError) as error:
        Calibration(*values)  # type: ignore[arg-type]  # on purpose
    assert said in str(error.value)
    assert "Hint" in str(error.value)


@given(st.floats(-700, 700))
def test_probabilities_are_those_of_the_logistic_function(value: float) -> None:
    """Exact relative to the probability itself, however small, and never outside 0..1."""
    found = probability(np.array([value]))[0]
    assert 0 <= found <= 1
    expected = np.exp(value) / (1 + np.exp(value)) if value < 0 else 1 / (1 + np.exp(-value))
    assert found == pytest.approx(expected, rel=1e-12)
