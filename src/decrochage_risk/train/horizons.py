"""Two models of two horizons made one: one folder, and one card with a section for each."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from decrochage_risk.evaluate import card_page
from decrochage_risk.french import join, school_year

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel

__all__ = ["combine_horizons"]

PATH_HEADING: Final = "## Second horizon : le parcours (trois années scolaires)"


def combine_horizons(year: TrainedModel, path: TrainedModel) -> TrainedModel:
    """Make one model of two: the risk within the school year, and that over three years for the pupils of 4e and 3e.

    Parameters
    ----------
    year : TrainedModel
        Trained with ``horizon_years=1``.
    path : TrainedModel
        Trained with ``horizon_years=3``, on earlier years: a label of three years is known three years later.

    Returns
    -------
    TrainedModel
        Named as ``year``. ``score_pupils`` then gives both numbers, each with its calibration, its references and its
        thresholds; its card has the card of the path as a section.

    Raises
    ------
    ModelError
        Other horizons, or synthetic pupils beside real ones.

    Examples
    --------
    ``combine_horizons(train_model(records), train_model(records, horizon_years=3)).save("modele")``
    """
    both = year.with_path(path)
    card = f"{year.card.rstrip()}\n\n{_section(path)}"
    # The front of the page shows the figures of the year; those of the path stand in its section.
    return replace(both, card=card, card_html=card_page(card, year.report))


def _section(path: TrainedModel) -> str:
    """Write the card of the path as a section: its headings two levels down."""
    years = join([school_year(each) for each in path.trained_on["school_years"]])
    report = path.report.get("test_years", ())
    test_years = join([school_year(int(each)) for each in report]) or "aucune année gardée à part"
    explanation = (
        "Ce dossier tient deux modèles. Tout ce qui précède est dit du risque **de l'année** (sortie sans diplôme avant la "
        "clôture de cette année scolaire). Ce qui suit est dit du risque **sur le parcours** (sortie sans diplôme, et pas de "
        "retour, avant la clôture de la troisième année scolaire), donné en 4e et en 3e seulement, où partir dans l'année est "
        f"rare. Appris sur {years}, les années dont la suite est connue jusqu'au bout ; mesuré sur {test_years}. Il faut donc "
        "des extraits et des issues d'au moins trois années de plus que celle que l'on apprend."
    )
    return f"{PATH_HEADING}\n\n{explanation}\n\n{re.sub(r'(?m)^#', '###', path.card)}"
