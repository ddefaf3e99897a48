"""Prefect's server, closed: it answers under its own names, to its own pages, and to who knows the secret.

What Prefect itself does: every request needs the secret (`PREFECT_SERVER_API_AUTH_STRING`), `/api/health`, `/api/ready` and the
static UI aside. What is added here: names of other hosts are refused, so that no foreign name can be made to point at us (DNS
rebinding); so is what a page of another origin asks for; no page may show ours in a frame, and ours talk to nobody else; and a page
takes the secret from the link that `up` prints. Run as `python -m flows.serving.closed_server FD HOST...`, on a socket that listens
already.
"""

import base64
import hashlib
import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from flows.serving.invitation import SIGN_IN
from flows.serving.own_pages import OwnPages
from flows.serving.retention import keep_small

# Both UIs of Prefect look for the secret under this key. The part of a link behind # goes to no server and no log.
SCRIPT = (
    "localStorage.setItem('prefect-password', btoa(decodeURIComponent(location.hash.slice(1))));"
    "location.replace(location.pathname.replace(/sign-in$/, ''));"
)
PAGE = f"<!doctype html><meta charset=utf-8><title>govpulse</title><script>{SCRIPT}</script>Signing in; this needs JavaScript."
SCRIPT_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
DOCUMENTATION = frozenset(("/docs", "/redoc", "/docs/oauth2-redirect", "/openapi.json"))
"""FastAPI's own pages, of which some load scripts from elsewhere into our origin."""
# Prefect's page would ask a service elsewhere how to record what its users do, and a picture in an artifact may name any server.
# Its graph of a run compiles shaders' code: unsafe-eval.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; object-src 'none';"
    " img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; base-uri 'self'; form-action 'self';"
    " frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def closed(app: FastAPI, hosts: Sequence[str]) -> ASGIApp:
    """`app` for requests under the names `hosts`, from its own pages or from no page at all. It is put behind a door, not changed:
    Prefect's own services call it from within, under a name that nobody has."""
    pages = [route.app for route in app.router.routes if isinstance(route, Mount) and isinstance(route.app, FastAPI)]
    for each in (app, *pages):
        each.router.routes[:] = [route for route in each.router.routes if getattr(route, "path", None) not in DOCUMENTATION]
    app.router.routes.insert(0, Route(SIGN_IN, sign_in))
    return TrustedHostMiddleware(OwnPages(app, HEADERS), allowed_hosts=[*hosts], www_redirect=False)


def sign_in(_: Request) -> HTMLResponse:
    """The page that takes the secret from the link."""
    policy = f"default-src 'none'; script-src 'sha256-{SCRIPT_HASH}'; frame-ancestors 'none'"
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"})


def make_server(hosts: Sequence[str], **options: Any) -> uvicorn.Server:
    """The server that answers under the names `hosts`, as Prefect's settings have it.

    Args:
        options: what uvicorn is told beside that.
    """
    keep_small()
    settings = get_current_settings().server
    config = uvicorn.Config(
        closed(create_app(final=True), hosts),
        log_level=settings.logging_level.lower(),
        server_header=False,
        timeout_keep_alive=settings.api.keepalive_timeout,
        **options,
    )
    return uvicorn.Server(config)


def main(descriptor: int, hosts: Sequence[str]) -> None:
    """Serve on the listening socket `descriptor` until SIGTERM or SIGINT."""
    make_server(hosts).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
