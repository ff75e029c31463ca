"""Laws of a run folder: a step is done once, redone when what it reads or wrote has changed, and so are those after it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.errors import RecordsError
from decrochage_risk.train.run_folder import RunFolder, StepReport, checksums, numbers_of

if TYPE_CHECKING:
    from pathlib import Path


def go(folder: Path, *, first: str = "a", second: str = "b") -> RunFolder:
    """Run two steps, of which the second reads the first."""
    run = RunFolder(folder)
    run.step("one", "un", lambda: [run.write("one.txt", first)], reads={"value": first})
    run.step("two", "deux", lambda: [run.write("two.txt", second)], reads={"value": second}, after=["one"])
    return run


def test_a_step_is_done_once(tmp_path: Path) -> None:
    """The second time both steps are found done."""
    assert go(tmp_path / "run").redone == ["one", "two"]
    again = go(tmp_path / "run")
    assert (again.redone, again.kept) == ([], ["one", "two"])


def test_a_changed_input_redoes_what_depends_on_it(tmp_path: Path) -> None:
    """With another first input both are redone, with another second input the second alone."""
    go(tmp_path / "run")
    assert go(tmp_path / "run", second="c").redone == ["two"]
    assert go(tmp_path / "run", first="d", second="c").redone == ["one", "two"]


@pytest.mark.parametrize("edit", ["edited", None])
def test_a_changed_output_is_made_again(tmp_path: Path, edit: str | None) -> None:
    """An output that was edited or removed is made again; what comes after it is not when it is the same as before."""
    go(tmp_path / "run")
    if edit is None:
        (tmp_path / "run" / "one.txt").unlink()
    else:
        (tmp_path / "run" / "one.txt").write_text(edit, encoding="utf-8")
    assert go(tmp_path / "run").redone == ["one"]
    assert (tmp_path / "run" / "one.txt").read_text(encoding="utf-8") == "a"


def test_a_step_that_fails_is_not_done(tmp_path: Path) -> None:
    """What raises leaves no record, even where an older one was; the steps before it are kept."""
    go(tmp_path / "run")

    def fail() -> list[str]:
        raise KeyboardInterrupt

    run = RunFolder(tmp_path / "run")
    run.step("one", "un", lambda: ["one.txt"], reads={"value": "a"})
    with pytest.raises(KeyboardInterrupt):
        run.step("two", "deux", fail, reads={"value": "z"}, after=["one"])
    assert not (tmp_path / "run" / "steps" / "two.json").exists()
    assert go(tmp_path / "run").redone == ["two"]


def test_a_broken_record_is_no_record(tmp_path: Path) -> None:
    """A record that was cut short is made again, and half-written files of a killed run are swept away."""
    go(tmp_path / "run")
    (tmp_path / "run" / "steps" / "one.json").write_text('{"inputs', encoding="utf-8")
    (tmp_path / "run" / ".model.new-0a1b").mkdir()
    (tmp_path / "run" / ".one.txt.new").write_text("half", encoding="utf-8")
    assert go(tmp_path / "run").redone == ["one"]
    assert not list((tmp_path / "run").glob(".*"))


def test_another_folder_is_refused(tmp_path: Path) -> None:
    """A folder that holds something else, or a file, is left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", encoding="utf-8")
    for place in (tmp_path / "mine", tmp_path / "mine" / "thesis.txt"):
        with pytest.raises(RecordsError, match="something that is no run"):
            RunFolder(place)


def test_checksums_hold_no_path_of_the_machine(tmp_path: Path) -> None:
    """The names under which files are summed are relative, the same wherever the folder lies; nothing there is refused."""
    for place in ("here", "there"):
        (tmp_path / place / "sub").mkdir(parents=True)
        (tmp_path / place / "sub" / "x.csv").write_text("1", encoding="utf-8")
    assert checksums(tmp_path / "here", "records") == checksums(tmp_path / "there", "records")
    assert list(checksums(tmp_path / "here", "records")) == ["records/sub/x.csv"]
    with pytest.raises(RecordsError, match="There is nothing at"):
        checksums(tmp_path / "nowhere", "records")


keys = st.one_of(
    st.text(max_size=4), st.sampled_from(["taux de l'établissement seul", "a", "à", "a_2", "1re pro"])
)
objects = st.recursive(
    st.one_of(st.floats(allow_nan=False), st.booleans(), st.none()),
    lambda inner: st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def count_of_numbers(value: Any) -> int:
    """Count the numbers below a value, one after the other."""
    if isinstance(value, dict):
        return sum(count_of_numbers(one) for one in value.values())
    return int(isinstance(value, float))


@given(values=st.dictionaries(keys, objects, max_size=4))
def test_every_number_has_a_name_of_its_own_that_a_tracker_takes(values: dict[str, Any]) -> None:
    """Whatever the keys (accents, apostrophes, alike without them), no number is lost and each name is plain."""
    numbers = numbers_of(values)
    assert len(numbers) == count_of_numbers(values)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in numbers)


def test_a_hook_is_told_of_each_step_its_figures_and_its_files(tmp_path: Path) -> None:
    """Each step, done now or before, is told once with the numbers of its JSON files, and never with a secret file."""
    reports: list[StepReport] = []
    for _ in range(2):
        run = RunFolder(tmp_path / "run", on_step=reports.append, secret={"pupils.json"})

        def work(run: RunFolder = run) -> list[str]:
            run.write("pupils.json", '{"a1": 3}')
            return [
                run.write("figures.json", '{"figures": {"auc": 0.9, "fine": true}, "rows": 12}'),
                "pupils.json",
            ]

        run.step("evaluate", "mesure", work, reads={})
    assert [(report.name, report.is_new) for report in reports] == [("evaluate", True), ("evaluate", False)]
    assert [report.figures for report in reports] == [{"figures.auc": 0.9, "rows": 12.0}] * 2
    assert [path.name for path in reports[0].files] == ["figures.json"]
