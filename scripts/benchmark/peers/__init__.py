"""The peers: libraries that do the same work on the same file.

One file each, with one class called ``Peer``. To add one, write the file and
add its name to ``NAMES``.
"""

from __future__ import annotations

from importlib import import_module

from benchmark.peers.peer import Peer

#: The modules of this package, in the order of the table.
NAMES = (
    "raw_sqlite3",
    "raw_aiosqlite",
    "stock_piccolo",
    "atlas_client",
    "sqlalchemy_core",
    "sqlalchemy_orm",
    "tortoise_orm",
    "yara_orm",
    "oxyde",
)


def load() -> tuple[list[Peer], dict[str, str]]:
    """Return the peers that are installed, and for each of the others why it is left out."""
    peers: list[Peer] = []
    missing: dict[str, str] = {}
    for name in NAMES:
        try:
            module = import_module(f"benchmark.peers.{name}")
        except ImportError as error:
            missing[name.replace("_", "-")] = f"{error.name} is not installed"
            continue
        peers.append(module.Peer())
    return peers, missing
