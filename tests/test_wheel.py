"""The wheel, in an environment that has the dependencies and no checkout: all that the program reads comes with it."""

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import tomllib
from pathlib import Path

import pytest

from tasks.alerts.rules import SHIPPED, read_rules

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
PACKAGES = ("flows", "tasks", "storage")
UP_WITHIN_SECONDS = 150.0


class Installed:
    """An environment with the wheel in it, and an empty folder to run it in."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self.site = next(environment.glob("lib/python*/site-packages"))
        foreign = ("PREFECT_", "GOVPULSE_", "PYTHON")
        self.variables = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}

    def files(self) -> set[str]:
        return {str(path.relative_to(self.site)) for path in self.site.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [self.environment / "bin" / "govpulse", *arguments]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        return said


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Installed:
    built, environment = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("environment")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built], cwd=ROOT, check=True, capture_output=True
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python, (wheel,) = environment / "bin" / "python", built.glob("*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-compile",
        wheel,
    ]
    subprocess.run(install, check=True)
    installed = Installed(environment, tmp_path_factory.mktemp("folder"))
    # A folder of a .pth file does not have its own .pth files read, and one of these leads to the checkout.
    (installed.site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return installed


def test_the_wheel_has_every_file_of_the_packages_and_the_plan(installed):
    tracked = subprocess.run(["git", "ls-files", *PACKAGES, "prefect.yaml"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(tracked.stdout.splitlines()) - installed.files() == set()


def test_the_wheel_runs_without_the_checkout(installed):
    assert installed.run("--version") == f"govpulse {VERSION}\n"
    python = installed.environment / "bin" / "python"
    where = "import flows, storage, tasks; print(*(package.__file__ for package in (flows, storage, tasks)))"
    found = subprocess.run(
        [python, "-c", where], env=installed.variables, cwd=installed.folder, capture_output=True, text=True, check=True
    )
    assert [Path(file).is_relative_to(installed.site) for file in found.stdout.split()] == [True] * 3


def test_the_runbooks_come_along(installed):
    docs = installed.environment / "share" / "doc" / "govpulse"
    assert [rule.runbook for rule in read_rules(SHIPPED) if not (docs / rule.runbook).is_file()] == []


@pytest.mark.campaign
@pytest.mark.prefect
def test_the_wheel_runs_the_pipeline_and_the_schedules(installed):
    before = installed.files()
    assert "published  data/govpulse.duckdb" in installed.run("run")
    assert (installed.folder / "data" / "govpulse.duckdb").is_file()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = installed.start("up", "--port", str(port))
    deadline = threading.Timer(UP_WITHIN_SECONDS, up.kill)
    deadline.start()
    is_up = any("govpulse is up" in line for line in up.stdout)
    deadline.cancel()
    up.send_signal(signal.SIGTERM)
    rest, _ = up.communicate(timeout=60)
    assert (is_up, up.returncode) == (True, 0), rest
    assert installed.files() == before  # what it makes lies in its home
