"""All rows of one database into another, of whichever kind: ``atlas copy``."""

from atlas.transfer.copy import CopiedTable, copy

__all__ = ["CopiedTable", "copy"]
