"""The configuration of a yearly retraining: a TOML file, checked as a whole before anything is read.

What a new model was trained on that the model in use was not, one French sentence each, for its card.

The yearly retraining in one call: check, train, evaluate, compare, card; resumable, the same bytes for the same inputs.

What is compared with the model in use is a *candidate* trained on the years before the last one, which neither has seen.
What is shipped is trained in the same way on every year; its card holds the comparison.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from datetime import date  # pydantic reads the annotation at run time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, cast

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)

from decrochage_risk.artefact import canonical_json
from decrochage_risk.errors import ModelError, NotEnoughDataError, explain_error, refuse_other_kinds
from decrochage_risk.evaluate import ModelComparison, card_page, changes_section, with_changes
from decrochage_risk.evaluate.comparison import overall_verdict
from decrochage_risk.evaluate.verdict import MARGIN
from decrochage_risk.french import join, percent, plural, school_year
from decrochage_risk.model import TrainedModel, closing_day, default_as_of_dates, load_trained_model
from decrochage_risk.model.refused_options import refuse_in_training
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.records.reading import read_table_file
from decrochage_risk.risk import FitOptions
from decrochage_risk.school_year import SchoolCalendar, school_year_of
from decrochage_risk.small_cells import HIDDEN, PUBLISHED, hidden_counts, is_small
from decrochage_risk.threads import progress_bar
from decrochage_risk.train.backtest import NOT_KNOWN, can_be_known
from decrochage_risk.train.comparing import compare_models
from decrochage_risk.train.evaluating import evaluate_model
from decrochage_risk.train.publication import combine_horizons
from decrochage_risk.train.run_folder import RunFolder, StepReport, checksums
from decrochage_risk.train.supported import Helped
from decrochage_risk.train.training import libraries, train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    import numpy.typing as npt

    from decrochage_risk.model import Snapshots


__all__ = ["RetrainConfig", "RetrainResult", "read_config", "retrain", "since_champion"]

_PATHS = ("records", "outcomes", "supported", "champion", "policy", "calendar", "run")
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")]


class RetrainConfig(BaseModel):
    """What a retraining reads, how it trains, and where it writes.

    Attributes
    ----------
    records : Path
        Folder of the extracts, all school years.
    run : Path
        Run folder: new, or that of a run to continue.
    labels_known_on : date
        Day on which the outcomes were extracted; years that had not closed by then are left out.
    outcomes : Path, optional
        Table of the outcomes (Parquet or CSV), when it is not in the folder of the extracts.
    supported : Path, optional
        Table of the pupils for whom a measure started (``pupil_id``, ``started_on``; Parquet or CSV), as
        ``Feedback.measures_started()`` gives it.
    helped : {"keep", "exclude", "censor"}
        What to do with their rows, see `decrochage_risk.train.supported`; anything but "keep" needs ``supported``.
    champion : Path, optional
        Folder of the model in use; none in the first year.
    champion_sha256 : str, optional
        Its checksum, as its training printed it: another model in this folder is refused.
    policy : Path, optional
        Thresholds, as ``load_policy`` reads them.
    calendar : Path, optional
        Calendar of the school, as CSV; the folder's own, or zone B, when left out.
    name : str
        Of the model.
    school_years : tuple of int, optional
        Years to train on; all mature ones of the outcomes when left out.
    as_of : tuple of date, optional
        As-of dates; early November to early May of each year when left out.
    outcome_closes : tuple of int
        Month and day.
    seed : int
    capacity : int
        Situations that a school can look at on one date.
    margin : float
        Log loss (nats per row) by which the candidate may be worse than the champion. What is shipped knows one year more
        than what can be measured, so that not worse is enough. The same default as in ``compare_models``.
    synthetic : bool
        The pupils are.
    on_fault : {"raise", "quarantine"}
    options : FitOptions
        Of the boosters.
    path : bool
        Train the risk over three years too, on the years whose path had closed by ``labels_known_on``; ``model/`` then holds
        both horizons. The comparison with the champion is that of the year.
    history : bool, optional
    legal_basis : str, optional
        Whether attendance of earlier school years is learnt from, and why it may be: as in ``train_model``.

    Examples
    --------
    >>> config = RetrainConfig(records="extraits", run="run", labels_known_on="2025-11-15")
    >>> config.margin, config.champion
    (0.001, None)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    records: Path
    run: Path
    labels_known_on: date
    outcomes: Path | None = None
    supported: Path | None = None
    helped: Helped = "keep"
    champion: Path | None = None
    champion_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    policy: Path | None = None
    calendar: Path | None = None
    name: Name = "modele"
    school_years: tuple[int, ...] | None = None
    as_of: tuple[date, ...] | None = None
    outcome_closes: tuple[int, int] = (11, 1)
    seed: int = Field(default=0, ge=0, lt=2**31 - 2)
    capacity: int = Field(default=20, ge=1)
    margin: float = Field(default=MARGIN, ge=0, lt=1)
    synthetic: StrictBool = False
    on_fault: Literal["raise", "quarantine"] = "raise"
    options: FitOptions = FitOptions()
    path: StrictBool = False
    history: StrictBool | None = None
    legal_basis: Annotated[str, Field(min_length=1, max_length=500)] | None = None

    @field_validator("options", mode="before")
    @classmethod
    def _fit_options(cls, value: Any) -> Any:  # noqa: ANN401 - what TOML holds
        if not isinstance(value, dict):
            return value
        unknown = [str(name) for name in value if name not in FitOptions.__dataclass_fields__]
        try:
            refuse_in_training(unknown, "FitOptions")
            return FitOptions(**value)
        except (ModelError, TypeError) as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _closes_on_a_day(self) -> Self:
        closing_day(2024, self.outcome_closes)
        return self

    @model_validator(mode="after")
    def _supported_are_named(self) -> Self:
        if self.helped != "keep" and self.supported is None:
            message = f"helped={self.helped!r} without supported, the table of the pupils for whom a measure started"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _champion_is_named(self) -> Self:
        if self.champion_sha256 is not None and self.champion is None:
            message = "champion_sha256 without champion, the folder that it stands for"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _run_apart(self) -> Self:
        run = self.run.resolve()
        paths = {name: getattr(self, name) for name in _PATHS if name != "run"}
        places = {name: path.resolve() for name, path in paths.items() if path is not None}
        within = [
            name for name, place in places.items() if run in (place, *place.parents) or place in run.parents
        ]
        if within:
            message = f"run and {', '.join(within)} lie within each other: a run would change what it reads"
            raise ValueError(message)
        return self

    def settings(self) -> dict[str, Any]:
        """Give everything but the places, as JSON values: the same on every machine."""
        # Without the places: what a file holds is known by its checksum, wherever it lies.
        values = self.model_dump(mode="json", exclude={*_PATHS, "champion_sha256", "options"})
        return {**values, "options": self.options.to_dict()}


def read_config(path: str | Path) -> RetrainConfig:
    """Read a configuration; relative paths start at its own folder.

    Raises
    ------
    ModelError
        No such file, no TOML, or keys and values that cannot be: every fault at once.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        cause = "not UTF-8" if isinstance(error, UnicodeDecodeError) else cause
        raise ModelError(
            explain_error(
                f"The configuration {path} cannot be read ({cause})",
                expected="a TOML file in UTF-8",
                hint='Its shortest form: records = "extraits", run = "run-2025", labels_known_on = 2025-11-15.',
            )
        ) from error
    placed_paths = {
        key: path.parent / value if key in _PATHS and isinstance(value, str) else value
        for key, value in values.items()
    }
    try:
        return RetrainConfig(**placed_paths)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise ModelError(
            explain_error(
                f"The configuration {path} cannot be used: {'; '.join(faults)}",
                expected=f"keys among {', '.join(RetrainConfig.model_fields)}",
                hint="Correct these keys; the documentation of RetrainConfig explains each.",
            )
        ) from error


_KINDS = {"trees": "arbres", "logistic": "régression logistique"}


def since_champion(champion: TrainedModel, new: TrainedModel) -> list[str]:
    """Say what has changed between two trainings: years, rows, rate of leavers, levels, columns, kind of model.

    Examples
    --------
    >>> from decrochage_risk.score.run_facts import load_demo_model
    >>> model = load_demo_model()
    >>> since_champion(model, model)[2:]
    ['Niveaux : les mêmes', 'Variables : les mêmes']
    """
    before, after = champion.trained_on, new.trained_on
    lines = [
        f"Années d'apprentissage : {_years(before['school_years'])} ; désormais {_years(after['school_years'])}",
        f"Lignes d'apprentissage : {_rows(before)} ; désormais {_rows(after)}",
        _set("Niveaux", _levels(champion), _levels(new)),
        _set("Variables", _columns(champion), _columns(new)),
    ]
    kinds = [_KINDS[model.risk_model.options.kind] for model in (champion, new)]
    return lines if kinds[0] == kinds[1] else [*lines, f"Modèle : {kinds[0]} ; désormais {kinds[1]}"]


def _years(years: Iterable[int]) -> str:
    return join([school_year(year) for year in years])


def _rows(trained_on: Mapping[str, int | None]) -> str:
    rows, events = trained_on.get("rows", 0), trained_on.get("events", 0)
    if rows is None:
        return f"effectif {HIDDEN}"
    if not rows:
        return NOT_KNOWN
    # A share of the rows gives its count back; a model of an earlier version hides none.
    if events is None or is_small(events, rows - events):
        return f"{plural(rows, 'ligne')}, part de sorties {HIDDEN}e"
    return f"{plural(rows, 'ligne')}, {percent(events / rows, 1)} de sorties"


def _levels(model: TrainedModel) -> list[str]:
    return [LEVEL_BY_NAME[level].label for level in model.levels]


def _columns(model: TrainedModel) -> list[str]:
    context = set(model.risk_model.context)
    return [f"`{column}`" for column in model.risk_model.columns if column not in context]


def _set(name: str, before: Iterable[str], after: Iterable[str]) -> str:
    old, new = list(before), list(after)
    changes = {
        "en plus": [one for one in new if one not in old],
        "en moins": [one for one in old if one not in new],
    }
    lines = [f"{word} {', '.join(some)}" for word, some in changes.items() if some]
    return f"{name} : {' ; '.join(lines) or 'les mêmes'}"


NO_CHAMPION: Final = "no_champion"
"""Verdict where there is nothing to compare with: the first year, or no year that nothing has learnt from."""
_JUDGED_TWICE: Final = (
    "Jugé deux fois sur la dernière année : le modèle livré lui-même, chaque élève étant prédit par le membre qui ne l'a pas "
    "appris ; puis un candidat appris de la même façon sans cette année, que ni lui ni le modèle en place n'ont vue. La mise en "
    "service demande l'accord des deux"
)
_PATH_YEARS: Final = 3
_LEFT_OUT: Final = "left_out.json"
_NOT_TRAINED_BY: Final = frozenset({"capacity", "margin", "path"})
"""Settings that a training does not read; every other one trains again when it changes, those that are not thought of yet too."""


@dataclass(frozen=True)
class RetrainResult:
    """What a retraining gave.

    Attributes
    ----------
    folder : Path
        The run folder: ``inputs.json``, ``check.json`` (rows of events, faults, and which outcomes each year has of 11 pupils or
        more), ``candidate/``, ``evaluation.json`` and ``.md``,
        ``comparison.json`` and ``.md``, ``shipped.json`` and ``.md``, ``trained/``, ``left_out.json`` (pupils, for the owner of
        the folder alone), ``trained-path/`` (with ``path``), ``model/`` (to be put into use if the verdict says so), ``verdict.json`` and ``steps/``.
    verdict : str
        ``promote``, ``keep`` or ``review``, the gravest of both comparisons; ``no_champion`` when nothing was compared.
    model : TrainedModel
        The new model, trained on every year.
    comparison : ModelComparison or None
        Of the candidate, trained without the last year; without its pupil-level table when the step was found done.
    shipped : ModelComparison or None
        Of the new model itself, each pupil of the last year predicted by the member that has not learnt the pupil.
    redone, kept : tuple of str
        Steps that were run, and steps that were found done.
    """

    folder: Path
    verdict: str
    model: TrainedModel
    comparison: ModelComparison | None
    shipped: ModelComparison | None
    redone: tuple[str, ...]
    kept: tuple[str, ...]


def retrain(
    config: RetrainConfig | str | Path,
    *,
    progress: bool | Callable[[str], None] = False,
    on_step: Callable[[StepReport], object] | None = None,
) -> RetrainResult:
    """Retrain a model for a new school year.

    Parameters
    ----------
    config : RetrainConfig, str or Path
        The configuration, or the TOML file that holds it.
    progress : bool or callable
        True shows the steps on a bar; a callable is told a French line at the beginning of each.
    on_step : callable, optional
        Called with a `StepReport` (name, figures, files) at the end of each step: what a tracker of experiments records.

    Returns
    -------
    RetrainResult

    Raises
    ------
    ModelError
        The configuration cannot be used.
    RecordsError, FaultyRecordsError, ArtefactError, NotEnoughDataError
        As the steps: the records, the champion, or too few outcomes.
    """
    refuse_other_kinds(
        {"config": (config, RetrainConfig | str | Path)},
        hint="retrain('annee-2026.toml'), or retrain(RetrainConfig(...)).",
        error=ModelError,
    )
    if not isinstance(config, RetrainConfig):
        config = read_config(config)
    with progress_bar(progress) as tell:
        run = _Run(config, RunFolder(config.run, tell, on_step, {_LEFT_OUT}), tell)
        run.go()
    return RetrainResult(
        folder=config.run,
        verdict=run.verdict,
        model=load_trained_model(config.run / "model"),
        comparison=run.comparison,
        shipped=run.shipped,
        redone=tuple(run.steps.redone),
        kept=tuple(run.steps.kept),
    )


class _Run:
    """One run: inputs read on first use, steps in their order."""

    def __init__(self, config: RetrainConfig, steps: RunFolder, progress: Callable[[str], None]) -> None:
        self.config = config
        self.steps = steps
        self.comparison: ModelComparison | None = None
        self.shipped: ModelComparison | None = None
        self._progress = progress

    @property
    def verdict(self) -> str:
        """The gravest of both comparisons."""
        comparisons = [one for one in (self.shipped, self.comparison) if one is not None]
        return overall_verdict(comparisons) if comparisons else NO_CHAMPION

    def go(self) -> None:
        """Run every step that is not done."""
        steps, settings = self.steps, self.config.settings()
        if self.config.champion_sha256 is not None:
            # Before the steps: one that is found done asks nobody which champion it was.
            self._champion()
        records = self._inputs("records", "outcomes", "calendar")
        everything = self._inputs("records", "outcomes", "calendar", "supported", "champion", "policy")
        versions = libraries()
        steps.write(
            "inputs.json", canonical_json({"files": everything, "settings": settings, "versions": versions})
        )
        # Each step lists what it reads and no more. A policy is read by a training too: its card measures the lists.
        base = {"files": records, "versions": versions, "on_fault": settings["on_fault"]}
        trained_by = {name: value for name, value in settings.items() if name not in _NOT_TRAINED_BY}
        training = {**base, **self._inputs("supported", "policy"), **trained_by}
        steps.step("check", "Lecture et vérification des extraits", self._check, reads=base)
        steps.step(
            "train", "Apprentissage sur toutes les années", self._train, reads=training, after=["check"]
        )
        years = load_trained_model(self.config.run / "trained").trained_on["school_years"]
        # Before the steps that may be left out: a verdict of an earlier configuration must not stay in the
        # folder.
        self._forget(years)
        if len(years) > 1:
            self._judge(years, training, settings)
        if self.config.path:
            steps.step(
                "path", "Apprentissage sur trois ans", self._train_path, reads=training, after=["check"]
            )
        else:
            steps.forget("path")
        after = ["train"] if self.comparison is None else ["train", "compare"]
        after += ["path"] if self.config.path else []
        steps.step("card", "Fiche du modèle", self._card, reads={}, after=after)

    def _judge(self, years: list[int], training: dict[str, Any], settings: dict[str, Any]) -> None:
        """Run the steps that measure: a candidate without the last year, its figures, the comparison with the model in use."""
        steps = self.steps
        steps.step(
            "candidate",
            "Apprentissage sans la dernière année",
            self._candidate(years),
            reads=training,
            after=["check"],
        )
        judging_inputs = {**training, "capacity": settings["capacity"]}
        steps.step("evaluate", "Évaluation", self._evaluate(years), reads=judging_inputs, after=["candidate"])
        if self.config.champion is None:
            return
        comparing_inputs = {
            **judging_inputs,
            "champion": self._inputs("champion"),
            "margin": settings["margin"],
        }
        steps.step(
            "compare",
            "Comparaison",
            self._compare(years),
            reads=comparing_inputs,
            after=["train", "candidate"],
        )
        # A step that is already done returns nothing: its result is read back.
        self.comparison = self.comparison or self._written("comparison.json")
        self.shipped = self.shipped or self._written("shipped.json")

    def _written(self, name: str) -> ModelComparison:
        return ModelComparison.from_json((self.config.run / name).read_text(encoding="utf-8"))

    def _forget(self, years: list[int]) -> None:
        """Remove what an earlier run of this folder wrote and this one does not ask for."""
        step_needs = {"candidate": len(years) > 1, "evaluate": len(years) > 1}
        step_needs["compare"] = len(years) > 1 and self.config.champion is not None
        for name in [name for name, is_needed in step_needs.items() if not is_needed]:
            self.steps.forget(name)

    @cached_property
    def records(self) -> PupilRecords:
        """The extracts, checked."""
        calendar = None if self.config.calendar is None else SchoolCalendar.from_csv(self.config.calendar)
        return PupilRecords.read(self.config.records, on_fault=self.config.on_fault, calendar=calendar)

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """The outcomes, canonical."""
        apart = None if self.config.outcomes is None else read_table_file(self.config.outcomes)[0].frame()
        return outcomes_for(self.records, apart)

    def _inputs(self, *names: str) -> dict[str, str]:
        sums: dict[str, str] = {}
        for name in names:
            path = getattr(self.config, name)
            if path is not None:
                sums |= checksums(path, name)
        return sums

    def _check(self) -> list[str]:
        records = self.records
        # Not those that count pupils: what a report or a comparison beside them lacks would be of a few.
        tables = ("absences", "grades", "orientation", "coverage")
        rows = {name: len(table) for name in tables if (table := getattr(records, name)) is not None}
        faults = {
            severity: hidden_counts(
                {f"{table}, {rule}": count for (table, rule), count in sorted(report.counts.items())},
                total=False,
            )
            for severity, report in (("errors", records.faults.errors), ("warnings", records.faults.warnings))
        }
        table = pd.crosstab(self.outcomes["school_year"].astype(int), self.outcomes["outcome"].astype(str))
        outcomes = {
            str(year): [str(name) for name, count in row.items() if count >= PUBLISHED]
            for year, row in table.iterrows()
        }
        verification: dict[str, Any] = {"rows": rows, "faults": faults, "outcomes": outcomes}
        return [self.steps.write("check.json", canonical_json(verification))]

    @cached_property
    def dates(self) -> list[date]:
        """As-of dates of the mature school years, in order."""
        config = self.config
        years = set(config.school_years or self.outcomes["school_year"].astype(int).unique().tolist())
        closed_by = config.labels_known_on
        mature = {int(year) for year in years if closing_day(int(year), config.outcome_closes) <= closed_by}
        dates = config.as_of or tuple(
            day
            for day in default_as_of_dates(mature)
            if can_be_known(self.records, day)
            and day < closing_day(school_year_of(day), config.outcome_closes)
        )
        days = sorted({day for day in dates if school_year_of(day) in mature})
        if not days:
            raise NotEnoughDataError(
                explain_error(
                    f"No as-of date lies in a school year of {sorted(years)} whose outcomes had closed on {config.labels_known_on}",
                    expected="one closed school year at least, best three",
                    hint="Check labels_known_on, school_years, as_of and outcome_closes.",
                )
            )
        return days

    def _trained(
        self,
        dates: list[date],
        *,
        candidate: bool = False,
        horizon_years: int = 1,
        left_out: Callable[[Snapshots, npt.NDArray[np.float64]], None] | None = None,
    ) -> TrainedModel:
        config = self.config
        return train_model(
            self.records,
            self.outcomes,
            as_of_dates=dates,
            outcome_closes=config.outcome_closes,
            horizon_years=horizon_years,
            labels_known_on=config.labels_known_on,
            name=f"{config.name}-candidat" if candidate else config.name,
            synthetic=config.synthetic,
            seed=config.seed,
            options=config.options,
            # A candidate is only compared; the second view belongs to the card of what is shipped.
            hold_out_schools=not candidate,
            policy=load_policy(config.policy),
            history=config.history,
            legal_basis=config.legal_basis,
            supported=None if config.supported is None else read_table_file(config.supported)[0].frame(),
            helped=config.helped,
            left_out=left_out,
            progress=self._progress,
        )

    def _train(self) -> list[str]:
        risks: dict[str, list[Any]] = {}

        def keep(snapshots: Snapshots, risk: npt.NDArray[np.float64]) -> None:
            rows = snapshots.rows.assign(risk=risk)
            # The last year is the only one that the comparison asks of.
            last = rows[rows["school_year"] == rows["school_year"].max()]
            risks["pupil_id"] = last["pupil_id"].tolist()
            risks["as_of"] = [day.isoformat() for day in last["as_of"]]
            risks["risk"] = last["risk"].tolist()

        self._trained(self.dates, left_out=keep).save(self.config.run / "trained")
        # Private: risks of named pupils, beside files that may be handed on.
        return ["trained", self.steps.write(_LEFT_OUT, canonical_json(risks), private=True)]

    def _train_path(self) -> list[str]:
        config, years = self.config, {int(year) for year in self.outcomes["school_year"].unique()}
        closed_years = {
            year
            for year in years
            if year + _PATH_YEARS - 1 in years
            and closing_day(year, config.outcome_closes, _PATH_YEARS) <= config.labels_known_on
        }
        days = [day for day in self.dates if school_year_of(day) in closed_years]
        if not days:
            raise NotEnoughDataError(
                explain_error(
                    f"No school year of {sorted(years)} has a path that had closed on {config.labels_known_on}",
                    expected="outcomes of a school year and of the two years after it",
                    hint="Leave path out until the outcomes of three years are there.",
                )
            )
        self._trained(days, horizon_years=_PATH_YEARS).save(config.run / "trained-path")
        return ["trained-path"]

    def _left_out(self) -> pd.DataFrame:
        """Risks of the last year by the members that have not learnt the pupil, as the training wrote them."""
        risks = pd.DataFrame(json.loads((self.config.run / _LEFT_OUT).read_text(encoding="utf-8")))
        return risks.assign(as_of=[date.fromisoformat(day) for day in risks["as_of"]])

    def _candidate(self, years: list[int]) -> Callable[[], list[str]]:
        def work() -> list[str]:
            earlier = [day for day in self.dates if school_year_of(day) < max(years)]
            self._trained(earlier, candidate=True).save(self.config.run / "candidate")
            return ["candidate"]

        return work

    def _judged_on(self, years: list[int]) -> dict[str, Any]:
        policy = load_policy(self.config.policy)
        dates = [day for day in self.dates if school_year_of(day) == max(years)]
        known_on = self.config.labels_known_on
        return {
            "as_of_dates": dates,
            "labels_known_on": known_on,
            "policy": policy,
            "capacity": self.config.capacity,
            "progress": self._progress,
        }

    def _evaluate(self, years: list[int]) -> Callable[[], list[str]]:
        def work() -> list[str]:
            candidate = load_trained_model(self.config.run / "candidate")
            report = evaluate_model(candidate, self.records, self.outcomes, **self._judged_on(years))
            return [
                self.steps.write("evaluation.json", report.to_json()),
                self.steps.write("evaluation.md", report.to_markdown()),
            ]

        return work

    def _champion(self) -> TrainedModel:
        """Load the model in use, which must be the one that the configuration names."""
        config = self.config
        return load_trained_model(cast("Path", config.champion), sha256=config.champion_sha256)

    def _compare(self, years: list[int]) -> Callable[[], list[str]]:
        def work() -> list[str]:
            config, champion = self.config, self._champion()
            settings = {"margin": config.margin, "seed": config.seed, **self._judged_on(years)}
            candidate, delivery = (load_trained_model(config.run / name) for name in ("candidate", "trained"))
            tables = self.records, self.outcomes
            self.comparison = compare_models(champion, candidate, *tables, **settings)
            self.shipped = compare_models(champion, delivery, *tables, left_out=self._left_out(), **settings)
            comparisons = {"comparison": self.comparison, "shipped": self.shipped}
            return [
                self.steps.write(f"{name}.{kind}", one.to_json() if kind == "json" else one.to_markdown())
                for name, one in comparisons.items()
                for kind in ("json", "md")
            ]

        return work

    def _card(self) -> list[str]:
        source, comparison = load_trained_model(self.config.run / "trained"), self.shipped
        card = source.card
        if comparison is not None and self.config.champion is not None:
            changes = [*since_champion(self._champion(), source), _JUDGED_TWICE]
            card = with_changes(card, changes_section(comparison, changes, candidate=self.comparison))
        model = replace(source, card=card, card_html=card_page(card, source.report))
        if self.config.path:
            model = combine_horizons(model, load_trained_model(self.config.run / "trained-path"))
        model.save(self.config.run / "model")
        verdict = {
            "verdict": self.verdict,
            "causes": [
                {"judged": subject, **cause.model_dump()}
                for subject, one in (("shipped", self.shipped), ("candidate", self.comparison))
                for cause in (() if one is None else one.causes)
            ],
            "model": model.model_id,
            "sha256": model.sha256,
            "champion": None if self.comparison is None else self.comparison.champion,
        }
        return ["model", self.steps.write("verdict.json", canonical_json(verdict))]
