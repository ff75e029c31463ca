from __future__ import annotations

import re

from decrochage_risk.policy import load_policy
from devices_page import DEVICES, devices_page


def test_no_row_of_the_table_of_devices_is_empty() -> None:
    """Every device of the letter has a row that says where it lives, when it opens, on which text, and what was read."""
    rows = [line for line in devices_page().split("\n") if line.startswith("| ")][1:]
    assert len(rows) >= len(DEVICES)
    for row in rows:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert len(cells) == 5, row
        assert all(cells), row


def test_every_measure_is_a_device() -> None:
    """No measure of the policy is left out of the table, and the table names no other."""
    named = [code for device in DEVICES for code in device.measures]
    assert sorted(named) == sorted(rule.code for rule in load_policy().measures)
