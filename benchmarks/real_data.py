"""The machinery on real public data: dated records of adult learners, and a plain table of pupils.

Neither says anything about French pupils. The first tests the whole path (check, train, evaluate, score) on real
dated records with real withdrawals, the second the risk model alone on a small public table.

Run ``python benchmarks/real_data.py --data FOLDER``; without a folder it says what the folder must hold. With
``--markdown FILE`` the tables are written there too, between the markers of ``docs/evidence.md`` when FILE has them.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import decrochage_risk as dr
from decrochage_risk.evaluate import Figures, logistic_baseline, measure
from decrochage_risk.evaluate.tables import markdown_table, text_table
from decrochage_risk.features import build_features
from decrochage_risk.risk import RiskModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

NEEDS = """Pass the folder of the real data: python benchmarks/real_data.py --data FOLDER

FOLDER holds (a part that is missing is an error, nothing is downloaded):
  oulad_records/         the Open University Learning Analytics Dataset (Kuzilek, Hlosta, Zdrahal, Scientific Data 4:170171,
                         2017; CC BY 4.0) as tables of docs/records.md: pupils, enrolments, grades, orientation, outcomes, and
                         calendar.csv with every weekday as a school day. One pupil per learner and presentation;
                         school_year = the one that holds its first day; outcome left_without_diploma = withdrawn.
  oulad_clicks_records/  the same for AAA 2013J, AAA 2014J, BBB 2013B and BBB 2013J, with absences = days without activity.
  uci_student/           student-mat.csv and student-por.csv, separated by ";": UCI 320, Student Performance (Cortez and Silva
                         2008; CC BY 4.0)."""

CLOSES = (10, 1)
"""A presentation of 1 October ends within the year: its withdrawals are all known on the next 1 October."""
TRAIN_YEARS = (2012, 2013)
TEST_DAYS = {28: "2014-10-29", 56: "2014-11-26"}
YEAR_BEFORE = {28: "2013-10-29", 56: "2013-11-26"}
AUTUMN_AND_SPRING_2013 = ("2013-03-01", "2013-03-29", "2013-10-29", "2013-11-26")
RUNS_ON_RECORDS = {
    # Days 28 and 56 of 2013B, 2013J and 2014B. In March 2014 the learners of 2013J are enrolled too, and have rows.
    "oulad": ("oulad_records", (*AUTUMN_AND_SPRING_2013, "2014-03-01", "2014-03-29")),
    # The same without these two dates, and so without 2014B.
    "oulad, no 2014B": ("oulad_records", AUTUMN_AND_SPRING_2013),
    # The first, with the table context: reference values of each module on each of the dates, from what was known on it.
    "oulad, context": ("oulad_records", (*AUTUMN_AND_SPRING_2013, "2014-03-01", "2014-03-29")),
    # No 2014B here, and nothing of BBB 2013J is known after 10 February 2014: no later date.
    "clicks": ("oulad_clicks_records", AUTUMN_AND_SPRING_2013),
}
"""Folder and as-of dates of the training of each run."""

WITH_CONTEXT = "oulad, context"

PASS_MARK = 10
STUDENT_DIRECTIONS = {"G1": -1, "G2": -1, "failures": 1, "absences": 1}
STUDENT_SETS: dict[str, tuple[str, ...]] = {"G1 and G2": (), "G1": ("G2",), "neither": ("G1", "G2")}
"""The three sets of Cortez and Silva: what is known of the year's marks, and the columns that it leaves out."""
FOLDERS = ("oulad_records", "oulad_clicks_records", "uci_student")
FOLDS, RUNS = 10, 3
BEGIN, END = "<!-- real_data: begin -->", "<!-- real_data: end -->"

LOGISTIC = "logistic regression, same columns"
ENGLISH = {
    "régression logistique": LOGISTIC,
    "taux de l'établissement seul": "module's rate alone",
    "repère de Chicago (on-track)": "on-track flag",
    "indicateurs ABC (au moins un)": "ABC flag",
    "règle légale d'absence": "legal absence flag",
}

FIGURES = ("auc", "average_precision", "log_loss", "brier", "slope", "intercept", "ece")
LABELS = ("AUC", "AP", "log loss", "Brier", "slope", "intercept", "ECE")


@dataclass(frozen=True)
class Table:
    """A table of the result."""

    title: str
    header: list[str]
    rows: list[list[str]]

    def __str__(self) -> str:
        return f"{self.title}\n\n{text_table(self.header, self.rows)}\n"

    def to_markdown(self) -> str:
        """Write the table in Markdown."""
        return f"{self.title}\n\n{markdown_table(self.header, self.rows)}\n"


def cell(value: float | None, digits: int = 4) -> str:
    """Write a figure; "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def note(line: str) -> None:
    """Say on the error stream what goes on."""
    print(line, file=sys.stderr, flush=True)


class Timer:
    """Seconds since the last time it was asked."""

    def __init__(self) -> None:
        self._last = perf_counter()

    def __call__(self) -> float:
        """Seconds since the last call."""
        now = perf_counter()
        spent, self._last = now - self._last, now
        return spent


@dataclass(frozen=True)
class Run:
    """What one run on dated records gives, as rows of tables."""

    figures: list[list[str]]
    counts: list[list[str]]
    modules: list[list[str]]


def with_context(records: dr.PupilRecords, days: Sequence[object]) -> dr.PupilRecords:
    """Give the records the reference values of their modules on some days."""
    return dr.PupilRecords(
        records.pupils, records.enrolments, grades=records.grades, orientation=records.orientation,
        outcomes=records.outcomes, context=dr.build_context(records, list(days)), calendar=records.calendar,
    )  # fmt: skip


def on_records(name: str, folder: Path, dates: Sequence[str]) -> Run:
    """Read, train, evaluate and score one folder."""
    timer = Timer()
    records = dr.PupilRecords.read(folder)
    if name == WITH_CONTEXT:
        records = with_context(records, [*dates, *TEST_DAYS.values()])
    read = timer()
    model = dr.train_model(
        records, as_of_dates=dates, school_years=TRAIN_YEARS, outcome_closes=CLOSES, name=folder.name
    )
    trained = timer()
    run = Run([], [], [])
    for day, as_of in TEST_DAYS.items():
        timer()
        report = dr.evaluate_model(model, records, as_of_dates=[as_of], outcome_closes=CLOSES)
        evaluated = timer()
        scores = dr.score_pupils(records, as_of=as_of, model=model, explain="all")
        scored = timer()
        named = {"model": report.figures, **report.baselines}
        run.figures.extend([name, str(day), *figures_of(score, found)] for score, found in named.items())
        known, explained = scores.frame["risk"].notna(), scores.frame["explained"]
        counts = [model.trained_on["rows"], len(scores), int(known.sum()), int(explained.sum())]
        seconds = [cell(value, 1) for value in (read, trained, evaluated, scored)]
        run.counts.append([name, str(day), *map(str, counts), *seconds])
        run.modules.extend([str(day), *row] for row in by_module(records, scores, YEAR_BEFORE[day]))
        note(f"{name}, day {day}: done")
    return run


def by_module(records: dr.PupilRecords, scores: dr.RiskScores, year_before: str) -> Iterator[list[str]]:
    """Figures of the model in each module, and its share of low marks now and in the presentation before."""
    outcomes = records.outcomes
    if outcomes is None:
        return
    of_year = outcomes[outcomes["school_year"] == TRAIN_YEARS[-1] + 1].set_index("pupil_id")["outcome"]
    outcome = scores.frame["pupil_id"].map(of_year).astype(object)
    measured = scores.frame.assign(
        left=(outcome == "left_without_diploma").astype(float),
        low_marks=scores.features["low_marks_share_12w"].to_numpy(),
        module=scores.frame["class_id"].astype(object),
    )[scores.frame["risk"].notna() & outcome.notna() & (outcome != "unknown")]
    then = build_features(records, year_before)["low_marks_share_12w"]
    earlier = then.groupby(then.index.astype(str).str[:5]).mean()
    for module, rows in measured.groupby("module"):
        found = measure(rows["left"], rows["risk"])
        before = earlier.get(f"{str(module)[:3]}13")
        marks = [
            cell(None if value is None or np.isnan(value) else value, 3)
            for value in (before, rows["low_marks"].mean())
        ]
        figures = (found.base_rate, found.mean_risk, found.auc, found.slope)
        yield [str(module), str(found.rows), str(found.events), *map(cell, figures), *marks]


def figures_of(name: str, found: Figures) -> list[str]:
    """Cells of one score on one day."""
    head = [
        ENGLISH.get(name, name),
        str(found.rows),
        str(found.events),
        cell(found.base_rate),
        cell(found.mean_risk),
    ]
    return [*head, *(cell(getattr(found, key)) for key in (FIGURES[0], "within_school_auc", *FIGURES[1:]))]


def record_tables(data: Path) -> list[Table]:
    """Tables of the runs on dated records."""
    runs = {name: on_records(name, data / folder, dates) for name, (folder, dates) in RUNS_ON_RECORDS.items()}
    shown = [
        "run",
        "day",
        "score",
        "rows",
        "events",
        "base rate",
        "mean risk",
        LABELS[0],
        "AUC within module",
    ]
    counted = ["run", "day", "training rows", "pupils", "scored", "explained"]
    seconds = ["read (s)", "train (s)", "evaluate (s)", "score, explain all (s)"]
    module = ["day", "module", "rows", "events", "base rate", "mean risk", "AUC", "slope"]
    marks = ["low marks, 2013J", "low marks, 2014J"]
    return [
        Table(
            "Withdrawal from 2014J, trained on presentations before it",
            [*shown, *LABELS[1:]],
            [row for run in runs.values() for row in run.figures],
        ),
        Table(
            "The same runs: what was scored, and seconds",
            [*counted, *seconds],
            [row for run in runs.values() for row in run.counts],
        ),
        Table("The model of the first run, by module", [*module, *marks], next(iter(runs.values())).modules),
    ]


def student_table(data: Path) -> Table:
    """Pass or fail of the public table of pupils, by 10-fold cross-validation, mean of several runs."""
    rows = []
    for subject in ("mat", "por"):
        table = pd.read_csv(data / "uci_student" / f"student-{subject}.csv", sep=";")
        failed = np.asarray(table["G3"] < PASS_MARK, dtype=np.float64)
        columns = pd.get_dummies(table.drop(columns="G3"), dtype=float)
        for known, without in STUDENT_SETS.items():
            timer = Timer()
            features = columns.drop(columns=list(without))
            by_score: dict[str, list[Floats]] = {"model": [], LOGISTIC: []}
            for risk, logistic in held_out_risks(features, failed):
                by_score["model"].append(risk)
                by_score[LOGISTIC].append(logistic)
            spent = timer()
            label = [subject, known]
            rows += [[*label, name, *student_cells(failed, risks)] for name, risks in by_score.items()]
            rows.append(
                [*label, "last known mark, or the commoner class", *naive_cells(table, failed, known)]
            )
            note(f"uci_student, {subject}, {known}: {spent:.0f} s")
    head = ["table", "marks known", "score", "rows", "events", "accuracy", "sd over runs"]
    title = f"Final mark under {PASS_MARK}/20, {FOLDS}-fold cross-validation, mean of {RUNS} runs"
    return Table(title, [*head, *LABELS], rows)


def held_out_risks(features: pd.DataFrame, failed: Floats) -> Iterator[tuple[Floats, Floats]]:
    """For each run, the held-out risks of the model and of the logistic regression."""
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 - heavy: loaded on first use

    directions = {name: way for name, way in STUDENT_DIRECTIONS.items() if name in features}
    for run in range(RUNS):
        risk, logistic = np.empty(len(failed)), np.empty(len(failed))
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=run).split(features, failed):
            seen, unseen = features.iloc[train].reset_index(drop=True), features.iloc[test]
            risk[test] = RiskModel.fit(seen, failed[train], directions=directions).risk(unseen)
            logistic[test] = logistic_baseline(seen, failed[train])(unseen).score
        yield risk, logistic


def student_cells(failed: Floats, risks: list[Floats]) -> list[str]:
    """Cells of one score: means over the runs."""
    right = [float(((risk > 0.5) == failed).mean()) for risk in risks]
    measured = [measure(failed, risk) for risk in risks]
    means = [float(np.mean([getattr(figures, key) for figures in measured])) for key in FIGURES]
    counts = [str(len(failed)), str(int(failed.sum()))]
    return [*counts, cell(float(np.mean(right))), cell(float(np.std(right))), *map(cell, means)]


def naive_cells(table: pd.DataFrame, failed: Floats, known: str) -> list[str]:
    """Cells of the naive predictor of Cortez and Silva: the last mark known, or the commoner class."""
    last = {"G1 and G2": "G2", "G1": "G1"}.get(known)
    guess = (
        np.full(len(failed), failed.mean() > 0.5) if last is None else (table[last] < PASS_MARK).to_numpy()
    )
    right = float((guess == failed).mean())
    return [str(len(failed)), str(int(failed.sum())), cell(right), *(["-"] * (1 + len(FIGURES)))]


def write_markdown(path: Path, tables: Sequence[Table]) -> None:
    """Write the tables into a file, between its markers when it has them."""
    text = "\n".join(table.to_markdown() for table in tables)
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if BEGIN in before and END in before:
        head, rest = before.split(BEGIN, maxsplit=1)
        text = f"{head}{BEGIN}\n\n{text}\n{END}{rest.split(END, maxsplit=1)[1]}"
    path.write_text(text, encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything; 2 when the folder is not named or not whole."""
    parser = argparse.ArgumentParser(description="The machinery on real public data.")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder of the real data")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    chosen = parser.parse_args(arguments)
    if chosen.data is None:
        print(NEEDS)
        return 2
    missing = [name for name in FOLDERS if not (chosen.data / name).is_dir()]
    if missing:
        print(f"Missing in {chosen.data}: {', '.join(missing)}\n\n{NEEDS}")
        return 2
    with warnings.catch_warnings():
        # Three cautions that hold for this data by construction: repeated marks, days without classes, no
        # justified_on; ``decrochage-risk check`` prints them.
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        tables = [*record_tables(chosen.data), student_table(chosen.data)]
    print("\n".join(map(str, tables)))
    if chosen.markdown is not None:
        write_markdown(chosen.markdown, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
