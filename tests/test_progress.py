"""The bar shows how far the work is, where somebody can see it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from atlas.progress import bar


@pytest.mark.parametrize(("known", "told"), [(10, None), (None, 10), (5, 10)])
def test_the_bar_shows_rows_of_all_rows(known: int | None, told: int | None) -> None:
    """The total comes from the work, or from the caller where the work does not know it."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with bar("Orders", known, console) as on_progress:
        on_progress(4, told)
        on_progress(10, told)
    assert "Orders" in screen.getvalue()
    assert "10/10" in screen.getvalue()


def test_nothing_is_shown_to_nobody() -> None:
    """Where the output is not a terminal, as in a log, there is no bar."""
    screen = io.StringIO()
    with bar("Orders", console=Console(file=screen)) as on_progress:
        on_progress(4, None)
    assert screen.getvalue().strip() == ""


def test_the_bar_ends_with_an_error() -> None:
    """What the work raises comes through."""
    console = Console(file=io.StringIO(), force_terminal=True)
    with pytest.raises(LookupError), bar("Orders", console=console):
        raise LookupError
