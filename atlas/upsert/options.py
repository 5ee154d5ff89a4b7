"""What may be said of an upsert beside its rows.

In: the keywords of a call. Out: the same, checked. Defaults stand here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from piccolo.columns import Column
from piccolo.table import Table as PiccoloTable

from atlas.table import Table
from atlas.upsert.plain import column_names

OnError = Literal["raise", "collect"]
Duplicates = Literal["last", "error"]
#: Called with the number of rows dealt with, and that of all rows where it is known. What it
#: returns is awaited, if it can be.
OnProgress = Callable[[int, int | None], object]
#: A table, and the columns of a natural key of it.
Reference = tuple[Any, ...]

#: Rows checked and written together. More are slower: they leave the processor's cache.
BATCH_SIZE = 1000


class UpsertOptions(TypedDict, total=False):
    """The keywords of ``Client.upsert``, where each is explained."""

    on_error: OnError
    duplicates: Duplicates
    update: bool
    commit_every: int | None
    batch_size: int
    on_progress: OnProgress | None
    max_errors: int
    refs: Mapping[Column | str, Reference] | None
    ids: bool
    dry_run: bool
    check_rules: bool
    show_values: bool


@dataclass(frozen=True)
class Options:
    """The same with their defaults; raises ``ValueError`` for what cannot be."""

    on_error: OnError = "raise"
    duplicates: Duplicates = "last"
    update: bool = True
    commit_every: int | None = None
    batch_size: int = BATCH_SIZE
    on_progress: OnProgress | None = None
    max_errors: int = 10
    refs: Mapping[Column | str, Reference] | None = None
    ids: bool = False
    dry_run: bool = False
    check_rules: bool = False
    show_values: bool = True
    #: Whether what changes is noted, as of a ``dry_run``.
    plans: bool = False
    #: The values of columns that a row does not carry.
    fill: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check_choice("on_error", self.on_error, ("raise", "collect"))
        _check_choice("duplicates", self.duplicates, ("last", "error"))
        for name in ("commit_every", "batch_size", "max_errors"):
            number = getattr(self, name)
            if number is None and name == "commit_every":
                continue
            if type(number) is not int or number < 1:
                raise ValueError(f"{name} is {number!r}; give a whole number >= 1.")
        if self.dry_run and self.commit_every is not None:
            raise ValueError("A dry_run commits nothing; leave commit_every out.")

    @property
    def raises(self) -> bool:
        """Whether bad rows end the call."""
        return self.on_error == "raise"


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; give one of: {', '.join(choices)}.")


#: What holds when nothing is said.
DEFAULTS = Options()


def references_of(
    table: type[Table], refs: Mapping[Column | str, Reference]
) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """Return ``refs`` by the names of columns; raise ``ValueError`` for what cannot be."""
    found: dict[str, tuple[Any, tuple[str, ...]]] = {}
    for given, reference in refs.items():
        name = given if isinstance(given, str) else given._meta.name
        if name not in column_names(table):
            raise ValueError(f"refs: {name} is not a column of {table.__name__}.")
        target, *columns = reference if isinstance(reference, tuple) and reference else (None,)
        if not (isinstance(target, type) and issubclass(target, PiccoloTable) and columns):
            raise ValueError(
                f"refs: {name} is {reference!r}; give a table and columns of it, as "
                '(Unit, "entity_id", "code").'
            )
        names = tuple(each if isinstance(each, str) else each._meta.name for each in columns)
        if unknown := [each for each in names if each not in column_names(target)]:
            raise ValueError(f"refs: {unknown[0]} is not a column of {target.__name__}.")
        found[name] = target, names
    return found
