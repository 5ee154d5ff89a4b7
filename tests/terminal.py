"""Somebody who sits at a terminal: types into a command, and reads what it shows."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pexpect

BIN = Path(sys.executable).parent

#: IPython's prompt, and escape sequences of a terminal.
PROMPT = r"In \[\d+\]: "
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>])|\r")


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of somebody at home in ``folder`` who has set nothing else."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "PICCOLO_CONF", "IPYTHONDIR", "TMPDIR")
        and not name.startswith("ATLAS_")
    }
    # The simplest terminal that IPython's prompt draws on: it answers no questions.
    terminal = {"TERM": "dumb", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "100", "LINES": "40"}
    return kept | terminal | {"HOME": str(folder), "PATH": f"{BIN}:{kept['PATH']}"} | variables


class Terminal:
    """A command that runs in a terminal of 100 columns, in ``folder``."""

    def __init__(self, command: str, folder: Path, **variables: str) -> None:
        name, *arguments = command.split()
        self.process: Any = pexpect.spawn(
            str(BIN / name),
            arguments,
            cwd=str(folder),
            env=environment(folder, **variables),
            dimensions=(40, 100),
            encoding="utf-8",
            timeout=30,
        )

    def read_to(self, pattern: str) -> str:
        """Return what is shown until ``pattern`` is."""
        self.process.expect(pattern)
        return _ESCAPES.sub("", str(self.process.before))

    def run(self, line: str) -> str:
        """Type a line at IPython's prompt and return what is shown before the next one."""
        self.process.sendline(line)
        return self.read_to(PROMPT)

    def leave(self, line: str = "exit") -> tuple[str, int | None]:
        """Type a last line; return what is shown, and the exit code."""
        self.process.sendline(line)
        return self.wait()

    def press_until_it_ends(self, key: str) -> None:
        """Press a key until the process ends: the prompt takes none before it is drawn in full."""
        for _ in range(30):
            self.process.send(key)
            if self.process.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=1) == 0:
                return

    def wait(self) -> tuple[str, int | None]:
        """Wait for the process to end; return what it showed and its exit code."""
        shown = self.read_to(pexpect.EOF)
        self.process.close()
        return shown, self.process.exitstatus
