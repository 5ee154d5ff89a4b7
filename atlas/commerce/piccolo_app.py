"""The Piccolo app `commerce`: sales."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="commerce",
    migrations_folder_path=Path(__file__).parent / "piccolo_migrations",
    table_classes=table_finder(modules=["atlas.commerce.tables"], exclude_imported=True),
    migration_dependencies=[
        "atlas.core.piccolo_app",
        "atlas.db.piccolo_app",
        "atlas.catalog.piccolo_app",
    ],
    commands=[],
)
