"""A headless Chromium, and the pages of the small cohort, each as people will see it: on a screen, a phone, on paper."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from decrochage_risk.evaluate import card_page
from decrochage_risk.report import count_territory, territory_report, write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
REQUIRED = "DECROCHAGE_TEST_PAGES"
"""Set by ``make test-pages``: the tests then look at pages, and fail without a browser; otherwise they are passed over."""


def _missing(cause: str) -> None:
    pytest.fail(f"make test-pages needs what is not there: {cause}. Run .ci/set-up-pages.")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start Chromium once; passed over with the reason where nobody asked for pages, or where it is not installed."""
    if not os.environ.get(REQUIRED):
        pytest.skip("looking at pages takes minutes: make test-pages does it")
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        _missing("no Chromium on the PATH")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra of the tests
    except ImportError:
        _missing("playwright is not installed (the extra pages)")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=SWITCHES)
        yield started
        started.close()


@pytest.fixture(scope="session")
def folder(
    browser: Any,  # noqa: ARG001 - no page is written where none can be looked at
    small_scores: RiskScores,
    small_cohort: Cohort,
    small_model: TrainedModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Write a whole report of the small cohort, with the card and one network."""
    index = write_report(
        small_scores, tmp_path_factory.mktemp("seen") / "pages", model=small_model, despite_verdict=True
    )
    counted = count_territory(small_scores, outcomes=small_cohort.outcomes, despite_verdict=True)
    territory_report(small_scores, counted.networks[0], index.parent / "reseau", territory=counted)
    (index.parent / "fiche-courte.html").write_text(
        card_page("# Fiche\n\n## Une partie\n\nTexte.\n"), encoding="utf-8"
    )
    return index.parent


@pytest.fixture(scope="session")
def pages(folder: Path, small_scores: RiskScores) -> dict[str, Path]:
    """Choose one page of each kind: the first of a pupil who is on a list by the estimate, of that pupil's school and class."""
    from decrochage_risk.pages import page_name  # noqa: PLC0415 - beside its use

    row = small_scores.flagged.iloc[0]
    school = folder / "etablissements" / page_name("etab", row["school_id"]).removesuffix(".html")
    return {
        "index": folder / "index.html",
        "school": school / "index.html",
        "class": school / page_name("classe", row["class_id"]),
        "pupil": school / page_name("eleve", row["pupil_id"]),
        "notice": school / page_name("notice", row["pupil_id"]),
        "network": folder / "reseau" / "index.html",
        "card": folder / "fiche.html",
        "short card": folder / "fiche-courte.html",
    }
