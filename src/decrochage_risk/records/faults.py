"""Faults found in records: which rows of which table break which rule, and what to do about it.

Columnar on purpose: a report of 100,000 faults holds a few arrays per rule, never one object per fault.
"""

from __future__ import annotations

import re
import reprlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from decrochage_risk.csv_files import write_csv
from decrochage_risk.french.translations import Catalogue
from decrochage_risk.result_folders import private_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

__all__ = ["FaultGroup", "FaultReport", "Language", "RowPlaces", "Rule", "Severity", "cut_value", "text_of"]

Severity = Literal["error", "warning"]
Language = Literal["en", "fr"]

# A report is read by a person: some places are enough to find the cause, the CSV holds all of them.
_EXAMPLES = 5
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that records are held against.

    Attributes
    ----------
    name : str
        Short name, stable: what a program may test for.
    severity : {"error", "warning"}
        An error is raised or set aside; a warning is kept and counted.
    expected, hint : str
        What should have come and what to do, for the report. ``{...}`` fields are filled in by the check.
    meaning, remedy : str
        In French, what is wrong and what to do: for the documentation of the records and for reports in French.
    """

    name: str
    severity: Severity
    expected: str
    hint: str
    meaning: str
    remedy: str

    def fault(
        self,
        table: str,
        column: str | None = None,
        *,
        rows: npt.ArrayLike = (),
        values: npt.ArrayLike = (),
        expected: str | None = None,
        hint: str | None = None,
    ) -> FaultGroup:
        """Make a group of faults of this rule; ``expected`` and ``hint`` replace the general ones."""
        return FaultGroup(
            table=table,
            column=column,
            rule=self.name,
            severity=self.severity,
            rows=np.asarray(rows, dtype=np.int64),
            values=_objects(values),
            expected=self.expected if expected is None else expected,
            hint=self.hint if hint is None else hint,
            meaning=self.meaning,
            remedy=self.remedy,
        )


@dataclass(frozen=True, slots=True, eq=False)
class FaultGroup:
    """All rows of one table that break one rule in the same way.

    Attributes
    ----------
    table : str
        Name of the table.
    column : str or None
        Column at fault; None for a fault of a row or table as a whole.
    rule : str
        Name of the rule.
    severity : {"error", "warning"}
        Whether it is raised (or set aside), or kept and counted.
    rows : (n,) int64 array
        0-based positions of the rows in the table as given, ascending. Empty: the fault is about the whole table.
    values : (n,) object array
        What stood there. Of a fault of the whole table: nothing, or one value that says what came.
    expected, hint : str
        What was expected, and what to do.
    meaning, remedy : str
        In French, what is wrong and what to do, of the rule in general.
    known : (n,) int64 array or None
        Day number from which each row is known, its date or the day on which it was entered; None: nothing says so.
    """

    table: str
    column: str | None
    rule: str
    severity: Severity
    rows: npt.NDArray[np.int64]
    values: npt.NDArray[np.object_]
    expected: str
    hint: str
    meaning: str = ""
    remedy: str = ""
    known: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Count the faulty rows; a fault of the whole table counts as one."""
        return max(1, self.rows.size)


def _objects(values: npt.ArrayLike) -> npt.NDArray[np.object_]:
    if isinstance(values, np.ndarray) and values.dtype == object:
        return values
    items = list(cast("Iterable[object]", values))
    # np.array(items) would make two dimensions of cells that are lists.
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def text_of(value: object) -> str:
    """Write any cell as text: also lists that hold themselves or are nested without end, and objects that cannot be shown.

    Examples
    --------
    >>> loop = []
    >>> loop.append(loop)
    >>> text_of(loop), text_of(12.5)
    ('[[...]]', '12.5')
    """
    try:
        # reprlib cuts what is nested without end, on which repr would not return.
        return reprlib.repr(value) if isinstance(value, list | dict | tuple | set) else str(value)
    except Exception:  # noqa: BLE001 - a foreign object may raise anything when it is shown
        return f"<{type(value).__name__}>"


def _time_text(value: pd.Timestamp | np.datetime64) -> str:
    """Write a time, the day alone at midnight; numpy also writes the years that Python's dates do not have."""
    if isinstance(value, pd.Timestamp) and value.tz is not None:
        return text_of(value)
    # Through numpy: strftime knows no year above 9999, and an export may hold one.
    time = value.to_datetime64() if isinstance(value, pd.Timestamp) else value
    day = time.astype("datetime64[D]")
    return str(day if day == time else time.astype("datetime64[s]")).replace("T", " ")


def cut_value(value: object, longest: int = _LONGEST_VALUE) -> str:
    """Show a value on one line, its middle cut out when it is longer than ``longest`` characters.

    Examples
    --------
    >>> cut_value("x" * 10_000, longest=12)
    "'xxx…xxx' (10000 characters)"
    """
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return "(missing)"
    if isinstance(value, pd.Timestamp | np.datetime64):
        return _time_text(value)
    if isinstance(value, str):
        if len(value) > longest:
            # The middle is cut: ids and file names differ at their ends.
            side = max(1, longest // 2 - 3)
            return f"{value[:side] + '…' + value[-side:]!r} ({len(value)} characters)"
        return repr(value)
    text = text_of(value).replace("\n", " ")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


@dataclass(frozen=True, slots=True, eq=False)
class RowPlaces:
    """Where the rows of one table stood in a payload.

    Attributes
    ----------
    lists : tuple of str
        The lists of the payload that the table was made of, such as ``pupils[500].grades``, in order.
    starts : (n,) int64 array
        The row of the table that each list begins with.
    """

    lists: tuple[str, ...]
    starts: npt.NDArray[np.int64]

    def path(self, row: int, column: str | None = None) -> str:
        """Name a row, or a cell of it, as the sender would.

        Examples
        --------
        >>> RowPlaces(("pupils[0].grades", "pupils[7].grades"), np.array([0, 3])).path(4, "value")
        'pupils[7].grades[1].value'
        """
        place = int(np.searchsorted(self.starts, row, side="right")) - 1
        return f"{self.lists[place]}[{row - int(self.starts[place])}]" + (f".{column}" if column else "")


@dataclass(frozen=True, eq=False)
class FaultReport:
    """Every fault of every table.

    The text of a report tells tables, columns, rows and rules; what stood in the cells is data of pupils, and is told only
    where it is asked for (``text(values=True)``, ``to_csv(path, values=True)``, ``frame``).

    Parameters
    ----------
    groups : tuple of FaultGroup
        One group per table, rule and way of breaking it.
    places : mapping of str to RowPlaces
        Of records that came as a payload: per table, where its rows stood.

    Examples
    --------
    >>> rule = Rule("bad_date", "error", "a day", "Write 2024-09-02.", "", "")
    >>> report = FaultReport((rule.fault("grades", "date", rows=[4], values=["32/01/2024"]),))
    >>> len(report), report.counts, report.rows("grades").tolist()
    (1, {('grades', 'bad_date'): 1}, [4])
    >>> print(report.text(values=True))
    1 error in the records. Rows are counted from 0, without the header.
    <BLANKLINE>
    ERROR bad_date: table grades, column date, 1 row
      came:     row 4 '32/01/2024'
      expected: a day
      hint:     Write 2024-09-02.
    """

    groups: tuple[FaultGroup, ...] = field(default=())
    places: Mapping[str, RowPlaces] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))

    def __len__(self) -> int:
        """Count the faulty rows over all groups; a fault of a whole table counts as one."""
        return sum(len(group) for group in self.groups)

    def __bool__(self) -> bool:
        return bool(self.groups)

    def __add__(self, other: FaultReport) -> FaultReport:
        # Places of the left one win: it is the report that was made where the payload was read.
        return FaultReport(self.groups + other.groups, {**other.places, **self.places})

    @property
    def errors(self) -> FaultReport:
        """The errors alone."""
        return self._of("error")

    @property
    def warnings(self) -> FaultReport:
        """The warnings alone."""
        return self._of("warning")

    def _of(self, severity: Severity) -> FaultReport:
        return FaultReport(tuple(group for group in self.groups if group.severity == severity), self.places)

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """Faulty rows per table and rule."""
        count_of: Counter[tuple[str, str]] = Counter()
        for group in self.groups:
            count_of[group.table, group.rule] += len(group)
        return dict(count_of)

    def rows(self, table: str, severity: Severity | None = None) -> npt.NDArray[np.int64]:
        """Rows of one table with at least one fault.

        Parameters
        ----------
        table : str
            Name of the table.
        severity : {"error", "warning"}, optional
            Only faults of this severity; both by default.

        Returns
        -------
        (n,) int64 array
            0-based positions in the table as given, sorted, each once.
        """
        rows_of = [
            group.rows for group in self.groups if group.table == table and severity in (None, group.severity)
        ]
        return np.unique(np.concatenate(rows_of)) if rows_of else np.empty(0, dtype=np.int64)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One line per faulty row: table, row (missing for a whole table), column, value, rule, severity, expected, hint."""
        sizes = [len(group) for group in self.groups]
        words = ("table", "column", "rule", "severity", "expected", "hint")
        texts = {
            word: pd.Series([getattr(group, word) for group in self.groups], dtype="str").repeat(sizes).array
            for word in words
        }
        # A fault of the whole table is one line too, with no row: -1 becomes missing below.
        rows = [group.rows if group.rows.size else np.array([-1]) for group in self.groups]
        came = [group.values for group in self.groups]  # noqa: PD011 - a field of FaultGroup, not of a frame
        values = [some if some.size else np.array([None]) for some in came]
        row = np.concatenate([np.empty(0, dtype=np.int64), *rows])
        value = np.concatenate([np.empty(0, dtype=object), *values])
        frame = pd.DataFrame(
            # Masked: with NaN the row numbers would become 12.0 in the CSV.
            {**texts, "row": pd.arrays.IntegerArray(row, row < 0), "value": pd.Series(value, dtype=object)}
        )
        columns = ["table", "row", "column", "value", "rule", "severity", "expected", "hint"]
        if self.places:
            paths: list[str | None] = []
            for group in self.groups:
                paths += self._paths(group) or [None] * len(group)
            frame["path"] = pd.Series(paths, dtype="str")
            columns.insert(2, "path")
        return frame[columns]

    def _paths(self, group: FaultGroup) -> list[str]:
        """Where each row of a group stood in the payload; nothing for records that came otherwise."""
        places = self.places.get(group.table)
        if places is None:
            return []
        return [places.path(int(row), group.column) for row in group.rows]

    def to_dict(self, *, values: bool = True) -> dict[str, Any]:
        """Give the report as plain JSON values: counts, and one entry per rule, table and column.

        Parameters
        ----------
        values : bool
            Whether to give what stood in the cells; it is data of pupils, so leave it out of logs.

        Examples
        --------
        >>> rule = Rule("bad_date", "error", "a day", "Write 2024-09-02.", "", "")
        >>> FaultReport((rule.fault("grades", "date", rows=[4], values=["32/01"]),)).to_dict()["faults"][0]["rows"]
        [4]
        """
        return {
            "errors": len(self.errors),
            "warnings": len(self.warnings),
            "faults": [_plain(group, self._paths(group), values=values) for group in self.groups],
        }

    def to_csv(self, path: str | Path, *, values: bool = False, group: bool = False) -> None:
        """Write ``frame`` as a CSV that a spreadsheet opens in France, readable by its owner only (mode 600).

        Parameters
        ----------
        path : path
            The file.
        values : bool
            Whether to write what stood in the cells: data of pupils.
        group : bool
            Whether the group of the folder may read it too (mode 640).
        """
        frame = self.frame if values else self.frame.drop(columns="value")
        # Even without values the rows say which pupils have gaps: not for everybody on a shared disk.
        with private_file(Path(path), group=group) as draft:
            write_csv(frame, draft)

    def text(self, language: Language = "en", *, values: bool = False) -> str:
        """Write the report for people: one paragraph per table, rule and way of breaking it, errors first.

        Parameters
        ----------
        language : {"en", "fr"}
            English, as ``str(report)``, or French. Names of rules, tables, columns and values stay as they are.
        values : bool
            Whether to show what stood in some of the cells: data of pupils, which belongs in no log.

        Examples
        --------
        >>> rule = Rule("bad_date", "error", "a day without a time", "", "Le texte n'est pas une date.", "Corriger.")
        >>> print(FaultReport((rule.fault("grades", "date", rows=[4], values=["32/01/2024"]),)).text("fr", values=True))
        1 erreur dans les données. Les lignes sont comptées à partir de 0, sans l'en-tête.
        <BLANKLINE>
        ERREUR bad_date : table grades, colonne date, 1 ligne
          reçu :    ligne 4 '32/01/2024'
          règle :   Le texte n'est pas une date.
          attendu : un jour sans heure
          remède :  Corriger.
        """
        french = language == "fr"
        if not self.groups:
            return "Aucune faute dans les données." if french else "No fault in the records."
        in_order = sorted(
            # "error" sorts before "warning": the alphabet happens to be the order that is wanted.
            self.groups,
            key=lambda group: (group.severity, group.table, group.rule, group.column or ""),
        )
        headline, paragraph = (
            (self._french_headline(), _french_paragraph) if french else (self._headline(), _paragraph)
        )
        parts = [headline, *(paragraph(group, self._paths(group), values=values) for group in in_order)]
        return "\n\n".join(parts)

    def __str__(self) -> str:
        return self.text("en")

    def __repr__(self) -> str:
        return f"<FaultReport: {self._headline()}>"

    def _headline(self) -> str:
        count_of = [(len(self.errors), "error"), (len(self.warnings), "warning")]
        words = [_plural(number, word) for number, word in count_of if number]
        footnote = (
            "Places are counted from 0." if self.places else "Rows are counted from 0, without the header."
        )
        return f"{' and '.join(words) or 'No fault'} in the records. {footnote}"

    def _french_headline(self) -> str:
        count_of = [(len(self.errors), "erreur"), (len(self.warnings), "avertissement")]
        words = [_plural(number, word) for number, word in count_of if number]
        footnote = (
            "Les places sont comptées à partir de 0."
            if self.places
            else "Les lignes sont comptées à partir de 0, sans l'en-tête."
        )
        return f"{' et '.join(words) or 'Aucune faute'} dans les données. {footnote}"


def _plain(group: FaultGroup, paths: list[str], *, values: bool) -> dict[str, Any]:
    words: dict[str, Any] = {
        name: getattr(group, name) for name in ("table", "column", "rule", "severity", "expected", "hint")
    }
    words["rows"] = group.rows.tolist()
    if paths:
        words["paths"] = paths
    if values:
        words["values"] = [_json_value(value) for value in group.values]  # noqa: PD011 - a field of FaultGroup
    return words


def _json_value(value: object) -> str | int | float | bool | None:
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        # json writes Python's numbers only, not numpy's.
        value = value.item()
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        # JSON has no infinity, and a report must say that one came.
        return value if np.isfinite(value) else None if np.isnan(value) else str(value)
    if isinstance(value, str):
        # Half a character (a lone surrogate) cannot be written as UTF-8, and the report must always be.
        return value.encode("utf-8", "replace").decode()
    return _time_text(value) if isinstance(value, pd.Timestamp | np.datetime64) else text_of(value)


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _paragraph(group: FaultGroup, paths: list[str], *, values: bool) -> str:
    where = f"table {group.table}" + (f", column {group.column}" if group.column else "")
    rows, cells = group.rows, group.values  # noqa: PD011 - a field of FaultGroup, not of a frame
    size = _plural(rows.size, "row") if rows.size else "the whole table"
    lines = [f"{group.severity.upper()} {group.rule}: {where}, {size}"]
    if rows.size:
        places = paths[:_EXAMPLES] or [f"row {row}" for row in rows[:_EXAMPLES]]
        examples = [f"{place} {cut_value(cell)}" for place, cell in zip(places, cells, strict=False)]
        came = ", ".join(examples if values else places)
        lines.append(f"  came:     {came}" + (", …" if rows.size > _EXAMPLES else ""))
    elif cells.size:
        lines.append(f"  came:     {cells[0]}")
    return "\n".join((*lines, f"  expected: {group.expected}", f"  hint:     {group.hint}"))


_FRENCH_SEVERITY = {"error": "ERREUR", "warning": "AVERTISSEMENT"}
_CUT = re.compile(r"\(([0-9]+) characters\)$")
_PUPIL_AND_DAY = re.compile(r"^(.*) on ([0-9]{4}-[0-9]{2}-[0-9]{2})$", re.DOTALL)


@cache
def _catalogue() -> Catalogue:
    return Catalogue.from_toml(Path(__file__).with_name("faults_fr.toml"))


def _french_paragraph(group: FaultGroup, paths: list[str], *, values: bool) -> str:
    where = f"table {group.table}" + (f", colonne {group.column}" if group.column else "")
    rows, cells = group.rows, group.values  # noqa: PD011 - a field of FaultGroup, not of a frame
    size = _plural(rows.size, "ligne") if rows.size else "toute la table"
    lines = [f"{_FRENCH_SEVERITY[group.severity]} {group.rule} : {where}, {size}"]
    if rows.size:
        places = paths[:_EXAMPLES] or [f"ligne {row}" for row in rows[:_EXAMPLES]]
        examples = [
            f"{place} {_french_value(cell, group.column)}" for place, cell in zip(places, cells, strict=False)
        ]
        came = ", ".join(examples if values else places)
        lines.append(f"  reçu :    {came}" + (", …" if rows.size > _EXAMPLES else ""))
    elif cells.size:
        lines.append(f"  reçu :    {_french(str(cells[0]))}")
    if group.meaning:
        lines.append(f"  règle :   {group.meaning}")
    # The hint made for these cells first; then the general remedy; English rather than nothing.
    remedy = _catalogue().phrase(group.hint) or group.remedy or group.hint
    return "\n".join((*lines, f"  attendu : {_french(group.expected)}", f"  remède :  {remedy}"))


def _french(text: str) -> str:
    translation = _catalogue().phrase(text)
    return text if translation is None else translation


def _french_value(value: object, column: str | None) -> str:
    """Show a value as :func:`cut_value` does, its words in French."""
    if column is None and isinstance(value, str):
        value = _PUPIL_AND_DAY.sub(r"\1 le \2", value)
    text = cut_value(value)
    if text == "(missing)":
        return "(vide)"
    return _CUT.sub(r"(\1 caractères)", text) if isinstance(value, str) else text
