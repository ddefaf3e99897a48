"""The pages as a process of `up`: `python -m flows.web.server FD HOST...`, on a socket that listens already."""

import os
import socket
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import uvicorn

from flows.links import link_key
from flows.serving.api_auth import api_auth
from flows.settings import Settings, load_settings
from flows.web.app import make_app
from flows.web.desk import Desk
from storage.errors import GovpulseError, first_line

GRACE_SECONDS = 3


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
    config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=GRACE_SECONDS)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), sys.argv[2:])
    except GovpulseError as error:
        sys.exit(f"govpulse: {first_line(error)}")
