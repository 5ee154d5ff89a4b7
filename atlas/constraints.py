"""Composite unique keys and indexes, declared in a table's body.

Both are Piccolo constraints, so ``piccolo migrations new`` sees them come and
go. Their names follow from the table and its columns (see ``Table``), because
PostgreSQL wants the names of both to be unique in the whole schema.
"""

from __future__ import annotations

from piccolo.columns import Column
from piccolo.constraints import Constraint, Unique

__all__ = ["Index", "Unique"]


class Index(Constraint):
    """An index over several columns, in this order::

        class Order(Table):
            entity_id = ForeignKey(Entity)
            order_date = Date()
            index_order_date = Index([entity_id, order_date])

    For one column write ``index=True`` on the column. The engine turns the
    ``ADD CONSTRAINT … INDEX`` that Piccolo builds from this into CREATE INDEX.
    """

    def __init__(self, columns: list[Column | str], name: str | None = None) -> None:
        if not columns:
            raise ValueError("An Index needs at least one column.")
        self.columns = columns
        super().__init__(name=name, columns=columns)

    def get_column_names(self) -> list[str]:
        """Return the names of the columns, in the order of the index."""
        return [
            column._meta.db_column_name if isinstance(column, Column) else column
            for column in self.columns
        ]

    def serialise_self(self) -> None:
        """Replace the columns in ``params`` by their names, for the migration file."""
        self._meta.params["columns"] = self.get_column_names()

    @property
    def ddl(self) -> str:
        return "INDEX ({})".format(", ".join(f'"{name}"' for name in self.get_column_names()))

    def _table_str(self) -> str:
        return f"{self._meta._name} = Index({self.get_column_names()!r})"
