"""The text of an SQLite table, taken apart and put together again.

In: the CREATE TABLE statement that ``sqlite_master`` keeps, whoever wrote it.
Out: its columns and constraints, to be changed one by one, and the statement
for the changed table. What is not changed keeps its text, so that what only
SQLite knows (CHECK, COLLATE, generated columns, STRICT) is not lost.
https://www.sqlite.org/lang_createtable.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from atlas.errors import SchemaChangeError

_TOKEN = re.compile(
    r"""
      (?P<string>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\])
    | (?P<space>\s+ | --[^\n]* | /\*.*?\*/)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\.?\d[\w.]*)
    | (?P<other>.)
    """,
    re.DOTALL | re.VERBOSE,
)
#: The words that begin a constraint of a column, and of a table.
_IN_TABLE = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_IN_COLUMN = frozenset(
    {"CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK"}
    | {"DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS"}
)


def quoted(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    return '"{}"'.format(name.replace('"', '""'))


def unquoted(identifier: str) -> str:
    """Return the name that an SQL identifier stands for."""
    if identifier[0] in "\"`'":
        quote = identifier[0]
        return identifier[1:-1].replace(quote * 2, quote)
    return identifier[1:-1] if identifier[0] == "[" else identifier


@dataclass(frozen=True)
class Token:
    """A word, name, literal or character of SQL, and where it stands."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word in capitals; empty for anything that is not a plain word."""
        return self.text.upper() if self.kind == "word" else ""


def tokens(sql: str) -> list[Token]:
    """Return the tokens of ``sql``, without spaces and comments."""
    return [
        Token(match.lastgroup or "", match[0], match.start(), match.end())
        for match in _TOKEN.finditer(sql)
        if match.lastgroup != "space"
    ]


def split(found: Sequence[Token]) -> Iterator[list[Token]]:
    """Split tokens at the commas that stand in no parentheses."""
    part: list[Token] = []
    depth = 0
    for token in found:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


@dataclass
class Constraint:
    """A constraint of a column or of a table: what kind it is, and its text."""

    kind: str
    text: str
    #: The columns that a constraint of a table is over.
    columns: tuple[str, ...] = ()
    name: str | None = None


@dataclass
class Column:
    """A column: its name, its type as it is written, its constraints in their order."""

    name: str
    type: str
    constraints: list[Constraint] = field(default_factory=list)

    def has(self, kind: str) -> bool:
        """Return whether the column has a constraint of this kind."""
        return any(constraint.kind == kind for constraint in self.constraints)

    def drop(self, kind: str) -> None:
        """Take the constraints of one kind away."""
        self.constraints = [each for each in self.constraints if each.kind != kind]

    def set(self, kind: str, text: str) -> None:
        """Put ``text`` in the place of the constraints of one kind."""
        self.drop(kind)
        self.constraints.append(Constraint(kind, text))

    @property
    def sql(self) -> str:
        """The column's definition."""
        texts = [quoted(self.name), self.type, *(each.text for each in self.constraints)]
        return " ".join(text for text in texts if text)


@dataclass
class Definition:
    """A table: its columns, the constraints behind them, and what follows the parentheses."""

    columns: list[Column]
    constraints: list[Constraint]
    options: str

    def column(self, name: str) -> Column:
        """Return a column by its name, whose case does not matter."""
        for column in self.columns:
            if column.name.lower() == name.lower():
                return column
        raise SchemaChangeError(f"There is no column {name!r}; nothing was changed.")

    def drop_constraints(self, kind: str, columns: Sequence[str]) -> bool:
        """Take away the constraints of one kind over exactly these columns, wherever they stand.

        Returns whether there was any.
        """
        wanted = [name.lower() for name in columns]
        kept = [
            each
            for each in self.constraints
            if not (each.kind == kind and [name.lower() for name in each.columns] == wanted)
        ]
        found = len(kept) < len(self.constraints)
        self.constraints = kept
        if len(columns) == 1:
            column_kind = "REFERENCES" if kind == "FOREIGN KEY" else kind
            column = self.column(columns[0])
            found = found or column.has(column_kind)
            column.drop(column_kind)
        return found

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The names of the primary key's columns."""
        for constraint in self.constraints:
            if constraint.kind == "PRIMARY KEY":
                return constraint.columns
        return tuple(column.name for column in self.columns if column.has("PRIMARY KEY"))

    def set_primary_key(self, columns: Sequence[str]) -> None:
        """Let the primary key be over these columns; over none, take it away."""
        self.constraints = [each for each in self.constraints if each.kind != "PRIMARY KEY"]
        for column in self.columns:
            column.drop("PRIMARY KEY")
        if len(columns) == 1:
            column = self.column(columns[0])
            column.constraints.insert(0, Constraint("PRIMARY KEY", "PRIMARY KEY"))
        elif columns:
            names = ", ".join(map(quoted, columns))
            key = Constraint("PRIMARY KEY", f"PRIMARY KEY ({names})", tuple(columns))
            self.constraints.append(key)

    @property
    def has_rowid(self) -> bool:
        """Whether its rows have a rowid of their own."""
        return not re.search(r"\bWITHOUT\s+ROWID\b", self.options, re.IGNORECASE)

    def sql(self, name: str) -> str:
        """Return the CREATE TABLE statement of the table under this name."""
        parts = [column.sql for column in self.columns]
        parts += [constraint.text for constraint in self.constraints]
        return f"CREATE TABLE {quoted(name)} ({', '.join(parts)}) {self.options}".rstrip()


def parse(sql: str) -> Definition:
    """Return the definition that a CREATE TABLE statement holds."""
    found = tokens(sql)
    first = next((i for i, token in enumerate(found) if token.text == "("), None)
    if first is None:  # CREATE TABLE … AS SELECT is kept with its columns; a virtual table is not
        raise SchemaChangeError(f"This is not a table that can be rebuilt: {sql[:100]}")
    last = max(i for i, token in enumerate(found) if token.text == ")")
    definition = Definition([], [], sql[found[last].end :].strip())
    for part in split(found[first + 1 : last]):
        if part[0].word in _IN_TABLE:
            definition.constraints.append(_table_constraint(sql, part))
        else:
            definition.columns.append(column_of(sql, part))
    return definition


def column_of(sql: str, part: Sequence[Token]) -> Column:
    """Return the column whose definition in ``sql`` has these tokens."""
    starts = list(_starts(part))
    end_of_type = starts[0] if starts else len(part)
    column = Column(unquoted(part[0].text), _slice(sql, part[1:end_of_type]))
    for start, end in pairwise((*starts, len(part))):
        column.constraints.append(_column_constraint(sql, part[start:end]))
    return column


def _starts(part: Sequence[Token]) -> Iterator[int]:
    """Yield where each constraint of a column begins."""
    depth, i = 0, 1
    while i < len(part):
        word, before = part[i].word, part[i - 1].word
        following = part[i + 1].word if i + 1 < len(part) else ""
        depth += {"(": 1, ")": -1}.get(part[i].text, 0)
        continues = (
            before in ("NOT", "SET", "ALWAYS")  # NOT NULL, SET NULL, SET DEFAULT, ALWAYS AS
            or (word == "NOT" and following == "DEFERRABLE")
        )
        if depth == 0 and word in _IN_COLUMN and not continues:
            yield i
            if word == "CONSTRAINT":
                i += 2  # its name, and the word it belongs to
            elif word == "DEFAULT":
                i += 1 if part[i + 1].text != "(" else 0  # DEFAULT NULL
        i += 1


def _column_constraint(sql: str, part: Sequence[Token]) -> Constraint:
    name = None
    words = [token.word for token in part]
    if words[0] == "CONSTRAINT":
        name, words = unquoted(part[1].text), words[2:]
    kind = words[0] if words else "CONSTRAINT"
    kind = {"PRIMARY": "PRIMARY KEY", "NOT": "NOT NULL", "AS": "GENERATED"}.get(kind, kind)
    return Constraint(kind, _slice(sql, part), name=name)


def _table_constraint(sql: str, part: Sequence[Token]) -> Constraint:
    name = None
    body = part
    if part[0].word == "CONSTRAINT":
        name, body = unquoted(part[1].text), part[2:]
    kind = body[0].word
    kind = {"PRIMARY": "PRIMARY KEY", "FOREIGN": "FOREIGN KEY"}.get(kind, kind)
    columns: tuple[str, ...] = ()
    if kind != "CHECK":
        begin = next(i for i, token in enumerate(body) if token.text == "(")
        end = next(i for i, token in enumerate(body) if token.text == ")")
        columns = tuple(unquoted(each[0].text) for each in split(body[begin + 1 : end]))
    return Constraint(kind, _slice(sql, part), columns, name)


def _slice(sql: str, part: Sequence[Token]) -> str:
    return sql[part[0].start : part[-1].end] if part else ""
