"""What is asked of a run over a folder: the same for everybody at once and for each part."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.score.scoring import score_pupils

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.policy import Policy
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.score.asked import Explain
    from decrochage_risk.score.digest import ScoreDigest
    from decrochage_risk.score.risk_scores import RiskScores

__all__ = ["FolderScores", "ScoreRequest", "ids_of"]


@dataclass(frozen=True)
class FolderScores:
    """What became of a folder of extracts.

    Attributes
    ----------
    folder : Path
        Where the scores are: ``scores.parquet``, ``reasons.parquet``, ``contributions.parquet``, ``run.json``, ``listes/``.
    digest : ScoreDigest
        Counts, faults, and the first situations to be looked at.
    parts : int
        Into how many parts the pupils were split; 1 when all were scored at once.
    notes, ignored : tuple of str
        What was decided, and which files were not read, while reading the extracts.
    """

    folder: Path
    digest: ScoreDigest
    parts: int
    notes: tuple[str, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class ScoreRequest:
    """The choices of a run, as of ``score_pupils``.

    Attributes
    ----------
    as_of : date
    model : TrainedModel
    policy : Policy
    explain : {"flagged", "all", "none"} or collection of pupil ids
    exclude : tuple of str
    raise_faults : bool
        Whether an error in the records is raised.
    """

    as_of: date
    model: TrainedModel
    policy: Policy
    explain: Explain | Collection[str]
    exclude: tuple[str, ...]
    raise_faults: bool

    @property
    def explained(self) -> tuple[str, ...]:
        """Pupils to explain that were named by their id."""
        named = isinstance(self.explain, Collection) and not isinstance(self.explain, str)
        return tuple(self.explain) if named else ()

    def score(self, records: PupilRecords) -> RiskScores:
        """Score the records of everybody."""
        return self._score(records, self.explain, self.exclude)

    def score_part(self, records: PupilRecords, here: Collection[str]) -> RiskScores:
        """Score the records of some pupils, of whom only these were named by their id."""
        explain = [pupil for pupil in self.explained if pupil in here] if self.explained else self.explain
        return self._score(records, explain, [pupil for pupil in self.exclude if pupil in here])

    def _score(
        self, records: PupilRecords, explain: Explain | Collection[str], exclude: Iterable[str]
    ) -> RiskScores:
        return score_pupils(
            records, as_of=self.as_of, model=self.model, policy=self.policy, explain=explain, exclude=exclude
        )

    def choices(self) -> dict[str, object]:
        """Everything that the results depend on besides the records, as JSON values."""
        return {
            "as_of": self.as_of.isoformat(),
            "model": [self.model.model_id, self.model.sha256, self.model.demo],
            "policy": self.policy.version,
            "explain": list(self.explained) or str(self.explain),
            "exclude": list(self.exclude),
            "raise_faults": self.raise_faults,
        }


def ids_of(exclude: Iterable[str]) -> tuple[str, ...]:
    """Give the ids of pupils to leave out.

    Raises
    ------
    RecordsError
        When they are no collection of ids.
    """
    if not isinstance(exclude, Iterable):
        raise RecordsError(
            explain_error(
                f"exclude={exclude!r}",
                expected="ids of pupils, of those whose family objected",
                hint='For one pupil: exclude=["a1"]; for nobody, leave exclude out.',
            )
        )
    return (exclude,) if isinstance(exclude, str) else tuple(exclude)
