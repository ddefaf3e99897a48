"""Killed at any moment, by SIGKILL and without help afterwards: no acknowledged row is lost, none is there twice, and everything
computed and published is what one clean pass over the same rows gives."""

import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from storage.catalogue import PUBLISHED
from storage.frames import fetch
from storage.home import Home
from storage.intake.landing import pending
from storage.intake.landing_names import plain_name
from storage.limits import Limits
from storage.warehouse import attach, warehouse
from tasks.insights.system_metrics_hourly import SYSTEM_METRICS_HOURLY
from tests.insights import compute_table

CHILD = Path(__file__).with_name("child.py")
LONGEST_SECONDS = {"land": 0.02, "load": 0.15, "compute": 0.2, "compact": 0.1, "publish": 0.25}
"""Within so long after a phase began the kill comes."""
HOURLY = "SELECT * EXCLUDE (as_of) FROM insights.system_metrics_hourly ORDER BY ALL"

READ_ALL_THE_TIME = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(con.execute("SELECT count(*) FROM insights.system_metrics_hourly").fetchall()[0][0], flush=True)
"""


class Campaign:
    """The processes of one campaign on one home, and where their kills landed."""

    def __init__(self, home: Home, records: Path, seed: int) -> None:
        self.home, self.records, self.chance = home, records, random.Random(seed)
        self.kills: Counter[str] = Counter()
        records.mkdir()
        (records / "phase").write_bytes(b"start   ")

    def start(self, name: str, mode: str, rounds: int = 0) -> subprocess.Popen[bytes]:
        arguments = [self.home.root, self.records, name, mode, rounds]
        return subprocess.Popen([sys.executable, str(CHILD), *map(str, arguments)])

    def run(self, name: str, rounds: int = 1) -> None:
        with self.start(name, "pass", rounds) as process:
            assert process.wait(120) == 0

    def phase(self) -> str:
        return (self.records / "phase").read_bytes().decode().strip()

    def kill_in(self, target: str) -> None:
        """Start a pass after pass, kill it once `target` has begun, and count the phase that it died in."""
        (self.records / "phase").write_bytes(b"start   ")
        with self.start("pass", "pass") as process:
            give_up_at = time.monotonic() + 60
            while self.phase() != target:
                assert process.poll() is None, "it died by itself"
                assert time.monotonic() < give_up_at
                time.sleep(0.0005)
            time.sleep(self.chance.uniform(0, LONGEST_SECONDS[target]))
            process.kill()
        self.kills[self.phase()] += 1

    def acknowledged(self) -> dict[str, list[tuple[str, int]]]:
        """Keys of the rows by landing file, from the whole lines."""
        lines = [line for path in self.records.glob("*.acks") for line in path.read_text().splitlines(keepends=True)]
        fields = [line.split() for line in lines if line.endswith("\n")]
        return {file: [(host, int(micros)) for micros in keys.split(",")] for file, host, keys in fields}


def kill_many(campaign: Campaign, kills: int, at_least: int, collectors: int) -> int:
    """Kill passes, each phase in its turn, and now and then a collector; returns how many collectors died."""
    died = 0
    with ExitStack() as stack:
        running = [stack.enter_context(campaign.start(f"collector{number}", "collect")) for number in range(collectors)]
        try:
            while campaign.kills.total() < kills or min(campaign.kills[name] for name in LONGEST_SECONDS) < at_least:
                wanted = min(LONGEST_SECONDS, key=lambda name: (campaign.kills[name], campaign.chance.random()))
                campaign.kill_in(wanted)
                if campaign.kills.total() % 4 == 0:
                    running[0].kill()
                    running.append(stack.enter_context(campaign.start(f"collector{collectors + died}", "collect")))
                    del running[0]
                    died += 1
        finally:
            for process in running:
                process.kill()
    return died + collectors


def assert_nothing_lost_and_nothing_doubled(campaign: Campaign, unacknowledged_at_most: int) -> None:
    acknowledged = campaign.acknowledged()
    with warehouse(campaign.home) as con:
        rows = con.sql("SELECT host, epoch_us(observed_at) FROM raw.system_metrics").fetchall()
        files = Counter(con.sql("SELECT file FROM ops.loads").fetchall())
        booked = con.sql("SELECT sum(rows), sum(rejected), count(*) FILTER (WHERE status <> 'loaded') FROM ops.loads").fetchall()
    assert len(rows) == len(set(rows)), "a row is there twice"
    assert {key for keys in acknowledged.values() for key in keys} <= set(rows), "an acknowledged row is lost"
    assert set(files.values()) == {1}
    assert {f"system_metrics/{plain_name(file)}" for file in acknowledged} <= {file for (file,) in files}
    assert len(files) - len(acknowledged) <= unacknowledged_at_most, "landed, and killed before saying so"
    assert booked == [(len(rows), 0, 0)]
    assert pending(campaign.home, "system_metrics") == []


def assert_published_agrees(home: Home) -> None:
    with warehouse(home) as con:
        attach(con, home.published, "published", read_only=True)
        for table in PUBLISHED:
            here, there = f"FROM warehouse.{table.full_name}", f"FROM published.{table.full_name}"
            for difference in (f"({here}) EXCEPT ALL ({there})", f"({there}) EXCEPT ALL ({here})"):
                assert con.sql(difference).fetchall() == [], table.full_name
    assert list(home.root.glob(".govpulse.duckdb.*")) == []
    assert list(home.private.glob("*.compacting*")) == []


def assert_computed_is_what_a_clean_computation_gives(home: Home, clean: Home) -> None:
    clean.create()
    shutil.copyfile(home.warehouse, clean.warehouse)
    with warehouse(clean) as con:
        kept = fetch(con, HOURLY)
        con.execute("DELETE FROM insights.system_metrics_hourly")
        as_of: datetime
        start: datetime
        sql = "SELECT (SELECT max(as_of) FROM ops.computations), date_trunc('hour', min(observed_at)) FROM raw.system_metrics"
        as_of, start = con.sql(sql).fetchall()[0]
        rows = con.sql("SELECT count(*) FROM raw.system_metrics").fetchall()[0][0]
    compute_table(SYSTEM_METRICS_HOURLY, str(clean.root), as_of=as_of, limits=Limits(), window_start=start)
    with warehouse(clean) as con:
        assert kept.equals(fetch(con, HOURLY))
    assert kept["samples"].sum() == rows


def run_campaign(home: Home, folder: Path, *, kills: int, at_least: int, collectors: int) -> Counter[str]:
    campaign = Campaign(home, folder / "records", seed=20260301)
    campaign.run("first")
    with subprocess.Popen(
        [sys.executable, "-c", READ_ALL_THE_TIME, str(home.published)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        answers = [ask(reader)]
        collectors_killed = kill_many(campaign, kills, at_least, collectors)
        campaign.run("last")
        answers.append(ask(reader))
        reader.kill()
    assert answers[0] == answers[1], "the reader's file changed under it"
    assert_nothing_lost_and_nothing_doubled(campaign, campaign.kills.total() + collectors_killed)
    assert_published_agrees(home)
    assert_computed_is_what_a_clean_computation_gives(home, Home(folder / "clean"))
    print(f"{len(campaign.acknowledged())} batches acknowledged; kills by phase: {dict(campaign.kills)}; "
          f"collectors killed: {collectors_killed}")  # fmt: skip
    return campaign.kills


def ask(reader: subprocess.Popen[str]) -> str:
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write("\n")
    reader.stdin.flush()
    return reader.stdout.readline()


def test_a_few_kills_lose_nothing(home: Home, tmp_path: Path) -> None:
    kills = run_campaign(home, tmp_path, kills=4, at_least=1, collectors=2)
    assert set(kills) == set(LONGEST_SECONDS)


@pytest.mark.campaign
def test_many_kills_in_every_phase_lose_nothing(home: Home, tmp_path: Path) -> None:
    kills = run_campaign(home, tmp_path, kills=60, at_least=3, collectors=3)
    assert kills.total() >= 60
    assert min(kills[name] for name in LONGEST_SECONDS) >= 3


def test_two_at_the_same_time_both_succeed(home: Home, tmp_path: Path) -> None:
    campaign = Campaign(home, tmp_path / "records", seed=1)
    with campaign.start("one", "pass", 6) as one, campaign.start("two", "pass", 6) as two:
        assert [one.wait(120), two.wait(120)] == [0, 0]
    assert len(campaign.acknowledged()) == 12
    campaign.run("last")
    assert_nothing_lost_and_nothing_doubled(campaign, 0)
    assert_published_agrees(home)
    assert_computed_is_what_a_clean_computation_gives(home, Home(tmp_path / "clean"))
