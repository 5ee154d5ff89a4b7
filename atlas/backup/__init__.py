"""Backups: a database in, a whole and checked copy of one moment out; and the way back.

On SQLite a copy made page by page (``sqlite.py``), on PostgreSQL the server's own ``pg_dump`` and
``pg_restore`` (``postgres.py``). A backup has its name only when it is whole. Knows no table.
"""

from atlas.backup.backup import Backup, Restored, back_up, restore

__all__ = ["Backup", "Restored", "back_up", "restore"]
