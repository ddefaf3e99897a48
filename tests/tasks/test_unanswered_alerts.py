"""What nobody answers, from the evaluation to the receiver: evaluated and delivered every hour on a real warehouse."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from tasks.alerts.engine import evaluate_on
from tasks.alerts.rule import Rule
from tasks.hours import parse_hours
from tasks.message import from_json
from tasks.notifications.channels import Channel
from tasks.notifications.outbox import record, take
from tasks.notifications.senders import send
from tasks.routes import Recipients, Route
from tasks.silences import add_silence, new_ack, new_silence, parse_matchers
from tests.homes import migrated_connection
from tests.receiver import Answer, Receiver, receiving

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LEAST = {"ops": "warning", "boss": "critical"}
HOUR = timedelta(hours=1)


class Life:
    """A warehouse whose one alert is about `web-1`, its channels, and a clock that the test turns."""

    def __init__(self, con: duckdb.DuckDBPyConnection, receiver: Receiver, *routes: Route) -> None:
        self.con, self.receiver, self.routes = con, receiver, routes
        self.minute, self.value = 0, 3.0
        timed = tuple(route for route in routes if route.hours is not None)
        self.channels = [
            Channel(name, "webhook", least, url=SecretStr(f"{receiver.url}/{name}"), routes=timed) for name, least in LEAST.items()
        ]

    @property
    def now(self) -> datetime:
        return NOON + timedelta(minutes=self.minute)

    def live(self, hours: int) -> None:
        for _ in range(hours):
            self.look()
            self.minute += 60

    def look(self) -> None:
        rule = Rule("disk", f"SELECT 'web-1' AS subject, {self.value} AS value", warning=1, critical=2)
        evaluate_on(self.con, [rule], Recipients(LEAST, self.routes), self.now)
        for channel in self.channels:
            while (row := take(self.con, channel, self.now).row) is not None:
                outcome = send(channel, from_json(row.message), row.notification_id, self.now)
                record(self.con, row, outcome, self.now)

    def say(self, made: Any) -> None:
        add_silence(self.con, made)

    def heard(self) -> list[tuple[str, str, str]]:
        """Channel, event and clock of what was received."""
        found = []
        for request in self.receiver.requests:
            body = request.json()
            found.append((request.path.strip("/"), body["event"], f"{datetime.fromisoformat(body['at']):%a %H:%M}"))
        return found


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with migrated_connection(tmp_path) as connection:
        yield connection


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_a_silence_holds_reminders_back_and_then_one_comes(con, receiver: Receiver) -> None:
    life = Life(con, receiver, Route("all", (), ("ops",)))
    life.live(1)
    life.say(new_silence(parse_matchers(["rule=disk"]), "ann", "moving", life.now, life.now + 9 * HOUR, life.now))
    life.live(10)
    life.value = 0.0
    life.live(1)
    assert life.heard() == [("ops", "firing", "Tue 12:00"), ("ops", "reminder", "Tue 22:00"), ("ops", "resolved", "Tue 23:00")]


def test_what_fires_within_a_silence_is_told_after_it_and_not_reminded_of_at_once(con, receiver: Receiver) -> None:
    life = Life(con, receiver, Route("all", (), ("ops",)))
    life.say(new_silence(parse_matchers(["rule=disk"]), "ann", "moving", life.now, life.now + 9 * HOUR, life.now))
    life.live(14)
    assert life.heard() == [("ops", "firing", "Tue 12:00"), ("ops", "reminder", "Wed 01:00")], "told at 21:00, worded at noon"


def test_reminders_wait_for_the_hours_of_the_route_and_come_once(con, receiver: Receiver) -> None:
    life = Life(con, receiver, Route("office", (), ("ops",), hours=parse_hours("Mon-Fri 09:00-17:00", "UTC")))
    life.live(25)
    assert life.heard() == [("ops", "firing", "Tue 12:00"), ("ops", "reminder", "Tue 16:00"), ("ops", "reminder", "Wed 09:00")]


def test_when_nobody_answers_another_channel_hears_of_it_once_and_of_its_end(con, receiver: Receiver) -> None:
    life = Life(con, receiver, Route("all", (), ("ops",), escalate_after=HOUR, escalate_to=("boss",)))
    life.live(3)
    life.value = 1.5
    life.live(1)
    life.value = 0.0
    life.live(1)
    ops = [("ops", "firing", "Tue 12:00"), ("ops", "eased", "Tue 15:00"), ("ops", "resolved", "Tue 16:00")]
    boss = [("boss", "unacknowledged", "Tue 13:00"), ("boss", "resolved", "Tue 16:00")]
    assert sorted(life.heard()) == sorted(ops + boss)


def test_what_somebody_answers_goes_to_nobody_else_and_is_not_repeated(con, receiver: Receiver) -> None:
    life = Life(con, receiver, Route("all", (), ("ops",), escalate_after=HOUR, escalate_to=("boss",)))
    life.live(1)
    ((fingerprint, episode),) = con.sql("SELECT fingerprint, episode FROM alerts.alerts").fetchall()
    life.say(new_ack(fingerprint, episode, "bob", "on it", life.now))
    life.live(9)
    life.value = 0.0
    life.live(1)
    assert life.heard() == [("ops", "firing", "Tue 12:00"), ("ops", "resolved", "Tue 22:00")]


def test_after_a_long_downtime_there_is_one_reminder(con, receiver: Receiver) -> None:
    life = Life(con, receiver, Route("all", (), ("ops",)))
    life.look()
    life.minute += 3 * 24 * 60
    life.live(1)
    assert life.heard() == [("ops", "firing", "Tue 12:00"), ("ops", "reminder", "Fri 12:00")]


def test_a_channel_that_was_down_gets_the_beginning_and_no_reminder_with_it(con, receiver: Receiver) -> None:
    life = Life(con, receiver, Route("all", (), ("ops",), repeat_every=HOUR))
    receiver.answers = [Answer(500)] * 1000
    life.live(4)
    tried = len(receiver.requests)
    receiver.answers = []
    life.live(1)
    assert [event for _, event, _ in life.heard()[tried:]] == ["firing"]
