"""What a type checker knows of a prepared query: its result is that of the query."""

from typing import Any, assert_type

from atlas import Client, Order, Param, create_client
from atlas.client.prepared import Prepared, PreparedCall
from atlas.param import ColumnNames
from atlas.rows import OrderRow


async def reading(db: Client) -> None:
    rows = db.prepare(Order.select(Order.number).where(Order.id == Param("id")))
    assert_type(await rows(id="a"), list[dict[str, Any]])
    first_row = db.prepare(Order.select().where(Order.id == Param("id")).first())
    assert_type(await first_row(id="a"), OrderRow | None)
    objects = db.prepare(Order.objects(Order.unit_id).where(Order.id.is_in(Param("ids"))))
    assert_type(await objects(ids=["a"]), list[Order])
    first = db.prepare(Order.objects().where(Order.number.like(Param("number"))).first())
    assert_type(await first(number="a%"), Order | None)
    one = db.prepare(Order.objects().get(Order.id == Param("id")))
    assert_type(await one(id="a"), Order | None)
    exists = db.prepare(Order.exists().where(Order.total_amount > Param("amount")))
    assert_type(await exists(amount=1), bool)
    text = db.prepare(Order.select(Order.number).output(as_json=True))
    assert_type(await text(), str)
    values = db.prepare(Order.select(Order.number).output(as_list=True))
    numbers: list[str] = await values()
    print(numbers)
    page = db.prepare(Order.select().limit(Param("limit")).offset(Param("offset")))
    assert_type(await page(limit=10, offset=0), list[OrderRow])


async def writing(db: Client) -> None:
    change = db.prepare(
        Order.update({Order.status: Param("status")}).where(Order.id == Param("id"))
    )
    assert_type(await change(status="Draft", id="a"), list[Any])


def preparing() -> None:
    """A prepared query and its calls have types with names, for whoever passes them on."""
    find = create_client().prepare(Order.objects().where(Order.id == Param("id")).first())
    assert_type(find, Prepared[Order | None, ColumnNames])
    assert_type(find(id="a"), PreparedCall[Order | None])
    find("a")  # type: ignore[call-arg]
    find(wrong="a")  # type: ignore[call-arg]
    create_client().prepare(5)  # type: ignore[arg-type]
    Order.number.like(5)  # type: ignore[call-overload]
    Param(5)  # type: ignore[call-overload]
