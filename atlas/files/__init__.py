"""Rows in files: CSV, TSV, JSON lines, XLSX and Parquet, read and written a few at a time.

In: a path. Out: rows as dicts, each with its place in the file; or a file that is
whole. Knows no table and no database.
"""

from atlas.files.read import FileRows
from atlas.files.write import FileWriter

__all__ = ["FileRows", "FileWriter"]
