"""The pages as a process of `up`: `python -m flows.web.server FD HOST...`, on a socket that listens already.

`up` starts it when somebody connects; it ends when nobody has asked for a while.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.links import link_key
from flows.serving.api_auth import api_auth
from flows.settings import Settings, load_settings
from flows.web.app import make_app
from flows.web.desk import Desk
from storage.errors import GovpulseError, first_line

GRACE_SECONDS = 3
IDLE_SECONDS = 900.0
LOOK_SECONDS = 5.0


class IdleWatch:
    """ASGI middleware that knows when somebody last asked: whom nobody asks takes no memory."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.asked = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked = time.monotonic()
        await self.app(scope, receive, send)

    def end_when_idle(self, server: uvicorn.Server, after: float = IDLE_SECONDS) -> None:
        """Let the server end once nobody has asked for so long (s)."""

        def look() -> None:
            while not server.should_exit:
                time.sleep(min(after, LOOK_SECONDS))
                server.should_exit = server.should_exit or time.monotonic() - self.asked > after

        threading.Thread(target=look, daemon=True).start()


def desk_of(settings: Settings) -> Desk:
    """The installation that the settings name."""
    return Desk(
        settings.folder,
        settings.limits,
        api_auth(settings.folder, os.environ),
        link_key(settings),
        settings.alerts.runbook_base_url,
        is_encrypted=settings.web.url.startswith("https://"),
    )


def main(descriptor: int, hosts: Sequence[str]) -> None:
    """Serve on the listening socket `descriptor` until SIGTERM or SIGINT."""
    settings = load_settings()
    named = urlsplit(settings.web.url).hostname
    app = make_app(desk_of(settings), [*hosts, *([named] if named else [])])
    watch = IdleWatch(app)
    server = uvicorn.Server(
        uvicorn.Config(watch, log_level="warning", server_header=False, timeout_graceful_shutdown=GRACE_SECONDS)
    )
    watch.end_when_idle(server)
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), sys.argv[2:])
    except GovpulseError as error:
        sys.exit(f"govpulse: {first_line(error)}")
