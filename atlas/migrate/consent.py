"""What a migration says about rows that its changes would lose.

In: the migration's manager, and words in its file. Out: the same manager, whose
steps ask here before they drop what holds values. Without a word they refuse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

#: A table, or one column of it.
Part = tuple[str, str | None]

_ATTRIBUTE = "_atlas_consent"


@dataclass
class Consent:
    """What one migration allows."""

    losses: set[Part] = field(default_factory=set)
    fills: dict[Part, Any] = field(default_factory=dict)
    #: Where to save the rows; None is beside the database.
    saves: dict[Part, Path | None] = field(default_factory=dict)

    def allows_loss(self, table: str, column: str | None) -> bool:
        """Return whether the values there may go."""
        return bool({(table, column), (table, None)} & {*self.losses, *self.saves})

    def allows_loss_of_saved(self, table: str, column: str | None) -> bool:
        """Return whether rows that were saved need not come back."""
        return bool({(table, column), (table, None)} & self.losses)


def consent_of(manager: MigrationManager) -> Consent:
    """Return what ``manager``'s migration allows, to be read or added to."""
    consent: Consent = vars(manager).setdefault(_ATTRIBUTE, Consent())
    return consent


def allow_loss(manager: MigrationManager, table: str, column: str | None = None) -> None:
    """Let a migration lose the values of a column, or the rows of a table.

    Forwards and backwards. Of a column whose type changes only the values that
    do not fit are lost: they become null.
    """
    consent_of(manager).losses.add((table, column))


def fill_nulls(manager: MigrationManager, table: str, column: str, value: Any) -> None:
    """Let a migration put ``value`` where ``column`` is null, before it becomes NOT NULL.

    Also for a new column that is NOT NULL without a default, forwards and
    backwards. ``value`` is a Python value that the column can hold, or a
    ``QueryString`` for the database to work out: ``QueryString("lower(name)")``.
    """
    consent_of(manager).fills[table, column] = value


def save_rows(
    manager: MigrationManager,
    table: str,
    column: str | None = None,
    path: str | Path | None = None,
) -> None:
    """Let a migration drop a column or table, and save its rows to a file first.

    The file has a JSON object for each row: all columns of a table, or the
    primary key and the column. ``path`` is ``<database>.<migration>.<table>.jsonl``
    beside the database when it is left out; on PostgreSQL in the working folder.
    Going backwards, the rows are put back from there.
    """
    consent_of(manager).saves[table, column] = None if path is None else Path(path)
