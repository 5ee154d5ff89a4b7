"""INSERT, UPDATE and DELETE, made to keep the promises of the model.

In: what a caller wants written. Out: the same query as Piccolo's, which checks
every value before anything is sent, moves ``updated_at`` exactly when a value
changes, and tells an object what became of its row. ``Table`` hands these out.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from piccolo.columns import Column
from piccolo.constraints import Unique
from piccolo.custom_types import Combinable, TableInstance
from piccolo.query.methods.delete import Delete as PiccoloDelete
from piccolo.query.methods.insert import Insert as PiccoloInsert
from piccolo.query.methods.objects import UpdateSelf as PiccoloUpdateSelf
from piccolo.query.methods.update import Update as PiccoloUpdate
from piccolo.query.mixins import (
    OnConflict,
    OnConflictAction,
    OnConflictDelegate,
    OnConflictItem,
    ValuesDelegate,
)
from piccolo.querystring import QueryString

from atlas.columns import CompositeKey, ModelColumn
from atlas.errors import InvalidValueError, RowNotFoundError
from atlas.param import Computed
from atlas.query.shape import MOST_VALUES, Shape, Shaped
from atlas.query.stored_row import StoredRow

if TYPE_CHECKING:
    from typing import Self

    from piccolo.table import Table as PiccoloTable

    from atlas.param import OtherNames
    from atlas.query.typed import Runs


def differs(engine_type: str) -> str:
    """Return the null-safe inequality of an engine (SQLite has the standard's since 3.39)."""
    return "IS NOT" if engine_type == "sqlite" else "IS DISTINCT FROM"


def later(now: str, old: str, engine_type: str) -> str:
    """Return the SQL of what ``updated_at`` moves to: ``now``, or the next instant after ``old``.

    The next instant it is behind a clock that was set back, or the faster one of
    another machine: who reads on from the last ``updated_at`` must see every change.
    """
    if engine_type == "sqlite":
        return f"max({now}, strftime('%Y-%m-%d %H:%M:%f+00:00', {old}, '+0.001 seconds'))"
    return f"GREATEST({now}, {old} + INTERVAL '1 microsecond')"


def _stamp(stamp: Column, now: Any, old: str, changed: QueryString) -> QueryString:
    """Return what ``updated_at`` becomes: later than ``old`` where ``changed`` holds.

    Usually that is now (see ``later``).
    """
    moved = later("{}", old, stamp._meta.engine_type)
    return QueryString(f"CASE WHEN {{}} THEN {moved} ELSE {old} END", changed, now)


def _refuse_another(column: Column, table: type[PiccoloTable]) -> None:
    """Refuse a column of another table, which SQL would take for this one's of the same name."""
    if column._meta.table._meta.tablename != table._meta.tablename:
        raise ValueError(f"{column!r} is not a column of {table.__name__}.")


def _refuse_fixed(column: Column, value: Any) -> None:
    """Refuse to change an id or ``created_at`` of a row that exists (rule G1)."""
    if not (column._meta.primary_key or column._meta.name == "created_at"):
        return
    if not (isinstance(value, Column) and column._equals(value, including_joins=True)):
        raise InvalidValueError(
            column._meta.table._meta.tablename,
            column._meta.name,
            value,
            "is refused: the column never changes",
        )


def _refuse_stamp(column: Column, value: Any) -> None:
    """Refuse to set ``updated_at`` by hand."""
    if any(column is stamp for stamp in column._meta.table._meta.auto_update_columns):
        raise InvalidValueError(
            column._meta.table._meta.tablename,
            column._meta.name,
            value,
            "is refused: the column is set when another value changes; to write it, "
            "pass use_auto_update=False to update()",
        )


if TYPE_CHECKING:

    class _UpdateBase(  # type: ignore[misc]
        Runs[list[Any], OtherNames], PiccoloUpdate[TableInstance]
    ):
        """The clauses of an update, with types."""

        def where(self, *where: Combinable | QueryString) -> Self: ...

        def values(self, values: dict[Column | str, Any] | None = None, **kwargs: Any) -> Self: ...

        def returning(self, *columns: Column) -> Self: ...

    class _DeleteBase(Runs[list[Any], OtherNames], PiccoloDelete):  # type: ignore[misc]
        """The clauses of a delete, with types."""

        def where(self, *where: Combinable | QueryString) -> Self: ...

        def returning(self, *columns: Column) -> Self: ...

else:
    _UpdateBase, _DeleteBase = PiccoloUpdate, PiccoloDelete


class Update(Shaped, _UpdateBase[TableInstance]):  # type: ignore[misc]
    """An UPDATE that checks its values and moves ``updated_at`` only for rows it changes."""

    __slots__ = ("_now", "is_prepared", "row", "use_auto_update")

    def __init__(
        self,
        table: type[TableInstance],
        force: bool = False,
        use_auto_update: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(table, force=force, **kwargs)
        self.use_auto_update = use_auto_update
        #: The object whose ``save`` this is; it learns what happened to its row.
        self.row: StoredRow | None = None
        #: Whether the SQL is made for many runs, each of which has its own time.
        self.is_prepared = False
        #: What ``updated_at`` becomes, where that is known.
        self._now: Any = None

    @property
    def default_querystrings(self) -> Sequence[QueryString]:
        query = copy.copy(self)  # this one keeps what it was given
        query.values_delegate = ValuesDelegate(self.table, self._checked_values())
        return super(Update, query).default_querystrings

    def _shape(self) -> Shape | None:
        values = self._accepted_values()
        shape = Shape("update", self.table)
        shape.add(self.use_auto_update)
        sent = list(values.values())
        if not (shape.add_columns(values) and shape.add_values(sent)):
            return None
        if self.use_auto_update:
            stamps = self.table._meta.auto_update_columns
            if len(stamps) > 1:
                return None
            for stamp in stamps:  # it is compared with what is stored, value by value
                shape.now = stamp._meta.auto_update()
                shape.values += [*sent, shape.now]
        if not shape.add_where(self.where_delegate._where):
            return None
        returning = self.returning_delegate._returning
        return shape if shape.add_columns(returning.columns if returning else ()) else None

    def _querystrings_of(self, shape: Shape) -> Sequence[QueryString]:
        query = copy.copy(self)
        query._now = shape.now
        return query.querystrings

    def _checked_values(self) -> dict[Column, Any]:
        checked = self._accepted_values()
        if self.use_auto_update:
            unequal = differs(self.engine_type)
            changes = [f'"{column._meta.db_column_name}" {unequal} ({{}})' for column in checked]
            changed = QueryString(" OR ".join(changes), *checked.values())
            for stamp in self.table._meta.auto_update_columns:
                make_now = stamp._meta.auto_update
                now = Computed(make_now) if self.is_prepared else self._now or make_now()
                checked[stamp] = _stamp(stamp, now, f'"{stamp._meta.db_column_name}"', changed)
        return checked

    def _accepted_values(self) -> dict[Column, Any]:
        """Return the values in the form they are stored in; raise for what is refused."""
        checked: dict[Column, Any] = {}
        column: Any
        for column, value in self.values_delegate._values.items():
            _refuse_another(column, self.table)
            _refuse_fixed(column, value)
            if self.use_auto_update:
                _refuse_stamp(column, value)
            # Of the class: on a foreign key Piccolo searches all attributes (see Table._checks).
            if self.row is None or column._meta.primary_key:
                checked[column] = ModelColumn.accept_update(column, value)
            else:  # an object that kept an expression would not hold what its row does
                checked[column] = ModelColumn.accept(column, value)
        return checked

    def _raw_response_callback(self, results: list[dict[str, Any]]) -> None:
        if self.row is None:
            return
        if not results:
            raise RowNotFoundError(self.table._meta.tablename, self.row._key)
        for stamp in self.table._meta.auto_update_columns:
            name = stamp._meta.name
            if name in results[0]:
                setattr(self.row, name, results[0][name])


class UpdateSelf(PiccoloUpdateSelf):
    """``row.update_self(...)``: change one row in the database and in the object."""

    row: Any  # a StoredRow

    async def run(self, node: str | None = None, in_pool: bool = True) -> None:
        """Write the values; afterwards the object holds them and the row's ``updated_at``.

        Raises ``InvalidValueError`` for a value the model does not allow and
        ``RowNotFoundError`` when the row is gone.
        """
        row: StoredRow = self.row
        key = row._stored_key()
        table: Any = type(row)
        columns = [
            table._meta.get_column_by_name(column) if isinstance(column, str) else column
            for column in self.values
        ]
        returned = await (
            table.update(self.values)
            .where(table._meta.primary_key == key)
            .returning(*columns, *table._meta.auto_update_columns)
            .run(node=node, in_pool=in_pool)
        )
        if not returned:
            raise RowNotFoundError(table._meta.tablename, key)
        for name, value in returned[0].items():
            setattr(row, name, value)


class Delete(Shaped, _DeleteBase):  # type: ignore[misc]
    """A DELETE; when it is an object's ``remove``, the object learns that its row is gone."""

    __slots__ = ("row",)

    def __init__(self, table: type[Any], force: bool = False, **kwargs: Any) -> None:
        super().__init__(table, force=force, **kwargs)
        self.row: StoredRow | None = None

    def _shape(self) -> Shape | None:
        shape = Shape("delete", self.table)
        if not shape.add_where(self.where_delegate._where):
            return None
        returning = self.returning_delegate._returning
        return shape if shape.add_columns(returning.columns if returning else ()) else None

    def _raw_response_callback(self, results: list[dict[str, Any]]) -> None:
        if self.row is None:
            return
        if not results:
            raise RowNotFoundError(self.table._meta.tablename, self.row._key)
        self.row._exists_in_db = False


@cache
def _told(table: type[PiccoloTable]) -> list[Column]:
    """Return the columns that the database, and not the object, may have the last word on."""
    meta = table._meta
    return [
        column
        for column in meta.columns
        if column._meta.primary_key
        or column._meta.name == "created_at"
        or any(column is stamp for stamp in meta.auto_update_columns)
    ]


class Insert(Shaped, PiccoloInsert[TableInstance]):
    """An INSERT that tells each object whether its own row was stored.

    Piccolo gives the returned ids to the objects by position, so after
    ON CONFLICT DO NOTHING the objects behind a skipped one hold each other's
    ids, and saving one overwrites another's row (insert.py, 1.38.0).
    """

    __slots__ = ("_told", "_unasked")

    def __init__(self, table: type[TableInstance], *instances: Any, **kwargs: Any) -> None:
        #: What an object learns of its row: that which ON CONFLICT DO UPDATE keeps or makes.
        self._told = _told(table)
        #: What of that the caller did not ask for, and does not get.
        self._unasked: list[str] = []
        super().__init__(table, *instances, **kwargs)

    def returning(self, *columns: Column) -> Insert[TableInstance]:
        """Return these columns of every row that was inserted or updated."""
        asked = {column._alias or column._meta.name for column in columns}
        unasked = [column for column in self._told if column._meta.name not in asked]
        self._unasked = [column._meta.name for column in unasked]
        super().returning(*columns, *unasked)
        return self

    def on_conflict(
        self,
        target: str | Column | tuple[Column, ...] | None = None,
        action: Any = OnConflictAction.do_nothing,
        values: Sequence[Column | tuple[Column, Any]] | None = None,
        where: Combinable | None = None,
    ) -> Insert[TableInstance]:
        """Say what happens to a row whose unique key is taken.

        ``target`` is a column, a tuple of columns, the table's primary key
        (also of a join table) or the name PostgreSQL has for one of its unique
        keys. With DO UPDATE ``updated_at`` moves when a value changes; an
        object then has the key of the row that was there, and ``refresh()``
        reads what it does not hold. Raises ``InvalidValueError`` for
        ``values`` that would change an id or ``created_at``, or that the model
        does not allow.
        """
        if isinstance(target, CompositeKey):
            target = target.columns
        elif isinstance(target, str):
            target = self._columns_of(target)
        super().on_conflict(target=target, action=action, values=values, where=where)
        return self

    @property
    def default_querystrings(self) -> Sequence[QueryString]:
        query = copy.copy(self)  # this one keeps what it was given
        items = self.on_conflict_delegate._on_conflict.on_conflict_items
        checked = [replace(item, values=self._checked_values(item)) for item in items]
        query.on_conflict_delegate = OnConflictDelegate(OnConflict(checked))
        return super(Insert, query).default_querystrings

    def _shape(self) -> Shape | None:
        rows: list[Any] = self.add_delegate._add
        returning = self.returning_delegate._returning
        if self.on_conflict_delegate._on_conflict.on_conflict_items or returning is None:
            return None
        shape = Shape("insert", self.table)
        if not shape.add_columns(returning.columns) or len(rows) > MOST_VALUES:
            return None
        shape.add(len(rows))
        for row in rows:
            if not shape.add_values(row._checked_values()):
                return None
        return shape

    def _columns_of(self, name: str) -> tuple[Column, ...]:
        """Return the columns of a unique key; SQLite cannot be given its name."""
        meta = self.table._meta
        keys = {f"{meta.tablename}_pkey": tuple(c for c in meta.columns if c._meta.primary_key)}
        for column in meta.columns:
            if column._meta.unique:
                keys[f"{meta.tablename}_{column._meta.name}_key"] = (column,)
        for constraint in meta.constraints:
            if isinstance(constraint, Unique):
                names = constraint._meta.params["columns"]
                keys[constraint._meta.name] = tuple(map(meta.get_column_by_name, names))
        if name not in keys:
            raise ValueError(
                f"{name} is not a unique key of {meta.tablename}; {', '.join(keys)} are"
            )
        return keys[name]

    def _checked_values(self, conflict: OnConflictItem) -> list[Any]:
        target = conflict.target if isinstance(conflict.target, tuple) else (conflict.target,)
        in_target = {column._meta.name for column in target if isinstance(column, Column)}
        table = self.table._meta.get_formatted_tablename()
        stamps = self.table._meta.auto_update_columns
        unequal = differs(self.engine_type)
        checked: list[Any] = []
        changes: list[str] = []
        new: list[Any] = []
        for item in conflict.values or ():
            column: Any
            column, *value = item if isinstance(item, tuple) else (item,)
            _refuse_another(column, self.table)
            name = f'"{column._meta.db_column_name}"'
            if value:
                _refuse_fixed(column, value[0])
                _refuse_stamp(column, value[0])
                new.append(column.accept_update(value[0]))
                checked.append((column, new[-1]))
                changes.append(f"{table}.{name} {unequal} ({{}})")
            elif not any(column is stamp for stamp in stamps):
                if column._meta.name not in in_target:  # those are equal: that is the conflict
                    _refuse_fixed(column, "the value of the inserted row")
                checked.append(column)
                changes.append(f"{table}.{name} {unequal} excluded.{name}")
        if changes:
            changed = QueryString(" OR ".join(changes), *new)
            for stamp in stamps:
                old = f'{table}."{stamp._meta.db_column_name}"'
                checked.append((stamp, _stamp(stamp, stamp._meta.auto_update(), old, changed)))
        return checked

    def _raw_response_callback(self, results: list[dict[str, Any]]) -> None:
        rows: list[Any] = self.add_delegate._add
        if len(results) == len(rows):
            # One each, in order. DO UPDATE may return an older row, with its own key.
            told = list(zip(rows, results, strict=True))
        else:
            keys = [column._meta.name for column in self._told if column._meta.primary_key]
            by_key = {tuple(result[name] for name in keys): result for result in results}
            told = [(row, by_key[key]) for row in rows if (key := row._key_values()) in by_key]
        names = [column._meta.name for column in self._told]
        for row, result in told:
            for name in names:
                if row._plain(name) != result[name]:
                    setattr(row, name, result[name])
            row._exists_in_db = True
        for result in results:
            for name in self._unasked:
                del result[name]
