"""The shape of a map that a school declares: whatever stands at a place, it is read or named as a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from decrochage_risk.cli.messages import message_in_french
from decrochage_risk.errors import RecordsError
from decrochage_risk.importers.declarations import facts_of_file, options_of_file, read_column_map
from decrochage_risk.importers.declared_maps import declared_maps
from decrochage_risk.importers.extract import ImportOptions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "key", ["columns", "columns.date", "types", "motives", "recognised_by", "like", "half_day_cut"]
)
@pytest.mark.parametrize("value", ["3", "true", "2025-03-05", "[3]", "[[]]"])
def test_another_kind_of_value_is_a_fault_that_names_its_place(tmp_path: Path, key: str, value: str) -> None:
    """A number, a day or a list where a table or a name belongs is told with its key, in French too, without traceback."""
    (tmp_path / "m.toml").write_text(
        f'[maps.x]\nreads = "absence_events"\n{key} = {value}\n', encoding="utf-8"
    )
    with pytest.raises(RecordsError) as refused:
        declared_maps([tmp_path / "m.toml"])
    told = message_in_french(refused.value)
    assert f"maps.x.{key}" in told
    assert "not " not in told


@pytest.mark.parametrize("text", ["maps = 3", "maps = []", "[maps]\nx = 3", "[maps]\nx = []"])
def test_what_is_no_table_of_maps_is_a_fault(tmp_path: Path, text: str) -> None:
    """``maps`` holds one table for each map; anything else is told."""
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RecordsError, match="not a table"):
        declared_maps([tmp_path / "m.toml"])


WRONG = {
    "absence_events": [
        ("types", "retard", "absence, lateness, exclusion, placement, drop, cancel"),
        ("types", "rien", "drop"),
        ("motives", "stage", "placement"),
        ("flags", "oui", "yes, no"),
    ],
    "orientation": [
        ("events", "décision", "wish"),
        ("granted", "favorable", "oui, non"),
        ("ranks", "premier", "1 à 100"),
        ("ranks", "0", "1 à 100"),
    ],
}


@pytest.mark.parametrize(
    ("reads", "table", "means", "allowed"),
    [(reads, *fault) for reads, faults in WRONG.items() for fault in faults],
)
def test_what_a_word_means_is_one_of_the_meanings_that_exist(
    tmp_path: Path, reads: str, table: str, means: str, allowed: str
) -> None:
    """A word that would be read as something else, or as nothing, is a fault that names its place and what it may be."""
    (tmp_path / "m.toml").write_text(
        f'[maps.x]\nreads = "{reads}"\n[maps.x.{table}]\n"Un mot*" = "{means}"\n', encoding="utf-8"
    )
    with pytest.raises(RecordsError) as refused:
        declared_maps([tmp_path / "m.toml"])
    told = message_in_french(refused.value)
    assert f"maps.x.{table}.'Un mot*'" in told
    assert allowed in told
    assert "not " not in told


@pytest.mark.parametrize(
    ("reads", "setting", "value", "allowed"),
    [
        ("absence_events", "default_type", "retard", "lateness"),
        ("absence_events", "half_day_cut", "midi", "12:00"),
        ("absence_events", "half_day_cut", "25:00", "12:00"),
        ("marks", "kind", "moyenne", "term_average"),
        ("orientation", "event", "voeu", "wish"),
    ],
)
def test_what_a_setting_says_is_one_of_what_it_may_say(
    tmp_path: Path, reads: str, setting: str, value: str, allowed: str
) -> None:
    """A setting that no reader knows is told when the map is read, not when a row is lost."""
    (tmp_path / "m.toml").write_text(
        f'[maps.x]\nreads = "{reads}"\n{setting} = "{value}"\n', encoding="utf-8"
    )
    with pytest.raises(RecordsError) as refused:
        declared_maps([tmp_path / "m.toml"])
    told = message_in_french(refused.value)
    assert f"maps.x.{setting}" in told
    assert allowed in told


@pytest.mark.parametrize("value", ['"non"', '"oui"', "0", "1", "[true]"])
def test_whether_a_motive_justifies_is_true_or_false(tmp_path: Path, value: str) -> None:
    """A text or a number in ``[motives]`` is a fault: "non" would have justified."""
    (tmp_path / "m.toml").write_text(f'[motives]\n"Maladie" = true\n"Autre" = {value}\n', encoding="utf-8")
    with pytest.raises(RecordsError) as refused:
        declared_maps([tmp_path / "m.toml"])
    told = message_in_french(refused.value)
    assert "motives.Autre" in told
    assert "true, false" in told
    assert "Maladie" not in told


def test_every_meaning_that_exists_is_taken(tmp_path: Path) -> None:
    """Each meaning that a fault lists is one that a map may have."""
    (tmp_path / "m.toml").write_text(
        '[maps.a]\nreads = "absence_events"\n[maps.a.types]\n'
        + "".join(
            f'"mot {kind}" = "{kind}"\n'
            for kind in ("absence", "lateness", "exclusion", "placement", "drop", "cancel")
        )
        + '[maps.a.flags]\nAccord = "yes"\nRefus = "no"\n'
        '[maps.o]\nreads = "orientation"\n[maps.o.granted]\nFavorable = "oui"\nDéfavorable = "non"\n'.replace(
            "Défavorable", '"Défavorable"'
        )
        + '[maps.o.ranks]\nPremier = "1"\nAucun = ""\n[maps.o.targets]\nAilleurs = "un lycée"\n[motives]\nMaladie = true\n',
        encoding="utf-8",
    )
    assert [column_map.kind for column_map in declared_maps([tmp_path / "m.toml"])] == ["a", "o"]


VALUES = (
    "true", "3", "3.5", '""', '"3 A"', '"29/11/2024"', "2024", "2024-11-29", "2024-11-29T00:00:00", "9999-12-31", "0001-01-01",
    "[]", "[3]", "[[]]", "[2024-09-01]", "[2024-09-01, 2024-09-30]", "[2024-09-30, 2024-09-01]", "{}",
)  # fmt: skip


@pytest.mark.parametrize("table", ["classes", "motives", "periods", "subjects", "names", "files"])
@pytest.mark.parametrize("value", ["3", '"Maladie"', '["3 A"]', "2024-11-29"])
def test_what_is_no_table_of_declarations_is_a_fault(tmp_path: Path, table: str, value: str) -> None:
    """A text, a list or a day in place of a table is told with its name, in French too, before anything is read."""
    (tmp_path / "m.toml").write_text(f"{table} = {value}\n", encoding="utf-8")
    with pytest.raises(RecordsError) as refused:
        read_column_map(tmp_path / "m.toml")
    told = message_in_french(refused.value)
    assert f"{table} = " in told
    assert "qui n'est pas une table" in told


@pytest.mark.parametrize(
    ("place", "right"),
    [
        ("classes.x", {'""', '"3 A"', '"29/11/2024"', "3", "2024"}),
        ("motives.x", {"true"}),
        ("periods.x", {"2024-11-29", '"29/11/2024"'}),
        ("subjects.x", {'""', '"3 A"', '"29/11/2024"'}),
        ("names.x", {"{}"}),
        ("names.siecle_communs.x", {'""', '"3 A"', '"29/11/2024"'}),
        ("files.x", {"{}"}),
        ("files.x.uai", {'""', '"3 A"', '"29/11/2024"'}),
        ("files.x.year", {"3", "2024"}),
        ("files.x.extracted_on", {"2024-11-29"}),
        ("files.x.campaign_date", {"2024-11-29"}),
        ("files.x.totals", {"[2024-09-01, 2024-09-30]"}),
        ("files.x.nothing", set()),
    ],
)
@pytest.mark.parametrize("value", VALUES)
def test_a_declared_value_is_read_or_named_as_a_fault(
    tmp_path: Path, place: str, right: set[str], value: str
) -> None:
    """Each declaration has the values that it can have; any other, a moment or a day that no school can mean too, is told."""
    declared = tmp_path / "m.toml"
    declared.write_text(f"{place} = {value}\n", encoding="utf-8")
    if value in right:
        facts_of_file([declared], "x")
        return
    with pytest.raises(RecordsError) as refused:
        facts_of_file([declared], "x")
    told = message_in_french(refused.value)
    assert place.rpartition(".")[2] in told
    assert "not " not in told


@pytest.mark.parametrize("year", [0, 24, 20244])
def test_a_declared_year_is_one_of_a_school(tmp_path: Path, year: int) -> None:
    """A year that no school can mean is told with the file that it is declared of."""
    declared = tmp_path / "m.toml"
    declared.write_text(f'[files."*"]\nyear = {year}\n', encoding="utf-8")
    with pytest.raises(RecordsError) as refused:
        options_of_file(ImportOptions(column_maps=(declared,)), "a.csv")
    assert f"l'année de a.csv est {year}" in message_in_french(refused.value)


@pytest.mark.parametrize("cut", ["12h30", "midi", "", "24:00", "00:00"])
def test_a_limit_of_half_days_is_a_time(tmp_path: Path, cut: str) -> None:
    """What is no time, or midnight, is told with its key."""
    text = f'[maps.x]\nlike = "pronote_events"\nhalf_day_cut = "{cut}"\n'
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RecordsError) as refused:
        declared_maps([tmp_path / "m.toml"])
    assert "maps.x.half_day_cut" in message_in_french(refused.value)
    assert "une heure comme 12:00" in message_in_french(refused.value)
