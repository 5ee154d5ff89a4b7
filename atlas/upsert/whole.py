"""Rows that are all there are of a source: what is stored and no more among them goes.

In: an engine, a table, the rows, and which of the stored rows are the source's. Out:
``SyncResult``, in one transaction; or an error, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from piccolo.columns import Column
from piccolo.columns.combination import And, Or, Where
from piccolo.custom_types import Combinable

from atlas.engine.block import current_block
from atlas.errors import IncompleteSourceError, InvalidValueError, RowsInUseError
from atlas.table import Table
from atlas.upsert.keys import GivenKey, primary_key
from atlas.upsert.options import BATCH_SIZE, Options
from atlas.upsert.plain import column_names
from atlas.upsert.plan import Change, DryRunError
from atlas.upsert.refusals import is_foreign_key_violation
from atlas.upsert.result import UpsertResult
from atlas.upsert.upsert import upsert

Vanished = Literal["delete", "deactivate"]
#: The rows of a source: its id or its row, values by column, or any condition.
Scope = str | Table | Mapping[Column | str, Any] | Combinable


@dataclass
class SyncResult(UpsertResult):
    """What became of the rows of one call, and of those that were no more among them."""

    deleted: int = 0
    deactivated: int = 0


async def sync(
    engine: Any,
    table: type[Table],
    rows: Any,
    key: GivenKey | None,
    options: Options,
    *,
    scope: Scope,
    vanished: Vanished = "delete",
    min_ratio: float = 0.5,
) -> SyncResult:
    """Make the rows in ``scope`` be ``rows``; see ``Client.sync``."""
    if vanished not in ("delete", "deactivate"):
        raise ValueError(f"vanished is {vanished!r}; give one of: delete, deactivate.")
    if vanished == "deactivate" and "is_active" not in column_names(table):
        raise ValueError(f"{table.__name__} has no is_active; its rows can only be deleted.")
    if isinstance(min_ratio, bool) or not 0 <= min_ratio <= 1:
        raise ValueError(f"min_ratio is {min_ratio!r}; give a number from 0 to 1.")
    if not options.raises or options.commit_every is not None:
        raise ValueError(
            "A sync is written as a whole or not at all: a row that was refused would look as if "
            "it had vanished. Leave on_error and commit_every out."
        )
    outer = current_block(engine)
    condition, fill = _condition(table, scope)
    if vanished == "deactivate":
        fill = {"is_active": True, **fill}  # what comes back is active again
    result = SyncResult()
    try:
        async with engine.transaction():
            stored = await _keys(table, condition)
            inner = replace(options, ids=True, dry_run=False, plans=options.dry_run, fill=fill)
            written = await upsert(engine, table, rows, key, inner)
            result.__dict__.update(written.__dict__)
            seen = set(written.ids)
            _check_inside(table, seen - await _keys(table, condition))
            if len(seen) < min_ratio * len(stored):
                raise IncompleteSourceError(
                    table._meta.tablename, len(seen), len(stored), min_ratio
                )
            await _remove(table, sorted(stored - seen), vanished, result)
            if options.dry_run:
                raise DryRunError
        if outer is None:
            result.committed = len(result.ids)
    except DryRunError:
        pass
    if not options.ids:
        result.ids = []
    return result


def _condition(table: type[Table], scope: Scope) -> tuple[Any, dict[str, Any]]:
    """Return the condition of a scope, and the values that each row in it has."""
    if isinstance(scope, Where | And | Or):
        return scope, {}
    if isinstance(scope, str | Table):
        if "source_id" not in column_names(table):
            raise ValueError(f"{table.__name__} has no source_id; give scope as a condition.")
        scope = {"source_id": scope}
    if not isinstance(scope, Mapping) or not scope:
        raise ValueError("scope is empty; say which of the stored rows are the source's.")
    values: dict[str, Any] = {}
    conditions: list[Any] = []
    for given, value in scope.items():
        column = table._meta.get_column_by_name(given) if isinstance(given, str) else given
        value = value._key if isinstance(value, Table) else value
        values[column._meta.name] = value
        conditions.append(column == value)
    condition = conditions[0]
    for each in conditions[1:]:
        condition = condition & each
    return condition, values


async def _keys(table: type[Table], condition: Any) -> set[Any]:
    """Return the primary keys of the rows in scope; of a join table they are tuples."""
    names = primary_key(table)
    columns = [table._meta.get_column_by_name(name) for name in names]
    rows: list[dict[str, Any]] = await table.select(*columns).where(condition)
    return {row[names[0]] if len(names) == 1 else tuple(map(row.get, names)) for row in rows}


def _check_inside(table: type[Table], outside: set[Any]) -> None:
    if outside:
        raise InvalidValueError(
            table._meta.tablename,
            ", ".join(primary_key(table)),
            min(outside),
            f"is the row of one of {len(outside)} rows that are not in the scope of this sync; "
            "nothing was written",
        )


async def _remove(
    table: type[Table], gone: Sequence[Any], vanished: Vanished, result: SyncResult
) -> None:
    """Delete the rows that vanished, or set those inactive that are active."""
    is_key = table._meta.primary_key
    for part in _parts(gone):
        condition: Any = (
            is_key.is_in(list(part)) if not isinstance(part[0], tuple) else _any_of(is_key, part)
        )
        if vanished == "deactivate":
            active: Any = table._meta.get_column_by_name("is_active")
            condition = condition & (active == True)  # noqa: E712 - a comparison in SQL
            rows = await table.update({active: False}).where(condition).returning(is_key)
            changed = [row[is_key._meta.name] for row in rows]
            result.deactivated += len(changed)
        else:
            try:
                await table.delete().where(condition)
            except Exception as error:
                if not is_foreign_key_violation(error):
                    raise
                raise RowsInUseError(table._meta.tablename, len(gone), part[0]) from error
            changed = list(part)
            result.deleted += len(changed)
        if result.plan is not None:
            kind: Any = vanished
            result.plan.changes += [Change(kind, each) for each in changed]


def _any_of(column: Column, keys: Sequence[Any]) -> Any:
    condition: Any = column == keys[0]
    for key in keys[1:]:
        condition = condition | (column == key)
    return condition


def _parts(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    # Conditions of join rows are nested, and Python's stack ends.
    size = 100 if keys and isinstance(keys[0], tuple) else BATCH_SIZE
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
