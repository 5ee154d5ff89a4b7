"""What a type checker knows of a query: what awaiting it gives, and how its parameters are named.

In: Piccolo's queries, of which it knows less. Out: the same, with types; at run time they are
Piccolo's own, and nothing here runs.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from atlas.param import Names

if TYPE_CHECKING:
    from typing import Self

    from piccolo.columns import Column
    from piccolo.custom_types import Combinable
    from piccolo.querystring import QueryString

    from atlas.param import Condition, OtherNames

Result = TypeVar("Result", covariant=True)
_Others = TypeVar("_Others")

if TYPE_CHECKING:

    class Runs(Generic[Result, Names]):
        """A query: awaiting it, ``run`` and ``run_sync`` give ``Result``."""

        @property
        def _names(self) -> Names: ...

        def __await__(self) -> Generator[None, None, Result]: ...

        async def run(self, node: str | None = None, in_pool: bool = True) -> Result: ...

        def run_sync(self, timed: bool = False, in_pool: bool = False) -> Result: ...

    class First(Runs[Result, Names]):
        """The first row of a query, or None."""

    class Values(Runs[list[Any], Names], Generic[Names]):
        """The values of the only column of a query."""

    class Json(Runs[str, Names], Generic[Names]):
        """The rows of a query as JSON."""

    class Filtered(Runs[Result, Names]):
        """A query with conditions that asks about rows, and returns none."""

        @overload
        def where(self, *where: Condition[_Others]) -> Filtered[Result, Names | _Others]: ...  # type: ignore[overload-overlap]

        @overload
        def where(self, *where: Combinable) -> Self: ...  # type: ignore[overload-overlap]

        @overload
        def where(self, *where: Combinable | QueryString) -> Filtered[Result, OtherNames]: ...

        def where(self, *where: Any) -> Any: ...

    class Count(Filtered[int, Names]):
        """The number of rows, or of different values."""

        def distinct(self, columns: Sequence[Column] | None) -> Self: ...

    class Exists(Filtered[bool, Names]):
        """Whether there is such a row."""

    class Raw(Runs[list[Any], OtherNames]):
        """SQL as it is written."""

        async def batch(self, batch_size: int | None = None, **options: Any) -> Any: ...
