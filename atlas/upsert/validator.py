"""Checks of whole rows, many in one call: pydantic, compiled for each table from its columns.

In: rows as dicts. Out: dicts in the order of the table's columns, each value in
the form the database's driver stores; or why a row is refused. What a column
takes is said by its ``accept`` alone. The compiled validator takes by itself
only what ``accept`` is known to return as it is, and asks for the rest.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from piccolo.engine.sqlite import ADAPTERS

from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, ModelColumn, Timestamp, Ulid
from atlas.columns.types import SURELY_INDEXABLE
from atlas.errors import InvalidValueError
from atlas.ulid import ULID_PATTERN
from atlas.upsert.plain import accept, refused

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

#: Below, every whole number is an exact float.
_EXACT = 2.0**53

#: Values a column's conversions are remembered for. Dates, flags and prices repeat.
_REMEMBERED = 1024

#: How a value that is not text, number or None goes to ``sqlite3``.
_SQLITE_FORMS: dict[type, Callable[[Any], Any]] = {
    **ADAPTERS,
    bool: int,
    datetime.date: datetime.date.isoformat,
    datetime.datetime: str,  # of an instant in UTC, as Piccolo's adapter writes it
}


def stored_form(column: ModelColumn[Any], value: Any, engine_type: str) -> Any:
    """Return what ``column`` accepts for ``value`` as the driver of ``engine_type`` takes it."""
    stored = accept(column, value)
    if engine_type == "sqlite" and (form := _SQLITE_FORMS.get(type(stored))):
        return form(stored)
    return stored


def is_blank(stored: Any) -> bool:
    """Return whether a value is text that nobody can see: rows with it are not one row."""
    return isinstance(stored, str) and not stored.strip()


Row = tuple[Any, ...]


class Validator:
    """The compiled check of rows that carry exactly ``columns``.

    Columns of ``key`` may not be null: a row without them could not be found again.
    """

    def __init__(
        self, columns: list[ModelColumn[Any]], key: tuple[str, ...], engine_type: str
    ) -> None:
        self._columns = columns
        self._names = [column._meta.name for column in columns]
        self._key = key
        self._engine_type = engine_type
        self._pick = itemgetter(*self._names) if len(columns) > 1 else None
        from pydantic_core import SchemaValidator, core_schema  # not before there are rows

        # Column by column, because to look a value up in a row takes pydantic as long as to
        # check it.
        self._compiled = SchemaValidator(
            core_schema.tuple_schema(
                [core_schema.list_schema(self._schema(column)) for column in columns]
            )
        )

    def rows(self, rows: list[Any]) -> list[Row] | None:
        """Return all ``rows``, which are dicts, in their stored form, as tuples.

        None when one of them is refused, or has not exactly the columns.
        """
        if set(map(len, rows)) != {len(self._names)}:
            return None
        from pydantic_core import ValidationError

        try:
            if self._pick is None:
                given = [[row[self._names[0]] for row in rows]]
            else:
                given = list(map(list, zip(*map(self._pick, rows), strict=True)))
            return list(zip(*self._compiled.validate_python(tuple(given)), strict=True))
        except (KeyError, ValidationError):
            return None

    def row(self, row: dict[str, Any]) -> tuple[Row, list[InvalidValueError]]:
        """Return one row in its stored form, and what is wrong with it, for each bad column."""
        values: list[Any] = []
        refused: list[InvalidValueError] = []
        for column, name in zip(self._columns, self._names, strict=True):
            try:
                values.append(self._accept(column, row[name]))
            except InvalidValueError as error:
                refused.append(error)
        return tuple(values), refused

    def _accept(self, column: ModelColumn[Any], value: Any) -> Any:
        stored = stored_form(column, value, self._engine_type)
        if column._meta.name in self._key and (stored is None or is_blank(stored)):
            raise refused(column, value, "is refused: the row is found by this column")
        return stored

    def _schema(self, column: ModelColumn[Any]) -> CoreSchema:
        """Return what takes a value as it is, then what remembers, then what decides."""
        from pydantic_core import core_schema

        def decide(value: Any) -> Any:
            return self._accept(column, value)

        # True is 1 in Python, so the types must be told apart.
        remember = lru_cache(_REMEMBERED, typed=True)(decide)
        as_it_is, repeating = _fast(column, column._meta.name in self._key)
        if isinstance(column, Decimal) and as_it_is is not None and self._engine_type != "sqlite":
            # -0.0 becomes 0.0, as which SQLite stores it without being asked.
            as_it_is = core_schema.no_info_after_validator_function((0.0).__add__, as_it_is)
        choices: list[CoreSchema | tuple[CoreSchema, str]] = []
        if as_it_is is not None:
            choices.append(as_it_is)
        if repeating:
            choices.append(
                core_schema.no_info_after_validator_function(
                    remember, core_schema.is_instance_schema(repeating)
                )
            )
        choices.append(core_schema.no_info_plain_validator_function(decide))
        schema: CoreSchema = core_schema.union_schema(choices, mode="left_to_right")
        if column._meta.null and column._meta.name not in self._key:
            schema = core_schema.nullable_schema(schema)
        return schema


def _fast(column: ModelColumn[Any], is_key: bool) -> tuple[CoreSchema | None, tuple[type, ...]]:
    """Return a schema of values that ``accept`` returns as they are, and types whose repeat."""
    from pydantic_core import core_schema

    if not isinstance(column, ModelColumn):
        return None, ()
    if column._tokens is not None:
        return core_schema.literal_schema(sorted(column._tokens)), ()
    match column:
        case Ulid() | ForeignKey():
            return core_schema.str_schema(strict=True, pattern=f"^{ULID_PATTERN.pattern}$"), ()
        case Integer():
            within = core_schema.int_schema(strict=True, ge=-(2**31), lt=2**31)
            return within, (str,)
        case Decimal():
            finite = core_schema.float_schema(
                strict=True, allow_inf_nan=False, gt=-_EXACT, lt=_EXACT
            )
            # By itself it would round a Fraction or decimal.Decimal.
            number = core_schema.is_instance_schema((float, int))
            return core_schema.chain_schema([number, finite]), (str,)
        case Boolean():
            return None, (bool, int, str)
        case Date():
            return None, (datetime.date, str)
        case Timestamp():
            # Not the datetimes: those of the hour that a clock repeats are equal.
            return None, (str,)
    plain = r"^[^\x00]*[^\x00\s][^\x00]*$" if is_key else r"^[^\x00]*$"
    longest = SURELY_INDEXABLE if getattr(column, "_longest_indexed", 0) else None
    return core_schema.str_schema(strict=True, pattern=plain, max_length=longest), ()
