"""How people look after a critical alert, pure: what keeps it quiet, and how long they may leave it unanswered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tasks.alerts.inhibition import Over, speaks_for
from tasks.alerts.states import Alert, Care
from tasks.matchers import alert_labels
from tasks.routes import Closed, Recipients, closed_routes, escalating, recipients_of, repeated, routed_labels, waits_for
from tasks.silences import Silence, ack_of, silence_of


@dataclass(frozen=True)
class Caring:
    """What an evaluation at `now` knows of people.

    Args:
        real_only: channels that are not told of the sample's alerts.
        over: the alerts that speak for others.
    """

    now: datetime
    channels: Mapping[str, str]
    silences: Sequence[Silence] = ()
    over: Over | None = None
    real_only: Collection[str] = ()

    def of(self, alert: Alert) -> Care:
        """Of an alert that is critical."""
        if not isinstance(self.channels, Recipients):
            return Care()
        labels = routed_labels(alert.rule, alert.subject, "critical", alert.labels, is_sample=alert.is_sample)
        unwanted = self.real_only if alert.is_sample else ()
        to = recipients_of("reminder", "critical", "critical", labels, self.channels, unwanted)
        open_now = {name: routes for name, routes in to.items() if waits_for(routes, self._closed) is None}
        spans = [span for routes in open_now.values() if (span := repeated(self.channels, routes))]
        handing = escalating(self.channels, labels, unwanted)
        return Care(
            is_quiet=not open_now or self._is_quiet(alert),
            repeat_every=min(spans, default=None),
            escalate_after=handing.escalate_after if handing else None,
        )

    @cached_property
    def _closed(self) -> Closed:
        return closed_routes(self.channels.routes, self.now) if isinstance(self.channels, Recipients) else {}

    def _is_quiet(self, alert: Alert) -> bool:
        if ack_of(alert.fingerprint, alert.episode, self.silences) or speaks_for(alert, self.over or {}):
            return True
        return silence_of(alert_labels(alert.rule, alert.subject, "critical", alert.labels), self.silences, self.now) is not None
