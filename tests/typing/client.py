"""What the client promises to a type checker. Checked by mypy, never run."""

import csv
from contextlib import AbstractAsyncContextManager
from typing import Any, assert_type

import atlas
from atlas import Client, Entity, Order, OrderLine, Tag, TargetLine, create_client
from atlas.engine.postgres.transaction import Transaction as PostgresTransaction
from atlas.engine.sqlite.pool import PoolStats
from atlas.engine.sqlite.transaction import Transaction as SQLiteTransaction
from atlas.rows import OrderRow, TagInsert
from atlas.table import Table


async def tables_are_typed() -> None:
    """The classes of a client are those of the package, in an editor too."""
    async with create_client() as db:
        assert_type(db, Client)
        assert_type(db.core.Entity, type[Entity])
        assert_type(db.db.Tag, type[Tag])
        assert_type(db.commerce.Order, type[Order])
        assert_type(db.commerce.OrderLine, type[OrderLine])
        assert_type(db.target.TargetLine, type[TargetLine])
        assert_type(await db.commerce.Order.objects(), list[Order])
        assert_type(await db.commerce.Order.select(), list[OrderRow])
        print(db.commerce.Entity)  # type: ignore[attr-defined]
        print(db.sales)  # type: ignore[attr-defined]


async def blocks_are_typed(db: Client) -> None:
    """Transactions and snapshots are entered with ``async with``; the figures have names."""
    transaction: AbstractAsyncContextManager[Any] = db.transaction()
    snapshot: AbstractAsyncContextManager[Any] = db.snapshot()
    async with transaction, snapshot:
        pass
    async with db.transaction() as t:
        assert_type(t, SQLiteTransaction | PostgresTransaction)
        await t.savepoint("a")
    with db.transaction():  # type: ignore[attr-defined]
        pass
    assert_type(db.stats(), PoolStats)
    assert_type(db.stats().waiting, int)
    assert_type(db.stats().longest_wait_ms, float)
    assert_type(await db.ping(), float)
    assert_type(await db.open(), None)
    assert_type(await db.close(), None)
    assert_type(db.is_open, bool)


async def rows_of_an_upsert_are_typed(
    db: Client,
    order: Order,
    table: type[Table],
    unknown: list[dict[str, Any]],
    file: csv.DictReader[str],
    tags: list[TagInsert],
) -> None:
    """The columns of the table are the keys of its rows; of rows of ``Any`` nothing is known."""
    await db.upsert(Tag, [{"code": "a", "name": "b"}])
    await db.upsert(Tag, [{"code": code, "name": code} for code in "ab"])
    await db.upsert(Tag, unknown)
    await db.upsert(Tag, file)
    await db.upsert(Tag, tags)
    await db.upsert(Order, [order])
    await db.upsert(table, unknown)
    for each in atlas.TABLES:
        await db.upsert(each, unknown)
    assert_type((await db.upsert(Tag, tags)).inserted, int)
    await db.upsert(Tag, [{"kode": "a"}])  # type: ignore[dict-item]
    await db.upsert(Tag, [{"code": 5}])  # type: ignore[dict-item]
    await db.upsert(Tag, [{"code": "a", "type": "Nope"}])  # type: ignore[dict-item]
    await db.upsert(Tag, [order])  # type: ignore[list-item]


async def keys_are_typed(db: Client) -> None:
    """A key is looked up by values of its column; ``to`` says what is found."""
    assert_type(await db.resolve(Tag, Tag.code, ["a"]), dict[str, str])
    assert_type(
        await db.resolve(Order, Order.number, ["a"], to=Order.total_amount), dict[str, float]
    )
    assert_type(
        await db.resolve(Order, ("source_id", "source_key"), [("a", "b")], to="number"),
        dict[tuple[str, str], Any],
    )
    await db.resolve(Tag, Tag.code, [5])  # type: ignore[misc]


def options_are_typed() -> None:
    """An option that there is not, or of another type, is an error before the program runs."""
    create_client("file:data.db", pool_size=8, synchronous="NORMAL", log_queries=True)
    create_client(
        None, acquire_timeout_ms=1, busy_timeout_ms=1, statement_cache=0, inline_reads=0.5
    )
    create_client(poolsize=8)  # type: ignore[call-arg]
    create_client(pool_size="8")  # type: ignore[arg-type]
    create_client(synchronous="maybe")  # type: ignore[arg-type]
    create_client("file:data.db", 8)  # type: ignore[call-arg, arg-type]


def errors_are_builtins_too(error: atlas.DatabaseServerError) -> None:
    """Code that knows the built-in errors catches those of Atlas."""
    connection_error: ConnectionError = error
    value_error: ValueError = atlas.ConfigurationError()
    runtime_error: RuntimeError = atlas.ClientError()
    timeout_error: TimeoutError = atlas.PoolTimeoutError()
    print(connection_error, value_error, runtime_error, timeout_error)
