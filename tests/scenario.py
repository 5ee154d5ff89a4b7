"""A project with many rows and a change still to be applied, for runs that are killed or raced.

The change has all that can be half done: a table that is made, one with rows
that is built again, and a data step that writes to every row.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from databases import Database
from process_project import Project, sql, table

#: Says that the run has begun: it makes a file of this name in the project's folder.
BEGUN = "begun"
_BEGIN = f"manager.add_raw(lambda: open({BEGUN!r}, 'w').close())"


class Scenario:
    """A project on a database without tables, whose first migrations are applied, and filled."""

    def __init__(self, folder: Path, database: Database, rows: int) -> None:
        self.rows = rows
        self.project = Project(folder, database)
        self.project.add_app("one")
        self.project.add_app("two", depends_on="one")
        self.project.add_migration("one", "m1", table("thing"))
        self.project.add_migration("two", "m1", table("part", references="thing"))
        result = self.project.atlas("migrate")
        assert result.returncode == 0, result.stderr
        self._fill()

    @property
    def begun(self) -> Path:
        """The file that a run makes when its change begins."""
        return self.project.folder / BEGUN

    def add_change(self) -> None:
        """Write the migrations of the change, still to be applied."""
        # SQLite cannot do this but by building the table again.
        alter = (
            "manager.alter_column('Thing', tablename='thing', column_name='name',"
            " params={'default': 'none'}, old_params={'default': None},"
            " column_class=Text, old_column_class=Text)"
        )
        self.project.add_migration("one", "m2", _BEGIN, table("new"), alter)
        update = "UPDATE part SET name = coalesce(name, '') || 'x'"
        self.project.add_migration("two", "m2", sql(update, "INSERT INTO new (id) VALUES ('n')"))

    def is_changed(self) -> bool:
        """Return whether the change is in the database; fail when half of it is."""
        applied, database, rows = self.project.applied(), self.project.database, self.rows
        done = ("two", "m2") in applied
        assert len(applied) == len(set(applied)) == (4 if done else 2)
        assert ("new" in database.table_names()) == done
        assert not [name for name in database.table_names() if "atlas_new" in name]
        name = "name = 'x'" if done else "name IS NULL"
        assert database.rows(f"SELECT count(*) FROM part WHERE {name}") == [(rows,)]
        both = "SELECT count(*) FROM thing JOIN part ON thing.id = parent_id"
        assert database.rows(both) == [(rows,)]
        if done:
            assert database.rows("SELECT id FROM new") == [("n",)]
        if database.file:
            assert database.rows("PRAGMA integrity_check") == [("ok",)]
            assert database.rows("PRAGMA foreign_key_check") == []
        return done

    def _fill(self) -> None:
        database = self.project.database
        if database.file:
            with closing(sqlite3.connect(database.file)) as connection, connection:
                numbers = range(self.rows)
                things = ((f"t{number}", f"name {number}") for number in numbers)
                connection.executemany("INSERT INTO thing VALUES (?, ?)", things)
                parts = ((f"p{number}", None, f"t{number}") for number in numbers)
                connection.executemany("INSERT INTO part VALUES (?, ?, ?)", parts)
        else:
            numbered = f"generate_series(0, {self.rows - 1}) AS n"
            database.execute(
                f"INSERT INTO thing SELECT 't' || n, 'name ' || n FROM {numbered}",
                f"INSERT INTO part SELECT 'p' || n, NULL, 't' || n FROM {numbered}",
            )
