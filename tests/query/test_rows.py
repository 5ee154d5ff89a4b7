"""Rows of ordinary tables: what is written, what an object knows, when ``updated_at`` moves."""

from __future__ import annotations

import copy
import datetime
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from factory import build, make, stored, touched
from piccolo.columns import Column
from piccolo.engine.base import Engine
from piccolo.utils.pydantic import create_pydantic_model

import atlas
from atlas import (
    Account,
    Category,
    Channel,
    Enrollment,
    Entity,
    InvalidValueError,
    Item,
    Order,
    OrderLine,
    Period,
    Person,
    Price,
    Promotion,
    Region,
    RowNotFoundError,
    Tag,
    Unit,
    Variant,
)
from atlas.columns import utc_now
from atlas.table import Table
from atlas.ulid import new_ulid

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FAR_AHEAD = datetime.datetime(2100, 1, 1, 0, 0, 0, 999999, tzinfo=datetime.UTC)


async def again(row: Any) -> Any:
    """Read a row as a new object."""
    return await type(row).objects().get(type(row).id == row.id)


# Every table.


@pytest.mark.parametrize("table", atlas.TABLES, ids=lambda table: table.__name__)
async def test_a_row_reads_back_as_it_was_saved(
    shared_engine: Engine[Any], table: type[Table]
) -> None:
    """A saved row is one stored row, and reads back equal in every value and type."""
    row = await build(table)
    before = await stored(table)
    await row.save()
    assert touched(before, await stored(table)) == {row._key}
    found = await table.objects().get(table._meta.primary_key == row._key)
    assert found is not None
    assert found == row
    assert found.to_dict() == row.to_dict()
    assert [type(one) for one in found.to_dict().values()] == [
        type(one.value if hasattr(one, "value") else one) for one in row.to_dict().values()
    ]


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("table", atlas.TABLES, ids=lambda table: table.__name__)
def test_a_pydantic_model_can_be_made(
    sqlite_engine: Engine[Any], table: type[Table], nested: bool
) -> None:
    """``create_pydantic_model`` takes every table and knows every column."""
    model: Any = create_pydantic_model(table, nested=nested, include_default_columns=True)
    assert set(model.model_fields) == {column._meta.name for column in table._meta.columns}


# Inserting.


async def test_do_nothing_tells_each_object_about_its_own_row(shared_engine: Engine[Any]) -> None:
    """After ON CONFLICT DO NOTHING a skipped object is new, keeps its id and harms no row."""
    first = await make(Entity)
    taken, new, last = (
        await build(Entity, code=first.code),
        await build(Entity),
        await build(Entity),
    )
    ids = [taken.id, new.id, last.id]
    before = await stored(Entity)
    returned = await Entity.insert(taken, new, last).on_conflict(action="DO NOTHING")
    assert returned == [{"id": new.id}, {"id": last.id}]
    assert [taken.id, new.id, last.id] == ids
    assert [one._exists_in_db for one in (taken, new, last)] == [False, True, True]
    assert touched(before, await stored(Entity)) == {new.id, last.id}
    with pytest.raises(Exception, match=r"(?i)unique"):
        await taken.save()
    assert touched(before, await stored(Entity)) == {new.id, last.id}


async def test_do_update_makes_the_object_the_stored_row(shared_engine: Engine[Any]) -> None:
    """After DO UPDATE an object has the stored row's id and instants, and saves as that row."""
    first = await make(Entity, created_at=LONG_AGO, updated_at=LONG_AGO)
    same, new = await build(Entity, code=first.code), await build(Entity)
    before = await stored(Entity)
    returned = await Entity.insert(same, new).on_conflict(
        target=Entity.code, action="DO UPDATE", values=[Entity.name]
    )
    assert returned == [{"id": first.id}, {"id": new.id}]
    assert (same.id, same.created_at) == (first.id, LONG_AGO)
    assert touched(before, await stored(Entity)) == {first.id, new.id}
    assert (await again(first)).to_dict() == same.to_dict()
    same.legal_name = "PT Satu"
    await same.save()
    assert (await again(first)).legal_name == "PT Satu"
    assert (await again(new)).legal_name is None


async def test_do_update_of_updated_at_is_a_stamp(shared_engine: Engine[Any]) -> None:
    """Among the columns of DO UPDATE ``updated_at`` asks for nothing: it is set as always."""
    row = await make(Entity, updated_at=LONG_AGO)
    twin = await build(Entity, code=row.code, name=row.name)
    values = [Entity.code, Entity.name, Entity.updated_at]
    before = await stored(Entity)
    for name, changed in ((row.name, set()), ("new", {row.id})):
        twin.name = name
        await Entity.insert(twin).on_conflict(target=Entity.code, action="DO UPDATE", values=values)
        assert touched(before, await stored(Entity)) == changed
        assert twin.updated_at == (await again(row)).updated_at


async def test_do_update_where_leaves_the_other_rows_alone(shared_engine: Engine[Any]) -> None:
    """With a condition on DO UPDATE only rows that meet it change, and only those are returned."""
    entity = await make(Entity, name="keep")
    row = await build(Entity, code=entity.code, name="new")
    query = Entity.insert(row).on_conflict(
        target=Entity.code,
        action="DO UPDATE",
        values=[Entity.name],
        where=Entity.name != "keep",
    )
    before = await stored(Entity)
    assert await query == []
    assert await stored(Entity) == before
    assert not row._exists_in_db


@pytest.mark.parametrize(
    "name", ["core_unit_entity_id_code_key", "core_unit_pkey", "core_unit_nothing_key"]
)
async def test_a_unique_key_goes_by_its_name(shared_engine: Engine[Any], name: str) -> None:
    """A unique key's name in PostgreSQL is a conflict target on both databases."""
    unit = await make(Unit)
    values: dict[str, Any] = {"entity_id": unit.entity_id, "code": unit.code, "name": "new"}
    row = await build(Unit, **values, **({"id": unit.id} if "pkey" in name else {}))
    if "nothing" in name:
        with pytest.raises(
            ValueError, match=f"{name} is not a unique key of core_unit; core_unit_pk"
        ):
            Unit.insert(row).on_conflict(target=name, action="DO NOTHING")
        return
    await Unit.insert(row).on_conflict(target=name, action="DO UPDATE", values=[Unit.name])
    assert (await again(unit)).name == "new"
    assert row.id == unit.id


async def test_a_columns_own_unique_key_goes_by_its_name(shared_engine: Engine[Any]) -> None:
    """The unique key of a single column has PostgreSQL's name too."""
    tag = await make(Tag)
    row = await build(Tag, code=tag.code, name="new")
    await Tag.insert(row).on_conflict(
        target="db_tag_code_key", action="DO UPDATE", values=[Tag.name]
    )
    assert (await again(tag)).name == "new"


async def test_returning_other_columns_leaves_the_object_its_id(shared_engine: Engine[Any]) -> None:
    """RETURNING gives the caller what was asked for, and the object still knows its row."""
    row = await build(Tag)
    key = row.id
    assert await Tag.insert(row).returning(Tag.name) == [{"name": row.name}]
    assert row.id == key
    same, new = await build(Tag, code=row.code), await build(Tag)
    query = Tag.insert(same, new).on_conflict(action="DO NOTHING")
    assert await query.returning(Tag.code.as_alias("c")) == [{"c": new.code}]
    assert (same._exists_in_db, new._exists_in_db) == (False, True)


REFUSED_VALUES: dict[str, Callable[[], Any]] = {
    "id": lambda: Tag.id,
    "id as a value": lambda: (Tag.id, new_ulid()),
    "created_at": lambda: Tag.created_at,
    "updated_at as a value": lambda: (Tag.updated_at, utc_now()),
    "a value that is not allowed": lambda: (Tag.type, "Other thing"),
    "null": lambda: (Tag.name, None),
}


@pytest.mark.parametrize("refused", REFUSED_VALUES)
async def test_do_update_refuses_what_never_changes(
    shared_engine: Engine[Any], refused: str
) -> None:
    """DO UPDATE of an id, an instant or a value that is not allowed is refused, with no insert."""
    tag = await make(Tag)
    row, new = await build(Tag, code=tag.code), await build(Tag)
    before = await stored(Tag)
    with pytest.raises(InvalidValueError, match=r"db_tag\.(id|created_at|updated_at|type|name): "):
        await Tag.insert(new, row).on_conflict(
            target=Tag.code, action="DO UPDATE", values=[Tag.is_active, REFUSED_VALUES[refused]()]
        )
    assert await stored(Tag) == before


async def test_a_new_row_has_one_instant(shared_engine: Engine[Any]) -> None:
    """A row never updated has equal instants; one that brings its own ``created_at`` is new now."""
    row = await make(Tag)
    assert row.updated_at == row.created_at
    imported = await make(Tag, created_at=LONG_AGO)
    assert imported.created_at == LONG_AGO
    assert imported.updated_at >= row.updated_at


async def test_a_rolled_back_insert_says_so_when_saved(shared_engine: Engine[Any]) -> None:
    """Saving an object whose insert was rolled back is refused; it can be inserted again."""
    row = await build(Tag)

    async def insert_and_fail() -> None:
        async with shared_engine.transaction():
            await row.save()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await insert_and_fail()
    assert row.id not in await stored(Tag)
    with pytest.raises(RowNotFoundError, match=r"db_tag: no row with .* was rolled back"):
        await row.save()
    await Tag.insert(row)
    row.name = "second try"
    await row.save()
    assert (await again(row)).name == "second try"


# An object and its row.

GONE: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "save": lambda row: row.save(),
    "save(columns)": lambda row: row.save(columns=[Unit.name]),
    "update_self": lambda row: row.update_self({Unit.name: "x"}),
    "remove": lambda row: row.remove(),
    "refresh": lambda row: row.refresh(),
    "get_related": lambda row: row.get_related(Unit.entity_id),
    "get_related of null": lambda row: row.get_related(Unit.region_id),
}


@pytest.mark.parametrize("operation", GONE)
async def test_a_row_deleted_elsewhere_is_not_found(
    shared_engine: Engine[Any], operation: str
) -> None:
    """Every operation on an object whose row is gone says which row, and writes nothing."""
    unit = await make(Unit)
    await Unit.delete().where(Unit.id == unit.id)
    before = await stored(Unit)
    with pytest.raises(RowNotFoundError, match=f"core_unit: .*{unit.id}"):
        await GONE[operation](unit)
    assert await stored(Unit) == before


@pytest.mark.parametrize("operation", GONE)
async def test_an_assigned_id_is_refused(shared_engine: Engine[Any], operation: str) -> None:
    """An object whose id was assigned to stands for no row, and touches neither."""
    unit, other = await make(Unit), await make(Unit)
    before = await stored(Unit)
    unit.id = other.id
    with pytest.raises(InvalidValueError, match=r"core_unit\.id: .* never changes"):
        await GONE[operation](unit)
    assert await stored(Unit) == before


@pytest.mark.parametrize("operation", GONE)
async def test_a_new_object_has_no_row(shared_engine: Engine[Any], operation: str) -> None:
    """What needs a row is refused for an object that was never saved; ``save`` inserts it."""
    unit = await build(Unit)
    if operation.startswith("save"):
        await GONE[operation](unit)
        assert unit.id in await stored(Unit)
        return
    with pytest.raises(ValueError, match=r"This Unit isn't in the database yet"):
        await GONE[operation](unit)


async def test_a_removed_object_can_be_saved_again(shared_engine: Engine[Any]) -> None:
    """``remove`` leaves the object its values, and ``save`` restores the same row."""
    row = await make(Tag)
    before = await stored(Tag)
    await row.remove()
    assert touched(before, await stored(Tag)) == {row.id}
    await row.save()
    assert await stored(Tag) == before


async def test_a_remove_that_fails_leaves_the_object_stored(shared_engine: Engine[Any]) -> None:
    """A row others reference cannot be removed, and its object still stands for it."""
    unit = await make(Unit)
    entity: Any = await unit.get_related(Unit.entity_id)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await entity.remove()
    entity.name = "still here"
    await entity.save()
    assert (await again(entity)).name == "still here"


async def test_created_at_assigned_is_refused_and_refresh_restores_it(
    shared_engine: Engine[Any],
) -> None:
    """``save`` refuses an assigned ``created_at``; ``refresh`` brings back the stored one."""
    row = await make(Tag)
    made = row.created_at
    before = await stored(Tag)
    row.created_at = LONG_AGO
    row.name = "x"
    for columns in (None, [Tag.name], [Tag.created_at]):
        with pytest.raises(InvalidValueError, match=r"db_tag\.created_at"):
            await row.save(columns=columns)
    assert await stored(Tag) == before
    await row.refresh()
    assert row.created_at == made
    await row.save()
    assert await stored(Tag) == before


async def test_refresh_follows_a_reference_that_moved(shared_engine: Engine[Any]) -> None:
    """``refresh`` makes a prefetched object the row referenced by now, and it saves as that."""
    unit, entity = await make(Unit), await make(Entity)
    found: Any = await Unit.objects(Unit.entity_id).get(Unit.id == unit.id)
    old_id = found.entity_id.id
    await Unit.update({Unit.entity_id: entity.id}).where(Unit.id == unit.id)
    await found.refresh()
    assert found.entity_id == entity
    found.entity_id.name = "moved"
    before = await stored(Entity)
    await found.entity_id.save()
    assert touched(before, await stored(Entity)) == {entity.id}
    assert old_id != entity.id


async def test_refresh_of_some_columns_leaves_the_rest(shared_engine: Engine[Any]) -> None:
    """``refresh(columns)`` reads these and keeps what was assigned to others."""
    row = await make(Tag)
    await Tag.update({Tag.name: "new", Tag.type: "Status"}).where(Tag.id == row.id)
    row.type = "Other"
    await row.refresh(columns=[Tag.name])
    assert (row.name, row.type) == ("new", "Other")


async def test_equality_is_the_key(shared_engine: Engine[Any]) -> None:
    """Objects are equal when they stand for the same row of the same table, and unhashable."""
    tag, other = await make(Tag), await make(Tag)
    assert tag == await again(tag)
    assert tag != other
    assert tag != await make(Channel)
    assert tag != tag.id
    assert repr(tag) == f"<Tag: {tag.id}>"
    assert repr(await build(Tag)) == "<Tag: None>"
    with pytest.raises(TypeError, match="unhashable"):
        hash(tag)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda row: pickle.loads(pickle.dumps(row))],  # noqa: S301
    ids=["copy", "deepcopy", "pickle"],
)
async def test_copies_stand_for_the_same_row(shared_engine: Engine[Any], duplicate: Any) -> None:
    """A copied or pickled object has the same values and saves as the same row."""
    made = await make(Unit)
    unit: Any = await Unit.objects(Unit.entity_id).get(Unit.id == made.id)
    twin = duplicate(unit)
    assert twin == unit
    assert twin.to_dict() == unit.to_dict()
    assert twin.entity_id == unit.entity_id
    twin.name = "twin"
    before = await stored(Unit)
    await twin.save()
    assert touched(before, await stored(Unit)) == {unit.id}
    fresh = duplicate(await build(Tag))
    await fresh.save()
    assert fresh.id in await stored(Tag)


async def test_create_exists_and_count(shared_engine: Engine[Any]) -> None:
    """``objects().create`` saves at once; ``exists`` and ``count`` see it."""
    number = await Tag.count()
    tag = await Tag.objects().create(code=new_ulid(), name="made", type="Status")
    assert tag._exists_in_db
    assert await Tag.count() == number + 1
    assert await Tag.exists().where(Tag.id == tag.id)
    assert not await Tag.exists().where(Tag.id == new_ulid())
    found = await Tag.objects().get_or_create(Tag.code == tag.code, {Tag.name: "other"})
    assert (found, found._was_created, found.name) == (tag, False, "made")
    new = await Tag.objects().get_or_create(Tag.code == new_ulid(), {Tag.name: "new"})
    assert (new._was_created, new.id in await stored(Tag)) == (True, True)


async def test_a_raw_select_returns_python_types(shared_engine: Engine[Any]) -> None:
    """``raw`` returns the same values as ``select``."""
    price = await make(Price, amount=0.1 + 0.2)
    raw = await Price.raw("SELECT * FROM catalog_price WHERE id = {}", price.id)
    assert [dict(row) for row in raw] == await Price.select().where(Price.id == price.id)
    assert [type(value) for value in dict(raw[0]).values()] == [
        type(value.value if hasattr(value, "value") else value)
        for value in price.to_dict().values()
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [({"code": "x"}, "name wasn't provided"), ({"code": "x", "name": "y", "z": 1}, "z")],
)
def test_a_constructor_refuses_what_is_missing_or_unknown(
    values: dict[str, Any], message: str
) -> None:
    """An object without a required value, or with one of no column, cannot be made."""
    with pytest.raises(ValueError, match=message):
        Tag(**values)
    complete = Tag(code="x", name="y").to_dict()
    with pytest.raises(ValueError, match="z"):
        Tag(**complete, z=1)


# References.


async def three_levels() -> tuple[Any, Any, Any]:
    """Return an order line with a promotion, its order's entity and that entity's parent."""
    holding = await make(Entity)
    entity = await make(Entity, parent_id=holding.id)
    unit = await make(Unit, entity_id=entity.id)
    order = await make(Order, entity_id=entity.id, unit_id=unit.id)
    promotion = await make(Promotion, entity_id=entity.id, value_type="Percentage")
    line = await make(OrderLine, order_id=order.id, promotion_id=promotion.id)
    return line, entity, holding


async def test_chains_of_references_select_filter_and_sort(shared_engine: Engine[Any]) -> None:
    """A chain of three foreign keys works in select, where, order_by, update and delete."""
    line, entity, holding = await three_levels()
    code = OrderLine.order_id.entity_id.parent_id.code
    rows = OrderLine.select(
        OrderLine.id, code, OrderLine.order_id.entity_id.name.as_alias("entity")
    ).where(code == holding.code)
    expected = {
        "id": line.id,
        "order_id.entity_id.parent_id.code": holding.code,
        "entity": entity.name,
    }
    assert await rows.order_by(code) == [expected]
    assert await rows.output(nested=True).first() == {
        "id": line.id,
        "order_id": {"entity_id": {"parent_id": {"code": holding.code}}},
        "entity": entity.name,
    }
    before = await stored(OrderLine)
    await OrderLine.update({OrderLine.line_no: 77}).where(code == holding.code)
    assert touched(before, await stored(OrderLine)) == {line.id}
    await OrderLine.delete().where(code == holding.code)
    assert touched(before, await stored(OrderLine)) == {line.id}
    assert line.id not in await stored(OrderLine)


async def test_chains_of_references_prefetch(shared_engine: Engine[Any]) -> None:
    """A prefetched chain is a row inside a row, each of which stands for its own."""
    line, entity, holding = await three_levels()
    found: Any = await OrderLine.objects(OrderLine.order_id.entity_id.parent_id).get(
        OrderLine.id == line.id
    )
    assert found.order_id.entity_id == entity
    assert found.order_id.entity_id.parent_id == holding
    assert found.order_id.entity_id.parent_id.parent_id is None
    nested = found.to_dict()
    assert nested["order_id"]["entity_id"]["parent_id"]["code"] == holding.code
    before = await stored(Entity)
    found.order_id.entity_id.name = "renamed"
    await found.order_id.entity_id.save()
    assert touched(before, await stored(Entity)) == {entity.id}
    lines = await stored(OrderLine)
    await found.save()
    assert await stored(OrderLine) == lines
    assert await found.get_related(OrderLine.order_id.entity_id.parent_id) == holding


async def test_a_column_called_value_type_can_be_joined(shared_engine: Engine[Any]) -> None:
    """commerce_promotion has a column of Piccolo's own name, and joins like the others."""
    line, *_ = await three_levels()
    enrollment = await make(Enrollment, order_line_id=line.id)
    ours = OrderLine.id == line.id
    promotion: Any = await Promotion.objects().get(Promotion.id == line.promotion_id)
    assert await OrderLine.select(OrderLine.promotion_id.value_type).where(ours) == [
        {"promotion_id.value_type": "Percentage"}
    ]
    assert await OrderLine.select(OrderLine.promotion_id.all_columns()).where(ours) == [
        {f"promotion_id.{name}": value for name, value in promotion.to_dict().items()}
    ]
    chain = Enrollment.order_line_id.promotion_id.value_type
    assert await Enrollment.select(Enrollment.id).where(
        (chain == "Percentage") & (Enrollment.id == enrollment.id)
    ) == [{"id": enrollment.id}]
    found: Any = await OrderLine.objects(OrderLine.promotion_id).get(ours)
    assert found.promotion_id.to_dict() == promotion.to_dict()
    assert await line.get_related(OrderLine.promotion_id) == promotion
    found.promotion_id.value_type = "Amount"
    await found.promotion_id.save()
    await found.refresh()
    assert found.promotion_id.value_type == "Amount"


@pytest.mark.parametrize("table", atlas.TABLES, ids=lambda table: table.__name__)
async def test_every_reference_can_be_prefetched(
    shared_engine: Engine[Any], table: type[Table]
) -> None:
    """All foreign keys of a table at once are prefetched as rows of their tables, or None."""
    row = await make(table)
    found = await table.objects(*table.all_related()).get(table._meta.primary_key == row._key)
    assert found == row
    for column in table._meta.foreign_key_columns:
        name = column._meta.name
        related, key = getattr(found, name), getattr(row, name)
        if key is None:
            assert related is None
        else:
            assert isinstance(related, column._foreign_key_meta.resolved_references)
            assert (related.id, related._exists_in_db) == (key, True)


@pytest.mark.parametrize("table", atlas.TABLES, ids=lambda table: table.__name__)
async def test_every_row_has_a_readable_form(
    shared_engine: Engine[Any], table: type[Table]
) -> None:
    """``get_readable`` can be selected, chains of references included."""
    row = await make(table)
    query = table.select(table.get_readable()).where(table._meta.primary_key == row._key)
    (readable,) = await query.output(as_list=True)
    assert isinstance(readable, str)


async def test_a_null_reference_is_none(shared_engine: Engine[Any]) -> None:
    """A null foreign key is None when prefetched, at every level, and when followed."""
    unit = await make(Unit)
    found: Any = await Unit.objects(Unit.parent_id.parent_id, Unit.region_id, Unit.entity_id).get(
        Unit.id == unit.id
    )
    assert found.parent_id is None
    assert found.region_id is None
    assert found.entity_id.parent_id is None
    assert await unit.get_related(Unit.parent_id) is None
    assert await unit.get_related("region_id") is None
    assert await unit.get_related(Unit.parent_id.region_id) is None
    before = await stored(Unit)
    found.name = "saved"
    await found.save()
    assert touched(before, await stored(Unit)) == {unit.id}

    child: Any = await make(Unit, entity_id=unit.entity_id, parent_id=unit.id)
    found = await Unit.objects(Unit.parent_id.region_id).get(Unit.id == child.id)
    assert found.parent_id == unit
    assert found.parent_id.region_id is None
    await Unit.update({Unit.parent_id: None}).where(Unit.id == child.id)
    await found.refresh()
    assert found.parent_id is None


async def test_an_object_can_be_given_for_its_key(shared_engine: Engine[Any]) -> None:
    """Objects stand for their ids in constructors, updates, conditions and get_or_create."""
    entity, other = await make(Entity), await make(Entity)
    unit: Any = await make(Unit, entity_id=entity)
    assert (await again(unit)).entity_id == entity.id
    assert await Unit.count().where(Unit.entity_id == entity) == 1
    await Unit.update({Unit.entity_id: other}).where(Unit.id == unit.id)
    assert (await again(unit)).entity_id == other.id
    created = await Category.objects().get_or_create(
        (Category.entity_id == entity) & (Category.code == "c"), {Category.name: "n"}
    )
    assert (await again(created)).entity_id == entity.id


# Updating, and updated_at.

Writer = Callable[[Any, Column, Any], Awaitable[Any]]


async def _save(row: Any, column: Column, value: Any) -> None:
    found = await again(row)
    setattr(found, column._meta.name, value)
    await found.save()
    assert found.to_dict() == (await again(row)).to_dict()


async def _save_columns(row: Any, column: Column, value: Any) -> None:
    found = await again(row)
    setattr(found, column._meta.name, value)
    await found.save(columns=[column])
    assert found.to_dict() == (await again(row)).to_dict()


async def _update(row: Any, column: Column, value: Any) -> None:
    await type(row).update({column: value}).where(type(row).id == row.id)


async def _update_by_key(row: Any, column: Column, value: Any) -> None:
    values: Any = {column._meta.name: value}
    await type(row).update(values).where(type(row).id == row.id)


async def _update_by_keyword(row: Any, column: Column, value: Any) -> None:
    await type(row).update(**{column._meta.name: value}).where(type(row).id == row.id)


async def _update_self(row: Any, column: Column, value: Any) -> None:
    found = await again(row)
    await found.update_self({column: value})
    assert found.to_dict() == (await again(row)).to_dict()


async def _upsert(row: Any, column: Column, value: Any) -> None:
    table = type(row)
    twin = table(**{**row.to_dict(), column._meta.name: value})
    await table.insert(twin).on_conflict(target=table.id, action="DO UPDATE", values=[column])
    assert twin.to_dict() == (await again(row)).to_dict()


async def _upsert_value(row: Any, column: Column, value: Any) -> None:
    table = type(row)
    await table.insert(table(**row.to_dict())).on_conflict(
        target=table.id, action="DO UPDATE", values=[(column, value)]
    )


WRITERS: dict[str, Writer] = {
    "save": _save,
    "save(columns)": _save_columns,
    "update": _update,
    "update by key": _update_by_key,
    "update by keyword": _update_by_keyword,
    "update_self": _update_self,
    "on_conflict": _upsert,
    "on_conflict with a value": _upsert_value,
}

#: A column, what it holds, and what is written.
WRITES: dict[str, tuple[Column, Any, Any]] = {
    "another decimal": (Price.amount, 100.0, 100.5),
    "an equal decimal": (Price.amount, 0.1 + 0.2, 0.30000000000000004),
    "a decimal as an int": (Price.amount, 100.0, 100),
    "another integer": (Price.min_quantity, 1, 2),
    "an equal integer": (Price.min_quantity, 3, 3.0),
    "another date": (Price.valid_from, datetime.date(2025, 1, 1), datetime.date(2025, 1, 2)),
    "an equal date": (Price.valid_from, datetime.date(2025, 1, 1), datetime.date(2025, 1, 1)),
    "another text": (Price.source_key, "a", "A"),
    "an equal text": (Price.source_key, "it's", "it's"),
    "an empty text for null": (Price.source_key, None, ""),
    "null for an empty text": (Price.source_key, "", None),
    "null for null": (Price.valid_to, None, None),
    "a value for null": (Price.valid_to, None, datetime.date(2025, 1, 1)),
    "null for a value": (Price.valid_to, datetime.date(2025, 1, 1), None),
    "another bool": (Price.is_active, True, False),
    "an equal bool": (Price.is_active, False, 0),
    "another choice": (Price.tier, "Regular", Price.Tier.Alumni),
    "an equal choice": (Price.tier, "Alumni", Price.Tier.Alumni),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("write", WRITES)
async def test_updated_at_moves_exactly_when_a_value_changes(
    shared_engine: Engine[Any], writer: str, write: str
) -> None:
    """However a row is written, ``updated_at`` moves when a value differs, and only then."""
    column, old, new = WRITES[write]
    name = column._meta.name
    row = await make(Price, **{name: old}, created_at=LONG_AGO, updated_at=LONG_AGO)
    neighbour = await make(Price, **{name: old})
    before, start = await stored(Price), utc_now()
    await WRITERS[writer](row, column, new)
    after, found = await stored(Price), await again(row)
    assert getattr(found, name) == new
    assert found.created_at == LONG_AGO
    if old == new:
        assert after == before
    else:
        assert touched(before, after) == {row.id}
        assert {key for key in after[row.id] if after[row.id][key] != before[row.id][key]} == {
            name,
            "updated_at",
        }
        assert start <= found.updated_at <= utc_now()
    assert (await again(neighbour)).to_dict() == neighbour.to_dict()


@pytest.mark.parametrize("writer", WRITERS)
async def test_updated_at_never_goes_back(shared_engine: Engine[Any], writer: str) -> None:
    """Behind a clock that was ahead, each change still moves ``updated_at`` on."""
    row = await make(Price, updated_at=FAR_AHEAD)
    seen = [FAR_AHEAD]
    for amount in (1.0, 2.0, 2.0, 3.0):
        await WRITERS[writer](row, Price.amount, amount)
        seen.append((await again(row)).updated_at)
    assert seen[0] < seen[1] < seen[2] == seen[3] < seen[4]
    assert seen[4] - seen[0] < datetime.timedelta(seconds=1)


async def test_only_the_changed_rows_of_an_update_are_stamped(shared_engine: Engine[Any]) -> None:
    """Of the rows an update or insert meets, those whose values differ get a new instant."""
    entity = await make(Entity)
    rows = [await make(Category, entity_id=entity.id, sort_order=number) for number in range(4)]
    before = await stored(Category)
    await Category.update({Category.sort_order: 2}).where(Category.entity_id == entity.id)
    assert touched(before, await stored(Category)) == {row.id for row in rows if row != rows[2]}

    before = await stored(Category)
    for row in rows:
        await row.refresh()
    twins = [Category(**row.to_dict()) for row in rows]
    twins[1].name = "new name"
    twins[3].sort_order = 9
    await Category.insert(*twins).on_conflict(
        target=(Category.entity_id, Category.code),
        action="DO UPDATE",
        values=[Category.name, Category.sort_order],
    )
    assert touched(before, await stored(Category)) == {rows[1].id, rows[3].id}
    assert [twin.to_dict() for twin in twins] == [(await again(row)).to_dict() for row in rows]


async def test_use_auto_update_false_leaves_updated_at_to_the_caller(
    shared_engine: Engine[Any],
) -> None:
    """``use_auto_update=False`` writes what it is given, also an ``updated_at``."""
    row = await make(Tag)
    ours = Tag.id == row.id
    await Tag.update({Tag.name: "new"}, use_auto_update=False).where(ours)
    assert (await again(row)).updated_at == row.updated_at
    await Tag.update({Tag.updated_at: LONG_AGO}, use_auto_update=False).where(ours)
    assert (await again(row)).updated_at == LONG_AGO


REFUSED_UPDATES: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "update id": lambda row: Tag.update({Tag.id: new_ulid()}).where(Tag.id == row.id),
    "update id by name": lambda row: Tag.update(id=new_ulid()).where(Tag.id == row.id),
    "update to another column": lambda row: Tag.update({Tag.id: Tag.code}, force=True),
    "update created_at": lambda row: Tag.update({Tag.created_at: utc_now()}).where(
        Tag.id == row.id
    ),
    "update_self id": lambda row: row.update_self({Tag.id: new_ulid()}),
    "update_self created_at": lambda row: row.update_self({"created_at": utc_now()}),
    "update updated_at": lambda row: Tag.update({Tag.updated_at: utc_now()}).where(
        Tag.id == row.id
    ),
    "update_self updated_at": lambda row: row.update_self({Tag.updated_at: utc_now()}),
    "save of updated_at": lambda row: row.save(columns=[Tag.updated_at]),
    "save of id": lambda row: row.save(columns=["id"]),
    "id without auto update": lambda row: Tag.update(
        {Tag.id: new_ulid()}, use_auto_update=False
    ).where(Tag.id == row.id),
    "a value added later": lambda row: (
        Tag.update({Tag.name: "x"}).values({Tag.created_at: utc_now()}).where(Tag.id == row.id)
    ),
}


@pytest.mark.parametrize("refused", REFUSED_UPDATES)
async def test_ids_and_instants_are_not_for_the_caller_to_change(
    shared_engine: Engine[Any], refused: str
) -> None:
    """An id or ``created_at`` never changes, ``updated_at`` not by hand; nothing is written."""
    row = await make(Tag)
    before = await stored(Tag)
    with pytest.raises(InvalidValueError, match=r"db_tag\.(id|created_at|updated_at): .* refused"):
        await REFUSED_UPDATES[refused](row)
    assert await stored(Tag) == before


#: A column, an expression for it, what the row holds before, and what the column holds after.
EXPRESSIONS: dict[str, tuple[Column, Callable[[], Any], dict[str, Any], Any]] = {
    "decimal": (
        Order.total_amount,
        lambda: Order.total_amount + 0.2,
        {"total_amount": 0.1},
        0.1 + 0.2,
    ),
    "decimal that stays": (
        Order.total_amount,
        lambda: Order.total_amount * 1,
        {"total_amount": 5.0},
        5.0,
    ),
    "two columns": (
        Order.total_amount,
        lambda: (Order.subtotal_amount + Order.tax_amount) * 2,
        {"subtotal_amount": 7.0, "tax_amount": 3.0},
        20.0,
    ),
    "another column": (
        Order.total_amount,
        lambda: Order.subtotal_amount,
        {"subtotal_amount": 7.0},
        7.0,
    ),
    "integer": (
        Variant.session_count,
        lambda: Variant.session_count + 1,
        {"session_count": 4},
        5,
    ),
    "integer of null": (Variant.session_count, lambda: Variant.session_count + 1, {}, None),
    "text": (Variant.level, lambda: Variant.level + "'+", {"level": "A1"}, "A1'+"),
    "date": (
        Period.end_date,
        lambda: Period.end_date + datetime.timedelta(days=1),
        {"end_date": datetime.date(2025, 1, 31)},
        datetime.date(2025, 2, 1),
    ),
}


@pytest.mark.parametrize("way", ["update", "update_self", "on_conflict"])
@pytest.mark.parametrize("kind", EXPRESSIONS)
async def test_an_update_takes_expressions(shared_engine: Engine[Any], kind: str, way: str) -> None:
    """The database works an expression out, and the row is stamped when the result differs."""
    column, expression, values, expected = EXPRESSIONS[kind]
    table, name = column._meta.table, column._meta.name
    row: Any = await make(table, **values, updated_at=LONG_AGO)
    neighbour = await make(table, **values)
    before = await stored(table)
    if way == "update":
        await table.update({column: expression()}).where(table._meta.primary_key == row.id)
    elif way == "update_self":
        await row.update_self({column: expression()})
        assert getattr(row, name) == expected
    else:
        await table.insert(table(**row.to_dict())).on_conflict(
            target=table._meta.primary_key, action="DO UPDATE", values=[(column, expression())]
        )
    found = await again(row)
    assert getattr(found, name) == expected
    changed = before[row.id][name] != (await stored(table))[row.id][name]
    assert touched(before, await stored(table)) == ({row.id} if changed else set())
    assert (found.updated_at > LONG_AGO) is changed
    assert (await again(neighbour)).to_dict() == neighbour.to_dict()


async def test_an_object_does_not_keep_an_expression(shared_engine: Engine[Any]) -> None:
    """``save`` refuses an attribute that is an expression, which is for ``update_self``."""
    order: Any = await make(Order)
    before = await stored(Order)
    order.total_amount = Order.total_amount + 1
    with pytest.raises(InvalidValueError, match=r"commerce_order\.total_amount"):
        await order.save()
    assert await stored(Order) == before


async def test_an_update_without_a_condition_is_refused(shared_engine: Engine[Any]) -> None:
    """``update`` and ``delete`` of all rows need ``force=True``."""
    await make(Region)
    before = await stored(Region)
    with pytest.raises(Exception, match="force=True"):
        await Region.update({Region.name: "x"})
    with pytest.raises(Exception, match="force=True"):
        await Region.delete()
    assert await stored(Region) == before
    await Region.update({Region.name: "x"}, force=True)
    assert {row["name"] for row in (await stored(Region)).values()} == {"x"}


async def test_a_query_can_be_printed_and_run_again(shared_engine: Engine[Any]) -> None:
    """Printing or repeating an update changes nothing in it, and its instant is that of the run."""
    account = await make(Account, updated_at=LONG_AGO)
    query = Account.update({Account.name: "one"}).where(Account.id == account.id)
    assert "UPDATE" in str(query)
    start = utc_now()
    await query
    assert (await again(account)).updated_at >= start
    await query.values({Account.is_cash: True})
    found = await again(account)
    assert (found.name, found.is_cash) == ("one", True)


async def test_an_update_through_a_join_meets_the_right_rows(shared_engine: Engine[Any]) -> None:
    """A condition behind a foreign key limits an update and a delete to the rows it holds for."""
    first, second = await make(Item), await make(Item)
    before = await stored(Item)
    entity_code = (await Entity.select(Entity.code).where(Entity.id == first.entity_id))[0]["code"]
    await Item.update({Item.name: "joined"}).where(Item.entity_id.code == entity_code)
    assert touched(before, await stored(Item)) == {first.id}
    await Item.delete().where(
        (Item.entity_id.code == entity_code) | (Item.category_id.code == "none")
    )
    remaining = await stored(Item)
    assert first.id not in remaining
    assert second.id in remaining


async def test_a_person_is_saved_whole(shared_engine: Engine[Any]) -> None:
    """After ``save`` the object equals its row, prefetched rows stay objects."""
    region = await make(Region)
    person = await make(Person, region_id=region.id)
    found: Any = await Person.objects(Person.region_id).get(Person.id == person.id)
    found.nickname = "Budi"
    await found.save()
    assert found.region_id == region
    assert found.updated_at > person.updated_at
    assert (await again(person)).to_dict() == {**found.to_dict(), "region_id": region.id}
