"""Rows to begin with: what every installation needs, and one entity to look at.

In: nothing. Out: rows as plain dicts with natural references (``reference``,
``demo``), and ``load``, which puts into the database those that are missing.
"""

from atlas.seed.demo import demo
from atlas.seed.loader import KEYS, Count, Counts, Row, Seed, load
from atlas.seed.reference import reference

__all__ = ["KEYS", "Count", "Counts", "Row", "Seed", "demo", "load", "reference"]
