from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from decrochage_risk.errors import ModelError
from decrochage_risk.risk import boosting as module
from decrochage_risk.risk.boosting import train_bag, train_members
from decrochage_risk.risk.fit_input import FitOptions
from decrochage_risk.risk.members import Bag, Members

OPTIONS = FitOptions(max_rounds=25, min_rounds=5, patience=5)


def learnt(fold: np.ndarray) -> list[np.ndarray]:
    """Give the rows that each member learns from: those of the other folds."""
    return [fold != member for member in range(5)]


def bag_of(rows: int = 1500, options: FitOptions = OPTIONS, seed: int = 0, **changes: Any) -> Bag:
    """Train a bag on drawn rows."""
    matrix, outcome, fold, directions = draw(rows)
    return train_bag(
        matrix, outcome, fold, directions, learnt=learnt(fold), options=options, seed=seed, **changes
    )


def members_of(outcome: np.ndarray, rounds: int) -> Members:
    """Train members on drawn rows with these outcomes."""
    matrix, _, fold, directions = draw()
    return train_members(
        matrix, outcome, directions, learnt=learnt(fold), options=OPTIONS, seed=0, rounds=rounds
    )


def draw(rows: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(rows, 4)) * [1, 10, 1000, 1]
    outcome = (rng.random(rows) < 1 / (1 + np.exp(-matrix[:, 0]))).astype(float)
    return matrix, outcome, np.arange(rows) % 5, np.array([1, 0, 0, -1])


def test_the_number_of_threads_changes_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training on one thread and on two gives the same text, which says one."""
    texts = []
    for threads in (1, 2):
        monkeypatch.setattr(module, "SMALL_TRAINING", 0)
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        texts.append(bag_of(seed=3).members.texts)
    assert texts[0] == texts[1]
    assert all("[num_threads: 1]" in text for text in texts[0])


def test_a_member_learns_nothing_from_the_rows_it_leaves_out() -> None:
    """Other outcomes in one fifth change every member but the one that leaves it out."""
    _, outcome, fold, _ = draw()
    changed = np.where(fold == 2, 1 - outcome, outcome)
    one, other = members_of(outcome, 5), members_of(changed, 5)
    assert [a == b for a, b in zip(one.texts, other.texts, strict=True)] == [False, False, True, False, False]


def test_the_left_out_predictions_are_those_of_the_blind_member() -> None:
    """Each row is predicted by the member of its own fold."""
    matrix, _, fold, _ = draw()
    bag = bag_of()
    np.testing.assert_array_equal(bag.left_out, bag.members.log_odds(matrix)[np.arange(len(fold)), fold])


def test_the_number_of_rounds_has_the_least_left_out_loss() -> None:
    """No other number of rounds that was tried predicts the left-out rows better."""
    matrix, outcome, fold, _ = draw()
    bag = bag_of()

    def loss(rounds: int) -> float:
        score = members_of(outcome, rounds).log_odds(matrix)[np.arange(len(fold)), fold]
        return float(np.mean(np.logaddexp(0, score) - outcome * score))

    best = loss(bag.rounds)
    tried = [
        rounds
        for rounds in (5, bag.rounds - 2, bag.rounds + 2, bag.rounds + 5)
        if 5 <= rounds <= OPTIONS.max_rounds
    ]
    assert all(best <= loss(rounds) + 1e-9 for rounds in tried)
    assert bag.rounds >= OPTIONS.min_rounds


def test_a_shorter_bag_is_the_beginning_of_the_longer_one() -> None:
    """The rounds kept do not depend on how far the training went."""
    bag = bag_of()
    again = members_of(draw()[1], bag.rounds)
    assert again.texts == bag.members.texts


def test_progress_is_told_round_by_round() -> None:
    """The rounds count up, and end ``patience`` rounds after the best one."""
    told: list[tuple[str, int, int]] = []
    options = FitOptions(max_rounds=300, min_rounds=5, patience=7, learning_rate=0.3)
    bag = bag_of(300, options, progress=lambda *news: told.append(news))
    assert told == [("members", done, 300) for done in range(1, bag.rounds + 7 + 1)]


def test_threads_share_one_bag_without_changing_a_bit() -> None:
    """Fresh members, parsed and used by several threads at once, give what one thread gives."""
    matrix = draw()[0]
    texts = bag_of().members.texts
    expected = Members(texts).log_odds(matrix)
    shared = Members(texts)

    def score(row: int) -> Any:  # an array
        return shared.log_odds(matrix[row : row + 1])[0]

    with ThreadPoolExecutor(8) as pool:
        found = np.array(list(pool.map(score, range(len(matrix)))))
    np.testing.assert_array_equal(found, expected)
    assert len({id(booster) for booster in shared.boosters}) == 5


def test_members_go_to_another_process() -> None:
    """A worker process gets the texts and parses them itself."""
    matrix = draw(300)[0]
    members = bag_of(300).members
    again = pickle.loads(pickle.dumps(members))  # noqa: S301  # our own bytes
    np.testing.assert_array_equal(again.log_odds(matrix), members.log_odds(matrix))


def test_no_row_gives_no_prediction() -> None:
    """An empty table has the shape (0, K)."""
    assert Members(("a", "b")).log_odds(np.empty((0, 3))).shape == (0, 2)


def test_a_damaged_booster_is_refused() -> None:
    """A text that LightGBM cannot parse raises our error, not LightGBM's."""
    with pytest.raises(ModelError, match="Booster 0 cannot be parsed") as error:
        _ = Members(("tree\nversion=v4\n",)).boosters
    assert "Expected" in str(error.value)
    assert "Hint" in str(error.value)


@pytest.mark.parametrize("small", [0, 10**9])
def test_lightgbm_is_silent(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    """Neither training (in threads too) nor parsing nor predicting writes to the terminal."""
    monkeypatch.setattr(module, "SMALL_TRAINING", small)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    bag_of(300).members.log_odds(draw(300)[0])
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_all_members_score_in_one_call_as_each_of_them_does() -> None:
    """Members of different numbers of trees, joined into one booster, give each member's own scores to the last bit."""
    matrix, outcome, _, _ = draw()
    short, long = members_of(outcome, 5), members_of(1 - outcome, 9)
    members = Members((*short.texts[:2], *long.texts[:3]))
    # On thresholds, zeros and far beyond what was learnt too.
    rows = np.vstack([matrix, np.round(matrix), np.zeros((1, 4)), matrix[:50] * 1e6])
    each = [booster.predict(rows, raw_score=True, num_threads=1) for booster in members.boosters]
    np.testing.assert_array_equal(members.log_odds(rows), np.column_stack(each))
    alone = Members(short.texts[:1])
    np.testing.assert_array_equal(alone.log_odds(rows)[:, 0], each[0])


def test_the_damaged_member_is_named_when_it_is_to_score() -> None:
    """Scoring with a bag of which one text is cut off names that one."""
    good = members_of(draw()[1], 5).texts[0]
    with pytest.raises(ModelError, match="Booster 1 cannot be parsed"):
        Members((good, "tree\nversion=v4\n")).log_odds(np.zeros((1, 4)))
