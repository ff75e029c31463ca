"""Laws of a trained model: saved and loaded without a difference, refused when anything differs."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import decrochage_risk.model.trained_model as trained_model_module
from decrochage_risk import artefact
from decrochage_risk.artefact import FORMAT, manifest_sha256, seal, unseal
from decrochage_risk.errors import (
    ArtefactError,
    ContractMismatchError,
    TamperedArtefactError,
    UnknownFormatError,
)
from decrochage_risk.features import contract
from decrochage_risk.model import TrainedModel, default_as_of_dates, load_trained_model, take_snapshots
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.risk import FitOptions
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.train.backtest import fit_risk_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from decrochage_risk.model import Snapshots

KEYS = ("name", "demo", "levels", "trained_on", "report", "feature_contract")


@pytest.fixture(scope="module")
def snapshots() -> Snapshots:
    cohort = make_cohort(300, [2023], seed=4)
    return take_snapshots(cohort.records, cohort.outcomes, default_as_of_dates([2023])[1:])


@pytest.fixture(scope="module")
def trained(snapshots: Snapshots) -> TrainedModel:
    return TrainedModel(
        risk_model=fit_risk_model(
            snapshots, seed=0, options=FitOptions(max_rounds=15, members=2, linear_share=0.5, penalty=100.0)
        ),
        name="essai",
        demo=True,
        levels=tuple(sorted(set(snapshots.rows["level"]))),
        trained_on={"school_years": [2023], "as_of": ["2024-01-06"], "outcome_closes": [11, 1]},
        report={"untouched": False},
        card="# Fiche\n",
    )


@pytest.fixture
def folder(trained: TrainedModel, tmp_path: Path) -> Path:
    trained.save(tmp_path / "model")
    return tmp_path / "model"


def resealed(folder: Path, change: Callable[[dict[str, Any], dict[str, str]], None]) -> Path:
    """Seal an artefact again after a change to its manifest and files: its checksums hold."""
    sealed = unseal(folder)
    manifest, files = dict(sealed.manifest), dict(sealed.files)
    change(manifest, files)
    seal(folder.with_name("resealed"), files, manifest)
    return folder.with_name("resealed")


def test_save_and_load_differ_by_nothing(trained: TrainedModel, folder: Path, snapshots: Snapshots) -> None:
    """A loaded model gives the same bits, the same words and the same identity."""
    loaded = load_trained_model(folder)
    groups = loaded.reference_groups(snapshots.rows["level"], date(2024, 1, 6))
    before = trained.risk_model.risk(snapshots.features, groups)
    assert np.abs(loaded.risk_model.risk(snapshots.features, groups) - before).max() == 0.0
    assert np.ptp(before) > 0
    for name in (*KEYS, "card", "sha256", "model_id"):
        assert getattr(loaded, name) == getattr(trained, name), name
    assert loaded.save(folder.with_name("again")) == trained.sha256


def test_the_identity_is_that_of_the_folder(trained: TrainedModel, tmp_path: Path) -> None:
    """What save returns, the sha256 of the model and that of the folder's manifest are one."""
    sha256 = trained.save(tmp_path / "model")
    assert sha256 == trained.sha256 == unseal(tmp_path / "model").sha256
    assert trained.model_id == f"essai-{sha256[:12]}"
    assert trained.model_id in repr(trained)


def test_a_folder_of_an_earlier_format_keeps_its_own_checksum(
    trained: TrainedModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the checksum that operators pinned, also in a copy; what is derived from the model, or saved again, has its own."""
    sealed = unseal(folder)
    earlier = folder.with_name("earlier")
    with monkeypatch.context() as patch:
        patch.setattr(artefact, "FORMAT", FORMAT - 1)
        pinned = seal(earlier, sealed.files, sealed.manifest)
    monkeypatch.setitem(artefact.READERS, FORMAT - 1, lambda manifest, files: (manifest, files))
    loaded = load_trained_model(earlier, sha256=pinned)
    assert pinned != trained.sha256
    again = pickle.loads(pickle.dumps(loaded))  # noqa: S301 - ours
    assert {loaded.sha256, copy.deepcopy(loaded).sha256, again.sha256} == {pinned}
    assert loaded.model_id.endswith(pinned[:12])
    assert replace(loaded).sha256 == loaded.save(folder.with_name("again")) == trained.sha256
    assert replace(loaded, name="autre").sha256 not in {pinned, trained.sha256}


def test_the_identity_differs_when_any_file_or_entry_differs(folder: Path) -> None:
    """One more character in any file, or another value of any entry, is another model."""
    sealed = unseal(folder)
    found = {manifest_sha256(sealed.files, sealed.manifest)}
    for name in sealed.files:
        found.add(manifest_sha256(sealed.files | {name: sealed.files[name] + " "}, sealed.manifest))
    for key in KEYS:
        found.add(manifest_sha256(sealed.files, sealed.manifest | {key: "other"}))
    assert len(found) == 1 + len(sealed.files) + len(KEYS)


@pytest.mark.parametrize(
    "name", ["booster-0.txt", "calibration.json", "references.json", "card.md", "manifest.json"]
)
@pytest.mark.parametrize("damage", ["missing", "truncated", "edited"])
def test_a_damaged_file_is_refused_by_name(folder: Path, name: str, damage: str) -> None:
    """A missing, truncated or edited file is refused, with its name and what to do."""
    path = folder / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else content + b" ")
    with pytest.raises(TamperedArtefactError) as caught:
        load_trained_model(folder)
    message = str(caught.value)
    assert name in message.splitlines()[0]
    assert "Expected: exactly the files listed in manifest.json" in message
    assert "Hint: Take a whole copy" in message


def test_every_damaged_file_is_named_at_once(folder: Path) -> None:
    """Several damaged files come in one error."""
    (folder / "card.md").unlink()
    (folder / "booster-1.txt").write_text("tree")
    with pytest.raises(
        TamperedArtefactError,
        match=r"card\.md is missing; booster-1\.txt is truncated|booster-1.txt is tr.*card.md is m",
    ):
        load_trained_model(folder)


def test_another_format_is_refused(folder: Path) -> None:
    """A manifest of a later FORMAT is refused with the formats that can be read."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"FORMAT": FORMAT + 1}), encoding="utf-8")
    with pytest.raises(UnknownFormatError) as caught:
        load_trained_model(folder)
    assert f"is of format {FORMAT + 1}" in str(caught.value)
    assert f"Expected: format {FORMAT}" in str(caught.value)
    assert "Hint: Install the version" in str(caught.value)


@pytest.mark.parametrize("key", KEYS)
def test_a_manifest_without_an_entry_is_refused(folder: Path, key: str) -> None:
    """An artefact that lacks an entry of a model is refused with the name of the entry."""
    other = resealed(folder, lambda manifest, _: manifest.pop(key))
    with pytest.raises(ArtefactError) as caught:
        load_trained_model(other)
    assert f"lacks {key}" in str(caught.value)
    assert "Expected: a folder written by TrainedModel.save" in str(caught.value)
    assert "Hint:" in str(caught.value)


@pytest.mark.parametrize("name", ["card.md", "calibration.json", "booster-1.txt"])
def test_an_artefact_sealed_without_a_file_is_refused(folder: Path, name: str) -> None:
    """A folder whose checksums hold but that lacks a file of a model is refused with its name."""
    other = resealed(folder, lambda _, files: files.pop(name))
    with pytest.raises(ArtefactError, match=name.replace(".", r"\.")):
        load_trained_model(other)


@pytest.mark.parametrize(
    ("change", "there", "here"),
    [({"revision": 99}, "revision 99", "revision 1"), ({"unit": "kilometre"}, "unit kilometre", "unit ")],
)
def test_another_contract_is_refused_with_the_difference(
    folder: Path, change: dict[str, Any], there: str, here: str
) -> None:
    """A feature that was defined otherwise in training is refused, with both definitions and no other feature."""
    name = contract()[2]["name"]

    def alter(manifest: dict[str, Any], _: dict[str, str]) -> None:
        manifest["feature_contract"] = [
            entry | change if entry["name"] == name else entry for entry in manifest["feature_contract"]
        ]

    with pytest.raises(ContractMismatchError) as caught:
        load_trained_model(resealed(folder, alter))
    diff = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert len(diff) == 1
    assert diff[0].startswith(f"  {name}: trained on ")
    trained_on, _, now = diff[0].partition("; here ")
    assert there in trained_on
    assert here in now
    assert there not in now
    assert (
        "Hint: Use the version of the package it was trained with, or train its configuration again"
        in str(caught.value)
    )


def test_a_feature_that_is_gone_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that reads features which the catalogue no longer has is refused, all of them named."""
    left = contract()[2:]
    monkeypatch.setattr(trained_model_module, "contract", lambda: left)
    with pytest.raises(ContractMismatchError) as caught:
        load_trained_model(folder)
    for entry in contract()[:2]:
        assert f"  {entry['name']}: trained on " in str(caught.value)
    assert str(caught.value).count("here no such feature") == 2


def test_a_column_that_the_contract_does_not_hold_is_refused(folder: Path) -> None:
    """A feature that the trees read but the contract does not define is refused."""
    name = contract()[0]["name"]

    def forget(manifest: dict[str, Any], _: dict[str, str]) -> None:
        manifest["feature_contract"] = manifest["feature_contract"][1:]

    with pytest.raises(ContractMismatchError, match=f"{name}: read by the trees, not in the contract"):
        load_trained_model(resealed(folder, forget))


def test_features_added_since_do_no_harm(
    folder: Path, monkeypatch: pytest.MonkeyPatch, trained: TrainedModel
) -> None:
    """A catalogue that has grown still reads an older model, with its own contract."""
    grown = [*contract(), contract()[0] | {"name": "added_later"}]
    monkeypatch.setattr(trained_model_module, "contract", lambda: grown)
    loaded = load_trained_model(folder)
    assert loaded.feature_contract == trained.feature_contract
    assert loaded.sha256 == trained.sha256


def test_a_feature_that_no_tree_reads_may_change(
    folder: Path, trained: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another definition of a feature that was dropped in training is no obstacle."""
    dropped = [name for name in trained.risk_model.dropped if name in {entry["name"] for entry in contract()}]
    assert dropped
    changed = [entry | {"revision": 99} if entry["name"] in dropped else entry for entry in contract()]
    monkeypatch.setattr(trained_model_module, "contract", lambda: changed)
    assert load_trained_model(folder).sha256 == trained.sha256


@pytest.mark.parametrize(
    ("month", "nearest"),
    [(9, "01"), (10, "01"), (11, "01"), (12, "01"), (1, "01"), (2, "01"), (3, "03"), (4, "03"), (5, "05"), (6, "05"), (8, "05")],
)  # fmt: skip
def test_the_reference_is_of_the_nearest_month_of_the_school_year(
    trained: TrainedModel, month: int, nearest: str
) -> None:
    """The nearest known month in school-year order is taken, the earlier of two as near: August is near May, not near January."""
    day = date(2023 if month >= 9 else 2024, month, 15)
    assert trained.reference_groups(["3e"], day).tolist() == [f"3e@{nearest}"]
    assert f"3e@{nearest}" in trained.risk_model.references.group_labels


def test_a_level_without_a_reference_has_the_global_one(trained: TrainedModel) -> None:
    """Unknown and missing levels give the global reference, and nothing is out of line."""
    found = trained.reference_groups(["3e", "no such level", None, "4e"], date(2024, 3, 5))
    assert found.tolist() == ["3e@03", "", "", "4e@03"]
    assert trained.reference_groups([], date(2024, 3, 5)).tolist() == []


def test_there_is_no_model_in_an_empty_or_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there or holds no model is refused with what to do."""
    with pytest.raises(ArtefactError, match="There is no folder"):
        load_trained_model(tmp_path / "nowhere")
    with pytest.raises(TamperedArtefactError, match=r"manifest\.json is missing"):
        load_trained_model(tmp_path)


def test_saving_never_replaces_something_else(trained: TrainedModel, tmp_path: Path) -> None:
    """A folder that holds other files is left as it is; one that holds a model is replaced whole."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ArtefactError, match=r"thesis\.txt"):
        trained.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    trained.save(tmp_path / "model")
    assert trained.save(tmp_path / "model") == trained.sha256


def test_nothing_in_the_artefact_depends_on_clock_place_or_machine(
    trained: TrainedModel, folder: Path
) -> None:
    """Saved twice in different places the bytes are the same, without pickle, path or date of today."""
    trained.save(folder.with_name("elsewhere"))
    names = sorted(path.name for path in folder.iterdir())
    assert {Path(name).suffix for name in names} == {".txt", ".json", ".md"}
    for name in names:
        content = (folder / name).read_bytes()
        assert content == (folder.with_name("elsewhere") / name).read_bytes()
        assert str(folder.parent).encode() not in content


def test_warming_up_changes_nothing(trained: TrainedModel, snapshots: Snapshots) -> None:
    """The first call may be taken in advance; it changes no bit of what follows."""
    before = trained.risk_model.risk(snapshots.features)
    trained.warm_up()
    np.testing.assert_array_equal(trained.risk_model.risk(snapshots.features), before)


def test_codes_of_levels_find_the_groups_of_their_names(small_model: TrainedModel) -> None:
    """Levels given as positions, none included, have the reference group of their names, in any month."""
    names = np.array([*LEVEL_NAMES, None], dtype=object)
    codes = np.array([3, 0, -1, 12, 3])
    for month in (1, 3, 7, 9, 11):
        day = date(2025, month, 15)
        expected = small_model.reference_groups(names[codes], day)
        np.testing.assert_array_equal(small_model.groups_of_levels(codes, day), expected)
        assert expected[2] == ""


def test_a_checksum_kept_elsewhere_tells_the_model_from_any_other(
    folder: Path, trained: TrainedModel
) -> None:
    """With its SHA-256 a model loads; sealed anew after an edit, or asked for by half a checksum, it is refused."""
    assert load_trained_model(folder, sha256=trained.sha256.upper()).sha256 == trained.sha256

    def rename(manifest: dict[str, Any], _: dict[str, str]) -> None:
        manifest["name"] = "autre"

    other = resealed(folder, rename)
    assert load_trained_model(other).name == "autre"
    with pytest.raises(TamperedArtefactError, match="another model than the one asked for") as caught:
        load_trained_model(other, sha256=trained.sha256)
    assert trained.sha256 in str(caught.value)
    assert "Hint: " in str(caught.value)
    for wrong in (trained.sha256[:12], "", "x" * 64):
        with pytest.raises(ArtefactError, match="is no SHA-256"):
            load_trained_model(folder, sha256=wrong)


@pytest.mark.parametrize(
    ("entry", "value", "told"),
    [
        ("levels", ["4e", "4e"], "levels names one twice"),
        ("levels", ["12e"], "'12e' is no level"),
        ("levels", [], "levels: "),
        ("demo", 1, "demo: "),
        ("name", "a\nb", "name: "),
        (
            "trained_on",
            {"school_years": [], "as_of": ["2024-01-06"], "outcome_closes": [11, 1]},
            "school_years: ",
        ),
        (
            "trained_on",
            {"school_years": [2023], "as_of": ["2024-13-06"], "outcome_closes": [11, 1]},
            "as_of.0: ",
        ),
        (
            "trained_on",
            {"school_years": [2023], "as_of": ["2024-01-06"], "outcome_closes": [13, 1]},
            "outcome_closes",
        ),
        ("trained_on", {"school_years": [2023]}, "trained_on.as_of"),
        (
            "trained_on",
            {"school_years": [2022], "as_of": ["2024-01-06"], "outcome_closes": [11, 1]},
            "school_years is [2022], the as-of dates are of [2023]",
        ),
        (
            "trained_on",
            {
                "school_years": [2023],
                "as_of": ["2024-01-06"],
                "outcome_closes": [11, 1],
                "closes_on": ["2024-11-02"],
            },
            "closes_on holds other days",
        ),
        (
            "trained_on",
            {
                "school_years": [2023],
                "as_of": ["2024-01-06"],
                "outcome_closes": [11, 1],
                "closes_on": ["2024-11-01"],
                "horizon_years": 3,
            },
            "closes_on holds other days",
        ),
        (
            "trained_on",
            {
                "school_years": [2023],
                "as_of": ["2024-01-06"],
                "outcome_closes": [11, 1],
                "closes_on": None,
                "events": None,
            },
            "closes_on is null",
        ),
        ("report", [], "report: "),
        ("report", {"advice": [{"code": 2, "sentence": "Non."}]}, "report.advice.0.code"),
        ("report", {"advice": [{"code": "fairness_block"}]}, "report.advice.0.sentence"),
        ("report", {"advice": "fairness_block"}, "report.advice"),
        ("report", {"test_years": ["2024"]}, "report.test_years.0"),
        ("held_out", {"tiers": [{"pupils": 10**30}]}, "held_out.tiers.0"),
        ("updates", [{"as_of": "x"}], "updates.0"),
        ("feature_contract", "all", "feature_contract: "),
    ],
)
def test_a_manifest_that_no_training_writes_is_refused(
    folder: Path, entry: str, value: object, told: str
) -> None:
    """With checksums that hold, each entry of another kind or value is named."""

    def change(manifest: dict[str, Any], _: dict[str, str]) -> None:
        manifest[entry] = value

    with pytest.raises(ArtefactError) as caught:
        load_trained_model(resealed(folder, change))
    assert told in str(caught.value).splitlines()[0]
    assert "Hint: " in str(caught.value)


def test_columns_in_another_order_than_the_contract_are_refused(folder: Path) -> None:
    """Two columns exchanged in every JSON file would be read as one another: the manifest's order tells."""

    def exchange(_: dict[str, Any], files: dict[str, str]) -> None:
        table = json.loads(files["references.json"])
        for columns in (table["references"]["columns"], table["training_range"]["columns"]):
            columns[0], columns[1] = columns[1], columns[0]
        files["references.json"] = json.dumps(table)

    with pytest.raises(ArtefactError, match="not in the order of feature_contract"):
        load_trained_model(resealed(folder, exchange))
