"""The bag: a few small monotone LightGBM boosters, each blind to its part of the pupils.

Member ``k`` is trained without the ``k``-th part. So every row has one prediction of a booster that did not see
its pupil (out-of-fold), and the spread of the members is a delete-a-group jackknife.

Boosters are kept as LightGBM text and parsed on first use; `decrochage_risk.model.boosting` trains them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.model.threads import over_rows

if TYPE_CHECKING:
    from decrochage_risk.model.linear_members import LinearMembers
    from decrochage_risk.model.numeric_table import FloatArray

__all__ = ["Bag", "Members", "Progress", "parse"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)``, in the thread that fits."""


@dataclass(frozen=True, eq=False)
class Members:
    """The trained boosters, as LightGBM text.

    Attributes
    ----------
    texts : tuple of str
        One model text per member.

    Examples
    --------
    >>> Members(("not a booster",)).boosters
    Traceback (most recent call last):
    ...
    decrochage_risk.errors.ModelError: Booster 0 cannot be parsed: ...
    """

    texts: tuple[str, ...]

    def __reduce__(self) -> tuple[type[Members], tuple[tuple[str, ...]]]:
        return Members, (self.texts,)  # another process parses the texts again

    @property
    def boosters(self) -> tuple[Any, ...]:
        """The ``lightgbm.Booster`` objects, parsed once. Their ``predict`` may be called from several threads."""
        # A forked process parses anew, since LightGBM's own lock may have been held at the fork; a lock of ours here would
        # be in the same danger, so two threads may both parse, and the first is kept.
        key = f"_boosters_of_process_{os.getpid()}"
        found: tuple[Any, ...] | None = self.__dict__.get(key)
        if found is None:
            parsed = tuple(parse(number, text) for number, text in enumerate(self.texts))
            found = self.__dict__.setdefault(key, parsed)
        return found

    def log_odds(self, filled: FloatArray) -> FloatArray:
        """Raw log-odds of every member.

        Parameters
        ----------
        filled : (n, p) float64 array
            Rows without NaN, in the order of the columns at training.

        Returns
        -------
        (n, K) float64 array
            A row's values do not depend on the other rows.
        """
        rows, boosters = np.ascontiguousarray(filled), self.boosters if len(filled) else ()
        scores = np.empty((len(rows), len(self.texts)))

        def predict(part: slice) -> None:
            for member, booster in enumerate(boosters):
                # One thread of LightGBM's own: the default costs 8 ms on one row, and hangs in a forked process.
                scores[part, member] = booster.predict(rows[part], raw_score=True, num_threads=1)

        over_rows(predict, len(rows))
        return scores


def parse(number: int, text: str) -> Any:  # noqa: ANN401  # lightgbm ships no types
    """Read the text of a booster.

    Raises
    ------
    ModelError
        It is none; the message says which of the bag.
    """
    import lightgbm  # noqa: PLC0415  # loads on first use

    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelError(
            explain_error(
                f"Booster {number} cannot be parsed: {error}",
                expected="the text of a LightGBM model",
                hint="The file is damaged; load the model from another copy.",
            )
        ) from error


@dataclass(frozen=True, eq=False)
class Bag:
    """What a training gives.

    Attributes
    ----------
    members : Members or LinearMembers
        The boosters, or the logistic regressions.
    rounds : int
        Trees of each.
    left_out : (n,) array
        For each training row, the raw log-odds of the member that did not see its pupil.
    """

    members: Members | LinearMembers
    rounds: int
    left_out: FloatArray
