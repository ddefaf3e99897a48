"""The extracting process is killed, the source restarted, the connection cut: afterwards, after one more run, everything agrees."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.home import Home
from tests.campaigns.acts import Acts, Writers
from tests.campaigns.extractor import run_once
from tests.postgresql import PostgresServer

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'govpulse' AND pid <> pg_backend_pid()"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One of its own, to restart. What it has committed must outlive its crash, or it is the source that forgets."""
    server = PostgresServer(["synchronous_commit=on"])
    yield server
    server.remove()


@contextmanager
def extracting(acts: Acts) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.campaigns.extractor", str(acts.home.root.parent), acts.url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def reads(acts: Acts) -> bool:
    with acts.connect() as con:
        sql = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'govpulse' AND state = 'active' AND query LIKE 'COPY%'"
        )
        return bool(con.execute(sql).fetchone()[0])


def cut_connections(acts: Acts) -> None:
    """While rows are streaming, if they do within two seconds."""
    ends = time.monotonic() + 2.0
    while time.monotonic() < ends and not reads(acts):
        time.sleep(0.005)
    with acts.connect() as con:
        con.execute(CUT)


def disturb(acts: Acts, *, kills: int, cuts: int, restarts: int, seed: int) -> list[str]:
    """Kill, cut and restart at random moments; returns what the extractors said of it."""
    chance, heard = random.Random(seed), []
    for number in range(kills):
        with extracting(acts):
            time.sleep(chance.uniform(0.0, 1.5))
        if number == kills // 2:
            acts.assert_no_row_twice()
    for disturbance in (*[lambda: cut_connections(acts)] * cuts, *[acts.server.restart] * restarts):
        with extracting(acts) as process:
            time.sleep(chance.uniform(0.0, 0.5))
            disturbance()
            heard += [said(process), said(process)]
    return heard


def run_campaign(server: PostgresServer, folder: Path, *, rows: int, kills: int, cuts: int, restarts: int) -> list[str]:
    acts = Acts(server, "crashes", folder)
    acts.fill(rows)
    with Writers(acts, count=2, hold_up_to=1.0, seed=5, pause=0.05):
        heard = disturb(acts, kills=kills, cuts=cuts, restarts=restarts, seed=11)
    heard.append(run_once(Home(folder / "home"), acts.source))
    acts.assert_agrees()
    assert not list((folder / "home" / "quarantine").rglob("*.parquet"))
    return heard


def test_a_few_kills_cuts_and_a_restart_lose_nothing(server: PostgresServer, tmp_path: Path) -> None:
    heard = run_campaign(server, tmp_path, rows=60_000, kills=3, cuts=1, restarts=1)
    assert all("Traceback" not in line for line in heard)


@pytest.mark.campaign
def test_thirty_kills_cuts_and_restarts_lose_nothing(server: PostgresServer, tmp_path: Path) -> None:
    heard = run_campaign(server, tmp_path, rows=300_000, kills=30, cuts=6, restarts=4)
    print("\n".join(heard))
    assert any("cannot read" in line or "cannot connect" in line for line in heard), "no disturbance was felt"
