"""What a client runs on: asyncio, and real threads.

In: nothing. Out: nothing, or an error that names what runs instead. A leaf.
"""

from __future__ import annotations

import sys

from atlas.errors import ClientError


def check_supported() -> None:
    """Raise ``ClientError`` under trio, and where gevent has replaced threads."""
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            trio.lowlevel.current_task()
        except RuntimeError:
            pass
        else:
            raise ClientError(
                "Atlas runs on asyncio, and this is a task of trio's. Use sync_client() in a "
                "thread: await trio.to_thread.run_sync(work)."
            )
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        raise ClientError(
            "gevent has replaced Python's threads, in which Atlas keeps its connections: they "
            "would wait for each other. Run the program with threads or processes instead of "
            "gevent, or leave them as they are: gevent.monkey.patch_all(thread=False)."
        )
