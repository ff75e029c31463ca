"""The model card, in French: what the model is, from which data, how well it does, what it may not be used for.

The words are in ``card.md.j2`` beside this file; what changes from one model to the next is in `CardFacts`.
Nothing here reads a clock: the same facts give the same bytes.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from decrochage_risk.errors import ModelError, explain_error
from decrochage_risk.features import FEATURE_BY_NAME
from decrochage_risk.french import day, join, number, percent, plural, school_year
from decrochage_risk.small_cells import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from decrochage_risk.evaluate.report import EvaluationReport

CalibrationKind: TypeAlias = Literal["identity", "intercept", "platt"]

_CALIBRATIONS = {
    "identity": "aucune (les risques bruts étaient les mieux calibrés)",
    "intercept": "niveau moyen seul (constante ajoutée en log-odds)",
    "platt": "affine en log-odds, pente positive (Platt, ramenée vers l'identité)",
}
_NOT_KNOWN = "non renseigné"
CHANGES: Final = "## Ce qui a changé depuis le modèle précédent"
"""Heading of the one section of a card that is not known when its model is trained."""
_LEAP_YEAR = 2024


@dataclass(frozen=True, slots=True)
class BaseRate:
    """Observed rate of a group of training rows.

    Attributes
    ----------
    group : str
        In French ("ensemble", "voie professionnelle").
    rows : int or None
        Training rows of the group; None where hidden.
    rate : float or None
        Share of them with the event, in [0, 1]; None where hidden.
    """

    group: str
    rows: int | None
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelThreshold:
    """What the threshold of one level meant on held-out pupils.

    Attributes
    ----------
    level : str
        Its French name.
    threshold : float
        Risk from which a pupil is on the list.
    listed_per_100, recall, recall_low, recall_high : float or None
        Pupils on the list in 100 of the level; share of the leavers who are on it, and its 90 % Jeffreys interval; None
        where the counts are hidden.
    """

    level: str
    threshold: float
    listed_per_100: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything that a model card states about one model. Texts are in French.

    Attributes
    ----------
    model_id, package_version : str
        The model, and the version of this package that trained it.
    synthetic : bool
        Trained on synthetic pupils (the demonstration model): the card then opens with a warning.
    members, leaves : int
        Boosters in the bag; leaves of a boosted tree at most.
    linear_share : float
        Share of a logistic regression that each booster starts from.
    penalty : float
        Ridge penalty of that regression, or of the members; 0 when it is not known.
    unknown_flags : sequence of str
        What the model is told is not known of a pupil, in French.
    school_spread : float
        How far the levels of schools that were held out lie apart, in log-odds; 0 when it is not known.
    features, dropped_features : sequence of str
        Columns the model reads; columns left out because they were never known in training.
    reference_groups : str
        What the reference pupils are made by ("niveau et mois").
    train_years : sequence of int
        School years of training (2024 = 2024-2025).
    as_of : sequence of date
        As-of dates of the training rows.
    levels : sequence of str
        Levels the model has seen.
    rows, pupils, events : int or None
        Training rows, distinct pupils, rows with the event; None where hidden.
    censored : int or None
        Rows left out because the outcome is not known; None where hidden.
    horizon_years : int
        School years after which the outcome closes.
    outcome_closes : tuple of int
        Month and day on which the outcome closes, after the school year.
    base_rates : sequence of BaseRate
        Observed rates in training, overall first.
    calibration_kind : {"identity", "intercept", "platt"}
        The correction that was kept.
    calibration_chosen_on : str
        Rows it was chosen on.
    calibration_groups : sequence of str
        Levels that have a correction of their own.
    report : EvaluationReport
        Headline figures, baselines and groups.
    untouched : bool
        Whether no choice used the rows of `report`.
    warnings : sequence of str
        Known warnings about the records (no date of justification, for example).
    kind : {"trees", "logistic"}
        What the members are.
    references : sequence of str
        Further references, after those of the methods.
    spread_factor : float
        Factor on the bag's own error that makes the intervals cover the truth where it is known.
    level_thresholds : sequence of LevelThreshold
        What the flag threshold of each level meant on held-out pupils.
    changes : sequence of str
        What changed since the model in force before, in sentences; empty when nothing was compared.
    """

    model_id: str
    package_version: str
    synthetic: bool
    members: int
    leaves: int
    features: Sequence[str]
    reference_groups: str
    train_years: Sequence[int]
    as_of: Sequence[date]
    levels: Sequence[str]
    rows: int | None
    pupils: int | None
    events: int | None
    censored: int | None
    outcome_closes: tuple[int, int]
    base_rates: Sequence[BaseRate]
    calibration_kind: CalibrationKind
    calibration_chosen_on: str
    report: EvaluationReport
    untouched: bool
    dropped_features: Sequence[str] = ()
    warnings: Sequence[str] = ()
    kind: Literal["trees", "logistic"] = "trees"
    references: Sequence[str] = ()
    spread_factor: float = 1.0
    linear_share: float = 0.0
    penalty: float = 0.0
    unknown_flags: Sequence[str] = ()
    school_spread: float = 0.0
    changes: Sequence[str] = ()
    horizon_years: int = 1
    level_thresholds: Sequence[LevelThreshold] = ()
    calibration_groups: Sequence[str] = ()


def model_card(facts: CardFacts) -> str:
    """Write the model card, in Markdown.

    Parameters
    ----------
    facts : CardFacts
        What the card states.

    Returns
    -------
    str
        Markdown that ends with one line feed.

    Raises
    ------
    ModelError
        Facts that contradict each other, all listed: an unknown kind of calibration, a closing day that no year
        has, more events than rows, a report on synthetic rows for a real model.

    Examples
    --------
    >>> from decrochage_risk.evaluate.report import MeasuredRows, build_report
    >>> rows = MeasuredRows(outcome=[0, 0, 1, 1], risk=[0.1, 0.2, 0.2, 0.7])
    >>> tested = build_report(rows, title="Essai", synthetic=True, test_years=[2024], as_of=[date(2025, 3, 3)])
    >>> facts = CardFacts(
    ...     model_id="essai-1", package_version="2026.11.0", synthetic=True, members=5, leaves=15,
    ...     features=["absence_rate_4w"], reference_groups="niveau et mois", train_years=[2022, 2023],
    ...     as_of=[date(2024, 3, 4)], levels=["3e", "cap1"], rows=900, pupils=450, events=54, censored=3,
    ...     outcome_closes=(11, 1), base_rates=[BaseRate("ensemble", 900, 0.06)], calibration_kind="identity",
    ...     calibration_chosen_on="2023-2024", report=tested, untouched=True,
    ... )
    >>> model_card(facts).splitlines()[0]
    '# Fiche du modèle essai-1'
    """
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  # loaded on first use

    _check(facts)
    template = files(__package__).joinpath("card.md.j2").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=True)  # noqa: S701  # Markdown, not HTML: escaping would change the text
    environment.filters.update(_filters())
    return environment.from_string(template).render(facts=facts, hidden=HIDDEN).rstrip() + "\n"


def with_changes(card: str, section: str) -> str:
    r"""Put what has changed since the model before where the card said that nothing was compared.

    Parameters
    ----------
    card : str
        As :func:`model_card` wrote it.
    section : str
        From :data:`CHANGES` on, its own headings of level 3 at most.

    Raises
    ------
    ModelError
        The card has no such section.

    Examples
    --------
    >>> with_changes(f"# Fiche\n\n{CHANGES}\n\nRien.\n\n## Limites\n", f"{CHANGES}\n\n- Une année de plus\n")
    '# Fiche\n\n## Ce qui a changé depuis le modèle précédent\n\n- Une année de plus\n\n## Limites\n'
    """
    # A function as replacement: backslashes of the text would be read as groups.
    substitution = re.subn(
        rf"(?ms)^{re.escape(CHANGES)}$.*?(?=^## |\Z)", lambda _: f"{section.rstrip()}\n\n", card
    )
    if substitution[1] != 1:
        raise ModelError(
            explain_error(
                f"The card has {substitution[1]} sections {CHANGES!r}",
                expected="one, as model_card writes it",
                hint="Take the card of the trained model as it is.",
            )
        )
    return f"{substitution[0].rstrip()}\n"


def _check(facts: CardFacts) -> None:
    faults = []
    if facts.calibration_kind not in _CALIBRATIONS:
        faults.append(f"calibration {facts.calibration_kind!r}")
    month, last = facts.outcome_closes
    if not (1 <= month <= 12 and 1 <= last <= monthrange(_LEAP_YEAR, month)[1]):  # noqa: PLR2004  # months of a year
        faults.append(f"outcome_closes {facts.outcome_closes}")
    parts = [part for part in (facts.events, facts.pupils) if part is not None]
    if any(part < 0 or (facts.rows is not None and part > facts.rows) for part in parts):
        faults.append(f"{facts.rows} rows, {facts.pupils} pupils, {facts.events} events")
    # One way only: a model of real pupils must never be shown with the figures of made-up ones.
    if facts.report.synthetic and not facts.synthetic:
        faults.append("a report on synthetic pupils for a model that is said to be real")
    if faults:
        message = explain_error(
            "These facts cannot go into a model card: " + "; ".join(faults),
            expected=f"calibration among {', '.join(_CALIBRATIONS)}, a (month, day) of the year, events and pupils "
            "at most the rows, and synthetic=True wherever pupils are synthetic",
            hint="Take every fact from the trained model and its report, none by hand.",
        )
        raise ModelError(message)


def _filters() -> dict[str, Callable[..., object]]:
    return {
        "below": _below,
        "calibration": lambda kind: _CALIBRATIONS[kind],
        "closing": lambda closes: day(date(_LEAP_YEAR, *closes)),
        "code": lambda names: ", ".join(f"`{name}`" for name in names),
        "count": _counted,
        "described": _described,
        "families": _families,
        "days": lambda days: join([day(one, with_year=True) for one in days]) or _NOT_KNOWN,
        "factor": lambda value: number(value, 2),
        "number": lambda value: number(value, 1),
        "share": lambda share: HIDDEN if share is None else percent(share, 1),
        "whole": lambda count: HIDDEN if count is None else number(count, 0),
        "words": lambda words: join(list(words)) or _NOT_KNOWN,
        "years": lambda years: join([school_year(year) for year in years]) or _NOT_KNOWN,
    }


def _counted(count: int | None, one: str, many: str) -> str:
    return f"{many} : {HIDDEN}" if count is None else plural(count, one, many)


def _described(codes: Sequence[str]) -> list[tuple[str, str, str]]:
    """Give each variable with its family and what it is, in French; a column of another origin has its code alone."""
    return [
        (code, one.family.label, one.definition.replace("|", "/")) if one is not None else (code, "autre", "")
        for code, one in ((code, FEATURE_BY_NAME.get(code)) for code in codes)
    ]


def _families(codes: Sequence[str]) -> str:
    """Count variables by family, in the order of the first of each."""
    counts = Counter(family for _, family, _ in _described(codes))
    return join([f"{family[0].lower()}{family[1:]} ({count})" for family, count in counts.items()])


def _below(markdown: str) -> str:
    """Move the headings of a Markdown text two levels down, to stand under a section of the card."""
    return re.sub(r"(?m)^#", "###", markdown)
