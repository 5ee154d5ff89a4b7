"""References by natural key: what a row says of a row of another table, as its id.

In: rows as dicts, where a column has the natural key of the row that it refers to. Out:
the same with ids; those that must wait, as the row is one of this call and not yet
written; and those whose row does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from piccolo.columns import Column, ForeignKey

from atlas.errors import InvalidValueError
from atlas.table import Table
from atlas.upsert.keys import primary_key
from atlas.upsert.lookup import find
from atlas.upsert.options import Reference, references_of
from atlas.upsert.result import RowError
from atlas.upsert.validator import stored_form

#: A row: its position, as it was given, and its values by column.
Given = tuple[int, Any, dict[str, Any]]


class _Lookup:
    """How one column is looked up."""

    def __init__(
        self, table: type[Table], name: str, target: type[Table], names: tuple[str, ...]
    ) -> None:
        self.name = name
        self.target = target
        self.names = names
        self.wanted = _wanted(table, name, target)
        #: Whether the row that is referred to may be one of the call.
        self.is_own = target is table
        self._columns: list[Any] = [target._meta.get_column_by_name(each) for each in names]

    def key(self, row: dict[str, Any], engine_type: str) -> tuple[Any, ...]:
        """Return the values of the natural key that ``row`` has, in their stored form.

        What its column holds are the last of them, or the last one; those before are
        the row's own columns of the same names. Raises ``LookupError`` for a row
        that lacks one, and ``InvalidValueError`` for a value that a column of the key
        does not take.
        """
        value = row[self.name]
        given = value if isinstance(value, tuple) else (value,)
        own = self.names[: len(self.names) - len(given)]
        if len(given) > len(self.names) or any(name not in row for name in own):
            raise LookupError
        values = (*(row[name] for name in own), *given)
        return tuple(
            None if each is None else stored_form(column, each, engine_type)
            for column, each in zip(self._columns, values, strict=True)
        )


class References:
    """The references of one call's rows."""

    def __init__(
        self, engine: Any, table: type[Table], refs: Mapping[Column | str, Reference]
    ) -> None:
        self._engine = engine
        lookups = [
            _Lookup(table, name, *reference)
            for name, reference in references_of(table, refs).items()
        ]
        #: Those that others need for their own keys come first.
        self._lookups = sorted(
            lookups, key=lambda each: sum(other.name in each.names for other in lookups)
        )

    async def resolve(self, rows: list[Given]) -> tuple[list[Given], list[Given], list[RowError]]:
        """Return rows with ids, rows that wait, and what is wrong with the others.

        A row that waits has its references by natural key still.
        """
        errors: list[RowError] = []
        waiting: list[Given] = []
        ready = [(position, given, dict(row)) for position, given, row in rows]
        originals = {position: (position, given, row) for position, given, row in rows}
        for lookup in self._lookups:
            ready, lost = await self._look_up(lookup, ready, errors)
            if lookup.is_own:
                waiting += [originals[position] for position, _, _ in lost]
            else:
                errors += [self._missing(lookup, *originals[position]) for position, _, _ in lost]
        return ready, waiting, errors

    def missing(self, rows: list[Given]) -> list[RowError]:
        """Return what is wrong with rows that have waited in vain."""
        return [
            self._missing(lookup, *row) for row in rows for lookup in self._lookups if lookup.is_own
        ]

    async def _look_up(
        self, lookup: _Lookup, rows: list[Given], errors: list[RowError]
    ) -> tuple[list[Given], list[Given]]:
        """Return the rows with the ids that ``lookup`` found, and those for which it found none."""
        found: list[Given] = []
        asked: dict[tuple[Any, ...], list[Given]] = {}
        for position, given, row in rows:
            if row.get(lookup.name) is None:  # refers to nothing, or does not say
                found.append((position, given, row))
                continue
            try:
                key = lookup.key(row, self._engine.engine_type)
            except LookupError:
                names = ", ".join(lookup.names)
                reason = (
                    f"is not enough to find a row of {lookup.target._meta.tablename} by {names}"
                )
                errors.append(RowError(position, lookup.name, row[lookup.name], reason, given))
            except InvalidValueError as error:
                errors.append(RowError(position, lookup.name, error.value, error.reason, given))
            else:
                asked.setdefault(key, []).append((position, given, row))
        keys = list(asked)
        stored = await find(self._engine, lookup.target, lookup.names, keys, lookup.wanted)
        for place, identity in stored:
            for _, _, row in asked[keys[place]]:
                row[lookup.name] = identity
            found += asked.pop(keys[place], [])
        return found, [row for rows in asked.values() for row in rows]

    def _missing(self, lookup: _Lookup, position: int, given: Any, row: dict[str, Any]) -> RowError:
        names = ", ".join(lookup.names)
        reason = f"is the ({names}) of no row of {lookup.target._meta.tablename}"
        if lookup.is_own:
            reason += ", neither stored nor among the rows that were written"
        return RowError(position, lookup.name, row[lookup.name], reason, given)


def _wanted(table: type[Table], name: str, target: type[Table]) -> str:
    """Return the column of ``target`` that goes into the column ``name`` of ``table``.

    That is its id where the column refers to it; else its one reference to the same
    table, as an identifier's to its person.
    """
    column = table._meta.get_column_by_name(name)
    if isinstance(column, ForeignKey):
        meta = column._foreign_key_meta
        if meta.resolved_references is target:
            return str(meta.resolved_target_column._meta.name)
        through = [
            key._meta.name
            for key in target._meta.foreign_key_columns
            if key._foreign_key_meta.resolved_references is meta.resolved_references
        ]
        if len(through) == 1:
            return str(through[0])
        raise ValueError(
            f"refs: {name} refers to {meta.resolved_references.__name__}, to which "
            f"{target.__name__} has {len(through)} references; one is needed."
        )
    if primary_key(target) != ("id",):
        raise ValueError(f"refs: {name} is not a reference, and {target.__name__} has no id.")
    return "id"
