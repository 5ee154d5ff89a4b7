"""The admin page: Piccolo Admin for the 38 tables, served on this machine.

In: a database to look at, and a file for who may log in. Out: a page to list,
filter and follow rows with, and to edit them where that is asked for. Needs the
extra ``admin``; only ``atlas/cli/admin.py`` imports it.
"""
