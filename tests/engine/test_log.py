"""Statements are logged through ``logging``, parameters only on request, and never printed."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from doubles import entity, pooled
from piccolo.engine.base import Engine

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine


async def test_statements_are_logged(
    sqlite_engine: SQLiteEngine,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With log_queries each statement is a line at INFO: duration in ms, rows, SQL."""
    caplog.set_level(logging.INFO, "atlas.engine")
    async with pooled(sqlite_engine, log_queries=True):
        await entity("secret").save()
        await entity("B").save()
        caplog.clear()
        await Entity.select(Entity.code).where(Entity.code != "secret")
        (record,) = caplog.records
        assert record.name == "atlas.engine"
        assert record.levelno == logging.INFO
        assert re.fullmatch(
            r'\d+\.\d{3} ms, 1 rows: SELECT ALL "core_entity"."code" AS "code"'
            r' FROM "core_entity" WHERE "core_entity"."code" != \?',
            record.getMessage(),
        )
    assert capsys.readouterr() == ("", "")


async def test_parameters_are_logged_on_request_only(
    sqlite_engine: SQLiteEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """Parameters are personal data: they are shown only with log_parameters."""
    caplog.set_level(logging.DEBUG, "atlas.engine")
    async with pooled(sqlite_engine, log_queries=True):
        await entity("secret").save()
        async with sqlite_engine.transaction():
            await Entity.select().where(Entity.code == "secret")
            async with await Entity.select().where(Entity.code == "secret").batch() as batch:
                await batch.next()
    assert caplog.records
    assert "secret" not in caplog.text
    async with pooled(sqlite_engine, log_parameters=True):
        caplog.clear()
        await Entity.select().where(Entity.code == "secret")
        assert "['secret']" in caplog.text


async def test_a_batch_is_logged_when_it_is_left(
    sqlite_engine: SQLiteEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """It is one line, with the rows that were read."""
    caplog.set_level(logging.INFO, "atlas.engine")
    async with pooled(sqlite_engine, log_queries=True):
        await Entity.insert(*(entity(str(number)) for number in range(5)))
        caplog.clear()
        async with await Entity.select().batch(batch_size=2) as batch:
            await batch.next()
            await batch.next()
            assert not caplog.records
        (record,) = caplog.records
        assert ", 4 rows: SELECT" in record.getMessage()


async def test_nothing_is_logged_by_default(
    sqlite_engine: SQLiteEngine,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At INFO there is no line for a statement; at DEBUG there is."""
    caplog.set_level(logging.INFO, "atlas.engine")
    async with pooled(sqlite_engine):
        await entity("A").save()
        assert not caplog.records
        caplog.set_level(logging.DEBUG, "atlas.engine")
        await Entity.count()
        assert [record.levelno for record in caplog.records] == [logging.DEBUG]
    assert capsys.readouterr() == ("", "")


async def test_piccolos_own_switches_print(
    engine: Engine[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """``engine.log_queries`` and ``log_responses`` print queries and rows, as Piccolo says."""
    engine.log_queries = True
    await Entity.count()
    said = capsys.readouterr().out
    assert "Query 1:" in said
    assert "COUNT(*)" in said
    assert "response" not in said
    engine.log_queries, engine.log_responses = False, True
    await Entity.count()
    assert "response" in capsys.readouterr().out
