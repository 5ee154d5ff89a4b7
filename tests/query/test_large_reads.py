"""What a select of many rows does to the other tasks, and how decimals are watched."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from factory import make

import atlas
from atlas import CorruptValueError, InvoiceLine, ItemComponent
from atlas.engine.sqlite.engine import SQLiteEngine

ROWS = 2_000
#: Rows that are built between two turns of the other tasks.
SLICE = 100


async def turns_of_others(work: Any) -> int:
    """Return how often another task had its turn while ``work`` was done."""
    turns = 0
    done = False

    async def count() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    turns = 0
    await work
    done = True
    await counting
    return turns


def entity_row(number: int) -> dict[str, Any]:
    entity = atlas.Entity(code=f"E{number}", name="PT Maju")
    return {column._meta.name: entity[column._meta.name] for column in entity._meta.columns}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(atlas.Entity.objects, id="objects"),
        pytest.param(lambda: atlas.Entity.select().output(nested=True), id="nested select"),
    ],
)
async def test_many_rows_are_built_in_turns_with_other_tasks(
    query: Callable[[], Any], sqlite_engine: SQLiteEngine
) -> None:
    """No more than a slice of rows is built before every other task had its turn."""
    rows = [entity_row(number) for number in range(ROWS)]
    assert await turns_of_others(query()._process_results(rows)) >= ROWS // SLICE


async def test_slices_lose_no_row_and_keep_the_order(sqlite_engine: SQLiteEngine) -> None:
    """All rows of a large result come back, in the order of the database."""
    count = 2 * SLICE + 1
    await atlas.Entity.insert(*(atlas.Entity(code=f"E{i:04}", name="x") for i in range(count)))
    codes = [f"E{number:04}" for number in range(count)]
    objects = await atlas.Entity.objects().order_by(atlas.Entity.code)
    assert [entity.code for entity in objects] == codes
    selected = await atlas.Entity.select(atlas.Entity.code).order_by(atlas.Entity.code)
    assert [row["code"] for row in selected] == codes


async def test_python_collects_no_garbage_while_many_objects_are_built(
    sqlite_engine: SQLiteEngine,
) -> None:
    """No collection of older generations, ever longer ones, holds up the loop in a large read."""
    rows = [entity_row(number) for number in range(20_000)]
    collected: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        collected.append(info["generation"])

    gc.collect()
    gc.callbacks.append(note)
    try:
        built = await atlas.Entity.objects()._process_results(rows)
    finally:
        gc.callbacks.remove(note)
    assert len(built) == 20_000
    assert not {1, 2} & {*collected}


async def test_rows_are_given_back_as_objects_are_built(sqlite_engine: SQLiteEngine) -> None:
    """The rows of a large read are freed slice by slice, not all at its end."""
    rows = [entity_row(number) for number in range(ROWS)]
    await atlas.Entity.objects()._process_results(rows)
    assert not any(rows)


async def test_what_a_program_froze_stays_frozen(sqlite_engine: SQLiteEngine) -> None:
    """A program that took its objects from the garbage collector finds them so after a read."""
    rows = [entity_row(number) for number in range(ROWS)]
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        await atlas.Entity.objects()._process_results(rows)
        assert gc.get_freeze_count() > 0.9 * frozen  # what is freed leaves it
    finally:
        gc.unfreeze()


@pytest.fixture
def corrupt(sqlite_engine: SQLiteEngine) -> Iterator[Callable[[str, Any], None]]:
    """A function that writes to the test's file as another tool would, with no checks."""
    with closing(sqlite3.connect(sqlite_engine.path, isolation_level=None)) as connection:

        def run(sql: str, *parameters: Any) -> None:
            connection.execute(sql, parameters)

        yield run


READS: dict[str, Callable[[], Any]] = {
    "select": lambda: InvoiceLine.select(),
    "select of the column": lambda: InvoiceLine.select(InvoiceLine.amount),
    "select under an alias": lambda: InvoiceLine.select(InvoiceLine.amount.as_alias("money")),
    "objects": lambda: InvoiceLine.objects(),
    "first": lambda: InvoiceLine.objects().order_by(InvoiceLine.amount, ascending=False).first(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_text_in_a_decimal_is_never_returned(
    read: Callable[[], Any], sqlite_engine: SQLiteEngine, corrupt: Callable[..., None]
) -> None:
    """A text that another tool stored in a decimal is an error naming table, column and row."""
    line = await make(InvoiceLine, amount=1.5)
    corrupt("UPDATE finance_invoice_line SET amount = 'abc' WHERE id = ?", line.id)
    with pytest.raises(CorruptValueError) as refused:
        await read()
    error = refused.value
    assert (error.table, error.column, error.id, error.value) == (
        "finance_invoice_line",
        "amount",
        line.id,
        "abc",
    )
    assert await InvoiceLine.select(InvoiceLine.id) == [{"id": line.id}]


async def test_text_in_a_joined_decimal_is_never_returned(
    sqlite_engine: SQLiteEngine, corrupt: Callable[..., None]
) -> None:
    """A corrupt decimal is seen through a join, a prefetch and a batch too."""
    line = await make(InvoiceLine)
    corrupt("UPDATE finance_invoice SET total_amount = '12,5' WHERE id = ?", line.invoice_id)
    with pytest.raises(CorruptValueError, match=r"finance_invoice\.total_amount"):
        await InvoiceLine.select(InvoiceLine.invoice_id.total_amount)
    with pytest.raises(CorruptValueError, match=r"finance_invoice\.total_amount"):
        await InvoiceLine.objects(InvoiceLine.invoice_id)
    async with await atlas.Invoice.select().batch() as batch:
        with pytest.raises(CorruptValueError, match=r"finance_invoice\.total_amount"):
            await batch.next()
    assert len(await InvoiceLine.objects()) == 1


async def test_row_without_an_id_is_named_by_its_key(
    sqlite_engine: SQLiteEngine, corrupt: Callable[..., None]
) -> None:
    """The error about a row of a join table names both of its keys."""
    component = await make(ItemComponent)
    corrupt("UPDATE catalog_item_component SET quantity = x'00'")
    with pytest.raises(CorruptValueError) as refused:
        await ItemComponent.select()
    assert refused.value.id == (component.item_id, component.component_id)
