"""`kill -9`, as the memory killer does it: nothing of ours goes on, and the next start knows what was cut off.

Whatever belongs to a home is known by its environment, which names the home, so that nothing can hide behind a session or a parent.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from storage.home import Home

pytestmark = pytest.mark.prefect

ROOT = Path(__file__).parents[2]
GONE_WITHIN_SECONDS = 10.0
LONGEST_RUN_SECONDS = 40.0
UNFINISHED = "SELECT name, state_type FROM flow_run WHERE state_type IN ('RUNNING', 'PENDING', 'CANCELLING')"
RUNNING = "SELECT flow, status FROM ops.runs WHERE status = 'running'"


def of_the_home(home: Home) -> list[psutil.Process]:
    """Every living process whose environment names the home."""
    return [process for process in psutil.process_iter() if _belongs(process, str(home.root))]


def _belongs(process: psutil.Process, root: str) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE and any(value.startswith(root) for value in process.environ().values())
    return False


def start_run(home: Home, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GOVPULSE_"))}
    command = [sys.executable, "-m", "flows", "run", *arguments]
    environment = {**clean, "GOVPULSE_HOME": str(home.root), **variables}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=-3, stderr=-3, start_new_session=True)


def kill(process: subprocess.Popen[bytes], *, with_group: bool) -> None:
    """As the group of a shell's job, or alone."""
    with suppress(ProcessLookupError):
        (os.killpg if with_group else os.kill)(process.pid, signal.SIGKILL)
    process.wait()


def left_after_ten_seconds(home: Home) -> list[str]:
    patience_ends = time.monotonic() + GONE_WITHIN_SECONDS
    while (left := of_the_home(home)) and time.monotonic() < patience_ends:
        time.sleep(0.2)
    return [" ".join(process.cmdline()) for process in left]


def kill_runs(home: Home, kills: int, seed: int) -> None:
    """Start runs one after the other, kill each at any moment of its life, in turn alone and with its group."""
    chance = random.Random(seed)
    for number in range(kills):
        run = start_run(home)
        with suppress(subprocess.TimeoutExpired):
            run.wait(chance.uniform(0.2, LONGEST_RUN_SECONDS))
        kill(run, with_group=number % 2 == 1)
        assert left_after_ten_seconds(home) == [], f"after kill {number}"


def assert_next_run_tidies_up(home: Home) -> None:
    assert start_run(home, "--only", "collect").wait(240) == 0
    with closing(sqlite3.connect(home.prefect / "prefect.db")) as prefect:
        assert prefect.execute(UNFINISHED).fetchall() == []
    with duckdb.connect(str(home.published), read_only=True) as con:
        assert con.sql(RUNNING).fetchall() == []
    assert of_the_home(home) == []


@pytest.mark.slow
def test_run_that_is_killed_leaves_nothing_and_the_next_one_tidies_up(home: Home, until: Callable[..., Any]) -> None:
    """In the middle of the pipeline, which has begun as soon as its first file has landed."""
    run = start_run(home, GOVPULSE_SOURCE__KIND="none")

    def has_begun() -> bool:
        assert run.poll() is None
        return bool([*home.landing.glob("runs/*.parquet")])

    until(has_begun, 120.0)
    kill(run, with_group=False)
    assert left_after_ten_seconds(home) == []
    assert_next_run_tidies_up(home)


@pytest.mark.campaign
def test_sixty_kills_of_runs(home: Home) -> None:
    kill_runs(home, kills=60, seed=16)
    assert_next_run_tidies_up(home)


@pytest.fixture
def napping(start_up: Callable[..., Any], tiny_project: Path, new_port: Any, tmp_path: Path) -> Iterator[Any]:
    """An `up` with a long flow run, started anew as often as it is asked for."""

    def start() -> Any:
        return start_up(tmp_path / "home", tiny_project, port).await_up()

    port = new_port()
    return start


def begin_nap(up: Any, until: Callable[..., Any]) -> None:
    (up.home / "nap.json").unlink(missing_ok=True)
    nap = up.ask("deployments/name/nap/nap", method="GET")
    up.ask(f"deployments/{nap['id']}/create_flow_run", {"parameters": {"seconds": 300}, "state": {"type": "SCHEDULED"}})
    until((up.home / "nap.json").exists, 90.0)


def is_tidy(up: Any) -> bool:
    """A server that starts anew lets who asks wait."""
    with suppress(OSError):
        return not up.runs("RUNNING", "PENDING", "CANCELLING")
    return False


def end_naps(up: Any) -> None:
    """One goes on where the kill did not concern it."""
    for process in of_the_home(Home(up.home)):
        with suppress(psutil.Error):
            if any("flow_process" in argument for argument in process.cmdline()):
                process.kill()


@pytest.mark.campaign
def test_forty_kills_of_the_processes_of_up(napping: Any, until: Callable[..., Any]) -> None:
    """Each process in turn, supervisor, guards, server, worker, flow run, while a flow run goes on."""
    up, kills = napping(), 0
    while kills < 40:
        begin_nap(up, until)
        tree = up.tree()
        victim = tree[kills % len(tree)]
        below = list(victim.children(recursive=True))
        victim.kill()
        kills += 1
        _, alive = psutil.wait_procs([victim, *below], timeout=GONE_WITHIN_SECONDS)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == [], f"after kill {kills}"
        if victim.pid == up.process.pid:
            up.process.wait()
            assert left_after_ten_seconds(Home(up.home)) == []
            up = napping()
        end_naps(up)
        until(lambda up=up: is_tidy(up), 180.0)
    assert up.stop() == 0
    assert left_after_ten_seconds(Home(up.home)) == []
