"""Piccolo's configuration in a checkout: the ``piccolo`` commands read it."""

from piccolo.conf.apps import AppRegistry

from atlas.conf import DB

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

__all__ = ["APP_REGISTRY", "DB"]
