"""A trained model: the risk model, what it was trained on, and how a level and a date find their reference."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decrochage_risk.artefact import canonical_json, manifest_sha256, seal, unseal
from decrochage_risk.errors import ArtefactError, ContractMismatchError, ModelError, explain_error
from decrochage_risk.features import CONTEXT_COLUMNS, contract
from decrochage_risk.model.distributions import FeatureDistributions
from decrochage_risk.model.risk_model import RiskModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["TrainedModel", "load_trained_model"]

_KEPT = ("name", "demo", "levels", "trained_on", "report")
DISTRIBUTIONS = "distributions.json"
_SEPTEMBER = 9


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A risk model with everything that scoring and the model card need.

    Attributes
    ----------
    risk_model : RiskModel
        Trees, references and calibration.
    name : str
        What the data team calls it.
    demo : bool
        Trained on synthetic pupils, for demonstration: said in every output.
    levels : tuple of str
        Levels seen in training; a pupil of another level is not scored.
    trained_on : dict
        School years, as-of dates, rows, pupils, base rate, closing day, what was left out, warnings of the records.
    report : dict
        Figures of the untouched year (an ``EvaluationReport`` as JSON), and how the model was chosen.
    card : str
        Model card, Markdown, in French.
    card_html : str
        The same card as a web page; empty when there is none.
    feature_contract : list of dict
        Contract of the features that it reads.
    updates : tuple of dict
        Audit record of each later update of the calibration, oldest first, see
        :func:`~decrochage_risk.model.updating.recalibrate`.
    distributions : FeatureDistributions or None
        Of the training, for the drift watch; None in older artefacts.
    """

    risk_model: RiskModel
    name: str
    demo: bool
    levels: tuple[str, ...]
    trained_on: dict[str, Any]
    report: dict[str, Any]
    card: str
    card_html: str = ""
    feature_contract: list[dict[str, Any]] = field(default_factory=contract)
    updates: tuple[dict[str, Any], ...] = ()
    distributions: FeatureDistributions | None = None

    def __repr__(self) -> str:
        years = ", ".join(map(str, self.trained_on.get("school_years", ())))
        return f"<TrainedModel {self.model_id}: {len(self.levels)} levels, school years {years}>"

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the manifest, which holds those of every file: the identity of the model."""
        return manifest_sha256(self._files, self._manifest)

    @property
    def model_id(self) -> str:
        """Name and first characters of the SHA-256."""
        return f"{self.name}-{self.sha256[:12]}"

    @cached_property
    def _files(self) -> dict[str, str]:
        page = {"card.html": self.card_html} if self.card_html else {}
        watch = (
            {}
            if self.distributions is None
            else {DISTRIBUTIONS: canonical_json(self.distributions.to_dict())}
        )
        return {**self.risk_model.to_files(), **watch, "card.md": self.card, **page}

    @property
    def _manifest(self) -> dict[str, Any]:
        kept: dict[str, Any] = {name: getattr(self, name) for name in _KEPT}
        kept["levels"] = list(self.levels)
        updates = {"updates": list(self.updates)} if self.updates else {}
        return {**kept, **updates, "feature_contract": self.feature_contract}

    def save(self, folder: str | Path) -> str:
        """Write the artefact: a folder of text files with their checksums, no pickle, no wall clock.

        Parameters
        ----------
        folder : str or Path
            New, empty, or holding an artefact, which is replaced whole.

        Returns
        -------
        str
            SHA-256 of the manifest.

        Raises
        ------
        ArtefactError
            When the folder holds something else.
        """
        return seal(folder, self._files, self._manifest)

    def warm_up(self) -> None:
        """Take the start-up cost (parsing trees, loading libraries) before the first call."""
        from decrochage_risk.features import kernels  # noqa: F401, PLC0415 - compiled on import

        row = np.full((1, len(self.risk_model.columns)), np.nan)
        self.risk_model.risk(row)

    @cached_property
    def _months_of_level(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {}
        for label in self.risk_model.references.labels:
            level, _, month = label.rpartition("@")
            found.setdefault(level, []).append(int(month))
        return {level: tuple(sorted(months)) for level, months in found.items()}

    def reference_groups(self, levels: Iterable[str], as_of: date) -> npt.NDArray[np.object_]:
        """Find the reference group of each pupil: the same level, the known month nearest in the school year.

        Of two months as near, the earlier in the school year is taken. A level without a reference of its own gives
        "", which stands for the global one.
        """
        names = pd.Series(list(levels), dtype=object)
        chosen = {level: self._nearest(level, as_of.month) for level in names.dropna().unique()}
        return names.map(chosen).fillna("").to_numpy(dtype=object)

    def _nearest(self, level: str, month: int) -> str:
        months = self._months_of_level.get(level, ())
        if not months:
            return ""
        asked = _since_september(month)
        nearest = min(
            months, key=lambda known: (abs(_since_september(known) - asked), _since_september(known))
        )
        return f"{level}@{nearest:02d}"


def _since_september(month: int) -> int:
    return (month - _SEPTEMBER) % 12


def load_trained_model(folder: str | Path) -> TrainedModel:
    """Load an artefact: parse, audit, build.

    Parameters
    ----------
    folder : str or Path
        Written by :meth:`TrainedModel.save`.

    Raises
    ------
    TamperedArtefactError
        A file is missing, truncated or edited.
    UnknownFormatError
        No reader for its FORMAT.
    ContractMismatchError
        It was trained on features that this catalogue defines otherwise, or does not have.
    """
    sealed = unseal(folder)
    manifest = sealed.manifest
    missing = [name for name in (*_KEPT, "feature_contract") if name not in manifest]
    if missing or "card.md" not in sealed.files:
        raise ArtefactError(
            explain_error(
                f"The artefact in {folder} lacks {', '.join(missing) or 'card.md'}",
                expected="a folder written by TrainedModel.save",
                hint="Another kind of artefact may have been sealed there; point at the model's own folder.",
            )
        )
    try:
        risk_model = RiskModel.from_files(sealed.files)
        distributions = _distributions(sealed.files)
    except ModelError as error:
        raise ArtefactError(str(error)) from error
    _check_contract(manifest["feature_contract"], risk_model.columns)
    return TrainedModel(
        risk_model=risk_model,
        card=sealed.files["card.md"],
        card_html=sealed.files.get("card.html", ""),
        feature_contract=manifest["feature_contract"],
        updates=tuple(manifest.get("updates", ())),
        distributions=distributions,
        **{**{name: manifest[name] for name in _KEPT}, "levels": tuple(manifest["levels"])},
    )


def _distributions(files: Mapping[str, str]) -> FeatureDistributions | None:
    text = files.get(DISTRIBUTIONS)
    return None if text is None else FeatureDistributions.from_dict(json.loads(text))


def _check_contract(trained: list[Mapping[str, Any]], columns: tuple[str, ...]) -> None:
    """Refuse a model whose features mean something else here; features added since do no harm."""
    here = {entry["name"]: entry for entry in contract()}
    there = {entry["name"]: dict(entry) for entry in trained}
    diff = [
        f"  {name}: trained on {_terms(there[name])}; here {_terms(here[name]) if name in here else 'no such feature'}"
        for name in there
        if name in columns and there[name] != here.get(name)
    ]
    unknown = [name for name in columns if name not in there and name not in CONTEXT_COLUMNS]
    diff += [f"  {name}: read by the trees, not in the contract" for name in unknown]
    if diff:
        raise ContractMismatchError(
            explain_error(
                "The model was trained on another feature contract:\n" + "\n".join(diff),
                expected="the same name, unit, window, direction and revision for every feature it reads",
                hint="Use the version of the package it was trained with, or retrain it on this one.",
            )
        )


def _terms(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(entry.items()) if key != "name")
