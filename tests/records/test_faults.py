"""Fault groups and their report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.records.faults import FaultReport, Rule, cut_value

if TYPE_CHECKING:
    from pathlib import Path

ODD = Rule("odd", "error", "an even number", "Add one.", "impair", "Ajouter un.")
LATE = Rule("late", "warning", "an earlier day", "Look at the clock.", "tard", "Regarder l’heure.")

groups = st.lists(
    st.tuples(
        st.sampled_from([ODD, LATE]),
        st.sampled_from(["pupils", "grades"]),
        st.sampled_from([None, "value"]),
        st.sets(st.integers(0, 50), max_size=8),
    ),
    max_size=6,
)


def _report(drawn: list[tuple[Rule, str, str | None, set[int]]]) -> FaultReport:
    return FaultReport(
        tuple(
            rule.fault(table, column, rows=sorted(rows), values=[f"v{row}" for row in sorted(rows)])
            for rule, table, column, rows in drawn
        )
    )


@settings(max_examples=40)
@given(groups)
def test_every_view_of_a_report_counts_the_same(drawn: list[tuple[Rule, str, str | None, set[int]]]) -> None:
    """The length, the counts, the frame and the two sub-reports agree; a fault of a whole table counts as one."""
    report = _report(drawn)
    expected = sum(max(1, len(rows)) for _, _, _, rows in drawn)
    assert len(report) == sum(report.counts.values()) == len(report.frame) == expected
    assert len(report.errors) + len(report.warnings) == expected
    assert bool(report) == bool(drawn)
    for table in ("pupils", "grades"):
        for severity in ("error", "warning", None):
            wanted = {
                row
                for rule, name, _, rows in drawn
                for row in rows
                if name == table and severity in (None, rule.severity)
            }
            assert report.rows(table, severity).tolist() == sorted(wanted)


@settings(max_examples=20)
@given(groups, groups)
def test_adding_reports_keeps_every_fault(
    first: list[tuple[Rule, str, str | None, set[int]]], second: list[tuple[Rule, str, str | None, set[int]]]
) -> None:
    """The sum of two reports holds the faults of both."""
    one, two = _report(first), _report(second)
    both = one + two
    assert [id(group) for group in both.groups] == [id(group) for group in (*one.groups, *two.groups)]
    assert len(both) == len(one) + len(two)
    assert both.rows("grades").tolist() == sorted(
        {*one.rows("grades").tolist(), *two.rows("grades").tolist()}
    )


def test_text_names_every_rule_with_examples_expectation_and_remedy() -> None:
    """The printed report holds each rule with its count, its column, five examples, what was expected, what to do."""
    report = FaultReport(
        (
            ODD.fault("grades", "value", rows=range(7), values=[f"mark {row}" for row in range(7)]),
            LATE.fault("pupils", values=["nothing at all"]),
        )
    )
    text = report.text(values=True)
    assert text.startswith("7 errors and 1 warning in the records.")
    assert "ERROR odd: table grades, column value, 7 rows" in text
    assert "row 4 'mark 4', …" in text
    assert "mark 5" not in text
    assert "WARNING late: table pupils, the whole table\n  came:     nothing at all" in text
    for rule in (ODD, LATE):
        assert f"expected: {rule.expected}" in text
        assert f"hint:     {rule.hint}" in text


def test_long_values_are_cut() -> None:
    """A value of 10,000 characters takes one short line, which says how long it was; missing values are named."""
    shown = cut_value("x" * 10_000)
    assert len(shown) < 100
    assert "10000 characters" in shown
    assert [cut_value(value) for value in (None, np.nan, pd.NA, pd.NaT)] == ["(missing)"] * 4
    assert cut_value(pd.Timestamp("2024-09-02")) == "2024-09-02"
    assert len(cut_value(list(range(1000)))) <= 60


def test_a_hundred_thousand_faults_are_a_few_arrays() -> None:
    """A report of 100,000 faults prints five of them and lists all of them in its frame."""
    many = ODD.fault("grades", "value", rows=np.arange(100_000), values=np.arange(100_000).astype(object))
    report = FaultReport((many,))
    assert len(report) == len(report.frame) == 100_000
    assert len(str(report)) < 500
    assert report.frame["row"].to_numpy(dtype=np.int64).tolist() == list(range(100_000))


def test_csv_holds_the_frame(tmp_path: Path) -> None:
    """The CSV that a spreadsheet opens has one line per faulty row, with the row left empty for a whole table."""
    report = FaultReport(
        (ODD.fault("grades", "value", rows=[3], values=["é;1"]), LATE.fault("pupils", values=["no rows"]))
    )
    path = tmp_path / "faults.csv"
    report.to_csv(path, values=True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(path, sep=";", dtype={"row": "Int64"})
    assert read["row"].isna().tolist() == [False, True]
    assert read["value"].tolist() == ["é;1", "no rows"]
    assert read["hint"].tolist() == ["Add one.", "Look at the clock."]


def test_no_fault() -> None:
    """A report without faults is false, prints one sentence and has an empty frame with all its columns."""
    report = FaultReport()
    assert not report
    assert str(report) == "No fault in the records."
    assert list(report.frame) == ["table", "row", "column", "value", "rule", "severity", "expected", "hint"]
    assert report.rows("pupils").size == 0
