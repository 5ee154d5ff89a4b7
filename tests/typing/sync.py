"""What the sync client promises to a type checker. Checked by mypy, never run."""

from contextlib import AbstractContextManager
from typing import Any, assert_type

from atlas import Entity, Order, Param, SyncClient, sync_client
from atlas.client.sync_block import SyncBatch, SyncSavepoint, SyncTransaction
from atlas.engine.sqlite.pool import PoolStats
from atlas.rows import OrderRow
from atlas.upsert.result import UpsertResult


def results_are_those_of_the_query(db: SyncClient, order: Order) -> None:
    assert_type(db.run(Order.select()), list[OrderRow])
    assert_type(db.run(Order.select().first()), OrderRow | None)
    assert_type(db.run(Order.count()), int)
    assert_type(db.resolve(Order, Order.number, ["1"]), dict[str, str])
    assert_type(db.run(Order.objects()), list[Order])
    assert_type(db.run(Order.objects().first()), Order | None)
    assert_type(db.run(Order.objects().get_or_create(Order.number == "1")), Order)
    assert_type(db.run(Order.exists()), bool)
    assert_type(db.run(order.update_self({"note": "a"})), None)
    assert_type(db.run(Order.select().freeze()), Any)
    find = db.prepare(Order.objects().where(Order.id == Param("id")).first())
    assert_type(db.run(find(id="a")), Order | None)


def coroutines_are_run(db: SyncClient) -> None:
    async def number() -> int:
        return 1

    assert_type(db.run(number()), int)
    db.run(number)  # type: ignore[call-overload]
    db.run("SELECT 1")  # type: ignore[call-overload]


def blocks_are_typed(db: SyncClient) -> None:
    """Blocks are entered with ``with``; the figures have names."""
    with sync_client("file:data.db", pool_size=8, synchronous="NORMAL") as entered:
        assert_type(entered, SyncClient)
        assert_type(entered.core.Entity, type[Entity])
    with db.transaction() as transaction, db.snapshot():
        assert_type(transaction, SyncTransaction)
        assert_type(transaction.savepoint("a"), SyncSavepoint)
    with db.batch(Order.select(), 10) as batch:
        assert_type(batch, SyncBatch)
        for rows in batch:
            assert_type(rows, list[Any])
    snapshot: AbstractContextManager[Any] = db.snapshot()
    print(snapshot)
    assert_type(db.stats(), PoolStats)
    assert_type(db.ping(), float)
    assert_type(db.upsert(Order, []), UpsertResult)
    sync_client(poolsize=8)  # type: ignore[call-arg]


async def blocks_are_not_async(db: SyncClient) -> None:
    async with db.transaction():  # type: ignore[attr-defined]
        pass
    async with sync_client():  # type: ignore[attr-defined]
        pass
