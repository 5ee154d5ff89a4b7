"""The Piccolo app `db`: persons and contacts."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="db",
    migrations_folder_path=Path(__file__).parent / "piccolo_migrations",
    table_classes=table_finder(modules=["atlas.db.tables"], exclude_imported=True),
    migration_dependencies=["atlas.core.piccolo_app"],
    commands=[],
)
