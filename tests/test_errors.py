"""The family of errors: a tree that is drawn as it is, and that survives pickling."""

from __future__ import annotations

import builtins
import copy
import inspect
import pickle
import re
from typing import Any

import pytest

import atlas
from atlas import errors
from atlas.errors import AtlasError, InvalidValueError, RowNotFoundError, shown
from atlas.upsert.result import RowError, UpsertResult

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value)
    and value.__module__ == errors.__name__
    and issubclass(value, Exception)
}

#: A line of the tree: its depth in pairs of branches, a name, a purpose, and maybe a built-in.
LINE = re.compile(r"^ {4}((?:[│ ] {3})*)(?:[├└]── )?(\w+Error)(?: +(\S.*?))?$", re.MULTILINE)
ALSO = re.compile(r" +\(also ([\w.]+)\)$")


def drawn() -> dict[str, tuple[str | None, str | None]]:
    """Return for each error in the tree its parent, and the built-in it also is."""
    assert errors.__doc__ is not None
    tree: dict[str, tuple[str | None, str | None]] = {}
    path: list[str] = []
    for branches, name, purpose in LINE.findall(errors.__doc__):
        depth = len(branches) // 4 + 1 if path else 0
        del path[depth:]
        also = ALSO.search(purpose)
        tree[name] = (path[-1] if path else None, also[1] if also else None)
        path.append(name)
    return tree


def test_the_tree_shows_exactly_the_errors_there_are() -> None:
    """The drawing in the module's docstring has every public class, and no other."""
    assert sorted(drawn()) == sorted(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_is_where_the_tree_draws_it(name: str) -> None:
    """An error's first base is the one it hangs from, its second the built-in it also is."""
    parent, also = drawn()[name]
    bases = [
        base.__name__ if base.__module__ == "builtins" else f"{base.__module__}.{base.__name__}"
        for base in CLASSES[name].__bases__
    ]
    if parent is None:
        assert bases == ["Exception"]
    else:
        second = f"atlas.errors.{also}" if also in CLASSES else also
        assert bases == [f"atlas.errors.{parent}", *([second] if second else [])]


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_says_what_it_is_and_is_at_the_front_door(name: str) -> None:
    """Every error has a docstring of its own and can be imported from ``atlas``."""
    assert CLASSES[name].__doc__
    assert issubclass(CLASSES[name], AtlasError)
    assert getattr(atlas, name) is CLASSES[name]


def example(error: type[AtlasError]) -> AtlasError:
    """Return an ``error`` with a value for each argument it takes."""
    if "__init__" not in vars(error):
        return error("what went wrong")
    arguments = {
        "migrations": [("core", "2026-01-01")],
        "result": UpsertResult(errors=[RowError(7, "code", 5, "is not text")]),
        "refused": 3,
        "seen": 5,
    }
    return error(*(arguments.get(name, name) for name in inspect.signature(error).parameters))


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(name: str, protocol: int) -> None:
    """An error that crosses processes keeps its class, its message and its attributes."""
    error = example(CLASSES[name])
    back = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301  # our own bytes
    for other in (back, copy.copy(error), copy.deepcopy(error)):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert vars(other) == vars(error)


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_is_caught_as_the_builtin_it_resembles(name: str) -> None:
    """Code written for plain Piccolo, which catches built-ins, keeps working."""
    _, also = drawn()[name]
    if also is not None:
        module, _, builtin = also.rpartition(".")
        home = __import__(module) if module else builtins
        expected = CLASSES.get(builtin) or getattr(home, builtin)
        with pytest.raises(expected):
            raise example(CLASSES[name])


def test_an_invalid_value_error_names_table_column_and_value() -> None:
    """The message says where, what and why; the same is there as attributes."""
    error = InvalidValueError("core_entity", "code", 5, "is not text; pass a str")
    assert str(error) == "core_entity.code: 5 (int) is not text; pass a str"
    assert (error.table, error.column, error.value) == ("core_entity", "code", 5)
    assert error.reason == "is not text; pass a str"


def test_a_row_not_found_error_names_table_and_key() -> None:
    """The message says which row, why it may be gone, and what to do."""
    error = RowNotFoundError("db_person_tag", ("A", "B"))
    assert str(error).startswith("db_person_tag: no row with primary key ('A', 'B'); it was ")
    assert (error.table, error.key) == ("db_person_tag", ("A", "B"))


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a' (str)"),
        (None, "None (NoneType)"),
        ("line\nbreak\ud800", "'line\\nbreak\\ud800' (str)"),
        ("x" * 1000, "'" + "x" * 98 + "… (str)"),
        (b"\0" * 500, repr(b"\0" * 500)[:99] + "… (bytes)"),
        (10**99, "1" + "0" * 99 + " (int)"),
        (10**100, "1" + "0" * 98 + "… (int)"),
        pytest.param(10**5000, "<no repr: ValueError> (int)", id="more digits than Python shows"),
        (Unshowable(), "<no repr: RuntimeError> (Unshowable)"),
    ],
)
def test_a_value_is_shown_in_one_short_line(value: Any, text: str) -> None:
    """A value in a message is cut to 100 characters, stays on one line and never fails."""
    assert shown(value) == text
    assert "\n" not in shown(value)
    shown(value).encode()
