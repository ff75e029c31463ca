"""Which labels may be used: those known on the day that counts.

What the card must tell of a training's data: how far back they reach, their warnings, the rows that they could not give.

What a training leaves behind for the drift watch: how its features and risks were distributed.

Training: from records and outcomes to a calibrated, explained, measured model.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from itertools import chain
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from decrochage_risk.errors import (
    ModelError,
    NotEnoughDataError,
    TrainingWarning,
    explain_error,
    refuse_other_kinds,
    warn_caller,
)
from decrochage_risk.evaluate import (
    Advice,
    CardFacts,
    LevelThreshold,
    card_page,
    mature_on,
    model_card,
)
from decrochage_risk.features import FEATURE_BY_NAME, OWN_FEATURES
from decrochage_risk.features.vigilance import LAST_YEAR_FEATURES
from decrochage_risk.features.windows import WITHIN_THE_YEAR
from decrochage_risk.french import join, number, plural, school_year
from decrochage_risk.model import (
    DEFAULT_CLOSES,
    SCORE,
    FeatureDistributions,
    Snapshots,
    TrainedModel,
    check_horizon,
    closing_day,
    default_as_of_dates,
    take_snapshots,
)
from decrochage_risk.model.manifest_audit import refuse_name
from decrochage_risk.model.refused_options import refuse_in_training
from decrochage_risk.model.snapshots import CENSORED, TOO_SHORT, TrainingRecords
from decrochage_risk.model.unknown_flags import UNKNOWN_LABELS, with_unknown_flags
from decrochage_risk.policy import Policy, level_recalls, load_policy
from decrochage_risk.records.levels import FROM_4E, LEVEL_BY_NAME, LEVEL_NAMES, PATH_LEVELS
from decrochage_risk.records.outcome_table import TrainingTables, outcomes_for
from decrochage_risk.records.pupil_records import PupilRecords
from decrochage_risk.records.rules import CELL_RULES, CROSS_RULES, ROW_RULES
from decrochage_risk.records.transmission import usual_pace
from decrochage_risk.risk import FitOptions
from decrochage_risk.risk.boosting import with_defaults
from decrochage_risk.risk.calibration import probability
from decrochage_risk.risk.numeric_table import columns_of, copied
from decrochage_risk.school_year import school_year_of, to_date, to_dates
from decrochage_risk.small_cells import HIDDEN, is_small
from decrochage_risk.threads import progress_bar
from decrochage_risk.train.backtest import can_be_known
from decrochage_risk.train.leaks import (
    missing_signals,
    missing_warnings,
    refuse_leaks,
    signals_of,
    stand_in_warnings,
)
from decrochage_risk.train.model_choice import HeldOutCounts, fit_and_measure
from decrochage_risk.train.publication import publish_training
from decrochage_risk.train.supported import set_apart_supported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    import numpy.typing as npt
    import pandas as pd

    from decrochage_risk.evaluate import EvaluationReport
    from decrochage_risk.risk import RiskModel
    from decrochage_risk.school_year import SchoolCalendar
    from decrochage_risk.train.publication import PublishedTraining
    from decrochage_risk.train.supported import Helped

__all__ = [
    "NOT_CLOSED",
    "PAST_ATTENDANCE",
    "distributions_of",
    "libraries",
    "mature_only",
    "no_year_before",
    "of_records",
    "rows_set_aside",
    "train_model",
    "without_past_attendance",
]

PAST_ATTENDANCE: Final = tuple(
    name
    for name, feature in FEATURE_BY_NAME.items()
    if feature.table == "absences" and feature.window.name not in WITHIN_THE_YEAR
)
"""Features of attendance in earlier school years. Attendance is kept for the school year alone (code de l'éducation, R131-6), so for
named pupils they are learnt, and read when scoring, only on a legal basis that somebody states."""

_LONGEST_BASIS: Final = 500
NOT_CLOSED: Final = "outcome window not closed yet"
"""Why a row is left out when its label was read before its time."""


def mature_only(snapshots: Snapshots, day: date | None) -> Snapshots:
    """Keep the rows whose outcome was known on a day, and count the others.

    Parameters
    ----------
    snapshots : Snapshots
        Rows with their labels.
    day : date or None
        The day on which the outcomes were extracted; None keeps every row.

    Raises
    ------
    NotEnoughDataError
        When no outcome window had closed.
    """
    if day is None:
        return snapshots
    label_known = mature_on(snapshots.rows["matured"].to_numpy(), day)
    if label_known.all():
        return snapshots
    if not label_known.any():
        raise NotEnoughDataError(
            explain_error(
                f"None of the {len(label_known)} labels was known on {day.isoformat()}: their outcome windows close later",
                expected="at least one school year whose outcome window had closed",
                hint="Add earlier school years, or wait for the closing day before training and evaluating.",
            )
        )
    return snapshots.set_apart(np.where(label_known, "", NOT_CLOSED).astype(object))


_RARELY, _OFTEN = 0.05, 0.5
"""Shares of rows for which a value of the year before is known: almost none, then most."""


def no_year_before(snapshots: Snapshots) -> list[str]:
    """Say when the first year of training knows nothing of the year before (its cost: ``benchmarks/targets.py --records-from``)."""
    years = snapshots.rows["school_year"].to_numpy()
    first = int(years.min())
    has_last_year = snapshots.features[[feature.name for feature in LAST_YEAR_FEATURES]].notna().to_numpy()
    later = has_last_year[years > first]
    if (
        not len(later)
        or not ((has_last_year[years == first].mean(axis=0) < _RARELY) & (later.mean(axis=0) > _OFTEN)).any()
    ):
        return []
    return [
        (
            f"ce que dit l'année précédente n'est connu de presque personne en {school_year(first)}, première année apprise, et l'est "
            "ensuite : les risques annoncés peuvent être trop hauts ; extraire une année de plus"
        )
    ]


def of_records(records: TrainingTables) -> list[str]:
    """Say what the card must tell of the records: their warnings, counted; without ``justified_on``, warn aloud too."""
    meaning = {
        rule.name: rule.meaning for rule in (*CELL_RULES, *(row.rule for row in ROW_RULES), *CROSS_RULES)
    }
    sentences = [
        f"`{table}`, `{rule}` ({HIDDEN if is_small(count) else number(count)}) : {meaning[rule]}"
        for (table, rule), count in sorted(records.faults.warnings.counts.items())
    ]
    if ("absences", "no_justified_on") in records.faults.warnings.counts:
        warn_caller(
            "absences has no justified_on: the training sees motives settled after the as-of date, serving will not; "
            "absences look more justified in training than when scoring. Hint: export justified_on.",
            TrainingWarning,
        )
    return sentences


def rows_set_aside(snapshots: Snapshots) -> list[str]:
    """Count the rows that had too little data, or an outcome still open, apart."""
    count = snapshots.left_out.get(TOO_SHORT, 0)
    early = snapshots.left_out.get(NOT_CLOSED, 0)
    counts = (
        (TOO_SHORT, "moins de 3 semaines de données", count),
        (NOT_CLOSED, "issue pas encore close à l'extraction", early),
    )
    return [
        f"{plural(rows, 'ligne laissée', 'lignes laissées')} de côté : {cause}"
        if snapshots.told_left_out()[name] is not None
        else f"lignes laissées de côté, effectif {HIDDEN} : {cause}"
        for name, cause, rows in counts
        if rows
    ]


def distributions_of(snapshots: Snapshots, risk_model: RiskModel) -> FeatureDistributions:
    """Count the features of a training before anything is filled, and the scores of pupils left out of the fit.

    Parameters
    ----------
    snapshots : Snapshots
        The training rows.
    risk_model : RiskModel
        Just fitted on them; held-out scores where it has them, its own otherwise.
    """
    # Those never known are left out: what a training was not to learn is not watched either, that it is known later is no drift.
    names = [name for name in snapshots.features.columns if name in FEATURE_BY_NAME]
    out_of_fold = risk_model.out_of_fold
    groups = snapshots.rows["reference_group"].to_numpy()
    if out_of_fold is None:
        score = risk_model.raw_log_odds(snapshots.features, groups)
    else:
        score = np.full(len(groups), np.nan)
        score[out_of_fold.rows] = out_of_fold.log_odds
    return FeatureDistributions.of_columns(
        chain(columns_of(snapshots.features, names=names), [(SCORE, score)]), groups
    )


_LIBRARIES = ("decrochage-risk", "lightgbm", "numba", "numpy", "pandas", "scikit-learn", "scipy")
"""Whose versions the bytes of a training depend on, with Python's: within one set of them they are the same on any machine,
between two they need not be (the sum of an axis was rounded otherwise from numpy 2.5 on). Scores of one artefact do not change."""


def libraries() -> dict[str, str]:
    """Give the versions that the bytes of a training depend on."""
    python = ".".join(map(str, sys.version_info[:2]))
    return {"python": python, **{library: version(library) for library in _LIBRARIES}}


def train_model(  # noqa: PLR0913 - the choices of a training, each with its default
    records: PupilRecords | TrainingRecords,
    outcomes: Any = None,  # noqa: ANN401 - any table
    *,
    as_of_dates: Iterable[object] | None = None,
    school_years: Iterable[int] | None = None,
    outcome_closes: tuple[int, int] = DEFAULT_CLOSES,
    horizon_years: int = 1,
    labels_known_on: object = None,
    name: str = "modele",
    synthetic: bool = False,
    seed: int = 0,
    options: FitOptions | None = None,
    hold_out_schools: bool = True,
    allow_leaks: Iterable[str] = (),
    policy: Policy | None = None,
    history: bool | None = None,
    legal_basis: str | None = None,
    supported: Any = None,  # noqa: ANN401 - any table
    helped: Helped = "keep",
    left_out: Callable[[Snapshots, npt.NDArray[np.float64]], None] | None = None,
    progress: bool | Callable[[str], None] = False,
    **refused: object,
) -> TrainedModel:
    """Train a model on the pupils at risk on several as-of dates a year.

    The model that is returned is trained on every year. The figures of its report come from the last school year,
    kept aside: models trained in the same way on the earlier years alone, by choices made there, are measured on it.
    When a plain logistic regression predicts that year better than the trees (paired interval of the log loss), what is
    trained, measured again and returned is a logistic regression with the declared signs, and the report says so.

    Parameters
    ----------
    records : PupilRecords or TrainingRecords
        Records of all the school years; in parts when they are larger than memory.
    outcomes : table, optional
        What became of the pupils; the records' own ``outcomes`` when left out.
    as_of_dates : iterable of date, optional
        Explicit as-of dates; early November to early May of each year of ``outcomes``, as far as they lie before the closing
        day, when left out.
    school_years : iterable of int, optional
        School years to train on, all those of ``outcomes`` when left out.
    outcome_closes : tuple of int
        Month and day on which the outcome of a school year closes, in the calendar year in which it ends.
    horizon_years : int
        1: leaving by the closing day of the school year. 3: by that of the second school year after it, for the vigilance
        from the 4e on; ``outcomes`` must hold these years, and a label matures only then.
    labels_known_on : date, optional
        Day on which the outcomes were extracted: rows whose outcome window had not closed by then are left out and
        counted. All labels count when left out.
    name : str
        What to call the model.
    synthetic : bool
        The pupils are synthetic: the model is then a demonstration one, and says so everywhere.
    seed : int
        Same records, seed and versions: same bytes.
    options : FitOptions, optional
        Of the boosters.
    hold_out_schools : bool
        Whether the report also measures schools that a model never saw, which costs one more training.
    allow_leaks : iterable of str
        Features that may tell the outcome by themselves (an AUC above 0.95): looked at, and found right.
    policy : Policy, optional
        Whose thresholds make the list that the report and the card measure, and whose tiers are counted on the held-out
        pupils (``held_out``); the bundled one when left out. It changes nothing in the risks.
    history : bool, optional
        Whether to learn from attendance of earlier school years (`PAST_ATTENDANCE`), which the model then reads when scoring. False
        by default, True for synthetic pupils. The level and school of the year before, and marks, are learnt in any case.
    legal_basis : str, optional
        Why attendance of earlier years of pupils who exist may be used; ``history=True`` asks for it. It is kept in
        ``trained_on`` and printed in the card.
    supported : table, optional
        Pupils for whom a measure started, as ``Feedback.measures_started()`` gives them: ``pupil_id``, ``started_on``.
    helped : {"keep", "exclude", "censor"}
        What to do with their rows: see `decrochage_risk.train.supported`, which says why they are kept by default.
    left_out : callable, optional
        Given the rows of the training and their risks, each by the one member of the model that is returned which has not learnt
        the pupil: to judge that very model on years of its training, see :func:`compare_models`.
    progress : bool or callable
        True shows the steps on a bar; a callable is told a French line per step.
    **refused : object
        Class weights, oversampling, a prior: each is refused with its reason.

    Returns
    -------
    TrainedModel

    Raises
    ------
    NotEnoughDataError
        No row, one outcome only, or too few of them.
    ModelError
        Weights, resampling or a prior were asked for; attendance of earlier years without a legal basis.
    LeakError
        A single feature tells the outcome by itself.
    FaultyRecordsError, RecordsError
        ``outcomes`` cannot be used; most leavers of a school year are dated outside it.

    Warns
    -----
    TrainingWarning
        When there is no earlier year to learn from, so that no year is untouched; when the records have no
        ``justified_on``.

    Examples
    --------
    >>> from decrochage_risk.model import FitOptions
    >>> from decrochage_risk.synthetic import make_cohort
    >>> cohort = make_cohort(600, [2022, 2023], seed=3)
    >>> quick = FitOptions(max_rounds=20, members=2, linear_share=0.5, penalty=100.0)  # nothing left to choose
    >>> model = train_model(cohort.records, cohort.outcomes, synthetic=True, options=quick)
    >>> model.demo
    True
    """
    refuse_in_training(refused, "train_model")
    refuse_name(name)
    refuse_other_kinds(
        {
            "options": (options, FitOptions | None), "policy": (policy, Policy | None), "legal_basis": (legal_basis, str | None),
            "allow_leaks": (allow_leaks, Iterable), "school_years": (school_years, Iterable | None),
        },
        hint="options=FitOptions(...), policy=load_policy(path), school_years=[2023, 2024]; leave out what is the default.",
        error=ModelError,
    )  # fmt: skip
    reads_past = _reads_past_attendance(history, legal_basis, synthetic=synthetic)
    table = outcomes_for(records, outcomes)
    dates = _dates(records, table, as_of_dates, school_years, check_horizon(horizon_years), outcome_closes)
    extraction_day = None if labels_known_on is None else to_date(labels_known_on)
    with progress_bar(progress) as tell:
        snapshots = _snapshots(
            records, table, dates, closes=outcome_closes, horizon_years=horizon_years, progress=tell
        )
        snapshots = _rows_to_learn(snapshots, extraction_day, reads_past=reads_past)
        snapshots, support_caveats = set_apart_supported(snapshots, table, supported, helped)
        unknown = _missing_without_leaks(snapshots, allow_leaks)
        caveats = [*_of_attendance(legal_basis, reads_past=reads_past), *support_caveats]
        caveats += _caveats(records, snapshots, unknown)
        counts = HeldOutCounts((policy or load_policy()).of_horizon(horizon_years))
        risk_model, report, is_untouched = fit_and_measure(
            snapshots,
            seed=seed,
            synthetic=synthetic,
            options=options,
            policy=policy,
            hold_out_schools=hold_out_schools,
            progress=tell,
            predicted=counts.take,
        )
    publication, recalls = _publication(snapshots, report, counts, horizon_years)
    report = publication.report
    _tell_left_out(risk_model, snapshots, left_out)
    trained_on = _trained_on(snapshots, publication, outcome_closes, horizon_years, caveats, records.calendar)
    trained_on |= {"past_attendance": reads_past, "legal_basis": legal_basis if reads_past else None}
    facts = _card_facts(
        snapshots, risk_model, publication, trained_on, name, untouched=is_untouched, synthetic=synthetic
    )
    card = model_card(replace(facts, level_thresholds=_level_thresholds(recalls)))
    return TrainedModel(
        risk_model=risk_model,
        name=name,
        demo=synthetic,
        # In the order of the school years, not of the rows.
        levels=tuple(level for level in LEVEL_NAMES if level in set(snapshots.rows["level"])),
        trained_on=trained_on,
        report={"untouched": is_untouched, "missing_signals": unknown, **report.model_dump(mode="json")},
        card=card,
        card_html=card_page(card, report),
        distributions=distributions_of(snapshots, risk_model),
        held_out=counts.told(publication.tiers, publication.thresholds, untouched=is_untouched),
    )


def _rows_to_learn(snapshots: Snapshots, extraction_day: date | None, *, reads_past: bool) -> Snapshots:
    """Keep what had closed by the day of the extraction, with the attendance of earlier years where it may be learnt."""
    snapshots = mature_only(snapshots, extraction_day)
    return snapshots if reads_past else without_past_attendance(snapshots)


def _missing_without_leaks(snapshots: Snapshots, allow_leaks: Iterable[str]) -> list[dict[str, Any]]:
    """Refuse features that tell the outcome by themselves, and give what not being known tells of it.

    Before the fit: a leak would make the hours of a training worthless.
    """
    signals = signals_of(replace(snapshots, features=with_unknown_flags(snapshots.features)))
    refuse_leaks(signals, allow_leaks)
    return missing_signals(signals)


def _caveats(
    records: PupilRecords | TrainingRecords, snapshots: Snapshots, unknown: list[dict[str, Any]]
) -> list[str]:
    """Word what the card must warn of, of the rows themselves."""
    return [
        *no_year_before(snapshots),
        *of_records(records),
        *missing_warnings(unknown),
        *stand_in_warnings(snapshots, [feature.name for feature in OWN_FEATURES]),
    ]


def _publication(
    snapshots: Snapshots, report: EvaluationReport, counts: HeldOutCounts, horizon_years: int
) -> tuple[PublishedTraining, pd.DataFrame]:
    """Hide small cells over all that is published together, and gate the recall of each level."""
    publication = publish_training(snapshots, report, counts.tables())
    recalls = level_recalls(publication.thresholds, PATH_LEVELS if horizon_years > 1 else FROM_4E)
    report = _with_blind_levels(publication.report, recalls, horizon_years)
    return replace(publication, report=report), recalls


def _tell_left_out(
    risk_model: RiskModel,
    snapshots: Snapshots,
    left_out: Callable[[Snapshots, npt.NDArray[np.float64]], None] | None,
) -> None:
    """Hand each row to who asked for it, with the risk of the members that did not learn from its pupil."""
    out_of_fold = risk_model.out_of_fold
    if left_out is None or out_of_fold is None:
        return
    risk = np.empty(len(out_of_fold.rows))
    risk[out_of_fold.rows] = probability(risk_model.held_out_log_odds(out_of_fold))
    left_out(snapshots, risk)


def _reads_past_attendance(history: bool | None, legal_basis: str | None, *, synthetic: bool) -> bool:  # noqa: FBT001 - a third value
    """Tell whether attendance of earlier school years is learnt from.

    Raises
    ------
    ModelError
        It is, of pupils who exist, and nobody says on which legal basis.
    """
    if legal_basis is not None and len(legal_basis) > _LONGEST_BASIS:
        raise ModelError(
            explain_error(
                f"legal_basis has {len(legal_basis)} characters",
                expected=f"at most {_LONGEST_BASIS}, which a card can hold",
                hint="Name the text and its article; keep the reasoning elsewhere.",
            )
        )
    if history is None:
        return synthetic
    if history and not synthetic and not (isinstance(legal_basis, str) and legal_basis.strip()):
        raise ModelError(
            explain_error(
                f"history=True with legal_basis={legal_basis!r}",
                expected="the legal basis on which attendance of earlier school years is used, in words",
                hint="Attendance is kept for the school year alone (code de l'éducation, R131-6): leave history out, or pass "
                "legal_basis='...'.",
            )
        )
    return history


def without_past_attendance(snapshots: Snapshots) -> Snapshots:
    """Empty the features of attendance in earlier school years: a column that is never known is neither learnt nor read."""
    return replace(snapshots, features=copied(snapshots.features, without=PAST_ATTENDANCE))


def _of_attendance(legal_basis: str | None, *, reads_past: bool) -> list[str]:
    """Say on which basis attendance of earlier years was learnt from; nothing where it was not, or the pupils do not exist."""
    if not (reads_past and legal_basis and legal_basis.strip()):
        return []
    return [f"assiduité des années passées apprise et lue ; base légale déclarée : {legal_basis.strip()}"]


def _level_thresholds(recalls: pd.DataFrame) -> list[LevelThreshold]:
    """Give what the card prints of each level."""
    cells = recalls.astype(object).where(recalls.notna(), None).to_dict("records")
    names = ("threshold", "listed_per_100", "recall", "recall_low", "recall_high")
    return [
        LevelThreshold(level=LEVEL_BY_NAME[str(row["level"])].label, **{name: row[name] for name in names})
        for row in cells
    ]


def _with_blind_levels(
    report: EvaluationReport, recalls: pd.DataFrame, horizon_years: int
) -> EvaluationReport:
    """Add the advice on the levels none of whose leavers is on the list; where 4e and 3e have the path, not for the year.

    Over one year, leaving before the lycée is rare: those levels are judged by the risk over three years.
    """
    rows = recalls if horizon_years > 1 else recalls[~recalls["level"].isin(PATH_LEVELS)]
    blind = rows[rows["hits"].eq(0).fillna(value=False) & rows["left"].gt(0).fillna(value=False)]
    if blind.empty:
        return report
    labels = join([LEVEL_BY_NAME[str(level)].label for level in blind["level"]])
    sentence = (
        f"Au seuil de la politique, aucun des élèves sortis sans diplôme n'est sur la liste : {labels}. Choisir les seuils "
        "avec thresholds_at_workload avant d'émettre une liste."
    )
    return report.model_copy(
        update={"advice": (*report.advice, Advice(code="blind_level", sentence=sentence))}
    )


def _snapshots(
    records: PupilRecords | TrainingRecords,
    table: pd.DataFrame,
    dates: list[date],
    *,
    closes: tuple[int, int],
    horizon_years: int,
    progress: Callable[[str], None] | None,
) -> Snapshots:
    """Rows of every date, from records that are all there or part by part."""
    if isinstance(records, PupilRecords):
        return take_snapshots(
            records, table, dates, closes=closes, horizon_years=horizon_years, progress=progress
        )
    snapshots = records.snapshots(dates, closes=closes, horizon_years=horizon_years)
    # Whoever made the rows may have made them in memory.
    return replace(snapshots, features=copied(snapshots.features))


def _dates(
    records: PupilRecords | TrainingRecords,
    outcomes: pd.DataFrame,
    as_of_dates: Iterable[object] | None,
    school_years: Iterable[int] | None,
    horizon_years: int,
    closes: tuple[int, int],
) -> list[date]:
    """As-of dates asked for, or the default ones before their closing day whose outcome, calendar and records are there."""
    years = {int(year) for year in outcomes["school_year"].unique()}
    # The outcomes of the last year of the horizon must be there, or nobody's path is known to its end.
    years = {year for year in years if year + horizon_years - 1 in years}
    if school_years is not None:
        years &= _asked_years(school_years)
    if as_of_dates is not None:
        dates = to_dates(as_of_dates)
        return [day for day in dates if school_years is None or school_year_of(day) in years]
    usable_days = [
        day
        for day in default_as_of_dates(years)
        if can_be_known(records, day) and day < closing_day(school_year_of(day), closes, horizon_years)
    ]
    if not usable_days:
        raise NotEnoughDataError(
            explain_error(
                f"No default as-of date (early November to early May) of the school years {sorted(years)} lies in the "
                f"records and in the calendar {records.calendar.name!r}",
                expected="at least one school year with outcomes, enrolments and a calendar",
                hint="Pass as_of_dates=[...], or a calendar that holds these years.",
            )
        )
    return usable_days


def _asked_years(school_years: Iterable[object]) -> set[int]:
    """Read school years that somebody asked for: whole numbers, whatever counts them."""
    asked = list(school_years)
    wrong = [
        year
        for year in asked
        if isinstance(year, bool) or not isinstance(year, Real) or not float(year).is_integer()
    ]
    if wrong:
        raise ModelError(
            explain_error(
                f"school_years holds {wrong[0]!r}",
                expected="whole numbers, each the year in which a school year starts",
                hint="2023 stands for 2023-24: school_years=[2023].",
            )
        )
    return {int(float(year)) for year in asked if isinstance(year, Real)}


def _trained_on(
    snapshots: Snapshots,
    published: PublishedTraining,
    closes: tuple[int, int],
    horizon_years: int,
    caveats: list[str],
    calendar: SchoolCalendar,
) -> dict[str, Any]:
    pace = usual_pace(snapshots.transmissions, calendar)
    rows = snapshots.rows
    return {
        "school_years": sorted({int(year) for year in rows["school_year"]}),
        "as_of": sorted({day.isoformat() for day in rows["as_of"]}),
        "outcome_closes": list(closes),
        # A model of one year says nothing of it: the bytes of those that were trained before stay.
        **({} if horizon_years == 1 else {"horizon_years": horizon_years}),
        "closes_on": sorted(
            {closing_day(int(year), closes, horizon_years).isoformat() for year in rows["school_year"]}
        ),
        "rows": published.rows,
        "pupils": published.pupils,
        "events": published.events,
        "left_out": snapshots.told_left_out(),
        "records_warnings": caveats,
        "transmission": {table: each.to_dict() for table, each in pace.items()},
        "libraries": libraries(),
    }


def _card_facts(
    snapshots: Snapshots,
    risk_model: RiskModel,
    published: PublishedTraining,
    trained_on: dict[str, Any],
    name: str,
    *,
    untouched: bool,
    synthetic: bool,
) -> CardFacts:
    rows = snapshots.rows
    context = set(risk_model.context)
    return CardFacts(
        model_id=name,
        package_version=version("decrochage-risk"),
        synthetic=synthetic,
        kind=risk_model.options.kind,
        spread_factor=risk_model.spread_factor,
        members=risk_model.options.members,
        leaves=risk_model.options.leaves,
        linear_share=with_defaults(risk_model.options, risk_model.rows).linear_share or 0.0,
        features=[column for column in risk_model.columns if column not in context],
        dropped_features=[
            column
            for column in risk_model.dropped
            if not column.startswith(("level_", "pathway_", "context_"))
        ],
        reference_groups="niveau, mois d'observation et données connues",
        train_years=trained_on["school_years"],
        as_of=sorted(set(rows["as_of"])),
        levels=[LEVEL_BY_NAME[level].label for level in LEVEL_NAMES if level in set(rows["level"])],
        rows=trained_on["rows"],
        pupils=trained_on["pupils"],
        events=trained_on["events"],
        censored=_censored(snapshots.told_left_out()),
        outcome_closes=(trained_on["outcome_closes"][0], trained_on["outcome_closes"][1]),
        horizon_years=trained_on.get("horizon_years", 1),
        base_rates=published.base_rates,
        calibration_kind=risk_model.calibration.kind,
        calibration_chosen_on=f"{_CHOSEN_ON[risk_model.calibrated_on]} ; {_HELD_OUT_BY[risk_model.held_out_by]}",
        calibration_groups=[group.name for group in risk_model.group_calibrations],
        penalty=risk_model.options.penalty or 0.0,
        unknown_flags=[UNKNOWN_LABELS[name] for name in risk_model.knowledge.names],
        school_spread=risk_model.cluster_spread,
        report=published.report,
        untouched=untouched,
        warnings=[*rows_set_aside(snapshots), *trained_on["records_warnings"]],
    )


def _censored(left_out: Mapping[str, int | None]) -> int | None:
    """Count the rows without a known outcome; hidden when one of their causes is."""
    counts = [count for cause, count in left_out.items() if cause in CENSORED]
    return None if None in counts else sum(count for count in counts if count is not None)


_HELD_OUT_BY = {
    "pupils": "des élèves entiers sont laissés de côté",
    "clusters": "des établissements entiers sont laissés de côté",
}
_CHOSEN_ON = {
    "out-of-time": "les années suivantes, prédites sans les avoir vues",
    "out-of-fold pupils": "des élèves laissés de côté, faute de trois années",
}
