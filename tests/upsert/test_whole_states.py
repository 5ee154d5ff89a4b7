"""Loads that are right as a whole: in any order, with references, all of a source, or planned."""

from __future__ import annotations

import datetime
import io
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pandas
import polars
import pyarrow
import pytest
from databases import url_of
from factory import make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo.engine.base import Engine
from rich.console import Console

from atlas import (
    Agenda,
    Entity,
    Identifier,
    IncompleteSourceError,
    InvalidValueError,
    Order,
    OrderLine,
    Person,
    PersonTag,
    Region,
    RowsInUseError,
    Source,
    Tag,
    Unit,
    UpsertError,
    sync_client,
)
from atlas.client.client import Client

DAY = datetime.date(2026, 1, 1)
_numbers = itertools.count()


def name(prefix: str = "n") -> str:
    """Return a name that nothing else has."""
    return f"{prefix}{next(_numbers)}"


# A second unique key that moves between rows.


async def lines(numbers: dict[str, int], **values: Any) -> list[dict[str, Any]]:
    """Rows of order lines by source key, with their line numbers."""
    return [{**values, "source_key": key, "line_no": line} for key, line in numbers.items()]


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
async def test_numbers_that_move_are_stored_whatever_the_order(db: Client, batch_size: int) -> None:
    """Lines after an insertion, a swap and a ring: it is enough that the new state is valid."""
    line = await make(OrderLine)
    source = await make(Source)
    same = {
        **{column: getattr(line, column) for column in ("order_id", "item_id")},
        **{"unit_price": 1, "total_amount": 1, "source_id": source.id},
    }
    await line.remove()
    for state in (
        {"a": 1, "b": 2, "c": 3},
        {"a": 1, "new": 2, "b": 3, "c": 4},
        {"a": 2, "new": 1, "b": 4, "c": 3},
        {"a": 1, "new": 4, "b": 3, "c": 2, "d": 5},
    ):
        for rows in (await lines(state, **same), (await lines(state, **same))[::-1]):
            result = await db.upsert(OrderLine, rows, batch_size=batch_size)
            assert result.inserted + result.updated + result.unchanged == len(state)
            stored = await OrderLine.select(OrderLine.source_key, OrderLine.line_no).where(
                OrderLine.order_id == line.order_id
            )
            assert {row["source_key"]: row["line_no"] for row in stored} == state


async def test_a_number_that_nobody_gives_up_is_refused_and_what_counted_on_it(db: Client) -> None:
    """b wants what a row outside of the call has, and a what b would have given up; c is free."""
    orders = [await make(Order, note=name()) for _ in range(4)]
    a, b, c, outside = orders
    rows = [
        {"id": a.id, "number": b.number},
        {"id": b.id, "number": outside.number},
        {"id": c.id, "number": name("SO")},
    ]
    for order in (b, c, outside):  # numbers are unique in an entity
        await order.update_self({Order.entity_id: a.entity_id})
    result = await db.upsert(Order, rows, ("id",), on_error="collect")
    assert (result.updated, sorted({error.position for error in result.errors})) == (1, [0, 1])
    after = [await Order.objects().get(Order.id == order.id) for order in orders]
    assert [each.number for each in after if each][:2] == [a.number, b.number]

    again = [*rows[:2], {"id": c.id, "number": name("SO")}]
    plan = (await db.upsert(Order, again, ("id",), on_error="collect", dry_run=True)).plan
    assert plan is not None
    assert [change.key for change in plan.changes] == [c.id]  # once, and no refused one

    with pytest.raises(UpsertError, match="that of another row") as caught:
        await db.upsert(Order, rows, ("id",))
    assert caught.value.result.committed == 0


# The same key twice.


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"code": st.sampled_from("abc")},
            optional={
                "name": st.sampled_from("xyz"),
                "type": st.sampled_from(["Other", "Interest"]),
            },
        ),
        min_size=1,
        max_size=8,
    ),
    size=st.integers(1, 8),
)
def test_a_repeated_key_ends_alike_whatever_the_batches(
    module_database: Engine[Any], rows: list[dict[str, str]], size: int
) -> None:
    """The result is that of a call for each row, also where each carries other columns."""
    prefix = name("k")
    rows = [{"name": "first", **row} for row in rows[:1]] + rows[1:]
    seen: set[str] = set()
    for row in rows:  # a new row needs its name
        if row["code"] not in seen:
            row.setdefault("name", "given")
        seen.add(row["code"])
    with sync_client(url_of(module_database)) as db:
        ends = []
        for way, sizes in enumerate(([len(rows)], [size], [1])):
            keyed = [{**row, "code": f"{prefix}-{way}-{row['code']}"} for row in rows]
            result = db.upsert(Tag, keyed, batch_size=sizes[0])
            stored = db.run(
                Tag.select(Tag.code, Tag.name, Tag.type)
                .where(Tag.code.like(f"{prefix}-{way}-%"))
                .order_by(Tag.code)
            )
            ends.append(([(r["code"][-1], r["name"], r["type"]) for r in stored], result.inserted))
            assert result.inserted + result.duplicates == len(rows)
        assert ends[0] == ends[1] == ends[2]


# What the rows' source does belongs to the call.


async def test_what_a_generator_writes_goes_with_the_call(db: Client) -> None:
    """It is undone when the source breaks, whichever batch it was in, and kept otherwise."""
    prefix = name("p")

    async def rows(breaks: bool) -> AsyncIterator[dict[str, Any]]:
        for number in range(3):
            await Person(full_name=f"{prefix}").save()
            if breaks and number == 2:
                raise RuntimeError("the source broke")
            yield {"code": f"{prefix}{number}", "name": "n"}

    for size in (1, 1000):
        with pytest.raises(RuntimeError):
            await db.upsert(Tag, rows(breaks=True), batch_size=size)
        assert await Person.count().where(Person.full_name == prefix) == 0
    assert (await db.upsert(Tag, rows(breaks=False), batch_size=1)).inserted == 3
    assert await Person.count().where(Person.full_name == prefix) == 3


@pytest.mark.parametrize("count", [3, 1001])
def test_a_generator_may_use_the_sync_client_it_feeds(
    module_database: Engine[Any], count: int
) -> None:
    """Its calls and those of on_progress are part of the call, for few rows as for many."""
    code = name("source")
    with sync_client(url_of(module_database), acquire_timeout_ms=4000) as db:
        db.upsert(Source, [{"code": code, "name": "n", "type": "Api"}])

        def rows() -> Iterator[dict[str, Any]]:
            for number in range(count):
                if number % 500 == 0:
                    db.run(Person(full_name=code).save())
                yield {"code": f"{code}-{number}", "name": "n"}

        def note(done: int, total: int | None) -> None:
            db.run(Source.update({Source.sync_cursor: str(done)}).where(Source.code == code))

        def fail(done: int, total: int | None) -> None:
            note(done, total)
            raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            db.upsert(Tag, rows(), on_progress=fail)
        assert db.run(Person.count().where(Person.full_name == code)) == 0
        assert db.upsert(Tag, rows(), on_progress=note).inserted == count
        (source,) = db.run(Source.select(Source.sync_cursor).where(Source.code == code))
        assert source["sync_cursor"] == str(count)
        assert db.run(Person.count().where(Person.full_name == code)) == -(-count // 500)


def test_loads_that_cross_are_both_loaded(module_database: Engine[Any]) -> None:
    """A deadlock of PostgreSQL's is tried again; on SQLite they wait for each other."""
    prefix, together, failed = name("cross"), threading.Barrier(2), []

    def load(backwards: bool) -> None:
        with sync_client(url_of(module_database)) as db:
            for turn in range(3):
                rows = [
                    {"code": f"{prefix}{n:04}", "name": f"{backwards}{turn}"} for n in range(600)
                ]
                together.wait(60)
                try:
                    db.upsert(Tag, rows[::-1] if backwards else rows, batch_size=200)
                except Exception as error:
                    failed.append(error)

    loads = [threading.Thread(target=load, args=(backwards,)) for backwards in (False, True)]
    for thread in loads:
        thread.start()
    for thread in loads:
        thread.join(100)
    assert failed == []


# Data frames.


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
async def test_a_data_frame_is_rows(db: Client, library: str) -> None:
    """What it calls missing is null, and its numbers and days are taken; so is an empty one."""
    entity = await make(Entity)
    codes = [name("U"), name("U")]
    columns: dict[str, list[Any]] = {
        "entity_id": [entity.id] * 2,
        "code": codes,
        "name": ["n", "m"],
        "open_date": [datetime.date(2025, 12, 31), None],
        "is_active": [True, False],
    }
    frame: Any
    if library == "pandas":
        frame = pandas.DataFrame(columns)
        frame["open_date"] = pandas.to_datetime(frame["open_date"])
    elif library == "polars":
        frame = polars.DataFrame(columns)
    else:
        frame = pyarrow.table(columns)
    assert (await db.upsert(Unit, frame)).inserted == 2
    assert (await db.upsert(Unit, frame)).unchanged == 2
    rows = await Unit.select(Unit.open_date, Unit.is_active).where(Unit.code.is_in(codes))
    assert {(row["open_date"], row["is_active"]) for row in rows} == {
        (datetime.date(2025, 12, 31), True),
        (None, False),
    }
    assert (
        await db.upsert(Unit, frame[:0] if library != "pyarrow" else frame.slice(0, 0))
    ).inserted == 0


async def test_a_lazy_frame_is_called_so(db: Client) -> None:
    """It has no rows yet."""
    with pytest.raises(TypeError, match=r"LazyFrame.*collect"):
        await db.upsert(Tag, polars.LazyFrame({"code": ["a"]}))  # type: ignore[arg-type]


# References by natural key.


async def test_references_are_found_by_natural_key(db: Client) -> None:
    """With columns of the row, through a row of another table, and for what refers to nothing."""
    entity, person = await make(Entity, code=name("E")), await make(Person)
    unit = await make(Unit, entity_id=entity.id, code=name("U"))
    number = await make(Identifier, person_id=person.id)
    key = name("k")
    order = {
        **{"entity_id": entity.code, "unit_id": unit.code, "number": key, "type": "Product"},
        **{"order_date": "2026-01-01", "participant_id": None},
        "customer_id": (number.type, number.issuer, number.value),
    }
    refs: Any = {
        "unit_id": (Unit, "entity_id", "code"),
        "entity_id": (Entity, Entity.code),
        Order.customer_id: (Identifier, "type", "issuer", "value"),
    }
    result = await db.upsert(Order, [order], refs=refs, ids=True)
    row = await Order.objects().get(Order.id == result.ids[0])
    assert row is not None
    assert (row.entity_id, row.unit_id, row.customer_id) == (entity.id, unit.id, person.id)
    assert (await db.upsert(Order, [order], refs=refs)).unchanged == 1


async def test_a_tree_is_loaded_by_natural_key_in_any_order(db: Client) -> None:
    """Children before parents, over batches; what never comes is a bad row with its value."""
    code = name("R")
    rows = [
        {"code": f"{code}.1.1", "name": "n", "type": "District", "parent_id": f"{code}.1"},
        {"code": f"{code}.1", "name": "n", "type": "City", "parent_id": code},
        {"code": code, "name": "n", "type": "Province"},
    ]
    refs: Any = {"parent_id": (Region, "code")}
    for size in (1, 1000):
        for order in itertools.permutations(rows):
            result = await db.upsert(Region, order, refs=refs, batch_size=size, ids=True)
            assert len(set(result.ids)) == 3
    found = await Region.select(Region.code, Region.parent_id.code).where(
        Region.code.like(f"{code}%")
    )
    assert {row["code"]: row["parent_id.code"] for row in found} == {
        code: None,
        f"{code}.1": code,
        f"{code}.1.1": f"{code}.1",
    }
    with pytest.raises(UpsertError, match=r"row 1, parent_id: 'nowhere' .*core_region, neither"):
        await db.upsert(Region, [rows[2], {**rows[1], "parent_id": "nowhere"}], refs=refs)


async def test_a_reference_that_is_missed_is_a_bad_row(db: Client) -> None:
    """It is named with position, column and value; the others are loaded if that is asked for."""
    entity = await make(Entity, code=name("E"))
    rows = [
        {"entity_id": each, "code": name("U"), "name": "n"} for each in (entity.code, "nowhere")
    ]
    refs: Any = {"entity_id": (Entity, "code")}
    with pytest.raises(UpsertError, match=r"row 1, entity_id: 'nowhere' .*no row of core_entity"):
        await db.upsert(Unit, rows, refs=refs)
    result = await db.upsert(Unit, rows, refs=refs, on_error="collect", ids=True)
    assert (result.inserted, result.refused, result.ids[1]) == (1, 1, None)
    with pytest.raises(UpsertError, match=r"\(its value\) is the \(code\) of no row") as caught:
        await db.upsert(Unit, rows, refs=refs, show_values=False)
    assert "nowhere" not in str(caught.value)


@pytest.mark.parametrize(
    ("refs", "said"),
    [
        ({"colour": (Entity, "code")}, "colour is not a column of Unit"),
        ({"entity_id": (Entity, "colour")}, "colour is not a column of Entity"),
        ({"entity_id": Entity}, "give a table and columns"),
        ({"entity_id": (PersonTag, "person_id")}, "0 references"),
    ],
)
async def test_a_reference_that_cannot_be_is_refused(db: Client, refs: Any, said: str) -> None:
    """Before any row is looked at."""
    with pytest.raises(ValueError, match=said):
        await db.upsert(Unit, [], refs=refs)


# Plans, ids and rules.


async def test_a_dry_run_says_what_would_change_and_writes_nothing(db: Client) -> None:
    """Each row with its columns, from what to what; also as a table."""
    tag = await make(Tag, code=name("t"), name="old")
    rows = [{"code": tag.code, "name": "new"}, {"code": name("t"), "name": "[red]"}]
    count = await Tag.count()
    result = await db.upsert(Tag, rows, dry_run=True, ids=True)
    assert (result.inserted, result.updated, result.committed) == (1, 1, 0)
    assert result.plan is not None
    assert result.plan.counts == {"insert": 1, "update": 1}
    update = next(change for change in result.plan.changes if change.kind == "update")
    assert (update.key, dict(update.columns)) == (tag.code, {"name": ("old", "new")})
    assert f"update '{tag.code}': name: 'old' -> 'new'" in str(result.plan)
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(result.plan)
    assert "[red]" in console.export_text()
    assert await Tag.count() == count
    assert (await Tag.objects().get(Tag.id == tag.id)).name == "old"  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="leave commit_every out"):
        await db.upsert(Tag, rows, dry_run=True, commit_every=1)


async def test_ids_come_in_the_order_given(db: Client) -> None:
    """Of new, changed, unchanged and repeated rows, over batches and commits."""
    old = await make(Tag, code=name("t"))
    codes = [name("t"), old.code, name("t")]
    rows = [{"code": code, "name": "n"} for code in (*codes, codes[0])]
    for options in ({}, {"batch_size": 1}, {"commit_every": 2}):
        result = await db.upsert(Tag, rows, ids=True, **options)  # type: ignore[arg-type]
        found = await db.resolve(Tag, Tag.code, codes)
        assert result.ids == [found[row["code"]] for row in rows]
    assert result.ids[1] == old.id


async def test_rules_that_a_row_alone_can_break_make_it_a_bad_row(db: Client) -> None:
    """Of a stored row what it carries is looked at, of a new one its defaults too."""
    agenda = await make(Agenda, start_date=DAY, end_date=DAY)
    before = DAY - datetime.timedelta(days=1)
    with pytest.raises(UpsertError, match=r"end_date is before start_date \(G3\)"):
        await db.upsert(
            Agenda,
            [{"id": agenda.id, "start_date": DAY, "end_date": before}],
            "id",
            check_rules=True,
        )
    result = await db.upsert(Agenda, [{"id": agenda.id, "name": "n"}], "id", check_rules=True)
    assert result.updated == 1
    unit = await make(Unit)
    order = {
        **{"entity_id": unit.entity_id, "unit_id": unit.id, "number": name("SO")},
        **{"type": "Enrollment", "order_date": DAY},
    }
    with pytest.raises(UpsertError, match=r"\(O1\)"):
        await db.upsert(Order, [order], check_rules=True)
    assert (await db.upsert(Order, [order])).inserted == 1


# All rows of a source.


async def agendas(count: int) -> tuple[Source, list[dict[str, Any]]]:
    source, entity = await make(Source), await make(Entity)
    same = {"entity_id": entity.id, "type": "Other", "start_date": DAY, "end_date": DAY}
    return source, [{**same, "source_key": str(n), "name": f"Day {n}"} for n in range(count)]


async def test_a_sync_deletes_what_vanished_and_nothing_else(db: Client) -> None:
    """The rows in scope are those of the source afterwards; other sources keep theirs."""
    source, rows = await agendas(4)
    other, others = await agendas(2)
    for scope, each in ((source, rows), (other.id, others)):
        result = await db.sync(Agenda, each, scope=scope)
        assert (result.inserted, result.deleted) == (len(each), 0)
    changed = [{**rows[0], "name": "moved"}, *rows[2:]]
    plan = (await db.sync(Agenda, changed, scope=source, dry_run=True)).plan
    assert plan is not None
    assert plan.counts == {"update": 1, "delete": 1}
    assert await Agenda.count().where(Agenda.source_id == source.id) == 4
    result = await db.sync(Agenda, changed, scope={Agenda.source_id: source.id})
    assert (result.updated, result.unchanged, result.deleted, result.committed) == (1, 2, 1, 3)
    stored = await Agenda.select(Agenda.name).where(Agenda.source_id == source.id)
    assert {row["name"] for row in stored} == {"moved", "Day 2", "Day 3"}
    assert await Agenda.count().where(Agenda.source_id == other.id) == 2


async def test_a_sync_refuses_a_file_that_looks_cut_off(db: Client) -> None:
    """Too few rows, or none, change nothing unless that is allowed."""
    source, rows = await agendas(4)
    await db.sync(Agenda, rows, scope=source)
    for few in ([], rows[:1]):
        with pytest.raises(IncompleteSourceError, match="4 are stored") as caught:
            await db.sync(Agenda, few, scope=source)
        assert (caught.value.given, caught.value.stored) == (len(few), 4)
        assert await Agenda.count().where(Agenda.source_id == source.id) == 4
    assert (await db.sync(Agenda, rows[:1], scope=source, min_ratio=0.25)).deleted == 3
    assert (await db.sync(Agenda, [], scope=source, min_ratio=0)).deleted == 1


async def test_a_sync_can_deactivate_and_activate_again(db: Client) -> None:
    """Rows that vanished are set inactive once, and active when they are back."""
    entity = await make(Entity)
    rows = [{"code": name("U"), "name": "n", "entity_id": entity.id} for _ in range(3)]
    scope = {"entity_id": entity.id}
    await db.sync(Unit, rows, scope=scope, vanished="deactivate")
    for deactivated in (1, 0):
        result = await db.sync(Unit, rows[:2], scope=scope, vanished="deactivate")
        assert result.deactivated == deactivated
    result = await db.sync(Unit, rows, scope=scope, vanished="deactivate")
    assert (result.updated, result.deactivated) == (1, 0)
    assert await Unit.count().where(Unit.entity_id == entity.id, Unit.is_active == True) == 3  # noqa: E712


async def test_a_sync_that_cannot_be_whole_changes_nothing(db: Client) -> None:
    """A bad row, a row of another scope, and a row that others reference."""
    source, rows = await agendas(2)
    await db.sync(Agenda, rows, scope=source)
    with pytest.raises(UpsertError):
        await db.sync(Agenda, [{**rows[0], "name": None}], scope=source)
    with pytest.raises(InvalidValueError, match="not in the scope"):
        row = {**rows[0], "source_id": source.id}
        await db.sync(Agenda, [row], scope=Agenda.name == "elsewhere")
    unit = await make(Unit, code=name("U"))
    with pytest.raises(RowsInUseError, match="deactivate"):
        await db.sync(Entity, [], "code", scope={"id": unit.entity_id}, min_ratio=0)
    assert await Agenda.count().where(Agenda.source_id == source.id) == 2
    for wrong in ({"vanished": "burn"}, {"min_ratio": 2}, {"on_error": "collect"}):
        with pytest.raises(ValueError, match=r"give|leave|Leave"):
            await db.sync(Agenda, rows, scope=source, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scope"):
        await db.sync(Agenda, rows, scope={})


async def test_a_join_table_is_synced(db: Client) -> None:
    """Its rows are found by both keys."""
    person = await make(Person)
    tags = [await make(Tag) for _ in range(3)]
    rows = [{"person_id": person.id, "tag_id": tag.id} for tag in tags]
    scope = {"person_id": person.id}
    assert (await db.sync(PersonTag, rows, scope=scope)).inserted == 3
    result = await db.sync(PersonTag, rows[1:], scope=scope)
    assert (result.unchanged, result.deleted) == (2, 1)


def test_the_sync_client_syncs_too(module_database: Engine[Any]) -> None:
    """From a generator, in its thread."""
    with sync_client(url_of(module_database)) as db:
        code = name("E")
        db.upsert(Entity, [{"code": code, "name": "n"}])
        entity = db.resolve(Entity, Entity.code, [code])[code]
        rows = [{"code": name("U"), "name": "n", "entity_id": entity} for _ in range(3)]
        db.sync(Unit, (row for row in rows), scope={"entity_id": entity})
        with db.transaction():
            result = db.sync(Unit, (row for row in rows[1:]), scope={"entity_id": entity})
        assert (result.unchanged, result.deleted, result.committed) == (2, 1, 0)
