"""The rules that no database constraint holds: docs/model.md section 7.

In: a row that is to be written, or a database. Out: what breaks a rule, with the
rule's identifier. ``check`` refuses a row before it is written; ``audit`` looks
through a database; docs/rules.md has the list. The apps know nothing of it:
who writes decides whether to ask.
"""

from atlas.rules.audit import AuditProgress, AuditReport, RuleFinding, audit
from atlas.rules.check import check, check_order, check_price, violations
from atlas.rules.registry import RULES
from atlas.rules.rule import Check, DatabaseCheck, RowCheck, Rule, Severity, Violation

__all__ = [
    "RULES",
    "AuditProgress",
    "AuditReport",
    "Check",
    "DatabaseCheck",
    "RowCheck",
    "Rule",
    "RuleFinding",
    "Severity",
    "Violation",
    "audit",
    "check",
    "check_order",
    "check_price",
    "violations",
]
