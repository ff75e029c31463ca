"""The sections of the page of imports that are measured or read from the declared maps: what each export loses, maps of one's own."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from decrochage_risk.features.catalogue import build_features
from decrochage_risk.importers.declared_maps import FIELDS, bundled_maps
from decrochage_risk.records import PupilRecords
from decrochage_risk.school_year import year_start
from decrochage_risk.synthetic import make_cohort
from decrochage_risk.synthetic.exports import LOSSES, carried, known_on

__all__ = ["losses_section", "maps_section"]

PUPILS, YEARS, SEED = 300, [2023, 2024], 30
EXPORTED, AS_OF = "2025-03-04", "2025-03-05"
COMBINATIONS = (
    ("siecle",),
    ("siecle", "gepi"),
    ("siecle", "pronote"),
    ("siecle", "lsu"),
    ("siecle", "affelnet"),
    ("siecle", "gepi", "affelnet"),
)
EVENTS = ("absences", "grades", "orientation")

_LOST = """
## Ce que chaque export perd

Mesuré sur {pupils} élèves synthétiques ({years}), exportés le {exported}, comparés le lendemain à leurs propres tables, sur les {features} indicateurs
du catalogue. *Identiques* : même valeur pour tous. *Non connus* : l’export ne permet pas de les calculer, et le modèle le sait. *Autres* : une valeur
différente, parce que des moyennes de période y tiennent lieu de notes, ou que ce qui manque à l’export compte pour rien. Un essai tient cette page : un établissement exporté puis importé a les
indicateurs de ce que son format peut porter, à 10⁻⁹, sur trois tirages.

| exports | identiques | non connus | autres |
|---|---|---|---|
{rows}

| logiciel | ce qui se perd |
|---|---|
{lost}

Les jours de saisie et de justification ne manquent pas pour un calcul fait le lendemain de l’export : ce qui n’était pas encore saisi ou justifié n’y
est pas. Ils manquent à l’entraînement sur des jours plus anciens : gardez un export par mois, et donnez l’import d’avant (`--previous`).
"""

_MAPS = """
## Lire une liste de l’établissement

Toute liste datée d’absences, de notes ou d’orientation se lit en déclarant ses colonnes dans un fichier TOML (`--columns`), et un nom de PRONOTE qui
aurait été mal supposé se corrige de même. `like` part d’une liste connue ({known}).

```toml
[maps.ma_liste]
like = "pronote_events"
label = "Absences, liste du lycée"
recognised_by = ["Élève", "Depuis", "Jusqu’à"]      # les en-têtes qui la font reconnaître
half_day_cut = "12:30"

[maps.ma_liste.columns]
full_name = ["Élève"]
class_name = ["Groupe"]
start = ["Depuis"]
end = ["Jusqu’à"]

[maps.ma_liste.types]                               # absence, lateness, exclusion, placement ; drop : rien de manqué ; cancel : erreur
"Pas là" = "absence"

[motives]                                           # true ou false ; seulement pour une liste sans colonne « justifiée »
"Certificat médical" = true

[subjects]
"Anglais" = "modern_language_1"

[periods]                                           # fin des périodes, si Communs.xml n’est pas donné
"Trimestre 1" = 2024-11-29

[files."*2023/*.csv"]                               # ce que des fichiers ne disent pas, selon leur chemin
uai = "0990001N"
year = 2023
extracted_on = 2024-07-05
campaign_date = 2024-05-13                          # vœux
subject = "maths"                                   # carnet de notes de GEPI
totals = [2024-09-01, 2024-09-30]                   # totaux (--monthly-totals)
period = "Trimestre 1"                              # tableau de moyennes qui ne nomme pas sa période

[maps.commission]                                   # décisions et affectations : aucun export connu, on déclare
reads = "orientation"
recognised_by = ["INE", "Étape", "Avis"]
[maps.commission.columns]
ine = ["INE"]
date = ["Jour"]
event = ["Étape"]
granted = ["Avis"]
[maps.commission.events]
"Décision du conseil" = "council_decision"
[maps.commission.granted]
"Favorable" = "oui"
```

| `reads` | colonnes (outre celles de l’élève : `ine`, `elenoet`, `family_name`, `usage_name`, `first_name`, `full_name`, `class_name`, `birth_date`) |
|---|---|
{fields}
"""


def losses_section() -> str:
    """Measure what each export loses."""
    rows, features = _measured()
    years = f"{YEARS[0]}-{YEARS[0] + 1} et {YEARS[-1]}-{YEARS[-1] + 1}"
    return _LOST.format(
        pupils=PUPILS,
        years=years,
        exported=f"{pd.Timestamp(EXPORTED):%d/%m/%Y}",
        features=features,
        rows="\n".join(rows),
        lost="\n".join(f"| {name} | {lost} |" for name, lost in LOSSES.items()),
    )


def maps_section() -> str:
    """Show a file of declarations, and every field that it may name."""
    fields = "\n".join(
        f"| `{reads}` | {', '.join(f'`{name}`' for name in names)} |" for reads, names in FIELDS.items()
    )
    known = ", ".join(f"`{column_map.kind}`" for column_map in bundled_maps())
    return _MAPS.format(known=known, fields=fields)


@cache
def _measured() -> tuple[list[str], int]:
    tables = make_cohort(PUPILS, YEARS, seed=SEED).tables
    whole = PupilRecords(**{name: tables[name] for name in ("pupils", "enrolments", *EVENTS)})
    known = known_on(tables, EXPORTED)
    own = build_features(whole, AS_OF)
    return [_row(formats, known, own) for formats in COMBINATIONS], own.shape[1]


def _row(formats: tuple[str, ...], known: dict[str, pd.DataFrame], own: pd.DataFrame) -> str:
    left = carried(known, formats)
    coverage = _coverage(left, formats)
    left = {name: rows for name, rows in left.items() if name not in EVENTS or name in set(coverage["table"])}
    made = build_features(PupilRecords(**left, coverage=coverage if len(coverage) else None), AS_OF)
    theirs = own.loc[made.index]
    same = np.isclose(theirs, made, rtol=1e-9, atol=1e-9, equal_nan=True)
    lost = (~same & made.isna().to_numpy()).any(axis=0) & ~(~same & made.notna().to_numpy()).any(axis=0)
    other = [str(name) for name in theirs.columns[~same.all(axis=0) & ~lost]]
    names = ", ".join(f"`{name}`" for name in other) if other else "aucun"
    return f"| {' + '.join(formats)} | {int(same.all(axis=0).sum())} | {int(lost.sum())} | {names} |"


def _coverage(tables: dict[str, pd.DataFrame], formats: tuple[str, ...]) -> pd.DataFrame:
    """Say what the imports would: each school whose exports hold a table, from the beginning of the first year to the export."""
    enrolments = tables["enrolments"]
    schools = enrolments[["school_id", "level"]]
    lower = schools["level"].astype("str").str.match(r"[3-6]e")
    rows = []
    for table in EVENTS:
        if table not in tables:
            continue
        only = table == "grades" and not {"gepi", "pronote"} & set(formats)
        rows += [
            {"school_id": school, "table": table, "start": year_start(YEARS[0]), "end": EXPORTED}
            for school in sorted(set(schools.loc[lower if only else lower | True, "school_id"]))
        ]
    return pd.DataFrame(rows, columns=["school_id", "table", "start", "end"])
