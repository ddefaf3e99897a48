"""Everything on schedule: a Prefect server, the deployments of prefect.yaml and a worker, until Ctrl-C.

The end has an order: worker and flow runs first, while the server still takes their last states, then the server. A child that
dies is started again. So is the server: its database and leases are on disk, and worker and runs bear a gap of some seconds.
Writes under `GOVPULSE_HOME/prefect`: database, logs, `api_url`.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer

from flows.serving.guarded_process import GuardedProcess
from flows.serving.installation import Installation, plan
from flows.serving.prefect_server import api_url_file, is_healthy
from storage.errors import GovpulseError
from storage.home import Home
from storage.lock import fair_lock

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
HEALTHY_WITHIN_SECONDS = 120.0
DEATHS_BORNE = 5
DEATHS_WINDOW_SECONDS = 600.0
SHOWN_LINES = 15


def supervise(
    home: Home, project: Path, *, port: int = 4200, config: Path | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """Run everything until SIGINT, SIGTERM or SIGHUP; return 0. Call it from the main thread.

    Args:
        project: the folder of prefect.yaml and flows/.
        port: where our server listens, on 127.0.0.1. When `environment` names PREFECT_API_URL no server is started, and
            deployments and worker are registered with that one.
        config: the settings file that the flow runs read.

    Raises:
        GovpulseError: the port is taken, another `up` serves this home, `project` has no prefect.yaml, or a process cannot be
            started or kept alive.
    """
    home = Home(home.root.resolve())
    home.create()
    with _only_one(home), _ending_signals() as ending:
        installation = plan(home, project.resolve(), port, config, environment)
        try:
            _bring_up(installation, home, ending)
            watch(installation, ending)
            typer.echo("Ending: the worker and its runs, then the server.")
        finally:
            api_url_file(home).unlink(missing_ok=True)
            installation.stop()
    return 0


def _bring_up(installation: Installation, home: Home, ending: threading.Event) -> None:
    if installation.server is not None:
        typer.echo(f"Starting the Prefect server at {installation.api_url}")
        _start_server(installation.server, installation.api_url, ending)
    run_to_end(installation.registration, ending)
    run_to_end(installation.deployments, ending)
    if ending.is_set():
        return
    installation.worker.start()
    api_url_file(home).parent.mkdir(exist_ok=True)
    api_url_file(home).write_text(installation.api_url + "\n", encoding="utf-8")
    typer.echo(f"govpulse is up. Runs and forms: {installation.api_url.removesuffix('/api')}")
    typer.echo("The deployments of prefect.yaml run on schedule. Ctrl-C ends all of it.")
    typer.echo(f"Logs: {installation.worker.log.parent}")


def _start_server(server: GuardedProcess, api_url: str, ending: threading.Event) -> None:
    """Start it and wait for its health."""
    server.start()
    patience_ends = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while time.monotonic() < patience_ends:
        if server.exit_code() is not None:
            raise _failure(server, "ended before it was ready")
        if is_healthy(api_url) or ending.wait(POLL_SECONDS):
            return
    raise _failure(server, f"was not ready within {HEALTHY_WITHIN_SECONDS:.0f} s")


def run_to_end(process: GuardedProcess, ending: threading.Event) -> None:
    """Run a process to its end, or until we are to end."""
    if ending.is_set():
        return
    process.start()
    while process.exit_code() is None and not ending.wait(POLL_SECONDS):
        pass
    if process.exit_code():
        raise _failure(process, "failed")


def watch(installation: Installation, ending: threading.Event) -> None:
    """Start again what dies, until we are to end."""
    while not ending.wait(POLL_SECONDS):
        if installation.server is not None and installation.server.exit_code() is not None:
            bear(installation.server, ending)
            _start_server(installation.server, installation.api_url, ending)
        if installation.worker.exit_code() is not None:
            bear(installation.worker, ending)
            # The guard has ended the worker's runs with it; registration frees their slots.
            run_to_end(installation.registration, ending)
            installation.worker.start()


def bear(process: GuardedProcess, ending: threading.Event) -> None:
    """Log a death and wait before the next try; raise when there were too many."""
    deaths = process.recent_deaths(DEATHS_WINDOW_SECONDS)
    if deaths > DEATHS_BORNE:
        raise _failure(process, f"ended {deaths} times within {DEATHS_WINDOW_SECONDS / 60:.0f} min")
    logger.warning("the Prefect %s ended with code %s; starting it again", process.name, process.exit_code())
    ending.wait(2.0 ** (deaths - 1))


def _failure(process: GuardedProcess, what: str) -> GovpulseError:
    typer.echo(process.last_lines(SHOWN_LINES), err=True)
    return GovpulseError(f"the Prefect {process.name} {what}; its last lines are above, all of them in {process.log}")


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """Two servers on one database would lock each other out."""
    with ExitStack() as stack:
        try:
            stack.enter_context(fair_lock(home.prefect / "up.lock", timeout_seconds=0.0))
        except GovpulseError as error:
            raise GovpulseError(
                f"another `govpulse up` serves {home.root}; end it, or set GOVPULSE_HOME to another folder"
            ) from error
        yield


@contextmanager
def _ending_signals() -> Iterator[threading.Event]:
    """An event that SIGINT, SIGTERM and SIGHUP set inside the block."""
    ending = threading.Event()
    signums = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {signum: signal.signal(signum, lambda *_: ending.set()) for signum in signums}
    try:
        yield ending
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
