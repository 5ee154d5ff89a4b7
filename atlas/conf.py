"""Piccolo's configuration for those who install Atlas without a checkout.

Set ``PICCOLO_CONF=atlas.conf``; the database is the one of ``DATABASE_URL``.
"""

from piccolo.conf.apps import AppRegistry

from atlas.engine.factory import create_engine
from atlas.settings import Settings

_settings = Settings.load()

DB = create_engine(_settings.database_url, _settings.engine_options(), {})

APP_REGISTRY = AppRegistry(
    apps=[
        "atlas.core.piccolo_app",
        "atlas.db.piccolo_app",
        "atlas.catalog.piccolo_app",
        "atlas.commerce.piccolo_app",
        "atlas.finance.piccolo_app",
        "atlas.marketing.piccolo_app",
        "atlas.target.piccolo_app",
    ]
)
