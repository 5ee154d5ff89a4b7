"""Rows that are stored, as objects: ``atlas.table.Table`` is the class of each.

In: the rows of a result, as dicts. Out: an object of each, and one of every row
prefetched with it, made without a call per column. Knows no query and no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from piccolo.columns import ForeignKey


class StoredRow(Protocol):
    """A row as an object, which learns what became of it."""

    _exists_in_db: bool

    @property
    def _key(self) -> Any:
        """The primary key: a tuple for a join table; None while a part of it is missing."""

    def _stored_key(self) -> Any:
        """Return the primary key of this row in the database."""


class _Plan(NamedTuple):
    """How the objects of a table are made from rows with certain keys."""

    table: Any
    #: The columns, and what gets their values out of a row; None where these are the row.
    names: tuple[str, ...]
    values: Callable[[dict[str, Any]], tuple[Any, ...]] | None
    #: The keys of the row under which the primary key is; of a prefetched row all may be None.
    keys: tuple[str, ...]
    #: What is kept of a stored row, and under which name of the object.
    kept: tuple[tuple[str, str], ...]
    #: The foreign keys whose rows were prefetched.
    prefetched: tuple[tuple[str, _Plan], ...]


def objects_of(table: Any, rows: Sequence[dict[str, Any]]) -> list[Any] | None:
    """Return an object for each row, in order; None where they are not all of the table's columns.

    All rows have the same keys. Those of prefetched rows hold the names of the foreign keys:
    ``unit_id.name``.
    """
    plan = _plan(table, tuple(rows[0]))
    if plan is None:
        return None
    if plan.values is not None:
        return [_nested(plan, row) for row in rows]
    objects = []
    new, kept = table.__new__, plan.kept
    for row in rows:
        made = new(table)
        values = made.__dict__
        values["_was_created"] = None  # first: update() gives an empty dict keys of its own
        values.update(row)
        values["_is_stored"] = True
        for name, under in kept:
            values[under] = row[name]
        objects.append(made)
    return objects


def _nested(plan: _Plan, row: dict[str, Any]) -> Any:
    made = plan.table.__new__(plan.table)
    values = made.__dict__
    values["_was_created"] = None
    assert plan.values is not None  # noqa: S101 # as some plan of these rows is nested
    values.update(zip(plan.names, plan.values(row), strict=True))
    for name, related in plan.prefetched:
        # A NULL reference is prefetched as nothing but None.
        is_null = any(row[key] is None for key in related.keys)
        values[name] = None if is_null else _nested(related, row)
    made._exists_in_db = True
    return made


@lru_cache(maxsize=256)
def _plan(table: Any, row_keys: tuple[str, ...]) -> _Plan | None:
    """Return the plan for rows with these keys; None if it takes more than the columns."""
    own: list[str] = []
    related: dict[str, list[str]] = {}
    for key in row_keys:
        name, dot, rest = key.partition(".")
        if dot:
            related.setdefault(name, []).append(rest)
        else:
            own.append(name)
    return _planned(table, own, related, "")


def _planned(
    table: Any, own: Sequence[str], related: dict[str, list[str]], prefix: str
) -> _Plan | None:
    names = getattr(table, "_column_names", None)
    if names is None or names != set(own) or not table._is_made_at_once:
        return None
    if not names.issuperset(table._fixed_names):
        return None
    prefetched = []
    for name, keys in related.items():
        column = table._meta.get_column_by_name(name)
        if not isinstance(column, ForeignKey):
            return None
        further: dict[str, list[str]] = {}
        for key in keys:
            first, dot, rest = key.partition(".")
            if dot:
                further.setdefault(first, []).append(rest)
        plan = _planned(
            column._foreign_key_meta.resolved_references,
            [key for key in keys if "." not in key],
            further,
            f"{prefix}{name}.",
        )
        if plan is None:
            return None
        prefetched.append((name, plan))
    is_row = not (prefix or related)
    return _Plan(
        table=table,
        names=tuple(own),
        values=None if is_row else _getter([prefix + name for name in own]),
        keys=tuple(prefix + column._meta.name for column in table._key_columns),
        kept=tuple(zip(table._fixed_names, table._kept_names, strict=True)),
        prefetched=tuple(prefetched),
    )


def _getter(keys: Sequence[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    if len(keys) == 1:  # of which itemgetter makes no tuple
        return lambda row: (row[keys[0]],)
    return itemgetter(*keys)
