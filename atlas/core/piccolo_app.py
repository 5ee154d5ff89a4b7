"""The Piccolo app `core`: organisation, geography, calendar, channels, sources."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="core",
    migrations_folder_path=Path(__file__).parent / "piccolo_migrations",
    table_classes=table_finder(modules=["atlas.core.tables"], exclude_imported=True),
    migration_dependencies=[],
    commands=[],
)
