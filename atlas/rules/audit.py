"""A whole database, asked for every rule.

In: an open client, or the database that queries run on. Out: a report of who
breaks what. Everything is read from one snapshot, in one direction, a batch at a
time: the report holds as many rows as its limit allows, and counts the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from atlas.client.client import Client, current_client
from atlas.client.scope import current_engine
from atlas.engine.block import current_block
from atlas.errors import AtlasError
from atlas.rules.registry import RULES
from atlas.rules.rule import Check, DatabaseCheck, RowCheck, Rule, Severity, Violation, key_of
from atlas.table import Table
from atlas.tables import TABLES

#: How many rows are held at a time.
_BATCH_SIZE = 1000

#: How many violations of a rule a report holds, unless it is told.
LIMIT = 20


@dataclass
class RuleFinding:
    """What an audit found of one rule, errors and warnings each for themselves."""

    rule: str
    severity: Severity
    #: How many violations there are.
    count: int = 0
    #: The first of them, up to the limit.
    violations: list[Violation] = field(default_factory=list)


@dataclass
class AuditReport:
    """What an audit found."""

    #: One for each rule and severity with a violation, in the order of the model.
    findings: list[RuleFinding]
    #: The rules that were looked for.
    rules: tuple[str, ...]
    #: How many statements asked for them.
    queries: int

    @property
    def violations(self) -> list[Violation]:
        """The violations and warnings that the report holds, in the order of the model."""
        return [each for finding in self.findings for each in finding.violations]

    @property
    def errors(self) -> int:
        """How many violations there are, warnings not counted."""
        return self._count(Severity.error)

    @property
    def warnings(self) -> int:
        """How many warnings there are."""
        return self._count(Severity.warning)

    def _count(self, severity: Severity) -> int:
        return sum(finding.count for finding in self.findings if finding.severity is severity)


@dataclass(frozen=True)
class AuditProgress:
    """How far an audit is: the query that is about to run."""

    done: int
    total: int
    #: The table that is looked at, and the rules that it is asked for.
    table: str
    rules: tuple[str, ...]


async def audit(
    client: Client | None = None,
    *,
    rules: Iterable[str] | None = None,
    tables: Iterable[type[Table]] | None = None,
    limit: int | None = LIMIT,
    on_progress: Callable[[AuditProgress], None] | None = None,
) -> AuditReport:
    """Look for violations of ``rules`` among the rows of ``tables``; all of both by default.

    Reads the database of ``client``, or the one that queries of this task run on,
    as it is at one moment, and writes nothing; others may write meanwhile. Inside
    a ``transaction()`` it reads what that has written, so that a worker can look
    before it commits. All violations are counted; the report holds the first
    ``limit`` of each rule, or all with None. ``on_progress`` is called before each
    query, and once at the end. Raises ``AtlasError`` for a rule that does not exist
    or that no database can be audited for, for one that is named and says nothing of any of
    ``tables``, and when a table is missing.
    """
    if limit is not None and limit < 0:
        raise AtlasError(f"limit is {limit}; give a number from 0, or None for all.")
    chosen = _chosen(rules)
    wanted = TABLES if tables is None else tuple(tables)
    asked = [rule for rule in chosen if any(check.table in wanted for check in rule.checks)]
    if rules is not None and (idle := [rule for rule in chosen if rule not in asked]):
        raise AtlasError(_does_not_apply(idle[0], wanted))
    queries = _queries(asked, wanted)
    client = client or current_client()
    findings: dict[tuple[str, Severity], RuleFinding] = {}
    async with _view(client):
        await _require(TABLES)
        for done, query in enumerate(queries):
            if on_progress:
                on_progress(
                    AuditProgress(done, len(queries), query.table._meta.tablename, query.rules)
                )
            await _run(query, findings, limit)
        if on_progress:
            on_progress(AuditProgress(len(queries), len(queries), "", ()))
    order = [(rule, severity) for rule in RULES for severity in Severity]
    return AuditReport(
        findings=[findings[each] for each in order if each in findings],
        rules=tuple(rule.id for rule in asked),
        queries=len(queries),
    )


def _does_not_apply(rule: Rule, tables: Sequence[type[Table]]) -> str:
    names = sorted({check.table._meta.tablename for check in rule.checks})
    given = ", ".join(table._meta.tablename for table in tables) or "no table"
    return (
        f"{rule.id} says nothing of {given}: it is about {', '.join(names)}. Audit one of these, "
        "or leave the rule or the table out."
    )


def _view(client: Client | None) -> AbstractAsyncContextManager[Any]:
    """Return a block in which everything is read as it is at one moment."""
    engine: Any = client.engine if client else current_engine()
    if current_block(engine) is not None:
        return nullcontext()
    block: AbstractAsyncContextManager[Any] = client.snapshot() if client else engine.snapshot()
    return block


@dataclass(frozen=True)
class Query:
    """One statement, and the checks it answers."""

    table: type[Table]
    #: The rules and checks; a row breaks those whose ``flags`` are true in it.
    checks: tuple[tuple[Rule, Check], ...]
    sql: str
    #: The column of the result that says whether the row breaks a check; of one check, none.
    flags: tuple[str, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules it answers for."""
        return tuple(dict.fromkeys(rule.id for rule, _ in self.checks))


def queries() -> list[Query]:
    """Return every statement of an audit, for looking at how a database runs them."""
    return _queries(_chosen(None), TABLES)


def _chosen(names: Iterable[str] | None) -> list[Rule]:
    if names is None:
        return [rule for rule in RULES.values() if rule.is_audited]
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in RULES:
            raise AtlasError(f"There is no rule {name}; there are: {', '.join(RULES)}.")
        if not RULES[name].is_audited:
            raise AtlasError(f"No database can be audited for {name}: {RULES[name].not_audited}.")
    return [rule for rule in RULES.values() if rule.id in wanted]


def _queries(rules: Sequence[Rule], tables: Sequence[type[Table]]) -> list[Query]:
    """Return the statements: one for all row checks of a table, and one for each other check."""
    result = []
    for table in tables:
        checks = [(rule, check) for rule in rules for check in rule.checks if check.table is table]
        alone = [(rule, check) for rule, check in checks if isinstance(check, RowCheck)]
        if alone:
            result.append(_pass(table, alone))
        for rule, check in checks:
            if isinstance(check, DatabaseCheck):
                result.append(Query(table, ((rule, check),), check.sql))
    return result


def _pass(table: type[Table], checks: Sequence[tuple[Rule, RowCheck]]) -> Query:
    """Return one pass over ``table`` for all ``checks``: a large table is read once for all."""
    flags = tuple(f"breaks_{number}" for number in range(len(checks)))
    shown = dict.fromkeys(name for _, check in checks for name in check.fields)
    selected = [
        *dict.fromkeys([*(column._meta.name for column in table._key_columns), *shown]),
        *(f"({check.condition}) AS {flag}" for flag, (_, check) in zip(flags, checks, strict=True)),
    ]
    return Query(
        table=table,
        checks=tuple(checks),
        sql=f"SELECT {', '.join(selected)} FROM {table._meta.tablename} WHERE "
        + " OR ".join(f"({check.condition})" for _, check in checks),
        flags=flags,
    )


async def _run(
    query: Query, findings: dict[tuple[str, Severity], RuleFinding], limit: int | None
) -> None:
    batches = await query.table.raw(query.sql).batch(batch_size=_BATCH_SIZE)
    async with batches as batch:
        async for rows in batch:
            for row in rows:
                for number, (rule, check) in enumerate(query.checks):
                    if not query.flags or row[query.flags[number]]:
                        _note(rule, check, row, findings, limit)


def _note(
    rule: Rule,
    check: Check,
    row: Mapping[str, Any],
    findings: dict[tuple[str, Severity], RuleFinding],
    limit: int | None,
) -> None:
    finding = findings.setdefault((rule.id, check.severity), RuleFinding(rule.id, check.severity))
    finding.count += 1
    if limit is not None and len(finding.violations) >= limit:
        return
    finding.violations.append(
        Violation(
            rule=rule.id,
            severity=check.severity,
            table=check.table._meta.tablename,
            id=key_of(tuple(row.values())[: len(check.key)]),
            column=check.column,
            sentence=check.said_of(row),
        )
    )


async def _require(tables: Sequence[type[Table]]) -> None:
    """Raise ``AtlasError`` when one of ``tables`` is not in the database."""
    for table in tables:
        if not await table.table_exists():
            path = getattr(table._meta.db, "path", "The database")
            raise AtlasError(
                f"{path} has no table {table._meta.tablename}. Make the tables first: atlas migrate"
            )
