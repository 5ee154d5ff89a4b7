"""Values in the forms of other libraries, as those of Python that they are exactly.

In: any value. Out: the same, or a value of Python's own that it is exactly, or None
for what stands for no value. It imports neither numpy nor pandas: a value of theirs
can only be there when they are.
"""

from __future__ import annotations

import sys
from enum import Enum
from typing import Any


def unwrapped(value: Any) -> Any:
    """Return the value of a choice, of a number of numpy's, or of pandas' marks for none.

    ``numpy.int64(3)`` is 3, ``OrderStatus.draft`` its token, and ``pandas.NaT`` and
    ``pandas.NA`` are None. What is not exactly a value of Python's stays as it is.
    """
    if isinstance(value, Enum):
        return value if value.value is None else value.value
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return _scalar(value, numpy)
    pandas = sys.modules.get("pandas")
    if pandas is not None and any(value is getattr(pandas, name, pandas) for name in ("NaT", "NA")):
        return None
    return value


def _scalar(value: Any, numpy: Any) -> Any:
    """Return a scalar of numpy's as Python's; one that is more precise stays as it is."""
    if type(value).__name__ != "datetime64":
        return value.item()
    if numpy.isnat(value):
        return None
    # Its item() is a number of nanoseconds where it has some.
    cut = value.astype("datetime64[us]")
    return cut.item() if cut == value else value
