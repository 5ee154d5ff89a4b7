"""The page shows every table: rows, what they reference, filters and order; and changes nothing."""

from __future__ import annotations

import asyncio
import datetime
import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from admin_page import logged_in
from databases import postgres_copy, rows, sqlite_copy
from factory import JOIN_TABLES, make

from atlas import TABLES, Batch, Order, Person, Tag, create_client
from atlas.admin.site import GROUPS
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Text, Timestamp
from atlas.table import Table

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = [table._meta.tablename for table in TABLES]
EACH_TABLE = pytest.mark.parametrize("table", TABLES, ids=NAMES)


async def fill() -> None:
    """Store rows of every table, and some with values that are easily mistaken."""
    for table in TABLES:
        for _ in range(3):
            await make(table)
    for name, gender in [("Adi", "Male"), ("Bela", "Female"), ("50% Off", None)]:
        birth_date = datetime.date(1990, 2, 3) if name == "Adi" else None
        person = await make(Person, full_name=name, gender=gender, birth_date=birth_date)
        await make(Order, customer_id=person.id)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a migrated and empty database, made before any event loop runs."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("admin") / "atlas-ops.db"
        return sqlite_copy(request.getfixturevalue("migrated_file"), file)
    server, template = map(request.getfixturevalue, ("postgres_url", "migrated_postgres"))
    return asyncio.run(postgres_copy(server, template))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(empty_url: str) -> str:
    """The URL of a database with rows of every table."""
    async with create_client(empty_url):
        await fill()
    return empty_url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(url: str, tmp_path_factory: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The endpoints of the tables, for somebody who is logged in and may only read."""
    users = tmp_path_factory.mktemp("users") / "atlas-admin.db"
    async with logged_in(url, users) as (browser, _):
        yield browser


async def get(page: httpx.AsyncClient, path: str, **params: Any) -> Any:
    """Return what an endpoint answers."""
    response = await page.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def everything(page: httpx.AsyncClient, table: type[Table], **params: Any) -> list[Any]:
    """Return the rows of a list."""
    found = await get(
        page, f"{table._meta.tablename}/", __readable="true", __page_size=1000, **params
    )
    listed: list[Any] = found["rows"]
    return listed


def key_of(table: type[Table], row: dict[str, Any]) -> str:
    """Return the key of a listed row, as it is in a path."""
    return "-".join(row[column._meta.name] for column in table._key_columns)


async def test_menu_has_every_table_in_its_domain(page: httpx.AsyncClient) -> None:
    """All 38 tables are in the menu, under the domain of their app."""
    groups = await get(page, "grouped/")
    assert groups["ungrouped"] == []
    assert sorted(name for names in groups["grouped"].values() for name in names) == sorted(NAMES)
    for app, group in GROUPS.items():
        assert {name.partition("_")[0] for name in groups["grouped"][group]} == {app}


@EACH_TABLE
async def test_every_row_of_every_table_is_shown(
    page: httpx.AsyncClient, url: str, table: type[Table]
) -> None:
    """A list has all rows with all columns as they are stored, and each has a page of its own."""
    name = table._meta.tablename
    listed = await everything(page, table)
    ((stored,),) = await rows(url, f"SELECT count(*) FROM {name}")
    assert len(listed) == stored >= 3
    assert (await get(page, f"{name}/count/"))["count"] == stored
    assert {column._meta.name for column in table._meta.columns} <= listed[0].keys()
    key_name = table._meta.primary_key._meta.name
    assert len({row[key_name] for row in listed}) == stored
    for row in listed:
        assert row[key_name] == key_of(table, row)
        shown = await get(page, f"{name}/{row[key_name]}/", __readable="true")
        assert shown == row


@EACH_TABLE
async def test_values_are_shown_as_they_are(page: httpx.AsyncClient, table: type[Table]) -> None:
    """Numbers are numbers, days ISO days, instants have an offset, and NULL is null."""
    kinds = {Boolean: bool, Decimal: float, Text: str}
    for row in await everything(page, table):
        stored = await table.select().where(
            *(column == row[column._meta.name] for column in table._key_columns)
        )
        for column in table._meta.columns:
            shown, value = row[column._meta.name], stored[0][column._meta.name]
            if isinstance(column, Timestamp):
                assert datetime.datetime.fromisoformat(shown) == value
                assert shown.endswith("Z")
            elif isinstance(column, Date):
                assert shown == (value and value.isoformat())
            else:
                assert shown == value
                assert value is None or type(shown) is kinds.get(type(column), type(value))


@EACH_TABLE
async def test_references_are_readable(page: httpx.AsyncClient, table: type[Table]) -> None:
    """Beside each reference is what its row is called, and never an id."""
    ids = {
        row["id"]
        for other in TABLES
        if other not in JOIN_TABLES
        for row in await other.select(*other._key_columns)
    }
    for row in await everything(page, table):
        assert row["row"]
        assert not any(one in row["row"] for one in ids)
        for column in table._meta.foreign_key_columns:
            called, value = row[f"{column._meta.name}_readable"], row[column._meta.name]
            assert value in ids or value is None
            assert bool(called) is (value is not None)
            assert not any(one in called for one in ids)


@EACH_TABLE
async def test_an_export_has_the_columns_that_were_chosen(
    page: httpx.AsyncClient, table: type[Table]
) -> None:
    """A list of some columns, as for a CSV file, has these, the key and the names, in order."""
    name = table._meta.columns[-1]._meta.name
    rows_of_one = await everything(page, table, __visible_fields=f"row,{name}")
    for row, full in zip(rows_of_one, await everything(page, table), strict=True):
        keys = {column._meta.name for column in table._key_columns}
        assert row.keys() == {table._meta.primary_key._meta.name, "row", name} | keys
        assert row.items() <= full.items()


async def test_an_orders_customer_is_a_name(page: httpx.AsyncClient) -> None:
    """What stands for a customer in the list of orders is the person's name."""
    listed = await everything(page, Order)
    customers = {row["customer_id"]: row["customer_id_readable"] for row in listed}
    named = await Order.select(Order.customer_id, Order.customer_id.full_name)
    assert customers == {row["customer_id"]: row["customer_id.full_name"] or "" for row in named}
    assert "Adi" in customers.values()


@EACH_TABLE
async def test_every_column_can_be_sorted_and_filtered(
    page: httpx.AsyncClient, table: type[Table]
) -> None:
    """Any column orders a list, and its own value finds the row; so does the key."""
    key_name = table._meta.primary_key._meta.name
    listed = await everything(page, table)
    keys = {row[key_name] for row in listed}
    for name in [key_name, *table._column_names]:
        ordered = await everything(page, table, __order=f"-{name}")
        assert {row[key_name] for row in ordered} == keys
    some = listed[0]
    for name in table._column_names:
        if some[name] is None:
            params = {f"{name}__operator": "is_null"}
        else:
            params = {name: some[name], f"{name}__match": "exact"}
        found = await everything(page, table, **params)
        assert some in found
        assert all(row[name] == some[name] for row in found)
        count = await get(page, f"{table._meta.tablename}/count/", **params)
        assert count["count"] == len(found)


async def test_a_list_is_ordered_by_what_is_shown(page: httpx.AsyncClient) -> None:
    """References sort by the names that stand for them, and not by ids."""
    await_names = [
        row["entity_id_readable"] for row in await everything(page, Batch, __order="entity_id")
    ]
    assert await_names == sorted(await_names)
    assert len(set(await_names)) > 1


async def test_days_are_filtered_by_range(page: httpx.AsyncClient) -> None:
    """Orders from a day on are those and no others."""
    days = sorted({row["order_date"] for row in await everything(page, Order)})
    for operator, kept in [("gte", days[1:]), ("gt", days[2:]), ("lt", days[:1]), ("ne", None)]:
        found = await everything(page, Order, order_date=days[1], order_date__operator=operator)
        assert found
        expected = kept if kept is not None else [day for day in days if day != days[1]]
        assert {row["order_date"] for row in found} == set(expected)


async def test_a_choice_is_matched_whole(page: httpx.AsyncClient) -> None:
    """Male finds no Female: stock looks for it anywhere in the text."""
    found = await everything(page, Person, gender="Male")
    assert found
    assert {row["gender"] for row in found} == {"Male"}
    others = await everything(page, Person, gender="Male", gender__operator="ne")
    assert {row["gender"] for row in others} >= {"Female"}


async def test_text_is_found_in_part_whatever_its_case(page: httpx.AsyncClient) -> None:
    """Free text is looked for anywhere in the column, on both databases."""
    assert [row["full_name"] for row in await everything(page, Person, full_name="bEL")] == ["Bela"]
    starts = await everything(page, Person, full_name="50", full_name__match="starts")
    assert [row["full_name"] for row in starts] == ["50% Off"]


@EACH_TABLE
async def test_rows_are_found_by_name(page: httpx.AsyncClient, table: type[Table]) -> None:
    """The search of a reference answers keys with names, by words in any order."""
    name = table._meta.tablename
    found = await get(page, f"{name}/ids/", limit=2)
    assert len(found) == 2
    key, called = next(iter(found.items()))
    said = table.get_readable().template.split()
    words = [word for word in called.split() if word.isalpha() and word not in said]
    if words:  # of some tables it is all numbers
        assert key in await get(page, f"{name}/ids/", search=" ".join(reversed(words)).upper())
    assert await get(page, f"{name}/ids/", search="no-row-is-called-so") == {}
    rest = await get(page, f"{name}/ids/", limit=2, offset=2)
    assert not rest.keys() & found.keys()


async def test_choices_are_shown_as_words(page: httpx.AsyncClient) -> None:
    """The words of a token, with abbreviations as they are."""
    shown = {}
    for name in ("finance_payment", "catalog_price", "catalog_variant", "db_identifier"):
        properties = (await get(page, f"{name}/schema/"))["properties"]
        for each in properties.values():
            for choice in (each["extra"].get("choices") or {}).values():
                shown[choice["value"]] = choice["display_name"]
    expected = {
        "BankTransfer": "Bank transfer",
        "EWallet": "E-wallet",
        "QRIS": "QRIS",
        "EarlyBird": "Early bird",
        "InHouse": "In-house",
        "StudentNo": "Student no",
        "NPWP": "NPWP",
        "Cash": "Cash",
    }
    assert {token: shown[token] for token in expected} == expected


@pytest.mark.parametrize("how", [{}, {"full_name__match": "contains"}])
async def test_percent_and_underscore_are_characters(
    page: httpx.AsyncClient, how: dict[str, str]
) -> None:
    """A filter finds the text that was typed, and so does the search for a reference."""
    for typed, expected in (("%", ["50% Off"]), ("0% o", ["50% Off"]), ("0_ O", []), ("\\", [])):
        found = (await get(page, "db_person/", full_name=typed, **how))["rows"]
        assert [row["full_name"] for row in found] == expected
        assert [*(await get(page, "db_person/ids/", search=typed)).values()] == expected


async def test_persons_of_one_name_are_told_apart(page: httpx.AsyncClient, url: str) -> None:
    """Where a person is chosen, the day of birth stands beside the name."""
    (born,) = (await get(page, "db_person/ids/", search="Adi")).values()
    assert born == "Adi (1990-02-03)"


@EACH_TABLE
async def test_forms_know_choices_and_requirements(
    page: httpx.AsyncClient, table: type[Table]
) -> None:
    """A form has every column, with its choices, the table it references, and what it requires."""
    schema = await get(page, f"{table._meta.tablename}/schema/")
    for column in table._meta.columns:
        name = column._meta.name
        if name == "id":
            assert name not in schema["properties"]
            continue
        extra = schema["properties"][name]["extra"]
        choices = column._meta.choices
        tokens = {choice["value"] for choice in (extra["choices"] or {}).values()}
        assert tokens == {member.value for member in choices or ()}
        if isinstance(column, ForeignKey):
            target = column._foreign_key_meta.resolved_references._meta.tablename
            assert extra["foreign_key"]["to"] == target
        needed = not column._meta.null and column.get_default_value() is None
        assert (name in schema.get("required", ())) is needed
    new = await get(page, f"{table._meta.tablename}/new/")
    assert new.keys() <= {*table._column_names, "id"}


@EACH_TABLE
async def test_a_page_for_reading_refuses_every_change(
    page: httpx.AsyncClient, url: str, table: type[Table]
) -> None:
    """Whatever is sent to a table is refused by the server, and says how to edit."""
    name = table._meta.tablename
    before = await rows(url, f"SELECT * FROM {name}")
    (row, *_) = await everything(page, table)
    paths = (f"{name}/", f"{name}/{key_of(table, row)}/")
    for method, path in itertools.product(("POST", "PUT", "PATCH", "DELETE"), paths):
        response = await page.request(method, path, json={"note": "changed"})
        assert response.status_code == 405
        assert "--write" in response.json()["detail"]
    assert sorted(await rows(url, f"SELECT * FROM {name}"), key=str) == sorted(before, key=str)


async def test_what_is_asked_wrongly_is_told(page: httpx.AsyncClient) -> None:
    """Wrong names, values and keys are answered with a sentence, and never with a traceback."""
    for path, params, status, said in [
        ("commerce_order/", {"order_date": "yesterday"}, 422, "date"),
        ("commerce_order/", {"nothing": "1"}, 400, "nothing"),
        ("commerce_order/", {"__order": "nothing"}, 400, "nothing"),
        ("commerce_order/", {"__page_size": "100000"}, 400, "__page_size"),
        ("commerce_order/", {"__visible_fields": "customer_id.note"}, 400, "customer_id.note"),
        ("commerce_order/", {"created_at": "2026-01-01T00:00:00"}, 422, "time zone"),
        ("commerce_order/", {"order_date[]": "yesterday"}, 422, "date"),
        ("commerce_order/ids/", {"limit": "x"}, 422, "integer"),
        ("commerce_order/none/", {}, 404, "exist"),
        ("db_person_tag/none/", {}, 404, "exist"),
        ("db_person_tag/a-b/", {}, 404, "exist"),
        ("db_person_tag/a-b-c/", {}, 404, "exist"),
    ]:
        response = await page.get(path, params=params)
        assert response.status_code == status, (path, params, response.text)
        assert said in response.text


async def test_nobody_reads_without_a_login(page: httpx.AsyncClient) -> None:
    """Every endpoint of the tables asks for a session; the page and its files do not."""
    cookies = dict(page.cookies)
    page.cookies.clear()
    try:
        for path in ("", "commerce_order/", "commerce_order/ids/", "commerce_order/schema/"):
            assert (await page.get(path)).status_code == 401
    finally:
        page.cookies.update(cookies)


async def test_nothing_comes_from_elsewhere(page: httpx.AsyncClient) -> None:
    """The page names no other server, and tells the browser to ask none."""
    response = await page.get("http://127.0.0.1/")
    assert "http://" not in response.text
    assert "https://" not in response.text
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "http" not in policy
    for path in ("/api/docs/", "/public/docs/"):  # they load a program from a public server
        assert (await page.get(f"http://127.0.0.1{path}")).status_code == 404


async def test_another_host_name_is_refused(page: httpx.AsyncClient) -> None:
    """A page of somebody else's that has its name point here gets nothing."""
    response = await page.get("commerce_order/", headers={"Host": "evil.example"})
    assert response.status_code == 400


async def test_the_database_itself_is_read_only(page: httpx.AsyncClient) -> None:
    """The connection refuses a write too, should one get past the server."""
    with pytest.raises(Exception, match=r"(?i)read.?only"):
        await Tag.delete(force=True)
