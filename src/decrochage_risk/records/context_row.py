"""The row model of the table ``context``: reference values of classes and schools."""

from __future__ import annotations

# pydantic reads the annotations of the model at run time, so what they name is imported for real.
from typing import Annotated

from pydantic import ConfigDict

from decrochage_risk.records.kinds import Day, Identifier, OneOf, Uai, column
from decrochage_risk.records.rows import Row, Subject

__all__ = ["ContextRow"]

ContextMeasure = Annotated[
    str,
    OneOf(
        {
            "mean_grade_12w": "moyenne des notes, 12 dernières semaines",
            "mean_grade_year": "moyenne des notes, année scolaire en cours",
            "absence_rate_4w": "taux d’absence, 4 dernières semaines",
            "absence_rate_year": "taux d’absence, année scolaire en cours",
        }
    ),
]


class ContextRow(Row):
    """A reference value of a class or a school on one day, made by ``build_context``; never of fewer than 5 pupils."""

    model_config = ConfigDict(
        json_schema_extra={"x-label": "Valeurs de référence des classes et des établissements"}
    )

    as_of: Day = column(
        "Day whose morning the value was made for; the row is not known before.",
        "Valeur au",
        "Date d’observation de la valeur : la ligne n’est pas connue avant.",
    )
    school_id: Uai = column("School.", "Établissement (UAI)", "Établissement.")
    class_id: Identifier | None = column(
        "Class, within the school and year; missing = the whole school.",
        "Classe",
        "Division ; vide pour l’établissement entier.",
        default=None,
    )
    subject: Subject | None = column(
        "Subject of a mean of marks; missing = all subjects together.",
        "Matière",
        "Matière d’une moyenne ; vide pour toutes les matières.",
        default=None,
    )
    measure: ContextMeasure = column(
        "Which value of the pupils: a feature of the catalogue.",
        "Mesure",
        "L’indicateur dont c’est la moyenne sur les élèves.",
    )
    value: float = column(
        "Mean of the measure over the pupils for whom it is known, each counting once.",
        "Valeur",
        "Moyenne sur les élèves dont la valeur est connue, chacun comptant une fois.",
        ge=0,
        le=20,
    )
    pupils: int = column(
        "Pupils in the mean, 5 or more.",
        "Élèves",
        "Élèves de la moyenne, 5 au moins : une valeur de moins de 5 élèves n’est pas transmise.",
        ge=5,
        le=100000,
    )
