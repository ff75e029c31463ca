from __future__ import annotations

import json
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.errors import DemoModelWarning, JournalError, RecordsWarning
from decrochage_risk.features import build_context
from decrochage_risk.journal import Journal, folder_entry, line_of, locked, table_hash
from decrochage_risk.partitions import score_folder
from decrochage_risk.records import PupilRecords

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

AT = datetime(2025, 3, 5, 7, 30, tzinfo=UTC)
LATER = datetime(2025, 9, 1, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Return a journal in a folder that is not there yet."""
    return Journal(tmp_path / "logs" / "journal.jsonl")


def _append_many(path: Path, writer: int, lines: int) -> None:
    own = Journal(path)
    for number in range(lines):
        with locked(own.path):
            own._append(
                line_of({"kind": "test", "at": "", "writer": writer, "number": number, "fill": "x" * 5_000})
            )


def test_an_entry_says_what_the_scoring_rested_on(
    journal: Journal, small_scores: RiskScores, small_cohort: Cohort
) -> None:
    """Versions, hashes, counts, faults and flagged ids are those of the run, and no risk or value is kept."""
    run_id = journal.record(small_scores, at=AT, records=small_cohort.records)
    (entry,) = journal.entries()
    frame = small_scores.frame

    assert entry["run_id"] == run_id
    assert entry["at"] == "2025-03-05T07:30:00+00:00"
    assert entry["model"]["sha256"] == small_scores.run.model.sha256
    assert entry["policy_version"] == small_scores.run.policy_version
    assert entry["calendar_version"] == small_scores.run.calendar_version
    assert entry["flagged"] == sorted(small_scores.flagged["pupil_id"])
    assert entry["counts"]["pupils"] == len(frame)
    assert entry["counts"]["scored"] + sum(entry["counts"]["not_scored"].values()) == len(frame)
    assert set(entry["inputs"]) == {"features", "pupils", "enrolments", "absences", "grades", "orientation"}
    assert entry["faults"] == small_scores.run.faults
    numbers = {repr(risk) for risk in frame["risk"].dropna()}
    assert not numbers & set(
        journal.path.read_text(encoding="utf-8").replace(",", " ").replace(":", " ").split()
    )


def test_a_run_is_known_by_its_content_whatever_the_time(journal: Journal, small_scores: RiskScores) -> None:
    """The same scores have the same id and line at any time of day but for the time itself."""
    first, second = journal.record(small_scores, at=AT), journal.record(small_scores, at=LATER)
    entries = journal.entries()
    assert first == second
    assert entries[0] | {"at": ""} == entries[1] | {"at": ""}


def test_another_policy_or_input_is_another_run(
    journal: Journal, small_scores: RiskScores, small_cohort: Cohort, score: Callable[..., RiskScores]
) -> None:
    """A changed run has another id; shuffled rows have not."""
    flagged = small_scores.flagged["pupil_id"].iloc[0]
    other = score(small_cohort.records, explain="all", exclude=[flagged])
    assert journal.record(other, at=AT) != journal.record(small_scores, at=AT)

    absences = small_cohort.tables["absences"]
    shuffled = absences.sample(frac=1, random_state=3)
    assert table_hash(absences) == table_hash(shuffled)
    assert table_hash(absences) != table_hash(absences.iloc[1:])


@pytest.mark.whole
def test_threads_and_processes_that_append_at_once_lose_nothing(journal: Journal) -> None:
    """Every line of every writer is there, whole, and each writer's in its own order."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda writer: _append_many(journal.path, writer, 20), range(4)))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(journal.path, writer, 20)) for writer in (4, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0

    entries = journal.entries()
    for writer in range(6):
        assert [entry["number"] for entry in entries if entry["writer"] == writer] == list(range(20))
    assert len(entries) == 120


def test_a_purge_keeps_what_is_recent_and_says_how_many_went(
    journal: Journal, small_scores: RiskScores
) -> None:
    """Entries before the moment are gone, the others are the same to the byte, and a line counts those removed."""
    journal.record(small_scores, at=AT)
    journal.record(small_scores, at=LATER)
    kept = journal.path.read_bytes().splitlines(keepends=True)[1]

    assert journal.purge(before=LATER, at=LATER) == 1

    lines = journal.path.read_bytes().splitlines(keepends=True)
    assert lines[0] == kept
    said = json.loads(lines[1])
    assert (said["kind"], said["entries"]) == ("purge", 1)
    assert len(lines) == 2
    assert not list(journal.path.parent.glob("*.new"))


def test_an_erased_pupil_is_nowhere_in_the_file(journal: Journal, small_scores: RiskScores) -> None:
    """The id is gone from every entry and from the line that tells of the erasure; counts and run ids stay."""
    run_id = journal.record(small_scores, at=AT)
    journal.record(small_scores, at=LATER)
    pupil = small_scores.flagged["pupil_id"].iloc[0]

    assert journal.erase(pupil, at=LATER) == 2

    first, second, said = journal.entries()
    assert pupil not in journal.path.read_text(encoding="utf-8")
    assert first["run_id"] == second["run_id"] == run_id
    assert first["erased_ids"] == 1
    assert len(first["flagged"]) == first["counts"]["flagged"] - 1
    assert (said["kind"], said["entries"]) == ("erasure", 2)
    before = journal.path.read_bytes()
    with pytest.raises(JournalError, match="Nothing was erased"):
        journal.erase(pupil, at=LATER)
    assert journal.path.read_bytes() == before


def test_an_id_is_erased_however_its_letters_are_composed(journal: Journal) -> None:
    """A keyboard writes é as one letter and an export as two, or with a blank at the end: it is the same pupil."""
    journal.path.parent.mkdir(parents=True)
    entry = {
        "format": 1,
        "kind": "scoring",
        "at": "2025-01-01T00:00:00+00:00",
        "flagged": ["\u00e9l\u00e9ve-1", "b"],
    }
    journal.path.write_bytes(line_of(entry))
    assert journal.erase("e\u0301le\u0301ve-1 ", at=LATER) == 1
    assert journal.entries()[0]["flagged"] == ["b"]


def test_a_new_journal_is_its_owner_s_alone(journal: Journal, small_scores: RiskScores) -> None:
    """It holds ids of pupils: nobody else may read it, and a purge keeps the rights that an operator gave it."""
    former = os.umask(0)
    try:
        journal.record(small_scores, at=AT)
        assert journal.path.stat().st_mode & 0o777 == 0o600
        journal.path.chmod(0o640)
        journal.purge(before=AT, at=LATER)
        assert journal.path.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(former)


def test_a_line_cut_off_by_a_crash_stays_alone(journal: Journal, small_scores: RiskScores) -> None:
    """The next record starts on its own line, reading warns of the broken one, and a purge removes and counts it."""
    journal.record(small_scores, at=AT)
    with journal.path.open("ab") as file:
        file.write(b'{"kind": "scoring", "flagged": ["P0')
    journal.record(small_scores, at=LATER)

    with pytest.warns(RecordsWarning, match="Line 2 of "):
        entries = journal.entries()
    assert [entry["kind"] for entry in entries] == ["scoring", "scoring"]

    journal.purge(before=AT, at=LATER)
    assert journal.entries()[-1]["unread_lines"] == 1
    assert b'"flagged": ["P0' not in journal.path.read_bytes()


@pytest.mark.parametrize("at", ["2025-03-05", "soon", datetime(2025, 3, 5), None, 3])
def test_a_time_without_zone_is_refused(journal: Journal, small_scores: RiskScores, at: object) -> None:
    """A log needs moments that can be put in order."""
    with pytest.raises(JournalError, match="Hint: ") as refused:
        journal.record(small_scores, at=at)
    assert "with its time zone" in str(refused.value)
    assert not journal.path.exists()


def test_a_purge_of_the_future_is_refused(journal: Journal) -> None:
    """Entries that are still to come cannot be removed."""
    with pytest.raises(JournalError, match="a moment in the past"):
        journal.purge(before=LATER, at=AT)


def test_a_journal_of_a_later_format_is_left_alone(journal: Journal) -> None:
    """Reading and purging refuse what they do not understand, and change nothing."""
    journal.path.parent.mkdir()
    journal.path.write_bytes(line_of({"format": 2, "kind": "scoring", "at": "2025-01-01T00:00:00+00:00"}))
    before = journal.path.read_bytes()
    for refused in (journal.entries, lambda: journal.erase("a", at=AT)):
        with pytest.raises(JournalError, match="format 2"):
            refused()
    assert journal.path.read_bytes() == before


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path, small_scores: RiskScores) -> None:
    """A folder in its place, or a file in place of its folder, is refused plainly."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (tmp_path, tmp_path / "file" / "journal.jsonl"):
        with pytest.raises(JournalError, match="cannot be"):
            Journal(path).record(small_scores, at=AT)


def test_a_writer_that_hangs_is_not_waited_for_for_ever(journal: Journal) -> None:
    """Whoever cannot get the lock in time is told so; the lock is free again afterwards."""
    with (
        locked(journal.path),
        pytest.raises(JournalError, match="locked by another writer"),
        locked(journal.path, patience=0.05),
    ):
        pytest.fail("two writers at once")
    with locked(journal.path, patience=0.05):
        assert journal.path.with_name("journal.jsonl.lock").exists()


@pytest.mark.whole
def test_a_table_in_several_files_is_hashed_too(
    small_cohort: Cohort, small_model: TrainedModel, tmp_path: Path
) -> None:
    """Every file that was read has its hash, those of a table given as a folder of Parquet parts under its name."""
    extracts = tmp_path / "extracts"
    small_cohort.write(extracts)
    (extracts / "absences").mkdir()
    (extracts / "absences.parquet").rename(extracts / "absences" / "part-0.parquet")
    with pytest.warns(DemoModelWarning):
        done = score_folder(extracts, tmp_path / "out", as_of="2025-03-05", model=small_model)

    entry = folder_entry(done, extracts, at=AT)

    assert {"pupils.parquet", "absences/part-0.parquet"} <= set(entry["inputs"])
    (extracts / "absences" / "part-0.parquet").write_bytes(b"other")
    assert folder_entry(done, extracts, at=AT)["run_id"] != entry["run_id"]
    with pytest.raises(JournalError, match="There is no extract in"):
        folder_entry(done, tmp_path / "elsewhere", at=AT)


def test_the_table_context_is_hashed(
    journal: Journal, small_cohort: Cohort, score: Callable[..., RiskScores], as_of: date
) -> None:
    """Features read the table context: its hash is kept with those of the other tables."""
    names = ("pupils", "enrolments", "absences", "grades", "orientation")
    tables = {name: getattr(small_cohort.records, name) for name in names}
    records = PupilRecords(**tables, context=build_context(small_cohort.records, as_of))
    journal.record(score(records), at=AT, records=records)
    assert "context" in journal.entries()[0]["inputs"]


def test_other_things_than_scores_are_refused(journal: Journal, small_scores: RiskScores) -> None:
    """A frame in place of scores and a path in place of records are told together, and no file is made."""
    with pytest.raises(
        JournalError, match="scores is a DataFrame, not RiskScores; records is a str, not PupilRecords"
    ) as refused:
        journal.record(small_scores.frame, at=AT, records="extracts")  # type: ignore[arg-type]
    assert "Hint:" in str(refused.value)
    assert not journal.path.parent.exists()


def test_nothing_is_removed_from_a_journal_that_is_not_there(journal: Journal) -> None:
    """On a mistyped path an erasure or a purge would have removed nothing, and said so to nobody: it is refused."""
    for removed in (lambda: journal.erase("a", at=AT), lambda: journal.purge(before=AT, at=AT)):
        with pytest.raises(JournalError, match="There is no journal"):
            removed()
    assert not journal.path.parent.exists()


def test_no_journal_has_no_entries(journal: Journal) -> None:
    """A journal that was never written is empty, and reading it makes no file."""
    assert journal.entries() == []
    assert not journal.path.exists()
