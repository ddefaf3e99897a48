"""Routes: which alerts go to which channels, and in which hours. Pure.

An alert follows the first route whose matchers all hold for it, and beyond a route that goes on the next one, too. One of whose
channels none takes the alert, for its severity or because it is the sample's, is passed over. What follows no route goes to every
channel.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from tasks.hours import Hours, held_until, next_start
from tasks.matchers import Matcher, alert_labels

SEVERITIES = ("warning", "critical")
AS_IT_IS = ("firing", "escalated", "flapping", "error", "reminder")
"""Events that go where the alert goes as it is now. The others, above all its end, go to whoever may have heard of it."""
REPEAT_EVERY = timedelta(hours=4)
"""As Alertmanager does, unless the settings say otherwise."""
Closed = Mapping[str, datetime | None]
"""Routes outside of their hours, and when these begin; None: not within a year."""


@dataclass(frozen=True)
class Route:
    """Where alerts go for which all matchers hold; none hold for every alert.

    Args:
        goes_on: whether the alert may follow further routes.
        hours: when it is told; outside of them it waits. None: always.
        repeat_every: how often a critical alert is told again until somebody acknowledges it; None: as the others, 0: never.
        escalate_after: after how long without an acknowledgement it goes to the channels `escalate_to`, once. None: never.
    """

    name: str
    matchers: tuple[Matcher, ...]
    channels: tuple[str, ...]
    goes_on: bool = False
    hours: Hours | None = None
    repeat_every: timedelta | None = None
    escalate_after: timedelta | None = None
    escalate_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipients(Mapping[str, str]):
    """By name the severity from which on a channel is told, the routes that lead to them, and how often critical alerts are told
    again where these say nothing of it."""

    least: Mapping[str, str]
    routes: tuple[Route, ...] = ()
    repeat_every: timedelta = REPEAT_EVERY

    def __getitem__(self, channel: str) -> str:
        return self.least[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(self.least)

    def __len__(self) -> int:
        return len(self.least)

    def routes_for(self, rule: str) -> tuple[Route, ...]:
        """The routes that alerts of a rule may follow: there are many alerts and few rules, so this is worked out once for each."""
        if rule not in self._by_rule:
            self._by_rule[rule] = tuple(route for route in self.routes if all(_may_hold(each, rule) for each in route.matchers))
        return self._by_rule[rule]

    @cached_property
    def _by_rule(self) -> dict[str, tuple[Route, ...]]:
        return {}


def _may_hold(matcher: Matcher, rule: str) -> bool:
    return matcher.label != "rule" or matcher.matches(rule)


def routed_labels(rule: str, subject: str, severity: str, labels: Iterable[tuple[str, str]], *, is_sample: bool) -> dict[str, str]:
    """What the matchers of routes see of an alert: what those of silences see, and `is_sample`, `true` or `false`."""
    return alert_labels(rule, subject, severity, labels) | {"is_sample": "true" if is_sample else "false"}


def mismatch(route: Route, labels: Mapping[str, str]) -> Matcher | None:
    """The first matcher that does not hold."""
    for matcher in route.matchers:
        if not matcher.matches(labels.get(matcher.label, "")):
            return matcher
    return None


def followed(routes: Iterable[Route], labels: Mapping[str, str], takes: Callable[[str], bool]) -> list[Route]:
    """The routes that an alert follows.

    Args:
        takes: whether a channel takes the alert.
    """
    found: list[Route] = []
    for route in routes:
        if mismatch(route, labels) is None and any(map(takes, route.channels)):
            found.append(route)
            if not route.goes_on:
                break
    return found


def recipients_of(
    event: str,
    severity: str,
    worst: str,
    labels: Mapping[str, str],
    channels: Mapping[str, str],
    unwanted: Collection[str] = (),
) -> dict[str, tuple[str, ...]]:
    """The channels that an event of an alert goes to, each with the routes that lead there, none where it follows no route.

    Args:
        severity: as it is now; `worst` of its episode.
        channels: by name the severity from which on it is told; with routes if they are `Recipients`.
        unwanted: channels that do not take this alert.
    """
    routes: Sequence[Route] = channels.routes_for(labels["rule"]) if isinstance(channels, Recipients) else ()
    severities = channels.least if isinstance(channels, Recipients) else channels
    found: dict[str, tuple[str, ...]] = {}
    for each in (severity,) if event in AS_IT_IS else SEVERITIES[: SEVERITIES.index(worst) + 1]:
        taking = [name for name, least in severities.items() if _reaches(each, least) and name not in unwanted]
        taken = followed(routes, {**labels, "severity": each}, taking.__contains__)
        for channel in taking:
            leading = tuple(route.name for route in taken if channel in route.channels)
            if leading or not taken:
                found[channel] = tuple(dict.fromkeys((*found.get(channel, ()), *leading)))
    return found


def repeated(channels: Recipients, names: Collection[str]) -> timedelta | None:
    """How often a channel is told again of what the routes `names` lead there: as often as the most frequent says; None: never."""
    given = {route.name: route.repeat_every for route in channels.routes}
    spans = [channels.repeat_every if given.get(name) is None else given[name] for name in names] or [channels.repeat_every]
    return min((span for span in spans if span), default=None)


def escalating(channels: Mapping[str, str], labels: Mapping[str, str], unwanted: Collection[str] = ()) -> Route | None:
    """Of the routes that a critical alert with these labels follows the first that says whom to tell when nobody answers."""
    if not isinstance(channels, Recipients):
        return None
    taking = [name for name in channels if name not in unwanted]
    taken = followed(channels.routes_for(labels["rule"]), {**labels, "severity": "critical"}, taking.__contains__)
    return next((route for route in taken if route.escalate_after is not None), None)


def _reaches(severity: str, least: str) -> bool:
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def closed_routes(routes: Iterable[Route], now: datetime) -> Closed:
    """The routes outside of whose hours it is at `now`."""
    timed = ((route.name, route.hours) for route in routes if route.hours is not None)
    return {name: next_start(hours, now) for name, hours in timed if held_until(hours, now) is None}


def waits_for(names: Collection[str], closed: Closed) -> tuple[str, datetime | None] | None:
    """The route that opens first, and when, of what only routes outside of their hours lead to; None: it need not wait."""
    if not names or any(name not in closed for name in names):
        return None
    return min(((name, closed[name]) for name in names), key=lambda each: (each[1] is None, each[1], each[0]))
