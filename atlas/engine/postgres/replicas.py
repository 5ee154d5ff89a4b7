"""Standbys of a server, to read from when they are no further behind than allowed.

In: the primary's engine and the URLs of its standbys. Out: a connection to a standby that has all
that this client has written, and lags no more than ``max_lag_ms``; or None, and the primary is
read. A standby that cannot be reached is not asked again for a few seconds. Its pool is opened
when it is first wanted, so that a program starts without it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from atlas.errors import AtlasError

#: How long a standby that failed is left alone, in seconds.
_AVOIDED_S = 5.0

#: How long one may take to answer, in seconds; then the primary is read.
_ANSWER_S = 3.0

#: What a standby is asked before each block, and what it has to have replayed. One that receives
#: from its primary and has replayed all of that is not behind, however long nobody wrote.
_QUESTION = """
SELECT pg_is_in_recovery() AS is_standby,
  CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
    AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL) THEN 0
  ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000
  END::float8 AS lag_ms,
  pg_last_wal_replay_lsn() >= $1::text::pg_lsn AS has_own
"""


class Replica:
    """One standby, and whether it is worth asking."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self._avoided_until = 0.0
        self._opening = asyncio.Lock()

    @property
    def is_avoided(self) -> bool:
        """Whether it failed a moment ago."""
        return time.monotonic() < self._avoided_until

    def avoid(self) -> None:
        """Leave it alone for a while."""
        self._avoided_until = time.monotonic() + _AVOIDED_S

    async def open(self) -> None:
        """Open its pool, if that is not open."""
        async with self._opening:
            await self.engine.start_connection_pool()


class Replicas:
    """The standbys of one primary. Touched in the event loop of the primary's pool only."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        max_lag_ms: int,
        primary_lsn: Callable[[], Awaitable[str]],
    ) -> None:
        self._replicas = list(replicas)
        self._max_lag_ms = max_lag_ms
        self._primary_lsn = primary_lsn
        #: Whether this client has written since it last asked for the primary's position.
        self._has_written = False
        self._own = "0/0"

    def note_write(self) -> None:
        """Say that this client wrote something, which its next reads have to see."""
        self._has_written = True

    async def borrow(self, stack: AsyncExitStack) -> Any:
        """Return a connection to a standby that is near enough; None when there is none.

        ``stack`` gives it back.
        """
        usable = [replica for replica in self._replicas if not replica.is_avoided]
        if not usable:
            return None
        if self._has_written:
            self._has_written = False  # what is written while it is asked says so again
            try:
                self._own = await self._primary_lsn()
            except BaseException:
                self._has_written = True
                raise
        for replica in random.sample(usable, len(usable)):
            async with AsyncExitStack() as attempt:
                try:
                    async with asyncio.timeout(_ANSWER_S):
                        await replica.open()
                        connection = await attempt.enter_async_context(replica.engine.connection())
                        near = await self._is_near(connection)
                except (AtlasError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    replica.avoid()
                    continue
                if near:
                    stack.push_async_exit(attempt.pop_all())
                    return connection
        return None

    def terminate(self) -> None:
        """Cut the connections to the standbys, whose event loop is over or another."""
        for replica in self._replicas:
            if replica.engine.pool is not None:
                replica.engine.pool.terminate()

    async def close(self) -> None:
        """Close the pools of the standbys."""
        for replica in self._replicas:
            await replica.engine.close_connection_pool()

    async def _is_near(self, connection: Any) -> bool:
        (answer,) = await connection.run(_QUESTION, [self._own])
        return bool(
            answer["is_standby"]
            and answer["has_own"]
            and answer["lag_ms"] is not None
            and answer["lag_ms"] <= self._max_lag_ms
        )
