"""Tables of the user's own beside the 38, and Piccolo's tools for tests on all of them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import ROOT
from piccolo.engine.base import Engine
from piccolo.testing import ModelBuilder
from piccolo_api.crud.endpoints import PiccoloCRUD
from terminal import BIN, environment

from atlas import TABLES, Order, Tag
from atlas.rules import violations
from atlas.table import Table

DOCUMENT = ROOT / "docs" / "your-own-tables.md"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of docs/your-own-tables.md, migrated and seeded."""
    folder = tmp_path_factory.mktemp("project")
    text = DOCUMENT.read_text()
    files = re.findall(r"^`([\w/]+\.py)`:.*?^```py\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(files) == 4
    for name, code in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)
    (folder / "reviews" / "piccolo_migrations").mkdir()
    for package in ("reviews", "reviews/piccolo_migrations"):
        (folder / package / "__init__.py").touch()
    commands = re.findall(r"^(?:piccolo|atlas) .*$", text, re.MULTILINE)
    assert len(commands) == 3
    for command in [*commands, "atlas seed --demo small"]:
        run(folder, *command.split())
    return folder


def run(folder: Path, program: str, *arguments: str) -> str:
    """Run a program of the environment in a folder, which must succeed; return what it prints."""
    result = subprocess.run(
        [BIN / program, *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_own_tables_are_tables_like_the_others(project: Path) -> None:
    """Upsert, prepared queries, the sync client, fixtures, info and check know the user's table."""
    said = run(project, "python", "first_review.py").splitlines()
    assert said == ["inserted 1", "unchanged 1", "found 1", "counted 1"]
    tables = json.loads(run(project, "atlas", "info", "--json"))["tables"]
    assert {"name": "reviews_review", "rows": 1}.items() <= tables[-1].items()
    assert len(tables) == len(TABLES) + 1
    run(project, "atlas", "check")
    dumped = json.loads(run(project, "piccolo", "fixtures", "dump", "--apps=reviews"))
    (review,) = dumped["reviews"]["Review"]
    assert review["stars"] == 5


def test_the_admin_page_lists_own_tables(project: Path) -> None:
    """The user's table is in the menu, below the name of its app, with what it references."""
    code = (
        "import json\n"
        "from atlas.admin.site import _config\n"
        "from atlas.client.own_tables import own_tables\n"
        "(table,) = own_tables()\n"
        "config = _config(table)\n"
        "print(table.__name__, config.menu_group)\n"
    )
    assert run(project, "python", "-c", code) == "Review Reviews\n"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
async def test_model_builder_builds_every_table(
    table: type[Table], shared_engine: Engine[Any]
) -> None:
    """Piccolo's ``ModelBuilder`` stores a row of each table, parents included, or makes one."""
    row: Any = await ModelBuilder.build(table)
    (stored,) = await table.select().where(table._meta.primary_key == row._key)
    assert stored.keys() == table._column_names
    minimal: Any = await ModelBuilder.build(table, minimal=True)
    assert await table.exists().where(table._meta.primary_key == minimal._key)
    assert not [each for each in violations(table, row) if each.rule == "G2"]
    ModelBuilder.build_sync(table, persist=False)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_piccolo_api_answers_what_a_column_refuses(
    method: str, shared_engine: Engine[Any]
) -> None:
    """A value that the model refuses is a 422 of piccolo_api's endpoints; nothing is stored."""
    tag = await ModelBuilder.build(Tag, {Tag.name: "before"})
    app = PiccoloCRUD(Tag, read_only=False)
    transport = httpx.ASGITransport(app=app)
    row = {"code": "a", "name": "a\x00b", "type": "Segment", "is_active": True}
    async with httpx.AsyncClient(transport=transport, base_url="http://tags") as browser:
        response = await browser.request(
            method, "/" if method == "POST" else f"/{tag.id}/", json=row
        )
    assert response.status_code == 422, response.text
    (wrong,) = response.json()["detail"]
    assert wrong["loc"] == ["body", "name"]
    assert "NUL character" in wrong["msg"]
    assert await Tag.select(Tag.name).where(Tag.id == tag.id).first() == {"name": "before"}


async def test_piccolo_api_answers_a_filter_that_a_column_refuses(
    shared_engine: Engine[Any],
) -> None:
    """So is a value to compare with that the column could not hold."""
    transport = httpx.ASGITransport(app=PiccoloCRUD(Order))
    async with httpx.AsyncClient(transport=transport, base_url="http://orders") as browser:
        response = await browser.get("/", params={"order_date": "yesterday"})
        assert response.status_code == 422, response.text
        assert response.json()["detail"][0]["loc"][-1] == "order_date"
