"""Atlas: the operational database of a multi-entity education group, as Piccolo apps.

The front door: the client, the 38 tables in the order in which they are created,
and the errors. Importing it opens no database and reads no setting.
"""

from importlib.metadata import version

from atlas.catalog.tables import (
    Batch,
    BatchInstructor,
    Category,
    Item,
    ItemComponent,
    Price,
    Variant,
)
from atlas.client.client import Client, create_client
from atlas.client.scope import bind
from atlas.client.sync import SyncClient, sync_client
from atlas.commerce.tables import Enrollment, Order, OrderLine, Promotion
from atlas.core.tables import Channel, Entity, Period, Region, Source, Unit
from atlas.db.tables import (
    Contact,
    Identifier,
    Organization,
    Person,
    PersonOrganization,
    PersonTag,
    PersonUnit,
    Relation,
    Tag,
)
from atlas.errors import (
    AtlasError,
    ClientError,
    ConfigurationError,
    ConnectionClosedError,
    DatabaseBusyError,
    DatabaseFileError,
    DatabaseServerError,
    InvalidValueError,
    MigrationError,
    MigrationFailedError,
    PoolTimeoutError,
    PreparedQueryError,
    ReadOnlyError,
    RowNotFoundError,
    RuleViolationError,
    SchemaChangeError,
    SpoiledValueError,
    TableInUseError,
    TransactionLostError,
    UpsertError,
)
from atlas.finance.tables import Account, Invoice, InvoiceLine, Payment, PaymentAllocation, Revenue
from atlas.marketing.tables import Agenda, Campaign, CampaignChannel, Lead
from atlas.param import Param
from atlas.seeding import seed
from atlas.target.tables import TargetLine, TargetPlan
from atlas.upsert.result import RowError, UpsertResult

__version__ = version("atlas")

#: Every table, parents before children.
TABLES = (
    Entity,
    Region,
    Unit,
    Period,
    Channel,
    Source,
    Person,
    Organization,
    Contact,
    Identifier,
    Relation,
    Tag,
    PersonTag,
    PersonOrganization,
    PersonUnit,
    Category,
    Item,
    Variant,
    Price,
    Batch,
    BatchInstructor,
    ItemComponent,
    Promotion,
    Order,
    OrderLine,
    Enrollment,
    Account,
    Invoice,
    InvoiceLine,
    Payment,
    PaymentAllocation,
    Revenue,
    Campaign,
    CampaignChannel,
    Agenda,
    Lead,
    TargetPlan,
    TargetLine,
)

bind(*TABLES)

__all__ = [
    "TABLES",
    "Account",
    "Agenda",
    "AtlasError",
    "Batch",
    "BatchInstructor",
    "Campaign",
    "CampaignChannel",
    "Category",
    "Channel",
    "Client",
    "ClientError",
    "ConfigurationError",
    "ConnectionClosedError",
    "Contact",
    "DatabaseBusyError",
    "DatabaseFileError",
    "DatabaseServerError",
    "Enrollment",
    "Entity",
    "Identifier",
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
    "Payment",
    "PaymentAllocation",
    "Period",
    "Person",
    "PersonOrganization",
    "PersonTag",
    "PersonUnit",
    "PoolTimeoutError",
    "PreparedQueryError",
    "Price",
    "Promotion",
    "ReadOnlyError",
    "Region",
    "Relation",
    "Revenue",
    "RowError",
    "RowNotFoundError",
    "RuleViolationError",
    "SchemaChangeError",
    "Source",
    "SpoiledValueError",
    "SyncClient",
    "TableInUseError",
    "Tag",
    "TargetLine",
    "TargetPlan",
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
