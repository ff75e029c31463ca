"""``journal``: what a journal holds, the purge of what is too old, the erasure of a pupil."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated

import typer

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.output import say, shown_id

__all__ = ["journal"]

JournalPath = Annotated[
    Path, typer.Argument(metavar="FICHIER", show_default=False, help="Journal écrit par « score --journal ».")
]
PurgeBefore = Annotated[
    str | None,
    typer.Option(
        "--purge-before",
        metavar="AAAA-MM-JJ",
        show_default=False,
        help="Retirer les lignes d'avant ce jour (temps universel).",
    ),
]
Erase = Annotated[
    list[str] | None,
    typer.Option(
        "--erase", metavar="ID", show_default=False, help="Retirer l'identifiant d'un élève ; à répéter."
    ),
]


def journal(file: JournalPath, *, purge_before: PurgeBefore = None, erase: Erase = None) -> None:
    """Lire un journal, en purger les lignes anciennes, en effacer un élève.

    Lit : le journal. Sans option : affiche une ligne par passage (heure, date d'observation, modèle, effectifs).

    Écrit : avec --purge-before ou --erase, le journal entier d'un seul coup, avec une ligne qui compte ce qui est
    parti. Un système à haut risque garde ses journaux six mois au moins (règlement (UE) 2024/1689, art. 26(6), à partir du 2 décembre 2027).
    """
    from decrochage_risk.journal import no_journal  # noqa: PLC0415 - numpy and pandas load on first use
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - same

    log = dr.Journal(file)
    # A journal that is not there reads as empty: a typing error in the path would pass for one.
    if not file.is_file():
        raise no_journal(file)
    now = datetime.now(tz=UTC)
    if purge_before is not None:
        # UTC, as the entries are.
        first_kept = datetime.combine(to_date(purge_before), time(), tzinfo=UTC)
        purged_count = log.purge(before=first_kept, at=now)
        say(f"{french.plural(purged_count, 'ligne retirée', 'lignes retirées')}, d'avant le {purge_before}.")
    for pupil in erase or ():
        erased_count = log.erase(pupil, at=now)
        say(f"{shown_id(pupil)} : effacé de {french.plural(erased_count, 'ligne')}.")
    if purge_before is None and not erase:
        for entry in log.entries():
            say(_line(entry))


_FRENCH_KINDS = {"purge": "purge", "erasure": "effacement"}


def _line(entry: dict[str, object]) -> str:
    counts = entry.get("counts")
    if not isinstance(counts, dict):
        kind, count = str(entry["kind"]), entry.get("entries")
        lines = french.plural(count, "ligne") if isinstance(count, int) else ""
        return f"{entry['at']}  {_FRENCH_KINDS.get(kind, kind)}  {lines}".rstrip()
    model = entry.get("model")
    name = model["id"] if isinstance(model, dict) else ""
    situations = french.plural(counts["flagged"], "situation")
    return f"{entry['at']}  passage {entry['run_id']}  au {entry['as_of']}  {name}  {counts['scored']} scores, {situations}"
