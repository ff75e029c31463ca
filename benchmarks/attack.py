"""What the sections of the campaign share: what a section is, what it answers, and a process apart to be attacked.

A section tries something hostile many times. Each try is *refused* with one of the package's own errors, or *survived* with a
result that holds what the section checks; anything else is a fault: a bare exception, a crash, a hang, a wrong result.

To add a section: a script ``attack_NAME.py`` beside this one that offers ``SECTION``, and its line in ``attacks.py``.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection

__all__ = ["REFUSED", "SURVIVED", "Outcome", "Section", "apart", "sorted_out"]

REFUSED, SURVIVED = "refused", "survived"
LARGEST_MEMORY = 12 * 2**30
"""Address space of the process that is attacked: who asks for a thousand million of something gets none."""


@dataclass
class Outcome:
    """What came of the tries of a section.

    Attributes
    ----------
    tried, refused : int
    faults : list of str
        One line per fault: what was tried, and what happened.
    """

    tried: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Section:
    """One part of the campaign.

    Attributes
    ----------
    name : str
        As in ``--only``, and in the table.
    tries : int
        How many, unless asked otherwise.
    run : callable
        ``run(tries, seed)`` gives the :class:`Outcome`.
    """

    name: str
    tries: int
    run: Callable[[int, int], Outcome]


def sorted_out(answers: Iterable[tuple[str, str]]) -> Outcome:
    """Count answers: pairs of what was tried and what came, ``refused``, ``survived`` or the fault in words."""
    outcome = Outcome()
    for tried, came in answers:
        outcome.tried += 1
        outcome.refused += came == REFUSED
        if came not in {REFUSED, SURVIVED}:
            outcome.faults.append(f"{tried}: {came}")
    return outcome


def apart(
    attempt: Callable[[Any], str], cases: Iterable[Any], *, seconds: float = 120.0, first: float = 600.0
) -> Iterator[tuple[Any, str]]:
    """Try each case in a process apart, which is started again when it dies or takes too long.

    Parameters
    ----------
    attempt : callable
        A function of a module: gives ``refused``, ``survived`` or the fault in words.
    cases : iterable
        What it is called with, one after the other; to be pickled.
    seconds, first : float
        Time for one case, and for the first one of a process, which loads everything.

    Yields
    ------
    case, answer
    """
    worker: _Worker | None = None
    for case in cases:
        limit = first if worker is None else seconds
        worker = worker or _Worker(attempt)
        answer = worker.ask(case, limit)
        yield case, answer
        if not worker.alive:
            worker = None
    if worker is not None:
        worker.stop()


class _Worker:
    def __init__(self, attempt: Callable[[Any], str]) -> None:
        context = get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, attempt), daemon=True)
        self._process.start()
        theirs.close()
        self.alive = True

    def ask(self, case: object, seconds: float) -> str:
        self._ours.send(case)
        if not self._ours.poll(seconds):
            self.stop()
            return f"no answer after {seconds:g} seconds"
        try:
            answer: str = self._ours.recv()
        except EOFError:
            self._process.join(10)
            code = self._process.exitcode
            self.stop()
            return f"the process died ({code})"
        return answer

    def stop(self) -> None:
        self.alive = False
        self._process.kill()
        self._process.join()
        self._ours.close()


def _serve(connection: Connection, attempt: Callable[[Any], str]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST_MEMORY, LARGEST_MEMORY))
    while True:
        try:
            case = connection.recv()
        except EOFError:
            return
        try:
            answer = attempt(case)
        except Exception as error:  # noqa: BLE001 - a bare exception is what is looked for
            answer = f"{type(error).__name__}: {str(error)[:200]}"
        connection.send(answer)
