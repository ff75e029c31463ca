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
    from decrochage_risk.score import PupilRisk, RiskScores

__all__ = ["say_scores", "situations_table"]

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
    say(f"\nAu {french.day(scores.run.as_of, with_year=True)} : {scores.summary}.")
    for cause, count in scores.frame["cause"].value_counts().items():
        say(f"  sans score : {french.plural(int(count), 'élève')}, {cause}")
    flagged = scores.flagged["pupil_id"].tolist()
    if not flagged:
        say("Aucune situation n'atteint un seuil de la politique de vigilance.")
        return
    say("Par établissement, classe et identifiant ; aucun classement entre élèves.\n")
    console().print(situations_table(scores, flagged[:: -(-len(flagged) // shown) if spread else 1][:shown]))
    if len(flagged) > shown:
        others = french.plural(len(flagged) - shown, "autre situation", "autres situations")
        say(f"Et {others} à examiner : {lists}")
    say("Un score est une estimation, une situation se vérifie avec l'élève : aucune décision automatique.")


def situations_table(scores: RiskScores, pupil_ids: list[str]) -> Table:
    """Table of some pupils, in the order given: who, how much, why, protective facts apart."""
    from rich import box  # noqa: PLC0415 - --help needs no Rich
    from rich.table import Table  # noqa: PLC0415 - --help needs no Rich

    table = Table(box=box.HORIZONTALS, show_lines=True, pad_edge=False, expand=False)
    table.add_column("Élève", width=_LABEL_WIDTH, overflow="fold")
    table.add_column("Risque estimé", width=_LABEL_WIDTH, overflow="fold")
    table.add_column("Points d'attention, points d'appui", overflow="fold", ratio=1)
    classes = scores.frame.set_index("pupil_id")["class_id"]
    for pupil_id in pupil_ids:
        pupil, of_class = scores[pupil_id], classes[pupil_id]
        table.add_row(_who(pupil, of_class if isinstance(of_class, str) else None), _risk(pupil), _why(pupil))
    return table


def _who(pupil: PupilRisk, class_id: str | None) -> str:
    from decrochage_risk.records.levels import LEVEL_BY_NAME  # noqa: PLC0415 - --help needs no records

    lines = [shown_id(pupil.pupil_id), LEVEL_BY_NAME[pupil.level].label if pupil.level else ""]
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
