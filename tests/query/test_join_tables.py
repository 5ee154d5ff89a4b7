"""Every operation on a row of a join table touches exactly that row.

Piccolo takes the last of two primary key columns for the whole key, so stock
``save`` and ``remove`` hit all rows that share it. Here each key is shared: the
rows are (A1, B1), (A1, B2), (A2, B1) and (A2, B2), and the whole table is
compared before and after through a second connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from factory import JOIN_TABLES, build, make, payload, stored, touched, value
from piccolo.columns import Column
from piccolo.engine.base import Engine

from atlas import InvalidValueError, PersonTag, RowNotFoundError
from atlas.table import Table


class Grid:
    """Four stored rows of one join table; each key is in two of them."""

    def __init__(self, table: type[Table], keys: tuple[str, str]) -> None:
        self.table = table
        self.a, self.b = keys
        self.rows: list[Any] = []

    @property
    def row(self) -> Any:
        """A row that shares its last key with another, which comes first in the table."""
        return self.rows[2]

    @property
    def key(self) -> tuple[str, str]:
        """The primary key of ``row``."""
        key: tuple[str, str] = self.row._key
        return key

    async def objects(self, *prefetch: Any) -> list[Any]:
        """Read the rows as new objects, in the order of ``rows``."""
        ours = self.table._key_columns[0].is_in([row._key[0] for row in self.rows])
        found = {row._key: row for row in await self.table.objects(*prefetch).where(ours)}
        return [found[row._key] for row in self.rows]

    async def new(self, key: tuple[str, str] | None = None, number: int = 50) -> Any:
        """Return an unsaved row with other payload than the stored rows, by default of a new B."""
        if key is None:
            key = self.row._key[0], (await make(_target(self.table, 1)))._key
        keys = dict(zip((self.a, self.b), key, strict=True))
        return await build(self.table, **{**keys, **changes(self.table, number)})


def _target(table: type[Table], position: int) -> type[Table]:
    foreign_key: Any = table._key_columns[position]
    target: type[Table] = foreign_key._foreign_key_meta.resolved_references
    return target


def changes(table: type[Table], number: int) -> dict[str, Any]:
    """Return a value for each payload column; an odd number differs from every row's."""
    return {c._meta.name: value(c, number) for c in payload(table)}


@pytest.fixture(params=JOIN_TABLES, ids=lambda table: table._meta.tablename)
async def grid(request: pytest.FixtureRequest, shared_engine: Engine[Any]) -> Grid:
    """A join table with its four rows, inserted together."""
    table: type[Table] = request.param
    a, b = (column._meta.name for column in table._key_columns)
    grid = Grid(table, (a, b))
    async with shared_engine.transaction():
        parents = [[await make(_target(table, side)) for _ in range(2)] for side in (0, 1)]
        for first in parents[0]:
            for second in parents[1]:
                values = {a: first._key, b: second._key, **changes(table, 40)}
                grid.rows.append(await build(table, **values))
        await table.insert(*grid.rows)
    return grid


async def test_insert_stores_every_row_and_tells_each_object(grid: Grid) -> None:
    """One insert of four rows stores the four pairs, and each object knows it is stored."""
    keys = {row._key for row in grid.rows}
    assert len(keys) == 4
    assert keys <= (await stored(grid.table)).keys()
    assert all(row._exists_in_db for row in grid.rows)


async def test_save_changes_one_row(grid: Grid) -> None:
    """``save`` writes the object's values into its own row and into no other."""
    before = await stored(grid.table)
    for name, new in changes(grid.table, 51).items():
        setattr(grid.row, name, new)
    await grid.row.save()
    after = await stored(grid.table)
    assert touched(before, after) == ({grid.key} if payload(grid.table) else set())
    assert [row.to_dict() for row in await grid.objects()] == [row.to_dict() for row in grid.rows]


async def test_save_of_columns_changes_those_of_one_row(grid: Grid) -> None:
    """``save(columns=…)`` writes the named column of one row, and no other value."""
    columns = payload(grid.table)
    before = await stored(grid.table)
    for name, new in changes(grid.table, 51).items():
        setattr(grid.row, name, new)
    await grid.row.save(columns=columns[:1])
    after = await stored(grid.table)
    if not columns:
        assert after == before
        return
    assert touched(before, after) == {grid.key}
    changed = {name for name in after[grid.key] if after[grid.key][name] != before[grid.key][name]}
    assert changed == {columns[0]._meta.name, "updated_at"}


async def test_remove_deletes_one_row_and_save_inserts_it_again(grid: Grid) -> None:
    """``remove`` deletes one row; the object is new then, and ``save`` restores the same row."""
    before = await stored(grid.table)
    await grid.row.remove()
    assert touched(before, await stored(grid.table)) == {grid.key}
    assert not grid.row._exists_in_db
    await grid.row.save()
    assert await stored(grid.table) == before
    assert grid.row._exists_in_db


async def test_update_self_changes_one_row(grid: Grid) -> None:
    """``update_self`` changes one row and the object."""
    before = await stored(grid.table)
    await grid.row.update_self(_one_value(grid.row))
    after = await stored(grid.table)
    assert touched(before, after) == ({grid.key} if payload(grid.table) else set())
    for name, new in changes(grid.table, 51).items():
        assert getattr(grid.row, name) == new
    assert (await grid.objects())[2].to_dict() == grid.row.to_dict()


async def test_refresh_reads_the_own_row(grid: Grid) -> None:
    """``refresh`` brings what another object wrote to this row, and no other row's values."""
    others = await grid.objects()
    for number, other in zip((51, 53, 55, 57), others, strict=True):
        for name, new in changes(grid.table, number).items():
            setattr(other, name, new)
        await other.save()
    for row, other in zip(grid.rows, others, strict=True):
        await row.refresh()
        assert row.to_dict() == other.to_dict()


async def test_get_related_returns_the_own_rows_parents(grid: Grid) -> None:
    """``get_related`` of both foreign keys returns the rows that this row references."""
    for row in grid.rows:
        for column, key in zip(grid.table._key_columns, row._key, strict=True):
            assert (await row.get_related(column)).id == key
            assert (await row.get_related(column._meta.name)).id == key


async def test_equality_compares_the_whole_key(grid: Grid) -> None:
    """Two objects are equal when both keys are, whichever key is shared."""
    again = await grid.objects()
    for i, row in enumerate(grid.rows):
        for j, other in enumerate(again):
            assert (row == other) is (i == j)
            assert (row != other) is (i != j)
        assert repr(row) == f"<{grid.table.__name__}: {row._key}>"


def _prefetches(table: type[Table]) -> list[tuple[Any, ...]]:
    first, second = table._key_columns
    return [(), (first,), (second,), (first, second)]


@pytest.mark.parametrize("prefetch", range(4), ids=["none", "first", "second", "both"])
async def test_prefetch_brings_the_own_rows_parents(grid: Grid, prefetch: int) -> None:
    """A prefetched object is the row referenced; the join row saves and refreshes with it."""
    columns = _prefetches(grid.table)[prefetch]
    rows = await grid.objects(*columns)
    for row, original in zip(rows, grid.rows, strict=True):
        for column in columns:
            assert getattr(row, column._meta.name).id == getattr(original, column._meta.name)
    before = await stored(grid.table)
    for name, new in changes(grid.table, 51).items():
        setattr(rows[2], name, new)
    await rows[2].save()
    assert touched(before, await stored(grid.table)) <= {grid.key}
    for column in columns:
        parent = await rows[2].get_related(column)
        name = payload(type(parent))[0]  # its code, number or name
        await parent.update_self({name: f"renamed {parent.id}"})
    await rows[2].refresh()
    for column in columns:
        parent = getattr(rows[2], column._meta.name)
        assert parent[payload(type(parent))[0]._meta.name] == f"renamed {parent.id}"
    await rows[2].remove()
    assert touched(before, await stored(grid.table)) == {grid.key}


@pytest.mark.parametrize("prefetch", range(4), ids=["none", "first", "second", "both"])
async def test_get_or_create_finds_or_inserts_one_row(grid: Grid, prefetch: int) -> None:
    """``get_or_create`` returns the row of this pair, and inserts it only when it is missing."""
    columns = _prefetches(grid.table)[prefetch]
    key = grid.table._meta.primary_key
    before = await stored(grid.table)
    found = await grid.table.objects(*columns).get_or_create(key == grid.key)
    assert found._key == grid.key
    assert not found._was_created
    assert await stored(grid.table) == before

    await grid.row.remove()
    defaults: Any = {column: value(column, 51) for column in payload(grid.table)}
    first, second = grid.table._key_columns
    created = await grid.table.objects(*columns).get_or_create(
        (first == grid.key[0]) & (second == grid.key[1]), defaults
    )
    assert created._key == grid.key
    assert created._was_created
    assert all(isinstance(getattr(created, column._meta.name), Table) for column in columns)
    assert touched(before, await stored(grid.table)) == {grid.key}


async def test_get_returns_the_row_of_the_pair(grid: Grid) -> None:
    """``objects().get`` finds each row by its pair, and nothing for a pair that is not there."""
    key = grid.table._meta.primary_key
    for row in grid.rows:
        assert await grid.table.objects().get(key == row._key) == row
    await grid.row.remove()
    assert await grid.table.objects().get(key == grid.key) is None


Target = Callable[[type[Table]], Any]
TARGETS: dict[str, Target] = {
    "primary key": lambda table: table._meta.primary_key,
    "tuple of columns": lambda table: table._key_columns,
    "name": lambda table: f"{table._meta.tablename}_pkey",
}


@pytest.mark.parametrize("target", TARGETS)
async def test_on_conflict_do_nothing_skips_one_row(grid: Grid, target: str) -> None:
    """DO NOTHING leaves the stored row alone, inserts the new one, and tells both objects."""
    before = await stored(grid.table)
    taken, new = await grid.new(grid.key), await grid.new()
    returned = await grid.table.insert(taken, new).on_conflict(
        target=TARGETS[target](grid.table), action="DO NOTHING"
    )
    assert touched(before, await stored(grid.table)) == {new._key}
    assert returned == [dict(zip((grid.a, grid.b), new._key, strict=True))]
    assert not taken._exists_in_db
    assert new._exists_in_db


@pytest.mark.parametrize("target", TARGETS)
async def test_on_conflict_do_update_changes_one_row(grid: Grid, target: str) -> None:
    """DO UPDATE changes the row of this pair, and its object is that row from then on."""
    before = await stored(grid.table)
    values: list[Column] = payload(grid.table) or [grid.table._key_columns[0]]
    row = await grid.new(grid.key, number=51)
    await grid.table.insert(row).on_conflict(
        target=TARGETS[target](grid.table), action="DO UPDATE", values=values
    )
    after = await stored(grid.table)
    assert touched(before, after) == ({grid.key} if payload(grid.table) else set())
    assert (await grid.objects())[2].to_dict() == row.to_dict()
    await row.remove()
    assert touched(before, await stored(grid.table)) == {grid.key}


Operation = Callable[[Any], Awaitable[Any]]
OPERATIONS: dict[str, Operation] = {
    "save": lambda row: row.save(),
    "save of no columns": lambda row: row.save(columns=[]),
    "remove": lambda row: row.remove(),
    "update_self": lambda row: row.update_self(_one_value(row)),
    "refresh": lambda row: row.refresh(),
    "get_related": lambda row: row.get_related(type(row)._key_columns[0]),
}


def _one_value(row: Any) -> dict[Any, Any]:
    """Return something ``update_self`` may write; PersonTag has nothing but its key."""
    return changes(type(row), 51) or {PersonTag.person_id: PersonTag.person_id}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("side", [0, 1])
async def test_an_assigned_key_is_refused(grid: Grid, operation: str, side: int) -> None:
    """An object whose key was assigned to another row's is refused, and nothing is written."""
    before = await stored(grid.table)
    name = (grid.a, grid.b)[side]
    setattr(grid.row, name, grid.rows[1]._key[side])
    with pytest.raises(InvalidValueError, match=f"{grid.table._meta.tablename}.{name}"):
        await OPERATIONS[operation](grid.row)
    assert await stored(grid.table) == before


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_row_deleted_elsewhere_is_not_found(grid: Grid, operation: str) -> None:
    """An operation on an object whose row is gone says so, and touches no other row."""
    complete = await stored(grid.table)
    await grid.table.delete().where(grid.table._meta.primary_key == grid.key)
    before = await stored(grid.table)
    assert touched(complete, before) == {grid.key}
    with pytest.raises(RowNotFoundError, match=grid.key[1]):
        await OPERATIONS[operation](grid.row)
    assert await stored(grid.table) == before
