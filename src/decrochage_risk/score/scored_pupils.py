"""The scores of a set of pupils: arrays, the frames made of them, and one object per pupil.

A service that scores one pupil reads the arrays and never waits for a data frame. The contributions behind one pupil's
risk also come as a ``shap.Explanation``, for its usual plots.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain import Reason, attribute
from decrochage_risk.explain.sentences import fact_of, tell
from decrochage_risk.features import FAMILIES, FEATURE_BY_NAME
from decrochage_risk.model import MATRIX_COLUMNS
from decrochage_risk.model.snapshots import places_of
from decrochage_risk.model.unknown_flags import UNKNOWN_LABELS
from decrochage_risk.policy import tier_precision
from decrochage_risk.records.levels import PATH_LEVELS
from decrochage_risk.score.pupil_risk import (
    DataFacts,
    Interval,
    OpeningFacts,
    PathRisk,
    PupilRisk,
    comparable_of,
)
from decrochage_risk.score.run_facts import RunFacts
from decrochage_risk.score.ways import WAY_COLUMNS, counts_of_ways

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pyarrow as pa

    from decrochage_risk.explain import Attribution
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.policy import Measure, Policy, TierPrecision
    from decrochage_risk.policy.vigilance import LevelGroup
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.records.time_cut import KnownRecords
    from decrochage_risk.records.transmission import Silence
    from decrochage_risk.score.pupil_risk import FlagHorizon
    from decrochage_risk.score.ways import Way, WayFacts


__all__ = [
    "Results",
    "ScoreDocument",
    "ScoredPupils",
    "attribution_of",
    "horizon_model",
    "or_none",
    "shap_explanation",
    "with_text_types",
]

_FEATURES = tuple(FEATURE_BY_NAME)

# Told of every pupil and the same for all of a tier: found once for a model that a service keeps, and gone with it.
_precisions: WeakKeyDictionary[TrainedModel, dict[tuple[bool, LevelGroup, int, bool], TierPrecision]] = (
    WeakKeyDictionary()
)


@dataclass(frozen=True, eq=False)
class Results:
    """Results of n pupils.

    Attributes
    ----------
    columns : dict of str to array or scalar
        Columns of ``RiskScores.frame`` but where the pupil is enrolled, in their order.
    reasons : dict of str to array
        One entry per reason in each, sorted by ``row`` (position of the pupil) and by the order told.
    explained : array of int
        Positions of the explained pupils.
    contributions : array, shape (explained, families + 1)
        Calibrated log-odds per family, then the base.
    features : array of float64, shape (n, ``MATRIX_COLUMNS``)
        NaN = not known, or refused.
    records, known : PupilRecords, KnownRecords
        What was scored.
    ways : WayFacts
        Legal signal and departure of every pupil.
    """

    columns: dict[str, Any]
    reasons: dict[str, npt.NDArray[Any]]
    explained: npt.NDArray[np.intp]
    contributions: npt.NDArray[np.float64]
    features: npt.NDArray[np.float64]
    records: PupilRecords
    known: KnownRecords
    ways: WayFacts

    @property
    def pupil_ids(self) -> npt.NDArray[np.object_]:
        """Ids, in the order of ``pupils``."""
        ids: npt.NDArray[np.object_] = self.columns["pupil_id"]
        return ids

    def frame(self) -> pd.DataFrame:
        """One row per pupil: the columns, and where the pupil is enrolled."""
        row = self.known.current_enrolment_row
        nothing = np.array([None], dtype=object)
        enrolments = self.records.enrolments
        places = {
            # One more cell than rows: -1, no enrolment, reads the last.
            name: np.concatenate([enrolments[name].astype(object).to_numpy(), nothing])[row]
            for name in ("school_id", "class_id", "network_id")
        }
        names = list(self.columns)
        split = names.index("school_year") + 1
        columns = {name: self.columns[name] for name in names[:split]} | places
        columns["as_of"] = pd.Timestamp(self.known.as_of)
        frame = pd.DataFrame(columns | {name: self.columns[name] for name in names[split:]})
        # Days as every other date of a frame, whatever pandas makes of a bare array of days.
        return with_text_types(
            frame.assign(last_enrolled_on=frame["last_enrolled_on"].astype("datetime64[s]"))
        )

    def reasons_frame(self) -> pd.DataFrame:
        """One row per reason, in the order told."""
        columns = {name: column for name, column in self.reasons.items() if name != "row"}
        return with_text_types(pd.DataFrame({"pupil_id": self.pupil_ids[self.reasons["row"]], **columns}))

    def contributions_frame(self) -> pd.DataFrame:
        """Calibrated log-odds per family and ``base``, NaN for pupils who were not explained."""
        families = [*(family.code for family in FAMILIES), "base"]
        values = np.full((len(self.pupil_ids), len(families)), np.nan)
        values[self.explained] = self.contributions
        return pd.DataFrame(values, index=self._index, columns=families)

    def features_frame(self) -> pd.DataFrame:
        """Value of every feature."""
        return pd.DataFrame(self.features, index=self._index, columns=list(MATRIX_COLUMNS))

    def facts(self, position: int) -> dict[str, float]:
        """Value of every feature of one pupil, by name."""
        return dict(zip(MATRIX_COLUMNS, self.features[position].tolist(), strict=True))

    def missing(self, position: int) -> tuple[str, ...]:
        """Features that are not known for one pupil."""
        unknown = np.isnan(self.features[position, : len(_FEATURES)])
        return tuple(_FEATURES[column] for column in np.flatnonzero(unknown).tolist())

    def reasons_of(self, position: int) -> list[dict[str, Any]]:
        """Fields of the reasons of one pupil, in the order told."""
        first, after = np.searchsorted(self.reasons["row"], [position, position + 1]).tolist()
        columns = self._told
        return [{name: cells[at] for name, cells in columns.items()} for at in range(first, after)]

    @cached_property
    def _told(self) -> dict[str, list[Any]]:
        return {
            name: column.tolist() for name, column in self.reasons.items() if name not in {"row", "position"}
        }

    @property
    def _index(self) -> pd.Index[str]:
        return pd.Index(self.pupil_ids, name="pupil_id")


def with_text_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Give texts their type: pandas guesses it from the cells, and a column without any would be of none."""
    # Parts of a run must have one type, also where a column holds nothing but None.
    return frame.astype({name: "str" for name, column in frame.items() if column.dtype == object})


def or_none(keep: npt.NDArray[np.bool_], values: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Values where ``keep``, None elsewhere."""
    # A copy, as the column may be shared with other results.
    result = values.copy()
    result[~keep] = None
    return result


NOT_KNOWN = "donnée manquante"


def horizon_model(results: Results, position: int, model: TrainedModel) -> TrainedModel:
    """Give the model whose risk the reasons of a pupil are of: that of three years for one explained by the path."""
    years = results.columns["explained_horizon_years"][position]
    return model.horizons.get(int(years), model) if np.isfinite(years) else model


def attribution_of(
    results: Results, position: int, model: TrainedModel
) -> tuple[Attribution, npt.NDArray[np.float64]]:
    """Contributions of one scored pupil, and the values of the columns of the model, NaN = not known.

    They are of the risk that the reasons of the pupil are of (`horizon_model`).

    Raises
    ------
    RecordsError
        Contributions that do not add up to the risk.
    """
    records, model = results.known, horizon_model(results, position, model)
    values = results.features[position, places_of(model.risk_model.columns)][None]
    groups = model.groups_of_levels(records.level[[position]], records.as_of)
    inputs = model.risk_model.filled(values, groups)
    attribution = attribute(model.risk_model, inputs, model.risk_model.reference_rows(inputs, groups))
    if not attribution.additive[0]:
        raise RecordsError(
            explain_error(
                f"The contributions of pupil {results.pupil_ids[position]!r} do not add up to the risk",
                expected="contributions that give LightGBM's own score",
                hint="The risk stands; score the pupil again with an unedited copy of the model.",
            )
        )
    return attribution, values


def shap_explanation(results: Results, position: int, model: TrainedModel) -> Any:  # noqa: ANN401 - shap ships no types
    """Explain one scored pupil; see ``RiskScores.explanation``."""
    attribution, values = attribution_of(results, position, model)
    records = results.known
    positions = [at for at, name in enumerate(attribution.columns) if name in FEATURE_BY_NAME]
    return _explanation_class()(
        values=attribution.contributions[0, positions],
        base_values=float(attribution.base[0]),
        feature_names=[_name(attribution, at, values[0, at], records) for at in positions],
    )


def _name(attribution: Attribution, column: int, value: float, records: KnownRecords) -> str:
    """Tell a feature as the fact that a reason would tell: its value is in the words."""
    feature = FEATURE_BY_NAME[attribution.columns[column]]
    if np.isnan(value):
        return f"{feature.family.label} : {NOT_KNOWN} ({feature.name})"
    return fact_of(tell(feature, float(value), float(attribution.references[0, column]), records))


def _explanation_class() -> Any:  # noqa: ANN401 - shap ships no types
    with warnings.catch_warnings():
        # shap's plots call what matplotlib will retire; with -W error the import alone would fail.
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        from shap import Explanation  # noqa: PLC0415 - shap loads on first use, seconds on a cold machine
    return Explanation


_TOLD_COLUMNS = (
    *(
        "pupil_id",
        "level",
        "cause",
        "days_of_data",
        "set_aside",
        "age_years",
        "risk",
        "risk_low",
        "risk_high",
    ),
    *("comparable_pupils", "comparable_left", "comparable_share", "comparable_low", "comparable_high"),
    *("path_risk", "path_risk_low", "path_risk_high", "path_cause"),
    *("path_comparable_pupils", "path_comparable_left"),
    *("path_comparable_share", "path_comparable_low", "path_comparable_high"),
    *("tier", "flagged", "flag_rule", "explained", "explanation_cause", "reference_risk", "other_points"),
    *("year_tier", "path_tier", "path_flagged", "explained_horizon_years", "to_complete"),
    *("legal_listed", "departure_listed"),
)
"""Columns of the frame that the result of a pupil is made of."""


class ScoreDocument(BaseModel):
    """What ``RiskScores.to_json`` writes, as one model: the run, then one result per pupil in the order of the records.

    Attributes
    ----------
    run : RunFacts
    pupils : tuple of PupilRisk

    Examples
    --------
    ``ScoreDocument.model_validate_json(reply.content).pupils[0].risk`` reads the answer of a service.
    """

    model_config = ConfigDict(frozen=True)

    run: RunFacts
    pupils: tuple[PupilRisk, ...]


class ScoredPupils:
    """What a run says of every pupil: tables, and one result per pupil in the order of the records.

    The attributes are described with :class:`~decrochage_risk.score.risk_scores.RiskScores`, which adds what is made of
    them: files, changes, a page in a notebook.
    """

    def __init__(self, results: Results, run: RunFacts, policy: Policy, model: TrainedModel) -> None:
        self.run = run
        self._results = results
        self._policy = policy
        self._model = model
        self._opening_facts = OpeningFacts(results.known, results.ways.absence, results.ways.refused)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per pupil, in the order of the records."""
        return self._results.frame()

    @cached_property
    def reasons(self) -> pd.DataFrame:
        """One row per reason, in the order told."""
        return self._results.reasons_frame()

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """Calibrated log-odds per family, indexed by ``pupil_id``."""
        return self._results.contributions_frame()

    @cached_property
    def features(self) -> pd.DataFrame:
        """Values of every feature, indexed by ``pupil_id``."""
        return self._results.features_frame()

    @property
    def known(self) -> KnownRecords:
        """The records as they were known on the day of the run: what a page draws."""
        return self._results.known

    @property
    def silence(self) -> Silence:
        """Whose schools did not send a table, or stopped: what a page must not draw as presence."""
        return self._results.ways.silence

    @property
    def records(self) -> PupilRecords:
        """The records that were scored."""
        return self._results.records

    def __len__(self) -> int:
        return len(self._results.pupil_ids)

    def __repr__(self) -> str:
        return f"<RiskScores au {self.run.as_of.isoformat()}: {self.summary}>"

    @property
    def method(self) -> tuple[str, int]:
        """What gave the scores, ``"trees"`` or ``"logistic"``, and how many of them are averaged."""
        options = self._model.risk_model.options
        return options.kind, options.members

    @property
    def summary(self) -> str:
        """Counts, in French; says when the model is the demonstration one, or the thresholds were not in force."""
        columns = self._results.columns
        score_count = int((~np.isnan(columns["risk"])).sum())
        return self.run.summary(len(self), score_count, counts_of_ways(columns))

    @property
    def to_complete(self) -> pd.DataFrame:
        """Rows of ``frame`` of pupils whose data are to be completed, by school, class and id; none is on the list of the risk.

        Their estimate passes a threshold by what is not known of them alone: no known fact raises it.
        """
        return self._in_order(self.frame[self.frame["to_complete"]])

    @property
    def flagged(self) -> pd.DataFrame:
        """Rows of ``frame`` whose situation is to be looked at, by school, class and id: never ranked by risk."""
        return self.on_list("risk")

    def on_list(self, way: Way) -> pd.DataFrame:
        """Rows of ``frame`` that are on one list, by school, class and id: never ranked.

        Parameters
        ----------
        way : {"risk", "legal", "departure"}
            *risk*: tier 2 or 3; *legal*: a month of this school year at the legal threshold of absence; *departure*: no
            enrolment on the as-of date after one that should have gone on.
        """
        return self._in_order(self.frame[self.frame[WAY_COLUMNS[way]]])

    @staticmethod
    def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.sort_values(["school_id", "class_id", "pupil_id"], kind="stable", na_position="last")

    def __iter__(self) -> Iterator[PupilRisk]:
        return (self._pupil(row) for row in range(len(self)))

    def __contains__(self, pupil_id: object) -> bool:
        return pupil_id in self._position

    def __getitem__(self, pupil_id: str) -> PupilRisk:
        return self._pupil(self.position(pupil_id))

    def position(self, pupil_id: str) -> int:
        """Row of a pupil in ``frame``.

        Raises
        ------
        RecordsError
            A pupil who was not scored.
        """
        if not isinstance(pupil_id, str) or pupil_id not in self._position:
            raise RecordsError(
                explain_error(
                    f"No pupil {pupil_id!r} among the {len(self)} scored",
                    expected="an id of the pupils table",
                    hint="Ids are compared letter by letter; see scores.frame['pupil_id'].",
                )
            )
        return self._position[pupil_id]

    @cached_property
    def _position(self) -> dict[str, int]:
        return {pupil: row for row, pupil in enumerate(self._results.pupil_ids.tolist())}

    @cached_property
    def _cells(self) -> dict[str, list[Any]]:
        """Columns as lists of Python values, None for NaN."""
        return {name: _python_values(self._results.columns[name]) for name in _TOLD_COLUMNS}

    def _pupil(self, position: int) -> PupilRisk:
        row = {name: cells[position] for name, cells in self._cells.items()}
        reasons = (
            [Reason(**fields) for fields in self._results.reasons_of(position)] if row["explained"] else []
        )
        ways = self._results.ways
        risk = row["risk"]
        return PupilRisk(
            pupil_id=row["pupil_id"],
            as_of=self.run.as_of,
            level=row["level"],
            risk=risk,
            horizon_years=self.run.horizon_years,
            cause=row["cause"],
            interval=None if risk is None else Interval(low=row["risk_low"], high=row["risk_high"]),
            comparable=None if risk is None else comparable_of(row),
            path=self._path(row),
            reference_risk=row["reference_risk"],
            tier=row["tier"],
            tier_label=self._policy.tier_label(row["tier"]),
            flagged=row["flagged"],
            flag_rule=row["flag_rule"],
            to_complete=self._to_complete(position) if row["to_complete"] else (),
            flag_horizons=_flag_horizons(row, self.run.horizon_years),
            tier_precision=self._tier_precision(row),
            ways=tuple(way for way, column in WAY_COLUMNS.items() if row[column]),
            legal=ways.legal(position),
            departure=ways.left(position, row["age_years"]),
            explained=row["explained"],
            explained_horizon_years=_whole(row["explained_horizon_years"]),
            reasons=_of_direction(reasons, "aggravating"),
            protective=_of_direction(reasons, "protective"),
            other_points=row["other_points"],
            explanation_cause=row["explanation_cause"],
            data=self._data(position, row),
            measures=self._measures(position),
            model=self.run.model,
            policy_version=self.run.policy_version,
        )

    def _tier_precision(self, row: dict[str, Any]) -> TierPrecision | None:
        # Nothing is known of what became of pupils whose threshold is passed by what is not known of them.
        if not row["tier"] or row["to_complete"]:
            return None
        # The horizon that gave the tier: counts of the other one are of other pupils.
        by_path = row["path_tier"] > row["year_tier"]
        policy = self._policy.of_horizon(3) if by_path else self._policy
        group = policy.table.group_of(row["level"])
        # Of one group, some are on the list for the year and others for the path: each horizon has counts of its own.
        key = (by_path, group, row["tier"], self.run.model.demo)
        precisions = _precisions.setdefault(self._model, {})
        if key not in precisions:
            counts = self.run.path_held_out if by_path else self.run.held_out
            precisions[key] = tier_precision(counts, group, row["tier"], synthetic=self.run.model.demo)
        return precisions[key]

    def _to_complete(self, position: int) -> tuple[str, ...]:
        """Name what is not known of one pupil, in French."""
        knowledge = self._model.risk_model.knowledge
        values = self._results.features[position, places_of(knowledge.columns)]
        flags = knowledge.flags(values[None])[0]
        return tuple(
            UNKNOWN_LABELS.get(name, name) for name, flag in zip(knowledge.names, flags, strict=True) if flag
        )

    def _path(self, row: dict[str, Any]) -> PathRisk | None:
        """Say the risk over three years of one pupil; None where the model has none at this level."""
        if not self.run.path_years or row["level"] not in PATH_LEVELS:
            return None
        risk = row["path_risk"]
        as_year = {name.removeprefix("path_"): cell for name, cell in row.items() if name.startswith("path_")}
        return PathRisk(
            risk=risk,
            horizon_years=3,
            cause=row["path_cause"],
            interval=None if risk is None else Interval(low=row["path_risk_low"], high=row["path_risk_high"]),
            comparable=None if risk is None else comparable_of(as_year),
            tier=row["path_tier"],
            flagged=row["path_flagged"],
        )

    def _data(self, position: int, row: dict[str, Any]) -> DataFacts:
        return DataFacts(
            sufficient=row["cause"] is None,
            days_of_data=row["days_of_data"],
            missing=self._results.missing(position),
            set_aside=row["set_aside"],
        )

    def measures(self, pupil_id: str) -> tuple[Measure, ...]:
        """Measures that the policy suggests for one pupil; never decided.

        Parameters
        ----------
        pupil_id : str
            A scored pupil.
        """
        return self._measures(self.position(pupil_id))

    def facts(self, pupil_id: str) -> dict[str, str]:
        """Every known feature of a pupil as a dated fact in French, by its name; empty when nothing may be read."""
        position = self.position(pupil_id)
        return self._opening_facts.worded(position, self._results.facts(position))

    def _measures(self, position: int) -> tuple[Measure, ...]:
        cells = self._cells
        facts, text_of = self._opening_facts.of(position, self._results.facts(position))
        return self._policy.measures_for(
            level=cells["level"][position],
            age_years=cells["age_years"][position],
            as_of=self.run.as_of,
            tier=cells["tier"][position],
            facts=facts,
            told=text_of,
            departed=cells["departure_listed"][position],
        )

    def explanation(self, pupil_id: str) -> Any:  # noqa: ANN401 - shap ships no types
        """Contributions of one pupil as a ``shap.Explanation``, in calibrated log-odds, for the plots of ``shap``.

        ``base_values`` is the log-odds of the reference pupil; with ``values`` it sums to those of the risk that the reasons
        are of (``explained_horizon_years``; that of the year for a pupil who was not explained). Each feature
        is named by its fact, in French. The level, the pathway and the time of year, which have no part, are left out.

        Parameters
        ----------
        pupil_id : str
            A pupil with a risk, explained in the run or not.

        Raises
        ------
        RecordsError
            No such pupil, one without a risk, or contributions that do not add up to it.

        Examples
        --------
        ``shap.plots.waterfall(scores.explanation("a1"))``
        """
        return shap_explanation(self._results, self._scored_position(pupil_id), self._model)

    def feature_weights(self, pupil_id: str) -> dict[str, float]:
        """Contribution of every feature that the model reads to one pupil's risk, in calibrated log-odds.

        Parameters
        ----------
        pupil_id : str
            A pupil with a risk, explained in the run or not.

        Raises
        ------
        RecordsError
            No such pupil, one without a risk, or contributions that do not add up to it.
        """
        attribution, _ = attribution_of(self._results, self._scored_position(pupil_id), self._model)
        values = dict(zip(attribution.columns, attribution.contributions[0].tolist(), strict=True))
        return {name: value for name, value in values.items() if name in FEATURE_BY_NAME}

    def _scored_position(self, pupil_id: str) -> int:
        position = self.position(pupil_id)
        cause = self._results.columns["cause"][position]
        if cause is not None:
            raise RecordsError(
                explain_error(
                    f"Pupil {pupil_id!r} has no risk ({cause})",
                    expected="a pupil with a risk",
                    hint="scores.frame tells who has one, and why the others do not.",
                )
            )
        return position

    def to_arrow(self) -> pa.Table:
        """``frame`` as a pyarrow table; anything that reads Arrow (polars, duckdb) also takes the scores themselves."""
        import pyarrow as pa  # noqa: PLC0415 - loads on first use

        return pa.Table.from_pandas(self.frame, preserve_index=False)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give ``frame`` as an Arrow stream (the PyCapsule interface)."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_polars(self) -> Any:  # noqa: ANN401 - polars is optional
        """``frame`` as a polars DataFrame.

        Raises
        ------
        RecordsError
            polars is not installed.
        """
        try:
            import polars as pl  # noqa: PLC0415 - optional
        except ImportError as error:
            raise RecordsError(
                explain_error(
                    "polars is not installed",
                    expected="polars beside this package",
                    hint="pip install polars",
                )
            ) from error
        return pl.from_arrow(self.to_arrow())

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values: the run, then one object per pupil."""
        return {"run": self.run.to_dict(), "pupils": [pupil.model_dump(mode="json") for pupil in self]}

    def to_json(self, *, indent: int | None = None) -> str:
        """Everything as JSON text; the same scores give the same text."""
        import json  # noqa: PLC0415 - only needed here

        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)


def _python_values(column: npt.NDArray[Any]) -> list[Any]:
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        # JSON has no NaN, which alone differs from itself, and None is what the result of a pupil says for "not known".
        return [None if value != value else value for value in values]  # noqa: PLR0124 - same
    return values


def _flag_horizons(row: dict[str, Any], years: int) -> tuple[FlagHorizon, ...]:
    """Name the horizons whose threshold puts a pupil on the list."""
    own: FlagHorizon = "path" if years == 3 else "year"  # noqa: PLR2004 - years of the path
    by_year: tuple[FlagHorizon, ...] = (own,) if row["year_tier"] >= 2 else ()  # noqa: PLR2004 - tier 2 is on the list
    return (*by_year, "path") if row["path_flagged"] else by_year


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _of_direction(reasons: list[Reason], direction: str) -> tuple[Reason, ...]:
    return tuple(reason for reason in reasons if reason.direction == direction)
