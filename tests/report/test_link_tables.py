"""Names of pupils for pages that stay in the school: the school's own table, or the one that an import wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from decrochage_risk.cli.messages import message_in_french
from decrochage_risk.errors import RecordsError
from decrochage_risk.report import names_of_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("pupil_id;name\na;Camille D.\n", {"a": "Camille D."}),
        ("pupil_id;family_name;first_name\na;DURAND;Camille\n", {"a": "Camille DURAND"}),
        (
            "pupil_id;family_name;usage_name;first_name\na;DURAND;PETIT;Camille\nb;DURAND;;Lou\n",
            {"a": "Camille PETIT", "b": "Lou DURAND"},
        ),
        ("pupil_id;family_name;first_name\na;;\nb;DURAND;\n", {"b": "DURAND"}),
        ("pupil_id;uai;name\na;0990001N;Camille\na;0990002P;Camille\n", {"a": "Camille"}),
    ],
)
def test_names_are_read_whole_whoever_wrote_the_table(
    tmp_path: Path, text: str, names: dict[str, str]
) -> None:
    """A column of names, or first and family name as an import writes them; a pupil of two schools stands there twice."""
    (tmp_path / "liens.csv").write_text(text, encoding="utf-8")
    assert names_of_file(tmp_path / "liens.csv") == names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pupil_id;first_name\na;Camille\n", "Il manque à la table de liens liens.csv : name."),
        ("ine;nom\na;Camille\n", "Il manque à la table de liens liens.csv : pupil_id, name."),
        ("pupil_id;name\na;Camille\na;Lou\n", "La table de liens liens.csv donne deux noms à 'a'."),
    ],
)
def test_a_table_that_could_name_the_wrong_pupil_is_refused_in_french(
    tmp_path: Path, text: str, told: str
) -> None:
    """Missing columns and two names for one pupil are told whole, without an English word."""
    (tmp_path / "liens.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RecordsError) as refused:
        names_of_file(tmp_path / "liens.csv")
    assert message_in_french(refused.value).startswith(told)
