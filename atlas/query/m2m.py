"""Many-to-many relations through the model's join tables.

In: the two sides of a join table. Out: related rows, with every value as it is
stored. Piccolo's own reads go through ``group_concat`` and split at commas, its
``add_m2m`` builds a join row without its keys, and it refuses a join table that
references one table twice (columns/m2m.py, 1.38.0).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from piccolo.columns import Column, ForeignKey
from piccolo.columns.m2m import M2M as PiccoloM2M
from piccolo.columns.m2m import M2MAddRelated, M2MGetRelated, M2MMeta
from piccolo.columns.reference import LazyTableReference
from piccolo.querystring import QueryString, Selectable
from piccolo.utils.list import flatten

from atlas.columns import Decimal

if TYPE_CHECKING:
    from piccolo.table import Table


class _Meta(M2MMeta):
    """Which of the join table's two foreign keys is this side, and which the other."""

    this_side: str | None = None

    @property
    def primary_foreign_key(self) -> ForeignKey[Any]:
        if self.this_side is None:
            foreign_key: ForeignKey[Any] = super().primary_foreign_key
            return foreign_key
        return self._foreign_key(self.this_side)

    @property
    def secondary_foreign_key(self) -> ForeignKey[Any]:
        this = self.primary_foreign_key._meta.name
        other = next(key for key in self.foreign_key_columns if key._meta.name != this)
        return self._foreign_key(other._meta.name)

    def _foreign_key(self, name: str) -> ForeignKey[Any]:
        column = self.resolved_joining_table._meta.get_column_by_name(name)
        if not isinstance(column, ForeignKey):
            raise TypeError(f"{column!r} is not a foreign key, so it is no side of {self.name}")
        return column


class M2M(PiccoloM2M):
    """Rows of another table related through a join table, as ``Person.tags``.

    ``joining_table`` is a ``LazyTableReference`` (or the class). ``this_side``
    names the join table's foreign key that points to the table this stands in;
    it is needed only where both keys point there.

    Select columns of the related rows with ``Person.select(Person.tags(Tag.name))``;
    the result is a list of dicts ordered by primary key, or with ``as_list=True``
    a list of values. See also ``get_m2m``, ``add_m2m`` and ``remove_m2m``.
    """

    def __init__(
        self, joining_table: LazyTableReference | type[Table], this_side: str | None = None
    ) -> None:
        super().__init__(joining_table)
        self._meta = _Meta(joining_table=joining_table)
        self._meta.this_side = this_side

    def __call__(  # type: ignore[override]
        self, *columns: Column | list[Column], as_list: bool = False
    ) -> M2MSelect:
        """Return the related rows' ``columns`` (all of them if none is named) for a select.

        Raises ``ValueError`` for a column of another table, one reached through
        a foreign key, or ``as_list`` with several columns.
        """
        related = self._meta.secondary_table._meta
        chosen: Sequence[Any] = flatten(columns) or related.columns
        for column in chosen:
            if column._meta.call_chain or column._meta.table._meta.tablename != related.tablename:
                raise ValueError(
                    f"{self._meta.table.__name__}.{self._meta.name}: {column!r} is not a column of "
                    f"{related.tablename}; select columns of the related table itself"
                )
        if as_list and len(chosen) != 1:
            raise ValueError("as_list=True takes exactly one column")
        return M2MSelect(*chosen, m2m=self, as_list=as_list)


class M2MSelect(Selectable):
    """A column of a select that holds the related rows, fetched as JSON in the same query.

    It is named like the relation; ``as_alias`` gives it another name.
    """

    def __init__(self, *columns: Any, m2m: M2M, as_list: bool = False) -> None:
        self.columns = columns
        self.m2m = m2m
        self.as_list = as_list
        self._alias = None

    @property
    def name(self) -> str:
        """The key of this column in the rows of the select."""
        return self._alias or self.m2m._meta.name

    def get_select_string(self, engine_type: str, with_alias: bool = True) -> QueryString:
        meta = self.m2m._meta
        join = meta.resolved_joining_table._meta.get_formatted_tablename()
        this, other = meta.primary_foreign_key, meta.secondary_foreign_key
        related = meta.secondary_table._meta
        related_key = related.primary_key._meta.db_column_name
        own = meta.table._meta
        values = ", ".join(_json_value(column, engine_type) for column in self.columns)
        array, aggregate = (
            ("json_array", "json_group_array(json(_values))")
            if engine_type == "sqlite"
            # As text, which SELECT DISTINCT can compare.
            else ("json_build_array", "CAST(json_agg(_values) AS TEXT)")
        )
        alias = f' AS "{self.name}"' if with_alias else ""
        return QueryString(
            f"(SELECT {aggregate} FROM (SELECT {array}({values}) AS _values"
            f" FROM {join} AS _join"
            f" JOIN {related.get_formatted_tablename()} AS _related"
            f' ON _join."{other._meta.db_column_name}" = _related."{related_key}"'
            f' WHERE _join."{this._meta.db_column_name}"'
            f' = "{own.tablename}"."{own.primary_key._meta.db_column_name}"'
            f' ORDER BY _related."{related_key}") AS _rows){alias}'
        )

    def decode(self, response: list[dict[str, Any]]) -> None:
        """Replace the JSON text in each row of ``response`` by the Python values."""
        names = [column._alias or column._meta.name for column in self.columns]
        for row in response:
            related = [
                [
                    column.from_json(value)
                    for column, value in zip(self.columns, values, strict=True)
                ]
                for values in json.loads(row[self.name] or "[]")
            ]
            row[self.name] = (
                [value for (value,) in related]
                if self.as_list
                else [dict(zip(names, values, strict=True)) for values in related]
            )


def _json_value(column: Column, engine_type: str) -> str:
    name = f'_related."{column._meta.db_column_name}"'
    if engine_type == "sqlite" and isinstance(column, Decimal):
        # SQLite writes JSON numbers with 15 digits. A float needs 17, and for
        # very large and small ones SQLite works out the 17th only when asked for more.
        return f"CASE typeof({name}) WHEN 'real' THEN printf('%!.20g', {name}) ELSE {name} END"
    return name


class RelatedRows(M2MGetRelated):
    """``row.get_m2m(...)``: the related rows as objects."""

    async def run(self) -> Any:
        """Return the rows, ordered by primary key."""
        meta = self.m2m._meta
        key = meta.secondary_table._meta.primary_key
        joined = meta.resolved_joining_table.select(meta.secondary_foreign_key).where(
            meta.primary_foreign_key == self.row
        )
        return await meta.secondary_table.objects().where(key.is_in(joined)).order_by(key)


class AddRelated(M2MAddRelated):
    """``row.add_m2m(...)``: insert the rows that are new, and a join row for each."""

    async def run(self) -> Any:
        """Insert all or none; return the primary keys of the join rows.

        Raises what the inserts raise; the objects that were new are new again.
        """
        if not self.rows:
            return []
        new = [row for row in self.rows if not row._exists_in_db]
        try:
            # Inside a transaction of the caller's, who may go on after a failure, a savepoint.
            async with self.target_row._meta.db.transaction():
                return await self._insert(new)
        except BaseException:
            for row in new:
                row._exists_in_db = False
            raise

    async def _insert(self, new: list[Table]) -> Any:
        if new:
            await type(new[0]).insert(*new)
        meta = self.m2m._meta
        joining_table = meta.resolved_joining_table
        joined = [
            joining_table(
                **{
                    **self.resolved_extra_column_values,
                    meta.primary_foreign_key._meta.name: self.target_row,
                    meta.secondary_foreign_key._meta.name: row,
                }
            )
            for row in self.rows
        ]
        return await joining_table.insert(*joined)
