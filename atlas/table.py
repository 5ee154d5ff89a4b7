"""What every table of the model shares.

In: Piccolo's ``Table``. Out: the same, where a row of a join table is found by
all its key columns, nothing is written that the model does not allow, and an
object knows whether its row exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from piccolo.columns import Column
from piccolo.columns.m2m import M2M as PiccoloM2M
from piccolo.columns.m2m import M2MAddRelated
from piccolo.constraints import Unique
from piccolo.query.methods.objects import GetRelated
from piccolo.query.methods.refresh import Refresh
from piccolo.querystring import QueryString, Selectable
from piccolo.table import TABLE_REGISTRY
from piccolo.table import Table as PiccoloTable

from atlas import patches
from atlas.columns import CompositeKey
from atlas.errors import InvalidValueError
from atlas.m2m import AddRelated
from atlas.query import Delete, Insert, Select, Update, UpdateSelf

patches.apply()

#: PostgreSQL cuts longer names silently (NAMEDATALEN - 1).
_LONGEST_NAME = 63


class Table(PiccoloTable):
    """A table of the model; an instance is a row.

    ``save``, ``insert`` and ``update`` raise ``InvalidValueError`` for a value
    the model does not allow, and write nothing. ``updated_at`` moves exactly
    when a value changes; ids and ``created_at`` never do.
    """

    _key_columns: ClassVar[tuple[Column, ...]] = ()
    #: What may not change in this row, as it is in the database; None for a new row.
    _stored: tuple[Any, ...] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        keys = tuple(column for column in cls._meta.columns if column._meta.primary_key)
        cls._key_columns = keys
        if len(keys) > 1:
            cls._meta.primary_key = CompositeKey(keys)
        for constraint in cls._meta.constraints:
            columns = constraint._meta.params.get("columns")
            if columns is None:
                continue
            name = cls._get_index_name(columns)
            if isinstance(constraint, Unique):
                name += "_key"  # as PostgreSQL names a column's own unique constraint
            if len(name) > _LONGEST_NAME:
                raise ValueError(f"{name} is longer than {_LONGEST_NAME} characters")
            constraint._meta.name = name

    def __init__(
        self,
        _data: dict[Column, Any] | None = None,
        _ignore_missing: bool = False,
        _exists_in_db: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(_data, _ignore_missing, _exists_in_db, **kwargs)
        given = {column._meta.name for column in _data or ()} | kwargs.keys()
        if not _exists_in_db and "updated_at" not in given:
            # One instant for both, so that a row never updated can be told from the others.
            self.__dict__["updated_at"] = self.__dict__.get("created_at")
        for column in self._meta.foreign_key_columns:
            related = self.__dict__[column._meta.name]
            # A prefetched NULL reference arrives as an object of nothing but None.
            if isinstance(related, Table) and related._exists_in_db and related._key is None:
                setattr(self, column._meta.name, None)
        if _exists_in_db:
            self._exists_in_db = True

    @property
    def _exists_in_db(self) -> bool:
        """Whether the row is in the database; Piccolo sets it, and then the row is known."""
        return self._stored is not None

    @_exists_in_db.setter
    def _exists_in_db(self, exists: bool) -> None:
        self._stored = self._immutable_values() if exists else None

    @property
    def _key(self) -> Any:
        """The primary key: a tuple for a join table; None while a part of it is missing."""
        values = self._key_values()
        if None in values:
            return None
        return values[0] if len(values) == 1 else values

    def _key_values(self) -> tuple[Any, ...]:
        return tuple(_id(self.__dict__.get(column._meta.name)) for column in self._key_columns)

    def _immutable_values(self) -> tuple[Any, ...]:
        return (*self._key_values(), self.__dict__.get("created_at"))

    def _stored_key(self) -> Any:
        """Return the primary key of this row in the database.

        Raises ``ValueError`` for a row that was never stored, and
        ``InvalidValueError`` when its key or ``created_at`` was assigned to.
        """
        if self._stored is None:
            raise ValueError(
                f"This {type(self).__name__} isn't in the database yet; save() it first."
            )
        names = [*(column._meta.name for column in self._key_columns), "created_at"]
        for name, stored, current in zip(
            names, self._stored, self._immutable_values(), strict=True
        ):
            if current != stored:
                raise InvalidValueError(
                    self._meta.tablename,
                    name,
                    current,
                    f"was assigned to a row stored with {stored!r}, and the column never "
                    "changes; remove this row and insert a new one",
                )
        return self._key

    @property
    def querystring(self) -> QueryString:
        """The VALUES of an INSERT, each checked against its column."""
        columns: list[Any] = self._meta.columns
        values = [column.accept(self.__dict__[column._meta.name]) for column in columns]
        return QueryString("({})".format(",".join("{}" for _ in columns)), *values)

    def save(self, columns: Sequence[Column | str] | None = None) -> Insert[Any] | Update[Any]:
        """Insert this row, or update the one row it stands for.

        ``columns`` limits an update to these. The update raises
        ``RowNotFoundError`` when the row is gone; afterwards the object holds
        the row's ``updated_at``.
        """
        table = type(self)
        if not self._exists_in_db:
            return table.insert(self)
        key = self._stored_key()
        stamps = table._meta.auto_update_columns
        if columns is None:
            chosen = [
                column
                for column in table._meta.columns
                if not column._meta.primary_key
                and column._meta.name != "created_at"
                and not any(column is stamp for stamp in stamps)
            ]
        else:
            chosen = [
                table._meta.get_column_by_name(column) if isinstance(column, str) else column
                for column in columns
            ]
        if chosen:
            update = table.update({column: getattr(self, column._meta.name) for column in chosen})
        else:  # a join row of nothing but keys: there is no value that could change
            update = table.update({c: c for c in table._key_columns}, use_auto_update=False)
        update.row = self
        update.where(table._meta.primary_key == key).returning(*table._key_columns, *stamps)
        return update

    def update_self(self, values: dict[Column | str, Any]) -> UpdateSelf:
        """Update some columns of this row in the database and in the object."""
        return UpdateSelf(row=self, values=values)

    def remove(self) -> Delete:
        """Delete the one row this object stands for; the object keeps its values.

        Once the query has run the object counts as new, and ``save`` inserts it.
        """
        key = self._stored_key()
        delete = type(self).delete()
        delete.row = self
        return delete.where(self._meta.primary_key == key)

    def refresh(self, columns: Sequence[Column] | None = None, load_json: bool = False) -> Refresh:
        """Read this row's columns again, into this object."""
        self._stored_key()
        return super().refresh(columns=columns, load_json=load_json)

    def get_related(self, foreign_key: Any) -> GetRelated[Any]:
        """Return the row that a foreign key of this row points to; None for null."""
        self._stored_key()
        return super().get_related(foreign_key)

    def add_m2m(
        self,
        *rows: PiccoloTable,
        m2m: PiccoloM2M,
        extra_column_values: dict[Column | str, Any] | None = None,
    ) -> M2MAddRelated:
        """Relate ``rows`` to this row, inserting those that are new.

        ``extra_column_values`` are the join table's other columns.
        """
        self._stored_key()
        return AddRelated(
            target_row=self, rows=rows, m2m=m2m, extra_column_values=extra_column_values or {}
        )

    @classmethod
    def select(cls, *columns: Selectable | str, exclude_secrets: bool = False) -> Select[Any]:
        return Select(
            table=cls,
            columns_list=cls._process_column_args(*columns),
            exclude_secrets=exclude_secrets,
        )

    @classmethod
    def insert(cls, *rows: Any) -> Insert[Any]:
        query: Insert[Any] = Insert(table=cls)
        query.returning(*cls._key_columns)
        return query.add(*rows) if rows else query

    @classmethod
    def update(
        cls,
        values: dict[Column | str, Any] | None = None,
        force: bool = False,
        use_auto_update: bool = True,
        **kwargs: Any,
    ) -> Update[Any]:
        query: Update[Any] = Update(table=cls, force=force, use_auto_update=use_auto_update)
        query.values({**(values or {}), **dict[Any, Any](kwargs)})
        return query

    @classmethod
    def delete(cls, force: bool = False) -> Delete:
        return Delete(table=cls, force=force)


# Piccolo takes every subclass for a table and gives it a Serial id. This one is
# a base: it has no rows, and the join tables must not inherit an id.
TABLE_REGISTRY.remove(Table)
del Table.id  # type: ignore[attr-defined]


def _id(value: Any) -> Any:
    """Return the id of a prefetched row, or the value itself."""
    return value._key if isinstance(value, Table) else value
