"""The command line ``decrochage-risk``: Typer and Rich over the public functions, nothing of its own to decide.

``program``
    the program and its commands; clean errors, warnings told once;
``import_command``, ``records_commands``, ``score_command``, ``model_commands``, ``report_command`` ...
    one function per command, whose French docstring is its ``--help``;
``options``
    the options that several commands share;
``files``
    extracts read, targets looked at before the work;
``output``, ``messages``
    what is printed: plain lines and progress; errors, warnings and the parser's words in French.

Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

from decrochage_risk.cli.program import main

__all__ = ["main"]
