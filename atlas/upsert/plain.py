"""Plain Piccolo tables of a user's own: what an upsert asks of a table and a column.

In: a table or column, of Atlas's or of Piccolo's. Out: the same answers for both. A
column of Piccolo's is checked as far as Piccolo knows its values: its type, its length, its
choices, and whether it may be null.
"""

from __future__ import annotations

from enum import Enum
from functools import cache, partial
from typing import Any

from piccolo.columns import Column, Serial
from piccolo.columns.defaults.base import Default
from piccolo.table import Table as PiccoloTable

from atlas.columns import ModelColumn, Ulid
from atlas.errors import InvalidValueError


@cache
def column_names(table: type[PiccoloTable]) -> frozenset[str]:
    """Return the names of the columns of ``table``."""
    return frozenset(column._meta.name for column in table._meta.columns)


def accept(column: Column, value: Any) -> Any:
    """Return ``value`` as ``column`` stores it; raise ``InvalidValueError`` if it does not."""
    if isinstance(column, ModelColumn):
        return column.accept(value)
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, PiccoloTable):
        value = getattr(value, value._meta.primary_key._meta.name)
    if value is None:
        if column._meta.null:
            return None
        raise refused(column, value, "is refused: the column is required (NOT NULL)")
    from pydantic import ValidationError

    try:
        stored = _adapter(column).validate_python(value)
    except ValidationError as error:
        reason = error.errors(include_input=False, include_url=False)[0]["msg"]
        raise refused(column, value, f"is refused: {reason}") from None
    choices = column._meta.choices
    if choices is not None and stored not in [each.value for each in choices]:
        there = ", ".join(str(each.value) for each in choices)
        raise refused(column, value, f"is not one of {there}")
    return stored


def refused(column: Column, value: Any, reason: str) -> InvalidValueError:
    """Return the error of a value that ``column`` does not take."""
    return InvalidValueError(column._meta.table._meta.tablename, column._meta.name, value, reason)


def id_maker(column: Column) -> Any:
    """Return what makes a new row's key, one at a time; None where the database does."""
    default = getattr(column, "default", None)
    if isinstance(column, Ulid):
        return default
    return None if default is None or isinstance(column, Serial) else partial(_default, column)


def element_type(column: Column) -> str:
    """Return PostgreSQL's type of a column's values."""
    name: str = column.column_type
    return {"SERIAL": "INTEGER", "BIGSERIAL": "BIGINT"}.get(name, name)


def _default(column: Column) -> Any:
    value = column.get_default_value()
    return value.python() if isinstance(value, Default) else value


@cache
def _adapter(column: Column) -> Any:
    from piccolo.utils.pydantic import get_pydantic_value_type
    from pydantic import TypeAdapter

    return TypeAdapter(get_pydantic_value_type(column))
