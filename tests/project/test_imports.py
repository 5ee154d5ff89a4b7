"""Imports go one way: no circle, and no arrow that docs/architecture.md does not show."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

APPS = {"core", "db", "catalog", "commerce", "finance", "marketing", "target"}


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    module_name(path): path
    for path in sorted((ROOT / "atlas").rglob("*.py"))
    if "piccolo_migrations" not in path.parts
}


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of the package that a file imports: anywhere in it, for types too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == "atlas":
                # `from atlas.errors import AtlasError` is of the module, not of the name in it.
                yield name if name in FILES else name.rpartition(".")[0]


GRAPH = {name: {found for found in imported(path) if found != name} for name, path in FILES.items()}


def room(module: str) -> str:
    """Return the row of the table that a module is in."""
    first = module.split(".")[1:2]
    return "__init__" if not first else "apps" if first[0] in APPS else first[0]


def allowed() -> dict[str, set[str]]:
    """Return the rooms of docs/architecture.md, in their order, and those that each may know."""
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \|[^|]*\|([^|]*)\|$",
        (ROOT / "docs" / "architecture.md").read_text(),
        re.MULTILINE,
    )
    return {
        name: {known.strip() for known in may_know.split(",") if known.strip()}
        for names, may_know in rows
        for name in re.findall(r"\w+", names)
    }


def test_every_import_is_of_a_module_that_is_there() -> None:
    """What the graph is made of is complete: each import leads to a file of the package."""
    assert {name for found in GRAPH.values() for name in found} <= set(FILES)
    assert len(FILES) > 150


def test_no_module_imports_itself_by_way_of_others() -> None:
    """There is no circle of imports, not even of those inside functions or for types."""
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_every_room_is_in_the_table() -> None:
    """docs/architecture.md has a row for each room, and none for a room that is gone."""
    assert {room(module) for module in FILES} == set(allowed())


def test_rooms_know_those_above_them_only() -> None:
    """The table itself goes one way: each room may know only some of those before it."""
    before: set[str] = set()
    for name, may_know in allowed().items():
        assert may_know <= before, f"{name} may know {', '.join(may_know - before)}"
        before.add(name)


def test_imports_are_those_of_the_table() -> None:
    """No room imports one that it may not know, and the table allows nothing that is unused."""
    used: dict[str, set[str]] = {name: set() for name in allowed()}
    where: dict[tuple[str, str], str] = {}
    for module, found in GRAPH.items():
        for other in found:
            here, there = room(module), room(other)
            if here != there:
                used[here].add(there)
                where[here, there] = f"{module} imports {other}"
    may_know = allowed()
    assert [where[here, there] for here in used for there in used[here] - may_know[here]] == []
    assert {here: may_know[here] - used[here] for here in used if may_know[here] - used[here]} == {}


def test_only_the_front_door_applies_the_patches() -> None:
    """Nothing in the package imports patches.py or the front door, whatever it needs of them."""
    for module, found in GRAPH.items():
        assert "atlas" not in found, module
        assert "atlas.patches" not in found or module == "atlas", module


def test_the_walks_pass_each_file_once() -> None:
    """Each walk of docs/architecture.md is a list of files that are there, without a step back."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text.partition("## Three walks")[2].partition("\n## ")[0]
    walks = re.split(r"^\*\*", section, flags=re.MULTILINE)[1:]
    assert len(walks) == 3
    for walk in walks:
        files = re.findall(r"^\d+\. `([\w/.]+)`", walk, re.MULTILINE)
        assert len(files) > 8
        assert len(files) == len(set(files))
        assert [name for name in files if not (ROOT / name).is_file()] == []


def test_importing_the_package_imports_no_more_than_it_needs() -> None:
    """What only some programs need, as Piccolo's commands and pydantic, is imported by those."""
    code = (
        "import sys, atlas\n"
        "heavy = {'anyio', 'faker', 'importlib.metadata', 'pydantic', 'pydantic_core', 'rich',"
        " 'typer', 'ulid', 'atlas.demo.group', 'atlas.settings',"
        " 'piccolo.apps.fixtures.commands.dump',"
        " 'piccolo.apps.migrations.commands.new', 'piccolo.apps.tester.commands.run'}\n"
        "assert heavy & set(sys.modules) == set(), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
