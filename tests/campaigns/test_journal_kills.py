"""Killed at any moment, an older copy and the journal are the warehouse that is opened next, neither more nor less."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.home import Home
from storage.journal.files import damage_in_journal, last_number
from tests.homes import migrated_home
from tests.journal_acts import content_of, copy_warehouse, replayed

JOURNALER = Path(__file__).with_name("journaler.py")
LONGEST_SECONDS = 3.0


def kill_one(home: Home, seed: int, seconds: float) -> None:
    command = [sys.executable, str(JOURNALER), str(home.root), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        assert process.poll() is None, "it died by itself"
        process.kill()


def kill_many(folder: Path, kills: int) -> int:
    """Returns how many entries there are then."""
    home, copy = migrated_home(folder / "home"), folder / "copy.duckdb"
    chance = random.Random(kills)
    copy_warehouse(home, copy)
    for seed in range(kills):
        kill_one(home, seed, chance.uniform(0.3, LONGEST_SECONDS))
        if chance.random() < 0.7:  # else the next process finds what the killed one left
            expected = content_of(home)
            assert damage_in_journal(home) == []
            done, found = replayed(home, copy)
            assert done.lost == []
            assert found == expected
            if chance.random() < 0.5:
                copy_warehouse(home, copy)
    return last_number(home)


def test_a_few_kills_leave_a_journal_that_is_the_warehouse(tmp_path: Path) -> None:
    assert kill_many(tmp_path, 4) > 0


@pytest.mark.campaign
def test_many_kills_leave_a_journal_that_is_the_warehouse(tmp_path: Path) -> None:
    assert kill_many(tmp_path, 60) > 100
