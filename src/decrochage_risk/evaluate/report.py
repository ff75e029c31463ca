"""The evaluation report: the model beside its standing baselines, the groups, the notes; as text, Markdown, JSON."""

from __future__ import annotations

from datetime import date  # pydantic reads the annotation at run time
from typing import TYPE_CHECKING, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk.evaluate import sections
from decrochage_risk.evaluate.advice import LOGISTIC, Advice, advise
from decrochage_risk.evaluate.bootstrap import PairedDifference
from decrochage_risk.evaluate.figures import Figures, measure
from decrochage_risk.evaluate.gates import GateResult, fairness_gates
from decrochage_risk.evaluate.groups import EXIT_KIND, GroupFigures, figures_by_exit
from decrochage_risk.evaluate.issued import ListFigures
from decrochage_risk.evaluate.maturity import MaturityRow
from decrochage_risk.evaluate.measuring import (
    MeasuredRows,
    above_chance,
    differences_with,
    groups_of,
    lists_of,
)
from decrochage_risk.evaluate.sections import Section
from decrochage_risk.evaluate.tables import figures_rows, group_rows, markdown_table, text_table
from decrochage_risk.french import day, join, number, school_year

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        By level, pathway, sex, years behind, network, school, month, intersections, kind of exit.
    differences : dict of str to tuple of PairedDifference
        Paired differences of the model with each baseline, by its name.
    above_chance : PairedDifference or None
        AUC of the model against that of a score that says nothing.
    lists : tuple of ListFigures
        The list actually issued and the list at school capacity, in all and by date.
    gates : tuple of GateResult
        Fairness gates on the list actually issued.
    maturity : tuple of MaturityRow
        When the labels of each as-of date are known.
    hold_out : Figures or None
        The model on schools that it never saw: a second view, never the headline.
    advice : tuple of Advice
        What follows from the figures.
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
    differences: dict[str, tuple[PairedDifference, ...]] = {}
    above_chance: PairedDifference | None = None
    lists: tuple[ListFigures, ...] = ()
    gates: tuple[GateResult, ...] = ()
    maturity: tuple[MaturityRow, ...] = ()
    hold_out: Figures | None = None
    advice: tuple[Advice, ...] = ()
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
        parts = [f"# {self.title}", "\n".join(f"- {line}" for line in self._heading())]
        for section in self._sections():
            parts += [f"## {section.title}", *section.lines]
            parts += [] if section.table is None else [markdown_table(*section.table)]
        if self._all_notes():
            parts += ["## Notes", "\n".join(f"- {note}" for note in self._all_notes())]
        return "\n\n".join(parts) + "\n"

    def __str__(self) -> str:
        parts = [self.title, "\n".join(self._heading())]
        for section in self._sections():
            parts += [section.title.upper(), *section.lines]
            parts += [] if section.table is None else [text_table(*section.table)]
        parts += ["\n".join(f"- {note}" for note in self._all_notes())] if self._all_notes() else []
        return "\n\n".join(parts)

    def _sections(self) -> list[Section]:
        """List what is printed, in order; a section without figures is left out."""
        shown = [group for group in self.groups if group.dimension != "school"]
        of_schools = sections.schools_line(self.groups)
        found = (
            [Section("Ce qui en découle", tuple(one.sentence for one in self.advice))] if self.advice else []
        )
        found.append(Section("Modèle et repères", (self._verdict(),), figures_rows(self._scores())))
        if self.differences:
            found.append(sections.differences_section(self.differences))
        if shown:
            lines = () if of_schools is None else (of_schools,)
            found.append(Section("Par groupe", lines, group_rows(shown)))
        if self.lists:
            found.append(sections.lists_section(self.lists))
            found.append(sections.fairness_section([one for one in shown if one.dimension != EXIT_KIND]))
        if self.gates:
            found.append(sections.gates_section(self.gates))
        if self.hold_out is not None:
            found.append(sections.hold_out_section(self.hold_out))
        if self.maturity:
            found.append(sections.maturity_section(self.maturity))
        return found

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
        absent = [name for name in STANDING if name not in self.baselines]
        untold = f" Repères non mesurés sur ces lignes : {join(absent)}." if absent else ""
        compared = [label for key, label, _ in _COMPARED if self._both_have(key)]
        if not compared:
            return f"Aucun chiffre n'a pu être comparé à un repère.{untold}"
        missed = self.not_beaten()
        if not missed:
            return f"Le modèle dépasse chaque repère mesuré sur chaque chiffre comparé ({', '.join(compared)}).{untold}"
        return f"Repères que le modèle ne dépasse pas : {' ; '.join(missed)}.{untold}"

    def _both_have(self, key: str) -> bool:
        """Whether the model and a baseline have a figure."""
        ours = getattr(self.figures, key) is not None
        return ours and any(getattr(one, key) is not None for one in self.baselines.values())

    def _all_notes(self) -> tuple[str, ...]:
        own = [f"{name} : {note}" for name, figures in self._scores().items() for note in figures.notes]
        return (*self.notes, *own)


STANDING = (
    LOGISTIC,
    "taux de l'établissement seul",
    "repère de Chicago (on-track)",
    "indicateurs ABC (au moins un)",
    "règle légale d'absence",
)
"""Names of the five standing baselines; a report says which of them could not be measured."""
_COMPARED = (
    ("auc", "AUC", 1),
    ("within_school_auc", "AUC dans l'établissement", 1),
    ("average_precision", "précision moyenne", 1),
    ("log_loss", "log-loss", -1),
)


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
    groups = groups_of(rows)
    if rows.exit_kinds is not None:
        groups += figures_by_exit(rows.outcome, rows.risk, rows.exit_kinds, pupils=people)
    gates = () if rows.listed is None else fairness_gates(
        rows.outcome, rows.risk, rows.listed, rows.gated_dimensions(), pupils=people
    )  # fmt: skip
    figures = measure(rows.outcome, rows.risk, pupils=people, schools=rows.schools)
    differences = {baseline.name: differences_with(rows, baseline) for baseline in baselines}
    ahead = above_chance(rows)
    return EvaluationReport(
        title=title,
        synthetic=synthetic,
        test_years=tuple(test_years),
        as_of=tuple(as_of),
        figures=figures,
        baselines={baseline.name: _measured(rows, baseline) for baseline in baselines},
        groups=groups,
        differences={name: found for name, found in differences.items() if found},
        above_chance=ahead,
        lists=lists_of(rows),
        gates=gates,
        advice=advise(figures, above_chance=ahead, differences=differences, gates=gates),
        notes=(*notes, *(f"{baseline.name} : {baseline.note}" for baseline in baselines)),
    )


def _measured(rows: MeasuredRows, baseline: Baseline) -> Figures:
    return measure(
        rows.outcome,
        baseline.score,
        pupils=rows.pupils,
        schools=rows.schools,
        probability=baseline.is_probability,
    )
