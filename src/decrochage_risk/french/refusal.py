"""The one error of the French texts: a value that no sentence can hold."""

from __future__ import annotations

from decrochage_risk.errors import explain_error

__all__ = ["refused"]


def refused(came: str, expected: str, hint: str) -> ValueError:
    """Compose the error of a value that no sentence can hold."""
    return ValueError(explain_error(f"{came} cannot be written in French", expected=expected, hint=hint))
