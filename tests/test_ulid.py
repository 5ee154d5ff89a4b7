"""Ids sort by their making, from any thread and whatever the clock does, and are ULIDs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from ulid import ULID

from atlas import ulid
from atlas.ulid import is_ulid, new_ulid

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MADE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that has made no id yet, so that it believes any clock."""
    monkeypatch.setattr(ulid, "_generator", ulid._Generator())


@pytest.fixture
def eager() -> Iterator[None]:
    """Threads that take turns as often as Python lets them."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def set_clock(monkeypatch: pytest.MonkeyPatch, *times_ms: int) -> None:
    """Let the clock tell these times, one for each id."""
    ticks = iter(times_ms)
    clock = SimpleNamespace(time_ns=lambda: next(ticks) * 1_000_000)
    monkeypatch.setattr(ulid, "time", clock)


def times_ms(ids: list[str]) -> list[int]:
    """Return the milliseconds in ``ids``, as python-ulid reads them."""
    return [ULID.from_str(made).milliseconds for made in ids]


def test_an_id_is_a_ulid_to_python_ulid_too() -> None:
    """python-ulid parses each id, finds the instant of its making, and writes it the same."""
    before_ms = time.time_ns() // 1_000_000
    for _ in range(1000):
        made = new_ulid()
        parsed = ULID.from_str(made)
        assert str(parsed) == made
        assert before_ms <= parsed.milliseconds <= time.time_ns() // 1_000_000 + 1
        assert len(made) == 26
        assert set(made) <= set(CROCKFORD)
        assert is_ulid(made)


def test_every_character_of_the_alphabet_is_used() -> None:
    """The 80 bits of randomness are random: the last places show all 32 characters."""
    seen: set[str] = set()
    for _ in range(200):
        seen |= set(ulid._Generator()()[10:])
    assert seen == set(CROCKFORD)


def test_ids_increase_within_a_process() -> None:
    """Each id is greater than the one before it."""
    ids = [new_ulid() for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


@pytest.mark.usefixtures("eager")
def test_ids_of_eight_threads_increase_and_are_distinct() -> None:
    """Each thread sees its ids increase, and no two threads get the same."""
    start = threading.Barrier(8)

    def make() -> list[str]:
        start.wait()
        return [new_ulid() for _ in range(20_000)]

    with ThreadPoolExecutor(8) as threads:
        made = [thread.result() for thread in [threads.submit(make) for _ in range(8)]]
    for ids in made:
        assert ids == sorted(ids)
    assert len({one for ids in made for one in ids}) == 8 * 20_000


def test_ids_of_several_threads_sort_in_the_order_of_their_making() -> None:
    """Where a lock puts the makings in an order, the ids sort in that order."""
    order: list[str] = []
    lock = threading.Lock()

    def make() -> None:
        for _ in range(2000):
            with lock:
                order.append(new_ulid())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == sorted(order)
    assert len(set(order)) == 8 * 2000


@pytest.mark.usefixtures("fresh")
def test_ids_of_one_millisecond_count_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a millisecond an id is its predecessor plus one."""
    set_clock(monkeypatch, *[1_000] * 100)
    ids = [new_ulid() for _ in range(100)]
    numbers = [int(ULID.from_str(made)) for made in ids]
    assert numbers == list(range(numbers[0], numbers[0] + 100))
    assert set(times_ms(ids)) == {1_000}


@pytest.mark.usefixtures("fresh")
def test_ids_increase_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the clock is behind, ids count up from the last; later they follow it again."""
    set_clock(monkeypatch, 5_000, 4_000, 1, 4_999, 5_000, 5_001, 6_000)
    ids = [new_ulid() for _ in range(7)]
    assert ids == sorted(set(ids))
    assert times_ms(ids) == [5_000, 5_000, 5_000, 5_000, 5_000, 5_001, 6_000]


@pytest.mark.usefixtures("fresh")
def test_ids_increase_when_a_millisecond_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last id of a millisecond comes the first of the next."""
    set_clock(monkeypatch, 5_000, 5_000, 5_001, 5_001)
    monkeypatch.setattr(ulid, "os", SimpleNamespace(urandom=lambda size: b"\xff" * size))
    ids = [new_ulid() for _ in range(4)]
    assert ids == sorted(set(ids))
    assert times_ms(ids) == [5_000, 5_001, 5_001, 5_001]


FORK = """
import os, types
from atlas import ulid
ulid.time = types.SimpleNamespace(time_ns=lambda: 1_800_000_000_000_000_000)
ulid.new_ulid()
reading, writing = os.pipe()
child = os.fork()
ids = [ulid.new_ulid() for _ in range(100)]
if not child:
    os.write(writing, " ".join(ids).encode())
    os._exit(0)
os.waitpid(child, 0)
theirs = os.read(reading, 10_000).decode().split()
print(len(ids), len(theirs), len({*ids, *theirs}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_forked_child_does_not_repeat_its_parents_ids() -> None:
    """Parent and child make different ids, even in the same millisecond."""
    result = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, check=True, timeout=30
    )
    assert result.stdout.split() == ["100", "100", "200"]


class Text(str):
    __slots__ = ()


def not_ulids() -> Iterator[object]:
    yield from ("", MADE[:25], MADE + "0", f"{MADE}\n", f" {MADE[1:]}", MADE.lower())
    yield from (f"{MADE[:25]}{letter}" for letter in "ILOUilou-_ é")
    yield from ("8" + MADE[1:], "Z" * 26, "７" + MADE[1:])  # noqa: RUF001  # a digit elsewhere
    yield from (None, 0, 1.5, True, MADE.encode(), [MADE], ULID.from_str(MADE), object())


@pytest.mark.parametrize("value", [*not_ulids()])
def test_what_is_no_ulid(value: object) -> None:
    """Another length, alphabet, case or type, and what needs more than 128 bits, is not a ULID."""
    assert is_ulid(value) is False


@pytest.mark.parametrize(
    "value",
    [MADE, "0" * 26, "7" + "Z" * 25, Text(MADE), str(ULID()), new_ulid()],
    ids=["known", "smallest", "largest", "a kind of text", "python-ulid's", "new"],
)
def test_what_is_a_ulid(value: str) -> None:
    """26 characters of Crockford base32 that fit 128 bits are a ULID."""
    assert is_ulid(value) is True
    assert str(ULID.from_str(value)) == value


@pytest.mark.parametrize("count", [0, 1, 1000, 70_000])
def test_many_ids_are_made_at_once(count: int) -> None:
    """Ids made together are valid, differ, and sort between those made before and after."""
    ids = [ulid.new_ulid(), *ulid.new_ulids(count), ulid.new_ulid()]
    assert len(ids) == count + 2
    assert ids == sorted(set(ids))
    assert all(map(ulid.is_ulid, ids))
