"""Killed, or failed by its disk, at any call that changes a file, in each phase as often as in any other: what was acknowledged is
there, nothing is there twice, and behind the next run nothing is left over."""

import errno
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from storage.home import Home
from tests.campaigns.jobs import PHASES, sent
from tests.campaigns.processes import ALL, GROWS, NAMES, SYNCS, WRITES, Ended, Workers
from tests.homes import migrated_home

FAULTS: dict[str, dict[str, Any]] = {
    "kill": {"kinds": ALL},
    "full": {"error": errno.ENOSPC, "lasts": True, "kinds": WRITES | GROWS},
    "full once": {"error": errno.ENOSPC, "kinds": WRITES | SYNCS | GROWS},
    "fails": {"error": errno.EIO, "kinds": WRITES | SYNCS | NAMES},
}
EXPECTED = ("GovpulseError", "NoRoomError", "OSError", "IOException", "FatalException", "TransactionException", "InternalException")
"""How a fault may be told: in words of ours, or by the command line, which puts what the system or DuckDB says into words."""
WIDE = ("second copy", "copy of the journal", "fetch and restore")
"""Phases that write to the second destination, or to a home that is not there yet."""


@dataclass
class Scene:
    """A prepared home, of which each fault has a copy; and how each phase ends without one."""

    folder: Path
    workers: Workers
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    known: dict[str, tuple[dict[str, Any], dict[str, Any], Counter[str]]] = field(default_factory=dict)
    counted: dict[tuple[str, int], int] = field(default_factory=dict)
    number: int = 0

    def copy(self, phase: str) -> Home:
        """One that is as the phase finds it."""
        self.number += 1
        home = Home(self.folder / f"copy-{self.number}" / "home")
        shutil.copytree(self.folder / "prepared", home.root.parent)
        if phase == "restore":
            home.warehouse.unlink()
        elif phase == "fetch and restore":
            shutil.rmtree(home.root)
        elif phase == "salvage":
            with home.warehouse.open("rb+") as file:
                file.seek(12_288 + 5 * 2**18 + 4_000)
                file.write(b"damaged")
        return home

    def drop(self, home: Home) -> None:
        shutil.rmtree(home.root.parent)

    def below(self, phase: str, home: Home) -> Path:
        return home.root.parent if phase in WIDE else home.root

    def run(self, phase: str, home: Home, **fault: Any) -> Ended:
        return self.workers.run(phase, home, below=self.below(phase, home), **fault)

    def calls(self, phase: str, kinds: int) -> int:
        if (phase, kinds) not in self.counted:
            home = self.copy(phase)
            ended = self.run(phase, home, kinds=kinds)
            assert ended.error == "", phase
            self.counted[phase, kinds] = ended.calls
            self.drop(home)
        return self.counted[phase, kinds]

    def expected(self, phase: str) -> tuple[dict[str, Any], dict[str, Any], Counter[str]]:
        """What is in the tables where the phase ran in the next run only, and where it had run before; and what was delivered."""
        if phase not in self.known:
            once, twice = self.copy(phase), self.copy(phase)
            assert self.run(phase, twice).error == ""
            first, second = (self.next_run(phase, home)["tables"] for home in (once, twice))
            self.known[phase] = first, second, Counter(sent(twice).read_text().split())
            self.drop(once)
            self.drop(twice)
        return self.known[phase]

    def next_run(self, phase: str, home: Home) -> dict[str, Any]:
        ended = self.workers.run("next run", home, phase)
        assert ended.error == "", f"the next run goes on, and not: {ended.error}"
        found: dict[str, Any] = ended.answer
        for name in ("doubled", "leftovers", "damaged"):
            assert found[name] == [], f"{name}: {found[name]}"
        return found

    def strike(self, phase: str, kind: str, place: float) -> None:
        """A fault at a place between the phase's first call and its last."""
        fault = FAULTS[kind]
        at = 1 + round(place * (self.calls(phase, fault["kinds"]) - 1))
        home = self.copy(phase)
        given = {"kill_at": at} if kind == "kill" else {"fail_at": at}
        ended = self.run(phase, home, **given, **fault)
        how = "killed" if ended.is_killed else "failed" if ended.error else "went on"
        assert not ended.error or ended.error.startswith(EXPECTED), ended.error
        if ended.error and kind.startswith("full"):
            assert "free space on " in ended.error, ended.error
        once, twice, delivered = self.expected(phase)
        found = self.next_run(phase, home)["tables"]
        states = (twice,) if how == "went on" else (once, twice)
        wrong = {name: found[name] for name in found if found[name] not in [state[name] for state in states]}
        assert wrong == {}, f"call {at}, {how}: {wrong} is none of {[{name: state[name] for name in wrong} for state in states]}"
        told = Counter(sent(home).read_text().split())
        assert told.keys() == delivered.keys(), f"call {at}, {how}: {told} for {delivered}"
        assert (told - delivered).total() <= (phase == "deliver" and how != "went on"), (
            "told, and killed before that was written down"
        )
        self.done[f"{phase}: {kind}, {how}"] += 1
        self.drop(home)


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    with closing(Workers(is_compiled=request.param)) as workers:
        (tmp_path / "prepared").mkdir()
        home = migrated_home(tmp_path / "prepared" / "home")
        assert workers.run("prepare", home).error == ""
        yield Scene(tmp_path, workers, random.Random(5))


@pytest.mark.parametrize("scene", [False], indirect=True)
def test_a_few_faults_lose_nothing(scene: Scene) -> None:
    for number, phase in enumerate(("load", "backup")):
        scene.strike(phase, ("kill", "full once")[number], 0.5)
    assert scene.done.total() == 2


def strike_all(scene: Scene, kinds: list[str], each: int, phases: list[str]) -> list[str]:
    """Each phase so often with faults of the kinds in turn, from its first call to its last; returns what did not hold."""
    problems = []
    for number in range(each):
        for phase in phases:
            kind = kinds[number % len(kinds)]
            place = (number + scene.chance.random()) / each
            try:
                scene.strike(phase, kind, place)
            except AssertionError as problem:
                problems.append(f"{phase}, {kind}, at {place:.3f}: {problem}")
                print(problems[-1], flush=True)
    print(sorted(scene.done.items()), flush=True)
    return problems


@pytest.mark.campaign
@pytest.mark.parametrize("scene", [True], indirect=True)
@pytest.mark.parametrize("phase", PHASES)
def test_thirty_kills_in_each_phase_lose_nothing(scene: Scene, phase: str) -> None:
    assert strike_all(scene, ["kill"], 30, [phase]) == []
    assert scene.done.total() == 30


@pytest.mark.campaign
@pytest.mark.parametrize("scene", [True], indirect=True)
@pytest.mark.parametrize("phase", PHASES)
def test_thirty_faults_in_each_phase_lose_nothing(scene: Scene, phase: str) -> None:
    assert strike_all(scene, ["full", "full once", "fails"], 30, [phase]) == []
    assert scene.done.total() == 30
