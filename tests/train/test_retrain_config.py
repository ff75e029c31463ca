"""Laws of the configuration of a retraining: read as a whole, every fault at once, paths from its own folder."""

from __future__ import annotations

import inspect
from datetime import date
from typing import TYPE_CHECKING, get_args

import pytest

from decrochage_risk import compare_models, french
from decrochage_risk.artefact import canonical_json
from decrochage_risk.cli.model_commands import Margin
from decrochage_risk.errors import ModelError, TamperedArtefactError
from decrochage_risk.evaluate.verdict import MARGIN, decide
from decrochage_risk.model import load_trained_model
from decrochage_risk.risk import FitOptions
from decrochage_risk.score.run_facts import load_demo_model
from decrochage_risk.train.retraining import RetrainConfig, read_config, retrain
from decrochage_risk.train.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

SHORTEST = 'records = "extraits"\nrun = "run"\nlabels_known_on = 2025-11-15\n'


def test_the_shortest_configuration_has_every_default(tmp_path: Path) -> None:
    """Three keys are enough; paths start at the folder of the file; settings hold no path."""
    (tmp_path / "c.toml").write_text(SHORTEST, encoding="utf-8")
    config = read_config(tmp_path / "c.toml")
    assert config.records == tmp_path / "extraits"
    assert config.labels_known_on == date(2025, 11, 15)
    assert config.champion is None
    assert str(tmp_path) not in str(config.settings())
    assert config.settings()["labels_known_on"] == "2025-11-15"


def test_one_margin_where_nothing_else_is_asked_for(tmp_path: Path) -> None:
    """The verdict, a comparison, a retraining and what the command says of it have one default margin."""
    (tmp_path / "c.toml").write_text(SHORTEST, encoding="utf-8")
    margins = {
        read_config(tmp_path / "c.toml").margin,
        inspect.signature(compare_models).parameters["margin"].default,
        inspect.signature(decide).parameters["margin"].default,
    }
    assert margins == {MARGIN}
    assert french.number(MARGIN, 3) in (get_args(Margin)[1].help or "")


def test_options_are_those_of_the_boosters(tmp_path: Path) -> None:
    """The table [options] makes FitOptions."""
    (tmp_path / "c.toml").write_text(f"{SHORTEST}[options]\nmax_rounds = 30\n", encoding="utf-8")
    assert read_config(tmp_path / "c.toml").options.max_rounds == 30


@pytest.mark.parametrize(
    ("key", "place"),
    [("records", "run/extraits"), ("records", "."), ("champion", "run/model"), ("records", "run")],
)
def test_a_run_never_writes_where_it_reads(tmp_path: Path, key: str, place: str) -> None:
    """A run folder within an input, or an input within it, is refused: its checksum would change with every run."""
    keys = {"records": "extraits", "run": "run", key: place}
    text = "".join(f'{name} = "{value}"\n' for name, value in keys.items())
    (tmp_path / "c.toml").write_text(f"{text}labels_known_on = 2025-11-15\n", encoding="utf-8")
    with pytest.raises(ModelError, match=f"run and {key} lie within each other"):
        read_config(tmp_path / "c.toml")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """An unknown key, a name that is no file name, a negative margin and a missing key come in one message."""
    text = 'records = "x"\nrun = "y"\ncolour = "red"\nname = "a/b"\nmargin = -1\n'
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        read_config(tmp_path / "c.toml")
    for key in ("colour", "name", "margin", "labels_known_on"):
        assert f"{key}: " in str(caught.value)


@pytest.mark.parametrize("option", ['class_weight = "balanced"', "scale_pos_weight = 10"])
def test_class_weights_are_refused(tmp_path: Path, option: str) -> None:
    """Weights of the classes are no option, and the message says so."""
    (tmp_path / "c.toml").write_text(f"{SHORTEST}[options]\n{option}\n", encoding="utf-8")
    with pytest.raises(ModelError, match="change the share of leavers that the model sees"):
        read_config(tmp_path / "c.toml")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file and text that is no TOML are refused with the shortest form as a hint."""
    (tmp_path / "c.toml").write_text("records = ", encoding="utf-8")
    for name in ("c.toml", "none.toml"):
        with pytest.raises(ModelError, match="cannot be read") as caught:
            read_config(tmp_path / name)
        assert "Its shortest form" in str(caught.value)


def test_a_closing_day_must_be_a_day(tmp_path: Path) -> None:
    """The 31st of November closes nothing."""
    (tmp_path / "c.toml").write_text(f"{SHORTEST}outcome_closes = [11, 31]\n", encoding="utf-8")
    with pytest.raises(ModelError, match="a month and a day"):
        read_config(tmp_path / "c.toml")


def test_helped_pupils_need_a_table(tmp_path: Path) -> None:
    """Leaving out supported pupils without saying who they are is refused, not read as nobody."""
    (tmp_path / "c.toml").write_text(f'{SHORTEST}helped = "exclude"\n', encoding="utf-8")
    with pytest.raises(ModelError, match="without supported"):
        read_config(tmp_path / "c.toml")


class ReadError(Exception):
    """Stands for the end of a run, once what a training reads is known."""


CHANGED = {
    "labels_known_on": date(2025, 11, 16), "helped": "exclude", "name": "autre", "school_years": (2023,), "as_of": (date(2023, 11, 6),),
    "outcome_closes": (10, 1), "seed": 1, "synthetic": True, "on_fault": "quarantine", "options": FitOptions(members=2),
    "history": False, "legal_basis": "base déclarée",
}  # fmt: skip
FILES = ("records", "outcomes", "supported", "policy", "calendar")
NOT_TRAINED_BY = {"run", "champion", "champion_sha256", "capacity", "margin", "path"}


def read_by_training(config: RetrainConfig, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give what the step that trains is told to have read."""

    def step(_: RunFolder, name: str, *__: object, reads: object, **___: object) -> None:
        if name == "train":
            raise ReadError(canonical_json(reads))

    monkeypatch.setattr(RunFolder, "step", step)
    with pytest.raises(ReadError) as caught:
        retrain(config)
    return str(caught.value)


def test_every_setting_is_known_to_train_or_not() -> None:
    """A key of the configuration that nobody thought of here fails, so that it is said whether it trains again."""
    assert {*CHANGED, *FILES, *NOT_TRAINED_BY} == set(RetrainConfig.model_fields)


@pytest.mark.parametrize("key", [*CHANGED, *FILES])
def test_whatever_a_training_reads_trains_again(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A continued run keeps no model of another setting or file: history turned off, another seed, another policy."""
    for name in FILES:
        (tmp_path / name).write_text("avant", encoding="utf-8")
    places = {"run": tmp_path / "run", **{name: tmp_path / name for name in FILES}}
    config = RetrainConfig(labels_known_on=date(2025, 11, 15), history=True, **places)
    before = read_by_training(config, monkeypatch)
    assert read_by_training(config, monkeypatch) == before
    if key in FILES:
        (tmp_path / key).write_text("après", encoding="utf-8")
    else:
        config = config.model_copy(update={key: CHANGED[key]})
    assert read_by_training(config, monkeypatch) != before


@pytest.mark.parametrize(("key", "value"), [("capacity", 7), ("margin", 0.5), ("path", True)])
def test_what_a_training_does_not_read_keeps_it(
    tmp_path: Path, key: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only judges a model, or trains a second one beside it, does not train it again."""
    (tmp_path / "records").write_text("avant", encoding="utf-8")
    config = RetrainConfig(
        records=tmp_path / "records", run=tmp_path / "run", labels_known_on=date(2025, 11, 15)
    )
    before = read_by_training(config, monkeypatch)
    assert read_by_training(config.model_copy(update={key: value}), monkeypatch) == before


def test_the_champion_is_held_against_its_checksum_before_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checksum is held on a continued run too, whose steps are all done: another model in the folder stops it at once."""
    (tmp_path / "records").write_text("avant", encoding="utf-8")
    champion = tmp_path / "champion"
    load_demo_model().save(champion)
    config = RetrainConfig(
        records=tmp_path / "records", run=tmp_path / "run", labels_known_on=date(2025, 11, 15), champion=champion,
        champion_sha256="0" * 64,
    )  # fmt: skip
    with pytest.raises(TamperedArtefactError, match="another model than the one asked for"):
        retrain(config)
    pinned = config.model_copy(update={"champion_sha256": load_trained_model(champion).sha256})
    assert read_by_training(pinned, monkeypatch)
