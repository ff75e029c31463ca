"""A model in use and a new one on the same rows: figures, gates, who changes side and why, and its words.

The words are aligned text, Markdown, and what a model card says has changed since last year.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date  # pydantic reads the annotation at run time
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, PrivateAttr

from decrochage_risk.evaluate.bootstrap import DRAWS, Difference, paired_differences
from decrochage_risk.evaluate.card import CHANGES
from decrochage_risk.evaluate.disclosure import (
    ALL,
    EVENT,
    CountedRows,
    joined_labels,
    list_measures,
    pupils_tell_few,
    told_gates,
)
from decrochage_risk.evaluate.gates import SEX, GateResult, fairness_gates
from decrochage_risk.evaluate.groups import MIN_EVENTS, MIN_PUPILS, group_labels
from decrochage_risk.evaluate.tables import markdown_table, text_table
from decrochage_risk.evaluate.verdict import (
    GROUPED,
    MARGIN,
    Cause,
    ComparisonVerdict,
    Same,
    decide,
)
from decrochage_risk.french import day, join, number, percent, plural, school_year, signed
from decrochage_risk.small_cells import HIDDEN, Publication, hidden_counts, is_small

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from decrochage_risk.evaluate.tables import Table


__all__ = [
    "ComparedRows",
    "ListChurn",
    "ModelComparison",
    "SideCount",
    "changes_section",
    "compare_rows",
    "comparison_heading",
    "comparison_markdown",
    "comparison_tables",
    "comparison_text",
    "not_judged",
    "overall_line",
    "overall_verdict",
    "verdict_line",
]

NOT_KNOWN: Final = "non renseigné"
ENTERS, LEAVES = "enters", "leaves"
_FLAGGED = 2


class ListChurn(BaseModel):
    """How much of a list changes, rows of all as-of dates together.

    Attributes
    ----------
    list_name : str
        ``flagged`` (tiers 2 and 3), ``tier_2`` or ``tier_3``.
    champion, challenger : int
        Rows on each list.
    kept, enters, leaves : int or None
        Rows on both, on the new one only, on the old one only; None where hidden (`decrochage_risk.small_cells`).
    changed_share : float or None
        Rows that change over rows on either list; None when both lists are empty or a count is suppressed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    list_name: str
    champion: int | None
    challenger: int | None
    kept: int | None
    enters: int | None
    leaves: int | None
    changed_share: float | None


class SideCount(BaseModel):
    """How many pupils enter or leave the list on one as-of date at least, by group or by reason family.

    Attributes
    ----------
    side : {"enters", "leaves"}
    dimension, group : str
        ``sex``, ``level``, ``pathway`` or ``reason_family``, and the part.
    pupils : int or None
        None where hidden. Groups of under 11 pupils are joined first, but for the sex.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: str
    dimension: str
    group: str
    pupils: int | None


class ModelComparison(BaseModel):
    """Everything that a comparison found, in aggregates; who changes side is in :attr:`changes`.

    Attributes
    ----------
    champion, challenger : str
        Ids of the models: in use, and new.
    synthetic : bool
        Whether one of them is a demonstration model.
    test_years, as_of, labels_known_on
        School years and as-of dates of the rows, and the day on which their outcomes were known.
    rows, pupils, leavers : int or None
        Rows compared, distinct pupils, and those of them who left; None where hidden: of several dates of a year, held against
        the rows, they would tell how few are missing on one.
    left_out : dict of str to int or None
        Rows that are not compared, by cause; None where hidden.
    known_share : float or None
        Share of the pupils who were already enrolled in a year that both models may have learnt from, in hundredths where the
        pupils are hidden; None when it was not looked at.
    champion_years, challenger_years : tuple of int
        School years that each has learnt from.
    left_out_members : bool
        Whether each pupil's risk by the challenger comes from its members that have not learnt the pupil: it has learnt other
        pupils of these years.
    margin : float
        Log loss by which the challenger was allowed to be worse.
    differences : tuple of Difference
        Challenger minus champion.
    gates, champion_gates : tuple of GateResult
        Calibration and fairness of each on the list that it would issue.
    churn : tuple of ListChurn
    sides : tuple of SideCount
    verdict : {"promote", "keep", "review"}
    causes : tuple of Cause
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    champion: str
    challenger: str
    synthetic: bool
    test_years: tuple[int, ...]
    as_of: tuple[date, ...]
    labels_known_on: date
    rows: int | None
    pupils: int | None
    leavers: int | None
    left_out: dict[str, int | None]
    known_share: float | None
    champion_years: tuple[int, ...] = ()
    challenger_years: tuple[int, ...] = ()
    left_out_members: bool = False
    margin: float
    differences: tuple[Difference, ...]
    gates: tuple[GateResult, ...]
    champion_gates: tuple[GateResult, ...]
    churn: tuple[ListChurn, ...]
    sides: tuple[SideCount, ...]
    verdict: ComparisonVerdict
    causes: tuple[Cause, ...]
    _changes: pd.DataFrame | None = PrivateAttr(default=None)

    @property
    def changes(self) -> pd.DataFrame | None:
        """One row per pupil and as-of date that changes side, with both risks and the family that moves most.

        For the data team, never printed nor written by :meth:`to_json`; None after :meth:`from_json`.
        """
        return None if self._changes is None else self._changes.copy()

    def with_changes(self, changes: pd.DataFrame) -> Self:
        """Attach the pupil-level table."""
        other = self.model_copy()
        other._changes = changes.copy()  # noqa: SLF001  # its own kind
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelComparison) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def difference(self, name: str) -> Difference:
        """Give one difference by its name."""
        return next(one for one in self.differences if one.name == name)

    def to_json(self) -> str:
        """Write the comparison as JSON, the same bytes for the same figures; :meth:`from_json` reads it back."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        pydantic.ValidationError
            A field is missing, unknown or of another type.
        """
        return cls.model_validate_json(text)

    def to_markdown(self) -> str:
        """Write the comparison in Markdown, in French."""
        return comparison_markdown(self)

    def _repr_html_(self) -> str:
        from decrochage_risk.evaluate.card_page import card_page  # noqa: PLC0415 - only in notebooks
        from decrochage_risk.pages.rendering import embedded  # noqa: PLC0415 - same

        return embedded(card_page(self.to_markdown()), verdict_line(self))

    def __str__(self) -> str:

        return comparison_text(self)


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """Rows that both models score, outcome known.

    Attributes
    ----------
    outcome : array_like of shape (rows,)
        0 or 1.
    champion, challenger : array_like of shape (rows,)
        Announced probabilities.
    pupils : array_like of shape (rows,)
    tiers : pair of array_like of shape (rows,)
        Tier (1 to 3) by each model; 2 and 3 are on the list that would be issued.
    capacity : pair of array_like of bool, optional
        Lists of the same length, for the precision at capacity.
    as_of : array_like of shape (rows,), optional
        As-of date of each row, as ISO text; a single one when left out.
    groups : mapping of str to array_like
        What the gates are applied to.
    told : mapping of str to array_like
        By what those who change side are counted.
    """

    outcome: npt.ArrayLike
    champion: npt.ArrayLike
    challenger: npt.ArrayLike
    pupils: Any
    tiers: tuple[npt.ArrayLike, npt.ArrayLike]
    capacity: tuple[npt.ArrayLike, npt.ArrayLike] | None = None
    as_of: npt.ArrayLike | None = None
    groups: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)


def _gates_of_sides(rows: ComparedRows, tiers: Sequence[npt.NDArray[Any]]) -> list[tuple[GateResult, ...]]:
    """Judge the fairness of the champion and of the challenger, each by the list that its own tiers give."""
    return [
        fairness_gates(rows.outcome, risk, tier >= _FLAGGED, rows.groups, pupils=rows.pupils)
        for risk, tier in zip((rows.champion, rows.challenger), tiers, strict=True)
    ]


def compare_rows(
    rows: ComparedRows,
    *,
    margin: float = MARGIN,
    seen_years: Sequence[int] = (),
    learnt_later: Sequence[date] = (),
    same: Same | None = None,
    people_left_out: Mapping[str, int] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    **facts: Any,  # noqa: ANN401  # the remaining fields of ModelComparison
) -> ModelComparison:
    """Compare two models on rows that both score.

    Parameters
    ----------
    rows : ComparedRows
        What is compared.
    margin, seen_years, learnt_later, same
        As in :func:`~decrochage_risk.evaluate.comparison.decide`.
    people_left_out : mapping of str to int, optional
        Distinct pupils of each cause of ``left_out``; its rows are pupils when left out.
    seed, draws : int
        Of the bootstrap.
    **facts
        ``champion``, ``challenger``, ``synthetic``, ``test_years``, ``as_of``, ``labels_known_on``, ``left_out``,
        ``known_share``, ``champion_years``, ``challenger_years`` and ``left_out_members`` of :class:`ModelComparison`.

    Raises
    ------
    ColumnsError, NotEnoughDataError
        As :func:`~decrochage_risk.evaluate.bootstrap.paired_differences`.
    """
    differences = paired_differences(
        rows.outcome,
        rows.champion,
        rows.challenger,
        pupils=rows.pupils,
        lists=rows.capacity,
        seed=seed,
        draws=draws,
    )
    tiers = [np.asarray(tier) for tier in rows.tiers]
    gates = _gates_of_sides(rows, tiers)
    pupils = pd.Series(np.asarray(rows.pupils, dtype=object))
    # a pupil has a row per as-of date: who left in one of them is one leaver
    people = pd.Series(np.asarray(rows.outcome)).groupby(pupils).max()
    leavers = int(people.sum())
    tables = _ComparisonTables(rows, tiers, gates, leavers)
    printable_gates = [told_gates(side, tables.rows, tables.hidden, at) for at, side in enumerate(gates)]
    verdict, causes = decide(
        next(one for one in differences if one.name == "log_loss"),
        printable_gates[1],
        printable_gates[0],
        margin=margin,
        seen_years=seen_years,
        learnt_later=learnt_later,
        leavers=leavers,
        stayers=len(people) - leavers,
        same=same,
    )
    # Causes too are counts of pupils; an evaluation of the same rows tells their sum.
    facts["left_out"] = hidden_counts(facts["left_out"], people=people_left_out)
    if not tables.pupils_told and facts["known_share"] is not None:
        # A share to the last decimal gives back of how many it is.
        facts["known_share"] = round(facts["known_share"], 2)
    return ModelComparison(
        rows=tables.counted(tables.rows.key("", "")),
        pupils=tables.counted(tables.rows.key("", "", unit="pupils")) if tables.pupils_told else None,
        leavers=tables.counted("leavers") if tables.leavers_told else None,
        margin=margin,
        differences=tuple(
            one for one in differences if one.name != "precision_at_capacity" or _many_found(rows)
        ),
        gates=printable_gates[1],
        champion_gates=printable_gates[0],
        churn=tables.churn(),
        sides=tables.sides(),
        verdict=verdict,
        causes=causes,
        **facts,
    )


def _many_found(rows: ComparedRows) -> bool:
    """Tell whether the lists at capacity find enough leavers for their share to be printed."""
    event, people = np.asarray(rows.outcome) == 1, np.asarray(rows.pupils, dtype=object)
    lists = [np.asarray(marks, dtype=np.bool_) for marks in rows.capacity or ()]
    cells = [len(pd.unique(people[marks & left])) for marks in lists for left in (event, ~event)]
    return not is_small(*cells)


class _ComparisonTables:
    """Everything that a comparison prints, as one publication: lists, who changes side, shares of each group."""

    def __init__(
        self,
        rows: ComparedRows,
        tiers: Sequence[npt.NDArray[Any]],
        gates: Sequence[Sequence[GateResult]],
        leavers: int,
    ) -> None:
        self._told = publication = Publication()
        self._pupils = pd.Series(np.asarray(rows.pupils, dtype=object))
        self.rows = CountedRows(publication, "compared", self._pupils.to_numpy())
        count, left = len(self._pupils), np.asarray(rows.outcome) == 1
        days = np.zeros(count) if rows.as_of is None else np.asarray(rows.as_of, dtype=np.str_)
        self.pupils_told = not pupils_tell_few(self._pupils, days)
        # Leavers of a date may be told by a report of the same rows.
        self.leavers_told = not pupils_tell_few(self._pupils[left], days[left])
        judged_groups = {(one.dimension, one.group) for side in gates for one in side if one.name == "fnr"}
        whole = {name: group_labels(name, values, count) for name, values in rows.groups.items()}
        measures, sums = list_measures(left, [np.asarray(tier) >= _FLAGGED for tier in tiers])
        self.rows.add(
            whole,
            measures,
            sums,
            lambda dimension, group, measure: (
                ((dimension, group) in judged_groups and measure in (EVENT, "hits0", "hits1"))
                or (dimension == "" and measure == ALL)
            ),
            print_pupils=self.pupils_told,
        )
        # Dear to hide: the number of leavers is what a reader needs to weigh all the rest.
        publication.count("leavers", leavers, printed=self.leavers_told, weight=10.0)
        pupils = self.rows.key("", "", unit="pupils")
        publication.count("stayers", publication.counts[pupils] - leavers, printed=False)
        publication.total(pupils, ["leavers", "stayers"])
        # Rows of leavers bound their number from both sides, which a reader can work out.
        publication.at_most("leavers", self.rows.key("", "", EVENT))
        publication.at_most(self.rows.key("", "", EVENT), "leavers", times=self.rows.rows_each)
        self._add_moves(tiers)
        self._sides = list(self._counted_sides(tiers, rows.told))
        self._add_sides(tiers)
        self.hidden = publication.hidden()

    def _count(self, name: tuple[str, ...], mask: npt.NDArray[np.bool_], *, printed: bool = True) -> None:
        self._told.count(
            name,
            int(mask.sum()),
            printed=printed,
            people=int(self._pupils[mask].nunique()),
            rows_each=self.rows.rows_each,
        )

    def _add_moves(self, tiers: Sequence[npt.NDArray[Any]]) -> None:
        """Add every way from a tier to another, and the lists that are made of them."""
        old, new = tiers
        # All nine ways, printed or not: the lists are sums of them, and a difference of lists would give one
        # back.
        steps = [(before, after) for before in (1, 2, 3) for after in (1, 2, 3)]
        for before, after in steps:
            self._count(("moved", str(before), str(after)), (old == before) & (new == after), printed=False)
        for name, here in _LISTS.items():
            for part in _PARTS:
                moves = [step for step in steps if _is_in(part, step[0] in here, step[1] in here)]
                mask = np.logical_or.reduce([(old == before) & (new == after) for before, after in moves])
                self._count((name, part), mask)
                self._told.total(
                    (name, part), [("moved", str(before), str(after)) for before, after in moves]
                )
        for at, part in enumerate(("champion", "challenger")):
            self._told.total(("flagged", part), [self.rows.key("", "", f"listed{at}")])

    def _counted_sides(
        self, tiers: Sequence[npt.NDArray[Any]], attributes: Mapping[str, Any]
    ) -> Iterator[tuple[str, str, str, int]]:
        """Count the pupils of each side by group; small groups are joined first, but for the sex."""
        for side, inside in _changed(tiers).items():
            for dimension, values in attributes.items():
                labels = pd.Series(np.asarray(values, dtype=object)[inside], dtype=object).fillna(NOT_KNOWN)
                groups = labels.astype(str).to_numpy()
                people = self._pupils[inside].to_numpy()
                # Girls and boys are never joined with another group: the gap between them is what is looked
                # for.
                if dimension != SEX and len(people):
                    groups = joined_labels(groups, people)
                counts = pd.Series(people).groupby(groups).nunique().sort_index()
                yield from ((side, dimension, str(group), int(count)) for group, count in counts.items())

    def _add_sides(self, tiers: Sequence[npt.NDArray[Any]]) -> None:
        for side, inside in _changed(tiers).items():
            everyone = ("side", side)
            self._told.count(everyone, int(self._pupils[inside].nunique()), printed=False)
            self._told.at_most(everyone, ("flagged", side))
            self._told.at_most(("flagged", side), everyone, times=self.rows.rows_each)
            own = [one for one in self._sides if one[0] == side]
            for _, dimension, group, count in own:
                self._told.count(("side", side, dimension, group), count)
            for dimension in dict.fromkeys(one[1] for one in own):
                parts = [("side", side, dimension, one[2]) for one in own if one[1] == dimension]
                self._told.total(everyone, parts, overlapping=True)

    def value(self, *name: str) -> int | None:
        """Give a count, None when it is hidden."""
        return None if name in self.hidden else self._told.counts[name]

    def counted(self, name: Hashable) -> int | None:
        """Give a count by a name that is no tuple of this kind, None when it is hidden."""
        return None if name in self.hidden else self._told.counts[name]

    def churn(self) -> tuple[ListChurn, ...]:
        """How much each list changes."""
        churns = []
        for name in _LISTS:
            counts = {
                part: self.value(name, part)
                for part in ("champion", "challenger", "kept", "enters", "leaves")
            }
            stays, enters, leaves = counts["kept"], counts["enters"], counts["leaves"]
            share = None
            if stays is not None and enters is not None and leaves is not None and stays + enters + leaves:
                share = (enters + leaves) / (stays + enters + leaves)
            churns.append(ListChurn(list_name=name, changed_share=share, **counts))
        return tuple(churns)

    def sides(self) -> tuple[SideCount, ...]:
        """Who enters and who leaves, by group."""
        return tuple(
            SideCount(
                side=side, dimension=dimension, group=group, pupils=self.value("side", side, dimension, group)
            )
            for side, dimension, group, _ in self._sides
        )


_PARTS: Final = ("champion", "challenger", "kept", "enters", "leaves")


def _is_in(part: str, before: bool, after: bool) -> bool:  # noqa: FBT001  # on the old list, on the new one
    return {
        "champion": before,
        "challenger": after,
        "kept": before and after,
        "enters": after and not before,
        "leaves": before and not after,
    }[part]


_LISTS: Final = {"flagged": (2, 3), "tier_2": (2,), "tier_3": (3,)}


def _changed(tiers: Sequence[npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.bool_]]:
    old, new = (tier >= _FLAGGED for tier in tiers)
    return {ENTERS: new & ~old, LEAVES: old & ~new}


VERDICTS: Final = {
    "promote": "mettre en service le nouveau modèle",
    "keep": "garder le modèle en place",
    "review": "à examiner avant toute décision",
}
FIGURES: Final = {
    "log_loss": "log-loss (plus petit = mieux)",
    "auc": "AUC",
    "average_precision": "précision moyenne (AP)",
    "precision_at_capacity": "précision, mêmes places par établissement",
}
LISTS: Final = {"flagged": "liste entière", "tier_2": "niveau d'action 2", "tier_3": "niveau d'action 3"}
GATES: Final = {
    "calibration": "calibration",
    "calibration_slope": "pente de calibration",
    "calibration_intercept": "calibration moyenne",
    "fnr_gap": "écart de sorties manquées",
}
GATE_VERDICTS: Final = {
    "pass": "passe",
    "review": "à examiner",
    "block": "bloque",
    "not_applicable": "non jugé",
}
CAUSES: Final = {
    "left before the as-of date": "déjà parti à cette date",
    "outcome unknown": "issue inconnue",
    "no outcome for this school year": "pas d'issue pour cette année scolaire",
    "left, but enrolled on the closing day": "dit sorti, mais inscrit au jour de clôture",
    "under 3 weeks of covered data": "moins de 3 semaines de données",
    "level not seen in training": "niveau qu'un des deux modèles n'a jamais vu",
    "outside the range of the training": "hors du domaine d'apprentissage d'un des deux modèles",
}
_PASSES_NOT_SHOWN = ("school",)
_FNR_TOLD = ("level", "pathway", "years_behind")


def verdict_line(comparison: ModelComparison) -> str:
    """Say the verdict in one French line."""
    return f"Verdict : {VERDICTS[comparison.verdict]} ({comparison.verdict})"


def overall_verdict(comparisons: Iterable[ModelComparison]) -> ComparisonVerdict:
    """Give the gravest verdict of several comparisons of one decision: keep, then review, then promote."""
    # From the mildest to the gravest: keeping the old model is what a single bad comparison asks for.
    order: tuple[ComparisonVerdict, ...] = ("promote", "review", "keep")
    return max((one.verdict for one in comparisons), key=order.index)


def overall_line(verdict: str) -> str:
    """Say the verdict of all comparisons together in one French line."""
    return f"Verdict de l'ensemble : {VERDICTS[verdict]} ({verdict})"


def comparison_tables(comparison: ModelComparison) -> dict[str, Table]:
    """Give the tables of a comparison by their French titles, those without a row left out."""
    tables = {
        "Chiffres": _figures(comparison),
        "Critères du nouveau modèle": _gates(comparison),
        "La liste": _churn_table(comparison),
        "Qui change de côté": _sides_table(comparison),
    }
    return {title: table for title, table in tables.items() if table[1]}


def comparison_text(comparison: ModelComparison) -> str:
    """Write a comparison as aligned text."""
    return _written(comparison, text_table, "", "- ")


def comparison_markdown(comparison: ModelComparison) -> str:
    """Write a comparison in Markdown."""
    title = "# Comparaison de deux modèles\n\n"
    return f"{title}{_written(comparison, markdown_table, '## ', '- ')}\n"


def changes_section(
    comparison: ModelComparison, changes: Sequence[str] = (), *, candidate: ModelComparison | None = None
) -> str:
    """Write the section of a model card that says what has changed since the model before, in Markdown.

    Parameters
    ----------
    comparison : ModelComparison
        Of the model in use with the new one, or with its candidate.
    changes : sequence of str
        What else has changed (years, columns), in French, told first.
    candidate : ModelComparison, optional
        Of what was trained in the same way without the last year: its causes follow, and the verdict of both.

    Returns
    -------
    str
        From :data:`~decrochage_risk.evaluate.card.CHANGES` on, ending with one line feed;
        :func:`~decrochage_risk.evaluate.card.with_changes` puts it into a card.
    """
    bullets = "".join(f"- {change}\n" for change in changes)
    whole = f"{CHANGES}\n\n{bullets}{_written(comparison, markdown_table, '### ', '- ')}\n"
    if candidate is None:
        return whole
    causes = [f"{verdict_line(candidate)}", *(cause.sentence for cause in candidate.causes)]
    lines = "\n".join(f"- {line}" for line in (*comparison_heading(candidate), *causes))
    both = overall_line(overall_verdict((comparison, candidate)))
    return f"{whole}\n### Sans la dernière année\n\n{lines}\n\n{both}\n"


def _written(
    comparison: ModelComparison, table: Callable[[list[str], list[list[str]]], str], heading: str, bullet: str
) -> str:
    parts = ["\n".join(f"{bullet}{line}" for line in comparison_heading(comparison))]
    parts += [verdict_line(comparison)]
    parts += ["\n".join(f"{bullet}{cause.sentence}" for cause in comparison.causes)]
    for title, contents in comparison_tables(comparison).items():
        parts += [f"{heading}{title}", table(*contents)]
    parts += ["\n".join(f"{bullet}{line}" for line in not_judged(comparison))]
    return "\n\n".join(part for part in parts if part)


def comparison_heading(comparison: ModelComparison) -> list[str]:
    """Say what was compared, one French sentence per line."""
    dates = join([day(one, with_year=True) for one in comparison.as_of])
    years = join([school_year(year) for year in comparison.test_years])
    lines = [
        f"Modèle en place : {comparison.champion} ; nouveau modèle : {comparison.challenger}",
        f"{years}, au {dates} ; issues connues au {day(comparison.labels_known_on, with_year=True)}",
        (
            f"{_counted(comparison.rows, 'ligne')} {_of_pupils(comparison.pupils)}, dont "
            f"{_counted(comparison.leavers, 'parti sans diplôme', 'partis sans diplôme')}"
        ),
    ]
    if comparison.champion_years and comparison.challenger_years:
        lines.insert(1, _learnt(comparison))
    if comparison.left_out:
        causes = ", ".join(
            f"{CAUSES.get(cause, cause)} ({_count(count)})" for cause, count in comparison.left_out.items()
        )
        lines.append(f"Lignes non comparées : {causes}")
    if comparison.known_share is not None:
        lines.append(
            f"{percent(comparison.known_share)} de ces élèves étaient déjà inscrits une année que les deux modèles "
            "connaissent : les chiffres de l'un et de l'autre en sont un peu flattés, leur écart ne l'est pas"
        )
    if comparison.synthetic:
        lines.insert(0, "Élèves synthétiques : ces chiffres ne disent rien d'élèves réels")
    return lines


def _learnt(comparison: ModelComparison) -> str:
    """Say which years each side has learnt from, and how a pupil of such a year was predicted all the same."""
    before, after = (
        join([school_year(year) for year in years])
        for years in (comparison.champion_years, comparison.challenger_years)
    )
    sentence = f"Le modèle en place a appris {before} ; le nouveau, {after}"
    if not comparison.left_out_members:
        return sentence
    return (
        f"{sentence}. Chaque élève est prédit par le seul membre du nouveau modèle qui ne l'a pas appris : ce membre a appris d'autres "
        "élèves de la même année, ce qui l'avantage, et prédit seul, ce qui le dessert"
    )


def _figures(comparison: ModelComparison) -> Table:
    rows = [
        [
            FIGURES[one.name],
            number(one.champion, 4),
            number(one.challenger, 4),
            f"{signed(one.difference, 4)} [{signed(one.low, 4)} ; {signed(one.high, 4)}]",
        ]
        for one in comparison.differences
    ]
    return ["", "en place", "nouveau", "écart [IC 95 %]"], rows


def _gates(comparison: ModelComparison) -> Table:
    champion = {(gate.name, gate.dimension, gate.group): gate for gate in comparison.champion_gates}
    rows = []
    for gate in comparison.gates:
        if gate.name not in GATES or gate.verdict == "not_applicable":
            continue
        if gate.dimension in _PASSES_NOT_SHOWN and gate.verdict == "pass":
            continue
        before = champion.get((gate.name, gate.dimension, gate.group))
        rows.append(
            [
                _group(gate),
                GATES[gate.name],
                _measured(gate),
                "-" if before is None else _measured(before),
                GATE_VERDICTS[gate.verdict],
            ]
        )
    return ["groupe", "critère", "nouveau", "en place", "verdict"], rows


def _group(gate: GateResult) -> str:
    name = GROUPED.get(gate.dimension, gate.dimension)
    return name if name == gate.group else f"{name} : {gate.group}"


def not_judged(comparison: ModelComparison) -> list[str]:
    """Say which groups were too small to be judged, and that missed leavers of the others are no gate."""
    small = Counter(gate.dimension for gate in comparison.gates if gate.name == "calibration")
    counts = [
        f"{GROUPED.get(name, name)} : {plural(count, 'groupe')}" for name, count in sorted(small.items())
    ]
    sentence = (
        f"Trop petits pour être jugés (moins de {MIN_PUPILS} élèves, de {MIN_EVENTS} sortis ou de {MIN_EVENTS} restés) : "
        f"{' ; '.join(counts)}"
    )
    shares = [
        f"{gate.group} {percent(gate.figure, 0)}"
        for gate in comparison.gates
        if gate.name == "fnr" and gate.dimension in _FNR_TOLD and gate.figure is not None
    ]
    never = (
        f"Part des sorties absentes de la liste, affichée, jamais un critère (là où le taux de sortie diffère, elle diffère "
        f"même sous calibration parfaite) : {' ; '.join(shares)}"
    )
    return [sentence] * bool(counts) + [never] * bool(shares)


def _measured(gate: GateResult) -> str:
    if gate.figure is None or gate.low is None or gate.high is None:
        return "-"
    return f"{number(gate.figure, 2)} [{number(gate.low, 2)} ; {number(gate.high, 2)}]"


def _churn_table(comparison: ModelComparison) -> Table:
    rows = [
        [
            LISTS[churn.list_name],
            *(_count(count) for count in (churn.kept, churn.enters, churn.leaves)),
            "-" if churn.changed_share is None else percent(churn.changed_share, 1),
        ]
        for churn in comparison.churn
    ]
    return ["", "restent", "entrent", "sortent", "part qui change"], rows


def _sides_table(comparison: ModelComparison) -> Table:
    rows = [
        [
            "entrent" if side.side == ENTERS else "sortent",
            GROUPED.get(side.dimension, side.dimension),
            side.group,
            _count(side.pupils),
        ]
        for side in comparison.sides
    ]
    return ["", "par", "groupe", "élèves"], rows


def _counted(count: int | None, one: str, many: str = "") -> str:
    return f"{many or one + 's'} ({HIDDEN})" if count is None else plural(count, one, many or one + "s")


def _of_pupils(count: int | None) -> str:
    return f"d'élèves ({HIDDEN})" if count is None else f"de {plural(count, 'élève')}"


def _count(count: int | None) -> str:
    return HIDDEN if count is None else number(count, 0)
