"""What a type checker knows of a query's result."""

from typing import Any, NamedTuple, Never, assert_type

import atlas
from atlas import Client, Entity, Order, Param, Person, SyncClient, Tag
from atlas.query.m2m import M2M, M2MSelect
from atlas.query.select import Select
from atlas.query.write import Delete, Insert, Update
from atlas.rows import OrderRow
from atlas.table import Table


async def reading(order: Order) -> None:
    assert_type(await Order.objects(), list[Order])
    assert_type(await Order.objects().first(), Order | None)
    assert_type(await Order.objects().get(Order.number == "1"), Order | None)
    assert_type(await Order.objects().get_or_create(Order.number == "1"), Order)
    assert_type(await order.get_related(Order.customer_id), Person | None)
    assert_type(await Order.count(), int)
    assert_type(await Order.count().where(Order.number == "1"), int)
    assert_type(await Order.exists().where(Order.number == "1"), bool)
    assert_type(await Order.select().where(Order.number == "1").limit(5), list[OrderRow])
    assert_type(await Order.select().order_by(Order.number).first(), OrderRow | None)
    rows: list[dict[str, Any]] = await Order.select(Order.number)
    assert_type(rows, list[dict[str, Any]])


class Summary(NamedTuple):
    number: str


async def rows_of_a_class(db: Client, sync: SyncClient) -> None:
    numbers = Order.select(Order.number).into(Summary)
    assert_type(await numbers, list[Summary])
    assert_type(await numbers.where(Order.number == "1").limit(5), list[Summary])
    assert_type(await numbers.first(), Summary | None)
    assert_type(sync.run(numbers), list[Summary])
    assert_type(await db.prepare(numbers.where(Order.id == Param("id")))(id="a"), list[Summary])
    Order.select(Order.number).into(5)  # type: ignore[arg-type]


async def writing(order: Order, entity: Entity) -> None:
    assert_type(Order.select(), Select[Order, OrderRow, Never])
    assert_type(await Order.update({Order.note: "a"}).where(Order.number == "1"), list[Any])
    assert_type(await Order.delete().where(Order.number == "1"), list[Any])
    Order.update(nummer="1")  # type: ignore[call-arg]
    Order.update(number=5)  # type: ignore[arg-type]
    assert_type(Order.insert(order), Insert[Order])
    assert_type(Order.update({Order.total_amount: Order.total_amount + 1}), Update[Order])
    assert_type(order.save(), Insert[Any] | Update[Any])
    assert_type(order.remove(), Delete)
    assert_type(await order.update_self({"note": "a"}), None)
    assert_type(await Entity.objects().create(code="a", name="a"), Entity)


async def many_to_many(person: Person, tag: Tag) -> None:
    assert_type(Person.tags, M2M)
    assert_type(Person.tags(Tag.name, as_list=True), M2MSelect)
    await person.add_m2m(tag, m2m=Person.tags)
    await person.add_m2m(tag, m2m=Tag.name)  # type: ignore[arg-type]


def tables() -> None:
    every: tuple[type[Table], ...] = atlas.TABLES
    assert_type(every[0], type[Table])
