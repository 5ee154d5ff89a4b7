"""The options of an engine: their defaults, their limits, and how a URL spells them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from atlas import ConfigurationError
from atlas.engine.options import LEAST, MOST, EngineOptions


def test_defaults_are_safe() -> None:
    """Without a choice a commit is on the disk, waits end, and nothing is logged."""
    assert vars(EngineOptions()) == {
        "pool_size": 4,
        "acquire_timeout_ms": 30_000,
        "busy_timeout_ms": 30_000,
        "statement_timeout_ms": 0,
        "synchronous": "FULL",
        "read_only": False,
        "statement_cache": 256,
        "inline_reads": 0.5,
        "shared_commits": 64,
        "file_mode": "0600",
        "log_queries": False,
        "log_parameters": False,
    }
    assert EngineOptions.names() == tuple(vars(EngineOptions()))


@pytest.mark.parametrize("name", LEAST)
def test_numbers_have_limits(name: str) -> None:
    """The least and the most of each number are allowed, and one beyond is not."""
    for allowed in (LEAST[name], MOST):
        assert getattr(EngineOptions(**{name: allowed}), name) == allowed
    for refused in (LEAST[name] - 1, MOST + 1):
        with pytest.raises(ConfigurationError, match=rf"{name} is {refused}; give a whole number"):
            EngineOptions(**{name: refused})


@pytest.mark.parametrize("value", [True, 1.0, "4", None])
@pytest.mark.parametrize("name", LEAST)
def test_numbers_are_whole_numbers(name: str, value: Any) -> None:
    """A number of another type is refused instead of converted."""
    with pytest.raises(ConfigurationError, match=f"{name} is "):
        EngineOptions(**{name: value})


@pytest.mark.parametrize("value", [1, 0, "yes", "", None])
@pytest.mark.parametrize("name", ["log_queries", "log_parameters"])
def test_switches_are_true_or_false(name: str, value: Any) -> None:
    """A switch of another type is refused: the text 'no' would count as true."""
    with pytest.raises(ConfigurationError, match=f"{name} is .* give True or False"):
        EngineOptions(**{name: value})


@pytest.mark.parametrize("value", ["full", "", "ON", 2, None, []])
def test_synchronous_is_a_known_word(value: Any) -> None:
    """Only SQLite's words are taken for the safety of a commit."""
    with pytest.raises(ConfigurationError, match="give one of OFF, NORMAL, FULL, EXTRA"):
        EngineOptions(synchronous=value)


def test_options_do_not_change() -> None:
    """Options that are in use cannot be assigned to."""
    with pytest.raises(FrozenInstanceError):
        EngineOptions().pool_size = 5  # type: ignore[misc]


@pytest.mark.parametrize("text", ["1", "true", "YES", "on"])
def test_text_switches_on(text: str) -> None:
    """The usual words switch an option on, as in the environment."""
    assert EngineOptions.from_text({"log_queries": text}) == {"log_queries": True}


@pytest.mark.parametrize("text", ["0", "False", "no", "OFF"])
def test_text_switches_off(text: str) -> None:
    """The usual words switch an option off, as in the environment."""
    assert EngineOptions.from_text({"log_queries": text}) == {"log_queries": False}


@pytest.mark.parametrize("value", [-1, 100.5, float("nan"), float("inf"), True, "1", None])
def test_time_in_the_event_loop_has_limits(value: Any) -> None:
    """A read holds up the loop for a tenth of a second at most; less than nothing is refused."""
    for allowed in (0, 0.5, 100):
        assert EngineOptions(inline_reads=allowed).inline_reads == allowed
    with pytest.raises(ConfigurationError, match=r"inline_reads is .*from 0 to 100"):
        EngineOptions(inline_reads=value)
