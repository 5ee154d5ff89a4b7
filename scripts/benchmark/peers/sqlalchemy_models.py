"""The tables as SQLAlchemy sees them, and its engine; for Core and ORM alike."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import greenlet  # type: ignore[import-untyped]  # noqa: F401  # SQLAlchemy misses it too late
from sqlalchemy import ForeignKey, Text, TypeDecorator, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from atlas.ulid import new_ulid
from benchmark.data import pragmas_of_all


def utc_now() -> datetime.datetime:
    """Return the current instant."""
    return datetime.datetime.now(datetime.UTC)


class UtcTimestamp(TypeDecorator[datetime.datetime]):
    """An aware instant, as the text that is in the file; SQLAlchemy's own has no zone on SQLite."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Any) -> str | None:
        return None if value is None else value.isoformat(" ")

    def process_result_value(self, value: str | None, dialect: Any) -> datetime.datetime | None:
        return None if value is None else datetime.datetime.fromisoformat(value)


class Base(DeclarativeBase):
    """What the tables share."""

    type_annotation_map = {str: Text, datetime.datetime: UtcTimestamp}


class Entity(Base):
    __tablename__ = "core_entity"
    id: Mapped[str] = mapped_column(primary_key=True)


class Unit(Base):
    __tablename__ = "core_unit"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class Person(Base):
    __tablename__ = "db_person"
    id: Mapped[str] = mapped_column(primary_key=True)
    full_name: Mapped[str]


class Organization(Base):
    __tablename__ = "db_organization"
    id: Mapped[str] = mapped_column(primary_key=True)


class Channel(Base):
    __tablename__ = "core_channel"
    id: Mapped[str] = mapped_column(primary_key=True)


class Source(Base):
    __tablename__ = "core_source"
    id: Mapped[str] = mapped_column(primary_key=True)


class Order(Base):
    """The columns of ``atlas.Order``."""

    __tablename__ = "commerce_order"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_ulid)
    entity_id: Mapped[str] = mapped_column(ForeignKey("core_entity.id"))
    unit_id: Mapped[str] = mapped_column(ForeignKey("core_unit.id"))
    number: Mapped[str]
    type: Mapped[str]
    status: Mapped[str] = mapped_column(default="Draft")
    order_date: Mapped[datetime.date]
    customer_id: Mapped[str | None] = mapped_column(ForeignKey("db_person.id"))
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("db_organization.id"))
    participant_id: Mapped[str | None] = mapped_column(ForeignKey("db_person.id"))
    sales_person_id: Mapped[str | None] = mapped_column(ForeignKey("db_person.id"))
    channel_id: Mapped[str | None] = mapped_column(ForeignKey("core_channel.id"))
    subtotal_amount: Mapped[float] = mapped_column(default=0.0)
    discount_amount: Mapped[float] = mapped_column(default=0.0)
    tax_amount: Mapped[float] = mapped_column(default=0.0)
    total_amount: Mapped[float] = mapped_column(default=0.0)
    note: Mapped[str | None]
    source_id: Mapped[str | None] = mapped_column(ForeignKey("core_source.id"))
    source_key: Mapped[str | None]
    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime.datetime] = mapped_column(default=utc_now, onupdate=utc_now)


def create_engine(path: Path) -> AsyncEngine:
    """Return an engine on ``aiosqlite`` with a pool of as many connections as Atlas has."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", pool_size=5, max_overflow=0, pool_timeout=30
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        for name, value in pragmas_of_all().items():
            cursor.execute(f"PRAGMA {name} = {value}")
        cursor.close()

    return engine
