"""The scored pupils of the small cohort with what explains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.explain import Attribution


@dataclass(frozen=True)
class Explained:
    """The scored pupils: their rows of ``scores.frame``, what was known of them, and their attribution."""

    frame: pd.DataFrame
    known: npt.NDArray[np.float64]
    attribution: Attribution
