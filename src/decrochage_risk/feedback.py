"""What people said of the flags: the declared columns of the table, its rules, its reading, and how right the flags were.

It is read with the same checks and the same report of faults as the records, and kept out of them, for a judgement
follows a flag. Flags are counted as right or not by level and by family of reasons, small cells hidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk.errors import (
    FaultyRecordsError,
    RecordsError,
    UnreadableRecordsError,
    explain_error,
    refuse_other_kinds,
)
from decrochage_risk.features import FAMILIES
from decrochage_risk.records import PupilRecords
from decrochage_risk.records.checks import conform
from decrochage_risk.records.cross_checks import fault_at
from decrochage_risk.records.faults import FaultReport, Rule
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.records.reading import as_frame, read_table_file
from decrochage_risk.records.rules import UNKNOWN_PUPIL
from decrochage_risk.records.table_schemas import Day, Identifier, OneOf, column, declare_table
from decrochage_risk.risk import jeffreys_interval
from decrochage_risk.score import RiskScores
from decrochage_risk.small_cells import INSIDE, is_small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decrochage_risk.records.coded_columns import CodedTable
    from decrochage_risk.records.faults import FaultGroup
    from decrochage_risk.records.table_schemas import Table


__all__ = [
    "FEEDBACK",
    "FOLLOW_UP",
    "JUDGEMENTS",
    "MEASURE_WITHOUT_DAY",
    "NOTHING_SAID",
    "TWO_JUDGEMENTS",
    "Feedback",
    "FeedbackRow",
    "judged_flags",
    "read_feedback",
]

FOLLOW_UP = "suivi_commun"
"""Code of the common follow-up of the first weeks of a new path, in the table of measures."""

JUDGEMENTS = {
    "pertinent": "signalement pertinent",
    "not_pertinent": "signalement non pertinent",
    "already_supported": "élève déjà suivi",
}
"""What a person says of a flag, with what a school reads."""

Judgement = Annotated[str, OneOf(JUDGEMENTS)]


class FeedbackRow(BaseModel):
    """What a person said of a pupil's result, or a measure that began; used by reports and training choices only."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"x-label": "Retours des équipes"})

    pupil_id: Identifier = column(
        "Opaque, pseudonymous id of the pupil, as in the records.",
        "Identifiant de l’élève",
        "Le même pseudonyme que dans les données.",
    )
    as_of: Day = column(
        "As-of date of the result that is judged.", "Date d’observation", "Date du résultat dont on parle."
    )
    judgement: Judgement | None = column(
        "What a person who knows the pupil says of the result.",
        "Avis",
        "Avis d’une personne qui connaît l’élève.",
        default=None,
    )
    measure: Identifier | None = column(
        "Code of the measure that began, as in the policy.",
        "Mesure",
        "Code de la mesure, comme dans la table des mesures.",
        default=None,
    )
    measure_started_on: Day | None = column(
        "Day on which a measure began.", "Début de la mesure", "Jour où une mesure a commencé.", default=None
    )


FEEDBACK: Table = declare_table("feedback", FeedbackRow)
"""The table; not one of the records' tables, so that nothing that makes features can see it."""

NOTHING_SAID = Rule(
    "nothing_said",
    "error",
    "a judgement, or the day on which a measure began",
    "Fill one of the two, or leave the row out.",
    "La ligne n’a ni avis ni début de mesure.",
    "Remplir l’un des deux, ou retirer la ligne.",
)
TWO_JUDGEMENTS = Rule(
    "two_judgements",
    "error",
    "one judgement per pupil and as-of date",
    "Keep the one that the team agreed on; further measures go into rows without a judgement.",
    "Un élève a plusieurs avis pour la même date d’observation.",
    "Garder celui de l’équipe ; d’autres mesures se notent sur des lignes sans avis.",
)
MEASURE_WITHOUT_DAY = Rule(
    "measure_without_day",
    "warning",
    "the day on which the measure began",
    "Without it the measure counts for nothing: add measure_started_on.",
    "Une mesure est nommée sans son jour de début.",
    "Ajouter le jour de début : sans lui, la mesure ne compte pas.",
)


OnFault = Literal["raise", "quarantine"]


@dataclass(frozen=True, eq=False)
class Feedback:
    """Checked feedback.

    Attributes
    ----------
    frame : DataFrame
        ``pupil_id``, ``as_of``, ``judgement``, ``measure``, ``measure_started_on``; rows at fault are not in it.
    faults : FaultReport
        Every fault: errors (set aside) and warnings (kept).
    """

    frame: pd.DataFrame
    faults: FaultReport

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"<Feedback: {len(self)} rows of {self.frame['pupil_id'].nunique()} pupils, {len(self.faults)} faults>"

    def follow_ups(self, code: str = FOLLOW_UP) -> pd.DataFrame:
        """Days on which a measure was taken up with each pupil: ``pupil_id``, ``first``, ``last``, ``times``, by pupil.

        The rector's letter asks for a common follow-up of the first weeks of a new path: each meeting is a row of its own, with
        the measure's code and its day. A leaver who is not in this table has had none.

        Parameters
        ----------
        code : str
            Code of the measure; the common follow-up of a new path by default.

        Examples
        --------
        >>> rows = [{"pupil_id": "a", "as_of": "2025-03-05", "measure": "suivi_commun", "measure_started_on": day}
        ...         for day in ("2025-03-24", "2025-03-10")]
        >>> read_feedback(rows, ["a", "b"]).follow_ups()[["pupil_id", "times"]].to_numpy().tolist()
        [['a', 2]]
        """
        rows = self.frame.loc[self.frame["measure"] == code, ["pupil_id", "measure_started_on"]].dropna()
        days = rows.drop_duplicates().groupby("pupil_id", sort=True)["measure_started_on"]
        return days.agg(first="min", last="max", times="size").reset_index()

    def measures_started(self) -> pd.DataFrame:
        """Pupils for whom a measure has begun: ``pupil_id``, ``started_on``, one row per beginning, without duplicates.

        "Déjà suivi" without a day counts as begun on the as-of date of the result at the latest. Give the table to
        ``train_model(supported=...)``.
        """
        already_helped = self.frame["judgement"].eq("already_supported").to_numpy(dtype=bool, na_value=False)
        first_days = self.frame["measure_started_on"]
        # Already followed means that something had begun by then; the as-of date is the latest day it can
        # have.
        first_days = first_days.where(first_days.notna() | ~already_helped, self.frame["as_of"])
        measures = pd.DataFrame({"pupil_id": self.frame["pupil_id"], "started_on": first_days}).dropna()
        return measures.drop_duplicates().sort_values(["pupil_id", "started_on"], ignore_index=True)


def read_feedback(
    source: Any,  # noqa: ANN401 - a path or any table
    pupils: PupilRecords | Iterable[str],
    *,
    on_fault: OnFault = "raise",
) -> Feedback:
    """Read and check what people said.

    Parameters
    ----------
    source : path or table
        A CSV or Parquet file, a DataFrame, anything with the Arrow PyCapsule interface, or a list of dicts. Columns:
        ``pupil_id``, ``as_of``, and ``judgement`` (pertinent, not_pertinent, already_supported), ``measure``,
        ``measure_started_on``, each of which may be missing.
    pupils : PupilRecords or iterable of str
        Whom it may speak of: the records, or their ids.
    on_fault : {"raise", "quarantine"}
        Raise one report of every error, or set the rows at fault aside.

    Returns
    -------
    Feedback

    Raises
    ------
    FaultyRecordsError
        With every fault: unknown pupils, unreadable cells, rows that say nothing, two judgements of one result.
    UnreadableRecordsError
        A file that is not there, or cannot be read.
    RecordsError
        Another ``on_fault``; ids that are none.

    Examples
    --------
    >>> said = [{"pupil_id": "a", "as_of": "2025-03-05", "judgement": "pertinent", "measure": "pafi",
    ...          "measure_started_on": "2025-03-17"}]
    >>> read_feedback(said, ["a", "b"]).measures_started().to_numpy().tolist()
    [['a', Timestamp('2025-03-17 00:00:00')]]
    """
    if on_fault not in ("raise", "quarantine"):
        choices = '"raise" or "quarantine"'
        raise RecordsError(
            explain_error(
                f"on_fault={on_fault!r}", expected=choices, hint="Leave it out to be told of every fault."
            )
        )
    ids = _ids(pupils)
    table = conform(FEEDBACK, _frame(source))
    report = FaultReport(table.faults)
    if all(group.rows.size for group in report.errors.groups):
        whole = table.coded.without(report.rows("feedback", "error"))
        report = report + FaultReport(tuple(_cross_faults(whole, ids)))
    if report.errors and (on_fault == "raise" or not all(group.rows.size for group in report.errors.groups)):
        raise FaultyRecordsError(report)
    whole_rows = table.frame.drop(index=pd.Index(report.rows("feedback", "error")))
    return Feedback(whole_rows.reset_index(drop=True), report)


def _frame(source: Any) -> pd.DataFrame:  # noqa: ANN401 - a path or any table
    if not isinstance(source, str | Path):
        return as_frame(source)
    path = Path(source)
    if not path.exists():
        raise UnreadableRecordsError(
            explain_error(
                f"There is no file {path}",
                expected="a CSV or Parquet file",
                hint="Check the path of the feedback.",
            )
        )
    return read_table_file(path)[0].frame()


def _ids(pupils: PupilRecords | Iterable[str]) -> list[str]:
    if isinstance(pupils, PupilRecords):
        ids: list[str] = pupils.pupils["pupil_id"].tolist()
        return ids
    if isinstance(pupils, str) or not isinstance(pupils, Iterable):
        raise RecordsError(
            explain_error(
                f"pupils={pupils!r}", expected="PupilRecords, or ids", hint='For one pupil: pupils=["a1"].'
            )
        )
    return [str(pupil) for pupil in pupils]  # as the ids of a table are read: 12 is the pupil '12'


def _cross_faults(table: CodedTable, ids: list[str]) -> Iterator[FaultGroup]:
    """Faults between cells, rows and tables; cells that cannot be read are not reported again."""
    frame, pupil_ids = table.frame(), set(ids)
    unknown = ~frame["pupil_id"].astype(object).isin(pupil_ids).to_numpy()
    yield from fault_at(UNKNOWN_PUPIL, "pupil_id", table, unknown)
    judgements, first_days = table.given("judgement"), table.given("measure_started_on")
    yield from fault_at(NOTHING_SAID, "judgement", table, ~judgements & ~first_days)
    is_repeat = np.zeros(len(frame), dtype=np.bool_)
    # All of them: which one the team agreed on is for the team to say.
    is_repeat[judgements] = frame.loc[judgements, ["pupil_id", "as_of"]].duplicated(keep=False)
    yield from fault_at(TWO_JUDGEMENTS, "judgement", table, is_repeat)
    yield from fault_at(MEASURE_WITHOUT_DAY, "measure", table, table.given("measure") & ~first_days)


_COLUMNS = ("by", "group", "flagged", "judged", *JUDGEMENTS, "precision", "low", "high")
_RIGHT = ["pertinent", "already_supported"]


def judged_flags(scores: RiskScores, feedback: Feedback) -> pd.DataFrame:
    """Count the judgements of the flagged pupils of a run.

    A flag of a pupil who is already supported was right: it counts with the pertinent ones, and apart. Judgements of
    another as-of date, or of pupils who were not flagged, are not counted. Those judged are not a sample of those
    flagged: teams judge whom they meet.

    Parameters
    ----------
    scores : RiskScores
        The run.
    feedback : Feedback
        What people said.

    Returns
    -------
    DataFrame
        ``by`` ("all", "level", "family"), ``group``; ``flagged``, ``judged`` and the three judgements; ``precision``,
        the share of flags judged right, with its 90 % Jeffreys interval ``low``, ``high``. A row with a cell of 1 to
        4 pupils keeps its numbers to itself, but for ``flagged`` from 5 on. A pupil counts in each family of its
        aggravating reasons.

    Raises
    ------
    RecordsError
        Other things than scores and feedback.
    """
    refuse_other_kinds(
        {"scores": (scores, RiskScores), "feedback": (feedback, Feedback)},
        hint="judged_flags(scores, read_feedback(table, records)), scores as score_pupils gave them.",
    )
    judgements = feedback.frame[feedback.frame["as_of"] == pd.Timestamp(scores.run.as_of)]
    # As objects: map gives NaN for pupils nobody judged, which a categorical would keep as a category type.
    judgement = judgements.dropna(subset=["judgement"]).set_index("pupil_id")["judgement"].astype(object)
    situations = scores.frame.loc[scores.frame["flagged"], ["pupil_id", "level"]]
    situations = situations.assign(judgement=situations["pupil_id"].map(judgement))
    rows = [_row("all", "all", situations)]
    rows += _parts("level", situations.assign(group=situations["level"]), LEVEL_NAMES)
    # What was pointed out is judged; a point of support pointed at nothing.
    reasons = scores.reasons[scores.reasons["direction"] == "aggravating"]
    families = reasons[["pupil_id", "family"]].drop_duplicates().rename(columns={"family": "group"})
    codes = tuple(family.code for family in FAMILIES)
    rows += _parts("family", situations.merge(families, on="pupil_id"), codes)
    numbers = dict.fromkeys(("flagged", "judged", *JUDGEMENTS), "Int64")
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(numbers)


def _parts(by: str, rows: pd.DataFrame, order: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for group in order:
        own = rows[rows["group"] == group]
        if len(own):
            yield _row(by, group, own)


def _row(by: str, group: str, situations: pd.DataFrame) -> dict[str, Any]:
    counts = {name: int((situations["judgement"] == name).sum()) for name in JUDGEMENTS}
    judgement_count, total = sum(counts.values()), len(situations)
    row: dict[str, Any] = {
        "by": by,
        "group": group,
        # Inside the school's own people, hence 5 and not 11.
        "flagged": pd.NA if is_small(total, least=INSIDE) else total,
    }
    # With those not judged: their number would be told by the difference.
    cells = (judgement_count, total - judgement_count, *counts.values())
    if not judgement_count or is_small(*cells, least=INSIDE):
        return row
    right = sum(counts[name] for name in _RIGHT)
    low, high = jeffreys_interval(right, judgement_count)
    return {
        **row,
        "judged": judgement_count,
        **counts,
        "precision": right / judgement_count,
        "low": np.float64(low),
        "high": np.float64(high),
    }
