"""The database that is measured: one file, made by the migrations and filled.

In: a folder and a number of orders. Out: the file, and the keys of what is in
it. Rows are written as plain SQL, in the text that Atlas stores.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.pragmas import pragmas
from atlas.ulid import new_ulid

Row = dict[str, Any]

_ENTITIES = 4
_UNITS = 8  # of each entity
_FIRST_DAY = date(2025, 1, 1)
_DAYS = 730
_STATUSES = ("Draft", "Confirmed", "Completed", "Cancelled")

#: Prime, so that a step of this size through any number of rows meets them all, in no order
#: that a cache could use.
_STRIDE = 7919


_APART = """
import json, sqlite3, sys
path, pragmas, sql, values = json.loads(sys.argv[1])
database = sqlite3.connect(path, isolation_level=None)
database.row_factory = sqlite3.Row
for name, value in pragmas.items():
    database.execute(f"PRAGMA {name} = {value}")
print(json.dumps([dict(row) for row in database.execute(sql, values)]))
database.close()
"""


@dataclass(frozen=True)
class Data:
    """A database file, and keys of rows that are in it."""

    path: Path
    entity_ids: list[str]
    order_ids: list[str]
    #: What the orders to be inserted refer to, one dict for each unit.
    parents: list[Row]

    def new_orders(self) -> Iterator[Row]:
        """Return orders to insert, without end: the values an application would give."""
        for number in count():
            parents = self.parents[number % len(self.parents)]
            yield {
                **parents,
                "number": f"new-{new_ulid()}",
                "type": "Enrollment",
                "status": "Confirmed",
                "order_date": _FIRST_DAY + timedelta(days=number % _DAYS),
                "subtotal_amount": 1_500_000.0,
                "discount_amount": 150_000.0,
                "tax_amount": 0.0,
                "total_amount": 1_350_000.0,
                "note": "paid in two instalments",
            }

    def scattered_order_ids(self) -> Iterator[str]:
        """Return ids of orders without end, each as often as the others."""
        ids = self.order_ids
        for position in count():
            yield ids[position * _STRIDE % len(ids)]

    def remove_new_orders(self) -> None:
        """Delete what was inserted since the file was filled."""
        self.apart("DELETE FROM commerce_order WHERE rowid > ?", len(self.order_ids))

    def apart(self, sql: str, *values: Any) -> list[Row]:
        """Run a statement in a process of its own, and return its rows.

        A peer may bring an SQLite of its own, and two of them in one process do not see each
        other's locks (https://www.sqlite.org/howtocorrupt.html, "Multiple copies of SQLite").
        """
        arguments = json.dumps([str(self.path), pragmas_of_all(), sql, values])
        done = subprocess.run(
            [sys.executable, "-c", _APART, arguments], check=True, capture_output=True, text=True
        )
        rows: list[Row] = json.loads(done.stdout)
        return rows


def pragmas_of_all() -> dict[str, str | int]:
    """Return the pragmas that every peer sets: this engine's, but for the busy timeout.

    This engine waits in slices of its own making; the others leave it to SQLite.
    """
    options = EngineOptions()
    return {**pragmas(options, reader=False), "busy_timeout": options.busy_timeout_ms}


def connect(path: Path) -> sqlite3.Connection:
    """Open the file with the pragmas of all, no converters, and a commit for each statement."""
    database = sqlite3.connect(path, isolation_level=None)
    for name, value in pragmas_of_all().items():
        database.execute(f"PRAGMA {name} = {value}")
    return database


def make(folder: Path, orders: int) -> Data:
    """Make the file in ``folder`` and fill it with ``orders`` orders and their parents."""
    path = folder / "bench.db"
    migrate(path)
    data = Data(path, [], [], [])
    with closing(connect(path)) as database:
        database.execute("BEGIN")
        _fill(database, data, orders)
        database.execute("COMMIT")
    return data


def migrate(path: Path) -> None:
    """Make a database at ``path`` with all tables and no rows."""
    subprocess.run(
        [sys.executable, "-m", "piccolo.main", "migrations", "forwards", "all"],
        env={**os.environ, "DATABASE_URL": f"file:{path}", "PICCOLO_CONF": "atlas.conf"},
        cwd=path.parent,  # no .env and no piccolo_conf.py are here
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _fill(database: sqlite3.Connection, data: Data, orders: int) -> None:
    source = _insert(database, "core_source", {"code": "bench", "name": "Bench", "type": "Manual"})
    channel = _insert(database, "core_channel", {"code": "web", "name": "Web", "type": "Web"})
    persons = [
        _insert(database, "db_person", {"full_name": f"Person {number}"})
        for number in range(max(10, orders // 10))
    ]
    for number in range(_ENTITIES):
        name = f"E{number}"
        entity = _insert(database, "core_entity", {"code": name, "name": name, "legal_form": "PT"})
        data.entity_ids.append(entity)
        for unit_number in range(_UNITS):
            name = f"U{unit_number}"
            unit = {"entity_id": entity, "code": name, "name": f"Unit {name}", "type": "Branch"}
            data.parents.append(
                {
                    "entity_id": entity,
                    "unit_id": _insert(database, "core_unit", unit),
                    "customer_id": persons[len(data.parents) % len(persons)],
                    "participant_id": persons[len(data.parents) % len(persons)],
                    "channel_id": channel,
                }
            )
    new_orders = data.new_orders()
    for number in range(orders):
        person = persons[number * _STRIDE % len(persons)]
        order = next(new_orders) | {
            "number": f"INV/{number:07}",
            "status": _STATUSES[number % len(_STATUSES)],
            "customer_id": person,
            "participant_id": person,
            "source_id": source,
            "source_key": f"row-{number}",
        }
        data.order_ids.append(_insert(database, "commerce_order", order))


def _insert(database: sqlite3.Connection, table: str, values: Row) -> str:
    """Insert one row, with a new id and the current instant, and return its id."""
    now = str(datetime.now(UTC))
    row = {"id": new_ulid(), **values, "created_at": now, "updated_at": now}
    marks = ", ".join("?" * len(row))
    database.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})",
        [str(value) if isinstance(value, date) else value for value in row.values()],
    )
    return str(row["id"])
