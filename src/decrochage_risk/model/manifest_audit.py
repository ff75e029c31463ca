"""What the manifest of a trained model and its distributions must mean, beside the files of its risk model.

Refused at load: a manifest that no training writes, and one that does not go with the boosters. So scoring, reasons, updates
and the drift watch need not look again.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.features import CONTEXT_COLUMNS
from decrochage_risk.model.snapshots import closing_day
from decrochage_risk.records.levels import LEVEL_NAMES
from decrochage_risk.risk.file_audit import Finite, SavedCalibration, SavedGroup, Strict, parsed, validated
from decrochage_risk.school_year import school_year_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from decrochage_risk.risk import RiskModel


__all__ = ["DISTRIBUTIONS", "SCORE", "audit_distributions", "audit_manifest", "refuse_name"]

DISTRIBUTIONS: Final = "distributions.json"
SCORE: Final = "score"
"""Name under which the raw log-odds are kept beside the features: before calibration, so that an update leaves them."""

_GROUP = re.compile(
    r"(?:(?P<level>[a-z0-9_]{1,40})(?:@(?P<month>0[1-9]|1[0-2]))?)?(?:\|[^\x00-\x1f\x7f]{0,200})?"
)
"""A level, or a level and a month; of them all, or of those of whom the same is known."""
_MOST_COUNT: Final = 10**10
_LEAP_YEAR: Final = 2024
_TOLD: Final = 8
_SHOWN: Final = 60


def _is_day(text: str) -> str:
    """Accept a date in ISO form."""
    # fromisoformat also takes 20240930 and weeks: one spelling only, as the bytes are what is signed.
    if date.fromisoformat(text).isoformat() != text:
        message = f"{text!r} is not written YYYY-MM-DD"
        raise ValueError(message)
    return text


def _is_day_of_the_year(pair: list[int]) -> list[int]:
    """Accept a month and a day that some year has."""
    # A leap year, so that 29 February passes.
    month, day = pair
    date(_LEAP_YEAR, month, day)
    return pair


Day = Annotated[str, Field(max_length=10), AfterValidator(_is_day)]
Days = Annotated[list[Day], Field(min_length=1, max_length=1_000)]
Year = Annotated[int, Field(ge=1990, le=2200)]
Count = Annotated[int, Field(ge=0, le=_MOST_COUNT)]
Share = Annotated[float, Field(ge=0, le=1)]
Words = Annotated[str, Field(max_length=10_000)]
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"
_LONGEST: Final = 200
Line = Annotated[str, Field(min_length=1, max_length=_LONGEST, pattern=_LINE)]


class _Open(BaseModel):
    """An entry of which only some keys are read; the others say what nobody computes with."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)


class _Pace(Strict):
    rows: Annotated[float, Field(ge=0, le=1e6)]
    half_days: Count


class _TrainedOn(_Open):
    school_years: Annotated[list[Year], Field(min_length=1, max_length=100)]
    as_of: Days
    outcome_closes: Annotated[
        list[int], Field(min_length=2, max_length=2), AfterValidator(_is_day_of_the_year)
    ]
    closes_on: Days | None = None
    horizon_years: Literal[1, 3] = 1
    rows: Count | None = None
    pupils: Count | None = None
    events: Count | None = None
    left_out: dict[str, Count | None] = {}
    records_warnings: list[Words] = []
    libraries: dict[str, Line] = {}
    transmission: dict[str, _Pace] = {}


class _Counted(_Open):
    pupils: Count | None = None
    left: Count | None = None
    listed: Count | None = None
    hits: Count | None = None


class _TierRow(_Counted):
    group: Line
    tier: Annotated[int, Field(ge=1, le=3)]
    levels: list[Line]
    least: Share
    below: Share


class _ThresholdRow(_Counted):
    by: Line
    name: Line
    threshold: Share
    tier: Annotated[int, Field(ge=1, le=3)] | None = None


class _HeldOut(_Open):
    school_years: list[Year] = []
    untouched: bool = False
    tiers: Annotated[list[_TierRow], Field(max_length=10_000)] = []
    thresholds: Annotated[list[_ThresholdRow], Field(max_length=100_000)] = []


class _Update(Strict):
    on: Day
    reason: Words
    as_of: Days
    labels: Count
    events: Count
    rows: Count
    left_out: dict[str, Count | None]
    before: SavedCalibration
    groups_before: Annotated[tuple[SavedGroup, ...], Field(max_length=100, strict=False)] = ()
    intercept: Finite
    shift: Finite
    shift_low: Finite
    shift_high: Finite
    base_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Feature(_Open):
    name: Line
    unit: Line
    window: Line
    direction: Annotated[int, Field(ge=-1, le=1)]
    revision: Annotated[int, Field(ge=0, le=10_000)]


class _Advice(_Open):
    code: Line
    sentence: Words


class _Report(_Open):
    """Of a report, what a run reads: what the card says against the use of the model, and the years that measured it."""

    advice: Annotated[list[_Advice], Field(max_length=1_000)] = []
    test_years: Annotated[list[Year], Field(max_length=100)] = []


class _Manifest(_Open):
    name: Line
    demo: bool
    levels: Annotated[list[Line], Field(min_length=1, max_length=1_000)]
    trained_on: _TrainedOn
    report: _Report
    held_out: _HeldOut = _HeldOut()
    updates: Annotated[list[_Update], Field(max_length=1_000)] = []
    feature_contract: Annotated[list[_Feature], Field(max_length=10_000)]


class _Distributions(Strict):
    edges: Annotated[dict[str, list[Finite]], Field(max_length=10_000)]
    counts: Annotated[
        dict[str, dict[str, Annotated[str, Field(pattern=r"^\d{1,12}( \d{1,12})*$", max_length=10_000)]]],
        Field(max_length=10_000),
    ]


def refuse_name(name: object) -> None:
    """Refuse a name under which a model could be saved and not be loaded.

    Raises
    ------
    ModelError
        It is no text of one line, of 1 to 200 characters that UTF-8 can write.
    """
    # As the manifest is audited when it is loaded; half of a character pair cannot be written at all.
    is_line = isinstance(name, str) and re.fullmatch(_LINE, name) and not re.search("[\ud800-\udfff]", name)
    if not is_line or not 1 <= len(str(name)) <= _LONGEST:
        raise ModelError(
            explain_error(
                f"name={text if len(text := repr(name)) <= _SHOWN else f'{text[:_SHOWN]}...'}",
                expected=f"a text of 1 to {_LONGEST} characters in one line, without tabs",
                hint="It is how cards, results and the journal call the model, such as 'modele-2025'.",
            )
        )


def audit_manifest(manifest: Mapping[str, Any], risk_model: RiskModel) -> None:
    """Hold a manifest against its shape and against the risk model.

    Parameters
    ----------
    manifest : mapping
        The caller's entries of a sealed folder.
    risk_model : RiskModel
        Built from the files beside it.

    Raises
    ------
    ModelError
        With every fault: entries of another kind, years and dates that cannot be, columns in another order than the contract's.
    """
    record = validated(_Manifest, "manifest.json", dict(manifest))
    faults = [*_manifest_faults(record), *_model_faults(record, risk_model)]
    _refuse("manifest.json", faults)


def _manifest_faults(record: _Manifest) -> Iterator[str]:
    if unknown := [level for level in record.levels if level not in LEVEL_NAMES]:
        yield f"levels: {unknown[0]!r} is no level"
    if len(set(record.levels)) < len(record.levels):
        yield "levels names one twice"
    names = [feature.name for feature in record.feature_contract]
    if len(set(names)) < len(names):
        yield "feature_contract names a feature twice"
    yield from _training_faults(record.trained_on)
    yield from _count_faults(record)


def _training_faults(training: _TrainedOn) -> Iterator[str]:
    """Say where years, dates and closing days contradict each other: an evaluation asks them what the model has seen."""
    if not _rises(training.school_years):
        yield "trained_on.school_years does not rise"
    years = sorted({school_year_of(date.fromisoformat(day)) for day in training.as_of})
    if years != training.school_years:
        yield f"trained_on.school_years is {training.school_years}, the as-of dates are of {years}"
    # It may be left out, but whoever trains knows it; a count that is null is hidden, of few pupils.
    if training.closes_on is None and "closes_on" in training.model_fields_set:
        yield "trained_on: closes_on is null"
    if training.closes_on is not None and training.closes_on != _closing_days(training):
        yield "trained_on.closes_on holds other days than school_years, outcome_closes and the horizon give"
    for key in ("pupils", "events"):
        part = getattr(training, key)
        if part is not None and training.rows is not None and part > training.rows:
            yield f"trained_on: {part} {key} of {training.rows} rows"


def _closing_days(training: _TrainedOn) -> list[str] | None:
    month, day = training.outcome_closes
    try:
        return [
            closing_day(year, (month, day), training.horizon_years).isoformat()
            for year in training.school_years
        ]
    except ModelError:
        # A leap day that one of the years has not.
        return None


def _count_faults(record: _Manifest) -> Iterator[str]:
    """Say where a part is larger than its whole."""
    for row in (*record.held_out.tiers, *record.held_out.thresholds):
        for part, whole in (("left", "pupils"), ("listed", "pupils"), ("hits", "listed"), ("hits", "left")):
            some, every = getattr(row, part), getattr(row, whole)
            if some is not None and every is not None and some > every:
                yield f"held_out: {some} {part} of {every} {whole}"
    for update in record.updates:
        if not update.shift_low <= update.shift <= update.shift_high:
            yield f"updates: a shift of {update.shift:g} within {update.shift_low:g} and {update.shift_high:g}"
        if update.events > update.labels:
            yield f"updates: {update.events} events of {update.labels} labels"


def _model_faults(record: _Manifest, risk_model: RiskModel) -> Iterator[str]:
    """Say where the manifest and the boosters contradict each other."""
    contract = {feature.name: feature for feature in record.feature_contract}
    columns = risk_model.columns
    order = {name: at for at, name in enumerate((*contract, *CONTEXT_COLUMNS))}
    # Features are read by place: another order would give each tree the column of its neighbour.
    if not _rises([order[name] for name in columns if name in order]):
        yield "references.columns is not in the order of feature_contract and the context columns"
    opposite = [
        name
        for name in columns
        if name in contract and risk_model.directions[name] != contract[name].direction
    ]
    if opposite:
        yield f"directions and feature_contract differ in {', '.join(opposite[:_TOLD])}"
    outside = [name for name in risk_model.context if name in contract]
    if outside:
        yield f"references.context names {outside[0]!r}, which is a feature"
    yield from _group_faults("references.by_label", risk_model.references.labels)
    # The record of updates is what proves a chain: it must end in the calibration that is in force.
    if record.updates and record.updates[-1].intercept != risk_model.calibration.intercept:
        yield "the last of updates has another intercept than calibration.json"


def _group_faults(place: str, labels: Sequence[str]) -> Iterator[str]:
    for label in labels:
        group = _GROUP.fullmatch(label)
        if group is None or group["level"] not in {None, *LEVEL_NAMES}:
            yield f"{place} has {label[:40]!r}, expected a level, or a level and a month, as in '3e@03'"


def audit_distributions(text: str, columns: Sequence[str]) -> None:
    """Hold the distributions of a training against their shape and the columns of its model.

    Raises
    ------
    ModelError
        With every fault: edges that do not rise, counts of another number than the bins, groups or columns that are not there.

    Examples
    --------
    >>> audit_distributions('{"edges": {"score": [0.5]}, "counts": {"3e@03": {"score": "0 40 10"}}}', ["absences"])
    """
    tables = parsed(_Distributions, DISTRIBUTIONS, text)
    _refuse(DISTRIBUTIONS, [*_distribution_faults(tables, {*columns, SCORE})])


def _distribution_faults(found: _Distributions, columns: set[str]) -> Iterator[str]:
    if unknown := sorted(set(found.edges) - columns):
        yield f"edges names {unknown[0]!r}, which the model does not read"
    for name, edges in found.edges.items():
        if not _rises(edges):
            yield f"edges.{name} does not rise"
    yield from _group_faults("counts", list(found.counts))
    for label, table in found.counts.items():
        if set(table) != set(found.edges):
            yield f"counts.{label} has other columns than edges"
            continue
        for name, text in table.items():
            counts = [int(cell) for cell in text.split(" ")]
            # One bin more than edges, and one for what is not known.
            if len(counts) != len(found.edges[name]) + 2 or not any(counts):
                yield f"counts.{label}.{name}: {len(counts)} counts of {len(found.edges[name]) + 2} bins, {sum(counts)} rows"


def _rises(values: Sequence[float]) -> bool:
    return all(earlier < later for earlier, later in pairwise(values))


def _refuse(name: str, faults: list[str]) -> None:
    if faults:
        more = [f"{len(faults) - _TOLD} more"] if len(faults) > _TOLD else []
        raise ModelError(
            explain_error(
                f"{name} holds what no training gives: {'; '.join([*faults[:_TOLD], *more])}",
                expected="a folder as TrainedModel.save wrote it",
                hint="Load the model from an unedited copy of its folder; with the checksum that was printed when it was saved, "
                "load_model(folder, sha256=...) tells it from any other.",
            )
        )
