"""An SQLite table built again: what Piccolo does not know is as it was, or nothing changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from doubles import rows

from atlas.engine.sqlite import rebuild
from atlas.engine.sqlite.create_table import parse
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import SchemaChangeError
from atlas.migrate import schema_transaction

#: Written by hand and by other tools, in every way SQLite takes.
TABLES = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name text UNIQUE);
CREATE TABLE `thing` ( -- quoted as others do
    [id] INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name text DEFAULT 'it''s, "so"' CHECK (name <> ',)('), /* a comment, here */
    parent_id integer REFERENCES parent(id) ON DELETE SET NULL ON UPDATE SET DEFAULT,
    price numeric(10, 2) CONSTRAINT positive CHECK (price >= 0) DEFAULT -1.5,
    twice REAL GENERATED ALWAYS AS (price * 2) STORED,
    thrice AS (price * 3),
    note TEXT,
    CONSTRAINT named UNIQUE (name, price),
    FOREIGN KEY (note) REFERENCES parent (name)
);
CREATE TABLE child (thing_id INTEGER REFERENCES thing (id) ON DELETE CASCADE);
CREATE TABLE log (what);
CREATE TABLE pair (a TEXT, b TEXT, c TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE INDEX thing_partial ON thing (lower(name) DESC, price) WHERE price > 0;
CREATE TRIGGER thing_update AFTER UPDATE OF name ON thing BEGIN
    INSERT INTO log VALUES (new.name); END;
CREATE TRIGGER child_delete AFTER DELETE ON child BEGIN
    UPDATE thing SET note = NULL WHERE id = old.thing_id; END;
CREATE VIEW both AS SELECT t.parent_id, c.thing_id
    FROM thing AS t JOIN child AS c ON c.thing_id = t.id;
INSERT INTO thing (id, name, price) VALUES (7, 'a', 1.5), (9, 'b', 2), (-3, NULL, NULL);
INSERT INTO thing (id, name, price) VALUES (50, 'gone', 1);
DELETE FROM thing WHERE id = 50;
INSERT INTO child VALUES (7), (9), (NULL);
INSERT INTO pair VALUES ('x', 'y', '1'), ('x', 'z', '2');
ANALYZE;
"""
OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"


@pytest.fixture
def file(tmp_path: Path) -> SQLiteEngine:
    path = tmp_path / "hand.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
    return SQLiteEngine(str(path))


async def alter(engine: SQLiteEngine, *statements: str, progress: Any = None) -> None:
    async with schema_transaction(engine, progress=progress):
        for statement in statements:
            await engine.run_ddl(statement)


async def test_all_but_the_change_is_as_it_was(file: SQLiteEngine) -> None:
    """Rows, generated columns, the sequence, statistics and all else in the schema are kept."""
    before = rows(file.path, "SELECT * FROM thing ORDER BY id")
    children = rows(file.path, "SELECT * FROM child")
    objects = [row for row in rows(file.path, OBJECTS) if row[1] != "thing"]
    await alter(file, "ALTER TABLE thing ALTER COLUMN note SET DEFAULT 'none'")
    assert rows(file.path, "SELECT * FROM thing ORDER BY id") == before
    assert rows(file.path, "SELECT * FROM child") == children
    assert [row for row in rows(file.path, OBJECTS) if row[1] != "thing"] == objects
    assert rows(file.path, "SELECT seq FROM sqlite_sequence WHERE name = 'thing'") == [(50,)]
    assert rows(file.path, "SELECT DISTINCT tbl FROM sqlite_stat1 WHERE tbl = 'thing'")
    sql = rows(file.path, "SELECT sql FROM sqlite_master WHERE name = 'thing'")[0][0]
    for kept in ("CHECK (name <> ',)(')", "STORED", "CONSTRAINT positive", "CONSTRAINT named"):
        assert kept in sql
    assert "'none'" in sql
    assert rows(file.path, "SELECT * FROM log") == []
    assert rows(file.path, "PRAGMA integrity_check") == [("ok",)]


async def test_keys_of_rows_are_kept(file: SQLiteEngine) -> None:
    """Tables WITHOUT ROWID, of composite keys, and rowids that nobody names keep their rows."""
    await file.run_ddl("CREATE TABLE loose (a TEXT)")
    await file.run_ddl("INSERT INTO loose (rowid, a) VALUES (5, 'x'), (-9, 'y'), (1000, 'z')")
    before = rows(file.path, "SELECT rowid, a FROM loose")
    await alter(
        file,
        "ALTER TABLE loose ALTER COLUMN a SET NOT NULL",
        "ALTER TABLE pair ALTER COLUMN c TYPE INTEGER",
    )
    assert rows(file.path, "SELECT rowid, a FROM loose") == before
    assert rows(file.path, "SELECT * FROM pair") == [("x", "y", 1), ("x", "z", 2)]


async def test_several_changes_are_one_rebuild(file: SQLiteEngine) -> None:
    """The actions of one statement are made together, and the progress says how far it is."""
    said: list[tuple[str, int, int]] = []
    await alter(
        file,
        "ALTER TABLE thing ALTER COLUMN note SET DEFAULT 'x', ALTER COLUMN price DROP DEFAULT,"
        " DROP CONSTRAINT named, ADD CONSTRAINT by_name UNIQUE (name)",
        progress=lambda *words: said.append(words),
    )
    assert said == [("thing", 3, 3)]
    sql = rows(file.path, "SELECT sql FROM sqlite_master WHERE name = 'thing'")[0][0]
    assert "named" not in sql
    assert "-1.5" not in sql


async def test_long_copies_go_in_chunks(
    file: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row arrives once, whatever the gaps in the rowids, and the first is the lowest."""
    monkeypatch.setattr(rebuild, "_CHUNK", 7)
    await file.run_ddl("CREATE TABLE many (a INTEGER)")
    await file.run_ddl(
        "INSERT INTO many (rowid, a) WITH RECURSIVE n (i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) SELECT i * i - 500, i FROM n"
    )
    await file.run_ddl(f"INSERT INTO many (rowid, a) VALUES ({2**63 - 1}, -1), ({-(2**63)}, -2)")
    before = rows(file.path, "SELECT rowid, a FROM many")
    said: list[int] = []
    await alter(
        file,
        "ALTER TABLE many ALTER COLUMN a SET NOT NULL",
        progress=lambda table, done, total: said.append(done),
    )
    assert rows(file.path, "SELECT rowid, a FROM many") == before
    assert said == [*range(7, 102, 7), 102]


async def test_what_would_break_is_in_the_way(file: SQLiteEngine) -> None:
    """A view that reads a dropped column, and a trigger that writes it, are named."""
    before = rows(file.path, OBJECTS)
    with pytest.raises(SchemaChangeError, match="both"):
        await alter(file, "ALTER TABLE thing DROP COLUMN parent_id")
    with pytest.raises(SchemaChangeError, match="child_delete"):
        await alter(file, "ALTER TABLE thing DROP COLUMN note")
    assert rows(file.path, OBJECTS) == before


async def test_differing_rows_are_rolled_back(
    file: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the copy lost or changed a row, the error would say which, and nothing be changed."""
    original = rebuild._Copy.run

    def lose(copy: Any, progress: Any) -> None:
        original(copy, progress)
        copy._run(f'DELETE FROM "{copy._new}" WHERE id = 9')
        copy._run(f'UPDATE "{copy._new}" SET price = 3 WHERE id = 7')

    monkeypatch.setattr(rebuild._Copy, "run", lose)
    before = rows(file.path, "SELECT * FROM thing")
    with pytest.raises(SchemaChangeError, match="had 3 rows and would have 2") as caught:
        await alter(file, "ALTER TABLE thing ALTER COLUMN note SET DEFAULT 'x'")
    assert "(7, 'a'," in str(caught.value)
    assert "(9, 'b'," in str(caught.value)
    assert rows(file.path, "SELECT * FROM thing") == before


async def test_rebuild_needs_a_schema_transaction(file: SQLiteEngine) -> None:
    """In a plain transaction, where DROP TABLE would empty the children, it is refused."""
    with pytest.raises(sqlite3.OperationalError, match="near"):
        await file.run_ddl('ALTER TABLE "thing" ALTER COLUMN "note" SET NOT NULL')
    assert len(rows(file.path, "SELECT * FROM child")) == 3


async def test_unknown_change_is_refused(file: SQLiteEngine) -> None:
    """What is not understood changes nothing, and is said."""
    with pytest.raises(SchemaChangeError, match="OWNER TO me is not known"):
        await alter(file, "ALTER TABLE thing OWNER TO me")
    with pytest.raises(SchemaChangeError, match="no such table"):
        await alter(file, "ALTER TABLE nothing DROP COLUMN a")
    with pytest.raises(SchemaChangeError, match="no column 'nothing'"):
        await alter(file, "ALTER TABLE thing DROP COLUMN nothing")


async def test_index_of_another_kind_is_not_taken_for_the_wanted(file: SQLiteEngine) -> None:
    """An index of the wanted name over other columns is an error; the same index is fine."""
    await file.run_ddl('CREATE INDEX "thing_note_price" ON "thing" ("price")')
    statement = 'ALTER TABLE "thing" ADD CONSTRAINT thing_note_price INDEX ("note","price")'
    with pytest.raises(SchemaChangeError, match="thing_note_price"):
        await alter(file, statement)
    await file.run_ddl('DROP INDEX "thing_note_price"')
    await alter(file, statement, statement)


@pytest.mark.parametrize("sql", [part for part in TABLES.split(";\n") if "CREATE TABLE" in part])
def test_definition_survives_the_round(sql: str) -> None:
    """A definition that is taken apart and put together again is the same."""
    definition = parse(sql)
    assert parse(definition.sql("other")) == definition
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(definition.sql("other"))
        names = [row[1] for row in connection.execute("PRAGMA table_xinfo(other)")]
        assert names == [column.name for column in definition.columns]
