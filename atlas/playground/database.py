"""The playground's databases: one to throw away, or one to look at.

In: nothing, or a path or URL. Out: a client that is not open yet; of a file in a
temporary folder that everything may be done to, or one that only reads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from piccolo.table import create_db_tables

from atlas.client.client import Client, create_client
from atlas.engine.url import path_or_url
from atlas.seeding.seed import seed
from atlas.tables import TABLES


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for the throwaway database and all that its shell writes; remove it after."""
    with tempfile.TemporaryDirectory(
        prefix="atlas-playground-", ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


def throwaway(folder: Path) -> Client:
    """Return a client of a file in ``folder`` that does not exist yet."""
    # It is gone in a moment, so it need not survive a power cut.
    return create_client(f"file:{folder / 'playground.db'}", synchronous="OFF")


async def fill(client: Client) -> None:
    """Make the 38 tables in the open ``client``'s database, with the small demo in them."""
    async with client.transaction():
        await create_db_tables(*TABLES)
        await seed(demo="small", client=client)


def to_look_at(database: str) -> Client:
    """Return a client of a database, given by path or URL, that can only read it.

    Raises ``ConfigurationError`` for what is neither a path nor a URL.
    """
    return create_client(path_or_url(database), read_only=True)
