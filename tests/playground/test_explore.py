"""docs/explore.md: each command prints there what it prints.

``WRITE_DOCS=1 python -m pytest tests/playground/test_explore.py`` writes the output again, to
be read and committed, after something it shows has changed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT
from terminal import BIN, PROMPT, Terminal, environment

DOCUMENT = ROOT / "docs" / "explore.md"
#: Where the document's reader is.
HOME = "/home/you/atlas"
#: A shell block, and the text block right behind it.
EXAMPLE = re.compile(r"```shell\n(?P<commands>[^`]*)```\n\n```text\n(?P<output>[^`]*)```")
#: What is typed in a transcript.
TYPED = re.compile(r"^In \[\d+\]: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """Commands, and what the document says they print."""

    commands: str
    output: str

    def run(self, folder: Path) -> str:
        """Return what the commands print in ``folder``."""
        is_typed = TYPED.search(self.output)
        # The tests of this checkout are in no other folder; the database stays the copy.
        where = ROOT if "tests/" in self.commands else folder
        printed = self._type(folder) if is_typed else self._execute(where, folder)
        return printed.replace(str(folder), HOME)

    def _execute(self, where: Path, folder: Path) -> str:
        result = subprocess.run(
            ["bash", "-ec", self.commands],
            cwd=where,
            env=environment(folder, DATABASE_URL=f"file:{folder}/atlas-ops.db"),
            capture_output=True,
            text=True,
        )
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    def _type(self, folder: Path) -> str:
        """Return what a terminal shows, without what the shells say of themselves at first."""
        # As through a pipe, which IPython draws nothing on but what is typed and printed.
        terminal = Terminal(self.commands.strip(), folder, IPY_TEST_SIMPLE_PROMPT="1")
        started = terminal.read_to(PROMPT)
        shown = started.partition("Atlas playground")
        parts = ["".join(shown[1:]).strip()] if shown[1] else []
        for number, line in enumerate(TYPED.findall(self.output), 1):
            printed = terminal.run(line).strip().removeprefix(line).strip("\n ")
            parts.append(f"In [{number}]: {line}\n{_trimmed(printed)}")
        assert terminal.leave()[1] == 0
        return "\n\n".join(parts) + "\n"


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


EXAMPLES = [Example(m["commands"], m["output"]) for m in EXAMPLE.finditer(DOCUMENT.read_text())]


def comparable(text: str) -> str:
    """Return ``text`` without what differs each time: ids, instants, sizes, versions, durations."""
    for pattern, name in (
        (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "ULID"),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "INSTANT"),
        (r"[\d.,]+ (bytes|kB|MB)", "SIZE"),
        (r"\s*note: SQLite [\d.]+ has the WAL-reset bug.*?reset\s+bug\"\.", ""),  # not every SQLite
        (r"SQLite [\d.]+", "SQLite VERSION"),
        (r"\d+ applied", "N applied"),
        (r"\d+ deselected in [\d.]+s", "the others in SECONDS"),
        (r"[ ─━]+", " "),
    ):
        text = re.sub(pattern, name, text, flags=re.DOTALL)
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the document's first commands were run."""
    folder = tmp_path_factory.mktemp("explore")
    for name in ("piccolo_conf.py", "piccolo_conf_test.py"):
        shutil.copy(ROOT / name, folder)
    text = DOCUMENT.read_text()
    commands = text[text.index("```shell\n") + len("```shell\n") :].partition("```")[0]
    assert "seed --demo" in commands
    subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        env=environment(folder),
        check=True,
        capture_output=True,
    )
    return folder


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.commands.split("\n")[0] for e in EXAMPLES])
def test_the_document_shows_what_is_printed(example: Example, folder: Path) -> None:
    """A command's output, or a shell's answers, are what the document says, ids and times aside."""
    printed = example.run(folder)
    if os.environ.get("WRITE_DOCS"):
        text = DOCUMENT.read_text()
        old = f"```shell\n{example.commands}```\n\n```text\n{example.output}```"
        new = f"```shell\n{example.commands}```\n\n```text\n{_trimmed(printed)}\n```"
        DOCUMENT.write_text(text.replace(old, new))
        return
    assert comparable(_trimmed(printed)).strip() == comparable(example.output).strip()


def test_the_document_has_every_way_to_look() -> None:
    """Each command that opens or prints something has an example."""
    commands = "".join(example.commands for example in EXAMPLES)
    for name in (
        "atlas playground",
        "atlas playground --database",
        "atlas info",
        "piccolo shell run",
        "piccolo sql_shell run",
        "piccolo fixtures dump",
        "piccolo fixtures load",
        "piccolo schema graph",
        "piccolo tester run",
    ):
        assert name in commands
    assert BIN.is_dir()
