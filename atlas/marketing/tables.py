"""The marketing tables of docs/model.md: schema only, no queries and no rules."""

from enum import StrEnum

from piccolo.columns.readable import Readable
from piccolo.columns.reference import LazyTableReference

from atlas.catalog.tables import Item
from atlas.columns import Date, Decimal, ForeignKey, Integer, OnDelete, Text
from atlas.columns.shared import created, ulid_key, updated
from atlas.commerce.tables import Order
from atlas.constraints import Index, Unique
from atlas.core.tables import Channel, Entity, Region, Source, Unit
from atlas.db.tables import Organization, Person
from atlas.query.m2m import M2M
from atlas.table import Table


class Campaign(
    Table,
    tablename="marketing_campaign",
    sync_keys=[("source_id", "source_key"), ("entity_id", "code")],
    help_text="A marketing effort with a goal, a time span and a budget.",
):
    class Objective(StrEnum):
        Awareness = "Awareness"
        LeadGeneration = "LeadGeneration"
        Conversion = "Conversion"
        Retention = "Retention"

    class Status(StrEnum):
        Planned = "Planned"
        Active = "Active"
        Paused = "Paused"
        Completed = "Completed"
        Cancelled = "Cancelled"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    unit_id = ForeignKey(Unit, null=True, index=True, help_text="null = entity-wide")
    owner_id = ForeignKey(
        Person,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="responsible staff member",
    )
    code = Text(help_text="also used as utm_campaign")
    name = Text(help_text="display name")
    objective = Text(choices=Objective, help_text="what the campaign is for")
    status = Text(default=Status.Planned, choices=Status, help_text="where the campaign stands")
    start_date = Date(help_text="first day")
    end_date = Date(null=True, help_text="last day, inclusive")
    budget_amount = Decimal(default=0.0, help_text="IDR, planned cost")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_entity_code = Unique([entity_id, code])
    unique_source = Unique([source_id, source_key])
    index_entity_start_date = Index([entity_id, start_date])
    channels = M2M(LazyTableReference("CampaignChannel", module_path=__name__))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class CampaignChannel(
    Table,
    tablename="marketing_campaign_channel",
    sync_keys=[("campaign_id", "channel_id")],
    help_text="M2M: channels a campaign runs on, with budget and spend to date.",
):
    campaign_id = ForeignKey(
        Campaign,
        primary_key=True,
        on_delete=OnDelete.cascade,
        help_text="the campaign",
    )
    channel_id = ForeignKey(
        Channel,
        primary_key=True,
        index=True,
        help_text="acquisition or sales channel",
    )
    budget_amount = Decimal(default=0.0, help_text="IDR, planned cost")
    spend_amount = Decimal(
        default=0.0,
        help_text="cumulative, overwritten by the ad-platform worker",
    )
    created_at = created()
    updated_at = updated()

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s on %s", columns=[cls.campaign_id._.name, cls.channel_id._.name]
        )


class Agenda(
    Table,
    tablename="marketing_agenda",
    sync_keys=[("source_id", "source_key")],
    help_text=(
        "A planned marketing activity on the calendar: school visit, open house, webinar, "
        "post, broadcast."
    ),
):
    class Type(StrEnum):
        SchoolVisit = "SchoolVisit"
        OpenHouse = "OpenHouse"
        Exhibition = "Exhibition"
        Seminar = "Seminar"
        Webinar = "Webinar"
        TrialClass = "TrialClass"
        SocialPost = "SocialPost"
        LiveStream = "LiveStream"
        Broadcast = "Broadcast"
        Partnership = "Partnership"
        Meeting = "Meeting"
        Other = "Other"

    class Status(StrEnum):
        Planned = "Planned"
        Ongoing = "Ongoing"
        Done = "Done"
        Postponed = "Postponed"
        Cancelled = "Cancelled"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    unit_id = ForeignKey(
        Unit,
        null=True,
        help_text="null = entity-level agenda; otherwise same entity",
    )
    campaign_id = ForeignKey(
        Campaign,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="the campaign",
    )
    channel_id = ForeignKey(
        Channel,
        null=True,
        index=True,
        help_text="acquisition or sales channel",
    )
    pic_id = ForeignKey(
        Person,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="person in charge",
    )
    organization_id = ForeignKey(
        Organization,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="host school/partner",
    )
    region_id = ForeignKey(
        Region,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="administrative area",
    )
    name = Text(help_text="display name")
    type = Text(choices=Type, help_text="kind of agenda")
    status = Text(default=Status.Planned, choices=Status, help_text="where the agenda stands")
    start_date = Date(help_text="first day")
    end_date = Date(help_text="= start_date for one-day agendas")
    start_time = Text(null=True, help_text="HH:MM local to the unit")
    end_time = Text(null=True, help_text="HH:MM")
    location = Text(null=True, help_text="where it takes place")
    target_lead_count = Integer(null=True, help_text="leads it should bring")
    budget_amount = Decimal(default=0.0, help_text="IDR, planned cost")
    actual_amount = Decimal(null=True, help_text="realised cost; null = not reported yet")
    result_note = Text(null=True, help_text="what came of it")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_source = Unique([source_id, source_key])
    index_entity_start_date = Index([entity_id, start_date])
    index_unit_start_date = Index([unit_id, start_date])
    index_updated_at_id = Index([updated_at, id])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s on %s", columns=[cls.name, cls.start_date])


class Lead(
    Table,
    tablename="marketing_lead",
    sync_keys=[("source_id", "source_key")],
    help_text="A person's interest in buying, from first contact to won or lost.",
):
    class Status(StrEnum):
        New = "New"
        Contacted = "Contacted"
        Qualified = "Qualified"
        Won = "Won"
        Lost = "Lost"

    class LostReason(StrEnum):
        Price = "Price"
        Schedule = "Schedule"
        Location = "Location"
        Competitor = "Competitor"
        NoResponse = "NoResponse"
        NotEligible = "NotEligible"
        Other = "Other"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    unit_id = ForeignKey(Unit, null=True, help_text="null until routed to a unit")
    person_id = ForeignKey(Person, index=True, help_text="the person")
    campaign_id = ForeignKey(
        Campaign,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="the campaign",
    )
    agenda_id = ForeignKey(
        Agenda,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="the agenda it came from",
    )
    channel_id = ForeignKey(
        Channel,
        null=True,
        index=True,
        help_text="acquisition or sales channel",
    )
    item_id = ForeignKey(
        Item,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="what they asked for",
    )
    owner_id = ForeignKey(
        Person,
        null=True,
        on_delete=OnDelete.set_null,
        help_text="sales person following up",
    )
    order_id = ForeignKey(
        Order,
        null=True,
        on_delete=OnDelete.set_null,
        unique=True,
        help_text="the order it became",
    )
    status = Text(default=Status.New, choices=Status, help_text="where the lead stands")
    lost_reason = Text(null=True, choices=LostReason, help_text="why it was lost")
    lead_date = Date(help_text="day of first contact")
    closed_date = Date(null=True, help_text="day it was won or lost")
    note = Text(null=True, help_text="free text")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_source = Unique([source_id, source_key])
    index_entity_lead_date = Index([entity_id, lead_date])
    index_unit_lead_date = Index([unit_id, lead_date])
    index_owner_status = Index([owner_id, status])
    index_updated_at_id = Index([updated_at, id])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s on %s", columns=[cls.person_id._.full_name, cls.lead_date])
