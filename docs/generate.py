"""Write every file of the project that is generated from the code: the schemas and pages of the documentation.

Run ``python docs/generate.py`` after a change of a table, a column, a rule or a feature; a test fails while a file is
stale. With ``--check`` nothing is written, and stale files end it with 1.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from functools import cache
from pathlib import Path

import numpy as np

from conclusions_page import conclusions_files
from decrochage_risk import french
from decrochage_risk.errors import DemoModelWarning
from decrochage_risk.feedback import FEEDBACK
from decrochage_risk.notices import notice
from decrochage_risk.records.payload import payload_schema
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.score import RiskScores, score_pupils
from decrochage_risk.synthetic import Cohort, make_cohort
from devices_page import devices_page
from features_page import features_page
from gallery_page import gallery_files, words_of
from imports_page import imports_page
from pupil_risk_schema import pupil_risk_schema, risk_scores_schema
from reasons_page import reasons_page
from records_page import records_page, schema_of, schemas

PLURAL_FROM = 2
REASONS_SHOWN = 30
ADULT = 18
NOTICE_YEAR = 2024
ROOT = Path(__file__).resolve().parent.parent


@cache
def generated_files() -> dict[str, str]:
    """Make the text of every generated file, by its path under the root of the project.

    Another generated page is one more entry here.
    """
    return {
        **{
            f"data/schema/{name}.schema.json": json.dumps(schema, ensure_ascii=True, indent=2) + "\n"
            for name, schema in {
                **schemas(),
                "feedback": schema_of(FEEDBACK),
                "pupil_records": payload_schema(),
                "pupil_risk": pupil_risk_schema(),
                "risk_scores": risk_scores_schema(),
            }.items()
        },
        "docs/records.md": records_page(),
        "docs/features.md": features_page(),
        "docs/dispositifs.md": devices_page(),
        "docs/imports.md": imports_page(),
        **conclusions_files(),
        **gallery_files(synthetic_scores(), synthetic_cohort()),
        "docs/motifs.md": reasons_page(sampled_reasons(synthetic_scores()), sampled_notices()),
    }


@cache
def synthetic_cohort() -> Cohort:
    """Draw the synthetic pupils of the pages."""
    return make_cohort(800, [2022, 2023, 2024], seed=30)


@cache
def synthetic_scores() -> RiskScores:
    """Score synthetic pupils with the bundled model; the situations to be looked at are explained."""
    cohort = synthetic_cohort()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DemoModelWarning)
        return score_pupils(cohort.records, as_of="2025-03-05")


def sampled_reasons(scores: RiskScores) -> list[str]:
    """Draw some reasons, with the points that each adds or removes."""
    order = np.random.default_rng(2024).permutation(len(scores.reasons))
    chosen = scores.reasons.iloc[order].head(REASONS_SHOWN)
    return [
        f"{reason.text} ({french.signed(reason.points, 1)} {point_of(reason.points)})"
        for reason in chosen.itertuples()
    ]


NOTICES = (
    ("Élève dont la situation est à examiner", "flagged"),
    ("Élève dont la situation n'est pas à examiner", "not flagged"),
    ("Élève sans estimation, arrivé depuis moins de trois semaines", "abstained"),
    ("Élève dont la famille s'est opposée", "objector"),
    ("Élève majeur", "adult"),
    ("Élève dont l'inscription a pris fin", "left"),
)
"""The notices of the page, by what they are of; one title each."""


@cache
def noticed_scores() -> tuple[RiskScores, dict[str, str]]:
    """Score the same pupils, all explained, one of them too new and one objecting; and choose a pupil for each notice."""
    frame = synthetic_scores().frame
    minor = frame["age_years"] < ADULT
    others = frame.loc[frame["risk"].notna() & ~frame["flagged"] & minor, "pupil_id"]
    chosen = {
        "flagged": frame.loc[frame["flagged"] & minor, "pupil_id"].iloc[0],
        "not flagged": others.iloc[0],
        "abstained": others.iloc[1],
        "objector": others.iloc[2],
        "adult": frame.loc[frame["flagged"] & ~minor, "pupil_id"].iloc[0],
        "left": frame.loc[frame["departure_listed"], "pupil_id"].iloc[0],
    }
    cohort = synthetic_cohort()
    enrolments = cohort.tables["enrolments"]
    is_new = (enrolments["pupil_id"] == chosen["abstained"]) & (enrolments["school_year"] == NOTICE_YEAR)
    enrolments = enrolments.assign(
        start_date=enrolments["start_date"].where(~is_new, np.datetime64("2025-02-24", "s"))
    )
    tables = {name: cohort.tables[name] for name in ("absences", "grades", "orientation")}
    records = PupilRecords(cohort.tables["pupils"], enrolments, **tables, calendar=cohort.calendar)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DemoModelWarning)
        scores = score_pupils(records, as_of="2025-03-05", explain="all", exclude=[chosen["objector"]])
    return scores, chosen


def sampled_notices() -> list[str]:
    """Write a notice of each kind, under a title that says of whom it is."""
    scores, chosen = noticed_scores()
    pages = [(title, notice(scores, chosen[kind]).to_markdown()) for title, kind in NOTICES]
    return [
        f"### {title}\n\n" + re.sub(r"^(#+) ", r"###\1 ", page, flags=re.MULTILINE) for title, page in pages
    ]


def point_of(points: float) -> str:
    """Write the noun of a number of points, in the singular under 2."""
    return "point" if abs(french.rounded(points, 1)) < PLURAL_FROM else "points"


def stale_files() -> dict[str, str]:
    """Find the generated files that are missing or hold something else than what the code would write now."""
    return {
        name: text
        for name, text in generated_files().items()
        if not (ROOT / name).is_file() or _differs(name, (ROOT / name).read_bytes().decode("utf-8"), text)
    }


def _differs(name: str, on_disk: str, text: str) -> bool:
    """Whether a file says something else; of a plot the words count, as each version of Matplotlib draws in its own way."""
    if name.endswith(".svg") and Path(name).name.startswith("galerie-"):
        return words_of(on_disk) != words_of(text)
    return on_disk != text


def main(arguments: list[str]) -> int:
    """Write the stale files, or only name them with ``--check``; say which ones."""
    if arguments not in ([], ["--check"]):
        print(f"Unknown arguments: {' '.join(arguments)}.\nUsage: python docs/generate.py [--check]")
        return 2
    stale = stale_files()
    for name, text in stale.items():
        if arguments:
            print(f"stale   {name}: run python docs/generate.py")
            continue
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"written {name}")
    if not stale:
        print("Every generated file is up to date.")
    return 1 if stale and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
