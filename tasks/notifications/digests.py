"""Many notifications at once are one, pure: a digest with their list. It ends when few of its alerts go on, and these are told one
by one."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from storage.sql_files import sql_beside
from tasks.message import ENDS, Member, Message, from_json, to_json
from tasks.notifications.dispatch import OPEN, CurrentAlert, Notification, is_active, superseded

MOST_ALONE = 10
"""So many notifications at once are told one by one; more are grouped."""
FEW = 3
"""A digest ends when no more of its alerts than this go on."""


def group(rows: Sequence[Notification], now: datetime) -> list[Notification]:
    """The rows as decided; where too many of them are about to be sent, these suppressed, and a digest of them."""
    fresh = [row for row in rows if _is_fresh(row)]
    if len(fresh) <= MOST_ALONE:
        return list(rows)
    digest = _digest(fresh, now)
    ids = {row.notification_id for row in fresh}
    key = digest.fingerprint
    said = {"status": "suppressed", "reason_code": "grouped", "reason": f"grouped in digest {key}", "digest": key}
    return [*(replace(row, **said) if row.notification_id in ids else row for row in rows), digest]  # type: ignore[arg-type]


def _is_fresh(row: Notification) -> bool:
    return row.status == "queued" and row.attempts == 0 and row.event not in (*ENDS, "digest") and row.reason_code != "behind"


def end_digests(
    digests: Iterable[Notification], rows: Sequence[Notification], alerts: Mapping[str, CurrentAlert], now: datetime
) -> tuple[list[Notification], list[Notification]]:
    """The digests that have ended: the rows that say so, and those of the members that go on, queued again.

    Args:
        digests: those whose end was not told.
        rows: the suppressed rows of the channel whose episodes last.
    """
    ends: list[Notification] = []
    revived: list[Notification] = []
    for digest in digests:
        left = [row for row in rows if row.digest == digest.fingerprint and row.event not in ENDS and is_active(row, alerts)]
        if digest.status in ("sent", "dead") and len({row.of for row in left}) <= FEW:
            ends.append(_end(digest, left, now))
            revived += [replace(row, status="queued", reason_code=None, reason=None, digest=None, queued_at=now) for row in left]
    return ends, revived


def remind(
    rows: Sequence[Notification], digests: Iterable[Notification], grouped: Mapping[tuple[str, int], str], now: datetime
) -> list[Notification]:
    """The rows as decided; reminders of alerts that a digest told are one reminder of the digest.

    Args:
        digests: those that have not ended.
        grouped: the digest that tells of an episode.
    """
    told = {digest.fingerprint: digest for digest in digests}
    due: dict[str, list[Notification]] = {}
    for row in rows:
        if row.event == "reminder" and _is_fresh(row) and grouped.get(row.of) in told:
            due.setdefault(grouped[row.of], []).append(row)
    replaced = {row.notification_id: superseded(row, f"digest {key} speaks for it") for key, found in due.items() for row in found}
    reminders = [_reminder(told[key], found, now) for key, found in due.items() if told[key].status not in OPEN]
    return [*(replaced.get(row.notification_id, row) for row in rows), *reminders]


def _reminder(digest: Notification, rows: Sequence[Notification], now: datetime) -> Notification:
    told, count = from_json(digest.message), f"{len(rows):,}"
    statement = f"{count} critical alerts of this digest of {len(told.members):,} still fire, and nobody has acknowledged them"
    fingerprints = {row.fingerprint for row in rows}
    members = tuple(member for member in told.members if member.fingerprint in fingerprints)
    title = f"[REMINDER] {count} of {told.subject} at once"
    message = replace(told, event="reminder", at=now, title=title, statement=statement, members=members, value=float(len(rows)))
    identity = "\x1f".join([digest.fingerprint, *sorted(row.notification_id for row in rows)])
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return _told_anew(digest, "reminder", key, f"{digest.fingerprint}-{key}", message, now)


def _digest(rows: Sequence[Notification], now: datetime) -> Notification:
    messages = {row.of: from_json(row.message) for row in sorted(rows, key=lambda row: row.queued_at)}
    identity = "\x1f".join([rows[0].channel, *sorted(row.notification_id for row in rows)])
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    message = _digest_message(key, list(messages.values()), now)
    return Notification(
        notification_id=hashlib.sha256(f"{key}\x1fdigest".encode()).hexdigest()[:16],
        transition_id=key,
        fingerprint=key,
        episode=1,
        event="digest",
        channel=rows[0].channel,
        status="queued",
        reason_code=None,
        reason=None,
        attempts=0,
        next_attempt_at=None,
        sent_at=None,
        updated_at=now,
        severity=message.severity,
        message=to_json(message),
        digest=None,
        queued_at=now,
        is_maybe_received=False,
        routes=_routes(rows),
    )


def _routes(rows: Sequence[Notification]) -> tuple[str, ...]:
    """Those of all rows; none where one of them is told at any hour."""
    if not all(row.routes for row in rows):
        return ()
    return tuple(dict.fromkeys(name for row in rows for name in row.routes))


def _digest_message(key: str, messages: Sequence[Message], now: datetime) -> Message:
    rules = ", ".join(f"{count:,} {rule}" for rule, count in Counter(message.rule for message in messages).most_common(5))
    severity = min(message.severity for message in messages)  # critical comes before warning
    worst_first = sorted(messages, key=lambda message: (message.severity, message.rule, message.subject))
    members = tuple(Member(each.fingerprint, each.rule, each.subject, each.severity, each.statement) for each in worst_first)
    return Message(
        fingerprint=key,
        episode=1,
        event="digest",
        severity=severity,
        rule="digest",
        subject=f"{len(messages):,} alerts",
        labels={},
        value=float(len(messages)),
        threshold=float(MOST_ALONE),
        since=min(message.since for message in messages),
        at=now,
        title=f"[{severity.upper()}] {len(messages):,} alerts at once: {rules}",
        statement=f"{len(messages):,} alerts at once: {rules}",
        runbook="",
        query=sql_beside(__file__, "digest_evidence").strip(),
        is_sample=all(message.is_sample for message in messages),
        members=members,
    )


def _end(digest: Notification, left: Sequence[Notification], now: datetime) -> Notification:
    told, going_on = from_json(digest.message), {row.of: from_json(row.message) for row in left}
    count, names = len(told.members), ", ".join(sorted(f"{each.rule} of {each.subject}" for each in going_on.values()))
    rest = f"; notified one by one from now on: {names}" if names else ""
    statement = f"{count - len(going_on):,} of {count:,} alerts of this digest have resolved{rest}"
    message = replace(told, event="resolved", at=now, title=f"[RESOLVED] {told.subject} at once", statement=statement, members=())
    key = hashlib.sha256(f"{digest.fingerprint}\x1fresolved".encode()).hexdigest()[:16]
    return _told_anew(digest, "resolved", key, f"{digest.fingerprint}-end", message, now)


def _told_anew(digest: Notification, event: str, key: str, transition: str, message: Message, now: datetime) -> Notification:
    return replace(
        digest,
        notification_id=key,
        transition_id=transition,
        event=event,
        status="queued",
        reason_code=None,
        reason=None,
        attempts=0,
        next_attempt_at=None,
        sent_at=None,
        updated_at=now,
        message=to_json(message),
        queued_at=now,
        is_maybe_received=False,
    )
