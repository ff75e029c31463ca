"""What the package says in English to programs, errors and warnings and notes of reading, in French to who reads a command.

The templates are in ``messages_fr.toml``. A report of faults and an export of a school bring their own French.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from decrochage_risk.errors import UnreadableExportError

if TYPE_CHECKING:
    from decrochage_risk.french.translations import Catalogue

__all__ = ["message_in_french", "text_in_french"]


@cache
def _catalogue() -> Catalogue:
    from decrochage_risk.french.translations import Catalogue  # noqa: PLC0415 - only where something is said

    with as_file(files("decrochage_risk.cli") / "messages_fr.toml") as path:
        return Catalogue.from_toml(path)


def text_in_french(text: str) -> str:
    """Say a message or note of the package in French; a sentence without a template stays as it is.

    Examples
    --------
    >>> text_in_french("grades.csv holds no line.")
    'grades.csv ne contient aucune ligne.'
    """
    return _catalogue().translate(text)


def message_in_french(message: BaseException | str) -> str:
    """Say an error or a warning in French.

    Examples
    --------
    >>> from decrochage_risk.errors import RecordsError, explain_error
    >>> text = explain_error("x is a file", expected="a folder of tables", hint="Check the path.")
    >>> print(message_in_french(RecordsError(text)))
    x est un fichier.
    Attendu : un dossier de tables.
    Conseil : Vérifier le chemin.
    """
    if isinstance(message, UnreadableExportError):
        return message.french
    report = getattr(message, "report", None)
    if report is not None and hasattr(report, "text"):
        text: str = report.text("fr")
        return text
    return text_in_french(str(message))
