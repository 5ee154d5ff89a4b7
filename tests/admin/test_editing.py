"""With --write the page edits rows one by one, and by the rules of their tables."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from admin_page import logged_in
from databases import postgres_copy, sqlite_copy
from factory import JOIN_TABLES, build, make, payload, stored, touched, value
from piccolo.columns import Varchar
from piccolo.table import TABLE_REGISTRY
from piccolo.table import Table as PiccoloTable
from piccolo_api.crud.endpoints import PiccoloCRUD

from atlas import TABLES, Contact, Identifier, Item, Order, Person, PersonTag, Price, Tag
from atlas.columns import Date, Decimal, ForeignKey
from atlas.table import Table

pytestmark = pytest.mark.asyncio(loop_scope="module")

EACH_TABLE = pytest.mark.parametrize("table", TABLES, ids=lambda table: table._meta.tablename)
EACH_JOIN_TABLE = pytest.mark.parametrize(
    "table", JOIN_TABLES, ids=lambda table: table._meta.tablename
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a migrated and empty database, made before any event loop runs."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("admin") / "atlas-ops.db"
        return sqlite_copy(request.getfixturevalue("migrated_file"), file)
    server, template = map(request.getfixturevalue, ("postgres_url", "migrated_postgres"))
    return asyncio.run(postgres_copy(server, template))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(url: str, tmp_path_factory: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The endpoints of the tables, for somebody who is logged in and may edit."""
    users = tmp_path_factory.mktemp("users") / "atlas-admin.db"
    async with logged_in(url, users, write=True) as (browser, _):
        yield browser


def path(row: Table) -> str:
    """Return the path of a row's page."""
    return f"{row._meta.tablename}/{'-'.join(row._key_values())}/"


def as_sent(given: Any) -> Any:
    """Return a value as a form sends it."""
    return given.isoformat() if isinstance(given, datetime.date | datetime.datetime) else given


async def form(page: httpx.AsyncClient, row: Table) -> dict[str, Any]:
    """Return what the page sends when a row's form is saved: every field as it was shown."""
    shown = (await page.get(path(row))).json()
    schema = (await page.get(f"{row._meta.tablename}/schema/")).json()
    return {name: shown[name] for name in schema["properties"]}


async def values_by_the_rules(table: type[Table]) -> dict[str, Any]:
    """Return values of a row for the columns that rules of the model have a word on."""
    values: dict[str, Any] = {
        column._meta.name: 100.0
        for column in table._meta.columns
        if isinstance(column, Decimal) and column.get_default_value() is None
    }
    if table is Contact:
        values |= {"type": "WhatsApp", "value": "+6281234567890"}
    elif table is Identifier:
        values |= {"type": "Passport", "value": "A1234567"}
    elif table is Price:
        values["item_id"] = (await make(Item)).id
    elif table is Order:
        values["customer_id"] = values["participant_id"] = (await make(Person)).id
    return values


async def neighbours(table: type[Table]) -> Table:
    """Store rows that share one key each with the row that is returned."""
    row = await make(table)
    if len(table._key_columns) == 2:
        for shared in table._key_columns:
            await make(table, **{shared._meta.name: row._plain(shared._meta.name)})
    else:
        await make(table)
    return row


@EACH_TABLE
async def test_a_form_changes_one_row(page: httpx.AsyncClient, table: type[Table]) -> None:
    """Saving a form writes the columns that were edited of the one row, and moves updated_at."""
    row = await neighbours(table)
    column = next((c for c in payload(table) if c._meta.choices is None), None)
    if table is Identifier:  # its texts are what their type says
        column = Identifier.valid_to
    filled = await form(page, row)
    before = await stored(table)
    if column is None:  # a join table of nothing but keys
        response = await page.patch(path(row), json=filled)
        assert response.status_code == 200, response.text
        assert await stored(table) == before
        return
    name = column._meta.name
    new = 77.0 if isinstance(column, Decimal) else value(column, 100_077)
    response = await page.patch(path(row), json=filled | {name: as_sent(new)})
    assert response.status_code == 200, response.text
    after = await stored(table)
    assert touched(before, after) == {row._key}
    old_row, new_row = before[row._key], after[row._key]
    changed = {name for name in new_row if new_row[name] != old_row[name]}
    assert changed == {name, "updated_at"}
    assert response.json()[name] == as_sent(new)


@EACH_TABLE
async def test_a_form_saved_unchanged_changes_nothing(
    page: httpx.AsyncClient, table: type[Table]
) -> None:
    """Saving what was shown leaves every row as it is, updated_at included."""
    row = await neighbours(table)
    before = await stored(table)
    response = await page.patch(path(row), json=await form(page, row))
    assert response.status_code == 200, response.text
    assert await stored(table) == before


@EACH_TABLE
async def test_one_row_is_deleted(page: httpx.AsyncClient, table: type[Table]) -> None:
    """Deleting deletes the one row: of a join table too, where others share each of its keys."""
    row = await neighbours(table)
    before = await stored(table)
    response = await page.delete(path(row))
    assert response.status_code == 204, response.text
    assert touched(before, await stored(table)) == {row._key}
    assert (await page.get(path(row))).status_code == 404
    assert (await page.delete(path(row))).status_code == 404


@EACH_TABLE
async def test_one_row_is_added(page: httpx.AsyncClient, table: type[Table]) -> None:
    """Adding stores one row with what the form had, made ids and instants included."""
    row = await build(table, **await values_by_the_rules(table))
    names = [column._meta.name for column in table._meta.columns if column._meta.name != "id"]
    sent = {name: as_sent(row._plain(name)) for name in names}
    before = await stored(table)
    response = await page.post(f"{table._meta.tablename}/", json=sent)
    assert response.status_code == 201, response.text
    (added,) = touched(before, after := await stored(table))
    (key,) = response.json().values()
    assert key == (added if isinstance(added, str) else "-".join(added))
    shown = (await page.get(f"{table._meta.tablename}/{key}/")).json()
    instants = {"created_at", "updated_at"}
    assert {name: shown[name] for name in sent.keys() - instants} == {
        name: sent[name] for name in sent.keys() - instants
    }
    assert shown["created_at"] == shown["updated_at"] != sent["created_at"]
    assert added in after


@EACH_JOIN_TABLE
async def test_a_second_row_with_the_same_keys_is_refused(
    page: httpx.AsyncClient, table: type[Table]
) -> None:
    """A pair that exists is told to exist, and its row stays as it is."""
    row = await make(table, **await values_by_the_rules(table))
    before = await stored(table)
    response = await page.post(f"{table._meta.tablename}/", json=await form(page, row))
    assert response.status_code == 422
    assert "unique" in response.json()["db_error"].lower()
    assert await stored(table) == before


async def test_stock_endpoints_delete_the_rows_of_others(page: httpx.AsyncClient) -> None:
    """What ours replace: stock deletes every row of a join table that shares its last key."""

    class StockTag(PiccoloTable, tablename="db_person_tag", db=PersonTag._meta.db):
        person_id = Varchar(primary_key=True)
        tag_id = Varchar(primary_key=True)

    TABLE_REGISTRY.remove(StockTag)
    row = await neighbours(PersonTag)
    before = await stored(PersonTag)
    stock = PiccoloCRUD(StockTag, read_only=False)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=stock), base_url="http://127.0.0.1"
    ) as browser:
        assert (await browser.delete(f"/{row.tag_id}/")).status_code == 204
    assert len(touched(before, await stored(PersonTag))) == 2


# --- what is refused ----------------------------------------------------------


async def refused(page: httpx.AsyncClient, row: Table, **changes: Any) -> httpx.Response:
    """Send changes to a row, and see that they are refused and nothing is written."""
    before = await stored(type(row))
    response = await page.patch(path(row), json=changes)
    assert response.status_code == 422, response.text
    assert "Traceback" not in response.text
    assert await stored(type(row)) == before
    return response


def message(response: httpx.Response) -> str:
    """Return what the page shows of a refusal, as its parseErrorResponse does."""
    detail = response.json()["detail"]
    return "; ".join(f"{each['loc'][-1]} field - {each['msg']}" for each in detail)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "Paid"}, "status field - status Paid is not one of its choices (G6)"),
        ({"number": None}, "number field - None (NoneType) is refused: the column is required"),
        ({"order_date": "soon"}, "order_date field - Input should be a valid date"),
        ({"total_amount": "much"}, "total_amount field - Input should be a valid number"),
        ({"total_amount": "1e999"}, "is not a number in plain digits"),
        ({"total_amount": "450.000"}, "total_amount field - '450.000' (str) may be thousands"),
        ({"number": " "}, "number field - must not be empty"),
        ({"customer_id": "me"}, "customer_id field - 'me' (str) is not a ULID"),
        ({"note": "a\x00b"}, "note field"),
        ({"nothing": 1}, "nothing field - is not a column of this table"),
        ({"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "id field"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "created_at field"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
async def test_what_a_column_does_not_allow_is_refused(
    page: httpx.AsyncClient, changes: dict[str, Any], said: str
) -> None:
    """A value that the model does not allow is told beside its field, and nothing is written."""
    order = await make(Order, note="as it was")
    assert said in message(await refused(page, order, **changes, tax_amount=5.0))


@EACH_JOIN_TABLE
async def test_keys_of_a_join_row_never_change(page: httpx.AsyncClient, table: type[Table]) -> None:
    """Another key is refused: such a row is deleted and added again."""
    row, other = await make(table), await make(table)
    for column in table._key_columns:
        name = column._meta.name
        assert name in message(await refused(page, row, **{name: other._plain(name)}))


async def test_updated_at_is_not_for_the_form(page: httpx.AsyncClient) -> None:
    """An instant that was shown long ago, or was made up, is not written."""
    tag = await make(Tag)
    response = await page.patch(path(tag), json={"updated_at": "2040-01-01T00:00:00Z"})
    assert response.status_code == 200
    assert (await stored(Tag))[tag.id]["updated_at"] == (await stored(Tag))[tag.id]["created_at"]


async def test_created_at_stays_as_it_is(page: httpx.AsyncClient) -> None:
    """The page sends it back without fractions of a second, which are not lost."""
    tag = await make(Tag)
    cut = tag.created_at.replace(microsecond=0)
    response = await page.patch(path(tag), json={"created_at": cut.isoformat(), "name": "other"})
    assert response.status_code == 200, response.text
    assert response.json()["created_at"] == tag.created_at.isoformat().replace("+00:00", "Z")
    assert response.json()["name"] == "other"


async def test_a_rule_of_the_model_is_kept(page: httpx.AsyncClient) -> None:
    """An edit that would break a rule is refused; another one of a row that breaks it is not."""
    price = await make(Price, valid_to=datetime.date(2099, 1, 1))  # of nothing: breaks C1
    response = await page.patch(path(price), json={"min_quantity": 5})
    assert response.status_code == 200, response.text
    response = await refused(page, price, valid_to="2001-01-01")
    assert "(C2)" in response.text or "(G" in response.text
    sent = {"amount": 1.0, "valid_from": "2026-01-01"}
    response = await page.post("catalog_price/", json=sent)
    assert response.status_code == 422
    assert "(C1)" in response.text


async def test_a_row_in_use_is_not_deleted(page: httpx.AsyncClient) -> None:
    """A row that others reference stays, and the page says why."""
    order = await make(Order)
    unit = await order.get_related(Order.unit_id)
    before = await stored(type(unit))
    response = await page.delete(path(unit))
    assert response.status_code == 422
    assert "foreign key" in response.json()["db_error"].lower()
    assert await stored(type(unit)) == before


async def test_a_reference_to_nothing_is_refused(page: httpx.AsyncClient) -> None:
    """A key that no row has is refused by the database, and nothing is written."""
    order = await make(Order)
    response = await refused(page, order, customer_id="01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert "foreign key" in response.json()["db_error"].lower()


async def test_a_text_that_says_null_is_a_text(page: httpx.AsyncClient) -> None:
    """Somebody may be called Null: stock stores NULL instead."""
    person = await make(Person)
    response = await page.patch(path(person), json={"full_name": "Null"})
    assert response.json()["full_name"] == "Null"
    assert (await stored(Person))[person.id]["full_name"] == "Null"


async def test_a_forged_request_is_refused(page: httpx.AsyncClient) -> None:
    """A write without the token that only the page knows is refused (CSRF)."""
    contact = await make(Contact)
    before = await stored(Contact)
    response = await page.delete(path(contact), headers={"X-CSRFToken": "guessed"})
    assert response.status_code == 403
    assert await stored(Contact) == before


async def test_many_rows_are_never_deleted_at_once(page: httpx.AsyncClient) -> None:
    """A DELETE of a list is refused: rows are deleted by their keys."""
    await make(Tag)
    before = await stored(Tag)
    assert (await page.delete("db_tag/")).status_code == 405
    assert await stored(Tag) == before


async def test_days_and_references_can_be_emptied(page: httpx.AsyncClient) -> None:
    """Every optional column takes null, and gives it back."""
    person = await make(Person, birth_date=datetime.date(2000, 2, 29), note="x")
    for column in Person._meta.columns:
        if column._meta.null:
            assert isinstance(column, ForeignKey | Date) or column._meta.name
            response = await page.patch(path(person), json={column._meta.name: None})
            assert response.status_code == 200, response.text
            assert response.json()[column._meta.name] is None
