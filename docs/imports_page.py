"""The French page of the importers, written out of the declared readers, reasons and levels."""

from __future__ import annotations

from decrochage_risk.importers.extract import REASONS
from decrochage_risk.importers.recognition import READERS
from imports_losses import losses_section, maps_section

__all__ = ["imports_page"]

_STAGES = {0: "faits de l’établissement", 1: "liste d’élèves", 2: "événements ou preuves"}
_BASES = {
    "fixtures": "fichiers d’essai publics",
    "specification": "spécification du ministère",
    "code": "code d’un logiciel qui l’écrit ou le lit",
    "assumed": "**supposé**, jamais vu en vrai",
}

_INTRODUCTION = """# Importer les exports d’un établissement

<!-- Page écrite par docs/generate.py à partir des lecteurs déclarés dans le code. Ne pas la modifier. -->

```
decrochage-risk new-key ma_cle                                     # une fois pour toutes, à garder à part
decrochage-risk import exports/ --out tables --key ma_cle          # tout ce que l’établissement a exporté, en vrac
decrochage-risk check tables
decrochage-risk score tables --as-of 2025-03-05 --out scores
```

En Python : `import_exports(chemins, key=..., ...) -> Imported(records, report)`.

On donne des fichiers, des dossiers et des zips, de plusieurs établissements et de plusieurs années à la fois. Chaque contenu est
reconnu par ce qu’il contient (racine XML, en-tête, clés JSON), jamais par son nom. Le rapport (texte, JSON, HTML) dit pour chacun pour quoi
il a été pris, son établissement, son année, sa date d’export, les lignes lues, prises et laissées avec leur raison et leur numéro, et
ce qui manquera au modèle. Un fichier qui n’est pas lu est dit, avec ce qu’il faut demander à sa place.

## Ce qu’il faut demander, par ordre d’utilité

1. SIECLE, Exportations, En XML : **ElevesSansAdresses**, **Nomenclature**, **Structures**, **Communs** (sans les responsables).
2. La liste **datée** des absences du logiciel de vie scolaire ; des totaux par période ne suffisent pas.
3. Les notes : carnets, moyennes de la classe, ou bilans du LSU.
4. Les mêmes fichiers chaque mois, à garder : seul un export d’alors dit ce qui était su alors (`--previous`).

## Ce qui est reconnu

"""

_PERSONS = """
## Qui est qui

Dans l’ordre : l’INE (celui du RNIE avant celui de la BEA, en capitales), puis le numéro de l’élève dans l’établissement
(`UAI-ELENOET`), sinon la ligne est refusée. Une liste qui n’a que des noms se rattache par égalité exacte du nom (de famille ou d’usage),
du prénom et de la classe, et de la date de naissance quand elle est des deux côtés, sans accents, espaces ni traits d’union ; deux
candidats, ou aucun, sont comptés avec leur ligne : le plus proche n’est jamais pris. Un élève qui a changé de classe, ou qui a deux divisions, garde ses
lignes : sous une autre classe que celle de la liste, un nom que l’établissement n’a qu’une fois se rattache, et le rapport en dit les lignes ; s’il y est
plusieurs fois, la ligne n’est à personne, et ces élèves sont « non connus » pour ce fichier. Un même INE avec deux dates de naissance n’est jamais
fondu en un élève : le numéro de l’établissement en tient lieu, et le rapport dit les lignes à corriger dans SIECLE.

Ce qui a été laissé n’est jamais pris pour zéro. Les homonymes d’une ligne laissée, et les élèves des classes qu’un fichier ne nomme pas quand il en
nomme une qui ne se rattache à aucune division, ne sont pas couverts par ce fichier : ce qu’il porte est pour eux « non connu ». Un fichier dont aucune
ligne ne se rattache ne couvre personne. L’élève d’une ligne illisible (date, fin avant le début, nombre de cellules, type d’absence inconnu, barème ou
coefficient, rang de vœu, date d’une autre année que celles du fichier) est « non connu » pour
cette table sur toute la période du fichier, même si d’autres de ses lignes se lisent ; une ligne illisible dont l’élève ne se lit pas non plus retire
sa classe, ou à défaut l’établissement (les classes du fichier, pour des notes) : corrigez la ligne et importez de nouveau. Un guillemet qui ne se
ferme pas dans sa cellule fait refuser le fichier, sauf dans l’extrait des saisies de GEPI, qui n’en met pas autour des cellules. Un nom que la liste des élèves n’a pas est compté avec sa ligne, et ne retire personne : corrigez-le, ou
déclarez la classe.

`pupil_id` est tout de suite le code à clé (HMAC-SHA-256) de ce numéro, le même que celui de `pseudonymise`. Noms, adresses, lieux de naissance,
nationalité, bourses, santé, textes libres et responsables ne sont lus que pour rattacher, ou pas du tout, et ne sont écrits nulle part.
La table qui ramène des codes aux noms n’est écrite que sur demande (`--links`), lisible de vous seul, hors du dossier des tables.
Les codes de division restent lisibles : ce ne sont pas des personnes. Un élève connu par son seul numéro d’établissement n’a pas d’historique d’un
établissement à l’autre, et un INE provisoire remplacé l’année suivante ne se raccorde que si un fichier du même import porte les deux : un numéro d’établissement redonné à un
autre élève ne fond pas deux INE. Dans l’année, le même numéro avec le même nom et la même date de naissance suffit.

## Niveaux

La Nomenclature de l’établissement d’abord ; sinon une règle livrée avec ses années
([mef_levels.toml](../src/decrochage_risk/importers/mef_levels.toml) : dispositif, durée et année du MEF), tirée des nomenclatures publiques de
2013 et de 2023 à 2026 ; sinon le libellé. Une 3e prépa-métiers n’est connue que par son libellé. Les formations d’après diplôme (MC, CS, BMA, BP),
les apprentis, la division « Inactifs » et les niveaux inconnus sont comptés, jamais devinés. Un CAP agricole (un seul code pour ses deux années)
prend son année de la formation de l’an dernier ; sans elle, il est compté.

## Situations d’une année close

`--outcomes 2023` bâtit la table `outcomes` : retrouvé dans un établissement l’année suivante (ou dans une formation hors des tables, ou en
apprentissage, ou par un motif de sortie qui dit la suite des études), diplômé, sinon de situation inconnue. `left_without_diploma` n’est écrit que si la
recherche a été complète : listes de l’année suivante d’après le 1er novembre, et parole de l’appelant (`--search-complete`) que tous les
établissements, l’apprentissage et les diplômes y sont. Une liste de jeunes non retrouvés compte toujours trop de monde.

## Totaux d’absences, sans les jours

Ils sont refusés, avec le nom de la liste datée à demander au même logiciel. Avec `--monthly-totals`, et la période de chaque fichier (dans son titre, ou
déclarée : `totals`), des extraits cumulés sont différenciés en un compte par élève et par période, écrit dans `totaux-mensuels.csv` à côté des tables :
de quoi voir, dans l’établissement, un mois au-dessus du seuil légal. Le modèle n’en prend rien : chacun de ses indicateurs d’absence compte en jours, à une
date, et des totaux étalés sur leur période fausseraient la plus longue absence, les semaines touchées et les mois au-dessus du seuil. Pour lui, les
absences de ces élèves restent « non connues ».

## Les jours qu’un fichier couvre

Du premier jour de son année scolaire à son export, ou à sa dernière ligne. Une liste d’absences ou de notes est d’une année, celle de la plupart de ses
lignes (ou celle qu’elle dit, ou que vous dites) ; une autre année en est aussi si au moins 20 lignes, sur 5 jours, et une ligne sur dix en sont : chaque ligne est alors
rattachée à la liste d’élèves de son année, et une année dont aucune ligne ne se rattache n’est pas couverte. Une ligne d’une année isolée (un chiffre de
la date est faux) est laissée et dite. Un titre « du … au … » borne ce que la liste couvre, et n’est jamais le jour de l’export. Une liste aussi longue que son logiciel le
permet ne couvre que de sa première à sa dernière ligne ; une liste sans ligne de l’année qu’elle dit ne couvre rien.

Une demi-journée écrite en un mot (« matin », « M », « après-midi », « AM ») compte une demi-journée, après le jour, dans une colonne d’heures ou à la place du nombre de
demi-journées ; ce qui est écrit là et ne se lit pas compte la journée entière, et le rapport le dit avec la ligne.

## Plusieurs fichiers qui parlent de la même chose

L’export le plus récent d’un établissement fait foi ; un élève qui n’y est plus est clos à sa date. Ce qu’un fichier dit de l’année d’avant
cède à un fichier de cette année-là. Deux scolarités ouvertes du même élève : la première est close la veille de la seconde. Une même ligne dite
par deux fichiers compte une fois. Deux listes d’un logiciel qui ne disent pas leur jour et se contredisent sur une justification : la demi-journée compte non justifiée,
et le rapport demande le jour de chaque export.
Ni l’ordre des lignes ni le nom d’un fichier ne décident : de deux listes d’un établissement et d’un jour, la plus longue
est crue ; de deux scolarités commencées ensemble, celle qui court encore, puis le niveau le plus avancé, puis le premier établissement et la première
division dans l’ordre de leurs noms. Le rapport nomme ces désaccords. Deux carnets de notes d’une même matière déclarée, ou sans matière, gardent chacun leurs notes :
seul un fichier dont la plupart des notes sont les mêmes, pour les mêmes élèves et les mêmes jours, est un autre export du même carnet.

Une moyenne de période est datée de la fin de sa période (Communs.xml, `[periods]`, ou « du … au … » dans le titre du tableau). Sans elle, le jour de l’export en tient lieu tant que la période peut
encore courir, et le rapport le dit ; d’une période close (un trimestre plus récent est dans l’import, ou l’export est trop tard dans l’année), la date est
demandée et le tableau n’est pas lu. Un tableau qui ne nomme pas sa période est daté du jour de l’export, ce que le rapport dit. Une absence qui finit après le jour de l’export, ou de plus de 60 jours, est prise comme écrite et dite avec sa ligne.

## Corriger un nom sans code

`--columns declarations.toml` :

```toml
[classes]                     # classe d’un autre logiciel -> division de SIECLE
"3E A" = "3 A"

[names.siecle_communs]        # balise du fichier -> balise supposée
"DEBUT" = "DATE_DEBUT"
```

## Tables faites à la main

Un dossier de CSV de votre main, avec vos noms de fichiers, de colonnes et de valeurs, en français, en Latin-1, séparés par des points-virgules, avec ou sans
lignes de titre :

```
decrochage-risk check DOSSIER --draft-mapping export.toml          # propose une correspondance, dit les fautes qui resteraient
                                                                    # relisez export.toml, puis écrivez-y confirmed = true
decrochage-risk check DOSSIER --mapping export.toml                # jusqu’à « 0 erreur »
decrochage-risk new-key ma_cle                                     # une fois pour toutes
decrochage-risk pseudonymise DOSSIER tables --key ma_cle --mapping export.toml   # les mêmes tables, sous nos noms
decrochage-risk score tables --as-of 2025-03-05 --out scores
```

La proposition va des mots usuels (« Mathématiques » -> `maths`, « Féminin » -> `F`, « 2023-2024 » -> 2023, « TERMINALE PRO MELEC » ou un MEF ->
`tle_pro`) à la ressemblance, qui n’est qu’en commentaire : enlevez le `#` de ce qui est juste. Trois cas fréquents :

- « Abs », « Disp » dans la colonne des notes : `[grades.values.value]`, `"Abs" = "absent"` vide la note et donne le statut.
- Une colonne nécessaire que l’extrait n’a pas (statut et nature des notes, UAI d’un seul établissement) : `[grades.constants]`, `kind = "assessment"`.
- Des absences pendant les vacances sont dites en avertissement : une autre zone ou une académie d’outre-mer se donne par `--zone A`, `--zone Réunion` (`check` et `score`), un autre calendrier par
  `--calendar FICHIER` (colonnes `date`, `half_days`) ou par un `calendar.csv` à côté des tables. Sans rien, c’est le calendrier du lieu où sont tous les établissements, dit en première ligne ; zone B quand ils sont en plusieurs lieux.

Une ligne fautive que l’on ne peut corriger se met de côté : `score --on-fault quarantine` ; elle est comptée dans le résultat. En Python :
`PupilRecords.read(DOSSIER, mapping="export.toml", on_fault="quarantine")`, sans pseudonymes.
"""

_REASONS = """
## Pourquoi une ligne est laissée

| code | raison |
|---|---|
"""


def imports_page() -> str:
    """Write the page."""
    rows = [
        f"| `{reader.kind}` | {reader.label} | {_STAGES[reader.stage] if reader.gives else 'refusé, avec ce qu’il faut demander'} "
        f"| {reader.gives or 'rien'} | {_BASES[reader.basis]} |"
        for reader in READERS
    ]
    head = "| genre | export | rôle | ce qui en est pris | écrit d’après |\n|---|---|---|---|---|\n"
    reasons = "\n".join(f"| `{code}` | {sentence} |" for code, sentence in REASONS.items())
    return (
        f"{_INTRODUCTION}{head}"
        + "\n".join(rows)
        + f"\n{_PERSONS}{maps_section()}{losses_section()}{_REASONS}{reasons}\n"
    )
