"""Which database is meant where none is named.

In: the database that a command was given, else ``DATABASE_URL`` (or ``.env``), else the
DB of the project's ``piccolo_conf``, else ``atlas-ops.db``. Out: an engine of it; the
same database for commands, for a client without a URL, and for code without a client.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

from piccolo.conf.apps import DEFAULT_MODULE_NAME, ENGINE_VAR, ENVIRONMENT_VARIABLE
from piccolo.engine.base import Engine

from atlas.engine.factory import AtlasEngine, another
from atlas.engine.options import EngineOptions, GivenOptions
from atlas.errors import ConfigurationError

#: The configuration of those who have none; its DB is that of ``DATABASE_URL`` already.
OWN_CONF = "atlas.conf"

_STOCK_ENGINE = (
    "{conf} has {engine} as its DB, which is Piccolo's own: the tables of Atlas need an engine of "
    "Atlas's. Write there: from atlas.conf import DB, or for a database that is named there: "
    'DB = atlas.create_client("file:PATH").engine'
)

#: What a command was given as ``--database``.
_given: str | None = None

#: The engine of ``piccolo_conf``, and the one that was chosen when it was there. To read
#: the settings takes longer than a query.
_chosen: tuple[Engine[Any] | None, Engine[Any]] | None = None


def use(url: str | None) -> None:
    """Let ``url`` win over every setting in this process, until it is None again."""
    global _given, _chosen
    _given, _chosen = url, None


def has_no_conf(error: ModuleNotFoundError) -> bool:
    """Return whether there is no ``piccolo_conf``; a wrong ``PICCOLO_CONF`` is another mistake."""
    return error.name == DEFAULT_MODULE_NAME and not os.environ.get(ENVIRONMENT_VARIABLE)


def is_of_atlas(engine: Any) -> bool:
    """Return whether an engine is one of Atlas's."""
    return isinstance(getattr(engine, "options", None), EngineOptions)


def stock_engine_error(engine: Any) -> ConfigurationError:
    """Return the error for a DB that is an engine of Piccolo's own."""
    kind = type(engine)
    return ConfigurationError(
        _STOCK_ENGINE.format(conf=_conf_said(), engine=f"{kind.__module__}.{kind.__name__}")
    )


def default_engine() -> Engine[Any]:
    """Return the engine of code that has no client open: the same one each time.

    Raises ``ConfigurationError`` for settings or a ``piccolo_conf`` that cannot be used.
    """
    # To look for a piccolo_conf that is not there takes as long as a query.
    if _chosen is not None and _chosen[0] is None:
        return _chosen[1]
    return chosen_over(_engine_of_conf())


def chosen_over(conf: Engine[Any] | None) -> Engine[Any]:
    """Return the engine that takes the place of ``conf``, the DB of a ``piccolo_conf``."""
    global _chosen
    if _chosen is None or _chosen[0] is not conf:
        _chosen = (conf, _choose(conf))
    return _chosen[1]


def new_engine(url: str | None, options: GivenOptions) -> AtlasEngine:
    """Return an engine for a new client, of ``url`` or what is meant without; nothing is opened.

    ``options`` win over those of the database's URL or of the DB of ``piccolo_conf``. Raises
    ``ConfigurationError`` for settings that cannot be used, and for such a DB that is not
    an engine of Atlas's.
    """
    from atlas.settings import Settings  # pydantic: not before it is needed

    settings = Settings.load()
    url = _given if url is None else url
    is_of_conf = _is_for_tests() or not settings.names_database
    if url is None and is_of_conf and _conf_name() != OWN_CONF:
        conf: Any = _engine_of_conf()
        if conf is not None:
            if not is_of_atlas(conf):
                raise stock_engine_error(conf)
            return another(conf, options)
    return settings.create_engine(url, options)


def _choose(conf: Engine[Any] | None) -> Engine[Any]:
    from atlas.settings import Settings

    if _given is None and conf is not None and (_conf_name() == OWN_CONF or _is_for_tests()):
        return conf
    settings = Settings.load()
    if _given is None and conf is not None and not settings.names_database:
        if not is_of_atlas(conf):
            raise stock_engine_error(conf)
        return conf
    made = settings.create_engine(_given, {})
    # The DB of the configuration itself, so that its transactions are those of the tables.
    is_same = is_of_atlas(conf) and getattr(conf, "path", None) == made.path
    return conf if conf is not None and is_same else made


def import_conf() -> ModuleType | None:
    """Return the project's ``piccolo_conf``; None when there is none.

    Raises ``ConfigurationError`` naming it when it cannot be imported.
    """
    name = _conf_name()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if has_no_conf(error):
            return None
        raise ConfigurationError(
            f"{_conf_said()} cannot be imported: {error}. Its folder has to be on Python's path."
        ) from error
    except Exception as error:
        raise ConfigurationError(
            f"{_conf_said()} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _engine_of_conf() -> Engine[Any] | None:
    """Return the DB of ``piccolo_conf``; None without one, and while it is being imported.

    Raises ``ConfigurationError`` for one that cannot be imported, or has no DB.
    """
    module: Any = import_conf()
    if module is None or getattr(module.__spec__, "_initializing", False):
        return None
    engine = getattr(module, ENGINE_VAR, None)
    if not isinstance(engine, Engine):
        raise ConfigurationError(
            f"{_conf_said()} has no {ENGINE_VAR}. Write there: from atlas.conf import DB"
        )
    return engine


def _conf_name() -> str:
    return os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_MODULE_NAME


def _conf_said() -> str:
    """Return how an error calls the configuration: by the variable, if that names it."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    return f"{ENVIRONMENT_VARIABLE}={named}" if named else f"{DEFAULT_MODULE_NAME}.py"


def _is_for_tests() -> bool:
    """Return whether ``piccolo tester run`` is at work: no setting leads it to another database."""
    return _conf_name().endswith("_test") or "PICCOLO_TEST_RUNNER" in os.environ
