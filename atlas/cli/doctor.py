"""``atlas doctor``: whether the database is well, and stays so."""

from __future__ import annotations

import asyncio
import json

import typer

from atlas.cli.app import DIFFERS, OK, Database, Json, app, find_piccolo_conf
from atlas.cli.printing import show
from atlas.client.client import create_client


@app.command()
def doctor(as_json: Json = False, database: Database = None) -> None:
    """Look for what is, or will be, wrong with the database; change nothing.

    Integrity, references, indexes, readers and writers that hold others up, free pages and
    space, permissions, settings, migrations, clocks, and known bugs of the library. Exits with 0
    when all is well, 1 when something was found, and 2 when the database could not be looked at.
    """
    from atlas.doctor import look

    find_piccolo_conf()
    diagnosis = asyncio.run(look(create_client(read_only=True)))
    if as_json:
        print(json.dumps(diagnosis.as_json(), indent=2))
    else:
        for finding in diagnosis.findings:
            note = "note: " if finding.is_note else ""
            show(f"{note}{finding.about}: {finding.message}\n    {finding.remedy}")
        count = sum(not finding.is_note for finding in diagnosis.findings)
        things = "1 thing" if count == 1 else f"{count} things"
        said = f"{things} to see to" if count else "all is well"
        show(f"{diagnosis.database}: {said}. Looked at: {', '.join(diagnosis.looked_at)}.")
    raise typer.Exit(OK if diagnosis.is_well else DIFFERS)
