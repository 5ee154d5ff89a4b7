"""Piccolo's configuration for those who install Atlas without a checkout.

Set ``PICCOLO_CONF=atlas.conf``; the database is the one of ``DATABASE_URL``.
"""

from piccolo.conf.apps import AppRegistry

from atlas.client.client import create_client

DB = create_client().engine

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
