"""The page of one pupil: points of support, facts in drawings, what is not known, measures; the estimate comes last.

It is read by a team that knows the pupil, so facts come before any number, and each reason has the number of the
drawing that shows it. What is not known is listed apart: it is never a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.explain.sentences import NO_REASON, OTHERS, fact_of, reference_of, tell_missing
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.features.definition import SINCE_4E
from decrochage_risk.model import closing_day
from decrochage_risk.pages import Cell, PageTable, hundred_squares, render
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.report.drawings import marks_chart, presence_chart, way_sign
from decrochage_risk.report.situations import Way
from decrochage_risk.school_year import school_year_of, year_start
from decrochage_risk.score.pupil_risk import horizon_words
from decrochage_risk.score.ways import measures_by_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markupsafe import Markup

    from decrochage_risk.explain import Reason
    from decrochage_risk.policy import Measure
    from decrochage_risk.report.facts import Marks, PathYear, Presence, PupilFacts
    from decrochage_risk.report.situations import Situation
    from decrochage_risk.score import Changes, Comparable, PupilRisk, RunFacts

__all__ = ["Horizon", "horizons", "pupil_page"]

_PATH, _PRESENCE, _MARKS = "path", "presence", "marks"
_LEGAL_MONTHS = "months_over_threshold_year"


@dataclass(frozen=True, slots=True)
class Horizon:
    """What became of comparable pupils by one day.

    Attributes
    ----------
    until : str
        The day on which outcomes close, in French.
    comparable : Comparable
    squares : Markup
        A hundred squares.
    text : str
        The same in a sentence.
    """

    until: str
    comparable: Comparable
    squares: Markup
    text: str


def horizons(pupil: PupilRisk, closes: tuple[int, int]) -> tuple[Horizon, ...]:
    """Give every horizon that a result holds, the nearest first; the one place that knows which there are."""
    if pupil.comparable is None:
        return ()
    pairs = [(pupil.comparable, pupil.horizon_years)]
    if pupil.path is not None and pupil.path.comparable is not None:
        pairs.append((pupil.path.comparable, pupil.path.horizon_years))
    year = school_year_of(pupil.as_of)
    return tuple(
        _horizon(comparable, french.day(closing_day(year, closes, years), with_year=True))
        for comparable, years in pairs
    )


def _horizon(comparable: Comparable, until: str) -> Horizon:
    left = round(100 * comparable.share)
    text = (
        f"Sur 100 élèves comparables, environ {100 - left} n'ont pas quitté l'école sans diplôme et {left} l'ont quittée "
        f"(mesuré sur {french.plural(comparable.pupils, 'élève')} ; fourchette "
        f"{french.interval_percent(comparable.low, comparable.high)})."
    )
    squares = hundred_squares(
        left,
        title=f"D'ici au {until}, sur 100 élèves comparables",
        description=f"{100 - left} carrés vides : n'ont pas quitté l'école sans diplôme ; {left} carrés pleins : l'ont quittée",
    )
    return Horizon(until, comparable, squares, text)


@dataclass(frozen=True, slots=True)
class _Fact:
    """A reason with its number, its sentence, and what an "élève type" had, apart."""

    number: int
    text: str
    beside: str
    drawing: str


def _facts(reasons: tuple[Reason, ...]) -> tuple[_Fact, ...]:
    """Tell the reasons, numbered as they come on the page: presence, marks, path."""
    places = (_PRESENCE, _MARKS, _PATH)
    facts = []
    # A stable sort: reasons of one drawing keep the order in which they are told.
    by_place = sorted(reasons, key=lambda reason: places.index(_drawing_of(reason)))
    for number, reason in enumerate(by_place, start=1):
        fact, beside = (
            f"{words[0].upper()}{words[1:]}." if words else ""
            for words in (fact_of(reason.text), reference_of(reason.text))
        )
        facts.append(_Fact(number, fact, beside, _drawing_of(reason)))
    return tuple(facts)


def _drawing_of(reason: Reason) -> str:
    """Name the drawing that shows a reason: that of its table, or the path when it is of earlier years."""
    if reason.family == SINCE_4E.code:
        return _PATH
    table = FEATURE_BY_NAME[reason.code].table
    return {"absences": _PRESENCE, "grades": _MARKS}.get(table, _PATH)


def pupil_page(
    situation: Situation,
    run: RunFacts,
    facts: PupilFacts | None,
    *,
    trail: tuple[tuple[str, str], ...] = (),
    changes: Changes | None = None,
    notice_link: str = "",
) -> str:
    """Write the page of a pupil.

    Parameters
    ----------
    situation : Situation
        Who, and the result.
    run : RunFacts
        What the run rests on.
    facts : PupilFacts or None
        The facts over time; without them the page has its sentences and no drawing.
    trail : tuple of (name, link)
        Pages above this one.
    changes : Changes, optional
        What changed since an earlier day.
    notice_link : str
        Address of the notice, where there is one.

    Returns
    -------
    str
        One HTML file.
    """
    pupil = situation.pupil
    of_now, of_a_case_to_come = measures_by_time(pupil.measures, has_left="departure" in pupil.ways)
    reason_facts = _facts(pupil.reasons)

    def numbers(drawing: str) -> tuple[int, ...]:
        return tuple(one.number for one in reason_facts if one.drawing == drawing)

    presence = None if facts is None else facts.presence(situation.row)
    marks = None if facts is None else facts.marks(situation.row, situation.school_id, situation.class_id)
    path = () if facts is None else facts.path(situation.row)
    start = year_start(school_year_of(pupil.as_of))
    return render(
        f"{__package__}/pupil.html.j2",
        trail=(*trail, (situation.name, "")),
        foot=f"Élève {situation.name} · {french.day(pupil.as_of, with_year=True)} · document de travail, confidentiel",
        situation=situation,
        pupil=pupil,
        who=_who(situation),
        run=run,
        ways=[(way_sign(way), _way_label(way, pupil)) for way in situation.ways],
        legal_sign=way_sign(Way.LEGAL),
        # One sentence of it is enough: the numbered one, which the drawing above shows.
        legal_is_a_reason=any(one.code == _LEGAL_MONTHS for one in pupil.reasons),
        supports=_facts(pupil.protective),
        facts=reason_facts,
        presence=None if presence is None else presence_chart(presence, numbers(_PRESENCE)),
        marks=None if marks is None else marks_chart(marks, start, pupil.as_of, numbers(_MARKS)),
        has_facts=facts is not None,
        path=_path_table(path),
        path_numbers=numbers(_PATH),
        unknown=_unknown(pupil, facts is not None, presence, marks),
        change=_change(changes, pupil.pupil_id),
        since=None if changes is None else changes.run.as_of_before,
        measures=_measures(pupil, of_now, later=False),
        later=_measures(pupil, of_a_case_to_come, later=True),
        horizons=horizons(pupil, run.outcome_closes),
        weights=_weights(pupil),
        no_reason=NO_REASON,
        notice_link=notice_link,
    )


def _way_label(way: Way, pupil: PupilRisk) -> str:
    """Say a way; with both horizons, which of them put the pupil on the list of the risk."""
    if way is not Way.RISK or pupil.path is None:
        return way.label
    words = pupil.way_words("risk")
    return f"{words[:1].upper()}{words[1:]}"


def _who(situation: Situation) -> str:
    level = situation.pupil.level
    parts = [LEVEL_BY_NAME[level].label] if level else []
    parts += [f"classe {situation.class_id}"] if situation.class_id else []
    parts += [f"{situation.age} ans"] if situation.age is not None else []
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}"


def _path_table(path: tuple[PathYear, ...]) -> PageTable | None:
    if not path:
        return None
    rows = [
        [french.school_year(one.school_year), " ; ".join(one.places) or "–", " ; ".join(one.events) or "–"]
        for one in path
    ]
    return PageTable.of(
        "Parcours connu",
        ["Année", "Niveau, établissement", "Orientation"],
        rows,
        note="aussi loin que remontent les données",
    )


def _unknown(pupil: PupilRisk, has_facts: bool, presence: Presence | None, marks: Marks | None) -> list[str]:  # noqa: FBT001 - private
    """List what is not known: apart from the reasons, and never one of them."""
    gaps = []
    if pupil.cause is not None:
        gaps.append(f"L'estimation : {pupil.cause}")
    if has_facts and presence is None:
        gaps.append("Les absences de cette année : non transmises")
    if presence is not None and not all(month.is_whole for month in presence.months):
        gaps.append("Les absences de cette année : pas toutes transmises")
    if has_facts and marks is None:
        gaps.append("Les notes de cette année : non transmises, ou pas toutes")
    missing = tell_missing(pupil.data.missing).removeprefix("donnée manquante : ")
    missing = missing.replace(" indicateurs sur", " sur").replace(" indicateur sur", " sur")
    if missing and pupil.cause is None:
        gaps.append(f"Indicateurs sans donnée : {missing}")
    if pupil.data.set_aside:
        gaps.append(
            f"{french.plural(pupil.data.set_aside, 'ligne fautive mise de côté', 'lignes fautives mises de côté')}"
        )
    return [*gaps, "Tout ce que les relevés ne disent pas : à demander à l'élève"]


def _change(changes: Changes | None, pupil_id: str) -> str:
    return changes[pupil_id].text if changes is not None and pupil_id in changes else ""


def _measures(pupil: PupilRisk, measures: Iterable[Measure], *, later: bool) -> PageTable | None:
    rows = []
    for one in measures:
        grounds = [fact.text for fact in one.facts if fact.text] or [_opened_by(pupil)]
        rows.append([one.label, one.text, " ; ".join([*grounds, *one.to_check])])
    if not rows:
        return None
    caption = "Si l'élève quittait l'établissement ou échouait à l'examen" if later else "Mesures ouvertes"
    note = "" if later else "rien n'est décidé : l'équipe, l'élève et sa famille choisissent"
    return PageTable.of(caption, ["Mesure", "Ce que c'est", "Ouverte par"], rows, note=note)


def _opened_by(pupil: PupilRisk) -> str:
    return "risque estimé au-dessus du seuil, âge et niveau" if pupil.flagged else "âge et niveau"


def _weights(pupil: PupilRisk) -> PageTable | None:
    """Make the table of the points, which sum to the difference between the two estimates."""
    if pupil.explained_risk is None or pupil.reference_risk is None:
        return None
    rows: list[list[object]] = [
        [
            "Élève type, à la même période",
            Cell(french.percent(pupil.reference_risk, 1), pupil.reference_risk),
        ]
    ]
    rows += [
        [one.family_label, Cell(french.signed(one.points, 1), one.points)]
        for one in (*pupil.reasons, *pupil.protective)
    ]
    if pupil.other_points is not None:
        rows.append(
            [OTHERS[0].upper() + OTHERS[1:], Cell(french.signed(pupil.other_points, 1), pupil.other_points)]
        )
    horizon = "" if pupil.path is None else f", {horizon_words(pupil.explained_horizon_years)}"
    rows.append(
        [
            f"Estimation pour l'élève{horizon}",
            Cell(french.percent(pupil.explained_risk, 1), pupil.explained_risk),
        ]
    )
    return PageTable.of(
        "Points de probabilité",
        ["Groupe de faits", "Points"],
        rows,
        note="ajoutés (+) ou retirés (−) par rapport à l'élève type ; un poids n'est pas une cause",
        numeric=[1],
        total=True,
    )
