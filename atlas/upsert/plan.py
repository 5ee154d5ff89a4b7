"""What an upsert would do: for people to read before it does.

In: rows as they are written in a transaction that is rolled back. Out: one change for
each, and a table of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

#: How many changes are shown; there may be a million.
_SHOWN = 50

Kind = Literal["insert", "update", "delete", "deactivate"]


@dataclass(frozen=True)
class Change:
    """What would become of one row."""

    kind: Kind
    #: The values of the columns that the row is found by.
    key: Hashable
    #: What each column is now and would be; of a new row None and what it carries.
    columns: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        said = ", ".join(f"{name}: {old!r} -> {new!r}" for name, (old, new) in self.columns.items())
        return f"{self.kind} {self.key!r}{': ' if said else ''}{said}"


class DryRunError(Exception):
    """What was written is undone, as it was only to be seen."""


@dataclass
class Plan:
    """All that an upsert or sync would change; nothing of it is written.

    ``print(plan)`` shows it as lines, rich prints a table.
    """

    table: str
    changes: list[Change] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows would be inserted, updated, deleted and deactivated."""
        return dict(Counter(change.kind for change in self.changes))

    def __str__(self) -> str:
        lines = [f"{self.table}: {self._summary()}", *map(str, self.changes[:_SHOWN])]
        return "\n".join([*lines, *self._rest()])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        shown = Table("", "Key", "Column", "Now", "Then", title=Text(self.table))
        for change in self.changes[:_SHOWN]:
            first: tuple[str, str] = (change.kind, str(change.key))
            for name, (old, new) in change.columns.items() or {"": ("", "")}.items():
                cells = (*first, name, *("" if v is None else str(v) for v in (old, new)))
                shown.add_row(*map(Text, cells))  # a [ in a value is no markup
                first = ("", "")
        yield shown
        yield Text("\n".join([self._summary(), *self._rest()]))

    def _summary(self) -> str:
        counts = [f"{number} to {kind}" for kind, number in self.counts.items()]
        return ", ".join(counts) or "nothing to change"

    def _rest(self) -> list[str]:
        left = len(self.changes) - _SHOWN
        return [f"... and {left} more"] if left > 0 else []
