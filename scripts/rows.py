"""Write what is made of the tables for type checkers: atlas/rows.py, atlas/names.py and the stubs.

In: the 38 tables. Out: a file for each path below; with a folder as argument they are written
there, for the test that compares.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import atlas
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, Text, Timestamp
from atlas.query.m2m import M2M
from atlas.table import Table

HEADER = '''"""What a select of whole rows returns, and what an insert takes, for a type checker.

In: the 38 tables. Out: two ``TypedDict`` for each. ``OrderRow`` is a row as a
select of all columns returns it. ``OrderInsert`` is a new row, for ``Client.upsert`` and
``Order(**row)``: what has no default and may not be null is required.
``OrderStatus`` is a column's choices.

Made by scripts/rows; do not edit.
"""

# No "from __future__ import annotations": it hides NotRequired from __required_keys__.
import datetime
from typing import Literal, NotRequired, TypedDict
'''


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
    value_type = type(column).value_type
    module = value_type.__module__
    return value_type.__name__ if module == "builtins" else f"{module}.{value_type.__name__}"


def _or_none(column: Any) -> str:
    return " | None" if column._meta.null else ""


def _comment(text: str) -> Iterator[str]:
    """Yield a comment, in lines of at most 100 characters."""
    for line in textwrap.wrap(text, 100 - len("    #: ")):
        yield f"    #: {line}"


def _quoted(token: str) -> str:
    return '"{}"'.format(token.replace("\\", "\\\\").replace('"', '\\"'))


NAMES_HEADER = '''"""The names of all columns, for a type checker: what most parameters have.

In: the 38 tables. Out: their columns' names, as a literal and as keywords.

Made by scripts/rows; do not edit.
"""

from typing import Any, Literal, TypedDict
'''

STUB_HEADER = '''"""What a type checker knows of the {app} tables: tables.py has them for readers.

Of each table: its columns, what a foreign key to it leads to, the keywords of a new row, and
the table itself.

Made by scripts/rows; do not edit.
"""
'''

#: What a column class holds when nothing else is said.
_STUB_CLASSES = (Boolean, Date, Decimal, Integer, Timestamp)


def names() -> str:
    """Return the source of ``atlas/names.py``."""
    columns = sorted(
        {column._meta.name for table in atlas.TABLES for column in table._meta.columns}
    )
    literal = f"ColumnName = Literal[{', '.join(map(_quoted, columns))}]"
    keywords = [f"    {name}: Any" for name in columns]
    head = "\n\nclass ColumnValues(TypedDict, total=False):"
    doc = '    """Values by the names of columns: the keywords of a prepared call."""\n'
    return "\n".join([NAMES_HEADER, literal, head, doc, *keywords]) + "\n"


def stub(app: str) -> str:
    """Return the source of the stub beside an app's ``tables.py``."""
    tables = [table for table in atlas.TABLES if table.__module__ == f"atlas.{app}.tables"]
    parts = [STUB_HEADER.format(app=app), *_stub_imports(app, tables)]
    for table in tables:
        parts += _stub_table(table)
    return "\n".join(parts) + "\n"


def _stub_imports(app: str, tables: list[type[Table]]) -> Iterator[str]:
    yield "import datetime"
    yield "import decimal"
    yield "from enum import StrEnum"
    yield "from typing import Any, Generic, Never, overload"
    yield ""
    yield "from piccolo.columns import Column"
    yield "from piccolo.columns.readable import Readable"
    yield "from piccolo.querystring import Selectable"
    yield "from typing_extensions import ReadOnly, TypedDict, TypeVar, Unpack"
    yield ""
    others: dict[str, set[str]] = {}
    for table in tables:
        for foreign_key in table._meta.foreign_key_columns:
            target = foreign_key._foreign_key_meta.resolved_references
            if target.__module__ != f"atlas.{app}.tables":
                others.setdefault(target.__module__, set()).update(
                    {target.__name__, f"_{target.__name__}Key"}
                )
    for module, imported in sorted(others.items()):
        yield f"from {module} import {', '.join(sorted(imported))}"
    yield "from atlas.columns import Boolean, Date, Decimal, Integer, Text, Timestamp, Ulid"
    yield "from atlas.columns.keys import Reference"
    yield "from atlas.param import OtherNames"
    yield "from atlas.query.m2m import M2M"
    yield "from atlas.query.select import Select"
    yield "from atlas.query.write import Update"
    choices = {name for table in tables for name in map(_choices_name, _with_choices(table))}
    rows = sorted(choices | {f"{table.__name__}Row" for table in tables})
    yield f"from atlas.rows import {', '.join(rows)}"
    yield "from atlas.table import Table"
    yield ""
    yield '_Key = TypeVar("_Key", default=str)'


def _with_choices(table: type[Table]) -> list[Any]:
    return [column for column in table._meta.columns if column._meta.choices]


def _stub_table(table: type[Table]) -> Iterator[str]:
    name, tablename = table.__name__, table._meta.tablename
    choices = _with_choices(table)
    if choices:  # apart from the table: pyright knows none of a class while it reads its bases
        yield f"\n\nclass _{name}Choices:"
    for column in choices:
        yield f"    class {column._meta.choices.__name__}(StrEnum):"
        yield from (f"        {each.name} = {_quoted(each.value)}" for each in column._meta.choices)
        yield ""
    yield f"\n\nclass _{name}Columns:"
    yield f'    """The columns of ``{tablename}``."""\n'
    for column in table._meta.columns:
        if column._meta.help_text:
            yield from _comment(column._meta.help_text)
        yield f"    {column._meta.name}: {_stub_column(column)}"
    yield f'\n_Given{name} = TypeVar("_Given{name}", default=_Key | {name})'
    # A column may be called like an attribute of every column, and wins, as in Piccolo.
    hides = any(hasattr(ForeignKey, column._meta.name) for column in table._meta.columns)
    ignore = "  # type: ignore[misc]" if hides else ""
    yield (
        f"\n\nclass _{name}Key({ignore}\n    _{name}Columns, "
        f"Reference[{name}, _Key, _Given{name}], Generic[_Key, _Given{name}]\n):"
    )
    yield f'    """A foreign key to ``{tablename}``, and the columns it leads to."""'
    yield f"\n\nclass _{name}Values(TypedDict, total=False):"
    yield f'    """Values of a row of ``{tablename}``, by column."""\n'
    for column in table._meta.columns:
        yield f"    {column._meta.name}: ReadOnly[{_given(column)}]"
    bases = [f"_{name}Columns", *([f"_{name}Choices"] if choices else [])]
    yield f"\n\nclass {name}({', '.join(bases)}, Table[_{name}Values]):"
    yield f'    """{_sentence(table)}"""\n'
    for attribute, value in vars(table).items():
        if isinstance(value, M2M):
            yield f"    {attribute}: M2M"
    yield f"""
    @overload  # type: ignore[override]
    @classmethod
    def select(cls, *, exclude_secrets: bool = False) -> Select[{name}, {name}Row, Never]: ...
    @overload
    @classmethod
    def select(
        cls, *columns: Column | str, exclude_secrets: bool = False
    ) -> Select[{name}, dict[str, Any], Never]: ...
    @overload
    @classmethod
    def select(
        cls, *columns: Selectable | str, exclude_secrets: bool = False
    ) -> Select[{name}, dict[str, Any], OtherNames]: ...
    def __init__(
        self,
        _data: dict[Column, Any] | None = None,
        _ignore_missing: bool = False,
        _exists_in_db: bool = False,
        **values: Unpack[_{name}Values],
    ) -> None: ...
    @classmethod
    def update(  # type: ignore[override]
        cls,
        values: dict[Column | str, Any] | None = None,
        force: bool = False,
        use_auto_update: bool = True,
        **kwargs: Unpack[_{name}Values],
    ) -> Update[{name}]: ...
    @classmethod
    def get_readable(cls) -> Readable: ..."""


def _sentence(table: type[Table]) -> str:
    text = str(table._meta.help_text or f"A row of ``{table._meta.tablename}``.")
    return "\n    ".join(textwrap.wrap(text, 90))


def _stub_column(column: Any) -> str:
    """Return the type of a column of the model."""
    null = _or_none(column)
    if isinstance(column, ForeignKey):
        target = column._foreign_key_meta.resolved_references.__name__
        return f"_{target}Key[str | None]" if null else f"_{target}Key"
    if column._meta.choices:
        return f"Text[{_type(column)}{null}, {_given(column)}]"
    if type(column) in _STUB_CLASSES or type(column) is Text:
        return f"{type(column).__name__}[{_type(column)}{null}]" if null else type(column).__name__
    if column._meta.primary_key and not null:
        return "Ulid"
    raise TypeError(f"the type of {column!r} is not known")


def _given(column: Any) -> str:
    """Return the type of what may be given for a column, in a stub."""
    accepted = _type(column)
    if column._meta.choices:
        table, choices = column._meta.table.__name__, column._meta.choices.__name__
        accepted += f" | _{table}Choices.{choices}"
    elif isinstance(column, ForeignKey):
        accepted += f" | {column._foreign_key_meta.resolved_references.__name__}"
    elif isinstance(column, Decimal):
        accepted += " | decimal.Decimal"
    return accepted + _or_none(column)


def files() -> dict[str, str]:
    """Return the source of each file that is made of the tables, by its path; not formatted yet."""
    apps = dict.fromkeys(table.__module__.split(".")[1] for table in atlas.TABLES)
    stubs = {f"atlas/{app}/tables.pyi": stub(app) for app in apps}
    return {"atlas/rows.py": source(), "atlas/names.py": names(), **stubs}


if __name__ == "__main__":
    for path, text in files().items():
        file = Path(*sys.argv[1:2]) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
