"""The drawings of one pupil: a year of presence as a grid, marks as small multiples; each with its numbers as a table.

A grid shows every half-day of class, so that a reader sees when absences fall and not their sum alone; signs can be
told apart in grey. What a screen reader says of a drawing is written from the same facts.
"""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.pages import Cell, Chart, Drawing, PageTable, Panel
from decrochage_risk.pages.charts import BLUE, INK, OCHRE, PALE, SOFT, sign
from decrochage_risk.report.facts import (
    ELSEWHERE,
    EXCLUSION,
    JUSTIFIED,
    LEGAL,
    NOT_SENT,
    PLACEMENT,
    PRESENT,
    UNJUSTIFIED,
)
from decrochage_risk.report.situations import Way

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from markupsafe import Markup

    from decrochage_risk.report.facts import Marks, Month, Presence, SchoolDay, SubjectMarks

__all__ = ["marks_chart", "presence_chart", "way_sign"]

_WORDS = {
    UNJUSTIFIED: "absence non justifiée",
    JUSTIFIED: "absence justifiée",
    EXCLUSION: "exclusion temporaire",
    PLACEMENT: "en entreprise",
    PRESENT: "présence",
    NOT_SENT: "absences non transmises",
}
_LEFT, _TOP, _WEEK, _DAY = 17, 20, 22, 14
_WEEKS_A_ROW = 14
_DAYS = "LMMJVS"


@cache
def way_sign(way: Way) -> Markup:
    """Draw the sign of a way onto a list: three shapes, so that no colour is needed."""

    def draw(drawing: Drawing) -> None:
        if way is Way.RISK:
            drawing.path("M5.5 0L11 5.5L5.5 11L0 5.5Z", fill=INK)
        elif way is Way.LEGAL:
            drawing.path("M1 1h9v9h-9z", stroke=INK, width=2)
        else:
            drawing.path("M0 5.5H8M5 2l4 3.5l-4 3.5", stroke=INK, width=2)

    return sign(11, 11, draw)


def _half_days(drawing: Drawing, places: dict[str, list[tuple[float, float]]]) -> None:
    """Draw the half-days, one path per kind: filled, hollow, crossed, hatched, pale."""

    def box(kind: str, inset: float) -> str:
        return "".join(
            f"M{x + inset:g} {y + inset:g}h{9 - 2 * inset:g}v{11 - 2 * inset:g}h-{9 - 2 * inset:g}z"
            for x, y in places.get(kind, ())
        )

    drawing.path(box(PRESENT, 0), fill=PALE)
    drawing.path(box(UNJUSTIFIED, 0), fill=BLUE)
    drawing.path(box(JUSTIFIED, 0.6), fill="#fff", stroke=SOFT, width=1.2)
    drawing.path(box(EXCLUSION, 0), fill=OCHRE)
    crosses = "".join(f"M{x + 2:g} {y + 2:g}l5 7m0 -7l-5 7" for x, y in places.get(EXCLUSION, ()))
    drawing.path(crosses, stroke="#fff", width=1.4)
    drawing.path(box(PLACEMENT, 0.4), fill="#fff", stroke="#a59f93", width=0.8)
    drawing.path(
        "".join(f"M{x + 1:g} {y + 10:g}l7 -9" for x, y in places.get(PLACEMENT, ())), stroke="#8a857a"
    )
    drawing.path("".join(f"M{x + 3:g} {y + 5.5:g}h3" for x, y in places.get(NOT_SENT, ())), stroke=SOFT)


def _legend(kinds: set[str]) -> tuple[tuple[Markup, str], ...]:
    return tuple((_sign(kind), words) for kind, words in _WORDS.items() if kind in kinds)


@cache
def _sign(kind: str) -> Markup:
    return sign(11, 13, lambda drawing: _half_days(drawing, {kind: [(1.0, 1.0)]}))


def presence_chart(presence: Presence, marks: tuple[int, ...] = ()) -> Chart:
    """Draw the half-days of a year: one square a half-day with school, one column a week, holidays left empty.

    Parameters
    ----------
    presence : Presence
    marks : tuple of int
        Numbers of the reasons that this drawing shows.
    """
    weeks = [
        list(days) for _, days in groupby(_school_days(presence), key=lambda one: one.day.isocalendar()[:2])
    ]
    panels = [Panel(_weeks_panel(columns, presence.months)) for columns in _in_panels(_with_holidays(weeks))]
    kinds = {half_day for one in presence.days for half_day in one.half_days}
    return Chart(
        name="presence",
        title="Chaque carré est une demi-journée de classe, chaque colonne une semaine",
        how=f"Sous chaque mois : ses demi-journées non justifiées, soulignées à partir de {LEGAL}. Semaines de vacances : vides.",
        panels=tuple(panels),
        tables=(_presence_table(presence),),
        key=_legend(kinds),
        marks=marks,
    )


def _school_days(presence: Presence) -> list[SchoolDay]:
    # A pupil who arrives in March does not have six months of empty squares.
    days = list(presence.days)
    while days and set(days[0].half_days) == {ELSEWHERE}:
        days.pop(0)
    return days


def _with_holidays(weeks: list[list[SchoolDay]]) -> list[list[SchoolDay] | None]:
    """Put an empty column for each week without school between two weeks with school."""
    columns: list[list[SchoolDay] | None] = []
    for week in weeks:
        if columns and columns[-1]:
            # From Monday to Monday: a week may begin on another day after a holiday.
            apart = (
                (week[0].day - columns[-1][0].day).days + columns[-1][0].day.weekday() - week[0].day.weekday()
            )
            columns += [None] * (apart // 7 - 1)
        columns.append(week)
    return columns


def _month_of(week: list[SchoolDay]) -> tuple[int, int]:
    """Month under which a week stands: that of its last day with school."""
    return week[-1].day.year, week[-1].day.month


def _in_panels(columns: list[list[SchoolDay] | None]) -> list[list[list[SchoolDay] | None]]:
    """Part the weeks of a year at the start of a month, so that each panel fits a phone and no month is cut in two."""
    panels: list[list[list[SchoolDay] | None]] = []
    of_month: list[list[SchoolDay] | None] = []
    for column in [*columns, None]:
        first_week = next((week for week in of_month if week), None)
        if column and first_week and _month_of(column) != _month_of(first_week):
            if panels and len(panels[-1]) + len(of_month) <= _WEEKS_A_ROW:
                panels[-1] += of_month
            else:
                panels.append(of_month)
            of_month = []
        of_month.append(column)
    if panels and len(panels[-1]) + len(of_month) - 1 <= _WEEKS_A_ROW:
        panels[-1] += of_month[:-1]
    else:
        panels.append(of_month[:-1])
    return panels


def _weeks_panel(columns: Sequence[list[SchoolDay] | None], months: tuple[Month, ...]) -> Markup:
    rows = max((one.day.weekday() for week in columns if week for one in week), default=4) + 1
    bottom = _TOP + rows * _DAY
    drawing = Drawing(_LEFT + _WEEK * _WEEKS_A_ROW + 8, bottom + 27)
    for number in range(rows):
        drawing.text(0, _TOP + number * _DAY + 10, _DAYS[number], "s")
    places: dict[str, list[tuple[float, float]]] = {}
    sentences, month_before = [], None
    for number, week in enumerate(columns):
        x = _LEFT + _WEEK * number
        if week is None:
            # Holidays keep their width, so that the eye sees how far apart two absences are.
            drawing.path(f"M{x - 1} {_TOP - 1}h21v{rows * _DAY}h-21z", fill="#f6f4ef")
            continue
        for one in week:
            for half, kind in enumerate(one.half_days):
                places.setdefault(kind, []).append((x + 10 * half, _TOP + _DAY * one.day.weekday()))
        month = _month_of(week)
        if month != month_before:
            month_before = month
            for totals in months:
                if (totals.first.year, totals.first.month) == month:
                    _month_words(drawing, x, bottom, totals)
                    sentences.append(_month_said(totals))
    _half_days(drawing, places)
    span = f"{sentences[0].split(' :')[0]} à {sentences[-1].split(' :')[0]}" if sentences else ""
    return drawing.markup(f"Demi-journées de classe, {span}", " ; ".join(sentences))


def _month_words(drawing: Drawing, x: float, bottom: float, month: Month) -> None:
    if x > _LEFT:
        drawing.line(x - 1.5, _TOP - 3, x - 1.5, bottom + 22)
    drawing.text(x, 12, french.SHORT_MONTHS[month.first.month - 1], "b")
    if month.unjustified is None:
        drawing.text(x + 2, bottom + 17, "?", "s")
        return
    if month.unjustified >= LEGAL:
        drawing.text(x + 2, bottom + 17, str(month.unjustified), "o")
        drawing.line(
            x + 1, bottom + 21, x + 4 + 7 * len(str(month.unjustified)), bottom + 21, stroke=OCHRE, width=2
        )
    else:
        drawing.text(x + 2, bottom + 17, str(month.unjustified), "s")


def _month_said(month: Month) -> str:
    name = french.month(month.first)
    if month.unjustified is None:
        return f"{name} : absences non transmises, ou pas toutes"
    least = "" if month.is_whole else "au moins "
    return f"{name} : {least}{french.plural(month.unjustified, 'demi-journée non justifiée', 'demi-journées non justifiées')}"


def _presence_table(presence: Presence) -> PageTable:
    rows = []
    for month in presence.months:
        counts = (month.unjustified, month.justified, month.exclusion, month.placement)
        least = "" if month.is_whole else "au moins "
        cells = [Cell("non transmis") if count is None else Cell(f"{least}{count}") for count in counts]
        rows.append([french.month(month.first, with_year=True), *cells, Cell(str(month.possible))])
    totals = [
        sum(getattr(month, name) or 0 for month in presence.months)
        for name in ("unjustified", "justified", "exclusion", "placement", "possible")
    ]
    rows.append(["Ensemble", *(Cell(str(total)) for total in totals)])
    return PageTable.of(
        "Demi-journées par mois",
        [
            "Mois",
            "Non justifiées",
            "Justifiées",
            "Exclusion",
            "En entreprise",
            "Jours de classe (demi-journées)",
        ],
        rows,
        note="depuis la rentrée ; le dernier mois n'est pas fini",
        numeric=range(1, 6),
        total=True,
    )


_PLOT, _HEIGHT = 70, 56
_ONE_LINE = 20 * 12 / _HEIGHT
"""Points of a mark that a line of text is high."""


def marks_chart(marks: Marks, start: date, today: date, numbers: tuple[int, ...] = ()) -> Chart:
    """Draw the marks subject by subject, on 20; a missed assessment is a cross on the axis, never a 0.

    Parameters
    ----------
    marks : Marks
    start, today : date
        First day of the school year, day of the run.
    numbers : tuple of int
        Numbers of the reasons that this drawing shows.
    """
    known_class = any(one.of_class is not None for one in marks.subjects)
    of_class = (
        "Trait fin : moyenne de la classe." if known_class else "Moyennes de la classe : non transmises."
    )
    return Chart(
        name="notes",
        title=f"Chaque point est une note sur 20, de {french.month(start)} à {french.month(today, with_year=True)}",
        how=f"Trait plein : moyenne de cette année. Pointillé : la sienne l'an dernier. Croix : évaluation non faite ou travail non rendu. {of_class}",
        panels=tuple(Panel(_subject_panel(one, start, today), _short(one.label)) for one in marks.subjects),
        tables=(_marks_table(marks),),
        marks=numbers,
        tight=True,
    )


def _short(label: str) -> str:
    """Shorten the longest names of subjects, so that panels keep one width."""
    return {
        "Enseignements professionnels": "Ens. professionnel",
        "Éducation physique et sportive": "EPS",
        "Prévention, santé, environnement": "Prévention, env.",
        "Sciences économiques et sociales, économie-gestion": "Économie",
        "Sciences de la vie et de la Terre": "SVT",
        "Sciences, enseignement scientifique": "Sciences",
        "Sciences numériques, informatique": "Informatique",
        "Enseignement moral et civique": "EMC",
        "Arts plastiques, arts appliqués": "Arts",
        "Histoire-géographie": "Histoire-géo.",
        "Éducation musicale": "Musique",
        "Langues anciennes": "Langues anc.",
    }.get(label, label)


def _subject_panel(subject: SubjectMarks, start: date, today: date) -> Markup:
    left = 18
    drawing = Drawing(left + _PLOT + 32, _HEIGHT + 28)
    span = max(1, (today - start).days)

    def x(day: date) -> float:
        return left + 3 + (_PLOT - 6) * (day - start).days / span

    def y(mark: float) -> float:
        return 6 + _HEIGHT * (1 - mark / 20)

    for level in (0, 10, 20):
        drawing.line(left, y(level), left + _PLOT, y(level))
        drawing.text(left - 4, y(level) + 4, str(level), "s r")
    if subject.of_class is not None:
        drawing.line(left, y(subject.of_class), left + _PLOT, y(subject.of_class), stroke=SOFT, width=1)
    if subject.last_year is not None:
        drawing.line(
            left, y(subject.last_year), left + _PLOT, y(subject.last_year), stroke=SOFT, width=1.5, dash="3 2"
        )
    if subject.mean is not None:
        drawing.line(left, y(subject.mean), left + _PLOT, y(subject.mean), stroke=BLUE, width=2)
    for day, value in zip(subject.days, subject.marks, strict=True):
        drawing.dot(x(day), y(value), 2.2)
    # Below the axis: missed work is no mark of 0.
    crosses = "".join(f"M{x(day) - 3:.1f} {_HEIGHT + 13}l6 6m0 -6l-6 6" for day in subject.missed)
    drawing.path(crosses, stroke=INK, width=1.6)
    _mean_words(drawing, subject, y)
    return drawing.markup(subject.label, _subject_said(subject))


def _mean_words(drawing: Drawing, subject: SubjectMarks, y: Callable[[float], float]) -> None:
    """Write this year's mean and last year's at their heights, never one over the other."""
    beside = 18 + _PLOT + 4
    if subject.mean is not None:
        drawing.text(beside, y(subject.mean) + 4, french.number(subject.mean, 1), "f")
    if subject.last_year is not None:
        at = y(subject.last_year) + 4
        if subject.mean is not None and abs(subject.last_year - subject.mean) < _ONE_LINE:
            at = y(subject.mean) + 4 + (12 if subject.last_year <= subject.mean else -12)
        drawing.text(beside, at, french.number(subject.last_year, 1), "s")


def _subject_said(subject: SubjectMarks) -> str:
    parts = [french.plural(len(subject.marks), "note")]
    if subject.mean is not None:
        parts.append(f"moyenne {french.number(subject.mean, 1)}")
    if subject.last_year is not None:
        parts.append(f"l'an dernier {french.number(subject.last_year, 1)}")
    if subject.of_class is not None:
        parts.append(f"classe {french.number(subject.of_class, 1)}")
    if subject.missed:
        parts.append(french.plural(len(subject.missed), "évaluation non faite", "évaluations non faites"))
    return " ; ".join(parts)


def _marks_table(marks: Marks) -> PageTable:
    def cell(value: float | None) -> Cell:
        return Cell("–") if value is None else Cell(french.number(value, 1), value)

    rows = [
        [one.label, str(len(one.marks)), str(len(one.missed)), cell(one.mean), cell(one.last_year), cell(one.of_class)]
        for one in marks.subjects
    ]  # fmt: skip
    return PageTable.of(
        "Notes par matière",
        ["Matière", "Notes", "Non faites", "Moyenne", "L'an dernier", "Classe"],
        rows,
        note="sur 20, depuis la rentrée",
        numeric=range(1, 6),
    )
