"""All rules, in the order of the model, and the checks of each table."""

from __future__ import annotations

from atlas.rules import catalog, commerce, entities, finance, general, marketing, persons, target
from atlas.rules.rule import RowCheck, Rule
from atlas.table import Table

#: Every rule of docs/model.md section 7 by its identifier.
RULES: dict[str, Rule] = {
    rule.id: rule
    for module in (general, entities, persons, catalog, commerce, finance, marketing, target)
    for rule in module.RULES
}


def row_checks(table: type[Table]) -> list[tuple[Rule, RowCheck]]:
    """Return the checks of ``table`` that need nothing but the row, with their rules."""
    return _ROW_CHECKS.get(table._meta.tablename, [])


_ROW_CHECKS: dict[str, list[tuple[Rule, RowCheck]]] = {}
for _rule in RULES.values():
    for _check in _rule.checks:
        if isinstance(_check, RowCheck):
            _ROW_CHECKS.setdefault(_check.table._meta.tablename, []).append((_rule, _check))
