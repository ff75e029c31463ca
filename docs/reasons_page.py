"""The French page of the reasons: every sentence of the catalogue with examples, for whoever must judge the words."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, NamedTuple

from decrochage_risk.explain.sentences import NO_REASON, OTHERS, reference_pupil, tell
from decrochage_risk.features import CATALOGUE, FAMILIES
from decrochage_risk.records.pupil_records import PupilRecords

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from decrochage_risk.features import Family, Feature
    from decrochage_risk.records.time_cut import KnownRecords

__all__ = ["Example", "example_records", "examples_of", "reasons_page"]

_AS_OF = "2025-03-05"

_PAIRS: dict[str, tuple[tuple[float, float], ...]] = {
    "share": ((0.182, 0.061), (0.0, 0.061)),
    "share_points": ((0.123, 0.012), (0.01, 0.012), (0.0, 0.012), (-0.01, 0.012), (-0.054, 0.012)),
    "per_week": ((1.5, 0.2), (0.5, 0.2), (0.0, 0.2), (-0.5, 0.2)),
    "points": ((2.4, -0.2), (1.0, -0.2), (0.0, -0.2), (-1.0, -0.2), (-2.4, -0.2)),
    "/20": ((7.9, 11.8),),
    "rank": ((3.0, 1.0), (1.0, 2.0)),
    "0/1": ((1.0, 0.0), (0.0, 1.0)),
    "years": ((2.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)),
}
"""Value and reference of the examples, per unit."""

_COUNTS = ((6.0, 0.0), (1.0, 0.0), (0.0, 2.0), (-1.0, 0.0), (-3.0, 0.0))

_INTRODUCTION = f"""# Les motifs, mot pour mot

<!-- Page écrite par docs/generate.py à partir du catalogue déclaré dans le code. Ne pas la modifier. -->

Cette page montre toutes les phrases qu’un établissement peut lire comme motif, pour qu’une équipe éducative puisse les relire et
les corriger. Les nombres des exemples sont inventés ; la date d’observation est le 5 mars 2025.

- Un motif est **un fait daté** : ce que disent les relevés jusqu’à la veille de la date d’observation. Ce n’est ni une cause, ni un
  jugement, ni une prévision : c’est un point à vérifier avec l’élève.
- Chaque phrase donne ensuite la même valeur pour l’*{reference_pupil(general=False)}* : pour chaque indicateur, celle du milieu (médiane) des
  élèves du même niveau au même moment de l’année, dont on connaît les mêmes données. Là où le niveau en compte trop peu, la phrase
  dit *{reference_pupil(general=True)}*. La même phrase peut être un point d’attention (elle élève le risque estimé) ou un point d’appui
  (elle l’abaisse).
- Entre parenthèses vient parfois un second fait : les jours d’avant, la part récente de ce qui est compté ou, à côté
  d’absences de toute sorte ou des mois au seuil légal, les demi-journées non justifiées.
- Un motif au plus par famille ; au plus 3 points d’attention (4 quand les 3 premiers portent moins de la moitié de ce qui élève le
  risque) et 2 points d’appui ; rien de ce qui pèse trop peu (2,5 points de probabilité autour d’un risque de 50 %, moins autour d’un risque plus faible ou plus
  élevé). Ce qui n’est pas dit est réuni sous « {OTHERS} », pour que les points
  de probabilité fassent exactement l’écart entre le risque de l’élève et celui de l’élève type.
- Les faits de cette année viennent d’abord ; le parcours et les années passées prennent la place qui reste, et seulement par ce que
  tient un livret (notes, total des demi-journées non justifiées, redoublements). Une absence d’une année passée n’est jamais un motif.
- Un fait qui s’écarte à peine de celui de l’élève type n’est pas dit (2 contre 1). Sans point d’appui parmi les familles, un fait de
  l’année meilleur que celui de l’élève type, et bon en lui-même, est dit avec les points qu’il a, même faibles.
- Une part est dite avec ce qu’elle compte (« 5 notes sous 8/20 sur 8 »), une matière par son nom, une période depuis son premier jour
  de classe. Un jour, une semaine ou un mois « de classe » est celui où la présence de l’élève était attendue : ni période en
  entreprise, ni exclusion.
- Quand rien ne ressort : « {NO_REASON} ». Une *donnée manquante* est signalée à part et n’est jamais un motif.
- Une date d’une autre année scolaire porte son année. Les définitions exactes sont dans [features.md](features.md).
"""

_SAMPLE_INTRODUCTION = """## {count} motifs tirés au hasard

Motifs de situations à examiner, d’élèves **synthétiques** (aucun élève réel) sous le modèle de démonstration, tirés au hasard une
fois pour toutes, avec les points de probabilité que la famille de faits ajoute ou retire.
"""

_NOTICES_INTRODUCTION = """## Notices

Notices d’élèves **synthétiques** (aucun élève réel), telles que la famille les lirait.
"""


class Example(NamedTuple):
    """One sentence and the numbers in it: value, reference, and second fact (NaN when it gives none)."""

    value: float
    reference: float
    second: float
    text: str


def example_records() -> KnownRecords:
    """Make the records behind the examples: a day and nothing else.

    Returns
    -------
    KnownRecords
    """
    enrolment = {
        "pupil_id": "exemple",
        "school_year": 2024,
        "school_id": "0990001N",
        "level": "4e",
        "start_date": "2024-09-02",
    }
    return PupilRecords(pupils=[{"pupil_id": "exemple"}], enrolments=[enrolment]).known_on(_AS_OF)


def examples_of(feature: Feature, known: KnownRecords) -> list[Example]:
    """Tell one example of each sentence that a feature can give.

    Parameters
    ----------
    feature : Feature
        An entry of the catalogue.
    known : KnownRecords
        For the dates.

    Returns
    -------
    list of Example
        Values without a sentence of their own (a fall of what cannot fall) are left out; no text twice.
    """
    can_fall = feature.wording.negative is not None
    told = _PAIRS.get(feature.unit, _COUNTS)
    pairs = [(value, reference) for value, reference in told if value >= 0 or can_fall]
    examples = [
        Example(
            value,
            reference,
            second,
            tell(feature, value, reference, known, companion=second, whole=whole, subject=subject),
        )
        for value, reference in pairs
        for whole, subject in _bases(feature, value)
        for second in (nan, *_seconds(feature, value))
    ]
    return list({example.text: example for example in examples}.values())


def _bases(feature: Feature, value: float) -> Iterator[tuple[float, str]]:
    """Give base and subjects as a pupil's own records would, then none of them, as where they are not known."""
    words = feature.wording
    if value and (words.whole is not None or words.subjects is not None):
        # 18,2 % is 2 of 11; March is the seventh month of a school year.
        whole = nan if words.whole is None else 11.0 if feature.unit == "share" else 7.0
        named = "octobre" if feature.table == "absences" else "mathématiques"
        yield whole, named if words.subjects is not None else ""
    yield nan, ""


def _seconds(feature: Feature, value: float) -> Iterator[float]:
    """Values of the second fact worth showing: nothing, some, and all of it."""
    companion = feature.wording.companion
    if companion is None:
        return
    if companion.kind in {"beside", "lately"}:
        yield from (0.0, 1.0, 6.0)
    elif companion.kind == "part":
        yield from (0.0, 1.0, value)
    elif feature.unit == "/20":
        yield 10.4
    else:
        yield from (0.0, 0.045 if feature.unit == "share" else 1.0)


def reasons_page(sampled: Sequence[str] = (), notices: Sequence[str] = ()) -> str:
    """Write ``docs/motifs.md``: the sentences by family, some reasons of synthetic pupils, and notices.

    Parameters
    ----------
    sampled : sequence of str
        Reasons as told, one line each.
    notices : sequence of str
        Notices in Markdown; the section is left out without any.

    Returns
    -------
    str
        Markdown, ending with a line break.

    Examples
    --------
    >>> reasons_page().splitlines()[0]
    '# Les motifs, mot pour mot'
    """
    known = example_records()
    by_family = [
        (family, [item for item in CATALOGUE if item.family is family]) for family in FAMILIES if family.told
    ]
    sections = [_family_section(family, features, known) for family, features in by_family if features]
    if sampled:
        sections.append(_section(_SAMPLE_INTRODUCTION.format(count=len(sampled)), sampled))
    if notices:
        sections.append(
            "\n---\n\n".join([_NOTICES_INTRODUCTION, *(f"{notice.strip()}\n" for notice in notices)])
        )
    return "\n".join([_INTRODUCTION, *sections])


def _family_section(family: Family, features: Iterable[Feature], known: KnownRecords) -> str:
    parts = [
        _section(
            f"`{feature.name}`{'' if feature.wording.is_reason else ' (dans la notice seulement, jamais un motif)'}\n",
            [item.text for item in examples_of(feature, known)],
        )
        for feature in features
    ]
    return "\n".join([f"## {family.label}\n", *parts])


def _section(title: str, lines: Iterable[str]) -> str:
    return f"{title}\n" + "".join(f"- {line}\n" for line in lines)
