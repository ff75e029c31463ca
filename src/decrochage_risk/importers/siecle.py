"""The XML pack of SIECLE: pupils, nomenclature, structures and the calendar of a school.

Source: the ministry's specification of the XML exports (SFD Exportations XML 17.4, 25/09/2017). The names of the elements
that wrap periods and closures in Communs.xml are nowhere published: the leaves are looked for wherever they stand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from decrochage_risk import french
from decrochage_risk.errors import UnreadableExportError, explain_error
from decrochage_risk.importers.cells import day_of, fold
from decrochage_risk.importers.declarations import declared_names
from decrochage_risk.importers.extract import Extract, Reader, SchoolFacts, Subject
from decrochage_risk.importers.nomenclatures import normalise_mef
from decrochage_risk.importers.roster import (
    Attended,
    RosterRow,
    add_rows,
    choose_ine,
    school_of_file,
    tell_two_divisions,
)
from decrochage_risk.importers.sources import elements_with, local_name, records_of, xml_head

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from lxml import etree

    from decrochage_risk.importers.extract import Head, ImportOptions, SourceFile

__all__ = ["READERS"]

_PARAMETERS = frozenset({"PARAMETRES"})
_MOJIBAKE = re.compile("[ÃÂ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u017d\u017e\u20ac]")
_DIVISION = "D"


def _texts(record: etree._Element) -> dict[str, str]:
    """Give the text of the children of a record by local name; empty ones left out, the last of two wins."""
    return {
        local_name(child.tag): text
        for child in record
        if (text := (child.text or "").strip()) and len(child) == 0
    }


def _attribute(record: etree._Element, name: str) -> str | None:
    return next(
        (str(value).strip() or None for key, value in record.attrib.items() if local_name(key) == name), None
    )


def _begin(source: SourceFile, options: ImportOptions, parameters: dict[str, str]) -> Extract:
    """Start an extract with what the file says of itself."""
    extract = Extract(source.kind)
    extract.uai = school_of_file(parameters.get("UAJ"), options, extract)
    year = parameters.get("ANNEE_SCOLAIRE", "")
    extract.school_year = int(year) if re.fullmatch(r"20\d\d", year) else options.school_year
    extract.exported_on = (
        day_of(parameters.get("HORODATAGE", "") or parameters.get("DATE_EXPORT", "")) or options.extracted_on
    )
    if xml_head(source.content, source.path).saved_again:
        extract.warn(
            "saved_again",
            "Le fichier déclare un codage latin mais il est en UTF-8 : il a été ouvert et enregistré à la main. Il est lu "
            "en UTF-8 ; exportez-le de nouveau si des noms manquent.",
        )
    return extract


def _records(source: SourceFile, names: set[str]) -> Iterator[tuple[str, etree._Element]]:
    return records_of(source.content, frozenset(names) | _PARAMETERS, source.path)


def _parameters(source: SourceFile) -> dict[str, str]:
    """Read PARAMETRES, wherever it stands."""
    for _, record in records_of(source.content, _PARAMETERS, source.path):
        return _texts(record)
    return {}


# Pupils


def read_pupils(source: SourceFile, options: ImportOptions) -> Extract:
    """Read ElevesSansAdresses.xml or ElevesAvecAdresses.xml; addresses, scholarships and families are passed over."""
    pupils: list[tuple[int, dict[str, str], dict[str, str], str | None, str | None]] = []
    structures: dict[str, list[tuple[str, str]]] = {}
    twice: list[str] = []
    parameters: dict[str, str] = {}
    for tag, record in _records(source, {"ELEVE", "STRUCTURES_ELEVE"}):
        if tag == "PARAMETRES":
            parameters = _texts(record)
        elif tag == "ELEVE":
            last = next(
                (_texts(child) for child in record if local_name(child.tag) == "SCOLARITE_AN_DERNIER"), {}
            )
            fields = {name: text for name, text in _texts(record).items() if name in _WANTED}
            identity = _attribute(record, "ELEVE_ID"), _attribute(record, "ELENOET")
            pupils.append((len(pupils) + 1, fields, last, *identity))
        else:
            of = _attribute(record, "ELEVE_ID") or _attribute(record, "ELENOET") or ""
            if of in structures:
                twice.append(of)
            structures.setdefault(of, []).extend(_structures(record))
    extract = _begin(source, options, parameters)
    classes = _classes(pupils, structures, set(twice), extract)
    rows = [
        _pupil(line, texts, last, eleve_id, elenoet, classes[line], extract)
        for line, texts, last, eleve_id, elenoet in pupils
    ]
    add_rows(rows, options, extract)
    _tell_oddities(pupils, rows, extract)
    return extract


_WANTED = frozenset(
    {
        "ID_NATIONAL", "INE_RNIE", "INE_BEA", "ELENOET", "ID_ELEVE_ETAB", "NOM", "NOM_DE_FAMILLE", "NOM_USAGE", "PRENOM",
        "DATE_NAISS", "CODE_SEXE", "DOUBLEMENT", "DATE_ENTREE", "DATE_SORTIE", "CODE_MOTIF_SORTIE", "CODE_REGIME",
        "CODE_STATUT", "CODE_MEF",
    }
)  # fmt: skip
"""All that is ever taken from a pupil's record."""


def _structures(record: etree._Element) -> list[tuple[str, str]]:
    """Give code and type of each structure of a pupil."""
    pairs = []
    for child in record:
        texts = _texts(child)
        if "CODE_STRUCTURE" in texts:
            pairs.append((texts["CODE_STRUCTURE"], texts.get("TYPE_STRUCTURE", _DIVISION).upper()))
    return pairs


def _classes(
    pupils: list[tuple[int, dict[str, str], dict[str, str], str | None, str | None]],
    structures: dict[str, list[tuple[str, str]]],
    twice: set[str],
    extract: Extract,
) -> dict[int, list[str]]:
    """Give the divisions of each pupil, in the order of their names; two of them, or two blocks, are told."""
    classes: dict[int, list[str]] = {}
    odd = []
    for line, _, _, eleve_id, elenoet in pupils:
        key = eleve_id if eleve_id in structures else (elenoet or "")
        classes[line] = sorted({code for code, kind in structures.get(key or "", []) if kind == _DIVISION})
        if len(classes[line]) > 1 or key in twice:
            odd.append(line)
    if odd:
        tell_two_divisions(extract, odd)
    return classes


def _pupil(
    line: int,
    texts: dict[str, str],
    last: dict[str, str],
    eleve_id: str | None,
    elenoet: str | None,
    divisions: list[str],
    extract: Extract,
) -> RosterRow:
    ine, other = choose_ine(texts.get("INE_RNIE"), texts.get("ID_NATIONAL"), texts.get("INE_BEA"))
    return RosterRow(
        line=line,
        uai=extract.uai,
        school_year=extract.school_year,
        ine=ine,
        other_ine=other,
        elenoet=_elenoet(texts, elenoet),
        eleve_id=eleve_id,
        family_name=texts.get("NOM_DE_FAMILLE") or texts.get("NOM"),
        usage_name=texts.get("NOM_USAGE"),
        first_name=texts.get("PRENOM"),
        birth_date=day_of(texts.get("DATE_NAISS", "")),
        sex=texts.get("CODE_SEXE"),
        mef=normalise_mef(texts.get("CODE_MEF")),
        class_name=next(iter(divisions), None),
        other_classes=tuple(divisions[1:]),
        status=texts.get("CODE_STATUT"),
        regime=texts.get("CODE_REGIME"),
        motive=texts.get("CODE_MOTIF_SORTIE"),
        entry=day_of(texts.get("DATE_ENTREE", "")),
        leaving=day_of(texts.get("DATE_SORTIE", "")),
        repeats={"0": False, "1": True}.get(texts.get("DOUBLEMENT", "")),
        before=Attended(last.get("CODE_MEF"), None, last.get("CODE_STRUCTURE"), last.get("CODE_RNE"))
        if last
        else None,
    )


def _elenoet(texts: dict[str, str], attribute: str | None) -> str | None:
    """Give the number of a pupil in the school: the tag's, unless ID_ELEVE_ETAB says that the attribute is right."""
    tag = texts.get("ELENOET")
    if tag is None or attribute is None or tag == attribute:
        return tag or attribute
    return attribute if texts.get("ID_ELEVE_ETAB", "")[:5].lstrip("0") == attribute.lstrip("0") else tag


def _tell_oddities(
    pupils: list[tuple[int, dict[str, str], dict[str, str], str | None, str | None]],
    rows: list[RosterRow],
    extract: Extract,
) -> None:
    odd = tuple(
        line for line, texts, _, _, elenoet in pupils if elenoet and texts.get("ELENOET", elenoet) != elenoet
    )
    if odd:
        extract.warn(
            "two_elenoet",
            "Deux numéros d’élève différents dans la même fiche (attribut et balise) : celui de ID_ELEVE_ETAB.",
            odd,
        )
    mojibake = tuple(
        row.line for row in rows if _MOJIBAKE.search(f"{row.family_name}{row.usage_name}{row.first_name}")
    )
    if mojibake:
        extract.warn(
            "mojibake",
            "Des noms contiennent « Ã » suivi d’un signe : le fichier a été enregistré deux fois dans deux codages. Ces "
            "élèves ne se rattacheront pas par le nom ; exportez-le de nouveau.",
            mojibake,
        )


# Facts of the school


def read_nomenclature(source: SourceFile, options: ImportOptions) -> Extract:
    """Read Nomenclature.xml: MEF, subjects, regimes, motives of departure."""
    mefstat: dict[str, str] = {}
    labels: dict[str, str] = {}
    parents: dict[str, str] = {}
    regimes: dict[str, str] = {}
    motives: dict[str, str] = {}
    subjects: list[Subject] = []
    parameters: dict[str, str] = {}
    rows = 0
    for tag, record in _records(source, {"MEF", "MATIERE", "REGIME", "MOTIF_SORTIE"}):
        texts = _texts(record)
        rows += tag != "PARAMETRES"
        if tag == "PARAMETRES":
            parameters = texts
        elif tag == "MEF":
            code = normalise_mef(_attribute(record, "CODE_MEF") or texts.get("CODE_MEF"))
            if code is not None:
                _keep(mefstat, code, texts.get("CODE_MEFSTAT"))
                _keep(labels, code, texts.get("LIBELLE_LONG") or texts.get("LIBELLE_EDITION"))
                _keep(parents, code, normalise_mef(texts.get("MEF_RATTACHEMENT")))
        elif tag == "MATIERE":
            subjects.append(_subject(record, texts))
        elif tag == "REGIME":
            _keep(regimes, _attribute(record, "CODE_REGIME"), _labels(texts))
        else:
            code = _attribute(record, "CODE_MOTIF_SORTIE") or _attribute(record, "CODE_MOTIF")
            _keep(motives, code, _labels(texts))
    extract = _begin(source, options, parameters)
    extract.rows_read = rows
    extract.facts = SchoolFacts(
        uai=extract.uai,
        school_year=extract.school_year,
        mefstat=mefstat,
        mef_labels=labels,
        mef_parents=parents,
        regimes=regimes,
        exit_motives=motives,
        subjects=tuple(subjects),
    )
    return extract


def _keep(table: dict[str, str], code: str | None, text: str | None) -> None:
    if code and text:
        table[code] = text


def _labels(texts: dict[str, str]) -> str | None:
    """Join the labels of a code, the short one first: it is what rules on labels begin with."""
    return (
        " ".join(dict.fromkeys(filter(None, (texts.get("LIBELLE_COURT"), texts.get("LIBELLE_LONG"))))) or None
    )


def _subject(record: etree._Element, texts: dict[str, str]) -> Subject:
    return Subject(
        code=_attribute(record, "CODE_MATIERE") or texts.get("CODE_MATIERE"),
        short_code=texts.get("CODE_GESTION"),
        label=texts.get("LIBELLE_LONG") or texts.get("LIBELLE_EDITION") or texts.get("LIBELLE_COURT"),
        national_code=texts.get("CODE_MATIERE_NATIONALE"),
    )


def read_structures(source: SourceFile, options: ImportOptions) -> Extract:
    """Read Structures.xml: the MEF codes of each division."""
    mefs: dict[str, tuple[str, ...]] = {}
    for tag, record in records_of(source.content, frozenset({"DIVISION"}), source.path):
        name = _attribute(record, "CODE_STRUCTURE") or _texts(record).get("CODE_STRUCTURE")
        codes = [(leaf.text or "").strip() for leaf in record.iter() if local_name(leaf.tag) == "CODE_MEF"]
        if name and tag == "DIVISION":
            mefs[name] = tuple(dict.fromkeys(filter(None, map(normalise_mef, codes))))
    extract = _begin(source, options, _parameters(source))
    extract.rows_read = len(mefs)
    extract.facts = SchoolFacts(uai=extract.uai, school_year=extract.school_year, class_mefs=mefs)
    return extract


def read_common(source: SourceFile, options: ImportOptions) -> Extract:
    """Read Communs.xml: terms and closures. Their wrappers were never seen: any element with these leaves is one.

    Leaves of another name are declared in a column map: ``[names.siecle_communs]``, ``"DEBUT" = "DATE_DEBUT"``.
    """
    periods: list[dict[str, Any]] = []
    closures: list[dict[str, Any]] = []
    bad: list[int] = []
    rows = 0
    # A school whose file names the leaf of the first day otherwise says so: without that leaf no wrapper would be seen.
    names = declared_names(options.column_maps, source.kind)
    leaf = next((name for name, reader_name in names.items() if reader_name == "DATE_DEBUT"), "DATE_DEBUT")
    for element in elements_with(source.content, leaf, source.path):
        record = {names.get(name, name): text for name, text in _texts(element).items()}
        rows += 1
        start, end = day_of(record.get("DATE_DEBUT", "")), day_of(record.get("DATE_FIN", ""))
        if start is None or (end is not None and end < start):
            bad.append(rows)
        elif any(name in record for name in ("LL_FERMETURE", "LC_MOTIF", "LL_MOTIF")):
            label = record.get("LL_FERMETURE") or record.get("LL_MOTIF")
            closures.append({"start": start, "end": end or start, "label": label})
        elif "CODE_PERIODE" in record or "LL_PERIODE" in record:
            periods.append(_period(record, start, end))
    extract = _begin(source, options, _parameters(source))
    extract.rows_read = rows
    for line in bad:
        extract.leave_out("bad_date", line)
    extract.warn(
        "assumed_wrappers",
        f"Communs.xml n’a jamais été vu en vrai : {french.plural(len(periods), 'période')} et "
        f"{french.plural(len(closures), 'fermeture')} y sont prises par le nom de leurs balises. Vérifiez-les dans le calendrier "
        "écrit.",
    )
    extract.facts = SchoolFacts(
        uai=extract.uai,
        school_year=extract.school_year,
        periods=pd.DataFrame(periods, columns=["code", "label", "index", "type", "start", "end"]),
        closures=pd.DataFrame(closures, columns=["start", "end", "label"]),
    )
    return extract


def _period(record: dict[str, str], start: date, end: date | None) -> dict[str, Any]:
    index = record.get("INDICE", "")
    return {
        "code": record.get("CODE_PERIODE"),
        "label": record.get("LL_PERIODE"),
        "index": int(index) if index.isdigit() else None,
        "type": record.get("CODE_TYPE_PERIODE"),
        "start": start,
        "end": end,
    }


# What is recognised and not read


def _never(french: str, hint: str) -> Any:  # noqa: ANN401 - a reader
    def refuse(source: SourceFile, options: ImportOptions) -> Extract:
        del options
        raise UnreadableExportError(
            explain_error(
                f"{source.path} is not an export that is read", expected="ElevesSansAdresses.xml", hint=hint
            ),
            french=french,
        )

    return refuse


def _root(*names: str) -> Any:  # noqa: ANN401 - a recogniser
    roots = frozenset(names)

    def recognises(head: Head) -> bool:
        return head.form == "xml" and fold(head.root).replace(" ", "_") in roots

    return recognises


_FAMILIES = "Ce fichier ne contient que des adresses, des responsables ou des établissements : rien n’en est pris, et il n’est pas utile."

READERS: tuple[Reader, ...] = (
    Reader(
        "siecle_nomenclature", "SIECLE, Nomenclature (XML)",
        _root("BEE_NOMENCLATURES", "BEE_EPHC_NOMENCLATURES", "BEE_NOMENCLATURE"), read_nomenclature, 0,
        gives="niveau de chaque MEF, matières, régimes, motifs de sortie", basis="fixtures",
    ),
    Reader(
        "siecle_structures", "SIECLE, Structures (XML)", _root("BEE_STRUCTURES", "BEE_EPHC_STRUCTURES"), read_structures, 0,
        gives="MEF de chaque division", basis="specification",
    ),
    Reader(
        "siecle_communs", "SIECLE, Communs (XML)", _root("BEE_COMMUN", "BEE_COMMUNS", "BEE_EPHC_COMMUN"), read_common, 0,
        gives="périodes et fermetures (calendrier)", basis="assumed",
    ),
    Reader(
        "siecle_eleves", "SIECLE, Élèves avec ou sans adresses (XML)", _root("BEE_ELEVES", "BEE_EPHC_ELEVES"), read_pupils, 1,
        gives="élèves, scolarités de l’année et de l’année d’avant, sorties", basis="fixtures",
    ),
    Reader(
        "siecle_responsables", "SIECLE, responsables, adresses ou établissements (XML)",
        _root("BEE_RESPONSABLES", "BEE_EPHC_RESPONSABLES", "BEE_GEOGRAPHIQUE", "BEE_ETABLISSEMENTS", "BEE_ETABLISSEMENTS_ELEVES"),
        _never(_FAMILIES, "Leave it out: families and addresses are never read."), 2, basis="specification",
    ),
    Reader(
        "siecle_import", "SIECLE, fichier de retour vers SIECLE (IMPORT_ELEVES)",
        _root("IMPORT_ELEVES"),
        _never(
            "Ce fichier est celui qu’un logiciel renvoie à SIECLE, pas un export : demandez ElevesSansAdresses.xml "
            "(SIECLE, Exportations, En XML).",
            "Ask for ElevesSansAdresses.xml: this is the way back into SIECLE.",
        ), 2, basis="specification",
    ),
)  # fmt: skip
