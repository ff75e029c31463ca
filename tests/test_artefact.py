"""Laws of sealed folders: what comes out is what went in, and not one byte may change on the way."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk import artefact
from decrochage_risk.artefact import canonical_json, manifest_sha256, seal, unseal
from decrochage_risk.errors import ArtefactError, TamperedArtefactError, UnknownFormatError
from decrochage_risk.risk import RiskModel

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = {"booster-0.txt": "tree\nnum_leaves=3\n", "card.md": "# Modèle\n", "empty.txt": ""}
TEXT = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=12)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """Give a sealed folder."""
    seal(tmp_path / "model", FILES, {"seed": 3, "auc": 0.1})
    return tmp_path / "model"


def assert_explains(message: str, *parts: str) -> None:
    """Hold a message against the one shape: what came, what was expected, what to do."""
    assert "Expected: " in message
    assert "Hint: " in message
    for part in parts:
        assert part in message


@settings(max_examples=12)
@given(
    files=st.dictionaries(st.from_regex(r"[a-z]{1,8}\.(txt|json)", fullmatch=True), TEXT, max_size=3),
    manifest=st.dictionaries(
        TEXT.filter(lambda key: key not in {"FORMAT", "files", "seal"}), VALUES, max_size=4
    ),
)
def test_round_trip(files: dict[str, str], manifest: dict[str, Any]) -> None:
    """Whatever is sealed is unsealed equal, and its checksum is that of the manifest on disk."""
    files.pop("manifest.json", None)
    with TemporaryDirectory() as home:
        sha256 = seal(Path(home, "model"), files, manifest)
        found = unseal(Path(home, "model"))
        assert sha256 == hashlib.sha256(Path(home, "model", "manifest.json").read_bytes()).hexdigest()
    assert found.files == files
    assert found.manifest == manifest
    assert (found.sha256, found.format) == (sha256, artefact.FORMAT)


def test_sealed_bytes_are_identical_twice(tmp_path: Path) -> None:
    """The same content in another order and another place gives the same bytes."""
    first = seal(tmp_path / "a", FILES, {"x": 1, "y": {"b": 2.5, "a": None}})
    second = seal(
        tmp_path / "b" / "deep", dict(reversed(FILES.items())), {"y": {"a": None, "b": 2.5}, "x": 1}
    )
    assert first == second == manifest_sha256(FILES, {"y": {"a": None, "b": 2.5}, "x": 1})
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "deep" / path.name).read_bytes()


def edit(folder: Path) -> None:
    text = (folder / "booster-0.txt").read_text()
    (folder / "booster-0.txt").write_text(text.replace("3", "4"))


def truncate(folder: Path) -> None:
    content = (folder / "booster-0.txt").read_bytes()
    (folder / "booster-0.txt").write_bytes(content[:-1])


def edit_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"seed": 3', '"seed": 4'))


def respace_manifest(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(document))


def reseal_with_path(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    document["files"]["../card.md"] = document["files"].pop("card.md")
    del document["seal"]
    document["seal"] = hashlib.sha256(canonical_json(document).encode()).hexdigest()
    (folder / "manifest.json").write_text(canonical_json(document))


def forge_sizes(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    document["files"]["card.md"] = {"bytes": "many", "sha256": [1]}
    document["deep"] = json.loads("[" * 400 + "]" * 400)
    (folder / "manifest.json").write_text(json.dumps(document))


def link_out(folder: Path) -> None:
    outside = folder.parent / "outside.md"
    shutil.move(folder / "card.md", outside)
    (folder / "card.md").symlink_to(outside)


def convert_line_ends(folder: Path) -> None:
    content = (folder / "booster-0.txt").read_bytes()
    (folder / "booster-0.txt").write_bytes(content.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (edit, "booster-0.txt was edited"),
        (truncate, "booster-0.txt is truncated (17 bytes instead of 18)"),
        (
            lambda folder: (folder / "booster-0.txt").write_bytes(b""),
            "booster-0.txt is truncated (0 bytes instead of 18)",
        ),
        (lambda folder: (folder / "card.md").unlink(), "card.md is missing"),
        (lambda folder: (folder / "notes.txt").write_text("x"), "notes.txt is extra"),
        (lambda folder: (folder / "sub").mkdir(), "sub is extra"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json (1 bytes) is no JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json has no FORMAT"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"FORMAT": 1}'),
            "its list of files has another shape",
        ),
        (edit_manifest, "manifest.json was edited"),
        (respace_manifest, "manifest.json was edited"),
        (reseal_with_path, "'../card.md' in manifest.json is no plain file name"),
        (forge_sizes, "card.md was edited (10 bytes instead of many)"),
        (link_out, "card.md is a link out of the folder"),
        (convert_line_ends, "booster-0.txt has other line ends"),
    ],
)
def test_tampering_is_refused(sealed: Path, tamper: Callable[[Path], object], said: str) -> None:
    """Any change to a sealed folder is refused, naming the file and what happened to it."""
    unseal(sealed)
    tamper(sealed)
    with pytest.raises(TamperedArtefactError) as caught:
        unseal(sealed)
    assert_explains(str(caught.value), said, "never edit")


@settings(max_examples=60)
@given(data=st.data())
def test_no_byte_can_change(data: st.DataObject) -> None:
    """Flipping any one bit of any file makes the folder unreadable."""
    with TemporaryDirectory() as home:
        folder = Path(home, "model")
        seal(folder, FILES, {"seed": 3})
        path = data.draw(st.sampled_from(sorted(path for path in folder.iterdir() if path.stat().st_size)))
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(bytes(content))
        with pytest.raises(ArtefactError):
            unseal(folder)


def test_all_faults_are_listed_at_once(sealed: Path) -> None:
    """One error names every file that is missing, extra, truncated or edited."""
    edit(sealed)
    (sealed / "card.md").unlink()
    (sealed / "notes.txt").write_text("x")
    with pytest.raises(TamperedArtefactError) as caught:
        unseal(sealed)
    assert_explains(str(caught.value), "booster-0.txt was edited", "card.md is missing", "notes.txt is extra")


def test_no_folder(tmp_path: Path) -> None:
    """A path without folder is an error of its own."""
    with pytest.raises(ArtefactError) as caught:
        unseal(tmp_path / "nothing")
    assert_explains(str(caught.value), "There is no folder")


def test_older_format_goes_through_kept_readers(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of an older format is audited, then brought to the current one by each reader in turn."""

    def first(manifest: dict[str, Any], files: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        return {**manifest, "steps": [1]}, files

    def second(manifest: dict[str, Any], files: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        return {**manifest, "steps": [*manifest["steps"], 2]}, {"model.txt": files["booster-0.txt"]}

    monkeypatch.setattr(artefact, "FORMAT", artefact.FORMAT + 2)
    monkeypatch.setattr(artefact, "READERS", {artefact.FORMAT - 2: first, artefact.FORMAT - 1: second})
    found = unseal(sealed)
    assert found.format == artefact.FORMAT - 2
    assert found.manifest == {"seed": 3, "auc": 0.1, "steps": [1, 2]}
    assert found.files == {"model.txt": FILES["booster-0.txt"]}
    edit(sealed)
    with pytest.raises(TamperedArtefactError):
        unseal(sealed)


@pytest.mark.parametrize("step", [-1, 1])
def test_format_without_reader(sealed: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """A newer format, or an older one whose reader is gone, is refused by its number."""
    monkeypatch.setattr(artefact, "FORMAT", artefact.FORMAT + step)
    monkeypatch.setattr(artefact, "READERS", {})
    with pytest.raises(UnknownFormatError) as caught:
        unseal(sealed)
    assert_explains(str(caught.value), f"is of format {artefact.FORMAT - step}", "Install the version")


def test_a_risk_model_of_format_1_gives_the_risks_that_it_gave() -> None:
    """A folder sealed before there were flags, and kept, is read to the last bit: a value not known is the group's median."""
    kept = unseal(Path(__file__).parent / "risk_model_of_format_1")
    model, entries = RiskModel.from_files(kept.files), kept.manifest
    rows = np.array(entries["rows"], dtype=np.float64)
    assert kept.format == 1
    assert model.knowledge.names == ()
    assert model.risk(rows, np.array(entries["groups"], dtype=object)).tolist() == entries["risks"]


def test_replacing(sealed: Path) -> None:
    """A sealed folder is replaced as a whole, and nothing is left beside it."""
    seal(sealed, {"other.txt": "x"}, {})
    assert unseal(sealed).files == {"other.txt": "x"}
    assert [path.name for path in sealed.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("beside_a_model", [True, False])
def test_other_folders_are_never_replaced(sealed: Path, tmp_path: Path, *, beside_a_model: bool) -> None:
    """A folder that holds anything else, even next to a sealed model, is refused and left as it is."""
    folder = sealed if beside_a_model else tmp_path / "mine"
    folder.mkdir(exist_ok=True)
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(ArtefactError) as caught:
        seal(folder, {}, {})
    assert_explains(str(caught.value), "thesis.txt", "Choose another folder")
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_a_failed_write_leaves_the_former_model(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails half way, the former folder is whole and nothing is left beside it."""
    before = unseal(sealed)
    write = Path.write_bytes

    def fail_on_card(path: Path, content: bytes) -> int:
        if path.name == "card.md":
            raise OSError("disk full")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail_on_card)
    with pytest.raises(OSError, match="disk full"):
        seal(sealed, FILES, {"seed": 4})
    assert unseal(sealed) == before
    assert [path.name for path in sealed.parent.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "name", ["../up.txt", "a/b.txt", "a\\b.txt", "..", ".hidden", "", "manifest.json", "é.txt"]
)
def test_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    """A file name that is not plain is refused before anything is written."""
    with pytest.raises(ArtefactError) as caught:
        seal(tmp_path / "model", {name: "x"}, {})
    assert_explains(str(caught.value), repr(name), "Rename")
    assert not (tmp_path / "model").exists()


def test_bad_content_is_listed_at_once(tmp_path: Path) -> None:
    """Reserved entries, carriage returns, half characters and names that differ by case come in one error."""
    with pytest.raises(ArtefactError) as caught:
        seal(tmp_path / "model", {"a.txt": "\r", "A.txt": "", "b.txt": "\ud800"}, {"FORMAT": 7})
    said = ("its own 'FORMAT'", "carriage returns", "'A.txt' differs", "'b.txt' cannot be written")
    assert_explains(str(caught.value), *said)


def test_canonical_json_refuses_what_json_has_not() -> None:
    """NaN, infinities, keys that are no text and foreign objects are refused with their places, all at once."""
    with pytest.raises(ArtefactError) as caught:
        canonical_json({"a": [1.0, float("nan")], "b": float("-inf"), "c": {1: 2}, "d": {3, 4}})  # type: ignore[dict-item]  # what is refused
    said = ("value['a'][1] is nan", "value['b'] is -inf", "the key 1", "value['d'] is a set", "as None")
    assert_explains(str(caught.value), *said)


@settings(max_examples=50)
@given(VALUES)
def test_canonical_json_is_exact(value: Any) -> None:
    """Canonical JSON parses to the same value, and writing that again gives the same text."""
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text
    assert text.endswith("\n")


def test_a_failed_rename_brings_the_former_model_back(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new folder cannot take its place, the former one is put back."""
    before = unseal(sealed)
    rename = Path.rename

    def fail_on_new(path: Path, target: Path) -> Path:
        if ".new-" in path.name:
            raise PermissionError("in use")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_on_new)
    with pytest.raises(PermissionError, match="in use"):
        seal(sealed, FILES, {"seed": 4})
    assert unseal(sealed) == before
    assert [path.name for path in sealed.parent.iterdir()] == ["model"]
