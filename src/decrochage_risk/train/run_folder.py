"""A run folder: what each step read and wrote, by checksum, so that a run that was stopped goes on where it was.

A step is done when its inputs are the same and its outputs are there, byte for byte. A changed input redoes the
steps that read it and those after them, no others. No clock, no path and no machine is written.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a field of a dataclass, shown by documentation
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from decrochage_risk.artefact import canonical_json
from decrochage_risk.errors import RecordsError, explain_error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["RunFolder", "StepReport", "checksums", "numbers_of"]

STEPS = "steps"


def checksums(path: Path, name: str) -> dict[str, str]:
    """Compute the SHA-256 of a file, or of every file of a folder, under a name that holds no path of the machine.

    Raises
    ------
    RecordsError
        Nothing is there.
    """
    if path.is_file():
        return {f"{name}/{path.name}": _sha256(path)}
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else []
    if not files:
        raise RecordsError(
            explain_error(
                f"There is nothing at {path}",
                expected=f"what the configuration calls {name}",
                hint="Check the path; relative ones start at the folder of the configuration.",
            )
        )
    return {f"{name}/{one.relative_to(path).as_posix()}": _sha256(one) for one in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class StepReport:
    """What one step of a retraining gave, for whoever follows it (a tracker of experiments).

    Attributes
    ----------
    name : str
        Of the step: ``check``, ``train``, ``candidate``, ``evaluate``, ``compare``, ``path``, ``card``.
    figures : dict of str to float
        Its figures, by dotted names such as ``figures.auc``, of letters without accents, digits, ``_``, ``-`` and dots: names
        that trackers take. Counts of few pupils are hidden, as in the files.
    files : tuple of Path
        What it wrote; never the list of pupils that were left out.
    is_new : bool
        Whether it was run now; False for a step that was found done.
    """

    name: str
    figures: dict[str, float]
    files: tuple[Path, ...]
    is_new: bool


def numbers_of(values: Any, prefix: str = "") -> dict[str, float]:  # noqa: ANN401 - what JSON holds
    """Give the numbers of a JSON object, by their dotted names; lists are left out.

    Keys are French in places, and trackers refuse accents and apostrophes; two keys that would get one name are numbered.

    Examples
    --------
    >>> numbers_of({"figures": {"auc": 0.9, "notes": []}, "synthetic": True})
    {'figures.auc': 0.9}
    >>> numbers_of({"taux de l'établissement seul": {"auc": 0.6}})
    {'taux_de_l_etablissement_seul.auc': 0.6}
    """
    numbers: dict[str, float] = {}
    taken: set[str] = set()
    for key, value in values.items() if isinstance(values, dict) else ():
        name = f"{prefix}{_plain_name(str(key), taken)}"
        if isinstance(value, dict):
            numbers |= numbers_of(value, f"{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers[name] = float(value)
    return numbers


def _plain_name(key: str, taken: set[str]) -> str:
    """Give a key as a name that is not taken yet, and take it."""
    letters = normalize("NFKD", key).encode("ascii", "ignore").decode()
    plain = name = _NOT_PLAIN.sub("_", letters).strip("_") or "_"
    number = 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name


_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]+")


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    folder : Path
        New, empty, or of an earlier run.
    progress : callable, optional
        Called with a French line at the beginning of each step that is not done yet.
    on_step : callable, optional
        Called with a :class:`StepReport` at the end of each step, done now or before.
    secret : collection of str
        Names of files that no hook is given.

    Attributes
    ----------
    redone, kept : list of str
        Steps that were run, and steps that were found done.

    Raises
    ------
    RecordsError
        The folder holds something else, or is a file.
    """

    def __init__(
        self,
        folder: Path,
        progress: Callable[[str], None] | None = None,
        on_step: Callable[[StepReport], object] | None = None,
        secret: Collection[str] = (),
    ) -> None:
        foreign = folder.is_file() or (
            folder.is_dir() and any(folder.iterdir()) and not (folder / STEPS).is_dir()
        )
        if foreign:
            raise RecordsError(
                explain_error(
                    f"{folder} holds something that is no run",
                    expected="a new or empty folder, or that of a run to continue",
                    hint="Choose another folder.",
                )
            )
        self.folder = folder
        self.redone: list[str] = []
        self.kept: list[str] = []
        self._progress = progress
        self._on_step = on_step
        self._secret = secret
        self._outputs: dict[str, dict[str, str]] = {}
        (folder / STEPS).mkdir(parents=True, exist_ok=True)
        for half in folder.glob(".*.new*"):  # left by a run that was killed while writing
            shutil.rmtree(half) if half.is_dir() else half.unlink()

    def step(
        self,
        name: str,
        line: str,
        work: Callable[[], Iterable[str]],
        *,
        reads: Mapping[str, Any],
        after: Iterable[str] = (),
    ) -> None:
        """Run a step, unless it is done.

        Parameters
        ----------
        name : str
            Of the step; its record is ``steps/NAME.json``.
        line : str
            What it does, in French.
        work : callable
            Does it, and gives the names of the files and folders that it wrote.
        reads : mapping
            Checksums and settings that the outputs depend on, as JSON values.
        after : iterable of str
            Earlier steps whose outputs it reads.
        """
        before = {step: self._outputs[step] for step in after}
        inputs = {"reads": dict(reads), "after": before}
        record = self.folder / STEPS / f"{name}.json"
        record_of_step = _read(record)
        if (
            record_of_step is not None
            # Through JSON, which makes lists of tuples and texts of keys, as the record was.
            and record_of_step["inputs"] == json.loads(canonical_json(inputs))
            and self._holds(record_of_step["outputs"])
        ):
            self._outputs[name] = record_of_step["outputs"]
            self.kept.append(name)
            self._report(name, is_new=False)
            return
        record.unlink(missing_ok=True)
        if self._progress is not None:
            self._progress(line)
        outputs: dict[str, str] = {}
        for output in work():
            place = self.folder / output
            sums = checksums(place, output)
            outputs |= sums if place.is_dir() else {output: next(iter(sums.values()))}
        self.write(
            f"{STEPS}/{name}.json", canonical_json({"step": name, "inputs": inputs, "outputs": outputs})
        )
        self._outputs[name] = outputs
        self.redone.append(name)
        self._report(name, is_new=True)

    def _report(self, name: str, *, is_new: bool) -> None:
        """Tell the hook of a step: the numbers of its JSON files, and the files."""
        if self._on_step is None:
            return
        names = [output for output in self._outputs[name] if output not in self._secret]
        figures: dict[str, float] = {}
        for output in names:
            # Files of the top alone: those of a model are its parts, not its figures.
            if output.endswith(".json") and "/" not in output:
                prefix = "" if len(names) == 1 else f"{output.removesuffix('.json')}."
                figures |= numbers_of(json.loads((self.folder / output).read_text(encoding="utf-8")), prefix)
        self._on_step(StepReport(name, figures, tuple(self.folder / output for output in names), is_new))

    def forget(self, name: str) -> None:
        """Remove what a step wrote that the configuration no longer asks for."""
        record = self.folder / STEPS / f"{name}.json"
        record_of_step = _read(record)
        for output in [] if record_of_step is None else record_of_step["outputs"]:
            place = self.folder / output
            place.unlink(missing_ok=True)
            if place.parent != self.folder and place.parent.is_dir() and not any(place.parent.iterdir()):
                place.parent.rmdir()
        record.unlink(missing_ok=True)

    def write(self, name: str, text: str, *, private: bool = False) -> str:
        """Write a text file whole or not at all, ``private`` for the owner of the folder alone; give its name."""
        target = self.folder / name
        fresh = target.with_name(f".{target.name}.new")
        # The rights before the content, so that it is never open to others.
        if private:
            fresh.touch(mode=0o600)
        fresh.write_text(text, encoding="utf-8", newline="\n")
        fresh.replace(target)
        return name

    def _holds(self, outputs: Mapping[str, str]) -> bool:
        return all(
            (self.folder / name).is_file() and _sha256(self.folder / name) == sha256
            for name, sha256 in outputs.items()
        )


def _read(record: Path) -> dict[str, Any] | None:
    """Read the record of a step; None when there is none, or none that can be read."""
    try:
        values = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(values, dict) and {"inputs", "outputs"} <= set(values)
    return values if whole else None
