"""What the client promises to a type checker. Checked by mypy, never run."""

from contextlib import AbstractAsyncContextManager
from typing import Any, assert_type

import atlas
from atlas import Client, Entity, Order, OrderLine, Tag, TargetLine, create_client
from atlas.engine.sqlite.pool import PoolStats


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
        assert_type(await db.commerce.Order.select(), list[dict[str, Any]])
        print(db.commerce.Entity)  # type: ignore[attr-defined]
        print(db.sales)  # type: ignore[attr-defined]


async def blocks_are_typed(db: Client) -> None:
    """Transactions and snapshots are entered with ``async with``; the figures have names."""
    transaction: AbstractAsyncContextManager[Any] = db.transaction()
    snapshot: AbstractAsyncContextManager[Any] = db.snapshot()
    async with transaction, snapshot:
        pass
    with db.transaction():  # type: ignore[attr-defined]
        pass
    assert_type(db.stats(), PoolStats)
    assert_type(db.stats().waiting, int)
    assert_type(db.stats().longest_wait_ms, float)
    assert_type(await db.ping(), float)
    assert_type(await db.open(), None)
    assert_type(await db.close(), None)
    assert_type(db.is_open, bool)


def options_are_typed() -> None:
    """An option that there is not, or of another type, is an error before the program runs."""
    create_client("file:data.db", pool_size=8, synchronous="NORMAL", log_queries=True)
    create_client(
        None, acquire_timeout_ms=1, busy_timeout_ms=1, statement_cache=0, inline_reads=0.5
    )
    create_client(poolsize=8)  # type: ignore[call-arg]
    create_client(pool_size="8")  # type: ignore[arg-type]
    create_client(synchronous="maybe")  # type: ignore[arg-type]
    create_client("file:data.db", 8)  # type: ignore[call-arg]


def errors_are_builtins_too(error: atlas.DatabaseServerError) -> None:
    """Code that knows the built-in errors catches those of Atlas."""
    connection_error: ConnectionError = error
    value_error: ValueError = atlas.ConfigurationError()
    runtime_error: RuntimeError = atlas.ClientError()
    timeout_error: TimeoutError = atlas.PoolTimeoutError()
    print(connection_error, value_error, runtime_error, timeout_error)
