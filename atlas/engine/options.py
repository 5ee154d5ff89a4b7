"""What can be chosen about a connection pool, in one place.

In: numbers and names from the settings, a URL or a caller. Out: an immutable,
checked object.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Literal, TypedDict, get_args

from atlas.errors import ConfigurationError

Synchronous = Literal["OFF", "NORMAL", "FULL", "EXTRA"]

#: The least of each number. The most is what SQLite and the operating system count with.
LEAST = {
    "pool_size": 1,
    "acquire_timeout_ms": 1,
    "busy_timeout_ms": 0,
    "statement_timeout_ms": 0,
    "statement_cache": 0,
    "shared_commits": 0,
}
MOST = 2**31 - 1

#: No file is made that its owner cannot use, or that can be executed.
_MODE = re.compile("0?6[0246][0246]")

#: The most of ``inline_reads``, in milliseconds: it holds up all tasks of the event loop.
MOST_INLINE_MS = 100

_SWITCH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


class GivenOptions(TypedDict, total=False):
    """Options as a caller gives them: some of ``EngineOptions``; None is not given."""

    pool_size: int | None
    acquire_timeout_ms: int | None
    busy_timeout_ms: int | None
    statement_timeout_ms: int | None
    synchronous: Synchronous | None
    read_only: bool | None
    statement_cache: int | None
    inline_reads: float | None
    shared_commits: int | None
    file_mode: str | None
    log_queries: bool | None
    log_parameters: bool | None


@dataclass(frozen=True)
class EngineOptions:
    """How an engine pools, waits and logs. PostgreSQL uses the part that applies to it."""

    #: SQLite: reading connections beside the one writer. PostgreSQL: connections.
    pool_size: int = 4
    #: How long a query waits for a free connection before ``PoolTimeoutError``.
    acquire_timeout_ms: int = 30_000
    #: SQLite: how long a statement waits for the lock of another process.
    busy_timeout_ms: int = 30_000
    #: PostgreSQL: how long a statement may take before ``StatementTimeoutError``; 0 is for ever.
    #: The server is told, and a second later a connection that does not answer is cut.
    statement_timeout_ms: int = 0
    #: SQLite: when a commit is on the disk. See ``pragmas.py``.
    synchronous: Synchronous = "FULL"
    #: Write nothing and make no file: whatever would, fails with ``ReadOnlyError``.
    read_only: bool = False
    #: Prepared statements kept by each connection.
    statement_cache: int = 256
    #: SQLite: for how many milliseconds a read may run in the event loop before it is run again by
    #: a reader's thread; 0 lets all of them run there.
    inline_reads: float = 0.5
    #: SQLite: how many writes outside blocks, that wait for the writer at the same moment, may be
    #: made durable by one commit; with 1 each has its own.
    shared_commits: int = 64
    #: SQLite: who may use a file that is made, in octal; 0600 is its owner alone. What SQLite keeps
    #: beside it gets the same, and so do backups.
    file_mode: str = "0600"
    #: Log every statement to ``atlas.engine`` at INFO; at DEBUG they are logged anyway.
    log_queries: bool = False
    #: Log the parameters too. They hold personal data.
    log_parameters: bool = False

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= MOST:
                raise ConfigurationError(
                    f"{name} is {value!r}; give a whole number from {least} to {MOST}."
                )
        budget = self.inline_reads
        if type(budget) not in (int, float) or not 0 <= budget <= MOST_INLINE_MS:
            raise ConfigurationError(
                f"inline_reads is {budget!r}; give a number of milliseconds from 0 to "
                f"{MOST_INLINE_MS}."
            )
        for name in ("read_only", "log_queries", "log_parameters"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; give True or False.")
        if not (isinstance(self.file_mode, str) and _MODE.fullmatch(self.file_mode)):
            raise ConfigurationError(
                f"file_mode is {self.file_mode!r}; give three octal digits, the first of them 6: "
                "0600, 0640 or 0660."
            )
        if self.synchronous not in get_args(Synchronous):
            allowed = ", ".join(get_args(Synchronous))
            raise ConfigurationError(f"synchronous is {self.synchronous!r}; give one of {allowed}.")

    @property
    def mode(self) -> int:
        """``file_mode`` as the operating system counts it."""
        return int(self.file_mode, 8)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all options."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def from_text(cls, values: dict[str, str]) -> dict[str, Any]:
        """Return options of a URL as Python values; raise ``ConfigurationError`` if one is not."""
        converted: dict[str, Any] = {}
        for name, text in values.items():
            default = getattr(cls, name)
            if isinstance(default, bool):
                if text.lower() not in _SWITCH:
                    raise ConfigurationError(f"{name} is {text!r}; give 1 or 0.")
                converted[name] = _SWITCH[text.lower()]
            elif isinstance(default, int):
                try:
                    converted[name] = int(text)
                except ValueError:
                    raise ConfigurationError(f"{name} is {text!r}; give a whole number.") from None
            elif isinstance(default, float):
                try:
                    converted[name] = float(text)
                except ValueError:
                    raise ConfigurationError(f"{name} is {text!r}; give a number.") from None
            else:
                converted[name] = text.upper()
        cls(**converted)  # checks the values
        return converted
