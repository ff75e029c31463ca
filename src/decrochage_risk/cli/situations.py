"""The situations to be looked at, as a table that stays readable at 80 columns; never in the order of the risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.cli.output import console, say, shown_id

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table
    from rich.text import Text

    from decrochage_risk.explain import Reason
    from decrochage_risk.score import PupilRisk, RiskScores, ScoreDigest

__all__ = ["say_digest", "say_scores", "situations_table"]

_LABEL_WIDTH = 17


def say_scores(scores: RiskScores, shown: int, lists: Path, *, spread: bool = False) -> None:
    """Print the counts, some situations to be looked at, and where the others are.

    Parameters
    ----------
    scores : RiskScores
        A run.
    shown : int
        How many situations at most.
    lists : Path
        Folder of the lists, one per school.
    spread : bool
        Take the situations at even distances, from all schools, instead of the first ones.
    """
    from decrochage_risk.score import ScoreDigest  # noqa: PLC0415 - --help needs no scores

    say_digest(ScoreDigest.of(scores, shown, spread=spread), lists)


def say_digest(digest: ScoreDigest, lists: Path) -> None:
    """Print the same of a run whose scores are not held."""
    say(f"\nAu {french.day(digest.run.as_of, with_year=True)} : {digest.summary}.")
    for cause, count in digest.causes.items():
        say(f"  sans score : {french.plural(count, 'élève')}, {cause}")
    if not digest.flagged:
        say("Aucune situation n'atteint un seuil de la politique de vigilance.")
        return
    say("Par établissement, classe et identifiant ; aucun classement entre élèves.\n")
    console().print(_table([(each.pupil, each.class_id) for each in digest.situations]))
    if digest.flagged > len(digest.situations):
        others = french.plural(
            digest.flagged - len(digest.situations), "autre situation", "autres situations"
        )
        say(f"Et {others} à examiner : {lists}")
    say("Un score est une estimation, une situation se vérifie avec l'élève : aucune décision automatique.")


def situations_table(scores: RiskScores, pupil_ids: list[str]) -> Table:
    """Table of some pupils, in the order given: who, how much, why, protective facts apart."""
    classes = scores.frame.set_index("pupil_id")["class_id"]
    found = [classes[pupil_id] for pupil_id in pupil_ids]
    names = [name if isinstance(name, str) else None for name in found]
    return _table([(scores[pupil_id], name) for pupil_id, name in zip(pupil_ids, names, strict=True)])


def _table(pupils: list[tuple[PupilRisk, str | None]]) -> Table:
    from rich import box  # noqa: PLC0415 - --help needs no Rich
    from rich.table import Table  # noqa: PLC0415 - --help needs no Rich

    table = Table(box=box.HORIZONTALS, show_lines=True, pad_edge=False, expand=False)
    table.add_column("Élève", width=_LABEL_WIDTH, overflow="fold")
    table.add_column("Risque estimé", width=_LABEL_WIDTH, overflow="fold")
    table.add_column("Points d'attention, points d'appui", overflow="fold", ratio=1)
    for pupil, class_id in pupils:
        table.add_row(_who(pupil, class_id), _risk(pupil), _why(pupil))
    return table


def _who(pupil: PupilRisk, class_id: str | None) -> str:
    from decrochage_risk.score.writing import level_words  # noqa: PLC0415 - --help needs no records

    lines = [shown_id(pupil.pupil_id), level_words(pupil.level)]
    return "\n".join([*lines, f"classe {shown_id(class_id)}"] if class_id else lines)


def _risk(pupil: PupilRisk) -> str:
    lines = [] if pupil.risk is None else [french.percent(pupil.risk)]
    if pupil.interval is not None:
        lines.append(f"[{french.interval_percent(pupil.interval.low, pupil.interval.high)}]")
    return "\n".join([*lines, pupil.tier_label or ""])


def _why(pupil: PupilRisk) -> Text:
    from rich.text import Text  # noqa: PLC0415 - --help needs no Rich

    from decrochage_risk.explain.sentences import NO_REASON  # noqa: PLC0415 - --help needs no features

    if pupil.reasons is None:
        return Text(pupil.explanation_cause or "motifs non demandés")
    lines = [_told(reason, "-") for reason in pupil.reasons]
    lines = lines or [Text(f"{NO_REASON} : le risque tient à de nombreux petits écarts")]
    if pupil.protective:
        lines += [Text("Points d'appui", style="bold"), *(_told(reason, "+") for reason in pupil.protective)]
    return Text("\n").join(lines)


def _told(reason: Reason, mark: str) -> Text:
    from rich.text import Text  # noqa: PLC0415 - --help needs no Rich

    text = reason.text
    for sign in ":;%":
        text = text.replace(f" {sign}", f"{french.NO_BREAK_SPACE}{sign}")
    return Text(f"{mark} {text}")
