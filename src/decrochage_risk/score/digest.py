"""What is told of a run on a terminal, without holding the scores of everybody.

Counts, and the first situations by school, class and id. A run in parts keeps the digest of each part and merges
them, so that a region is told of like one school.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decrochage_risk.score.pupil_risk import PupilRisk
from decrochage_risk.score.run_facts import GAP_CAUSES, RunFacts
from decrochage_risk.score.ways import WAY_COLUMNS, SchoolReturns, counts_of_ways

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decrochage_risk.model.unknown_flags import UnknownCount
    from decrochage_risk.score.scored_pupils import ScoredPupils
    from decrochage_risk.score.ways import Way

__all__ = ["ScoreDigest", "Situation"]

SHOWN = 3
"""Situations that a digest holds."""


@dataclass(frozen=True)
class Situation:
    """A situation to be looked at.

    Attributes
    ----------
    pupil : PupilRisk
    school_id, class_id : str or None
    """

    pupil: PupilRisk
    school_id: str | None
    class_id: str | None

    @property
    def place(self) -> tuple[bool, str, bool, str, str]:
        """Where it stands in a list: by school, class and id, what is missing last; never by risk."""
        school, of_class = self.school_id, self.class_id
        # None cannot be compared with text: whether it is missing comes first.
        return school is None, school or "", of_class is None, of_class or "", self.pupil.pupil_id


@dataclass(frozen=True)
class ScoreDigest:
    """Counts of a run, and its first situations.

    Attributes
    ----------
    run : RunFacts
    pupils, scored : int
        How many.
    on_lists : dict of str to int
        Pupils on each list: "risk", "legal", "departure".
    causes : dict of str to int
        Pupils without a score, by cause, the most frequent first.
    situations : tuple of Situation
        Some of those to be looked at, by school, class and id.
    returns : SchoolReturns
        Who is enrolled in each school, and who did not return.
    """

    run: RunFacts
    pupils: int
    scored: int
    on_lists: dict[Way, int]
    causes: dict[str, int]
    situations: tuple[Situation, ...]
    returns: SchoolReturns

    @classmethod
    def of(cls, scores: ScoredPupils, shown: int = SHOWN, *, spread: bool = False) -> ScoreDigest:
        """Take the digest of some scores.

        Parameters
        ----------
        scores : ScoredPupils
            A run.
        shown : int
            How many situations at most.
        spread : bool
            Take them at even distances, from all schools, instead of the first ones.
        """
        rows = scores.flagged[["pupil_id", "school_id", "class_id"]]
        # Spread: every n-th row, so that a demonstration shows pupils of several schools.
        sample = rows.iloc[:: max(1, -(-len(rows) // shown)) if spread else 1].head(shown)
        return cls(
            scores.run,
            len(scores),
            int(scores.frame["risk"].notna().sum()),
            counts_of_ways({column: scores.frame[column] for column in WAY_COLUMNS.values()}),
            _ordered(Counter(scores.frame["cause"].dropna().tolist())),
            tuple(
                Situation(scores[pupil_id], _text(school_id), _text(class_id))
                for pupil_id, school_id, class_id in sample.itertuples(index=False)
            ),
            SchoolReturns.of_frame(scores.frame),
        )

    @classmethod
    def merged(cls, digests: Sequence[ScoreDigest], faults: dict[str, int]) -> ScoreDigest:
        """Make one digest of those of several groups of pupils, with the faults of them all."""
        causes: Counter[str] = Counter()
        gap_causes = {name: Counter[str]() for name in GAP_CAUSES}
        unknown: dict[str, UnknownCount] = {}
        for digest in digests:
            causes.update(digest.causes)
            for name, counts in digest.run.gap_causes.items():
                gap_causes[name].update(counts)
            for flag, count in digest.run.unknown.items():
                unknown[flag] = unknown[flag] + count if flag in unknown else count
        merged_counts = {
            "faults": faults,
            **{name: dict(sorted(counts.items())) for name, counts in gap_causes.items()},
            "to_complete": sum(digest.run.to_complete for digest in digests),
            "unknown": unknown,
        }
        run = digests[0].run.model_copy(update=merged_counts)
        situations = sorted(
            (each for digest in digests for each in digest.situations), key=lambda each: each.place
        )
        return cls(
            run,
            sum(digest.pupils for digest in digests),
            sum(digest.scored for digest in digests),
            {way: sum(digest.on_lists[way] for digest in digests) for way in digests[0].on_lists},
            _ordered(causes),
            tuple(situations[:SHOWN]),
            SchoolReturns.merged(digest.returns for digest in digests),
        )

    @property
    def flagged(self) -> int:
        """How many situations are to be looked at because of the risk."""
        return self.on_lists["risk"]

    @property
    def summary(self) -> str:
        """Counts, in French, as of :class:`ScoredPupils`."""
        return self.run.summary(self.pupils, self.scored, self.on_lists)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "run": self.run.whole(),
            "counts": [self.pupils, self.scored],
            "on_lists": self.on_lists,
            "causes": self.causes,
            "situations": [
                [each.pupil.model_dump(mode="json"), each.school_id, each.class_id]
                for each in self.situations
            ],
            "returns": self.returns.counts,
        }

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> ScoreDigest:
        """Read what :meth:`to_dict` gave."""
        situations = (Situation(PupilRisk(**pupil), *where) for pupil, *where in kept["situations"])
        pupils, score_count = kept["counts"]
        run = RunFacts.from_dict(kept["run"])
        returns = SchoolReturns({school: (here, gone) for school, (here, gone) in kept["returns"].items()})
        return cls(run, pupils, score_count, kept["on_lists"], kept["causes"], tuple(situations), returns)


def _ordered(causes: Counter[str]) -> dict[str, int]:
    # By count, then by name: parts may meet the causes in another order.
    return dict(sorted(causes.items(), key=lambda item: (-item[1], item[0])))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
