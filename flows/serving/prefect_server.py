"""The Prefect server that `govpulse up` runs: its address, its settings, its health.

It lives under `GOVPULSE_HOME/prefect` (database, logs, `api_url`). `api_url` is there while a server runs, so that
`govpulse run` can report to it; a file left by a `kill -9` is seen through by asking the server.
"""

import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from storage.errors import GovpulseError
from storage.home import Home

HOST = "127.0.0.1"
HEALTH_TIMEOUT_SECONDS = 2.0
HEARTBEAT_SECONDS = 30

# What a user sets in the environment goes before these.
DEFAULTS = {
    # Events are three quarters of the database, 90-170 KB a run; runs are never purged by default.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(7 * 86400),
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P1D",
    # In memory, the default, a restarted server forgets who holds the one slot of a deployment.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
CLIENT_DEFAULTS = {
    # automations.toml counts three of these heartbeats.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    # How late a run may be noticed, for the worker looks for runs that are due, not ahead.
    "PREFECT_WORKER_QUERY_SECONDS": "5",
    "PREFECT_CLI_COLORS": "false",
    # Nothing about an operator's platform goes to anybody, the use of Prefect included.
    "DO_NOT_TRACK": "1",
}


def address(port: int) -> str:
    """The API's URL of the server on `port` of this host."""
    return f"http://{HOST}:{port}/api"


def client_environment(environment: Mapping[str, str], api_url: str) -> dict[str, str]:
    """The environment of a worker or CLI call that talks to `api_url`."""
    return {**CLIENT_DEFAULTS, **environment, "PREFECT_API_URL": api_url}


def server_environment(environment: Mapping[str, str], home: Home, api_url: str) -> dict[str, str]:
    """The environment of everything beside our own server: its settings, and its files under `home`."""
    return {**DEFAULTS, **client_environment(environment, api_url), "PREFECT_HOME": str(home.prefect)}


def check_port(port: int) -> None:
    """Raise GovpulseError when `port` cannot be listened on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise GovpulseError(
                f"cannot listen on port {port} of {HOST}: {reason}; choose another with `govpulse up --port`"
            ) from error


def is_healthy(api_url: str) -> bool:
    """Whether a Prefect API answers at `api_url`."""
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=HEALTH_TIMEOUT_SECONDS) as answer:  # noqa: S310 - our URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def api_url_file(home: Home) -> Path:
    """Where a running `govpulse up` says how to reach its server."""
    return home.prefect / "api_url"


def running_api_url(home: Home) -> str | None:
    """The URL of the API that a `govpulse up` of this home serves now, or None."""
    try:
        api_url = api_url_file(home).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return api_url if is_healthy(api_url) else None


def ephemeral_environment(environment: Mapping[str, str], home: Home) -> dict[str, str]:
    """The environment of a flow run that has no server: Prefect starts one for it, on the same files as `govpulse up`."""
    own = {"PREFECT_HOME": str(home.prefect), "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120"}
    return {**DEFAULTS, **CLIENT_DEFAULTS, **environment, **own}
