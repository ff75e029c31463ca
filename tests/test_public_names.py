from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import decrochage_risk
from decrochage_risk import errors, features, model, school_year, synthetic

if TYPE_CHECKING:
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

DOOR = Path(decrochage_risk.__file__)

# What the design promises to others, besides the errors.
PROMISED = (
    "PupilRecords",
    "PupilRisk",
    "Reason",
    "RiskScores",
    "build_context",
    "evaluate_model",
    "load_model",
    "score_pupils",
    "train_model",
)


def imported_for_types() -> set[str]:
    """Read the names that the door imports for type checkers, as it renames them."""
    tree = ast.parse(DOOR.read_text(encoding="utf-8"))
    imports = [
        node
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    ]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_the_public_names_are_sorted_and_once() -> None:
    """``__all__`` is sorted, without a name twice."""
    assert decrochage_risk.__all__ == sorted(set(decrochage_risk.__all__))


@pytest.mark.parametrize("name", decrochage_risk.__all__)
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    """Each public name is a documented class or function."""
    found = getattr(decrochage_risk, name)
    assert inspect.isclass(found) or callable(found)
    assert inspect.getdoc(found)


def test_all_names_come_through_a_star() -> None:
    """``from decrochage_risk import *`` gives the public names and nothing else."""
    space: dict[str, object] = {}
    exec("from decrochage_risk import *", space)  # noqa: S102 - a star import is only allowed at module level
    assert set(space) - {"__builtins__"} == set(decrochage_risk.__all__)


def test_dir_lists_the_public_names() -> None:
    """``dir`` shows what there is, before anything is loaded too."""
    assert dir(decrochage_risk) == decrochage_risk.__all__


def test_type_checkers_see_the_same_names() -> None:
    """What the door imports for type checkers is what it gives at run time."""
    assert imported_for_types() == set(decrochage_risk.__all__)


@pytest.mark.parametrize("name", PROMISED)
def test_the_promised_names_are_there(name: str) -> None:
    """The names that the design promises to others come from the top package."""
    assert name in decrochage_risk.__all__


def test_every_error_and_warning_is_public() -> None:
    """The whole error tree comes from the top package: whoever must catch an error can name it."""
    tree = {
        name
        for name, found in vars(errors).items()
        if inspect.isclass(found) and issubclass(found, errors.DecrochageError | errors.DecrochageWarning)
    }
    assert len(tree) > 10
    assert tree <= set(decrochage_risk.__all__)
    assert all(getattr(decrochage_risk, name) is getattr(errors, name) for name in tree)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there is refused as Python does, so that ``hasattr`` and imports work."""
    with pytest.raises(AttributeError, match="module 'decrochage_risk' has no attribute 'score_pupil'"):
        getattr(decrochage_risk, "score_pupil")  # noqa: B009 - a name that type checkers know to be wrong
    assert not hasattr(decrochage_risk, "pandas")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from decrochage_risk import nothing")  # noqa: S102 - the statement itself is tested


def test_the_stable_names_of_the_layers_are_there() -> None:
    """The names below the top package that others rely on keep their place and their arguments."""
    assert list(inspect.signature(features.build_features).parameters) == ["records", "as_of"]
    assert features.CATALOGUE
    calendar = school_year.SchoolCalendar.for_zone("B")
    assert list(inspect.signature(calendar.half_days).parameters) == ["day"]
    assert list(inspect.signature(calendar.half_days_between).parameters) == ["start", "end"]
    assert next(iter(inspect.signature(school_year.SchoolCalendar.from_csv).parameters)) == "path"
    fit = list(inspect.signature(model.RiskModel.fit).parameters)
    assert fit[:2] == ["features", "outcome"]
    assert {"directions", "time", "groups", "seed", "reference_groups"} <= set(fit)
    assert callable(model.RiskModel.risk)
    assert callable(model.RiskModel.log_odds)
    cohort = list(inspect.signature(synthetic.make_cohort).parameters)
    assert cohort[:4] == ["pupils", "school_years", "seed", "difficulty"]
    assert {"records", "outcomes", "truth"} <= set(dir(synthetic.Cohort))


def test_score_pupils_keeps_its_arguments() -> None:
    """``score_pupils(records, *, as_of, model, policy, explain, exclude, ...)``: the contract of the services."""
    arguments = inspect.signature(decrochage_risk.score_pupils).parameters
    assert list(arguments) == [
        *("records", "as_of", "model", "policy", "explain", "exclude", "gaps", "transmission", "progress")
    ]
    assert all(argument.kind is argument.KEYWORD_ONLY for argument in list(arguments.values())[1:])
    defaults = {name: argument.default for name, argument in list(arguments.items())[2:]}
    assert defaults == {
        "model": None,
        "policy": None,
        "explain": "flagged",
        "exclude": (),
        "gaps": (),
        "transmission": None,
        "progress": False,
    }


def test_what_is_shown_of_an_object_is_short(
    small_cohort: Cohort, small_model: TrainedModel, small_scores: decrochage_risk.RiskScores
) -> None:
    """An object that a notebook shows by itself takes a few lines: no table, no threshold and no pupil id in full."""
    shown = (
        small_cohort, small_cohort.records, small_cohort.records.known_on("2025-03-05"), small_cohort.records.faults,
        small_model, small_model.risk_model, decrochage_risk.load_policy(), small_scores, small_scores.run,
        small_scores.since(small_scores), small_scores[small_scores.frame["pupil_id"].iloc[0]],
        small_cohort.records.calendar,
    )  # fmt: skip
    lengths = {type(one).__name__: max(len(repr(one)), len(str(one))) for one in shown}
    assert {name: length for name, length in lengths.items() if length > 2_000} == {}
