from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.errors import UnreadableExportError, UnreadableRecordsError
from decrochage_risk.importers import import_exports, sources
from decrochage_risk.importers.recognition import recognise
from decrochage_risk.importers.sources import Content, UnreadContent, contents_of, records_of, xml_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.importers import Imported


KEY = bytes(range(32))


def packed(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return memory.getvalue()


def test_what_systems_leave_in_archives_is_passed_over(
    zipped: Callable[..., Path], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """Bug 7 (PIX#2176): the second file of a zip made on macOS is no export; the one that matters is found."""
    xml = siecle([pupil(101)])
    path = zipped(
        "a.zip",
        {"ElevesSansAdresses.xml": xml, "__MACOSX/._ElevesSansAdresses.xml": b"junk", "sub/.DS_Store": b"x"},
    )
    assert [content.path for content in contents_of([path])] == ["a.zip!ElevesSansAdresses.xml"]
    assert len(import_exports(path, key=KEY).records) == 1


def test_folders_and_zips_in_zips_are_opened(
    tmp_path: Path, siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """A folder is read with all under it, a zip within a zip too; one deeper is said and not read."""
    inner = packed({"a.xml": siecle([pupil(101)])})
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "b.zip").write_bytes(
        packed({"c.zip": inner, "d.zip": packed({"e.zip": inner})})
    )
    found = list(contents_of([tmp_path / "in"]))
    assert [type(content).__name__ for content in found] == ["Content", "UnreadContent"]
    assert found[0].path == "in/sub/b.zip!c.zip!a.xml"


def test_a_zip_bomb_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member that unpacks far beyond what exports do is stopped on the way, whatever its header says."""
    monkeypatch.setattr(sources, "_SMALL", 1 << 20)
    path = tmp_path / "bomb.zip"
    path.write_bytes(packed({"a.xml": b"<a>" + b" " * (8 << 20)}))
    (found,) = contents_of([path])
    assert isinstance(found, UnreadContent)
    assert "piégée" in found.why


def test_an_archive_of_more_than_a_school_exports_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many members are refused as a whole."""
    monkeypatch.setattr(sources, "MAX_MEMBERS", 3)
    path = tmp_path / "many.zip"
    path.write_bytes(packed({f"{number}.csv": b"a;b" for number in range(5)}))
    (found,) = contents_of([path])
    assert isinstance(found, UnreadContent)


def test_a_cut_archive_is_said(tmp_path: Path) -> None:
    """A zip without its end cannot be opened: it is told, and nothing stops."""
    path = tmp_path / "cut.zip"
    path.write_bytes(packed({"a.csv": b"a;b\n1;2\n" * 50})[:60])
    (found,) = contents_of([path])
    assert isinstance(found, UnreadContent)


def test_one_content_is_read_once(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object]
) -> None:
    """The same bytes under two names count once, and the report names the first."""
    xml = siecle([pupil(101)])
    done = run({"a.xml": xml, "b.xml": xml})
    assert len(done.records.enrolments) == 1
    assert "a.xml" in done.report.files[1].refusal


def test_a_path_that_is_not_there_is_an_error() -> None:
    """A path that does not exist stops at once: nothing is imported without it."""
    with pytest.raises(UnreadableRecordsError):
        import_exports("nowhere.xml", key=KEY)


@pytest.mark.parametrize(
    "xml",
    [
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "x">]><BEE_ELEVES>&b;</BEE_ELEVES>',
        b'<!DOCTYPE a SYSTEM "file:///secret"><BEE_ELEVES/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "x">]><BEE_ELEVES/>'.encode("utf-16"),
    ],
)
def test_document_types_and_entities_are_refused(xml: bytes) -> None:
    """No DTD and no entity is ever read, in any encoding."""
    with pytest.raises(UnreadableExportError) as error:
        recognise(xml, "a.xml")
    assert "entités" in error.value.french


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9, 0.999])
def test_a_truncated_xml_gives_nothing(
    run: Callable[..., Imported], siecle: Callable[..., bytes], pupil: Callable[..., object], cut: float
) -> None:
    """A file that ends too early is refused whole, wherever it ends: no half list of pupils."""
    xml = siecle([pupil(number) for number in range(1, 200)])
    with pytest.raises(UnreadableExportError) as error:
        run({"a.xml": xml[: int(len(xml) * cut)]})
    assert "coupé ou mal formé" in error.value.french
    assert "FAMILLE" not in error.value.french + str(error.value)


def test_a_broken_tag_is_said_with_its_line() -> None:
    """Malformed XML is refused with the line, never with its text."""
    with pytest.raises(UnreadableExportError) as error:
        list(records_of(b"<a>\n<b>NAME</c>\n</a>", frozenset({"B"}), "x.xml"))
    assert "ligne 2" in error.value.french
    assert "NAME" not in str(error.value)


def test_a_head_is_read_past_prefixes_and_case() -> None:
    """The root is told by its local name in upper case; attributes too."""
    head = xml_head(b'<e:bee_eleves xmlns:e="urn:x" version="3.0"/>', "a.xml")
    assert (head.root, head.attributes["VERSION"]) == ("BEE_ELEVES", "3.0")


@pytest.mark.parametrize("content", [b"%PDF-1.7 x", b"\x89PNG\r\n", b"   ", b'{"a": [1, ', b"hello"])
def test_what_is_no_export_is_never_taken_for_one(content: bytes) -> None:
    """A PDF, an image, blanks, cut JSON and a word are refused, or recognised as nothing."""
    taken = None
    with contextlib.suppress(UnreadableExportError):
        taken = recognise(content, "a")
    assert taken is None


def test_contents_carry_their_checksum(tmp_path: Path) -> None:
    """Every content has the SHA-256 of its bytes."""
    (tmp_path / "a.csv").write_bytes(b"a;b\n")
    (found,) = contents_of([tmp_path / "a.csv"])
    assert isinstance(found, Content)
    assert found.sha256 == hashlib.sha256(b"a;b\n").hexdigest()
