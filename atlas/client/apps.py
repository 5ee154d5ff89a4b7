"""The seven apps as attributes of a client: ``db.commerce.Order``.

The same classes as ``from atlas import Order``, grouped by domain, so that an
editor completes them.
"""

from atlas.catalog import tables as catalog_tables
from atlas.commerce import tables as commerce_tables
from atlas.core import tables as core_tables
from atlas.db import tables as db_tables
from atlas.finance import tables as finance_tables
from atlas.marketing import tables as marketing_tables
from atlas.target import tables as target_tables


class Core:
    """The tables of ``atlas.core``."""

    Entity = core_tables.Entity
    Region = core_tables.Region
    Unit = core_tables.Unit
    Period = core_tables.Period
    Channel = core_tables.Channel
    Source = core_tables.Source


class Db:
    """The tables of ``atlas.db``."""

    Person = db_tables.Person
    Organization = db_tables.Organization
    Contact = db_tables.Contact
    Identifier = db_tables.Identifier
    Relation = db_tables.Relation
    Tag = db_tables.Tag
    PersonTag = db_tables.PersonTag
    PersonOrganization = db_tables.PersonOrganization
    PersonUnit = db_tables.PersonUnit


class Catalog:
    """The tables of ``atlas.catalog``."""

    Category = catalog_tables.Category
    Item = catalog_tables.Item
    Variant = catalog_tables.Variant
    Price = catalog_tables.Price
    Batch = catalog_tables.Batch
    BatchInstructor = catalog_tables.BatchInstructor
    ItemComponent = catalog_tables.ItemComponent


class Commerce:
    """The tables of ``atlas.commerce``."""

    Promotion = commerce_tables.Promotion
    Order = commerce_tables.Order
    OrderLine = commerce_tables.OrderLine
    Enrollment = commerce_tables.Enrollment


class Finance:
    """The tables of ``atlas.finance``."""

    Account = finance_tables.Account
    Invoice = finance_tables.Invoice
    InvoiceLine = finance_tables.InvoiceLine
    Payment = finance_tables.Payment
    PaymentAllocation = finance_tables.PaymentAllocation
    Revenue = finance_tables.Revenue


class Marketing:
    """The tables of ``atlas.marketing``."""

    Campaign = marketing_tables.Campaign
    CampaignChannel = marketing_tables.CampaignChannel
    Agenda = marketing_tables.Agenda
    Lead = marketing_tables.Lead


class Target:
    """The tables of ``atlas.target``."""

    TargetPlan = target_tables.TargetPlan
    TargetLine = target_tables.TargetLine


class Apps:
    """The seven apps, as every client has them."""

    core = Core
    db = Db
    catalog = Catalog
    commerce = Commerce
    finance = Finance
    marketing = Marketing
    target = Target
