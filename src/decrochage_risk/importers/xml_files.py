"""XML of exports as a stream of records: no DTD, no entity, no network, any order of sections, any prefix of names.

The bytes go to the parser as they are, so that the declared encoding counts, with two exceptions that real exports need:
a byte order mark wins over the declaration, and a file that is plainly UTF-8 under a Latin declaration (somebody opened
it and saved it again) is read as what it is, and told.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from decrochage_risk.errors import UnreadableExportError, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lxml import etree

__all__ = ["XmlHead", "child_text", "elements_with", "local_name", "looks_like_xml", "records_of", "xml_head"]

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
