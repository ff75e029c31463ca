"""The one small script of the pages: it sorts a table by a column when its heading is pressed; without it nothing is lost."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

__all__ = ["SORTING"]

SORTING: Final = Markup("""<script>
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells]
  heads.forEach((head, column) => {
    const button = document.createElement("button")
    button.type = "button"
    button.append(...head.childNodes)
    head.append(button)
    head.setAttribute("aria-sort", "none")
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending"
      heads.forEach(other => other.setAttribute("aria-sort", "none"))
      head.setAttribute("aria-sort", up ? "ascending" : "descending")
      const value = row => row.cells[column].textContent.trim()
      const number = text => { const read = parseFloat(text.replace(/[\\s\\u202f\\u00a0]/g, "").replace(",", ".").replace("–", "0")); return isNaN(read) ? null : read }
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const x = value(a), y = value(b), m = number(x), n = number(y)
        return m !== null && n !== null && m !== n ? m - n : x.localeCompare(y, "fr", { numeric: true })
      })
      table.tBodies[0].append(...(up ? rows : rows.reverse()))
    })
  })
}
</script>""")
"""Sorts the tables of class ``sortable``; each heading becomes a button that a keyboard reaches."""
