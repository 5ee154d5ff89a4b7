"""The errors Atlas raises, drawn as a tree.

::

    AtlasError
    ├── ConfigurationError       a setting or URL that cannot be used      (also ValueError)
    ├── InvalidValueError        a value the model does not allow          (also ValueError)
    ├── ParseError               a text that atlas.parse cannot read       (also ValueError)
    ├── PreparedQueryError       a query or a call that cannot be prepared so   (also ValueError)
    ├── RowClassError            a class that the rows of a select do not fit   (also TypeError)
    ├── RuleViolationError       a row that breaks a rule of the model     (also ValueError)
    ├── UpsertError              rows of an upsert that were refused      (also ValueError)
    ├── DataFileError            a file of rows that cannot be read or written  (also ValueError)
    ├── IncompleteSourceError    too few rows to be all of a source       (also ValueError)
    ├── RowsInUseError           rows to delete that other rows reference
    ├── RowNotFoundError         a row that is not in the database (any more)  (also LookupError)
    ├── TableInUseError          a table that other tables still reference
    ├── SchemaChangeError        a change of the schema that would lose or break rows
    ├── MigrationError           migrations that cannot be run
    │   └── MigrationFailedError     one of them failed
    ├── BackupError              a backup or restore that cannot be, or is not whole
    ├── CorruptValueError        a stored value that is none of its column's    (also ValueError)
    ├── ClientError              a client used where it cannot be               (also RuntimeError)
    │   └── ConnectionClosedError    it is closed
    ├── PoolTimeoutError         no connection became free in time              (also TimeoutError)
    ├── TransactionLostError     a transaction that is over                     (also RuntimeError)
    ├── ConflictError            a transaction that another one got in the way of
    │   ├── SerializationError       it wrote what this one read
    │   └── DeadlockError            each waited for the other
    ├── StatementTimeoutError    a statement that took too long              (also TimeoutError)
    ├── DatabaseServerError      a server that cannot be reached       (also ConnectionError)
    │   ├── TooManyConnectionsError  it takes no more
    │   └── ConnectionLostError      it, or the network, ended a connection
    │       └── TransactionConnectionLostError   in a transaction  (also TransactionLostError)
    ├── DatabaseBusyError        a lock was held too long      (also sqlite3.OperationalError)
    ├── ReadOnlyError            a write to what only reads    (also sqlite3.OperationalError)
    └── DatabaseFileError        a file that cannot be used    (also sqlite3.OperationalError)
        └── DiskFullError            there is no room, of the file or the server

Each is also the built-in it resembles, so code written for plain Piccolo,
which raises ``ValueError``, keeps working.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Protocol

_SHOWN_CHARACTERS = 100


def shown(value: object) -> str:
    """Return ``repr(value)`` with its type, cut to a length fit for one line of a log."""
    try:
        text = repr(value)
    except Exception as error:  # as of an int with more than 4300 digits
        text = f"<no repr: {type(error).__name__}>"
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 1] + "…"
    return f"{text} ({type(value).__name__})"


class AtlasError(Exception):
    """Base of every error that Atlas raises itself.

    ``is_retryable`` tells whether the same work may be run again as it is: nothing of it was
    written, and the cause may have passed.
    """

    is_retryable = False


class ConfigurationError(AtlasError, ValueError):
    """A setting or database URL that cannot be used. The message never holds a password."""


class InvalidValueError(AtlasError, ValueError):
    """A value that the model does not allow in a column. Nothing was written.

    ``table``, ``column`` and ``value`` say what was refused, ``reason`` why,
    and what would be accepted instead.
    """

    def __init__(self, table: str, column: str, value: object, reason: str) -> None:
        self.table = table
        self.column = column
        self.value = value
        self.reason = reason
        super().__init__(f"{table}.{column}: {shown(value)} {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        # The default rebuilds from the message alone; this lets it cross processes.
        return type(self), (self.table, self.column, self.value, self.reason)


class ParseError(AtlasError, ValueError):
    """A text or cell that ``atlas.parse`` cannot read; ``value`` is it, ``expected`` what could be.

    The message shows the value: it may be personal data.
    """

    def __init__(self, value: object, expected: str) -> None:
        self.value = value
        self.expected = expected
        super().__init__(f"{shown(value)} is not {expected}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.value, self.expected)


class PreparedQueryError(AtlasError, ValueError):
    """A query that cannot be prepared, or one called with other parameters than it has.

    Nothing was run.
    """


class RowClassError(AtlasError, TypeError):
    """A class that the rows of a select cannot become: see ``Select.into``."""


class RuleViolationError(AtlasError, ValueError):
    """A row that breaks a rule of docs/model.md section 7. Nothing was written.

    ``table``, ``rule``, ``column`` and ``sentence`` are of the first rule that is
    broken; ``others`` has a sentence for each further one.
    """

    def __init__(
        self, table: str, rule: str, column: str, sentence: str, others: Sequence[str] = ()
    ) -> None:
        self.table = table
        self.rule = rule
        self.column = column
        self.sentence = sentence
        self.others = tuple(others)
        super().__init__(f"{table}.{column}: {'; '.join([f'{sentence} ({rule})', *others])}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.rule, self.column, self.sentence, self.others)


class _Refusals(Protocol):
    """What an ``UpsertError`` tells of: an ``atlas.UpsertResult``."""

    inserted: int
    updated: int
    unchanged: int
    duplicates: int
    committed: int
    errors: list[Any]

    @property
    def refused(self) -> int:
        """How many rows were refused."""


class UpsertError(AtlasError, ValueError):
    """Rows that an upsert refused. Nothing was written, or no more than ``result`` says.

    ``errors`` says of each which row, column and value, and why: of the first
    ``max_errors`` bad rows. ``refused`` counts all bad rows that were met: among the first
    ``seen`` rows when the call ended there, among all when ``seen`` is None.
    ``result.committed`` is 0 unless ``commit_every`` was given.
    """

    def __init__(
        self, table: str, result: _Refusals, refused: int | None = None, seen: int | None = None
    ) -> None:
        self.table = table
        self.result = result
        self.errors = result.errors
        self.refused = result.refused if refused is None else refused
        self.seen = seen
        shown_errors = "".join(f"\n  {error}" for error in self.errors)
        written = (
            f"after {result.committed} rows that were committed"
            if result.committed
            else "and nothing was written"
        )
        count = f"{self.refused} rows are refused"
        if seen is not None:
            count = f"at least {self.refused} rows are refused, of the first {seen} alone"
        if self.refused > result.refused:
            written += f"; the first {result.refused}"
        super().__init__(f"{table}: {count}, {written}:{shown_errors}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.result, self.refused, self.seen)


class DataFileError(AtlasError, ValueError):
    """A file of rows that cannot be read or written. Nothing was changed in the database."""

    def __init__(self, path: object, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.reason)


class IncompleteSourceError(AtlasError, ValueError):
    """Rows that are suspiciously few to be all there are of a source. Nothing was changed.

    ``given`` and ``stored`` say how many they are, and how many are stored in the scope.
    """

    def __init__(self, table: str, given: int, stored: int, min_ratio: float) -> None:
        self.table = table
        self.given = given
        self.stored = stored
        self.min_ratio = min_ratio
        super().__init__(
            f"{table}: the source has {given} rows, and {stored} are stored; fewer than "
            f"{min_ratio} of those look like a file that is cut off, so nothing was changed. If "
            "it is whole, pass a smaller min_ratio (0 allows any)."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.given, self.stored, self.min_ratio)


class RowsInUseError(AtlasError):
    """Rows that would be deleted, but other rows still reference one of them. Nothing was changed.

    ``count`` says how many were to go, and ``key`` is the first of those that were tried together.
    """

    def __init__(self, table: str, count: int, key: object) -> None:
        self.table = table
        self.count = count
        self.key = key
        super().__init__(
            f"{table}: of {count} rows that vanished from the source other rows reference some, as "
            f"perhaps {key!r}, so none is deleted. Delete or move what references them first, or "
            'pass vanished="deactivate".'
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.count, self.key)


class RowNotFoundError(AtlasError, LookupError):
    """The row an object stands for is not in the database. Nothing was written.

    Somebody deleted it, or the transaction that inserted it was rolled back.
    """

    def __init__(self, table: str, key: object) -> None:
        self.table = table
        self.key = key
        super().__init__(
            f"{table}: no row with primary key {key!r}; it was deleted, or the "
            "transaction that inserted it was rolled back. Read it again, or "
            "insert it as a new object."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.key)


class TableInUseError(AtlasError):
    """Tables of another app still reference the tables that would be dropped."""


class SchemaChangeError(AtlasError):
    """A change of the schema that would lose or break rows. Nothing was changed.

    The message says which rows of which table, how many, and what to do.
    """


class MigrationError(AtlasError):
    """Migrations that cannot be run: an id or a file is wrong, or no backup could be made.

    Nothing was changed.
    """


class MigrationFailedError(MigrationError):
    """A migration failed, and the whole run was rolled back: the database is as it was before.

    ``migrations`` holds its app and id; those of the whole run when only the end
    of it showed that something is wrong. What was raised is the ``__cause__``.
    """

    def __init__(self, migrations: Sequence[tuple[str, str]], reason: str) -> None:
        self.migrations = tuple(migrations)
        self.reason = reason
        names = ", ".join(f"{app_name} {id}" for app_name, id in migrations)
        super().__init__(
            f"{names}: {reason} The whole run was rolled back: the database is as it was before."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.migrations, self.reason)


class BackupError(AtlasError):
    """A backup that could not be made, or cannot be restored. The database is as it was."""


class CorruptValueError(AtlasError, ValueError):
    """A stored value that is none of its column's type: another tool wrote it.

    ``table``, ``column``, ``id`` and ``value`` say which. Other rows, and other
    columns of the row, can still be read.
    """

    def __init__(self, table: str, column: str, id: object, value: object) -> None:
        self.table = table
        self.column = column
        self.id = id
        self.value = value
        super().__init__(
            f"{table}.{column}: the row {id!r} holds {shown(value)}, which is not a value of this "
            "column; another tool wrote it. Correct the row, or read other columns or rows."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.column, self.id, self.value)


class ClientError(AtlasError, RuntimeError):
    """A client or connection used where it cannot be: closed, in another event loop, ambiguous."""


class ConnectionClosedError(ClientError):
    """The connection, or the client it belongs to, is closed."""


class PoolTimeoutError(AtlasError, TimeoutError):
    """No connection became free within the acquire timeout. Nothing was run."""

    is_retryable = True


class TransactionLostError(AtlasError, RuntimeError):
    """The transaction is over, and nothing of it was written.

    Its block was left already, or SQLite rolled it back when one of its
    statements was interrupted.
    """


class ConflictError(AtlasError):
    """Another transaction got in the way of this one. Nothing was written; run it again.

    ``db.retry(function)`` and ``db.transaction(retry=3)`` do that.
    """

    is_retryable = True


class SerializationError(ConflictError):
    """Another transaction wrote what this one read (SQLSTATE 40001)."""


class DeadlockError(ConflictError):
    """This transaction and another one waited for each other (SQLSTATE 40P01)."""


class StatementTimeoutError(AtlasError, TimeoutError):
    """A statement took longer than ``statement_timeout_ms``.

    The server stopped it, and nothing of it was written; or the server did not answer, and the
    message says that it is not known.
    """


class DatabaseServerError(AtlasError, ConnectionError):
    """The server of a URL cannot be reached or refused, and nothing was run; or it was lost."""


class TooManyConnectionsError(DatabaseServerError):
    """The server takes no more connections, and this client has none. Nothing was run."""

    is_retryable = True


class ConnectionLostError(DatabaseServerError):
    """The server, an administrator or the network ended a connection.

    The message says what may have been written; ``is_retryable`` is True when nothing was.
    """

    def __init__(self, message: str, is_retryable: bool = False) -> None:
        self.is_retryable = is_retryable
        super().__init__(message)


class TransactionConnectionLostError(ConnectionLostError, TransactionLostError):
    """A connection was lost in a transaction, of which nothing was written."""

    is_retryable = True

    def __init__(self, message: str) -> None:
        super().__init__(message, is_retryable=True)


class DatabaseBusyError(AtlasError, sqlite3.OperationalError):
    """Another process or transaction held a lock for too long. Nothing was written."""

    is_retryable = True


class ReadOnlyError(AtlasError, sqlite3.OperationalError):
    """A write to an SQLite file that was opened with ``read_only``. Nothing was written.

    PostgreSQL says it itself, and asyncpg raises ``ReadOnlySQLTransactionError``.
    """


class DatabaseFileError(AtlasError, sqlite3.OperationalError):
    """The database file cannot be opened, read or written. Nothing was changed."""


class DiskFullError(DatabaseFileError):
    """The disk of the file, or of the server, is full. Nothing of the transaction was written."""
