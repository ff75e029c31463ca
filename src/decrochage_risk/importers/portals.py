"""Answers of the portals of families (PRONOTE, ÉcoleDirecte): one pupil at a time, without the pupil in them; refused.

They are no exports of a school: they name nobody, and a school has lists of the whole school. They are recognised so that
who gives one learns what to ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.extract import Head, Reader

if TYPE_CHECKING:
    from decrochage_risk.importers.extract import Extract, ImportOptions, SourceFile

__all__ = ["READERS"]

_KEYS = (
    ("pronote_portal", "PRONOTE, réponse de l’espace des familles (JSON)", ("listeDevoirs", "listeAbsences")),
    (
        "ecoledirecte_portal",
        "ÉcoleDirecte, réponse de l’espace des familles (JSON)",
        ("absencesRetards", "ensembleMatieres"),
    ),
)


def _refuse(source: SourceFile, options: ImportOptions) -> Extract:
    del options
    raise UnreadableExportError(
        explain_error(
            f"{source.path} is the answer of a portal of families: one pupil, without any identity",
            expected="a list of the whole school",
            hint="Ask the school for its dated list of absences, and its averages by class.",
        ),
        french="Réponse de l’espace des familles : un seul élève, dont rien ne dit qui il est. Demandez à l’établissement la liste "
        "datée des absences et les moyennes par classe.",
    )


def _reader(kind: str, label: str, keys: tuple[str, ...]) -> Reader:
    def recognises(head: Head) -> bool:
        return head.form == "json" and any(key in head.keys for key in keys)

    return Reader(kind, label, recognises, _refuse, basis="code")


READERS: tuple[Reader, ...] = tuple(_reader(*facts) for facts in _KEYS)
"""Both portals."""
