"""The least memory that the documents promise to be enough, 1 GB without swap, for everything that runs: by hand, and on schedule
with all deployments at once, on a warehouse of 20 hosts and 15 days. The limit is a cgroup's: it is of all processes together."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from flows.serving.api_auth import api_auth_file
from storage.changes import note_days
from storage.home import Home
from storage.transaction import transaction
from storage.warehouse import warehouse
from tests.memory_cgroup import Group, limited_memory

ROOT = Path(__file__).parents[2]
LEAST = 1_000_000_000
DAYS, HOSTS = 15, 20
SERIES = ("system.cpu.utilization", "system.memory.utilization", "system.filesystem.utilization", "system.disk.io")
METRICS = 12
FILL = """
    INSERT INTO raw.system_metrics (host, metric, attributes, observed_at, unit, value, status)
    SELECT 'host-' || i % $hosts, $series[1 + i // $hosts % len($series)], 'part=' || i // $hosts % $metrics,
        CAST($start AS TIMESTAMPTZ) + to_minutes(CAST(i // ($hosts * $metrics) AS BIGINT)), '1',
        round(0.4 + 0.2 * sin(pi() * (i // ($hosts * $metrics)) / 720) + 0.03 * random(), 4), 'ok'
    FROM range(1440 * $hosts * $metrics) AS r(i)
"""
UP_WITHIN_SECONDS, DONE_WITHIN_SECONDS = 240.0, 1500.0
Api = Callable[[str, Any], Any]
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def fill(home: Home) -> None:
    """Five million samples, a day at a time."""
    home.create()
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for ago in range(DAYS, 0, -1):
        start = now - timedelta(days=ago)
        with warehouse(home) as con, transaction(con):
            con.execute(FILL, {"start": start, "hosts": HOSTS, "metrics": METRICS, "series": list(SERIES)})
            note_days(con, "raw.system_metrics", [start.date(), (start + timedelta(days=1)).date()])


@dataclass
class Watch:
    """The most that the group held at any time, and each process for itself, looked at a few times a second."""

    group: Group
    most: float = 0.0
    by_name: dict[str, float] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self.ended.wait(0.25):
            with suppress(OSError):
                self.most = max(self.most, self.group.unreclaimable_mb())
                for process in self.group.processes():
                    self._look_at(Path("/proc", str(process)))

    def _look_at(self, process: Path) -> None:
        """What is its own: what it shares with others, such as the code, may be let go of."""
        with suppress(OSError, StopIteration):
            line = next(line for line in (process / "status").read_text().splitlines() if line.startswith("RssAnon"))
            name = _name_of(process)
            self.by_name[name] = max(self.by_name.get(name, 0.0), int(line.split()[1]) / 1e3)


def _name_of(process: Path) -> str:
    """The flow that it runs, or how it was called."""
    variables = (process / "environ").read_bytes().split(b"\0")
    flow = next((each.partition(b"=")[2] for each in variables if each.startswith(b"PREFECT__FLOW_ENTRYPOINT=")), b"")
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    called = " ".join(Path(word).name for word in words[1:6] if word and not word.startswith("-"))
    return f"{called[:40]} {flow.decode().rpartition(':')[2]}".strip()


@contextmanager
def watched(group: Group, what: str) -> Iterator[None]:
    """Says how much was needed."""
    watch = Watch(group)
    looking = threading.Thread(target=watch.look)
    looking.start()
    began = time.monotonic()
    try:
        yield
    finally:
        watch.ended.set()
        looking.join()
        print(f"{what}: {watch.most:.0f} MB at most, {time.monotonic() - began:.0f} s, {group.killed()} killed", flush=True)
        print(*(f"    {mb:4.0f} MB {name}" for name, mb in sorted(watch.by_name.items(), key=lambda each: -each[1])), sep="\n")


def environment(home: Home) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GOVPULSE_"))}
    return clean | {"GOVPULSE_HOME": str(home.root)}


def govpulse(group: Group, home: Home, *arguments: str) -> None:
    command = group.inside([sys.executable, "-m", "flows", *arguments])
    done = subprocess.run(command, cwd=ROOT, env=environment(home), capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:], group.killed())


@contextmanager
def served(group: Group, home: Home, log: Path) -> Iterator[Api]:
    """`govpulse up` in the group, and its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = group.inside([sys.executable, "-m", "flows", "up", "--port", str(port)])
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(home), stdout=output, stderr=output, start_new_session=True)
    try:
        await_true(lambda: "govpulse is up" in log.read_text(), UP_WITHIN_SECONDS, process, log)
        user, _, password = api_auth_file(home).read_text().strip().partition(":")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", auth=(user, password), timeout=120.0) as client:
            yield lambda path, body: asked(client, path, body)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)


def await_true(
    what: Callable[[], Any], seconds: float, process: subprocess.Popen[bytes] | None = None, log: Path | None = None
) -> Any:
    patience_ends = time.monotonic() + seconds
    while time.monotonic() < patience_ends:
        if answer := what():
            return answer
        assert process is None or process.poll() is None, log and log.read_text()
        time.sleep(1.0)
    pytest.fail(f"waited {seconds} s in vain; {log.read_text()[-3000:] if log else ''}")


def asked(client: httpx.Client, path: str, body: Any) -> Any:
    """What the API answers. While its database is locked it says so, and Prefect's own client asks again, too."""
    while (answer := client.post(path, json=body)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        time.sleep(1.0)
    answer.raise_for_status()
    return answer.json()


def run_all(api: Api) -> dict[str, str]:
    """Ask for a run of each deployment at once; how each ended, once all have."""
    names = [each["name"] for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]]
    known = {each["name"]: each["id"] for each in api("/deployments/filter", {})}
    wanted = {}
    for name in names:
        parameters = {"sample_count": 2} if name == "collect-system-metrics" else {}
        wanted[api(f"/deployments/{known[name]}/create_flow_run", {"parameters": parameters})["id"]] = name

    def states() -> dict[str, str]:
        found = api("/flow_runs/filter", {"flow_runs": {"id": {"any_": list(wanted)}}})
        said = {wanted[each["id"]]: each["state_type"] for each in found}
        return said if set(said.values()) <= ENDED else {}

    return await_true(states, DONE_WITHIN_SECONDS)


@pytest.mark.campaign
def test_documented_minimum_is_enough_for_everything(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    fill(home)
    with limited_memory(LEAST) as group:
        with watched(group, "govpulse run"):
            govpulse(group, home, "run")
        with watched(group, "govpulse up, and a run of each deployment at once"), served(group, home, tmp_path / "up.log") as api:
            with watched(group, "  idle"):
                time.sleep(20)
            ended = run_all(api)
            time.sleep(60)  # what is on schedule meanwhile
        assert group.killed() == 0, (ended, (tmp_path / "up.log").read_text()[-3000:])
        assert set(ended.values()) <= {"COMPLETED", "CANCELLED"}, ended  # cancelled: its scheduled run went on
        assert ended["compute-insights"] == ended["maintain-warehouse"] == "COMPLETED"
