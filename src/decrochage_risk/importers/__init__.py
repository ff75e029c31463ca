"""French school exports (SIECLE, GEPI, PRONOTE, LSU, Affelnet, SYGNE...) into the tables of this package.

One reader per kind of export, each declared in its own module and listed in ``recognition``; :func:`import_exports` does
the rest: who is who, merging, checks, and a report that names nobody. ``docs/imports.md`` says what is read of what.
"""

from __future__ import annotations

from decrochage_risk.importers.extract import ImportOptions
from decrochage_risk.importers.importing import Imported, import_exports
from decrochage_risk.importers.report import ImportReport

__all__ = ["ImportOptions", "ImportReport", "Imported", "import_exports"]
