"""What becomes of each row of a channel's outbox, pure: it is to be sent, it waits, or it is suppressed, and why.

A row that was suppressed is looked at again as long as its alert lasts: when a silence ends, the one who was not told is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tasks.matchers import alert_labels
from tasks.message import ENDS
from tasks.notifications.retries import GIVE_UP
from tasks.routes import Closed, waits_for
from tasks.silences import Silence, ack_of, quiet_until, silence_of

ACTIVE = ("firing", "recovering", "no_data", "error")
OPEN = ("queued", "failed", "sending")
WAITING = ("behind", "off_hours")
"""Of the codes of what is open those that keep it from being sent."""
BEHIND = "waits for what comes before it"
"""The sentence of code `behind`."""
FOR_GOOD = ("damped", "grouped", "superseded")
"""Of the codes of what is suppressed those that do not pass with a silence, an ack or an alert that speaks for it."""
Episode = tuple[str, int]
"""A fingerprint and the number of its episode."""


@dataclass(frozen=True)
class Notification:
    """A row of alerts.notifications, whose column descriptions hold."""

    notification_id: str
    transition_id: str
    fingerprint: str
    episode: int
    event: str
    channel: str
    status: str
    reason_code: str | None
    reason: str | None
    attempts: int
    next_attempt_at: datetime | None
    sent_at: datetime | None
    updated_at: datetime
    severity: str
    message: str
    digest: str | None
    queued_at: datetime
    is_maybe_received: bool
    routes: tuple[str, ...] = ()

    @property
    def of(self) -> Episode:
        return self.fingerprint, self.episode


@dataclass(frozen=True)
class CurrentAlert:
    """What a row's alert is like now."""

    rule: str
    subject: str
    labels: tuple[tuple[str, str], ...]
    severity: str | None
    state: str
    episode: int


@dataclass(frozen=True)
class Situation:
    """What decides over a channel's rows.

    Attributes:
        alerts: by fingerprint, those of the rows.
        inhibitors: (rule that is inhibited, subject) -> the alerts that inhibit it now: their rules and labels.
        told: episodes of which the channel has been sent something, or may have received it.
        told_at: when it was last sent something of them.
        grouped: the digest that tells of an episode.
        paused: the channel failed and is left alone until then; with what it said.
        full: the channel takes nothing more until then; with how much it takes.
        closed: the routes that are outside of their hours.
    """

    now: datetime
    alerts: Mapping[str, CurrentAlert] = field(default_factory=dict)
    silences: Sequence[Silence] = ()
    inhibitors: Mapping[tuple[str, str], Sequence[tuple[str, Mapping[str, str]]]] = field(default_factory=dict)
    told: frozenset[Episode] = frozenset()
    told_at: Mapping[Episode, datetime] = field(default_factory=dict)
    grouped: Mapping[Episode, str] = field(default_factory=dict)
    paused: tuple[datetime, str] | None = None
    full: tuple[datetime, str] | None = None
    closed: Closed = field(default_factory=dict)


def is_active(row: Notification, alerts: Mapping[str, CurrentAlert]) -> bool:
    """Whether the row's episode lasts."""
    alert = alerts.get(row.fingerprint)
    return alert is not None and alert.state in ACTIVE and alert.episode == row.episode


def decide(rows: Iterable[Notification], situation: Situation) -> list[Notification]:
    """The rows as they shall be: suppressed with the reason; open, if they are to be sent sooner or later. Ends come behind all
    else of their episodes, whatever the clock said when.

    Args:
        rows: of one channel: those that are open, and those that are suppressed and whose episode lasts.
    """
    ordered = _without_needless(sorted(rows, key=lambda row: (row.event in ENDS, row.queued_at, row.notification_id)), situation)
    latest = {row.of: row for row in ordered if row.event not in ENDS and row.reason_code != "superseded"}
    waiting: set[Episode] = set()
    after = []
    for row in ordered:
        is_old = row.status == "suppressed" and (latest.get(row.of) is not row or not _is_news(row, situation))
        decided = row if is_old else _decide_one(row, situation, row.of in waiting)
        after.append(decided)
        if decided.status in OPEN:
            waiting.add(row.of)
    return after


def _without_needless(ordered: Iterable[Notification], situation: Situation) -> list[Notification]:
    """The rows; reminders that nobody needs are suppressed for good: what they remind of is still to be told, was told since, or a
    later one waits."""
    rows, to_come = list(ordered), set[Episode]()
    newest = {row.of: row for row in rows if row.event == "reminder"}
    after = []
    for row in rows:
        is_in_question = row.event == "reminder" and row.reason_code not in FOR_GOOD
        why = _needless(row, situation, newest[row.of], row.of in to_come) if is_in_question else None
        after.append(row if why is None else superseded(row, why))
        if row.event not in ("reminder", *ENDS) and row.reason_code not in FOR_GOOD:
            to_come.add(row.of)
    return after


def superseded(row: Notification, why: str) -> Notification:
    """The row of a reminder that nobody needs."""
    return replace(row, status="suppressed", reason_code="superseded", reason=f"not needed: {why}", digest=None)


def _needless(row: Notification, situation: Situation, newest: Notification, is_beginning_to_come: bool) -> str | None:
    if row.status == "suppressed" and newest is not row:
        return "a later one waits"
    told_at = situation.told_at.get(row.of)
    if told_at is not None and row.queued_at < told_at <= situation.now:
        return f"the alert was told at {told_at:%Y-%m-%d %H:%M} UTC"
    is_unheard = row.of not in situation.told and row.of not in situation.grouped
    return "what it reminds of was not told yet" if is_unheard and is_beginning_to_come else None


def _is_news(row: Notification, situation: Situation) -> bool:
    """Whether what was kept back is still to be told: all of it to whom nothing was told, else what is still true."""
    alert = situation.alerts.get(row.fingerprint)
    if alert is None or row.of not in situation.told:
        return True
    return alert.state == "no_data" if row.event == "no_data" else alert.severity == row.severity


def _decide_one(row: Notification, situation: Situation, is_behind: bool) -> Notification:
    if row.event in ENDS:
        return _decide_end(row, situation, is_behind)
    why = _suppression(row, situation)
    if why is not None:
        return replace(row, status="suppressed", reason_code=why[0], reason=why[1])
    if row.status == "suppressed":
        return replace(row, status="queued", reason_code=None, reason=None, digest=None, queued_at=situation.now)
    return _lined_up(row, is_behind)


def _lined_up(row: Notification, is_behind: bool) -> Notification:
    if is_behind:
        return replace(row, reason_code="behind", reason=BEHIND)
    return replace(row, reason_code=None, reason=None) if row.reason_code == "behind" else row


def _decide_end(row: Notification, situation: Situation, is_behind: bool) -> Notification:
    """An end follows what was sent, and nothing else."""
    if is_behind or row.of in situation.told:
        return _lined_up(row, is_behind)
    digest = situation.grouped.get(row.of)
    if digest is None:
        why, said = "untold", "not told: nothing of this episode was sent here"
    else:
        why, said = "grouped", f"grouped: ends with digest {digest}"
    return replace(row, status="suppressed", reason_code=why, reason=said, digest=digest)


def _suppression(row: Notification, situation: Situation) -> tuple[str, str | None] | None:
    """Why it is not to be sent now: the code and the sentence."""
    if row.status == "suppressed" and row.reason_code in FOR_GOOD:
        return row.reason_code, row.reason
    alert = situation.alerts.get(row.fingerprint)
    if alert is None:
        return None
    ack = ack_of(row.fingerprint, row.episode, situation.silences) if row.event != "escalated" else None
    if ack is not None:
        return "acknowledged", f"acknowledged by {ack.author}: {ack.reason}"
    labels = alert_labels(alert.rule, alert.subject, row.severity, alert.labels)
    silence = silence_of(labels, situation.silences, situation.now)
    if silence is not None:
        end = quiet_until(silence, situation.now)
        until = f" until {end:%Y-%m-%d %H:%M} UTC" if end else ""
        return "silenced", f"silenced by {silence.author}{until}: {silence.reason} ({silence.silence_id})"
    inhibited = next((("inhibited", f"inhibited by {rule} of {alert.subject}") for rule in _inhibitors(alert, situation)), None)
    off_hours = _off_hours(row, situation)
    return inhibited or (("off_hours", off_hours) if off_hours else None)


def _off_hours(row: Notification, situation: Situation) -> str | None:
    """Why it waits for the hours of its route, if it does."""
    waits = waits_for(row.routes, situation.closed)
    if waits is None:
        return None
    name, begin = waits
    return f"waits for the hours of route {name}, " + (f"from {begin:%Y-%m-%d %H:%M} UTC" if begin else "which are none for a year")


def _inhibitors(alert: CurrentAlert, situation: Situation) -> list[str]:
    """The rules that inhibit it: about the same subject, and alike in every label that both have."""
    own = dict(alert.labels)
    found = situation.inhibitors.get((alert.rule, alert.subject), ())
    return [rule for rule, labels in found if all(labels[name] == own[name] for name in labels.keys() & own.keys())]


def hold(rows: Iterable[Notification], situation: Situation) -> list[Notification]:
    """The rows as decided; those that are to be sent and cannot be now say why."""
    return [_held(row, situation) if row.status in OPEN and row.reason_code != "behind" else row for row in rows]


def _held(row: Notification, situation: Situation) -> Notification:
    off_hours = _off_hours(row, situation)
    if off_hours is not None:
        return replace(row, status="queued", reason_code="off_hours", reason=off_hours)
    if row.reason_code == "off_hours":
        row = replace(row, reason_code=None, reason=None, queued_at=situation.now)
    if situation.paused is not None and situation.now - row.queued_at >= GIVE_UP:
        said = f"given up after {GIVE_UP.total_seconds() / 3600:g} h: {situation.paused[1]}"
        return replace(row, status="dead", reason_code="given_up", reason=said)
    if row.status == "failed":
        return row
    if situation.paused is not None:
        said = f"waits: the channel failed, next at {situation.paused[0]:%H:%M:%S} UTC"
        return replace(row, reason_code="paused", reason=said)
    if situation.full is not None:
        until, pace = situation.full
        return replace(row, reason_code="rate_limited", reason=f"rate-limited: {pace}, next at {until:%H:%M:%S} UTC")
    return replace(row, reason_code=None, reason=None)


def next_row(rows: Iterable[Notification], situation: Situation) -> Notification | None:
    """The row to send now: of those that are due the one with the fewest attempts, then the oldest, ends before beginnings; so one
    that is always refused keeps none of the others back."""
    if situation.paused is not None or situation.full is not None:
        return None
    due = [row for row in rows if row.status in OPEN and row.reason_code not in WAITING and is_due(row, situation.now)]
    return min(due, key=lambda row: (row.attempts, row.queued_at, row.event not in ENDS, row.notification_id), default=None)


def is_due(row: Notification, now: datetime) -> bool:
    """Whether it may be tried; a time that lies further ahead than any wait is one of a clock that was set back."""
    return row.next_attempt_at is None or row.next_attempt_at <= now or row.next_attempt_at - now > GIVE_UP
