"""How results show themselves in a notebook: the same design as the pages, in a frame of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.explain.sentences import NO_REASON, OTHERS, REFERENCE_PUPIL
from decrochage_risk.pages import Cell, PageTable, hundred_squares, render
from decrochage_risk.pages.embedding import embedded
from decrochage_risk.records.levels import LEVEL_BY_NAME

if TYPE_CHECKING:
    from decrochage_risk.explain import Reason
    from decrochage_risk.score.pupil_risk import PupilRisk
    from decrochage_risk.score.scored_pupils import ScoredPupils

__all__ = ["show_pupil", "show_scores"]

_ROWS_SHOWN = 20
_FACTS_SHOWN = 2


def _level(level: str | None) -> str:
    return LEVEL_BY_NAME[level].label if level else ""


def show_scores(scores: ScoredPupils) -> str:
    """Show the first situations to be looked at, by school, class and id."""
    rows = []
    first = scores.flagged.head(_ROWS_SHOWN)
    for pupil_id, class_id in zip(first["pupil_id"], first["class_id"], strict=True):
        pupil = scores[pupil_id]
        facts = [
            reason.text.partition(f" ; {REFERENCE_PUPIL}")[0]
            for reason in (pupil.reasons or ())[:_FACTS_SHOWN]
        ]
        if pupil.reasons == ():
            facts = [NO_REASON]
        rows.append(
            [
                pupil_id, _level(pupil.level), class_id if isinstance(class_id, str) else "",
                "" if pupil.risk is None else Cell(french.percent(pupil.risk, 1), pupil.risk),
                pupil.tier_label or "", " ; ".join(facts),
            ]
        )  # fmt: skip
    more = len(scores.flagged) - len(rows)
    table = PageTable.of(
        "Situations à examiner",
        ["Élève", "Niveau", "Classe", "Risque estimé", "Palier", "Premiers faits"],
        rows,
        note="par établissement, classe et identifiant, jamais par risque"
        + (f" ; et {french.plural(more, 'autre', 'autres')}" if more > 0 else ""),
        numeric=[3],
    )
    page = render(
        f"{__package__}/scores.html.j2",
        day=french.day(scores.run.as_of, with_year=True),
        summary=scores.summary,
        notice=scores.run.model.notice,
        table=table if rows else None,
    )
    return embedded(
        page, f"Scores au {scores.run.as_of.isoformat()} : {scores.summary}", height=520 if rows else 200
    )


def show_pupil(pupil: PupilRisk) -> str:
    """Show one pupil: support first, facts, measures; the estimate last, as a hundred squares and two sentences."""
    squares = None
    if pupil.comparable is not None:
        left = round(100 * pupil.comparable.share)
        squares = hundred_squares(
            left,
            title="Sur 100 élèves comparables",
            description=f"{left} carrés pleins : sortis sans diplôme",
        )
    page = render(
        f"{__package__}/pupil_risk.html.j2",
        pupil=pupil,
        level=_level(pupil.level),
        supports=[_apart(reason) for reason in pupil.protective or ()],
        facts=[_apart(reason) for reason in pupil.reasons or ()],
        squares=squares,
        weights=_weights(pupil),
    )
    return embedded(page, f"Élève {pupil.pupil_id}", height=620)


def _apart(reason: Reason) -> tuple[str, str]:
    fact, mark, beside = reason.text.partition(f" ; {REFERENCE_PUPIL}")
    return (
        f"{fact[0].upper()}{fact[1:]}.",
        f"{REFERENCE_PUPIL[0].upper()}{REFERENCE_PUPIL[1:]}{beside}." if mark else "",
    )


def _weights(pupil: PupilRisk) -> PageTable | None:
    if pupil.risk is None or pupil.reference_risk is None:
        return None
    told = [*(pupil.reasons or ()), *(pupil.protective or ())]
    rows: list[list[object]] = [
        ["Élève type", Cell(french.percent(pupil.reference_risk, 1), pupil.reference_risk)]
    ]
    rows += [[one.family_label, Cell(french.signed(one.points, 1), one.points)] for one in told]
    if pupil.other_points is not None:
        rows.append(
            [OTHERS[0].upper() + OTHERS[1:], Cell(french.signed(pupil.other_points, 1), pupil.other_points)]
        )
    rows.append(["Estimation", Cell(french.percent(pupil.risk, 1), pupil.risk)])
    return PageTable.of("Points de probabilité", ["Groupe de faits", "Points"], rows, numeric=[1], total=True)
