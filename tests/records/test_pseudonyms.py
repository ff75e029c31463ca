"""Laws of pseudonyms: the same id, the same pseudonym; another key, nothing in common."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import RecordsError, RecordsWarning
from decrochage_risk.records.pseudonyms import Pseudonymiser, generate_key_file

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
IDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12), max_size=8
)


def assert_explains(message: str, *parts: str) -> None:
    """Hold a message against the one shape: what came, what was expected, what to do."""
    assert "Expected: " in message
    assert "Hint: " in message
    for part in parts:
        assert part in message


@pytest.mark.whole
@settings(max_examples=60)
@given(ids=IDS)
def test_equal_ids_and_only_they_share_a_pseudonym(ids: list[str]) -> None:
    """Within a table and from one to the other, pseudonyms are equal exactly when the normalised ids are."""
    by_key = Pseudonymiser(KEY)
    series = pd.Series([*ids, *ids[::-1]], dtype="str")
    found = by_key.pseudonym(series)
    alone = [by_key.pseudonym(pd.Series([one], dtype="str")).iloc[0] for one in series]
    assert found.tolist() == alone
    assert found.nunique() == series.str.normalize("NFC").nunique()
    assert found.str.fullmatch(r"p_[A-Za-z0-9_-]{24}").all()


def test_it_is_the_keyed_hash_of_the_standard() -> None:
    """The pseudonym is the HMAC-SHA-256 (RFC 2104, computed here by hand) of kind and id, cut to 144 bits."""
    padded = KEY.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + b"pupil\x00\xc3\xa91").digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()
    assert outer == hmac.digest(KEY, "pupil\0é1".encode(), "sha256")
    expected = "p_" + base64.urlsafe_b64encode(outer[:18]).decode()
    assert Pseudonymiser(KEY).pseudonym(pd.Series(["é1"])).tolist() == [expected]


def test_spellings_of_one_id() -> None:
    """Blanks at the ends and the two ways to write an accent make no difference; case does."""
    found = Pseudonymiser(KEY).pseudonym(pd.Series(["é1", " e\u03011\u00a0", "É1"]))
    assert found.nunique() == 2
    assert found[0] == found[1]


def test_missing_index_name_and_kinds_of_column() -> None:
    """Missing and blank ids stay missing, index and name are kept, numbers and categories equal their text."""
    by_key = Pseudonymiser(KEY)
    found = by_key.pseudonym(pd.Series(["7", None, " ", "8"], index=[4, 3, 2, 1], name="pupil_id"))
    assert found.isna().tolist() == [False, True, True, False]
    assert (found.index.tolist(), found.name, str(found.dtype)) == ([4, 3, 2, 1], "pupil_id", "str")
    for same in ([7, 8], [7.0, 8.0], pd.Categorical(["7", "8"]), pd.array([7, 8], dtype="Int64")):
        assert by_key.pseudonym(pd.Series(same)).tolist() == found.dropna().tolist()
    assert by_key.pseudonym(pd.Series([], dtype="str")).tolist() == []


def test_another_key_or_kind_shares_nothing() -> None:
    """Another key gives other pseudonyms, and a class those of no pupil."""
    ids = pd.Series(["1", "2"])
    pupils, classes = Pseudonymiser(KEY).pseudonym(ids), Pseudonymiser(KEY).pseudonym(ids, "class")
    others = Pseudonymiser(OTHER).pseudonym(ids)
    assert len({text[2:] for text in [*pupils, *classes, *others]}) == 6
    assert Pseudonymiser(KEY).fingerprint != Pseudonymiser(OTHER).fingerprint


def test_the_key_is_never_shown() -> None:
    """Neither the key nor its hexadecimal form is in the representation."""
    shown = repr(Pseudonymiser(KEY))
    assert KEY.hex() not in shown
    assert repr(KEY) not in shown


def test_a_collision_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ids that would share a pseudonym are refused."""
    monkeypatch.setattr(Pseudonymiser, "_one", lambda *_: "p_same")
    with pytest.raises(RecordsError) as caught:
        Pseudonymiser(KEY).pseudonym(pd.Series(["a", "b"]))
    assert_explains(str(caught.value), "the same pseudonym", "another key")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.5], "decimals"),
        ([1e300], "too large"),
        ([True], "bool"),
        (["a", 3], "type int"),
        ([[1]], "lists"),
    ],
)
def test_what_is_no_id(values: list[object], said: str) -> None:
    """A column of anything but text or whole numbers is refused, without showing its values."""
    with pytest.raises(RecordsError) as caught:
        Pseudonymiser(KEY).pseudonym(pd.Series(values))
    assert_explains(str(caught.value), said, "as text")


@pytest.mark.parametrize(
    ("key", "said"), [(b"", "0 bytes"), (b"k" * 31, "31 bytes"), (b"k" * 64, "all the same")]
)
def test_weak_keys(key: bytes, said: str) -> None:
    """A key that is empty, short or one byte repeated is refused."""
    with pytest.raises(RecordsError) as caught:
        Pseudonymiser(key)
    assert_explains(str(caught.value), said, "at least 32 random bytes", "generate_key_file")


def test_key_file(tmp_path: Path) -> None:
    """A new key file is for its owner only, unlike any other, never overwritten, and used without its line end."""
    path = generate_key_file(tmp_path / "pupils.key")
    assert path.read_bytes() != generate_key_file(tmp_path / "other.key").read_bytes()
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    by_file = Pseudonymiser.from_file(path)
    assert by_file.fingerprint == Pseudonymiser(path.read_bytes()[:-1]).fingerprint
    before = path.read_bytes()
    with pytest.raises(RecordsError) as caught:
        generate_key_file(path)
    assert_explains(str(caught.value), "is there already", "Use the key that is there")
    assert path.read_bytes() == before


def test_key_files_that_cannot_be_used(tmp_path: Path) -> None:
    """No file, a folder that is not there, and a file whose key is too short without its line end are refused."""
    with pytest.raises(RecordsError) as caught:
        Pseudonymiser.from_file(tmp_path / "none.key")
    assert_explains(str(caught.value), "none.key cannot be read", "generate_key_file")
    with pytest.raises(RecordsError) as caught:
        generate_key_file(tmp_path / "deep" / "none.key")
    assert_explains(str(caught.value), "cannot be written", "Check the folder")
    path = tmp_path / "short.key"
    path.touch(0o600)
    path.write_bytes(KEY[:31] + b"\r\n")
    with pytest.raises(RecordsError, match="31 bytes"):
        Pseudonymiser.from_file(path)


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_key_file_that_others_may_read(tmp_path: Path) -> None:
    """A key file that others may read is used with a warning that says how to close it."""
    path = generate_key_file(tmp_path / "open.key")
    path.chmod(0o644)
    with pytest.warns(RecordsWarning, match="chmod 600") as caught:
        Pseudonymiser.from_file(path)
    assert_explains(str(caught[0].message), "mode 644")
