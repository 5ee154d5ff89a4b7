"""The installed commands, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of somebody who has set nothing but ``variables``."""
    return (
        {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "PICCOLO_CONF") and not name.startswith("ATLAS_")
        }
        | {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "160"}
        | variables
    )


def run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``atlas`` or ``piccolo`` in ``folder``; return what became of it."""
    return subprocess.run(
        [BIN / words[0], *words[1:]],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=100,
    )
