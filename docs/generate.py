"""Write every file of the project that is generated from the code: the schemas and pages of the documentation.

Run ``python docs/generate.py`` after a change of a table, a column or a rule; a test fails while a file is stale.
"""

from __future__ import annotations

import json
from pathlib import Path

from decrochage_risk.records.documentation import records_page, schemas

ROOT = Path(__file__).resolve().parent.parent


def generated_files() -> dict[str, str]:
    """Make the text of every generated file, by its path under the root of the project.

    Another generated page is one more entry here.
    """
    return {
        **{
            f"data/schema/{name}.schema.json": json.dumps(schema, ensure_ascii=True, indent=2) + "\n"
            for name, schema in schemas().items()
        },
        "docs/records.md": records_page(),
    }


def main() -> None:
    """Write each generated file and say which ones changed."""
    for name, text in generated_files().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            print(f"unchanged {name}")
            continue
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"written   {name}")


if __name__ == "__main__":
    main()
