"""Arithmetic with columns."""

from __future__ import annotations

from typing import Any

from piccolo.querystring import QueryString


class Arithmetic:
    """``+ - * /`` with values, columns and expressions on either side.

    Piccolo gives a DOUBLE PRECISION none, and writes that of an INTEGER without
    parentheses, so that its ``(a + 1) * 2`` is ``a + 1 * 2``.
    """

    def __add__(self, value: Any) -> Expression:
        return Expression("({} + {})", self, value)

    def __radd__(self, value: Any) -> Expression:
        return Expression("({} + {})", value, self)

    def __sub__(self, value: Any) -> Expression:
        return Expression("({} - {})", self, value)

    def __rsub__(self, value: Any) -> Expression:
        return Expression("({} - {})", value, self)

    def __mul__(self, value: Any) -> Expression:
        return Expression("({} * {})", self, value)

    def __rmul__(self, value: Any) -> Expression:
        return Expression("({} * {})", value, self)

    def __truediv__(self, value: Any) -> Expression:
        return Expression("({} / {})", self, value)

    def __rtruediv__(self, value: Any) -> Expression:
        return Expression("({} / {})", value, self)


class Expression(Arithmetic, QueryString):
    """What arithmetic with columns makes: ``(Order.total_amount + 1) * 2``."""
