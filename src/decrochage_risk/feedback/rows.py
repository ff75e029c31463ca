"""The declared columns of the feedback table, and its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict

from decrochage_risk.records.faults import Rule
from decrochage_risk.records.kinds import Day, Identifier, OneOf, column
from decrochage_risk.records.tables import declare_table

if TYPE_CHECKING:
    from decrochage_risk.records.tables import Table

__all__ = ["FEEDBACK", "JUDGEMENTS", "MEASURE_WITHOUT_DAY", "NOTHING_SAID", "TWO_JUDGEMENTS", "FeedbackRow"]

JUDGEMENTS = {
    "pertinent": "signalement pertinent",
    "not_pertinent": "signalement non pertinent",
    "already_supported": "élève déjà suivi",
}
"""What a person says of a flag, with what a school reads."""

Judgement = Annotated[str, OneOf(JUDGEMENTS)]


class FeedbackRow(BaseModel):
    """What a person said of a pupil's result, or a measure that began; used by reports and training choices only."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"x-label": "Retours des équipes"})

    pupil_id: Identifier = column(
        "Opaque, pseudonymous id of the pupil, as in the records.",
        "Identifiant de l’élève",
        "Le même pseudonyme que dans les données.",
    )
    as_of: Day = column(
        "As-of date of the result that is judged.", "Date d’observation", "Date du résultat dont on parle."
    )
    judgement: Judgement | None = column(
        "What a person who knows the pupil says of the result.",
        "Avis",
        "Avis d’une personne qui connaît l’élève.",
        default=None,
    )
    measure: Identifier | None = column(
        "Code of the measure that began, as in the policy.",
        "Mesure",
        "Code de la mesure, comme dans la table des mesures.",
        default=None,
    )
    measure_started_on: Day | None = column(
        "Day on which a measure began.", "Début de la mesure", "Jour où une mesure a commencé.", default=None
    )


FEEDBACK: Table = declare_table("feedback", FeedbackRow)
"""The table; not one of the records' tables, so that nothing that makes features can see it."""

NOTHING_SAID = Rule(
    "nothing_said",
    "error",
    "a judgement, or the day on which a measure began",
    "Fill one of the two, or leave the row out.",
    "La ligne n’a ni avis ni début de mesure.",
    "Remplir l’un des deux, ou retirer la ligne.",
)
TWO_JUDGEMENTS = Rule(
    "two_judgements",
    "error",
    "one judgement per pupil and as-of date",
    "Keep the one that the team agreed on; further measures go into rows without a judgement.",
    "Un élève a plusieurs avis pour la même date d’observation.",
    "Garder celui de l’équipe ; d’autres mesures se notent sur des lignes sans avis.",
)
MEASURE_WITHOUT_DAY = Rule(
    "measure_without_day",
    "warning",
    "the day on which the measure began",
    "Without it the measure counts for nothing: add measure_started_on.",
    "Une mesure est nommée sans son jour de début.",
    "Ajouter le jour de début : sans lui, la mesure ne compte pas.",
)
