"""What of the environment goes to whom: a child gets what it has use for, and no secret that was meant for another program.

What a user sets in the environment goes before what stands here.
"""

import json
from collections.abc import Collection, Mapping

from storage.home import Home

HEARTBEAT_SECONDS = 30

WHERE_THINGS_ARE = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
WHOM_TO_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
BASE = frozenset((*WHERE_THINGS_ARE, *WHOM_TO_TRUST, "LANG", "LANGUAGE", "TZ", "DO_NOT_TRACK"))
"""What any program needs."""
BASE_PREFIXES = ("LC_", "PYTHON", "PREFECT_")
FLOWS = frozenset(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "KRB5CCNAME", "KRB5_CONFIG"))
"""What flow runs need beside: the way out, tickets for a database."""
FLOWS_PREFIXES = ("GOVPULSE_", "PG", "OMP_", "OPENBLAS_", "MKL_", "POLARS_")
OF_THE_SERVER = ("PREFECT_SERVER_", "PREFECT_API_DATABASE_")
"""What is between the server and its database: not for those who only talk to it."""

OF_THE_HOUR = (
    "prefect.flow-run.heartbeat",
    *(f"prefect.task-run.{state}" for state in ("Pending", "Running", "Completed", "Failed", "Retrying", "Crashed")),
)
"""Events that are read at once, by the automation and by what records tasks, and by nobody afterwards."""
SERVER_DEFAULTS = {
    # docs/decisions/prefect-database.md: events are three quarters of what a run writes, those of tasks most of it.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "PT6H",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES": json.dumps(dict.fromkeys(OF_THE_HOUR, 3600)),
    # In memory, the default, a restarted server forgets who holds the one slot of a deployment.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Relative, so that the page asks whatever address it was opened under, and no other origin.
    "PREFECT_SERVER_UI_API_URL": "/api",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
}
CLIENT_DEFAULTS = {
    # automations.toml counts three of these heartbeats.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    # How late a run may be noticed, for the worker looks for runs that are due, not ahead.
    "PREFECT_WORKER_QUERY_SECONDS": "5",
    "PREFECT_CLI_COLORS": "false",
    # What a run that failed leaves is JSON: nobody has to unpickle a file.
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    # A server that Prefect starts by itself would have no secret.
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    # Nothing about an operator's platform goes to anybody, the use of Prefect included.
    "DO_NOT_TRACK": "1",
}


def keeping_runs(days: int) -> dict[str, str]:
    """For the environment of a server: how long flow runs are kept, with their tasks, logs and artifacts."""
    return {"PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(days * 86_400)}


def server_environment(environment: Mapping[str, str], home: Home, auth: str, origins: Collection[str]) -> dict[str, str]:
    """The environment of our own server: its settings, its secret, its files under `home`.

    Args:
        origins: whose pages may read its answers.
    """
    ours = {
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(origins),
    }
    return {**SERVER_DEFAULTS, **_of_use(environment, BASE, BASE_PREFIXES), **ours}


def client_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of what talks to a server and does nothing else."""
    return {**CLIENT_DEFAULTS, **_without_the_servers(_of_use(environment, BASE, BASE_PREFIXES))}


def worker_environment(environment: Mapping[str, str], named: Collection[str]) -> dict[str, str]:
    """The environment of the worker, and so of its flow runs.

    Args:
        named: variables that the settings name as holding a secret.
    """
    of_use = _of_use(environment, {*BASE, *FLOWS, *(name.lower() for name in FLOWS), *named}, (*BASE_PREFIXES, *FLOWS_PREFIXES))
    return {**CLIENT_DEFAULTS, **_without_the_servers(of_use)}


def pages_environment(environment: Mapping[str, str], auth: str) -> dict[str, str]:
    """The environment of our own pages: what the settings are read from, and the secret that opens them."""
    return {**_of_use(environment, BASE, ("LC_", "PYTHON", "GOVPULSE_")), "PREFECT_SERVER_API_AUTH_STRING": auth}


def connection(home: Home, api_url: str, auth: str) -> dict[str, str]:
    """How to reach our own server."""
    return {"PREFECT_HOME": str(home.prefect), "PREFECT_API_URL": api_url, "PREFECT_API_AUTH_STRING": auth}


def _of_use(environment: Mapping[str, str], names: Collection[str], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name in names or name.startswith(prefixes)}


def _without_the_servers(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(OF_THE_SERVER)}
