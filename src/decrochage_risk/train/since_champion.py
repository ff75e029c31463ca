"""What a new model was trained on that the model in use was not, one French sentence each, for its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk.french import join, percent, plural, school_year
from decrochage_risk.records.levels import LEVEL_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decrochage_risk.model import TrainedModel

__all__ = ["since_champion"]

_KINDS = {"trees": "arbres", "logistic": "régression logistique"}


def since_champion(champion: TrainedModel, new: TrainedModel) -> list[str]:
    """Say what has changed between two trainings: years, rows, rate of leavers, levels, columns, kind of model.

    Examples
    --------
    >>> from decrochage_risk.score.demo_model import load_demo_model
    >>> model = load_demo_model()
    >>> since_champion(model, model)[2:]
    ['Niveaux : les mêmes', 'Variables : les mêmes']
    """
    before, after = champion.trained_on, new.trained_on
    told = [
        f"Années d'apprentissage : {_years(before['school_years'])} ; désormais {_years(after['school_years'])}",
        f"Lignes d'apprentissage : {_rows(before)} ; désormais {_rows(after)}",
        _set("Niveaux", _levels(champion), _levels(new)),
        _set("Variables", _columns(champion), _columns(new)),
    ]
    kinds = [_KINDS[model.risk_model.options.kind] for model in (champion, new)]
    return told if kinds[0] == kinds[1] else [*told, f"Modèle : {kinds[0]} ; désormais {kinds[1]}"]


def _years(years: Iterable[int]) -> str:
    return join([school_year(year) for year in years])


def _rows(trained_on: dict[str, int]) -> str:
    rows, events = trained_on["rows"], trained_on["events"]
    return f"{plural(rows, 'ligne')}, {percent(events / rows, 1)} de sorties"


def _levels(model: TrainedModel) -> list[str]:
    return [LEVEL_BY_NAME[level].label for level in model.levels]


def _columns(model: TrainedModel) -> list[str]:
    context = set(model.risk_model.context)
    return [f"`{column}`" for column in model.risk_model.columns if column not in context]


def _set(name: str, before: Iterable[str], after: Iterable[str]) -> str:
    old, new = list(before), list(after)
    changed = {
        "en plus": [one for one in new if one not in old],
        "en moins": [one for one in old if one not in new],
    }
    told = [f"{word} {', '.join(some)}" for word, some in changed.items() if some]
    return f"{name} : {' ; '.join(told) or 'les mêmes'}"
