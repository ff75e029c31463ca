"""What the benchmarks share: one measured figure beside its target, paired ratios, and the peak memory of a process.

A script of this folder that has a part in ``make bench`` offers ``rows(pupils: int) -> list[Measured]``; ``benchmarks/all.py``
gathers them. A figure is always a ratio of two things measured in the same run, so that another machine gives about the same.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Measured", "Paired", "paired", "peak_memory"]


@dataclass(frozen=True)
class Measured:
    """One line of the table.

    Attributes
    ----------
    name : str
        What is divided by what: "whole score / (feature matrix + predict)".
    ratio : float
        The ratio that was measured.
    target : float
        What it is held against.
    detail : str
        The two sides in their own units, sizes, and what else is worth knowing, in a few words.
    at_least : bool
        The target is a floor, not a ceiling.
    """

    name: str
    ratio: float
    target: float
    detail: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target

    @property
    def wanted(self) -> str:
        """The target in words: "<= 1.3"."""
        return f"{'>=' if self.at_least else '<='} {self.target:g}"


@dataclass(frozen=True)
class Paired:
    """Median of the ratios of paired runs, and the median seconds of either side.

    Attributes
    ----------
    ratio : float
        Median of first / second over the rounds.
    first, second : float
        Median seconds of each.
    """

    ratio: float
    first: float
    second: float


def paired(first: Callable[[], object], second: Callable[[], object], rounds: int = 5) -> Paired:
    """Time two things in turn, so that what else the machine does falls on both.

    Parameters
    ----------
    first, second : callable
        Called once before the rounds, untimed, then once per round, the order turned from round to round.
    rounds : int
        How many.
    """
    first(), second()
    times: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            second_time = _seconds(second)
            times.append((_seconds(first), second_time))
        else:
            times.append((_seconds(first), _seconds(second)))
    ratios, firsts, seconds = zip(*((a / b, a, b) for a, b in times), strict=True)
    return Paired(median(ratios), median(firsts), median(seconds))


def _seconds(run: Callable[[], object]) -> float:
    begun = perf_counter()
    run()
    return perf_counter() - begun


def peak_memory(code: str, *arguments: str) -> tuple[int, str]:
    """Run Python code in a fresh process, and tell the most memory that it held.

    The process itself reads its high-water mark at its end: what ``getrusage`` tells of a child is never less than what its
    parent held when it was started.

    Parameters
    ----------
    code : str
        Source, as for ``python -c``.
    *arguments : str
        What it finds in ``sys.argv[1:]``.

    Returns
    -------
    peak : int
        Maximum resident set size, bytes.
    out : str
        What it printed.

    Raises
    ------
    CalledProcessError
        When it fails.
    """
    command: Sequence[str] = [sys.executable, "-c", f"{code}\n{_HIGH_WATER}", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own code
    out, _, peak = done.stdout.rstrip("\n").rpartition("\n")
    return int(peak), out


_HIGH_WATER = """
import pathlib, resource
_status = pathlib.Path("/proc/self/status")
print()
if _status.exists():
    print(next(int(line.split()[1]) for line in _status.read_text().splitlines() if line.startswith("VmHWM")) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
