"""What of a report may be printed: its groups, lists, dates and gates are one publication, protected together.

Rows are counted by group (those who left, those who did not, those listed, those found) with every relation that a
reader can see: a level lies in a pathway, the sexes add up, a month is an as-of date. The dates of one school year are of
nearly the same pupils, so what two of them differ by is a count of pupils too, printed nowhere and guarded like the rest.
`decrochage_risk.small_cells` then chooses what is hidden, and every figure that follows from a hidden count is hidden with
it, in whatever form the report is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pandas as pd

from decrochage_risk.evaluate.figures import SHARES, Figures
from decrochage_risk.evaluate.groups import EXIT_KIND, GroupFigures, group_labels
from decrochage_risk.evaluate.rows import sorted_codes
from decrochage_risk.french import join
from decrochage_risk.school_year import school_year_of
from decrochage_risk.small_cells import HIDDEN, PUBLISHED, Publication, is_small

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.evaluate.gates import GateResult
    from decrochage_risk.evaluate.issued import ListFigures
    from decrochage_risk.evaluate.maturity import MaturityRow
    from decrochage_risk.evaluate.rows import Codes, Floats

    Bools = npt.NDArray[np.bool_]

Hidden: TypeAlias = Collection[Hashable]
Key: TypeAlias = tuple[str, ...]

ALL: Final = "all"
EVENT: Final = "left"
STAYED: Final = "stayed"
WITHHELD: Final = f"{HIDDEN} : trop peu d'élèves, ou un effectif qui en ferait retrouver un"
"""What is written in place of a reason that holds a hidden count."""
_EVERYBODY: Final = ""
_AS_OF: Final = "as_of"
_MONTH: Final = "month"
_GAP: Final = "gap"
UNCOUNTED: Final = (
    f"effectifs d'élèves distincts : {HIDDEN}s, ils diraient combien manquent à une date d'observation"
)
"""What is written where distinct pupils, held against a date, would tell how few are not there on it."""
UNCOUNTED_GROUPS: Final = UNCOUNTED.replace("distincts", "distincts des groupes")
"""The same, where those of one of the groups would."""
_UNSEEN: Final = "unseen_schools"
_OUTCOME: Final = ((ALL, (EVENT, STAYED)),)
_MERGED: Final = ("level", "pathway", "network", "years_behind", "sex_pathway", "sex_years_behind")
"""Dimensions whose small groups are joined; a sex that is not known, or a month, stands for no other."""
_NAMED: Final = 3
_FEW_SCORES: Final = 12
"""Distinct scores up to which a score is a table of groups: its figures give their counts back."""
_WEIGHTS: Final = {_EVERYBODY: 25.0, "level": 2.0, "pathway": 4.0, "sex": 4.0, _AS_OF: 4.0}
"""What it costs to hide a count of these dimensions, beside one of another."""
_DATE_ROWS: Final = 0.25
"""What it costs to hide the rows of a date, beside its leavers: found, precision and recall of its lists need the leavers
alone, and the rows of all dates of a year are about the same."""


def merged_dimensions(
    dimensions: Mapping[str, Any],
    pupils: Any,  # noqa: ANN401  # any column
    rows: int,
) -> dict[str, npt.NDArray[np.str_]]:
    """Join the groups of under 11 pupils, dimension by dimension, before anything is measured or hidden.

    Parameters
    ----------
    dimensions : mapping of str to array_like of shape (rows,)
        The group of each row.
    pupils : array_like of shape (rows,) or None
        Pupil of each row.
    rows : int

    Examples
    --------
    >>> found = merged_dimensions({"level": ["3e"] * 20 + ["cap1"] * 5 + ["cap2"] * 8}, None, 33)
    >>> sorted(set(found["level"].tolist()))
    ['3e', 'cap1 et cap2']
    """
    people = np.arange(rows) if pupils is None else sorted_codes(pupils)
    labels_by_dimension = {}
    for dimension, values in dimensions.items():
        labels = group_labels(dimension, values, rows)
        # Before measuring: a figure of a joined group is one that can be printed.
        labels_by_dimension[dimension] = joined_labels(labels, people) if dimension in _MERGED else labels
    return labels_by_dimension


def joined_labels(labels: npt.NDArray[Any], people: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Join the groups of under 11 pupils of one dimension.

    Examples
    --------
    >>> sorted(set(joined_labels(np.repeat(["a", "b", "c"], [3, 20, 30]), np.arange(53)).tolist()))
    ['a et b', 'c']
    """
    sizes = pd.Series(people).groupby(labels).nunique()
    into = merge_small({str(name): int(size) for name, size in sizes.items()}, name=_EVERYBODY)
    small_groups = [name for name in into if into[name] == _EVERYBODY]
    if not small_groups:
        return labels
    name = join(small_groups) if len(small_groups) <= _NAMED else f"autres ({len(small_groups)} groupes)"
    return np.where(np.isin(labels, small_groups), name, labels)


def pupils_tell_few(pupils: npt.ArrayLike, days: npt.ArrayLike) -> bool:
    """Tell whether distinct pupils, printed beside the rows of these dates, would tell a few of them.

    On two dates, twice the pupils less the rows are those who are missing on one of them. Few must be neither those who miss a
    date, nor those who have fewer rows than another, nor those who have more than one.

    Parameters
    ----------
    pupils, days : array_like of shape (rows,)
        Pupil and as-of date of each row.

    Examples
    --------
    Of forty pupils three have come after the first date:

    >>> pupils, days = [*range(37), *range(40)], [*["2024-11-05"] * 37, *["2025-01-06"] * 40]
    >>> pupils_tell_few(pupils, days), pupils_tell_few(pupils[37:], days[37:])
    (True, False)
    """
    return _tell_few(sorted_codes(pupils), sorted_codes(days))


def _tell_few(pupils: Codes, days: Codes) -> bool:
    rows = np.unique(pupils, return_counts=True)[1]
    present = np.unique(days, return_counts=True)[1]
    missing = (len(rows) - present).tolist()
    return is_small(*missing, int((rows < rows.max(initial=0)).sum()), int((rows > 1).sum()))


class CountedRows:
    """Rows of pupils, counted by group and measure into a publication.

    Parameters
    ----------
    told : Publication
    scope : str
        What the rows are, unique in the publication.
    pupils : array_like of shape (rows,)
        Pupil of each row.

    Examples
    --------
    >>> told = Publication()
    >>> rows = CountedRows(told, "test", np.arange(40))
    >>> rows.add({"sex": np.repeat(["F", "M"], 20)}, {ALL: np.full(40, True)}, (), lambda *_: True)
    >>> told.counts[rows.key("sex", "F")], sorted(told.hidden())
    (20, [])
    """

    def __init__(self, told: Publication, scope: str, pupils: npt.ArrayLike) -> None:
        self._told = told
        self._scope = scope
        self._people: Codes = sorted_codes(pupils)
        # A reader who knows the dates knows how many rows one pupil may have.
        self.rows_each = int(np.bincount(self._people).max(initial=1))
        self._days: list[str] = []

    def key(self, dimension: str, group: str, measure: str = ALL, unit: str = "rows") -> Key:
        """Name of a count; ``unit`` is ``"rows"`` or, of all rows of a group, ``"pupils"``."""
        return self._scope, unit, dimension, group, measure

    def add(
        self,
        dimensions: Mapping[str, npt.NDArray[Any]],
        measures: Mapping[str, Bools],
        sums: Iterable[tuple[str, tuple[str, ...]]],
        printed: Callable[[str, str, str], bool],
        *,
        whole_only: Collection[str] = (),
        print_pupils: bool = True,
        print_pupils_of_groups: bool = True,
        whole_year: bool = False,
    ) -> None:
        """Count, and relate what adds up.

        Parameters
        ----------
        dimensions : mapping of str to array of shape (rows,)
            The group of each row, as text.
        measures : mapping of str to bool array of shape (rows,)
            With :data:`ALL`.
        sums : iterable of (whole, parts)
            Measures that are the sum of others in every group.
        printed : callable
            Given dimension, group and measure: whether it is printed.
        whole_only : collection of str
            Measures that no table divides by a group, only by as-of date.
        print_pupils : bool
            Whether distinct pupils are printed beside the rows.
        print_pupils_of_groups : bool
            Whether those of each group are, beside those of all rows.
        whole_year : bool
            Whether all pupils of the rows are a total of each date too: who is not there on it is then guarded.
        """
        apart = (_EVERYBODY, _AS_OF)
        labels = {_EVERYBODY: np.full(len(self._people), _EVERYBODY), **dimensions}
        groupings = {name: np.unique(values, return_inverse=True) for name, values in labels.items()}
        for dimension, (groups, codes) in groupings.items():
            own = {
                name: mask for name, mask in measures.items() if dimension in apart or name not in whole_only
            }
            print_own = print_pupils and (dimension in apart or print_pupils_of_groups)
            self._count(dimension, groups.tolist(), codes, own, printed, print_pupils=print_own)
            for group in groups.tolist():
                for whole, parts in sums:
                    if whole in own and parts[0] in own:
                        self._told.total(
                            self.key(dimension, group, whole),
                            [self.key(dimension, group, part) for part in parts],
                        )
        self._relate(groupings, measures)
        self._guard_dates(groupings, whole_year=whole_year)

    def _count(
        self,
        dimension: str,
        groups: list[str],
        codes: Codes,
        measures: Mapping[str, Bools],
        printed: Callable[[str, str, str], bool],
        *,
        print_pupils: bool,
    ) -> None:
        owners = int(self._people.max(initial=0)) + 1
        weight = _WEIGHTS.get(dimension, 1.0)
        for measure, mask in measures.items():
            rows = np.bincount(codes[mask], minlength=len(groups))
            # Group and pupil as one number: distinct pupils per group without a Python loop.
            pairs = pd.unique(codes[mask].astype(np.int64) * owners + self._people[mask])
            people = np.bincount(pairs // owners, minlength=len(groups))
            for group, count, distinct in zip(groups, rows.tolist(), people.tolist(), strict=True):
                is_printed = printed(dimension, group, measure)
                name = self.key(dimension, group, measure)
                cost = weight * (_DATE_ROWS if dimension == _AS_OF and measure == ALL else 1.0)
                self._told.count(
                    name, count, printed=is_printed, people=distinct, rows_each=self.rows_each, weight=cost
                )
                if measure == ALL:
                    shown = is_printed and print_pupils
                    self._pupils(dimension, group, distinct, is_printed=shown, weight=cost)

    def _pupils(self, dimension: str, group: str, distinct: int, *, is_printed: bool, weight: float) -> None:
        rows, pupils = self.key(dimension, group), self.key(dimension, group, unit="pupils")
        self._told.count(pupils, distinct, printed=is_printed, weight=weight)
        # Rows and pupils of one group differ by little: each would give the other back.
        self._told.tie([rows, pupils])
        self._told.at_most(pupils, rows)
        self._told.at_most(rows, pupils, times=self.rows_each)

    def same_dates(self, other: CountedRows) -> None:
        """Say that a reader knows by how much the as-of dates of two tables differ: the same rows, counted twice."""
        for day in self._days:
            for measure in (ALL, EVENT, STAYED):
                pair = [rows.key(_AS_OF, day, measure) for rows in (self, other)]
                if all(one in self._told for one in pair):
                    self._told.differ(*pair)

    def _guard_dates(self, groupings: Mapping[str, tuple[Any, Codes]], *, whole_year: bool) -> None:
        """Guard what the dates of one school year differ by: nearly everybody of a later one was there on an earlier one."""
        self._days = days = groupings[_AS_OF][0].tolist() if _AS_OF in groupings else []
        years = {day: school_year_of(day) for day in days}
        # From one date to the next, small or not: that hardly anybody comes in the year is known, and bounds what is hidden.
        # Farther apart only what is small: the rest are sums of these.
        for at, first in enumerate(days):
            for step, second in enumerate(days[at + 1 :]):
                if years[first] == years[second]:
                    self._guard_gap(_AS_OF, first, second, always=step == 0)
        if whole_year:
            for day in days:
                pupils = self.key(_EVERYBODY, _EVERYBODY, unit="pupils")
                self._guard(pupils, self.key(_AS_OF, day), (*pupils, _GAP, day), always=True)
        months = groupings[_MONTH][0].tolist() if _MONTH in groupings else []
        # A month of one date is that date; one of several years is a sum of dates, whose differences add up.
        if len(months) != len(days):
            for first, second in combinations(months, 2):
                self._guard_gap(_MONTH, first, second, always=False, each=max(1, len(set(years.values()))))

    def _guard_gap(self, dimension: str, first: str, second: str, *, always: bool, each: int = 1) -> None:
        for measure in (ALL, EVENT, STAYED):
            pair = [self.key(dimension, group, measure) for group in (first, second)]
            if pair[0] in self._told and pair[1] in self._told:
                large, small = sorted(pair, key=lambda name: -self._told.counts[name])
                self._guard(large, small, (*pair[0], _GAP, second), always=always, each=each)

    def _guard(self, large: Key, small: Key, name: Key, *, always: bool, each: int = 1) -> None:
        rows = self._told.counts[large] - self._told.counts[small]
        people = -(-rows // each)
        if rows >= 0 and (always or is_small(people, least=self._told.least)):
            self._told.count(name, rows, printed=False, people=people, rows_each=each)
            self._told.total(large, [small, name])

    def _relate(self, groupings: Mapping[str, tuple[Any, Codes]], measures: Mapping[str, Bools]) -> None:
        """Say which groups are made of the groups of another dimension."""
        for inner, (parts, fine) in groupings.items():
            for outer, (groups, coarse) in groupings.items():
                if inner in (outer, _EVERYBODY):
                    continue
                pairs = np.unique(np.column_stack([coarse, fine]), axis=0)
                homes = np.bincount(pairs[:, 1], minlength=len(parts))
                for at, group in enumerate(groups.tolist()):
                    own = pairs[pairs[:, 0] == at, 1]
                    # Only where each part lies in one whole: sums of groups that overlap tell nothing
                    # exactly.
                    if (homes[own] > 1).any():
                        continue
                    names = parts[own].tolist()
                    for measure in measures:
                        parts_of = [self.key(inner, part, measure) for part in names]
                        if parts_of[0] in self._told and self.key(outer, group, measure) in self._told:
                            self._told.total(self.key(outer, group, measure), parts_of)
                    # Who is there on several dates is printed nowhere: it is guarded by itself, not taken as known.
                    if len(names) == 1 or inner not in (_AS_OF, _MONTH):
                        self._told.total(
                            self.key(outer, group, unit="pupils"),
                            [self.key(inner, part, unit="pupils") for part in names],
                            overlapping=True,
                        )


@dataclass(slots=True, eq=False, kw_only=True)
class ReportTables:
    """The rows of a report, from which it is found what may be printed.

    Attributes
    ----------
    outcome : array of shape (rows,)
    pupils : array of shape (rows,)
        Pupil of each row; the rows themselves when they are not told.
    dimensions : mapping of str to text array of shape (rows,)
        Those that the groups of the report are of.
    lists : mapping of str to bool array
        The marks of each list, by its name; the first is the one that groups and gates are measured on.
    as_of : array of shape (rows,) or None
        As-of date of each row, as ISO text.
    exit_kinds : array of shape (rows,) or None
    scores : mapping of str to array of shape (rows,)
        Of the model (``""``) and of the baselines.
    schools : int
        Distinct schools.
    unjoined : mapping of str to text array of shape (rows,)
        Groups of the same dimensions before small ones were joined: no table prints them, but the other tables could give
        one back.
    unseen : bool array or None
        Rows of the second view.
    pupils_told : bool
        Whether distinct pupils are told: not where a few of them are missing on some date. Those of the groups add up to all
        of them, so none are told then; rows and figures are.
    """

    outcome: Floats
    pupils: npt.NDArray[Any]
    dimensions: Mapping[str, npt.NDArray[Any]]
    lists: Mapping[str, npt.NDArray[np.bool_]]
    as_of: npt.NDArray[Any] | None
    exit_kinds: npt.NDArray[Any] | None
    scores: Mapping[str, Floats]
    schools: int
    unjoined: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    unseen: npt.NDArray[np.bool_] | None = None
    rows: CountedRows | None = field(default=None, init=False)
    pupils_told: bool = field(default=True, init=False)
    pupils_of_groups_told: bool = field(default=True, init=False)

    def add_to(self, told: Publication, groups: Sequence[GroupFigures], scope: str = "report") -> None:
        """Add every count that the report prints or lets a reader find."""
        self.rows = rows = CountedRows(told, scope, self.pupils)
        if self.as_of is not None:
            pupils, days = sorted_codes(self.pupils), sorted_codes(self.as_of)
            self.pupils_told = not _tell_few(pupils, days)
            # All groups or none: one that is left out would follow from the others of its dimension.
            self.pupils_of_groups_told = self.pupils_told and not any(
                _tell_few(pupils[inside], days[inside]) for inside in self._rows_of_groups(groups)
            )
        event = self.outcome == 1
        measures, sums = list_measures(event, list(self.lists.values()))
        figures_of = {(one.dimension, one.group): one for one in groups}
        apart = {_EVERYBODY, _AS_OF, _UNSEEN}

        def printed(dimension: str, group: str, measure: str) -> bool:
            if dimension == _UNSEEN:
                return group == "True" and measure in (ALL, EVENT)
            figures = figures_of.get((dimension, group))
            if figures is None and dimension not in apart:
                return False
            if measure == ALL:
                return True
            is_measured = dimension in apart or (figures is not None and not figures.too_small)
            first = measure in (_listed(0), _hits(0))
            return is_measured and (
                measure == EVENT or first or (dimension in apart and measure in (_listed(1), _hits(1)))
            )

        # Measures of the second list are printed for all rows only, so they need no relations elsewhere.
        others = [name for name in measures if name not in (ALL, EVENT, STAYED) and not name.endswith("0")]
        rows.add(
            self._all_dimensions(groups),
            measures,
            sums,
            printed,
            whole_only=others,
            print_pupils=self.pupils_told,
            print_pupils_of_groups=self.pupils_of_groups_told,
            whole_year=True,
        )
        self._add_exits(told, figures_of, event)

    def _rows_of_groups(self, groups: Sequence[GroupFigures]) -> Iterator[npt.NDArray[np.bool_]]:
        """Give the rows of each group whose pupils would be printed."""
        if self.unseen is not None:
            yield self.unseen
        for one in groups:
            if one.pupils is None:
                continue
            if one.dimension == EXIT_KIND and self.exit_kinds is not None:
                yield (self.outcome != 1) | (self.exit_kinds == one.group)
            elif one.dimension in self.dimensions:
                yield np.asarray(self.dimensions[one.dimension] == one.group)

    def _all_dimensions(self, groups: Sequence[GroupFigures]) -> dict[str, npt.NDArray[Any]]:
        columns = dict(self.dimensions)
        for name, labels in self.unjoined.items():
            # The groups before joining are printed nowhere, but a reader may know them: they are guarded too.
            if not np.array_equal(labels, self.dimensions[name]):
                columns[f"{name}, unjoined"] = labels
        large = {one.group for one in groups if one.dimension == "school" and not one.too_small}
        small = next((one.group for one in groups if one.dimension == "school" and one.too_small), None)
        if "school" in columns and small is not None:
            columns["school"] = np.where(np.isin(columns["school"], list(large)), columns["school"], small)
        if self.as_of is not None:
            columns[_AS_OF] = self.as_of
        if self.unseen is not None:
            columns[_UNSEEN] = self.unseen.astype(str)
        return columns

    def _add_exits(
        self, publication: Publication, figures_of: Mapping[tuple[str, str], GroupFigures], event: Bools
    ) -> None:
        """Add the leavers of each kind; each is measured beside all who stayed."""
        if self.exit_kinds is None or self.rows is None:
            return
        rows, parts = self.rows, []
        for kind in np.unique(self.exit_kinds[event]).tolist():
            inside = event & (self.exit_kinds == kind)
            figures = figures_of.get((EXIT_KIND, kind))
            name, whole = rows.key(EXIT_KIND, kind, EVENT), rows.key(EXIT_KIND, kind)
            people = len(pd.unique(self.pupils[inside]))
            count = int(inside.sum())
            publication.count(
                name,
                count,
                printed=figures is not None and not figures.too_small,
                people=people,
                rows_each=rows.rows_each,
            )
            publication.count(whole, count + int((~event).sum()), printed=figures is not None)
            publication.total(whole, [name, rows.key(_EVERYBODY, _EVERYBODY, STAYED)])
            both = len(pd.unique(self.pupils[inside | ~event]))
            publication.count(
                rows.key(EXIT_KIND, kind, unit="pupils"),
                both,
                printed=figures is not None and self.pupils_of_groups_told,
            )
            publication.differ(rows.key(EXIT_KIND, kind, unit="pupils"), whole)
            publication.tie([whole, rows.key(EXIT_KIND, kind, unit="pupils")])
            parts.append(name)
        publication.total(rows.key(_EVERYBODY, _EVERYBODY, EVENT), parts)

    def _is_hidden(self, hidden: Hidden, dimension: str, group: str, *measures: str) -> bool:
        if self.rows is None:
            return True
        keys = [self.rows.key(dimension, group, measure) for measure in (ALL, *measures)]
        return any(key in hidden for key in [*keys, self.rows.key(dimension, group, unit="pupils")])

    def _is_secret(self, hidden: Hidden, dimension: str, group: str, measure: str) -> bool:
        return self.rows is None or self.rows.key(dimension, group, measure) in hidden

    def whole_hidden(self, hidden: Hidden) -> bool:
        """Tell whether not even all rows together may be counted: so few left, or stayed."""
        return self._is_hidden(hidden, _EVERYBODY, _EVERYBODY, EVENT)

    def told_groups(self, groups: Sequence[GroupFigures], hidden: Hidden) -> tuple[GroupFigures, ...]:
        """Give the groups with what may be printed of each."""
        return tuple(self._told_group(one, hidden) for one in groups)

    def _told_group(self, one: GroupFigures, hidden: Hidden) -> GroupFigures:
        if not self.pupils_of_groups_told:
            one = one.model_copy(update={"pupils": None})
        place = (one.dimension, one.group)
        if self._is_hidden(hidden, *place):
            fields = {"dimension": one.dimension, "group": one.group, "too_small": one.too_small}
            return GroupFigures(rows=None, hidden=True, **fields)
        if one.too_small:
            return one
        if self._is_hidden(hidden, *place, EVENT):
            fields = {"dimension": one.dimension, "group": one.group, "rows": one.rows, "pupils": one.pupils}
            return GroupFigures(figures_hidden=True, **fields)
        if one.listed is not None and self._is_hidden(hidden, *place, _listed(0), _hits(0)):
            return one.model_copy(update=dict.fromkeys(_OF_A_LIST))
        return one

    def told_lists(self, lists: Sequence[ListFigures], hidden: Hidden) -> tuple[ListFigures, ...]:
        """Give the lists with what may be printed of each."""
        names = list(self.lists)
        return tuple(self._told_list(one, names.index(one.name), hidden) for one in lists)

    def _told_list(self, one: ListFigures, at: int, hidden: Hidden) -> ListFigures:
        place = (_EVERYBODY, _EVERYBODY) if one.as_of is None else (_AS_OF, one.as_of.isoformat())
        # Quantiles over so few schools would tell the list of one of them.
        blanks: set[str] = set() if self.schools >= PUBLISHED else set(_WORKLOAD)
        if self._is_hidden(hidden, *place):
            # What remains has no rows in it: the list, the leavers and those found are judged by themselves.
            blanks |= {"rows", *_OF_ROWS} if one.as_of is not None else set(_LIST)
        if self._is_secret(hidden, *place, EVENT):
            blanks |= {"events", "hits", *_FOUND}
        if self._is_secret(hidden, *place, _listed(at)):
            blanks |= {"listed", "hits", *_EXPECTED, *_FOUND, *_WORKLOAD}
        if self._is_secret(hidden, *place, _hits(at)):
            blanks |= {"hits", *_FOUND}
        return one.model_copy(update=dict.fromkeys(blanks)) if blanks else one

    def told_gates(self, gates: Sequence[GateResult], hidden: Hidden) -> tuple[GateResult, ...]:
        """Give the gates, without the figure where its counts are hidden; the verdict stays."""
        if self.rows is None or self.whole_hidden(hidden):
            return tuple(_without_figure(one) for one in gates)
        return told_gates(gates, self.rows, hidden)

    def told_figures(self, figures: Figures, hidden: Hidden, score: str = "") -> Figures:
        """Give the figures of a score on all rows, with what may be printed."""
        if self.whole_hidden(hidden):
            return _withheld(figures)
        # An AUC of a yes-or-no flag gives the four counts of its table back.
        if score and self._is_flag(score) and self._tells_few(score):
            pupils = figures.pupils if self.pupils_told else None
            return _withheld(figures, rows=figures.rows, pupils=pupils, events=figures.events)
        blanks: dict[str, Any] = dict.fromkeys(self._narrow_tops(score))
        if not self.pupils_told:
            # Said once, of the model: the pupils of a baseline are the same.
            notes = figures.notes if score else (*figures.notes, UNCOUNTED)
            blanks |= {"pupils": None, "notes": notes}
        elif not self.pupils_of_groups_told and not score:
            blanks["notes"] = (*figures.notes, UNCOUNTED_GROUPS)
        return figures.model_copy(update=blanks)

    def told_unseen(self, figures: Figures | None, hidden: Hidden) -> Figures | None:
        """Give the second view with what may be printed."""
        if figures is None or self.unseen is None:
            return figures
        if self._is_hidden(hidden, _UNSEEN, "True", EVENT):
            return _withheld(figures)
        shown = _without_tops(figures)
        return shown if self.pupils_of_groups_told else shown.model_copy(update={"pupils": None})

    def _is_flag(self, score: str) -> bool:
        return len(np.unique(self.scores[score])) <= _FEW_SCORES

    def _tells_few(self, score: str) -> bool:
        """Tell whether a score of few values has one of few pupils, who left or who did not."""
        pairs = pd.DataFrame({"score": self.scores[score], "left": self.outcome, "pupil": self.pupils})
        return is_small(*pairs.groupby(["score", "left"])["pupil"].nunique().tolist())

    def hidden_scores(self, hidden: Hidden) -> set[str]:
        """Names of the scores of which no figure may be printed."""
        if self.whole_hidden(hidden):
            return set(self.scores)
        return {name for name in self.scores if name and self._is_flag(name) and self._tells_few(name)}

    def _narrow_tops(self, score: str) -> list[str]:
        """Figures among the highest scores that would tell a few pupils: those found there, or between two of them."""
        values = self.scores.get(score)
        if values is None:
            return []
        order = np.argsort(-values, kind="stable")
        event, people, before = self.outcome[order] == 1, self.pupils[order], 0
        blanks: list[str] = []
        for share in SHARES:
            end = max(1, int(np.floor(share * len(order) + 0.5)))
            # From the last printed edge: what lies between two edges is the difference of two figures.
            parts = [slice(before, end), slice(end, None)]
            cells = [
                len(pd.unique(people[part][event[part] == left])) for part in parts for left in (True, False)
            ]
            if is_small(*cells):
                blanks += [f"{name}_at_{round(100 * share)}" for name in ("precision", "recall", "lift")]
            else:
                # A share that is hidden is no edge: the next one is held against the last that is printed.
                before = end
        return blanks


def told_gates(
    gates: Sequence[GateResult], rows: CountedRows, hidden: Hidden, at: int = 0
) -> tuple[GateResult, ...]:
    """Give the gates, without the figure where its counts are hidden; the verdict stays.

    Parameters
    ----------
    gates : sequence of GateResult
    rows : CountedRows
        By every dimension of the gates.
    hidden : collection of names
    at : int
        Which list the gates are on.
    """
    return tuple(
        _without_figure(one) if one.figure is not None and _gate_hidden(one, rows, hidden, at) else one
        for one in gates
    )


def _gate_hidden(one: GateResult, rows: CountedRows, hidden: Hidden, at: int) -> bool:
    measures = (ALL, EVENT) if one.name.startswith("calibration") else (ALL, EVENT, _listed(at), _hits(at))
    groups = one.group.split(" / ") if one.name == "fnr_gap" else [one.group]
    return any(rows.key(one.dimension, group, measure) in hidden for group in groups for measure in measures)


def _without_figure(one: GateResult) -> GateResult:
    if one.figure is None:
        return one
    return one.model_copy(update={"figure": None, "low": None, "high": None, "reason": WITHHELD})


def list_measures(
    outcome: Bools, lists: Sequence[npt.NDArray[np.bool_]]
) -> tuple[dict[str, Bools], list[tuple[str, tuple[str, ...]]]]:
    """Give what is counted of some lists, and what adds up in it.

    Of those who are not listed too: the leavers that a list misses, and those rightly not on it.

    Examples
    --------
    >>> measures, sums = list_measures(np.array([True, False]), [np.array([True, True])])
    >>> {name: int(mask.sum()) for name, mask in measures.items()}
    {'all': 2, 'left': 1, 'stayed': 1, 'listed0': 2, 'hits0': 1, 'alarms0': 1, 'missed0': 0, 'spared0': 0, 'unlisted0': 0}
    """
    measures: dict[str, Bools] = {
        ALL: np.ones(len(outcome), dtype=np.bool_),
        EVENT: outcome,
        STAYED: ~outcome,
    }
    sums: list[tuple[str, tuple[str, ...]]] = list(_OUTCOME)
    for at, marks in enumerate(lists):
        measures |= {
            _listed(at): marks,
            _hits(at): marks & outcome,
            f"alarms{at}": marks & ~outcome,
            f"missed{at}": outcome & ~marks,
            f"spared{at}": ~marks & ~outcome,
            f"unlisted{at}": ~marks,
        }
        sums += [
            (_listed(at), (_hits(at), f"alarms{at}")),
            (EVENT, (_hits(at), f"missed{at}")),
            (STAYED, (f"alarms{at}", f"spared{at}")),
            (f"unlisted{at}", (f"missed{at}", f"spared{at}")),
        ]
    return measures, sums


def told_dates(
    dates: Sequence[MaturityRow], rows: CountedRows | None, hidden: Hidden
) -> tuple[MaturityRow, ...]:
    """Give the as-of dates with what may be printed of each."""
    printable = []
    for one in dates:
        place = (_AS_OF, one.as_of.isoformat())
        secret = {"rows": ALL, "events": EVENT}
        blanks = [
            name for name, measure in secret.items() if rows is None or rows.key(*place, measure) in hidden
        ]
        printable.append(one.model_copy(update=dict.fromkeys(blanks)))
    return tuple(printable)


_OF_A_LIST: Final = (
    "listed",
    *(f"{name}{end}" for name in ("missed", "false_alarm", "precision") for end in ("", "_low", "_high")),
)
_EXPECTED: Final = ("expected", "expected_low", "expected_high")
_FOUND: Final = (
    "lift",
    *(f"{name}{end}" for name in ("precision", "recall", "false_alarm") for end in ("", "_low", "_high")),
)
_OF_ROWS: Final = ("lift", "false_alarm", "false_alarm_low", "false_alarm_high")
"""Figures of a list that are counted with the rows of a date: its rate, and those who did not leave."""
_WORKLOAD: Final = ("per_school", "per_school_low", "per_school_high")
_LIST: Final = ("rows", "listed", "events", "hits", *_EXPECTED, *_FOUND, *_WORKLOAD)
_TOPS: Final = tuple(
    f"{name}_at_{round(100 * share)}" for share in SHARES for name in ("precision", "recall", "lift")
)


def _listed(at: int) -> str:
    return f"listed{at}"


def _hits(at: int) -> str:
    return f"hits{at}"


def _withheld(figures: Figures, **kept: int | None) -> Figures:
    counts = {"rows": None, "events": None, "base_rate": None, **kept}
    return Figures(**counts, notes=(*figures.notes, WITHHELD))


def _without_tops(figures: Figures) -> Figures:
    """Leave out the figures among the highest scores, whose rows are not at hand."""
    return figures.model_copy(update=dict.fromkeys(_TOPS))


def merge_small(
    sizes: Mapping[str, int], *, least: int = PUBLISHED, name: str = "autres", keep: Iterable[str] = ()
) -> dict[str, str]:
    """Join small categories into one, before anything is hidden.

    Parameters
    ----------
    sizes : mapping of str to int
        Pupils of each category.
    least : int
        Pupils from which a category stands alone.
    name : str
        What the joined categories are called.
    keep : iterable of str
        Categories that are never joined (a missing sex is no sex); they are hidden when they are small.

    Returns
    -------
    dict of str to str
        The category that each is counted in. A single small one is joined with the next smallest, and so on until
        the joined ones are not small; where nothing is left to join with, nothing is joined.

    Examples
    --------
    >>> merge_small({"cap1": 4, "cap2": 30, "3e": 80, "4e": 90})
    {'cap1': 'autres', 'cap2': 'autres', '3e': '3e', '4e': '4e'}
    """
    stays = set(keep)
    movable = sorted((one for one in sizes if one not in stays), key=lambda one: (sizes[one], one))
    group = [one for one in movable if 0 < sizes[one] < least]
    others = [one for one in movable if sizes[one] >= least]
    if group and len(movable) > 1:
        while (len(group) == 1 or sum(sizes[one] for one in group) < least) and others:
            group.append(others.pop(0))
    if len(group) <= 1:
        group = []
    return {one: name if one in group else one for one in sizes}
