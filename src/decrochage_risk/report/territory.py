"""What is counted for a diagnosis: every network of a region at once, so that small cells are hidden over all pages together.

Each figure is a share: pupils with something, of pupils who could have it. A network is told beside the region; whoever holds
the pages of all networks could take one from the other, so all their counts are one publication.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.features.event_windows import Facts
from decrochage_risk.model import closing_day
from decrochage_risk.model.snapshots import LAST_DAY_IN_YEAR
from decrochage_risk.records.levels import AT_3E, LEVELS
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.records.table_schemas import code_of
from decrochage_risk.records.transmission import DEFAULT_PACE, LEAST_EXPECTED
from decrochage_risk.report.facts import HEAVY, LEGAL
from decrochage_risk.report.situations import Way, schools_of
from decrochage_risk.school_year import day_number, year_end, year_start
from decrochage_risk.score.ways import measures_by_time
from decrochage_risk.small_cells import INSIDE, PUBLISHED, Publication

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.score.scored_pupils import ScoredPupils

    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["VOIES", "MissingData", "Share", "Territory", "count_territory", "merge_territories"]

VOIES: Final = {
    "college": "Collège et SEGPA",
    "gt": "Voie générale et technologique",
    "pro": "Voie professionnelle",
}
"""The three pathways of a diagnosis; SEGPA is within the collège."""

_VOIE_OF_LEVEL = np.array(
    [list(VOIES).index("college" if one.usual_pathway == "segpa" else one.usual_pathway) for one in LEVELS]
)
YEARS: Final = 3
"""School years whose leavers are told."""

_DELAY = {
    "6e et 5e": ("6e", "5e", "6e_segpa", "5e_segpa"),
    "4e et 3e": ("4e", "3e", "3e_pm", "4e_segpa", "3e_segpa"),
    "lycée GT": ("2de_gt", "1re_gt", "tle_gt"),
    "lycée pro": ("2de_pro", "1re_pro", "tle_pro", "cap1", "cap2", "cap3"),
}
_ENTRIES = {"2de GT": ("2de_gt",), "2de pro": ("2de_pro",), "1re année de CAP": ("cap1",)}
_NEXT = {"2de GT": ("2de_gt",), "2de pro": ("2de_pro",), "CAP": ("cap1", "cap2", "cap3"), "3e": tuple(AT_3E)}
_LAST_TO_HIDE = {("situation", "all", voie) for voie in (*VOIES, "ensemble")}
"""How many are enrolled: everybody knows it, and a page without it tells little."""
ELSEWHERE, NOWHERE = "autre niveau", "plus d'inscription connue"
ALL: Final = -1
"""Place of the region among the networks."""


@dataclass(frozen=True, slots=True)
class Share:
    """One share, for every network and for the region.

    Attributes
    ----------
    key : tuple of str
        Block, then what is counted.
    count, base : int array, shape (networks + 1,)
        Pupils with it, and pupils who could have it; the region last.
    """

    key: tuple[str, ...]
    count: Ints
    base: Ints

    @property
    def base_key(self) -> tuple[str, ...]:
        """Name of the base, which shares of the same pupils have in common: it is declared, and hidden, once."""
        block, *rest = self.key
        return {
            "level": ("level",),
            "left": ("left", *rest[1:]),
            "month": ("month", *rest[1:]),
            "next": ("next",),
            "situation": ("situation", *rest[1:]),
        }.get(block, self.key)


@dataclass(frozen=True, slots=True)
class MissingData:
    """What a school did not send."""

    network: str
    school_id: str
    pupils: int
    table: str
    said: str


@dataclass(frozen=True)
class Territory:
    """The counts of a region.

    Attributes
    ----------
    networks : tuple of str
        In the order of every :class:`Share`.
    as_of : date
    school_year : int
    years : tuple of int
        School years whose outcomes are closed, three at most.
    shares : dict of key to Share
    missing : tuple of MissingData
    schools : dict of str to int
        Schools per network.
    least : int
        Pupils from which a count is told.
    """

    networks: tuple[str, ...]
    as_of: date
    school_year: int
    years: tuple[int, ...]
    months: tuple[date, ...]
    months_before: tuple[date, ...]
    measures: tuple[tuple[str, str], ...]
    shares: dict[tuple[str, ...], Share]
    missing: tuple[MissingData, ...]
    schools: dict[str, int]
    least: int

    @cached_property
    def publication(self) -> Publication:
        """Every count that is printed, and every relation between counts that a reader knows."""
        publication = Publication(self.least)
        places = [*self.networks, ALL]
        for share in self.shares.values():
            for place, network in enumerate(places):
                self._declare(publication, share, place, network)
        wholes = {(*share.key, "count"): None for share in self.shares.values()}
        wholes |= {(*share.base_key, "base"): None for share in self.shares.values()}
        for name in wholes:
            # Some schools are of no network: a reader knows the difference at most.
            publication.total((*name, ALL), [(*name, network) for network in self.networks], overlapping=True)
        for network in places:
            self._relate(publication, network)
        return publication

    def _declare(self, publication: Publication, share: Share, place: int, network: object) -> None:
        """Declare a count, its base once for all shares that have it, and those who are not counted."""
        count, base = int(share.count[place]), int(share.base[place])
        weight = (3.0 if network == ALL else 1.0) * (10.0 if share.key in _LAST_TO_HIDE else 1.0)
        mine, whole = (*share.key, "count", network), (*share.base_key, "base", network)
        publication.count(mine, count, weight=weight)
        if whole not in publication:
            publication.count(whole, base, weight=10.0 * weight if whole[0] == "level" else 2.0 * weight)
        publication.count((*share.key, "rest", network), base - count, printed=False)
        publication.total(whole, [mine, (*share.key, "rest", network)])

    def _relate(self, publication: Publication, network: object) -> None:
        """Say which counts of different blocks are the same pupils."""

        def count(*key: str) -> tuple[object, ...]:
            return (*key, "count", network)

        levels = [key for key in self.shares if key[0] == "level"]
        for voie in VOIES:
            of_voie = [count(*key) for key in levels if key[2] == voie]
            if of_voie and ("situation", "all", voie) in self.shares:
                publication.total(count("situation", "all", voie), of_voie)
        if levels:
            publication.total(("level", "base", network), [count(*key) for key in levels])
        self._relate_paths(publication, network)
        self._relate_bases(publication, network)
        self._relate_schools(publication, network)

    def _relate_bases(self, publication: Publication, network: object) -> None:
        """Say which pupils are counted on in several places: nearly the same ones, and a reader knows who is not."""

        def base(key: tuple[str, ...]) -> tuple[object, ...]:
            return (*self.shares[key].base_key, "base", network)

        of_levels: Mapping[str, Mapping[str, tuple[str, ...]]] = {"delay": _DELAY, "wish": _ENTRIES}
        for key in self.shares:
            levels = of_levels.get(key[0], {}).get(key[1], ())
            parts = [
                (*one, "count", network) for one in self.shares if one[0] == "level" and one[1] in levels
            ]
            if parts:
                publication.total(base(key), parts, overlapping=True)
        for voie in VOIES:
            months = [
                [key for key in self.shares if key[:4] == ("month", str(LEGAL), voie, name)]
                for name in ("before", "now")
            ]
            for keys in months:
                for first, second in pairwise(keys):
                    publication.differ(base(first), base(second))
            last_year = ("left", "in_year", voie, str(self.school_year - 1))
            if months[0] and last_year in self.shares:
                publication.differ(base(months[0][0]), base(last_year))

    def _relate_schools(self, publication: Publication, network: object) -> None:
        """Say that the schools that lack data hold pupils of their network."""
        whole = ("situation", "all", "ensemble")
        pupils = {one.school_id: one.pupils for one in self.missing if one.network == network}
        if network == ALL or not pupils or whole not in self.shares:
            return
        for school_id, count in pupils.items():
            publication.count(("school", school_id), count, weight=0.5)
        rest = ("school", "rest", network)
        network_count = publication.counts[*whole, "count", network]
        publication.count(rest, max(0, network_count - sum(pupils.values())), printed=False)
        # A school of two networks is counted in one of them.
        parts = [*(("school", school_id) for school_id in pupils), rest]
        publication.total((*whole, "count", network), parts, overlapping=True)

    def _relate_paths(self, publication: Publication, network: object) -> None:
        def count(*key: str) -> tuple[object, ...]:
            return (*key, "count", network)

        goals = [key for key in self.shares if key[0] == "next"]
        if goals:
            publication.total(("next", "base", network), [count(*key) for key in goals])
        for key in self.shares:
            if key[:2] == ("month", str(HEAVY)):
                publication.at_most(count(*key), count("month", str(LEGAL), *key[2:]))
        for year in map(str, self.years):
            parts = [count(*key) for key in self.shares if key[0] == "left" and key[3] == year]
            if ("again", year) in self.shares:
                publication.total(("again", year, "base", network), parts)
        for kind in sorted({key[1] for key in self.shares if key[0] == "situation"}):
            parts = [
                count("situation", kind, voie) for voie in VOIES if ("situation", kind, voie) in self.shares
            ]
            if ("situation", kind, "ensemble") in self.shares:
                publication.total(count("situation", kind, "ensemble"), parts)

    @cached_property
    def hidden(self) -> frozenset[object]:
        """Names of the counts that are not printed anywhere."""
        return self.publication.hidden()

    def is_hidden(self, key: tuple[str, ...], network: str | int) -> bool:
        """Whether a share is not told for a network (or the region): its count or its base is hidden."""
        base_key = self.shares[key].base_key
        return (*key, "count", network) in self.hidden or (*base_key, "base", network) in self.hidden

    def place(self, network: str) -> int:
        """Place of a network.

        Raises
        ------
        RecordsError
            No such network.
        """
        if network not in self.networks:
            raise RecordsError(
                explain_error(
                    f"No network {network!r} among {', '.join(self.networks) or 'none'}",
                    expected="a network_id of the enrolments of this school year",
                    hint="Ids are compared letter by letter.",
                )
            )
        return self.networks.index(network)


class _Year:
    """Where the pupils of one school year were: school, network, pathway, level of their last enrolment in it."""

    def __init__(self, scores: ScoredPupils, year: int, codes: Ints) -> None:
        records = scores.known
        rows = records.arrays.enrolments
        positions = np.flatnonzero(rows.school_year == year)
        last = np.full(records.pupil_count, -1, dtype=np.int64)
        last[rows.pupil[positions]] = positions  # rows are sorted by start: the latest of a pupil stays
        self.there: Flags = last >= 0
        at = np.maximum(last, 0)
        self.school: Ints = np.where(self.there, rows.school[at], -1).astype(np.int64)
        self.network: Ints = np.where(self.there, codes[rows.row[at]], -1)
        self.level: Ints = np.where(self.there, rows.level[at], -1).astype(np.int64)
        self.voie: Ints = np.where(self.there, _VOIE_OF_LEVEL[np.maximum(self.level, 0)], -1)


class _Counting:
    """Counts of one region, block by block."""

    def __init__(self, scores: ScoredPupils, outcomes: pd.DataFrame | None) -> None:
        self.scores, self.known, self.outcomes = scores, scores.known, outcomes
        self.facts = Facts(self.known)
        networks = self.scores.records.enrolments["network_id"]
        codes, names = pd.factorize(networks, sort=True)
        of_now = _Year(scores, self.known.school_year, codes.astype(np.int64))
        # A network in which nobody is enrolled any more has no diagnosis; its pupils count in the region.
        present = sorted({int(code) for code in of_now.network[self.known.enrolled] if code >= 0})
        order = np.full(len(names) + 1, -1, dtype=np.int64)
        order[present] = np.arange(len(present))
        self.networks = tuple(str(names[code]) for code in present)
        self.codes = order[codes]
        self.now = _Year(scores, self.known.school_year, self.codes)
        self.shares: dict[tuple[str, ...], Share] = {}

    def tally(self, network: Ints, mask: Flags) -> Ints:
        """Count pupils per network, and in the region last."""
        counts = np.bincount(network[mask & (network >= 0)], minlength=len(self.networks))
        return np.append(counts, int(mask.sum())).astype(np.int64)

    def add(self, key: tuple[str, ...], network: Ints, mask: Flags, base: Flags) -> None:
        """Add a share, where anybody could have it."""
        if base.any():
            self.shares[key] = Share(key, self.tally(network, mask & base), self.tally(network, base))

    def levels(self) -> None:
        """Count pupils by pathway and level."""
        on_roll = self.known.enrolled & self.now.there
        for number, level in enumerate(LEVELS):
            voie = list(VOIES)[_VOIE_OF_LEVEL[number]]
            here = on_roll & (self.now.level == number)
            if here.any():
                self.add(("level", level.name, voie), self.now.network, here, on_roll)

    def years(self) -> tuple[int, ...]:
        """Give the school years whose outcomes are closed on the day, three at most, the earliest first."""
        outcomes = self.outcomes
        if outcomes is None:
            return ()
        closed_years = [
            int(year)
            for year in sorted(outcomes["school_year"].unique().tolist())
            if closing_day(int(year), self.scores.run.outcome_closes) <= self.known.as_of
        ]
        return tuple(closed_years[-YEARS:])

    def leavers(self, years: tuple[int, ...]) -> None:
        """Count those who left in the year, those not back after it, and those who are enrolled again since."""
        outcomes = self.outcomes
        if outcomes is None:
            return
        starts = self.known.arrays.enrolments
        for year in years:
            rows = outcomes[outcomes["school_year"] == year]
            position = self.known.pupil_ids.get_indexer(pd.Index(rows["pupil_id"], dtype="str"))
            rows, position = rows[position >= 0], position[position >= 0]
            of_year = _Year(self.scores, year, self.codes)
            has_outcome = np.zeros(self.known.pupil_count, dtype=np.bool_)
            has_outcome[position[(rows["outcome"] != "unknown").to_numpy()]] = True
            left = np.zeros_like(has_outcome)
            is_leaver = (rows["outcome"] == "left_without_diploma").to_numpy()
            left[position[is_leaver]] = True
            last = np.datetime64(date(year + 1, *LAST_DAY_IN_YEAR))
            in_year = np.zeros_like(has_outcome)
            in_year[position[is_leaver & (rows["date"].to_numpy(dtype="datetime64[D]") <= last)]] = True
            base = of_year.there & has_outcome
            for number, voie in enumerate(VOIES):
                of_voie = base & (of_year.voie == number)
                self.add(("left", "in_year", voie, str(year)), of_year.network, left & in_year, of_voie)
                self.add(("left", "summer", voie, str(year)), of_year.network, left & ~in_year, of_voie)
            again = np.zeros_like(has_outcome)
            later = starts.start >= day_number(closing_day(year, self.scores.run.outcome_closes))
            again[starts.pupil[later]] = True
            self.add(("again", str(year)), of_year.network, again, base & left)

    def months(self) -> tuple[tuple[date, ...], tuple[date, ...]]:
        """Count pupils over 4 and 10 unjustified half-days, month by month, this year and the year before."""
        if not self.facts.has("absences"):
            return (), ()
        return self._months_of(self.known.school_year, "now"), self._months_of(
            self.known.school_year - 1, "before"
        )

    def _months_of(self, year: int, name: str) -> tuple[date, ...]:
        of_year = _Year(self.scores, year, self.codes)
        rows, unjustified_counts = self.facts.absence_rows, self.facts.absence_values("unjustified")
        months, first = [], year_start(year)
        while first < year_end(year) and day_number(first) < self.known.as_of_day:
            after = (first + timedelta(days=32)).replace(day=1)
            low, high = day_number(first), min(day_number(after), self.known.as_of_day)
            inside = (rows.day >= low) & (rows.day < high)
            half_days = np.bincount(
                rows.pupil[inside], unjustified_counts[inside], minlength=self.known.pupil_count
            )
            open_days = self.facts.school_half_days(low, high) > 0
            base = of_year.there & open_days & ~self._not_sent(of_year, year, low, high)
            if base.any():
                months.append(first)
            for least in (LEGAL, HEAVY):
                for number, voie in enumerate(VOIES):
                    key = ("month", str(least), voie, name, first.isoformat())
                    self.add(key, of_year.network, half_days >= least, base & (of_year.voie == number))
            first = after
        return tuple(months)

    def _not_sent(self, of_year: _Year, year: int, low: int, high: int) -> Flags:
        """Tell of whom the absences of a month were not sent: they are nobody who was never absent."""
        not_covered = self.known.not_covered("absences", low, high)
        if "absences" in self.known.declared:
            return not_covered
        if year == self.known.school_year:
            return not_covered | self.scores.silence.not_sent("absences", high, self.known.pupil_count)
        # Of an earlier year no day says until when a school sent: a month without one row where ten were due was not sent.
        schools = len(self.known.arrays.school_ids)
        due = DEFAULT_PACE["absences"].rows * self.facts.school_half_days(low, high)
        expectation = np.bincount(of_year.school[of_year.there], due[of_year.there], minlength=schools)
        rows = self.facts.absence_rows
        inside = (rows.day >= low) & (rows.day < high) & (rows.kind == code_of("absences", "kind", "absence"))
        school = of_year.school[rows.pupil[inside]]
        is_silent = expectation >= LEAST_EXPECTED
        is_silent[school[school >= 0]] = False
        return not_covered | (is_silent[of_year.school] & of_year.there)

    def path(self) -> None:
        """Count delays, first wishes refused at the entry of lycée, and where the 3e of last year went."""
        features = self.scores.features
        on_roll = self.known.enrolled & self.now.there
        names = np.array([one.name for one in LEVELS])

        def of_level(year: _Year, levels: tuple[str, ...]) -> Flags:
            inside: Flags = year.there & np.isin(names[np.maximum(year.level, 0)], levels)
            return inside

        behind = features["years_behind"].to_numpy()
        for label, levels in _DELAY.items():
            base = on_roll & of_level(self.now, levels) & ~np.isnan(behind)
            self.add(("delay", label), self.now.network, behind >= 1, base)
        refusals = features["first_wish_refused"].to_numpy()
        for label, levels in _ENTRIES.items():
            base = on_roll & of_level(self.now, levels) & ~np.isnan(refusals)
            self.add(("wish", label), self.now.network, refusals == 1, base)
        before = _Year(self.scores, self.known.school_year - 1, self.codes)
        third = of_level(before, tuple(AT_3E))
        rest = third & self.now.there
        for label, levels in _NEXT.items():
            here = of_level(self.now, levels)
            self.add(("next", label), before.network, here, third)
            rest &= ~here
        self.add(("next", ELSEWHERE), before.network, rest, third)
        self.add(("next", NOWHERE), before.network, third & ~self.now.there, third)

    def situations(self, *, despite_verdict: bool) -> tuple[tuple[str, str], ...]:
        """Count situations by way and measures opened, by pathway; give the measures in their order."""
        masks: dict[str, Flags] = {"all": self.known.enrolled & self.now.there}
        labels: dict[str, str] = {}

        def mark(kind: str, row: int) -> None:
            masks.setdefault(kind, np.zeros(self.known.pupil_count, dtype=np.bool_))[row] = True

        for way in Way:
            masks[way.value] = np.zeros(self.known.pupil_count, dtype=np.bool_)
        for school in schools_of(self.scores, despite_verdict=despite_verdict):
            for one in school.situations:
                for way in one.ways:
                    mark(way.value, one.row)
                for measure in measures_by_time(one.pupil.measures, has_left=Way.DEPARTURE in one.ways)[0]:
                    labels.setdefault(measure.code, measure.label)
                    mark(f"measure {measure.code}", one.row)
        # Who did not come back this year counts where they were last year.
        before = _Year(self.scores, self.known.school_year - 1, self.codes)
        stayed_away = masks[Way.DEPARTURE.value] & ~self.now.there
        base = self.now.there | stayed_away
        network, pathway = (
            np.where(stayed_away, last, now)
            for last, now in ((before.network, self.now.network), (before.voie, self.now.voie))
        )
        for kind, mask in masks.items():
            for number, voie in enumerate(VOIES):
                self.add(("situation", kind, voie), network, mask, base & (pathway == number))
            self.add(("situation", kind, "ensemble"), network, mask, base)
        return tuple(sorted(labels.items(), key=lambda item: item[1]))

    def missing(self) -> tuple[MissingData, ...]:
        """List the schools that did not send a table, or stopped."""
        gaps = []
        start, today = self.known.year_start_day, self.known.as_of_day
        school = self.known.school
        on_roll = self.known.enrolled & self.now.there
        words = {"absences": "absences", "grades": "notes", "orientation": "orientation"}
        for table, label in words.items():
            silent = self.scores.silence.not_sent(table, today, self.known.pupil_count)
            whole = self.known.not_covered(table, start, today) | silent
            recent = self.known.not_covered(table, max(start, today - 28), today) | silent
            for code in np.unique(school[on_roll & whole]).tolist():
                here = on_roll & (school == code)
                unsent_count = int((here & whole).sum())
                network = self.now.network[here]
                name = self.networks[int(network[0])] if network.size and network[0] >= 0 else ""
                caption = (
                    "non transmises à ce jour"
                    if (here & recent).sum() >= unsent_count
                    else "non transmises une partie de l'année"
                )
                # How many is left out: with the size of the school it would give a small count away.
                share = "" if unsent_count == int(here.sum()) else ", pour une partie des élèves"
                # A few pupils of a school could be recognised by what is missing of them; a whole school
                # points at nobody.
                if unsent_count >= INSIDE or unsent_count == int(here.sum()):
                    gaps.append(
                        MissingData(
                            name,
                            str(self.known.arrays.school_ids[code]),
                            int(here.sum()),
                            label,
                            caption + share,
                        )
                    )
        return tuple(gaps)


def count_territory(
    scores: ScoredPupils, *, outcomes: object = None, least: int = INSIDE, despite_verdict: bool = False
) -> Territory:
    """Count everything that the diagnoses of a region tell.

    Parameters
    ----------
    scores : ScoredPupils
        A run over the whole region: what a network is held against.
    outcomes : table, optional
        What became of the pupils of earlier years, when the records do not hold it.
    least : int
        Pupils from which a count is told: :data:`~decrochage_risk.small_cells.INSIDE` for the people of the academy,
        :data:`~decrochage_risk.small_cells.PUBLISHED` for what is published.
    despite_verdict : bool
        Count the situations of the estimated risk though the card of the model says not to issue a list.

    Raises
    ------
    RecordsError
        ``least`` under ``INSIDE``: a count of 1 to 4 pupils would be told.
    """
    if least < INSIDE:
        raise RecordsError(
            explain_error(
                f"least={least!r}",
                expected=f"{INSIDE} pupils or more: no count of 1 to {INSIDE - 1} is told",
                hint=f"Leave it out for {INSIDE}, or least={PUBLISHED} for what is published.",
            )
        )
    has_outcomes = outcomes is not None or scores.records.outcomes is not None
    counting = _Counting(scores, outcomes_for(scores.records, outcomes) if has_outcomes else None)
    counting.levels()
    years = counting.years()
    counting.leavers(years)
    months, before = counting.months()
    counting.path()
    measures = counting.situations(despite_verdict=despite_verdict)
    frame = scores.frame[scores.frame["enrolled"]]
    schools = frame.groupby("network_id")["school_id"].nunique()
    return Territory(
        networks=counting.networks,
        as_of=scores.run.as_of,
        school_year=scores.known.school_year,
        years=years,
        months=months,
        months_before=before,
        measures=measures,
        shares=counting.shares,
        missing=counting.missing(),
        schools={str(name): int(count) for name, count in schools.items()},
        least=least,
    )


def merge_territories(parts: Sequence[Territory]) -> Territory:
    """Add up the counts of parts of a region that hold whole schools, of one day.

    Parameters
    ----------
    parts : sequence of Territory
        One at least.
    """
    first = parts[0]
    networks = tuple(sorted({network for part in parts for network in part.networks}))
    keys = dict.fromkeys(key for part in parts for key in part.shares)
    bases_of_parts = [{share.base_key: share.base for share in part.shares.values()} for part in parts]
    shares = {}
    for key in keys:
        count, base = (np.zeros(len(networks) + 1, dtype=np.int64) for _ in range(2))
        for part, bases in zip(parts, bases_of_parts, strict=True):
            places = [*(networks.index(network) for network in part.networks), len(networks)]
            share = part.shares.get(key)
            if share is not None:
                count[places] += share.count
            # Where nobody has it (a measure that no situation opens there), the pupils are counted all the same.
            whole = bases.get(Share(key, count, base).base_key)
            if whole is not None:
                base[places] += whole
        shares[key] = Share(key, count, base)
    schools: dict[str, int] = {}
    for part in parts:
        for network, number in part.schools.items():
            schools[network] = schools.get(network, 0) + number
    return replace(
        first,
        networks=networks,
        years=tuple(sorted({year for part in parts for year in part.years})),
        months=tuple(sorted({month for part in parts for month in part.months})),
        months_before=tuple(sorted({month for part in parts for month in part.months_before})),
        measures=tuple(sorted({one for part in parts for one in part.measures}, key=lambda one: one[1])),
        shares=shares,
        missing=tuple(one for part in parts for one in part.missing),
        schools=schools,
    )
