"""The names of all columns, for a type checker: what most parameters have.

In: the 38 tables. Out: their columns' names, as a literal and as keywords.

Made by scripts/rows; do not edit.
"""

from typing import Any, Literal, TypedDict

ColumnName = Literal[
    "account_id",
    "actual_amount",
    "address",
    "agenda_id",
    "amount",
    "approved_date",
    "basis",
    "batch_id",
    "birth_date",
    "birth_place",
    "budget_amount",
    "campaign_id",
    "capacity",
    "category_id",
    "certificate_no",
    "channel_id",
    "class_format",
    "close_date",
    "closed_date",
    "code",
    "component_id",
    "created_at",
    "currency_code",
    "customer_id",
    "description",
    "direction",
    "discount_amount",
    "due_date",
    "duration_minutes",
    "education_level",
    "email",
    "end_date",
    "end_time",
    "enroll_date",
    "entity_id",
    "fee_amount",
    "from_person_id",
    "full_name",
    "gender",
    "id",
    "installment_no",
    "invoice_id",
    "is_active",
    "is_cash",
    "is_group",
    "is_opt_out",
    "is_primary",
    "is_required",
    "is_verified",
    "issue_date",
    "issuer",
    "item_id",
    "job_title",
    "last_sync_date",
    "lead_date",
    "legal_form",
    "legal_name",
    "level",
    "line_no",
    "location",
    "locator",
    "lost_reason",
    "max_discount_amount",
    "merged_into_id",
    "method",
    "metric",
    "min_order_amount",
    "min_quantity",
    "mode",
    "name",
    "nationality_code",
    "nickname",
    "nitku",
    "note",
    "npwp",
    "number",
    "objective",
    "open_date",
    "order_date",
    "order_id",
    "order_line_id",
    "organization_id",
    "owner_id",
    "parent_id",
    "participant_id",
    "payment_date",
    "payment_id",
    "period_id",
    "person_id",
    "phone",
    "pic_id",
    "plan_id",
    "postal_code",
    "price_id",
    "promotion_id",
    "quantity",
    "reference",
    "region_id",
    "result",
    "result_note",
    "revenue_date",
    "role",
    "sales_person_id",
    "schedule_note",
    "score",
    "session_count",
    "sort_order",
    "source_id",
    "source_key",
    "spend_amount",
    "start_date",
    "start_time",
    "status",
    "subtotal_amount",
    "sync_cursor",
    "tag_id",
    "target_lead_count",
    "tax_amount",
    "tax_number",
    "tier",
    "timezone",
    "to_person_id",
    "total_amount",
    "type",
    "unit_id",
    "unit_price",
    "uom",
    "updated_at",
    "usage_limit",
    "valid_from",
    "valid_to",
    "value",
    "value_type",
    "variant_id",
    "version",
    "website",
]


class ColumnValues(TypedDict, total=False):
    """Values by the names of columns: the keywords of a prepared call."""

    account_id: Any
    actual_amount: Any
    address: Any
    agenda_id: Any
    amount: Any
    approved_date: Any
    basis: Any
    batch_id: Any
    birth_date: Any
    birth_place: Any
    budget_amount: Any
    campaign_id: Any
    capacity: Any
    category_id: Any
    certificate_no: Any
    channel_id: Any
    class_format: Any
    close_date: Any
    closed_date: Any
    code: Any
    component_id: Any
    created_at: Any
    currency_code: Any
    customer_id: Any
    description: Any
    direction: Any
    discount_amount: Any
    due_date: Any
    duration_minutes: Any
    education_level: Any
    email: Any
    end_date: Any
    end_time: Any
    enroll_date: Any
    entity_id: Any
    fee_amount: Any
    from_person_id: Any
    full_name: Any
    gender: Any
    id: Any
    installment_no: Any
    invoice_id: Any
    is_active: Any
    is_cash: Any
    is_group: Any
    is_opt_out: Any
    is_primary: Any
    is_required: Any
    is_verified: Any
    issue_date: Any
    issuer: Any
    item_id: Any
    job_title: Any
    last_sync_date: Any
    lead_date: Any
    legal_form: Any
    legal_name: Any
    level: Any
    line_no: Any
    location: Any
    locator: Any
    lost_reason: Any
    max_discount_amount: Any
    merged_into_id: Any
    method: Any
    metric: Any
    min_order_amount: Any
    min_quantity: Any
    mode: Any
    name: Any
    nationality_code: Any
    nickname: Any
    nitku: Any
    note: Any
    npwp: Any
    number: Any
    objective: Any
    open_date: Any
    order_date: Any
    order_id: Any
    order_line_id: Any
    organization_id: Any
    owner_id: Any
    parent_id: Any
    participant_id: Any
    payment_date: Any
    payment_id: Any
    period_id: Any
    person_id: Any
    phone: Any
    pic_id: Any
    plan_id: Any
    postal_code: Any
    price_id: Any
    promotion_id: Any
    quantity: Any
    reference: Any
    region_id: Any
    result: Any
    result_note: Any
    revenue_date: Any
    role: Any
    sales_person_id: Any
    schedule_note: Any
    score: Any
    session_count: Any
    sort_order: Any
    source_id: Any
    source_key: Any
    spend_amount: Any
    start_date: Any
    start_time: Any
    status: Any
    subtotal_amount: Any
    sync_cursor: Any
    tag_id: Any
    target_lead_count: Any
    tax_amount: Any
    tax_number: Any
    tier: Any
    timezone: Any
    to_person_id: Any
    total_amount: Any
    type: Any
    unit_id: Any
    unit_price: Any
    uom: Any
    updated_at: Any
    usage_limit: Any
    valid_from: Any
    valid_to: Any
    value: Any
    value_type: Any
    variant_id: Any
    version: Any
    website: Any
