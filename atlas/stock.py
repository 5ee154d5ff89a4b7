"""Piccolo's own functions, as they were before ``patches.py`` replaced them.

A leaf: it knows Piccolo alone, and whoever stands in for a function asks it for the original.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from piccolo.conf.apps import Finder

#: ``Finder.get_engine`` (conf/apps.py): the engine of ``piccolo_conf``.
get_engine = Finder.get_engine

#: Copies of functions whose code is replaced where it stands, by their names.
_kept: dict[str, Callable[..., Any]] = {}


def keep(function: Any) -> None:
    """Keep a copy of ``function``, whose code is about to be replaced."""
    _kept[function.__name__] = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )


def kept(name: str) -> Callable[..., Any]:
    """Return the copy of the function of this name; ``KeyError`` if its module was not imported."""
    return _kept[name]
