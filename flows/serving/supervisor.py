"""Everything on schedule: a Prefect server, the deployments of prefect.yaml, a worker and our own pages, until Ctrl-C.

The end has an order: worker and flow runs first, while the server still takes their last states, then the server. A child that
dies is started again. So is the server: its database and leases are on disk, and worker and runs bear a gap of some seconds.
Writes under `GOVPULSE_HOME/prefect`: database, logs, secret, `api_url`.
"""

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flows.printing import say
from flows.serving.api_auth import api_auth_file
from flows.serving.follower import Follower
from flows.serving.guarded_process import GuardedProcess
from flows.serving.installation import Installation, Serving, plan
from flows.serving.invitation import invite, invite_elsewhere, invite_to_pages
from flows.serving.prefect_database import DamageWatch, is_elsewhere, prepare_database
from flows.serving.prefect_schema import lay_out
from flows.serving.prefect_server import (
    POLL_SECONDS,
    Api,
    announce,
    api_url_file,
    running_api,
    server_failure,
    server_lock,
    start_server,
)
from storage.errors import GovpulseError
from storage.home import Home
from storage.lock import BusyError, fair_lock
from storage.room import mind_the_disk, with_reserve

logger = logging.getLogger(__name__)

DEATHS_BORNE = 5
DEATHS_WINDOW_SECONDS = 600.0
TURN_SECONDS = 3600.0
LOOK_SECONDS = 1.0
ON_LOOPBACK = Serving()


def supervise(
    home: Home,
    project: Path,
    *,
    serving: Serving = ON_LOOPBACK,
    config: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    named: Collection[str] = (),
) -> int:
    """Run everything until SIGINT, SIGTERM or SIGHUP; return 0. Call it from the main thread.

    Args:
        project: the folder of prefect.yaml and flows/.
        serving: where our server listens. When `environment` names PREFECT_API_URL no server is started, and deployments and
            worker are registered with that one.
        config: the settings file that the flow runs read.
        named: variables that the settings name, which the flow runs need.

    Raises:
        GovpulseError: the port is taken, another `up` serves this home, `project` has no prefect.yaml, or a process cannot be
            started or kept alive.
    """
    home = Home(home.root.resolve())
    with_reserve(home, home.create)
    mind_the_disk(home)
    with _ending_signals() as ending, _only_one(home, ending):
        if ending.is_set():
            return 0
        installation = plan(home, project.resolve(), serving, config, environment, named)
        try:
            _bring_up(installation, home, serving, ending, environment)
            watch(installation, ending, home, environment)
            say("Stopping the worker and its runs, then the server.")
        finally:
            api_url_file(home).unlink(missing_ok=True)
            installation.stop()
    return 0


def _bring_up(
    installation: Installation, home: Home, serving: Serving, ending: threading.Event, environment: Mapping[str, str]
) -> None:
    if installation.server is not None:
        say(f"Starting the Prefect server at {installation.api_url}")
        prepare_database(home, environment)
        lay_out(home, environment)
        start_server(installation.server, installation.api_url, ending)
    _put_to_work(installation, ending)
    if ending.is_set():
        return
    announce(home, Api(installation.api_url, is_own=installation.server is not None))
    _tell(installation, home, serving)


def _put_to_work(installation: Installation, ending: threading.Event) -> None:
    """Register everything and start the worker."""
    run_to_end(installation.registration, ending)
    run_to_end(installation.deployments, ending)
    if not ending.is_set():
        installation.worker.start()


def _tell(installation: Installation, home: Home, serving: Serving) -> None:
    auth, is_private = installation.auth, sys.stdout.isatty()
    own = invite(installation.api_url, auth, api_auth_file(home), serving.host, is_private=is_private)
    for line in own if installation.server is not None else invite_elsewhere(installation.api_url):
        say(line)
    if installation.pages is not None:
        say(invite_to_pages(installation.pages.url, installation.pages.auth, api_auth_file(home), is_private=is_private))
    say("The deployments in prefect.yaml run on schedule. Ctrl-C stops everything.")
    say(f"Logs: {installation.worker.log.parent}")


def run_to_end(process: GuardedProcess, ending: threading.Event) -> None:
    """Run a process to its end, or until we are to end."""
    if ending.is_set():
        return
    process.start()
    while process.exit_code() is None and not ending.wait(POLL_SECONDS):
        pass
    if process.exit_code():
        raise server_failure(process.name, process.log, "failed")


def watch(installation: Installation, ending: threading.Event, home: Home, environment: Mapping[str, str]) -> None:
    """Start again what dies, and a server whose database is damaged, until we are to end."""
    server = installation.server
    damaged = None if server is None or is_elsewhere(environment) else DamageWatch(home, server.log)
    console = Follower(installation.console)
    while not ending.wait(POLL_SECONDS):
        for line in console.lines():
            say(line)
        mind_the_disk(home)  # Prefect may be what cannot write, and then no flow run gets as far as that
        if server is not None and (server.exit_code() is not None or (damaged and damaged.sees_damage())):
            bear(server, ending)
            _start_again(installation, server, ending, home, environment)
        _mind_pages(installation)
        if installation.worker.exit_code() is not None:
            bear(installation.worker, ending)
            # The guard has ended the worker's runs with it; registration frees their slots.
            run_to_end(installation.reregistration, ending)
            installation.worker.start()


def _mind_pages(installation: Installation) -> None:
    """Start the pages when somebody wants one, and again when they died; they end by themselves when nobody has for a while. If
    they keep dying they stay off: everything else goes on without them."""
    pages = installation.pages
    if pages is None or len(pages.process.deaths) > DEATHS_BORNE or pages.process.is_running or not is_awaited(pages.listening):
        return
    code = pages.process.exit_code()
    if code and pages.process.recent_deaths(DEATHS_WINDOW_SECONDS) > DEATHS_BORNE:
        said = "the pages keep ending (code %s) and stay off until `govpulse up` is started again: see %s"
        logger.error(said, code, pages.process.log)
        return
    if code:
        logger.warning("the pages ended with code %s; starting them again", code)
    pages.process.start()


def is_awaited(listening: socket.socket) -> bool:
    """Whether somebody has connected, and nobody has answered."""
    waiting, _, _ = select.select([listening], [], [], 0)
    return bool(waiting)


def _start_again(
    installation: Installation, server: GuardedProcess, ending: threading.Event, home: Home, environment: Mapping[str, str]
) -> None:
    """A server that still runs lets go of its database first; in a new one nothing is registered."""
    is_running = server.exit_code() is None
    if is_running:
        installation.worker.stop()
        server.stop()
    is_new = prepare_database(home, environment, thorough=is_running)
    lay_out(home, environment)
    if is_new:
        installation.worker.stop()
    start_server(server, installation.api_url, ending)
    if is_new or is_running:
        _put_to_work(installation, ending)


def bear(process: GuardedProcess, ending: threading.Event) -> None:
    """Log a death and wait before the next try; raise when there were too many."""
    deaths = process.recent_deaths(DEATHS_WINDOW_SECONDS)
    if deaths > DEATHS_BORNE:
        raise server_failure(process.name, process.log, f"ended {deaths} times within {DEATHS_WINDOW_SECONDS / 60:.0f} min")
    code = process.exit_code()
    what = "has a damaged database" if code is None else f"ended with code {code}"
    logger.warning("the %s %s; starting it again", process.name, what)
    ending.wait(2.0 ** (deaths - 1))


@contextmanager
def _only_one(home: Home, ending: threading.Event) -> Iterator[None]:
    """Two servers on one database would lock each other out: another `up` is refused, a `govpulse run` that has a server of its own
    is waited for."""
    with ExitStack() as stack:
        patience_ends, is_told = time.monotonic() + TURN_SECONDS, False
        while not ending.is_set():
            try:
                stack.enter_context(fair_lock(server_lock(home), timeout_seconds=LOOK_SECONDS))
                break
            except BusyError as error:
                if running_api(home) or time.monotonic() > patience_ends:
                    raise GovpulseError(
                        f"another `govpulse up` is running for {home.root}; stop it, or set GOVPULSE_HOME to another folder"
                    ) from error
            if not is_told:
                say("Waiting for a `govpulse run` in this home to finish.")
            is_told = True
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
