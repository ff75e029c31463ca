"""``python -m decrochage_risk.cli``: the same as ``decrochage-risk``."""

from __future__ import annotations

from decrochage_risk.cli.program import main

if __name__ == "__main__":
    main()
