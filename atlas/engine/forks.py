"""Forks: a child process, and the database files that its parent has open.

In: connections, as they open and close their files. Out: ``ClientError`` in a
child that would open such a file. The state is which connections are open.

SQLite keeps a list of the files a process has open and of its locks on them. A
forked child inherits the list and not the locks. Even a connection that the
child opens itself then believes to hold locks that it has not: when the parent
closes the file, the -wal file goes, and what the child commits afterwards is lost
without an error. Only a file that was closed when the process was forked can be
opened in the child. To close an inherited connection is wrong as well, so those
are kept, untouched, as long as the child lives.
(https://www.sqlite.org/howtocorrupt.html, "Carrying an open database connection
across a fork")
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from atlas.errors import ClientError


class _User(Protocol):
    @property
    def is_busy(self) -> bool:
        """Whether SQLite works for it."""


#: A file by its device and inode.
Identity = tuple[int, int]

#: Who has a file open, and which; None while it is being opened or closed.
_open: dict[_User, Identity | None] = {}

#: Who had one open in the parent.
_inherited: dict[_User, Identity | None] = {}

#: Whether SQLite was at work in another thread of the parent, which may have held a lock
#: of SQLite's memory that nobody releases here.
_is_stuck = False


def opening(user: _User, path: str, identity: Identity | None) -> None:
    """Say that ``user`` is about to open a file.

    Raises ``ClientError`` in a forked child when it must not be opened there.
    """
    if _is_stuck or (identity is not None and identity in _inherited.values()):
        raise ClientError(
            f"{path}: cannot be opened in this process, which was forked while its parent had "
            f"{'a query running' if _is_stuck else 'the file open'}; SQLite would lose what is "
            "written here. Close the parent's client before the fork, or start the process "
            "another way: multiprocessing.get_context('spawn')."
        )
    _open[user] = None


def opened(user: _User, identity: Identity | None) -> None:
    """Say that ``user`` has the file open."""
    _open[user] = identity


def closing(user: _User) -> None:
    """Say that ``user`` is about to close its file."""
    _open[user] = None


def closed(user: _User) -> None:
    """Say that ``user`` has no file open any more."""
    _open.pop(user, None)


def uses(identity: Identity | None) -> bool:
    """Return whether this process has a file open, or is about to open or close one."""
    return any(each is None or each == identity for each in list(_open.values()))


def in_child(function: Callable[[], None]) -> None:
    """Call ``function`` in each forked child, before anything else runs there."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
        os.register_at_fork(after_in_child=function)


def before(function: Callable[[], None]) -> None:
    """Call ``function`` before this process is forked."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=function)


@in_child
def _inherit() -> None:
    global _is_stuck
    _is_stuck = _is_stuck or any(
        identity is None or user.is_busy for user, identity in _open.items()
    )
    _inherited.update(_open)
    _open.clear()
