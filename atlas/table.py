"""What every table of the model shares.

In: Piccolo's ``Table``. Out: the same, where a row of a join table is found by
all its key columns, nothing is written that the model does not allow, and an
object knows whether its row exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Never, Self, overload

from piccolo.columns import Column
from piccolo.columns.defaults.base import Default
from piccolo.columns.m2m import M2M as PiccoloM2M
from piccolo.columns.m2m import M2MRemoveRelated
from piccolo.constraints import Unique
from piccolo.custom_types import TableInstance
from piccolo.querystring import QueryString, Selectable
from piccolo.table import TABLE_REGISTRY
from piccolo.table import Table as PiccoloTable
from typing_extensions import TypeVar

from atlas.columns import CompositeKey, ReferencedTable
from atlas.errors import InvalidValueError
from atlas.query.count import Count, Exists
from atlas.query.m2m import AddRelated, RelatedRows
from atlas.query.row import GetRelated, Refresh
from atlas.query.select import Objects, Select
from atlas.query.write import Delete, Insert, Update, UpdateSelf

if TYPE_CHECKING:
    from piccolo.columns.readable import Readable

    from atlas.columns.keys import Reference
    from atlas.param import OtherNames
    from atlas.query import typed

#: The values of a row, by column: what ``upsert`` takes. Of the 38 tables the stubs beside their
#: tables.py say it.
Values = TypeVar("Values", default=Any)

#: PostgreSQL cuts longer names silently (NAMEDATALEN - 1).
_LONGEST_NAME = 63
_INSTANTS = frozenset({"created_at", "updated_at"})


class Table(PiccoloTable, Generic[Values]):
    """A table of the model; an instance is a row.

    ``save``, ``insert`` and ``update`` raise ``InvalidValueError`` for a value
    the model does not allow, and write nothing. ``updated_at`` moves exactly
    when a value changes; ids and ``created_at`` never do.
    """

    _key_columns: ClassVar[tuple[Column, ...]] = ()
    _column_names: ClassVar[frozenset[str]] = frozenset()
    _foreign_key_names: ClassVar[tuple[str, ...]] = ()
    #: The primary key, then ``created_at``: what never changes once a row is stored.
    _fixed_names: ClassVar[tuple[str, ...]] = ()
    #: Each column's name and its check, looked up once: on a foreign key Piccolo
    #: searches all attributes at every look (column_types.py, ``__getattribute__``).
    _checks: ClassVar[tuple[tuple[str, Callable[[Any], Any]], ...]] = ()
    #: Each column's name, its default, whether that is called, and whether it may be None.
    _defaults: ClassVar[tuple[tuple[str, Any, bool, bool], ...]] = ()
    _values_template: ClassVar[str] = ""

    #: Where an object keeps the stored values of ``_fixed_names``: each as an attribute, as a
    #: tuple per object makes Python's garbage collections of a large objects() thrice as long.
    _kept_names: ClassVar[tuple[str, ...]] = ()
    _is_stored = False
    #: The columns that an object was not given, and nobody has assigned to since.
    _defaulted: frozenset[str] = frozenset()

    #: Whether a stored row becomes an object without a call of ``__init__``, as its class has none.
    _is_made_at_once = True

    #: The ways a sync finds a row, the first before the second (docs/model.md section 6).
    _sync_keys: ClassVar[tuple[tuple[str, ...], ...]] = ()

    def __init_subclass__(cls, sync_keys: Iterable[tuple[str, ...]] = (), **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._sync_keys = tuple(sync_keys)
        all_columns: list[Any] = cls._meta.columns
        keys = tuple(column for column in all_columns if column._meta.primary_key)
        if len(keys) > 1:
            cls._meta.primary_key = CompositeKey(keys)
        cls._key_columns = keys
        cls._column_names = frozenset(column._meta.name for column in all_columns)
        cls._foreign_key_names = tuple(c._meta.name for c in cls._meta.foreign_key_columns)
        cls._fixed_names = (*(column._meta.name for column in keys), "created_at")
        cls._kept_names = tuple(f"_stored_{name}" for name in cls._fixed_names)
        cls._checks = tuple((column._meta.name, column.accept) for column in all_columns)
        cls._defaults = tuple(map(_default_of, all_columns))
        cls._values_template = "({})".format(",".join("{}" for _ in all_columns))
        cls._is_made_at_once = (
            cls.__init__ is Table.__init__
            and cls.__new__ is Table.__new__
            and cls.__setattr__ is Table.__setattr__
        )
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
        if not _data and kwargs.keys() <= self._column_names:
            # Piccolo looks for every column in three places, which would be most of the
            # time of a large objects(), and a third of that of making an insert.
            # One by one: asking for __dict__ would make a dict beside each object, and Python's
            # garbage collections of a large objects() longer.
            assign = super().__setattr__
            for name, value in kwargs.items():
                assign(name, value)
            self._was_created = None
            if len(kwargs) < len(self._column_names):
                self._add_defaults(kwargs.keys(), _ignore_missing)
        else:
            super().__init__(_data, _ignore_missing, **kwargs)
            given = {column._meta.name for column in _data or ()} | kwargs.keys()
            self._align_instants(given)
            self._defaulted = self._column_names - given
        if not _exists_in_db:  # Piccolo says so only of rows it did not prefetch for
            for name in self._foreign_key_names:
                related = self.__dict__[name]
                # A prefetched NULL reference arrives as an object of nothing but None.
                if isinstance(related, Table) and related._exists_in_db and related._key is None:
                    self.__dict__[name] = None
        self._exists_in_db = _exists_in_db

    def _add_defaults(self, given: Set[str], ignore_missing: bool) -> None:
        """Set every column that was not ``given``, as Piccolo does (table.py, ``__init__``)."""
        values = self.__dict__
        for name, default, is_made, may_be_null in self._defaults:
            if name in given:
                continue
            value = default() if is_made else default
            if isinstance(value, Default):
                value = value.python()
            if value is None and not (may_be_null or ignore_missing):
                raise ValueError(f"{name} wasn't provided")
            values[name] = value
        self._align_instants(given)
        self._defaulted = self._column_names - given

    if not TYPE_CHECKING:  # to a type checker it would allow any name

        def __setattr__(self, name: str, value: Any) -> None:
            if name in self._defaulted:
                self._defaulted -= {name}
            super().__setattr__(name, value)

    def _align_instants(self, given: Set[str]) -> None:
        """Give both instants one value, so that a row never updated can be told from others."""
        if self._column_names >= _INSTANTS and not given & _INSTANTS:
            self.__dict__["updated_at"] = self.__dict__["created_at"]

    @property
    def _exists_in_db(self) -> bool:
        """Whether the row is in the database; Piccolo sets it, and then the row is known."""
        return self._is_stored

    @_exists_in_db.setter
    def _exists_in_db(self, exists: bool) -> None:
        self._is_stored = exists
        if exists:
            for name, kept in zip(self._fixed_names, self._kept_names, strict=True):
                super().__setattr__(kept, self._plain(name))
            if self._defaulted:  # what it holds is what is stored, all of it
                del self._defaulted

    def _plain(self, name: str) -> Any:
        """Return a value as it is stored: the key of a prefetched row, not the row."""
        value = getattr(self, name)
        return value._key if isinstance(value, Table) else value

    def _key_values(self) -> tuple[Any, ...]:
        return tuple(self._plain(column._meta.name) for column in self._key_columns)

    @property
    def _key(self) -> Any:
        """The primary key: a tuple for a join table; None while a part of it is missing."""
        values = self._key_values()
        if None in values:
            return None
        return values[0] if len(values) == 1 else values

    def _stored_key(self) -> Any:
        """Return the primary key of this row in the database.

        Raises ``ValueError`` for a row that was never stored, and
        ``InvalidValueError`` when its key was assigned to.
        """
        if not self._is_stored:
            raise ValueError(
                f"This {type(self).__name__} isn't in the database yet; save() it first."
            )
        self._refuse_assigned(self._fixed_names[:-1])
        return self._key

    def _refuse_assigned(self, names: Sequence[str]) -> None:
        for name, kept in zip(self._fixed_names, self._kept_names, strict=True):
            current, stored = self._plain(name), self.__dict__[kept]
            if name in names and current != stored:
                raise InvalidValueError(
                    self._meta.tablename,
                    name,
                    current,
                    f"was assigned to a row stored with {stored!r}, and the column never "
                    "changes; remove this row and insert a new one",
                )

    @property
    def querystring(self) -> QueryString:
        """The VALUES of an INSERT, each checked against its column."""
        values = QueryString(self._values_template)
        # Set here: given to QueryString, each would be looked at, to see if it is a column.
        values.args = self._checked_values()
        return values

    def _checked_values(self) -> list[Any]:
        """Return what an INSERT stores, in the order of the columns.

        Raises ``InvalidValueError`` for what the model does not allow.
        """
        row = self.__dict__
        return [check(row[name]) for name, check in self._checks]

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
        self._refuse_assigned(self._fixed_names)
        stamps = table._meta.auto_update_columns
        if columns is None:
            kept = {*self._fixed_names, *(stamp._meta.name for stamp in stamps)}
            columns = [c for c in table._meta.columns if c._meta.name not in kept]
        names = [c if isinstance(c, str) else c._meta.name for c in columns]
        if names:
            update = table.update(
                {c: self.__dict__.get(name) for c, name in zip(columns, names, strict=True)}
            )
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

        Raises ``RowNotFoundError`` when the row is gone already. Afterwards the
        object counts as new, and ``save`` inserts it.
        """
        delete = type(self).delete()
        delete.row = self
        delete.where(self._meta.primary_key == self._stored_key()).returning(*self._key_columns)
        return delete

    def refresh(self, columns: Sequence[Column] | None = None, load_json: bool = False) -> Refresh:
        """Read this row's columns, and the rows prefetched with it, again into this object.

        Raises ``RowNotFoundError`` when the row is gone.
        """
        self._stored_key()
        if columns is None:  # the keys of a join row too: they may hold prefetched rows
            columns = [c for c in self._meta.columns if c is not self._meta.primary_key]
        return Refresh(instance=self, columns=columns, load_json=load_json)

    @overload  # type: ignore[override]
    def get_related(
        self, foreign_key: Reference[ReferencedTable, Any, Any]
    ) -> GetRelated[ReferencedTable]: ...

    @overload
    def get_related(self, foreign_key: str) -> GetRelated[PiccoloTable]: ...

    def get_related(self, foreign_key: Any) -> GetRelated[Any]:
        """Return the row that a foreign key of this row points to; None for null.

        Raises ``RowNotFoundError`` when this row is gone.
        """
        self._stored_key()
        return GetRelated(row=self, foreign_key=super().get_related(foreign_key).foreign_key)

    def get_m2m(self, m2m: PiccoloM2M) -> RelatedRows:
        """Return the rows related to this row, ordered by primary key."""
        self._check_side(m2m)
        return RelatedRows(row=self, m2m=m2m)

    def add_m2m(
        self,
        *rows: PiccoloTable,
        m2m: PiccoloM2M,
        extra_column_values: dict[Column | str, Any] | None = None,
    ) -> AddRelated:
        """Relate ``rows`` to this row, inserting those that are new.

        ``extra_column_values`` are the join table's other columns. When one
        row is refused, because it is related already or for its values, none
        is stored.
        """
        self._check_side(m2m)
        return AddRelated(
            target_row=self, rows=rows, m2m=m2m, extra_column_values=extra_column_values or {}
        )

    def remove_m2m(self, *rows: PiccoloTable, m2m: PiccoloM2M) -> M2MRemoveRelated:
        """Delete the join rows of this row with ``rows``, which themselves stay."""
        self._check_side(m2m)
        return super().remove_m2m(*rows, m2m=m2m)

    def _check_side(self, m2m: PiccoloM2M) -> None:
        self._stored_key()
        if m2m._meta.table is not type(self):
            raise ValueError(
                f"{m2m._meta.table.__name__}.{m2m._meta.name} relates rows of "
                f"{m2m._meta.table.__name__}, and this is a {type(self).__name__}."
            )

    @overload
    @classmethod
    def select(
        cls, *columns: Column | str, exclude_secrets: bool = False
    ) -> Select[Self, dict[str, Any], Never]: ...

    @overload
    @classmethod
    def select(
        cls, *columns: Selectable | str, exclude_secrets: bool = False
    ) -> Select[Self, dict[str, Any], OtherNames]: ...

    @classmethod
    def select(cls, *columns: Selectable | str, exclude_secrets: bool = False) -> Any:
        return Select(
            table=cls,
            columns_list=cls._process_column_args(*columns),
            exclude_secrets=exclude_secrets,
        )

    @classmethod
    def objects(  # type: ignore[override]
        cls, *prefetch: Reference[Any, Any, Any] | list[Any]
    ) -> Objects[Self, Never]:
        return Objects(table=cls, prefetch=prefetch)  # type: ignore[arg-type]

    if TYPE_CHECKING:

        @classmethod
        def _get_related_readable(cls, column: Reference[Any, Any, Any]) -> Readable: ...  # type: ignore[override]

        @classmethod
        def raw(cls, sql: str, *args: Any) -> typed.Raw: ...  # type: ignore[override]

    @classmethod
    def insert(cls: type[TableInstance], *rows: TableInstance) -> Insert[TableInstance]:
        keys = [column for column in cls._meta.columns if column._meta.primary_key]
        return Insert(cls, *rows).returning(*keys)

    @classmethod
    def update(
        cls: type[TableInstance],
        values: dict[Column | str, Any] | None = None,
        force: bool = False,
        use_auto_update: bool = True,
        **kwargs: Any,
    ) -> Update[TableInstance]:
        query = Update(table=cls, force=force, use_auto_update=use_auto_update)
        query.values({**(values or {}), **dict[Any, Any](kwargs)})
        return query

    @classmethod
    def count(  # type: ignore[override]
        cls, column: Column | None = None, distinct: Sequence[Column] | None = None
    ) -> typed.Count[Never]:
        return Count(table=cls, column=column, distinct=distinct)  # type: ignore[return-value]

    @classmethod
    def exists(cls) -> typed.Exists[Never]:  # type: ignore[override]
        return Exists(table=cls)  # type: ignore[return-value]

    @classmethod
    def delete(cls, force: bool = False) -> Delete:
        return Delete(table=cls, force=force)


def _default_of(column: Any) -> tuple[str, Any, bool, bool]:
    # As Piccolo's get_default_value does (columns/base.py), each time anew.
    default = getattr(column, "default", None)
    if isinstance(default, Enum):
        default = default.value
    return column._meta.name, default, callable(default), column._meta.null


# Piccolo takes every subclass for a table and gives it a Serial id. This one is
# a base: it has no rows, and the join tables must not inherit an id.
TABLE_REGISTRY.remove(Table)
del Table.id  # type: ignore[attr-defined]
