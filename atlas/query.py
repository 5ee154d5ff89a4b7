"""Piccolo's queries, made to keep the promises of the model.

In: what a caller wants written or selected. Out: the same query as Piccolo's,
which checks every value before anything is sent, moves ``updated_at`` exactly
when a value changes, and tells an object what became of its row. ``Table``
hands these out; nobody needs to import them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from piccolo.columns import Column
from piccolo.custom_types import Combinable, TableInstance
from piccolo.query.methods.delete import Delete as PiccoloDelete
from piccolo.query.methods.insert import Insert as PiccoloInsert
from piccolo.query.methods.objects import UpdateSelf as PiccoloUpdateSelf
from piccolo.query.methods.select import Select as PiccoloSelect
from piccolo.query.methods.update import Update as PiccoloUpdate
from piccolo.query.mixins import OnConflictAction, ValuesDelegate
from piccolo.querystring import QueryString

from atlas.columns import CompositeKey, utc_now
from atlas.errors import InvalidValueError, RowNotFoundError
from atlas.m2m import M2MSelect

if TYPE_CHECKING:
    from piccolo.query.base import FrozenQuery

    from atlas.table import Table


def _differs(engine_type: str) -> str:
    """Return the null-safe inequality of an engine (SQLite has the standard's since 3.39)."""
    return "IS NOT" if engine_type == "sqlite" else "IS DISTINCT FROM"


class Stamp(QueryString):
    """What ``updated_at`` becomes: now for a row that changes, else what it was."""


class Values(ValuesDelegate):
    """The SET of an update, checked as it is written to SQL."""

    def get_sql_values(self) -> list[Any]:
        return [
            value if isinstance(value, Stamp) else column.accept_update(value)  # type: ignore[attr-defined]
            for column, value in self._values.items()
        ]


class Update(PiccoloUpdate[TableInstance]):
    """An UPDATE that checks its values and moves ``updated_at`` only for rows it changes."""

    __slots__ = ("row", "use_auto_update")

    def __init__(
        self,
        table: type[TableInstance],
        force: bool = False,
        use_auto_update: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(table, force=force, **kwargs)
        self.values_delegate = Values(table=table)
        self.use_auto_update = use_auto_update
        #: The object whose ``save`` this is; it learns what happened to its row.
        self.row: Table | None = None

    def _validate(self) -> None:
        super()._validate()  # type: ignore[no-untyped-call]
        for column, value in self.values_delegate._values.items():
            _refuse_immutable(self.table, column, value)

    @property
    def default_querystrings(self) -> Sequence[QueryString]:
        values = self.values_delegate._values
        if self.use_auto_update:
            for stamp in self.table._meta.auto_update_columns:
                others = {c: v for c, v in values.items() if c._meta.name != stamp._meta.name}
                values[stamp] = self._stamp(stamp, others)
        return super().default_querystrings

    def _stamp(self, stamp: Column, values: dict[Column, Any]) -> Stamp:
        changed = " OR ".join(
            f'"{column._meta.db_column_name}" {_differs(self.engine_type)} ({{}})'
            for column in values
        )
        name = stamp._meta.db_column_name
        return Stamp(
            f'CASE WHEN {changed} THEN {{}} ELSE "{name}" END',
            *(column.accept_update(value) for column, value in values.items()),  # type: ignore[attr-defined]
            stamp._meta.auto_update(),
        )

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

    row: Table

    async def run(self, node: str | None = None, in_pool: bool = True) -> None:
        """Write the values; afterwards the object holds them and the row's ``updated_at``.

        Raises ``InvalidValueError`` for a value the model does not allow and
        ``RowNotFoundError`` when the row is gone.
        """
        row = self.row
        key = row._stored_key()
        table = type(row)
        columns = [
            table._meta.get_column_by_name(key) if isinstance(key, str) else key
            for key in self.values
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


class Delete(PiccoloDelete):
    """A DELETE; when it is an object's ``remove``, the object learns that its row is gone."""

    __slots__ = ("row",)

    def __init__(self, table: type[Any], force: bool = False, **kwargs: Any) -> None:
        super().__init__(table, force=force, **kwargs)
        self.row: Table | None = None

    def _raw_response_callback(self, results: list[dict[str, Any]]) -> None:
        if self.row is not None:
            self.row._exists_in_db = False


class Insert(PiccoloInsert[TableInstance]):
    """An INSERT that tells each object whether its own row was stored.

    Piccolo gives the returned ids to the objects by position, so after
    ON CONFLICT DO NOTHING the objects behind a skipped one hold each other's
    ids, and saving one overwrites another's row (insert.py, 1.38.0).
    """

    def on_conflict(
        self,
        target: str | Column | tuple[Column, ...] | None = None,
        action: Any = OnConflictAction.do_nothing,
        values: Sequence[Column | tuple[Column, Any]] | None = None,
        where: Combinable | None = None,
    ) -> Insert[TableInstance]:
        """Say what happens to a row whose unique key is taken.

        ``target`` is a column, a tuple of columns, the table's primary key
        (also of a join table) or the name of one of its unique constraints.
        With DO UPDATE ``updated_at`` moves when a value changes. Raises
        ``InvalidValueError`` for ``values`` that would change an id or
        ``created_at``, or that the model does not allow.
        """
        meta = self.table._meta
        if isinstance(target, CompositeKey):
            target = target.columns
        elif isinstance(target, str):
            for constraint in meta.constraints:
                if target == constraint._meta.name:
                    names = constraint._meta.params["columns"]
                    target = tuple(meta.get_column_by_name(name) for name in names)
                    break
        checked = None if values is None else self._checked(target, values)
        super().on_conflict(target=target, action=action, values=checked, where=where)
        return self

    def _checked(self, target: Any, values: Sequence[Any]) -> list[Any]:
        in_target = {c._meta.name for c in (target if isinstance(target, tuple) else (target,))}
        checked: list[Any] = []
        for item in values:
            column, *value = item if isinstance(item, tuple) else (item,)
            if column._meta.name in in_target and not value:
                continue  # equal already: that is what the conflict is
            _refuse_immutable(self.table, column, *value or ["the value of the inserted row"])
            checked.append((column, column.accept_update(value[0])) if value else column)
        stamps = self.table._meta.auto_update_columns
        checked = [c for c in checked if not any(_column(c) is stamp for stamp in stamps)]
        return checked + [(stamp, self._stamp(stamp, checked)) for stamp in stamps if checked]

    def _stamp(self, stamp: Column, values: Sequence[Any]) -> QueryString:
        table = self.table._meta.get_formatted_tablename()
        changed, args = [], []
        for item in values:
            name = _column(item)._meta.db_column_name
            if isinstance(item, tuple):
                changed.append(f'{table}."{name}" {_differs(self.engine_type)} ({{}})')
                args.append(item[1])
            else:
                changed.append(f'{table}."{name}" {_differs(self.engine_type)} excluded."{name}"')
        name = stamp._meta.db_column_name
        return QueryString(
            f'CASE WHEN {" OR ".join(changed)} THEN {{}} ELSE {table}."{name}" END',
            *args,
            utc_now(),
        )

    def _raw_response_callback(self, results: list[dict[str, Any]]) -> None:
        rows: list[Any] = self.add_delegate._add
        keys = [c._meta.name for c in self.table._meta.columns if c._meta.primary_key]
        if not self.on_conflict_delegate._on_conflict.on_conflict_items:
            for row in rows:  # all or none were inserted, under the keys they carry
                row._exists_in_db = True
            return
        if any(name not in result for result in results for name in keys):
            return  # the caller's own RETURNING says nothing about the keys
        stored = {tuple(result[name] for name in keys) for result in results}
        if len(results) == len(rows):
            # DO UPDATE returns one row each, in order; it may be an older row with its own id.
            for row, result in zip(rows, results, strict=True):
                for name in keys:
                    setattr(row, name, result[name])
                row._exists_in_db = True
            return
        for row in rows:
            if row._key_values() in stored:
                row._exists_in_db = True


def _column(item: Any) -> Any:
    return item[0] if isinstance(item, tuple) else item


def _refuse_immutable(table: type[Any], column: Column, value: Any) -> None:
    """Refuse to change an id or ``created_at`` of a row that exists (rule G1)."""
    if column._meta.primary_key or column._meta.name == "created_at":
        if isinstance(value, Column) and value._meta.name == column._meta.name:
            return
        raise InvalidValueError(
            table._meta.tablename, column._meta.name, value, "is refused: the column never changes"
        )


class Select(PiccoloSelect[TableInstance]):
    """A SELECT whose many-to-many columns come back as the values that are stored."""

    async def response_handler(self, response: list[dict[str, Any]]) -> Any:
        for selected in self.columns_delegate.selected_columns:
            if isinstance(selected, M2MSelect):
                selected.decode(response)
        return await super().response_handler(response)  # type: ignore[no-untyped-call]

    def freeze(self) -> FrozenQuery:
        frozen = super().freeze()
        # Piccolo forgets the columns (query/base.py, freeze), and with them what to decode.
        frozen.query.columns_delegate = self.columns_delegate  # type: ignore[attr-defined]
        return frozen
