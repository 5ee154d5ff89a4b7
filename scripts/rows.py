"""Print the source of atlas/rows.py: a TypedDict of each table's rows, and one of its inserts."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterator
from typing import Any

import atlas
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, Text, Timestamp
from atlas.table import Table

HEADER = '''"""What a select of whole rows returns, and what an insert takes, for a type checker.

In: the 38 tables. Out: two ``TypedDict`` for each. ``OrderRow`` is a row as a
select of all columns returns it; say so with ``cast``, because Piccolo's type is
``dict[str, Any]``. ``OrderInsert`` is a new row, for ``Client.upsert`` and
``Order(**row)``: what has no default and may not be null is required.
``OrderStatus`` is a column's choices.

Made by scripts/rows; do not edit.
"""

# No "from __future__ import annotations": it hides NotRequired from __required_keys__.
import datetime
from typing import Literal, NotRequired, TypedDict
'''

_TYPES = {
    ForeignKey: str,
    Boolean: bool,
    Date: datetime.date,
    Decimal: float,
    Integer: int,
    Text: str,
    Timestamp: datetime.datetime,
}


def source() -> str:
    """Return the module's source, not formatted yet."""
    choices = dict(_choices())
    parts = [HEADER, *_imports()]
    parts += [
        f"\n{name} = Literal[{', '.join(map(_quoted, tokens))}]" for name, tokens in choices.items()
    ]
    for table in atlas.TABLES:
        parts += [*_row(table), *_insert(table)]
    return "\n".join(parts) + "\n"


def _imports() -> Iterator[str]:
    """Yield imports of the tables that have choices, whose enums an insert takes too."""
    by_module: dict[str, list[str]] = {}
    for table in atlas.TABLES:
        if any(column._meta.choices for column in table._meta.columns):
            by_module.setdefault(table.__module__, []).append(table.__name__)
    for module, names in sorted(by_module.items()):
        yield f"from {module} import {', '.join(sorted(names))}"


def _choices() -> Iterator[tuple[str, list[str]]]:
    seen: set[str] = set()
    for table in atlas.TABLES:
        for column in table._meta.columns:
            if column._meta.choices:
                name = _choices_name(column)
                if name in seen:
                    raise ValueError(f"Two columns have choices that would be called {name}.")
                seen.add(name)
                yield name, [member.value for member in column._meta.choices]


def _choices_name(column: Any) -> str:
    words = column._meta.name.split("_")
    return f"{column._meta.table.__name__}{''.join(map(str.capitalize, words))}"


def _row(table: type[Table]) -> Iterator[str]:
    yield f"\n\nclass {table.__name__}Row(TypedDict):"
    yield f'    """A row of ``{table._meta.tablename}`` as a select of all columns returns it."""\n'
    for column in table._meta.columns:
        if column._meta.help_text:
            yield from _comment(column._meta.help_text)
        yield f"    {column._meta.name}: {_type(column)}{_or_none(column)}"


def _insert(table: type[Table]) -> Iterator[str]:
    yield f"\n\nclass {table.__name__}Insert(TypedDict):"
    yield f'    """A new row of ``{table._meta.tablename}``."""\n'
    for column in table._meta.columns:
        accepted = _type(column)
        if column._meta.choices:
            accepted += f" | {column._meta.choices.__qualname__}"
        accepted += _or_none(column)
        is_required = not column._meta.null and column.get_default_value() is None
        yield f"    {column._meta.name}: {accepted if is_required else f'NotRequired[{accepted}]'}"


def _type(column: Any) -> str:
    """Return the type of a column's values as a select returns them."""
    if column._meta.choices:
        return _choices_name(column)
    for column_class, value_type in _TYPES.items():
        if isinstance(column, column_class):
            module = value_type.__module__
            return (
                value_type.__name__ if module == "builtins" else f"{module}.{value_type.__name__}"
            )
    raise TypeError(f"the type of {column!r} is not known")


def _or_none(column: Any) -> str:
    return " | None" if column._meta.null else ""


def _comment(text: str) -> Iterator[str]:
    """Yield a comment, in lines of at most 100 characters."""
    for line in textwrap.wrap(text, 100 - len("    #: ")):
        yield f"    #: {line}"


def _quoted(token: str) -> str:
    return '"{}"'.format(token.replace("\\", "\\\\").replace('"', '\\"'))


if __name__ == "__main__":
    print(source(), end="")
