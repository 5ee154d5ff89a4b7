"""Piccolo's queries, made to keep the promises of the model.

``Table`` hands them out; nobody needs to import them, but for ``M2M`` in a table's body.
"""
