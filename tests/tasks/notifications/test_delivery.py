"""The outbox on the real warehouse and a real receiver: what is retried when, what is given up, and that channels do not wait for
each other. The clock is the test's own; nothing sleeps but the receiver."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from storage.catalogue import TABLES
from storage.frames import registered, schema_of
from storage.home import Home
from storage.limits import Limits
from storage.lock import BusyError, fair_lock
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.write import upsert
from tasks.hours import parse_hours
from tasks.message import from_json, to_json
from tasks.notifications import retries
from tasks.notifications.channels import Channel
from tasks.notifications.delivery import DeliveryResult, deliver, deliver_channel, deliver_notifications
from tasks.notifications.dispatch import Notification
from tasks.notifications.links import LIFE, Links, Permit, written
from tasks.notifications.retries import GIVE_UP, MOST
from tasks.routes import Route
from tasks.silences import add_silence, end_silence, new_silence, parse_matchers
from tests.receiver import Answer, Receiver, receiving
from tests.tasks.notifications.conftest import NOON, a_row

LIMITS = Limits(30.0, 1, "500MB")


def put(home: Home, *rows: Notification, state: str = "firing") -> None:
    """Queue the rows, with their alerts in this state."""
    table = TABLES["alerts.notifications"]
    given = pl.DataFrame([vars(row) for row in rows], schema=schema_of(table))
    with warehouse(home, LIMITS) as con, registered(con, "given", given), transaction(con):
        upsert(con, table, "given")
        con.execute(
            "INSERT INTO alerts.alerts (fingerprint, rule, subject, labels, state, severity, episode, updated_at)"
            " SELECT DISTINCT ON (fingerprint) fingerprint, 'disk', message->>'subject', '{}', ?, severity, episode, updated_at"
            " FROM given ANTI JOIN alerts.alerts USING (fingerprint)",
            [state],
        )
        con.execute("UPDATE alerts.alerts SET state = ? WHERE fingerprint IN (SELECT fingerprint FROM given)", [state])


def outbox(home: Home, columns: str = "notification_id, status, attempts") -> list[tuple[Any, ...]]:
    with warehouse(home, LIMITS) as con:
        return con.execute(f"SELECT {columns} FROM alerts.notifications ORDER BY ALL").fetchall()


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """Subject and event of what was received."""
    return [(request.json()["subject"], request.json()["event"]) for request in receiver.requests]


def webhook(receiver: Receiver, name: str = "ops", **fields: Any) -> Channel:
    return Channel(name, "webhook", url=SecretStr(receiver.url), **fields)


def at(home: Home, channels: list[Channel], minute: float) -> DeliveryResult:
    """Deliver, `minute` minutes after noon, without patience."""
    return deliver(home, LIMITS, channels, timedelta(), lambda: NOON + timedelta(minutes=minute))


def test_what_is_queued_is_sent_once_and_in_order(home: Home) -> None:
    put(home, a_row(event="resolved", minute=5), a_row(), state="resolved")
    with receiving() as receiver:
        assert str(at(home, [webhook(receiver)], 6)) == "2 sent"
        assert str(at(home, [webhook(receiver)], 7)) == "0 sent"
    assert told(receiver) == [("h1", "firing"), ("h1", "resolved")]
    assert [request.json()["notification_id"] for request in receiver.requests] == ["h1-firing", "h1-resolved"]
    assert outbox(home) == [("h1-firing", "sent", 1), ("h1-resolved", "sent", 1)]


def test_what_came_outside_of_the_hours_of_its_route_is_told_when_they_begin(home: Home) -> None:
    """The hours are from 14:00 to 15:00; h1 ends before them, h2 after them."""
    routes = (Route("afternoon", (), ("ops",), hours=parse_hours("14:00-15:00", "UTC")),)
    put(home, a_row(routes=("afternoon",)), a_row("h2", routes=("afternoon",)))
    with receiving() as receiver:
        channels = [webhook(receiver, routes=routes)]
        assert str(at(home, channels, 6)) == "0 sent"
        put(home, a_row(event="resolved", minute=60, routes=("afternoon",)), state="resolved")
        assert str(at(home, channels, 119)) == "0 sent"
        assert str(at(home, channels, 120)) == "1 sent"
        put(home, a_row("h2", event="resolved", minute=181, routes=("afternoon",)), state="resolved")
        assert str(at(home, channels, 182)) == "0 sent"
        assert str(at(home, channels, 26 * 60)) == "1 sent"
        assert str(at(home, channels, 26 * 60 + 5)) == "0 sent"
    assert told(receiver) == [("h2", "firing"), ("h2", "resolved")]
    assert outbox(home, "notification_id, reason_code, routes")[1] == ("h1-resolved", "untold", ["afternoon"])


def test_a_receiver_down_for_an_hour_gets_all_of_it_afterwards_and_no_storm(home: Home) -> None:
    put(home, *(a_row(f"h{number}") for number in range(5)))
    with receiving() as receiver:
        receiver.answers = [Answer(500)] * 1000
        for minute in range(0, 60, 5):
            at(home, [webhook(receiver)], minute)
        tries = len(receiver.requests)
        assert 3 <= tries <= 12, "at most one a look"
        assert {status for _, status, _ in outbox(home)} <= {"queued", "failed"}
        receiver.answers = []
        for minute in range(60, 95, 5):
            at(home, [webhook(receiver)], minute)
    assert sorted(told(receiver)[tries:]) == [(f"h{number}", "firing") for number in range(5)]
    assert {status for _, status, _ in outbox(home)} == {"sent"}


def test_a_clock_that_was_put_back_a_day_keeps_no_channel_waiting_for_it(home: Home) -> None:
    put(home, a_row("h1"))
    with receiving() as receiver:
        receiver.answers = [Answer(500)]
        assert at(home, [webhook(receiver)], 0).failed == 1
        assert str(at(home, [webhook(receiver)], -24 * 60)) == "1 sent"
    assert outbox(home) == [("h1-firing", "sent", 2)]


def test_retry_after_is_kept_to(home: Home) -> None:
    put(home, a_row("h1"), a_row("h2"))
    with receiving(Answer(429, {"Retry-After": "600"})) as receiver:
        at(home, [webhook(receiver)], 0)
        assert outbox(home, "status, reason")[0] == ("failed", f"127.0.0.1:{receiver.port}: HTTP 429 Too Many Requests")
        assert "waits: the channel failed, next at 12:1" in outbox(home, "status, reason")[1][1]
        at(home, [webhook(receiver)], 9.9)
        assert len(receiver.requests) == 1
        at(home, [webhook(receiver)], 11.1)
    assert len(receiver.requests) == 3


@pytest.mark.parametrize("ending", ["cut", "half"])
def test_an_answer_that_was_cut_may_have_been_received_and_is_sent_again_under_the_same_id(home: Home, ending: Any) -> None:
    put(home, a_row())
    with receiving(Answer(ending=ending)) as receiver:
        at(home, [webhook(receiver)], 0)
        assert outbox(home, "status, is_maybe_received") == [("failed", True)]
        at(home, [webhook(receiver)], 1)
    assert [request.headers["webhook-id"] for request in receiver.requests] == ["h1-firing", "h1-firing"]
    assert outbox(home) == [("h1-firing", "sent", 2)]


def test_what_may_have_been_received_is_ended_even_if_it_was_given_up(home: Home) -> None:
    put(home, a_row(status="dead", is_maybe_received=True), a_row(event="resolved", minute=5), state="resolved")
    with receiving() as receiver:
        at(home, [webhook(receiver)], 6)
    assert told(receiver) == [("h1", "resolved")]


def test_what_was_never_received_is_never_ended(home: Home) -> None:
    put(home, a_row(status="dead"), a_row(event="resolved", minute=5), state="resolved")
    with receiving() as receiver:
        at(home, [webhook(receiver)], 6)
    assert told(receiver) == []
    assert ("suppressed", "not told: nothing of this episode was sent here") in outbox(home, "status, reason")


def test_after_six_hours_it_is_dead(home: Home) -> None:
    put(home, a_row("h1"), a_row("h2"))
    hours = int(GIVE_UP.total_seconds() / 3600)
    with receiving() as receiver:
        receiver.answers = [Answer(503)] * 1000
        for minute in range(0, 60 * hours + 40, 20):
            at(home, [webhook(receiver)], minute)
        most = 60 * hours * 60 / (MOST.total_seconds() / 2) + 10
        assert len(receiver.requests) <= most
    rows = outbox(home, "status, reason")
    assert [status for status, _ in rows] == ["dead", "dead"]
    assert all("HTTP 503" in reason for _, reason in rows)


def test_one_that_is_refused_keeps_nobody_back(home: Home) -> None:
    put(home, a_row("h1"), a_row("h2", minute=1), a_row("h3", minute=2))
    with receiving(Answer(422)) as receiver:
        result = at(home, [webhook(receiver)], 3)
    assert str(result) == f"2 sent, 1 failed: ops: 127.0.0.1:{receiver.port}: HTTP 422 Unprocessable Entity"
    assert [subject for subject, _ in told(receiver)] == ["h1", "h2", "h3"]
    rows = outbox(home, "notification_id, status, reason")
    assert [(name, status) for name, status, _ in rows] == [("h1-firing", "failed"), ("h2-firing", "sent"), ("h3-firing", "sent")]
    assert rows[0][2].startswith("refused: ")


def test_a_slow_channel_delays_no_other(home: Home) -> None:
    put(home, a_row("h1", channel="slow"), *(a_row(f"h{number}", channel="quick") for number in range(2, 8)))
    with receiving() as quick, receiving() as slow:
        slow.answers = [Answer(delay=9.0)]
        delivering = threading.Thread(target=at, args=(home, [webhook(slow, "slow"), webhook(quick, "quick")], 1))
        delivering.start()
        while delivering.is_alive() and not (slow.requests and len(quick.requests) == 6):
            time.sleep(0.01)
        assert delivering.is_alive(), "the slow one has not answered yet, and the quick one has it all"
        slow.closing.set()  # it answers at once
        delivering.join()
    assert {status for _, status, _ in outbox(home)} == {"sent"}


def test_a_channel_that_is_not_configured_or_cannot_be_used_says_why(home: Home) -> None:
    put(home, a_row("h1", channel="gone"), a_row("h2", channel="locked"))
    at(home, [Channel("locked", "webhook", problem="the variable OPS_URL is not set")], 0)
    assert outbox(home, "channel, status, reason") == [
        ("gone", "failed", "no channel of this name is configured"),
        ("locked", "failed", "the variable OPS_URL is not set"),
    ]
    with receiving() as receiver:
        at(home, [webhook(receiver, "gone"), webhook(receiver, "locked")], 1)
    assert len(receiver.requests) == 2


def test_a_channel_takes_no_more_a_minute_than_it_may(home: Home) -> None:
    put(home, *(a_row(f"h{number}") for number in range(7)))
    with receiving() as receiver:
        channel = webhook(receiver, per_minute=3)
        counts = []
        for minute in (0, 0.5, 1.1, 2.2, 3.3):
            at(home, [channel], minute)
            counts.append(len(receiver.requests))
            if minute == 0:
                assert ("queued", "rate-limited: 3 a minute, next at 12:01:00 UTC") in outbox(home, "status, reason")
    assert counts == [3, 3, 6, 7, 7]


def test_patience_waits_for_what_becomes_due(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST", timedelta(seconds=1))
    now = datetime.now(UTC)
    put(home, a_row(queued_at=now, updated_at=now))
    with receiving(Answer(503)) as receiver:
        result = deliver(home, LIMITS, [webhook(receiver)], timedelta(seconds=5), lambda: datetime.now(UTC))
    assert (result.sent, result.failed) == (1, 1)


@pytest.fixture
def silence(home: Home) -> Iterator[Callable[[], str]]:
    def make() -> str:
        made = new_silence(parse_matchers(["rule=disk"]), "ann", "swap", NOON, NOON + timedelta(hours=1), NOON)
        with warehouse(home, LIMITS) as con:
            return add_silence(con, made).silence_id

    return make


def test_who_was_silenced_is_told_when_the_silence_is_over(home: Home, silence) -> None:
    put(home, a_row())
    silence()
    with receiving() as receiver:
        at(home, [webhook(receiver)], 1)
        assert told(receiver) == []
        ((status, reason),) = outbox(home, "status, reason")
        assert (status, reason.split(" until")[0]) == ("suppressed", "silenced by ann")
        at(home, [webhook(receiver)], 61)
    assert told(receiver) == [("h1", "firing")]


def test_a_silence_that_is_lifted_early_counts_at_once(home: Home, silence) -> None:
    put(home, a_row())
    identity = silence()
    with receiving() as receiver:
        at(home, [webhook(receiver)], 1)
        with warehouse(home, LIMITS) as con:
            end_silence(con, identity, "ann", NOON + timedelta(minutes=2))
        at(home, [webhook(receiver)], 3)
    assert told(receiver) == [("h1", "firing")]


def test_what_ended_while_it_was_silenced_is_told_to_nobody(home: Home, silence) -> None:
    put(home, a_row())
    silence()
    with receiving() as receiver:
        at(home, [webhook(receiver)], 1)
        put(home, a_row(event="resolved", minute=30), state="resolved")
        at(home, [webhook(receiver)], 31)
        at(home, [webhook(receiver)], 90)
    assert told(receiver) == []
    assert {status for _, status, _ in outbox(home)} == {"suppressed"}


def test_an_inhibited_alert_is_told_when_what_inhibits_it_is_over(home: Home) -> None:
    silent = a_row("h1", notification_id="host", fingerprint="host-h1", message=to_json(from_json(a_row("h1").message)))
    put(home, replace(silent, status="sent"))
    put(home, a_row())
    with warehouse(home, LIMITS) as con:
        con.execute("UPDATE alerts.alerts SET rule = 'host_silent' WHERE fingerprint = 'host-h1'")
        con.execute("""INSERT INTO alerts.rules VALUES ('host_silent', '{"inhibits": ["disk"]}', 'shipped', now())""")
    with receiving() as receiver:
        at(home, [webhook(receiver)], 1)
        assert ("suppressed", "inhibited by host_silent of h1") in outbox(home, "status, reason")
        with warehouse(home, LIMITS) as con:
            con.execute("UPDATE alerts.alerts SET state = 'resolved' WHERE fingerprint = 'host-h1'")
        at(home, [webhook(receiver)], 2)
    assert told(receiver) == [("h1", "firing")]


def test_five_hundred_at_once_are_one_digest_a_channel_and_one_end(home: Home) -> None:
    names = [f"h{number:03}" for number in range(500)]
    put(home, *(a_row(name, channel=channel, notification_id=f"{channel}-{name}") for name in names for channel in ("ops", "chat")))
    with receiving() as ops, receiving() as chat:
        channels = [webhook(ops, "ops"), webhook(chat, "chat")]
        at(home, channels, 1)
        assert told(ops) == told(chat) == [("500 alerts", "digest")]
        assert {member["subject"] for member in ops.requests[0].json()["members"]} == set(names)
        with warehouse(home, LIMITS) as con:
            con.execute("UPDATE alerts.alerts SET state = 'resolved' WHERE subject NOT IN ('h007', 'h123')")
        at(home, channels, 60)
        assert told(ops)[1:] == told(chat)[1:] == [("500 alerts", "resolved"), ("h007", "firing"), ("h123", "firing")]
        put(home, a_row("h007", event="resolved", minute=90), state="resolved")
        at(home, channels, 91)
    assert told(ops)[4:] == [("h007", "resolved")]


def test_whoever_died_while_sending_is_followed_by_another_attempt_at_once(home: Home) -> None:
    put(home, a_row(status="sending", attempts=1))
    with receiving() as receiver:
        at(home, [webhook(receiver)], 1)
    assert told(receiver) == [("h1", "firing")]
    assert outbox(home, "status, attempts, is_maybe_received") == [("sent", 2, True)]


def test_who_may_have_heard_of_it_from_one_that_died_hears_of_its_end_though_it_was_silenced_meanwhile(home: Home) -> None:
    put(home, a_row(status="sending", attempts=1), a_row(event="resolved", minute=5), state="resolved")
    matchers = parse_matchers(["subject=h1"])
    with warehouse(home, LIMITS) as con:
        add_silence(con, new_silence(matchers, "ann", "known", NOON, NOON + timedelta(hours=1), NOON))
    with receiving() as receiver:
        at(home, [webhook(receiver)], 6)
    assert told(receiver) == [("h1", "resolved")]


def test_while_one_sends_nobody_else_does(home: Home) -> None:
    put(home, a_row())
    with receiving(Answer(delay=1.5)) as receiver:
        channel = webhook(receiver)
        first = threading.Thread(target=at, args=(home, [channel], 1))
        first.start()
        while not receiver.requests:
            time.sleep(0.01)
        assert str(at(home, [channel], 1)) == "0 sent"
        first.join()
    assert len(receiver.requests) == 1


def test_a_warehouse_that_stays_busy_is_a_failure_and_not_somebody_elses_turn(home: Home) -> None:
    put(home, a_row())
    with fair_lock(home.private / "warehouse.lock", 1.0), pytest.raises(BusyError):
        deliver_channel(home, Limits(0.1, 1, "500MB"), Channel("ops"), 0.0, lambda: NOON)


def test_the_task_delivers(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    put(home, a_row())
    options = {"limits": LIMITS, "channels": (Channel("ops"),), "patience": timedelta()}
    assert str(deliver_notifications.fn(str(home.root), **options)) == "1 sent"
    printed = capsys.readouterr()
    assert printed.out == "", "standard output belongs to the command that runs"
    assert "h1 is 97.0% full, warning from 95.0%" in printed.err


def test_without_an_outbox_there_is_nothing_to_do(home: Home) -> None:
    assert at(home, [], 0) == DeliveryResult()


def test_a_message_links_to_its_page_and_no_table_learns_its_permits(home: Home) -> None:
    """The receiver refuses, and repeats what it got."""
    row, links = a_row(), Links("https://pulse.example.com", SecretStr("key"))
    permit = Permit("ack", row.fingerprint, row.episode, row.notification_id, NOON + LIFE)
    token = written(permit, links.key)
    put(home, row)
    with receiving(Answer(503, {"Content-Type": "text/plain"}, f"cannot take {token}".encode())) as receiver:
        deliver(home, LIMITS, [webhook(receiver)], timedelta(), lambda: NOON, links)
    told = receiver.requests[0].json()["links"]
    assert told["alert"] == f"https://pulse.example.com/alerts/{row.fingerprint}"
    assert told["ack"] == f"https://pulse.example.com/act/{token}"
    ((message, reason),) = outbox(home, "message::VARCHAR, reason")
    assert "cannot take" in reason
    assert token.rpartition(".")[2] not in reason + message
