"""The page of the reasons, and the words that no sentence of the catalogue, of a measure or of a threshold may hold."""

from __future__ import annotations

import importlib.util
import math
import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from french_facts import DAY, SEPARATOR

from decrochage_risk import french
from decrochage_risk.explain.sentences import tell
from decrochage_risk.features import CATALOGUE, FAMILIES
from one_pupil import known_on
from reasons_page import example_records, examples_of, reasons_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from decrochage_risk.features import Feature

ROOT = Path(__file__).resolve().parents[2]
LEXICON = french.FORBIDDEN_WORDS + french.CAUSAL_WORDS + french.PRIVATE_WORDS
DAYS = (date(2024, 9, 1), date(2024, 9, 2), date(2024, 10, 1), date(2025, 3, 1), date(2025, 8, 31))
VALUES = (-12.0, -2.0, -1.0, -0.5, -0.05, 0.0, 0.05, 0.5, 1.0, 2.0, 12.0)
JARGON = re.compile(
    r"écarts? types?|log-?(?:cotes?|odds)|médiane|centile|variance|mois civils?|pente|\bAUC\b|SHAP",
    re.IGNORECASE,
)
POLICY = sorted((ROOT / "src" / "decrochage_risk" / "policy").glob("*.toml"))


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate_motifs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def page() -> str:
    """Write the page without samples, once: each of its sentences is told for it."""
    return reasons_page()


def values_of(feature: Feature) -> Iterator[float]:
    """Give what a feature can be worth: both signs, nothing, a part, one, two, many, within its unit."""
    low, high = {"share": (0, 1), "share_points": (-1, 1), "/20": (0, 20), "rank": (1, 99)}.get(
        feature.unit, (-99 if feature.wording.negative else 0, 99)
    )
    answers = (0.0, 1.0) if feature.unit == "0/1" else VALUES
    return (value for value in answers if low <= value <= high)


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
def test_no_sentence_of_the_catalogue_holds_a_label_a_cause_or_a_private_matter(feature: Feature) -> None:
    """Any value, reference, second fact and day: no word of the three lexicons, and the number of the page."""
    # As a set: many of them are the same, and each is looked through once.
    texts = {
        tell(feature, value, reference, known, companion=second)
        for known in map(known_on, DAYS)
        for value in values_of(feature)
        for reference in values_of(feature)
        for second in (math.nan, 0.0, 1.0, value)
    }
    for text in texts:
        assert french.forbidden_in(text, LEXICON) == [], text
        assert "nan" not in text


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
def test_sentences_are_plain(feature: Feature) -> None:
    """No term of statistics, no "0 retard" where French says "aucun retard", nothing longer than a reader holds."""
    known = known_on(date(2025, 3, 5))
    for value in values_of(feature):
        text = tell(feature, value, value, known).partition(SEPARATOR)[0]
        assert not JARGON.search(text), text
        assert len(text) <= 170, text
        counted = feature.family.told and feature.unit not in {"/20", "points", "rank", "0/1"}
        assert not (counted and value == 0.0 and re.search(r"(?<![\d,])0(?![\d,])", text)), text


def test_definitions_and_labels_hold_no_label_and_no_cause() -> None:
    """What a school reads of an indicator beside its sentences names no pupil by a label and gives no cause."""
    for text in (*(feature.definition for feature in CATALOGUE), *(family.label for family in FAMILIES)):
        assert french.forbidden_in(text, french.FORBIDDEN_WORDS + french.CAUSAL_WORDS) == [], text


@pytest.mark.parametrize("path", POLICY, ids=lambda path: path.name)
def test_no_text_of_the_policy_holds_a_label_or_a_cause(path: Path) -> None:
    """Measures, tiers and thresholds are worded without a label, a forecast or a cause."""
    texts = list(strings_in(tomllib.loads(path.read_text(encoding="utf-8"))))
    assert len(texts) > 10
    for text in texts:
        assert french.forbidden_in(text, french.FORBIDDEN_WORDS + french.CAUSAL_WORDS) == [], text


def strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings_in(inner)


@pytest.mark.parametrize("feature", [f for f in CATALOGUE if f.family.told], ids=lambda feature: feature.name)
def test_each_sentence_of_a_feature_is_on_the_page(feature: Feature) -> None:
    """Each sentence that a wording declares is shown with its numbers, with and without its second fact."""
    known, words = example_records(), feature.wording
    examples = examples_of(feature, known)
    assert all(f"- {example.text}\n" in page() for example in examples)
    assert all(np.isfinite(example.value) for example in examples)
    values = [example.value for example in examples]
    if feature.unit not in {"/20", "rank"}:
        assert 0.0 in values
    assert (min(values) < 0) == (words.negative is not None)
    if words.companion is not None:
        assert {np.isnan(example.second) for example in examples} == {True, False}


def test_page_names_every_told_family_and_no_silent_one() -> None:
    """One section per family that may be a reason, in order; families that are never told have none."""
    titles = [line.removeprefix("## ") for line in page().splitlines() if line.startswith("## ")]
    with_features = {feature.family.code for feature in CATALOGUE}
    assert titles == [family.label for family in FAMILIES if family.told and family.code in with_features]


def test_page_holds_samples_and_notices_when_given() -> None:
    """What is handed over is shown word for word, counted; without it the sections are not there."""
    longer = reasons_page(["un motif", "un autre"], ["# Une notice\n", "# Une autre"])
    assert "## 2 motifs tirés au hasard" in longer
    assert "- un motif\n- un autre\n" in longer
    assert longer.count("# Une") == 2
    assert longer.endswith("\n")
    assert "Notices" not in reasons_page(["un motif"])


@pytest.mark.whole
def test_page_on_disk_is_fresh_and_shows_thirty_dated_reasons() -> None:
    """The page on disk is what the code gives now; it shows 30 reasons, each with its points, a day and the reference."""
    written = (ROOT / "docs" / "motifs.md").read_text(encoding="utf-8")
    assert written == generator().generated_files()["docs/motifs.md"]
    sample = written.split("## 30 motifs tirés au hasard")[1].split("\n## ")[0]
    lines = [line for line in sample.splitlines() if line.startswith("- ")]
    assert len(lines) == 30
    for line in lines:
        assert SEPARATOR in line
        assert "point" in line
        assert re.search(DAY, line)
        assert french.forbidden_in(line, LEXICON) == []
