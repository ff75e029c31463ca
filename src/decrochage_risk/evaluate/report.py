"""Measure the rows of a report: groups, lists, paired differences with the baselines, all on the same rows.

The evaluation report: the model beside its standing baselines, the groups, the notes; as text, Markdown, JSON.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import date  # pydantic reads the annotation at run time
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, PrivateAttr

from decrochage_risk.evaluate import sections
from decrochage_risk.evaluate.bootstrap import PairedDifference, paired_bootstrap
from decrochage_risk.evaluate.disclosure import CountedRows, ReportTables, merged_dimensions, told_dates
from decrochage_risk.evaluate.figures import Figures, measure
from decrochage_risk.evaluate.gates import GateResult, fairness_gates, worst_verdict
from decrochage_risk.evaluate.groups import (
    EXIT_KIND,
    GroupFigures,
    figures_by_exit,
    figures_by_group,
    group_labels,
)
from decrochage_risk.evaluate.issued import CAPACITY, ListFigures, capacity_list, list_figures
from decrochage_risk.evaluate.maturity import MaturityRow
from decrochage_risk.evaluate.reliability import ReliabilityBin, reliability_bins
from decrochage_risk.evaluate.sections import Section
from decrochage_risk.evaluate.tables import (
    COMPARED,
    essentials_text,
    figures_rows,
    group_rows,
    markdown_table,
    text_table,
)
from decrochage_risk.evaluate.verdict import LOGISTIC, Advice, advise
from decrochage_risk.french import day, join, number, percent, plural, school_year
from decrochage_risk.small_cells import Publication

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from decrochage_risk.evaluate.baselines import Baseline
    from decrochage_risk.evaluate.bootstrap import Statistic


DRAWS: Final = 200
"""Samples of pupils of each paired difference of a report."""
SCHOOL: Final = "school"


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
        What the figures are divided by (``level``, ``pathway``, ``sex``, ``years_behind``, ``network``, ``month`` ...).
    exit_kinds : array_like of shape (rows,), optional
        Kind of exit of the rows with the event.
    as_of : array_like of date of shape (rows,), optional
        As-of date of each row; the lists are then measured by date too.
    listed : array_like of bool of shape (rows,), optional
        Whether the row is on the list actually issued; without it there are no lists and no fairness gates.
    to_complete : array_like of bool of shape (rows,), optional
        Rows above a threshold that no known fact raises: on no list, that at school capacity included.
    list_name : str
        What the list is, in French.
    capacity : int
        Situations that a school can look at on one date.
    """

    outcome: npt.ArrayLike
    risk: npt.ArrayLike
    pupils: Any = None
    schools: Any = None
    dimensions: Mapping[str, Any] = field(default_factory=dict)
    exit_kinds: Any = None
    as_of: Any = None
    listed: Any = None
    to_complete: Any = None
    list_name: str = "liste émise"
    capacity: int = CAPACITY

    def gated_dimensions(self) -> dict[str, Any]:
        """Dimensions whose groups are gated: all but the month, which is no group of pupils."""
        return {name: values for name, values in self.dimensions.items() if name != "month"}


def groups_of(rows: MeasuredRows) -> tuple[GroupFigures, ...]:
    """Measure every group; schools too small to be measured are summed up in one entry."""
    groups = figures_by_group(
        rows.outcome, rows.risk, rows.dimensions, pupils=rows.pupils, listed=rows.listed
    )
    entries = tuple(one for one in groups if one.dimension != SCHOOL or not one.too_small)
    small = [one for one in groups if one.dimension == SCHOOL and one.too_small]
    if not small:
        return entries
    name = plural(len(small), "établissement trop petit", "établissements trop petits")
    whole = GroupFigures(
        dimension=SCHOOL, group=name, rows=sum(one.rows or 0 for one in small), too_small=True
    )
    return (*entries, whole)


def lists_of(rows: MeasuredRows) -> tuple[ListFigures, ...]:
    """Measure the list actually issued and, where schools and dates are told, the list at school capacity."""
    return tuple(one for name, marks in list_marks(rows).items() for one in _list_figures(rows, name, marks))


def list_marks(rows: MeasuredRows) -> dict[str, npt.NDArray[np.bool_]]:
    """Give the rows of each list by its name: the one actually issued first."""
    if rows.listed is None:
        return {}
    marks = {rows.list_name: np.asarray(rows.listed, dtype=np.bool_)}
    if rows.schools is None or rows.as_of is None:
        return marks
    name = f"{plural(rows.capacity, 'situation')} par établissement et date"
    ranked = (rows.risk, rows.schools, rows.as_of)
    first = capacity_list(*ranked, capacity=rows.capacity, tie_break=rows.pupils, aside=rows.to_complete)
    return {**marks, name: first}


def _list_figures(rows: MeasuredRows, name: str, marks: npt.NDArray[np.bool_]) -> tuple[ListFigures, ...]:
    columns = {"pupils": rows.pupils, "schools": rows.schools, "as_of": rows.as_of}
    return list_figures(name, rows.outcome, rows.risk, marks, **columns)


def above_chance(rows: MeasuredRows) -> PairedDifference | None:
    """AUC of the model against that of a score that says nothing."""
    # All tied: its AUC is one half in every draw.
    flat = np.zeros(np.shape(rows.outcome)[0])
    return paired_bootstrap(rows.outcome, rows.risk, flat, "auc", pupils=rows.pupils, draws=DRAWS)


def differences_with(rows: MeasuredRows, baseline: Baseline) -> tuple[PairedDifference, ...]:
    """Compare the model with one baseline: AUC, and log loss where the baseline announces a probability."""
    statistics: tuple[Statistic, ...] = ("log_loss", "auc") if baseline.is_probability else ("auc",)
    differences = [
        paired_bootstrap(rows.outcome, rows.risk, baseline.score, name, pupils=rows.pupils, draws=DRAWS)
        for name in statistics
    ]
    return tuple(one for one in differences if one is not None)


MODEL = "modèle"
VERDICTS: Final = {
    "pass": "rien ne s'oppose à la mise en service",
    "review": "à examiner avant la mise en service",
    "block": "ne pas mettre en service",
}
SYNTHETIC_WARNING = (
    "Élèves synthétiques : ces chiffres décrivent une cohorte fabriquée, ils ne disent rien d'élèves réels."
)


def _tidy(entry: dict[str, Any]) -> Iterator[tuple[str, float, float | None, float | None]]:
    """Give the figures of one entry: name, value and bounds."""
    numeric = {
        name: float(value)
        for name, value in entry.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    for name, value in numeric.items():
        stem = name.rpartition("_")[0]
        if name.endswith(("_low", "_high")) and stem in numeric:
            continue
        yield name, value, numeric.get(f"{name}_low"), numeric.get(f"{name}_high")


class EvaluationReport(BaseModel):
    """Figures of a model on rows it never learned from, beside the standing baselines on the same rows.

    Attributes
    ----------
    title, synthetic : str, bool
        What was evaluated, and whether on synthetic pupils; every printed form then says so.
    test_years, as_of : tuple of int, tuple of date
        School years (2024 = 2024-2025) and as-of dates of the rows.
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
    learnt_years, shipped_years : tuple of int
        School years that the measured model has learnt from, and those of the model that is shipped, where the figures are not its
        own; both empty where they are.
    reliability : tuple of ReliabilityBin
        Announced and observed frequency, in bins of equal mass: the curve of the card; empty in reports of earlier versions.
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
    reliability: tuple[ReliabilityBin, ...] = ()
    learnt_years: tuple[int, ...] = ()
    shipped_years: tuple[int, ...] = ()
    _tables: ReportTables | None = PrivateAttr(default=None)

    @property
    def tables(self) -> ReportTables | None:
        """The rows behind a report that is not protected yet; None once it is."""
        return self._tables

    def add_to(self, told: Publication) -> None:
        """Add the counts of a report that is not protected yet to a publication; nothing of one that is."""
        if self._tables is not None:
            self._tables.add_to(told, self.groups)

    def published(
        self, hidden: Collection[Hashable] | None = None, *, dates: CountedRows | None = None
    ) -> Self:
        """Hide what would tell a few pupils, see `decrochage_risk.evaluate.disclosure`.

        Parameters
        ----------
        hidden : collection of names, optional
            What a publication hides that :meth:`add_to` was called with, when other tables go out with the report; the
            report alone when left out.
        dates : CountedRows, optional
            Rows that the table of as-of dates counts, when they are more than those of the report.
        """
        tables = self._tables
        if tables is None:
            return self
        if hidden is None:
            publication = Publication()
            self.add_to(publication)
            hidden = publication.hidden()
        secret_scores = tables.hidden_scores(hidden)
        other = self.model_copy(
            update={
                "figures": tables.told_figures(self.figures, hidden),
                "baselines": {
                    name: tables.told_figures(entry, hidden, name) for name, entry in self.baselines.items()
                },
                "groups": tables.told_groups(self.groups, hidden),
                "differences": {
                    name: entry for name, entry in self.differences.items() if name not in secret_scores
                },
                "above_chance": None if "" in secret_scores else self.above_chance,
                "lists": tables.told_lists(self.lists, hidden),
                "gates": tables.told_gates(self.gates, hidden),
                "hold_out": tables.told_unseen(self.hold_out, hidden),
                "maturity": told_dates(self.maturity, dates or tables.rows, hidden),
                # Its bins add up to all rows.
                "reliability": () if tables.whole_hidden(hidden) else self.reliability,
            }
        )
        # Without its counts it cannot be published, or added to a publication, a second time.
        other._tables = None  # noqa: SLF001  # its own kind
        return other

    def whose(self) -> tuple[str, ...]:
        """Say whose figures these are, and what they can and cannot tell of the model that is shipped; nothing of its own."""
        if not self.shipped_years:
            return ()
        model_years, training_years, test_years = (
            join([school_year(year) for year in years])
            for years in (self.shipped_years, self.learnt_years, self.test_years)
        )
        if self.learnt_years == self.shipped_years:
            return (
                (
                    "Ces chiffres sont ceux des membres du modèle livré, chacun sur les élèves qu'il n'avait pas appris, des mêmes "
                    f"années ({model_years}) : aucune année nouvelle n'a été prédite, ils sont trop favorables."
                ),
            )
        sentences = (
            (
                f"Ces chiffres ne sont pas ceux du modèle livré, qui a appris {model_years} : ce sont ceux d'un remplaçant appris de la même "
                f"façon sur {training_years} seulement, et mesuré sur {test_years}, qu'il n'avait pas vue."
            ),
            (
                "Ils disent ce que vaut cette façon d'apprendre avec une année de moins. Ils ne disent pas ce que vaut le modèle livré : "
                "seule l'année suivante, mesurée avec « evaluate », le dira."
            ),
        )
        if not self._of_one_year():
            return sentences
        return (
            *sentences,
            (
                "Le remplaçant n'a appris qu'une année : il est bien plus faible que le modèle livré. Ce qu'il manque et les contrôles qui "
                "le bloquent ne condamnent pas le modèle livré, et rien ici ne l'approuve."
            ),
        )

    def _of_one_year(self) -> bool:
        """Tell whether the figures are those of a stand-in that has learnt a single year."""
        return len(self.learnt_years) == 1 and len(self.shipped_years) > 1

    @property
    def verdict(self) -> Literal["pass", "review", "block"]:
        """What follows for putting the model into service: the gravest gate, as far as these figures can tell.

        ``block`` also without a ranking better than chance; ``review`` where fairness was not measured, where no year is
        untouched, where the stand-in that was measured has learnt a single year, and where a level from the 4e on has recall 0.
        """
        worst = worst_verdict(self.gates)
        if any(one.code == "no_better_than_chance" for one in self.advice):
            return "block"
        if worst == "pass" and any(one.code == "blind_level" for one in self.advice):
            return "review"
        # Nothing judged is no pass.
        if worst == "not_applicable" or self._of_one_year():
            return "review"
        if worst == "pass" and self.shipped_years and self.learnt_years == self.shipped_years:
            return "review"
        return worst

    def verdict_line(self) -> str:
        """Say the verdict in one French line."""
        return f"Verdict : {VERDICTS[self.verdict]} ({self.verdict})"

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

    def tidy_frame(self) -> pd.DataFrame:
        """Every figure of the card, one row each: what a tracker, a database or a plot reads.

        Returns
        -------
        DataFrame
            ``section`` (figures, hold_out, baselines, differences, groups, lists, gates, maturity, reliability), ``of`` (the baseline, the
            group, the list, the bin), ``figure``, ``value``, and ``low`` and ``high`` where the figure has an interval. What is
            hidden or does not exist has no row.
        """
        parts: dict[str, dict[str, Any]] = {"figures": {"modèle": self.figures}, "baselines": self.baselines}
        parts["hold_out"] = {"écoles jamais vues": self.hold_out} if self.hold_out is not None else {}
        parts["differences"] = {
            f"{name} : {one.statistic}": one for name, several in self.differences.items() for one in several
        }
        parts["groups"] = {f"{one.dimension} : {one.group}": one for one in self.groups}
        parts["lists"] = {f"{one.name} : {one.as_of or 'ensemble'}": one for one in self.lists}
        parts["gates"] = {f"{one.dimension} : {one.group} : {one.name}": one for one in self.gates}
        parts["maturity"] = {one.as_of.isoformat(): one for one in self.maturity}
        parts["reliability"] = {str(number): one for number, one in enumerate(self.reliability, 1)}
        rows = [
            (section, of, *figure)
            for section, entries in parts.items()
            for of, entry in entries.items()
            for figure in _tidy(entry.model_dump() if isinstance(entry, BaseModel) else asdict(entry))
        ]
        return pd.DataFrame(rows, columns=["section", "of", "figure", "value", "low", "high"])

    def to_frame(self, *, tidy: bool = False) -> pd.DataFrame:
        """One row per score (the model first), one column per figure of `Figures`.

        Parameters
        ----------
        tidy : bool
            Every figure of the card instead, one row each, see :meth:`tidy_frame`.
        """
        if tidy:
            return self.tidy_frame()
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
            for key, label, sign in COMPARED:
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
        notes = "\n".join(f"- {note}" for note in self._all_notes())
        parts += ["## Notes", notes] if notes else []
        return "\n\n".join(parts) + "\n"

    def __str__(self) -> str:
        parts = [self.title, "\n".join(self._heading())]
        for section in self._sections():
            parts += [section.title.upper(), *section.lines]
            parts += [] if section.table is None else [text_table(*section.table)]
        parts += ["\n".join(f"- {note}" for note in self._all_notes())] if self._all_notes() else []
        return "\n\n".join(parts)

    def essentials(self, width: int = 80) -> str:
        """Write one page for a terminal, no line wider than it: what was measured, what follows, the main figures, the list.

        Parameters
        ----------
        width : int
            Characters of a line; at least 60 are taken.
        """
        issued = [
            f"{one.name} : {number(one.listed, 0)} lignes, rappel {percent(one.recall, 0)}, précision {percent(one.precision, 0)}"
            for one in self.lists
            if one.as_of is None
            and one.listed is not None
            and one.recall is not None
            and one.precision is not None
        ]
        verdicts = Counter(gate.verdict for gate in self.gates)
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        lines = [*self._heading(), *(one.sentence for one in self.advice), *issued]
        lines += [f"Équité : {counts}"] if counts else []
        return essentials_text(self.title, lines, self._scores(), width)

    def _sections(self) -> list[Section]:
        """List what is printed, in order; a section without figures is left out."""
        groups = [group for group in self.groups if group.dimension != "school"]
        of_schools = sections.schools_line(self.groups)
        parts = (
            [Section("Ce qui en découle", tuple(one.sentence for one in self.advice))] if self.advice else []
        )
        parts.append(Section("Modèle et repères", (self._verdict(),), figures_rows(self._scores())))
        if self.differences:
            parts.append(sections.differences_section(self.differences))
        if groups:
            lines = () if of_schools is None else (of_schools,)
            parts.append(Section("Par groupe", lines, group_rows(groups)))
        if self.lists:
            parts.append(sections.lists_section(self.lists))
            parts.append(sections.fairness_section([one for one in groups if one.dimension != EXIT_KIND]))
        if self.gates:
            parts.append(sections.gates_section(self.gates))
        if self.hold_out is not None:
            parts.append(sections.hold_out_section(self.hold_out))
        if self.maturity:
            parts.append(sections.maturity_section(self.maturity))
        return parts

    def _scores(self) -> dict[str, Figures]:
        return {MODEL: self.figures, **self.baselines}

    def _heading(self) -> list[str]:
        years = join([school_year(year) for year in self.test_years])
        days = join([day(as_of, with_year=True) for as_of in self.as_of])
        lines = [f"Années scolaires évaluées : {years}", f"Dates d'observation : {days}", *self.whose()]
        return [SYNTHETIC_WARNING, *lines] if self.synthetic else lines

    def _verdict(self) -> str:
        if not self.baselines:
            return "Aucun repère n'a été mesuré."
        absent = [name for name in STANDING if name not in self.baselines]
        untold = f" Repères non mesurés sur ces lignes : {join(absent)}." if absent else ""
        if not (labels := [label for key, label, _ in COMPARED if self._both_have(key)]):
            return f"Aucun chiffre n'a pu être comparé à un repère.{untold}"
        if not (rivals := self.not_beaten()):
            return f"Le modèle dépasse chaque repère mesuré sur chaque chiffre comparé ({', '.join(labels)}).{untold}"
        return f"Repères que le modèle ne dépasse pas : {' ; '.join(rivals)}.{untold}"

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


def build_report(
    rows: MeasuredRows,
    baselines: Sequence[Baseline] = (),
    *,
    title: str,
    synthetic: bool,
    test_years: Sequence[int],
    as_of: Sequence[date],
    notes: Sequence[str] = (),
    publish: bool = True,
) -> EvaluationReport:
    """Measure the model, its baselines and the groups, all on the same rows.

    Small groups are joined first, and what would tell a few pupils is hidden (`decrochage_risk.evaluate.disclosure`).

    Parameters
    ----------
    rows : MeasuredRows
        What is measured.
    baselines : sequence of Baseline
        Baselines applied to the same rows, in the order of the table; their notes go into the report.
    title, synthetic, test_years, as_of, notes
        As in `EvaluationReport`.
    publish : bool
        False leaves everything in it, for a caller who calls `EvaluationReport.published` when all tables are there.

    Raises
    ------
    ColumnsError
        Every fault of the arrays in one message.
    NotEnoughDataError
        No row.

    Examples
    --------
    >>> rows = MeasuredRows(outcome=[0, 0, 1, 1] * 12, risk=[0.1, 0.2, 0.2, 0.7] * 12)
    >>> report = build_report(rows, title="Essai", synthetic=True, test_years=[2024], as_of=[date(2025, 3, 3)])
    >>> report.figures.auc, report.synthetic
    (0.875, True)
    """
    people = rows.pupils
    count = int(np.shape(np.asarray(rows.outcome))[0])
    # As they came, before joining: they go on being guarded, though they are not printed.
    labels = {name: group_labels(name, values, count) for name, values in rows.dimensions.items()}
    rows = replace(rows, dimensions=merged_dimensions(rows.dimensions, people, count))
    groups = groups_of(rows)
    if rows.exit_kinds is not None:
        groups += figures_by_exit(rows.outcome, rows.risk, rows.exit_kinds, pupils=people)
    gates = () if rows.listed is None else fairness_gates(
        rows.outcome, rows.risk, rows.listed, rows.gated_dimensions(), pupils=people
    )  # fmt: skip
    figures = measure(rows.outcome, rows.risk, pupils=people, schools=rows.schools)
    differences = {baseline.name: differences_with(rows, baseline) for baseline in baselines}
    ahead = above_chance(rows)
    report = EvaluationReport(
        title=title,
        synthetic=synthetic,
        test_years=tuple(test_years),
        as_of=tuple(as_of),
        figures=figures,
        baselines={baseline.name: _measured(rows, baseline) for baseline in baselines},
        groups=groups,
        differences={name: gaps for name, gaps in differences.items() if gaps},
        above_chance=ahead,
        lists=lists_of(rows),
        gates=gates,
        advice=advise(figures, above_chance=ahead, differences=differences, gates=gates),
        reliability=reliability_bins(rows.outcome, rows.risk, pupils=people),
        notes=(*notes, *(f"{baseline.name} : {baseline.note}" for baseline in baselines)),
    )
    report._tables = replace(_tables_of(rows, baselines, count), unjoined=labels)  # noqa: SLF001  # its own kind
    return report.published() if publish else report


def _tables_of(rows: MeasuredRows, baselines: Sequence[Baseline], count: int) -> ReportTables:
    kinds = None if rows.exit_kinds is None else group_labels(EXIT_KIND, rows.exit_kinds, count)
    days = None if rows.as_of is None else np.array([one.isoformat() for one in rows.as_of])
    schools = 0 if rows.schools is None else len(pd.unique(np.asarray(rows.schools)))
    return ReportTables(
        outcome=np.asarray(rows.outcome, dtype=np.float64),
        pupils=np.arange(count) if rows.pupils is None else np.asarray(rows.pupils),
        dimensions=rows.dimensions,
        lists=list_marks(rows),
        as_of=days,
        exit_kinds=kinds,
        scores={
            name: np.asarray(score, dtype=np.float64)
            for name, score in (("", rows.risk), *((one.name, one.score) for one in baselines))
        },
        schools=schools,
    )


def _measured(rows: MeasuredRows, baseline: Baseline) -> Figures:
    return measure(
        rows.outcome,
        baseline.score,
        pupils=rows.pupils,
        schools=rows.schools,
        probability=baseline.is_probability,
    )
