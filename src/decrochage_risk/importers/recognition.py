"""What each content is: told by the root of an XML, the keys of a JSON or the header of a table, never by a file's name.

People rename what they export, and software names files as it likes. The readers that a school declared itself are
asked first; a content that no reader knows is reported, and never read by likeness.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers import (
    absences,
    lsu,
    marks,
    orientation,
    outcomes,
    pupil_lists,
    siecle,
)
from decrochage_risk.importers.declared_maps import declared_maps
from decrochage_risk.importers.delimited import peek_rows
from decrochage_risk.importers.extract import Head
from decrochage_risk.importers.sources import looks_like_xml, parse_json, xml_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from decrochage_risk.importers.declared_maps import ColumnMap
    from decrochage_risk.importers.extract import Reader

__all__ = ["READERS", "head_of", "readers_of", "recognise"]

READERS: tuple[Reader, ...] = (
    *siecle.READERS,
    *pupil_lists.READERS,
    *outcomes.READERS,
    *absences.READERS,
    *marks.READERS,
    *lsu.READERS,
    *orientation.READERS,
)
"""Every kind of export, asked in this order."""

_MAKERS: Mapping[str, Callable[[ColumnMap], Reader]] = {
    "absence_events": absences.map_reader,
    "marks": marks.marks_reader,
    "average_grid": marks.grid_reader,
    "absence_totals": absences.totals_reader,
    "orientation": orientation.orientation_reader,
}

_TOML = re.compile(rb"(?:\s*#[^\n]*\n|\s)*\[[A-Za-z_]\w*(?:\.[\w.\"]+)?\]\s*\n")
_JSON_DEPTH = 4
_SIGNATURES = {
    b"%PDF": "un PDF",
    b"\x89PNG": "une image",
    b"\xff\xd8\xff": "une image",
    b"Rar!": "une archive RAR",
    b"7z\xbc\xaf": "une archive 7z",
}


def head_of(content: bytes, name: str = "file") -> Head:
    """Look at the beginning of a content.

    Raises
    ------
    UnreadableExportError
        Nothing that an export could be: empty, a PDF, an image, XML with a DTD, JSON that is cut.

    Examples
    --------
    >>> head_of(b"<BEE_ELEVES VERSION='3.0'><PARAMETRES/></BEE_ELEVES>").root
    'BEE_ELEVES'
    >>> head_of("Nom;Prénom".encode()).rows[0]
    ('NOM', 'PRENOM')
    """
    _refuse_others(content, name)
    if looks_like_xml(content):
        head = xml_head(content, name)
        return Head("xml", root=head.root, attributes=head.attributes)
    if _TOML.match(content):
        raise UnreadableExportError(
            explain_error(
                f"{name} is a file of declarations",
                expected="an export",
                hint="Give it as column_maps (--columns).",
            ),
            french="Fichier de déclarations, qui n’est pas un export : donnez-le avec --columns.",
        )
    if content[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return Head("json", keys=frozenset(_keys(parse_json(content, name), _JSON_DEPTH)))
    return Head("rows", rows=tuple(peek_rows(content, name=name)))


def readers_of(paths: Iterable[Path]) -> tuple[Reader, ...]:
    """Make the readers of the maps that a school declared in files of its own.

    Raises
    ------
    RecordsError
        A file that cannot be read, or a map that cannot be.
    """
    return tuple(_MAKERS[column_map.reads](column_map) for column_map in declared_maps(paths))


def recognise(content: bytes, name: str = "file", declared: tuple[Reader, ...] = ()) -> Reader | None:
    """Find the reader of a content, or None when no kind is recognised; what the school declared itself comes first.

    Raises
    ------
    UnreadableExportError
        As for :func:`head_of`.
    """
    head = head_of(content, name)
    return next((reader for reader in (*declared, *READERS) if reader.recognises(head)), None)


def _keys(value: object, depth: int) -> set[str]:
    if depth == 0:
        return set()
    if isinstance(value, dict):
        return set(value).union(*(_keys(inside, depth - 1) for inside in value.values()))
    return _keys(value[0], depth) if isinstance(value, list) and value else set()


def _refuse_others(content: bytes, name: str) -> None:
    what = (
        "un fichier vide"
        if not content.strip()
        else next((kind for mark, kind in _SIGNATURES.items() if content.startswith(mark)), None)
    )
    if what is not None:
        raise UnreadableExportError(
            explain_error(
                f"{name} is no export: empty, a PDF, an image or a foreign archive",
                expected="text, XML, JSON, a spreadsheet or a zip",
                hint="Export the list as CSV or XML.",
            ),
            french=f"C’est {what} : demandez la liste en CSV ou en XML.",
        )
