"""The bundled policy, and copies of its tables with one passage replaced."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from decrochage_risk.policy import Policy, load_policy

Edit = Callable[..., Path]


@pytest.fixture(scope="session")
def policy() -> Policy:
    """Return the bundled policy."""
    return load_policy()


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Return a function that writes a bundled table with passages replaced, and gives its folder."""

    def write(name: str, *edits: tuple[str, str]) -> Path:
        text = files("decrochage_risk.policy").joinpath(name).read_text(encoding="utf-8")
        for old, new in edits:
            assert old in text, f"the passage {old!r} is not in {name}"
            text = text.replace(old, new, 1)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write
