"""The measures of the house: how many rooms, how they lean on each other, how long functions are, how things are named.

``python benchmarks/house.py [FOLDER_OF_A_PACKAGE]`` prints one table; the package itself when left out. Another package, to
compare with, is measured by the same rules.
"""

from __future__ import annotations

import ast
import sys
import tokenize
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "decrochage_risk"
IRREGULAR = frozenset(
    [
        "found",
        "told",
        "asked",
        "kept",
        "seen",
        "known",
        "given",
        "taken",
        "held",
        "counted",
        "named",
        "chosen",
        "made",
        "sorted",
        "drawn",
        "said",
        "shown",
        "written",
        "sent",
        "built",
        "caught",
        "taught",
        "thought",
        "brought",
        "sought",
        "spent",
        "meant",
        "felt",
        "dealt",
        "understood",
        "gone",
        "come",
        "begun",
        "hidden",
        "driven",
        "broken",
        "worn",
        "thrown",
        "grown",
        "lost",
        "paid",
        "met",
        "done",
    ]
)
NOUNS = frozenset(("seed", "need", "speed", "feed", "embed", "bed", "unseen"))
"""Names that end like a participle and are none."""


@dataclass(frozen=True)
class House:
    """What was measured of one package."""

    modules: int
    used_once: int
    arrows: int
    circles: int
    function_lines: tuple[int, int, int]
    comments_per_hundred: float
    participle_share: float
    longest_module: int


def modules_of(package: Path) -> dict[str, Path]:
    """List the modules of a package by their dotted name."""
    names = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports_of(modules: dict[str, Path]) -> dict[str, set[str]]:
    """List what each module imports of its package, wherever in the file, for types too."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for name, path in modules.items():
        inside = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                above = inside.split(".")[: len(inside.split(".")) - max(0, node.level - 1)]
                base = (
                    ".".join([*above, *([node.module] if node.module else [])]) if node.level else node.module
                )
                targets = [f"{base}.{alias.name}" for alias in node.names]
                arrows[name] |= {
                    target if target in modules else str(base)
                    for target in targets
                    if target in modules or base in modules
                }
            elif isinstance(node, ast.Import):
                arrows[name] |= {alias.name for alias in node.names if alias.name in modules}
        arrows[name].discard(name)
    return arrows


def circles_of(arrows: dict[str, set[str]]) -> list[list[str]]:
    """List the groups of modules that import each other, however far around (Tarjan)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for target in sorted(arrows.get(name, ())):
            if target not in number:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], number[target])
        if low[name] == number[name]:
            first = stack.index(name)
            group = stack[first:]
            del stack[first:]
            if len(group) > 1:
                groups.append(sorted(group))

    for name in sorted(arrows):
        if name not in number:
            visit(name)
    return groups


def is_participle(name: str) -> bool:
    """Tell whether a name is one bare participle (``found``, ``_kept``), which does not say what it holds."""
    word = name.strip("_")
    return "_" not in word and (
        word in IRREGULAR or (len(word) > 4 and word.endswith("ed") and word not in NOUNS)
    )


def _code_lines(node: ast.AST, with_code: set[int]) -> int:
    body = node.body  # type: ignore[attr-defined]
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    first = body[0].end_lineno + 1 if documented and isinstance(body[0].value.value, str) else body[0].lineno
    return 1 + sum(line in with_code for line in range(first, node.end_lineno + 1))  # type: ignore[attr-defined]


def measure_house(package: Path = PACKAGE) -> House:
    """Measure a package."""
    modules = modules_of(package)
    arrows = imports_of(modules)
    users = Counter(
        target
        for name, targets in arrows.items()
        for target in targets
        if name.rpartition(".")[0] == target.rpartition(".")[0]
    )
    everyone = Counter(target for targets in arrows.values() for target in targets)
    lengths: list[int] = []
    names = participles = comments = lines = longest = 0
    for path in modules.values():
        text = path.read_text(encoding="utf-8")
        longest = max(longest, len(text.splitlines()))
        with path.open("rb") as file:
            tokens = list(tokenize.tokenize(file.readline))
        code = {
            line
            for token in tokens
            if token.type
            not in {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
            for line in range(token.start[0], token.end[0] + 1)
        }
        comments += sum(token.type == tokenize.COMMENT and "noqa" not in token.string for token in tokens)
        lines += len(code)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths.append(_code_lines(node, code))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names += 1
                participles += is_participle(node.id)
    return House(
        modules=len(modules),
        used_once=sum(users[name] == 1 == everyone[name] for name in modules),
        arrows=sum(map(len, arrows.values())),
        circles=len(circles_of(arrows)),
        function_lines=(int(np.median(lengths)), int(np.percentile(lengths, 90)), max(lengths)),
        comments_per_hundred=100 * comments / lines,
        participle_share=participles / names,
        longest_module=longest,
    )


def main() -> None:
    """Print the measures of the package, or of another one."""
    house = measure_house(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE)
    median, tenth, longest = house.function_lines
    print("| measure | value |\n|---|---|")
    print(f"| modules | {house.modules} |")
    print(f"| modules used by exactly one other, of their own package | {house.used_once} |")
    print(f"| arrows between modules | {house.arrows} |")
    print(f"| circles of imports, types included | {house.circles} |")
    print(f"| code lines of a function: median / p90 / longest | {median} / {tenth} / {longest} |")
    print(f"| comments per hundred lines of code | {house.comments_per_hundred:.1f} |")
    print(f"| assigned names that are bare participles | {100 * house.participle_share:.1f} % |")
    print(f"| lines of the longest module | {house.longest_module} |")


if __name__ == "__main__":
    main()
