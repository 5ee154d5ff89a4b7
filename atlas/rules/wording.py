"""The rules of docs/model.md section 7, word for word; tests/rules/test_rules.py compares them."""

from __future__ import annotations

#: The sentence of each rule, in the order of the model.
TEXTS = {
    "G1": (
        "`id` is a valid ULID; `created_at` never changes; `updated_at` changes exactly when a "
        "value changes."
    ),
    "G2": (
        "IDR amounts are whole rupiah (round half up at write); amounts are >= 0 unless the note "
        "says otherwise; percentages are 0-100."
    ),
    "G3": (
        "`end_date` / `valid_to` / `closed_date` >= its start date; intervals are inclusive; "
        "`HH:MM` values are 00:00-23:59 and end after start on one-day agendas."
    ),
    "G4": ("`source_id` and `source_key` are both set or both null; a row's pair never changes."),
    "G5": (
        "trees (core_entity, core_unit, core_region, core_period, catalog_category, "
        "finance_account) have no cycles; children have a narrower type (Region: Province > "
        "City/Regency > District > Village; Period: Year > Quarter > Month) and lie inside the "
        "parent's dates."
    ),
    "G6": "choice columns hold only listed tokens.",
    "E1": (
        "everything a row references belongs to the row's entity: order.unit, order lines' item "
        "(and promotion), invoice.order, invoice line's account, payment.unit/account, "
        "allocation's payment and invoice, revenue.unit/account/order line, batch.unit/variant, "
        "price.unit vs its item, category/account/unit parents, campaign.unit, "
        "agenda.unit/campaign, lead.unit/campaign/agenda/order/item, target_plan vs unit/category"
        " of its lines, db_person_unit staff for sales_person_id (warning only)."
    ),
    "E2": "revenue.unit_id equals the order's unit when order_line_id is set.",
    "P1": (
        "from_person_id <> to_person_id; Spouse and Sibling are stored once, from = the smaller "
        "id; no Parent cycle."
    ),
    "P2": (
        "identifiers: NIK 16 digits; NPWP 16 digits (15-digit legacy padded); source_id is set "
        "exactly for External and issuer is then that source's code; issuer of "
        "StudentNo/EmployeeNo is an entity code, of government numbers an ISO country code."
    ),
    "P3": ("at most one primary contact per person and type, one primary organization per person."),
    "P4": (
        "contact values are canonical before lookup and write (E.164 for phones, lower case "
        "e-mail)."
    ),
    "P5": (
        "merging A into B: re-point every FK and identifier from A to B, set A.merged_into_id = B"
        " and A.is_active = 0, in one transaction; B itself is not merged. New rows never "
        "reference a merged person."
    ),
    "C1": (
        "price: item_id or variant_id is set, never both null; when both are set the variant "
        "belongs to the item."
    ),
    "C2": ("no two active prices of the same target, unit, tier and min_quantity overlap in time."),
    "C3": (
        "an item is not its own component, directly or through others; the component is of the "
        "same entity."
    ),
    "C4": "open enrollments of a batch <= capacity (warning, not refusal: source data wins).",
    "O1": "participant_id is set when type = Enrollment.",
    "O2": (
        "customer_id or organization_id is set (an Enrollment order without a known payer uses "
        "the participant as customer)."
    ),
    "O3": (
        "a line's variant belongs to its item; price_id, if set, is a price of that item or "
        "variant, valid on order_date."
    ),
    "O4": (
        "order totals equal the sums of its lines; line total = round(quantity x unit_price) - "
        "discount_amount + tax_amount; discount_amount <= round(quantity x unit_price)."
    ),
    "O5": (
        "a Confirmed or Completed order has at least one line; lines of a Completed order do not "
        "change."
    ),
    "O6": (
        "promotion: active, valid on order_date, usage limit and minimum respected at entry "
        "(imports only warn)."
    ),
    "O7": (
        "enrollment: only on lines of Enrollment or Service orders; on Enrollment orders "
        "person_id = participant_id; batch variant belongs to the line's item; at most one "
        "Registered/Active enrollment per order line and person; a transfer closes one row "
        "(Transferred) and opens another."
    ),
    "O8": "Cancelled order: no Active enrollment, no Issued invoice with money allocated.",
    "F1": (
        "invoice totals equal the sums of its lines; an invoice line's order line belongs to the "
        "invoice's order; an Issued invoice changes only to Void."
    ),
    "F2": (
        "allocations of a payment <= its amount; net allocations (In minus Out) of an invoice are"
        " between 0 and its total; only Settled payments count."
    ),
    "F3": "issued invoices of an order <= order total (difference = not yet billed).",
    "F4": (
        "postings use accounts with is_group = 0: Income for revenue, Income or Liability for "
        "invoice lines, is_cash = 1 for payments."
    ),
    "F5": "recognised revenue of an order line <= its total before tax.",
    "M1": "agenda: unit_id null means entity level; otherwise E1.",
    "M2": "agenda and campaign dates: an agenda inside its campaign's dates (warning).",
    "M3": (
        "lead: Won has order_id or closed_date; Lost has lost_reason; order's customer or "
        "participant is the lead's person (warning)."
    ),
    "T1": (
        "plan.period is a Year; at most one Approved plan per entity and year; an Approved plan's"
        " lines do not change (make a new version)."
    ),
    "T2": "line.period is a Month or Quarter inside the plan's year.",
    "T3": (
        "no two lines of a plan share metric, period, unit, category and sales person (nulls "
        "equal)."
    ),
    "T4": (
        "lines of different grain (entity, unit, category, person) are alternative views of the "
        "same goal; a report picks one grain and never adds grains."
    ),
}
