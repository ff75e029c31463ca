"""How each feature and the raw score were distributed in training, by level and month, so that later pupils can be held against it.

Counts per bin, the missing values in a bin of their own, before anything was filled. Only rounded counts of groups of
50 rows or more are kept: no pupil can be found in them.

A trained model: the risk model, what it was trained on, and how a level and a date find their reference.
"""

from __future__ import annotations

import json
from dataclasses import InitVar, dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from decrochage_risk.artefact import canonical_json, manifest_sha256, read_json, seal, unseal
from decrochage_risk.errors import (
    ArtefactError,
    ContractMismatchError,
    ModelError,
    explain_error,
    refuse_other_kinds,
)
from decrochage_risk.features import CONTEXT_COLUMNS, OWN_FEATURES, contract
from decrochage_risk.model.manifest_audit import DISTRIBUTIONS, SCORE, audit_distributions, audit_manifest
from decrochage_risk.model.snapshots import matrix_with_context
from decrochage_risk.records.levels import LEVEL_NAMES, USUAL_LEVEL_NAMES
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.risk.numeric_table import columns_of
from decrochage_risk.risk.risk_model import RiskModel
from decrochage_risk.school_year import SchoolCalendar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Codes = npt.NDArray[np.intp]


__all__ = ["SCORE", "FeatureDistributions", "TrainedModel", "load_trained_model", "made_up_pupil"]

LEAST_ROWS: Final = 50
"""Rows of a group under which nothing of it is kept."""
ROUNDED_TO: Final = 5
"""Counts are multiples of this: a count of 1 to 4 is never written."""
_NEAR: Final = 0.1 + 1e-9
_QUANTILES: Final = np.linspace(0.1, 0.9, 9)


@dataclass(frozen=True, eq=False)
class FeatureDistributions:
    """Rounded counts per bin, for every column and group.

    Attributes
    ----------
    edges : mapping of str to array
        Per column, the lower edges of all bins but the first: near the deciles of the known values, each once.
    counts : mapping of str to mapping of str to array
        Per group and column: rows without a value, then rows per bin.

    Examples
    --------
    >>> table = pd.DataFrame({"absences": np.arange(100.0)})
    >>> found = FeatureDistributions.fit(table, ["3e@03"] * 100)
    >>> found.counts["3e@03"]["absences"].tolist()
    [0, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]
    >>> found.bins("absences", np.array([np.nan, -1.0, 95.0])).tolist()
    [0, 1, 10]
    """

    edges: Mapping[str, Floats]
    counts: Mapping[str, Mapping[str, npt.NDArray[np.int64]]]

    @classmethod
    def fit(cls, columns: pd.DataFrame, groups: npt.ArrayLike) -> FeatureDistributions:
        """Count the rows of a training.

        Parameters
        ----------
        columns : DataFrame of float64, n rows
            Features and :data:`SCORE`, NaN = not known; columns never known are left out.
        groups : (n,) array_like of str
            Reference group of each row.
        """
        return cls.of_columns(columns_of(columns), groups)

    @classmethod
    def of_columns(cls, columns: Iterable[tuple[str, Floats]], groups: npt.ArrayLike) -> FeatureDistributions:
        """Count one column after the other; see :meth:`fit`."""
        labels = np.asarray(groups, dtype=object)
        places = {
            str(label): rows.to_numpy()
            for label, rows in pd.Series(np.arange(len(labels))).groupby(labels)
            if len(rows) >= LEAST_ROWS
        }
        edges: dict[str, Floats] = {}
        counts: dict[str, dict[str, npt.NDArray[np.int64]]] = {label: {} for label in places}
        for name, values in columns:
            if np.isnan(values).all():
                continue
            edges[name] = _edges(values)
            codes = cls(edges, {}).bins(name, values)
            for label, at in places.items():
                counts[label][name] = _rounded(np.bincount(codes[at], minlength=len(edges[name]) + 2))
        # Sorted: the file must be the same bytes whatever the order of the columns.
        return cls(
            dict(sorted(edges.items())),
            {label: dict(sorted(of_label.items())) for label, of_label in counts.items()},
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that were known in training, sorted."""
        return tuple(self.edges)

    def bins(self, column: str, values: Floats) -> Codes:
        """Give the bin of each value: 0 when it is not known."""
        codes = np.searchsorted(self.edges[column], values, side="right") + 1
        return np.where(np.isnan(values), 0, codes).astype(np.intp)

    def expected(self, column: str, groups: npt.ArrayLike) -> tuple[Floats, float]:
        """Mix the training's shares as these rows are composed of groups.

        Parameters
        ----------
        column : str
        groups : (n,) array_like of str
            Groups of the rows, all of them kept in :attr:`counts`.

        Returns
        -------
        shares : array
            Expected share of each bin, the missing one first.
        rows : float
            Rows of an ungrouped training sample of the same precision.
        """
        labels, weights = np.unique(np.asarray(groups, dtype=str), return_counts=True)
        share = weights / weights.sum()
        tables = np.array([self.counts[str(label)][column] for label in labels], dtype=np.float64)
        sizes = tables.sum(axis=1)
        # The size of one sample as uncertain as this mix: a group of many rows here and few in training
        # counts for little.
        effective = 1.0 / float((share**2 / sizes).sum())
        return (share[:, None] * tables / sizes[:, None]).sum(axis=0), effective

    def to_dict(self) -> dict[str, Any]:
        """Give edges and counts as JSON values; the counts of a column in one text."""
        return {
            "edges": {name: values.tolist() for name, values in self.edges.items()},
            "counts": {
                label: {name: " ".join(map(str, counts.tolist())) for name, counts in table.items()}
                for label, table in self.counts.items()
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FeatureDistributions:
        """Rebuild what :meth:`to_dict` gave.

        Raises
        ------
        ModelError
            It has another shape.
        """
        try:
            edges = {name: np.array(bounds, dtype=np.float64) for name, bounds in values["edges"].items()}
            counts = {
                label: {name: np.array(text.split(), dtype=np.int64) for name, text in table.items()}
                for label, table in values["counts"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                explain_error(
                    f"The distributions of the training cannot be read ({type(error).__name__}: {error})",
                    expected="edges and counts, as to_dict gives them",
                    hint="Load the model from an unedited copy of its folder.",
                )
            ) from error
        return cls(edges, counts)


def _edges(values: Floats) -> Floats:
    """Cut near each decile, in the widest gap, the nearest of equal ones.

    Rates of one year and another fall on neighbouring values, not across a cut.
    """
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(distinct) < 2:  # noqa: PLR2004  # nothing to cut
        return np.zeros(0)
    below = np.cumsum(counts)[:-1] / counts.sum()
    # Rounded, so that gaps which differ by a rounding error are equal on every machine.
    gaps, middles = np.round(np.diff(distinct), 12), (distinct[1:] + distinct[:-1]) / 2.0
    edges = []
    for share in _QUANTILES:
        near = np.flatnonzero(np.abs(below - share) <= _NEAR)
        if near.size:
            # In the widest gap: a cut between two near values would move pupils over it by chance.
            nearest = np.lexsort((np.abs(below[near] - share), -gaps[near]))[0]
            edges.append(middles[near[nearest]])
    return np.unique(edges) if edges else middles[[int(np.abs(below - 0.5).argmin())]]


def _rounded(counts: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Round to multiples of 5, so that small counts are not told; at least one bin keeps a count."""
    rounded_counts = ((2 * counts + ROUNDED_TO) // (2 * ROUNDED_TO) * ROUNDED_TO).astype(np.int64)
    # A table of zeros could not be turned into shares.
    if not rounded_counts.any():
        rounded_counts[int(counts.argmax())] = ROUNDED_TO
    return rounded_counts


_KEPT = ("name", "demo", "levels", "trained_on", "report")
_SEPTEMBER = 9
_PATH_PREFIX: Final = "parcours-"
"""Begins the name of every file of the model of three years within the folder of a model of both horizons."""
_PATH_MANIFEST: Final = f"{_PATH_PREFIX}manifest.json"
_PATH_YEARS: Final = 3


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
    held_out : dict
        Counts of pupils that no choice touched, by tier and by threshold (``school_years``, ``untouched``, ``tiers``,
        ``thresholds``); empty for a model of an earlier version.
    path : TrainedModel or None
        The model of three school years ("parcours") that goes with this one of a single year ("année"), see
        :meth:`with_path`: its own boosters, calibration, references, levels and report, in the same folder.
    sealed_as : str, optional
        Argument only: checksum of the folder from which the model was loaded. What is derived from it by ``replace`` is
        another model and computes its own.
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
    held_out: dict[str, Any] = field(default_factory=dict)
    path: TrainedModel | None = None
    sealed_as: InitVar[str | None] = None
    _sealed_as: str | None = field(default=None, init=False, repr=False)

    def __post_init__(self, sealed_as: str | None) -> None:
        object.__setattr__(self, "_sealed_as", sealed_as)

    def __repr__(self) -> str:
        years = ", ".join(map(str, self.trained_on.get("school_years", ())))
        both = "" if self.path is None else ", both horizons"
        return f"<TrainedModel {self.model_id}: {len(self.levels)} levels, school years {years}{both}>"

    def with_path(self, path: TrainedModel) -> TrainedModel:
        """Put a model of three years beside this one of a single year: one model, one folder, one card of two sections.

        Parameters
        ----------
        path : TrainedModel
            Trained with ``horizon_years=3``. Its card becomes a section of this one's.

        Returns
        -------
        TrainedModel
            Of another identity than either.

        Raises
        ------
        ModelError
            With every fault: horizons other than 1 and 3, a model that holds both already, one of synthetic pupils
            beside one of real ones.
        """
        faults = [] if isinstance(path, TrainedModel) else [f"path is a {type(path).__name__}"]
        faults += [] if self.horizon_years == 1 else [f"this model is of {self.horizon_years} years"]
        if isinstance(path, TrainedModel):
            faults += [] if path.horizon_years == _PATH_YEARS else [f"path is of {path.horizon_years} year"]
            faults += (
                [] if path.path is None and self.path is None else ["one of them holds both horizons already"]
            )
            faults += (
                [] if path.demo == self.demo else ["one of them is of synthetic pupils, the other is not"]
            )
        if faults:
            raise ModelError(
                explain_error(
                    f"These models do not make one of both horizons: {'; '.join(faults)}",
                    expected="train_model(..., horizon_years=1).with_path(train_model(..., horizon_years=3))",
                    hint="Train both on the same kind of pupils; the model of one year comes first.",
                )
            )
        return replace(self, path=path)

    @property
    def horizons(self) -> dict[int, TrainedModel]:
        """The models of this one by the school years of their horizon, the shortest first."""
        return {self.horizon_years: self} | (
            {} if self.path is None else {self.path.horizon_years: self.path}
        )

    @property
    def horizon_years(self) -> int:
        """School years after which the outcome that the risk is of closes: 1 or 3."""
        return int(self.trained_on.get("horizon_years", 1))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the manifest, which holds those of every file: the identity of the model."""
        return self._sealed_as or manifest_sha256(self._files, self._manifest)

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
        own = {**self.risk_model.to_files(), **watch, "card.md": self.card, **page}
        if self.path is None:
            return own
        of_path = {f"{_PATH_PREFIX}{name}": text for name, text in self.path._files.items()}  # noqa: SLF001 - same class
        return {**own, **of_path, _PATH_MANIFEST: canonical_json(self.path._manifest)}  # noqa: SLF001 - same class

    @property
    def _manifest(self) -> dict[str, Any]:
        entries: dict[str, Any] = {name: getattr(self, name) for name in _KEPT}
        entries["levels"] = list(self.levels)
        updates = {"updates": list(self.updates)} if self.updates else {}
        counts = {"held_out": self.held_out} if self.held_out else {}
        needs = _needs_of(self.levels, self.risk_model.columns)
        return {**entries, **counts, **updates, **needs, "feature_contract": self.feature_contract}

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
        """Take the start-up cost of this layer: compiled features, trees, LightGBM.

        A service calls ``decrochage_risk.warm_up(model)``, which goes on to reasons, policy and JSON: they lie above.
        """
        as_of, pupil = made_up_pupil(self.levels[0])
        # A made-up pupil with a row in each table, so that every compiled loop is touched.
        self.risk_model.risk(matrix_with_context(PupilRecords.from_json([pupil]).known_on(as_of)))

    @cached_property
    def _months_of_level(self) -> dict[str, tuple[int, ...]]:
        """Months with a reference group of each level; none for a level that has one of all months only."""
        months: dict[str, list[int]] = {}
        for label in self.risk_model.references.group_labels:
            level, _, month = label.partition("@")
            months.setdefault(level, []).extend([int(month)] if month else [])
        return {level: tuple(sorted(of_level)) for level, of_level in months.items()}

    def reference_groups(self, levels: Iterable[str], as_of: date) -> npt.NDArray[np.object_]:
        """Find the reference group of each pupil: the same level, the known month nearest in the school year.

        Of two months as near, the earlier in the school year is taken. A level without a reference of its own gives
        "", which stands for the global one.
        """
        names = pd.Series(list(levels), dtype=object)
        groups = {level: self._nearest(level, as_of.month) for level in names.dropna().unique()}
        return names.map(groups).fillna("").to_numpy(dtype=object)

    def groups_of_levels(self, levels: npt.NDArray[np.integer], as_of: date) -> npt.NDArray[np.object_]:
        """Do as :meth:`reference_groups`, for levels given as positions in ``LEVELS``, -1 for none."""
        if as_of.month not in self._groups_by_month:
            groups = self.reference_groups(LEVEL_NAMES, as_of)
            self._groups_by_month[as_of.month] = np.append(groups, np.array([""], dtype=object))
        labels: npt.NDArray[np.object_] = self._groups_by_month[as_of.month][levels]
        return labels

    @cached_property
    def unknown_millionths(self) -> dict[str, list[int]]:
        """Shares of the flags of what is not known in groups of the training, as :func:`unknown_counts` has worked them out."""
        return {}

    @cached_property
    def _groups_by_month(self) -> dict[int, npt.NDArray[np.object_]]:
        return {}

    def _nearest(self, level: str, month: int) -> str:
        months = self._months_of_level.get(level)
        if not months:
            return "" if months is None else level
        # Distance within the school year: June is far from September, though the calendar has them near.
        rank = _since_september(month)
        nearest = min(
            months, key=lambda known: (abs(_since_september(known) - rank), _since_september(known))
        )
        return f"{level}@{nearest:02d}"


def _since_september(month: int) -> int:
    return (month - _SEPTEMBER) % 12


def load_trained_model(folder: str | Path, *, sha256: str | None = None) -> TrainedModel:
    """Load an artefact: parse, audit, build.

    The checksums in the folder tell an accident from what was saved. Whoever can write there can write them anew: what
    is in a sealed folder is therefore held against what a training can give before anything is built from it, and ``sha256``,
    kept where the model is put to use, tells this model from any other.

    Parameters
    ----------
    folder : str or Path
        Written by :meth:`TrainedModel.save`.
    sha256 : str, optional
        What :meth:`TrainedModel.save` returned, all 64 digits.

    Raises
    ------
    TamperedArtefactError
        A file is missing, truncated or edited; or the folder is not the one of ``sha256``.
    ArtefactError
        The checksums hold, but what they seal is no model that a training gives: the message says what, and where.
    UnknownFormatError
        No reader for its FORMAT.
    ContractMismatchError
        It was trained on features that this catalogue defines otherwise, or does not have.
    """
    refuse_other_kinds(
        {"folder": (folder, str | PathLike)}, hint="load_model('modeles/2025').", error=ArtefactError
    )
    artefact = unseal(folder, sha256=sha256)
    own = {name: text for name, text in artefact.files.items() if not name.startswith(_PATH_PREFIX)}
    model = _built(folder, artefact.manifest, own)
    of_path = {
        name.removeprefix(_PATH_PREFIX): text for name, text in artefact.files.items() if name not in own
    }
    if of_path:
        path = _built(folder, _path_manifest(of_path.pop("manifest.json", "")), of_path)
        try:
            model = model.with_path(path)
        except ModelError as error:
            raise ArtefactError(str(error)) from error
    # A folder of an earlier FORMAT keeps its identity: saved again it would have other bytes, and it is by its own
    # checksum that operators pinned it.
    return replace(model, sealed_as=artefact.sha256)


def _path_manifest(text: str) -> dict[str, Any]:
    """Parse the manifest of the model of three years within a folder of both."""
    try:
        manifest = read_json(text)
        if not isinstance(manifest, dict):
            message = "it is no object"
            raise ValueError(message)  # noqa: TRY004, TRY301 - one error for whatever is wrong with it
    except ValueError as error:
        raise ArtefactError(
            explain_error(
                f"{_PATH_MANIFEST} cannot be read: {error}",
                expected="the manifest of the model of three years, as TrainedModel.save writes it",
                hint="Load the model from an unedited copy of its folder.",
            )
        ) from error
    return manifest


def _built(folder: str | Path, manifest: dict[str, Any], files: Mapping[str, str]) -> TrainedModel:
    """Audit and build one model of a folder, from its manifest and its files."""
    missing = [name for name in (*_KEPT, "feature_contract") if name not in manifest]
    if missing or "card.md" not in files:
        raise ArtefactError(
            explain_error(
                f"The artefact in {folder} lacks {', '.join(missing) or 'card.md'}",
                expected="a folder written by TrainedModel.save",
                hint="Another kind of artefact may have been sealed there; point at the model's own folder.",
            )
        )
    _refuse_without(manifest.get("own"))
    try:
        risk_model = RiskModel.from_files(files)
        audit_manifest(manifest, risk_model)
        distributions = _distributions(files, risk_model.columns)
    except ModelError as error:
        raise ArtefactError(str(error)) from error
    # After the audit: a contract can only be compared once it is known to be one.
    _check_contract(manifest["feature_contract"], risk_model.columns)
    return TrainedModel(
        risk_model=risk_model,
        card=files["card.md"],
        card_html=files.get("card.html", ""),
        feature_contract=manifest["feature_contract"],
        updates=tuple(manifest.get("updates", ())),
        distributions=distributions,
        held_out=manifest.get("held_out", {}),
        **{**{name: manifest[name] for name in _KEPT}, "levels": tuple(manifest["levels"])},
    )


def _distributions(files: Mapping[str, str], columns: tuple[str, ...]) -> FeatureDistributions | None:
    text = files.get(DISTRIBUTIONS)
    if text is None:
        return None
    audit_distributions(text, columns)
    return FeatureDistributions.from_dict(json.loads(text))


def _needs_of(levels: Iterable[str], columns: Iterable[str]) -> dict[str, Any]:
    """Name what a model needs of packages that declare features and levels of their own; nothing for a usual one."""
    names = set(columns)
    features = [feature.name for feature in OWN_FEATURES if feature.name in names]
    own_levels = [level for level in levels if level not in USUAL_LEVEL_NAMES]
    return {"own": {"features": features, "levels": own_levels}} if features or own_levels else {}


def _refuse_without(own: object) -> None:
    """Refuse a model that needs features or levels of a package that is not installed, by their names."""
    needs = own if isinstance(own, dict) else {}
    kinds = {"features": [feature.name for feature in OWN_FEATURES], "levels": LEVEL_NAMES}
    missing = [
        f"{kind.removesuffix('s')} {name!r}"
        for kind, installed_names in kinds.items()
        # The manifest is not audited yet: anything may stand there.
        for name in (needs[kind] if isinstance(needs.get(kind), list) else ())
        if name not in installed_names
    ]
    if missing:
        raise ContractMismatchError(
            explain_error(
                f"The model needs what no installed package declares: {', '.join(missing)}",
                expected="the package of one's own with which it was trained",
                hint="Install that package beside this one (entry points decrochage_risk.features and .levels), then load again.",
            )
        )


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
                hint="Use the version of the package it was trained with, or train its configuration again on this one, to compare as "
                "to score: a model is never read through features that mean something else.",
            )
        )


def _terms(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(entry.items()) if key != "name")


def made_up_pupil(level: str) -> tuple[date, dict[str, Any]]:
    """Make up a pupil with a row in every table, as JSON, and a day in the known calendar to look at them.

    Examples
    --------
    >>> as_of, pupil = made_up_pupil("4e")
    >>> as_of.month, sorted(pupil)
    (3, ['absences', 'birth_date', 'enrolments', 'grades', 'orientation', 'pupil_id'])
    """
    as_of = date(max(SchoolCalendar.for_zone("B").known_years) + 1, 3, 5)
    year = as_of.year - 1
    days = [(as_of - timedelta(days=back)).isoformat() for back in (2, 40, 80)]
    pupil = {
        "pupil_id": "warm-up",
        "birth_date": f"{year - 14}-05-05",
        "enrolments": [
            {"school_year": year, "school_id": "0990001N", "level": level, "start_date": f"{year}-09-02"}
        ],
        "absences": [{"date": day, "half_days": 1, "kind": "absence"} for day in days],
        "grades": [
            {"date": day, "subject": "maths", "value": 6.0, "status": "graded", "kind": "assessment"}
            for day in days
        ],
        "orientation": [{"date": days[0], "event": "wish", "rank": 1, "target": "voeu"}],
    }
    return as_of, pupil
