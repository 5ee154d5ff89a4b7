"""The entity-relationship diagrams of docs/erd/, drawn from the tables: scripts/erd runs it.

In: the 38 table classes. Out: for each of the seven domains and for the whole a
Mermaid source and an SVG.
"""
