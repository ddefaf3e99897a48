"""Killed at any moment and at every point: one outbox row for each transition and channel, nothing lost, a duplicate only where the
receiver had answered and we had not written it down, every episode that people heard of ends for them, and what people do counts
once: by links of messages, too."""

import json
import multiprocessing
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from storage.home import Home
from storage.warehouse import warehouse
from tasks.message import ENDS
from tests.campaigns import alerter, person
from tests.campaigns.alerter import CHANNELS, LIMITS, NEGLECTED, PACE
from tests.campaigns.deeds import assert_deeds_hold

ROOT = Path(__file__).parents[2]
RULES, SUBJECTS = ("disk", "memory", "scan"), 8
"""Few, so that most are told by themselves and not in a digest, and are told again."""
NAMED = ("evaluated", "committed", "before_send", "answered", "recorded")
BEGINNINGS = ("firing", "escalated", "eased", "flapping", "no_data", "error", "reminder", "unacknowledged", "digest")
REASONS = ("silenced by", "acknowledged by", "damped:", "grouped", "not told:", "not needed:", "waits for the hours")


@dataclass
class Campaign:
    """One folder, one receiver, and where the kills landed."""

    folder: Path
    url: str
    chance: random.Random
    kills: list[tuple[float, list[str]]] = field(default_factory=list)
    """When a process was gone, and the points that it had reached: the last one, and that of each channel."""
    meant: float = 0.0
    people: int = 0
    """How many have acted, and were killed."""

    def __post_init__(self) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.campaigns.alerter", "tests.campaigns.person"])
        self.values = {(rule, f"s{number}"): 0.0 for rule in RULES for number in range(SUBJECTS)}
        self.turn_world(0.0)
        self.set_clock(0.0)

    def set_clock(self, forward: float) -> None:
        """Let the clock run from where it is, `forward` seconds further on."""
        real, now = time.time(), self.meant
        path = self.folder / "clock"
        if path.exists():
            begun, meant = map(float, path.read_text().split())
            now = meant + (real - begun) * PACE
        self.meant = now + forward
        self._write("clock", f"{real} {self.meant}")

    def turn_world(self, share: float) -> None:
        """Give this share of the subjects another value; some vanish. Those whom everybody neglects are mostly critical."""
        for key in self.values:
            if self.chance.random() < share:
                common = [0.0, 2.5, 2.5, 2.5] if key[1] in NEGLECTED else [0.0, 0.0, 1.5, 2.5, float("nan")]
                self.values[key] = self.chance.choice(common)
        rows = [{"rule": rule, "subject": name, "value": value} for (rule, name), value in self.values.items() if value == value]
        self._write("world.json", "\n".join(map(json.dumps, rows)))

    def _write(self, name: str, text: str) -> None:
        part = self.folder / f"{name}.part"
        part.write_text(text)
        part.replace(self.folder / name)

    def points(self, name: str) -> list[str]:
        text = (self.folder / name).read_text()
        return [text[start : start + 12].strip() for start in range(0, len(text), 12)]

    def begin(self, name: str, deadly: str = "", rounds: int = 0) -> BaseProcess:
        passings = self.chance.randrange(3)
        process = self.context.Process(target=alerter.work, args=(self.folder, self.url, name, deadly, passings, rounds))
        process.start()
        return process

    def kill_at(self, point: str, *, are_two: bool) -> None:
        """A process that kills itself at the point, or, at `random`, is killed within half a second of work; `are_two`: with
        another one at its side, which goes on a while."""
        beside = self.begin("beside") if are_two else None
        process = self.begin("point", "" if point == "random" else point)
        if point == "random":
            time.sleep(self.chance.uniform(0.05, 0.5))
            process.kill()
        give_up_at, looks = time.monotonic() + 20, 0
        while process.is_alive() and time.monotonic() < give_up_at:
            process.join(0.02)
            looks += 1
            if looks % 25 == 0:
                self.turn_world(0.04)  # so that there is something to tell
        self.end(process, "point")
        if beside:
            time.sleep(self.chance.uniform(0.0, 2.0))
            self.end(beside, "beside")

    def end(self, process: BaseProcess, name: str) -> None:
        process.kill()
        process.join()
        self.kills.append((time.time(), self.points(name)))

    def run(self, rounds: int) -> None:
        process = self.begin("point", rounds=rounds)
        process.join(120)
        assert process.exitcode == 0

    def begin_person(self) -> BaseProcess:
        self.people += 1
        process = self.context.Process(target=person.act, args=(self.folder, f"ann{self.people}"))
        process.start()
        return process

    def received(self) -> dict[str, list[dict[str, Any]]]:
        """The requests by notification, in their order."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in (self.folder / "received").read_text().splitlines():
            request = json.loads(line)
            if not request["body"].endswith("}"):
                continue  # whoever sent it died half-way: no receiver takes that
            body = json.loads(request["body"])
            found[body["notification_id"]].append(
                body | {"received_at": request["at"], "channel": request["path"][1:].split("?")[0]}
            )
        return found


@contextmanager
def campaign(folder: Path, seed: int) -> Iterator[Campaign]:
    command = [sys.executable, "-m", "tests.receiver", "0", str(folder / "received")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            assert receiver.stdout is not None
            yield Campaign(folder, f"http://127.0.0.1:{receiver.stdout.readline().strip()}", random.Random(seed))
        finally:
            receiver.kill()


def kill_many(running: Campaign, points: Sequence[str]) -> None:
    """Kill at each of the points, every third time with two at work; now and then also the two who act meanwhile."""
    acting: list[BaseProcess] = []
    for number, point in enumerate(points):
        if number % 5 == 0:
            kill_all(acting)
            acting = [running.begin_person(), running.begin_person()]
        running.turn_world(0.04)
        running.kill_at(point, are_two=number % 3 == 2)
    kill_all(acting)


def kill_all(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.kill()
        process.join()


def let_all_end(running: Campaign) -> None:
    """The world is well again, and time goes by until nothing is active and nothing is left to be told."""
    running.values = dict.fromkeys(running.values, 0.0)
    running.turn_world(0.0)
    left = "SELECT (SELECT count(*) FROM alerts.alerts WHERE state NOT IN ('resolved', 'inactive', 'gone')) + (SELECT count(*) FROM"
    left += " alerts.notifications WHERE status IN ('queued', 'failed', 'sending'))"
    for _ in range(20):
        running.run(1)
        running.set_clock(5 * 3600)
        with warehouse(Home(running.folder / "home"), LIMITS) as con:
            if con.sql(left).fetchall() == [(0,)]:
                return
    raise AssertionError("it does not end")


def assert_one_row_for_each_transition_and_channel(con) -> None:
    """Memory goes to ops only; of the others to the pager what is critical; to the boss what nobody answered, and its end."""
    wanted = """
        SELECT transition_id, channel
        FROM (
          SELECT *, bool_or(severity = 'critical' AND to_state <> 'pending') OVER episodes AS was_critical,
                 bool_or(event = 'unacknowledged') OVER episodes AS was_handed_on
          FROM alerts.transitions WINDOW episodes AS (PARTITION BY fingerprint, episode)
        ), (VALUES ('ops'), ('pager'), ('boss')) AS channels(channel)
        WHERE event IS NOT NULL AND CASE channel
          WHEN 'ops' THEN event <> 'unacknowledged'
          WHEN 'pager' THEN rule <> 'memory' AND event <> 'unacknowledged'
            AND if(event IN ('resolved', 'no_data', 'eased', 'gone'), was_critical, severity = 'critical')
          ELSE event = 'unacknowledged' OR (event IN ('resolved', 'gone') AND was_handed_on)
        END
    """
    there = """
        SELECT transition_id, channel FROM alerts.notifications
        WHERE event <> 'digest' AND transition_id NOT LIKE '%-end'
          AND fingerprint NOT IN (SELECT fingerprint FROM alerts.notifications WHERE event = 'digest')
    """
    assert con.sql(f"({wanted}) EXCEPT ALL ({there})").fetchall() == []
    assert con.sql(f"({there}) EXCEPT ALL ({wanted})").fetchall() == []


def assert_nothing_lost(con, received: dict[str, list[dict[str, Any]]]) -> None:
    rows = con.sql("SELECT notification_id, status, reason, is_maybe_received FROM alerts.notifications").fetchall()
    assert {status for _, status, _, _ in rows} <= {"sent", "suppressed"}
    assert {key for key, status, _, _ in rows if status == "sent"} <= received.keys()
    for key, status, reason, is_maybe in rows:
        if status == "suppressed":
            assert reason.startswith(REASONS), reason
            assert is_maybe or key not in received


def assert_duplicates_only_where_the_answer_was_not_written_down(running: Campaign, received: dict[str, list[Any]]) -> int:
    """Between two requests of one id a process died that had sent, and had not written down the answer."""
    doubled = 0
    for requests in received.values():
        for first, second in pairwise(requests):
            doubled += 1
            channel = 1 + list(CHANNELS).index(first["channel"])
            died = {points[channel] for ended, points in running.kills if first["received_at"] <= ended <= second["received_at"]}
            assert died & {"in_send", "answered"}, (died, first)
            assert first["title"] == second["title"]
    return doubled


def assert_every_episode_told_has_ended(con, received: dict[str, list[dict[str, Any]]]) -> int:
    """By channel, alert and episode: it ends after it begins, and never without having begun, as far as anybody can know."""
    columns = "SELECT DISTINCT channel, fingerprint, episode FROM alerts.notifications"
    maybe = set(con.sql(f"{columns} WHERE is_maybe_received AND event NOT IN ('resolved', 'gone')").fetchall())
    told: dict[Any, list[tuple[float, str]]] = defaultdict(list)
    for requests in received.values():
        first = requests[0]
        told[first["channel"], first["fingerprint"], first["episode"]].append((first["received_at"], first["event"]))
    for episode, events in told.items():
        names = [event for _, event in sorted(events)]
        assert names[0] in BEGINNINGS or episode in maybe, (episode, names)
        assert names[-1] in ENDS, (episode, names)
        assert sum(name in ENDS for name in names) == 1, (episode, names)
    return len(told)


def hold(folder: Path, points: Sequence[str], seed: int) -> dict[str, Any]:
    """A campaign and what it found; every promise is checked."""
    with campaign(folder, seed) as running:
        kill_many(running, points)
        let_all_end(running)
        received = running.received()
        with warehouse(Home(folder / "home"), LIMITS) as con:
            assert_one_row_for_each_transition_and_channel(con)
            assert_nothing_lost(con, received)
            doubled = assert_duplicates_only_where_the_answer_was_not_written_down(running, received)
            episodes = assert_every_episode_told_has_ended(con, received)
            deeds = assert_deeds_hold(con, person.said(folder), running.people)
            transitions = con.sql("SELECT count(*) FROM alerts.transitions").fetchall()[0][0]
            events = dict(con.sql("SELECT event, count(*) FROM alerts.notifications WHERE status = 'sent' GROUP BY 1").fetchall())
            suppressed = con.sql(
                "SELECT split_part(reason, ' ', 1), count(*) FROM alerts.notifications WHERE status = 'suppressed' GROUP BY 1"
            )
            why = dict(suppressed.fetchall())
            again = "SELECT count(*) FROM alerts.notifications WHERE event = 'reminder' AND status = 'sent' AND attempts > 1"
            killed = con.sql(again).fetchall()[0][0]
    points = Counter(points[0] for _, points in running.kills)
    return {
        "kills": dict(points),
        "transitions": transitions,
        "received": sum(map(len, received.values())),
        "duplicates": doubled,
        "episodes told": episodes,
        "sent": events,
        "deeds": deeds,
        "reminders killed": killed,
        "suppressed": why,
    }


def test_killed_at_every_point(tmp_path: Path) -> None:
    found = hold(tmp_path, [*NAMED, "random", "random"], seed=1)
    assert set(NAMED) <= set(found["kills"])
    assert found["received"] > 5


@pytest.mark.campaign
def test_killed_five_hundred_times(tmp_path: Path) -> None:
    found = hold(tmp_path, [*NAMED, *["random"] * 5] * 52, seed=2)
    print(found)
    assert sum(found["kills"].values()) >= 500
    assert min(found["sent"]["reminder"], found["deeds"]["retire"], found["deeds"]["undo"], found["deeds"]["by links"]) >= 10
