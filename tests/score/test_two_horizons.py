"""One model of both horizons: two numbers, each with its name, its threshold, its reasons and its place on the list."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.artefact import seal, unseal
from decrochage_risk.errors import ArtefactError, ModelError, PolicyError, TrainingWarning
from decrochage_risk.partitions.parts import SCHEMAS
from decrochage_risk.policy import Policy, load_policy
from decrochage_risk.policy.vigilance import VigilanceTable
from decrochage_risk.records.levels import PATH_LEVELS
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.calibration import probability
from decrochage_risk.score.pupil_risk import PupilRisk
from decrochage_risk.score.run_facts import RunFacts
from decrochage_risk.score.scoring import NO_PATH, NOT_A_PATH_LEVEL
from decrochage_risk.train import combine_horizons, train_model
from decrochage_risk.train.publication import PATH_HEADING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores
    from decrochage_risk.synthetic import Cohort

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def path_model(small_cohort: Cohort) -> TrainedModel:
    """Train a small model of three years, on the only year whose path is known."""
    with pytest.warns(TrainingWarning):
        return train_model(
            small_cohort.records,
            small_cohort.outcomes,
            horizon_years=3,
            synthetic=True,
            hold_out_schools=False,
            options=FitOptions(max_rounds=20, members=2),
        )


@pytest.fixture(scope="module")
def both(small_model: TrainedModel, path_model: TrainedModel) -> TrainedModel:
    """Put the two models together."""
    return small_model.with_path(path_model)


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Lower the thresholds of the path, so that some pupils of a small cohort pass them and some do not."""
    policy = load_policy()
    assert policy.of_horizon(3).table.group_of("4e").targeted == policy.table.path[0].targeted
    path = tuple(
        group.model_copy(update={"base_rate": 0.01, "targeted": 0.12, "secured": 0.3})
        for group in policy.table.path
    )
    table = VigilanceTable(
        **{name: getattr(policy.table, name) for name in VigilanceTable.model_fields} | {"path": path}
    )
    return Policy(version=policy.version, table=table, measures=policy.measures)


@pytest.fixture(scope="module")
def scores(
    small_cohort: Cohort, score: Callable[..., RiskScores], both: TrainedModel, policy: Policy
) -> RiskScores:
    """Score the small cohort over both horizons, everybody explained."""
    return score(small_cohort.records, model=both, policy=policy, explain="all")


def test_the_year_is_as_without_the_path(scores: RiskScores, small_scores: RiskScores) -> None:
    """The risk within the year, its interval and its cause do not change by one bit when the path is there too."""
    for name in ("risk", "risk_low", "risk_high", "cause", "comparable_share"):
        pd.testing.assert_series_equal(scores.frame[name], small_scores.frame[name])
    assert small_scores.frame["path_risk"].isna().all()
    at_risk = small_scores.frame["cause"].isna()
    assert set(small_scores.frame.loc[at_risk, "path_cause"]) == {NO_PATH, NOT_A_PATH_LEVEL}
    assert {pupil.path for pupil in small_scores} == {None}


def test_the_path_is_what_its_own_model_gives(
    scores: RiskScores, small_cohort: Cohort, score: Callable[..., RiskScores], path_model: TrainedModel
) -> None:
    """In 4e and 3e alone, the risk over three years is that of the model of three years, to the bit; elsewhere a cause."""
    alone = score(small_cohort.records, model=path_model, explain="none").frame
    frame = scores.frame
    has_path = frame["path_risk"].notna().to_numpy()
    assert set(frame["level"][has_path]) <= PATH_LEVELS
    assert has_path.sum() > 50
    np.testing.assert_array_equal(frame["path_risk"][has_path], alone["risk"][has_path])
    np.testing.assert_array_equal(frame["path_risk_low"][has_path], alone["risk_low"][has_path])
    assert (frame["path_risk"].notna() == frame["path_cause"].isna()).all()
    others = ~frame["level"].isin(PATH_LEVELS) & frame["risk"].notna()
    assert set(frame.loc[others, "path_cause"]) == {NOT_A_PATH_LEVEL}
    assert not frame.loc[others, "path_flagged"].any()


def test_either_threshold_puts_on_the_list(scores: RiskScores, policy: Policy) -> None:
    """A pupil is on the list when the risk of the year or that of the path reaches its own threshold, and the rule says which."""
    by_path = 0
    for pupil in scores:
        if pupil.risk is None:
            continue
        year = policy.table.group_of(str(pupil.level)).targeted <= pupil.risk
        path = False
        if pupil.path is not None and pupil.path.risk is not None:
            path = policy.of_horizon(3).table.group_of(str(pupil.level)).targeted <= pupil.path.risk
        assert pupil.flag_horizons == (*(["year"] if year else []), *(["path"] if path else []))
        assert pupil.flagged == (year or path) == ("risk" in pupil.ways)
        assert pupil.flag_rule is not None
        if path and not year:
            by_path += 1
            assert "parcours de trois ans" in pupil.flag_rule
            assert pupil.way_words("risk") == "risque (parcours)"
    assert by_path > 0


def test_reasons_come_from_the_horizon_that_flags(scores: RiskScores, both: TrainedModel) -> None:
    """Contributions of who is on the list for the path sum to the risk over three years, those of the others to the year's."""
    frame, log_odds = scores.frame, scores.contributions.to_numpy().sum(axis=1)
    explained = frame["explained"].to_numpy()
    by_path = frame["path_flagged"].to_numpy() & explained
    assert by_path.any()
    assert set(frame.loc[by_path, "explained_horizon_years"]) == {3}
    assert set(frame.loc[explained & ~by_path, "explained_horizon_years"]) == {1}
    sums = probability(np.where(explained, log_odds, 0.0))
    np.testing.assert_allclose(sums[by_path], frame["path_risk"][by_path], atol=1e-9)
    np.testing.assert_allclose(sums[explained & ~by_path], frame["risk"][explained & ~by_path], atol=1e-9)
    for pupil in scores:
        if pupil.explained and pupil.explained_risk is not None and pupil.reference_risk is not None:
            points = sum(reason.points for reason in (*pupil.reasons, *pupil.protective))
            points += pupil.other_points or 0.0
            assert points == pytest.approx(100 * (pupil.explained_risk - pupil.reference_risk), abs=1e-6)
    chosen = str(frame.loc[by_path, "pupil_id"].iloc[0])
    weights = scores.feature_weights(chosen)
    assert both.path is not None
    assert set(weights) <= set(both.path.risk_model.columns)


def test_each_number_names_its_horizon(scores: RiskScores, both: TrainedModel) -> None:
    """Object, JSON, run and text of a pupil of 4e or 3e tell the year and the path apart."""
    pupil = next(one for one in scores if one.flag_horizons == ("path",))
    assert pupil.path is not None
    assert (pupil.horizon_years, pupil.path.horizon_years, pupil.explained_horizon_years) == (1, 3, 3)
    assert PupilRisk.model_validate_json(pupil.model_dump_json()) == pupil
    assert "(année)" in repr(pupil)
    assert "(parcours)" in repr(pupil)
    assert both.path is not None
    assert scores.run.to_dict()["path_years"] == both.path.trained_on["school_years"]
    assert RunFacts.from_dict(json.loads(json.dumps(scores.run.whole()))) == scores.run


def test_a_precision_does_not_depend_on_who_was_read_before(scores: RiskScores) -> None:
    """Of one group, some are listed for the year and others for the path: each is told the precision of its own horizon."""
    in_order = {pupil.pupil_id: pupil.tier_precision for pupil in scores}
    again = copy.deepcopy(scores)
    vars(again).pop("_precisions", None)
    assert in_order == {pupil_id: again[pupil_id].tier_precision for pupil_id in reversed(list(in_order))}
    groups = {(one.level, one.tier, one.flag_horizons) for one in scores if one.flagged}
    assert len({(level, tier) for level, tier, _ in groups}) < len(groups)


def test_the_list_names_the_way(scores: RiskScores, tmp_path: Path) -> None:
    """The list of a school has both risks in columns of their own, and says by which horizon each pupil is on it."""
    scores.write(tmp_path, despite_verdict=True)
    lists = [
        pd.read_csv(path, sep=";", decimal=",", encoding="utf-8-sig")
        for path in tmp_path.glob("listes/*_risque.csv")
    ]
    lines = (
        pd.concat(lists).dropna(subset="Élève").set_index("Élève")
    )  # a school with nobody says so in a line
    for pupil_id, line in lines.iterrows():
        pupil = scores[str(pupil_id)]
        assert line["Liste"] == (pupil.way_words("risk"))
        if pupil.path is not None and pupil.path.risk is not None:
            assert line["Risque sur le parcours (%)"] == round(100 * pupil.path.risk, 1)
    assert "risque (parcours)" in set(lines["Liste"])


def test_parts_give_the_same_columns(scores: RiskScores) -> None:
    """The declared schema of a part holds every column of the frame, and no other."""
    assert [name for name in SCHEMAS["scores"].names if name != "row_id"] == list(scores.frame.columns)


def test_pages_of_a_path_pupil(scores: RiskScores) -> None:
    """Notice, page and edited facts of a pupil who is on the list for the path tell the three years."""
    pupil = next(one for one in scores if one.flag_horizons == ("path",))
    text = dr.notice(scores, pupil.pupil_id).to_markdown()
    assert "sur le parcours" in text
    assert "trois années scolaires" in pupil._repr_html_()
    edits = dr.what_could_help(scores, pupils=[pupil.pupil_id])
    assert set(edits.frame["horizon_years"]) == {3}
    np.testing.assert_array_equal(edits.frame["risk"], pupil.path.risk if pupil.path else np.nan)


def test_one_folder_holds_both(both: TrainedModel, tmp_path: Path) -> None:
    """A model of both horizons is one sealed folder that loads to the same bytes, the same identity and the same parts."""
    sha256 = both.save(tmp_path / "model")
    loaded = dr.load_model(tmp_path / "model", sha256=sha256)
    assert loaded.path is not None
    assert both.path is not None
    assert loaded.sha256 == both.sha256 == sha256
    assert loaded.path.trained_on == both.path.trained_on
    assert loaded.path.sha256 == both.path.sha256
    assert loaded.save(tmp_path / "again") == sha256
    assert list(loaded.horizons) == [1, 3]
    assert replace(loaded, path=None).sha256 != sha256


def test_one_card_has_a_section_per_horizon(small_model: TrainedModel, path_model: TrainedModel) -> None:
    """The card of both horizons is that of the year, then that of the path below a heading of its own; the page too."""
    combined = combine_horizons(small_model, path_model)
    assert combined.path is path_model
    year, heading, section = combined.card.partition(PATH_HEADING)
    assert year.rstrip() == small_model.card.rstrip()
    assert heading
    assert "la troisième année scolaire" in section
    assert "\n# " not in section
    # The page has French spaces before its colons.
    assert PATH_HEADING.removeprefix("## ") in combined.card_html.replace(french.NO_BREAK_SPACE, " ").replace(
        french.NARROW_NO_BREAK_SPACE, " "
    )
    assert combined.report == small_model.report


def test_a_path_that_says_stop_withholds_the_list(
    both: TrainedModel, small_cohort: Cohort, score: Callable[..., RiskScores]
) -> None:
    """What the card of the path says against its use is told with its horizon, and blocks the list as that of the year does."""
    assert both.path is not None
    said = {"code": "fairness_block", "sentence": "Ne pas émettre."}
    blocked = replace(
        replace(both, report=both.report | {"advice": []}),
        path=replace(both.path, report=both.path.report | {"advice": [said]}),
    )
    run = score(small_cohort.records, model=blocked, explain="none").run
    assert run.is_blocked
    assert run.verdict == "Sur le parcours : Ne pas émettre."


def test_a_path_that_is_none_is_refused(
    both: TrainedModel, small_model: TrainedModel, path_model: TrainedModel, tmp_path: Path
) -> None:
    """Only a model of one year takes one of three, and only one of the same kind; a sealed folder is held to the same."""
    for year, path, fault in (
        (small_model, small_model, "path is of 1 year"),
        (path_model, path_model, "this model is of 3 years"),
        (both, path_model, "holds both horizons already"),
        (small_model, replace(path_model, demo=False), "of synthetic pupils"),
    ):
        with pytest.raises(ModelError, match=fault):
            year.with_path(path)
    both.save(tmp_path / "model")
    sealed = unseal(tmp_path / "model")
    manifest = json.loads(sealed.files["parcours-manifest.json"])
    # Without its closing days, which hang on the horizon too.
    for key in ("horizon_years", "closes_on"):
        manifest["trained_on"].pop(key)
    for text, fault in (
        (json.dumps(manifest), "path is of 1 year"),
        ("{", "parcours-manifest.json cannot be read"),
    ):
        seal(tmp_path / "model", {**sealed.files, "parcours-manifest.json": text}, sealed.manifest)
        with pytest.raises(ArtefactError, match=fault):
            dr.load_model(tmp_path / "model")


def test_a_capacity_list_of_the_path_ranks_4e_and_3e_by_their_three_years(scores: RiskScores) -> None:
    """Of each school those of 4e and 3e with the highest risk over three years, with the tier and flag of the path."""
    path_list = dr.capacity_list(scores, 2, horizon_years=3, least_risk=0.0)
    frame = scores.frame.set_index("pupil_id")
    assert len(path_list.pupils)
    assert set(path_list.pupils["level"]) <= PATH_LEVELS
    for school, rows in path_list.pupils.groupby("school_id"):
        own = frame.loc[frame["school_id"] == school, "path_risk"].dropna()
        assert rows["risk"].sum() == pytest.approx(own.nlargest(2).sum())
        assert (rows["flagged"].to_numpy() == frame.loc[rows["pupil_id"], "path_flagged"].to_numpy()).all()
    with pytest.raises(PolicyError, match="horizon_years 2"):
        dr.capacity_list(scores, 2, horizon_years=2)
