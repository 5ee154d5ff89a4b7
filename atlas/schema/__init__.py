"""A schema as data: from the tables, from docs/model.md, from a database."""
