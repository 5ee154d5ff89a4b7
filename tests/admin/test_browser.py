"""The page in a real browser, as somebody uses it: Chromium, driven by Playwright.

``ATLAS_SCREENSHOTS=1`` writes what it sees to docs/admin/; ``scripts/screenshots`` sets it.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT
from databases import sqlite_copy
from playwright.sync_api import Browser, Page, expect, sync_playwright
from terminal import BIN, environment

from atlas import TABLES, create_client, seeding

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = ROOT / "docs" / "admin" if os.environ.get("ATLAS_SCREENSHOTS") else None

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium; install it with: apt-get install chromium"
)


@dataclass
class Admin:
    """A running ``atlas admin``."""

    process: subprocess.Popen[str]
    url: str
    password: str
    database: Path


@pytest.fixture(scope="module")
def demo_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the small demo. Copy it; do not write to it."""
    path = tmp_path_factory.mktemp("demo") / "atlas-ops.db"
    url = sqlite_copy(migrated_file, path)

    async def fill() -> None:
        async with create_client(url):
            await seeding.seed(demo="small")

    asyncio.run(fill())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@contextmanager
def running(demo_file: Path, folder: Path, *options: str) -> Iterator[Admin]:
    """Run ``atlas admin`` on a copy of the demo; Ctrl-C ends it, without a word on stderr."""
    database = Path(shutil.copy(demo_file, folder / "atlas-ops.db"))
    process = subprocess.Popen(
        [BIN / "atlas", "admin", "--port", "0", *options],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    said = ""
    while "Press Ctrl-C" not in said and (line := process.stdout.readline()):
        said += line
    url, password = re.search(r"http://\S+", said), re.search(r"Password: (\S+)", said)
    assert url, said + process.communicate()[1]
    assert password, said
    try:
        yield Admin(process, url[0], password[1], database)
    finally:
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest, errors) == (0, "", "")


@pytest.fixture(scope="module")
def browser(demo_file: Path) -> Iterator[Browser]:
    """Chromium, as Debian has it, without a window and without anything of the user's.

    Playwright's event loop runs until it is closed: what needs one of its own comes before.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def logged_in(
    browser: Browser, admin: Admin, *, width: int = 1280, locale: str = "en-GB"
) -> Iterator[Page]:
    """Open the page and log in; see that it asked no other server and broke nowhere."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, locale=locale, timezone_id="Asia/Jakarta"
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    asked: list[str] = []
    broken: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(admin.url)
    page.fill("input[name=username]", "admin")
    page.fill("input[type=password]", admin.password)
    if width == 1280 and admin.process.args[-1] != "--write":  # type: ignore[index]
        photograph(page, "login")
    page.click("[data-uitest=login_button]")
    expect(page.locator("text=/(Welcome to|Selamat datang di) Atlas/")).to_be_visible()
    yield page
    context.close()
    assert [url for url in asked if not url.startswith((admin.url, "data:"))] == []
    assert broken == []


def photograph(page: Page, name: str) -> None:
    """Write what the browser shows to docs/admin, if that is asked for."""
    if SCREENSHOTS:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        page.wait_for_timeout(900)  # until the page has faded in
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")


def stored(admin: Admin, query: str, *parameters: str) -> list[tuple[object, ...]]:
    """Return what a query finds in the file, through the plain driver."""
    with closing(sqlite3.connect(admin.database)) as connection:
        return connection.execute(query, parameters).fetchall()


@pytest.fixture(scope="module")
def reading(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admin]:
    """The page as it is by default."""
    with running(demo_file, tmp_path_factory.mktemp("reading")) as admin:
        yield admin


@pytest.fixture(scope="module")
def writing(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admin]:
    """The page with --write."""
    with running(demo_file, tmp_path_factory.mktemp("writing"), "--write") as admin:
        yield admin


def test_a_wrong_password_opens_nothing(browser: Browser, reading: Admin) -> None:
    """Who does not know the password sees the login, and that it failed."""
    page = browser.new_page()
    page.goto(reading.url)
    page.fill("input[name=username]", "admin")
    page.fill("input[type=password]", reading.password + "x")
    page.click("[data-uitest=login_button]")
    expect(page.locator("text=Problem logging in")).to_be_visible()
    page.close()


def test_orders_are_listed_with_names(browser: Browser, reading: Admin) -> None:
    """The menu leads to the orders, newest first; their references are names, to be followed."""
    with logged_in(browser, reading) as page:
        page.get_by_role("link", name="order", exact=True).click()
        expect(page.locator(".table_wrapper tbody tr")).to_have_count(15)
        (number, customer, order_id), *_ = stored(
            reading,
            "SELECT number, full_name, o.id FROM commerce_order o"
            " JOIN db_person p ON p.id = customer_id ORDER BY o.id DESC",
        )
        first = page.locator(
            ".table_wrapper tbody tr", has=page.get_by_text(str(number), exact=True)
        )
        expect(first).to_contain_text(str(customer))
        expect(page.locator(".table_wrapper tbody")).not_to_contain_text(str(order_id))
        photograph(page, "orders")
        first.get_by_role("link", name=str(customer)).first.click()
        expect(page.locator("h1", has_text="Edit db person")).to_be_visible()
        expect(page.locator("textarea[name=full_name]").first).to_have_value(str(customer))
        photograph(page, "person")
        page.click("text=Show referencing tables")
        page.click("text=commerce_order with a matching customer_id")
        expect(page.locator(".table_wrapper tbody")).to_contain_text(str(number))
        expect(page.locator(".table_wrapper tbody tr").first).to_contain_text(str(customer))


def test_a_list_is_read_at_a_glance(browser: Browser, reading: Admin) -> None:
    """Menus without the domain above them, money with separators, instants, choices as words."""
    with logged_in(browser, reading) as page:
        page.goto(f"{reading.url}#/finance_payment")
        rows = page.locator(".table_wrapper tbody tr")
        expect(rows.first).to_be_visible()
        expect(page.locator("text=Bank transfer").first).to_be_visible()
        ((amount,),) = stored(
            reading, "SELECT amount FROM finance_payment ORDER BY id DESC LIMIT 1"
        )
        expect(page.locator("td.amount", has_text=f"{amount:,.0f}").first).to_be_visible()
        heads = [head.strip().lower() for head in page.locator("thead th").all_inner_texts()]
        assert heads[1:6] == ["number", "payment date", "person", "amount", "direction"]
        instant = rows.first.locator("td").nth(heads.index("created at"))
        expect(instant).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d$"))
        menu = page.locator('li > a.subtle[href^="#/"] > span').all_inner_texts()
        assert {"order", "person", "item component"} <= {each.lower() for each in menu}
        assert not [each for each in menu if each.lower().startswith(("commerce ", "db "))]
        for row in rows.all()[:3]:  # the number of a payment has three parts, on one line
            assert row.bounding_box()["height"] < 45  # type: ignore[index]
        photograph(page, "payments")


def test_a_narrow_page_in_indonesian(browser: Browser, reading: Admin) -> None:
    """A telephone in Indonesia sees the page in its language, numbers unbroken."""
    with logged_in(browser, reading, width=390, locale="id-ID") as page:
        page.goto(f"{reading.url}#/commerce_order")
        expect(page.locator("text=Tampilkan filter").first).to_be_visible()
        photograph(page, "orders-390")
        page.locator(".table_wrapper tbody tr td .link a").first.click()
        expect(page.locator("textarea[name=number]").first).not_to_be_empty()
        photograph(page, "form-390")


def test_a_form_opened_by_its_address_holds_its_values(browser: Browser, reading: Admin) -> None:
    """A link to a row that somebody sent shows the row; what cannot work here is not offered."""
    ((number, order_id, customer),) = stored(
        reading,
        "SELECT number, o.id, full_name FROM commerce_order o"
        " JOIN db_person p ON p.id = customer_id ORDER BY o.id LIMIT 1",
    )
    with logged_in(browser, reading) as first:
        page = first.context.new_page()
        page.goto(f"{reading.url}#/commerce_order/{order_id}/")
        expect(page.locator("textarea[name=number]").first).to_have_value(str(number))
        shown = page.locator("div.key_search", has=page.locator("input[name=customer_id]"))
        expect(shown.locator("input[type=text]")).to_have_value(str(customer))
        page.locator("a", has_text="admin").first.click()
        expect(page.locator("text=Log Out")).to_be_visible()
        expect(page.locator("text=MFA Setup")).to_be_hidden()
        expect(page.locator("text=Change Password")).to_be_hidden()


def test_orders_are_filtered_by_day(browser: Browser, reading: Admin) -> None:
    """Orders before a day, of one status: the page shows as many as there are."""
    ((day,),) = stored(reading, "SELECT min(order_date) FROM commerce_order")
    count = "SELECT count(*) FROM commerce_order WHERE order_date <= ? AND status = ?"
    ((expected,),) = stored(reading, count, f"{str(day)[:7]}-20", "Completed")
    assert expected
    with logged_in(browser, reading) as page:
        page.goto(f"{reading.url}#/commerce_order")
        page.click("[data-uitest=filter_button]")
        page.select_option("select[name=order_date__operator]", "lte")
        page.fill("input[name=order_date]", f"{str(day)[:7]}-20")
        page.select_option("select[name=status]", "Completed")
        page.click("[data-uitest=submit_filter_button]")
        expect(page.locator("#result_count")).to_contain_text(f"of {expected} result")
        photograph(page, "filter")


def test_every_table_opens(browser: Browser, reading: Admin) -> None:
    """The list of each of the 38 tables is drawn, and the name of each row leads to its form."""
    with logged_in(browser, reading) as page:
        for table in TABLES:
            name = table._meta.tablename
            with page.expect_response(re.compile(rf"/{name}/\?__readable")):
                page.goto(f"{reading.url}#/{name}")
            title = re.compile(f"^{name.replace('_', ' ')}$")
            expect(page.locator("h1", has_text=title)).to_be_visible()
            link = page.locator(".table_wrapper tbody tr td .link a").first
            expect(link).to_have_attribute("href", re.compile(f"^#/{name}/"))
            expect(link).not_to_be_empty()


def test_a_page_for_reading_offers_and_takes_no_edit(browser: Browser, reading: Admin) -> None:
    """There is no button to save; who sends the form anyway is told how to edit."""
    before = stored(reading, "SELECT * FROM db_tag")
    with logged_in(browser, reading) as page:
        page.goto(f"{reading.url}#/db_tag")
        expect(page.locator(".table_wrapper tbody tr").first).to_be_visible()
        expect(page.locator("text=Add Row")).to_be_hidden()
        page.locator(".table_wrapper tbody tr td .link a").first.click()
        page.fill("textarea[name=name]", "changed")
        expect(page.locator("[data-uitest=save_button]")).to_be_hidden()
        page.evaluate("document.querySelector('[data-uitest=save_button]').click()")
        expect(page.locator("div.errors")).to_contain_text("atlas admin --write")
        photograph(page, "refused")
    assert stored(reading, "SELECT * FROM db_tag") == before


def test_a_row_is_edited(browser: Browser, writing: Admin) -> None:
    """With --write a form is saved: what was edited is stored, and the rest of the row stays."""
    ((number, row_id),) = stored(
        writing, "SELECT number, id FROM commerce_order ORDER BY id DESC LIMIT 1"
    )
    query = "SELECT * FROM commerce_order WHERE id = ?"
    (before,) = stored(writing, query, str(row_id))
    with logged_in(browser, writing) as page:
        page.goto(f"{writing.url}#/commerce_order")
        page.get_by_role("link", name=str(number), exact=True).click()
        page.fill("textarea[name=note]", "Paid at the counter, twice “thanked”.")
        page.click("[data-uitest=save_button]")
        expect(page.locator("text=Successfully saved row")).to_be_visible()
        photograph(page, "edit")
        (after,) = stored(writing, query, str(row_id))
        changed = [new for old, new in zip(before, after, strict=True) if old != new]
        assert changed == ["Paid at the counter, twice “thanked”.", after[-1]]
        page.select_option("select[name=type]", "Product")
        page.fill("input[name=total_amount]", "450900.5")
        page.click("[data-uitest=save_button]")
        expect(page.locator("div.errors")).to_contain_text("is not a whole rupiah (G2)")
        photograph(page, "invalid")
    assert stored(writing, query, str(row_id)) == [after]


def test_one_join_row_is_deleted_and_added_again(browser: Browser, writing: Admin) -> None:
    """One tag of one person goes and comes back; everybody else keeps it."""
    query = "SELECT person_id, tag_id FROM db_person_tag ORDER BY 1, 2"
    before = stored(writing, query)
    with logged_in(browser, writing) as page:
        page.goto(f"{writing.url}#/db_person_tag")
        link = page.locator(".table_wrapper tbody tr td .link a").first
        href = link.get_attribute("href")
        assert href
        person, tag = href.strip("/").rpartition("/")[2].split("-")
        assert len([row for row in before if row[1] == tag]) > 1
        link.click()
        expect(page.locator("h1", has_text="Edit db person tag")).to_be_visible()
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("[data-uitest=drop_down_button]")
        page.locator("a", has_text="Delete").last.click()
        expect(page.locator("#result_count")).to_be_visible()
        assert stored(writing, query) == [row for row in before if row != (person, tag)]
        ((name,),) = stored(writing, "SELECT full_name FROM db_person WHERE id = ?", person)
        ((label,),) = stored(writing, "SELECT name FROM db_tag WHERE id = ?", tag)
        page.goto(f"{writing.url}#/db_person_tag/add/")
        for field, wanted in (("person_id", str(name)), ("tag_id", str(label))):
            search = page.locator("div.key_search", has=page.locator(f"input[name={field}]"))
            search.locator("input[type=text]").click()
            search.locator("input[type=search]").fill(wanted)
            search.locator("a", has_text=wanted).first.click()
        page.click("[data-uitest=create_button]")
        expect(page.locator("text=Successfully added row")).to_be_visible()
    assert len(stored(writing, query)) == len(before)
