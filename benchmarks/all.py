"""The table of ``make bench``: every ratio beside its target, measured on this machine in one go.

Each script of this folder that offers ``rows(pupils) -> list[Measured]`` has a part in it and runs in a process of its own, so
that what one loads or holds changes nothing for the next. A script that fails is told in the table, and the others run all the
same; the end is an error then. A missed target is told, and is no error.

Run ``python benchmarks/all.py``; ``--pupils 20000`` for a quick look, ``--only one_pupil,import_time`` for some scripts,
``--markdown FILE`` to write the table too. Nothing else is written but extracts below ``build/``.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from measured import Measured

REGION = 208_000
"""Pupils of the region: lower and upper secondary schools."""
FOLDER = Path(__file__).resolve().parent
MARK = "measured: "
RUN = f"""
import dataclasses, importlib, json, sys
sys.path.insert(0, {str(FOLDER)!r})
found = importlib.import_module(sys.argv[1]).rows(int(sys.argv[2]))
print({MARK!r} + json.dumps([dataclasses.asdict(each) for each in found]))
"""
HEADER = ("what", "measured", "target", "", "detail")


def scripts() -> list[str]:
    """Names of the scripts that offer rows, without loading them."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        if any(isinstance(node, ast.FunctionDef) and node.name == "rows" for node in body):
            found.append(path.stem)
    return found


def rows_of(script: str, pupils: int) -> list[Measured] | str:
    """Run one script; give its rows, or the last line of what went wrong."""
    command = [sys.executable, "-c", RUN, script, str(pupils)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    marked = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not marked:
        return (done.stderr.strip().splitlines() or ["no rows"])[-1]
    return [Measured(**row) for row in json.loads(marked[-1].removeprefix(MARK))]


def line_of(found: Measured) -> tuple[str, ...]:
    """One line of the table."""
    digits = 3 if found.ratio < 0.1 else 2
    return (
        found.name,
        f"{found.ratio:.{digits}f}",
        found.wanted,
        "met" if found.met else "MISSED",
        found.detail,
    )


def table_of(lines: list[tuple[str, ...]]) -> str:
    """Write the lines as a Markdown table, columns aligned but for the last."""
    widths = [max(len(line[place]) for line in (HEADER, *lines)) for place in range(len(HEADER) - 1)]
    text = [
        " | ".join((*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]))
        for line in (HEADER, *lines)
    ]
    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([f"| {text[0]} |", f"|{rule}|---|", *(f"| {line} |" for line in text[1:])])


def main() -> None:
    """Run the scripts one after the other and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=int(os.environ.get("PUPILS") or REGION))
    parser.add_argument("--only", help="names of scripts, separated by commas")
    parser.add_argument("--markdown", type=Path, help="file to write the table to")
    asked = parser.parse_args()
    chosen = asked.only.split(",") if asked.only else scripts()
    lines: list[tuple[str, ...]] = []
    failed = []
    for script in chosen:
        begun = perf_counter()
        print(f"{script} ...", end=" ", file=sys.stderr, flush=True)
        found = rows_of(script, asked.pupils)
        print(f"{perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        if isinstance(found, str):
            failed.append(script)
            lines.append((script, "-", "-", "FAILED", found))
        else:
            lines += map(line_of, found)
    where = f"{asked.pupils:,} pupils, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
    text = f"{where}Python {platform.python_version()}.\n\n{table_of(lines)}"
    print(text)
    if asked.markdown:
        asked.markdown.write_text(f"{text}\n", encoding="utf-8")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
