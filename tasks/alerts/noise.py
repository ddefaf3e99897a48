"""What a change of a rule would have spared people, pure: the rule as it is and changed, replayed over what it saw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tasks.alerts.replay import count_notifications, replay
from tasks.alerts.rule import Rule
from tasks.alerts.states import Observation

WAITS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1))
"""What `for` and `keep_firing_for` are tried with."""
AS_IT_IS = ("", timedelta())


@dataclass(frozen=True)
class Told:
    """How often a rule would have told, by `change`; empty for the rule as it is."""

    change: str
    episodes: int
    notifications: int


def told_by_changes(rule: Rule, seen: Mapping[datetime, list[Observation]]) -> list[Told]:
    """The rule as it is, and with each change, over what it saw at each instant."""
    return [_told(change, changed, seen) for change, changed in (("", rule), *changes(rule))]


def _told(change: str, rule: Rule, seen: Mapping[datetime, list[Observation]]) -> Told:
    episodes = replay(rule, seen.__getitem__, seen)
    return Told(change, len(episodes), count_notifications(episodes, "warning"))


def changes(rule: Rule) -> list[tuple[str, Rule]]:
    """The changes worth a try, as they are written in a rules file."""
    waits = [(_said("for", wait), replace(rule, pending_for=wait)) for wait in WAITS if wait > rule.pending_for]
    keeps = [(_said("keep_firing_for", wait), replace(rule, keep_firing_for=wait)) for wait in WAITS if wait > rule.keep_firing_for]
    return waits + keeps


def told_by_lengths(rule: Rule, seconds: Sequence[float | None], sent: Sequence[int]) -> list[Told]:
    """The same where only the episodes are known: with a longer `for`, those that ended before would not have begun.

    Args:
        seconds: how long each episode lasted; None where it lasts.
        sent: how many notifications were sent of it.
    """
    episodes = list(zip(seconds, sent, strict=True))
    longer_by = [(_said("for", wait), wait - rule.pending_for) for wait in WAITS if wait > rule.pending_for]
    return [_left(change, longer.total_seconds(), episodes) for change, longer in (AS_IT_IS, *longer_by)]


def _left(change: str, least: float, episodes: Iterable[tuple[float | None, int]]) -> Told:
    left = [sent for seconds, sent in episodes if seconds is None or seconds >= least]
    return Told(change, len(left), sum(left))


def _said(key: str, length: timedelta) -> str:
    """As a rules file has it."""
    minutes = int(length.total_seconds() // 60)
    return f'{key} = "{f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"}"'
