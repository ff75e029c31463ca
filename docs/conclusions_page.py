"""The page of conclusions and its pictures: the figures of the demonstration model are read from its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from decrochage_risk import french
from decrochage_risk.score import load_demo_model

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bars", "calibration", "conclusions_files"]

_TEMPLATE = Path(__file__).with_name("conclusions.template.txt")
_WIDTH = 640
_NAMES = {
    "modèle": "figures",
    "régression logistique": "régression logistique",
    "taux de l’établissement seul": "taux de l'établissement seul",
    "règle légale d’absence": "règle légale d'absence",
    "indicateurs ABC (au moins un)": "indicateurs ABC (au moins un)",
    "repère de Chicago": "repère de Chicago (on-track)",
}
_STYLE = (
    "<style>text{font:14px sans-serif;fill:#222}.s{font-size:12px;fill:#555}.m{fill:#1f3b5c}.o{fill:#9aa9ba}"
    ".l{stroke:#1f3b5c;stroke-width:2}.d{stroke:#6b6b6b;stroke-dasharray:5 4}.a{stroke:#999}</style>"
)


def conclusions_files() -> dict[str, str]:
    """Write the page and its pictures, by their path under the root of the project."""
    report = load_demo_model().report
    by_name = {
        name: report["figures"] if key == "figures" else report["baselines"][key]
        for name, key in _NAMES.items()
    }
    figures = report["figures"]
    facts = {
        "auc": french.number(figures["auc"], 3),
        "auc_legal": french.number(by_name["règle légale d’absence"]["auc"], 3),
        "auc_school": french.number(by_name["taux de l’établissement seul"]["auc"], 3),
        "auc_logistic": french.number(by_name["régression logistique"]["auc"], 3),
        "slope": french.number(figures["slope"], 2),
        "ece": french.number(100 * figures["ece"], 1),
        "rows": french.number(figures["rows"]),
        "pupils": french.number(figures["pupils"]),
    }
    return {
        "docs/conclusions.md": _TEMPLATE.read_text(encoding="utf-8").format(**facts),
        "docs/pictures/references.svg": bars({name: one["auc"] for name, one in by_name.items()}),
        "docs/pictures/calibration.svg": calibration(report["reliability"]),
    }


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"><title>{title}</title>'
    return "\n".join([head, _STYLE, *parts, "</svg>"]) + "\n"


def bars(values: dict[str, float]) -> str:
    """Draw AUCs as bars that begin at 0.5, which is chance; the first one is the model.

    Examples
    --------
    >>> bars({"modèle": 0.9, "hasard": 0.5}).count("<rect")
    2
    """
    left, row, plot = 230, 34, 330
    parts = ['<text x="0" y="18">AUC à un an ; une barre commence à 0,5, le hasard</text>']
    for place, (name, value) in enumerate(values.items()):
        top = 34 + row * place
        width = max(1.0, plot * (value - 0.5) / 0.5)
        parts += [
            f'<text x="{left - 10}" y="{top + 16}" text-anchor="end">{name}</text>',
            f'<rect class="{"o" if place else "m"}" x="{left}" y="{top}" width="{width:.1f}" height="22"/>',
            f'<text x="{left + width + 8:.1f}" y="{top + 16}">{french.number(value, 3)}</text>',
        ]
    return _svg(34 + row * len(values) + 6, "AUC du modèle et des références simples", parts)


def calibration(bins: Sequence[dict[str, Any]]) -> str:
    """Draw what was observed against what was announced, in bins of equal mass, with 95 % intervals.

    Examples
    --------
    >>> calibration([{"mean_risk": 0.1, "observed": 0.12, "low": 0.08, "high": 0.16}]).count("<circle")
    1
    """
    left, top, plot = 60, 30, 300
    end = 1.05 * max(max(one["high"], one["mean_risk"]) for one in bins)

    def x(value: float) -> float:
        return left + plot * value / end

    def y(value: float) -> float:
        return top + plot * (1 - value / end)

    parts = [
        '<text x="0" y="18">Fréquence observée selon le risque annoncé (intervalle à 95 %)</text>',
        f'<line class="a" x1="{left}" y1="{top + plot}" x2="{left + plot}" y2="{top + plot}"/>',
        f'<line class="a" x1="{left}" y1="{top}" x2="{left}" y2="{top + plot}"/>',
        f'<line class="d" x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(end):.1f}" y2="{y(end):.1f}"/>',
    ]
    for one in bins:
        at = x(one["mean_risk"])
        parts += [
            f'<line class="l" x1="{at:.1f}" y1="{y(one["low"]):.1f}" x2="{at:.1f}" y2="{y(one["high"]):.1f}"/>',
            f'<circle class="m" cx="{at:.1f}" cy="{y(one["observed"]):.1f}" r="4"/>',
        ]
    for share in (0.0, end / 2, end):
        words = french.percent(share, 1)
        parts += [
            f'<text class="s" x="{x(share):.1f}" y="{top + plot + 18}" text-anchor="middle">{words}</text>',
            f'<text class="s" x="{left - 6}" y="{y(share) + 4:.1f}" text-anchor="end">{words}</text>',
        ]
    parts.append(
        f'<text class="s" x="{left + plot + 14}" y="{y(end) + 14:.1f}">en pointillé : parfait</text>'
    )
    return _svg(top + plot + 30, "Calibration du modèle de démonstration", parts)
