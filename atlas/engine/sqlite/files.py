"""The files of a database: which they are, and whether they are still there.

In: the path of a database. Out: nothing, or ``DatabaseFileError`` when another program removed
or replaced the file, or the -wal or -shm beside it, while connections have it open. SQLite does
not look: it goes on writing into a file that has no name any more, and what it answers is lost;
or puts what belongs to the old file into the new one.

The state is what was found when the first connection opened, behind a lock. Knows no SQL.
https://www.sqlite.org/howtocorrupt.html, "Unlinking or renaming a database file while in use"
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from atlas.errors import DatabaseFileError

MEMORY = ":memory:"

#: A file by its device and inode.
Identity = tuple[int, int]

_BESIDE = ("-wal", "-shm")

#: A folder whose last change is younger may have changed once more within the same tick of the
#: file system's clock.
_SETTLED_NS = 100_000_000


def identity_of(path: str) -> Identity | None:
    """Return what tells a file from another that had or has its name; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class Files:
    """A database file with its -wal and -shm, as the connections of one pool opened them.

    ``shares`` says that the files beside it are ours as much as anybody's; a connection that
    only looks leaves them to those who write.
    """

    def __init__(self, path: str, *, shares: bool = True) -> None:
        self.path = path
        self._shares = shares
        # Reentrant: the garbage collector may close a connection anywhere.
        self._lock = threading.RLock()
        self._users = 0
        self._database: Identity | None = None
        #: SQLite puts these beside the file itself, not beside a link to it.
        self._beside_path = os.path.realpath(path)
        self._beside: dict[str, Identity] = {}
        #: The folder, as it was when all was found in its place.
        self._folder = os.path.dirname(self._beside_path)
        self._seen: tuple[int, int, int] | None = None

    def opened(self) -> None:
        """Count one more connection that has them open."""
        with self._lock:
            self._users += 1
            if self._database is None:
                self._database = identity_of(self.path)
            self._look_beside()

    def closed(self) -> None:
        """Count one less. The last one takes the -wal and -shm along."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self.forget_beside()

    def forget_beside(self) -> None:
        """Expect other files beside the database: the journal mode was changed."""
        with self._lock:
            self._beside.clear()
            self._seen = None

    def check(self) -> None:
        """Raise ``DatabaseFileError`` if another program removed or replaced one of them.

        It takes one stat of the folder as long as no file came to it or went.
        """
        if self.path == MEMORY or self._database is None:
            return
        folder = self._look_at_folder()
        if folder is not None and folder == self._seen:
            return
        self._check_each()
        self._seen = folder

    def _look_at_folder(self) -> tuple[int, int, int] | None:
        """Return what changes with the names in the folder; None if that is not to be relied on."""
        if self._beside_path != self.path:  # the link may be changed
            return None
        try:
            status = os.stat(self._folder)
        except OSError:
            return None
        if time.time_ns() - status.st_mtime_ns < _SETTLED_NS:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns

    def _check_each(self) -> None:
        if (found := identity_of(self.path)) != self._database:
            raise DatabaseFileError(self._said(self.path, found is None))
        for suffix in _BESIDE:
            expected = self._beside.get(suffix)
            if expected is None:
                if self._shares and self._users:
                    self._look_beside()
            elif (found := identity_of(f"{self._beside_path}{suffix}")) != expected:
                if not self._users:  # SQLite removed it, and others may have made another
                    self.forget_beside()
                    continue
                raise DatabaseFileError(self._said(f"{self._beside_path}{suffix}", found is None))

    @property
    def are_there(self) -> bool:
        """Whether ``check`` raises nothing."""
        try:
            self.check()
        except DatabaseFileError:
            return False
        return True

    @property
    def database_is_replaced(self) -> bool:
        """Whether another file has the name of the database."""
        return identity_of(self.path) not in (None, self._database)

    @property
    def beside_is_replaced(self) -> bool:
        """Whether another file has the name of the -wal or the -shm."""
        return any(
            identity_of(f"{self._beside_path}{suffix}") not in (None, expected)
            for suffix, expected in self._beside.items()
        )

    def remove_beside_another(self) -> None:
        """Remove the -wal and the -shm if the database they belong to has their name no more."""
        if identity_of(self.path) == self._database:
            return
        for suffix, expected in self._beside.items():
            if identity_of(name := f"{self._beside_path}{suffix}") == expected:
                with contextlib.suppress(OSError):
                    os.unlink(name)

    def _look_beside(self) -> None:
        if not self._shares:
            return
        with self._lock:
            for suffix in _BESIDE:
                if suffix not in self._beside:
                    found = identity_of(f"{self._beside_path}{suffix}")
                    if found is not None:
                        self._beside[suffix] = found

    def _said(self, name: str, is_gone: bool) -> str:
        what = (
            "there is no such file any more: another program removed or moved it"
            if is_gone
            else "is another file now: another program replaced it"
        )
        return (
            f"{name}: {what} while this client had it open. Nothing was written, because it would "
            "be lost. Close the client, see which file is the right one, and open it again. To "
            "replace a database, close its clients first."
        )
