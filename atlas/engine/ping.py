"""How long a ping waits: not as long as a query, because whoever asks wants to know.

In: something that is awaited. Out: nothing, or ``PoolTimeoutError``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from atlas.errors import PoolTimeoutError

#: Below the patience of the probes that ask for it; Kubernetes waits for one second by default,
#: and most installations set more.
PING_TIMEOUT_MS = 5_000


@asynccontextmanager
async def within(timeout_ms: int, who: str) -> AsyncIterator[None]:
    """Raise ``PoolTimeoutError`` for ``who`` when the block takes longer than ``timeout_ms``."""
    if type(timeout_ms) is not int or timeout_ms < 1:
        raise ValueError(f"timeout_ms is {timeout_ms!r}; give a whole number of milliseconds >= 1.")
    limit = asyncio.timeout(timeout_ms / 1000)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if limit.expired() and not isinstance(error, PoolTimeoutError):
            raise PoolTimeoutError(
                f"{who} did not answer a ping within {timeout_ms} ms (timeout_ms)."
            ) from None
        raise
