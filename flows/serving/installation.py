"""What `govpulse up` runs: command lines, environments and log files of its processes, decided before any of them starts."""

import socket
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.memory import memory_bytes, run_limit
from flows.serving.api_auth import api_auth
from flows.serving.environments import client_environment, connection, pages_environment, worker_environment
from flows.serving.guarded_process import GuardedProcess
from flows.serving.prefect_server import address, closed_server, fresh_log, listen, own_hosts
from flows.settings import CONSOLE_VARIABLE
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
    web_port: int | None = None

    @property
    def port_of_pages(self) -> int:
        """The next one, if nothing else is said."""
        if self.web_port is not None:
            return self.web_port
        return self.port + 1 if self.port else 0


@dataclass(frozen=True)
class Pages:
    """The process that serves our own pages, where, and the secret that opens them."""

    process: GuardedProcess
    listening: socket.socket
    url: str
    auth: str


@dataclass(frozen=True)
class Installation:
    """One `up`: the API it serves or joins, and its processes in the order of their start. `server` and `listening` are None when
    it joins; `auth` is our own server's secret. `reregistration` is for after the worker's death, while runs by hand may go on.
    `pages` are ours wherever the server is. What flow runs write to `console` is printed where `up` runs."""

    api_url: str
    server: GuardedProcess | None
    registration: GuardedProcess
    deployments: GuardedProcess
    worker: GuardedProcess
    reregistration: GuardedProcess
    listening: socket.socket | None = None
    auth: str = ""
    pages: Pages | None = None
    console: Path | None = None

    def stop(self) -> None:
        """End all processes, last started first."""
        pages = self.pages.process if self.pages else None
        for process in (pages, self.worker, self.reregistration, self.deployments, self.registration, self.server):
            if process is not None:
                process.stop()
        for listening in (self.listening, self.pages.listening if self.pages else None):
            if listening is not None:
                listening.close()


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
    console = fresh_log(home, "console")
    variables = {**environment, **_govpulse_variables(home, config), CONSOLE_VARIABLE: str(console)}
    auth = api_auth(home, environment)
    if joined:
        clients = _clients(home, project, variables, named, leftovers=("none", "none"))
        return Installation(joined, None, *clients, pages=_pages(home, serving, variables, auth), console=console)
    listening = listen(serving.host, serving.port)
    server = closed_server(home, listening, own_hosts(serving.host, environment), auth, environment)
    api_url = address(serving.host, listening.getsockname()[1])
    known = {**variables, **connection(home, api_url, auth)}
    clients = _clients(home, project, known, named, leftovers=("all", "worker"))
    pages = _pages(home, serving, variables, auth)
    return Installation(api_url, server, *clients, listening=listening, auth=auth, pages=pages, console=console)


def _pages(home: Home, serving: Serving, known: Mapping[str, str], auth: str) -> Pages:
    """Our own pages, on a port of their own."""
    listening = listen(serving.host, serving.port_of_pages, "--web-port")
    hosts, descriptor = own_hosts(serving.host, known), listening.fileno()
    command = [sys.executable, "-P", "-m", "flows.web.server", str(descriptor), *hosts]
    settings = pages_environment(known, auth)
    process = GuardedProcess("pages", command, settings, home.prefect, fresh_log(home, "pages"), (descriptor,))
    return Pages(process, listening, address(serving.host, listening.getsockname()[1]).removesuffix("/api"), auth)


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
