"""What the admin page does to a table: its rows as JSON, and edits by the table's own rules.

In: requests of the page, as piccolo_api 1.11 defines them
(piccolo_api/crud/endpoints.py). Out: rows, or one row inserted, changed or
deleted; or a sentence about what is wrong. A row is named by its whole primary
key; that of a join table is its keys with a ``-`` between them.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import pydantic
from piccolo.columns import Column, Where
from piccolo.columns.combination import Or
from piccolo.columns.operators.comparison import ComparisonOperator, Equal
from piccolo.columns.readable import Readable
from piccolo.custom_types import Combinable
from piccolo.query.methods.select import Select as PiccoloSelect
from piccolo.utils.pydantic import create_pydantic_model, get_pydantic_value_type
from piccolo_api.crud.endpoints import OPERATOR_MAP, OrderBy, ParamException, Params, PiccoloCRUD
from piccolo_api.crud.exceptions import MalformedQuery
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from atlas import rules
from atlas.admin import looks
from atlas.admin.cascades import PARTS, parts_of, told
from atlas.columns import ForeignKey, ModelColumn, Text
from atlas.errors import AtlasError, InvalidValueError, RowNotFoundError
from atlas.table import Table

#: Between the keys of a join row; a ULID has none.
_SEPARATOR = "-"
#: The column of a list that names each row; it is made for the page and never stored.
READABLE = "row"
#: What the application never sets: the database and the table do.
_INSTANTS = ("created_at", "updated_at")
#: How many rows a search for a reference returns at most.
_MOST_IDS = 1000
#: How long what is searched for may be, and how many words or values it may have.
_MOST_CHARACTERS, _MOST_WORDS = 1000, 20
#: The last row that either database can be asked to begin with.
_LAST_ROW = 2**63 - 1

Endpoint = TypeVar("Endpoint", bound=Callable[..., Coroutine[Any, Any, Response]])


class _RefusedError(Exception):
    """A request that is answered with a sentence instead."""

    def __init__(self, message: Any, status: int = 422) -> None:
        self.response = JSONResponse(message, status)


def _of_fields(*messages: tuple[str, str]) -> dict[str, Any]:
    """Return errors in FastAPI's form, which the page shows with the name of each field."""
    return {
        "detail": [
            {"loc": ["body", column], "msg": message, "type": "value_error"}
            for column, message in messages
        ]
    }


def _answered(method: Endpoint) -> Endpoint:
    """Answer what goes wrong with a sentence that the page shows."""

    @functools.wraps(method)
    async def answered(self: TableCRUD, *args: Any, **kwargs: Any) -> Response:
        try:
            return await method(self, *args, **kwargs)
        except _RefusedError as error:
            return error.response
        except InvalidValueError as error:
            return JSONResponse(_of_fields((error.column, _sentence(error))), 422)
        except pydantic.ValidationError as error:  # what FastAPI has not looked at: name[]=value
            return JSONResponse({"detail": error.errors(include_url=False)}, 422)
        except RowNotFoundError as error:
            return JSONResponse(str(error), 404)
        except (ParamException, MalformedQuery) as error:
            return JSONResponse(str(error), 400)
        except AtlasError as error:
            return JSONResponse(str(error), 422)
        except (OverflowError, RecursionError) as error:  # a driver's, of what has no type yet
            return JSONResponse(f"What was asked for cannot be asked: {error}.", 400)
        except Exception as error:
            if not _is_of_database(error):
                raise
            return JSONResponse({"db_error": _explained(str(error))}, 422)

    return cast(Endpoint, answered)


def _sentence(error: InvalidValueError) -> str:
    return str(error).removeprefix(f"{error.table}.{error.column}: ")


def _is_of_database(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) or type(error).__module__.startswith("asyncpg.")


def _explained(message: str) -> str:
    if message == "FOREIGN KEY constraint failed":  # SQLite says no more
        return f"{message}: a row that is referenced is missing, or other rows reference this one."
    return message


class TableCRUD(PiccoloCRUD):
    """The endpoints of one table."""

    table: type[Table]

    def __init__(self, table: type[Table], **options: Any) -> None:
        super().__init__(table, **options)
        self._columns: dict[str, ModelColumn[Any]] = {
            column._meta.name: column  # type: ignore[misc]
            for column in table._meta.columns
        }
        self._key_name = table._meta.primary_key._meta.name

    # What the page knows of the table. The models are made once: stock makes them at each request.

    @functools.cached_property
    def pydantic_model(self) -> type[pydantic.BaseModel]:
        """The fields of the form: all columns but a single key, required where none can be made."""
        has_id = len(self.table._key_columns) == 1
        model = create_pydantic_model(
            self.table,
            model_name=f"{self.table.__name__}In",
            exclude_columns=self.table._key_columns if has_id else (),
            include_default_columns=True,
            json_schema_extra={"extra": self.schema_extra},
        )
        fields = {
            name: self._form_field(self._columns[name], field)
            for name, field in model.model_fields.items()
        }
        return pydantic.create_model(model.__name__, __base__=model, **fields)  # type: ignore[call-overload,no-any-return]

    def _form_field(self, column: ModelColumn[Any], field: Any) -> tuple[Any, Any]:
        """Return a column's type and field; a reference is titled by what it shows, not its id."""
        name = column._meta.name
        words = name.removesuffix("_id") if isinstance(column, ForeignKey) else name
        title, extra = words.replace("_", " ").title(), field.json_schema_extra
        for choice in (extra.get("extra", {}).get("choices") or {}).values():
            choice["display_name"] = looks.words(choice["value"])
        if column._meta.null or column.get_default_value() is not None:
            return field.annotation, pydantic.Field(None, title=title, json_schema_extra=extra)
        required = get_pydantic_value_type(column)
        return required, pydantic.Field(title=title, json_schema_extra=extra)

    @functools.cached_property
    def pydantic_model_optional(self) -> type[pydantic.BaseModel]:
        """The same, with nothing required."""
        return super().pydantic_model_optional

    @functools.cached_property
    def pydantic_model_filters(self) -> type[pydantic.BaseModel]:
        """The columns to filter by."""
        return super().pydantic_model_filters

    # Reading.

    @_answered
    async def get_all(self, request: Request, params: dict[str, Any] | None = None) -> Response:
        """Answer a page of rows."""
        wanted = self._split_params(params or {})
        size = wanted.page_size or self.page_size
        if not 0 < size <= self.max_page_size:
            raise ParamException(f"__page_size is from 1 to {self.max_page_size}.")
        columns = self._visible(wanted)
        query = self._select(columns, readable=wanted.include_readable)
        query = self._apply_filters(query, wanted)
        for order in wanted.order_by or [OrderBy(self.table._meta.primary_key, ascending=False)]:
            query = query.order_by(*self._sorted_by(order.column), ascending=order.ascending)
        first = size * max(wanted.page - 1, 0)
        rows = await query.limit(size).offset(first) if first <= _LAST_ROW else []
        return self._json({"rows": [self._shown(row) for row in rows]})

    @_answered
    async def get_count(self, request: Request) -> Response:
        """Answer how many rows there are."""
        return await super().get_count(request)  # type: ignore[no-any-return]

    @_answered
    async def get_ids(self, request: Request) -> Response:
        """Answer the keys of rows and what they are called, for the search of a reference."""
        asked = request.query_params
        limit = min(_number(asked, "limit", _MOST_IDS), _MOST_IDS)
        readable = self.table.get_readable()
        apart = looks.told_apart(self.table)
        query = self.table.select(*self.table._key_columns, readable, *([apart] if apart else []))
        for word in _words(asked.get("search", "")):
            query = query.where(_contains(readable, word))
        if not any(column._meta.call_chain for column in readable.columns):
            # To sort a large table by what its rows reference takes seconds.
            query = query.order_by(*readable.columns)
        query = query.order_by(*self.table._key_columns)
        rows = await query.limit(limit).offset(_number(asked, "offset", 0))
        if apart is None:
            return self._json({self._key_of(row): row["readable"] for row in rows})
        found = {}
        for row in rows:
            other = row[apart._meta.name]
            found[self._key_of(row)] = f"{row['readable']} ({other})" if other else row["readable"]
        return self._json(found)

    @_answered
    async def detail(self, request: Request) -> Response:
        """Answer, change or delete the one row that the path names."""
        key = self._key(request.path_params["row_id"])
        if not await self.table.exists().where(self.table._meta.primary_key == key):
            raise _RefusedError("The resource doesn't exist", 404)
        match request.method:
            case "GET" if PARTS in request.query_params:
                return self._json(told(self.table, await parts_of(self.table, key)))
            case "GET":
                return await self.get_single(request, key)
            case "PATCH" | "PUT":
                return await self.patch_single(request, key, await request.json())
            case _:
                return await self.delete_single(request, key)

    @_answered
    async def get_single(self, request: Request, row_id: Any) -> Response:
        """Answer one row."""
        wanted = self._split_params(dict(request.query_params))
        columns = self._visible(wanted)
        query = self._select(columns, readable=wanted.include_readable)
        row = await query.where(self.table._meta.primary_key == row_id).first()
        if row is None:
            raise _RefusedError("The resource doesn't exist", 404)
        return self._json(self._shown(row))

    # Writing.

    @_answered
    async def post_single(self, request: Request, data: dict[str, Any]) -> Response:
        """Insert one row."""
        given = {
            name: value
            for name, value in self._accepted(data).items()
            if name not in _INSTANTS and (value is not None or self._columns[name]._meta.null)
        }
        self.pydantic_model(**given)  # which says what is missing
        row = self.table(**given)
        self._refuse_broken_rules(row)
        await row.save()
        return self._json({self._key_name: self._key_of(given | {"id": row._key})}, 201)

    @_answered
    async def put_single(self, request: Request, row_id: Any, data: dict[str, Any]) -> Response:
        """Change one row; what is not given stays."""
        return await self.patch_single(request, row_id, data)

    @_answered
    async def patch_single(self, request: Request, row_id: Any, data: dict[str, Any]) -> Response:
        """Change one row."""
        given = self._accepted(data)
        given.pop("updated_at", None)  # the page sends back what it has shown once
        table = self.table
        is_row = table._meta.primary_key == row_id
        async with table._meta.db.transaction():
            row = await table.objects().where(is_row).first()
            if row is None:
                raise _RefusedError("The resource doesn't exist", 404)
            known = _broken_rules(row)
            if _is_shown(row.created_at, given.get("created_at")):
                del given["created_at"]
            for name, value in given.items():
                setattr(row, name, value)
            row._refuse_assigned(table._fixed_names)
            self._refuse_broken_rules(row, known)
            await row.save([name for name in given if name not in table._fixed_names])
        return await self.get_single(request, row_id)

    @_answered
    async def delete_single(self, request: Request, row_id: Any) -> Response:
        """Delete one row; those that go along with it must have been counted to the asker."""
        async with self.table._meta.db.transaction():
            parts = await parts_of(self.table, row_id)
            if str(parts.total()) != request.query_params.get(PARTS, "0"):
                raise _RefusedError({"db_error": told(self.table, parts)["detail"]}, 409)
            await self.table.delete().where(self.table._meta.primary_key == row_id)
        return Response(status_code=204)

    # Keys.

    def _key(self, text: str) -> Any:
        """Return the primary key that a path names."""
        keys = text.split(_SEPARATOR)
        if len(keys) != len(self.table._key_columns):
            raise _RefusedError("The resource doesn't exist", 404)
        return keys[0] if len(keys) == 1 else tuple(keys)

    def _key_of(self, row: Mapping[str, Any]) -> str:
        return _SEPARATOR.join(row[column._meta.name] for column in self.table._key_columns)

    # Queries.

    def _select(self, columns: Sequence[Column], *, readable: bool) -> PiccoloSelect[Any]:
        """Select columns and the key, and with ``readable`` what row and references are called."""
        names: list[Any] = [self.table.get_readable()] if readable else []
        if readable:
            names += [
                self.table._get_related_readable(column)
                for column in columns
                if isinstance(column, ForeignKey)
            ]
        names_of = {column._meta.name for column in columns}
        keys = [key for key in self.table._key_columns if key._meta.name not in names_of]
        return self.table.select(*columns, *keys, *names)

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with its key, and with what it is called under the page's name for that."""
        if "readable" in row:
            row[READABLE] = row.pop("readable") or self._key_of(row)
            for name in self.table._foreign_key_names:
                if name in row and row[name] is None:  # else it is what stands between the texts
                    row[f"{name}_readable"] = ""
        return {self._key_name: self._key_of(row), **row}

    def _visible(self, wanted: Params) -> list[Column]:
        columns = wanted.visible_fields or [*self._columns.values()]
        return [column for column in columns if column._meta.name in self._columns]

    def _sorted_by(self, column: Column) -> list[Column]:
        """Return what to sort by: a reference by what is shown of it, a key by all its columns."""
        if column is self.table._meta.primary_key:
            return [*self.table._key_columns]
        if isinstance(column, ForeignKey):
            return [*self.table._get_related_readable(column).columns]
        return [column]

    def _get_column(self, column_name: str) -> Column:
        if column_name == self._key_name:
            return self.table._meta.primary_key
        if column_name not in self._columns:
            raise ParamException(
                f"{column_name} is not a column; there are: {', '.join(self._columns)}."
            )
        return self._columns[column_name]

    def _split_params(self, params: dict[str, Any]) -> Params:
        # The name of each row is not a column; it comes with __readable.
        if isinstance(fields := params.get("__visible_fields"), str):
            names = [name for name in fields.split(",") if name != READABLE]
            params = {**params, "__visible_fields": names}
        return super()._split_params(params)

    def _apply_filters(self, query: Any, params: Params) -> Any:
        """Compare free text in part, as stock does, and everything else as asked.

        Stock takes a choice for free text too, and finds Female where Male is wanted.
        """
        if unknown := sorted(params.fields.keys() - self._columns.keys()):
            raise MalformedQuery(f"{', '.join(unknown)} isn't a valid field name.")
        for name, given in params.fields.items():
            column, operator = self._columns[name], params.operators[name]
            if operator in (OPERATOR_MAP["is_null"], OPERATOR_MAP["not_null"]):
                query = query.where(Where(column, operator=operator))
                continue
            texts = given if isinstance(given, list) else [given]
            if len(texts) > _MOST_WORDS:
                raise ParamException(f"{name} is compared with more than {_MOST_WORDS} values.")
            for text in texts:
                _check_length(text)
                if isinstance(column, Text) and column._tokens is None:
                    query = query.where(_matches(column, text, params.match_types[name]))
                    continue
                value = getattr(self.pydantic_model_filters(**{name: text}), name)
                query = query.where(Where(column, column.accept_compared(value), operator=operator))
        return query

    # Refusals.

    def _accepted(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the columns accept for what the page sent; None stays, for want of a value.

        A text that a row must have is not emptied: nobody could find the row by it.
        """
        self._refuse_unknown(data)
        accepted: dict[str, Any] = {}
        refused: list[tuple[str, str]] = []
        for name, value in data.items():
            column = self._columns[name]
            try:
                # The rules have a word of their own on a choice.
                as_it_is = value is None or column._tokens is not None
                accepted[name] = value if as_it_is else column.accept(value)
            except InvalidValueError as error:
                refused.append((name, _sentence(error)))
            if isinstance(value, str) and not value.strip() and not column._meta.null:
                refused.append((name, "must not be empty"))
        if refused:
            raise _RefusedError(_of_fields(*refused))
        return accepted

    def _refuse_unknown(self, data: Mapping[str, Any]) -> None:
        if unknown := sorted(data.keys() - self._columns.keys()):
            raise _RefusedError(
                _of_fields(*((name, "is not a column of this table") for name in unknown))
            )

    def _refuse_broken_rules(self, row: Table, known: Iterable[rules.Violation] = ()) -> None:
        """Refuse a row that breaks a rule of the model which it did not break before."""
        before = {(found.rule, found.column) for found in known}
        new = [found for found in _broken_rules(row) if (found.rule, found.column) not in before]
        if new:
            raise _RefusedError(
                _of_fields(*((found.column, f"{found.sentence} ({found.rule})") for found in new))
            )

    def _json(self, content: Any, status: int = 200) -> Response:
        return Response(
            json.dumps(content, default=_as_json, ensure_ascii=False, allow_nan=False),
            status,
            media_type="application/json",
        )


def _broken_rules(row: Table) -> list[rules.Violation]:
    found = rules.violations(type(row), row)
    return [each for each in found if each.severity is rules.Severity.error]


def _is_shown(stored: datetime.datetime, given: datetime.datetime | None) -> bool:
    """Return whether a form gave ``stored`` back: its field cuts an instant to the second."""
    return given is not None and abs(given - stored) < datetime.timedelta(seconds=1)


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _LAST_ROW):
        raise ParamException(f"The {name} must be a whole number from 0 to {_LAST_ROW}.")
    return int(text)


def _words(search: str) -> list[str]:
    _check_length(search)
    words = search.split()
    if len(words) > _MOST_WORDS:
        raise ParamException(f"A search has at most {_MOST_WORDS} words.")
    return words


def _check_length(text: Any) -> None:
    if isinstance(text, str) and len(text) > _MOST_CHARACTERS:
        raise ParamException(f"What is searched for has at most {_MOST_CHARACTERS} characters.")


def _contains(readable: Readable, word: str) -> Combinable:
    """Return the condition that ``word`` is in one of the texts that make a row's name."""
    texts = [column for column in readable.columns if isinstance(column, Text)]
    return functools.reduce(Or, (_like(column, f"%{_exactly(word)}%") for column in texts))  # type: ignore[arg-type]


def _matches(column: Text, text: str, how: str) -> Where:
    match how:
        case "exact":
            return Where(column, text, operator=Equal)
        case "starts":
            return _like(column, f"{_exactly(text)}%")
        case "ends":
            return _like(column, f"%{_exactly(text)}")
        case _:
            return _like(column, f"%{_exactly(text)}%")


def _exactly(text: str) -> str:
    """Return a pattern that finds the text itself: % and _ are characters to who types them."""
    return re.sub(r"([\\%_])", r"\\\1", text)


class _Like(ComparisonOperator):
    """SQLite's LIKE, which knows no escape of its own; letters of either case are alike to it."""

    template = "{name} LIKE {value} ESCAPE '\\'"


class _ILike(ComparisonOperator):
    """PostgreSQL's, whatever the case of letters."""

    template = "{name} ILIKE {value} ESCAPE '\\'"


def _like(column: Text, pattern: str) -> Where:
    """Compare whatever the case of letters; in the pattern a backslash stands before characters."""
    is_sqlite = column._meta.engine_type == "sqlite"
    value = column._accept_pattern(pattern)
    return Where(column, value, operator=_Like if is_sqlite else _ILike)


def _as_json(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{value!r} is of no type that a column has")
