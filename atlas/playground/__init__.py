"""A shell on this schema to try queries in, on a database that may be spoiled.

In: nothing, or the URL of a database to look at. Out: an IPython shell with the
38 tables and an open client, until the user leaves it. The database it makes
is a throwaway: a file in a temporary folder, gone with the shell.
"""

from atlas.playground.shell import run, run_stock_command

__all__ = ["run", "run_stock_command"]
