"""What a statement of a migration may not do: end the run it is part of."""

from __future__ import annotations

from piccolo.engine.exceptions import TransactionError

from atlas.engine.statement import ends_transaction


def refuse_end(sql: str) -> None:
    """Raise ``TransactionError`` for a statement that would end a schema transaction by half."""
    if ends_transaction(sql):
        raise TransactionError(
            f"A migration is part of a run that is committed as a whole: it cannot run {sql!r}."
        )
