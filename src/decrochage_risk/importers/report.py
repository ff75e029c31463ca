"""What an import did, for the school: every file, every line left out with its reason, what the model will miss.

Counts and line numbers only: no name, no number of a pupil, no value of a cell.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from decrochage_risk import french
from decrochage_risk.importers.extract import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from decrochage_risk.importers.extract import Notice

__all__ = ["FileReport", "ImportReport"]

FORMAT = 1
"""Of the JSON report."""

_LINES_SHOWN = 12


@dataclass
class FileReport:
    """What became of one content.

    Attributes
    ----------
    path, sha256 : str
        As the caller named it, relative; of its bytes (empty when it was not read at all).
    kind, label : str
        What it was taken for, for programs and for a school; empty when it was not recognised.
    uai, school_year, exported_on : str, int, date or None
        What it says of itself, or what was settled for it.
    rows_read : int
    rows : dict of str to int
        Table -> rows of that table that came from it, not lines of the file: a week of absence is one line and five rows.
    left_out : dict of str to list of int
        Reason code -> lines.
    notices : list of Notice
    refusal : str
        Why it was not read, in French; empty when it was.
    """

    path: str
    sha256: str = ""
    kind: str = ""
    label: str = ""
    uai: str | None = None
    school_year: int | None = None
    exported_on: date | None = None
    rows_read: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, list[int]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    refusal: str = ""

    def leave_out(self, reason: str, line: int) -> None:
        """Count a line once per reason."""
        lines = self.left_out.setdefault(reason, [])
        if line not in lines[-1:]:
            lines.append(int(line))

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "kind": self.kind,
            "label": self.label,
            "uai": self.uai,
            "school_year": self.school_year,
            "exported_on": None if self.exported_on is None else self.exported_on.isoformat(),
            "rows_read": self.rows_read,
            "rows": dict(self.rows),
            "left_out": {
                reason: {"sentence": REASONS[reason], "count": len(set(lines)), "lines": sorted(set(lines))}
                for reason, lines in sorted(self.left_out.items())
            },
            "notices": [
                {"code": notice.code, "text": notice.text, "level": notice.level, "lines": list(notice.lines)}
                for notice in self.notices
            ],
            "refusal": self.refusal,
        }

    def lines(self) -> list[str]:
        """Say it in French, one line after the other."""
        if self.refusal:
            return [f"{self.path} : {self.label or 'non reconnu'}, non lu. {self.refusal}"]
        facts = [
            self.label,
            self.uai or "établissement non dit",
            french_year(self.school_year) if self.school_year is not None else "année non dite",
            f"export du {self.exported_on:%d/%m/%Y}"
            if self.exported_on is not None
            else "date d’export non dite",
        ]
        sentences = [f"{self.path} : {', '.join(facts)}"]
        rows_words = _rows_of(self.rows)
        sentences.append(
            f"  {french.plural(self.rows_read, 'ligne lue', 'lignes lues')} ; pris : {rows_words or 'aucune ligne'}"
        )
        for reason, numbers in sorted(self.left_out.items()):
            line_numbers = sorted(set(numbers))
            sentences.append(
                f"  {french.plural(len(line_numbers), 'ligne laissée', 'lignes laissées')}, {REASONS[reason]} ({_shown(line_numbers)})"
            )
        for notice in self.notices:
            where = f" ({_shown(sorted(notice.lines))})" if notice.lines else ""
            sentences.append(
                f"  {'À savoir' if notice.level == 'info' else 'Attention'} : {notice.text}{where}"
            )
        return sentences


_TABLE_WORDS = {
    "pupils": ("élève", "élèves"),
    "enrolments": ("scolarité", "scolarités"),
    "absences": ("ligne de la table des absences", "lignes de la table des absences"),
    "grades": ("note", "notes"),
    "absence_totals": ("total de période", "totaux de période"),
    "orientation": ("ligne de la table d’orientation", "lignes de la table d’orientation"),
    "outcomes": ("situation", "situations"),
    "outcome_evidence": ("preuve de situation", "preuves de situation"),
    "coverage": ("période couverte", "périodes couvertes"),
    "facts": ("fait de l’établissement", "faits de l’établissement"),
}


def _rows_of(tables: Mapping[str, int]) -> str:
    """Say how many rows of each table; nothing for none."""
    parts = [
        french.plural(rows, *_TABLE_WORDS.get(table, (table, table)))
        for table, rows in tables.items()
        if rows
    ]
    return ", ".join(parts)


def _shown(lines: list[int]) -> str:
    text = ", ".join(map(str, lines[:_LINES_SHOWN]))
    more = f" et {len(lines) - _LINES_SHOWN} de plus" if len(lines) > _LINES_SHOWN else ""
    return f"{'ligne' if len(lines) == 1 else 'lignes'} {text}{more}"


def french_year(school_year: int) -> str:
    """Write a school year.

    Examples
    --------
    >>> french_year(2024)
    '2024-2025'
    """
    return f"{school_year}-{school_year + 1}"


@dataclass
class ImportReport:
    """What an import did.

    Attributes
    ----------
    files : list of FileReport
        One per content, in the order in which they were met.
    tables : dict of str to int
        Rows of each table of the result.
    coverage : list of dict
        ``school_id``, ``table``, ``start``, ``end``.
    missing : list of str
        What the model will miss, in French.
    notices : list of Notice
        About the import as a whole.
    set_aside : dict of str to int
        Rows that the checks of the records set aside, by rule.
    outcomes : dict of str to int
        Where each outcome comes from: path -> pupils.
    key_fingerprint : str
        Eight characters that tell two keys apart.
    """

    files: list[FileReport] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    coverage: list[dict[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    set_aside: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    key_fingerprint: str = ""

    @property
    def refused(self) -> list[FileReport]:
        """The contents that were not read."""
        return [file for file in self.files if file.refusal]

    def left_out(self) -> dict[str, int]:
        """Count the lines left out of all files, by reason."""
        counts: dict[str, int] = {}
        for file in self.files:
            for reason, lines in file.left_out.items():
                counts[reason] = counts.get(reason, 0) + len(set(lines))
        return dict(sorted(counts.items()))

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {
            "format": FORMAT,
            "files": [file.to_dict() for file in self.files],
            "tables": self.tables,
            "left_out": self.left_out(),
            "coverage": self.coverage,
            "missing": self.missing,
            "notices": [
                {"code": notice.code, "text": notice.text, "level": notice.level} for notice in self.notices
            ],
            "set_aside": self.set_aside,
            "outcomes": self.outcomes,
            "key_fingerprint": self.key_fingerprint,
        }

    def to_json(self) -> str:
        """Give it as JSON text, French letters as they are."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n"

    def __str__(self) -> str:
        """Say it in French, each file apart."""
        return self._text([line for file in self.files for line in file.lines()])

    def essentials(self, most: int = 12) -> str:
        """Say it in French, files of one kind together when there are many.

        Parameters
        ----------
        most : int
            Files that are still told one by one; a file that was not read always is, up to this number.

        Returns
        -------
        str
            What a terminal shows; ``str(report)`` has every file.

        Examples
        --------
        >>> books = [FileReport(f"{n}.csv", label="GEPI, carnet de notes", rows_read=9, rows={"grades": 8}) for n in range(3)]
        >>> print(ImportReport(files=books).essentials(most=2))
        GEPI, carnet de notes : 3 fichiers, 27 lignes lues ; pris : 24 notes
        """
        if len(self.files) <= most:
            return str(self)
        refusals = [line for file in self.refused[:most] for line in file.lines()]
        if len(self.refused) > most:
            refusals.append(f"{len(self.refused) - most} autres fichiers non lus : le rapport les nomme.")
        return self._text([*self._kinds(), *self._left_out_lines(), *self._file_notices(), *refusals])

    def _kinds(self) -> list[str]:
        """One line per kind of file: how many, of which schools and years, what came from them."""
        by_label: dict[str, list[FileReport]] = {}
        for file in self.files:
            if not file.refusal:
                by_label.setdefault(file.label, []).append(file)
        lines = []
        for label, files in sorted(by_label.items()):
            rows: dict[str, int] = {}
            for file in files:
                for table, count in file.rows.items():
                    rows[table] = rows.get(table, 0) + count
            schools = sorted({file.uai for file in files if file.uai})
            years = [french_year(year) for year in sorted({f.school_year for f in files if f.school_year})]
            facts = [french.plural(len(files), "fichier", "fichiers"), ", ".join(schools), ", ".join(years)]
            row_count = french.plural(sum(file.rows_read for file in files), "ligne lue", "lignes lues")
            of_what = ", ".join([*filter(None, facts), row_count])
            lines.append(f"{label} : {of_what} ; pris : {_rows_of(rows) or 'aucune ligne'}")
        return lines

    def _left_out_lines(self) -> list[str]:
        return [
            f"{french.plural(count, 'ligne laissée', 'lignes laissées')}, {REASONS[reason]}"
            for reason, count in self.left_out().items()
        ]

    def _file_notices(self) -> list[str]:
        """Each kind of notice once, as its first file has it, with the number of files that have one."""
        first: dict[str, Notice] = {}
        counts: dict[str, int] = {}
        for file in self.files:
            for notice in file.notices:
                first.setdefault(notice.code, notice)
                counts[notice.code] = counts.get(notice.code, 0) + 1
        lines = []
        for code, notice in first.items():
            others = counts[code] - 1
            more = f" (et {french.plural(others, 'avis', 'avis')} de même, dans le rapport)" if others else ""
            lines.append(f"{'À savoir' if notice.level == 'info' else 'Attention'} : {notice.text}{more}")
        return lines

    def _text(self, files: list[str]) -> str:
        blocks = ["\n".join(files)]
        if self.tables:
            blocks.append(f"En tout : {_rows_of(self.tables)}.")
        blocks.append("\n".join(_coverage_line(row) for row in self.coverage))
        blocks.append("\n".join(f"Attention : {notice.text}" for notice in self.notices))
        if self.set_aside:
            aside = ", ".join(f"{rule} {count}" for rule, count in sorted(self.set_aside.items()))
            blocks.append(f"Mis de côté par les contrôles : {aside}.")
        blocks.append("\n".join(_outcome_lines(self.outcomes)))
        if self.missing:
            blocks.append("Ce qui manquera au modèle :\n" + "\n".join(f"- {line}" for line in self.missing))
        return "\n\n".join(block for block in blocks if block)

    def to_html(self) -> str:
        """Give it as one page that needs nothing else."""
        from jinja2 import Environment  # noqa: PLC0415 - only for the page

        page = Environment(autoescape=True).from_string(_PAGE)
        return page.render(
            report=self,
            files=[(file, _cells_of(file)) for file in self.files],
            tables=_rows_of(self.tables),
            coverage=[_coverage_line(row) for row in self.coverage],
            outcomes=_outcome_lines(self.outcomes),
        )


def _cells_of(file: FileReport) -> Mapping[str, Any]:
    return {
        "year": "" if file.school_year is None else french_year(file.school_year),
        "exported": "" if file.exported_on is None else f"{file.exported_on:%d/%m/%Y}",
        "kept": _rows_of(file.rows),
        "left_out": [
            f"{len(set(lines))} : {REASONS[reason]} ({_shown(sorted(set(lines)))})"
            for reason, lines in sorted(file.left_out.items())
        ],
        "notices": [
            notice.text + (f" ({_shown(sorted(notice.lines))})" if notice.lines else "")
            for notice in file.notices
        ],
    }


_COVERED_WORDS = {"absences": "absences", "grades": "notes", "orientation": "orientation"}


def _coverage_line(row: Mapping[str, str]) -> str:
    start, end = ("/".join(reversed(row[name].split("-"))) for name in ("start", "end"))
    return f"{row['school_id']} : {_COVERED_WORDS.get(row['table'], row['table'])} du {start} au {end}"


_OUTCOME_WORDS = {
    "enrolled": "retrouvé dans un établissement l’année suivante",
    "enrolled_elsewhere": "retrouvé dans une formation hors des tables",
    "apprenticeship": "retrouvé en apprentissage",
    "exit_continued": "sortie dont le motif dit la suite des études",
    "diploma": "diplôme obtenu",
    "left": "trouvé nulle part, recherche complète",
    "unknown": "trouvé nulle part, recherche incomplète",
    "exit_abroad": "sortie vers l’étranger, situation inconnue",
    "deceased": "élève décédé, situation inconnue",
}


def _outcome_lines(outcomes: Mapping[str, int]) -> list[str]:
    if not outcomes:
        return []
    sentences = [
        f"Situations, {_OUTCOME_WORDS.get(path, path)} : {count}" for path, count in outcomes.items()
    ]
    return [
        *sentences,
        (
            "Une liste de jeunes non retrouvés compte toujours trop de monde (changement d’académie, de numéro, de nom) : "
            "elle se vérifie avant toute conclusion."
        ),
    ]


_PAGE = """<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rapport d’import</title>
<style>
body { font: 16px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1b1b; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .4rem .6rem; text-align: left; vertical-align: top; }
.refused { color: #8a1c00; }
td ul { margin: 0; padding-left: 1.1rem; }
</style>
</head>
<body>
<h1>Rapport d’import</h1>
<p>Aucun nom ni numéro d’élève n’est écrit ici : des comptes et des numéros de ligne. Empreinte de la clé : {{ report.key_fingerprint }}.</p>
<h2>Fichiers</h2>
<table>
<thead><tr><th>Fichier</th><th>Pris pour</th><th>Établissement</th><th>Année</th><th>Export</th><th>Lignes lues</th><th>Pris</th><th>Laissé, à savoir</th></tr></thead>
<tbody>
{% for file, cells in files %}<tr{% if file.refusal %} class="refused"{% endif %}>
<td>{{ file.path }}<br><small>{{ file.sha256[:12] }}</small></td><td>{{ file.label or "non reconnu" }}</td><td>{{ file.uai or "" }}</td><td>{{ cells.year }}</td>
<td>{{ cells.exported }}</td><td>{{ file.rows_read }}</td><td>{{ cells.kept }}</td>
<td>{% if file.refusal %}{{ file.refusal }}{% endif %}{% if cells.left_out or cells.notices %}<ul>{% for line in cells.left_out %}<li>{{ line }}</li>{% endfor %}{% for line in cells.notices %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}</td>
</tr>
{% endfor %}</tbody>
</table>
<h2>Tables écrites</h2>
<p>{{ tables }}.</p>
{% if coverage %}<h2>Périodes couvertes</h2><ul>{% for line in coverage %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
{% if outcomes %}<h2>Situations</h2><ul>{% for line in outcomes %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
{% if report.notices %}<h2>À savoir</h2><ul>{% for notice in report.notices %}<li>{{ notice.text }}</li>{% endfor %}</ul>{% endif %}
{% if report.missing %}<h2>Ce qui manquera au modèle</h2><ul>{% for line in report.missing %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
</body>
</html>
"""
