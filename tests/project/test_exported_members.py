"""The front door is complete, and what stands open is labelled."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

import atlas
from atlas import errors
from atlas.table import Table

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(atlas.__path__, "atlas.")
    if "piccolo_migrations" not in info.name
)


def test_the_front_door_names_everything_in_it_in_order() -> None:
    """``__all__`` is what a reader finds in ``atlas`` that is not a module, sorted as ruff does."""
    found = {
        name
        for name, value in vars(atlas).items()
        if not isinstance(value, types.ModuleType) and not name.startswith("_")
    }
    found -= {"bind", "version"}  # what the module itself calls

    def order(name: str) -> tuple[bool, bool, str]:
        return not name.isupper(), not name[0].isupper(), name  # constants, classes, functions

    assert atlas.__all__ == sorted({*found, "__version__"}, key=order)


def test_every_table_is_at_the_front_door() -> None:
    """The 38 tables are in ``TABLES`` once each, and can be imported by their names."""
    assert len(set(atlas.TABLES)) == len(atlas.TABLES) == 38
    for table in atlas.TABLES:
        assert getattr(atlas, table.__name__) is table
        assert table.__name__ in atlas.__all__


def test_parents_come_before_children() -> None:
    """Tables can be filled in the order of ``TABLES``: each references those before it."""
    seen: set[str] = set()
    for table in atlas.TABLES:
        seen.add(table._meta.tablename)
        for key in table._meta.foreign_key_columns:
            assert key._foreign_key_meta.resolved_references._meta.tablename in seen


def test_every_error_is_at_the_front_door() -> None:
    """Whatever Atlas raises can be caught with what ``atlas`` exports."""
    for name, value in vars(errors).items():
        if inspect.isclass(value) and issubclass(value, errors.AtlasError):
            assert name in atlas.__all__


def test_the_version_is_that_of_the_distribution() -> None:
    """``atlas.__version__`` is the version in pyproject.toml."""
    assert atlas.__version__ == importlib.metadata.version("atlas-ops")


@pytest.mark.parametrize(
    "module", [m for m in MODULES if hasattr(importlib.import_module(m), "__all__")]
)
def test_a_module_exports_what_it_has(module: str) -> None:
    """Every name in a module's ``__all__`` is there, once."""
    exported = importlib.import_module(module).__all__
    assert len(set(exported)) == len(exported)
    for name in exported:
        assert hasattr(importlib.import_module(module), name)


def is_public(name: str) -> bool:
    return not name.startswith("_")


def members(owner: Any, path: str, module: str) -> Iterator[Any]:
    """Yield each public class, function, method and property that ``module`` defines."""
    for name, value in vars(owner).items():
        if not is_public(name) or (isinstance(owner, type) and name == "get_readable"):
            continue
        if isinstance(value, classmethod | staticmethod):
            value = value.__func__
        if isinstance(value, property):
            value = value.fget
        if not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        if value.__module__ != module or (isinstance(value, type) and issubclass(value, Enum)):
            continue
        here = f"{path}.{name}"
        yield pytest.param(owner, name, id=here)
        if isinstance(value, type):
            yield from members(value, here, module)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        param
        for module in MODULES
        for param in members(importlib.import_module(module), module, module)
    ],
)
def test_a_public_name_is_documented(owner: Any, name: str) -> None:
    """A public class, function, method or property has a docstring, or inherits one.

    A table's is its ``help_text``, which ``docs/model.md`` gives.
    """
    value = getattr(owner, name)
    if isinstance(value, type) and issubclass(value, Table):
        assert value is Table or value._meta.help_text
    elif isinstance(owner, type):
        static = inspect.getattr_static(owner, name)
        assert inspect.getdoc(static) or inherited(owner, name)
    else:
        assert inspect.getdoc(value)


def inherited(owner: type, name: str) -> bool:
    """Return whether a base documents ``name``, or has it: then its documentation holds."""
    return any(name in vars(base) for base in owner.__mro__[1:])


@pytest.mark.parametrize("module", ["atlas", *MODULES])
def test_a_module_says_what_it_is(module: str) -> None:
    """Every module opens with a docstring."""
    assert importlib.import_module(module).__doc__
