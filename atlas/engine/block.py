"""The base of blocks: what every transaction and snapshot promises, on both databases.

In: an engine and a block of code. Out: the block's statements on one connection,
which is given back clean however the block is left. This file owns who is in a
block, whose turn it is, the names of savepoints, and how a block is left; a database
adds the few statements it sends (``_begin``, ``_send``, ``_leave_savepoint``,
``_commit``, ``_give_up``). Knows no client and no table.

A block belongs to the context that entered it and to tasks started in it, which
have a copy of that context. While a block nested in it is open, what others run in
the outer block waits: a savepoint undoes whatever was written since, whosever it
is. Leaving never waits on a cancelled task.

The mutable state is touched in the event loop only: ``_connection`` of the outermost
block, ``_nested`` (the open block nested in this one, which has its turn), and how
the block ended (``_is_left``, ``_is_undone``).
"""

from __future__ import annotations

import asyncio
import contextvars
import secrets
import time
import warnings
import weakref
from abc import abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, get_args

from piccolo.engine.base import BaseTransaction, validate_savepoint_name
from piccolo.engine.exceptions import TransactionError

from atlas.engine.statement import only_reads
from atlas.errors import PoolTimeoutError, TransactionLostError

if TYPE_CHECKING:
    from typing import Self

#: Of savepoints that are made here; no caller's own can have such a name.
_PREFIX = f"atlas_{secrets.token_hex(8)}"

_SAVEPOINTS = ("SAVEPOINT", "RELEASE", "ROLLBACK TO")

#: How far a transaction is apart from others. SQLite's are always serializable.
Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

OVER = (
    "The transaction is over: its block was left, or it was committed or rolled back "
    "by hand. A task started inside the block must be awaited inside it."
)


def current_block(engine: Any) -> Any:
    """Return the block of ``engine`` that this context is in; None outside all blocks.

    A block that is over is left by the context that entered it, wherever its end
    came: a generator that is closed by the garbage collector, ``commit()`` by hand.
    For a task that was started inside, such a block is returned, and refuses.
    """
    variable = engine.current_transaction
    while (block := variable.get()) is not None and block.is_over and block._leave_context():
        pass
    return block


class Savepoint:
    """A point within a transaction to which it can be rolled back."""

    def __init__(self, name: str, transaction: Block) -> None:
        validate_savepoint_name(name)
        self.name = name
        self.transaction = transaction

    async def rollback_to(self) -> None:
        """Undo what was written since; the savepoint stays."""
        await self.transaction.execute(f"ROLLBACK TO SAVEPOINT {self.name}")

    async def release(self) -> None:
        """Forget the savepoint; what was written since is part of the transaction."""
        await self.transaction.execute(f"RELEASE SAVEPOINT {self.name}")


class Block(BaseTransaction):
    """``async with``: all or nothing. Inside another block, a savepoint of it."""

    #: Whether a write in it is refused.
    only_reads = False
    engine: Any

    def _prepare(self, engine: Any, allow_nested: bool, isolation: Isolation | None = None) -> None:
        """Set what all blocks have; for constructors, whose bases differ."""
        if isolation is not None and isolation not in get_args(Isolation):
            raise ValueError(
                f"isolation is {isolation!r}; give one of {', '.join(get_args(Isolation))}."
            )
        self.engine = engine
        self.allow_nested = allow_nested
        self.isolation = isolation
        #: The outermost block, which has the connection; this one, unless it is nested.
        self._root: Any = self
        self._parent: Any = None
        self._token: contextvars.Token[Any] | None = None
        self._entered = False
        self._is_left = False
        self._is_undone = False
        #: By ``commit()`` or ``rollback()``, within the block; of the outermost.
        self._is_ended = False
        #: By the end of a generator that was left inside, in a task of the event loop's own.
        self._is_collected = False
        self._turn = asyncio.Lock()
        #: The block nested in this one that is open.
        self._nested: Block | None = None
        #: Who entered it, and when: for those who wait.
        self._task: weakref.ref[asyncio.Task[Any]] | None = None
        self._since = 0.0
        self._savepoint_name = ""
        # Of the outermost block only:
        self._connection: Any = None
        self._savepoints = 0

    @property
    def is_over(self) -> bool:
        """Whether the block was left, or ended by hand. A transaction that was lost is not over:

        the rest of its block is refused, as it was meant to be part of it.
        """
        return self._is_left or self._root._is_ended

    @property
    def is_ended(self) -> bool:
        """Whether it was ended by ``commit()`` or ``rollback()``: its context is outside."""
        return bool(self._root._is_ended)

    @property
    def connection(self) -> Any:
        """The driver's connection of the block; raises ``TransactionLostError`` after it."""
        if self._root._connection is None or self._is_left:
            raise TransactionLostError(OVER)
        return self._root._connection

    async def __aenter__(self) -> Self:
        if self._entered:
            raise TransactionError("This transaction was entered already; make one for each block.")
        parent: Block | None = current_block(self.engine)
        if parent is not None and not self.allow_nested:
            raise TransactionError("A transaction is already active, and allow_nested is False.")
        if parent is not None and self.isolation not in (None, parent._root.isolation):
            raise TransactionError(
                f"A block inside a transaction is as isolated as that one is, and not "
                f"{self.isolation}: give isolation to the outer transaction."
            )
        self._entered = True
        self._is_left = self._is_undone = self._is_ended = False
        task = asyncio.current_task()
        self._task = None if task is None else weakref.ref(task)
        try:
            if parent is None:
                self._root, self._parent = self, None
                await self._begin()
            else:
                await self._begin_nested(parent)
        except BaseException:
            self._entered = False
            raise
        self._since = time.monotonic()
        self._token = self.engine.current_transaction.set(self)
        return self._root  # type: ignore[no-any-return]

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._entered, self._is_left = False, True
        self._is_collected = isinstance(exception, GeneratorExit) and self._is_other_task()
        self._leave_context()
        if exception is not None:
            self._is_undone = True
        if self._parent is not None:
            await self._leave_nested(self._parent, exception)
        elif self._connection is None:
            pass  # committed or rolled back by hand
        elif exception is None:
            await self._finish()
        else:
            await self._give_up(exception)
        if self._is_collected:
            warnings.warn(
                "A generator was left inside its transaction() or snapshot(), which was rolled "
                "back when Python collected the generator. Use: async with "
                "contextlib.aclosing(generator) as rows",
                ResourceWarning,
                stacklevel=2,
            )
        return False

    # Piccolo's own names for what can be done within the block.

    async def begin(self) -> None:
        """Get a connection and begin, as entering the block does, without being in it."""
        await self._begin()

    async def commit(self) -> None:
        """Commit now. Queries in the rest of the block run by themselves."""
        _ = self.connection
        await self._root._finish()
        self._root._is_ended = True

    async def rollback(self) -> None:
        """Roll back now. Queries in the rest of the block run by themselves."""
        _ = self.connection
        self._root._is_undone = True
        await self._root._roll_back()
        self._root._is_ended = True

    async def savepoint(self, name: str | None = None) -> Savepoint:
        """Make a savepoint; its name is made up when it is left out."""
        savepoint = Savepoint(name or self._new_name(), self)
        await self.execute(f"SAVEPOINT {savepoint.name}")
        return savepoint

    async def rollback_to(self, savepoint_name: str) -> None:
        """Roll back to a savepoint of this transaction by its name."""
        await Savepoint(savepoint_name, self).rollback_to()

    @abstractmethod
    async def execute(self, sql: str, parameters: Any = ()) -> Any:
        """Run one statement in the transaction and return its rows."""

    async def in_turn(self) -> Block:
        """Wait until no other task is in a block nested in the caller's; return the caller's.

        Raises ``PoolTimeoutError`` after the acquire timeout, and says who is in it.
        """
        current = self.engine.current_transaction.get()
        block = current if current is not None and current._root is self._root else self
        if block._turn.locked():
            await block._take_turn("This statement")
            block._turn.release()
        return block

    def check_not_undone(self) -> None:
        """Raise ``TransactionLostError`` if the block was undone while a statement of it ran."""
        block: Block | None = self
        while block is not None:
            if block._is_undone:
                raise TransactionLostError(
                    "The block of this statement was left while it ran, and rolled back with it: "
                    "nothing of it is stored. An async generator that is left early ends its "
                    "block; close it with contextlib.aclosing()."
                )
            block = block._parent

    def check_reads(self, sql: str) -> None:
        """Raise ``TransactionError`` for a write in a block that only reads."""
        if self._root.only_reads and not only_reads(sql) and not sql.startswith(_SAVEPOINTS):
            raise TransactionError(f"A snapshot only reads; it does not run: {sql[:100]}")

    # What a database adds; of the outermost block.

    @abstractmethod
    async def _begin(self) -> None:
        """Get a connection and begin; afterwards ``_connection`` is set, or it raises."""

    @abstractmethod
    async def _send(self, sql: str) -> None:
        """Run a statement of ours, whosever turn it is."""

    @abstractmethod
    async def _leave_savepoint(self, block: Block, error: BaseException | None) -> None:
        """Release the savepoint of a nested block, or undo it; then call its ``_end_turn``.

        With an error it is undone, and nothing is waited for if that is a cancel.
        Without one it is undone as well if releasing fails or is cancelled.
        """

    @abstractmethod
    async def _finish(self) -> None:
        """Commit, but for a nested block that is still open, and give the connection back."""

    @abstractmethod
    async def _roll_back(self) -> None:
        """Roll back and give the connection back."""

    @abstractmethod
    async def _give_up(self, error: BaseException) -> None:
        """Roll back and give the connection back; wait for nothing if ``error`` is a cancel."""

    # Nested blocks.

    def _new_name(self) -> str:
        root = self._root
        root._savepoints += 1
        return f"{_PREFIX}_{root._savepoints}"

    async def _begin_nested(self, parent: Block) -> None:
        _ = parent.connection  # raises when it is over
        await parent._take_turn("A nested block")
        parent._nested = self
        self._root, self._parent = parent._root, parent
        self._savepoint_name = self._new_name()
        try:
            await self._root._send(f"SAVEPOINT {self._savepoint_name}")
        except BaseException:
            self._end_turn()
            raise

    async def _leave_nested(self, parent: Block, error: BaseException | None) -> None:
        if self._root._connection is not None and not parent._is_left:
            await self._root._leave_savepoint(self, error)
            return
        self._end_turn()
        if error is None and not self._root._is_ended:  # the outer block's end undid this one
            raise TransactionLostError(OVER)

    async def _take_turn(self, what: str) -> None:
        """Wait until no other task is in a block nested in this one."""
        timeout_ms = self.engine.options.acquire_timeout_ms
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await self._turn.acquire()
        except TimeoutError:
            raise PoolTimeoutError(
                f"{what} waited for its turn for more than {timeout_ms} ms (acquire_timeout_ms): "
                f"{self._describe_nested()}. Statements and nested blocks of the outer "
                "transaction run when that block is left; shorten it, or raise the timeout."
            ) from None

    def _end_turn(self) -> None:
        """Let others run in the outer block again."""
        parent = self._parent
        if parent is not None and parent._nested is self:
            parent._nested = None
            parent._turn.release()

    def _open_nested(self) -> Block | None:
        """Return a nested block that is still open as this one ends, which undoes it.

        It is in another task that was not awaited: it never ended well.
        """
        if self._nested is not None:
            self._nested._is_undone = True
        return self._nested

    def _describe_nested(self) -> str:
        nested = self._nested
        task = nested._task() if nested is not None and nested._task is not None else None
        if nested is None or task is None:
            return "another task was in a nested block of the same transaction"
        seconds = time.monotonic() - nested._since if nested._since else 0.0
        return (
            f"another task ({task.get_name()}) was in a nested block of the same transaction, for "
            f"{seconds * 1000:.0f} ms"
        )

    # Contexts.

    def _leave_context(self) -> bool:
        """Let this context be in the outer block again; return False if it is not the one.

        A ``ContextVar`` tells: its token is of the context that entered the block, and
        no other, not even a copy, can use it.
        """
        token, variable = self._token, self.engine.current_transaction
        if token is None:
            return False
        try:
            variable.reset(token)
        except (ValueError, RuntimeError):  # of another context; used in its own already
            if not self._is_collected:
                return False
            # Tasks that were started after a generator was left have a copy of its context, too.
            outer = token.old_value
            variable.set(None if outer is contextvars.Token.MISSING else outer)
            return True
        if not self._is_collected:
            self._token = None
        return True

    def _is_other_task(self) -> bool:
        """Return whether another task is running than the one that entered the block."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return False
        return task is not None and self._task is not None and self._task() is not task


def is_cancel(error: BaseException) -> bool:
    """Return whether a block that ends with ``error`` must not wait for anything."""
    return not isinstance(error, Exception)
