"""A synthetic cohort of pupils whose true probability of leaving is known.

``make_cohort`` draws pupils over several school years, with every table of the records, their outcomes, and the true
probability at any as-of date. No real pupil, school or class is in it.
"""

from __future__ import annotations

from decrochage_risk.synthetic.cohort import Cohort, make_cohort, write_cohort
from decrochage_risk.synthetic.messy import FAULTS_OF_EXTRACT, messy_tables, write_messy
from decrochage_risk.synthetic.schools import REGIMES

__all__ = [
    "FAULTS_OF_EXTRACT",
    "REGIMES",
    "Cohort",
    "make_cohort",
    "messy_tables",
    "write_cohort",
    "write_messy",
]
