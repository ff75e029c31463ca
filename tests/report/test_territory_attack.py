"""A reader who holds the pages of all networks and their CSV attacks the hidden cells, by relations written down here anew."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from decrochage_risk import french
from decrochage_risk.pages.rendering import HIDDEN
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.report import TerritoryReport, count_territory
from decrochage_risk.report.situations import Way
from decrochage_risk.report.territory import _DELAY, _ENTRIES, ALL, VOIES, MissingData
from decrochage_risk.small_cells import INSIDE, PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from decrochage_risk.report import Territory
    from decrochage_risk.score import RiskScores, RunFacts
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.slow

_WHEN = {"in_year": "en cours d'année", "summer": "non revenus à la rentrée"}
_PATH = {"delay": "Un an de retard ou plus", "wish": "Premier vœu non obtenu"}
_LEAST_WIDTH = 5 - 1e-4


@pytest.fixture(scope="module")
def counted(small_scores: RiskScores, small_cohort: Cohort) -> Territory:
    """Count the region of the small cohort, some months of it, with schools that lack data, one of few pupils."""
    territory = count_territory(small_scores, outcomes=small_cohort.outcomes, despite_verdict=True)
    months = {month.isoformat() for month in (*territory.months[:3], *territory.months_before[:2])}
    shares = {key: share for key, share in territory.shares.items() if key[0] != "month" or key[4] in months}
    network = territory.networks[0]
    lacking = tuple(
        MissingData(network, name, pupils, "absences", "non transmises à ce jour")
        for name, pupils in (("0009901A", 3), ("0009902B", 24), ("0009903C", 31))
    )
    return replace(territory, shares=shares, missing=lacking)


@pytest.fixture(scope="module", params=[INSIDE, PUBLISHED])
def territory(counted: Territory, request: pytest.FixtureRequest) -> Territory:
    """Hide as for the people of the academy, and as for what is published."""
    return replace(counted, least=request.param)


def _rows_of(key: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Name the CSV that tells a share, and the cells by which its row begins."""
    block, *rest = key
    if block == "level":
        return "eleves", (LEVEL_BY_NAME[rest[0]].label,)
    if block == "left":
        return "sorties", (f"{VOIES[rest[1]]}, {_WHEN[rest[0]]}", french.school_year(int(rest[2])))
    if block == "month":
        year, month, _ = map(int, rest[3].split("-"))
        words = french.month(np.datetime64(f"{year}-{month:02d}-01").item(), with_year=True)
        return f"absences-{rest[0]}", (VOIES[rest[1]], words)
    if block in _PATH:
        return "parcours", (f"{_PATH[block]} : {rest[0]}",)
    return ("passages", (rest[0],)) if block == "next" else None


@dataclass
class _Reader:
    """What a reader writes down: unknowns, which of them are printed, and what they sum to."""

    territory: Territory
    known: dict[object, float] = field(default_factory=dict)
    masked: set[object] = field(default_factory=set)
    truth: dict[object, int] = field(default_factory=dict)
    relations: list[tuple[dict[object, float], float]] = field(default_factory=list)

    def see(self, name: object, cell: str | None, truth: int) -> None:
        """Take a cell as it is printed; hold it against the count of the territory."""
        self.truth.setdefault(name, truth)
        if cell is None:
            return
        if cell == HIDDEN:
            self.masked.add(name)
            return
        value = 0 if cell == "–" else int(cell)
        assert value == truth, name
        self.known[name] = value

    def sums(self, whole: object, parts: list[object], *, rest: bool = False) -> None:
        """Know that a count is the sum of others, or, with a rest, by how much it is not."""
        if whole not in self.truth or any(one not in self.truth for one in parts):
            return
        gap = self.truth[whole] - sum(self.truth[one] for one in parts)
        assert rest or gap == 0, whole
        self.relations.append(({whole: 1.0, **dict.fromkeys(parts, -1.0)}, float(gap)))

    def names(self) -> list[object]:
        """All unknowns, in an order."""
        return sorted(self.truth, key=str)

    def ranges(self, targets: list[object]) -> Iterator[tuple[object, float, float]]:
        """Find by two linear programs the least and the largest value of each target."""
        order = {name: place for place, name in enumerate(self.names())}
        entries = [
            (row, order[name], factor)
            for row, (factors, _) in enumerate(self.relations)
            for name, factor in factors.items()
        ]
        rows, columns, factors = zip(*entries, strict=True)
        matrix = csr_array((factors, (rows, columns)), shape=(len(self.relations), len(order)))
        values = np.array([value for _, value in self.relations])
        bounds = [(self.known[one], self.known[one]) if one in self.known else (0, None) for one in order]
        for target in targets:
            ends = []
            for side in (1.0, -1.0):
                goal = np.zeros(len(order))
                goal[order[target]] = side
                result = linprog(goal, A_eq=matrix, b_eq=values, bounds=bounds)
                assert result.status in {0, 3}, result.message
                ends.append(side * result.fun if result.status == 0 else side * -np.inf)
            yield target, ends[0], ends[1]


def _read_pages(territory: Territory, run: RunFacts, folder: Path) -> _Reader:
    """Write the pages of every network, and take down every number of their files."""
    reader = _Reader(territory)
    for network in territory.networks:
        report = TerritoryReport(territory, network, run)
        report.write(folder / network)
        files = {}
        for path in (folder / network).glob("*.csv"):
            with path.open(encoding="utf-8-sig", newline="") as lines:
                # A text that a spreadsheet would read as a date (« septembre 2024 ») is written with an apostrophe before it.
                cells = [[cell.removeprefix("'") for cell in row] for row in csv.reader(lines, delimiter=";")]
                files[path.stem] = cells[2:]
        _take_shares(reader, network, files)
        _take_situations(reader, network, files)
        for row in files.get("retours", ()):
            year = next(str(one) for one in territory.years if french.school_year(one) == row[0])
            share, place = territory.shares["again", year], territory.place(network)
            reader.see(("again", year, "base", network), row[1], int(share.base[place]))
            reader.see(("again", year, "count", network), row[2], int(share.count[place]))
            reader.see(("again", year, "base", ALL), None, int(share.base[ALL]))
            reader.see(("again", year, "count", ALL), None, int(share.count[ALL]))
        for one in territory.missing:
            if one.network == network:
                cell = next(row[1] for row in files["donnees"] if row[0] == one.school_id)
                reader.see(("school", one.school_id), cell, one.pupils)
        _relate(reader, network)
    _relate(reader, ALL)
    for name in [one for one in reader.truth if isinstance(one, tuple) and one[-1] == ALL]:
        parts = [(*name[:-1], network) for network in territory.networks]
        reader.sums(name, parts, rest=True)
    return reader


def _take_shares(reader: _Reader, network: str, files: dict[str, list[list[str]]]) -> None:
    place = reader.territory.place(network)
    for key, share in reader.territory.shares.items():
        named = _rows_of(key)
        if named is None:
            continue
        file, first = named
        row = next((one for one in files.get(file, ()) if tuple(one[: len(first)]) == first), None)
        name, whole = (*key, "count"), (*share.base_key, "base")
        count, base = (None, None) if row is None else row[len(first) : len(first) + 2]
        if row is None:  # what has no line is of nobody
            count, base = "0", None if key[0] == "level" else "0"
        reader.see((*name, network), count, int(share.count[place]))
        reader.see((*whole, network), base, int(share.base[place]))
        # The share of the region is printed to six digits: as good as both of its counts.
        of_region = None if row is None or row[-1] in {HIDDEN, "–"} else "seen"
        reader.see((*name, ALL), str(share.count[ALL]) if of_region else None, int(share.count[ALL]))
        reader.see((*whole, ALL), str(share.base[ALL]) if of_region else None, int(share.base[ALL]))


def _take_situations(reader: _Reader, network: str, files: dict[str, list[list[str]]]) -> None:
    territory = reader.territory
    labels = {"all": "Élèves inscrits"} | {way.value: way.label for way in Way}
    labels |= {f"measure {code}": label for code, label in territory.measures}
    rows = {row[0]: row[1:] for row in files["situations"]}
    for kind, label in labels.items():
        # a measure that nothing opens in the network has no line
        for voie, cell in zip((*VOIES, "ensemble"), rows.get(label, ["0"] * 4), strict=True):
            share = territory.shares.get(("situation", kind, voie))
            if share is None:
                assert cell == "–" or label not in rows
                continue
            name = (*share.key, "count")
            reader.see((*name, network), cell, int(share.count[territory.place(network)]))
            reader.see((*name, ALL), None, int(share.count[ALL]))
    whole = territory.shares["situation", "all", "ensemble"]
    if not territory.is_hidden(whole.key, ALL):  # told in the lead of the page
        reader.see((*whole.key, "count", ALL), str(whole.count[ALL]), int(whole.count[ALL]))


def _relate(reader: _Reader, network: str | int) -> None:
    """Write down what anybody knows of these counts."""
    shares = reader.territory.shares
    levels = [key for key in shares if key[0] == "level"]
    enrolled = ("situation", "all", "ensemble", "count", network)
    reader.sums(("level", "base", network), [(*key, "count", network) for key in levels])
    reader.sums(("level", "base", network), [enrolled])
    for voie in VOIES:
        parts = [(*key, "count", network) for key in levels if key[2] == voie]
        reader.sums(("situation", "all", voie, "count", network), parts)
    for kind in {key[1] for key in shares if key[0] == "situation"}:
        parts = [
            ("situation", kind, voie, "count", network)
            for voie in VOIES
            if ("situation", kind, voie) in shares
        ]
        reader.sums(("situation", kind, "ensemble", "count", network), parts)
    reader.sums(("next", "base", network), [(*key, "count", network) for key in shares if key[0] == "next"])
    for year in map(str, reader.territory.years):
        left = [(*key, "count", network) for key in shares if key[0] == "left" and key[3] == year]
        reader.sums(("again", year, "base", network), left)
    _relate_bases(reader, network)
    _relate_rests(reader, network)


def _relate_bases(reader: _Reader, network: str | int) -> None:
    """Write down which pupils are counted on in several places, and by how many these differ."""
    shares = reader.territory.shares
    levels = [key for key in shares if key[0] == "level"]
    for block, groups in (("delay", _DELAY), ("wish", _ENTRIES)):
        for label, of_group in groups.items():
            parts = [(*key, "count", network) for key in levels if key[1] in of_group]
            reader.sums((block, label, "base", network), parts, rest=True)
    for voie in VOIES:
        for name in ("before", "now"):
            months = sorted({key[4] for key in shares if key[:4] == ("month", "4", voie, name)})
            for one, other in pairwise(("month", voie, name, month, "base", network) for month in months):
                reader.sums(one, [other], rest=True)


def _relate_rests(reader: _Reader, network: str | int) -> None:
    """Write down who is not counted: those over 4 half-days and under 10, those without it, the other schools."""
    shares = reader.territory.shares
    for key in shares:
        if key[0] == "month" and key[1] == "10":
            wide, narrow = (*key[:1], "4", *key[2:], "count", network), (*key, "count", network)
            spare = ("spare", narrow)
            reader.truth[spare] = reader.truth[wide] - reader.truth[narrow]
            reader.sums(wide, [narrow, spare])
        if key[0] != "situation":
            count, base = (*key, "count", network), (*shares[key].base_key, "base", network)
            reader.truth["rest", count] = reader.truth[base] - reader.truth[count]
            reader.sums(base, [count, ("rest", count)])
    enrolled = ("situation", "all", "ensemble", "count", network)
    schools = [("school", one.school_id) for one in reader.territory.missing if one.network == network]
    if schools:
        others = ("school", "others", network)
        reader.truth[others] = reader.truth[enrolled] - sum(reader.truth[one] for one in schools)
        reader.sums(enrolled, [*schools, others])


def test_no_hidden_cell_can_be_reached_from_the_printed_pages(
    territory: Territory, small_scores: RiskScores, tmp_path: Path
) -> None:
    """From every number of every page a reader finds no cell of 1 to 4 (to 10 in what is published), and intervals of 5 at least."""
    reader = _read_pages(territory, small_scores.run, tmp_path)
    small = {
        name for name, value in reader.truth.items()
        if 0 < value < territory.least and not (isinstance(name, tuple) and name[0] == "spare")
    }  # fmt: skip
    assert [name for name in small if name in reader.known] == []
    hidden = [name for name in reader.masked if name in territory.hidden]
    assert len(hidden) > 20
    assert ("school", "0009901A") in reader.masked
    for name, low, high in reader.ranges(sorted({*hidden, *small}, key=str)):
        assert high - low >= _LEAST_WIDTH, (name, reader.truth[name], low, high)
        assert not (low >= 1 - 1e-6 and high < territory.least), (name, low, high)


def test_pages_do_not_depend_on_what_they_hide(
    territory: Territory, small_scores: RiskScores, tmp_path: Path
) -> None:
    """With other numbers behind the hidden cells, text, drawings, alternative texts and CSV are the same, byte by byte."""
    shares, hidden = {}, territory.hidden
    for key, share in territory.shares.items():
        count, base = share.count.copy(), share.base.copy()
        for network in (*territory.networks, ALL):
            place = ALL if network == ALL else territory.place(network)
            if territory.is_hidden(key, network):
                if (*share.base_key, "base", network) in hidden:
                    base[place] += 1 + (7 if base[place] else 0)
                count[place] = 0 if count[place] else min(int(base[place]), 3)
        shares[key] = replace(share, count=count, base=base)
    lacking = tuple(
        replace(one, pupils=one.pupils + 1) if ("school", one.school_id) in hidden else one
        for one in territory.missing
    )
    other = replace(territory, shares=shares, missing=lacking)
    other.__dict__["hidden"] = hidden  # the same cells are hidden, whatever lies behind them
    changed = sum(int((shares[key].count != share.count).sum()) for key, share in territory.shares.items())
    assert changed > 20
    for network in territory.networks:
        for name, one in (("as-counted", territory), ("otherwise", other)):
            TerritoryReport(one, network, small_scores.run).write(tmp_path / name / network)
    pages = sorted(path.relative_to(tmp_path / "otherwise") for path in (tmp_path / "otherwise").rglob("*.*"))
    assert len(pages) > len(territory.networks)
    for page in pages:
        assert (tmp_path / "as-counted" / page).read_bytes() == (
            tmp_path / "otherwise" / page
        ).read_bytes(), page
