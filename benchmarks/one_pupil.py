"""One pupil, from JSON to JSON with reasons, beside what LightGBM alone needs for one row of the same trees.

Run ``python benchmarks/one_pupil.py [--pupils N] [--asked N] [--model FOLDER]``. Random pupils of a synthetic cohort of one
school year, about 90 event rows each, are sent one by one as JSON text and come back as JSON text: read, checked, cut in time,
turned into features, scored, explained and written. The other side is ``Booster.predict`` and ``pred_contrib`` of every booster
of the bag on one numpy row, float64, one thread. Both sides of a pupil are timed one after the other, in one process, by the
processor time of their one thread, so that what else the machine does counts little; p50 is the ratio of the medians, p99 that
of the 99th percentiles.
"""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import dataclass
from time import thread_time
from typing import TYPE_CHECKING, Any

import numpy as np

import decrochage_risk as dr
from decrochage_risk.model import values_with_context
from decrochage_risk.score.run_facts import load_demo_model
from decrochage_risk.synthetic import make_cohort
from measured import Measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from decrochage_risk.model import TrainedModel

AS_OF = "2025-03-05"
TABLES = ("enrolments", "absences", "grades", "orientation")
STAGES = ("JSON to records", "records to features", "features to scores", "scores to JSON")
WARM_UPS = 20
MOST_PUPILS = 4_000
"""Pupils are sent one by one: the random ones of a larger cohort are no others."""


@dataclass(frozen=True)
class Times:
    """Seconds per pupil: of each stage, of the whole, and of LightGBM alone."""

    stages: npt.NDArray[np.float64]
    whole: npt.NDArray[np.float64]
    lightgbm: npt.NDArray[np.float64]
    events: float

    def ratio(self, share: float, side: npt.NDArray[np.float64] | None = None) -> float:
        """Quantile of one side over the same quantile of LightGBM."""
        ours = self.whole if side is None else side
        return float(np.quantile(ours, share) / np.quantile(self.lightgbm, share))

    @property
    def from_features(self) -> npt.NDArray[np.float64]:
        """Everything after the feature matrix."""
        return self.stages[:, 2:].sum(axis=1)


def payloads(pupils: int, asked: int, seed: int) -> list[str]:
    """JSON text of random pupils of a cohort who have a score."""
    cohort = make_cohort(pupils, [int(AS_OF[:4]) - 1], seed)
    frame = dr.score_pupils(cohort.records, as_of=AS_OF, explain="none").frame
    scored = frame.loc[frame["risk"].notna(), "pupil_id"]
    ids = scored.sample(min(asked, len(scored)), random_state=seed).tolist()
    kept = {name: table[table["pupil_id"].isin(ids)] for name, table in cohort.tables.items()}
    own = {name: dict(list(kept[name].groupby("pupil_id"))) for name in TABLES}
    people = {row["pupil_id"]: row for row in _rows(kept["pupils"])}
    for pupil_id, person in people.items():
        for name in TABLES:
            rows = _rows(own[name][pupil_id]) if pupil_id in own[name] else []
            person[name] = [{key: cell for key, cell in row.items() if key != "pupil_id"} for row in rows]
    return [json.dumps([people[pupil_id]]) for pupil_id in ids]


def _rows(table: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a frame
    days = [name for name, kind in table.dtypes.items() if str(kind).startswith("datetime64")]
    plain = table.assign(**{name: table[name].dt.strftime("%Y-%m-%d") for name in days})
    return json.loads(plain.to_json(orient="records", force_ascii=False))


def measure(texts: Sequence[str], model: TrainedModel) -> Times:
    """Time every pupil, stage by stage, and LightGBM on its row."""
    dr.warm_up(model)
    stages, whole, alone, events = [], [], [], []
    for number, text in enumerate([*texts[:WARM_UPS], *texts]):
        began = thread_time()
        told = dr.score_pupils(
            dr.PupilRecords.from_json(text), as_of=AS_OF, model=model, explain="all"
        ).to_json()
        ended = thread_time()
        spent, scores = _by_stage(text, model)
        if scores.to_json() != told:
            message = f"Pupil {number} is told otherwise the second time"
            raise AssertionError(message)
        row = model.risk_model.filled(scores.features[list(model.risk_model.columns)].to_numpy())
        if number >= WARM_UPS:
            whole.append(ended - began)
            stages.append(spent)
            alone.append(_lightgbm(model, row))
            events.append(sum(len(json.loads(text)[0][name]) for name in TABLES[1:]))
    return Times(np.array(stages), np.array(whole), np.array(alone), float(np.mean(events)))


def _by_stage(text: str, model: TrainedModel) -> tuple[list[float], dr.RiskScores]:
    clock = [thread_time()]
    records = dr.PupilRecords.from_json(text)
    clock.append(thread_time())
    values_with_context(records.known_on(AS_OF))
    clock.append(thread_time())
    # The records have sorted their rows by now; the features, which are computed again, are taken off.
    values_with_context(records.known_on(AS_OF))
    clock.append(thread_time())
    scores = dr.score_pupils(records, as_of=AS_OF, model=model, explain="all")
    clock.append(thread_time())
    scores.to_json()
    clock.append(thread_time())
    read, first, again, scored, written = np.diff(clock).tolist()
    return [read, first, max(scored - again, 0.0), written], scores


def _lightgbm(model: TrainedModel, row: npt.NDArray[np.float64]) -> float:
    began = thread_time()
    for booster in model.risk_model.boosters:
        booster.predict(row, raw_score=True, num_threads=1)
        booster.predict(row, pred_contrib=True, num_threads=1)
    return thread_time() - began


def rows(pupils: int = 2_000, asked: int = 300, model: TrainedModel | None = None) -> list[Measured]:
    """Measure on a cohort of at most ``pupils``, with the demonstration model unless another is given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        times = measure(payloads(min(pupils, MOST_PUPILS), asked, seed=1), model or load_demo_model())
    base = 1e3 * float(np.median(times.lightgbm))
    size = f"{len(times.whole)} pupils, {times.events:.0f} event rows each; LightGBM {base:.2f} ms"
    by_stage = ", ".join(
        f"{name} {1e3 * spent:.2f}"
        for name, spent in zip(STAGES, np.median(times.stages, axis=0), strict=True)
    )
    after = times.from_features
    return [
        Measured("one pupil, JSON to JSON / LightGBM predict + pred_contrib, p50", times.ratio(0.5), 4.0,
                 f"{size}; whole {1e3 * float(np.median(times.whole)):.2f} ms ({by_stage})"),
        Measured("the same, p99", times.ratio(0.99), 2.0,
                 f"whole {1e3 * float(np.quantile(times.whole, 0.99)):.2f} ms"),
        Measured("one pupil, features to JSON / LightGBM, p50", times.ratio(0.5, after), 1.0,
                 f"{1e3 * float(np.median(after)):.2f} ms"),
        Measured("the same, p99", times.ratio(0.99, after), 2.0,
                 f"{1e3 * float(np.quantile(after, 0.99)):.2f} ms"),
    ]  # fmt: skip


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pupils", type=int, default=2_000, help="size of the synthetic cohort")
    parser.add_argument("--asked", type=int, default=300, help="pupils sent one by one")
    parser.add_argument("--model", default=None, help="folder of a model; the demonstration one by default")
    chosen = parser.parse_args()
    model = None if chosen.model is None else dr.load_model(chosen.model)
    for line in rows(chosen.pupils, chosen.asked, model):
        print(f"{line.name}: {line.ratio:.2f} (target {line.wanted})\n    {line.detail}")


if __name__ == "__main__":
    main()
