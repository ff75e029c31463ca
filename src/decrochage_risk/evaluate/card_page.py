"""The model card as a web page: two pages that anybody reads, then the same text and tables as the Markdown.

First what it is, the verdict, whether what it announces comes true, what its list finds at which workload, for whom it errs,
what it is for and never for; then contents and tables, the codes of the variables last. One file without scripts or outside
links. The Markdown is read by markdown-it (which rich brings) with raw HTML switched off, so a name holding ``<`` stays text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from decrochage_risk.evaluate.tables import DIMENSIONS
from decrochage_risk.french import interval_percent, number, percent, plural, school_year
from decrochage_risk.pages import (
    Cell,
    Chart,
    Dot,
    Drawing,
    PageTable,
    Panel,
    dot_panel,
    french_spaces,
    render,
)
from decrochage_risk.pages.charts import BLUE, SOFT, nice_top
from decrochage_risk.small_cells import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from markdown_it.token import Token
    from markupsafe import Markup

    from decrochage_risk.evaluate.gates import GateResult
    from decrochage_risk.evaluate.groups import GroupFigures
    from decrochage_risk.evaluate.report import EvaluationReport

__all__ = ["card_page"]

_TOLD_LEVELS = 12
_TOLD_GATES = 3
_CODES = "Variables et leurs codes"
_CODE = re.compile(r"`([a-z][a-z0-9_]*)`")
_NUMBERS = re.compile(r"[\d\s,.;:%\[\]()/+−–-]*")
_NO_NUMBER = frozenset({HIDDEN, "trop petit", "non mesuré"})
_DESCRIBED = re.compile(r"\| `([a-z0-9_]+)` \| (.*?) \| (.*) \|")
_STOPS = frozenset({"fairness_block", "no_better_than_chance"})
_DIMENSIONS = (("sex", "Sexe"), ("years_behind", "Âge et niveau"), ("pathway", "Voie"))
_WORDS = {
    "F": "filles", "M": "garçons", "voie générale et technologique": "générale, techno.",
    "voie professionnelle": "professionnelle", "à l'heure ou en avance": "à l'heure", "2 ans de retard ou plus": "2 ans ou plus",
    "1re générale ou technologique": "1re GT", "2de générale et technologique": "2de GT", "terminale générale ou technologique": "terminale GT",
    "terminale professionnelle": "terminale pro", "1re professionnelle": "1re pro", "2de professionnelle": "2de pro",
    "1re année de CAP": "CAP, 1re année", "2e année de CAP": "CAP, 2e année", "3e prépa-métiers": "3e prépa-m.",
}  # fmt: skip


def card_page(card: str, report: EvaluationReport | Mapping[str, Any] | None = None) -> str:
    r"""Write a model card as HTML.

    Parameters
    ----------
    card : str
        The card in Markdown, from `decrochage_risk.evaluate.card.model_card`.
    report : EvaluationReport or mapping, optional
        The figures behind it (``TrainedModel.report`` too): the page then opens with its drawings.

    Returns
    -------
    str
        A whole page, the same bytes for the same card and report.

    Examples
    --------
    >>> page = card_page("# Fiche <b>\n\n| a |\n|---|\n| 1 |\n")
    >>> "<title>Fiche &lt;b&gt;</title>" in page, "<h1>Fiche &lt;b&gt;</h1>" in page, '<th scope="row">1</th>' in page
    (True, True, True)
    """
    title = next((line[2:] for line in card.splitlines() if line.startswith("# ")), "Fiche du modèle")
    body, contents = _body(_codes_last(card))
    evaluation = _read(report)
    return render(
        f"{__package__}/card.html.j2",
        foot=title,
        title=title,
        body=body,
        contents=contents,
        front=None if evaluation is None else _front(evaluation),
    )


def _read(report: EvaluationReport | Mapping[str, Any] | None) -> EvaluationReport | None:
    from decrochage_risk.evaluate.report import EvaluationReport  # noqa: PLC0415 - pydantic models load on first use

    if report is None or isinstance(report, EvaluationReport):
        return report
    # Reports of older models have other fields: what is known is shown.
    fields = {name: value for name, value in report.items() if name in EvaluationReport.model_fields}
    return EvaluationReport.model_validate(fields) if "figures" in fields else None


# The front --------------------------------------------------------------------------------------------------


def _front(report: EvaluationReport) -> dict[str, Any]:
    whole = next((one for one in report.lists if one.as_of is None), None)
    years = " et ".join(school_year(year) for year in report.test_years)
    people = f" de {plural(report.figures.pupils, 'élève')}" if report.figures.pupils else ""
    return {
        "synthetic": report.synthetic,
        "stop": any(one.code in _STOPS for one in report.advice),
        "verdict": [one.sentence for one in report.advice],
        "gates": _gates(report),
        "reliability": _reliability(report),
        "workload": _workload(report),
        "errors": _errors(report),
        "list": None if whole is None else _list_words(whole.listed, whole.rows, whole.hits, whole.events),
        "measured": (
            f"Mesuré en {years} : {_counted(report.figures.rows, 'observation')}{people}, dont "
            f"{_counted(report.figures.events, 'suivie', 'suivies')} d'une sortie."
        ),
    }


def _counted(count: int | None, one: str, many: str | None = None) -> str:
    """Count, or say that the count is hidden."""
    many = many or f"{one}s"
    return f"{many} en nombre {HIDDEN}" if count is None else plural(count, one, many)


def _list_words(listed: int | None, rows: int | None, hits: int | None, events: int | None) -> str | None:
    if listed is None or rows is None:
        return None
    if hits is None or events is None:
        return f"Au seuil livré, {number(100 * listed / rows, 0)} élèves sur 100 sont à regarder."
    return (
        f"Au seuil livré, {number(100 * listed / rows, 0)} élèves sur 100 sont à regarder ; {number(100 * hits / events, 0)} "
        f"sorties sur 100 étaient dans la liste, {number(100 * (1 - hits / events), 0)} n'y étaient pas."
        if events
        else f"Au seuil livré, {number(100 * listed / rows, 0)} élèves sur 100 sont à regarder."
    )


def _gates(report: EvaluationReport) -> str:
    gates = [one for one in report.gates if one.verdict != "not_applicable"]
    if not gates:
        return "Aucun contrôle d'équité n'a pu être mesuré."
    obstacles = [one for one in gates if one.verdict == "block"]
    pass_count = sum(one.verdict == "pass" for one in gates)
    sentences = [f"{_gate_name(one)} : {one.reason}." for one in obstacles[:_TOLD_GATES]]
    others = len(obstacles) - _TOLD_GATES
    more = [f"{plural(others, 'autre obstacle', 'autres obstacles')} dans les tables."] if others > 0 else []
    passes = plural(pass_count, "contrôle admis", "contrôles admis")
    return " ".join([*sentences, *more, f"{passes} sur {len(gates)} mesurables."])


def _gate_name(gate: GateResult) -> str:
    """Say of whom a gate is, as a sentence begins."""
    if gate.dimension == "sex":
        return "Filles et garçons"
    name = f"{DIMENSIONS.get(gate.dimension, gate.dimension)} {_WORDS.get(gate.group, gate.group)}"
    return f"{name[0].upper()}{name[1:]}"


def _reliability(report: EvaluationReport) -> Chart | None:
    bins = report.reliability
    if not bins:
        return None
    largest = max(max(one.mean_risk, one.high) for one in bins)
    rows = [
        [
            Cell(percent(one.mean_risk, 1), 100 * one.mean_risk), Cell(percent(one.observed, 1), 100 * one.observed),
            Cell(interval_percent(one.low, one.high, 1)), Cell(number(one.rows), str(one.rows)),
        ]
        for one in bins
    ]  # fmt: skip
    descriptions = [f"annoncé {percent(one.mean_risk)}, constaté {percent(one.observed)}" for one in bins]
    return Chart(
        "calibration",
        "Sorties constatées, pour 100 élèves, selon le risque annoncé",
        "Sur le trait oblique, ce qui est annoncé se vérifie. Trait vertical : intervalle à 95 %.",
        (Panel(_reliability_panel(bins, 100 * largest, " ; ".join(descriptions))),),
        (
            PageTable.of(
                "Calibration", ["Risque annoncé", "Constaté", "Intervalle à 95 %", "Observations"], rows,
                note="par dixièmes d'observations", numeric=[1, 2, 3],
            ),
        ),
    )  # fmt: skip


def _reliability_panel(bins: Sequence[Any], largest: float, caption: str) -> Markup:
    left, side = 30, 200
    end, step = nice_top(largest)
    drawing = Drawing(left + side + 24, side + 42)

    def x(share: float) -> float:
        return left + side * share / end

    def y(share: float) -> float:
        return 12 + side * (1 - share / end)

    mark = 0.0
    while mark <= end:
        drawing.line(left, y(mark), left + side, y(mark))
        drawing.text(left - 5, y(mark) + 4, number(mark), "s r")
        drawing.text(x(mark), side + 27, number(mark), "s m")
        mark += step
    drawing.line(x(0), y(0), x(end), y(end), stroke=SOFT, width=1.2, dash="4 3")
    for one in bins:
        at = x(100 * one.mean_risk)
        drawing.line(at, y(100 * one.low), at, y(100 * min(one.high, end / 100)), stroke=BLUE, width=1.5)
        drawing.dot(at, y(100 * one.observed), 3.5)
    drawing.text(left + 4, 9, "constaté, %", "s")
    drawing.text(left + side, side + 40, "risque annoncé, %", "s r")
    return drawing.markup("Sorties constatées selon le risque annoncé", caption)


def _workload(report: EvaluationReport) -> Chart | None:
    """Show for each level how many of those who left were on the list, and how many pupils it asks to look at."""
    levels = [one for one in report.groups if one.dimension == "level" and one.rows]
    if not levels:
        return None
    dots: list[Dot] = []
    rows: list[list[object]] = []
    for one in sorted(levels, key=lambda one: _ORDER.get(one.group, len(_ORDER))):
        if (
            one.missed is None
            or one.missed_low is None
            or one.missed_high is None
            or one.listed is None
            or not one.rows
        ):
            rows.append([one.group, "–", "–", "trop petit"])
            continue
        recall, load = 1 - one.missed, one.listed / one.rows
        dots.append(
            Dot(
                _WORDS.get(one.group, one.group), 100 * recall, 100 * (1 - one.missed_high), 100 * (1 - one.missed_low),
                shown=f"{number(100 * load, 0)} à voir",
            )
        )  # fmt: skip
        rows.append([one.group, Cell(percent(recall, 1), 100 * recall),
                     interval_percent(1 - one.missed_high, 1 - one.missed_low), Cell(percent(load, 1), 100 * load)])  # fmt: skip
    small = sum(1 for one in levels if one.missed is None)
    apart = f" {plural(small, 'niveau trop petit', 'niveaux trop petits')} : dans la table." if small else ""
    return Chart(
        "rappel",
        "Sorties qui étaient dans la liste, pour 100 sorties",
        f"Point et intervalle à 95 %. À droite : élèves à regarder, pour 100.{apart}",
        (Panel(dot_panel(dots[:_TOLD_LEVELS], title="Sorties dans la liste, par niveau", top=100, labels=100)),) if dots else (),
        (
            PageTable.of(
                "Rappel et charge par niveau", ["Niveau", "Dans la liste", "Intervalle à 95 %", "À regarder"], rows,
                numeric=[1, 2, 3],
            ),
        ),
    )  # fmt: skip


_ORDER = {
    name: place
    for place, name in enumerate(
        ("6e", "5e", "4e", "3e", "3e prépa-métiers", "6e SEGPA", "5e SEGPA", "4e SEGPA", "3e SEGPA",
         "2de générale et technologique", "1re générale ou technologique", "terminale générale ou technologique",
         "2de professionnelle", "1re professionnelle", "terminale professionnelle", "1re année de CAP", "2e année de CAP")
    )
}  # fmt: skip


def _errors(report: EvaluationReport) -> Chart | None:
    whole = next((one for one in report.lists if one.as_of is None), None)
    overall = None if whole is None or whole.recall is None else 100 * (1 - whole.recall)
    panels: list[list[Dot]] = [[], []]
    rows: list[list[object]] = []
    for number_of, (dimension, heading) in enumerate(_DIMENSIONS):
        groups = [one for one in report.groups if one.dimension == dimension]
        if groups:
            panel = panels[0] if number_of < 2 else panels[1]  # noqa: PLR2004 - sex and age beside each other
            panel.append(Dot(heading, heading=True))
            for one in groups:
                panel.append(_error_dot(one, overall))
                rows.append(_error_row(heading, one))
    drawings = tuple(
        Panel(dot_panel(dots, title="Sorties absentes de la liste, par groupe", top=100, labels=112))
        for dots in panels
        if dots
    )
    if not drawings:
        return None
    return Chart(
        "erreurs",
        "Sorties qui n'étaient pas dans la liste, pour 100 sorties",
        "Point et intervalle à 95 % ; trait : ensemble.",
        drawings,
        (
            PageTable.of(
                "Sorties absentes de la liste",
                ["Groupe", "Absentes", "Intervalle à 95 %"],
                rows,
                numeric=[1, 2],
            ),
        ),
    )


def _error_dot(one: GroupFigures, overall: float | None) -> Dot:
    label = _WORDS.get(one.group, one.group)
    if one.missed is None or one.missed_low is None or one.missed_high is None:
        return Dot(label, reference=overall, shown="trop petit", hidden=True)
    return Dot(
        label,
        100 * one.missed,
        100 * one.missed_low,
        100 * one.missed_high,
        reference=overall,
        shown=percent(one.missed, 1),
    )


def _error_row(heading: str, one: GroupFigures) -> list[object]:
    name = f"{heading} : {_WORDS.get(one.group, one.group)}"
    if one.missed is None or one.missed_low is None or one.missed_high is None:
        return [name, "trop petit", "–"]
    return [
        name,
        Cell(percent(one.missed, 1), 100 * one.missed),
        interval_percent(one.missed_low, one.missed_high),
    ]


# The body ---------------------------------------------------------------------------------------------------


def _body(card: str) -> tuple[Markup, list[tuple[str, str]]]:
    """Render the Markdown: headings get addresses, tables their captions and scopes, wide ones a box that scrolls."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - loaded on first use
    from markupsafe import Markup  # noqa: PLC0415 - jinja2 brings it

    # Raw HTML off: the name of a level or a file must not become a tag.
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = _without_title(reader.parse(card))
    contents: list[tuple[str, str]] = []
    heading = ""
    used: set[str] = set()
    level_before = 1
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[place + 1].content
            address = _address(heading, used)
            token.attrSet("id", address)
            # No level is left out, whatever the report below was called.
            level = min(int(token.tag[1]), level_before + 1)
            token.tag = tokens[place + 2].tag = f"h{level}"
            level_before = level
            if level == 2:  # noqa: PLR2004 - h2: the sections
                contents.append((heading, address))
        elif token.type == "table_open":
            token.meta["caption"] = heading
    _set_in_french(tokens)
    _mark_cells(tokens)
    reader.add_render_rule("table_open", _table_open)
    reader.add_render_rule("table_close", lambda *_: "</table></div>\n")
    # markdown-it has escaped the text: what comes here holds no tag but its own
    return Markup(reader.renderer.render(tokens, reader.options, {})), contents  # noqa: S704


def _codes_last(card: str) -> str:
    """Give variables their French names; their codes, which only analysts read, go to tables at the end."""
    from decrochage_risk.features import FEATURE_BY_NAME  # noqa: PLC0415 - features load on first use

    card_lines, described = _described_apart(card)
    lines, tables, codes_apart = [], _described_table(described), []
    for line in card_lines:
        codes = [code for code in _CODE.findall(line) if code in FEATURE_BY_NAME]
        others = [code for code in codes if code not in described]
        # A list of codes is for analysts; in a sentence a variable gets its French name.
        if line.startswith("- ") and len(codes) > 1:
            what = line[2:].partition("`")[0].rstrip(" :")
            lines.append(f"- {what} : à la fin, dans « {_CODES} »")
            tables += [f"### {what}", "", *_code_table(others), ""] if others else []
            continue
        codes_apart += others
        for code in codes:
            line = line.replace(f"`{code}`", f"« {_name_of(code)} »")  # noqa: PLW2901 - the line is rewritten
        lines.append(line)
    if codes_apart:
        tables += ["### Variables nommées plus haut", "", *_code_table(dict.fromkeys(codes_apart)), ""]
    return "\n".join([*lines, *(["", f"## {_CODES}", "", *tables] if tables else [])]) + "\n"


def _described_apart(card: str) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """Part the lines of a card from the definition and group of each code, which a section of it may list."""
    lines: list[str] = []
    described: dict[str, tuple[str, str]] = {}
    inside = False
    for line in card.splitlines():
        if line.startswith("#"):
            inside = line.lstrip("# ") == _CODES
        if not inside:
            lines.append(line)
        elif row := _DESCRIBED.fullmatch(line):
            # The card of a second horizon inside this one lists the same codes again.
            described.setdefault(row[1], (row[3], row[2]))
        elif not line.startswith(("#", "| code |", "|---")):
            lines.append(line)
    return lines, described


def _described_table(described: Mapping[str, tuple[str, str]]) -> list[str]:
    if not described:
        return []
    rows = [f"| {words} | {family} | `{code}` |" for code, (words, family) in described.items()]
    return ["| Ce que c'est | Groupe | Code |", "|---|---|---|", *rows, ""]


def _code_table(codes: Iterable[str]) -> list[str]:
    rows = [f"| {_name_of(code)} | `{code}` |" for code in codes]
    return ["| Variable | Code |", "|---|---|", *rows]


def _name_of(code: str) -> str:
    """Name a variable by its title, inside a table of Markdown."""
    from decrochage_risk.features import FEATURE_BY_NAME  # noqa: PLC0415 - features load on first use

    return FEATURE_BY_NAME[code].title.replace("|", "\\|")


def _table_open(_: object, tokens: Sequence[Token], place: int, *__: object) -> str:
    from html import escape  # noqa: PLC0415 - only here

    caption = escape(re.sub(r"[`*]", "", tokens[place].meta.get("caption", "")))
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table class="long"><caption>{caption}</caption>\n'


def _without_title(tokens: list[Token]) -> list[Token]:
    """Leave out the first heading, which stands in the head of the page."""
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        return tokens[3:]
    return tokens


def _address(heading: str, used: set[str]) -> str:
    plain = unicodedata.normalize("NFD", heading).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"
    address, number_of = base, 2
    while address in used:
        address, number_of = f"{base}-{number_of}", number_of + 1
    used.add(address)
    return address


def _set_in_french(tokens: Sequence[Token]) -> None:
    """Set spaces and apostrophes of the sentences as on every other page; code stays as it is."""
    for token in tokens:
        for part in token.children or ():
            if part.type == "text":
                # What stands for a hidden number stays in one piece, as a number would.
                is_word = token.content in _NO_NUMBER
                part.content = part.content.replace(" ", "\u00a0") if is_word else french_spaces(part.content)


def _cells_of_words(tokens: Sequence[Token]) -> set[int]:
    """Find the cells whose column holds words: set to the right, names would stand away from what they name."""
    words: set[int] = set()
    columns: dict[int, list[int]] = {}
    column = 0
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            columns = {}
        elif token.type == "tr_open":
            column = 0
        elif token.type in {"th_open", "td_open"}:
            columns.setdefault(column, []).append(place)
            column += 1
        elif token.type == "table_close":
            for places in columns.values():
                body = [tokens[one + 1].content for one in places if tokens[one].type == "td_open"]
                if not all(cell in _NO_NUMBER or _NUMBERS.fullmatch(cell) for cell in body):
                    words.update(places)
    return words


def _mark_cells(tokens: Sequence[Token]) -> None:
    """Give headings of columns and rows their scope; numbers their class in place of a style."""
    first = False
    words = _cells_of_words(tokens)
    for place, token in enumerate(tokens):
        is_cell = token.type in {"th_open", "td_open"} and place not in words
        if is_cell and "right" in str(token.attrGet("style")):
            token.attrSet("class", "num")
        # markdown-it writes alignment as a style; the stylesheet of the card has classes for it.
        token.attrs.pop("style", None)
        if token.type == "tr_open":
            first = True
        elif token.type == "th_open":
            first = False
            if tokens[place + 1].content:
                token.attrSet("scope", "col")
            else:  # the corner above the headings of the rows: a heading without words would be read out as one
                token.tag = tokens[place + 2].tag = "td"
        elif token.type == "td_open" and first:
            token.tag = tokens[place + 2].tag = "th"
            token.attrSet("scope", "row")
            first = False
