from __future__ import annotations

import math
import re
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import decrochage_risk.score.scored_pupils as module
from decrochage_risk import french
from decrochage_risk.errors import RecordsError
from decrochage_risk.features import FEATURE_BY_NAME

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.score import RiskScores


def told_features(model: TrainedModel) -> list[str]:
    """Give the features that the model reads, in its order."""
    return [name for name in model.risk_model.columns if name in FEATURE_BY_NAME]


def test_values_are_the_contributions_of_the_run(
    small_scores: RiskScores, small_model: TrainedModel, flagged_ids: list[str]
) -> None:
    """Base and values sum to the log-odds of the risk, and the values of a family to what the run says of it."""
    for pupil_id in flagged_ids[:20]:
        explained = small_scores.explanation(pupil_id)
        risk = small_scores[pupil_id].risk
        assert explained.base_values + math.fsum(explained.values) == pytest.approx(
            math.log(risk / (1 - risk)), abs=1e-9
        )
        told = small_scores.contributions.loc[pupil_id]
        for family in told.index.drop("base"):
            own = [
                value
                for name, value in zip(told_features(small_model), explained.values, strict=True)
                if FEATURE_BY_NAME[name].family.code == family
            ]
            assert math.fsum(own) == pytest.approx(told[family], abs=1e-12)


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:,\d+)?", text))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{5,}", text.lower()))


def test_features_are_named_by_their_facts(
    small_scores: RiskScores, small_model: TrainedModel, flagged_ids: list[str]
) -> None:
    """The name of a feature that words a reason holds numbers and words of that reason; no name holds a label or a cause."""
    told = told_features(small_model)
    for pupil_id in flagged_ids[:20]:
        names = dict(zip(told, small_scores.explanation(pupil_id).feature_names, strict=True))
        for reason in (*small_scores[pupil_id].reasons, *small_scores[pupil_id].protective):
            assert _numbers(names[reason.code]) <= _numbers(reason.text)
            assert _words(names[reason.code]) & _words(reason.text)
        assert not [name for name in names.values() if french.forbidden_in(name)]


def test_a_value_that_is_not_known_is_named_as_such(
    small_scores: RiskScores, small_model: TrainedModel
) -> None:
    """A missing value has no part in the risk, and its name says that it is missing."""
    features = small_scores.features[told_features(small_model)]
    scored = small_scores.frame["risk"].notna().to_numpy()
    position = int(np.flatnonzero(scored & features.isna().any(axis=1).to_numpy())[0])
    explained = small_scores.explanation(small_scores.frame["pupil_id"].iloc[position])
    missing = features.iloc[position].isna().to_numpy()
    assert not explained.values[missing].any()
    assert [module.NOT_KNOWN in name for name in explained.feature_names] == missing.tolist()


def test_the_usual_plots_can_be_drawn(small_scores: RiskScores, flagged_ids: list[str]) -> None:
    """Waterfall and bar of shap take the explanation and show the facts."""
    with warnings.catch_warnings():
        # shap's plots call what matplotlib and numpy will retire.
        warnings.simplefilter("ignore")
        import matplotlib.pyplot as plt  # noqa: PLC0415 - seconds, for this test alone
        import shap  # noqa: PLC0415 - same

        explained = small_scores.explanation(flagged_ids[0])
        strongest = explained.feature_names[int(np.abs(explained.values).argmax())]
        for draw in (shap.plots.waterfall, shap.plots.bar):
            figure = plt.figure()
            draw(explained, show=False)
            labels = [label.get_text() for axes in plt.gcf().axes for label in axes.get_yticklabels()]
            assert strongest in labels
            plt.close(plt.gcf())
            plt.close(figure)


def test_who_has_no_risk_has_no_explanation(small_scores: RiskScores) -> None:
    """An unknown pupil and one without a risk are refused, the second with the cause."""
    with pytest.raises(RecordsError, match="No pupil 'nobody'"):
        small_scores.explanation("nobody")
    without = small_scores.frame.loc[small_scores.frame["risk"].isna()].iloc[0]
    with pytest.raises(RecordsError, match=without["cause"]):
        small_scores.explanation(without["pupil_id"])


def test_contributions_that_do_not_add_up_are_refused(
    small_scores: RiskScores, flagged_ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An explanation that fails its check is an error, never a plot."""
    real = module.attribute
    monkeypatch.setattr(module, "attribute", lambda *given: replace(real(*given), additive=np.array([False])))
    with pytest.raises(RecordsError, match="do not add up"):
        small_scores.explanation(flagged_ids[0])
