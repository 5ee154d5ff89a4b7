"""Piccolo's configuration for ``piccolo tester run``: the same apps, on a file of the run's own.

It is made by whoever uses it first, as by ``create_db_tables``, and goes with
the process.
"""

import tempfile

from atlas.client.client import create_client
from piccolo_conf import APP_REGISTRY

_folder = tempfile.TemporaryDirectory(prefix="atlas-test-")

DB = create_client(f"file:{_folder.name}/atlas-test.db").engine

__all__ = ["APP_REGISTRY", "DB"]
