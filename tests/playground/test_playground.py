"""The playground: this schema to try queries on, and nothing of the user's touched."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from databases import postgres_copy, rows
from piccolo.columns import ForeignKey
from school import demo, reference
from school import load as load_rows
from terminal import BIN, PROMPT, Terminal, environment

from atlas import TABLES, Agenda, AtlasError, Order, Person, PersonTag, Tag, create_client
from atlas.playground import database, display, run_stock_command, shell
from atlas.playground.banner import QUERIES, READ_ONLY, banner
from atlas.table import Table


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder as the user left it: with a piccolo.sqlite that has a table of the stock bands."""
    home = tmp_path / "home"
    home.mkdir()
    with closing(sqlite3.connect(home / "piccolo.sqlite")) as connection:
        connection.execute("CREATE TABLE manager (mine)")
        connection.execute("CREATE TABLE commerce_order (mine)")
    return home


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the commands of a test make their temporary folders."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Return what each file below a folder holds, and when it was written last."""
    return {
        str(file.relative_to(folder)): (
            hashlib.sha256(file.read_bytes()).hexdigest(),
            file.stat().st_mtime_ns,
        )
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(params=["atlas playground", "piccolo playground run"])
def command(request: pytest.FixtureRequest, home: Path) -> str:
    """Both ways to start it: anywhere, and in a project."""
    if request.param.startswith("piccolo"):
        shutil.copy(ROOT / "piccolo_conf.py", home)
    return str(request.param)


# --- the throwaway database -------------------------------------------------


def test_it_opens_this_schema_and_touches_nothing(
    command: str, home: Path, temporary: Path
) -> None:
    """All tables and the client are in scope, each query of the banner runs, and all is gone."""
    before = state(home)
    terminal = Terminal(command, home, TMPDIR=str(temporary), PYTHONDONTWRITEBYTECODE="1")
    said = terminal.read_to(PROMPT)
    assert "A throwaway database with demo rows" in said
    for query in QUERIES.values():
        assert f"  {query}\n" in said
        shown = terminal.run(query)
        assert "Error" not in shown
        assert "Out[" in shown or query.startswith(("chart", "save"))
    assert (home / "persons.csv").read_text().startswith("full_name")
    (home / "persons.csv").unlink()
    names = [table.__name__ for table in TABLES]
    assert "38" in terminal.run(f"len([{', '.join(names)}])")
    assert "True" in terminal.run("db.is_open and db.commerce.Order is Order")
    note = "await Order.select(Order.note).where(Order.number == 'CKB-SO-000001')"
    assert "new" in terminal.run(note)
    assert "300" in terminal.run("Order.count().run_sync()")
    (folder,) = temporary.iterdir()
    assert (folder / "playground.db").exists()

    assert terminal.leave()[1] == 0
    assert list(temporary.iterdir()) == []
    assert state(home) == before


@pytest.mark.parametrize("ending", ["Ctrl-D", "SIGHUP", "SIGTERM", "SIGTERM in a cell"])
def test_the_folder_is_removed_however_it_ends(home: Path, temporary: Path, ending: str) -> None:
    """Ctrl-C stops a query and not the shell; leaving, a closed terminal and a kill remove all."""
    before = state(home)
    terminal = Terminal("atlas playground", home, TMPDIR=str(temporary))
    terminal.read_to(PROMPT)
    assert len(list(temporary.iterdir())) == 1
    terminal.process.sendline("import asyncio; print('go'); await asyncio.sleep(60)")
    terminal.read_to("go\r\n")
    if ending == "SIGTERM in a cell":
        terminal.process.kill(signal.SIGTERM)
    else:
        terminal.process.sendintr()
        assert "Interrupted." in terminal.read_to(PROMPT)
        assert "300" in terminal.run("await Order.count()")
        if ending == "Ctrl-D":
            terminal.press_until_it_ends("\x04")
        else:
            terminal.process.kill(getattr(signal, ending))
    terminal.wait()
    assert list(temporary.iterdir()) == []
    assert state(home) == before


def test_a_cancelled_query_leaves_the_client_usable(home: Path, temporary: Path) -> None:
    """Ctrl-C interrupts a statement that would take for ever, and the next one runs."""
    terminal = Terminal("atlas playground", home, TMPDIR=str(temporary))
    terminal.read_to(PROMPT)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    terminal.process.sendline(f"print('go'); await Order.raw('{endless}')")
    terminal.read_to("go\r\n")
    time.sleep(0.2)  # until SQLite is at it
    terminal.process.sendintr()
    terminal.read_to(PROMPT)
    assert "300" in terminal.run("await Order.count()")
    assert "writer_in_use=False" in terminal.run("db.stats()")
    assert terminal.leave()[1] == 0


def test_an_error_is_one_line(home: Path, temporary: Path) -> None:
    """What Atlas refuses is said without the path through its modules; a bug keeps it."""
    terminal = Terminal("atlas playground", home, TMPDIR=str(temporary))
    terminal.read_to(PROMPT)
    shown = terminal.run("await Order.update({Order.total_amount: 'x'}, force=True)")
    assert "InvalidValueError: commerce_order.total_amount: 'x' (str) is not a number" in shown
    assert "Cell In" not in shown
    assert "Cell In" in terminal.run("1 / 0")
    assert terminal.leave()[1] == 0


def test_a_question_mark_shows_columns(home: Path, temporary: Path) -> None:
    """``Order?`` is the columns of an order; of anything else it is what IPython shows."""
    terminal = Terminal("atlas playground", home, TMPDIR=str(temporary))
    terminal.read_to(PROMPT)
    shown = terminal.run("Order?")
    assert "Order, commerce_order" in shown
    assert "total_amount" in shown
    assert "Init signature" not in shown
    assert "Docstring" in terminal.run("Order.number?")
    assert terminal.leave()[1] == 0


def test_an_own_ipython_profile_is_taken_on_request(home: Path, temporary: Path) -> None:
    """--ipython-profile runs the user's start-up files; without it nobody looks at them."""
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "mine.py").write_text("mine = 'from my profile'")
    for options, shown in (("", "NameError"), (" --ipython-profile", "from my profile")):
        terminal = Terminal(f"atlas playground{options}", home, TMPDIR=str(temporary))
        terminal.read_to(PROMPT)
        assert shown in terminal.run("mine")
        assert terminal.leave()[1] == 0


def test_without_ipython_it_says_what_to_install(
    home: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line names the command, both ways; no folder is made."""
    monkeypatch.setitem(sys.modules, "IPython", None)
    monkeypatch.setenv("TMPDIR", str(temporary))
    with pytest.raises(AtlasError, match=r"pip install '\.\[explore\]'"):
        shell.run()
    with pytest.raises(SystemExit, match=r"pip install '\.\[explore\]'"):
        run_stock_command("sqlite", ipython_profile=False)
    assert list(temporary.iterdir()) == []


def test_the_stock_command_does_not_touch_a_server(home: Path) -> None:
    """``--engine=postgres`` would fill a database of somebody's; it names the other way."""
    shutil.copy(ROOT / "piccolo_conf.py", home)
    result = subprocess.run(
        [BIN / "piccolo", "playground", "run", "--engine=postgres"],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "atlas playground --database postgresql://" in result.stderr


async def test_the_throwaway_database_has_all_tables_filled(tmp_path: Path) -> None:
    """The reference rows and the demo are in it, all 38 tables with something to see."""
    client = database.throwaway(tmp_path)
    async with client:
        await database.fill(client)
        counts = {table.__name__: await table.count() for table in TABLES}
        keys = await Order.raw("PRAGMA foreign_key_check")
    assert len(counts) == 38
    assert 0 not in counts.values(), counts
    assert counts["Order"] == 300
    assert keys == []


# --- a database to look at --------------------------------------------------


@pytest.fixture
def seeded(migrated_file: Path, home: Path) -> Path:
    """A database of the user's, with the demo."""
    path = home / "atlas-ops.db"
    shutil.copy(migrated_file, path)

    async def load() -> None:
        async with create_client(f"file:{path}"):
            await load_rows([*reference(), *demo()])

    asyncio.run(load())
    return path


def test_a_real_file_is_only_read(seeded: Path, home: Path, temporary: Path) -> None:
    """--database shows it; each way to write is refused with its reason, and the file stays."""
    before = state(home)
    terminal = Terminal("atlas playground --database atlas-ops.db", home, TMPDIR=str(temporary))
    said = terminal.read_to(PROMPT)
    assert f"{seeded}, for reading only." in said
    assert QUERIES["a change"] not in said
    for title in READ_ONLY:
        shown = terminal.run(QUERIES[title])
        assert "Error" not in shown, shown
    (home / "persons.csv").unlink()
    for write in (
        QUERIES["a change"],
        "await Order.delete(force=True)",
        "Order.delete(force=True).run_sync()",
        "await Order.raw('PRAGMA query_only = 0')",
        "await Order.raw(\"ATTACH 'new.db' AS new\")",
    ):
        assert "ReadOnlyError: " in terminal.run(write)
    assert terminal.leave()[1] == 0
    assert state(home) == before
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("given", ["a.db", "./a.db", "{}/a.db", "file:a.db", "sqlite:///{}/a.db"])
def test_a_database_is_given_by_path_or_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """Whichever form it has, the client is of that file, and only reads."""
    monkeypatch.chdir(tmp_path)
    engine = database.to_look_at(given.format(tmp_path)).engine
    assert engine.path == str(tmp_path / "a.db")
    assert engine.options.read_only


async def test_a_server_is_only_read(
    postgres_url: str, migrated_postgres: str, home: Path, temporary: Path
) -> None:
    """A PostgreSQL database can be looked at as well, and says no to a write."""
    url = await postgres_copy(postgres_url, migrated_postgres)
    terminal = Terminal(f"atlas playground --database {url}", home, TMPDIR=str(temporary))
    terminal.read_to(PROMPT)
    assert "0" in terminal.run("await Tag.count()")
    shown = terminal.run("await Tag(code='vip', name='VIP').save()")
    assert "cannot execute INSERT in a read-only transaction" in shown
    assert "Cell In" not in shown
    assert terminal.leave()[1] == 0
    assert await rows(url, "SELECT count(*) FROM db_tag") == [(0,)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("missing.db", "missing.db: cannot be opened: there is no such file"),
        ("folder/missing.db", "folder does not exist"),
        ("text.db", "is not an SQLite database"),
        ("mysql://user:secret@host/db", "is not a database URL"),
        ("postgresql://user:secret@127.0.0.1:1/db", "cannot be reached"),
    ],
)
def test_a_database_that_is_not_there_is_said(
    home: Path, temporary: Path, given: str, message: str
) -> None:
    """One line, no traceback, no password, and no file made."""
    (home / "text.db").write_text("no database, but long enough to be taken for one")
    before = state(home)
    result = subprocess.run(
        [BIN / "atlas", "playground", "--database", given],
        cwd=home,
        env=environment(home, TMPDIR=str(temporary)),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "secret" not in result.stderr
    assert state(home) == before
    assert list(temporary.iterdir()) == []


# --- the banner -------------------------------------------------------------


def test_the_banner_fits_a_screen(tmp_path: Path) -> None:
    """It is shorter than a terminal of 40 lines, and no query is wider than 100 columns."""
    client = database.throwaway(tmp_path)
    for throwaway in (True, False):
        lines = banner(client, throwaway).splitlines()
        assert len(lines) <= 24
    assert max(map(len, QUERIES.values())) <= 100
    assert set(READ_ONLY) < set(QUERIES)


# --- what is shown ----------------------------------------------------------


def shown(result: Any, width: int = 80) -> list[str]:
    """Return the lines of a result, without colours and blanks at their ends."""
    text = display.text(result, width, colour=False)
    assert text is not None
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_columns_of_a_table_are_named(table: type[Table]) -> None:
    """Each column has its name, its type, and the table it refers to or its choices."""
    lines = display.columns(table, 160, colour=False).splitlines()
    by_name = {line.split()[0]: line for line in lines if line.strip()}
    for column in table._meta.columns:
        line = by_name[column._meta.name]
        assert type(column).__name__ in line
        if column._meta.choices is not None:
            assert next(iter(column._meta.choices)).value in line
        if isinstance(column, ForeignKey):
            assert column._foreign_key_meta.resolved_references.__name__ in line


def test_rows_are_a_table() -> None:
    """Dicts are lines of a table: numbers to the right, nothing as a dash, text as it is."""
    assert shown(
        [
            {"name": "Ana [bold]", "amount": 2_615_000.0, "day": datetime.date(2026, 1, 5)},
            {"name": "Budi\t\x1b[31m", "amount": 0.5, "day": None},
        ]
    ) == [
        "name                amount   day",
        "───────────────────────────────────────",
        "Ana [bold]       2,615,000   2026-01-05",
        "Budi\\t\\x1b[31m         0.5   –",
    ]


def test_wide_rows_stand_beside_each_other() -> None:
    """What does not fit from left to right is shown from top to bottom, as many as fit."""
    row = {f"column_{n}": "x" * 20 for n in range(9)}
    lines = shown([row] * 9, width=100)
    assert lines[0].split() == ["[0]", "[1]"]
    assert lines[2].split() == ["column_0", "x" * 20, "x" * 20]
    assert lines[-1] == "2 of 9 rows; the others with: _[2:]"
    assert max(map(len, lines)) <= 100


def test_many_rows_are_cut() -> None:
    """Of a long result the beginning is shown, and how to see the rest."""
    lines = shown([{"n": n} for n in range(1000)])
    assert len(lines) == 2 + 40 + 1
    assert lines[-1] == "40 of 1000 rows; the others with: _[40:]"


@pytest.fixture
def people() -> tuple[Person, PersonTag]:
    """A person, and a row that refers to it as an object and to a tag by its id."""
    person = Person(full_name="Ana")
    tag = Tag(code="vip", name="VIP")
    return person, PersonTag(person_id=person, tag_id=tag.id)


def test_objects_are_shown_with_what_they_refer_to(people: tuple[Person, PersonTag]) -> None:
    """An object is its columns; a prefetched reference is called what its class calls it."""
    person, row = people
    lines = shown(row)
    assert lines[0] == "PersonTag"
    assert "person_id    Person Ana" in lines
    assert f"tag_id       {row.tag_id}" in lines
    assert shown([row, row])[0].split()[:2] == ["person_id", "tag_id"]
    assert shown(person)[0] == "Person"


def test_every_table_has_a_name_for_its_rows() -> None:
    """Whatever a reference points to can be shown, join tables and unnamed rows included."""
    for table in TABLES:
        row = table(_ignore_missing=True)
        assert display._name(row)


def test_a_query_that_was_not_awaited_says_so() -> None:
    """Its SQL is shown, and what is missing."""
    lines = shown(Agenda.count())
    assert lines[0].startswith("SELECT ALL COUNT(*)")
    assert lines[-1] == "Not run yet; to run it: await …"


@pytest.mark.parametrize("result", [[], {}, [1, 2], [{}], [{1: 2}], ["a"], {1: 2}, [{"a": 1}, 2]])
def test_what_is_no_row_is_shown_as_python_does(result: Any) -> None:
    """Anything else keeps its repr."""
    assert display.text(result, 80, colour=False) is None


def test_nested_values_are_readable() -> None:
    """Lists of a many-to-many relation, dicts and instants take one cell each."""
    instant = datetime.datetime(2026, 1, 5, 7, 0, 0, 123456, tzinfo=datetime.UTC)
    row = {"tags": ["a", "b"], "unit": {"code": "BDG", "none": None}, "at": instant, "ok": True}
    (line,) = shown([row])[2:]
    assert line.split("   ") == ["a, b", "code: BDG, none: –", "2026-01-05 07:00:00", "True"]
