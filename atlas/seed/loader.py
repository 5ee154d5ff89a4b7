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
from atlas.columns import ForeignKey
from atlas.errors import AtlasError
from atlas.table import Table

#: Column names and values of one row, references natural.
Row = Mapping[str, Any]
#: Rows with their tables, parents before children.
Seed = Iterable[tuple[type[Table], Row]]

_SOURCE = ("source_id", "source_key")

#: How a row is found: the sync key of docs/model.md section 6. Where that is "source_id,
#: source_key; else …" it is the else: seeded rows are entered by hand, and have a source only
#: where nothing else names them.
KEYS: dict[type[Table], tuple[str, ...]] = {
    atlas.Entity: ("code",),
    atlas.Unit: ("entity_id", "code"),
    atlas.Region: ("code",),
    atlas.Period: ("code",),
    atlas.Channel: ("code",),
    atlas.Source: ("code",),
    # A person has no such columns: the pair is looked up among the External identifiers, of
    # which the seed must hold the person's, right behind it.
    atlas.Person: _SOURCE,
    atlas.Organization: _SOURCE,
    atlas.Contact: ("person_id", "type", "value"),
    atlas.Identifier: ("type", "issuer", "value"),
    atlas.Relation: ("from_person_id", "to_person_id", "type"),
    atlas.Tag: ("code",),
    atlas.PersonTag: ("person_id", "tag_id"),
    atlas.PersonOrganization: ("person_id", "organization_id"),
    atlas.PersonUnit: ("person_id", "unit_id"),
    atlas.Category: ("entity_id", "code"),
    atlas.Item: ("entity_id", "code"),
    atlas.Variant: ("item_id", "code"),
    atlas.Price: _SOURCE,
    atlas.Batch: ("entity_id", "code"),
    atlas.BatchInstructor: ("batch_id", "person_id"),
    atlas.ItemComponent: ("item_id", "component_id"),
    atlas.Promotion: ("entity_id", "code"),
    atlas.Order: ("entity_id", "number"),
    atlas.OrderLine: ("order_id", "line_no"),
    atlas.Enrollment: ("batch_id", "person_id"),
    atlas.Account: ("entity_id", "code"),
    atlas.Invoice: ("entity_id", "number"),
    atlas.InvoiceLine: ("invoice_id", "line_no"),
    atlas.Payment: ("entity_id", "number"),
    atlas.PaymentAllocation: ("payment_id", "invoice_id"),
    atlas.Revenue: ("order_line_id", "revenue_date"),
    atlas.Campaign: ("entity_id", "code"),
    atlas.CampaignChannel: ("campaign_id", "channel_id"),
    atlas.Agenda: _SOURCE,
    atlas.Lead: _SOURCE,
    atlas.TargetPlan: ("entity_id", "period_id", "version"),
    atlas.TargetLine: _SOURCE,
}


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
    loader = _Loader()
    async with atlas.Entity._meta.db.transaction():
        for table, row in seed:
            await loader.add(table, row)
    return loader.counts


class _Loader:
    """One load: the counts so far, and the ids of the rows met so far."""

    def __init__(self) -> None:
        self.counts: Counts = {}
        self._ids: dict[tuple[type[Table], tuple[Any, ...]], Any] = {}

    async def add(self, table: type[Table], row: Row) -> None:
        """Insert ``row`` unless a row with its key is there."""
        count = await self._count(table)
        key = tuple(row[name] for name in KEYS[table])
        if await self._find(table, key) is not None:
            count.present += 1
            return
        names = [name for name in row if not (table is atlas.Person and name in _SOURCE)]
        new = table(**{name: await self._resolve(table, name, row[name]) for name in names})
        await new.save()
        self._ids[table, key] = new._key
        count.inserted += 1

    async def _count(self, table: type[Table]) -> Count:
        if table not in self.counts:
            if not await table.table_exists():
                raise AtlasError(
                    f"{getattr(table._meta.db, 'path', 'The database')} has no table "
                    f"{table._meta.tablename}. Make the tables first: piccolo migrations forwards "
                    "all (outside a checkout with PICCOLO_CONF=atlas.conf)"
                )
            self.counts[table] = Count()
        return self.counts[table]

    async def _resolve(self, table: type[Table], name: str, value: Any) -> Any:
        """Return ``value``, or for a foreign key the id of the row that it names."""
        column = table._meta.get_column_by_name(name)
        if not isinstance(column, ForeignKey) or value is None:
            return value
        parent = cast(type[Table], column._foreign_key_meta.resolved_references)
        found = await self._find(parent, value if isinstance(value, tuple) else (value,))
        if found is None:
            raise AtlasError(
                f"{table._meta.tablename}.{name}: {parent.__name__} {value!r} is "
                "neither among the seeded rows nor in the database."
            )
        return found

    async def _find(self, table: type[Table], key: tuple[Any, ...]) -> Any:
        """Return the primary key of the row with this natural key; None where there is none."""
        if (table, key) not in self._ids:
            if table is atlas.Person:
                found = await self._first(atlas.Identifier, ("source_id", "value"), key)
                found_key = found and found.person_id
            else:
                found = await self._first(table, KEYS[table], key)
                found_key = found and found._key
            if found_key is None:
                return None
            self._ids[table, key] = found_key
        return self._ids[table, key]

    async def _first(self, table: type[Table], names: tuple[str, ...], key: tuple[Any, ...]) -> Any:
        conditions = [
            table._meta.get_column_by_name(name) == await self._resolve(table, name, value)
            for name, value in zip(names, key, strict=True)
        ]
        return await table.objects().where(*conditions).first()
