"""Small cells: which counts of one publication are hidden, so that no reader finds a few pupils by subtraction.

A count of 1 to ``least - 1`` pupils is hidden; what is printed beside it would give it back, so other counts are hidden with it
(complementary suppression), over all tables of one publication together, until whoever knows every printed number and every
relation between them finds by linear programming an interval at least ``width`` wide for each hidden count, and for each small
count that no table prints but that a difference would give. Who knows the rule too, and which counts were hidden for being
small, still finds two values for each (unless all that is printed is hidden, and the rule alone tells it).

Fischetti and Salazar, Mathematical Programming 84, 1999, 283-312, state the problem; the cells are chosen here by the
linear programs of Kelly, Golden and Assad, Networks 22, 1992, 397-417, one per count in danger, and those that prove
needless are printed again. Same counts, same versions: same choice. :func:`merge_small`, :func:`merge_bands` join first.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from decrochage_risk.errors import DecrochageError, explain_error
from decrochage_risk.french import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt
    from scipy.sparse import csr_array

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]
    Ints = npt.NDArray[np.intp]

__all__ = [
    "HIDDEN",
    "INSIDE",
    "PUBLISHED",
    "WIDTH",
    "Publication",
    "SmallCellError",
    "attack",
    "hidden_counts",
    "is_small",
]

Name: TypeAlias = Hashable
"""Whatever names a count: a text, or a tuple such as ``("level", "3e", "left")``."""

INSIDE: Final = 5
"""Pupils from which a count is told to the people of a school or an academy, who see the pupils anyway."""
PUBLISHED: Final = 11
"""Pupils from which a count is told in what is published (the French practice for data on persons)."""
WIDTH: Final = 5
"""Least width of the interval that a reader may find for a hidden count."""

_EPS: Final = 1e-6
_OPTIMAL: Final = 0
_ZERO_COST: Final = 3.0


class SmallCellError(DecrochageError, ValueError):
    """Counts that contradict their own relations, or a count that no choice can protect."""


def is_small(*counts: int, least: int = PUBLISHED) -> bool:
    """Tell whether one of these counts is of 1 to ``least - 1`` pupils.

    Examples
    --------
    >>> is_small(0, 11), is_small(40, 10), is_small(4, least=INSIDE)
    (False, True, True)
    """
    return any(0 < count < least for count in counts)


@dataclass(slots=True)
class _Count:
    """One count: its value, and what its owner said of it."""

    value: int
    printed: bool
    people: int
    most: int
    weight: float


@dataclass(slots=True)
class Publication:
    """All counts that are published together, printed or not, with the relations between them.

    Parameters
    ----------
    least : int
        Pupils from which a count may be told, at least 3: :data:`PUBLISHED`, or :data:`INSIDE`.
    width : int
        Least width of what a reader may find, at least 1.

    Examples
    --------
    Four pupils of a small level are found by subtraction, unless another level is hidden with them:

    >>> cards = Publication()
    >>> for level, pupils in {"4e": 60, "3e": 75, "cap1": 4}.items():
    ...     cards.count(level, pupils)
    >>> cards.count("all", 139, weight=10.0)
    >>> cards.total("all", ["4e", "3e", "cap1"])
    >>> sorted(cards.hidden())
    ['4e', 'cap1']
    """

    least: int = PUBLISHED
    width: int = WIDTH
    _counts: dict[Name, _Count] = field(default_factory=dict)
    _places: dict[Name, int] = field(default_factory=dict)
    _relations: list[tuple[list[int], list[float]]] = field(default_factory=list)
    _ties: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.least < 3 or self.width < 1:  # noqa: PLR2004 - of 1 to 1, the rule alone would tell the count
            raise SmallCellError(
                explain_error(
                    f"least={self.least}, width={self.width}",
                    expected="least from 3 on, width from 1 on",
                    hint=f"Leave them out ({PUBLISHED} and {WIDTH}), or least={INSIDE} for what stays inside.",
                )
            )

    def __contains__(self, name: Name) -> bool:
        return name in self._counts

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def counts(self) -> dict[Name, int]:
        """Every count by its name, hidden or not: for the owner's eyes."""
        return {name: one.value for name, one in self._counts.items()}

    @property
    def printed(self) -> list[Name]:
        """Names of the counts that the tables print."""
        return [name for name, one in self._counts.items() if one.printed]

    @property
    def guarded(self) -> list[Name]:
        """Names of the counts of few pupils, printed or not."""
        return [name for name, one in self._counts.items() if 0 < one.people < self.least]

    def count(
        self,
        name: Name,
        value: int,
        *,
        printed: bool = True,
        people: int | None = None,
        rows_each: int = 1,
        weight: float = 1.0,
    ) -> None:
        """Add a count.

        Parameters
        ----------
        name : hashable
            Unique.
        value : int
            0 or more.
        printed : bool
            Whether a table prints it; otherwise it is one that a reader could find (those of a group who are not on a
            list).
        people : int, optional
            Distinct pupils behind it, when it counts their rows.
        rows_each : int
            Rows that one pupil may have in it.
        weight : float
            What it costs to hide it, beside others of its size: more for totals.

        Raises
        ------
        SmallCellError
            A name that is there, a negative count.
        """
        pupils = value if people is None else people
        if name in self._counts or value < 0 or not 0 <= pupils <= value <= pupils * max(rows_each, 1):
            raise SmallCellError(
                explain_error(
                    f"Count {name!r}: value {value}, of {pupils} pupils with {rows_each} rows each at most, "
                    f"{'already there' if name in self._counts else 'new'}",
                    expected="a new name, and as many rows as its pupils may have",
                    hint="Name each count once, and count rows and pupils in the same table.",
                )
            )
        self._places[name] = len(self._counts)
        self._counts[name] = _Count(int(value), printed, int(pupils), (self.least - 1) * rows_each, weight)

    def total(self, whole: Name, parts: Iterable[Name], *, overlapping: bool = False) -> None:
        """Say that a count is the sum of others.

        Parameters
        ----------
        whole, parts : names
        overlapping : bool
            A pupil may be in several parts (of several months) or in none: what the sum differs by is taken as known
            to the reader. Otherwise it must be 0.

        Raises
        ------
        SmallCellError
            An unknown name; a sum that does not hold.
        """
        names = [whole, *parts]
        factors = [1.0, *[-1.0] * (len(names) - 1)]
        self._relate(names, factors, exact=not overlapping)

    def total_known(self, parts: Iterable[Name]) -> None:
        """Say that a reader knows the sum of some counts.

        Raises
        ------
        SmallCellError
            An unknown name.
        """
        names = list(parts)
        if len(names) > 1:
            self._relate(names, [1.0] * len(names), exact=False)

    def differ(self, first: Name, second: Name) -> None:
        """Say that a reader knows by how much two counts differ: the same pupils, counted in two tables.

        Raises
        ------
        SmallCellError
            An unknown name.
        """
        self._relate([first, second], [1.0, -1.0], exact=False)

    def at_most(self, part: Name, whole: Name, *, times: int = 1) -> None:
        """Say that a count cannot exceed another, or so many times another (the rows of so many dates).

        Raises
        ------
        SmallCellError
            An unknown name; a count that does exceed it.
        """
        self._known([part, whole])
        rest = times * self._counts[whole].value - self._counts[part].value
        name = ("at most", part, whole, times)
        if name not in self._counts:
            # a difference of rows, not a count of pupils: nothing to guard
            self._places[name] = len(self._counts)
            if rest < 0:
                self._contradiction([part, whole])
            self._counts[name] = _Count(rest, printed=False, people=0, most=0, weight=1.0)
            self._relate([whole, part, name], [float(times), -1.0, -1.0], exact=True)

    def tie(self, names: Iterable[Name]) -> None:
        """Say that some counts are printed together or not at all: a share needs both of its counts.

        Raises
        ------
        SmallCellError
            An unknown name.
        """
        self._ties.append(self._known(names))

    def _known(self, names: Iterable[Name]) -> list[int]:
        order = list(names)
        unknown = [name for name in order if name not in self._counts]
        if unknown:
            raise SmallCellError(
                explain_error(
                    f"No count is called {', '.join(map(repr, unknown))}",
                    expected="names of counts that were added",
                    hint="Add the counts first, then their relations.",
                )
            )
        return [self._places[name] for name in order]

    def _contradiction(self, names: Sequence[Name]) -> None:
        equalities = ", ".join(f"{name!r} = {self._counts[name].value}" for name in names)
        raise SmallCellError(
            explain_error(
                f"These counts do not hold together: {equalities}",
                expected="a whole and its parts, counted on the same rows",
                hint="Pass overlapping=True where a pupil may be in several parts.",
            )
        )

    def _relate(self, names: list[Name], factors: list[float], *, exact: bool) -> None:
        places = self._known(names)
        rest = sum(factor * self._counts[name].value for name, factor in zip(names, factors, strict=True))
        if exact and rest != 0:
            self._contradiction(names)
        self._relations.append((places, factors))

    def hidden(self) -> frozenset[Name]:
        """Choose the printed counts to hide.

        Returns
        -------
        frozenset
            Names of printed counts: those of few pupils, and those that would give one back.

        Raises
        ------
        SmallCellError
            A count that stays known whatever is hidden: it is bound to one that no table holds.

        Examples
        --------
        Three schools have ten pupils each: the rule alone would tell them from a total of 30.

        >>> schools = Publication()
        >>> for school in "abc":
        ...     schools.count(school, 10)
        >>> schools.count("all", 30)
        >>> schools.total("all", "abc")
        >>> sorted(schools.hidden())
        ['a', 'all', 'b', 'c']
        """
        choice = _Choice(self).made()
        names = list(self._counts)
        return frozenset(names[place] for place in np.flatnonzero(choice))

    def matrix(self) -> csr_array:
        """Coefficients of the relations, one row each, one column per count in the order of :attr:`counts`."""
        from scipy.sparse import csr_array  # noqa: PLC0415  # scipy loads on first use

        lengths = [len(places) for places, _ in self._relations]
        row = np.repeat(np.arange(len(lengths)), lengths)
        column = [place for places, _ in self._relations for place in places]
        factor = [factor for _, factors in self._relations for factor in factors]
        shape = (len(lengths), len(self._counts))
        return csr_array(
            (np.array(factor, dtype=np.float64), (row, np.array(column, dtype=np.intp))), shape=shape
        )


class _Choice:
    """The search for the counts to hide.

    Everything is said in moves: how far each count lies from its true value in another set of counts that prints the same
    numbers. Moves that a linear program found are kept: each of them shows the width of many counts at once.
    """

    def __init__(self, publication: Publication) -> None:
        counts = list(publication._counts.values())  # noqa: SLF001  # its own kind
        self.width = float(publication.width)
        self.matrix = publication.matrix()
        self.value = np.array([one.value for one in counts], dtype=np.float64)
        self.printed = np.array([one.printed for one in counts], dtype=np.bool_)
        people = np.array([one.people for one in counts], dtype=np.int64)
        self.small = (people > 0) & (people < publication.least)
        weight = np.array([one.weight for one in counts], dtype=np.float64)
        # the cost holds no value: of "the smaller one is hidden with it" a reader would make an equation. Zeros come
        # last (that nobody left is worth knowing), and of equal counts the first is taken, whatever the solver
        self.cost = weight * np.where(self.value > 0, 1.0, _ZERO_COST) * np.linspace(1.0, 1.01, len(counts))
        self.ties = [np.array(one, dtype=np.intp) for one in publication._ties]  # noqa: SLF001  # same
        most = np.array([one.most for one in counts], dtype=np.float64)
        self.names = list(publication._counts)  # noqa: SLF001  # same
        self.hidden = self.printed & self.small
        self._close()
        self.cause = np.full(len(counts), -1, dtype=np.intp)
        self.blurred = np.zeros(len(counts), dtype=np.bool_)
        # what the rule says of a hidden count that is small: 1 to the most rows of so few pupils
        printed_small = self.printed & self.small
        self.rule = (
            np.where(printed_small, 1.0, 0.0) - self.value,
            np.where(printed_small, most, np.inf) - self.value,
        )
        self.free = (-self.value, np.full(len(counts), np.inf))
        self.moves = np.zeros((1, len(counts)))
        self.ruled_moves = np.zeros((1, len(counts)))

    def made(self) -> Bools:
        if not self.small.any():
            return self.hidden
        while self._widen() or self._blur():
            pass
        self._print_again()
        return self.hidden

    def _close(self) -> None:
        """Hide what is tied to what is hidden."""
        is_open = True
        while is_open:
            before = int(self.hidden.sum())
            for tie in self.ties:
                if self.hidden[tie].any():
                    self.hidden[tie] = self.printed[tie]
            is_open = int(self.hidden.sum()) > before

    @property
    def targets(self) -> Bools:
        """What must stay unknown: all that is hidden, and small counts that no table prints."""
        unknowns: Bools = self.hidden | (self.small & ~self.printed)
        return unknowns

    def _narrow(self) -> Ints:
        """Targets whose width is not shown yet, the narrowest first."""
        span = self.moves.max(axis=0) - self.moves.min(axis=0)
        places = np.flatnonzero(self.targets & (span < self.width - _EPS))
        return places[np.argsort(span[places], kind="stable")]

    def _sharp(self) -> Ints:
        """Targets for which one value only is shown to agree with the rule."""
        return np.flatnonzero(self.targets & ~self.blurred & ~(np.abs(self.ruled_moves) > 0.5).any(axis=0))  # noqa: PLR2004  # whole numbers

    def _widen(self) -> bool:
        """Hide more until every target is wide enough; tell whether more was hidden."""
        more = False
        while (tight := self._tight(self._narrow(), together=True)).size:
            place = int(tight[0])
            span = self.moves[:, place].min(), self.moves[:, place].max()
            self._hide_with(place, (self.width + span[0], span[1] - self.width), self.free, whole=False)
            more = True
        return more

    def _blur(self) -> bool:
        """Hide more until the rule leaves two values for every target; tell whether more was hidden."""
        for place in self._sharp().tolist():
            if (np.abs(self.ruled_moves[:, place]) > 0.5).any():  # noqa: PLR2004  # whole numbers
                continue
            part = self._part_of(place)
            if self._found_ruled(place, part):
                continue
            if self._hide_with(place, (1.0, -1.0), self.rule, whole=True):
                return True
            # ten schools of one pupil, ten in all: nothing is left to hide, and nothing but the rule is known
            self.blurred[place] = True
        return False

    def _tight(self, places: Ints, *, together: bool) -> Ints:
        """Find one that stays too narrow whatever a reader assumes; none when all are shown to be wide."""
        if not places.size:
            return places
        if together:
            for sign in (1.0, -1.0):
                self._reach(places, sign)
            places = self._narrow()
        for place in places.tolist():
            if np.ptp(self.moves[:, place]) >= self.width - _EPS:
                continue
            part = self._part_of(place)
            for sign in (1.0, -1.0):
                self._reach(np.array([place], dtype=np.intp), sign, part)
                if np.ptp(self.moves[:, place]) >= self.width - _EPS:
                    break
            else:
                return np.array([place], dtype=np.intp)
        return places[:0]

    def _reach(self, places: Ints, sign: float, part: Ints | None = None) -> None:
        """Move some targets as far as the printed numbers allow, at most their width, and keep the move."""
        unknown = np.flatnonzero(self.hidden | ~self.printed) if part is None else part
        low, high = self.free[0][unknown].copy(), self.free[1][unknown].copy()
        at = np.searchsorted(unknown, places)
        low[at] = np.maximum(low[at], -self.width)
        high[at] = np.minimum(high[at], self.width)
        goal = np.zeros(unknown.size)
        goal[at] = -sign
        solution = _solved(goal, self.matrix[:, unknown], low, high)
        if solution is not None:
            move = np.zeros(self.value.size)
            move[unknown] = solution
            self.moves = np.vstack([self.moves, move])

    def _found_ruled(self, place: int, part: Ints) -> bool:
        """Look for another whole value of a target that agrees with the rule."""
        for sign in (1.0, -1.0):
            low, high = self.rule[0][part].copy(), self.rule[1][part].copy()
            at = int(np.searchsorted(part, place))
            if sign > 0:
                low[at] = max(low[at], 1.0)
            else:
                high[at] = min(high[at], -1.0)
            if low[at] > high[at]:
                continue
            goal = np.zeros(part.size)
            # the nearest other counts, so that the search ends at once
            solution = _solved(goal, self.matrix[:, part], low, high, whole=True)
            if solution is not None:
                move = np.zeros(self.value.size)
                move[part] = np.round(solution)
                self.ruled_moves = np.vstack([self.ruled_moves, move])
                return True
        return False

    def _part_of(self, place: int) -> Ints:
        """Unknown counts that are bound to one, itself among them, ascending."""
        from scipy.sparse.csgraph import connected_components  # noqa: PLC0415  # scipy loads on first use

        unknown = np.flatnonzero(self.hidden | ~self.printed)
        inside = abs(self.matrix[:, unknown])
        _, label = connected_components(inside.T @ inside, directed=False)
        component: Ints = unknown[label == label[np.searchsorted(unknown, place)]]
        return component

    def _hide_with(
        self, place: int, goals: tuple[float, float], bounds: tuple[Floats, Floats], *, whole: bool
    ) -> bool:
        """Hide the printed counts that let one move as far as it must, as cheaply as a linear program finds.

        Whole counts under the rule may have no such move, whatever is hidden: False then.
        """
        best: tuple[float, Floats] | None = None
        for goal in goals:
            low, high = bounds[0].copy(), bounds[1].copy()
            if whole:
                (low if goal > 0 else high)[place] = goal
            else:
                low[place] = high[place] = goal
            if low[place] > high[place] or goal < self.free[0][place]:
                continue
            way = self._cheapest(low, high, whole=whole)
            if way is not None and (best is None or way[0] < best[0] - _EPS):
                best = way
        if best is None and whole:
            return False
        if best is None:
            raise SmallCellError(
                explain_error(
                    f"The small count {self.names[place]!r} stays known whatever else is hidden",
                    expected="counts that are bound to other counts only",
                    hint="Merge its category with another one, or do not publish the table.",
                )
            )
        before = self.hidden.copy()
        self.hidden |= self.printed & (np.abs(best[1]) > _EPS)
        self._close()
        self.cause[self.hidden & ~before] = place
        self.moves = np.vstack([self.moves, best[1]])
        if whole:
            self.ruled_moves = np.vstack([self.ruled_moves, np.round(best[1])])
        return True

    def _cheapest(self, low: Floats, high: Floats, *, whole: bool) -> tuple[float, Floats] | None:
        """Cheapest move within bounds: what it moves among the printed counts is to be hidden."""
        from scipy.sparse import hstack  # noqa: PLC0415  # scipy loads on first use

        visible = np.flatnonzero(self.printed & ~self.hidden)
        # each printed count moves by up - down, so that both directions cost
        columns = hstack([self.matrix, -self.matrix[:, visible]], format="csr")
        lows, highs = np.r_[low, np.zeros(visible.size)], np.r_[high, np.maximum(-low[visible], 0.0)]
        lows[visible] = np.maximum(low[visible], 0.0)
        goal = np.r_[np.zeros(low.size), self.cost[visible]]
        goal[visible] = self.cost[visible]
        solution = _solved(goal, columns, lows, highs, whole=whole)
        if solution is None:
            return None
        move = solution[: low.size].copy()
        move[visible] -= solution[low.size :]
        return float(goal @ solution), move

    def _print_again(self) -> None:
        """Print what need not be hidden after all, the dearest first."""
        spare = np.flatnonzero(self.hidden & ~self.small)
        for place in spare[np.argsort(-self.cost[spare], kind="stable")].tolist():
            if not self.hidden[place]:
                continue
            group = self._group_of(place)
            if (self.small & self.hidden)[group].any():
                continue
            before = self.hidden.copy(), self.moves, self.ruled_moves
            self.hidden[group] = False
            self.moves = self.moves[(np.abs(self.moves[:, group]) <= _EPS).all(axis=1)]
            self.ruled_moves = self.ruled_moves[(np.abs(self.ruled_moves[:, group]) <= _EPS).all(axis=1)]
            if not self._holds(first=int(self.cause[place])):
                self.hidden, self.moves, self.ruled_moves = before

    def _holds(self, first: int) -> bool:
        """Tell whether all is protected; the count that others were hidden for is looked at first, then all at once."""
        narrow = self._narrow()
        if self._tight(narrow[narrow == first], together=False).size:
            return False
        return not self._tight(self._narrow(), together=True).size and all(
            (np.abs(self.ruled_moves[:, place]) > 0.5).any()  # noqa: PLR2004  # whole numbers
            or self._found_ruled(place, self._part_of(place))
            for place in self._sharp().tolist()
        )

    def _group_of(self, place: int) -> Ints:
        """Give a count with all that is tied to it and hidden."""
        group, before = {place}, 0
        while len(group) > before:
            before = len(group)
            for tie in self.ties:
                if group & set(tie.tolist()):
                    group |= {one for one in tie.tolist() if self.hidden[one]}
        return np.array(sorted(group), dtype=np.intp)


def _solved(
    goal: Floats, matrix: csr_array, low: Floats, high: Floats, *, whole: bool = False
) -> Floats | None:
    """Minimise a goal over moves that keep every relation; None when there is none."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415  # scipy loads on first use

    used = np.diff(matrix.indptr) > 0
    rows = matrix[used]
    constraints = [LinearConstraint(rows, 0.0, 0.0)] if rows.shape[0] else []
    kind = np.full(goal.size, int(whole), dtype=np.intp)
    result: Any = milp(goal, integrality=kind, bounds=Bounds(low, high), constraints=constraints)
    if result.status != _OPTIMAL or result.x is None:
        return None
    solution: Floats = np.asarray(result.x, dtype=np.float64)
    return solution


def attack(
    publication: Publication,
    hidden: Iterable[Name],
    *,
    names: Iterable[Name] | None = None,
    rule: bool = False,
) -> dict[Name, tuple[float, float]]:
    """Find what a reader can find: the least and the largest value that each count can have.

    Written apart from the choice, as a reader would: every count is an unknown from 0 on, every printed number is an
    equation, and two linear programs a count (`scipy.optimize.linprog`) give its interval.

    Parameters
    ----------
    publication : Publication
        Its relations and printed numbers; hidden values are not read, other than to know who is small under `rule`.
    hidden : iterable of names
        Printed counts that are hidden.
    names : iterable of names, optional
        Counts to find; those hidden and those small when left out.
    rule : bool
        The reader knows the rule as well: counts are whole, and which hidden ones are small is told, so that they lie from
        1 to ``least - 1`` pupils.

    Returns
    -------
    dict of name to (low, high)
        ``high`` is infinite where nothing bounds it.

    Examples
    --------
    >>> told = Publication()
    >>> for name, value in {"all": 100, "left": 3, "stayed": 97}.items():
    ...     told.count(name, value)
    >>> told.total("all", ["left", "stayed"])
    >>> attack(told, ["left"])
    {'left': (3.0, 3.0)}
    >>> attack(told, ["left", "stayed"], names=["left"])
    {'left': (0.0, 100.0)}
    """
    from scipy.optimize import linprog  # noqa: PLC0415  # scipy loads on first use

    secret = set(hidden)
    counts = publication._counts  # noqa: SLF001  # its own kind
    order = list(counts)
    figures = {name: float(one.value) for name, one in counts.items() if one.printed and name not in secret}
    bounds: list[tuple[float, float | None]] = []
    for name, one in counts.items():
        if name in figures:
            bounds.append((figures[name], figures[name]))
        elif rule and one.printed and 0 < one.people < publication.least:
            bounds.append((1.0, float(one.most)))
        else:
            bounds.append((0.0, None))
    relations = publication.matrix().toarray()
    sums = relations @ np.array([one.value for one in counts.values()], dtype=np.float64)
    asked_names = list(names) if names is not None else [
        name for name, one in counts.items() if name in secret or (0 < one.people < publication.least)
    ]  # fmt: skip
    whole = 1 if rule else 0
    ranges = {}
    for name in asked_names:
        place, ends = order.index(name), []
        for sign in (1.0, -1.0):
            goal = np.zeros(len(order))
            goal[place] = sign
            result = linprog(
                goal,
                A_eq=relations if relations.shape[0] else None,
                b_eq=sums if relations.shape[0] else None,
                bounds=bounds,
                integrality=np.full(len(order), whole),
            )
            ends.append(sign * float(result.fun or 0.0) if result.status == _OPTIMAL else sign * -np.inf)
        ranges[name] = (round(ends[0], 6) + 0.0, round(ends[1], 6) + 0.0)
    return ranges


def hidden_counts(
    counts: Mapping[str, int],
    *,
    people: Mapping[str, int] | None = None,
    least: int = PUBLISHED,
    total: bool = True,
) -> dict[str, int | None]:
    """Hide what must be hidden of one list of counts: causes, kinds.

    Parameters
    ----------
    counts : mapping of str to int
    people : mapping of str to int, optional
        Distinct pupils behind each count, when they count rows; a count that it does not name is of pupils.
    least : int
        Pupils from which a count may be told.
    total : bool
        Whether their sum is printed too, or known.

    Returns
    -------
    dict of str to int or None
        None for a count of few, and for another one where a single one could be found from the sum.

    Examples
    --------
    >>> hidden_counts({"a": 3, "b": 40, "c": 50}), hidden_counts({"a": 3, "b": 40}, total=False)
    ({'a': None, 'b': None, 'c': 50}, {'a': None, 'b': 40})
    >>> hidden_counts({"a": 3}), hidden_counts({"a": 3, "b": 0})  # the second is known to be the rest of a sum of few
    ({'a': None}, {'a': None, 'b': None})
    >>> hidden_counts({"a": 12, "b": 40}, people={"a": 3}, total=False)
    {'a': None, 'b': 40}
    """
    publication = Publication(least=least)
    pupils = {**counts, **(people or {})}
    rows_each = max((-(-value // max(pupils[name], 1)) for name, value in counts.items()), default=1)
    for name, value in counts.items():
        publication.count(("part", name), value, people=pupils[name], rows_each=rows_each)
    # The sum of a single count is that count: no other one could keep it hidden, and not printing it here is all that can be done.
    if total and len(counts) > 1:
        # the sum itself is printed: it is not among what this function can hide
        publication.total_known([("part", name) for name in counts])
    try:
        secret = publication.hidden()
    except SmallCellError:
        # One small count and zeros: whatever is hidden, their sum is of few. Not to say whose it is, is all that can be done.
        return dict.fromkeys(counts)
    return {name: None if ("part", name) in secret else value for name, value in counts.items()}
