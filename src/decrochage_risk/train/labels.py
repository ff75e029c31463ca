"""Which labels may be used: those known on the day that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from decrochage_risk.errors import NotEnoughDataError, explain_error
from decrochage_risk.evaluate import mature_on
from decrochage_risk.model import Snapshots

if TYPE_CHECKING:
    from datetime import date

__all__ = ["NOT_CLOSED", "mature_only"]

NOT_CLOSED: Final = "outcome window not closed yet"
"""Why a row is left out when its label was read before its time."""


def mature_only(snapshots: Snapshots, day: date | None) -> Snapshots:
    """Keep the rows whose outcome was known on a day, and count the others.

    Parameters
    ----------
    snapshots : Snapshots
        Rows with their labels.
    day : date or None
        The day on which the outcomes were extracted; None keeps every row.

    Raises
    ------
    NotEnoughDataError
        When no outcome window had closed.
    """
    if day is None:
        return snapshots
    known = mature_on(snapshots.rows["matured"].to_numpy(), day)
    if known.all():
        return snapshots
    if not known.any():
        raise NotEnoughDataError(
            explain_error(
                f"None of the {len(known)} labels was known on {day.isoformat()}: their outcome windows close later",
                expected="at least one school year whose outcome window had closed",
                hint="Add earlier school years, or wait for the closing day before training and evaluating.",
            )
        )
    kept = snapshots.take(known)
    left_out = {**snapshots.left_out, NOT_CLOSED: int((~known).sum())}
    return Snapshots(kept.features, kept.outcome, kept.rows, dict(sorted(left_out.items())))
