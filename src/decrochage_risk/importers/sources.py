"""Files, folders and zips into contents, and their XML and JSON into records: one at a time, bombs and entities refused.

Exports come as mails and downloads do: zips in zips, with the litter of an operating system. One content is in memory
at once, and no member is unpacked beyond what a school can export, whatever its header says.

XML is a stream of records: no DTD, no entity, no network, any order of sections, any prefix of names. The bytes go to the parser
as they are, so that the declared encoding counts, with two exceptions that real exports need: a byte order mark wins over the
declaration, and a file that is plainly UTF-8 under a Latin declaration (somebody opened it and saved it again) is read as what
it is, and told. JSON comes in any encoding; a refusal shows none of its text.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from decrochage_risk.errors import UnreadableExportError, UnreadableRecordsError, explain_error
from decrochage_risk.importers.delimited import decode, is_spreadsheet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from lxml import etree

__all__ = [
    "MAX_CONTENT_BYTES",
    "MAX_RATIO",
    "Content",
    "UnreadContent",
    "XmlHead",
    "child_text",
    "contents_of",
    "elements_with",
    "local_name",
    "looks_like_xml",
    "parse_json",
    "records_of",
    "xml_head",
]

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


def contents_of(
    paths: Iterable[str | Path], only: Collection[str] | None = None
) -> Iterator[Content | UnreadContent]:
    """Give every content of files, folders (all under them) and zips, in the order of their names, one at a time.

    Parameters
    ----------
    paths : iterable of path
    only : collection of str, optional
        Contents that are wanted, by their path in the report: files that hold none of them are not opened.

    Raises
    ------
    UnreadableRecordsError
        A path that is not there.
    """
    labels = None if only is None else {path.partition("!")[0] for path in only}
    for source in paths:
        path = Path(source)
        if path.is_dir():
            for file in sorted(inside for inside in path.rglob("*") if inside.is_file()):
                label = str(Path(path.name) / file.relative_to(path))
                if not _is_litter(label) and _is_wanted(label, labels):
                    yield from _of_file(file, label)
        elif path.is_file():
            if _is_wanted(path.name, labels):
                yield from _of_file(path, path.name)
        else:
            raise UnreadableRecordsError(
                explain_error(
                    f"There is no file or folder {path}",
                    expected="exports of a school: files, folders or zips",
                    hint="Check the path.",
                )
            )


def _is_wanted(label: str, labels: set[str] | None) -> bool:
    return labels is None or label.partition("!")[0] in labels


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


_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DTD = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_BOM = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True)
class XmlHead:
    """The root of an XML.

    Attributes
    ----------
    root : str
        Local name, upper case.
    attributes : mapping of str to str
        Local names, upper case.
    saved_again : bool
        UTF-8 under a Latin declaration: edited by hand.
    """

    root: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    saved_again: bool = False


def looks_like_xml(content: bytes) -> bool:
    """Tell whether the bytes begin as an XML does, whatever the encoding."""
    head = content[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return head.startswith(b"<")


@lru_cache(maxsize=4096)
def local_name(tag: object) -> str:
    """Give the name of an element or attribute without its namespace, in upper case.

    Examples
    --------
    >>> local_name("{urn:fr:edu}eleve")
    'ELEVE'
    """
    return str(tag).rpartition("}")[2].upper()


def child_text(record: etree._Element, name: str) -> str | None:
    """Give the text of the first child of that local name; None when it is absent or empty."""
    for child in record:
        if local_name(child.tag) == name:
            return (child.text or "").strip() or None
    return None


def xml_head(content: bytes, name: str) -> XmlHead:
    """Read the root of an XML and nothing else.

    Raises
    ------
    UnreadableExportError
        A DTD or an entity; no XML after all.
    """
    body, encoding, again = _prepared(content, name)
    for _, element in _events(body[: 1 << 16], encoding, name, ("start",), partial=True):
        names = {local_name(key): str(value) for key, value in element.attrib.items()}
        return XmlHead(local_name(element.tag), names, again)
    raise _broken(name, 1)


def records_of(content: bytes, names: frozenset[str], name: str) -> Iterator[tuple[str, etree._Element]]:
    """Give the elements of these local names one after the other, in file order; each is emptied once the next is asked for.

    Parameters
    ----------
    content : bytes
        The whole file.
    names : frozenset of str
        Local names, upper case. None of them should stand inside another.
    name : str
        Of the file, for messages.

    Raises
    ------
    UnreadableExportError
        A DTD or an entity; truncated or malformed XML, with the line.

    Examples
    --------
    >>> xml = b"<A><B><C>1</C></B><b><c>2</c></b></A>"
    >>> [(tag, child_text(record, "C")) for tag, record in records_of(xml, frozenset({"B"}), "x.xml")]
    [('B', '1'), ('B', '2')]
    """
    body, encoding, _ = _prepared(content, name)
    for _, element in _events(body, encoding, name, ("end",)):
        tag = local_name(element.tag)
        if tag not in names:
            continue
        yield tag, element
        element.clear()
        parent = element.getparent()
        # An emptied element stays in the tree: without this a large file would end up in memory.
        while parent is not None and element.getprevious() is not None:
            del parent[0]


def elements_with(content: bytes, leaf: str, name: str) -> Iterator[etree._Element]:
    """Give every element with a child of this local name, whatever it is called itself; for small files, held whole.

    Raises
    ------
    UnreadableExportError
        As for :func:`records_of`.

    Examples
    --------
    >>> [record.tag for record in elements_with(b"<A><B><C>1</C></B><D/></A>", "C", "x.xml")]
    ['B']
    """
    body, encoding, _ = _prepared(content, name)
    elements = [element for _, element in _events(body, encoding, name, ("end",))]
    for element in elements[-1].iter() if elements else ():
        if any(local_name(child.tag) == leaf for child in element):
            yield element


def _prepared(content: bytes, name: str) -> tuple[bytes, str | None, bool]:
    """Refuse a DTD; take off the byte order mark; choose the encoding (None: what is declared)."""
    # In UTF-16 the letters of DOCTYPE have zeros between them.
    if _DTD.search(content) or (b"\0" in content[:200] and _DTD.search(content.replace(b"\0", b""))):
        raise UnreadableExportError(
            explain_error(
                f"{name} declares a document type or entities",
                expected="plain XML, as exports are",
                hint="No export of a school holds one: do not use this file, and ask where it comes from.",
            ),
            french="Le fichier déclare un type de document ou des entités, ce qu’aucun export ne fait : il n’est pas lu. "
            "Vérifiez d’où il vient.",
        )
    for mark, encoding in _BOM.items():
        if content.startswith(mark):
            return content.removeprefix(mark), encoding, False
    declaration = _DECLARED.search(content[:400])
    latin = declaration is not None and declaration[1].lower().startswith((b"iso-8859", b"windows-125"))
    if latin and not content.isascii() and _is_utf8(content):
        return content, "utf-8", True
    return content, None, False


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _events(
    body: bytes, encoding: str | None, name: str, kinds: tuple[str, ...], *, partial: bool = False
) -> Iterator[tuple[str, etree._Element]]:
    from lxml import etree  # noqa: PLC0415 - heavy, on first use

    context = etree.iterparse(
        io.BytesIO(body),
        events=kinds,
        encoding=encoding,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    try:
        yield from context
    except etree.XMLSyntaxError as error:
        if not partial:
            raise _broken(name, error.lineno or 1) from None
        raise _broken(name, 1) from None


def _broken(name: str, line: int) -> UnreadableExportError:
    """Compose the refusal of an XML that does not end, or does not hold together; nothing of its text is shown."""
    return UnreadableExportError(
        explain_error(
            f"{name} is truncated or malformed XML, near line {line}",
            expected="a complete export",
            hint="Export it again; a file that was edited by hand or cut by a mail program cannot be read in part.",
        ),
        french=f"Le fichier XML est coupé ou mal formé vers la ligne {line} : rien n’en est pris. Exportez-le de nouveau.",
    )


def parse_json(content: bytes, name: str) -> object:
    """Parse a JSON of any encoding that exports come in.

    Raises
    ------
    UnreadableExportError
        Truncated, or no JSON.
    """
    text, _ = decode(content, name)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise UnreadableExportError(
            explain_error(
                f"{name} is truncated or malformed JSON, near line {line}",
                expected="a complete answer of the service",
                hint="Ask for it again.",
            ),
            french=f"Le fichier JSON est coupé ou mal formé vers la ligne {line} : rien n’en est pris.",
        ) from None
