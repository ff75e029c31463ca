"""Small cells are hidden so that no reader of a publication finds them by subtraction."""

from __future__ import annotations

from functools import cache
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.evaluate.disclosure import merge_small
from decrochage_risk.policy.tier_counts import merge_bands
from decrochage_risk.small_cells import (
    INSIDE,
    PUBLISHED,
    Publication,
    SmallCellError,
    attack,
    hidden_counts,
    is_small,
)

if TYPE_CHECKING:
    import numpy.typing as npt


def crossed(table: npt.NDArray[np.int64], *, least: int = PUBLISHED, width: int = 5) -> Publication:
    """Two crossed classifications with both margins and the total, all of them printed."""
    told = Publication(least=least, width=width)
    rows, columns = table.shape
    for row, column in product(range(rows), range(columns)):
        told.count((row, column), int(table[row, column]))
    for row in range(rows):
        told.count((row, "all"), int(table[row].sum()), weight=2.0)
        told.total((row, "all"), [(row, column) for column in range(columns)])
    for column in range(columns):
        told.count(("all", column), int(table[:, column].sum()), weight=2.0)
        told.total(("all", column), [(row, column) for row in range(rows)])
    told.count("all", int(table.sum()), weight=4.0)
    told.total("all", [(row, "all") for row in range(rows)])
    told.total("all", [("all", column) for column in range(columns)])
    return told


def tables(most: int, *, rows: int = 4, columns: int = 4) -> st.SearchStrategy[npt.NDArray[np.int64]]:
    """Draw small tables, many cells of which are zero or small."""
    cell = st.one_of(st.integers(0, 3), st.integers(0, most))
    shapes = st.tuples(st.integers(1, rows), st.integers(1, columns))
    return shapes.flatmap(
        lambda shape: st.lists(cell, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
            lambda cells: np.array(cells, dtype=np.int64).reshape(shape)
        )
    )


@settings(max_examples=15, deadline=None)
@given(tables(60))
def test_who_knows_all_printed_numbers_finds_a_wide_interval(table: npt.NDArray[np.int64]) -> None:
    """Whoever knows every printed number finds, by linear programming, an interval of 5 at least for each hidden count."""
    told = crossed(table)
    hidden = told.hidden()
    small = {name for name, value in told.counts.items() if is_small(value)}
    assert small <= hidden
    assert all(high - low >= 5 - 1e-6 for low, high in attack(told, hidden).values())


@settings(max_examples=10, deadline=None)
@given(tables(25, rows=3, columns=3))
def test_who_knows_the_rule_never_finds_a_hidden_count(table: npt.NDArray[np.int64]) -> None:
    """Whoever knows the rule, and even which hidden counts are small, finds two values at least for each hidden count."""
    told = crossed(table)
    found = attack(told, told.hidden(), rule=True)
    assert all(high > low for low, high in found.values())


@settings(max_examples=8, deadline=None)
@given(tables(30, rows=3, columns=3), st.sampled_from([INSIDE, PUBLISHED]))
def test_what_is_hidden_holds_the_truth(table: npt.NDArray[np.int64], least: int) -> None:
    """The true value of each hidden count lies in what a reader finds, with and without the rule."""
    told = crossed(table, least=least, width=2)
    hidden = told.hidden()
    for rule in (False, True):
        assert all(
            low <= told.counts[name] <= high for name, (low, high) in attack(told, hidden, rule=rule).items()
        )


@settings(max_examples=8, deadline=None)
@given(tables(40, rows=3, columns=3))
def test_nothing_is_hidden_without_need(table: npt.NDArray[np.int64]) -> None:
    """A count that is hidden but not small cannot be printed again: some count would then be found too closely."""
    told = crossed(table)
    hidden = told.hidden()
    for name in hidden - {name for name, value in told.counts.items() if is_small(value)}:
        less = hidden - {name}
        wide = all(high - low >= 5 - 1e-6 for low, high in attack(told, less).values())
        assert not (wide and all(high > low for low, high in attack(told, less, rule=True).values()))


@pytest.mark.whole
@settings(max_examples=30, deadline=None)
@given(tables(40))
def test_the_choice_is_the_same_every_time(table: npt.NDArray[np.int64]) -> None:
    """The same counts give the same choice."""
    assert crossed(table).hidden() == crossed(table).hidden()


@cache
def shown(cells: tuple[int, ...]) -> tuple[int | None, ...]:
    """Give what a table of one sum prints: its cells, then their total."""
    told = Publication(least=INSIDE, width=3)
    for place, value in enumerate(cells):
        told.count(place, value)
    told.count("all", sum(cells), weight=3.0)
    told.total("all", range(len(cells)))
    hidden = told.hidden()
    return tuple(None if name in hidden else value for name, value in told.counts.items())


@pytest.mark.slow
def test_who_runs_the_choice_itself_on_every_table_still_finds_two_values() -> None:
    """Of all tables of one sum that print the same numbers and hide the same ones, each hidden count has two values."""
    for cells in product(range(7), repeat=3):
        printed, truth = shown(cells), (*cells, sum(cells))
        unknown = {place for place, value in enumerate(printed) if value is None}
        ranges = [range(13) if value is None else [value] for value in printed[:-1]]
        for other in product(*ranges):
            if not unknown:
                break
            if printed[-1] in (None, sum(other)) and shown(other) == printed:
                unknown -= {place for place in unknown if (*other, sum(other))[place] != truth[place]}
        assert not unknown, (cells, printed)


def test_counts_that_nobody_prints_are_guarded() -> None:
    """A small difference of two printed counts (97 of 100 left) hides one of them."""
    told = Publication()
    told.count("all", 100)
    told.count("left", 97)
    told.count("stayed", 3, printed=False)
    told.total("all", ["left", "stayed"])
    hidden = told.hidden()
    assert hidden
    low, high = attack(told, hidden)["stayed"]
    assert high - low >= 5


def test_adjacent_thresholds_do_not_give_a_band_away() -> None:
    """Cumulated counts that differ by three pupils are not printed side by side."""
    told = Publication()
    for edge, above in enumerate((200, 120, 117, 60)):
        told.count(edge, above)
    for edge, band in enumerate((80, 3, 57)):
        told.count(("band", edge), band, printed=False)
        told.total(edge, [("band", edge), edge + 1])
    hidden = told.hidden()
    assert hidden & {1, 2}
    low, high = attack(told, hidden)[("band", 1)]
    assert high - low >= 5


def test_rows_are_as_small_as_their_pupils() -> None:
    """Sixteen rows of four pupils are few pupils, and are hidden."""
    told = Publication()
    told.count("few", 16, people=4, rows_each=4)
    told.count("many", 160, people=40, rows_each=4)
    told.count("all", 176, people=44, rows_each=4)
    told.total("all", ["few", "many"])
    assert "few" in told.hidden()


def test_tied_counts_are_hidden_together() -> None:
    """What is printed together or not at all is hidden together."""
    told = Publication()
    told.count("small", 3)
    told.count("large", 300)
    told.tie(["small", "large"])
    assert told.hidden() == {"small", "large"}


def test_a_known_difference_is_a_way_in() -> None:
    """A count that is hidden in one table is hidden in the other that counts the same pupils."""
    told = Publication()
    told.count("here", 7)
    told.count("there", 30)
    told.differ("here", "there")
    assert told.hidden() == {"here", "there"}


def test_more_of_a_part_than_of_the_whole_is_refused() -> None:
    """Counts that contradict their own relations are refused, and named."""
    told = Publication()
    told.count("all", 10)
    told.count("part", 11)
    with pytest.raises(SmallCellError, match="'part' = 11"):
        told.at_most("part", "all")
    with pytest.raises(SmallCellError, match="overlapping=True"):
        told.total("all", ["part"])


@pytest.mark.parametrize(
    ("name", "value", "people", "rows_each"),
    [("all", 3, None, 1), ("new", -1, None, 1), ("new", 3, 4, 1), ("new", 9, 2, 4)],
)
def test_a_count_that_cannot_be_is_refused(name: str, value: int, people: int | None, rows_each: int) -> None:
    """A name that is taken, a negative count, and more pupils or rows than can be are refused."""
    told = Publication()
    told.count("all", 10)
    with pytest.raises(SmallCellError, match=r"Hint: "):
        told.count(name, value, people=people, rows_each=rows_each)


def test_an_unknown_name_is_refused() -> None:
    """A relation to a count that was not added is refused."""
    told = Publication()
    with pytest.raises(SmallCellError, match="'all'"):
        told.tie(["all"])


def test_a_rule_that_tells_by_itself_is_refused() -> None:
    """With ``least`` of 2 every hidden count would be 1."""
    with pytest.raises(SmallCellError, match="least=2"):
        Publication(least=2)


def test_a_count_that_nothing_moves_is_said() -> None:
    """A small count that the reader knows from elsewhere cannot be protected, and is named."""
    told = Publication()
    told.count("one", 3, printed=False)
    told.total("one", [], overlapping=True)
    with pytest.raises(SmallCellError, match="'one' stays known"):
        told.hidden()


def test_a_list_of_one_small_count_is_hidden() -> None:
    """One cause of few pupils has no other count to hide with: it is not told, whether its sum is known or not."""
    assert hidden_counts({"outcome unknown": 3}) == {"outcome unknown": None}
    assert hidden_counts({"outcome unknown": 3}, total=False) == {"outcome unknown": None}
    assert hidden_counts({"outcome unknown": 30}) == {"outcome unknown": 30}


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(1, 15), st.integers(1, 12)), min_size=1)
)
def test_rows_are_told_by_the_pupils_behind_them(causes: dict[str, tuple[int, int]]) -> None:
    """No count of rows of 1 to 10 pupils is told, however many rows each has; without a sum, every other one is."""
    people = {name: pupils for name, (pupils, _) in causes.items()}
    rows = {name: pupils * each for name, (pupils, each) in causes.items()}
    told = hidden_counts(rows, people=people, total=False)
    assert told == {name: None if is_small(people[name]) else count for name, count in rows.items()}
    assert not any(
        value is not None and is_small(people[name])
        for name, value in hidden_counts(rows, people=people).items()
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([0, 0, 1, 3, 4, 5, 9, 12, 40]), min_size=1, max_size=4))
def test_every_list_of_causes_can_be_told(values: list[int]) -> None:
    """Whatever the counts, a list comes back: no small count is in it, and where little can be hidden nothing is told."""
    counts = {f"cause {place}": value for place, value in enumerate(values)}
    published = hidden_counts(counts)
    assert list(published) == list(counts)
    assert all(value is None or value == counts[name] for name, value in published.items())
    assert not any(value is not None and is_small(value) for value in published.values())
    if sum(value > 0 for value in values) == 1 and is_small(max(values)):
        assert set(published.values()) == {None}


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 40), min_size=1, max_size=8))
def test_joined_categories_are_not_small(sizes: dict[str, int]) -> None:
    """No joined category is small, unless all of them together are; nothing is lost by joining."""
    into = merge_small(sizes)
    joined: dict[str, int] = {}
    for name, size in sizes.items():
        joined[into[name]] = joined.get(into[name], 0) + size
    assert set(into) == set(sizes)
    assert sum(joined.values()) == sum(sizes.values())
    if any(is_small(size) for size in joined.values()):
        assert len(sizes) == 1 or sum(sizes.values()) < PUBLISHED or len(joined) == 1


def test_what_is_kept_apart_is_not_joined() -> None:
    """A category that stands for no other (a sex that is not known) is left to be hidden."""
    assert merge_small({"F": 50, "M": 60, "?": 3}, keep=["F", "M", "?"]) == {"F": "F", "M": "M", "?": "?"}


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), min_size=1, max_size=8),
    st.sets(st.integers(1, 7)),
)
def test_no_band_between_kept_edges_is_small(counts: list[tuple[int, int]], keep: set[int]) -> None:
    """Between the edges that stay, no band holds a small count, unless all of them together do."""
    edges = [0, *merge_bands(counts, keep=keep), len(counts)]
    parts = [np.sum(counts[low:high], axis=0) for low, high in pairwise(edges)]
    assert len(parts) == 1 or not any(is_small(*part.tolist()) for part in parts)
