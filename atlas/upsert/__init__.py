"""Bulk upsert: many rows in, each inserted, updated or left as it is.

In: an engine, a table, and rows from anywhere. Out: the rows in the database, and
an exact count of what happened to them. Knows the tables and both engines.

``upsert.py`` leads a call through the others: ``batches.py`` cuts the rows,
``validator.py`` checks them, ``repeats.py`` finds keys that come twice, ``tree.py``
lets children wait for their parents, ``writer.py`` runs the SQL of
``statements.py``, and ``refusals.py`` finds out why a database refused a row.
"""
