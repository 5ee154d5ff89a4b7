"""ObjectsByTable out of a database as JSON, and into another, as ``piccolo fixtures`` does.

In: the tables to dump, or the JSON text of a dump. Out: rows of one moment; or
a database that has every row of the text, in one transaction. Knows Piccolo's
tables and no command; ``atlas/patches.py`` puts it behind the two commands.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import Any

import pydantic
from piccolo.apps.fixtures.commands.shared import FixtureConfig
from piccolo.columns import Column
from piccolo.conf.apps import Finder
from piccolo.engine.finder import engine_finder
from piccolo.query.mixins import OnConflictAction
from piccolo.table import Table, sort_table_classes
from piccolo.utils.list import batch
from piccolo.utils.pydantic import create_pydantic_model

from atlas.errors import AtlasError, InvalidValueError
from atlas.files.read import exact_number
from atlas.nearest import did_you_mean
from atlas.table import Table as AtlasTable

ObjectsByTable = dict[type[Table], list[Table]]

_ALL = "all"


async def dump(
    get_dump: Callable[[list[FixtureConfig]], Awaitable[dict[str, Any]]],
    fixture_configs: list[FixtureConfig],
) -> dict[str, Any]:
    """Return what Piccolo's ``get_dump`` returns, all of it as of one moment.

    An engine that is not Atlas's has no snapshot, and is read as Piccolo does.
    """
    engine: Any = engine_finder()
    if not hasattr(engine, "snapshot"):
        return await get_dump(fixture_configs)
    async with engine.snapshot():
        return await get_dump(fixture_configs)


def wanted(apps: str, tables: str) -> list[FixtureConfig]:
    """Return which tables of which apps a dump is of: names with commas between, or ``all``.

    A table is named as its class or as in the database. Raises ``AtlasError`` for a name that
    is none: an empty dump would look like a backup.
    """
    finder = Finder()
    known: list[str] = finder.get_sorted_app_names()
    app_names = known if apps == _ALL else [name.strip() for name in apps.split(",")]
    for name in app_names:
        if name not in known:
            raise AtlasError(
                f"There is no app {name}; the apps are {', '.join(known)}."
                f"{did_you_mean(name, known)}"
            )
    classes = {name: finder.get_app_config(app_name=name).table_classes for name in app_names}
    chosen = set(chain.from_iterable(classes.values()))
    if tables != _ALL:
        by_name = {each.__name__: each for each in chosen}
        by_name |= {each._meta.tablename: each for each in chosen}
        names = [name.strip() for name in tables.split(",")]
        for name in names:
            if name not in by_name:
                raise AtlasError(
                    f"There is no table {name} in {', '.join(app_names)}."
                    f"{did_you_mean(name, by_name)}"
                )
        chosen = {by_name[name] for name in names}
    return [
        FixtureConfig(name, [each.__name__ for each in of_app if each in chosen])
        for name, of_app in classes.items()
    ]


async def load(
    json_string: str, chunk_size: int = 1000, on_conflict_action: OnConflictAction | None = None
) -> None:
    """Insert the rows of a dump, parents before children, all of them or none.

    A column that a row does not name gets its default. A row whose primary key
    is taken is an error, or stays as it is (DO NOTHING), or takes the values of
    the dump (DO UPDATE), except for ``created_at``, which never changes, and
    ``updated_at``, which moves when another value does. Raises ``AtlasError``
    for an app, a table, a column or a value that there cannot be.
    """
    rows = _rows(_parsed(json_string))
    engine = engine_finder()
    if engine is None:
        raise AtlasError("There is no database to load into: piccolo_conf has no DB.")
    async with engine.transaction():
        for table in sort_table_classes(list(rows)):
            for chunk in batch(data=parents_first(table, rows[table]), chunk_size=chunk_size):
                query = table.insert(*chunk)
                if on_conflict_action is not None:
                    _on_conflict(query, table, on_conflict_action)
                await query.run()


def _parsed(json_string: str) -> Any:
    """Return what JSON holds, its numbers with all their digits."""
    try:
        return json.loads(json_string, parse_float=exact_number)
    except RecursionError:
        raise AtlasError(
            "The fixture is nested too deep: it is apps, tables, rows. Nothing was loaded."
        ) from None
    except ValueError as error:
        raise AtlasError(
            f"The fixture is not valid JSON ({error}). Is it cut off? Nothing was loaded."
        ) from None


def parents_first(table: type[Table], rows: list[Table]) -> list[Table]:
    """Return ``rows`` in an order in which no row comes before one of them that it references.

    ObjectsByTable that reference each other in a circle stay where they are; they can be
    written by one statement only.
    """
    references = [
        column._meta.name
        for column in table._meta.foreign_key_columns
        if column._foreign_key_meta.resolved_references is table
    ]
    if not references:
        return rows
    place = {getattr(row, table._meta.primary_key._meta.name): n for n, row in enumerate(rows)}
    parents = {
        n: {place[key] for name in references if (key := getattr(row, name)) in place} - {n}
        for n, row in enumerate(rows)
    }
    try:
        return [rows[n] for n in TopologicalSorter(parents).static_order()]
    except CycleError:
        return rows


def _rows(contents: Any) -> ObjectsByTable:
    """Return the rows of a dump as objects; raise ``AtlasError`` for what they cannot be."""
    finder = Finder()
    rows: ObjectsByTable = {}
    for app_name, tables in _items(contents, "The fixture"):
        try:
            app = finder.get_app_config(app_name=app_name)
        except ValueError:
            raise AtlasError(f"The fixture's app {app_name} is not registered.") from None
        for table_name, dicts in _items(tables, f"The fixture's app {app_name}"):
            try:
                table = app.get_table_with_name(table_name)
            except ValueError:
                raise AtlasError(f"The app {app_name} has no table {table_name}.") from None
            rows[table] = _objects(table, f"{app_name}.{table_name}", dicts)
    return rows


def _items(value: Any, what: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise AtlasError(f"{what} is not a JSON object, but a {type(value).__name__}.")
    yield from value.items()


def _objects(table: type[Table], name: str, dicts: Any) -> list[Table]:
    if not isinstance(dicts, list):
        raise AtlasError(f"{name} is not a JSON array of rows. Nothing was loaded.")
    read = _as_model if issubclass(table, AtlasTable) else _as_piccolo
    objects = []
    for number, row in enumerate(dicts):
        place = f"{name}[{number}]"
        if not isinstance(row, dict):
            raise AtlasError(f"{place} is not a JSON object. Nothing was loaded.")
        try:
            objects.append(table.from_dict(read(table, row)))
        except ValueError as error:  # as of a column without a default that is not named
            raise AtlasError(f"{place}{_said(error)}. Nothing was loaded.") from None
    return objects


def _said(error: ValueError) -> str:
    """Return what was wrong with a row; without the value, as that may be personal data."""
    if isinstance(error, InvalidValueError):
        return f".{error.column} {error.reason}"
    if isinstance(error, pydantic.ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"])
        return f"{place}: {first['msg']}"
    return f": {error}"


def _as_model(table: type[Table], row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the values that the columns accept."""
    columns: dict[str, Any] = {column._meta.name: column for column in table._meta.columns}
    if unknown := [name for name in row if name not in columns]:
        raise ValueError(
            f"{unknown[0]} is not a column of {table.__name__}{did_you_mean(unknown[0], columns)}"
        )
    return {name: columns[name].accept(value) for name, value in row.items()}


def _as_piccolo(table: type[Table], row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a plain table, checked as Piccolo checks it."""
    values = _model(table).model_validate(row).model_dump(exclude_unset=True)
    return dict(values)


@cache
def _model(table: type[Table]) -> Any:
    return create_pydantic_model(
        table,
        include_default_columns=True,
        # A column by its name as well as by that in the database: Piccolo dumps the former.
        pydantic_config={"extra": "forbid", "populate_by_name": True},
    )


def _on_conflict(query: Any, table: type[Table], action: OnConflictAction) -> None:
    """Let ``query`` keep, or overwrite, a row whose primary key is taken."""
    never_change = {*getattr(table, "_fixed_names", ()), table._meta.primary_key._meta.name}
    stamps = table._meta.auto_update_columns
    values: list[Column] = [
        column
        for column in table._meta.columns
        if column._meta.name not in never_change and not any(column is stamp for stamp in stamps)
    ]
    if not values:  # a join row without anything of its own
        action = OnConflictAction.do_nothing
    query.on_conflict(target=table._meta.primary_key, action=action, values=values)
