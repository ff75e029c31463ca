"""What a notice holds, and its three forms: Markdown, HTML, JSON. The same result gives the same bytes."""

from __future__ import annotations

import re
from datetime import date  # pydantic reads the annotation at run time
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.explain.sentences import NO_REASON, REFERENCE_PUPIL
from decrochage_risk.pages import render
from decrochage_risk.policy import Measure
from decrochage_risk.score import ModelFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Template

__all__ = ["LEAST_POINTS", "FamilyWeight", "Notice", "TableSource"]

MOST_VALUES = 3
"""Values of a family that the sheet names; its fold on a screen names all of them."""

LEAST_POINTS = 0.5
"""Points of probability under which a value is counted with others on the page, and told by itself in the JSON only."""

_SIGNS_A_LINE = 100
_LINES_OF_FIT = {"ease": 20, "flow": 24, "close": 27}
"""Signs that a line of the first sheet holds, and the most lines of measures and facts of each layout: printed by Chromium, all
notices of a cohort of 2,000 stay on two sheets with them."""

_MARKDOWN_SIGNS = re.compile(r"([\\`*{}\[\]<>|#~!]|(?<![^\W_])_|_(?![^\W_]))")
"""What Markdown may read as a mark; an underscore inside a word ("tle_pro-1") is none."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class TableSource(_Frozen):
    """A table of data, and where it comes from.

    Attributes
    ----------
    table, label : str
        Its name, and what a school calls it.
    known : bool
        Whether at least one value was read from it for this pupil.
    source : str
        Where the school took it from.
    """

    table: str
    label: str
    known: bool
    source: str


class FamilyWeight(_Frozen):
    """The parameters of one family, as applied to this pupil.

    Attributes
    ----------
    family, label : str
        Code and French name.
    log_odds : float
        Weight: what the family adds to the log-odds of the risk, against the reference pupil.
    points : float
        The same in points of probability; the points of all families sum to 100 (risk - reference risk).
    facts : tuple of str
        The values that weigh at least `LEAST_POINTS` each, up or down, as dated facts.
    light : tuple of str
        The other values that were read: what they weigh is part of the points, each of them less.
    missing : int
        Values of the family that are not known; they weigh nothing.
    """

    family: str
    label: str
    log_odds: float
    points: float
    facts: tuple[str, ...]
    light: tuple[str, ...] = ()
    missing: int

    @property
    def read_in_brief(self) -> str:
        """The first values that weigh, and how many others were read: for a sheet, whose fold on a screen gives them all."""
        excerpt = self.model_copy(
            update={"facts": self.facts[:MOST_VALUES], "light": (*self.facts[MOST_VALUES:], *self.light)}
        )
        return excerpt.read

    @property
    def read(self) -> str:
        """The values that weigh, and how many others were read."""
        if not self.light:
            return " ; ".join(self.facts) or "donnée manquante"
        others = (
            french.plural(len(self.light), "autre valeur", "autres valeurs")
            if self.facts
            else french.plural(len(self.light), "valeur", "valeurs")
        )
        return " ; ".join([*self.facts, others])


class Notice(_Frozen):
    """What is told of the processing of one pupil's situation; texts are in French.

    Attributes
    ----------
    pupil_id, level, school_id, class_id : str or None
        Who; the level as a school writes it. Of the last known enrolment when the pupil is not enrolled that day.
    enrolled : bool
        Whether a known enrolment is open that day.
    as_of : date
        Only what was known on the morning of this day was used.
    estimated : bool
        Whether there is a risk; otherwise ``cause`` says why not.
    risk, reference_risk : float or None
        The pupil's, and that of the reference pupil (same level, same time of year).
    flagged : bool
        Whether the situation is to be looked at.
    reasons, supports : tuple of str
        The facts that raise the estimate most, and those that lower it most.
    comparable : str or None
        What became of comparable pupils.
    contribution : tuple of str
        1° Degree and mode of contribution of the processing to the decision.
    sources : tuple of TableSource
        2° Data processed and their sources.
    days_of_data, set_aside : int
        Days of the school year that the data cover; rows set aside because they were faulty.
    weights : tuple of FamilyWeight
        3° Parameters and their weights, applied to this pupil; empty without an estimate.
    operations : tuple of str
        4° Operations carried out, in their order.
    missing : tuple of str
        What was not known.
    measures : tuple of Measure
        What may be proposed; never decided.
    contest : tuple of str
        How to ask, correct, object, contest.
    model : ModelFacts
    policy_version, calendar_version : str
    automated_decision : bool
        Always False.
    """

    pupil_id: str
    level: str | None
    school_id: str | None
    class_id: str | None
    enrolled: bool = True
    as_of: date
    estimated: bool
    cause: str | None
    risk: float | None
    reference_risk: float | None
    flagged: bool = False
    reasons: tuple[str, ...] = ()
    supports: tuple[str, ...] = ()
    comparable: str | None = None
    contribution: tuple[str, ...]
    sources: tuple[TableSource, ...]
    days_of_data: int
    set_aside: int
    weights: tuple[FamilyWeight, ...]
    operations: tuple[str, ...]
    missing: tuple[str, ...]
    measures: tuple[Measure, ...]
    contest: tuple[str, ...]
    model: ModelFacts
    policy_version: str
    calendar_version: str
    automated_decision: Literal[False] = False

    @property
    def light_words(self) -> str:
        """Say what the values that are only counted have in common."""
        return f"moins de {french.number(LEAST_POINTS)} point"

    @property
    def told_sources(self) -> tuple[tuple[str, str, bool], ...]:
        """Labels, source and whether something was read, the tables of one source together."""
        labels: dict[tuple[str, bool], list[str]] = {}
        for table in self.sources:
            labels.setdefault((table.source, table.known), []).append(table.label)
        label_by_source = {key: " ; ".join(names) for key, names in labels.items()}
        return tuple((text[0] + text[1:].lower(), *key) for key, text in label_by_source.items())

    @property
    def set_aside_words(self) -> str:
        """Say how many faulty rows were set aside."""
        if not self.set_aside:
            return "aucune ligne fautive mise de côté"
        return french.plural(self.set_aside, "ligne fautive mise de côté", "lignes fautives mises de côté")

    @property
    def dominant_lines(self) -> tuple[str, ...]:
        """Tell the reasons first: the table that follows holds everything, and is long."""
        if not self.estimated:
            return ()

        def quoted(texts: tuple[str, ...]) -> str:
            return french.join([f"«{french.NO_BREAK_SPACE}{text}{french.NO_BREAK_SPACE}»" for text in texts])

        lines = [
            f"{words} : {quoted(texts)}."
            for words, texts in (
                ("Ce qui élève le plus l'estimation", self.reasons),
                ("Ce qui l'abaisse le plus", self.supports),
            )
            if texts
        ]
        return tuple(lines) or (f"{NO_REASON}.",)

    @property
    def facts_seen(self) -> tuple[tuple[str, str], ...]:
        """The reasons, each as its fact and what the reference pupil had, for a page that sets them apart."""
        return tuple(_apart(text) for text in self.reasons)

    @property
    def facts_of_support(self) -> tuple[tuple[str, str], ...]:
        """The points of support, set apart in the same way."""
        return tuple(_apart(text) for text in self.supports)

    @property
    def heavy_weights(self) -> tuple[FamilyWeight, ...]:
        """The families that weigh at least `LEAST_POINTS`, the heaviest first."""
        heavy = (weight for weight in self.weights if abs(weight.points) >= LEAST_POINTS)
        return tuple(sorted(heavy, key=lambda weight: -abs(weight.points)))

    @property
    def light_weights(self) -> tuple[FamilyWeight, ...]:
        """The other families; their points are told together on the sheet, one by one in its fold."""
        return tuple(weight for weight in self.weights if abs(weight.points) < LEAST_POINTS)

    @property
    def light_points(self) -> float:
        """Points of the light families together."""
        return sum(weight.points for weight in self.light_weights)

    @property
    def folded_values(self) -> int:
        """Values that the sheet only counts."""
        return sum(
            len(weight.facts[MOST_VALUES:]) + len(weight.light) for weight in self.heavy_weights
        ) + sum(len(weight.facts) + len(weight.light) for weight in self.light_weights)

    @property
    def fit(self) -> str:
        """How the notice keeps to two sheets: ``ease``, ``flow``, ``close`` or ``dense``, by how much may be proposed.

        The help has a sheet of its own in 11 points; or the law begins under it; or the help is in 10 points, or in 9.
        """
        sentences = [f"{one.label}. {one.text}" for one in self.measures]
        facts = [fact for fact, _ in (*self.facts_seen, *self.facts_of_support)]
        lines = sum(-(-len(text) // _SIGNS_A_LINE) for text in (*sentences, *facts))
        lines += len(facts) + sum(len(one.facts) + len(one.to_check) for one in self.measures)
        return next((name for name, most in _LINES_OF_FIT.items() if lines <= most), "dense")

    @property
    def present_measures(self) -> tuple[Measure, ...]:
        """Measures for an enrolled pupil."""
        return tuple(measure for measure in self.measures if not measure.after_leaving)

    @property
    def later_measures(self) -> tuple[Measure, ...]:
        """What exists for a pupil who would have left, or failed an examination."""
        return tuple(measure for measure in self.measures if measure.after_leaving)

    def to_markdown(self) -> str:
        """Write the notice in Markdown; ids and texts of the school are shown as they are, whatever signs they hold."""
        return _markdown_template().render(notice=self).rstrip() + "\n"

    def to_html(self) -> str:
        """Write the notice as one HTML page, without script, font or address from elsewhere.

        On paper two pages, the help first and the law after; on a screen every value that was read can be unfolded.
        """
        day = french.day(self.as_of, with_year=True)
        return render(
            f"{__package__}/notice.html.j2",
            notice=self,
            foot=f"Notice · élève {self.pupil_id} · situation au {day}",
        )

    def to_json(self) -> str:
        """Write the notice as JSON."""
        return self.model_dump_json(indent=2) + "\n"

    def _repr_html_(self) -> str:
        return self.to_html()


def _apart(text: str) -> tuple[str, str]:
    """Part a reason into its fact and what the reference pupil had, each a sentence."""
    fact, mark, beside = text.partition(f" ; {REFERENCE_PUPIL}")
    reference = f"{REFERENCE_PUPIL[0].upper()}{REFERENCE_PUPIL[1:]}{beside}." if mark else ""
    return f"{fact[0].upper()}{fact[1:]}.", reference


@cache
def _markdown_template() -> Template:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - loaded on first use

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - Markdown escapes by its own filter
    environment.filters.update(_filters())
    return environment.from_string(files(__package__).joinpath("notice.md.j2").read_text(encoding="utf-8"))


def _filters() -> dict[str, Callable[..., str]]:
    return {
        "count": french.plural,
        "day": lambda day: french.day(day, with_year=True),
        "percent": lambda share: french.percent(share, 1),
        "points": lambda points: french.signed(points, 1),
        "years": lambda years: french.join([french.school_year(year) for year in years]),
        # In Markdown a sign of an id must not become a mark.
        "given": lambda text: _MARKDOWN_SIGNS.sub(r"\\\1", " ".join(str(text).split())),
    }
