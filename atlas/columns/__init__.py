"""The column types of the model, one for each logical type of docs/model.md section 1.

A table imports them from here, and so do migrations.
"""

from piccolo.columns import OnDelete

from atlas.columns.base import ModelColumn
from atlas.columns.expressions import Expression
from atlas.columns.keys import CompositeKey, ForeignKey, ReferencedTable
from atlas.columns.types import Boolean, Date, Decimal, Integer, Now, Text, Timestamp, Ulid, utc_now

__all__ = [
    "Boolean",
    "CompositeKey",
    "Date",
    "Decimal",
    "Expression",
    "ForeignKey",
    "Integer",
    "ModelColumn",
    "Now",
    "OnDelete",
    "ReferencedTable",
    "Text",
    "Timestamp",
    "Ulid",
    "utc_now",
]

# A migration is written with the module that a class says it is from: this one, whichever file
# of it the class stands in.
for _class in (ForeignKey, Boolean, Date, Decimal, Integer, Now, Text, Timestamp, Ulid):
    _class.__module__ = __name__
