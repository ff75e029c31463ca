"""What the files of a saved risk model must mean before anything is built from them.

Checksums say that nobody changed a file without knowing how; they say nothing of a folder that was sealed anew. Here every value
is held against its kind, its bounds and the other files: counts are bounded, numbers finite, columns the same everywhere, and
the boosters whole trees on them (`decrochage_risk.risk.booster_audit`). A model that passes loads and scores finite values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from decrochage_risk.artefact import read_json
from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.risk.booster_audit import Frame, booster_faults
from decrochage_risk.risk.fit_input import FitOptions
from decrochage_risk.risk.numeric_table import LARGEST_SAVED, LONGEST_NAME
from decrochage_risk.risk.signed_logistic import MOST_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


__all__ = [
    "CALIBRATION",
    "LINEAR",
    "REFERENCES",
    "Finite",
    "SavedCalibration",
    "SavedGroup",
    "Strict",
    "audited_files",
    "booster_name",
    "parsed",
    "validated",
]

CALIBRATION: Final = "calibration.json"
REFERENCES: Final = "references.json"
LINEAR: Final = "linear.json"
"""The members of a logistic regression, in place of the boosters."""

_LARGEST_ODDS: Final = 1e3
"""Of an intercept, a slope or a factor: calibrated log-odds stay finite."""
_MOST_COLUMNS: Final = 10_000
_MOST_LABELS: Final = 100_000
_MOST_BINS: Final = 100_000
_MOST_GROUPS: Final = 100
_MOST_ROWS: Final = 10**10
_TOLD: Final = 8

Finite = Annotated[float, Field(ge=-LARGEST_SAVED, le=LARGEST_SAVED)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, le=_LARGEST_ODDS)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """JSON whose every key is known, and whose values are of their own kind: no text for a number, no NaN."""

    # Strict: pydantic would otherwise read "3" as 3 and true as 1, and a forged file would pass.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class SavedCalibration(Strict):
    """The affine map, as ``Calibration.to_dict`` writes it."""

    kind: Literal["identity", "intercept", "platt"]
    intercept: Annotated[float, Field(ge=-_LARGEST_ODDS, le=_LARGEST_ODDS)]
    slope: Positive


class SavedGroup(Strict):
    """A group with a calibration of its own, as ``GroupCalibration.to_dict`` writes it."""

    name: Name
    columns: Annotated[list[Name], Field(min_length=1, max_length=_MOST_COLUMNS)]
    calibration: SavedCalibration


class _Comparable(Strict):
    lower: Annotated[list[Share], Field(min_length=1, max_length=_MOST_BINS)]
    rows: Annotated[list[Annotated[int, Field(ge=1, le=_MOST_ROWS)]], Field(max_length=_MOST_BINS)]
    positives: Annotated[list[Annotated[int, Field(ge=0, le=_MOST_ROWS)]], Field(max_length=_MOST_BINS)]


class _Fitted(Strict):
    calibration: SavedCalibration
    calibrated_on: Literal["out-of-time", "out-of-fold pupils"]
    comparable: _Comparable
    spread_factor: Positive
    held_out_by: Literal["pupils", "clusters"]
    cluster_spread: Annotated[float, Field(ge=0, le=_LARGEST_ODDS)]
    clusters: Annotated[list[Name], Field(max_length=_MOST_LABELS)]
    calibration_groups: Annotated[list[SavedGroup], Field(max_length=_MOST_GROUPS)] = []


class _Knowledge(Strict):
    groups: Annotated[
        list[Annotated[list[Any], Field(min_length=2, max_length=2)]], Field(max_length=_MOST_COLUMNS)
    ]
    rows: Annotated[dict[str, Annotated[int, Field(ge=0, le=_MOST_ROWS)]], Field(max_length=_MOST_LABELS)]

    @field_validator("groups")
    @classmethod
    def _name_columns(cls, groups: list[list[Any]]) -> list[list[Any]]:
        """Hold each pair against its kind: a name, and the columns that are unknown together."""
        for name, columns in groups:
            texts = [name, *columns] if isinstance(columns, list) else [None]
            if not all(isinstance(text, str) for text in texts):
                message = "a group is a name and the names of its columns"
                raise ValueError(message)
        return groups


class _References(Strict):
    columns: Annotated[list[Name], Field(min_length=1, max_length=_MOST_COLUMNS)]
    dropped: Annotated[list[Name], Field(max_length=_MOST_COLUMNS)]
    context: Annotated[list[Name], Field(max_length=_MOST_COLUMNS)]
    overall: list[Finite]
    by_label: Annotated[dict[str, list[Finite]], Field(max_length=_MOST_LABELS)]
    general: Annotated[dict[str, list[Name]], Field(max_length=_MOST_LABELS)]
    knowledge: _Knowledge


class _Range(Strict):
    columns: list[Name]
    lowest: list[Finite]
    highest: list[Finite]


class _Table(Strict):
    references: _References
    directions: dict[str, Literal[-1, 0, 1]]
    rounds: Annotated[int, Field(ge=0, le=10_000)]
    options: dict[str, Any]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    rows: Annotated[int, Field(ge=1, le=_MOST_ROWS)]
    base_rate: Annotated[float, Field(gt=0, lt=1)]
    # Bounds everywhere: a number of 10 ** 12 members would fill the memory before anything is checked.
    members: Annotated[int, Field(ge=1, le=100)]
    training_range: _Range | None = None


class _Linear(Strict):
    intercepts: list[Finite]
    slopes: list[list[Finite]]


def booster_name(number: int) -> str:
    """Name of the file of a booster."""
    return f"booster-{number}.txt"


def audited_files(files: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """Parse the files of a model and hold them against each other.

    Parameters
    ----------
    files : mapping of str to str
        Name to text, as ``RiskModel.to_files`` wrote them; further ones are ignored.

    Returns
    -------
    fitted, table, linear
        ``calibration.json``, ``references.json`` and ``linear.json`` (None beside boosters).

    Raises
    ------
    ModelError
        A file is missing, is no JSON, or holds what no training gives; every fault of the first file that has one.

    Examples
    --------
    >>> audited_files({"booster-0.txt": "tree"})
    Traceback (most recent call last):
    ...
    decrochage_risk.errors.ModelError: Files are missing: calibration.json, references.json; these came: booster-0.txt.
    ...
    """
    _refuse_missing(files, [CALIBRATION, REFERENCES])
    fit = parsed(_Fitted, CALIBRATION, files[CALIBRATION])
    _refuse(CALIBRATION, _fitted_faults(fit))
    table = parsed(_Table, REFERENCES, files[REFERENCES])
    _refuse(REFERENCES, _table_faults(table))
    _refuse(CALIBRATION, _group_faults(fit, table))
    options = FitOptions(**_known_options(table.options))
    if options.members != table.members:
        _refuse(REFERENCES, [f"members is {table.members}, options.members {options.members}"])
    if options.kind == "logistic":
        _refuse_missing(files, [LINEAR])
        linear = parsed(_Linear, LINEAR, files[LINEAR])
        _refuse(LINEAR, _linear_faults(linear, table))
        return fit.model_dump(), table.model_dump(), linear.model_dump()
    names = [booster_name(number) for number in range(table.members)]
    _refuse_missing(files, names)
    columns = table.references.columns
    # The linear start may put one tree of up to MOST_STEPS leaves per column before the rounds.
    frame = Frame(
        directions=tuple(table.directions[name] for name in columns),
        leaves=max(options.leaves, MOST_STEPS),
        trees=table.rounds + len(columns),
    )
    for name in names:
        _refuse(name, booster_faults(files[name], frame))
    return fit.model_dump(), table.model_dump(), None


def parsed(model: type[Model], name: str, text: str) -> Model:
    """Parse one file of JSON; see :func:`validated`."""
    try:
        values = read_json(text)
    except ValueError as error:
        raise _unreadable(name, [f"no JSON ({error})"]) from error
    return validated(model, name, values)


def validated(model: type[Model], name: str, values: object) -> Model:
    """Hold parsed JSON against its shape.

    Raises
    ------
    ModelError
        It has another: every fault with its place and what came there, the first eight in words.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}{_came(fault['input'])}"
            for fault in error.errors(include_url=False, include_context=False)
        ]
        raise _unreadable(name, faults) from error


def _came(value: object) -> str:
    """Show a value that is short enough to be read."""
    text = repr(value)
    return f" ({text} came)" if len(text) <= 40 else ""  # noqa: PLR2004  # of a message


def _known_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    unknown = [
        f"options.{name} is not known" for name in options if name not in FitOptions.__dataclass_fields__
    ]
    _refuse(REFERENCES, unknown)
    return options


def _fitted_faults(fit: _Fitted) -> Iterator[str]:
    bins = fit.comparable
    if not len(bins.lower) == len(bins.rows) == len(bins.positives):
        yield f"comparable: {len(bins.lower)} bins, {len(bins.rows)} rows, {len(bins.positives)} positives"
    if any(later <= earlier for earlier, later in zip(bins.lower, bins.lower[1:], strict=False)):
        yield "comparable.lower does not rise from bin to bin"
    if any(left > rows for left, rows in zip(bins.positives, bins.rows, strict=False)):
        yield "comparable: more positives than rows in a bin"
    yield from _kind_faults("calibration", fit.calibration)
    for group in fit.calibration_groups:
        yield from _kind_faults(f"calibration of {group.name!r}", group.calibration)


def _kind_faults(place: str, calibration: SavedCalibration) -> Iterator[str]:
    if calibration.kind != "platt" and calibration.slope != 1:
        yield f"{place}: slope {calibration.slope:g} of kind {calibration.kind}, which has 1"
    if calibration.kind == "identity" and calibration.intercept != 0:
        yield f"{place}: intercept {calibration.intercept:g} of kind identity, which has 0"


def _group_faults(fit: _Fitted, table: _Table) -> Iterator[str]:
    """Say which groups are not of the context: their reasons would not be additive."""
    names = [group.name for group in fit.calibration_groups]
    if len(set(names)) < len(names):
        yield "calibration_groups names a group twice"
    columns = {column for group in fit.calibration_groups for column in group.columns}
    for column in sorted(columns - {*table.references.context, *table.references.dropped}):
        yield f"calibration_groups: {column!r} is no column of the context"


def _table_faults(table: _Table) -> Iterator[str]:
    references = table.references
    for key, names in (
        ("columns", references.columns),
        ("dropped", references.dropped),
        ("context", references.context),
    ):
        if len(set(names)) < len(names):
            yield f"references.{key} names a column twice"
    if both := set(references.columns) & set(references.dropped):
        yield f"references.dropped names {min(both)!r}, which is kept"
    if references.context != [name for name in references.columns if name in set(references.context)]:
        yield "references.context is no part of columns, in their order"
    if set(table.directions) != set(references.columns):
        differ = sorted(set(table.directions) ^ set(references.columns))
        yield f"directions and references.columns differ: {', '.join(differ[:_TOLD])}"
    if len(references.overall) != len(references.columns):
        yield f"references.overall: {len(references.overall)} values of {len(references.columns)} columns"
    for label, medians in references.by_label.items():
        if len(medians) != len(references.columns):
            yield f"references.by_label.{label[:40]}: {len(medians)} values of {len(references.columns)} columns"
    yield from _general_faults(references)
    yield from _knowledge_faults(references)
    if table.training_range is not None:
        yield from _range_faults(table.training_range, references)


def _general_faults(references: _References) -> Iterator[str]:
    for label, names in references.general.items():
        if label not in references.by_label:
            yield f"references.general has {label[:40]!r}, which references.by_label has not"
        if names != [name for name in references.columns if name in set(names)]:
            yield f"references.general.{label[:40]} is no part of columns, in their order"


def _knowledge_faults(references: _References) -> Iterator[str]:
    """Say which flags are not where a training puts them: last, in their order, each of columns that are there."""
    groups = references.knowledge.groups
    names = [name for name, _ in groups]
    own = references.columns[: len(references.columns) - len(names)]
    last = references.context[max(len(references.context) - len(names), 0) :]
    # Flags are computed in the order of the groups and read by place: another order gives each tree the flag of its neighbour.
    if references.columns[len(own) :] != names or last != names:
        yield "knowledge.groups are not the last of columns and of context, in their order"
    for name, columns in groups:
        missing = [column for column in columns if column not in set(own)]
        if missing or not columns or len(set(columns)) < len(columns):
            what = (
                f"{missing[0][:40]!r}, which is no column of values"
                if missing
                else "no columns, or one twice"
            )
            yield f"knowledge.groups.{name[:40]} names {what}"
    for pattern in references.knowledge.rows:
        flags = pattern.split("+") if pattern else []
        if flags != [name for name in names if name in set(flags)]:
            yield f"knowledge.rows has {pattern[:40]!r}, expected flags in their order, joined by '+'"


def _range_faults(extent: _Range, references: _References) -> Iterator[str]:
    if extent.columns != [name for name in references.columns if name not in set(references.context)]:
        yield "training_range.columns is not columns without context, in their order"
    elif not len(extent.columns) == len(extent.lowest) == len(extent.highest):
        yield f"training_range: {len(extent.columns)} columns, {len(extent.lowest)} lowest, {len(extent.highest)} highest"
    else:
        for name, low, high in zip(extent.columns, extent.lowest, extent.highest, strict=True):
            if low > high:
                yield f"training_range: {name!r} from {low:g} to {high:g}"


def _linear_faults(linear: _Linear, table: _Table) -> Iterator[str]:
    columns = table.references.columns
    if not len(linear.intercepts) == len(linear.slopes) == table.members:
        yield f"{len(linear.intercepts)} intercepts and {len(linear.slopes)} rows of slopes of {table.members} members"
    for number, slopes in enumerate(linear.slopes):
        if len(slopes) != len(columns):
            yield f"slopes.{number}: {len(slopes)} values of {len(columns)} columns"
            continue
        wrong = [
            name for name, slope in zip(columns, slopes, strict=True) if slope * table.directions[name] < 0
        ]
        if wrong:
            yield f"slopes.{number}: against the declared direction in {', '.join(wrong[:_TOLD])}"


def _refuse_missing(files: Mapping[str, str], names: list[str]) -> None:
    missing = [name for name in names if name not in files]
    if missing:
        came = f"Files are missing: {', '.join(missing)}; these came: {', '.join(sorted(files))}"
        raise ModelError(explain_error(came, expected=_EXPECTED, hint=_HINT))


def _refuse(name: str, faults: Iterator[str] | list[str]) -> None:
    if every := list(faults):
        raise _unreadable(name, every)


_EXPECTED: Final = f"booster-0.txt and its sisters, {CALIBRATION} and {REFERENCES}, as to_files wrote them"
_HINT: Final = (
    "Load the model from an unedited copy of its folder; with the checksum that was printed when it was saved, "
    "load_model(folder, sha256=...) tells it from any other."
)


def _unreadable(name: str, faults: list[str]) -> ModelError:
    more = [f"{len(faults) - _TOLD} more"] if len(faults) > _TOLD else []
    came = f"{name} holds what no training gives: {'; '.join([*faults[:_TOLD], *more])}"
    return ModelError(explain_error(came, expected=_EXPECTED, hint=_HINT))
