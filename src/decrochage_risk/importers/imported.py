"""What an import gives: checked records, the report, and how they are written, as a whole and closed to others.

Nothing named is ever written with the tables; the table that leads back from pseudonyms is a file of its own, asked for apart.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decrochage_risk.csv_files import write_csv
from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.result_folders import ResultFolder

if TYPE_CHECKING:
    import pandas as pd

    from decrochage_risk.importers.report import ImportReport
    from decrochage_risk.records.pupil_records import PupilRecords
    from decrochage_risk.school_year import SchoolCalendar

__all__ = ["REPORT_NAME", "TOTALS_NAME", "Imported"]

REPORT_NAME = "rapport-import"
"""Name of the report in the folder of tables: ``.txt``, ``.json`` and ``.html``."""

TOTALS_NAME = "totaux-mensuels.csv"
"""Name of the counts of absences by period, beside the tables: no table of the model, which needs days."""


@dataclass(frozen=True)
class Imported:
    """What came out of an import.

    Attributes
    ----------
    records : PupilRecords
        Checked; rows at fault are set aside, as the report says.
    report : ImportReport
    calendar : SchoolCalendar or None
        When a file told closures; None: the one that was asked for, or zone B, as it is.
    links : DataFrame or None
        The way back from pseudonyms to pupils, only where it was asked for.
    totals : DataFrame or None
        Counts of absences by period (``monthly_totals=True``): ``pupil_id``, ``start``, ``end`` (days, both included),
        ``half_days``, ``unjustified``, ``lateness``. They are no table of the records: what needs days stays not known.
    """

    records: PupilRecords
    report: ImportReport
    calendar: SchoolCalendar | None = None
    links: pd.DataFrame | None = field(default=None, repr=False)
    totals: pd.DataFrame | None = field(default=None, repr=False)

    def write(self, folder: str | Path, *, group: bool = False, held: bool = False) -> list[Path]:
        """Write the tables (Parquet), ``calendar.csv`` and monthly totals where files told them, and the report.

        The folder is new, empty, or holds only what an earlier run listed there, which is replaced as a whole.

        Parameters
        ----------
        folder : str or Path
            Where to write.
        group : bool
            Whether the group of the folder may read it (0640 in 0750); its owner alone otherwise (0600 in 0700).
        held : bool
            The caller holds the folder already (``result_folders.hold``).

        Raises
        ------
        RecordsError
            The folder holds anything of somebody else, another run holds it, or it cannot be written.
        """
        target = Path(folder)
        try:
            with ResultFolder(target, group=group, held=held) as result:
                self._write_files(result.draft)
        except OSError as error:
            raise RecordsError(
                explain_error(
                    f"{target} cannot be written ({error.strerror or error})",
                    expected="a folder that can be made and written",
                    hint="Choose another folder, or make room on the disk.",
                )
            ) from error
        return sorted(target.iterdir())

    def _write_files(self, place: Path) -> None:
        for name in TABLES:
            table = getattr(self.records, name)
            if table is not None:
                table.to_parquet(place / f"{name}.parquet", index=False)
        if self.calendar is not None:
            self.calendar.to_csv(place / "calendar.csv")
        if self.totals is not None:
            write_csv(self.totals, place / TOTALS_NAME, for_machines=True)
        for suffix, text in (
            ("txt", f"{self.report}\n"),
            ("json", self.report.to_json()),
            ("html", self.report.to_html()),
        ):
            (place / f"{REPORT_NAME}.{suffix}").write_text(text, encoding="utf-8", newline="\n")

    def write_links(self, path: str | Path) -> Path:
        """Write the table that leads from pseudonyms back to pupils, readable by its owner only (mode 600).

        Raises
        ------
        RecordsError
            It was not asked for (``links=True``), or the file is there already: it is never replaced.
        """
        if self.links is None:
            raise RecordsError(
                explain_error(
                    "No link table was asked for",
                    expected="import_exports(..., links=True)",
                    hint="Import again with it.",
                )
            )
        target = Path(path)
        try:
            # Mode and newness in one call: no moment at which others could read it, or an old one is lost.
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise RecordsError(
                explain_error(
                    f"The link table {target} cannot be written ({error.strerror})",
                    expected="a new file, in a folder that can be written",
                    hint="Choose another name: it holds names, and none is ever replaced without being seen.",
                )
            ) from error
        os.close(descriptor)  # made closed to others and new; what is written into it keeps these rights
        # Numbers of pupils lead back only letter by letter: formulas alone are guarded.
        return write_csv(self.links, target, ids=tuple(self.links.columns))
