"""French school exports (SIECLE, GEPI, PRONOTE, LSU, Affelnet, SYGNE...) into the tables of this package."""

from __future__ import annotations
