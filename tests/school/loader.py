"""Loading rows that may be there already.

In: rows as plain dicts, parents before children. A foreign key is given as the
parent's key in ``KEYS``: ``"unit_id": ("DEMO", "BDG")``. Keys nest where a part
of one is a foreign key: ``"variant_id": (("DEMO", "GE"), "A2")``.
Out: the database with every row there, and how many were missing. A row that
is found is never changed, whatever its other columns hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import atlas
from atlas.errors import AtlasError, InvalidValueError, UpsertError
from atlas.table import Table
from atlas.ulid import new_ulid
from atlas.upsert.keys import SOURCE_PAIR, primary_key, sync_keys
from atlas.upsert.options import Options
from atlas.upsert.resolve import resolve
from atlas.upsert.upsert import upsert

#: Column names and values of one row, references natural.
Row = Mapping[str, Any]
#: Rows with their tables, parents before children.
Seed = Iterable[tuple[type[Table], Row]]

#: How a row is found: the sync key of docs/model.md section 6. Where that is "source_id,
#: source_key; else …" it is the else: seeded rows are entered by hand, and have a source only
#: where nothing else names them.
KEYS: dict[type[Table], tuple[str, ...]] = {
    table: keys[-1] if (keys := sync_keys(table)) else SOURCE_PAIR for table in atlas.TABLES
}

#: A person has no such columns: the pair is looked up among the External identifiers, of
#: which the seed must hold the person's, right behind it.
_IDENTIFIER_KEY = ("source_id", "value")


@dataclass
class Count:
    """How many rows of a table were missing, and how many were there already."""

    inserted: int = 0
    present: int = 0


Counts = dict[type[Table], Count]


async def load(seed: Seed) -> Counts:
    """Insert the rows of ``seed`` that are missing, all in one transaction; count per table.

    Raises ``AtlasError`` when a table does not exist or a row references one
    that is neither in ``seed`` nor in the database, and ``InvalidValueError``
    for a value the model does not allow; nothing is stored then.
    """
    by_table: dict[type[Table], list[Row]] = {}
    for table, row in seed:
        by_table.setdefault(table, []).append(row)
    loader = _Loader(atlas.Entity._meta.db)
    async with loader.engine.transaction():
        for table in sorted(by_table, key=atlas.TABLES.index):  # parents before children
            await loader.load(table, by_table[table])
    return loader.counts


class _Loader:
    """One load: the counts so far, and the ids of the rows met so far, by their natural keys."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.counts: Counts = {}
        self._ids: dict[type[Table], dict[Any, Any]] = {table: {} for table in atlas.TABLES}

    async def load(self, table: type[Table], rows: list[Row]) -> None:
        """Insert those of ``rows``, all of one table, that are not there."""
        if not await table.table_exists():
            raise AtlasError(
                f"{getattr(self.engine, 'path', 'The database')} has no table "
                f"{table._meta.tablename}. Make the tables first: piccolo migrations forwards "
                "all (outside a checkout with PICCOLO_CONF=atlas.conf)"
            )
        ids = self._ids[table]
        keys = [tuple(row[name] for name in KEYS[table]) for row in rows]
        await self._find(table, keys)
        new: list[dict[str, Any]] = []
        for key, row in zip(keys, rows, strict=True):
            if key not in ids:
                names = [name for name in row if name in table._column_names]
                new.append({name: row[name] for name in names})
                if primary_key(table) == ("id",):
                    new[-1]["id"] = new_ulid()
                ids[key] = new[-1].get("id")
        await self._resolve(table, new)
        try:
            await upsert(self.engine, table, new, primary_key(table), Options(update=False))
        except UpsertError as error:
            first = error.errors[0]
            raise InvalidValueError(
                table._meta.tablename, first.column, first.value, first.reason
            ) from error
        self.counts[table] = Count(inserted=len(new), present=len(rows) - len(new))

    async def _resolve(self, table: type[Table], rows: list[dict[str, Any]]) -> None:
        """Replace each natural reference in ``rows`` by the id of the row that it names."""
        for column in table._meta.foreign_key_columns:
            name = column._meta.name
            parent = cast(type[Table], column._foreign_key_meta.resolved_references)
            with_it = [row for row in rows if row.get(name) is not None]
            await self._find(parent, [_as_key(row[name]) for row in with_it])
            for row in with_it:
                found = self._ids[parent].get(_as_key(row[name]))
                if found is None:
                    raise AtlasError(
                        f"{table._meta.tablename}.{name}: {parent.__name__} {row[name]!r} is "
                        "neither among the seeded rows nor in the database."
                    )
                row[name] = found

    async def _find(self, table: type[Table], keys: Iterable[tuple[Any, ...]]) -> None:
        """Look up the rows with these natural keys, all that are not known yet at once."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._ids[table]]
        if not wanted:
            return
        names, searched, to = KEYS[table], table, primary_key(table)[0]
        if table is atlas.Person:
            names, searched, to = _IDENTIFIER_KEY, atlas.Identifier, "person_id"
        parts = [dict(zip(names, key, strict=True)) for key in wanted]
        await self._resolve(searched, parts)
        values = [tuple(row.values()) if len(names) > 1 else row[names[0]] for row in parts]
        found = await resolve(self.engine, searched, names, values, to=to)
        for key, value in zip(wanted, values, strict=True):
            if value in found:
                self._ids[table][key] = found[value]


def _as_key(reference: Any) -> tuple[Any, ...]:
    return reference if isinstance(reference, tuple) else (reference,)
