"""The Piccolo app `finance`: billing, money, revenue."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="finance",
    migrations_folder_path=Path(__file__).parent / "piccolo_migrations",
    table_classes=table_finder(modules=["atlas.finance.tables"], exclude_imported=True),
    migration_dependencies=[
        "atlas.core.piccolo_app",
        "atlas.db.piccolo_app",
        "atlas.commerce.piccolo_app",
    ],
    commands=[],
)
