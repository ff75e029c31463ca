"""The visible state of a pupil, week after week: a Markov chain whose every probability the records show.

The state is read off rows that are on record the same day: in which of the last four school weeks the pupil had
an absence that was not excused when it was recorded (4 bits), and in which of the last two maths assessments the
mark was under 8 or missing (2 bits): 64 states. Weeks in a company leave the state as it is. From the state, and from
facts known since the first week (level, years behind, band of the first-week tests, wish obtained, absence of the
year before, move, absence climate of the school), come the odds of the next absence, of the next low mark, of leaving that
week, and of not coming back in September.

Drawing the weeks of one year: states, absences that are not excused, low maths marks, and who leaves when.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from decrochage_risk.synthetic.settings import ABSENCE, LEVEL_RATES, MARKS, RISK

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.synthetic.settings import AbsenceSettings, Difficulty, LevelRates, RiskSettings
    from decrochage_risk.synthetic.weeks import SchoolWeeks


__all__ = [
    "EVERY_STATE",
    "MARKED",
    "Chain",
    "Facts",
    "Walk",
    "assessment_day",
    "make_chain",
    "next_states",
    "sigmoid",
    "walk_year",
]

_WEEK_BITS, _LOW_BITS = 4, 2
_STATES = 1 << (_WEEK_BITS + _LOW_BITS)
_SHAPE = (len(LEVEL_RATES), 3, 4, 5, 4, 2, len(ABSENCE.climates))
# level, behind, wish, band, past, upheaval, climate
_HIGHEST_BAND = 4
_FIRST_WISH = 1

EVERY_STATE = np.arange(_STATES)
"""All states, 0 to 63."""
MARKED = np.bitwise_count(EVERY_STATE >> _LOW_BITS).astype(np.intp)
"""Marked weeks (0 to 4) of each state."""
_LOWS = np.bitwise_count(EVERY_STATE & ((1 << _LOW_BITS) - 1)).astype(np.intp)


def sigmoid(log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Probability of these log-odds."""
    return 1.0 / (1.0 + np.exp(-log_odds))


def next_states(
    state: npt.NDArray[np.integer],
    *,
    marked: npt.NDArray[np.bool_] | bool,
    low: npt.NDArray[np.bool_] | bool | None,
) -> npt.NDArray[np.intp]:
    """State after a week: ``marked`` by an absence or not; ``low`` or not, ``None`` without a maths assessment."""
    # Shifted registers: the newest week comes in at the low end, and the mask drops the fifth.
    weeks = ((state >> _LOW_BITS) << 1 | np.asarray(marked)) & ((1 << _WEEK_BITS) - 1)
    lows = state & ((1 << _LOW_BITS) - 1)
    if low is not None:
        lows = (lows << 1 | np.asarray(low)) & ((1 << _LOW_BITS) - 1)
    after: npt.NDArray[np.intp] = (weeks << _LOW_BITS | lows).astype(np.intp)
    return after


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of each pupil of a year from the first week on; int arrays of one length.

    ``behind``: years behind, 2 = 2 or more. ``wish``: 0 no assignment on record, 1 first wish, 2 a later one, 3 none.
    ``band``: first-week tests, 0 lowest to 4. ``past``: 0 to 2, marked weeks of the year before,
    3 = no record of it. ``upheaval``: 1 after a
    change of school or of track. ``climate``: of the school in which the year begins, 0 the least absence.
    """

    level: npt.NDArray[np.intp]
    behind: npt.NDArray[np.intp]
    wish: npt.NDArray[np.intp]
    band: npt.NDArray[np.intp]
    past: npt.NDArray[np.intp]
    upheaval: npt.NDArray[np.intp]
    climate: npt.NDArray[np.intp]

    def cells(self) -> tuple[npt.NDArray[np.intp], Facts]:
        """Cell of each pupil, and the facts of each cell: pupils of a cell have the same chain."""
        code = np.ravel_multi_index(
            (self.level, self.behind, self.wish, self.band, self.past, self.upheaval, self.climate), _SHAPE
        )
        # Far fewer cells than pupils: the backward recursion of the truth is done once for each.
        codes, cell = np.unique(code, return_inverse=True)
        return cell.astype(np.intp), Facts(
            *(axis.astype(np.intp) for axis in np.unravel_index(codes, _SHAPE))
        )


@dataclass(frozen=True, slots=True)
class Chain:
    """Log-odds of one year by row and state; row = cell x hidden classes + hidden class.

    Attributes
    ----------
    absence : array of shape (rows, 64)
        Of a school day with an absence that is not excused, before the season.
    low : array of shape (rows, 64)
        Of a low or missing mark in a maths assessment.
    leaving, summer : arrays of shape (rows, 64)
        Of leaving at the end of a week, before the season, and of not coming back in September.
    absence_season, leaving_season : arrays of shape (weeks,)
        Added in each week.
    placement : bool array of shape (rows, weeks)
        Weeks spent in a company.
    shares : array of shape (hidden classes,)
    """

    absence: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    leaving: npt.NDArray[np.float64]
    summer: npt.NDArray[np.float64]
    absence_season: npt.NDArray[np.float64]
    leaving_season: npt.NDArray[np.float64]
    placement: npt.NDArray[np.bool_]
    shares: npt.NDArray[np.float64]

    @property
    def hidden_classes(self) -> int:
        """How many classes no record tells apart; 1 = nothing is hidden."""
        return len(self.shares)

    def take(self, rows: npt.NDArray[np.intp]) -> Chain:
        """Keep some rows."""
        by_row = ("absence", "low", "leaving", "summer", "placement")
        return replace(self, **{name: getattr(self, name)[rows] for name in by_row})

    @staticmethod
    def has_round(week: int) -> bool:
        """Whether ``week`` holds a maths assessment: every second week from the third on."""
        return week >= _WEEK_BITS // 2 and week % 2 == 0

    def absence_in(self, week: int) -> npt.NDArray[np.float64]:
        """Probability, for each school day of ``week``, of an absence that is not excused; 0 in a company."""
        probability = sigmoid(self.absence + self.absence_season[week])
        return np.where(self.placement[:, week, None], 0.0, probability)

    def leaving_in(self, week: int) -> npt.NDArray[np.float64]:
        """Probability of leaving at the end of ``week``, by the state after it; 0 in the first week."""
        if week == 0:
            return np.zeros_like(self.leaving)
        return sigmoid(self.leaving + self.leaving_season[week])


def make_chain(
    facts: Facts,
    difficulty: Difficulty,
    weeks: SchoolWeeks,
    risk: RiskSettings = RISK,
    rates: tuple[LevelRates, ...] = LEVEL_RATES,
) -> Chain:
    """Build the chain of each cell of a year.

    Parameters
    ----------
    facts : Facts
        One row per cell.
    difficulty : Difficulty
        Its hidden classes shift absence and leaving.
    weeks : SchoolWeeks
        The year.
    risk, rates : RiskSettings, tuple of LevelRates
        Those of the year.
    """
    hidden_classes = difficulty.hidden
    climate = np.take(ABSENCE.climates, facts.climate)
    absence = (_static(facts, "absence_logit", ABSENCE, rates) + climate)[:, None] + np.array(
        [one.absence for one in hidden_classes]
    )
    leaving, summer = (
        _leaving(facts, (name, rates), difficulty, risk) for name in ("in_year_logit", "summer_logit")
    )
    low = np.repeat(np.take(MARKS.low_logit_by_band, facts.band), len(hidden_classes))
    months = weeks.month - 1
    return Chain(
        absence=absence.reshape(-1, 1) + _by_state(ABSENCE.by_marked_weeks, (0.0, 0.0, 0.0)),
        low=low[:, None] + _by_state(MARKS.low_by_marked_weeks, MARKS.low_by_lows),
        leaving=leaving,
        summer=summer,
        absence_season=np.take(ABSENCE.by_month, months),
        leaving_season=np.take(risk.by_month, months),
        placement=np.repeat(_placements(facts, len(weeks)), len(hidden_classes), axis=0),
        shares=np.array([one.share for one in hidden_classes]),
    )


def _leaving(
    facts: Facts, intercept: tuple[str, tuple[LevelRates, ...]], difficulty: Difficulty, risk: RiskSettings
) -> npt.NDArray[np.float64]:
    """Log-odds of leaving before the season, shape (cells x hidden classes, 64)."""
    name, rates = intercept
    static = _static(facts, name, risk, rates) + risk.shift
    static = static + difficulty.interaction * ((facts.behind > 0) & (facts.wish > _FIRST_WISH))
    static = static + difficulty.corner * (facts.band == _HIGHEST_BAND)
    by_class = static[:, None] + np.array([one.risk for one in difficulty.hidden])
    state = _by_state(risk.by_marked_weeks, risk.by_lows)
    visible = (static - _intercepts(facts, name, rates))[:, None, None] + state
    # Added to the whole effect, not multiplied into it: at signal 1 nothing changes, to the last bit.
    correction = (np.array([one.signal for one in difficulty.hidden]) - 1.0)[:, None] * visible
    log_odds: npt.NDArray[np.float64] = by_class.reshape(-1, 1) + state + correction.reshape(-1, _STATES)
    return log_odds


def _static(
    facts: Facts, intercept: str, effects: AbsenceSettings | RiskSettings, rates: tuple[LevelRates, ...]
) -> npt.NDArray[np.float64]:
    """Log-odds of what does not change within the year."""
    total = _intercepts(facts, intercept, rates)
    for fact in ("band", "behind", "past", "wish"):
        total = total + np.take(getattr(effects, f"by_{fact}"), getattr(facts, fact))
    return total + effects.upheaval * facts.upheaval


def _intercepts(facts: Facts, name: str, rates: tuple[LevelRates, ...]) -> npt.NDArray[np.float64]:
    """Log-odds of the level alone."""
    by_level = np.array([getattr(level, name) for level in rates], dtype=np.float64)
    log_odds: npt.NDArray[np.float64] = by_level[facts.level]
    return log_odds


def _by_state(by_weeks: tuple[float, ...], lows: tuple[float, ...]) -> npt.NDArray[np.float64]:
    effect: npt.NDArray[np.float64] = np.take(by_weeks, MARKED) + np.take(lows, _LOWS)
    return effect


def _placements(facts: Facts, weeks: int) -> npt.NDArray[np.bool_]:
    by_level = np.zeros((len(LEVEL_RATES), weeks), dtype=np.bool_)
    for number, level in enumerate(LEVEL_RATES):
        by_level[number, [week for week in level.placement_weeks if week < weeks]] = True
    placements: npt.NDArray[np.bool_] = by_level[facts.level]
    return placements


@dataclass(frozen=True, slots=True)
class Walk:
    """What the weeks of one year brought; weeks first, so that one week is one contiguous row.

    Attributes
    ----------
    row : int array of shape (pupils,)
        Row of the chain (cell and hidden class).
    states : uint8 array of shape (weeks + 1, pupils)
        State at the start of each week, and after the last.
    absent_days : uint8 array of shape (weeks, pupils)
        Bit d: absent, not excused, on the d-th school day of the week.
    low : bool array of shape (weeks, pupils)
        Low or missing mark in the maths assessment of the week, if there is one.
    leaving_week : int array of shape (pupils,)
        Week at whose end the pupil leaves; the number of weeks for those who stay to the end.
    not_back : bool array of shape (pupils,)
        Stayed to the end, and not enrolled anywhere by 1 November.
    """

    row: npt.NDArray[np.intp]
    states: npt.NDArray[np.uint8]
    absent_days: npt.NDArray[np.uint8]
    low: npt.NDArray[np.bool_]
    leaving_week: npt.NDArray[np.intp]
    not_back: npt.NDArray[np.bool_]

    @property
    def left(self) -> npt.NDArray[np.bool_]:
        """Whether the pupil leaves in the year or is not back after it."""
        weeks = len(self.absent_days)
        return (self.leaving_week < weeks) | self.not_back


def assessment_day(group: npt.NDArray[np.intp], subject: int, week: int, days: int) -> npt.NDArray[np.intp]:
    """School day (0 = first of the week) of an assessment: the same for a whole class."""
    return (group + 3 * subject + week) % days


def walk_year(chain: Chain, cell: npt.NDArray[np.intp], weeks: SchoolWeeks, rng: np.random.Generator) -> Walk:
    """Draw one year for pupils whose cells are given."""
    pupils = cell.size
    row = cell * chain.hidden_classes + rng.choice(chain.hidden_classes, size=pupils, p=chain.shares)
    states = np.zeros((len(weeks) + 1, pupils), dtype=np.uint8)
    absent_days = np.zeros((len(weeks), pupils), dtype=np.uint8)
    low = np.zeros((len(weeks), pupils), dtype=np.bool_)
    leaving_week = np.full(pupils, len(weeks), dtype=np.intp)
    state = np.zeros(pupils, dtype=np.intp)
    for week in range(len(weeks)):
        # The first week is that of the tests, which are facts of the chain: no absence, nobody leaves.
        if week > 0:
            absent_days[week] = _draw_days(chain.absence_in(week)[row, state], int(weeks.count[week]), rng)
        low[week] = rng.random(pupils) < sigmoid(chain.low[row, state])
        after = next_states(
            state, marked=absent_days[week] > 0, low=low[week] if chain.has_round(week) else None
        )
        state = np.where(chain.placement[row, week] | (week == 0), state, after)
        states[week + 1] = state
        # Who has left goes on being drawn, unseen: only the first time counts.
        leaves = rng.random(pupils) < chain.leaving_in(week)[row, state]
        leaving_week[leaves & (leaving_week > week)] = week
    not_back = (rng.random(pupils) < sigmoid(chain.summer[row, state])) & (leaving_week == len(weeks))
    return Walk(row, states, absent_days, low, leaving_week, not_back)


def _draw_days(
    probability: npt.NDArray[np.float64], days: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Draw each school day of a week; bit d is the d-th day."""
    absent = rng.random((days, probability.size)) < probability
    bits: npt.NDArray[np.uint8] = np.packbits(absent, axis=0, bitorder="little")[0]
    return bits
