"""``atlas.rules.audit`` and ``atlas audit``: one view, nothing written, flat memory, exit codes.

What each rule finds is in test_rules.py.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import threading
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from databases import rows, url_of
from piccolo.engine.base import Engine
from school import demo, load, reference

import atlas
import atlas.cli
from atlas import AtlasError, Order, Tag, create_client
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.rules import RULES, AuditProgress, audit

#: Each of the four Enrollment orders breaks O1 then, and the order of a lead M3, a warning.
NO_PARTICIPANTS = "UPDATE commerce_order SET participant_id = NULL WHERE type = 'Enrollment'"
LATE_AGENDA = "UPDATE marketing_agenda SET end_date = '2026-04-01' WHERE type = 'SchoolVisit'"


@pytest.fixture(scope="module")
def demo_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the demo. Copy it; do not write to it."""
    path = tmp_path_factory.mktemp("demo") / "atlas-ops.db"
    shutil.copyfile(migrated_file, path)

    async def seed() -> None:
        async with create_client(f"file:{path}"):
            await load([*reference(), *demo()])

    asyncio.run(seed())
    return path


@pytest.fixture
def file(demo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the demo, of the test's own, which the command finds by DATABASE_URL."""
    path = tmp_path / "demo.db"
    shutil.copyfile(demo_file, path)
    monkeypatch.setenv("DATABASE_URL", f"file:{path}")
    return path


def write(path: Path, *statements: str) -> None:
    """Run statements with the plain driver, and commit."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# --- from code ---------------------------------------------------------------


async def test_all_are_counted_and_some_are_held(file: Path) -> None:
    """A report holds as many rows of a rule as its limit, and counts the others."""
    write(file, NO_PARTICIPANTS, LATE_AGENDA)
    async with create_client(f"file:{file}") as db:
        reports = {limit: await audit(db, limit=limit) for limit in (0, 3, None)}
    for limit, report in reports.items():
        assert (report.errors, report.warnings) == (4, 2)
        assert [(each.rule, each.count) for each in report.findings] == [
            ("O1", 4),
            ("M2", 1),
            ("M3", 1),
        ]
        held = min(4, 4 if limit is None else limit)
        assert len(report.findings[0].violations) == held
    (first, *_) = reports[3].violations
    assert str(first) == (f"commerce_order {first.id}: Enrollment order without participant (O1)")


async def test_only_the_rules_and_tables_asked_for_are_looked_at(file: Path) -> None:
    """Rules and tables narrow an audit; a rule is asked of the tables that it is about."""
    write(file, NO_PARTICIPANTS, LATE_AGENDA)
    async with create_client(f"file:{file}") as db:
        of_rule = await audit(db, rules=["M2", "O1"])
        of_table = await audit(db, tables=[Order])
    assert [each.rule for each in of_rule.findings] == ["O1", "M2"]
    assert of_rule.rules == ("O1", "M2")
    assert of_rule.queries == 2
    assert [each.rule for each in of_table.findings] == ["O1"]
    assert "O1" in of_table.rules
    assert "M2" not in of_table.rules


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": ["O9"]}, "no rule O9; there are: G1, G2"),
        ({"rules": ["T4"]}, "No database can be audited for T4: it binds reports"),
        ({"limit": -1}, "limit is -1"),
        ({"rules": ["O1", "M2"], "tables": [Order]}, "M2 says nothing of commerce_order: it is"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    file: Path, options: dict[str, Any], message: str
) -> None:
    """A rule that does not exist, or that no row can break, is an error and not a clean report."""
    async with create_client(f"file:{file}") as db:
        with pytest.raises(AtlasError, match=message):
            await audit(db, **options)


async def test_missing_table_is_an_error(tmp_path: Path) -> None:
    """A database without the tables is not taken for one without violations."""
    async with create_client(f"file:{tmp_path / 'empty.db'}") as db:
        with pytest.raises(AtlasError, match=r"has no table core_entity\. Make the tables"):
            await audit(db)


async def test_audit_is_one_view(engine: Engine[Any]) -> None:
    """What others commit while an audit runs is not in it; the next one sees it."""
    await load([*reference(), *demo()])
    url = url_of(engine)
    is_written = False

    def corrupt(progress: AuditProgress) -> None:
        nonlocal is_written
        if not is_written:
            is_written = True
            # A loop runs here already; the plain driver of PostgreSQL needs one of its own.
            thread = threading.Thread(target=lambda: asyncio.run(_commit(url, NO_PARTICIPANTS)))
            thread.start()
            thread.join()

    assert (await audit(on_progress=corrupt)).findings == []
    assert await rows(url, "SELECT COUNT(*) FROM commerce_order WHERE participant_id IS NULL") == [
        (6,)
    ]
    assert (await audit()).errors == 4


async def _commit(url: str, statement: str) -> None:
    if url.startswith("file:"):
        write(Path(url.removeprefix("file:")), statement)
        return
    import asyncpg

    connection = await asyncpg.connect(dsn=url)
    await connection.execute(statement)
    await connection.close()


async def test_a_transaction_is_looked_at_before_it_commits(engine: Engine[Any]) -> None:
    """Inside a transaction an audit sees what that has written, and leaves it usable."""
    await load([*reference(), *demo()])
    async with engine.transaction() as transaction:
        await Order.raw(NO_PARTICIPANTS)
        assert (await audit(rules=["O1"])).errors == 4
        await transaction.rollback()
    assert (await audit()).findings == []


async def test_the_given_client_is_asked(file: Path, demo_file: Path) -> None:
    """With several clients open, an audit is of the one it is given."""
    write(file, NO_PARTICIPANTS)
    async with (
        create_client(f"file:{file}") as corrupt,
        create_client(f"file:{demo_file}?") as clean,
    ):
        assert (await audit(corrupt)).errors == 4
        assert (await audit(clean)).errors == 0


async def test_nothing_is_written(file: Path) -> None:
    """An audit leaves every row, and the file's schema, as they were."""
    write(file, NO_PARTICIPANTS)
    with closing(sqlite3.connect(file)) as connection:
        before = list(connection.iterdump())
    async with create_client(f"file:{file}") as db:
        await audit(db)
    with closing(sqlite3.connect(file)) as connection:
        assert list(connection.iterdump()) == before


async def test_progress_counts_up_to_the_end(file: Path) -> None:
    """Each query is announced with its table and rules, and the end is too."""
    steps: list[AuditProgress] = []
    async with create_client(f"file:{file}") as db:
        report = await audit(db, on_progress=steps.append)
    assert [step.done for step in steps] == list(range(report.queries + 1))
    assert {step.total for step in steps} == {report.queries}
    assert all(step.table and step.rules for step in steps[:-1])
    assert {rule for step in steps for rule in step.rules} == {
        rule.id for rule in RULES.values() if rule.is_audited
    }


async def test_an_audit_that_is_stopped_leaves_nothing_behind(file: Path) -> None:
    """After an error in the middle, or a cancel, nothing is in use and the next query runs."""
    async with create_client(f"file:{file}") as db:

        def fail(progress: AuditProgress) -> None:
            if progress.done == 5:
                raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            await audit(db, on_progress=fail)

        reached = asyncio.Event()

        def note(progress: AuditProgress) -> None:
            if progress.done == 5:
                reached.set()

        task = asyncio.create_task(audit(db, on_progress=note))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert (await audit(db)).findings == []
        stats = db.stats()
        assert (stats.readers_in_use, stats.writer_in_use, stats.waiting) == (0, False, 0)


async def test_memory_does_not_grow_with_the_violations(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty thousand violations are counted in the memory of a few hundred."""
    write(
        Path(sqlite_engine.path),
        "INSERT INTO db_tag (id, code, name, updated_at)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
        " SELECT printf('01JZ%022d', i), printf('tag-%d', i), 'Tag', '2000-01-01 00:00:00+00:00'"
        " FROM n",
    )
    await audit(tables=[Tag])  # what is made once is made now
    tracemalloc.start()
    report = await audit(tables=[Tag], limit=5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.warnings, len(report.violations)) == (50_000, 5)
    assert peak < 4_000_000


async def test_corrupt_values_do_not_stop_an_audit(file: Path) -> None:
    """A value that another tool stored and nobody can read is passed by, or named."""
    write(
        file,
        "UPDATE commerce_order SET order_date = 'yesterday' WHERE number = 'SO-0006'",
        "UPDATE commerce_order SET total_amount = 'much' WHERE number = 'SO-0005'",
        "UPDATE commerce_order_line SET quantity = 'some' WHERE unit_price = 650000",
        "UPDATE db_tag SET updated_at = 'never', is_active = 'perhaps'",
    )
    async with create_client(f"file:{file}") as db:
        report = await audit(db)
    named = [each.rule for each in report.violations if "much" in each.sentence]
    assert named == ["G2", "O4", "F3"]


# --- from the command line ---------------------------------------------------


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | int | None:
    """Run ``atlas audit`` with these arguments; return what it exits with."""
    monkeypatch.setattr(sys, "argv", ["atlas", "audit", *arguments])
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as caught:
        atlas.cli.main()
    return caught.value.code


def test_clean_database_exits_with_0(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo breaks no rule, and the command says how many it asked for."""
    assert run(monkeypatch) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("No violation: 35 rules asked.\nDatabase: /")
    assert printed.err == ""


def test_violations_exit_with_1(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows are listed with rule, table, id and sentence, up to the limit; all are counted."""
    write(file, NO_PARTICIPANTS)
    with closing(sqlite3.connect(file)) as connection:
        ids = [
            id
            for (id,) in connection.execute(
                "SELECT id FROM commerce_order WHERE type = 'Enrollment' ORDER BY id"
            )
        ]
    assert run(monkeypatch, "--limit", "3") == 1
    printed = capsys.readouterr().out
    assert [id in printed for id in ids] == [True, True, True, False]
    assert "Enrollment order without participant" in printed
    assert "commerce_order" in printed
    assert "… and 1 more" in printed
    assert "4 violations, 1 warning: 4 of O1, 1 of M3 (warning). 35 rules asked." in printed


def test_warnings_fail_only_when_strict(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning is listed as one, and exits with 1 only with --strict."""
    write(file, LATE_AGENDA)
    assert run(monkeypatch) == 0
    assert "(warning) it is not inside the dates of its campaign PSB-2026" in (
        capsys.readouterr().out
    )
    assert run(monkeypatch, "--strict") == 1


def test_json_has_what_the_table_has(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json is one document: the database, the counts, and the rows with their sentences."""
    write(file, NO_PARTICIPANTS, LATE_AGENDA)
    assert run(monkeypatch, "--json", "--limit", "1") == 1
    content = json.loads(capsys.readouterr().out)
    assert content["database"] == str(file)
    assert (content["violations"], content["warnings"]) == (4, 2)
    assert len(content["rules"]) == 35
    assert content["counts"] == [
        {"rule": "O1", "severity": "error", "count": 4},
        {"rule": "M2", "severity": "warning", "count": 1},
        {"rule": "M3", "severity": "warning", "count": 1},
    ]
    row = content["rows"][0]
    assert row == {
        "rule": "O1",
        "severity": "error",
        "table": "commerce_order",
        "id": row["id"],
        "column": "participant_id",
        "sentence": "Enrollment order without participant",
        "text": f"commerce_order {row['id']}: Enrollment order without participant (O1)",
    }


def test_rows_of_join_tables_have_both_ids(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The id of a join table's row is a list of two, and is readable in the table."""
    write(file, "UPDATE marketing_campaign_channel SET spend_amount = -1")
    assert run(monkeypatch, "--json") == 1
    content = json.loads(capsys.readouterr().out)
    assert [len(row["id"]) for row in content["rows"]] == [2, 2, 2]
    assert run(monkeypatch) == 1
    printed = capsys.readouterr().out
    assert all(id in printed for row in content["rows"] for id in row["id"])


def test_rules_and_tables_can_be_chosen(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--rule and --table narrow the audit, and may be repeated."""
    write(file, NO_PARTICIPANTS, LATE_AGENDA)
    assert run(monkeypatch, "--rule", "m2", "--rule", "C1") == 0
    assert "1 of M2 (warning). 2 rules asked." in capsys.readouterr().out
    assert run(monkeypatch, "--table", "commerce_order") == 1
    assert "4 of O1." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "O9"], "no rule O9"),
        (["--rule", "T4"], "binds reports"),
        (["--table", "orders"], "no table orders"),
        (["--limit", "-1"], "limit"),
    ],
)
def test_wrong_arguments_exit_with_2(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    """What cannot be asked is said, and is not a clean bill."""
    assert run(monkeypatch, *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:{}/missing.db", "there is no such file. Make it with: atlas migrate"),
        ("file:{}/empty.db", "has no table core_entity"),
        ("file:{}/text.db", "is not an SQLite database"),
        ("mysql://user:secret@host/db", "is not a database URL"),
        ("postgresql://user:secret@127.0.0.1:1/db", "127.0.0.1"),
    ],
)
def test_database_that_cannot_be_looked_at_exits_with_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    message: str,
) -> None:
    """What is wrong is one line on stderr, without a password, and no file is made."""
    (tmp_path / "text.db").write_text("no database")
    (tmp_path / "empty.db").touch()
    monkeypatch.setenv("DATABASE_URL", url.format(tmp_path))
    assert run(monkeypatch) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("atlas: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert "secret" not in printed.err
    assert printed.out == ""
    assert not (tmp_path / "missing.db").exists()


def test_bug_is_not_hidden(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error that is nobody's setting keeps its traceback, and is no violation found."""
    monkeypatch.setattr(atlas.rules, "audit", lambda *_, **__: {}["bug"])
    assert run(monkeypatch) == 2
    assert "KeyError: 'bug'" in capsys.readouterr().err


def test_list_says_what_cannot_be_audited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--list has every rule, and the reason where no database can be audited; it opens none."""
    assert run(monkeypatch, "--list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [rule["rule"] for rule in listed] == list(RULES)
    for rule in listed:
        assert rule["text"] == RULES[rule["rule"]].text
        assert rule["not_audited"] == RULES[rule["rule"]].not_audited
        assert rule["checks"] == len(RULES[rule["rule"]].checks)
    assert run(monkeypatch, "--list") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "T4" in printed
    assert "What no database can be audited for" in printed
