"""The README and the pages are true: the example runs, links lead somewhere, commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from decrochage_risk import DemoModelWarning

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every Python block runs as it is written, in an empty folder, and writes the lists that it promises."""
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        with pytest.warns(DemoModelWarning):
            exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - our own file, run on purpose
    assert "pupil_id" in capsys.readouterr().out
    assert list((tmp_path / "out" / "mars").glob("*.parquet"))


def test_links_lead_somewhere() -> None:
    """Every relative link of the README and of the pages of docs names a file of the project."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_commands_exist() -> None:
    """Every command of the table of commands is a command of the program, and the other way round."""
    from typer.main import get_command  # noqa: PLC0415 - the program is built only for this test

    from decrochage_risk.cli.program import app  # noqa: PLC0415 - same

    page = (ROOT / "docs" / "commandes.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z-]+)` \|", page, flags=re.MULTILINE))
    assert named == set(get_command(app).commands)  # type: ignore[attr-defined]  # a group has commands


def test_options_that_pages_print_exist() -> None:
    """Every option that a page gives to a command is one of that command."""
    from typer.main import get_command  # noqa: PLC0415 - the program is built only for this test

    from decrochage_risk.cli.program import app  # noqa: PLC0415 - same

    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group has commands
    known = {
        name: {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        for name, command in commands.items()
    }
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    printed = [
        (page.relative_to(ROOT).as_posix(), name, option)
        for page in pages
        for name, rest in re.findall(
            r"decrochage-risk ([a-z][a-z-]*)((?:[^`\n&;#|]|\\\n)*)", page.read_text(encoding="utf-8")
        )
        for option in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", rest)
    ]
    assert len(printed) > 40
    assert [one for one in printed if one[2] not in known.get(one[1], set())] == []


def test_the_readme_is_one_screen() -> None:
    """The README holds at most 55 lines, one Python example of five lines, two commands to try it, three from exports to a list, one picture."""
    assert len(README.splitlines()) <= 55
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert [sum(map(bool, block.splitlines())) for block in blocks] == [5]
    assert len(re.findall(r"^decrochage-risk ", README, re.MULTILINE)) == 3
    assert len(re.findall(r"^make ", README, re.MULTILINE)) == 2
    assert README.count("![") == 1
