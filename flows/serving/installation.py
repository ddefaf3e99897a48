"""What `govpulse up` runs: command lines, environments and log files of its processes, decided before any of them starts."""

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.serving.guarded_process import GuardedProcess
from flows.serving.prefect_server import HOST, address, check_port, client_environment, server_environment
from storage.errors import GovpulseError
from storage.home import Home

POOL = "govpulse"
RUN_LIMIT = 4
REGISTRATION = Path(__file__).with_name("registration.py")
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]


@dataclass(frozen=True)
class Installation:
    """One `up`: the API it serves or joins, and its processes in the order of their start. `server` is None when it joins."""

    api_url: str
    server: GuardedProcess | None
    registration: GuardedProcess
    deployments: GuardedProcess
    worker: GuardedProcess

    def stop(self) -> None:
        """End all processes, last started first."""
        for process in (self.worker, self.deployments, self.registration, self.server):
            if process is not None:
                process.stop()


def plan(home: Home, project: Path, port: int, config: Path | None, environment: Mapping[str, str]) -> Installation:
    """Decide what to run for `project`; starts nothing.

    Args:
        port: for our own server; not used when `environment` names PREFECT_API_URL.

    Raises:
        GovpulseError: the port is taken, or `project` has no prefect.yaml.
    """
    if not (project / "prefect.yaml").is_file():
        raise GovpulseError(f"there is no prefect.yaml in {project}; run `govpulse up` from a checkout of govpulse")
    joined = environment.get("PREFECT_API_URL")
    if not joined:
        check_port(port)
    api_url = joined or address(port)
    known = {**environment, **_govpulse_variables(home, config)}
    settings = client_environment(known, api_url) if joined else server_environment(known, home, api_url)

    def guarded(name: str, *command: str) -> GuardedProcess:
        return GuardedProcess(name, list(command), settings, project, _fresh_log(home, name))

    serve = [*PREFECT, "server", "start", "--host", HOST, "--port", str(port)]
    # Prefetched, a run takes its deployment's one slot before it is due, while its predecessor may still be ending.
    work = [*PREFECT, "worker", "start", "--pool", POOL, "--type", "process", "--limit", str(RUN_LIMIT), "--prefetch-seconds", "0"]
    return Installation(
        api_url,
        server=None if joined else guarded("server", *serve),
        # -P: the script's folder holds names of ours, which must not hide anything that Prefect imports.
        registration=guarded("registration", sys.executable, "-P", str(REGISTRATION), POOL, "shared" if joined else "own"),
        deployments=guarded("deployments", *PREFECT, "deploy", "--all"),
        worker=guarded("worker", *work, "--name", f"govpulse-{socket.gethostname()}"),
    )


def _govpulse_variables(home: Home, config: Path | None) -> dict[str, str]:
    """Absolute, because flow runs have a working directory of their own."""
    variables = {"GOVPULSE_HOME": str(home.root)}
    if config is not None:
        variables["GOVPULSE_CONFIG"] = str(config.resolve())
    return variables


def _fresh_log(home: Home, name: str) -> Path:
    """An empty log; that of the `up` before is kept beside it."""
    log = home.prefect / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    log.touch()
    return log
