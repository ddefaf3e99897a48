"""Which alerts speak for others, pure: about the same subject, and alike in every label that both have."""

from collections.abc import Iterable, Mapping, Sequence

from tasks.alerts.rule import Rule
from tasks.alerts.states import ACTIVE, Alert

Over = Mapping[tuple[str, str], Sequence[Alert]]
"""By rule and subject the alerts that speak for those of the rule about the subject."""


def active_inhibitors(rules: Iterable[Rule], alerts: Iterable[Alert]) -> Over:
    """Those that are active now."""
    inhibits = {rule.name: rule.inhibits for rule in rules if rule.inhibits}
    found: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        if alert.state in ACTIVE:
            for name in inhibits.get(alert.rule, ()):
                found.setdefault((name, alert.subject), []).append(alert)
    return found


def speaks_for(alert: Alert, over: Over) -> Alert | None:
    """The first that speaks for this one."""
    own = dict(alert.labels)
    found = over.get((alert.rule, alert.subject), ())
    return next((each for each in found if all(own.get(name, text) == text for name, text in each.labels)), None)
