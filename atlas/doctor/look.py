"""One look at a database: the part that both have, and then each one's own.

In: a client that is not open, as nobody has its file open in this process. Out: a ``Diagnosis``.
"""

from __future__ import annotations

import asyncio

from atlas.check import drift
from atlas.client.client import Client
from atlas.doctor import postgres, sqlite
from atlas.doctor.finding import Diagnosis


async def look(client: Client) -> Diagnosis:
    """Look at the database of ``client``; raise what opening it raises. Nothing is changed."""
    engine = client.engine
    diagnosis = Diagnosis(str(engine.path))
    if engine.engine_type == "sqlite":
        await asyncio.to_thread(sqlite.look, engine, diagnosis)
    else:
        await postgres.look(engine, diagnosis)
    report = await drift.check(client, quick=True)
    diagnosis.add(
        "migrations",
        *((finding.message, finding.remedy) for finding in report.drift),
    )
    diagnosis.add("library", *((each, _NEWER) for each in report.warnings), is_note=True)
    return diagnosis


_NEWER = "Take a newer SQLite: docs/pool.md, the WAL-reset bug."
