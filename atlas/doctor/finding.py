"""What the doctor found, in sentences and as JSON.

In: what was looked at, and what is wrong there. Out: ``Finding``s, each with what to do about it.
Knows no database.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

#: Raised when a key or value of the JSON is renamed or taken away; new ones may come without.
JSON_VERSION = 1


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or will be, and what to do about it."""

    #: What was looked at: ``integrity``, ``permissions``, ….
    about: str
    message: str
    remedy: str
    #: Whether it is worth knowing and no fault: it does not count.
    is_note: bool = False


@dataclass
class Diagnosis:
    """All that was looked at, and what was found there."""

    #: The path, or the URL with its password masked.
    database: str
    looked_at: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether nothing was found but notes."""
        return all(finding.is_note for finding in self.findings)

    def add(self, about: str, *found: tuple[str, str], is_note: bool = False) -> None:
        """Note that something was looked at, and each message and remedy that came of it."""
        self.looked_at.append(about)
        self.findings += [Finding(about, message, remedy, is_note) for message, remedy in found]

    def as_json(self) -> dict[str, Any]:
        """Return the diagnosis as plain data."""
        return {"version": JSON_VERSION, "is_well": self.is_well, **asdict(self)}
