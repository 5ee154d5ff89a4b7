"""Whether all peers do the same work, looked at before anything is timed.

In: peers and a database. Out: nothing, or ``DifferentResultError`` for the
first peer that reads or stores something else than the first one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from typing import Any

from benchmark.data import Data, Row
from benchmark.peers.peer import Peer, plain

_JOINED = ("id", "number", "status", "order_date", "total_amount", "customer", "unit")

#: What each peer makes itself; only its form can be compared.
_OWN = ("id", "created_at", "updated_at")


class DifferentResultError(Exception):
    """A peer does other work than the others, so their times cannot be compared."""


async def check(peers: list[Peer], data: Data) -> None:
    """Let every peer do each operation once, and compare what came of it."""
    expected: Row | None = None
    for peer in peers:
        await peer.open(data.path)
        try:
            done = await _done_by(peer, data)
        finally:
            await peer.close()
            data.remove_new_orders()
        expected = {**done, **(expected or {})}  # a peer may lack an operation
        for operation, result in done.items():
            if result != expected[operation]:
                raise DifferentResultError(
                    f"{operation}: {peer.name} has {result!r} and {peers[0].name} has "
                    f"{expected[operation]!r}"
                )


async def _done_by(peer: Peer, data: Data) -> Row:
    """Return what ``peer`` read, with the types, and what it stored, as it is in the file."""
    order_id, note = data.order_ids[len(data.order_ids) // 2], f"called by {peer.name}"
    await _call(peer, "update", order_id, note)
    stored = _stored(data, "id", order_id)
    is_updated = stored["note"] == note
    await _call(peer, "update", order_id, "called")
    row = plain(await _call(peer, "point_read", order_id), tuple(stored))
    updated_at = row.pop("updated_at")
    prepared = plain(await _call(peer, "prepared_point_read", order_id), tuple(stored))
    rows = await _call(peer, "join", data.entity_ids[0])
    objects = {}
    if hasattr(peer, "objects"):
        objects["objects"] = len(await _call(peer, "objects", data.entity_ids[0]))
    await _call(peer, "insert", next(data.new_orders()) | {"number": "new-0"})
    return {
        "update": is_updated and abs(datetime.now(UTC) - _aware(updated_at)) < timedelta(minutes=1),
        "point-read": _typed(row),
        "prepared-point-read": prepared == {**row, "updated_at": updated_at},
        **objects,
        "join": [_typed(plain(row, _JOINED)) for row in rows],
        "insert": {
            name: _form(value) if name in _OWN else value
            for name, value in _stored(data, "number", "new-0").items()
        },
    }


async def _call(peer: Peer, method: str, *arguments: Any) -> Any:
    result = getattr(peer, method)(*arguments)
    return await result if isawaitable(result) else result


def _typed(row: Row) -> Row:
    return {name: (type(value), value) for name, value in row.items()}


def _aware(moment: datetime) -> datetime:
    """Return an instant that a peer stored in UTC without saying so, with its zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _form(text: str) -> str:
    """Return a text with its letters and digits hidden, as they differ from peer to peer.

    So does whether an instant in UTC says so; without it, it is read as UTC.
    """
    text = text.removesuffix("+00:00")
    return "".join("x" if character.isalnum() else character for character in text)


def _stored(data: Data, column: str, value: str) -> Row:
    """Return the order with this value, as it is in the file: numbers and text."""
    (row,) = data.apart(f"SELECT * FROM commerce_order WHERE {column} = ?", value)
    return row
