"""SYGNE: the enrolments of an académie, as its service answers them (JSON, one object per schooling).

Fields as two public programs of the ministry read them; a pupil who disappears without ``dateFinSco`` is closed by the merge
with the next extract, one who comes back opens again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.cells import day_of
from decrochage_risk.importers.extract import Extract, Reader
from decrochage_risk.importers.json_files import parse_json
from decrochage_risk.importers.mef import normalise_mef
from decrochage_risk.importers.roster import RosterRow, add_rows, normal_ine

if TYPE_CHECKING:
    from decrochage_risk.importers.extract import Head, ImportOptions, SourceFile

__all__ = ["READERS"]


def read_sygne(source: SourceFile, options: ImportOptions) -> Extract:
    """Read a list of schoolings, or several lists one after the other."""
    answer = parse_json(source.content, source.path)
    records = _flat(answer)
    if records is None:
        raise UnreadableExportError(
            explain_error(
                f"{source.path} is no list of schoolings",
                expected="a JSON list of objects",
                hint="Give the answer as it came.",
            ),
            french="Ce n’est pas une liste de scolarités telle que SYGNE la donne.",
        )
    rows = [_row(line, record) for line, record in enumerate(records, start=1)]
    extract = Extract(source.kind, exported_on=options.extracted_on)
    extract.uai = _only({row.uai for row in rows})
    extract.school_year = _only({row.school_year for row in rows})
    add_rows(rows, options, extract)
    return extract


def _flat(document: object) -> list[dict[str, Any]] | None:
    if isinstance(document, dict):
        inside = [value for value in document.values() if isinstance(value, list)]
        return _flat(inside[0]) if len(inside) == 1 else [document] if "codeUai" in document else None
    if not isinstance(document, list):
        return None
    flat: list[dict[str, Any]] = []
    for value in document:
        if isinstance(value, list):
            flat.extend(one for one in value if isinstance(one, dict))
        elif isinstance(value, dict):
            flat.append(value)
    return flat


def _row(line: int, record: dict[str, Any]) -> RosterRow:
    text = {
        name: str(value).strip() for name, value in record.items() if value is not None and str(value).strip()
    }
    year = text.get("anneeScolaire", "")[:4]
    return RosterRow(
        line=line,
        uai=text.get("codeUai", "").upper() or None,
        school_year=int(year) if year.isdigit() else None,
        ine=normal_ine(text.get("ine")),
        family_name=text.get("nom") or text.get("nomFamille"),
        usage_name=text.get("nomUsage"),
        first_name=text.get("prenom"),
        birth_date=day_of(text.get("dateNaissance", "")),
        sex=text.get("codeSexe"),
        mef=normalise_mef(text.get("codeMef")),
        mefstat=text.get("niveau"),
        mef_label=text.get("libelleLongMef"),
        class_name=text.get("classe"),
        status=text.get("codeStatut"),
        regime=text.get("codeRegime"),
        regime_label=text.get("libelleRegime"),
        entry=day_of(text.get("dateDebSco", "")),
        leaving=day_of(text.get("dateFinSco", "")),
    )


def _only(values: set[Any]) -> Any:  # noqa: ANN401 - a school or a year
    """Give the only value, or None: an académie's answer has many schools."""
    return next(iter(values)) if len(values) == 1 else None


def _is_sygne(head: Head) -> bool:
    return head.form == "json" and {"ine", "codeUai", "anneeScolaire", "codeMef"} <= head.keys


READERS: tuple[Reader, ...] = (
    Reader(
        "sygne", "SYGNE, scolarités d’une académie (JSON)", _is_sygne, read_sygne, 1,
        gives="élèves, scolarités de tous les établissements",
    ),
)  # fmt: skip
