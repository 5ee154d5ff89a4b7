"""The SQL text of a query.

In: a query of Piccolo's. Out: its text and parameters for SQLite, the same as
from ``QueryString.compile_string``, which makes an object of each piece between
two values and parses every template again (querystring.py, 1.38.0). Templates
repeat and values do not, so here the parse is remembered.
"""

from __future__ import annotations

from functools import lru_cache
from string import Formatter
from typing import Any

from piccolo.querystring import QueryString


def compiled(querystring: QueryString) -> tuple[str, list[Any]]:
    """Return the text and the parameters of a query."""
    frozen = querystring._frozen_compiled_strings
    if frozen is not None:
        return frozen
    pieces: list[str] = []
    parameters: list[Any] = []
    _collect(querystring, pieces, parameters)
    return "".join(pieces), parameters


def _collect(querystring: QueryString, pieces: list[str], parameters: list[Any]) -> None:
    texts, args = _texts(querystring.template), querystring.args
    for text, value in zip(texts, args, strict=False):  # the last text may have no value
        pieces.append(text)
        if isinstance(value, QueryString):
            _collect(value, pieces, parameters)
        else:
            pieces.append("?")
            parameters.append(value)
    pieces.extend(texts[len(args) :])


@lru_cache(maxsize=512)
def _texts(template: str) -> tuple[str, ...]:
    """Return the text before each value of a template, and behind the last."""
    return tuple(text for text, *_ in Formatter().parse(template))
