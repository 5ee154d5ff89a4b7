"""From plain threads into an event loop.

In: awaitables, from any thread. Out: what they give, in the thread that asked,
which waits. Knows no database.

The loop runs in a thread of its own, inside anyio's ``BlockingPortal``, which
starts and stops it. A call does not take the portal's ``call``: that one waits
twice for the loop, cannot wait for a call it has cancelled, and waits for ever
when the loop ends before it has answered.

The mutable state is ``_calls``, those that have not ended. A thread adds its
call, then tells the loop; those that are left when the loop has ended are ended.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from atlas.errors import ClientError, ConnectionClosedError

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

Result = TypeVar("Result")
Answer = TypeVar("Answer")

#: How long a thread waits before it looks whether it was interrupted. A signal wakes it at once,
#: but not on Windows, and ``_thread.interrupt_main()`` does not anywhere.
_INTERRUPTIBLE_S = 0.2


class Call(Generic[Result]):
    """An awaitable that is run in the loop while a thread waits for it.

    ``inside`` is the block it is in, if any; what is not ``stoppable`` is never
    cancelled. The thread's mailbox brings functions to call meanwhile, and None
    at the end.
    """

    def __init__(
        self, awaitable: Awaitable[Result], *, inside: object = None, stoppable: bool = True
    ) -> None:
        self.inside = inside
        self.stoppable = stoppable
        self._awaitable = awaitable
        self._mailbox: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._task: asyncio.Task[None] | None = None
        self._has_begun = False
        self._has_ended = False
        self._is_cancelled = False
        self._reason: Exception | None = None
        self._result: Any = None
        self._error: BaseException | None = None

    # In the loop.

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task that runs it; None when there is none, or none any more."""
        return None if self._task is None or self._task.done() else self._task

    def start(self, loop: asyncio.AbstractEventLoop, context: contextvars.Context) -> None:
        """Begin, in ``context``."""
        if not self._has_ended:
            self._task = loop.create_task(self._run(), context=context)

    def cancel(self, reason: Exception | None = None) -> None:
        """Cancel it, if it is stoppable or not started; the thread gets ``reason``."""
        if self._task is None:
            self.end(reason or asyncio.CancelledError())
        elif self.stoppable:
            self._reason = reason
            self._is_cancelled = True
            if self._has_begun:  # else the task would end without a word
                self._task.cancel()

    async def ask(self, function: Callable[[], Answer]) -> Answer:
        """Call ``function`` in the thread that waits, and return what it returns."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def call() -> None:
            result: Any = None
            error: Exception | None = None
            try:
                result = function()
            except Exception as raised:  # what else there is ends the wait
                error = raised
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_answer, answer, result, error)

        self._mailbox.put(call)
        return await answer

    async def _run(self) -> None:
        self._has_begun = True
        error: BaseException | None = None
        try:
            if self._is_cancelled:
                raise asyncio.CancelledError
            self._result = await self._awaitable
        except asyncio.CancelledError as raised:
            error = self._reason or raised
        except BaseException as raised:  # SystemExit too, which would end the loop
            error = raised
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """Say that it has ended, with ``error`` unless it went well. Safe to repeat."""
        if not self._has_ended:
            self._has_ended = True
            self._error = error
            _drop(self._awaitable)  # it was cancelled, or refused, before it began
            self._mailbox.put(None)

    # In the thread.

    def wait(
        self, start: Callable[[], object], cancel: Callable[[], object], wake: Callable[[], object]
    ) -> Result:
        """Let the loop ``start`` it; wait for its end; return its result, or raise its error.

        What interrupts this, as Ctrl-C does, lets the loop ``cancel`` it, and is
        raised when it has ended; a second interrupt is raised at once.
        """
        try:
            start()
            while (function := self._next(wake)) is not None:
                function()
        except BaseException:
            cancel()
            while not self._has_ended:  # the interrupt may have swallowed what was in the mailbox
                self._next(wake)
            raise
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # its traceback holds this frame
        return self._result  # type: ignore[no-any-return]

    def _next(self, wake: Callable[[], object]) -> Callable[[], object] | None:
        while True:
            try:
                return self._mailbox.get(timeout=_INTERRUPTIBLE_S)
            except Empty:  # Python has had the chance to interrupt this thread
                # A signal's handler may have come between saying that the loop is woken, and
                # waking it; and what it asks for waits for the same.
                wake()


class Bridge:
    """An event loop in a thread of its own, for calls from other threads.

    ``what`` says in errors whose it is.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._pid = os.getpid()
        self._calls: set[Call[Any]] = set()
        #: What the loop is to do next, and whether it was woken for it: to wake it costs
        #: more than a short call.
        self._inbox: deque[Callable[[], object]] = deque()
        self._is_woken = False
        #: Tasks that no thread waits for.
        self._unasked: set[asyncio.Task[object]] = set()
        self._started = threading.Event()
        self._is_stopped = False
        self._has_ended = False
        #: Why it could not start.
        self._fault: Exception | None = None
        self._portal: BlockingPortal | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Whether only last calls begin.
        self._is_ending = False
        # A daemon: a bridge that nobody stopped does not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="atlas-loop", daemon=True)

    def start(self) -> None:
        """Start the loop, and wait until it runs; raise ``ClientError`` if it cannot."""
        try:
            self._thread.start()
        except RuntimeError as error:
            self._fault = error
        else:
            self._started.wait()
        if self._fault is not None:
            raise ClientError(
                f"{self._what} cannot be opened: the process could not start an event loop in a "
                f"thread for it ({self._fault}). It has reached a limit of threads, open files or "
                "memory."
            ) from self._fault

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked from the one that has the loop."""
        return self._pid != os.getpid()

    def check(self) -> None:
        """Raise ``ClientError`` in a forked process, and where an event loop would be blocked."""
        if self.is_inherited:
            raise ClientError(
                f"{self._what} was opened before this process was forked; its thread and its "
                "connections are the parent's. Open a client in the child; one of the same SQLite "
                "file only in a process that was started another way, as multiprocessing's spawn."
            )
        if is_in_event_loop():
            raise ClientError(
                f"{self._what} is for plain threads, and an event loop runs in this one, which it "
                "would block. Use: async with create_client(). Or call this in a thread, with "
                "asyncio.to_thread()."
            )

    def run(
        self, call: Call[Result], context: contextvars.Context, *, last: bool = False
    ) -> Result:
        """Run ``call`` in the loop, in ``context``, wait for it, and return its result.

        After ``refuse_calls`` only a ``last`` one is run. Raises ``ClientError``
        as ``check`` does, and ``ConnectionClosedError`` when the loop has ended.
        """
        try:
            self.check()
            if self._loop is None:
                raise self.closed()
        except ClientError:
            call.end()
            raise
        self._calls.add(call)
        try:
            return call.wait(
                lambda: self._soon(partial(self._start, call, context, last), call),
                lambda: self._soon(call.cancel, call),
                self._wake,
            )
        finally:
            self._calls.discard(call)

    def soon(self, make: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run the coroutine that ``make`` returns, if the loop still runs. Waits for nothing."""
        if not self.is_inherited:
            self._soon(partial(self._start_unasked, make))

    def stop(self, timeout_s: float | None = None) -> None:
        """End the loop and its thread; who waits for a call gets ``ConnectionClosedError``."""
        self._is_stopped = True
        self._soon(self._stop)
        if self._thread.is_alive():  # else Ctrl-C came before it began, and it ends at once
            self._thread.join(timeout_s)

    def closed(self) -> ConnectionClosedError:
        """Return the error of those who come too late."""
        return ConnectionClosedError(f"{self._what} is closed.")

    # In the loop.

    def refuse_calls(self) -> list[Call[Any]]:
        """Begin no call any more, but the last ones; return those that run."""
        self._is_ending = True
        return [call for call in self._calls.copy() if call.task is not None]

    async def wait_for_unasked(self) -> None:
        """Wait for what nobody waits for, but the task that asks."""
        if others := self._unasked - {asyncio.current_task()}:
            await asyncio.wait(others)

    def _read_inbox(self) -> None:
        self._is_woken = False  # first, so that nothing stays in the inbox unseen
        while self._inbox:
            self._inbox.popleft()()

    def _start(self, call: Call[Any], context: contextvars.Context, last: bool) -> None:
        if self._is_ending and not last:
            call.end(self.closed())
        else:
            call.start(asyncio.get_running_loop(), context)

    def _start_unasked(self, make: Callable[[], Coroutine[Any, Any, object]]) -> None:
        task = asyncio.get_running_loop().create_task(make())
        self._unasked.add(task)
        task.add_done_callback(self._unasked.discard)

    def _stop(self) -> None:
        if self._portal is not None:
            self._start_unasked(self._portal.stop)

    async def _main(self) -> None:
        from anyio.from_thread import BlockingPortal

        async with BlockingPortal() as portal:
            self._loop, self._portal = asyncio.get_running_loop(), portal
            self._started.set()
            if not self._is_stopped:  # before there was a loop to be told
                await portal.sleep_until_stopped()

    # In any thread.

    def _soon(self, function: Callable[[], object], call: Call[Any] | None = None) -> None:
        """Call ``function`` in the loop. When that has ended, ``call`` is ended."""
        if self._loop is None:
            return
        self._inbox.append(function)
        if not self._is_woken:
            try:
                self._is_woken = True
                self._loop.call_soon_threadsafe(self._read_inbox)
            except BaseException as error:  # Ctrl-C, or the loop is closed
                self._is_woken = False
                if not isinstance(error, RuntimeError):
                    raise
        if self._has_ended and call is not None:
            call.end(self.closed())

    def _wake(self) -> None:
        """Let the loop read its inbox, whether it was told before or not."""
        if self._loop is not None and self._inbox:
            with suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(self._read_inbox)

    def _work(self) -> None:
        try:
            import anyio  # most programs never start a bridge

            anyio.run(self._main, backend="asyncio")
        except (OSError, MemoryError, RuntimeError) as error:
            if self._started.is_set():
                raise
            self._fault = error  # the loop could not be made, and whoever waits for it is told
        finally:
            self._has_ended = True  # first: a call that is added later ends itself
            self._started.set()
            with suppress(KeyError):  # until the set is empty
                while True:
                    self._calls.pop().end(self.closed())


def is_in_event_loop() -> bool:
    """Return whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _drop(awaitable: Awaitable[object]) -> None:
    """Close a coroutine that nobody will await, so that Python does not warn of it."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _answer(answer: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if answer.done():  # whoever asked was cancelled
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
