"""What `govpulse up` runs: command lines, environments and log files of its processes, decided before any of them starts."""

import socket
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.memory import memory_bytes, run_limit
from flows.serving.api_auth import api_auth
from flows.serving.environments import client_environment, connection, worker_environment
from flows.serving.guarded_process import GuardedProcess
from flows.serving.prefect_server import address, closed_server, fresh_log, listen, own_hosts
from storage.errors import GovpulseError
from storage.home import Home

POOL = "govpulse"
REGISTRATION = Path(__file__).with_name("registration.py")
WORKER = Path(__file__).with_name("registered_worker.py")
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]


@dataclass(frozen=True)
class Serving:
    """Where our server listens; not of use where we join another one. The rest of the environment is what the user has."""

    host: str = "127.0.0.1"
    port: int = 4200


@dataclass(frozen=True)
class Installation:
    """One `up`: the API it serves or joins, and its processes in the order of their start. `server` and `listening` are None when
    it joins; `auth` is our own server's secret. `reregistration` is for after the worker's death, while runs by hand may go on."""

    api_url: str
    server: GuardedProcess | None
    registration: GuardedProcess
    deployments: GuardedProcess
    worker: GuardedProcess
    reregistration: GuardedProcess
    listening: socket.socket | None = None
    auth: str = ""

    def stop(self) -> None:
        """End all processes, last started first."""
        for process in (self.worker, self.reregistration, self.deployments, self.registration, self.server):
            if process is not None:
                process.stop()
        if self.listening is not None:
            self.listening.close()


def plan(
    home: Home, project: Path, serving: Serving, config: Path | None, environment: Mapping[str, str], named: Collection[str] = ()
) -> Installation:
    """Decide what to run for `project`; starts nothing, but takes the port.

    Args:
        serving: for our own server; not used when `environment` names PREFECT_API_URL.
        named: variables that the settings name, for the flow runs.

    Raises:
        GovpulseError: the port is taken, or `project` has no prefect.yaml.
    """
    if not (project / "prefect.yaml").is_file():
        raise GovpulseError(f"there is no prefect.yaml in {project}; install govpulse again, or run it from a checkout")
    joined = environment.get("PREFECT_API_URL")
    variables = {**environment, **_govpulse_variables(home, config)}
    if joined:
        return Installation(joined, None, *_clients(home, project, variables, named, leftovers=("none", "none")))
    auth, listening = api_auth(home, environment), listen(serving.host, serving.port)
    server = closed_server(home, listening, own_hosts(serving.host, environment), auth, environment)
    api_url = address(serving.host, listening.getsockname()[1])
    known = {**variables, **connection(home, api_url, auth)}
    clients = _clients(home, project, known, named, leftovers=("all", "worker"))
    return Installation(api_url, server, *clients, listening=listening, auth=auth)


def _clients(
    home: Home, project: Path, known: Mapping[str, str], named: Collection[str], leftovers: tuple[str, str]
) -> tuple[GuardedProcess, GuardedProcess, GuardedProcess, GuardedProcess]:
    """Registration, deployments, worker, and registration once more.

    Args:
        leftovers: whose runs are gone, at the first registration and at later ones.
    """

    def guarded(name: str, settings: dict[str, str], *command: str) -> GuardedProcess:
        return GuardedProcess(name, list(command), settings, project, fresh_log(home, name))

    talks, works = client_environment(known), worker_environment(known, named)
    # -P: the scripts' folder holds names of ours, which must not hide anything that Prefect imports.
    register = [sys.executable, "-P", str(REGISTRATION), POOL, str(home.root)]
    limit = str(run_limit(memory_bytes()))
    return (
        guarded("registration", talks, *register, leftovers[0]),
        guarded("deployments", talks, *PREFECT, "deploy", "--all"),
        guarded("worker", works, sys.executable, "-P", str(WORKER), POOL, f"govpulse-{socket.gethostname()}", limit),
        guarded("reregistration", talks, *register, leftovers[1]),
    )


def _govpulse_variables(home: Home, config: Path | None) -> dict[str, str]:
    """Absolute, because flow runs have a working directory of their own."""
    variables = {"GOVPULSE_HOME": str(home.root)}
    if config is not None:
        variables["GOVPULSE_CONFIG"] = str(config.resolve())
    return variables
