"""The SQLite engine: a pool of connections to one file, and what its ALTER lacks."""
