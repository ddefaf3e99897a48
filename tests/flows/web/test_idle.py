"""Pages that nobody asks for end, and take no memory."""

import threading
import time
import urllib.request

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from flows.web.server import IdleWatch


async def ok(_: object) -> PlainTextResponse:
    return PlainTextResponse("ok")


def test_it_ends_once_nobody_has_asked_for_a_while() -> None:
    watch = IdleWatch(Starlette(routes=[Route("/", ok)]))
    server = uvicorn.Server(uvicorn.Config(watch, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    watch.asked = time.monotonic() + 3600
    watch.end_when_idle(server, after=0.2)
    time.sleep(1.0)
    assert not server.should_exit, "somebody has just asked"
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == b"ok"
    thread.join(30)
    assert not thread.is_alive(), "the request put the clock back to now"
