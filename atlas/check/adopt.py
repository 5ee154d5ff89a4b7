"""Taking over a database that another tool made with the same tables.

In: the engine of a database that has our tables and no log of migrations, or one
that drifted from its log. Out: the same database with the migrations noted as
applied, and with ``repair`` its tables as the migrations would have made them and
every row as it was; or nothing changed, and what stands in the way.

No value is changed, but for the form of timestamps where that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from piccolo.table import Table as PiccoloTable
from piccolo.table import sort_table_classes

from atlas.check import corrupt_values, drift
from atlas.check.findings import Finding, Severity, sentences
from atlas.engine.sqlite.create_table import Constraint, parse, quoted
from atlas.engine.sqlite.files import MEMORY
from atlas.engine.sqlite.handle import Handle
from atlas.engine.sqlite.rebuild import StepProgress, rebuild
from atlas.errors import MigrationError, SchemaChangeError
from atlas.migrate import log
from atlas.migrate.backup import back_up
from atlas.migrate.transaction import schema_transaction
from atlas.schema import database
from atlas.schema.reading import connection_of, reading
from atlas.schema.schema import Index, Kind, Schema, Table

#: Mended by making and dropping indexes, on both databases.
_BY_INDEX = frozenset(
    {
        Kind.missing_index,
        Kind.extra_index,
        Kind.missing_unique,
        Kind.extra_unique,
        Kind.index_name,
        Kind.index_definition,
    }
)
#: Mended by building the table again, on SQLite.
_BY_REBUILD = frozenset(
    {
        Kind.missing_column,
        Kind.column_type,
        Kind.column_null,
        Kind.column_default,
        Kind.primary_key,
        Kind.missing_foreign_key,
        Kind.extra_foreign_key,
        Kind.foreign_key_target,
        Kind.foreign_key_on_delete,
        Kind.foreign_key_on_update,
        Kind.missing_check,
        Kind.check_definition,
        Kind.extra_rule,
    }
)
#: Tables that are none of ours stay, and are no reason to refuse the others.
_OF_OTHERS = frozenset({Kind.extra_table})


@dataclass(frozen=True)
class Adoption:
    """What was, or would be, done to a database."""

    #: The path of the file, or the URL of the server with its password masked.
    database: str
    #: All that differs, and notes.
    findings: tuple[Finding, ...]
    #: The findings for which nothing is done.
    obstacles: tuple[Finding, ...]
    #: What is mended, a line for each table.
    repairs: tuple[str, ...]
    #: The migrations that are noted as applied: app and id.
    recorded: tuple[tuple[str, str], ...]
    #: Whether it was done.
    is_done: bool = False
    #: Where the database from before the repair is, if it was copied.
    backup: Path | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do, or in the way."""
        return bool(self.obstacles or self.repairs or self.recorded)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data, as ``atlas adopt --json`` prints it."""
        return {
            "version": 1,
            "database": self.database,
            "done": self.is_done,
            "findings": [finding.as_json() for finding in self.findings],
            "obstacles": [finding.as_json() for finding in self.obstacles],
            "repairs": list(self.repairs),
            "recorded": [{"app": app, "name": name} for app, name in self.recorded],
            "backup": None if self.backup is None else str(self.backup),
        }


async def adopt(
    *,
    repair: bool = False,
    convert_timestamps: bool = False,
    dry_run: bool = False,
    backup: bool = True,
    progress: StepProgress | None = None,
) -> Adoption:
    """Note the migrations as applied in a database that has what they would make.

    Where something differs nothing is done, and the returned ``obstacles`` say
    what. ``repair`` mends what can be mended with every value as it is: indexes
    and unique keys, missing tables and nullable columns, and on SQLite all that
    a column or table declares. ``convert_timestamps`` also stores instants that
    are in another text form, as ``2026-01-31T08:00:00.000Z``, in that of Atlas.
    All of it is one transaction. ``dry_run`` does nothing, and writes nothing.
    Before a repair an SQLite file is copied beside itself, unless ``backup`` is
    False. ``progress`` is called as long steps go on.

    Raises ``MigrationError`` for a database without our tables, or with a log
    that lacks migrations, and ``SchemaChangeError`` when rows do not fit;
    nothing was changed then.
    """
    engine: Any = drift.atlas_engine()
    code = drift.read_code(database.dialect_of(engine))
    work = _Adopter(engine, code, await _expected(code), repair, convert_timestamps, progress)
    # First without a lock: to open the file for writing changes its journal mode.
    async with reading(engine) as reader:
        plan = await work.plan(reader)
    if dry_run or plan.obstacles or not plan.is_needed:
        return plan
    try:
        async with schema_transaction(engine):
            return await work.carry_out(backup)
    except BaseException as error:
        # Where the commit itself failed the copy may be needed.
        if work.copy is not None and (not work.is_finished or isinstance(error, SchemaChangeError)):
            work.copy.unlink(missing_ok=True)
        raise


async def _expected(code: drift.Code) -> Schema:
    """Return what all migrations add up to, which is to be what the classes declare."""
    left = [f for app in code.apps for f in await drift.migration_findings(code, app)]
    if left:
        raise MigrationError(
            "The migrations do not add up to what the tables declare, so nothing can be taken "
            f"over by them. {sentences(left)}"
        )
    expected: dict[str, Table] = {}
    for app in code.apps:
        own = [file for file in code.files if file.app_name == app]
        expected |= await drift.added_up(own, code.dialect)
    return expected


class _Adopter:
    """One adoption: what it knows of the code, and what it was allowed to do."""

    def __init__(
        self,
        engine: Any,
        code: drift.Code,
        expected: Schema,
        repair: bool,
        convert_timestamps: bool,
        progress: StepProgress | None,
    ) -> None:
        self._engine = engine
        self._code = code
        self._expected = expected
        self._repair = repair
        self._convert = repair and convert_timestamps
        self._progress = progress or _silent
        #: Where the database from before is, once it was copied.
        self.copy: Path | None = None
        #: Whether all was done, and is only to be committed.
        self.is_finished = False
        self._in_sqlite = code.dialect == "sqlite"
        self._classes = {
            table._meta.tablename: table
            for table in sort_table_classes(
                [table for app in code.apps for table in drift.tables_of(app)]
            )
        }

    async def plan(self, reader: Any) -> Adoption:
        """Look at the database, and return what there is to do and what is in the way."""
        contents = await database.read(reader, self._code.schemas)
        applied = await log.applied(reader) if contents.has_log else []
        self._check_log(contents, applied)
        findings = await self._findings(reader, contents)
        drifted = [f for f in findings if f.severity is Severity.drift]
        obstacles = [f for f in drifted if not self._is_mended(f, contents.tables)]
        names = {(row.app_name, row.name) for row in applied}
        files = [(file.app_name, file.id) for file in self._code.files]
        return Adoption(
            database=str(self._engine.path),
            findings=tuple(findings),
            obstacles=tuple(obstacles),
            repairs=tuple(self._repairs(drifted, contents.tables)) if self._repair else (),
            recorded=tuple(file for file in files if file not in names),
        )

    def _check_log(self, contents: database.Contents, applied: Sequence[log.Applied]) -> None:
        if not self._code.has(contents.tables):
            raise MigrationError(
                f"{self._engine.path}: has none of our tables, so there is nothing to take over. "
                "Make them with: atlas migrate"
            )
        if applied and (found := list(drift.log_findings(self._code, applied))):
            raise MigrationError(
                f"{self._engine.path}: has a log of migrations, which is to be put right first. "
                f"{sentences(found)}"
            )

    async def _findings(self, reader: Any, contents: database.Contents) -> list[Finding]:
        tables = contents.tables
        findings = drift.database_findings(self._code, self._expected, tables)
        if self._in_sqlite:
            connection = connection_of(reader)
            classes = list(self._classes.values())
            findings += await connection.run(
                lambda handle: corrupt_values.scan(handle, classes, tables, self._progress)
            )
            findings += await connection.run(corrupt_values.lost_references)
        for name, table in self._expected.items():
            if name not in tables:
                continue
            for index in _Indexes(table, tables[name]).missing:
                if index.unique and set(index.columns) <= tables[name].columns.keys():
                    found = await corrupt_values.duplicates(reader, name, index)
                    findings += [found] if found else []
        return [*(_as_note(f) for f in findings), *drift.notes(self._code, contents)]

    def _is_mended(self, finding: Finding, found: Schema) -> bool:
        if not self._repair:
            return False
        if finding.kind in _BY_INDEX or finding.kind is Kind.missing_table:
            return self._in_sqlite or not self._needs_rebuild(finding.table, found)
        if finding.kind is Kind.other_form:
            return self._convert
        if finding.kind is Kind.missing_column:
            column = self._expected[finding.table or ""].columns[finding.name or ""]
            return self._in_sqlite and (column.null or column.default is not None)
        return self._in_sqlite and finding.kind in _BY_REBUILD

    def _needs_rebuild(self, table: str | None, found: Schema) -> bool:
        """Return whether the table itself has keys that only a rebuild takes away."""
        if table is None or table not in found:
            return False
        return any(
            index.name is None for index in _Indexes(self._expected[table], found[table]).wrong
        )

    # What is done.

    def _repairs(self, drifted: Iterable[Finding], found: Schema) -> Iterable[str]:
        """Yield what is mended, a line for each table."""
        by_table: dict[str, list[Finding]] = {}
        for finding in drifted:
            if finding.table is not None and self._is_mended(finding, found):
                by_table.setdefault(finding.table, []).append(finding)
        for name in self._classes:
            findings = by_table.get(name)
            if not findings:
                continue
            if name not in found:
                yield f"{name}: made, without rows"
                continue
            rebuilt = self._is_rebuilt(findings, name, found)
            indexes = _Indexes(self._expected[name], found[name], rebuilt=rebuilt)
            parts = []
            if rebuilt:
                declared = sum(f.kind not in _BY_INDEX for f in findings)
                parts.append(f"built again for {declared} difference(s)")
            if dropped := [index.name for index in indexes.wrong if index.name is not None]:
                parts.append(f"indexes dropped: {', '.join(dropped)}")
            if made := [self._index_name(name, index) for index in indexes.missing]:
                parts.append(f"indexes made: {', '.join(made)}")
            yield f"{name}: {'; '.join(parts)}"

    def _is_rebuilt(self, findings: Iterable[Finding], table: str, found: Schema) -> bool:
        kinds = {finding.kind for finding in findings}
        return bool(kinds & (_BY_REBUILD | {Kind.other_form})) or self._needs_rebuild(table, found)

    async def carry_out(self, backup: bool) -> Adoption:
        """Do it all in the transaction that the task is in."""
        plan = await self.plan(self._engine)
        if plan.obstacles:  # somebody wrote meanwhile
            return plan
        if plan.repairs:
            if backup and self._in_sqlite and self._engine.path != MEMORY:
                self.copy = await back_up(self._engine.path, self._progress)
            await self._mend(plan)
        await log.prepare(self._engine)
        files = {(file.app_name, file.id): file for file in self._code.files}
        for key in plan.recorded:
            await log.record(self._engine, *key, log.file_sha256(files[key].path))
        self.is_finished = True
        return Adoption(
            database=plan.database,
            findings=plan.findings,
            obstacles=(),
            repairs=plan.repairs,
            recorded=plan.recorded,
            is_done=True,
            backup=self.copy,
        )

    async def _mend(self, plan: Adoption) -> None:
        found = (await database.read(self._engine, self._code.schemas)).tables
        by_table: dict[str, list[Finding]] = {}
        for finding in plan.findings:
            if finding.severity is Severity.drift and finding.table is not None:
                by_table.setdefault(finding.table, []).append(finding)
        for name, table in self._classes.items():
            if name not in by_table:
                continue
            if name not in found:
                for statement in table.create_table().ddl:
                    await self._engine.run_ddl(statement)
                continue
            rebuilt = self._is_rebuilt(by_table[name], name, found)
            indexes = _Indexes(self._expected[name], found[name], rebuilt=rebuilt)
            for index in indexes.wrong:
                if index.name is not None:
                    await self._drop_index(name, index.name)
            if rebuilt:
                await self._rebuild(table, by_table[name])
            for index in indexes.missing:
                await self._make_index(name, index)
        left_over = [
            f
            for f in drift.database_findings(
                self._code,
                self._expected,
                (await database.read(self._engine, self._code.schemas)).tables,
            )
            if f.kind not in _OF_OTHERS
        ]
        if left_over:
            raise SchemaChangeError(
                "The repair is rolled back, because these would still differ. This is a fault of "
                f"Atlas; please report it. {sentences(left_over)}"
            )

    async def _rebuild(self, table: type[PiccoloTable], findings: Iterable[Finding]) -> None:
        name = table._meta.tablename
        definition = parse(table.create_table().ddl[0])
        definition.constraints += [
            Constraint("CHECK", f"CONSTRAINT {quoted(check.name or '')} {check.sql}")
            for check in self._expected[name].checks
        ]
        converted = {
            f.name: f"atlas_stored_form({quoted(f.name)})"
            for f in findings
            if f.kind is Kind.other_form and f.name is not None
        }

        def build(handle: Handle) -> None:
            handle.create_function("atlas_stored_form", 1, _stored_form)
            rebuild(handle, name, definition, converted, self._progress)

        await connection_of(self._engine).run(build)

    async def _drop_index(self, table: str, name: str) -> None:
        if not self._in_sqlite:
            await self._engine.run_ddl(
                f"ALTER TABLE {quoted(table)} DROP CONSTRAINT IF EXISTS {quoted(name)}"
            )
        await self._engine.run_ddl(f"DROP INDEX IF EXISTS {quoted(name)}")

    async def _make_index(self, table: str, index: Index) -> None:
        name = quoted(self._index_name(table, index))
        columns = ", ".join(map(quoted, index.columns))
        if index.unique and not self._in_sqlite:
            statement = f"ALTER TABLE {quoted(table)} ADD CONSTRAINT {name} UNIQUE ({columns})"
        else:
            unique = "UNIQUE " if index.unique else ""
            statement = f"CREATE {unique}INDEX {name} ON {quoted(table)} ({columns})"
        await self._engine.run_ddl(statement)

    def _index_name(self, table: str, index: Index) -> str:
        return index.name or "_".join((table, *index.columns, "key"))


class _Indexes:
    """The indexes of a table that are wrong in the database, and those to be made.

    A key whose name the database chooses is a part of the table that is
    ``rebuilt``; in one that is not, any index over its columns will do.
    """

    def __init__(self, expected: Table, found: Table, *, rebuilt: bool = False) -> None:
        left = list(found.indexes)
        self.missing: list[Index] = []
        for index in expected.indexes:
            same = [
                other
                for other in left
                if (other.columns, other.unique, other.rule)
                == (index.columns, index.unique, index.rule)
                and (other.name == index.name or (index.name is None and not rebuilt))
            ]
            if same:
                left.remove(min(same, key=lambda other: other.name is not None))
            elif index.name is not None or not rebuilt:
                self.missing.append(index)
        self.wrong = left


def _silent(what: str, done: int, total: int) -> None:
    """Show nobody how far a step is."""


def _as_note(finding: Finding) -> Finding:
    if finding.kind in _OF_OTHERS:
        return finding.as_note()
    return finding


def _stored_form(value: Any) -> Any:
    return corrupt_values.stored_form(value.encode()) if isinstance(value, str) else value
