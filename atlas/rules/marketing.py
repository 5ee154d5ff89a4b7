"""M1 to M3: agendas and leads."""

from __future__ import annotations

from atlas.rules.rule import DatabaseCheck, RowCheck, Rule, Severity
from atlas.tables import Agenda, Lead

_AGENDA_DATES = DatabaseCheck(
    table=Agenda,
    column="start_date",
    sentence="it is not inside the dates of its campaign {code}",
    severity=Severity.warning,
    sql="""
        SELECT t.id, c.code AS code
          FROM marketing_agenda t JOIN marketing_campaign c ON c.id = t.campaign_id
         WHERE t.start_date < c.start_date OR t.end_date > c.end_date
    """,
)

_LEADS = (
    RowCheck(
        table=Lead,
        column="order_id",
        sentence="Won lead without order_id and closed_date",
        breaks=lambda row: (
            row["status"] == "Won" and row["order_id"] is None and row["closed_date"] is None
        ),
        condition="status = 'Won' AND order_id IS NULL AND closed_date IS NULL",
    ),
    RowCheck(
        table=Lead,
        column="lost_reason",
        sentence="Lost lead without lost_reason",
        breaks=lambda row: row["status"] == "Lost" and row["lost_reason"] is None,
        condition="status = 'Lost' AND lost_reason IS NULL",
    ),
    DatabaseCheck(
        table=Lead,
        column="person_id",
        sentence="its person is neither customer nor participant of its order",
        severity=Severity.warning,
        sql="""
            SELECT t.id FROM marketing_lead t JOIN commerce_order o ON o.id = t.order_id
             WHERE t.person_id <> COALESCE(o.customer_id, '')
               AND t.person_id <> COALESCE(o.participant_id, '')
        """,
    ),
)


RULES = (
    Rule(
        "M1",
        not_audited="what a null unit_id means; that a unit is of the agenda's entity is E1",
    ),
    Rule("M2", (_AGENDA_DATES,)),
    Rule("M3", _LEADS),
)
