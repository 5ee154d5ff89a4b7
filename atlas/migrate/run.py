"""Running migrations: the one way, for ``atlas migrate`` and ``piccolo migrations`` alike.

In: which migrations are wanted. Out: a database that has them all, or an error
and the database as it was. The log is read, the tables are changed, the data
steps run and the log is written in one transaction, under a lock that is taken
before the log is read; so nothing can happen twice, or by half.
"""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine.finder import engine_finder
from piccolo.querystring import QueryString

from atlas.client.client import create_client
from atlas.client.configured import stock_engine_error
from atlas.engine.factory import AtlasEngine
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.create_table import quoted
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.files import MEMORY
from atlas.errors import AtlasError, MigrationError, MigrationFailedError
from atlas.migrate import log, saved
from atlas.migrate.backup import back_up
from atlas.migrate.files import MigrationFile, app_names, managers_of, migration_files
from atlas.migrate.guard import check_drops
from atlas.migrate.preview import recorded
from atlas.migrate.replay import Renames, follow, renamed_by_others, renames_of
from atlas.migrate.report import AppPlan, RunReport, Step, prints
from atlas.migrate.transaction import schema_transaction

#: How long the lock is waited for in silence.
_PATIENCE_S = 1.0

ALL, NEXT = "all", "1"

_ALWAYS_WRAPPED = (
    "Migrations always run in one transaction, whatever wrap_in_transaction says; run by hand, "
    "outside of them, what cannot."
)


_EDITED = (
    "{name} was edited since it was applied, so it may not be what the database has; restore the "
    "file as it was, for example from version control."
)


@dataclass(frozen=True)
class Wanted:
    """Which migrations are to be applied, or taken back."""

    #: None stands for all apps.
    app_names: tuple[str, ...] = ()
    #: ``all``, ``1`` for the next one, or the id of the last one; of one app only.
    migration_id: str = ALL
    backwards: bool = False
    #: Note them in the log without running them.
    fake: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    steps: tuple[Step, ...] = ()
    #: Where the database from before the run is, if it was copied.
    backup: Path | None = None
    #: Whoever was asked said no, and nothing was done.
    is_refused: bool = False


class _Undo(Exception):  # noqa: N818 - it is no error
    """Ends the block of a preview, so that it is rolled back."""


def current_engine() -> AtlasEngine | None:
    """Return the engine of Piccolo's commands; None when it is none of Atlas's."""
    engine: Any = engine_finder()
    if engine is None:
        raise MigrationError("Piccolo found no engine; is PICCOLO_CONF set?")
    return engine if isinstance(getattr(engine, "options", None), EngineOptions) else None


async def run(
    wanted: Wanted,
    *,
    preview: bool = False,
    backup: bool = True,
    report: RunReport | None = None,
    confirm: Callable[[list[AppPlan]], bool] | None = None,
) -> Outcome:
    """Apply what is wanted, or take it back, all or nothing, and return what was done.

    Everybody else who migrates the database waits meanwhile. A ``preview`` does
    it all, notes the SQL of each step, and takes it back. Before the first step
    that may lose something an SQLite file with rows is copied beside itself,
    unless ``backup`` is False. ``confirm`` is asked first, before the lock is
    taken, when there is something to do.

    Raises ``MigrationFailedError`` naming the one that failed, ``MigrationError``
    for what cannot be run at all, and ``DatabaseBusyError`` or
    ``PoolTimeoutError`` when the lock did not become free; nothing was changed
    then, and also when the task is cancelled before ``report.committed()``.
    """
    engine = current_engine()
    if engine is None:
        raise stock_engine_error(engine_finder())
    report = report or RunReport()
    files = {name: migration_files(name) for name in app_names(*wanted.app_names)}
    if wanted.migration_id != ALL and len(files) != 1:
        raise MigrationError(f"{wanted.migration_id} is a migration of one app; name that app.")
    if _is_missing(engine):
        _plans(wanted, files, [])  # what is not there is to be said before the file is made
        if wanted.backwards:
            return Outcome()
        if preview:  # and leave no file behind
            async with create_client(MEMORY) as client:
                return await _Run(client.engine, wanted, files, report, preview, backup).finish()
    agreed = None
    if confirm is not None:
        agreed = _plans(wanted, files, [] if _is_missing(engine) else await log.applied(engine))
        if any(plan.steps for plan in agreed) and not confirm(agreed):
            return Outcome(is_refused=True)
    return await _Run(engine, wanted, files, report, preview, backup, agreed).finish()


class _Run:
    """One run. The state is what it has done so far."""

    def __init__(
        self,
        engine: AtlasEngine,
        wanted: Wanted,
        files: dict[str, list[MigrationFile]],
        report: RunReport,
        preview: bool,
        backup: bool,
        agreed: list[AppPlan] | None = None,
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._files = files
        self._report = report
        self._preview = preview
        self._agreed = agreed
        #: Whether a step that may lose something is to be preceded by a copy of the file.
        self._to_back_up = (
            backup and not preview and isinstance(engine, SQLiteEngine) and engine.path != MEMORY
        )
        self._backup: Path | None = None
        self._saved: list[saved.SavedFile] = []
        self._steps: list[Step] = []
        #: The hashes of the files that were applied, by app and id.
        self._hashes: dict[tuple[str, str], str | None] = {}
        #: All steps are done. From here on a cancel comes too late.
        self._is_committing = False

    async def finish(self) -> Outcome:
        """Do it all; when cancelled, take it back before the cancel goes on."""
        work = asyncio.ensure_future(self._do())
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not self._is_committing:
                work.cancel()
            with suppress(Exception, asyncio.CancelledError):
                await work
            raise

    async def _do(self) -> Outcome:
        try:
            prints.set(False)  # of this task alone; the report says it
            saved.written.set(self._saved)
            with suppress(_Undo):
                async with self._locked():
                    applied = await log.applied(self._engine)
                    self._hashes = {(row.app_name, row.name): row.file_sha256 for row in applied}
                    plans = _plans(self._wanted, self._files, applied)
                    if self._agreed is not None and plans != self._agreed:
                        raise MigrationError(
                            "Another process migrated the database meanwhile, and nothing was "
                            "done. Look at it, and start again."
                        )
                    if self._to_back_up:
                        self._to_back_up = await _has_rows(self._engine)
                    await self._do_all(plans)
                    if self._preview:
                        raise _Undo
                    self._is_committing = True
        except BaseException as error:
            if self._is_committing:  # the copy may be needed: keep it
                raise self._failed_at_the_end(error) from error
            if self._backup is not None:
                self._backup.unlink(missing_ok=True)
                self._report.backup_removed(self._backup)
            for file in reversed(self._saved):  # their rows are still in the database
                file.take_away()
            raise
        if not self._preview:
            self._report.committed()
            for file in self._saved:
                self._report.saved_rows(file.path)
        return Outcome(tuple(self._steps), self._backup)

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        def waits() -> None:
            self._report.waits(self._engine.path)

        impatience = asyncio.get_running_loop().call_later(_PATIENCE_S, waits)
        try:
            async with schema_transaction(self._engine, progress=self._rebuilds):
                impatience.cancel()
                yield
        finally:
            impatience.cancel()

    def _rebuilds(self, table: str, done: int, total: int) -> None:
        self._report.does(f"Rebuilding {table}", done, total)

    async def _do_all(self, plans: list[AppPlan]) -> None:
        if any(plan.steps for plan in plans):
            await log.prepare(self._engine)
        for plan in plans:
            self._report.begins_app(plan)
            for file in plan.steps:
                if self._is_edited(file):
                    self._report.edited(file)
                self._report.begins_step(file)
                start = time.perf_counter()
                try:
                    is_fake, statements = await self._step(file)
                    if self._wanted.backwards:
                        await log.forget(self._engine, file.app_name, file.id)
                    else:
                        await log.record(self._engine, file.app_name, file.id, file.sha256)
                except Exception as error:
                    if self._is_edited(file):
                        error.add_note(_EDITED.format(name=file.path.name))
                    reason = _reason(error, file.path)
                    raise MigrationFailedError([(file.app_name, file.id)], reason) from error
                ms = (time.perf_counter() - start) * 1000
                step = Step(file.app_name, file.id, file.description, ms, is_fake, statements)
                self._steps.append(step)
                self._report.ends_step(step)

    def _is_edited(self, file: MigrationFile) -> bool:
        """Return whether a migration is taken back by another text than it was applied by."""
        applied = self._hashes.get((file.app_name, file.id))
        return self._wanted.backwards and applied is not None and applied != file.sha256

    async def _step(self, file: MigrationFile) -> tuple[bool, tuple[str, ...]]:
        """Run a migration; return whether it was a fake one, and what it said."""
        if self._wanted.fake:
            return True, ()
        if not self._preview:
            return await self._run_file(file), ()
        saved.is_off.set(True)  # of this task: what is taken back is to leave no file
        async with recorded(self._engine) as statements:
            is_fake = await self._run_file(file)
        return is_fake, statements.all()

    async def _run_file(self, file: MigrationFile) -> bool:
        manager = await file.module.forwards()
        backwards = self._wanted.backwards
        if isinstance(manager, MigrationManager):
            others = await self._renamed_by_others(file.app_name)
            renamed_by_others.set(others)
            follow(manager, others)
        if not isinstance(manager, MigrationManager):  # forwards() has done it all itself
            if backwards:
                raise MigrationError(
                    "It cannot be taken back: its forwards() returns no MigrationManager."
                )
            return False
        if manager.fake and not backwards:
            return True
        await check_drops(self._engine, manager, backwards=backwards)
        if self._to_back_up and _may_lose(manager, backwards=backwards):
            # Nothing of this run is committed, so the copy is the database from before it.
            self._to_back_up = False
            self._backup = await back_up(self._engine.path, self._report.does)
            self._report.backed_up(self._backup)
        manager.raw = [_awaited(function) for function in manager.raw]
        manager.raw_backwards = [_awaited(function) for function in manager.raw_backwards]
        is_wrapped, manager.wrap_in_transaction = manager.wrap_in_transaction, True
        try:
            await manager.run(backwards=backwards)
        except Exception as error:
            if not is_wrapped:
                error.add_note(_ALWAYS_WRAPPED)
            raise
        return False

    async def _renamed_by_others(self, app_name: str) -> Renames:
        """Return the tables that the applied migrations of other apps have renamed."""
        done = {(step.app_name, step.migration_id) for step in self._steps}
        applied = (
            self._hashes.keys() - done if self._wanted.backwards else self._hashes.keys() | done
        )
        known = set(app_names())
        others = {app for app, _ in applied if app != app_name and app in known}
        return renames_of(
            await managers_of(
                file
                for app in sorted(others)
                for file in self._files.get(app) or migration_files(app)
                if (app, file.id) in applied
            )
        )

    def _failed_at_the_end(self, error: BaseException) -> BaseException:
        if not isinstance(error, Exception) or not self._steps:
            return error
        migrations = [(step.app_name, step.migration_id) for step in self._steps]
        kept = f" A copy from before is in {self._backup}." if self._backup else ""
        for file in self._saved:
            kept += f" Rows were saved to {file.path}."
        return MigrationFailedError(migrations, _reason(error, None) + kept)


# What there is to do.


def _plans(
    wanted: Wanted, files: dict[str, list[MigrationFile]], applied: list[log.Applied]
) -> list[AppPlan]:
    """Return what is to be done in each app, in the order of the apps to do it in."""
    plan = _plan_backwards if wanted.backwards else _plan_forwards
    plans = []
    for name, own in files.items():
        # Two stock processes that ran at once may each have written a row.
        done = list(dict.fromkeys(row.name for row in applied if row.app_name == name))
        plans.append(AppPlan(name, len(done), tuple(plan(wanted, name, own, done))))
    return plans[::-1] if wanted.backwards else plans


def _plan_forwards(
    wanted: Wanted, name: str, files: list[MigrationFile], done: list[str]
) -> list[MigrationFile]:
    pending = [file for file in files if file.id not in done]
    if wanted.migration_id == ALL:
        return pending
    if wanted.migration_id == NEXT:
        return pending[:1]
    if wanted.migration_id in done:
        return []
    ids = [file.id for file in pending]
    if wanted.migration_id not in ids:
        raise MigrationError(
            f"{name} has no migration {wanted.migration_id!r} to apply; there is "
            f"{', '.join(ids) or 'none'}."
        )
    return pending[: ids.index(wanted.migration_id) + 1]


def _plan_backwards(
    wanted: Wanted, name: str, files: list[MigrationFile], done: list[str]
) -> list[MigrationFile]:
    if wanted.migration_id == ALL:
        ids = done
    elif wanted.migration_id == NEXT:
        ids = done[-1:]
    elif wanted.migration_id in done:
        ids = done[done.index(wanted.migration_id) :]
    else:
        raise MigrationError(
            f"{name} has no migration {wanted.migration_id!r} to take back; there is "
            f"{', '.join(done) or 'none'}."
        )
    by_id = {file.id: file for file in files}
    if missing := [id for id in ids if id not in by_id]:
        raise MigrationError(
            f"{name} {missing[-1]} was applied, and its file is gone, so it cannot be taken back. "
            "Restore the file, or take the log's row away with: piccolo migrations clean " + name
        )
    return [by_id[id] for id in reversed(ids)]


# What a migration may do.


def _may_lose(manager: MigrationManager, *, backwards: bool) -> bool:
    """Return whether a migration does more than make or rename tables and columns.

    Whatever drops or rebuilds counts, and its data steps, which may do anything.
    """
    made = {table.class_name for table in manager.add_tables}
    changes_columns = bool(
        manager.alter_columns.alter_columns
        or any(c.table_class_name not in made for c in manager.add_constraints.add_constraints)
        or manager.drop_constraints.drop_constraints
    )
    if backwards:
        return bool(
            manager.add_tables
            or manager.add_columns.add_columns
            or manager.raw_backwards
            or changes_columns
        )
    return bool(
        manager.drop_tables
        or manager.drop_columns.drop_columns
        or manager.raw
        or changes_columns
        # Others may need the table to be built again.
        or any(
            c.table_class_name not in made
            and not (c.column._meta.null and not c.column._meta.unique)
            for c in manager.add_columns.add_columns
        )
    )


def _awaited(function: Callable[[], Any]) -> Callable[[], Any]:
    """Return a data step that is waited for.

    Piccolo (migration_manager.py, line 1256) awaits coroutine functions only: what
    ``lambda: coroutine()`` returns would never run, and the migration count as applied.
    """

    async def step() -> None:
        result = function()
        if inspect.isawaitable(result):
            await result

    return step


def _reason(error: BaseException, path: Path | None) -> str:
    """Return what went wrong as sentences, with the line of the migration where it did."""
    said = " ".join(str(error).split())
    if not isinstance(error, AtlasError):
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if path is not None and Path(frame.filename) == path
    ]
    if lines:
        said = f"{said.removesuffix('.')} ({path.name if path else ''}, line {lines[-1]})"
    if not said.endswith((".", "!", "?")):
        said += "."
    return " ".join([said, *getattr(error, "__notes__", ())])


# The database.


def _is_missing(engine: AtlasEngine) -> bool:
    return (
        isinstance(engine, SQLiteEngine)
        and engine.path != MEMORY
        and not Path(engine.path).exists()
    )


async def _has_rows(engine: AtlasEngine) -> bool:
    """Return whether any table but the log has a row."""
    tables = await engine.run_querystring(
        QueryString(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> 'migration'"
        )
    )
    for table in tables:
        with suppress(sqlite3.Error):  # a virtual table whose module is not loaded
            if await engine.run_querystring(
                QueryString(f"SELECT 1 FROM {quoted(table['name'])} LIMIT 1")
            ):
                return True
    return False
