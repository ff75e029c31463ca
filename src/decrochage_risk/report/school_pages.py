"""The page of a school and the list of each class, as they are printed for a meeting of the GPDS.

A list has one line per situation, with the ways that led onto it and room for what is decided;
everybody else of the class can be ticked, since a list never holds all who are in difficulty.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.pages import render
from decrochage_risk.pages.rendering import SORTING
from decrochage_risk.records.levels import LEVEL_BY_NAME, PATHWAY_LABELS
from decrochage_risk.report.drawings import way_sign
from decrochage_risk.report.situations import Way
from decrochage_risk.score.ways import measures_by_time
from decrochage_risk.score.writing import ISSUED_DESPITE, WITHHELD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decrochage_risk.report.situations import School, SchoolClass
    from decrochage_risk.score import PupilRisk, RunFacts

__all__ = ["class_page", "measures_in_brief", "school_page"]

_WAYS = {
    Way.RISK: "Les faits, ensemble, ressemblent à ceux d'élèves qui ont quitté l'école sans diplôme. Seuils fixes par niveau.",
    Way.LEGAL: "Au moins 4 demi-journées non justifiées dans le mois : le code de l'éducation demande un dialogue (R131-7), quel que soit le risque.",
    Way.DEPARTURE: "L'élève était inscrit cette année et ne l'est plus, ou n'a pas été réinscrit depuis l'an dernier : est-il quelque part, a-t-il droit à un retour ?",
}
_IN_BRIEF = {
    Way.RISK: "au-dessus du seuil du niveau.",
    Way.LEGAL: "au moins 4 demi-journées non justifiées dans le mois, quel que soit le risque (R131-7).",
    Way.DEPARTURE: "plus d'inscription connue.",
}
_LONG_NAME = 12
_MOST_MEASURES = 3
_LETTERS = re.compile(r"\(([A-Z]{2,6})\)$")


def measures_in_brief(pupil: PupilRisk) -> str:
    """Name the measures of now that fit in a cell."""
    has_left = "departure" in pupil.ways
    of_now, _ = measures_by_time(pupil.measures, has_left=has_left)
    labels = [_short(one.label) for one in of_now]
    if has_left and not labels:
        return "à vérifier d'abord : inscrit ailleurs ?"
    first_labels = labels[:_MOST_MEASURES]
    more = len(labels) - len(first_labels)
    return " ; ".join([*first_labels, *([french.plural(more, "autre", "autres")] if more else [])])


def _short(label: str) -> str:
    """Give the letters by which a school calls a measure, where its name ends with them.

    Examples
    --------
    >>> _short("Parcours aménagé de formation initiale (PAFI)"), _short("Commission éducative")
    ('PAFI', 'Commission éducative')
    """
    return letters[1] if (letters := _LETTERS.search(label)) else label


def school_page(
    school: School,
    run: RunFacts,
    *,
    classes: Mapping[str, str],
    trail: tuple[tuple[str, str], ...] = (),
    links: tuple[tuple[str, str], ...] = (),
) -> str:
    """Write the page of a school: what its lists are not, the three ways, the count of each class.

    Parameters
    ----------
    school : School
    run : RunFacts
    classes : mapping of str to str
        Address of the list of each class.
    trail : tuple of (name, link)
        Pages above this one.
    links : tuple of (name, link)
        Other pages of the school.
    """
    rows = [(each.name, classes.get(each.name, ""), _counts((each,))) for each in school.classes]
    return render(
        f"{__package__}/school.html.j2",
        trail=(*trail, (school.school_id, "")),
        foot=f"{school.school_id} · {french.day(run.as_of, with_year=True)} · document de travail, confidentiel",
        school=school,
        run=run,
        ways=[(way_sign(way), way.label, words) for way, words in _WAYS.items()],
        classes=rows,
        totals=_counts(school.classes),
        missed=_missed(school, run),
        unscored=_unscored(school),
        incomplete=_incomplete(school),
        advice=run.verdict,
        outcome=_outcome(school, run),
        links=links,
        sorting=SORTING,
    )


def _outcome(school: School, run: RunFacts) -> str:
    """Say what became of the list of the risk where the card says not to issue one."""
    if not run.is_blocked:
        return ""
    is_issued = any(Way.RISK in one.ways for one in school.situations)
    return ISSUED_DESPITE if is_issued else WITHHELD


def _counts(classes: tuple[SchoolClass, ...]) -> list[str]:
    counts = [sum(each.pupils for each in classes)]
    counts += [sum(each.by_way(way) for each in classes) for way in Way]
    counts.append(sum(len(each.situations) for each in classes))
    return [french.number(one) if one else "–" for one in counts]


def _missed(school: School, run: RunFacts) -> str:
    """Say how many of those who left were under the threshold, in the pathway that most of the situations are of."""
    levels = Counter(one.pupil.level for one in school.situations if one.pupil.level)
    level = levels.most_common(1)[0][0] if levels else None
    rows = [row for row in run.held_out.get("tiers", ()) if level in row["levels"]]
    left = {row["tier"]: row["left"] for row in rows if row["pupils"]}
    if level is None or 1 not in left or not sum(left.values()):
        return "Des élèves quittent l'école sans diplôme sans avoir été au-dessus d'un seuil ; leur nombre n'est pas connu ici."
    years = french.join([french.school_year(int(year)) for year in run.held_out.get("school_years", ())])
    who = "élèves synthétiques" if run.model.demo else "élèves que l'apprentissage n'a pas vus"
    return (
        f"{PATHWAY_LABELS[LEVEL_BY_NAME[level].pathway][0].upper()}{PATHWAY_LABELS[LEVEL_BY_NAME[level].pathway][1:]} : "
        f"{left[1]} des {sum(left.values())} élèves sortis sans diplôme n'étaient pas au-dessus du seuil "
        f"(mesuré en {years}, {who})."
    )


def _unscored(school: School) -> str:
    count = sum(each.unscored for each in school.classes)
    to_correct = sum(len(each.to_correct) for each in school.classes)
    lost = (
        f" {french.plural(to_correct, 'élève', 'élèves')} en plus, dont l'inscription de cette année, fautive, a été mise de côté : à corriger."
        if to_correct
        else ""
    )
    if count:
        return f"{french.plural(count, 'élève inscrit', 'élèves inscrits')} sur {french.number(school.pupils)} sans estimation, et rien n'en est déduit : la page de l'élève, ou le fichier des scores, dit pourquoi.{lost}"
    if not school.pupils:
        return f"Aucun élève inscrit.{lost}"
    who = (
        "L'élève inscrit a"
        if school.pupils == 1
        else f"Les {french.number(school.pupils)} élèves inscrits ont tous"
    )
    return f"{who} une estimation : aucune donnée ne manquait au point de l'empêcher.{lost}"


def _incomplete(school: School) -> str:
    count = sum(len(each.to_complete) for each in school.classes)
    if not count:
        return ""
    who = french.plural(
        count,
        "élève dont les données sont à compléter avant tout : son estimation passe",
        "élèves dont les données sont à compléter avant tout : leur estimation passe",
    )
    return f"{who} un seuil par ce qui n'est pas connu, non par un fait ; la page de la classe dit quoi compléter."


def class_page(
    school: School,
    group: SchoolClass,
    run: RunFacts,
    *,
    pupils: Mapping[str, str],
    trail: tuple[tuple[str, str], ...] = (),
) -> str:
    """Write the list of a class: one line a pupil, room for the decision, and everybody else to tick.

    Parameters
    ----------
    school : School
    group : SchoolClass
    run : RunFacts
    pupils : mapping of str to str
        Address of each pupil's page, by id.
    trail : tuple of (name, link)
        Pages above this one.
    """
    rows = [
        (
            one,
            pupils.get(one.pupil.pupil_id, ""),
            [(way_sign(way), way.label) for way in one.ways],
            measures_in_brief(one.pupil),
        )
        for one in group.situations
    ]
    count = len(group.others)
    return render(
        f"{__package__}/class.html.j2",
        trail=(*trail, (group.name, "")),
        foot=f"{school.school_id} · {group.name} · {french.day(run.as_of, with_year=True)} · document de travail, confidentiel · aucune décision automatique",
        school=school,
        group=group,
        run=run,
        advice=run.verdict if run.is_blocked else "",
        outcome=_outcome(school, run),
        rows=rows,
        ways=[(way_sign(way), way.label, words) for way, words in _IN_BRIEF.items()],
        others_title="L'autre élève" if count == 1 else f"Les {french.number(count)} autres élèves",
        long_names=any(
            len(name) > _LONG_NAME for name in (*group.others, *group.without_estimate, *group.to_correct)
        ),
    )
