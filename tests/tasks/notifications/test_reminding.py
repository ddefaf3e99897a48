"""Reminders on their way: they wait with what keeps the alert quiet, come once, and never beside what they remind of."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tasks.message import from_json
from tasks.notifications.digests import group, remind
from tasks.notifications.dispatch import CurrentAlert, Notification, Situation, decide
from tasks.silences import new_ack, new_silence, parse_matchers
from tests.tasks.notifications.conftest import NOON, a_row

HOUR = timedelta(hours=1)
STANDING = {"disk-h1": CurrentAlert("disk", "h1", (), "critical", "firing", 1)}
TOLD = {"told": frozenset({("disk-h1", 1)}), "told_at": {("disk-h1", 1): NOON}}
SILENCE = new_silence(parse_matchers(["rule=disk"]), "ann", "disk swap", NOON, NOON + 20 * HOUR, NOON)
ACK = new_ack("disk-h1", 1, "bob", "on it", NOON)


def reminder(hours: int, **fields: Any) -> Notification:
    return a_row(event="reminder", minute=60 * hours, severity="critical", **({"notification_id": f"r{hours}"} | fields))


def outcomes(*rows: Notification, hours: int, **situation: Any) -> list[tuple[str, str, str | None]]:
    after = decide(rows, Situation(now=NOON + hours * HOUR, alerts=STANDING, **situation))
    return [(row.notification_id, row.status, row.reason_code) for row in after]


def test_it_is_sent_after_what_it_reminds_of() -> None:
    assert outcomes(reminder(4), hours=4, **TOLD) == [("r4", "queued", None)]


@pytest.mark.parametrize(("silence", "code"), [(SILENCE, "silenced"), (ACK, "acknowledged")])
def test_it_is_kept_back_like_any_other(silence, code: str) -> None:
    assert outcomes(reminder(4), hours=4, silences=(silence,), **TOLD) == [("r4", "suppressed", code)]


def test_of_several_that_were_kept_back_one_is_told_afterwards() -> None:
    kept = [reminder(hours, status="suppressed", reason_code="silenced") for hours in (4, 8, 12)]
    assert outcomes(*kept, hours=21, silences=(SILENCE,), **TOLD) == [
        ("r4", "suppressed", "superseded"),
        ("r8", "suppressed", "superseded"),
        ("r12", "queued", None),
    ]


def test_before_the_beginning_was_told_there_is_nothing_to_be_reminded_of() -> None:
    firing = a_row(severity="critical", status="suppressed", reason_code="silenced")
    assert outcomes(firing, reminder(4), hours=21) == [("h1-firing", "queued", None), ("r4", "suppressed", "superseded")]
    assert outcomes(firing, reminder(4), hours=4, silences=(SILENCE,)) == [
        ("h1-firing", "suppressed", "silenced"),
        ("r4", "suppressed", "superseded"),
    ]


def test_where_the_beginning_was_given_up_it_is_told_by_the_reminder() -> None:
    assert outcomes(reminder(7), hours=7) == [("r7", "queued", None)], "what is dead is not looked at any more"


def test_what_was_told_since_it_fell_due_makes_it_needless() -> None:
    late = {"told": TOLD["told"], "told_at": {("disk-h1", 1): NOON + 5 * HOUR}}
    assert outcomes(reminder(4), hours=5, **late) == [("r4", "suppressed", "superseded")]
    assert outcomes(reminder(6), hours=6, **late) == [("r6", "queued", None)]
    assert outcomes(reminder(4), hours=4, **late) == [("r4", "queued", None)], "a clock that was set back tells of the future"


def test_a_digest_speaks_for_its_alerts_and_is_told_again_itself() -> None:
    members = [a_row(f"h{number:02}", severity="critical") for number in range(12)]
    *_, digest = group(members, NOON)
    digest = replace(digest, status="sent", sent_at=NOON)
    grouped = {row.of: digest.fingerprint for row in members}
    later = NOON + 4 * HOUR
    due = [
        a_row(f"h{number:02}", event="reminder", minute=240, severity="critical", notification_id=f"r{number}")
        for number in range(9)
    ]
    *suppressed, told = remind(due, [digest], grouped, later)
    assert {(row.status, row.reason_code, row.digest) for row in suppressed} == {("suppressed", "superseded", None)}
    assert (told.event, told.fingerprint, told.status, told.queued_at) == ("reminder", digest.fingerprint, "queued", later)
    message = from_json(told.message)
    said = "9 critical alerts of this digest of 12 still fire, and nobody has acknowledged them"
    assert (message.title, message.statement) == ("[REMINDER] 9 of 12 alerts at once", said)
    assert [member.subject for member in message.members] == [f"h{number:02}" for number in range(9)]
    assert remind(due, [digest], grouped, later)[-1] == told, "the same however often it is worked out"
    assert remind(due, [], grouped, later) == due, "it has ended: each speaks for itself"
    *suppressed, last = remind(due, [replace(digest, status="failed")], grouped, later)
    assert {row.status for row in (*suppressed, last)} == {"suppressed"}, "it is still to be told itself"
