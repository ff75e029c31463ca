"""Which column of a list is which: maps declared in TOML, bundled for known software, or a school's own.

A map says of one kind of list how it is recognised, what its columns are called, and what its words mean. The bundled ones are
in ``presets.toml``; a school corrects or adds one in a file of its own (``--columns``), in the same shape, without code::

    [maps.my_absences]
    like = "pronote_events"                     # what is not said here is as there
    label = "Absences, liste du lycée"
    recognised_by = ["Élève", "Depuis", "Jusqu'à"]

    [maps.my_absences.columns]
    full_name = ["Élève"]
    start = ["Depuis"]
    end = ["Jusqu'à"]

    [maps.my_absences.types]
    "Absence cours" = "absence"

What a school declares besides::

    [classes]                     # names of classes in other software -> divisions of SIECLE
    "3E A" = "3 A"

    [names.siecle_communs]        # names in the file -> names that the reader assumes
    "DEBUT" = "DATE_DEBUT"

    [files."*2023/*.csv"]         # what files of such a path do not say themselves
    uai = "0990001N"
    year = 2023
    extracted_on = 2024-07-05
    campaign_date = 2024-05-13    # wishes
    totals = [2024-09-01, 2024-09-30]
    subject = "maths"             # a mark book of GEPI
    period = "Trimestre 1"        # a table of averages that does not name its period
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from decrochage_risk.errors import RecordsError, UnreadableExportError, explain_error
from decrochage_risk.importers.cells import day_of, days_of, flag_of, fold, number_of, squeeze
from decrochage_risk.importers.declarations import is_of_kind, read_column_map
from decrochage_risk.importers.delimited import read_delimited
from decrochage_risk.importers.extract import make_persons
from decrochage_risk.records.table_schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from decrochage_risk.importers.delimited import DelimitedTable
    from decrochage_risk.importers.extract import Extract, ImportOptions, Person, SourceFile

__all__ = [
    "FIELDS",
    "HIGHEST_RANK",
    "KINDS",
    "ColumnMap",
    "bundled_maps",
    "declared_maps",
    "miss_broken_rows",
    "persons_of",
    "read_table",
    "word_of",
]

Basis = Literal["fixtures", "specification", "code", "assumed"]

_PERSON_FIELDS = (
    "ine",
    "elenoet",
    "family_name",
    "usage_name",
    "first_name",
    "full_name",
    "class_name",
    "birth_date",
    "uai",
)

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "absence_events": (
            "start",
            "end",
            "date",
            "time_span",
            "start_time",
            "end_time",
            "minutes",
            "half_days",
            "type",
            "motive",
            "obligation",
            "justified",
            "recorded_on",
            "justified_on",
        ),
        "absence_totals": ("half_days", "unjustified", "justified", "lateness"),
        "marks": (
            "date",
            "subject",
            "subject_code",
            "value",
            "out_of",
            "coefficient",
            "recorded_on",
            "period",
            "number",
        ),
        "average_grid": ("average", "number"),
        "orientation": ("date", "event", "rank", "target", "granted", "recorded_on"),
    }
)
"""Kind of list -> its fields, besides those of the pupil (:class:`Person`)."""

_REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "absence_events": (("start", "date"),),
        "absence_totals": (("half_days",),),
        "marks": (("value",), ("subject", "subject_code")),
        "average_grid": (("average",),),
        "orientation": (),
    }
)
"""Of each tuple one field must have a column in the file."""

_WORDS = ("types", "motives", "flags", "events", "granted", "targets", "ranks")
"""Tables of words: as the file writes them (folded; ``*`` for any end) -> what they mean."""

KINDS = ("absence", "lateness", "exclusion", "placement")
"""What a type of absence may be; besides, ``drop``: nothing was missed, and ``cancel``: an entry made in error."""

_EVENTS = TABLES["orientation"].column("event").choices

_MEANINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "types": (*KINDS, "drop", "cancel"),
        "motives": (*KINDS, "drop", "cancel"),
        "flags": ("yes", "no"),
        "events": _EVENTS,
        "granted": ("oui", "non"),
        "default_type": (*KINDS, "drop", "cancel"),
        "event": _EVENTS,
        "kind": TABLES["grades"].column("kind").choices,
    }
)
"""Table of words, or setting -> what it may say; the name of a target is free, and a rank is a number or nothing."""

HIGHEST_RANK = 100

_SETTINGS: Mapping[str, type] = MappingProxyType(
    {
        "half_day_cut": str,
        "default_type": str,
        "event": str,
        "kind": str,
        "most_rows": int,
        "dated_list": str,
        "half_days_are_rounded": bool,
        "unquoted": bool,
        "open_field": str,
    }
)


@dataclass(frozen=True)
class ColumnMap:
    """How one kind of list is written.

    Attributes
    ----------
    kind : str
        Stable name.
    label : str
        What a school reads: software and list.
    reads : str
        Key of :data:`FIELDS`.
    recognised_by : tuple of str
        Headers that the list has, all of them.
    columns : mapping of str to tuple of str
        Field -> names of its column, the first one that is there; of ``justified`` all that are there must say yes.
    words : mapping of str to mapping of str to str
        ``types``, ``motives``...: what words mean.
    settings : mapping of str to object
        ``half_day_cut``, ``default_type``...; ``unquoted``: the software puts no quotes round its cells; ``open_field``: the one
        field whose text may hold the separator then.
    gives, basis : str
        As in :class:`~decrochage_risk.importers.extract.Reader`.
    """

    kind: str
    label: str
    reads: str
    recognised_by: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    gives: str = ""
    basis: Basis = "assumed"

    def names(self, name: str) -> tuple[str, ...]:
        """Give the names of the column of a field; none when the map has no such column."""
        return tuple(self.columns.get(name, ()))

    def text(self, table: DelimitedTable, name: str) -> pd.Series:
        """Give the column of a field; all missing when the file has none."""
        return table.text(*self.names(name))

    def has(self, table: DelimitedTable, name: str) -> bool:
        """Tell whether the file has the column of a field."""
        return table.position(*self.names(name)) is not None

    def check(self, table: DelimitedTable, path: str) -> None:
        """Refuse a file without a column that this kind of list needs.

        Raises
        ------
        UnreadableExportError
            All columns that are missing, and how to declare another name.
        """
        missing = [
            " / ".join(name for one in fields for name in self.names(one)[:1]) or fields[0]
            for fields in _REQUIRED[self.reads]
            if not any(self.has(table, one) for one in fields)
        ]
        if missing:
            raise UnreadableExportError(
                explain_error(
                    f"{path} has no column {', '.join(missing)}",
                    expected=f"a list as the map {self.kind} declares it",
                    hint=f"Declare the name of the column in [maps.mine] like = {self.kind!r}, columns = ...",
                ),
                french=f"Colonne absente : {', '.join(missing)}. Ajoutez-la à l’export, ou déclarez le nom qu’elle y porte "
                "(--columns, docs/imports.md).",
            )

    @property
    def cut(self) -> time:
        """Limit between morning and afternoon of this software."""
        return time.fromisoformat(str(self.settings.get("half_day_cut", "12:00")))


@cache
def bundled_maps() -> tuple[ColumnMap, ...]:
    """Give the maps of known software, in the order in which they are tried.

    Examples
    --------
    >>> [column_map.kind for column_map in bundled_maps()][:2]
    ['gepi_saisies', 'kosmos_sessions']
    """
    text = resources.files("decrochage_risk.importers").joinpath("presets.toml").read_text(encoding="utf-8")
    return _maps_of(tomllib.loads(text)["maps"], "presets.toml", {})


def declared_maps(paths: Iterable[Path]) -> tuple[ColumnMap, ...]:
    """Read the maps of a school's own files; the last file is tried first.

    Raises
    ------
    RecordsError
        A file that is no TOML, or says something that a map cannot say: all faults of the file at once.
    """
    maps_by_kind = {column_map.kind: column_map for column_map in bundled_maps()}
    own: tuple[ColumnMap, ...] = ()
    for path in paths:
        # The last file first, so that the most particular one wins over what it corrects.
        declared = read_column_map(path)
        own = (*_maps_of(declared.get("maps", {}), path.name, maps_by_kind), *own)
    return own


def _maps_of(
    tables: Mapping[str, Any], file: str, maps_by_kind: Mapping[str, ColumnMap]
) -> tuple[ColumnMap, ...]:
    faults: list[str] = []
    maps: list[ColumnMap] = []
    if not isinstance(tables, Mapping):
        faults.append(f"maps = {tables!r}, not a table")
        tables = {}
    for kind, table in tables.items():
        maps.append(_map_of(kind, table, maps_by_kind, faults))
        # A map may be like one above it in the same file.
        maps_by_kind = {**maps_by_kind, kind: maps[-1]}
    if faults:
        raise RecordsError(
            explain_error(
                f"The column map {file} has faults: {'; '.join(faults)}",
                expected="tables [maps.NAME] as docs/imports.md shows them",
                hint="Correct these lines; names of fields are in docs/imports.md.",
            )
        )
    return tuple(maps)


def _map_of(
    kind: str, table: Mapping[str, Any], maps_by_kind: Mapping[str, ColumnMap], faults: list[str]
) -> ColumnMap:
    if wrong := list(_shape_faults(kind, table)):
        faults.extend(wrong)
        return ColumnMap(kind, kind, "")
    like = maps_by_kind.get(str(table.get("like", "")), ColumnMap(kind, kind, ""))
    if "like" in table and table["like"] not in maps_by_kind:
        faults.append(f"maps.{kind}.like = {table['like']!r} is no map that is known")
    reads = str(table.get("reads", like.reads))
    if reads not in FIELDS:
        faults.append(f"maps.{kind}.reads = {reads!r}, expected one of {', '.join(FIELDS)}")
        return like
    faults.extend(_table_faults(kind, table, reads))
    columns = {name: _names(names) for name, names in table.get("columns", {}).items()}
    words = {
        name: {
            **like.words.get(name, {}),
            **{_folded(word): str(means) for word, means in table.get(name, {}).items()},
        }
        for name in _WORDS
        if name in table or name in like.words
    }
    all_columns = {**like.columns, **columns}
    signature = _names(table.get("recognised_by", ())) or tuple(
        names[0] for names in columns.values() if names
    )
    return ColumnMap(
        kind=kind,
        label=str(table.get("label", like.label)),
        reads=reads,
        recognised_by=signature or like.recognised_by,
        columns=all_columns,
        words=words,
        settings={**like.settings, **{name: table[name] for name in _SETTINGS if name in table}},
        gives=str(table.get("gives", like.gives)),
        basis=cast("Basis", table.get("basis", "assumed")),
    )


def _names(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _shape_faults(kind: str, table: object) -> Iterator[str]:
    """Name what stands where a table, a name or a list of names belongs: nothing else of the map can be read then."""
    if not isinstance(table, Mapping):
        yield f"maps.{kind} = {table!r}, not a table"
        return
    if not isinstance(table.get("like", ""), str):
        yield f"maps.{kind}.like = {table['like']!r}, not of its type"
    for name in ("columns", *_WORDS):
        if not isinstance(table.get(name, {}), Mapping):
            yield f"maps.{kind}.{name} = {table[name]!r}, not a table"
    columns = table.get("columns", {})
    of_names = (
        {f"columns.{name}": names for name, names in columns.items()} if isinstance(columns, Mapping) else {}
    )
    for name, names in {**of_names, "recognised_by": table.get("recognised_by", ())}.items():
        if not isinstance(names, str) and not (
            isinstance(names, list | tuple) and all(isinstance(one, str) for one in names)
        ):
            yield f"maps.{kind}.{name} = {names!r}, not of its type"


def _table_faults(kind: str, table: Mapping[str, Any], reads: str) -> Iterator[str]:
    """Name the fields, the sections and the settings that a map of this kind cannot have."""
    fields = {*FIELDS[reads], *_PERSON_FIELDS}
    for name in table.get("columns", {}):
        if name not in fields:
            yield f"maps.{kind}.columns.{name} is no field of {reads}"
    sections = {"like", "label", "reads", "recognised_by", "columns", "gives", "basis", *_WORDS, *_SETTINGS}
    for name in table:
        if name not in sections:
            yield f"maps.{kind}.{name} is not known"
    for name, of in _SETTINGS.items():
        if name in table and not is_of_kind(table[name], (of,)):
            yield f"maps.{kind}.{name} = {table[name]!r}, not of its type"
        elif name == "half_day_cut" and name in table and not _is_cut(table[name]):
            yield f"maps.{kind}.{name} = {table[name]!r}, not a time such as 12:00"
    if table.get("open_field", next(iter(fields))) not in fields:
        yield f"maps.{kind}.open_field = {table['open_field']!r} is no field of {reads}"
    yield from _meaning_faults(kind, table)


def _meaning_faults(kind: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Name the words and the settings of a map that mean nothing here: what they stand for would be read as something else."""
    meanings = {
        f"{name}.{word!r}": (name, means) for name in _WORDS for word, means in table.get(name, {}).items()
    }
    meanings |= {name: (name, table[name]) for name in ("default_type", "event", "kind") if name in table}
    for place, (name, means) in meanings.items():
        choices = _MEANINGS.get(name)
        if name == "ranks" and not _is_rank(means):
            yield f"maps.{kind}.{place} = {means!r}, not a rank from 1 to {HIGHEST_RANK} nor empty"
        elif choices and means not in choices and not (name == "granted" and flag_of(str(means)) is not None):
            yield f"maps.{kind}.{place} = {means!r}, expected one of {', '.join(choices)}"


def _is_rank(means: object) -> bool:
    number = number_of(str(means))
    return means == "" or (number is not None and number == int(number) and 1 <= number <= HIGHEST_RANK)


def _is_cut(text: str) -> bool:
    """Tell whether a text is a limit between morning and afternoon: midnight would leave no morning."""
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None) != time(0)
    except ValueError:
        return False


def _folded(word: str) -> str:
    """Fold a word of a map; a ``*`` stays."""
    return "*".join(fold(part) if part else "" for part in word.split("*"))


def word_of(words: Mapping[str, str], text: str) -> str | None:
    """Find what a text means: the same word, else the longest pattern that it matches; None when none does.

    Examples
    --------
    >>> word_of({"RETARD*": "lateness", "STAGE": "placement"}, "Retard extérieur"), word_of({}, "Stage")
    ('lateness', None)
    """
    plain = fold(text)
    if plain in words:
        return words[plain]
    near = [pattern for pattern in words if "*" in pattern and fnmatch.fnmatchcase(plain, pattern)]
    # The longest pattern is the most particular: "ABSENCE COURS*" goes before "ABSENCE*".
    return words[max(near, key=len)] if near else None


def read_table(
    source: SourceFile,
    options: ImportOptions,
    column_map: ColumnMap,
    *,
    is_group: Callable[[str], bool] | None = None,
) -> DelimitedTable:
    """Read the table of a list as its map says it is written; ``is_group`` as for :func:`read_delimited`.

    Raises
    ------
    UnreadableExportError
        No table in it, or a column that the map needs is not there.
    """
    table = read_delimited(
        source.content,
        expected=[name for names in column_map.columns.values() for name in names],
        name=source.path,
        unquoted=bool(column_map.settings.get("unquoted", False)),
        open_column=column_map.names(str(column_map.settings.get("open_field", ""))),
        pupils=options.pupils_like_totals,
        is_group=is_group,
    )
    column_map.check(table, source.path)
    return table


def miss_broken_rows(table: DelimitedTable, column_map: ColumnMap, extract: Extract) -> None:
    """Note whom the rows of another length than the header's may be of; once all else of the list is read.

    A row whose last cell alone is too much is as long as the others, and only broken where it could not be read.
    """
    for line, cells in table.broken:
        extract.miss(line, *_persons_of_cells(cells, table, column_map), aligned=False)
    extract.unread = [
        row._replace(
            persons=(*row.persons, *_persons_of_cells(table.loose[row.line], table, column_map)),
            aligned=False,
        )
        if row.aligned and row.line in table.loose
        else row
        for row in extract.unread
    ]


def _persons_of_cells(
    cells: tuple[str, ...], table: DelimitedTable, column_map: ColumnMap
) -> tuple[Person, ...]:
    """Give whom a row may be of, its cells counted from the left and from the right.

    The first holds before the separator that is too much, or missing, the second after it.
    """
    records: list[dict[str, str]] = []
    for shift in sorted({0, len(cells) - len(table.header)}, key=abs):
        places = {name: table.position(*column_map.names(name)) for name in _PERSON_FIELDS}
        record = {
            name: squeeze(cells[at + shift])
            for name, at in places.items()
            if at is not None and 0 <= at + shift < len(cells)
        }
        records.append({**record, "ine": record.get("ine", "").upper()})
    columns: dict[str, Any] = {name: [record.get(name) for record in records] for name in _PERSON_FIELDS}
    columns["birth_date"] = [day_of(text or "") for text in columns["birth_date"]]
    # A number says who it is: the day beside it may be any, and must not be learnt as a day of birth.
    return tuple(
        dict.fromkeys(
            person._replace(birth_date=None) if person.ine or person.elenoet else person
            for person in make_persons(columns, len(records))
        )
    )


def persons_of(
    table: DelimitedTable, column_map: ColumnMap, *, apart: pd.Series | None = None
) -> tuple[list[Person], npt.NDArray[np.int64]]:
    """Give the persons of a list, each way of writing one once, and which of them each row is of.

    Parameters
    ----------
    table : DelimitedTable
    column_map : ColumnMap
    apart : Series, optional
        What tells two persons of one name apart within the file (a login, a counter).
    """
    texts = {name: column_map.text(table, name) for name in _PERSON_FIELDS}
    texts["ine"] = texts["ine"].str.upper()
    frame = pd.DataFrame(texts)
    if apart is not None:
        frame["apart"] = apart
    which: npt.NDArray[Any] = (
        frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup().to_numpy(dtype=np.int64)
    )
    first = np.unique(which, return_index=True)[1]
    rows = frame.iloc[first].reset_index(drop=True)
    columns = {name: rows[name] for name in _PERSON_FIELDS}
    columns["birth_date"] = days_of(rows["birth_date"])
    return make_persons(columns, len(rows)), which
