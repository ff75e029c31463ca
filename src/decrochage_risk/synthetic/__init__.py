"""A synthetic cohort of pupils whose true probability of leaving is known.

``make_cohort`` draws pupils over several school years, with every table of the records, their outcomes, and the true
probability at any as-of date. No real pupil, school or class is in it.
"""

from __future__ import annotations

from decrochage_risk.synthetic.cohort import Cohort, make_cohort

__all__ = ["Cohort", "make_cohort"]
