"""The contributions behind one pupil's risk as a ``shap.Explanation``, for its usual plots."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.explain import attribute
from decrochage_risk.explain.sentences import REFERENCE_PUPIL, tell
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.model import MATRIX_COLUMNS

if TYPE_CHECKING:
    import numpy.typing as npt

    from decrochage_risk.explain import Attribution
    from decrochage_risk.model import TrainedModel
    from decrochage_risk.records.known import KnownRecords
    from decrochage_risk.score.results import Results

__all__ = ["attribution_of", "shap_explanation"]

NOT_KNOWN = "donnée manquante"


def attribution_of(
    results: Results, position: int, model: TrainedModel
) -> tuple[Attribution, npt.NDArray[np.float64]]:
    """Contributions of one scored pupil, and the values of the columns of the model, NaN = not known.

    Raises
    ------
    RecordsError
        Contributions that do not add up to the risk.
    """
    known = results.known
    columns = [MATRIX_COLUMNS.index(name) for name in model.risk_model.columns]
    values = results.features[position, columns][None]
    groups = model.groups_of_levels(known.level[[position]], known.as_of)
    filled = model.risk_model.filled(values, groups)
    found = attribute(model.risk_model, filled, model.risk_model.reference_rows(filled, groups))
    if not found.additive[0]:
        raise RecordsError(
            explain_error(
                f"The contributions of pupil {results.pupil_ids[position]!r} do not add up to the risk",
                expected="contributions that give LightGBM's own score",
                hint="The risk stands; score the pupil again with an unedited copy of the model.",
            )
        )
    return found, values


def shap_explanation(results: Results, position: int, model: TrainedModel) -> Any:  # noqa: ANN401 - shap ships no types
    """Explain one scored pupil; see ``RiskScores.explanation``."""
    found, values = attribution_of(results, position, model)
    known = results.known
    told = [at for at, name in enumerate(found.columns) if name in FEATURE_BY_NAME]
    return _explanation_class()(
        values=found.contributions[0, told],
        base_values=float(found.base[0]),
        feature_names=[_name(found, at, values[0, at], known) for at in told],
    )


def _name(found: Attribution, column: int, value: float, known: KnownRecords) -> str:
    """Tell a feature as the fact that a reason would tell: its value is in the words."""
    feature = FEATURE_BY_NAME[found.columns[column]]
    if np.isnan(value):
        return f"{feature.family.label} : {NOT_KNOWN} ({feature.name})"
    told = tell(feature, float(value), float(found.references[0, column]), known)
    return told.partition(f" ; {REFERENCE_PUPIL}")[0]


def _explanation_class() -> Any:  # noqa: ANN401 - shap ships no types
    with warnings.catch_warnings():
        # shap's plots call what matplotlib will retire; with -W error the import alone would fail.
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        from shap import Explanation  # noqa: PLC0415 - shap loads on first use, seconds on a cold machine
    return Explanation
