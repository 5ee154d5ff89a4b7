"""A believable group of schools: two years of orders, money, leads and targets.

In: a size and a seed. Out: rows for every table, which obey docs/model.md
section 7. Knows the tables, and nothing of databases. Every name is invented;
telephone and identity numbers are of a form that nobody is given.
"""
