"""The Piccolo app `marketing`: campaigns, agenda, leads."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="marketing",
    migrations_folder_path=Path(__file__).parent / "piccolo_migrations",
    table_classes=table_finder(modules=["atlas.marketing.tables"], exclude_imported=True),
    migration_dependencies=[
        "atlas.core.piccolo_app",
        "atlas.db.piccolo_app",
        "atlas.catalog.piccolo_app",
        "atlas.commerce.piccolo_app",
    ],
    commands=[],
)
