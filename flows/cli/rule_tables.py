"""How rules look on a terminal and as JSON: their thresholds, and each exception on a line of its own."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.cli.alert_tables import moment, table
from tasks.alerts.exceptions import is_past, measured, under
from tasks.alerts.rule import Exemption, Rule
from tasks.alerts.sentences import format_value
from tasks.alerts.written_rule import definition_of


def rule_row(rule: Rule, source: str, now: datetime) -> dict[str, Any]:
    """A rule for scripts, with the keys of a rules file."""
    row: dict[str, Any] = json.loads(definition_of(rule)) | {"source": source}
    if rule.exceptions:
        row["except"] = [said | {"is_past": is_past(each, now)} for said, each in zip(row["except"], rule.exceptions, strict=True)]
    return row


def rule_table(rules: Sequence[tuple[Rule, str]], now: datetime) -> Table:
    """Rules, a line each, and a line for each of their exceptions."""
    rows: list[list[str | Text]] = []
    for rule, source in rules:
        rows.append([rule.name, *_thresholds(measured(rule)), source])
        rows += [_exception(rule, each, now) for each in rule.exceptions]
    return table(("rule", "warning", "critical", "from"), rows)


def _thresholds(rule: Rule) -> tuple[str, str]:
    warning, critical = (
        "" if each is None else format_value(each, rule.unit) + (" or less" if rule.direction == "below" else "")
        for each in (rule.warning, rule.critical)
    )
    return warning, critical


def _exception(rule: Rule, exemption: Exemption, now: datetime) -> list[str | Text]:
    until = f" until {moment(exemption.until)}{exemption.until:%z}" if exemption.until else ""
    said = f"past: it held{until}" if is_past(exemption, now) else f"exception{until}"
    thresholds = ("off", "off") if exemption.off else _thresholds(under(rule, exemption))
    return [f"  {', '.join(map(str, exemption.match))}", *thresholds, said]
