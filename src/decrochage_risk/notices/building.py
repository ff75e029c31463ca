"""The notice of one pupil: what it holds, its three forms (Markdown, HTML, JSON), and how it is made from a result.

Article R311-3-1-2 of the CRPA asks for the degree and mode of contribution, the data with their sources, the parameters
with their weights, and the operations. All comes from the run and its model: no other number than the lists, the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date  # pydantic reads the annotation at run time
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain.sentences import (
    NO_REASON,
    REFERENCE_PUPIL,
    fact_of,
    reference_of,
    reference_pupil,
)
from decrochage_risk.features import CATALOGUE, FAMILIES
from decrochage_risk.model import closing_day
from decrochage_risk.notices.layout import Sheets
from decrochage_risk.pages import render
from decrochage_risk.policy import CapacityList, Measure
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import school_year_of
from decrochage_risk.score import ModelFacts, PupilRisk, RiskScores
from decrochage_risk.score.pupil_risk import PathRisk, horizon_words
from decrochage_risk.score.run_facts import (
    AI_ACT,
    NOT_IN_FORCE,
    PROCESSING_LABELS,
    ProcessingFacts,
    mention_of,
)
from decrochage_risk.score.scoring import REFUSED
from decrochage_risk.score.ways import WAYS, measures_by_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Template

__all__ = ["LEAST_POINTS", "FamilyWeight", "Notice", "TableSource", "notice"]

_NO_REASON_MISSING = "dont aucune n'est un motif (l'estimation de départ est celle d'un élève type dont elles ne sont pas connues non plus)"
MOST_VALUES = 1
"""Values of a family that the sheet names, the heaviest; its fold on a screen names all of them."""

LEAST_POINTS = 0.5  # of probability: values under it are counted together on the page, each told in the JSON

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
    verdict : str
        What the card of the model says against issuing a list, told first; empty when it says nothing of the kind.
    on_lists : tuple of str
        The lists of facts that the pupil is on whatever the estimate, each with its fact: legal threshold, departure.
    has_left : bool
        Whether the pupil's enrolment has ended: measures are then those of now, not of a case to come.
    is_adult : bool or None
        From 18 on, as of that day; None without a birth date. Who may ask depends on it.
    processing : ProcessingFacts
        What only the controller knows (RGPD, art. 13 and 14).
    mention : str or None
        The mention of articles L311-3-1 and R311-3-1-1 of the CRPA, to be copied into a decision that rests on the estimate;
        None without an estimate.
    model : ModelFacts
    policy_version, calendar_version : str
    automated_decision : bool
        Always False.
    """

    pupil_id: str
    level: str | None = None
    school_id: str | None = None
    class_id: str | None = None
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
    verdict: str = ""
    on_lists: tuple[str, ...] = ()
    has_left: bool = False
    is_adult: bool | None = None
    processing: ProcessingFacts = ProcessingFacts()
    mention: str | None = None
    model: ModelFacts
    policy_version: str
    calendar_version: str
    automated_decision: Literal[False] = False

    @property
    def has_objected(self) -> bool:
        """Whether the processing was objected to: nothing of the pupil's rows is then told."""
        return self.cause == REFUSED

    @property
    def readers(self) -> str:
        """Whom the notice is written for."""
        return "l'élève" if self.is_adult else "l'élève et sa famille"

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
        # Labels begin with a capital; joined, only the first of them keeps it.
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
    def missing_in_brief(self) -> tuple[str, ...]:
        """How many values are not known, for the sheet; its fold on a screen says of which families."""
        count = sum(weight.missing for weight in self.weights)
        if not count:
            return self.missing
        words = french.plural(
            count,
            "donnée manquante, qui n'est pas un motif (l'estimation de départ est celle d'un élève type dont elle n'est pas connue non plus)",
            f"données manquantes, {_NO_REASON_MISSING}",
        )
        return (words,)

    @property
    def sheets(self) -> Sheets:
        """How the two sheets of paper hold it."""
        help_texts = [
            " ".join(
                [
                    f"{one.label}. {one.text}",
                    *(f"Pourquoi : {fact.text}." for fact in one.facts),
                    *one.to_check,
                ]
            )
            for one in self.measures
        ]
        help_texts += [f"{fact} {beside}" for fact, beside in (*self.facts_seen, *self.facts_of_support)]
        law_texts = (*self.contribution, self.comparable or "", *self.operations, self.processing.filled)
        cells = tuple(weight.read_in_brief for weight in self.heavy_weights)
        return Sheets((*help_texts, *self.on_lists), law_texts, cells)

    @property
    def present_measures(self) -> tuple[Measure, ...]:
        """Measures that may be proposed now: for a pupil who has left, those for after leaving too."""
        return measures_by_time(self.measures, has_left=self.has_left)[0]

    @property
    def later_measures(self) -> tuple[Measure, ...]:
        """What exists for a pupil who would have left, or failed an examination."""
        return measures_by_time(self.measures, has_left=self.has_left)[1]

    def to_markdown(self) -> str:
        """Write the notice in Markdown; ids and texts of the school are shown as they are, whatever signs they hold."""
        return _markdown_template().render(notice=self, ai_act=AI_ACT).rstrip() + "\n"

    def to_html(self) -> str:
        """Write the notice as one HTML page, without script, font or address from elsewhere.

        On paper two pages, the help first and the law after; on a screen every value that was read can be unfolded.
        """
        day = french.day(self.as_of, with_year=True)
        return render(
            f"{__package__}/notice.html.j2",
            notice=self,
            sheets=self.sheets,
            ai_act=AI_ACT,
            foot=f"Notice · élève {self.pupil_id} · situation au {day}",
        )

    def to_json(self) -> str:
        """Write the notice as JSON."""
        return self.model_dump_json(indent=2) + "\n"

    def _repr_html_(self) -> str:
        return self.to_html()


def _apart(text: str) -> tuple[str, str]:
    """Part a reason into its fact, a sentence, and what the reference pupil had, in brackets; the page says once who that is."""
    fact, beside = fact_of(text), reference_of(text)
    # The page says once that the median is that of the level; only another one is said beside the fact.
    return (
        f"{fact[0].upper()}{fact[1:]}.",
        f"({beside.replace(reference_pupil(general=False), REFERENCE_PUPIL)})" if beside else "",
    )


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


DEFAULT_SOURCE = "fichiers de gestion de l'établissement"
DEFAULT_CONTACT = "le chef d'établissement"
ADULT = 18
READ_TABLES = tuple(dict.fromkeys(("pupils", "enrolments", *(feature.table for feature in CATALOGUE))))
_NAMES_BY_FAMILY = {
    family.code: tuple(feature.name for feature in CATALOGUE if feature.family == family)
    for family in FAMILIES
}
_STILL = 1e-9


def notice(
    scores: RiskScores,
    pupil: str | PupilRisk,
    *,
    sources: Mapping[str, str] | None = None,
    contact: str = DEFAULT_CONTACT,
    processing: Mapping[str, str] | ProcessingFacts | None = None,
    capacity: CapacityList | None = None,
) -> Notice:
    """Answer article R311-3-1-2 of the CRPA for one pupil, in plain French.

    A pupil without a score has a notice too, which says why there is none; of one whose processing was objected to, it tells
    nothing of the records.

    Parameters
    ----------
    scores : RiskScores
        The run.
    pupil : str or PupilRisk
        Whom: an id, or a result of this run.
    sources : mapping of str to str, optional
        Where each table comes from ("export du logiciel de vie scolaire du 4 mars 2025"), by its name.
    contact : str
        Whom to ask, in French.
    processing : mapping of str to str, optional
        What only the controller knows (RGPD, art. 13 and 14), by the names of `ProcessingFacts`: ``controller``, ``dpo``,
        ``legal_basis``, ``recipients``, ``retention``. What is left out is said to be still to fill.
    capacity : CapacityList, optional
        The list by number of places that the school made of these scores: the notice then says whether the pupil is on it,
        since it compares pupils.

    Returns
    -------
    Notice
        With ``to_markdown()``, ``to_html()`` and ``to_json()``.

    Raises
    ------
    RecordsError
        A pupil that was not scored in this run, a scored one who was not explained (the weights are due), a result
        of another run, a source of an unknown table, an unknown field of ``processing``, an empty text, or other kinds of objects.

    Notes
    -----
    Sources: code des relations entre le public et l'administration, L311-3-1 and R311-3-1-2 (decree 2017-330); loi
    78-17, article 47; règlement (UE) 2016/679, articles 13 to 16, 21 and 22; règlement (UE) 2024/1689, articles 26(11) and 86.
    """
    _refuse_other_kinds(scores, pupil, {"sources": sources, "processing": processing}, contact)
    pupil_risk = pupil if isinstance(pupil, PupilRisk) else scores[pupil]
    _refuse_unusable(scores, pupil_risk, pupil, sources or {})
    has_estimate, has_objected = pupil_risk.risk is not None, pupil_risk.cause == REFUSED
    return Notice(
        pupil_id=pupil_risk.pupil_id,
        **({} if has_objected else _place(scores, pupil_risk)),
        as_of=pupil_risk.as_of,
        estimated=has_estimate,
        cause=pupil_risk.cause,
        risk=pupil_risk.explained_risk,
        reference_risk=pupil_risk.reference_risk,
        flagged=pupil_risk.flagged,
        contribution=_contribution(scores, pupil_risk),
        reasons=tuple(reason.text for reason in pupil_risk.reasons),
        supports=tuple(reason.text for reason in pupil_risk.protective),
        comparable=_comparable(pupil_risk),
        # Whether rows were there, or were known, is a fact of the rows too.
        sources=() if has_objected else _sources(pupil_risk, sources or {}),
        days_of_data=0 if has_objected else pupil_risk.data.days_of_data,
        set_aside=0 if has_objected else pupil_risk.data.set_aside,
        weights=_weights(scores, pupil_risk),
        operations=_operations(pupil_risk, scores.method, capacity),
        missing=_missing(pupil_risk),
        measures=pupil_risk.measures,
        contest=_contest(contact),
        verdict=scores.run.verdict if scores.run.is_blocked else "",
        on_lists=_lists_of_facts(pupil_risk),
        has_left="departure" in pupil_risk.ways,
        processing=ProcessingFacts.model_validate(processing or {}),
        mention=mention_of(contact) if has_estimate else None,
        model=pupil_risk.model,
        policy_version=pupil_risk.policy_version,
        calendar_version=scores.run.calendar_version,
    )


def _place(scores: RiskScores, pupil_risk: PupilRisk) -> dict[str, Any]:
    """Tell where the pupil is enrolled, or was last, and whether of age."""
    row = scores.position(pupil_risk.pupil_id)
    school_id, class_id, enrolled = (
        scores.frame[name].iat[row] for name in ("school_id", "class_id", "enrolled")
    )
    age = float(scores.frame["age_years"].to_numpy(dtype=float)[row])
    return {
        "level": LEVEL_BY_NAME[pupil_risk.level].label if pupil_risk.level else None,
        "school_id": _text(school_id),
        "class_id": _text(class_id),
        "enrolled": bool(enrolled),
        "is_adult": None if math.isnan(age) else age >= ADULT,
    }


def _lists_of_facts(pupil_risk: PupilRisk) -> tuple[str, ...]:
    """Name the lists that rest on facts alone, with the fact: who is on one must know it."""
    facts = {"legal": pupil_risk.legal, "departure": pupil_risk.departure}
    lines = []
    for way, fact in facts.items():
        if way in pupil_risk.ways and fact is not None:
            lines.append(
                f"Par une autre voie que l'estimation, l'élève est sur la liste «{french.NO_BREAK_SPACE}{WAYS[way]}{french.NO_BREAK_SPACE}» : {fact.text}."
            )
    return tuple(lines)


def _refuse_other_kinds(scores: object, pupil: object, texts: Mapping[str, object], contact: object) -> None:
    faults = []
    if not isinstance(scores, RiskScores):
        faults.append(f"scores is a {type(scores).__name__}")
    if not isinstance(pupil, str | PupilRisk):
        faults.append(f"pupil is a {type(pupil).__name__}")
    if not isinstance(contact, str) or not contact.strip():
        faults.append(f"contact={contact!r}")
    for argument, values in texts.items():
        if values is None or isinstance(values, ProcessingFacts):
            continue
        if not isinstance(values, Mapping):
            faults.append(f"{argument} is a {type(values).__name__}")
            continue
        empty = [name for name, text in values.items() if not isinstance(text, str) or not text.strip()]
        faults += [f"{argument}[{name!r}]={values[name]!r}" for name in empty]
        if argument == "processing":
            unknown = [name for name in values if name not in PROCESSING_LABELS]
            faults += [
                f"processing names {name!r}, which is none of {', '.join(PROCESSING_LABELS)}"
                for name in unknown
            ]
    if faults:
        raise RecordsError(
            explain_error(
                f"A notice cannot be written: {'; '.join(faults)}",
                expected="notice(RiskScores, id or PupilRisk, sources={table: text}, contact=text, processing={field: text}), no text "
                "empty",
                hint="Pass what score_pupils gave; leave sources, contact and processing out for the usual words.",
            )
        )


def _refuse_unusable(
    scores: RiskScores, pupil_risk: PupilRisk, request: str | PupilRisk, sources: Mapping[str, str]
) -> None:
    faults, hints = [], []
    if isinstance(request, PupilRisk) and (
        pupil_risk.pupil_id not in scores or scores[pupil_risk.pupil_id] != pupil_risk
    ):
        faults.append(f"the result of {pupil_risk.pupil_id!r} is not of this run")
        hints.append("Take the result from these scores, or give the id alone.")
    if pupil_risk.risk is not None and not pupil_risk.explained:
        why = pupil_risk.explanation_cause or "the run did not explain this pupil"
        faults.append(f"no weights are known for {pupil_risk.pupil_id!r} ({why})")
        hints.append(f"Score with explain=[{pupil_risk.pupil_id!r}], which gives the weights of this pupil.")
    unknown = [name for name in sources if name not in READ_TABLES]
    if unknown:
        faults.append(f"sources names the tables {', '.join(map(repr, unknown))}")
        hints.append("Name a table as its file is named.")
    if faults:
        raise RecordsError(
            explain_error(
                f"A notice cannot be written: {'; '.join(faults)}",
                expected=f"a pupil of this run with its weights, and sources among {', '.join(READ_TABLES)}",
                hint=" ".join(hints),
            )
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _contribution(scores: RiskScores, pupil_risk: PupilRisk) -> tuple[str, ...]:
    closes = french.day(
        closing_day(school_year_of(pupil_risk.as_of), scores.run.outcome_closes, scores.run.horizon_years),
        with_year=True,
    )
    purpose = (
        "Mode : un calcul, fait à une date donnée, estime la probabilité qu'un élève inscrit quitte la formation sans "
        f"diplôme avant le {closes}, pour que l'équipe regarde à temps les situations fragiles."
    )
    if pupil_risk.path is not None:
        closes = french.day(
            closing_day(
                school_year_of(pupil_risk.as_of), scores.run.outcome_closes, pupil_risk.path.horizon_years
            ),
            with_year=True,
        )
        purpose += (
            f" En 4e et en 3e, aussi sur le parcours, avant le {closes} ; les poids plus bas sont ceux de l'estimation "
            f"{horizon_words(pupil_risk.explained_horizon_years)}."
        )
    degree = (
        "Degré : l'estimation ne décide de rien. Une personne vérifie les faits avec l'élève, décide et en répond "
        "(RGPD, art. 22 ; loi 78-17, art. 47)."
    )
    if pupil_risk.risk is None:
        return (
            purpose,
            degree,
            f"Pour cet élève, il n'y a pas d'estimation : {pupil_risk.cause}. Rien n'en est déduit.",
        )
    bounds = _bounds(pupil_risk)
    caveat = "" if scores.run.policy_in_force else f" ; {NOT_IN_FORCE}"
    path = ""
    if pupil_risk.path is not None and pupil_risk.path.risk is not None:
        bounds = f"{bounds} sur l'année"
        path = f" et de {french.percent(pupil_risk.path.risk, 1)}{_bounds(pupil_risk.path)} sur le parcours"
    result = (
        f"Pour cet élève : estimation de {french.percent(pupil_risk.risk, 1)}{bounds}{path}, palier « {pupil_risk.tier_label} » ; "
        f"règle appliquée : {pupil_risk.flag_rule}{caveat}."
    )
    others = [pupil_risk.tier_precision.text] if pupil_risk.tier_precision is not None else []
    return purpose, degree, result, *others


def _comparable(pupil_risk: PupilRisk) -> str | None:
    """Say what became of comparable pupils; with two estimates, of which of them they are comparable."""
    path = pupil_risk.path
    of_path = None if path is None else path.comparable
    if pupil_risk.comparable is None or path is None or of_path is None:
        return None if pupil_risk.comparable is None else pupil_risk.comparable.text
    pairs = ((pupil_risk.comparable, pupil_risk.horizon_years), (of_path, path.horizon_years))
    texts = [f"{horizon_words(years)}, {each.text[0].lower()}{each.text[1:]}" for each, years in pairs]
    words = " ; ".join(texts)
    return f"{words[0].upper()}{words[1:]}"


def _bounds(estimate: PupilRisk | PathRisk) -> str:
    if estimate.interval is None:
        return ""
    return f" (fourchette {french.interval_percent(estimate.interval.low, estimate.interval.high)})"


def _sources(pupil_risk: PupilRisk, sources: Mapping[str, str]) -> tuple[TableSource, ...]:
    missing = set(pupil_risk.data.missing)
    tables = {feature.table for feature in CATALOGUE if feature.name not in missing}
    always = {"pupils", "enrolments"} if pupil_risk.level is not None else {"pupils"}
    return tuple(
        TableSource(
            table=name,
            label=TABLES[name].label,
            known=name in tables | always,
            source=sources.get(name, DEFAULT_SOURCE),
        )
        for name in READ_TABLES
    )


def _weights(scores: RiskScores, pupil_risk: PupilRisk) -> tuple[FamilyWeight, ...]:
    """Read the weight of every family; points by the secant of the logistic curve, so that they sum to the difference."""
    if pupil_risk.explained_risk is None or pupil_risk.reference_risk is None:
        return ()
    row = scores.contributions.loc[pupil_risk.pupil_id].to_numpy(dtype=float).tolist()
    log_odds = dict(zip(scores.contributions.columns, row, strict=True))
    log_odds_sum = sum(log_odds[family.code] for family in FAMILIES)
    reference = pupil_risk.reference_risk
    # Where nothing moves, the secant is 0 over 0: the slope of the curve at the reference stands in for it.
    slope = (
        (pupil_risk.explained_risk - reference) / log_odds_sum
        if abs(log_odds_sum) > _STILL
        else reference * (1.0 - reference)
    )
    facts, missing = scores.facts(pupil_risk.pupil_id), set(pupil_risk.data.missing)
    points = {
        name: 100.0 * slope * value for name, value in scores.feature_weights(pupil_risk.pupil_id).items()
    }
    heavy = {name for name, value in points.items() if abs(value) >= LEAST_POINTS}
    return tuple(
        FamilyWeight(
            family=family.code,
            label=family.label,
            log_odds=log_odds[family.code],
            points=100.0 * slope * log_odds[family.code],
            facts=tuple(
                facts[name]
                for name in sorted(
                    _NAMES_BY_FAMILY[family.code], key=lambda name: -abs(points.get(name, 0.0))
                )
                if name in facts and name in heavy
            ),
            light=tuple(
                facts[name] for name in _NAMES_BY_FAMILY[family.code] if name in facts and name not in heavy
            ),
            missing=sum(name in missing for name in _NAMES_BY_FAMILY[family.code]),
        )
        for family in FAMILIES
    )


def _missing(pupil_risk: PupilRisk) -> tuple[str, ...]:
    """Say per family how many values are not known; a missing value weighs nothing."""
    if pupil_risk.risk is None and pupil_risk.cause != REFUSED:
        return ()
    if pupil_risk.cause == REFUSED:
        return ("Opposition au traitement (RGPD, art. 21) : aucune donnée de l'élève n'a servi",)
    missing = set(pupil_risk.data.missing)
    parts = []
    for family in FAMILIES:
        names = _NAMES_BY_FAMILY[family.code]
        count = sum(name in missing for name in names)
        if count:
            parts.append(f"{family.label[0].lower()}{family.label[1:]} ({count} sur {len(names)})")
    if not parts:
        return ()
    return (f"Données manquantes, {_NO_REASON_MISSING} : {french.join(parts)}",)


def _operations(
    pupil_risk: PupilRisk, method: tuple[str, int], capacity: CapacityList | None
) -> tuple[str, ...]:
    if pupil_risk.cause == REFUSED:
        return (
            "Opposition enregistrée : rien n'est calculé pour l'élève, qui n'est sur aucune liste de l'outil.",
            "Le suivi des absences, que la loi impose à l'établissement, continue sans l'outil.",
        )
    reading = (
        f"Lecture et vérification des données connues au matin du {french.day(pupil_risk.as_of, with_year=True)}, rien de "
        "plus récent."
    )
    if pupil_risk.risk is None:
        return reading, f"Arrêt : {pupil_risk.cause}. Aucune estimation, aucun palier."
    return (
        reading,
        (
            f"Calcul de {len(CATALOGUE)} variables ; une donnée manquante prend la valeur de l'élève type à qui elle manque aussi."
        ),
        (
            f"Estimation par {_method_words(*method)}, puis calibration : 20{french.NO_BREAK_SPACE}% doit valoir environ "
            "1 sortie pour 5 élèves."
        ),
        "Décomposition exacte de l'écart à l'élève type (valeurs de Shapley), par groupe de faits.",
        f"Comparaison au seuil du niveau, le même pour tous, quels que soient les autres élèves. {_ranking(pupil_risk, capacity)}",
        "Liste des mesures dont les conditions sont remplies ; aucune n'est décidée.",
    )


def _ranking(pupil_risk: PupilRisk, capacity: CapacityList | None) -> str:
    """Say what a list by number of places does: it compares pupils, which the thresholds do not."""
    if capacity is None:
        return "Une liste à places comptées, si l'établissement en fait une, compare en plus les estimations entre elles."
    is_listed = bool((capacity.pupils["pupil_id"] == pupil_risk.pupil_id).any())
    return (
        "L'établissement fait en plus une liste à places comptées, qui compare les estimations entre elles : l'élève "
        f"{'y est' if is_listed else 'en est absent'}."
    )


def _method_words(kind: str, members: int) -> str:
    one, many = {
        "trees": ("un ensemble d'arbres de décision, appris", "ensembles d'arbres de décision, appris"),
        "logistic": ("une régression logistique, apprise", "régressions logistiques, apprises"),
    }[kind]
    return f"{one if members == 1 else f'la moyenne de {members} {many}'} sur des années passées"


def _contest(contact: str) -> tuple[str, ...]:
    return (
        f"Pour une explication, la correction d'une donnée ou un nouvel examen par une personne : {contact}.",
        (
            "Accès, rectification, opposition (RGPD, art. 15, 16 et 21) : le même contact, ou le délégué à la protection "
            "des données ; réclamation auprès de la CNIL."
        ),
        "Qui demande : l'élève ou sa famille ; l'élève seul à partir de 18 ans.",
        "Sans réponse dans le mois, la demande est réputée refusée ; la CADA peut alors être saisie dans les deux mois.",
    )
