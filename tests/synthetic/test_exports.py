from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from decrochage_risk.errors import RecordsError
from decrochage_risk.features.catalogue import build_features
from decrochage_risk.importers import import_exports
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.pseudonyms import Pseudonymiser
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.export_formats import ine_of
from decrochage_risk.synthetic.exports import (
    DECLARATIONS,
    FORMATS,
    LOSSES,
    carried,
    known_on,
    write_exports,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

KEY = bytes(range(32))
EXPORTED, AS_OF = "2025-03-04", "2025-03-05"
EVENT_TABLES = ("absences", "grades", "orientation")


def differing_features(own: pd.DataFrame, imported: pd.DataFrame) -> list[str]:
    """Names of the features that are not the same for every pupil, to 1e-9."""
    assert sorted(own.index) == sorted(imported.index)
    same = np.isclose(own, imported.reindex(own.index), rtol=1e-9, atol=1e-9, equal_nan=True)
    return list(own.columns[~same.all(axis=0)])


def under_pseudonyms(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    pupils = tables["pupils"]["pupil_id"]
    pseudonym = dict(zip(pupils, Pseudonymiser(KEY).pseudonym(ine_of(pupils)), strict=True))
    return {name: rows.assign(pupil_id=rows["pupil_id"].map(pseudonym)) for name, rows in tables.items()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "formats", [("siecle", "gepi", "affelnet"), ("siecle", "pronote"), ("siecle", "lsu")], ids="-".join
)
def test_a_school_that_is_exported_and_imported_has_the_features_of_its_own_tables(
    formats: tuple[str, ...], seed: int, tmp_path: Path
) -> None:
    """Exports of the eve of the as-of date give every feature of the school's own tables, to what the format can carry."""
    tables = make_cohort(120, [2023, 2024], seed=seed).tables
    write_exports(tmp_path / "exports", tables, formats, exported_on=EXPORTED)
    done = import_exports(tmp_path / "exports", key=KEY, column_maps=[tmp_path / "exports" / DECLARATIONS])
    own = under_pseudonyms(carried(known_on(tables, EXPORTED), formats))
    records = PupilRecords(**own, coverage=done.records.coverage)
    for name in EVENT_TABLES:
        assert (getattr(done.records, name) is None) == (name not in own)
    assert differing_features(build_features(records, AS_OF), build_features(done.records, AS_OF)) == []


@pytest.mark.whole
def test_one_small_school_comes_back_whole(tmp_path: Path) -> None:
    """The round trip of GEPI on a few pupils, in every run of the tests; no row of any file is left out."""
    formats = ("siecle", "gepi")
    tables = make_cohort(12, [2024], seed=4).tables
    write_exports(tmp_path / "exports", tables, formats, exported_on=EXPORTED)
    done = import_exports(tmp_path / "exports", key=KEY, column_maps=[tmp_path / "exports" / DECLARATIONS])
    own = under_pseudonyms(carried(known_on(tables, EXPORTED), formats))
    records = PupilRecords(**own, coverage=done.records.coverage)
    assert differing_features(build_features(records, AS_OF), build_features(done.records, AS_OF)) == []
    for name in ("absences", "grades"):
        assert len(getattr(done.records, name)) == len(own[name])
    reasons = {reason for file in done.report.files for reason in file.left_out}
    assert reasons <= {"older_extract"}


def test_what_is_known_on_a_day_is_what_the_features_see_on_the_next_morning() -> None:
    """Cutting the tables at the evening of a day changes no feature of the next morning, but for names of days."""
    tables = make_cohort(60, [2024], seed=5).tables
    names = ("pupils", "enrolments", *EVENT_TABLES)
    whole = PupilRecords(**{name: tables[name] for name in names})
    cut = PupilRecords(**{name: known_on(tables, EXPORTED)[name] for name in names})
    own, late = build_features(whole, AS_OF), build_features(cut, AS_OF)
    assert differing_features(own.loc[sorted(late.index)], late) == []


def test_the_names_of_exported_pupils_are_syllables_and_their_numbers_end_with_zz(tmp_path: Path) -> None:
    """Nobody can take an exported pupil for a person: syllables of one table, one name a pupil, numbers that are none."""
    tables = make_cohort(40, [2024], seed=6).tables
    write_exports(tmp_path, tables, ["siecle"], exported_on=EXPORTED)
    names: set[str] = set()
    for path in tmp_path.rglob("ExportXML*.zip"):
        text = zipfile.ZipFile(path).read("ElevesSansAdresses.xml").decode("iso-8859-15")
        written = re.findall(r"<NOM_DE_FAMILLE>([^<]+)<", text)
        assert all(re.fullmatch(r"(?:[BCDFGHJKLMNPRSTVWXYZ][AEIOU]){4}", name) for name in written)
        assert all(ine.endswith("ZZ") for ine in re.findall(r"<INE_RNIE>([^<]+)<", text))
        names |= set(written)
    assert len(names) == len(known_on(tables, EXPORTED)["pupils"])


@pytest.mark.whole
def test_the_same_tables_are_exported_to_the_same_bytes(tmp_path: Path) -> None:
    """Exports depend on the tables and the day alone."""
    tables = make_cohort(15, [2023, 2024], seed=7).tables
    for name in ("one", "two"):
        write_exports(tmp_path / name, tables, FORMATS, exported_on=EXPORTED)
    contents = [
        {
            path.relative_to(tmp_path / name).as_posix(): path.read_bytes()
            for path in (tmp_path / name).rglob("*.*")
        }
        for name in ("one", "two")
    ]
    assert contents[0] == contents[1]
    assert len(contents[0]) > 10


def test_an_unknown_format_and_two_pupils_of_one_number_are_refused(tmp_path: Path) -> None:
    """A format nobody knows, or ids that would give two pupils one national number, stop the export before any file."""
    tables = make_cohort(5, [2024], seed=8).tables
    with pytest.raises(RecordsError, match="Unknown formats"):
        write_exports(tmp_path / "out", tables, ["excel"], exported_on=EXPORTED)
    twins = {**tables, "pupils": tables["pupils"].assign(pupil_id="P1")}
    with pytest.raises(RecordsError, match="same number"):
        write_exports(tmp_path / "out", twins, ["siecle"], exported_on=EXPORTED)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.csv").write_text("x")
    with pytest.raises(RecordsError, match="holds something"):
        write_exports(tmp_path / "out", tables, ["siecle"], exported_on=EXPORTED)


def test_every_format_says_what_it_loses() -> None:
    """The page of imports has a line for each format that can be written."""
    assert set(LOSSES) == set(FORMATS)
