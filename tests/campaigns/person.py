"""Who acts in the campaign of the alerter until killed: makes silences, some of which recur, acknowledges, retires and takes that
back, and presses the buttons behind the links of messages, each of them twice.

Like the command line and the pages it looks at the clock before it waits for its turn. What it has done it says in a line once that
returned, for the parent to find again.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from storage.errors import ConfigurationError
from storage.home import Home
from storage.warehouse import warehouse
from tasks.acts import By, acknowledge, silence_one
from tasks.alerts.retire_now import retire_now
from tasks.alerts.retiring import in_force, undo
from tasks.notifications.links import read_permit
from tasks.silences import add_silence, new_ack, new_retirement, new_silence, parse_matchers, read_silences
from tests.campaigns.alerter import KEY, LIMITS, NEGLECTED, RECIPIENTS, clock_of, rules

NEWEST = 60
"""So many of the messages received last it knows."""
PAUSE = 0.4
"""Seconds between two acts."""


class Person:
    """One of them, with a name of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.home, self.name, self.clock = folder, Home(folder / "home"), name, clock_of(folder)
        self.chance, self.number = random.Random(name), 0
        self.said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(self, kind: str, **what: Any) -> None:
        os.write(self.said, (json.dumps({"did": kind, "by": self.name} | what) + "\n").encode())

    @property
    def reason(self) -> str:
        return f"number {self.number} of {self.name}"

    def act(self) -> None:
        self.number += 1
        acts: tuple[Callable[[], None], ...] = (self.take_back, self.silence, self.press, self.acknowledge, self.press, self.retire)
        acts[self.number % len(acts)]()

    def silence(self) -> None:
        now = self.clock()
        every = "00:00-06:00" if self.number % 2 else None
        matchers = parse_matchers([f"subject=s{self.number % 3}", "rule=~disk|scan"])
        until = None if every else now + timedelta(hours=2)
        made = new_silence(matchers, self.name, self.reason, now, until, now, every, "Europe/Berlin")
        with warehouse(self.home, LIMITS) as con:
            stored = add_silence(con, made)
        self.say("silence", id=stored.silence_id, reason=stored.reason)

    def acknowledge(self) -> None:
        now = self.clock()
        with warehouse(self.home, LIMITS) as con:
            for fingerprint, episode in self._firing(con, "fingerprint, episode"):
                stored = add_silence(con, new_ack(fingerprint, episode, self.name, self.reason, now))
                self.say("ack", id=stored.silence_id, reason=stored.reason)

    def retire(self) -> None:
        now = self.clock()
        with warehouse(self.home, LIMITS) as con:
            for (subject,) in self._firing(con, "subject"):
                made = new_retirement(subject, {}, self.name, self.reason, now)
                stored, ends = retire_now(con, made, self.name, rules(), RECIPIENTS)
                self.say("retire", id=stored.silence_id, reason=stored.reason, ends=sum(each.event is not None for each in ends))

    def take_back(self) -> None:
        now = self.clock()
        with warehouse(self.home, LIMITS) as con:
            retired = in_force(read_silences(con))[:1]
            undo(con, retired, self.name, now, self.name)
        for each in retired:
            self.say("undo", id=each.silence_id)

    def press(self) -> None:
        """As flows/web/acts.py does what a link allows."""
        answered = [message["links"] for message in self._newest_messages() if message["subject"] not in NEGLECTED]
        links = [link for of_message in answered for name, link in of_message.items() if name in ("ack", "silence")]
        for token in self.chance.sample(links, 1) * 2 if links else []:
            now = self.clock()
            try:
                permit = read_permit(token.rpartition("/")[2], KEY, now)
                self.say("press", mark=permit.mark)
                by = By(self.name, self.reason, permit=permit.mark)
                with warehouse(self.home, LIMITS) as con:
                    if permit.act == "silence":
                        done = silence_one(con, permit.fingerprint, timedelta(hours=1), by, now, permit.episode)
                    else:
                        done = acknowledge(con, permit.fingerprint, by, now, permit.episode)
            except ConfigurationError as error:
                self.say("refused", why=str(error))
                continue
            if done.is_new:
                self.say(done.made.kind, id=done.made.silence_id, reason=done.made.reason, mark=permit.mark)

    def _firing(self, con: Any, columns: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = con.sql(
            f"SELECT {columns} FROM alerts.alerts WHERE state = 'firing' AND subject NOT IN {NEGLECTED} ORDER BY random() LIMIT 1"
        ).fetchall()
        return found

    def _newest_messages(self) -> Iterator[dict[str, Any]]:
        path = self.folder / "received"
        for line in path.read_text().splitlines()[-NEWEST:] if path.exists() else []:
            if line.endswith("}") and (body := json.loads(line)["body"]).endswith("}"):
                yield json.loads(body)


def act(folder: Path, name: str) -> None:
    """Act until killed."""
    person = Person(folder, name)
    while True:
        person.act()
        time.sleep(PAUSE)


def said(folder: Path) -> list[dict[str, Any]]:
    """What all of them said that they did, without a line in whose middle one died."""
    return [json.loads(line) for line in (folder / "said").read_text().splitlines() if line.endswith("}")]
