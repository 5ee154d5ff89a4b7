"""Where the rules of the model are that a row alone can break.

In: nothing; the front door says where they are, as the rules know the client, which
knows this room. Out: the check of a row for an upsert that is asked to make it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from atlas.table import Table

#: Of a table and a row's values: the columns that break a rule, and what is wrong with each. With
#: the third argument what the row does not carry has its default, as in a new row.
Broken = Callable[[type[Table], Mapping[str, Any], bool], list[tuple[str, str]]]

_load: Callable[[], Broken] | None = None


def provide(load: Callable[[], Broken]) -> None:
    """Say how the check is got when it is first asked for."""
    global _load
    _load = load


def broken() -> Broken:
    """Return the check."""
    if _load is None:
        raise RuntimeError("Nobody has said where the rules are; atlas/__init__.py does.")
    return _load()
