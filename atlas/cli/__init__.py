"""The ``atlas`` command: a module for each subcommand, and ``app`` which they join.

In: a command line. Out: one call of the room that does it, and its result as a
table; or one line on stderr and exit code 2. It decides nothing itself. A
subcommand imports what only it needs inside its function, so that
``atlas --help`` stays quick.
"""

from atlas.cli import (
    admin,
    adopt,
    audit,
    backup,
    check,
    copy,
    doctor,
    dump,
    info,
    init,
    load,
    migrate,
    playground,
    seed,
)
from atlas.cli.app import app, main

__all__ = [
    "admin",
    "adopt",
    "app",
    "audit",
    "backup",
    "check",
    "copy",
    "doctor",
    "dump",
    "info",
    "init",
    "load",
    "main",
    "migrate",
    "playground",
    "seed",
]
