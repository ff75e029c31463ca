"""A synthetic cohort of pupils whose true probability of leaving is known.

``make_cohort`` draws pupils over several school years, with every table of the records, their outcomes, and the true
probability at any as-of date. No real pupil, school or class is in it.
"""

from __future__ import annotations

from decrochage_risk.synthetic.cohort import Cohort, make_cohort, write_cohort
from decrochage_risk.synthetic.regimes import REGIMES

__all__ = ["REGIMES", "Cohort", "make_cohort", "write_cohort"]
