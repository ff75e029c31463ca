from __future__ import annotations

import json
from copy import copy
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_up_school import MadeUpSchool

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.errors import RecordsError
from decrochage_risk.score import PupilRisk
from decrochage_risk.score.ways import SchoolReturns
from decrochage_risk.score.writing import signal_line, write_new_on_lists
from decrochage_risk.synthetic import make_cohort

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

AS_OF = date(2025, 3, 5)
SEEDS = (41, 42, 43)


def enrolment(pupil: str, *, level: str = "2de_pro", year: int = 2024, **days: str) -> dict[str, object]:
    """One enrolment of a made-up pupil."""
    dates = {"start_date": f"{year}-09-02"} | days
    return {"pupil_id": pupil, "school_year": year, "school_id": "0990001N", "level": level, **dates}


def absence(pupil: str, day: str, *, half_days: int = 2, justified: bool = False) -> dict[str, object]:
    """One day of absence."""
    return {"pupil_id": pupil, "date": day, "half_days": half_days, "kind": "absence", "justified": justified}


def lists_of(
    enrolments: list[dict[str, object]], absences: list[dict[str, object]], as_of: date = AS_OF, **pupils: str
) -> dr.Signals:
    """Read the signals of made-up pupils; ``pupils`` gives birth dates."""
    ids = dict.fromkeys(str(row["pupil_id"]) for row in enrolments)
    people = [{"pupil_id": pupil, "birth_date": pupils.get(pupil)} for pupil in ids]
    absences = absences or [absence(next(iter(ids)), "2024-09-10", justified=True)]
    return dr.signals(dr.PupilRecords(pupils=people, enrolments=enrolments, absences=absences), as_of=as_of)


@pytest.mark.parametrize("day", [date(2024, 9, 1), date(2024, 9, 2)])
def test_nobody_has_stayed_away_before_the_first_day_of_school(day: date) -> None:
    """On the morning of the first day no enrolment of the year is known yet: nobody "did not return"; the day after, some did not."""
    rows = [
        enrolment("a", level="1re_pro", year=2023, end_date="2024-07-05"),
        enrolment("b", level="2de_pro"),
    ]
    assert lists_of(rows, [], day)["a"].departure is None
    departure = lists_of(rows, [], date(2024, 9, 4))["a"].departure
    assert departure is not None
    assert departure.kind == "not_returned"


def test_a_month_without_a_day_to_attend_is_no_month_known() -> None:
    """Months before the pupil came, of placement and of the summer are none of those that a count is out of."""
    rows = [enrolment("a", start_date="2025-02-03")]
    absences = [absence("a", f"2025-02-{day:02d}") for day in (3, 4)]
    signal = lists_of(rows, absences, date(2025, 4, 2))["a"].legal
    assert signal is not None
    assert (signal.months, signal.known_months) == (1, 3)
    placed = [
        {**absence("a", f"2025-03-{day:02d}", half_days=1 if day % 7 == 5 else 2), "kind": "placement"}
        for day in range(3, 32)
        if date(2025, 3, day).weekday() < 5
    ]
    signal = lists_of(rows, [*absences, *placed], date(2025, 4, 2))["a"].legal
    assert signal is not None
    assert signal.known_months == 2


def months_counted(cohort: Cohort, as_of: date) -> pd.DataFrame:
    """Count unjustified half-days per pupil and month of the year from the rows alone, another way than the library."""
    rows = cohort.tables["absences"]
    rows = rows[(rows["kind"] == "absence") & (rows["date"] < pd.Timestamp(as_of))]
    rows = rows[rows["date"] >= pd.Timestamp(2024, 9, 1)]
    settled = rows["justified"].eq(other=True) & ~(rows["justified_on"] >= pd.Timestamp(as_of))
    if "recorded_on" in rows:
        rows = rows[~(rows["recorded_on"] >= pd.Timestamp(as_of))]
    rows = rows[~settled.reindex(rows.index)]
    month = rows["date"].dt.to_period("M")
    return rows.assign(month=month).pivot_table("half_days", "pupil_id", "month", aggfunc="sum", fill_value=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_over_the_legal_threshold_and_no_leaver_is_without_a_list(seed: int) -> None:
    """Recounted from the rows, every enrolled pupil at 4 half-days in a month and every in-year leaver is on a list."""
    cohort = make_cohort(2_000, [2023, 2024], seed=seed)
    lists = dr.signals(cohort.records, as_of=AS_OF)
    frame = lists.frame.set_index("pupil_id")
    over = months_counted(cohort, AS_OF).max(axis=1)
    over = over[over >= 4].index
    assert len(over) > 100
    enrolled = frame["enrolled"]
    assert set(over[enrolled[over]]) == set(frame.index[frame["legal_listed"]])
    rows = cohort.tables["enrolments"]
    last = rows[rows["school_year"] == 2024].groupby("pupil_id")["end_date"].max()
    left = last.index[last < pd.Timestamp(AS_OF)].difference(frame.index[enrolled])
    assert len(left) > 10
    assert set(left) <= set(frame.index[frame["departure_listed"]])


def test_a_run_with_a_model_lists_the_same_pupils(small_cohort: Cohort, small_scores: RiskScores) -> None:
    """The legal and the departure list are those of a run without any model, pupil by pupil, word by word."""
    lists = dr.signals(small_cohort.records, as_of=small_scores.run.as_of)
    names = ["legal_threshold", "legal_months", "legal_recent", "legal_listed", "departure", "last_enrolled_on",
             "departure_listed", "school_id", "class_id", "age_years"]  # fmt: skip
    pd.testing.assert_frame_equal(lists.frame[names], small_scores.frame[names])
    for alone, scored in zip(lists, small_scores, strict=True):
        assert (alone.legal, alone.departure) == (scored.legal, scored.departure)
        assert alone.ways == tuple(way for way in scored.ways if way != "risk")


def test_the_three_ways_are_named_and_never_mixed(small_scores: RiskScores) -> None:
    """A pupil's ways are what the columns say: risk is the tier alone, legal the months alone, departure the enrolments."""
    seen = set()
    for pupil in small_scores:
        assert ("risk" in pupil.ways) == pupil.flagged == (pupil.tier >= 2)
        if pupil.cause != "traitement refusé" and pupil.departure is None:
            assert ("legal" in pupil.ways) == (pupil.legal is not None)
        assert ("departure" in pupil.ways) == (pupil.departure is not None and pupil.departure.listed)
        assert not {"risk", "departure"} <= set(pupil.ways)
        seen.add(pupil.ways)
    assert {(), ("risk",), ("legal",), ("risk", "legal"), ("departure",)} & seen >= {
        (),
        ("legal",),
        ("departure",),
    }


def test_the_legal_threshold_counts_by_month_and_motive() -> None:
    """4 half-days in one month are a signal, 3 and 2 over two months are none, and a justified one does not count."""
    days = {
        "at": ["2024-10-07", "2024-10-08"],
        "split": ["2024-10-07", "2024-11-12"],
        "justified": ["2024-10-07"],
    }
    rows = [absence(pupil, day) for pupil, own in days.items() for day in own]
    rows += [
        absence("split", "2024-10-08", half_days=1),
        absence("justified", "2024-10-08", justified=True),
    ]
    lists = lists_of([enrolment(pupil) for pupil in days], rows)
    assert lists.frame["legal_listed"].tolist() == [True, False, False]
    signal = lists["at"].legal
    assert signal is not None
    assert (signal.threshold, signal.months, signal.known_months, signal.recent) == (4, 1, 7, False)
    assert signal.text == (
        "seuil légal de 4 demi-journées atteint 1 mois sur 7, en octobre (4 demi-journées non justifiées) ; "
        "la dernière le 8 octobre"
    )


def test_ten_half_days_are_told_apart() -> None:
    """10 half-days in a month give the higher threshold and open the measure of the circular."""
    rows = [
        absence("a", day) for day in ("2025-02-03", "2025-02-04", "2025-02-05", "2025-02-06", "2025-02-07")
    ]
    rows = [row | {"half_days": 1} if row["date"] == "2025-02-05" else row for row in rows]
    below = lists_of([enrolment("a")], rows)["a"]
    assert below.legal is not None
    assert below.legal.threshold == 4
    above = lists_of([enrolment("a")], [*rows, absence("a", "2025-02-24")])["a"]
    assert above.legal is not None
    assert (above.legal.threshold, above.legal.persistent_months, above.legal.recent) == (10, 1, True)
    assert "personnel_referent" in {measure.code for measure in above.measures}
    assert "personnel_referent" not in {measure.code for measure in below.measures}


@pytest.mark.parametrize(
    ("born", "words", "codes"),
    [
        ("2010-06-01", "obligation d'instruction", {"obligation_instruction"}),
        (
            "2008-06-01",
            "obligation de formation",
            {"obligation_formation", "tdo", "psad", "droit_au_retour", "mlds"},
        ),
        ("2006-06-01", "droit au retour", {"tdo", "psad", "droit_au_retour", "mlds", "temps_de_bilan"}),
    ],
)
def test_a_departure_is_told_by_age(born: str, words: str, codes: set[str]) -> None:
    """Who left during the year is listed, with the day, what holds at that age, and the measures of a departure."""
    pupil = lists_of([enrolment("a", end_date="2025-01-10")], [], a=born)["a"]
    assert pupil.ways == ("departure",)
    assert pupil.departure is not None
    assert pupil.departure.text == "sorti depuis le 10 janvier 2025, situation à vérifier"
    assert words in pupil.departure.obligation
    assert codes <= {measure.code for measure in pupil.measures}


def test_what_holds_after_an_exit_is_of_now_for_who_has_left() -> None:
    """The list of departures proposes every measure now, before 16 the obligation d'instruction first; nothing is "in case of"."""
    lists = lists_of([enrolment("a", end_date="2025-01-10"), enrolment("b")], [], a="2010-06-01")
    line = signal_line(lists["a"], None, "departure")
    assert line["Mesures possibles"].startswith("Obligation d'instruction jusqu'à 16 ans ; ")
    assert all(measure.label in line["Mesures possibles"] for measure in lists["a"].measures)
    assert line["En cas de sortie ou d'échec"] == ""


@pytest.mark.parametrize(
    ("rows", "kind", "listed"),
    [
        ([enrolment("a", end_date="2025-01-10")], "left_this_year", True),
        ([enrolment("a", level="1re_pro", year=2023)], "not_returned", True),
        ([enrolment("a", level="tle_pro", year=2023)], "cycle_end", False),
        ([enrolment("a", level="3e", year=2023)], "cycle_end", False),
        ([enrolment("a", level="4e", year=2022)], "earlier", False),
        ([enrolment("a", level="1re_pro", year=2023), enrolment("a")], None, False),
        (
            [enrolment("a", end_date="2025-01-10"), enrolment("a", start_date="2025-01-20")],
            None,
            False,
        ),
        ([enrolment("a", start_date="2025-03-10")], None, False),
    ],
)
def test_each_kind_of_departure_stands_apart(
    rows: list[dict[str, object]],
    kind: str | None,
    listed: bool,  # noqa: FBT001 - a row of the table above
) -> None:
    """In-year leavers and who did not return are listed; the end of a cycle, an old enrolment and a move are not."""
    lists = lists_of([*rows, enrolment("other")], [])
    pupil = lists["a"]
    assert (pupil.departure.kind if pupil.departure else None) == kind
    assert ("departure" in pupil.ways) == listed == bool(lists.frame["departure_listed"].iloc[0])


def test_the_end_of_the_school_year_is_no_departure() -> None:
    """In July, who was enrolled until the last day with school has not left, who ended in May has."""
    rows = [
        enrolment("whole", end_date="2025-07-04"),
        enrolment("may", end_date="2025-05-16"),
        enrolment("open"),
    ]
    lists = lists_of(rows, [], as_of=date(2025, 7, 20))
    kinds = [pupil.departure.kind if pupil.departure else None for pupil in lists]
    assert kinds == [None, "left_this_year", None]


def test_later_rows_change_no_signal() -> None:
    """An end, an absence or a motive of the as-of date or after is not known: the signals are the same to the bit."""
    rows = [absence("a", "2025-02-03"), absence("a", "2025-02-04", half_days=1)]
    before = lists_of([enrolment("a")], rows)
    later = [absence("a", str(AS_OF + timedelta(days=days))) for days in (0, 1, 2)]
    settled = [row | {"justified": True, "justified_on": str(AS_OF)} for row in rows]
    after = lists_of([enrolment("a", end_date="2025-03-05")], [*settled, *later])
    pd.testing.assert_frame_equal(before.frame, after.frame)
    assert list(before) == list(after)


def test_absences_that_are_not_sent_are_not_zero() -> None:
    """Without the table of absences the threshold is not known, nobody is listed for it, and departures still are."""
    records = dr.PupilRecords(
        pupils=[{"pupil_id": "a"}, {"pupil_id": "b"}],
        enrolments=[enrolment("a"), enrolment("b", end_date="2025-01-10")],
    )
    lists = dr.signals(records, as_of=AS_OF)
    assert lists.frame["legal_threshold"].isna().all()
    assert lists.frame["departure_listed"].tolist() == [False, True]


def test_nothing_is_said_of_a_family_that_objected(small_cohort: Cohort, small_scores: RiskScores) -> None:
    """An excluded pupil has no signal, departure, measure or list; with or without a model."""
    frame = small_scores.frame
    refused = [
        *frame.loc[frame["legal_listed"], "pupil_id"][:2],
        *frame.loc[frame["departure_listed"], "pupil_id"][:2],
    ]
    lists = dr.signals(small_cohort.records, as_of=small_scores.run.as_of, exclude=refused)
    for pupil in (lists[pupil_id] for pupil_id in refused):
        assert (pupil.ways, pupil.legal, pupil.departure, pupil.measures) == ((), None, None, ())
        assert pupil.cause == "traitement refusé"
    kept = ~frame["pupil_id"].isin(refused)
    assert lists.frame.loc[kept, "legal_listed"].tolist() == frame.loc[kept, "legal_listed"].tolist()


def test_files_without_a_model_hold_the_two_lists(small_cohort: Cohort, tmp_path: Path) -> None:
    """``signals.parquet`` holds everybody, ``run.json`` says that there is no model, and each list its own pupils."""
    lists = dr.signals(small_cohort.records, as_of=AS_OF)
    written = lists.write(tmp_path)
    assert len(pd.read_parquet(tmp_path / "signals.parquet")) == len(lists)
    assert lists.run_facts()["model"] is None
    for way, words in (("legal", "seuil-legal"), ("departure", "sorties")):
        paths = [path for path in written if path.name.endswith(f"_{words}.csv")]
        ids = [pupil for path in paths for pupil in pd.read_csv(path, sep=";")["Élève"].dropna()]
        assert sorted(ids) == sorted(lists.on_list(way)["pupil_id"])
    assert not list((tmp_path / "listes").glob("*_risque.csv"))


@pytest.mark.whole
def test_who_is_new_on_a_list_is_told_from_folder_to_folder(
    small_cohort: Cohort, score: Callable[..., RiskScores], tmp_path: Path
) -> None:
    """New on a list is who is on it now and was not on it then; the same as the changes say; the reverse is refused."""
    earlier = score(small_cohort.records, as_of="2025-01-08")
    later = score(small_cohort.records)
    for scores, name in ((earlier, "then"), (later, "now")):
        scores.write(tmp_path / name)
    counts = write_new_on_lists(tmp_path / "now", tmp_path / "then")
    changes = later.since(earlier).frame
    assert counts == {
        "risk": changes["newly_flagged"].sum(),
        "legal": changes["newly_legal"].sum(),
        "departure": changes["newly_departed"].sum(),
    }
    assert counts["legal"] > 0
    assert len(pd.read_csv(tmp_path / "now" / "nouveaux.csv", sep=";")) == sum(counts.values())
    with pytest.raises(RecordsError, match="of a later day"):
        write_new_on_lists(tmp_path / "then", tmp_path / "now")
    with pytest.raises(RecordsError, match=r"No scores\.parquet nor signals\.parquet"):
        write_new_on_lists(tmp_path / "now", tmp_path)


def test_sentences_of_the_ways_hold_no_forbidden_word(small_scores: RiskScores) -> None:
    """No text of a signal or a departure is a label or a cause."""
    texts = {
        fact.text for pupil in small_scores for fact in (pupil.legal, pupil.departure) if fact is not None
    }
    texts |= {pupil.departure.obligation for pupil in small_scores if pupil.departure is not None}
    assert len(texts) > 50
    assert not [text for text in texts if french.forbidden_in(text)]


def test_a_result_shows_itself_in_one_line(small_scores: RiskScores) -> None:
    """The repr of a result is one short line with the id and the lists, never every field."""
    for pupil in small_scores:
        assert isinstance(pupil, PupilRisk)
        assert len(repr(pupil)) < 200
        assert repr(pupil) == str(pupil)
        assert pupil.pupil_id in repr(pupil)


def test_the_counts_of_a_summary_are_those_of_the_frame(small_scores: RiskScores) -> None:
    """The summary tells how many pupils are on each list."""
    counts = {way: len(small_scores.on_list(way)) for way in ("risk", "legal", "departure")}
    assert f"{counts['risk']} situations à examiner par le risque" in small_scores.summary
    assert f"{counts['legal']} au seuil légal d'absence" in small_scores.summary
    assert np.sum(list(counts.values())) > counts["risk"]


def with_advice(scores: RiskScores, code: str) -> RiskScores:
    """Give a run the advice of another card."""
    run = scores.run.model_copy(update={"advice": {code: "L'équité bloque l'usage (1 contrôle)."}})
    copied = copy(scores)
    copied.run = run
    return copied


def test_the_list_of_the_risk_is_withheld_by_the_verdict(small_scores: RiskScores, tmp_path: Path) -> None:
    """Where the card says not to issue a list, that of the risk is not written and the file says so; the two others are."""
    blocked = with_advice(small_scores, "fairness_block")
    blocked.write(tmp_path)
    names = {path.name.partition("_")[2] for path in (tmp_path / "listes").glob("*.csv")}
    assert names == {"seuil-legal.csv", "sorties.csv"}
    notice = (tmp_path / "listes" / "avis.txt").read_text(encoding="utf-8-sig")
    assert "L'équité bloque l'usage" in notice
    assert "n'est pas émise" in notice
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["advice"] == blocked.run.advice


def test_an_overridden_verdict_is_on_every_line(small_scores: RiskScores, tmp_path: Path) -> None:
    """Issued all the same, every line of the list of the risk bears the verdict, and the file says on whose demand."""
    blocked = with_advice(small_scores, "fairness_block")
    blocked.write(tmp_path, despite_verdict=True)
    paths = list((tmp_path / "listes").glob("*_risque.csv"))
    assert sum(pd.read_csv(path, sep=";")["Élève"].notna().sum() for path in paths) == len(
        small_scores.on_list("risk")
    )
    for path in paths:
        assert (pd.read_csv(path, sep=";")["Avis de la fiche du modèle"] == blocked.run.verdict).all()
    assert "malgré cet avis" in (tmp_path / "listes" / "avis.txt").read_text(encoding="utf-8-sig")


def test_a_review_is_said_and_withholds_nothing(small_scores: RiskScores, tmp_path: Path) -> None:
    """A card that asks for a review does not hold the list back, and is said; what it says of the next training is for who trains."""
    with_advice(small_scores, "fairness_review").write(tmp_path / "review")
    assert list((tmp_path / "review" / "listes").glob("*_risque.csv"))
    assert (tmp_path / "review" / "listes" / "avis.txt").exists()
    of_kind = with_advice(small_scores, "path_logistic_undecided")
    of_kind.write(tmp_path / "kind")
    assert not (tmp_path / "kind" / "listes" / "avis.txt").exists()
    assert json.loads((tmp_path / "kind" / "run.json").read_text(encoding="utf-8"))["advice"]
    quiet = with_advice(small_scores, "x")
    quiet.run = quiet.run.model_copy(update={"advice": {}})
    quiet.write(tmp_path / "quiet")
    assert not (tmp_path / "quiet" / "listes" / "avis.txt").exists()


def two_schools(gone: int, back: int) -> list[dict[str, object]]:
    """Pupils of two schools last year; this year some of the first are enrolled there again, and all of the second."""
    first = [enrolment(f"a{number:02}", year=2023, end_date="2024-07-05") for number in range(gone + back)]
    second = [
        enrolment(f"b{number:02}", year=year, end_date=f"{year + 1}-07-05") | {"school_id": "0990002P"}
        for number in range(12)
        for year in (2023, 2024)
    ]
    return [*first, *(enrolment(f"a{number:02}") for number in range(back)), *second]


def test_a_school_that_seems_to_have_emptied_is_named() -> None:
    """Where nobody is enrolled and ten pupils or more did not return, the enrolments are said to be missing; else nothing is said."""
    with pytest.warns(
        dr.RecordsWarning, match=r"Nobody is enrolled this year in 1 school.*0990001N \(10 pupils\)"
    ):
        lists = lists_of(two_schools(10, 0), [])
    assert (lists.frame["departure"] == "not_returned").sum() == 10
    for gone, back in ((9, 0), (10, 1)):
        assert (lists_of(two_schools(gone, back), []).frame["departure"] == "not_returned").sum() == gone


def test_returns_of_parts_add_up() -> None:
    """Counts of schools are those of all parts together, so that pupils of a school in different parts make one warning."""
    frame = pd.DataFrame(
        {
            "school_id": ["x"] * 12 + ["y", None],
            "enrolled": [False] * 12 + [True, False],
            "departure": ["not_returned"] * 12 + [None, "earlier"],
        }
    )
    whole = SchoolReturns.of_frame(frame)
    assert whole.counts == {"x": (0, 12), "y": (1, 0)}
    parts = [SchoolReturns.of_frame(frame.iloc[rows]) for rows in (slice(0, 5), slice(5, 13), slice(13, 14))]
    assert not any(part.not_sent for part in parts)
    merged = SchoolReturns.merged(parts)
    assert merged == whole
    assert merged.not_sent == {"x": 12}
    assert [str(warning) for warning in merged.warnings()] == [str(warning) for warning in whole.warnings()]


def covered(*spans: tuple[str, str]) -> list[dict[str, str]]:
    """Cover the absences of the school over some spans."""
    return [
        {"school_id": "0990001N", "table": "absences", "start": start, "end": end} for start, end in spans
    ]


@given(end=st.integers(1, 30), absent=st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_a_day_that_is_not_covered_denies_no_known_absence(end: int, absent: int) -> None:
    """Of a month that is covered in part, what is known can say that the threshold is reached, never that it is not."""
    days = ["2025-03-03", "2025-03-04", "2025-03-06", "2025-03-07", "2025-03-10", "2025-03-11"][:absent]
    records = dr.PupilRecords(
        pupils=[{"pupil_id": "a"}],
        enrolments=[enrolment("a")],
        absences=[absence("a", "2024-09-10", justified=True), *(absence("a", day) for day in days)],
        coverage=covered(("2024-09-01", f"2025-03-{end:02d}")),
    )
    pupil = dr.signals(records, as_of="2025-04-02")["a"]
    if absent >= 2:
        assert pupil.legal is not None
        assert (pupil.legal.months, pupil.legal.first_month) == (1, date(2025, 3, 1))
    else:
        assert pupil.legal is None
        frame = dr.signals(records, as_of="2025-04-02").frame
        assert frame["legal_threshold"].tolist() == [0.0]


@pytest.mark.filterwarnings("ignore::decrochage_risk.errors.RecordsWarning")
def test_measures_of_a_known_month_do_not_hang_on_the_model() -> None:
    """A month at the threshold opens the same measures with a model as without, whether or not the risk is known."""
    school = MadeUpSchool()
    school.crowd(14)
    school.add("m")
    school.marked("m", "2024-09-05", "2025-03-20")
    school.away("m", "2025-02-03", "2025-02-07")
    school.away("m", "2025-03-10", "2025-03-21")
    for spans in (("2024-09-01", "2025-06-30"), ("2024-09-01", "2025-03-21")):
        records = school.records()
        records = dr.PupilRecords(
            pupils=records.pupils,
            enrolments=records.enrolments,
            absences=records.absences,
            grades=records.grades,
            coverage=covered(spans),
        )
        with pytest.warns(dr.DemoModelWarning):
            with_model = dr.score_pupils(records, as_of="2025-03-25")["m"]
        opened = [measure.code for measure in dr.signals(records, as_of="2025-03-25")["m"].measures]
        assert "commission_educative_16" in opened
        assert [one.code for one in with_model.measures if one.code in opened] == opened


@pytest.mark.parametrize("level", ["3e", "tle_pro", "cap2", "4e", "1re_pro"])
def test_who_left_during_last_year_stays_on_the_list(level: str) -> None:
    """A departure of last November is still one on 1 September and after; a year that was ended there is none of its own."""
    rows = [
        enrolment("left", level=level, end_date="2024-11-15"),
        enrolment("ended", level=level, end_date="2025-07-04"),
        enrolment("here", level="2de_pro", year=2025),
    ]
    for day in (date(2025, 8, 31), date(2025, 9, 1), date(2025, 9, 20), date(2026, 3, 5)):
        lists = lists_of(rows, [], day)
        departure = lists["left"].departure
        assert departure is not None
        assert departure.listed
        assert departure.text.startswith("sorti depuis le 15 novembre 2024")
        has_begun, ends_a_cycle = day >= date(2025, 9, 20), level in {"3e", "tle_pro", "cap2"}
        departure = lists["ended"].departure
        assert (departure is not None and departure.listed) == (has_begun and not ends_a_cycle)
