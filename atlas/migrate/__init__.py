"""What migrations need beyond Piccolo's own.

A migration file imports from here what it says about rows that it would lose:
``allow_loss``, ``fill_nulls`` and ``save_rows``.
"""

from atlas.migrate.consent import allow_loss, fill_nulls, save_rows
from atlas.migrate.transaction import schema_transaction

__all__ = ["allow_loss", "fill_nulls", "save_rows", "schema_transaction"]
