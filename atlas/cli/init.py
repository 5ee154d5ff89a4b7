"""``atlas init``: what a project on Atlas begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas.cli.app import app
from atlas.cli.printing import show
from atlas.errors import ConfigurationError

_CONF = '''"""Piccolo's configuration: which database, and which apps have tables in it."""

from piccolo.conf.apps import AppRegistry

from atlas.conf import APPS, DB

# Apps of your own come after these seven, and may reference their tables.
APP_REGISTRY = AppRegistry(apps=[*APPS])

__all__ = ["APP_REGISTRY", "DB"]
'''

_ENV = """\
# Where the data is: file:PATH, or postgresql://USER@HOST/DATABASE. Keep it out of version control.
DATABASE_URL=file:atlas-ops.db
"""

_SCRIPT = '''"""The first ten provinces: python first.py, after atlas migrate and atlas seed."""

import asyncio

from atlas import Region, create_client


async def main() -> None:
    async with create_client():
        provinces = Region.select(Region.code, Region.name).where(Region.type == "Province")
        for province in await provinces.order_by(Region.code).limit(10):
            print(province["code"], province["name"])


asyncio.run(main())
'''

#: The files of a project, and what is in them.
FILES = {"piccolo_conf.py": _CONF, ".env": _ENV, "first.py": _SCRIPT}


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(help="The project's folder; made if it is missing.")
    ] = Path(),
) -> None:
    """Write piccolo_conf.py, .env and a first script into a folder; overwrite nothing.

    A folder that has one of them already is left as it is, and exits with 2.
    """
    if there := [name for name in FILES if (folder / name).exists()]:
        raise ConfigurationError(
            f"{folder.absolute()} has {', '.join(there)} already. Nothing was written; choose "
            "another folder: atlas init FOLDER"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    show(f"Written in {folder.absolute()}: {', '.join(FILES)}")
    change = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    show(f"Next: {change}atlas migrate && atlas seed\nThen: python first.py")
