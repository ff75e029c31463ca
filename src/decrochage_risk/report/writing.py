"""A folder of pages: schools, class lists, pupils, notices, networks, the card, and an index; written school by school.

A run replaces only what an earlier run of ours wrote, as a whole or not at all: see :class:`ResultFolder`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from decrochage_risk import french
from decrochage_risk.csv_files import read_csv
from decrochage_risk.errors import RecordsError, explain_error, refuse_other_kinds
from decrochage_risk.model import TrainedModel
from decrochage_risk.notices import notice
from decrochage_risk.pages import page_name, render
from decrochage_risk.pages.rendering import SORTING
from decrochage_risk.report.drawings import way_sign
from decrochage_risk.report.facts import PupilFacts
from decrochage_risk.report.pupil_page import pupil_page
from decrochage_risk.report.school_pages import class_page, school_page
from decrochage_risk.report.situations import Way, schools_of
from decrochage_risk.report.territory import count_territory
from decrochage_risk.report.territory_page import TerritoryReport
from decrochage_risk.result_folders import ResultFolder
from decrochage_risk.threads import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    import pandas as pd

    from decrochage_risk.report.situations import School, Situation
    from decrochage_risk.score import Changes, RiskScores, RunFacts

    Progress = Callable[[str, int, int], None]

__all__ = ["ReportFolder", "names_of_file", "write_report"]

_SEVERAL = 4
"""Situations of a class list from which more of them show nothing new."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the index."""

    school_id: str
    network_id: str
    link: str
    counts: tuple[int, ...]


@dataclass(slots=True)
class ReportFolder:
    """A folder of pages in the making: schools are added one run after the other, the index comes last.

    Parameters
    ----------
    target : Path
        Where the pages go: new, empty, or holding only what an earlier run listed there.
    names : mapping of str to str
        The school's own names by pupil id; shown in pages, kept nowhere else.
    despite_verdict : bool
        Put the estimated risk on the lists though the card of the model says not to issue one; the other ways always are.
    notices : bool
        Whether each explained situation gets its notice.
    contact : str
        Whom families ask, for the notices.
    sources : mapping of str to str
        Where each table comes from, for the notices.
    processing : mapping of str to str
        What only the controller knows, for the notices.
    group : bool
        Whether the group of the folder may read the pages (0640 in 0750); its owner alone otherwise.

    Attributes
    ----------
    pages : int
        Pages written so far.
    """

    target: Path
    names: Mapping[str, str] = field(default_factory=dict)
    despite_verdict: bool = False
    notices: bool = True
    contact: str = "le chef d'établissement"
    sources: Mapping[str, str] = field(default_factory=dict)
    processing: Mapping[str, str] = field(default_factory=dict)
    group: bool = False
    pages: int = 0
    _schools: list[_Entry] = field(default_factory=list)
    _others: list[tuple[str, str, str, str]] = field(default_factory=list)
    _examples: dict[str, tuple[int, str]] = field(default_factory=dict)
    _run: RunFacts | None = None
    _result: ResultFolder = field(init=False)

    def __post_init__(self) -> None:
        self._result = ResultFolder(self.target, group=self.group)

    def __enter__(self) -> Self:
        self._result.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException as failure:
            self._result.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._result.__exit__(kind, error, where)

    @property
    def draft(self) -> Path:
        """Where pages are written until all are there."""
        return self._result.draft

    def add(
        self, scores: RiskScores, *, changes: Changes | None = None, progress: Progress | None = None
    ) -> None:
        """Write the pages of every school of a run.

        Parameters
        ----------
        scores : RiskScores
            A run, or the part of one that holds whole schools.
        changes : Changes, optional
            What changed since an earlier day.
        progress : callable, optional
            Called for each school with a French line, how much is done and how much there is.
        """
        self._run = scores.run
        facts = PupilFacts(scores.known, scores.records, scores.silence)
        count = scores.frame["school_id"].nunique(dropna=False)
        for number, school in enumerate(schools_of(scores, self.names, despite_verdict=self.despite_verdict)):
            if progress is not None:
                progress("Pages par établissement", number, count)
            if school.classes:
                self._school(school, scores, facts, changes)

    def write(self, page: str, text: str) -> str:
        """Write one page of the folder; give its address in it."""
        path = self.draft / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        self.pages += 1
        return page

    def card(self, model: TrainedModel) -> str:
        """Write the card of a model, and that of its second horizon where it has one; give the address of the first."""
        from decrochage_risk.evaluate.card_page import card_page  # noqa: PLC0415 - to score pupils loads no evaluation

        link = self.write("fiche.html", card_page(model.card, model.report))
        self.list_page("Fiche du modèle", link, "tous ; analystes", "2 pages, puis les tables")
        if model.path is not None:
            # A drawing holds one horizon: the second has its two pages of its own.
            of_path = self.write("fiche-parcours.html", card_page(model.path.card, model.path.report))
            self.list_page(
                "Fiche du modèle, parcours de trois ans",
                of_path,
                "tous ; analystes",
                "2 pages, puis les tables",
            )
        return link

    def list_page(self, name: str, link: str, readers: str, paper: str) -> None:
        """Put another page (a network's, the card) onto the index."""
        self._others.append((name, link, readers, paper))

    def network(self, report: TerritoryReport) -> str:
        """Write the diagnosis of a network, with the numbers of each drawing; give its address."""
        place = f"reseaux/{page_name('reseau', report.network).removesuffix('.html')}"
        report.write(self.draft / place, trail=(("Index", "../../index.html"),))
        self.pages += 1
        link = f"{place}/index.html"
        self.list_page(
            f"Diagnostic du réseau {report.network}", link, "coordonnateur MLDS, DRAIO", "3 à 4 pages"
        )
        return link

    def _school(self, school: School, scores: RiskScores, facts: PupilFacts, changes: Changes | None) -> None:
        place = f"etablissements/{page_name('etab', school.school_id).removesuffix('.html')}"
        names = {each.name: page_name("classe", each.name) for each in school.classes}
        pupils = {one.pupil.pupil_id: page_name("eleve", one.pupil.pupil_id) for one in school.situations}
        above: tuple[tuple[str, str], ...] = (("Index", "../../index.html"),)
        home = self.write(
            f"{place}/index.html",
            school_page(school, scores.run, classes=names, trail=above),
        )
        trail = (*above, (school.school_id, "index.html"))
        for each in school.classes:
            page = class_page(school, each, scores.run, pupils=pupils, trail=trail)
            self._example(
                "classe", self.write(f"{place}/{names[each.name]}", page), _telling(each.situations)
            )
            for one in each.situations:
                self._pupil(one, scores, facts, changes, place, (*trail, (each.name, names[each.name])))
        self._example("etablissement", home, _telling(school.situations))
        counts = (
            school.pupils,
            *(sum(each.by_way(way) for each in school.classes) for way in Way),
            len(school.situations),
        )
        self._schools.append(_Entry(school.school_id, school.network_id or "", home, counts))

    def _pupil(
        self,
        one: Situation,
        scores: RiskScores,
        facts: PupilFacts,
        changes: Changes | None,
        place: str,
        trail: tuple[tuple[str, str], ...],
    ) -> None:
        pupil_id = one.pupil.pupil_id
        link = ""
        # A notice owes the weights: a scored pupil who was not explained has none.
        if self.notices and (one.pupil.risk is None or one.pupil.explained):
            link = page_name("notice", pupil_id)
            answer = notice(
                scores, one.pupil, sources=self.sources, contact=self.contact, processing=self.processing
            )
            self._example("notice", self.write(f"{place}/{link}", answer.to_html()), _telling([one]))
        page = pupil_page(one, scores.run, facts, trail=trail, changes=changes, notice_link=link)
        self._example("eleve", self.write(f"{place}/{page_name('eleve', pupil_id)}", page), _telling([one]))

    def _example(self, kind: str, link: str, telling: int) -> None:
        """Keep the first of the most telling pages of a kind, for the index."""
        if telling and telling > self._examples.get(kind, (0, ""))[0]:
            self._examples[kind] = telling, link

    def _finish(self) -> None:
        run = self._run
        if run is None:
            raise RecordsError(
                explain_error(
                    f"No run was written into {self.target}",
                    expected="at least one run of a school",
                    hint="Call add(scores) before the end.",
                )
            )
        self.write("index.html", _index(run, self._schools, self._examples, self._others))


def _telling(situations: Sequence[Situation]) -> int:
    """Say how much a page shows of what pages of its kind can show: ways onto the list, and several situations."""
    return len({way for one in situations for way in one.ways}) + min(len(situations), _SEVERAL)


_KINDS = (
    ("etablissement", "Un établissement", "chef d'établissement, CPE", "1 page"),
    ("classe", "La liste d'une classe", "réunion du GPDS", "1 ou 2 pages, paysage"),
    ("eleve", "Un élève", "l'équipe qui connaît l'élève", "2 ou 3 pages"),
    ("notice", "Une notice", "l'élève et sa famille", "2 pages"),
)


def _index(
    run: RunFacts,
    schools: list[_Entry],
    examples: Mapping[str, tuple[int, str]],
    others: list[tuple[str, str, str, str]],
) -> str:
    pages = [
        (name, examples[kind][1], readers, paper) for kind, name, readers, paper in _KINDS if kind in examples
    ]
    lines = [
        (
            one.school_id,
            one.link,
            one.network_id or "–",
            [french.number(count) if count else "–" for count in one.counts],
        )
        for one in sorted(schools, key=lambda one: (one.network_id, one.school_id))
    ]
    return render(
        f"{__package__}/index.html.j2",
        foot=f"Pages au {french.day(run.as_of, with_year=True)}",
        run=run,
        pages=[*pages, *others],
        schools=lines,
        ways=[(way_sign(way), way.label) for way in Way],
        sorting=SORTING,
    )


def write_report(  # noqa: PLR0913 - the choices of a report, each with its default
    scores: RiskScores,
    folder: str | Path,
    *,
    names: Mapping[str, str] | str | Path | None = None,
    despite_verdict: bool = False,
    since: RiskScores | None = None,
    notices: bool = True,
    contact: str = "le chef d'établissement",
    sources: Mapping[str, str] | None = None,
    processing: Mapping[str, str] | None = None,
    networks: Iterable[str] = (),
    model: TrainedModel | None = None,
    group: bool = False,
    progress: bool | Progress = False,
) -> Path:
    """Write the pages of a run: schools, class lists, pupils on a list, their notices, and an index that opens them.

    Parameters
    ----------
    scores : RiskScores
        A run.
    folder : str or Path
        A new or empty folder, or one that holds only what an earlier run listed there, which is replaced as a whole.
    names : mapping of str to str, or path of a CSV file, optional
        The school's own names by pupil id, for pages that stay in the school; of a file, its columns ``pupil_id`` and ``name``, or
        those of the table that ``import --links`` wrote.
    despite_verdict : bool
        Put the estimated risk on the lists though the card of the model says not to issue one; pages then say so first.
    since : RiskScores, optional
        Scores of an earlier day: pages say what changed.
    notices : bool
        Whether to write the notice of each situation.
    contact : str
        Whom families ask, in French.
    sources : mapping of str to str, optional
        Where each table comes from, as for ``notice``.
    processing : mapping of str to str, optional
        What only the controller knows (RGPD, art. 13 and 14), as for ``notice``.
    networks : iterable of str
        Networks whose diagnosis is written, held against all schools of the run.
    model : TrainedModel, optional
        The model that gave the scores: its card is then among the pages.
    group : bool
        Whether the group of the folder may read the pages (0640 in 0750); its owner alone otherwise (0600 in 0700).
    progress : bool or callable
        True shows the schools done on a bar; a callable is told a French line for each, how much is done and how much there is.

    Returns
    -------
    Path
        The index page.

    Raises
    ------
    RecordsError
        A folder that holds anything of somebody else, that another run holds, or that cannot be written; a file of names that
        cannot be read, without its columns, or with two names for one id.

    Examples
    --------
    ``write_report(scores, "out/pages")`` gives ``out/pages/index.html``.
    """
    target = Path(folder)
    own_names = (
        names_of_file(Path(names)) if isinstance(names, str | Path) else {} if names is None else names
    )
    refuse_other_kinds(
        {"names": (own_names, Mapping), "model": (model, TrainedModel | None)},
        hint="names: a dict from pupil id to name, or the path of a CSV file; model: load_model(folder).",
    )
    try:
        with (
            progress_bar(progress) as tell,
            ReportFolder(
                target,
                own_names,
                despite_verdict,
                notices=notices,
                contact=contact,
                sources=sources or {},
                processing=processing or {},
                group=group,
            ) as report,
        ):
            report.add(scores, changes=None if since is None else scores.since(since), progress=tell)
            network_names = list(networks)
            if network_names:
                counts = count_territory(scores, despite_verdict=despite_verdict)
                for number, network in enumerate(network_names):
                    tell("Diagnostic des réseaux", number, len(network_names))
                    report.network(TerritoryReport(counts, network, scores.run))
            if model is not None:
                report.card(model)
    except OSError as error:
        raise RecordsError(
            explain_error(
                f"The pages cannot be written into {target} ({error.strerror or error})",
                expected="a folder that can be made and written",
                hint="Choose another folder, or make room on the disk.",
            )
        ) from error
    return target / "index.html"


def names_of_file(path: Path) -> dict[str, str]:
    r"""Read the school's own link table: ``pupil_id`` and ``name``, or what ``import --links`` wrote (family and first name).

    Raises
    ------
    RecordsError
        A file that cannot be read, without these columns, or with two names for one id.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "noms.csv").write_text("pupil_id;name\na1;Camille D.\n", encoding="utf-8")
    ...     names_of_file(Path(folder, "noms.csv"))
    {'a1': 'Camille D.'}
    """
    if not path.is_file():
        raise RecordsError(
            explain_error(
                f"The link table {path} is not there", expected="a CSV file", hint="Check the path."
            )
        )
    frame, _ = read_csv(path)
    if "name" not in frame and {"family_name", "first_name"} <= set(frame.columns):
        frame = frame.assign(name=_whole_names(frame))
    missing = [name for name in ("pupil_id", "name") if name not in frame]
    if missing:
        raise RecordsError(
            explain_error(
                f"The link table {path.name} lacks {', '.join(missing)}",
                expected=_LINK_COLUMNS,
                hint="Name these columns in its first line, or take the table that import --links wrote.",
            )
        )
    # A pupil of two schools or years may stand on several lines, under one name.
    pairs = frame.dropna(subset=["pupil_id", "name"]).drop_duplicates(subset=["pupil_id", "name"])
    repeats = pairs.loc[pairs["pupil_id"].duplicated(), "pupil_id"].tolist()
    if repeats:
        raise RecordsError(
            explain_error(
                f"The link table {path.name} gives {repeats[0]!r} two names",
                expected=_LINK_COLUMNS,
                hint="Keep one of them; without a look at it, a page could carry another pupil's name.",
            )
        )
    return {
        str(pupil): str(name).strip() for pupil, name in zip(pairs["pupil_id"], pairs["name"], strict=True)
    }


_LINK_COLUMNS = "the columns pupil_id and name, or family_name and first_name; one name for each pupil"


def _whole_names(frame: pd.DataFrame) -> pd.Series[str]:
    """Put first and family name together, the one in use where there is another than that of birth."""
    in_use = frame["family_name"]
    if "usage_name" in frame:
        in_use = frame["usage_name"].fillna(in_use)
    names = frame["first_name"].fillna("").str.strip() + " " + in_use.fillna("").str.strip()
    names = names.str.strip()
    return names.where(names != "")
