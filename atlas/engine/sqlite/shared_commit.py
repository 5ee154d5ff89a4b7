"""Writes that wait for the writer at the same moment, in one transaction.

In: jobs, each one write by itself, in the writer's thread. Out: each job's rows or its own error,
after the one commit that makes all of them durable. Nobody waits for company: what is queued as
the writer becomes free is taken, up to a bound in number and time. An error undoes the statement
it is of, and no other. Whatever undoes all of them, as a full disk, an interrupt, RAISE(ROLLBACK)
or a COMMIT that fails, lets each run again by itself, as if there had been no company: none has
been answered by then, and nothing of the first attempt is left.

Knows no event loop and no pool. The state is which statements proved to be long.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from atlas.engine.sqlite.errors import primary_code
from atlas.engine.sqlite.handle import Handle, Rows
from atlas.errors import DatabaseBusyError, DatabaseFileError

#: No other write joins after this time: those that have run wait for their answer.
_LONGEST_S = 0.01

#: A statement that kept the processor busy for longer is run by itself for a while, so that no
#: other waits for it.
_LONG_S = 0.005
_ALONE_S = 10.0

#: So many long statements are known.
_MOST_KNOWN = 512

#: Those whose every effect ends with their statement or their transaction.
_SHARED = ("INSERT", "UPDATE", "DELETE", "REPLACE")

#: Errors after which SQLite may have undone the whole transaction, or advises to do so
#: (https://www.sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
_UNDOING = frozenset(
    (
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM),
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CORRUPT),
    )
)

Result = tuple[Any, BaseException | None]


class Write(NamedTuple):
    """One statement that writes, outside a block."""

    sql: str
    parameters: Sequence[Any]
    floats: Sequence[str]

    def alone(self, handle: Handle) -> Rows:
        """Run it in a transaction of its own."""
        return handle.execute_alone(self.sql, self.parameters, self.floats)

    def inside(self, handle: Handle) -> Rows:
        """Run it in the transaction that it shares."""
        return handle.execute_inside(self.sql, self.parameters, self.floats)


class Running(Protocol):
    """What a thread runs."""

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for it any more."""


class WriteJob(Running, Protocol):
    """A job of the writer's that somebody waits for, and that may share a commit."""

    @property
    def write(self) -> Write:
        """The statement."""


class _Together:
    """What runs while no single job does, so that no cancel interrupts it."""

    def __init__(self, jobs: Sequence[WriteJob]) -> None:
        self._jobs = jobs

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for any of the jobs."""
        return all(job.cancelled for job in self._jobs)


class _UndoneError(Exception):
    """Nothing of the transaction is left, and each of its jobs is to run by itself."""


class SharedCommits:
    """The commits of one writer, of up to ``most`` writes each."""

    def __init__(self, most: int) -> None:
        self._most = most
        #: Until when a statement is run by itself. Only the writer's thread adds to it.
        self._long: dict[str, float] = {}
        #: Whether the schema allows it, and of which version of it that is known.
        self._known: tuple[int, bool] = (-1, False)

    def write(self, sql: str, parameters: Sequence[Any], floats: Sequence[str]) -> Write | None:
        """Return the statement if it may share a commit."""
        if not sql.startswith(_SHARED):
            return None
        if sql in self._long and time.monotonic() < self._long[sql]:
            return None
        return Write(sql, parameters, floats)

    def run(
        self,
        handle: Handle,
        jobs: list[WriteJob],
        following: Callable[[], WriteJob | None],
        now_runs: Callable[[Running], None],
        answer: Callable[[WriteJob, Result], None],
    ) -> None:
        """Run ``jobs``, and what ``following`` gives, and ``answer`` each when it is durable.

        ``jobs`` gets all of them. ``now_runs`` is told what runs: a job, which may be
        interrupted, or what they share, which may not.
        """
        together = _Together(jobs)

        def run(job: WriteJob, function: Callable[[Handle], Rows]) -> Result:
            now_runs(job)
            try:
                return (None, None) if job.cancelled else (function(handle), None)
            except BaseException as error:
                return None, error
            finally:
                now_runs(together)

        now_runs(together)
        try:
            results = self._together(handle, jobs, following, run)
        except DatabaseBusyError as error:  # each has waited for the lock
            for job in jobs:
                answer(job, (None, DatabaseBusyError(*error.args)))
        except _UndoneError:
            for job in jobs:
                answer(job, run(job, job.write.alone))
        else:
            for job, result in zip(jobs, results, strict=True):
                answer(job, result)

    def _together(
        self,
        handle: Handle,
        jobs: list[WriteJob],
        following: Callable[[], WriteJob | None],
        run: Callable[[WriteJob, Callable[[Handle], Rows]], Result],
    ) -> list[Result]:
        """Run the jobs in one transaction; when it is undone, raise ``_UndoneError``."""
        start = time.monotonic()
        self._begin(handle)
        results: list[Result] = []
        for job in jobs:  # which grows
            began = time.thread_time()
            result = run(job, job.write.inside)
            results.append(result)
            if result[1] is not None and _undoes_all(handle, result[1]):
                handle.rollback()
                raise _UndoneError
            if time.thread_time() - began > _LONG_S:
                self._note_long(job.write.sql)
            if len(results) == len(jobs) < self._most and time.monotonic() - start < _LONGEST_S:
                jobs += filter(None, [following()])
        try:
            handle.commit()
        except Exception as error:
            raise _UndoneError from error
        return results

    def _begin(self, handle: Handle) -> None:
        try:
            handle.execute("BEGIN IMMEDIATE")
            allowed = self._allows(handle)
        except DatabaseBusyError:
            raise
        except Exception as error:
            handle.rollback()
            raise _UndoneError from error
        if not allowed:
            handle.rollback()
            raise _UndoneError

    def _allows(self, handle: Handle) -> bool:
        """Return whether a write has the same result with others as by itself.

        A reference that is checked at the end of the transaction would be satisfied by
        another's row.
        """
        ((version,),) = (row.values() for row in handle.execute("PRAGMA schema_version"))
        if self._known[0] != version:
            deferred = "SELECT 1 FROM sqlite_master WHERE sql LIKE '%DEFERR%' LIMIT 1"
            self._known = version, not handle.execute(deferred)
        return self._known[1]

    def _note_long(self, sql: str) -> None:
        if len(self._long) >= _MOST_KNOWN:
            self._long = {}
        self._long[sql] = time.monotonic() + _ALONE_S


def _undoes_all(handle: Handle, error: BaseException) -> bool:
    return (
        not isinstance(error, Exception)
        or not handle.is_in_transaction
        or isinstance(error, DatabaseFileError | DatabaseBusyError)  # translated
        or (isinstance(error, sqlite3.Error) and primary_code(error) in _UNDOING)
    )
