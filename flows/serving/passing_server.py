"""The Prefect API for one `govpulse run`: that of a running `up`, or a server of its own that ends when the run does."""

import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from flows.serving.api_auth import api_auth
from flows.serving.environments import connection, server_environment
from flows.serving.prefect_database import prepare_database
from flows.serving.prefect_schema import lay_out
from flows.serving.prefect_server import (
    HEALTHY_WITHIN_SECONDS,
    LOOPBACK,
    Api,
    address,
    fresh_log,
    listen,
    own_hosts,
    running_api,
    server_failure,
    server_lock,
)
from storage.home import Home
from storage.lock import BusyError, fair_lock

if TYPE_CHECKING:
    import uvicorn

TURN_SECONDS = 3600.0
LOOK_SECONDS = 2.0
POLL_SECONDS = 0.05
GRACE_SECONDS = 3.0
PASSING = {
    # Neither pages nor schedules: Prefect has these words for a server that passes.
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    # Kinds of blocks are for whoever makes one, in the UI of an `up`, which enters them as it finds none noted as entered.
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "0",
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "0",
}
LOGGERS = ("prefect.server", "uvicorn")


@contextmanager
def api_for_a_run(home: Home, environment: Mapping[str, str] = os.environ) -> Iterator[Api]:
    """The API inside the block. Of runs that need a server of their own one at a time has its turn.

    Raises:
        BusyError: its turn did not come.
        GovpulseError: the server does not start.
    """
    with ExitStack() as held:
        yield running_or_turn(home, held) or held.enter_context(_passing_server(home, environment))


def running_or_turn(home: Home, held: ExitStack) -> Api | None:
    """The API of an `up`, or None once it is our turn to have a server, or to use the database without one."""
    patience_ends = time.monotonic() + TURN_SECONDS
    while True:
        if api := running_api(home):
            return api
        try:
            held.enter_context(fair_lock(server_lock(home), LOOK_SECONDS))
        except BusyError:
            if time.monotonic() > patience_ends:
                raise
        else:
            return None


@contextmanager
def _passing_server(home: Home, environment: Mapping[str, str]) -> Iterator[Api]:
    """In this process, for what Prefect's server and a run import is largely the same. The process's environment says from then on
    what server and run are to know: Prefect reads it as it is imported."""
    with listen(LOOPBACK, 0) as listening:
        auth, api_url = api_auth(home, environment), address(LOOPBACK, listening.getsockname()[1])
        hosts = own_hosts(LOOPBACK, environment)
        prepare_database(home, environment)
        lay_out(home, environment)
        origins = [f"http://{host}:{listening.getsockname()[1]}" for host in hosts]
        os.environ.update(server_environment({**environment, **PASSING}, home, auth, origins) | connection(home, api_url, auth))
        with serving(listening, hosts, fresh_log(home, "server")):
            yield Api(api_url, is_own=True)


@contextmanager
def serving(listening: socket.socket, hosts: Sequence[str], log: Path) -> Iterator[None]:
    """The server, in a thread inside the block; what it and uvicorn have to say goes into `log`.

    Raises:
        GovpulseError: it did not become ready.
    """
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()
    from flows.serving.closed_server import make_server

    server = make_server(hosts, log_config=None, lifespan="on")
    with logging_into(log):
        thread = Thread(target=_serve, args=(server, listening), name="prefect-server", daemon=True)
        thread.start()
        try:
            _await_start(server, thread, log)
            yield
        finally:
            server.should_exit = True
            thread.join(GRACE_SECONDS)


def _serve(server: "uvicorn.Server", listening: socket.socket) -> None:
    """What ends it goes into its log: nobody else hears of what a thread raises."""
    try:
        server.run(sockets=[listening])
    except SystemExit:  # it did not start, and has logged why
        return
    except Exception:
        logging.getLogger("uvicorn.error").exception("the server ended")


def _await_start(server: "uvicorn.Server", thread: Thread, log: Path) -> None:
    patience_ends = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while not server.started:
        if not thread.is_alive():
            raise server_failure("server", log, "ended before it was ready")
        if time.monotonic() > patience_ends:
            raise server_failure("server", log, f"was not ready within {HEALTHY_WITHIN_SECONDS:.0f} s")
        thread.join(POLL_SECONDS)


@contextmanager
def logging_into(log: Path) -> Iterator[None]:
    """Warnings of Prefect's server and of uvicorn go into `log` inside the block."""
    handler = logging.FileHandler(log, encoding="utf-8")
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()
