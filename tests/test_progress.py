"""``progress=`` of the long calls in Python: a bar for who asks, nothing for who does not."""

from __future__ import annotations

import inspect
import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import decrochage_risk as dr
from decrochage_risk import threads
from decrochage_risk.synthetic import make_cohort, write_cohort

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXPORT = """<BEE_ELEVES VERSION="3.0"><PARAMETRES><UAJ>0990001N</UAJ><ANNEE_SCOLAIRE>2024</ANNEE_SCOLAIRE>
<DATE_EXPORT>15/03/2025</DATE_EXPORT></PARAMETRES><DONNEES><ELEVES><ELEVE ELEVE_ID="1" ELENOET="101">
<INE_RNIE>000000001AA</INE_RNIE><DATE_NAISS>03/04/2010</DATE_NAISS><CODE_STATUT>ST</CODE_STATUT>
<CODE_MEF>10310019110</CODE_MEF></ELEVE></ELEVES></DONNEES></BEE_ELEVES>"""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def calls(
    tmp_path: Path,
) -> dict[str, Callable[..., object]]:
    """Give the calls that tell their steps, each from its ``progress``."""
    cohort = make_cohort(40, [2023, 2024], seed=1)
    cohort.write(tmp_path / "tables")
    (tmp_path / "ElevesSansAdresses.xml").write_text(EXPORT, encoding="utf-8")
    run: dict[str, Any] = {"as_of": "2025-03-05", "explain": "none"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        scores = dr.score_pupils(cohort.records, **run)
    return {
        "Motifs": lambda *, progress: dr.score_pupils(cohort.records, **run, progress=progress),
        "Scores et motifs": lambda *, progress: dr.score_folder(
            tmp_path / "tables", tmp_path / "out", **run, partitions=1, progress=progress
        ),
        "Listes d’élèves": lambda *, progress: dr.import_exports(
            tmp_path / "ElevesSansAdresses.xml", key=bytes(range(32)), progress=progress
        ),
        "Pages par établissement": lambda *, progress: dr.write_report(
            scores, tmp_path / "pages", notices=False, progress=progress
        ),
        "2024-2025": lambda *, progress: write_cohort(
            tmp_path / "drawn", 10, [2024], seed=1, progress=progress
        ),
    }


def test_steps_are_told_to_who_asks_and_to_nobody_else(
    calls: dict[str, Callable[..., object]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of each long call: nothing printed by default, a line per step in a log, a bar on a terminal, each step to a callable."""
    for step, call in calls.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dr.DecrochageWarning)
            call(progress=False)
            assert capsys.readouterr() == ("", ""), step
            call(progress=True)
            shown = capsys.readouterr()
            assert shown.out == ""
            assert shown.err.splitlines().count(step) == 1, step
            lines: list[str] = []
            call(progress=lambda line, *_count, lines=lines: lines.append(line))
            assert step in lines
            terminal: Any = _Terminal()
            with monkeypatch.context() as patch:
                patch.setenv("TERM", "xterm")
                patch.setattr(sys, "stderr", terminal)
                call(progress=True)
            # A step shorter than a refresh is not drawn: that a bar was is enough.
            assert "━" in terminal.getvalue(), step


def test_progress_is_off_by_default_wherever_it_can_be_asked() -> None:
    """Every public call that takes ``progress`` takes it by keyword, False when left out; no long one lacks it."""
    signatures = {
        name: inspect.signature(call) for name in dr.__all__ if inspect.isfunction(call := getattr(dr, name))
    }
    takers = {
        name: signature.parameters["progress"]
        for name, signature in signatures.items()
        if "progress" in signature.parameters
    }
    assert {"score_pupils", "score_folder", "train_model", "import_exports", "write_report"} <= set(takers)
    for name, parameter in takers.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, name
        assert parameter.default is False, name


def test_a_notebook_without_widgets_gets_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where Rich could draw only with ipywidgets, and they are not there, steps are lines: no warning at each refresh."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with threads.progress_bar(True) as tell:  # noqa: FBT003 - as callers give it
        for school in range(3):
            tell("Pages par établissement", school, 3)
        tell("Diagnostic des réseaux", 0, 1)
    assert capsys.readouterr().err.splitlines() == ["Pages par établissement", "Diagnostic des réseaux"]


def _fail() -> None:
    with threads.progress_bar(True) as tell:  # noqa: FBT003 - as callers give it
        tell("Lecture [des] extraits", 1, 2)
        raise ZeroDivisionError


def test_the_bar_ends_with_the_call_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error on the way takes the bar off the terminal: the next call can draw its own."""
    terminal: Any = _Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _fail()
    assert "Lecture [des] extraits" in terminal.getvalue()
    assert sys.stderr is terminal
