"""Short reads, run where they are asked for, without a thread.

In: the SQL of a read. Out: its rows, or nothing, and then a reader's thread is to run it. To
wake a thread and be woken takes longer than to read a row, so a read is tried here first, on a
connection of its own, under a guard: SQLite ends it when it has taken its budget of time. What
proved to be long is not tried for a while, and nothing is while the file answers slowly. It
waits for no lock, and whatever fails is run again by a reader, whose error is the one to see.

The state is the connection, behind a lock, as the sync client reads from any thread, and what
proved to be long. Knows no pool and no transaction.
"""

from __future__ import annotations

import asyncio
import operator
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from time import perf_counter

from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.connection import Result
from atlas.engine.sqlite.files import Files
from atlas.engine.sqlite.handle import Handle, Rows

#: How long a statement that took too long, so often in a row, goes to the threads at once. Once
#: is not enough: another process may have had the processor meanwhile.
_LONG_S = 1.0
_TOO_OFTEN = 3

#: How long all of them do, after one that waited for the disk.
_REST_S = 0.25

#: So many long statements are known.
_MOST_KNOWN = 512

#: SQLite looks at the clock after so many of its steps, a few for each value: some 10 µs.
_STEPS = 200

#: A longer text takes too long to compile.
_LONGEST_TEXT = 4_000

#: Others that only read, as EXPLAIN, may change a setting.
_TRIED = ("SELECT", "WITH", "VALUES")


#: Whether the query that runs is a plain thread's, which no event loop serves.
in_thread: ContextVar[bool] = ContextVar("atlas_in_thread", default=False)


class NotInlineError(Exception):
    """What a plain thread asks for is to be run by the event loop, which has threads for it."""


class InlineReader:
    """A connection for reads of at most ``options.inline_reads`` milliseconds."""

    def __init__(self, path: str, options: EngineOptions, files: Files) -> None:
        # It waits for no lock: not even the slice of time that SQLite itself waits.
        options = replace(options, busy_timeout_ms=0)
        self.handle = Handle(files, options, reader=True, owner=self)
        self._budget_s = options.inline_reads / 1000
        self._lock = threading.Lock()
        self._is_open = False
        self._closed = False
        #: How often a statement took too long, and until when it is not tried.
        self._long: dict[str, tuple[int, float]] = {}
        self._rests_until = 0.0
        #: How often each thread had waited for the disk.
        self._disk_reads = threading.local()
        #: When what runs now has taken its budget.
        self._deadline = [0.0]
        #: How many reads of plain threads it answered.
        self.thread_reads = 0
        #: Since when the event loop runs nothing else, if it does.
        self._streak: float | None = None

    # What an owner of a handle is.

    @property
    def is_busy(self) -> bool:
        """Whether something runs."""
        return self._lock.locked()

    @property
    def is_given_up(self) -> bool:
        """Always: no lock is waited for."""
        return True

    @property
    def is_open(self) -> bool:
        """Whether there is a connection to read from."""
        return self._is_open

    def stop(self) -> None:
        """Let nobody use the connection again."""
        self._closed = True

    # Reading.

    async def in_loop(
        self, sql: str, parameters: Sequence[object], floats: Sequence[str]
    ) -> Rows | None:
        """Like ``read``, from the event loop, in which others have their turn between reads."""
        now = perf_counter()
        if self._streak is None:
            if not self._is_open:
                self._has_waited_for_disk()
            self._streak = now
            asyncio.get_running_loop().call_soon(self._end_streak)
        elif now - self._streak > self._budget_s:
            await asyncio.sleep(0)
        return self.read(sql, parameters, floats)

    def read(self, sql: str, parameters: Sequence[object], floats: Sequence[str]) -> Rows | None:
        """Return the rows of a statement that only reads; None where a thread is to run it."""
        start = perf_counter()
        if not self._is_open or not self._tries(sql, start):
            return None
        # Others hold it for their budget at most. A signal's handler or a __del__ may come while
        # its own thread holds it, and would wait for itself.
        if not self._lock.acquire(timeout=2 * self._budget_s):
            return None
        try:
            if self._closed or not self._is_open:
                return None
            start = perf_counter()
            self._deadline[0] = start + self._budget_s
            try:
                rows = self.handle.read_now(sql, parameters, floats)
            except Exception:
                rows = None
            if rows is not None and in_thread.get():
                self.thread_reads += 1
        finally:
            self._lock.release()
        if perf_counter() - start > self._budget_s:
            self._note_long(sql)
        elif sql in self._long:
            self._long.pop(sql, None)
        return rows

    def opening(self, work: Callable[[Handle], Result]) -> Callable[[Handle], Result]:
        """Return ``work`` for a reader's thread, which opens this connection too if it is not."""
        if self._is_open or perf_counter() < self._rests_until:
            return work

        def work_and_open(handle: Handle) -> Result:
            result = work(handle)
            self._open()
            return result

        return work_and_open

    def close(self) -> None:
        """Close the connection. Safe to repeat."""
        self._closed = True
        with self._lock:
            self._is_open = False
            self.handle.close()

    def _tries(self, sql: str, now: float) -> bool:
        if now < self._rests_until or len(sql) > _LONGEST_TEXT or not sql.startswith(_TRIED):
            return False
        times, until = self._long.get(sql, (0, 0.0))
        return times < _TOO_OFTEN or now >= until

    def _note_long(self, sql: str) -> None:
        now = perf_counter()
        if self._has_waited_for_disk():
            self._rests_until = now + _REST_S
            return
        if len(self._long) >= _MOST_KNOWN:
            self._long.clear()
        times, _ = self._long.get(sql, (0, 0.0))
        self._long[sql] = times + 1, now + _LONG_S

    def _has_waited_for_disk(self) -> bool:
        """Return whether this thread has read from the disk since it last asked."""
        here = self._disk_reads
        before, here.count = getattr(here, "count", None), _disk_reads()
        return before is not None and here.count > before

    def _end_streak(self) -> None:
        self._streak = None

    def _open(self) -> None:
        """Open the connection and read the schema; without one all reads go to the threads."""
        with self._lock:
            if self._is_open or self._closed:
                return
            try:
                database = self.handle.open()
            except Exception:
                self.handle.close()
                self._rests_until = perf_counter() + _REST_S
                return
            # All of it in C: in Python an exception of a signal's handler could come here, and
            # SQLite would lose it.
            clock, deadline = iter(perf_counter, None), partial(self._deadline.__getitem__, 0)
            is_over = map(operator.gt, clock, iter(deadline, None)).__next__
            database.set_progress_handler(is_over, _STEPS)
            self._is_open = True


def _disk_reads() -> int:
    """Return how often this thread has waited for the disk; 0 where it is not known."""
    try:
        import resource

        use = resource.getrusage(resource.RUSAGE_THREAD)
    except (ImportError, AttributeError):  # on Windows, on macOS
        return 0
    return use.ru_majflt + use.ru_inblock
