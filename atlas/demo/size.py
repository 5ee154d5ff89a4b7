"""How large a demo is, and which days it covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

SizeName = Literal["small", "medium", "large"]

#: The first and the last day on which anything is sold: the years of the seeded periods.
FIRST_DAY = date(2025, 1, 1)
LAST_DAY = date(2026, 12, 31)


@dataclass(frozen=True)
class Size:
    """How much there is of everything."""

    name: SizeName
    #: Of the whole group, over both years.
    orders: int
    #: Of each entity, besides its head office and its online unit.
    branches: int
    #: Schools and companies.
    organizations: int
    #: Of each branch in a month.
    agendas: int


SIZES: dict[SizeName, Size] = {
    size.name: size
    for size in (
        Size("small", orders=300, branches=2, organizations=10, agendas=1),
        Size("medium", orders=20_000, branches=6, organizations=60, agendas=2),
        # About 1,000,000 order lines.
        Size("large", orders=500_000, branches=16, organizations=300, agendas=4),
    )
}
