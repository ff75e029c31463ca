"""Ranking figures against independent recomputations and their laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decrochage_risk.errors import ColumnsError, ModelError
from decrochage_risk.evaluate.ranking import at_k, auc, average_precision, school_only_auc, within_group_auc

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rows

LAWS = settings(max_examples=40)
rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 5), st.sampled_from("abc")), min_size=2, max_size=30
)


def pairs_won(outcome: list[int], score: list[float], group: list[str]) -> tuple[float, int]:
    """Count the pairs of one group that the score orders rightly, ties as one half, one pair after the other."""
    won, pairs = 0.0, 0
    for i, event in enumerate(outcome):
        for j, other in enumerate(outcome):
            if event == 1 and other == 0 and group[i] == group[j]:
                pairs += 1
                won += 1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0
    return won, pairs


@LAWS
@given(rows)
def test_auc_counts_pairs(table: list[tuple[int, int, str]]) -> None:
    """AUC is the share of pairs ordered rightly, over all rows and within groups; None without a pair."""
    outcome, score, group = (list(column) for column in zip(*table, strict=True))
    for found, groups in (
        (auc(outcome, score), ["all"] * len(group)),
        (within_group_auc(outcome, score, group), group),
    ):
        won, pairs = pairs_won(outcome, score, groups)
        assert found == (pytest.approx(won / pairs) if pairs else None)


@LAWS
@given(rows)
def test_ranking_ignores_monotone_transforms_and_row_order(table: list[tuple[int, int, str]]) -> None:
    """A strictly increasing transform of the score, or another row order, changes no ranking figure."""
    outcome, score, group = (np.array(column) for column in zip(*table, strict=True))
    bent, back = np.exp(score / 3.0) - 7, slice(None, None, -1)
    for figure in (auc, average_precision):
        assert figure(outcome, score) == figure(outcome, bent) == figure(outcome[back], score[back])
    within = within_group_auc(outcome, score, group)
    assert (
        within
        == within_group_auc(outcome, bent, group)
        == within_group_auc(outcome[back], score[back], group[back])
    )
    top, again = at_k(outcome, score, share=0.3), at_k(outcome[back], bent[back], share=0.3)
    assert (top.hits, top.recall, top.lift) == (again.hits, again.recall, again.lift)


@LAWS
@given(rows)
def test_one_group_is_no_group(table: list[tuple[int, int, str]]) -> None:
    """Within a single group, the AUC is the plain one."""
    outcome, score, _ = (list(column) for column in zip(*table, strict=True))
    found, plain = within_group_auc(outcome, score, ["s"] * len(outcome)), auc(outcome, score)
    assert found == (None if plain is None else pytest.approx(plain))


def test_average_precision_is_the_mean_precision_at_the_events(simulate: Callable[..., Rows]) -> None:
    """Without ties, average precision is the mean over events of the precision down to their rank."""
    case = simulate(200)
    ranked = case.outcome[np.argsort(-case.risk)]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    assert average_precision(case.outcome, case.risk) == pytest.approx(precision[ranked == 1].mean())


@LAWS
@given(rows, st.data())
def test_ties_at_the_edge_share_the_places(table: list[tuple[int, int, str]], data: st.DataObject) -> None:
    """Without ids, hits are their mean over all orders of the tied rows; the list always has k places."""
    outcome, score, _ = (np.array(column, dtype=object) for column in zip(*table, strict=True))
    k = data.draw(st.integers(1, len(outcome)))
    edge = sorted(score, reverse=True)[k - 1]
    above, level = outcome[score > edge], outcome[score == edge]
    hits = above.sum() + level.sum() * (k - len(above)) / len(level)
    top = at_k(outcome.astype(int), score.astype(float), k=k)
    assert top.hits == pytest.approx(float(hits))
    assert top.precision == pytest.approx(float(hits) / k)
    assert top.expected == pytest.approx(float(sum(sorted(score, reverse=True)[:k])))


@LAWS
@given(rows, st.randoms(use_true_random=False), st.data())
def test_ids_break_ties_whatever_the_order(
    table: list[tuple[int, int, str]], random: object, data: st.DataObject
) -> None:
    """With distinct ids, the k rows are those sorted by falling score then rising id, in any row order."""
    k = data.draw(st.integers(1, len(table)))
    named = [(outcome, score, f"{number:03d}") for number, (outcome, score, _) in enumerate(table)]
    expected = sum(outcome for outcome, _, _ in sorted(named, key=lambda row: (-row[1], row[2]))[:k])
    random.shuffle(named)  # type: ignore[attr-defined]  # Hypothesis types its random source as object here
    outcome, score, ids = zip(*named, strict=True)
    assert at_k(outcome, score, k=k, tie_break=ids).hits == expected


def test_recall_and_lift_by_hand() -> None:
    """4 places of 8, 3 hits of 4 events: precision 3/4, recall 3/4, lift 3/2."""
    top = at_k([1, 1, 0, 1, 0, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1], share=0.5)
    assert (top.k, top.n, top.precision, top.recall, top.lift) == (4, 8, 0.75, 0.75, 1.5)
    assert top.expected == pytest.approx(3.0)


def test_a_share_takes_at_least_one_row_and_rounds_half_up() -> None:
    """5 % of 10 rows is one row, 25 % of 10 rows are three."""
    assert at_k([0, 1] * 5, range(10), share=0.05).k == 1
    assert at_k([0, 1] * 5, range(10), share=0.25).k == 3


def test_without_events_recall_and_lift_are_not_measured() -> None:
    """No event: precision is 0, recall and lift are None, AUC and average precision too."""
    top = at_k([0, 0], [0.1, 0.2], k=1)
    assert (top.precision, top.recall, top.lift) == (0.0, None, None)
    assert auc([0, 0], [0.1, 0.2]) is None
    assert average_precision([1, 1], [0.1, 0.2]) is None
    assert school_only_auc([0, 0], ["a", "b"]) is None
    assert within_group_auc([0, 1], [0.1, 0.2], ["a", "b"]) is None


@LAWS
@given(rows)
def test_no_school_score_beats_the_schools_own_rates(table: list[tuple[int, int, str]]) -> None:
    """Any score that is the same within a school has at most the AUC of the observed school rates."""
    outcome, _, school = (list(column) for column in zip(*table, strict=True))
    ceiling = school_only_auc(outcome, school)
    for order in ("abc", "acb", "bac", "bca", "cab", "cba"):
        reached = auc(outcome, [order.index(name) for name in school])
        assert (reached is None) == (ceiling is None)
        assert reached is None or reached <= ceiling + 1e-12


@pytest.mark.parametrize(
    "sizes", [{}, {"k": 1, "share": 0.1}, {"k": 0}, {"k": 3}, {"share": 0.0}, {"share": 1.5}]
)
def test_a_list_size_that_cannot_be_is_refused(sizes: dict[str, float]) -> None:
    """Neither, both, or an impossible size: the message says what came, the range and which to choose."""
    with pytest.raises(
        ModelError, match=r"came for 2 row\(s\)(.|\n)*Expected: either k from 1 to 2(.|\n)*Hint: Give one"
    ):
        at_k([0, 1], [0.1, 0.2], **sizes)  # type: ignore[arg-type]  # the sizes are what is tested


def test_a_school_that_is_missing_is_refused() -> None:
    """A missing group is a fault, not a group of its own."""
    with pytest.raises(ColumnsError, match=r"groups is missing in 1 row\(s\)"):
        within_group_auc([0, 1], [0.1, 0.2], ["a", None])
