"""References, and the primary keys of join tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, overload

from piccolo.columns import Column, OnDelete, OnUpdate
from piccolo.columns import ForeignKey as PiccoloForeignKey
from piccolo.columns.combination import And, Where
from piccolo.columns.operators.comparison import Equal
from piccolo.table import Table
from typing_extensions import TypeVar

from atlas.columns.base import ModelColumn, checked_text, checked_ulid
from atlas.ulid import is_ulid

if TYPE_CHECKING:
    from piccolo.columns.base import ForeignKeyMeta
    from piccolo.custom_types import Combinable


ReferencedTable = TypeVar("ReferencedTable", bound=Table)
_Key = TypeVar("_Key", default=str)
_GivenKey = TypeVar("_GivenKey", default=_Key | Table)

if TYPE_CHECKING:

    class Reference(
        ModelColumn[_Key, _GivenKey, str],
        Generic[ReferencedTable, _Key, _GivenKey],
    ):
        """A foreign key as a type checker knows it, without the columns that it leads to.

        Piccolo's own takes any attribute for a column. The stubs of the 38 tables have a class
        for the keys to each of them, with its columns.
        """

        _foreign_key_meta: ForeignKeyMeta[Any]

        @property
        def _(self) -> type[ReferencedTable]: ...

        def all_columns(self, exclude: list[Column | str] | None = None) -> list[Column]: ...

        def all_related(self, exclude: list[Any] | None = None) -> list[Any]: ...

        def reverse(self) -> Any: ...

        def set_proxy_columns(self) -> None: ...

    class _ForeignKeyBase(
        Reference[ReferencedTable, _Key, _GivenKey],
        Generic[ReferencedTable, _Key, _GivenKey],
    ):
        def __init__(
            self,
            references: Any,
            default: Any = None,
            null: bool = False,
            on_delete: OnDelete = OnDelete.restrict,
            on_update: OnUpdate = OnUpdate.no_action,
            **kwargs: Any,
        ) -> None: ...

        def __getattr__(self, name: str) -> Any: ...

else:
    Reference = PiccoloForeignKey

    class _ForeignKeyBase(
        ModelColumn[_Key, _GivenKey, str],
        PiccoloForeignKey[ReferencedTable],
        Generic[ReferencedTable, _Key, _GivenKey],
    ):
        pass


class ForeignKey(_ForeignKeyBase[ReferencedTable, _Key, _GivenKey]):
    """A reference to another table's ``id``, or to the own table's with ``"self"``.

    The one foreign key class of the package: Piccolo follows a chain of three
    only when all are of one class (column_types.py, ``__getattribute__``).
    Its defaults are the safe ones; Piccolo's are null and CASCADE.
    """

    # Piccolo's is a property, which ``commerce_promotion.value_type`` cannot
    # be joined through: the join sets each column as an attribute of the key.
    value_type = str
    _own_types = frozenset({str})

    @overload
    def __init__(self, references: type[ReferencedTable], **kwargs: Any) -> None: ...

    @overload
    def __init__(self: ForeignKey[Any], references: Literal["self"], **kwargs: Any) -> None: ...

    def __init__(
        self,
        references: Any,
        default: Any = None,
        null: bool = False,
        on_delete: OnDelete = OnDelete.restrict,
        on_update: OnUpdate = OnUpdate.no_action,
        **kwargs: Any,
    ) -> None:
        if references != "self" and not isinstance(references, type):
            # Piccolo's migrations make an INTEGER column of these (serialisation_legacy.py).
            raise ValueError(
                f"A foreign key references a table class or 'self', not {references!r}."
            )
        super().__init__(
            references=references,
            default=default,
            null=null,
            on_delete=on_delete,
            on_update=on_update,
            **kwargs,
        )

    def copy(self) -> Self:
        """Return a copy, as of other columns, with its own list of what can be joined."""
        column = super().copy()
        column._foreign_key_meta = self._foreign_key_meta.copy()
        return column

    def __getattribute__(self, name: str) -> Any:
        # Piccolo's begins with dir(self), to find a table that is referenced by its name, which
        # none here is; in a select of a whole row that took a third of the time. What is no
        # column is not a join, so Piccolo has nothing to do.
        value = object.__getattribute__(self, name)
        if name[0] == "_" or not isinstance(value, Column):
            return value
        if isinstance(value, ForeignKey):
            return super().__getattribute__(name)
        joined = value.copy()
        joined._meta.call_chain = [*self._meta.call_chain, self]  # type: ignore[list-item]
        return joined

    def _is_like(self, column: Column) -> bool:
        return (
            super()._is_like(column)
            and isinstance(column, ForeignKey)
            and (
                column._foreign_key_meta.resolved_references._meta.tablename
                == self._foreign_key_meta.resolved_references._meta.tablename
            )
        )

    def accept(self, value: Any) -> Any:
        """Return the key in the form it is stored in; see ``ModelColumn.accept``."""
        # What nearly every value is. Of object, because every look of ours goes through
        # __getattribute__ above, and an order has eight references.
        look = object.__getattribute__
        if type(value) is str:
            if look(self, "_tokens") is None and is_ulid(value):
                return value
        elif value is None and look(self, "_meta").null:
            return None
        return super().accept(value)

    def _convert(self, value: Any) -> str:
        return checked_ulid(self, self._key_of(value))

    def _convert_compared(self, value: Any) -> str:
        return checked_text(self, self._key_of(value))

    def _key_of(self, value: Any) -> Any:
        """Return the key of a row of the referenced table; any other value as it is."""
        if not isinstance(value, Table):
            return value
        target = self._foreign_key_meta.resolved_references
        if value._meta.tablename != target._meta.tablename:
            raise self._refused(value, f"is not a row of {target._meta.tablename}")
        return getattr(value, self._foreign_key_meta.resolved_target_column._meta.name)

    def _references(self) -> str:
        meta = self._foreign_key_meta
        table = meta.resolved_references._meta.get_formatted_tablename()
        column = meta.resolved_target_column._meta.db_column_name
        return (
            f'REFERENCES {table} ("{column}")'
            f" ON DELETE {meta.on_delete.value} ON UPDATE {meta.on_update.value}"
        )


class CompositeKey(Column):
    """The primary key of a join table: one column that stands for several.

    Piccolo knows one primary key column and finds a row by
    ``primary_key == row's value`` everywhere. With several key columns it takes
    the last, so that saving or removing one row touches all that share it
    (table.py, ``__init_subclass__``). This column compares all of them at once;
    its value is a tuple in the order of ``columns``. It is never stored.
    """

    value_type = tuple

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(primary_key=True)
        self.columns = tuple(columns)
        self._meta._name = "_key"
        self._meta._table = columns[0]._meta.table

    def __eq__(self, value: Any) -> Combinable:  # type: ignore[override]
        values = value if isinstance(value, tuple) else (None,) * len(self.columns)
        first, *rest = (
            Where(column, ModelColumn.accept_compared(column, column_value), operator=Equal)  # type: ignore[arg-type]
            for column, column_value in zip(self.columns, values, strict=True)
        )
        condition: Combinable = first
        for where in rest:
            condition = And(condition, where)
        return condition

    __hash__ = Column.__hash__
