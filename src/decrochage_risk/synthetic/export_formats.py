"""What each software writes of one school and year: SIECLE, GEPI, PRONOTE, LSU, Affelnet.

Names are syllables drawn from the pupil's number, national numbers end with ZZ: nobody can take them for anybody.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

from decrochage_risk.csv_files import text_as_exported
from decrochage_risk.records.levels import USUAL_LEVELS
from decrochage_risk.school_year import SchoolCalendar, year_end, year_start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PATHWAY", "WRITERS", "ExportedSchool", "ine_of"]


_SYLLABLES = (
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "ji",
    "ko",
    "lu",
    "me",
    "ni",
    "po",
    "ru",
    "sa",
    "te",
    "vi",
    "wo",
    "xu",
    "ya",
    "ze",
)

_MEF = {level.name: f"9{at:03d}000011{at % 10}" for at, level in enumerate(USUAL_LEVELS)}
_STAT = {level.name: f"{level.mefstat4[0] if level.mefstat4 else '2116'}0000001" for level in USUAL_LEVELS}
_MEF_LABEL = {
    level.name: "3EME PREPA METIERS" if level.name == "3e_pm" else level.label.upper()
    for level in USUAL_LEVELS
}
PATHWAY = {level.name: level.pathway for level in USUAL_LEVELS}

_SUBJECT = {
    "french": ("020700", "FRANCAIS"),
    "maths": ("061300", "MATHEMATIQUES"),
    "modern_language_1": ("030201", "ANGLAIS LV1"),
    "modern_language_2": ("030602", "ESPAGNOL LV2"),
    "modern_language_3": ("030803", "ITALIEN LV3"),
    "ancient_languages": ("020300", "LATIN"),
    "history_geography": ("043700", "HISTOIRE-GEOGRAPHIE"),
    "civics": ("043800", "ENSEIGNEMENT MORAL ET CIVIQUE"),
    "economics": ("050000", "SCIENCES ECONOMIQUES ET SOCIALES"),
    "philosophy": ("010200", "PHILOSOPHIE"),
    "sciences": ("060000", "ENSEIGNEMENT SCIENTIFIQUE"),
    "life_sciences": ("062900", "SCIENCES VIE ET TERRE"),
    "physics_chemistry": ("062300", "PHYSIQUE-CHIMIE"),
    "technology": ("070800", "TECHNOLOGIE"),
    "computing": ("074600", "SCIENCES NUMERIQUES ET INFORMATIQUE"),
    "arts": ("090100", "ARTS PLASTIQUES"),
    "music": ("081300", "EDUCATION MUSICALE"),
    "pe": ("100100", "EPS"),
    "health_environment": ("312800", "PREVENTION SANTE ENVIRONNEMENT"),
    "professional": ("245600", "ENSEIGNEMENT PROFESSIONNEL"),
    "other": ("000800", "FORMATION GENERALE"),
}  # fmt: skip
"""National code and label of a subject that stands for each of ours."""

_GEPI_TYPE = {
    "absence": ("Absence scolaire - ", "oui"),
    "lateness": ("Retard extérieur - ", "oui"),
    "exclusion": ("Exclusion de l'établissement - ", "non"),
    "placement": ("Stage - ", "non"),
}
_PRONOTE_MOTIVE = {"absence": "", "exclusion": "EXCLUSION TEMPORAIRE", "placement": "STAGE"}
_HALVES = (("08:00", "11:30"), ("14:00", "17:00"))
_LATE_MINUTES = 15
_MARK_WORDS = {"absent": "abs", "not_handed_in": "NR", "exempt": "disp"}
_WISH = {"2de_gt": "2DEGT", "2de_pro": "2NDPRO", "cap1": "1CAP2"}


def ine_of(pupil_ids: pd.Series) -> pd.Series:
    """Give the national number that the exports write for each pupil: nine digits and ZZ.

    Examples
    --------
    >>> ine_of(pd.Series(["P000012"])).tolist()
    ['000000012ZZ']
    """
    digits = pupil_ids.astype("str").str.replace(r"\D", "", regex=True)
    # The shape of an RNIE number, with letters that no real one was seen to have.
    numbers: pd.Series = digits.str[-9:].str.zfill(9) + "ZZ"
    return numbers


@dataclass(frozen=True)
class ExportedSchool:
    """One school and year: who is in it, and all that is known of them there."""

    uai: str
    school_year: int
    exported_on: date
    tables: Mapping[str, pd.DataFrame]
    pupils: pd.DataFrame
    calendar: SchoolCalendar

    @classmethod
    def of(
        cls,
        uai: str,
        school_year: int,
        tables: Mapping[str, pd.DataFrame],
        day: date,
        calendar: SchoolCalendar,
    ) -> ExportedSchool:
        """Gather the pupils of one school and year, with who they are and where they were the year before."""
        stays = tables["enrolments"]
        own = stays[(stays["school_id"] == uai) & (stays["school_year"] == school_year)]
        last = own.sort_values("start_date", kind="stable").drop_duplicates("pupil_id", keep="last")
        before = (
            stays[stays["school_year"] == school_year - 1]
            .sort_values("start_date", kind="stable")
            .drop_duplicates("pupil_id", keep="last")[["pupil_id", "level", "school_id", "class_id"]]
        )
        pupils = last.merge(tables["pupils"], on="pupil_id").merge(
            before, on="pupil_id", how="left", suffixes=("", "_before")
        )
        pupils = pupils.sort_values("pupil_id", kind="stable").reset_index(drop=True)
        number = ine_of(pupils["pupil_id"]).str[:9].astype("int64")
        # Over all years, as a school keeps the number that a pupil once got.
        ever = sorted(set(stays.loc[stays["school_id"] == uai, "pupil_id"]))
        place = {pupil: at for at, pupil in enumerate(ever, start=101)}
        pupils = pupils.assign(
            ine=ine_of(pupils["pupil_id"]),
            elenoet=pupils["pupil_id"].map(place),
            eleve_id=9_000_000 + number,
            family=[_syllables(value, 4).upper() for value in number],
            first=[_syllables(value // 7 + 3, 3).capitalize() for value in number],
            division=pd.array([_division(class_id) for class_id in pupils["class_id"]], dtype="str"),
        )
        return cls(uai, school_year, day, tables, pupils, calendar)

    def rows(self, name: str) -> pd.DataFrame:
        """Rows of one table on days of the year when the pupil was in this school, with who they are."""
        if name not in self.tables:
            return pd.DataFrame(columns=["pupil_id", "date", "event", "kind", "family", "first", "division"])
        rows = self.tables[name]
        first, last = pd.Timestamp(year_start(self.school_year)), pd.Timestamp(year_end(self.school_year))
        rows = rows[(rows["date"] >= first) & (rows["date"] <= last)]
        stays = self.pupils[
            ["pupil_id", "start_date", "end_date", "family", "first", "division", "ine", "eleve_id"]
        ]
        own = rows.merge(stays, on="pupil_id")
        inside = (own["date"] >= own["start_date"]) & ~(own["date"] > own["end_date"])
        if name != "absences":
            # A mark or a wish outside every stay is the school's of that year all the same, when the pupil
            # had one only.
            years = self.tables["enrolments"]
            stays_of = years[years["school_year"] == self.school_year].groupby("pupil_id").size()
            inside |= own["pupil_id"].map(stays_of) == 1
        return own[inside].sort_values(["date", "pupil_id"], kind="stable").reset_index(drop=True)

    def periods(self) -> list[tuple[int, date]]:
        """Give the number and last day of each term: the days of its averages, else the usual ones."""
        grades = self.tables.get("grades")
        ends: list[date] = []
        if grades is not None:
            own = grades[grades["kind"] == "term_average"]["date"]
            first, last = pd.Timestamp(year_start(self.school_year)), pd.Timestamp(year_end(self.school_year))
            ends = sorted({day.date() for day in own[(own >= first) & (own <= last)]})
        return list(enumerate(ends, start=1))


def _syllables(number: int, count: int) -> str:
    """Write a number in syllables: another one for every number below 20 to the count."""
    parts = []
    for _ in range(count):
        number, digit = divmod(number, len(_SYLLABLES))
        parts.append(_SYLLABLES[digit])
    return "".join(reversed(parts))


def _division(class_id: object) -> str | None:
    return None if pd.isna(class_id) else str(class_id).upper().replace("_", " ")  # type: ignore[call-overload]


def _day(day: object) -> str:
    return f"{pd.Timestamp(day):%d/%m/%Y}"  # type: ignore[arg-type]


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _flag(value: object, yes: str, no: str) -> str:
    return "" if value is pd.NA or value is None else yes if value else no


def _number(value: float, point: str = ",") -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", point)


# SIECLE


def _siecle(one: ExportedSchool, place: Path, declarations: list[str]) -> dict[Path, int]:
    """Pupils at the export, and three weeks after the beginning of the year: who left since has no division any more."""
    del declarations
    files: dict[Path, int] = {}
    begins = pd.Timestamp(year_start(one.school_year)) + pd.Timedelta(weeks=3)
    for name, day in (("rentree_ExportXML", begins), ("ExportXML", pd.Timestamp(one.exported_on))):
        if name.startswith("rentree") and day >= pd.Timestamp(one.exported_on):
            continue
        pupils = one.pupils[one.pupils["start_date"] <= day]
        path = place / f"{name}_ElevesSansAdresses.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            # A fixed time in place of a clock: the same cohort gives the same bytes.
            info = zipfile.ZipInfo("ElevesSansAdresses.xml", (one.school_year, 9, 1, 0, 0, 0))
            archive.writestr(info, _eleves(one, pupils, day).encode("iso-8859-15"), zipfile.ZIP_DEFLATED)
        files[path] = len(pupils)
    for name, text, rows in (
        ("Nomenclature.xml", _nomenclature(one), len(USUAL_LEVELS) + len(_SUBJECT)),
        ("Communs.xml", _communs(one), len(one.periods())),
    ):
        (place / name).write_bytes(text.encode("iso-8859-15"))
        files[place / name] = rows
    return files


def _parameters(one: ExportedSchool, day: object) -> str:
    return (
        f"<PARAMETRES><UAJ>{one.uai}</UAJ><ANNEE_SCOLAIRE>{one.school_year}</ANNEE_SCOLAIRE>"
        f"<DATE_EXPORT>{_day(day)}</DATE_EXPORT><HORODATAGE>{_day(day)} 18:00:00</HORODATAGE></PARAMETRES>"
    )


def _tags(**tags: object) -> str:
    return "".join(
        f"<{name}>{escape(str(text))}</{name}>"
        for name, text in tags.items()
        if text is not None and not (isinstance(text, float) and np.isnan(text))
    )


def _eleves(one: ExportedSchool, pupils: pd.DataFrame, day: pd.Timestamp) -> str:
    records, structures = [], []
    for row in _records(pupils):
        has_left = pd.notna(row["end_date"]) and row["end_date"] <= day
        before = (
            f"<SCOLARITE_AN_DERNIER>{_tags(CODE_MEF=_MEF[row['level_before']], CODE_STRUCTURE=_division(row['class_id_before']), CODE_RNE=row['school_id_before'])}"
            "</SCOLARITE_AN_DERNIER>"
            if pd.notna(row["level_before"])
            else ""
        )
        fields = _tags(
            ID_NATIONAL=row["ine"],
            INE_RNIE=row["ine"],
            ELENOET=row["elenoet"],
            NOM_DE_FAMILLE=row["family"],
            PRENOM=row["first"],
            DATE_NAISS=None if pd.isna(row["birth_date"]) else _day(row["birth_date"]),
            DOUBLEMENT=int(row["level_before"] == row["level"]),
            DATE_ENTREE=_day(row["start_date"]),
            DATE_SORTIE=_day(row["end_date"]) if has_left else None,
            CODE_MOTIF_SORTIE="99" if has_left else None,
            CODE_REGIME=None if pd.isna(row.get("boarder")) else "3" if row["boarder"] else "0",
            CODE_SEXE=None if pd.isna(row["sex"]) else {"M": 1, "F": 2}[row["sex"]],
            CODE_STATUT="ST",
            CODE_MEF=_MEF[row["level"]],
        )
        number = f'ELEVE_ID="{row["eleve_id"]}"'
        records.append(f'<ELEVE {number} ELENOET="{row["elenoet"]}">{fields}{before}</ELEVE>')
        if not has_left and row["division"] is not None:
            structure = _tags(CODE_STRUCTURE=row["division"], TYPE_STRUCTURE="D")
            structures.append(
                f"<STRUCTURES_ELEVE {number}><STRUCTURE>{structure}</STRUCTURE></STRUCTURES_ELEVE>"
            )
    return (
        f'<?xml version="1.0" encoding="ISO-8859-15"?>\n<BEE_ELEVES VERSION="3.0">{_parameters(one, day)}<DONNEES><ELEVES>\n'
        + "\n".join(records)
        + "\n</ELEVES><STRUCTURES>\n"
        + "\n".join(structures)
        + "\n</STRUCTURES></DONNEES></BEE_ELEVES>\n"
    )


def _nomenclature(one: ExportedSchool) -> str:
    mefs = "\n".join(
        f'<MEF CODE_MEF="{code}">{_tags(LIBELLE_LONG=_MEF_LABEL[name], CODE_MEFSTAT=_STAT[name])}</MEF>'
        for name, code in _MEF.items()
    )
    subjects = "\n".join(
        f'<MATIERE CODE_MATIERE="{code}">{_tags(LIBELLE_LONG=label)}</MATIERE>'
        for code, label in _SUBJECT.values()
    )
    return (
        f'<?xml version="1.0" encoding="ISO-8859-15"?>\n<BEE_NOMENCLATURES VERSION="3.1">{_parameters(one, one.exported_on)}<DONNEES><MEFS>\n'
        f"{mefs}\n</MEFS><MATIERES>\n{subjects}\n</MATIERES></DONNEES></BEE_NOMENCLATURES>\n"
    )


def _communs(one: ExportedSchool) -> str:
    start, periods = year_start(one.school_year), []
    for index, end in one.periods():
        fields = _tags(
            CODE_PERIODE=f"T{index}", DATE_DEBUT=_day(start), DATE_FIN=_day(end), LL_PERIODE=f"Trimestre {index}", INDICE=index,
            CODE_TYPE_PERIODE="T",
        )  # fmt: skip
        periods.append(f"<PERIODE>{fields}</PERIODE>")
        start = date.fromordinal(end.toordinal() + 1)
    return (
        f'<?xml version="1.0" encoding="ISO-8859-15"?>\n<BEE_COMMUN VERSION="2.0">{_parameters(one, one.exported_on)}<DONNEES><PERIODES>\n'
        + "\n".join(periods)
        + "\n</PERIODES></DONNEES></BEE_COMMUN>\n"
    )


# Absences


def _events(one: ExportedSchool) -> pd.DataFrame:
    """Give the beginning and the end of each absence: another half of the day for each half-day of one pupil on one day."""
    rows = one.rows("absences")
    late = rows["kind"] == "lateness"
    half_days = rows["half_days"].where(~late, 0)
    before = half_days.groupby([rows["pupil_id"], rows["date"]]).cumsum() - half_days
    nth_late = rows[late].groupby(["pupil_id", "date"]).cumcount()
    starts, ends = [], []
    for at, (count, first) in enumerate(zip(half_days, before, strict=True)):
        if count == 0:
            minute = 8 * 60 + 5 + 55 * int(nth_late.get(at, 0))
            starts.append(f"{minute // 60:02d}:{minute % 60:02d}")
            minute += _LATE_MINUTES
            ends.append(f"{minute // 60:02d}:{minute % 60:02d}")
        else:
            starts.append(_HALVES[min(int(first), 1)][0])
            ends.append(_HALVES[min(int(first + count) - 1, 1)][1])
    return rows.assign(begins=starts, ends=ends)


def _gepi(one: ExportedSchool, place: Path, declarations: list[str]) -> dict[Path, int]:
    files: dict[Path, int] = {}
    events = _events(one) if "absences" in one.tables else None
    if events is not None:
        header = "Nom,Prenom,Classe,Debut absence,Fin absence, Type, Manquement a l'obligation de presence, "
        lines = [
            f"Extraction des saisies d'absence Etablissement {one.uai} {one.school_year}/{one.school_year + 1}",
            f"Extraction faite le {_day(one.exported_on)} - 18:00",
            f"{header}Sous responsabilite etablissement, Motif valable",
        ]
        for row in _records(events):
            name, duty = _GEPI_TYPE[row["kind"]]
            day, valid = _day(row["date"]), _flag(row["justified"], "oui", "non")
            lines.append(
                f"{row['family']},{row['first']},{row['division']},{day} - {row['begins']},{day} - {row['ends']},"
                f"{name},{duty},non,{valid}"
            )
        path = place / f"extrait_saisies_{one.exported_on:%d_%m_%Y}_18_00.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        files[path] = len(events)
    if "grades" in one.tables:
        grades = one.rows("grades")
        files |= _gepi_reports(one, grades[grades["kind"] == "term_average"], place)
        files |= _gepi_books(grades[grades["kind"] == "assessment"], place, declarations)
    return files


def _gepi_reports(one: ExportedSchool, averages: pd.DataFrame, place: Path) -> dict[Path, int]:
    number = {end: index for index, end in one.periods()}
    counter = {pupil: at for at, pupil in enumerate(one.pupils["pupil_id"], start=1)}
    header = [
        "ID_ELEVE", "NOM", "PRENOM", "NOM_DE_CLASSE", "NOM_COURT_DE_MATIERE", "NOM_LONG_DE_MATIERE", "NUMERO_DE_PERIODE",
        "NOM_DE_PERIODE", "NOTE_BULLETIN",
    ]  # fmt: skip
    rows = []
    for row in _records(averages):
        code, label = _SUBJECT[row["subject"]]
        index = number[row["date"].date()]
        mark = _MARK_WORDS.get(row["status"]) or _number(row["value"] * 20 / row["out_of"], ".")
        rows.append(
            [
                counter[row["pupil_id"]],
                row["family"],
                row["first"],
                row["division"],
                code,
                label,
                index,
                f"Trimestre {index}",
                mark,
            ]
        )
    path = place / "export_donnees_bulletins.csv"
    path.write_bytes(text_as_exported([header, *rows], all_quoted=True, end="\r\n").encode())
    return {path: len(rows)}


def _gepi_books(marks: pd.DataFrame, place: Path, declarations: list[str]) -> dict[Path, int]:
    """Write one mark book per class and subject; its subject is declared, for the file does not say it."""
    files: dict[Path, int] = {}
    for (division, subject), rows in marks.groupby(["division", "subject"], observed=True):
        keys = ["date", "out_of", "coefficient"]
        nth = rows.groupby(["pupil_id", *keys]).cumcount()
        rows = rows.assign(nth=nth, cell=[_gepi_mark(row) for row in _records(rows)])  # noqa: PLW2901
        column_keys = list(zip(*(rows[name] for name in [*keys, "nth"]), strict=True))
        columns = sorted(set(column_keys))
        grid: dict[tuple[str, str], dict[Any, str]] = {}
        for who, key, cell in zip(
            zip(rows["family"], rows["first"], strict=True), column_keys, rows["cell"], strict=True
        ):
            grid.setdefault(who, {})[key] = cell
        lines = [
            ["GEPI_INFOS", "GEPI_LOGIN_ELEVE", "NOM", "PRENOM", "CLASSE", "MOYENNE", "GEPI_COL_1ER_DEVOIR"],
            [
                "GEPI_DEV_NOM_COURT",
                "",
                "",
                "",
                "",
                "Nom court du devoir:",
                *(f"D{at}" for at in range(len(columns))),
            ],
            ["GEPI_DEV_COEF", "", "", "", "", "Coefficient:", *(_number(key[2]) for key in columns)],
            ["GEPI_DEV_NOTE_SUR", "", "", "", "", "Notation sur:", *(_number(key[1]) for key in columns)],
            ["GEPI_DEV_DATE", "", "", "", "", "Date:", *(_day(key[0]) for key in columns)],
            ["INFOS", "Login", "Nom", "Prénom", "Classe", "Moyennes:", *("" for _ in columns)],
        ]
        for (family, first), cells in sorted(grid.items()):
            login = f"{family.lower()}_{first[:1].lower()}"
            mark_cells = [cells.get(key, "") for key in columns]
            lines.append(["GEPI_LOGIN_ELEVE", login, family, first, str(division), "", *mark_cells])
        path = place / f"cahier {division} {subject}.csv"
        path.write_bytes(text_as_exported(lines).encode("cp1252"))
        declarations += ["", f'[files."*{place.name}/{path.name}"]', f'subject = "{subject}"']
        files[path] = len(rows)
    return files


def _gepi_mark(row: Mapping[str, Any]) -> str:
    return _MARK_WORDS.get(row["status"]) or _number(row["value"])


# PRONOTE


def _pronote(one: ExportedSchool, place: Path, declarations: list[str]) -> dict[Path, int]:
    """Write the dated list of absences, and one table of averages per class and term; lateness is another list there."""
    del declarations
    files: dict[Path, int] = {}
    if "absences" in one.tables:
        events = _events(one)
        events = events[events["kind"] != "lateness"]
        rows: list[list[object]] = [["Nom", "Prénom", "Classe", "Du", "Au", "DJ", "Justifiée", "Motif"]]
        for row in _records(events):
            moments = [f"{_day(row['date'])} {row[name].replace(':', 'h')}" for name in ("begins", "ends")]
            flag, motive = _flag(row["justified"], "Oui", "Injustifiée"), _PRONOTE_MOTIVE[row["kind"]]
            rows.append(
                [row["family"], row["first"], row["division"], *moments, row["half_days"], flag, motive]
            )
        path = place / "absences.csv"
        path.write_bytes(b"\xef\xbb\xbf" + text_as_exported(rows, end="\r\n").encode())
        files[path] = len(events)
    grades = one.rows("grades")
    averages = grades[grades["kind"] == "term_average"]
    for index, end in one.periods():
        for division, of in averages[averages["date"] == pd.Timestamp(end)].groupby("division"):
            path = place / f"moyennes {division} T{index}.csv"
            path.write_text(_pronote_grid(of, index, str(division)), encoding="utf-8", newline="\n")
            files[path] = len(of)
    return files


def _pronote_grid(averages: pd.DataFrame, index: int, division: str) -> str:
    subjects = sorted(set(averages["subject"].astype("str")))
    cells = {
        (row["pupil_id"], row["subject"]): _MARK_WORDS.get(row["status"])
        or _number(row["value"] * 20 / row["out_of"])
        for row in _records(averages)
    }
    who = averages.drop_duplicates("pupil_id").sort_values(["family", "first"])
    rows: list[list[object]] = [
        [f"Moyennes du Trimestre {index}"],
        [division, "", *(_SUBJECT[subject][1] for subject in subjects)],
        ["Nom", "Classe", *("Moy." for _ in subjects)],
    ]
    rows += [
        [
            f"{row.family} {row.first}",
            row.division,
            *(cells.get((row.pupil_id, subject), "") for subject in subjects),
        ]
        for row in who.itertuples()
    ]
    return text_as_exported([*rows, ["Moyenne de la classe", "", *("" for _ in subjects)]])


# LSU


def _lsu(one: ExportedSchool, place: Path, declarations: list[str]) -> dict[Path, int]:
    """Write the periodic reports of the pupils of collège; a lycée has none."""
    del declarations
    college = one.pupils[[PATHWAY[level] in {"college", "segpa"} for level in one.pupils["level"]]]
    grades = one.rows("grades")
    averages = grades[(grades["kind"] == "term_average") & grades["pupil_id"].isin(college["pupil_id"])]
    if averages.empty:
        return {}
    path = place / "bilans_lsu.xml"
    path.write_text(_lsu_text(one, college, averages), encoding="utf-8", newline="\n")
    return {path: len(averages)}


def _lsu_text(one: ExportedSchool, college: pd.DataFrame, averages: pd.DataFrame) -> str:
    """Compose the whole export: who, which terms and subjects, then one report per pupil and term."""
    pupils = "\n".join(
        f'<eleve id="EL_{row.eleve_id}" id-be="{row.eleve_id}" nom={quoteattr(str(row.family))} prenom={quoteattr(str(row.first))} '
        f"code-division={quoteattr(str(row.division))} />"
        for row in college.itertuples()
    )
    terms = "".join(
        f'<periode id="P_{index}" millesime="{one.school_year}" indice="{index}" nb-periodes="3" />'
        for index, _ in one.periods()
    )
    subjects = "".join(
        f'<discipline id="DI_{code}" code="{code}" modalite-election="S" libelle={quoteattr(label)} />'
        for code, label in _SUBJECT.values()
    )
    reports = _lsu_reports(one, averages)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<lsun-bilans xmlns="urn:fr:edu:scolarite:lsun:bilans:import" schemaVersion="2.0">'
        f"<entete><editeur>SYNTHETIQUE</editeur><application>SYNTHETIQUE</application><etablissement>{one.uai}</etablissement></entete>"
        '<donnees><responsables-etab><responsable-etab id="RESP_1" libelle="SYNTHETIQUE" /></responsables-etab>'
        f"<eleves>\n{pupils}\n</eleves><periodes>{terms}</periodes><disciplines>{subjects}</disciplines>"
        '<enseignants><enseignant id="ENS_1" type="local" id-sts="1" /></enseignants><bilans-periodiques>\n'
        + "\n".join(reports)
        + "\n</bilans-periodiques></donnees></lsun-bilans>\n"
    )


def _lsu_reports(one: ExportedSchool, averages: pd.DataFrame) -> list[str]:
    """Compose the report of each pupil and term: the average of each subject, and what was missed."""
    periods = one.periods()
    number = {end: index for index, end in periods}
    totals = _lsu_totals(one, periods)
    reports = []
    for (eleve_id, end), rows in averages.groupby(["eleve_id", "date"]):
        marks = "".join(_lsu_mark(row) for row in _records(rows))
        index = number[pd.Timestamp(str(end)).date()]
        late, justified, unjustified = totals.get((int(str(eleve_id)), index), (0, 0, 0))
        reports.append(
            f'<bilan-periodique eleve-ref="EL_{eleve_id}" periode-ref="P_{index}" date-conseil-classe="{end:%Y-%m-%d}" '
            f'date-scolarite="{year_start(one.school_year)}" date-verrou="{one.exported_on}" responsable-etab-ref="RESP_1">'
            f"<liste-acquis>{marks}</liste-acquis><acquis-conseils>-</acquis-conseils>"
            f'<vie-scolaire nb-retards="{late}" nb-abs-justifiees="{justified}" nb-abs-injustifiees="{unjustified}" />'
            "</bilan-periodique>"
        )
    return reports


def _lsu_totals(
    one: ExportedSchool, periods: list[tuple[int, date]]
) -> dict[tuple[int, int], tuple[int, int, int]]:
    """Count, by pupil and term, the late arrivals and the half-days of absence, justified or not: a report must hold them."""
    if "absences" not in one.tables or not periods:
        return {}
    rows = one.rows("absences")
    days = rows["date"].to_numpy(dtype="datetime64[D]")
    term = np.searchsorted(np.array([end for _, end in periods], dtype="datetime64[D]"), days) + 1
    missed = rows["half_days"].where(rows["kind"] == "absence", 0)
    has_reason = rows["justified"].astype("boolean").fillna(value=False)
    counts = pd.DataFrame(
        {
            "eleve_id": rows["eleve_id"],
            "term": term,
            "late": (rows["kind"] == "lateness").astype("int64"),
            "justified": missed.where(has_reason, 0),
            "unjustified": missed.where(~has_reason, 0),
        }
    )
    sums = counts.groupby(["eleve_id", "term"]).sum().astype("int64")
    return {
        (int(key[0]), int(key[1])): tuple(row)
        for key, row in zip(sums.index, sums.to_numpy().tolist(), strict=True)
    }


def _lsu_mark(row: Mapping[str, Any]) -> str:
    average = (
        f'moyenne-eleve="{_number(row["value"] * 20 / row["out_of"], ".")}/20"'
        if row["status"] == "graded"
        else 'eleve-non-note="1"'
    )
    return f'<acquis discipline-ref="DI_{_SUBJECT[row["subject"]][0]}" enseignant-refs="ENS_1" {average} />'


# Affelnet


def _affelnet(one: ExportedSchool, place: Path, declarations: list[str]) -> dict[Path, int]:
    del declarations
    wishes = one.rows("orientation")
    wishes = wishes[wishes["event"] == "wish"]
    if wishes.empty:
        return {}
    header = [
        "INE", "Nom de l'élève", "Prénom 1", "Code UAI étab. origine", "Rang du vœu", "Code offre de formation (vœu)",
        "Mnémonique MEF de l'offre de formation", "Libellé formation",
    ]  # fmt: skip
    rows = [
        [
            row["ine"], row["family"], row["first"], one.uai, "-" if pd.isna(row["rank"]) else int(row["rank"]), "-",
            _WISH.get(row["target"], "-"), "-" if pd.isna(row["target"]) else row["target"],
        ]
        for row in _records(wishes)
    ]  # fmt: skip
    path = place / "voeux.csv"
    path.write_bytes(text_as_exported([header, *rows], all_quoted=True, end="\r\n").encode())
    return {path: len(rows)}


WRITERS = {"siecle": _siecle, "gepi": _gepi, "pronote": _pronote, "lsu": _lsu, "affelnet": _affelnet}
