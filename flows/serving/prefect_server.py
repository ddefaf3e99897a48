"""The Prefect server of this home: one process at a time runs it, on a socket that it bound itself, under a guard.

It lives under `GOVPULSE_HOME/prefect` (database, logs, secret, `api_url`). Whoever runs it holds `up.lock` for as long, and the
socket, so that nobody else can answer in its place, not even while it is started anew. `api_url` says how to reach it; a file
left by a `kill -9` is seen through by the lock, which the kernel has let go.
"""

import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from flows.printing import write
from flows.serving.environments import server_environment
from flows.serving.guarded_process import GuardedProcess, last_lines
from storage.errors import GovpulseError
from storage.home import Home
from storage.lock import is_held
from storage.printable import printable_lines

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = ("localhost", LOOPBACK, "[::1]")
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - to be recognised
BACKLOG = 2048
HEALTH_TIMEOUT_SECONDS = 2.0
HEALTHY_WITHIN_SECONDS = 120.0
POLL_SECONDS = 0.25
SHOWN_LINES = 15


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """A socket that listens on `port` of `host`; port 0 is any that is free.

    Args:
        option: of `govpulse up`, with which to choose another port.

    Raises:
        GovpulseError: it cannot.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise GovpulseError(
            f"cannot listen on port {port} of {host}: {reason}; choose another with `govpulse up {option}`"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    return host in ("localhost", "::1") or host.startswith("127.")


def address(host: str, port: int) -> str:
    """The API's URL, as this machine reaches it, of the server that listens on `port` of `host`."""
    reachable = LOOPBACK if host in ANY_ADDRESS or host == "localhost" else host
    return f"http://{_bracketed(reachable)}:{port}/api"


def own_hosts(host: str, environment: Mapping[str, str]) -> list[str]:
    """The names under which the server on `host` answers: those of this machine, as far as it listens there, and that of the URL
    that PREFECT_UI_API_URL or PREFECT_SERVER_UI_API_URL says people use."""
    named = (urlsplit(environment.get(name, "")).hostname for name in ("PREFECT_UI_API_URL", "PREFECT_SERVER_UI_API_URL"))
    names = [_bracketed(host), *(_bracketed(name) for name in named if name)]
    if is_loopback(host) or host in ANY_ADDRESS:
        names += LOOPBACK_NAMES
    if host in ANY_ADDRESS:
        names += [socket.gethostname(), socket.getfqdn(), *_own_addresses()]
    return sorted({name.lower() for name in names} - {_bracketed(each) for each in ANY_ADDRESS})


def _own_addresses() -> list[str]:
    found = (each for addresses in psutil.net_if_addrs().values() for each in addresses)
    return [_bracketed(each.address.partition("%")[0]) for each in found if each.family in (socket.AF_INET, socket.AF_INET6)]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def closed_server(
    home: Home, listening: socket.socket, hosts: Collection[str], auth: str, environment: Mapping[str, str]
) -> GuardedProcess:
    """The server on that socket, not started yet."""
    port = listening.getsockname()[1]
    origins = [f"http://{host}:{port}" for host in hosts]
    command = [sys.executable, "-P", "-m", "flows.serving.closed_server", str(listening.fileno()), *hosts]
    settings = server_environment(environment, home, auth, origins)
    return GuardedProcess("server", command, settings, home.prefect, fresh_log(home, "server"), (listening.fileno(),))


def fresh_log(home: Home, name: str) -> Path:
    """An empty log; that of the time before is kept beside it."""
    log = home.prefect / "logs" / f"{name}.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    log.touch(mode=0o600)
    return log


def start_server(server: GuardedProcess, api_url: str, ending: threading.Event) -> None:
    """Start it and wait for its health, or until `ending` is set.

    Raises:
        GovpulseError: it ended, or did not become healthy in time.
    """
    server.start()
    patience_ends = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while time.monotonic() < patience_ends:
        if server.exit_code() is not None:
            raise server_failure(server.name, server.log, "ended before it was ready")
        if is_healthy(api_url) or ending.wait(POLL_SECONDS):
            return
    raise server_failure(server.name, server.log, f"was not ready within {HEALTHY_WITHIN_SECONDS:.0f} s")


def server_failure(name: str, log: Path, what: str) -> GovpulseError:
    """What to raise when a process of Prefect's failed; its last lines go to standard error."""
    write(printable_lines(last_lines(log, SHOWN_LINES)) + "\n", sys.stderr)  # why it failed, for whoever started it
    return GovpulseError(f"the {name} {what}; the last lines of its log are above, all of it is in {log}")


def is_healthy(api_url: str) -> bool:
    """Whether a Prefect API answers at `api_url`."""
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=HEALTH_TIMEOUT_SECONDS) as answer:  # noqa: S310 - our URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def server_lock(home: Home) -> Path:
    """Whoever runs a server on the database of this home holds it: two would lock each other out."""
    return home.prefect / "up.lock"


@dataclass(frozen=True)
class Api:
    """A Prefect API that a `govpulse up` of this home works with: its own server's, or one of others, which has its own secret."""

    url: str
    is_own: bool


def api_url_file(home: Home) -> Path:
    """Where a running `govpulse up` says how to reach its server."""
    return home.prefect / "api_url"


def announce(home: Home, api: Api) -> None:
    """Say how to reach the API, for as long as the server's lock is held."""
    api_url_file(home).write_text(f"{api.url} {'own' if api.is_own else 'joined'}\n", encoding="utf-8")


def running_api(home: Home) -> Api | None:
    """The API that a `govpulse up` of this home works with now, or None."""
    try:
        url, whose = api_url_file(home).read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return Api(url, whose == "own") if is_held(server_lock(home)) and is_healthy(url) else None
