"""Many at once are one digest with the list; it ends when few go on, and these are told one by one."""

from dataclasses import replace
from datetime import timedelta

from tasks.message import from_json
from tasks.notifications.digests import FEW, MOST_ALONE, end_digests, group
from tasks.notifications.dispatch import CurrentAlert, Notification
from tests.tasks.notifications.conftest import NOON, a_row


def many(count: int) -> list[Notification]:
    return [a_row(f"h{number:03}", severity="critical" if number == 7 else "warning") for number in range(count)]


def test_as_many_as_people_can_read_are_told_one_by_one() -> None:
    assert group(many(MOST_ALONE), NOON) == many(MOST_ALONE)


def test_five_hundred_at_once_are_one_digest_with_the_list() -> None:
    *members, digest = group(many(500), NOON)
    assert {(row.status, row.reason, row.digest) for row in members} == {
        ("suppressed", f"grouped in digest {digest.fingerprint}", digest.fingerprint)
    }
    message = from_json(digest.message)
    assert (digest.event, digest.status, digest.severity, message.value) == ("digest", "queued", "critical", 500.0)
    assert message.statement == "500 alerts at once: 500 disk"
    assert [member.subject for member in message.members[:2]] == ["h007", "h000"], "the worst first"
    assert {member.fingerprint for member in message.members} == {row.fingerprint for row in members}


def test_the_same_rows_in_any_order_are_the_same_digest() -> None:
    assert group(many(20), NOON)[-1] == group(many(20)[::-1], NOON)[-1]


def test_what_was_tried_already_and_what_ends_are_told_alone() -> None:
    tried = replace(a_row("tried"), status="failed", attempts=1)
    end = a_row("end", event="resolved")
    *rest, digest = group([tried, end, *many(20)], NOON)
    assert rest[:2] == [tried, end]
    assert len(from_json(digest.message).members) == 20


def test_a_digest_ends_when_few_go_on_and_these_are_told_one_by_one() -> None:
    *members, digest = group(many(20), NOON)
    sent = replace(digest, status="sent", sent_at=NOON)
    later = NOON + timedelta(hours=1)

    def alerts(active: int) -> dict[str, CurrentAlert]:
        states = ["firing"] * active + ["resolved"] * (20 - active)
        return {
            row.fingerprint: CurrentAlert("disk", "", (), "warning", state, 1) for row, state in zip(members, states, strict=True)
        }

    assert end_digests([sent], members, alerts(FEW + 1), later) == ([], [])
    assert end_digests([digest], members, alerts(0), later) == ([], []), "it was not even told yet"
    (end,), revived = end_digests([sent], members, alerts(FEW), later)
    assert (end.event, end.fingerprint, end.status) == ("resolved", digest.fingerprint, "queued")
    said = "17 of 20 alerts of this digest have resolved; notified one by one from now on: disk of h000, disk of h001, disk of h002"
    assert from_json(end.message).statement == said
    assert [(row.fingerprint, row.status, row.digest) for row in revived] == [(f"disk-h{n:03}", "queued", None) for n in range(FEW)]
    (end,), revived = end_digests([sent], members, alerts(0), later)
    assert from_json(end.message).statement == "20 of 20 alerts of this digest have resolved"
    assert revived == []
