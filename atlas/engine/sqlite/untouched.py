"""How to open a file that is only looked at, so that it is afterwards as it was.

In: the path of a database file. Out: the way to open it, and what to put back when it is
closed. SQLite itself tidies up: whoever closes a file last copies the -wal file that a killed
process left into it, and a reader leaves a -shm file where it may not write. Knows no table and
no connection; what this process has open it asks of ``forks``.

https://www.sqlite.org/wal.html, "Read-Only Databases" and "The WAL File"
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import sys
import threading

from atlas.engine import forks
from atlas.engine.sqlite.files import identity_of

#: How long a look waits for a lock: as long as somebody takes who opens or closes the file.
PATIENCE_MS = 500

#: Held while this process begins to open a file, and while it looks who else has one open: to
#: close any descriptor of a file takes this process's locks on it away.
opening = threading.Lock()

#: https://www.sqlite.org/fileformat2.html, "The Database Header", offsets 18 and 19.
_WAL_VERSIONS = b"\x02\x02"


@forks.in_child
def _renew() -> None:
    global opening
    opening = threading.Lock()
    _looks.clear()


#: Which bytes of a database each connection in WAL mode keeps locked: SQLite's os.h.
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510

#: ``struct flock`` of Linux on 64 bits: type, whence, start, length, pid.
_FLOCK = "hhqqi4x"


#: The looks of this process that tidy nothing up, by path: how many, and whether a -shm file is
#: theirs.
_looks: dict[str, tuple[int, bool]] = {}


class Untouched:
    """One look at a file. ``query`` is for its URI; ``left`` is to be called once it is closed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_counted = False
        with opening:
            self.query = self._query()

    def _query(self) -> str:
        path = self._path
        if path not in _looks:
            if os.path.isdir(path):
                return "mode=rw"  # which SQLite refuses; it opens a folder to read it
            if not _is_wal(path):
                return "mode=ro"
            has_wal, has_shm = _size(f"{path}-wal") > 0, os.path.exists(f"{path}-shm")
            if not has_wal and not has_shm:
                # Nobody has it open. Where no -shm file can be made there is no other way.
                return "mode=rw" if _is_writable(path) else "immutable=1"
            if is_in_use(path) and _is_writable(path):
                return "mode=rw"  # others tidy up, or this one if it is the last: as any reader
            _looks[path] = (0, not has_shm)
        count, makes_shm = _looks[path]
        _looks[path] = (count + 1, makes_shm)
        self._is_counted = True
        return "mode=ro"

    def left(self) -> None:
        """Remove the -shm file that looks at a -wal file made, if nobody uses it by now.

        Whoever opens the database locks it before its -shm file.
        """
        if not self._is_counted:
            return
        self._is_counted = False
        with opening, contextlib.suppress(OSError):
            count, makes_shm = _looks.pop(self._path)
            if count > 1:
                _looks[self._path] = (count - 1, makes_shm)
                return
            if not makes_shm or forks.uses(identity_of(self._path)):
                return
            database = os.open(self._path, os.O_RDWR)
            try:
                fcntl.lockf(database, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
                os.unlink(f"{self._path}-shm")
            finally:
                os.close(database)


def is_in_use(path: str) -> bool:
    """Return whether a process has the database open; True where that cannot be told."""
    if forks.uses(identity_of(path)) or not sys.platform.startswith("linux"):
        return True
    try:
        database = os.open(path, os.O_RDONLY)
    except OSError:
        return False  # and opening it will say why
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, 0, _SHARED_FIRST, _SHARED_SIZE, 0)
        found = struct.unpack(_FLOCK, fcntl.fcntl(database, fcntl.F_GETLK, asked))
        return bool(found[0] != fcntl.F_UNLCK)
    finally:
        os.close(database)


def _is_wal(path: str) -> bool:
    if forks.uses(identity_of(path)):  # its header is not to be read here: see ``opening``
        return True
    try:
        with open(path, "rb") as file:
            return file.read(20)[18:] == _WAL_VERSIONS
    except OSError:
        return False


def _is_writable(path: str) -> bool:
    effective_ids = os.access in os.supports_effective_ids
    return all(
        os.access(each, os.W_OK, effective_ids=effective_ids)
        for each in (path, os.path.dirname(path) or ".")
    )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
