"""From the result of one pupil to the notice: the four points of the law, what was missing, how to contest.

Article R311-3-1-2 of the CRPA asks for the degree and mode of contribution, the data and their sources, the
parameters and their weights for this person, and the operations. All of it comes from the run and its model,
so that a notice cannot say another number than the lists.
"""

from __future__ import annotations

from collections.abc import Mapping

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.features import CATALOGUE, FAMILIES
from decrochage_risk.model import closing_day
from decrochage_risk.notices.content import LEAST_POINTS, FamilyWeight, Notice, TableSource
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.school_year import school_year_of
from decrochage_risk.score import PupilRisk, RiskScores
from decrochage_risk.score.pupil_risk import PathRisk, horizon_words
from decrochage_risk.score.run_facts import NOT_IN_FORCE
from decrochage_risk.score.scoring import REFUSED

__all__ = ["notice"]

DEFAULT_SOURCE = "fichiers de gestion de l'établissement"
DEFAULT_CONTACT = "le chef d'établissement"
READ_TABLES = tuple(dict.fromkeys(("pupils", "enrolments", *(feature.table for feature in CATALOGUE))))
_STILL = 1e-9


def notice(
    scores: RiskScores,
    pupil: str | PupilRisk,
    *,
    sources: Mapping[str, str] | None = None,
    contact: str = DEFAULT_CONTACT,
) -> Notice:
    """Answer article R311-3-1-2 of the CRPA for one pupil, in plain French.

    A pupil without a score has a notice too, which says why there is none.

    Parameters
    ----------
    scores : RiskScores
        The run.
    pupil : str or PupilRisk
        Whom: an id, or a result of this run.
    sources : mapping of str to str, optional
        Where each table comes from ("export du logiciel de vie scolaire du 4 mars 2025"), by its name.
    contact : str
        Whom to ask, in French.

    Returns
    -------
    Notice
        With ``to_markdown()``, ``to_html()`` and ``to_json()``.

    Raises
    ------
    RecordsError
        A pupil that was not scored in this run, a scored one who was not explained (the weights are due), a result
        of another run, a source of an unknown table, an empty text, or other kinds of objects.

    Notes
    -----
    Sources: code des relations entre le public et l'administration, L311-3-1 and R311-3-1-2 (decree 2017-330); loi
    78-17, article 47; règlement (UE) 2016/679, articles 15, 16, 21 and 22.
    """
    _refuse_other_kinds(scores, pupil, sources, contact)
    pupil_risk = pupil if isinstance(pupil, PupilRisk) else scores[pupil]
    _refuse_unusable(scores, pupil_risk, pupil, sources or {})
    row = scores.frame.iloc[scores.frame.index[scores.frame["pupil_id"] == pupil_risk.pupil_id][0]]
    weights = _weights(scores, pupil_risk)
    return Notice(
        pupil_id=pupil_risk.pupil_id,
        level=LEVEL_BY_NAME[pupil_risk.level].label if pupil_risk.level else None,
        school_id=_text(row["school_id"]),
        class_id=_text(row["class_id"]),
        enrolled=bool(row["enrolled"]),
        as_of=pupil_risk.as_of,
        estimated=pupil_risk.risk is not None,
        cause=pupil_risk.cause,
        risk=pupil_risk.explained_risk,
        reference_risk=pupil_risk.reference_risk,
        flagged=pupil_risk.flagged,
        contribution=_contribution(scores, pupil_risk),
        reasons=tuple(reason.text for reason in pupil_risk.reasons),
        supports=tuple(reason.text for reason in pupil_risk.protective),
        comparable=pupil_risk.comparable.text if pupil_risk.comparable is not None else None,
        sources=_sources(pupil_risk, sources or {}),
        days_of_data=pupil_risk.data.days_of_data,
        set_aside=pupil_risk.data.set_aside,
        weights=weights,
        operations=_operations(pupil_risk, scores.method),
        missing=_missing(pupil_risk),
        measures=pupil_risk.measures,
        contest=_contest(contact),
        model=pupil_risk.model,
        policy_version=pupil_risk.policy_version,
        calendar_version=scores.run.calendar_version,
    )


def _refuse_other_kinds(scores: object, pupil: object, sources: object, contact: object) -> None:
    faults = []
    if not isinstance(scores, RiskScores):
        faults.append(f"scores is a {type(scores).__name__}")
    if not isinstance(pupil, str | PupilRisk):
        faults.append(f"pupil is a {type(pupil).__name__}")
    if not isinstance(contact, str) or not contact.strip():
        faults.append(f"contact={contact!r}")
    if sources is not None and not isinstance(sources, Mapping):
        faults.append(f"sources is a {type(sources).__name__}")
    elif sources:
        empty = [name for name, text in sources.items() if not isinstance(text, str) or not text.strip()]
        faults += [f"sources[{name!r}]={sources[name]!r}" for name in empty]
    if faults:
        raise RecordsError(
            explain_error(
                f"A notice cannot be written: {'; '.join(faults)}",
                expected="notice(RiskScores, id or PupilRisk, sources={table: text}, contact=text), no text empty",
                hint="Pass what score_pupils gave; leave sources and contact out for the usual words.",
            )
        )


def _refuse_unusable(
    scores: RiskScores, pupil_risk: PupilRisk, request: str | PupilRisk, sources: Mapping[str, str]
) -> None:
    faults, hints = [], []
    if isinstance(request, PupilRisk) and (
        pupil_risk.pupil_id not in scores or scores[pupil_risk.pupil_id] != pupil_risk
    ):
        faults.append(f"the result of {pupil_risk.pupil_id!r} is not of this run")
        hints.append("Take the result from these scores, or give the id alone.")
    if pupil_risk.risk is not None and not pupil_risk.explained:
        why = pupil_risk.explanation_cause or "the run did not explain this pupil"
        faults.append(f"no weights are known for {pupil_risk.pupil_id!r} ({why})")
        hints.append(f"Score with explain=[{pupil_risk.pupil_id!r}], which gives the weights of this pupil.")
    unknown = [name for name in sources if name not in READ_TABLES]
    if unknown:
        faults.append(f"sources names the tables {', '.join(map(repr, unknown))}")
        hints.append("Name a table as its file is named.")
    if faults:
        raise RecordsError(
            explain_error(
                f"A notice cannot be written: {'; '.join(faults)}",
                expected=f"a pupil of this run with its weights, and sources among {', '.join(READ_TABLES)}",
                hint=" ".join(hints),
            )
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _contribution(scores: RiskScores, pupil_risk: PupilRisk) -> tuple[str, ...]:
    closes = french.day(
        closing_day(school_year_of(pupil_risk.as_of), scores.run.outcome_closes, scores.run.horizon_years),
        with_year=True,
    )
    purpose = (
        "Mode : à une date donnée, un traitement estime la probabilité qu'un élève inscrit quitte la formation sans "
        f"diplôme avant le {closes}, pour que l'équipe éducative regarde à temps les situations fragiles."
    )
    if pupil_risk.path is not None:
        closes = french.day(
            closing_day(
                school_year_of(pupil_risk.as_of), scores.run.outcome_closes, pupil_risk.path.horizon_years
            ),
            with_year=True,
        )
        purpose += (
            f" En 4e et en 3e, il l'estime aussi sur le parcours, avant le {closes} ; les poids plus bas sont ceux de "
            f"l'estimation {horizon_words(pupil_risk.explained_horizon_years)}."
        )
    degree = (
        "Degré : l'estimation ne décide de rien et ne suffit jamais à elle seule. Une personne vérifie les faits avec "
        "l'élève, décide et en répond (RGPD, art. 22 ; loi 78-17, art. 47)."
    )
    if pupil_risk.risk is None:
        return (
            purpose,
            degree,
            f"Pour cet élève, il n'y a pas d'estimation : {pupil_risk.cause}. Rien n'en est déduit.",
        )
    bounds = _bounds(pupil_risk)
    caveat = "" if scores.run.policy_in_force else f" ; {NOT_IN_FORCE}"
    path = ""
    if pupil_risk.path is not None and pupil_risk.path.risk is not None:
        bounds = f"{bounds} sur l'année"
        path = f" et de {french.percent(pupil_risk.path.risk, 1)}{_bounds(pupil_risk.path)} sur le parcours"
    result = (
        f"Pour cet élève : estimation de {french.percent(pupil_risk.risk, 1)}{bounds}{path}, palier « {pupil_risk.tier_label} » ; "
        f"règle appliquée : {pupil_risk.flag_rule}{caveat}."
    )
    others = [pupil_risk.tier_precision.text] if pupil_risk.tier_precision is not None else []
    return purpose, degree, result, *others


def _bounds(estimate: PupilRisk | PathRisk) -> str:
    if estimate.interval is None:
        return ""
    return f" (fourchette {french.interval_percent(estimate.interval.low, estimate.interval.high)})"


def _sources(pupil_risk: PupilRisk, sources: Mapping[str, str]) -> tuple[TableSource, ...]:
    missing = set(pupil_risk.data.missing)
    read = {feature.table for feature in CATALOGUE if feature.name not in missing}
    always = {"pupils", "enrolments"} if pupil_risk.level is not None else {"pupils"}
    return tuple(
        TableSource(
            table=name,
            label=TABLES[name].label,
            known=name in read | always,
            source=sources.get(name, DEFAULT_SOURCE),
        )
        for name in READ_TABLES
    )


def _weights(scores: RiskScores, pupil_risk: PupilRisk) -> tuple[FamilyWeight, ...]:
    """Read the weight of every family; points by the secant of the logistic curve, so that they sum to the difference."""
    if pupil_risk.explained_risk is None or pupil_risk.reference_risk is None:
        return ()
    row = scores.contributions.loc[pupil_risk.pupil_id].to_numpy(dtype=float).tolist()
    log_odds = dict(zip(scores.contributions.columns, row, strict=True))
    log_odds_sum = sum(log_odds[family.code] for family in FAMILIES)
    reference = pupil_risk.reference_risk
    # Where nothing moves, the secant is 0 over 0: the slope of the curve at the reference stands in for it.
    slope = (
        (pupil_risk.explained_risk - reference) / log_odds_sum
        if abs(log_odds_sum) > _STILL
        else reference * (1.0 - reference)
    )
    facts, missing = scores.facts(pupil_risk.pupil_id), set(pupil_risk.data.missing)
    points = {
        name: 100.0 * slope * value for name, value in scores.feature_weights(pupil_risk.pupil_id).items()
    }
    heavy = {name for name, value in points.items() if abs(value) >= LEAST_POINTS}
    return tuple(
        FamilyWeight(
            family=family.code,
            label=family.label,
            log_odds=log_odds[family.code],
            points=100.0 * slope * log_odds[family.code],
            facts=tuple(
                facts[one.name]
                for one in CATALOGUE
                if one.family == family and one.name in facts and one.name in heavy
            ),
            light=tuple(
                facts[one.name]
                for one in CATALOGUE
                if one.family == family and one.name in facts and one.name not in heavy
            ),
            missing=sum(one.family == family and one.name in missing for one in CATALOGUE),
        )
        for family in FAMILIES
    )


def _missing(pupil_risk: PupilRisk) -> tuple[str, ...]:
    """Say per family how many values are not known; a missing value weighs nothing."""
    if pupil_risk.risk is None and pupil_risk.cause != REFUSED:
        return ()
    if pupil_risk.cause == REFUSED:
        return ("La famille s'est opposée au traitement : aucune donnée de l'élève n'a servi",)
    missing = set(pupil_risk.data.missing)
    parts = []
    for family in FAMILIES:
        names = [feature.name for feature in CATALOGUE if feature.family == family]
        count = sum(name in missing for name in names)
        if count:
            parts.append(f"{family.label[0].lower()}{family.label[1:]} ({count} sur {len(names)})")
    if not parts:
        return ()
    return (f"Données manquantes, qui ne comptent ni pour ni contre : {french.join(parts)}",)


def _operations(pupil_risk: PupilRisk, method: tuple[str, int]) -> tuple[str, ...]:
    read = (
        f"Lecture et vérification des données connues au matin du {french.day(pupil_risk.as_of, with_year=True)} ; rien de "
        "daté ou saisi ce jour-là ou après n'est utilisé."
    )
    if pupil_risk.risk is None:
        return read, f"Arrêt : {pupil_risk.cause}. Aucune estimation, aucun palier."
    return (
        read,
        (
            f"Calcul de {len(CATALOGUE)} variables (absences, notes, parcours, orientation) ; une donnée manquante prend la "
            "valeur de l'élève type."
        ),
        (
            f"Estimation par {_method_words(*method)}, puis calibration, pour qu'une estimation de 20{french.NO_BREAK_SPACE}% "
            "corresponde à environ 1 sortie sans diplôme pour 5 élèves."
        ),
        "Décomposition exacte de l'écart à l'élève type (valeurs de Shapley), additionnée par groupe de faits.",
        "Comparaison au seuil du niveau, le même pour tous ; aucun classement entre élèves.",
        "Liste des mesures dont les conditions (âge, niveau, dates, faits) sont remplies ; aucune n'est décidée.",
    )


def _method_words(kind: str, members: int) -> str:
    one, many = {
        "trees": ("un ensemble d'arbres de décision, appris", "ensembles d'arbres de décision, appris"),
        "logistic": ("une régression logistique, apprise", "régressions logistiques, apprises"),
    }[kind]
    return f"{one if members == 1 else f'la moyenne de {members} {many}'} sur des années passées"


def _contest(contact: str) -> tuple[str, ...]:
    return (
        f"Pour demander une explication, la correction d'une donnée ou un nouvel examen par une personne : {contact}.",
        (
            "Accès, rectification, opposition (RGPD, art. 15, 16 et 21) : le même contact, ou le délégué à la protection des "
            "données ; réclamation possible auprès de la CNIL."
        ),
        (
            "Sans réponse dans le mois, la demande est réputée refusée ; la CADA (Commission d'accès aux documents "
            "administratifs) peut être saisie dans les deux mois."
        ),
    )
