"""The shape of a map that a school declares: whatever stands at a place, it is read or named as a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from decrochage_risk.cli.messages import message_in_french
from decrochage_risk.errors import RecordsError
from decrochage_risk.importers.declared_maps import declared_maps

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
