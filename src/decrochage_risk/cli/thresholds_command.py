"""``thresholds``: what each threshold would have given on the year that a training left untouched."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import decrochage_risk as dr
from decrochage_risk import french
from decrochage_risk.cli.files import check_target_file, load_chosen, writing
from decrochage_risk.cli.options import ModelSha256  # noqa: TC001 - Typer reads it at run time
from decrochage_risk.cli.output import console, say
from decrochage_risk.cli.score_command import ModelFolder  # noqa: TC001 - Typer reads it at run time
from decrochage_risk.french import HIDDEN

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["thresholds"]


class By(StrEnum):
    """What the table is divided by."""

    GROUP = "group"
    LEVEL = "level"


CsvFile = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FICHIER", show_default=False, help="Écrire la table en CSV."),
]


def thresholds(
    *,
    model: ModelFolder = None,
    model_sha256: ModelSha256 = None,
    by: Annotated[By, typer.Option("--by", help="Par groupe de niveaux ou par niveau.")] = By.GROUP,
    csv: CsvFile = None,
) -> None:
    """Aider à choisir les seuils : rappel, précision et charge de chacun, sur des élèves jamais appris.

    Lit : le modèle, qui garde ces effectifs depuis son entraînement.

    Affiche la table ; une case de 1 à 10 élèves n'est pas montrée, ni ce qui la ferait retrouver par soustraction. Écrit : le fichier de --csv, s'il est demandé.
    """
    from decrochage_risk.score import load_demo_model  # noqa: PLC0415 - numpy and pandas load on first use

    check_target_file(csv)
    current = load_chosen(model, model_sha256) or load_demo_model()
    table = dr.threshold_table(current, by=by.value)
    years = french.join([french.school_year(year) for year in current.held_out["school_years"]])
    say(f"Un élève compte une fois par année ; année scolaire {years}. Intervalles à 90 %.")
    for name, rows in table.groupby(by.value, sort=False):
        measured_rows = rows[rows["listed"].notna()]
        if measured_rows.empty:
            say(f"\n{_label(str(name), by)} : effectifs trop petits pour être montrés")
            continue
        pupils, left = (measured_rows[column].iloc[0] for column in ("pupils", "left"))
        totals = f"effectif {HIDDEN}"
        if not _unknown(pupils):
            totals = (
                f"{french.plural(int(pupils), 'élève')}, {french.plural(int(left), 'sortie')} sans diplôme"
            )
        say(f"\n{_label(str(name), by)} : {totals}")
        console().print(_shown(measured_rows))
        if len(measured_rows) < len(rows):
            others = french.join(
                [french.percent(one, None) for one in rows.loc[rows["listed"].isna(), "threshold"]]
            )
            say(f"Seuils {HIDDEN}s, trop peu d'élèves les séparent : {others}")
    if current.demo:
        say("Modèle de démonstration : ces effectifs sont ceux d'élèves synthétiques.")
    if csv is not None:
        from decrochage_risk.csv_files import write_csv  # noqa: PLC0415 - pandas loads on first use

        with writing(csv):
            write_csv(table, csv)
        say(f"Table écrite : {csv}")


def _label(name: str, by: By) -> str:
    from decrochage_risk.records.levels import LEVEL_BY_NAME  # noqa: PLC0415 - --help needs no records

    if by is By.LEVEL:
        return LEVEL_BY_NAME[name].label
    labels = {group.code: group.label for group in dr.load_policy().table.groups}
    return labels.get(name, name)


def _shown(rows: pd.DataFrame) -> Table:
    from rich import box  # noqa: PLC0415 - --help needs no Rich
    from rich.table import Table  # noqa: PLC0415 - --help needs no Rich

    table = Table(box=box.HORIZONTALS, pad_edge=False)
    for name in ("seuil", "palier", "retenus", "pour 100", "partis", "précision", "rappel"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        table.add_row(
            french.percent(row["threshold"], None),
            "" if _unknown(row["tier"]) else str(row["tier"]),
            french.number(row["listed"], 0),
            "-" if _unknown(row["listed_per_100"]) else french.number(row["listed_per_100"], 1),
            french.number(row["hits"], 0),
            _share(row, "precision"),
            _share(row, "recall"),
        )
    return table


def _unknown(value: Any) -> bool:  # noqa: ANN401 - any cell
    import pandas as pd  # noqa: PLC0415 - --help needs no pandas

    return bool(pd.isna(value))


def _share(row: dict[Any, Any], name: str) -> str:
    if _unknown(row[name]):
        return "-"
    bounds = french.interval_percent(row[f"{name}_low"], row[f"{name}_high"])
    return f"{french.percent(row[name])} [{bounds}]"
