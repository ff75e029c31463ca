"""Sealed folders of text files: written whole or not at all, read only when not one byte has changed.

The file mechanics of a saved model; what the files mean is known by the layers above. A sealed folder holds text
files and ``manifest.json``: the caller's own entries beside ``FORMAT``, ``files`` (size and SHA-256 of each file) and
``seal`` (SHA-256 of the manifest without this line). Checksums find accidents and careless edits; they are no
signature, so keep the checksum that :func:`seal` returns where the model is put to use.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from decrochage_risk.errors import ArtefactError, TamperedArtefactError, UnknownFormatError, explain_error

__all__ = [
    "FORMAT",
    "JSON",
    "READERS",
    "Reader",
    "Sealed",
    "canonical_json",
    "manifest_sha256",
    "read_json",
    "seal",
    "unseal",
]

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Reader: TypeAlias = Callable[[dict[str, Any], dict[str, str]], tuple[dict[str, Any], dict[str, str]]]

FORMAT: Final[int] = 3
"""Number of the format that :func:`seal` writes. Format 3 says which reference values are those of all levels together;
format 2 may hold a second model beside the first (files that begin with ``parcours-``); format 1 never does. To change what is in the files or the manifest:

1. add 1 to ``FORMAT``;
2. keep the old reading as a function ``_read_N(manifest, files) -> (manifest, files)`` that gives what format
   ``N + 1`` would have held, and enter it in ``READERS`` under ``N``; readers run one after the other, so the older
   ones are never touched again;
3. add a test with a folder of format ``N``, sealed before the change and kept under ``tests``, that unseals to what
   it held then, and say in the changelog what changed.

``FORMAT``, ``files`` and ``seal`` themselves are read before any reader runs and stay as they are."""


def _read_1(manifest: dict[str, Any], files: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Read a model of format 1: no flag of what is not known, folds of pupils, no school known."""
    additions: dict[str, dict[str, JSON]] = {
        "references.json": {"knowledge": {"groups": [], "rows": {}}},
        "calibration.json": {"held_out_by": "pupils", "cluster_spread": 0.0, "clusters": []},
    }
    upgraded_files = dict(files)
    for name, entries in additions.items():
        if name in files:
            document = json.loads(files[name])
            inside = document.get("references", document) if name == "references.json" else document
            inside.update(entries)
            upgraded_files[name] = canonical_json(document)
    return manifest, upgraded_files


def _read_2(manifest: dict[str, Any], files: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Read a model of format 2: which reference values of a level are those of all levels was not kept."""
    upgraded_files = dict(files)
    for name in ("references.json", "parcours-references.json"):
        if name in files:
            document = json.loads(files[name])
            document.get("references", document)["general"] = {}
            upgraded_files[name] = canonical_json(document)
    return manifest, upgraded_files


READERS: dict[int, Reader] = {1: _read_1, 2: _read_2}
"""Per older format, the function that brings its manifest and files to the next one."""

MANIFEST = "manifest.json"
RESERVED = frozenset({"FORMAT", "files", "seal"})
HALF_PAIR = re.compile("[\ud800-\udfff]")
# A limit at all, so that a forged folder cannot fill the memory of a service.
LARGEST_FILE = 256_000_000
"""Bytes of one file; a manifest or booster has less than a hundredth of it."""
SHA256 = re.compile(r"[0-9a-f]{64}")
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
AGAIN = "Take a whole copy from where the model was saved, or train it again; never edit the files of a saved model."


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a sealed folder held, after the audit.

    Parameters
    ----------
    format : int
        The format it was written in; ``manifest`` and ``files`` are of the current one.
    manifest, files : dict
        The caller's entries, and the text of each file.
    sha256 : str
        Of ``manifest.json``: it stands for the whole folder.
    """

    format: int
    manifest: dict[str, Any]
    files: dict[str, str]
    sha256: str


def canonical_json(value: JSON) -> str:
    r"""Write JSON in one way only: sorted keys, shortest exact floats, indent 1, UTF-8, a newline at the end.

    Raises
    ------
    ArtefactError
        Listing every NaN, infinity, key that is no text, or object that JSON has no form for, with its place.

    Examples
    --------
    >>> canonical_json({"b": 0.1, "a": None})
    '{\n "a": null,\n "b": 0.1\n}\n'
    """
    if faults := list(_not_json(value, "value")):
        requirement = "null, booleans, finite numbers, text, lists, and objects whose keys are text"
        hint = "Write a value that is not known as None."
        raise ArtefactError(explain_error("; ".join(faults), expected=requirement, hint=hint))
    # Indented, so that a person can read and compare two models; sorted, so that equal ones are equal bytes.
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(text: str | bytes) -> Any:  # noqa: ANN401  # what JSON holds
    """Read JSON that says each thing once: no key twice, no NaN or infinity, no nesting without end.

    Raises
    ------
    ValueError
        It is none.

    Examples
    --------
    >>> read_json('{"rows": 3, "rows": 4}')
    Traceback (most recent call last):
    ...
    ValueError: the key 'rows' comes twice
    """
    try:
        return json.loads(text, object_pairs_hook=_each_once, parse_constant=_refuse_constant)
    except RecursionError as error:
        message = "it is nested too deeply"
        raise ValueError(message) from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        message = f"the key {twice!r} comes twice"
        raise ValueError(message)
    return values


def _refuse_constant(name: str) -> None:
    message = f"{name} is no number of JSON"
    raise ValueError(message)


def _not_json(value: object, place: str) -> Iterator[str]:
    """Yield one phrase per part that cannot be written and read back as it is."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from [] if isinstance(key, str) else [f"{place} has the key {key!r}, which is no text"]
            yield from _not_json(key, f"a key of {place}")
            yield from _not_json(inner, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _not_json(inner, f"{place}[{index}]")
    elif isinstance(value, str):
        yield from [] if _is_text(value) else [f"{place} is a text that cannot be written in UTF-8"]
    elif isinstance(value, float):
        yield from [] if math.isfinite(value) else [f"{place} is {value}"]
    elif value is not None and not isinstance(value, int):
        yield f"{place} is a {type(value).__qualname__}"


def _is_text(text: str) -> bool:
    """Tell whether a text can be written in UTF-8: half a surrogate pair cannot."""
    return HALF_PAIR.search(text) is None


def seal(folder: str | Path, files: Mapping[str, str], manifest: Mapping[str, JSON]) -> str:
    r"""Write a sealed folder, whole or not at all.

    Parameters
    ----------
    folder : str or Path
        Where to. An empty folder or a sealed one is replaced, anything else is left alone and refused.
    files : mapping of str to str
        File name to text; lines end with ``\n``.
    manifest : mapping
        Further entries of the manifest; ``FORMAT``, ``files`` and ``seal`` are its own.

    Returns
    -------
    str
        SHA-256 of ``manifest.json``: the identity of what was sealed. No clock, no path and no machine is in it.

    Raises
    ------
    ArtefactError
        A file name, text or manifest that cannot be written as it is, or a folder that must not be replaced.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sha256 = seal(Path(folder, "model"), {"card.md": "# Modèle\n"}, {"seed": 3})
    ...     sealed = unseal(Path(folder, "model"))
    >>> sealed.manifest, sealed.files, sealed.sha256 == sha256
    ({'seed': 3}, {'card.md': '# Modèle\n'}, True)
    """
    contents = _contents(files, manifest)
    _put(Path(folder).resolve(), contents)
    return _sha256(contents[MANIFEST])


def manifest_sha256(files: Mapping[str, str], manifest: Mapping[str, JSON]) -> str:
    """Compute what :func:`seal` would return, without writing anything; raises what it raises.

    Examples
    --------
    >>> manifest_sha256({"card.md": "# Modèle"}, {"seed": 3})[:12]
    'a192a0b6b8c3'
    """
    return _sha256(_contents(files, manifest)[MANIFEST])


def _contents(files: Mapping[str, str], manifest: Mapping[str, JSON]) -> dict[str, bytes]:
    """Bytes of every file, the manifest included."""
    _refuse_bad_content(files, manifest)
    contents = {name: text.encode() for name, text in files.items()}
    entries: dict[str, JSON] = {}
    for name, content in contents.items():
        entries[name] = {"bytes": len(content), "sha256": _sha256(content)}
    document: dict[str, JSON] = {**manifest, "FORMAT": FORMAT, "files": entries}
    # last: the seal covers every other entry and cannot cover itself
    document["seal"] = _sha256(canonical_json(document).encode())
    contents[MANIFEST] = canonical_json(document).encode()
    return contents


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refuse_bad_content(files: Mapping[str, str], manifest: Mapping[str, JSON]) -> None:
    """Refuse what would not come back as it went in; every fault at once."""
    faults = [f"the manifest has its own {key!r}" for key in sorted(RESERVED & set(manifest))]
    faults += [f"{name!r} is no plain file name" for name in files if not _is_safe(name)]
    # two names that differ by case only are one file on Windows and macOS
    lower_names = Counter(name.casefold() for name in files)
    twice = [name for name in files if lower_names[name.casefold()] > 1]
    faults += [f"{name!r} differs from another name by case only" for name in twice]
    # A copy between systems may change line ends: without any "\r" it can only add them, and is found out.
    faults += [f"{name!r} has carriage returns" for name, text in files.items() if "\r" in text]
    faults += [f"{name!r} cannot be written in UTF-8" for name, text in files.items() if not _is_text(text)]
    if faults:
        requirement = f"names of ASCII letters, digits, '.', '_', '-', other than {MANIFEST}; UTF-8 text, lines end with \\n"
        hint = "Rename the file or entry, end lines with \\n."
        raise ArtefactError(explain_error("; ".join(faults), expected=requirement, hint=hint))


def _is_safe(name: str) -> bool:
    """Tell whether a name stays inside its folder on every system."""
    return bool(SAFE_NAME.fullmatch(name)) and ".." not in name and name.casefold() != MANIFEST


def _put(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write beside the target, then rename: a reader sees the old folder or the new one, never a half."""
    _refuse_to_replace(folder)
    mark = secrets.token_hex(4)
    # beside the target, since a rename is atomic within one file system only
    fresh, former = (folder.with_name(f".{folder.name}.{word}-{mark}") for word in ("new", "old"))
    fresh.mkdir(parents=True)
    try:
        for name, content in contents.items():
            (fresh / name).write_bytes(content)
        # Moved aside, not removed: if the second rename fails, the old model goes back.
        if folder.exists():
            folder.rename(former)
        fresh.rename(folder)
    finally:
        if former.exists() and not folder.exists():
            former.rename(folder)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


def _refuse_to_replace(folder: Path) -> None:
    """Refuse a target that holds anything but a sealed folder."""
    if not folder.exists():
        return
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else {"a file"}
    names = _listed_files(folder / MANIFEST)
    if foreign := sorted(there - names):
        came = f"{folder} holds what is no part of a saved model: {', '.join(foreign)}"
        requirement = "a new or empty folder, or a saved model to replace"
        hint = "Choose another folder, or empty it."
        raise ArtefactError(explain_error(came, expected=requirement, hint=hint))


def _listed_files(path: Path) -> set[str]:
    """Give the names in a manifest (with its own), or nothing when the text is not a manifest."""
    try:
        document = json.loads(path.read_bytes())
        return {MANIFEST, *document["files"]} if isinstance(document["FORMAT"], int) else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def unseal(folder: str | Path, *, sha256: str | None = None) -> Sealed:
    """Read a sealed folder: parse, audit every byte, bring to the current format.

    Parameters
    ----------
    folder : str or Path
        Written by :func:`seal`.
    sha256 : str, optional
        What :func:`seal` returned, kept elsewhere. The checksums in the folder tell an accident; this one tells a folder that
        somebody wrote anew, checksums and all.

    Raises
    ------
    TamperedArtefactError
        Listing every file that is missing, extra, truncated or edited; or another folder than the one that ``sha256`` stands for.
    UnknownFormatError
        A format newer than this version, or one without reader.
    ArtefactError
        No such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        came = f"There is no folder {folder}"
        requirement = "the folder of a saved model"
        raise ArtefactError(explain_error(came, expected=requirement, hint="Check the path."))
    content, document = _manifest_of(folder, sha256)
    written_format = document["FORMAT"]
    if written_format > FORMAT or any(number not in READERS for number in range(written_format, FORMAT)):
        came = f"{folder.name} is of format {written_format}"
        requirement = f"format {FORMAT}, or an older one with a reader: {sorted(READERS) or 'none yet'}"
        hint = "Install the version of the package that wrote it or a later one, or train again."
        raise UnknownFormatError(explain_error(came, expected=requirement, hint=hint))
    files = _audited(folder, content, document)
    manifest = {key: value for key, value in document.items() if key not in RESERVED}
    for number in range(written_format, FORMAT):
        try:
            manifest, files = READERS[number](manifest, files)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise _tampered(folder, [f"what it holds is not of format {number} ({error})"]) from error
    return Sealed(written_format, manifest, files, _sha256(content))


def _manifest_of(folder: Path, sha256: str | None) -> tuple[bytes, dict[str, Any]]:
    """Parse the manifest and hold its checksum and shape against what is expected."""
    path = folder / MANIFEST
    if not path.is_file() or _leads_out(path, folder):
        raise _tampered(folder, [f"{MANIFEST} is missing"])
    # asked before reading: a forged manifest must not fill the memory
    if path.stat().st_size > LARGEST_FILE:
        raise _tampered(folder, [f"{MANIFEST} has {path.stat().st_size} bytes"])
    content = path.read_bytes()
    if sha256 is not None:
        _hold_against(folder, content, sha256)
    try:
        document = read_json(content)
    except ValueError as error:
        raise _tampered(folder, [f"{MANIFEST} ({len(content)} bytes) is no JSON: {error}"]) from error
    number = document.get("FORMAT") if isinstance(document, dict) else None
    # The exact type, as True is an int.
    if type(number) is not int or number < 0:
        raise _tampered(folder, [f"{MANIFEST} has no FORMAT"])
    return content, document


def _hold_against(folder: Path, content: bytes, sha256: str) -> None:
    """Refuse a folder that is not the one whose checksum was kept elsewhere."""
    digest = sha256.strip().lower() if isinstance(sha256, str) else ""
    if not SHA256.fullmatch(digest):
        raise ArtefactError(
            explain_error(
                f"The checksum {sha256!r} is no SHA-256",
                expected="64 hexadecimal digits, as saving the model returned them and the commands print them",
                hint="Copy it whole; the first twelve digits in a model's id are not enough.",
            )
        )
    if _sha256(content) != digest:
        raise TamperedArtefactError(
            explain_error(
                f"{folder.name} is another model than the one asked for: SHA-256 {_sha256(content)}",
                expected=f"SHA-256 {digest}",
                hint="Take the model from where it was published, or ask those who trained it for its checksum.",
            )
        )


def _audited(folder: Path, content: bytes, document: dict[str, Any]) -> dict[str, str]:
    """Hold every file against the manifest, and the manifest against its own seal; give the texts."""
    entries = document.get("files")
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise _tampered(folder, [f"{MANIFEST} was edited: its list of files has another shape"])
    faults = [] if _seal_holds(content, document) else [f"{MANIFEST} was edited"]
    faults += [f"{name!r} in {MANIFEST} is no plain file name" for name in entries if not _is_safe(name)]
    there = {path.name for path in folder.iterdir()}
    faults += [f"{name} is extra" for name in sorted(there - set(entries) - {MANIFEST})]
    # Unsafe names are a fault already, and must not be opened.
    contents = {name: _content_or_fault(folder, name, entries[name]) for name in filter(_is_safe, entries)}
    faults += [fault for fault in contents.values() if isinstance(fault, str)]
    if faults:
        raise _tampered(folder, faults)
    return {name: content.decode() for name, content in contents.items() if isinstance(content, bytes)}


def _seal_holds(content: bytes, document: dict[str, Any]) -> bool:
    """Tell whether the manifest is, byte for byte, what was sealed."""
    document_without_seal = {key: value for key, value in document.items() if key != "seal"}
    try:
        # The bytes too: blanks added between the lines would leave the parsed seal intact.
        as_written = canonical_json(document).encode() == content
        return as_written and document.get("seal") == _sha256(canonical_json(document_without_seal).encode())
    except (ArtefactError, RecursionError):
        return False


def _content_or_fault(folder: Path, name: str, entry: Mapping[str, Any]) -> bytes | str:
    """Give the content of a file that is as it was sealed, else the phrase that says how it differs."""
    path = folder / name
    if _leads_out(path, folder):
        return f"{name} is a link out of the folder"
    if not path.is_file():
        return f"{name} is missing"
    size = path.stat().st_size
    if size > LARGEST_FILE:
        return f"{name} has {size} bytes, more than any file of a saved model"
    content = path.read_bytes()
    if _sha256(content) == entry.get("sha256") and len(content) == entry.get("bytes"):
        return content if _is_utf8(content) else f"{name} is no text in UTF-8"
    sizes = f"({len(content)} bytes instead of {entry.get('bytes')})"
    if _sha256(content.replace(b"\r\n", b"\n")) == entry.get("sha256"):
        return f"{name} has other line ends {sizes}: copy it as binary"
    shorter = isinstance(entry.get("bytes"), int) and len(content) < entry["bytes"]
    return f"{name} {'is truncated' if shorter else 'was edited'} {sizes}"


def _is_utf8(content: bytes) -> bool:
    """Tell whether a file holds text: a folder that was sealed anew may hold anything."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _leads_out(path: Path, folder: Path) -> bool:
    """Tell whether a path is a link to somewhere else than this folder."""
    # Links inside the folder are allowed: some stores keep every file as one.
    return path.is_symlink() and path.resolve().parent != folder.resolve()


def _tampered(folder: Path, faults: list[str]) -> TamperedArtefactError:
    """Compose the error that lists everything that differs."""
    came = f"The saved model {folder.name} is not as it was saved: {'; '.join(faults)}"
    requirement = f"exactly the files listed in {MANIFEST}, with their sizes and SHA-256"
    return TamperedArtefactError(explain_error(came, expected=requirement, hint=AGAIN))
