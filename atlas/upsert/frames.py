"""Data frames as rows.

In: a frame of pandas, polars or pyarrow, or anything else. Out: its rows as dicts, a few
at a time, with None for what the frame calls missing; or the same thing. It imports
none of them: a frame can only be there when its library is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: How many rows of a frame are Python objects at a time.
_CHUNK = 1000


class FrameRows:
    """The rows of a frame, each a dict, as often as they are iterated over."""

    def __init__(self, frame: Any, library: str) -> None:
        self._frame = frame
        self._library = library

    def __len__(self) -> int:
        return self._frame.num_rows if self._library == "pyarrow" else len(self._frame)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        frame = self._frame
        if self._library == "polars":
            yield from frame.iter_rows(named=True)
        elif self._library == "pyarrow":
            for batch in frame.to_batches(_CHUNK) if hasattr(frame, "to_batches") else [frame]:
                yield from batch.to_pylist()
        else:
            for start in range(0, len(frame), _CHUNK):
                for row in frame.iloc[start : start + _CHUNK].to_dict("records"):
                    # NaN, NaT and NA are missing values there, and equal to nothing.
                    yield {
                        name: None if _is_missing(value) else value for name, value in row.items()
                    }


def rows_of_frame(rows: Any) -> Any:
    """Return the rows of a data frame; what is none comes back as it is.

    Raises ``TypeError`` for a lazy frame, which has no rows yet.
    """
    kind = type(rows)
    library = kind.__module__.partition(".")[0]
    if library == "polars" and kind.__name__ == "LazyFrame":
        raise TypeError("rows is a LazyFrame, which has no rows yet; pass rows.collect().")
    known = {
        "pandas": ("DataFrame",),
        "polars": ("DataFrame",),
        "pyarrow": ("Table", "RecordBatch"),
    }
    return FrameRows(rows, library) if kind.__name__ in known.get(library, ()) else rows


def _is_missing(value: Any) -> bool:
    if isinstance(value, list | dict):
        return False
    different = value != value
    return different is True or type(value).__name__ == "NAType" or str(different) == "True"
