"""The look of every page: one stylesheet, one frame, drawings as inline SVG, tables that are HTML and CSV alike.

Nothing here knows of pupils or models. A page is one HTML file that asks nothing of the network and needs no script to be
read; what comes from a school (ids, classes, names) is escaped wherever it stands: in HTML, in SVG and in CSS.
"""

from __future__ import annotations

from decrochage_risk.pages.charts import Chart, Dot, Drawing, Panel, dot_panel, hundred_squares, line_panel
from decrochage_risk.pages.rendering import Cell, PageTable, french_spaces, page_name, render, write_csv

__all__ = [
    "Cell",
    "Chart",
    "Dot",
    "Drawing",
    "PageTable",
    "Panel",
    "dot_panel",
    "french_spaces",
    "hundred_squares",
    "line_panel",
    "page_name",
    "render",
    "write_csv",
]
