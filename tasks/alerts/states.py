"""The state machine of one alert, pure: (rule, what the rule saw, the alert as it stands, now) -> the alert as it shall stand, and
what there is to tell.

inactive -> pending -> firing -> recovering -> resolved, and no_data -> gone. Severity is not identity, so a rise and a fall are
told within the episode. What a day has no notification left for waits, and the newest of what waits is told when it has one again.
A critical alert that nobody acknowledged is told again and again, and once to somebody else.
A clock that was set back never makes a time negative: what lies ahead of it counts as now.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tasks.alerts.rule import Rule

ACTIVE = ("firing", "recovering", "no_data", "error")
OVER = ("inactive", "resolved", "gone")
DAY = timedelta(days=1)
MOST_NOTICES = 6
"""Of one alert within any 24 hours."""
FLAPPING = ((timedelta(hours=1), 2), (DAY, 3))
"""An alert that fires so often within so long is flapping."""
MOST_WITH_REMINDERS = MOST_NOTICES - 2
"""A reminder leaves the day a notification for a rise and one for the end."""
STEADY = timedelta(hours=2)
"""Without a change for so long, it is not flapping any more."""


@dataclass(frozen=True)
class Observation:
    """What a rule's SELECT yielded for one subject; `detail` goes into the sentence, and is no part of the identity.

    Args:
        under: the rule as it is for this subject, where an exception or a measure makes it another.
        members: of a group, the first of `member_count`, the worst first.
        team: whose it is, if that is known; no part of the identity.
    """

    subject: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()
    is_sample: bool = False
    detail: str = ""
    under: Rule | None = None
    members: tuple[str, ...] = ()
    member_count: int = 0
    team: str = ""

    @property
    def all_labels(self) -> tuple[tuple[str, str], ...]:
        """With the team, which is no part of the identity."""
        return tuple(sorted((*self.labels, ("team", self.team)))) if self.team else self.labels


@dataclass(frozen=True)
class Alert:
    """One alert's state; a row of alerts.alerts, whose column descriptions hold."""

    fingerprint: str
    rule: str
    subject: str
    labels: tuple[tuple[str, str], ...]
    is_sample: bool
    state: str = "inactive"
    severity: str | None = None
    value: float | None = None
    threshold: float | None = None
    episode: int = 0
    pending_since: datetime | None = None
    firing_since: datetime | None = None
    clear_since: datetime | None = None
    last_seen_at: datetime | None = None
    resolved_at: datetime | None = None
    changed_at: datetime | None = None
    updated_at: datetime | None = None
    recent_firings: tuple[datetime, ...] = ()
    recent_notices: tuple[datetime, ...] = ()
    told: tuple[str, ...] = ()
    worst_severity: str | None = None
    is_flapping: bool = False
    told_severity: str | None = None
    waits: str | None = None
    unit: str | None = None
    member_count: int = 0
    members: tuple[str, ...] = ()
    told_at: datetime | None = None
    unanswered_since: datetime | None = None


@dataclass(frozen=True)
class Care:
    """How people look after a critical alert.

    Args:
        is_quiet: somebody acknowledged it, it is silenced or inhibited, or it is outside of the hours of all its routes.
        repeat_every: after so long they are reminded; None: never.
        escalate_after: after so long without an acknowledgement others are told; None: never.
    """

    is_quiet: bool = False
    repeat_every: timedelta | None = None
    escalate_after: timedelta | None = None


CareOf = Callable[[Alert], Care]


def without_care(_: Alert) -> Care:
    """Nobody is reminded of anything."""
    return Care()


@dataclass(frozen=True)
class Step:
    """The alert after an evaluation; what there is to tell, if anything; and whether that is kept back: because it flaps, or as
    the day has no notification left."""

    alert: Alert
    event: str | None = None
    is_damped: bool = False


def severity_of(rule: Rule, value: float) -> str | None:
    """The worst threshold that `value` has reached, or None."""
    for severity, threshold in (("critical", rule.critical), ("warning", rule.warning)):
        if threshold is not None and _is_beyond(rule, value, threshold):
            return severity
    return None


def advance(rule: Rule, alert: Alert, seen: Observation | None, now: datetime, care_of: CareOf = without_care) -> Step:
    """The alert after an evaluation at `now` in which the rule yielded `seen` for it (None: nothing)."""
    alert = as_of_clock(alert, now)
    if seen is None and rule.no_data_for is not None:
        return _mark(alert, _without_data(rule, alert, now), now)
    if seen is None and rule.gone_after is not None:
        return leave(alert, now) if _is_unseen_for(alert, rule.gone_after, now) else _mark(alert, Step(pause(alert, now)), now)
    if seen is None:
        return _mark(alert, _without_condition(rule, _changed(alert, value=None), now), now)
    known = _changed(
        alert,
        value=seen.value,
        last_seen_at=now,
        is_sample=seen.is_sample,
        unit=rule.unit,
        member_count=seen.member_count,
        members=seen.members,
    )
    severity = _severity_now(rule, known, seen.value)
    step = (
        _cared_for(_with_condition(rule, known, severity, now), care_of, now) if severity else _without_condition(rule, known, now)
    )
    return _mark(alert, step, now)


def resolve(alert: Alert, now: datetime) -> Step:
    """The end of an alert that nothing will evaluate any more; one that only was pending ends in silence."""
    return _end(alert, "resolved", now)


def leave(alert: Alert, now: datetime) -> Step:
    """The end of an alert whose subject left for good; one that only was pending ends in silence."""
    return _end(_changed(alert, value=None), "gone", now)


def leave_now(alert: Alert, now: datetime) -> Step:
    """The same for one that people say has left: its end waits for no day to be over, and what comes back is new, with a day of its
    own."""
    alert = _changed(as_of_clock(alert, now), value=None)
    if alert.state not in ACTIVE:
        return _mark(alert, Step(_changed(alert, state="inactive", pending_since=None)), now)
    step = _mark(alert, _ended(alert, "gone", now), now)
    return replace(step, alert=_changed(step.alert, recent_notices=()))


def hold(rule: Rule, alert: Alert, now: datetime) -> Step:
    """The alert of a subject that is silent, which another alert tells: it may be without data, and has no end."""
    if rule.no_data_for is not None:
        return advance(replace(rule, gone_after=None), alert, None, now)
    alert = as_of_clock(alert, now)
    return _mark(alert, Step(pause(alert, now)), now)


def _end(alert: Alert, how: str, now: datetime) -> Step:
    alert = as_of_clock(alert, now)
    if alert.state in ACTIVE and not _is_near_limit(alert):
        return _mark(alert, _ended(alert, how, now), now)
    if alert.state in OVER:
        return Step(alert)
    return _mark(alert, Step(_changed(alert, state="recovering" if alert.state in ACTIVE else "inactive", pending_since=None)), now)


def pause(alert: Alert, now: datetime) -> Alert:
    """The alert after an evaluation that said nothing of it: pending counts only while there are data."""
    alert = as_of_clock(alert, now)
    if alert.state != "pending" or alert.pending_since is None:
        return alert
    return _changed(alert, pending_since=alert.pending_since + (now - (alert.updated_at or now)), updated_at=now)


def _changed(alert: Alert, **changes: Any) -> Alert:
    """As dataclasses.replace, at a tenth of the time; of that an evaluation of many alerts consists."""
    after = object.__new__(Alert)
    vars(after).update(vars(alert), **changes)
    return after


def alert_with(values: Mapping[str, Any]) -> Alert:
    """The alert with all of these values, past the constructor of a frozen class, which sets them one by one."""
    alert = object.__new__(Alert)
    vars(alert).update(values)
    return alert


def as_of_clock(alert: Alert, now: datetime) -> Alert:
    """The alert with nothing ahead of `now`, and without what is older than 24 hours."""
    if alert.updated_at is not None and alert.updated_at > now:
        names = ("pending_since", "clear_since", "last_seen_at", "changed_at", "updated_at", "told_at", "unanswered_since")
        instants = {name: getattr(alert, name) for name in names}
        alert = _changed(alert, **{name: min(instant, now) for name, instant in instants.items() if instant})
    firings, notices = _last_day(alert.recent_firings, now), _last_day(alert.recent_notices, now)
    if (firings, notices) == (alert.recent_firings, alert.recent_notices):
        return alert
    return _changed(alert, recent_firings=firings, recent_notices=notices)


def _last_day(instants: tuple[datetime, ...], now: datetime) -> tuple[datetime, ...]:
    if not instants or (max(instants) <= now and now - min(instants) < DAY):
        return instants
    return tuple(min(instant, now) for instant in instants if now - instant < DAY)


def badness(rule: Rule, value: float) -> float:
    """A number that is greater the worse the value is."""
    return value if rule.direction == "above" else -value


def _is_beyond(rule: Rule, value: float, threshold: float) -> bool:
    return value >= threshold if rule.direction == "above" else value <= threshold


def _is_not_back(rule: Rule, value: float, clear: float | None) -> bool:
    return clear is not None and value != clear and _is_beyond(rule, value, clear)


def _severity_now(rule: Rule, alert: Alert, value: float) -> str | None:
    """The severity that holds: an active alert keeps its own until the value is back at the clear threshold."""
    reached = severity_of(rule, value)
    if alert.state not in ACTIVE or reached == "critical":
        return reached
    if alert.severity == "critical" and _is_not_back(rule, value, rule.clear_critical):
        return "critical"
    if reached is None and _is_not_back(rule, value, rule.clear):
        return "warning" if rule.warning is not None else "critical"
    return reached


def _with_condition(rule: Rule, alert: Alert, severity: str, now: datetime) -> Step:
    threshold = rule.critical if severity == "critical" else rule.warning
    rises = (alert.severity, severity) == ("warning", "critical")
    alert = _changed(alert, severity=severity, threshold=threshold, clear_since=None)
    if alert.state in ACTIVE:
        return _goes_on(alert, rises, now)
    since = alert.pending_since if alert.state == "pending" and alert.pending_since else now
    alert = _changed(alert, pending_since=since)
    return _fires(alert, now) if now - since >= rule.pending_for else Step(_changed(alert, state="pending"))


def _fires(alert: Alert, now: datetime) -> Step:
    firings = (*alert.recent_firings, now)
    is_flapping = any(sum(now - at < within for at in firings) >= often for within, often in FLAPPING)
    fired = _changed(
        alert,
        state="firing",
        episode=alert.episode + 1,
        firing_since=now,
        resolved_at=None,
        recent_firings=firings,
        told=(),
        worst_severity=alert.severity,
        is_flapping=is_flapping,
        waits=None,
        unanswered_since=None,
    )
    return Step(fired, "flapping" if is_flapping else "firing")


def _goes_on(alert: Alert, rises: bool, now: datetime) -> Step:
    is_steady = alert.state == "firing" and alert.changed_at is not None and now - alert.changed_at >= STEADY
    worst = "critical" if alert.severity == "critical" else alert.worst_severity
    is_flapping, change = alert.is_flapping and not is_steady, _change_of_severity(alert, rises)
    waits = alert.waits if change else None
    after = _changed(alert, state="firing", is_flapping=is_flapping, worst_severity=worst, waits=waits)
    if change is not None:
        return _told_or_waits(after, change, is_full=len(alert.recent_notices) >= MOST_NOTICES)
    relapses = alert.is_flapping and alert.state == "recovering"
    return Step(after, "firing", is_damped=True) if relapses else Step(after)


def _cared_for(step: Step, care_of: CareOf, now: datetime) -> Step:
    """The step of an alert that is beyond a threshold, with what is due for want of an answer if nothing else is told."""
    alert, is_told = step.alert, step.event is not None and not step.is_damped
    is_known = is_told or alert.told_severity == "critical"
    if alert.state != "firing" or alert.severity != "critical" or not is_known:
        return step if alert.unanswered_since is None else replace(step, alert=_changed(alert, unanswered_since=None))
    care = care_of(alert)
    alert = _changed(alert, unanswered_since=None if care.is_quiet else alert.unanswered_since or now)
    due = None if is_told or care.is_quiet else _due(alert, care, now)
    return Step(alert, due) if due else replace(step, alert=alert)


def _due(alert: Alert, care: Care, now: datetime) -> str | None:
    """The new recipients come first: the others have heard of it."""
    notices = len(alert.recent_notices)
    waited = now - (alert.unanswered_since or now)
    if _is_over(waited, care.escalate_after) and "unacknowledged" not in alert.told and notices < MOST_NOTICES:
        return "unacknowledged"
    since = alert.told_at or alert.firing_since or now
    return "reminder" if _is_over(now - since, care.repeat_every) and notices < MOST_WITH_REMINDERS else None


def _is_over(waited: timedelta, span: timedelta | None) -> bool:
    return span is not None and waited >= span


def _change_of_severity(alert: Alert, rises: bool) -> str | None:
    """The rise or the fall that people do not know of: a rise that waits is told even where they believe it critical, for they also
    missed the fall before it."""
    if alert.severity == "critical":
        return "escalated" if rises or alert.waits == "escalated" or alert.told_severity == "warning" else None
    return "eased" if alert.told_severity == "critical" else None


def _told_or_waits(after: Alert, event: str, *, is_full: bool) -> Step:
    """What the day has no notification left for is kept back once, and told by itself when there is one."""
    if not is_full:
        return Step(_changed(after, waits=None), event)
    return Step(after) if after.waits == event else Step(_changed(after, waits=event), event, is_damped=True)


def _without_condition(rule: Rule, alert: Alert, now: datetime) -> Step:
    if alert.state == "pending":
        return Step(_changed(alert, state="inactive", pending_since=None))
    if alert.state not in ACTIVE:
        return Step(alert)
    alert = _changed(alert, clear_since=alert.clear_since or now)
    held = max(rule.keep_firing_for, STEADY) if alert.is_flapping else rule.keep_firing_for
    if now - (alert.clear_since or now) < held or _is_near_limit(alert):
        return Step(_changed(alert, state="recovering"))
    return _ended(alert, "resolved", now)


def _is_near_limit(alert: Alert) -> bool:
    """Whether telling one more would leave none for when it fires again."""
    return len(alert.recent_notices) >= MOST_NOTICES - 1


def _ended(alert: Alert, how: str, now: datetime) -> Step:
    ended = _changed(alert, state=how, clear_since=None, pending_since=None, resolved_at=now, is_flapping=False, waits=None)
    return Step(_changed(ended, unanswered_since=None), how)


def _is_unseen_for(alert: Alert, span: timedelta, now: datetime) -> bool:
    return alert.last_seen_at is None or now - alert.last_seen_at >= span


def _without_data(rule: Rule, alert: Alert, now: datetime) -> Step:
    alert = pause(_changed(alert, value=None), now)
    last, patience = alert.last_seen_at, rule.no_data_for
    if alert.state not in ACTIVE or last is None or patience is None or now - last < patience:
        return Step(alert)
    is_gone = alert.state == "no_data" and rule.gone_after is not None and now - (alert.changed_at or now) >= rule.gone_after
    if is_gone and not _is_near_limit(alert):
        return _ended(alert, "gone", now)
    is_news = "no_data" not in alert.told and (alert.state != "no_data" or alert.waits == "no_data")
    after = _changed(alert, state="no_data", clear_since=None)
    return _told_or_waits(after, "no_data", is_full=_is_near_limit(alert)) if is_news else Step(after)


def _mark(before: Alert, step: Step, now: datetime) -> Step:
    """The step with its instants."""
    alert, event = step.alert, step.event
    changed_at = now if alert.state != before.state else before.changed_at
    if event is None or step.is_damped:
        return Step(_changed(alert, updated_at=now, changed_at=changed_at), event, step.is_damped)
    marked = _changed(
        alert,
        updated_at=now,
        changed_at=changed_at,
        told=alert.told if event == "reminder" and event in alert.told else (*alert.told, event),
        told_severity=alert.severity,
        recent_notices=(*alert.recent_notices, now),
        told_at=alert.told_at if event == "unacknowledged" else now,  # that went to others
    )
    return Step(marked, event)
