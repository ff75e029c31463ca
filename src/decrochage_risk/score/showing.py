"""How scores show themselves in a notebook: the same design as the pages, in a frame of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.explain.sentences import NO_REASON, REFERENCE_PUPIL
from decrochage_risk.pages import Cell, PageTable, render
from decrochage_risk.pages.embedding import embedded
from decrochage_risk.records.levels import LEVEL_BY_NAME

if TYPE_CHECKING:
    from decrochage_risk.score.pupil_risk import PupilRisk
    from decrochage_risk.score.scored_pupils import ScoredPupils

__all__ = ["show_scores"]

_ROWS_SHOWN = 20
_FACTS_SHOWN = 2


def _level(level: str | None) -> str:
    return LEVEL_BY_NAME[level].label if level else ""


def _estimates(pupil: PupilRisk) -> str:
    """Write the estimate; each with its horizon where there are two."""
    year = "" if pupil.risk is None else french.percent(pupil.risk, 1)
    if pupil.path is None or pupil.path.risk is None:
        return year
    return f"{year} (année), {french.percent(pupil.path.risk, 1)} (parcours)"


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
                "" if pupil.risk is None else Cell(_estimates(pupil), pupil.risk),
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
