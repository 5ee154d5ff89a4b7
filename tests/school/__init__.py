"""A language school for the tests: one entity with a row in nearly every table.

Small enough that a test can know each of its rows, and break one. ``demo`` returns
them with natural references, ``load`` puts into the database those that are missing.
"""

from school.demo import demo
from school.loader import KEYS, Count, Counts, Row, Seed, load
from school.reference import reference

__all__ = ["KEYS", "Count", "Counts", "Row", "Seed", "demo", "load", "reference"]
