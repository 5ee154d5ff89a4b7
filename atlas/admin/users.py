"""Who may log in: the users and their sessions, in an SQLite file of their own.

In: the path of that file. Out: Piccolo's tables of users and sessions, bound to
it. The operational database has no part in it.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import quote

from piccolo.apps.user.tables import BaseUser
from piccolo.table import create_db_tables
from piccolo_api.session_auth.tables import SessionsBase

from atlas.admin.passwords import LEAST_CHARACTERS, weakness
from atlas.engine.factory import AtlasEngine
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import ConfigurationError
from atlas.settings import Settings

#: The one user there is at first.
USERNAME = "admin"
FILE_NAME = "atlas-admin.db"

#: 20 characters, 120 bits.
_PASSWORD_BYTES = 15


#: Of stock's column.
_LONGEST_NAME = 100


class User(BaseUser, tablename="admin_user"):
    """Somebody who may log in. Piccolo stores the password as 600,000 rounds of PBKDF2.

    They take a third of a second, which they spend in a thread: the page goes on meanwhile.
    """

    _min_password_length = LEAST_CHARACTERS

    @classmethod
    async def login(cls, username: str, password: str) -> int | None:
        """Return the id of the user whose name and password these are; None for a wrong one."""
        if len(username) > _LONGEST_NAME or len(password) > cls._max_password_length:
            return None
        user = await cls.select(cls.id, cls.password).where(cls.username == username).first()
        if user is None:  # takes as long, so that nobody learns which names there are
            await asyncio.to_thread(cls.hash_password, password)
            return None
        _, rounds, salt, _ = cls.split_stored_password(user["password"])
        hashed = await asyncio.to_thread(cls.hash_password, password, salt, int(rounds))
        if not secrets.compare_digest(hashed, user["password"]):
            return None
        await cls.update({cls.last_login: datetime.datetime.now()}).where(cls.id == user["id"])
        return int(user["id"])

    @classmethod
    async def update_password(cls, user: str | int, password: str) -> None:
        """Give a user, by id or name, a new password; raise ``ValueError`` for a weak one."""
        cls._validate_password(password, user if isinstance(user, str) else "")
        hashed = await asyncio.to_thread(cls.hash_password, password)
        is_user = cls.username == user if isinstance(user, str) else cls.id == user
        await cls.update({cls.password: hashed}).where(is_user)

    @classmethod
    def _validate_password(cls, password: str, username: str = "") -> None:
        super()._validate_password(password)
        if sentence := weakness(password, username):
            raise ValueError(sentence)


class Session(SessionsBase, tablename="admin_session"):
    """A login of a user, until it expires or is ended."""


_TABLES = (User, Session)
_TABLE_NAMES = {table._meta.tablename for table in _TABLES}


def path_beside(database: AtlasEngine) -> Path:
    """Return the path of the users' file: ``ATLAS_ADMIN_FILE``, or beside an SQLite database.

    Beside a server there is no place, so it is in the working directory. Raises
    ``ConfigurationError`` when it is the operational database itself.
    """
    is_file = database.engine_type == "sqlite"
    folder = Path(database.path).parent if is_file else Path()
    path = Path(Settings.load().atlas_admin_file or folder / FILE_NAME).expanduser().absolute()
    if is_file and path.resolve() == Path(database.path).resolve():
        raise ConfigurationError(
            f"{path} is the database itself. Users and sessions are kept in a file of their own; "
            "name another one in ATLAS_ADMIN_FILE."
        )
    return path


@asynccontextmanager
async def users(path: Path) -> AsyncIterator[str | None]:
    """Bind the tables to the file at ``path``; made with one user when it is not there.

    Yields that user's password when it was made just now, and None otherwise.
    Raises ``ConfigurationError`` for a file of something else, which is not
    touched, and ``OSError`` when the file cannot be made.
    """
    _check(path)
    # Made here, so that nobody else can read it from the first byte on.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = SQLiteEngine(str(path), EngineOptions(pool_size=1))
    await engine.start_connection_pool()
    try:
        for table in _TABLES:
            table._meta.db = engine
        async with engine.transaction():  # of two processes, one makes the user
            await create_db_tables(*_TABLES, if_not_exists=True)
            password = None if await User.exists() else await _new_user()
        yield password
    finally:
        for table in _TABLES:
            table._meta._db = None
        await engine.close_connection_pool()


async def reset_password() -> str:
    """Give the user a new password and return it; whoever is logged in has to log in again."""
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    async with User._meta.db.transaction():
        if await User.exists().where(User.username == USERNAME):
            await User.update_password(USERNAME, password)
            await User.update({User.active: True, User.admin: True}).where(
                User.username == USERNAME
            )
        else:
            password = await _new_user()
        await Session.delete(force=True)
    return password


async def _new_user() -> str:
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    await User.create_user(USERNAME, password, active=True, admin=True, superuser=True)
    return password


def _check(path: Path) -> None:
    """Refuse a file that holds anything else."""
    if not path.exists() or not path.stat().st_size:
        return
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
        names = {
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        }
    if others := sorted(names - _TABLE_NAMES):
        raise ConfigurationError(
            f"{path} holds other tables ({', '.join(others[:3])}, …): it is not a file of the "
            "admin's users. Name another one in ATLAS_ADMIN_FILE."
        )
