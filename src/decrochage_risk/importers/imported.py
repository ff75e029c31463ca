"""What an import gives: checked records, the report, and how they are written, as a whole and closed to others.

Nothing named is ever written with the tables; the table that leads back from pseudonyms is a file of its own, asked for apart.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decrochage_risk.errors import RecordsError, explain_error
from decrochage_risk.records.table_schemas import TABLES
from decrochage_risk.result_folders import make_private, restrict

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

    def write(self, folder: str | Path, *, group: bool = False) -> list[Path]:
        """Write the tables (Parquet), ``calendar.csv`` and monthly totals where files told them, and the report.

        The folder is new, empty, or that of an earlier import, which it replaces as a whole.

        Parameters
        ----------
        folder : str or Path
            Where to write.
        group : bool
            Whether the group of the folder may read it (0640 in 0750); its owner alone otherwise (0600 in 0700).

        Raises
        ------
        RecordsError
            The folder holds something else, or cannot be written.
        """
        target = Path(folder)
        _refuse_foreign(target)
        # Beside the target, not in a temporary folder: a rename is at once only on the same disk.
        fresh = target.with_name(f".{target.name}.new-{secrets.token_hex(4)}")
        try:
            # Closed before the first row is written, not after.
            restrict(fresh)
            for name in TABLES:
                table = getattr(self.records, name)
                if table is not None:
                    table.to_parquet(fresh / f"{name}.parquet", index=False)
            if self.calendar is not None:
                self.calendar.to_csv(fresh / "calendar.csv")
            if self.totals is not None:
                self.totals.to_csv(
                    fresh / TOTALS_NAME, sep=";", index=False, date_format="%Y-%m-%d", lineterminator="\n"
                )
            for suffix, text in (
                ("txt", f"{self.report}\n"),
                ("json", self.report.to_json()),
                ("html", self.report.to_html()),
            ):
                (fresh / f"{REPORT_NAME}.{suffix}").write_text(text, encoding="utf-8", newline="\n")
            make_private(fresh, group=group)
            if target.exists():
                shutil.rmtree(target)
            fresh.rename(target)
        except OSError as error:
            raise RecordsError(
                explain_error(
                    f"{target} cannot be written ({error.strerror or error})",
                    expected="a folder that can be made and written",
                    hint="Choose another folder, or make room on the disk.",
                )
            ) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return sorted(target.iterdir())

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
        text = self.links.to_csv(sep=";", index=False, lineterminator="\n")
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
        with os.fdopen(descriptor, "w", encoding="utf-8-sig") as file:
            file.write(text)
        return target


def _refuse_foreign(target: Path) -> None:
    """Refuse a folder that holds anything but an earlier import."""
    if target.is_file() or (
        target.is_dir() and any(target.iterdir()) and not (target / f"{REPORT_NAME}.json").is_file()
    ):
        raise RecordsError(
            explain_error(
                f"{target} holds something that is no import",
                expected="a new or empty folder, or that of an earlier import",
                hint="Choose another folder: what an import did not write, it does not replace.",
            )
        )
