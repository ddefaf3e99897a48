"""A home with some days of life, what was told to whom, and a second destination that is as old as the last copy.

What the life did is in two twins: the home as it was in the end, and as it was when the journal was last copied.
"""

import random
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from storage.destination import open_destination
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.journal.elsewhere import copy_journal
from storage.limits import Limits
from storage.maintenance import compact
from storage.people.forgetting import forget_user
from storage.transaction import transaction
from storage.warehouse import warehouse
from tasks.alerts.engine import evaluate_on
from tasks.alerts.in_force import rules_in_force
from tasks.alerts.rule import Rule
from tasks.maintenance import copy_elsewhere, renew_backup
from tasks.notifications.outbox import record, take
from tasks.notifications.outcomes import DELIVERED
from tests.homes import migrated_home
from tests.journal_acts import ACTS, CHANNEL, PEOPLE, at, content_of, frame, perform
from tests.killed import killed_behind

KEPT = 3
"""Backups."""
TOLD_APART = ("ann-8c41d2f7-person", "bob.lee")
"""Whose ids are nothing else: the others' digits or letters may be anybody's."""
MOST_ACTS = 7
"""Behind the last backup."""
Content = dict[str, list[tuple[Any, ...]]]


@dataclass
class Life:
    """One that has been lived.

    Attributes:
        elsewhere: the second destination.
        first: the warehouse as it was when the first backup was made.
        twin: a copy of the home as it is.
        copied: one as it was when the journal was last copied there.
        sent: the notifications that were delivered, in order.
        sent_until_copy: how many of them when it was.
        forgotten: who was.
        instants: of acts since the last backup.
        ended: when all had been lived.
    """

    home: Home
    elsewhere: str
    first: Path
    twin: Home
    copied: Home
    number: int = 0
    sent: list[str] = field(default_factory=list)
    sent_until_copy: int = 0
    forgotten: set[str] = field(default_factory=set)
    instants: list[datetime] = field(default_factory=list)
    ended: datetime = datetime.max
    is_copied: bool = False


def live(folder: Path, chance: random.Random, elsewhere: str, days: int) -> Life:
    """So many days, each with a backup in its end, and a part of one, which ends with a process that is killed."""
    home = migrated_home(folder / "home")
    life = Life(
        home, elsewhere, folder / "first.duckdb", Home(folder / "twin"), Home(folder / "copied"), number=chance.randrange(40)
    )
    _act(life, chance, "load")
    for _ in range(days):
        for _ in range(chance.randrange(3, 6)):
            _act(life, chance)
        _back_up(life, chance)
    life.instants.clear()
    for kind in (*chance.sample(("silence", "load", "watch", "watch", "ack", "end", "land"), 5), "watch"):
        _act(life, chance, kind)
    if chance.random() < 0.6:
        _act(life, chance, chance.choice(("forget", "forget", "rename", "retain")))
    _copy(life)
    for _ in range(chance.randrange(MOST_ACTS - 4)):
        _act(life, chance, chance.choice(("silence", "load", "watch", "end")))
    with killed_behind(home) as con:
        for _ in range(chance.randrange(1, 4)):
            life.number = safe(life.number + 1, life.forgotten)
            ACTS[chance.choice(("silence", "load", "end"))](con, home, life.number)
    shutil.copytree(home.root, life.twin.root)
    life.ended = datetime.now(UTC)
    return life


def _act(life: Life, chance: random.Random, kind: str = "") -> None:
    """One act, by itself or of any kind; every second time what it did goes to the second destination."""
    life.number = safe(life.number + 1, life.forgotten)
    kind = kind or chance.choice(("load", "load", "watch", "watch", "silence", "ack", "end", "land", "rename", "forget"))
    if kind == "watch":
        watch(life.home, life.number, life.forgotten, life.sent.append)
    elif kind == "forget":
        _forget(life, chance)
    elif kind == "land":
        land(life.home, "activity", frame("activity", life.number), metadata={"source": "racine"})
    else:
        perform(life.home, kind, life.number)
    life.instants.append(datetime.now(UTC))
    if chance.random() < 0.5:
        _copy(life)


def _copy(life: Life) -> None:
    copy_journal(life.home, open_destination(life.elsewhere))
    shutil.rmtree(life.copied.root, ignore_errors=True)
    shutil.copytree(life.home.root, life.copied.root)
    life.sent_until_copy = len(life.sent)


def _back_up(life: Life, chance: random.Random) -> None:
    """The second destination does not always answer."""
    renew_backup(life.home, Limits(), KEPT, to=life.elsewhere)
    if not life.first.exists():
        shutil.copyfile(life.home.warehouse, life.first)
    if chance.random() < 0.8 or not life.is_copied:
        life.is_copied = True
        copy_elsewhere(life.home, Limits(), life.elsewhere, KEPT)
        _copy(life)


def _forget(life: Life, chance: random.Random) -> None:
    """As `forget` does it, which may be killed before it has come to the backups."""
    user = next(iter(life.forgotten), None) or chance.choice(TOLD_APART)
    with warehouse(life.home) as con:
        load_landing(con, life.home)
        forget_user(con, user, "root", at(life.number), hashes_ids=life.number % 2 == 0)
        compact(con, life.home)
    life.forgotten.add(user)
    if chance.random() < 0.5:
        renew_backup(life.home, Limits(), KEPT, to=life.elsewhere)


def safe(number: int, forgotten: Collection[str]) -> int:
    """The next number of which no act names anybody who was forgotten: nobody does such things any more."""
    while {PEOPLE[each % len(PEOPLE)] for each in (number, number + 1)} & {*forgotten}:
        number += 1
    return number


def watch(home: Home, number: int, forgotten: Collection[str], tell: Callable[[str], None]) -> None:
    """Evaluate, and deliver all that is due."""
    with warehouse(home) as con:
        evaluate(con, number, forgotten)
    with warehouse(home) as con:
        while (row := take(con, CHANNEL, at(number)).row) is not None:
            tell(row.notification_id)
            record(con, row, DELIVERED, at(number))


def evaluate(con: duckdb.DuckDBPyConnection, number: int, forgotten: Collection[str]) -> None:
    subjects = [each for each in (*PEOPLE, "disk", "cpu") if each not in forgotten]
    values = ", ".join(f"('{each}', {(number * place) % 3 + 0.1})" for place, each in enumerate(subjects, 1))
    seen = f"SELECT subject, value, subject || '/x' AS zone FROM (VALUES {values}) AS seen (subject, value)"
    with transaction(con):
        rules_in_force(con, None, at(number))
    evaluate_on(con, [Rule("gauge", seen, warning=1, critical=2)], {"ops": "warning"}, at(number))


def go_on(home: Home, life: Life) -> tuple[Content, list[str]]:
    """One more load, and two evaluations and deliveries; what is there then, and what was sent."""
    sent: list[str] = []
    number = safe(life.number + 50, life.forgotten)
    land(home, "activity", frame("activity", number), name=f"later-{number}", metadata={"source": "racine"})
    with warehouse(home) as con:
        load_landing(con, home, now=life.ended + timedelta(minutes=1))
    for each in (life.number + 1, life.number + 7):
        watch(home, each, life.forgotten, sent.append)
    return content_of(home), sent
