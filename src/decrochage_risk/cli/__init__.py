"""The command line ``decrochage-risk``: Typer and Rich over the public functions, nothing of its own to decide.

``program``
    the program and its commands; clean errors, warnings told once;
``demo_command``, ``cohort_command``, ``records_commands``, ``score_command``, ``model_commands``
    one function per command, whose French docstring is its ``--help``;
``options``
    the options that several commands share;
``files``
    extracts read, targets looked at before the work;
``output``, ``situations``
    what is printed: plain lines, progress, the table of situations to be looked at.

Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

from decrochage_risk.cli.program import main

__all__ = ["main"]
