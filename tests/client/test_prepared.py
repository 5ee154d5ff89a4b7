"""Prepared queries: compiled once, with the results, checks and errors of plain queries."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from databases import postgres_copy, rows, sqlite_copy
from factory import make

import atlas
from atlas import (
    Client,
    ClientError,
    ConnectionClosedError,
    CorruptValueError,
    Entity,
    InvalidValueError,
    Order,
    Param,
    Person,
    PersonTag,
    PreparedQueryError,
    Promotion,
    Tag,
    create_client,
)
from atlas.engine.sqlite.engine import SQLiteEngine

ABSENT = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture(scope="module")
def postgres_database(postgres_url: str, migrated_postgres: str) -> str:
    """A migrated PostgreSQL database for the tests of this module, which keeps their rows."""
    return asyncio.run(postgres_copy(postgres_url, migrated_postgres))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        return sqlite_copy(request.getfixturevalue("migrated_file"), tmp_path / "atlas.db")
    database: str = request.getfixturevalue("postgres_database")
    return database


@pytest.fixture
async def db(url: str) -> AsyncIterator[Client]:
    """An open client in scope."""
    async with create_client(url) as client:
        yield client


async def three_orders() -> list[Order]:
    """Save three orders of one entity, told apart by number, date and amount."""
    first = await make(Order, order_date=datetime.date(2026, 1, 1), total_amount=100.5)
    orders = [first]
    for number in (2, 3):
        orders.append(
            await make(
                Order,
                entity_id=first.entity_id,
                unit_id=first.unit_id,
                order_date=datetime.date(2026, 1, number),
                total_amount=number * 100.5,
            )
        )
    return orders


# --- the same result as the plain query


#: For each query, as a function of its value: what is given for the Param, from the orders.
SAME: dict[str, tuple[Callable[[Any], Any], Callable[[list[Order]], list[Any]]]] = {
    "select": (lambda v: Order.select().where(Order.id == v), lambda o: [o[0].id, ABSENT]),
    "columns": (
        lambda v: Order.select(Order.number, Order.unit_id.name).where(Order.id == v),
        lambda o: [o[1].id],
    ),
    "first": (lambda v: Order.select().where(Order.id == v).first(), lambda o: [o[0].id, ABSENT]),
    "objects": (lambda v: Order.objects().where(Order.id == v), lambda o: [o[0].id, ABSENT]),
    "objects first": (
        lambda v: Order.objects().where(Order.id == v).first(),
        lambda o: [o[2].id, ABSENT],
    ),
    "get": (lambda v: Order.objects().get(Order.id == v), lambda o: [o[2].id, ABSENT]),
    "count": (lambda v: Order.count().where(Order.entity_id == v), lambda o: [o[0].entity_id]),
    "exists": (lambda v: Order.exists().where(Order.id == v), lambda o: [o[0].id, ABSENT]),
    "not equal": (
        lambda v: Order.select(Order.id).where(Order.entity_id == v, Order.total_amount != 201),
        lambda o: [o[0].entity_id],
    ),
    "date": (
        lambda v: Order.select(Order.id).where(Order.order_date >= v).order_by(Order.id),
        lambda o: [datetime.date(2026, 1, 2)],
    ),
    "decimal": (
        lambda v: Order.select(Order.id).where(Order.total_amount < v).order_by(Order.id),
        lambda o: [decimal.Decimal("201.0"), 202, 301.5],
    ),
    "timestamp": (
        lambda v: Order.count().where(Order.created_at <= v),
        lambda o: [
            o[1].created_at,
            o[1].created_at.astimezone(datetime.timezone(datetime.timedelta(hours=7))),
        ],
    ),
    "choice": (
        lambda v: Order.count().where(Order.status == v),
        lambda o: [Order.Status.Draft, "Draft", "Cancelled"],
    ),
    "bool": (lambda v: Entity.count().where(Entity.is_active == v), lambda o: [True, False]),
    "row": (lambda v: Order.count().where(Order.entity_id == v), lambda o: [o[0].entity_id]),
    "join": (
        lambda v: Order.select(Order.id).where(Order.unit_id.name == v).order_by(Order.id),
        lambda o: ["no such unit"],
    ),
    "like": (
        lambda v: Order.select(Order.id).where(Order.number.like(v)).order_by(Order.id),
        lambda o: ["number%", o[0].number],
    ),
    "not like": (lambda v: Order.count().where(Order.number.not_like(v)), lambda o: ["%x%"]),
    "in": (
        lambda v: Order.select(Order.id).where(Order.id.is_in(v)).order_by(Order.id),
        lambda o: [[o[0].id, o[2].id, ABSENT], [o[1].id]],
    ),
    "in dates": (
        lambda v: Order.count().where(Order.order_date.is_in(v)),
        lambda o: [[o[0].order_date, o[1].order_date]],
    ),
    "in decimals": (
        lambda v: Order.count().where(Order.total_amount.is_in(v)),
        lambda o: [[100.5, 201.0, 0.1]],
    ),
    "in timestamps": (
        lambda v: Order.count().where(Order.created_at.is_in(v)),
        lambda o: [[o[0].created_at, o[1].created_at]],
    ),
    "in bools": (lambda v: Entity.count().where(Entity.is_active.is_in(v)), lambda o: [[True]]),
    "not in": (
        lambda v: Order.select(Order.id).where(Order.id.not_in(v)).order_by(Order.id),
        lambda o: [[o[0].id], [o[0].id, o[1].id]],
    ),
    "in a subquery": (
        lambda v: Order.count().where(
            Order.unit_id.is_in(atlas.Unit.select(atlas.Unit.id).where(atlas.Unit.entity_id == v))
        ),
        lambda o: [o[0].entity_id],
    ),
    "null": (lambda v: Order.count().where(Order.note == v), lambda o: [None, "note"]),
    "not null": (lambda v: Order.count().where(Order.note != v), lambda o: [None, "note"]),
    "more than null": (lambda v: Order.count().where(Order.note > v), lambda o: [None, ""]),
    "or": (
        lambda v: Order.count().where((Order.id == v) | (Order.customer_id == v)),
        lambda o: [o[0].id, None],
    ),
    "as_list": (
        lambda v: Order.select(Order.id).where(Order.entity_id == v).output(as_list=True),
        lambda o: [o[0].entity_id, ABSENT],
    ),
    "as_json": (
        lambda v: Order.select(Order.number).where(Order.id == v).output(as_json=True),
        lambda o: [o[0].id],
    ),
    "nested": (
        lambda v: (
            Order.select(Order.number, Order.unit_id.name).where(Order.id == v).output(nested=True)
        ),
        lambda o: [o[0].id],
    ),
    "load_json": (
        lambda v: Order.select().where(Order.id == v).output(load_json=True),
        lambda o: [o[0].id],
    ),
    "callback": (
        lambda v: Order.select().where(Order.id == v).callback(len),
        lambda o: [o[0].id, ABSENT],
    ),
    "group": (
        lambda v: Order.select(Order.entity_id).where(Order.entity_id == v).group_by("entity_id"),
        lambda o: [o[0].entity_id],
    ),
    "raw": (
        lambda v: Order.raw("SELECT number FROM commerce_order WHERE id = {}", v),
        lambda o: [o[0].id],
    ),
}


def plainly(result: Any) -> Any:
    """Return a result with its objects as dicts, which can be compared."""
    if isinstance(result, list):
        return [plainly(each) for each in result]
    return result.to_dict() if isinstance(result, Order) else result


async def test_prepared_query_returns_what_the_plain_one_does(db: Client) -> None:
    """Each kind of query, with each kind of value, has the same result prepared."""
    orders = await three_orders()
    compared = 0
    for name, (query, values) in SAME.items():
        prepared = db.prepare(query(Param("value")))
        for value in values(orders):
            expected, found = await query(value), await prepared(value=value)
            assert type(found) is type(expected), name
            assert plainly(found) == plainly(expected), (name, value)
            compared += 1
    assert compared > len(SAME)


async def test_joined_columns_are_found(db: Client) -> None:
    """A parameter is compared with a column behind a foreign key, in select, update and delete."""
    order, other, _ = await three_orders()
    person = await make(Person)
    await Order.update({Order.customer_id: person.id}).where(Order.id == order.id)
    of_customer = Order.customer_id.full_name == Param("name")
    find = db.prepare(Order.select(Order.id).where(of_customer).output(as_list=True))
    assert await find(name=person.full_name) == [order.id]
    change = db.prepare(Order.update({Order.note: Param("note")}).where(of_customer))
    await change(name=person.full_name, note="called")
    assert await find(name=person.full_name) == [order.id]
    remove = db.prepare(Order.delete().where(of_customer))
    await remove(name=person.full_name)
    kept = Order.select(Order.id).where(Order.id.is_in([order.id, other.id]))
    assert await kept.output(as_list=True) == [other.id]


async def test_objects_are_rows_of_the_database(db: Client) -> None:
    """An object of a prepared query knows its row: saving it updates that, prefetched or not."""
    order, *_ = await three_orders()
    find = db.prepare(Order.objects(Order.unit_id).where(Order.id == Param("id")).first())
    found = await find(id=order.id)
    assert found is not None
    assert found.unit_id.id == order.unit_id
    found.note = "called"
    await found.save()
    again = await find(id=order.id)
    assert again is not None
    assert again is not found
    assert again.note == "called"


async def test_many_to_many_columns_are_read(db: Client) -> None:
    """Related rows come as they do in a plain select."""
    tag = await make(Tag)
    person = await make(Person)
    await person.add_m2m(tag, m2m=Person.tags)
    find = db.prepare(
        Person.select(Person.id, Person.tags(Tag.name, as_list=True))
        .where(Person.id == Param("id"))
        .first()
    )
    assert await find(id=person.id) == {"id": person.id, "tags": [tag.name]}
    of_pair = (PersonTag.person_id == Param("person")) & (PersonTag.tag_id == Param("tag"))
    exists = db.prepare(PersonTag.exists().where(of_pair))
    assert await exists(person=person, tag=tag) is True
    assert await exists(person=person, tag=ABSENT) is False


async def test_lists_have_any_length(db: Client) -> None:
    """One statement takes no value, one, and many thousands."""
    orders = await three_orders()
    find = db.prepare(Order.count().where(Order.id.is_in(Param("ids"))))
    leave = db.prepare(
        Order.count().where(Order.entity_id == Param("entity"), Order.id.not_in(Param("ids")))
    )
    sql = find.sql
    ids = [order.id for order in orders]
    assert await find(ids=[]) == 0
    assert await find(ids=ids) == 3
    assert await find(ids=(order.id for order in orders)) == 3
    assert await find(ids=[ABSENT] * 50_000 + ids[:1]) == 1
    assert await leave(entity=orders[0].entity_id, ids=[]) == 3
    assert await leave(entity=orders[0].entity_id, ids=ids[:1]) == 2
    assert find.sql == sql
    assert len(find._statements) == 1


async def test_limit_and_offset_are_parameters(db: Client) -> None:
    """A page of any size is read with one statement; a number of rows is no other value."""
    orders = await three_orders()
    of_entity = Order.entity_id == Param("entity")
    for query in (Order.select(), Order.objects()):
        page = db.prepare(
            query.where(of_entity)
            .order_by(Order.order_date)
            .limit(Param("limit"))
            .offset(Param("offset"))
        )
        for limit, offset in ((2, 0), (2, 1), (0, 0), (9, 2)):
            found = await page(entity=orders[0].entity_id, limit=limit, offset=offset)
            ids = [row["id"] if isinstance(row, dict) else row.id for row in found]
            assert ids == [order.id for order in orders][offset : offset + limit]
        for wrong in (-1, "1", 1.0, True, None, 2**63):
            with pytest.raises(InvalidValueError, match=r"commerce_order\.LIMIT.*pass an int >= 0"):
                page(entity=orders[0].entity_id, limit=wrong, offset=0)


# --- writes


async def test_update_keeps_its_promises(db: Client) -> None:
    """A value is checked; updated_at moves to the time of the call, and only with a change."""
    order, *_ = await three_orders()
    change = db.prepare(
        Order.update({Order.status: Param("status"), Order.note: Param("note")})
        .where(Order.id == Param("id"))
        .returning(Order.id, Order.updated_at)
    )
    with pytest.raises(InvalidValueError, match=r"commerce_order\.status: 'Sent'.*is not one of"):
        change(status="Sent", note=None, id=order.id)
    with pytest.raises(InvalidValueError, match=r"status: None.*required"):
        change(status=None, note=None, id=order.id)
    stamps = [order.updated_at]
    for status, note in (
        (Order.Status.Confirmed, None),
        ("Confirmed", None),
        ("Confirmed", "called"),
        ("Confirmed", None),
    ):
        before = datetime.datetime.now(datetime.UTC)
        (row,) = await change(status=status, note=note, id=order.id)
        if row["updated_at"] != stamps[-1]:
            assert row["updated_at"] >= before
        stamps.append(row["updated_at"])
    assert stamps[0] < stamps[1] == stamps[2] < stamps[3] < stamps[4]
    stored = await Order.select().where(Order.id == order.id).first()
    assert stored is not None
    assert (stored["status"], stored["note"]) == ("Confirmed", None)
    assert await change(status="Draft", note=None, id=ABSENT) == []


async def test_update_computes_with_parameters(db: Client) -> None:
    """An expression takes a parameter, and its result is checked as ever."""
    order, other, _ = await three_orders()
    raise_ = db.prepare(
        Order.update({Order.total_amount: Order.total_amount + Param("more")}).where(
            Order.id == Param("id")
        )
    )
    await raise_(more=10, id=order.id)
    await raise_(more=decimal.Decimal("0.5"), id=order.id)
    with pytest.raises(InvalidValueError, match="is not a number"):
        raise_(more="10", id=order.id)
    amounts = Order.select(Order.total_amount).where(Order.id.is_in([order.id, other.id]))
    found = await amounts.order_by(Order.order_date).output(as_list=True)
    assert found == [111.0, other.total_amount]


async def test_delete_removes_what_is_asked_for(db: Client) -> None:
    """A prepared delete removes its rows and returns what it is told to."""
    order, *others = await three_orders()
    remove = db.prepare(Order.delete().where(Order.id == Param("id")).returning(Order.number))
    assert await remove(id=order.id) == [{"number": order.number}]
    assert await remove(id=order.id) == []
    assert await Order.count().where(Order.entity_id == order.entity_id) == len(others)


# --- parameters


async def test_parameters_are_checked_by_name(db: Client) -> None:
    """A missing or unknown name is an error that says which there are; nothing is run."""
    find = db.prepare(Order.select().where(Order.id == Param("id"), Order.note == Param("note")))
    assert find.parameters == {"id", "note"}
    with pytest.raises(PreparedQueryError, match=r"without id, note\. Its parameters: id, note\."):
        find()
    with pytest.raises(PreparedQueryError, match=r"without note\."):
        find(id=ABSENT)
    with pytest.raises(PreparedQueryError, match=r"without id and with the unknown number\."):
        find(number="1", note=None)
    without = db.prepare(Order.select().limit(1))
    with pytest.raises(PreparedQueryError, match=r"with the unknown id\. Its parameters: none\."):
        without(id=ABSENT)
    assert isinstance(PreparedQueryError(), ValueError)
    assert db.stats().statements == 0


@pytest.mark.parametrize("name", ["", "order id", "1", None, 7])
def test_parameter_has_a_name_that_can_be_given(name: Any) -> None:
    """What cannot be a keyword is not a name of a parameter."""
    with pytest.raises(PreparedQueryError, match="identifier"):
        Param(name)


WRONG: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "id": (lambda v: Order.id == v, [1, b"x", ["x"], 1.5, "a\x00b"]),
    "reference": (lambda v: Order.unit_id == v, [1, Entity(code="A", name="A")]),
    "text": (lambda v: Order.number == v, [1, b"1", datetime.date(2026, 1, 1)]),
    "choice": (lambda v: Order.status == v, [1, True, "no such status"]),
    "date": (lambda v: Order.order_date == v, ["01/02/2026", datetime.datetime(2026, 1, 1, 8), 1]),
    "timestamp": (
        lambda v: Order.created_at > v,
        ["2026-01-01", datetime.datetime(2026, 1, 1), datetime.date(2026, 1, 1)],
    ),
    "decimal": (lambda v: Order.total_amount < v, ["1", float("nan"), True, 2**53 + 1]),
    "integer": (lambda v: Promotion.usage_limit >= v, ["1", 1.5, 2**31, True]),
    "bool": (lambda v: Promotion.is_active != v, ["yes", 2, 1.5]),
    "like": (lambda v: Order.number.like(v), [1, b"x%"]),
    "list": (lambda v: Order.id.is_in(v), [1, "abc", None, [None], [1], [["x"]], b"abc"]),
    "dates": (lambda v: Order.order_date.not_in(v), [["2026-02-30"]]),
    "joined": (lambda v: Order.unit_id.name == v, [1]),
}


@pytest.mark.parametrize("name", WRONG)
def test_value_of_a_wrong_type_is_refused(name: str) -> None:
    """A value that no row could hold is an error that names table, column and value."""
    where, values = WRONG[name]
    condition = where(Param("value"))
    column = condition.column
    find = create_client("file:never-opened.db").prepare(
        column._meta.table.select().where(condition)
        if not column._meta.call_chain
        else Order.select().where(condition)
    )
    named = f"{column._meta.table._meta.tablename}.{column._meta.name}: "
    for value in values:
        with pytest.raises(InvalidValueError, match=re.escape(named)):
            find(value=value)


async def test_parameter_of_a_plain_query_is_explained(db: Client) -> None:
    """A query with a Param that is run without prepare() fails, and says what it lacks."""
    with pytest.raises(Exception, match=r"outside prepare\(\)"):
        await Order.select().where(Order.id == Param("id"))


# --- what can be prepared


async def test_what_writes_objects_is_refused(db: Client) -> None:
    """Inserts, saves and whatever is more than one statement say what to use instead."""
    entity = await make(Entity)
    refused: list[Any] = [
        Entity.insert(Entity(code="A", name="A")),
        entity.save(),
        entity.remove(),
        entity.refresh(),
        entity.update_self({"name": "B"}),
        Entity.objects().get_or_create(Entity.code == Param("code")),
        Entity.select().freeze(),
        Entity.create_table(),
        Entity,
        None,
    ]
    for query in refused:
        with pytest.raises(PreparedQueryError, match="cannot be prepared"):
            db.prepare(query)


async def test_piccolos_checks_are_made_when_it_is_prepared(db: Client) -> None:
    """An update of all rows is refused as ever, before it can be called."""
    with pytest.raises(Exception, match="update all rows"):
        db.prepare(Order.update({Order.note: Param("note")}))
    with pytest.raises(Exception, match="delete all the data"):
        db.prepare(Order.delete())


async def test_later_clauses_do_not_change_it(db: Client) -> None:
    """Piccolo changes a query in place; what was prepared stays what it was."""
    order, *_ = await three_orders()
    query = Order.select(Order.id).where(Order.entity_id == Param("entity"))
    find = db.prepare(query)
    query.where(Order.id == ABSENT).limit(1).output(nested=True)
    query.callback(len)
    query.columns(Order.unit_id.name)
    found = await find(entity=order.entity_id)
    assert [list(row) for row in found] == [["id"]] * 3


async def test_it_is_compiled_once(db: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls build nothing, also when a column is compared with None a second time."""
    find = db.prepare(Order.select().where(Order.note == Param("note")))
    assert await find(note=None) == await Order.select().where(Order.note.is_null())
    monkeypatch.setattr(
        "atlas.query.select.Select.default_querystrings",
        property(lambda self: pytest.fail("built")),
    )
    monkeypatch.setattr(type(find), "_compile", lambda *_: pytest.fail("compiled"))
    for note in ("a", None, "b", None):
        await find(note=note)


# --- clients, tasks, blocks


async def test_many_tasks_use_it_at_once(db: Client) -> None:
    """Each of many calls at the same time gets the row of its own values."""
    orders = await three_orders()
    find = db.prepare(Order.objects().where(Order.id == Param("id")).first())
    calls = [find(id=orders[number % 3].id) for number in range(300)]
    found = await asyncio.gather(*calls)
    assert [order.id for order in found if order] == [orders[n % 3].id for n in range(300)]


async def test_call_can_be_awaited_again(db: Client) -> None:
    """A call is a query: each await runs it, and ``run`` is a coroutine of it."""
    order, *_ = await three_orders()
    call = db.prepare(Order.exists().where(Order.id == Param("id")))(id=order.id)
    assert await call is True
    await order.remove()
    assert await call is False
    assert await call.run() is False


async def test_transaction_and_snapshot_hold_it(db: Client) -> None:
    """In a block it is part of the block: undone with it, and blind to what came later."""
    order, *_ = await three_orders()
    change = db.prepare(Order.update({Order.note: Param("note")}).where(Order.id == Param("id")))
    find = db.prepare(Order.select(Order.note).where(Order.id == Param("id")).first())
    with pytest.raises(LookupError):
        async with db.transaction():
            await change(note="called", id=order.id)
            assert await find(id=order.id) == {"note": "called"}
            raise LookupError
    assert await find(id=order.id) == {"note": None}
    async with db.snapshot():
        assert await find(id=order.id) == {"note": None}
        with pytest.raises(Exception, match="only reads"):
            await change(note="called", id=order.id)


async def test_it_belongs_to_its_client(url: str, migrated_file: Path, tmp_path: Path) -> None:
    """Another client's block, or none, is no matter to it; nor is it to another's transaction."""
    other_url = sqlite_copy(migrated_file, tmp_path / "other.db")
    client, other = create_client(url), create_client(other_url)
    find = client.prepare(Entity.objects().where(Entity.code == Param("code")).first())
    rename = client.prepare(
        Entity.update({Entity.name: Param("name")}).where(Entity.code == Param("code"))
    )
    code = f"E{url}"[-40:]
    async with other:
        await Entity.insert(Entity(code=code, name="other"))
        async with client:
            await Entity.insert(Entity(code=code, name="own"))
            with pytest.raises(LookupError):
                async with other.transaction():
                    found = await find(code=code)
                    assert found is not None
                    assert found.name == "own"
                    await rename(name="renamed", code=code)
                    raise LookupError
        await client.open()
        try:
            found = await asyncio.create_task(find(code=code).run())
            assert found is not None
            assert found.name == "renamed"
        finally:
            await client.close()
    assert await rows(other_url, "SELECT name FROM core_entity") == [("other",)]


async def test_it_is_prepared_before_the_client_is_open(url: str) -> None:
    """It can be made where the client is made, and used each time the client is open."""
    client = create_client(url)
    find = client.prepare(Entity.count().where(Entity.code.is_in(Param("codes"))))
    with pytest.raises(ConnectionClosedError, match="is not open"):
        await find(codes=[])
    for _ in range(2):
        async with client:
            assert await find(codes=[]) == 0
    with pytest.raises(ConnectionClosedError, match="is not open"):
        await find(codes=[])


async def test_another_event_loop_is_an_error(db: Client) -> None:
    """As for any query: a client's connections are those of its loop."""
    call = db.prepare(Order.count())()
    with pytest.raises(ClientError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, call.run())


async def test_errors_are_those_of_plain_queries(
    sqlite_engine: SQLiteEngine,
) -> None:
    """A value that another tool corrupt is named, in a select, in objects and in a decimal."""
    order = await make(Order)
    with closing(sqlite3.connect(sqlite_engine.path)) as other, other:
        other.execute("UPDATE commerce_order SET order_date = 'tomorrow', total_amount = 'much'")
    async with create_client(f"file:{sqlite_engine.path}") as db:
        for query in (Order.select(), Order.objects()):
            find = db.prepare(query.where(Order.id == Param("id")))
            with pytest.raises(CorruptValueError, match=r"order_date.*'tomorrow'"):
                await find(id=order.id)
        amount = db.prepare(Order.select(Order.total_amount).where(Order.id == Param("id")))
        with pytest.raises(CorruptValueError, match=r"total_amount.*'much'"):
            await amount(id=order.id)
        number = db.prepare(Order.select(Order.number).where(Order.id == Param("id")))
        assert await number(id=order.id) == [{"number": order.number}]


async def test_values_are_in_no_repr(db: Client) -> None:
    """Values may be personal data: a call shows its SQL only."""
    find = db.prepare(Person.select(Person.id).where(Person.full_name == Param("name")))
    call = find(name="Sentinel")
    assert "Sentinel" not in f"{call!r} {find!r}"
    assert "db_person" in repr(call)
