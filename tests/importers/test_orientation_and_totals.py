from __future__ import annotations

import json
import tempfile
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.errors import RecordsError, UnreadableExportError
from decrochage_risk.importers.absences import monthly_absences
from decrochage_risk.importers.declarations import facts_of_file
from decrochage_risk.importers.declared_maps import bundled_maps
from decrochage_risk.importers.extract import ImportOptions, SourceFile
from decrochage_risk.importers.recognition import readers_of, recognise

if TYPE_CHECKING:
    from decrochage_risk.importers.extract import Extract

WISHES = '"INE";"Nom de l\'élève";"Prénom 1";"{rank}";"Code offre de formation (vœu)";"Code MEF";"Mnémonique MEF de l\'offre de formation";"Libellé formation"\r\n'


def read(content: str | bytes, *maps: Path, name: str = "file.csv", **options: object) -> Extract:
    """Recognise a content and read it with the reader that it is recognised for."""
    given_bytes = content.encode() if isinstance(content, str) else content
    reader = recognise(given_bytes, name, readers_of(maps))
    assert reader is not None
    return reader.read(
        SourceFile(name, given_bytes, "", reader.kind), ImportOptions(column_maps=maps, **options)
    )


def steps(extract: Extract) -> list[tuple[str, str, object, object, object]]:
    """Day, step, rank, target and decision of every row."""
    rows = extract.tables["orientation"].astype(object)
    rows = rows.where(rows.notna(), None)
    return [(f"{row.date:%d/%m}", row.event, row.rank, row.target, row.granted) for row in rows.itertuples()]


# Orientation


@pytest.mark.parametrize("rank", ["Rang du vœu", "Rang du voeu"])
def test_wishes_of_affelnet_have_their_rank_their_target_and_the_day_of_the_campaign(rank: str) -> None:
    """Both spellings of the header; INE in capitals; "-" is nothing; a known formation is a level, another its own name."""
    text = (
        WISHES.format(rank=rank)
        + '"000000001aa";"BATECO";"Dipo";"1";"067";"20010015110";"2DEGT";"2NDE GENERALE"\r\n'
        + '"000000001AA";"BATECO";"Dipo";"2";"068";"2473120931";"2NDPRO";"2NDPRO POISSONNIER"\r\n'
        + '"000000002BB";"FOGUHA";"Jiko";"1";"069";"-";"-";"FORMATION RARE"\r\n'
    )
    extract = read(text, campaign_date=date(2025, 5, 20))
    assert steps(extract) == [
        ("20/05", "wish", 1, "2de_gt", None),
        ("20/05", "wish", 2, "2de_pro", None),
        ("20/05", "wish", 1, "FORMATION RARE", None),
    ]
    assert [person.ine for person in extract.persons] == ["000000001AA", "000000002BB"]
    assert extract.covers["orientation"] == (date(2024, 9, 1), date(2025, 5, 20))


def test_wishes_without_a_day_are_refused_and_a_bad_rank_is_counted() -> None:
    """No export of Affelnet holds a day: it is asked for, never made up."""
    text = (
        WISHES.format(rank="Rang du vœu")
        + '"000000001AA";"BATECO";"Dipo";"premier";"067";"-";"2DEGT";"-"\r\n'
    )
    with pytest.raises(UnreadableExportError) as error:
        read(text)
    assert "--campaign-date" in error.value.french
    assert read(text, campaign_date=date(2025, 5, 20)).counts == {"bad_rank": [2]}


def test_decisions_and_assignments_come_by_declared_maps(tmp_path: Path) -> None:
    """A school's own list of decisions, appeals and assignments is read by its words for steps, ranks and answers."""
    mine = tmp_path / "mine.toml"
    mine.write_text(
        """
        [maps.councils]
        reads = "orientation"
        recognised_by = ["INE", "Étape", "Avis"]
        [maps.councils.columns]
        ine = ["INE"]
        date = ["Jour"]
        event = ["Étape"]
        rank = ["Rang"]
        target = ["Vers"]
        granted = ["Avis"]
        [maps.councils.events]
        "Décision du conseil" = "council_decision"
        "Appel*" = "appeal"
        "Affectation" = "assignment"
        [maps.councils.granted]
        "Favorable" = "oui"
        "Défavorable" = "non"
        [maps.councils.ranks]
        "Non affecté" = ""
        [maps.councils.targets]
        "Seconde pro" = "2de_pro"
        """,
        encoding="utf-8",
    )
    text = (
        "INE;Étape;Avis;Jour;Rang;Vers\n"
        "000000001AA;Décision du conseil;Favorable;10/06/2025;;Seconde pro\n"
        "000000002AA;Décision du conseil;Défavorable;10/06/2025;;2de_gt\n"
        "000000002AA;Appel de la famille;;12/06/2025;;2de_gt\n"
        "000000001AA;Affectation;;30/06/2025;2;Seconde pro\n"
        "000000002AA;Affectation;;30/06/2025;Non affecté;\n"
        "000000003AA;Réunion;;30/06/2025;;\n"
        "000000003AA;Affectation;;un jour;;\n"
    )
    extract = read(text, mine)
    assert steps(extract) == [
        ("10/06", "council_decision", None, "2de_pro", True),
        ("10/06", "council_decision", None, "2de_gt", False),
        ("12/06", "appeal", None, "2de_gt", None),
        ("30/06", "assignment", 2, "2de_pro", None),
        ("30/06", "assignment", None, None, None),
    ]
    assert extract.counts == {"unknown_event": [7], "bad_date": [8]}


# Totals

TOTALS = {
    "GEPI": ("ELENOET;NOM;PRENOM;CLASSE;NBABS;NBNJ;NBNVAL;NBRET;\n101;BATECO;Dipo;3 A;6;2;4;3;\n", "Extraction des saisies"),
    "GEPI stored": ("ELENOET;NBABS;NBNJ;NBNVAL;NBRET;\n101;6;2;4;3\n", "Extraction des saisies"),
    "GEPI form": ("ELENOET;NBABS;NBNONJUSTIF;NBRET\n101;6;2;3\n", "Extraction des saisies"),
    "Molière": (";Nom élève;Prénom élève;Division;MEF;Nb 1/2 j abs;Nb retards;Numéro national\n1;BATECO;Dipo;3 A;1;6;3;000000001AA\n", "liste datée"),
    "Kosmos": ("Classe,Élève,½ j. d'absences comptabilisées,½ j. d'absences non justifiées comptabilisées\n\"3 A\",\"BATECO Dipo\",\"6\",\"2\"\n", "Données"),
    "PRONOTE": ("Élève;;Demi-journées;;;Retards\nNom;Classe;DJ bulletin;Justifiées;Injustifiées;Nb\nBATECO Dipo;3E A;6;4;2;3\nTotal;;6;4;2;3\n", "Du, Au"),
    "SIECLE": ('<exportAbsence><eleve elenoet="101" libelle="T1" nbAbs="6" nbNonJustif="2" nbRet="3"/></exportAbsence>', "logiciel de vie scolaire"),
}  # fmt: skip


@pytest.mark.parametrize("software", TOTALS)
def test_totals_of_a_period_are_refused_with_the_list_to_ask_for(software: str) -> None:
    """Every kind of totals is recognised, refused, and says the name of the dated list of the same software."""
    text, asked = TOTALS[software]
    with pytest.raises(UnreadableExportError) as error:
        read(text)
    assert asked in error.value.french


@pytest.mark.parametrize("software", TOTALS)
def test_totals_that_were_asked_for_give_counts_of_their_period_and_no_absences(software: str) -> None:
    """With --monthly-totals each kind gives the same counts, with their period, and never a dated row."""
    period = (date(2024, 9, 1), date(2024, 9, 30))
    extract = read(TOTALS[software][0], monthly_totals=True, totals_period=period)
    (row,) = extract.tables["absence_totals"].itertuples()
    assert (row.half_days, row.start.date(), row.end.date()) == (6, *period)
    assert pd.isna(row.unjustified) if software == "Molière" else row.unjustified == 2
    assert "absences" not in extract.tables
    assert extract.covers == {}


def test_totals_of_an_unknown_period_or_that_contradict_themselves_are_not_taken() -> None:
    """Without a period they are refused; more unjustified than all is counted with its line."""
    with pytest.raises(UnreadableExportError, match="period"):
        read(TOTALS["GEPI"][0], monthly_totals=True)
    period = (date(2024, 9, 1), date(2024, 9, 30))
    bad = read("ELENOET;NBABS;NBNJ;NBRET\n101;2;3;0\n102;x;0;0\n", monthly_totals=True, totals_period=period)
    assert bad.counts == {"bad_number": [3], "unjustified_above_total": [2]}


@pytest.mark.whole
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=10))
def test_growing_totals_are_differenced_into_the_counts_of_each_month(months: list[tuple[int, int]]) -> None:
    """Cumulative totals made of known monthly counts give these counts back, in any order of the files."""
    ends = pd.date_range("2024-09-30", periods=len(months), freq="ME")
    counts = pd.DataFrame(months, columns=["half_days", "lateness"])
    rows = counts.cumsum().assign(
        pupil_id="a", source="s", start=pd.Timestamp("2024-09-01"), end=ends, unjustified=0
    )
    result, notices = monthly_absences(rows.sample(frac=1, random_state=0))
    result = result.sort_values("end")
    assert result[["half_days", "lateness"]].to_numpy().tolist() == [list(month) for month in months]
    assert result["end"].tolist() == list(ends)
    assert (result["start"].iloc[1:].to_numpy() == (ends[:-1] + pd.Timedelta(days=1)).to_numpy()).all()
    assert notices == []


def test_a_total_that_went_down_counts_for_nothing_and_is_said() -> None:
    """A correction makes a total smaller: no month gets a negative count."""
    rows = pd.DataFrame(
        {
            "pupil_id": "a",
            "source": "s",
            "start": pd.Timestamp("2024-09-01"),
            "end": pd.to_datetime(["2024-09-30", "2024-10-31"]),
            "half_days": [5, 3],
            "unjustified": [0, 0],
            "lateness": [0, 0],
        }
    )
    result, (notice,) = monthly_absences(rows)
    assert result["half_days"].tolist() == [5, 0]
    assert notice.code == "totals_went_down"


# Declarations


def test_answers_of_portals_of_families_are_refused() -> None:
    """One pupil without identity is no export of a school: what to ask for is said."""
    for text in ('{"listeDevoirs": {"V": []}}', '{"absencesRetards": []}', '{"listeAbsences": {"V": []}}'):
        with pytest.raises(UnreadableExportError) as error:
            read(text)
        assert "établissement" in error.value.french


def test_what_is_declared_of_files_goes_by_their_path(tmp_path: Path) -> None:
    """A later pattern goes before an earlier one; a fact that does not exist is refused."""
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '[files."*2023/*"]\nyear = 2023\nuai = "0990001N"\n[files."*/b.csv"]\nyear = 2022\n', encoding="utf-8"
    )
    assert facts_of_file([mine], "x/lycee-2023/a.csv") == {"year": 2023, "uai": "0990001N"}
    assert facts_of_file([mine], "x/lycee-2023/b.csv")["year"] == 2022
    assert facts_of_file([mine], "x/2024/a.csv") == {}
    mine.write_text('[files."*"]\nyear = "2023"\ncolour = 1\n', encoding="utf-8")
    with pytest.raises(RecordsError, match="year, colour"):
        facts_of_file([mine], "a")


@given(
    st.lists(st.text("ab/*?", min_size=1, max_size=7), min_size=1, max_size=6, unique=True),
    st.text("abAB/", min_size=1, max_size=7),
)
def test_the_last_pattern_that_matches_a_path_wins(patterns: list[str], path: str) -> None:
    """However many files are declared, the facts of one are those of the last pattern that its whole path matches."""
    with tempfile.TemporaryDirectory() as folder:
        mine = Path(folder, "mine.toml")
        mine.write_text(
            "".join(f"[files.{json.dumps(pattern)}]\nyear = {at}\n" for at, pattern in enumerate(patterns))
        )
        near = [at for at, pattern in enumerate(patterns) if fnmatchcase(path.casefold(), pattern)]
        assert facts_of_file([mine], path) == ({"year": near[-1]} if near else {})


def test_no_two_bundled_maps_are_recognised_by_the_same_columns() -> None:
    """Each known list is told by headers of its own: the order of the maps decides nothing between two of them."""
    seen: dict[frozenset[str], str] = {}
    for column_map in bundled_maps():
        key = frozenset(column_map.recognised_by)
        assert key
        assert key not in seen, (column_map.kind, seen[key])
        seen[key] = column_map.kind
