"""The diagnosis of a network: dots against a line for the region, each pathway on its own scale; no ranking of schools.

A share comes with its interval, and a gap is written in words only where it is beyond chance after all comparisons of
the page. What is hidden in a table is hidden in the drawing beside it, and in the CSV of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from decrochage_risk import french
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.pages import (
    Cell,
    Chart,
    Dot,
    Drawing,
    PageTable,
    Panel,
    dot_panel,
    line_panel,
    render,
    write_csv,
)
from decrochage_risk.pages.charts import BLUE, INK, SOFT, Line, sign
from decrochage_risk.records.levels import LEVEL_BY_NAME
from decrochage_risk.report.facts import HEAVY, LEGAL
from decrochage_risk.report.situations import Way
from decrochage_risk.report.territory import ALL, VOIES, count_territory
from decrochage_risk.risk.comparable import jeffreys_interval
from decrochage_risk.small_cells import INSIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from decrochage_risk.report.territory import MissingData, Share, Territory
    from decrochage_risk.score import RiskScores, RunFacts

__all__ = ["TerritoryReport", "territory_report"]

_SHORT = {"college": "Collège et SEGPA", "gt": "Voie générale et techno.", "pro": "Voie professionnelle"}
_WHEN = {"in_year": "En cours d'année", "summer": "Non revenus à la rentrée"}
_INITIALS = "JFMAMJJASOND"
_SCHOOL_MONTHS = (9, 10, 11, 12, 1, 2, 3, 4, 5, 6)
_CHANCE = 0.05


@dataclass(frozen=True)
class TerritoryReport:
    """The diagnosis of one network.

    Attributes
    ----------
    territory : Territory
        Counts of the whole region.
    network : str
    run : RunFacts
    """

    territory: Territory
    network: str
    run: RunFacts

    @cached_property
    def _place(self) -> int:
        return self.territory.place(self.network)

    @cached_property
    def charts(self) -> tuple[Chart, ...]:
        """Every drawing, with its tables."""
        charts = [self._levels(), self._leavers(), *self._months(), self._path()]
        return tuple(chart for chart in charts if chart is not None)

    @cached_property
    def tables(self) -> dict[str, PageTable]:
        """Tables without a drawing, by the name of their file."""
        tables = {
            "passages": self._passages(),
            "situations": self._situations(),
            "retours": self._again(),
            "donnees": self._missing(),
        }
        return {name: table for name, table in tables.items() if table is not None}

    def to_html(self, trail: tuple[tuple[str, str], ...] = ()) -> str:
        """Write the diagnosis as one HTML page."""
        of_network = self._shares("situation", "all", "ensemble")
        return render(
            f"{__package__}/territory.html.j2",
            trail=(*trail, (f"Réseau {self.network}", "")),
            foot=f"Réseau {self.network} · {french.day(self.run.as_of, with_year=True)} · diagnostic de territoire",
            report=self,
            run=self.run,
            charts={chart.name: chart for chart in self.charts},
            tables=self.tables,
            schools=self.territory.schools.get(self.network, 0),
            pupils=self._count_words(of_network, self.network, self._place),
            region=self._count_words(of_network, ALL, ALL),
            brief=self.brief,
            key=_key(),
            least=self.territory.least,
        )

    def write(self, folder: str | Path, trail: tuple[tuple[str, str], ...] = ()) -> Path:
        """Write the page, and the numbers of each drawing and table as a CSV; give the page."""
        target = Path(folder)
        try:
            target.mkdir(parents=True, exist_ok=True)
            for name, tables in self.csv_tables().items():
                write_csv(tables, target / f"{name}.csv")
            page = target / "index.html"
            page.write_text(self.to_html(trail), encoding="utf-8", newline="\n")
        except OSError as error:
            raise RecordsError(
                explain_error(
                    f"The diagnosis cannot be written into {target} ({error.strerror or error})",
                    expected="a folder that can be made and written",
                    hint="Choose another folder, or make room on the disk.",
                )
            ) from error
        return page

    def csv_tables(self) -> dict[str, list[PageTable]]:
        """Tables of each CSV file, by its name: those of the drawings and those without one."""
        return {chart.name: list(chart.tables) for chart in self.charts} | {
            name: [table] for name, table in self.tables.items()
        }

    def _repr_html_(self) -> str:
        from decrochage_risk.pages.rendering import embedded  # noqa: PLC0415 - only in notebooks

        return embedded(self.to_html(), f"Diagnostic du réseau {self.network}")

    # Reading shares ---------------------------------------------------------------------------------------------

    def _shares(self, *key: str) -> Share | None:
        return self.territory.shares.get(key)

    def _hidden(self, share: Share, network: str | int) -> bool:
        return self.territory.is_hidden(share.key, network)

    def _nobody(self, share: Share | None) -> bool:
        """Whether a share is known to be of nobody: it is not hidden, and its count is 0."""
        return share is None or (not self._hidden(share, self.network) and not share.count[self._place])

    def _no_base(self, share: Share | None) -> bool:
        """Whether nobody could have it, which everybody may know."""
        return share is None or (not self._hidden(share, self.network) and not share.base[self._place])

    def _count_words(self, share: Share | None, network: str | int, place: int) -> str:
        """Tell how many are enrolled, unless that is hidden."""
        if share is None or self._hidden(share, network):
            return "un nombre masqué d'élèves"
        return french.plural(int(share.count[place]), "élève")

    def _percent(self, share: Share, place: int) -> float | None:
        base = int(share.base[place])
        return None if base == 0 else 100 * int(share.count[place]) / base

    def _region(self, share: Share) -> float | None:
        return None if self._hidden(share, ALL) else self._percent(share, ALL)

    def _dot(self, label: str, share: Share | None, *, quantity: str = "share", interval: bool = True) -> Dot:
        """Make the line of a share: hidden where it is, nothing where nobody could have it."""
        if share is None:
            return Dot(label, shown="–")
        if self._hidden(share, self.network):
            return Dot(label, reference=self._region(share), shown="masqué", hidden=True)
        if int(share.base[self._place]) == 0:
            return Dot(label, shown="–")
        value = self._percent(share, self._place)
        count, base = int(share.count[self._place]), int(share.base[self._place])
        low, high = jeffreys_interval(count, base) if interval else (None, None)
        caption = french.percent(count / base, 1) if quantity == "share" else french.number(count)
        return Dot(
            label,
            value=value,
            low=None if low is None else 100 * float(low),
            high=None if high is None else 100 * float(high),
            reference=self._region(share),
            shown=caption,
        )

    def _cells(self, share: Share | None) -> list[Cell]:
        """Cells of a share: pupils, of how many, share with its interval, region."""
        if share is None:
            return [Cell("–")] * 5
        region = self._region(share)
        of_region = Cell.masked() if region is None else Cell(french.percent(region / 100, 1), region)
        if self._hidden(share, self.network):
            return [Cell.masked()] * 4 + [of_region]
        if int(share.base[self._place]) == 0:
            return [Cell("–")] * 5
        count, base = int(share.count[self._place]), int(share.base[self._place])
        low, high = (float(bound) for bound in jeffreys_interval(count, base))
        return [
            Cell(french.number(count), str(count)),
            Cell(french.number(base), str(base)),
            Cell(french.percent(count / base, 1), 100 * count / base),
            Cell(f"{french.interval_percent(low, high, 1)}"),
            of_region,
        ]

    def _table(
        self, caption: str, first: Sequence[str], rows: list[list[object]], note: str = ""
    ) -> PageTable:
        columns = [*first, "Élèves", "Sur", "Réseau", "Intervalle à 90 %", "Région"]
        return PageTable.of(caption, columns, rows, note=note, numeric=range(len(first), len(columns)))

    # Drawings ---------------------------------------------------------------------------------------------------

    def _levels(self) -> Chart | None:
        panels, rows = [], []
        for voie, heading in _SHORT.items():
            keys = [key for key in self.territory.shares if key[0] == "level" and key[2] == voie]
            if not any(
                self._hidden(self.territory.shares[key], self.network)
                or self.territory.shares[key].count[self._place]
                for key in keys
            ):
                continue
            dots = [
                self._dot(_level_words(key[1]), self.territory.shares[key], quantity="count", interval=False)
                for key in keys
            ]
            panels.append(
                Panel(dot_panel(dots, title=f"Part de chaque niveau, {heading}", labels=78), heading)
            )
            rows += [[LEVEL_BY_NAME[key[1]].label, *self._cells(self.territory.shares[key])] for key in keys]
        if not panels:
            return None
        return Chart(
            "eleves",
            "Part de chaque niveau dans le réseau, pour 100 élèves",
            "À droite, le nombre d'élèves. Trait : la région.",
            tuple(panels),
            (self._table("Élèves par niveau", ["Niveau"], rows),),
            tight=False,
        )

    def _leavers(self) -> Chart | None:
        if not self.territory.years:
            return None
        panels, rows = [], []
        for voie, heading in _SHORT.items():
            shares = [
                share for key, share in self.territory.shares.items() if key[0] == "left" and key[2] == voie
            ]
            if all(self._no_base(share) for share in shares):
                continue
            dots = []
            for when, words in _WHEN.items():
                dots.append(Dot(words, heading=True))
                for year in self.territory.years:
                    share = self._shares("left", when, voie, str(year))
                    dots.append(self._dot(f"{year}-{(year + 1) % 100:02d}", share))
                    rows.append(
                        [f"{VOIES[voie]}, {words.lower()}", french.school_year(year), *self._cells(share)]
                    )
            if any(dot.shown not in {"", "–"} for dot in dots):
                panels.append(Panel(dot_panel(dots, title=f"Sorties sans diplôme, {heading}"), heading))
        return Chart(
            "sorties",
            "Élèves sortis sans diplôme, pour 100 inscrits",
            "En cours d'année, et non revenus à la rentrée suivante. Chaque voie a son échelle.",
            tuple(panels),
            (self._table("Sorties sans diplôme", ["Voie", "Année"], rows),),
        )

    def _months(self) -> list[Chart | None]:
        if not self.territory.months:
            return []
        return [self._months_over(LEGAL), self._months_over(HEAVY)]

    def _months_over(self, least: int) -> Chart:
        panels, rows = [], []
        for voie, heading in _SHORT.items():
            shares = [
                share
                for key, share in self.territory.shares.items()
                if key[:3] == ("month", str(least), voie)
            ]
            if all(self._no_base(share) for share in shares):
                continue
            panels.append(self._month_panel(least, voie, heading))
            rows += self._month_rows(least, voie)
        title = f"Élèves à {least} demi-journées non justifiées ou plus dans le mois, pour 100"
        return Chart(
            "absences-4" if least == LEGAL else "absences-10",
            title,
            "Points : réseau, cette année. Pointillé : réseau, l'an dernier. Gris : région, cette année. Carré barré : masqué. Chaque voie a son échelle.",
            tuple(panels),
            (self._table(title, ["Voie", "Mois"], rows),),
        )

    def _month_panel(self, least: int, voie: str, heading: str) -> Panel:
        """Draw one voie over the months of school: the region, the year before, this year."""
        now = self._curve(least, voie, "now", self.territory.months)
        before = self._curve(least, voie, "before", self.territory.months_before)
        region = self._curve(least, voie, "now", self.territory.months, whole=True)
        # What is drawn last lies on top: the network's own year.
        lines = [
            Line(region[0], stroke="#8a857a", width=3),
            Line(before[0], stroke=BLUE, width=1.2, dash="3 2"),
            Line(now[0], now[1], dots=True),
        ]
        sentences = [
            f"{french.month(month)} : {_said(value, is_hidden=is_hidden)}"
            for month, value, is_hidden in zip(self.territory.months, now[0], now[1], strict=False)
        ]
        drawing = line_panel(
            lines,
            [_INITIALS[month - 1] for month in _SCHOOL_MONTHS],
            title=f"{heading}, mois par mois",
            description=" ; ".join(sentences),
        )
        return Panel(drawing, heading)

    def _month_rows(self, least: int, voie: str) -> list[list[object]]:
        """Give the table's rows of one voie, the year before first."""
        rows: list[list[object]] = []
        for name, months in (("before", self.territory.months_before), ("now", self.territory.months)):
            for month in months:
                share = self._shares("month", str(least), voie, name, month.isoformat())
                if share is not None and month.month in _SCHOOL_MONTHS:
                    rows.append([VOIES[voie], french.month(month, with_year=True), *self._cells(share)])
        return rows

    def _curve(
        self,
        least: int,
        voie: str,
        name: str,
        months: Sequence[object],
        *,
        whole: bool = False,
    ) -> tuple[tuple[float | None, ...], tuple[bool, ...]]:
        """Give the values of a curve at its places, and which are hidden."""
        of_month = {
            key[4][5:7]: self.territory.shares[key]
            for key in self.territory.shares
            if key[:4] == ("month", str(least), voie, name)
        }
        values, hidden_flags = [], []
        place, network = (ALL, ALL) if whole else (self._place, self.network)
        for month in _SCHOOL_MONTHS[: max(len(months), 1)]:
            share = of_month.get(f"{month:02d}")
            is_hidden = share is not None and self._hidden(share, network)
            missing = share is None or int(share.base[place]) == 0
            hidden_flags.append(is_hidden)
            values.append(None if share is None or missing or is_hidden else self._percent(share, place))
        return tuple(values), tuple(hidden_flags)

    def _path(self) -> Chart | None:
        panels, rows = [], []
        for block, heading in (("delay", "Un an de retard ou plus"), ("wish", "Premier vœu non obtenu")):
            keys = [
                key
                for key, share in self.territory.shares.items()
                if key[0] == block and not self._no_base(share)
            ]
            dots = [self._dot(key[1], self.territory.shares[key]) for key in keys]
            if dots:
                panels.append(Panel(dot_panel(dots, title=heading, labels=110), heading))
                rows += [[f"{heading} : {key[1]}", *self._cells(self.territory.shares[key])] for key in keys]
        if not panels:
            return None
        return Chart(
            "parcours",
            "Retard scolaire et premier vœu, pour 100 élèves",
            "Retard : un an de plus que l'âge habituel du niveau, ou davantage. Vœu : à l'entrée au lycée.",
            tuple(panels),
            (self._table("Retard et premier vœu", ["Groupe"], rows),),
        )

    # Tables -----------------------------------------------------------------------------------------------------

    def _passages(self) -> PageTable | None:
        keys = [key for key in self.territory.shares if key[0] == "next"]
        if not keys:
            return None
        rows = [[key[1], *self._cells(self.territory.shares[key])] for key in keys]
        year = self.territory.school_year
        return self._table(
            f"De la 3e ({french.school_year(year - 1)}) à la rentrée {year}", ["Vers"], rows,
            note="« plus d'inscription connue » peut être un départ vers une autre région ou l'apprentissage",
        )  # fmt: skip

    def _situations(self) -> PageTable | None:
        kinds = [("all", "Élèves inscrits"), *((way.value, way.label) for way in Way)]
        kinds += [(f"measure {code}", label) for code, label in self.territory.measures]
        rows = []
        for kind, label in kinds:
            shares = [self._shares("situation", kind, voie) for voie in (*VOIES, "ensemble")]
            if kind.startswith("measure ") and all(self._nobody(share) for share in shares):
                continue
            cells: list[object] = [label]
            for voie in (*VOIES, "ensemble"):
                share = self._shares("situation", kind, voie)
                if share is None:
                    cells.append(Cell("–"))
                elif self._hidden(share, self.network):
                    cells.append(Cell.masked())
                else:
                    count = int(share.count[self._place])
                    cells.append(Cell(french.number(count), str(count)))
            rows.append(cells)
        return PageTable.of(
            "Situations et mesures ouvertes, par voie de formation",
            ["Voie d'entrée ou mesure", "Collège", "GT", "Pro", "Ensemble"],
            rows,
            note="un élève peut compter dans plusieurs lignes ; ouverte ne veut pas dire décidée ; sans ligne : ouverte à personne",
            numeric=range(1, 5),
        )

    def _again(self) -> PageTable | None:
        rows: list[list[object]] = []
        for year in self.territory.years:
            share = self._shares("again", str(year))
            if share is None:
                continue
            if self._hidden(share, self.network):
                rows.append([french.school_year(year), Cell.masked(), Cell.masked()])
            else:
                rows.append(
                    [
                        french.school_year(year),
                        Cell(french.number(int(share.base[self._place])), str(int(share.base[self._place]))),
                        Cell(
                            french.number(int(share.count[self._place])), str(int(share.count[self._place]))
                        ),
                    ]
                )
        if not rows:
            return None
        return PageTable.of(
            "Élèves sortis sans diplôme, de nouveau inscrits depuis",
            ["Année de sortie", "Sortis", "De nouveau inscrits"],
            rows,
            note="après le jour où les issues sont arrêtées",
            numeric=[1, 2],
        )

    def _missing(self) -> PageTable | None:
        rows = [
            [one.school_id, self._school_cell(one), one.table, one.said]
            for one in self.territory.missing
            if one.network == self.network
        ]
        if not rows:
            return None
        return PageTable.of(
            "Ce qui manque", ["Établissement", "Élèves", "Table", "Non reçue"], rows, numeric=[1],
            note="une table non reçue n'est jamais « zéro » : ces élèves n'entrent pas dans les nombres qui en dépendent",
        )  # fmt: skip

    def _school_cell(self, one: MissingData) -> Cell:
        if ("school", one.school_id) in self.territory.hidden:
            return Cell.masked()
        return Cell(french.number(one.pupils), str(one.pupils))

    # In brief ---------------------------------------------------------------------------------------------------

    @cached_property
    def brief(self) -> tuple[str, ...]:
        """Gaps of leavers and months that are beyond chance, how many comparisons were made, what is missing."""
        from scipy.stats import binomtest  # noqa: PLC0415 - loads on first use

        comparisons, gaps = 0, []
        for key, share in self.territory.shares.items():
            if (
                key[0] not in {"left", "month"}
                or "before" in key
                # The rest of the region is a difference: where either part is hidden, it would give the other
                # away.
                or self._hidden(share, self.network)
                or self._hidden(share, ALL)
            ):
                continue
            count, base = int(share.count[self._place]), int(share.base[self._place])
            rest_count, rest = int(share.count[ALL]) - count, int(share.base[ALL]) - base
            if base == 0 or rest <= 0:
                continue
            comparisons += 1
            gaps.append(
                (
                    float(binomtest(count, base, rest_count / rest).pvalue),
                    key,
                    count / base,
                    rest_count / rest,
                )
            )
        # Bonferroni: 5 % for all comparisons together, not for each.
        rare_gaps = sorted(one for one in gaps if one[0] < _CHANCE / max(comparisons, 1))
        # The rarest are chosen, then told as the page goes: a reader follows months, not probabilities.
        order = {key: place for place, key in enumerate(self.territory.shares)}
        told_gaps = sorted(rare_gaps[:4], key=lambda one: order[one[1]])
        lines = [_gap(key, here, elsewhere) for _, key, here, elsewhere in told_gaps]
        if not lines:
            lines.append(
                "Aucun écart au reste de la région ne dépasse le hasard, pour les sorties ni pour les absences."
            )
        lines.append(
            f"{french.plural(comparisons, 'comparaison faite', 'comparaisons faites')} avec le reste de la région ; un écart n'est écrit ici "
            "que s'il resterait rare après toutes ces comparaisons (5 % en tout). Un écart se vérifie, il n'est pas une cause."
        )
        schools = {one.school_id for one in self.territory.missing if one.network == self.network}
        if schools:
            lines.append(
                f"{french.plural(len(schools), 'établissement n’a', 'établissements n’ont')} pas tout transmis : voir la dernière table."
            )
        return tuple(lines)


def _gap(key: tuple[str, ...], here: float, elsewhere: float) -> str:
    side = "au-dessus" if here > elsewhere else "au-dessous"
    if key[0] == "left":
        when = {"in_year": "sorties en cours d'année", "summer": "élèves non revenus à la rentrée"}[key[1]]
        what = f"{VOIES[key[2]]}, {when}, {french.school_year(int(key[3]))}"
    else:
        from datetime import date  # noqa: PLC0415 - only here

        month = french.month(date.fromisoformat(key[4]), with_year=True)
        what = f"{VOIES[key[2]]}, élèves à {key[1]} demi-journées non justifiées ou plus en {month}"
    return (
        f"{what} : {french.percent(here, 1)}, {side} du reste de la région ({french.percent(elsewhere, 1)})."
    )


def _said(value: float | None, *, is_hidden: bool) -> str:
    if is_hidden:
        return "masqué"
    return "non connu" if value is None else french.percent(value / 100, 1)


def _level_words(level: str) -> str:
    """Write a level shortly, under the heading of its pathway."""
    return {
        "3e_pm": "3e p.-métiers", "6e_segpa": "6e SEGPA", "5e_segpa": "5e SEGPA", "4e_segpa": "4e SEGPA", "3e_segpa": "3e SEGPA",
        "2de_gt": "2de", "1re_gt": "1re", "tle_gt": "terminale", "2de_pro": "2de", "1re_pro": "1re", "tle_pro": "terminale",
        "cap1": "CAP, 1re a.", "cap2": "CAP, 2e a.", "cap3": "CAP, 3e a.",
    }.get(level, level)  # fmt: skip


def _key() -> tuple[tuple[Markup, str], ...]:
    def network(drawing: Drawing) -> None:
        drawing.line(0, 6, 32, 6, stroke=BLUE, width=2)
        drawing.dot(16, 6)

    return (
        (sign(32, 12, network), "réseau, avec son intervalle à 90 %"),
        (sign(6, 14, lambda drawing: drawing.line(3, 0, 3, 14, stroke=INK, width=2)), "région"),
        (sign(26, 12, lambda drawing: drawing.hatched(0, 1, 26, 10)), "masqué"),
        (
            sign(9, 9, lambda drawing: drawing.path("M1 1h7v7h-7zm0 0l7 7m0 -7l-7 7", stroke=SOFT)),
            "mois masqué",
        ),
    )


def territory_report(
    scores: RiskScores,
    network: str,
    folder: str | Path | None = None,
    *,
    outcomes: object = None,
    least: int = INSIDE,
    territory: Territory | None = None,
) -> TerritoryReport:
    """Make the diagnosis of a FoQualE network, held against its region.

    Parameters
    ----------
    scores : RiskScores
        A run over the region.
    network : str
        ``network_id`` of the enrolments.
    folder : str or Path, optional
        Where to write the page and a CSV of each drawing.
    outcomes : table, optional
        What became of the pupils of earlier years, when the records do not hold it.
    least : int
        Pupils from which a count is told: 5 for the people of the academy, 11 for what is published.
    territory : Territory, optional
        Counts of the region, when several networks are told of one run.

    Returns
    -------
    TerritoryReport
        With ``to_html()``, ``write(folder)``, ``charts``, ``tables`` and ``brief``.

    Raises
    ------
    RecordsError
        No such network, a folder that cannot be written.

    Examples
    --------
    ``territory_report(scores, "RES0002", "out/reseau")`` writes ``out/reseau/index.html``.
    """
    counts = territory or count_territory(scores, outcomes=outcomes, least=least)
    counts.place(network)
    report = TerritoryReport(counts, network, scores.run)
    if folder is not None:
        report.write(folder)
    return report
