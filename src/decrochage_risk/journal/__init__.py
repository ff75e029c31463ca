"""The journal: an append-only log of every scoring, with retention and the erasure of one pupil."""

from __future__ import annotations

from decrochage_risk.journal.journal import Journal

__all__ = ["Journal"]
