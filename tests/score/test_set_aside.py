"""Laws of quarantine: what was set aside as faulty is never read as if it had not happened."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from decrochage_risk import PupilRecords, RecordsWarning, score_folder, score_pupils
from decrochage_risk.records.transmission import LEAST_SET_ASIDE, SET_ASIDE_SHARE
from decrochage_risk.score.run_facts import NOT_READ

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

AS_OF = "2025-03-05"
WORDS = {"absences": "absences", "grades": "notes"}
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def tables(small_cohort: Cohort) -> Tables:
    """Tables of some sixty pupils who are enrolled on the day and have rows of both tables."""
    of_year = small_cohort.tables["enrolments"].query("school_year == 2024")
    school = of_year["school_id"].value_counts().index[0]
    pupils = set(of_year.loc[of_year["school_id"] == school, "pupil_id"])
    names = ("pupils", "enrolments", "absences", "grades", "orientation")
    return {
        name: rows[rows["pupil_id"].isin(pupils)].reset_index(drop=True)
        for name in names
        for rows in (small_cohort.tables[name],)
    }


def _scores(tables: Tables, model: TrainedModel, **options: Any) -> tuple[RiskScores, list[str]]:
    """Score what the quarantine keeps; also give the warnings about records."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores = score_pupils(
            PupilRecords(**tables, on_fault="quarantine"),
            model=model,
            **{"as_of": AS_OF, "explain": "all"} | options,
        )
    return scores, [str(each.message) for each in caught if issubclass(each.category, RecordsWarning)]


def _rows_of_year(tables: Tables, table: str, pupil: str) -> list[int]:
    rows = tables[table]
    day = pd.to_datetime(rows["date"])
    known = (day >= "2024-09-01") & (day < AS_OF)
    return rows.index[(rows["pupil_id"] == pupil) & known].tolist()


def _someone(tables: Tables, model: TrainedModel, table: str, least: int) -> str:
    """Choose a pupil with a risk and at least so many rows of the year."""
    frame = _scores(tables, model, explain="none")[0].frame
    scored = frame.loc[frame["risk"].notna(), "pupil_id"]
    return next(pupil for pupil in scored if len(_rows_of_year(tables, table, pupil)) >= least)


def _unreadable_date(rows: pd.DataFrame, places: list[int]) -> pd.DataFrame:
    texts = pd.to_datetime(rows["date"]).dt.strftime("%Y-%m-%d")
    return rows.assign(date=texts.where(~rows.index.isin(places), "24-31-9"))


def _wrong_value(rows: pd.DataFrame, places: list[int]) -> pd.DataFrame:
    column = "half_days" if "half_days" in rows else "value"
    texts = rows[column].astype("object")
    return rows.assign(**{column: texts.where(~rows.index.isin(places), -50)})


def _zero_lost(rows: pd.DataFrame, places: list[int]) -> pd.DataFrame:
    """Write the id of these rows as an export does that took it for a number or padded it."""
    ids = rows["pupil_id"].astype("object")
    return rows.assign(pupil_id=ids.where(~rows.index.isin(places), "00" + ids.astype("str").str.lower()))


@pytest.mark.whole
@pytest.mark.parametrize("table", ["absences", "grades"])
@pytest.mark.parametrize("spoil", [_unreadable_date, _wrong_value, _zero_lost])
def test_a_pupil_of_whom_much_was_set_aside_has_no_risk(
    small_model: TrainedModel,
    tables: Tables,
    table: str,
    spoil: Callable[[pd.DataFrame, list[int]], pd.DataFrame],
) -> None:
    """All of a pupil's rows of a table unreadable: no risk, a cause that names the table, counted; nobody else changes."""
    pupil = _someone(tables, small_model, table, 5)
    before = _scores(tables, small_model)[0]
    after, told = _scores(
        tables | {table: spoil(tables[table], _rows_of_year(tables, table, pupil))}, small_model
    )
    cause = f"{WORDS[table]} : {NOT_READ}"
    assert after[pupil].risk is None
    assert after[pupil].cause == cause
    assert after.run.to_dict()["not_read"] == {cause: 1}
    assert any("faulty and were set aside" in text for text in told)
    others = before.frame["pupil_id"] != pupil
    columns = ["pupil_id", "risk", "cause", "flagged"]
    assert_frame_equal(before.frame.loc[others, columns], after.frame.loc[others, columns])


@pytest.mark.whole
def test_the_share_decides(small_model: TrainedModel, tables: Tables) -> None:
    """Fewer rows than `LEAST_SET_ASIDE`, or than the share, leave a risk; at the share there is none."""
    pupil = _someone(tables, small_model, "grades", 20)
    places = _rows_of_year(tables, "grades", pupil)
    at_share = int(np.ceil(SET_ASIDE_SHARE * len(places)))
    assert at_share > LEAST_SET_ASIDE
    for count, has_risk in ((1, True), (at_share - 1, True), (at_share, False)):
        spoilt = tables | {"grades": _unreadable_date(tables["grades"], places[:count])}
        one = _scores(spoilt, small_model, explain="none")[0][pupil]
        assert (one.risk is not None) is has_risk, count
        assert one.data.set_aside == count


@pytest.mark.whole
def test_two_rows_are_too_few_to_say_so(small_model: TrainedModel, tables: Tables) -> None:
    """Of a pupil with two rows, both unreadable, a risk remains; but none of their counts of 0 is to their credit."""
    frame = _scores(tables, small_model, explain="none")[0].frame
    scored = frame.loc[frame["risk"].notna(), "pupil_id"]
    pupil = next(
        pupil for pupil in scored if len(_rows_of_year(tables, "absences", pupil)) <= LEAST_SET_ASIDE - 1
    )
    places = _rows_of_year(tables, "absences", pupil)
    rows = tables["absences"]
    rest = rows[(rows["pupil_id"] != pupil) | rows.index.isin(places)].reset_index(drop=True)
    if not places:
        extra = rows.iloc[[0]].assign(pupil_id=pupil)
        rest = pd.concat([rest, extra], ignore_index=True)
    own = rest.index[rest["pupil_id"] == pupil].tolist()
    one = _scores(tables | {"absences": _unreadable_date(rest, own)}, small_model)[0][pupil]
    assert one.risk is not None
    of_absences = {"absent", "absence", "lateness", "exclusion", "half_days"}
    zeros = [reason.code for reason in one.protective if reason.value == 0]
    assert not [code for code in zeros if any(word in code for word in of_absences)]


@pytest.mark.whole
def test_faulty_rows_of_the_future_or_of_another_year_set_nobody_aside(
    small_model: TrainedModel, tables: Tables
) -> None:
    """A wrong value dated after the day, or in an earlier school year, changes no risk and no cause."""
    pupil = _someone(tables, small_model, "absences", 5)
    before = _scores(tables, small_model, explain="none")[0]
    row = tables["absences"].loc[_rows_of_year(tables, "absences", pupil)[:1]]
    for day in ("2025-03-05", "2025-05-20", "2023-11-14"):
        extra = [
            row.assign(date=pd.Timestamp(day) + pd.Timedelta(days=7 * n), half_days=-50, justified_on=pd.NaT)
            for n in range(4)
        ]
        spoilt = pd.concat([tables["absences"], *extra], ignore_index=True)
        after = _scores(tables | {"absences": spoilt}, small_model, explain="none")[0]
        assert_frame_equal(before.frame[["risk", "cause"]], after.frame[["risk", "cause"]])


@pytest.mark.whole
def test_parts_say_the_same(small_model: TrainedModel, tables: Tables, tmp_path: Path) -> None:
    """A folder scored in parts has the causes and the counts of one that is scored whole."""
    pupil = _someone(tables, small_model, "absences", 5)
    places = _rows_of_year(tables, "absences", pupil)
    spoilt = tables | {"absences": _zero_lost(tables["absences"], places)}
    whole, _ = _scores(spoilt, small_model, explain="none")
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, rows in spoilt.items():
        rows.to_parquet(folder / f"{name}.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = score_folder(
            folder, tmp_path / "out", as_of=AS_OF, model=small_model, partitions=3, on_fault="quarantine"
        )
    parts = pd.read_parquet(tmp_path / "out" / "scores.parquet").set_index("pupil_id")["cause"]
    own = whole.frame.set_index("pupil_id")["cause"]
    assert parts.reindex(own.index).fillna("").tolist() == own.fillna("").tolist()
    assert result.digest.run.not_read == whole.run.not_read == {f"absences : {NOT_READ}": 1}
