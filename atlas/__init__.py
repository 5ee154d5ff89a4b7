"""Atlas: the operational database of a multi-entity education group, as Piccolo apps.

The front door: the client, the 38 tables in the order in which they are created,
and the errors. Importing it opens no database and reads no setting.
"""

from atlas import interrupt  # noqa: F401 - before all else: Ctrl-C while the rest loads

# isort: split
from atlas import patches
from atlas.client.client import Client, create_client
from atlas.client.scope import bind
from atlas.client.sync import SyncClient, sync_client
from atlas.errors import (
    AtlasError,
    BackupError,
    ClientError,
    ConfigurationError,
    ConflictError,
    ConnectionClosedError,
    ConnectionLostError,
    CorruptValueError,
    DatabaseBusyError,
    DatabaseFileError,
    DatabaseServerError,
    DataFileError,
    DeadlockError,
    DiskFullError,
    IncompleteSourceError,
    InvalidValueError,
    MigrationError,
    MigrationFailedError,
    ParseError,
    PoolTimeoutError,
    PreparedQueryError,
    ReadOnlyError,
    RowClassError,
    RowNotFoundError,
    RowsInUseError,
    RuleViolationError,
    SchemaChangeError,
    SerializationError,
    StatementTimeoutError,
    TableInUseError,
    TooManyConnectionsError,
    TransactionConnectionLostError,
    TransactionLostError,
    UpsertError,
)
from atlas.param import Param
from atlas.seeding.seed import seed
from atlas.tables import (
    TABLES,
    Account,
    Agenda,
    Batch,
    BatchInstructor,
    Campaign,
    CampaignChannel,
    Category,
    Channel,
    Contact,
    Enrollment,
    Entity,
    Identifier,
    Invoice,
    InvoiceLine,
    Item,
    ItemComponent,
    Lead,
    Order,
    OrderLine,
    Organization,
    Payment,
    PaymentAllocation,
    Period,
    Person,
    PersonOrganization,
    PersonTag,
    PersonUnit,
    Price,
    Promotion,
    Region,
    Relation,
    Revenue,
    Source,
    Tag,
    TargetLine,
    TargetPlan,
    Unit,
    Variant,
)
from atlas.upsert import row_rules
from atlas.upsert.plan import Change, Plan
from atlas.upsert.result import RowError, UpsertResult
from atlas.upsert.whole import SyncResult


def _row_rules() -> row_rules.Broken:
    from atlas.rules.check import broken

    return broken


bind(*TABLES)
patches.apply()
row_rules.provide(_row_rules)

__all__ = [
    "TABLES",
    "Account",
    "Agenda",
    "AtlasError",
    "BackupError",
    "Batch",
    "BatchInstructor",
    "Campaign",
    "CampaignChannel",
    "Category",
    "Change",
    "Channel",
    "Client",
    "ClientError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionClosedError",
    "ConnectionLostError",
    "Contact",
    "CorruptValueError",
    "DataFileError",
    "DatabaseBusyError",
    "DatabaseFileError",
    "DatabaseServerError",
    "DeadlockError",
    "DiskFullError",
    "Enrollment",
    "Entity",
    "Identifier",
    "IncompleteSourceError",
    "InvalidValueError",
    "Invoice",
    "InvoiceLine",
    "Item",
    "ItemComponent",
    "Lead",
    "MigrationError",
    "MigrationFailedError",
    "Order",
    "OrderLine",
    "Organization",
    "Param",
    "ParseError",
    "Payment",
    "PaymentAllocation",
    "Period",
    "Person",
    "PersonOrganization",
    "PersonTag",
    "PersonUnit",
    "Plan",
    "PoolTimeoutError",
    "PreparedQueryError",
    "Price",
    "Promotion",
    "ReadOnlyError",
    "Region",
    "Relation",
    "Revenue",
    "RowClassError",
    "RowError",
    "RowNotFoundError",
    "RowsInUseError",
    "RuleViolationError",
    "SchemaChangeError",
    "SerializationError",
    "Source",
    "StatementTimeoutError",
    "SyncClient",
    "SyncResult",
    "TableInUseError",
    "Tag",
    "TargetLine",
    "TargetPlan",
    "TooManyConnectionsError",
    "TransactionConnectionLostError",
    "TransactionLostError",
    "Unit",
    "UpsertError",
    "UpsertResult",
    "Variant",
    "__version__",
    "create_client",
    "seed",
    "sync_client",
]


def __getattr__(name: str) -> object:
    """Return ``__version__``, which few programs ask for, and finding it takes a while."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    from atlas.extras import DISTRIBUTION

    return version(DISTRIBUTION)
