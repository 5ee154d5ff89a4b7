"""The extras of the distribution, and how one is installed."""

from __future__ import annotations

#: The name under which pip knows the package. ``atlas`` on the package index is somebody else's.
DISTRIBUTION = "atlas-ops"


def how_to_install(extra: str) -> str:
    """Return the commands that install ``extra``, from a checkout and from a wheel."""
    return (
        f"pip install '.[{extra}]' in a checkout, pip install 'WHEEL[{extra}]' with a wheel's path"
    )
