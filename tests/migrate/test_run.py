"""Runs of migrations, by ``atlas migrate`` and ``piccolo migrations``: all or nothing, and once.

Each command is a process of its own, in a project of the test's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from doubles import LockHolder, leftovers, rows
from piccolo.engine.exceptions import TransactionError
from process_project import Project, drop_table, finished, sql, sql_backwards, table

import atlas
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.migrate.report import AppPlan, RunReport, Step
from atlas.migrate.run import Wanted
from atlas.migrate.run import run as migrate

#: Both ways to run all migrations.
FORWARDS = [("atlas", "migrate"), ("piccolo", "migrations", "forwards", "all")]
BACKWARDS = [
    ("atlas", "migrate", "--backwards", "--to", "all", "--yes"),
    ("piccolo", "migrations", "backwards", "all", "--auto_agree"),
]
BOTH = ["atlas", "piccolo"]


def on_both(commands: list[tuple[str, ...]]) -> pytest.MarkDecorator:
    """Run a test with each command, ``atlas`` on SQLite and ``piccolo`` on PostgreSQL."""
    pairs = list(zip(("sqlite", "postgres"), commands, strict=True))
    return pytest.mark.parametrize(("empty", "command"), pairs, indirect=["empty"], ids=BOTH)


@pytest.fixture
def project(empty: Database, tmp_path: Path) -> Project:
    """A project of two apps, three migrations with rows, and a database without tables."""
    return school(tmp_path, empty)


@pytest.fixture
def file_project(tmp_path: Path) -> Project:
    """The same on a file that does not exist yet."""
    return school(tmp_path, Database(f"file:{tmp_path / 'school.db'}"))


def school(folder: Path, database: Database) -> Project:
    made = Project(folder, database)
    made.add_app("people", depends_on="places")  # so it comes second, whatever the alphabet says
    made.add_app("places")
    made.add_migration("places", "m1", table("place"), description="Places")
    made.add_migration("places", "m2", sql("INSERT INTO place (id, name) VALUES ('p', 'Paris')"))
    made.add_migration("people", "m1", table("person", references="place"))
    return made


ALL = [("places", "m1"), ("places", "m2"), ("people", "m1")]


def state(project: Project) -> tuple[Any, Any]:
    """Return every row and what the schema is, to be compared."""
    database = project.database
    if database.file and not Path(database.file).exists():
        return None, None
    schema = (
        database.rows("SELECT name, sql FROM sqlite_master ORDER BY name")
        if database.file
        else database.rows(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, 2"
        )
    )
    return database.all_rows(), schema


def run(project: Project, command: tuple[str, ...], *more: str, **variables: str) -> Any:
    return finished(project.start(*command, *more, **variables))


# --- forwards


@on_both(FORWARDS)
def test_all_migrations_are_applied_once(project: Project, command: tuple[str, ...]) -> None:
    """The first run applies them in the order of the apps; the second has nothing to do."""
    first = run(project, command)
    assert (first.returncode, first.stderr) == (0, "")
    assert project.applied() == ALL
    before = state(project)
    second = run(project, command)
    assert (second.returncode, second.stderr) == (0, "")
    assert "Nothing to do" in second.stdout or "No migrations need to be run" in second.stdout
    assert state(project) == before
    assert project.database.rows("SELECT * FROM place") == [("p", "Paris")]
    if project.database.file:
        assert leftovers(project.database.file) == []


def test_atlas_shows_what_it_applied(file_project: Project) -> None:
    """``atlas migrate`` ends with a table of the migrations and how long each took."""
    output = file_project.atlas("migrate").stdout
    assert re.search(r"places +│ m1 +│ Places +│ +\d+ │", output), output
    assert re.search(r"people +│ m1 +│ +│ +\d+ │", output), output


def test_log_has_the_hash_of_each_file(project: Project) -> None:
    """The row of a migration says which text was applied."""
    assert project.atlas("migrate").returncode == 0
    path = project.folder / "places" / "piccolo_migrations" / "places_m1.py"
    query = "SELECT file_sha256 FROM migration WHERE app_name = 'places' AND name = 'm1'"
    assert project.database.rows(query) == [(hashlib.sha256(path.read_bytes()).hexdigest(),)]


@pytest.mark.parametrize(
    ("arguments", "applied"),
    [
        (("atlas", "migrate", "places"), ALL[:2]),
        (("atlas", "migrate", "places", "--to", "m1"), ALL[:1]),
        (("atlas", "migrate", "places", "--to", "1"), ALL[:1]),
        (("piccolo", "migrations", "forwards", "places"), ALL[:2]),
        (("piccolo", "migrations", "forwards", "places", "m1"), ALL[:1]),
        (("piccolo", "migrations", "forwards", "places", "1"), ALL[:1]),
    ],
)
def test_part_of_the_migrations_can_be_applied(
    file_project: Project, arguments: tuple[str, ...], applied: list[tuple[str, str]]
) -> None:
    """An app can be named, and the last one of its migrations; a second time changes nothing."""
    assert run(file_project, arguments).returncode == 0
    assert file_project.applied() == applied
    if "1" not in arguments:
        assert run(file_project, arguments).returncode == 0
        assert file_project.applied() == applied


@on_both(FORWARDS)
def test_failure_leaves_everything_as_before(project: Project, command: tuple[str, ...]) -> None:
    """When the last of several migrations fails nothing of the run stays, and stderr says why.

    The app, the migration, the error and the line are named, on stderr alone.
    When the migration is mended, the next run completes.
    """
    assert run(project, command).returncode == 0
    before = state(project)
    project.add_migration("places", "m3", sql("UPDATE place SET name = 'Rome'"), table("late"))
    bad = sql("INSERT INTO person (id) VALUES ('a')", "INSERT INTO nowhere VALUES (1)")
    project.add_migration("people", "m2", table("early"), bad)
    result = run(project, command)
    assert result.returncode == 1
    assert re.search(r"people m2: \w+: .*nowhere.*\(people_m2\.py, line \d+\)", result.stderr)
    assert "The whole run was rolled back" in result.stderr
    assert "nowhere" not in result.stdout
    assert "Traceback" not in result.stderr
    assert state(project) == before
    project.add_migration("people", "m2", table("early"))
    assert run(project, command).returncode == 0
    assert project.applied()[3:] == [("places", "m3"), ("people", "m2")]
    assert project.database.rows("SELECT name FROM place") == [("Rome",)]


def test_failure_in_the_first_run_leaves_no_table(project: Project) -> None:
    """Not even the log is made by a run that fails."""
    project.add_migration("people", "m2", "raise ValueError('on purpose')")
    result = project.atlas("migrate")
    assert result.returncode == 1
    assert "people m2: ValueError: on purpose (people_m2.py, line" in result.stderr
    assert project.database.table_names() == set()


def test_broken_reference_names_the_run(file_project: Project) -> None:
    """What only the end of the run shows is said with the migrations of the run."""
    bad = sql("INSERT INTO person (id, parent_id) VALUES ('a', 'missing')")
    file_project.add_migration("people", "m2", bad)
    result = file_project.atlas("migrate")
    assert result.returncode == 1
    assert "places m1, places m2, people m1, people m2: The" in result.stderr
    assert "person: 1 row" in result.stderr
    assert file_project.applied() == []


def test_trace_shows_where(file_project: Project) -> None:
    """``piccolo --trace`` prints the traceback as well."""
    file_project.add_migration("people", "m2", "raise ValueError('on purpose')")
    result = file_project.piccolo("migrations", "forwards", "all", "--trace")
    assert "Traceback" in result.stderr
    assert "people m2: ValueError: on purpose" in result.stderr


def test_each_kind_of_data_step_is_waited_for(file_project: Project) -> None:
    """What a lambda returns is waited for, where Piccolo forgets it; plain functions run too."""
    steps = """
async def insert(id):
    await run(f"INSERT INTO place (id) VALUES ('{id}')")
def plain():
    from piccolo.querystring import QueryString
    from piccolo.utils.sync import run_sync
    run_sync(insert("plain"))
from functools import partial
manager.add_raw(lambda: insert("lambda"))
manager.add_raw(partial(insert, "partial"))
manager.add_raw(plain)
"""
    file_project.add_migration("places", "m3", steps)
    assert file_project.atlas("migrate").returncode == 0
    found = file_project.database.rows("SELECT id FROM place ORDER BY id")
    assert found == [("lambda",), ("p",), ("partial",), ("plain",)]


def test_migration_cannot_leave_the_transaction(file_project: Project) -> None:
    """``wrap_in_transaction = False`` has no effect, and what needs it fails and says so."""
    unwrapped = "manager.wrap_in_transaction = False"
    file_project.add_migration("people", "m2", unwrapped, sql("VACUUM"))
    result = file_project.atlas("migrate")
    assert result.returncode == 1
    assert "cannot VACUUM" in result.stderr
    assert "whatever wrap_in_transaction says" in result.stderr
    assert file_project.applied() == []


@pytest.mark.parametrize("statement", ["COMMIT", "/* now */ end"])
def test_step_cannot_end_the_run(project: Project, statement: str) -> None:
    """A data step that would commit half of the run, or begin again, is refused."""
    project.add_migration("people", "m2", sql("INSERT INTO person (id) VALUES ('a')", statement))
    result = project.atlas("migrate")
    assert result.returncode == 1
    assert "people m2: TransactionError" in result.stderr
    assert project.database.table_names() == set()


def test_what_cannot_be_run_is_said(file_project: Project) -> None:
    """Unknown apps and ids and broken files are one line on stderr, before anything is done."""
    for arguments, said in (
        (("nowhere",), "no app 'nowhere'; the apps are places, people"),
        (("places", "--to", "m9"), "places has no migration 'm9' to apply; there is m1, m2"),
        (("--to", "m1"), "name that app"),
        (("places", "--backwards", "--to", "m9", "--yes"), "no migration 'm9' to take back"),
    ):
        result = file_project.atlas("migrate", *arguments)
        assert result.returncode == 2
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
    file_project.add_migration("people", "m2", "(")
    result = file_project.atlas("migrate")
    assert "people_m2.py cannot be imported: SyntaxError" in result.stderr
    assert state(file_project) == (None, None)
    file_project.add_migration("people", "m2")
    other = file_project.add_migration("people", "m3")
    other.write_text(other.read_text().replace("'m3'", "'m2'"))
    assert "both have the ID m2" in file_project.atlas("migrate").stderr


# --- fake


@on_both(
    [
        ("atlas", "migrate", "--fake", "--yes"),
        ("piccolo", "migrations", "forwards", "places", "1", "--fake"),
    ]
)
def test_fake_only_writes_the_log(project: Project, command: tuple[str, ...]) -> None:
    """Faked migrations count as applied, and none of their code is run."""
    result = run(project, command)
    assert result.returncode == 0
    assert "fake" in result.stdout
    assert project.applied() == (ALL if command[0] == "atlas" else ALL[:1])
    assert project.database.table_names() == {"migration"}


def test_fake_asks_and_nobody_answers(file_project: Project) -> None:
    """Without ``--yes`` and without an answer nothing is noted."""
    for command in (
        ("atlas", "migrate", "--fake"),
        ("piccolo", "migrations", "forwards", "places", "--fake"),
    ):
        result = run(file_project, command)
        assert result.returncode == 1, result
        assert file_project.applied() == []


# --- backwards


@on_both(BACKWARDS)
def test_backwards_takes_all_back(project: Project, command: tuple[str, ...]) -> None:
    """All migrations can be taken back in one run, those of the apps that depend first."""
    project.add_migration("people", "m2", table("early"), sql_backwards("DELETE FROM place"))
    assert project.atlas("migrate").returncode == 0
    result = run(project, command)
    assert result.returncode == 0, result
    assert project.database.table_names() == {"migration"}
    assert project.applied() == []
    again = run(project, command)
    assert again.returncode == 0
    assert "Nothing to do" in again.stdout or "No migrations to reverse" in again.stdout


@on_both(BACKWARDS)
def test_failure_going_backwards_leaves_everything(
    project: Project, command: tuple[str, ...]
) -> None:
    """When one of several migrations cannot be taken back, none is."""
    project.add_migration("places", "m2", sql_backwards("DELETE FROM nowhere"))
    assert project.atlas("migrate").returncode == 0
    before = state(project)
    result = run(project, command)
    assert result.returncode == 1
    assert re.search(r"places m2: \w+: .*nowhere", result.stderr)
    assert state(project) == before


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("atlas", "migrate", "places", "--backwards", "--yes", "--to", "1"), ["m1", "m2"]),
        (("atlas", "migrate", "places", "--backwards", "--yes", "--to", "m2"), ["m1"]),
        (("piccolo", "migrations", "backwards", "places", "--auto_agree"), ["m1", "m2"]),
        (("piccolo", "migrations", "backwards", "places", "m2", "--auto_agree"), ["m1"]),
    ],
)
def test_part_can_be_taken_back(
    file_project: Project, arguments: tuple[str, ...], left: list[str]
) -> None:
    """The latest migration of an app is taken back, or all down to the one that is named."""
    file_project.add_migration("places", "m3", table("late"))
    assert file_project.atlas("migrate").returncode == 0
    assert run(file_project, arguments).returncode == 0
    assert [id for app, id in file_project.applied() if app == "places"] == left


def test_backwards_asks_and_nobody_answers(file_project: Project) -> None:
    """Without ``--yes`` and without an answer nothing is taken back."""
    assert file_project.atlas("migrate").returncode == 0
    for command in (
        ("atlas", "migrate", "--backwards", "--to", "all"),
        ("piccolo", "migrations", "backwards", "all"),
    ):
        result = run(file_project, command)
        assert result.returncode == 1, result
        assert "3" in result.stdout + result.stderr
        assert file_project.applied() == ALL


def test_lost_file_cannot_be_taken_back(file_project: Project) -> None:
    """A migration whose file is gone is named, and nothing is done."""
    assert file_project.atlas("migrate").returncode == 0
    (file_project.folder / "places" / "piccolo_migrations" / "places_m2.py").unlink()
    result = file_project.atlas("migrate", "--backwards", "--to", "all", "--yes")
    assert result.returncode == 2
    assert "places m2 was applied, and its file is gone" in result.stderr
    assert file_project.applied() == ALL


def test_clean_deletes_the_files_afterwards(file_project: Project) -> None:
    """``piccolo migrations backwards --clean`` deletes the file of what was taken back."""
    assert file_project.atlas("migrate").returncode == 0
    path = file_project.folder / "places" / "piccolo_migrations" / "places_m2.py"
    arguments = ("migrations", "backwards", "places", "--auto_agree", "--clean")
    assert file_project.piccolo(*arguments, "--preview").returncode == 0
    assert path.exists()
    assert file_project.piccolo(*arguments).returncode == 0
    assert not path.exists()


# --- dropping what others reference


def test_dropping_a_referenced_table_is_refused(project: Project) -> None:
    """A migration that drops a table of which another app's rows depend names the other's table."""
    project.add_migration("people", "m2", sql("INSERT INTO person VALUES ('a', 'Ann', 'p')"))
    assert project.atlas("migrate").returncode == 0
    before = state(project)
    project.add_migration("places", "m3", drop_table("place"))
    result = project.atlas("migrate")
    assert result.returncode == 1
    assert "places m3: place: not dropped" in result.stderr
    assert "still reference what would be: person." in result.stderr
    assert state(project) == before


def test_generated_migrations_are_guarded(project: Project) -> None:
    """Taking back tables that another app references is refused without a word in the migration."""
    assert project.atlas("migrate").returncode == 0
    before = state(project)
    result = project.atlas("migrate", "places", "--backwards", "--to", "all", "--yes")
    assert result.returncode == 1
    assert "reference them: person" in result.stderr
    assert state(project) == before


# --- preview


@on_both(FORWARDS)
def test_preview_prints_the_sql_and_changes_nothing(
    project: Project, command: tuple[str, ...]
) -> None:
    """All statements of the pending migrations are printed, data steps included."""
    assert project.atlas("migrate", "places", "--to", "m1").returncode == 0
    values = ", ".join(f"('r{number}')" for number in range(1000))
    single = [f"INSERT INTO place (id) VALUES ('s{number}')" for number in range(20)]
    project.add_migration("people", "m2", sql(f"INSERT INTO place (id) VALUES {values}", *single))
    before = state(project)
    result = run(project, command, "--preview")
    assert (result.returncode, result.stderr) == (0, "")
    output = result.stdout
    assert 'CREATE TABLE "person"' in output
    assert "INSERT INTO place (id, name) VALUES ('p', 'Paris');" in output
    assert "'s1'" in output
    assert "'s9'" not in output
    assert "-- and 18 more like it: INSERT INTO place" in output
    for hidden in ("migration", "SAVEPOINT", "PRAGMA"):
        assert hidden not in "\n".join(re.findall(r".*;$", output, re.MULTILINE))
    assert state(project) == before


def test_preview_makes_no_file(file_project: Project) -> None:
    """A database that does not exist is previewed in memory."""
    output = file_project.atlas("migrate", "--preview").stdout
    assert 'CREATE TABLE "place"' in output
    assert state(file_project) == (None, None)


def test_preview_fails_where_the_run_would(project: Project) -> None:
    """A preview is the run itself, taken back: what fails shows before it is done."""
    project.add_migration("people", "m2", sql("INSERT INTO nowhere VALUES (1)"))
    result = project.atlas("migrate", "--preview")
    assert result.returncode == 1
    assert "people m2" in result.stderr
    assert project.database.table_names() == set()


def test_preview_shows_a_rebuild_and_saves_no_rows(file_project: Project) -> None:
    """What SQLite has no ALTER for is shown as it is done; rows to be saved are not written."""
    row = sql("INSERT INTO person (id, parent_id) VALUES ('a', 'p')")
    file_project.add_migration("people", "m2", row)
    assert file_project.atlas("migrate").returncode == 0
    alter = (
        "manager.alter_column('Place', tablename='place', column_name='name',"
        " params={'null': False}, old_params={'null': True}, column_class=Text,"
        " old_column_class=Text)"
    )
    file_project.add_migration("places", "m3", alter)
    save = "from atlas.migrate import save_rows\nsave_rows(manager, 'person')"
    file_project.add_migration("people", "m3", save, drop_table("person"))
    before = state(file_project), sorted(file_project.folder.iterdir())
    result = file_project.atlas("migrate", "--preview")
    assert result.returncode == 0, result.stderr
    shown = [result.stdout.find(word) for word in ("CREATE TABLE", "INSERT INTO", "DROP TABLE")]
    assert -1 < shown[0] < shown[1] < shown[2]
    assert (state(file_project), sorted(file_project.folder.iterdir())) == before
    assert file_project.atlas("migrate").returncode == 0
    assert len(list(file_project.folder.glob("*.jsonl"))) == 1


def test_preview_of_backwards(project: Project) -> None:
    """What would be dropped is printed."""
    assert project.atlas("migrate").returncode == 0
    before = state(project)
    output = project.atlas("migrate", "people", "--backwards", "--to", "all", "--preview").stdout
    assert re.search(r'DROP TABLE (IF EXISTS )?"?person', output)
    assert state(project) == before


# --- the backup


def backups(project: Project) -> list[Path]:
    assert project.database.file is not None
    path = Path(project.database.file)
    assert not list(path.parent.glob("*.part*"))
    return sorted(path.parent.glob(f"{path.name}.*.backup*"))


@pytest.mark.parametrize("command", FORWARDS, ids=BOTH)
def test_database_is_copied_before_a_drop(file_project: Project, command: tuple[str, ...]) -> None:
    """The copy is what was there before the run, with the rights of the original, and is named.

    Also when the first steps of the run made no copy necessary.
    """
    assert file_project.atlas("migrate").returncode == 0
    assert backups(file_project) == []
    path = Path(str(file_project.database.file))
    path.chmod(0o640)
    file_project.add_migration("places", "m3", table("late"))
    file_project.add_migration("people", "m2", drop_table("person"))
    before = file_project.database.all_rows()
    result = run(file_project, command)
    assert result.returncode == 0
    (backup,) = backups(file_project)
    assert f"The database from before this run is in {backup}" in result.stderr
    assert Database(f"file:{backup}").all_rows() == before
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "person" not in file_project.database.table_names()


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(("--no-backup",), {}), ((), {"ATLAS_MIGRATION_BACKUP": "false"})],
    ids=["option", "setting"],
)
def test_backup_can_be_switched_off(
    file_project: Project, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    """``--no-backup`` and ``ATLAS_MIGRATION_BACKUP=false`` keep it from being made."""
    assert file_project.atlas("migrate").returncode == 0
    file_project.add_migration("people", "m2", drop_table("person"))
    result = file_project.atlas("migrate", *arguments, **variables)
    assert (result.returncode, result.stderr) == (0, "")
    assert backups(file_project) == []


def test_nothing_is_copied_where_nothing_can_be_lost(file_project: Project) -> None:
    """A file without rows is not copied, nor one that only gets a new table, nor for a preview."""
    file_project.add_migration("people", "m2", drop_table("person"))
    assert file_project.atlas("migrate").returncode == 0  # dropped before there was a row
    file_project.add_migration("people", "m3", table("late"))
    assert file_project.atlas("migrate").returncode == 0
    file_project.add_migration("people", "m4", drop_table("late"))
    assert file_project.atlas("migrate", "--preview").returncode == 0
    assert backups(file_project) == []


def test_copy_of_a_run_that_failed_is_removed(file_project: Project) -> None:
    """The database is as before, so the copy is of no use."""
    assert file_project.atlas("migrate").returncode == 0
    bad = sql("INSERT INTO nowhere VALUES (1)")
    file_project.add_migration("people", "m2", drop_table("person"))
    file_project.add_migration("people", "m3", bad)
    result = file_project.atlas("migrate")
    assert result.returncode == 1
    assert "The database from before this run is in" in result.stderr
    assert backups(file_project) == []


def test_without_room_for_the_copy_nothing_is_done(file_project: Project) -> None:
    """When the copy cannot be written the run ends, and says what to do."""
    file_project.add_migration(
        "places", "m3", sql("UPDATE place SET name = printf('%.*c', 3000000, 'x')")
    )
    assert file_project.atlas("migrate").returncode == 0
    before = state(file_project)
    file_project.add_migration("people", "m2", drop_table("person"))
    command = f"ulimit -f 1000; {Path(sys.executable).with_name('atlas')} migrate"
    result = run(file_project, ("bash", "-c", command))
    assert result.returncode == 1
    assert "no copy could be made" in result.stderr
    assert "--no-backup" in result.stderr
    assert state(file_project) == before
    assert backups(file_project) == []


# --- one at a time


@pytest.mark.parametrize("command", FORWARDS, ids=BOTH)
def test_lock_is_waited_for_and_said(file_project: Project, command: tuple[str, ...]) -> None:
    """While another process writes the command waits, and says so on stderr."""
    assert file_project.atlas("migrate", "places").returncode == 0
    with LockHolder(str(file_project.database.file)) as holder:
        process = file_project.start(*command)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Waiting for another process")
        assert file_project.applied() == ALL[:2]
        holder.release()
        result = finished(process)
    assert (result.returncode, result.stderr) == (0, "")
    assert file_project.applied() == ALL


def test_four_processes_apply_each_migration_once(project: Project) -> None:
    """Four commands at once: all exit with 0, and nothing is done twice."""
    steps = [
        "import time",
        "time.sleep(0.3)",
        sql("INSERT INTO place (id) SELECT 'n' || (count(*) + 1) FROM place"),
    ]
    project.add_migration("places", "m3", *steps)
    commands = [FORWARDS[0], FORWARDS[1]] * 2
    processes = [project.start(*command) for command in commands]
    results = [finished(process) for process in processes]
    assert [result.returncode for result in results] == [0, 0, 0, 0], results
    assert project.applied() == [*ALL[:2], ("places", "m3"), ALL[2]]
    assert project.database.rows("SELECT id FROM place ORDER BY id") == [("n2",), ("p",)]


def test_options_that_do_not_fit_are_refused(file_project: Project) -> None:
    """Nothing is taken back that nobody asked for."""
    for options in (("--backwards", "--yes"), ("--backwards", "--to", "all", "--fake")):
        result = file_project.atlas("migrate", *options)
        assert result.returncode == 2
        assert state(file_project) == (None, None)


# --- in a program


async def test_answer_to_an_old_question_does_nothing(sqlite_engine: SQLiteEngine) -> None:
    """When the log changes between the question and the lock, nothing is done."""

    def confirm(plans: list[AppPlan]) -> bool:
        assert [plan.app_name for plan in plans] == ["target"]
        rows(sqlite_engine.path, "DELETE FROM migration WHERE app_name = 'target'")
        return True

    with pytest.raises(atlas.MigrationError, match="Another process migrated the database"):
        await migrate(Wanted(("target",), backwards=True), confirm=confirm)
    assert rows(sqlite_engine.path, "SELECT count(*) FROM target_plan") == [(0,)]


async def test_cancelled_run_is_taken_back_before_it_goes_on(sqlite_engine: SQLiteEngine) -> None:
    """A task that is cancelled in a run has no transaction any more, and the next run works."""
    before = rows(sqlite_engine.path, "SELECT name FROM sqlite_master ORDER BY name")

    class Cancels(RunReport):
        def ends_step(self, step: Step) -> None:
            task.cancel()

    wanted = Wanted(backwards=True)
    task = asyncio.create_task(migrate(wanted, report=Cancels()))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sqlite_engine.current_transaction.get() is None
    assert rows(sqlite_engine.path, "SELECT name FROM sqlite_master ORDER BY name") == before
    assert len((await migrate(wanted)).steps) == 7


@pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
async def test_run_is_part_of_no_other_transaction(engine: Any) -> None:
    """Inside a plain transaction a run is refused, because it could not be committed by itself."""
    with pytest.raises(TransactionError, match="Leave its block first"):
        async with engine.transaction():
            await migrate(Wanted())
