"""The Prefect API for one `govpulse run`: that of a running `up`, or a server of its own that ends when the run does."""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from flows.serving.api_auth import api_auth
from flows.serving.prefect_database import prepare_database
from flows.serving.prefect_server import (
    LOOPBACK,
    Api,
    address,
    closed_server,
    listen,
    own_hosts,
    running_api,
    server_lock,
    start_server,
)
from storage.home import Home
from storage.lock import BusyError, fair_lock

TURN_SECONDS = 3600.0
LOOK_SECONDS = 2.0
# Neither pages nor schedules: Prefect has these words for a server that passes.
PASSING = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}


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
    with listen(LOOPBACK, 0) as listening:
        auth, api_url = api_auth(home, environment), address(LOOPBACK, listening.getsockname()[1])
        prepare_database(home, environment)
        server = closed_server(home, listening, own_hosts(LOOPBACK, environment), auth, {**environment, **PASSING})
        try:
            start_server(server, api_url, threading.Event())
            yield Api(api_url, is_own=True)
        finally:
            server.stop()
