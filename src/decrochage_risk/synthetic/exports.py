"""A synthetic school as its software would export it: SIECLE, GEPI, PRONOTE, LSU, Affelnet.

One folder per school and school year, as of one day: what was entered or justified later is not in it, as in a real export.
Names are syllables drawn from the pupil's number, national numbers end with ZZ: nobody can take them for anybody. What no file says
of itself (school, year, day, subject of a mark book) is declared in ``declarations.toml``, which ``import --columns`` reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.school_year import DateLike, SchoolCalendar, to_date, year_end
from decrochage_risk.synthetic.export_formats import PATHWAY, WRITERS, ExportedSchool, ine_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DECLARATIONS", "FORMATS", "LOSSES", "carried", "known_on", "write_exports"]

FORMATS = ("siecle", "gepi", "pronote", "lsu", "affelnet")
"""Software whose exports can be written. Only ``siecle`` says who the pupils are: the others are read with it."""

DECLARATIONS = "declarations.toml"
"""What the files do not say themselves, for ``import --columns``."""


def known_on(tables: Mapping[str, pd.DataFrame], day: DateLike) -> dict[str, pd.DataFrame]:
    """Keep what an export of one day can hold: rows of days until it, entered until it, justified only where they were.

    Parameters
    ----------
    tables : mapping of str to DataFrame
    day : date or ISO text
        The evening of that day.
    """
    until = pd.Timestamp(to_date(day))
    export = dict(tables)
    enrolments = tables["enrolments"]
    enrolments = enrolments[enrolments["start_date"] <= until].copy()
    enrolments.loc[enrolments["end_date"] > until, "end_date"] = pd.NaT
    export["enrolments"] = enrolments
    for name in ("absences", "grades", "orientation"):
        if name in tables:
            rows = tables[name]
            export[name] = rows[(rows["date"] <= until) & ~(rows["recorded_on"] > until)].copy()
    if "absences" in export:
        late = export["absences"]["justified_on"] > until
        # Justified after the export: on that day it was not.
        export["absences"].loc[late, "justified"] = False
        export["absences"].loc[late, "justified_on"] = pd.NaT
    export["pupils"] = tables["pupils"][tables["pupils"]["pupil_id"].isin(enrolments["pupil_id"])]
    return export


def carried(tables: Mapping[str, pd.DataFrame], formats: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Keep of some tables what the exports of these formats can carry; what is lost is in :data:`LOSSES`.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        As :func:`known_on` gives them.
    formats : sequence of str
        ``siecle`` among them: pupils and enrolments come from nowhere else.
    """
    enrolments = tables["enrolments"].drop(columns="network_id", errors="ignore")
    keys = ["pupil_id", "school_id", "school_year"]
    own = {"pupils": tables["pupils"], "enrolments": enrolments.drop_duplicates(keys, keep="last")}
    absences, grades, orientation = (tables.get(name) for name in ("absences", "grades", "orientation"))
    if absences is not None and {"gepi", "pronote"} & set(formats):
        rows = absences if "gepi" in formats else absences[absences["kind"] != "lateness"]
        own["absences"] = rows.drop(columns=["recorded_on", "justified_on"])
    if grades is not None and {"gepi", "pronote", "lsu"} & set(formats):
        marks = grades if "gepi" in formats else grades[grades["kind"] == "term_average"]
        if not {"gepi", "pronote"} & set(formats):
            years = marks["date"].dt.year - (marks["date"].dt.month < 9)  # noqa: PLR2004 - September
            college = enrolments[[PATHWAY[level] in {"college", "segpa"} for level in enrolments["level"]]]
            who = pd.MultiIndex.from_frame(college[["pupil_id", "school_year"]])
            marks = marks[pd.MultiIndex.from_arrays([marks["pupil_id"], years]).isin(who)]
        own["grades"] = marks.drop(columns="recorded_on")
    if orientation is not None and "affelnet" in formats:
        own["orientation"] = orientation[orientation["event"] == "wish"].drop(columns="recorded_on")
    return own


LOSSES: Mapping[str, str] = {
    "siecle": "réseau FoQualE ; la première de deux scolarités de l’année dans le même établissement ; la division de qui est parti (sauf si un "
    "export d’avant son départ est donné aussi)",
    "gepi": "jour de saisie et jour de justification (sauf avec --previous) ; matière d’un carnet, si elle n’est pas déclarée",
    "pronote": "jour de saisie et jour de justification (sauf avec --previous) ; retards (autre liste) ; notes des évaluations",
    "lsu": "absences et retards (totaux seulement) ; notes des évaluations ; tout le lycée",
    "affelnet": "jour de chaque vœu (celui de la campagne) ; décisions du conseil de classe, appels, affectations, changements de voie",
}
"""What each format cannot carry, as a school reads it."""


def write_exports(
    folder: str | Path,
    tables: Mapping[str, pd.DataFrame],
    formats: Sequence[str],
    *,
    exported_on: DateLike,
    calendar: SchoolCalendar | None = None,
) -> dict[Path, int]:
    """Write tables as the exports of every school and year.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    tables : mapping of str to DataFrame
        As :attr:`~decrochage_risk.synthetic.Cohort.tables`; ids that end with a number.
    formats : sequence of str
        Among :data:`FORMATS`.
    exported_on : date or ISO text
        Day of the exports; those of a closed year are of its last day.
    calendar : SchoolCalendar, optional
        Zone B by default.

    Returns
    -------
    dict of Path to int
        The files, and how many rows (pupils, events, marks) each holds.

    Raises
    ------
    RecordsError
        A format that is not known; two pupils whose ids end with the same number; a folder that holds something.

    Examples
    --------
    >>> import tempfile
    >>> from decrochage_risk.synthetic import make_cohort
    >>> tables = make_cohort(20, [2024], seed=1).tables
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_exports(folder, tables, ["siecle"], exported_on="2025-03-04")
    ...     sorted({path.name for path in files})
    ['Communs.xml', 'ExportXML_ElevesSansAdresses.zip', 'Nomenclature.xml', 'declarations.toml',
     'rentree_ExportXML_ElevesSansAdresses.zip']
    """
    _check_exports(Path(folder), tables, formats)
    day = to_date(exported_on)
    export = known_on(tables, day)
    days = calendar or SchoolCalendar.for_zone("B")
    files: dict[Path, int] = {}
    declarations: list[str] = ["[classes]"]
    places = (
        export["enrolments"][["school_id", "school_year"]]
        .drop_duplicates()
        .sort_values(["school_year", "school_id"])
    )
    for school, year in zip(places["school_id"], places["school_year"], strict=True):
        one = ExportedSchool.of(str(school), int(year), export, min(day, year_end(int(year))), days)
        place = Path(folder) / f"{school}-{year}"
        place.mkdir(parents=True, exist_ok=True)
        facts = [f'uai = "{school}"', f"year = {year}", f"extracted_on = {one.exported_on}"]
        wishes = one.rows("orientation")
        wishes = wishes[wishes["event"] == "wish"]
        if "affelnet" in formats and len(wishes):
            facts.append(f"campaign_date = {wishes['date'].min().date()}")
        declarations += ["", f'[files."*{place.name}/*"]', *facts]
        for name in formats:
            files |= WRITERS[name](one, place, declarations)
    path = Path(folder) / DECLARATIONS
    path.write_text("\n".join(declarations) + "\n", encoding="utf-8", newline="\n")
    files[path] = len(declarations)
    return files


def _check_exports(folder: Path, tables: Mapping[str, pd.DataFrame], formats: Sequence[str]) -> None:
    unknown = [name for name in formats if name not in FORMATS]
    # An INE is made of the digits of an id: two pupils of one number would be imported as one.
    numbers = ine_of(tables["pupils"]["pupil_id"])
    if unknown or not numbers.is_unique:
        raise RecordsError(
            explain_error(
                f"Unknown formats {unknown}"
                if unknown
                else "Two pupils have ids that end with the same number",
                expected=f"formats among {', '.join(FORMATS)}; ids such as P000001",
                hint="Check the spelling; write the cohort that make_cohort draws.",
            )
        )
    if folder.is_dir() and any(folder.iterdir()):
        raise RecordsError(
            explain_error(
                f"{folder} holds something",
                expected="a new or empty folder",
                hint="Choose another one: what stays of an earlier export would be imported with this one.",
            )
        )
