"""Pseudonyms of pupils and classes: keyed, the same from year to year, useless without the key.

A pseudonym is an HMAC-SHA-256 of the id under a secret key that only the producer of the extracts holds. Never a
bare hash: the national pupil number has 11 known characters, so anybody can hash every possible number and read the
pupils back from the table (NIST FIPS 198-1 for HMAC; CNIL and article 4(5) of the GDPR for what a pseudonym is).

Pseudonymised is not anonymous: birth dates, schools and events stay, and the data remain personal data.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd

from decrochage_risk.errors import RecordsError, RecordsWarning, explain_error

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MIN_KEY_BYTES", "Kind", "Pseudonymiser", "generate_key_file", "normalise_ids"]

Kind = Literal["pupil", "class"]

MIN_KEY_BYTES = 32
"""Shortest key, in bytes: the output size of SHA-256, below which RFC 2104 (section 3) discourages a key."""

PSEUDONYM_BYTES = 18
"""Bytes kept of the HMAC: 144 bits, written as 24 url-safe characters without padding."""

PREFIXES: Mapping[Kind, str] = {"pupil": "p_", "class": "c_"}


class Pseudonymiser:
    """Replaces ids by pseudonyms under one key.

    Parameters
    ----------
    key : bytes
        At least 32 bytes, random (:func:`generate_key_file`). It is shown by no representation of this object.

    Raises
    ------
    RecordsError
        A key that is too short, or whose bytes are all the same.

    Examples
    --------
    >>> by_key = Pseudonymiser(bytes(range(32)))
    >>> by_key.pseudonym(pd.Series(["0123456789A", " 0123456789A ", None])).tolist()
    ['p_6H5jcIgqVu5-XcqdGLLGxAp5', 'p_6H5jcIgqVu5-XcqdGLLGxAp5', nan]
    """

    __slots__ = ("__key",)

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES or len(set(key)) == 1:
            came = f"A key of {len(key)} bytes" + (", all the same" if len(set(key)) == 1 else "")
            raise RecordsError(
                explain_error(
                    came,
                    expected=f"at least {MIN_KEY_BYTES} random bytes",
                    hint="Make one with generate_key_file(path), keep it apart from the data, and never change it.",
                )
            )
        self.__key = bytes(key)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Take the bytes of a file as the key, one line end at its end left out.

        A file that others may read is used, with a warning: secrets mounted into a container often are, and the
        key is no less right.

        Raises
        ------
        RecordsError
            No such file, or a key that cannot be used.

        Warns
        -----
        RecordsWarning
            When the group or others may read the file.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RecordsError(
                explain_error(
                    f"The key file {path} cannot be read: {error.strerror}",
                    expected="a file that holds the key",
                    hint="Make one with generate_key_file(path), once, and keep it.",
                )
            ) from error
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            warnings.warn(
                explain_error(
                    f"The key file {path} can be read by others (mode {stat.S_IMODE(path.stat().st_mode):o})",
                    expected="mode 600",
                    hint=f"chmod 600 {path}",
                ),
                RecordsWarning,
                stacklevel=2,
            )
        return cls(content.removesuffix(b"\n").removesuffix(b"\r"))

    def __repr__(self) -> str:
        return f"<Pseudonymiser: key {self.fingerprint}>"

    @property
    def fingerprint(self) -> str:
        """Eight characters that tell two keys apart and give nothing away: compare them from year to year."""
        return hmac.digest(self.__key, b"fingerprint", "sha256").hex()[:8]

    def pseudonym(self, ids: pd.Series, kind: Kind = "pupil") -> pd.Series:
        r"""Replace ids by pseudonyms; a missing id stays missing.

        Parameters
        ----------
        ids : pandas.Series
            Text or integers. They are normalised first (:func:`normalise_ids`).
        kind : {"pupil", "class"}, default "pupil"
            Enters the HMAC: a class and a pupil of the same id get unrelated pseudonyms.

        Returns
        -------
        pandas.Series
            Of ``str``, same index and name: a prefix and 24 characters (144 bits).

        Raises
        ------
        RecordsError
            Ids that are neither text nor whole numbers; two ids with one pseudonym (never seen: about
            10\ :sup:`-31` for a million ids).
        """
        try:
            row_codes, spellings = pd.factorize(ids)
        except TypeError as error:
            raise RecordsError(_no_ids("lists or other objects")) from error
        codes, distinct = pd.factorize(normalise_ids(pd.Series(spellings)))
        # A keyed hash has no vectorised form: one call per distinct id, not per row.
        found = [self._one(text, kind) for text in distinct]
        if len(set(found)) < len(found):
            raise RecordsError(
                explain_error(
                    f"Two of {len(found)} ids have the same pseudonym",
                    expected="one pseudonym per id",
                    hint="Use another key for this extract and the earlier ones.",
                )
            )
        pool = pd.array([*found, None], dtype="str")
        return pd.Series(pool.take(np.append(codes, -1)[row_codes]), index=ids.index, name=ids.name)

    def _one(self, text: str, kind: Kind) -> str:
        """Hash one normalised id."""
        digest = hmac.digest(self.__key, f"{kind}\0{text}".encode(), "sha256")
        return PREFIXES[kind] + base64.urlsafe_b64encode(digest[:PSEUDONYM_BYTES]).decode()


def normalise_ids(ids: pd.Series) -> pd.Series:
    r"""Give ids the one spelling that is hashed: Unicode NFC, blanks at both ends removed, case kept.

    Whole numbers become their digits; an empty text is missing.

    Parameters
    ----------
    ids : pandas.Series
        Text, categories, or whole numbers (as floats too, when some are missing).

    Returns
    -------
    pandas.Series
        Of ``str``, same index.

    Raises
    ------
    RecordsError
        Values that are neither text nor whole numbers, with examples of their types only: ids are not shown.

    Examples
    --------
    >>> normalise_ids(pd.Series([7.0, None])).tolist(), normalise_ids(pd.Series([" e\u0301 "])).tolist()
    (['7', nan], ['é'])
    """
    if isinstance(ids.dtype, pd.CategoricalDtype):
        ids = ids.astype(ids.dtype.categories.dtype)
    if pd.api.types.is_float_dtype(ids.dtype):
        whole = ids.dropna()
        if not (whole == whole.round()).all() or whole.abs().max() >= 2**53:
            raise RecordsError(_no_ids("numbers with decimals, or too large to be exact"))
        ids = ids.astype("Int64")
    if ids.dtype == object:
        strange = {kind.__name__ for kind in set(map(type, ids.dropna())) if not issubclass(kind, str)}
        if strange:
            raise RecordsError(_no_ids(f"values of type {', '.join(sorted(strange))}"))
    elif not (pd.api.types.is_string_dtype(ids.dtype) or pd.api.types.is_integer_dtype(ids.dtype)):
        raise RecordsError(_no_ids(f"values of type {ids.dtype}"))
    text = ids.astype("string").astype("str").str.normalize("NFC").str.strip()
    return text.mask(text == "")


def _no_ids(what: str) -> str:
    """Compose the message for a column that holds no ids."""
    return explain_error(
        f"A column of ids holds {what}",
        expected="text, or whole numbers",
        hint="Export the ids as text: a spreadsheet turns them into numbers and eats leading zeros.",
    )


def generate_key_file(path: str | Path) -> Path:
    """Write a new random key (256 bits, as 64 hexadecimal characters), readable by its owner only.

    Raises
    ------
    RecordsError
        When there is a file already: a key that is lost cannot be made again, so none is ever overwritten.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = generate_key_file(Path(folder, "pupils.key"))
    ...     len(path.read_text().strip())
    64
    """
    path = Path(path)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise RecordsError(
            explain_error(
                f"{path} is there already",
                expected="a new file",
                hint="Use the key that is there; with another one the pupils of earlier extracts cannot be found again.",
            )
        ) from error
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"{path} cannot be written: {error.strerror}", expected="a new file", hint="Check the folder."
            )
        ) from error
    with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
        file.write(secrets.token_hex(MIN_KEY_BYTES) + "\n")
    return path
