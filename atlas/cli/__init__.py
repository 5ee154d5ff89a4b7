"""The ``atlas`` command: a module for each subcommand, and ``app`` which they join.

In: a command line. Out: one call of the room that does it, and its result as a
table; or one line on stderr and exit code 1. It decides nothing itself. A
subcommand imports what only it needs inside its function, so that
``atlas --help`` stays quick.
"""

from atlas.cli import audit, check, migrate, seed
from atlas.cli.app import app, main

__all__ = ["app", "audit", "check", "main", "migrate", "seed"]
from atlas.cli import playground

__all__ = ["app", "main", "playground", "seed"]
from atlas.cli import info, playground, seed
from atlas.cli.app import app, main

__all__ = ["app", "info", "main", "playground", "seed"]
