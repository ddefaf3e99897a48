"""Where an alert would go, and why: `govpulse alerts route`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flows.routes import read_holidays, recipients
from flows.settings import Settings
from storage.errors import ConfigurationError
from tasks.routes import Recipients, Route, closed_routes, escalating, mismatch, recipients_of, repeated, waits_for
from tasks.wording import duration


@dataclass(frozen=True)
class Destination:
    """A channel that would be told, by which routes (none: for want of one), what it would wait for, and how often it would be told
    again if nobody acknowledged the alert."""

    channel: str
    routes: tuple[str, ...]
    waits_for: tuple[str, datetime | None] | None
    repeat_every: timedelta | None = None

    def __str__(self) -> str:
        by = f"by route {', '.join(self.routes)}" if self.routes else "by no route, as every channel"
        again = f"; again every {duration(self.repeat_every.total_seconds())}" if self.repeat_every else ""
        if self.waits_for is None:
            return f"{self.channel}: at once, {by}{again}"
        name, begin = self.waits_for
        opens = f"when {name} opens, at {begin:%Y-%m-%d %H:%M} UTC" if begin else f"when {name} opens"
        return f"{self.channel}: {by}, {opens}{again}"


@dataclass(frozen=True)
class Tried:
    """What became of an alert that was tried: of each route why it follows it or not, where it goes, and the route that says where
    it goes if nobody acknowledges it."""

    verdicts: tuple[tuple[str, str], ...]
    destinations: tuple[Destination, ...]
    escalates_by: Route | None = None

    @property
    def escalation(self) -> str | None:
        """One line of what comes next, if anything does."""
        route = self.escalates_by
        if route is None or route.escalate_after is None:
            return None
        after = duration(route.escalate_after.total_seconds())
        return f"{', '.join(route.escalate_to)}: after {after} without an acknowledgement, by route {route.name}"

    def document(self) -> dict[str, Any]:
        return {
            "routes": [{"route": route, "why": why} for route, why in self.verdicts],
            "channels": [
                {
                    "channel": each.channel,
                    "routes": list(each.routes),
                    "waits_for": each.waits_for and each.waits_for[0],
                    "waits_until": each.waits_for and each.waits_for[1],
                    "repeat_every_seconds": each.repeat_every and each.repeat_every.total_seconds(),
                }
                for each in self.destinations
            ],
            "escalates_to": list(self.escalates_by.escalate_to) if self.escalates_by else [],
        }


def try_routes(settings: Settings, labels: Mapping[str, str], now: datetime) -> Tried:
    """Where an alert with these labels would go at `now` if it fired.

    Raises:
        ConfigurationError: a file of holidays cannot be read.
    """
    for route in settings.notifications.routes:
        if route.holidays is not None:
            read_holidays(route.holidays)
    to, severity = recipients(settings), labels["severity"]
    unwanted = settings.real_only if labels["is_sample"] == "true" else frozenset()
    found = recipients_of("firing", severity, severity, labels, to, unwanted)
    closed = closed_routes(to.routes, now)
    is_critical = severity == "critical"
    destinations = tuple(
        Destination(channel, names, waits_for(names, closed), repeated(to, names) if is_critical else None)
        for channel, names in found.items()
    )
    verdicts = tuple(_verdicts(to, labels, {name for each in found.values() for name in each}))
    return Tried(verdicts, destinations, escalating(to, labels, unwanted) if is_critical else None)


def _verdicts(to: Recipients, labels: Mapping[str, str], followed: set[str]) -> list[tuple[str, str]]:
    found, is_over = [], False
    for route in to.routes:
        found.append((route.name, "not looked at: a route before it was the last" if is_over else _why(route, labels, followed)))
        is_over = is_over or (route.name in followed and not route.goes_on)
    return found


def _why(route: Route, labels: Mapping[str, str], followed: set[str]) -> str:
    missing = mismatch(route, labels)
    if missing is not None:
        return f"does not match: {missing}, and {missing.label} is {labels.get(missing.label, '')!r}"
    if route.name not in followed:
        return f"passed over: {', '.join(route.channels)} would not take it"
    return "matches" + (", and goes on" if route.goes_on else "")


def parse_labels(texts: list[str]) -> dict[str, str]:
    """Labels as people write them: `team=db`.

    Raises:
        ConfigurationError: one is none.
    """
    parts = [text.partition("=") for text in texts]
    wrong = next((text for text, (label, sign, _) in zip(texts, parts, strict=True) if not label or not sign), None)
    if wrong is not None:
        raise ConfigurationError(f"label {wrong[:60]!r}: write it like team=db")
    return {label: value for label, _, value in parts}
