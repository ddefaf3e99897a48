"""Killed at any moment, the next opening finds file, log and mark in a state that it takes, with all that was committed."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.home import Home
from storage.warehouse import warehouse
from tests.homes import migrated_home

COMMITTER = Path(__file__).with_name("committer.py")
LONGEST_SECONDS = 0.8


def kill_one(home: Home, acks: Path, seed: int, seconds: float) -> None:
    arguments = [str(COMMITTER), str(home.root), str(acks), str(seed)]
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        assert process.poll() is None, "it died by itself"
        process.kill()


def assert_all_is_there(home: Home, acks: Path) -> int:
    with warehouse(home) as con:
        there = {int(row[0]) for row in con.sql("SELECT detail FROM ops.audit_log WHERE action = 'number'").fetchall()}
    acknowledged = {int(line) for line in acks.read_text().split()}
    assert acknowledged <= there
    assert len(there - acknowledged) <= len({number // 1_000_000 for number in there}), "one a kill, of which it could not say so"
    return len(acknowledged)


def kill_many(home: Home, acks: Path, kills: int) -> int:
    chance, found = random.Random(kills), 0
    for seed in range(kills):
        kill_one(home, acks, seed, chance.uniform(0.02, LONGEST_SECONDS))
        if chance.random() < 0.7:  # else the next process finds what the killed one left
            found = assert_all_is_there(home, acks)
    return max(found, assert_all_is_there(home, acks))


def test_a_few_killed_sessions_open_again(tmp_path: Path) -> None:
    assert kill_many(migrated_home(tmp_path / "home"), tmp_path / "acks", 3) > 0


@pytest.mark.campaign
def test_many_killed_sessions_open_again(tmp_path: Path) -> None:
    assert kill_many(migrated_home(tmp_path / "home"), tmp_path / "acks", 60) > 100
