"""The evaluation report: the model beside its standing baselines, the groups, the notes; as text, Markdown, JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date  # pydantic reads the annotation at run time
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate.figures import Figures, measure
from decrochage_risk.evaluate.groups import GroupFigures, figures_by_exit, figures_by_group
from decrochage_risk.evaluate.tables import figures_rows, group_rows, markdown_table, text_table
from decrochage_risk.french import day, join, number, school_year

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.evaluate.baselines import Baseline

MODEL = "modèle"
SYNTHETIC_WARNING = (
    "Élèves synthétiques : ces chiffres décrivent une cohorte fabriquée, ils ne disent rien d'élèves réels."
)


class EvaluationReport(BaseModel):
    """Figures of a model on rows it never learned from, beside the standing baselines on the same rows.

    Attributes
    ----------
    title : str
        What was evaluated.
    synthetic : bool
        Whether the rows are synthetic pupils; every printed form then says so.
    test_years : tuple of int
        School years of the rows (2024 = 2024-2025).
    as_of : tuple of date
        As-of dates of the rows.
    figures : Figures
        The model.
    baselines : dict of str to Figures
        Each standing baseline, by its French name.
    groups : tuple of GroupFigures
        By level, pathway, sex, month, kind of exit.
    notes : tuple of str
        What a reader must know, in French.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    synthetic: bool
    test_years: tuple[int, ...]
    as_of: tuple[date, ...]
    figures: Figures
    baselines: dict[str, Figures]
    groups: tuple[GroupFigures, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write the report as JSON, the same bytes for the same figures; `from_json` reads it back."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        pydantic.ValidationError
            A field is missing, unknown or of another type.
        """
        return cls.model_validate_json(text)

    def to_frame(self) -> pd.DataFrame:
        """One row per score (the model first), one column per figure of `Figures`."""
        rows = {name: figures.model_dump(exclude={"notes"}) for name, figures in self._scores().items()}
        return pd.DataFrame.from_dict(rows, orient="index", dtype=object).convert_dtypes()

    def groups_frame(self) -> pd.DataFrame:
        """One row per group, one column per figure of `GroupFigures`."""
        rows = [group.model_dump() for group in self.groups]
        return pd.DataFrame(rows, columns=list(GroupFigures.model_fields), dtype=object).convert_dtypes()

    def not_beaten(self) -> tuple[str, ...]:
        """Baselines that the model does not beat, one French sentence per figure; empty when it beats them all.

        Compared: AUC, within-school AUC and average precision (larger is better), log loss (smaller is better),
        where both scores have them. Equal is not beaten.
        """
        sentences = []
        for name, baseline in self.baselines.items():
            for key, label, sign in _COMPARED:
                ours, theirs = getattr(self.figures, key), getattr(baseline, key)
                if ours is not None and theirs is not None and sign * (ours - theirs) <= 0:
                    sentences.append(f"{name} : {label} {number(theirs, 4)}, modèle {number(ours, 4)}")
        return tuple(sentences)

    def to_markdown(self) -> str:
        """Write the report in Markdown, in French."""
        header, rows = figures_rows(self._scores())
        parts = [f"# {self.title}", "\n".join(f"- {line}" for line in self._heading())]
        parts += ["## Modèle et repères", markdown_table(header, rows), self._verdict()]
        if self.groups:
            parts += ["## Par groupe", markdown_table(*group_rows(self.groups))]
        if self._all_notes():
            parts += ["## Notes", "\n".join(f"- {note}" for note in self._all_notes())]
        return "\n\n".join(parts) + "\n"

    def __str__(self) -> str:
        header, rows = figures_rows(self._scores())
        parts = [self.title, "\n".join(self._heading()), text_table(header, rows), self._verdict()]
        if self.groups:
            parts.append(text_table(*group_rows(self.groups)))
        parts += ["\n".join(f"- {note}" for note in self._all_notes())] if self._all_notes() else []
        return "\n\n".join(parts)

    def _scores(self) -> dict[str, Figures]:
        return {MODEL: self.figures, **self.baselines}

    def _heading(self) -> list[str]:
        years = join([school_year(year) for year in self.test_years])
        days = join([day(as_of, with_year=True) for as_of in self.as_of])
        lines = [f"Années scolaires évaluées : {years}", f"Dates d'observation : {days}"]
        return [SYNTHETIC_WARNING, *lines] if self.synthetic else lines

    def _verdict(self) -> str:
        if not self.baselines:
            return "Aucun repère n'a été mesuré."
        missed = self.not_beaten()
        if not missed:
            return "Le modèle dépasse chaque repère sur chaque chiffre comparé (AUC, AUC dans l'établissement, précision moyenne, log-loss)."
        return "Repères que le modèle ne dépasse pas : " + " ; ".join(missed) + "."

    def _all_notes(self) -> tuple[str, ...]:
        own = [f"{name} : {note}" for name, figures in self._scores().items() for note in figures.notes]
        return (*self.notes, *own)


_COMPARED = (
    ("auc", "AUC", 1),
    ("within_school_auc", "AUC dans l'établissement", 1),
    ("average_precision", "précision moyenne", 1),
    ("log_loss", "log-loss", -1),
)


@dataclass(frozen=True, slots=True)
class MeasuredRows:
    """The rows that a report is made of: one entry per pupil and as-of date, outcome known.

    Attributes
    ----------
    outcome, risk : array_like of shape (rows,)
        0 or 1; the announced probability.
    pupils, schools : array_like of shape (rows,), optional
        Pupil and school of each row.
    dimensions : mapping of str to array_like of shape (rows,)
        What the figures are divided by (``level``, ``pathway``, ``sex``, ``month``).
    exit_kinds : array_like of shape (rows,), optional
        Kind of exit of the rows with the event.
    """

    outcome: npt.ArrayLike
    risk: npt.ArrayLike
    pupils: Any = None
    schools: Any = None
    dimensions: Mapping[str, Any] = field(default_factory=dict)
    exit_kinds: Any = None


def build_report(
    rows: MeasuredRows,
    baselines: Sequence[Baseline] = (),
    *,
    title: str,
    synthetic: bool,
    test_years: Sequence[int],
    as_of: Sequence[date],
    notes: Sequence[str] = (),
) -> EvaluationReport:
    """Measure the model, its baselines and the groups, all on the same rows.

    Parameters
    ----------
    rows : MeasuredRows
        What is measured.
    baselines : sequence of Baseline
        Baselines applied to the same rows, in the order of the table; their notes go into the report.
    title, synthetic, test_years, as_of, notes
        As in `EvaluationReport`.

    Raises
    ------
    ColumnsError
        Every fault of the arrays in one message.
    NotEnoughDataError
        No row.

    Examples
    --------
    >>> rows = MeasuredRows(outcome=[0, 0, 1, 1], risk=[0.1, 0.2, 0.2, 0.7])
    >>> report = build_report(rows, title="Essai", synthetic=True, test_years=[2024], as_of=[date(2025, 3, 3)])
    >>> report.figures.auc, report.synthetic
    (0.875, True)
    """
    people = rows.pupils
    groups = figures_by_group(rows.outcome, rows.risk, rows.dimensions, pupils=people)
    if rows.exit_kinds is not None:
        groups += figures_by_exit(rows.outcome, rows.risk, rows.exit_kinds, pupils=people)
    measured = {
        baseline.name: measure(
            rows.outcome,
            baseline.score,
            pupils=people,
            schools=rows.schools,
            probability=baseline.is_probability,
        )
        for baseline in baselines
    }
    return EvaluationReport(
        title=title,
        synthetic=synthetic,
        test_years=tuple(test_years),
        as_of=tuple(as_of),
        figures=measure(rows.outcome, rows.risk, pupils=people, schools=rows.schools),
        baselines=measured,
        groups=groups,
        notes=(*notes, *(f"{baseline.name} : {baseline.note}" for baseline in baselines)),
    )
