"""A bar for long work on the command line.

In: how many rows are done, and of how many. Out: a bar on stderr, by rich. Knows
nothing of the work; ``bar`` makes what ``upsert`` takes as ``on_progress``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def bar(
    title: str, total: int | None = None, console: Console | None = None
) -> Iterator[Callable[[int, int | None], None]]:
    """Show a bar while the block runs; yield the function to tell the progress to.

    ``total`` is for work that cannot know it itself, as a generator's rows. Nothing
    is shown where stderr is not a terminal.
    """
    console = console or Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)

        def on_progress(done: int, of: int | None) -> None:
            progress.update(task, completed=done, total=total if of is None else of)

        yield on_progress
