"""The rows of a select as objects of a class: ``Order.select(...).into(OrderSummary)``.

In: a class with fields, and the columns of a select. Out: what makes the rows, as they come from
the engine, into objects of that class. Names and types are compared before anything runs, so that
a row costs little more than its dict. Knows columns; it runs no query.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import inspect
import types
import typing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import repeat, starmap
from typing import Any, Literal, NamedTuple, NewType, Union, get_args, get_origin

import typing_extensions
from piccolo.columns import Column
from piccolo.query.functions.aggregate import Count

from atlas.columns import ModelColumn
from atlas.errors import RowClassError, shown
from atlas.nearest import did_you_mean
from atlas.query.m2m import M2MSelect
from atlas.query.results import output_name

Make = Callable[[list[dict[str, Any]]], list[Any]]


class _Field(NamedTuple):
    """A field of the class: its type, and whether it has to be given."""

    hint: Any
    is_required: bool


class _Selected(NamedTuple):
    """A column of the select: its type, None if it is not known, and what else it may hold."""

    type: type | None
    tokens: frozenset[str] | None = None
    is_null: bool = False


def maker(made: type, columns: Sequence[Any], where: str) -> Make:
    """Return what makes rows with these selected columns into objects of the class ``made``.

    ``made`` is a ``TypedDict``, dataclass, ``NamedTuple`` or model of pydantic. Raises
    ``RowClassError`` for another class, and for one whose fields are not the columns: by name,
    and by a type that holds whatever the column may, None included. ``where`` names the select.
    """
    selected = tuple((str(output_name(column)), _selected(column)) for column in columns)
    if not isinstance(made, type):
        raise RowClassError(f"into() takes a class, not {shown(made)}.")
    return _maker(made, selected, where)


@lru_cache(maxsize=256)
def _maker(made: type, columns: tuple[tuple[str, _Selected], ...], where: str) -> Make:
    """Return what ``maker`` does, which is worked out once for a class and a shape of select."""
    fields = _fields(made)
    selected = dict(columns)
    wrong = [*_wrong_names(fields, selected)]
    enums: dict[str, type[enum.Enum]] = {}
    unknown: dict[str, Any] = {}
    for name, column in selected.items():
        if name not in fields:
            continue
        hint = fields[name].hint
        if column.type is None:
            unknown[name] = hint
        elif not _holds(hint, column):
            wrong.append(f"{name} is {_shown(column)}, and {_name_of(hint)} in {made.__name__}")
        elif found := _enum_in(hint):
            enums[name] = found
    if wrong:
        raise RowClassError(
            f"{made.__name__} does not fit the select of {where}: {'; '.join(wrong)}."
        )
    return _make(made, [*selected], enums, unknown)


def _wrong_names(fields: Mapping[str, _Field], selected: Mapping[str, _Selected]) -> Iterator[str]:
    """Yield what is wrong with the names: the last part of a sentence each."""
    missing = [name for name, field in fields.items() if field.is_required and name not in selected]
    for name in missing:
        yield f"{name} is not selected"
    for name in selected.keys() - fields.keys():
        near = did_you_mean(name, missing or fields)
        yield f"{name} is selected and not a field{f' ({near.strip()})' if near else ''}"


# The class.


def _fields(made: type) -> dict[str, _Field]:
    model_fields = getattr(made, "__pydantic_fields__", None)
    if model_fields is not None and hasattr(made, "__pydantic_validator__"):
        if dataclasses.is_dataclass(made):
            return _annotated(made, _dataclass_required(made))
        return {
            field.validation_alias if isinstance(field.validation_alias, str) else name: _Field(
                field.annotation, field.is_required()
            )
            for name, field in model_fields.items()
        }
    if typing.is_typeddict(made) or typing_extensions.is_typeddict(made):
        return _annotated(made, made.__required_keys__)  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(made):
        return _annotated(made, _dataclass_required(made))
    if issubclass(made, tuple) and hasattr(made, "_fields"):
        return _annotated(made, set(made._fields) - made._field_defaults.keys(), made._fields)  # type: ignore[attr-defined]
    raise RowClassError(
        "into() takes a TypedDict, dataclass, NamedTuple or pydantic model, and "
        f"{made.__name__} is none of them."
    )


def _dataclass_required(made: Any) -> set[str]:
    missing = dataclasses.MISSING
    return {
        field.name
        for field in dataclasses.fields(made)
        if field.init and field.default is missing and field.default_factory is missing
    }


def _annotated(made: type, required: Any, names: Sequence[str] | None = None) -> dict[str, _Field]:
    try:
        hints = typing_extensions.get_type_hints(made)
    except NameError as error:  # a class within a function, whose names are gone
        raise RowClassError(
            f"The types of {made.__name__}'s fields cannot be looked up ({error}). Define it, and "
            "what it names, at the top of a module."
        ) from None
    if dataclasses.is_dataclass(made):
        names = [field.name for field in dataclasses.fields(made) if field.init]
    return {name: _Field(hints.get(name, Any), name in required) for name in names or hints}


# The columns.


def _selected(column: Any) -> _Selected:
    if isinstance(column, M2MSelect):
        return _Selected(list)
    if isinstance(column, Count):
        return _Selected(int)
    if not isinstance(column, Column):
        return _Selected(None)
    choices = column._meta.choices
    tokens = frozenset(each.value for each in choices) if isinstance(choices, type) else None
    keys = column._meta.call_chain
    is_null = column._meta.null or any(key._meta.null for key in keys)
    # Of the class: a join may set a column of that name as an attribute of a foreign key.
    found = type(column).value_type if isinstance(column, ModelColumn) else None
    return _Selected(found, tokens, is_null)


def _shown(column: _Selected) -> str:
    if column.tokens:
        name = f"one of {', '.join(sorted(column.tokens))}"
    else:
        name = column.type.__name__ if column.type else "an expression"
    return f"{name} or None" if column.is_null else name


# The types.


def _members(hint: Any) -> list[Any]:
    """Return the types that a hint allows, without what only names them."""
    if isinstance(hint, NewType):
        return _members(hint.__supertype__)
    if isinstance(hint, typing_extensions.TypeAliasType):
        return _members(hint.__value__)
    origin = get_origin(hint)
    if origin is typing.Annotated:
        return _members(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return [member for each in get_args(hint) for member in _members(each)]
    return [hint]


def _holds(hint: Any, column: _Selected) -> bool:
    """Return whether a field of this type holds every value of the column."""
    members = _members(hint)
    if any(member is Any or member is object for member in members):
        return True
    if column.is_null and not any(member in (None, type(None)) for member in members):
        return False
    literals = {
        value for each in members if get_origin(each) is Literal for value in get_args(each)
    }
    if column.tokens and literals >= column.tokens:
        return True
    return any(_holds_value(member, column) for member in members)


def _holds_value(member: Any, column: _Selected) -> bool:
    member = get_origin(member) or member
    if not isinstance(member, type) or column.type is None:
        return False
    if issubclass(member, enum.Enum):
        return column.tokens is not None and column.tokens <= {each.value for each in member}
    if column.type is datetime.datetime and member is datetime.date:
        return False  # a datetime is a date to Python, and its time would be a surprise
    if member is float and column.type is int:
        return True  # as type checkers have it
    return issubclass(column.type, member)


def _enum_in(hint: Any) -> type[enum.Enum] | None:
    for member in _members(hint):
        if isinstance(member, type) and issubclass(member, enum.Enum):
            return member
    return None


def _name_of(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


# The objects.


def _make(
    made: Any,
    names: Sequence[str],
    enums: Mapping[str, type[enum.Enum]],
    unknown: Mapping[str, Any],
) -> Make:
    """Return what makes the rows, which have these keys in this order."""
    prepare = _preparer(made, enums, unknown)
    if hasattr(made, "__pydantic_validator__"):
        return _pydantic(made, names, prepare)
    if typing.is_typeddict(made) or typing_extensions.is_typeddict(made):
        return prepare
    positional = [
        name
        for name, parameter in inspect.signature(made).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    if positional[: len(names)] == [*names]:  # the usual case; keywords cost half as much again
        if issubclass(made, tuple) and len(names) == len(made._fields):
            return lambda rows: list(map(made._make, map(dict.values, prepare(rows))))
        return lambda rows: list(starmap(made, map(dict.values, prepare(rows))))
    return lambda rows: [made(**row) for row in prepare(rows)]


def _pydantic(made: Any, names: Sequence[str], prepare: Make) -> Make:
    """Return what makes models: without validating what is known to be right already."""
    from pydantic import BaseModel, TypeAdapter  # not when the package is imported

    plain = BaseModel.__dict__
    decorators = getattr(made, "__pydantic_decorators__", None)
    validates = any(
        getattr(decorators, kind)
        for kind in ("validators", "field_validators", "root_validators", "model_validators")
    )
    if (
        not issubclass(made, BaseModel)
        or validates
        or made.__pydantic_post_init__
        or made.__private_attributes__
        or made.__init__ is not BaseModel.__init__
        or made.model_config.get("extra") == "allow"
        or made.__pydantic_fields__.keys() != set(names)
        or any(field.metadata for field in made.__pydantic_fields__.values())
    ):
        validate = TypeAdapter(list[made]).validate_python
        return lambda rows: validate(prepare(rows))
    fields = set(names)

    def make(rows: list[dict[str, Any]]) -> list[Any]:
        models = list(map(made.__new__, repeat(made, len(rows))))
        for slot, values in (
            ("__dict__", prepare(rows)),
            ("__pydantic_fields_set__", repeat(fields)),
            ("__pydantic_extra__", repeat(None)),
            ("__pydantic_private__", repeat(None)),
        ):
            deque(map(plain[slot].__set__, models, values), maxlen=0)
        return models

    return make


def _preparer(made: type, enums: Mapping[str, type[enum.Enum]], unknown: Mapping[str, Any]) -> Make:
    """Return what puts choices into the rows as their enum, and checks what expressions came to."""
    checks = {name: _classes(hint) for name, hint in unknown.items()}

    def prepare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in rows:
            for name, kind in enums.items():
                if row[name] is not None:
                    row[name] = kind(row[name])
            for name, classes in checks.items():
                if not isinstance(row[name], classes):
                    raise RowClassError(
                        f"{name} of a row is {type(row[name]).__name__}, and "
                        f"{_name_of(unknown[name])} in {made.__name__}."
                    )
        return rows

    return prepare if enums or checks else lambda rows: rows


@cache
def _classes(hint: Any) -> tuple[type, ...]:
    """Return the classes whose instances a hint allows, as far as a class can say it."""
    found: list[type] = []
    for member in _members(hint):
        kind = get_origin(member) or member
        if kind is None:
            found.append(type(None))
        elif kind is Any or not isinstance(kind, type):
            return (object,)
        else:
            found += [int, float] if kind is float else [kind]
    return tuple(found)
