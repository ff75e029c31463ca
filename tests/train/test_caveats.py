"""What the card tells of a training's data, where only a look at the rows can say it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decrochage_risk.features.vigilance import LAST_YEAR_FEATURES
from decrochage_risk.model import Snapshots
from decrochage_risk.model.snapshots import TOO_SHORT
from decrochage_risk.train.training import NOT_CLOSED, no_year_before, rows_set_aside

NAMES = [feature.name for feature in LAST_YEAR_FEATURES]


def snapshots_of(known: dict[int, float], names: list[str] = NAMES) -> Snapshots:
    """Make 100 rows a school year; in each, the named features are known for a share of the rows."""
    parts = []
    for year, share in known.items():
        part = pd.DataFrame(np.nan, index=range(100), columns=NAMES)
        part.loc[: round(100 * share) - 1, names] = 1.0
        parts.append(part.assign(school_year=year))
    rows = pd.concat(parts, ignore_index=True)
    return Snapshots(rows[NAMES], np.zeros(len(rows)), rows[["school_year"]], {})


@pytest.mark.parametrize("names", [NAMES, NAMES[:1]])
def test_a_first_year_that_knows_nothing_of_the_year_before_is_told(names: list[str]) -> None:
    """Known for almost nobody in the first year and for most afterwards, be it of one feature: the card names that year."""
    (told,) = no_year_before(snapshots_of({2023: 0.9, 2022: 0.04}, names))
    assert "2022-2023, première année apprise" in told
    assert "extraire une année de plus" in told


@pytest.mark.parametrize(
    "known",
    [
        {2022: 0.0},
        {2022: 0.0, 2023: 0.0},
        {2022: 0.0, 2023: 0.5},
        {2022: 0.05, 2023: 0.9},
        {2022: 0.9, 2023: 0.0},
    ],
)
def test_where_the_years_do_not_differ_so_nothing_is_told(known: dict[int, float]) -> None:
    """One year alone, values unknown all along, or a first year that knows some of them: there is nothing to say."""
    assert no_year_before(snapshots_of(known)) == []


def test_rows_set_aside_are_counted_by_cause() -> None:
    """Each cause with its rows, hidden where they are of few pupils; a cause without rows, or another one, is not told here."""
    none = snapshots_of({2022: 1.0})
    assert rows_set_aside(none) == []
    found = rows_set_aside(
        none.with_left_out(TOO_SHORT, 12, 3).with_left_out(NOT_CLOSED, 70, 35).with_left_out("other", 40, 10)
    )
    assert found == [
        "lignes laissées de côté, effectif masqué : moins de 3 semaines de données",
        "70 lignes laissées de côté : issue pas encore close à l'extraction",
    ]
