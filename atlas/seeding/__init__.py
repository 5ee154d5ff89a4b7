"""Rows to begin with: what every installation needs, and a demo to look at.

In: a client. Out: ``seed``, which puts into its database the rows that are
missing, through the client's own upsert.
"""

from atlas.seeding.seed import Counts, OnProgress, SeedCount, seed

__all__ = ["Counts", "OnProgress", "SeedCount", "seed"]
