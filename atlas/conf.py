"""Piccolo's configuration for those who install Atlas without a checkout.

Set ``PICCOLO_CONF=atlas.conf``; the database is the one of ``DATABASE_URL``. A
``piccolo_conf.py`` of one's own takes ``APPS`` and ``DB`` from here (``atlas init`` writes it).
"""

from piccolo.conf.apps import AppRegistry

from atlas.settings import Settings

# Not by create_client(), which asks the project's piccolo_conf, which takes it from here.
DB = Settings.load().create_engine(None, {})

#: The seven apps, in the order in which they depend on each other.
APPS = [
    "atlas.core.piccolo_app",
    "atlas.db.piccolo_app",
    "atlas.catalog.piccolo_app",
    "atlas.commerce.piccolo_app",
    "atlas.finance.piccolo_app",
    "atlas.marketing.piccolo_app",
    "atlas.target.piccolo_app",
]

APP_REGISTRY = AppRegistry(apps=APPS)
