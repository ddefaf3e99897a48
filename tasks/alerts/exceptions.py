"""Exceptions of a rule, by which other thresholds hold for some subjects, or none; thresholds in free bytes or in time left. Pure.

The first exception whose matchers all hold is the one that holds. The state machine sees the rule as it then is.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tasks.alerts.amounts import Unit
from tasks.alerts.rule import Exemption, Rule
from tasks.alerts.states import Alert, Observation
from tasks.matchers import Matcher, alert_labels

Case = tuple[tuple[Matcher, ...], Rule]
"""The matchers of an exception, and the rule as it is under it."""


@dataclass(frozen=True)
class Measure:
    """What a SELECT may yield beside the value: the column, and the sentence about it."""

    column: str
    message: str


MEASURES: dict[Unit, Measure] = {
    "B": Measure("bytes_free", "{subject} has {value} free"),
    "s": Measure("seconds_left", "{subject} has {value} left"),
}
"""By the unit of a threshold; less is worse of both."""
NAMES = ("warning", "critical", "clear", "clear_critical")
UNITS = {measure.column: unit for unit, measure in MEASURES.items()}


def measured(rule: Rule) -> Rule:
    """The rule as it is judged: by its measure, if its thresholds have one. A sentence without the value stays."""
    if not rule.measure:
        return rule
    unit = UNITS[rule.measure]
    message = rule.message if rule.message and "{value}" not in rule.message else MEASURES[unit].message
    return replace(rule, direction="below", unit=unit, message=message)


def under(rule: Rule, exemption: Exemption) -> Rule:
    """The rule as it is under an exception. What that does not name stays, but `clear` goes with the lowest threshold and
    `clear_critical` with the critical one; of another measure nothing stays."""
    given = {name: value for name in NAMES if (value := getattr(exemption, name)) is not None}
    if exemption.off:
        return replace(rule, exceptions=(), warning=None, critical=None, clear=None, clear_critical=None)
    is_same = exemption.measure == rule.measure
    left: dict[str, Any] = {name: getattr(rule, name) if is_same else None for name in NAMES}
    if "warning" in given or left["warning"] is None:
        left["clear"] = None
    if "critical" in given:
        left["clear_critical"] = None
    return measured(replace(rule, exceptions=(), measure=exemption.measure, **(left | given)))


def is_past(exemption: Exemption, now: datetime) -> bool:
    """Whether the rule is again as it was."""
    return exemption.until is not None and now >= exemption.until


def cases_of(rule: Rule, now: datetime) -> list[Case]:
    """The exceptions that are not past, in their order."""
    return [(each.match, under(rule, each)) for each in rule.exceptions if not is_past(each, now)]


def is_off(rule: Rule) -> bool:
    """Whether nothing fires under it."""
    return rule.warning is None and rule.critical is None


def judged(seen: Observation, measures: Mapping[str, Any], rule: Rule, cases: Sequence[Case]) -> Observation:
    """What was seen, with its value by the measure of the first case that holds for it; one whose measure is not known does not.

    Args:
        measures: the row with the columns of the measures.
    """
    labels = alert_labels(rule.name, seen.subject, None, seen.all_labels)
    for matchers, case in (*cases, ((), measured(rule))):
        if _hold(matchers, labels):
            value = measures.get(case.measure) if case.measure else seen.value
            if value is not None and not math.isnan(value):
                return replace(seen, value=float(value), under=case)
    return replace(seen, value=math.nan)


def is_turned_off(alert: Alert, cases: Sequence[Case]) -> bool:
    """Whether an exception turns the rule off for an alert of which nothing is seen."""
    labels = alert_labels(alert.rule, alert.subject, None, alert.labels)
    return next((is_off(case) for matchers, case in cases if _hold(matchers, labels)), False)


def _hold(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    return all(each.matches(labels.get(each.label, "")) for each in matchers)
