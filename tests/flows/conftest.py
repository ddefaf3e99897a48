"""A real `up`: the supervisor as a process of its own, with a real Prefect server and worker.

Only tests that ask for it pay for it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL
from prefect.settings.legacy import Setting

from flows.serving.api_auth import api_auth_file
from storage.home import Home

ROOT = Path(__file__).parents[2]
START = """
import sys
from pathlib import Path
from flows.serving.installation import Serving
from flows.serving.supervisor import supervise
from storage.errors import GovpulseError
from storage.home import Home
try:
    serving = Serving(port=int(sys.argv[3]), web_port=0)
    sys.exit(supervise(Home(Path(sys.argv[1])), Path(sys.argv[2]), serving=serving, config=Path(sys.argv[4])))
except GovpulseError as error:
    sys.exit(f"govpulse: {error}")
"""
UP_WITHIN_SECONDS = 150.0
GONE_WITHIN_SECONDS = 25.0
BUSY_AT_MOST_SECONDS = 20.0
ANSWERS_WITHIN_SECONDS = 60.0
BUSY = 503
"""What the server answers while its database is locked; its own client asks again, too."""


def wait_until(what: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of `what`; a failure of the test when there is none in time."""
    patience_ends = time.monotonic() + seconds
    while time.monotonic() < patience_ends:
        if answer := what():
            return answer
        time.sleep(0.2)
    pytest.fail(f"waited {seconds} s in vain for {what.__name__}")


@dataclass
class Up:
    """A running `govpulse up`, as its operator sees it."""

    home: Path
    project: Path
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def auth(self) -> str:
        """The secret of its API."""
        return api_auth_file(Home(self.home)).read_text().strip()

    @property
    def variables(self) -> dict[str, str]:
        """What tells a process of its API."""
        return {"PREFECT_API_URL": self.api_url, "PREFECT_API_AUTH_STRING": self.auth}

    @property
    def settings(self) -> dict[Setting, str]:
        """The same for this process."""
        return {PREFECT_API_URL: self.api_url, PREFECT_API_AUTH_STRING: self.auth}

    def output(self) -> str:
        return self.log.read_text()

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Any:
        """What the API answers."""
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {b64encode(self.auth.encode()).decode()}"}
        request = urllib.request.Request(f"{self.api_url}/{path}", json.dumps(body or {}).encode(), headers, method=method)
        patience_ends = time.monotonic() + BUSY_AT_MOST_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN_SECONDS) as answer:
                    text = answer.read()
                return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if error.code != BUSY or time.monotonic() > patience_ends:
                    raise
            time.sleep(1.0)

    def runs(self, *states: str) -> list[dict[str, Any]]:
        """The flow runs in those states."""
        found = self.ask("flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": list(states)}}}, "limit": 200})
        return list(found)

    def tree(self) -> list[psutil.Process]:
        """The supervisor and every process below it, guards and flow runs among them."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def await_up(self) -> "Up":
        def is_up() -> bool:
            assert self.process.poll() is None, self.output()
            return "govpulse is up" in self.output()

        wait_until(is_up, UP_WITHIN_SECONDS)
        return self

    def stop(self, signum: int = signal.SIGINT) -> int:
        self.process.send_signal(signum)
        return self.process.wait(60)


def survivors(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still live when they have had time to end."""
    _, alive = psutil.wait_procs(processes, timeout=GONE_WITHIN_SECONDS)
    return [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def launch(home: Path, project: Path, port: int, **variables: str) -> Up:
    home.mkdir(exist_ok=True)
    (home / "govpulse.toml").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GOVPULSE_"))}
    environment["PREFECT_WORKER_QUERY_SECONDS"] = "1"  # a worker asks every 10 s otherwise
    arguments = [sys.executable, "-c", START, str(home), str(project), str(port), str(home / "govpulse.toml")]
    log = home.with_name(f"{home.name}-{port}-{time.monotonic_ns()}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, cwd=ROOT, env={**environment, **variables}, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Up(home, project, port, process, log)


@pytest.fixture(scope="session")
def start_up() -> Iterator[Callable[..., Up]]:
    """Start an `up` that is ended with the session, whatever becomes of the test."""
    started: list[Up] = []

    def start(home: Path, project: Path, port: int, **variables: str) -> Up:
        started.append(launch(home, project, port, **variables))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.stop(signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def new_port() -> Callable[[], int]:
    return free_port


@pytest.fixture(scope="session")
def still_alive() -> Callable[[list[psutil.Process]], list[psutil.Process]]:
    return survivors


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], Any], float], Any]:
    return wait_until


TINY = """
import json, os, time
from pathlib import Path
from prefect import flow

@flow
def nap(seconds: float = 0.0) -> None:
    seen = {"folder": os.getcwd(), "home": os.environ["GOVPULSE_HOME"], "config": os.environ["GOVPULSE_CONFIG"]}
    Path(os.environ["GOVPULSE_HOME"], "nap.json").write_text(json.dumps(seen))
    time.sleep(seconds)
"""


def make_tiny_project(folder: Path, deployment: str) -> Path:
    (folder / "flows").mkdir()
    (folder / "flows" / "tiny.py").write_text(TINY)
    plan = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    nap = plan["deployments"][0] | {"name": deployment, "entrypoint": "flows/tiny.py:nap", "schedules": []}
    (folder / "prefect.yaml").write_text(yaml.safe_dump({"name": "tiny", "deployments": [nap]}))
    return folder


@pytest.fixture(scope="session")
def tiny_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one light flow without a schedule, deployed as ours are."""
    return make_tiny_project(tmp_path_factory.mktemp("tiny"), "nap")


@pytest.fixture(scope="session")
def joining_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same under another name, so that a server which has the first one's deployment tells them apart."""
    return make_tiny_project(tmp_path_factory.mktemp("joining"), "joined-nap")


@pytest.fixture(scope="session")
def tiny_up(start_up: Callable[..., Up], tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Up:
    """A server for whoever needs just any: nothing is scheduled on it, so that it leaves the machine to the tests."""
    return start_up(tmp_path_factory.mktemp("tiny_home"), tiny_project, free_port()).await_up()


@pytest.fixture(scope="session")
def fresh_up(start_up: Callable[..., Up], tmp_path_factory: pytest.TempPathFactory) -> Up:
    """The project as it is, and beside its deployments one more: the collection, soon and short."""
    project = tmp_path_factory.mktemp("project")
    for name in ("flows", "tasks", "storage"):
        (project / name).symlink_to(ROOT / name)
    plan = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    soon = {"name": "collect-soon", "schedules": [{"interval": 5}], "parameters": {"sample_count": 2}}
    plan["deployments"].append(plan["deployments"][0] | soon)
    (project / "prefect.yaml").write_text(yaml.safe_dump(plan))
    home = tmp_path_factory.mktemp("home")
    (home / "govpulse.toml").write_text("[collect]\ninterval_seconds = 1.0\n")
    return start_up(home, project, free_port()).await_up()


@pytest.fixture(scope="session")
def scheduled_names(fresh_up: Up) -> set[str]:
    """The deployments that the server has made scheduled runs of, once it has made them of all that have a schedule."""

    plan = yaml.safe_load((fresh_up.project / "prefect.yaml").read_text())
    expected = {one["name"] for one in plan["deployments"] if one.get("schedules")}

    def names_with_runs() -> set[str]:
        names = {one["id"]: one["name"] for one in fresh_up.ask("deployments/filter")}
        scheduled = {names[run["deployment_id"]] for run in fresh_up.runs("SCHEDULED")}
        return scheduled if scheduled >= expected else set()

    return set(wait_until(names_with_runs, 90.0))


@pytest.fixture(scope="session")
def completed_run(fresh_up: Up, scheduled_names: set[str]) -> dict[str, Any]:
    """The first run of collect-soon that its schedule started and that ended."""
    assert scheduled_names
    deployment = fresh_up.ask("deployments/name/collect_system_metrics/collect-soon", method="GET")

    def scheduled_run_ended() -> list[dict[str, Any]]:
        ended = fresh_up.runs("COMPLETED", "FAILED", "CRASHED")
        return [run for run in ended if run["deployment_id"] == deployment["id"] and run["auto_scheduled"]]

    return dict(wait_until(scheduled_run_ended, 90.0)[0])


@pytest.fixture(scope="session")
def scheduled_up(fresh_up: Up, completed_run: dict[str, Any]) -> Up:
    """That server after its schedules have been seen to work: they are paused, to leave the machine to the tests, and what has
    begun is waited for, since a run that met it would be cancelled: a collector samples for up to five minutes."""
    assert completed_run
    for deployment in fresh_up.ask("deployments/filter"):
        fresh_up.ask(f"deployments/{deployment['id']}", {"paused": True}, method="PATCH")
    wait_until(lambda: not fresh_up.runs("PENDING", "RUNNING", "CANCELLING"), 600.0)
    return fresh_up
