"""The target tables of docs/model.md: schema only, no queries and no rules."""

from enum import StrEnum

from piccolo.columns.readable import Readable

from atlas.catalog.tables import Category
from atlas.columns import Date, Decimal, ForeignKey, Integer, OnDelete, Text
from atlas.columns.shared import created, ulid_key, updated
from atlas.constraints import Index, Unique
from atlas.core.tables import Entity, Period, Source, Unit
from atlas.db.tables import Person
from atlas.table import Table


class TargetPlan(
    Table,
    tablename="target_plan",
    sync_keys=[("entity_id", "period_id", "version")],
    help_text="One version of an entity's targets for a year.",
):
    class Status(StrEnum):
        Draft = "Draft"
        Approved = "Approved"
        Archived = "Archived"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    period_id = ForeignKey(Period, index=True, help_text="a Year row")
    version = Integer(default=1, help_text="version of the plan within its year")
    name = Text(help_text="display name")
    status = Text(default=Status.Draft, choices=Status, help_text="where the plan stands")
    approved_date = Date(null=True, help_text="day of approval")
    created_at = created()
    updated_at = updated()
    unique_entity_period_version = Unique([entity_id, period_id, version])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class TargetLine(
    Table,
    tablename="target_line",
    sync_keys=[("source_id", "source_key")],
    help_text="One target number: metric x period x (entity, or unit / category / sales person).",
):
    # Actuals are never stored: each metric is one query over commerce, finance or marketing.
    class Metric(StrEnum):
        OrderAmount = "OrderAmount"
        OrderCount = "OrderCount"
        EnrollmentCount = "EnrollmentCount"
        NewCustomerCount = "NewCustomerCount"
        BilledAmount = "BilledAmount"
        CollectedAmount = "CollectedAmount"
        RevenueAmount = "RevenueAmount"
        LeadCount = "LeadCount"
        AgendaCount = "AgendaCount"

    id = ulid_key()
    plan_id = ForeignKey(TargetPlan, on_delete=OnDelete.cascade, help_text="the plan")
    period_id = ForeignKey(Period, help_text="Month or Quarter inside the plan's year")
    metric = Text(choices=Metric, help_text="what is counted")
    unit_id = ForeignKey(Unit, null=True, index=True, help_text="null = entity-level line")
    category_id = ForeignKey(Category, null=True, index=True, help_text="null = all categories")
    sales_person_id = ForeignKey(Person, null=True, index=True, help_text="null = not per person")
    value = Decimal(help_text="IDR for *Amount metrics, a count otherwise")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_source = Unique([source_id, source_key])
    index_plan_metric_period = Index([plan_id, metric, period_id])
    index_period_metric = Index([period_id, metric])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s in %s: %s", columns=[cls.metric, cls.period_id._.code, cls.value]
        )
