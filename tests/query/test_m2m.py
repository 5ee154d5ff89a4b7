"""Many-to-many relations: what is related, and every value of it as it is stored."""

from __future__ import annotations

import datetime
import json
import random
from typing import Any

import pytest
from factory import JOIN_TABLES, build, make, payload, stored, touched, value
from piccolo.engine.base import Engine

import atlas
from atlas import (
    Batch,
    BatchInstructor,
    Category,
    Entity,
    InvalidValueError,
    Invoice,
    Item,
    ItemComponent,
    Payment,
    PaymentAllocation,
    Person,
    PersonTag,
    Tag,
    Unit,
)
from atlas.query.m2m import M2M
from atlas.table import Table

RELATIONS = {
    f"{table.__name__}.{m2m._meta.name}": m2m
    for table in atlas.TABLES
    for m2m in table._meta.m2m_relationships
}


class Relation:
    """One side of a join table, with two rows to relate others to."""

    def __init__(self, m2m: Any) -> None:
        self.m2m = m2m
        self.join: type[Table] = m2m._meta.resolved_joining_table
        self.table: type[Table] = m2m._meta.table
        self.related: type[Table] = m2m._meta.secondary_table
        self.extra: dict[Any, Any] = {column: value(column, 7) for column in payload(self.join)}

    async def add(self, owner: Table, *rows: Table) -> Any:
        """Relate ``rows`` to ``owner``."""
        return await owner.add_m2m(*rows, m2m=self.m2m, extra_column_values=self.extra)

    def keys(self, owner: Any, *rows: Any) -> set[tuple[str, str]]:
        """Return the primary keys of the join rows of ``owner`` and ``rows``."""
        names = [column._meta.name for column in self.join._key_columns]
        swapped = names[0] != self.m2m._meta.primary_foreign_key._meta.name
        return {(row.id, owner.id) if swapped else (owner.id, row.id) for row in rows}

    async def make(self, count: int) -> list[Any]:
        """Return saved rows of the other side, by primary key; they were stored in reverse."""
        rows: list[Any] = [await build(self.related) for _ in range(count)]
        for row in reversed(rows):
            await row.save()
        return rows


@pytest.fixture(params=RELATIONS)
def relation(request: pytest.FixtureRequest, shared_engine: Engine[Any]) -> Relation:
    """Each of the fourteen relations."""
    return Relation(RELATIONS[request.param])


def test_each_join_table_is_a_relation_on_both_sides() -> None:
    """Each of the seven join tables can be reached from both tables it relates."""
    sides = {
        (m2m._meta.primary_foreign_key._meta.name, m2m._meta.secondary_foreign_key._meta.name)
        for m2m in RELATIONS.values()
    }
    names = [tuple(c._meta.name for c in table._key_columns) for table in JOIN_TABLES]
    assert len(JOIN_TABLES) == 7
    assert len(RELATIONS) == 14
    assert sides == {*names, *(name[::-1] for name in names)}


async def test_add_stores_new_rows_and_one_join_row_each(relation: Relation) -> None:
    """``add_m2m`` inserts the rows that are new, and a join row with the extra values for each."""
    owner = await make(relation.table)
    (existing,), new = await relation.make(1), await build(relation.related)
    joined, related = await stored(relation.join), await stored(relation.related)
    returned = await relation.add(owner, new, existing)
    keys = relation.keys(owner, new, existing)
    after = await stored(relation.join)
    assert touched(joined, after) == keys
    assert {tuple(key.values()) for key in returned} == keys
    assert touched(related, await stored(relation.related)) == {new.id}
    assert new._exists_in_db
    for key in keys:
        row: Any = await relation.join.objects().get(relation.join._meta.primary_key == key)
        for column, expected in relation.extra.items():
            assert getattr(row, column._meta.name) == expected


async def test_get_returns_the_related_rows_by_primary_key(relation: Relation) -> None:
    """``get_m2m`` returns the rows related to this row, ordered, and none of another's."""
    owner, other = await make(relation.table), await make(relation.table)
    rows = await relation.make(4)
    await relation.add(owner, rows[2], rows[0], rows[1])
    await relation.add(other, rows[3], rows[1])
    assert await owner.get_m2m(relation.m2m) == rows[:3]
    assert await other.get_m2m(relation.m2m) == [rows[1], rows[3]]
    assert await (await make(relation.table)).get_m2m(relation.m2m) == []


async def test_remove_deletes_the_join_rows_and_nothing_else(relation: Relation) -> None:
    """``remove_m2m`` deletes the join rows of these pairs; the rows and other pairs stay."""
    owner, other = await make(relation.table), await make(relation.table)
    rows = await relation.make(3)
    await relation.add(owner, *rows)
    await relation.add(other, *rows)
    joined, related = await stored(relation.join), await stored(relation.related)
    await owner.remove_m2m(rows[0], rows[2], m2m=relation.m2m)
    assert touched(joined, await stored(relation.join)) == relation.keys(owner, rows[0], rows[2])
    assert await stored(relation.related) == related
    assert await owner.get_m2m(relation.m2m) == [rows[1]]


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "in the caller's transaction"])
async def test_a_refused_add_stores_nothing(relation: Relation, nested: bool) -> None:
    """A pair that is related already is refused with all the others; new objects stay new."""
    owner = await make(relation.table)
    (related,), new = await relation.make(1), await build(relation.related)
    await relation.add(owner, related)
    before = await stored(relation.join), await stored(relation.related)
    if nested:
        async with relation.join._meta.db.transaction():
            with pytest.raises(Exception, match=r"(?i)unique"):
                await relation.add(owner, new, related)
            assert not new._exists_in_db
            (late,) = await relation.make(1)
        before[1][late.id] = (await stored(relation.related))[late.id]
    else:
        with pytest.raises(Exception, match=r"(?i)unique"):
            await relation.add(owner, new, related)
    assert (await stored(relation.join), await stored(relation.related)) == before
    assert not new._exists_in_db
    assert related._exists_in_db
    await relation.add(owner, new)
    assert set(relation.keys(owner, new)) == touched(before[0], await stored(relation.join))


async def test_select_of_all_columns_equals_the_objects(relation: Relation) -> None:
    """A select without columns returns every column of the related rows as objects have it."""
    owner = await make(relation.table)
    rows = await relation.make(3)
    await relation.add(owner, *reversed(rows))
    name = relation.m2m._meta.name
    key = relation.table._meta.primary_key
    (selected,) = await relation.table.select(key, relation.m2m()).where(key == owner._key)
    assert selected == {"id": owner._key, name: [row.to_dict() for row in rows]}


async def test_select_of_one_column_as_a_list(relation: Relation) -> None:
    """``as_list=True`` returns the bare values, for each column of the related table."""
    owner = await make(relation.table)
    rows = await relation.make(2)
    await relation.add(owner, *rows)
    key = relation.table._meta.primary_key
    for column in relation.related._meta.columns:
        name = column._meta.name
        query = relation.table.select(relation.m2m(column, as_list=True)).where(key == owner._key)
        assert await query == [{relation.m2m._meta.name: [getattr(row, name) for row in rows]}]


async def test_no_related_rows_are_an_empty_list(relation: Relation) -> None:
    """A row without related rows has an empty list, in every form."""
    owner = await make(relation.table)
    key = relation.table._meta.primary_key
    related_key = relation.related._meta.primary_key
    for selected in (relation.m2m(), relation.m2m(related_key, as_list=True)):
        query = relation.table.select(selected).where(key == owner._key)
        assert await query == [{relation.m2m._meta.name: []}]


TEXTS = [
    "",
    ",",
    "a,b",
    '"',
    "it's",
    '"],["',
    "a\nb\r\n\tc",
    "\\",
    "\\u0041",
    "\x01\x1f\x7f",
    "emoji 🎓, é, 名前, \u2028",
    "null",
    "[1]",
    " spaces ",
    "{}",
    "%s ? $1",
    "x" * 10_000,
]
_random = random.Random(2)  # noqa: S311
FLOATS = [
    0.1 + 0.2,
    2.0**53,
    2.0**53 - 1,
    -1e-7,
    0.0,
    1 / 3,
    1e22,
    123456789.12345679,
    1.7976931348623157e308,
    5e-324,
    2.2250738585072014e-308,
    1.4523142177899403e308,  # SQLite's 17th digit of this one is wrong
    *(_random.uniform(-1, 1) * 10.0 ** _random.randint(-300, 300) for _ in range(200)),
    *(_random.uniform(0, 1e9) for _ in range(200)),
]
INSTANTS = [
    datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC),
    datetime.datetime(1, 1, 2, tzinfo=datetime.UTC),
]
DATES = [datetime.date(1, 1, 1), datetime.date(2024, 2, 29), datetime.date(9999, 12, 31)]
VALUES: dict[str, tuple[M2M, Any, list[Any]]] = {
    "text": (Person.tags, Tag.name, TEXTS),
    "text or null": (Tag.persons, Person.nickname, [*TEXTS, None]),
    "float": (Payment.invoices, Invoice.total_amount, FLOATS),
    "integer or null": (Person.batches, Batch.capacity, [0, -1, 2**31 - 1, -(2**31), None]),
    "bool": (Person.tags, Tag.is_active, [True, False]),
    "date": (Payment.invoices, Invoice.issue_date, DATES),
    "date or null": (Tag.persons, Person.birth_date, [*DATES, None]),
    "timestamp": (Person.tags, Tag.created_at, INSTANTS),
    "choice or null": (Tag.persons, Person.gender, ["Male", "Female", None]),
}


@pytest.mark.parametrize("kind", VALUES)
async def test_values_come_back_unharmed(shared_engine: Engine[Any], kind: str) -> None:
    """Every value is what it was, with its type, in each form of a select."""
    m2m, column, values = VALUES[kind]
    relation = Relation(m2m)
    name, field = m2m._meta.name, column._meta.name
    async with shared_engine.transaction():
        owner = await make(relation.table)
        rest = {  # one parent for all
            c._meta.name: getattr(await make(relation.related), c._meta.name)
            for c in relation.related._meta.foreign_key_columns
            if not c._meta.null
        }
        rows = [await build(relation.related, **rest, **{field: one}) for one in values]
        await relation.add(owner, *rows)
    query = relation.table.select().where(relation.table._meta.primary_key == owner._key)

    def shown(results: list[Any]) -> list[tuple[type, Any]]:
        return [(type(one), one) for one in results]

    listed: Any = await query.columns(m2m(column, as_list=True)).first()
    assert shown(listed[name]) == shown(values)
    single = await relation.table.select(m2m(column)).where(
        relation.table._meta.primary_key == owner._key
    )
    assert [list(one) for one in single[0][name]] == [[field]] * len(values)
    assert shown([one[field] for one in single[0][name]]) == shown(values)


async def two_persons() -> tuple[Any, Any, list[Any]]:
    """Return a person with three tags and a unit, a person with the first tag, and the tags."""
    first, second = await make(Person), await make(Person)
    tags = [await make(Tag) for _ in range(3)]
    await first.add_m2m(*tags, m2m=Person.tags)
    await second.add_m2m(tags[0], m2m=Person.tags)
    unit = await make(Unit, code="unit, 1")
    await first.add_m2m(unit, m2m=Person.units, extra_column_values={"role": "Sales"})
    return first, second, tags


async def test_a_relation_goes_with_every_clause_of_a_select(shared_engine: Engine[Any]) -> None:
    """Where, order, limit, first, nested, list, JSON, distinct and batch leave it right."""
    first, second, tags = await two_persons()
    ours = Person.id.is_in([first.id, second.id])
    codes = [tag.code for tag in tags]
    query = Person.select(Person.full_name, Person.tags(Tag.code, as_list=True)).where(ours)
    expected = [
        {"full_name": first.full_name, "tags": codes},
        {"full_name": second.full_name, "tags": codes[:1]},
    ]
    assert await query.order_by(Person.id) == expected
    assert await query.limit(1) == expected[:1]
    assert await query.first() == expected[0]
    assert json.loads(await query.output(as_json=True)) == expected[:1]

    tagged = Person.select(Person.tags(Tag.code, as_list=True)).where(ours).order_by(Person.id)
    assert await tagged.output(as_list=True) == [codes, codes[:1]]
    nested = Person.select(Person.id, Person.region_id.name, Person.tags(Tag.code)).where(ours)
    assert await nested.order_by(Person.id, ascending=False).output(nested=True).first() == {
        "id": second.id,
        "region_id": {"name": None},
        "tags": [{"code": codes[0]}],
    }
    unique = Person.select(Person.full_name, Person.tags(Tag.code, as_list=True)).where(ours)
    assert sorted(await unique.distinct(), key=lambda row: str(row["full_name"])) == sorted(
        expected, key=lambda row: str(row["full_name"])
    )
    batched = []
    async with await tagged.batch(batch_size=1) as batch:
        async for rows in batch:
            batched.extend(rows)
    assert batched == [{"tags": codes}, {"tags": codes[:1]}]


async def test_a_frozen_select_returns_the_same(shared_engine: Engine[Any]) -> None:
    """``freeze()`` keeps the relations, also when the query it was made of goes on."""
    first, _, tags = await two_persons()
    query = Person.select(Person.id, Person.tags(Tag.code)).where(Person.id == first.id)
    frozen = query.freeze()
    query.columns(Person.units())
    expected = [{"id": first.id, "tags": [{"code": tag.code} for tag in tags]}]
    assert await frozen.run() == expected
    assert await frozen.run() == expected


async def test_several_relations_in_one_select(shared_engine: Engine[Any]) -> None:
    """Relations to different tables stand side by side."""
    first, _, tags = await two_persons()
    query = Person.select(
        Person.tags(Tag.code, Tag.is_active), Person.units(Unit.code, as_list=True)
    ).where(Person.id == first.id)
    assert await query == [
        {
            "tags": [{"code": tag.code, "is_active": True} for tag in tags],
            "units": ["unit, 1"],
        }
    ]


async def test_a_relation_can_be_selected_twice_under_two_names(
    shared_engine: Engine[Any],
) -> None:
    """``as_alias`` names a relation, or a column of it, in the result."""
    first, _, tags = await two_persons()
    query = Person.select(
        Person.tags(Tag.code, as_list=True),
        Person.tags(Tag.name.as_alias("label")).as_alias("labels"),
    ).where(Person.id == first.id)
    assert await query == [
        {"tags": [tag.code for tag in tags], "labels": [{"label": tag.name} for tag in tags]}
    ]


@pytest.mark.parametrize(
    "columns",
    [
        lambda: [Person.tags(Tag.code), Person.tags(Tag.name)],
        lambda: [Person.tags(Tag.code), Person.full_name.as_alias("tags")],
        lambda: [Person.tags(Tag.code), Person.units().as_alias("tags")],
    ],
)
def test_two_columns_of_one_name_are_refused(sqlite_engine: Engine[Any], columns: Any) -> None:
    """A select in which a relation would overwrite another column is refused."""
    with pytest.raises(ValueError, match="Two columns of the select are called 'tags'"):
        Person.select(*columns())


@pytest.mark.parametrize(
    ("select", "message"),
    [
        (lambda: Person.tags(Unit.name), "is not a column of db_tag"),
        (lambda: Person.units(Unit.entity_id.name), "is not a column of core_unit"),
        (lambda: Tag.persons(Person.merged_into_id.full_name), "is not a column of db_person"),
        (lambda: Person.tags(Tag.code, Tag.name, as_list=True), "exactly one column"),
        (lambda: Person.tags(as_list=True), "exactly one column"),
        (lambda: Tag.select(Person.tags()), "Person.tags is not a relation of Tag"),
    ],
)
def test_what_a_relation_cannot_select_is_refused(
    sqlite_engine: Engine[Any], select: Any, message: str
) -> None:
    """Columns of another table, or behind a foreign key, and relations of one are refused."""
    with pytest.raises(ValueError, match=message):
        select()


async def test_items_and_their_packages_are_two_directions(shared_engine: Engine[Any]) -> None:
    """The join table that references items twice relates package to component, not back."""
    package, part, piece = [await make(Item) for _ in range(3)]
    await package.add_m2m(part, m2m=Item.components, extra_column_values={"quantity": 2})
    await part.add_m2m(piece, m2m=Item.components)
    assert await package.get_m2m(Item.components) == [part]
    assert await part.get_m2m(Item.packages) == [package]
    assert await part.get_m2m(Item.components) == [piece]
    assert await package.get_m2m(Item.packages) == []
    row = await ItemComponent.objects().get(ItemComponent.item_id == package.id)
    assert row is not None
    assert (row.component_id, row.quantity) == (part.id, 2.0)
    both = Item.select(
        Item.id, Item.components(Item.code, as_list=True), Item.packages(Item.code, as_list=True)
    )
    assert await both.where(Item.id == part.id) == [
        {"id": part.id, "components": [piece.code], "packages": [package.code]}
    ]
    await part.remove_m2m(package, m2m=Item.packages)
    assert await package.get_m2m(Item.components) == []
    assert await part.get_m2m(Item.components) == [piece]


async def test_a_relation_of_another_table_is_refused(shared_engine: Engine[Any]) -> None:
    """A row takes only the relations of its own table, for reading and for writing."""
    person, unit = await make(Person), await make(Unit)
    for relate in (
        lambda: unit.get_m2m(Person.units),
        lambda: unit.add_m2m(person, m2m=Person.units),
        lambda: unit.remove_m2m(person, m2m=Person.units),
    ):
        with pytest.raises(ValueError, match=r"Person.units relates rows of Person, .* a Unit"):
            await relate()


async def test_rows_of_another_table_are_refused(shared_engine: Engine[Any]) -> None:
    """Rows that are not of the related table are neither stored nor related."""
    person = await make(Person)
    category = await build(Category)
    before = await stored(PersonTag)
    with pytest.raises(InvalidValueError, match="is not a row of db_tag"):
        await person.add_m2m(category, m2m=Person.tags)
    with pytest.raises(ValueError, match="wrong table"):
        await person.remove_m2m(await make(Entity), m2m=Person.tags)
    assert not category._exists_in_db
    assert category.id not in await stored(Category)
    assert await stored(PersonTag) == before


async def test_extra_values_are_checked(shared_engine: Engine[Any]) -> None:
    """An extra value the model does not allow is refused, and the new row is not stored."""
    batch, person = await make(Batch), await build(Person)
    with pytest.raises(InvalidValueError, match=r"catalog_batch_instructor.role: 'Boss'"):
        await batch.add_m2m(
            person, m2m=Batch.instructors, extra_column_values={BatchInstructor.role: "Boss"}
        )
    payment = await make(Payment)
    with pytest.raises(ValueError, match="amount wasn't provided"):
        await payment.add_m2m(await make(Invoice), m2m=Payment.invoices)
    assert not person._exists_in_db
    assert person.id not in await stored(Person)
    assert payment.id not in {key[0] for key in await stored(PaymentAllocation)}


async def test_nothing_to_add_or_remove_is_no_error(shared_engine: Engine[Any]) -> None:
    """Without rows ``add_m2m`` and ``remove_m2m`` do nothing."""
    person = await make(Person)
    assert await person.add_m2m(m2m=Person.tags) == []
    await person.remove_m2m(m2m=Person.tags)
    assert await person.get_m2m(Person.tags) == []


@pytest.mark.parametrize("corrupt", ["new", "assigned"])
async def test_a_row_without_a_known_key_is_refused(
    shared_engine: Engine[Any], corrupt: str
) -> None:
    """A row that is new, or whose id was assigned to, has no relations to read or change."""
    person: Any = await (build if corrupt == "new" else make)(Person)
    person.id = (await make(Person)).id
    tag = await make(Tag)
    before = await stored(PersonTag)
    for relate in (
        lambda: person.get_m2m(Person.tags),
        lambda: person.add_m2m(tag, m2m=Person.tags),
        lambda: person.remove_m2m(tag, m2m=Person.tags),
    ):
        with pytest.raises(ValueError, match=r"in the database yet|was assigned"):
            await relate()
    assert await stored(PersonTag) == before
