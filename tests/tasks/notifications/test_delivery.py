"""The outbox: every queued row goes to its channel once, what cannot be sent says why, and the line holds the numbers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from storage.home import Home
from storage.migrations import migrate
from storage.warehouse import Limits, connect, warehouse
from tasks.notifications import delivery
from tasks.notifications.delivery import deliver, deliver_notifications
from tasks.notifications.messages import Message, render_line

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect()
    migrate(connection, NOW)
    yield connection
    connection.close()


def queue(con: duckdb.DuckDBPyConnection, number: int, channel: str, *, event: str = "firing", minutes: int = 0) -> None:
    """A transition of the rule `disk` with one outbox row."""
    at = NOW + timedelta(minutes=minutes)
    con.execute(
        "INSERT INTO alerts.transitions VALUES (?, 'f', 'disk', 'h1', 1, 'inactive', 'firing', 'critical', 0.97, ?, ?)",
        [f"t{number}", f"filesystem {number} of h1 is 97.0% full, critical from 95.0%", at],
    )
    con.execute(
        "INSERT INTO alerts.notifications VALUES (?, ?, 'f', 1, ?, ?, 'queued', NULL, 0, ?, NULL, ?)",
        [f"n{number}", f"t{number}", event, channel, at, at],
    )


def outbox(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str | None, int, bool]]:
    select = "SELECT notification_id, status, reason, attempts, sent_at IS NOT NULL FROM alerts.notifications ORDER BY ALL"
    return con.sql(select).fetchall()


def test_queued_rows_are_delivered_once_in_the_order_of_their_transitions(con, capsys) -> None:
    queue(con, 1, "ops", event="resolved", minutes=5)
    queue(con, 2, "ops")
    result = deliver(con, {"ops": "console"})
    assert (result.sent, result.failed) == (2, 0)
    lines = "".join(capsys.readouterr()).splitlines()
    assert [line.split()[0] for line in lines] == ["FIRING", "RESOLVED"]
    assert outbox(con) == [("n1", "sent", None, 1, True), ("n2", "sent", None, 1, True)]
    again = deliver(con, {"ops": "console"})
    assert (again.sent, again.failed) == (0, 0)
    assert "".join(capsys.readouterr()) == ""
    assert outbox(con) == [("n1", "sent", None, 1, True), ("n2", "sent", None, 1, True)]


def test_a_channel_that_is_not_configured_fails_with_the_reason_and_stops_no_other(con, capsys) -> None:
    queue(con, 1, "pager")
    queue(con, 2, "ops")
    result = deliver(con, {"ops": "console"})
    assert (result.sent, result.failed) == (1, 1)
    assert outbox(con) == [("n1", "failed", "no channel pager is configured", 1, False), ("n2", "sent", None, 1, True)]


def test_what_failed_is_sent_when_its_channel_is_back(con, capsys) -> None:
    queue(con, 1, "pager")
    deliver(con, {})
    assert deliver(con, {"pager": "console"}).sent == 1
    assert outbox(con) == [("n1", "sent", None, 2, True)]


def test_a_channel_that_breaks_fails_with_what_it_said(con, monkeypatch) -> None:
    def broken(message: Message) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setitem(delivery.SENDERS, "console", broken)
    queue(con, 1, "ops")
    assert deliver(con, {"ops": "console"}).failed == 1
    ((_, status, reason, attempts, is_sent),) = outbox(con)
    assert (status, attempts, is_sent) == ("failed", 1, False)
    assert "Broken pipe" in reason


def test_the_console_line_holds_the_numbers_and_standard_output_stays_clean(con, capsys) -> None:
    queue(con, 1, "ops")
    deliver(con, {"ops": "console"})
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    for words in ("FIRING", "critical", "97.0%", "95.0%", "disk", "2026-03-10 12:00 UTC"):
        assert words in printed.err


def test_a_line_is_one_line() -> None:
    message = Message("no_data", "warning", "disk", "h1", "no value for h1", NOW)
    assert "\n" not in render_line(message)
    assert "no value for h1" in render_line(message)


def test_the_task_delivers_from_the_real_warehouse(tmp_path, capsys) -> None:
    limits = Limits(10.0, 1)
    with warehouse(Home(tmp_path), limits) as con:
        queue(con, 1, "ops")
    assert str(deliver_notifications.fn(str(tmp_path), limits=limits, channels={"ops": "console"})) == "1 sent"
    with warehouse(Home(tmp_path), limits) as con:
        assert outbox(con) == [("n1", "sent", None, 1, True)]
