"""Every kind of change to a schema, as what is replaced in the text of a ``tables.py``.

In: nothing. Out: the tables to begin with, their rows, and the changes.
``scripts/evolution`` and the tests run all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What one shop begins with; ``{app}`` is the name of its app.
TABLES = '''\
"""The tables of a small shop."""
import datetime
from atlas.columns import (
    Boolean, Date, Decimal, ForeignKey, Integer, Now, OnDelete, Text, Timestamp, Ulid
)
from atlas.constraints import Index, Unique
from atlas.table import Table
from piccolo.columns import OnUpdate

TODAY = datetime.date(2026, 5, 4)


class Source(Table, tablename="{app}_source"):
    id = Ulid(primary_key=True)
    code = Text(unique=True)


class Place(Table, tablename="{app}_place"):
    id = Ulid(primary_key=True)
    name = Text(null=True)


class Thing(Table, tablename="{app}_thing"):
    id = Ulid(primary_key=True)
    source_id = ForeignKey(Source, on_delete=OnDelete.cascade, on_update=OnUpdate.cascade)
    code = Text(unique=True)
    label = Text(index=True)
    note = Text(null=True)
    digits = Text(default="0")
    amount = Integer(null=True)
    price = Decimal(default=1.5)
    pair = Index([label, price])
    key = Unique([code, digits])


class Child(Table, tablename="{app}_child"):
    id = Ulid(primary_key=True)
    thing_id = ForeignKey(Thing, on_delete=OnDelete.cascade)


class Grandchild(Table, tablename="{app}_grandchild"):
    id = Ulid(primary_key=True)
    child_id = ForeignKey(Child, on_delete=OnDelete.cascade)
'''

_ID = "01J0000000000000000000000{}"
SOURCE, THING_1, THING_2, CHILD, GRANDCHILD = (_ID.format(n) for n in range(1, 6))

#: The rows of the tables above, without the app's name in front of the table's.
ROWS = {
    "source": f"('{SOURCE}', 'S')",
    "place": f"('{SOURCE}', 'the id of the source too')",
    "thing": (
        f"('{THING_1}', '{SOURCE}', 'A', 'it''s', 'a note', '17', 5, 2.5),"
        f" ('{THING_2}', '{SOURCE}', 'B', 'it''s', NULL, '-4', NULL, 1.5)"
    ),
    "child": f"('{CHILD}', '{THING_1}')",
    "grandchild": f"('{GRANDCHILD}', '{CHILD}')",
}


@dataclass(frozen=True)
class Kind:
    """A change: what is replaced in ``TABLES``, and what a migration must say to make it."""

    name: str
    changes: tuple[tuple[str, str], ...]
    #: Lines for the migration, where rows would be lost without.
    words: tuple[str, ...] = ()
    #: What ``piccolo migrations new`` is answered when it asks whether this is a rename.
    is_rename: bool = False


def _added(column: str) -> tuple[tuple[str, str], ...]:
    return (("    pair = Index", f"    {column}\n    pair = Index"),)


_PRICE = "    price = Decimal(default=1.5)\n"
_NOTE = "    note = Text(null=True)\n"
_AMOUNT = "    amount = Integer(null=True)\n"
_SOURCE = "ForeignKey(Source, on_delete=OnDelete.cascade, on_update=OnUpdate.cascade)"
_LABEL = "    label = Text(index=True)\n"
_CODE = "    code = Text(unique=True)\n    label"

KINDS = (
    Kind("add column, null", _added("extra = Text(null=True)")),
    Kind("add column, not null with default", _added("extra = Integer(default=7)")),
    Kind("add column, bool with default", _added("extra = Boolean(default=True)")),
    Kind("add column, date with default", _added("extra = Date(default=TODAY)")),
    Kind("add column, timestamp with default now", _added("extra = Timestamp(default=Now())")),
    Kind(
        "add column, not null without default",
        _added("extra = Text()"),
        words=('fill_nulls(manager, "{app}_thing", "extra", "filled")',),
    ),
    Kind("add column, default with an apostrophe", _added('extra = Text(default="it\'s")')),
    Kind("add column, foreign key", _added("extra = ForeignKey(Place, null=True)")),
    Kind("add column, foreign key to itself", _added('extra = ForeignKey("self", null=True)')),
    Kind(
        "add column, foreign key not null",
        _added("extra = ForeignKey(Place)"),
        words=(f'fill_nulls(manager, "{{app}}_thing", "extra", "{SOURCE}")',),
    ),
    Kind("add column, unique", _added("extra = Text(null=True, unique=True)")),
    Kind("add column, indexed", _added("extra = Text(null=True, index=True)")),
    Kind(
        "drop column, plain",
        ((_NOTE, ""),),
        words=('save_rows(manager, "{app}_thing", "note")',),
    ),
    Kind(
        "drop column, indexed",
        ((_LABEL, ""), ("    pair = Index([label, price])\n", "")),
        words=('save_rows(manager, "{app}_thing", "label")',),
    ),
    Kind(
        "drop column, unique",
        (
            (_CODE, "    label"),
            ("    key = Unique([code, digits])\n", ""),
        ),
        words=('save_rows(manager, "{app}_thing", "code")',),
    ),
    Kind(
        "drop column, foreign key",
        ((f"    source_id = {_SOURCE}\n", ""),),
        words=('save_rows(manager, "{app}_thing", "source_id")',),
    ),
    Kind("rename column", (("    note =", "    remark ="),), is_rename=True),
    Kind(
        "rename column, indexed",
        ((_LABEL, "    title = Text(index=True)\n"), ("[label,", "[title,")),
        is_rename=True,
    ),
    Kind(
        "rename column, unique",
        ((_CODE, "    sku = Text(unique=True)\n    label"), ("[code,", "[sku,")),
        is_rename=True,
    ),
    Kind("rename column, foreign key", (("    source_id =", "    origin_id ="),), is_rename=True),
    Kind(
        "rename table",
        (('tablename="{app}_thing"', 'tablename="{app}_object"'),),
        is_rename=True,
    ),
    Kind(
        "rename table and class",
        (
            (
                'class Thing(Table, tablename="{app}_thing"',
                'class Item(Table, tablename="{app}_item"',
            ),
            ("ForeignKey(Thing,", "ForeignKey(Item,"),
        ),
        is_rename=True,
    ),
    Kind(
        "rename class only",
        (("class Thing(", "class Item("), ("ForeignKey(Thing,", "ForeignKey(Item,")),
        is_rename=True,
    ),
    Kind(
        "rename table, a column, and change it at once",
        (
            ('tablename="{app}_thing"', 'tablename="{app}_object"'),
            (_NOTE, "    remark = Text(null=True, default='n', index=True)\n"),
        ),
        is_rename=True,
    ),
    Kind(
        "null to not null",
        ((_AMOUNT, "    amount = Integer()\n"),),
        words=('fill_nulls(manager, "{app}_thing", "amount", 0)',),
    ),
    Kind("not null to null", ((_PRICE, "    price = Decimal(default=1.5, null=True)\n"),)),
    Kind("type, integer to text", ((_AMOUNT, "    amount = Text(null=True)\n"),)),
    Kind("type, text to integer", (('digits = Text(default="0")', "digits = Integer(default=0)"),)),
    Kind("type, integer to decimal", ((_AMOUNT, "    amount = Decimal(null=True)\n"),)),
    Kind("default, changed", ((_PRICE, "    price = Decimal(default=9.5)\n"),)),
    Kind("default, removed", ((_PRICE, "    price = Decimal()\n"),)),
    Kind("default, added", ((_AMOUNT, "    amount = Integer(null=True, default=3)\n"),)),
    Kind(
        "default, with an apostrophe", ((_NOTE, '    note = Text(null=True, default="it\'s")\n'),)
    ),
    Kind(
        "default, text that reads as a day",
        (('digits = Text(default="0")', 'digits = Text(default="2026-01-09")'),),
    ),
    Kind(
        "add column, text that reads as an instant",
        _added('extra = Text(default="2026-01-09 10:30")'),
    ),
    Kind(
        "key of the same name, over other columns",
        (("key = Unique([code, digits])", "key = Unique([code, note])"),),
    ),
    Kind(
        "foreign key, on delete",
        ((_SOURCE, "ForeignKey(Source, on_update=OnUpdate.cascade)"),),
    ),
    Kind(
        "foreign key, on update",
        ((_SOURCE, "ForeignKey(Source, on_delete=OnDelete.cascade)"),),
    ),
    Kind(
        "foreign key, target",
        ((_SOURCE, _SOURCE.replace("Source", "Place")),),
    ),
    Kind("foreign key, to plain text", ((f"source_id = {_SOURCE}", "source_id = Text()"),)),
    Kind("index, added", ((_AMOUNT, "    amount = Integer(null=True, index=True)\n"),)),
    Kind("index, dropped", ((_LABEL, "    label = Text()\n"),)),
    Kind("index over several, added", _added("more = Index([note, amount])")),
    Kind("index over several, dropped", (("    pair = Index([label, price])\n", ""),)),
    Kind("unique, added", ((_NOTE, "    note = Text(null=True, unique=True)\n"),)),
    Kind("unique, dropped", ((_CODE, "    code = Text()\n    label"),)),
    Kind("unique over several, added", _added("more = Unique([label, digits])")),
    Kind("unique over several, dropped", (("    key = Unique([code, digits])\n", ""),)),
    Kind(
        "primary key, moved",
        (
            (
                'tablename="{app}_grandchild"):\n    id = Ulid(primary_key=True)\n',
                'tablename="{app}_grandchild"):\n    id = Ulid()\n',
            ),
            (
                "    child_id = ForeignKey(Child, on",
                "    child_id = ForeignKey(Child, primary_key=True, on",
            ),
        ),
    ),
    Kind(
        "several at once",
        (
            (_NOTE, "    note = Text(null=True, index=True, default='n')\n"),
            (_AMOUNT, "    amount = Decimal(null=True, default=2)\n"),
            (
                _PRICE,
                "    price = Decimal(null=True)\n    extra = Date(null=True, default=TODAY)\n",
            ),
        ),
    ),
    Kind(
        "drop table",
        ((TABLES[TABLES.index("class Grandchild") :], ""),),
        words=('save_rows(manager, "{app}_grandchild")',),
    ),
)
