"""How much rules tell, and what comes of it. As of 1 March 2026, noon; the clocks of nights are Berlin's, an hour ahead."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.catalogue import TABLES
from storage.home import Home
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.write import upsert_rows
from tasks.insights.alert_noise import ALERT_NOISE
from tasks.insights.macros import define_macros
from tests.homes import migrated_home

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class World:
    """Alerts as the engine writes them."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.rows: dict[str, list[dict[str, Any]]] = {"alerts": [], "transitions": [], "notifications": [], "silences": []}

    def put(self, table: str, **row: Any) -> None:
        self.rows[table].append({each.name: row.get(each.name) for each in TABLES[f"alerts.{table}"].columns})

    def episode(
        self,
        name: str,
        began: datetime,
        lasted: timedelta | None = None,
        *,
        rule: str = "disk",
        team: str = "",
        sent: int = 1,
        told: str = "sent",
        is_acked: bool = False,
        is_flapping: bool = False,
        is_sample: bool = False,
        digest: str | None = None,
        end: str = "resolved",
    ) -> None:
        labels = f'{{"team": "{team}"}}' if team else "{}"
        state = {"state": "firing", "severity": "warning", "episode": 1, "is_sample": is_sample, "updated_at": AS_OF}
        self.put("alerts", fingerprint=name, rule=rule, subject=name, labels=labels, **state)
        self._transition(name, rule, "inactive", "firing", began, "flapping" if is_flapping else "firing")
        if lasted is not None:
            self._transition(name, rule, "firing", end, began + lasted, end)
        for number in range(sent):
            self._notification(name, f"n{number}", began, told, digest)
        if is_acked:
            ack = {"kind": "ack", "matchers": "[]", "author": "ann", "reason": "on it", "starts_at": began, "created_at": began}
            self.put("silences", silence_id=f"s-{name}", fingerprint=name, episode=1, **ack)

    def _transition(self, name: str, rule: str, before: str, after: str, at: datetime, event: str) -> None:
        key = {"transition_id": f"{name}-{after}", "fingerprint": name, "rule": rule, "subject": name, "episode": 1}
        self.put("transitions", from_state=before, to_state=after, transitioned_at=at, event=event, **key)

    def _notification(self, name: str, number: str, at: datetime, status: str, digest: str | None) -> None:
        reasons = {"suppressed": "grouped" if digest else "silenced"}
        row = {"status": status, "reason_code": reasons.get(status), "sent_at": at if status == "sent" else None, "digest": digest}
        key = {"notification_id": f"{name}-{number}", "transition_id": f"{name}-firing", "fingerprint": name, "episode": 1}
        about = {"event": "firing", "channel": "ops", "attempts": 1, "updated_at": at, "queued_at": at, "message": "{}"}
        self.put("notifications", **key, **about, **row)

    def digest(self, name: str, at: datetime) -> None:
        key = {"notification_id": name, "transition_id": name, "fingerprint": name, "episode": 1, "event": "digest"}
        about = {
            "channel": "ops",
            "status": "sent",
            "attempts": 1,
            "updated_at": at,
            "queued_at": at,
            "sent_at": at,
            "message": "{}",
        }
        self.put("notifications", **key, **about)

    def noise(self) -> list[dict[str, Any]]:
        given = {"as_of": AS_OF, "zone": "Europe/Berlin"}
        with warehouse(self.home) as con:
            with transaction(con):
                for table, rows in self.rows.items():
                    upsert_rows(con, TABLES[f"alerts.{table}"], rows)
            define_macros(con)
            return ALERT_NOISE.derived(ALERT_NOISE.read(con, given), given).to_dicts()


@pytest.fixture
def world(tmp_path) -> World:
    return World(migrated_home(tmp_path / "home"))


def ago(days: float) -> datetime:
    return AS_OF - timedelta(days=days)


def test_nothing_told_no_row(world) -> None:
    world.episode("held", ago(1), told="suppressed")
    assert world.noise() == []


def test_what_came_of_what_was_told(world) -> None:
    world.episode("acked", ago(1), 60 * MINUTE, is_acked=True, sent=2)
    world.episode("brief", ago(2), 9 * MINUTE)
    world.episode("brief-but-acked", ago(2), 9 * MINUTE, is_acked=True)
    world.episode("long", ago(3), 180 * MINUTE, sent=3)
    world.episode("lasts", ago(4), is_flapping=True)
    world.episode("old", ago(29), 60 * MINUTE)
    (row,) = world.noise()
    assert (row["rule"], row["team"], row["is_sample"], row["window_days"]) == ("disk", "", False, 28)
    assert (row["episodes"], row["notifications"], row["acted"], row["brief"], row["flapping"]) == (5, 8, 2, 1, 1)
    assert row["idle_notifications"] == 1 + 3 + 1
    assert row["acted_share"] == pytest.approx(0.4)
    assert row["acted_share_low"] < 0.4 < row["acted_share_high"]
    assert row["duration_seconds"] == pytest.approx((9 + 60) / 2 * 60), "the median of 9, 9, 60 and 180 minutes"


def test_what_a_silence_held_back_later_was_acted_upon_and_what_left_did_not_end_by_itself(world) -> None:
    world.episode("silenced", ago(1), 5 * MINUTE)
    world._notification("silenced", "later", ago(1) + MINUTE, "suppressed", None)
    world.episode("gone", ago(1), 5 * MINUTE, end="gone")
    (row,) = world.noise()
    assert (row["episodes"], row["acted"], row["brief"]) == (2, 1, 0)


def test_a_digest_tells_of_its_members_in_one_message(world) -> None:
    world.digest("d1", ago(1))
    for number in range(12):
        world.episode(f"e{number}", ago(1), 5 * MINUTE, told="suppressed", digest="d1")
    (row,) = world.noise()
    assert (row["episodes"], row["notifications"], row["acted"], row["brief"]) == (12, 0, 0, 12)


def test_nights_are_those_of_the_zone(world) -> None:
    for number, hour in enumerate((4, 5, 20, 21, 22)):  # in Berlin 5, 6, 21, 22, 23
        world.episode(f"e{number}", datetime(2026, 2, 20, hour, 30, tzinfo=UTC))
    (row,) = world.noise()
    assert row["night_notifications"] == 3


def test_by_rule_and_team_the_noisiest_first_and_the_sample_apart(world) -> None:
    world.episode("a", ago(1), rule="quiet")
    world.episode("b", ago(1), rule="loud", team="db", sent=5)
    world.episode("c", ago(1), rule="loud", team="web", sent=2)
    world.episode("d", ago(1), rule="loud", team="db", sent=9, is_sample=True)
    found = [(row["rule"], row["team"], row["is_sample"], row["idle_notifications"]) for row in world.noise()]
    assert found == [("loud", "db", True, 9), ("loud", "db", False, 5), ("loud", "web", False, 2), ("quiet", "", False, 1)]
