"""T1 to T4: plans and targets."""

from __future__ import annotations

from atlas.rules.rule import DatabaseCheck, Rule
from atlas.tables import TargetLine, TargetPlan

_PLANS = (
    DatabaseCheck(
        table=TargetPlan,
        column="period_id",
        sentence="its period {code} is a {type}, and not a Year",
        sql="""
            SELECT t.id, p.code AS code, p.type AS type
              FROM target_plan t JOIN core_period p ON p.id = t.period_id
             WHERE p.type <> 'Year'
        """,
    ),
    DatabaseCheck(
        table=TargetPlan,
        column="status",
        sentence="version {version} is Approved, and so is an earlier one",
        sql="""
            SELECT t.id, t.version AS version FROM target_plan t
             WHERE t.status = 'Approved' AND EXISTS (
                   SELECT 1 FROM target_plan o
                    WHERE o.entity_id = t.entity_id AND o.period_id = t.period_id
                      AND o.status = 'Approved' AND o.version < t.version)
        """,
    ),
)

_PERIODS = DatabaseCheck(
    table=TargetLine,
    column="period_id",
    sentence="its period {code} is not a Month or Quarter inside that of the plan, {plan}",
    sql="""
        SELECT t.id, p.code AS code, y.code AS plan
          FROM target_line t
          JOIN core_period p ON p.id = t.period_id
          JOIN target_plan l ON l.id = t.plan_id
          JOIN core_period y ON y.id = l.period_id
         WHERE p.type NOT IN ('Month', 'Quarter')
            OR p.start_date < y.start_date OR p.end_date > y.end_date
    """,
)

#: PARTITION BY takes nulls for equal, as the rule does.
_GRAINS = DatabaseCheck(
    table=TargetLine,
    column="metric",
    sentence="another line of the plan has its metric, period, unit, category and sales person",
    sql="""
        SELECT id FROM (
            SELECT id, ROW_NUMBER() OVER (
                       PARTITION BY plan_id, metric, period_id,
                                    unit_id, category_id, sales_person_id
                           ORDER BY id) AS place
              FROM target_line
        ) AS placed
         WHERE place > 1
    """,
)


RULES = (
    Rule(
        "T1",
        _PLANS,
        not_audited="that an Approved plan's lines did not change: no row tells what it was before",
    ),
    Rule("T2", (_PERIODS,)),
    Rule("T3", (_GRAINS,)),
    Rule(
        "T4",
        not_audited="it binds reports, and not rows: a report picks one grain",
    ),
)
