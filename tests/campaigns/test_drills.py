"""Whatever befalls a home, nothing of it is opened that is not whole, and the way back ends in what an undamaged twin has, but for
what is told as lost."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import duckdb
import pytest

from flows.cli.restore import fetch_all
from storage.backups.manifest import CONTENT, manifests_in
from storage.backups.restore import Restored, restore
from storage.errors import GovpulseError
from storage.home import Home
from storage.installation import read_own_marks
from storage.journal.replay import BY_PEOPLE
from storage.limits import Limits
from storage.salvage.salvaging import Salvage, salvage
from storage.verification.files import verify_files
from storage.warehouse import turn, warehouse
from tasks.maintenance import renew_backup
from tests.campaigns.disasters import DISASTERS, SECOND, Blow
from tests.campaigns.lives import KEPT, Content, Life, go_on, live
from tests.campaigns.processes import Workers
from tests.full_filesystem import Filler, small_filesystem
from tests.holders import holders
from tests.journal_acts import content_of

T = TypeVar("T")
DRILLS_A_LIFE = 10
LEFTOVERS = ("*.tmp", "*.restoring*", "*.rewritten*", "*.look", "*.compacting*", "salvaging", "spill")
WAYS = ("restore", "restore", "killed", "full", "at", "salvage")
STAYS = {"a backup damaged": "backups", "a line damaged": "journal", "a kept file missing": "journal"}
"""What is still told as damaged until the backups that need it have gone."""
MOST_ROOM = 24 * 2**20
"""Bytes that a full disk still has when a restore begins: it takes some 16 MB."""


@dataclass
class Twins:
    """What a life's twins have, before and after they went on: each is looked at once."""

    life: Life
    known: dict[bool, tuple[Content, Content, list[str]]] = field(default_factory=dict)

    def of(self, *, is_volume_gone: bool) -> tuple[Content, Content, list[str]]:
        if is_volume_gone not in self.known:
            home = self.life.copied if is_volume_gone else self.life.twin
            self.known[is_volume_gone] = (content_of(home), *go_on(home, self.life))
        return self.known[is_volume_gone]


class Drill:
    """One disaster and the way back from it."""

    def __init__(self, twins: Twins, home: Home, chance: random.Random, names: Sequence[str], way: str) -> None:
        self.twins, self.life, self.home, self.chance, self.names, self.way = twins, twins.life, home, chance, names, way
        self.until: datetime | None = None
        shutil.copytree(self.life.home.root, home.root)

    def run(self, workers: Workers, disk: Path | None) -> None:
        blow = Blow(refuses=False)
        if self.chance.random() < 0.5 and not self.names[0].startswith("log "):
            with warehouse(self.home):
                pass  # and what the killed process left has been taken up
        for name in self.names:
            blow += (DISASTERS | SECOND)[name](self.life, self.home, self.chance)
        expected, after, sent = self.twins.of(is_volume_gone=blow.is_volume_gone)
        self.assert_refused(blow, expected)
        done = self.salvaged(blow) if self.way == "salvage" and blow.is_log else None
        if done is None:
            restored = self.restored(blow, workers, disk)
            self.assert_is_twin(content_of(self.home), expected, self.told(restored, blow))
        else:
            told = {loss.table for loss in done.losses} | ({"*"} if done.said else set())
            self.assert_is_twin(content_of(self.home), expected, told | (blow.tables if done.replayed.lost else set()))
        assert self.leftovers() == []
        self.go_on(blow, after, sent, is_whole=self.until is None)

    def assert_refused(self, blow: Blow, expected: Content) -> None:
        """Loudly, or what opens is whole."""
        if not self.home.root.exists():
            return
        before = self.bytes_of_tables()
        found, refusal = opened(self.home)
        if found is not None:
            assert not blow.refuses, self.names
            assert found == expected, "what opens is neither empty nor mixed"
        elif isinstance(refusal, GovpulseError):
            said = str(refusal)
            assert "\n" not in said
            assert any(way in said for way in ("govpulse restore", "govpulse salvage", "mount", "put the file back")), said
            assert "nothing was changed" not in said or self.bytes_of_tables() == before
        else:
            assert not blow.refuses, refusal

    def bytes_of_tables(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.home.private.glob("warehouse.duckdb*")}

    def restored(self, blow: Blow, workers: Workers, disk: Path | None) -> Restored:
        if blow.needs_elsewhere or not manifests_in(self.home.backups) or self.chance.random() < 0.2:
            fetch_all(self.home, self.life.elsewhere)
        if self.way == "at":
            self.until = self.instant()
        if self.chance.random() < 0.2:
            before = self.bytes_of_tables()
            self.restore(keeps=False)
            assert self.bytes_of_tables() == before, "a dry run changes nothing"
        if self.way == "killed":
            for _ in range(self.chance.randrange(1, 4)):
                workers.run("restore", self.home, kill_at=self.chance.randrange(1, 1_500))
                self.assert_opens_only_whole(blow)
        if self.way == "full" and disk is not None:
            return self.restored_on_full_disk(disk)
        return self.restore()

    def instant(self) -> datetime | None:
        """One of the life's last part that a backup is from before: there is none where somebody was forgotten behind it."""
        first = min((each.made_at for each in manifests_in(self.home.backups).values()), default=datetime.max.replace(tzinfo=UTC))
        return next((each for each in self.chance.sample(self.life.instants, len(self.life.instants)) if each > first), None)

    def restore(self, *, keeps: bool = True) -> Restored:
        with turn(self.home):
            read_own_marks(self.home)
            return restore(self.home, Limits(), datetime.now(UTC), at=self.until, keeps=keeps)

    def assert_opens_only_whole(self, blow: Blow) -> None:
        found = opened(self.home)[0]
        if found is not None:
            self.assert_is_twin(found, self.twins.of(is_volume_gone=blow.is_volume_gone)[0], {"*"} if blow.tables else set())

    def restored_on_full_disk(self, disk: Path) -> Restored:
        filler, moved = Filler(disk), Home(disk / "home")
        shutil.rmtree(moved.root, ignore_errors=True)
        shutil.move(self.home.root, moved.root)
        self.home = moved
        filler.fill(but=self.chance.randrange(MOST_ROOM))
        done, refusal = tried(self.restore)
        assert refusal is None or "free space on" in str(refusal), refusal
        assert done or self.leftovers() == []
        filler.free()
        return done or self.restore()

    def salvaged(self, blow: Blow) -> Salvage | None:
        """None where it says that a backup has to be put back, or finds nothing damaged, as where another file lies there."""
        with turn(self.home):
            done, refusal = tried(lambda: salvage(self.home, Limits(), datetime.now(UTC)))
        assert refusal is None or "backup" in str(refusal) or "restore" in str(refusal), refusal
        return None if done is None or done.is_sound else done

    def told(self, done: Restored, blow: Blow) -> set[str]:
        """The tables of which something is told as lost."""
        told = {each.table for each in done.missing}
        if done.replayed.lost:
            assert blow.tables, done.replayed.lost
            told |= blow.tables
        if self.until:
            told |= {*BY_PEOPLE, *done.replayed.left_out}
            told |= {"*"} if any(name.startswith("raw.") for name in done.replayed.left_out) else {"ops.journal"}
        return told

    def assert_is_twin(self, found: Content, expected: Content, told: set[str]) -> None:
        if "*" in told:
            return
        if told:
            told |= {"ops.journal"}
        assert {name for name in expected if found[name] != expected[name]} <= told, (self.names, self.way)
        for name in told:
            assert len(found[name]) == len(set(found[name]))

    def leftovers(self) -> list[Path]:
        return [path for pattern in LEFTOVERS for path in self.home.root.rglob(pattern)]

    def go_on(self, blow: Blow, after: Content, sent: list[str], *, is_whole: bool) -> None:
        found, told = go_on(self.home, self.life)
        known = self.life.sent[: self.life.sent_until_copy] if blow.is_volume_gone else self.life.sent
        if not blow.tables & {"alerts.notifications", "alerts.alerts", "*"}:
            assert {*told} & {*known} == set(), "told again"
        if is_whole and not blow.tables:
            assert told == sent
            assert {name for name in after if name.startswith("raw.") and found[name] != after[name]} == set()
        renew_backup(self.home, Limits(), KEPT)
        assert self.leftovers() == []
        failed = {each.name for each in verify_files(self.home, Limits(), datetime.now(UTC), deep=True) if not each.is_ok}
        assert failed <= {part for name, part in STAYS.items() if name in self.names}
        if not blow.tables:
            self.assert_forgotten()

    def assert_forgotten(self) -> None:
        """In no file, but for damaged ones that nobody can read."""
        for path in (self.home.backups / CONTENT).rglob("*.damaged"):
            path.unlink()
        shutil.rmtree(self.home.set_aside, ignore_errors=True)
        for person in self.life.forgotten:
            assert holders(self.home.root, person) == set()


def tried(action: Callable[[], T]) -> tuple[T | None, GovpulseError | None]:
    """What it returns, or what it refused."""
    try:
        return action(), None
    except GovpulseError as error:
        return None, error


def opened(home: Home) -> tuple[Content | None, Exception | None]:
    """All that is in the warehouse, or why it is not opened."""
    try:
        return content_of(home), None
    except (GovpulseError, duckdb.Error) as error:
        return None, error


@contextmanager
def disk_of(folder: Path, drills: int) -> Iterator[Path | None]:
    """A small disk, where there are enough drills for one to fill it."""
    if drills < DRILLS_A_LIFE:
        yield None
        return
    with small_filesystem(folder) as disk:
        yield disk


def run_drills(folder: Path, drills: int, seed: int) -> Counter[str]:
    """So many, as many of each disaster as of any other, some of them two at once."""
    chance, done = random.Random(seed), Counter[str]()
    order = [name for _ in range(1 + drills // len(DISASTERS)) for name in chance.sample(sorted(DISASTERS), len(DISASTERS))]
    with closing(Workers(is_compiled=drills >= DRILLS_A_LIFE)) as workers, disk_of(folder, drills) as disk:
        for number in range(drills):
            if number % DRILLS_A_LIFE == 0:
                here = folder / f"life-{number}"
                (here / "elsewhere").mkdir(parents=True)
                twins = Twins(live(here, chance, str(here / "elsewhere"), chance.randrange(2, 4) if drills >= DRILLS_A_LIFE else 1))
            way = WAYS[(number + seed) % len(WAYS)]
            names = [order[number], *([chance.choice(sorted(SECOND))] if chance.random() < 0.3 else [])]
            print(f"drill {number} of seed {seed}: {' and '.join(names)}, {way}", flush=True)
            drill = Drill(twins, Home(here / f"drill-{number}"), random.Random(f"{seed} {number}"), names, way)
            drill.run(workers, disk)
            done.update(names)
            shutil.rmtree(drill.home.root)
    print(sorted(done.items()))
    return done


def test_after_a_few_drills_all_is_as_at_the_twins(tmp_path: Path) -> None:
    assert run_drills(tmp_path, 2, seed=3).total() >= 2


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(10))
def test_after_twenty_drills_all_is_as_at_the_twins(tmp_path: Path, seed: int) -> None:
    assert run_drills(tmp_path, 20, seed).total() >= 20
