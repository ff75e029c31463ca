"""Reports of faults in French: every rule, and every way in which its words depend on what came."""

from __future__ import annotations

import re

import numpy as np
import pytest

from decrochage_risk import feedback
from decrochage_risk.records.fault_hints import close_names, words_for
from decrochage_risk.records.faults import FaultReport, Rule, _catalogue
from decrochage_risk.records.rules import BAD_CHECK_LETTER, CELL_RULES, CROSS_RULES, ROW_RULES, UNKNOWN_CHOICE
from decrochage_risk.records.table_schemas import TABLES

EVERY_RULE = [
    *CELL_RULES,
    *CROSS_RULES,
    *(row_rule.rule for row_rule in ROW_RULES),
    feedback.NOTHING_SAID,
    feedback.TWO_JUDGEMENTS,
    feedback.MEASURE_WITHOUT_DAY,
]
WORDS_OF_THE_COLUMN = re.compile(r"^\{(kind|bounds|shape|advice|column)[^}]*\}$")


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.name)
def test_each_rule_is_told_in_french(rule: Rule) -> None:
    """What a rule expects has its French, and what it advises when that depends on what came."""
    filled = re.compile(r"\{[^}]*\}")
    if not WORDS_OF_THE_COLUMN.match(rule.expected):
        assert _catalogue().phrase(filled.sub("'x'", rule.expected))
    assert rule.meaning
    assert rule.remedy
    if "{" not in rule.hint or WORDS_OF_THE_COLUMN.match(rule.hint):
        return
    hows = (
        [
            "The rows are identical: keep one of them",
            "The rows contradict each other: find out which one is true",
        ]
        if "{how}" in rule.hint
        else [""]
    )
    for how in hows:
        for close in ("", close_names("pupilid", ["pupil_id", "sex"]), close_names("aa", ["ab", "ac"])):
            if rule is UNKNOWN_CHOICE and close:
                continue
            hint = rule.hint.format(how=how, close=close, description="opaque id of the pupil")
            assert _catalogue().phrase(hint), hint


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_words_made_for_a_column_have_their_french(table: object) -> None:
    """Whatever rule of cells a column breaks, with a text, a number or a far day, both of its words are known in French."""
    came = [
        np.array(values, dtype=object) for values in (["0382032A"], [12.5], [np.datetime64("99999-01-01")])
    ]
    checked = 0
    for column in table.columns:  # type: ignore[attr-defined]
        for rule in CELL_RULES:
            if (
                "{" not in rule.expected + rule.hint
                or "{column" in rule.expected
                or "{columns" in rule.expected
            ):
                continue
            if rule is BAD_CHECK_LETTER and column.check != "uai":
                continue
            for values in came if rule is not BAD_CHECK_LETTER else came[:1]:
                expected, hint = words_for(rule, column, values)
                if not hint and rule.name == "too_long":
                    continue
                assert _catalogue().phrase(expected), (rule.name, column.name, expected)
                if "{" in rule.hint and hint:
                    assert _catalogue().phrase(hint), (rule.name, column.name, hint)
                checked += 1
    assert checked


def test_values_stand_in_french_as_they_stand_in_english() -> None:
    """A value is shown in both languages alike, but for the words about it."""
    rule = EVERY_RULE[0]
    values = np.array(["x" * 100, None, "the row"], dtype=object)
    report = FaultReport((rule.fault("grades", "value", rows=[1, 2, 5], values=values),))
    text = report.text("fr", values=True)
    assert "(100 caractères)" in text
    assert "ligne 2 (vide), ligne 5 'the row'" in text
    assert "the row" not in report.text("fr")
    assert "  reçu :    ligne 1, ligne 2, ligne 5\n" in report.text("fr")
    whole_row = FaultReport((rule.fault("grades", rows=[7], values=["a1 on 2024-09-10"]),))
    assert "ligne 7 'a1 le 2024-09-10'" in whole_row.text("fr", values=True)


def test_english_stays_what_str_says() -> None:
    """The report of the Python API is English, with the same words as before."""
    rule = EVERY_RULE[0]
    report = FaultReport((rule.fault("pupils", values=["0 rows"]),))
    assert report.text() == report.text("en") == str(report)
    assert "  expected: at least one row" in str(report)
    assert "reçu :    0 ligne\n" in report.text("fr")
    assert FaultReport().text("fr") == "Aucune faute dans les données."
