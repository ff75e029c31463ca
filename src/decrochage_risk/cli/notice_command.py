"""``notice``: one page per pupil, on what was computed, from what, with which weights (CRPA, R311-3-1-2)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import decrochage_risk as dr
from decrochage_risk.cli.files import check_target_folder, load_chosen, policy_files, read_extracts, writing
from decrochage_risk.cli.options import (
    AlsaceMoselle,
    AsOf,
    CalendarFile,
    Contact,
    Group,
    ModelSha256,
    OnFault,
    OnFaultOption,
    Processing,
    RecordsFolder,
    Zone,
    chosen_calendar,
    ids_of_file,
    named_texts,
)
from decrochage_risk.cli.output import say, steps
from decrochage_risk.cli.score_command import (  # Typer reads them at run time
    Capacity,
    Exclude,
    ModelFolder,
    PolicyPath,
    asked_places,
)
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.pages import page_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decrochage_risk.notices import Notice
    from decrochage_risk.records import PupilRecords
    from decrochage_risk.score import RiskScores

__all__ = ["notice"]

_STEPS = 3


class Form(StrEnum):
    """What a notice is written as."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"


Pupils = Annotated[
    list[str],
    typer.Option(
        "--pupil", metavar="ID", show_default=False, help="Élève dont on veut la notice ; à répéter."
    ),
]
Out = Annotated[
    Path,
    typer.Option("--out", metavar="DOSSIER", help="Où écrire les notices."),
]
FormOption = Annotated[Form, typer.Option("--format", help="Forme de la notice.")]
Source = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="TABLE=TEXTE",
        show_default=False,
        help="D'où vient une table, par exemple « absences=export du 4 mars 2025 » ; à répéter.",
    ),
]


def notice(  # noqa: PLR0913 - one argument per option of the command
    folder: RecordsFolder,
    *,
    as_of: AsOf,
    pupil: Pupils,
    model: ModelFolder = None,
    model_sha256: ModelSha256 = None,
    out: Out = Path("out/notices"),
    form: FormOption = Form.HTML,
    contact: Contact = "le chef d'établissement",
    source: Source = None,
    processing: Processing = None,
    capacity: Capacity = None,
    exclude: Exclude = None,
    on_fault: OnFaultOption = OnFault.RAISE,
    calendar: CalendarFile = None,
    zone: Zone = None,
    alsace_moselle: AlsaceMoselle = False,
    policy: PolicyPath = None,
    group: Group = False,
) -> None:
    """Écrire la notice d'un élève : part de l'estimation, données, poids appliqués, opérations, recours.

    Lit : le dossier des extraits, comme « score ». Un élève sans estimation a aussi sa notice, qui dit pourquoi.

    Écrit : une page par élève dans le dossier de sortie.
    """
    from decrochage_risk.school_year import to_date  # noqa: PLC0415 - numpy and pandas load on first use

    day = to_date(as_of)
    check_target_folder(out, reads=[folder, model, exclude, calendar, *policy_files(policy)])
    days = chosen_calendar(calendar, zone, alsace_moselle=alsace_moselle, folder=folder)
    objectors, rules, places = ids_of_file(exclude), dr.load_policy(policy), asked_places(capacity or ())
    texts = {
        "sources": named_texts("--source", source or (), example="absences=export du 4 mars 2025"),
        "processing": named_texts("--processing", processing or (), example="dpo=dpo@exemple.fr"),
    }
    with steps(_STEPS) as step:
        step("Lecture du modèle")
        current = load_chosen(model, model_sha256)
        step("Lecture et vérification des extraits")
        extracts = read_extracts(folder, on_fault=on_fault, calendar=days, as_of=day)
        step("Estimations et notices")
        ids = _asked(pupil, extracts.records)
        scores = dr.score_pupils(
            extracts.records, as_of=day, model=current, policy=rules, explain=ids, exclude=objectors
        )
        ranking = None if places is None else dr.capacity_list(scores, places.of(_open_schools(scores)))
        notices = [dr.notice(scores, one, contact=contact, capacity=ranking, **texts) for one in ids]
        paths = [_write(one, out, form, group=group) for one in notices]
    if scores.run.is_blocked:
        say(f"Avis de la fiche du modèle : {scores.run.verdict}")
    for line in extracts.told():
        say(line)
    for path in paths:
        say(f"Notice : {path}")


def _open_schools(scores: RiskScores) -> list[str]:
    """Name the schools that have pupils that day, each once."""
    frame = scores.frame
    schools: list[str] = frame.loc[frame["enrolled"], "school_id"].unique().tolist()
    return schools


def _asked(pupils: Sequence[str], records: PupilRecords) -> list[str]:
    """Give the pupils asked for, each once; refuse those whom the extracts do not hold, all at once."""
    ids, pupil_ids = list(dict.fromkeys(pupils)), set(records.pupils["pupil_id"])
    unknown = [repr(pupil) for pupil in ids if pupil not in pupil_ids]
    if unknown:
        raise RecordsError(
            explain_error(
                f"--pupil names {len(unknown)} unknown pupil{'s' * (len(unknown) > 1)}: {', '.join(unknown)}",
                expected="ids of the pupils table",
                hint="Ids are compared letter by letter, with their leading zeros.",
            )
        )
    return ids


def _write(answer: Notice, folder: Path, form: Form, *, group: bool) -> Path:
    text = {Form.HTML: answer.to_html, Form.MARKDOWN: answer.to_markdown, Form.JSON: answer.to_json}[form]()
    path = folder / page_name("notice", answer.pupil_id, form)
    from decrochage_risk.result_folders import private_file, restrict  # noqa: PLC0415 - only where something is written

    with writing(folder):
        restrict(folder, group=group)
        with private_file(path, group=group) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")
    return path
