"""The reference rows that the school stands on, in the form of its own rows."""

from __future__ import annotations

from typing import Any

import atlas
from atlas.reference.channels import channels
from atlas.reference.periods import periods
from atlas.reference.provinces import provinces
from atlas.table import Table


def reference() -> list[tuple[type[Table], dict[str, Any]]]:
    """Return the provinces, the periods and the channels."""
    return [
        *((atlas.Region, row) for row in provinces()),
        *((atlas.Period, row) for row in periods()),
        *((atlas.Channel, row) for row in channels()),
    ]
