"""A database file, open: what the thread of a connection does with it.

In: SQL, in the one thread that serves the connection. Out: rows as dicts, or the error that says
what is wrong. It sets what every connection of ours has set, puts back what a caller changed,
and looks whether the file is still there before it lets a transaction begin. It knows no event
loop, no queue and no pool.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from sys import intern
from typing import Any, Protocol
from urllib.parse import quote

from atlas.engine import forks
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite import converters, untouched
from atlas.engine.sqlite.errors import check_whole, check_writable, is_busy, translated
from atlas.engine.sqlite.files import MEMORY, Files, Identity, identity_of
from atlas.engine.sqlite.pragmas import only_reads, pragmas, setting
from atlas.engine.sqlite.untouched import Untouched
from atlas.errors import ConnectionClosedError, DatabaseFileError, TransactionLostError

Rows = list[dict[str, Any]]

#: The identity of what has none.
_NO_FILE = (0, 0)

#: Between two attempts to get a lock, for those that SQLite refuses without waiting.
_LOCK_AGAIN_S = 0.005

#: For a long INSERT SQLite needs some 60 times its text, and ``sqlite3`` keeps the statements it
#: used last, however large: hundreds of them, for inserts of different sizes. So they are all
#: forgotten each time this much text of statements this long has been run.
_LONG_STATEMENT = 4_000
_LONG_STATEMENTS = 200_000

#: Methods of sqlite3 after which a connection is as any other, once its cursors are closed.
_LEAVES_NO_MARK = frozenset(
    (
        *("execute", "executemany", "executescript", "_execute_insert", "_execute_fetchall"),
        *("cursor", "fetchone", "fetchmany", "fetchall", "close", "commit", "rollback"),
        *("backup", "dumper"),
    )
)

#: What a statement may do that stays on its connection, beside settings.
_MARKING = frozenset(
    (
        *(sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH),
        *(sqlite3.SQLITE_CREATE_TEMP_TABLE, sqlite3.SQLITE_CREATE_TEMP_VIEW),
        *(sqlite3.SQLITE_CREATE_TEMP_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_INDEX),
    )
)

#: Two connections that close at once each take the other for a user of the file, and both leave
#: its -wal file behind.
_closing = threading.Lock()


@forks.in_child
def _renew_lock() -> None:
    global _closing
    _closing = threading.Lock()


class Owner(Protocol):
    """The connection that a handle is of."""

    @property
    def is_busy(self) -> bool:
        """Whether something runs."""

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits any more for what runs, so that no lock is waited for either."""

    def stop(self) -> object:
        """Let nobody use the connection again, and close it."""


class Handle:
    """One ``sqlite3.Connection``, and what its thread may do with it."""

    def __init__(
        self,
        files: Files,
        options: EngineOptions,
        *,
        reader: bool,
        owner: Owner,
    ) -> None:
        self.path = files.path
        self.files = files
        self.reader = reader or options.read_only
        #: Which file it is, so that a file of the same name can be told from it.
        self.identity: Identity | None = None
        self.db: sqlite3.Connection | None = None
        self._options = options
        self._owner = owner
        #: How a file that is only read is opened, and left as it was.
        self._untouched: Untouched | None = None
        self._is_counted = False
        self._long_statements = 0
        #: The settings that were changed since ours were set.
        self._changed: set[str] = set()
        #: What a user, to whom the connection is lent, reads from.
        self._lent_cursors: weakref.WeakSet[sqlite3.Cursor] = weakref.WeakSet()
        #: Whether they did what only a new connection has not.
        self._is_marked = False

    def execute(self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()) -> Rows:
        """Run one statement and return all its rows as dicts.

        Raises ``ValueError`` when a stored value is none of its column's type;
        ``floats`` are the keys of the rows under which a float must be. A lock
        of another process is waited for, up to the busy timeout.
        """
        cursor = self.cursor(sql, parameters)
        try:
            return self.fetch(cursor, floats=floats)
        finally:
            # Else a traceback that somebody keeps holds the statement, and with it a read lock.
            cursor.close()

    def execute_alone(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Like ``execute``, outside a transaction; the statement may not begin one."""
        rows = self.execute(sql, parameters, floats)
        self._revert_settings()
        if self._opened().in_transaction:
            self.rollback()
            raise TransactionLostError(
                "BEGIN and SAVEPOINT as plain statements are taken back at once, because the "
                "next statement may run on another connection. Use transaction()."
            )
        return rows

    def read_now(self, sql: str, parameters: Sequence[Any], floats: Sequence[str]) -> Rows:
        """Like ``execute``, of a SELECT; waits for no lock, and its errors are SQLite's own."""
        cursor = self._opened().execute(sql, parameters)
        try:
            return self.fetch(cursor, floats=floats)
        finally:
            cursor.close()

    def execute_inside(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Like ``execute``, inside a transaction that must still be there."""
        self.check_inside()
        return self.execute(sql, parameters, floats)

    def check_inside(self) -> None:
        """Raise ``TransactionLostError`` when the connection is in no transaction any more."""
        if not self._opened().in_transaction:
            raise TransactionLostError(
                "The transaction is over before its block: SQLite rolled it back when one of its "
                "writes was interrupted or failed, or a plain COMMIT or ROLLBACK ended it. Begin "
                "a new one."
            )

    def fetch(
        self, cursor: sqlite3.Cursor, size: int | None = None, floats: Sequence[str] = ()
    ) -> Rows:
        """Return the next ``size`` rows of a cursor as dicts; all of them by default.

        SQLite keeps text that is not a number in a REAL column, and hands it out as
        it is: ``ValueError`` for a value under one of ``floats`` that is not a float.
        """
        try:
            tuples = cursor.fetchall() if size is None else cursor.fetchmany(size)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        if not tuples:
            return []
        # Interned, they are found by what they are, and not by their text, in an object's dict.
        names = [intern(column[0]) for column in cursor.description]
        rows = [dict(zip(names, values, strict=True)) for values in tuples]
        for name in floats:
            for row in rows:
                if type(value := row[name]) is not float and value is not None:
                    raise ValueError(f"{name}: {value!r} is not a float")
        return rows

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._opened().in_transaction

    def trace(self, callback: Callable[[str], None] | None) -> None:
        """Call ``callback`` with each statement as it begins, its values filled in; None stops."""
        self._opened().set_trace_callback(callback)

    def rollback(self) -> None:
        """Roll back the transaction, if there is one."""
        db = self._opened()
        if db.in_transaction:
            db.execute("ROLLBACK")
        self._revert_settings()

    def commit(self) -> None:
        """Commit; when that fails, roll back, so that the connection is clean either way."""
        try:
            self.execute_inside("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to see
                self.rollback()
            raise
        self._revert_settings()

    def cursor(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement and return its cursor, for ``fetch``."""
        db = self._opened()
        if not db.in_transaction and (not self.reader or sql.startswith("BEGIN")):
            self._check_files(db)
        timeout_ms = self._options.busy_timeout_ms
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            try:
                cursor = db.execute(sql, parameters)
                break
            except sqlite3.Error as error:
                if not is_busy(error) or self._owner.is_given_up or time.monotonic() >= deadline:
                    raise translated(error, self.path, timeout_ms) from error
            time.sleep(_LOCK_AGAIN_S)
        if changed := setting(sql):
            self._changed.add(changed)
        if len(sql) > _LONG_STATEMENT:
            with contextlib.suppress(sqlite3.Error):  # as an interrupt, of what has run already
                self._forget_statements(db, len(sql))
        return cursor

    def create_function(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        """Let SQL call a Python function; the same values give the same result."""
        self._opened().create_function(name, arguments, function, deterministic=True)

    def _forget_statements(self, db: sqlite3.Connection, length: int) -> None:
        before = self._long_statements // _LONG_STATEMENTS
        self._long_statements += length
        times = self._long_statements // _LONG_STATEMENTS
        if times > before:
            # There is no call for it; as many others, never used before, push them out.
            for number in range(self._options.statement_cache):
                db.execute(f"SELECT {number} -- {times}").close()

    # The file.

    def open(self) -> sqlite3.Connection:
        """Open the file; raise ``DatabaseFileError`` if that fails, and then nothing is open."""
        self.files.check()
        if self._options.read_only and self.path != MEMORY:
            self._untouched = Untouched(self.path)
        with untouched.opening:
            forks.opening(self._owner, self.path, identity_of(self.path))
        if not self.reader and self.path != MEMORY and not self._options.read_only:
            self._make()
        try:
            self.db = sqlite3.connect(
                self._uri(),
                uri=True,
                isolation_level=None,
                detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
                cached_statements=self._options.statement_cache,
                check_same_thread=False,  # interrupt() comes from the event loop
                timeout=0,
            )
        except sqlite3.Error as error:
            forks.closed(self._owner)
            raise translated(error, self.path) from error
        try:
            self._prepare(self.db)
            # Only now is it certain that SQLite has opened the -wal, and nobody removes it.
            self.files.opened()
            self._is_counted = True
            forks.opened(self._owner, self.identity or _NO_FILE)
        except BaseException:
            self.close()
            raise
        return self.db

    def close(self) -> None:
        """Close the file. Safe to repeat."""
        db, self.db = self.db, None
        if db is None:
            return
        with contextlib.suppress(sqlite3.Error):
            if not self.reader:
                self._check_files(db)
        forks.closing(self._owner)
        with contextlib.suppress(sqlite3.Error):
            # An interrupt stays in force until the next statement, and would keep the last
            # connection from copying the -wal file into the database and removing it.
            db.execute("SELECT 1").close()
        if self._is_counted:
            self._is_counted = False
            self.files.closed()  # first: as soon as it is closed others may make other files
        with _closing, contextlib.suppress(sqlite3.Error):
            db.close()
        forks.closed(self._owner)
        if self._untouched is not None:
            self._untouched.left()

    def _make(self) -> None:
        """Make a file that is not there, which nobody else can read from its first byte on.

        SQLite lets everybody read it whom the umask lets. What stands in the way it says better.
        """
        with contextlib.suppress(OSError):
            descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            try:
                os.fchmod(descriptor, self._options.mode)
            finally:
                os.close(descriptor)

    def _uri(self) -> str:
        if self.path == MEMORY:
            return "file::memory:"
        # A reader needs the writer's -wal and -shm files, so it opens for writing too.
        query = f"mode={'rw' if self.reader else 'rwc'}"
        if self._untouched is not None:
            query = self._untouched.query
        return f"file:{quote(os.fsencode(self.path))}?{query}"

    def _prepare(self, db: sqlite3.Connection) -> None:
        checked = self.path != MEMORY and (self._options.read_only or not self.reader)
        if self.path != MEMORY:
            self.identity = identity_of(self.path)
        if checked and not self.reader:
            check_writable(self.path)
        # SQLite reads the file only now: what is not a database, or cut off, shows here, before
        # anything is changed in it.
        self.execute("SELECT count(*) FROM sqlite_master")
        if checked:
            ((page_size,),) = db.execute("PRAGMA page_size")
            check_whole(self.path, page_size)
        self._set_pragmas()
        db.create_function("atlas_is_corrupt", 3, converters.is_corrupt, deterministic=True)

    def _check_files(self, db: sqlite3.Connection) -> None:
        """Raise ``DatabaseFileError`` if they are not there any more, and save what they hold.

        What was committed and is in the -wal only goes into the database, under whatever name
        that has now. Else a file that was put in its place would be opened with that -wal.
        """
        try:
            self.files.check()
        except DatabaseFileError:
            with contextlib.suppress(sqlite3.Error):
                self._save_committed(db)
            raise

    def _save_committed(self, db: sqlite3.Connection) -> None:
        files = self.files
        if files.beside_is_replaced or (
            files.database_is_replaced and untouched.is_in_use(self.path)
        ):
            return  # others use those files by now
        ((is_busy, *_),) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if not is_busy:
            files.remove_beside_another()

    # For a user who has the connection for a block.

    def begin_lending(self) -> None:
        """Let SQLite wait for locks by itself, and note what changes the connection."""
        if not self._options.read_only:  # which allows no change
            self.execute(f"PRAGMA busy_timeout = {self._options.busy_timeout_ms}")
            self._opened().set_authorizer(self._note_change)

    def note(self, method: str, result: Any) -> Any:
        """Note a call of one of sqlite3's methods by the user, and return its result."""
        if isinstance(result, sqlite3.Cursor):
            self._lent_cursors.add(result)
        self._is_marked = self._is_marked or method not in _LEAVES_NO_MARK
        return result

    def end_lending(self) -> None:
        """Make the connection as it was, or raise, so that it is closed. For the end of the block.

        An open transaction is rolled back.
        """
        self._end_use()
        self.rollback()
        self._opened().isolation_level = None  # which commits, if there is something

    def end_lending_inside(self) -> None:
        """Like ``end_lending``, where the connection is that of a transaction, which goes on."""
        self._end_use()
        if self._opened().isolation_level is not None:
            raise TransactionLostError("isolation_level was set inside a transaction.")

    def _end_use(self) -> None:
        db = self._opened()
        for cursor in list(self._lent_cursors):
            cursor.close()
        db.row_factory, db.text_factory = None, str
        if not self._options.read_only:
            db.set_authorizer(None)
        if self._is_marked and self.path != MEMORY:  # whose database would be lost
            raise ConnectionClosedError("It has functions or handlers of a user's.")

    def _note_change(
        self, action: int, name: str | None, value: str | None, schema: str | None, by: str | None
    ) -> int:
        if action == sqlite3.SQLITE_PRAGMA and value is not None:
            if changed := setting(f"PRAGMA {name} = {value}"):
                self._changed.add(changed)
        elif action in _MARKING:
            self._changed.add("*")
        return sqlite3.SQLITE_OK

    # What a caller may have changed.

    def _set_pragmas(self) -> None:
        db = self._opened()
        db.set_authorizer(None)
        for name, value in pragmas(self._options, reader=self.reader).items():
            self.execute(f"PRAGMA {name} = {value}")
        if self._options.read_only:  # query_only alone could be switched off again
            db.set_authorizer(only_reads)
        self._changed.clear()

    def _revert_settings(self) -> None:
        """Undo the settings of a caller, which whoever has the connection next would not expect.

        Those that are not ours have defaults that only a new connection has.
        """
        if not self._changed:
            return
        if "journal_mode" in self._changed:
            self.files.forget_beside()
        try:
            foreign = self._changed - pragmas(self._options, reader=self.reader).keys()
            self._set_pragmas()
            if foreign and self.path != MEMORY:
                self._owner.stop()
            elif "*" in foreign:
                self._detach()
        except sqlite3.Error:
            if self.path != MEMORY:  # which would be lost; it is tried again the next time
                self._owner.stop()

    def _detach(self) -> None:
        for row in self.execute("PRAGMA database_list"):
            if row["name"] not in ("main", "temp"):
                self.execute(f'DETACH "{row["name"]}"')
        self._changed.clear()

    def _opened(self) -> sqlite3.Connection:
        if self.db is None:
            raise ConnectionClosedError(f"The connection to {self.path} is closed.")
        return self.db
