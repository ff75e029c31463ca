"""The yearly retraining in one call: check, train, evaluate, compare, card; resumable, the same bytes for the same inputs.

What is compared with the model in use is a *candidate* trained on the years before the last one, which neither has seen.
What is shipped is trained in the same way on every year; its card holds the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from decrochage_risk.artefact import canonical_json
from decrochage_risk.errors import NotEnoughDataError, explain_error
from decrochage_risk.evaluate import ModelComparison, card_page, changes_section, with_changes
from decrochage_risk.evaluate.comparison import suppressed
from decrochage_risk.model import TrainedModel, closing_day, default_as_of_dates, load_trained_model
from decrochage_risk.policy import load_policy
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.outcome_table import outcomes_for
from decrochage_risk.records.reading import read_table_file
from decrochage_risk.school_year import SchoolCalendar, school_year_of
from decrochage_risk.train.backtest import can_be_known
from decrochage_risk.train.comparing import compare_models
from decrochage_risk.train.evaluating import evaluate_model
from decrochage_risk.train.retrain_config import RetrainConfig, read_config
from decrochage_risk.train.run_folder import RunFolder, checksums
from decrochage_risk.train.since_champion import since_champion
from decrochage_risk.train.training import train_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    Progress = Callable[[str], None] | None

__all__ = ["RetrainResult", "retrain"]

NO_CHAMPION: Final = "no_champion"
"""Verdict where there is nothing to compare with: the first year, or no year that nothing has learnt from."""
_CANDIDATE: Final = (
    "Ce qui est comparé plus bas est un candidat appris de la même façon sans la dernière année, seule année qu'aucun des "
    "deux n'a vue ; le modèle livré est appris sur toutes"
)
_VERSIONED = ("decrochage-risk", "lightgbm", "numpy", "pandas", "scikit-learn")
_TRAINING = (
    "labels_known_on",
    "name",
    "school_years",
    "as_of",
    "outcome_closes",
    "helped",
    "seed",
    "synthetic",
    "options",
)


@dataclass(frozen=True)
class RetrainResult:
    """What a retraining gave.

    Attributes
    ----------
    folder : Path
        The run folder: ``inputs.json``, ``check.json``, ``candidate/``, ``evaluation.json`` and ``.md``,
        ``comparison.json`` and ``.md``, ``trained/``, ``model/`` (to be put into use if the verdict says so),
        ``verdict.json`` and ``steps/``.
    verdict : str
        ``promote``, ``keep`` or ``review``; ``no_champion`` when nothing was compared.
    model : TrainedModel
        The new model, trained on every year.
    comparison : ModelComparison or None
        Without its pupil-level table when the step was found done.
    redone, kept : tuple of str
        Steps that were run, and steps that were found done.
    """

    folder: Path
    verdict: str
    model: TrainedModel
    comparison: ModelComparison | None
    redone: tuple[str, ...]
    kept: tuple[str, ...]


def retrain(config: RetrainConfig | str | Path, *, progress: Progress = None) -> RetrainResult:
    """Retrain a model for a new school year.

    Parameters
    ----------
    config : RetrainConfig, str or Path
        The configuration, or the TOML file that holds it.
    progress : callable, optional
        Called with a French line at the beginning of each step.

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
    if not isinstance(config, RetrainConfig):
        config = read_config(config)
    run = _Run(config, RunFolder(config.run, progress), progress)
    run.go()
    verdict = run.comparison.verdict if run.comparison is not None else NO_CHAMPION
    return RetrainResult(
        folder=config.run,
        verdict=verdict,
        model=load_trained_model(config.run / "model"),
        comparison=run.comparison,
        redone=tuple(run.steps.redone),
        kept=tuple(run.steps.kept),
    )


class _Run:
    """One run: inputs read on first use, steps in their order."""

    def __init__(self, config: RetrainConfig, steps: RunFolder, progress: Progress) -> None:
        self.config = config
        self.steps = steps
        self.comparison: ModelComparison | None = None
        self._progress = progress

    def go(self) -> None:
        """Run every step that is not done."""
        steps, records, settings = (
            self.steps,
            self._inputs("records", "outcomes", "calendar"),
            self.config.settings(),
        )
        everything = self._inputs("records", "outcomes", "calendar", "supported", "champion", "policy")
        versions = {name: version(name) for name in _VERSIONED}
        steps.write(
            "inputs.json", canonical_json({"files": everything, "settings": settings, "versions": versions})
        )
        base = {"files": records, "versions": versions, "on_fault": settings["on_fault"]}
        training = {**base, **self._inputs("supported"), **{name: settings[name] for name in _TRAINING}}
        steps.step("check", "Lecture et vérification des extraits", self._check, reads=base)
        steps.step(
            "train", "Apprentissage sur toutes les années", self._train, reads=training, after=["check"]
        )
        years = load_trained_model(self.config.run / "trained").trained_on["school_years"]
        self._forget(years)
        if len(years) > 1:
            steps.step(
                "candidate",
                "Apprentissage sans la dernière année",
                self._candidate(years),
                reads=training,
                after=["check"],
            )
            judged = {**training, **self._inputs("policy"), "capacity": settings["capacity"]}
            steps.step("evaluate", "Évaluation", self._evaluate(years), reads=judged, after=["candidate"])
            if self.config.champion is not None:
                compared = {**judged, "champion": self._inputs("champion"), "margin": settings["margin"]}
                steps.step(
                    "compare", "Comparaison", self._compare(years), reads=compared, after=["candidate"]
                )
                self.comparison = self.comparison or ModelComparison.from_json(
                    (self.config.run / "comparison.json").read_text(encoding="utf-8")
                )
        after = ["train"] if self.comparison is None else ["train", "compare"]
        steps.step("card", "Fiche du modèle", self._card, reads={}, after=after)

    def _forget(self, years: list[int]) -> None:
        """Remove what an earlier run of this folder wrote and this one does not ask for."""
        asked = {"candidate": len(years) > 1, "evaluate": len(years) > 1}
        asked["compare"] = len(years) > 1 and self.config.champion is not None
        for name in [name for name, wanted in asked.items() if not wanted]:
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
        found: dict[str, str] = {}
        for name in names:
            path = getattr(self.config, name)
            if path is not None:
                found |= checksums(path, name)
        return found

    def _check(self) -> list[str]:
        records = self.records
        tables = ("pupils", "enrolments", "absences", "grades", "orientation", "coverage")
        rows = {name: len(table) for name in tables if (table := getattr(records, name)) is not None}
        faults = {
            severity: {f"{table}, {rule}": count for (table, rule), count in sorted(report.counts.items())}
            for severity, report in (("errors", records.faults.errors), ("warnings", records.faults.warnings))
        }
        table = pd.crosstab(self.outcomes["school_year"].astype(int), self.outcomes["outcome"].astype(str))
        outcomes = {
            str(year): {str(name): suppressed(int(count)) for name, count in row.items()}
            for year, row in table.iterrows()
        }
        found: dict[str, Any] = {
            "rows": {**rows, "outcomes": len(self.outcomes)},
            "faults": faults,
            "outcomes": outcomes,
        }
        return [self.steps.write("check.json", canonical_json(found))]

    @cached_property
    def dates(self) -> list[date]:
        """As-of dates of the mature school years, in order."""
        config = self.config
        asked = set(config.school_years or self.outcomes["school_year"].astype(int).unique().tolist())
        mature = {
            int(year)
            for year in asked
            if closing_day(int(year), config.outcome_closes) <= config.labels_known_on
        }
        dates = config.as_of or tuple(
            day for day in default_as_of_dates(mature) if can_be_known(self.records, day)
        )
        found = sorted({day for day in dates if school_year_of(day) in mature})
        if not found:
            raise NotEnoughDataError(
                explain_error(
                    f"No as-of date lies in a school year of {sorted(asked)} whose outcomes had closed on {config.labels_known_on}",
                    expected="one closed school year at least, best three",
                    hint="Check labels_known_on, school_years, as_of and outcome_closes.",
                )
            )
        return found

    def _trained(self, dates: list[date], *, candidate: bool = False) -> TrainedModel:
        config = self.config
        return train_model(
            self.records,
            self.outcomes,
            as_of_dates=dates,
            outcome_closes=config.outcome_closes,
            labels_known_on=config.labels_known_on,
            name=f"{config.name}-candidat" if candidate else config.name,
            synthetic=config.synthetic,
            seed=config.seed,
            options=config.options,
            hold_out_schools=not candidate,
            supported=None if config.supported is None else read_table_file(config.supported)[0].frame(),
            helped=config.helped,
            progress=self._progress,
        )

    def _train(self) -> list[str]:
        self._trained(self.dates).save(self.config.run / "trained")
        return ["trained"]

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

    def _compare(self, years: list[int]) -> Callable[[], list[str]]:
        def work() -> list[str]:
            config = self.config
            champion = load_trained_model(config.champion) if config.champion is not None else None
            candidate = load_trained_model(config.run / "candidate")
            if champion is None:  # the step is asked for with a champion only
                return []
            found = compare_models(
                champion,
                candidate,
                self.records,
                self.outcomes,
                margin=config.margin,
                seed=config.seed,
                **self._judged_on(years),
            )
            self.comparison = found
            return [
                self.steps.write("comparison.json", found.to_json()),
                self.steps.write("comparison.md", found.to_markdown()),
            ]

        return work

    def _card(self) -> list[str]:
        trained, found = load_trained_model(self.config.run / "trained"), self.comparison
        card = trained.card
        if found is not None and self.config.champion is not None:
            champion = load_trained_model(self.config.champion)
            changes = [*since_champion(champion, trained), _CANDIDATE]
            card = with_changes(card, changes_section(found, changes))
        model = replace(trained, card=card, card_html=card_page(card))
        model.save(self.config.run / "model")
        verdict = {
            "verdict": NO_CHAMPION if found is None else found.verdict,
            "causes": [] if found is None else [cause.model_dump() for cause in found.causes],
            "model": model.model_id,
            "sha256": model.sha256,
            "champion": None if found is None else found.champion,
        }
        return ["model", self.steps.write("verdict.json", canonical_json(verdict))]
