"""The one place where Piccolo itself is changed, with the reason for each change.

In: the pinned version of Piccolo. Out: the same library with the lines below
mended; a ``RuntimeError`` on a version they were not checked against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import piccolo
from piccolo.columns import Column, ForeignKey
from piccolo.conf.apps import Finder
from piccolo.engine.base import Engine
from piccolo.engine.finder import engine_finder
from piccolo.table import TableMeta
from piccolo.utils import pydantic as piccolo_pydantic

_CHECKED_VERSION = "1.38."


def _value_type_of_a_foreign_key() -> None:
    """Let ``create_pydantic_model`` take ``OrderLine``.

    utils/pydantic.py, line 106, reads ``column.value_type``. A foreign key to a
    table with a column of that name (commerce_promotion) answers with the
    joined column; the class still knows the type.
    """
    original = piccolo_pydantic.get_pydantic_value_type

    def get_pydantic_value_type(column: Column) -> type:
        if isinstance(column, ForeignKey) and isinstance(column.value_type, Column):
            value_type: Any = type(column).value_type
            return value_type  # type: ignore[no-any-return]
        return original(column)

    piccolo_pydantic.get_pydantic_value_type = get_pydantic_value_type


def _engine_of_a_table() -> None:
    """Let a table ask for its engine each time.

    table.py, line 134, keeps the first one it finds, which may be that of a
    client that is closed by now.
    """

    def db(meta: TableMeta) -> Engine[Any]:
        engine = meta._db or engine_finder()
        if engine is None:
            raise RuntimeError("Unable to find the engine")
        return engine

    def set_db(meta: TableMeta, engine: Engine[Any]) -> None:
        meta._db = engine

    TableMeta.db = property(db, set_db)  # type: ignore[assignment]


def replace_get_engine(get_engine: Callable[..., Any]) -> Callable[..., Any]:
    """Replace ``Finder.get_engine`` (conf/apps.py) and return the original.

    Piccolo's commands and migrations ask it for the engine; the tables ask the
    client in scope. Both must get the same, or a migration's DDL and its row
    in ``migration`` end up in two databases.
    """
    original = Finder.get_engine
    Finder.get_engine = get_engine  # type: ignore[method-assign]
    return original


def apply() -> None:
    """Apply every patch. Called once, when ``atlas.table`` is imported."""
    if not piccolo.__VERSION__.startswith(_CHECKED_VERSION):
        raise RuntimeError(
            f"Atlas patches Piccolo {_CHECKED_VERSION}x and found {piccolo.__VERSION__}. Install "
            "piccolo==1.38.*, or check atlas/patches.py against the new version."
        )
    _value_type_of_a_foreign_key()
    _engine_of_a_table()
