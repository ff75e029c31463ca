"""Files, folders and zips into contents, one at a time: what lies around in archives is passed over, bombs are refused.

Exports come as mails and downloads do: zips in zips, with the litter of an operating system. One content is in memory
at once, and no member is unpacked beyond what a school can export, whatever its header says.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decrochage_risk.errors import UnreadableExportError, UnreadableRecordsError, explain_error
from decrochage_risk.importers.delimited import is_spreadsheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MAX_CONTENT_BYTES", "MAX_RATIO", "Content", "UnreadContent", "contents_of"]

MAX_CONTENT_BYTES = 512 << 20
"""Longest content that is read, unpacked: 512 MiB, some thirty times the largest SIECLE export of a school."""

MAX_RATIO = 200
"""Unpacked size over packed size beyond which a member of more than 16 MiB is a bomb: XML of pupils packs 10 to 40 times."""

_SMALL = 16 << 20
MAX_MEMBERS = 5_000
MAX_DEPTH = 2
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Content:
    """One content to be recognised.

    Attributes
    ----------
    path : str
        For the report: relative to what the caller gave, ``archive.zip!member.xml`` in a zip.
    content : bytes
    sha256 : str
    """

    path: str
    content: bytes
    sha256: str


@dataclass(frozen=True)
class UnreadContent:
    """One content that was not read, and why, in French."""

    path: str
    why: str


def contents_of(paths: Iterable[str | Path]) -> Iterator[Content | UnreadContent]:
    """Give every content of files, folders (all under them) and zips, in the order of their names, one at a time.

    Raises
    ------
    UnreadableRecordsError
        A path that is not there.
    """
    for source in paths:
        path = Path(source)
        if path.is_dir():
            for file in sorted(inside for inside in path.rglob("*") if inside.is_file()):
                label = str(Path(path.name) / file.relative_to(path))
                if not _is_litter(label):
                    yield from _of_file(file, label)
        elif path.is_file():
            yield from _of_file(path, path.name)
        else:
            raise UnreadableRecordsError(
                explain_error(
                    f"There is no file or folder {path}",
                    expected="exports of a school: files, folders or zips",
                    hint="Check the path.",
                )
            )


def _is_litter(label: str) -> bool:
    """Tell what operating systems leave in folders and archives."""
    parts = label.replace("\\", "/").split("/")
    return (
        "__MACOSX" in parts
        or any(part.startswith(".") for part in parts)
        or parts[-1].lower() in {"thumbs.db", "desktop.ini"}
    )


def _of_file(file: Path, label: str) -> Iterator[Content | UnreadContent]:
    if file.stat().st_size > MAX_CONTENT_BYTES:
        yield UnreadContent(label, f"Le fichier dépasse {MAX_CONTENT_BYTES >> 20} Mio : il n’est pas lu.")
        return
    yield from _of_bytes(file.read_bytes(), label, depth=0)


def _of_bytes(content: bytes, label: str, depth: int) -> Iterator[Content | UnreadContent]:
    if not content.startswith((b"PK\x03\x04", b"PK\x05\x06")) or is_spreadsheet(content):
        yield Content(label, content, hashlib.sha256(content).hexdigest())
    elif depth >= MAX_DEPTH:
        yield UnreadContent(label, "Archive dans une archive, deux fois : elle n’est pas lue.")
    else:
        yield from _of_zip(content, label, depth)


def _of_zip(content: bytes, label: str, depth: int) -> Iterator[Content | UnreadContent]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, OSError):
        yield UnreadContent(label, "L’archive zip est coupée ou abîmée : téléchargez-la de nouveau.")
        return
    with archive:
        members = [
            member for member in archive.infolist() if not member.is_dir() and not _is_litter(member.filename)
        ]
        if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > 4 * MAX_CONTENT_BYTES:
            yield UnreadContent(
                label,
                "L’archive contient plus que ce qu’une école exporte (archive piégée ?) : elle n’est pas lue.",
            )
            return
        for member in members:
            inside = f"{label}!{member.filename}"
            try:
                body = _unpacked(archive, member, inside)
            except UnreadableExportError as error:
                yield UnreadContent(inside, error.french)
                continue
            yield from _of_bytes(body, inside, depth + 1)
            # One content in memory at a time.
            del body


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str) -> bytes:
    """Unpack one member, never more than is allowed, whatever its header says.

    Raises
    ------
    UnreadableExportError
    """
    pieces, size = [], 0
    try:
        with archive.open(member) as stream:
            while piece := stream.read(_BLOCK):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_CONTENT_BYTES or (
                    size > _SMALL and size > MAX_RATIO * max(member.compress_size, 1)
                ):
                    raise UnreadableExportError(
                        explain_error(
                            f"{label} unpacks to more than {size >> 20} MiB",
                            expected=f"at most {MAX_CONTENT_BYTES >> 20} MiB and {MAX_RATIO} times its packed size",
                            hint="No export packs that well: this archive is broken or made to harm.",
                        ),
                        french="Le contenu se déplie bien au-delà de ce qu’un export contient (archive piégée) : il n’est pas lu.",
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise UnreadableExportError(
            explain_error(
                f"{label} cannot be unpacked", expected="a complete zip", hint="Download it again."
            ),
            french="Le contenu de l’archive est abîmé : téléchargez-la de nouveau.",
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise UnreadableExportError(
            explain_error(
                f"{label} is encrypted, or packed in an unusual way",
                expected="a zip without password",
                hint="Unpack it by hand and give the file.",
            ),
            french="L’archive est protégée par un mot de passe ou d’un type inhabituel : dépliez-la et donnez le fichier.",
        ) from error
    return b"".join(pieces)
