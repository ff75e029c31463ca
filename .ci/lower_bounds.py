"""Print the lower bound of each dependency that the package needs to run, as pins: what `make test-oldest` installs."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]

for line in PROJECT["dependencies"]:
    name, bound = re.fullmatch(r"([\w.-]+)>=([\w.]+)", line).groups()  # type: ignore[union-attr]  # another form must stop here
    sys.stdout.write(f"{name}=={bound}\n")
